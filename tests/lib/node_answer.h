/* An answer's bytes as a client reads them, and as one line of text that a test can compare. No cmocka here: the
 * fuzz target uses it too and gives a WORLD_CHECK of its own before it includes this. */
#ifndef TESTS_LIB_NODE_ANSWER_H
#define TESTS_LIB_NODE_ANSWER_H

#ifndef WORLD_CHECK
#include "tests/lib/check.h"
#define WORLD_CHECK(condition) assert_true(condition)
#endif

#include "node/base/span.h"

#include <stdio.h>
#include <stdlib.h>

struct answer {
    int status;    /* 0: not even a head has come */
    bool is_whole; /* as its framing says; by_close ones when the connection is closed */
    bool is_chunked;
    bool is_by_close; /* neither a length nor chunks: the end of the connection ends it */
    bool keeps_alive; /* as its headers say */
    struct span head; /* the bytes up to the blank line */
    uint8_t *body;    /* the body without its framing; free() it */
    size_t body_bytes;
    size_t left_bytes; /* behind the answer: there should be none */
};

/* The value of a header (its name in lower case, as we write them); bytes NULL without one. */
static inline struct span answer_header(const struct answer *answer, const char *name)
{
    size_t name_bytes = strlen(name);
    const char *at = (const char *)answer->head.bytes;
    const char *end = at + answer->head.length;
    while (at < end) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        WORLD_CHECK(line_end != NULL);
        size_t line_bytes = (size_t)(line_end - at);
        if (line_bytes > name_bytes + 1 && memcmp(at, name, name_bytes) == 0 && at[name_bytes] == ':') {
            return span_of(at + name_bytes + 2, line_bytes - name_bytes - 2);
        }
        at = line_end + 2;
    }
    return (struct span){NULL, 0};
}

static inline bool answer_header_is(const struct answer *answer, const char *name, const char *value)
{
    struct span found = answer_header(answer, name);
    return found.bytes != NULL && span_is_equal(found, span_text(value));
}

/* Undo the chunks of `rest`; false when the last one is not there yet. */
static inline bool answer_dechunk(struct answer *answer, struct span rest)
{
    for (;;) {
        char *end = NULL;
        char line[32] = "";
        const uint8_t *line_end = rest.length == 0 ? NULL : memchr(rest.bytes, '\r', rest.length);
        if (line_end == NULL) return false;
        size_t digits = (size_t)(line_end - rest.bytes);
        WORLD_CHECK(digits > 0 && digits < sizeof line);
        memcpy(line, rest.bytes, digits);
        size_t chunk_bytes = strtoull(line, &end, 16);
        WORLD_CHECK(*end == '\0');
        size_t whole_bytes = digits + 2 + chunk_bytes + 2;
        if (rest.length < whole_bytes) return false;
        memcpy(answer->body + answer->body_bytes, rest.bytes + digits + 2, chunk_bytes);
        WORLD_CHECK(memcmp(rest.bytes + digits + 2 + chunk_bytes, "\r\n", 2) == 0);
        answer->body_bytes += chunk_bytes;
        rest = span_of(rest.bytes + whole_bytes, rest.length - whole_bytes);
        if (chunk_bytes > 0) continue;
        answer->left_bytes = rest.length;
        return true;
    }
}

static inline void answer_take_body(struct answer *answer, struct span rest, bool has_no_body, bool is_closed)
{
    char number[32] = "";
    struct span length = answer_header(answer, "content-length");
    answer->is_chunked = answer_header_is(answer, "transfer-encoding", "chunked");
    bool is_bare = answer->status == 204 || answer->status == 304;
    WORLD_CHECK(!is_bare || (length.bytes == NULL && !answer->is_chunked));
    WORLD_CHECK(length.bytes == NULL || !answer->is_chunked);
    if (is_bare || has_no_body) {
        answer->is_whole = true;
        answer->left_bytes = rest.length;
    } else if (answer->is_chunked) {
        answer->is_whole = answer_dechunk(answer, rest);
    } else if (length.bytes == NULL) {
        answer->is_by_close = true;
        answer->is_whole = is_closed;
        answer->body_bytes = rest.length;
        if (rest.length > 0) memcpy(answer->body, rest.bytes, rest.length);
    } else {
        WORLD_CHECK(length.length < sizeof number);
        memcpy(number, length.bytes, length.length);
        size_t wanted = strtoull(number, NULL, 10);
        answer->is_whole = rest.length >= wanted;
        answer->body_bytes = answer->is_whole ? wanted : rest.length;
        answer->left_bytes = rest.length - answer->body_bytes;
        if (answer->body_bytes > 0) memcpy(answer->body, rest.bytes, answer->body_bytes);
    }
}

