/* LMDB with its safe defaults, as node/edge/kv_lmdb.c opens it. */
#include "tests/bench/raw_lmdb.h"

#include "node/store/record.h"
#include "tests/bench/clock.h"
#include "tests/bench/latencies.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_MODE = 0600,
    KEY_CHARS_MAX = 32,
    RECORD_SCRATCH_BYTES = 64 * 1024 * 1024,
    COPY_BYTES = 1024 * 1024,
};

static const size_t MAP_BYTES = (size_t)64 << 30;
static const uint64_t ACTOR = UINT64_C(0x8877665544332211); /* as long as a drawn one */
static const uint64_t COUNTER = UINT64_C(1700000000000000); /* a wall clock in microseconds */

struct raw {
    const struct options *options;
    MDB_env *env;
    MDB_dbi table;
    struct arena arena;
    struct span record;
};

static void must(int code, const char *what)
{
    if (code != 0) bench_fail("%s: %s", what, mdb_strerror(code));
}

/* One row as the store would write it, with a value of the length asked for. Its bytes serve for all keys. */
static void make_record(struct raw *raw)
{
    static const uint8_t id[KEYS_BUCKET_ID_BYTES] = {1};
    static const uint8_t hash_key[HASH_KEY_BYTES] = {2};
    arena_init(&raw->arena, RECORD_SCRATCH_BYTES + (size_t)raw->options->value_bytes * 4);
    uint8_t *value = arena_alloc(&raw->arena, raw->options->value_bytes + 1);
    struct crdt_column column = {.actor = ACTOR, .writes_count = 1};
    struct crdt_write write = {.counter = COUNTER, .value = value, .value_bytes = raw->options->value_bytes};
    struct record_item item = {
        .bucket_id = span_of(id, sizeof id),
        .partition_key = span_text("p0000000"),
        .state = {&column, 1, 1, &write, 1, 1},
    };
    raw->record = record_encode_item(hash_key, span_text("0123456789abcdef"), &item, &raw->arena);
    if (value == NULL || raw->record.bytes == NULL) bench_fail("no memory for a record");
}

static void raw_open(struct raw *raw, const struct options *options)
{
    MDB_txn *txn = NULL;
    *raw = (struct raw){.options = options};
    if (options->directory == NULL) bench_fail("where? --directory");
    make_record(raw);
    must(mdb_env_create(&raw->env), "mdb_env_create");
    must(mdb_env_set_mapsize(raw->env, MAP_BYTES), "mdb_env_set_mapsize");
    must(mdb_env_set_maxdbs(raw->env, 1), "mdb_env_set_maxdbs");
    must(mdb_env_open(raw->env, options->directory, MDB_NOTLS, FILE_MODE), "mdb_env_open");
    must(mdb_txn_begin(raw->env, NULL, 0, &txn), "mdb_txn_begin");
    must(mdb_dbi_open(txn, "items", MDB_CREATE, &raw->table), "mdb_dbi_open");
    must(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void raw_close(struct raw *raw)
{
    mdb_env_close(raw->env);
    arena_deinit(&raw->arena);
}

/* 16 bytes of the partition, well mixed, then the sort key. */
static MDB_val make_key(const struct raw *raw, uint64_t item, char key[RING_HASH_BYTES + KEY_CHARS_MAX])
{
    uint64_t mixed = (item / raw->options->per_partition + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (int half = 0; half < 2; half++) {
        mixed = (mixed ^ (mixed >> 31)) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed ^= mixed >> 29;
        memcpy(key + 8 * half, &mixed, sizeof mixed);
    }
    int length = snprintf(key + RING_HASH_BYTES, KEY_CHARS_MAX, "k%09llu", (unsigned long long)item);
    return (MDB_val){RING_HASH_BYTES + (size_t)length, key};
}

static void write_batch(const struct raw *raw, uint64_t first)
{
    MDB_txn *txn = NULL;
    must(mdb_txn_begin(raw->env, NULL, 0, &txn), "mdb_txn_begin");
    for (uint64_t item = first; item < first + raw->options->batch; item++) {
        char bytes[RING_HASH_BYTES + KEY_CHARS_MAX];
        MDB_val key = make_key(raw, item, bytes);
        MDB_val value = {raw->record.length, (void *)(uintptr_t)raw->record.bytes};
        must(mdb_put(txn, raw->table, &key, &value, 0), "mdb_put");
    }
    must(mdb_txn_commit(txn), "mdb_txn_commit");
}

void lmdb_write_run(const struct options *options)
{
    struct raw raw;
    struct latencies *latencies = bench_alloc(sizeof *latencies);
    raw_open(&raw, options);
    uint64_t start_ns = clock_ns();
    for (uint64_t batch = 0; batch < options->requests; batch++) {
        uint64_t batch_ns = clock_ns();
        write_batch(&raw, options->first + batch * options->batch);
        latencies_add(latencies, clock_ns() - batch_ns);
    }
    double seconds = (double)(clock_ns() - start_ns) / 1e9;
    printf(
        "{\"items_per_s\": %.3f, \"p50_us\": %.3f, \"p99_us\": %.3f, \"record_bytes\": %zu, \"seconds\": %.6f}\n",
        (double)(options->requests * options->batch) / seconds, (double)latencies_at(latencies, 500000) / 1e3,
        (double)latencies_at(latencies, 990000) / 1e3, raw.record.length, seconds);
    raw_close(&raw);
    free(latencies);
}

/* Copy one range out; returns the items there were. */
static uint64_t read_range(const struct raw *raw, MDB_txn *txn, uint64_t first, char *copy)
{
    char bytes[RING_HASH_BYTES + KEY_CHARS_MAX];
    MDB_val key = make_key(raw, first, bytes);
    MDB_val value;
    MDB_cursor *cursor = NULL;
    uint64_t items = 0;
    size_t used = 0;
    must(mdb_cursor_open(txn, raw->table, &cursor), "mdb_cursor_open");
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0 && items < raw->options->batch) {
        size_t bytes_count = key.mv_size + value.mv_size;
        if (bytes_count > COPY_BYTES) bench_fail("a row is too long");
        if (used + bytes_count > COPY_BYTES) used = 0;
        memcpy(copy + used, key.mv_data, key.mv_size);
        memcpy(copy + used + key.mv_size, value.mv_data, value.mv_size);
        used += bytes_count;
        items++;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return items;
}

void lmdb_scan_run(const struct options *options)
{
    struct raw raw;
    MDB_txn *txn = NULL;
    raw_open(&raw, options);
    char *copy = bench_alloc(COPY_BYTES);
    must(mdb_txn_begin(raw.env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
    uint64_t partitions = options->items / options->per_partition;
    uint64_t start_ns = clock_ns();
    uint64_t end_ns = start_ns + options->milliseconds * CLOCK_NS_PER_MS;
    uint64_t now_ns = start_ns;
    uint64_t items = 0;
    for (uint64_t range = 0; now_ns < end_ns; range++, now_ns = clock_ns()) {
        mdb_txn_reset(txn);
        must(mdb_txn_renew(txn), "mdb_txn_renew");
        /* a step coprime to the count goes round all partitions, out of order */
        items += read_range(&raw, txn, range * 7919 % partitions * options->per_partition, copy);
    }
    mdb_txn_abort(txn);
    if (items == 0) bench_fail("there is nothing to scan");
    printf("{\"items_per_s\": %.3f, \"record_bytes\": %zu}\n", (double)items * 1e9 / (double)(now_ns - start_ns),
           raw.record.length);
    free(copy);
    raw_close(&raw);
}
