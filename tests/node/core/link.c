/* Links that are ready: messages through them, however cut, their priorities and bounds (H25, H26). */
#include "node/core/link_queue.h"
#include "tests/node/core/link_ready.h"

#include <sodium.h>

/* --- messages ----------------------------------------------------------------------------------------------- */

static const size_t sizes[] = {0,
                               1,
                               2,
                               100,
                               LINK_PIECE_BYTES_MAX - 1,
                               LINK_PIECE_BYTES_MAX,
                               LINK_PIECE_BYTES_MAX + 1,
                               2 * LINK_PIECE_BYTES_MAX,
                               5 * LINK_PIECE_BYTES_MAX + 17,
                               300000};
enum { SIZES_COUNT = sizeof sizes / sizeof sizes[0] };

static void messages_arrive_as_they_were_sent_however_they_are_cut(void **state)
{
    (void)state;
    struct random random = random_begin(__func__);
    static const size_t steps[] = {0, 1, 2, 3, 1000, LINK_FRAME_BYTES_MAX, LINK_FRAME_BYTES_MAX + 1};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] + 10; i++) {
        struct two two;
        struct tape tape = {0};
        size_t step = i < sizeof steps / sizeof steps[0] ? steps[i] : 1 + random_below(&random, 40000);
        size_t at = 0;
        int from = (int)(i % 2);
        two_ready(&two, NULL);
        for (uint32_t j = 0; j < SIZES_COUNT; j++)
            send_message(&two.links[from], LINK_NORMAL, j, sizes[j]);
        ends_write(&two.links[from], &tape, ENDS_NOW_MS);
        for (uint32_t j = 0; j < SIZES_COUNT; j++) {
            assert_int_equal(ends_read(&two.links[1 - from], tape_span(&tape), &at, step, ENDS_NOW_MS),
                             LINK_MESSAGE);
            expect_message(&two.links[1 - from], j, sizes[j]);
        }
        assert_int_equal(at, tape.length);
        tape_deinit(&tape);
        two_deinit(&two);
    }
}

static void no_frame_is_larger_than_the_bound_and_none_is_cut_by_the_writer(void **state)
{
    (void)state;
    struct two two;
    uint8_t bytes[LINK_FRAME_BYTES_MAX + 100];
    size_t length = 0;
    size_t sum = 0;
    two_ready(&two, NULL);
    send_message(&two.links[0], LINK_BULK, 1, 1000000);
    assert_int_equal(link_queued_bytes(&two.links[0]), 1000000);
    while ((length = link_write(&two.links[0], bytes, sizeof bytes, ENDS_NOW_MS)) > 0) {
        assert_int_equal(link_frame_wanted(bytes), length);
        assert_true(length <= LINK_FRAME_BYTES_MAX);
        sum += length - LINK_FRAME_OVERHEAD_BYTES - 1;
        assert_int_equal(link_queued_bytes(&two.links[0]), 1000000 - sum);
    }
    assert_int_equal(sum, 1000000);
    two_deinit(&two);
}

static void a_message_at_the_bound_arrives(void **state)
{
    (void)state;
    struct two two;
    uint8_t *bytes = malloc(LINK_MESSAGE_BYTES_MAX);
    assert_non_null(bytes);
    memset(bytes, 0x5a, LINK_MESSAGE_BYTES_MAX);
    two_ready(&two, NULL);
    assert_true(link_send(&two.links[0], LINK_BULK, span_of(bytes, LINK_MESSAGE_BYTES_MAX)));
    enum link_verdict verdict = LINK_MORE;
    while (verdict == LINK_MORE) {
        uint8_t frames[4 * LINK_FRAME_BYTES_MAX];
        size_t length = link_write(&two.links[0], frames, sizeof frames, ENDS_NOW_MS);
        assert_true(length > 0);
        verdict = ends_give(&two.links[1], span_of(frames, length));
    }
    assert_int_equal(verdict, LINK_MESSAGE);
    assert_true(span_is_equal(two.links[1].message, span_of(bytes, LINK_MESSAGE_BYTES_MAX)));
    free(bytes);
    two_deinit(&two);
}

/* --- priorities --------------------------------------------------------------------------------------------- */

