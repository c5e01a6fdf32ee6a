/* Lock, look, write beside, rename. */
#include "node/edge/repair.h"

#include "node/edge/kv_lmdb.h"
#include "node/edge/secrets.h"
#include "node/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/core.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAP_SPARE_BYTES = 1 << 30 /* of the new database, beside the size of the old one */ };

/* --- opening -------------------------------------------------------------------------------------------- */

static enum err read_seal_key(struct repair *repair, const char *seal_key_file)
{
    char path[FILES_PATH_BYTES];
    struct log log;
    log_init(&log, STDERR_FILENO, LOG_LEVEL_ERROR);
    if (seal_key_file != NULL)
        return secrets_seal_key(seal_key_file, repair->dir, &log, repair->seal_key, repair->message);
    if (files_path(repair->dir, "seal.key", path))
        return secrets_seal_key(path, repair->dir, &log, repair->seal_key, repair->message);
    snprintf(repair->message, sizeof repair->message, "the path of the data directory is too long");
    return ERR_ACCESS;
}

/* Can rows be judged? */
static enum err find_keys(struct repair *repair, bool any_snapshot)
{
    if (!kv_file_is_readable(&repair->db, any_snapshot)) {
        repair->reason = "the tables cannot be found";
        return ERR_OK;
    }
    enum err err = salvage_open_secrets(&repair->db.kv, repair->seal_key, repair->hash_key);
    repair->has_rows = err == ERR_OK;
    if (err == ERR_CORRUPT) repair->reason = "the row of the secrets cannot be read";
    if (err == ERR_ACCESS)
        repair->reason = "the seal key does not open the row of the secrets, or that is damaged";
    return err == ERR_MEMORY ? err : ERR_OK;
}

static enum err open_all(struct repair *repair, const char *seal_key_file, bool any_snapshot)
{
    enum err err = files_lock_take(&repair->lock, repair->dir, repair->message, sizeof repair->message);
    if (err == ERR_OK) {
        err = kv_file_open(&repair->db, repair->dir);
        repair->is_open = err == ERR_OK;
        if (err == ERR_ACCESS)
            snprintf(repair->message, sizeof repair->message, "%s/data.mdb cannot be read: %s", repair->dir,
                     strerror(errno));
    }
    if (err == ERR_OK) err = read_seal_key(repair, seal_key_file);
    return err == ERR_OK ? find_keys(repair, any_snapshot) : err;
}

enum err repair_open(struct repair *repair, const char *dir, const char *seal_key_file, bool any_snapshot)
{
    *repair = (struct repair){.dir = dir, .lock = {.fd = -1}, .db = {.fd = -1}};
    if (sodium_init() < 0) return ERR_MEMORY;
    secrets_forbid_dumps();
    enum err err = open_all(repair, seal_key_file, any_snapshot);
    if (err == ERR_OK) return ERR_OK;
    if (repair->message[0] == '\0') snprintf(repair->message, sizeof repair->message, "%s", err_name(err));
    repair_close(repair);
    return err;
}

void repair_close(struct repair *repair)
{
    if (repair->is_open) kv_file_close(&repair->db);
    repair->is_open = false;
    files_lock_release(&repair->lock);
    repair->lock.fd = -1;
    sodium_memzero(repair->seal_key, sizeof repair->seal_key);
    sodium_memzero(repair->hash_key, sizeof repair->hash_key);
}

/* --- checking ------------------------------------------------------------------------------------------- */

/* The pages told so far, a bit each: the check of rows meets them again. */
struct told {
    const struct repair_listener *listener;
    uint8_t *bits;
    uint64_t pages_count;
};

static bool tell_once(struct told *told, uint64_t page)
{
    if (page >= told->pages_count) return true;
    uint8_t bit = (uint8_t)(1u << (page % 8));
    bool is_new = (told->bits[page / 8] & bit) == 0;
    told->bits[page / 8] = (uint8_t)(told->bits[page / 8] | bit);
    return is_new;
}

static void on_page(void *owner, const struct lmdb_finding *finding)
{
    struct told *told = owner;
    if (tell_once(told, finding->page)) told->listener->on_page(told->listener->owner, finding);
}

