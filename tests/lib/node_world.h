/* A whole node without an outside: a memory disk, a few connections, a clock that is a number. Everything a node
 * asks for is carried out when the test says so, in the order it says.
 *
 *     a request comes  world_ask()          its body, piece by piece   world_give_body()
 *     a read           lent --run--> answered --deliver--> the node    world_run_read(), world_deliver()
 *     a write          lent --commit, all lent ones together-->  ...   world_commit(), world_deliver()
 *     a piece is out   world_send()         the client goes            world_leave()
 *
 * world_pump() does all of these until nothing is left, but for what world->holds keeps back.
 */
#ifndef TESTS_LIB_NODE_WORLD_H
#define TESTS_LIB_NODE_WORLD_H

#include "tests/lib/node_ask.h"

#include "node/node.h"
#include "sim/disk.h"

enum { WORLD_SLOTS = 40, WORLD_HEAD_BYTES_MAX = 1 << 26 };

#define WORLD_ADMIN_TOKEN "the operator's token"

struct connection {
    bool is_open;
    enum event_door door;
    struct arena memory; /* of head and body */
    bool is_head_method;
    uint8_t *body;
    size_t body_bytes;
    size_t body_at;
    bool wants_body;
    bool is_sending;
    bool is_last; /* of the piece being sent, or sent last */
    bool keep_alive;
    struct span parts[EFFECT_PARTS_MAX];
    uint8_t *got; /* what came out so far; NULL before */
    size_t got_bytes;
    size_t got_capacity;
    size_t piece_bytes_max;
    uint32_t pieces_count;
    bool is_cut;  /* the node closed it */
    bool is_done; /* the last piece is out: the answer is there */
    struct answer answer;
};

struct world_holds {
    bool bodies, reads, commits, answers, sends;
};

struct world {
    struct disk disk;
    struct store store;
    struct settings settings;
    struct node node;
    struct effects effects;
    uint64_t now_ms;
    uint64_t wall_us;
    uint8_t starts_count;
    uint8_t place; /* a number for where the database lies: another one is another actor (H1) */
    struct world_holds holds;
    size_t body_piece_bytes;
    uint32_t page_rows_max; /* the store's pages are this short, as large rows would make them */
    struct connection connections[WORLD_SLOTS];
    struct list reads;   /* lent, not run */
    struct list writes;  /* lent, not committed */
    struct list answers; /* run or committed, not delivered */
    uint32_t commits_count;
    bool is_ready;
    bool has_demo;
    enum err failure;
    char key_id[LIMITS_KEY_ID_CHARS_MAX + 1];
    char secret[LIMITS_SECRET_CHARS_MAX + 1];
};

/* --- effects -------------------------------------------------------------------------------------------- */

static inline void world_keep_text(char *to, size_t room, struct span text)
{
    WORLD_CHECK(text.length < room);
    if (text.length > 0) memcpy(to, text.bytes, text.length);
    to[text.length] = '\0';
}

static inline void world_begin_send(struct connection *connection, const struct effect *effect)
{
    size_t bytes = 0;
    WORLD_CHECK(connection->is_open && !connection->is_sending && !connection->is_done && !connection->is_cut);
    for (int i = 0; i < EFFECT_PARTS_MAX; i++) {
        connection->parts[i] = effect->send.parts[i];
        bytes += effect->send.parts[i].length;
    }
    if (bytes > connection->piece_bytes_max) connection->piece_bytes_max = bytes;
    connection->pieces_count++;
    connection->is_sending = true;
    connection->is_last = effect->send.is_last;
    connection->keep_alive = effect->send.keep_alive;
}

static inline void world_carry_out(struct world *world, struct effect *effect)
{
    struct connection *connection = effect->slot < WORLD_SLOTS ? &world->connections[effect->slot] : NULL;
    switch (effect->kind) {
    case EFFECT_READ_BODY:
        WORLD_CHECK(connection->is_open && !connection->wants_body);
        connection->wants_body = true;
        break;
    case EFFECT_SEND: world_begin_send(connection, effect); break;
    case EFFECT_STORE:
        list_append(op_is_write(effect->op) ? &world->writes : &world->reads, &effect->op->link);
        break;
    case EFFECT_CLOSE:
        WORLD_CHECK(connection->is_open && !connection->is_cut && !connection->is_done);
        connection->is_cut = true;
        break;
    case EFFECT_READY:
        world->is_ready = true;
        world->has_demo = effect->ready.has_demo;
        if (!effect->ready.has_demo) break;
        world_keep_text(world->key_id, sizeof world->key_id, effect->ready.key_id);
        world_keep_text(world->secret, sizeof world->secret, effect->ready.secret);
        break;
    case EFFECT_FAILED: world->failure = effect->err; break;
    case EFFECT_LINK_DIAL:
    case EFFECT_LINK_SEND:
    case EFFECT_LINK_CLOSE:
    case EFFECT_DATAGRAM:
    case EFFECT_LOG:
    case EFFECT_RESTART: break; /* this world has one node */
    }
}

