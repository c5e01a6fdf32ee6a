/* What is drawn, and how it is said through the node's own seals. */
#include "sim/liar.h"

#include "node/cluster/gossip_message.h"
#include "node/cluster/links.h"
#include "node/core/layout_document.h"
#include "sim/dice.h"
#include "sim/table.h"

#include <stdlib.h>

enum {
    LIES_MAX = 8,      /* at a time */
    INVENTED_MAX = 20, /* members, in a batch */
    GARBAGE_BYTES_MAX = 2000,
    ABSURD_BYTES = 9 << 20, /* more than any message of this program has */
    ABSURD_PER_MILLE = 20,  /* as each costs what it has */
};

struct lie {
    struct world *world;
    struct prng *prng;
    struct cluster *cluster;
    const struct machine *to;
};

/* --- in packets ----------------------------------------------------------------------------------------- */

static void send_packet(struct lie *lie, struct machine *liar, const struct gossip_message *message)
{
    uint8_t body[PACKET_BODY_BYTES_MAX];
    uint8_t packet[LIMITS_DATAGRAM_BYTES_MAX];
    struct packet_pair pair;
    const struct link_identity *identity = &lie->cluster->identity;
    size_t length = gossip_message_encode(message, body);
    if (!packet_pair_init(&pair, identity, lie->to->node_id)) return;
    size_t bytes = packet_close(identity, &pair, lie->to->node_id, span_of(body, length), lie->prng, packet);
    const char *address = network_address(&lie->world->network, lie->to->index);
    network_datagram(&lie->world->network, lie->world->now_us, liar->index, span_text(address),
                     span_of(packet, bytes));
}

/* Everybody is down, says somebody. */
static void claim(struct lie *lie, struct machine *liar)
{
    const struct members *members = &lie->cluster->members;
    struct gossip_message message = {.kind = GOSSIP_NEWS, .incarnation = prng_u64(lie->prng)};
    for (uint32_t i = 0; i < GOSSIP_CLAIMS_MAX && members->count > 0; i++) {
        const struct member *of = members->rows[dice_below(lie->prng, members->count)];
        const struct member *by = members->rows[dice_below(lie->prng, members->count)];
        struct gossip_claim claim = {.state = dice_chance(lie->prng, 500) ? MEMBER_SUSPECT : MEMBER_DOWN};
        claim.incarnation = of->has_announcement ? of->announcement.incarnation : 1;
        if (dice_chance(lie->prng, 200)) claim.incarnation = prng_u64(lie->prng);
        memcpy(claim.id, of->id, sizeof claim.id);
        memcpy(claim.by, by->id, sizeof claim.by);
        (void)gossip_message_add_claim(&message, &claim);
    }
    send_packet(lie, liar, &message);
}

/* Somebody's announcement with a bit turned, or one of a node that there is not. */
static struct span forge(struct lie *lie, uint8_t bytes[ANNOUNCEMENT_BYTES_MAX])
{
    const struct members *members = &lie->cluster->members;
    const struct member *of = members->count == 0 ? NULL : members->rows[dice_below(lie->prng, members->count)];
    if (of == NULL || !of->has_announcement) return (struct span){NULL, 0};
    size_t length = of->announcement_bytes.length;
    memcpy(bytes, of->announcement_bytes.bytes, length);
    if (dice_chance(lie->prng, 500)) {
        prng_bytes(lie->prng, bytes, 64 + 1 + LINK_NODE_ID_BYTES);
        bytes[64] = of->announcement_bytes.bytes[64]; /* the version */
    } else {
        bytes[dice_below(lie->prng, length)] ^= (uint8_t)(1u << dice_below(lie->prng, 8));
    }
    return span_of(bytes, length);
}

static void announce(struct lie *lie, struct machine *liar)
{
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    struct gossip_message message = {.kind = GOSSIP_PING, .sequence = prng_u64(lie->prng)};
    struct span forged = forge(lie, bytes);
    if (forged.bytes == NULL || !gossip_message_add_announcement(&message, forged)) return;
    send_packet(lie, liar, &message);
}

/* What it heard, to anybody, as it was or with a bit turned. */
static void repeat(struct lie *lie, struct machine *liar)
{
    struct world *world = lie->world;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    if (world->overheard_bytes == 0) return;
    memcpy(bytes, world->overheard, world->overheard_bytes);
    if (dice_chance(lie->prng, 500))
        bytes[dice_below(lie->prng, world->overheard_bytes)] ^= (uint8_t)(1u << dice_below(lie->prng, 8));
    network_datagram(&world->network, world->now_us, liar->index,
                     span_text(network_address(&world->network, lie->to->index)),
                     span_of(bytes, world->overheard_bytes));
}

