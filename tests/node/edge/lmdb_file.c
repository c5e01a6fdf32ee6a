/* data.mdb without LMDB: what LMDB wrote is sound, and what was changed in it afterwards is not (H22). */
#include "node/edge/kv_lmdb.h"
#include "node/edge/lmdb_scan.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAP_BYTES = 64 << 20, HISTORIES = 6, COMMITS = 120, KEYS = 3000 };

struct place {
    struct kv_lmdb db;
    char dir[64];
    char path[100];
    struct lmdb_finding first;
    uint64_t findings;
};

static int set_up(void **state)
{
    static struct place place;
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    place = (struct place){0};
    snprintf(place.dir, sizeof place.dir, "/tmp/skerry-test-XXXXXX");
    if (mkdtemp(place.dir) == NULL) return -1;
    snprintf(place.path, sizeof place.path, "%s/data.mdb", place.dir);
    *state = &place;
    return kv_lmdb_open(&place.db, place.dir, MAP_BYTES, message) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char path[100];
    kv_lmdb_close(&place->db);
    unlink(place->path);
    snprintf(path, sizeof path, "%s/lock.mdb", place->dir);
    unlink(path);
    return rmdir(place->dir);
}

static void on_finding(void *owner, const struct lmdb_finding *finding)
{
    struct place *place = owner;
    if (place->findings++ == 0) place->first = *finding;
}

/* All findings of a check of the file as it is. */
static uint64_t check(struct place *place, bool is_whole)
{
    struct lmdb_file file;
    uint64_t pages = 0;
    int fd = open(place->path, O_RDONLY);
    assert_true(fd >= 0);
    place->findings = 0;
    enum err err = lmdb_file_open(&file, fd);
    if (err == ERR_CORRUPT) {
        on_finding(place, &file.finding);
    } else {
        assert_ok(err);
        assert_ok(lmdb_file_check(&file, is_whole, on_finding, place, &pages));
    }
    close(fd);
    return place->findings;
}

static void is_sound(struct place *place)
{
    for (int is_whole = 0; is_whole <= 1; is_whole++) {
        if (check(place, is_whole) == 0) continue;
        fail_msg("page %llu (%s) %s", (unsigned long long)place->first.page, place->first.table,
                 lmdb_fault_text(place->first.fault));
    }
}

/* --- what LMDB writes ----------------------------------------------------------------------------------- */

static struct span random_key(struct random *random, uint8_t *bytes)
{
    uint32_t number = random_below(random, KEYS);
    size_t length = 8 + number % 5 * 30 + (number % 97 == 0 ? 380 : 0);
    memset(bytes, (int)(number % 251), length);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number * 2654435761u >> (8 * (i % 4)));
    return span_of(bytes, length);
}

static struct span random_value(struct random *random, uint8_t *bytes)
{
    static const size_t sizes[] = {0, 9, 60, 200, 900, 1800, 2100, 4080, 9000, 70000};
    size_t length = sizes[random_below(random, sizeof sizes / sizeof sizes[0])];
    length += random_below(random, 40);
    memset(bytes, (int)random_below(random, 256), length);
    return span_of(bytes, length);
}

/* One transaction of up to `changes_max` puts and deletes; now and then it is given up. */
static void change(struct place *place, struct random *random, uint32_t changes_max, uint32_t deletes_of_8)
{
    static uint8_t value[80000];
    uint8_t key[600];
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(&place->db.kv, true, &txn));
    uint32_t changes = random_below(random, changes_max + 1);
    for (uint32_t i = 0; i < changes; i++) {
        enum kv_space space = (enum kv_space)random_below(random, KV_SPACES_COUNT);
        struct span name = random_key(random, key);
        if (random_below(random, 8) < deletes_of_8) {
            assert_ok(kv_delete(txn, space, name));
        } else {
            assert_ok(kv_put(txn, space, name, random_value(random, value)));
        }
    }
    if (random_below(random, 10) == 0) {
        kv_abort(txn);
    } else {
        assert_ok(kv_commit(txn));
    }
}

static void reopen(struct place *place)
{
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    kv_lmdb_close(&place->db);
    assert_ok(kv_lmdb_open(&place->db, place->dir, MAP_BYTES, message));
}

/* Every page of every snapshot that LMDB makes is one we expect: growing, shrinking to nothing, with readers that
 * hold old pages. */
