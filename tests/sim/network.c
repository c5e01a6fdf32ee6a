/* The laws of the simulated network, seen by hosts that only write down what they hear. */
#include "sim/network.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)

enum { HOSTS = 4, HEARD_MAX = 1 << 19 };

struct ear {
    uint8_t heard[HEARD_MAX]; /* of links, in order */
    size_t heard_bytes;
    uint32_t datagrams, opened, sent, gone;
    uint32_t link; /* that was opened last */
    uint8_t last[LIMITS_DATAGRAM_BYTES_MAX];
    size_t last_bytes;
    char why[64];
    bool is_late; /* a datagram came behind one with a higher number */
};

struct rig {
    struct queue queue;
    struct trace trace;
    struct network network;
    struct ear ears[HOSTS];
    uint64_t now_us;
};

static void on_datagram(void *owner, uint32_t host, struct span bytes, struct span from)
{
    struct ear *ear = &((struct rig *)owner)->ears[host];
    assert_true(from.length > 0);
    if (ear->datagrams > 0 && bytes.length == ear->last_bytes && memcmp(bytes.bytes, ear->last, bytes.length) < 0)
        ear->is_late = true;
    ear->datagrams++;
    ear->last_bytes = bytes.length;
    memcpy(ear->last, bytes.bytes, bytes.length);
}

static void on_open(void *owner, uint32_t host, uint32_t link, struct span remote)
{
    struct ear *ear = &((struct rig *)owner)->ears[host];
    assert_true(remote.length > 0);
    ear->opened++;
    ear->link = link;
}

static void on_bytes(void *owner, uint32_t host, uint32_t link, struct span bytes)
{
    struct ear *ear = &((struct rig *)owner)->ears[host];
    assert_int_equal(link, ear->link);
    assert_true(bytes.length > 0 && ear->heard_bytes + bytes.length <= HEARD_MAX);
    memcpy(ear->heard + ear->heard_bytes, bytes.bytes, bytes.length);
    ear->heard_bytes += bytes.length;
}

static void on_sent(void *owner, uint32_t host, uint32_t link)
{
    (void)link;
    ((struct rig *)owner)->ears[host].sent++;
}

static void on_gone(void *owner, uint32_t host, uint32_t link, const char *why)
{
    struct ear *ear = &((struct rig *)owner)->ears[host];
    (void)link;
    ear->gone++;
    snprintf(ear->why, sizeof ear->why, "%s", why == NULL ? "" : why);
}

static const struct network_settings PLAIN = {
    .near_us = 100, .far_us = 20000, .jitter_per_cent = 50, .link_patience_us = 20 * SECOND_US};

static struct rig *rig_create(const struct network_settings *settings)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    const struct network_calls calls = {on_datagram, on_open, on_bytes, on_sent, on_gone, rig};
    queue_init(&rig->queue);
    trace_init(&rig->trace, NULL, false);
    network_init(&rig->network, settings, &calls, &rig->queue, &rig->trace, 1);
    for (uint32_t host = 0; host < HOSTS; host++) {
        assert_int_equal(network_add_host(&rig->network, host % 2), host);
        network_set_host(&rig->network, 0, host, NETWORK_UP);
    }
    return rig;
}

static void rig_run(struct rig *rig, uint64_t for_us)
{
    uint64_t until_us = rig->now_us + for_us;
    while (queue_first(&rig->queue) != NULL && queue_first(&rig->queue)->time_us <= until_us) {
        struct happening happening = queue_take(&rig->queue);
        rig->now_us = happening.time_us;
        network_step(&rig->network, &happening);
    }
    rig->now_us = until_us;
}

static void rig_destroy(struct rig *rig)
{
    rig_run(rig, 3600 * SECOND_US);
    network_deinit(&rig->network);
    queue_deinit(&rig->queue);
    free(rig);
}

static void say(struct rig *rig, uint32_t from, uint32_t to, const char *text)
{
    network_datagram(&rig->network, rig->now_us, from, span_text(network_address(&rig->network, to)),
                     span_text(text));
}

static void dial(struct rig *rig, uint32_t from, uint32_t to)
{
    network_dial(&rig->network, rig->now_us, from, 0, span_text(network_address(&rig->network, to)));
    rig->ears[from].link = 0;
}

/* --- datagrams ------------------------------------------------------------------------------------------ */

static void a_datagram_arrives_and_not_through_a_cut(void **state)
{
    (void)state;
    struct rig *rig = rig_create(&PLAIN);
    say(rig, 0, 1, "one");
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[1].datagrams, 1);
    network_cut(&rig->network, 0, 1);
    say(rig, 0, 1, "two");
    say(rig, 1, 0, "back"); /* a cut goes one way */
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[1].datagrams, 1);
    assert_int_equal(rig->ears[0].datagrams, 1);
    assert_int_equal(rig->network.counts.cut, 1);
    network_cut(&rig->network, 0, 1); /* two cuts want two heals */
    network_heal(&rig->network, 0, 1);
    say(rig, 0, 1, "three");
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[1].datagrams, 1);
    network_heal(&rig->network, 0, 1);
    say(rig, 0, 1, "four");
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[1].datagrams, 2);
    assert_memory_equal(rig->ears[1].last, "four", 4);
    rig_destroy(rig);
}

