/* Counters and gauges, written out twice. */
#include "node/request/admin_stats.h"

#include "node/request/admin_cluster_show.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* --- numbers without a label: one table for both forms -------------------------------------------------- */

/* One number. In JSON it is `member` of the object `group` ("" is the document), in metrics "skerry_NAME". */
struct figure {
    const char *group;
    const char *member;
    const char *name;
    const char *help;
    bool is_counter; /* only grows while the node runs */
    uint64_t value;
};

enum { FIGURES = 18, CLUSTER_FIGURES = 20, ALL_FIGURES = FIGURES + CLUSTER_FIGURES };

static void read_own_figures(const struct service *service, struct figure figures[FIGURES])
{
    const struct service_gauges *edge = &service->gauges;
    const struct service_counts *counts = &service->counts;
    uint64_t bound = service->memory.ceiling_bytes == SIZE_MAX ? 0 : service->memory.ceiling_bytes;
    const struct figure rows[FIGURES] = {
        {"", "uptime_s", "uptime_seconds", "Time since the start.", false,
         (service->now_ms - service->started_ms) / 1000},
        {"", "draining", "draining", "1 once the node was told to stop.", false, service->is_draining},
        {"connections", "open", "connections", "Connections now.", false, edge->connections},
        {"connections", "accepted", "connections_accepted_total", "Connections taken.", true,
         edge->connections_accepted},
        {"connections", "refused", "connections_refused_total", "Connections turned away: none was free.", true,
         edge->connections_refused},
        {"connections", "broken", "connections_broken_total", "Connections ended for bad or slow HTTP.", true,
         edge->connections_broken},
        {"bytes", "in", "received_bytes_total", "Bytes from clients.", true, edge->bytes_in},
        {"bytes", "out", "sent_bytes_total", "Bytes to clients.", true, edge->bytes_out},
        {"memory", "used_bytes", "memory_used_bytes", "Memory of the K2V requests under way.", false,
         service->memory.held_bytes},
        {"memory", "max_bytes", "memory_max_bytes", "What it may be at most (max_memory_bytes).", false, bound},
        {"polls", "waiting", "waiting_polls", "Polls that wait for a change.", false, service->waiting_polls},
        {"store", "writes", "store_writes_total", "Changes written.", true, edge->store_writes},
        {"store", "syncs", "store_syncs_total", "Commits, each one sync of the disk.", true, edge->store_syncs},
        {"store", "used_bytes", "store_used_bytes", "Bytes of the database in use.", false,
         edge->store_used_bytes},
        {"store", "map_bytes", "store_map_bytes", "What they may be at most (map_bytes).", false,
         edge->store_map_bytes},
        {"store", "corrupt_rows", "store_corrupt_rows_total",
         "Rows met that fail their check, and damaged pages that reads met.", true, counts->corrupt_rows},
        {"store", "sibling_refusals", "store_sibling_refusals_total", "Writes refused: too many siblings.", true,
         counts->sibling_refusals},
        {"", "requests", "requests_begun_total", "Requests whose head came.", true, counts->requests},
    };
    memcpy(figures, rows, sizeof rows);
}

