/* Members that lie, and packets that are no member's (H12, H13, H26): nodes stay as they are, and name who did it.
 */
#include "tests/node/cluster/gossip_net.h"

enum { PERIOD_MS = 1000, LIAR = 1, VICTIM = 2 };

static struct net net;

static int tear_down(void **state)
{
    (void)state;
    net_deinit(&net);
    return 0;
}

static void settle(const char *name, uint32_t count)
{
    net_begin(&net, name, count, PERIOD_MS);
    net_until_all_are(&net, MEMBER_ALIVE, 60);
    for (uint32_t i = 0; i < 40 && !net_digests_agree(&net); i++)
        net_run(&net, 1);
    assert_true(net_digests_agree(&net));
    for (uint32_t i = 0; i < 10 && !net_row(&net, 0, LIAR)->has_round_trip; i++)
        net_run(&net, 1); /* else nobody could tell what of it is fresh */
}

/* The liar has done nothing yet. */
static void forgive(uint32_t who)
{
    struct member *row = net_row(&net, who, LIAR);
    struct gossip_row *secret = row->gossip;
    row->quarantined_until_ms = 0;
    row->offences = 0;
    secret->guilt = 0;
    secret->counted_us = 0;
}

/* A message that makes no sense, as the liar seals it now. */
static size_t nonsense(uint8_t body[PACKET_BODY_BYTES_MAX])
{
    struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
    size_t length = gossip_message_encode(&message, body);
    body[length] = 0; /* a byte too many */
    return length + 1;
}

static void inject_nonsense(void)
{
    uint8_t body[PACKET_BODY_BYTES_MAX];
    net_inject(&net, LIAR, 0, span_of(body, nonsense(body)));
}

static uint32_t offences(uint32_t who)
{
    return net_row(&net, who, LIAR)->offences;
}

/* What one node holds of all members, as bytes. */
struct picture {
    enum member_state states[NET_NODES_MAX];
    uint8_t announcements[16];
    uint64_t incarnation;
    uint32_t count;
};

static struct picture picture_of(uint32_t who)
{
    struct picture picture = {.count = net.nodes[who].members.count};
    for (uint32_t i = 0; i < picture.count; i++)
        picture.states[i] = net.nodes[who].members.rows[i]->state;
    gossip_announcements_digest(net.nodes[who].gossip, picture.announcements);
    picture.incarnation = gossip_stats(net.nodes[who].gossip).incarnation;
    return picture;
}

static void assert_same(const struct picture *before, uint32_t who)
{
    struct picture after = picture_of(who);
    assert_int_equal(after.count, before->count);
    assert_memory_equal(after.states, before->states, sizeof after.states);
    assert_memory_equal(after.announcements, before->announcements, sizeof after.announcements);
    assert_int_equal(after.incarnation, before->incarnation);
}

/* --- malformed ------------------------------------------------------------------------------------------ */

static size_t full_body(uint8_t *body)
{
    struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
    struct gossip_claim claim = net_claim(&net, VICTIM, 3, MEMBER_SUSPECT, 1);
    assert_true(gossip_message_add_claim(&message, &claim));
    assert_true(gossip_message_add_announcement(&message, net_row(&net, 0, VICTIM)->announcement_bytes));
    return gossip_message_encode(&message, body);
}

static void a_message_cut_anywhere_is_an_offence_and_changes_nothing(void **state)
{
    (void)state;
    uint8_t body[PACKET_BODY_BYTES_MAX];
    settle("cut", 5);
    size_t length = full_body(body);
    struct picture before = picture_of(0);
    const size_t dated = 1 + 5 * 8; /* up to here it does not say how old it is, so it is dropped and no more */
    for (size_t i = 0; i < length; i++) {
        uint64_t bad = gossip_stats(net.nodes[0].gossip).packets_bad;
        forgive(0);
        net_inject(&net, LIAR, 0, span_of(body, i));
        assert_int_equal(offences(0), i < dated ? 0 : 1);
        assert_int_equal(gossip_stats(net.nodes[0].gossip).packets_bad, bad + 1);
    }
    forgive(0);
    body[length] = 0; /* a byte too many */
    net_inject(&net, LIAR, 0, span_of(body, length + 1));
    assert_int_equal(offences(0), 1);
    forgive(0);
    net_inject(&net, LIAR, 0, span_of(body, length));
    assert_int_equal(offences(0), 0);
    assert_same(&before, 0);
}

