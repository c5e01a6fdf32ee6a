/* What a member, or whoever has the secret, can do to those who let in, ask and listen. One real node, a puppet.
 */
#include "node/cluster/join.h"
#include "tests/node/cluster/puppet.h"

enum { SECOND_LINK = PUPPET_LINK + 1, REFUSED_STRANGERS = 50, SELDOM_MS = 64000 };

static struct puppet puppet;

static struct cluster *cluster(void)
{
    return &puppet.node.cluster;
}

static int set_up(void **state)
{
    (void)state;
    puppet_init(&puppet);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    puppet_deinit(&puppet);
    return 0;
}

static void say(enum message_kind kind)
{
    const struct message message = {.kind = kind};
    puppet_say(&puppet, &message);
}

/* What a later program may say: not understood, and passed over. */
static void say_something(void)
{
    static const uint8_t later_kind[] = {0x91, 0x63};
    puppet_say_bytes(&puppet, span_of(later_kind, sizeof later_kind));
}

/* Another node than before, of no cluster. */
static void become_newcomer(uint32_t number)
{
    uint8_t seed[32] = {9};
    uint8_t id[LINK_NODE_ID_BYTES];
    wire_store_u64(seed + 1, number);
    crypto_sign_ed25519_seed_keypair(id, puppet.identity.node_key, seed);
    memset(puppet.identity.cluster_id, 'n', LINK_CLUSTER_ID_BYTES);
    puppet.identity.is_member = false;
}

static uint32_t lines_of(const char *text)
{
    uint32_t count = 0;
    for (const char *at = strstr(puppet.log, text); at != NULL; at = strstr(at + 1, text))
        count++;
    return count;
}

static struct span announcement_of(const struct link_identity *identity, uint64_t flags, uint64_t incarnation)
{
    struct announcement announcement = {.incarnation = incarnation,
                                        .boot_nonce = 1,
                                        .address = span_text("10.0.0.2:3901"),
                                        .program = span_text("0"),
                                        .flags = flags};
    uint8_t *bytes = arena_alloc(&puppet.arena, ANNOUNCEMENT_BYTES_MAX);
    memcpy(announcement.node_id, identity->node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES,
           LINK_NODE_ID_BYTES);
    return span_of(bytes, announcement_encode(&announcement, identity, bytes));
}

static void say_announcement(struct span announcement)
{
    const struct message message = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = &announcement, .spans_count = 1};
    puppet_say(&puppet, &message);
}

static void say_hello(struct span announcement)
{
    static const uint8_t none[16];
    const struct message hello = {.kind = MESSAGE_HELLO,
                                  .announcement = announcement,
                                  .documents_digest = span_of(none, sizeof none),
                                  .announcements_digest = span_of(none, sizeof none)};
    puppet_say(&puppet, &hello);
}

/* --- letting in -----------------------------------------------------------------------------------------------
 */

/* A newcomer asks; was it let in? */
static bool is_let_in(uint32_t number, bool is_invited)
{
    arena_reset(&puppet.arena);
    become_newcomer(number);
    puppet_dial(&puppet);
    cluster()->links->channels[PUPPET_LINK]->is_invited = is_invited;
    puppet_ask(&puppet);
    bool is_in = puppet.heard[MESSAGE_JOIN_GRANT] == 1;
    if (!is_in) assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_BUSY);
    puppet_hang_up(&puppet);
    return is_in;
}

static uint32_t let_in(uint32_t first, uint32_t count)
{
    uint32_t in = 0;
    for (uint32_t i = 0; i < count; i++)
        in += is_let_in(first + i, false);
    return in;
}

/* A cluster that forms is in at once; who makes up nodes needs hours for as many as there may be. */
static void newcomers_come_in_at_a_bounded_rate(void **state)
{
    (void)state;
    assert_int_equal(let_in(0, JOIN_ADMISSIONS_AT_ONCE + 2), JOIN_ADMISSIONS_AT_ONCE);
    assert_true(is_let_in(0, false)); /* a member is granted again */
    assert_true(is_let_in(1000, true));
    puppet_wait(&puppet, 60000);
    assert_int_equal(let_in(2000, JOIN_ADMISSIONS_A_MINUTE + 2), JOIN_ADMISSIONS_A_MINUTE);
}

/* The puppet tells the node, as a member may. */
static void be_taken_out(void)
{
    const struct document_member member = {.since_us = 1, .name = span_text("x")};
    struct span payload = document_encode_member(&puppet.arena, &member);
    struct span id = span_of(cluster()->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES,
                             LINK_NODE_ID_BYTES);
    struct op_document removal = {.key = document_key_of(&puppet.arena, DOCUMENT_MEMBER, id),
                                  .register_ = {UINT64_C(1) << 50, 7, payload.bytes, payload.length}};
    const struct message message = {.kind = MESSAGE_PROBLEM,
                                    .reason = MESSAGE_REASON_REMOVED,
                                    .text = span_text("you were taken out"),
                                    .documents = &removal,
                                    .documents_count = 1};
    puppet_say(&puppet, &message);
    assert_int_equal(cluster()->stage, CLUSTER_REMOVED);
}

