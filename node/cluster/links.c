/* The table of links, and their bytes. */
#include "node/cluster/links.h"

#include <assert.h>
#include <stdio.h>

enum { CHANNEL_BYTES_MAX = 16 << 20, MINUTE_MS = 60000 };

static bool is_of_use(const struct channel *channel)
{
    return channel->state <= CHANNEL_READY;
}

/* --- life ----------------------------------------------------------------------------------------------- */

bool links_init(struct cluster *cluster, const struct links_calls *calls)
{
    cluster->links = arena_alloc(&cluster->arena, sizeof *cluster->links);
    if (cluster->links == NULL) return false;
    cluster->links->calls = *calls;
    cluster->links->budget.ceiling_bytes = LINKS_MEMORY_BYTES_MAX;
    return true;
}

static void forget(struct cluster *cluster, struct channel *channel)
{
    struct links *links = cluster->links;
    links->channels[channel->number] = NULL;
    if (channel->number < LIMITS_LINKS_DIALLED_MAX) {
        links->dialled_count--;
    } else {
        links->accepted_count--;
    }
    timers_remove(&cluster->timers, &channel->timer);
    link_deinit(&channel->link);
    struct arena arena = channel->arena;
    arena_deinit(&arena);
}

void links_deinit(struct cluster *cluster)
{
    for (uint32_t i = 0; cluster->links != NULL && i < LINKS_MAX; i++)
        if (cluster->links->channels[i] != NULL) forget(cluster, cluster->links->channels[i]);
    cluster->links = NULL;
}

static struct channel *begin(struct cluster *cluster, uint32_t number, enum channel_state state,
                             struct span address)
{
    struct links *links = cluster->links;
    struct arena arena;
    assert(links->channels[number] == NULL && address.length < CLUSTER_ADDRESS_BYTES);
    arena_init_within(&arena, CHANNEL_BYTES_MAX, &links->budget);
    struct channel *channel = arena_alloc(&arena, sizeof *channel);
    if (channel == NULL) return NULL;
    channel->arena = arena;
    channel->number = number;
    channel->state = state;
    channel->serial = ++links->next_serial;
    channel->used_ms = cluster->now_ms;
    channel->peer_index = UINT32_MAX;
    memcpy(channel->address, address.bytes, address.length);
    links->channels[number] = channel;
    if (number < LIMITS_LINKS_DIALLED_MAX) {
        links->dialled_count++;
    } else {
        links->accepted_count++;
    }
    return channel;
}

/* --- time ----------------------------------------------------------------------------------------------- */

static uint64_t deadline_ms(const struct channel *channel)
{
    uint64_t link_ms = UINT64_MAX;
    switch (channel->state) {
    case CHANNEL_DIALLING: return channel->used_ms + LINKS_DIAL_MS;
    case CHANNEL_SHAKING: return link_deadline_ms(&channel->link);
    case CHANNEL_READY:
        link_ms = link_deadline_ms(&channel->link);
        return link_ms < channel->used_ms + LINKS_IDLE_MS ? link_ms : channel->used_ms + LINKS_IDLE_MS;
    case CHANNEL_ENDING: return channel->used_ms + LINKS_END_MS;
    case CHANNEL_CLOSING: return UINT64_MAX;
    }
    return UINT64_MAX;
}

static void arm(struct cluster *cluster, struct channel *channel)
{
    timers_remove(&cluster->timers, &channel->timer);
    uint64_t deadline = deadline_ms(channel);
    if (deadline != UINT64_MAX) timers_add(&cluster->timers, &channel->timer, deadline);
}

/* --- the end -------------------------------------------------------------------------------------------- */

static void close_now(struct cluster *cluster, struct channel *channel)
{
    if (channel->state == CHANNEL_CLOSING) return;
    channel->state = CHANNEL_CLOSING;
    outbox_close(&cluster->outbox, channel->number);
    arm(cluster, channel);
}

