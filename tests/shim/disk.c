/* A disk that fails, or remembers: preloaded into a process, it stands before the calls that change files.
 *
 *   SHIM_DISK_DIR      the directory it is about, absolute; all other files are left alone
 *   SHIM_DISK_CONTROL  a file of struct disk_control: which call fails, and how (disk_files.h)
 *   SHIM_DISK_JOURNAL  a file: everything that is done to the directory is noted there (disk_journal.h)
 *
 * Files are told apart by their inode. What is stored through a map is not seen: of the files here only LMDB's
 * lock.mdb is written so, and its content means nothing after a crash. Each call is made and noted under one
 * mutex.
 */
#include "disk_journal.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/socket.h>

/* The next one of that name: libc's, or that of a sanitizer which then calls libc's. */
#define REAL(function, type) ((type)(uintptr_t)dlsym(RTLD_NEXT, function))

typedef ssize_t write_call(int, const void *, size_t);
typedef ssize_t writev_call(int, const struct iovec *, int);
typedef ssize_t pwrite_call(int, const void *, size_t, off_t);
typedef ssize_t pwritev_call(int, const struct iovec *, int, off_t);
typedef int sync_call(int);
typedef int truncate_call(int, off_t);
typedef int allocate_call(int, off_t, off_t);
typedef int open_call(const char *, int, ...);
typedef int names_call(const char *, const char *);
typedef int rename_call(int, const char *, int, const char *, unsigned);
typedef int name_call(const char *);
typedef int mkdir_call(const char *, mode_t);

/* Looked up once: a process asks for them a million times. */
static struct {
    write_call *write;
    writev_call *writev;
    pwrite_call *pwrite;
    pwritev_call *pwritev;
    sync_call *fsync;
    sync_call *fdatasync;
    truncate_call *ftruncate;
    allocate_call *posix_fallocate;
    open_call *open;
    names_call *rename;
    names_call *link;
    rename_call *renameat2;
    name_call *unlink;
    mkdir_call *mkdir;
} real;

static void find_real(void)
{
    if (real.write != NULL) return;
    real.writev = REAL("writev", writev_call *);
    real.pwrite = REAL("pwrite", pwrite_call *);
    real.pwritev = REAL("pwritev", pwritev_call *);
    real.fsync = REAL("fsync", sync_call *);
    real.fdatasync = REAL("fdatasync", sync_call *);
    real.ftruncate = REAL("ftruncate", truncate_call *);
    real.posix_fallocate = REAL("posix_fallocate", allocate_call *);
    real.open = REAL("open", open_call *);
    real.rename = REAL("rename", names_call *);
    real.link = REAL("link", names_call *);
    real.renameat2 = REAL("renameat2", rename_call *);
    real.unlink = REAL("unlink", name_call *);
    real.mkdir = REAL("mkdir", mkdir_call *);
    real.write = REAL("write", write_call *);
}

__attribute__((constructor)) static void set_up(void)
{
    find_real();
    disk_journal_set_up();
    disk_set_up();
}

static void note(enum disk_record record, uint64_t inode, uint64_t offset, const void *bytes, size_t length)
{
    disk_note(real.writev, record, inode, offset, bytes, length);
}

static int fail(void)
{
    errno = disk_error();
    return -1;
}

/* --- writing -------------------------------------------------------------------------------------------- */

/* A write of `length` bytes that `pieces` hold, at `offset`. Always done with pwritev, however it was asked for.
 */
static ssize_t write_file(int fd, uint64_t inode, const struct iovec *pieces, int count, off_t offset)
{
    bool is_root = disk_is_durable_at_return(fd);
    enum disk_verdict verdict = disk_judge(DISK_WRITE | (is_root ? DISK_ROOT_WRITE : 0));
    struct iovec half = {0};
    if (verdict == DISK_FAIL) return fail();
    if (verdict == DISK_DO_HALF) {
        half = (struct iovec){pieces[0].iov_base, (pieces[0].iov_len + 1) / 2};
        pieces = &half;
        count = 1;
    }
    ssize_t written = real.pwritev(fd, pieces, count, offset);
    size_t rest = written > 0 ? (size_t)written : 0;
    for (int i = 0; i < count && rest > 0; i++) {
        size_t length = pieces[i].iov_len < rest ? pieces[i].iov_len : rest;
        note(is_root ? DISK_RECORD_ROOT : DISK_RECORD_WRITE, inode, (uint64_t)offset, pieces[i].iov_base, length);
        offset += (off_t)length;
        rest -= length;
    }
    return verdict == DISK_DO_AND_FAIL ? fail() : written;
}

