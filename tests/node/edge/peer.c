/* Links and datagrams over real sockets: two ends in one loop, and what each is told. */
#include "tests/lib/check.h"

#include "node/edge/peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TEXT_BYTES = 4096,
    DIALLED = 7, /* a number as the node would choose it */
    MANY_BYTES = 8 << 20,
};

/* A node that writes down what it is told. */
struct end {
    uv_loop_t *uv;
    struct log log;
    struct port port;
    struct peers peers;
    char buffer[4096];
    char told[TEXT_BYTES]; /* "open 512;" "bytes 7 hello;" … */
    size_t bytes_count;    /* of links, all together */
    uint32_t sum;          /* of these */
    uint32_t gone_count;
    bool is_brief; /* bytes are counted, not written down */
    char address[CONFIG_ADDRESS_BYTES];
};

__attribute__((format(printf, 2, 3))) static void note(struct end *end, const char *format, ...)
{
    size_t length = strlen(end->told);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(end->told + length, sizeof end->told - length, format, arguments);
    va_end(arguments);
}

static void on_event(void *self, struct event *event)
{
    struct end *end = self;
    uint32_t number = event->link.number;
    switch (event->kind) {
    case EVENT_LINK_OPEN: note(end, "open %u;", (unsigned)number); break;
    case EVENT_LINK_SENT: note(end, "sent %u;", (unsigned)number); break;
    case EVENT_LINK_GONE:
        end->gone_count++;
        note(end, "gone %u%s;", (unsigned)number, event->link.why == NULL ? "" : " why");
        break;
    case EVENT_LINK_BYTES:
        end->bytes_count += event->link.bytes.length;
        for (size_t i = 0; i < event->link.bytes.length; i++)
            end->sum = end->sum * 31 + event->link.bytes.bytes[i];
        if (!end->is_brief)
            note(end, "bytes %u %.*s;", (unsigned)number, (int)event->link.bytes.length,
                 (const char *)event->link.bytes.bytes);
        break;
    case EVENT_DATAGRAM:
        assert_true(config_peer_is_address(event->datagram.from));
        note(end, "datagram %.*s;", (int)event->datagram.bytes.length, (const char *)event->datagram.bytes.bytes);
        break;
    case EVENT_START:
    case EVENT_REQUEST:
    case EVENT_BODY:
    case EVENT_SENT:
    case EVENT_GONE:
    case EVENT_STORED:
    case EVENT_TIME:
    case EVENT_DRAIN: fail();
    }
}

static struct end *end_open(uv_loop_t *uv, const char *listen)
{
    struct end *end = calloc(1, sizeof *end);
    struct config_address address;
    char message[CONFIG_MESSAGE_BYTES];
    assert_non_null(end);
    end->uv = uv;
    log_init(&end->log, STDERR_FILENO, LOG_LEVEL_ERROR);
    assert_true(config_address_decode(listen, &address));
    assert_ok(port_open(&end->port, &address, true, message));
    const struct peers_owner owner = {.uv = uv,
                                      .log = &end->log,
                                      .buffer = end->buffer,
                                      .buffer_bytes = sizeof end->buffer,
                                      .on_event = on_event,
                                      .self = end};
    assert_ok(peers_open(&end->peers, &owner, &end->port, message));
    assert_ok(peers_start(&end->peers, message));
    config_address_encode(&end->port.address, end->port.address.port, end->address);
    return end;
}

struct pair {
    uv_loop_t uv;
    struct end *here, *there;
};

static void pair_open(struct pair *pair)
{
    assert_int_equal(uv_loop_init(&pair->uv), 0);
    pair->here = end_open(&pair->uv, "127.0.0.1:0");
    pair->there = end_open(&pair->uv, "127.0.0.1:0");
}