static inline void world_step(struct world *world, struct event *event)
{
    event->now_ms = world->now_ms;
    event->now_us = world->now_ms * 1000;
    event->wall_us = world->wall_us;
    node_step(&world->node, event, &world->effects);
    for (struct effect *effect = effects_take(&world->effects); effect != NULL;
         effect = effects_take(&world->effects)) {
        world_carry_out(world, effect);
    }
}

/* --- the store ------------------------------------------------------------------------------------------ */

static inline uint32_t world_count(const struct list *list)
{
    uint32_t count = 0;
    for (const struct list *link = list->next; link != list; link = link->next)
        count++;
    return count;
}

static inline struct op *world_nth(struct list *list, uint32_t index)
{
    struct list *link = list->next;
    while (index-- > 0)
        link = link->next;
    WORLD_CHECK(link != list);
    return LIST_OWNER(link, struct op, link);
}

/* Run the index-th lent read: what it sees is what is committed now. */
static inline void world_run_read(struct world *world, uint32_t index)
{
    struct op *op = world_nth(&world->reads, index);
    struct list one;
    list_init(&one);
    if (op->kind == OP_RANGE && op->range.items_max > world->page_rows_max)
        op->range.items_max = world->page_rows_max;
    if (op->kind == OP_INDEX && op->index.rows_max > world->page_rows_max)
        op->index.rows_max = world->page_rows_max;
    list_remove(&op->link);
    list_append(&one, &op->link);
    store_run_reads(&world->store, &one);
    list_move(&world->answers, &one);
}

/* Commit all lent writes in one transaction. */
static inline void world_commit(struct world *world)
{
    struct list batch;
    list_init(&batch);
    list_move(&batch, &world->writes);
    world->commits_count++;
    store_run_writes(&world->store, &batch, world->wall_us);
    list_move(&world->answers, &batch);
}

/* May this answer be the next? Reads in any order; of writes the oldest, as event.h says. */
static inline bool world_can_deliver(const struct world *world, const struct op *op)
{
    if (!op_is_write(op)) return true;
    for (const struct list *link = world->answers.next; link != &op->link; link = link->next) {
        if (op_is_write(LIST_OWNER(link, const struct op, link))) return false;
    }
    return true;
}

static inline uint32_t world_deliverable_count(const struct world *world)
{
    uint32_t count = 0;
    for (const struct list *link = world->answers.next; link != &world->answers; link = link->next)
        count += world_can_deliver(world, LIST_OWNER(link, const struct op, link));
    return count;
}

/* Tell the node of one of the store's answers: the index-th of those that may be next. */
static inline void world_deliver(struct world *world, uint32_t index)
{
    struct list *link = world->answers.next;
    for (;; link = link->next) {
        WORLD_CHECK(link != &world->answers);
        if (world_can_deliver(world, LIST_OWNER(link, struct op, link)) && index-- == 0) break;
    }
    struct op *op = LIST_OWNER(link, struct op, link);
    list_remove(&op->link);
    struct event event = {.kind = EVENT_STORED, .op = op};
    world_step(world, &event);
}

/* --- connections ---------------------------------------------------------------------------------------- */

static inline void connection_forget_answer(struct connection *connection)
{
    free(connection->answer.body);
    free(connection->got);
    connection->answer = (struct answer){0};
    connection->got = NULL;
    connection->got_bytes = 0;
    connection->got_capacity = 0;
    connection->piece_bytes_max = 0;
    connection->pieces_count = 0;
    connection->is_done = false;
}

