/* The edge's side of other nodes: the table of links by number, the port they come in at, and datagrams.
 *
 * Numbers below LIMITS_LINKS_DIALLED_MAX are given by the node with EFFECT_LINK_DIAL; those above are of
 * connections that came in, given here. Nothing comes before peers_start(): the node has its documents then.
 */
#ifndef NODE_EDGE_PEER_H
#define NODE_EDGE_PEER_H

#include "node/core/effect.h"
#include "node/core/event.h"
#include "node/edge/datagram.h"
#include "node/edge/listener.h"
#include "node/edge/peer_link.h"

enum {
    PEERS_LINKS_MAX = LIMITS_LINKS_DIALLED_MAX + LIMITS_LINKS_ACCEPTED_MAX,
    PEERS_TURNED_AWAY_LOG_MS = 60 * 1000, /* how often it is said that links are turned away */
};

/* Whom they serve; set by the owner and outliving them. Events have kind and content, not their times. */
struct peers_owner {
    uv_loop_t *uv;
    const struct log *log;
    char *buffer; /* what is read from a link, until the event was told */
    size_t buffer_bytes;
    void (*on_event)(void *self, struct event *event);
    void *self;
};

struct peers {
    struct peers_owner owner;
    struct port *port;
    struct listener listener;
    struct datagrams datagrams;
    struct peer_link *links[PEERS_LINKS_MAX];
    struct list told; /* links the node is to hear of: nothing waits any more, or gone */
    bool had_no_memory[LIMITS_LINKS_DIALLED_MAX]; /* for this number: the node is to hear that it is gone */
    uint32_t had_no_memory_count;
    uint64_t turned_away_ms; /* when it was said last */
};

/* `port` outlives them. On failure `message` (CONFIG_MESSAGE_BYTES) says why. */
MUST_USE enum err peers_open(struct peers *peers, const struct peers_owner *owner, struct port *port,
                             char *message);

/* Let links and datagrams in. On failure `message` says why. */
MUST_USE enum err peers_start(struct peers *peers, char *message);

/* Carry out EFFECT_LINK_… and EFFECT_DATAGRAM. */
void peers_carry_out(struct peers *peers, const struct effect *effect);

/* Tell of one link that waits to be told of: one event, not within another. */
bool peers_have_news(const struct peers *peers);
void peers_tell(struct peers *peers);

/* The address did not answer: its name may stand for another one now. */
void peers_doubt(struct peers *peers, struct span address);

/* Take no new links; those that are there go on. */
void peers_drain(struct peers *peers);

/* Every link at once; the node hears nothing of it. The port stays open unless peers_drain() closed it. Accepts a
 * zeroed one, and itself twice. */
void peers_close(struct peers *peers);

#endif
