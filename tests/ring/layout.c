/* Layouts from elsewhere: every rule is broken once, and any bytes are survived. Then the small questions. */
#include "ring/layout.h"
#include "tests/lib/ring_rig.h"

/* Five nodes in three zones, two copies, eight partitions; sound in all. */
static void make(struct ring_layout *layout)
{
    rig_init(layout, 8, 2, 0);
    rig_zones(layout, 3);
    for (uint32_t i = 0; i < 5; i++)
        rig_add(layout, 10 * i, i % 3, 1000000);
    assert_int_equal(rig_assign(NULL, layout).fault, RING_FINE);
}

static void refused(const struct ring_layout *layout, const char *expected)
{
    const char *why = NULL;
    assert_false(ring_layout_check(layout, &why));
    assert_string_equal(why, expected);
}

/* What an assignment is made from, too. */
static void roles_refused(const struct ring_layout *layout, const char *expected)
{
    const char *why = NULL;
    refused(layout, expected);
    assert_false(ring_layout_check_roles(layout, &why));
    assert_string_equal(why, expected);
}

static void taken(const struct ring_layout *layout)
{
    const char *why = "";
    assert_true(ring_layout_check(layout, &why));
    assert_null(why);
    why = "";
    assert_true(ring_layout_check_roles(layout, &why));
    assert_null(why);
}

static void a_version_is_named_by_number_and_parent(void **state)
{
    (void)state;
    static struct ring_layout layout;
    const char *why;
    make(&layout);
    taken(&layout);
    layout.parent[31] = 1;
    refused(&layout, "the first version has a parent");
    layout.number = 2;
    taken(&layout);
    layout.number = UINT64_MAX;
    taken(&layout);
    layout.parent[31] = 0;
    refused(&layout, "a later version has no parent");
    layout.number = 0;
    refused(&layout, "versions begin with 1");
    assert_true(ring_layout_check_roles(&layout, &why)); /* which does not ask for names */
}

static void numbers_are_bounded(void **state)
{
    (void)state;
    static struct ring_layout layout;
    make(&layout);
    layout.partitions_count = 0;
    roles_refused(&layout, "the number of partitions is out of bounds");
    layout.partitions_count = 2 * RING_PARTITIONS;
    roles_refused(&layout, "the number of partitions is out of bounds");
    layout.partitions_count = 7;
    roles_refused(&layout, "the number of partitions is no power of two");
    make(&layout);
    layout.replication = 0;
    roles_refused(&layout, "no copies are wanted");
    layout.replication = RING_REPLICATION_MAX + 1;
    roles_refused(&layout, "too many copies are wanted");
    make(&layout);
    layout.zone_redundancy = 2;
    taken(&layout);
    layout.zone_redundancy = 3;
    roles_refused(&layout, "more zones than copies are wanted");
}

static void zones_have_names_in_order(void **state)
{
    (void)state;
    static struct ring_layout layout;
    static const char *const good[] = {"zA", "zz", "z.", "z_", "z0-9"};
    static const char *const bad[] = {"", "z/", "z:", "z@", "z[", "z^", "z`", "z{", "z ", "z\xc3\xa4", "z,"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        make(&layout);
        snprintf(layout.zones[1], RING_ZONE_NAME_BYTES, "%s", good[i]);
        snprintf(layout.zones[0], RING_ZONE_NAME_BYTES, "A");
        snprintf(layout.zones[2], RING_ZONE_NAME_BYTES, "zzz");
        taken(&layout);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make(&layout);
        snprintf(layout.zones[1], RING_ZONE_NAME_BYTES, "%s", bad[i]);
        roles_refused(&layout, "a zone's name is not allowed");
    }
    make(&layout);
    memset(layout.zones[2], 'z', RING_ZONE_NAME_BYTES); /* no NUL */
    roles_refused(&layout, "a zone's name is not allowed");
    layout.zones[2][RING_ZONE_NAME_BYTES - 1] = '\0';
    taken(&layout);
    make(&layout);
    memcpy(layout.zones[1], layout.zones[0], RING_ZONE_NAME_BYTES);
    roles_refused(&layout, "zones are not in order");
    make(&layout);
    layout.zones_count = RING_ZONES_MAX + 1;
    roles_refused(&layout, "too many zones");
    layout.zones_count = 2;
    roles_refused(&layout, "a node is in no zone");
}