static void an_urgent_message_waits_for_one_frame_at_most(void **state)
{
    (void)state;
    struct two two;
    uint8_t frame[LINK_FRAME_BYTES_MAX];
    two_ready(&two, NULL);
    send_message(&two.links[0], LINK_BULK, 1, 200000);
    send_message(&two.links[0], LINK_NORMAL, 2, 100000);
    size_t length = link_write(&two.links[0], frame, sizeof frame, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[1], span_of(frame, length)), LINK_MORE);
    send_message(&two.links[0], LINK_URGENT, 3, 10);
    length = link_write(&two.links[0], frame, sizeof frame, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[1], span_of(frame, length)), LINK_MESSAGE);
    expect_message(&two.links[1], 3, 10);
    two_deinit(&two);
}

/* Half of each priority is under way when the next comes; each arrives whole, the higher first. */
static void messages_of_all_priorities_interleave(void **state)
{
    (void)state;
    struct two two;
    struct tape tape = {0};
    uint8_t frame[LINK_FRAME_BYTES_MAX];
    size_t at = 0;
    two_ready(&two, NULL);
    for (int priority = LINK_BULK; priority >= LINK_URGENT; priority--) {
        send_message(&two.links[0], (enum link_priority)priority, (uint32_t)priority, 100000);
        send_message(&two.links[0], (enum link_priority)priority, 10 + (uint32_t)priority, 50);
        tape_add(&tape, frame, link_write(&two.links[0], frame, sizeof frame, ENDS_NOW_MS));
    }
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    for (uint32_t priority = LINK_URGENT; priority < LINK_PRIORITIES_COUNT; priority++) {
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(ends_read(&two.links[1], tape_span(&tape), &at, 0, ENDS_NOW_MS), LINK_MESSAGE);
            expect_message(&two.links[1], 10 * i + priority, i == 0 ? 100000 : 50);
        }
    }
    tape_deinit(&tape);
    two_deinit(&two);
}

/* I25 */
static void a_full_queue_takes_no_more_and_then_again(void **state)
{
    (void)state;
    struct two two;
    struct tape tape = {0};
    const size_t large = 40 << 20;
    uint8_t *bytes = calloc(1, large);
    assert_non_null(bytes);
    two_ready(&two, NULL);
    for (int i = 0; i < 3; i++)
        assert_true(link_send(&two.links[0], LINK_BULK, span_of(bytes, large)));
    assert_false(link_send(&two.links[0], LINK_URGENT, span_of(bytes, large)));
    assert_int_equal(link_queued_bytes(&two.links[0]), 3 * large);
    assert_true(link_send(&two.links[0], LINK_URGENT, span_of(bytes, 1000)));
    while (link_queued_bytes(&two.links[0]) > 2 * large) {
        tape.length = 0;
        tape.length = link_write(&two.links[0], tape_room(&tape, 4 << 20), 4 << 20, ENDS_NOW_MS);
        assert_true(tape.length > 0);
    }
    assert_true(link_send(&two.links[0], LINK_URGENT, span_of(bytes, large)));
    tape_deinit(&tape);
    free(bytes);
    two_deinit(&two);
}

/* --- memory ------------------------------------------------------------------------------------------------- */

/* Sends through a link that may hold so much. True when all came through. */
static bool exchange_within(size_t bytes)
{
    struct two two;
    struct tape tape = {0};
    struct arena_budget budget = {.ceiling_bytes = 1 << 20};
    size_t at = 0;
    bool is_sent = false;
    two_ready(&two, &budget);
    budget.ceiling_bytes = bytes;
    send_message(&two.links[0], LINK_BULK, 1, 100000);
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    enum link_verdict verdict = ends_read(&two.links[1], tape_span(&tape), &at, 0, ENDS_NOW_MS);
    if (verdict == LINK_REFUSED) {
        assert_ptr_equal(two.links[1].reason, LINK_REASON_MEMORY);
    } else {
        assert_int_equal(verdict, LINK_MESSAGE);
        expect_message(&two.links[1], 1, 100000);
        is_sent = link_send(&two.links[1], LINK_NORMAL, two.links[1].message);
        assert_int_equal(link_queued_bytes(&two.links[1]), is_sent ? 100000 : 0);
    }
    two_deinit(&two);
    tape_deinit(&tape);
    assert_int_equal(budget.held_bytes, 0);
    return is_sent;
}

static void whatever_memory_there_is_nothing_breaks(void **state)
{
    (void)state;
    size_t bytes = 0;
    while (!exchange_within(bytes))
        bytes += 5000;
    assert_in_range(bytes, 200000, 600000);
}

