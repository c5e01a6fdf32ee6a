/* `skerry k2v read-batch` and `delete-batch`: several ranges or items in one request, as the protocol's JSON or as
 * one range by flags. */
#include "node/cli/input.h"
#include "node/cli/k2v.h"
#include "node/cli/range.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

#include <stdlib.h>
#include <sys/stat.h>

/* What both commands are asked. */
struct batch_ask {
    struct range range;
    bool is_single, conflicts_only, tombstones;
    const char *partition; /* --partition */
    const char *file;      /* --file */
};

/* Where the request comes from, once decided. */
struct batch_source {
    const char *partition; /* else NULL: the file */
    const char *file;
};

static struct option flag_row(const char *name, const char *help, bool *target)
{
    return (struct option){.name = name, .help = help, .kind = OPTION_FLAG, .target = target};
}

static size_t source_rows(struct batch_ask *ask, struct option *rows)
{
    rows[0] = (struct option){.name = "partition",
                              .value_word = "PK",
                              .help = "the same as PK, should a file of that name exist",
                              .kind = OPTION_TEXT,
                              .target = &ask->partition};
    rows[1] = (struct option){.letter = 'f',
                              .name = "file",
                              .value_word = "FILE",
                              .help = "the same as FILE",
                              .kind = OPTION_TEXT,
                              .target = &ask->file};
    return 2;
}

static bool is_file(const char *name)
{
    struct stat about;
    return stat(name, &about) == 0 && !S_ISDIR(about.st_mode);
}

/* One word is a file when it names one, unless flags speak of a range; else it is a partition key. */
static bool decide_source(const struct batch_ask *ask, const struct arguments *arguments,
                          struct batch_source *source)
{
    const char *word = arguments->count > 0 ? arguments->words[0] : NULL;
    bool has_range = range_is_given(&ask->range) || ask->is_single || ask->conflicts_only || ask->tombstones;
    int given = (word != NULL) + (ask->partition != NULL) + (ask->file != NULL);
    if (given > 1) {
        say("one of PK, FILE, --partition and --file, not several");
        return false;
    }
    *source = (struct batch_source){ask->partition, ask->file};
    if (word != NULL) {
        bool is_json = strcmp(word, "-") == 0 || (!has_range && is_file(word));
        if (is_json) {
            source->file = word;
        } else {
            source->partition = word;
        }
    }
    if (source->partition == NULL && has_range) {
        say("a range needs its partition key: PK or --partition PK");
        return false;
    }
    if (source->partition == NULL && source->file == NULL) {
        if (!input_is_piped()) {
            say("nothing to do: give PK, FILE, or - for standard input");
            return false;
        }
        source->file = "-";
    }
    return true;
}

static bool check_ask(const struct batch_ask *ask, const struct batch_source *source)
{
    if (!range_check(&ask->range) || !session_check_key("partition key", source->partition, true)) return false;
    if (!ask->is_single) return true;
    bool is_range = ask->range.prefix != NULL || ask->range.end != NULL || ask->range.limit.is_given ||
                    ask->range.reverse;
    if (ask->range.start == NULL || is_range) {
        say("--single-item takes one sort key: --single-item --start SK, and nothing else of a range");
        return false;
    }
    return true;
}

/* The first member of the object that is not among `allowed`; NULL when there is none. */
static const char *foreign_member(json_t *object, const char *const *allowed)
{
    const char *member;
    json_t *value;
    json_object_foreach(object, member, value)
    {
        size_t i = 0;
        while (allowed[i] != NULL && strcmp(allowed[i], member) != 0) {
            i++;
        }
        if (allowed[i] == NULL) return member;
    }
    return NULL;
}

/* Is it an array of objects, with no member but those `allowed` (NULL: any)? */
static bool check_document(const json_t *document, const char *name, const char *const *allowed)
{
    if (!json_is_array(document)) {
        say("%s: a JSON array was expected", name);
        return false;
    }
    for (size_t i = 0; i < json_array_size(document); i++) {
        json_t *element = json_array_get(document, i);
        if (!json_is_object(element)) {
            say("%s: element %zu is no object", name, i + 1);
            return false;
        }
        const char *member = allowed != NULL ? foreign_member(element, allowed) : NULL;
        if (member != NULL) {
            say("%s: element %zu: a deletion has no \"%s\": it would be ignored, and more be deleted than meant",
                name, i + 1, member);
            return false;
        }
    }
    return true;
}

