/* A change of documents takes a moment to reach all: only who has others for long, and always the same, is apart.
 */
#include "node/cluster/member.h"
#include "tests/lib/check.h"

enum { PROBE_MS = 1000 };

static const uint8_t ours[16] = {1}, older[16] = {2}, newer[16] = {3};

/* A member that answers and had our documents when it spoke, at 1 s. */
static struct member equal_member(void)
{
    struct member member = {.state = MEMBER_ALIVE};
    member_hear_documents(&member, ours, ours, 1000);
    return member;
}

static void a_change_on_its_way_is_no_difference_that_lasts(void **state)
{
    (void)state;
    struct member member = equal_member();
    assert_false(member_differs(&member));
    member_hear_documents(&member, older, ours, 4000); /* we changed something meanwhile */
    assert_true(member_differs(&member));
    assert_false(member_is_apart(&member, PROBE_MS));
    member_hear_documents(&member, ours, ours, 6000);
    assert_false(member_differs(&member));
}

static void who_stays_behind_is_apart_and_is_not_any_more_when_it_has_caught_up(void **state)
{
    (void)state;
    struct member member = equal_member();
    for (uint64_t now_ms = 20000; now_ms <= 20000 + MEMBER_APART_PROBES * PROBE_MS; now_ms += PROBE_MS) {
        member_hear_documents(&member, older, ours, now_ms);
        assert_false(member_is_apart(&member, PROBE_MS));
    }
    member_hear_documents(&member, older, ours, 40000);
    assert_true(member_is_apart(&member, PROBE_MS));
    member.state = MEMBER_DOWN; /* that is said in other words */
    assert_false(member_is_apart(&member, PROBE_MS));
    member.state = MEMBER_ALIVE;
    member_hear_documents(&member, ours, ours, 41000);
    assert_false(member_is_apart(&member, PROBE_MS));
}

/* One change after the other, a node always some seconds behind: it gets on. */
static void who_gets_on_is_not_apart(void **state)
{
    (void)state;
    struct member member = equal_member();
    for (uint64_t i = 1; i < 100; i++) {
        member_hear_documents(&member, i % 2 == 0 ? older : newer, ours, i * 3 * PROBE_MS);
        assert_true(member_differs(&member));
        assert_false(member_is_apart(&member, PROBE_MS));
    }
}

/* Time while it was away does not count. */
static void who_comes_back_has_its_time(void **state)
{
    (void)state;
    struct member member = equal_member();
    member_hear_documents(&member, older, ours, 2000);
    member.state = MEMBER_DOWN;
    member_hear_documents(&member, older, ours, 3600000);
    member.state = MEMBER_ALIVE;
    assert_false(member_is_apart(&member, PROBE_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_on_its_way_is_no_difference_that_lasts),
        cmocka_unit_test(who_stays_behind_is_apart_and_is_not_any_more_when_it_has_caught_up),
        cmocka_unit_test(who_gets_on_is_not_apart),
        cmocka_unit_test(who_comes_back_has_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
