/* One epoll loop, one thread. */
#include "tests/bench/load.h"

#include "tests/bench/clock.h"
#include "tests/bench/connection.h"
#include "tests/bench/latencies.h"
#include "tests/bench/process.h"

#include <math.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <stdlib.h>

enum {
    BUFFER_BYTES = 256 * 1024,
    EVENTS_MAX = 256,
    SPIN_NS = 2000000, /* an arrival this near is waited for without sleep */
    WAIT_MS = 100,
    STALL_NS = 1000000000, /* times 60: without any answer for so long the run is over */
    STALL_S = 60,
};

enum phase { PREPARING, WARMING, MEASURING, DRAINING };

struct load {
    const struct options *options;
    struct work work;
    struct connection *connections;
    struct latencies latencies;
    int epoll;
    enum phase phase;
    uint32_t preparing; /* connections that still learn */
    uint32_t busy;      /* connections with a request under way */
    uint64_t now_ns;
    uint64_t start_ns; /* of the measurement */
    uint64_t end_ns;
    uint64_t window_ns;   /* what the measurement took in the end */
    uint64_t next_due_ns; /* open loop */
    uint64_t last_answer_ns;
    uint64_t sent;
    uint64_t answers;
    uint64_t answer_bytes;
    uint64_t body_bytes;
    uint64_t own_cpu_ns;    /* at the start; at the end, what was used */
    uint64_t server_cpu_ns; /* the same */
    uint64_t random;
    char buffer[BUFFER_BYTES];
};

static bool is_open(const struct load *load)
{
    return load->options->rate_per_s > 0;
}

/* The time from one arrival to the next. */
static uint64_t gap_ns(struct load *load)
{
    double mean = 1e9 / (double)load->options->rate_per_s;
    if (!load->options->is_poisson) return (uint64_t)mean;
    load->random = load->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    double uniform = ((double)(load->random >> 11) + 1.0) / 9007199254740993.0; /* in (0, 1) */
    return (uint64_t)(-log(uniform) * mean);
}

/* --- phases --------------------------------------------------------------------------------------------- */

static void begin_measuring(struct load *load)
{
    load->phase = MEASURING;
    load->start_ns = load->now_ns;
    load->end_ns = load->start_ns + load->options->milliseconds * CLOCK_NS_PER_MS;
    load->own_cpu_ns = process_cpu_ns((uint32_t)getpid());
    load->server_cpu_ns = process_cpu_ns(load->options->server_pid);
}

/* Is the time over, with something to report? */
static bool has_ended(const struct load *load)
{
    return load->now_ns >= load->end_ns && load->answers > 0;
}

static void end_measuring(struct load *load)
{
    load->phase = DRAINING;
    load->window_ns = load->now_ns - load->start_ns;
    load->own_cpu_ns = process_cpu_ns((uint32_t)getpid()) - load->own_cpu_ns;
    load->server_cpu_ns = process_cpu_ns(load->options->server_pid) - load->server_cpu_ns;
}

static void begin_warming(struct load *load)
{
    load->phase = WARMING;
    load->next_due_ns = load->now_ns;
    load->start_ns = load->now_ns + load->options->warm_up_ms * CLOCK_NS_PER_MS;
    if (load->options->requests > 0) begin_measuring(load);
}

static void turn_phase(struct load *load)
{
    if (load->phase == PREPARING && load->preparing == 0) begin_warming(load);
    if (load->phase == WARMING && load->now_ns >= load->start_ns) begin_measuring(load);
    if (load->phase != MEASURING) return;
    uint64_t wanted = load->options->requests;
    if (wanted > 0 ? load->answers >= wanted : has_ended(load)) end_measuring(load);
}

/* --- requests ------------------------------------------------------------------------------------------- */

static void send_at(struct load *load, struct connection *connection, uint64_t since_ns)
{
    load->busy++;
    load->sent++;
    connection_send(connection, &load->work, load->epoll, since_ns);
}

/* Closed: at once. Open: when a request is due, counted from then. */
static void send_if_due(struct load *load, struct connection *connection)
{
    if (connection->is_busy) return;
    if (connection->learning_left > 0) {
        send_at(load, connection, load->now_ns);
        return;
    }
    if (load->phase == PREPARING) return; /* until all have learned */
    uint64_t wanted = load->options->requests;
    if (wanted > 0 && load->sent >= wanted) return;
    if (!is_open(load)) {
        if (load->phase != DRAINING) send_at(load, connection, load->now_ns);
        return;
    }
    bool was_last = load->phase == DRAINING && load->next_due_ns >= load->end_ns;
    if (load->next_due_ns > load->now_ns || was_last) return;
    send_at(load, connection, load->next_due_ns);
    load->next_due_ns += gap_ns(load);
}

/* Closed: what is answered inside the window counts. Open: what was due inside it. */
static bool is_counted(const struct load *load, const struct connection *connection)
{
    if (load->phase < MEASURING) return false;
    return is_open(load) ? connection->since_ns >= load->start_ns : load->phase == MEASURING;
}