static void tell_portion(struct told *told, const struct op_check *check)
{
    for (uint32_t i = 0; i < check->findings_count; i++) {
        const struct op_finding *finding = &check->findings[i];
        bool is_new = finding->kind != OP_FINDING_PAGE || tell_once(told, finding->page);
        if (is_new) told->listener->on_row(told->listener->owner, finding);
    }
}

static uint64_t rows_of(const struct check_walk *walk)
{
    uint64_t rows = 0;
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        rows += walk->rows[space];
    return rows;
}

static enum err check_rows(struct repair *repair, struct told *told, struct check_walk *walk)
{
    struct arena arena;
    enum err err = ERR_OK;
    arena_init(&arena, STORE_SCRATCH_BYTES_MAX);
    while (err == ERR_OK && !walk->is_end) {
        struct kv_txn *txn = NULL;
        struct op op = {.kind = OP_CHECK, .arena = &arena, .check = {.walk = walk, .seal_key = repair->seal_key}};
        err = kv_begin(&repair->db.kv, false, &txn);
        if (err != ERR_OK) break;
        check_run(repair->hash_key, txn, &op);
        kv_abort(txn);
        err = op.err;
        if (err == ERR_OK) tell_portion(told, &op.check);
        told->listener->on_rows(told->listener->owner, rows_of(walk));
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    return err;
}

/* The damage that kept the file or its newest snapshot from being opened, and all there is behind it. */
static enum err check_pages(struct repair *repair, struct told *told, uint64_t *pages)
{
    struct lmdb_file *file = &repair->db.file;
    if (repair->db.passed.fault != LMDB_SOUND) on_page(told, &repair->db.passed);
    if (file->finding.fault == LMDB_SOUND) return lmdb_file_check(file, true, on_page, told, pages);
    on_page(told, &file->finding);
    return ERR_OK;
}

enum err repair_check(struct repair *repair, const struct repair_listener *listener, struct check_walk *walk,
                      uint64_t *pages)
{
    struct told told = {.listener = listener, .pages_count = repair->db.file.bytes / LMDB_PAGE_BYTES_MIN + 1};
    *walk = (struct check_walk){0};
    *pages = 0;
    told.bits = calloc(told.pages_count / 8 + 1, 1);
    if (told.bits == NULL) return ERR_MEMORY;
    enum err err = check_pages(repair, &told, pages);
    if (err == ERR_OK && repair->has_rows) err = check_rows(repair, &told, walk);
    free(told.bits);
    return err;
}

/* --- saving --------------------------------------------------------------------------------------------- */

/* A database that is not ours to rewrite: it would lose what only the other program knows. */
static void say_version(struct repair *repair, uint64_t version)
{
    if (version != 0 && version != STORE_FORMAT_VERSION) {
        snprintf(repair->message, sizeof repair->message,
                 "nothing can be saved: the database has format version %llu; use the program of that version",
                 (unsigned long long)version);
    } else {
        snprintf(repair->message, sizeof repair->message,
                 "nothing can be saved: a row has a version this program does not know; use the program that "
                 "wrote it");
    }
}

static enum err run(struct repair *repair, struct kv *to, struct salvage_report *report)
{
    uint8_t seed[PRNG_SEED_BYTES];
    struct prng prng;
    randombytes_buf(seed, sizeof seed);
    prng_init(&prng, seed);
    enum err err = salvage_run(&repair->db.kv, to, repair->hash_key, &prng, report);
    if (repair->db.passed.fault != LMDB_SOUND) report->pages++;
    if (err == ERR_VERSION) say_version(repair, report->version);
    return err;
}

enum err repair_count(struct repair *repair, struct salvage_report *report)
{
    return run(repair, NULL, report);
}

struct paths {
    char work[FILES_PATH_BYTES]; /* a directory of our own while the new database is written */
    char new_data[FILES_PATH_BYTES];
    char new_lock[FILES_PATH_BYTES];
    char nursery[FILES_PATH_BYTES]; /* in it, while the new file is made (lmdb_birth.h) */
    char unborn[FILES_PATH_BYTES];
    char data[FILES_PATH_BYTES];
    char damaged[FILES_PATH_BYTES];
};

static bool make_paths(const char *dir, struct paths *paths)
{
    return files_path(dir, "salvage.tmp", paths->work) && files_path(paths->work, "data.mdb", paths->new_data) &&
           files_path(paths->work, "lock.mdb", paths->new_lock) &&
           files_path(paths->work, "data.new", paths->nursery) &&
           files_path(paths->nursery, "data.mdb", paths->unborn) && files_path(dir, "data.mdb", paths->data) &&
           files_path(dir, "data.mdb.damaged", paths->damaged);
}

/* What a run that was killed left, and our own. Through a link it might be the database itself. */
static void remove_work(const struct paths *paths)
{
    struct stat work;
    if (lstat(paths->work, &work) != 0 || !S_ISDIR(work.st_mode)) return;
    (void)unlink(paths->unborn);
    (void)rmdir(paths->nursery);
    (void)unlink(paths->new_data);
    (void)unlink(paths->new_lock);
    (void)rmdir(paths->work);
}

/* A run that ended between giving the old file its second name and putting the new one in its place left a file
 * with both names: the second may go. Any other file of that name is an earlier salvage's, and stays. */
static void remove_second_name(const struct paths *paths)
{
    struct stat data;
    struct stat damaged;
    if (lstat(paths->data, &data) != 0 || lstat(paths->damaged, &damaged) != 0) return;
    if (data.st_dev == damaged.st_dev && data.st_ino == damaged.st_ino) (void)unlink(paths->damaged);
}

static enum err write_new(struct repair *repair, const struct paths *paths, struct salvage_report *report)
{
    struct kv_lmdb db;
    char message[KV_LMDB_MESSAGE_BYTES] = "";
    uint64_t map_bytes = repair->db.file.bytes * 2 + MAP_SPARE_BYTES;
    enum err err = kv_lmdb_open(&db, paths->work, map_bytes, message);
    if (err == ERR_OK) err = run(repair, &db.kv, report);
    kv_lmdb_close(&db);
    if (err != ERR_OK && repair->message[0] == '\0')
        snprintf(repair->message, sizeof repair->message, "the new database cannot be written: %s",
                 message[0] != '\0' ? message : err_name(err));
    return err;
}

/* After a failure errno says why. */
static enum err sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ERR_IO;
    int failure = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    errno = failure;
    return failure == 0 ? ERR_OK : ERR_IO;
}

