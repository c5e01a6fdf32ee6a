/* `skerry status`: how a cluster and a server are doing, on one screen: the verdict first. */
#include "node/cli/amount.h"
#include "node/cli/roster.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

#include <stdlib.h>

/* One screen: of more there are the first, and how many more. */
enum { PROBLEMS_SHOWN_MAX = 8, NODES_SHOWN_MAX = 16, LINE_COLUMNS = 80, PAIR_CHARS = 128 };

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

/* --- the cluster ---------------------------------------------------------------------------------------- */

/* The worst come first. */
static void print_problems(const json_t *problems)
{
    const json_t *problem;
    size_t i;
    json_array_foreach(problems, i, problem)
    {
        if (i == PROBLEMS_SHOWN_MAX) break;
        roster_print_text("  ! ", problem);
    }
    if (json_array_size(problems) > PROBLEMS_SHOWN_MAX)
        printf("  ! and %zu more (-o json shows all)\n", json_array_size(problems) - PROBLEMS_SHOWN_MAX);
}

/* Members and no layout: what is to be done, or what is waited for. */
static void print_no_layout(const json_t *cluster)
{
    const json_t *because = json_object_get(cluster, "no_layout_because");
    if (json_is_string(because)) {
        roster_print_text("  no layout yet: ", because);
    } else if (json_is_null(json_object_get(cluster, "layout")) && roster_number(cluster, "staged_changes") == 0 &&
               json_array_size(json_object_get(cluster, "nodes")) > 1) {
        printf("  no layout yet: give nodes their roles (`skerry layout assign`)\n");
    }
}

static void print_verdict(const json_t *cluster)
{
    char text[500];
    snprintf(text, sizeof text, "%.20s: %.400s", roster_text(cluster, "verdict"), roster_text(cluster, "summary"));
    show_make_printable(text);
    printf("%s\n", text);
    print_problems(json_object_get(cluster, "problems"));
    print_no_layout(cluster);
    uint64_t staged = roster_number(cluster, "staged_changes");
    uint64_t lost = roster_number(cluster, "lost_versions");
    if (staged > 0)
        printf("  %llu change%s of the layout %s staged, not applied (`skerry layout plan`)\n",
               (unsigned long long)staged, staged == 1 ? "" : "s", staged == 1 ? "is" : "are");
    if (lost > 0)
        printf("  %llu layout version%s lost against another of the same number: apply what of it is\n"
               "  staged, or revert (`skerry layout show`)\n",
               (unsigned long long)lost, lost == 1 ? "" : "s");
}

static bool is_remarkable(const json_t *node)
{
    return json_is_true(json_object_get(node, "self")) || strcmp(roster_text(node, "state"), "alive") != 0 ||
           json_is_true(json_object_get(node, "quarantined")) ||
           json_is_false(json_object_get(node, "documents_equal"));
}

/* Of many nodes those that fare well are counted, not listed: what is wrong stays on the screen. */
static void print_nodes(const json_t *nodes)
{
    json_t *shown = say_need(json_array());
    json_t *node;
    size_t i;
    bool is_many = json_array_size(nodes) > NODES_SHOWN_MAX;
    json_array_foreach(nodes, i, node)
    {
        bool has_room = !is_many || (is_remarkable(node) && json_array_size(shown) < NODES_SHOWN_MAX);
        if (has_room && json_array_append(shown, node) != 0) (void)say_need(NULL);
    }
    roster_print_nodes(shown);
    if (is_many)
        printf("and %zu more nodes (`skerry node list` shows all)\n",
               json_array_size(nodes) - json_array_size(shown));
    json_decref(shown);
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
    print_nodes(json_object_get(cluster, "nodes"));
    print_zones(cluster);
    printf("\n");
}

/* --- the server ----------------------------------------------------------------------------------------- */

/* "name value", and a new line when this one is full. */
static void print_pair(const char *before, const char *name, const json_t *value, size_t *column)
{
    char *text = json_is_string(value) ? say_need(strdup(json_string_value(value)))
                                       : say_need(json_dumps(value, JSON_ENCODE_ANY));
    /* Its id in causality tokens; what is a node's id elsewhere is another. */
    bool is_actor = before[0] == '\0' && strcmp(name, "node") == 0;
    char pair[PAIR_CHARS];
    snprintf(pair, sizeof pair, "%.30s%.30s %.60s", before, is_actor ? "actor" : name, text);
    show_make_printable(pair);
    free(text);
    bool is_new_line = *column > 0 && *column + 2 + strlen(pair) > LINE_COLUMNS;
    printf("%s%s", is_new_line ? "\n" : *column > 0 ? "  " : "", pair);
    *column = is_new_line || *column == 0 ? strlen(pair) : *column + 2 + strlen(pair);
}

/* Whatever members there are, in the server's order: a newer server may have more to say. */
static void print_members(const char *before, json_t *object, size_t *column)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (!json_is_object(value) && !json_is_array(value)) print_pair(before, name, value, column);
    }
}

static void print_server(json_t *document)
{
    size_t column = 0;
    const char *name;
    json_t *value;
    print_members("", document, &column);
    json_object_foreach(document, name, value)
    {
        char before[32];
        snprintf(before, sizeof before, "%.30s.", name);
        if (json_is_object(value)) print_members(before, value, &column);
    }
    printf("\n");
}

/* --- both ----------------------------------------------------------------------------------------------- */

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
