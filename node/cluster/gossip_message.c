/* Messages in packets ⇄ bytes. */
#include "node/cluster/gossip_message.h"

#include "node/base/wire.h"

#include <assert.h>

size_t gossip_message_bytes(const struct gossip_message *message)
{
    size_t bytes = GOSSIP_HEAD_BYTES + message->claims_count * (size_t)GOSSIP_CLAIM_BYTES;
    if (message->kind == GOSSIP_ASK) bytes += GOSSIP_ASK_BYTES;
    for (uint32_t i = 0; i < message->announcements_count; i++)
        bytes += 2 + message->announcements[i].length;
    return bytes;
}

static bool has_room(const struct gossip_message *message, size_t more)
{
    size_t room = message->room == 0 ? PACKET_BODY_BYTES_MAX : message->room;
    return gossip_message_bytes(message) + more <= room;
}

bool gossip_message_add_claim(struct gossip_message *message, const struct gossip_claim *claim)
{
    if (message->claims_count == GOSSIP_CLAIMS_MAX || !has_room(message, GOSSIP_CLAIM_BYTES)) return false;
    message->claims[message->claims_count++] = *claim;
    return true;
}

bool gossip_message_add_announcement(struct gossip_message *message, struct span announcement)
{
    assert(announcement.length <= ANNOUNCEMENT_BYTES_MAX);
    if (message->announcements_count == GOSSIP_ANNOUNCEMENTS_MAX) return false;
    if (!has_room(message, 2 + announcement.length)) return false;
    message->announcements[message->announcements_count++] = announcement;
    return true;
}

/* --- out ------------------------------------------------------------------------------------------------ */

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
    wire_store_u64(at, number);
    return at + 8;
}

static uint8_t *put_ask(uint8_t *at, const struct gossip_message *message)
{
    at = put_bytes(at, message->target, LINK_NODE_ID_BYTES);
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(message->wait_ms >> shift);
    return at;
}

size_t gossip_message_encode(const struct gossip_message *message, uint8_t *bytes)
{
    assert(gossip_message_bytes(message) <= PACKET_BODY_BYTES_MAX);
    uint8_t *at = bytes;
    *at++ = (uint8_t)message->kind;
    at = put_number(at, message->sequence);
    at = put_number(at, message->incarnation);
    at = put_number(at, message->boot_nonce);
    at = put_number(at, message->known);
    at = put_number(at, message->wall_us);
    at = put_bytes(at, message->documents, sizeof message->documents);
    at = put_bytes(at, message->announcements_digest, sizeof message->announcements_digest);
    if (message->kind == GOSSIP_ASK) at = put_ask(at, message);
    *at++ = (uint8_t)message->claims_count;
    for (uint32_t i = 0; i < message->claims_count; i++) {
        const struct gossip_claim *claim = &message->claims[i];
        *at++ = (uint8_t)claim->state;
        at = put_bytes(at, claim->id, LINK_NODE_ID_BYTES);
        at = put_number(at, claim->incarnation);
        at = put_bytes(at, claim->by, LINK_NODE_ID_BYTES);
    }
    *at++ = (uint8_t)message->announcements_count;
    for (uint32_t i = 0; i < message->announcements_count; i++) {
        struct span announcement = message->announcements[i];
        *at++ = (uint8_t)(announcement.length >> 8);
        *at++ = (uint8_t)announcement.length;
        at = put_bytes(at, announcement.bytes, announcement.length);
    }
    assert((size_t)(at - bytes) == gossip_message_bytes(message));
    return (size_t)(at - bytes);
}

/* --- in ------------------------------------------------------------------------------------------------- */

static uint64_t get_number(struct wire_in *in, size_t width)
{
    struct span bytes = wire_get_raw(in, width);
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.length; i++)
        number = number << 8 | bytes.bytes[i];
    return number;
}

static void get_bytes(struct wire_in *in, void *to, size_t length)
{
    struct span bytes = wire_get_raw(in, length);
    if (!in->failed) memcpy(to, bytes.bytes, length);
}

static void get_claim(struct wire_in *in, struct gossip_claim *claim)
{
    uint64_t state = get_number(in, 1);
    if (state != MEMBER_SUSPECT && state != MEMBER_DOWN) wire_fail(in);
    claim->state = state == MEMBER_SUSPECT ? MEMBER_SUSPECT : MEMBER_DOWN;
    get_bytes(in, claim->id, LINK_NODE_ID_BYTES);
    claim->incarnation = get_number(in, 8);
    get_bytes(in, claim->by, LINK_NODE_ID_BYTES);
}

static void get_claims(struct wire_in *in, struct gossip_message *message)
{
    uint64_t count = get_number(in, 1);
    if (count > GOSSIP_CLAIMS_MAX) wire_fail(in);
    for (uint64_t i = 0; i < count && !in->failed; i++)
        get_claim(in, &message->claims[message->claims_count++]);
}

static void get_announcements(struct wire_in *in, struct gossip_message *message)
{
    uint64_t count = get_number(in, 1);
    if (count > GOSSIP_ANNOUNCEMENTS_MAX) wire_fail(in);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        size_t length = (size_t)get_number(in, 2);
        if (length > ANNOUNCEMENT_BYTES_MAX) wire_fail(in);
        message->announcements[message->announcements_count++] = wire_get_raw(in, length);
    }
}

bool gossip_message_decode(struct span bytes, struct gossip_message *message)
{
    *message = (struct gossip_message){0};
    if (bytes.length > PACKET_BODY_BYTES_MAX) return false;
    struct wire_in in = wire_in_over(bytes);
    uint64_t kind = get_number(&in, 1);
    message->sequence = get_number(&in, 8);
    message->incarnation = get_number(&in, 8);
    message->boot_nonce = get_number(&in, 8);
    message->known = get_number(&in, 8);
    message->wall_us = get_number(&in, 8);
    get_bytes(&in, message->documents, sizeof message->documents);
    get_bytes(&in, message->announcements_digest, sizeof message->announcements_digest);
    if (kind < GOSSIP_PING || kind > GOSSIP_NEWS) return false;
    message->kind = (enum gossip_kind)kind;
    if (message->kind == GOSSIP_ASK) {
        get_bytes(&in, message->target, LINK_NODE_ID_BYTES);
        message->wait_ms = (uint32_t)get_number(&in, 4);
    }
    get_claims(&in, message);
    get_announcements(&in, message);
    return wire_is_done(&in);
}
