/* The lock of the data directory, secrets, and files that are whole or absent. */
#include "node/edge/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a failure is told. */
struct teller {
    char *message;
    size_t message_bytes;
};

__attribute__((format(printf, 3, 4))) static enum err tell(struct teller teller, enum err err, const char *format,
                                                           ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(teller.message, teller.message_bytes, format, arguments);
    va_end(arguments);
    return err;
}

static enum err err_of_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return ERR_FULL;
    case ENOMEM: return ERR_MEMORY;
    case EIO: return ERR_IO;
    default: return ERR_ACCESS;
    }
}

/* "PATH: cannot be VERB: why", of errno. */
static enum err tell_errno(struct teller teller, const char *path, const char *verb)
{
    int error = errno;
    return tell(teller, err_of_errno(error), "%s: cannot be %s: %s", path, verb, strerror(error));
}

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool write_all(int fd, struct span bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(fd, bytes.bytes, bytes.length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes = span_of(bytes.bytes + written, bytes.length - (size_t)written);
    }
    return true;
}

/* Up to `bytes_max`; false with errno. */
static bool read_all(int fd, uint8_t *bytes, size_t bytes_max, size_t *length)
{
    *length = 0;
    while (*length < bytes_max) {
        ssize_t got = read(fd, bytes + *length, bytes_max - *length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) break;
        *length += (size_t)got;
    }
    return true;
}

bool files_path(const char *dir, const char *name, char *path)
{
    int length = snprintf(path, FILES_PATH_BYTES, "%s/%s", dir, name);
    return length > 0 && length < FILES_PATH_BYTES;
}

/* Sync the directory that `path` lies in, so that its entry is as durable as its bytes. */
static bool sync_directory_of(const char *path)
{
    char dir[FILES_PATH_BYTES];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    assert(length < sizeof dir);
    snprintf(dir, sizeof dir, "%.*s", length == 0 ? 1 : (int)length, length == 0 ? "." : path);

    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool is_synced = fsync(fd) == 0;
    int error = errno;
    close_fd(&fd);
    errno = error;
    return is_synced;
}

/* --- the lock --- */

static enum err make_directory(const char *dir, struct teller teller)
{
    if (strlen(dir) >= FILES_PATH_BYTES) return tell(teller, ERR_ACCESS, "%s: a path too long", dir);
    if (mkdir(dir, 0700) == 0) {
        return sync_directory_of(dir) ? ERR_OK : tell_errno(teller, dir, "synced");
    }
    return errno == EEXIST ? ERR_OK : tell_errno(teller, dir, "created");
}

/* Who has the lock, as far as its file says. */
static enum err tell_holder(int fd, const char *path, struct teller teller)
{
    char pid[24];
    size_t length = 0;
    bool is_read = read_all(fd, (uint8_t *)pid, sizeof pid - 1, &length);
    pid[is_read ? length : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    const char *holder = pid[0] != '\0' ? pid : "of an unknown number";
    return tell(teller, ERR_LOCKED, "%s: process %s is using this data directory; stop it first", path, holder);
}

static enum err lock_file(int fd, const char *path, struct teller teller)
{
    int failed;
    do {
        failed = flock(fd, LOCK_EX | LOCK_NB);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0 && errno == EWOULDBLOCK) return tell_holder(fd, path, teller);
    if (failed != 0) return tell_errno(teller, path, "locked");

    char pid[24];
    int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || !write_all(fd, span_of(pid, (size_t)length))) {
        return tell_errno(teller, path, "written");
    }
    return ERR_OK;
}

enum err files_lock_take(struct files_lock *lock, const char *dir, char *message, size_t message_bytes)
{
    struct teller teller = {message, message_bytes};
    char path[FILES_PATH_BYTES];
    lock->fd = -1;

    enum err err = make_directory(dir, teller);
    if (err != ERR_OK) return err;
    if (!files_path(dir, "skerry.lock", path)) return tell(teller, ERR_ACCESS, "%s: a path too long", dir);

    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0) return tell_errno(teller, path, "opened");
    err = lock_file(fd, path, teller);
    if (err != ERR_OK) {
        close_fd(&fd);
        return err;
    }
    lock->fd = fd;
    return ERR_OK;
}

void files_lock_release(struct files_lock *lock)
{
    close_fd(&lock->fd); /* the lock goes with the last descriptor of it */
}

/* --- reading --- */

