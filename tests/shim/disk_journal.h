/* The journal of a disk: all that was done to the directory under test, in order, for tests/api/disk_image.py.
 *
 * A file of records, each a head of 32 bytes in the machine's order and then `length` bytes. It lies outside the
 * directory, and its own writes are whole: readers see a prefix of records.
 */
#ifndef TESTS_SHIM_DISK_JOURNAL_H
#define TESTS_SHIM_DISK_JOURNAL_H

#include "disk_files.h"

#include <sys/uio.h>

enum disk_record {
    DISK_RECORD_CREATE,   /* a new empty file; its name */
    DISK_RECORD_WRITE,    /* the bytes, at `offset` */
    DISK_RECORD_ROOT,     /* the same, and durable */
    DISK_RECORD_TRUNCATE, /* to `offset` bytes */
    DISK_RECORD_SYNC,     /* all of the file is durable */
    DISK_RECORD_RENAME,   /* two names with a NUL between them */
    DISK_RECORD_LINK,     /* the same */
    DISK_RECORD_UNLINK,   /* a name */
    DISK_RECORD_SYNC_DIR, /* all names are durable */
    DISK_RECORD_ACK,      /* a 2xx is about to leave to the IPv4 address `offset` */
};

struct disk_head {
    uint32_t record;
    uint32_t length;
    uint64_t inode;
    uint64_t offset;
    uint64_t zero;
};

static int disk_journal = -1;

static void disk_journal_set_up(void)
{
    const char *path = getenv("SHIM_DISK_JOURNAL");
    if (path == NULL) return;
    disk_journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (disk_journal < 0) abort();
}

/* `write_real` is writev(2) itself, past our own. */
static void disk_note(ssize_t (*write_real)(int, const struct iovec *, int), enum disk_record record,
                      uint64_t inode, uint64_t offset, const void *bytes, size_t length)
{
    struct disk_head head = {.record = record, .length = (uint32_t)length, .inode = inode, .offset = offset};
    struct iovec pieces[2] = {{&head, sizeof head}, {(void *)(uintptr_t)bytes, length}};
    if (disk_journal < 0) return;
    if (write_real(disk_journal, pieces, 2) != (ssize_t)(sizeof head + length)) abort();
}

#endif
