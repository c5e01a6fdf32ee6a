/*     HEAD --> BODY --> DONE          HEAD --> CHUNK_SIZE <--> CHUNK --> DONE
 *
 * Reads what Skerry, the bare server and Redis write, not all that the protocols allow: it must cost little beside
 * the server it measures.
 */
#include "tests/bench/answer.h"

#include <string.h>
#include <strings.h>

enum { LINE_END = 2 };

void answer_reset(struct answer *answer)
{
    answer->state = ANSWER_HEAD;
    answer->status = 0;
    answer->left = answer->body_bytes = answer->bytes = 0;
    answer->is_last_chunk = false;
    answer->head_used = answer->token_length = answer->start_length = 0;
}

static uint64_t number_of(const char *at, const char *end, unsigned base)
{
    uint64_t number = 0;
    for (; at < end; at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10
                         : *at >= 'A' && *at <= 'F' ? (unsigned)(*at - 'A') + 10
                                                    : 16;
        if (digit >= base) break;
        number = number * base + digit;
    }
    return number;
}

/* The value of a header line of that name (with its colon and blank), or NULL. */
static const char *value_of(const char *line, const char *end, const char *name)
{
    size_t length = strlen(name);
    return (size_t)(end - line) >= length && strncasecmp(line, name, length) == 0 ? line + length : NULL;
}

static void take_token(struct answer *answer, const char *value, const char *end)
{
    size_t length = (size_t)(end - value);
    if (length > sizeof answer->token) return;
    memcpy(answer->token, value, length);
    answer->token_length = length;
}

static void take_line(struct answer *answer, const char *line, const char *end, bool *is_chunked)
{
    const char *value = NULL;
    if ((value = value_of(line, end, "content-length: ")) != NULL) answer->left = number_of(value, end, 10);
    if ((value = value_of(line, end, "x-garage-causality-token: ")) != NULL) take_token(answer, value, end);
    if (value_of(line, end, "transfer-encoding: chunked") != NULL) *is_chunked = true;
}

static void read_head(struct answer *answer)
{
    const char *end = answer->head + answer->head_used - LINE_END;
    bool is_chunked = false;
    if (strncmp(answer->head, "HTTP/1.1 ", 9) != 0) {
        answer->state = ANSWER_BAD;
        return;
    }
    answer->status = (int)number_of(answer->head + 9, answer->head + 12, 10);
    const char *line = answer->head;
    while (line < end) {
        const char *line_end = memchr(line, '\r', (size_t)(end - line));
        if (line_end == NULL) line_end = end;
        take_line(answer, line, line_end, &is_chunked);
        line = line_end + LINE_END;
    }
    answer->state = is_chunked ? ANSWER_CHUNK_SIZE : answer->left > 0 ? ANSWER_BODY : ANSWER_DONE;
    answer->head_used = 0;
}

static void read_reply(struct answer *answer)
{
    answer->status = answer->head[0] == '-' ? 500 : 200;
    if (answer->head[0] == '$' && answer->head[1] != '-') {
        answer->left = number_of(answer->head + 1, answer->head + answer->head_used, 10) + LINE_END;
    }
    answer->state = answer->left > 0 ? ANSWER_BODY : ANSWER_DONE;
    answer->head_used = 0;
}

/* Gather up to and with `mark`. Returns the bytes taken; `is_whole` when the mark is there. */
static size_t gather(struct answer *answer, const char *mark, const char *bytes, size_t length, bool *is_whole)
{
    size_t had = answer->head_used;
    size_t room = sizeof answer->head - 1 - had;
    size_t more = length < room ? length : room;
    size_t mark_length = strlen(mark);
    memcpy(answer->head + had, bytes, more);
    size_t from = had > mark_length ? had - mark_length : 0;
    const char *found = memmem(answer->head + from, had + more - from, mark, mark_length);
    *is_whole = found != NULL;
    answer->head_used = found != NULL ? (size_t)(found - answer->head) + mark_length : had + more;
    answer->head[answer->head_used] = '\0';
    if (found == NULL && more < length) answer->state = ANSWER_BAD;
    return answer->head_used - had;
}

static size_t take_head(struct answer *answer, bool is_redis, const char *bytes, size_t length)
{
    bool is_whole = false;
    size_t taken = gather(answer, is_redis ? "\r\n" : "\r\n\r\n", bytes, length, &is_whole);
    if (is_whole && is_redis)
        read_reply(answer);
    else if (is_whole)
        read_head(answer);
    return taken;
}

static size_t take_size(struct answer *answer, const char *bytes, size_t length)
{
    bool is_whole = false;
    size_t taken = gather(answer, "\r\n", bytes, length, &is_whole);
    if (!is_whole) return taken;
    answer->left = number_of(answer->head, answer->head + answer->head_used, 16) + LINE_END;
    answer->is_last_chunk = answer->left == LINE_END;
    answer->head_used = 0;
    answer->state = ANSWER_CHUNK;
    return taken;
}

static size_t take_body(struct answer *answer, const char *bytes, size_t length)
{
    size_t taken = answer->left < length ? (size_t)answer->left : length;
    size_t room = sizeof answer->start - answer->start_length;
    if (answer->status >= 400 && room > 0) {
        size_t kept = taken < room ? taken : room;
        memcpy(answer->start + answer->start_length, bytes, kept);
        answer->start_length += kept;
    }
    answer->left -= taken;
    answer->body_bytes += taken;
    if (answer->left > 0) return taken;
    if (answer->state == ANSWER_CHUNK) answer->body_bytes -= LINE_END;
    bool is_over = answer->state == ANSWER_BODY || answer->is_last_chunk;
    answer->state = is_over ? ANSWER_DONE : ANSWER_CHUNK_SIZE;
    return taken;
}

size_t answer_take(struct answer *answer, bool is_redis, const char *bytes, size_t length)
{
    size_t taken = 0;
    while (taken < length && answer->state != ANSWER_DONE && answer->state != ANSWER_BAD) {
        const char *at = bytes + taken;
        switch (answer->state) {
        case ANSWER_HEAD: taken += take_head(answer, is_redis, at, length - taken); break;
        case ANSWER_CHUNK_SIZE: taken += take_size(answer, at, length - taken); break;
        case ANSWER_BODY:
        case ANSWER_CHUNK: taken += take_body(answer, at, length - taken); break;
        case ANSWER_DONE:
        case ANSWER_BAD: break;
        }
    }
    answer->bytes += taken;
    return taken;
}
