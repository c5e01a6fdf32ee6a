/* Operators of a simulated cluster: what they ask, at whichever node, and what they were told. Every bucket and
 * key they make has a name of its own, so that it is known of each what must be there. */
#ifndef SIM_OPERATORS_H
#define SIM_OPERATORS_H

#include "sim/promises.h"

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

/* A member that is, or was, to be taken out; and perhaps taken in again after that. */
enum removal_state {
    REMOVAL_ASKED,      /* no answer, or none that says: the documents decide */
    REMOVAL_REFUSED,    /* it has a role: nothing was done */
    REMOVAL_DONE,       /* it is out, and stays out */
    REMOVAL_BACK_ASKED, /* an operator connects it again */
    REMOVAL_BACK,       /* it is in again, and stays in */
};

struct removal {
    uint8_t node_id[32];
    uint32_t machine; /* that was asked to remove it */
    enum removal_state state;
};

/* The one connection that operators wait for: nobody connects two nodes at a time. */
struct connecting {
    bool is_under_way;
    uint32_t at;   /* who was asked to connect */
    uint32_t with; /* whom */
    bool is_back;  /* `with` is a node that was removed */
    uint64_t since_us;
};

struct operators_counts {
    uint64_t asked, done, refused, uncertain;
    uint64_t documents; /* changes of buckets and keys that were acknowledged */
    uint64_t staged;    /* roles */
    uint64_t layouts;   /* layout versions that were applied */
    uint64_t removals;  /* of members */
    uint64_t connects;  /* of which was told that they are done */
    uint64_t returns;   /* of removed nodes */
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
    struct removal removals[WORLD_MACHINES_MAX]; /* one a node at most */
    uint32_t removals_count;
    struct connecting connecting;
    bool is_by_hand; /* nodes do not find each other: each is connected */
    struct promises promises;
    struct operators_counts counts;
    uint64_t identities_named; /* how often a log said that a node's identity is there twice */
    uint64_t liars_named;      /* how often a liar was named to an operator */
    char removal_planned[17];  /* WORLD_PLANT_SUSPECT_REMOVES: whom, by the first half of its id */
    struct oracle_heard *heard[WORLD_MACHINES_MAX]; /* by who heard; made when it is first watched */
};

void operators_init(struct operators *operators, struct world *world, uint64_t seed);
void operators_deinit(struct operators *operators);

/* Does the node have what the fact says? */
bool operators_has_fact(const struct view *view, const struct fact *fact);

/* One change of buckets or keys, drawn, at this node, which is ready (asserted). */
void operators_change_documents(struct operators *operators, struct machine *machine);

/* Stage a drawn change of a role and apply it at this node. */
void operators_change_layout(struct operators *operators, struct machine *machine);

/* Take `removed` out of the cluster, at this node; with a role it has, when it is forced. */
void operators_remove(struct operators *operators, struct machine *machine, const struct machine *removed,
                      bool is_forced);

/* Connect a node that is out of the cluster, and that `machine` knows to be out. With `is_reversed` it is asked to
 * connect itself, which must not bring it back. Nothing when another connection is being waited for. */
void operators_bring_back(struct operators *operators, struct machine *machine, struct machine *removed,
                          bool is_reversed);

/* What becomes of this node; NULL when nobody asked for its removal. */
const struct removal *operators_removal(const struct operators *operators, const uint8_t node_id[32]);

/* Was its removal asked for, and perhaps done? Also when it was brought back. */
bool operators_has_removed(const struct operators *operators, const uint8_t node_id[32]);

/* Once a second: a connection that is waited for is looked after; with `is_by_hand` the next node is connected. */
void operators_look(struct operators *operators);

#endif
