/* base64 (standard, padded, as the reference's service has it) of seal (16 bytes) ‖ marker. */
#include "node/request/marker.h"

#include <sodium/utils.h>

enum { SEAL_BYTES = 16, TEXT_BYTES_MAX = (SEAL_BYTES + CRDT_SEEN_BYTES_MAX) / 3 * 4 + 8 };

static void seal_of(const struct service *service, const struct op_key *key, struct span body,
                    uint8_t seal[SEAL_BYTES])
{
    struct hash_keyed keyed;
    hash_keyed_init(&keyed, service->token_key);
    hash_keyed_add(&keyed, "seen", 4);
    hash_keyed_add(&keyed, key->bucket_id, KEYS_BUCKET_ID_BYTES);
    hash_keyed_add_field(&keyed, key->partition_key);
    hash_keyed_add(&keyed, body.bytes, body.length);
    hash_keyed_128(&keyed, seal);
}

/* A marker's arrays, with room for what may be absorbed into it. */
bool marker_begin(const struct crdt_interval *interval, struct arena *arena, struct crdt_seen *seen)
{
    struct crdt_dot *clock = arena_take_array(arena, CRDT_VCLOCK_MAX, sizeof *clock);
    *seen = (struct crdt_seen){.interval = *interval, .items_capacity = CRDT_SEEN_ITEMS_MAX};
    seen->items = arena_take_array(arena, CRDT_SEEN_ITEMS_MAX, sizeof *seen->items);
    seen->clock = crdt_vclock_over(clock, CRDT_VCLOCK_MAX);
    return clock != NULL && seen->items != NULL;
}

/* Arrays as large as `body` can fill. */
static bool arrays_for(struct span body, struct arena *arena, struct crdt_seen *seen, struct crdt_dot **dots,
                       uint32_t *dots_count)
{
    *dots_count = (uint32_t)(body.length / sizeof(struct crdt_dot)) + 1; /* a dot is as long in bytes */
    uint32_t clock_count = *dots_count < CRDT_VCLOCK_MAX ? *dots_count : CRDT_VCLOCK_MAX;
    uint32_t items_count = *dots_count < CRDT_SEEN_ITEMS_MAX ? *dots_count : CRDT_SEEN_ITEMS_MAX;
    struct crdt_dot *clock = arena_take_array(arena, clock_count, sizeof *clock);
    *dots = arena_take_array(arena, *dots_count, sizeof **dots);
    *seen = (struct crdt_seen){.items_capacity = items_count};
    seen->items = arena_take_array(arena, items_count, sizeof *seen->items);
    seen->clock = crdt_vclock_over(clock, clock_count);
    return clock != NULL && *dots != NULL && seen->items != NULL;
}

