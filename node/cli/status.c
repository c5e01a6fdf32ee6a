/* `skerry status`: how a cluster and a server are doing, on one screen: the verdict first. */
#include "node/cli/amount.h"
#include "node/cli/roster.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

static const struct usage USAGE = {
    .command = "skerry status",
    .synopsis = "[OPTIONS]",
    .about =
        "Show how the cluster is doing, as a running server sees it: the verdict, what is stuck and on what, the\n"
        "nodes with their round trips and clocks, the zones; then what the server says of itself.\n"
        "The verdict is \"well\", \"degraded\", \"joining\" or \"removed\".\n",
    .examples = "  skerry status\n"
                "  skerry status --check || mail -s 'skerry' ops@example.org\n"
                "  skerry status --data-dir /var/lib/skerry -o json\n",
};

/* Whatever members there are, in the server's order: a newer server may have more to say. */
static void print_members(const char *before, json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        char label[64];
        snprintf(label, sizeof label, "%s%s", before, name);
        if (!json_is_object(value) && !json_is_array(value)) operator_print_member(label, object, name);
    }
}

static void print_server(json_t *document)
{
    print_members("", document);
    const char *name;
    json_t *value;
    json_object_foreach(document, name, value)
    {
        char before[64];
        snprintf(before, sizeof before, "%s.", name);
        if (json_is_object(value)) print_members(before, value);
    }
}

static void print_verdict(const json_t *cluster)
{
    const json_t *problem;
    size_t i;
    char text[500];
    snprintf(text, sizeof text, "%.20s: %.400s", roster_text(cluster, "verdict"), roster_text(cluster, "summary"));
    show_make_printable(text);
    printf("%s\n", text);
    json_array_foreach(json_object_get(cluster, "problems"), i, problem)
    {
        roster_print_text("  ! ", problem);
    }
    uint64_t staged = roster_number(cluster, "staged_changes");
    if (staged > 0)
        printf("  %llu change%s of the layout %s staged, not applied (`skerry layout plan`)\n",
               (unsigned long long)staged, staged == 1 ? "" : "s", staged == 1 ? "is" : "are");
}

static void print_zones(const json_t *cluster)
{
    static const char *const titles[] = {"ZONE", "NODES UP", "CAPACITY", "PARTITIONS", NULL};
    const json_t *zones = json_object_get(cluster, "zones");
    struct table table;
    const json_t *zone;
    size_t i;
    if (json_array_size(zones) == 0) return;
    table_init(&table, titles, 1u << 1 | 1u << 2 | 1u << 3);
    json_array_foreach(zones, i, zone)
    {
        char text[64];
        snprintf(text, sizeof text, "%llu of %llu", (unsigned long long)roster_number(zone, "up"),
                 (unsigned long long)roster_number(zone, "nodes"));
        roster_add_text(&table, zone, "zone");
        table_add_text(&table, text);
        roster_add_bytes(&table, zone, "capacity");
        roster_add_count(&table, zone, "partitions");
    }
    printf("\n");
    table_print(&table, stdout);
    table_deinit(&table);
}

static void print_cluster(const json_t *cluster)
{
    print_verdict(cluster);
    printf("\n");
    roster_print_nodes(cluster);
    print_zones(cluster);
    printf("\n");
}

/* Gives both up. */
static int print_all(const struct roster_ask *ask, json_t *status, json_t *cluster, bool is_check)
{
    bool is_well = strcmp(roster_text(cluster, "verdict"), "well") == 0;
    if (ask->operator.form == OUTPUT_JSON) {
        json_object_set(status, "cluster", cluster);
        output_json(json_incref(status));
    } else {
        print_cluster(cluster);
        print_server(status);
    }
    json_decref(status);
    json_decref(cluster);
    return is_check && !is_well ? CLI_FAILED : CLI_DONE;
}

int status_main(int argc, char **argv)
{
    struct roster_ask ask;
    json_t *status = NULL;
    json_t *cluster = NULL;
    bool is_check = false;
    const struct option own[] = {{.name = "check",
                                  .help = "end with exit code 1 unless the verdict is \"well\"",
                                  .kind = OPTION_FLAG,
                                  .target = &is_check}};
    int code = roster_begin(&ask, &USAGE, own, 1, argc, argv);
    if (code == CLI_GO) code = operator_call(&ask.operator, "GET", "/v1/status", NULL, &status);
    if (code == CLI_GO) code = operator_call(&ask.operator, "GET", "/v1/cluster", NULL, &cluster);
    if (code == CLI_GO) {
        code = print_all(&ask, status, cluster, is_check);
    } else {
        json_decref(status);
    }
    roster_end(&ask);
    return code;
}
