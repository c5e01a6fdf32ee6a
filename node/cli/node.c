/* `skerry node`: who is in the cluster, and how a node comes in and goes. */
#include "node/cli/roster.h"
#include "node/cli/interrupt.h"
#include "node/cli/say.h"
#include "node/cli/show.h"
#include "node/cli/terminal.h"

#include <time.h>

enum {
    CONNECT_TIMEOUT_S = 60,
    CONNECT_AGAIN_MS = 100,
    CONNECT_ATTEMPTS = 4,    /* a node that has just started closes links for a moment: it is asked again */
    CONNECT_HEARD_MAX = 50,  /* looks, until a node that joined is heard of */
    CONNECT_SILENT_MAX = 50, /* a node that joins opens its database anew: it may not answer for a while */
};

static const struct usage ID_USAGE = {
    .command = "skerry node id",
    .synopsis = "[OPTIONS]",
    .about = "Print the node's id and address as ID@HOST:PORT, the form that `skerry node connect` takes.\n",
    .examples = "  skerry node id\n"
                "  skerry node id -o json\n",
};

static const struct usage CONNECT_USAGE = {
    .command = "skerry node connect",
    .synopsis = "[ID@]HOST:PORT [OPTIONS]",
    .about =
        "Make this node and another one members of one cluster, and wait until they are. The one of both that\n"
        "is fresh joins the other's cluster; when both are, the other joins this one's. Fresh is who is in no\n"
        "cluster, and has no items, buckets, keys and layout of its own; what the demo made does not count.\n"
        "Both need the same secret ([rpc] secret_file). With ID only the node of that id will do.\n",
    .examples = "  skerry node connect rome-1.example.org:3901\n"
                "  skerry node connect rome-1.example.org:3901 --timeout 10 -o json\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage LIST_USAGE = {
    .command = "skerry node list",
    .synopsis = "[OPTIONS]",
    .about = "List the members of the cluster as this node sees them.\n",
    .examples = "  skerry node list\n"
                "  skerry node list -o json\n",
};

static const struct usage REMOVE_USAGE = {
    .command = "skerry node remove",
    .synopsis = "NODE [OPTIONS]",
    .about = "Take a node out of the cluster. It must have no role: `skerry layout remove` comes first.\n"
             "NODE is its name, its id or the first digits of that.\n",
    .examples = "  skerry node remove rome-1\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

/* --- id, list ------------------------------------------------------------------------------------------- */

static void print_id(const json_t *cluster)
{
    struct buffer line = {0};
    buffer_add_text(&line, roster_text(cluster, "node"));
    if (json_is_true(json_object_get(cluster, "enabled")) && roster_text(cluster, "address")[0] != '\0') {
        buffer_add_text(&line, "@");
        buffer_add_text(&line, roster_text(cluster, "address"));
    }
    show_make_printable(line.bytes);
    printf("%s\n", line.bytes);
    buffer_deinit(&line);
}

static json_t *pick_id(const json_t *cluster)
{
    static const char *const names[] = {"node", "address", "name", "cluster"};
    json_t *picked = say_need(json_object());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_object_get(cluster, names[i]);
        json_object_set(picked, names[i], value != NULL ? value : json_null());
    }
    return picked;
}