static void chances_are_as_the_settings_say(void **state)
{
    (void)state;
    struct network_settings settings = PLAIN;
    settings.loss = 200;
    settings.repeat = 100;
    settings.late = 100;
    settings.late_us = SECOND_US;
    struct rig *rig = rig_create(&settings);
    for (uint32_t i = 0; i < 10000; i++) {
        char text[8];
        snprintf(text, sizeof text, "%07u", i);
        say(rig, 0, 1, text);
        rig_run(rig, 1000);
    }
    rig_run(rig, 10 * SECOND_US);
    /* 10000 * 0.8 * 1.1, six standard deviations */
    assert_in_range(rig->ears[1].datagrams, 8500, 9100);
    assert_in_range(rig->network.counts.lost, 1760, 2240);
    assert_in_range(rig->network.counts.repeated, 640, 960);
    assert_true(rig->ears[1].is_late);
    rig_destroy(rig);
}

/* An address is whoever has it now; to nobody nothing comes. */
static void an_address_goes_to_another_host(void **state)
{
    (void)state;
    struct rig *rig = rig_create(&PLAIN);
    char old[NETWORK_ADDRESS_BYTES];
    snprintf(old, sizeof old, "%s", network_address(&rig->network, 1));
    network_set_host(&rig->network, rig->now_us, 1, NETWORK_DARK);
    network_readdress(&rig->network, 2, 1);
    assert_string_equal(network_address(&rig->network, 2), old);
    assert_string_not_equal(network_address(&rig->network, 1), old);
    say(rig, 0, 2, "who is there?");
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[2].datagrams, 1);
    network_readdress(&rig->network, 2, UINT32_MAX);
    network_datagram(&rig->network, rig->now_us, 0, span_text(old), span_text("and now?"));
    network_datagram(&rig->network, rig->now_us, 0, span_text("no address"), span_text("here?"));
    network_datagram(&rig->network, rig->now_us, 0, span_text("10.9.9.9:3901"), span_text("here?"));
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->network.counts.nobody, 3);
    rig_destroy(rig);
}

/* --- connections ---------------------------------------------------------------------------------------- */

/* Numbers as bytes, so that one that is missing, twice or too early is seen. */
static void send_numbers(struct rig *rig, uint32_t host, uint8_t *next, size_t count)
{
    uint8_t bytes[4096];
    for (size_t i = 0; i < count; i++)
        bytes[i] = (*next)++;
    network_send(&rig->network, rig->now_us, host, rig->ears[host].link, span_of(bytes, count));
}

static void expect_numbers(const struct ear *ear, size_t count)
{
    assert_int_equal(ear->heard_bytes, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ear->heard[i], (uint8_t)i);
}

static void bytes_come_in_order_however_they_are_cut(void **state)
{
    (void)state;
    struct network_settings settings = PLAIN;
    settings.cuts_bytes = true;
    settings.far_bytes_per_s = 100000;
    struct random random = random_begin(__func__);
    struct rig *rig = rig_create(&settings);
    uint8_t forth = 0;
    uint8_t back = 0;
    size_t forth_bytes = 0;
    size_t back_bytes = 0;
    dial(rig, 0, 1);
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[0].opened, 1);
    assert_int_equal(rig->ears[1].opened, 1);
    assert_true(rig->ears[1].link >= LIMITS_LINKS_DIALLED_MAX);
    for (int i = 0; i < 100; i++) {
        size_t bytes = 1 + random_below(&random, 2000);
        forth_bytes += bytes;
        send_numbers(rig, 0, &forth, bytes);
        back_bytes += bytes / 2;
        send_numbers(rig, 1, &back, bytes / 2);
        rig_run(rig, random_below(&random, 30000));
        if (i % 10 == 5) network_cut(&rig->network, 0, 1);
        if (i % 10 == 7) network_heal(&rig->network, 0, 1);
    }
    rig_run(rig, 60 * SECOND_US);
    expect_numbers(&rig->ears[1], forth_bytes);
    expect_numbers(&rig->ears[0], back_bytes);
    assert_true(rig->network.counts.stalls > 0);
    assert_int_equal(rig->ears[0].gone + rig->ears[1].gone, 0);
    network_close(&rig->network, rig->now_us, 0, 0);
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[0].gone, 1);
    assert_string_equal(rig->ears[0].why, "");
    assert_int_equal(rig->ears[1].gone, 1);
    assert_string_equal(rig->ears[1].why, "closed by the other end");
    assert_int_equal(network_links_count(&rig->network), 0);
    rig_destroy(rig);
}

/* What was sent before the close is carried. */
static void a_close_comes_behind_the_bytes(void **state)
{
    (void)state;
    struct rig *rig = rig_create(&PLAIN);
    uint8_t next = 0;
    dial(rig, 0, 1);
    rig_run(rig, SECOND_US);
    send_numbers(rig, 0, &next, 4000);
    network_close(&rig->network, rig->now_us, 0, 0);
    rig_run(rig, SECOND_US);
    expect_numbers(&rig->ears[1], 4000);
    assert_int_equal(rig->ears[1].gone, 1);
    rig_destroy(rig);
}