static void on_answer(struct load *load, struct connection *connection)
{
    load->busy--;
    load->now_ns = load->last_answer_ns = clock_ns();
    if (connection_has_learned(connection)) {
        load->sent--;
        if (connection->learning_left == 0) load->preparing--;
    } else if (is_counted(load, connection)) {
        latencies_add(&load->latencies, load->now_ns - connection->since_ns);
        load->answers++;
        load->answer_bytes += connection->answer.bytes;
        load->body_bytes += connection->answer.body_bytes;
    }
    turn_phase(load);
    send_if_due(load, connection);
}

static void on_event(struct load *load, const struct epoll_event *event)
{
    struct connection *connection = event->data.ptr;
    if ((event->events & EPOLLOUT) != 0) connection_on_room(connection, &load->work, load->epoll);
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    if (connection_on_bytes(connection, &load->work, load->buffer, sizeof load->buffer))
        on_answer(load, connection);
}

static bool is_over(const struct load *load)
{
    if (load->phase != DRAINING) return false;
    if (!is_open(load)) return true;
    return load->busy == 0 && load->next_due_ns >= load->end_ns;
}

static int wait_ms(const struct load *load)
{
    if (!is_open(load) || load->phase == PREPARING) return WAIT_MS;
    if (load->busy == load->options->connections) return WAIT_MS;
    uint64_t due_ns = load->next_due_ns;
    if (due_ns < load->now_ns + SPIN_NS) return 0;
    uint64_t ms = (due_ns - load->now_ns - SPIN_NS / 2) / CLOCK_NS_PER_MS;
    return ms < WAIT_MS ? (int)ms : WAIT_MS;
}

static void run_loop(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];
    uint32_t count = load->options->connections;
    uint32_t first = 0; /* in turn, so that all connections are used */
    while (!is_over(load)) {
        for (uint32_t i = 0; i < count && load->busy < count; i++) {
            send_if_due(load, &load->connections[(first + i) % count]);
            if (is_open(load) && load->phase > PREPARING && load->next_due_ns > load->now_ns) break;
        }
        first = (first + 1) % count;
        int ready = epoll_wait(load->epoll, events, EVENTS_MAX, wait_ms(load));
        if (ready < 0 && errno != EINTR) bench_fail("epoll_wait: %s", strerror(errno));
        load->now_ns = clock_ns();
        for (int i = 0; i < ready; i++) {
            on_event(load, &events[i]);
        }
        turn_phase(load);
        if (load->busy > 0 && load->now_ns > load->last_answer_ns + (uint64_t)STALL_NS * STALL_S) {
            bench_fail("no answer for %d seconds", STALL_S);
        }
    }
}

/* --- the report ----------------------------------------------------------------------------------------- */

static double us_at(const struct load *load, uint64_t parts_per_million)
{
    return (double)latencies_at(&load->latencies, parts_per_million) / 1e3;
}

static void report(const struct load *load)
{
    const struct options *options = load->options;
    /* what was due in an open loop may have been answered after the window */
    uint64_t past_ns = load->last_answer_ns - load->start_ns;
    double window = (double)load->window_ns / 1e9;
    double seconds = is_open(load) && past_ns > load->window_ns ? (double)past_ns / 1e9 : window;
    double answers = (double)load->answers;
    printf("{\"work\": \"%s\", \"loop\": \"%s\", \"connections\": %u, \"rate_per_s\": %llu, \"seconds\": %.6f, "
           "\"answers\": %llu, \"per_s\": %.3f, \"p50_us\": %.3f, \"p90_us\": %.3f, \"p99_us\": %.3f, "
           "\"p999_us\": %.3f, \"max_us\": %.3f, \"answer_bytes\": %.1f, \"body_bytes\": %.1f, \"busy\": %.4f, "
           "\"server_busy\": %.4f, \"server_us\": %.4f}\n",
           options_work_name(options->work), is_open(load) ? "open" : "closed", options->connections,
           (unsigned long long)options->rate_per_s, seconds, (unsigned long long)load->answers, answers / seconds,
           us_at(load, 500000), us_at(load, 900000), us_at(load, 990000), us_at(load, 999000),
           (double)load->latencies.max_ns / 1e3, (double)load->answer_bytes / answers,
           (double)load->body_bytes / answers, (double)load->own_cpu_ns / 1e9 / window,
           (double)load->server_cpu_ns / 1e9 / window, (double)load->server_cpu_ns / 1e3 / answers);
}

void load_run(const struct options *options)
{
    struct load *load = bench_alloc(sizeof *load);
    load->options = options;
    load->random = options->seed;
    work_init(&load->work, options);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0) bench_fail("epoll_create1: %s", strerror(errno));
    load->connections = bench_alloc(options->connections * sizeof *load->connections);
    for (uint32_t i = 0; i < options->connections; i++) {
        connection_open(&load->connections[i], &load->work, i, load->epoll);
        if (load->connections[i].learning_left > 0) load->preparing++;
    }
    load->now_ns = load->last_answer_ns = clock_ns();
    turn_phase(load);
    run_loop(load);
    report(load);
    for (uint32_t i = 0; i < options->connections; i++) {
        connection_close(&load->connections[i]);
    }
    close(load->epoll);
    work_deinit(&load->work);
    free(load->connections);
    free(load);
}
