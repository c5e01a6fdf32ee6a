/* `skerry repair salvage`: what is sound, in a new database. */
#include "node/cli/repair.h"
#include "node/cli/say.h"

static const struct usage USAGE = {
    .command = "skerry repair salvage",
    .synopsis = "[--yes] [OPTIONS]",
    .about = "Write a new database of all rows that pass their check, count the counters anew, and put\n"
             "it in the place of the damaged one, which stays as DIR/data.mdb.damaged. The server must\n"
             "be stopped. Without --yes nothing is changed: what is damaged and what would be kept is\n"
             "shown.\n"
             "What is left out is lost with its history: clients find no such item, and a write with an\n"
             "old token makes it anew. The node writes under a new actor afterwards. Try a backup first.\n",
    .examples = "  skerry repair salvage --data-dir /var/lib/skerry\n"
                "  skerry repair salvage --data-dir /var/lib/skerry --yes\n",
};

static json_t *counts_of(const uint64_t counts[KV_SPACES_COUNT])
{
    json_t *object = say_need(json_object());
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        json_object_set_new(object, keys_table_name((enum kv_space)space),
                            json_integer((json_int_t)counts[space]));
    return object;
}

static void print_report(const struct salvage_report *report, bool is_done)
{
    const char *word = is_done ? "kept" : "to be kept";
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        printf("%-7s %llu rows %s", keys_table_name((enum kv_space)space), (unsigned long long)report->kept[space],
               word);
        if (space == KV_COUNTS) {
            printf(", counted anew\n");
        } else {
            printf(", %llu left out\n", (unsigned long long)report->dropped[space]);
        }
    }
    printf("damaged pages, with all rows on them: %llu\n", (unsigned long long)report->pages);
}

/* What is damaged, on standard error: standard output is for the result. */
static void show_findings(struct repair *repair, unsigned form)
{
    struct progress none = {0};
    json_t *document = repair_check_here(repair, &none);
    if (document == NULL) return;
    if (form == OUTPUT_JSON) {
        json_decref(document); /* `skerry repair check -o json` is for that */
    } else {
        (void)repair_report(document, form);
    }
}

static int run(struct repair *repair, bool is_wanted, unsigned form)
{
    struct salvage_report report;
    if (!repair->has_rows) {
        say("nothing can be saved: %s", repair->reason);
        return CLI_FAILED;
    }
    show_findings(repair, form);
    enum err err = is_wanted ? repair_salvage(repair, &report) : repair_count(repair, &report);
    if (err != ERR_OK) {
        say("%s", repair->message[0] != '\0' ? repair->message : err_name(err));
        return CLI_FAILED;
    }
    if (form == OUTPUT_JSON) {
        output_json(
            say_need(json_pack("{s:b, s:o, s:o, s:I}", "done", is_wanted ? 1 : 0, "kept", counts_of(report.kept),
                               "left_out", counts_of(report.dropped), "damaged_pages", (json_int_t)report.pages)));
    } else {
        print_report(&report, is_wanted);
    }
    if (!is_wanted) say_note("Nothing was changed; --yes does it.");
    return CLI_DONE;
}

int repair_salvage_main(int argc, char **argv)
{
    static struct repair repair; /* its messages are long */
    struct arguments arguments;
    struct operator operator;
    const char *seal_key_file = NULL;
    bool is_wanted = false;
    operator_init(&operator);
    const struct option options[] = {
        {.name = "yes", .help = "do it", .kind = OPTION_FLAG, .target = &is_wanted},
        {.name = "seal-key-file",
         .value_word = "FILE",
         .help = "the key of the database; DIR/seal.key if not given",
         .kind = OPTION_TEXT,
         .target = &seal_key_file},
    };
    int code = operator_open(&operator, & USAGE, options, 2, argc, argv, &arguments);
    if (code == CLI_GO) {
        enum err err = repair_open(&repair, operator_data_dir(&operator), seal_key_file, true);
        if (err == ERR_OK) {
            code = run(&repair, is_wanted, operator.form);
            repair_close(&repair);
        } else {
            say("%s", repair.message);
            code = CLI_FAILED;
        }
    }
    operator_deinit(&operator);
    return code;
}
