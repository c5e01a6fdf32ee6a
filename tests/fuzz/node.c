/* A whole node, asked by several clients at once. The input is a sequence of choices, a byte each:
 * which request is begun with which keys, values, tokens and ranges, and in which order its pieces of
 * body, reads, commits, answers, departures, deadlines, failing disks and restarts come. Every answer is compared
 * with a model of plain values (tests/lib/node_model.h); at the end every poll must have heard all there is.
 */
#include <stdio.h>
#include <stdlib.h>

#define WORLD_CHECK(condition)                                                                                    \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
            abort();                                                                                              \
        }                                                                                                         \
    } while (0)

#include "tests/lib/node_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 1500 };

struct choices {
    const uint8_t *at;
    size_t left;
};

/* The next choice; 0 when there are no more. */
static uint32_t draw(void *source, uint32_t bound)
{
    struct choices *choices = source;
    if (choices->left == 0 || bound < 2) return 0;
    choices->left--;
    return *choices->at++ % bound;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {data, size};
    struct history *history = history_create(draw, &choices);
    history->is_told = getenv("HISTORY_TOLD") != NULL;
    for (uint32_t step = 0; step < STEPS_MAX && choices.left > 0; step++)
        history_step(history);
    history_destroy(history);
    return 0;
}
