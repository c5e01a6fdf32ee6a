/* What a member of the cluster may send, opened: any bytes of it, any number of messages, change nothing for
 * others.
 *
 * The input is pieces: a length (2) and so many bytes. A piece of odd length is a message's body as the member
 * sealed it; one of even length is an announcement that came over a link. Between two of them time passes. Of what
 * the others said themselves nothing may change, nobody may be down at once, and no memory may be taken.
 */
#include "node/cluster/gossip_state.h"

#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 4, SELF = 0, LIAR = 1, START_MS = 1000000, STEP_BYTES = 4 << 20 };
enum { MEMORY_MORE_MAX = 256 << 10 }; /* a block: its own announcement may become as long as any */

struct world {
    struct link_identity identities[NODES];
    struct members members;
    struct arena step;
    struct effects effects;
    struct outbox outbox;
    struct gossip *gossip;
    uint64_t now_us;
    uint64_t incarnations[NODES];
};

static void require(bool condition)
{
    if (!condition) abort();
}

static const uint8_t *id_of(const struct link_identity *identity)
{
    return identity->node_key + 32;
}

static void init_identity(struct link_identity *identity, uint8_t number)
{
    uint8_t seed[crypto_sign_ed25519_SEEDBYTES] = {number};
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES];
    *identity = (struct link_identity){.is_member = true, .secrets_count = 1};
    crypto_sign_ed25519_seed_keypair(public_key, identity->node_key, seed);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, LINK_NODE_ID_BYTES);
}

static void drain(struct world *world)
{
    struct effect *effect = NULL;
    while ((effect = effects_take(&world->effects)) != NULL) {
        bool is_ours = effect->kind == EFFECT_DATAGRAM || effect->kind == EFFECT_LOG;
        require(is_ours);
        if (effect->kind == EFFECT_DATAGRAM) require(effect->datagram.bytes.length <= LIMITS_DATAGRAM_BYTES_MAX);
    }
    arena_reset(&world->step);
}

/* All others are known and alive. */
static void announce(struct world *world, uint32_t index)
{
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    struct announcement announcement = {.incarnation = 100, .boot_nonce = index, .address = span_text("h:1")};
    memcpy(announcement.node_id, id_of(&world->identities[index]), LINK_NODE_ID_BYTES);
    size_t length = announcement_encode(&announcement, &world->identities[index], bytes);
    require(gossip_hear(world->gossip, span_of(bytes, length), NULL, world->now_us));
}

static void init(struct world *world)
{
    static const uint8_t seed[PRNG_SEED_BYTES] = {1};
    uint8_t ids[NODES * LINK_NODE_ID_BYTES];
    struct gossip_self self = {.address = span_text("h:0")};
    *world = (struct world){.now_us = (uint64_t)START_MS * 1000};
    arena_init(&world->step, STEP_BYTES);
    effects_init(&world->effects);
    world->outbox = (struct outbox){.arena = &world->step, .effects = &world->effects};
    for (uint32_t i = 0; i < NODES; i++) {
        init_identity(&world->identities[i], (uint8_t)(i + 1));
        memcpy(ids + i * LINK_NODE_ID_BYTES, id_of(&world->identities[i]), LINK_NODE_ID_BYTES);
    }
    qsort(ids, NODES, LINK_NODE_ID_BYTES, compare_ids);
    world->gossip = gossip_create(&world->identities[SELF], &world->members, &world->outbox, NULL, 100, seed,
                                  1000);
    require(world->gossip != NULL);
    require(gossip_set_members(world->gossip, ids, NODES, START_MS));
    gossip_say(world->gossip, &self, START_MS);
    for (uint32_t i = 1; i < NODES; i++)
        announce(world, i);
    drain(world);
}

static struct member *row_of(struct world *world, uint32_t index)
{
    struct member *row = members_find(&world->members, id_of(&world->identities[index]));
    require(row != NULL);
    return row;
}

static void hear(struct world *world, struct span bytes, bool is_body)
{
    struct member *liar = row_of(world, LIAR);
    liar->quarantined_until_ms = 0;
    if (!is_body) {
        gossip_hear(world->gossip, bytes, liar, world->now_us);
    } else {
        gossip_heed(world->gossip, liar, bytes, span_text("h:1"));
        gossip_broadcast(world->gossip);
    }
    drain(world);
}

static void check(struct world *world, const uint8_t *digest, bool is_over)
{
    struct gossip_stats stats = gossip_stats(world->gossip);
    require(world->members.count == NODES);
    for (uint32_t i = 2; i < NODES; i++) {
        struct member *row = row_of(world, i);
        require(row->has_announcement && row->announcement.incarnation == 100);
        require(row->offences == 0 && row->heard_ms == 0);
        require(is_over || row->state != MEMBER_DOWN);
    }
    require(!stats.is_doubled && stats.incarnation == 100 + stats.refutations);
    require(stats.health < GOSSIP_HEALTH_MAX);
    const struct announcement *own_of_liar = &row_of(world, LIAR)->announcement;
    bool is_as_before = stats.refutations == 0 && own_of_liar->incarnation == 100 &&
                        own_of_liar->boot_nonce == LIAR;
    if (is_as_before) require(memcmp(digest, world->gossip->announcements, 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    uint8_t digest[16];
    init(&world);
    gossip_announcements_digest(world.gossip, digest);
    size_t held = world.gossip->arena.held_bytes + world.members.arena.held_bytes;
    while (size >= 2) {
        size_t length = ((size_t)data[0] << 8 | data[1]) % (PACKET_BODY_BYTES_MAX + 2);
        if (length > size - 2) length = size - 2;
        uint8_t *copy = malloc(length + 1); /* so that a byte too far is seen */
        require(copy != NULL);
        memcpy(copy, data + 2, length);
        hear(&world, span_of(copy, length), data[1] % 2 == 1);
        free(copy);
        world.now_us += 1000;
        check(&world, digest, false);
        data += 2 + length;
        size -= 2 + length;
    }
    size_t held_after = world.gossip->arena.held_bytes + world.members.arena.held_bytes;
    require(held_after <= held + MEMORY_MORE_MAX);
    for (uint32_t i = 0; i < 40; i++) { /* and then nothing is heard any more, for 40 periods */
        world.now_us += 1000000;
        gossip_on_time(world.gossip, world.now_us, 0);
        drain(&world);
    }
    check(&world, digest, true);
    gossip_destroy(world.gossip);
    arena_deinit(&world.step);
    return 0;
}
