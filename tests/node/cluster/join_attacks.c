/* Who knows the secret and does not mean well, on the way into a cluster (H12, H13): asked in by strangers,
 * granted by strangers, told to be out of it, and more members than there may be. */
#include "node/cluster/join.h"
#include "tests/node/cluster/puppet.h"

enum { MEMBERS_IN_A_BATCH = 1000, ADDRESSES = 9000 };

static struct puppet puppet;

static struct view *view(void)
{
    return puppet.node.requests.service.view;
}

static const uint8_t *own_id(void)
{
    return puppet.node.cluster.identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
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
    while (puppet.held_count > 0)
        puppet_release(&puppet);
    puppet_deinit(&puppet);
    return 0;
}

/* Another node than before, that says it is a member of the node's cluster. */
static void become_stranger(uint8_t seed_byte)
{
    uint8_t seed[32] = {seed_byte};
    uint8_t id[LINK_NODE_ID_BYTES];
    if (puppet.is_open) puppet_hang_up(&puppet);
    crypto_sign_ed25519_seed_keypair(id, puppet.identity.node_key, seed);
    memcpy(puppet.identity.cluster_id, puppet.node.cluster.identity.cluster_id, LINK_CLUSTER_ID_BYTES);
    puppet.identity.is_member = true;
    puppet_dial(&puppet);
}

static void become_fresh_stranger(uint8_t seed_byte)
{
    become_stranger(seed_byte);
    puppet_hang_up(&puppet);
    memset(puppet.identity.cluster_id, seed_byte, LINK_CLUSTER_ID_BYTES);
    puppet.identity.is_member = false;
    puppet_dial(&puppet);
}

static struct op_document member_document(const uint8_t *node_id, bool is_member, uint64_t time_us)
{
    const struct document_member member = {.is_member = is_member, .since_us = 1, .name = span_text("x")};
    struct span payload = document_encode_member(&puppet.arena, &member);
    return (struct op_document){
        .key = document_key_of(&puppet.arena, DOCUMENT_MEMBER, span_of(node_id, LINK_NODE_ID_BYTES)),
        .register_ = {time_us, 7, payload.bytes, payload.length}};
}

static void say(enum message_kind kind)
{
    const struct message message = {.kind = kind};
    puppet_say(&puppet, &message);
}

static void say_removed(struct op_document *documents, uint32_t count)
{
    const struct message message = {.kind = MESSAGE_PROBLEM,
                                    .reason = MESSAGE_REASON_REMOVED,
                                    .text = span_text("you were taken out"),
                                    .documents = documents,
                                    .documents_count = count};
    puppet_say(&puppet, &message);
}

static void say_documents(struct op_document *documents, uint32_t count)
{
    puppet_ask_for_documents(&puppet);
    const struct message message = {
        .kind = MESSAGE_DOCS, .is_last = true, .documents = documents, .documents_count = count};
    puppet_say(&puppet, &message);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_TAKEN], 1);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
}

static void expect_logged(const char *text)
{
    if (strstr(puppet.log, text) == NULL) print_error("the log:\n%s", puppet.log);
    assert_non_null(strstr(puppet.log, text));
}

/* Members in order of their ids, as an exchange brings them: `count` of them, from the number on. */
static struct op_document *many_members(uint32_t first, uint32_t count, bool is_member)
{
    struct op_document *documents = arena_array(&puppet.arena, count, sizeof *documents);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t id[LINK_NODE_ID_BYTES] = {0};
        wire_store_u64(id, first + i);
        documents[i] = member_document(id, is_member, 5);
    }
    return documents;
}

/* --- asking in ------------------------------------------------------------------------------------------------
 */

/* What is written of a newcomer goes to all: were it malformed, they would refuse all that comes with it. */
static void an_address_that_no_document_may_have_is_never_stored(void **state)
{
    (void)state;
    const struct message ask = {.kind = MESSAGE_JOIN_ASK, .address = span_text("10.0.0.2 :3901")};
    puppet_dial(&puppet);
    puppet_say(&puppet, &ask);
    expect_logged("a node sent what no sound node sends");
    expect_logged("what=a malformed address");
    assert_true(puppet.is_closed_by_node);
    assert_int_equal(view_documents_count(view()), 0);
    assert_false(puppet.node.cluster.identity.is_member);
}

static void who_asks_twice_is_written_once(void **state)
{
    (void)state;
    puppet_dial(&puppet);
    puppet.holds_ops = true;
    puppet_ask(&puppet);
    puppet_ask(&puppet);
    assert_int_equal(puppet.held_count, 1);
    puppet_release(&puppet); /* it founds its cluster… */
    puppet_ask(&puppet);
    assert_int_equal(puppet.held_count, 1);
    puppet_release(&puppet); /* …and writes the members */
    puppet_pump(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_GRANT], 1);
}

