/* One HTTP exchange by libcurl: for K2V calls and for the admin API. */
#ifndef NODE_CLI_TRANSFER_H
#define NODE_CLI_TRANSFER_H

#include "node/cli/buffer.h"
#include "node/cli/call.h"

enum {
    TRANSFER_PROBLEM_CHARS = 600,
    TRANSFER_TOKEN_CHARS = 1024,
    TRANSFER_CONNECT_S = 10, /* until a connection stands */
    TRANSFER_STALL_S = 60,   /* without one byte in either direction, when no other time is given */
    /* For how long nothing comes until TCP asks whether the server is still there, and again while it is silent.
     */
    TRANSFER_KEEPALIVE_S = 60,
    TRANSFER_KEEPALIVE_AGAIN_S = 15,
};

/* A connection that is kept between exchanges. {0} is none; opened by the first exchange. */
struct transfer {
    void *curl;
    /* May be NULL. Called now and then while an exchange is under way, at least once a second: the bytes of the
     * bodies so far. The answer false ends the exchange. */
    bool (*on_tick)(void *owner, uint64_t sent_bytes, uint64_t received_bytes);
    void *owner;
    /* What is asked for may take the server any time: it may be silent for as long as the connection lives. */
    bool is_patient;
};

struct answer {
    long status;                      /* 0: there was none */
    char token[TRANSFER_TOKEN_CHARS]; /* the causality token; "" without one */
    struct buffer body;
};

/* Send the request, take the answer whole (of any status; the memory of `answer->body` is used again).
 *
 *   timeout_s   for the whole exchange; 0: as long as bytes go on flowing, or, when patient, the server is there
 *   problem     out, on failure: what happened, without the endpoint
 *
 * False when there was no answer, or not all of it. */
bool transfer_run(struct transfer *transfer, const struct call_request *request, unsigned timeout_s,
                  struct answer *answer, char problem[TRANSFER_PROBLEM_CHARS]);

/* Accepts {0} and itself twice. */
void transfer_deinit(struct transfer *transfer);
void answer_deinit(struct answer *answer);

#endif
