/* Table by table, in transactions of bounded size. */
#include "node/store/salvage.h"

#include "node/store/format.h"
#include "node/store/identity.h"
#include "node/store/keyring.h"

struct salvage {
    struct kv_txn *source;
    struct kv *to;
    struct kv_txn *txn; /* of `to`; NULL between two */
    uint32_t rows;
    size_t bytes;
    const uint8_t *hash_key;
    struct prng *prng;
    struct salvage_report *report;
    struct arena scratch; /* of a row as it is read */
    struct arena encoded; /* of a row made anew */
    bool has_format, has_actor;
    bool is_former; /* the row of secrets is of format 1 */
    bool is_open;   /* a partition is being counted */
    uint8_t hash[RING_HASH_BYTES];
    struct keys_buffer count_key;
    struct record_count count;
};

/* --- secrets -------------------------------------------------------------------------------------------- */

static enum err open_row(const uint8_t *seal_key, const struct kv_pair *pair, uint8_t *hash_key)
{
    struct keyring keyring;
    bool is_former = false;
    bool is_open = keyring_open(&keyring, seal_key, pair->value, &is_former);
    if (is_open) memcpy(hash_key, keyring.hash_key, HASH_KEY_BYTES);
    keyring_wipe(&keyring);
    return is_open ? ERR_OK : ERR_ACCESS;
}

