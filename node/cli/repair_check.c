/* `skerry repair check`: by the server that has the data directory, else here. */
#include "node/cli/repair.h"
#include "node/cli/say.h"

#include <stdlib.h>
#include <unistd.h>

static const struct usage USAGE = {
    .command = "skerry repair check",
    .synopsis = "[OPTIONS]",
    .about = "Check every row of the database: its hash and shape, the counters of each partition\n"
             "against a recount, and the pages below them. A running server does it beside its\n"
             "clients' requests; when none has the data directory, its files are read here, and the\n"
             "list of free pages is checked too. Nothing is changed.\n"
             "Rows are named by a short hash, as in the server's log. Buckets and keys are shown where\n"
             "they can be read; on a damaged row they may be wrong.\n"
             "The exit code is 1 when anything was found.\n",
    .examples = "  skerry repair check\n"
                "  skerry repair check --data-dir /var/lib/skerry -o json\n",
};

static const struct progress_state STATE = {
    .name = "check", .items_word = "rows checked", .bytes_word = "received"};

/* --- here ----------------------------------------------------------------------------------------------- */

struct here {
    json_t *findings;
    struct progress *progress;
};

static void on_page(void *owner, const struct lmdb_finding *finding)
{
    struct here *here = owner;
    json_array_append_new(here->findings, repair_page(finding));
}

static void on_row(void *owner, const struct op_finding *finding)
{
    struct here *here = owner;
    json_array_append_new(here->findings, repair_row(finding));
}

static void on_rows(void *owner, uint64_t rows)
{
    struct here *here = owner;
    here->progress->state.items = rows;
    progress_show(here->progress);
}

json_t *repair_check_here(struct repair *repair, struct progress *progress)
{
    json_t *document = repair_document("files");
    json_t *rows = say_need(json_object());
    struct here here = {json_object_get(document, "findings"), progress};
    struct repair_listener listener = {on_page, on_row, on_rows, &here};
    struct check_walk walk;
    uint64_t pages = 0;
    enum err err = repair_check(repair, &listener, &walk, &pages);
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        json_object_set_new(rows, keys_table_name((enum kv_space)space),
                            json_integer((json_int_t)walk.rows[space]));
    json_object_set_new(document, "pages", json_integer((json_int_t)pages));
    json_object_set_new(document, "rows", rows);
    if (repair->reason != NULL) json_object_set_new(document, "skipped", json_string(repair->reason));
    if (err == ERR_OK) return document;
    say("the check came to no end: %s", err_name(err));
    json_decref(document);
    return NULL;
}

/* --- by the server -------------------------------------------------------------------------------------- */

struct there {
    struct operator* operator;
    struct progress *progress;
};

/* The last number of rows in what came so far. */
static uint64_t rows_in(const struct buffer *body)
{
    static const char name[] = "\"rows\": ";
    struct span text = buffer_span(body);
    for (size_t at = text.length; at >= sizeof name; at--) {
        const uint8_t *word = text.bytes + at - sizeof name;
        bool is_number = memcmp(word, name, sizeof name - 1) == 0 && word[sizeof name - 1] >= '0' &&
                         word[sizeof name - 1] <= '9';
        if (is_number) return strtoull((const char *)word + sizeof name - 1, NULL, 10);
        if (text.length - at > 65536) break;
    }
    return 0;
}

static bool on_tick(void *owner, uint64_t sent_bytes, uint64_t received_bytes)
{
    struct there *there = owner;
    (void)sent_bytes;
    (void)received_bytes;
    (void)buffer_text(&there->operator->answer.body); /* a NUL behind it */
    uint64_t rows = rows_in(&there->operator->answer.body);
    if (rows > 0) there->progress->state.items = rows;
    progress_show(there->progress);
    return true;
}

/* The steps of the server's answer as one document. NULL, said, when it is none of that kind. */
static json_t *gather(json_t *answer)
{
    json_t *document = repair_document("server");
    json_t *findings = json_object_get(document, "findings");
    const json_t *step;
    size_t i;
    json_array_foreach(json_object_get(answer, "steps"), i, step)
        json_array_extend(findings, json_object_get(step, "findings"));
    json_t *rows = json_object_get(answer, "rows");
    json_t *unsettled = json_object_get(answer, "unsettled");
    bool is_whole = json_is_object(rows) && json_is_integer(unsettled) &&
                    json_integer_value(json_object_get(answer, "findings")) ==
                        (json_int_t)json_array_size(findings);
    if (is_whole) {
        json_object_set(document, "rows", rows);
        json_object_set(document, "unsettled", unsettled);
    }
    json_decref(answer);
    if (is_whole) return document;
    say("the server's answer is not one this program understands");
    json_decref(document);
    return NULL;
}

static int check_there(struct operator* operator, struct progress * progress)
{
    json_t *answer = NULL;
    struct there there = {operator, progress };
    int code = operator_connect(operator);
    if (code != CLI_GO) return code;
    operator->transfer.on_tick = on_tick;
    operator->transfer.owner = & there;
    code = operator_call(operator, "GET", "/v1/check", NULL, &answer);
    progress_clear(progress);
    if (code != CLI_GO) return code;
    json_t *document = gather(answer);
    return document == NULL ? CLI_FAILED : repair_report(document, operator->form);
}

/* --- the command ---------------------------------------------------------------------------------------- */

static bool is_there(const char *dir, const char *name)
{
    char path[FILES_PATH_BYTES];
    return files_path(dir, name, path) && access(path, F_OK) == 0;
}

/* CLI_GO when the server that has the directory is to be asked. One that runs has its lock; without that and
 * without a database nothing tells that this is a data directory. */
static int check_here(const struct operator* operator, const char * seal_key_file, struct progress *progress)
{
    static struct repair repair; /* its messages are long */
    const char *dir = operator_data_dir(operator);
    bool has_database = is_there(dir, "data.mdb");
    bool is_elsewhere = operator->endpoint_flag != NULL || getenv("SKERRY_ADMIN_ENDPOINT") != NULL;
    if (is_elsewhere || (!has_database && !is_there(dir, "skerry.lock"))) return CLI_GO;
    enum err err = repair_open(&repair, dir, seal_key_file, false);
    if (err == ERR_LOCKED) return CLI_GO;
    if (err != ERR_OK && !has_database) {
        say("there is no data.mdb in %s", dir);
        return CLI_FAILED;
    }
    if (err != ERR_OK) {
        say("%s", repair.message);
        return CLI_FAILED;
    }
    json_t *document = repair_check_here(&repair, progress);
    repair_close(&repair);
    progress_clear(progress);
    return document == NULL ? CLI_FAILED : repair_report(document, operator->form);
}

int repair_check_main(int argc, char **argv)
{
    struct arguments arguments;
    struct operator operator;
    struct progress progress;
    const char *seal_key_file = NULL;
    bool is_quiet = false;
    operator_init(&operator);
    const struct option options[] = {
        {.name = "seal-key-file",
         .value_word = "FILE",
         .help = "the key of the database, when its files are read here;\nDIR/seal.key if not given",
         .kind = OPTION_TEXT,
         .target = &seal_key_file},
        progress_option(&is_quiet),
    };
    int code = operator_open(&operator, & USAGE, options, 2, argc, argv, &arguments);
    if (code == CLI_GO) {
        progress_begin(&progress, &STATE, is_quiet);
        code = check_here(&operator, seal_key_file, &progress);
        if (code == CLI_GO) code = check_there(&operator, & progress);
        progress_clear(&progress);
    }
    operator_deinit(&operator);
    return code;
}
