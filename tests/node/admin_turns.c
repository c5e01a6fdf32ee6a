/* Operators' changes one after another, whoever leaves in between; their bodies and rules. */
#include "tests/node/operator.h"

/* --- one after another ---------------------------------------------------------------------------------- */

/* Two who want the same name at once: one gets it. */
static void two_changes_at_once_are_one_after_the_other(void **state)
{
    struct world *world = *state;
    world->holds.commits = true;
    uint32_t slots[4];
    for (int i = 0; i < 4; i++)
        slots[i] = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"wanted\"}");
    world_pump(world);
    assert_int_equal(world_count(&world->writes), 1); /* one turn at a time */
    world->holds.commits = false;
    world_pump(world);
    assert_int_equal(world_status(world, slots[0]), 200);
    for (int i = 1; i < 4; i++)
        expect_answer(world, slots[i], "409 BucketAlreadyExists");
    expect_part(world, "/v1/status", "\"buckets\":2,");
}

/* What one operator read was true when the change was made: create and delete, in the order they came. */
static void a_turn_that_fails_or_is_left_goes_to_the_next(void **state)
{
    struct world *world = *state;
    world->holds.commits = true;
    uint32_t first = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"first\"}");
    uint32_t second = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"second\"}");
    uint32_t third = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"third\"}");
    uint32_t fourth = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"first\"}");
    world_pump(world);
    world_leave(world, second); /* it waited for its turn: never begun */
    world_leave(world, first);  /* its change is lent: it will be made, and seen */
    disk_fail_next(&world->disk, 0, ERR_OK);
    world_commit(world);
    world_pump(world);
    disk_fail_next(&world->disk, 1, ERR_FULL); /* the third fails */
    world->holds.commits = false;
    world_pump(world);
    expect_answer(world, third, "507 InsufficientStorage");
    expect_answer(world, fourth, "409 BucketAlreadyExists");
    expect_admin(world, "GET", "/v1/buckets/second", "", "404 NoSuchBucket");
    expect_admin(world, "GET", "/v1/buckets/third", "", "404 NoSuchBucket");
    admin_ok(world, "GET", "/v1/buckets/first", "");
    admin_ok(world, "POST", "/v1/buckets", "{\"alias\":\"third\"}");
}

/* At every moment of a change its client may go: the node stays able to change, and shows what is stored. */
static void an_operator_may_leave_at_any_moment(void **state)
{
    struct world *world = *state;
    for (int moment = 0; moment < 5; moment++) {
        struct text body = text_of("{\"alias\":\"bucket-%d\"}", moment);
        struct text target = text_of("/v1/buckets/bucket-%d", moment);
        world->holds = (struct world_holds){.bodies = true, .commits = true, .answers = true, .sends = true};
        uint32_t slot = say_begin_admin(world, "POST", "/v1/buckets", body.text);
        if (moment >= 1) world_give_body(world, slot);
        if (moment >= 2) world_commit(world);
        if (moment >= 3) world_deliver(world, 0);
        if (moment >= 4) world_send(world, slot);
        world_leave(world, slot);
        world->holds = (struct world_holds){false};
        world_pump(world);
        uint32_t look = say_begin_admin(world, "GET", target.text, "");
        world_pump(world);
        assert_int_equal(world_status(world, look),
                         moment >= 1 ? 200 : 404); /* once lent it cannot be taken back */
        say_close(world, look);
        body = text_of("{\"alias\":\"after-%d\"}", moment);
        admin_ok(world, "POST", "/v1/buckets", body.text);
    }
}

/* --- bodies and rules ----------------------------------------------------------------------------------- */

static void bodies_are_bounded(void **state)
{
    struct world *world = *state;
    char *body = malloc(LIMITS_ADMIN_BODY_BYTES_MAX + 2);
    assert_non_null(body);
    memset(body, ' ', LIMITS_ADMIN_BODY_BYTES_MAX + 1);
    memcpy(body, "{\"alias\":\"large\"}", 17);
    body[LIMITS_ADMIN_BODY_BYTES_MAX + 1] = '\0';
    expect_admin(world, "POST", "/v1/buckets", body, "413 InvalidRequest");
    body[LIMITS_ADMIN_BODY_BYTES_MAX] = '\0';
    admin_ok(world, "POST", "/v1/buckets", body);
    free(body);
}

static void rules_are_set_and_taken_away(void **state)
{
    struct world *world = *state;
    expect_admin(world, "PUT", "/v1/buckets/demo/cors", "{}", "400 InvalidRequest");
    expect_admin(world, "PUT", "/v1/buckets/none/cors", "{\"rules\":[]}", "404 NoSuchBucket");
    admin_ok(
        world, "PUT", "/v1/buckets/demo/cors",
        "{\"rules\":[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"GET\"],\"allowed_headers\":[\"x-a\"],"
        "\"expose_headers\":[\"x-b\",\"x-c\"]}]}");
    expect_part(
        world, "/v1/buckets/demo",
        "\"cors\":[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"GET\"],\"allowed_headers\":[\"x-a\"],"
        "\"expose_headers\":[\"x-b\",\"x-c\"]}]");
    admin_ok(world, "PUT", "/v1/buckets/demo/cors", "{\"rules\":[]}");
    expect_part(world, "/v1/buckets/demo", "\"cors\":[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(two_changes_at_once_are_one_after_the_other),
        world_test(a_turn_that_fails_or_is_left_goes_to_the_next),
        world_test(an_operator_may_leave_at_any_moment),
        world_test(bodies_are_bounded),
        world_test(rules_are_set_and_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
