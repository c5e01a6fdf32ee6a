/* A connection of the generator: one request outstanding at most, the next one made while the server works. */
#ifndef TESTS_BENCH_CONNECTION_H
#define TESTS_BENCH_CONNECTION_H

#include "tests/bench/work.h"

struct connection {
    int fd;
    uint32_t index;
    bool is_busy;
    bool waits_for_room;    /* the kernel took only a part; EPOLLOUT is awaited */
    uint64_t learning_left; /* requests that only learn tokens, the one under way included */
    uint64_t since_ns;      /* when the request under way was due; what its latency is counted from */
    struct request requests[2];
    uint32_t current; /* of the two: the other is the next */
    struct iovec rest[WORK_PIECES_MAX];
    uint32_t rest_first;
    uint32_t rest_count;
    struct answer answer;
};

/* Connect, wait for it, and make the first request. Ends the process when that fails. */
void connection_open(struct connection *connection, struct work *work, uint32_t index, int epoll);

/* Send the next request. */
void connection_send(struct connection *connection, struct work *work, int epoll, uint64_t since_ns);

/* Send what is left of it. */
void connection_on_room(struct connection *connection, struct work *work, int epoll);

/* Read once; true when the answer is complete (and right: a wrong one ends the process). */
bool connection_on_bytes(struct connection *connection, struct work *work, char *buffer, size_t buffer_bytes);

/* Close it and free what it made. */
void connection_close(struct connection *connection);

/* Was the answer that just came only for a token? Call once an answer. */
bool connection_has_learned(struct connection *connection);

#endif