/* All zero on a node that has no port for others, or is not among any. */
static void read_cluster_figures(const struct service *service, struct figure figures[CLUSTER_FIGURES])
{
    const struct cluster *cluster = service->cluster;
    const struct ring_layout *layout = view_layout(service->view);
    struct gossip_stats gossip = {0};
    struct admin_cluster_tally tally = admin_cluster_count(cluster);
    if (cluster != NULL && cluster->gossip != NULL) gossip = gossip_stats(cluster->gossip);
    const struct figure rows[CLUSTER_FIGURES] = {
        {"cluster", "nodes", "cluster_nodes", "Members of the cluster.", false, tally.nodes},
        {"cluster", "nodes_up", "cluster_nodes_up", "Those that answer.", false, tally.up},
        {"cluster", "nodes_suspect", "cluster_nodes_suspect", "Those among them that are suspected.", false,
         tally.suspects},
        {"cluster", "documents_differ", "cluster_documents_differ",
         "Members whose shared documents differed from ours when they last spoke.", false, tally.differing},
        {"cluster", "problems", "cluster_problems", "What is stuck.", false, tally.problems},
        {"cluster", "layout_version", "cluster_layout_version", "Number of the layout in force; 0 without one.",
         false, layout == NULL ? 0 : layout->number},
        {"gossip", "packets_out", "gossip_packets_sent_total", "Datagrams to members.", true, gossip.packets_out},
        {"gossip", "packets_in", "gossip_packets_received_total", "Datagrams from members.", true,
         gossip.packets_in},
        {"gossip", "bytes_out", "gossip_sent_bytes_total", "Bytes of datagrams to members.", true,
         gossip.bytes_out},
        {"gossip", "bytes_in", "gossip_received_bytes_total", "Bytes of datagrams from members.", true,
         gossip.bytes_in},
        {"gossip", "packets_foreign", "gossip_packets_foreign_total",
         "Datagrams of no member, or of another cluster or secret.", true, gossip.packets_foreign},
        {"gossip", "packets_bad", "gossip_packets_bad_total", "Datagrams of members that made no sense.", true,
         gossip.packets_bad},
        {"gossip", "probes", "gossip_probes_total", "Members asked whether they live.", true, gossip.probes},
        {"gossip", "probes_failed", "gossip_probes_failed_total", "Those that did not answer in time.", true,
         gossip.probes_failed},
        {"gossip", "probes_indirect", "gossip_probes_indirect_total", "Asked through others.", true,
         gossip.probes_indirect},
        {"gossip", "suspicions", "gossip_suspicions_total", "Members suspected.", true, gossip.suspicions},
        {"gossip", "refutations", "gossip_refutations_total", "Times this node said that it lives after all.",
         true, gossip.refutations},
        {"gossip", "downs", "gossip_downs_total", "Members taken for down.", true, gossip.downs},
        {"gossip", "health", "gossip_health", "0 when well; the slower this node seems to itself, the more.",
         false, gossip.health},
        {"gossip", "doubled", "gossip_doubled", "1 while another process has this node's identity.", false,
         cluster != NULL && cluster_is_doubled(cluster)},
    };
    memcpy(figures, rows, sizeof rows);
}

static void read_figures(const struct service *service, struct figure figures[ALL_FIGURES])
{
    read_own_figures(service, figures);
    read_cluster_figures(service, figures + FIGURES);
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static void member_u64(struct http_json_writer *writer, const char *name, uint64_t number)
{
    http_json_name(writer, name);
    http_json_u64(writer, number);
}

static void show_figures(const struct figure figures[ALL_FIGURES], struct http_json_writer *writer)
{
    const char *group = "";
    for (size_t i = 0; i < ALL_FIGURES; i++) {
        const struct figure *figure = &figures[i];
        if (strcmp(group, figure->group) != 0) {
            if (group[0] != '\0') http_json_end_object(writer);
            group = figure->group;
            if (group[0] != '\0') {
                http_json_name(writer, group);
                http_json_begin_object(writer);
            }
        }
        member_u64(writer, figure->member, figure->value);
    }
    if (group[0] != '\0') http_json_end_object(writer);
}

static void show_durations(const struct histogram *durations, struct http_json_writer *writer)
{
    static const struct {
        const char *name;
        uint32_t share_per_mille;
    } quantiles[] = {{"p50_us", 500}, {"p90_us", 900}, {"p99_us", 990}, {"p999_us", 999}, {"max_us", 1000}};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        member_u64(writer, quantiles[i].name, histogram_quantile_us(durations, quantiles[i].share_per_mille));
    }
    member_u64(writer, "sum_us", durations->sum_us);
}