/* Does an answer begin here that says it was done? Then it is noted before it leaves: what it acknowledges must be
 * on the disk by now. */
static void watch_answer(int fd, const void *bytes, size_t length)
{
    static const char begin[] = "HTTP/1.1 2";
    static const char written[] = "HTTP/1.1 204"; /* a read may still be answered while the loop hears of it */
    struct sockaddr_in peer = {0};
    socklen_t peer_bytes = sizeof peer;
    if (disk.dir_length == 0 || length < sizeof begin - 1 || memcmp(bytes, begin, sizeof begin - 1) != 0) return;
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) != 0) return;
    pthread_mutex_lock(&disk.mutex);
    bool is_write = length >= sizeof written - 1 && memcmp(bytes, written, sizeof written - 1) == 0;
    bool is_late = disk.control != NULL && atomic_load(&disk.control->failed) != 0;
    if (is_write && is_late) atomic_fetch_add(&disk.control->acks, 1);
    note(DISK_RECORD_ACK, 0, ntohl(peer.sin_addr.s_addr), NULL, 0);
    pthread_mutex_unlock(&disk.mutex);
}

/* At the file's own position, which moves. */
static ssize_t write_next(int fd, uint64_t inode, const struct iovec *pieces, int count)
{
    pthread_mutex_lock(&disk.mutex);
    ssize_t written = write_file(fd, inode, pieces, count, lseek(fd, 0, SEEK_CUR));
    if (written > 0) lseek(fd, written, SEEK_CUR);
    pthread_mutex_unlock(&disk.mutex);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    find_real();
    uint64_t inode = disk_inode_of(fd);
    struct iovec piece = {(void *)(uintptr_t)bytes, length};
    if (inode != 0) return write_next(fd, inode, &piece, 1);
    watch_answer(fd, bytes, length);
    return real.write(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    find_real();
    uint64_t inode = disk_inode_of(fd);
    if (inode != 0) return write_next(fd, inode, pieces, count);
    if (count > 0) watch_answer(fd, pieces[0].iov_base, pieces[0].iov_len);
    return real.writev(fd, pieces, count);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    find_real();
    uint64_t inode = disk_inode_of(fd);
    if (inode == 0) return real.pwritev(fd, pieces, count, offset);
    pthread_mutex_lock(&disk.mutex);
    ssize_t written = write_file(fd, inode, pieces, count, offset);
    pthread_mutex_unlock(&disk.mutex);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    find_real();
    struct iovec piece = {(void *)(uintptr_t)bytes, length};
    return disk_inode_of(fd) == 0 ? real.pwrite(fd, bytes, length, offset) : pwritev(fd, &piece, 1, offset);
}

/* --- syncing -------------------------------------------------------------------------------------------- */

static int sync_with(sync_call *sync, int fd)
{
    uint64_t inode = disk_inode_of(fd);
    if (inode == 0 && !disk_is_directory(fd)) return sync(fd);
    pthread_mutex_lock(&disk.mutex);
    enum disk_verdict verdict = disk_judge(inode == 0 ? DISK_SYNC : DISK_SYNC | DISK_FILE_SYNC);
    int result = verdict == DISK_FAIL ? fail() : sync(fd);
    if (result == 0) note(inode == 0 ? DISK_RECORD_SYNC_DIR : DISK_RECORD_SYNC, inode, 0, NULL, 0);
    if (verdict == DISK_DO_AND_FAIL) result = fail();
    pthread_mutex_unlock(&disk.mutex);
    return result;
}

int fsync(int fd)
{
    find_real();
    return sync_with(real.fsync, fd);
}

int fdatasync(int fd)
{
    find_real();
    return sync_with(real.fdatasync, fd);
}

/* --- names and sizes ------------------------------------------------------------------------------------ */

int ftruncate(int fd, off_t length)
{
    find_real();
    uint64_t inode = disk_inode_of(fd);
    if (inode == 0) return real.ftruncate(fd, length);
    pthread_mutex_lock(&disk.mutex);
    enum disk_verdict verdict = disk_judge(DISK_NAME);
    int result = verdict == DISK_FAIL ? fail() : real.ftruncate(fd, length);
    if (result == 0) note(DISK_RECORD_TRUNCATE, inode, (uint64_t)length, NULL, 0);
    if (verdict == DISK_DO_AND_FAIL) result = fail();
    pthread_mutex_unlock(&disk.mutex);
    return result;
}

/* Its answer is the error itself. What it allocates reads as zeros, as after a truncation to that size. */
int posix_fallocate(int fd, off_t offset, off_t length)
{
    struct stat status;
    find_real();
    uint64_t inode = disk_inode_of(fd);
    if (inode == 0) return real.posix_fallocate(fd, offset, length);
    pthread_mutex_lock(&disk.mutex);
    enum disk_verdict verdict = disk_judge(DISK_WRITE);
    bool is_longer = fstat(fd, &status) == 0 && status.st_size < offset + length;
    int result = verdict == DISK_FAIL ? disk_error() : real.posix_fallocate(fd, offset, length);
    if (result == 0 && is_longer) note(DISK_RECORD_TRUNCATE, inode, (uint64_t)(offset + length), NULL, 0);
    if (verdict != DISK_GO) result = disk_error();
    pthread_mutex_unlock(&disk.mutex);
    return result;
}

/* An opening that makes the file is a change; one that finds it only tells us of it. */
static int open_file(const char *path, const char *name, int flags, mode_t mode)
{
    bool is_new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
    enum disk_verdict verdict = is_new ? disk_judge(DISK_NAME) : DISK_GO;
    if (verdict == DISK_FAIL) return fail();
    int fd = real.open(path, flags, mode);
    if (fd < 0) return fd;
    uint64_t inode = disk_remember(fd);
    if (is_new) note(DISK_RECORD_CREATE, inode, 0, name, strlen(name));
    if (verdict != DISK_DO_AND_FAIL) return fd;
    close(fd);
    return fail();
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    find_real();
    const char *name = disk_name_of(path);
    if (name == NULL) return real.open(path, flags, mode);
    pthread_mutex_lock(&disk.mutex);
    int fd = open_file(path, name, flags, mode);
    pthread_mutex_unlock(&disk.mutex);
    return fd;
}

/* A change of names that `result` is the answer of; `to` NULL for one name. */
static int note_names(enum disk_record record, const char *from, const char *to, int result)
{
    char names[2 * PATH_MAX];
    int length = snprintf(names, sizeof names, "%s%c%s", from, '\0', to == NULL ? "" : to);
    if (result == 0) note(record, 0, 0, names, (size_t)(to == NULL ? length - 1 : length));
    return result;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    find_real();
    const char *from_name = disk_name_of(from);
    const char *to_name = disk_name_of(to);
    if (from_name == NULL || to_name == NULL) return real.renameat2(from_dir, from, to_dir, to, flags);
    pthread_mutex_lock(&disk.mutex);
    enum disk_verdict verdict = disk_judge(DISK_NAME);
    int result = verdict == DISK_FAIL ? fail() : real.renameat2(from_dir, from, to_dir, to, flags);
    if (verdict != DISK_FAIL) note_names(DISK_RECORD_RENAME, from_name, to_name, result);
    if (verdict == DISK_DO_AND_FAIL) result = fail();
    pthread_mutex_unlock(&disk.mutex);
    return result;
}

int rename(const char *from, const char *to)
{
    find_real();
    if (disk_name_of(from) == NULL || disk_name_of(to) == NULL) return real.rename(from, to);
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int link(const char *from, const char *to)
{
    find_real();
    const char *from_name = disk_name_of(from);
    const char *to_name = disk_name_of(to);
    if (from_name == NULL || to_name == NULL) return real.link(from, to);
    pthread_mutex_lock(&disk.mutex);
    bool is_failing = disk_judge(DISK_NAME) != DISK_GO;
    int result = is_failing ? fail() : note_names(DISK_RECORD_LINK, from_name, to_name, real.link(from, to));
    pthread_mutex_unlock(&disk.mutex);
    return result;
}

int unlink(const char *path)
{
    find_real();
    const char *name = disk_name_of(path);
    if (name == NULL) return real.unlink(path);
    pthread_mutex_lock(&disk.mutex);
    bool is_failing = disk_judge(DISK_NAME) != DISK_GO;
    int result = is_failing ? fail() : note_names(DISK_RECORD_UNLINK, name, NULL, real.unlink(path));
    pthread_mutex_unlock(&disk.mutex);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    find_real();
    bool is_ours = disk.dir_length > 0 && (strcmp(path, disk.dir) == 0 || disk_name_of(path) != NULL);
    if (!is_ours) return real.mkdir(path, mode);
    return disk_judge(DISK_NAME) == DISK_GO ? real.mkdir(path, mode) : fail();
}
