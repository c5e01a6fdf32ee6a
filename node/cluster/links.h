/* The links to other nodes: a table by number, from the dial to the last byte.
 *
 *     DIALLING --open--> SHAKING --handshake--> READY --closed in order--> ENDING --all sent--> CLOSING --gone-->
 * free
 *         '----refused, late, broken------'--------'------------------------'-------------------^
 *
 * What is said over them is others' business: they are told when a link is ready, of each message, and once when
 * it is of no use any more.
 */
#ifndef NODE_CLUSTER_LINKS_H
#define NODE_CLUSTER_LINKS_H

#include "node/cluster/cluster.h"
#include "node/cluster/message.h"

enum {
    LINKS_DIAL_MS = 10000,              /* from the dial to the open connection */
    LINKS_IDLE_MS = 30000,              /* without a message either way: closed */
    LINKS_END_MS = 10000,               /* for what is still to be sent when a link is closed */
    LINKS_BURST_BYTES = 64 * 1024,      /* given out at a time, until it has left us */
    LINKS_MESSAGE_BYTES_MAX = 8 << 20,  /* no message of this program is as long */
    LINKS_MEMORY_BYTES_MAX = 512 << 20, /* of all links together */
    LINKS_REFUSALS_LOGGED = 10,         /* a minute: what knocks at the port must not fill the log */
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
    bool is_sending;     /* a burst has not left us yet */
    bool is_full;        /* of two members of this cluster; else only joining is spoken of */
    bool has_asked;      /* our JOIN_ASK is out */
    bool is_letting_in;  /* the other's JOIN_ASK is with the store */
    bool is_invited;     /* an operator here wants the other in */
    uint64_t used_ms;    /* when a message last came or went */
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

struct links {
    struct links_calls calls;
    struct channel *channels[LINKS_MAX];
    struct arena_budget budget;
    uint32_t dialled_count, accepted_count;
    uint64_t next_serial;
    uint64_t refusals_since_ms; /* the minute that is counted */
    uint32_t refusals_count;
    uint64_t unknown_messages; /* of later programs */
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

/* Close it behind what was said. */
void links_end(struct cluster *cluster, struct channel *channel);

/* Say why, and close. */
void links_refuse(struct cluster *cluster, struct channel *channel, enum message_reason reason, const char *text);

/* The other end sent what no honest node sends (H12): it is named, and the link closed. */
void links_offend(struct cluster *cluster, struct channel *channel, const char *what);

/* Close all of them; none are taken any more (the node is being stopped). */
void links_end_all(struct cluster *cluster);

#endif
