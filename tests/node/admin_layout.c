/* The operator's requests about layout and cluster, at a whole node: their turn, a store that refuses, an operator
 * who leaves, a restart. What they mean is in node/cluster/plan.c's tests. */
#include "tests/node/operator.h"

#define STAGE  "/v1/layout/stage"
#define APPLY  "/v1/layout/apply"
#define REVERT "/v1/layout/revert"

/* This node's id. */
static struct text own_id(struct world *world)
{
    char digits[2 * LINK_NODE_ID_BYTES];
    const uint8_t *key = world->node.cluster.identity.node_key;
    hash_hex(key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES, LINK_NODE_ID_BYTES, digits);
    return text_of("%.64s", digits);
}

/* A role for this node and one copy are staged. */
static void stage_own(struct world *world, const char *zone)
{
    struct text id = own_id(world);
    struct text body = text_of("{\"node\":\"%s\",\"zone\":\"%s\",\"capacity\":1000000}", id.text, zone);
    admin_ok(world, "POST", STAGE, body.text);
    admin_ok(world, "POST", STAGE, "{\"replication\":1}");
}

static void a_layout_is_staged_applied_and_there_after_a_restart(void **state)
{
    struct world *world = *state;
    expect_part(world, "/v1/layout", "\"in_force\":null,\"staged\":[],\"next_version\":1,\"lost_versions\":0}");
    stage_own(world, "here");
    expect_admin(world, "POST", APPLY, "{\"version\":2}", "409 WrongNumber");
    admin_ok(world, "POST", "/v1/layout/plan", "");
    admin_ok(world, "POST", APPLY, "{\"version\":1}");
    admin_ok(world, "POST", APPLY, "{\"version\":1}"); /* again: nothing to do */
    expect_admin(world, "POST", APPLY, "{\"version\":2}", "409 NothingStaged");
    expect_part(world, "/v1/layout/history", "\"fate\":\"in force\",\"made\":\"2025-06-15T12:00:00Z\"");
    world_restart(world);
    expect_part(world, "/v1/layout", "\"in_force\":{\"version\":1,");
    expect_part(world, "/v1/cluster", "\"zones\":[{\"zone\":\"here\",\"nodes\":1,\"up\":1,\"partitions\":1024,");
}

/* Two who apply the same number at once: one makes it, the other is told that it is so. */
static void changes_of_all_kinds_take_turns(void **state)
{
    struct world *world = *state;
    stage_own(world, "here");
    world->holds.commits = true;
    uint32_t bucket = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"first\"}");
    uint32_t first = say_begin_admin(world, "POST", APPLY, "{\"version\":1}");
    uint32_t second = say_begin_admin(world, "POST", APPLY, "{\"version\":1}");
    uint32_t revert = say_begin_admin(world, "POST", REVERT, "{}");
    uint32_t key = say_begin_admin(world, "POST", "/v1/keys", "{\"name\":\"last\"}");
    world_pump(world);
    assert_int_equal(world_count(&world->writes), 1);
    world->holds.commits = false;
    world_pump(world);
    assert_int_equal(world_status(world, bucket), 200);
    assert_int_equal(world_status(world, first), 200);
    assert_int_equal(world_status(world, second), 200);
    assert_int_equal(world_status(world, revert), 200);
    assert_int_equal(world_status(world, key), 200);
    char *line = say_line(world, second);
    assert_non_null(strstr(line, "\"changed\":false,\"message\":\"version 1 is in force already"));
    free(line);
    expect_part(world, "/v1/layout/history", "{\"versions\":[{\"version\":1,");
}

static void a_full_disk_changes_nothing_and_the_next_change_has_its_turn(void **state)
{
    struct world *world = *state;
    stage_own(world, "here");
    disk_fail_next(&world->disk, 1, ERR_FULL);
    expect_admin(world, "POST", APPLY, "{\"version\":1}", "507 InsufficientStorage");
    expect_part(world, "/v1/layout", "\"in_force\":null,");
    admin_ok(world, "POST", APPLY, "{\"version\":1}");
    expect_part(world, "/v1/layout", "\"in_force\":{\"version\":1,");
}

