/* The files beside the database: the lock of the data directory (H2), secrets (H33), and small files that are
 * replaced whole or not at all (H23).
 *
 * Every function that can fail takes a `message` of `message_bytes` and puts there, on failure only, one line
 * without a newline that names the path and what to do. FILES_MESSAGE_BYTES are enough for every message.
 */
#ifndef NODE_EDGE_FILES_H
#define NODE_EDGE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/err.h"
#include "node/base/span.h"

enum {
    FILES_PATH_BYTES = 1280, /* a path with its NUL: a setting and a name below it */
    FILES_MESSAGE_BYTES = 2 * FILES_PATH_BYTES,
};

/* The exclusive right to a data directory. {.fd = -1} is no lock. */
struct files_lock {
    int fd;
};

/* Take the lock of `dir`: flock(2) on DIR/skerry.lock, which then holds this process's number. Creates `dir`
 * (0700, its parent must exist) when absent.
 *
 * ERR_LOCKED: another process has it, the message says which. ERR_ACCESS, ERR_FULL, ERR_IO: the directory or the
 * file cannot be made or written. On failure `lock` is no lock.
 */
MUST_USE enum err files_lock_take(struct files_lock *lock, const char *dir, char *message, size_t message_bytes);

/* Give it back. Accepts no lock, and its own second call. The file stays: removing it would let two processes
 * each lock a file of that name. */
void files_lock_release(struct files_lock *lock);

/* Read a file whole into `bytes`, which takes `bytes_max`; no NUL is added.
 *
 *   exists   out: false, with ERR_OK and *length 0, when there is no such file
 *
 * ERR_CORRUPT: shorter than `bytes_min` or longer than `bytes_max`. ERR_ACCESS: not readable, not a regular file.
 */
MUST_USE enum err files_read(const char *path, void *bytes, size_t bytes_min, size_t bytes_max, size_t *length,
                             bool *exists, char *message, size_t message_bytes);

/* The same for a secret: ERR_ACCESS, and nothing read, when its group or others may read or write it. The bytes go
 * to `bytes` and nowhere else; wiping them is the caller's. */
MUST_USE enum err files_secret_read(const char *path, void *bytes, size_t bytes_min, size_t bytes_max,
                                    size_t *length, bool *exists, char *message, size_t message_bytes);

/* Create a secret (0600 from its first moment), synced with its directory before it is there under its name.
 * ERR_ACCESS when `path` exists already: it is never overwritten. After a failure there is no file, or the one
 * that was there before; but the new one when only the sync of the directory failed. */
MUST_USE enum err files_secret_create(const char *path, struct span bytes, char *message, size_t message_bytes);

/* Put `bytes` in the place of whatever `path` holds, at once and synced: a reader sees the old file or the new.
 * Readable by all (as the umask allows), or by the owner alone (0600). */
MUST_USE enum err files_replace(const char *path, struct span bytes, char *message, size_t message_bytes);
MUST_USE enum err files_secret_replace(const char *path, struct span bytes, char *message, size_t message_bytes);

/* DIR/NAME into `path`, which takes FILES_PATH_BYTES; false when it does not fit. */
bool files_path(const char *dir, const char *name, char *path);

#endif
