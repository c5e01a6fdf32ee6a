/* A member that knows the secret and does not mean well (H12, H25, H26): the node stays up and as it was, and
 * names it. */
#include "node/core/layout_document.h"
#include "tests/node/cluster/puppet.h"

static struct puppet puppet;
static uint8_t digest_before[16];
static uint32_t documents_before;

static struct view *view(void)
{
    return puppet.node.requests.service.view;
}

static int set_up(void **state)
{
    (void)state;
    puppet_init(&puppet);
    puppet_become_member(&puppet);
    view_digest(view(), puppet.store.hash_key, digest_before);
    documents_before = view_documents_count(view());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    puppet_deinit(&puppet);
    return 0;
}

/* The link is closed, the puppet named, and nothing of what it sent is kept. */
static void expect_named(const char *what)
{
    char line[200];
    char id[17] = "";
    uint8_t digest[16];
    hash_hex(puppet_id(&puppet), 8, id);
    snprintf(line, sizeof line, "node=%s what=%s", id, what);
    if (strstr(puppet.log, "a node sent what no sound node sends") == NULL || strstr(puppet.log, what) == NULL)
        print_error("the log:\n%s", puppet.log);
    assert_non_null(strstr(puppet.log, "a node sent what no sound node sends"));
    assert_non_null(strstr(puppet.log, what));
    assert_non_null(strstr(puppet.log, id));
    assert_true(puppet.is_closed_by_node);
    view_digest(view(), puppet.store.hash_key, digest);
    assert_memory_equal(digest, digest_before, sizeof digest);
    assert_int_equal(view_documents_count(view()), documents_before);
    assert_true(members_find(&puppet.node.cluster.members, puppet_id(&puppet))->offences > 0);
}

static struct op_document document(const char *key, uint64_t time_us, struct span payload)
{
    return (struct op_document){.key = span_text(key), .register_ = {time_us, 7, payload.bytes, payload.length}};
}

static void say_documents(struct op_document *documents, uint32_t count)
{
    const struct message message = {
        .kind = MESSAGE_DOCS, .is_last = true, .documents = documents, .documents_count = count};
    puppet_say(&puppet, &message);
}

/* --- in order, for once ---------------------------------------------------------------------------------------
 */

static void an_honest_document_is_taken(void **state)
{
    (void)state;
    struct op_document alias = document("Ahonest", 5, document_encode_alias(&puppet.arena, NULL));
    puppet_ask_for_documents(&puppet);
    say_documents(&alias, 1);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_TAKEN], 1);
    assert_int_equal(view_documents_count(view()), documents_before + 1);
    assert_null(strstr(puppet.log, "no sound node"));
}

static void a_message_of_a_later_program_is_passed_over(void **state)
{
    (void)state;
    struct wire_out out;
    wire_out_init(&out, &puppet.arena);
    wire_put_array(&out, 2);
    wire_put_u64(&out, 4711);
    wire_put_text(&out, span_text("news from the future"));
    puppet_say_bytes(&puppet, span_of(out.bytes, out.length));
    assert_false(puppet.is_closed_by_node);
    assert_int_equal(puppet.node.cluster.links->unknown_messages, 1);
}

/* --- malformed ------------------------------------------------------------------------------------------------
 */

static void bytes_that_are_no_message_are_named(void **state)
{
    (void)state;
    puppet_say_bytes(&puppet, span_text("\xff\xff\xff"));
    expect_named("a message that is no list");
}

static void an_empty_message_is_named(void **state)
{
    (void)state;
    puppet_say_bytes(&puppet, span_text(""));
    expect_named("a message that is no list");
}

/* Lists in lists in lists: nothing here goes down with them. */
static void a_nested_bomb_is_named(void **state)
{
    (void)state;
    uint8_t *bomb = arena_alloc(&puppet.arena, 1 << 20);
    memset(bomb, 0x91, 1 << 20);
    puppet_say_bytes(&puppet, span_of(bomb, 1 << 20));
    expect_named("a message that is no list");
}

static void a_huge_message_is_named(void **state)
{
    (void)state;
    uint8_t *huge = arena_alloc(&puppet.arena, LINKS_MESSAGE_BYTES_MAX + 1);
    puppet_say_bytes(&puppet, span_of(huge, LINKS_MESSAGE_BYTES_MAX + 1));
    expect_named("a message that is too long");
}

/* --- out of turn ----------------------------------------------------------------------------------------------
 */

static void documents_that_nobody_asked_for_are_named(void **state)
{
    (void)state;
    struct op_document alias = document("Aunasked", 5, document_encode_alias(&puppet.arena, NULL));
    say_documents(&alias, 1);
    expect_named("documents out of turn");
}