/* The old file keeps a name of its own before it loses the other, and durably: at no moment is there no database.
 */
static enum err put_in_place(struct repair *repair, const struct paths *paths)
{
    if (link(paths->data, paths->damaged) != 0 || sync_dir(repair->dir) != ERR_OK ||
        rename(paths->new_data, paths->data) != 0) {
        snprintf(repair->message, sizeof repair->message, "%s cannot be put in its place: %s", paths->new_data,
                 strerror(errno));
        remove_second_name(paths);
        return ERR_IO;
    }
    enum err err = sync_dir(repair->dir);
    if (err != ERR_OK)
        snprintf(repair->message, sizeof repair->message,
                 "the new database is in its place, but after a power cut the old one may be there again: %s",
                 strerror(errno));
    return err;
}

enum err repair_salvage(struct repair *repair, struct salvage_report *report)
{
    struct paths paths;
    if (!make_paths(repair->dir, &paths)) {
        snprintf(repair->message, sizeof repair->message, "the path of the data directory is too long");
        return ERR_ACCESS;
    }
    remove_second_name(&paths);
    if (access(paths.damaged, F_OK) == 0) {
        snprintf(repair->message, sizeof repair->message,
                 "%s is there from an earlier salvage: move it away, it is not overwritten", paths.damaged);
        return ERR_ACCESS;
    }
    remove_work(&paths);
    if (mkdir(paths.work, 0700) != 0) {
        snprintf(repair->message, sizeof repair->message, "%s cannot be made: %s", paths.work, strerror(errno));
        return ERR_ACCESS;
    }
    enum err err = write_new(repair, &paths, report);
    if (err == ERR_OK) err = put_in_place(repair, &paths);
    remove_work(&paths);
    return err;
}