/* Close both, whatever they are doing, and let nothing of them be left. */
static void pair_close(struct pair *pair)
{
    struct end *ends[] = {pair->here, pair->there};
    for (int i = 0; i < 2; i++) {
        peers_close(&ends[i]->peers);
        peers_close(&ends[i]->peers);
        port_close(&ends[i]->port);
    }
    uv_run(&pair->uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&pair->uv), 0);
    free(pair->here);
    free(pair->there);
}

static void turn(struct pair *pair)
{
    uv_run(&pair->uv, UV_RUN_ONCE);
    while (peers_have_news(&pair->here->peers))
        peers_tell(&pair->here->peers);
    while (peers_have_news(&pair->there->peers))
        peers_tell(&pair->there->peers);
}

static void wait_for(struct pair *pair, const struct end *end, const char *told)
{
    while (strstr(end->told, told) == NULL)
        turn(pair);
}

static void dial(struct end *end, uint32_t number, const char *address)
{
    struct effect effect = {.kind = EFFECT_LINK_DIAL};
    effect.peer.number = number;
    effect.peer.address = span_text(address);
    peers_carry_out(&end->peers, &effect);
}

static void send_link(struct end *end, uint32_t number, struct span bytes)
{
    struct effect effect = {.kind = EFFECT_LINK_SEND};
    effect.peer.number = number;
    effect.peer.bytes = bytes;
    peers_carry_out(&end->peers, &effect);
}

static void close_link(struct end *end, uint32_t number)
{
    struct effect effect = {.kind = EFFECT_LINK_CLOSE};
    effect.peer.number = number;
    peers_carry_out(&end->peers, &effect);
}

static void send_datagram(struct end *end, const char *address, struct span bytes)
{
    struct effect effect = {.kind = EFFECT_DATAGRAM};
    effect.datagram.address = span_text(address);
    effect.datagram.bytes = bytes;
    peers_carry_out(&end->peers, &effect);
}

static void a_link_carries_bytes_both_ways_and_ends_in_order(void **state)
{
    (void)state;
    struct pair pair;
    pair_open(&pair);
    dial(pair.here, DIALLED, pair.there->address);
    assert_string_equal(pair.here->told, ""); /* never within the step */
    wait_for(&pair, pair.here, "open 7;");
    wait_for(&pair, pair.there, "open 512;");
    send_link(pair.here, DIALLED, span_text("hello"));
    wait_for(&pair, pair.here, "sent 7;");
    wait_for(&pair, pair.there, "bytes 512 hello;");
    send_link(pair.there, LIMITS_LINKS_DIALLED_MAX, span_text("sea"));
    wait_for(&pair, pair.here, "bytes 7 sea;");
    send_link(pair.here, DIALLED, span_text("last"));
    close_link(pair.here, DIALLED);
    close_link(pair.here, DIALLED);
    send_link(pair.here, DIALLED, span_text("too late"));
    wait_for(&pair, pair.there, "bytes 512 last;gone 512 why;");
    wait_for(&pair, pair.here, "gone 7;");
    assert_null(strstr(pair.there->told, "late"));

    dial(pair.here, DIALLED, pair.there->address); /* both numbers are free again */
    wait_for(&pair, pair.there, "gone 512 why;open 512;");
    pair_close(&pair);
}

/* Without a word of the other end: its number is free before anything else happens. */
static void a_link_is_closed_at_once(void **state)
{
    (void)state;
    struct pair pair;
    struct effect effect = {.kind = EFFECT_LINK_CLOSE};
    pair_open(&pair);
    dial(pair.here, DIALLED, pair.there->address);
    wait_for(&pair, pair.there, "open 512;");
    effect.peer.number = LIMITS_LINKS_DIALLED_MAX;
    effect.peer.is_at_once = true;
    peers_carry_out(&pair.there->peers, &effect);
    assert_string_equal(pair.there->told, "open 512;"); /* never within the step */
    while (peers_have_news(&pair.there->peers))
        peers_tell(&pair.there->peers);
    assert_string_equal(pair.there->told, "open 512;gone 512;");
    wait_for(&pair, pair.here, "gone 7 why;");
    pair_close(&pair);
}

