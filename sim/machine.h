/* One machine of a world: a node over a disk in memory, with clocks of its own, and all its node asks for carried
 * out. It may be switched off at any moment: what its disk has not committed is then gone.
 *
 *     OFF --machine_start()--> UP --machine_stop()--> OFF
 *                              UP --the node asks for it: HAPPENING_RESTART--> UP
 *                              UP --its disk fails: HAPPENING_DISK_FAILED--> OFF, and after a while UP
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "node/node.h"
#include "sim/admin.h"
#include "sim/clocks.h"
#include "sim/disk.h"
#include "sim/network.h"

enum {
    MACHINE_ADMIN_SLOTS = 6,      /* an operator's requests at one time */
    MACHINE_RESTART_US = 2000000, /* until a program that ended is started again, as systemd would */
    MACHINE_REPAIR_US = 20000000, /* until an operator has come and looked at a node that does not start */
    MACHINE_IO_ENDS_MAX = 10000,  /* ops that a node may ask for while it is being ended */
};

struct world;

struct machine {
    struct world *world;
    uint32_t index; /* also its host in the network */
    uint32_t group; /* 0: of the cluster that is looked at; others are strangers with clusters of their own */
    uint32_t life;  /* raised by each start and stop: happenings of an earlier one mean nothing */
    bool is_up;
    bool is_ready;            /* EFFECT_READY came */
    bool is_gone;             /* for good: it left the cluster and is not started again */
    bool is_liar;             /* a member that says what it likes (sim/liar.h) */
    bool has_lied;            /* the trace says so */
    bool is_copy;             /* started from a copy of another machine's disk */
    bool was_salvaged;        /* it lost a document, which others had, and gets it back */
    bool wants_salvage;       /* its disk is so rotten that the node does not start */
    uint64_t paused_until_us; /* it does nothing, and all that comes to it waits */
    struct disk disk;
    struct store store;
    struct settings settings;
    struct clocks clocks;
    struct node node;
    struct effects effects;
    struct list reads;   /* lent, not run */
    struct list writes;  /* lent, not committed */
    struct list answers; /* run or committed; the node has not heard */
    bool reads_are_due, writes_are_due, answers_are_due;
    uint64_t armed_us; /* the soonest HAPPENING_DEADLINE on its way; UINT64_MAX for none */
    struct admin_ask asks[MACHINE_ADMIN_SLOTS];
    uint32_t starts_count;
    uint8_t node_id[32]; /* since the first start */
    bool has_node_id;
};

/* Off, with an empty disk and right clocks. The world's network has its host already. */
void machine_init(struct machine *machine, struct world *world, uint32_t index);
void machine_deinit(struct machine *machine);

/* Open the store and start the node. When its disk does not let it, it is tried again later. */
void machine_start(struct machine *machine);

/* The program ends in the middle of whatever it does; with `loses_power` so does the machine. What was not
 * committed is gone. */
void machine_stop(struct machine *machine, bool loses_power, const char *why);

/* Stop processing for so long (a debugger, a host that moves the virtual machine): what comes meanwhile waits, and
 * then all of it is there at once. The clocks run on. */
void machine_pause(struct machine *machine, uint64_t for_us);

/* What an operator does about a rotten disk (`skerry repair salvage`): rows that are sound are kept. It is off. */
void machine_salvage(struct machine *machine);

/* Rows of the disk that fail the product's check (`skerry repair check`); the first one's table and hash go into
 * the trace. */
uint64_t machine_check_disk(struct machine *machine);

/* The settings of the node are others now. */
void machine_settings_changed(struct machine *machine);

/* One event, and all that follows from it at once. The clocks are filled in. */
void machine_step(struct machine *machine, struct event *event);

/* Have the node say what `speak` makes its cluster say, as if it had decided so itself (sim/liar.c). */
void machine_speak(struct machine *machine, void (*speak)(struct machine *machine, void *with), void *with);

/* A happening of this machine's has its turn. */
void machine_on(struct machine *machine, const struct happening *happening);

/* Is its node a member of a cluster that others may join? */
bool machine_is_member(const struct machine *machine);

/* The documents the node sees; NULL while it is off. */
const struct view *machine_view(const struct machine *machine);

#endif
