/* The signing key of a key id and a day: made once, then found again without opening the secret.
 *
 * Secrets lie sealed in the view. Opening one and deriving a signing key from it cost more than all else of a
 * check, and a client asks with the same ones all day. Pure.
 */
#ifndef NODE_REQUEST_SIGNING_H
#define NODE_REQUEST_SIGNING_H

#include "node/base/seal.h"
#include "node/core/limits.h"
#include "node/request/sigv4.h"

enum {
    SIGNING_SLOTS = 256, /* one byte chooses; more keys than these cost time, never the answer */
    SIGNING_SEALED_BYTES_MAX = LIMITS_SECRET_CHARS_MAX + SEAL_OVERHEAD_BYTES,
    SIGNING_LABEL_BYTES_MAX = SIGV4_DATE_CHARS + 1 + SIGV4_REGION_CHARS_MAX + 1 + LIMITS_KEY_ID_CHARS_MAX +
                              SIGNING_SEALED_BYTES_MAX,
};

/* What a key was made of: day, region, key id and sealed secret. Each sealing draws a nonce of its own, so a
 * changed secret has another label and needs no flush. `label_bytes` 0: empty. */
struct signing_slot {
    uint16_t label_bytes;
    bool is_of_secret; /* false: the stand-in's, for who is not known */
    uint8_t label[SIGNING_LABEL_BYTES_MAX];
    uint8_t key[HASH_SHA256_BYTES];
};

/* One node's. All zero is empty. Direct-mapped. All unknown ids share one slot: asked again or for the first time,
 * they cost what a key in use costs, and push none out (H29). */
struct signing_cache {
    struct signing_slot slots[SIGNING_SLOTS];
    struct signing_slot stand_in;
    bool has_made; /* the last key asked for was not found but made */
};

/* Where secrets come from. */
struct auth_keys {
    /* The sealed secret of a key id, at most SIGNING_SEALED_BYTES_MAX; absent (bytes NULL) when there is no such
     * key (deleted, expired). The bytes must be others whenever the secret is another, and stay until
     * signing_key() returns. */
    struct span (*sealed_of)(const void *owner, struct span key_id);
    /* Open it. Returns the chars of the secret, 0 for what does not open. Also asked for bytes that nobody sealed,
     * to take as long for an unknown key. */
    size_t (*open)(const void *owner, struct span key_id, struct span sealed,
                   uint8_t secret[LIMITS_SECRET_CHARS_MAX]);
    const void *owner;
};

/* The signing key of `key_id`, at most LIMITS_KEY_ID_CHARS_MAX, on the day of `date`, for `region` of 1 to
 * SIGV4_REGION_CHARS_MAX. False when the key is not known: `key` is then one that is nobody's, made by the same
 * work, once for all of a day and region. Who is refused with it, known or not: signing_refused(). */
bool signing_key(struct signing_cache *cache, const struct auth_keys *keys, struct span key_id,
                 const char date[SIGV4_DATE_CHARS], struct span region, uint8_t key[HASH_SHA256_BYTES]);

/* The request for which signing_key() was asked last, with the same, is refused. Where the key was found, the work
 * of making one is done now, for nothing: every refusal has cost it once, whoever was named, whether today or for
 * the first time. Else a key that nobody used on that day (a presigned request chooses its day) would take longer
 * than an id that is not known (H29). */
void signing_refused(struct signing_cache *cache, const struct auth_keys *keys, struct span key_id,
                     const char date[SIGV4_DATE_CHARS], struct span region);

#endif
