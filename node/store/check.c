/* One table after another, one row after another. */
#include "node/store/check.h"

#include "node/store/format.h"
#include "node/store/identity.h"
#include "node/store/keyring.h"

/* One portion. */
struct portion {
    const uint8_t *hash_key;
    struct kv_txn *txn;
    struct op *op;
    struct check_walk *walk;
    struct arena scratch; /* of a row */
    uint32_t effort;
    size_t bytes;
    bool is_over; /* the portion ends here: it was long enough, or the walk was rewound */
};

/* --- findings ------------------------------------------------------------------------------------------- */

static struct op_finding *finding_add(struct portion *portion)
{
    struct op_check *check = &portion->op->check;
    uint32_t count = check->findings_count;
    if ((count & (count - 1)) == 0) { /* full at each power of two */
        size_t held = count * sizeof *check->findings;
        void *moved = arena_grow(portion->op->arena, check->findings, held,
                                 held == 0 ? sizeof *check->findings : 2 * held);
        if (moved == NULL) return NULL;
        check->findings = moved;
    }
    struct op_finding *finding = &check->findings[check->findings_count++];
    *finding = (struct op_finding){.table = keys_table_name(portion->walk->space)};
    portion->walk->findings++;
    return finding;
}

static bool copy(struct portion *portion, struct span from, struct span *to)
{
    uint8_t *bytes = arena_copy(portion->op->arena, from.bytes, from.length);
    *to = span_of(bytes, from.length);
    return bytes != NULL;
}

static enum err find_page(struct portion *portion, const struct kv_damage *damage)
{
    struct op_finding *finding = finding_add(portion);
    if (finding == NULL) return ERR_MEMORY;
    finding->kind = OP_FINDING_PAGE;
    finding->table = damage->table;
    finding->page = damage->page;
    finding->what = damage->what;
    portion->walk->is_damaged = true;
    portion->walk->is_behind_damage = true;
    return ERR_OK;
}

/* A finding about a row of the table under way; the partition is named where it is known. */
static enum err find_row(struct portion *portion, enum op_finding_kind kind, struct span key, const char *what)
{
    const struct check_partition *partition = &portion->walk->partition;
    enum kv_space space = kind == OP_FINDING_COUNT ? KV_COUNTS : portion->walk->space;
    struct op_finding *finding = finding_add(portion);
    if (finding == NULL || !copy(portion, key, &finding->key)) return ERR_MEMORY;
    finding->kind = kind;
    finding->table = keys_table_name(space);
    finding->what = what;
    finding->row = keys_name(portion->hash_key, space, key);
    bool is_of_partition = portion->walk->space == KV_ITEMS && partition->is_open && partition->is_named;
    if (!is_of_partition) return ERR_OK;
    bool is_copied = copy(portion, span_of(partition->bucket_id, KEYS_BUCKET_ID_BYTES), &finding->bucket_id) &&
                     copy(portion, span_of(partition->partition_key, partition->partition_key_bytes),
                          &finding->partition_key);
    return is_copied ? ERR_OK : ERR_MEMORY;
}

/* A decoder's answer as a finding, when it is one. */
static enum err find_refused(struct portion *portion, struct span key, enum err err)
{
    if (err == ERR_CORRUPT) return find_row(portion, OP_FINDING_ROW, key, "fails its check");
    if (err == ERR_VERSION)
        return find_row(portion, OP_FINDING_ROW, key, "has a version this program does not know");
    return err;
}

/* --- looking elsewhere ---------------------------------------------------------------------------------- */

enum looked { LOOKED_FOUND, LOOKED_NOTHING, LOOKED_DAMAGE };

