/* Opening the store, and running batches of ops: one transaction for all writes, one for all reads. */
#include "node/store/store.h"

#include "node/store/format.h"
#include "node/store/keyring.h"
#include "node/store/read.h"
#include "node/store/write.h"

#include <assert.h>
#include <sodium/utils.h>
#include <stdio.h>

/* --- opening -------------------------------------------------------------------------------------------- */

static void take_keyring(struct store *store, const struct keyring *keyring)
{
    memcpy(store->hash_key, keyring->hash_key, sizeof store->hash_key);
    memcpy(store->token_key, keyring->token_key, sizeof store->token_key);
    memcpy(store->documents_key, keyring->documents_key, sizeof store->documents_key);
    memcpy(store->node_seed, keyring->node_seed, sizeof store->node_seed);
    memcpy(store->cluster_id, keyring->cluster_id, sizeof store->cluster_id);
    store->is_member = keyring->is_member;
}

static enum err keys_make(struct store *store, struct kv_txn *txn)
{
    struct keyring keyring;
    keyring_make(&keyring, &store->prng);
    take_keyring(store, &keyring);
    enum err err = keyring_store(&keyring, txn, store->seal_key, &store->prng);
    keyring_wipe(&keyring);
    return err;
}

/* Format and row of secrets are of one age: they were written in one transaction. */
static enum err keys_open(struct store *store, struct kv_txn *txn, uint64_t version, char message[200])
{
    struct keyring keyring;
    struct span row = {0};
    bool is_former = false;
    enum err err = kv_get(txn, KV_META, keyring_name(), &row);
    if (err != ERR_OK) return err;
    if (row.bytes == NULL || !keyring_open(&keyring, store->seal_key, row, &is_former) ||
        is_former != (version == FORMAT_FORMER_VERSION)) {
        snprintf(message, 200,
                 "the seal key does not open this database: give the seal_key_file it was made with");
        return ERR_ACCESS;
    }
    if (is_former) {
        keyring_upgrade(&keyring, store->seal_key, &store->prng);
        err = keyring_store(&keyring, txn, store->seal_key, &store->prng);
        if (err == ERR_OK) err = format_store(txn, &store->scratch, STORE_FORMAT_VERSION);
        store->was_former = true;
    }
    take_keyring(store, &keyring);
    keyring_wipe(&keyring);
    return err;
}

static enum err format_check(struct span row, uint64_t *version, char message[200])
{
    if (!format_names(row, version)) {
        snprintf(message, 200, "this database was not made by skerry");
        return ERR_VERSION;
    }
    if (format_is_known(*version)) return ERR_OK;
    snprintf(message, 200, "the database has format version %llu; this program knows versions %d and %d only",
             (unsigned long long)*version, FORMAT_FORMER_VERSION, STORE_FORMAT_VERSION);
    return ERR_VERSION;
}

static enum err open_actor(struct store *store, struct kv_txn *txn, const uint8_t *place, bool is_new,
                           char message[200])
{
    bool found = false;
    enum err err = actor_load(&store->actor, txn, store->hash_key, &found);
    if (err == ERR_OK && !found && !is_new) err = ERR_CORRUPT; /* it came with the database: its key has rotted */
    if (err == ERR_CORRUPT)
        snprintf(message, 200, "the row that holds this node's actor is corrupt; restore the data directory");
    if (err != ERR_OK) return err;
    if (!found) actor_init(&store->actor, place, &store->prng);
    if (memcmp(store->actor.place, place, ACTOR_PLACE_BYTES) != 0) {
        memcpy(store->actor.place, place, ACTOR_PLACE_BYTES);
        actor_replace(&store->actor, &store->prng);
        store->former_actors_taken++;
    }
    return store->actor.is_changed ? actor_store(&store->actor, txn, store->hash_key, &store->scratch) : ERR_OK;
}

