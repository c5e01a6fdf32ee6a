/* What we say of ourselves, and what comes back of it.
 *
 * Another announcement of our id that is not older than ours means one of two things: our store was put back to an
 * earlier state, or another process has our identity (H2). In both cases we raise ours above it. The first ends
 * with that; in the second the other does the same, and when it goes on both say so: ANNOUNCEMENT_DOUBLED.
 */
#include "node/cluster/gossip_state.h"

#include <assert.h>

enum { INCARNATION_ROOM = 16 }; /* below the greatest: beyond, somebody who has our key made one up */

void gossip_own_init(struct gossip *gossip, uint64_t incarnation)
{
    struct gossip_own *own = &gossip->own;
    const uint8_t *public_key = gossip->identity->node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
    memcpy(own->announcement.node_id, public_key, LINK_NODE_ID_BYTES);
    own->announcement.incarnation = incarnation > 0 ? incarnation : 1;
    own->announcement.boot_nonce = gossip->identity->boot;
    gossip->stats.incarnation = own->announcement.incarnation;
}

/* Sign what there is now to say, and let it spread. */
static void publish(struct gossip *gossip)
{
    struct gossip_own *own = &gossip->own;
    own->announcement.flags &= ~(uint64_t)(ANNOUNCEMENT_LEAVING | ANNOUNCEMENT_DOUBLED);
    if (own->is_leaving) own->announcement.flags |= ANNOUNCEMENT_LEAVING;
    if (own->is_doubled) own->announcement.flags |= ANNOUNCEMENT_DOUBLED;
    own->length = announcement_encode(&own->announcement, gossip->identity, own->bytes);
    gossip->stats.incarnation = own->announcement.incarnation;
    gossip->wants_broadcast = true;
    if (gossip->self == NULL) return;
    gossip_keep_announcement(gossip, gossip->self, span_of(own->bytes, own->length));
    rumours_add(&gossip->rumours, &gossip_row_of(gossip->self)->announcement_news);
}

void gossip_own_raise(struct gossip *gossip, uint64_t above)
{
    struct announcement *own = &gossip->own.announcement;
    uint64_t base = above > own->incarnation ? above : own->incarnation;
    if (base >= UINT64_MAX - INCARNATION_ROOM) return;
    own->incarnation = base + 1;
    if (gossip->own.length > 0) publish(gossip);
}

/* --- two processes -------------------------------------------------------------------------------------- */

static void set_doubled(struct gossip *gossip, bool is_doubled)
{
    struct effect *line = NULL;
    if (gossip->own.is_doubled == is_doubled) return;
    gossip->own.is_doubled = is_doubled;
    gossip->stats.is_doubled = is_doubled;
    if (is_doubled) {
        line = outbox_log(gossip->outbox, EFFECT_ERROR,
                          "another process has this node's identity: stop one of the two; the others refuse both");
    } else {
        line = outbox_log(gossip->outbox, EFFECT_WARN, "this node's identity is its own again");
    }
    outbox_node(gossip->outbox, line, "node", gossip->own.announcement.node_id);
}

void gossip_own_conflict(struct gossip *gossip, const struct announcement *other)
{
    struct gossip_own *own = &gossip->own;
    uint64_t *last_ms = &own->conflicts_ms[own->conflicts_count % GOSSIP_CONFLICTS_MAX];
    const uint64_t *newest_ms =
        &own->conflicts_ms[(own->conflicts_count + GOSSIP_CONFLICTS_MAX - 1) % GOSSIP_CONFLICTS_MAX];
    bool is_same = own->conflicts_count > 0 && gossip->now_ms < *newest_ms + gossip->period_ms / 2;
    if (is_same) return; /* several tell us of the same; if it lasts we hear of it again */
    bool is_third = own->conflicts_count >= GOSSIP_CONFLICTS_MAX - 1;
    *last_ms = gossip->now_ms;
    own->conflicts_count++;
    uint64_t oldest_ms = own->conflicts_ms[own->conflicts_count % GOSSIP_CONFLICTS_MAX];
    if (is_third && gossip->now_ms - oldest_ms <= GOSSIP_CONFLICTS_PERIODS * gossip->period_ms)
        set_doubled(gossip, true);
    gossip_own_raise(gossip, other->incarnation);
}