static bool read_body(const char *file, const char *const *allowed, struct buffer *body)
{
    bool is_stdin = strcmp(file, "-") == 0;
    const char *name = is_stdin ? "standard input" : file;
    if (!input_read_file(file, body)) return false;
    json_error_t error;
    json_t *document = json_loadb(buffer_text(body), body->length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES,
                                  &error);
    if (document == NULL) say("%s:%d: %s", name, error.line, error.text);
    bool is_good = document != NULL && check_document(document, name, allowed);
    if (!is_good && !is_stdin) say_note("If %s is a partition key, and no file: --partition says so.", name);
    json_decref(document);
    return is_good;
}

static void set_flag(json_t *object, const char *name, bool value)
{
    json_object_set_new(object, name, json_boolean(value));
}

static void write_body(json_t *element, struct buffer *body)
{
    json_t *list = say_need(json_array());
    json_array_append_new(list, element);
    char *text = say_need(json_dumps(list, JSON_COMPACT));
    buffer_add_text(body, text);
    free(text);
    json_decref(list);
}

static json_t *range_body(const struct batch_ask *ask, const char *partition_key)
{
    json_t *element = say_need(json_object());
    json_object_set_new(element, "partitionKey", say_need(json_string(partition_key)));
    range_set(&ask->range, element);
    set_flag(element, "singleItem", ask->is_single);
    return element;
}

static json_t *search_body(const struct batch_ask *ask, const char *partition_key)
{
    json_t *element = range_body(ask, partition_key);
    const struct option_number *limit = &ask->range.limit;
    json_t *number = limit->is_given ? json_integer((json_int_t)limit->value) : json_null();
    json_object_set_new(element, "limit", say_need(number));
    set_flag(element, "reverse", ask->range.reverse);
    set_flag(element, "conflictsOnly", ask->conflicts_only);
    set_flag(element, "tombstones", ask->tombstones);
    return element;
}

/* POST the body with a keyword; the answer as an array, or NULL with the code to end with. */
static json_t *exchange(struct session *session, const char *keyword, const struct buffer *body, int *code)
{
    struct call call = {.method = "POST",
                        .parameters = {{keyword, span_text("")}},
                        .parameters_count = 1,
                        .has_body = true,
                        .body = buffer_span(body)};
    *code = session_call(session, &call, 0);
    if (session->answer.status == 413) say_note("The request has %zu bytes.", body->length);
    if (*code != CLI_GO) return NULL;
    json_t *document = session_json(session);
    *code = CLI_FAILED;
    if (document != NULL && !json_is_array(document)) {
        say("the server's answer cannot be read: it is no list");
        json_decref(document);
        return NULL;
    }
    return document;
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

static int show_searches(const struct session *session, json_t *document)
{
    if (session->form == OUTPUT_JSON) {
        output_json(document);
        return CLI_DONE;
    }
    const json_t *search;
    size_t i;
    int code = CLI_DONE;
    json_array_foreach(document, i, search)
    {
        if (json_array_size(document) > 1) {
            print_partition(search, i == 0);
        }
        if (!k2v_print_items(json_object_get(search, "items"))) code = CLI_FAILED;
        k2v_say_more(search);
    }
    json_decref(document);
    return code;
}

static const struct usage READ_USAGE = {
    .command = "skerry k2v read-batch",
    .synopsis = "PK [OPTIONS]\n[FILE | -] [OPTIONS]",
    .about = "Read a range of the partition PK, or many ranges and items at once.\n"
             "\n"
             "FILE (or standard input) is a JSON array as the protocol has it, one object a search:\n"
             "  [{\"partitionKey\": \"mailboxes\", \"prefix\": \"2026-\", \"limit\": 10}]\n"
             "with partitionKey, prefix, start, end, limit, reverse, singleItem, conflictsOnly, tombstones.\n"
             "\n"
             "One row a value: an item in conflict has several. Long values are cut; -o json has all.\n",
    .examples = "  skerry k2v read-batch mailboxes\n"
                "  skerry k2v read-batch mailboxes --start 2026-01 --end 2026-02 --limit 10\n"
                "  skerry k2v read-batch mailboxes --conflicts-only\n"
                "  skerry k2v read-batch searches.json -o json\n",
    .arguments_max = 1,
};

int k2v_read_batch(int argc, char **argv)
{
    struct batch_ask ask = {0};
    struct option own[RANGE_OPTIONS + 5];
    size_t count = range_options(&ask.range, true, own);
    own[count++] = flag_row("single-item", "only the item whose sort key is --start", &ask.is_single);
    own[count++] = flag_row("conflicts-only", "only items with several values", &ask.conflicts_only);
    own[count++] = flag_row("tombstones", "deleted items too", &ask.tombstones);
    count += source_rows(&ask, own + count);
    struct arguments arguments;
    struct batch_source source = {0};
    struct buffer body = {0};
    struct session session;
    session_init(&session);
    int code = session_open(&session, &READ_USAGE, own, count, argc, argv, &arguments);
    bool is_good = code != CLI_GO || (decide_source(&ask, &arguments, &source) && check_ask(&ask, &source));
    if (!is_good) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) {
        if (source.partition != NULL) {
            write_body(search_body(&ask, source.partition), &body);
        } else if (!read_body(source.file, NULL, &body)) {
            code = CLI_USAGE;
        }
    }
    json_t *document = code == CLI_GO ? exchange(&session, "search", &body, &code) : NULL;
    if (document != NULL) code = show_searches(&session, document);
    buffer_deinit(&body);
    session_deinit(&session);
    return code;
}

