/* Links. The first byte says what the rest is:
 *
 *     0, 1  any bytes, to a dialler, to a listener: never ready, however they are cut
 *     2     what a peer that has the secret puts into its frames: an inbox of plain C takes the same messages
 *     3     messages through two honest ends, cut anyhow: all arrive, in order by priority, and then the end
 *     4, 5  as 0 and 1 with the right handshake before it: never a message
 */
#include "tests/node/core/link_ends.h"

#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) abort();
}

/* The same for every input, made once. */
static struct {
    struct link_identity ids[2];
    struct tape tapes[2]; /* of the handshake, by who said it */
    bool is_made;
} world;

static void make_world(void)
{
    if (world.is_made) return;
    require(sodium_init() >= 0);
    struct two two = two_members();
    memcpy(world.ids, two.ids, sizeof world.ids);
    two_shake(&two);
    for (int i = 0; i < 2; i++)
        tape_add(&world.tapes[i], two.tapes[i].bytes, two.tapes[i].length);
    two_deinit(&two);
    world.is_made = true;
}

static struct link open_end(int end)
{
    return ends_open(&world.ids[end], end == 0, end == 0 ? ENDS_SEED_DIALLER : ENDS_SEED_LISTENER);
}

static struct link open_ready_end(int end)
{
    struct link link = open_end(end);
    require(ends_give(&link, tape_span(&world.tapes[1 - end])) == LINK_READY);
    return link;
}

/* --- any bytes --------------------------------------------------------------------------------------------- */

static void expect_nothing(struct link *whole, struct link *cut, struct span bytes, size_t step)
{
    size_t at[2] = {0, 0};
    enum link_verdict verdict = ends_read(whole, bytes, &at[0], 0, ENDS_NOW_MS);
    require(verdict == LINK_MORE || verdict == LINK_REFUSED);
    require(ends_read(cut, bytes, &at[1], step, ENDS_NOW_MS) == verdict);
    require(cut->reason == whole->reason && (verdict == LINK_REFUSED) == (whole->reason != NULL));
    require(verdict == LINK_REFUSED || at[0] == bytes.length);
    if (verdict == LINK_MORE) require(link_tick(whole, ENDS_NOW_MS));
    struct tape tape = {0};
    if (verdict == LINK_REFUSED) require(ends_write(whole, &tape, ENDS_NOW_MS) == 0 && !link_is_ready(whole));
    tape_deinit(&tape);
}

static void fuzz_bytes(int end, bool is_ready, struct span bytes)
{
    size_t step = bytes.length % 7 + 1;
    struct link whole = is_ready ? open_ready_end(end) : open_end(end);
    struct link cut = is_ready ? open_ready_end(end) : open_end(end);
    expect_nothing(&whole, &cut, bytes, step);
    require(is_ready || !link_is_ready(&whole));
    link_deinit(&whole);
    link_deinit(&cut);
}

/* --- frames of a bad peer ---------------------------------------------------------------------------------- */

/* What an inbox should do, said in another way: each slot a tape. */
struct model {
    struct tape halves[64];
    bool is_half[64];
    int halves_count;
};

/* The verdict on a frame, and its message in `message` (which lies in the model). */
static enum link_verdict model_take(struct model *model, uint8_t tag, struct span plain, struct span *message)
{
    if (tag == 3 && plain.length == 0) return model->halves_count == 0 ? LINK_ENDED : LINK_REFUSED;
    if (tag == 2 && plain.length == 0) return LINK_MORE;
    if ((tag != 0 && tag != 2) || plain.length == 0 || (plain.bytes[0] & 0x40) != 0) return LINK_REFUSED;
    uint8_t slot = plain.bytes[0] & 0x3f;
    bool is_last = plain.bytes[0] >= 0x80;
    if (plain.length == 1 && (!is_last || model->is_half[slot])) return LINK_REFUSED;
    if (!model->is_half[slot]) model->halves[slot].length = 0;
    tape_add(&model->halves[slot], plain.bytes + 1, plain.length - 1);
    model->halves_count += !is_last - model->is_half[slot];
    model->is_half[slot] = !is_last;
    *message = tape_span(&model->halves[slot]);
    return is_last ? LINK_MESSAGE : LINK_MORE;
}

