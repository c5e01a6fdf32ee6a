/* Non-blocking TCP. */
#include "tests/bench/connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

static void prepare_next(struct connection *connection, struct work *work)
{
    uint64_t left = connection->learning_left;
    if (connection->is_busy && left > 0) left--; /* the one under way is counted still */
    work_next(work, connection->index, left, &connection->requests[1 - connection->current]);
}

static void watch(struct connection *connection, int epoll, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(epoll, operation, connection->fd, &event) != 0) bench_fail("epoll_ctl: %s", strerror(errno));
}

void connection_open(struct connection *connection, struct work *work, uint32_t index, int epoll)
{
    connection->index = index;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = (const struct sockaddr *)&work->target.address;
    if (connection->fd < 0 || connect(connection->fd, address, sizeof work->target.address) != 0) {
        bench_fail("cannot connect: %s", strerror(errno));
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    connection->learning_left = work_learning_count(work, index);
    watch(connection, epoll, EPOLL_CTL_ADD, EPOLLIN);
    prepare_next(connection, work);
}

/* Step over what was sent. */
static void advance(struct connection *connection, size_t sent)
{
    while (connection->rest_first < connection->rest_count) {
        struct iovec *piece = &connection->rest[connection->rest_first];
        if (sent < piece->iov_len) {
            piece->iov_base = (char *)piece->iov_base + sent;
            piece->iov_len -= sent;
            return;
        }
        sent -= piece->iov_len;
        connection->rest_first++;
    }
}

static void send_rest(struct connection *connection, struct work *work, int epoll)
{
    while (connection->rest_first < connection->rest_count) {
        struct msghdr message = {.msg_iov = connection->rest + connection->rest_first,
                                 .msg_iovlen = connection->rest_count - connection->rest_first};
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            if (!connection->waits_for_room) watch(connection, epoll, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            connection->waits_for_room = true;
            return;
        }
        if (sent < 0) bench_fail("cannot send: %s", strerror(errno));
        advance(connection, (size_t)sent);
    }
    if (connection->waits_for_room) watch(connection, epoll, EPOLL_CTL_MOD, EPOLLIN);
    connection->waits_for_room = false;
    prepare_next(connection, work);
}

void connection_send(struct connection *connection, struct work *work, int epoll, uint64_t since_ns)
{
    connection->current = 1 - connection->current;
    struct request *request = &connection->requests[connection->current];
    work_complete(work, request);
    memcpy(connection->rest, request->pieces, sizeof connection->rest);
    connection->rest_first = 0;
    connection->rest_count = request->pieces_count;
    connection->since_ns = since_ns;
    connection->is_busy = true;
    answer_reset(&connection->answer);
    send_rest(connection, work, epoll);
}

void connection_on_room(struct connection *connection, struct work *work, int epoll)
{
    if (connection->waits_for_room) send_rest(connection, work, epoll);
}

bool connection_on_bytes(struct connection *connection, struct work *work, char *buffer, size_t buffer_bytes)
{
    ssize_t length = recv(connection->fd, buffer, buffer_bytes, 0);
    if (length < 0 && errno == EAGAIN) return false;
    if (length < 0) bench_fail("cannot receive: %s", strerror(errno));
    if (length == 0) bench_fail("the server closed a connection");
    if (!connection->is_busy) bench_fail("the server spoke without being asked");
    size_t taken = answer_take(&connection->answer, work_is_redis(work), buffer, (size_t)length);
    if (connection->answer.state == ANSWER_BAD) bench_fail("an answer cannot be read: %.200s", buffer);
    if (connection->answer.state != ANSWER_DONE) return false;
    if (taken != (size_t)length) bench_fail("the server said more than was asked for");
    work_check(work, &connection->requests[connection->current], &connection->answer);
    connection->is_busy = false;
    return true;
}

bool connection_has_learned(struct connection *connection)
{
    if (!connection->requests[connection->current].is_learning) return false;
    connection->learning_left--;
    return true;
}

void connection_close(struct connection *connection)
{
    close(connection->fd);
    free(connection->requests[0].own);
    free(connection->requests[1].own);
}
