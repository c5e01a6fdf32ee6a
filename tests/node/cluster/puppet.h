/* One real node, and a puppet that speaks to it over links: a node of the test's own making that knows the secret,
 * joins in order, and then says whatever the test wants. */
#ifndef TESTS_NODE_CLUSTER_PUPPET_H
#define TESTS_NODE_CLUSTER_PUPPET_H

#include "node/cluster/exchange.h"
#include "node/cluster/links.h"
#include "node/cluster/message.h"
#include "node/node.h"
#include "sim/disk.h"
#include "tests/lib/check.h"

#include <sodium/crypto_sign_ed25519.h>

enum {
    PUPPET_LINK = LIMITS_LINKS_DIALLED_MAX, /* the number of the first link that comes in */
    PUPPET_ARENA_BYTES = 256 << 20,
    PUPPET_LOG_CHARS = 8192,
    PUPPET_KINDS = MESSAGE_ANNOUNCEMENTS + 1,
    PUPPET_HELD_MAX = 16,
};

struct puppet {
    struct disk disk;
    struct store store;
    struct settings settings;
    struct node node;
    struct effects effects;
    uint64_t now_ms;
    char log[PUPPET_LOG_CHARS];
    bool has_restarted; /* the node asked for it */
    bool holds_ops;     /* the store takes its time: until puppet_release() */
    struct op *held[PUPPET_HELD_MAX];
    uint32_t held_count;

    struct link_identity identity; /* the puppet's */
    struct prng prng;
    struct arena arena;
    struct link link;
    uint32_t number;
    bool is_open;
    bool is_closed_by_node;
    bool is_cut_by_node; /* …without waiting for what was sent */
    bool is_sent_owed;   /* EVENT_LINK_SENT */
    uint8_t *bytes;      /* from the node, not read by the puppet yet */
    size_t bytes_count;
    uint32_t heard[PUPPET_KINDS]; /* messages of each kind */
    struct message last[PUPPET_KINDS];
};

/* --- the node's outside -------------------------------------------------------------------------------------- */

static inline void puppet_step(struct puppet *puppet, struct event *event);

/* The store runs it, and answers. */
static inline void puppet_run(struct puppet *puppet, struct op *op)
{
    struct list one;
    list_init(&one);
    list_append(&one, &op->link);
    if (op_is_write(op)) {
        store_run_writes(&puppet->store, &one, 1000000 + puppet->now_ms * 1000);
    } else {
        store_run_reads(&puppet->store, &one);
    }
    list_remove(&op->link);
    struct event event = {.kind = EVENT_STORED, .op = op};
    puppet_step(puppet, &event);
}

static inline void puppet_store(struct puppet *puppet, struct op *op)
{
    if (!puppet->holds_ops) {
        puppet_run(puppet, op);
        return;
    }
    assert_true(puppet->held_count < PUPPET_HELD_MAX);
    puppet->held[puppet->held_count++] = op;
}

static inline void puppet_log(struct puppet *puppet, const struct effect *line)
{
    size_t used = strlen(puppet->log);
    if (used + 400 > sizeof puppet->log) return;
    used += (size_t)snprintf(puppet->log + used, sizeof puppet->log - used, "%s", line->log.event);
    for (uint32_t i = 0; i < line->log.fields_count && used + 200 < sizeof puppet->log; i++) {
        const struct effect_field *field = &line->log.fields[i];
        used += (size_t)snprintf(puppet->log + used, sizeof puppet->log - used, " %s=%.*s", field->name,
                                 (int)field->text.length, (const char *)field->text.bytes);
    }
    snprintf(puppet->log + used, sizeof puppet->log - used, "\n");
}

static inline void puppet_take_bytes(struct puppet *puppet, struct span bytes)
{
    puppet->bytes = arena_grow(&puppet->arena, puppet->bytes, puppet->bytes_count,
                               puppet->bytes_count + bytes.length);
    assert_non_null(puppet->bytes);
    memcpy(puppet->bytes + puppet->bytes_count, bytes.bytes, bytes.length);
    puppet->bytes_count += bytes.length;
    puppet->is_sent_owed = true;
}

static inline void puppet_carry_out(struct puppet *puppet, struct effect *effect)
{
    bool is_ours = puppet->is_open && effect->peer.number == puppet->number;
    if (effect->kind == EFFECT_STORE) {
        puppet_store(puppet, effect->op); /* with the answer the effect goes */
        return;
    }
    if (effect->kind == EFFECT_LINK_SEND && is_ours) puppet_take_bytes(puppet, effect->peer.bytes);
    if (effect->kind == EFFECT_LINK_CLOSE && is_ours) {
        puppet->is_closed_by_node = true;
        puppet->is_cut_by_node = effect->peer.is_at_once;
    }
    if (effect->kind == EFFECT_LOG) puppet_log(puppet, effect);
    if (effect->kind == EFFECT_RESTART) puppet->has_restarted = true;
    assert_int_not_equal(effect->kind, EFFECT_FAILED);
}

