/* Links from outside: who is heard of what, who is turned away, what is forgotten. One real node and a puppet. */
#include "tests/node/cluster/puppet.h"

static struct puppet puppet;

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

static struct view *view(void)
{
    return puppet.node.requests.service.view;
}

static uint32_t links_count(void)
{
    const struct links *links = puppet.node.cluster.links;
    uint32_t count = 0;
    for (uint32_t i = 0; i < LINKS_MAX; i++)
        count += links->channels[i] != NULL;
    assert_int_equal(count, links->dialled_count + links->accepted_count);
    return count;
}

/* What the puppet says as a member, to see whether it is heard as one. */
static void say_hello(void)
{
    static uint8_t none[16];
    const struct message hello = {.kind = MESSAGE_HELLO,
                                  .announcement = {(const uint8_t *)"", 0},
                                  .documents_digest = span_of(none, 16),
                                  .announcements_digest = span_of(none, 16)};
    puppet_say(&puppet, &hello);
}

/* --- who is heard ---------------------------------------------------------------------------------------------
 */

static void a_stranger_who_knows_the_secret_hears_nothing(void **state)
{
    (void)state;
    puppet_dial(&puppet);
    assert_true(link_is_ready(&puppet.link));
    assert_int_equal(puppet.heard[MESSAGE_HELLO], 0);
    puppet_wait(&puppet, LINKS_IDLE_MS + 1000);
    puppet_pump(&puppet);
    assert_true(puppet.is_closed_by_node);
}

static void a_member_by_its_own_word_only_is_told_so(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    puppet_hang_up(&puppet);
    uint32_t documents_count = view_documents_count(view());
    uint8_t seed[PRNG_SEED_BYTES] = {3}; /* another node, with the cluster's id and secret, of no document */
    uint8_t id[LINK_NODE_ID_BYTES];
    crypto_sign_ed25519_seed_keypair(id, puppet.identity.node_key, seed);
    puppet_dial(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_HELLO], 0);
    say_hello();
    assert_int_equal(puppet.heard[MESSAGE_PROBLEM], 1);
    assert_int_equal(puppet.last[MESSAGE_PROBLEM].reason, MESSAGE_REASON_NOT_MEMBER);
    assert_int_equal(view_documents_count(view()), documents_count);
    puppet_ask(&puppet); /* it knows the secret: it may come in */
    assert_int_equal(puppet.heard[MESSAGE_JOIN_GRANT], 1);
}

/* It died between the grant and its start, or lost the answer: it asks again, and is told the same. */
static void a_member_that_asks_again_is_granted_again(void **state)
{
    (void)state;
    puppet_dial(&puppet);
    puppet_ask(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_GRANT], 1);
    uint32_t documents_count = view_documents_count(view());
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    puppet_ask(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_GRANT], 1);
    assert_int_equal(view_documents_count(view()), documents_count);
}

/* The k-th change of the disk fails, for each k: nobody is told that it is in before it is, and asking again
 * helps. */
static void a_store_that_fails_lets_nobody_in(void **state)
{
    (void)state;
    for (uint64_t k = 1;; k++) {
        assert_true(k < 50);
        puppet_deinit(&puppet);
        puppet_init(&puppet);
        disk_fail_next(&puppet.disk, k, ERR_FULL);
        puppet_dial(&puppet);
        puppet_ask(&puppet);
        disk_fail_next(&puppet.disk, 0, ERR_OK);
        if (puppet.heard[MESSAGE_JOIN_GRANT] == 1) break;
        assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_ERROR);
        assert_false(view_is_member(view(), puppet_id(&puppet), NULL));
        puppet_hang_up(&puppet);
        puppet_dial(&puppet);
        puppet_ask(&puppet);
        assert_int_equal(puppet.heard[MESSAGE_JOIN_GRANT], 1);
        assert_true(view_is_member(view(), puppet_id(&puppet), NULL));
    }
}

