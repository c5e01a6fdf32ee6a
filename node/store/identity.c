/* Incarnations; and a fresh store that becomes another cluster's. */
#include "node/store/identity.h"

#include "node/store/documents.h"
#include "node/store/keyring.h"

#include <assert.h>
#include <sodium/crypto_sign_ed25519.h>
#include <stdio.h>

enum {
    NODE_ID_BYTES = crypto_sign_ed25519_PUBLICKEYBYTES,
    DOCUMENTS_FRESH_MAX = 6, /* an alias, a bucket, a key, a permission; what the node says of itself, two */
};
_Static_assert(crypto_sign_ed25519_SEEDBYTES == STORE_NODE_SEED_BYTES, "the seed of a node's key");

/* --- incarnations --------------------------------------------------------------------------------------- */

struct span identity_incarnation_name(void)
{
    return span_text("incarnation");
}

static bool incarnation_decode(struct span payload, uint64_t *incarnation)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 1) wire_fail(&in);
    *incarnation = wire_get_u64(&in);
    return wire_is_done(&in);
}

/* 0 when there is none. */
static enum err incarnation_load(const struct store *store, struct kv_txn *txn, struct op *op,
                                 uint64_t *incarnation)
{
    struct span name = identity_incarnation_name();
    struct span row = {0};
    struct crdt_lww document;
    *incarnation = 0;
    enum err err = kv_get(txn, KV_META, name, &row);
    if (err != ERR_OK || row.bytes == NULL) return err;
    err = record_decode_document(store->hash_key, name, row, &document);
    if (err == ERR_OK && !incarnation_decode(span_of(document.payload, document.payload_bytes), incarnation))
        err = ERR_CORRUPT;
    return op_note(op, store->hash_key, KV_META, name, err);
}

/* The row, encoded in the store's scratch; bytes NULL when out of memory. */
static struct span incarnation_encode(struct store *store, const uint8_t hash_key[HASH_KEY_BYTES],
                                      uint64_t incarnation)
{
    struct wire_out out;
    wire_out_init(&out, &store->scratch);
    wire_put_array(&out, 1);
    wire_put_u64(&out, incarnation);
    if (out.failed) return (struct span){NULL, 0};
    const struct crdt_lww document = {.payload = out.bytes, .payload_bytes = out.length};
    return record_encode_document(hash_key, identity_incarnation_name(), &document, &store->scratch);
}

/* A row that has rotted is written anew: the clock, or what others saw of us, is above it then. */
enum err identity_boot(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us)
{
    struct op_boot *boot = &op->boot;
    uint64_t previous = 0;
    arena_reset(&store->scratch);
    enum err err = incarnation_load(store, txn, op, &previous);
    if (err != ERR_OK && err != ERR_CORRUPT) return err;
    boot->incarnation = crdt_lww_next_time(previous > boot->above ? previous : boot->above, wall_us);
    struct span row = incarnation_encode(store, store->hash_key, boot->incarnation);
    return row.bytes == NULL ? ERR_MEMORY : kv_put(txn, KV_META, identity_incarnation_name(), row);
}

/* --- may it be adopted? --------------------------------------------------------------------------------- */

/* The documents a fresh node has: the demo's, exactly as the start makes them (node/request/startup.c), and what
 * it says of itself. Seen in order of their keys. */
struct freshness {
    uint8_t node_id[NODE_ID_BYTES];
    uint8_t bucket_key[1 + KEYS_BUCKET_ID_BYTES];
    struct span key_id;
    uint32_t aliases, buckets, keys, permissions;
};

static void node_id_of(const struct store *store, uint8_t node_id[NODE_ID_BYTES])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    crypto_sign_ed25519_seed_keypair(node_id, secret, store->node_seed);
    memset(secret, 0, sizeof secret);
}

/* The document of an access key is [is live, name, …]; a deleted one counts as well. */
static bool is_named_demo(struct span payload)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 4) wire_fail(&in);
    (void)wire_get_bool(&in);
    return span_is_equal(wire_get_text(&in), span_text("demo")) && !in.failed;
}

