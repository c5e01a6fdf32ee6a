/* Buckets, keys and permissions as documents: what a document's key and payload look like.
 *
 *   'B' ‖ bucket id                        [is live, created (us)]
 *   'A' ‖ alias                            [bucket id] or [nil]
 *   'C' ‖ bucket id                        [[rule…]]: rule = [[origin…], [method…], [header…], [expose…]]
 *   'K' ‖ key id                           [is live, name, created (us), sealed secret]
 *   'L' ‖ key id length (1) ‖ key id ‖ alias   [bucket id] or [nil]: the key's own alias
 *   'P' ‖ bucket id ‖ key id               [flags]
 *
 *   'N' ‖ node id                          [is member, since (us), name]
 *   'D' ‖ node id                          [address]: where it was last reached, by which a node that starts finds
 *                                          its cluster again; not in the member's own document, which its move
 *                                          must not win over
 *   'V' ‖ number (8) ‖ hash                [a layout version: node/core/layout_document.h]; never changes
 *   'S' ‖ node id                          [zone, capacity] or [nil]: a staged role, or its staged removal; or []:
 *                                          nothing is staged for the node
 *   'G' ‖ name                             [number] or []: a staged parameter of the layout ("replication",
 *                                          "zone_redundancy", "partitions"), [] for none staged
 *   'X' ‖ hash                             [is dismissed]: a version that lost (H11) is not shown any more
 *
 * Each is a last-writer-wins register of its own, so that two operators' changes to different things both stay.
 */
#ifndef NODE_CORE_DOCUMENT_H
#define NODE_CORE_DOCUMENT_H

#include "node/core/limits.h"

enum document_kind {
    DOCUMENT_BUCKET = 'B',
    DOCUMENT_ALIAS = 'A',
    DOCUMENT_CORS = 'C',
    DOCUMENT_KEY = 'K',
    DOCUMENT_LOCAL = 'L',
    DOCUMENT_PERMISSION = 'P',
    DOCUMENT_MEMBER = 'N',
    DOCUMENT_ADDRESS = 'D',
    DOCUMENT_LAYOUT = 'V',
    DOCUMENT_STAGED_ROLE = 'S',
    DOCUMENT_STAGED_NUMBER = 'G',
    DOCUMENT_DISMISSED = 'X',
};

enum {
    DOCUMENT_AHEAD_YEARS = 100, /* a clock that has begun at 1970 is off by half of it */
    DOCUMENT_CLOCK_YEARS = 130, /* after 1970: a clock that is past it is wrong, and its node takes and writes no
                                   documents; all others would leave them out */
    DOCUMENT_OWN_PERCENT = 75,  /* of each bound, for a node's own writes; the rest is for what both sides of a
                                   partition wrote up to there */
};

enum document_permission { DOCUMENT_READ = 1, DOCUMENT_WRITE = 2, DOCUMENT_OWNER = 4 };

struct document_bucket {
    const uint8_t *id; /* KEYS_BUCKET_ID_BYTES */
    bool is_live;
    uint64_t created_us;
};

struct document_key {
    struct span id;
    bool is_live;
    struct span name;
    uint64_t created_us;
    struct span sealed_secret;
};

/* A node as the cluster knows it. */
struct document_member {
    bool is_member; /* false: it was removed */
    uint64_t since_us;
    struct span name; /* for people; may be empty */
};

struct document_staged_role {
    bool is_staged; /* false: nothing is, and the rest says nothing */
    bool is_removal;
    struct span zone; /* unless it is a removal, as the next one */
    uint64_t capacity;
};

struct document_staged_number {
    bool is_staged;
    uint64_t number;
};

/* A list of texts, still encoded. */
struct document_texts {
    uint32_t count;
    struct wire_in in;
};

struct document_rule {
    struct document_texts origins, methods, headers, expose;
};

/* The database keys. Made in `arena`; bytes NULL when it is out of memory. */
struct span document_key_of(struct arena *arena, enum document_kind kind, struct span id);
struct span document_local_key(struct arena *arena, struct span key_id, struct span alias);
struct span document_permission_key(struct arena *arena, const uint8_t *bucket_id, struct span key_id);

