/* What a node says of itself, signed by itself, so that nobody else can speak for it (H12): whoever passes it on
 * can neither invent a node, nor raise another's incarnation, nor move its address.
 *
 *     [version, node id, incarnation, boot nonce, address, name, zone, capacity, layout number, used bytes, flags,
 *      program version] ‖ Ed25519 signature (64) over "skerry announcement" ‖ cluster id ‖ those bytes
 *
 * Other fields need another version, which this program refuses.
 */
#ifndef NODE_CLUSTER_ANNOUNCEMENT_H
#define NODE_CLUSTER_ANNOUNCEMENT_H

#include "node/core/link.h"

enum {
    ANNOUNCEMENT_BYTES_MAX = 640, /* two fit a packet */
    ANNOUNCEMENT_VERSION_CHARS_MAX = 31,
};

enum announcement_flag {
    ANNOUNCEMENT_LEAVING = 1, /* it is being stopped in order: not suspected, down at once */
    ANNOUNCEMENT_DOUBLED = 2, /* two processes have its identity (H2): refused until one is gone */
    ANNOUNCEMENT_AUTO = 4,    /* it wants a role without an operator */
};

/*     signature (64) ‖ version (1) ‖ node id (32) ‖ incarnation (8) ‖ boot nonce (8) ‖ capacity (8) ‖ layout
 * number (8) ‖ used bytes (8) ‖ flags (8) ‖ address, name, zone, program: each a length (2) and its bytes
 *
 * Numbers are big-endian; the signature is over a fixed prefix, the cluster id and all behind the signature. Texts
 * are printable ASCII: they are shown to people and in JSON as they are. Spans point into the bytes it was decoded
 * from. */
struct announcement {
    uint8_t node_id[LINK_NODE_ID_BYTES];
    uint64_t incarnation;   /* only the node itself raises it: at each start and to refute (SWIM, section 4.2) */
    uint64_t boot_nonce;    /* random, of this run */
    struct span address;    /* "HOST:PORT" where it is reached */
    struct span name;       /* for people, at most LIMITS_ZONE_BYTES_MAX */
    struct span zone;       /* it wishes for; empty without one */
    uint64_t capacity;      /* it wishes for, bytes; 0 without one */
    uint64_t layout_number; /* the newest it acts upon */
    uint64_t used_bytes;    /* what its store holds, roughly */
    uint64_t flags;
    struct span program; /* its version, for people */
};

/* Sign and write it into `bytes` (ANNOUNCEMENT_BYTES_MAX). Returns the length; texts are within their bounds
 * (asserted). */
size_t announcement_encode(const struct announcement *announcement, const struct link_identity *identity,
                           uint8_t *bytes);

/* Read the fields, believing nothing yet; false for what is malformed or out of bounds. */
bool announcement_decode(struct span bytes, struct announcement *announcement);

/* Is it signed by the node it names, for this cluster? Some 60 us: ask only when it is news. */
bool announcement_verify(struct span bytes, const struct announcement *announcement,
                         const uint8_t cluster_id[LINK_CLUSTER_ID_BYTES]);

/* Which of two of one node is newer? By incarnation; of one incarnation (a doubled identity, or a node that signs
 * two things) by boot nonce, then by bytes, so that all nodes keep the same. <0, 0, >0. */
int announcement_compare(const struct announcement *a, struct span a_bytes, const struct announcement *b,
                         struct span b_bytes);

/* Copy `text` into `to` as an announcement may say it: cut at `capacity`, other bytes as '?'. Returns the length.
 */
size_t announcement_clean(struct span text, size_t capacity, uint8_t *to);

#endif