static bool is_demos_permission(const struct freshness *fresh, struct span key)
{
    size_t length = sizeof fresh->bucket_key;
    if (fresh->buckets == 0 || fresh->keys == 0 || key.length < length) return false;
    return memcmp(key.bytes + 1, fresh->bucket_key + 1, length - 1) == 0 &&
           span_is_equal(span_of(key.bytes + length, key.length - length), fresh->key_id);
}

static bool freshness_has(struct freshness *fresh, struct span key, struct span payload)
{
    struct span id = span_of(key.bytes + 1, key.length - 1);
    switch (key.bytes[0]) {
    case 'A': return fresh->aliases++ == 0 && span_is_equal(id, span_text("demo"));
    case 'B':
        if (key.length == sizeof fresh->bucket_key) memcpy(fresh->bucket_key, key.bytes, key.length);
        return fresh->buckets++ == 0 && key.length == sizeof fresh->bucket_key;
    case 'K': fresh->key_id = id; return fresh->keys++ == 0 && is_named_demo(payload);
    case 'P': return fresh->permissions++ == 0 && is_demos_permission(fresh, key);
    case 'D':
    case 'N': return span_is_equal(id, span_of(fresh->node_id, sizeof fresh->node_id));
    default: return false;
    }
}

/* Remember the keys of all documents, to delete them; `is_fresh` out. */
struct documents {
    struct span *keys;
    uint32_t count;
    bool is_fresh;
};

static enum err document_add(struct store *store, struct documents *documents, struct freshness *fresh,
                             const struct kv_pair *pair)
{
    struct crdt_lww document;
    uint8_t *key = arena_copy(&store->scratch, pair->key.bytes, pair->key.length);
    if (key == NULL) return ERR_MEMORY;
    struct span kept = span_of(key, pair->key.length);
    enum err err = record_decode_document(store->hash_key, kept, pair->value, &document);
    if (err != ERR_OK) return err;
    documents->is_fresh = documents->count < DOCUMENTS_FRESH_MAX &&
                          freshness_has(fresh, kept, span_of(document.payload, document.payload_bytes));
    if (documents->is_fresh) documents->keys[documents->count++] = kept;
    return ERR_OK;
}

static enum err documents_read(struct store *store, struct kv_txn *txn, struct op *op, struct documents *documents)
{
    static const uint8_t lowest[1] = {0};
    struct freshness fresh = {0};
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    node_id_of(store, fresh.node_id);
    documents->is_fresh = true;
    enum err err = kv_cursor_open(txn, KV_DOCS, &cursor);
    if (err != ERR_OK) return err;
    err = kv_cursor_step(cursor, KV_AT_OR_AFTER, span_of(lowest, 1), &pair, &found);
    while (err == ERR_OK && found && documents->is_fresh) {
        err = op_note(op, store->hash_key, KV_DOCS, pair.key, document_add(store, documents, &fresh, &pair));
        if (err == ERR_OK) err = kv_cursor_step(cursor, KV_NEXT, (struct span){0}, &pair, &found);
    }
    kv_cursor_close(cursor);
    return err;
}

static enum err table_is_empty(struct kv_txn *txn, enum kv_space space, bool *is_empty)
{
    static const uint8_t lowest[1] = {0};
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    enum err err = kv_cursor_open(txn, space, &cursor);
    if (err == ERR_OK) err = kv_cursor_step(cursor, KV_AT_OR_AFTER, span_of(lowest, 1), &pair, &found);
    kv_cursor_close(cursor);
    *is_empty = !found;
    return err;
}

static enum err refuse(struct op *op, const char *why)
{
    op->adopt->is_refused = true;
    snprintf(op->adopt->why, sizeof op->adopt->why, "%s", why);
    return ERR_OK;
}

/* --- adoption ------------------------------------------------------------------------------------------- */

/* What must be in the database afterwards, encoded before anything is changed. */
struct adoption {
    struct keyring keyring;
    struct documents documents;
    struct span incarnation; /* its row under the new hash key; bytes NULL for none */
    struct span *rows;       /* of the first documents, in the order of the op's */
};

