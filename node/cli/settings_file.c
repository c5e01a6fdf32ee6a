/* Reading NAME=value lines. */
#include "node/cli/settings_file.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span text)
{
    while (text.length > 0 && is_blank(text.bytes[0])) {
        text = span_of(text.bytes + 1, text.length - 1);
    }
    while (text.length > 0 && is_blank(text.bytes[text.length - 1])) {
        text.length--;
    }
    return text;
}

static struct span take_line(struct span *rest)
{
    const uint8_t *end = memchr(rest->bytes, '\n', rest->length);
    size_t chars = end != NULL ? (size_t)(end - rest->bytes) : rest->length;
    struct span line = span_of(rest->bytes, chars);
    size_t taken = chars + (end != NULL);
    *rest = span_of(rest->bytes + taken, rest->length - taken);
    return line;
}

static struct span unquote(struct span value)
{
    if (value.length < 2) return value;
    uint8_t mark = value.bytes[0];
    if ((mark != '"' && mark != '\'') || value.bytes[value.length - 1] != mark) return value;
    return span_of(value.bytes + 1, value.length - 2);
}

static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.bytes[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!is_letter && !(i > 0 && c >= '0' && c <= '9')) return false;
    }
    return name.length > 0;
}

int settings_file_next(struct span *rest, size_t *line, struct span *name, struct span *value)
{
    static const char export_word[] = "export ";
    while (rest->length > 0) {
        struct span text = trim(take_line(rest));
        *line += 1;
        if (text.length == 0 || text.bytes[0] == '#') continue;
        if (span_has_prefix(text, span_text(export_word))) {
            text = trim(span_of(text.bytes + sizeof export_word - 1, text.length - (sizeof export_word - 1)));
        }
        const uint8_t *equals = memchr(text.bytes, '=', text.length);
        if (equals == NULL) return -1;
        size_t name_chars = (size_t)(equals - text.bytes);
        *name = trim(span_of(text.bytes, name_chars));
        *value = unquote(trim(span_of(equals + 1, text.length - name_chars - 1)));
        return is_name(*name) ? 1 : -1;
    }
    return 0;
}
