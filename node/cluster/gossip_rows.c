/* Members come and go, and change state. */
#include "node/cluster/gossip_state.h"

#include "node/base/hash.h"
#include "node/base/wire.h"

#include <assert.h>

/* --- the digest of all announcements -------------------------------------------------------------------- */

/* Sums mod 2^128 of one keyed hash each, so that one announcement comes and goes without the others. */
static void digest_add(uint8_t sum[16], const uint8_t number[16])
{
    uint32_t carry = 0;
    for (int i = 15; i >= 0; i--) {
        carry += (uint32_t)sum[i] + number[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void digest_subtract(uint8_t sum[16], const uint8_t number[16])
{
    uint8_t negative[16] = {0};
    uint8_t one[16] = {[15] = 1};
    for (int i = 0; i < 16; i++)
        negative[i] = (uint8_t)~number[i];
    digest_add(negative, one);
    digest_add(sum, negative);
}

static void hash_of(const struct gossip *gossip, struct span announcement, uint8_t hash[16])
{
    uint8_t key[HASH_KEY_BYTES] = {0};
    struct hash_keyed state;
    memcpy(key, gossip->identity->cluster_id, LINK_CLUSTER_ID_BYTES);
    hash_keyed_init(&state, key);
    hash_keyed_add(&state, announcement.bytes, announcement.length);
    hash_keyed_128(&state, hash);
}

static void forget_announcement(struct gossip *gossip, struct member *member)
{
    if (!member->has_announcement) return;
    digest_subtract(gossip->announcements, gossip_row_of(member)->announcement_hash);
    member->has_announcement = false;
    gossip->announcements_difference.changed_ms = gossip->now_ms;
}

uint64_t gossip_announcement_mark(const struct member *member)
{
    return member->has_announcement ? wire_load_u64(gossip_row_of(member)->announcement_hash) : 0;
}

bool gossip_keep_announcement(struct gossip *gossip, struct member *member, struct span bytes)
{
    struct gossip_row *row = gossip_row_of(member);
    if (bytes.length > row->announcement_room) {
        size_t steps = (bytes.length + GOSSIP_ANNOUNCEMENT_ROOM_STEP - 1) / GOSSIP_ANNOUNCEMENT_ROOM_STEP;
        uint8_t *room = arena_alloc(&gossip->arena, steps * GOSSIP_ANNOUNCEMENT_ROOM_STEP);
        if (room == NULL) return false;
        forget_announcement(gossip, member);
        row->announcement = room;
        row->announcement_room = steps * GOSSIP_ANNOUNCEMENT_ROOM_STEP;
    }
    forget_announcement(gossip, member);
    memcpy(row->announcement, bytes.bytes, bytes.length);
    member->announcement_bytes = span_of(row->announcement, bytes.length);
    member->has_announcement = announcement_decode(member->announcement_bytes, &member->announcement);
    assert(member->has_announcement); /* it was decoded before */
    hash_of(gossip, member->announcement_bytes, row->announcement_hash);
    digest_add(gossip->announcements, row->announcement_hash);
    gossip->announcements_difference.changed_ms = gossip->now_ms;
    return true;
}

/* --- states --------------------------------------------------------------------------------------------- */

bool gossip_is_withdrawn(const struct member *member)
{
    uint64_t flags = ANNOUNCEMENT_LEAVING | ANNOUNCEMENT_DOUBLED;
    return member->has_announcement && (member->announcement.flags & flags) != 0;
}

static void log_state(struct gossip *gossip, const struct member *member, enum member_state before)
{
    const struct gossip_row *row = gossip_row_of(member);
    struct effect *line = NULL;
    if (member->state == MEMBER_DOWN && gossip_is_withdrawn(member)) {
        bool is_doubled = (member->announcement.flags & ANNOUNCEMENT_DOUBLED) != 0;
        line = is_doubled ? outbox_log(gossip->outbox, EFFECT_ERROR, "two processes have a node's identity")
                          : outbox_log(gossip->outbox, EFFECT_INFO, "a node left in order");
    } else if (member->state == MEMBER_DOWN) {
        line = outbox_log(gossip->outbox, EFFECT_WARN, "a node is down");
    } else if (member->state == MEMBER_SUSPECT) {
        line = outbox_log(gossip->outbox, EFFECT_INFO, "a node is suspected");
        outbox_node(gossip->outbox, line, "by", row->accuser);
    } else if (before == MEMBER_DOWN) {
        line = outbox_log(gossip->outbox, EFFECT_INFO, "a node is back");
    } else if (before == MEMBER_UNKNOWN) {
        line = outbox_log(gossip->outbox, EFFECT_INFO, "a node announced itself");
    } else {
        line = outbox_log(gossip->outbox, EFFECT_DEBUG, "a node refuted that it is suspected");
    }
    outbox_node(gossip->outbox, line, "node", member->id);
}

void gossip_set_state(struct gossip *gossip, struct member *member, enum member_state state)
{
    enum member_state before = member->state;
    struct gossip_row *row = gossip_row_of(member);
    if (state != MEMBER_SUSPECT) suspicion_end(&row->suspicion, &gossip->suspicions);
    if (state == MEMBER_ALIVE || state == MEMBER_UNKNOWN || gossip_is_withdrawn(member))
        rumours_remove(&row->claim_news);
    if (before == state) return;
    member->state = state;
    member->since_ms = gossip->now_ms;
    if (state == MEMBER_DOWN) gossip->stats.downs++;
    if (state == MEMBER_SUSPECT) gossip->stats.suspicions++;
    if (member->is_self) return;
    log_state(gossip, member, before);
    if (gossip->calls.on_state != NULL) gossip->calls.on_state(gossip->calls.owner, member, before);
}

/* --- who there is --------------------------------------------------------------------------------------- */

/* The memory of one row; NULL when there is none. */
static struct member *make_row(struct gossip *gossip)
{
    struct member *member = arena_alloc(&gossip->members->arena, sizeof *member);
    struct gossip_row *row = arena_alloc(&gossip->arena, sizeof *row);
    if (member == NULL || row == NULL) return NULL;
    member->gossip = row;
    return member;
}

static void init_row(struct gossip *gossip, struct member *member, const uint8_t *id)
{
    struct gossip_row *row = gossip_row_of(member);
    uint8_t *announcement = row->announcement;
    size_t room = row->announcement_room;
    *row = (struct gossip_row){.member = member, .announcement = announcement, .announcement_room = room};
    *member = (struct member){.gossip = row, .since_ms = gossip->now_ms};
    rumour_init(&row->announcement_news, row);
    rumour_init(&row->claim_news, row);
    memcpy(member->id, id, LINK_NODE_ID_BYTES);
    member->is_self = memcmp(id, gossip->own.announcement.node_id, LINK_NODE_ID_BYTES) == 0;
}

static void drop_row(struct gossip *gossip, struct member *member)
{
    struct gossip_row *row = gossip_row_of(member);
    suspicion_end(&row->suspicion, &gossip->suspicions);
    rumours_remove(&row->announcement_news);
    rumours_remove(&row->claim_news);
    forget_announcement(gossip, member);
    probe_drop(&gossip->probe, member);
    gossip_relays_drop(&gossip->relays, member);
    if (member == gossip->self) gossip->self = NULL;
    gossip->free_rows[gossip->free_count++] = member;
}

static void begin_row(struct gossip *gossip, struct member *member)
{
    if (!member->is_self) {
        probe_add(&gossip->probe, member, &gossip->prng);
        return;
    }
    gossip->self = member;
    member->state = MEMBER_ALIVE;
    if (gossip->own.length == 0) return;
    gossip_keep_announcement(gossip, member, span_of(gossip->own.bytes, gossip->own.length));
    rumours_add(&gossip->rumours, &gossip_row_of(member)->announcement_news);
}

/* How many of `ids` have no row. */
static uint32_t count_new(const struct members *members, const uint8_t *ids, uint32_t count)
{
    uint32_t new_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (members_find(members, ids + (size_t)i * LINK_NODE_ID_BYTES) == NULL) new_count++;
    }
    return new_count;
}

/* Have the memory for `new_count` more rows lie ready, so that nothing can fail half way. */
static bool prepare(struct gossip *gossip, uint32_t new_count)
{
    while (gossip->free_count < new_count) {
        struct member *member = make_row(gossip);
        if (member == NULL) return false;
        gossip->free_rows[gossip->free_count++] = member;
    }
    return true;
}

/* Both lists are in order of id: walk them side by side into `rows`. First those that go, so that their places are
 * free for those that come. */
static void merge(struct gossip *gossip, const uint8_t *ids, uint32_t count, struct member **rows)
{
    struct members *members = gossip->members;
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *id = ids + (size_t)i * LINK_NODE_ID_BYTES;
        assert(i == 0 || memcmp(id - LINK_NODE_ID_BYTES, id, LINK_NODE_ID_BYTES) < 0);
        while (at < members->count && memcmp(members->rows[at]->id, id, LINK_NODE_ID_BYTES) < 0)
            drop_row(gossip, members->rows[at++]);
        bool is_there = at < members->count && memcmp(members->rows[at]->id, id, LINK_NODE_ID_BYTES) == 0;
        rows[i] = is_there ? members->rows[at++] : NULL;
    }
    while (at < members->count)
        drop_row(gossip, members->rows[at++]);
}

static void begin_rows(struct gossip *gossip, const uint8_t *ids, uint32_t count, struct member **rows)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i] != NULL) continue;
        rows[i] = gossip->free_rows[--gossip->free_count];
        init_row(gossip, rows[i], ids + (size_t)i * LINK_NODE_ID_BYTES);
        begin_row(gossip, rows[i]);
    }
}

