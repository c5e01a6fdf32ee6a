/* Seen markers: what is news to their holder, and their bytes. */
#include "crdt/seen.h"

#include "crdt/bytes.h"

#include <assert.h>

enum { VERSION = 1, COUNT_BYTES = 2, DOT_BYTES = 16, COUNT_MAX = 0xffff };

/* ---- intervals ---- */

static bool is_empty_interval(const struct crdt_interval *interval)
{
    return interval->has_high &&
           crdt_bytes_compare(interval->low, interval->low_bytes, interval->high, interval->high_bytes) >= 0;
}

bool crdt_interval_contains(const struct crdt_interval *outer, const struct crdt_interval *inner)
{
    if (is_empty_interval(inner)) return true;
    if (crdt_bytes_compare(inner->low, inner->low_bytes, outer->low, outer->low_bytes) < 0) return false;
    if (!outer->has_high) return true;
    return inner->has_high &&
           crdt_bytes_compare(inner->high, inner->high_bytes, outer->high, outer->high_bytes) <= 0;
}

static bool is_inside(const struct crdt_interval *interval, const uint8_t *key, size_t key_bytes)
{
    if (crdt_bytes_compare(key, key_bytes, interval->low, interval->low_bytes) < 0) return false;
    return !interval->has_high || crdt_bytes_compare(key, key_bytes, interval->high, interval->high_bytes) < 0;
}

/* ---- what was seen ---- */

/* The index of the first item whose sort key is not below this one. */
static uint32_t position_of(const struct crdt_seen *seen, const uint8_t *sort_key, size_t sort_key_bytes)
{
    uint32_t low = 0;
    uint32_t high = seen->items_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct crdt_seen_item *item = &seen->items[middle];
        if (crdt_bytes_compare(item->sort_key, item->sort_key_bytes, sort_key, sort_key_bytes) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct crdt_seen *seen, uint32_t position, const uint8_t *sort_key, size_t sort_key_bytes)
{
    if (position == seen->items_count) return false;
    const struct crdt_seen_item *item = &seen->items[position];
    return crdt_bytes_compare(item->sort_key, item->sort_key_bytes, sort_key, sort_key_bytes) == 0;
}

bool crdt_seen_is_new(const struct crdt_seen *seen, const uint8_t *sort_key, size_t sort_key_bytes,
                      const struct crdt_vclock *context)
{
    if (!crdt_vclock_is_newer(context, &seen->clock)) return false;
    uint32_t position = position_of(seen, sort_key, sort_key_bytes);
    if (!is_at(seen, position, sort_key, sort_key_bytes)) return true;
    return crdt_vclock_is_newer(context, &seen->items[position].context);
}

static void remove_item(struct crdt_seen *seen, uint32_t position)
{
    seen->items_count--;
    memmove(&seen->items[position], &seen->items[position + 1],
            (seen->items_count - position) * sizeof seen->items[0]);
}

/* Forgets the new item when there is no room: it is then delivered again. */
static void insert_item(struct crdt_seen *seen, uint32_t position, struct crdt_seen_item item)
{
    if (seen->items_count >= seen->items_capacity || seen->items_count >= CRDT_SEEN_ITEMS_MAX) return;
    memmove(&seen->items[position + 1], &seen->items[position],
            (seen->items_count - position) * sizeof seen->items[0]);
    seen->items[position] = item;
    seen->items_count++;
}

void crdt_seen_absorb(struct crdt_seen *seen, const uint64_t *complete, uint32_t complete_count,
                      const uint8_t *sort_key, size_t sort_key_bytes, const struct crdt_vclock *context)
{
    for (uint32_t i = 0; i < complete_count; i++) {
        /* No room leaves the entry out of the clock, and the item below stays newer than it. */
        (void)crdt_vclock_raise(&seen->clock,
                                (struct crdt_dot){complete[i], crdt_vclock_get(context, complete[i])});
    }

    uint32_t position = position_of(seen, sort_key, sort_key_bytes);
    bool is_known = is_at(seen, position, sort_key, sort_key_bytes);
    bool is_newer = crdt_vclock_is_newer(context, &seen->clock);
    if (is_known && is_newer) {
        seen->items[position].context = *context;
    } else if (is_known) {
        remove_item(seen, position);
    } else if (is_newer) {
        insert_item(seen, position, (struct crdt_seen_item){sort_key, sort_key_bytes, *context});
    }
}

/* Only what is in the interval and not told by the clock says anything. */
static bool is_needed(const struct crdt_seen *seen, const struct crdt_seen_item *item)
{
    return is_inside(&seen->interval, item->sort_key, item->sort_key_bytes) &&
           crdt_vclock_is_newer(&item->context, &seen->clock);
}

void crdt_seen_restrict(struct crdt_seen *seen, const struct crdt_interval *interval)
{
    seen->interval = *interval;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < seen->items_count; i++) {
        if (is_needed(seen, &seen->items[i])) seen->items[kept++] = seen->items[i];
    }
    seen->items_count = kept;
}