/* Ask over a connection: a new one when the slot has none, else the next request of the same. */
static inline void world_ask(struct world *world, uint32_t slot, enum event_door door, struct ask ask)
{
    struct connection *connection = &world->connections[slot];
    WORLD_CHECK(!connection->is_open || (connection->is_done && connection->keep_alive));
    connection_forget_answer(connection);
    arena_deinit(&connection->memory);
    struct arena memory;
    arena_init(&memory, WORLD_HEAD_BYTES_MAX * 4);
    if (ask.bearer == NULL) ask.bearer = WORLD_ADMIN_TOKEN;
    const struct ask_signer signer = {world->settings.region, world->wall_us / 1000000,
                                      ask.key_id == NULL ? world->key_id : ask.key_id,
                                      ask.secret == NULL ? world->secret : ask.secret};
    struct http_head *head = ask_head(&ask, door, &signer, &memory);
    *connection = (struct connection){.is_open = true, .door = door, .body_bytes = ask.body.length};
    connection->is_head_method = strcmp(ask.method, "HEAD") == 0;
    connection->body = arena_copy(&memory, ask.body.bytes, ask.body.length);
    WORLD_CHECK(connection->body != NULL);
    connection->memory = memory;
    struct event event = {.kind = EVENT_REQUEST, .slot = slot};
    event.request.door = door;
    event.request.head = head;
    world_step(world, &event);
    memset(head, 0x5a, sizeof *head); /* borrowed for the step only */
}

/* The next piece of a body that was asked for. */
static inline void world_give_body(struct world *world, uint32_t slot)
{
    struct connection *connection = &world->connections[slot];
    size_t left = connection->body_bytes - connection->body_at;
    size_t length = left < world->body_piece_bytes ? left : world->body_piece_bytes;
    WORLD_CHECK(connection->is_open && connection->wants_body);
    struct event event = {.kind = EVENT_BODY, .slot = slot};
    event.body.bytes = connection->body + connection->body_at;
    event.body.length = length;
    event.body.is_last = length == left;
    connection->body_at += length;
    if (event.body.is_last) connection->wants_body = false;
    world_step(world, &event);
}

static inline void connection_end(struct connection *connection)
{
    connection->is_open = false;
    connection->is_sending = false;
    connection->wants_body = false;
    arena_deinit(&connection->memory);
}

/* The client goes away, or the node closed the connection. What came so far can still be looked at. */
static inline void world_leave(struct world *world, uint32_t slot)
{
    struct connection *connection = &world->connections[slot];
    WORLD_CHECK(connection->is_open);
    connection_end(connection);
    struct event event = {.kind = EVENT_GONE, .slot = slot};
    world_step(world, &event);
}

static inline void connection_take(struct connection *connection, struct span part)
{
    if (connection->got_capacity - connection->got_bytes < part.length) {
        connection->got_capacity = 2 * (connection->got_bytes + part.length);
        connection->got = realloc(connection->got, connection->got_capacity);
        WORLD_CHECK(connection->got != NULL);
    }
    memcpy(connection->got + connection->got_bytes, part.bytes, part.length);
    connection->got_bytes += part.length;
}

/* The piece under way is out; its memory was good until now. */
static inline void world_send(struct world *world, uint32_t slot)
{
    struct connection *connection = &world->connections[slot];
    WORLD_CHECK(connection->is_open && connection->is_sending);
    for (int i = 0; i < EFFECT_PARTS_MAX; i++) {
        struct span part = connection->parts[i];
        if (part.length == 0) continue;
        connection_take(connection, part);
    }
    connection->is_sending = false;
    connection->is_done = connection->is_last;
    if (connection->is_last) connection->wants_body = false; /* the rest is read past, or the connection ends */
    struct event event = {.kind = EVENT_SENT, .slot = slot};
    world_step(world, &event);
    if (connection->is_done && !connection->keep_alive) world_leave(world, slot);
}

/* The answer that came over a slot; status 0 while there is none. Valid until the slot is used again. */
static inline const struct answer *world_answer(struct world *world, uint32_t slot)
{
    struct connection *connection = &world->connections[slot];
    if (connection->answer.body == NULL && connection->is_done) {
        connection->answer = answer_read(span_of(connection->got, connection->got_bytes),
                                         connection->is_head_method, !connection->is_open);
        WORLD_CHECK(connection->answer.is_whole && connection->answer.left_bytes == 0);
        WORLD_CHECK(connection->answer.keeps_alive == connection->keep_alive);
    }
    return &connection->answer;
}

static inline int world_status(struct world *world, uint32_t slot)
{
    return world_answer(world, slot)->status;
}

/* A slot without a connection, the lowest. */
static inline uint32_t world_free_slot(const struct world *world)
{
    uint32_t slot = 0;
    while (slot < WORLD_SLOTS && world->connections[slot].is_open)
        slot++;
    WORLD_CHECK(slot < WORLD_SLOTS);
    return slot;
}

/* --- time and going on ---------------------------------------------------------------------------------- */

static inline void world_pass_ms(struct world *world, uint64_t passed_ms)
{
    world->now_ms += passed_ms;
    world->wall_us += passed_ms * 1000;
    struct event event = {.kind = EVENT_TIME};
    if (node_deadline_ms(&world->node) <= world->now_ms) world_step(world, &event);
}