/* The first row at or behind `key`, its key beginning with `prefix`; both copied into the scratch arena. */
static enum err look(struct portion *portion, enum kv_space space, struct span key, struct span prefix,
                     struct kv_pair *pair, enum looked *looked)
{
    struct kv_scan *scan = NULL;
    enum kv_scan_step step = KV_SCAN_END;
    struct kv_damage damage;
    struct kv_pair found;
    portion->effort += CHECK_LOOKUP_EFFORT;
    enum err err = kv_scan_open(portion->txn, space, key, &scan);
    if (err != ERR_OK) return err;
    err = kv_scan_step(scan, &step, &found, &damage);
    *looked = step == KV_SCAN_DAMAGE ? LOOKED_DAMAGE : LOOKED_NOTHING;
    if (err == ERR_OK && step == KV_SCAN_ROW && span_has_prefix(found.key, prefix)) {
        uint8_t *name = arena_copy(&portion->scratch, found.key.bytes, found.key.length);
        uint8_t *value = arena_copy(&portion->scratch, found.value.bytes, found.value.length);
        *pair = (struct kv_pair){span_of(name, found.key.length), span_of(value, found.value.length)};
        *looked = LOOKED_FOUND;
        if (name == NULL || value == NULL) err = ERR_MEMORY;
    }
    kv_scan_close(scan);
    return err;
}

/* --- meta and docs -------------------------------------------------------------------------------------- */

bool check_is_format(struct span row)
{
    uint64_t version = 0;
    return format_read(row, &version) && format_is_known(version);
}

static bool is_secrets(const struct portion *portion, struct span row)
{
    struct keyring keyring;
    bool is_former = false;
    const uint8_t *seal_key = portion->op->check.seal_key;
    if (seal_key == NULL) return row.length == KEYRING_ROW_BYTES || row.length == KEYRING_FORMER_ROW_BYTES;
    bool is_open = keyring_open(&keyring, seal_key, row, &is_former) &&
                   hash_is_equal(keyring.hash_key, portion->hash_key, HASH_KEY_BYTES);
    keyring_wipe(&keyring);
    return is_open;
}

static enum err check_meta(struct portion *portion, const struct kv_pair *pair)
{
    struct check_walk *walk = portion->walk;
    struct crdt_lww document;
    if (span_is_equal(pair->key, format_name())) {
        walk->has_format = true;
        return check_is_format(pair->value) ? ERR_OK : find_refused(portion, pair->key, ERR_CORRUPT);
    }
    if (span_is_equal(pair->key, keyring_name())) {
        walk->has_secrets = true;
        bool is_sound = is_secrets(portion, pair->value);
        return is_sound ? ERR_OK : find_refused(portion, pair->key, ERR_CORRUPT);
    }
    bool is_actor = span_is_equal(pair->key, span_text("actor"));
    if (!is_actor && !span_is_equal(pair->key, identity_incarnation_name()))
        return find_row(portion, OP_FINDING_ROW, pair->key, "has a key that means nothing");
    if (is_actor) walk->has_actor = true;
    return find_refused(portion, pair->key,
                        record_decode_document(portion->hash_key, pair->key, pair->value, &document));
}

static enum err check_meta_end(struct portion *portion)
{
    const struct check_walk *walk = portion->walk;
    const char *const names[] = {"format", "secrets", "actor"};
    const bool has[] = {walk->has_format, walk->has_secrets, walk->has_actor};
    enum err err = ERR_OK;
    for (size_t i = 0; i < 3 && err == ERR_OK && !walk->is_damaged; i++)
        if (!has[i]) err = find_row(portion, OP_FINDING_MISSING, span_text(names[i]), "is missing");
    return err;
}

static enum err check_document(struct portion *portion, const struct kv_pair *pair)
{
    struct crdt_lww document;
    return find_refused(portion, pair->key,
                        record_decode_document(portion->hash_key, pair->key, pair->value, &document));
}

/* --- items ---------------------------------------------------------------------------------------------- */

static bool is_same_count(const struct record_count *a, const struct record_count *b)
{
    return a->items == b->items && a->tally.entries == b->tally.entries &&
           a->tally.conflicts == b->tally.conflicts && a->tally.values == b->tally.values &&
           a->tally.bytes == b->tally.bytes;
}

