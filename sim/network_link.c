/* A connection is two ends and two pipes; a pipe is the bytes on the way from one end to the other. */
#include "sim/network_link.h"

#include "sim/dice.h"
#include "sim/table.h"

#include <assert.h>
#include <stdlib.h>

enum {
    CONNECT_TIMEOUT_US = 10 * 1000 * 1000, /* to where nothing answers */
    RETRY_FIRST_US = 200 * 1000,           /* as TCP: doubled each time… */
    RETRY_LAST_US = 5 * 1000 * 1000,       /* …up to here */
    LEAVE_US = 20,                         /* into the buffer of the machine */
};

struct segment {
    struct segment *next;
    uint64_t arrives_us;
    size_t length;
    size_t taken; /* bytes of it that have arrived */
    uint8_t bytes[];
};

enum end_state {
    END_NONE,    /* not there yet, or not any more */
    END_DIALLED, /* waits for the answer */
    END_OPEN,
    END_CLOSING, /* closed by its host, who has not been told yet */
};

struct end {
    uint32_t host;
    uint32_t number;
    enum end_state state;
    bool is_leaving; /* a HAPPENING_SENT is on its way */
    bool wants_sent; /* it is owed one */
};

/* From ends[i] to ends[1 - i]. */
struct pipe {
    struct segment *first;
    struct segment **last;
    size_t bytes;
    uint64_t wire_free_us; /* of a slow way */
    uint64_t arrived_us;   /* nothing overtakes */
    uint64_t stalled_since_us;
    uint64_t retry_us;
    bool is_armed; /* a HAPPENING_PIPE is on its way */
    bool has_end;  /* behind the last byte */
};

struct network_link {
    struct network_link *next;
    struct network_link *previous;
    uint32_t number;  /* for the trace */
    uint32_t pending; /* happenings that point here */
    uint32_t address; /* that was dialled */
    struct end ends[2];
    struct pipe pipes[2];
};

/* --- life ----------------------------------------------------------------------------------------------- */

static void pipe_empty(struct pipe *pipe)
{
    while (pipe->first != NULL) {
        struct segment *segment = pipe->first;
        pipe->first = segment->next;
        free(segment);
    }
    pipe->last = &pipe->first;
    pipe->bytes = 0;
    pipe->has_end = false;
}

static void link_free(struct network *network, struct network_link *link)
{
    pipe_empty(&link->pipes[0]);
    pipe_empty(&link->pipes[1]);
    if (link->previous != NULL) {
        link->previous->next = link->next;
    } else {
        network->links = link->next;
    }
    if (link->next != NULL) link->next->previous = link->previous;
    free(link);
}

void network_link_free_all(struct network *network)
{
    while (network->links != NULL)
        link_free(network, network->links);
}

/* A happening that pointed to it is over. */
static void link_release(struct network *network, struct network_link *link)
{
    assert(link->pending > 0);
    link->pending--;
    if (link->pending == 0 && link->ends[0].state == END_NONE && link->ends[1].state == END_NONE)
        link_free(network, link);
}

static struct network_link **slot_of(struct network *network, uint32_t host, uint32_t number)
{
    struct network_host *at = &network->hosts[host];
    assert(number < NETWORK_LINKS);
    if (at->links == NULL) {
        at->links = table_take(NULL, NETWORK_LINKS * sizeof *at->links);
        memset(at->links, 0, NETWORK_LINKS * sizeof *at->links);
    }
    return &at->links[number];
}

static void put(struct network *network, struct network_link *link, enum happening_kind kind, int side,
                uint64_t in_us)
{
    link->pending++;
    queue_put(network->queue, (struct happening){.time_us = network->now_us + in_us,
                                                 .kind = kind,
                                                 .node = link->ends[side].host,
                                                 .value = (uint64_t)side,
                                                 .thing = link});
}

