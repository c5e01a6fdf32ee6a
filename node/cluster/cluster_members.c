/* The members by the documents, and which of them get a row. */
#include "node/cluster/cluster_members.h"

#include "ring/layout.h"

#include <assert.h>

/* Whom there is a place for first, when there are more members than rows: whoever can invent members, and that is
 * each of them, must not put those that are there out of sight. */
enum claim { CLAIM_ROLE, CLAIM_ROW, CLAIM_NONE, CLAIMS };

static enum claim claim_of(const struct cluster *cluster, const uint8_t *id)
{
    const uint8_t *own_id = cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
    const struct ring_layout *layout = view_layout(*cluster->view);
    bool has_role = layout != NULL && ring_layout_node(layout, id) >= 0;
    static_assert((int)RING_NODES_MAX < (int)LIMITS_MEMBERS_MAX, "and a place for this node");
    if (has_role || memcmp(id, own_id, LINK_NODE_ID_BYTES) == 0) return CLAIM_ROLE;
    return members_find(&cluster->members, id) != NULL ? CLAIM_ROW : CLAIM_NONE;
}

/* The ids of all members by the documents, which are in order of id, and what claim each has. */
static uint32_t list_members(const struct cluster *cluster, uint8_t *ids, uint8_t *claims, uint32_t counts[CLAIMS])
{
    struct document_member member;
    struct span id;
    struct span payload;
    uint32_t count = 0;
    for (uint32_t i = 0; view_nth(*cluster->view, DOCUMENT_MEMBER, i, &id, &payload); i++) {
        if (!document_decode_member(payload, &member) || !member.is_member) continue;
        if (id.length != LINK_NODE_ID_BYTES || count == LIMITS_MEMBER_DOCUMENTS_MAX) continue;
        memcpy(ids + (size_t)count * LINK_NODE_ID_BYTES, id.bytes, LINK_NODE_ID_BYTES);
        claims[count] = (uint8_t)claim_of(cluster, id.bytes);
        counts[claims[count++]]++;
    }
    return count;
}

/* Said when it begins; while it lasts it is a problem. */
static void note_unwatched(struct cluster *cluster, uint32_t count)
{
    bool is_news = cluster->unwatched_count == 0 && count > 0;
    cluster->unwatched_count = count;
    if (!is_news) return;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "there are more members than are spoken to");
    outbox_number(line, "left_out", count);
}

uint8_t *cluster_members_ids(struct cluster *cluster, uint32_t *count)
{
    uint8_t *ids = arena_array(&cluster->step, LIMITS_MEMBER_DOCUMENTS_MAX, LINK_NODE_ID_BYTES);
    uint8_t *claims = arena_array(&cluster->step, LIMITS_MEMBER_DOCUMENTS_MAX, 1);
    uint32_t rooms[CLAIMS] = {0};
    uint32_t left = LIMITS_MEMBERS_MAX;
    if (ids == NULL || claims == NULL) return NULL;
    uint32_t listed = list_members(cluster, ids, claims, rooms);
    for (int i = 0; i < CLAIMS; i++) {
        rooms[i] = rooms[i] < left ? rooms[i] : left;
        left -= rooms[i];
    }
    *count = 0;
    for (uint32_t i = 0; i < listed; i++) {
        if (rooms[claims[i]] == 0) continue;
        rooms[claims[i]]--;
        memmove(ids + (size_t)(*count)++ * LINK_NODE_ID_BYTES, ids + (size_t)i * LINK_NODE_ID_BYTES,
                LINK_NODE_ID_BYTES);
    }
    note_unwatched(cluster, listed - *count);
    return ids;
}