/* ---- bytes out ---- */

/* Writes in a straight line; whoever uses it has checked the room. */
struct writer {
    uint8_t *bytes;
    size_t used;
};

static void put_u8(struct writer *writer, uint8_t number)
{
    writer->bytes[writer->used++] = number;
}

static void put_u16(struct writer *writer, size_t number)
{
    assert(number <= COUNT_MAX);
    put_u8(writer, (uint8_t)(number >> 8));
    put_u8(writer, (uint8_t)(number & 0xff));
}

static void put_key(struct writer *writer, const uint8_t *key, size_t key_bytes)
{
    put_u16(writer, key_bytes);
    if (key_bytes > 0) memcpy(writer->bytes + writer->used, key, key_bytes);
    writer->used += key_bytes;
}

static void put_clock(struct writer *writer, const struct crdt_vclock *clock)
{
    put_u16(writer, clock->count);
    for (uint32_t i = 0; i < clock->count; i++) {
        assert(clock->entries[i].counter > 0);
        crdt_bytes_put_u64(writer->bytes + writer->used, clock->entries[i].actor);
        crdt_bytes_put_u64(writer->bytes + writer->used + 8, clock->entries[i].counter);
        writer->used += DOT_BYTES;
    }
}

static size_t clock_bytes(const struct crdt_vclock *clock)
{
    return COUNT_BYTES + (size_t)clock->count * DOT_BYTES;
}

/* All that stands before the items, their count included. */
static size_t head_bytes(const struct crdt_seen *seen)
{
    size_t high_bytes = seen->interval.has_high ? seen->interval.high_bytes : 0;
    return 1 + COUNT_BYTES + seen->interval.low_bytes + 1 + COUNT_BYTES + high_bytes + clock_bytes(&seen->clock) +
           COUNT_BYTES;
}

static bool has_writable_head(const struct crdt_seen *seen, size_t limit)
{
    if (seen->interval.low_bytes > CRDT_SEEN_KEY_BYTES_MAX) return false;
    if (seen->interval.has_high && seen->interval.high_bytes > CRDT_SEEN_KEY_BYTES_MAX) return false;
    return head_bytes(seen) <= limit;
}

static void put_head(struct writer *writer, const struct crdt_seen *seen)
{
    put_u8(writer, VERSION);
    put_key(writer, seen->interval.low, seen->interval.low_bytes);
    put_u8(writer, seen->interval.has_high);
    put_key(writer, seen->interval.high, seen->interval.has_high ? seen->interval.high_bytes : 0);
    put_clock(writer, &seen->clock);
}

/* Write the items that are needed, as many as fit; returns how many. */
static uint32_t put_items(struct writer *writer, const struct crdt_seen *seen, size_t limit)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i < seen->items_count && written < CRDT_SEEN_ITEMS_MAX; i++) {
        const struct crdt_seen_item *item = &seen->items[i];
        if (!is_needed(seen, item) || item->sort_key_bytes > CRDT_SEEN_KEY_BYTES_MAX) continue;
        if (COUNT_BYTES + item->sort_key_bytes + clock_bytes(&item->context) > limit - writer->used) break;
        put_key(writer, item->sort_key, item->sort_key_bytes);
        put_clock(writer, &item->context);
        written++;
    }
    return written;
}

size_t crdt_seen_encode(const struct crdt_seen *seen, uint8_t *out, size_t capacity)
{
    size_t limit = capacity < CRDT_SEEN_BYTES_MAX ? capacity : CRDT_SEEN_BYTES_MAX;
    if (!has_writable_head(seen, limit)) return 0;

    struct writer writer = {.bytes = out};
    put_head(&writer, seen);
    struct writer count_writer = writer;
    writer.used += COUNT_BYTES;
    put_u16(&count_writer, put_items(&writer, seen, limit));
    return writer.used;
}