static void no_flipped_byte_of_a_message_harms_anyone(void **state)
{
    (void)state;
    uint8_t body[PACKET_BODY_BYTES_MAX];
    settle("flipped_message", 5);
    size_t length = full_body(body);
    struct picture before = picture_of(0);
    for (size_t i = 0; i < length; i++) {
        forgive(0);
        body[i] ^= (uint8_t)(1 + random_below(&net.random, 255));
        net_inject(&net, LIAR, 0, span_of(body, length));
        length = full_body(body);
        assert_int_equal(net_state(&net, 0, VICTIM), before.states[0]);
    }
    struct picture after = picture_of(0);
    assert_memory_equal(after.announcements, before.announcements, sizeof before.announcements);
    assert_int_equal(after.incarnation, before.incarnation);
}

static void no_flipped_byte_of_a_packet_is_heard(void **state)
{
    (void)state;
    settle("flipped_packet", 3);
    while (net.packets_count == 0)
        net_step(&net, UINT64_MAX);
    struct net_packet packet = net.packets[0];
    struct picture before = picture_of(packet.to);
    uint64_t foreign = gossip_stats(net.nodes[packet.to].gossip).packets_foreign;
    uint64_t heard = gossip_stats(net.nodes[packet.to].gossip).packets_in;
    for (size_t i = 0; i < packet.length; i++) {
        packet.bytes[i] ^= 0x10;
        net_deliver(&net.nodes[packet.to], span_text("x:1"), span_of(packet.bytes, packet.length));
        packet.bytes[i] ^= 0x10;
        net_deliver(&net.nodes[packet.to], span_text("x:1"), span_of(packet.bytes, i));
    }
    assert_int_equal(gossip_stats(net.nodes[packet.to].gossip).packets_foreign, foreign + 2 * packet.length);
    assert_int_equal(gossip_stats(net.nodes[packet.to].gossip).packets_in, heard);
    assert_same(&before, packet.to);
}

/* --- forged --------------------------------------------------------------------------------------------- */

static void no_flipped_byte_of_an_announcement_is_believed(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    settle("flipped_announcement", 4);
    net_say(&net.nodes[VICTIM], "z2"); /* newer than what the others hold */
    struct span news = gossip_announcement(net.nodes[VICTIM].gossip);
    struct picture before = picture_of(0);
    for (size_t i = 0; i < news.length; i++) {
        forgive(0);
        memcpy(bytes, news.bytes, news.length);
        bytes[i] ^= (uint8_t)(1u << random_below(&net.random, 8));
        assert_false(
            gossip_hear(net.nodes[0].gossip, span_of(bytes, news.length), net_row(&net, 0, LIAR), net.now_us));
        assert_false(gossip_hear(net.nodes[0].gossip, span_of(news.bytes, i), NULL, net.now_us));
        net_drain(&net.nodes[0]);
    }
    assert_same(&before, 0);
    assert_true(gossip_hear(net.nodes[0].gossip, news, net_row(&net, 0, LIAR), net.now_us));
    assert_false(gossip_hear(net.nodes[0].gossip, news, NULL, net.now_us)); /* it is no news now */
    net_drain(&net.nodes[0]);
}

static void nobody_announces_for_another(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    settle("for_another", 4);
    struct announcement lie = net_row(&net, 0, VICTIM)->announcement;
    lie.incarnation += 100;
    lie.flags = ANNOUNCEMENT_LEAVING;
    size_t length = announcement_encode(&lie, &net.nodes[LIAR].identity, bytes);
    struct picture before = picture_of(0);
    struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
    assert_true(gossip_message_add_announcement(&message, span_of(bytes, length)));
    net_inject_message(&net, LIAR, 0, &message);
    assert_int_equal(offences(0), 1);
    assert_same(&before, 0);

    memcpy(lie.node_id, net_id(&net.nodes[0]), LINK_NODE_ID_BYTES); /* for the one it tells, with another nonce */
    lie.boot_nonce++;
    length = announcement_encode(&lie, &net.nodes[LIAR].identity, bytes);
    assert_false(gossip_hear(net.nodes[0].gossip, span_of(bytes, length), net_row(&net, 0, LIAR), net.now_us));
    net_drain(&net.nodes[0]);
    assert_int_equal(offences(0), 2);
    assert_same(&before, 0);
}

