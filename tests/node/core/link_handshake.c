/* The handshake of links: who gets in, and that nobody else does (H12, H13, H25). */
#include "tests/node/core/link_ready.h"

#include <sodium.h>

/* --- in order --------------------------------------------------------------------------------------------- */

static void both_ends_learn_who_the_other_is(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int i = 0; i < 2; i++) {
        const struct link_peer *peer = &two.links[i].peer;
        assert_true(link_is_ready(&two.links[i]));
        assert_memory_equal(peer->node_id, ends_id(&two.ids[1 - i]), LINK_NODE_ID_BYTES);
        assert_memory_equal(peer->cluster_id, two.ids[0].cluster_id, LINK_CLUSTER_ID_BYTES);
        assert_true(peer->is_member && peer->version == LINK_VERSION && peer->capabilities == LINK_CAPABILITIES);
        assert_int_equal(peer->secret_index, 0);
    }
    assert_int_equal(two.tapes[0].length, LINK_HELLO_BYTES + LINK_PROOF_BYTES);
    assert_int_equal(two.tapes[1].length, LINK_ANSWER_BYTES);
    two_deinit(&two);
}

static void cutting_does_not_change_a_handshake(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (size_t step = 1; step < 200; step++) {
        struct two again = two_members();
        two_open_within(&again, NULL);
        for (int to = 0; to < 2; to++) {
            struct span all = tape_span(&two.tapes[1 - to]);
            size_t at = 0;
            assert_int_equal(ends_read(&again.links[to], all, &at, step, ENDS_NOW_MS), LINK_READY);
            assert_int_equal(at, all.length);
        }
        two_deinit(&again);
    }
    two_deinit(&two);
}

static void a_handshake_that_is_cut_short_waits_and_ends_with_its_deadline(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int end = 0; end < 2; end++) {
        for (size_t length = 0; length < two.tapes[1 - end].length; length++) {
            struct link link;
            assert_int_equal(two_hear(&two, end, span_of(two.tapes[1 - end].bytes, length), &link), LINK_MORE);
            assert_false(link_is_ready(&link));
            assert_int_equal(link_deadline_ms(&link), ENDS_NOW_MS + LINK_HANDSHAKE_MS);
            assert_true(link_tick(&link, link_deadline_ms(&link) - 1));
            assert_false(link_tick(&link, link_deadline_ms(&link)));
            expect_refused(&link, LINK_REASON_LATE);
            link_deinit(&link);
        }
    }
    two_deinit(&two);
}

static void bytes_that_come_late_are_refused_without_a_tick(void **state)
{
    (void)state;
    struct two two = two_members();
    size_t at = 0;
    two_shake(&two);
    struct link link = ends_open(&two.ids[1], false, ENDS_SEED_LISTENER);
    assert_int_equal(ends_read(&link, tape_span(&two.tapes[0]), &at, 0, ENDS_NOW_MS + LINK_HANDSHAKE_MS),
                     LINK_REFUSED);
    expect_refused(&link, LINK_REASON_LATE);
    link_deinit(&link);
    two_deinit(&two);
}

static void nobody_sees_who_speaks(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            const struct tape *tape = &two.tapes[i];
            assert_null(memmem(tape->bytes, tape->length, ends_id(&two.ids[j]), 8));
            assert_null(memmem(tape->bytes, tape->length, two.ids[j].cluster_id, 8));
        }
    }
    two_deinit(&two);
}

/* --- secrets ---------------------------------------------------------------------------------------------- */

static void either_of_two_secrets_is_good_during_a_rotation(void **state)
{
    (void)state;
    for (int dialled = 0; dialled < 2; dialled++) {
        for (int order = 0; order < 2; order++) {
            struct two two = two_members();
            memset(two.ids[0].secrets[0], dialled == 0 ? ENDS_SECRET : (ENDS_SECRET + 1), LINK_SECRET_BYTES);
            memset(two.ids[1].secrets[order], ENDS_SECRET, LINK_SECRET_BYTES);
            memset(two.ids[1].secrets[1 - order], (ENDS_SECRET + 1), LINK_SECRET_BYTES);
            two.ids[1].secrets_count = 2;
            two_shake(&two);
            assert_true(link_is_ready(&two.links[0]) && link_is_ready(&two.links[1]));
            assert_int_equal(two.links[1].peer.secret_index, dialled ^ order);
            two_deinit(&two);
        }
    }
}