static void a_queue_without_memory_takes_nothing_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t ceiling = 0; ceiling < 60000; ceiling += 300) {
        static const uint8_t bytes[20000];
        struct arena_budget budget = {.ceiling_bytes = ceiling};
        struct link_queue queue;
        struct link_piece piece;
        size_t taken = 0;
        link_queue_init(&queue, &budget);
        for (int i = 0; i < 3; i++) {
            size_t held = budget.held_bytes;
            bool is_added = link_queue_add(&queue, LINK_NORMAL, span_of(bytes, sizeof bytes));
            assert_true(is_added ? budget.held_bytes > held : budget.held_bytes == held);
            if (is_added) taken += sizeof bytes;
        }
        assert_int_equal(queue.waiting_bytes, taken);
        assert_int_equal(queue.held_bytes, budget.held_bytes);
        while (link_queue_next(&queue, &piece)) {
            link_queue_took(&queue, &piece);
            taken -= piece.bytes.length;
        }
        assert_int_equal(taken + queue.waiting_bytes + queue.held_bytes + budget.held_bytes, 0);
        link_queue_deinit(&queue);
        link_queue_deinit(&queue);
    }
}

static void the_memory_of_a_message_goes_with_the_next_call(void **state)
{
    (void)state;
    struct two two;
    struct tape tape = {0};
    struct arena_budget budget = {.ceiling_bytes = 1 << 20};
    two_ready(&two, &budget);
    size_t before = budget.held_bytes;
    send_message(&two.links[0], LINK_NORMAL, 1, 100000);
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[1], tape_span(&tape)), LINK_MESSAGE);
    assert_true(budget.held_bytes >= before + 100000);
    assert_int_equal(ends_give(&two.links[1], span_text("")), LINK_MORE);
    assert_int_equal(budget.held_bytes, before);
    assert_null(two.links[1].message.bytes);
    tape_deinit(&tape);
    two_deinit(&two);
}

static void a_link_that_is_ready_takes_little_memory(void **state)
{
    (void)state;
    struct two two;
    struct arena_budget budget = {.ceiling_bytes = 1 << 20};
    two_ready(&two, &budget);
    assert_in_range(budget.held_bytes, 1, 64 << 10);
    two_deinit(&two);
}

static void a_link_that_is_not_open_has_nothing(void **state)
{
    (void)state;
    struct link link = {0};
    assert_false(link_is_ready(&link));
    assert_int_equal(link_queued_bytes(&link), 0);
    link_deinit(&link);
}

/* H26: what is held follows what came, not what is said. */
static void memory_grows_with_the_bytes_that_came(void **state)
{
    (void)state;
    struct two two;
    struct bad_peer peer;
    struct arena_budget budget = {.ceiling_bytes = 64 << 20};
    struct prng prng = ends_prng(4);
    two_ready(&two, NULL);
    struct link link;
    assert_true(link_init(&link, &two.ids[1], false, &prng, &budget, ENDS_NOW_MS));
    assert_true(bad_peer_dial(&peer, &two.ids[0], &link, 5));
    size_t empty = budget.held_bytes;
    size_t sent = 0;
    for (uint32_t i = 0; i < 640; i++) {
        uint8_t plain[3000] = {(uint8_t)(i % LINK_MESSAGES_MAX)}; /* never the last of its message */
        size_t length = 2 + i * 7 % 2998;
        assert_int_equal(bad_peer_say(&peer, &link, span_of(plain, length), 0), LINK_MORE);
        sent += length - 1;
        assert_true(budget.held_bytes - empty <= 2 * sent + 1300 * LINK_MESSAGES_MAX);
    }
    link_deinit(&link);
    assert_int_equal(budget.held_bytes, 0);
    two_deinit(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_as_they_were_sent_however_they_are_cut),
        cmocka_unit_test(no_frame_is_larger_than_the_bound_and_none_is_cut_by_the_writer),
        cmocka_unit_test(a_message_at_the_bound_arrives),
        cmocka_unit_test(an_urgent_message_waits_for_one_frame_at_most),
        cmocka_unit_test(messages_of_all_priorities_interleave),
        cmocka_unit_test(a_full_queue_takes_no_more_and_then_again),
        cmocka_unit_test(whatever_memory_there_is_nothing_breaks),
        cmocka_unit_test(a_queue_without_memory_takes_nothing_and_changes_nothing),
        cmocka_unit_test(the_memory_of_a_message_goes_with_the_next_call),
        cmocka_unit_test(a_link_that_is_ready_takes_little_memory),
        cmocka_unit_test(a_link_that_is_not_open_has_nothing),
        cmocka_unit_test(memory_grows_with_the_bytes_that_came),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
