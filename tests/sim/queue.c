/* The order in which things happen. */
#include "sim/queue.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

static void the_sooner_comes_first_and_of_one_moment_the_first_put_in(void **state)
{
    (void)state;
    struct random random = random_begin(__func__);
    struct queue queue;
    queue_init(&queue);
    for (uint32_t i = 0; i < 5000; i++)
        queue_put(&queue, (struct happening){.time_us = random_below(&random, 50), .node = i});
    struct happening before = queue_take(&queue);
    while (queue_first(&queue) != NULL) {
        struct happening next = queue_take(&queue);
        assert_true(next.time_us >= before.time_us);
        if (next.time_us == before.time_us) assert_true(next.node > before.node);
        before = next;
    }
    queue_deinit(&queue);
}

/* What is put in while things are taken out has its place, too. */
static void it_is_as_a_plain_list_says(void **state)
{
    (void)state;
    enum { MOST = 300 };
    struct random random = random_begin(__func__);
    struct happening model[MOST];
    size_t count = 0;
    struct queue queue;
    queue_init(&queue);
    for (uint32_t i = 0; i < 20000; i++) {
        if (count < MOST && random_below(&random, 2) == 0) {
            model[count++] = (struct happening){.time_us = random_below(&random, 1000), .node = i};
            queue_put(&queue, model[count - 1]);
        } else if (count > 0) {
            size_t least = 0;
            for (size_t j = 1; j < count; j++) {
                if (model[j].time_us < model[least].time_us ||
                    (model[j].time_us == model[least].time_us && model[j].node < model[least].node))
                    least = j;
            }
            struct happening taken = queue_take(&queue);
            assert_int_equal(taken.node, model[least].node);
            model[least] = model[--count];
        }
    }
    assert_int_equal(queue.count, count);
    queue_deinit(&queue);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sooner_comes_first_and_of_one_moment_the_first_put_in),
        cmocka_unit_test(it_is_as_a_plain_list_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
