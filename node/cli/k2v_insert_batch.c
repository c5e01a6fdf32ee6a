/* `skerry k2v insert-batch`: any number of items, in requests of bounded size. */
#include "node/cli/input.h"
#include "node/cli/interrupt.h"
#include "node/cli/items.h"
#include "node/cli/k2v.h"
#include "node/cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#define INTERRUPTED_EARLY "interrupted; nothing was sent"

enum {
    BATCH_ITEMS_DEFAULT = 1000,
    BATCH_ITEMS_MAX = 100000,
    BATCH_BYTES_MAX = 4 * 1024 * 1024, /* well under what servers take at once (64 MiB); larger items go alone */
};

static const struct usage USAGE = {
    .command = "skerry k2v insert-batch",
    .synopsis = "[FILE | -] [OPTIONS]",
    .about =
        "Store and delete many items. FILE (or standard input) is a JSON array as the protocol has it:\n"
        "  [{\"pk\": \"mailboxes\", \"sk\": \"INBOX\", \"ct\": \"TOKEN or null\", \"v\": \"base64, or null to "
        "delete\"}]\n"
        "or, with --lines, one such object a line. \"value\" in place of \"v\" is plain text.\n"
        "\n"
        "Items are sent in requests of at most 1000 items or 4 MiB, in order. A file is checked whole before\n"
        "anything is sent; standard input is sent as it comes. When a request fails, what is stored already is\n"
        "said, and --skip goes on from there.\n",
    .examples =
        "  skerry k2v insert-batch items.json\n"
        "  skerry k2v insert-batch items.jsonl --lines\n"
        "  printf '{\"pk\":\"a\",\"sk\":\"%s\",\"value\":\"hello\"}\\n' 1 2 3 | skerry k2v insert-batch --lines\n"
        "  skerry k2v insert-batch items.json --skip 12000\n",
    .arguments_max = 1,
};

struct insert_ask {
    bool has_lines;
    bool no_progress;
    struct option_number batch_items;
    struct option_number skip;
};

/* One run over a file. */
struct insert_run {
    struct session *session;
    const char *name; /* of the file, for messages */
    uint64_t skip;
    struct items_reader reader;
    struct items_batch batch;
    uint64_t read_count;     /* items, those skipped included */
    uint64_t stored_count;   /* items */
    uint64_t requests_count; /* that were answered well */
    struct progress progress;
    uint64_t file_bytes;    /* 0: not known */
    uint64_t skipped_bytes; /* before the first item that is sent */
};

/* What was read for the requests that were answered counts as done. */
static void show_progress(struct insert_run *run, FILE *file)
{
    off_t at = ftello(file);
    run->progress.state.items = run->stored_count;
    if (at > 0) run->progress.state.bytes = (uint64_t)at - run->skipped_bytes;
    if (run->file_bytes > 0) run->progress.state.bytes_total = run->file_bytes - run->skipped_bytes;
    progress_show(&run->progress);
}

/* What a failed request, or an end before all was sent, leaves behind, and how to go on. */
static void say_stopped(const struct insert_run *run, uint64_t items_sent)
{
    uint64_t done = run->skip + run->stored_count;
    if (run->stored_count > 0) {
        say_note("%" PRIu64 " items before it are stored (items %" PRIu64 " to %" PRIu64 ").", run->stored_count,
                 run->skip + 1, done);
    } else {
        say_note("No item before it was sent.");
    }
    if (items_sent > 0) {
        say_note("Of items %" PRIu64 " to %" PRIu64 ", the request that failed, some may be stored.", done + 1,
                 done + items_sent);
    }
    if (done > 0 || items_sent > 0)
        say_note("To go on from there: the same command with --skip %" PRIu64 ".", done);
}

static int send_batch(struct insert_run *run)
{
    if (run->batch.items_count == 0) return CLI_GO;
    struct call call = {.method = "POST", .has_body = true, .body = items_batch_end(&run->batch)};
    int code = session_call(run->session, &call, 0);
    if (code != CLI_GO) {
        long status = run->session->answer.status;
        bool is_refused = status >= 400 && status < 500; /* then nothing of it was stored */
        if (status == 413) say_note("The request has %zu bytes.", call.body.length);
        say_stopped(run, is_refused ? 0 : run->batch.items_count);
        return code;
    }
    run->stored_count += run->batch.items_count;
    run->requests_count++;
    items_batch_clear(&run->batch);
    show_progress(run, run->reader.file);
    return CLI_GO;
}

static int add_item(struct insert_run *run, struct span item)
{
    run->read_count++;
    if (run->read_count <= run->skip) {
        off_t at = ftello(run->reader.file);
        if (at > 0) run->skipped_bytes = (uint64_t)at;
        return CLI_GO;
    }
    if (items_batch_add(&run->batch, item)) return CLI_GO;
    int code = send_batch(run);
    if (code != CLI_GO) return code;
    bool is_added = items_batch_add(&run->batch, item);
    return is_added ? CLI_GO : CLI_FAILED; /* never: a batch takes its first item whatever its size */
}

/* Between two requests: by a bad item or an interrupt. What waits to be sent is not sent. */
static int stop(struct insert_run *run)
{
    progress_clear(&run->progress);
    if (!interrupt_came()) {
        say("%s: %s", run->name, run->reader.message);
    } else if (run->requests_count == 0) {
        say(INTERRUPTED_EARLY);
        return CLI_FAILED;
    } else {
        say("interrupted");
    }
    say_stopped(run, 0);
    return run->stored_count > 0 ? CLI_FAILED : CLI_USAGE;
}

