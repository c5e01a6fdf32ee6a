/* Dotted version vector sets: write, discard, merge, and what a client sees of them. */
#include "crdt/dvvs.h"

#include "crdt/bytes.h"

#include <assert.h>

struct crdt_dvvs crdt_dvvs_over(struct crdt_column *columns, uint32_t columns_capacity, struct crdt_write *writes,
                                uint32_t writes_capacity)
{
    return (struct crdt_dvvs){.columns = columns,
                              .columns_count = 0,
                              .columns_capacity = columns_capacity,
                              .writes = writes,
                              .writes_count = 0,
                              .writes_capacity = writes_capacity};
}

static bool is_valid_write(const struct crdt_write *write)
{
    if (write->kind != CRDT_VALUE && write->kind != CRDT_TOMBSTONE) return false;
    if (write->kind == CRDT_TOMBSTONE && write->value_bytes > 0) return false;
    return write->value != NULL || write->value_bytes == 0;
}

/* The column's writes begin at `first_write`, and all of them exist. */
static bool is_valid_column(const struct crdt_dvvs *item, const struct crdt_column *column, uint32_t first_write)
{
    if (column->discard == 0 && column->writes_count == 0) return false;
    uint64_t previous = column->discard;
    for (uint32_t i = 0; i < column->writes_count; i++) {
        const struct crdt_write *write = &item->writes[first_write + i];
        if (write->counter <= previous || !is_valid_write(write)) return false;
        previous = write->counter;
    }
    return true;
}

bool crdt_dvvs_is_valid(const struct crdt_dvvs *item)
{
    if (item->columns_count > item->columns_capacity) return false;
    if (item->writes_count > item->writes_capacity) return false;

    uint32_t first_write = 0;
    for (uint32_t i = 0; i < item->columns_count; i++) {
        const struct crdt_column *column = &item->columns[i];
        if (i > 0 && column->actor <= item->columns[i - 1].actor) return false;
        if (column->writes_count > item->writes_count - first_write) return false;
        if (!is_valid_column(item, column, first_write)) return false;
        first_write += column->writes_count;
    }
    return first_write == item->writes_count;
}

/* Where the column of an actor is, or would be put: its index and that of its first write. */
struct place {
    uint32_t column;
    uint32_t first_write;
    bool is_there;
};

static struct place place_of(const struct crdt_dvvs *item, uint64_t actor)
{
    struct place place = {0};
    while (place.column < item->columns_count && item->columns[place.column].actor < actor) {
        place.first_write += item->columns[place.column].writes_count;
        place.column++;
    }
    place.is_there = place.column < item->columns_count && item->columns[place.column].actor == actor;
    return place;
}

static uint64_t top_at(const struct crdt_dvvs *item, struct place place)
{
    const struct crdt_column *column = &item->columns[place.column];
    if (column->writes_count == 0) return column->discard;
    return item->writes[place.first_write + column->writes_count - 1].counter;
}

uint64_t crdt_dvvs_top(const struct crdt_dvvs *item, uint64_t actor)
{
    struct place place = place_of(item, actor);
    return place.is_there ? top_at(item, place) : 0;
}

bool crdt_dvvs_context(const struct crdt_dvvs *item, struct crdt_vclock *out)
{
    out->count = 0;
    if (item->columns_count > out->capacity) return false;

    struct place place = {.is_there = true};
    for (; place.column < item->columns_count; place.column++) {
        const struct crdt_column *column = &item->columns[place.column];
        out->entries[out->count++] = (struct crdt_dot){column->actor, top_at(item, place)};
        place.first_write += column->writes_count;
    }
    return true;
}

/* The caller has seen that there is room. */
static void insert_column(struct crdt_dvvs *item, uint32_t index, struct crdt_column column)
{
    assert(item->columns_count < item->columns_capacity);
    memmove(&item->columns[index + 1], &item->columns[index],
            (item->columns_count - index) * sizeof item->columns[0]);
    item->columns[index] = column;
    item->columns_count++;
}

/* Drop every write at or below its column's discard. */
static void prune(struct crdt_dvvs *item)
{
    uint32_t next = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < item->columns_count; i++) {
        struct crdt_column *column = &item->columns[i];
        uint32_t end = next + column->writes_count;
        uint32_t first_kept = kept;
        for (; next < end; next++) {
            if (item->writes[next].counter > column->discard) item->writes[kept++] = item->writes[next];
        }
        column->writes_count = kept - first_kept;
    }
    item->writes_count = kept;
}