/* What an effect points to stays until the next step only: an op is run behind all else. */
static inline void puppet_carry_out_all(struct puppet *puppet)
{
    struct effect *stores[CLUSTER_PEERS_MAX];
    uint32_t stores_count = 0;
    for (struct effect *effect = effects_take(&puppet->effects); effect != NULL;
         effect = effects_take(&puppet->effects)) {
        if (effect->kind == EFFECT_STORE) {
            assert_true(stores_count < CLUSTER_PEERS_MAX);
            stores[stores_count++] = effect;
        } else {
            puppet_carry_out(puppet, effect);
        }
    }
    for (uint32_t i = 0; i < stores_count; i++)
        puppet_carry_out(puppet, stores[i]);
}

static inline void puppet_step(struct puppet *puppet, struct event *event)
{
    event->now_ms = puppet->now_ms;
    event->now_us = puppet->now_ms * 1000;
    event->wall_us = 1000000 + event->now_us;
    node_step(&puppet->node, event, &puppet->effects);
    puppet_carry_out_all(puppet);
}

/* The first of the ops that are held is answered. */
static inline void puppet_release(struct puppet *puppet)
{
    assert_true(puppet->held_count > 0);
    struct op *op = puppet->held[0];
    memmove(puppet->held, puppet->held + 1, --puppet->held_count * sizeof puppet->held[0]);
    puppet_run(puppet, op);
}

/* --- life -----------------------------------------------------------------------------------------------------
 */

static inline void puppet_init(struct puppet *puppet)
{
    static const uint8_t seal_key[SEAL_KEY_BYTES] = "the seal key of the test's node";
    static const uint8_t place[ACTOR_PLACE_BYTES] = "where it lies..";
    uint8_t seed[PRNG_SEED_BYTES] = {1};
    uint8_t id[LINK_NODE_ID_BYTES];
    char message[200];
    struct event start = {.kind = EVENT_START};
    memset(puppet, 0, sizeof *puppet);
    disk_init(&puppet->disk);
    effects_init(&puppet->effects);
    arena_init(&puppet->arena, PUPPET_ARENA_BYTES);
    puppet->now_ms = 1000;
    puppet->settings = (struct settings){.region = "garage", .connections_max = 4, .max_value_bytes = 1024};
    struct cluster_settings *cluster = &puppet->settings.cluster;
    cluster->is_enabled = true;
    snprintf(cluster->address, sizeof cluster->address, "10.0.0.1:3901");
    cluster->probe_interval_ms = 1000;
    cluster->secrets_count = 1;
    memset(cluster->secrets[0], 's', LINK_SECRET_BYTES);
    assert_ok(store_open(&puppet->store, &puppet->disk.kv, seal_key, seed, place, message));
    assert_true(node_init(&puppet->node, &puppet->settings, &puppet->store, seed));
    seed[0] = 2;
    prng_init(&puppet->prng, seed);
    crypto_sign_ed25519_seed_keypair(id, puppet->identity.node_key, seed);
    puppet->identity.secrets_count = 1;
    memset(puppet->identity.secrets[0], 's', LINK_SECRET_BYTES);
    memset(puppet->identity.cluster_id, 'p', LINK_CLUSTER_ID_BYTES);
    puppet_step(puppet, &start);
}

static inline void puppet_deinit(struct puppet *puppet)
{
    link_deinit(&puppet->link);
    node_deinit(&puppet->node);
    store_close(&puppet->store);
    disk_deinit(&puppet->disk);
    arena_deinit(&puppet->arena);
}

