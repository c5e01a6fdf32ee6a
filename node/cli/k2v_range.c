/* `skerry k2v index` and `poll-range`: lists of partition keys, and news of a partition. */
#include "node/cli/k2v.h"
#include "node/cli/range.h"
#include "node/cli/say.h"
#include "node/cli/shown.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct usage INDEX_USAGE = {
    .command = "skerry k2v index",
    .synopsis = "[OPTIONS]",
    .about =
        "List the partition keys of the bucket that hold items, with their counts: items, items in conflict,\n"
        "values, bytes of values.\n",
    .examples = "  skerry k2v index\n"
                "  skerry k2v index --prefix mail: --limit 20\n"
                "  skerry k2v index -o json\n",
};

static void add_index_row(struct table *table, const json_t *row)
{
    static const char *const counts[] = {"entries", "conflicts", "values", "bytes"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        table_add_number(table, json_object_get(row, counts[i]));
    }
    struct span key = output_span_of(json_object_get(row, "pk"));
    table_add_key(table, key);
}

static int show_index(const struct session *session, json_t *document)
{
    static const char *const titles[] = {"ENTRIES", "CONFLICTS", "VALUES", "BYTES", "PARTITION KEY", NULL};
    if (session->form == OUTPUT_JSON) {
        output_json(json_incref(document));
        return CLI_DONE;
    }
    const json_t *rows = json_object_get(document, "partitionKeys");
    if (!json_is_array(rows)) {
        say("the server's answer cannot be read: it has no partitionKeys");
        return CLI_FAILED;
    }
    struct table table;
    table_init(&table, titles, 0xf);
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        add_index_row(&table, row);
    }
    table_print(&table, stdout);
    table_deinit(&table);
    k2v_say_more(document);
    return CLI_DONE;
}

static int read_index(struct session *session, const struct range *range)
{
    char limit[32] = "";
    if (range->limit.is_given) snprintf(limit, sizeof limit, "%" PRIu64, range->limit.value);
    struct call call = {.method = "GET"};
    call_add_parameter(&call, "prefix", span_text(range->prefix != NULL ? range->prefix : ""));
    call_add_parameter(&call, "start", span_text(range->start != NULL ? range->start : ""));
    call_add_parameter(&call, "end", span_text(range->end != NULL ? range->end : ""));
    call_add_parameter(&call, "limit", span_text(limit));
    call_add_parameter(&call, "reverse", span_text(range->reverse ? "true" : ""));
    int code = session_call(session, &call, 0);
    if (code != CLI_GO) return code;

    json_t *document = session_json(session);
    if (document == NULL) return CLI_FAILED;
    code = show_index(session, document);
    json_decref(document);
    return code;
}

int k2v_index(int argc, char **argv)
{
    struct range range = {0};
    struct option own[RANGE_OPTIONS];
    size_t own_count = range_options(&range, true, own);
    struct arguments arguments;
    struct session session;
    session_init(&session);
    int code = session_open(&session, &INDEX_USAGE, own, own_count, argc, argv, &arguments);
    if (code == CLI_GO && !range_check(&range)) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) code = read_index(&session, &range);
    session_deinit(&session);
    return code;
}

static const struct usage POLL_RANGE_USAGE = {
    .command = "skerry k2v poll-range",
    .synopsis = "PK [OPTIONS]",
    .about = "Show what is new in the partition PK, or in a range of its sort keys.\n"
             "\n"
             "Without a marker all items there are shown at once, and a seen marker on standard error. With that\n"
             "marker the next call waits until there is something the marker has not seen; it ends with exit\n"
             "code 5 when the time is over without news. Deleted items are among the news.\n",
    .examples = "  skerry k2v poll-range mailboxes 2> seen       # keeps the marker\n"
                "  skerry k2v poll-range mailboxes --seen-marker-file seen --timeout 60\n"
                "  skerry k2v poll-range mailboxes --prefix 2026- -o json\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

struct poll_range {
    struct range range;
    struct option_number timeout;
    struct shown seen;
};

static json_t *poll_range_body(const struct poll_range *ask, unsigned timeout_s)
{
    json_t *body = say_need(json_object());
    range_set(&ask->range, body);
    json_object_set_new(body, "timeout", say_need(json_integer(timeout_s)));
    json_t *marker = ask->seen.word != NULL ? json_string(ask->seen.word) : json_null();
    json_object_set_new(body, "seenMarker", say_need(marker));
    return body;
}

static int show_news(const struct session *session, json_t *document)
{
    if (session->form == OUTPUT_JSON) {
        output_json(json_incref(document));
        return CLI_DONE;
    }
    if (!k2v_print_items(json_object_get(document, "items"))) return CLI_FAILED;
    const char *marker = json_string_value(json_object_get(document, "seenMarker"));
    output_flush();
    if (marker != NULL) say_note("seen marker: %s", marker);
    return CLI_DONE;
}

static int poll_range(struct session *session, const struct poll_range *ask, const char *partition_key)
{
    unsigned timeout_s = ask->timeout.is_given ? (unsigned)ask->timeout.value : K2V_POLL_DEFAULT_S;
    json_t *body = poll_range_body(ask, timeout_s);
    char *text = say_need(json_dumps(body, JSON_COMPACT));
    json_decref(body);
    struct call call = {.method = "POST",
                        .partition_key = span_text(partition_key),
                        .parameters = {{"poll_range", span_text("")}},
                        .parameters_count = 1,
                        .has_body = true,
                        .body = span_text(text)};
    int code = session_call(session, &call, timeout_s + K2V_POLL_GRACE_S);
    free(text);
    if (code == CLI_NOTHING_NEW) say_note("nothing new in %u seconds", timeout_s);
    if (code != CLI_GO) return code;

    json_t *document = session_json(session);
    if (document == NULL) return CLI_FAILED;
    code = show_news(session, document);
    json_decref(document);
    return code;
}

int k2v_poll_range(int argc, char **argv)
{
    struct poll_range ask = {0};
    struct option own[RANGE_OPTIONS + 1 + SHOWN_OPTIONS];
    size_t own_count = range_options(&ask.range, false, own);
    own[own_count++] = (struct option){.name = "timeout",
                                       .value_word = "SECONDS",
                                       .help = "how long to wait, 1 to 600; 300 if not given",
                                       .kind = OPTION_NUMBER,
                                       .target = &ask.timeout,
                                       .min = 1,
                                       .max = K2V_POLL_MAX_S};
    own_count += shown_options(&SHOWN_MARKER, &ask.seen, own + own_count);
    struct arguments arguments;
    struct session session;
    session_init(&session);
    int code = session_open(&session, &POLL_RANGE_USAGE, own, own_count, argc, argv, &arguments);
    bool is_good = code != CLI_GO || (session_check_key("partition key", arguments.words[0], false) &&
                                      range_check(&ask.range) && shown_find(&SHOWN_MARKER, &ask.seen));
    if (!is_good) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) code = poll_range(&session, &ask, arguments.words[0]);
    shown_deinit(&ask.seen);
    session_deinit(&session);
    return code;
}
