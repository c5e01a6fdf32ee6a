/* JSON of the batch bodies: a bounded reader over jansson (its only user here) and a streaming writer.
 *
 * The reader walks the top-level array itself and gives jansson one element at a time, so that a body of 64 MiB
 * never becomes a tree of gigabytes (H31). Decoded strings are written back over the element's own text, which is
 * always at least as long: the body's memory is the only memory.
 */
#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include "http/parse.h"

enum {
    HTTP_JSON_DEPTH_MAX = 32,            /* nesting inside one element, unknown fields included */
    HTTP_JSON_ELEMENT_TOKENS_MAX = 1000, /* commas, colons and brackets in one element outside strings */
};

/* A JSON string or null/absent: null and absent are at == NULL; the empty string is not. */
struct http_json_insert {
    struct http_span partition_key;
    struct http_span sort_key;
    struct http_span causality_token; /* or null */
    struct http_span value;           /* base64 already decoded; null or absent means delete */
};

struct http_json_search { /* of ReadBatch */
    struct http_span partition_key;
    struct http_span prefix, start, end;
    bool has_limit;
    uint64_t limit;
    bool reverse, single_item, conflicts_only, tombstones;
};

struct http_json_delete { /* of DeleteBatch */
    struct http_span partition_key;
    struct http_span prefix, start, end;
    bool single_item;
};

struct http_json_poll { /* of PollRange: one object, not an array */
    struct http_span prefix, start, end;
    bool has_timeout;
    uint64_t timeout_s;
    struct http_span seen_marker;
};

/* Walks a top-level array. The body is changed as it is read and must outlive all spans. */
struct http_json_reader {
    char *body;
    size_t length;
    size_t at;
    uint64_t elements_count; /* read so far */
    uint8_t state;
    char message[200]; /* NUL-terminated, printable: which element (from 0), field, expectation */
};

enum http_json_step { HTTP_JSON_ELEMENT, HTTP_JSON_DONE, HTTP_JSON_BAD };

void http_json_reader_init(struct http_json_reader *reader, char *body, size_t length);

/* The next element, by the rules of reference 3.0 "JSON request bodies": unknown fields ignored, a field given
 * twice refused, booleans not null, integers 0…2^64-1 without fraction, standard base64 with canonical padding in
 * `v`, no lone surrogates, UTF-8. NUL in strings is legal. DONE once after the closing bracket and nothing but
 * blanks; BAD with reader->message for anything else, for good. */
enum http_json_step http_json_next_insert(struct http_json_reader *reader, struct http_json_insert *out);
enum http_json_step http_json_next_search(struct http_json_reader *reader, struct http_json_search *out);
enum http_json_step http_json_next_delete(struct http_json_reader *reader, struct http_json_delete *out);

/* The one object of PollRange. False with `message` (200 chars) filled. */
bool http_json_read_poll(char *body, size_t length, struct http_json_poll *out, char *message);

/* Where written text goes. `more` makes room for at least `bytes` further bytes (moving `bytes` pointer if need
 * be) or returns false; `failed` is then set and all later writing does nothing. */
struct http_out {
    char *bytes;
    size_t used;
    size_t capacity;
    bool failed;
    bool (*more)(struct http_out *out, size_t bytes);
    void *owner;
};

void http_out_add(struct http_out *out, const char *bytes, size_t length);

enum { HTTP_JSON_WRITER_DEPTH_MAX = 8 };

/* Writes one JSON document piece by piece, pretty with two blanks as the reference's service does: `{` newline,
 * members on lines of their own, `"name": value`, empty containers as [] and {}. Strings escape only `"`, `\` and
 * control characters below 0x20 (\b \t \n \f \r short, else \u00xx lower-case hex); all else is raw UTF-8. */
struct http_json_writer {
    struct http_out *out;
    uint8_t depth;
    bool is_empty[HTTP_JSON_WRITER_DEPTH_MAX + 1]; /* nothing written yet at that depth */
    bool has_name;                                 /* a member's name was just written */
};

void http_json_writer_init(struct http_json_writer *writer, struct http_out *out);
void http_json_begin_object(struct http_json_writer *writer);
void http_json_end_object(struct http_json_writer *writer);
void http_json_begin_array(struct http_json_writer *writer);
void http_json_end_array(struct http_json_writer *writer);
void http_json_name(struct http_json_writer *writer, const char *name);
void http_json_string(struct http_json_writer *writer, struct http_span text);
void http_json_string_or_null(struct http_json_writer *writer, struct http_span text); /* null when at == NULL */
void http_json_text(struct http_json_writer *writer, const char *text);
void http_json_base64(struct http_json_writer *writer, const void *bytes, size_t length); /* standard, padded */
void http_json_u64(struct http_json_writer *writer, uint64_t number);
void http_json_i64(struct http_json_writer *writer, int64_t number);
void http_json_bool(struct http_json_writer *writer, bool value);
void http_json_null(struct http_json_writer *writer);

#endif