static void nodes_have_capacity_zone_and_order(void **state)
{
    (void)state;
    static struct ring_layout layout;
    make(&layout);
    layout.nodes_count = 0;
    roles_refused(&layout, "no node");
    layout.nodes_count = RING_NODES_MAX + 1;
    roles_refused(&layout, "too many nodes");
    make(&layout);
    layout.nodes[3].capacity = 0;
    roles_refused(&layout, "a node has no capacity");
    layout.nodes[3].capacity = RING_CAPACITY_MAX;
    taken(&layout);
    layout.nodes[3].capacity = RING_CAPACITY_MAX + 1;
    roles_refused(&layout, "a node's capacity is out of bounds");
    make(&layout);
    memcpy(layout.nodes[2].id, layout.nodes[1].id, RING_NODE_ID_BYTES);
    roles_refused(&layout, "nodes are not in order");
    make(&layout);
    layout.nodes[2].zone = 0; /* the only one of its zone */
    roles_refused(&layout, "a zone has no node");
}

static void partitions_have_holders_in_zones_enough(void **state)
{
    (void)state;
    static struct ring_layout layout;
    make(&layout);
    layout.holders[7][1] = 5;
    refused(&layout, "a holder is no node");
    layout.holders[7][1] = UINT16_MAX;
    refused(&layout, "a holder is no node");
    make(&layout);
    layout.holders[0][0] = layout.holders[0][1];
    refused(&layout, "holders are not in order");
    make(&layout);
    layout.holders[3][0] = 1; /* both in zone 1 */
    layout.holders[3][1] = 4;
    refused(&layout, "a partition is in too few zones");
    layout.zone_redundancy = 1;
    taken(&layout);
}

/* Layouts come from documents of others: any bytes get an answer, and no read outside. */
static void any_bytes_are_survived(void **state)
{
    (void)state;
    static struct ring_layout layout;
    struct random random = random_begin(__func__);
    const char *why;
    for (uint32_t round = 0; round < 2000; round++) {
        make(&layout);
        for (uint32_t times = 1 + random_below(&random, 3); times > 0; times--) {
            size_t at = random_below(&random,
                                     offsetof(struct ring_layout, holders) + 8 * sizeof layout.holders[0]);
            ((uint8_t *)&layout)[at] = (uint8_t)random_u64(&random);
        }
        (void)ring_layout_check(&layout, &why);
        (void)ring_assign_memory_bytes(&layout);
    }
    memset(&layout, 0xff, sizeof layout);
    assert_false(ring_layout_check(&layout, &why));
}

static void a_node_is_found_by_its_id(void **state)
{
    (void)state;
    static struct ring_layout layout;
    uint8_t id[RING_NODE_ID_BYTES];
    make(&layout);
    for (int i = 0; i < 5; i++) {
        memcpy(id, layout.nodes[i].id, sizeof id);
        assert_int_equal(ring_layout_node(&layout, id), i);
        id[31] ^= 1;
        assert_int_equal(ring_layout_node(&layout, id), -1);
    }
    layout.nodes_count = 0;
    assert_int_equal(ring_layout_node(&layout, id), -1);
}

static void zones_wanted_are_those_asked_for_or_all_there_can_be(void **state)
{
    (void)state;
    static struct ring_layout layout;
    make(&layout);
    assert_int_equal(ring_layout_zones_wanted(&layout), 2); /* as many as copies */
    layout.replication = 5;
    assert_int_equal(ring_layout_zones_wanted(&layout), 3); /* as many as zones */
    layout.zone_redundancy = 1;
    assert_int_equal(ring_layout_zones_wanted(&layout), 1);
}

static void loads_are_counted(void **state)
{
    (void)state;
    static struct ring_layout layout;
    uint32_t sum = 0;
    make(&layout);
    for (uint32_t i = 0; i < 5; i++)
        sum += ring_layout_load(&layout, i);
    assert_int_equal(sum, 16);
    for (uint32_t p = 0; p < 8; p++)
        layout.holders[p][0] = 0;
    assert_int_equal(ring_layout_load(&layout, 0), 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_named_by_number_and_parent),
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(zones_have_names_in_order),
        cmocka_unit_test(nodes_have_capacity_zone_and_order),
        cmocka_unit_test(partitions_have_holders_in_zones_enough),
        cmocka_unit_test(any_bytes_are_survived),
        cmocka_unit_test(a_node_is_found_by_its_id),
        cmocka_unit_test(zones_wanted_are_those_asked_for_or_all_there_can_be),
        cmocka_unit_test(loads_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
