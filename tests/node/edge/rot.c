/* Flipped bits in data.mdb, at random and in every kind of page: each is harmless, or is met by the start, by the
 * read, or by the check; none is ever answered as a value, nor as an absence but beside a large row that rotted,
 * which a read does not look at; and the check finds every one that does harm (H22, I24).
 *
 * Each flip is read by a process of its own, as a server would read: what LMDB makes of a damaged page may end it.
 * TESTS_LONG=1: ten times as many. */
#include "node/edge/kv_lmdb.h"
#include "node/edge/repair.h"
#include "node/store/read.h"
#include "node/store/store.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"
#include "tests/lib/slow.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MAP_BYTES = 64 << 20,
    PARTITIONS = 6,
    ITEMS = 160, /* of each */
    FLIPS = 250,
    FLIPS_OF_A_PAGE = 9,
    VALUE_BYTES_MAX = 9000,
};

static const uint8_t BUCKET[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";
static const uint8_t SEAL_KEY[SEAL_KEY_BYTES] = "the seal key of the test's node";
static const uint8_t PLACE[ACTOR_PLACE_BYTES] = "where it lies..";

struct world {
    char dir[64];
    char path[100];
    uint8_t *original;
    size_t bytes;
    uint64_t outcomes[7]; /* enum outcome */
    uint64_t found_by_check, found_by_start;
};

/* What became of one flip. HIDDEN: missing, beside a rotten row that is too large for a read to look at. */
enum outcome { RIGHT, START_REFUSED, READ_REFUSED, HIDDEN, MISSING, WRONG, DIED };

/* --- the database --------------------------------------------------------------------------------------- */

static enum err open_store(struct world *world, struct kv_lmdb *db, struct store *store)
{
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    uint8_t seed[PRNG_SEED_BYTES] = {1};
    enum err err = kv_lmdb_open(db, world->dir, MAP_BYTES, message);
    if (err != ERR_OK) return err;
    err = store_open(store, &db->kv, SEAL_KEY, seed, PLACE, message);
    if (err != ERR_OK) kv_lmdb_close(db);
    return err;
}

static struct op_key key_of(int partition, int item, char *partition_key, char *sort_key)
{
    snprintf(partition_key, 40, "partition %d", partition);
    snprintf(sort_key, 40, "%05d%s", item, item % 3 == 0 ? " of a longer name" : "");
    return (struct op_key){BUCKET, span_text(partition_key), span_text(sort_key)};
}

/* Of no item (deleted) for every seventh; some take pages of their own. */
static struct span value_of(int partition, int item, uint8_t *bytes)
{
    size_t length = (size_t)(item * 37 % 400);
    if (item % 16 == 5) length = 1500;
    if (item % 40 == 9) length = 9000;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)((size_t)partition + (size_t)item * 7 + i * 13);
    return span_of(bytes, length);
}

static bool is_deleted(int item)
{
    return item % 7 == 3;
}

static void run_op(const struct store *reads, struct store *writes, struct op *op)
{
    struct list ops;
    list_init(&ops);
    list_init(&op->link);
    list_append(&ops, &op->link);
    if (writes != NULL) {
        store_run_writes(writes, &ops, 1000);
    } else {
        store_run_reads(reads, &ops);
    }
}

static void write_item(struct store *store, struct arena *arena, int partition, int item, bool is_last)
{
    static uint8_t bytes[VALUE_BYTES_MAX];
    char partition_key[40];
    char sort_key[40];
    struct crdt_dot entry[CRDT_VCLOCK_MAX];
    struct op read = {
        .kind = OP_READ, .arena = arena, .read = {.key = key_of(partition, item, partition_key, sort_key)}};
    run_op(store, NULL, &read);
    assert_ok(read.err);
    struct op_write_item write = {.key = read.read.key,
                                  .kind = is_last && is_deleted(item) ? CRDT_TOMBSTONE : CRDT_VALUE};
    write.context = crdt_vclock_over(entry, CRDT_VCLOCK_MAX);
    write.has_context = read.read.has_item && crdt_dvvs_context(&read.read.state, &write.context);
    if (write.kind == CRDT_VALUE) write.value = is_last ? value_of(partition, item, bytes) : span_text("old");
    struct op op = {
        .kind = OP_WRITE, .arena = arena, .write = {.items = &write, .items_count = 1, .item_bytes_max = 1 << 20}};
    run_op(NULL, store, &op);
    assert_ok(op.err);
    arena_reset(arena);
}