/* The bytes behind a text; false when it is not base64 of a sane length. */
static bool decode_text(struct http_span text, struct arena *arena, struct span *bytes, bool *is_memory)
{
    size_t length = 0;
    if (text.length > TEXT_BYTES_MAX) return false;
    uint8_t *memory = arena_take_array(arena, text.length + 1, 1);
    *is_memory = memory == NULL;
    if (memory == NULL) return false;
    if (sodium_base642bin(memory, text.length, text.at, text.length, NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    *bytes = span_of(memory, length);
    return length > SEAL_BYTES;
}

static struct crdt_dot *keep_dots(const struct crdt_vclock *clock, struct arena *arena)
{
    struct crdt_dot *dots = arena_take_array(arena, clock->count, sizeof *dots);
    if (dots != NULL) memcpy(dots, clock->entries, clock->count * sizeof *dots);
    return dots;
}

/* Move what the marker borrows from the way there into `arena`: a waiting poll keeps it. */
static bool keep(struct crdt_seen *seen, struct arena *arena)
{
    struct crdt_seen_item *items = arena_take_array(arena, seen->items_count, sizeof *items);
    seen->clock.entries = keep_dots(&seen->clock, arena);
    seen->clock.capacity = seen->clock.count;
    if (items == NULL || seen->clock.entries == NULL) return false;
    for (uint32_t i = 0; i < seen->items_count; i++) {
        items[i] = seen->items[i];
        items[i].sort_key = arena_copy(arena, items[i].sort_key, items[i].sort_key_bytes);
        items[i].context.entries = keep_dots(&items[i].context, arena);
        if (items[i].sort_key == NULL || items[i].context.entries == NULL) return false;
    }
    seen->items = items;
    seen->items_capacity = seen->items_count;
    return true;
}

bool marker_read(const struct service *service, const struct op_key *key, const struct crdt_interval *interval,
                 struct http_span text, struct arena *arena, struct arena *scratch, struct crdt_seen *seen,
                 bool *is_memory)
{
    struct span bytes;
    uint8_t seal[SEAL_BYTES];
    *is_memory = false;
    if (!decode_text(text, scratch, &bytes, is_memory)) return false;
    struct span body = span_of(bytes.bytes + SEAL_BYTES, bytes.length - SEAL_BYTES);
    seal_of(service, key, body, seal);
    if (!hash_is_equal(seal, bytes.bytes, SEAL_BYTES)) return false;
    struct crdt_dot *dots = NULL;
    uint32_t dots_count = 0;
    if (!arrays_for(body, scratch, seen, &dots, &dots_count)) {
        *is_memory = true;
        return false;
    }
    if (!crdt_seen_decode(body.bytes, body.length, seen, dots, dots_count)) return false;
    if (!crdt_interval_contains(&seen->interval, interval)) return false;
    crdt_seen_restrict(seen, interval);
    *is_memory = !keep(seen, arena);
    return !*is_memory;
}

/* No less than crdt_seen_encode() needs: a thousand polls may be answered at one time, each with its marker. */
static size_t encoded_bytes_max(const struct crdt_seen *seen)
{
    enum { COUNTS_BYTES = 16, ITEM_BYTES = 4 };
    size_t bytes = COUNTS_BYTES + seen->interval.low_bytes + seen->interval.high_bytes +
                   seen->clock.count * sizeof(struct crdt_dot);
    for (uint32_t i = 0; i < seen->items_count; i++) {
        const struct crdt_seen_item *item = &seen->items[i];
        bytes += ITEM_BYTES + item->sort_key_bytes + item->context.count * sizeof(struct crdt_dot);
    }
    return bytes < CRDT_SEEN_BYTES_MAX ? bytes : CRDT_SEEN_BYTES_MAX;
}

struct http_span marker_write(const struct service *service, const struct op_key *key,
                              const struct crdt_seen *seen, struct arena *arena)
{
    const struct http_span none = {NULL, 0};
    size_t room = encoded_bytes_max(seen);
    uint8_t *bytes = arena_take_array(arena, SEAL_BYTES + room, 1);
    if (bytes == NULL) return none;
    size_t length = crdt_seen_encode(seen, bytes + SEAL_BYTES, room);
    if (length == 0) return none;
    seal_of(service, key, span_of(bytes + SEAL_BYTES, length), bytes);
    size_t chars = sodium_base64_encoded_len(SEAL_BYTES + length, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_take_array(arena, chars, 1);
    if (text == NULL) return none;
    sodium_bin2base64(text, chars, bytes, SEAL_BYTES + length, sodium_base64_VARIANT_ORIGINAL);
    return (struct http_span){text, chars - 1};
}

bool marker_copy(const struct crdt_seen *from, struct arena *arena, struct crdt_seen *to)
{
    if (!marker_begin(&from->interval, arena, to)) return false;
    memcpy(to->clock.entries, from->clock.entries, from->clock.count * sizeof *to->clock.entries);
    to->clock.count = from->clock.count;
    memcpy(to->items, from->items, from->items_count * sizeof *to->items);
    to->items_count = from->items_count;
    return true;
}
