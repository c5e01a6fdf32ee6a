/* The streaming writer: a JSON document, piece by piece, in the form the reference's service gives it. */
#include "http/json.h"

#include <assert.h>
#include <string.h>

/* --- the output ----------------------------------------------------------------------------------------- */

/* Room for `length` further bytes, or the output fails for good. */
static bool has_room(struct http_out *out, size_t length)
{
    if (out->failed) return false;
    if (out->capacity - out->used >= length) return true;
    out->failed = out->more == NULL || !out->more(out, length);
    assert(out->failed || out->capacity - out->used >= length);
    return !out->failed;
}

void http_out_add(struct http_out *out, const char *bytes, size_t length)
{
    if (length == 0 || !has_room(out, length)) return;
    memcpy(out->bytes + out->used, bytes, length);
    out->used += length;
}

static void add_text(struct http_out *out, const char *text)
{
    http_out_add(out, text, strlen(text));
}

/* --- structure ------------------------------------------------------------------------------------------ */

void http_json_writer_init(struct http_json_writer *writer, struct http_out *out)
{
    *writer = (struct http_json_writer){.out = out};
    writer->is_empty[0] = true;
}

static void add_new_line(struct http_json_writer *writer)
{
    static const char line[1 + 2 * HTTP_JSON_WRITER_DEPTH_MAX + 1] = "\n                ";
    http_out_add(writer->out, line, 1 + 2 * (size_t)writer->depth);
}

/* Behind a name a value follows at once; in a container it begins a line of its own. */
static void begin_value(struct http_json_writer *writer)
{
    if (writer->has_name) {
        writer->has_name = false;
        return;
    }
    if (writer->depth > 0) {
        if (!writer->is_empty[writer->depth]) add_text(writer->out, ",");
        add_new_line(writer);
    } else {
        assert(writer->is_empty[0]); /* one document, one value */
    }
    writer->is_empty[writer->depth] = false;
}

static void begin_container(struct http_json_writer *writer, const char *bracket)
{
    assert(writer->depth < HTTP_JSON_WRITER_DEPTH_MAX);
    begin_value(writer);
    add_text(writer->out, bracket);
    writer->is_empty[++writer->depth] = true;
}

static void end_container(struct http_json_writer *writer, const char *bracket)
{
    assert(writer->depth > 0 && !writer->has_name);
    bool was_empty = writer->is_empty[writer->depth--];
    if (!was_empty) add_new_line(writer);
    add_text(writer->out, bracket);
}

void http_json_begin_object(struct http_json_writer *writer)
{
    begin_container(writer, "{");
}

void http_json_end_object(struct http_json_writer *writer)
{
    end_container(writer, "}");
}

void http_json_begin_array(struct http_json_writer *writer)
{
    begin_container(writer, "[");
}

void http_json_end_array(struct http_json_writer *writer)
{
    end_container(writer, "]");
}

void http_json_name(struct http_json_writer *writer, const char *name)
{
    assert(writer->depth > 0 && !writer->has_name);
    http_json_text(writer, name);
    add_text(writer->out, ": ");
    writer->has_name = true;
}

/* --- scalars -------------------------------------------------------------------------------------------- */

static bool needs_escape(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

static void add_escape(struct http_out *out, char c)
{
    switch (c) {
    case '"': add_text(out, "\\\""); return;
    case '\\': add_text(out, "\\\\"); return;
    case '\b': add_text(out, "\\b"); return;
    case '\t': add_text(out, "\\t"); return;
    case '\n': add_text(out, "\\n"); return;
    case '\f': add_text(out, "\\f"); return;
    case '\r': add_text(out, "\\r"); return;
    default: break;
    }
    const char *digits = "0123456789abcdef";
    const char escape[6] = {'\\', 'u', '0', '0', digits[(unsigned char)c / 16], digits[(unsigned char)c % 16]};
    http_out_add(out, escape, sizeof escape);
}

void http_json_string(struct http_json_writer *writer, struct http_span text)
{
    begin_value(writer);
    add_text(writer->out, "\"");
    size_t written = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (!needs_escape(text.at[i])) continue;
        http_out_add(writer->out, text.at + written, i - written);
        add_escape(writer->out, text.at[i]);
        written = i + 1;
    }
    if (written < text.length) http_out_add(writer->out, text.at + written, text.length - written);
    add_text(writer->out, "\"");
}

void http_json_string_or_null(struct http_json_writer *writer, struct http_span text)
{
    if (text.at == NULL) {
        http_json_null(writer);
    } else {
        http_json_string(writer, text);
    }
}

void http_json_text(struct http_json_writer *writer, const char *text)
{
    http_json_string(writer, (struct http_span){text, strlen(text)});
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes to four chars. */
static void encode_quantum(const unsigned char *bytes, char *text)
{
    unsigned bits = (unsigned)bytes[0] << 16 | (unsigned)bytes[1] << 8 | bytes[2];
    text[0] = base64_alphabet[bits >> 18];
    text[1] = base64_alphabet[bits >> 12 & 63];
    text[2] = base64_alphabet[bits >> 6 & 63];
    text[3] = base64_alphabet[bits & 63];
}

/* The last one or two bytes are padded. */
static void encode_base64(const unsigned char *bytes, size_t length, char *text)
{
    size_t rest = length % 3;
    const unsigned char *end = bytes + (length - rest);
    for (; bytes < end; bytes += 3, text += 4) {
        encode_quantum(bytes, text);
    }
    if (rest == 0) return;
    const unsigned char last[3] = {bytes[0], rest == 2 ? bytes[1] : 0, 0};
    encode_quantum(last, text);
    if (rest == 1) text[2] = '=';
    text[3] = '=';
}

/* Room for all of it is asked for at once: an output that doubles on the way to a large value takes three times as
 * much. */
void http_json_base64(struct http_json_writer *writer, const void *bytes, size_t length)
{
    size_t chars = length / 3 * 4 + (length % 3 == 0 ? 0 : 4);
    begin_value(writer);
    struct http_out *out = writer->out;
    if (!has_room(out, chars + 2)) return;
    add_text(out, "\"");
    if (length > 0) encode_base64(bytes, length, out->bytes + out->used);
    out->used += chars;
    add_text(out, "\"");
}

static void write_digits(struct http_json_writer *writer, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    http_out_add(writer->out, digits + at, sizeof digits - at);
}

void http_json_u64(struct http_json_writer *writer, uint64_t number)
{
    begin_value(writer);
    write_digits(writer, number);
}

void http_json_i64(struct http_json_writer *writer, int64_t number)
{
    begin_value(writer);
    if (number < 0) http_out_add(writer->out, "-", 1);
    write_digits(writer, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void http_json_bool(struct http_json_writer *writer, bool value)
{
    begin_value(writer);
    add_text(writer->out, value ? "true" : "false");
}

void http_json_null(struct http_json_writer *writer)
{
    begin_value(writer);
    add_text(writer->out, "null");
}
