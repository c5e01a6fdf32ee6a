/* What nodes say to each other over a link ⇄ bytes: msgpack arrays, the kind first (docs/protocol.md).
 *
 * A later program may add fields behind those known here, and kinds of its own: both are passed over. All else
 * that this program would not have written is refused.
 */
#ifndef NODE_CLUSTER_MESSAGE_H
#define NODE_CLUSTER_MESSAGE_H

#include "node/cluster/announcement.h"

enum {
    MESSAGE_DIGESTS_COUNT = 256, /* groups of documents that are compared */
    MESSAGE_DIGEST_BYTES = 8,
    MESSAGE_GROUPS_BYTES = MESSAGE_DIGESTS_COUNT / 8, /* a bit a group */
    MESSAGE_DOCUMENTS_MAX = 1000,                     /* in one batch: one transaction of the store */
    MESSAGE_DOCUMENTS_BYTES = 256 * 1024,             /* a batch, once its first document is in */
    MESSAGE_PAYLOAD_BYTES_MAX = 1 << 20,              /* of one document; CORS rules and layouts are far below */
    MESSAGE_PROBLEM_DOCUMENTS_MAX = 1,                /* the receiver's own as a member */
    MESSAGE_GRANT_DOCUMENTS_MAX = LIMITS_MEMBER_DOCUMENTS_MAX + LIMITS_MEMBERS_MAX, /* and where members are */
    MESSAGE_KNOWN_MAX = LIMITS_MEMBERS_MAX,
    MESSAGE_ANNOUNCEMENTS_MAX = 64, /* in one message: some 40 KB */
    MESSAGE_TEXT_BYTES_MAX = 200,
};

enum message_kind {
    MESSAGE_UNKNOWN = 0,       /* of a later program: pass over it */
    MESSAGE_HELLO = 1,         /* first, both ways, on a link of two members */
    MESSAGE_PROBLEM = 2,       /* why the link is being closed */
    MESSAGE_JOIN_ASK = 3,      /* let me in */
    MESSAGE_JOIN_INVITE = 4,   /* ask me: an operator said so */
    MESSAGE_JOIN_GRANT = 5,    /* the cluster's id and keys, and who its members are */
    MESSAGE_JOIN_REFUSED = 6,  /* and why */
    MESSAGE_DOCS_DIGESTS = 7,  /* of all groups of my documents */
    MESSAGE_DOCS_WANT = 8,     /* the groups that differ; mine of them follow, send me yours */
    MESSAGE_DOCS = 9,          /* a batch of documents, in order of their keys */
    MESSAGE_DOCS_TAKEN = 10,   /* it is durable here: the next, please */
    MESSAGE_KNOWN = 11,        /* whose announcements I have, and how new */
    MESSAGE_WANTED = 12,       /* send me the announcements of these */
    MESSAGE_ANNOUNCEMENTS = 13 /* as they were signed */
};

/* Numbers on the wire. An unknown one is shown by its text. */
enum message_reason {
    MESSAGE_REASON_NONE = 0,
    MESSAGE_REASON_NOT_MEMBER = 1, /* I do not know you (yet) */
    MESSAGE_REASON_REMOVED = 2,    /* you were taken out of the cluster: an operator must connect you again */
    MESSAGE_REASON_FRESH = 3,      /* I am in no cluster myself, and wait for others */
    MESSAGE_REASON_BUSY = 4,       /* I am joining somebody else, or letting in too many */
    MESSAGE_REASON_HOLDS_DATA = 5, /* I hold items or buckets of my own, and cannot leave them */
    MESSAGE_REASON_FULL = 6,       /* there are LIMITS_MEMBERS_MAX members */
    MESSAGE_REASON_ERROR = 7,      /* my store failed, or memory is short */
    MESSAGE_REASON_OTHER_CLUSTER = 8,
};

struct message_known {
    const uint8_t *node_id; /* LINK_NODE_ID_BYTES */
    uint64_t incarnation;
    uint64_t mark; /* gossip_announcement_mark(): which one of that incarnation */
};

/* Only the fields of its kind are set. What is decoded points into the message's bytes and the arena. */
struct message {
    enum message_kind kind;
    struct span announcement;         /* HELLO: empty while the sender has none */
    struct span documents_digest;     /* HELLO: 16 */
    struct span announcements_digest; /* HELLO: 16 */
    uint64_t reason;                  /* PROBLEM, JOIN_REFUSED: enum message_reason, or a later program's */
    struct span text;                 /* PROBLEM, JOIN_REFUSED: for people, printable ASCII */
    struct span address;              /* JOIN_ASK: where the asking node is reached; may be empty */
    struct span name;                 /* JOIN_ASK: of the node, for people; may be empty */
    struct span cluster_id;           /* JOIN_GRANT: STORE_CLUSTER_ID_BYTES */
    struct span hash_key;             /* JOIN_GRANT: HASH_KEY_BYTES */
    struct span token_key;            /* JOIN_GRANT: HASH_KEY_BYTES */
    struct span documents_key;        /* JOIN_GRANT: SEAL_KEY_BYTES */
    struct span digests;              /* DOCS_DIGESTS: MESSAGE_DIGESTS_COUNT times MESSAGE_DIGEST_BYTES */
    struct span groups;               /* DOCS_WANT: MESSAGE_GROUPS_BYTES, lowest bit of the first byte first */
    bool is_last;                     /* DOCS: no batch follows */
    struct op_document *documents;    /* DOCS, JOIN_GRANT; PROBLEM: of "removed", what says so */
    uint32_t documents_count;
    struct message_known *known; /* KNOWN */
    uint32_t known_count;
    struct span *spans; /* WANTED: node ids; ANNOUNCEMENTS: announcements */
    uint32_t spans_count;
};

/* Write it, in `arena`. bytes NULL when that is out of memory. Within the bounds above (asserted). */
struct span message_encode(const struct message *message, struct arena *arena);

/* Read it; lists lie in `arena`, which is asked for no more than what was found. False for what is malformed or
 * out of bounds, or when there is no memory; `why` (for ever) then says what is wrong. */
bool message_decode(struct span bytes, struct arena *arena, struct message *message, const char **why);

#endif