static inline const uint8_t *puppet_id(const struct puppet *puppet)
{
    return puppet->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

/* --- links ----------------------------------------------------------------------------------------------------
 */

static inline void puppet_link_event(struct puppet *puppet, enum event_kind kind, struct span bytes)
{
    struct event event = {.kind = kind};
    event.link.number = puppet->number;
    event.link.bytes = bytes;
    event.link.remote = span_text("10.0.0.2:40000");
    puppet_step(puppet, &event);
}

static inline void puppet_hear(struct puppet *puppet)
{
    const char *why = NULL;
    struct message message;
    uint8_t *copy = arena_copy(&puppet->arena, puppet->link.message.bytes, puppet->link.message.length);
    assert_true(message_decode(span_of(copy, puppet->link.message.length), &puppet->arena, &message, &why));
    puppet->heard[message.kind]++;
    puppet->last[message.kind] = message;
}

/* Carry bytes both ways until nothing is left. */
static inline void puppet_pump(struct puppet *puppet)
{
    for (bool is_moving = true; is_moving;) {
        uint8_t *out = arena_alloc(&puppet->arena, LINK_FRAME_BYTES_MAX);
        size_t length = link_write(&puppet->link, out, LINK_FRAME_BYTES_MAX, puppet->now_ms);
        is_moving = length > 0 || puppet->bytes_count > 0 || puppet->is_sent_owed;
        if (length > 0 && !puppet->is_closed_by_node)
            puppet_link_event(puppet, EVENT_LINK_BYTES, span_of(out, length));
        struct span in = span_of(puppet->bytes, puppet->bytes_count);
        puppet->bytes = NULL;
        puppet->bytes_count = 0;
        enum link_verdict verdict = in.length == 0 ? LINK_MORE : LINK_READY;
        while (verdict != LINK_MORE && verdict != LINK_REFUSED) {
            size_t taken = 0;
            verdict = link_read(&puppet->link, in, &taken, puppet->now_ms);
            in = span_of(in.bytes + taken, in.length - taken);
            if (verdict == LINK_MESSAGE) puppet_hear(puppet);
        }
        if (puppet->is_sent_owed) {
            puppet->is_sent_owed = false;
            puppet_link_event(puppet, EVENT_LINK_SENT, (struct span){0});
        }
    }
}

/* A connection with that number, and the handshake. */
static inline void puppet_begin_link(struct puppet *puppet, uint32_t number)
{
    memset(puppet->heard, 0, sizeof puppet->heard);
    puppet->number = number;
    puppet->is_open = true;
    puppet->is_closed_by_node = false;
    puppet->is_sent_owed = false;
    puppet->bytes_count = 0;
    puppet->link = (struct link){0};
    assert_true(link_init(&puppet->link, &puppet->identity, true, &puppet->prng, NULL, puppet->now_ms));
    puppet_link_event(puppet, EVENT_LINK_OPEN, (struct span){0});
    puppet_pump(puppet);
}

static inline void puppet_dial(struct puppet *puppet)
{
    puppet_begin_link(puppet, PUPPET_LINK);
}

/* The link before stays, and is forgotten without a word. */
static inline void puppet_dial_beside(struct puppet *puppet, uint32_t number)
{
    link_deinit(&puppet->link);
    puppet_begin_link(puppet, number);
}

static inline void puppet_hang_up(struct puppet *puppet)
{
    puppet_link_event(puppet, EVENT_LINK_GONE, (struct span){0});
    puppet->is_open = false;
    link_deinit(&puppet->link);
}

static inline void puppet_say_bytes(struct puppet *puppet, struct span bytes)
{
    assert_true(link_send(&puppet->link, LINK_NORMAL, bytes));
    puppet_pump(puppet);
}

static inline void puppet_say(struct puppet *puppet, const struct message *message)
{
    struct span bytes = message_encode(message, &puppet->arena);
    assert_non_null(bytes.bytes);
    puppet_say_bytes(puppet, bytes);
}

static inline void puppet_ask(struct puppet *puppet)
{
    const struct message ask = {
        .kind = MESSAGE_JOIN_ASK, .address = span_text("10.0.0.2:3901"), .name = span_text("puppet")};
    puppet_say(puppet, &ask);
}

/* Let the node's time pass. */
static inline void puppet_wait(struct puppet *puppet, uint64_t ms)
{
    uint64_t until_ms = puppet->now_ms + ms;
    while (node_deadline_ms(&puppet->node) <= until_ms) {
        uint64_t deadline_ms = node_deadline_ms(&puppet->node);
        struct event event = {.kind = EVENT_TIME};
        if (deadline_ms > puppet->now_ms) puppet->now_ms = deadline_ms;
        puppet_step(puppet, &event);
    }
    puppet->now_ms = until_ms;
}

/* Join in order, and come back over a link of two members. */
static inline void puppet_become_member(struct puppet *puppet)
{
    puppet_dial(puppet);
    puppet_ask(puppet);
    assert_int_equal(puppet->heard[MESSAGE_JOIN_GRANT], 1);
    memcpy(puppet->identity.cluster_id, puppet->last[MESSAGE_JOIN_GRANT].cluster_id.bytes, LINK_CLUSTER_ID_BYTES);
    puppet->identity.is_member = true;
    puppet_hang_up(puppet);
    puppet_dial(puppet);
    assert_int_equal(puppet->heard[MESSAGE_HELLO], 1);
}

/* The puppet's digests: of no documents at all, so that all of the node's differ. */
static inline void puppet_ask_for_documents(struct puppet *puppet)
{
    static uint8_t digests[MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES];
    const struct message message = {.kind = MESSAGE_DOCS_DIGESTS, .digests = span_of(digests, sizeof digests)};
    puppet_say(puppet, &message);
    assert_int_equal(puppet->heard[MESSAGE_DOCS_WANT], 1);
    assert_int_equal(puppet->heard[MESSAGE_DOCS], 1);
}

#endif
