/* The naive model beside the item states: every write has a number, every token is the set of the numbers it
 * covers, and what lives is what no applied write covers. No counters, no columns.
 *
 * A history holds some replicas of one item, each a model and the state it is compared with, after every step. */
#ifndef TESTS_CRDT_MODEL_H
#define TESTS_CRDT_MODEL_H

#include "cmocka_all.h"
#include "item.h"

#include <string.h>

enum { REPLICAS_MAX = 5, FACTS_MAX = 256, SET_WORDS = FACTS_MAX / 64 };

/* Numbers of writes. */
struct set {
    uint64_t words[SET_WORDS];
};

static inline void set_add(struct set *set, uint32_t number)
{
    set->words[number / 64] |= UINT64_C(1) << number % 64;
}

static inline bool set_has(const struct set *set, uint32_t number)
{
    return (set->words[number / 64] >> number % 64 & 1) != 0;
}

static inline struct set set_or(struct set a, struct set b)
{
    for (uint32_t i = 0; i < SET_WORDS; i++) {
        a.words[i] |= b.words[i];
    }
    return a;
}

static inline struct set set_minus(struct set a, struct set b)
{
    for (uint32_t i = 0; i < SET_WORDS; i++) {
        a.words[i] &= ~b.words[i];
    }
    return a;
}

static inline struct set set_and(struct set a, struct set b)
{
    return set_minus(a, set_minus(a, b));
}

static inline bool set_is_empty(struct set a)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < SET_WORDS; i++) {
        any |= a.words[i];
    }
    return any == 0;
}

static inline bool set_is_within(struct set a, struct set b)
{
    return set_is_empty(set_minus(a, b));
}

