/* The nodes of the cluster as this node sees them now: one row a node.
 *
 * Who is a member is decided by documents (node/core/document.h) and nothing else; how it fares is decided by
 * gossip.
 *
 *     UNKNOWN --announcement--> ALIVE <--higher incarnation-- SUSPECT --time--> DOWN
 *                                 '--no answer, or told so----->' ^               '--higher incarnation--> ALIVE
 *
 * Down is not removed: it is probed on, more seldom, and only a layout takes its role away.
 */
#ifndef NODE_CLUSTER_MEMBER_H
#define NODE_CLUSTER_MEMBER_H

#include "node/base/arena.h"
#include "node/cluster/announcement.h"
#include "node/core/packet.h"

/* What an operator writes reaches all within some probe intervals. Documents that differ for longer, and do not
 * change meanwhile, are apart. */
enum { MEMBER_APART_PROBES = 10 };

/* A suspicion that is wrong is refuted within a few probe intervals: until then a suspect counts as up. */
enum { MEMBER_DOUBT_PROBES = 5 };

enum member_state { MEMBER_UNKNOWN, MEMBER_ALIVE, MEMBER_SUSPECT, MEMBER_DOWN };

struct member {
    uint8_t id[LINK_NODE_ID_BYTES];
    bool is_self;
    enum member_state state;
    uint64_t since_ms; /* monotonic, of the state */
    bool has_announcement;
    struct announcement announcement; /* the newest; spans into announcement_bytes */
    struct span announcement_bytes;   /* as it was signed: passed on like this */
    uint64_t heard_ms;                /* when it last answered us itself; 0: never */
    bool has_round_trip;
    uint64_t round_trip_us; /* smoothed (RFC 6298), of probes */
    uint64_t round_trip_spread_us;
    int64_t clock_offset_us; /* its wall clock minus ours, smoothed; with has_round_trip only */
    bool is_same_documents;  /* its digest of the documents was ours when it last spoke */
    uint64_t documents_heard_ms;
    uint8_t documents[16];       /* the digest of them, as it last said */
    uint64_t documents_apart_ms; /* for how long, when it last spoke, they had been the same and other than ours */
    uint32_t offences;           /* malformed or absurd things it sent since the start (H12) */
    uint64_t quarantined_until_ms; /* what it sends is dropped until then; 0: not */
    struct packet_pair pair;
    bool has_pair;
    void *gossip; /* gossip's own */
};

/* A row's place may change when members come or go: between two steps only. In order of id. */
struct members {
    struct arena arena;
    struct member **rows;
    uint32_t count;
    uint32_t capacity;
};

/* It spoke at `now_ms` (monotonic, not 0) and said the digest of its documents; `ours` is ours. */
void member_hear_documents(struct member *member, const uint8_t digest[16], const uint8_t ours[16],
                           uint64_t now_ms);

/* Is it another node that answers and has other documents than this one: at this moment, and for long? A probe
 * interval of the cluster in `probe_interval_ms`. */
bool member_differs(const struct member *member);
bool member_is_apart(const struct member *member, uint64_t probe_interval_ms);

/* Is it this node, or one that answers, or may well? */
bool member_is_up(const struct member *member, uint64_t now_ms, uint64_t probe_interval_ms);

/* The row of an id, or NULL. */
struct member *members_find(const struct members *members, const uint8_t id[LINK_NODE_ID_BYTES]);

/* "alive", "suspect", "down", "unknown". */
const char *member_state_name(enum member_state state);

/* How many are in a state. */
uint32_t members_count(const struct members *members, enum member_state state);

#endif
