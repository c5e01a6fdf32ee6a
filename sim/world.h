/* A world: machines with nodes on them, the network between them, and one queue of what will happen. One number
 * decides all of it: the same seed gives the same run, to the hash of its trace (I27).
 *
 *     world_init → world_add… → machine_start… → world_run_until… → world_deinit
 *
 * The nodes are the program's own (node/node.h); no file under node knows that this is not real.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "sim/machine.h"

enum {
    WORLD_MACHINES_MAX = 200, /* of whole nodes; a run of gossip alone (sim/measure.c) has more */
    WORLD_FAILURE_CHARS = 600,
};

/* Bugs that the world plants to see whether the oracle finds them. */
enum world_plant {
    WORLD_PLANT_NONE,
    WORLD_PLANT_LOST_WRITE, /* one write of documents is acknowledged and not done */
    WORLD_PLANT_LOST_MERGE, /* one node answers every merge of others' documents and does none */
    WORLD_PLANT_ODD_WINNER, /* nodes of odd number keep what they have of a document, whatever wins elsewhere */
    WORLD_PLANT_LOST_APPLY, /* a layout is acknowledged before it is synced, and the power goes */
    WORLD_PLANT_SUSPECT_REMOVES, /* who is held for down is taken out of the cluster, too */
    WORLD_PLANTS_COUNT,
};

/* For people: "lost-write", …; "" for none. */
const char *world_plant_name(enum world_plant plant);

struct world_counts {
    uint64_t events; /* steps of nodes */
    uint64_t starts, crashes, restarts, power_losses;
    uint64_t commits, commits_lost; /* writes that were lent and gone with a crash */
    uint64_t disk_errors, disk_full;
    uint64_t pauses;
    uint64_t rot_named, rot_refused, salvages; /* rotten rows met by ops; starts that they forbade; mended disks */
    uint64_t planted;                          /* times the planted bug acted */
    uint64_t logs;
};

struct world {
    uint64_t seed;
    uint64_t now_us;
    struct trace trace;
    struct queue queue;
    struct prng prng;
    struct network network;
    struct machine *machines[WORLD_MACHINES_MAX];
    uint32_t machines_count;
    uint64_t read_us;   /* how long the disk takes */
    uint64_t commit_us; /* up to */
    enum world_plant plant;
    uint8_t overheard[LIMITS_DATAGRAM_BYTES_MAX]; /* the datagram that last came to a liar */
    size_t overheard_bytes;
    uint64_t lies, offences; /* of liars: in all, and those over a link that nobody sound would say */
    struct world_counts counts;
    char failure[WORLD_FAILURE_CHARS]; /* the first thing that must not be; empty while all is well */
    void (*on_happening)(void *owner, const struct happening *happening); /* FAULT, UNDO, CHECK */
    /* Each line a node logs; NULL: nobody listens. */
    void (*on_log)(void *owner, struct machine *machine, const struct effect *line);
    void *owner;
};

/* `trace_out` NULL: nothing is printed. */
void world_init(struct world *world, uint64_t seed, const struct network_settings *network, FILE *trace_out,
                bool with_packets);
void world_deinit(struct world *world);

/* One machine more, in a site; off. */
struct machine *world_add(struct world *world, uint32_t site);

/* Let all happen up to and at `time_us`; false when something failed on the way. */
bool world_run_until(struct world *world, uint64_t time_us);

/* What must not be has happened: the first one stays, in the trace and in world->failure. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world, const char *format, ...);

#endif