static void only_the_first_secret_is_dialled_with(void **state)
{
    (void)state;
    struct two two = two_members();
    memset(two.ids[0].secrets[0], (ENDS_SECRET + 1), LINK_SECRET_BYTES);
    memset(two.ids[0].secrets[1], ENDS_SECRET, LINK_SECRET_BYTES);
    two.ids[0].secrets_count = 2;
    two_shake(&two);
    expect_refused(&two.links[1], LINK_REASON_SECRET);
    two_deinit(&two);
}

static void without_a_secret_there_are_no_links(void **state)
{
    (void)state;
    for (int is_dialler = 0; is_dialler < 2; is_dialler++) {
        struct link_identity identity = ends_identity(1, ENDS_CLUSTER, true, ENDS_SECRET);
        identity.secrets_count = 0;
        struct link link = ends_open(&identity, is_dialler == 1, ENDS_SEED_DIALLER);
        expect_refused(&link, LINK_REASON_NO_SECRET);
        link_deinit(&link);
    }
}

/* --- clusters --------------------------------------------------------------------------------------------- */

/* H13 */
static void members_of_two_clusters_refuse_each_other(void **state)
{
    (void)state;
    struct two two = two_members();
    memset(two.ids[1].cluster_id, (ENDS_CLUSTER + 1), LINK_CLUSTER_ID_BYTES);
    two_shake(&two);
    expect_refused(&two.links[0], LINK_REASON_CLUSTER);
    assert_memory_equal(two.links[0].peer.node_id, ends_id(&two.ids[1]), LINK_NODE_ID_BYTES);
    assert_memory_equal(two.links[0].peer.cluster_id, two.ids[1].cluster_id, LINK_CLUSTER_ID_BYTES);
    assert_int_equal(two.tapes[0].length, LINK_HELLO_BYTES); /* who it is, the dialler did not say */
    two_deinit(&two);
}

static void a_node_that_is_no_member_may_speak_to_any(void **state)
{
    (void)state;
    for (int who = 0; who < 3; who++) {
        struct two two = two_members();
        memset(two.ids[1].cluster_id, (ENDS_CLUSTER + 1), LINK_CLUSTER_ID_BYTES);
        two.ids[0].is_member = who == 1;
        two.ids[1].is_member = who == 2;
        two_shake(&two);
        assert_true(link_is_ready(&two.links[0]) && link_is_ready(&two.links[1]));
        assert_int_equal(two.links[0].peer.is_member, two.ids[1].is_member);
        assert_int_equal(two.links[1].peer.is_member, two.ids[0].is_member);
        two_deinit(&two);
    }
}

/* The listener's own look: it has become another since it answered, which no honest dialler could refuse before.
 */
static void answer_then_become(struct link_identity later, const char *reason)
{
    struct two two = two_members();
    struct tape tape = {0};
    memset(two.ids[1].cluster_id, (ENDS_CLUSTER + 1), LINK_CLUSTER_ID_BYTES);
    two.ids[1].is_member = false;
    two_open_within(&two, NULL);
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[1], tape_span(&tape)), LINK_MORE);
    tape.length = 0;
    ends_write(&two.links[1], &tape, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[0], tape_span(&tape)), LINK_READY);
    tape.length = 0;
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    two.ids[1] = later;
    assert_int_equal(ends_give(&two.links[1], tape_span(&tape)), LINK_REFUSED);
    expect_refused(&two.links[1], reason);
    assert_memory_equal(two.links[1].peer.node_id, ends_id(&two.ids[0]), LINK_NODE_ID_BYTES);
    tape_deinit(&tape);
    two_deinit(&two);
}

static void a_listener_refuses_for_itself(void **state)
{
    (void)state;
    answer_then_become(ends_identity(2, (ENDS_CLUSTER + 1), true, ENDS_SECRET), LINK_REASON_CLUSTER);
    answer_then_become(ends_identity(1, ENDS_CLUSTER, true, ENDS_SECRET), LINK_REASON_SELF);
}

static void a_node_recognises_that_it_dialled_itself(void **state)
{
    (void)state;
    struct two two = two_members();
    two.ids[1] = two.ids[0];
    two_shake(&two);
    expect_refused(&two.links[0], LINK_REASON_SELF);
    assert_memory_equal(two.links[0].peer.node_id, ends_id(&two.ids[0]), LINK_NODE_ID_BYTES);
    two_deinit(&two);
}