/* The host is told, and the number is free. */
static void end_gone(struct network *network, struct network_link *link, int side, const char *why)
{
    struct end *end = &link->ends[side];
    assert(end->state != END_NONE);
    *slot_of(network, end->host, end->number) = NULL;
    end->state = END_NONE;
    trace_say(network->trace, TRACE_DECISION, network->now_us, end->host, "link_gone",
              "link=%u number=%u why=\"%s\"", link->number, end->number, why == NULL ? "closed" : why);
    network->calls.on_gone(network->calls.owner, end->host, end->number, why);
}

/* The end sees its connection break. Nothing more comes from it. */
static void end_break(struct network *network, struct network_link *link, int side, const char *why)
{
    if (link->ends[side].state == END_NONE) return;
    if (link->ends[side].state == END_CLOSING) return; /* its HAPPENING_CLOSED comes anyhow */
    network->counts.broken++;
    pipe_empty(&link->pipes[side]);
    end_gone(network, link, side, why);
}

uint32_t network_links_count(const struct network *network)
{
    uint32_t count = 0;
    for (const struct network_link *link = network->links; link != NULL; link = link->next)
        count++;
    return count;
}

/* --- bytes ---------------------------------------------------------------------------------------------- */

static void pipe_arm(struct network *network, struct network_link *link, int side)
{
    struct pipe *pipe = &link->pipes[side];
    if (pipe->is_armed || (pipe->first == NULL && !pipe->has_end)) return;
    uint64_t at_us = pipe->first == NULL ? pipe->arrived_us : pipe->first->arrives_us;
    pipe->is_armed = true;
    put(network, link, HAPPENING_PIPE, side, at_us > network->now_us ? at_us - network->now_us : 0);
}

/* When what is sent now arrives: behind all before, and as slow as the way is. */
static uint64_t pipe_arrival_us(struct network *network, struct network_link *link, int side, size_t bytes)
{
    struct pipe *pipe = &link->pipes[side];
    uint32_t from = link->ends[side].host;
    uint32_t to = link->ends[1 - side].host;
    bool is_far = network->hosts[from].site != network->hosts[to].site;
    uint64_t bytes_per_s = is_far ? network->settings.far_bytes_per_s : 0;
    uint64_t leaves_us = pipe->wire_free_us > network->now_us ? pipe->wire_free_us : network->now_us;
    if (bytes_per_s > 0) leaves_us += bytes * UINT64_C(1000000) / bytes_per_s;
    pipe->wire_free_us = leaves_us;
    uint64_t arrives_us = leaves_us + network_way_us(network, from, to);
    if (arrives_us < pipe->arrived_us) arrives_us = pipe->arrived_us;
    pipe->arrived_us = arrives_us;
    return arrives_us;
}

static void owe_sent(struct network *network, struct network_link *link, int side)
{
    struct end *end = &link->ends[side];
    end->wants_sent = true;
    if (end->is_leaving || link->pipes[side].bytes > NETWORK_BUFFER_BYTES) return;
    end->is_leaving = true;
    put(network, link, HAPPENING_SENT, side, LEAVE_US);
}

static struct network_link *find(struct network *network, uint32_t host, uint32_t number, int *side)
{
    if (network->hosts[host].links == NULL) return NULL;
    struct network_link *link = *slot_of(network, host, number);
    if (link == NULL) return NULL;
    *side = link->ends[0].state != END_NONE && link->ends[0].host == host && link->ends[0].number == number ? 0
                                                                                                            : 1;
    return link;
}

void network_send(struct network *network, uint64_t now_us, uint32_t host, uint32_t link_number, struct span bytes)
{
    int side = 0;
    struct network_link *link = find(network, host, link_number, &side);
    network->now_us = now_us;
    if (link == NULL || link->ends[side].state != END_OPEN) return;
    struct pipe *pipe = &link->pipes[side];
    if (bytes.length > 0) {
        struct segment *segment = table_take(NULL, sizeof *segment + bytes.length);
        *segment = (struct segment){.arrives_us = pipe_arrival_us(network, link, side, bytes.length),
                                    .length = bytes.length};
        memcpy(segment->bytes, bytes.bytes, bytes.length);
        *pipe->last = segment;
        pipe->last = &segment->next;
        pipe->bytes += bytes.length;
        network->counts.link_bytes += bytes.length;
        trace_mix(network->trace, bytes);
    }
    trace_say(network->trace, TRACE_PACKET, now_us, host, "link_send", "link=%u bytes=%zu", link->number,
              bytes.length);
    pipe_arm(network, link, side);
    owe_sent(network, link, side);
}