/* More than a socket takes: the rest waits, is told to have left, and arrives as it was. */
static void what_a_socket_does_not_take_waits(void **state)
{
    (void)state;
    struct pair pair;
    uint32_t sum = 0;
    uint8_t *bytes = malloc(MANY_BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < MANY_BYTES; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 11));
        sum = sum * 31 + bytes[i];
    }
    pair_open(&pair);
    pair.there->is_brief = true;
    dial(pair.here, DIALLED, pair.there->address);
    wait_for(&pair, pair.here, "open 7;");
    for (size_t at = 0; at < MANY_BYTES; at += MANY_BYTES / 4)
        send_link(pair.here, DIALLED, span_of(bytes + at, MANY_BYTES / 4));
    assert_string_equal(pair.here->told, "open 7;");
    while (pair.there->bytes_count < MANY_BYTES / 8 * 7) /* what is left has three seconds, however slow we are */
        turn(&pair);
    close_link(pair.here, DIALLED); /* behind all of it */
    while (pair.there->gone_count == 0 || pair.here->gone_count == 0)
        turn(&pair);
    assert_int_equal(pair.there->bytes_count, MANY_BYTES);
    assert_int_equal(pair.there->sum, sum);

    dial(pair.here, DIALLED, pair.there->address);
    wait_for(&pair, pair.here, "gone 7;open 7;");
    send_link(pair.here, DIALLED, span_of(bytes, MANY_BYTES));
    wait_for(&pair, pair.here, "sent 7;");
    free(bytes);
    pair_close(&pair); /* with bytes under way */
}

static void a_dial_that_comes_to_nothing_is_told_with_the_reason(void **state)
{
    (void)state;
    struct pair pair;
    char closed[CONFIG_ADDRESS_BYTES];
    pair_open(&pair);
    strcpy(closed, pair.there->address);
    peers_drain(&pair.there->peers);
    dial(pair.here, 0, closed);
    dial(pair.here, 1, "no port");
    dial(pair.here, 2, "name.invalid:1");
    dial(pair.here, 3, "[::1]:0");
    wait_for(&pair, pair.here, "gone 0 why;");
    wait_for(&pair, pair.here, "gone 1 why;");
    wait_for(&pair, pair.here, "gone 2 why;");
    wait_for(&pair, pair.here, "gone 3 why;");
    pair_close(&pair);
}

static void a_dial_can_be_taken_back_at_any_time(void **state)
{
    (void)state;
    struct pair pair;
    pair_open(&pair);
    dial(pair.here, 0, pair.there->address);
    dial(pair.here, 1, "localhost:1");
    dial(pair.here, 2, "name.invalid:1");
    for (uint32_t number = 0; number < 3; number++)
        close_link(pair.here, number);
    while (pair.here->gone_count < 3)
        turn(&pair);
    assert_null(strstr(pair.here->told, "why"));
    dial(pair.here, 0, pair.there->address); /* and by the end of all */
    dial(pair.here, 1, "localhost:1");
    send_datagram(pair.here, "localhost:1", span_text("x"));
    pair_close(&pair);
}

static void names_are_looked_up(void **state)
{
    (void)state;
    struct pair pair;
    char name[64];
    pair_open(&pair);
    snprintf(name, sizeof name, "localhost:%u", (unsigned)pair.there->port.address.port);
    dial(pair.here, DIALLED, name); /* where it stands for ::1 first, the next address is tried */
    wait_for(&pair, pair.here, "open 7;");
    send_datagram(pair.here, name, span_text("lost"));
    send_datagram(pair.here, name, span_text("held"));
    wait_for(&pair, pair.there, "datagram held;");
    assert_null(strstr(pair.there->told, "lost"));
    send_datagram(pair.here, name, span_text("known"));
    wait_for(&pair, pair.there, "datagram known;");
    pair_close(&pair);
}

