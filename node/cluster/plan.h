/* From what is staged to the next layout version: what is refused and why, what would move, the documents that
 * make it so. Pure: the view and the members in, documents or a refusal out; nothing is written here.
 *
 *     stage…  -->  plan: look at it  -->  apply N  -->  version N is in force
 *        '---------- revert <-----------------'
 */
#ifndef NODE_CLUSTER_PLAN_H
#define NODE_CLUSTER_PLAN_H

#include "node/cluster/member.h"
#include "node/cluster/staged.h"
#include "ring/assign.h"

enum {
    PLAN_MESSAGE_CHARS = 400,
    PLAN_REPLICATION_DEFAULT = 3,
    PLAN_WARNINGS_MAX = 32,
    PLAN_CLEARED_MAX = 65536, /* documents one change takes back: some 8 MiB */
};

/* What is known. All of it outlives what is made of it. */
struct plan_input {
    const struct view *view;
    const struct members *members; /* how they fare, what they hold; NULL: nothing is known of it */
    const uint8_t *self_id;        /* this node, a member whatever the documents say; NULL for none */
    struct span self_name;         /* for people, until the cluster knows it; may be absent */
    uint64_t replication;          /* of a first layout; 0: PLAN_REPLICATION_DEFAULT */
    uint64_t zone_redundancy;      /* the same; 0 is as many zones as there can be */
    uint64_t partitions;           /* the same; 0: RING_PARTITIONS */
    struct arena *arena;
};

enum plan_verdict {
    PLAN_DONE,      /* write the documents */
    PLAN_NOTHING,   /* it is so already: nothing to write, and no error */
    PLAN_BAD,       /* the request can never be done: 400 */
    PLAN_NOT_FOUND, /* it names what is not there: 404 */
    PLAN_CONFLICT,  /* it does not fit what is so now: 409 */
    PLAN_NO_MEMORY,
};

/* What a change comes to. */
struct plan_result {
    enum plan_verdict verdict;
    const char *code;                 /* of a refusal, for programs: "InvalidRequest", "NoSuchNode", "WrongNumber",
                                         "ImpossibleLayout", "NothingStaged", "AmbiguousNode", "NodeHasRole"; lives for ever */
    char message[PLAN_MESSAGE_CHARS]; /* why not, with the smallest change that would make it possible; of
                                         PLAN_NOTHING: why there is nothing */
    struct op_document *documents;    /* to be written together; times are the store's */
    uint32_t documents_count;
    uint64_t number; /* of apply and auto: the version that is in force afterwards */
};

/* A node's name for people: as it says itself, else as the documents have it; empty without one. */
struct span plan_node_name(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES]);

/* --- changes -------------------------------------------------------------------------------------------- */

/* Which node is meant: an id of 64 hex digits, the first digits of one (4 at least), or the name of one; of
 * members, and of nodes with a role. */
bool plan_find_node(const struct plan_input *input, struct span text, uint8_t node_id[RING_NODE_ID_BYTES],
                    struct plan_result *result);

/* A zone without bytes, a capacity of NULL: as the node's role has it now, staged or in force. */
void plan_stage_role(const struct plan_input *input, struct span node, struct span zone, const uint64_t *capacity,
                     struct plan_result *result);
void plan_stage_removal(const struct plan_input *input, struct span node, struct plan_result *result);
/* Each may be NULL: it stays. */
struct plan_numbers {
    const uint64_t *replication, *zone_redundancy;
    const uint64_t *partitions; /* only before the first version */
};
void plan_stage_numbers(const struct plan_input *input, struct plan_numbers numbers, struct plan_result *result);

/* Forget all that is staged, and what lost. Of more than PLAN_CLEARED_MAX documents, which no operator makes, some
 * are left: to be reverted again. */
void plan_revert(const struct plan_input *input, struct plan_result *result);

/* Make the version `number` of what is staged. The number in force with nothing staged is PLAN_NOTHING. */
void plan_apply(const struct plan_input *input, uint64_t number, struct plan_result *result);

/* Without hands: the next version from what the members with ANNOUNCEMENT_AUTO wish for, a zone and a capacity.
 * PLAN_NOTHING when all have it, or when it cannot be done yet (the message says what is missing). Never removes
 * a node, never gives one a role again that an earlier version took from it, never applies what operators staged.
 */
void plan_auto(const struct plan_input *input, struct plan_result *result);

/* Take a node out of the cluster (not out of the layout). Refused while it has a role, unless `is_forced`; a node
 * does not take out itself. `wall_us` is now. */
void plan_remove_member(const struct plan_input *input, struct span node, bool is_forced, uint64_t wall_us,
                        struct plan_result *result);

/* --- what would come of it ------------------------------------------------------------------------------ */

/* A node of the layout in force or of the next. */
struct plan_node {
    uint8_t id[RING_NODE_ID_BYTES];
    char zone[RING_ZONE_NAME_BYTES]; /* in the next layout; of a node that leaves, in the one in force */
    uint64_t capacity;               /* the same */
    bool is_before, is_after;        /* has a role in the layout in force, in the next */
    enum member_state state;
    uint32_t load_before, load_after; /* partitions */
    uint32_t gained, dropped;         /* of them */
};

enum { PLAN_NOWHERE = UINT16_MAX };

/* Copies of partitions that go from one node (or zone) to another. */
struct plan_move {
    uint16_t from; /* index of the node or zone; PLAN_NOWHERE: there was no layout before */
    uint16_t to;
    uint32_t partitions;
    uint64_t bytes; /* estimated */
};

struct plan {
    struct staged staged;
    char refusal[PLAN_MESSAGE_CHARS]; /* "" when it can be applied */
    uint64_t number;                  /* it would have */
    struct ring_layout *next;         /* NULL when refused, or when nothing is staged and none is in force */
    struct ring_plan ring;
    uint64_t partition_bytes; /* a partition holds about so much now */
    struct plan_node *nodes;  /* in order of id */
    uint32_t nodes_count;
    const char **zones; /* in bytewise order, those before and those after */
    uint32_t zones_count;
    struct plan_move *moves; /* between nodes, the largest first */
    uint32_t moves_count;
    struct plan_move *zone_moves; /* between zones, in their order */
    uint32_t zone_moves_count;
    uint32_t moved_partitions; /* copies made */
    uint64_t moved_bytes;
    char warnings[PLAN_WARNINGS_MAX][PLAN_MESSAGE_CHARS];
    uint32_t warnings_count;
};

/* Work it out, in the input's arena. NULL when that is out of memory; a refusal is part of the plan. */
struct plan *plan_make(const struct plan_input *input);

#endif