/* --- documents ------------------------------------------------------------------------------------------ */

static struct op_document document(struct lie *lie, struct span key, struct span payload)
{
    const struct crdt_lww register_ = {.time_us = lie->cluster->wall_us,
                                       .actor = prng_u64(lie->prng) | 1,
                                       .payload = payload.bytes,
                                       .payload_bytes = payload.length};
    return (struct op_document){key, register_};
}

static struct span random_key(struct lie *lie, enum document_kind kind, size_t bytes)
{
    uint8_t id[KEYS_BUCKET_ID_BYTES];
    prng_bytes(lie->prng, id, bytes);
    return document_key_of(&lie->cluster->step, kind, span_of(id, bytes));
}

static struct op_document bucket(struct lie *lie)
{
    struct document_bucket bucket = {.is_live = true, .created_us = lie->cluster->wall_us};
    return document(lie, random_key(lie, DOCUMENT_BUCKET, KEYS_BUCKET_ID_BYTES),
                    document_encode_bucket(&lie->cluster->step, &bucket));
}

/* A version far above the one in force, made from one that nobody made. False when there is no layout. */
static bool make_orphan(struct lie *lie, struct op_document *orphan)
{
    const struct ring_layout *in_force = view_layout(*lie->cluster->view);
    struct ring_layout *layout = in_force == NULL ? NULL : arena_alloc(&lie->cluster->step, sizeof *layout);
    if (layout == NULL) return false;
    *layout = *in_force;
    layout->number += dice_between(lie->prng, 2, 1000000);
    prng_bytes(lie->prng, layout->parent, sizeof layout->parent);
    if (!layout_document_encode(&lie->cluster->step, layout, orphan)) return false;
    orphan->register_.time_us = lie->cluster->wall_us;
    orphan->register_.actor = 1;
    return true;
}

static int by_key(const void *a, const void *b)
{
    return span_compare(((const struct op_document *)a)->key, ((const struct op_document *)b)->key);
}

static void invent_members(struct lie *lie, struct message *message)
{
    const struct document_member member = {.is_member = true, .since_us = 1, .name = span_text("nobody")};
    uint64_t count = dice_between(lie->prng, 1, INVENTED_MAX);
    while (message->documents_count < count)
        message->documents[message->documents_count++] = document(
            lie, random_key(lie, DOCUMENT_MEMBER, LINK_NODE_ID_BYTES),
            document_encode_member(&lie->cluster->step, &member));
    qsort(message->documents, message->documents_count, sizeof *message->documents, by_key);
}

/* Fills the batch; true when nobody sound would send it. */
static bool draw_documents(struct lie *lie, struct message *message)
{
    static const uint8_t later_kind[] = "Zwhat a later program may keep";
    static const uint8_t nonsense[] = {0xc1, 0xff, 0x00};
    struct op_document *documents = message->documents;
    documents[0] = bucket(lie);
    message->documents_count = 1;
    switch (dice_below(lie->prng, 7)) {
    case 0: /* from the future, but of a time that can be */
        documents[0].register_.time_us = dice_below(lie->prng, UINT64_C(1) << 61);
        return false;
    case 1: documents[0].register_.time_us |= UINT64_C(1) << 63; return true;
    case 2: return make_orphan(lie, &documents[0]);
    case 3:
        message->documents_count = 0;
        invent_members(lie, message);
        return false;
    case 4:
        documents[1] = documents[0]; /* twice */
        message->documents_count = 2;
        return true;
    case 5:
        documents[0].register_.payload = nonsense;
        documents[0].register_.payload_bytes = sizeof nonsense;
        return true;
    default: documents[0].key = span_of(later_kind, sizeof later_kind - 1); return false;
    }
}

/* --- over links ----------------------------------------------------------------------------------------- */

/* It asks for a comparison and sends a batch at once, as if it had been asked to. */
static void give_documents(struct lie *lie, struct channel *channel)
{
    uint8_t digests[MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES] = {0};
    const struct message ask = {.kind = MESSAGE_DOCS_DIGESTS, .digests = span_of(digests, sizeof digests)};
    struct message batch = {.kind = MESSAGE_DOCS, .is_last = true};
    batch.documents = arena_array(&lie->cluster->step, INVENTED_MAX + 1, sizeof *batch.documents);
    prng_bytes(lie->prng, digests, sizeof digests);
    if (batch.documents == NULL) return;
    bool is_offence = draw_documents(lie, &batch);
    if (dice_chance(lie->prng, 900)) {
        if (!links_say(lie->cluster, channel, LINK_BULK, &ask)) return;
    } else {
        is_offence = true; /* unasked for */
    }
    lie->world->offences += is_offence;
    (void)links_say(lie->cluster, channel, LINK_BULK, &batch);
}

