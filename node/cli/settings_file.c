/* Reading NAME=value lines. */
#include "node/cli/settings_file.h"

#include "node/cli/lines.h"

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
        struct span text = lines_trim(lines_take(rest));
        *line += 1;
        if (text.length == 0 || text.bytes[0] == '#') continue;
        if (span_has_prefix(text, span_text(export_word))) {
            text = lines_trim(
                span_of(text.bytes + sizeof export_word - 1, text.length - (sizeof export_word - 1)));
        }
        const uint8_t *equals = memchr(text.bytes, '=', text.length);
        if (equals == NULL) return -1;
        size_t name_chars = (size_t)(equals - text.bytes);
        *name = lines_trim(span_of(text.bytes, name_chars));
        *value = unquote(lines_trim(span_of(equals + 1, text.length - name_chars - 1)));
        return is_name(*name) ? 1 : -1;
    }
    return 0;
}