/* The recount differs, but something was committed since it began, which may be why: begin it anew, or say so. The
 * same difference again would prove nothing: an item that is set and deleted in turn makes it as well. */
static void count_again(struct portion *portion)
{
    struct check_walk *walk = portion->walk;
    struct check_partition *partition = &walk->partition;
    if (++partition->attempts == CHECK_ATTEMPTS) {
        walk->unsettled++;
        return;
    }
    memcpy(walk->last, partition->hash, RING_HASH_BYTES);
    walk->last_bytes = RING_HASH_BYTES;
    walk->rows[walk->space] = partition->rows_before;
    walk->is_rewound = true;
    portion->is_over = true;
}

/* All items of the partition were read: do its counters say the same? */
static enum err partition_end(struct portion *portion)
{
    struct check_partition *partition = &portion->walk->partition;
    struct keys_buffer buffer;
    struct kv_pair pair;
    struct record_count count = {0};
    enum looked looked = LOOKED_NOTHING;
    if (!partition->is_open) return ERR_OK;
    if (partition->is_spoiled || !partition->is_named) {
        partition->is_open = false;
        return ERR_OK;
    }
    struct span key = keys_count(&buffer, partition->bucket_id,
                                 span_of(partition->partition_key, partition->partition_key_bytes));
    arena_reset(&portion->scratch);
    enum err err = look(portion, KV_COUNTS, key, key, &pair, &looked);
    bool is_there = err == ERR_OK && looked == LOOKED_FOUND && span_is_equal(pair.key, key);
    bool is_unknown = looked == LOOKED_DAMAGE; /* told when the counters themselves are checked */
    if (is_there) is_unknown = record_decode_count(portion->hash_key, key, pair.value, &count) != ERR_OK;
    if (err == ERR_OK && !is_unknown && !is_same_count(&count, &partition->recount)) {
        if (kv_snapshot(portion->txn) == partition->snapshot) {
            err = find_row(portion, OP_FINDING_COUNT, key, is_there ? "differs from a recount" : "is missing");
        } else {
            count_again(portion);
        }
    }
    partition->is_open = false;
    return err;
}

static void partition_begin(struct portion *portion, const uint8_t *hash)
{
    const struct check_walk *walk = portion->walk;
    struct check_partition *partition = &portion->walk->partition;
    bool is_same = memcmp(partition->hash, hash, RING_HASH_BYTES) == 0; /* after a rewind */
    struct check_partition fresh = {
        .is_open = true,
        .rows_before = walk->rows[walk->space],
        .snapshot = kv_snapshot(portion->txn),
        .attempts = is_same ? partition->attempts : 0,
    };
    memcpy(fresh.hash, hash, RING_HASH_BYTES);
    *partition = fresh;
}

static enum err partition_add(struct portion *portion, const struct record_item *item)
{
    struct check_partition *partition = &portion->walk->partition;
    uint32_t *scratch = arena_take_array(&portion->scratch, item->state.writes_count + 1, sizeof *scratch);
    if (scratch == NULL) return ERR_MEMORY;
    struct crdt_tally tally = crdt_dvvs_tally(&item->state, scratch);
    partition->recount.tally.entries += tally.entries;
    partition->recount.tally.conflicts += tally.conflicts;
    partition->recount.tally.values += tally.values;
    partition->recount.tally.bytes += tally.bytes;
    partition->recount.items++;
    if (partition->is_named) return ERR_OK;
    partition->is_named = true;
    memcpy(partition->bucket_id, item->bucket_id.bytes, KEYS_BUCKET_ID_BYTES);
    memcpy(partition->partition_key, item->partition_key.bytes, item->partition_key.length);
    partition->partition_key_bytes = item->partition_key.length;
    return ERR_OK;
}

