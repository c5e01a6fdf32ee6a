/* What will happen in the world, ordered by (time, number): of two things at one moment the one put in first. */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum happening_kind {
    /* of a node (sim/world.c) */
    HAPPENING_DEADLINE,    /* what node_deadline_ms() said has come */
    HAPPENING_READ,        /* the reads lent to the store are run */
    HAPPENING_COMMIT,      /* so are the writes, in one transaction */
    HAPPENING_STORED,      /* the node hears of it: in between it may crash */
    HAPPENING_START,       /* a stopped node starts again */
    HAPPENING_RESTART,     /* a node that asked for it closes its store and begins again */
    HAPPENING_DISK_FAILED, /* the program ends because its disk failed (H18) */
    HAPPENING_REQUEST,     /* an operator's request goes on (sim/admin.c) */

    /* of the network (sim/network.c) */
    HAPPENING_DATAGRAM,
    HAPPENING_DIALLED,  /* the first bytes of a connection arrive */
    HAPPENING_ACCEPTED, /* and the answer to them */
    HAPPENING_PIPE,     /* bytes of a connection arrive */
    HAPPENING_SENT,     /* all bytes given have left */
    HAPPENING_CLOSED,   /* who closed a connection is told that it is closed */
    HAPPENING_RESET,    /* the other end knows nothing of this connection */

    /* of the run (sim/faults.c, sim/run.c) */
    HAPPENING_FAULT,
    HAPPENING_UNDO,
    HAPPENING_CHECK,
};

struct happening {
    uint64_t time_us; /* of the world, from 0 */
    uint64_t number;  /* given by the queue */
    enum happening_kind kind;
    uint32_t node;
    uint32_t life; /* of the node, when it was put in: nothing happens to a later one */
    uint64_t value;
    void *thing;
};

struct queue {
    struct happening *heap;
    size_t count;
    size_t capacity;
    uint64_t numbers_given;
};

void queue_init(struct queue *queue);
/* What things point to is not freed. Accepts itself twice. */
void queue_deinit(struct queue *queue);

void queue_put(struct queue *queue, struct happening happening);

/* The next happening, or NULL; until the next queue_put() or queue_take(). */
const struct happening *queue_first(const struct queue *queue);

/* Take it out; the queue is not empty (asserted). */
struct happening queue_take(struct queue *queue);

#endif