/* A database whose row of the format has rotted away must not be taken for a new one, and be given new secrets. */
static enum err check_is_new(struct kv_txn *txn, char message[200])
{
    static const uint8_t lowest[1] = {0};
    enum err err = ERR_OK;
    bool found = false;
    for (int space = 0; space < KV_SPACES_COUNT && err == ERR_OK && !found; space++) {
        struct kv_cursor *cursor = NULL;
        struct kv_pair pair;
        err = kv_cursor_open(txn, (enum kv_space)space, &cursor);
        if (err == ERR_OK) err = kv_cursor_step(cursor, KV_AT_OR_AFTER, span_of(lowest, 1), &pair, &found);
        kv_cursor_close(cursor);
    }
    if (err != ERR_OK || !found) return err;
    snprintf(message, 200,
             "the row that holds the database's format is missing, but other rows are there: the "
             "database is damaged; restore the data directory");
    return ERR_CORRUPT;
}

static enum err open_rows(struct store *store, struct kv_txn *txn, const uint8_t *place, char message[200])
{
    struct span format = {0};
    uint64_t version = 0;
    enum err err = kv_get(txn, KV_META, format_name(), &format);
    if (err != ERR_OK) return err;
    bool is_new = format.bytes == NULL;
    if (is_new) {
        err = check_is_new(txn, message);
        if (err == ERR_OK) err = format_store(txn, &store->scratch, STORE_FORMAT_VERSION);
        if (err == ERR_OK) err = keys_make(store, txn);
    } else {
        err = format_check(format, &version, message);
        if (err == ERR_OK) err = keys_open(store, txn, version, message);
    }
    return err == ERR_OK ? open_actor(store, txn, place, is_new, message) : err;
}

enum err store_open(struct store *store, struct kv *kv, const uint8_t seal_key[SEAL_KEY_BYTES],
                    const uint8_t seed[PRNG_SEED_BYTES], const uint8_t place[ACTOR_PLACE_BYTES], char message[200])
{
    *store = (struct store){.kv = kv};
    message[0] = '\0';
    arena_init(&store->scratch, STORE_SCRATCH_BYTES_MAX);
    prng_init(&store->prng, seed);
    memcpy(store->seal_key, seal_key, SEAL_KEY_BYTES);
    struct kv_txn *txn = NULL;
    enum err err = kv_begin(kv, true, &txn);
    if (err == ERR_OK) {
        err = open_rows(store, txn, place, message);
        if (err == ERR_OK) {
            err = kv_commit(txn);
        } else {
            kv_abort(txn);
        }
    }
    if (err != ERR_OK && message[0] == '\0')
        snprintf(message, 200, "the database cannot be read: %s", err_name(err));
    if (err != ERR_OK) store_close(store);
    return err;
}

void store_close(struct store *store)
{
    arena_deinit(&store->scratch);
    sodium_memzero(store->hash_key, sizeof store->hash_key);
    sodium_memzero(store->token_key, sizeof store->token_key);
    sodium_memzero(store->documents_key, sizeof store->documents_key);
    sodium_memzero(store->node_seed, sizeof store->node_seed);
    sodium_memzero(store->seal_key, sizeof store->seal_key);
    store->kv = NULL;
}

/* --- running -------------------------------------------------------------------------------------------- */

static struct op *op_of(struct list *link)
{
    return LIST_OWNER(link, struct op, link);
}

static void fail_all(struct list *ops, enum err err)
{
    for (struct list *link = ops->next; link != ops; link = link->next)
        op_of(link)->err = err;
}

void store_run_reads(const struct store *store, struct list *ops)
{
    struct kv_txn *txn = NULL;
    for (struct list *link = ops->next; link != ops; link = link->next) {
        struct op *op = op_of(link);
        op->err = txn == NULL ? kv_begin(store->kv, false, &txn) : ERR_OK;
        if (op->err != ERR_OK) continue;
        read_run(store->hash_key, txn, op);
        if (op->err == ERR_OK) continue;
        kv_abort(txn); /* a damaged page that one op met would fail all behind it */
        txn = NULL;
    }
    kv_abort(txn);
}

/* Would the op make the database larger? Deletions and documents go on when it is nearly full (H20). */
static bool adds_values(const struct op *op)
{
    if (op->kind != OP_WRITE) return false;
    for (uint32_t i = 0; i < op->write.items_count; i++) {
        if (op->write.items[i].kind == CRDT_VALUE) return true;
    }
    return false;
}

