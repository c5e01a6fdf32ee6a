/* The table of links, and their bytes. */
#include "node/cluster/links.h"

#include "node/cluster/links_keep.h"
#include "node/cluster/links_refusals.h"

#include <assert.h>

enum { CHANNEL_BYTES_MAX = 16 << 20 };

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
    uint64_t ms = UINT64_MAX;
    if (channel->is_retired && is_of_use(channel)) return channel->used_ms;
    switch (channel->state) {
    case CHANNEL_DIALLING: ms = channel->used_ms + LINKS_DIAL_MS; break;
    case CHANNEL_SHAKING: ms = link_deadline_ms(&channel->link); break;
    case CHANNEL_READY:
        ms = link_deadline_ms(&channel->link);
        if (channel->used_ms + LINKS_IDLE_MS < ms) ms = channel->used_ms + LINKS_IDLE_MS;
        if (channel->is_sending && channel->burst_ms + LINKS_STALL_MS < ms)
            ms = channel->burst_ms + LINKS_STALL_MS;
        break;
    case CHANNEL_ENDING: ms = channel->used_ms + LINKS_END_MS; break;
    case CHANNEL_CLOSING: ms = channel->used_ms + LINKS_CLOSE_MS; break;
    }
    return ms;
}

static void arm(struct cluster *cluster, struct channel *channel)
{
    timers_remove(&cluster->timers, &channel->timer);
    timers_add(&cluster->timers, &channel->timer, deadline_ms(channel));
}

/* Something came or went. Whom we asked to let us in has to answer in time whatever else it says: as long as that
 * is open nobody else can be asked. */
static void touch(struct cluster *cluster, struct channel *channel)
{
    if (!channel->has_asked) channel->used_ms = cluster->now_ms;
}

void links_retire(struct cluster *cluster, struct channel *channel)
{
    channel->is_retired = true;
    arm(cluster, channel);
}

/* --- the end -------------------------------------------------------------------------------------------- */

/* The number is free when the connection is gone. Until then the close is asked for again: it may have been lost
 * for want of memory. Who was told nothing, having proved nothing, is not waited for: so strangers cannot keep all
 * numbers from those that are no strangers. */
static void close_now(struct cluster *cluster, struct channel *channel)
{
    channel->state = CHANNEL_CLOSING;
    channel->used_ms = cluster->now_ms;
    outbox_close(&cluster->outbox, channel->number, !channel->has_spoken);
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

void links_drop(struct cluster *cluster, struct channel *channel, const char *why)
{
    tell_gone(cluster, channel, why);
    if (channel->state != CHANNEL_CLOSING) close_now(cluster, channel);
}

/* Of a closed one only the number is still in use. Behind all else in a step, as a message may lie in the link. */
static void free_closed(struct channel *channel)
{
    if (channel->state == CHANNEL_CLOSING) link_deinit(&channel->link);
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
    if (burst > 0) channel->has_spoken = true;
    channel->burst_ms = cluster->now_ms;
    if (cluster->outbox.lost_count != lost_count) {
        links_drop(cluster, channel, "out of memory");
    } else if (burst == 0 && channel->state == CHANNEL_ENDING) {
        close_now(cluster, channel);
    }
}

bool links_say(struct cluster *cluster, struct channel *channel, enum link_priority priority,
               const struct message *message)
{
    if (channel->state != CHANNEL_READY) return false;
    if (!channel->is_full && link_queued_bytes(&channel->link) > LINKS_STRANGER_BYTES_MAX) {
        links_drop(cluster, channel, "it does not take what is said");
        return false;
    }
    if (message->kind == MESSAGE_JOIN_ASK) link_set_message_max(&channel->link, LINKS_MESSAGE_BYTES_MAX);
    struct span bytes = message_encode(message, &cluster->step);
    if (bytes.bytes == NULL || !link_send(&channel->link, priority, bytes)) {
        links_drop(cluster, channel, "out of memory");
        return false;
    }
    if (message->kind == MESSAGE_JOIN_ASK) channel->used_ms = cluster->now_ms;
    touch(cluster, channel);
    pump(cluster, channel);
    return channel->state == CHANNEL_READY;
}

void links_end(struct cluster *cluster, struct channel *channel)
{
    if (channel->state != CHANNEL_READY) {
        links_drop(cluster, channel, NULL);
        return;
    }
    tell_gone(cluster, channel, NULL);
    link_end(&channel->link);
    pump(cluster, channel);
}

void links_offend(struct cluster *cluster, struct channel *channel, const char *what)
{
    struct member *member = members_find(&cluster->members, channel->link.peer.node_id);
    if (!is_of_use(channel)) return;
    if (member != NULL && cluster->gossip != NULL) {
        gossip_offence(cluster->gossip, member, what, cluster->now_ms);
    } else {
        links_refusals_note_offence(cluster, channel, what);
    }
    links_drop(cluster, channel, what);
}

void links_end_all(struct cluster *cluster)
{
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel != NULL && is_of_use(channel)) links_end(cluster, channel);
    }
}