static inline void world_drain(struct world *world)
{
    struct event event = {.kind = EVENT_DRAIN};
    world_step(world, &event);
}

static inline bool world_move_connection(struct world *world, uint32_t slot)
{
    struct connection *connection = &world->connections[slot];
    if (!connection->is_open) return false;
    if (connection->is_cut) {
        world_leave(world, slot);
    } else if (connection->is_sending && !world->holds.sends) {
        world_send(world, slot);
    } else if (connection->wants_body && !connection->is_sending && !world->holds.bodies) {
        world_give_body(world, slot);
    } else {
        return false;
    }
    return true;
}

/* Do one thing that is not held back; false when there is none. */
static inline bool world_move(struct world *world)
{
    if (!list_is_empty(&world->reads) && !world->holds.reads) {
        world_run_read(world, 0);
        return true;
    }
    if (!list_is_empty(&world->answers) && !world->holds.answers) {
        world_deliver(world, 0);
        return true;
    }
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++) {
        if (world_move_connection(world, slot)) return true;
    }
    if (list_is_empty(&world->writes) || world->holds.commits) return false;
    world_commit(world);
    return true;
}

static inline void world_pump(struct world *world)
{
    while (world_move(world)) {
    }
}

/* --- life ----------------------------------------------------------------------------------------------- */

static inline void world_start(struct world *world)
{
    static const uint8_t seal_key[SEAL_KEY_BYTES] = "the seal key of the tests' node";
    const uint8_t place[ACTOR_PLACE_BYTES] = {world->place};
    char message[200];
    uint8_t seed[PRNG_SEED_BYTES] = {++world->starts_count};
    memcpy(world->settings.seal_key, seal_key, sizeof seal_key);
    list_init(&world->reads);
    list_init(&world->writes);
    list_init(&world->answers);
    effects_init(&world->effects);
    world->is_ready = false;
    world->failure = ERR_OK;
    WORLD_CHECK(store_open(&world->store, &world->disk.kv, seal_key, seed, place, message) == ERR_OK);
    seed[1] = 1;
    WORLD_CHECK(node_init(&world->node, &world->settings, &world->store, seed));
    struct event event = {.kind = EVENT_START};
    world_step(world, &event);
}

/* The settings of the tests; bounds small enough to be reached. */
static inline void world_set_up(struct world *world)
{
    memset(world, 0, sizeof *world);
    disk_init(&world->disk);
    world->settings = (struct settings){.region = "garage",
                                        .max_skew_s = 900,
                                        .max_value_bytes = 1 << 20,
                                        .max_batch_bytes = 8 << 20,
                                        .connections_max = WORLD_SLOTS,
                                        .wants_demo = true,
                                        .admin_token = WORLD_ADMIN_TOKEN};
    world->now_ms = 1000;
    world->wall_us = UINT64_C(1749988800000000);
    world->body_piece_bytes = SIZE_MAX;
    world->page_rows_max = UINT32_MAX;
}

static inline void world_init(struct world *world)
{
    world_set_up(world);
    world_start(world);
    world_pump(world);
    WORLD_CHECK(world->is_ready && world->has_demo);
}

/* Everyone leaves, the store answers what it has; then nothing of any request may be left (I25). */
static inline void world_stop(struct world *world)
{
    const struct service *service = &world->node.requests.service;
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++) {
        if (world->connections[slot].is_open) world_leave(world, slot);
        connection_forget_answer(&world->connections[slot]);
    }
    while (!list_is_empty(&world->answers) || !list_is_empty(&world->reads) || !list_is_empty(&world->writes)) {
        list_move(&world->answers, &world->reads); /* as if the disk were gone */
        list_move(&world->answers, &world->writes);
        world_nth(&world->answers, 0)->err = ERR_IO;
        world_deliver(world, 0);
    }
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++)
        WORLD_CHECK(!node_has_request(&world->node, slot));
    WORLD_CHECK(service->waiting_polls == 0);
    WORLD_CHECK(service->timers.count == 0 && node_deadline_ms(&world->node) == UINT64_MAX);
    WORLD_CHECK(service->admin_turn == NULL && list_is_empty(&service->admin_queue));
    WORLD_CHECK(service->memory.held_bytes == 0);
    node_deinit(&world->node);
    store_close(&world->store);
}

static inline void world_deinit(struct world *world)
{
    world_stop(world);
    disk_deinit(&world->disk);
}

/* The program is killed and starts again; its clock goes on. */
static inline void world_restart(struct world *world)
{
    world_stop(world);
    disk_crash(&world->disk);
    memset(world->connections, 0, sizeof world->connections);
    world_start(world);
    world_pump(world);
}

#endif
