/* Taking lines and trimming. */
#include "node/cli/lines.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span lines_take(struct span *rest)
{
    if (rest->length == 0) return *rest;
    const uint8_t *end = memchr(rest->bytes, '\n', rest->length);
    size_t chars = end != NULL ? (size_t)(end - rest->bytes) : rest->length;
    struct span line = span_of(rest->bytes, chars);
    size_t taken = chars + (end != NULL);
    *rest = span_of(rest->bytes + taken, rest->length - taken);
    return line;
}

struct span lines_trim(struct span text)
{
    while (text.length > 0 && is_blank(text.bytes[0])) {
        text = span_of(text.bytes + 1, text.length - 1);
    }
    while (text.length > 0 && is_blank(text.bytes[text.length - 1])) {
        text.length--;
    }
    return text;
}