/* --- in ------------------------------------------------------------------------------------------------- */

static void take_message(struct cluster *cluster, struct channel *channel)
{
    struct message message;
    const char *why = NULL;
    const struct span bytes = channel->link.message;
    touch(cluster, channel);
    if (!message_decode(bytes, &cluster->step, &message, &why)) {
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
    link_set_message_max(&channel->link, LINKS_STRANGER_BYTES_MAX);
    cluster->links->calls.on_ready(cluster, channel);
    if (channel->is_full) link_set_message_max(&channel->link, LINKS_MESSAGE_BYTES_MAX);
    links_keep_one(cluster, channel);
}

/* Nothing that whoever sits on the way can do: the other end has sealed it. */
static bool is_offence(const char *why)
{
    return why == LINK_REASON_SHAPE || why == LINK_REASON_SIZE;
}

static void on_refused(struct cluster *cluster, struct channel *channel)
{
    const char *why = channel->link.reason;
    if (channel->state == CHANNEL_READY && is_offence(why)) {
        links_offend(cluster, channel, why == LINK_REASON_SIZE ? "a message that is too long" : why);
        return;
    }
    pump(cluster, channel); /* there may be an ANSWER that says which versions we speak */
    links_refusals_note(cluster, channel, why);
    links_drop(cluster, channel, why);
}

static void on_bytes(struct cluster *cluster, struct channel *channel, struct span bytes)
{
    enum link_verdict verdict = LINK_READY;
    if (channel->is_full && is_of_use(channel)) touch(cluster, channel); /* a long message takes its time */
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
        links_drop(cluster, channel, "out of memory");
        return;
    }
    arm(cluster, channel);
    pump(cluster, channel);
}

static void accept_link(struct cluster *cluster, uint32_t number, struct span remote)
{
    struct channel *channel = NULL;
    bool is_wanted = !cluster->is_draining && cluster->identity.secrets_count > 0;
    is_wanted = is_wanted && remote.length < CLUSTER_ADDRESS_BYTES;
    if (is_wanted) links_keep_room(cluster, remote);
    if (is_wanted) channel = begin(cluster, number, CHANNEL_SHAKING, remote);
    if (channel == NULL) {
        outbox_close(&cluster->outbox, number, true);
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

static void on_sent(struct cluster *cluster, struct channel *channel)
{
    channel->is_sending = false;
    if (is_of_use(channel)) touch(cluster, channel);
    pump(cluster, channel);
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
    if (channel == NULL) { /* it was closed as it came in; unless that was lost */
        if (event->kind != EVENT_LINK_GONE) outbox_close(&cluster->outbox, event->link.number, true);
        return;
    }
    if (event->kind == EVENT_LINK_GONE) {
        on_gone(cluster, channel, event->link.why);
        return;
    }
    if (event->kind == EVENT_LINK_BYTES) {
        on_bytes(cluster, channel, event->link.bytes);
    } else {
        on_sent(cluster, channel);
    }
    free_closed(channel);
}

static void on_time_shaking(struct cluster *cluster, struct channel *channel)
{
    if (channel->is_retired) {
        links_drop(cluster, channel, "the cluster secrets were changed");
        return;
    }
    (void)link_tick(&channel->link, cluster->now_ms);
    links_refusals_note(cluster, channel, LINK_REASON_LATE);
    links_drop(cluster, channel, LINK_REASON_LATE);
}

/* The other end is silent, or does not read. */
static void on_time_ready(struct cluster *cluster, struct channel *channel)
{
    if (channel->is_sending && cluster->now_ms >= channel->burst_ms + LINKS_STALL_MS) {
        links_drop(cluster, channel, "it does not take what is said");
    } else if (channel->is_retired || cluster->now_ms >= channel->used_ms + LINKS_IDLE_MS) {
        links_end(cluster, channel);
    } else {
        (void)link_tick(&channel->link, cluster->now_ms);
        arm(cluster, channel);
        pump(cluster, channel);
    }
}

void links_on_time(struct cluster *cluster, struct timer *timer)
{
    struct channel *channel = LIST_OWNER(timer, struct channel, timer);
    switch (channel->state) {
    case CHANNEL_DIALLING: links_drop(cluster, channel, "no answer"); break;
    case CHANNEL_SHAKING: on_time_shaking(cluster, channel); break;
    case CHANNEL_READY: on_time_ready(cluster, channel); break;
    case CHANNEL_ENDING:
    case CHANNEL_CLOSING: close_now(cluster, channel); break;
    }
    free_closed(channel);
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
    uint64_t lost_count = cluster->outbox.lost_count;
    channel->purpose = purpose;
    outbox_dial(&cluster->outbox, number, address);
    arm(cluster, channel);
    if (cluster->outbox.lost_count != lost_count) {
        forget(cluster, channel); /* nobody would ever answer */
        return NULL;
    }
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
