/* Operators of a simulated cluster: what they ask, at whichever node, and what they were told. Every bucket and
 * key they make has a name of its own, so that it is known of each what must be there. */
#ifndef SIM_OPERATORS_H
#define SIM_OPERATORS_H

#include "sim/world.h"

enum {
    OPERATORS_FACTS_MAX = 4096,
    OPERATORS_NAME_CHARS = 32,
};

enum fact_state {
    FACT_ASKED, /* no answer, or none that says: may be there */
    FACT_DONE,  /* was acknowledged: must be there */
    FACT_REFUSED,
    FACT_UNDOING, /* its removal was asked for: may be there */
    FACT_UNDONE,  /* the removal was acknowledged: must not be there */
};

enum fact_kind { FACT_BUCKET, FACT_KEY };

/* One thing that operators made. */
struct fact {
    enum fact_kind kind;
    enum fact_state state;
    char name[OPERATORS_NAME_CHARS]; /* the bucket's alias, the key's id */
    uint32_t machine;                /* that acknowledged it */
};

struct operators_counts {
    uint64_t asked, done, refused, uncertain;
    uint64_t documents; /* changes of buckets and keys that were acknowledged */
    uint64_t layouts;   /* layout versions that were applied */
    uint64_t removals;  /* of members */
};

/* What one machine heard of another, and in which life (sim/oracle.c). */
struct oracle_heard {
    uint32_t life;
    uint64_t incarnation;
};

struct operators {
    struct world *world;
    struct prng prng;
    struct fact facts[OPERATORS_FACTS_MAX];
    uint32_t facts_count;
    uint8_t removed[WORLD_MACHINES_MAX][32]; /* node ids whose removal was asked for */
    uint32_t removed_count;
    struct operators_counts counts;
    struct oracle_heard *heard[WORLD_MACHINES_MAX]; /* by who heard; made when it is first watched */
};

void operators_init(struct operators *operators, struct world *world, uint64_t seed);
void operators_deinit(struct operators *operators);

/* One change of buckets or keys, drawn, at this node, which is ready (asserted). */
void operators_change_documents(struct operators *operators, struct machine *machine);

/* Stage a drawn change of a role and apply it at this node. */
void operators_change_layout(struct operators *operators, struct machine *machine);

/* Take `removed` out of the cluster, at this node. */
void operators_remove(struct operators *operators, struct machine *machine, const struct machine *removed);

/* Was the removal of this node ever asked for? */
bool operators_has_removed(const struct operators *operators, const uint8_t node_id[32]);

#endif