/* Refuse what is no regular file, and a secret that others can read or could have written (H33). */
static enum err check_file(int fd, const char *path, bool is_secret, struct teller teller)
{
    struct stat status;
    if (fstat(fd, &status) != 0) return tell_errno(teller, path, "examined");
    if (!S_ISREG(status.st_mode)) return tell(teller, ERR_ACCESS, "%s: not a regular file", path);
    bool is_open = (status.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0;
    if (!is_secret || !is_open) return ERR_OK;
    return tell(teller, ERR_ACCESS,
                "%s: a secret that its group or others may read or write (mode %03o); replace the secret if they "
                "may have, then chmod 600",
                path, (unsigned)(status.st_mode & 0777));
}

static enum err read_bounded(int fd, const char *path, uint8_t *bytes, size_t bytes_min, size_t bytes_max,
                             size_t *length, struct teller teller)
{
    size_t got = 0;
    size_t beyond = 0;
    uint8_t one_more[1];
    if (!read_all(fd, bytes, bytes_max, &got) || !read_all(fd, one_more, sizeof one_more, &beyond)) {
        return tell_errno(teller, path, "read");
    }
    if (got < bytes_min || beyond > 0) {
        return tell(teller, ERR_CORRUPT, "%s: has %s bytes than it must (%zu to %zu)", path,
                    beyond > 0 ? "more" : "fewer", bytes_min, bytes_max);
    }
    *length = got;
    return ERR_OK;
}

static enum err read_file(const char *path, bool is_secret, void *bytes, size_t bytes_min, size_t bytes_max,
                          size_t *length, bool *exists, struct teller teller)
{
    *length = 0;
    *exists = true;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe must not hold the start up */
    if (fd < 0 && errno == ENOENT) {
        *exists = false;
        return ERR_OK;
    }
    if (fd < 0) return tell_errno(teller, path, "opened");

    enum err err = check_file(fd, path, is_secret, teller);
    if (err == ERR_OK) err = read_bounded(fd, path, bytes, bytes_min, bytes_max, length, teller);
    close_fd(&fd);
    return err;
}

enum err files_read(const char *path, void *bytes, size_t bytes_min, size_t bytes_max, size_t *length,
                    bool *exists, char *message, size_t message_bytes)
{
    struct teller teller = {message, message_bytes};
    return read_file(path, false, bytes, bytes_min, bytes_max, length, exists, teller);
}

enum err files_secret_read(const char *path, void *bytes, size_t bytes_min, size_t bytes_max, size_t *length,
                           bool *exists, char *message, size_t message_bytes)
{
    struct teller teller = {message, message_bytes};
    return read_file(path, true, bytes, bytes_min, bytes_max, length, exists, teller);
}

/* --- writing --- */

/* A name beside `path` that nobody has: a number of its own each time, so that what a crash left behind is never
 * in the way. */
static bool temporary_path(const char *path, char *temporary)
{
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) return false;
    int length = snprintf(temporary, FILES_PATH_BYTES, "%s.%016llx.tmp", path, (unsigned long long)number);
    errno = ENAMETOOLONG;
    return length > 0 && length < FILES_PATH_BYTES;
}

/* Put the temporary file in its place. A file system that cannot rename without overwriting links instead. */
static bool put_in_place(const char *temporary, const char *path, bool may_replace)
{
    if (may_replace) return rename(temporary, path) == 0;
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0) return true;
    if (errno != EINVAL && errno != ENOSYS) return false;
    if (link(temporary, path) != 0) return false;
    unlink(temporary);
    return true;
}

static bool write_temporary(const char *temporary, mode_t mode, struct span bytes)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) return false;
    bool is_written = write_all(fd, bytes) && fsync(fd) == 0;
    int error = errno;
    bool is_closed = close(fd) == 0;
    if (!is_written) errno = error;
    return is_written && is_closed;
}

/* Write, sync, put in place, sync the directory. A failed sync is never tried again (H18). */
static enum err write_file(const char *path, struct span bytes, mode_t mode, bool may_replace,
                           struct teller teller)
{
    char temporary[FILES_PATH_BYTES];
    if (!temporary_path(path, temporary)) return tell_errno(teller, path, "created");

    enum err err = ERR_OK;
    if (!write_temporary(temporary, mode, bytes)) {
        err = tell_errno(teller, path, "written");
    } else if (!put_in_place(temporary, path, may_replace)) {
        err = tell_errno(teller, path, may_replace ? "replaced" : "created");
    } else {
        return sync_directory_of(path) ? ERR_OK : tell_errno(teller, path, "synced");
    }
    unlink(temporary);
    return err;
}

enum err files_secret_create(const char *path, struct span bytes, char *message, size_t message_bytes)
{
    struct teller teller = {message, message_bytes};
    return write_file(path, bytes, 0600, false, teller);
}

enum err files_replace(const char *path, struct span bytes, char *message, size_t message_bytes)
{
    struct teller teller = {message, message_bytes};
    return write_file(path, bytes, 0644, true, teller);
}

enum err files_secret_replace(const char *path, struct span bytes, char *message, size_t message_bytes)
{
    struct teller teller = {message, message_bytes};
    return write_file(path, bytes, 0600, true, teller);
}
