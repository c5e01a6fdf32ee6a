/* The one committer: a thread that runs batches of writing ops, one synced transaction each, while the loop goes
 * on. It is lent a whole batch; until that comes back nobody else writes to the store. */
#ifndef NODE_EDGE_COMMITTER_H
#define NODE_EDGE_COMMITTER_H

#include "node/store/store.h"

#include <uv.h>

struct committer {
    struct store *store;
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake;
    uv_async_t *done;  /* sent when a batch is back */
    struct list batch; /* lent: belongs to the thread between start and done */
    bool has_batch;
    bool is_finished; /* the batch is back and not yet taken */
    bool is_stopping;
    bool has_thread;
};

/* Start the thread. `done` is an initialised handle that the loop watches. */
MUST_USE enum err committer_init(struct committer *committer, struct store *store, uv_async_t *done);

/* Lend all of `ops` (moved; not empty). No batch is out (asserted). */
void committer_start(struct committer *committer, struct list *ops);

/* The batch is back: move its ops to `ops` and answer true. */
bool committer_take(struct committer *committer, struct list *ops);

/* Finish the batch under way, end the thread, and hand back what nobody took into `ops`. Accepts a committer that
 * never started. */
void committer_deinit(struct committer *committer, struct list *ops);

#endif