static void what_lmdb_writes_is_sound(void **state)
{
    struct place *place = *state;
    struct random random = random_begin(__func__);
    is_sound(place);
    for (uint64_t history = 0; history < HISTORIES; history++) {
        struct kv_txn *reader = NULL;
        for (uint64_t i = 0; i < COMMITS; i++) {
            change(place, &random, i % 7 == 0 ? 400 : 12, i < COMMITS / 2 ? 2 : 6);
            is_sound(place);
            if (i % 31 == 5) assert_ok(kv_begin(&place->db.kv, false, &reader));
            if (i % 31 == 25) kv_abort(reader);
        }
        if (COMMITS % 31 > 5 && COMMITS % 31 <= 25) kv_abort(reader);
        reopen(place);
        is_sound(place);
    }
}

/* --- scans beside commits ------------------------------------------------------------------------------- */

enum { SCANS = 2000 };

struct writer {
    struct place *place;
    _Atomic bool is_over;
};

/* Both rows are always equal. */
static void *write_pairs(void *owner)
{
    struct writer *writer = owner;
    for (uint64_t i = 1; !writer->is_over; i++) {
        struct kv_txn *txn = NULL;
        if (kv_begin(&writer->place->db.kv, true, &txn) != ERR_OK) return "begin";
        enum err err = kv_put(txn, KV_DOCS, span_text("a"), span_of(&i, sizeof i));
        if (err == ERR_OK) err = kv_put(txn, KV_DOCS, span_text("b"), span_of(&i, sizeof i));
        if (err != ERR_OK || kv_commit(txn) != ERR_OK) return "commit";
    }
    return NULL;
}

/* A scan sees whole commits, and no damage where there is none, however fast the roots change. */
static void scans_see_whole_commits_and_no_damage(void **state)
{
    struct place *place = *state;
    struct writer writer = {.place = place};
    pthread_t thread;
    void *failure = NULL;
    uint64_t seen = 0;
    assert_int_equal(pthread_create(&thread, NULL, write_pairs, &writer), 0);
    for (int i = 0; i < SCANS; i++) {
        struct kv_txn *txn = NULL;
        struct kv_scan *scan = NULL;
        enum kv_scan_step step = KV_SCAN_ROW;
        struct kv_pair pair;
        struct kv_damage damage;
        uint64_t values[3] = {0};
        uint64_t rows = 0;
        assert_ok(kv_begin(&place->db.kv, false, &txn));
        assert_ok(kv_scan_open(txn, KV_DOCS, (struct span){0}, &scan));
        while (step != KV_SCAN_END) {
            assert_ok(kv_scan_step(scan, &step, &pair, &damage));
            if (step == KV_SCAN_DAMAGE) fail_msg("page %llu %s", (unsigned long long)damage.page, damage.what);
            if (step == KV_SCAN_ROW) memcpy(&values[rows++], pair.value.bytes, sizeof values[0]);
        }
        assert_int_equal(values[0], values[1]);
        assert_true(values[0] >= seen && (rows == 0 || rows == 2));
        seen = values[0];
        kv_scan_close(scan);
        kv_abort(txn);
    }
    writer.is_over = true;
    assert_int_equal(pthread_join(thread, &failure), 0);
    assert_null(failure);
}

/* The meta page that the transaction before the last but one had, written over as far as its number: what a reader
 * sees when a commit is at that point. */
static void a_meta_page_that_is_half_written_over_is_not_believed(void **state)
{
    struct place *place = *state;
    struct lmdb_file file;
    bool is_gone = false;
    uint64_t transaction = 0;
    for (uint64_t i = 0; i < 6; i++) {
        struct kv_txn *txn = NULL;
        assert_ok(kv_begin(&place->db.kv, true, &txn));
        assert_ok(kv_put(txn, KV_DOCS, span_text("a"), span_of(&i, sizeof i)));
        assert_ok(kv_commit(txn));
        assert_ok(kv_begin(&place->db.kv, false, &txn));
        transaction = kv_snapshot(txn);
        kv_abort(txn);
        int fd = open(place->path, O_RDONLY);
        assert_ok(lmdb_file_open_at(&file, fd, transaction, &is_gone));
        assert_false(is_gone);
        assert_ok(lmdb_file_open_at(&file, fd, transaction - 1, &is_gone));
        assert_false(is_gone);
        assert_ok(lmdb_file_open_at(&file, fd, transaction - 2, &is_gone));
        assert_true(is_gone);
        close(fd);
    }
    int fd = open(place->path, O_RDWR);
    uint64_t old = transaction - 2;
    off_t offset = (off_t)(transaction % 2 * 4096 + 144);
    assert_int_equal(pwrite(fd, &old, sizeof old, offset), sizeof old);
    assert_err(lmdb_file_open_at(&file, fd, old, &is_gone), ERR_CORRUPT);
    assert_string_equal(lmdb_fault_text(file.finding.fault), lmdb_fault_text(LMDB_META_TURNS));
    assert_int_equal(pwrite(fd, &transaction, sizeof transaction, offset), sizeof transaction);
    assert_ok(lmdb_file_open_at(&file, fd, transaction, &is_gone));
    assert_false(is_gone);
    close(fd);
}

