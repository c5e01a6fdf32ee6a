/* The ring partition of a hash: its top ten bits, nothing else. */
#include "ring/partition.h"
#include "tests/lib/check.h"

static uint32_t partition_of(uint8_t first, uint8_t second, uint8_t rest)
{
    uint8_t hash[RING_HASH_BYTES];
    memset(hash, rest, sizeof hash);
    hash[0] = first;
    hash[1] = second;
    return ring_partition_of(hash);
}

static void the_top_ten_bits_name_the_partition(void **state)
{
    (void)state;
    assert_int_equal(partition_of(0x00, 0x00, 0x00), 0);
    assert_int_equal(partition_of(0x00, 0x40, 0x00), 1);
    assert_int_equal(partition_of(0x01, 0x00, 0x00), 4);
    assert_int_equal(partition_of(0x80, 0x00, 0x00), 512);
    assert_int_equal(partition_of(0xff, 0x80, 0x00), 1022);
    assert_int_equal(partition_of(0xff, 0xc0, 0x00), RING_PARTITIONS - 1);
}

static void lower_bits_do_not_matter(void **state)
{
    (void)state;
    assert_int_equal(partition_of(0x00, 0x3f, 0xff), 0);
    assert_int_equal(partition_of(0x00, 0x7f, 0xff), 1);
    assert_int_equal(partition_of(0xff, 0xff, 0xff), RING_PARTITIONS - 1);
}

/* Every partition is a contiguous range of hashes, all equally wide. */
static void partitions_follow_the_order_of_hashes(void **state)
{
    (void)state;
    uint32_t widths[RING_PARTITIONS] = {0};
    uint32_t previous = 0;
    for (uint32_t top = 0; top < 1 << 16; top++) {
        uint32_t partition = partition_of((uint8_t)(top >> 8), (uint8_t)top, 0x5a);
        assert_in_range(partition, previous, RING_PARTITIONS - 1);
        assert_true(partition - previous <= 1);
        widths[partition]++;
        previous = partition;
    }
    for (uint32_t i = 0; i < RING_PARTITIONS; i++)
        assert_int_equal(widths[i], (1 << 16) / RING_PARTITIONS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_top_ten_bits_name_the_partition),
        cmocka_unit_test(lower_bits_do_not_matter),
        cmocka_unit_test(partitions_follow_the_order_of_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
