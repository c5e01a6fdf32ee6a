/* Any body to the JSON reader, to its end: every span lies in the body, texts are UTF-8 for the router's judge,
 * and what the writer makes of the texts is read back the same. The first byte chooses what is read.
 *
 * jansson, which the reader shows one element at a time, is shown the whole body here: what was read to the end is
 * what jansson reads, field by field, and what was refused as no JSON is none.
 */
#include "http/json.h"
#include "http/route.h"

#include <jansson.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct body {
    char *bytes;
    size_t length;
};

static void require(bool condition)
{
    if (!condition) abort();
}

static bool grow(struct http_out *out, size_t bytes)
{
    out->capacity = out->used + bytes;
    out->bytes = realloc(out->bytes, out->capacity);
    return out->bytes != NULL;
}

static void check_span(struct http_span span, const struct body *body)
{
    if (span.at == NULL) return;
    require(span.at >= body->bytes && span.at <= body->bytes + body->length);
    require(span.length <= (size_t)(body->bytes + body->length - span.at));
}

static void check_same(struct http_span a, struct http_span b)
{
    require((a.at == NULL) == (b.at == NULL));
    require(a.length == b.length);
    require(a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

/* Write an insert of these texts and read it back. */
static void check_round_trip(struct http_span text, struct http_span optional, struct http_span bytes)
{
    struct http_out out = {.more = grow};
    struct http_json_writer writer;
    http_json_writer_init(&writer, &out);
    http_json_begin_array(&writer);
    http_json_begin_object(&writer);
    http_json_name(&writer, "pk");
    http_json_string(&writer, text);
    http_json_name(&writer, "sk");
    http_json_text(&writer, "");
    http_json_name(&writer, "ct");
    http_json_string_or_null(&writer, optional);
    http_json_name(&writer, "v");
    http_json_base64(&writer, bytes.at, bytes.length);
    http_json_end_object(&writer);
    http_json_end_array(&writer);
    require(!out.failed);

    struct http_json_reader reader;
    struct http_json_insert insert;
    http_json_reader_init(&reader, out.bytes, out.used);
    require(http_json_next_insert(&reader, &insert) == HTTP_JSON_ELEMENT);
    check_same(insert.partition_key, text);
    check_same(insert.causality_token, optional);
    require(insert.value.at != NULL);
    require(insert.value.length == bytes.length);
    require(bytes.length == 0 || memcmp(insert.value.at, bytes.at, bytes.length) == 0);
    require(http_json_next_insert(&reader, &insert) == HTTP_JSON_DONE);
    free(out.bytes);
}

/* --- the second opinion ---------------------------------------------------------------------------------- */

/* A text of ours and the same field of jansson's; absent and null are alike. */
static void check_field(const json_t *object, const char *name, struct http_span ours)
{
    const json_t *value = json_object_get(object, name);
    require((ours.at != NULL) == json_is_string(value));
    if (ours.at == NULL) return;
    require(json_string_length(value) == ours.length);
    require(ours.length == 0 || memcmp(json_string_value(value), ours.at, ours.length) == 0);
}

/* A value of ours is the one whose base64 the field is. */
static void check_value(const json_t *object, struct http_span ours)
{
    const json_t *value = json_object_get(object, "v");
    require((ours.at != NULL) == json_is_string(value));
    if (ours.at == NULL) return;
    size_t chars = sodium_base64_encoded_len(ours.length, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(chars);
    require(text != NULL);
    sodium_bin2base64(text, chars, (const unsigned char *)ours.at, ours.length, sodium_base64_VARIANT_ORIGINAL);
    require(json_string_length(value) == chars - 1 && memcmp(json_string_value(value), text, chars - 1) == 0);
    free(text);
}

static void check_number(const json_t *object, const char *name, bool has_ours, uint64_t ours)
{
    const json_t *value = json_object_get(object, name);
    require(has_ours == json_is_number(value));
    if (has_ours) require(json_number_value(value) == (double)ours);
}

static void check_bool(const json_t *object, const char *name, bool ours)
{
    require(json_is_true(json_object_get(object, name)) == ours);
}

static json_t *load_whole(const struct body *body)
{
    json_error_t error;
    return json_loadb(body->bytes, body->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
                      &error);
}

/* A refusal of the form is one of jansson's as well; others are of our bounds and fields. */
static void check_refusal_of_form(const json_t *whole, const char *message)
{
    static const char *const forms[] = {"is cut off", "lacks a comma", "is not valid JSON", "bytes behind"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        require(strstr(message, forms[i]) == NULL || whole == NULL);
    if (strcmp(message, "the body is not a JSON array") == 0) require(!json_is_array(whole));
}

static void check_texts(const struct http_span *texts, size_t count, const struct body *body)
{
    for (size_t i = 0; i < count; i++) {
        check_span(texts[i], body);
        require(http_is_utf8(texts[i]));
    }
    require(texts[0].at != NULL);
    check_round_trip(texts[0], texts[1], texts[count - 1]);
}

/* `whole`: what jansson makes of the body. The element just read is known to be JSON, so if any of the body is
 * not, it is behind it. */
static enum http_json_step step(struct http_json_reader *reader, unsigned choice, const struct body *body,
                                const json_t *whole)
{
    const json_t *object = json_array_get(whole, (size_t)reader->elements_count);
    struct http_json_insert insert;
    struct http_json_search search;
    struct http_json_delete delete;
    enum http_json_step found;
    switch (choice) {
    case 0:
        found = http_json_next_insert(reader, &insert);
        if (found != HTTP_JSON_ELEMENT) return found;
        if (object != NULL) {
            check_field(object, "pk", insert.partition_key);
            check_field(object, "sk", insert.sort_key);
            check_field(object, "ct", insert.causality_token);
            check_value(object, insert.value);
        }
        check_texts((struct http_span[]){insert.partition_key, insert.causality_token, insert.sort_key}, 3, body);
        check_span(insert.value, body);
        check_round_trip(insert.sort_key, insert.causality_token, insert.value);
        return found;
    case 1:
        found = http_json_next_search(reader, &search);
        if (found != HTTP_JSON_ELEMENT) return found;
        check_texts((struct http_span[]){search.partition_key, search.prefix, search.start, search.end}, 4, body);
        require(search.has_limit || search.limit == 0);
        if (object == NULL) return found;
        check_field(object, "partitionKey", search.partition_key);
        check_field(object, "prefix", search.prefix);
        check_field(object, "start", search.start);
        check_field(object, "end", search.end);
        check_number(object, "limit", search.has_limit, search.limit);
        check_bool(object, "reverse", search.reverse);
        check_bool(object, "singleItem", search.single_item);
        check_bool(object, "conflictsOnly", search.conflicts_only);
        check_bool(object, "tombstones", search.tombstones);
        return found;
    default:
        found = http_json_next_delete(reader, &delete);
        if (found != HTTP_JSON_ELEMENT) return found;
        check_texts((struct http_span[]){delete.partition_key, delete.prefix, delete.start, delete.end}, 4, body);
        if (object == NULL) return found;
        check_field(object, "partitionKey", delete.partition_key);
        check_field(object, "prefix", delete.prefix);
        check_field(object, "start", delete.start);
        check_field(object, "end", delete.end);
        check_bool(object, "singleItem", delete.single_item);
        return found;
    }
}

static void check_message(const char *message)
{
    size_t length = strnlen(message, 200);
    require(length > 0 && length < 200);
    for (size_t i = 0; i < length; i++) {
        require(message[i] >= 0x20 && message[i] < 0x7f);
    }
}

static void read_array(unsigned choice, const struct body *body)
{
    struct http_json_reader reader;
    http_json_reader_init(&reader, body->bytes, body->length);
    json_t *whole = load_whole(body); /* before the reader writes over the body */
    enum http_json_step found;
    while ((found = step(&reader, choice, body, whole)) == HTTP_JSON_ELEMENT) {
        require(reader.at <= body->length);
    }
    if (found == HTTP_JSON_DONE) require(json_is_array(whole) && json_array_size(whole) == reader.elements_count);
    if (found == HTTP_JSON_BAD) {
        check_message(reader.message);
        check_refusal_of_form(whole, reader.message);
    }
    require(step(&reader, choice, body, NULL) == HTTP_JSON_BAD);
    json_decref(whole);
}

static void read_poll(const struct body *body)
{
    struct http_json_poll poll;
    char message[200];
    json_t *whole = load_whole(body);
    if (!http_json_read_poll(body->bytes, body->length, &poll, message)) {
        check_message(message);
        check_refusal_of_form(whole, message);
        json_decref(whole);
        return;
    }
    check_field(whole, "prefix", poll.prefix);
    check_field(whole, "start", poll.start);
    check_field(whole, "end", poll.end);
    check_field(whole, "seenMarker", poll.seen_marker);
    check_number(whole, "timeout", poll.has_timeout, poll.timeout_s);
    json_decref(whole);
    check_span(poll.prefix, body);
    check_span(poll.start, body);
    check_span(poll.end, body);
    check_span(poll.seen_marker, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct body body = {malloc(size - 1), size - 1};
    require(body.bytes != NULL);
    memcpy(body.bytes, data + 1, size - 1);
    unsigned choice = data[0] % 4;
    if (choice == 3) {
        read_poll(&body);
    } else {
        read_array(choice, &body);
    }
    free(body.bytes);
    return 0;
}