static uint32_t count_missing_columns(const struct crdt_dvvs *item, const struct crdt_vclock *context)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < context->count; i++) {
        if (context->entries[i].counter > 0 && !place_of(item, context->entries[i].actor).is_there) missing++;
    }
    return missing;
}

bool crdt_dvvs_discard(struct crdt_dvvs *item, const struct crdt_vclock *context)
{
    assert(item->columns_count <= item->columns_capacity);
    if (count_missing_columns(item, context) > item->columns_capacity - item->columns_count) return false;

    for (uint32_t i = 0; i < context->count; i++) {
        struct crdt_dot dot = context->entries[i];
        if (dot.counter == 0) continue;
        struct place place = place_of(item, dot.actor);
        if (!place.is_there) {
            insert_column(item, place.column, (struct crdt_column){.actor = dot.actor, .discard = dot.counter});
        } else if (item->columns[place.column].discard < dot.counter) {
            item->columns[place.column].discard = dot.counter;
        }
    }
    prune(item);
    return true;
}

bool crdt_dvvs_add(struct crdt_dvvs *item, uint64_t actor, struct crdt_write write)
{
    assert(is_valid_write(&write));
    assert(write.counter > crdt_dvvs_top(item, actor));
    struct place place = place_of(item, actor);
    if (item->writes_count >= item->writes_capacity) return false;
    if (!place.is_there) {
        if (item->columns_count >= item->columns_capacity) return false;
        insert_column(item, place.column, (struct crdt_column){.actor = actor});
    }

    struct crdt_column *column = &item->columns[place.column];
    uint32_t at = place.first_write + column->writes_count;
    memmove(&item->writes[at + 1], &item->writes[at], (item->writes_count - at) * sizeof item->writes[0]);
    item->writes[at] = write;
    item->writes_count++;
    column->writes_count++;
    return true;
}

/* What one side of a merge says of one actor; all zero when it has no column for it. */
struct part {
    uint64_t discard;
    const struct crdt_write *writes;
    uint32_t writes_count;
};

/* The columns of a state still to be merged. */
struct walk {
    const struct crdt_dvvs *item;
    uint32_t column;
    uint32_t first_write;
};

static bool walk_is_over(const struct walk *walk)
{
    return walk->column == walk->item->columns_count;
}

/* Step over the column of `actor` if the walk stands at it. */
static struct part walk_take(struct walk *walk, uint64_t actor)
{
    if (walk_is_over(walk) || walk->item->columns[walk->column].actor != actor) return (struct part){0};
    const struct crdt_column *column = &walk->item->columns[walk->column];
    struct part part = {.discard = column->discard, .writes_count = column->writes_count};
    if (column->writes_count > 0) part.writes = &walk->item->writes[walk->first_write];
    walk->column++;
    walk->first_write += column->writes_count;
    return part;
}

static uint64_t walk_next_actor(const struct walk *a, const struct walk *b)
{
    if (walk_is_over(a)) return b->item->columns[b->column].actor;
    if (walk_is_over(b)) return a->item->columns[a->column].actor;
    uint64_t actor_a = a->item->columns[a->column].actor;
    uint64_t actor_b = b->item->columns[b->column].actor;
    return actor_a < actor_b ? actor_a : actor_b;
}

static int compare_writes(const struct crdt_write *a, const struct crdt_write *b)
{
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->expires_at_ms != b->expires_at_ms) return a->expires_at_ms < b->expires_at_ms ? -1 : 1;
    if (a->flags != b->flags) return a->flags < b->flags ? -1 : 1;
    return crdt_bytes_compare(a->value, a->value_bytes, b->value, b->value_bytes);
}

/* The next write of either part, by counter. One dot has one content (I5); should that ever be broken, the
 * greater content wins on every replica, so that they still become equal. */
static struct crdt_write part_take_lowest(struct part *a, struct part *b)
{
    bool is_in_a = a->writes_count > 0 && (b->writes_count == 0 || a->writes->counter <= b->writes->counter);
    bool is_in_b = b->writes_count > 0 && (a->writes_count == 0 || b->writes->counter <= a->writes->counter);
    bool is_from_a = is_in_a && (!is_in_b || compare_writes(a->writes, b->writes) >= 0);
    struct crdt_write write = is_from_a ? *a->writes : *b->writes;
    if (is_in_a) {
        a->writes++;
        a->writes_count--;
    }
    if (is_in_b) {
        b->writes++;
        b->writes_count--;
    }
    return write;
}

