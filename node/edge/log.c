/* The log, field by field into a bounded line. Once a field does not fit, the line is cut there; the room for its
 * end is kept from the start. */
#include "node/edge/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Room for fields: the rest is kept for the longest end that a line can have. */
enum { LOG_ROOM_BYTES = LOG_LINE_BYTES_MAX - (sizeof "\" cut=true\n" - 1) };

static uint64_t machine_wall_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void log_init(struct log *log, int fd, enum log_level level)
{
    log->fd = fd;
    log->wall_ms = machine_wall_ms;
    log_set_level(log, level);
}

void log_set_level(struct log *log, enum log_level level)
{
    atomic_store_explicit(&log->level, level, memory_order_relaxed);
}

bool log_is_wanted(const struct log *log, enum log_level level)
{
    return level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* Append all of `bytes`, or nothing: an escape or a key is never cut in two. */
static bool append(struct log_line *line, const char *bytes, size_t length)
{
    if (line->is_cut || line->length + length > LOG_ROOM_BYTES) { /* a closing quote may stand beyond the room */
        line->is_cut = true;
        return false;
    }
    memcpy(line->text + line->length, bytes, length);
    line->length += length;
    return true;
}

static bool append_text(struct log_line *line, const char *text)
{
    return append(line, text, strlen(text));
}

static bool is_plain(uint8_t byte)
{
    return byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\' && byte != '=';
}

static bool append_escaped(struct log_line *line, uint8_t byte)
{
    char escape[5];
    switch (byte) {
    case '"': return append_text(line, "\\\"");
    case '\\': return append_text(line, "\\\\");
    case '\n': return append_text(line, "\\n");
    case '\r': return append_text(line, "\\r");
    case '\t': return append_text(line, "\\t");
    default: break;
    }
    if (byte >= ' ' && byte < 0x7f) return append(line, (const char *)&byte, 1);
    snprintf(escape, sizeof escape, "\\x%02x", byte);
    return append(line, escape, 4);
}

/* A value: as it is when every byte is plain, else quoted, with everything that could end the quotes or the line,
 * or speak to a terminal, escaped. Its closing quote goes into the room kept for it. */
static void append_value(struct log_line *line, struct span value)
{
    size_t plain = 0;
    while (plain < value.length && is_plain(value.bytes[plain])) {
        plain++;
    }
    bool is_quoted = plain < value.length || value.length == 0;
    if (is_quoted && !append_text(line, "\"")) return;
    for (size_t i = 0; i < value.length; i++) {
        if (!append_escaped(line, value.bytes[i])) break;
    }
    if (is_quoted) line->text[line->length++] = '"';
}

static bool is_key(const char *key)
{
    static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return key[0] != '\0' && key[strspn(key, ALLOWED)] == '\0';
}

static void append_key(struct log_line *line, const char *key)
{
    assert(is_key(key));

    char text[64];
    int length = snprintf(text, sizeof text, "%s%s=", line->length > 0 ? " " : "", key);
    assert(length > 0 && (size_t)length < sizeof text);
    append(line, text, (size_t)length);
}

/* 2026-01-02T03:04:05.678Z */
static void append_time(struct log_line *line, uint64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};
    char text[64];
    gmtime_r(&seconds, &parts);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", parts.tm_year + 1900, parts.tm_mon + 1,
             parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (unsigned)(wall_ms % 1000));
    append_text(line, text);
}

void log_begin(struct log_line *line, const struct log *log, enum log_level level, const char *event)
{
    line->log = log;
    line->is_wanted = log_is_wanted(log, level);
    line->is_cut = false;
    line->length = 0;
    if (!line->is_wanted) return;

    append_key(line, "time");
    append_time(line, log->wall_ms());
    log_text(line, "level", log_level_name(level));
    log_text(line, "msg", event);
}

void log_span(struct log_line *line, const char *key, struct span value)
{
    if (!line->is_wanted || line->is_cut) return;
    size_t before = line->length;
    append_key(line, key);
    if (!line->is_cut) append_value(line, value);
    if (line->is_cut && line->text[line->length - 1] == '=') line->length = before; /* nothing of it fitted */
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    log_span(line, key, span_text(value));
}

void log_u64(struct log_line *line, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    log_text(line, key, text);
}

void log_i64(struct log_line *line, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    log_text(line, key, text);
}

void log_bool(struct log_line *line, const char *key, bool value)
{
    log_text(line, key, value ? "true" : "false");
}

void log_end(struct log_line *line)
{
    if (!line->is_wanted) return;
    line->is_wanted = false;
    const char *end = line->is_cut ? " cut=true\n" : "\n";
    memcpy(line->text + line->length, end, strlen(end));
    line->length += strlen(end);
    assert(line->length <= LOG_LINE_BYTES_MAX);

    ssize_t written;
    do {
        written = write(line->log->fd, line->text, line->length);
    } while (written < 0 && errno == EINTR);
}

void log_event(const struct log *log, enum log_level level, const char *event)
{
    struct log_line line;
    log_begin(&line, log, level, event);
    log_end(&line);
}

void log_event_text(const struct log *log, enum log_level level, const char *event, const char *key,
                    const char *value)
{
    struct log_line line;
    log_begin(&line, log, level, event);
    log_text(&line, key, value);
    log_end(&line);
}

const char *log_level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR: return "error";
    case LOG_LEVEL_WARN: return "warn";
    case LOG_LEVEL_INFO: return "info";
    case LOG_LEVEL_DEBUG: return "debug";
    }
    return "unknown";
}

bool log_level_decode(const char *name, enum log_level *level)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(name, log_level_name((enum log_level)i)) != 0) continue;
        *level = (enum log_level)i;
        return true;
    }
    return false;
}
