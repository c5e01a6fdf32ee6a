/* Made under another name, synced, renamed, the directory synced (H23). */
#include "node/edge/lmdb_birth.h"

#include "node/edge/files.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_MODE = 0600 };

/* An empty database in a file of this name alone, durable. */
static int make(const char *path)
{
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code == 0) code = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, FILE_MODE);
    if (code == 0) code = mdb_env_sync(env, 1);
    if (env != NULL) mdb_env_close(env);
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
    char unborn[FILES_PATH_BYTES];
    if (!files_path(dir, "data.mdb", path) || !files_path(dir, "data.mdb.new", unborn)) return ENAMETOOLONG;
    if (unlink(unborn) != 0 && errno != ENOENT) return errno;
    if (access(path, F_OK) != 0) {
        int code = make(unborn);
        if (code == 0 && rename(unborn, path) != 0) code = errno;
        if (code != 0) {
            (void)unlink(unborn);
            return code;
        }
    }
    return sync_directory(dir);
}