/* The owners let go; what is still to be sent is the links' own business. */
static void tell_gone(struct cluster *cluster, struct channel *channel, const char *why)
{
    if (!is_of_use(channel)) return;
    channel->state = CHANNEL_ENDING;
    channel->used_ms = cluster->now_ms;
    cluster->links->calls.on_gone(cluster, channel, why);
    arm(cluster, channel);
}

static void drop(struct cluster *cluster, struct channel *channel, const char *why)
{
    tell_gone(cluster, channel, why);
    close_now(cluster, channel);
}

/* --- out ------------------------------------------------------------------------------------------------ */

/* Give out the next burst, when the one before has left us. A burst that is lost for want of memory would make
 * all behind it senseless. */
static void pump(struct cluster *cluster, struct channel *channel)
{
    static_assert((int)LINKS_BURST_BYTES >= (int)LINK_FRAME_BYTES_MAX, "a frame fits");
    uint8_t bytes[LINK_FRAME_BYTES_MAX];
    bool has_link = channel->state == CHANNEL_SHAKING || channel->state == CHANNEL_READY ||
                    channel->state == CHANNEL_ENDING;
    uint64_t lost_count = cluster->outbox.lost_count;
    size_t burst = 0;
    if (!has_link || channel->is_sending) return;
    while (burst + sizeof bytes <= LINKS_BURST_BYTES) {
        size_t length = link_write(&channel->link, bytes, sizeof bytes, cluster->now_ms);
        if (length == 0) break;
        outbox_send(&cluster->outbox, channel->number, span_of(bytes, length));
        burst += length;
    }
    channel->is_sending = burst > 0;
    if (cluster->outbox.lost_count != lost_count) {
        drop(cluster, channel, "out of memory");
    } else if (burst == 0 && channel->state == CHANNEL_ENDING) {
        close_now(cluster, channel);
    }
}

bool links_say(struct cluster *cluster, struct channel *channel, enum link_priority priority,
               const struct message *message)
{
    if (channel->state != CHANNEL_READY) return false;
    struct span bytes = message_encode(message, &cluster->step);
    if (bytes.bytes == NULL || !link_send(&channel->link, priority, bytes)) {
        drop(cluster, channel, "out of memory");
        return false;
    }
    channel->used_ms = cluster->now_ms;
    pump(cluster, channel);
    return channel->state == CHANNEL_READY;
}

void links_end(struct cluster *cluster, struct channel *channel)
{
    if (channel->state != CHANNEL_READY) {
        drop(cluster, channel, NULL);
        return;
    }
    tell_gone(cluster, channel, NULL);
    link_end(&channel->link);
    pump(cluster, channel);
}

void links_refuse(struct cluster *cluster, struct channel *channel, enum message_reason reason, const char *text)
{
    const struct message problem = {.kind = MESSAGE_PROBLEM, .reason = reason, .text = span_text(text)};
    if (links_say(cluster, channel, LINK_URGENT, &problem)) links_end(cluster, channel);
}

void links_offend(struct cluster *cluster, struct channel *channel, const char *what)
{
    struct member *member = members_find(&cluster->members, channel->link.peer.node_id);
    if (!is_of_use(channel)) return;
    if (member != NULL && cluster->gossip != NULL) {
        gossip_offence(cluster->gossip, member, what, cluster->now_ms);
    } else {
        struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "a node sent what no sound node sends");
        outbox_node(&cluster->outbox, line, "node", channel->link.peer.node_id);
        outbox_text(&cluster->outbox, line, "remote", span_text(channel->address));
        outbox_text(&cluster->outbox, line, "what", span_text(what));
    }
    drop(cluster, channel, what);
}

void links_end_all(struct cluster *cluster)
{
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel != NULL && is_of_use(channel)) links_end(cluster, channel);
    }
}

/* --- in ------------------------------------------------------------------------------------------------- */

/* A handshake that came to nothing: said so often a minute, then counted only. A node that dials itself to find
 * out whether it is the one meant is no news. */
