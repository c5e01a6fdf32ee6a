/* The links to other nodes: a table by number, from the dial to the last byte.
 *
 *     DIALLING --open--> SHAKING --handshake--> READY --closed in order--> ENDING --all sent--> CLOSING --gone-->
 * free
 *         '----refused, late, broken------'--------'------------------------'-------------------^
 *
 * links.c is the table, links_keep.c decides which of them stay, links_refusals.c tells of those that were
 * refused. What is said over them is others' business: they are told when a link is ready, of each message, and
 * once when it is of no use any more.
 */
#ifndef NODE_CLUSTER_LINKS_H
#define NODE_CLUSTER_LINKS_H

#include "node/cluster/cluster.h"
#include "node/cluster/message.h"

enum {
    LINKS_DIAL_MS = 10000,              /* from the dial to the open connection */
    LINKS_IDLE_MS = 30000,              /* nothing either way (of a stranger: no whole message): closed */
    LINKS_STALL_MS = 30000,             /* nothing of a burst has left us: the other end does not read; closed */
    LINKS_END_MS = 10000,               /* for what is still to be sent when a link is closed */
    LINKS_CLOSE_MS = 5000,              /* a close that nobody has confirmed is asked for again */
    LINKS_BURST_BYTES = 64 * 1024,      /* given out at a time, until it has left us */
    LINKS_MESSAGE_BYTES_MAX = 8 << 20,  /* no message of this program is as long */
    LINKS_MEMORY_BYTES_MAX = 512 << 20, /* of all links together */
    LINKS_STRANGER_BYTES_MAX =
        64 << 10,                   /* of a message of who is no member; and of what waits for it, before more */
    LINKS_SHAKING_MAX = 256,        /* that came in and have proved nothing: the oldest goes for the next */
    LINKS_SHAKING_OF_HOST_MAX = 64, /* the same, of one host: nodes may share one, and start together */
    LINKS_OF_NODE_MAX = 2,          /* that came in from one node: the one used, and one to take its place */
    LINKS_SPARE = 32,               /* of those that may come in: when fewer are free, the idlest goes */
    LINKS_REFUSALS_LOGGED = 10,     /* a minute, of those dialled and of those that came in: what knocks at the
                                       port must not fill the log */
    LINKS_COPY_MS = 60000,          /* a copy of ourselves counts for so long: longer than until the next dial */
    LINKS_MAX = LIMITS_LINKS_DIALLED_MAX + LIMITS_LINKS_ACCEPTED_MAX,
};

enum channel_state { CHANNEL_DIALLING, CHANNEL_SHAKING, CHANNEL_READY, CHANNEL_ENDING, CHANNEL_CLOSING };

/* What a dialled link is for. */
enum channel_purpose {
    CHANNEL_FOR_NOTHING,  /* it came in */
    CHANNEL_FOR_EXCHANGE, /* with a member */
    CHANNEL_FOR_FINDING,  /* our cluster, or one to join, at an address of the configuration */
    CHANNEL_FOR_OPERATOR, /* who named the address */
};

struct exchange_state; /* exchange.h: what is under way on one link */

/* A link with all that is known of it. */
struct channel {
    uint32_t number;
    enum channel_state state;
    enum channel_purpose purpose;
    uint32_t peer_index; /* of FOR_FINDING: in the configuration; UINT32_MAX: not from there */
    bool is_retired;     /* its secret is none any more */
    bool is_sending;     /* a burst has not left us yet */
    bool has_spoken;     /* something was sent, which is to arrive */
    bool is_full;        /* of two members of this cluster; else only joining is spoken of */
    bool has_asked;      /* our JOIN_ASK is out */
    bool is_letting_in;  /* the other's JOIN_ASK is with the store */
    bool is_invited;     /* an operator here wants the other in */
    bool is_awaited;     /* an operator here waits for its greeting */
    bool is_unknown;     /* the other has never heard of us, who are a member: we ask to be written down */
    uint64_t used_ms;    /* when something last came or went, or this state began */
    uint64_t burst_ms;   /* when the burst of now was given out */
    uint64_t serial;     /* of this link: its number is used again */
    struct timer timer;
    struct link link;
    struct exchange_state *exchange;     /* NULL: none yet */
    struct arena arena;                  /* the channel lies in it */
    char address[CLUSTER_ADDRESS_BYTES]; /* dialled, or where it came from */
};

