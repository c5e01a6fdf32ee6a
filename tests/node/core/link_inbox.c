/* A peer that has the secret and sends what no honest one does: shapes, sizes, half messages (H12, H25, H26). */
#include "node/core/link_inbox.h"
#include "tests/lib/check.h"
#include "tests/node/core/link_ends.h"

#include <sodium.h>

enum {
    LAST = 0x80,
    TAG_MESSAGE = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
    TAG_PUSH = crypto_secretstream_xchacha20poly1305_TAG_PUSH,
    TAG_REKEY = crypto_secretstream_xchacha20poly1305_TAG_REKEY,
    TAG_FINAL = crypto_secretstream_xchacha20poly1305_TAG_FINAL,
};

struct line {
    const char *plain;
    size_t length;
    uint8_t tag;
    enum link_verdict verdict;
};

/* Frames in order, and what is said to each; a refusal must be the last, for its shape. */
static void expect(const struct line *lines, size_t count)
{
    struct link_identity ids[2] = {ends_identity(1, 10, true, 20), ends_identity(2, 10, true, 20)};
    struct link link = ends_open(&ids[1], false, 3);
    struct bad_peer peer;
    assert_true(bad_peer_dial(&peer, &ids[0], &link, 4));
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        assert_int_equal(bad_peer_say(&peer, &link, span_of(line->plain, line->length), line->tag), line->verdict);
        if (line->verdict == LINK_REFUSED) assert_ptr_equal(link.reason, LINK_REASON_SHAPE);
    }
    link_deinit(&link);
}

#define EXPECT(...)                                                                                               \
    do {                                                                                                          \
        const struct line lines[] = {__VA_ARGS__};                                                                \
        expect(lines, sizeof lines / sizeof lines[0]);                                                            \
    } while (0)

static void frames_of_the_known_shapes_are_taken(void **state)
{
    (void)state;
    EXPECT({"\x80hello", 6, TAG_MESSAGE, LINK_MESSAGE}, {"\xbfhello", 6, TAG_REKEY, LINK_MESSAGE},
           {"\x80", 1, TAG_MESSAGE, LINK_MESSAGE}, {"", 0, TAG_REKEY, LINK_MORE},
           {"\x05he", 3, TAG_REKEY, LINK_MORE}, {"\x85llo", 4, TAG_MESSAGE, LINK_MESSAGE},
           {"", 0, TAG_FINAL, LINK_ENDED});
}

static void frames_of_other_shapes_are_refused(void **state)
{
    (void)state;
    EXPECT({"", 0, TAG_MESSAGE, LINK_REFUSED}); /* an empty frame that does nothing */
    EXPECT({"\x80hello", 6, TAG_PUSH, LINK_REFUSED});
    EXPECT({"\x80hello", 6, 0x7f, LINK_REFUSED});
    EXPECT({"\x80hello", 6, TAG_FINAL, LINK_REFUSED}); /* the end says nothing else */
    EXPECT({"\xc0hello", 6, TAG_MESSAGE, LINK_REFUSED});
    EXPECT({"\x40hello", 6, TAG_MESSAGE, LINK_REFUSED});
    EXPECT({"\x00", 1, TAG_MESSAGE, LINK_REFUSED}); /* a piece of nothing */
    EXPECT({"\x00x", 2, TAG_MESSAGE, LINK_MORE}, {"\x00", 1, TAG_MESSAGE, LINK_REFUSED});
    EXPECT({"\x00x", 2, TAG_MESSAGE, LINK_MORE}, {"\x80", 1, TAG_MESSAGE, LINK_REFUSED});
}

static void an_end_amid_a_message_is_refused(void **state)
{
    (void)state;
    EXPECT({"\x3fx", 2, TAG_MESSAGE, LINK_MORE}, {"", 0, TAG_FINAL, LINK_REFUSED});
}

static void lengths_that_no_frame_has_are_refused_at_once(void **state)
{
    (void)state;
    struct link_identity ids[2] = {ends_identity(1, 10, true, 20), ends_identity(2, 10, true, 20)};
    for (uint32_t length = 0; length <= UINT16_MAX; length += length < 100 || length >= 16300 ? 1 : 100) {
        uint8_t head[2] = {(uint8_t)(length >> 8), (uint8_t)length};
        bool is_one = length >= LINK_FRAME_SEAL_BYTES && length <= LINK_FRAME_BYTES_MAX - LINK_FRAME_LENGTH_BYTES;
        assert_int_equal(link_frame_wanted(head), is_one ? length + 2 : 0);
        if (length > 20 && length < 16380) continue;
        if (length > 16390) length += 5000;
        struct link link = ends_open(&ids[1], false, 3);
        struct bad_peer peer;
        assert_true(bad_peer_dial(&peer, &ids[0], &link, 4));
        assert_int_equal(ends_give(&link, span_of(head, 2)), is_one ? LINK_MORE : LINK_REFUSED);
        if (!is_one) assert_ptr_equal(link.reason, LINK_REASON_SEAL);
        link_deinit(&link);
    }
}