/* Who sends into a cut sees it break; the other end knows nothing until it speaks. */
static void a_long_cut_breaks_a_connection(void **state)
{
    (void)state;
    struct rig *rig = rig_create(&PLAIN);
    uint8_t next = 0;
    dial(rig, 0, 1);
    rig_run(rig, SECOND_US);
    network_cut(&rig->network, 0, 1);
    network_cut(&rig->network, 1, 0);
    send_numbers(rig, 0, &next, 100);
    rig_run(rig, 60 * SECOND_US);
    assert_int_equal(rig->ears[0].gone, 1);
    assert_string_equal(rig->ears[0].why, "timed out");
    assert_int_equal(rig->ears[1].gone, 0);
    network_heal_all(&rig->network);
    send_numbers(rig, 1, &next, 100);
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[1].gone, 1);
    assert_string_equal(rig->ears[1].why, "connection reset");
    assert_int_equal(rig->ears[0].heard_bytes, 0);
    assert_int_equal(network_links_count(&rig->network), 0);
    rig_destroy(rig);
}

static void a_program_that_ends_is_heard_of_and_a_machine_is_not(void **state)
{
    (void)state;
    for (int is_dark = 0; is_dark < 2; is_dark++) {
        struct rig *rig = rig_create(&PLAIN);
        uint8_t next = 0;
        dial(rig, 0, 1);
        rig_run(rig, SECOND_US);
        network_set_host(&rig->network, rig->now_us, 1, is_dark == 1 ? NETWORK_DARK : NETWORK_CLOSED);
        rig_run(rig, SECOND_US);
        assert_int_equal(rig->ears[0].gone, is_dark == 1 ? 0 : 1);
        assert_int_equal(rig->ears[1].gone, 0); /* it is not there to be told */
        if (is_dark == 1) {
            send_numbers(rig, 0, &next, 10);
            rig_run(rig, 5 * SECOND_US);
            network_set_host(&rig->network, rig->now_us, 1, NETWORK_UP); /* it does not know this connection */
            rig_run(rig, 60 * SECOND_US);
            assert_string_equal(rig->ears[0].why, "connection reset");
        }
        rig_destroy(rig);
    }
}

static void a_dial_to_nobody_fails(void **state)
{
    (void)state;
    struct rig *rig = rig_create(&PLAIN);
    network_dial(&rig->network, 0, 0, 0, span_text("nobody.example.org:3901"));
    network_dial(&rig->network, 0, 0, 1, span_text("10.0.200.200:3901"));
    network_set_host(&rig->network, rig->now_us, 1, NETWORK_CLOSED);
    network_dial(&rig->network, 0, 0, 2, span_text(network_address(&rig->network, 1)));
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[0].gone, 3);
    network_cut(&rig->network, 3, 0); /* the answer does not come through */
    network_dial(&rig->network, rig->now_us, 0, 3, span_text(network_address(&rig->network, 3)));
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[0].gone, 3);
    rig_run(rig, 20 * SECOND_US);
    assert_int_equal(rig->ears[0].gone, 4);
    assert_int_equal(rig->ears[0].opened, 0);
    assert_int_equal(network_links_count(&rig->network), 0);
    rig_destroy(rig);
}

/* The machine's buffer takes so much; more has not left before the other end has taken it. */
static void what_does_not_fit_the_buffer_has_not_left(void **state)
{
    (void)state;
    static uint8_t much[NETWORK_BUFFER_BYTES - 1];
    struct rig *rig = rig_create(&PLAIN);
    dial(rig, 0, 2);
    rig_run(rig, SECOND_US);
    network_cut(&rig->network, 0, 2);
    network_send(&rig->network, rig->now_us, 0, 0, span_of(much, 10));
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[0].sent, 1);
    network_send(&rig->network, rig->now_us, 0, 0, span_of(much, sizeof much));
    rig_run(rig, SECOND_US);
    assert_int_equal(rig->ears[0].sent, 1);
    network_heal_all(&rig->network);
    rig_run(rig, 10 * SECOND_US);
    assert_int_equal(rig->ears[0].sent, 2);
    assert_int_equal(rig->ears[2].heard_bytes, 10 + sizeof much);
    rig_destroy(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_arrives_and_not_through_a_cut),
        cmocka_unit_test(chances_are_as_the_settings_say),
        cmocka_unit_test(an_address_goes_to_another_host),
        cmocka_unit_test(bytes_come_in_order_however_they_are_cut),
        cmocka_unit_test(a_close_comes_behind_the_bytes),
        cmocka_unit_test(a_long_cut_breaks_a_connection),
        cmocka_unit_test(a_program_that_ends_is_heard_of_and_a_machine_is_not),
        cmocka_unit_test(a_dial_to_nobody_fails),
        cmocka_unit_test(what_does_not_fit_the_buffer_has_not_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