static void give_announcement(struct lie *lie, struct channel *channel)
{
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    struct span forged = forge(lie, bytes);
    const struct message message = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = &forged, .spans_count = 1};
    if (forged.bytes != NULL) (void)links_say(lie->cluster, channel, LINK_NORMAL, &message);
}

static void grant(struct lie *lie, struct channel *channel)
{
    uint8_t keys[32];
    struct op_document documents[1] = {bucket(lie)};
    const struct message message = {.kind = MESSAGE_JOIN_GRANT,
                                    .cluster_id = span_of(keys, STORE_CLUSTER_ID_BYTES),
                                    .hash_key = span_of(keys, HASH_KEY_BYTES),
                                    .token_key = span_of(keys, HASH_KEY_BYTES),
                                    .documents_key = span_of(keys, SEAL_KEY_BYTES),
                                    .documents = documents,
                                    .documents_count = 1};
    prng_bytes(lie->prng, keys, sizeof keys);
    (void)links_say(lie->cluster, channel, LINK_NORMAL, &message);
}

/* Bytes that are no message, sometimes absurdly many. What is queued leaves with the event. */
static void give_garbage(struct lie *lie, struct channel *channel)
{
    bool is_absurd = dice_chance(lie->prng, ABSURD_PER_MILLE);
    size_t length = is_absurd ? ABSURD_BYTES : 1 + (size_t)dice_below(lie->prng, GARBAGE_BYTES_MAX);
    uint8_t *bytes = table_take(NULL, length);
    memset(bytes, 0xc1, length); /* never used by msgpack */
    if (!is_absurd) prng_bytes(lie->prng, bytes + 1, length - 1);
    const struct event event = {.kind = EVENT_LINK_SENT, .link = {.number = channel->number}};
    lie->world->offences += link_send(&channel->link, LINK_NORMAL, span_of(bytes, length));
    links_on_event(lie->cluster, &event);
    free(bytes);
}

static void say_over_link(struct lie *lie, struct channel *channel)
{
    switch (dice_below(lie->prng, 6)) {
    case 0: give_announcement(lie, channel); break;
    case 1: grant(lie, channel); break;
    case 2: give_garbage(lie, channel); break;
    default: give_documents(lie, channel); break;
    }
}

/* --- all of it ------------------------------------------------------------------------------------------ */

static void speak(struct machine *liar, void *with)
{
    struct lie *lie = with;
    struct channel *channel = links_to(lie->cluster, lie->to->node_id);
    const char *address = network_address(&lie->world->network, lie->to->index);
    lie->world->lies++;
    switch (dice_below(lie->prng, 6)) {
    case 0: claim(lie, liar); break;
    case 1: announce(lie, liar); break;
    case 2: repeat(lie, liar); break;
    default:
        if (channel != NULL) {
            say_over_link(lie, channel);
        } else if (!links_has_address(lie->cluster, span_text(address))) {
            (void)links_dial(lie->cluster, span_text(address), CHANNEL_FOR_EXCHANGE);
        }
    }
}

static void lie_some(struct world *world, struct machine *liar, struct prng *prng)
{
    uint64_t count = dice_between(prng, 1, LIES_MAX);
    if (!liar->has_lied) trace_say(&world->trace, TRACE_DECISION, world->now_us, liar->index, "lies", NULL);
    liar->has_lied = true;
    while (count-- > 0) {
        const struct machine *to = world->machines[dice_below(prng, world->machines_count)];
        struct lie lie = {world, prng, &liar->node.cluster, to};
        if (to->is_up && to->group == liar->group && !to->is_liar) machine_speak(liar, speak, &lie);
    }
}

void liar_lie(struct world *world, struct prng *prng)
{
    for (uint32_t i = 0; i < world->machines_count; i++) {
        struct machine *machine = world->machines[i];
        bool can = machine->is_liar && machine->is_ready && machine_is_member(machine) &&
                   machine->node.cluster.gossip != NULL;
        if (can) lie_some(world, machine, prng);
    }
}
