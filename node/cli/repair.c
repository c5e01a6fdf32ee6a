/* What was found, as JSON and as a table. */
#include "node/cli/repair.h"

#include "node/cli/say.h"

static const struct command COMMANDS[] = {
    {"check", "check every row and page of the database", repair_check_main},
    {"salvage", "write a new database of what is sound in a damaged one", repair_salvage_main},
};

static const struct command_group GROUP = {
    .name = "skerry repair",
    .about = "Find damage in a database, and save what is sound.",
    .more = "What to do about damage:\n"
            "  1. skerry repair check         what is damaged?\n"
            "  2. restore a backup, when there is one\n"
            "  3. skerry repair salvage       else: all that is sound, in a new database\n"
            "Copy the data directory before 3, and distrust the disk.\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

int repair_main(int argc, char **argv)
{
    return commands_run(&GROUP, argc, argv);
}

json_t *repair_document(const char *where)
{
    return say_need(json_pack("{s:s, s:[], s:i}", "where", where, "findings", "unsettled", 0));
}

static json_t *hex_of(struct span bytes)
{
    char text[2 * KEYS_BUCKET_ID_BYTES];
    if (bytes.bytes == NULL || bytes.length > KEYS_BUCKET_ID_BYTES) return json_null();
    hash_hex(bytes.bytes, bytes.length, text);
    return json_stringn(text, 2 * bytes.length);
}

/* A key that is text; null for one that is not, or is not there. */
static json_t *key_of(struct span key)
{
    json_t *text = key.bytes == NULL ? NULL : json_stringn((const char *)key.bytes, key.length);
    return text != NULL ? text : json_null();
}

json_t *repair_page(const struct lmdb_finding *finding)
{
    return say_need(json_pack("{s:s, s:s, s:I, s:s}", "kind", "page", "table", finding->table, "page",
                              (json_int_t)finding->page, "what", lmdb_fault_text(finding->fault)));
}

static struct span rest_of(const struct op_finding *finding, enum kv_space space)
{
    bool is_of = strcmp(finding->table, keys_table_name(space)) == 0;
    return is_of && finding->key.length > KEYS_BUCKET_PREFIX_BYTES ? keys_rest(finding->key) : (struct span){0};
}

json_t *repair_row(const struct op_finding *finding)
{
    static const char *const kinds[] = {"page", "row", "missing", "count"};
    uint8_t row[8];
    wire_store_u64(row, finding->row);
    if (finding->kind == OP_FINDING_PAGE)
        return say_need(json_pack("{s:s, s:s, s:I, s:s}", "kind", "page", "table", finding->table, "page",
                                  (json_int_t)finding->page, "what", finding->what));
    struct span partition_key = finding->partition_key;
    if (partition_key.bytes == NULL) partition_key = rest_of(finding, KV_COUNTS);
    return say_need(json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:s}", "kind", kinds[finding->kind], "table",
                              finding->table, "row", hex_of(span_of(row, sizeof row)), "bucket",
                              hex_of(finding->bucket_id), "partition_key", key_of(partition_key), "sort_key",
                              key_of(rest_of(finding, KV_ITEMS)), "what", finding->what));
}

/* --- for people ----------------------------------------------------------------------------------------- */

static void add_member(struct table *table, const json_t *finding, const char *name)
{
    struct span text = output_span_of(json_object_get(finding, name));
    if (text.bytes == NULL) {
        table_add_text(table, "-");
    } else {
        table_add_key(table, text);
    }
}

static void print_findings(const json_t *findings)
{
    static const char *const titles[] = {"KIND",          "TABLE",    "ROW OR PAGE", "BUCKET",
                                         "PARTITION KEY", "SORT KEY", "WHAT",        NULL};
    struct table table;
    const json_t *finding;
    size_t i;
    table_init(&table, titles, 0);
    json_array_foreach(findings, i, finding)
    {
        const json_t *page = json_object_get(finding, "page");
        add_member(&table, finding, "kind");
        add_member(&table, finding, "table");
        if (page != NULL) {
            table_add_number(&table, page);
        } else {
            add_member(&table, finding, "row");
        }
        add_member(&table, finding, "bucket");
        add_member(&table, finding, "partition_key");
        add_member(&table, finding, "sort_key");
        add_member(&table, finding, "what");
    }
    table_print(&table, stdout);
    table_deinit(&table);
}

static json_int_t rows_of(const json_t *document)
{
    json_int_t rows = 0;
    const char *name;
    json_t *count;
    json_object_foreach(json_object_get(document, "rows"), name, count) rows += json_integer_value(count);
    return rows;
}

static void print_text(const json_t *document)
{
    const json_t *findings = json_object_get(document, "findings");
    const json_t *pages = json_object_get(document, "pages");
    size_t count = json_array_size(findings);
    if (count > 0) print_findings(findings);
    if (count > 0) printf("\n");
    printf("%" JSON_INTEGER_FORMAT " rows", rows_of(document));
    if (pages != NULL) printf(" and %" JSON_INTEGER_FORMAT " pages", json_integer_value(pages));
    printf(" checked: %zu findings\n", count);
}

int repair_report(json_t *document, unsigned form)
{
    bool is_sound = json_array_size(json_object_get(document, "findings")) == 0;
    json_int_t unsettled = json_integer_value(json_object_get(document, "unsettled"));
    const char *skipped = json_string_value(json_object_get(document, "skipped"));
    if (unsettled > 0) {
        say_note("%" JSON_INTEGER_FORMAT
                 " partitions are unsettled: their counters differed, but something was written during each "
                 "recount; check again at a quiet time, or with the server stopped",
                 unsettled);
    }
    if (skipped != NULL) say_note("the rows were not checked: %s", skipped);
    if (!is_sound) say("the database is damaged; `skerry repair --help` says what to do");
    if (form == OUTPUT_JSON) {
        output_json(document);
    } else {
        print_text(document);
        json_decref(document);
    }
    return is_sound && skipped == NULL ? CLI_DONE : CLI_FAILED;
}
