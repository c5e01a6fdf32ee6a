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

/* How often a line is in the log. */
static uint32_t lines_of(const char *text)
{
    uint32_t count = 0;
    for (const char *at = strstr(puppet.log, text); at != NULL; at = strstr(at + 1, text))
        count++;
    return count;
}

static uint32_t offences(void)
{
    return members_find(&puppet.node.cluster.members, puppet_id(&puppet))->offences;
}

/* Above it there would be nothing; but it may come from a third. */
static void a_document_of_the_far_future_is_left_out_and_nobody_named(void **state)
{
    (void)state;
    struct span payload = document_encode_alias(&puppet.arena, NULL);
    const uint64_t wall_us = 1000000 + puppet.now_ms * 1000;
    struct op_document four[4] = {document("Aforever", UINT64_MAX, payload), document("Agood", 5, payload),
                                  document("Aklast", (UINT64_C(1) << 62) - 1, payload),
                                  document("Asoon", wall_us + document_rules()->ahead_max_us, payload)};
    struct op_document found;
    struct op_document again[4];
    memcpy(again, four, sizeof again);
    const struct message first = {.kind = MESSAGE_DOCS, .documents = four, .documents_count = 4};
    puppet_ask_for_documents(&puppet);
    puppet_say(&puppet, &first);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_TAKEN], 1);
    assert_int_equal(view_documents_count(view()), documents_before + 2);
    assert_true(view_document_of(view(), span_text("Agood"), &found));
    assert_true(view_document_of(view(), span_text("Asoon"), &found));
    assert_int_equal(offences(), 0);
    assert_false(puppet.is_closed_by_node);
    assert_int_equal(puppet.node.cluster.exchange->documents_left_out, 2);
    assert_int_equal(lines_of("documents of another node were not taken"), 1);
    say_documents(again, 4);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_TAKEN], 2);
    assert_int_equal(puppet.node.cluster.exchange->documents_left_out, 4);
    assert_int_equal(lines_of("documents of another node were not taken"), 1); /* once a minute */
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

/* A layout of one node. */
static struct op_document version_of(uint64_t number, const uint8_t *parent, uint16_t partitions_count,
                                     uint8_t hash[RING_LAYOUT_HASH_BYTES])
{
    static struct ring_layout layout;
    struct op_document version = {0};
    layout = (struct ring_layout){.number = number, .partitions_count = partitions_count, .replication = 1};
    layout.zones_count = layout.nodes_count = 1;
    strcpy(layout.zones[0], "nowhere");
    memcpy(layout.nodes[0].id, puppet_id(&puppet), LINK_NODE_ID_BYTES);
    layout.nodes[0].capacity = 1;
    if (parent != NULL) memcpy(layout.parent, parent, sizeof layout.parent);
    assert_true(layout_document_encode(&puppet.arena, &layout, &version));
    memcpy(hash, layout.hash, sizeof layout.hash);
    version.register_.time_us = 5;
    return version;
}

/* Number 7, whose parents nobody has ever seen: who sends it may have left out what is between. */
static void a_layout_version_after_a_gap_is_left_out_and_nobody_named(void **state)
{
    (void)state;
    static const uint8_t parent[RING_LAYOUT_HASH_BYTES] = {1};
    uint8_t hash[RING_LAYOUT_HASH_BYTES];
    struct op_document version = version_of(7, parent, RING_PARTITIONS, hash);
    puppet_ask_for_documents(&puppet);
    say_documents(&version, 1);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_TAKEN], 1);
    assert_int_equal(offences(), 0);
    assert_int_equal(view_documents_count(view()), documents_before);
}

