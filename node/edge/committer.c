/* A thread, a mutex, a condition: one batch at a time. */
#include "node/edge/committer.h"

#include "node/edge/clock.h"
#include "node/edge/signals.h"

#include <assert.h>

static void run(void *owner)
{
    struct committer *committer = owner;
    uv_mutex_lock(&committer->mutex);
    for (;;) {
        while (!committer->has_batch && !committer->is_stopping)
            uv_cond_wait(&committer->wake, &committer->mutex);
        if (!committer->has_batch) break;
        uv_mutex_unlock(&committer->mutex);
        store_run_writes(committer->store, &committer->batch, clock_wall_us());
        uv_mutex_lock(&committer->mutex);
        committer->has_batch = false;
        committer->is_finished = true;
        uv_async_send(committer->done);
    }
    uv_mutex_unlock(&committer->mutex);
}

static int start_thread(struct committer *committer)
{
    sigset_t before;
    signals_hold(&before);
    int rc = uv_thread_create(&committer->thread, run, committer);
    signals_release(&before);
    return rc;
}

enum err committer_init(struct committer *committer, struct store *store, uv_async_t *done)
{
    *committer = (struct committer){.store = store, .done = done};
    list_init(&committer->batch);
    if (uv_mutex_init(&committer->mutex) != 0) return ERR_MEMORY;
    if (uv_cond_init(&committer->wake) != 0) {
        uv_mutex_destroy(&committer->mutex);
        return ERR_MEMORY;
    }
    if (start_thread(committer) != 0) {
        uv_cond_destroy(&committer->wake);
        uv_mutex_destroy(&committer->mutex);
        return ERR_MEMORY;
    }
    committer->has_thread = true;
    return ERR_OK;
}

void committer_start(struct committer *committer, struct list *ops)
{
    uv_mutex_lock(&committer->mutex);
    assert(!committer->has_batch && !committer->is_finished);
    list_move(&committer->batch, ops);
    committer->has_batch = true;
    uv_cond_signal(&committer->wake);
    uv_mutex_unlock(&committer->mutex);
}

bool committer_take(struct committer *committer, struct list *ops)
{
    uv_mutex_lock(&committer->mutex);
    bool is_finished = committer->is_finished;
    committer->is_finished = false;
    if (is_finished) list_move(ops, &committer->batch);
    uv_mutex_unlock(&committer->mutex);
    return is_finished;
}

void committer_deinit(struct committer *committer, struct list *ops)
{
    if (!committer->has_thread) return;
    uv_mutex_lock(&committer->mutex);
    committer->is_stopping = true;
    uv_cond_signal(&committer->wake);
    uv_mutex_unlock(&committer->mutex);
    uv_thread_join(&committer->thread);
    uv_cond_destroy(&committer->wake);
    uv_mutex_destroy(&committer->mutex);
    committer->has_thread = false;
    list_move(ops, &committer->batch);
}