static void another_clusters_announcement_is_not_believed(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    settle("other_cluster", 3);
    struct announcement other = net_row(&net, 0, LIAR)->announcement;
    struct link_identity identity = net.nodes[LIAR].identity;
    other.incarnation++;
    identity.cluster_id[0] ^= 1;
    size_t length = announcement_encode(&other, &identity, bytes);
    assert_false(gossip_hear(net.nodes[0].gossip, span_of(bytes, length), NULL, net.now_us));
    length = announcement_encode(&other, &net.nodes[LIAR].identity, bytes);
    assert_true(gossip_hear(net.nodes[0].gossip, span_of(bytes, length), NULL, net.now_us));
    net_drain(&net.nodes[0]);
}

/* --- claims --------------------------------------------------------------------------------------------- */

static void a_claim_about_an_incarnation_nobody_announced_is_an_offence(void **state)
{
    (void)state;
    settle("unannounced", 5);
    struct picture before = picture_of(0);
    static const uint64_t lies[] = {0, 1001, UINT64_MAX};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
        struct gossip_claim claim = net_claim(&net, VICTIM, LIAR, MEMBER_DOWN, lies[i]);
        struct gossip_claim ours = net_claim(&net, 0, LIAR, MEMBER_DOWN, lies[i]);
        assert_true(gossip_message_add_claim(&message, &claim));
        assert_true(gossip_message_add_claim(&message, &ours));
        forgive(0);
        net_inject_message(&net, LIAR, 0, &message);
        assert_int_equal(offences(0), 2);
        assert_same(&before, 0);
    }
    struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
    struct gossip_claim claim = net_claim(&net, VICTIM, LIAR, MEMBER_DOWN, 1001);
    message.announcements_digest[3] ^= 1; /* it may know more than we do: then it is nothing */
    assert_true(gossip_message_add_claim(&message, &claim));
    forgive(0);
    net_inject_message(&net, LIAR, 0, &message);
    assert_int_equal(offences(0), 0);
    assert_same(&before, 0);
}

static void claims_no_node_makes_are_offences(void **state)
{
    (void)state;
    settle("absurd", 5);
    struct picture before = picture_of(0);
    struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
    struct gossip_claim itself = net_claim(&net, LIAR, 3, MEMBER_DOWN, 1000);
    struct gossip_claim accuser = net_claim(&net, VICTIM, VICTIM, MEMBER_SUSPECT, 1000);
    struct gossip_claim stranger = net_claim(&net, VICTIM, 3, MEMBER_SUSPECT, 1000);
    stranger.id[0] ^= 1;
    assert_true(gossip_message_add_claim(&message, &itself));
    assert_true(gossip_message_add_claim(&message, &accuser));
    assert_true(gossip_message_add_claim(&message, &stranger));
    net_inject_message(&net, LIAR, 0, &message);
    assert_int_equal(offences(0), 3);
    message.documents[0] ^= 1; /* its documents are others: the stranger may be a member there */
    forgive(0);
    net_inject_message(&net, LIAR, 0, &message);
    assert_int_equal(offences(0), 2);
    struct gossip_message ask = net_message(&net, LIAR, 0, GOSSIP_ASK);
    memcpy(ask.target, net_id(&net.nodes[0]), LINK_NODE_ID_BYTES);
    forgive(0);
    net_inject_message(&net, LIAR, 0, &ask); /* "ping yourself for me" */
    assert_int_equal(offences(0), 1);
    assert_same(&before, 0);
}