/* The same while documents come: nothing is said to be taken that is not, and the next exchange brings it. */
static void a_store_that_fails_takes_no_documents(void **state)
{
    (void)state;
    struct op_document alias = {.key = span_text("Ahonest")};
    puppet_become_member(&puppet);
    struct span payload = document_encode_alias(&puppet.arena, NULL);
    alias.register_ = (struct crdt_lww){5, 7, payload.bytes, payload.length};
    const struct message message = {
        .kind = MESSAGE_DOCS, .is_last = true, .documents = &alias, .documents_count = 1};
    for (uint32_t k = 1; k <= 3; k++) {
        puppet_ask_for_documents(&puppet);
        if (k <= 2) disk_fail_next(&puppet.disk, k, ERR_FULL);
        puppet_say(&puppet, &message);
        disk_fail_next(&puppet.disk, 0, ERR_OK);
        if (puppet.heard[MESSAGE_DOCS_TAKEN] == 1) break;
        assert_true(puppet.is_closed_by_node);
        puppet_hang_up(&puppet);
        puppet_dial(&puppet);
    }
    assert_int_equal(puppet.heard[MESSAGE_DOCS_TAKEN], 1);
}

/* --- taken out ------------------------------------------------------------------------------------------------
 */

/* Let the node take the puppet's document that this one is no member any more. */
static void take_out(const uint8_t *node_id)
{
    const struct document_member member = {.is_member = false, .since_us = 1, .name = span_text("x")};
    struct span payload = document_encode_member(&puppet.arena, &member);
    struct op_document document = {
        .key = document_key_of(&puppet.arena, DOCUMENT_MEMBER, span_of(node_id, LINK_NODE_ID_BYTES)),
        .register_ = {UINT64_C(1) << 51, 7, payload.bytes, payload.length}};
    const struct message message = {
        .kind = MESSAGE_DOCS, .is_last = true, .documents = &document, .documents_count = 1};
    puppet_ask_for_documents(&puppet);
    puppet_say(&puppet, &message);
}

static void a_node_taken_out_is_told_and_does_not_come_back_by_asking(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    take_out(puppet_id(&puppet));
    assert_int_equal(puppet.last[MESSAGE_PROBLEM].reason, MESSAGE_REASON_REMOVED);
    assert_true(puppet.is_closed_by_node);
    assert_null(members_find(&puppet.node.cluster.members, puppet_id(&puppet)));
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    puppet_ask(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_REFUSED], 1);
    assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_REMOVED);
    assert_non_null(strstr(puppet.log, "a node was not let in"));
    assert_false(view_is_member(view(), puppet_id(&puppet), NULL));
}

/* The node itself: it says nothing of anybody any more, and lets nobody in. */
static void a_node_that_was_taken_out_is_silent(void **state)
{
    (void)state;
    struct cluster *cluster = &puppet.node.cluster;
    char line[256];
    puppet_become_member(&puppet);
    take_out(cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES);
    assert_int_equal(cluster->stage, CLUSTER_REMOVED);
    assert_null(cluster->gossip);
    assert_true(cluster_problem(cluster, 0, line));
    assert_non_null(strstr(line, "taken out"));
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_HELLO], 0);
    puppet_ask(&puppet);
    assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_NOT_MEMBER);
    puppet_wait(&puppet, 100000);
    assert_int_equal(cluster->stage, CLUSTER_REMOVED);
}

/* --- what does not get that far -------------------------------------------------------------------------------
 */

static void bytes_that_are_no_handshake_are_refused_and_said(void **state)
{
    (void)state;
    char noise[400];
    memset(noise, 'G', sizeof noise);
    puppet.number = PUPPET_LINK;
    puppet.is_open = true;
    puppet_link_event(&puppet, EVENT_LINK_OPEN, (struct span){0});
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_of(noise, sizeof noise));
    assert_true(puppet.is_closed_by_node);
    assert_non_null(strstr(puppet.log, "a link to another node was refused remote=10.0.0.2:40000"));
    puppet_link_event(&puppet, EVENT_LINK_GONE, (struct span){0});
    assert_int_equal(links_count(), 0);
}

static uint32_t refusals_count(void)
{
    uint32_t lines = 0;
    for (const char *at = puppet.log; (at = strstr(at, "was refused")) != NULL; at++)
        lines++;
    return lines;
}

static void knock(const char *remote)
{
    struct event event = {.kind = EVENT_LINK_OPEN};
    event.link.number = PUPPET_LINK;
    event.link.remote = span_text(remote);
    puppet.number = PUPPET_LINK;
    puppet.is_open = true;
    puppet_step(&puppet, &event);
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_text("GET / HTTP/1.1\r\n\r\n"));
    puppet_link_event(&puppet, EVENT_LINK_GONE, (struct span){0});
}

