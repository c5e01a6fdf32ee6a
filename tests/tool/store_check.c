/* Opens data directories of which no server has the right, and says what is in them.
 *
 * Reads paths from standard input, a line each. For each it prints lines of fields with tabs between them:
 *
 *   item  PARTITION-KEY  SORT-KEY  VALUE…     one for each item; a value up to its first blank, a deletion as "-"
 *   end   ok                                  or why the directory is not as it must be
 *
 * It holds: the database opens; every row decodes, which is to say its keyed hash is right; the counters of every
 * partition equal a recount; the actor's counter is not behind any record's; the store opens.
 */
#include "node/edge/kv_lmdb.h"
#include "node/store/count.h"
#include "node/store/keyring.h"
#include "node/store/store.h"

#include <sodium/core.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAP_BYTES = 1 << 30, PATH_BYTES = 1024, WHY_BYTES = 400, ARENA_BYTES = 256 << 20 };

struct check {
    const char *dir;
    struct kv_lmdb kv;
    struct kv_txn *txn;
    struct arena arena;
    uint8_t seal_key[SEAL_KEY_BYTES];
    uint8_t hash_key[HASH_KEY_BYTES];
    struct actor actor;
    uint8_t hash[RING_HASH_BYTES]; /* of the partition under the walk */
    struct record_count recount;
    struct keys_buffer count_key;
    uint64_t partitions_count;
    char why[WHY_BYTES]; /* "" is well */
};

__attribute__((format(printf, 2, 3))) static bool complain(struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->why, sizeof check->why, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_ok(struct check *check, enum err err, const char *what)
{
    return err == ERR_OK || complain(check, "%s: %s", what, err_name(err));
}

/* --- opening -------------------------------------------------------------------------------------------- */

static bool read_seal_key(struct check *check)
{
    char path[PATH_BYTES];
    char text[2 * SEAL_KEY_BYTES];
    snprintf(path, sizeof path, "%s/seal.key", check->dir);
    FILE *file = fopen(path, "re");
    if (file == NULL) return complain(check, "no seal key");
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    return hash_unhex(span_of(text, length), check->seal_key, SEAL_KEY_BYTES) || complain(check, "a bad seal key");
}

static bool has_database(const struct check *check)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/data.mdb", check->dir);
    return access(path, F_OK) == 0;
}

static bool open_database(struct check *check)
{
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    if (!has_database(check)) return complain(check, "no database");
    if (kv_lmdb_open(&check->kv, check->dir, MAP_BYTES, message) != ERR_OK) return complain(check, "%s", message);
    return is_ok(check, kv_begin(&check->kv.kv, false, &check->txn), "begin");
}

static bool read_secrets(struct check *check)
{
    struct keyring keyring;
    struct span row = {0};
    bool found = false;
    bool is_former = false;
    if (!is_ok(check, kv_get(check->txn, KV_META, keyring_name(), &row), "secrets")) return false;
    if (row.bytes == NULL) return complain(check, "an empty database");
    if (!keyring_open(&keyring, check->seal_key, row, &is_former))
        return complain(check, "the seal key is another one");
    memcpy(check->hash_key, keyring.hash_key, HASH_KEY_BYTES);
    if (!is_ok(check, actor_load(&check->actor, check->txn, check->hash_key, &found), "actor")) return false;
    return found || complain(check, "no actor");
}

/* --- items and their counters --------------------------------------------------------------------------- */

/* The walk leaves a partition: is its row what was counted? */
static bool end_partition(struct check *check)
{
    struct span row = {0};
    struct record_count count = {0};
    struct span key = span_of(check->count_key.bytes, check->count_key.length);
    if (check->recount.items == 0) return true;
    if (!is_ok(check, kv_get(check->txn, KV_COUNTS, key, &row), "counters")) return false;
    if (row.bytes == NULL) return complain(check, "a partition without counters");
    if (!is_ok(check, record_decode_count(check->hash_key, key, row, &count), "counters")) return false;
    bool is_equal = count.items == check->recount.items &&
                    memcmp(&count.tally, &check->recount.tally, sizeof count.tally) == 0;
    check->recount = (struct record_count){0};
    check->partitions_count++;
    return is_equal || complain(check, "the counters of %.*s are not what a recount gives",
                                (int)keys_rest(key).length, (const char *)keys_rest(key).bytes);
}

static void add_tally(struct crdt_tally *sum, const struct crdt_tally *tally)
{
    sum->entries += tally->entries;
    sum->conflicts += tally->conflicts;
    sum->values += tally->values;
    sum->bytes += tally->bytes;
}

static void print_text(struct span text)
{
    printf("\t%.*s", (int)text.length, (const char *)text.bytes);
}

