/* Rows as bytes, with their hash in front. */
#include "node/store/record.h"

#include <assert.h>

enum {
    SPACE_ITEM = 'i',
    SPACE_COUNT = 'c',
    SPACE_DOCUMENT = 'd',
    OVERHEAD_BYTES = 128,
    WRITE_OVERHEAD_BYTES = 40,
    COLUMN_BYTES_MIN = 4, /* the shortest column and write there are */
    WRITE_BYTES_MIN = 7,
};

static void row_hash(const uint8_t hash_key[HASH_KEY_BYTES], uint8_t space, struct span key, struct span body,
                     uint8_t out[RECORD_HASH_BYTES])
{
    struct hash_keyed keyed;
    hash_keyed_init(&keyed, hash_key);
    hash_keyed_add(&keyed, &space, 1);
    hash_keyed_add_field(&keyed, key);
    hash_keyed_add(&keyed, body.bytes, body.length);
    wire_store_u64(out, hash_keyed_64(&keyed));
}

/* Room for the hash, to be filled by row_end(). */
static void row_begin(struct wire_out *out, struct arena *arena, size_t expected_bytes)
{
    static const uint8_t empty[RECORD_HASH_BYTES];
    wire_out_init(out, arena);
    wire_reserve(out, expected_bytes);
    wire_put_raw(out, empty, sizeof empty);
}

static struct span row_end(struct wire_out *out, const uint8_t *hash_key, uint8_t space, struct span key)
{
    if (out->failed) return (struct span){NULL, 0};
    struct span body = span_of(out->bytes + RECORD_HASH_BYTES, out->length - RECORD_HASH_BYTES);
    row_hash(hash_key, space, key, body, out->bytes);
    return span_of(out->bytes, out->length);
}

static bool row_is_whole(const uint8_t *hash_key, uint8_t space, struct span key, struct span bytes)
{
    if (bytes.length <= RECORD_HASH_BYTES) return false;
    struct span body = span_of(bytes.bytes + RECORD_HASH_BYTES, bytes.length - RECORD_HASH_BYTES);
    uint8_t hash[RECORD_HASH_BYTES];
    row_hash(hash_key, space, key, body, hash);
    return memcmp(hash, bytes.bytes, RECORD_HASH_BYTES) == 0;
}

bool record_is_item(const uint8_t hash_key[HASH_KEY_BYTES], struct span key, struct span bytes)
{
    return row_is_whole(hash_key, SPACE_ITEM, key, bytes);
}

/* Check the hash and the version; `in` is then at the first field behind the version. */
static enum err row_open(const uint8_t *hash_key, uint8_t space, struct span key, struct span bytes,
                         uint32_t fields, struct wire_in *in)
{
    if (!row_is_whole(hash_key, space, key, bytes)) return ERR_CORRUPT;
    *in = wire_in_over(span_of(bytes.bytes + RECORD_HASH_BYTES, bytes.length - RECORD_HASH_BYTES));
    uint32_t count = wire_get_array(in);
    uint64_t version = wire_get_u64(in);
    if (in->failed) return ERR_CORRUPT;
    if (version != RECORD_VERSION) return ERR_VERSION;
    return count == fields ? ERR_OK : ERR_CORRUPT;
}

static void put_write(struct wire_out *out, const struct crdt_write *write)
{
    wire_put_array(out, 5);
    wire_put_u64(out, write->counter);
    wire_put_u64(out, write->kind);
    wire_put_u64(out, write->flags);
    wire_put_u64(out, write->expires_at_ms);
    wire_put_bytes(out, span_of(write->value, write->value_bytes));
}

static void put_state(struct wire_out *out, const struct crdt_dvvs *state)
{
    const struct crdt_write *write = state->writes;
    wire_put_array(out, state->columns_count);
    for (uint32_t i = 0; i < state->columns_count; i++) {
        const struct crdt_column *column = &state->columns[i];
        wire_put_array(out, 3);
        wire_put_u64(out, column->actor);
        wire_put_u64(out, column->discard);
        wire_put_array(out, column->writes_count);
        for (uint32_t j = 0; j < column->writes_count; j++)
            put_write(out, write++);
    }
}

/* An upper bound of the encoded size, so that large values are copied once. */
static size_t item_bytes_max(const struct record_item *item)
{
    size_t bytes = OVERHEAD_BYTES + item->partition_key.length + 32 * (size_t)item->state.columns_count;
    for (uint32_t i = 0; i < item->state.writes_count; i++) {
        bytes += WRITE_OVERHEAD_BYTES + (size_t)item->state.writes[i].value_bytes;
    }
    return bytes;
}

struct span record_encode_item(const uint8_t hash_key[HASH_KEY_BYTES], struct span key,
                               const struct record_item *item, struct arena *arena)
{
    assert(item->bucket_id.length == KEYS_BUCKET_ID_BYTES);
    struct wire_out out;
    row_begin(&out, arena, item_bytes_max(item));
    wire_put_array(&out, 5);
    wire_put_u64(&out, RECORD_VERSION);
    wire_put_bytes(&out, item->bucket_id);
    wire_put_text(&out, item->partition_key);
    wire_put_u64(&out, item->state.writes_count);
    put_state(&out, &item->state);
    return row_end(&out, hash_key, SPACE_ITEM, key);
}

static void get_write(struct wire_in *in, struct crdt_write *write)
{
    if (wire_get_array(in) != 5) wire_fail(in);
    write->counter = wire_get_u64(in);
    uint64_t kind = wire_get_u64(in);
    uint64_t flags = wire_get_u64(in);
    write->expires_at_ms = wire_get_u64(in);
    struct span value = wire_get_bytes(in);
    if (kind > CRDT_TOMBSTONE || flags > UINT8_MAX || (kind == CRDT_TOMBSTONE && value.length > 0)) wire_fail(in);
    write->kind = (uint8_t)kind;
    write->flags = (uint8_t)flags;
    write->value = value.bytes;
    write->value_bytes = (uint32_t)value.length;
}

