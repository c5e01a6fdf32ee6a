/* The network between the nodes of a world: datagrams that are late, lost, repeated and out of order; connections
 * that stall when the way is cut and break when it stays cut; addresses that go from one machine to another.
 *
 * It knows hosts by number and carries bytes; what they mean it does not know. Everything it will do lies in the
 * world's queue; what it does is told through network_calls.
 *
 * A connection, as TCP has it:
 *
 *     dial --there and not cut--> both ends are open      nobody listens: refused; cut: times out
 *     bytes arrive in order, in pieces; while the way is cut they wait and are tried again
 *     cut for longer than link_patience_us: who sends sees it break; who only listens sees nothing
 *     an end that is gone (closed, or its host died) answers bytes with a reset
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "node/base/prng.h"
#include "node/core/limits.h"
#include "sim/queue.h"
#include "sim/trace.h"

enum {
    NETWORK_HOSTS_MAX = 1024,
    NETWORK_SITES_MAX = 16,
    NETWORK_ADDRESSES_MAX = 1 << 16,
    NETWORK_ADDRESS_BYTES = 32,        /* "10.0.3.7:3901" and its NUL */
    NETWORK_BUFFER_BYTES = 256 * 1024, /* of a connection's sender: more than that has not left it */
    NETWORK_LINKS = LIMITS_LINKS_DIALLED_MAX + LIMITS_LINKS_ACCEPTED_MAX, /* of a host */
};

/* Of a run. Chances are per mille of the datagrams. */
struct network_settings {
    uint64_t near_us;         /* one way, inside a site */
    uint64_t far_us;          /* between two sites */
    uint32_t jitter_per_cent; /* a way takes up to so much longer, each time anew */
    uint32_t loss;
    uint32_t repeat;
    uint32_t late;             /* comes later than what was sent after it */
    uint64_t late_us;          /* up to so much later */
    uint64_t far_bytes_per_s;  /* of each connection between sites; 0: no bound */
    uint64_t link_patience_us; /* how long bytes are tried again */
    bool cuts_bytes;           /* what is written at once arrives in pieces of any length */
};

/* What the network tells. Called while it is told of a happening, never from inside network_send() and the like.
 * Bytes are borrowed for the call. */
struct network_calls {
    void (*on_datagram)(void *owner, uint32_t host, struct span bytes, struct span from);
    void (*on_open)(void *owner, uint32_t host, uint32_t link, struct span remote);
    void (*on_bytes)(void *owner, uint32_t host, uint32_t link, struct span bytes);
    void (*on_sent)(void *owner, uint32_t host, uint32_t link);
    void (*on_gone)(void *owner, uint32_t host, uint32_t link, const char *why); /* NULL: it closed it itself */
    void *owner;
};

enum network_host_state {
    NETWORK_UP,
    NETWORK_CLOSED, /* the machine runs, the program does not: it refuses */
    NETWORK_DARK,   /* the machine is off: it says nothing */
};

struct network_counts {
    uint64_t datagrams, datagram_bytes;
    uint64_t lost, repeated, late;
    uint64_t cut;    /* datagrams a cut swallowed */
    uint64_t nobody; /* datagrams to an address that nobody has, or whose host is down */
    uint64_t dials, dials_failed, opened;
    uint64_t link_bytes;
    uint64_t stalls; /* bytes of a connection that waited at a cut */
    uint64_t broken; /* ends that saw their connection break */
};

struct network_link;
struct network_host;

struct network {
    struct network_settings settings;
    struct network_calls calls;
    struct queue *queue;
    struct trace *trace;
    struct prng prng;
    struct network_host *hosts;
    uint32_t hosts_count;
    uint32_t *address_hosts; /* by address: which host has it, UINT32_MAX for none */
    uint32_t addresses_count;
    uint8_t *cuts; /* from * NETWORK_HOSTS_MAX + to: how many faults cut this way */
    struct network_link *links;
    struct network_counts counts;
    uint64_t now_us;
};

/* `queue` and `trace` outlive it. */
void network_init(struct network *network, const struct network_settings *settings,
                  const struct network_calls *calls, struct queue *queue, struct trace *trace, uint64_t seed);
/* The queue holds nothing of the network any more, or is never run again. */
void network_deinit(struct network *network);

/* A new host in a site (below NETWORK_SITES_MAX), with a new address; down until network_set_host(). Returns its
 * number, from 0. */
uint32_t network_add_host(struct network *network, uint32_t site);
uint32_t network_site(const struct network *network, uint32_t host);

/* Up or down. Going down all its connections end, which the host itself is not told; others are told by a reset
 * when the host is CLOSED, and by silence when it is DARK. */
void network_set_host(struct network *network, uint64_t now_us, uint32_t host, enum network_host_state state);

/* The address of a host, NUL-terminated, until it has another one. Its name, which stays, is "node-NUMBER:3901":
 * it means the address that the host has when somebody asks. */
const char *network_address(const struct network *network, uint32_t host);
/* Give the host a new address that nobody had, or the one that `former` (another host, which is down) has, who
 * gets a new one. UINT32_MAX for none. */
void network_readdress(struct network *network, uint32_t host, uint32_t former);

/* Cut the way from one host to another, or undo one such cut. Cuts add up. */
void network_cut(struct network *network, uint32_t from, uint32_t to);
void network_heal(struct network *network, uint32_t from, uint32_t to);
void network_heal_all(struct network *network);
bool network_is_cut(const struct network *network, uint32_t from, uint32_t to);

/* What a host does. `now_us` is the world's time. Bytes are copied. */
void network_datagram(struct network *network, uint64_t now_us, uint32_t host, struct span to, struct span bytes);
/* `link` is below LIMITS_LINKS_DIALLED_MAX and free (asserted); on_open or on_gone follows. */
void network_dial(struct network *network, uint64_t now_us, uint32_t host, uint32_t link, struct span to);
/* For a link that is gone already: nothing. on_sent follows. */
void network_send(struct network *network, uint64_t now_us, uint32_t host, uint32_t link, struct span bytes);
/* What was sent is still carried; on_gone follows. */
void network_close(struct network *network, uint64_t now_us, uint32_t host, uint32_t link);

/* A happening of the network has its turn. */
void network_step(struct network *network, const struct happening *happening);

/* How many connections are there, half-open ones included. */
uint32_t network_links_count(const struct network *network);

#endif