/* The payloads. Made in `arena`; bytes NULL when it is out of memory. `bucket_id` NULL: the alias is no more. */
struct span document_encode_bucket(struct arena *arena, const struct document_bucket *bucket);
struct span document_encode_alias(struct arena *arena, const uint8_t *bucket_id);
struct span document_encode_key(struct arena *arena, const struct document_key *key);
struct span document_encode_permission(struct arena *arena, uint8_t flags);
struct span document_encode_member(struct arena *arena, const struct document_member *member);
struct span document_encode_address(struct arena *arena, struct span address);
struct span document_encode_staged_role(struct arena *arena, const struct document_staged_role *role);
struct span document_encode_staged_number(struct arena *arena, const struct document_staged_number *number);
struct span document_encode_dismissed(struct arena *arena, bool is_dismissed);

/* False for a payload this program did not write. Spans point into it. */
bool document_decode_bucket(struct span payload, struct document_bucket *bucket);
bool document_decode_alias(struct span payload, const uint8_t **bucket_id);
bool document_decode_key(struct span payload, struct document_key *key);
bool document_decode_permission(struct span payload, uint8_t *flags);
bool document_decode_member(struct span payload, struct document_member *member);
bool document_decode_address(struct span payload, struct span *address);
bool document_decode_staged_role(struct span payload, struct document_staged_role *role);
bool document_decode_staged_number(struct span payload, struct document_staged_number *number);
bool document_decode_dismissed(struct span payload, bool *is_dismissed);

/* Walk the rules of a CORS payload: begin gives how many, next the following one. */
bool document_rules_begin(struct span payload, struct wire_in *in, uint32_t *count);
bool document_rules_next(struct wire_in *in, struct document_rule *rule);
/* The next text of a list; bytes NULL after the last. */
struct span document_texts_next(struct document_texts *texts);

/* What an address of a node may be as a document: printable ASCII without spaces, at most
 * LIMITS_ADDRESS_BYTES_MAX; or nothing. It may still lead nowhere. */
bool document_address_is_ok(struct span address);

/* Is a document that came from another node one that may be kept: of a known kind with key and payload as this
 * program writes them, a layout version with the right hash; or of a kind that a later program may have added, a
 * capital letter, within the bounds of size? Those are kept and passed on unread, or the digests of two programs
 * would never agree. (So the payload of a kind never changes its shape: a new shape is a new kind.) `why` out, for
 * ever; NULL when it may.
 *
 * One grammar for all: what this node writes itself is asked this, too, before it is stored, or the others would
 * refuse it for ever. */
bool document_check(const struct op_document *document, const char **why);

/* document_check() and the bounds of limits.h, as the store keeps them, for every op that writes documents. Each
 * kind has a share of its own in what there may be, all unknown kinds together one: who floods one takes nothing
 * from the others. A layout version is left out as long as its parent is not there.
 *
 * A document's time, whoever wrote it, may be ahead of our clock by DOCUMENT_AHEAD_YEARS: far more than the clocks
 * of sound nodes are apart, one without a clock of its own included; and what is written over it takes a time just
 * above, which all others take too, as their clocks go on. One that is farther ahead is left out, and comes again
 * when it is time: taken, it could be one that nothing is ever above. That is nobody's offence: it may have come
 * from a third. */
const struct op_docs_rules *document_rules(void);

/* One document's part of a digest: H(hash key; "document" ‖ field(key) ‖ time ‖ actor ‖ payload). */
void document_digest(const struct op_document *document, const uint8_t hash_key[HASH_KEY_BYTES],
                     uint8_t digest[16]);
/* sum := sum + digest mod 2^128, both big-endian. */
void document_digest_add(uint8_t sum[16], const uint8_t digest[16]);
/* sum := sum - digest: takes out what was added. */
void document_digest_take(uint8_t sum[16], const uint8_t digest[16]);

#endif
