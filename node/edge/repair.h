/* Checking and saving a data directory that no server has open: `skerry repair`. Nothing here trusts the database
 * or changes it; what is saved is written beside it and put in its place at the end. */
#ifndef NODE_EDGE_REPAIR_H
#define NODE_EDGE_REPAIR_H

#include "node/edge/files.h"
#include "node/edge/kv_file.h"
#include "node/store/check.h"
#include "node/store/salvage.h"

struct repair {
    struct files_lock lock;
    struct kv_file db;
    const char *dir;
    uint8_t seal_key[SEAL_KEY_BYTES];
    uint8_t hash_key[HASH_KEY_BYTES];
    bool is_open;
    bool has_rows;      /* tables and secrets can be read: rows can be judged */
    const char *reason; /* why not, when they cannot */
    char message[FILES_MESSAGE_BYTES];
};

/* Take the lock of `dir` and open its database. `seal_key_file` NULL: seal.key there. `any_snapshot` as in
 * kv_file.h. From then on the process leaves no core dump (secrets.h).
 *
 * ERR_LOCKED: a server has it. ERR_ACCESS, ERR_CORRUPT (the key's file), ERR_MEMORY…: `message` says why. A
 * damaged database is opened all the same. */
MUST_USE enum err repair_open(struct repair *repair, const char *dir, const char *seal_key_file,
                              bool any_snapshot);

/* Accepts what repair_open() leaves after a failure. The keys are wiped. */
void repair_close(struct repair *repair);

/* What a check tells. `rows` so far, now and then. */
struct repair_listener {
    void (*on_page)(void *owner, const struct lmdb_finding *finding);
    void (*on_row)(void *owner, const struct op_finding *finding);
    void (*on_rows)(void *owner, uint64_t rows);
    void *owner;
};

/* All pages (lmdb_file.h, whole), then all rows (check.h). A damaged page is told once. ERR_MEMORY. */
MUST_USE enum err repair_check(struct repair *repair, const struct repair_listener *listener,
                               struct check_walk *walk, uint64_t *pages);

/* Count what could be saved. Where another snapshot than the newest, or a part of one, had to be taken
 * (repair->db.passed), that is one of report->pages. ERR_VERSION as in salvage.h; `message`
 * says so. */
MUST_USE enum err repair_count(struct repair *repair, struct salvage_report *report);

/* Save it: DIR/data.mdb becomes DIR/data.mdb.damaged, and a new data.mdb of what is sound takes its place. What
 * a run that was killed left is removed first; a data.mdb.damaged that is another file than data.mdb never is.
 * A failure leaves the database as it was, and says why in `message`; but for the last sync of the directory,
 * after which the new one is in its place and may not stay there, which `message` says too. */
MUST_USE enum err repair_salvage(struct repair *repair, struct salvage_report *report);

#endif