static void datagrams_go_both_ways_and_too_long_ones_do_not(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX + 1];
    memset(bytes, 'x', sizeof bytes);
    pair_open(&pair);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(pair.there->port.address.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int stranger = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(stranger, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof to), sizeof bytes);
    assert_int_equal(sendto(stranger, bytes, 0, 0, (struct sockaddr *)&to, sizeof to), 0);
    close(stranger);
    send_datagram(pair.here, "nowhere", span_text("lost"));
    send_datagram(pair.here, "[::1]:9", span_text("of another family: lost"));
    send_datagram(pair.here, pair.there->address, span_of(bytes, sizeof bytes));
    send_datagram(pair.here, pair.there->address, span_text("one"));
    wait_for(&pair, pair.there, "datagram one;");
    assert_string_equal(pair.there->told, "datagram ;datagram one;");
    send_datagram(pair.there, pair.here->address, span_text("two"));
    wait_for(&pair, pair.here, "datagram two;");
    pair_close(&pair);
}

/* A socket of IPv6 serves IPv4, in the spelling of IPv4. */
static void a_port_of_every_address_is_reached_by_both_families(void **state)
{
    (void)state;
    struct pair pair;
    char v4[64];
    int probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) skip();
    close(probe);
    assert_int_equal(uv_loop_init(&pair.uv), 0);
    pair.here = end_open(&pair.uv, "127.0.0.1:0");
    pair.there = end_open(&pair.uv, "[::]:0");
    snprintf(v4, sizeof v4, "127.0.0.1:%u", (unsigned)pair.there->port.address.port);
    dial(pair.here, DIALLED, v4);
    wait_for(&pair, pair.there, "open 512;");
    send_datagram(pair.here, v4, span_text("in"));
    wait_for(&pair, pair.there, "datagram in;");
    send_datagram(pair.there, pair.here->address, span_text("out"));
    wait_for(&pair, pair.here, "datagram out;");
    pair_close(&pair);
}

static void a_port_has_one_number_for_tcp_and_udp_until_it_is_closed(void **state)
{
    (void)state;
    struct port port;
    struct port other;
    struct config_address address;
    char message[CONFIG_MESSAGE_BYTES];
    char expected[CONFIG_MESSAGE_BYTES];
    struct sockaddr_in name = {0};
    socklen_t length = sizeof name;
    port_init(&port);
    port_close(&port);
    assert_true(config_address_decode("127.0.0.1:0", &address));
    assert_ok(port_open(&port, &address, true, message));
    assert_int_equal(getsockname(port.datagram_fd, (struct sockaddr *)&name, &length), 0);
    assert_int_equal(ntohs(name.sin_port), port.address.port);
    assert_int_equal(port_open(&other, &port.address, true, message), ERR_CONFIG);
    snprintf(expected, sizeof expected, "cannot listen on 127.0.0.1:%u: Address already in use",
             (unsigned)port.address.port);
    assert_string_equal(message, expected);
    port_close_connections(&port);
    assert_int_equal(port_open(&other, &port.address, true, message), ERR_CONFIG); /* UDP is taken still */
    assert_int_equal(other.fd, -1);
    port_close(&port);
    assert_ok(port_open(&other, &port.address, true, message));
    port_close(&other);
    assert_true(config_address_decode("192.0.2.1:0", &address));
    assert_int_equal(port_open(&port, &address, true, message), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_carries_bytes_both_ways_and_ends_in_order),
        cmocka_unit_test(a_link_is_closed_at_once),
        cmocka_unit_test(what_a_socket_does_not_take_waits),
        cmocka_unit_test(a_dial_that_comes_to_nothing_is_told_with_the_reason),
        cmocka_unit_test(a_dial_can_be_taken_back_at_any_time),
        cmocka_unit_test(names_are_looked_up),
        cmocka_unit_test(datagrams_go_both_ways_and_too_long_ones_do_not),
        cmocka_unit_test(a_port_of_every_address_is_reached_by_both_families),
        cmocka_unit_test(a_port_has_one_number_for_tcp_and_udp_until_it_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
