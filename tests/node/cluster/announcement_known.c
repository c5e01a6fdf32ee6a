/* A member that signs two announcements of one incarnation (a copy of it does, H2): whoever hears one and whoever
 * hears the other end with the same one, once they compare. */
#include "tests/node/cluster/puppet.h"

static struct puppet puppet;

static int set_up(void **state)
{
    (void)state;
    puppet_init(&puppet);
    puppet_become_member(&puppet);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    puppet_deinit(&puppet);
    return 0;
}

static struct span signed_as(uint64_t boot_nonce, const char *name)
{
    uint8_t *bytes = arena_alloc(&puppet.arena, ANNOUNCEMENT_BYTES_MAX);
    struct announcement announcement = {.incarnation = 50,
                                        .boot_nonce = boot_nonce,
                                        .address = span_text("10.0.0.2:3901"),
                                        .name = span_text(name)};
    memcpy(announcement.node_id, puppet_id(&puppet), LINK_NODE_ID_BYTES);
    return span_of(bytes, announcement_encode(&announcement, &puppet.identity, bytes));
}

static void say_announcement(struct span bytes)
{
    struct message message = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = &bytes, .spans_count = 1};
    puppet_say(&puppet, &message);
}

/* "I hold that one of me." What the node says to that is in heard[] and last[]. */
static void say_known(uint64_t mark)
{
    struct message_known known = {puppet_id(&puppet), 50, mark};
    struct message message = {.kind = MESSAGE_KNOWN, .known = &known, .known_count = 1};
    puppet.heard[MESSAGE_ANNOUNCEMENTS] = puppet.heard[MESSAGE_WANTED] = 0;
    puppet_say(&puppet, &message);
}

static const struct member *row(void)
{
    return members_find(&puppet.node.cluster.members, puppet_id(&puppet));
}

static uint64_t mark_held(void)
{
    return gossip_announcement_mark(row());
}

static void expect_both_go_over(struct span ours)
{
    bool is_told = false;
    say_known(mark_held() ^ 1);
    assert_int_equal(puppet.heard[MESSAGE_WANTED], 1);
    assert_int_equal(puppet.last[MESSAGE_WANTED].spans_count, 1);
    assert_memory_equal(puppet.last[MESSAGE_WANTED].spans[0].bytes, puppet_id(&puppet), LINK_NODE_ID_BYTES);
    for (uint32_t i = 0; i < puppet.last[MESSAGE_ANNOUNCEMENTS].spans_count; i++)
        is_told |= span_is_equal(puppet.last[MESSAGE_ANNOUNCEMENTS].spans[i], ours);
    assert_true(is_told);
}

static void of_two_announcements_of_one_incarnation_all_keep_the_same(void **state)
{
    (void)state;
    struct span first = signed_as(7, "one");
    struct span by_bytes = signed_as(7, "two"); /* signed anew in one run, which no sound program does */
    struct span by_run = signed_as(8, "one");
    bool is_later = span_compare(by_bytes, first) > 0;
    say_announcement(first);
    uint64_t mark = mark_held();
    say_known(mark);
    assert_int_equal(puppet.heard[MESSAGE_WANTED], 0);
    expect_both_go_over(first);
    say_announcement(by_bytes);
    assert_true((mark_held() != mark) == is_later);
    expect_both_go_over(is_later ? by_bytes : first);
    say_announcement(by_run);
    mark = mark_held();
    assert_int_equal(row()->announcement.boot_nonce, 8);
    say_announcement(first); /* in any order */
    say_announcement(by_bytes);
    assert_int_equal(mark_held(), mark);
    assert_null(strstr(puppet.log, "no sound node"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_two_announcements_of_one_incarnation_all_keep_the_same, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("announcement_known", tests, NULL, NULL);
}
