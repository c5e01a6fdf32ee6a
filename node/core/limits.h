/* Every bound of a node that is not a setting, with its reason, and what must hold between them (I25).
 * docs/limits.md lists them for people. */
#ifndef NODE_CORE_LIMITS_H
#define NODE_CORE_LIMITS_H

#include "node/store/op.h"

enum {
    LIMITS_ADMIN_BODY_BYTES_MAX = 256 * 1024, /* CORS rules are the largest thing an operator sends */
    LIMITS_POLL_BODY_BYTES_MAX = 512 * 1024,  /* a seen marker's text and three keys fit */
    LIMITS_UNREAD_BODY_BYTES_MAX = 64 *
                                   1024, /* a body not asked for is dropped up to here, else the connection ends */

    LIMITS_STREAM_BYTES = 256 * 1024, /* an answer is sent in pieces of about this size; one item may be larger */

    LIMITS_BATCH_ITEMS_PER_COMMIT =
        16384,                        /* a larger InsertBatch is several transactions: others get their turn */
    LIMITS_SEARCHES_MAX = 100000,     /* elements of a ReadBatch or DeleteBatch: some 40 MB while they run */
    LIMITS_DELETES_PER_COMMIT = 1000, /* a page of DeleteBatch */

    LIMITS_POLL_TIMEOUT_S_DEFAULT = 300, /* these three as the reference has them */
    LIMITS_POLL_TIMEOUT_S_MIN = 1,
    LIMITS_POLL_TIMEOUT_S_MAX = 600,

    LIMITS_POLL_CHAINS = 8192, /* hash chains of waiting polls; 10,000 polls make chains of one or two */

    LIMITS_ALIAS_CHARS_MIN = 3, /* bucket names as S3 has them */
    LIMITS_ALIAS_CHARS_MAX = 63,
    LIMITS_NAME_BYTES_MAX = 128,
    LIMITS_KEY_ID_CHARS_MIN = 3,
    LIMITS_KEY_ID_CHARS_MAX = 128,
    LIMITS_SECRET_CHARS_MIN = 8,
    LIMITS_SECRET_CHARS_MAX = 128,
    LIMITS_CORS_RULES_MAX = 100,   /* as S3 */
    LIMITS_CORS_ENTRIES_MAX = 100, /* per list of a rule */
    LIMITS_CORS_ENTRY_BYTES_MAX = 256,

    LIMITS_DOCUMENT_BYTES_MAX = LIMITS_ADMIN_BODY_BYTES_MAX, /* of a payload: what an operator sends takes no more
                                                                bytes as a document than it had as JSON */

    LIMITS_DOCUMENTS_BYTES_MAX = 64 << 20, /* keys and payloads of all shared documents together: 4,096 versions of
                                              the largest usual layout, or some 400,000 access keys. Every node
                                              holds them in memory, twice while they change, and reads them all
                                              when it starts */

    LIMITS_DOCUMENTS_MAX = 1 << 20,    /* shared documents: some 300 bytes of memory each beside their own */
    LIMITS_LAYOUT_VERSIONS_MAX = 4096, /* at one a day, eleven years; eight until no more are made here */

    LIMITS_MEMBERS_MAX = 2048, /* nodes of a cluster, removed ones not counted: twice what was simulated */
    LIMITS_MEMBER_DOCUMENTS_MAX = 4 * LIMITS_MEMBERS_MAX, /* removed nodes leave theirs */

    LIMITS_LINKS_DIALLED_MAX = 512,   /* links we made; more than the nodes of a layout */
    LIMITS_LINKS_ACCEPTED_MAX = 512,  /* links that came in; the newest beyond is closed */
    LIMITS_ADDRESS_BYTES_MAX = 262,   /* "HOST:PORT": a name of 255 (RFC 1035), a colon, 5 digits */
    LIMITS_DATAGRAM_BYTES_MAX = 1200, /* goes through every path of IPv6 without fragments (RFC 8200, 1,280) */
    LIMITS_ZONE_BYTES_MAX = 63,       /* a zone's name, and a node's; as a label of DNS */
};

_Static_assert((int)LIMITS_DELETES_PER_COMMIT <= (int)OP_RANGE_ITEMS_MAX, "a page of deletes is read at once");

/* An item's siblings together, as a multiple of the largest value: a client may leave this much unmerged. */
#define LIMITS_ITEM_VALUES 4

#endif