/* A cluster of two and more needs periods; alone there is nothing to do. */
static void wake(struct gossip *gossip)
{
    bool has_others = gossip->probe.order_count > 0;
    if (!has_others) {
        gossip->probe.phase = PROBE_IDLE;
        gossip->probe.end_ms = UINT64_MAX;
        gossip_own_on_alone(gossip);
    } else if (gossip->probe.end_ms == UINT64_MAX) {
        gossip->probe.end_ms = gossip->now_ms + prng_u64(&gossip->prng) % gossip->period_ms; /* not all at once */
    }
}

bool gossip_set_members(struct gossip *gossip, const uint8_t *ids, uint32_t count, uint64_t now_ms)
{
    struct members *members = gossip->members;
    struct member **rows = gossip->spare_rows;
    if (now_ms > gossip->now_ms) gossip->now_ms = now_ms;
    if (count > LIMITS_MEMBERS_MAX || !prepare(gossip, count_new(members, ids, count))) return false;
    merge(gossip, ids, count, rows);
    begin_rows(gossip, ids, count, rows);
    gossip->spare_rows = members->rows;
    members->rows = rows;
    members->count = count;
    uint32_t tellings = GOSSIP_RETRANSMIT * suspicion_log10_milli((uint64_t)count + 1) / 1000 + 1;
    rumours_set_limit(&gossip->rumours, tellings);
    wake(gossip);
    return true;
}