/* Is there a way to the other end just now? */
static bool is_way(const struct network *network, const struct network_link *link, int side)
{
    uint32_t from = link->ends[side].host;
    uint32_t to = link->ends[1 - side].host;
    return !network_is_cut(network, from, to) && network->hosts[to].state != NETWORK_DARK;
}

/* The way is cut: try again, or give up. */
static void pipe_stall(struct network *network, struct network_link *link, int side)
{
    struct pipe *pipe = &link->pipes[side];
    if (pipe->stalled_since_us == 0) {
        pipe->stalled_since_us = network->now_us;
        pipe->retry_us = RETRY_FIRST_US;
        network->counts.stalls++;
    }
    if (network->now_us - pipe->stalled_since_us >= network->settings.link_patience_us) {
        pipe_empty(pipe);
        end_break(network, link, side, "timed out");
        return;
    }
    pipe->is_armed = true;
    put(network, link, HAPPENING_PIPE, side, pipe->retry_us);
    pipe->retry_us = 2 * pipe->retry_us < RETRY_LAST_US ? 2 * pipe->retry_us : RETRY_LAST_US;
}

/* The other end is not there: whoever sends is told so, if that comes through. */
static void reset(struct network *network, struct network_link *link, int side)
{
    pipe_empty(&link->pipes[side]);
    if (link->ends[side].state == END_NONE) return;
    put(network, link, HAPPENING_RESET, side,
        network_way_us(network, link->ends[1 - side].host, link->ends[side].host));
}

/* Take the first bytes out of the pipe: a segment, or a part of one. */
static struct segment *pipe_take(struct network *network, struct pipe *pipe, struct span *bytes)
{
    struct segment *segment = pipe->first;
    size_t left = segment->length - segment->taken;
    size_t length = left;
    if (network->settings.cuts_bytes && left > 1 && dice_chance(&network->prng, 300))
        length = 1 + (size_t)dice_below(&network->prng, left);
    *bytes = span_of(segment->bytes + segment->taken, length);
    segment->taken += length;
    pipe->bytes -= length;
    if (segment->taken < segment->length) {
        segment->arrives_us = network->now_us + 1 + dice_below(&network->prng, 1000);
        if (pipe->arrived_us < segment->arrives_us) pipe->arrived_us = segment->arrives_us;
        return NULL;
    }
    pipe->first = segment->next;
    if (pipe->first == NULL) pipe->last = &pipe->first;
    return segment;
}

static void pipe_deliver(struct network *network, struct network_link *link, int side)
{
    struct pipe *pipe = &link->pipes[side];
    struct end *to = &link->ends[1 - side];
    struct span bytes;
    struct segment *done = pipe_take(network, pipe, &bytes);
    uint8_t *copy = table_take(NULL, bytes.length);
    memcpy(copy, bytes.bytes, bytes.length); /* the call may close the connection and empty the pipe */
    free(done);
    if (link->ends[side].wants_sent) owe_sent(network, link, side);
    pipe_arm(network, link, side);
    network->calls.on_bytes(network->calls.owner, to->host, to->number, span_of(copy, bytes.length));
    free(copy);
}