/* Of which partition is the row? Ends the one before. Rows of either may be on a damaged page between the two. */
static enum err partition_enter(struct portion *portion, const uint8_t *hash)
{
    struct check_walk *walk = portion->walk;
    struct check_partition *partition = &walk->partition;
    bool is_behind_damage = walk->is_behind_damage;
    walk->is_behind_damage = false;
    if (is_behind_damage) partition->is_spoiled = true;
    bool is_same = partition->is_open && memcmp(partition->hash, hash, RING_HASH_BYTES) == 0;
    if (is_same) return ERR_OK;
    enum err err = partition_end(portion);
    if (err != ERR_OK || portion->is_over) return err;
    partition_begin(portion, hash);
    partition->is_spoiled = is_behind_damage;
    return ERR_OK;
}

static enum err item_decode(struct portion *portion, const struct kv_pair *pair, struct record_item *item)
{
    uint8_t hash[RING_HASH_BYTES];
    arena_reset(&portion->scratch);
    enum err err = record_decode_item(portion->hash_key, pair->key, pair->value, 0, &portion->scratch, item);
    if (err != ERR_OK) return err;
    keys_hash(portion->hash_key, item->bucket_id.bytes, item->partition_key, hash);
    return memcmp(hash, pair->key.bytes, RING_HASH_BYTES) == 0 ? ERR_OK : ERR_CORRUPT;
}

static enum err check_item(struct portion *portion, const struct kv_pair *pair)
{
    struct check_partition *partition = &portion->walk->partition;
    struct record_item item;
    if (pair->key.length < RING_HASH_BYTES) {
        partition->is_spoiled = true;
        return find_refused(portion, pair->key, ERR_CORRUPT);
    }
    enum err err = partition_enter(portion, pair->key.bytes);
    if (err != ERR_OK || portion->is_over) return err;
    err = item_decode(portion, pair, &item);
    if (err == ERR_OK) return partition_add(portion, &item);
    if (err != ERR_MEMORY) partition->is_spoiled = true;
    return find_refused(portion, pair->key, err);
}

/* --- counts --------------------------------------------------------------------------------------------- */

/* The counters say there are items: is there one? The row's key has half of the bucket's id; its document the
 * whole. */
static enum err check_counted(struct portion *portion, struct span key)
{
    uint8_t document[1 + KEYS_BUCKET_PREFIX_BYTES] = {'B'};
    uint8_t hash[RING_HASH_BYTES];
    struct kv_pair pair;
    enum looked looked = LOOKED_NOTHING;
    memcpy(document + 1, key.bytes, KEYS_BUCKET_PREFIX_BYTES);
    struct span prefix = span_of(document, sizeof document);
    enum err err = look(portion, KV_DOCS, prefix, prefix, &pair, &looked);
    bool is_bucket = err == ERR_OK && looked == LOOKED_FOUND && pair.key.length == 1 + KEYS_BUCKET_ID_BYTES;
    if (!is_bucket) return err;
    keys_hash(portion->hash_key, pair.key.bytes + 1, keys_rest(key), hash);
    prefix = span_of(hash, sizeof hash);
    err = look(portion, KV_ITEMS, prefix, prefix, &pair, &looked);
    if (err != ERR_OK || looked != LOOKED_NOTHING) return err;
    return find_row(portion, OP_FINDING_COUNT, key, "counts items that are not there");
}

static enum err check_count(struct portion *portion, const struct kv_pair *pair)
{
    struct record_count count;
    arena_reset(&portion->scratch);
    enum err err = pair->key.length < KEYS_BUCKET_PREFIX_BYTES
                       ? ERR_CORRUPT
                       : record_decode_count(portion->hash_key, pair->key, pair->value, &count);
    if (err != ERR_OK) return find_refused(portion, pair->key, err);
    return count.items == 0 ? ERR_OK : check_counted(portion, pair->key);
}

/* --- the walk ------------------------------------------------------------------------------------------- */

