/* Links that are ready, and refused ones; messages that are known by their number: for the tests of links. */
#ifndef TESTS_NODE_CORE_LINK_READY_H
#define TESTS_NODE_CORE_LINK_READY_H

#include "tests/lib/check.h"
#include "tests/lib/random.h"
#include "tests/node/core/link_ends.h"

/* With a link between them that is ready. `budget` is the listener's. */
static inline void two_ready(struct two *two, struct arena_budget *budget)
{
    *two = two_members();
    two_open_within(two, budget);
    ends_shake(&two->links[0], &two->links[1], two->tapes);
    assert_true(link_is_ready(&two->links[0]) && link_is_ready(&two->links[1]));
}

/* It is refused for that reason, takes and says nothing more, and wants no time. */
static inline void expect_refused(struct link *link, const char *reason)
{
    struct tape tape = {0};
    size_t taken = 1;
    assert_false(link_is_ready(link));
    assert_string_equal(link->reason, reason);
    assert_ptr_equal(link->reason, reason);
    assert_int_equal(link_read(link, span_text("more"), &taken, ENDS_NOW_MS), LINK_REFUSED);
    assert_int_equal(taken, 0);
    assert_int_equal(ends_write(link, &tape, ENDS_NOW_MS), 0);
    assert_true(link_deadline_ms(link) == UINT64_MAX && !link_tick(link, ENDS_NOW_MS));
    tape_deinit(&tape);
}

/* A message that nobody else would send: `length` bytes that hang on `number`. */
static inline struct tape make_message(uint32_t number, size_t length)
{
    struct tape tape = {0};
    struct random random = {number};
    uint8_t *bytes = tape_room(&tape, length + 8);
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = random_u64(&random);
        memcpy(bytes + i, &word, 8);
    }
    tape.length = length;
    return tape;
}

static inline void send_message(struct link *link, enum link_priority priority, uint32_t number, size_t length)
{
    struct tape message = make_message(number, length);
    assert_true(link_send(link, priority, tape_span(&message)));
    tape_deinit(&message);
}

static inline void expect_message(const struct link *link, uint32_t number, size_t length)
{
    struct tape message = make_message(number, length);
    assert_int_equal(link->message.length, length);
    if (length > 0) assert_memory_equal(link->message.bytes, message.bytes, length);
    tape_deinit(&message);
}

#endif