static void strangers_who_are_not_let_in_do_not_fill_the_log(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    be_taken_out();
    puppet_hang_up(&puppet);
    for (uint32_t i = 0; i < REFUSED_STRANGERS; i++) {
        become_newcomer(i);
        puppet_dial(&puppet);
        puppet_ask(&puppet);
        assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_NOT_MEMBER);
        puppet_hang_up(&puppet);
    }
    assert_int_equal(lines_of("a node was not let in"), LINKS_REFUSALS_LOGGED);
}

/* --- asking ---------------------------------------------------------------------------------------------------
 */

/* Who was asked keeps the link busy, and never answers. */
static void who_is_asked_has_to_answer_in_time(void **state)
{
    (void)state;
    puppet.identity.is_member = true;
    puppet_dial(&puppet);
    say(MESSAGE_JOIN_INVITE);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 1);
    for (uint32_t waited_ms = 0; waited_ms < LINKS_IDLE_MS; waited_ms += LINKS_IDLE_MS / 3) {
        assert_true(cluster()->join->is_asking);
        say_something();
        puppet_wait(&puppet, LINKS_IDLE_MS / 3);
    }
    puppet_pump(&puppet);
    assert_true(puppet.is_closed_by_node);
    assert_false(cluster()->join->is_asking);
}

/* A member that another one makes ask again has nothing to lose by it. */
static void a_member_that_asks_lets_others_in_meanwhile(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    say(MESSAGE_JOIN_INVITE);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 1);
    become_newcomer(1);
    puppet_dial_beside(&puppet, SECOND_LINK);
    puppet_ask(&puppet);
    assert_true(cluster()->join->is_asking);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_GRANT], 1);
}

/* Others look for us once in a while only, and each time say that they do not know us. */
static void who_is_seldom_told_that_it_is_unknown_asks_too(void **state)
{
    (void)state;
    const struct message unknown = {
        .kind = MESSAGE_PROBLEM, .reason = MESSAGE_REASON_NOT_MEMBER, .text = span_text("you are no member here")};
    uint32_t times = 0;
    puppet_become_member(&puppet);
    puppet_hang_up(&puppet);
    while (times < 5) {
        puppet_dial(&puppet);
        puppet_say(&puppet, &unknown);
        times++;
        if (puppet.heard[MESSAGE_JOIN_ASK] > 0) break;
        puppet_hang_up(&puppet);
        puppet_wait(&puppet, SELDOM_MS);
    }
    assert_int_equal(times, 2);
}

/* --- not listened to ------------------------------------------------------------------------------------------
 */

static void who_is_quarantined_is_not_heard_over_the_link_it_has(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    const struct member *member = members_find(&cluster()->members, puppet_id(&puppet));
    for (uint32_t i = 0; i < GOSSIP_OFFENCES_MAX; i++)
        say_announcement(span_text("no announcement at all"));
    assert_true(member->quarantined_until_ms > puppet.now_ms);
    assert_false(puppet.is_closed_by_node);
    say(MESSAGE_KNOWN);
    assert_true(puppet.is_closed_by_node);
    assert_int_equal(puppet.heard[MESSAGE_WANTED] + puppet.heard[MESSAGE_ANNOUNCEMENTS], 0);
}

/* H2: only the word that it is one again. */
static void of_two_with_one_identity_neither_is_heard(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    say_announcement(announcement_of(&puppet.identity, ANNOUNCEMENT_DOUBLED, 9));
    assert_true(puppet.is_closed_by_node);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    say(MESSAGE_KNOWN);
    assert_true(puppet.is_closed_by_node);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    say_hello(announcement_of(&puppet.identity, ANNOUNCEMENT_DOUBLED, 10));
    assert_true(puppet.is_closed_by_node);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    say_hello(announcement_of(&puppet.identity, 0, 11));
    assert_false(puppet.is_closed_by_node);
}

static void who_has_a_double_lets_nobody_in(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t incarnation = gossip_stats(cluster()->gossip).incarnation + 1;
        say_announcement(announcement_of(&cluster()->identity, 0, incarnation));
        puppet_wait(&puppet, cluster()->settings->probe_interval_ms);
    }
    assert_true(cluster_is_doubled(cluster()));
    puppet_hang_up(&puppet);
    assert_false(is_let_in(1, true));
    assert_non_null(strstr(puppet.log, "another process has the identity of this node"));
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(newcomers_come_in_at_a_bounded_rate),
        test(strangers_who_are_not_let_in_do_not_fill_the_log),
        test(who_is_asked_has_to_answer_in_time),
        test(a_member_that_asks_lets_others_in_meanwhile),
        test(who_is_seldom_told_that_it_is_unknown_asks_too),
        test(who_is_quarantined_is_not_heard_over_the_link_it_has),
        test(of_two_with_one_identity_neither_is_heard),
        test(who_has_a_double_lets_nobody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
