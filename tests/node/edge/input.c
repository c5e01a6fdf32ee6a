/* What connections hold is counted, bounded, and given back to the byte. */
#include "node/edge/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MEBIBYTE = 1024 * 1024, MANY = 1000 };

struct rig {
    struct arena_budget memory;
    struct input_budget budget;
    struct input inputs[MANY];
};

static struct rig *rig_create(size_t memory_bytes)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->memory.ceiling_bytes = memory_bytes;
    rig->budget.memory = &rig->memory;
    for (int i = 0; i < MANY; i++)
        input_init(&rig->inputs[i], &rig->budget);
    return rig;
}

/* All is given back: nothing is counted any more. */
static void rig_destroy(struct rig *rig)
{
    for (int i = 0; i < MANY; i++) {
        input_deinit(&rig->inputs[i]);
        input_deinit(&rig->inputs[i]);
        assert_int_equal(rig->inputs[i].held_bytes, 0);
    }
    assert_int_equal(rig->memory.held_bytes, 0);
    assert_int_equal(rig->budget.beyond_bytes, 0);
    free(rig);
}

/* Read a head of so many bytes that does not end; the status it is refused with, or 0. */
static int read_head(struct input *input, size_t bytes)
{
    static const char begin[] = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    static char text[HTTP_HEAD_BYTES_MAX];
    size_t taken = 0;
    struct http_parser *parser = input_take_parser(input);
    if (parser == NULL) return 503;
    memset(text, 'a', sizeof text);
    memcpy(text, begin, sizeof begin - 1);
    return http_parse(parser, text, bytes, &taken) == HTTP_REFUSED ? parser->status : 0;
}

static void an_idle_connection_holds_nothing_and_a_usual_head_little(void **state)
{
    (void)state;
    struct rig *rig = rig_create(MEBIBYTE);
    assert_int_equal(rig->memory.held_bytes, 0);
    assert_int_equal(read_head(&rig->inputs[0], 1500), 0);
    assert_in_range(rig->memory.held_bytes, 1, INPUT_FREE_BYTES);
    assert_int_equal(rig->budget.beyond_bytes, 0);
    assert_ptr_equal(input_parser(&rig->inputs[0]), input_take_parser(&rig->inputs[0]));
    input_give_parser(&rig->inputs[0]);
    assert_null(input_parser(&rig->inputs[0]));
    assert_int_equal(rig->memory.held_bytes, 0);
    rig_destroy(rig);
}

static void long_heads_take_half_of_the_memory_and_usual_ones_still_fit(void **state)
{
    (void)state;
    struct rig *rig = rig_create(4 * MEBIBYTE);
    int count = 0;
    while (read_head(&rig->inputs[count], 60000) == 0)
        count++;
    assert_in_range(count, 32, 40); /* 2 MiB of 60,000 bytes each, their first ones free */
    assert_true(rig->budget.beyond_bytes <= 2 * MEBIBYTE);
    assert_true(rig->memory.held_bytes <= 4 * MEBIBYTE);
    input_deinit(&rig->inputs[count]);
    for (int i = count; i < count + 100; i++)
        assert_int_equal(read_head(&rig->inputs[i], 1500), 0);
    input_deinit(&rig->inputs[0]);
    assert_int_equal(read_head(&rig->inputs[0], 60000), 0); /* when one leaves, the next may */
    rig_destroy(rig);
}

static void all_of_them_stay_within_the_memory(void **state)
{
    (void)state;
    struct rig *rig = rig_create(MEBIBYTE);
    int count = 0;
    while (read_head(&rig->inputs[count], 100) == 0)
        count++;
    assert_in_range(count, MEBIBYTE / INPUT_FREE_BYTES, MANY - 1);
    assert_true(rig->memory.held_bytes <= MEBIBYTE);
    rig_destroy(rig);
}

static void what_is_not_counted_has_no_bound(void **state)
{
    (void)state;
    struct rig *rig = rig_create(1);
    rig->budget.memory = NULL;
    for (int i = 0; i < 100; i++)
        assert_int_equal(read_head(&rig->inputs[i], 60000), 0);
    rig_destroy(rig);
}

/* Bytes go in and out in pieces of all sizes; what waits is always what was kept and not used. */
static void what_waits_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct rig *rig = rig_create(4 * MEBIBYTE);
    struct input *input = &rig->inputs[0];
    uint8_t in = 0, out = 0;
    for (size_t round = 1; round < 2000; round++) {
        char piece[97];
        size_t length = round * 31 % sizeof piece;
        for (size_t i = 0; i < length; i++)
            piece[i] = (char)in++;
        assert_true(input_keep(input, piece, length));
        size_t used = round * 17 % (input_waiting_bytes(input) + 1);
        for (size_t i = 0; i < used; i++)
            assert_int_equal((uint8_t)input->waiting[input->waiting_from + i], out++);
        input_use(input, used);
        assert_true(input->held_bytes >= input_waiting_bytes(input));
    }
    input_use(input, input_waiting_bytes(input));
    assert_int_equal(input->held_bytes, 0);
    rig_destroy(rig);
}

static void what_there_is_no_memory_for_is_not_kept_and_the_rest_stays(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    struct rig *rig = rig_create(100 * 1024);
    struct input *input = &rig->inputs[0];
    assert_true(input_keep(input, "kept", 4));
    memset(bytes, 'b', sizeof bytes);
    assert_false(input_keep(input, bytes, sizeof bytes)); /* beyond half */
    assert_int_equal(input_waiting_bytes(input), 4);
    assert_memory_equal(input->waiting + input->waiting_from, "kept", 4);
    assert_true(input_keep(input, bytes, 20 * 1024));
    assert_int_equal(input_waiting_bytes(input), 4 + 20 * 1024);
    rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_holds_nothing_and_a_usual_head_little),
        cmocka_unit_test(long_heads_take_half_of_the_memory_and_usual_ones_still_fit),
        cmocka_unit_test(all_of_them_stay_within_the_memory),
        cmocka_unit_test(what_is_not_counted_has_no_bound),
        cmocka_unit_test(what_waits_comes_out_as_it_went_in),
        cmocka_unit_test(what_there_is_no_memory_for_is_not_kept_and_the_rest_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
