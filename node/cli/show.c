/* What is printable, and the quoting of what is not. */
#include "node/cli/show.h"

#include "node/cli/say.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium/utils.h>
#include <stdio.h>

#define DELETED_MARK "(deleted)"
#define BASE64_MARK  "base64:"

/* The code point at the start of `text` and its bytes; 0 bytes for what is no UTF-8. */
static size_t code_point(struct span text, uint32_t *point)
{
    const uint8_t *at = text.bytes;
    uint8_t first = at[0];
    size_t bytes = first < 0x80   ? 1
                   : first < 0xc2 ? 0
                   : first < 0xe0 ? 2
                   : first < 0xf0 ? 3
                   : first < 0xf5 ? 4
                                  : 0;
    if (bytes == 0 || bytes > text.length) return 0;

    *point = bytes == 1 ? first : first & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        *point = *point << 6 | (at[i] & 0x3f);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (*point < least[bytes] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff)) return 0;
    return bytes;
}

static bool is_printable_point(uint32_t point, bool has_lines)
{
    if (point == '\n' || point == '\t') return has_lines;
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
    bool is_line_end = point == 0x2028 || point == 0x2029;
    bool turns_text = point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
                      (point >= 0x2066 && point <= 0x2069);
    return !is_line_end && !turns_text && point != 0xfeff;
}

bool show_is_printable(struct span text, bool has_lines)
{
    for (size_t i = 0; i < text.length;) {
        uint32_t point = 0;
        size_t bytes = code_point(span_of(text.bytes + i, text.length - i), &point);
        if (bytes == 0 || !is_printable_point(point, has_lines)) return false;
        i += bytes;
    }
    return true;
}

void show_make_printable(char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        uint32_t point = 0;
        size_t bytes = code_point(span_of(text + i, length - i), &point);
        if (bytes == 0 || !is_printable_point(point, true)) {
            memset(text + i, '?', bytes == 0 ? 1 : bytes);
        }
        i += bytes == 0 ? 1 : bytes;
    }
}

/* A JSON string in which nothing is left that is not printable. */
static void add_json_string(struct buffer *out, struct span text)
{
    buffer_add_text(out, "\"");
    for (size_t i = 0; i < text.length;) {
        uint32_t point = 0;
        size_t bytes = code_point(span_of(text.bytes + i, text.length - i), &point);
        char escape[16];
        if (bytes == 0) {
            buffer_add_text(out, "\xef\xbf\xbd");
        } else if (point == '"' || point == '\\') {
            snprintf(escape, sizeof escape, "\\%c", (char)point);
            buffer_add_text(out, escape);
        } else if (point == '\n' || point == '\t' || point == '\r') {
            buffer_add_text(out, point == '\n' ? "\\n" : point == '\t' ? "\\t" : "\\r");
        } else if (!is_printable_point(point, false)) { /* all of them are below U+10000 */
            snprintf(escape, sizeof escape, "\\u%04" PRIx32, point);
            buffer_add_text(out, escape);
        } else {
            buffer_add(out, text.bytes + i, bytes);
        }
        i += bytes == 0 ? 1 : bytes;
    }
    buffer_add_text(out, "\"");
}

static bool has_edge_blank(struct span text)
{
    return text.length > 0 && (text.bytes[0] == ' ' || text.bytes[text.length - 1] == ' ');
}

void show_key(struct buffer *out, struct span key)
{
    bool is_plain = key.length > 0 && key.bytes[0] != '"' && !has_edge_blank(key) && show_is_printable(key, false);
    if (is_plain) {
        buffer_add_span(out, key);
    } else {
        add_json_string(out, key);
    }
}

static bool looks_like_mark(struct span text)
{
    return span_has_prefix(text, span_text(BASE64_MARK)) || span_is_equal(text, span_text(DELETED_MARK));
}

static void add_marked_base64(struct buffer *out, struct span value)
{
    buffer_add_text(out, BASE64_MARK);
    show_base64(out, value);
}

void show_value(struct buffer *out, struct span value)
{
    if (value.bytes == NULL) {
        buffer_add_text(out, DELETED_MARK);
    } else if (show_is_printable(value, true) && !looks_like_mark(value)) {
        buffer_add_span(out, value);
    } else {
        add_marked_base64(out, value);
    }
}

/* The end of the first `chars_max` code points of printable text. */
static size_t cut_at(struct span text, size_t chars_max)
{
    size_t at = 0;
    for (size_t chars = 0; at < text.length; chars++) {
        if (chars == chars_max) return at;
        uint32_t point = 0;
        at += code_point(span_of(text.bytes + at, text.length - at), &point);
    }
    return at;
}

void show_value_line(struct buffer *out, struct span value, size_t chars_max)
{
    size_t start = out->length;
    if (value.bytes == NULL) {
        buffer_add_text(out, DELETED_MARK);
        return;
    }
    if (!show_is_printable(value, true)) {
        add_marked_base64(out, value);
    } else if (looks_like_mark(value)) {
        add_json_string(out, value);
    } else {
        show_key(out, value); /* the same rules: one line, quoted when it must be */
    }
    size_t end = chars_max == 0 ? out->length - start
                                : cut_at(span_of(out->bytes + start, out->length - start), chars_max);
    if (end < out->length - start) {
        out->length = start + end;
        char size[48];
        snprintf(size, sizeof size, "… (%zu bytes)", value.length);
        buffer_add_text(out, size);
    }
}

void show_shell_word(struct buffer *out, struct span text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+=,";
    bool is_plain = text.length > 0;
    for (size_t i = 0; i < text.length && is_plain; i++) {
        is_plain = text.bytes[i] != '\0' && strchr(plain, text.bytes[i]) != NULL;
    }
    if (is_plain) {
        buffer_add_span(out, text);
        return;
    }
    bool is_printable = show_is_printable(text, false);
    buffer_add_text(out, is_printable ? "'" : "$'");
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        char escape[8];
        if (byte == '\'') {
            buffer_add_text(out, is_printable ? "'\\''" : "\\'");
        } else if (is_printable) {
            buffer_add(out, &byte, 1);
        } else if (byte == '\\') {
            buffer_add_text(out, "\\\\");
        } else if (byte < 0x20 || byte >= 0x7f) {
            snprintf(escape, sizeof escape, "\\x%02x", byte);
            buffer_add_text(out, escape);
        } else {
            buffer_add(out, &byte, 1);
        }
    }
    buffer_add_text(out, "'");
}

void show_base64(struct buffer *out, struct span bytes)
{
    size_t chars = sodium_base64_ENCODED_LEN(bytes.length, sodium_base64_VARIANT_ORIGINAL); /* with its NUL */
    char *at = buffer_room(out, chars);
    sodium_bin2base64(at, chars, bytes.bytes, bytes.length, sodium_base64_VARIANT_ORIGINAL);
    out->length += chars - 1;
}

bool show_unbase64(struct buffer *out, struct span text)
{
    size_t bytes_max = text.length / 4 * 3;
    char *at = buffer_room(out, bytes_max);
    size_t bytes = 0;
    const char *end = NULL;
    const char *chars = (const char *)text.bytes;
    bool is_whole = sodium_base642bin((unsigned char *)at, bytes_max, chars, text.length, NULL, &bytes, &end,
                                      sodium_base64_VARIANT_ORIGINAL) == 0 &&
                    (size_t)(end - chars) == text.length;
    if (is_whole) out->length += bytes;
    out->bytes[out->length] = '\0';
    return is_whole;
}

size_t show_width(struct span text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.length; i++) {
        width += (text.bytes[i] & 0xc0) != 0x80;
    }
    return width;
}
