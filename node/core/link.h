/* A link between two nodes: handshake, sealed frames and messages, as bytes in and bytes out.
 *
 *     dialler                                                listener
 *     HELLO  ephemeral key; version, sealed by the secret -->
 *          <-- ephemeral key; version, identity, signature   ANSWER
 *     PROOF  identity, signature                          -->
 *     frames (crypto_secretstream) both ways, at most LINK_FRAME_BYTES_MAX each; the final tag ends each direction
 *
 * The pattern is Noise XXpsk0's (Perrin, "The Noise Protocol Framework", rev. 34) with signatures of Ed25519 in
 * the place of static Diffie-Hellman (SIGMA: Krawczyk, CRYPTO 2003): mutual, forward-secret, identities hidden
 * from who has not the cluster secret, nothing said before the other proved the secret; version, capabilities,
 * cluster id and node ids are inside the transcript that both sign. The bytes: docs/protocol.md.
 *
 * link.c joins four parts that know nothing of each other: link_handshake, link_frame (sealing and opening one
 * frame), link_queue (messages into pieces) and link_inbox (pieces into messages).
 *
 * Pure: time and randomness come from outside; nothing here waits. Bytes of others are refused, never asserted on.
 */
#ifndef NODE_CORE_LINK_H
#define NODE_CORE_LINK_H

#include "node/base/prng.h"
#include "node/core/limits.h"

enum {
    LINK_VERSION = 1,      /* of the protocol: the highest we know; both ends speak the highest of both */
    LINK_VERSION_MIN = 1,  /* and the lowest */
    LINK_CAPABILITIES = 0, /* bits of what can be done beyond the version; none yet */
    LINK_NODE_ID_BYTES = 32,
    LINK_NODE_KEY_BYTES = 64, /* Ed25519, as libsodium has it: seed and public key */
    LINK_CLUSTER_ID_BYTES = 16,
    LINK_SECRET_BYTES = 32,
    LINK_SECRETS_MAX = 2,              /* during a rotation both are accepted; the first is used to dial */
    LINK_FRAME_BYTES_MAX = 16 * 1024,  /* on the wire, all told: how long a small message waits behind a big one */
    LINK_MESSAGE_BYTES_MAX = 64 << 20, /* a batch of the largest size */
    LINK_MESSAGES_MAX = 64,            /* half received at one time, of one peer */
    LINK_QUEUE_BYTES_MAX = 128 << 20,  /* waiting to be sent to one peer, with the memory it takes */
    LINK_HALF_BYTES_MAX = LINK_QUEUE_BYTES_MAX, /* half received, all together: an honest peer cannot have more */
    LINK_HANDSHAKE_MS = 5000,                   /* from open to ready (H25) */
    LINK_REKEY_BYTES = 1 << 30,                 /* a direction is keyed anew after so much… */
    LINK_REKEY_MS = 10 * 60 * 1000,             /* …or so long, whichever comes first */
};

/* Why a link was refused: link->reason is one of these (the same pointer). For logs; the first three also decide.
 */
extern const char LINK_REASON_SELF[];      /* the other end is this node: its node id, and its boot nonce */
extern const char LINK_REASON_COPY[];      /* its node id, but another run: a copy of its data directory (H2) */
extern const char LINK_REASON_CLUSTER[];   /* both ends are members, of different clusters (H13) */
extern const char LINK_REASON_VERSION[];   /* no version in common */
extern const char LINK_REASON_SECRET[];    /* it has none of our secrets */
extern const char LINK_REASON_NO_SECRET[]; /* we have none */
extern const char LINK_REASON_SEAL[];      /* bytes were changed, replayed, or are of another link */
extern const char LINK_REASON_KEY[];       /* its ephemeral key is of low order */
extern const char LINK_REASON_IDENTITY[];  /* its signature is not that of the node it names */
extern const char LINK_REASON_SHAPE[];     /* authentic, but of a shape that does not occur */
extern const char LINK_REASON_SIZE[];      /* a message, or half ones together, beyond the bound */
extern const char LINK_REASON_MEMORY[];    /* there was no memory for what came */
extern const char LINK_REASON_LATE[];      /* the handshake took too long */