/* At every moment of a change its operator may go: the node stays able to change, and shows what is stored. */
static void an_operator_may_leave_at_any_moment(void **state)
{
    struct world *world = *state;
    stage_own(world, "zone-0");
    admin_ok(world, "POST", APPLY, "{\"version\":1}");
    int version = 1;
    for (int moment = 0; moment < 5; moment++) {
        struct text zone = text_of("zone-%d", moment + 1);
        stage_own(world, zone.text);
        struct text body = text_of("{\"version\":%d}", version + 1);
        world->holds = (struct world_holds){.bodies = true, .commits = true, .answers = true, .sends = true};
        uint32_t slot = say_begin_admin(world, "POST", APPLY, body.text);
        if (moment >= 1) world_give_body(world, slot);
        if (moment >= 2) world_commit(world);
        if (moment >= 3) world_deliver(world, 0);
        if (moment >= 4) world_send(world, slot);
        world_leave(world, slot);
        world->holds = (struct world_holds){false};
        world_pump(world);
        version += moment >= 1; /* once lent it cannot be taken back */
        struct text part = text_of("\"in_force\":{\"version\":%d,", version);
        expect_part(world, "/v1/layout", part.text);
    }
    admin_ok(world, "POST", REVERT, "");
}

static void without_a_cluster_there_is_nobody_to_connect_to(void **state)
{
    struct world *world = *state;
    expect_part(world, "/v1/cluster", "200 {\"verdict\":\"well\",\"summary\":\"1 of 1 node is up, no layout,");
    expect_part(world, "/v1/cluster/connect", "{\"outcome\":\"idle\",\"message\":\"\"}");
    expect_admin(world, "POST", "/v1/cluster/connect", "{\"target\":\"127.0.0.1:1\"}", "409 CannotConnect");
    expect_admin(world, "POST", "/v1/cluster/connect", "{}", "400 InvalidRequest");
    struct text id = own_id(world);
    struct text body = text_of("{\"node\":\"%s\"}", id.text);
    expect_admin(world, "POST", "/v1/cluster/remove", body.text, "409 NodeIsSelf");
    expect_part(world, "/v1/stats", "\"cluster\":{\"nodes\":1,\"nodes_up\":1,");
}

/* Documents of other nodes may claim anything: they are shown, never fatal (H12). */
static void what_other_nodes_claim_is_shown_and_never_fatal(void **state)
{
    struct world *world = *state;
    struct service *service = &world->node.requests.service;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const uint8_t id[KEYS_BUCKET_ID_BYTES] = {0xab, 0xcd};
    const struct document_bucket bucket = {id, true, UINT64_MAX};
    const struct document_member member = {true, UINT64_MAX, span_text("\xff\x1b[2J")};
    struct op_document documents[2] = {
        {.key = document_key_of(&arena, DOCUMENT_BUCKET, span_of(id, sizeof id))},
        {.key = document_key_of(&arena, DOCUMENT_MEMBER, span_of(id, sizeof id))},
    };
    struct span payloads[2] = {document_encode_bucket(&arena, &bucket), document_encode_member(&arena, &member)};
    for (int i = 0; i < 2; i++) {
        documents[i].register_ = (struct crdt_lww){.time_us = UINT64_MAX,
                                                   .actor = UINT64_MAX,
                                                   .payload = payloads[i].bytes,
                                                   .payload_bytes = payloads[i].length};
    }
    assert_true(view_renew(&service->view, documents, 2));
    expect_part(world, "/v1/buckets", "\"created\":\"9999-12-31T23:59:59Z\"");
    admin_ok(world, "POST", STAGE, "{\"node\":\"abcd0000\",\"zone\":\"z\",\"capacity\":1}");
    expect_part(world, "/v1/layout", "\"name\":\"?\\u001b[2J\"");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_layout_is_staged_applied_and_there_after_a_restart),
        world_test(changes_of_all_kinds_take_turns),
        world_test(a_full_disk_changes_nothing_and_the_next_change_has_its_turn),
        world_test(an_operator_may_leave_at_any_moment),
        world_test(without_a_cluster_there_is_nobody_to_connect_to),
        world_test(what_other_nodes_claim_is_shown_and_never_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
