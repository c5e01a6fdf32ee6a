/* Announcements ⇄ bytes, and their signatures. */
#include "node/cluster/announcement.h"

#include "node/base/wire.h"

#include <assert.h>
#include <sodium/crypto_sign_ed25519.h>

enum {
    FORMAT = 1,
    SIGNATURE_BYTES = crypto_sign_ed25519_BYTES,
    NUMBERS_COUNT = 6,
    TEXTS_COUNT = 4,
    FIXED_BYTES = SIGNATURE_BYTES + 1 + LINK_NODE_ID_BYTES + 8 * NUMBERS_COUNT,
    TEXTS_BYTES_MAX = LIMITS_ADDRESS_BYTES_MAX + 2 * LIMITS_ZONE_BYTES_MAX + ANNOUNCEMENT_VERSION_CHARS_MAX,
    PREFIX_BYTES = 16,
};

_Static_assert((int)FIXED_BYTES + 2 * (int)TEXTS_COUNT + (int)TEXTS_BYTES_MAX <= (int)ANNOUNCEMENT_BYTES_MAX,
               "the longest texts fit");

/* Nothing else that a node's key signs begins like this. */
static const uint8_t PREFIX[PREFIX_BYTES] = "skerry announce";

static bool is_printable(struct span text, uint8_t lowest)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < lowest || text.bytes[i] > '~') return false;
    }
    return true;
}

static bool are_texts_sound(const struct announcement *announcement)
{
    return announcement->address.length <= LIMITS_ADDRESS_BYTES_MAX && is_printable(announcement->address, '!') &&
           announcement->name.length <= LIMITS_ZONE_BYTES_MAX && is_printable(announcement->name, ' ') &&
           announcement->zone.length <= LIMITS_ZONE_BYTES_MAX && is_printable(announcement->zone, '!') &&
           announcement->program.length <= ANNOUNCEMENT_VERSION_CHARS_MAX &&
           is_printable(announcement->program, ' ');
}

size_t announcement_clean(struct span text, size_t capacity, uint8_t *to)
{
    size_t length = text.length < capacity ? text.length : capacity;
    for (size_t i = 0; i < length; i++) {
        bool is_sound = text.bytes[i] >= '!' && text.bytes[i] <= '~';
        to[i] = is_sound ? text.bytes[i] : (uint8_t)'?';
    }
    return length;
}

/* What is signed of `signed_part` in a cluster. Returns its length. */
static size_t signed_bytes(const uint8_t *cluster_id, struct span signed_part,
                           uint8_t bytes[PREFIX_BYTES + LINK_CLUSTER_ID_BYTES + ANNOUNCEMENT_BYTES_MAX])
{
    memcpy(bytes, PREFIX, PREFIX_BYTES);
    memcpy(bytes + PREFIX_BYTES, cluster_id, LINK_CLUSTER_ID_BYTES);
    memcpy(bytes + PREFIX_BYTES + LINK_CLUSTER_ID_BYTES, signed_part.bytes, signed_part.length);
    return PREFIX_BYTES + LINK_CLUSTER_ID_BYTES + signed_part.length;
}

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
    wire_store_u64(at, number);
    return at + 8;
}

static uint8_t *put_text(uint8_t *at, struct span text)
{
    *at++ = (uint8_t)(text.length >> 8);
    *at++ = (uint8_t)text.length;
    if (text.length > 0) memcpy(at, text.bytes, text.length);
    return at + text.length;
}

size_t announcement_encode(const struct announcement *announcement, const struct link_identity *identity,
                           uint8_t *bytes)
{
    uint8_t whole[PREFIX_BYTES + LINK_CLUSTER_ID_BYTES + ANNOUNCEMENT_BYTES_MAX];
    assert(are_texts_sound(announcement));
    uint8_t *at = bytes + SIGNATURE_BYTES;
    *at++ = FORMAT;
    memcpy(at, announcement->node_id, LINK_NODE_ID_BYTES);
    at += LINK_NODE_ID_BYTES;
    at = put_number(at, announcement->incarnation);
    at = put_number(at, announcement->boot_nonce);
    at = put_number(at, announcement->capacity);
    at = put_number(at, announcement->layout_number);
    at = put_number(at, announcement->used_bytes);
    at = put_number(at, announcement->flags);
    at = put_text(at, announcement->address);
    at = put_text(at, announcement->name);
    at = put_text(at, announcement->zone);
    at = put_text(at, announcement->program);
    size_t length = (size_t)(at - bytes);
    struct span part = span_of(bytes + SIGNATURE_BYTES, length - SIGNATURE_BYTES);
    size_t whole_length = signed_bytes(identity->cluster_id, part, whole);
    int failed = crypto_sign_ed25519_detached(bytes, NULL, whole, whole_length, identity->node_key);
    assert(failed == 0);
    (void)failed;
    return length;
}

static uint64_t get_number(struct wire_in *in)
{
    struct span bytes = wire_get_raw(in, 8);
    return in->failed ? 0 : wire_load_u64(bytes.bytes);
}

static struct span get_text(struct wire_in *in)
{
    struct span head = wire_get_raw(in, 2);
    size_t length = in->failed ? 0 : (size_t)head.bytes[0] << 8 | head.bytes[1];
    return wire_get_raw(in, length);
}

bool announcement_decode(struct span bytes, struct announcement *announcement)
{
    struct announcement read = {0};
    if (bytes.length > ANNOUNCEMENT_BYTES_MAX) return false;
    struct wire_in in = wire_in_over(bytes);
    wire_get_raw(&in, SIGNATURE_BYTES);
    struct span format = wire_get_raw(&in, 1);
    struct span node_id = wire_get_raw(&in, LINK_NODE_ID_BYTES);
    if (in.failed || format.bytes[0] != FORMAT) return false;
    memcpy(read.node_id, node_id.bytes, LINK_NODE_ID_BYTES);
    read.incarnation = get_number(&in);
    read.boot_nonce = get_number(&in);
    read.capacity = get_number(&in);
    read.layout_number = get_number(&in);
    read.used_bytes = get_number(&in);
    read.flags = get_number(&in);
    read.address = get_text(&in);
    read.name = get_text(&in);
    read.zone = get_text(&in);
    read.program = get_text(&in);
    if (!wire_is_done(&in) || read.incarnation == 0 || read.incarnation == UINT64_MAX) return false;
    if (!are_texts_sound(&read)) return false;
    *announcement = read;
    return true;
}

bool announcement_verify(struct span bytes, const struct announcement *announcement,
                         const uint8_t cluster_id[LINK_CLUSTER_ID_BYTES])
{
    uint8_t whole[PREFIX_BYTES + LINK_CLUSTER_ID_BYTES + ANNOUNCEMENT_BYTES_MAX];
    assert(bytes.length >= FIXED_BYTES && bytes.length <= ANNOUNCEMENT_BYTES_MAX); /* it was decoded */
    struct span part = span_of(bytes.bytes + SIGNATURE_BYTES, bytes.length - SIGNATURE_BYTES);
    size_t length = signed_bytes(cluster_id, part, whole);
    return crypto_sign_ed25519_verify_detached(bytes.bytes, whole, length, announcement->node_id) == 0;
}

int announcement_compare(const struct announcement *a, struct span a_bytes, const struct announcement *b,
                         struct span b_bytes)
{
    if (a->incarnation != b->incarnation) return a->incarnation < b->incarnation ? -1 : 1;
    if (a->boot_nonce != b->boot_nonce) return a->boot_nonce < b->boot_nonce ? -1 : 1;
    return span_compare(a_bytes, b_bytes);
}