/* It says of the victim that it is down, in the name of all the others, to everybody, without end. */
static void a_liar_holds_no_live_node_down(void **state)
{
    (void)state;
    enum { COUNT = 8, PERIODS = 60 };
    settle("liar", COUNT);
    for (uint32_t i = 0; i < PERIODS; i++) {
        for (uint32_t to = 0; to < COUNT; to++) {
            if (to == LIAR || to == VICTIM) continue;
            struct gossip_message message = net_message(&net, LIAR, to, GOSSIP_NEWS);
            uint64_t incarnation = net_row(&net, to, VICTIM)->announcement.incarnation;
            for (uint32_t by = 3; by < COUNT; by++) {
                struct gossip_claim claim = net_claim(&net, VICTIM, by, by % 2 == 0 ? MEMBER_DOWN : MEMBER_SUSPECT,
                                                      incarnation);
                assert_true(gossip_message_add_claim(&message, &claim));
            }
            net_inject_message(&net, LIAR, to, &message);
        }
        net_run(&net, 1);
        for (uint32_t who = 0; who < COUNT; who++) {
            if (who != VICTIM) assert_int_not_equal(net_state(&net, who, VICTIM), MEMBER_DOWN);
        }
    }
    assert_int_equal(net_sum(&net).downs, 0);
    assert_true(gossip_stats(net.nodes[VICTIM].gossip).refutations > 0);
    net_run(&net, 20);
    assert_true(net_all_are(&net, MEMBER_ALIVE));
}

static void who_is_accused_refutes_and_says_so(void **state)
{
    (void)state;
    settle("accused", 4);
    struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
    struct gossip_claim claim = net_claim(&net, 0, LIAR, MEMBER_SUSPECT, 1000);
    assert_true(gossip_message_add_claim(&message, &claim));
    net_inject_message(&net, LIAR, 0, &message);
    assert_int_equal(gossip_stats(net.nodes[0].gossip).incarnation, 1001);
    assert_int_equal(gossip_stats(net.nodes[0].gossip).refutations, 1);
    net_inject_message(&net, LIAR, 0, &message); /* again: of before */
    assert_int_equal(gossip_stats(net.nodes[0].gossip).incarnation, 1001);
    net_run(&net, 5);
    for (uint32_t i = 1; i < 4; i++)
        assert_int_equal(net_row(&net, i, 0)->announcement.incarnation, 1001);
}

/* Each refutation is signed and told to all: who knows our newest incarnation cannot make us do that without end.
 */
static void accusations_without_end_are_refuted_now_and_then(void **state)
{
    (void)state;
    settle("accused_on", 4);
    uint64_t before = gossip_stats(net.nodes[0].gossip).incarnation;
    for (uint32_t i = 0; i < 1000; i++) {
        struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
        struct gossip_claim claim = net_claim(&net, 0, LIAR, MEMBER_SUSPECT,
                                              gossip_stats(net.nodes[0].gossip).incarnation);
        assert_true(gossip_message_add_claim(&message, &claim));
        net_inject_message(&net, LIAR, 0, &message);
        net.packets_count = 0;
    }
    struct gossip_stats stats = gossip_stats(net.nodes[0].gossip);
    assert_int_equal(stats.incarnation, before + 1);
    assert_int_equal(stats.health, 1);
    net_run(&net, 20);
    assert_true(net_all_are(&net, MEMBER_ALIVE));
}

/* --- floods --------------------------------------------------------------------------------------------- */

static void eight_offences_bring_a_quarantine_that_ends(void **state)
{
    (void)state;
    settle("quarantine", 4);
    for (uint32_t i = 0; i < GOSSIP_OFFENCES_MAX + 5; i++)
        inject_nonsense();
    struct member *row = net_row(&net, 0, LIAR);
    assert_int_equal(row->offences, GOSSIP_OFFENCES_MAX); /* what came later was not looked at */
    assert_true(row->quarantined_until_ms > net_now_ms(&net));
    assert_int_equal(net_logged(&net.nodes[0], "a node sent what no sound node sends"), GOSSIP_OFFENCES_MAX);
    assert_int_equal(net_logged(&net.nodes[0], "a node is not listened to for a while"), 1);
    net_run(&net, 30);
    assert_int_equal(net_sum(&net).downs, 0); /* we do not hear it, so we do not judge it */
    net_run(&net, GOSSIP_QUARANTINE_MS / PERIOD_MS);
    assert_true(row->quarantined_until_ms <= net_now_ms(&net));
    assert_true(net_all_are(&net, MEMBER_ALIVE));
    uint64_t heard_ms = row->heard_ms;
    net_run(&net, 10);
    assert_true(row->heard_ms > heard_ms);
}

