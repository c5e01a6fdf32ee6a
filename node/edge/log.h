/* The log: one logfmt line per event, on a file descriptor.
 *
 *     time=2026-01-02T03:04:05.678Z level=info msg=ready k2v=http://127.0.0.1:3904
 *
 * A line is built field by field and written with one write(2), so lines of several threads never mix. Values are
 * quoted and escaped when needed: whatever bytes a client or a peer put into one, it stays one field of one line.
 * Secrets, keys and values of clients are not for the log; that is the callers' to keep.
 */
#ifndef NODE_EDGE_LOG_H
#define NODE_EDGE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/* A line with its newline; a longer one is cut, and says so as its last field. Below PIPE_BUF, so that a pipe
 * keeps it whole. */
enum { LOG_LINE_BYTES_MAX = 2048 };

/* Where lines go. Immutable after log_init() but for the level: threads may share it. */
struct log {
    int fd;
    _Atomic(enum log_level) level; /* lines above it are not written */
    uint64_t (*wall_ms)(void); /* milliseconds since 1970 UTC; the machine's clock unless a test puts another */
};

/* One line under construction, on the caller's stack. */
struct log_line {
    const struct log *log;
    bool is_wanted; /* false: the level is filtered, every call does nothing */
    bool is_cut;
    size_t length;
    char text[LOG_LINE_BYTES_MAX];
};

/* The descriptor is borrowed and never closed here. */
void log_init(struct log *log, int fd, enum log_level level);

/* Another level, from the next line on; any thread may log meanwhile. */
void log_set_level(struct log *log, enum log_level level);

/* Whether a line of `level` would be written: for callers to whom a field is costly. */
bool log_is_wanted(const struct log *log, enum log_level level);

/* Begin a line. `event` is its msg field: a few constant words. */
void log_begin(struct log_line *line, const struct log *log, enum log_level level, const char *event);

/* Add one field. `key` is a constant of the program: letters, digits, underscores (asserted). */
void log_text(struct log_line *line, const char *key, const char *value);
void log_span(struct log_line *line, const char *key, struct span value);
void log_u64(struct log_line *line, const char *key, uint64_t value);
void log_i64(struct log_line *line, const char *key, int64_t value);
void log_bool(struct log_line *line, const char *key, bool value);

/* Write the line. A line the descriptor does not take is lost: the log never stops the node. */
void log_end(struct log_line *line);

/* A whole line without fields, or with one text. */
void log_event(const struct log *log, enum log_level level, const char *event);
void log_event_text(const struct log *log, enum log_level level, const char *event, const char *key,
                    const char *value);

/* "error", "warn", "info", "debug". */
const char *log_level_name(enum log_level level);

/* The level of such a name; false for any other text, with `level` untouched. */
bool log_level_decode(const char *name, enum log_level *level);

#endif
