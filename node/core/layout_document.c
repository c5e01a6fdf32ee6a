/* Layout versions ⇄ bytes. */
#include "node/core/layout_document.h"

#include <assert.h>
#include <sodium/crypto_generichash_blake2b.h>

enum { PAYLOAD_VERSION = 1, FIELDS = 9 };

static void hash_of(struct span payload, uint8_t hash[RING_LAYOUT_HASH_BYTES])
{
    struct span key = span_text("skerry layout version");
    int failed = crypto_generichash_blake2b(hash, RING_LAYOUT_HASH_BYTES, payload.bytes, payload.length, key.bytes,
                                            key.length);
    assert(failed == 0);
    (void)failed;
}

/* --- out ------------------------------------------------------------------------------------------------ */

static void put_nodes(struct wire_out *out, const struct ring_layout *layout)
{
    wire_put_array(out, layout->zones_count);
    for (uint32_t i = 0; i < layout->zones_count; i++)
        wire_put_text(out, span_text(layout->zones[i]));
    wire_put_array(out, layout->nodes_count);
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        const struct ring_node *node = &layout->nodes[i];
        wire_put_array(out, 3);
        wire_put_bytes(out, span_of(node->id, sizeof node->id));
        wire_put_u64(out, node->capacity);
        wire_put_u64(out, node->zone);
    }
}

static void put_holders(struct wire_out *out, const struct ring_layout *layout)
{
    uint8_t holders[RING_PARTITIONS * RING_REPLICATION_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < layout->partitions_count; i++) {
        for (uint32_t j = 0; j < layout->replication; j++)
            holders[count++] = (uint8_t)layout->holders[i][j];
    }
    wire_put_bytes(out, span_of(holders, count));
}

static struct span encode(struct arena *arena, const struct ring_layout *layout)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_reserve(&out, LAYOUT_DOCUMENT_BYTES_MAX);
    wire_put_array(&out, FIELDS);
    wire_put_u64(&out, PAYLOAD_VERSION);
    wire_put_u64(&out, layout->number);
    wire_put_bytes(&out, span_of(layout->parent, sizeof layout->parent));
    wire_put_u64(&out, layout->partitions_count);
    wire_put_u64(&out, layout->replication);
    wire_put_u64(&out, layout->zone_redundancy);
    put_nodes(&out, layout);
    put_holders(&out, layout);
    return out.failed ? (struct span){NULL, 0} : span_of(out.bytes, out.length);
}

bool layout_document_encode(struct arena *arena, struct ring_layout *layout, struct op_document *document)
{
    const char *why = NULL;
    uint8_t id[LAYOUT_DOCUMENT_ID_BYTES];
    assert(ring_layout_check(layout, &why));
    struct span payload = encode(arena, layout);
    if (payload.bytes == NULL) return false;
    assert(payload.length <= LAYOUT_DOCUMENT_BYTES_MAX);
    hash_of(payload, layout->hash);
    wire_store_u64(id, layout->number);
    memcpy(id + 8, layout->hash, sizeof layout->hash);
    *document = (struct op_document){
        .key = document_key_of(arena, DOCUMENT_LAYOUT, span_of(id, sizeof id)),
        .register_ = {.payload = payload.bytes, .payload_bytes = payload.length},
    };
    return document->key.bytes != NULL;
}

/* --- in ------------------------------------------------------------------------------------------------- */

/* A number of at most `most`. */
static uint64_t get_small(struct wire_in *in, uint64_t most)
{
    uint64_t number = wire_get_u64(in);
    if (number > most) wire_fail(in);
    return in->failed ? 0 : number;
}

static void get_copy(struct wire_in *in, uint8_t *to, size_t length)
{
    struct span bytes = wire_get_bytes(in);
    if (bytes.length != length) wire_fail(in);
    if (!in->failed) memcpy(to, bytes.bytes, length);
}

