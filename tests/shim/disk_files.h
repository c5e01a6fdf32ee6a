/* Which descriptors and paths belong to the directory under test, and what the test wants of them. */
#ifndef TESTS_SHIM_DISK_FILES_H
#define TESTS_SHIM_DISK_FILES_H

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK_FILES_MAX = 256 };

/* What a call does to the disk; the bits of disk_control.only. */
enum disk_kind {
    DISK_WRITE = 1,
    DISK_SYNC = 2,
    DISK_NAME = 4,       /* create, rename, link, unlink, truncate, mkdir */
    DISK_FILE_SYNC = 8,  /* a sync of a file: counted besides DISK_SYNC */
    DISK_ROOT_WRITE = 16 /* a write that is durable at its return (O_DSYNC): counted besides DISK_WRITE */
};

enum disk_how {
    DISK_BEFORE,  /* the call fails and does nothing */
    DISK_AFTER,   /* it does all it should and fails */
    DISK_SHORTEN, /* a write does half and says so; others fail */
};

/* The file SHIM_DISK_CONTROL, mapped by the test and by us: eight numbers of 64 bits in the machine's order. Calls
 * are counted while fail_at is not 0, so storing it arms the shim, before the start or at any later moment. */
struct disk_control {
    _Atomic uint64_t fail_at; /* the call that fails, counted from 1 */
    _Atomic uint64_t calls;   /* out */
    _Atomic uint64_t failed;  /* out: not 0 from before the first failure is told */
    _Atomic uint64_t acks;    /* out: answers with a 204 that began to leave after that */
    _Atomic uint64_t sticky;  /* not 0: all further ones fail, too */
    _Atomic uint64_t how;     /* enum disk_how */
    _Atomic uint64_t error;   /* errno */
    _Atomic uint64_t only;    /* bits of enum disk_kind: which calls count */
};

struct disk_file {
    dev_t device;
    ino_t inode;
};

/* One process, one directory. */
static struct {
    char dir[PATH_MAX]; /* "" before the set-up and without a test: everything passes */
    size_t dir_length;
    struct disk_control *control;
    struct disk_file files[DISK_FILES_MAX];
    unsigned files_count;
    pthread_mutex_t mutex; /* over every call we note, so that the journal's order is the order of what happened */
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The name below the directory, or NULL when the path is not of it. */
static const char *disk_name_of(const char *path)
{
    if (disk.dir_length == 0 || strncmp(path, disk.dir, disk.dir_length) != 0) return NULL;
    return path[disk.dir_length] == '/' && path[disk.dir_length + 1] != '\0' ? path + disk.dir_length + 1 : NULL;
}

/* Is the descriptor the directory itself? */
static bool disk_is_directory(int fd)
{
    struct stat here;
    struct stat there;
    if (disk.dir_length == 0 || fstat(fd, &here) != 0 || !S_ISDIR(here.st_mode)) return false;
    return stat(disk.dir, &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* The inode of a file that was opened below the directory; 0 for all other descriptors. */
static uint64_t disk_inode_of(int fd)
{
    struct stat status;
    if (disk.files_count == 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
    for (unsigned i = 0; i < disk.files_count; i++) {
        if (disk.files[i].device == status.st_dev && disk.files[i].inode == status.st_ino) return status.st_ino;
    }
    return 0;
}

/* Remember a file just opened by a path of the directory. */
static uint64_t disk_remember(int fd)
{
    struct stat status;
    uint64_t known = disk_inode_of(fd);
    if (known != 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return known;
    if (disk.files_count == DISK_FILES_MAX) abort();
    disk.files[disk.files_count++] = (struct disk_file){status.st_dev, status.st_ino};
    return status.st_ino;
}

static bool disk_is_durable_at_return(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

enum disk_verdict { DISK_GO, DISK_FAIL, DISK_DO_AND_FAIL, DISK_DO_HALF };

/* Shall this call fail? `kinds` are its bits. */
static enum disk_verdict disk_judge(unsigned kinds)
{
    struct disk_control *control = disk.control;
    uint64_t fail_at = control == NULL ? 0 : atomic_load(&control->fail_at);
    if (fail_at == 0 || (atomic_load(&control->only) & kinds) == 0) return DISK_GO;
    uint64_t number = atomic_fetch_add(&control->calls, 1) + 1;
    if (number < fail_at || (number > fail_at && atomic_load(&control->sticky) == 0)) return DISK_GO;
    atomic_store(&control->failed, 1);
    uint64_t how = atomic_load(&control->how);
    if (how == DISK_SHORTEN) return (kinds & DISK_WRITE) != 0 ? DISK_DO_HALF : DISK_FAIL;
    return how == DISK_AFTER ? DISK_DO_AND_FAIL : DISK_FAIL;
}

static int disk_error(void)
{
    return (int)atomic_load(&disk.control->error);
}

/* Before main(): the directory and the control file from the environment. */
static void disk_set_up(void)
{
    const char *dir = getenv("SHIM_DISK_DIR");
    const char *path = getenv("SHIM_DISK_CONTROL");
    if (dir == NULL || strlen(dir) >= sizeof disk.dir) return;
    if (path != NULL) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        void *map = fd < 0 ? MAP_FAILED
                           : mmap(NULL, sizeof *disk.control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) abort();
        close(fd);
        disk.control = map;
    }
    snprintf(disk.dir, sizeof disk.dir, "%s", dir);
    disk.dir_length = strlen(dir);
}

#endif