/* One that blunders now and then is named, and heard on. */
static void offences_are_forgiven_with_time(void **state)
{
    (void)state;
    settle("forgiven", 4);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t j = 0; j < GOSSIP_OFFENCES_MAX - 1; j++)
            inject_nonsense();
        assert_int_equal(offences(0), (i + 1) * (GOSSIP_OFFENCES_MAX - 1));
        assert_int_equal(net_row(&net, 0, LIAR)->quarantined_until_ms, 0);
        net_run(&net, (GOSSIP_OFFENCES_MAX - 1) * GOSSIP_FORGIVE_MS / PERIOD_MS);
    }
    for (uint32_t j = 0; j < GOSSIP_OFFENCES_MAX; j++)
        inject_nonsense();
    assert_true(net_row(&net, 0, LIAR)->quarantined_until_ms > net_now_ms(&net));
}

/* Who recorded what a member once sent cannot make us shut it out: the same counts once, and what is old not at
 * all, on whatever it is that the two clocks show. */
static void what_is_sent_again_is_no_offence_of_who_sent_it_once(void **state)
{
    (void)state;
    enum { RECORDED = GOSSIP_OFFENCES_MAX + 1 };
    uint8_t bodies[RECORDED][PACKET_BODY_BYTES_MAX];
    size_t lengths[RECORDED];
    settle("recorded", 4);
    net.nodes[LIAR].wall_offset_us = INT64_C(-3600) * 1000000;
    net_run(&net, 20); /* which is measured */
    for (uint32_t i = 0; i < RECORDED; i++)
        lengths[i] = nonsense(bodies[i]);
    for (uint32_t i = 0; i < 50; i++)
        net_inject(&net, LIAR, 0, span_of(bodies[0], lengths[0]));
    assert_int_equal(offences(0), 1);
    assert_int_equal(net_logged(&net.nodes[0], "a node sent what no sound node sends"), 1);
    net_run(&net, GOSSIP_FRESH_MS / PERIOD_MS + 1);
    for (uint32_t i = 1; i < RECORDED; i++)
        net_inject(&net, LIAR, 0, span_of(bodies[i], lengths[i]));
    assert_int_equal(offences(0), 1);
    net.nodes[LIAR].wall_offset_us = 0;
    net_run(&net, 20);
    uint8_t again[PACKET_BODY_BYTES_MAX];
    net_inject(&net, LIAR, 0, span_of(again, nonsense(again))); /* its clock was set right: that is no alibi */
    assert_int_equal(offences(0), 2);
}

/* Announcements of nodes that our documents do not know yet are many when many nodes join, and no offence then. */
static void strangers_are_an_offence_only_when_there_is_no_end_of_them(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    settle("strangers", 4);
    struct span sample = net_row(&net, 0, LIAR)->announcement_bytes;
    memcpy(bytes, sample.bytes, sample.length);
    for (uint32_t minute = 0; minute < 3; minute++) {
        bool is_too_many = minute == 2;
        for (uint32_t i = 0; i < GOSSIP_STRANGERS_MAX - (is_too_many ? 0 : 1); i++) {
            struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
            message.documents[0] ^= 1;
            for (uint8_t j = 0; j < 4; j++) {
                bytes[65] = j;
                memcpy(bytes + 66, &i, sizeof i);
                assert_true(gossip_message_add_announcement(&message, span_of(bytes, sample.length)));
            }
            net_inject_message(&net, LIAR, 0, &message);
            net_inject_message(&net, LIAR, 0, &message); /* somebody sends it again */
        }
        assert_int_equal(offences(0), is_too_many ? 1 : 0);
        net_run(&net, GOSSIP_STRANGERS_MS / PERIOD_MS);
    }
}

static void a_flood_of_invented_members_takes_no_memory(void **state)
{
    (void)state;
    settle("invented", 4);
    const uint32_t count = getenv("TESTS_LONG") != NULL ? 1000000 : 10000;
    struct span sample = net_row(&net, 0, LIAR)->announcement_bytes;
    uint8_t bytes[GOSSIP_ANNOUNCEMENTS_MAX][ANNOUNCEMENT_BYTES_MAX];
    struct picture before = picture_of(0);
    size_t held = net.nodes[0].gossip->arena.held_bytes + net.nodes[0].members.arena.held_bytes;
    uint64_t bad = gossip_stats(net.nodes[0].gossip).packets_bad;
    for (uint32_t sent = 0; sent < count;) {
        struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_NEWS);
        message.documents[0] ^= 1; /* "you do not know them yet" */
        for (uint32_t i = 0; i < 4; i++, sent++) {
            memcpy(bytes[i], sample.bytes, sample.length);
            memcpy(bytes[i] + 65, &sent, sizeof sent); /* in the id */
            assert_true(gossip_message_add_announcement(&message, span_of(bytes[i], sample.length)));
        }
        net_inject_message(&net, LIAR, 0, &message);
        net_row(&net, 0, LIAR)->quarantined_until_ms = 0;
    }
    assert_int_equal(gossip_stats(net.nodes[0].gossip).packets_bad - bad, count / 4 / GOSSIP_STRANGERS_MAX);
    assert_int_equal(net.nodes[0].gossip->arena.held_bytes + net.nodes[0].members.arena.held_bytes, held);
    assert_same(&before, 0);
}