/* What knocks at the port must not fill the log, nor hide what others do. */
static void refusals_are_said_so_often_a_minute(void **state)
{
    (void)state;
    char remote[40];
    for (uint32_t i = 0; i < 10 * LINKS_REFUSALS_LOGGED; i++) {
        snprintf(remote, sizeof remote, "10.0.0.66:%u", 1000 + i);
        knock(remote);
    }
    assert_int_equal(refusals_count(), 1);
    for (uint32_t i = 0; i < 10 * LINKS_REFUSALS_LOGGED; i++) {
        snprintf(remote, sizeof remote, "10.0.1.%u:1000", i);
        knock(remote);
    }
    assert_int_equal(refusals_count(), LINKS_REFUSALS_LOGGED);
    puppet_wait(&puppet, 60000);
    knock("10.0.0.66:2000");
    assert_int_equal(refusals_count(), LINKS_REFUSALS_LOGGED + 1);
    assert_int_equal(links_count(), 0);
}

/* H25: a connection that says nothing goes. */
static void a_handshake_has_its_time(void **state)
{
    (void)state;
    puppet.number = PUPPET_LINK;
    puppet.is_open = true;
    puppet_link_event(&puppet, EVENT_LINK_OPEN, (struct span){0});
    assert_int_equal(links_count(), 1);
    puppet_wait(&puppet, LINK_HANDSHAKE_MS + 1000);
    assert_true(puppet.is_closed_by_node);
}

static void without_a_secret_nobody_is_spoken_to(void **state)
{
    (void)state;
    char line[256];
    puppet.settings.cluster.secrets_count = 0;
    node_settings_changed(&puppet.node);
    puppet.number = PUPPET_LINK;
    puppet.is_open = true;
    puppet_link_event(&puppet, EVENT_LINK_OPEN, (struct span){0});
    assert_true(puppet.is_closed_by_node);
    assert_int_equal(links_count(), 0);
    assert_true(cluster_problem(&puppet.node.cluster, 0, line));
    assert_non_null(strstr(line, "no cluster secret"));
}

/* All numbers there are, each with a handshake begun: the node holds, and lets go of all. */
static void all_links_there_may_be(void **state)
{
    (void)state;
    puppet.is_open = true;
    for (uint32_t i = 0; i < LIMITS_LINKS_ACCEPTED_MAX; i++) {
        puppet.number = LIMITS_LINKS_DIALLED_MAX + i;
        puppet_link_event(&puppet, EVENT_LINK_OPEN, (struct span){0});
    }
    assert_int_equal(links_count(), LIMITS_LINKS_ACCEPTED_MAX);
    puppet_wait(&puppet, LINK_HANDSHAKE_MS + 1000);
    for (uint32_t i = 0; i < LIMITS_LINKS_ACCEPTED_MAX; i++) {
        puppet.number = LIMITS_LINKS_DIALLED_MAX + i;
        puppet_link_event(&puppet, EVENT_LINK_GONE, (struct span){0});
    }
    assert_int_equal(links_count(), 0);
}

static void a_node_being_stopped_ends_its_links_and_takes_none(void **state)
{
    (void)state;
    struct event drain = {.kind = EVENT_DRAIN};
    puppet_become_member(&puppet);
    puppet_step(&puppet, &drain);
    puppet_pump(&puppet);
    assert_true(puppet.is_closed_by_node);
    puppet_hang_up(&puppet);
    puppet.is_open = true;
    puppet.is_closed_by_node = false;
    puppet_link_event(&puppet, EVENT_LINK_OPEN, (struct span){0});
    assert_true(puppet.is_closed_by_node);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_stranger_who_knows_the_secret_hears_nothing),
        test(a_member_by_its_own_word_only_is_told_so),
        test(a_member_that_asks_again_is_granted_again),
        test(a_store_that_fails_lets_nobody_in),
        test(a_store_that_fails_takes_no_documents),
        test(a_node_taken_out_is_told_and_does_not_come_back_by_asking),
        test(a_node_that_was_taken_out_is_silent),
        test(bytes_that_are_no_handshake_are_refused_and_said),
        test(refusals_are_said_so_often_a_minute),
        test(a_handshake_has_its_time),
        test(without_a_secret_nobody_is_spoken_to),
        test(all_links_there_may_be),
        test(a_node_being_stopped_ends_its_links_and_takes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