static void on_pipe(struct network *network, struct network_link *link, int side)
{
    struct pipe *pipe = &link->pipes[side];
    int other = 1 - side;
    pipe->is_armed = false;
    if (pipe->first == NULL && !pipe->has_end) return;
    if (!is_way(network, link, side)) {
        pipe_stall(network, link, side);
        return;
    }
    pipe->stalled_since_us = 0;
    if (link->ends[other].state == END_DIALLED) return; /* overtook the answer to the dial, which arms the pipe */
    if (link->ends[other].state != END_OPEN) {
        reset(network, link, side);
    } else if (pipe->first != NULL) {
        pipe_deliver(network, link, side);
    } else {
        pipe->has_end = false;
        pipe_empty(&link->pipes[other]);
        end_gone(network, link, other, "closed by the other end");
    }
}

static void on_sent(struct network *network, struct network_link *link, int side)
{
    struct end *end = &link->ends[side];
    end->is_leaving = false;
    if (end->state != END_OPEN || !end->wants_sent) return;
    end->wants_sent = false;
    network->calls.on_sent(network->calls.owner, end->host, end->number);
}

/* --- opening -------------------------------------------------------------------------------------------- */

void network_dial(struct network *network, uint64_t now_us, uint32_t host, uint32_t number, struct span to)
{
    assert(number < LIMITS_LINKS_DIALLED_MAX && *slot_of(network, host, number) == NULL);
    struct network_link *link = table_take(NULL, sizeof *link);
    network->now_us = now_us;
    *link = (struct network_link){.number = (uint32_t)++network->counts.dials, .next = network->links};
    if (link->next != NULL) link->next->previous = link;
    network->links = link;
    *slot_of(network, host, number) = link;
    link->ends[0] = (struct end){.host = host, .number = number, .state = END_DIALLED};
    link->ends[1] = (struct end){.host = host};
    link->pipes[0].last = &link->pipes[0].first;
    link->pipes[1].last = &link->pipes[1].first;
    bool is_known = network_find_address(network, to, &link->address);
    uint32_t target = is_known ? network->address_hosts[link->address] : UINT32_MAX;
    trace_say(network->trace, TRACE_DECISION, now_us, host, "dial", "link=%u number=%u to=%.*s", link->number,
              number, (int)to.length, (const char *)to.bytes);
    if (target == UINT32_MAX) {
        put(network, link, HAPPENING_ACCEPTED, 0, network->settings.near_us); /* no way there */
        return;
    }
    link->ends[1].host = target;
    put(network, link, HAPPENING_DIALLED, 0, network_way_us(network, host, target));
}

static bool find_accepted(struct network *network, uint32_t host, uint32_t *number)
{
    for (uint32_t at = LIMITS_LINKS_DIALLED_MAX; at < NETWORK_LINKS; at++) {
        if (*slot_of(network, host, at) != NULL) continue;
        *number = at;
        return true;
    }
    return false;
}

/* The dialler's first bytes are there. */
static void on_dialled(struct network *network, struct network_link *link)
{
    struct end *listener = &link->ends[1];
    if (link->ends[0].state != END_DIALLED) return; /* it has changed its mind, or died */
    bool is_there = network->address_hosts[link->address] == listener->host;
    uint32_t from = link->ends[0].host;
    bool is_silent = !is_there || network->hosts[listener->host].state == NETWORK_DARK ||
                     network_is_cut(network, from, listener->host) ||
                     network_is_cut(network, listener->host, from);
    if (is_silent) {
        put(network, link, HAPPENING_ACCEPTED, 0, CONNECT_TIMEOUT_US);
        return;
    }
    put(network, link, HAPPENING_ACCEPTED, 0, network_way_us(network, listener->host, from));
    if (network->hosts[listener->host].state != NETWORK_UP ||
        !find_accepted(network, listener->host, &listener->number)) {
        return;
    }
    listener->state = END_OPEN;
    *slot_of(network, listener->host, listener->number) = link;
    network->counts.opened++;
    trace_say(network->trace, TRACE_DECISION, network->now_us, listener->host, "link_open",
              "link=%u number=%u from=%s", link->number, listener->number, network->hosts[from].address_text);
    network->calls.on_open(network->calls.owner, listener->host, listener->number,
                           span_text(network->hosts[from].address_text));
}

