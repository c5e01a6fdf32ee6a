/* One loop, one buffer for all reads, a parser for each connection. */
#include "tests/bench/bare.h"

#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { READ_BYTES = 65536, BACKLOG = 1024, SPANS_MAX = 64, HEAD_BYTES_MAX = 256 };

struct bare {
    uv_loop_t loop;
    uv_tcp_t listener;
    llhttp_settings_t settings;
    char *answer;
    size_t answer_bytes;
    char buffer[READ_BYTES];
};

struct visitor {
    uv_tcp_t tcp; /* first */
    llhttp_t parser;
    struct bare *bare;
    struct {
        const char *at;
        size_t length;
    } spans[SPANS_MAX];
    uint32_t spans_count;
};

/* An answer that did not go out at once. */
struct pending {
    uv_write_t request; /* first */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void visitor_close(struct visitor *visitor)
{
    uv_handle_t *handle = (uv_handle_t *)&visitor->tcp;
    if (!uv_is_closing(handle)) uv_close(handle, on_closed);
}

static void on_written(uv_write_t *request, int status)
{
    if (status < 0) visitor_close((struct visitor *)(void *)request->handle);
    free(request);
}

static int on_span(llhttp_t *parser, const char *at, size_t length)
{
    struct visitor *visitor = parser->data;
    if (visitor->spans_count == SPANS_MAX) return -1;
    visitor->spans[visitor->spans_count].at = at;
    visitor->spans[visitor->spans_count++].length = length;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct visitor *visitor = parser->data;
    struct bare *bare = visitor->bare;
    visitor->spans_count = 0;
    uv_buf_t answer = uv_buf_init(bare->answer, (unsigned int)bare->answer_bytes);
    uv_stream_t *stream = (uv_stream_t *)&visitor->tcp;
    int sent = uv_try_write(stream, &answer, 1);
    if (sent == (int)bare->answer_bytes) return 0;
    if (sent < 0 && sent != UV_EAGAIN) return -1;
    if (sent > 0) {
        answer.base += sent;
        answer.len -= (size_t)sent;
    }
    struct pending *pending = bench_alloc(sizeof *pending);
    return uv_write(&pending->request, stream, &answer, 1, on_written);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct bare *bare = ((struct visitor *)(void *)handle)->bare;
    (void)suggested;
    *buffer = uv_buf_init(bare->buffer, READ_BYTES);
}

static void on_bytes(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct visitor *visitor = (struct visitor *)(void *)stream;
    if (length < 0 || llhttp_execute(&visitor->parser, buffer->base, (size_t)length) != HPE_OK) {
        visitor_close(visitor);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct bare *bare = listener->data;
    if (status < 0) bench_fail("a connection cannot be taken: %s", uv_strerror(status));
    struct visitor *visitor = bench_alloc(sizeof *visitor);
    visitor->bare = bare;
    llhttp_init(&visitor->parser, HTTP_REQUEST, &bare->settings);
    visitor->parser.data = visitor;
    uv_tcp_init(&bare->loop, &visitor->tcp);
    if (uv_accept(listener, (uv_stream_t *)&visitor->tcp) != 0) {
        visitor_close(visitor);
        return;
    }
    uv_tcp_nodelay(&visitor->tcp, 1);
    uv_read_start((uv_stream_t *)&visitor->tcp, on_room, on_bytes);
}

static void make_answer(struct bare *bare, const struct options *options)
{
    char head[HEAD_BYTES_MAX];
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 200 OK\r\ncontent-length: %u\r\nx-filler: ", options->value_bytes);
    size_t least = (size_t)length + 4 + options->value_bytes;
    bare->answer_bytes = options->answer_bytes > least ? options->answer_bytes : least;
    bare->answer = bench_alloc(bare->answer_bytes);
    memset(bare->answer, 'x', bare->answer_bytes);
    memcpy(bare->answer, head, (size_t)length);
    memcpy(bare->answer + bare->answer_bytes - options->value_bytes - 4, "\r\n\r\n", 4);
}

void bare_run(const struct options *options)
{
    struct bare *bare = bench_alloc(sizeof *bare);
    struct sockaddr_in address;
    int length = sizeof address;
    make_answer(bare, options);
    llhttp_settings_init(&bare->settings);
    bare->settings.on_url = on_span;
    bare->settings.on_header_field = on_span;
    bare->settings.on_header_value = on_span;
    bare->settings.on_message_complete = on_complete;
    uv_loop_init(&bare->loop);
    uv_tcp_init(&bare->loop, &bare->listener);
    bare->listener.data = bare;
    uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_bind(&bare->listener, (const struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&bare->listener, BACKLOG, on_connection) != 0 ||
        uv_tcp_getsockname(&bare->listener, (struct sockaddr *)&address, &length) != 0) {
        bench_fail("cannot listen on loopback");
    }
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    uv_run(&bare->loop, UV_RUN_DEFAULT);
}