/* ---- bytes in ---- */

/* Reads in a straight line; the first thing amiss sticks, and what is read after it is zero. */
struct reader {
    const uint8_t *bytes;
    size_t left;
    bool is_bad;
};

/* The next `count` bytes, or NULL. */
static const uint8_t *take(struct reader *reader, size_t count)
{
    if (reader->is_bad || count > reader->left) {
        reader->is_bad = true;
        return NULL;
    }
    const uint8_t *bytes = reader->bytes;
    reader->bytes += count;
    reader->left -= count;
    return bytes;
}

static uint8_t take_u8(struct reader *reader)
{
    const uint8_t *bytes = take(reader, 1);
    return bytes == NULL ? 0 : bytes[0];
}

static uint32_t take_u16(struct reader *reader)
{
    const uint8_t *bytes = take(reader, 2);
    return bytes == NULL ? 0 : (uint32_t)bytes[0] << 8 | bytes[1];
}

static const uint8_t *take_key(struct reader *reader, size_t *key_bytes)
{
    *key_bytes = take_u16(reader);
    if (*key_bytes > CRDT_SEEN_KEY_BYTES_MAX) reader->is_bad = true;
    return take(reader, *key_bytes);
}

/* Into `clock`, which is empty. */
static void take_clock(struct reader *reader, struct crdt_vclock *clock)
{
    uint32_t count = take_u16(reader);
    if (count > clock->capacity) reader->is_bad = true;
    const uint8_t *bytes = take(reader, (size_t)count * DOT_BYTES);
    for (uint32_t i = 0; i < count && !reader->is_bad; i++) {
        struct crdt_dot dot = {crdt_bytes_get_u64(bytes), crdt_bytes_get_u64(bytes + 8)};
        if (dot.counter == 0 || (i > 0 && dot.actor <= clock->entries[i - 1].actor)) reader->is_bad = true;
        clock->entries[clock->count++] = dot;
        bytes += DOT_BYTES;
    }
}

static void take_interval(struct reader *reader, struct crdt_interval *interval)
{
    interval->low = take_key(reader, &interval->low_bytes);
    uint8_t has_high = take_u8(reader);
    interval->has_high = has_high == 1;
    interval->high = take_key(reader, &interval->high_bytes);
    if (has_high > 1 || (!interval->has_high && interval->high_bytes > 0)) reader->is_bad = true;
}

/* The item's clock gets the first of `dots`. False ends the reading. */
static bool take_item(struct reader *reader, struct crdt_seen *seen, struct crdt_dot *dots, uint32_t dots_capacity)
{
    struct crdt_seen_item item = {.context = crdt_vclock_over(dots, dots_capacity)};
    item.sort_key = take_key(reader, &item.sort_key_bytes);
    take_clock(reader, &item.context);
    item.context.capacity = item.context.count;
    if (reader->is_bad || !is_needed(seen, &item)) return false;

    if (seen->items_count > 0) {
        const struct crdt_seen_item *last = &seen->items[seen->items_count - 1];
        if (crdt_bytes_compare(last->sort_key, last->sort_key_bytes, item.sort_key, item.sort_key_bytes) >= 0) {
            return false;
        }
    }
    seen->items[seen->items_count++] = item;
    return true;
}

bool crdt_seen_decode(const uint8_t *bytes, size_t length, struct crdt_seen *seen, struct crdt_dot *dots,
                      uint32_t dots_capacity)
{
    if (length > CRDT_SEEN_BYTES_MAX) return false;
    struct reader reader = {.bytes = bytes, .left = length};
    seen->clock.count = 0;
    seen->items_count = 0;

    if (take_u8(&reader) != VERSION) return false;
    take_interval(&reader, &seen->interval);
    take_clock(&reader, &seen->clock);
    uint32_t items_count = take_u16(&reader);
    if (reader.is_bad || items_count > seen->items_capacity || items_count > CRDT_SEEN_ITEMS_MAX) return false;
    if (items_count > dots_capacity) return false; /* each has at least one */

    uint32_t dots_used = 0;
    for (uint32_t i = 0; i < items_count; i++) {
        if (!take_item(&reader, seen, dots + dots_used, dots_capacity - dots_used)) return false;
        dots_used += seen->items[i].context.count;
    }
    return reader.left == 0;
}