static void log_refusal(struct cluster *cluster, const struct channel *channel, const char *why)
{
    static const uint8_t nobody[LINK_NODE_ID_BYTES] = {0};
    struct links *links = cluster->links;
    if (why == LINK_REASON_SELF) return;
    if (cluster->now_ms - links->refusals_since_ms >= MINUTE_MS) {
        links->refusals_since_ms = cluster->now_ms;
        links->refusals_count = 0;
    }
    if (links->refusals_count++ >= LINKS_REFUSALS_LOGGED) return;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "a link to another node was refused");
    outbox_text(&cluster->outbox, line, "remote", span_text(channel->address));
    outbox_text(&cluster->outbox, line, "why", span_text(why));
    if (memcmp(channel->link.peer.node_id, nobody, sizeof nobody) != 0)
        outbox_node(&cluster->outbox, line, "node", channel->link.peer.node_id);
    if (links->refusals_count == LINKS_REFUSALS_LOGGED) outbox_number(line, "silent_until_next_minute", 1);
}

static void take_message(struct cluster *cluster, struct channel *channel)
{
    struct message message;
    const char *why = NULL;
    const struct span bytes = channel->link.message;
    channel->used_ms = cluster->now_ms;
    if (bytes.length > LINKS_MESSAGE_BYTES_MAX) {
        links_offend(cluster, channel, "a message that is too long");
    } else if (!message_decode(bytes, &cluster->step, &message, &why)) {
        links_offend(cluster, channel, why);
    } else if (message.kind == MESSAGE_UNKNOWN) {
        cluster->links->unknown_messages++;
    } else {
        cluster->links->calls.on_message(cluster, channel, &message);
    }
}

static void on_ready(struct cluster *cluster, struct channel *channel)
{
    channel->state = CHANNEL_READY;
    channel->used_ms = cluster->now_ms;
    arm(cluster, channel);
    cluster->links->calls.on_ready(cluster, channel);
}

static void on_refused(struct cluster *cluster, struct channel *channel)
{
    const char *why = channel->link.reason;
    if (channel->state == CHANNEL_READY) {
        links_offend(cluster, channel, why);
        return;
    }
    log_refusal(cluster, channel, why);
    drop(cluster, channel, why);
}

static void on_bytes(struct cluster *cluster, struct channel *channel, struct span bytes)
{
    enum link_verdict verdict = LINK_READY;
    while (verdict != LINK_MORE && is_of_use(channel) && channel->state != CHANNEL_DIALLING) {
        size_t taken = 0;
        verdict = link_read(&channel->link, bytes, &taken, cluster->now_ms);
        bytes = span_of(bytes.bytes + taken, bytes.length - taken);
        switch (verdict) {
        case LINK_MORE: break;
        case LINK_READY: on_ready(cluster, channel); break;
        case LINK_MESSAGE: take_message(cluster, channel); break;
        case LINK_ENDED: links_end(cluster, channel); break;
        case LINK_REFUSED: on_refused(cluster, channel); break;
        }
    }
    pump(cluster, channel);
}

static void shake(struct cluster *cluster, struct channel *channel, bool is_dialler)
{
    channel->state = CHANNEL_SHAKING;
    if (!link_init(&channel->link, &cluster->identity, is_dialler, &cluster->prng, &cluster->links->budget,
                   cluster->now_ms)) {
        channel->link = (struct link){0};
        drop(cluster, channel, "out of memory");
        return;
    }
    arm(cluster, channel);
    pump(cluster, channel);
}

static void accept_link(struct cluster *cluster, uint32_t number, struct span remote)
{
    struct channel *channel = NULL;
    bool is_wanted = !cluster->is_draining && cluster->identity.secrets_count > 0;
    if (is_wanted && remote.length < CLUSTER_ADDRESS_BYTES)
        channel = begin(cluster, number, CHANNEL_SHAKING, remote);
    if (channel == NULL) {
        outbox_close(&cluster->outbox, number);
    } else {
        shake(cluster, channel, false);
    }
}