static int id(int argc, char **argv)
{
    struct roster_ask ask;
    json_t *cluster = NULL;
    int code = roster_begin(&ask, &ID_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = operator_call(&ask.operator, "GET", "/v1/cluster", NULL, &cluster);
    if (code == CLI_GO) {
        if (ask.operator.form == OUTPUT_JSON) {
            output_json(pick_id(cluster));
        } else {
            print_id(cluster);
        }
        code = CLI_DONE;
    }
    json_decref(cluster);
    roster_end(&ask);
    return code;
}

static int list(int argc, char **argv)
{
    struct roster_ask ask;
    json_t *cluster = NULL;
    int code = roster_begin(&ask, &LIST_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = operator_call(&ask.operator, "GET", "/v1/cluster", NULL, &cluster);
    if (code == CLI_GO) {
        if (ask.operator.form == OUTPUT_JSON) {
            output_json(say_need(json_pack("{sO}", "nodes", json_object_get(cluster, "nodes"))));
        } else {
            roster_print_nodes(json_object_get(cluster, "nodes"));
        }
        code = CLI_DONE;
    }
    json_decref(cluster);
    roster_end(&ask);
    return code;
}

/* --- connect -------------------------------------------------------------------------------------------- */

struct connect {
    struct roster_ask ask;
    char cluster_before[ROSTER_SHORT_CHARS]; /* the cluster's id before: another one after is the way of a joiner
                                              */
    uint64_t begun_us;
    uint64_t timeout_s;
    bool has_timeout; /* the operator said how long: so long is tried on */
    unsigned attempts;
    unsigned silent_count; /* questions in a row without an answer */
    size_t unknown_before; /* nodes that were not heard of */
};

static void wait_a_little(void)
{
    const struct timespec time = {.tv_nsec = CONNECT_AGAIN_MS * 1000000L};
    nanosleep(&time, NULL);
}

static bool is_late(const struct connect *connect)
{
    return terminal_now_us() - connect->begun_us > connect->timeout_s * 1000000;
}

/* Has this node come into another cluster, so that it started anew and knows of no connecting any more? */
static bool has_moved(struct connect *connect)
{
    char now[ROSTER_SHORT_CHARS];
    json_t *cluster = NULL;
    bool is_read = operator_try(&connect->ask.operator, "/v1/cluster", &cluster);
    bool is_so = is_read && strcmp(roster_short(cluster, "cluster", now), connect->cluster_before) != 0;
    json_decref(cluster);
    return is_so;
}

static int say_failed(const char *message)
{
    say("%s", message);
    return CLI_FAILED;
}

static int say_refused(const char *message)
{
    say("%s", message);
    if (strstr(message, "secret") != NULL)
        say_note("Both nodes need the same secret ([rpc] secret_file): with another one the other end just closes "
                 "the connection.");
    if (strstr(message, "another cluster") != NULL || strstr(message, "empty node") != NULL)
        say_note(
            "One of both nodes must be fresh: member of no cluster, without items, buckets, keys and a layout "
            "of its own. The bucket and key of the demo do not count.");
    return CLI_FAILED;
}

static int ask_again(struct connect *connect)
{
    connect->attempts++;
    for (int i = 0; i < 2; i++)
        wait_a_little();
    json_t *body = say_need(json_pack("{ss}", "target", connect->ask.arguments.words[0]));
    return operator_call(&connect->ask.operator, "POST", "/v1/cluster/connect", body, NULL);
}

/* One look at how it stands. CLI_GO while nothing is decided; `message` is what it waits for. */
static int look(struct connect *connect, char message[256])
{
    json_t *state = NULL;
    int code = CLI_GO;
    if (!operator_try(&connect->ask.operator, "/v1/cluster/connect", &state)) {
        connect->silent_count++;
        if (connect->silent_count > CONNECT_SILENT_MAX) return say_failed("the server answers no more");
        return CLI_GO;
    }
    connect->silent_count = 0;
    const char *outcome = roster_text(state, "outcome");
    snprintf(message, 256, "%.255s", roster_text(state, "message"));
    show_make_printable(message);
    if (strcmp(outcome, "done") == 0 || (strcmp(outcome, "idle") == 0 && has_moved(connect))) {
        code = CLI_DONE;
    } else if (strcmp(outcome, "failed") == 0) {
        bool is_tried_on = connect->attempts < CONNECT_ATTEMPTS || (connect->has_timeout && !is_late(connect));
        bool is_passing = strstr(message, "closed") != NULL && is_tried_on;
        code = is_passing ? ask_again(connect) : say_refused(message);
    }
    json_decref(state);
    return code;
}

static int wait_for_it(struct connect *connect)
{
    char message[256] = "";
    char shown[256] = "";
    int code = look(connect, message);
    while (code == CLI_GO) {
        if (strcmp(message, shown) != 0 && message[0] != '\0') say_note("%s", message);
        memcpy(shown, message, sizeof shown);
        if (interrupt_came()) return say_failed("interrupted; the server goes on trying");
        if (is_late(connect)) {
            say("not connected after %llu s; the server goes on trying: %s",
                (unsigned long long)connect->timeout_s, message[0] != '\0' ? message : "nothing is known yet");
            return CLI_FAILED;
        }
        wait_a_little();
        code = look(connect, message);
    }
    return code;
}

static size_t count_unknown(const json_t *cluster)
{
    const json_t *node;
    size_t i, count = 0;
    json_array_foreach(json_object_get(cluster, "nodes"), i, node)
    {
        count += strcmp(roster_text(node, "state"), "unknown") == 0;
    }
    return count;
}

/* Members it is; a node that joined starts anew and then says that it is there. That is waited for, but not long:
 * whoever is silent is shown as such. */
static void wait_until_heard(struct connect *connect)
{
    bool is_heard = false;
    for (int i = 0; i < CONNECT_HEARD_MAX && !is_heard && !is_late(connect) && !interrupt_came(); i++) {
        json_t *cluster = NULL;
        is_heard = operator_try(&connect->ask.operator, "/v1/cluster", &cluster) &&
                   json_array_size(json_object_get(cluster, "nodes")) > 1 &&
                   count_unknown(cluster) <= connect->unknown_before;
        json_decref(cluster);
        if (!is_heard) wait_a_little();
    }
}

static int show_connected(struct connect *connect)
{
    json_t *cluster = NULL;
    int code = operator_call(&connect->ask.operator, "GET", "/v1/cluster", NULL, &cluster);
    if (code != CLI_GO) return code;
    if (connect->ask.operator.form == OUTPUT_JSON) {
        output_json(json_incref(cluster));
    } else {
        char id_text[ROSTER_SHORT_CHARS];
        size_t count = json_array_size(json_object_get(cluster, "nodes"));
        printf("connected: cluster %s, %zu node%s\n", roster_short(cluster, "cluster", id_text), count,
               count == 1 ? "" : "s");
    }
    json_decref(cluster);
    return CLI_DONE;
}

static int begin_connect(struct connect *connect)
{
    json_t *cluster = NULL;
    json_t *body = say_need(json_pack("{ss}", "target", connect->ask.arguments.words[0]));
    int code = operator_call(&connect->ask.operator, "GET", "/v1/cluster", NULL, &cluster);
    roster_short(cluster, "cluster", connect->cluster_before);
    connect->unknown_before = count_unknown(cluster);
    json_decref(cluster);
    if (code != CLI_GO) {
        json_decref(body);
        return code;
    }
    return operator_call(&connect->ask.operator, "POST", "/v1/cluster/connect", body, NULL);
}

static int connect_node(int argc, char **argv)
{
    struct connect connect = {.timeout_s = CONNECT_TIMEOUT_S, .attempts = 1};
    struct option_number timeout = {0};
    const struct option own[] = {{.name = "timeout",
                                  .value_word = "SECONDS",
                                  .help = "how long to wait and try again; if not given 60, and 4 tries",
                                  .kind = OPTION_NUMBER,
                                  .target = &timeout,
                                  .min = 1,
                                  .max = 86400}};
    int code = roster_begin(&connect.ask, &CONNECT_USAGE, own, 1, argc, argv);
    connect.has_timeout = timeout.is_given;
    if (timeout.is_given) connect.timeout_s = timeout.value;
    if (code == CLI_GO) {
        interrupt_watch();
        connect.begun_us = terminal_now_us();
        code = begin_connect(&connect);
        if (code == CLI_GO) code = wait_for_it(&connect);
        if (code == CLI_DONE) {
            wait_until_heard(&connect);
            code = show_connected(&connect);
        }
    }
    roster_end(&connect.ask);
    interrupt_end();
    return code;
}

/* --- remove
 * ------------------------------------------------------------------------------------------------------ */

static int remove_node(int argc, char **argv)
{
    struct roster_ask ask;
    bool is_forced = false;
    json_t *answer = NULL;
    const struct option own[] = {{.name = "force",
                                  .help = "even while it has a role: when it will never come back",
                                  .kind = OPTION_FLAG,
                                  .target = &is_forced}};
    int code = roster_begin(&ask, &REMOVE_USAGE, own, 1, argc, argv);
    if (code == CLI_GO) {
        json_t *body = say_need(json_pack("{sssb}", "node", ask.arguments.words[0], "force", is_forced));
        code = operator_call(&ask.operator, "POST", "/v1/cluster/remove", body, &answer);
    }
    if (code == CLI_GO) {
        if (ask.operator.form == OUTPUT_JSON) {
            output_json(json_incref(answer));
        } else if (json_is_true(json_object_get(answer, "changed"))) {
            printf("removed node %s\n", ask.arguments.words[0]);
        } else {
            roster_print_text("", json_object_get(answer, "message"));
        }
        code = CLI_DONE;
    }
    json_decref(answer);
    roster_end(&ask);
    return code;
}

static const struct command COMMANDS[] = {
    {"id", "this node's id and address", id},
    {"connect", "make two nodes members of one cluster", connect_node},
    {"list", "list all nodes and how they fare", list},
    {"remove", "take a node out of the cluster", remove_node},
};

static const struct command_group GROUP = {
    .name = "skerry node",
    .about = "See and change which nodes are members of the cluster.",
    .more = "A member stores nothing for others before it has a role: `skerry layout assign`.\n"
            "Being unreachable removes nobody: only you do.\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

int node_main(int argc, char **argv)
{
    return commands_run(&GROUP, argc, argv);
}