static enum err check_row(struct portion *portion, const struct kv_pair *pair)
{
    switch (portion->walk->space) {
    case KV_META: return check_meta(portion, pair);
    case KV_DOCS: return check_document(portion, pair);
    case KV_ITEMS: return check_item(portion, pair);
    case KV_COUNTS: return check_count(portion, pair);
    case KV_SPACES_COUNT: break;
    }
    return ERR_OK;
}

/* The table is at its end: what only then can be said, and on to the next one. */
static enum err table_end(struct portion *portion)
{
    struct check_walk *walk = portion->walk;
    enum err err = ERR_OK;
    if (walk->space == KV_META) err = check_meta_end(portion);
    if (walk->is_behind_damage) walk->partition.is_spoiled = true;
    if (walk->space == KV_ITEMS) err = partition_end(portion);
    if (err != ERR_OK || portion->is_over) return err;
    walk->space++;
    walk->is_begun = false;
    walk->last_bytes = 0;
    walk->is_damaged = false;
    walk->is_behind_damage = false;
    walk->partition = (struct check_partition){0};
    walk->is_end = walk->space == KV_SPACES_COUNT;
    return ERR_OK;
}

static void remember(struct check_walk *walk, struct span key)
{
    memcpy(walk->last, key.bytes, key.length);
    walk->last_bytes = key.length;
    walk->is_begun = true;
    walk->rows[walk->space]++;
}

/* A row, unless it is the one the portion before ended with. The portion may end behind a row only, not behind
 * damage, which would then be met again. */
static enum err take_row(struct portion *portion, const struct kv_pair *pair)
{
    struct check_walk *walk = portion->walk;
    bool is_known = walk->is_begun && span_is_equal(pair->key, span_of(walk->last, walk->last_bytes));
    if (is_known) return ERR_OK;
    enum err err = check_row(portion, pair);
    portion->effort++;
    portion->bytes += pair->value.length;
    if (err != ERR_OK || portion->is_over) return err;
    remember(walk, pair->key);
    portion->is_over = portion->effort >= CHECK_EFFORT_MAX || portion->bytes >= CHECK_BYTES_MAX;
    return ERR_OK;
}

static enum err run_scan(struct portion *portion, struct kv_scan *scan)
{
    enum kv_scan_step step = KV_SCAN_ROW;
    struct kv_pair pair;
    struct kv_damage damage;
    enum err err = ERR_OK;
    while (err == ERR_OK && step != KV_SCAN_END && !portion->is_over) {
        err = kv_scan_step(scan, &step, &pair, &damage);
        if (err != ERR_OK) return err;
        switch (step) {
        case KV_SCAN_ROW: err = take_row(portion, &pair); break;
        case KV_SCAN_DAMAGE: err = find_page(portion, &damage); break;
        case KV_SCAN_END: err = table_end(portion); break;
        }
    }
    return err;
}

static enum err run_portion(struct portion *portion)
{
    struct check_walk *walk = portion->walk;
    struct kv_scan *scan = NULL;
    enum err err = kv_scan_open(portion->txn, walk->space, span_of(walk->last, walk->last_bytes), &scan);
    if (err != ERR_OK) return err;
    if (walk->is_rewound) walk->is_begun = false;
    walk->is_rewound = false;
    err = run_scan(portion, scan);
    kv_scan_close(scan);
    return err;
}

void check_run(const uint8_t hash_key[HASH_KEY_BYTES], struct kv_txn *txn, struct op *op)
{
    struct portion portion = {.hash_key = hash_key, .txn = txn, .op = op, .walk = op->check.walk};
    op->check.findings = NULL;
    op->check.findings_count = 0;
    op->err = ERR_OK;
    if (portion.walk->is_end) return;
    arena_init(&portion.scratch, STORE_SCRATCH_BYTES_MAX);
    op->err = run_portion(&portion);
    arena_deinit(&portion.scratch);
}
