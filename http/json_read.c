/* The bounded reader of batch bodies: a scanner that finds one element, jansson that reads it.
 *
 * The scanner knows strings and brackets only. It bounds depth and tokens before jansson, which recurses and
 * allocates per token, sees a byte. Elements are read one by one and their tree is freed before the next (H31).
 */
#include "http/json.h"

#include "http/base64.h"
#include "http/json_plain.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

enum state { STATE_START, STATE_FIRST, STATE_NEXT, STATE_DONE, STATE_BAD };

enum {
    MESSAGE_CHARS = 200,
    SYNTAX_CHARS_MAX = 140, /* of jansson's words: with "element N: is not valid JSON: " they fit a message */
};

static_assert(SYNTAX_CHARS_MAX < JSON_ERROR_TEXT_LENGTH, "what is cut off is there");

/* Refuses a field given twice. Numbers become doubles so that one beyond 64 bits in an unknown field is no error;
 * those we want are read from their text. */
static const size_t DECODE_FLAGS = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;

/* --- messages ------------------------------------------------------------------------------------------- */

/* A message being put together, always NUL-terminated. Nothing of a body is in it, so it fits and is printable. */
struct message {
    char *text; /* MESSAGE_CHARS */
    size_t used;
};

static void add(struct message *message, const char *text)
{
    size_t length = strlen(text);
    assert(message->used + length < MESSAGE_CHARS);
    memcpy(message->text + message->used, text, length + 1);
    message->used += length;
}

static void add_number(struct message *message, uint64_t number)
{
    char digits[21];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(message, digits + at);
}

/* --- one element ---------------------------------------------------------------------------------------- */

/* What is being read: an element of the array, or the single object of a range poll. */
struct element {
    json_t *object;
    const char *text; /* of the object, from its brace on */
    size_t length;
    char *write_at; /* decoded strings go here, over the text */
    bool is_numbered;
    uint64_t number; /* from 0 */
    char *message;
    bool is_bad;
};

static struct message begin_message(struct element *element)
{
    struct message message = {element->message, 0};
    if (element->is_numbered) {
        add(&message, "element ");
        add_number(&message, element->number);
        add(&message, ": ");
    }
    element->is_bad = true;
    return message;
}

static bool bad_element(struct element *element, const char *what)
{
    struct message message = begin_message(element);
    add(&message, what);
    return false;
}

static void bad_field(struct element *element, const char *field, const char *what)
{
    if (element->is_bad) return; /* the first fault is told */
    struct message message = begin_message(element);
    add(&message, "field \"");
    add(&message, field);
    add(&message, "\" ");
    add(&message, what);
}

/* --- the scanner ---------------------------------------------------------------------------------------- */

static size_t skip_blanks(const char *text, size_t length, size_t at)
{
    while (at < length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
        at++;
    }
    return at;
}

/* Behind the string whose first quote is at `at`, or `length` if it is not closed. */
static size_t skip_string(const char *text, size_t length, size_t at)
{
    size_t begin = ++at;
    while (at < length) {
        const char *quote = memchr(text + at, '"', length - at);
        if (quote == NULL) return length;
        size_t end = (size_t)(quote - text);
        size_t backslashes = 0;
        while (end - backslashes > begin && text[end - backslashes - 1] == '\\') {
            backslashes++;
        }
        at = end + 1;
        if (backslashes % 2 == 0) return at;
        begin = at; /* an escaped quote ends every run of backslashes before it */
    }
    return length;
}

/* Count a token; what is wrong now, or NULL. */
static const char *count_token(char c, unsigned *depth, unsigned *tokens)
{
    if (c == '{' || c == '[') {
        if (++*depth > HTTP_JSON_DEPTH_MAX) return "is nested deeper than 32";
    } else if (c == '}' || c == ']') {
        --*depth;
    } else if (c != ',' && c != ':') {
        return NULL;
    }
    return ++*tokens > HTTP_JSON_ELEMENT_TOKENS_MAX ? "has more than 1000 commas, colons and brackets" : NULL;
}

