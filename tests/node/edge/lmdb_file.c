/* data.mdb without LMDB: what LMDB wrote is sound, and what was changed in it afterwards is not (H22). */
#include "node/edge/kv_lmdb.h"
#include "node/edge/lmdb_scan.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#include <fcntl.h>
#include <stdlib.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_lmdb_writes_is_sound, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
