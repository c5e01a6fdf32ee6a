/* The frames of a link: changed, cut, repeated; its end; its changes of key. */
#include "tests/node/core/link_ready.h"

#include <sodium.h>

/* --- frames that were changed ------------------------------------------------------------------------------- */

/* What is sent by the dialler of two_ready(): three messages, a change of key, the end. */
struct sent {
    struct tape handshake; /* of the dialler; the same listener hears it the same again */
    struct tape tape;
    size_t frames[8]; /* where each begins */
    size_t frames_count;
};

static struct sent make_sent(void)
{
    struct two two;
    struct sent sent = {0};
    two_ready(&two, NULL);
    tape_add(&sent.handshake, two.tapes[0].bytes, two.tapes[0].length);
    for (uint32_t i = 0; i < 3; i++)
        send_message(&two.links[0], LINK_NORMAL, i, 20 + i);
    ends_write(&two.links[0], &sent.tape, ENDS_NOW_MS);
    assert_true(link_tick(&two.links[0], link_deadline_ms(&two.links[0])));
    ends_write(&two.links[0], &sent.tape, ENDS_NOW_MS);
    link_end(&two.links[0]);
    ends_write(&two.links[0], &sent.tape, ENDS_NOW_MS);
    for (size_t at = 0; at < sent.tape.length; at += link_frame_wanted(sent.tape.bytes + at))
        sent.frames[sent.frames_count++] = at;
    assert_int_equal(sent.frames_count, 5);
    two_deinit(&two);
    return sent;
}

static void sent_deinit(struct sent *sent)
{
    tape_deinit(&sent->handshake);
    tape_deinit(&sent->tape);
}

/* Its listener hears it: how many messages come before there are no bytes, or `last`? */
static uint32_t hear(const struct sent *sent, struct span bytes, enum link_verdict *last)
{
    struct two two = two_members();
    struct link link = ends_open(&two.ids[1], false, ENDS_SEED_LISTENER);
    size_t at = 0;
    uint32_t count = 0;
    assert_int_equal(ends_give(&link, tape_span(&sent->handshake)), LINK_READY);
    while ((*last = ends_read(&link, bytes, &at, 0, ENDS_NOW_MS)) == LINK_MESSAGE) {
        expect_message(&link, count, 20 + count);
        count++;
    }
    if (*last == LINK_REFUSED) assert_ptr_equal(link.reason, LINK_REASON_SEAL);
    link_deinit(&link);
    return count;
}

static uint32_t frame_of(const struct sent *sent, size_t at)
{
    uint32_t frame = 0;
    while (frame + 1 < sent->frames_count && sent->frames[frame + 1] <= at)
        frame++;
    return frame;
}

static void frames_that_are_cut_short_are_no_message_and_no_end(void **state)
{
    (void)state;
    struct sent sent = make_sent();
    for (size_t length = 0; length <= sent.tape.length; length++) {
        enum link_verdict last = LINK_MORE;
        uint32_t whole = length == sent.tape.length ? 5 : frame_of(&sent, length);
        uint32_t count = hear(&sent, span_of(sent.tape.bytes, length), &last);
        assert_int_equal(count, whole < 3 ? whole : 3);
        assert_int_equal(last, length == sent.tape.length ? LINK_ENDED : LINK_MORE);
    }
    sent_deinit(&sent);
}

