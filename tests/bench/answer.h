/* One answer as it comes in, of HTTP/1.1 or of Redis: how it ended, how long it was, which token it carried. */
#ifndef TESTS_BENCH_ANSWER_H
#define TESTS_BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ANSWER_HEAD_BYTES_MAX = 4096,
    ANSWER_TOKEN_CHARS_MAX = 256,
    ANSWER_START_BYTES = 200, /* of the body, kept to show it when the status is not the one wanted */
};

enum answer_state {
    ANSWER_HEAD, /* zero: waiting for the first byte */
    ANSWER_BODY,
    ANSWER_CHUNK_SIZE,
    ANSWER_CHUNK,
    ANSWER_DONE,
    ANSWER_BAD, /* these bytes are no answer this reader knows */
};

/* All zero is ready for the first byte. */
struct answer {
    enum answer_state state;
    int status; /* of HTTP; Redis: 200, or 500 for an error */
    uint64_t left;
    uint64_t body_bytes;
    uint64_t bytes; /* all of it, with head and framing */
    bool is_last_chunk;
    size_t head_used;
    size_t token_length;
    size_t start_length;
    char head[ANSWER_HEAD_BYTES_MAX];
    char token[ANSWER_TOKEN_CHARS_MAX];
    char start[ANSWER_START_BYTES];
};

/* Forget all, without touching the large buffers. */
void answer_reset(struct answer *answer);

/* Take bytes up to the end of the answer. Returns how many were taken; all of them unless the state is DONE or
 * BAD.
 */
size_t answer_take(struct answer *answer, bool is_redis, const char *bytes, size_t length);

#endif
