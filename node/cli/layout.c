/* `skerry layout`: which nodes hold what. Changes are staged, looked at, applied. */
#include "node/cli/layout.h"

#include "node/cli/amount.h"
#include "node/cli/say.h"
#include "node/cli/show.h"
#include "ring/layout.h"

enum { CAPACITY_SMALL = 1000000 /* bytes: less was hardly meant */ };

#define NODE_HELP "NODE is a node's name, its id or the first digits of that.\n"

static const struct usage ASSIGN_USAGE = {
    .command = "skerry layout assign",
    .synopsis = "NODE [--zone ZONE] [--capacity SIZE] [OPTIONS]",
    .about =
        "Stage a role for a node: the zone (site) it is in and how much it may hold. Of a node that has a role\n"
        "what is not given stays. Nothing moves before `skerry layout apply`.\n" NODE_HELP,
    .examples = "  skerry layout assign paris-1 --zone paris --capacity 100G\n"
                "  skerry layout assign paris-1 --capacity 1.5TiB\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage REMOVE_USAGE = {
    .command = "skerry layout remove",
    .synopsis = "NODE [OPTIONS]",
    .about = "Stage that a node has no role any more: what it holds goes to others.\n" NODE_HELP,
    .examples = "  skerry layout remove paris-1\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage SET_USAGE = {
    .command = "skerry layout set",
    .synopsis = "[--replication N] [--zone-redundancy N] [--partitions N] [OPTIONS]",
    .about =
        "Stage how many copies there are of each partition, and in how many zones they must be at least; before\n"
        "the first version also into how many partitions all items are divided.\n",
    .examples = "  skerry layout set --replication 3\n"
                "  skerry layout set --zone-redundancy 2\n"
                "  skerry layout set --partitions 256\n",
};

static const struct usage SHOW_USAGE = {
    .command = "skerry layout show",
    .synopsis = "[OPTIONS]",
    .about = "Show the layout in force and what is staged.\n",
    .examples = "  skerry layout show\n"
                "  skerry layout show -o json\n",
};

static const struct usage PLAN_USAGE = {
    .command = "skerry layout plan",
    .synopsis = "[OPTIONS]",
    .about =
        "Show what applying the staged changes would do: what each node holds before and after, and how many\n"
        "partitions and bytes would move from where to where. Changes nothing. Bytes are estimated from what\n"
        "the nodes hold now.\n",
    .examples = "  skerry layout plan\n"
                "  skerry layout plan -o json\n",
};

static const struct usage APPLY_USAGE = {
    .command = "skerry layout apply",
    .synopsis = "VERSION [OPTIONS]",
    .about =
        "Make the staged changes the layout in force. VERSION is the number that `skerry layout plan` showed;\n"
        "the number of the layout in force does nothing, and is no error, while nothing is staged.\n",
    .examples = "  skerry layout apply 1\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage REVERT_USAGE = {
    .command = "skerry layout revert",
    .synopsis = "[OPTIONS]",
    .about = "Forget all that is staged, also what a version changed that lost against another of its number.\n",
    .examples = "  skerry layout revert\n",
};

static const struct usage HISTORY_USAGE = {
    .command = "skerry layout history",
    .synopsis = "[OPTIONS]",
    .about = "List all versions of the layout, the newest first, and what became of each.\n",
    .examples = "  skerry layout history\n",
};

/* --- showing -------------------------------------------------------------------------------------------- */

