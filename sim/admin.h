/* An operator's request to a simulated node, through the node's own admin door, and what came of it. */
#ifndef SIM_ADMIN_H
#define SIM_ADMIN_H

#include "node/core/effect.h"
#include "node/core/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;

#define ADMIN_TOKEN "the operator's token"

/* What came of a request. */
struct admin_answer {
    int status;       /* 0: the node went away before it answered; what was asked may or may not be done */
    const char *body; /* NUL-terminated, until the call returns */
    size_t body_bytes;
};

/* Told once for each request. */
typedef void admin_on_answer(void *owner, struct machine *machine, uint64_t tag,
                             const struct admin_answer *answer);

/* One request under way, on the slot of its number. */
struct admin_ask {
    bool is_used;
    bool is_last; /* the piece that is being sent is */
    uint64_t began_us;
    char *body; /* owned */
    char *got;  /* what came so far; owned */
    size_t got_bytes;
    admin_on_answer *on_answer;
    void *owner;
    uint64_t tag;
};

/* Ask `machine`, which is up and ready (asserted). `body` may be NULL. `tag` and `owner` are handed back. False
 * when all its slots are in use: nobody will be told anything. */
bool admin_ask(struct machine *machine, const char *method, const char *target, const char *body,
               admin_on_answer *on_answer, void *owner, uint64_t tag);

/* The node's effects for a slot: READ_BODY, SEND, CLOSE. */
void admin_carry_out(struct machine *machine, const struct effect *effect);

/* HAPPENING_REQUEST. */
void admin_on(struct machine *machine, uint64_t value);

/* The machine stops: the node is told that all connections are gone; who asked hears status 0. */
void admin_stop(struct machine *machine);

/* The machine does nothing for so long: that is no fault of its requests'. */
void admin_excuse(struct machine *machine, uint64_t for_us);

/* The longest that a request has been under way; 0 without one. */
uint64_t admin_oldest_us(const struct machine *machine);

#endif