static enum err adoption_check(struct store *store, struct kv_txn *txn, struct op *op, struct adoption *adoption)
{
    bool has_no_items = false;
    bool has_no_counts = false;
    enum err err = table_is_empty(txn, KV_ITEMS, &has_no_items);
    if (err == ERR_OK) err = table_is_empty(txn, KV_COUNTS, &has_no_counts);
    if (err != ERR_OK) return err;
    if (!has_no_items || !has_no_counts)
        return refuse(op, "the node that would join holds items of its own, or traces of deleted ones; only an "
                          "empty node can join");
    err = documents_read(store, txn, op, &adoption->documents);
    if (err != ERR_OK || adoption->documents.is_fresh) return err;
    return refuse(
        op, "the node that would join has buckets, keys or a layout of its own; only an empty node can join");
}

/* What no other node would take must not come with the keys either: this node could never write over it. */
static enum err adoption_judge(struct op *op, uint64_t wall_us)
{
    const struct op_adopt *adopt = op->adopt;
    for (uint32_t i = 0; i < adopt->documents_count; i++) {
        const char *why = documents_refusal(adopt->rules, &adopt->documents[i], wall_us);
        if (why != NULL) return refuse(op, why);
    }
    return ERR_OK;
}

/* The rows of the documents that come with the keys. */
static enum err adoption_encode(struct store *store, const struct op_adopt *adopt, struct adoption *adoption)
{
    adoption->rows = arena_take_array(&store->scratch, (size_t)adopt->documents_count + 1, sizeof(struct span));
    if (adoption->rows == NULL) return ERR_MEMORY;
    for (uint32_t i = 0; i < adopt->documents_count; i++) {
        const struct op_document *document = &adopt->documents[i];
        adoption->rows[i] = record_encode_document(adoption->keyring.hash_key, document->key, &document->register_,
                                                   &store->scratch);
        if (adoption->rows[i].bytes == NULL) return ERR_MEMORY;
    }
    return ERR_OK;
}

static enum err adoption_prepare(struct store *store, struct kv_txn *txn, struct op *op, struct adoption *adoption)
{
    const struct op_adopt *adopt = op->adopt;
    struct keyring *keyring = &adoption->keyring;
    uint64_t incarnation = 0;
    memcpy(keyring->cluster_id, adopt->cluster_id, sizeof keyring->cluster_id);
    memcpy(keyring->hash_key, adopt->hash_key, sizeof keyring->hash_key);
    memcpy(keyring->token_key, adopt->token_key, sizeof keyring->token_key);
    memcpy(keyring->documents_key, adopt->documents_key, sizeof keyring->documents_key);
    enum err err = adoption_encode(store, adopt, adoption);
    if (err == ERR_OK) err = incarnation_load(store, txn, op, &incarnation);
    if (err == ERR_CORRUPT) return ERR_OK; /* its hash would be sound again: it goes */
    if (err != ERR_OK || incarnation == 0) return err;
    adoption->incarnation = incarnation_encode(store, keyring->hash_key, incarnation);
    return adoption->incarnation.bytes == NULL ? ERR_MEMORY : ERR_OK;
}

/* Rows are hashed with the hash key: each that stays is written anew. The actor's goes first: after its encoding
 * only the disk can fail. */
static enum err adoption_run(struct store *store, struct kv_txn *txn, const struct op_adopt *adopt,
                             const struct adoption *adoption)
{
    struct span name = identity_incarnation_name();
    enum err err = actor_store(&store->actor, txn, adoption->keyring.hash_key, &store->scratch);
    for (uint32_t i = 0; i < adoption->documents.count && err == ERR_OK; i++)
        err = kv_delete(txn, KV_DOCS, adoption->documents.keys[i]);
    for (uint32_t i = 0; i < adopt->documents_count && err == ERR_OK; i++)
        err = kv_put(txn, KV_DOCS, adopt->documents[i].key, adoption->rows[i]);
    if (err == ERR_OK) err = kv_delete(txn, KV_META, name);
    if (err == ERR_OK && adoption->incarnation.bytes != NULL)
        err = kv_put(txn, KV_META, name, adoption->incarnation);
    if (err == ERR_OK) err = keyring_store(&adoption->keyring, txn, store->seal_key, &store->prng);
    store->is_adopted = err == ERR_OK;
    return err;
}