static int show_deletions(const struct session *session, json_t *document)
{
    static const char *const titles[] = {"DELETED ITEMS", "PARTITION KEY", NULL};
    if (session->form == OUTPUT_JSON) {
        output_json(document);
        return CLI_DONE;
    }
    struct table table;
    table_init(&table, titles, 1);
    const json_t *deletion;
    size_t i;
    json_array_foreach(document, i, deletion)
    {
        table_add_number(&table, json_object_get(deletion, "deletedItems"));
        table_add_key(&table, output_span_of(json_object_get(deletion, "partitionKey")));
    }
    table_print(&table, stdout);
    table_deinit(&table);
    json_decref(document);
    return CLI_DONE;
}

static const struct usage DELETE_USAGE = {
    .command = "skerry k2v delete-batch",
    .synopsis = "PK [OPTIONS]\n[FILE | -] [OPTIONS]",
    .about = "Delete a range of the partition PK — without options all of it — or several ranges and items.\n"
             "What is written while it runs stays.\n"
             "\n"
             "FILE (or standard input) is a JSON array as the protocol has it, one object a deletion:\n"
             "  [{\"partitionKey\": \"mailboxes\", \"start\": \"2025-\", \"end\": \"2026-\"}]\n"
             "with partitionKey, prefix, start, end, singleItem. Other members are refused.\n",
    .examples = "  skerry k2v delete-batch mailboxes --prefix 2025-\n"
                "  skerry k2v delete-batch mailboxes --single-item --start INBOX\n"
                "  skerry k2v delete-batch deletions.json\n",
    .arguments_max = 1,
};

int k2v_delete_batch(int argc, char **argv)
{
    static const char *const members[] = {"partitionKey", "prefix", "start", "end", "singleItem", NULL};
    struct batch_ask ask = {0};
    struct option own[RANGE_OPTIONS + 3];
    size_t count = range_options(&ask.range, false, own);
    own[count++] = flag_row("single-item", "only the item whose sort key is --start", &ask.is_single);
    count += source_rows(&ask, own + count);
    struct arguments arguments;
    struct batch_source source = {0};
    struct buffer body = {0};
    struct session session;
    session_init(&session);
    int code = session_open(&session, &DELETE_USAGE, own, count, argc, argv, &arguments);
    bool is_good = code != CLI_GO || (decide_source(&ask, &arguments, &source) && check_ask(&ask, &source));
    if (!is_good) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) {
        if (source.partition != NULL) {
            write_body(range_body(&ask, source.partition), &body);
        } else if (!read_body(source.file, members, &body)) {
            code = CLI_USAGE;
        }
    }
    json_t *document = code == CLI_GO ? exchange(&session, "delete", &body, &code) : NULL;
    if (document != NULL) code = show_deletions(&session, document);
    buffer_deinit(&body);
    session_deinit(&session);
    return code;
}