/* More than any disk of ours would take, of kinds nobody knows: what the cluster needs still finds room. */
static void a_flood_of_unknown_kinds_takes_no_room_from_others(void **state)
{
    (void)state;
    enum { SIZE = LIMITS_DOCUMENT_BYTES_MAX, COUNT = LIMITS_DOCUMENTS_BYTES_MAX / 16 / SIZE + 8 };
    const struct span payload = span_of(arena_alloc(&puppet.arena, SIZE), SIZE);
    puppet_ask_for_documents(&puppet);
    for (uint32_t i = 0; i < COUNT; i++) {
        char key[20];
        snprintf(key, sizeof key, "Z%04u", i);
        struct op_document flood = document(key, 5, payload);
        const struct message message = {.kind = MESSAGE_DOCS, .documents = &flood, .documents_count = 1};
        puppet_say(&puppet, &message);
    }
    assert_in_range(puppet.node.cluster.exchange->documents_left_out, 8, 9);
    assert_int_equal(offences(), 0);
    uint32_t count = view_documents_count(view());
    const struct store_documents *documents = &puppet.store.documents;
    assert_true(documents->letters['Z' - 'A'].bytes <= LIMITS_DOCUMENTS_BYTES_MAX / 16);
    struct op_document alias = document("Ahonest", 5, document_encode_alias(&puppet.arena, NULL));
    const struct message message = {.kind = MESSAGE_DOCS, .documents = &alias, .documents_count = 1};
    puppet_say(&puppet, &message);
    assert_int_equal(view_documents_count(view()), count + 1);
}

/* Each as a word of its own: of little use to anybody but who wants the exchange, and its view, to stay. */
static void no_documents_and_more_to_come_are_named(void **state)
{
    (void)state;
    const struct message nothing = {.kind = MESSAGE_DOCS};
    puppet_ask_for_documents(&puppet);
    puppet_say(&puppet, &nothing);
    expect_named("no documents, and not the last");
}

/* A document now and then is a step each time; but there is an end to it. */
static void an_exchange_without_end_is_dropped(void **state)
{
    (void)state;
    const uint64_t interval_ms = puppet.node.cluster.settings->probe_interval_ms;
    struct op_document alias = document("Ahonest", 5, document_encode_alias(&puppet.arena, NULL));
    const struct message message = {.kind = MESSAGE_DOCS, .documents = &alias, .documents_count = 1};
    puppet_ask_for_documents(&puppet);
    uint32_t steps = 0;
    for (; !puppet.is_closed_by_node && steps < 2 * EXCHANGE_END_INTERVALS / 25; steps++) {
        puppet_say(&puppet, &message);
        puppet_wait(&puppet, 25 * interval_ms);
    }
    assert_in_range(steps, EXCHANGE_END_INTERVALS / 25 - 2, EXCHANGE_END_INTERVALS / 25 + 2);
    assert_int_equal(offences(), 0);
}

/* The first version is from the future and left out: then that the second has no parent here is our doing. */
static void a_gap_of_our_own_making_is_nobodys_fault(void **state)
{
    (void)state;
    uint8_t first[RING_LAYOUT_HASH_BYTES];
    uint8_t second[RING_LAYOUT_HASH_BYTES];
    struct op_document one = version_of(1, NULL, RING_PARTITIONS, first);
    struct op_document two = version_of(2, first, RING_PARTITIONS, second);
    one.register_.time_us = UINT64_MAX;
    puppet_ask_for_documents(&puppet);
    const struct message message = {.kind = MESSAGE_DOCS, .documents = &one, .documents_count = 1};
    puppet_say(&puppet, &message);
    say_documents(&two, 1);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_TAKEN], 2);
    assert_int_equal(offences(), 0);
    assert_int_equal(view_documents_count(view()), documents_before);
}

static void a_version_of_another_number_of_partitions_is_named(void **state)
{
    (void)state;
    uint8_t first[RING_LAYOUT_HASH_BYTES];
    uint8_t second[RING_LAYOUT_HASH_BYTES];
    struct op_document two[2];
    two[0] = version_of(1, NULL, RING_PARTITIONS, first);
    two[1] = version_of(2, first, RING_PARTITIONS / 2, second);
    puppet_ask_for_documents(&puppet);
    say_documents(two, 2);
    expect_named("another number of partitions than its parent");
}

