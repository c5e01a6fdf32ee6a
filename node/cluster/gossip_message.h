/* What one packet between members says: a step of a probe, and all that rides on it.
 *
 *     kind (1) ‖ sequence (8) ‖ the sender's incarnation (8) ‖ its boot nonce (8) ‖ the incarnation of the
 * receiver that the sender knows (8) ‖ wall clock, us (8) ‖ digest of the documents (16) ‖ digest of the
 * announcements (16) ‖ of GOSSIP_ASK only: whom to ping (32), how long the asker waits in ms (4) ‖ claims: count
 * (1), each state (1) ‖ node id (32) ‖ incarnation (8) ‖ who says so (32) ‖ announcements: count (1), each length
 * (2) and bytes
 *
 * Numbers are big-endian. Whatever a message says can be heard twice, or late: a claim names the incarnation it is
 * about, an announcement its own, an answer the number of its question.
 */
#ifndef NODE_CLUSTER_GOSSIP_MESSAGE_H
#define NODE_CLUSTER_GOSSIP_MESSAGE_H

#include "node/cluster/member.h"

enum {
    GOSSIP_HEAD_BYTES = 1 + 5 * 8 + 2 * 16 + 2,
    GOSSIP_ASK_BYTES = LINK_NODE_ID_BYTES + 4,
    GOSSIP_CLAIM_BYTES = 1 + LINK_NODE_ID_BYTES + 8 + LINK_NODE_ID_BYTES,
    GOSSIP_CLAIMS_MAX = 14,       /* as many as fit beside the head */
    GOSSIP_ANNOUNCEMENTS_MAX = 6, /* the shortest have some 153 bytes */
};

_Static_assert((int)GOSSIP_HEAD_BYTES + (int)GOSSIP_CLAIMS_MAX * (int)GOSSIP_CLAIM_BYTES <=
                   (int)PACKET_BODY_BYTES_MAX,
               "claims fit a packet");
/* The accused is shown what it is accused about, whoever is asked for whatever. */
_Static_assert((int)GOSSIP_HEAD_BYTES + (int)GOSSIP_ASK_BYTES + (int)GOSSIP_CLAIM_BYTES + 2 +
                       (int)ANNOUNCEMENT_BYTES_MAX <=
                   (int)PACKET_BODY_BYTES_MAX,
               "a claim and an announcement fit beside any question");

enum gossip_kind {
    GOSSIP_PING = 1, /* answer me */
    GOSSIP_ACK,      /* the answer */
    GOSSIP_ASK,      /* ping another one for me */
    GOSSIP_RELAYED,  /* it answered */
    GOSSIP_NACK,     /* it has not answered me either, but I am here (Lifeguard) */
    GOSSIP_NEWS,     /* wants no answer */
};

/* "This incarnation of it does not answer." */
struct gossip_claim {
    enum member_state state; /* SUSPECT or DOWN */
    uint8_t id[LINK_NODE_ID_BYTES];
    uint64_t incarnation;
    uint8_t by[LINK_NODE_ID_BYTES];
};

/* Spans point to their owner, or into the bytes it was decoded from. */
struct gossip_message {
    size_t room; /* not said: what is added keeps it within so many bytes; 0: within a packet */
    enum gossip_kind kind;
    uint64_t sequence;
    uint64_t incarnation;
    uint64_t boot_nonce; /* which run of the sender this is: a copy of it may have the same incarnation (H2) */
    uint64_t known;
    uint64_t wall_us;
    uint8_t documents[16];
    uint8_t announcements_digest[16];
    uint8_t target[LINK_NODE_ID_BYTES]; /* of GOSSIP_ASK */
    uint32_t wait_ms;                   /* of GOSSIP_ASK */
    struct gossip_claim claims[GOSSIP_CLAIMS_MAX];
    uint32_t claims_count;
    struct span announcements[GOSSIP_ANNOUNCEMENTS_MAX];
    uint32_t announcements_count;
};

/* The bytes it takes. */
size_t gossip_message_bytes(const struct gossip_message *message);

/* Append, if it still fits; else false, and nothing changed. */
bool gossip_message_add_claim(struct gossip_message *message, const struct gossip_claim *claim);
bool gossip_message_add_announcement(struct gossip_message *message, struct span announcement);

/* Write it into `bytes` (PACKET_BODY_BYTES_MAX); it fits (asserted). Returns the length. */
size_t gossip_message_encode(const struct gossip_message *message, uint8_t *bytes);

/* False for what gossip_message_encode() cannot have written; then there is only wall_us, or 0 when it is cut
 * before that. Announcements are spans, not looked at yet. */
bool gossip_message_decode(struct span bytes, struct gossip_message *message);

#endif
