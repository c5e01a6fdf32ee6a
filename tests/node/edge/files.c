/* The lock, secrets and replaced files on a real file system, with every system call on the way made to fail once.
 *
 * The calls are this program's own, in front of the C library's: they count, fail the chosen one, and keep the
 * order in which they came, because "synced before it has its name" is a promise about order (H23).
 */
#include "node/edge/files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* --- the calls between files.c and the kernel --- */

/* Interposed functions get no context: the one mutable variable of this file. */
static struct {
    bool is_armed;
    unsigned calls;
    unsigned fail_at; /* from 1; 0 never */
    int error;
    size_t write_bytes_max; /* a short write; 0 none */
    bool has_no_renameat2;
    char order[256];
} calls;

static bool is_failing(const char *name)
{
    if (!calls.is_armed) return false;
    size_t length = strlen(calls.order);
    snprintf(calls.order + length, sizeof calls.order - length, "%s ", name);
    calls.calls++;
    if (calls.calls != calls.fail_at) return false;
    errno = calls.error;
    return true;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    if (is_failing("write")) return -1;
    bool is_short = calls.is_armed && calls.write_bytes_max != 0 && calls.write_bytes_max < length;
    return syscall(SYS_write, fd, bytes, is_short ? calls.write_bytes_max : length);
}

ssize_t read(int fd, void *bytes, size_t length)
{
    return is_failing("read") ? -1 : syscall(SYS_read, fd, bytes, length);
}

