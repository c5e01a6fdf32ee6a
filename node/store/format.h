/* The row "format", which a program reads before all else: ["skerry", version] and nothing else ever. */
#ifndef NODE_STORE_FORMAT_H
#define NODE_STORE_FORMAT_H

#include "node/base/wire.h"
#include "node/store/kv.h"

enum { FORMAT_FORMER_VERSION = 1 /* is upgraded when it is opened */ };

/* The row's key. */
struct span format_name(void);

MUST_USE enum err format_store(struct kv_txn *txn, struct arena *scratch, uint64_t version);

/* What version does the row name, whatever a later one may have added? False for a row that is not skerry's. */
bool format_names(struct span row, uint64_t *version);

/* The same for a row as this program writes it, and nothing else. */
bool format_read(struct span row, uint64_t *version);

/* Does this program know what a database of that version means? */
bool format_is_known(uint64_t version);

#endif