static void get_column(struct wire_in *in, struct crdt_dvvs *state)
{
    struct crdt_column *column = &state->columns[state->columns_count++];
    if (wire_get_array(in) != 3) wire_fail(in);
    column->actor = wire_get_u64(in);
    column->discard = wire_get_u64(in);
    column->writes_count = wire_get_array(in);
    if (column->writes_count > state->writes_capacity - 1 - state->writes_count) wire_fail(in);
    for (uint32_t i = 0; i < column->writes_count && !in->failed; i++) {
        get_write(in, &state->writes[state->writes_count++]);
    }
}

/* The columns behind the count of writes. Claimed counts are bounded by the bytes that remain before any memory is
 * taken for them. */
static enum err get_state(struct wire_in *in, uint32_t spare_columns, struct arena *arena, struct crdt_dvvs *state)
{
    uint64_t writes_count = wire_get_u64(in);
    uint32_t columns_count = wire_get_array(in);
    size_t left_bytes = in->failed ? 0 : (size_t)(in->end - in->at);
    if (in->failed || writes_count > left_bytes / WRITE_BYTES_MIN) return ERR_CORRUPT;
    if (columns_count > left_bytes / COLUMN_BYTES_MIN) return ERR_CORRUPT;
    uint32_t columns_capacity = columns_count + spare_columns;
    uint32_t writes_capacity = (uint32_t)writes_count + 1;
    struct crdt_column *columns = arena_take_array(arena, columns_capacity, sizeof *columns);
    struct crdt_write *writes = arena_take_array(arena, writes_capacity, sizeof *writes);
    if (columns == NULL || writes == NULL) return ERR_MEMORY;
    *state = crdt_dvvs_over(columns, columns_capacity, writes, writes_capacity);
    for (uint32_t i = 0; i < columns_count && !in->failed; i++)
        get_column(in, state);
    if (!wire_is_done(in) || state->writes_count != writes_count) return ERR_CORRUPT;
    return crdt_dvvs_is_valid(state) ? ERR_OK : ERR_CORRUPT;
}

enum err record_decode_item(const uint8_t hash_key[HASH_KEY_BYTES], struct span key, struct span bytes,
                            uint32_t spare_columns, struct arena *arena, struct record_item *item)
{
    struct wire_in in;
    enum err err = row_open(hash_key, SPACE_ITEM, key, bytes, 5, &in);
    if (err != ERR_OK) return err;
    item->bucket_id = wire_get_bytes(&in);
    item->partition_key = wire_get_text(&in);
    if (in.failed || item->bucket_id.length != KEYS_BUCKET_ID_BYTES ||
        item->partition_key.length > KEYS_PARTITION_KEY_BYTES_MAX) {
        return ERR_CORRUPT;
    }
    return get_state(&in, spare_columns, arena, &item->state);
}

struct span record_encode_count(const uint8_t hash_key[HASH_KEY_BYTES], struct span key,
                                const struct record_count *count, struct arena *arena)
{
    struct wire_out out;
    row_begin(&out, arena, OVERHEAD_BYTES);
    wire_put_array(&out, 6);
    wire_put_u64(&out, RECORD_VERSION);
    wire_put_u64(&out, count->tally.entries);
    wire_put_u64(&out, count->tally.conflicts);
    wire_put_u64(&out, count->tally.values);
    wire_put_u64(&out, count->tally.bytes);
    wire_put_u64(&out, count->items);
    return row_end(&out, hash_key, SPACE_COUNT, key);
}

enum err record_decode_count(const uint8_t hash_key[HASH_KEY_BYTES], struct span key, struct span bytes,
                             struct record_count *count)
{
    struct wire_in in;
    enum err err = row_open(hash_key, SPACE_COUNT, key, bytes, 6, &in);
    if (err != ERR_OK) return err;
    count->tally.entries = wire_get_u64(&in);
    count->tally.conflicts = wire_get_u64(&in);
    count->tally.values = wire_get_u64(&in);
    count->tally.bytes = wire_get_u64(&in);
    count->items = wire_get_u64(&in);
    return wire_is_done(&in) ? ERR_OK : ERR_CORRUPT;
}

struct span record_encode_document(const uint8_t hash_key[HASH_KEY_BYTES], struct span key,
                                   const struct crdt_lww *document, struct arena *arena)
{
    struct wire_out out;
    row_begin(&out, arena, OVERHEAD_BYTES + document->payload_bytes);
    wire_put_array(&out, 4);
    wire_put_u64(&out, RECORD_VERSION);
    wire_put_u64(&out, document->time_us);
    wire_put_u64(&out, document->actor);
    wire_put_bytes(&out, span_of(document->payload, document->payload_bytes));
    return row_end(&out, hash_key, SPACE_DOCUMENT, key);
}

enum err record_decode_document(const uint8_t hash_key[HASH_KEY_BYTES], struct span key, struct span bytes,
                                struct crdt_lww *document)
{
    struct wire_in in;
    enum err err = row_open(hash_key, SPACE_DOCUMENT, key, bytes, 4, &in);
    if (err != ERR_OK) return err;
    document->time_us = wire_get_u64(&in);
    document->actor = wire_get_u64(&in);
    struct span payload = wire_get_bytes(&in);
    document->payload = payload.bytes;
    document->payload_bytes = payload.length;
    return wire_is_done(&in) ? ERR_OK : ERR_CORRUPT;
}
