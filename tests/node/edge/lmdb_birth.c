/* A new database file: whole or not at all, and what a crash left is in nobody's way. */
#include "node/edge/lmdb_birth.h"
#include "tests/lib/check.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char dir[64];
    char path[100];
    char nursery[100];
    char unborn[120];
    char readers[100];
};

static int set_up(void **state)
{
    static struct place place;
    snprintf(place.dir, sizeof place.dir, "/tmp/skerry-test-XXXXXX");
    if (mkdtemp(place.dir) == NULL) return -1;
    snprintf(place.path, sizeof place.path, "%s/data.mdb", place.dir);
    snprintf(place.unborn, sizeof place.unborn, "%s/data.new/data.mdb", place.dir);
    snprintf(place.readers, sizeof place.readers, "%s/lock.mdb", place.dir);
    snprintf(place.nursery, sizeof place.nursery, "%s/data.new", place.dir);
    *state = &place;
    return 0;
}

/* Nothing else is left behind. */
static int tear_down(void **state)
{
    struct place *place = *state;
    unlink(place->path);
    unlink(place->readers);
    return rmdir(place->dir);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_new_database_is_whole_and_its_owners_alone(void **state)
{
    struct place *place = *state;
    struct stat status;
    MDB_env *env = NULL;
    assert_int_equal(lmdb_birth(place->dir), 0);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, place->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0), 0);
    mdb_env_close(env);
}

static void one_that_is_there_is_left_alone(void **state)
{
    struct place *place = *state;
    char text[16] = "";
    write_file(place->path, "what it is");
    assert_int_equal(lmdb_birth(place->dir), 0);
    FILE *file = fopen(place->path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "what it is");
}

static void what_a_crash_left_half_made_is_made_anew(void **state)
{
    struct place *place = *state;
    for (int has_file = 0; has_file < 2; has_file++) {
        struct stat status;
        assert_int_equal(mkdir(place->nursery, 0700), 0);
        if (has_file) write_file(place->unborn, "not a database");
        assert_int_equal(lmdb_birth(place->dir), 0);
        assert_int_equal(access(place->nursery, F_OK), -1);
        assert_int_equal(stat(place->path, &status), 0);
        assert_int_equal(status.st_size, 2 * sysconf(_SC_PAGESIZE));
        assert_int_equal(unlink(place->path), 0);
    }
}

static void what_a_crash_left_beside_a_database_is_removed(void **state)
{
    struct place *place = *state;
    write_file(place->path, "what it is");
    assert_int_equal(mkdir(place->nursery, 0700), 0);
    write_file(place->unborn, "not a database");
    assert_int_equal(lmdb_birth(place->dir), 0);
    assert_int_equal(access(place->nursery, F_OK), -1);
}

static void the_table_of_readers_has_its_room_and_keeps_what_is_in_it(void **state)
{
    struct place *place = *state;
    char text[16] = "";
    struct stat status;
    write_file(place->readers, "readers");
    assert_int_equal(lmdb_birth(place->dir), 0);
    assert_int_equal(stat(place->readers, &status), 0);
    assert_int_equal(status.st_size, 8192);
    assert_true(status.st_blocks * 512 >= 8192);
    FILE *file = fopen(place->readers, "re");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, 8, file), 8);
    fclose(file);
    assert_string_equal(text, "readers");
}

static void where_nothing_can_be_made_nothing_is_left(void **state)
{
    struct place *place = *state;
    assert_int_equal(lmdb_birth("/tmp/skerry-test-there-is-none"), ENOENT);
    write_file(place->nursery, "a file of that name");
    assert_int_equal(lmdb_birth(place->dir), ENOTDIR);
    assert_int_equal(access(place->path, F_OK), -1);
    assert_int_equal(unlink(place->nursery), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_database_is_whole_and_its_owners_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_there_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_crash_left_half_made_is_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_crash_left_beside_a_database_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_table_of_readers_has_its_room_and_keeps_what_is_in_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_can_be_made_nothing_is_left, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