static void write_document(struct store *store, struct arena *arena)
{
    uint8_t key[1 + KEYS_BUCKET_ID_BYTES] = {'B'};
    memcpy(key + 1, BUCKET, KEYS_BUCKET_ID_BYTES);
    struct op_document document = {.key = span_of(key, sizeof key)};
    document.register_.payload = key;
    document.register_.payload_bytes = sizeof key;
    struct op op = {.kind = OP_DOCS_WRITE, .arena = arena, .docs = {.documents = &document, .documents_count = 1}};
    run_op(NULL, store, &op);
    assert_ok(op.err);
}

static void make_database(struct world *world)
{
    struct kv_lmdb db;
    struct store store;
    struct arena arena;
    arena_init(&arena, 1 << 26);
    assert_ok(open_store(world, &db, &store));
    write_document(&store, &arena);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PARTITIONS * ITEMS; i++)
            write_item(&store, &arena, i % PARTITIONS, i / PARTITIONS, round == 1);
    }
    store_close(&store);
    kv_lmdb_close(&db);
    arena_deinit(&arena);
}

/* --- reading as a server would -------------------------------------------------------------------------- */

static enum outcome outcome_of(enum outcome before, enum outcome now)
{
    return now > before ? now : before;
}

/* Does the state hold exactly what was written? */
static enum outcome judge(const struct crdt_dvvs *state, int partition, int item)
{
    static uint8_t bytes[VALUE_BYTES_MAX];
    if (state->writes_count != 1) return WRONG;
    const struct crdt_write *write = &state->writes[0];
    if (is_deleted(item)) return write->kind == CRDT_TOMBSTONE ? RIGHT : WRONG;
    bool is_right = write->kind == CRDT_VALUE &&
                    span_is_equal(span_of(write->value, write->value_bytes), value_of(partition, item, bytes));
    return is_right ? RIGHT : WRONG;
}

static bool is_large_and_rotten(const struct store *store, struct kv_cursor *cursor, enum kv_step step,
                                struct span key)
{
    struct kv_pair pair;
    bool found = false;
    assert_ok(kv_cursor_step(cursor, step, key, &pair, &found));
    return found && pair.value.length > READ_NEIGHBOUR_BYTES_MAX &&
           !record_is_item(store->hash_key, pair.key, pair.value);
}

/* Is there a reason why a read that must not look at large rows does not find the item? */
static enum outcome judge_absence(const struct store *store, const struct op_key *item)
{
    uint8_t hash[RING_HASH_BYTES];
    struct keys_buffer buffer;
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    keys_hash(store->hash_key, item->bucket_id, item->partition_key, hash);
    struct span key = keys_item(&buffer, hash, item->sort_key);
    assert_ok(kv_begin(store->kv, false, &txn));
    assert_ok(kv_cursor_open(txn, KV_ITEMS, &cursor));
    bool is_hidden = is_large_and_rotten(store, cursor, KV_AFTER, key) ||
                     is_large_and_rotten(store, cursor, KV_BEFORE, key);
    kv_cursor_close(cursor);
    kv_abort(txn);
    return is_hidden ? HIDDEN : MISSING;
}

static enum outcome read_item(const struct store *store, struct arena *arena, int partition, int item)
{
    char partition_key[40];
    char sort_key[40];
    struct op op = {
        .kind = OP_READ, .arena = arena, .read = {.key = key_of(partition, item, partition_key, sort_key)}};
    run_op(store, NULL, &op);
    if (op.err != ERR_OK) return READ_REFUSED;
    return op.read.has_item ? judge(&op.read.state, partition, item) : judge_absence(store, &op.read.key);
}

static enum outcome read_range(const struct store *store, struct arena *arena, int partition)
{
    char partition_key[40];
    char sort_key[40];
    struct op op = {.kind = OP_RANGE, .arena = arena, .range = {.items_max = OP_RANGE_ITEMS_MAX}};
    op.range.key = key_of(partition, 0, partition_key, sort_key);
    run_op(store, NULL, &op);
    if (op.err != ERR_OK) return READ_REFUSED;
    enum outcome outcome = op.range.items_count == ITEMS ? RIGHT : MISSING;
    for (uint32_t i = 0; i < op.range.items_count; i++) {
        int item = atoi((const char *)op.range.items[i].sort_key.bytes);
        if (item < 0 || item >= ITEMS) return WRONG;
        outcome = outcome_of(outcome, judge(&op.range.items[i].state, partition, item));
    }
    return outcome;
}