/* Of a changed frame and what follows nothing is heard. A length that grew may only wait for what never comes. */
static void every_flipped_bit_of_a_frame_ends_what_is_heard(void **state)
{
    (void)state;
    struct sent sent = make_sent();
    for (size_t bit = 0; bit < 8 * sent.tape.length; bit++) {
        enum link_verdict last = LINK_ENDED;
        uint32_t frame = frame_of(&sent, bit / 8);
        sent.tape.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(hear(&sent, tape_span(&sent.tape), &last), frame < 3 ? frame : 3);
        bool is_length = bit / 8 - sent.frames[frame] < LINK_FRAME_LENGTH_BYTES;
        assert_true(last == LINK_REFUSED || (last == LINK_MORE && is_length));
        sent.tape.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    sent_deinit(&sent);
}

static struct span frame_at(const struct sent *sent, size_t frame)
{
    size_t end = frame + 1 < sent->frames_count ? sent->frames[frame + 1] : sent->tape.length;
    return span_of(sent->tape.bytes + sent->frames[frame], end - sent->frames[frame]);
}

static void frames_left_out_repeated_or_in_another_order_are_refused(void **state)
{
    (void)state;
    struct sent sent = make_sent();
    for (size_t first = 0; first < sent.frames_count; first++) {
        for (size_t second = 0; second < sent.frames_count; second++) {
            if (first == 0 && second == 1) continue; /* that is how they were sent */
            struct tape tape = {0};
            enum link_verdict last = LINK_MORE;
            tape_add(&tape, frame_at(&sent, first).bytes, frame_at(&sent, first).length);
            tape_add(&tape, frame_at(&sent, second).bytes, frame_at(&sent, second).length);
            assert_int_equal(hear(&sent, tape_span(&tape), &last), first == 0 ? 1 : 0);
            assert_int_equal(last, LINK_REFUSED);
            tape_deinit(&tape);
        }
    }
    sent_deinit(&sent);
}

static void frames_of_the_other_direction_and_of_another_link_are_refused(void **state)
{
    (void)state;
    for (int is_other = 0; is_other < 2; is_other++) {
        struct two two;
        struct tape tape = {0};
        two_ready(&two, NULL);
        struct bad_peer peer;
        struct link other = ends_open(&two.ids[1], false, 77);
        assert_true(bad_peer_dial(&peer, &two.ids[0], &other, 78));
        struct link *from = is_other == 1 ? &other : &two.links[1];
        send_message(from, LINK_NORMAL, 1, 100);
        ends_write(from, &tape, ENDS_NOW_MS);
        struct link *to = is_other == 1 ? &two.links[0] : from; /* its own bytes, reflected */
        assert_int_equal(ends_give(to, tape_span(&tape)), LINK_REFUSED);
        assert_ptr_equal(to->reason, LINK_REASON_SEAL);
        tape_deinit(&tape);
        link_deinit(&other);
        two_deinit(&two);
    }
}

/* --- the end ------------------------------------------------------------------------------------------------ */

static void each_direction_ends_behind_what_was_queued(void **state)
{
    (void)state;
    struct two two;
    struct tape tape = {0};
    size_t at = 0;
    two_ready(&two, NULL);
    send_message(&two.links[0], LINK_BULK, 1, 50000);
    link_end(&two.links[0]);
    assert_false(link_send(&two.links[0], LINK_URGENT, span_text("too late")));
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    assert_int_equal(ends_read(&two.links[1], tape_span(&tape), &at, 0, ENDS_NOW_MS), LINK_MESSAGE);
    assert_int_equal(ends_read(&two.links[1], tape_span(&tape), &at, 0, ENDS_NOW_MS), LINK_ENDED);
    assert_int_equal(at, tape.length);
    assert_true(link_deadline_ms(&two.links[0]) == UINT64_MAX);
    assert_true(link_tick(&two.links[0], UINT64_MAX));
    assert_int_equal(ends_write(&two.links[0], &tape, UINT64_MAX), 0);

    tape.length = 0;
    send_message(&two.links[1], LINK_NORMAL, 2, 10); /* the other direction goes on */
    ends_write(&two.links[1], &tape, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[0], tape_span(&tape)), LINK_MESSAGE);
    expect_message(&two.links[0], 2, 10);
    assert_int_equal(ends_give(&two.links[1], span_text("")), LINK_MORE);
    assert_int_equal(ends_give(&two.links[1], span_text("x")), LINK_REFUSED); /* nothing may follow the end */
    assert_ptr_equal(two.links[1].reason, LINK_REASON_SHAPE);
    assert_false(link_send(&two.links[1], LINK_NORMAL, span_text("to nobody")));
    tape_deinit(&tape);
    two_deinit(&two);
}

static void a_link_ended_early_ends_as_soon_as_it_is_ready(void **state)
{
    (void)state;
    struct two two = two_members();
    two_open_within(&two, NULL);
    link_end(&two.links[0]);
    ends_shake(&two.links[0], &two.links[1], two.tapes);
    assert_true(link_is_ready(&two.links[1]));
    assert_int_equal(two.tapes[0].length, LINK_HELLO_BYTES + LINK_PROOF_BYTES + LINK_FRAME_OVERHEAD_BYTES);
    two_deinit(&two);
}

/* --- keys --------------------------------------------------------------------------------------------------- */

