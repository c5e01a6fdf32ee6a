/* The strict subset of TOML: our checks in front of inih, jansson behind it. */
#include "node/edge/toml.h"

#include <ini.h>
#include <jansson.h>
#include <stdio.h>

struct toml {
    const struct toml_visitor *visitor;
    struct span rest;
    unsigned line;
    bool has_failed;
};

static bool refuse(struct toml *toml, const char *problem)
{
    if (!toml->has_failed) toml->visitor->on_error(toml->visitor->context, toml->line, problem);
    toml->has_failed = true;
    return false;
}

static struct span skip(struct span text, size_t length)
{
    return span_of(text.bytes + length, text.length - length);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static struct span trim(struct span text)
{
    while (text.length > 0 && is_blank(text.bytes[0])) {
        text = skip(text, 1);
    }
    while (text.length > 0 && is_blank(text.bytes[text.length - 1])) {
        text.length--;
    }
    return text;
}

/* The length of the bare name that `text` begins with. */
static size_t name_length(struct span text)
{
    size_t length = 0;
    while (length < text.length) {
        uint8_t byte = text.bytes[length];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '_' && byte != '-') break;
        length++;
    }
    return length;
}

/* Whether `rest`, after a backslash, is an escape that TOML and JSON both have: JSON alone has "\/", and spells
 * some characters as two surrogates. */
static bool is_common_escape(struct span rest)
{
    if (rest.length == 0 || memchr("btnfr\"\\u", rest.bytes[0], 8) == NULL) return false;
    bool is_surrogate = rest.length >= 3 && rest.bytes[0] == 'u' && (rest.bytes[1] | 0x20) == 'd' &&
                        rest.bytes[2] >= '8';
    return !is_surrogate;
}

/* Cut the comment off, and the blanks around what is left. */
static bool cut_comment(struct toml *toml, struct span *line)
{
    bool in_string = false;
    for (size_t i = 0; i < line->length; i++) {
        uint8_t byte = line->bytes[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return refuse(toml, "a control character");
        if (byte == '#' && !in_string) {
            line->length = i;
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (byte == '\\' && in_string) {
            if (!is_common_escape(skip(*line, i + 1))) {
                return refuse(toml, "an escape other than \\b \\t \\n \\f \\r \\\" \\\\ and \\uXXXX");
            }
            i++;
        }
    }
    if (in_string) return refuse(toml, "a string without its end");
    *line = trim(*line);
    return true;
}

static bool check_section(struct toml *toml, struct span line)
{
    struct span name = skip(line, 1);
    name.length = name_length(name);
    if (name.length == 0 || line.length != name.length + 2 || line.bytes[line.length - 1] != ']') {
        return refuse(toml, "not a section: sections are written [name]");
    }
    if (name.length >= TOML_NAME_BYTES) return refuse(toml, "a section name of more than 49 characters");

    char text[TOML_NAME_BYTES] = {0};
    memcpy(text, name.bytes, name.length);
    if (!toml->visitor->on_section(toml->visitor->context, toml->line, text)) toml->has_failed = true;
    return !toml->has_failed;
}

/* key = value: the shape only. */
static bool check_pair(struct toml *toml, struct span line)
{
    size_t length = name_length(line);
    struct span rest = trim(skip(line, length));
    if (length == 0 || rest.length == 0 || rest.bytes[0] != '=') {
        return refuse(toml, "none of [section], key = value, # comment");
    }
    if (length >= TOML_NAME_BYTES) return refuse(toml, "a key of more than 49 characters");
    if (trim(skip(rest, 1)).length == 0) return refuse(toml, "a key without a value");
    return true;
}

static struct span take_line(struct span *rest)
{
    const uint8_t *newline = memchr(rest->bytes, '\n', rest->length);
    size_t length = newline == NULL ? rest->length : (size_t)(newline - rest->bytes);
    struct span line = span_of(rest->bytes, length);
    *rest = skip(*rest, newline == NULL ? length : length + 1);
    if (newline != NULL && line.length > 0 && line.bytes[line.length - 1] == '\r') line.length--;
    return line;
}

/* inih's reader: the next line, checked and bare of its comment. NULL ends the reading. */
static char *next_line(char *out, int out_bytes, void *context)
{
    struct toml *toml = context;
    if (toml->has_failed || toml->rest.length == 0) return NULL;
    struct span line = take_line(&toml->rest);
    toml->line++;

    if (line.length > TOML_LINE_BYTES_MAX || line.length + 2 > (size_t)out_bytes) {
        refuse(toml, "a line longer than 4096 bytes");
        return NULL;
    }
    if (!cut_comment(toml, &line)) return NULL;
    if (line.length > 0) {
        bool is_right = line.bytes[0] == '[' ? check_section(toml, line) : check_pair(toml, line);
        if (!is_right) return NULL;
        memcpy(out, line.bytes, line.length);
    }
    out[line.length] = '\n';
    out[line.length + 1] = '\0';
    return out;
}

/* Join them with commas into `text` (TOML_LINE_BYTES_MAX + 1): shorter than the line they stood in. */
static bool join_strings(const json_t *array, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *string = json_string_value(json_array_get(array, i));
        size_t length = string == NULL ? 0 : strlen(string);
        if (length == 0 || memchr(string, ',', length) != NULL) return false;
        if (used + length + 2 > TOML_LINE_BYTES_MAX) return false;
        if (used > 0) text[used++] = ',';
        memcpy(text + used, string, length + 1);
        used += length;
    }
    return true;
}

static enum toml_type value_type(const json_t *value)
{
    if (json_is_string(value)) return TOML_STRING;
    if (json_is_integer(value)) return TOML_INTEGER;
    if (json_is_boolean(value)) return TOML_BOOL;
    return TOML_OTHER;
}

/* inih's handler. Nonzero goes on. */
static int on_pair(void *context, const char *section, const char *key, const char *text)
{
    struct toml *toml = context;
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    char integer[32];
    char strings[TOML_LINE_BYTES_MAX + 1];
    struct toml_pair pair = {
        .line = toml->line, .section = section, .key = key, .type = value_type(value), .text = ""};
    if (json_is_array(value) && join_strings(value, strings)) pair.type = TOML_STRINGS;
    switch (pair.type) {
    case TOML_STRINGS: pair.text = strings; break;
    case TOML_STRING: pair.text = json_string_value(value); break;
    case TOML_INTEGER:
        snprintf(integer, sizeof integer, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        pair.text = integer;
        break;
    case TOML_BOOL: pair.text = json_is_true(value) ? "true" : "false"; break;
    case TOML_OTHER: break;
    }
    if (!toml->visitor->on_pair(toml->visitor->context, &pair)) toml->has_failed = true;
    json_decref(value);
    return !toml->has_failed;
}

bool toml_read(struct span text, const struct toml_visitor *visitor)
{
    struct toml toml = {.visitor = visitor, .rest = text};

    /* inih keeps its switches in variables of the library; nobody else in this program uses it. */
    ini_use_stack = true;
    ini_max_line = TOML_LINE_BYTES_MAX + 2;
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_allow_bom = false;
    int failed = ini_parse_stream(next_line, &toml, on_pair, &toml);
    if (failed != 0) refuse(&toml, "a line that cannot be read");
    return !toml.has_failed;
}
