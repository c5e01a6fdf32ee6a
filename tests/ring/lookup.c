/* From a hash to its holders. */
#include "ring/lookup.h"
#include "tests/lib/ring_rig.h"

static void make(struct ring_layout *layout, uint32_t partitions)
{
    rig_init(layout, partitions, 2, 0);
    rig_zones(layout, 2);
    for (uint32_t i = 0; i < 5; i++)
        rig_add(layout, i, i % 2, 1000000);
    assert_int_equal(rig_assign(NULL, layout).fault, RING_FINE);
}

/* As many bits as the layout has partitions for, from one partition to 1,024. */
static void the_top_bits_name_the_partition(void **state)
{
    (void)state;
    static struct ring_layout layout;
    uint8_t hash[RING_HASH_BYTES] = {0xa5, 0xc3, 0xff};
    for (uint32_t bits = 0; bits <= 10; bits++) {
        make(&layout, 1u << bits);
        assert_int_equal(ring_lookup_partition(&layout, hash), 0xa5c3u >> (16 - bits));
    }
    assert_int_equal(ring_lookup_partition(&layout, hash), ring_partition_of(hash));
}

static void holders_are_those_of_the_table(void **state)
{
    (void)state;
    static struct ring_layout layout;
    make(&layout, 16);
    for (uint32_t p = 0; p < 16; p++) {
        const uint16_t *holders = ring_lookup_holders(&layout, p);
        assert_memory_equal(holders, layout.holders[p], 2 * sizeof holders[0]);
        for (uint32_t node = 0; node < 5; node++) {
            bool is_holder = holders[0] == node || holders[1] == node;
            assert_int_equal(ring_lookup_is_holder(&layout, p, node), is_holder);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_top_bits_name_the_partition),
        cmocka_unit_test(holders_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