/* The dialler hears what came of it. */
static void on_accepted(struct network *network, struct network_link *link)
{
    struct end *dialler = &link->ends[0];
    if (dialler->state != END_DIALLED) return;
    if (link->ends[1].state == END_NONE && link->pipes[1].first == NULL && !link->pipes[1].has_end) {
        network->counts.dials_failed++;
        end_gone(network, link, 0, "cannot connect");
        return;
    }
    dialler->state = END_OPEN;
    trace_say(network->trace, TRACE_DECISION, network->now_us, dialler->host, "link_open", "link=%u number=%u",
              link->number, dialler->number);
    pipe_arm(network, link, 1);
    network->calls.on_open(network->calls.owner, dialler->host, dialler->number,
                           span_text(network->hosts[link->ends[1].host].address_text));
}

/* --- closing -------------------------------------------------------------------------------------------- */

void network_close(struct network *network, uint64_t now_us, uint32_t host, uint32_t number)
{
    int side = 0;
    struct network_link *link = find(network, host, number, &side);
    network->now_us = now_us;
    if (link == NULL || link->ends[side].state == END_CLOSING) return;
    bool was_open = link->ends[side].state == END_OPEN;
    link->ends[side].state = END_CLOSING;
    if (was_open) {
        link->pipes[side].has_end = true;
        if (link->pipes[side].arrived_us < now_us)
            link->pipes[side].arrived_us = pipe_arrival_us(network, link, side, 0);
        pipe_arm(network, link, side);
    }
    put(network, link, HAPPENING_CLOSED, side, LEAVE_US);
}

static void on_closed(struct network *network, struct network_link *link, int side)
{
    if (link->ends[side].state == END_CLOSING) end_gone(network, link, side, NULL);
}

static void on_reset(struct network *network, struct network_link *link, int side)
{
    uint32_t from = link->ends[1 - side].host;
    if (network_is_cut(network, from, link->ends[side].host)) return;
    end_break(network, link, side, "connection reset");
}

static void link_lose_end(struct network *network, struct network_link *link, int side, bool tells)
{
    struct end *end = &link->ends[side];
    if (end->state == END_NONE) return;
    *slot_of(network, end->host, end->number) = NULL;
    end->state = END_NONE;
    pipe_empty(&link->pipes[side]);
    pipe_empty(&link->pipes[1 - side]);
    if (tells) reset(network, link, 1 - side);
}

void network_link_host_down(struct network *network, uint32_t host)
{
    bool tells = network->hosts[host].state == NETWORK_CLOSED;
    struct network_link *next = NULL;
    for (struct network_link *link = network->links; link != NULL; link = next) {
        next = link->next;
        link->pending++;
        for (int side = 0; side < 2; side++) {
            if (link->ends[side].host == host) link_lose_end(network, link, side, tells);
        }
        link_release(network, link);
    }
}

void network_link_step(struct network *network, const struct happening *happening)
{
    struct network_link *link = happening->thing;
    int side = (int)happening->value;
    switch (happening->kind) {
    case HAPPENING_DIALLED: on_dialled(network, link); break;
    case HAPPENING_ACCEPTED: on_accepted(network, link); break;
    case HAPPENING_PIPE: on_pipe(network, link, side); break;
    case HAPPENING_SENT: on_sent(network, link, side); break;
    case HAPPENING_CLOSED: on_closed(network, link, side); break;
    case HAPPENING_RESET: on_reset(network, link, side); break;
    case HAPPENING_DEADLINE:
    case HAPPENING_READ:
    case HAPPENING_COMMIT:
    case HAPPENING_STORED:
    case HAPPENING_START:
    case HAPPENING_RESTART:
    case HAPPENING_DISK_FAILED:
    case HAPPENING_REQUEST:
    case HAPPENING_DATAGRAM:
    case HAPPENING_FAULT:
    case HAPPENING_UNDO:
    case HAPPENING_CHECK: assert(false); break;
    }
    link_release(network, link);
}