static void a_flood_of_questions_takes_no_memory(void **state)
{
    (void)state;
    settle("questions", 4);
    struct picture before = picture_of(0);
    for (uint32_t i = 0; i < 1000; i++) {
        struct gossip_message ask = net_message(&net, LIAR, 0, GOSSIP_ASK);
        memcpy(ask.target, net_id(&net.nodes[VICTIM]), LINK_NODE_ID_BYTES);
        ask.sequence = i;
        ask.wait_ms = UINT32_MAX;
        net_inject_message(&net, LIAR, 0, &ask);
        net.packets_count = 0;
    }
    assert_same(&before, 0);
    net_run(&net, 20);
    assert_true(net_all_are(&net, MEMBER_ALIVE));
}

/* Whoever listens keeps all packets, and sends them again to everybody. */
static void old_packets_again_change_nothing(void **state)
{
    (void)state;
    enum { KEPT_MAX = 600 };
    static struct net_packet kept[KEPT_MAX];
    uint32_t count = 0;
    settle("replay", 5);
    uint64_t number = net.packets_number;
    for (uint32_t i = 0; i < 4000 && count < KEPT_MAX; i++) {
        net_step(&net, UINT64_MAX);
        for (uint32_t j = 0; j < net.packets_count && count < KEPT_MAX; j++) {
            if (net.packets[j].number < number) continue;
            kept[count++] = net.packets[j];
            number = net.packets[j].number + 1;
        }
    }
    assert_true(count > 100);
    net_stop(&net.nodes[LIAR]);
    net_until_all_see(&net, LIAR, MEMBER_DOWN, 40);
    for (uint32_t i = 0; i < count; i++) {
        struct net_node *node = &net.nodes[kept[i].to];
        if (node->is_up) net_deliver(node, span_text("x:1"), span_of(kept[i].bytes, kept[i].length));
    }
    assert_true(net_all_see(&net, LIAR, MEMBER_DOWN));
    net_run(&net, 20);
    assert_true(net_all_see(&net, LIAR, MEMBER_DOWN));
    assert_int_equal(net_sum(&net).packets_bad, 0);
    for (uint32_t i = 0; i < 5; i++) {
        if (i != LIAR)
            assert_int_equal(
                net_logged(&net.nodes[i],
                           "another process has this node's identity: stop one of the two; the others "
                           "refuse both"),
                0);
    }
}

/* Sent again by somebody else: the answer goes to the member, or is no longer than what came. */
static void nobody_is_made_to_flood_another(void **state)
{
    (void)state;
    settle("reflection", 5);
    net_say(&net.nodes[VICTIM], "z2"); /* so that there is news to tell */
    net_run(&net, 1);
    struct gossip_message message = net_message(&net, LIAR, 0, GOSSIP_PING);
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(net.nodes[LIAR].address, NET_ADDRESS_CHARS, "somebody else:1");
        net.packets_count = 0;
        net_inject_message(&net, LIAR, 0, &message);
        for (uint32_t j = 0; j < net.packets_count; j++)
            assert_true(i == 1 && net.packets[j].to == LIAR && net.packets[j].length <= GOSSIP_HEAD_BYTES + 73);
        assert_int_equal(net.packets_count, i);
        message.incarnation--; /* of before: we cannot know where that one is */
    }
}

/* --- who is heard at all -------------------------------------------------------------------------------- */