enum err salvage_open_secrets(struct kv *from, const uint8_t seal_key[SEAL_KEY_BYTES],
                              uint8_t hash_key[HASH_KEY_BYTES])
{
    struct kv_txn *txn = NULL;
    struct kv_scan *scan = NULL;
    enum kv_scan_step step = KV_SCAN_END;
    struct kv_pair pair;
    struct kv_damage damage;
    struct span name = keyring_name();
    enum err err = kv_begin(from, false, &txn);
    if (err != ERR_OK) return err;
    err = kv_scan_open(txn, KV_META, name, &scan);
    if (err == ERR_OK) err = kv_scan_step(scan, &step, &pair, &damage);
    if (err == ERR_OK) {
        bool is_there = step == KV_SCAN_ROW && span_is_equal(pair.key, name);
        err = is_there ? open_row(seal_key, &pair, hash_key) : ERR_CORRUPT;
    }
    kv_scan_close(scan);
    kv_abort(txn);
    return err;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static enum err end_transaction(struct salvage *salvage)
{
    struct kv_txn *txn = salvage->txn;
    salvage->txn = NULL;
    salvage->rows = 0;
    salvage->bytes = 0;
    return txn == NULL ? ERR_OK : kv_commit(txn);
}

static enum err keep(struct salvage *salvage, enum kv_space space, struct span key, struct span value)
{
    salvage->report->kept[space]++;
    if (salvage->to == NULL) return ERR_OK;
    enum err err = salvage->txn != NULL ? ERR_OK : kv_begin(salvage->to, true, &salvage->txn);
    if (err == ERR_OK) err = kv_put(salvage->txn, space, key, value);
    salvage->bytes += key.length + value.length;
    bool is_long = ++salvage->rows >= SALVAGE_ROWS_MAX || salvage->bytes >= SALVAGE_BYTES_MAX;
    return err == ERR_OK && is_long ? end_transaction(salvage) : err;
}

static enum err judge(struct salvage *salvage, enum kv_space space, const struct kv_pair *pair, enum err err)
{
    if (err == ERR_OK) return keep(salvage, space, pair->key, pair->value);
    if (err == ERR_MEMORY || err == ERR_VERSION) return err;
    salvage->report->dropped[space]++;
    return ERR_OK;
}

/* --- rows ----------------------------------------------------------------------------------------------- */

/* A row that is sound and names a version this program does not know is no damage: what the database means is then
 * not ours to know. */
static enum err take_format(struct salvage *salvage, struct span row)
{
    uint64_t version = 0;
    if (!format_read(row, &version)) return ERR_CORRUPT;
    salvage->report->version = version;
    salvage->has_format = format_is_known(version);
    return salvage->has_format ? ERR_OK : ERR_VERSION;
}

static enum err take_meta(struct salvage *salvage, const struct kv_pair *pair)
{
    struct crdt_lww document;
    if (span_is_equal(pair->key, keyring_name())) {
        salvage->is_former = pair->value.length == KEYRING_FORMER_ROW_BYTES;
        return judge(salvage, KV_META, pair, ERR_OK);
    }
    if (span_is_equal(pair->key, format_name()))
        return judge(salvage, KV_META, pair, take_format(salvage, pair->value));
    bool is_actor = span_is_equal(pair->key, span_text("actor"));
    if (!is_actor && !span_is_equal(pair->key, identity_incarnation_name()))
        return judge(salvage, KV_META, pair, ERR_CORRUPT);
    enum err err = record_decode_document(salvage->hash_key, pair->key, pair->value, &document);
    if (is_actor) salvage->has_actor = err == ERR_OK;
    return judge(salvage, KV_META, pair, err);
}

/* A new name for the node when its old one is lost: writes of before are then another's. */
static enum err make_actor(struct salvage *salvage)
{
    static const uint8_t nowhere[ACTOR_PLACE_BYTES];
    struct actor actor;
    if (salvage->has_actor || salvage->to == NULL) return ERR_OK;
    enum err err = salvage->txn != NULL ? ERR_OK : kv_begin(salvage->to, true, &salvage->txn);
    if (err != ERR_OK) return err;
    actor_init(&actor, nowhere, salvage->prng);
    return actor_store(&actor, salvage->txn, salvage->hash_key, &salvage->encoded);
}

/* A row of the format that was lost is written anew, as of the age that the row of secrets is of. */
static enum err make_format(struct salvage *salvage)
{
    if (salvage->has_format) return ERR_OK;
    salvage->report->kept[KV_META]++;
    if (salvage->to == NULL) return ERR_OK;
    enum err err = salvage->txn != NULL ? ERR_OK : kv_begin(salvage->to, true, &salvage->txn);
    if (err != ERR_OK) return err;
    return format_store(salvage->txn, &salvage->encoded,
                        salvage->is_former ? FORMAT_FORMER_VERSION : STORE_FORMAT_VERSION);
}

static enum err take_document(struct salvage *salvage, const struct kv_pair *pair)
{
    struct crdt_lww document;
    return judge(salvage, KV_DOCS, pair,
                 record_decode_document(salvage->hash_key, pair->key, pair->value, &document));
}

static enum err end_partition(struct salvage *salvage)
{
    if (!salvage->is_open) return ERR_OK;
    salvage->is_open = false;
    struct span key = span_of(salvage->count_key.bytes, salvage->count_key.length);
    arena_reset(&salvage->encoded);
    struct span row = record_encode_count(salvage->hash_key, key, &salvage->count, &salvage->encoded);
    return row.bytes == NULL ? ERR_MEMORY : keep(salvage, KV_COUNTS, key, row);
}

static void begin_partition(struct salvage *salvage, const uint8_t *hash, const struct record_item *item)
{
    salvage->is_open = true;
    salvage->count = (struct record_count){0};
    memcpy(salvage->hash, hash, RING_HASH_BYTES);
    (void)keys_count(&salvage->count_key, item->bucket_id.bytes, item->partition_key);
}

static enum err count_item(struct salvage *salvage, const struct record_item *item)
{
    uint32_t *scratch = arena_take_array(&salvage->scratch, item->state.writes_count + 1, sizeof *scratch);
    if (scratch == NULL) return ERR_MEMORY;
    struct crdt_tally tally = crdt_dvvs_tally(&item->state, scratch);
    struct crdt_tally *sum = &salvage->count.tally;
    sum->entries += tally.entries;
    sum->conflicts += tally.conflicts;
    sum->values += tally.values;
    sum->bytes += tally.bytes;
    salvage->count.items++;
    return ERR_OK;
}

static enum err take_item(struct salvage *salvage, const struct kv_pair *pair)
{
    uint8_t hash[RING_HASH_BYTES];
    struct record_item item;
    arena_reset(&salvage->scratch);
    enum err err = pair->key.length < RING_HASH_BYTES
                       ? ERR_CORRUPT
                       : record_decode_item(salvage->hash_key, pair->key, pair->value, 0, &salvage->scratch,
                                            &item);
    if (err == ERR_OK) {
        keys_hash(salvage->hash_key, item.bucket_id.bytes, item.partition_key, hash);
        if (memcmp(hash, pair->key.bytes, RING_HASH_BYTES) != 0) err = ERR_CORRUPT;
    }
    if (err != ERR_OK) return judge(salvage, KV_ITEMS, pair, err);
    bool is_next = !salvage->is_open || memcmp(salvage->hash, hash, RING_HASH_BYTES) != 0;
    if (is_next) err = end_partition(salvage);
    if (err != ERR_OK) return err;
    if (is_next) begin_partition(salvage, hash, &item);
    err = count_item(salvage, &item);
    return err == ERR_OK ? keep(salvage, KV_ITEMS, pair->key, pair->value) : err;
}

/* --- the run -------------------------------------------------------------------------------------------- */

static enum err take_row(struct salvage *salvage, enum kv_space space, const struct kv_pair *pair)
{
    switch (space) {
    case KV_META: return take_meta(salvage, pair);
    case KV_DOCS: return take_document(salvage, pair);
    case KV_ITEMS: return take_item(salvage, pair);
    case KV_COUNTS:
    case KV_SPACES_COUNT: break; /* counted from the items */
    }
    return ERR_OK;
}

static enum err take_table(struct salvage *salvage, enum kv_space space)
{
    struct kv_scan *scan = NULL;
    enum kv_scan_step step = KV_SCAN_ROW;
    struct kv_pair pair;
    struct kv_damage damage;
    enum err err = kv_scan_open(salvage->source, space, (struct span){0}, &scan);
    if (err != ERR_OK) return err;
    while (err == ERR_OK && step != KV_SCAN_END) {
        err = kv_scan_step(scan, &step, &pair, &damage);
        if (err != ERR_OK) break;
        if (step == KV_SCAN_ROW) err = take_row(salvage, space, &pair);
        if (step == KV_SCAN_DAMAGE) salvage->report->pages++;
    }
    kv_scan_close(scan);
    return err;
}

static enum err take_all(struct salvage *salvage)
{
    enum err err = take_table(salvage, KV_META);
    if (err == ERR_OK) err = make_format(salvage);
    if (err == ERR_OK) err = make_actor(salvage);
    if (err == ERR_OK) err = take_table(salvage, KV_DOCS);
    if (err == ERR_OK) err = take_table(salvage, KV_ITEMS);
    if (err == ERR_OK) err = end_partition(salvage);
    return err == ERR_OK ? end_transaction(salvage) : err;
}

enum err salvage_run(struct kv *from, struct kv *to, const uint8_t hash_key[HASH_KEY_BYTES], struct prng *prng,
                     struct salvage_report *report)
{
    struct salvage salvage = {.to = to, .hash_key = hash_key, .prng = prng, .report = report};
    *report = (struct salvage_report){0};
    enum err err = kv_begin(from, false, &salvage.source);
    if (err != ERR_OK) return err;
    arena_init(&salvage.scratch, STORE_SCRATCH_BYTES_MAX);
    arena_init(&salvage.encoded, STORE_SCRATCH_BYTES_MAX);
    err = take_all(&salvage);
    kv_abort(salvage.txn);
    arena_deinit(&salvage.scratch);
    arena_deinit(&salvage.encoded);
    kv_abort(salvage.source);
    return err;
}
