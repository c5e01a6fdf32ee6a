/* Made under another name, synced, renamed, the directory synced (H23); room where LMDB would not ask (H20). */
#include "node/edge/lmdb_birth.h"

#include "node/edge/files.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MODE = 0600,
    LOCK_BYTES = 8192, /* as LMDB makes it, for 126 readers */
};

/* A directory of its own, since the flag that a path names a file would stay in the file for ever. */
static const char NURSERY[] = "data.new";

/* An empty database in `dir`, durable. */
static int make(const char *dir)
{
    MDB_env *env = NULL;
    int code = mkdir(dir, 0700) == 0 ? mdb_env_create(&env) : errno;
    if (code == 0) code = mdb_env_open(env, dir, MDB_NOLOCK, FILE_MODE);
    if (code == 0) code = mdb_env_sync(env, 1);
    if (env != NULL) mdb_env_close(env);
    return code;
}

/* Of an attempt that ended here or in a crash. */
static int clear(const char *nursery, const char *unborn)
{
    if (unlink(unborn) != 0 && errno != ENOENT && errno != ENOTDIR) return errno;
    return rmdir(nursery) == 0 || errno == ENOENT ? 0 : errno;
}

/* LMDB maps its table of readers and stores into it: on a full disk that kills the process, unless the room for it
 * is there before. */
static int make_room_for_readers(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) return errno;
    int code = posix_fallocate(fd, 0, LOCK_BYTES);
    close(fd);
    return code;
}

static int sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    int code = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return code;
}

int lmdb_birth(const char *dir)
{
    char path[FILES_PATH_BYTES];
    char readers[FILES_PATH_BYTES];
    char nursery[FILES_PATH_BYTES];
    char unborn[FILES_PATH_BYTES];
    bool fits = files_path(dir, "data.mdb", path) && files_path(dir, "lock.mdb", readers) &&
                files_path(dir, NURSERY, nursery) && files_path(nursery, "data.mdb", unborn);
    int code = fits ? clear(nursery, unborn) : ENAMETOOLONG;
    if (code == 0 && access(path, F_OK) != 0) {
        code = make(nursery);
        if (code == 0 && rename(unborn, path) != 0) code = errno;
        int cleared = clear(nursery, unborn);
        if (code == 0) code = cleared;
    }
    if (code == 0) code = make_room_for_readers(readers);
    return code == 0 ? sync_directory(dir) : code;
}
