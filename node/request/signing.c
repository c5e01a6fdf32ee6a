/* A table of what was made, each entry with all it was made of. */
#include "node/request/signing.h"

#include <assert.h>
#include <sodium/utils.h>

static uint8_t *append(uint8_t *at, struct span part)
{
    if (part.length > 0) memcpy(at, part.bytes, part.length);
    return at + part.length;
}

/* Lengths first: no two inputs run together. */
static size_t label_encode(uint8_t label[SIGNING_LABEL_BYTES_MAX], struct span date, struct span region,
                           struct span key_id, struct span sealed)
{
    uint8_t *at = append(label, date);
    *at++ = (uint8_t)region.length;
    at = append(at, region);
    *at++ = (uint8_t)key_id.length;
    at = append(at, key_id);
    at = append(at, sealed);
    return (size_t)(at - label);
}

/* FNV-1a: who fills a slot on purpose costs its owner one derivation. */
static uint8_t slot_of(struct span key_id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key_id.length; i++) {
        hash = (hash ^ key_id.bytes[i]) * 16777619u;
    }
    return (uint8_t)(hash >> 24);
}

static void slot_fill(struct signing_slot *slot, const struct auth_keys *keys, struct span key_id,
                      const char *date, struct span region, struct span sealed)
{
    static const char stand_in[] = "0000000000000000000000000000000000000000000000000000000000000000";
    uint8_t secret[LIMITS_SECRET_CHARS_MAX];
    size_t chars = keys->open(keys->owner, key_id, sealed, secret);
    assert(chars <= sizeof secret);
    slot->is_of_secret = chars > 0;
    struct span used = slot->is_of_secret ? span_of(secret, chars) : span_text(stand_in);
    sigv4_signing_key(used, date, region, slot->key);
    sodium_memzero(secret, sizeof secret);
}

/* For all unknown keys something of a secret's size, that opens to nothing. */
static const uint8_t decoy[SEAL_OVERHEAD_BYTES + 64];

bool signing_key(struct signing_cache *cache, const struct auth_keys *keys, struct span key_id,
                 const char date[SIGV4_DATE_CHARS], struct span region, uint8_t key[HASH_SHA256_BYTES])
{
    assert(key_id.length <= LIMITS_KEY_ID_CHARS_MAX);
    assert(region.length > 0 && region.length <= SIGV4_REGION_CHARS_MAX);
    struct span sealed = keys->sealed_of(keys->owner, key_id);
    bool is_known = sealed.bytes != NULL && sealed.length <= SIGNING_SEALED_BYTES_MAX;
    if (!is_known) sealed = span_of(decoy, sizeof decoy);

    uint8_t label[SIGNING_LABEL_BYTES_MAX];
    struct span labelled = is_known ? key_id : span_of(NULL, 0);
    size_t label_bytes = label_encode(label, span_of(date, SIGV4_DATE_CHARS), region, labelled, sealed);
    static_assert(SIGNING_SLOTS == 256, "one byte chooses the slot");
    struct signing_slot *slot = is_known ? &cache->slots[slot_of(key_id)] : &cache->stand_in;
    cache->has_made = slot->label_bytes != label_bytes || memcmp(slot->label, label, label_bytes) != 0;
    if (cache->has_made) {
        slot_fill(slot, keys, key_id, date, region, sealed);
        memcpy(slot->label, label, label_bytes);
        slot->label_bytes = (uint16_t)label_bytes;
    }
    memcpy(key, slot->key, HASH_SHA256_BYTES);
    return is_known && slot->is_of_secret;
}

void signing_refused(struct signing_cache *cache, const struct auth_keys *keys, struct span key_id,
                     const char date[SIGV4_DATE_CHARS], struct span region)
{
    struct signing_slot nobodys;
    if (cache->has_made) return;
    slot_fill(&nobodys, keys, key_id, date, region, span_of(decoy, sizeof decoy));
    sodium_memzero(nobodys.key, sizeof nobodys.key);
    cache->has_made = true;
}