static void who_is_no_member_or_of_another_cluster_or_secret_is_not_heard(void **state)
{
    (void)state;
    settle("foreign", 4);
    struct picture before = picture_of(0);
    struct link_identity right = net.nodes[LIAR].identity;
    uint64_t foreign = gossip_stats(net.nodes[0].gossip).packets_foreign;
    net.nodes[LIAR].identity.cluster_id[0] ^= 1;
    net_inject(&net, LIAR, 0, span_text("nonsense"));
    net.nodes[LIAR].identity = right;
    net.nodes[LIAR].identity.secrets[0][0] ^= 1;
    net_inject(&net, LIAR, 0, span_text("nonsense"));
    net.nodes[LIAR].identity = right;
    assert_int_equal(gossip_stats(net.nodes[0].gossip).packets_foreign, foreign + 2);
    assert_same(&before, 0);
    net_deliver(&net.nodes[0], span_text("x:1"), (struct span){0});
    uint8_t ids[4 * LINK_NODE_ID_BYTES];
    net_ids(&net, 1, ids);
    net_set_members(&net.nodes[0], ids, 1); /* all others are removed */
    net_inject(&net, LIAR, 0, span_text("nonsense"));
    assert_int_equal(gossip_stats(net.nodes[0].gossip).packets_foreign, foreign + 4);
    assert_true(gossip_deadline_ms(net.nodes[0].gossip) == UINT64_MAX); /* alone, and nothing to do */
}

static void during_a_rotation_both_secrets_are_heard(void **state)
{
    (void)state;
    settle("rotation", 4);
    struct link_identity *first = &net.nodes[0].identity;
    memset(first->secrets[1], 7, LINK_SECRET_BYTES);
    memset(first->secrets[0], 8, LINK_SECRET_BYTES);
    first->secrets_count = 2;
    for (uint32_t i = 1; i < 4; i++) {
        memset(net.nodes[i].identity.secrets[1], 8, LINK_SECRET_BYTES);
        net.nodes[i].identity.secrets_count = 2;
    }
    net_run(&net, 40);
    assert_int_equal(net_sum(&net).suspicions, 0);
    assert_int_equal(net_sum(&net).packets_foreign, 0);
}

/* Our own want of memory is no reason to suspect others. */
static void without_memory_for_packets_nobody_is_suspected(void **state)
{
    (void)state;
    settle("memory", 4);
    arena_deinit(&net.nodes[0].step);
    arena_init(&net.nodes[0].step, 0);
    net_run(&net, 100);
    assert_int_equal(gossip_stats(net.nodes[0].gossip).suspicions, 0);
    assert_true(net.nodes[0].outbox.lost_count > 0);
    arena_init(&net.nodes[0].step, 16 << 20);
    net_until_all_are(&net, MEMBER_ALIVE, 40);
}

#define net_test(function) cmocka_unit_test_teardown(function, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        net_test(a_message_cut_anywhere_is_an_offence_and_changes_nothing),
        net_test(no_flipped_byte_of_a_message_harms_anyone),
        net_test(no_flipped_byte_of_a_packet_is_heard),
        net_test(no_flipped_byte_of_an_announcement_is_believed),
        net_test(nobody_announces_for_another),
        net_test(another_clusters_announcement_is_not_believed),
        net_test(a_claim_about_an_incarnation_nobody_announced_is_an_offence),
        net_test(claims_no_node_makes_are_offences),
        net_test(a_liar_holds_no_live_node_down),
        net_test(who_is_accused_refutes_and_says_so),
        net_test(accusations_without_end_are_refuted_now_and_then),
        net_test(eight_offences_bring_a_quarantine_that_ends),
        net_test(offences_are_forgiven_with_time),
        net_test(what_is_sent_again_is_no_offence_of_who_sent_it_once),
        net_test(strangers_are_an_offence_only_when_there_is_no_end_of_them),
        net_test(a_flood_of_invented_members_takes_no_memory),
        net_test(a_flood_of_questions_takes_no_memory),
        net_test(old_packets_again_change_nothing),
        net_test(nobody_is_made_to_flood_another),
        net_test(who_is_no_member_or_of_another_cluster_or_secret_is_not_heard),
        net_test(during_a_rotation_both_secrets_are_heard),
        net_test(without_memory_for_packets_nobody_is_suspected),
    };
    return cmocka_run_group_tests_name("gossip_attacks", tests, NULL, NULL);
}
