/* Packets. The first byte says what the rest is:
 *
 *     0     any bytes as a packet: never opened
 *     1     a body: sealed and opened again by whom it is for, with either secret, and by nobody else
 *     2     a body, sealed, with bytes put in (place, difference): opened only when nothing is different
 *     3     a node id: refused, or one pair that opens what it sealed
 */
#include "node/core/packet.h"
#include "tests/node/core/link_ends.h"

#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) abort();
}

static struct {
    struct link_identity ids[3];
    struct packet_pair pairs[3][3]; /* of whom, with whom */
    bool is_made;
} world;

static void make_world(void)
{
    if (world.is_made) return;
    require(sodium_init() >= 0);
    for (uint8_t i = 0; i < 3; i++) {
        world.ids[i] = ends_identity(i + 1, 10, true, 20);
        world.ids[i].secrets_count = 2;
        memset(world.ids[i].secrets[1], 21, LINK_SECRET_BYTES);
    }
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            require(packet_pair_init(&world.pairs[i][j], &world.ids[i], ends_id(&world.ids[j])));
    }
    world.is_made = true;
}

/* As node `to` does, for any sender it knows: who sent it? -1: nobody. */
static int open_packet(int to, struct span packet, struct span *body)
{
    static uint8_t bytes[PACKET_BODY_BYTES_MAX];
    int found = -1;
    for (uint32_t secret = 0; secret < 2; secret++) {
        uint8_t sender_id[LINK_NODE_ID_BYTES];
        size_t length = 0;
        if (!packet_sender(&world.ids[to], secret, packet, sender_id)) continue;
        for (int from = 0; from < 3; from++) {
            const uint8_t *id = ends_id(&world.ids[from]);
            if (!packet_open(&world.ids[to], secret, &world.pairs[to][from], id, packet, bytes, &length)) continue;
            require(found == -1 && memcmp(id, sender_id, LINK_NODE_ID_BYTES) == 0);
            found = from;
            *body = span_of(bytes, length);
        }
    }
    return found;
}

static size_t close_packet(int from, int to, struct span body, uint8_t seed, uint8_t *bytes)
{
    struct prng prng = ends_prng(seed);
    struct link_identity identity = world.ids[from];
    if (seed % 2 == 1) memcpy(identity.secrets[0], identity.secrets[1], LINK_SECRET_BYTES);
    return packet_close(&identity, &world.pairs[from][to], ends_id(&world.ids[to]), body, &prng, bytes);
}

static void fuzz_body(struct span body)
{
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened = {0};
    if (body.length > PACKET_BODY_BYTES_MAX) body.length = PACKET_BODY_BYTES_MAX;
    size_t length = close_packet(0, 1, body, (uint8_t)body.length, bytes);
    require(open_packet(1, span_of(bytes, length), &opened) == 0 && span_is_equal(opened, body));
    require(open_packet(0, span_of(bytes, length), &opened) == -1);
    require(open_packet(2, span_of(bytes, length), &opened) == -1);
}

static void fuzz_changed(struct span input)
{
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    uint8_t before[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened = {0};
    size_t changes = input.length > 8 ? 4 : input.length / 2;
    size_t length = close_packet(2, 1, span_of(before, 0), (uint8_t)input.length, bytes);
    memcpy(before, bytes, length);
    for (size_t i = 0; i < changes; i++)
        bytes[input.bytes[2 * i] % length] ^= input.bytes[2 * i + 1];
    bool is_same = memcmp(before, bytes, length) == 0;
    require(open_packet(1, span_of(bytes, length), &opened) == (is_same ? 2 : -1));
}

static void fuzz_id(struct span id)
{
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    uint8_t body[PACKET_BODY_BYTES_MAX];
    size_t body_bytes = 0;
    struct packet_pair pair;
    if (id.length != LINK_NODE_ID_BYTES || !packet_pair_init(&pair, &world.ids[0], id.bytes)) return;
    struct prng prng = ends_prng(3);
    size_t length = packet_close(&world.ids[0], &pair, id.bytes, span_of(bytes, 0), &prng, bytes);
    require(!packet_open(&world.ids[0], 0, &pair, id.bytes, span_of(bytes, length), body, &body_bytes));
    require(open_packet(1, span_of(bytes, length), &(struct span){0}) == -1 ||
            memcmp(id.bytes, ends_id(&world.ids[1]), LINK_NODE_ID_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_world();
    if (size == 0) return 0;
    struct span input = span_of(data + 1, size - 1);
    struct span opened = {0};
    switch (data[0]) {
    case 0:
        for (int to = 0; to < 3; to++)
            require(open_packet(to, input, &opened) == -1);
        break;
    case 1: fuzz_body(input); break;
    case 2: fuzz_changed(input); break;
    case 3: fuzz_id(input); break;
    default: break;
    }
    return 0;
}