/* The input is frames: tag, a byte of length in steps of 1 or 200, the bytes (what is missing is zeros). */
static void fuzz_frames(struct span input)
{
    static uint8_t frame[LINK_FRAME_BYTES_MAX];
    static uint8_t plain[LINK_FRAME_PLAIN_BYTES_MAX];
    struct model model = {0};
    struct bad_peer peer;
    struct link link = open_end(1);
    enum link_verdict verdict = LINK_MORE;
    require(bad_peer_dial(&peer, &world.ids[0], &link, 9));
    while (input.length >= 2 && verdict != LINK_REFUSED && verdict != LINK_ENDED) {
        uint8_t tag = input.bytes[0];
        size_t length = input.bytes[1] < 128 ? input.bytes[1] : (size_t)(input.bytes[1] - 128) * 130;
        if (length > sizeof plain) length = sizeof plain;
        input = span_of(input.bytes + 2, input.length - 2);
        size_t given = length < input.length ? length : input.length;
        memset(plain, 0, length);
        memcpy(plain, input.bytes, given);
        input = span_of(input.bytes + given, input.length - given);

        struct span expected = {0};
        enum link_verdict wanted = model_take(&model, tag, span_of(plain, length), &expected);
        size_t frame_bytes = bad_peer_seal(&peer, span_of(plain, length), tag, frame);
        verdict = ends_give(&link, span_of(frame, frame_bytes));
        require(verdict == wanted);
        if (verdict == LINK_MESSAGE) require(span_is_equal(link.message, expected));
        if (verdict == LINK_REFUSED) require(link.reason == LINK_REASON_SHAPE);
    }
    for (size_t i = 0; i < 64; i++)
        tape_deinit(&model.halves[i]);
    link_deinit(&link);
}

/* --- messages of two honest ends --------------------------------------------------------------------------- */

/* A message says its priority, its number within it, and is filled with that. */
static size_t make_message(uint8_t *bytes, uint8_t priority, uint8_t number, uint8_t shape)
{
    size_t length = shape < 200 ? 2 + (size_t)shape : 2 + (size_t)(shape - 200) * 700;
    memset(bytes, priority + number, length);
    bytes[0] = priority;
    bytes[1] = number;
    return length;
}

static void check_message(struct span message, uint8_t heard[LINK_PRIORITIES_COUNT])
{
    require(message.length >= 2 && message.bytes[0] < LINK_PRIORITIES_COUNT);
    require(message.bytes[1] == heard[message.bytes[0]]++);
    for (size_t i = 2; i < message.length; i++)
        require(message.bytes[i] == (uint8_t)(message.bytes[0] + message.bytes[1]));
}

/* Read what is there; the last verdict. */
static enum link_verdict drain(struct link *to, struct tape *tape, size_t step,
                               uint8_t heard[LINK_PRIORITIES_COUNT])
{
    size_t at = 0;
    enum link_verdict verdict = LINK_MORE;
    while ((verdict = ends_read(to, tape_span(tape), &at, step, ENDS_NOW_MS)) == LINK_MESSAGE)
        check_message(to->message, heard);
    require(at == tape->length);
    tape->length = 0;
    return verdict;
}

/* The input: a byte says send (with the priority, and the next byte the shape), write a frame, read, or let time
 * pass.
 */
static void fuzz_messages(struct span input)
{
    static uint8_t bytes[2 + 56 * 700];
    uint8_t sent[LINK_PRIORITIES_COUNT] = {0};
    uint8_t heard[LINK_PRIORITIES_COUNT] = {0};
    struct link from = open_ready_end(0);
    struct link to = open_ready_end(1);
    struct tape tape = {0};
    uint64_t now_ms = ENDS_NOW_MS;
    ends_write(&from, &tape, now_ms);
    tape.length = 0; /* PROOF, which `to` has heard */
    for (size_t i = 0; i < input.length && i < 100; i++) {
        uint8_t choice = input.bytes[i];
        uint8_t priority = choice % LINK_PRIORITIES_COUNT;
        if (choice < 120 && i + 1 < input.length) {
            size_t length = make_message(bytes, priority, sent[priority]++, input.bytes[++i]);
            require(link_send(&from, (enum link_priority)priority, span_of(bytes, length)));
        } else if (choice < 180) {
            tape.length += link_write(&from, tape_room(&tape, LINK_FRAME_BYTES_MAX), LINK_FRAME_BYTES_MAX, now_ms);
        } else if (choice < 220) {
            require(drain(&to, &tape, choice % 16, heard) == LINK_MORE);
        } else {
            now_ms += (uint64_t)choice << 12;
            require(link_tick(&from, now_ms) && link_deadline_ms(&from) > now_ms);
        }
    }
    link_end(&from);
    ends_write(&from, &tape, now_ms);
    require(link_queued_bytes(&from) == 0 && drain(&to, &tape, input.length % 1000, heard) == LINK_ENDED);
    require(memcmp(sent, heard, sizeof sent) == 0);
    tape_deinit(&tape);
    link_deinit(&from);
    link_deinit(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_world();
    if (size == 0) return 0;
    struct span input = span_of(data + 1, size - 1);
    switch (data[0]) {
    case 0:
    case 1: fuzz_bytes(data[0], false, input); break;
    case 2: fuzz_frames(input); break;
    case 3: fuzz_messages(input); break;
    case 4:
    case 5: fuzz_bytes(data[0] - 4, true, input); break;
    default: break;
    }
    return 0;
}