/* --- without frames: sizes -------------------------------------------------------------------------------- */

static struct link_inbox inbox;

static const char *add(uint8_t slot, bool is_last, struct span bytes, struct span *message)
{
    struct link_piece piece = {.slot = slot, .is_last = is_last, .bytes = bytes};
    bool is_whole = !is_last;
    const char *reason = link_inbox_add(&inbox, &piece, &is_whole, message);
    if (reason == NULL) assert_int_equal(is_whole, is_last);
    return reason;
}

static const uint8_t piece_bytes[LINK_PIECE_BYTES_MAX];

/* Add to a slot until it has `total` bytes. */
static void fill(uint8_t slot, size_t total)
{
    struct span message;
    while (inbox.halves[slot].length < total) {
        size_t rest = total - inbox.halves[slot].length;
        size_t length = rest < sizeof piece_bytes ? rest : sizeof piece_bytes;
        assert_null(add(slot, false, span_of(piece_bytes, length), &message));
    }
}

static void a_message_beyond_the_bound_is_refused(void **state)
{
    (void)state;
    struct span message = {0};
    link_inbox_init(&inbox, NULL);
    fill(7, LINK_MESSAGE_BYTES_MAX - 1);
    assert_ptr_equal(add(7, true, span_of(piece_bytes, 2), &message), LINK_REASON_SIZE);
    assert_null(add(7, true, span_of(piece_bytes, 1), &message));
    assert_int_equal(message.length, LINK_MESSAGE_BYTES_MAX);
    link_inbox_forget(&inbox);
    assert_int_equal(inbox.halves_bytes + inbox.halves_count, 0);
    link_inbox_deinit(&inbox);
    link_inbox_deinit(&inbox);
}

/* H25: more than an honest peer can have under way, in however many messages. */
static void half_messages_are_bounded_together(void **state)
{
    (void)state;
    struct span message = {0};
    link_inbox_init(&inbox, NULL);
    for (uint8_t slot = 0; slot < LINK_MESSAGES_MAX; slot++)
        fill(slot, LINK_HALF_BYTES_MAX / LINK_MESSAGES_MAX);
    assert_int_equal(inbox.halves_bytes, LINK_HALF_BYTES_MAX);
    assert_int_equal(inbox.halves_count, LINK_MESSAGES_MAX);
    assert_ptr_equal(add(3, true, span_of(piece_bytes, 1), &message), LINK_REASON_SIZE);
    link_inbox_deinit(&inbox);
}

/* Also what comes in one piece; and a bound that is raised again lets more in. */
static void the_bound_of_a_message_can_be_less(void **state)
{
    (void)state;
    struct span message = {0};
    link_inbox_init(&inbox, NULL);
    link_inbox_set_message_max(&inbox, 100);
    assert_null(add(0, true, span_of(piece_bytes, 100), &message));
    assert_ptr_equal(add(0, true, span_of(piece_bytes, 101), &message), LINK_REASON_SIZE);
    for (uint8_t slot = 0; slot < LINK_PRIORITIES_COUNT; slot++)
        fill(slot, 100);
    assert_ptr_equal(add(0, true, span_of(piece_bytes, 1), &message), LINK_REASON_SIZE);
    assert_ptr_equal(add(LINK_PRIORITIES_COUNT, false, span_of(piece_bytes, 1), &message), LINK_REASON_SIZE);
    link_inbox_set_message_max(&inbox, 50); /* below what is there */
    assert_ptr_equal(add(0, true, span_of(piece_bytes, 1), &message), LINK_REASON_SIZE);
    link_inbox_set_message_max(&inbox, 20000);
    fill(0, 20000);
    assert_null(add(1, true, span_of(piece_bytes, 1), &message));
    assert_int_equal(message.length, 101);
    link_inbox_deinit(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_the_known_shapes_are_taken),
        cmocka_unit_test(frames_of_other_shapes_are_refused),
        cmocka_unit_test(an_end_amid_a_message_is_refused),
        cmocka_unit_test(lengths_that_no_frame_has_are_refused_at_once),
        cmocka_unit_test(a_message_beyond_the_bound_is_refused),
        cmocka_unit_test(half_messages_are_bounded_together),
        cmocka_unit_test(the_bound_of_a_message_can_be_less),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