/* Set the length of the object at element->text, of which `room` bytes are there at most. */
static bool scan_object(struct element *element, size_t room)
{
    if (room == 0 || element->text[0] != '{') return bad_element(element, "is not an object");
    unsigned depth = 0;
    unsigned tokens = 0;
    for (size_t at = 0; at < room;) {
        if (element->text[at] == '"') {
            at = skip_string(element->text, room, at);
            continue;
        }
        const char *fault = count_token(element->text[at++], &depth, &tokens);
        if (fault != NULL) return bad_element(element, fault);
        if (depth == 0) {
            element->length = at;
            return true;
        }
    }
    return bad_element(element, "is cut off");
}

/* The text of the value of the member with that index, of an object known to be JSON: up to the comma behind it,
 * or for the last member up to the brace. */
static struct http_span member_text(const struct element *element, size_t member_index)
{
    size_t end = element->length - 1; /* where the object's own brace is */
    size_t begin = 1;
    size_t at = 1;
    size_t members = 0;
    unsigned depth = 0;
    for (; at < end; at++) {
        char c = element->text[at];
        if (c == '"') {
            at = skip_string(element->text, end, at) - 1;
            continue;
        }
        if (c == '{' || c == '[') depth++;
        if (c == '}' || c == ']') depth--;
        if (depth > 0) continue;
        if (c == ':') begin = at + 1;
        if (c == ',' && members++ == member_index) break;
    }
    begin = skip_blanks(element->text, at, begin);
    return (struct http_span){element->text + begin, at - begin};
}

static bool load_object(struct element *element)
{
    json_error_t error;
    element->object = json_loadb(element->text, element->length, DECODE_FLAGS, &error);
    if (element->object != NULL) return true;
    struct message message = begin_message(element);
    char *quotation = strstr(error.text, " near "); /* what the body holds is not for messages */
    if (quotation != NULL) *quotation = '\0';
    error.text[SYNTAX_CHARS_MAX] = '\0';
    add(&message, "is not valid JSON: ");
    add(&message, error.text);
    return false;
}

/* --- fields: the first fault sticks, so they are read in a straight line --------------------------------- */

/* The field, or NULL when absent. */
static const json_t *find_field(const struct element *element, const char *field)
{
    return json_object_get(element->object, field);
}

/* Copy a decoded string over the element's text, which jansson has read to its end. All strings together are
 * shorter than it: each had quotes, and no escape is shorter than what it means. */
static struct http_span keep_string(struct element *element, const json_t *value)
{
    struct http_span kept = {element->write_at, json_string_length(value)};
    memcpy(element->write_at, json_string_value(value), kept.length);
    element->write_at += kept.length;
    return kept;
}

static struct http_span read_optional_string(struct element *element, const char *field)
{
    const json_t *value = find_field(element, field);
    if (value == NULL || json_typeof(value) == JSON_NULL) return (struct http_span){NULL, 0};
    if (json_typeof(value) == JSON_STRING) return keep_string(element, value);
    bad_field(element, field, "is neither a string nor null");
    return (struct http_span){NULL, 0};
}

static struct http_span read_string(struct element *element, const char *field)
{
    const json_t *value = find_field(element, field);
    if (value != NULL && json_typeof(value) == JSON_STRING) return keep_string(element, value);
    bad_field(element, field, value == NULL ? "is missing" : "is not a string");
    return (struct http_span){NULL, 0};
}

static bool read_bool(struct element *element, const char *field)
{
    const json_t *value = find_field(element, field);
    if (value == NULL) return false;
    json_type type = json_typeof(value);
    if (type != JSON_TRUE && type != JSON_FALSE) bad_field(element, field, "is neither true nor false");
    return type == JSON_TRUE;
}