static void keys_change_with_time_also_when_nothing_is_said(void **state)
{
    (void)state;
    struct two two;
    struct tape tape = {0};
    two_ready(&two, NULL);
    uint64_t now_ms = ENDS_NOW_MS;
    for (uint32_t i = 0; i < 20; i++) {
        size_t at = 0;
        assert_int_equal(link_deadline_ms(&two.links[0]), now_ms + LINK_REKEY_MS);
        now_ms += LINK_REKEY_MS - 1;
        assert_true(link_tick(&two.links[0], now_ms));
        assert_int_equal(ends_write(&two.links[0], &tape, now_ms), 0);
        now_ms += 1;
        if (i % 3 == 0) assert_true(link_tick(&two.links[0], now_ms)); /* a tick is not even needed */
        assert_true(link_deadline_ms(&two.links[0]) >= now_ms);
        if (i % 2 == 0) send_message(&two.links[0], LINK_NORMAL, i, 30);
        size_t length = ends_write(&two.links[0], &tape, now_ms);
        assert_int_equal(length, LINK_FRAME_OVERHEAD_BYTES + (i % 2 == 0 ? 31 : 0)); /* one frame in either case */
        enum link_verdict verdict = ends_read(&two.links[1], tape_span(&tape), &at, 0, now_ms);
        assert_int_equal(verdict, i % 2 == 0 ? LINK_MESSAGE : LINK_MORE);
        tape.length = 0;
    }
    tape_deinit(&tape);
    two_deinit(&two);
}

/* A writer that cannot write is not asked again and again. */
static void a_key_that_is_due_and_cannot_change_waits_for_the_next_time(void **state)
{
    (void)state;
    struct two two;
    uint8_t bytes[LINK_FRAME_BYTES_MAX];
    two_ready(&two, NULL);
    uint64_t now_ms = link_deadline_ms(&two.links[0]);
    assert_true(link_tick(&two.links[0], now_ms));
    assert_int_equal(link_deadline_ms(&two.links[0]), now_ms + LINK_REKEY_MS);
    assert_int_equal(link_write(&two.links[0], bytes, sizeof bytes, now_ms + 5), LINK_FRAME_OVERHEAD_BYTES);
    assert_int_equal(link_deadline_ms(&two.links[0]), now_ms + 5 + LINK_REKEY_MS);
    two_deinit(&two);
}

static void keys_change_with_volume(void **state)
{
    (void)state;
    struct link_stream_key key = {{1}, {2}};
    struct link_sealer sealer;
    struct link_opener opener;
    uint8_t bytes[1000] = {0};
    uint32_t changes = 0;
    link_sealer_init(&sealer, &key, ENDS_NOW_MS);
    link_opener_init(&opener, &key);
    assert_int_equal(sealer.rekey_bytes, LINK_REKEY_BYTES);
    sealer.rekey_bytes = 10000;
    for (int i = 0; i < 100; i++) {
        uint8_t frame[LINK_FRAME_BYTES_MAX];
        uint8_t plain[LINK_FRAME_PLAIN_BYTES_MAX];
        struct link_piece piece = {.slot = 1, .bytes = span_of(bytes, sizeof bytes)};
        struct link_piece opened;
        crypto_secretstream_xchacha20poly1305_state before = sealer.stream;
        size_t length = link_sealer_piece(&sealer, &piece, frame, ENDS_NOW_MS);
        assert_int_equal(length, link_frame_bytes(&piece));
        if (memcmp(before.k, sealer.stream.k, sizeof before.k) != 0) changes++;
        assert_true(sealer.keyed_bytes < sealer.rekey_bytes);
        assert_int_equal(link_opener_open(&opener, span_of(frame, length), plain, &opened), LINK_FRAME_PIECE);
        assert_memory_equal(&opener.stream, &sealer.stream, sizeof opener.stream);
    }
    assert_int_equal(changes, 10); /* 1,020 bytes a frame: every tenth reaches it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_are_cut_short_are_no_message_and_no_end),
        cmocka_unit_test(every_flipped_bit_of_a_frame_ends_what_is_heard),
        cmocka_unit_test(frames_left_out_repeated_or_in_another_order_are_refused),
        cmocka_unit_test(frames_of_the_other_direction_and_of_another_link_are_refused),
        cmocka_unit_test(each_direction_ends_behind_what_was_queued),
        cmocka_unit_test(a_link_ended_early_ends_as_soon_as_it_is_ready),
        cmocka_unit_test(keys_change_with_time_also_when_nothing_is_said),
        cmocka_unit_test(a_key_that_is_due_and_cannot_change_waits_for_the_next_time),
        cmocka_unit_test(keys_change_with_volume),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
