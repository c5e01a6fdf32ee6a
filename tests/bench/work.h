/* Which requests are sent, and which answers they must get.
 *
 * Items are numbered; number n is sort key "k%09u" in partition "p%07u" of n / per_partition, and all have the
 * same value. Requests on single items are made beforehand, signature and all, for `distinct` items spread evenly
 * over the set; each request draws one of them. So signing costs the generator nothing while it measures, and the
 * server cannot know. Batches of new items are made one ahead, while the server works on the one before.
 */
#ifndef TESTS_BENCH_WORK_H
#define TESTS_BENCH_WORK_H

#include "tests/bench/answer.h"
#include "tests/bench/sign.h"

#include <sys/uio.h>

enum { WORK_PIECES_MAX = 3, WORK_TOKEN_LINE_MAX = ANSWER_TOKEN_CHARS_MAX + 40 };

/* A request on its way: up to three pieces of memory. */
struct request {
    struct iovec pieces[WORK_PIECES_MAX];
    uint32_t pieces_count;
    uint64_t slot;    /* of the item, among the distinct ones */
    bool is_learning; /* asks for a token, and is not counted */
    char *own;        /* memory of what is made on the spot */
    uint64_t own_bytes;
    char token_line[WORK_TOKEN_LINE_MAX];
};

struct token {
    uint16_t length;
    char text[ANSWER_TOKEN_CHARS_MAX];
};

struct work {
    const struct options *options;
    struct target target;
    struct signer signer;
    uint64_t slots_count;
    struct iovec *heads;    /* of each slot */
    struct iovec *learning; /* the same items as GET, where writes need a token */
    struct token *tokens;
    char *value;
    uint64_t next_item;
    uint64_t random;
};

void work_init(struct work *work, const struct options *options);

/* Free the requests made. */
void work_deinit(struct work *work);

/* How many requests of connection `index` only learn tokens, before those that count. */
uint64_t work_learning_count(const struct work *work, uint32_t index);

/* Make the next request of a connection. `learning` counts down the requests that only learn. */
void work_next(struct work *work, uint32_t index, uint64_t learning, struct request *request);

/* Called at the moment of sending: the token of the item, as the last answer gave it, goes in. */
void work_complete(struct work *work, struct request *request);

/* Ends the process when the answer is not the one that the request must get. */
void work_check(struct work *work, const struct request *request, const struct answer *answer);

bool work_is_redis(const struct work *work);

#endif