static void print_in_force(const json_t *layout)
{
    static const char *const titles[] = {"NODE", "NAME", "ZONE", "CAPACITY", "PARTITIONS", NULL};
    struct table table;
    const json_t *node;
    char hash[ROSTER_SHORT_CHARS];
    size_t i;
    uint64_t redundancy = roster_number(layout, "zone_redundancy");
    printf("version %llu (%s): %llu copies of each of %llu partitions, ",
           (unsigned long long)roster_number(layout, "version"), roster_short(layout, "hash", hash),
           (unsigned long long)roster_number(layout, "replication"),
           (unsigned long long)roster_number(layout, "partitions"));
    if (redundancy == 0) {
        printf("in as many zones as there can be\n\n");
    } else {
        printf("in %llu zones at least\n\n", (unsigned long long)redundancy);
    }
    table_init(&table, titles, 1u << 3 | 1u << 4);
    json_array_foreach(json_object_get(layout, "nodes"), i, node)
    {
        roster_add_short(&table, node, "node");
        roster_add_text(&table, node, "name");
        roster_add_text(&table, node, "zone");
        roster_add_bytes(&table, node, "capacity");
        roster_add_count(&table, node, "partitions");
    }
    table_print(&table, stdout);
    table_deinit(&table);
}

static void print_staged(const json_t *document)
{
    const json_t *staged = json_object_get(document, "staged");
    if (json_array_size(staged) == 0) return;
    printf("\nstaged for version %llu:\n", (unsigned long long)roster_number(document, "next_version"));
    roster_print_staged(staged);
    printf("\n`skerry layout plan` shows what would move.\n");
}

static void print_layout(const json_t *document)
{
    const json_t *layout = json_object_get(document, "in_force");
    if (json_is_object(layout)) {
        print_in_force(layout);
    } else {
        printf("no layout: each node serves alone (`skerry layout assign`)\n");
    }
    print_staged(document);
}

/* A call whose answer is the layout, and how it is shown as text. */
static int call_and_show(struct roster_ask *ask, const char *method, const char *path, json_t *body,
                         void (*print)(const json_t *document))
{
    json_t *document = NULL;
    int code = operator_call(&ask->operator, method, path, body, &document);
    if (code != CLI_GO) return code;
    if (roster_print_json(ask, document)) return CLI_DONE;
    print(document);
    json_decref(document);
    return CLI_DONE;
}

/* A command without options or words of its own. Gives `body` up. */
static int ask_and_show(int argc, char **argv, const struct usage *usage, const char *method, const char *path,
                        json_t *body, void (*print)(const json_t *document))
{
    struct roster_ask ask;
    int code = roster_begin(&ask, usage, NULL, 0, argc, argv);
    if (code == CLI_GO) {
        code = call_and_show(&ask, method, path, body, print);
    } else {
        json_decref(body);
    }
    roster_end(&ask);
    return code;
}

static int show(int argc, char **argv)
{
    return ask_and_show(argc, argv, &SHOW_USAGE, "GET", "/v1/layout", NULL, print_layout);
}

/* --- staging -------------------------------------------------------------------------------------------- */

static void print_after_staging(const json_t *document)
{
    if (json_array_size(json_object_get(document, "staged")) == 0) {
        printf("nothing is staged now: it is so already\n");
        return;
    }
    printf("staged for version %llu:\n", (unsigned long long)roster_number(document, "next_version"));
    roster_print_staged(json_object_get(document, "staged"));
    printf("\n`skerry layout plan` shows what would move, `skerry layout apply %llu` does it.\n",
           (unsigned long long)roster_number(document, "next_version"));
}

static bool read_capacity(const char *text, uint64_t *capacity)
{
    bool is_read = amount_read_bytes(text, capacity);
    if (!is_read || *capacity == 0 || *capacity > RING_CAPACITY_MAX) {
        say("\"%s\" is no capacity: a number with a unit, such as 100G, 1.5T or 500GiB, at most 1 EiB", text);
        return false;
    }
    if (*capacity < CAPACITY_SMALL)
        say_note("%llu bytes is little: a unit is part of a size, as in 100G.", (unsigned long long)*capacity);
    return true;
}

