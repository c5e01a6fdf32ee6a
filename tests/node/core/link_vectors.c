/* Links and packets, held to the bytes that docs/protocol.md shows (tests/vectors/protocol.txt): what is written
 * is these bytes, and these bytes are read as the page says. */
#include "node/base/wire.h"
#include "node/core/packet.h"
#include "tests/node/core/link_ends.h"
#include "tests/vectors/vectors.h"

#include <sodium.h>

struct made {
    struct vectors vectors;
    struct link_identity dialler, listener;
    struct link links[2];
};

static struct span get(const struct made *made, const char *name)
{
    return vectors_get(&made->vectors, name);
}

static struct link_identity identity_of(const struct made *made, const char *seed)
{
    struct link_identity identity = {.is_member = true, .secrets_count = 1};
    uint8_t id[LINK_NODE_ID_BYTES];
    crypto_sign_ed25519_seed_keypair(id, identity.node_key, get(made, seed).bytes);
    memcpy(identity.cluster_id, get(made, "cluster_id").bytes, LINK_CLUSTER_ID_BYTES);
    memcpy(identity.secrets[0], get(made, "secret").bytes, LINK_SECRET_BYTES);
    return identity;
}

static int set_up(void **state)
{
    static struct made made;
    struct prng prng;
    memset(&made, 0, sizeof made);
    vectors_read(&made.vectors, "protocol.txt");
    made.dialler = identity_of(&made, "dialler_seed");
    made.listener = identity_of(&made, "listener_seed");
    made.dialler.boot = wire_load_u64(get(&made, "dialler_boot").bytes);
    made.listener.boot = wire_load_u64(get(&made, "listener_boot").bytes);
    prng_init(&prng, get(&made, "dialler_prng").bytes);
    assert_true(link_init(&made.links[0], &made.dialler, true, &prng, NULL, ENDS_NOW_MS));
    prng_init(&prng, get(&made, "listener_prng").bytes);
    assert_true(link_init(&made.links[1], &made.listener, false, &prng, NULL, ENDS_NOW_MS));
    *state = &made;
    return 0;
}

static int tear_down(void **state)
{
    struct made *made = *state;
    link_deinit(&made->links[0]);
    link_deinit(&made->links[1]);
    return 0;
}

static void expect_written(struct link *link, struct span expected, uint64_t now_ms)
{
    struct tape tape = {0};
    ends_write(link, &tape, now_ms);
    assert_span(tape_span(&tape), expected);
    tape_deinit(&tape);
}

/* Each end alone, against the bytes. */
static void shake(struct made *made)
{
    struct link *dialler = &made->links[0];
    struct link *listener = &made->links[1];
    assert_span(span_of(ends_id(&made->dialler), LINK_NODE_ID_BYTES), get(made, "dialler_id"));
    expect_written(dialler, get(made, "hello"), ENDS_NOW_MS);
    assert_int_equal(ends_give(listener, get(made, "hello")), LINK_MORE);
    expect_written(listener, get(made, "answer"), ENDS_NOW_MS);
    assert_int_equal(ends_give(dialler, get(made, "answer")), LINK_READY);
    expect_written(dialler, get(made, "proof"), ENDS_NOW_MS);
    assert_int_equal(ends_give(listener, get(made, "proof")), LINK_READY);
}

static void the_handshake_is_the_bytes_of_the_page(void **state)
{
    struct made *made = *state;
    shake(made);
    assert_memory_equal(made->links[1].peer.node_id, get(made, "dialler_id").bytes, LINK_NODE_ID_BYTES);
    assert_memory_equal(made->links[0].peer.node_id, get(made, "listener_id").bytes, LINK_NODE_ID_BYTES);
}

static void frames_are_the_bytes_of_the_page(void **state)
{
    struct made *made = *state;
    struct link *dialler = &made->links[0];
    struct link *listener = &made->links[1];
    shake(made);
    assert_true(link_send(dialler, LINK_NORMAL, get(made, "message")));
    expect_written(dialler, get(made, "message_frame"), ENDS_NOW_MS);
    expect_written(dialler, get(made, "rekey_frame"), link_deadline_ms(dialler));
    link_end(dialler);
    expect_written(dialler, get(made, "end_frame"), ENDS_NOW_MS);
    assert_true(link_send(listener, LINK_URGENT, get(made, "answered")));
    expect_written(listener, get(made, "answered_frame"), ENDS_NOW_MS);

    assert_int_equal(ends_give(listener, get(made, "message_frame")), LINK_MESSAGE);
    assert_span(listener->message, get(made, "message"));
    assert_int_equal(ends_give(listener, get(made, "rekey_frame")), LINK_MORE);
    assert_int_equal(ends_give(listener, get(made, "end_frame")), LINK_ENDED);
    assert_int_equal(ends_give(dialler, get(made, "answered_frame")), LINK_MESSAGE);
    assert_span(dialler->message, get(made, "answered"));
}

static void a_packet_is_the_bytes_of_the_page(void **state)
{
    struct made *made = *state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    uint8_t body[PACKET_BODY_BYTES_MAX];
    size_t body_bytes = 0;
    struct packet_pair pair;
    struct prng prng;
    prng_init(&prng, get(made, "packet_prng").bytes);
    assert_true(packet_pair_init(&pair, &made->dialler, get(made, "listener_id").bytes));
    assert_span(span_of(pair.key, sizeof pair.key), get(made, "packet_pair"));
    size_t length = packet_close(&made->dialler, &pair, get(made, "listener_id").bytes, get(made, "packet_body"),
                                 &prng, bytes);
    assert_span(span_of(bytes, length), get(made, "packet"));

    assert_true(packet_pair_init(&pair, &made->listener, get(made, "dialler_id").bytes));
    assert_true(packet_open(&made->listener, 0, &pair, get(made, "dialler_id").bytes, get(made, "packet"), body,
                            &body_bytes));
    assert_span(span_of(body, body_bytes), get(made, "packet_body"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_handshake_is_the_bytes_of_the_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_are_the_bytes_of_the_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_is_the_bytes_of_the_page, set_up, tear_down),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
