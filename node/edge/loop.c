/* libuv's callbacks, and the beginning and the ends of a run. */
#include "node/edge/loop.h"

#include "node/edge/client.h"
#include "node/edge/clock.h"
#include "node/edge/json_memory.h"
#include "node/edge/turn.h"

#include <assert.h>
#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- connections, time, signals ------------------------------------------------------------------------- */

static void on_turn_end(uv_check_t *check)
{
    turn_run(check->data);
}

/* Who has no deadline is not looked at, however many there are. */
static void sweep_clients(struct loop *loop, uint64_t now_ms)
{
    struct list due;
    list_init(&due);
    list_move(&due, &loop->watched);
    while (!list_is_empty(&due)) {
        struct client *client = LIST_OWNER(due.next, struct client, watched_link);
        list_remove(&client->watched_link);
        client_sweep(client, now_ms);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    uint64_t now_ms = clock_monotonic_ms();
    if (loop->is_draining && now_ms >= loop->drain_ends_ms) {
        log_event(loop->log, LOG_LEVEL_WARN, "connections cut: they did not end in time");
        uv_stop(&loop->uv);
        return;
    }
    sweep_clients(loop, now_ms);
    listener_resume(&loop->k2v);
    listener_resume(&loop->admin);
    listener_resume(&loop->peers.listener);
    turn_run(loop);
    loop->on_alive(loop);
}

static void drain(struct loop *loop)
{
    uint32_t slots = loop->node.requests.service.settings->connections_max;
    log_event(loop->log, LOG_LEVEL_INFO, "draining");
    loop->is_draining = true;
    loop->on_draining(loop);
    loop->drain_ends_ms = clock_monotonic_ms() + LOOP_DRAIN_MS - LOOP_SWEEP_MS;
    listener_close(&loop->k2v);
    listener_close(&loop->admin);
    peers_drain(&loop->peers);
    struct event event = {.kind = EVENT_DRAIN};
    turn_step(loop, &event);
    turn_run(loop);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (loop->clients[slot] != NULL) client_close_if_idle(loop->clients[slot]);
    }
    turn_run(loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop *loop = handle->data;
    (void)number;
    if (loop->is_draining) {
        uv_stop(&loop->uv); /* asked twice: now */
    } else {
        drain(loop);
    }
}

/* SIGHUP is an operator's wish to read the settings again, or a terminal that was closed: a terminal that is gone
 * is no terminal any more. */
static void on_hangup(uv_signal_t *handle, int number)
{
    struct loop *loop = handle->data;
    if (loop->has_terminal && !isatty(STDIN_FILENO)) {
        on_signal(handle, number);
    } else if (!loop->is_draining) {
        loop->on_reload(loop);
    }
}

void loop_forget(struct loop *loop, struct client *client)
{
    if (client->slot == UINT32_MAX) return;
    assert(loop->clients[client->slot] == client);
    loop->clients[client->slot] = NULL;
    loop->free_slots[loop->free_count++] = client->slot;
    loop->clients_count--;
    node_gauges(&loop->node)->connections = loop->clients_count;
    if (client->door == EVENT_DOOR_ADMIN) loop->admin_count--;
}

/* --- life ----------------------------------------------------------------------------------------------- */

static void init_handles(struct loop *loop)
{
    uv_async_init(&loop->uv, &loop->commit_done, turn_on_commit_done);
    loop->commit_done.data = loop;
    uv_check_init(&loop->uv, &loop->turn_end);
    loop->turn_end.data = loop;
    uv_check_start(&loop->turn_end, on_turn_end);
    uv_idle_init(&loop->uv, &loop->busy);
    uv_timer_init(&loop->uv, &loop->deadline);
    loop->deadline.data = loop;
    uv_timer_init(&loop->uv, &loop->sweep);
    loop->sweep.data = loop;
    uv_timer_start(&loop->sweep, on_sweep, LOOP_SWEEP_MS, LOOP_SWEEP_MS);
    uv_signal_init(&loop->uv, &loop->sigterm);
    loop->sigterm.data = loop;
    uv_signal_start(&loop->sigterm, on_signal, SIGTERM);
    uv_signal_init(&loop->uv, &loop->sigint);
    loop->sigint.data = loop;
    uv_signal_start(&loop->sigint, on_signal, SIGINT);
    uv_signal_init(&loop->uv, &loop->sighup);
    loop->sighup.data = loop;
    uv_signal_start(&loop->sighup, on_hangup, SIGHUP);
    loop->has_terminal = isatty(STDIN_FILENO);
}

static void on_k2v_connection(void *loop, int fd)
{
    client_create(loop, EVENT_DOOR_K2V, fd);
}

static void on_admin_connection(void *loop, int fd)
{
    client_create(loop, EVENT_DOOR_ADMIN, fd);
}

static void on_peer_event(void *loop, struct event *event)
{
    turn_step(loop, event);
}

static enum err open_listener(struct loop *loop, struct listener *listener, struct port *port,
                              void (*on_connection)(void *loop, int fd), char *message)
{
    return listener_open(listener, &loop->uv, loop->log, port, on_connection, loop, message);
}

static enum err open_listeners(struct loop *loop, char *message)
{
    const struct peers_owner owner = {.uv = &loop->uv,
                                      .log = loop->log,
                                      .buffer = loop->read_buffer,
                                      .buffer_bytes = sizeof loop->read_buffer,
                                      .on_event = on_peer_event,
                                      .self = loop};
    enum err err = open_listener(loop, &loop->k2v, &loop->ports->k2v, on_k2v_connection, message);
    if (err == ERR_OK) err = open_listener(loop, &loop->admin, &loop->ports->admin, on_admin_connection, message);
    if (err == ERR_OK) err = peers_open(&loop->peers, &owner, &loop->ports->rpc, message);
    return err;
}

static bool init_tables(struct loop *loop, const struct settings *settings)
{
    uint32_t slots = settings->connections_max;
    loop->clients = calloc(slots, sizeof(struct client *));
    loop->free_slots = calloc(slots, sizeof *loop->free_slots);
    if (loop->clients == NULL || loop->free_slots == NULL) return false;
    for (uint32_t i = 0; i < slots; i++)
        loop->free_slots[i] = slots - 1 - i;
    loop->free_count = slots;
    return true;
}

enum err loop_init(struct loop *loop, const struct config *config, struct log *log,
                   const struct settings *settings, struct store *store, struct kv_lmdb *kv,
                   struct loop_ports *ports, char *message)
{
    uint8_t seed[PRNG_SEED_BYTES];
    loop->config = config;
    loop->log = log;
    loop->store = store;
    loop->kv = kv;
    list_init(&loop->reads);
    list_init(&loop->large);
    list_init(&loop->writes);
    list_init(&loop->sent);
    list_init(&loop->runnable);
    list_init(&loop->finished);
    list_init(&loop->stored);
    list_init(&loop->watched);
    loop->ports = ports;
    effects_init(&loop->effects);
    snprintf(message, CONFIG_MESSAGE_BYTES, "out of memory");
    if (!json_memory_begin() || uv_loop_init(&loop->uv) != 0) return ERR_MEMORY;
    loop->has_uv = true;
    init_handles(loop);
    /* The first turn, which loads the documents, comes before the first connection is taken. */
    enum err err = open_listeners(loop, message);
    if (err != ERR_OK) return err;
    snprintf(message, CONFIG_MESSAGE_BYTES, "out of memory"); /* again: a listener may have used it */
    randombytes_buf(seed, sizeof seed);
    if (!init_tables(loop, settings) || !node_init(&loop->node, settings, store, seed)) return ERR_MEMORY;
    loop->input_budgets[EVENT_DOOR_K2V].memory = &loop->node.requests.service.memory;
    node_gauges(&loop->node)->store_map_bytes = kv_lmdb_map_bytes(kv);
    node_gauges(&loop->node)->store_used_bytes = kv_lmdb_used_bytes(kv);
    return committer_init(&loop->committer, store, &loop->commit_done);
}

void loop_run(struct loop *loop)
{
    struct event event = {.kind = EVENT_START};
    turn_step(loop, &event);
    if (loop->node.requests.startup == NULL)
        turn_fail(loop, ERR_MEMORY); /* not even the request that would load them could be made */
    turn_run(loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void leave_ports(struct loop *loop)
{
    listener_detach(&loop->k2v);
    listener_detach(&loop->admin);
    peers_close(&loop->peers);
    if (loop->wants_restart) return;
    port_close(&loop->ports->k2v);
    port_close(&loop->ports->admin);
    port_close(&loop->ports->rpc);
}

static void close_handle(uv_handle_t *handle, void *owner)
{
    (void)owner;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void loop_deinit(struct loop *loop)
{
    if (!loop->has_uv) return;
    uint32_t slots = loop->node.requests.service.settings == NULL
                         ? 0
                         : loop->node.requests.service.settings->connections_max;
    struct list ops;
    list_init(&ops);
    committer_deinit(&loop->committer, &ops);
    list_move(&ops, &loop->stored);
    list_move(&ops, &loop->finished);
    list_move(&ops, &loop->writes);
    list_move(&ops, &loop->reads);
    list_move(&ops, &loop->large);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (loop->clients[slot] != NULL) client_close(loop->clients[slot]);
    }
    while (!list_is_empty(&loop->watched)) /* those without a slot */
        client_close(LIST_OWNER(loop->watched.next, struct client, watched_link));
    for (struct list *link = ops.next; link != &ops; link = link->next)
        LIST_OWNER(link, struct op, link)->err = ERR_IO;
    turn_answer(loop, &ops);
    leave_ports(loop);
    uv_walk(&loop->uv, close_handle, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
        /* again: what was answered above may have asked to stop */
    }
    uv_loop_close(&loop->uv);
    if (slots > 0) node_deinit(&loop->node);
    free(loop->clients);
    free(loop->free_slots);
    loop->clients = NULL;
    loop->free_slots = NULL;
}
