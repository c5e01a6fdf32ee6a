/* Opening the store, and running batches of ops: one transaction for all writes, one for all reads. */
#include "node/store/store.h"

#include "node/store/read.h"
#include "node/store/write.h"

#include <assert.h>
#include <sodium/utils.h>
#include <stdio.h>

enum { SECRETS_BYTES = 2 * HASH_KEY_BYTES };

/* --- opening -------------------------------------------------------------------------------------------- */

static struct span key_format(void)
{
    return span_text("format");
}

static struct span key_secrets(void)
{
    return span_text("secrets");
}

/* The row "format" is ["skerry", version] and nothing else ever: a later program reads it before all else. */
static enum err format_make(struct store *store, struct kv_txn *txn)
{
    struct wire_out out;
    wire_out_init(&out, &store->scratch);
    wire_put_array(&out, 2);
    wire_put_text(&out, span_text("skerry"));
    wire_put_u64(&out, STORE_FORMAT_VERSION);
    if (out.failed) return ERR_MEMORY;
    return kv_put(txn, KV_META, key_format(), span_of(out.bytes, out.length));
}

static enum err format_check(struct span row, char message[200])
{
    struct wire_in in = wire_in_over(row);
    uint32_t count = wire_get_array(&in);
    struct span name = wire_get_text(&in);
    uint64_t version = wire_get_u64(&in);
    if (in.failed || count < 2 || !span_is_equal(name, span_text("skerry"))) {
        snprintf(message, 200, "this database was not made by skerry");
        return ERR_VERSION;
    }
    if (version == STORE_FORMAT_VERSION) return ERR_OK;
    snprintf(message, 200, "the database has format version %llu; this program knows version %d only",
             (unsigned long long)version, STORE_FORMAT_VERSION);
    return ERR_VERSION;
}

static enum err secrets_make(struct store *store, struct kv_txn *txn, const uint8_t *seal_key)
{
    uint8_t plain[SECRETS_BYTES];
    uint8_t sealed[SECRETS_BYTES + SEAL_OVERHEAD_BYTES];
    prng_bytes(&store->prng, plain, sizeof plain);
    seal_close(seal_key, key_secrets(), span_of(plain, sizeof plain), &store->prng, sealed);
    memcpy(store->hash_key, plain, HASH_KEY_BYTES);
    memcpy(store->token_key, plain + HASH_KEY_BYTES, HASH_KEY_BYTES);
    sodium_memzero(plain, sizeof plain);
    return kv_put(txn, KV_META, key_secrets(), span_of(sealed, sizeof sealed));
}

static enum err secrets_open(struct store *store, struct kv_txn *txn, const uint8_t *seal_key, char message[200])
{
    uint8_t plain[SECRETS_BYTES];
    struct span row = {0};
    enum err err = kv_get(txn, KV_META, key_secrets(), &row);
    if (err != ERR_OK) return err;
    if (row.bytes == NULL || row.length != SECRETS_BYTES + SEAL_OVERHEAD_BYTES ||
        !seal_open(seal_key, key_secrets(), row, plain)) {
        snprintf(message, 200,
                 "the seal key does not open this database: give the seal_key_file it was made with");
        return ERR_ACCESS;
    }
    memcpy(store->hash_key, plain, HASH_KEY_BYTES);
    memcpy(store->token_key, plain + HASH_KEY_BYTES, HASH_KEY_BYTES);
    sodium_memzero(plain, sizeof plain);
    return ERR_OK;
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

static enum err open_rows(struct store *store, struct kv_txn *txn, const uint8_t *seal_key, const uint8_t *place,
                          char message[200])
{
    struct span format = {0};
    enum err err = kv_get(txn, KV_META, key_format(), &format);
    if (err != ERR_OK) return err;
    bool is_new = format.bytes == NULL;
    if (is_new) {
        err = check_is_new(txn, message);
        if (err == ERR_OK) err = format_make(store, txn);
        if (err == ERR_OK) err = secrets_make(store, txn, seal_key);
    } else {
        err = format_check(format, message);
        if (err == ERR_OK) err = secrets_open(store, txn, seal_key, message);
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
    struct kv_txn *txn = NULL;
    enum err err = kv_begin(kv, true, &txn);
    if (err == ERR_OK) {
        err = open_rows(store, txn, seal_key, place, message);
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
    sodium_memzero(store->hash_key, HASH_KEY_BYTES);
    sodium_memzero(store->token_key, HASH_KEY_BYTES);
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
        if (is_nearly_full && adds_values(op)) {
            op->err = ERR_FULL;
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
