/* The actor's row: a document row under the key "actor" whose payload is [id, last counter, place, [former…]]. */
#include "node/store/actor.h"

#include <assert.h>

static struct span actor_key(void)
{
    return span_text("actor");
}

static uint64_t new_id(struct prng *prng)
{
    uint64_t id = 0;
    while (id == 0)
        id = prng_u64(prng);
    return id;
}

void actor_init(struct actor *actor, const uint8_t place[ACTOR_PLACE_BYTES], struct prng *prng)
{
    *actor = (struct actor){.id = new_id(prng), .is_changed = true};
    memcpy(actor->place, place, ACTOR_PLACE_BYTES);
}

/* The current id becomes a former one; the oldest goes when there are too many. */
static void former_add(struct actor *actor)
{
    if (actor->former_count == ACTOR_FORMER_MAX) {
        memmove(actor->former, actor->former + 1, (ACTOR_FORMER_MAX - 1) * sizeof actor->former[0]);
        actor->former_count--;
    }
    actor->former[actor->former_count++] = actor->id;
}

void actor_replace(struct actor *actor, struct prng *prng)
{
    former_add(actor);
    actor->id = new_id(prng);
    actor->is_changed = true;
}

uint64_t actor_next(struct actor *actor, uint64_t top, uint64_t wall_us)
{
    uint64_t floor = actor->last_counter > top ? actor->last_counter : top;
    assert(floor < UINT64_MAX);
    actor->last_counter = wall_us > floor ? wall_us : floor + 1;
    actor->is_changed = true;
    return actor->last_counter;
}

uint32_t actor_ids(const struct actor *actor, uint64_t *ids)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i <= actor->former_count; i++) {
        uint64_t id = i < actor->former_count ? actor->former[i] : actor->id;
        uint32_t place = count++;
        for (; place > 0 && ids[place - 1] > id; place--)
            ids[place] = ids[place - 1];
        ids[place] = id;
    }
    return count;
}

void actor_note(struct actor *actor, uint64_t id, uint64_t last_counter)
{
    if (id != actor->id) {
        former_add(actor);
        actor->id = id;
    }
    actor->last_counter = last_counter;
}

static bool decode(struct actor *actor, struct span payload)
{
    struct wire_in in = wire_in_over(payload);
    *actor = (struct actor){0};
    if (wire_get_array(&in) != 4) wire_fail(&in);
    actor->id = wire_get_u64(&in);
    actor->last_counter = wire_get_u64(&in);
    struct span place = wire_get_bytes(&in);
    actor->former_count = wire_get_array(&in);
    if (in.failed || place.length != ACTOR_PLACE_BYTES || actor->former_count > ACTOR_FORMER_MAX) return false;
    memcpy(actor->place, place.bytes, ACTOR_PLACE_BYTES);
    for (uint32_t i = 0; i < actor->former_count; i++)
        actor->former[i] = wire_get_u64(&in);
    return wire_is_done(&in);
}

enum err actor_load(struct actor *actor, struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES], bool *found)
{
    struct span row = {0};
    enum err err = kv_get(txn, KV_META, actor_key(), &row);
    *found = err == ERR_OK && row.bytes != NULL;
    if (!*found) return err;
    struct crdt_lww document;
    err = record_decode_document(hash_key, actor_key(), row, &document);
    if (err != ERR_OK) return err;
    return decode(actor, span_of(document.payload, document.payload_bytes)) ? ERR_OK : ERR_CORRUPT;
}

enum err actor_store(struct actor *actor, struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES],
                     struct arena *scratch)
{
    struct wire_out out;
    wire_out_init(&out, scratch);
    wire_put_array(&out, 4);
    wire_put_u64(&out, actor->id);
    wire_put_u64(&out, actor->last_counter);
    wire_put_bytes(&out, span_of(actor->place, ACTOR_PLACE_BYTES));
    wire_put_array(&out, actor->former_count);
    for (uint32_t i = 0; i < actor->former_count; i++)
        wire_put_u64(&out, actor->former[i]);
    if (out.failed) return ERR_MEMORY;
    struct crdt_lww document = {.actor = actor->id, .payload = out.bytes, .payload_bytes = out.length};
    struct span row = record_encode_document(hash_key, actor_key(), &document, scratch);
    if (row.bytes == NULL) return ERR_MEMORY;
    enum err err = kv_put(txn, KV_META, actor_key(), row);
    if (err == ERR_OK) actor->is_changed = false;
    return err;
}
