/* LMDB: the contract of kv.h, what survives a reopening, and what is refused. */
#include "node/edge/kv_lmdb.h"
#include "tests/lib/kv_contract.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAP_BYTES = 64 << 20 };

struct place {
    struct kv_lmdb db; /* first: the state is its kv */
    char dir[64];
};

static int set_up(void **state)
{
    static struct place place;
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    snprintf(place.dir, sizeof place.dir, "/tmp/skerry-test-XXXXXX");
    if (mkdtemp(place.dir) == NULL) return -1;
    *state = &place;
    return kv_lmdb_open(&place.db, place.dir, MAP_BYTES, message) == ERR_OK ? 0 : -1;
}

static struct place *place_of(void **state)
{
    return *state;
}

static void path_of(void **state, const char *name, char path[100])
{
    snprintf(path, 100, "%s/%s", place_of(state)->dir, name);
}

static int tear_down(void **state)
{
    char path[100];
    kv_lmdb_close(&place_of(state)->db);
    kv_lmdb_close(&place_of(state)->db);
    path_of(state, "data.mdb", path);
    unlink(path);
    path_of(state, "lock.mdb", path);
    unlink(path);
    return rmdir(place_of(state)->dir);
}

static void reopen(void **state, uint64_t map_bytes)
{
    struct place *place = place_of(state);
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    kv_lmdb_close(&place->db);
    assert_ok(kv_lmdb_open(&place->db, place->dir, map_bytes, message));
    assert_string_equal(message, "");
}

static void what_was_committed_is_there_after_a_reopening(void **state)
{
    kv_contract_put(*state, KV_META, "a", "1");
    kv_contract_put(*state, KV_ITEMS, "b", "2");
    struct kv_txn *txn = kv_contract_begin(*state, true);
    assert_ok(kv_put(txn, KV_ITEMS, span_text("c"), span_text("3")));
    kv_abort(txn);
    reopen(state, MAP_BYTES);
    txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_META, "a", "1");
    kv_contract_has(txn, KV_ITEMS, "b", "2");
    kv_contract_has(txn, KV_ITEMS, "c", NULL);
    kv_abort(txn);
}

static void only_the_owner_may_read_the_files(void **state)
{
    static const char *const names[2] = {"data.mdb", "lock.mdb"};
    for (int i = 0; i < 2; i++) {
        char path[100];
        struct stat status;
        path_of(state, names[i], path);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
}

/* Rows of 64 KiB until the map is full; returns how many went in. */
static uint32_t fill(struct kv *kv)
{
    static uint8_t value[64 * 1024];
    for (uint32_t count = 0;; count++) {
        char key[16];
        snprintf(key, sizeof key, "row %05u", count);
        struct kv_txn *txn = kv_contract_begin(kv, true);
        enum err err = kv_put(txn, KV_ITEMS, span_text(key), span_of(value, sizeof value));
        if (err == ERR_OK) {
            err = kv_commit(txn);
        } else {
            struct span other;
            assert_err(kv_put(txn, KV_META, span_text("small"), span_text("1")), ERR_FULL);
            assert_err(kv_get(txn, KV_META, span_text("small"), &other), ERR_FULL);
            assert_err(kv_commit(txn), ERR_FULL); /* said again, and not as a failing disk */
        }
        if (err == ERR_OK) continue;
        assert_err(err, ERR_FULL);
        return count;
    }
}

static void a_full_map_refuses_writes_and_goes_on(void **state)
{
    reopen(state, 2 << 20);
    uint32_t count = fill(*state);
    assert_in_range(count, 10, 32);
    struct kv_txn *txn = kv_contract_begin(*state, true);
    assert_ok(kv_delete(txn, KV_ITEMS, span_text("row 00001")));
    assert_ok(kv_commit(txn));
    txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_ITEMS, "row 00001", NULL);
    kv_contract_has(txn, KV_META, "small", NULL);
    kv_abort(txn);
}

static void a_larger_map_takes_more_and_a_smaller_wish_keeps_what_is_there(void **state)
{
    struct place *place = place_of(state);
    reopen(state, 2 << 20);
    assert_int_equal(kv_lmdb_map_bytes(&place->db), 2 << 20);
    fill(*state);
    reopen(state, (4 << 20) + 1);
    assert_int_equal(kv_lmdb_map_bytes(&place->db), (4 << 20) + sysconf(_SC_PAGESIZE));
    kv_contract_put(*state, KV_ITEMS, "more", "room");
    fill(*state);
    reopen(state, 1 << 20);
    assert_true(kv_lmdb_map_bytes(&place->db) >= 3 << 20);
    struct kv_txn *txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_ITEMS, "more", "room");
    kv_abort(txn);
}