/* Digits only, at most 2^64-1. */
static bool read_digits(struct http_span text, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return false;
        uint64_t digit = (uint64_t)(text.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = value;
    return text.length > 0;
}

/* The text of the number of a field that is there: jansson keeps members in the order of the text. */
static struct http_span number_text(const struct element *element, const char *field)
{
    size_t index = 0;
    void *member = json_object_iter(element->object);
    while (strcmp(json_object_iter_key(member), field) != 0) {
        index++;
        member = json_object_iter_next(element->object, member);
    }
    struct http_span text = member_text(element, index);
    while (strchr(" \t\r\n", text.at[text.length - 1]) != NULL) {
        text.length--;
    }
    return text;
}

static bool read_optional_u64(struct element *element, const char *field, uint64_t *number)
{
    *number = 0;
    const json_t *value = find_field(element, field);
    if (value == NULL || json_typeof(value) == JSON_NULL) return false;
    if (json_typeof(value) == JSON_REAL && read_digits(number_text(element, field), number)) return true;
    bad_field(element, field, "is neither an integer from 0 to 2^64-1 nor null");
    return false;
}

static struct http_span read_optional_base64(struct element *element, const char *field)
{
    const json_t *value = find_field(element, field);
    if (value == NULL || json_typeof(value) == JSON_NULL) return (struct http_span){NULL, 0};
    if (json_typeof(value) != JSON_STRING) {
        bad_field(element, field, "is neither a string nor null");
        return (struct http_span){NULL, 0};
    }
    struct http_span text = {json_string_value(value), json_string_length(value)};
    struct http_span bytes = {element->write_at, 0};
    if (!http_base64_decode(text, element->write_at, &bytes.length)) {
        bad_field(element, field, "is not standard base64 with padding");
    }
    element->write_at += bytes.length;
    return bytes;
}

/* --- walking the array ---------------------------------------------------------------------------------- */

void http_json_reader_init(struct http_json_reader *reader, char *body, size_t length)
{
    assert(body != NULL || length == 0);
    reader->body = body;
    reader->length = length;
    reader->at = 0;
    reader->elements_count = 0;
    reader->state = STATE_START;
    reader->message[0] = '\0';
}

static enum http_json_step bad_array(struct http_json_reader *reader, const char *what)
{
    struct message message = {reader->message, 0};
    add(&message, what);
    reader->state = STATE_BAD;
    return HTTP_JSON_BAD;
}

/* The char behind blanks, or NUL at the end, which no JSON holds outside a string. */
static char peek(struct http_json_reader *reader)
{
    reader->at = skip_blanks(reader->body, reader->length, reader->at);
    return reader->at < reader->length ? reader->body[reader->at] : '\0';
}

static enum http_json_step end_array(struct http_json_reader *reader)
{
    reader->at++;
    (void)peek(reader);
    if (reader->at < reader->length) return bad_array(reader, "bytes behind the array");
    reader->state = STATE_DONE;
    return HTTP_JSON_DONE;
}

/* Stand at the first byte of the next element, or say that there is none. */
static enum http_json_step find_element(struct http_json_reader *reader)
{
    if (reader->state == STATE_BAD) return HTTP_JSON_BAD;
    if (reader->state == STATE_DONE) return bad_array(reader, "read beyond the end of the array");
    if (reader->state == STATE_START) {
        if (peek(reader) != '[') return bad_array(reader, "the body is not a JSON array");
        reader->at++;
        reader->state = STATE_FIRST;
    }
    char c = peek(reader);
    if (c == ']') return end_array(reader);
    if (reader->state == STATE_NEXT) {
        if (c != ',') return bad_array(reader, "the array is cut off, or lacks a comma");
        reader->at++;
        (void)peek(reader);
    }
    return HTTP_JSON_ELEMENT;
}

static struct element element_here(struct http_json_reader *reader)
{
    return (struct element){
        .text = reader->body + reader->at,
        .write_at = reader->body + reader->at,
        .is_numbered = true,
        .number = reader->elements_count,
        .message = reader->message,
    };
}

/* Load the element that begins here. For HTTP_JSON_ELEMENT end_element() must follow. */
static enum http_json_step load_element(struct http_json_reader *reader, struct element *element)
{
    *element = element_here(reader);
    if (!scan_object(element, reader->length - reader->at) || !load_object(element)) {
        reader->state = STATE_BAD;
        return HTTP_JSON_BAD;
    }
    return HTTP_JSON_ELEMENT;
}

static enum http_json_step begin_element(struct http_json_reader *reader, struct element *element)
{
    enum http_json_step found = find_element(reader);
    return found == HTTP_JSON_ELEMENT ? load_element(reader, element) : found;
}

static enum http_json_step end_element(struct http_json_reader *reader, struct element *element)
{
    json_decref(element->object);
    reader->at += element->length;
    reader->elements_count++;
    reader->state = element->is_bad ? STATE_BAD : STATE_NEXT;
    return element->is_bad ? HTTP_JSON_BAD : HTTP_JSON_ELEMENT;
}

/* The element in its plain form: strings stay where they are, the value is decoded over its own text. */
static enum http_json_step take_plain(struct http_json_reader *reader, const struct http_json_plain *plain,
                                      struct http_json_insert *out)
{
    struct element element = element_here(reader);
    element.length = plain->length;
    *out = (struct http_json_insert){
        .partition_key = plain->partition_key,
        .sort_key = plain->sort_key,
        .causality_token = plain->causality_token,
    };
    if (plain->value.at != NULL) {
        char *bytes = reader->body + (plain->value.at - reader->body);
        out->value.at = bytes;
        if (!http_base64_decode(plain->value, bytes, &out->value.length))
            bad_field(&element, "v", "is not standard base64 with padding");
    }
    return end_element(reader, &element);
}

enum http_json_step http_json_next_insert(struct http_json_reader *reader, struct http_json_insert *out)
{
    struct element element;
    struct http_json_plain plain;
    enum http_json_step found = find_element(reader);
    if (found != HTTP_JSON_ELEMENT) return found;
    if (http_json_plain_insert(reader->body + reader->at, reader->length - reader->at, &plain))
        return take_plain(reader, &plain, out);
    if ((found = load_element(reader, &element)) != HTTP_JSON_ELEMENT) return found;
    out->partition_key = read_string(&element, "pk");
    out->sort_key = read_string(&element, "sk");
    out->causality_token = read_optional_string(&element, "ct");
    out->value = read_optional_base64(&element, "v");
    return end_element(reader, &element);
}

enum http_json_step http_json_next_search(struct http_json_reader *reader, struct http_json_search *out)
{
    struct element element;
    enum http_json_step found = begin_element(reader, &element);
    if (found != HTTP_JSON_ELEMENT) return found;
    out->has_limit = read_optional_u64(&element, "limit", &out->limit); /* before strings go over the text */
    out->partition_key = read_string(&element, "partitionKey");
    out->prefix = read_optional_string(&element, "prefix");
    out->start = read_optional_string(&element, "start");
    out->end = read_optional_string(&element, "end");
    out->reverse = read_bool(&element, "reverse");
    out->single_item = read_bool(&element, "singleItem");
    out->conflicts_only = read_bool(&element, "conflictsOnly");
    out->tombstones = read_bool(&element, "tombstones");
    return end_element(reader, &element);
}

enum http_json_step http_json_next_delete(struct http_json_reader *reader, struct http_json_delete *out)
{
    struct element element;
    enum http_json_step found = begin_element(reader, &element);
    if (found != HTTP_JSON_ELEMENT) return found;
    out->partition_key = read_string(&element, "partitionKey");
    out->prefix = read_optional_string(&element, "prefix");
    out->start = read_optional_string(&element, "start");
    out->end = read_optional_string(&element, "end");
    out->single_item = read_bool(&element, "singleItem");
    return end_element(reader, &element);
}

bool http_json_read_poll(char *body, size_t length, struct http_json_poll *out, char *message)
{
    assert(body != NULL || length == 0);
    message[0] = '\0';
    size_t begin = skip_blanks(body, length, 0);
    struct element element = {.message = message};
    if (begin == length) return bad_element(&element, "the body is empty, not a JSON object");
    element.text = element.write_at = body + begin;
    if (!scan_object(&element, length - begin)) return false;
    if (skip_blanks(body, length, begin + element.length) < length) {
        return bad_element(&element, "bytes behind the object");
    }
    if (!load_object(&element)) return false;
    out->has_timeout = read_optional_u64(&element, "timeout", &out->timeout_s);
    out->prefix = read_optional_string(&element, "prefix");
    out->start = read_optional_string(&element, "start");
    out->end = read_optional_string(&element, "end");
    out->seen_marker = read_optional_string(&element, "seenMarker");
    json_decref(element.object);
    return !element.is_bad;
}