/* H2: all is the same but the run. Each end sees it, also when it is no member. */
static void a_copy_of_the_data_directory_is_not_oneself(void **state)
{
    (void)state;
    for (int is_member = 0; is_member < 2; is_member++) {
        struct two two = two_members();
        two.ids[0].is_member = is_member == 1;
        two.ids[1] = two.ids[0];
        two.ids[1].boot ^= UINT64_C(1) << 63;
        two_shake(&two);
        expect_refused(&two.links[0], LINK_REASON_COPY);
        assert_memory_equal(two.links[0].peer.node_id, ends_id(&two.ids[0]), LINK_NODE_ID_BYTES);
        assert_int_equal(two.tapes[0].length, LINK_HELLO_BYTES);
        two_deinit(&two);
    }
    struct link_identity copy = ends_identity(1, ENDS_CLUSTER, true, ENDS_SECRET);
    copy.boot++;
    answer_then_become(copy, LINK_REASON_COPY);
}

/* --- versions and keys ---------------------------------------------------------------------------------- */

/* Two handshakes without links, of nodes that say what they can. The dialler's verdict on the answer. */
static const char *shake_offers(struct link_offer offers[2], struct link_handshake ends[2])
{
    struct two two = two_members();
    struct prng prng = ends_prng(ENDS_SEED_DIALLER);
    uint8_t proof[LINK_PROOF_BYTES];
    link_handshake_init(&ends[0], &two.ids[0], true, offers[0], &prng);
    link_handshake_init(&ends[1], &two.ids[1], false, offers[1], &prng);
    assert_int_equal(link_handshake_wanted(&ends[1]), 1);
    assert_null(link_handshake_read(&ends[1], &two.ids[1], ends[0].out));
    assert_null(link_handshake_read(&ends[1], &two.ids[1], ends[0].out + 1));
    const char *reason = link_handshake_read(&ends[0], &two.ids[0], ends[1].out);
    if (reason != NULL) return reason;
    memcpy(proof, ends[0].out, sizeof proof);
    assert_int_equal(ends[0].out_bytes, sizeof proof);
    return link_handshake_read(&ends[1], &two.ids[1], proof);
}

static void both_ends_agree_on_the_lower_version_and_what_both_can(void **state)
{
    (void)state;
    struct link_offer offers[2] = {{2, 7, 0x0a}, {1, 3, 0x06}};
    struct link_handshake ends[2];
    for (int turn = 0; turn < 2; turn++) {
        assert_null(shake_offers(offers, ends));
        for (int i = 0; i < 2; i++) {
            assert_int_equal(link_handshake_wanted(&ends[i]), 0);
            assert_int_equal(ends[i].peer.version, 3);
            assert_int_equal(ends[i].peer.capabilities, 0x02);
        }
        assert_memory_equal(&ends[0].send, &ends[1].receive, sizeof ends[0].send);
        assert_memory_equal(&ends[1].send, &ends[0].receive, sizeof ends[0].send);
        assert_memory_not_equal(&ends[0].send, &ends[0].receive, sizeof ends[0].send);
        offers[0] = offers[1];
        offers[1] = (struct link_offer){2, 7, 0x0a};
    }
}

/* A program that no longer speaks ours, and the other way round: both ends see why, whoever dialled. */
static void without_a_version_in_common_both_ends_say_so(void **state)
{
    (void)state;
    static const struct link_offer ours = {1, 2, 0};
    static const struct link_offer others[] = {{3, 4, 0}, {0, 0, 0}, {UINT32_MAX, UINT32_MAX, 0}};
    for (size_t i = 0; i < 2 * sizeof others / sizeof others[0]; i++) {
        struct two two = two_members();
        struct link_handshake ends[2];
        for (size_t end = 0; end < 2; end++) {
            struct prng prng = ends_prng((uint8_t)end);
            link_handshake_init(&ends[end], &two.ids[end], end == 0, end == i % 2 ? ours : others[i / 2], &prng);
        }
        assert_null(link_handshake_read(&ends[1], &two.ids[1], ends[0].out));
        assert_ptr_equal(link_handshake_read(&ends[1], &two.ids[1], ends[0].out + 1), LINK_REASON_VERSION);
        assert_int_equal(ends[1].out_bytes, LINK_ANSWER_BYTES);
        assert_int_equal(link_handshake_wanted(&ends[1]), 0);
        assert_ptr_equal(link_handshake_read(&ends[0], &two.ids[0], ends[1].out), LINK_REASON_VERSION);
        assert_memory_equal(ends[0].peer.node_id, ends_id(&two.ids[1]), LINK_NODE_ID_BYTES);
        assert_int_equal(ends[0].out_bytes, 0); /* who it is, the dialler did not say */
    }
}