static int send_assign(struct roster_ask *ask, const char *zone, const char *size)
{
    uint64_t capacity = 0;
    if (size != NULL && !read_capacity(size, &capacity)) return CLI_USAGE;
    json_t *body = say_need(json_pack("{ss}", "node", ask->arguments.words[0]));
    if (zone != NULL && json_object_set_new(body, "zone", json_string(zone)) != 0) {
        say("\"%s\" is not UTF-8", zone);
        json_decref(body);
        return CLI_USAGE;
    }
    if (size != NULL) json_object_set_new(body, "capacity", json_integer((json_int_t)capacity));
    return call_and_show(ask, "POST", "/v1/layout/stage", body, print_after_staging);
}

static int assign(int argc, char **argv)
{
    struct roster_ask ask;
    const char *zone = NULL;
    const char *capacity = NULL;
    const struct option own[] = {
        {.letter = 'z',
         .name = "zone",
         .value_word = "ZONE",
         .help = "the site the node is in",
         .kind = OPTION_TEXT,
         .target = &zone},
        {.letter = 'c',
         .name = "capacity",
         .value_word = "SIZE",
         .help = "how much it may hold: 100G, 1.5T (10^9, 10^12 bytes),\n500GiB (2^30)",
         .kind = OPTION_TEXT,
         .target = &capacity},
    };
    int code = roster_begin(&ask, &ASSIGN_USAGE, own, 2, argc, argv);
    if (code == CLI_GO) code = send_assign(&ask, zone, capacity);
    roster_end(&ask);
    return code;
}

static int remove_role(int argc, char **argv)
{
    struct roster_ask ask;
    int code = roster_begin(&ask, &REMOVE_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) {
        json_t *body = say_need(json_pack("{sssb}", "node", ask.arguments.words[0], "remove", 1));
        code = call_and_show(&ask, "POST", "/v1/layout/stage", body, print_after_staging);
    }
    roster_end(&ask);
    return code;
}

static void add_number(json_t *body, const char *member, struct option_number number)
{
    if (number.is_given) json_object_set_new(body, member, json_integer((json_int_t)number.value));
}

static int set(int argc, char **argv)
{
    struct roster_ask ask;
    struct option_number replication = {0};
    struct option_number redundancy = {0};
    struct option_number partitions = {0};
    const struct option own[] = {
        {.name = "replication",
         .value_word = "N",
         .help = "copies of each partition, 1 to 8",
         .kind = OPTION_NUMBER,
         .target = &replication,
         .min = 1,
         .max = 8},
        {.name = "zone-redundancy",
         .value_word = "N",
         .help = "zones they are in at least, 1 to 8; 0: as many as there\ncan be",
         .kind = OPTION_NUMBER,
         .target = &redundancy,
         .max = 8},
        {.name = "partitions",
         .value_word = "N",
         .help = "partitions, a power of two up to 1024; fixed with\nversion 1 (default: 1024)",
         .kind = OPTION_NUMBER,
         .target = &partitions,
         .min = 1,
         .max = 1024},
    };
    int code = roster_begin(&ask, &SET_USAGE, own, 3, argc, argv);
    if (code == CLI_GO && !replication.is_given && !redundancy.is_given && !partitions.is_given) {
        say("give --replication, --zone-redundancy or --partitions (`skerry layout set --help`)");
        code = CLI_USAGE;
    }
    if (code == CLI_GO) {
        json_t *body = say_need(json_object());
        add_number(body, "replication", replication);
        add_number(body, "zone_redundancy", redundancy);
        add_number(body, "partitions", partitions);
        code = call_and_show(&ask, "POST", "/v1/layout/stage", body, print_after_staging);
    }
    roster_end(&ask);
    return code;
}

/* --- plan, apply, revert -------------------------------------------------------------------------------- */

static int plan(int argc, char **argv)
{
    struct roster_ask ask;
    json_t *document = NULL;
    int code = roster_begin(&ask, &PLAN_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO)
        code = operator_call(&ask.operator, "POST", "/v1/layout/plan", say_need(json_object()), &document);
    if (code == CLI_GO) {
        bool is_refused = json_is_false(json_object_get(document, "possible")) &&
                          json_array_size(json_object_get(document, "staged")) > 0;
        if (ask.operator.form == OUTPUT_JSON) {
            output_json(json_incref(document));
        } else {
            layout_print_plan(document);
        }
        output_flush();
        if (is_refused) say("%s", roster_text(document, "reason"));
        code = is_refused ? CLI_FAILED : CLI_DONE;
    }
    json_decref(document);
    roster_end(&ask);
    return code;
}