/* Everything read and sent. */
static int send_all(struct insert_run *run)
{
    struct buffer item = {0};
    enum items_step step = ITEMS_ITEM;
    int code = CLI_GO;
    while (code == CLI_GO && !interrupt_came()) {
        buffer_clear(&item);
        step = items_next(&run->reader, &item);
        if (step != ITEMS_ITEM) break;
        code = add_item(run, buffer_span(&item));
    }
    buffer_deinit(&item);
    if (code != CLI_GO) return code;
    if (step == ITEMS_BAD || interrupt_came()) return stop(run);
    code = send_batch(run);
    return code == CLI_GO ? CLI_DONE : code;
}

/* Read a regular file once without sending, so that a typing error stores nothing. */
static bool check_first(FILE *file, const char *name, bool has_lines)
{
    struct stat about;
    if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) return true;
    off_t start = ftello(file);
    if (start < 0) return true;

    struct items_reader reader;
    struct buffer item = {0};
    items_reader_init(&reader, file, has_lines);
    enum items_step step = ITEMS_ITEM;
    while (step == ITEMS_ITEM && !interrupt_came()) {
        buffer_clear(&item);
        step = items_next(&reader, &item);
    }
    if (interrupt_came()) {
        say(INTERRUPTED_EARLY);
    } else if (step == ITEMS_BAD) {
        say("%s: %s (nothing was sent)", name, reader.message);
    }
    buffer_deinit(&item);
    items_reader_deinit(&reader);
    if (step == ITEMS_BAD || interrupt_came()) return false;
    if (fseeko(file, start, SEEK_SET) == 0) return true;
    say("%s: %s", name, strerror(errno));
    return false;
}

static void show_result(const struct insert_run *run)
{
    if (run->session->form == OUTPUT_JSON) {
        output_json(json_pack("{sIsI}", "stored_items", (json_int_t)run->stored_count, "requests",
                              (json_int_t)run->requests_count));
    } else {
        printf("stored %" PRIu64 " item%s in %" PRIu64 " request%s\n", run->stored_count,
               run->stored_count == 1 ? "" : "s", run->requests_count, run->requests_count == 1 ? "" : "s");
    }
}

static void begin_progress(struct insert_run *run, FILE *file, bool is_unwanted)
{
    struct stat about;
    bool has_size = fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode);
    run->file_bytes = has_size ? (uint64_t)about.st_size : 0;
    const struct progress_state state = {.name = "insert-batch",
                                         .items_word = "items stored",
                                         .bytes_word = "read",
                                         .bytes_total = run->file_bytes};
    progress_begin(&run->progress, &state, is_unwanted);
    run->session->progress = &run->progress;
}

static int insert_all(struct session *session, const struct insert_ask *ask, const char *path)
{
    FILE *file = input_open(path);
    if (file == NULL) return CLI_USAGE;
    struct insert_run run = {
        .session = session,
        .name = file == stdin ? "standard input" : path,
        .skip = ask->skip.value,
        .batch = {.items_max = ask->batch_items.is_given ? ask->batch_items.value : BATCH_ITEMS_DEFAULT,
                  .bytes_max = BATCH_BYTES_MAX},
    };
    int code = CLI_USAGE;
    if (input_skip_mark_in(file, run.name) && check_first(file, run.name, ask->has_lines)) {
        items_reader_init(&run.reader, file, ask->has_lines);
        begin_progress(&run, file, ask->no_progress);
        code = send_all(&run);
        items_reader_deinit(&run.reader);
        progress_clear(&run.progress);
        session->progress = NULL;
        bool is_worth_telling = code == CLI_DONE || run.requests_count > 0 || session->form == OUTPUT_JSON;
        if (is_worth_telling) show_result(&run);
    }
    items_batch_deinit(&run.batch);
    input_close(file);
    return code;
}

int k2v_insert_batch(int argc, char **argv)
{
    struct insert_ask ask = {0};
    const struct option own[] = {
        {.name = "lines", .help = "one JSON object a line", .kind = OPTION_FLAG, .target = &ask.has_lines},
        {.name = "batch-items",
         .value_word = "COUNT",
         .help = "at most COUNT items a request; 1000 if not given",
         .kind = OPTION_NUMBER,
         .target = &ask.batch_items,
         .min = 1,
         .max = BATCH_ITEMS_MAX},
        {.name = "skip",
         .value_word = "COUNT",
         .help = "leave out the first COUNT items",
         .kind = OPTION_NUMBER,
         .target = &ask.skip,
         .max = INT64_MAX},
        progress_option(&ask.no_progress),
    };
    struct arguments arguments;
    struct session session;
    session_init(&session);
    int code = session_open(&session, &USAGE, own, sizeof own / sizeof own[0], argc, argv, &arguments);
    if (code == CLI_GO && arguments.count == 0 && !input_is_piped()) {
        say("nothing to do: give FILE, or - for standard input");
        code = CLI_USAGE;
    }
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) {
        session.transfer.is_patient = true; /* who goes too early does not know what is stored */
        interrupt_watch();                  /* how far it came is worth more than a quick end */
        code = insert_all(&session, &ask, arguments.count > 0 ? arguments.words[0] : "-");
        interrupt_end();
    }
    session_deinit(&session);
    return code;
}