static enum outcome read_index(const struct store *store, struct arena *arena)
{
    struct op op = {.kind = OP_INDEX, .arena = arena, .index = {.bucket_id = BUCKET, .rows_max = 100}};
    run_op(store, NULL, &op);
    if (op.err != ERR_OK) return READ_REFUSED;
    if (op.index.rows_count != PARTITIONS) return MISSING;
    for (uint32_t i = 0; i < op.index.rows_count; i++) {
        if (op.index.rows[i].tally.entries != ITEMS - (ITEMS + 3) / 7) return WRONG;
    }
    return RIGHT;
}

static enum outcome read_all(struct world *world)
{
    struct kv_lmdb db;
    struct store store;
    struct arena arena;
    arena_init(&arena, 1 << 26);
    if (open_store(world, &db, &store) != ERR_OK) return START_REFUSED;
    enum outcome outcome = RIGHT;
    struct op docs = {.kind = OP_DOCS, .arena = &arena};
    run_op(&store, NULL, &docs);
    if (docs.err != ERR_OK) return START_REFUSED;
    if (docs.docs.documents_count != 1) outcome = MISSING;
    for (int i = 0; i < PARTITIONS * ITEMS; i++) {
        outcome = outcome_of(outcome, read_item(&store, &arena, i % PARTITIONS, i / PARTITIONS));
        arena_reset(&arena);
    }
    for (int partition = 0; partition < PARTITIONS; partition++) {
        outcome = outcome_of(outcome, read_range(&store, &arena, partition));
        arena_reset(&arena);
    }
    outcome = outcome_of(outcome, read_index(&store, &arena));
    store_close(&store);
    kv_lmdb_close(&db);
    arena_deinit(&arena);
    return outcome;
}

static enum outcome read_in_a_process(struct world *world)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test */
        (void)signal(SIGBUS, SIG_DFL);
        (void)signal(SIGABRT, SIG_DFL);
        _exit((int)read_all(world));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) <= WRONG ? (enum outcome)WEXITSTATUS(status) : DIED;
}

/* --- the check ------------------------------------------------------------------------------------------ */

static void count_page(void *owner, const struct lmdb_finding *finding)
{
    (void)finding;
    ++*(uint64_t *)owner;
}

static void count_row(void *owner, const struct op_finding *finding)
{
    (void)finding;
    ++*(uint64_t *)owner;
}

static void count_rows(void *owner, uint64_t rows)
{
    (void)owner;
    (void)rows;
}

static uint64_t findings_of(struct world *world)
{
    static struct repair repair;
    char key_file[120];
    uint64_t findings = 0;
    uint64_t pages = 0;
    struct check_walk walk;
    const struct repair_listener listener = {count_page, count_row, count_rows, &findings};
    snprintf(key_file, sizeof key_file, "%.60s/seal.key", world->dir);
    assert_ok(repair_open(&repair, world->dir, key_file, false));
    assert_ok(repair_check(&repair, &listener, &walk, &pages));
    if (!repair.has_rows) findings++;
    repair_close(&repair);
    return findings;
}

/* --- flips ---------------------------------------------------------------------------------------------- */