static void print_item(const struct record_item *item, struct span sort_key, const uint32_t *values,
                       uint32_t values_count)
{
    fputs("item", stdout);
    print_text(item->partition_key);
    print_text(sort_key);
    for (uint32_t i = 0; i < values_count; i++) {
        const struct crdt_write *write = &item->state.writes[values[i]];
        struct span value = span_of(write->value, write->value_bytes);
        const uint8_t *blank = value.length == 0 ? NULL : memchr(value.bytes, ' ', value.length);
        if (blank != NULL) value.length = (size_t)(blank - value.bytes);
        print_text(write->kind == CRDT_TOMBSTONE ? span_text("-") : value);
    }
    putchar('\n');
}

static bool take_item(struct check *check, const struct kv_pair *pair)
{
    struct record_item item;
    arena_reset(&check->arena);
    enum err err = record_decode_item(check->hash_key, pair->key, pair->value, 0, &check->arena, &item);
    if (!is_ok(check, err, "an item")) return false;
    if (memcmp(check->hash, pair->key.bytes, RING_HASH_BYTES) != 0 && !end_partition(check)) return false;
    memcpy(check->hash, pair->key.bytes, RING_HASH_BYTES);
    (void)keys_count(&check->count_key, item.bucket_id.bytes, item.partition_key);
    if (!crdt_dvvs_is_valid(&item.state)) return complain(check, "an item of no valid state");
    if (crdt_dvvs_top(&item.state, check->actor.id) > check->actor.last_counter)
        return complain(check, "the actor's counter is behind a record");
    uint32_t *values = arena_array(&check->arena, item.state.writes_count + 1, sizeof *values);
    if (values == NULL) return complain(check, "no memory");
    struct crdt_tally tally = crdt_dvvs_tally(&item.state, values);
    add_tally(&check->recount.tally, &tally);
    check->recount.items++;
    print_item(&item, keys_rest(pair->key), values, crdt_dvvs_values(&item.state, values));
    return true;
}

static bool take_count(struct check *check, const struct kv_pair *pair)
{
    struct record_count count;
    if (check->partitions_count == 0) return complain(check, "counters without a partition");
    check->partitions_count--;
    return is_ok(check, record_decode_count(check->hash_key, pair->key, pair->value, &count), "counters");
}

static bool take_document(struct check *check, const struct kv_pair *pair)
{
    struct crdt_lww document;
    return is_ok(check, record_decode_document(check->hash_key, pair->key, pair->value, &document), "a document");
}

static bool walk(struct check *check, enum kv_space space, bool (*take)(struct check *, const struct kv_pair *))
{
    static const uint8_t lowest[1] = {0};
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    if (!is_ok(check, kv_cursor_open(check->txn, space, &cursor), "a walk")) return false;
    enum err err = kv_cursor_step(cursor, KV_AT_OR_AFTER, span_of(lowest, 1), &pair, &found);
    bool is_well = true;
    while (is_well && err == ERR_OK && found) {
        is_well = take(check, &pair);
        if (is_well) err = kv_cursor_step(cursor, KV_NEXT, (struct span){0}, &pair, &found);
    }
    kv_cursor_close(cursor);
    return is_well && is_ok(check, err, "a walk");
}

static bool check_rows(struct check *check)
{
    bool is_well = walk(check, KV_ITEMS, take_item) && end_partition(check) &&
                   walk(check, KV_COUNTS, take_count) && walk(check, KV_DOCS, take_document);
    if (is_well && check->partitions_count != 0) return complain(check, "a partition's counters are missing");
    return is_well;
}

/* --- all of it ------------------------------------------------------------------------------------------ */

static bool open_store(struct check *check)
{
    static const uint8_t seed[PRNG_SEED_BYTES] = {1};
    struct store store;
    char message[200] = "";
    kv_abort(check->txn);
    check->txn = NULL;
    if (store_open(&store, &check->kv.kv, check->seal_key, seed, check->actor.place, message) != ERR_OK)
        return complain(check, "%s", message);
    store_close(&store);
    return true;
}

static void check_directory(const char *dir)
{
    static struct check check;
    check = (struct check){.dir = dir};
    arena_init(&check.arena, ARENA_BYTES);
    bool is_well = read_seal_key(&check) && open_database(&check) && read_secrets(&check) && check_rows(&check) &&
                   open_store(&check);
    kv_abort(check.txn);
    kv_lmdb_close(&check.kv);
    arena_deinit(&check.arena);
    printf("end\t%s\n", is_well ? "ok" : check.why);
    fflush(stdout);
}

int main(void)
{
    char line[PATH_BYTES];
    if (sodium_init() < 0) return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        check_directory(line);
    }
    return 0;
}