static struct op_document *invented_members(uint32_t batch, uint32_t count)
{
    const struct document_member member = {.is_member = true, .since_us = 1, .name = span_text("x")};
    struct span payload = document_encode_member(&puppet.arena, &member);
    struct op_document *members = arena_array(&puppet.arena, count, sizeof *members);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *key = arena_alloc(&puppet.arena, 1 + LINK_NODE_ID_BYTES);
        key[0] = DOCUMENT_MEMBER;
        wire_store_u64(key + 1, (uint64_t)batch * count + i);
        members[i].key = span_of(key, 1 + LINK_NODE_ID_BYTES);
        members[i].register_ = (struct crdt_lww){5, 7, payload.bytes, payload.length};
    }
    return members;
}

/* Members as fast as they can be invented: as many are taken as there may be, and the node goes on. */
static void a_million_invented_members_are_no_more_than_there_may_be(void **state)
{
    (void)state;
    puppet_ask_for_documents(&puppet);
    for (uint32_t batch = 0; batch < 10; batch++) {
        const struct message message = {.kind = MESSAGE_DOCS,
                                        .documents = invented_members(batch, MESSAGE_DOCUMENTS_MAX),
                                        .documents_count = MESSAGE_DOCUMENTS_MAX};
        puppet_say(&puppet, &message);
    }
    struct span id, last;
    assert_true(view_nth(view(), DOCUMENT_MEMBER, LIMITS_MEMBER_DOCUMENTS_MAX - 1, &id, &last));
    assert_false(view_nth(view(), DOCUMENT_MEMBER, LIMITS_MEMBER_DOCUMENTS_MAX, &id, &last));
    assert_int_equal(puppet.node.cluster.members.count, LIMITS_MEMBERS_MAX);
    assert_int_equal(lines_of("documents of another node were not taken"), 1);
    assert_non_null(strstr(puppet.log, "as many members as there may be"));
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

/* It says that it acts upon layout 1000 and then has none to show. That something else of its making was left out
 * once is no excuse. */
static void a_layout_number_that_is_not_shown_is_named(void **state)
{
    (void)state;
    struct op_document future = document("Aforever", UINT64_MAX, document_encode_alias(&puppet.arena, NULL));
    puppet_ask_for_documents(&puppet);
    say_documents(&future, 1);
    assert_int_equal(puppet.node.cluster.exchange->documents_left_out, 1);
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

/* A word of a few bytes, and two hundred announcements to send: a message of them is sent. */
static void who_knows_nobody_is_told_a_message_at_a_time(void **state)
{
    (void)state;
    const struct members *members = &puppet.node.cluster.members;
    const struct message known = {.kind = MESSAGE_KNOWN};
    puppet_ask_for_documents(&puppet);
    say_documents(invented_members(0, 200), 200);
    struct span announcement = own_announcement(0);
    for (uint32_t i = 0; i < members->count; i++) {
        members->rows[i]->has_announcement = true;
        members->rows[i]->announcement.incarnation = 5;
        members->rows[i]->announcement_bytes = announcement;
    }
    puppet_say(&puppet, &known);
    assert_int_equal(puppet.heard[MESSAGE_ANNOUNCEMENTS], 1);
    assert_int_equal(puppet.last[MESSAGE_ANNOUNCEMENTS].spans_count, MESSAGE_ANNOUNCEMENTS_MAX);
    struct span *ids = arena_array(&puppet.arena, 200, sizeof *ids);
    for (uint32_t i = 0; i < 200; i++)
        ids[i] = span_of(members->rows[i]->id, LINK_NODE_ID_BYTES);
    const struct message wanted = {.kind = MESSAGE_WANTED, .spans = ids, .spans_count = 200};
    puppet_say(&puppet, &wanted);
    assert_int_equal(puppet.heard[MESSAGE_ANNOUNCEMENTS], 2);
    assert_int_equal(puppet.last[MESSAGE_ANNOUNCEMENTS].spans_count, MESSAGE_ANNOUNCEMENTS_MAX);
    for (uint32_t i = 0; i < members->count; i++)
        members->rows[i]->has_announcement = false;
}

/* Words of three bytes without end: as many are answered as an exchange needs, and then one each interval. */
static void who_asks_for_announcements_without_end_has_few_answers(void **state)
{
    (void)state;
    const struct message known = {.kind = MESSAGE_KNOWN}; /* it has no announcement of the node's own */
    for (uint32_t i = 0; i < 3 * EXCHANGE_ANSWERS_MAX; i++)
        puppet_say(&puppet, &known);
    assert_int_equal(puppet.heard[MESSAGE_ANNOUNCEMENTS], EXCHANGE_ANSWERS_MAX);
    assert_false(puppet.is_closed_by_node);
    puppet_wait(&puppet, 3 * puppet.node.cluster.settings->probe_interval_ms);
    puppet_say(&puppet, &known);
    assert_int_equal(puppet.heard[MESSAGE_ANNOUNCEMENTS], EXCHANGE_ANSWERS_MAX + 1);
    assert_int_equal(offences(), 0);
}

static void a_second_greeting_is_named(void **state)
{
    (void)state;
    static uint8_t none[16];
    const struct message hello = {.kind = MESSAGE_HELLO,
                                  .announcement = own_announcement(0),
                                  .documents_digest = span_of(none, 16),
                                  .announcements_digest = span_of(none, 16)};
    puppet_say(&puppet, &hello);
    assert_int_equal(offences(), 0);
    puppet_say(&puppet, &hello);
    expect_named("a second greeting");
}

static void knowledge_out_of_order_is_named(void **state)
{
    (void)state;
    struct message_known two[2] = {{.node_id = puppet_id(&puppet)}, {.node_id = puppet_id(&puppet)}};
    const struct message known = {.kind = MESSAGE_KNOWN, .known = two, .known_count = 2};
    puppet_say(&puppet, &known);
    expect_named("nodes out of order");
}

/* It begins an exchange, does not go on with it, and keeps the link alive with other words. */
static void an_exchange_that_gets_nowhere_is_dropped(void **state)
{
    (void)state;
    const struct message known = {.kind = MESSAGE_KNOWN};
    uint64_t patience_ms = EXCHANGE_STALL_INTERVALS * puppet.node.cluster.settings->probe_interval_ms;
    puppet_ask_for_documents(&puppet);
    uint64_t begun_ms = puppet.now_ms;
    while (puppet.now_ms + 5000 < begun_ms + patience_ms) {
        puppet_wait(&puppet, 5000);
        puppet_say(&puppet, &known);
        assert_false(puppet.is_closed_by_node);
    }
    puppet_wait(&puppet, 10000);
    puppet_wait(&puppet, LINKS_END_MS);
    assert_true(puppet.is_closed_by_node);
    assert_int_equal(offences(), 0);
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
        test(a_document_of_the_far_future_is_left_out_and_nobody_named),
        test(a_malformed_document_spoils_its_batch),
        test(a_layout_version_after_a_gap_is_left_out_and_nobody_named),
        test(a_flood_of_unknown_kinds_takes_no_room_from_others),
        test(no_documents_and_more_to_come_are_named),
        test(an_exchange_without_end_is_dropped),
        test(a_gap_of_our_own_making_is_nobodys_fault),
        test(a_version_of_another_number_of_partitions_is_named),
        test(a_million_invented_members_are_no_more_than_there_may_be),
        test(a_forged_announcement_is_counted_against_who_sent_it),
        test(a_layout_number_that_is_not_shown_is_named),
        test(who_knows_nobody_is_told_a_message_at_a_time),
        test(who_asks_for_announcements_without_end_has_few_answers),
        test(a_second_greeting_is_named),
        test(knowledge_out_of_order_is_named),
        test(an_exchange_that_gets_nowhere_is_dropped),
        test(who_goes_on_is_not_listened_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