static void nobody_is_let_in_beyond_the_bound_of_members(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    for (uint32_t first = 1; first <= 2000; first += MEMBERS_IN_A_BATCH)
        say_documents(many_members(first, MEMBERS_IN_A_BATCH, true), MEMBERS_IN_A_BATCH);
    say_documents(many_members(5000, LIMITS_MEMBERS_MAX - 2002, true), LIMITS_MEMBERS_MAX - 2002);
    become_fresh_stranger(9);
    puppet_ask(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_REFUSED], 1);
    assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_FULL);
    assert_false(view_is_member(view(), puppet_id(&puppet), NULL));
}

/* Removed nodes leave theirs. */
static void nobody_is_let_in_beyond_the_bound_of_documents_of_members(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    for (uint32_t first = 1; first <= 7000; first += MEMBERS_IN_A_BATCH)
        say_documents(many_members(first, MEMBERS_IN_A_BATCH, false), MEMBERS_IN_A_BATCH);
    become_fresh_stranger(9);
    puppet_ask(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_REFUSED], 1);
    assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_FULL);
    expect_logged("a node was not let in");
    expect_logged("members");
    assert_false(view_is_member(view(), puppet_id(&puppet), NULL));
}

/* Addresses come before members in the order of keys; of nodes that are none there may be any number. */
static void a_grant_holds_all_members_whatever_addresses_there_are(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    for (uint32_t first = 1; first <= ADDRESSES; first += MEMBERS_IN_A_BATCH) {
        struct op_document *documents = many_members(first, MEMBERS_IN_A_BATCH, true);
        for (uint32_t i = 0; i < MEMBERS_IN_A_BATCH; i++) {
            struct span payload = document_encode_address(&puppet.arena, span_text("10.0.0.3:3901"));
            documents[i].key = document_key_of(&puppet.arena, DOCUMENT_ADDRESS,
                                               span_of(documents[i].key.bytes + 1, LINK_NODE_ID_BYTES));
            documents[i].register_.payload = payload.bytes;
            documents[i].register_.payload_bytes = payload.length;
        }
        say_documents(documents, MEMBERS_IN_A_BATCH);
    }
    uint8_t before[LINK_NODE_ID_BYTES];
    memcpy(before, puppet_id(&puppet), sizeof before);
    become_fresh_stranger(9);
    puppet_ask(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_GRANT], 1);
    const struct message *grant = &puppet.last[MESSAGE_JOIN_GRANT];
    assert_non_null(join_document_of(grant, before));
    assert_non_null(join_document_of(grant, own_id()));
    assert_non_null(join_document_of(grant, puppet_id(&puppet)));
}

/* Ids as low as can be, and more than there are rows: who was there stays. */
static void invented_members_put_nobody_out_of_sight(void **state)
{
    (void)state;
    const struct cluster *cluster = &puppet.node.cluster;
    char line[256];
    puppet_become_member(&puppet);
    assert_false(cluster_problem(cluster, 0, line) && strstr(line, "are spoken to") != NULL);
    for (uint32_t first = 1; first <= 2001; first += MEMBERS_IN_A_BATCH)
        say_documents(many_members(first, MEMBERS_IN_A_BATCH, true), MEMBERS_IN_A_BATCH);
    assert_int_equal(cluster->members.count, LIMITS_MEMBERS_MAX);
    assert_non_null(members_find(&cluster->members, own_id()));
    assert_non_null(members_find(&cluster->members, puppet_id(&puppet)));
    assert_int_equal(puppet.heard[MESSAGE_HELLO], 1); /* to whom it still speaks */
    expect_logged("there are more members than are spoken to");
    assert_true(cluster_problem(cluster, 0, line));
    assert_non_null(strstr(line, "there are 954 members more than the 2048 that are spoken to"));
}

/* --- invited and granted --------------------------------------------------------------------------------------
 */

static void an_invitation_of_a_stranger_is_not_followed(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    become_stranger(9);
    say(MESSAGE_JOIN_INVITE);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 0);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_REFUSED], 1);
    assert_int_equal(puppet.last[MESSAGE_JOIN_REFUSED].reason, MESSAGE_REASON_NOT_MEMBER);
}

/* Nor when the node was taken out, and would like to come back. */
static void a_node_that_was_taken_out_follows_members_only(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    struct op_document removal = member_document(own_id(), false, UINT64_C(1) << 50);
    say_removed(&removal, 1);
    assert_int_equal(puppet.node.cluster.stage, CLUSTER_REMOVED);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    say(MESSAGE_JOIN_INVITE);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 1);
    become_stranger(9);
    say(MESSAGE_JOIN_INVITE);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 0);
}

static void a_grant_that_was_not_asked_for_changes_nothing(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    uint32_t count = view_documents_count(view());
    struct op_document gone = member_document(puppet_id(&puppet), false, UINT64_C(1) << 50);
    struct message grant = puppet.last[MESSAGE_JOIN_GRANT];
    become_stranger(9);
    grant.documents = &gone;
    grant.documents_count = 1;
    puppet_say(&puppet, &grant);
    expect_logged("what=a grant that was not asked for");
    assert_int_equal(view_documents_count(view()), count);
    assert_false(puppet.has_restarted);
}