static void print_applied(const json_t *document)
{
    if (json_is_true(json_object_get(document, "changed"))) {
        printf("version %llu is in force\n",
               (unsigned long long)roster_number(json_object_get(document, "in_force"), "version"));
    } else {
        roster_print_text("", json_object_get(document, "message"));
    }
}

static int apply(int argc, char **argv)
{
    struct roster_ask ask;
    uint64_t version = 0;
    int code = roster_begin(&ask, &APPLY_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO && !options_number(ask.arguments.words[0], 1, INT64_MAX, &version)) {
        say("\"%s\" is no version: give the number that `skerry layout plan` showed", ask.arguments.words[0]);
        code = CLI_USAGE;
    }
    if (code == CLI_GO) {
        json_t *body = say_need(json_pack("{sI}", "version", (json_int_t)version));
        code = call_and_show(&ask, "POST", "/v1/layout/apply", body, print_applied);
    }
    roster_end(&ask);
    return code;
}

static void print_reverted(const json_t *document)
{
    if (json_array_size(json_object_get(document, "staged")) > 0) {
        printf("more is staged than one change takes back: revert again\n");
    } else if (json_is_true(json_object_get(document, "changed"))) {
        printf("nothing is staged any more\n");
    } else {
        roster_print_text("", json_object_get(document, "message"));
    }
}

static int revert(int argc, char **argv)
{
    json_t *body = say_need(json_object());
    return ask_and_show(argc, argv, &REVERT_USAGE, "POST", "/v1/layout/revert", body, print_reverted);
}

/* --- history -------------------------------------------------------------------------------------------- */

static void print_history(const json_t *document)
{
    static const char *const titles[] = {"VERSION", "HASH", "FATE", "MADE", "NODES", "ZONES", "COPIES", NULL};
    struct table table;
    const json_t *version;
    size_t i;
    table_init(&table, titles, 1u << 0 | 1u << 4 | 1u << 5 | 1u << 6);
    json_array_foreach(json_object_get(document, "versions"), i, version)
    {
        roster_add_count(&table, version, "version");
        roster_add_short(&table, version, "hash");
        roster_add_text(&table, version, "fate");
        roster_add_text(&table, version, "made");
        roster_add_count(&table, version, "nodes");
        roster_add_count(&table, version, "zones");
        roster_add_count(&table, version, "replication");
    }
    table_print(&table, stdout);
    table_deinit(&table);
}

static int history(int argc, char **argv)
{
    return ask_and_show(argc, argv, &HISTORY_USAGE, "GET", "/v1/layout/history", NULL, print_history);
}

static const struct command COMMANDS[] = {
    {"assign", "stage a role for a node", assign},
    {"remove", "stage that a node has no role any more", remove_role},
    {"set", "stage how many copies there are, in how many zones", set},
    {"show", "the layout in force and what is staged", show},
    {"plan", "what applying would move, from where to where", plan},
    {"apply", "make what is staged the layout in force", apply},
    {"revert", "forget what is staged", revert},
    {"history", "all versions, and what became of each", history},
};

static const struct command_group GROUP = {
    .name = "skerry layout",
    .about = "See and change which nodes hold what: stage changes, look at the plan, apply it.",
    .more = "A first layout:\n"
            "  skerry layout assign paris-1 --zone paris --capacity 100G\n"
            "  skerry layout assign rome-1 --zone rome --capacity 100G\n"
            "  skerry layout assign oslo-1 --zone oslo --capacity 100G\n"
            "  skerry layout plan\n"
            "  skerry layout apply 1\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

int layout_main(int argc, char **argv)
{
    return commands_run(&GROUP, argc, argv);
}
