/* data.mdb as a whole, read without LMDB: which snapshot counts, where the tables are, and what is damaged.
 *
 * Two depths. The cheap one reads the meta pages, the list of free pages and every branch page, and looks at the
 * numbers of all leaves without reading them: some milliseconds for a million items, at every start. The whole one
 * reads every page in use but the insides of large values, and accounts for each page of the file: it is used
 * once, or free once.
 *
 * The file is read with pread(2): a file that ends too early or a disk that fails is an answer, never a signal.
 */
#ifndef NODE_EDGE_LMDB_FILE_H
#define NODE_EDGE_LMDB_FILE_H

#include "node/edge/lmdb_walk.h"
#include "node/store/kv.h"

/* Where our tables are in the file; in the order of enum kv_space. */
extern const char *const LMDB_FILE_TABLES[KV_SPACES_COUNT];

enum { LMDB_FILE_READS_MAX = 16 /* of a meta page that commits write over, until it is twice the same */ };

struct lmdb_finding {
    const char *table; /* "items"…, "main" or "free" (LMDB's own), "file" for the whole */
    uint64_t page;
    enum lmdb_fault fault;
};

struct lmdb_file {
    int fd;
    uint64_t bytes;
    bool is_new; /* empty, or without any table yet */
    struct lmdb_meta meta;
    struct lmdb_table tables[KV_SPACES_COUNT];
    uint64_t commits[KV_SPACES_COUNT]; /* the transaction each table is of; 0: it was not found, and is empty */
    uint64_t newest;                   /* of lmdb_file_open_any(): the newest transaction; 0: not known */
    struct lmdb_source source;         /* its owner is this struct: do not move it */
    struct lmdb_finding finding;       /* why it could not be opened, after ERR_CORRUPT */
};

/* Take the newest snapshot of the file open at `fd`, which stays the caller's; nobody writes to it.
 *
 * ERR_CORRUPT: the meta pages or the description of the tables is damaged; file->finding says how. ERR_MEMORY. */
MUST_USE enum err lmdb_file_open(struct lmdb_file *file, int fd);

/* Take the snapshot of one transaction, while others may be committed. `is_gone`: it is no longer the newest or
 * the one before; begin again. Errors as above; ERR_CORRUPT also when its meta page is being written over at this
 * moment: begin again too, and believe it when it stays. Such a page is known by changing between two reads, and
 * by a list of free pages that is not its own. */
MUST_USE enum err lmdb_file_open_at(struct lmdb_file *file, int fd, uint64_t transaction, bool *is_gone);

/* Take what there is of a damaged file that nobody writes to: each table of the newest snapshot in which it can be
 * found, "counts" only of the one that the others are of, since it can be counted anew. file->commits says which
 * table is of which. `newest` is not known when only one meta page can be read: it may be the newer one or not.
 * ERR_CORRUPT: "meta", "docs" or "items" is in neither snapshot; file->finding says why. ERR_MEMORY. */
MUST_USE enum err lmdb_file_open_any(struct lmdb_file *file, int fd);

/* Check the snapshot, but for tables of another one; `found` is called for each finding. Nobody writes to the
 * file. ERR_OK also with findings; ERR_MEMORY. `pages` counts those that were read or accounted for. */
MUST_USE enum err lmdb_file_check(struct lmdb_file *file, bool is_whole,
                                  void (*found)(void *owner, const struct lmdb_finding *finding), void *owner,
                                  uint64_t *pages);

#endif