static void get_zones(struct wire_in *in, struct ring_layout *layout)
{
    uint32_t count = wire_get_array(in);
    if (count > RING_ZONES_MAX) wire_fail(in);
    for (uint32_t i = 0; i < count && !in->failed; i++) {
        struct span name = wire_get_text(in);
        bool has_nul = name.length > 0 && memchr(name.bytes, 0, name.length) != NULL;
        if (name.length >= RING_ZONE_NAME_BYTES || has_nul) wire_fail(in);
        if (!in->failed && name.length > 0) memcpy(layout->zones[i], name.bytes, name.length);
    }
    layout->zones_count = in->failed ? 0 : (uint16_t)count;
}

static void get_nodes(struct wire_in *in, struct ring_layout *layout)
{
    uint32_t count = wire_get_array(in);
    if (count > RING_NODES_MAX) wire_fail(in);
    for (uint32_t i = 0; i < count && !in->failed; i++) {
        struct ring_node *node = &layout->nodes[i];
        if (wire_get_array(in) != 3) wire_fail(in);
        get_copy(in, node->id, sizeof node->id);
        node->capacity = wire_get_u64(in);
        node->zone = (uint16_t)get_small(in, RING_ZONES_MAX - 1);
    }
    layout->nodes_count = in->failed ? 0 : (uint16_t)count;
}

static void get_holders(struct wire_in *in, struct ring_layout *layout)
{
    struct span holders = wire_get_bytes(in);
    const uint8_t *at = holders.bytes;
    if (holders.length != (size_t)layout->partitions_count * layout->replication) wire_fail(in);
    for (uint32_t i = 0; i < layout->partitions_count && !in->failed; i++) {
        for (uint32_t j = 0; j < layout->replication; j++)
            layout->holders[i][j] = *at++;
    }
}

static bool decode(struct span payload, struct ring_layout *layout)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != FIELDS || wire_get_u64(&in) != PAYLOAD_VERSION) wire_fail(&in);
    layout->number = wire_get_u64(&in);
    get_copy(&in, layout->parent, sizeof layout->parent);
    layout->partitions_count = (uint16_t)get_small(&in, RING_PARTITIONS);
    layout->replication = (uint8_t)get_small(&in, RING_REPLICATION_MAX);
    layout->zone_redundancy = (uint8_t)get_small(&in, RING_REPLICATION_MAX);
    get_zones(&in, layout);
    get_nodes(&in, layout);
    get_holders(&in, layout);
    return wire_is_done(&in);
}

bool layout_document_decode(struct span id, struct span payload, struct ring_layout *layout)
{
    const char *why = NULL;
    if (id.length != LAYOUT_DOCUMENT_ID_BYTES || payload.length > LAYOUT_DOCUMENT_BYTES_MAX) return false;
    memset(layout, 0, sizeof *layout); /* equal versions are equal memory */
    if (!decode(payload, layout) || layout->number != wire_load_u64(id.bytes)) return false;
    hash_of(payload, layout->hash);
    return memcmp(layout->hash, id.bytes + 8, sizeof layout->hash) == 0 && ring_layout_check(layout, &why);
}

bool layout_document_names(struct span id, struct span payload, uint64_t *number, const uint8_t **parent)
{
    struct wire_in in = wire_in_over(payload);
    if (id.length != LAYOUT_DOCUMENT_ID_BYTES) return false;
    if (wire_get_array(&in) != FIELDS || wire_get_u64(&in) != PAYLOAD_VERSION) wire_fail(&in);
    *number = wire_get_u64(&in);
    struct span before = wire_get_bytes(&in);
    *parent = before.bytes;
    return !in.failed && before.length == RING_LAYOUT_HASH_BYTES && *number == wire_load_u64(id.bytes);
}

uint64_t layout_document_partitions(struct span payload)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != FIELDS || wire_get_u64(&in) != PAYLOAD_VERSION) wire_fail(&in);
    (void)wire_get_u64(&in);
    (void)wire_get_bytes(&in);
    uint64_t count = wire_get_u64(&in);
    return in.failed ? 0 : count;
}
