/* What goes wrong in a world, and when: all drawn from the seed. Each seed has a weather of its own (swarm
 * testing: Groce et al., ISSTA 2012): which kinds of faults there are at all, how many nodes and sites, how often.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim/liar.h"
#include "sim/operators.h"
#include "sim/rot.h"
#include "sim/rotation.h"

enum fault_kind {
    FAULT_CUT,        /* some nodes from the others, one way or both, for a while */
    FAULT_FLAP,       /* the same, on and off */
    FAULT_CRASH,      /* a program ends and is started again */
    FAULT_POWER,      /* a machine does */
    FAULT_DISK_FULL,  /* for a while nothing can be put */
    FAULT_DISK_ERROR, /* a write fails: the program ends (H18) */
    FAULT_JUMP,       /* a wall clock is set wrong, or right */
    FAULT_DRIFT,      /* a clock runs fast or slow */
    FAULT_MOVE,       /* a machine comes back with another address, perhaps one that another had */
    FAULT_JOIN,       /* a new node starts */
    FAULT_LEAVE,      /* an operator removes one */
    FAULT_RETURN,     /* …and connects it again */
    FAULT_PAUSE,      /* a program does nothing for a while, then all that it missed at once */
    FAULT_ROT,        /* a bit of a stored document turns */
    FAULT_SECRETS,    /* operators change the secret of the cluster, node by node */
    FAULT_COPY,       /* a copy of a data directory is started beside its original */
    FAULT_LIAR,       /* one member says what it likes (sim/liar.h) */
    FAULT_BY_HAND,    /* no fault: nodes do not find each other, operators connect them */
    FAULT_DOCUMENTS,  /* an operator changes buckets and keys */
    FAULT_LAYOUTS,    /* operators change the layout, at one node or at two of them at once */
    FAULTS_COUNT,
};

/* For people: "cut", "flap", … */
const char *fault_name(enum fault_kind kind);

/* The weather of a run. */
struct faults_settings {
    uint32_t nodes; /* to begin with */
    uint32_t sites;
    uint32_t joins_max;  /* nodes that may come later */
    uint32_t leaves_max; /* nodes that may be removed */
    uint32_t strangers;  /* nodes of another cluster on the same network */
    bool has[FAULTS_COUNT];
    uint64_t every_us; /* one fault, on average */
    uint64_t lasts_us; /* of a cut and the like, up to */
    struct network_settings network;
};

struct fault_cut;

struct faults {
    struct world *world;
    struct fault_cut *cuts; /* all there ever were, until faults_deinit() */
    struct operators *operators;
    struct faults_settings settings;
    struct prng prng;
    uint32_t generation; /* raised when all is healed: what was to be undone is */
    uint32_t joins, leaves;
    struct rot rot;
    struct rotation rotation;
    struct machine *original; /* of the copy that runs, or ran; NULL: none did */
    struct machine *copy;
    uint64_t counts[FAULTS_COUNT];
    void (*join)(void *owner, struct faults *faults); /* a node more, from FAULT_JOIN; NULL: none come */
    /* A machine more, off, with a copy of that one's disk and configuration. NULL when there can be none. */
    struct machine *(*make_copy)(void *owner, const struct machine *original);
    void *owner;
};

/* The weather of a seed. `nodes` 0: 3 … 50, small ones more often. */
void faults_draw(struct faults_settings *settings, uint64_t seed, uint32_t nodes);

/* Kinds were chosen by hand: as many nodes may come and go as a seed that has the kind would draw at most. */
void faults_allow_all(struct faults_settings *settings);

/* The first fault comes by and by. `world` and `operators` outlive it. */
void faults_init(struct faults *faults, const struct faults_settings *settings, struct world *world,
                 struct operators *operators);

void faults_deinit(struct faults *faults);

/* HAPPENING_FAULT and HAPPENING_UNDO. */
void faults_on(struct faults *faults, const struct happening *happening);

/* No more faults: ways are whole, disks have room and are mended, clocks are right and run true, machines that are
 * off start, everybody has the new secret, and liars are switched off. A copy runs on until faults_end_copy(). */
void faults_end(struct faults *faults);

/* The copy is found and stopped for good. world_fail() when no node has named the doubled identity, though both
 * ran on a whole network for a while. */
void faults_end_copy(struct faults *faults);

#endif