static struct message grant_with(struct op_document *documents, uint32_t count)
{
    static const uint8_t key[32] = "a key of another cluster, 32 by";
    return (struct message){.kind = MESSAGE_JOIN_GRANT,
                            .cluster_id = span_of(puppet.identity.cluster_id, LINK_CLUSTER_ID_BYTES),
                            .hash_key = span_of(key, sizeof key),
                            .token_key = span_of(key, sizeof key),
                            .documents_key = span_of(key, sizeof key),
                            .documents = documents,
                            .documents_count = count};
}

/* The fresh node, and the puppet as a member of a cluster that lets it in. */
static struct message whole_grant(void)
{
    struct op_document *documents = arena_array(&puppet.arena, 2, sizeof *documents);
    bool is_first = memcmp(own_id(), puppet_id(&puppet), LINK_NODE_ID_BYTES) < 0;
    documents[is_first ? 0 : 1] = member_document(own_id(), true, 5);
    documents[is_first ? 1 : 0] = member_document(puppet_id(&puppet), true, 5);
    return grant_with(documents, 2);
}

static void who_lets_in_must_be_a_member_itself(void **state)
{
    (void)state;
    struct op_document only_us = member_document(own_id(), true, 5);
    const struct message grant = grant_with(&only_us, 1);
    puppet.identity.is_member = true;
    puppet_dial(&puppet);
    say(MESSAGE_JOIN_INVITE);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 1);
    puppet_say(&puppet, &grant);
    expect_logged("what=a grant by one who is no member");
    assert_false(puppet.has_restarted);
}

/* The store answers a question whose link is gone, while another one is under way. */
static void the_answer_to_an_older_question_does_not_end_the_one_of_now(void **state)
{
    (void)state;
    puppet.identity.is_member = true;
    puppet_dial(&puppet);
    puppet.holds_ops = true;
    say(MESSAGE_JOIN_INVITE);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    say(MESSAGE_JOIN_INVITE);
    assert_int_equal(puppet.held_count, 2);
    puppet_release(&puppet);
    puppet_release(&puppet);
    puppet_pump(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 1);
    const struct message grant = whole_grant();
    puppet_say(&puppet, &grant);
    assert_int_equal(puppet.held_count, 1);
    puppet_release(&puppet);
    assert_true(puppet.has_restarted);
}

/* --- taken out ------------------------------------------------------------------------------------------------
 */

static void a_word_of_removal_without_a_document_is_not_believed(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    say_removed(NULL, 0);
    assert_int_equal(puppet.node.cluster.stage, CLUSTER_MEMBER);
    assert_null(strstr(puppet.log, "taken out of its cluster"));
}

static void a_stranger_takes_nobody_out(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    become_stranger(9);
    struct op_document removal = member_document(own_id(), false, UINT64_C(1) << 50);
    say_removed(&removal, 1);
    assert_int_equal(puppet.node.cluster.stage, CLUSTER_MEMBER);
}

static void removal_is_believed_by_its_document_until_a_newer_one(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    struct op_document older = member_document(own_id(), false, 1);
    say_removed(&older, 1);
    assert_int_equal(puppet.node.cluster.stage, CLUSTER_MEMBER);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    struct op_document newer = member_document(own_id(), false, UINT64_C(1) << 50);
    say_removed(&newer, 1);
    assert_int_equal(puppet.node.cluster.stage, CLUSTER_REMOVED);
    expect_logged("this node was taken out of its cluster");

    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    say(MESSAGE_JOIN_INVITE);
    struct message grant = whole_grant();
    for (uint32_t i = 0; i < 2; i++)
        grant.documents[i].register_.time_us = (UINT64_C(1) << 50) + 1;
    puppet_say(&puppet, &grant);
    assert_true(puppet.has_restarted); /* with these documents in the place of its own */
}

/* Only what it says of us: it is no way to change the documents of others. */
static void a_word_of_removal_is_about_the_one_who_hears_it(void **state)
{
    (void)state;
    static const uint8_t id[LINK_NODE_ID_BYTES] = "somebody else";
    puppet_become_member(&puppet);
    uint32_t count = view_documents_count(view());
    struct op_document other = member_document(id, true, 5);
    say_removed(&other, 1);
    assert_int_equal(view_documents_count(view()), count);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(an_address_that_no_document_may_have_is_never_stored),
        test(who_asks_twice_is_written_once),
        test(nobody_is_let_in_beyond_the_bound_of_members),
        test(nobody_is_let_in_beyond_the_bound_of_documents_of_members),
        test(a_grant_holds_all_members_whatever_addresses_there_are),
        test(invented_members_put_nobody_out_of_sight),
        test(an_invitation_of_a_stranger_is_not_followed),
        test(a_node_that_was_taken_out_follows_members_only),
        test(a_grant_that_was_not_asked_for_changes_nothing),
        test(who_lets_in_must_be_a_member_itself),
        test(the_answer_to_an_older_question_does_not_end_the_one_of_now),
        test(a_word_of_removal_without_a_document_is_not_believed),
        test(a_stranger_takes_nobody_out),
        test(removal_is_believed_by_its_document_until_a_newer_one),
        test(a_word_of_removal_is_about_the_one_who_hears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