static void a_word_out_of_turn_is_named(void **state)
{
    (void)state;
    const struct message taken = {.kind = MESSAGE_DOCS_TAKEN};
    puppet_say(&puppet, &taken);
    expect_named("out of turn");
}

static void wants_that_nobody_offered_are_named(void **state)
{
    (void)state;
    static const uint8_t groups[MESSAGE_GROUPS_BYTES] = {1};
    const struct message want = {.kind = MESSAGE_DOCS_WANT, .groups = span_of(groups, sizeof groups)};
    puppet_say(&puppet, &want);
    expect_named("out of turn");
}

static void a_grant_that_nobody_asked_for_is_named(void **state)
{
    (void)state;
    struct message grant = puppet.last[MESSAGE_JOIN_GRANT];
    grant.kind = MESSAGE_JOIN_GRANT;
    grant.cluster_id = span_text("another cluster.");
    grant.hash_key = grant.token_key = grant.documents_key = span_text("a key that the attacker knows...");
    puppet_say(&puppet, &grant);
    expect_named("a grant that was not asked for");
    assert_false(puppet.has_restarted);
}

/* --- documents ------------------------------------------------------------------------------------------------
 */

static void documents_out_of_order_are_named(void **state)
{
    (void)state;
    struct span payload = document_encode_alias(&puppet.arena, NULL);
    struct op_document two[2] = {document("Atwo", 5, payload), document("Aone", 5, payload)};
    puppet_ask_for_documents(&puppet);
    say_documents(two, 2);
    expect_named("documents out of order");
}

static void a_document_that_can_never_be_replaced_is_named(void **state)
{
    (void)state;
    struct op_document forever = document("Aforever", UINT64_MAX, document_encode_alias(&puppet.arena, NULL));
    puppet_ask_for_documents(&puppet);
    say_documents(&forever, 1);
    expect_named("a time that cannot be");
}

/* What is wrong with one is wrong with all: none of the batch is taken. */
static void a_malformed_document_spoils_its_batch(void **state)
{
    (void)state;
    struct op_document two[2] = {document("Agood", 5, document_encode_alias(&puppet.arena, NULL)),
                                 document("Bbad", 5, span_text("no payload"))};
    puppet_ask_for_documents(&puppet);
    say_documents(two, 2);
    expect_named("");
}

/* A layout of one node, number 7, whose parents nobody has ever seen. */
static void a_layout_version_after_a_gap_is_named(void **state)
{
    (void)state;
    static struct ring_layout layout;
    struct op_document version = {0};
    layout = (struct ring_layout){.number = 7, .partitions_count = RING_PARTITIONS, .replication = 1};
    layout.zones_count = layout.nodes_count = 1;
    strcpy(layout.zones[0], "nowhere");
    memcpy(layout.nodes[0].id, puppet_id(&puppet), LINK_NODE_ID_BYTES);
    layout.nodes[0].capacity = 1;
    memset(layout.parent, 1, sizeof layout.parent);
    assert_true(layout_document_encode(&puppet.arena, &layout, &version));
    version.register_.time_us = 5;
    puppet_ask_for_documents(&puppet);
    say_documents(&version, 1);
    expect_named("a layout version without its parent");
}

/* Members as fast as they can be invented: the batch that passes the bound is refused as a whole. */
static void a_million_invented_members_are_named(void **state)
{
    (void)state;
    const struct document_member member = {.is_member = true, .since_us = 1, .name = span_text("x")};
    struct span payload = document_encode_member(&puppet.arena, &member);
    uint32_t batches = 0;
    puppet_ask_for_documents(&puppet);
    for (; batches < 1000 && !puppet.is_closed_by_node; batches++) {
        struct op_document *members = arena_array(&puppet.arena, MESSAGE_DOCUMENTS_MAX, sizeof *members);
        for (uint32_t i = 0; i < MESSAGE_DOCUMENTS_MAX; i++) {
            uint8_t *key = arena_alloc(&puppet.arena, 1 + LINK_NODE_ID_BYTES);
            key[0] = DOCUMENT_MEMBER;
            wire_store_u64(key + 1, (uint64_t)batches * MESSAGE_DOCUMENTS_MAX + i);
            members[i].key = span_of(key, 1 + LINK_NODE_ID_BYTES);
            members[i].register_ = (struct crdt_lww){5, 7, payload.bytes, payload.length};
        }
        const struct message message = {
            .kind = MESSAGE_DOCS, .documents = members, .documents_count = MESSAGE_DOCUMENTS_MAX};
        puppet_say(&puppet, &message);
        if (puppet.is_closed_by_node) break;
        view_digest(view(), puppet.store.hash_key, digest_before); /* within the bound they are members */
        documents_before = view_documents_count(view());
    }
    assert_true(batches * MESSAGE_DOCUMENTS_MAX <= LIMITS_MEMBERS_MAX);
    assert_true(puppet.node.cluster.members.count <= LIMITS_MEMBERS_MAX);
    expect_named("more members than a cluster may have");
}

