/* `skerry k2v delete-batch`: ranges and many items. */
#include "node/cli/batch.h"
#include "node/cli/k2v.h"

static const struct usage USAGE = {
    .command = "skerry k2v delete-batch",
    .synopsis = "PK [OPTIONS]\n[FILE | - | JSON] [OPTIONS]",
    .about =
        "Delete a range of the partition PK — without options all of it — or several ranges and items.\n"
        "What is written while it runs stays. A large range takes its time: the answer is waited for as\n"
        "long as the connection lives.\n"
        "\n"
        "FILE (or standard input, or the argument itself) is a JSON array as the protocol has it, one object\n"
        "a deletion, with partitionKey, prefix, start, end, singleItem. Other members are refused.\n",
    .examples = "  skerry k2v delete-batch mailboxes --prefix 2025-\n"
                "  skerry k2v delete-batch mailboxes --single-item --start INBOX\n"
                "  skerry k2v delete-batch '[{\"partitionKey\": \"jobs\", \"start\": \"a\", \"end\": \"m\"}]'\n"
                "  skerry k2v delete-batch deletions.json\n",
    .arguments_max = 1,
};

static int show(const json_t *answer)
{
    static const char *const titles[] = {"DELETED ITEMS", "PARTITION KEY", NULL};
    struct table table;
    table_init(&table, titles, 1);
    const json_t *deletion;
    size_t i;
    json_array_foreach(answer, i, deletion)
    {
        table_add_number(&table, json_object_get(deletion, "deletedItems"));
        table_add_key(&table, output_span_of(json_object_get(deletion, "partitionKey")));
    }
    table_print(&table, stdout);
    table_deinit(&table);
    return CLI_DONE;
}

int k2v_delete_batch(int argc, char **argv)
{
    static const char *const members[] = {"partitionKey", "prefix", "start", "end", "singleItem", NULL};
    static const struct batch_command command = {
        .usage = &USAGE,
        .keyword = "delete",
        .members = members,
        .foreign_member_reason =
            "a deletion has no such member; it would be ignored, and more be deleted than meant",
        .show = show};
    return batch_run(&command, argc, argv);
}
