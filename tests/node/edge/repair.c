/* The keys a repair reads: in no core dump, and wiped at its end (H33). What it does is in
 * tests/api/test_salvage.py. */
#include "node/edge/repair.h"

#include "node/edge/kv_lmdb.h"
#include "node/store/store.h"
#include "tests/lib/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAP_BYTES = 16 << 20 };

static const char *const NAMES[] = {"data.mdb", "lock.mdb", "seal.key", "skerry.lock"};

static void path_of(const char *dir, const char *name, char path[FILES_PATH_BYTES])
{
    assert_true(files_path(dir, name, path));
}

static void write_key(const char *dir)
{
    char path[FILES_PATH_BYTES];
    path_of(dir, "seal.key", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    for (int i = 0; i < SEAL_KEY_BYTES; i++)
        assert_int_equal(write(fd, "5a", 2), 2);
    assert_int_equal(write(fd, "\n", 1), 1);
    close(fd);
}

/* A database under the seal key 5a5a…. */
static void make_database(const char *dir)
{
    static struct store store;
    static const uint8_t place[ACTOR_PLACE_BYTES];
    uint8_t seal_key[SEAL_KEY_BYTES];
    uint8_t seed[PRNG_SEED_BYTES] = {1};
    struct kv_lmdb db;
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    memset(seal_key, 0x5a, sizeof seal_key);
    assert_ok(kv_lmdb_open(&db, dir, MAP_BYTES, message));
    assert_ok(store_open(&store, &db.kv, seal_key, seed, place, message));
    store_close(&store);
    kv_lmdb_close(&db);
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0) return false;
    return true;
}

static void keys_are_in_no_dump_and_wiped(void **state)
{
    static struct repair repair;
    char dir[] = "/tmp/skerry-test-XXXXXX";
    char path[FILES_PATH_BYTES];
    struct rlimit limit;
    (void)state;
    assert_non_null(mkdtemp(dir));
    write_key(dir);
    make_database(dir);
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
    assert_ok(repair_open(&repair, dir, NULL, true));
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_max, 0);
    assert_true(repair.has_rows && repair.seal_key[0] == 0x5a);
    assert_false(is_zero(repair.hash_key, sizeof repair.hash_key));
    repair_close(&repair);
    assert_true(is_zero(repair.seal_key, sizeof repair.seal_key));
    assert_true(is_zero(repair.hash_key, sizeof repair.hash_key));
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0); /* a leak checker looks at this process next */
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        path_of(dir, NAMES[i], path);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_are_in_no_dump_and_wiped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