/* --- what was changed in it ----------------------------------------------------------------------------- */

enum { PAGE = 4096 };

/* A database with a tree of some depth, large values and free pages; closed. */
static void make_tree(struct place *place)
{
    uint8_t key[16];
    static uint8_t value[9000];
    for (uint32_t round = 0; round < 3; round++) {
        struct kv_txn *txn = NULL;
        assert_ok(kv_begin(&place->db.kv, true, &txn));
        for (uint32_t i = 0; i < 900; i++) {
            snprintf((char *)key, sizeof key, "key %08u", i);
            size_t length = i % 50 == 7 ? 9000 : 60 + i % 40;
            assert_ok(kv_put(txn, KV_ITEMS, span_of(key, 12), span_of(value, length)));
        }
        assert_ok(kv_put(txn, KV_META, span_text("format"), span_text("?")));
        assert_ok(kv_commit(txn));
    }
    kv_lmdb_close(&place->db);
    is_sound(place);
}

/* The file, to be changed at will. */
static uint8_t *map_file(struct place *place, size_t *length)
{
    struct stat info;
    int fd = open(place->path, O_RDWR);
    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    *length = (size_t)info.st_size;
    uint8_t *bytes = mmap(NULL, *length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(bytes != MAP_FAILED);
    close(fd);
    return bytes;
}

static uint64_t number_at(const uint8_t *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* The root of "items" and its first leaf, as the newest snapshot has them. */
static void find_items(struct place *place, uint64_t *root, uint64_t *leaf)
{
    struct lmdb_file file;
    struct lmdb_walk walk;
    int fd = open(place->path, O_RDONLY);
    assert_ok(lmdb_file_open(&file, fd));
    *root = file.tables[KV_ITEMS].root;
    assert_ok(lmdb_walk_init(&walk, &file.source, &file.tables[KV_ITEMS], (struct span){0}));
    assert_int_equal(lmdb_walk_step(&walk), LMDB_ROW);
    *leaf = walk.levels[walk.depth - 1].page;
    assert_true(walk.depth > 1);
    lmdb_walk_deinit(&walk);
    close(fd);
}

/* Turn one bit, expect what the check says of it, whole or cheap, and turn it back. */
static void expect_fault(struct place *place, uint8_t *byte, unsigned bit, bool is_whole, uint64_t page,
                         enum lmdb_fault fault)
{
    *byte ^= (uint8_t)(1u << bit);
    assert_true(check(place, is_whole) > 0);
    assert_string_equal(lmdb_fault_text(place->first.fault), lmdb_fault_text(fault));
    assert_int_equal(place->first.page, page);
    *byte ^= (uint8_t)(1u << bit);
}

static void each_kind_of_damage_is_named(void **state)
{
    struct place *place = *state;
    size_t length = 0;
    uint64_t root = 0;
    uint64_t leaf = 0;
    make_tree(place);
    find_items(place, &root, &leaf);
    uint8_t *bytes = map_file(place, &length);
    uint8_t *branch_page = bytes + root * PAGE;
    uint8_t *leaf_page = bytes + leaf * PAGE;
    uint16_t first = 0;
    memcpy(&first, leaf_page + 16, 2);
    uint8_t *node = leaf_page + first;

    expect_fault(place, branch_page, 0, false, root, LMDB_OTHER_NUMBER);
    expect_fault(place, branch_page + 10, 1, false, root, LMDB_OTHER_KIND);
    expect_fault(place, branch_page + 12, 2, false, root, LMDB_BOUNDS);
    expect_fault(place, leaf_page + 3, 0, true, leaf, LMDB_OTHER_NUMBER);
    expect_fault(place, leaf_page + 10, 4, true, leaf,
                 LMDB_OTHER_KIND); /* LMDB would write to such a page in place */
    expect_fault(place, leaf_page + 14, 1, true, leaf, LMDB_BOUNDS);
    expect_fault(place, leaf_page + 16, 0, true, leaf, LMDB_BOUNDS);
    expect_fault(place, node, 5, true, leaf, LMDB_BOUNDS); /* the length of the value */
    expect_fault(place, node + 4, 2, true, leaf,
                 LMDB_FLAGS); /* a table of duplicates, which LMDB has no cursor for */
    expect_fault(place, node + 6, 7, true, leaf, LMDB_BOUNDS); /* the length of the key */
    expect_fault(place, node + 8, 7, true, leaf, LMDB_ORDER);
    munmap(bytes, length);
    is_sound(place);
}

/* A branch that leads to a page of another table, or back to a page that is free: structurally sound, and wrong.
 */
static void pages_used_twice_or_free_are_found_without_reading_leaves(void **state)
{
    struct place *place = *state;
    size_t length = 0;
    uint64_t root = 0;
    uint64_t leaf = 0;
    make_tree(place);
    find_items(place, &root, &leaf);
    uint8_t *bytes = map_file(place, &length);
    uint8_t *page = bytes + root * PAGE;
    uint16_t nodes[2];
    memcpy(nodes, page + 16, sizeof nodes);
    uint8_t before[4];
    memcpy(before, page + nodes[0], 4);
    memcpy(page + nodes[0], page + nodes[1], 4);
    assert_true(check(place, false) > 0);
    assert_int_equal(place->first.fault, LMDB_TWICE);
    uint32_t other = 0; /* some free page */
    for (uint64_t at = 2; at < length / PAGE && place->first.fault != LMDB_USED_AND_FREE; at++) {
        other = (uint32_t)at;
        memcpy(page + nodes[0], &other, 4);
        if (check(place, false) == 0) assert_int_equal(other, leaf);
    }
    assert_int_equal(place->first.fault, LMDB_USED_AND_FREE);
    memcpy(page + nodes[0], before, 4);
    munmap(bytes, length);
    is_sound(place);
}

/* One bit decides which meta page is the newer one: it cannot lie unnoticed, even where both would still follow
 * each other. */
static void a_meta_page_that_claims_another_turn_is_refused(void **state)
{
    struct place *place = *state;
    size_t length = 0;
    make_tree(place);
    uint8_t *bytes = map_file(place, &length);
    for (uint64_t number = 0; number < 2; number++) {
        uint8_t *transaction = bytes + number * PAGE + 144;
        assert_true(number_at(transaction) > 1);
        for (unsigned bit = 0; bit < 64; bit++) {
            transaction[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_true(check(place, false) > 0);
            assert_int_equal(place->first.fault, LMDB_META_TURNS);
            transaction[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
    munmap(bytes, length);
    is_sound(place);
}

/* Names of tables: LMDB would make a missing one anew, and empty. */
static void a_table_whose_name_rotted_is_missed(void **state)
{
    struct place *place = *state;
    size_t length = 0;
    make_tree(place);
    uint8_t *bytes = map_file(place, &length);
    uint64_t found = 0;
    for (size_t at = 2 * PAGE; at + 5 < length; at++) {
        if (memcmp(bytes + at, "items", 5) != 0) continue;
        bytes[at + 4] ^= 1; /* "itemr" */
        found += check(place, false) > 0 && place->first.fault == LMDB_TABLE;
        bytes[at + 4] ^= 1;
    }
    assert_int_equal(found, 1);
    munmap(bytes, length);
    is_sound(place);
}

static void every_length_of_the_file_but_the_right_one_is_refused(void **state)
{
    struct place *place = *state;
    size_t length = 0;
    make_tree(place);
    uint8_t *bytes = map_file(place, &length);
    uint8_t *copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    munmap(bytes, length);
    for (size_t cut = length - PAGE; cut >= PAGE; cut -= PAGE) {
        assert_int_equal(truncate(place->path, (off_t)cut), 0);
        assert_true(check(place, false) > 0);
    }
    assert_int_equal(truncate(place->path, 1), 0);
    assert_true(check(place, false) > 0);
    int fd = open(place->path, O_WRONLY);
    assert_int_equal(write(fd, copy, length), length);
    close(fd);
    free(copy);
    is_sound(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_lmdb_writes_is_sound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scans_see_whole_commits_and_no_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_meta_page_that_is_half_written_over_is_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_kind_of_damage_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_used_twice_or_free_are_found_without_reading_leaves, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_meta_page_that_claims_another_turn_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_whose_name_rotted_is_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_length_of_the_file_but_the_right_one_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