static void used_bytes_grow_with_what_is_kept_and_fall_with_what_is_deleted(void **state)
{
    struct place *place = place_of(state);
    reopen(state, 2 << 20);
    uint64_t empty = kv_lmdb_used_bytes(&place->db);
    assert_in_range(empty, 1, 100 * 1024);
    uint32_t count = fill(*state);
    uint64_t full = kv_lmdb_used_bytes(&place->db);
    assert_in_range(full, count * 64u * 1024, 2 << 20);
    struct kv_txn *txn = kv_contract_begin(*state, true);
    for (uint32_t i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "row %05u", i);
        assert_ok(kv_delete(txn, KV_ITEMS, span_text(key)));
    }
    assert_ok(kv_commit(txn));
    assert_in_range(kv_lmdb_used_bytes(&place->db), 1, 200 * 1024);
}

static void overwrite(void **state, const void *bytes, size_t length)
{
    char path[100];
    path_of(state, "data.mdb", path);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

static void what_is_not_a_database_is_refused_and_the_message_says_where(void **state)
{
    static uint8_t noise[16384];
    struct place *place = place_of(state);
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * 7 + 1);
    kv_lmdb_close(&place->db);
    overwrite(state, noise, sizeof noise);
    assert_err(kv_lmdb_open(&place->db, place->dir, MAP_BYTES, message), ERR_CORRUPT);
    assert_non_null(strstr(message, place->dir));
    assert_non_null(strstr(message, "restore it from a copy"));
    kv_lmdb_close(&place->db);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct kv_lmdb db = {0};
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    kv_lmdb_close(&db);
    assert_err(kv_lmdb_open(&db, "/nonexistent/skerry", MAP_BYTES, message), ERR_IO);
    assert_string_equal(message, "cannot open the database in /nonexistent/skerry: No such file or directory");
    kv_lmdb_close(&db);
}

static void a_directory_of_others_is_refused(void **state)
{
    struct place *place = place_of(state);
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    if (geteuid() == 0) skip(); /* nothing is refused to root */
    kv_lmdb_close(&place->db);
    assert_int_equal(chmod(place->dir, 0500), 0);
    char path[100];
    path_of(state, "data.mdb", path);
    assert_int_equal(chmod(path, 0400), 0);
    enum err err = kv_lmdb_open(&place->db, place->dir, MAP_BYTES, message);
    assert_int_equal(chmod(place->dir, 0700), 0);
    assert_err(err, ERR_ACCESS);
}

static void more_readers_than_there_are_places_are_refused_and_later_served(void **state)
{
    enum { READERS_MAX = 200 };
    static struct kv_txn *readers[READERS_MAX];
    uint32_t count = 0;
    enum err err = ERR_OK;
    while (count < READERS_MAX && (err = kv_begin(*state, false, &readers[count])) == ERR_OK)
        count++;
    assert_err(err, ERR_MEMORY);
    assert_true(count >= 100);
    while (count > 0)
        kv_abort(readers[--count]);
    kv_abort(kv_contract_begin(*state, false));
}

/* --- pages that are damaged under the open file ---------------------------------------------------------- */

enum { ROWS = 400, PAGE_BYTES = 4096, BRANCH = 1 };

static struct span row_key(int row, char key[16])
{
    snprintf(key, 16, "row %05d", row);
    return span_text(key);
}

/* Rows on many pages below one branch page, of which the last child's number is then flipped in the file. */
static void make_rows_and_flip_a_branch(void **state)
{
    static uint8_t page[PAGE_BYTES];
    char text[100];
    struct kv_txn *txn = kv_contract_begin(*state, true);
    for (int row = 0; row < ROWS; row++)
        assert_ok(kv_put(txn, KV_ITEMS, row_key(row, text), span_of(page, 100)));
    assert_ok(kv_put(txn, KV_META, span_text("sound"), span_text("1")));
    assert_ok(kv_commit(txn));
    path_of(state, "data.mdb", text);
    int fd = open(text, O_RDWR);
    int branches = 0;
    assert_true(fd >= 0);
    for (off_t at = 0; pread(fd, page, sizeof page, at) == PAGE_BYTES; at += PAGE_BYTES) {
        uint16_t flags = 0;
        uint16_t lower = 0;
        uint16_t node = 0;
        memcpy(&flags, page + 10, sizeof flags);
        memcpy(&lower, page + 12, sizeof lower);
        if (at < 2 * PAGE_BYTES || flags != BRANCH) continue;
        memcpy(&node, page + lower - 2, sizeof node);
        page[node + 3] ^= 0x40; /* a child far behind the end of the file */
        assert_int_equal(pwrite(fd, page, sizeof page, at), PAGE_BYTES);
        branches++;
    }
    close(fd);
    assert_true(branches > 0);
}