static void put_bytes(struct world *world, const uint8_t *bytes, size_t length)
{
    int fd = open(world->path, O_RDWR | O_TRUNC | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

static void try_file(struct world *world, const char *what, uint64_t where)
{
    uint64_t findings = findings_of(world);
    enum outcome outcome = read_in_a_process(world);
    world->outcomes[outcome]++;
    world->found_by_check += findings > 0;
    if (outcome == WRONG) fail_msg("%s at %llu: a wrong value was read", what, (unsigned long long)where);
    if (outcome == MISSING) fail_msg("%s at %llu: an item is said to be absent", what, (unsigned long long)where);
    if (outcome == DIED) fail_msg("%s at %llu: the reader died", what, (unsigned long long)where);
    if (outcome != RIGHT && findings == 0)
        fail_msg("%s at %llu: not found by the check (%d)", what, (unsigned long long)where, (int)outcome);
}

/* One flip, taken back. */
static void flip(struct world *world, size_t byte, unsigned bit)
{
    uint8_t *bytes = malloc(world->bytes);
    assert_non_null(bytes);
    memcpy(bytes, world->original, world->bytes);
    bytes[byte] ^= (uint8_t)(1u << bit);
    put_bytes(world, bytes, world->bytes);
    free(bytes);
    try_file(world, "a flipped bit", byte * 8 + bit);
}

static void print_outcomes(const char *name, const struct world *world)
{
    print_message(
        "%s: %llu right, %llu refused by the start, %llu by the read, %llu hidden, %llu ended by a page; "
        "%llu found by the check\n",
        name, (unsigned long long)world->outcomes[RIGHT], (unsigned long long)world->outcomes[START_REFUSED],
        (unsigned long long)world->outcomes[READ_REFUSED], (unsigned long long)world->outcomes[HIDDEN],
        (unsigned long long)world->outcomes[DIED], (unsigned long long)world->found_by_check);
}

static uint32_t how_many(uint32_t count)
{
    if (getenv("TESTS_LONG") != NULL) return count * 10;
    return TESTS_ARE_SLOW ? count / 4 : count;
}

static void bits_at_random(void **state)
{
    struct world *world = *state;
    struct random random = random_begin(__func__);
    for (uint32_t i = 0; i < how_many(FLIPS); i++)
        flip(world, random_u64(&random) % world->bytes, random_below(&random, 8));
    print_outcomes(__func__, world);
    assert_true(world->found_by_check > 0);
}

/* The first bytes of each page are what LMDB trusts most: its header, its offsets; and the first nodes' headers,
 * which stand at the page's upper end. */
static void bits_of_every_page(void **state)
{
    enum { PAGE = 4096, STRIDE = 5 };
    struct world *world = *state;
    struct random random = random_begin(__func__);
    uint32_t stride = getenv("TESTS_LONG") != NULL ? 1 : TESTS_ARE_SLOW ? 4 * STRIDE : STRIDE;
    for (size_t page = random_below(&random, stride); page < world->bytes / PAGE; page += page < 12 ? 1 : stride) {
        for (uint32_t i = 0; i < FLIPS_OF_A_PAGE; i++) {
            size_t at = page * PAGE + (i < 5 ? random_below(&random, 16) : random_below(&random, PAGE));
            if (i >= 5 && i < 8) at = page * PAGE + 16 + random_below(&random, 60);
            flip(world, at, random_below(&random, 8));
        }
    }
    print_outcomes(__func__, world);
}

/* Every bit of both meta pages. */
static void every_bit_of_the_meta_pages(void **state)
{
    struct world *world = *state;
    uint32_t step = getenv("TESTS_LONG") != NULL ? 1 : TESTS_ARE_SLOW ? 43 : 11;
    for (size_t page = 0; page < 2; page++) {
        for (size_t bit = page; bit < LMDB_META_BYTES * 8; bit += step)
            flip(world, page * 4096 + bit / 8, bit % 8);
    }
    print_outcomes(__func__, world);
    assert_int_equal(world->outcomes[DIED] + world->outcomes[HIDDEN], 0);
}

static void files_that_are_cut_off_and_pages_of_zeros(void **state)
{
    struct world *world = *state;
    struct random random = random_begin(__func__);
    uint8_t *bytes = malloc(world->bytes);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < how_many(30); i++) {
        size_t length = i < 6 ? i * 1365 : random_u64(&random) % world->bytes;
        put_bytes(world, world->original, length);
        if (length > 0) try_file(world, "cut off", length);
        size_t page = random_u64(&random) % (world->bytes / 4096);
        memcpy(bytes, world->original, world->bytes);
        memset(bytes + page * 4096, 0, 4096);
        put_bytes(world, bytes, world->bytes);
        try_file(world, "a page of zeros", page);
    }
    free(bytes);
    print_outcomes(__func__, world);
    assert_true(world->outcomes[START_REFUSED] > 0);
}

/* In every page above others: the last child's number, of which the file has no page. */
static void flip_branches(struct world *world)
{
    enum { PAGE = 4096, BRANCH = 1 };
    int fd = open(world->path, O_RDWR);
    uint32_t branches = 0;
    assert_true(fd >= 0);
    for (size_t page = 2 * PAGE; page < world->bytes; page += PAGE) {
        uint16_t flags = 0;
        uint16_t lower = 0;
        uint16_t node = 0;
        memcpy(&flags, world->original + page + 10, sizeof flags);
        memcpy(&lower, world->original + page + 12, sizeof lower);
        if (flags != BRANCH) continue;
        memcpy(&node, world->original + page + lower - 2, sizeof node);
        uint8_t wrong = world->original[page + node + 3] ^ 0x40;
        assert_int_equal(pwrite(fd, &wrong, 1, (off_t)(page + node + 3)), 1);
        branches++;
    }
    close(fd);
    assert_true(branches > 0);
}

/* All in one batch: an op that meets the page names its table, and fails none behind it. */
static void reads_behind_one_that_meets_a_damaged_page_are_right(void **state)
{
    enum { OPS = PARTITIONS * ITEMS };
    static struct op ops[OPS];
    static char partition_keys[OPS][40];
    static char sort_keys[OPS][40];
    struct world *world = *state;
    struct kv_lmdb db;
    struct store store;
    struct arena arena;
    struct list list;
    uint32_t refused = 0;
    list_init(&list);
    arena_init(&arena, 1 << 26);
    put_bytes(world, world->original, world->bytes);
    assert_ok(open_store(world, &db, &store));
    flip_branches(world);
    for (int i = 0; i < OPS; i++) {
        ops[i] = (struct op){.kind = OP_READ, .arena = &arena};
        ops[i].read.key = key_of(i % PARTITIONS, i / PARTITIONS, partition_keys[i], sort_keys[i]);
        list_init(&ops[i].link);
        list_append(&list, &ops[i].link);
    }
    store_run_reads(&store, &list);
    for (int i = 0; i < OPS; i++) {
        if (ops[i].err == ERR_OK) {
            assert_true(ops[i].read.has_item);
            assert_int_equal(judge(&ops[i].read.state, i % PARTITIONS, i / PARTITIONS), RIGHT);
            continue;
        }
        assert_err(ops[i].err, ERR_CORRUPT);
        assert_true(ops[i].corrupt.is_page);
        assert_string_equal(ops[i].corrupt.table, "items");
        refused++;
    }
    assert_in_range(refused, 1, OPS - 1);
    store_close(&store);
    kv_lmdb_close(&db);
    arena_deinit(&arena);
}

static void an_untouched_file_is_right(void **state)
{
    struct world *world = *state;
    put_bytes(world, world->original, world->bytes);
    assert_int_equal(findings_of(world), 0);
    assert_int_equal(read_in_a_process(world), RIGHT);
}

/* --- life ----------------------------------------------------------------------------------------------- */

static struct world the_world;

static int make_world(void **state)
{
    struct world *world = &the_world;
    char path[120];
    char text[2 * SEAL_KEY_BYTES + 1];
    (void)state;
    snprintf(world->dir, sizeof world->dir, "/tmp/skerry-test-XXXXXX");
    if (mkdtemp(world->dir) == NULL) return -1;
    snprintf(world->path, sizeof world->path, "%.60s/data.mdb", world->dir);
    make_database(world);
    struct stat info;
    int fd = open(world->path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) != 0) return -1;
    world->bytes = (size_t)info.st_size;
    world->original = malloc(world->bytes);
    if (world->original == NULL || read(fd, world->original, world->bytes) != info.st_size) return -1;
    close(fd);
    hash_hex(SEAL_KEY, SEAL_KEY_BYTES, text);
    text[2 * SEAL_KEY_BYTES] = '\n';
    snprintf(path, sizeof path, "%.60s/seal.key", world->dir);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || write(fd, text, sizeof text) != sizeof text) return -1;
    close(fd);
    return 0;
}

static int end_world(void **state)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "seal.key", "skerry.lock", "data.mdb.new"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[120];
        snprintf(path, sizeof path, "%.60s/%s", the_world.dir, names[i]);
        unlink(path);
    }
    free(the_world.original);
    return rmdir(the_world.dir);
}

static int set_up(void **state)
{
    memset(the_world.outcomes, 0, sizeof the_world.outcomes);
    the_world.found_by_check = 0;
    *state = &the_world;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_untouched_file_is_right, set_up),
        cmocka_unit_test_setup(reads_behind_one_that_meets_a_damaged_page_are_right, set_up),
        cmocka_unit_test_setup(every_bit_of_the_meta_pages, set_up),
        cmocka_unit_test_setup(bits_at_random, set_up),
        cmocka_unit_test_setup(bits_of_every_page, set_up),
        cmocka_unit_test_setup(files_that_are_cut_off_and_pages_of_zeros, set_up),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