/* Above both discards each side holds all of the actor's writes up to its top, so the union is right. */
static void append_merged(struct crdt_dvvs *out, uint64_t actor, struct part a, struct part b)
{
    struct crdt_column column = {.actor = actor, .discard = a.discard > b.discard ? a.discard : b.discard};
    while (a.writes_count > 0 || b.writes_count > 0) {
        struct crdt_write write = part_take_lowest(&a, &b);
        if (write.counter <= column.discard) continue;
        out->writes[out->writes_count++] = write;
        column.writes_count++;
    }
    out->columns[out->columns_count++] = column;
}

void crdt_dvvs_merge(const struct crdt_dvvs *a, const struct crdt_dvvs *b, struct crdt_dvvs *out)
{
    assert(out->columns_count == 0 && out->writes_count == 0);
    assert((uint64_t)a->columns_count + b->columns_count <= out->columns_capacity);
    assert((uint64_t)a->writes_count + b->writes_count <= out->writes_capacity);

    struct walk walk_a = {.item = a};
    struct walk walk_b = {.item = b};
    while (!walk_is_over(&walk_a) || !walk_is_over(&walk_b)) {
        uint64_t actor = walk_next_actor(&walk_a, &walk_b);
        struct part part_a = walk_take(&walk_a, actor);
        struct part part_b = walk_take(&walk_b, actor);
        append_merged(out, actor, part_a, part_b);
    }
}

bool crdt_dvvs_is_equal(const struct crdt_dvvs *a, const struct crdt_dvvs *b)
{
    if (a->columns_count != b->columns_count || a->writes_count != b->writes_count) return false;
    for (uint32_t i = 0; i < a->columns_count; i++) {
        if (a->columns[i].actor != b->columns[i].actor) return false;
        if (a->columns[i].discard != b->columns[i].discard) return false;
        if (a->columns[i].writes_count != b->columns[i].writes_count) return false;
    }
    for (uint32_t i = 0; i < a->writes_count; i++) {
        if (a->writes[i].counter != b->writes[i].counter) return false;
        if (compare_writes(&a->writes[i], &b->writes[i]) != 0) return false;
    }
    return true;
}

static bool is_same_content(const struct crdt_write *a, const struct crdt_write *b)
{
    return a->kind == b->kind && a->value_bytes == b->value_bytes &&
           crdt_bytes_compare(a->value, a->value_bytes, b->value, b->value_bytes) == 0;
}

uint32_t crdt_dvvs_values(const struct crdt_dvvs *item, uint32_t *indexes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < item->writes_count; i++) {
        uint32_t earlier = 0;
        while (earlier < count && !is_same_content(&item->writes[indexes[earlier]], &item->writes[i])) {
            earlier++;
        }
        if (earlier == count) indexes[count++] = i;
    }
    return count;
}

bool crdt_dvvs_is_tombstoned(const struct crdt_dvvs *item)
{
    for (uint32_t i = 0; i < item->writes_count; i++) {
        if (item->writes[i].kind != CRDT_TOMBSTONE) return false;
    }
    return item->writes_count > 0;
}

struct crdt_tally crdt_dvvs_tally(const struct crdt_dvvs *item, uint32_t *scratch)
{
    struct crdt_tally tally = {0};
    uint32_t count = crdt_dvvs_values(item, scratch);
    for (uint32_t i = 0; i < count; i++) {
        const struct crdt_write *write = &item->writes[scratch[i]];
        if (write->kind == CRDT_TOMBSTONE) continue;
        tally.values++;
        tally.bytes += write->value_bytes;
    }
    tally.entries = tally.values > 0;
    tally.conflicts = count >= 2;
    return tally;
}

bool crdt_dvvs_writer_context(const struct crdt_dvvs *item, struct crdt_dot dot, const struct crdt_vclock *sent,
                              struct crdt_vclock *out)
{
    assert(sent != out);
    out->count = 0;
    struct place place = place_of(item, dot.actor);
    if (place.is_there && item->columns[place.column].writes_count > 0 &&
        item->writes[place.first_write].counter < dot.counter) {
        return false;
    }
    if ((sent == NULL || crdt_vclock_join(out, sent)) && crdt_vclock_raise(out, dot)) return true;
    out->count = 0;
    return false;
}
