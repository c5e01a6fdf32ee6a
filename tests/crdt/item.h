/* An item state with its own memory, for the tests of crdt/; and its text, in the notation of the protocol:
 * "A{1004; 2001:null} B{0; 1501:w}" is discard, then counter:value, column by column. */
#ifndef TESTS_CRDT_ITEM_H
#define TESTS_CRDT_ITEM_H

#include "crdt/dvvs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ACTOR_A UINT64_C(0x0a0b0c0d0e0f1011)
#define ACTOR_B UINT64_C(0x2021222324252627)
#define ACTOR_C UINT64_C(0xffeeddccbbaa9988)

enum { ITEM_COLUMNS_MAX = 16, ITEM_WRITES_MAX = 512, ITEM_TEXT_MAX = 1024 };

struct item {
    struct crdt_column columns[ITEM_COLUMNS_MAX];
    struct crdt_write writes[ITEM_WRITES_MAX];
    struct crdt_dvvs state;
};

static inline void item_init(struct item *item)
{
    item->state = crdt_dvvs_over(item->columns, ITEM_COLUMNS_MAX, item->writes, ITEM_WRITES_MAX);
}

static inline void item_copy(struct item *to, const struct crdt_dvvs *from)
{
    item_init(to);
    assert(from->columns_count <= ITEM_COLUMNS_MAX && from->writes_count <= ITEM_WRITES_MAX);
    memcpy(to->columns, from->columns, from->columns_count * sizeof to->columns[0]);
    memcpy(to->writes, from->writes, from->writes_count * sizeof to->writes[0]);
    to->state.columns_count = from->columns_count;
    to->state.writes_count = from->writes_count;
}

static inline struct crdt_write write_of(uint64_t counter, const char *value)
{
    if (value == NULL) return (struct crdt_write){.counter = counter, .kind = CRDT_TOMBSTONE};
    return (struct crdt_write){.counter = counter,
                               .kind = CRDT_VALUE,
                               .value = (const uint8_t *)value,
                               .value_bytes = (uint32_t)strlen(value)};
}

/* A NULL value is a tombstone. */
static inline void item_write(struct item *item, uint64_t actor, uint64_t counter, const char *value)
{
    bool is_added = crdt_dvvs_add(&item->state, actor, write_of(counter, value));
    assert(is_added);
}

static inline void item_discard(struct item *item, uint64_t actor, uint64_t counter)
{
    struct crdt_dot dot = {actor, counter};
    struct crdt_vclock context = {.entries = &dot, .count = 1, .capacity = 1};
    bool is_done = crdt_dvvs_discard(&item->state, &context);
    assert(is_done);
}

static inline void item_merge(struct item *out, const struct item *a, const struct item *b)
{
    item_init(out);
    crdt_dvvs_merge(&a->state, &b->state, &out->state);
}

static inline char actor_letter(uint64_t actor)
{
    return actor == ACTOR_A ? 'A' : actor == ACTOR_B ? 'B' : actor == ACTOR_C ? 'C' : '?';
}

static inline int write_text(const struct crdt_write *write, char *text, size_t room)
{
    if (write->kind == CRDT_TOMBSTONE) return snprintf(text, room, "%" PRIu64 ":null", write->counter);
    return snprintf(text, room, "%" PRIu64 ":%.*s", write->counter, (int)write->value_bytes,
                    write->value == NULL ? "" : (const char *)write->value);
}

/* The state as text; `text` has room for ITEM_TEXT_MAX. */
static inline const char *item_text(const struct crdt_dvvs *item, char *text)
{
    size_t used = 0;
    uint32_t next = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < item->columns_count; i++) {
        const struct crdt_column *column = &item->columns[i];
        used += (size_t)snprintf(text + used, ITEM_TEXT_MAX - used, "%s%c{%" PRIu64 "; ", i > 0 ? " " : "",
                                 actor_letter(column->actor), column->discard);
        for (uint32_t j = 0; j < column->writes_count; j++) {
            used += (size_t)snprintf(text + used, ITEM_TEXT_MAX - used, "%s", j > 0 ? ", " : "");
            used += (size_t)write_text(&item->writes[next++], text + used, ITEM_TEXT_MAX - used);
        }
        used += (size_t)snprintf(text + used, ITEM_TEXT_MAX - used, "%s}", column->writes_count > 0 ? "" : "-");
        assert(used < ITEM_TEXT_MAX);
    }
    return text;
}

/* What a client sees, as "v3, v2, null". */
static inline const char *item_values_text(const struct crdt_dvvs *item, char *text)
{
    uint32_t indexes[ITEM_WRITES_MAX];
    uint32_t count = crdt_dvvs_values(item, indexes);
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct crdt_write *write = &item->writes[indexes[i]];
        bool is_value = write->kind == CRDT_VALUE;
        used += (size_t)snprintf(text + used, ITEM_TEXT_MAX - used, "%s%.*s", i > 0 ? ", " : "",
                                 is_value ? (int)write->value_bytes : 4,
                                 is_value ? (const char *)write->value : "null");
        assert(used < ITEM_TEXT_MAX);
    }
    return text;
}

#endif