static inline bool set_is_equal(struct set a, struct set b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* One write, for ever: its dot and content never change (I5). */
struct fact {
    struct crdt_dot dot;
    struct set covers; /* the writes its token covered */
    const char *value; /* NULL for a delete */
};

/* A token as the client holds it, and what it covers. */
struct token {
    struct crdt_dot dots[ITEM_COLUMNS_MAX];
    uint32_t dots_count;
    struct set covers;
};

/* A state and the writes that were applied to it. */
struct copy {
    struct item item;
    struct set applied;
};

struct replica {
    struct copy copy;
    struct token first;  /* of the first state that was not empty */
    struct token writer; /* the last that a write through this replica was answered with */
};

struct history {
    struct replica replicas[REPLICAS_MAX];
    uint64_t actors[REPLICAS_MAX];
    uint64_t last_counters[REPLICAS_MAX];
    struct fact facts[FACTS_MAX];
    uint32_t replicas_count;
    uint32_t facts_count;
};

static inline void history_init(struct history *history, uint32_t replicas_count, const uint64_t *actors)
{
    history->replicas_count = replicas_count;
    history->facts_count = 0;
    for (uint32_t i = 0; i < replicas_count; i++) {
        struct replica *replica = &history->replicas[i];
        item_init(&replica->copy.item);
        replica->copy.applied = (struct set){{0}};
        replica->first = (struct token){.dots_count = 0};
        replica->writer = (struct token){.dots_count = 0};
        history->actors[i] = actors[i];
        history->last_counters[i] = 0;
    }
}

static inline void copy_of(struct copy *to, const struct copy *from)
{
    item_copy(&to->item, &from->item.state);
    to->applied = from->applied;
}

static inline void replica_copy(struct replica *to, const struct replica *from)
{
    copy_of(&to->copy, &from->copy);
    to->first = from->first;
    to->writer = from->writer;
}

static inline struct crdt_vclock token_clock(const struct token *token)
{
    return (struct crdt_vclock){
        .entries = (struct crdt_dot *)token->dots, .count = token->dots_count, .capacity = ITEM_COLUMNS_MAX};
}

/* What the applied writes have superseded between them. */
static inline struct set covered_by(const struct history *history, struct set applied)
{
    struct set covered = {{0}};
    for (uint32_t i = 0; i < history->facts_count; i++) {
        if (set_has(&applied, i)) covered = set_or(covered, history->facts[i].covers);
    }
    return covered;
}

/* The writes whose dots a clock covers. */
static inline struct set named_by(const struct history *history, const struct crdt_vclock *clock)
{
    struct set named = {{0}};
    for (uint32_t i = 0; i < history->facts_count; i++) {
        struct crdt_dot dot = history->facts[i].dot;
        if (crdt_vclock_get(clock, dot.actor) >= dot.counter) set_add(&named, i);
    }
    return named;
}

/* The siblings of a state as numbers; every one must be a write that was made, with its own content (I5, I18).
 * The number travels in the field that expiry will have one day. */
static inline struct set siblings_of(const struct history *history, const struct crdt_dvvs *item)
{
    struct set siblings = {{0}};
    uint32_t next = 0;
    for (uint32_t i = 0; i < item->columns_count; i++) {
        for (uint32_t j = 0; j < item->columns[i].writes_count; j++) {
            const struct crdt_write *write = &item->writes[next++];
            assert_in_range(write->expires_at_ms, 0, history->facts_count - 1);
            uint32_t number = (uint32_t)write->expires_at_ms;
            const struct fact *fact = &history->facts[number];
            assert_true(fact->dot.actor == item->columns[i].actor && fact->dot.counter == write->counter);
            assert_true((fact->value == NULL) == (write->kind == CRDT_TOMBSTONE));
            assert_true(fact->value == NULL || write->value == (const uint8_t *)fact->value);
            assert_false(set_has(&siblings, number));
            set_add(&siblings, number);
        }
    }
    return siblings;
}

/* The token a reader of `copy` gets; its set is what the model says the reader has seen. */
static inline struct token token_of(const struct history *history, const struct copy *copy)
{
    struct token token;
    struct crdt_vclock clock = crdt_vclock_over(token.dots, ITEM_COLUMNS_MAX);
    assert_true(crdt_dvvs_context(&copy->item.state, &clock));
    token.dots_count = clock.count;
    token.covers = set_or(copy->applied, covered_by(history, copy->applied));
    return token;
}

/* The values without repetition, and what they add to the index, from the numbers of the live writes. */
static inline void check_values(const struct history *history, const struct crdt_dvvs *item)
{
    uint32_t indexes[ITEM_WRITES_MAX];
    uint32_t count = crdt_dvvs_values(item, indexes);
    uint32_t expected = 0;
    struct crdt_tally tally = {0};
    for (uint32_t i = 0; i < item->writes_count; i++) {
        const char *value = history->facts[item->writes[i].expires_at_ms].value;
        bool is_repeated = false;
        for (uint32_t j = 0; j < i && !is_repeated; j++) {
            is_repeated = history->facts[item->writes[j].expires_at_ms].value == value; /* literals: one address */
        }
        if (is_repeated) continue;
        assert_true(expected < count && indexes[expected] == i);
        expected++;
        tally.values += value != NULL;
        tally.bytes += value != NULL ? strlen(value) : 0;
    }
    assert_int_equal(count, expected);
    uint32_t scratch[ITEM_WRITES_MAX];
    struct crdt_tally found = crdt_dvvs_tally(item, scratch);
    assert_true(found.values == tally.values && found.bytes == tally.bytes);
    assert_true(found.entries == (tally.values > 0) && found.conflicts == (count > 1));
    assert_true(crdt_dvvs_is_tombstoned(item) == (count > 0 && tally.values == 0));
}

/* Everything that must hold of one state at any time. Returns the siblings. */
static inline struct set check_copy(const struct history *history, const struct copy *copy)
{
    const struct crdt_dvvs *item = &copy->item.state;
    assert_true(crdt_dvvs_is_valid(item));
    struct set covered = covered_by(history, copy->applied);
    struct set siblings = siblings_of(history, item);
    assert_true(set_is_equal(siblings, set_minus(copy->applied, covered))); /* I2, I4 */

    struct token token = token_of(history, copy);
    struct crdt_vclock clock = token_clock(&token);
    assert_true(set_is_equal(named_by(history, &clock), token.covers)); /* I7, I9 */
    for (uint32_t i = 0; i < history->replicas_count; i++) {            /* I10: nothing that was never issued */
        assert_true(crdt_vclock_get(&clock, history->actors[i]) <= history->last_counters[i]);
    }
    for (uint32_t i = 0; i < history->facts_count; i++) { /* I3 */
        if (!set_has(&siblings, i)) continue;
        assert_true(set_is_empty(set_and(history->facts[i].covers, siblings)));
    }
    check_values(history, item);
    return siblings;
}

/* Nothing a replica knew is forgotten, nothing superseded comes back, and only `excuse` has gone. */
static inline void check_step(const struct history *history, const struct copy *before, const struct copy *after,
                              struct set excuse)
{
    struct token knew = token_of(history, before);
    struct token knows = token_of(history, after);
    struct crdt_vclock knew_clock = token_clock(&knew);
    struct crdt_vclock knows_clock = token_clock(&knows);
    assert_false(crdt_vclock_is_newer(&knew_clock, &knows_clock)); /* no top decreases */

    struct set were = siblings_of(history, &before->item.state);
    struct set are = check_copy(history, after);
    assert_true(set_is_empty(set_and(set_minus(knew.covers, were), are))); /* I4 */
    assert_true(set_is_within(set_minus(were, are), excuse));              /* I19 */
}

/* What the writer of `number` is told: never a sibling it has not read (I9); and when it is told anything, its
 * next write replaces its own value and nothing unread. */
static inline struct token check_writer(const struct history *history, uint32_t replica, uint32_t number,
                                        const struct token *sent)
{
    static struct item next; /* large; it keeps nothing between two calls */
    const struct copy *copy = &history->replicas[replica].copy;
    const struct fact *fact = &history->facts[number];
    struct set siblings = siblings_of(history, &copy->item.state);
    struct set unread_below = {{0}};
    for (uint32_t i = 0; i < number; i++) {
        bool is_below = set_has(&siblings, i) && history->facts[i].dot.actor == fact->dot.actor;
        if (is_below) set_add(&unread_below, i);
    }

    struct token token = {.dots_count = 0};
    struct crdt_vclock out = crdt_vclock_over(token.dots, ITEM_COLUMNS_MAX);
    struct crdt_vclock sent_clock = {0};
    if (sent != NULL) sent_clock = token_clock(sent);
    bool is_told = crdt_dvvs_writer_context(&copy->item.state, fact->dot, sent != NULL ? &sent_clock : NULL, &out);
    assert_true(is_told == set_is_empty(unread_below));
    assert_true(is_told || out.count == 0);
    if (!is_told) return token;

    token.dots_count = out.count;
    token.covers = named_by(history, &out);
    struct set own = fact->covers;
    set_add(&own, number);
    struct token known = token_of(history, copy);
    assert_true(set_is_within(own, token.covers));
    assert_true(set_is_within(token.covers, set_or(own, set_minus(known.covers, siblings)))); /* I9 */

    item_copy(&next, &copy->item.state);
    assert_true(crdt_dvvs_discard(&next.state, &out));
    struct set mine = {{0}};
    set_add(&mine, number);
    assert_true(set_is_equal(siblings_of(history, &next.state), set_minus(siblings, mine)));
    return token;
}

/* A client writes through `replica`. `sent` may be NULL; `gap` is how far the node's clock has run. */
static inline void history_write(struct history *history, uint32_t replica, const struct token *sent,
                                 const char *value, uint64_t gap)
{
    static struct copy before; /* large; it keeps nothing between two calls */
    struct copy *copy = &history->replicas[replica].copy;
    uint64_t actor = history->actors[replica];
    copy_of(&before, copy);
    if (sent != NULL) {
        struct crdt_vclock clock = token_clock(sent);
        assert_true(crdt_dvvs_discard(&copy->item.state, &clock));
    }
    assert_true(crdt_dvvs_top(&copy->item.state, actor) <= history->last_counters[replica]); /* I6 */

    uint32_t number = history->facts_count++;
    assert_true(number < FACTS_MAX);
    struct fact *fact = &history->facts[number];
    *fact = (struct fact){.dot = {actor, history->last_counters[replica] + 1 + gap}, .value = value};
    if (sent != NULL) fact->covers = sent->covers;
    history->last_counters[replica] = fact->dot.counter;
    struct crdt_write write = write_of(fact->dot.counter, value);
    write.expires_at_ms = number;
    assert_true(crdt_dvvs_add(&copy->item.state, actor, write));
    set_add(&copy->applied, number);

    check_step(history, &before, copy, fact->covers);
    history->replicas[replica].writer = check_writer(history, replica, number, sent);
    if (history->replicas[replica].first.dots_count == 0)
        history->replicas[replica].first = token_of(history, copy);
}

/* Whole states reach `replica`, as they were when they left. */
static inline void history_merge(struct history *history, uint32_t replica, const struct copy *other)
{
    static struct copy before; /* large; it keeps nothing between two calls */
    struct replica *into = &history->replicas[replica];
    copy_of(&before, &into->copy);
    item_merge(&into->copy.item, &before.item, &other->item);
    into->copy.applied = set_or(before.applied, other->applied);

    struct token theirs = token_of(history, other);
    struct set superseded = set_minus(theirs.covers, siblings_of(history, &other->item.state));
    check_step(history, &before, &into->copy, superseded);
    if (into->first.dots_count == 0) into->first = token_of(history, &into->copy);
}

#endif