/* Run them all; the answer is the error that spoils the transaction, or ERR_OK. */
static enum err run_all(struct store *store, struct kv_txn *txn, struct list *ops, uint64_t wall_us)
{
    bool is_nearly_full = kv_is_nearly_full(store->kv);
    for (struct list *link = ops->next; link != ops; link = link->next) {
        struct op *op = op_of(link);
        if (store->is_adopted || (is_nearly_full && adds_values(op))) {
            op->err = store->is_adopted ? ERR_LOCKED : ERR_FULL;
            continue;
        }
        write_run(store, txn, op, wall_us);
        if (op->err == ERR_FULL || op->err == ERR_IO) return op->err;
    }
    arena_reset(&store->scratch);
    return store->actor.is_changed ? actor_store(&store->actor, txn, store->hash_key, &store->scratch) : ERR_OK;
}

/* In one transaction; an error of it is every op's. */
static enum err run_writes(struct store *store, struct list *ops, uint64_t wall_us)
{
    struct kv_txn *txn = NULL;
    bool was_adopted = store->is_adopted;
    const struct store_documents documents = store->documents;
    enum err err = kv_begin(store->kv, true, &txn);
    if (err == ERR_OK) {
        err = run_all(store, txn, ops, wall_us);
        if (err == ERR_OK) {
            err = kv_commit(txn);
        } else {
            kv_abort(txn);
        }
    }
    if (err == ERR_OK) {
        store->commits++;
        return err;
    }
    store->is_adopted = was_adopted;
    store->documents = documents;
    store->actor.is_changed = true; /* its row did not reach the disk; counters once given are not given again */
    fail_all(ops, err);
    return err;
}

/* Move the first ops, `count_max` at most, to the empty `first`. Returns how many. */
static uint32_t take_first(struct list *ops, uint32_t count_max, struct list *first)
{
    uint32_t count = 0;
    for (; count < count_max && !list_is_empty(ops); count++) {
        struct list *link = ops->next;
        list_remove(link);
        list_append(first, link);
    }
    return count;
}

/* What does not fit spoils the transaction it is in. Then half as many are tried, down to one alone, and after
 * each success twice as many: a deletion is not refused for a neighbour's value. */
void store_run_writes(struct store *store, struct list *ops, uint64_t wall_us)
{
    struct list done;
    list_init(&done);
    for (uint32_t count_max = UINT32_MAX; !list_is_empty(ops);) {
        struct list some;
        list_init(&some);
        uint32_t count = take_first(ops, count_max, &some);
        enum err err = run_writes(store, &some, wall_us);
        if (err == ERR_FULL && count > 1) {
            count_max = count / 2;
            list_move(&some, ops);
            list_move(ops, &some);
            continue;
        }
        list_move(&done, &some);
        if (err == ERR_IO) {
            fail_all(ops, err);
            list_move(&done, ops);
        }
        if (count_max < UINT32_MAX / 2) count_max *= 2;
    }
    list_move(ops, &done);
}

uint64_t store_token_seal(const uint8_t token_key[HASH_KEY_BYTES], const struct op_key *key,
                          const struct crdt_vclock *clock)
{
    if (clock->count == 0) return 0;
    struct hash_keyed keyed;
    hash_keyed_init(&keyed, token_key);
    hash_keyed_add(&keyed, "token", 5);
    hash_keyed_add(&keyed, key->bucket_id, KEYS_BUCKET_ID_BYTES);
    hash_keyed_add_field(&keyed, key->partition_key);
    hash_keyed_add_field(&keyed, key->sort_key);
    for (uint32_t i = 0; i < clock->count; i++) {
        uint8_t entry[16];
        wire_store_u64(entry, clock->entries[i].actor);
        wire_store_u64(entry + 8, clock->entries[i].counter);
        hash_keyed_add(&keyed, entry, sizeof entry);
    }
    return hash_keyed_64(&keyed);
}