static void show_operations(const struct stats *stats, struct http_json_writer *writer)
{
    http_json_name(writer, "operations");
    http_json_begin_array(writer);
    for (int row = 0; row < STATS_ROWS; row++) {
        const struct stats_operation *operation = &stats->operations[row];
        http_json_begin_object(writer);
        http_json_name(writer, "operation");
        http_json_text(writer, stats_row_name((enum stats_row)row));
        for (int class = 0; class < STATS_CLASSES; class ++) {
            member_u64(writer, stats_class_name((enum stats_class) class), operation->classes[class]);
        }
        show_durations(&operation->durations, writer);
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
}

static void show_refusals(const struct stats *stats, struct http_json_writer *writer)
{
    http_json_name(writer, "refusals");
    http_json_begin_object(writer);
    for (size_t i = 0; i < STATS_CODES_MAX && stats->refusals[i].code != NULL; i++) {
        member_u64(writer, stats->refusals[i].code, stats->refusals[i].count);
    }
    if (stats->other_refusals > 0) member_u64(writer, "other", stats->other_refusals);
    http_json_end_object(writer);
}

void admin_stats_show(const struct service *service, struct http_json_writer *writer)
{
    struct figure figures[ALL_FIGURES];
    read_figures(service, figures);
    http_json_begin_object(writer);
    http_json_name(writer, "version");
    http_json_text(writer, SKERRY_VERSION);
    show_figures(figures, writer);
    show_refusals(&service->stats, writer);
    show_operations(&service->stats, writer);
    http_json_end_object(writer);
}

/* --- metrics -------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void print(struct http_out *out, const char *format, ...)
{
    char line[300];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (length > 0 && (size_t)length < sizeof line) http_out_add(out, line, (size_t)length);
}

static void begin_metric(struct http_out *out, const char *name, const char *type, const char *help)
{
    print(out, "# HELP skerry_%s %s\n# TYPE skerry_%s %s\n", name, help, name, type);
}

static void print_refusals(const struct stats *stats, struct http_out *out)
{
    begin_metric(out, "refusals_total", "counter", "Error answers by their code.");
    for (size_t i = 0; i < STATS_CODES_MAX && stats->refusals[i].code != NULL; i++) {
        print(out, "skerry_refusals_total{code=\"%s\"} %" PRIu64 "\n", stats->refusals[i].code,
              stats->refusals[i].count);
    }
    print(out, "skerry_refusals_total{code=\"other\"} %" PRIu64 "\n", stats->other_refusals);
}

static void print_classes(const struct stats *stats, struct http_out *out)
{
    begin_metric(out, "requests_total", "counter", "Requests that are over, by operation and class of status.");
    for (int row = 0; row < STATS_ROWS; row++) {
        for (int class = 0; class < STATS_CLASSES; class ++) {
            print(out, "skerry_requests_total{operation=\"%s\",class=\"%s\"} %" PRIu64 "\n",
                  stats_row_name((enum stats_row)row), stats_class_name((enum stats_class) class),
                  stats->operations[row].classes[class]);
        }
    }
}

/* Up to 2^k microseconds less one, for k = 6 … 32: 63 us to over an hour. */
static void print_histogram(const char *operation, const struct histogram *durations, struct http_out *out)
{
    enum { FIRST_BITS = 6 };
    for (unsigned bits = FIRST_BITS; bits <= HISTOGRAM_BITS; bits++) {
        uint64_t end_us = ((uint64_t)1 << bits) - 1;
        print(out,
              "skerry_request_duration_seconds_bucket{operation=\"%s\",le=\"%" PRIu64 ".%06" PRIu64 "\"} %" PRIu64
              "\n",
              operation, end_us / 1000000, end_us % 1000000, histogram_count_up_to(durations, end_us));
    }
    print(out, "skerry_request_duration_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", operation,
          durations->count);
    print(out, "skerry_request_duration_seconds_sum{operation=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n", operation,
          durations->sum_us / 1000000, durations->sum_us % 1000000);
    print(out, "skerry_request_duration_seconds_count{operation=\"%s\"} %" PRIu64 "\n", operation,
          durations->count);
}

void admin_stats_metrics(const struct service *service, struct http_out *out)
{
    struct figure figures[ALL_FIGURES];
    read_figures(service, figures);
    begin_metric(out, "info", "gauge", "Always 1; the labels tell the version.");
    print(out, "skerry_info{version=\"%s\"} 1\n", SKERRY_VERSION);
    for (size_t i = 0; i < ALL_FIGURES; i++) {
        begin_metric(out, figures[i].name, figures[i].is_counter ? "counter" : "gauge", figures[i].help);
        print(out, "skerry_%s %" PRIu64 "\n", figures[i].name, figures[i].value);
    }
    print_refusals(&service->stats, out);
    print_classes(&service->stats, out);
    begin_metric(out, "request_duration_seconds", "histogram",
                 "From a request's head to the last byte of its answer, waiting of polls included.");
    for (int row = 0; row < STATS_ROWS; row++) {
        print_histogram(stats_row_name((enum stats_row)row), &service->stats.operations[row].durations, out);
    }
}