void gossip_own_on_period(struct gossip *gossip)
{
    const struct gossip_own *own = &gossip->own;
    if (!own->is_doubled) return;
    uint64_t newest_ms =
        own->conflicts_ms[(own->conflicts_count + GOSSIP_CONFLICTS_MAX - 1) % GOSSIP_CONFLICTS_MAX];
    if (gossip->now_ms < newest_ms + GOSSIP_CONFLICTS_PERIODS * gossip->period_ms) return;
    set_doubled(gossip, false);
    gossip_own_raise(gossip, 0);
}

void gossip_own_on_alone(struct gossip *gossip)
{
    set_doubled(gossip, false);
}

/* --- what is said --------------------------------------------------------------------------------------- */

/* Copy a text cleaned; true when it is another one than before. */
static bool set_text(struct span text, uint8_t *room, size_t capacity, struct span *held)
{
    uint8_t cleaned[LIMITS_ADDRESS_BYTES_MAX];
    assert(capacity <= sizeof cleaned);
    size_t length = announcement_clean(text, capacity, cleaned);
    if (span_is_equal(span_of(cleaned, length), *held)) return false;
    memcpy(room, cleaned, length);
    *held = span_of(room, length);
    return true;
}

static bool set_number(uint64_t number, uint64_t *held)
{
    bool is_other = number != *held;
    *held = number;
    return is_other;
}

/* What the store holds changes all the time; only a good part of it is news. */
static bool set_used_bytes(uint64_t used_bytes, uint64_t *held)
{
    uint64_t apart = used_bytes > *held ? used_bytes - *held : *held - used_bytes;
    if (apart < GOSSIP_USED_BYTES_STEP || apart < *held / GOSSIP_USED_BYTES_SHARE) return false;
    *held = used_bytes;
    return true;
}

void gossip_say(struct gossip *gossip, const struct gossip_self *self, uint64_t now_ms)
{
    struct gossip_own *own = &gossip->own;
    struct announcement *announcement = &own->announcement;
    bool is_first = own->length == 0;
    if (now_ms > gossip->now_ms) gossip->now_ms = now_ms;
    if (own->is_leaving) return;
    bool is_news = set_text(self->address, own->address, sizeof own->address, &announcement->address);
    is_news |= set_text(self->name, own->name, sizeof own->name, &announcement->name);
    is_news |= set_text(self->zone, own->zone, sizeof own->zone, &announcement->zone);
    is_news |= set_text(self->program, own->program, sizeof own->program, &announcement->program);
    is_news |= set_number(self->capacity, &announcement->capacity);
    is_news |= set_number(self->layout_number, &announcement->layout_number);
    is_news |= set_used_bytes(self->used_bytes, &announcement->used_bytes);
    uint64_t flags = announcement->flags & (ANNOUNCEMENT_LEAVING | ANNOUNCEMENT_DOUBLED);
    uint64_t wanted = self->flags & ~(uint64_t)(ANNOUNCEMENT_LEAVING | ANNOUNCEMENT_DOUBLED);
    is_news |= set_number(flags | wanted, &announcement->flags);
    if (is_first) {
        publish(gossip);
    } else if (is_news) {
        gossip_own_raise(gossip, 0);
    }
    gossip_broadcast(gossip);
}

struct span gossip_announcement(const struct gossip *gossip)
{
    return span_of(gossip->own.bytes, gossip->own.length);
}

void gossip_leave(struct gossip *gossip, uint64_t now_ms)
{
    if (now_ms > gossip->now_ms) gossip->now_ms = now_ms;
    if (gossip->own.is_leaving || gossip->own.length == 0) return;
    gossip->own.is_leaving = true;
    gossip_own_raise(gossip, 0);
    bool is_small = gossip->members->count <= GOSSIP_SMALL_MAX;
    gossip_broadcast(gossip); /* to everybody, in a small cluster */
    for (uint32_t i = 0; !is_small && i < GOSSIP_LEAVE_TOLD_MAX; i++) {
        struct member *member = probe_next(&gossip->probe, &gossip->prng, gossip->now_ms);
        if (member != NULL) gossip_send_kind(gossip, member, GOSSIP_NEWS, 0);
    }
}