/* Whom the links tell. */
struct links_calls {
    void (*on_ready)(struct cluster *cluster, struct channel *channel);
    void (*on_message)(struct cluster *cluster, struct channel *channel, const struct message *message);
    /* The last of it. `why` is for people, NULL when we closed it; the handshake's verdict is link.reason. */
    void (*on_gone)(struct cluster *cluster, struct channel *channel, const char *why);
};

/* Counted apart: of those that came in, of those dialled, and what passes by itself. */
enum links_refusal_sort { LINKS_REFUSAL_IN, LINKS_REFUSAL_DIALLED, LINKS_REFUSAL_PASSING, LINKS_REFUSAL_SORTS };

/* What was said of refusals in this minute. */
struct links_refusals {
    uint64_t since_ms;
    uint32_t counts[LINKS_REFUSAL_SORTS];
    struct links_refusal {
        const char *why;
        uint8_t node_id[LINK_NODE_ID_BYTES];
        char host[CLUSTER_ADDRESS_BYTES];
    } said[LINKS_REFUSAL_SORTS][LINKS_REFUSALS_LOGGED];
};

struct links {
    struct links_calls calls;
    struct channel *channels[LINKS_MAX];
    struct arena_budget budget;
    uint32_t dialled_count, accepted_count;
    uint64_t next_serial;
    struct links_refusals refusals;
    char copy_address[CLUSTER_ADDRESS_BYTES]; /* where a copy of this node was last met… */
    uint64_t copy_ms;                         /* …and when; 0: never (H2) */
    uint64_t unknown_messages;                /* of later programs */
};

bool links_init(struct cluster *cluster, const struct links_calls *calls);
void links_deinit(struct cluster *cluster); /* accepts a cluster without links */

/* EVENT_LINK_…; and a timer of a channel that has come. */
void links_on_event(struct cluster *cluster, const struct event *event);
void links_on_time(struct cluster *cluster, struct timer *timer);

/* Dial. NULL when no number or memory is free. */
struct channel *links_dial(struct cluster *cluster, struct span address, enum channel_purpose purpose);

/* The channel of a number, if it is the one of that serial and still of use; else NULL. */
struct channel *links_find(const struct cluster *cluster, uint32_t number, uint64_t serial);

/* Is it the link of that number and serial? */
static inline bool links_is(const struct channel *channel, uint32_t number, uint64_t serial)
{
    return channel->number == number && channel->serial == serial;
}

/* A ready link of two members to the node, or NULL. */
struct channel *links_to(const struct cluster *cluster, const uint8_t *node_id);

/* Is a dial to the address, or its handshake, under way, or the link there? */
bool links_has_address(const struct cluster *cluster, struct span address);

/* Say something over a ready link. Without memory for it the link is closed: then false. */
bool links_say(struct cluster *cluster, struct channel *channel, enum link_priority priority,
               const struct message *message);

/* It is to be closed with the next step that brings time. Between two steps, too. */
void links_retire(struct cluster *cluster, struct channel *channel);

/* Close it now: `why` is for people. */
void links_drop(struct cluster *cluster, struct channel *channel, const char *why);

/* Close it behind what was said. */
void links_end(struct cluster *cluster, struct channel *channel);

/* The other end sent what no honest node sends (H12): it is named, and the link closed. */
void links_offend(struct cluster *cluster, struct channel *channel, const char *what);

/* The secrets may be others now than `was`: with the next step that brings time, what was made with one that is no
 * longer any is closed behind what was said, and the handshakes under way. Who needs such a link dials again. */
void links_on_secrets(struct cluster *cluster, const struct link_identity *was);

/* A copy of this node's data directory runs at links->copy_address. */
bool links_has_copy(const struct cluster *cluster);

/* Close all of them; none are taken any more (the node is being stopped). */
void links_end_all(struct cluster *cluster);

#endif