static void a_damaged_page_is_said_by_every_call_of_its_transaction_and_of_no_other(void **state)
{
    char text[16];
    struct span value;
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    make_rows_and_flip_a_branch(state);
    struct kv_txn *txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_META, "sound", "1");
    assert_err(kv_get(txn, KV_ITEMS, row_key(ROWS - 1, text), &value), ERR_CORRUPT);
    assert_err(kv_get(txn, KV_META, span_text("sound"), &value), ERR_CORRUPT);
    kv_abort(txn);

    txn = kv_contract_begin(*state, false); /* the same one, kept and begun anew */
    kv_contract_has(txn, KV_META, "sound", "1");
    assert_ok(kv_get(txn, KV_ITEMS, row_key(0, text), &value));
    assert_int_equal(value.length, 100);
    assert_ok(kv_cursor_open(txn, KV_ITEMS, &cursor));
    assert_err(kv_cursor_step(cursor, KV_AT_OR_AFTER, row_key(ROWS - 1, text), &pair, &found), ERR_CORRUPT);
    assert_err(kv_cursor_step(cursor, KV_AT_OR_AFTER, row_key(0, text), &pair, &found), ERR_CORRUPT);
    kv_cursor_close(cursor);
    assert_err(kv_get(txn, KV_META, span_text("sound"), &value), ERR_CORRUPT);
    kv_abort(txn);

    txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_META, "sound", "1");
    kv_abort(txn);
}

/* What the write that meets it says last, and the exit code. */
static int write_in_a_process(void **state, bool is_get, char said[400])
{
    int ends[2];
    int status = 0;
    char text[16];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kv_txn *txn = NULL;
        struct span value;
        struct span key = row_key(ROWS - 1, text);
        dup2(ends[1], STDERR_FILENO);
        if (kv_begin(*state, true, &txn) != ERR_OK) _exit(2);
        enum err err = is_get ? kv_get(txn, KV_ITEMS, key, &value) : kv_put(txn, KV_ITEMS, key, span_text("new"));
        if (err == ERR_OK) err = kv_commit(txn);
        _exit(err == ERR_OK ? 0 : 3);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    ssize_t length = read(ends[0], said, 399);
    said[length < 0 ? 0 : length] = '\0';
    close(ends[0]);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_write_that_meets_a_damaged_page_ends_the_process_with_words(void **state)
{
    char said[400];
    make_rows_and_flip_a_branch(state);
    for (int is_get = 0; is_get < 2; is_get++) {
        assert_int_equal(write_in_a_process(state, is_get != 0, said), 1);
        assert_non_null(strstr(said, "a page of the database is damaged"));
        assert_non_null(strstr(said, "skerry repair check"));
        assert_non_null(strstr(said, "a write met it"));
    }
}

/* Both keys are always changed together. */
static void *count_up(void *kv)
{
    for (int i = 1; i <= 100; i++) {
        char text[16];
        struct kv_txn *txn = NULL;
        snprintf(text, sizeof text, "%d", i);
        if (kv_begin(kv, true, &txn) != ERR_OK) return "begin";
        if (kv_put(txn, KV_ITEMS, span_text("a"), span_text(text)) != ERR_OK) return "put";
        if (kv_put(txn, KV_COUNTS, span_text("b"), span_text(text)) != ERR_OK) return "put";
        if (kv_commit(txn) != ERR_OK) return "commit";
    }
    return NULL;
}

static void readers_of_one_thread_see_whole_commits_of_another(void **state)
{
    pthread_t writer;
    void *complaint = NULL;
    kv_contract_put(*state, KV_ITEMS, "a", "0");
    kv_contract_put(*state, KV_COUNTS, "b", "0");
    assert_int_equal(pthread_create(&writer, NULL, count_up, *state), 0);
    for (bool is_over = false; !is_over;) {
        is_over = pthread_tryjoin_np(writer, &complaint) == 0; /* then once more */
        struct kv_txn *txn = kv_contract_begin(*state, false);
        struct span a;
        struct span b;
        assert_ok(kv_get(txn, KV_ITEMS, span_text("a"), &a));
        assert_ok(kv_get(txn, KV_COUNTS, span_text("b"), &b));
        assert_span(a, b);
        if (is_over) assert_span_text(a, "100");
        kv_abort(txn);
    }
    assert_null(complaint);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        KV_CONTRACT_TESTS(set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_committed_is_there_after_a_reopening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_owner_may_read_the_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_map_refuses_writes_and_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_larger_map_takes_more_and_a_smaller_wish_keeps_what_is_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(used_bytes_grow_with_what_is_kept_and_fall_with_what_is_deleted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_a_database_is_refused_and_the_message_says_where, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_page_is_said_by_every_call_of_its_transaction_and_of_no_other,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_that_meets_a_damaged_page_ends_the_process_with_words, set_up,
                                        tear_down),
        cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
        cmocka_unit_test_setup_teardown(a_directory_of_others_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_of_one_thread_see_whole_commits_of_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_readers_than_there_are_places_are_refused_and_later_served, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
