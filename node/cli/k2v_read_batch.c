/* `skerry k2v read-batch`: ranges and many items. */
#include "node/cli/batch.h"
#include "node/cli/k2v.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

static const struct usage USAGE = {
    .command = "skerry k2v read-batch",
    .synopsis = "PK [OPTIONS]\n[FILE | - | JSON] [OPTIONS]",
    .about =
        "Read a range of the partition PK, or many ranges and items at once.\n"
        "\n"
        "FILE (or standard input, or the argument itself) is a JSON array as the protocol has it, one object\n"
        "a search, with partitionKey, prefix, start, end, limit, reverse, singleItem, conflictsOnly,\n"
        "tombstones.\n"
        "\n"
        "One row a value: an item in conflict has several. Long values are cut; -o json has all.\n",
    .examples = "  skerry k2v read-batch mailboxes\n"
                "  skerry k2v read-batch mailboxes --start 2026-01 --end 2026-02 --limit 10\n"
                "  skerry k2v read-batch mailboxes --conflicts-only --tombstones\n"
                "  skerry k2v read-batch '[{\"partitionKey\": \"mailboxes\", \"prefix\": \"2026-\"},\n"
                "      {\"partitionKey\": \"jobs\", \"start\": \"next\", \"singleItem\": true}]'\n"
                "  skerry k2v read-batch searches.json -o json > found.json\n",
    .arguments_max = 1,
};

static size_t add_options(struct batch_ask *ask, struct option options[BATCH_OWN_OPTIONS])
{
    options[0] = batch_flag("conflicts-only", "only items with several values", &ask->conflicts_only);
    options[1] = batch_flag("tombstones", "deleted items too", &ask->tombstones);
    return 2;
}

static void set_more(const struct batch_ask *ask, json_t *element)
{
    const struct option_number *limit = &ask->range.limit;
    json_t *number = limit->is_given ? json_integer((json_int_t)limit->value) : json_null();
    json_object_set_new(element, "limit", say_need(number));
    json_object_set_new(element, "reverse", json_boolean(ask->range.reverse));
    json_object_set_new(element, "conflictsOnly", json_boolean(ask->conflicts_only));
    json_object_set_new(element, "tombstones", json_boolean(ask->tombstones));
}

/* Above the items of one of several searches. */
static void print_partition(const json_t *search, bool is_first)
{
    struct buffer line = {0};
    buffer_add_text(&line, is_first ? "PARTITION KEY  " : "\nPARTITION KEY  ");
    show_key(&line, output_span_of(json_object_get(search, "partitionKey")));
    buffer_add_text(&line, "\n");
    output_span(buffer_span(&line));
    buffer_deinit(&line);
}

static int show(const json_t *answer)
{
    const json_t *search;
    size_t i;
    int code = CLI_DONE;
    json_array_foreach(answer, i, search)
    {
        if (json_array_size(answer) > 1) {
            print_partition(search, i == 0);
        }
        if (!k2v_print_items(json_object_get(search, "items"))) code = CLI_FAILED;
        k2v_say_more(search);
    }
    return code;
}

int k2v_read_batch(int argc, char **argv)
{
    static const struct batch_command command = {.usage = &USAGE,
                                                 .keyword = "search",
                                                 .has_direction = true,
                                                 .has_long_answer = true,
                                                 .add_options = add_options,
                                                 .set_more = set_more,
                                                 .show = show};
    return batch_run(&command, argc, argv);
}