static void on_open(struct cluster *cluster, const struct event *event)
{
    struct channel *channel = cluster->links->channels[event->link.number];
    if (event->link.number >= LIMITS_LINKS_DIALLED_MAX) {
        if (channel == NULL) accept_link(cluster, event->link.number, event->link.remote);
    } else if (channel != NULL && channel->state == CHANNEL_DIALLING) {
        shake(cluster, channel, true);
    }
}

static void on_gone(struct cluster *cluster, struct channel *channel, const char *why)
{
    tell_gone(cluster, channel, why == NULL ? "the connection was closed" : why);
    forget(cluster, channel);
}

void links_on_event(struct cluster *cluster, const struct event *event)
{
    assert(event->link.number < LINKS_MAX);
    struct channel *channel = cluster->links->channels[event->link.number];
    if (event->kind == EVENT_LINK_OPEN) {
        on_open(cluster, event);
        return;
    }
    if (channel == NULL) return; /* it was closed as it came in */
    if (event->kind == EVENT_LINK_BYTES) {
        on_bytes(cluster, channel, event->link.bytes);
    } else if (event->kind == EVENT_LINK_SENT) {
        channel->is_sending = false;
        pump(cluster, channel);
    } else {
        on_gone(cluster, channel, event->link.why);
    }
}

void links_on_time(struct cluster *cluster, struct timer *timer)
{
    struct channel *channel = LIST_OWNER(timer, struct channel, timer);
    bool is_late = cluster->now_ms >= channel->used_ms;
    switch (channel->state) {
    case CHANNEL_DIALLING: drop(cluster, channel, "no answer"); return;
    case CHANNEL_SHAKING:
        if (link_tick(&channel->link, cluster->now_ms)) break;
        log_refusal(cluster, channel, LINK_REASON_LATE);
        drop(cluster, channel, LINK_REASON_LATE);
        return;
    case CHANNEL_READY:
        is_late = cluster->now_ms >= channel->used_ms + LINKS_IDLE_MS;
        if (!is_late && link_tick(&channel->link, cluster->now_ms)) break;
        links_end(cluster, channel);
        return;
    case CHANNEL_ENDING:
    case CHANNEL_CLOSING: close_now(cluster, channel); return;
    }
    arm(cluster, channel);
    pump(cluster, channel);
}

/* --- dialling and finding -------------------------------------------------------------------------------- */

struct channel *links_dial(struct cluster *cluster, struct span address, enum channel_purpose purpose)
{
    struct links *links = cluster->links;
    uint32_t number = 0;
    if (cluster->identity.secrets_count == 0 || cluster->is_draining) return NULL;
    if (address.length == 0 || address.length > LIMITS_ADDRESS_BYTES_MAX) return NULL;
    while (number < LIMITS_LINKS_DIALLED_MAX && links->channels[number] != NULL)
        number++;
    if (number == LIMITS_LINKS_DIALLED_MAX) return NULL;
    struct channel *channel = begin(cluster, number, CHANNEL_DIALLING, address);
    if (channel == NULL) return NULL;
    channel->purpose = purpose;
    outbox_dial(&cluster->outbox, number, address);
    arm(cluster, channel);
    return channel;
}

struct channel *links_find(const struct cluster *cluster, uint32_t number, uint64_t serial)
{
    struct channel *channel = number < LINKS_MAX ? cluster->links->channels[number] : NULL;
    return channel != NULL && channel->serial == serial && is_of_use(channel) ? channel : NULL;
}

struct channel *links_to(const struct cluster *cluster, const uint8_t *node_id)
{
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || channel->state != CHANNEL_READY || !channel->is_full) continue;
        if (memcmp(channel->link.peer.node_id, node_id, LINK_NODE_ID_BYTES) == 0) return channel;
    }
    return NULL;
}

bool links_has_address(const struct cluster *cluster, struct span address)
{
    for (uint32_t i = 0; i < LIMITS_LINKS_DIALLED_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || !is_of_use(channel)) continue;
        if (span_is_equal(span_text(channel->address), address)) return true;
    }
    return false;
}