/* --- announcements --------------------------------------------------------------------------------------------
 */

static void say_announcement(struct span announcement)
{
    const struct message message = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = &announcement, .spans_count = 1};
    puppet_say(&puppet, &message);
}

static struct span own_announcement(uint64_t layout_number)
{
    struct announcement announcement = {.incarnation = 9,
                                        .boot_nonce = 1,
                                        .address = span_text("10.0.0.2:3901"),
                                        .program = span_text("0"),
                                        .layout_number = layout_number};
    uint8_t *bytes = arena_alloc(&puppet.arena, ANNOUNCEMENT_BYTES_MAX);
    memcpy(announcement.node_id, puppet_id(&puppet), LINK_NODE_ID_BYTES);
    return span_of(bytes, announcement_encode(&announcement, &puppet.identity, bytes));
}

/* It says of the node itself that it is somewhere else: only the node can sign that. */
static void a_forged_announcement_is_counted_against_who_sent_it(void **state)
{
    (void)state;
    struct span forged = gossip_announcement(puppet.node.cluster.gossip);
    uint8_t *bytes = arena_copy(&puppet.arena, forged.bytes, forged.length);
    bytes[forged.length - 1] ^= 1;
    say_announcement(span_of(bytes, forged.length));
    say_announcement(span_text("no announcement at all"));
    assert_true(members_find(&puppet.node.cluster.members, puppet_id(&puppet))->offences > 0);
}

/* It says that it acts upon layout 1000 and then has none to show. */
static void a_layout_number_that_is_not_shown_is_named(void **state)
{
    (void)state;
    static uint8_t none[16];
    static uint8_t groups[MESSAGE_GROUPS_BYTES];
    puppet_hang_up(&puppet);
    puppet_wait(&puppet, 100);
    puppet_dial(&puppet);
    const struct message hello = {.kind = MESSAGE_HELLO,
                                  .announcement = own_announcement(1000),
                                  .documents_digest = span_of(none, 16),
                                  .announcements_digest = span_of(none, 16)};
    puppet_say(&puppet, &hello);
    struct member *member = members_find(&puppet.node.cluster.members, puppet_id(&puppet));
    assert_true(member->has_announcement);
    struct event event = {.kind = EVENT_TIME, .now_ms = puppet.now_ms};
    cluster_begin(&puppet.node.cluster, &event, &puppet.effects);
    exchange_with(&puppet.node.cluster, member); /* as gossip would: the digests differ */
    puppet_carry_out_all(&puppet);
    puppet_pump(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_DIGESTS], 1);
    const struct message want = {.kind = MESSAGE_DOCS_WANT, .groups = span_of(groups, sizeof groups)};
    puppet_say(&puppet, &want);
    expect_named("a layout number that it cannot show");
}

/* --- again and again -------------------------------------------------------------------------------------------
 */

/* After some of it the member is not listened to for a while, and its links are closed at once. */
static void who_goes_on_is_not_listened_to(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < GOSSIP_OFFENCES_MAX; i++) {
        puppet_say_bytes(&puppet, span_text("\xff"));
        assert_true(puppet.is_closed_by_node);
        puppet_hang_up(&puppet);
        puppet_dial(&puppet);
    }
    assert_non_null(strstr(puppet.log, "a node is not listened to for a while"));
    assert_true(puppet.is_closed_by_node);
    puppet_wait(&puppet, GOSSIP_QUARANTINE_MS + 1000);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet);
    assert_false(puppet.is_closed_by_node);
    assert_int_equal(puppet.heard[MESSAGE_HELLO], 1);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(an_honest_document_is_taken),
        test(a_message_of_a_later_program_is_passed_over),
        test(bytes_that_are_no_message_are_named),
        test(an_empty_message_is_named),
        test(a_nested_bomb_is_named),
        test(a_huge_message_is_named),
        test(documents_that_nobody_asked_for_are_named),
        test(a_word_out_of_turn_is_named),
        test(wants_that_nobody_offered_are_named),
        test(a_grant_that_nobody_asked_for_is_named),
        test(documents_out_of_order_are_named),
        test(a_document_that_can_never_be_replaced_is_named),
        test(a_malformed_document_spoils_its_batch),
        test(a_layout_version_after_a_gap_is_named),
        test(a_million_invented_members_are_named),
        test(a_forged_announcement_is_counted_against_who_sent_it),
        test(a_layout_number_that_is_not_shown_is_named),
        test(who_goes_on_is_not_listened_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