/* No key is left where one was. */
static void keys_are_forgotten(void **state)
{
    (void)state;
    struct link_offer offers[2] = {{1, 1, 0}, {1, 1, 0}};
    struct link_handshake ends[2];
    assert_null(shake_offers(offers, ends));
    for (int i = 0; i < 2; i++) {
        assert_true(sodium_is_zero(ends[i].ephemeral, sizeof ends[i].ephemeral));
        assert_true(sodium_is_zero(ends[i].chain, sizeof ends[i].chain));
        link_handshake_wipe(&ends[i]);
        assert_true(sodium_is_zero((const uint8_t *)&ends[i], sizeof ends[i]));
    }
}

/* --- memory ------------------------------------------------------------------------------------------------- */

/* With so much memory: does a link get ready? However little there is, nothing breaks. */
static bool shake_within(size_t bytes, bool is_dialler)
{
    struct two two = two_members();
    struct arena_budget budget = {.ceiling_bytes = bytes};
    struct prng prng = ends_prng(is_dialler ? ENDS_SEED_DIALLER : ENDS_SEED_LISTENER);
    struct link *link = &two.links[is_dialler ? 0 : 1];
    struct link *other = &two.links[is_dialler ? 1 : 0];
    bool is_ready = false;
    *other = ends_open(&two.ids[is_dialler ? 1 : 0], !is_dialler,
                       is_dialler ? ENDS_SEED_LISTENER : ENDS_SEED_DIALLER);
    if (link_init(link, &two.ids[is_dialler ? 0 : 1], is_dialler, &prng, &budget, ENDS_NOW_MS)) {
        ends_shake(&two.links[0], &two.links[1], NULL);
        is_ready = link_is_ready(link);
        if (!is_ready) expect_refused(link, LINK_REASON_MEMORY);
    } else {
        assert_null(link->state);
    }
    two_deinit(&two);
    assert_int_equal(budget.held_bytes, 0);
    return is_ready;
}

static void a_link_without_memory_is_refused(void **state)
{
    (void)state;
    for (int is_dialler = 0; is_dialler < 2; is_dialler++) {
        size_t bytes = 0;
        while (!shake_within(bytes, is_dialler == 1))
            bytes += 1000;
        assert_in_range(bytes, 30000, 100000);
    }
}

/* H25: who has proved nothing takes little. */
static void strangers_take_little_memory(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(2, ENDS_CLUSTER, true, ENDS_SECRET);
    struct arena_budget budget = {.ceiling_bytes = 1 << 20};
    struct prng prng = ends_prng(ENDS_SEED_LISTENER);
    struct link link;
    assert_true(link_init(&link, &identity, false, &prng, &budget, ENDS_NOW_MS));
    uint8_t hello[LINK_HELLO_BYTES] = {1};
    assert_int_equal(ends_give(&link, span_of(hello, sizeof hello - 1)), LINK_MORE);
    assert_in_range(budget.held_bytes, 1, 2048);
    link_deinit(&link);
    link_deinit(&link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_learn_who_the_other_is),
        cmocka_unit_test(cutting_does_not_change_a_handshake),
        cmocka_unit_test(a_handshake_that_is_cut_short_waits_and_ends_with_its_deadline),
        cmocka_unit_test(bytes_that_come_late_are_refused_without_a_tick),
        cmocka_unit_test(nobody_sees_who_speaks),
        cmocka_unit_test(either_of_two_secrets_is_good_during_a_rotation),
        cmocka_unit_test(only_the_first_secret_is_dialled_with),
        cmocka_unit_test(without_a_secret_there_are_no_links),
        cmocka_unit_test(members_of_two_clusters_refuse_each_other),
        cmocka_unit_test(a_node_that_is_no_member_may_speak_to_any),
        cmocka_unit_test(a_listener_refuses_for_itself),
        cmocka_unit_test(a_node_recognises_that_it_dialled_itself),
        cmocka_unit_test(a_copy_of_the_data_directory_is_not_oneself),
        cmocka_unit_test(both_ends_agree_on_the_lower_version_and_what_both_can),
        cmocka_unit_test(without_a_version_in_common_both_ends_say_so),
        cmocka_unit_test(keys_are_forgotten),
        cmocka_unit_test(a_link_without_memory_is_refused),
        cmocka_unit_test(strangers_take_little_memory),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
