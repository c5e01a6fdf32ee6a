/* Random histories of all operations against the model, effects carried out in random order. SEED gives another
 * one, HISTORIES how many (one after another, each with the next seed); HISTORY_TOLD=1 tells every step. */
#include "tests/lib/check.h"
#include "tests/lib/node_history.h"
#include "tests/lib/random.h"

enum { HISTORIES = 300, STEPS = 400 };

static uint32_t draw(void *source, uint32_t bound)
{
    return random_below(source, bound);
}

static void random_histories_agree_with_the_model(void **state)
{
    (void)state;
    struct random random = random_begin("random_histories_agree_with_the_model");
    const char *text = getenv("HISTORIES");
    uint32_t histories = text == NULL ? HISTORIES : (uint32_t)strtoul(text, NULL, 10);
    uint64_t seed = random.state;
    uint64_t answers[ACTION_POLL_RANGE + 1] = {0};
    for (uint32_t i = 0; i < histories; i++) {
        random.state = seed + i;
        struct history *history = history_create(draw, &random);
        history->is_told = getenv("HISTORY_TOLD") != NULL;
        uint32_t steps = random_below(&random, STEPS);
        for (uint32_t step = 0; step < steps; step++)
            history_step(history);
        history_end_chains(history);
        for (int kind = 0; kind <= ACTION_POLL_RANGE; kind++)
            answers[kind] += history->answers_count[kind];
        history_destroy(history);
    }
    printf("answers: %" PRIu64 " writes, %" PRIu64 " reads, %" PRIu64 " searches, %" PRIu64 " deletions, %" PRIu64
           " indexes, %" PRIu64 " item polls, %" PRIu64 " range polls\n",
           answers[ACTION_WRITE], answers[ACTION_READ], answers[ACTION_SEARCH], answers[ACTION_DELETE],
           answers[ACTION_INDEX], answers[ACTION_POLL_ITEM], answers[ACTION_POLL_RANGE]);
    for (int kind = ACTION_WRITE; kind <= ACTION_POLL_RANGE; kind++)
        assert_true(answers[kind] >= histories / 4); /* else the history is vacuous */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
