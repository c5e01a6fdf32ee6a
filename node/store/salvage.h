/* What is sound of a damaged database, written anew into an empty one: the way out when there is no backup.
 *
 * Rows that pass their check are copied as they are; the counters are counted from the items that were. Rows that
 * do not, or lie on damaged pages, are left out, and with them their history: an item that is dropped is, to
 * clients, one that never was. Whoever holds a token of it writes as if it were new. The node must write under a
 * new actor afterwards: the new file lies elsewhere than the old one, which store_open() sees. */
#ifndef NODE_STORE_SALVAGE_H
#define NODE_STORE_SALVAGE_H

#include "node/base/seal.h"
#include "node/store/actor.h"

enum {
    SALVAGE_ROWS_MAX = 2000,             /* of one transaction of the new database… */
    SALVAGE_BYTES_MAX = 8 * 1024 * 1024, /* …or so many bytes */
};

struct salvage_report {
    uint64_t kept[KV_SPACES_COUNT];    /* rows; of counts: those that were counted anew */
    uint64_t dropped[KV_SPACES_COUNT]; /* rows that fail their check; of counts: none, they are not read */
    uint64_t version;                  /* of the format, as its row says; 0: the row is lost */
    uint64_t pages;                    /* damaged ones; the rows on them are lost */
};

/* The database's own keys, from its row of secrets. ERR_CORRUPT: the row cannot be found; ERR_ACCESS: the seal key
 * does not open it; ERR_MEMORY. */
MUST_USE enum err salvage_open_secrets(struct kv *from, const uint8_t seal_key[SEAL_KEY_BYTES],
                                       uint8_t hash_key[HASH_KEY_BYTES]);

/* Copy what is sound. `to` is NULL to count only. `prng` makes an actor when the old one is lost. Errors: those of
 * `to`; ERR_MEMORY; ERR_VERSION: the format, or a row that passes its check, is of a version this program does not
 * know (report->version), and nothing may be saved by it. */
MUST_USE enum err salvage_run(struct kv *from, struct kv *to, const uint8_t hash_key[HASH_KEY_BYTES],
                              struct prng *prng, struct salvage_report *report);

#endif
