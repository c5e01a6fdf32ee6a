/* Last-writer-wins registers: the order is total and the merge a join, tried on all small registers. */
#include "cmocka_all.h"
#include "crdt/lww.h"

static struct crdt_lww lww_of(uint64_t time_us, uint64_t actor, const char *payload, size_t payload_bytes)
{
    return (struct crdt_lww){time_us, actor, (const uint8_t *)payload, payload_bytes};
}

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static void time_decides_first_then_actor_then_payload(void **state)
{
    (void)state;
    const struct crdt_lww ascending[] = {
        lww_of(1, UINT64_MAX, "z", 1),  lww_of(2, 1, "z", 1),
        lww_of(2, 2, NULL, 0),          lww_of(2, 2, "a", 1),
        lww_of(2, 2, "ab", 2),          lww_of(2, 2, "b", 1),
        lww_of(2, 2, "\xff", 1),        lww_of(3, 0, NULL, 0),
        lww_of(UINT64_MAX, 0, NULL, 0), lww_of(UINT64_MAX, UINT64_MAX, "", 0),
    };
    int count = (int)(sizeof ascending / sizeof ascending[0]);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            assert_int_equal(sign_of(crdt_lww_compare(&ascending[i], &ascending[j])), sign_of(i - j));
        }
    }
}

static void an_empty_payload_is_equal_to_a_null_one(void **state)
{
    (void)state;
    struct crdt_lww a = lww_of(1, 1, NULL, 0);
    struct crdt_lww b = lww_of(1, 1, "", 0);
    assert_int_equal(crdt_lww_compare(&a, &b), 0);
}

static void assert_same(struct crdt_lww a, struct crdt_lww b)
{
    assert_int_equal(crdt_lww_compare(&a, &b), 0);
}

/* I8 for registers. */
static void merge_is_idempotent_commutative_and_associative_on_all_small_registers(void **state)
{
    (void)state;
    static const char *const payloads[] = {"", "a", "ab", "b"};
    struct crdt_lww all[2 * 2 * 4];
    size_t count = 0;
    for (uint64_t i = 0; i < 16; i++) {
        const char *payload = payloads[i & 3];
        all[count++] = lww_of(i >> 3, i >> 2 & 1, payload, (i & 3) == 2 ? 2 : (i & 3) != 0);
    }
    for (size_t a = 0; a < count; a++) {
        assert_same(crdt_lww_merge(all[a], all[a]), all[a]);
        for (size_t b = 0; b < count; b++) {
            struct crdt_lww ab = crdt_lww_merge(all[a], all[b]);
            assert_same(ab, crdt_lww_merge(all[b], all[a]));
            assert_true(crdt_lww_compare(&ab, &all[a]) >= 0 && crdt_lww_compare(&ab, &all[b]) >= 0);
            assert_true(crdt_lww_compare(&ab, &all[a]) == 0 || crdt_lww_compare(&ab, &all[b]) == 0);
            for (size_t c = 0; c < count; c++) {
                assert_same(crdt_lww_merge(ab, all[c]), crdt_lww_merge(all[a], crdt_lww_merge(all[b], all[c])));
            }
        }
    }
}

static void the_next_time_is_the_clock_or_just_above_the_previous(void **state)
{
    (void)state;
    assert_true(crdt_lww_next_time(0, 0) == 1);
    assert_true(crdt_lww_next_time(0, 1000) == 1000);
    assert_true(crdt_lww_next_time(1000, 1000) == 1001);
    assert_true(crdt_lww_next_time(1000, 1001) == 1001);
    assert_true(crdt_lww_next_time(2000, 1000) == 2001); /* a clock that went back */
    assert_true(crdt_lww_next_time(UINT64_MAX - 1, 0) == UINT64_MAX);
    assert_true(crdt_lww_next_time(UINT64_MAX, 0) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_decides_first_then_actor_then_payload),
        cmocka_unit_test(an_empty_payload_is_equal_to_a_null_one),
        cmocka_unit_test(merge_is_idempotent_commutative_and_associative_on_all_small_registers),
        cmocka_unit_test(the_next_time_is_the_clock_or_just_above_the_previous),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