/* Who we are, for links and packets. Outlives them; the secrets may change between two calls. */
struct link_identity {
    uint8_t node_key[LINK_NODE_KEY_BYTES]; /* its last 32 bytes are the node id */
    uint8_t cluster_id[LINK_CLUSTER_ID_BYTES];
    bool is_member; /* of the cluster of that id; else the id is this node's own and another may be joined */
    uint64_t boot;  /* random, of this run of the node: another one with this node id is a copy of it (H2) */
    uint8_t secrets[LINK_SECRETS_MAX][LINK_SECRET_BYTES];
    uint32_t secrets_count; /* 0: there are no links */
};

/* The other end, as the handshake proved it: complete once ready. Of one that was refused the node id, the cluster
 * id and is_member are what it proved, or zeros when it had not. */
struct link_peer {
    uint8_t node_id[LINK_NODE_ID_BYTES];
    uint8_t cluster_id[LINK_CLUSTER_ID_BYTES];
    bool is_member;
    uint32_t version;      /* the highest that both speak */
    uint64_t capabilities; /* what both can */
    uint32_t secret_index; /* which of our secrets it used */
};

enum link_verdict {
    LINK_MORE,    /* all bytes were taken */
    LINK_READY,   /* the handshake is over, link->peer is set; nothing is known yet of whether it is welcome */
    LINK_MESSAGE, /* link->message holds one, until the next call */
    LINK_ENDED,   /* the peer ended its direction in order */
    LINK_REFUSED, /* link->reason says why; close it */
};

/* A message waits behind those of its own priority and before those of the lower ones; frames are interleaved. */
enum link_priority { LINK_URGENT, LINK_NORMAL, LINK_BULK, LINK_PRIORITIES_COUNT };

struct link_state; /* in an arena of the link's own */

struct link {
    struct link_state *state;
    struct link_peer peer;
    struct span message;
    const char *reason; /* for ever */
};

/* A link over a connection just opened at `now_ms`. `identity` and `budget` (NULL: none) outlive it. The prng
 * gives the ephemeral key now and is not kept. Without a secret the link is refused at its first step. False when
 * out of memory; there is then nothing to deinit. A connection that has not proved the secret costs some 2 KiB. */
bool link_init(struct link *link, const struct link_identity *identity, bool is_dialler, struct prng *prng,
               struct arena_budget *budget, uint64_t now_ms);
void link_deinit(struct link *link); /* accepts a zeroed one, and itself twice */

/* Take bytes that came. Call again with the rest until LINK_MORE or LINK_REFUSED. Same verdicts however the bytes
 * are cut. Two established clusters of different ids refuse each other here (H13); one's own node id, too. What is
 * half received takes at most three times the memory of the bytes that came. A connection that closes before
 * LINK_ENDED was cut. */
enum link_verdict link_read(struct link *link, struct span bytes, size_t *taken, uint64_t now_ms);

/* From now on a message that comes may have so many bytes (LINK_MESSAGE_BYTES_MAX until it is said), and half ones
 * together as many for each priority. Only once ready (asserted). */
void link_set_message_max(struct link *link, size_t bytes);

/* Queue a message, at most LINK_MESSAGE_BYTES_MAX (asserted), which is copied. Only once ready (asserted). False:
 * LINK_QUEUE_BYTES_MAX or memory, or the link was ended or refused meanwhile; nothing was queued. */
bool link_send(struct link *link, enum link_priority priority, struct span message);

/* End our direction behind what is queued: the final tag. Before the link is ready: as soon as it is. */
void link_end(struct link *link);

/* The next bytes for the connection, at most `capacity` (not less than LINK_FRAME_BYTES_MAX); 0 when there are
 * none now. A listener that refuses for LINK_REASON_VERSION has its ANSWER to write before it is closed. To be
 * asked after every link_init(), link_read(), link_send(), link_end() and link_tick(). */
size_t link_write(struct link *link, uint8_t *bytes, size_t capacity, uint64_t now_ms);

/* When link_tick() is wanted: the end of the handshake, or the next re-keying; UINT64_MAX: never. */
uint64_t link_deadline_ms(const struct link *link);
/* False: the handshake did not end in time; close it. */
bool link_tick(struct link *link, uint64_t now_ms);

bool link_is_ready(const struct link *link);
/* Bytes queued and not written yet. */
size_t link_queued_bytes(const struct link *link);

#endif