static enum err adopt_others(struct store *store, struct kv_txn *txn, struct op *op, struct adoption *adoption,
                             uint64_t wall_us)
{
    adoption->documents.keys = arena_take_array(&store->scratch, DOCUMENTS_FRESH_MAX, sizeof(struct span));
    if (adoption->documents.keys == NULL) return ERR_MEMORY;
    enum err err = adoption_check(store, txn, op, adoption);
    if (err == ERR_OK && !op->adopt->is_refused) err = adoption_judge(op, wall_us);
    if (err != ERR_OK || op->adopt->is_refused || op->adopt->is_trial) return err;
    err = adoption_prepare(store, txn, op, adoption);
    return err == ERR_OK ? adoption_run(store, txn, op->adopt, adoption) : err;
}

/* --- let in again ------------------------------------------------------------------------------------------ */

/* One after the other from the front: there may be more than fit into the scratch. */
static enum err documents_drop_one(struct kv_txn *txn, bool *found)
{
    static const uint8_t lowest[1] = {0};
    uint8_t key[KV_KEY_BYTES_MAX];
    size_t key_bytes = 0;
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    enum err err = kv_cursor_open(txn, KV_DOCS, &cursor);
    if (err != ERR_OK) return err;
    err = kv_cursor_step(cursor, KV_AT_OR_AFTER, span_of(lowest, 1), &pair, found);
    if (err == ERR_OK && *found) {
        key_bytes = pair.key.length;
        memcpy(key, pair.key.bytes, key_bytes);
    }
    kv_cursor_close(cursor);
    return err == ERR_OK && *found ? kv_delete(txn, KV_DOCS, span_of(key, key_bytes)) : err;
}

static enum err adopt_again(struct store *store, struct kv_txn *txn, struct op *op, struct adoption *adoption,
                            uint64_t wall_us)
{
    const struct op_adopt *adopt = op->adopt;
    bool found = true;
    enum err err = adoption_judge(op, wall_us);
    if (err != ERR_OK || adopt->is_refused || adopt->is_trial) return err;
    err = adoption_encode(store, adopt, adoption);
    while (err == ERR_OK && found)
        err = documents_drop_one(txn, &found);
    for (uint32_t i = 0; i < adopt->documents_count && err == ERR_OK; i++)
        err = kv_put(txn, KV_DOCS, adopt->documents[i].key, adoption->rows[i]);
    store->is_adopted = err == ERR_OK;
    return err;
}

/* The keyring as the database has it now: an op before this one may have made the node a member. */
static enum err keyring_read(const struct store *store, struct kv_txn *txn, struct op *op, struct keyring *keyring)
{
    struct span row = {0};
    bool is_former = false;
    enum err err = kv_get(txn, KV_META, keyring_name(), &row);
    if (err == ERR_OK && !keyring_open(keyring, store->seal_key, row, &is_former)) err = ERR_CORRUPT;
    return op_note(op, store->hash_key, KV_META, keyring_name(), err);
}

enum err identity_adopt(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us)
{
    struct adoption adoption = {0};
    op->adopt->is_refused = false;
    arena_reset(&store->scratch);
    enum err err = keyring_read(store, txn, op, &adoption.keyring);
    bool was_member = adoption.keyring.is_member;
    adoption.keyring.is_member = true;
    if (err == ERR_OK && op->adopt->keeps_own) {
        if (!was_member) err = keyring_store(&adoption.keyring, txn, store->seal_key, &store->prng);
    } else if (err == ERR_OK && op->adopt->is_return) {
        err = was_member ? adopt_again(store, txn, op, &adoption, wall_us)
                         : refuse(op, "this node is no member of a cluster");
    } else if (err == ERR_OK && was_member) {
        err = refuse(op, "this node is a member of a cluster already");
    } else if (err == ERR_OK) {
        err = adopt_others(store, txn, op, &adoption, wall_us);
    }
    keyring_wipe(&adoption.keyring);
    return err;
}