int fsync(int fd)
{
    return is_failing("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    return is_failing("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (is_failing("renameat2")) return -1;
    if (calls.is_armed && calls.has_no_renameat2) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
    return is_failing("link") ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int ftruncate(int fd, off_t length)
{
    return is_failing("ftruncate") ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

int flock(int fd, int operation)
{
    return is_failing("flock") ? -1 : (int)syscall(SYS_flock, fd, operation);
}

int mkdir(const char *path, mode_t mode)
{
    return is_failing("mkdir") ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    return is_failing("getrandom") ? -1 : syscall(SYS_getrandom, bytes, length, flags);
}

static void arm(unsigned fail_at, int error)
{
    memset(&calls, 0, sizeof calls);
    calls.fail_at = fail_at;
    calls.error = error;
    calls.is_armed = true;
}

static void disarm(void)
{
    calls.is_armed = false;
}

/* --- a directory per test --- */

struct place {
    char dir[64];
    char path[FILES_PATH_BYTES];
    char message[FILES_MESSAGE_BYTES];
};

static int place_create(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL) return -1;
    strcpy(place->dir, "/tmp/skerry-files-XXXXXX");
    if (mkdtemp(place->dir) == NULL || !files_path(place->dir, "file", place->path)) return -1;
    *state = place;
    return 0;
}

static int place_destroy(void **state)
{
    struct place *place = *state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", place->dir);
    int failed = system(command);
    free(place);
    return failed;
}

static unsigned count_entries(const char *dir)
{
    char command[256];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls -A %s | wc -l", dir);
    FILE *listing = popen(command, "r");
    assert_non_null(listing);
    assert_int_equal(fscanf(listing, "%u", &count), 1);
    pclose(listing);
    return count;
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void assert_holds(struct place *place, const char *text)
{
    char bytes[64] = {0};
    size_t length = 0;
    bool exists = false;
    assert_int_equal(
        files_read(place->path, bytes, 0, sizeof bytes - 1, &length, &exists, place->message, FILES_MESSAGE_BYTES),
        ERR_OK);
    assert_true(exists);
    assert_string_equal(bytes, text);
}

static enum err read_secret(struct place *place, char bytes[8], size_t *length, bool *exists)
{
    memset(bytes, 'x', 8);
    return files_secret_read(place->path, bytes, 2, 4, length, exists, place->message, FILES_MESSAGE_BYTES);
}

/* --- the lock --- */

static void one_process_has_the_directory_and_the_next_is_told_which(void **state)
{
    struct place *place = *state; /* H2 */
    char dir[128];
    char expected[FILES_MESSAGE_BYTES];
    struct files_lock lock;
    struct files_lock second;
    snprintf(dir, sizeof dir, "%s/data", place->dir);

    assert_int_equal(files_lock_take(&lock, dir, place->message, sizeof place->message), ERR_OK);
    assert_int_equal(mode_of(dir), 0700);
    snprintf(expected, sizeof expected, "%s/skerry.lock", dir);
    assert_int_equal(mode_of(expected), 0600);

    assert_int_equal(files_lock_take(&second, dir, place->message, sizeof place->message), ERR_LOCKED);
    assert_int_equal(second.fd, -1);
    snprintf(expected, sizeof expected, "%s/skerry.lock: process %d is using this data directory; stop it first",
             dir, (int)getpid());
    assert_string_equal(place->message, expected);

    files_lock_release(&lock);
    files_lock_release(&lock);
    assert_int_equal(files_lock_take(&second, dir, place->message, sizeof place->message), ERR_OK);
    files_lock_release(&second);
}

static void the_lock_goes_with_its_process(void **state)
{
    struct place *place = *state;
    struct files_lock lock;
    pid_t child = fork();
    if (child == 0) {
        _exit(files_lock_take(&lock, place->dir, place->message, sizeof place->message) == ERR_OK ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(files_lock_take(&lock, place->dir, place->message, sizeof place->message), ERR_OK);
    files_lock_release(&lock);
}

static void a_lock_file_with_anything_in_it_does_not_matter(void **state)
{
    struct place *place = *state;
    struct files_lock lock;
    struct files_lock second;
    char path[FILES_PATH_BYTES];
    assert_true(files_path(place->dir, "skerry.lock", path));
    put(path, "a much longer text than any number of a process, and not one either\n", 0600);
    assert_int_equal(files_lock_take(&lock, place->dir, place->message, sizeof place->message), ERR_OK);
    char expected[32];
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    strcpy(place->path, path);
    assert_holds(place, expected);

    put(path, "?", 0600);
    assert_int_equal(files_lock_take(&second, place->dir, place->message, sizeof place->message), ERR_LOCKED);
    assert_non_null(strstr(place->message, "process of an unknown number"));
    files_lock_release(&lock);
}

static void a_directory_that_cannot_be_is_named(void **state)
{
    struct place *place = *state;
    struct files_lock lock;
    char dir[128];
    char expected[FILES_MESSAGE_BYTES];
    snprintf(dir, sizeof dir, "%s/no/such", place->dir);
    assert_int_equal(files_lock_take(&lock, dir, place->message, sizeof place->message), ERR_ACCESS);
    snprintf(expected, sizeof expected, "%s: cannot be created: No such file or directory", dir);
    assert_string_equal(place->message, expected);

    put(place->path, "", 0600);
    assert_int_equal(files_lock_take(&lock, place->path, place->message, sizeof place->message), ERR_ACCESS);
    snprintf(expected, sizeof expected, "%s/skerry.lock: cannot be opened: Not a directory", place->path);
    assert_string_equal(place->message, expected);
    assert_int_equal(lock.fd, -1);
}

static void every_call_of_the_lock_may_fail(void **state)
{
    struct place *place = *state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s/data", place->dir);
    unsigned fail_at = 0;
    enum err err;
    do {
        struct files_lock lock;
        rmdir(dir);
        arm(++fail_at, EIO);
        err = files_lock_take(&lock, dir, place->message, sizeof place->message);
        disarm();
        if (err != ERR_OK) assert_int_equal(lock.fd, -1);
        if (err != ERR_OK) assert_int_equal(err, ERR_IO);
        files_lock_release(&lock);
    } while (err != ERR_OK);
    assert_in_range(fail_at, 5, 10);
}

/* --- secrets --- */

static void a_secret_is_created_whole_private_and_synced_before_it_has_its_name(void **state)
{
    struct place *place = *state; /* H23, H33 */
    mode_t umask_before = umask(0);
    arm(0, 0);
    assert_int_equal(files_secret_create(place->path, span_text("abc"), place->message, FILES_MESSAGE_BYTES),
                     ERR_OK);
    disarm();
    umask(umask_before);
    assert_string_equal(calls.order, "getrandom write fsync renameat2 fsync ");
    assert_int_equal(mode_of(place->path), 0600);
    assert_int_equal(count_entries(place->dir), 1);

    char bytes[8];
    size_t length;
    bool exists;
    assert_int_equal(read_secret(place, bytes, &length, &exists), ERR_OK);
    assert_true(exists);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "abcxxxxx", 8);
}

static void a_secret_is_never_overwritten(void **state)
{
    struct place *place = *state;
    for (int fallback = 0; fallback < 2; fallback++) {
        put(place->path, "old", 0600);
        arm(0, 0);
        calls.has_no_renameat2 = fallback == 1;
        assert_int_equal(files_secret_create(place->path, span_text("new"), place->message, FILES_MESSAGE_BYTES),
                         ERR_ACCESS);
        disarm();
        assert_non_null(strstr(place->message, "file: cannot be created: File exists"));
        assert_holds(place, "old");
        assert_int_equal(count_entries(place->dir), 1);
    }
}

static void without_renameat2_a_secret_is_linked(void **state)
{
    struct place *place = *state;
    arm(0, 0);
    calls.has_no_renameat2 = true;
    assert_int_equal(files_secret_create(place->path, span_text("new"), place->message, FILES_MESSAGE_BYTES),
                     ERR_OK);
    disarm();
    assert_holds(place, "new");
    assert_int_equal(count_entries(place->dir), 1);
}

/* A mode is refused exactly when it lets the group or others read or write. */
static void a_secret_that_others_can_read_is_refused(void **state)
{
    struct place *place = *state; /* H33 */
    for (mode_t mode = 0600; mode <= 0777; mode++) {
        char bytes[8];
        size_t length;
        bool exists;
        put(place->path, "abc", mode);
        bool is_open = (mode & 066) != 0;
        enum err err = read_secret(place, bytes, &length, &exists);
        assert_int_equal(err, is_open ? ERR_ACCESS : ERR_OK);
        if (is_open) assert_memory_equal(bytes, "xxxxxxxx", 8);
    }
    assert_non_null(
        strstr(place->message, "file: a secret that its group or others may read or write (mode 777)"));
}

static void a_file_of_a_wrong_size_is_refused_with_the_bounds(void **state)
{
    struct place *place = *state;
    const char *texts[] = {"", "a", "ab", "abcd", "abcde", "abcdefghij"};
    for (size_t i = 0; i < 6; i++) {
        char bytes[8];
        size_t length;
        bool exists;
        put(place->path, texts[i], 0600);
        size_t size = strlen(texts[i]);
        bool fits = size >= 2 && size <= 4;
        assert_int_equal(read_secret(place, bytes, &length, &exists), fits ? ERR_OK : ERR_CORRUPT);
        assert_int_equal(length, fits ? size : 0);
        const char *amount = size < 2 ? "has fewer bytes than it must (2 to 4)"
                                      : "has more bytes than it must (2 to 4)";
        if (!fits) assert_non_null(strstr(place->message, amount));
        assert_memory_equal(bytes + 4, "xxxx", 4);
    }
}

static void an_absent_file_is_an_answer_and_not_an_error(void **state)
{
    struct place *place = *state;
    char bytes[8];
    size_t length = 7;
    bool exists = true;
    assert_int_equal(read_secret(place, bytes, &length, &exists), ERR_OK);
    assert_false(exists);
    assert_int_equal(length, 0);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    struct place *place = *state;
    char bytes[8];
    size_t length;
    bool exists;
    assert_int_equal(mkfifo(place->path, 0600), 0);
    assert_int_equal(read_secret(place, bytes, &length, &exists), ERR_ACCESS);
    assert_non_null(strstr(place->message, "file: not a regular file"));
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(mkdir(place->path, 0700), 0);
    assert_int_equal(read_secret(place, bytes, &length, &exists), ERR_ACCESS);
}

static void every_call_of_a_read_may_fail(void **state)
{
    struct place *place = *state;
    char bytes[8];
    size_t length;
    bool exists;
    put(place->path, "abc", 0600);
    unsigned fail_at = 0;
    enum err err;
    do {
        arm(++fail_at, EIO);
        err = read_secret(place, bytes, &length, &exists);
        disarm();
        if (err != ERR_OK) assert_int_equal(err, ERR_IO);
    } while (err != ERR_OK);
    assert_in_range(fail_at, 3, 5);

    arm(1, EINTR); /* a signal is no failure */
    assert_int_equal(read_secret(place, bytes, &length, &exists), ERR_OK);
    disarm();
    assert_int_equal(length, 3);
}

/* --- replaced files --- */

static void a_file_is_replaced_at_once_and_in_its_mode(void **state)
{
    struct place *place = *state;
    mode_t umask_before = umask(022);
    arm(0, 0);
    calls.write_bytes_max = 2;
    assert_int_equal(files_replace(place->path, span_text("first"), place->message, FILES_MESSAGE_BYTES), ERR_OK);
    disarm();
    assert_string_equal(calls.order, "getrandom write write write fsync rename fsync ");
    assert_holds(place, "first");
    assert_int_equal(mode_of(place->path), 0644);

    assert_int_equal(files_secret_replace(place->path, span_text(""), place->message, FILES_MESSAGE_BYTES),
                     ERR_OK);
    umask(umask_before);
    assert_holds(place, "");
    assert_int_equal(mode_of(place->path), 0600);
    assert_int_equal(count_entries(place->dir), 1);
}

/* Whichever call fails: the old file or the new one, whole, and nothing beside it. */
static void every_call_of_a_write_may_fail(void **state)
{
    struct place *place = *state; /* I23 */
    static const struct {
        int error;
        enum err err;
    } errors[] = {
        {EIO, ERR_IO}, {ENOSPC, ERR_FULL}, {EDQUOT, ERR_FULL}, {ENOMEM, ERR_MEMORY}, {EPERM, ERR_ACCESS}};
    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
        unsigned fail_at = 0;
        enum err err;
        do {
            put(place->path, "old", 0600);
            arm(++fail_at, errors[e].error);
            err = files_replace(place->path, span_text("new"), place->message, FILES_MESSAGE_BYTES);
            disarm();
            if (err != ERR_OK) assert_int_equal(err, errors[e].err);
            bool is_in_place = strstr(calls.order, "rename fsync") != NULL;
            assert_holds(place, is_in_place ? "new" : "old");
            assert_int_equal(count_entries(place->dir), 1);
        } while (err != ERR_OK);
        assert_int_equal(fail_at, 6);
    }
}

/* The same for a secret's creation, on both ways into its place; a signal on the way is no failure. */
static void every_call_of_a_creation_may_fail(void **state)
{
    struct place *place = *state; /* I23, H33 */
    for (int fallback = 0; fallback < 2; fallback++) {
        for (int error = 0; error < 2; error++) {
            unsigned fail_at = 0;
            enum err err;
            do {
                unlink(place->path);
                arm(++fail_at, error == 0 ? EIO : EINTR);
                calls.has_no_renameat2 = fallback == 1;
                err = files_secret_create(place->path, span_text("new"), place->message, FILES_MESSAGE_BYTES);
                disarm();
                bool is_in_place = strstr(calls.order, fallback == 0 ? "renameat2 fsync" : "link fsync") != NULL;
                if (is_in_place) assert_holds(place, "new");
                assert_int_equal(count_entries(place->dir), is_in_place ? 1 : 0);
                bool is_write_interrupted = error == 1 && fail_at == 2;
                if (is_write_interrupted) assert_int_equal(err, ERR_OK);
            } while (err != ERR_OK || fail_at == 2);
            assert_int_equal(fail_at, fallback == 0 ? 6 : 7);
        }
    }
}

static void a_directory_may_be_named_with_slashes_at_its_end(void **state)
{
    struct place *place = *state;
    struct files_lock lock;
    char dir[128];
    snprintf(dir, sizeof dir, "%s//data//", place->dir);
    assert_int_equal(files_lock_take(&lock, dir, place->message, sizeof place->message), ERR_OK);
    files_lock_release(&lock);
    assert_int_equal(count_entries(dir), 1);
}

static void a_path_too_long_or_nowhere_is_refused(void **state)
{
    struct place *place = *state;
    char path[2 * FILES_PATH_BYTES];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(files_replace(path, span_text("x"), place->message, FILES_MESSAGE_BYTES), ERR_ACCESS);
    assert_int_equal(files_replace("/no/such/file", span_text("x"), place->message, FILES_MESSAGE_BYTES),
                     ERR_ACCESS);
    assert_string_equal(place->message, "/no/such/file: cannot be written: No such file or directory");
    struct files_lock lock;
    assert_int_equal(files_lock_take(&lock, path, place->message, sizeof place->message), ERR_ACCESS);
    memcpy(path, "/tmp/", 5);
    path[FILES_PATH_BYTES - 5] = '\0';
    assert_int_equal(files_lock_take(&lock, path, place->message, sizeof place->message), ERR_ACCESS);
    assert_int_equal(symlink(place->path, place->path), 0);
    size_t length;
    bool exists;
    assert_int_equal(read_secret(place, path, &length, &exists), ERR_ACCESS);
    assert_non_null(strstr(place->message, "file: cannot be opened: Too many levels of symbolic links"));
    memset(path, 'p', sizeof path - 1);
    char joined[FILES_PATH_BYTES];
    assert_false(files_path(path, "x", joined));
}

static void a_name_without_a_directory_is_in_this_one(void **state)
{
    struct place *place = *state;
    char before[FILES_PATH_BYTES];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(place->dir), 0);
    assert_int_equal(files_replace("file", span_text("here"), place->message, FILES_MESSAGE_BYTES), ERR_OK);
    assert_int_equal(chdir(before), 0);
    assert_holds(place, "here");
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_create, place_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(one_process_has_the_directory_and_the_next_is_told_which),
        IN_A_PLACE(the_lock_goes_with_its_process),
        IN_A_PLACE(a_lock_file_with_anything_in_it_does_not_matter),
        IN_A_PLACE(a_directory_that_cannot_be_is_named),
        IN_A_PLACE(every_call_of_the_lock_may_fail),
        IN_A_PLACE(a_secret_is_created_whole_private_and_synced_before_it_has_its_name),
        IN_A_PLACE(a_secret_is_never_overwritten),
        IN_A_PLACE(without_renameat2_a_secret_is_linked),
        IN_A_PLACE(a_secret_that_others_can_read_is_refused),
        IN_A_PLACE(a_file_of_a_wrong_size_is_refused_with_the_bounds),
        IN_A_PLACE(an_absent_file_is_an_answer_and_not_an_error),
        IN_A_PLACE(what_is_no_regular_file_is_refused_without_waiting),
        IN_A_PLACE(every_call_of_a_read_may_fail),
        IN_A_PLACE(a_file_is_replaced_at_once_and_in_its_mode),
        IN_A_PLACE(every_call_of_a_write_may_fail),
        IN_A_PLACE(every_call_of_a_creation_may_fail),
        IN_A_PLACE(a_directory_may_be_named_with_slashes_at_its_end),
        IN_A_PLACE(a_path_too_long_or_nowhere_is_refused),
        IN_A_PLACE(a_name_without_a_directory_is_in_this_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
