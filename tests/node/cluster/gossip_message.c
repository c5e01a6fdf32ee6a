/* Messages in packets: written and read again, or refused. */
#include "node/cluster/gossip_message.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

static struct gossip_message any_message(struct random *random, const uint8_t *announcement)
{
    struct gossip_message message = {.kind = (enum gossip_kind)(1 + random_below(random, GOSSIP_NEWS))};
    message.sequence = random_u64(random);
    message.incarnation = random_u64(random);
    message.boot_nonce = random_u64(random);
    message.known = random_u64(random);
    message.wall_us = random_u64(random);
    for (int i = 0; i < 16; i++) {
        message.documents[i] = (uint8_t)random_u64(random);
        message.announcements_digest[i] = (uint8_t)random_u64(random);
    }
    if (message.kind == GOSSIP_ASK) {
        memset(message.target, 5, sizeof message.target);
        message.wait_ms = (uint32_t)random_u64(random);
    }
    uint32_t wanted = random_below(random, 20);
    for (uint32_t i = 0; i < wanted; i++) {
        struct gossip_claim claim = {.state = random_once_in(random, 2) ? MEMBER_SUSPECT : MEMBER_DOWN,
                                     .incarnation = random_u64(random)};
        memset(claim.id, (int)i, sizeof claim.id);
        memset(claim.by, (int)i + 1, sizeof claim.by);
        if (random_once_in(random, 2)) {
            gossip_message_add_claim(&message, &claim);
        } else {
            gossip_message_add_announcement(
                &message, span_of(announcement, random_below(random, ANNOUNCEMENT_BYTES_MAX + 1)));
        }
    }
    return message;
}

static void assert_equal(const struct gossip_message *a, const struct gossip_message *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->sequence == b->sequence && a->incarnation == b->incarnation && a->known == b->known);
    assert_true(a->boot_nonce == b->boot_nonce && a->wall_us == b->wall_us && a->wait_ms == b->wait_ms);
    assert_memory_equal(a->documents, b->documents, 16);
    assert_memory_equal(a->announcements_digest, b->announcements_digest, 16);
    assert_memory_equal(a->target, b->target, sizeof a->target);
    assert_int_equal(a->claims_count, b->claims_count);
    for (uint32_t i = 0; i < a->claims_count; i++) {
        assert_int_equal(a->claims[i].state, b->claims[i].state);
        assert_true(a->claims[i].incarnation == b->claims[i].incarnation);
        assert_memory_equal(a->claims[i].id, b->claims[i].id, LINK_NODE_ID_BYTES);
        assert_memory_equal(a->claims[i].by, b->claims[i].by, LINK_NODE_ID_BYTES);
    }
    assert_int_equal(a->announcements_count, b->announcements_count);
    for (uint32_t i = 0; i < a->announcements_count; i++)
        assert_span(a->announcements[i], b->announcements[i]);
}

static void what_is_written_is_read_again_and_fits(void **state)
{
    (void)state;
    struct random random = random_begin("gossip_message");
    uint8_t announcement[ANNOUNCEMENT_BYTES_MAX];
    uint8_t bytes[PACKET_BODY_BYTES_MAX];
    memset(announcement, 3, sizeof announcement);
    for (uint32_t i = 0; i < 2000; i++) {
        struct gossip_message message = any_message(&random, announcement);
        struct gossip_message read;
        size_t length = gossip_message_encode(&message, bytes);
        assert_true(length <= PACKET_BODY_BYTES_MAX && length == gossip_message_bytes(&message));
        assert_true(gossip_message_decode(span_of(bytes, length), &read));
        assert_equal(&read, &message);
    }
}

static void cut_anywhere_or_longer_it_is_refused(void **state)
{
    (void)state;
    struct random random = random_begin("gossip_message cut");
    uint8_t announcement[ANNOUNCEMENT_BYTES_MAX];
    uint8_t bytes[PACKET_BODY_BYTES_MAX + 1];
    struct gossip_message read;
    memset(announcement, 3, sizeof announcement);
    for (uint32_t i = 0; i < 20; i++) {
        struct gossip_message message = any_message(&random, announcement);
        size_t length = gossip_message_encode(&message, bytes);
        for (size_t cut = 0; cut < length; cut++)
            assert_false(gossip_message_decode(span_of(bytes, cut), &read));
        bytes[length] = 0;
        assert_false(gossip_message_decode(span_of(bytes, length + 1), &read));
    }
}

/* One message, one form: what is read is written as the same bytes. */
static void any_bytes_are_refused_or_one_form(void **state)
{
    (void)state;
    struct random random = random_begin("gossip_message any");
    uint8_t announcement[ANNOUNCEMENT_BYTES_MAX] = {0};
    uint8_t bytes[PACKET_BODY_BYTES_MAX];
    uint8_t again[PACKET_BODY_BYTES_MAX];
    uint32_t read_count = 0;
    struct gossip_message read;
    for (uint32_t i = 0; i < 20000; i++) {
        struct gossip_message message = any_message(&random, announcement);
        size_t length = gossip_message_encode(&message, bytes);
        for (uint32_t flips = random_below(&random, 3); flips > 0; flips--)
            bytes[random_below(&random, (uint32_t)length)] = (uint8_t)random_u64(&random);
        if (!gossip_message_decode(span_of(bytes, length), &read)) continue;
        read_count++;
        assert_int_equal(gossip_message_encode(&read, again), length);
        assert_memory_equal(bytes, again, length);
    }
    assert_true(read_count > 1000);
}

static void lying_counts_and_kinds_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[PACKET_BODY_BYTES_MAX] = {0};
    struct gossip_message read;
    const size_t head = GOSSIP_HEAD_BYTES;
    bytes[0] = GOSSIP_PING;
    assert_true(gossip_message_decode(span_of(bytes, head), &read));
    bytes[head - 2] = GOSSIP_CLAIMS_MAX + 1;
    assert_false(gossip_message_decode(span_of(bytes, sizeof bytes), &read));
    bytes[head - 2] = 0;
    bytes[head - 1] = 255;
    assert_false(gossip_message_decode(span_of(bytes, sizeof bytes), &read));
    bytes[head - 1] = 1;
    bytes[head] = 0xff; /* 65,535 bytes of announcement */
    bytes[head + 1] = 0xff;
    assert_false(gossip_message_decode(span_of(bytes, sizeof bytes), &read));
    bytes[head - 1] = 0;
    for (uint32_t kind = 0; kind < 256; kind++) {
        bytes[0] = (uint8_t)kind;
        size_t length = kind == GOSSIP_ASK ? head + GOSSIP_ASK_BYTES : head;
        bytes[head] = bytes[head + 1] = 0;
        bool is_known = kind >= GOSSIP_PING && kind <= GOSSIP_NEWS;
        assert_int_equal(gossip_message_decode(span_of(bytes, length), &read), is_known);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again_and_fits),
        cmocka_unit_test(cut_anywhere_or_longer_it_is_refused),
        cmocka_unit_test(any_bytes_are_refused_or_one_form),
        cmocka_unit_test(lying_counts_and_kinds_are_refused),
    };
    return cmocka_run_group_tests_name("gossip_message", tests, NULL, NULL);
}
