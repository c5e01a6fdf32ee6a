/* A name and a value each. */
#include "node/request/admin_write.h"

#include <assert.h>
#include <stdio.h>

enum { SHOWN_BYTES_MAX = 300 };

void admin_write_text(struct http_json_writer *writer, const char *name, struct span text)
{
    char plain[SHOWN_BYTES_MAX];
    http_json_name(writer, name);
    if (http_is_utf8(http_span(text))) {
        http_json_string(writer, http_span(text));
        return;
    }
    size_t length = text.length < sizeof plain ? text.length : sizeof plain;
    for (size_t i = 0; i < length; i++)
        plain[i] = (char)(text.bytes[i] < 0x80 ? text.bytes[i] : '?');
    http_json_string(writer, (struct http_span){plain, length});
}

void admin_write_u64(struct http_json_writer *writer, const char *name, uint64_t number)
{
    http_json_name(writer, name);
    http_json_u64(writer, number < INT64_MAX ? number : INT64_MAX);
}

void admin_write_bool(struct http_json_writer *writer, const char *name, bool value)
{
    http_json_name(writer, name);
    http_json_bool(writer, value);
}

void admin_write_null(struct http_json_writer *writer, const char *name)
{
    http_json_name(writer, name);
    http_json_null(writer);
}

void admin_write_hex(struct http_json_writer *writer, const char *name, const uint8_t *bytes, size_t length)
{
    char text[64];
    assert(2 * length <= sizeof text);
    hash_hex(bytes, length, text);
    admin_write_text(writer, name, span_of(text, 2 * length));
}

void admin_write_time(struct http_json_writer *writer, const char *name, uint64_t time_us)
{
    const uint64_t last_s = 253402300799; /* of the year 9999: other nodes' documents may claim any time */
    char compact[SIGV4_DATETIME_CHARS];
    char text[32];
    uint64_t time_s = time_us / 1000000;
    sigv4_datetime_encode(time_s < last_s ? time_s : last_s, compact);
    int length = snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", compact, compact + 4, compact + 6,
                          compact + 9, compact + 11, compact + 13);
    admin_write_text(writer, name, span_of(text, (size_t)length));
}
