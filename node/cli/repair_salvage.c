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

/* The names of the tables that are not of the newest commit, with commas; "" for none. The counters are counted
 * anew. Returns the commit they are of. */
static uint64_t list_older(const struct lmdb_file *file, char *names, size_t capacity)
{
    uint64_t commit = 0;
    size_t length = 0;
    names[0] = '\0';
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        if (space == KV_COUNTS || file->newest == 0 || file->commits[space] == file->newest) continue;
        int added = snprintf(names + length, capacity - length, "%s%s", length > 0 ? ", " : "",
                             keys_table_name((enum kv_space)space));
        length += added > 0 && (size_t)added < capacity - length ? (size_t)added : 0;
        commit = file->commits[space];
    }
    return commit;
}

/* What was passed over to find the tables: acknowledged writes may be lost with it. */
static void say_passed(const struct kv_file *db)
{
    char names[64];
    const struct lmdb_file *file = &db->file;
    const struct lmdb_finding *finding = &db->passed;
    if (finding->fault == LMDB_SOUND) return;
    say("page %llu (%s) %s", (unsigned long long)finding->page, finding->table, lmdb_fault_text(finding->fault));
    unsigned long long older = list_older(file, names, sizeof names);
    unsigned long long newest = file->newest;
    unsigned long long taken = file->commits[KV_META];
    if (newest == 0) {
        say("commit %llu was taken: if there was a newer one, what it changed is lost", taken);
    } else if (older != 0) {
        say("commit %llu is damaged, %llu was taken for %s: what commit %llu changed there may be lost", newest,
            older, names, newest);
    } else {
        say_note("commit %llu was taken, the newest", newest);
    }
}

/* The same for programs: which commit each table is of; "newest" is null where it cannot be known. */
static json_t *snapshot_of(const struct kv_file *db)
{
    json_t *taken = say_need(json_object());
    json_t *newest = db->file.newest == 0 ? json_null() : json_integer((json_int_t)db->file.newest);
    for (int space = 0; space < KV_COUNTS; space++)
        json_object_set_new(taken, keys_table_name((enum kv_space)space),
                            json_integer((json_int_t)db->file.commits[space]));
    return say_need(
        json_pack("{s:o, s:o, s:o}", "newest", newest, "taken", taken, "finding", repair_page(&db->passed)));
}

static void print_json(const struct repair *repair, const struct salvage_report *report, bool is_done)
{
    json_t *document = say_need(json_pack("{s:b, s:o, s:o, s:I}", "done", is_done ? 1 : 0, "kept",
                                          counts_of(report->kept), "left_out", counts_of(report->dropped),
                                          "damaged_pages", (json_int_t)report->pages));
    if (repair->db.passed.fault != LMDB_SOUND)
        json_object_set_new(document, "damaged_commit", snapshot_of(&repair->db));
    output_json(document);
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
        print_json(repair, &report, is_wanted);
    } else {
        print_report(&report, is_wanted);
    }
    say_passed(&repair->db);
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