/* Read what came over a connection as one answer. */
static inline struct answer answer_read(struct span bytes, bool has_no_body, bool is_closed)
{
    struct answer answer = {.body = calloc(1, bytes.length + 1)};
    const char *end = bytes.length == 0 ? NULL : memmem(bytes.bytes, bytes.length, "\r\n\r\n", 4);
    WORLD_CHECK(answer.body != NULL);
    if (end == NULL) return answer;
    size_t head_bytes = (size_t)(end - (const char *)bytes.bytes) + 2;
    WORLD_CHECK(head_bytes > 13 && memcmp(bytes.bytes, "HTTP/1.1 ", 9) == 0);
    answer.head = span_of(bytes.bytes, head_bytes);
    answer.status = atoi((const char *)bytes.bytes + 9);
    answer.keeps_alive = !answer_header_is(&answer, "connection", "close");
    answer_take_body(&answer, span_of(bytes.bytes + head_bytes + 2, bytes.length - head_bytes - 2), has_no_body,
                     is_closed);
    return answer;
}

/* --- as one line ---------------------------------------------------------------------------------------- */

static inline int answer_base64_digit(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Decode `text` to `out`; returns the bytes written. */
static inline size_t answer_base64(struct span text, char *out)
{
    uint32_t bits = 0;
    unsigned bits_count = 0;
    size_t used = 0;
    for (size_t i = 0; i < text.length; i++) {
        int digit = answer_base64_digit(text.bytes[i]);
        if (digit < 0) break;
        bits = bits << 6 | (uint32_t)digit;
        bits_count += 6;
        if (bits_count < 8) continue;
        bits_count -= 8;
        out[used++] = (char)(bits >> bits_count & 0xff);
    }
    return used;
}

/* The walk over a JSON text that writes it down in one line. */
struct answer_line {
    struct span in;
    size_t at;
    char *out; /* at most as long as `in` */
    size_t used;
    struct span name; /* of the member last seen */
    int depth;
    bool was_name; /* the string just passed is a member's name if a colon follows */
};

static inline bool answer_line_is_secret(const struct answer_line *line)
{
    return span_is_equal(line->name, span_text("ct")) || span_is_equal(line->name, span_text("seenMarker"));
}

static inline bool answer_line_is_value(const struct answer_line *line)
{
    return line->name.bytes == NULL ? line->depth == 1 : span_is_equal(line->name, span_text("v"));
}

/* A string with its quotes: tokens and markers become _, values are decoded, all else stays. */
static inline void answer_line_string(struct answer_line *line)
{
    size_t begin = line->at++;
    while (line->at < line->in.length && line->in.bytes[line->at] != '"') {
        line->at += line->in.bytes[line->at] == '\\' ? 2 : 1;
    }
    line->at++;
    WORLD_CHECK(line->at <= line->in.length);
    struct span whole = span_of(line->in.bytes + begin, line->at - begin);
    struct span text = span_of(whole.bytes + 1, whole.length - 2);
    bool is_name = line->at < line->in.length && line->in.bytes[line->at] == ':';
    if (is_name) line->name = text;
    if (!is_name && answer_line_is_secret(line)) {
        line->out[line->used++] = '_';
    } else if (!is_name && answer_line_is_value(line)) {
        line->out[line->used++] = '"';
        line->used += answer_base64(text, line->out + line->used);
        line->out[line->used++] = '"';
    } else {
        memcpy(line->out + line->used, whole.bytes, whole.length);
        line->used += whole.length;
    }
}

/* JSON of ours without its blanks, tokens and markers as _, values (of items) decoded. free() it. */
static inline char *answer_one_line(struct span json)
{
    struct answer_line line = {.in = json, .out = malloc(json.length + 1)};
    WORLD_CHECK(line.out != NULL);
    while (line.at < json.length) {
        uint8_t c = json.bytes[line.at];
        if (c == '"') {
            answer_line_string(&line);
            continue;
        }
        line.at++;
        if (c == ' ' || c == '\n') continue;
        line.depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        line.out[line.used++] = (char)c;
    }
    WORLD_CHECK(line.depth == 0); /* every bracket is closed */
    line.out[line.used] = '\0';
    return line.out;
}

#endif
