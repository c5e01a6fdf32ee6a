/* `skerry layout plan` as text. */
#include "node/cli/amount.h"
#include "node/cli/layout.h"
#include "node/cli/show.h"

enum { MOVES_SHOWN_MAX = 20 }; /* of nodes; the rest is summed up: -o json has all */

static void print_nodes(const json_t *plan)
{
    static const char *const titles[] = {"NODE", "NAME", "ZONE", "CAPACITY", "STATE", "BEFORE", "AFTER", "", NULL};
    struct table table;
    const json_t *node;
    size_t i;
    table_init(&table, titles, 1u << 3 | 1u << 5 | 1u << 6);
    json_array_foreach(json_object_get(plan, "nodes"), i, node)
    {
        const char *change = roster_text(node, "change");
        roster_add_short(&table, node, "node");
        roster_add_text(&table, node, "name");
        roster_add_text(&table, node, "zone");
        roster_add_bytes(&table, node, "capacity");
        roster_add_text(&table, node, "state");
        roster_add_count(&table, node, "partitions_before");
        roster_add_count(&table, node, "partitions_after");
        if (strcmp(change, "stays") == 0) {
            table_add_text(&table, "");
        } else {
            roster_add_text(&table, node, "change");
        }
    }
    table_print(&table, stdout);
    table_deinit(&table);
}

/* "NAME (0123456789abcdef)" of an id, or its digits. */
static void add_node(struct table *table, const json_t *plan, const json_t *id)
{
    struct buffer text = {0};
    const json_t *node;
    size_t i;
    json_array_foreach(json_object_get(plan, "nodes"), i, node)
    {
        struct span name = output_span_of(json_object_get(node, "name"));
        if (!json_equal(json_object_get(node, "node"), id) || name.length == 0) continue;
        show_key(&text, name);
        buffer_add_text(&text, " ");
        break;
    }
    struct span digits = output_span_of(id);
    buffer_add_span(&text, span_of(digits.bytes, digits.length < 16 ? digits.length : 16));
    if (json_is_null(id)) buffer_add_text(&text, "(new)");
    show_make_printable(text.bytes);
    table_add_text(table, buffer_text(&text));
    buffer_deinit(&text);
}

static void add_zone(struct table *table, const json_t *plan, const json_t *zone)
{
    (void)plan;
    struct span text = output_span_of(zone);
    if (json_is_string(zone)) {
        table_add_key(table, text);
    } else {
        table_add_text(table, "(new)");
    }
}

/* Those of nodes come the largest first, those of zones are few. */
static void print_moves(const json_t *plan, const char *member, const char *const *titles,
                        void (*add_place)(struct table *table, const json_t *plan, const json_t *place))
{
    const json_t *moves = json_object_get(plan, member);
    struct table table;
    const json_t *move;
    size_t i;
    table_init(&table, titles, 1u << 3 | 1u << 4);
    json_array_foreach(moves, i, move)
    {
        if (i == MOVES_SHOWN_MAX) break;
        add_place(&table, plan, json_object_get(move, "from"));
        table_add_text(&table, "->");
        add_place(&table, plan, json_object_get(move, "to"));
        roster_add_count(&table, move, "partitions");
        roster_add_bytes(&table, move, "bytes");
    }
    printf("\n");
    table_print(&table, stdout);
    table_deinit(&table);
    if (json_array_size(moves) > MOVES_SHOWN_MAX)
        printf("and %zu more moves (-o json shows all)\n", json_array_size(moves) - MOVES_SHOWN_MAX);
}

static void print_totals(const json_t *plan)
{
    char count[AMOUNT_CHARS];
    char bytes[AMOUNT_CHARS];
    printf("\n%s copies of partitions would be made",
           amount_count(count, roster_number(plan, "moved_partitions")));
    if (roster_number(plan, "partition_bytes") > 0) {
        printf(", about %s in all", amount_bytes(bytes, roster_number(plan, "moved_bytes")));
    } else {
        printf("; the nodes hold next to nothing yet");
    }
    printf("; a partition has room for %s\n", amount_bytes(bytes, roster_number(plan, "partition_capacity")));
}

static void print_warnings(const json_t *plan)
{
    const json_t *warning;
    size_t i;
    json_array_foreach(json_object_get(plan, "warnings"), i, warning)
    {
        roster_print_text("warning: ", warning);
    }
}

void layout_print_plan(const json_t *plan)
{
    uint64_t version = roster_number(plan, "version");
    bool is_possible = json_is_true(json_object_get(plan, "possible"));
    if (json_array_size(json_object_get(plan, "staged")) == 0) {
        if (version > 1) {
            printf("nothing is staged: version %llu stays in force\n", (unsigned long long)(version - 1));
        } else {
            printf("nothing is staged, and there is no layout yet (`skerry layout assign`)\n");
        }
        print_warnings(plan);
        return;
    }
    printf("staged for version %llu:\n", (unsigned long long)version);
    roster_print_staged(json_object_get(plan, "staged"));
    if (!is_possible) return;
    printf("\n");
    print_nodes(plan);
    if (roster_number(plan, "moved_partitions") > 0) {
        static const char *const nodes[] = {"FROM", "", "TO", "PARTITIONS", "BYTES", NULL};
        static const char *const zones[] = {"FROM ZONE", "", "TO ZONE", "PARTITIONS", "BYTES", NULL};
        print_moves(plan, "moves", nodes, add_node);
        print_moves(plan, "zone_moves", zones, add_zone);
    }
    print_totals(plan);
    print_warnings(plan);
    printf("\n`skerry layout apply %llu` does it, `skerry layout revert` forgets it.\n",
           (unsigned long long)version);
}
