/* Where a batch comes from, and its exchange. */
#include "node/cli/batch.h"

#include "node/cli/input.h"
#include "node/cli/say.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { SHARED_OPTIONS = 4 };

/* Where the request comes from, once decided: one of the three is not NULL. */
struct batch_source {
    const char *partition;
    const char *file;
    const char *json; /* the body itself */
};

struct option batch_flag(const char *name, const char *help, bool *target)
{
    return (struct option){.name = name, .help = help, .kind = OPTION_FLAG, .target = target};
}

static size_t add_shared_options(struct batch_ask *ask, struct option *rows)
{
    rows[0] = batch_flag("single-item", "only the item whose sort key is --start", &ask->is_single);
    rows[1] = (struct option){.name = "partition",
                              .value_word = "PK",
                              .help = "the same as PK, where that looks like a file or like JSON",
                              .kind = OPTION_TEXT,
                              .target = &ask->partition};
    rows[2] = (struct option){.letter = 'f',
                              .name = "file",
                              .value_word = "FILE",
                              .help = "the same as FILE",
                              .kind = OPTION_TEXT,
                              .target = &ask->file};
    rows[3] = progress_option(&ask->no_progress);
    return SHARED_OPTIONS;
}

/* --- one word: a partition key, a file, or the body itself ---------------------------------------------- */

static bool is_file(const char *name)
{
    struct stat about;
    return stat(name, &about) == 0 && !S_ISDIR(about.st_mode);
}

static bool ends_with(const char *text, const char *end)
{
    size_t text_chars = strlen(text);
    size_t end_chars = strlen(end);
    return text_chars >= end_chars && strcmp(text + text_chars - end_chars, end) == 0;
}

static bool looks_like_file(const char *word)
{
    return ends_with(word, ".json") || ends_with(word, ".jsonl") || strncmp(word, "./", 2) == 0 ||
           strncmp(word, "../", 3) == 0;
}

/* A word beside flags of a range is a partition key. Alone it is a file when it names one, JSON when it begins as
 * such; a file that is not there must not become the key of a partition by a typing error. */
static bool decide_word(const char *word, bool has_range, struct batch_source *source)
{
    if (strcmp(word, "-") == 0 || (!has_range && is_file(word))) {
        source->file = word;
    } else if (has_range) {
        source->partition = word;
    } else if (word[0] == '[' || word[0] == '{') {
        source->json = word;
    } else if (looks_like_file(word)) {
        say("%s: there is no such file (if it is a partition key: --partition %s)", word, word);
        return false;
    } else {
        source->partition = word;
    }
    return true;
}

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
    *source = (struct batch_source){.partition = ask->partition, .file = ask->file};
    if (word != NULL && !decide_word(word, has_range, source)) return false;
    if (source->partition == NULL && has_range) {
        say("a range needs its partition key: PK or --partition PK");
        return false;
    }
    if (given > 0) return true;
    if (!input_is_piped()) {
        say("nothing to do: give PK, FILE, or - for standard input");
        return false;
    }
    source->file = "-";
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

/* --- the body ------------------------------------------------------------------------------------------- */

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

/* Is it an array of objects, with no member but those allowed? */
static bool check_document(const struct batch_command *command, const json_t *document, const char *name)
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
        const char *member = command->members != NULL ? foreign_member(element, command->members) : NULL;
        if (member != NULL) {
            say("%s: element %zu has \"%s\": %s", name, i + 1, member, command->foreign_member_reason);
            return false;
        }
    }
    return true;
}

static bool take_body(const struct batch_command *command, const struct batch_source *source, struct buffer *body)
{
    bool is_stdin = source->file != NULL && strcmp(source->file, "-") == 0;
    const char *name = source->json != NULL ? "the argument" : is_stdin ? "standard input" : source->file;
    if (source->json != NULL) {
        buffer_add_text(body, source->json);
    } else if (!input_read_file(source->file, body) || !input_skip_mark(body, name)) {
        return false;
    }
    json_error_t error;
    json_t *document = json_loadb(buffer_text(body), body->length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES,
                                  &error);
    if (document == NULL) say("%s:%d: %s", name, error.line, error.text);
    bool is_good = document != NULL && check_document(command, document, name);
    if (!is_good && !is_stdin) say_note("If it is a partition key: --partition says so.");
    json_decref(document);
    return is_good;
}

static void make_body(const struct batch_command *command, const struct batch_ask *ask, const char *partition_key,
                      struct buffer *body)
{
    json_t *element = say_need(json_object());
    json_object_set_new(element, "partitionKey", say_need(json_string(partition_key)));
    range_set(&ask->range, element);
    json_object_set_new(element, "singleItem", json_boolean(ask->is_single));
    if (command->set_more != NULL) command->set_more(ask, element);
    json_t *list = say_need(json_array());
    json_array_append_new(list, element);
    char *text = say_need(json_dumps(list, JSON_COMPACT));
    buffer_add_text(body, text);
    free(text);
    json_decref(list);
}

/* --- the exchange --------------------------------------------------------------------------------------- */

static int show(const struct batch_command *command, const struct session *session)
{
    json_t *answer = session_json(session);
    int code = CLI_FAILED;
    if (answer == NULL) return code;
    if (!json_is_array(answer)) {
        say("the server's answer cannot be read: it is no list");
    } else if (session->form == OUTPUT_JSON) {
        output_json(json_incref(answer));
        code = CLI_DONE;
    } else {
        code = command->show(answer);
    }
    json_decref(answer);
    return code;
}

static int exchange(const struct batch_command *command, struct session *session, const struct batch_ask *ask,
                    const struct buffer *body)
{
    const char *name = strrchr(command->usage->command, ' ') + 1;
    const struct progress_state state = {.name = name, .bytes_word = "received"};
    struct progress progress;
    progress_begin(&progress, &state, ask->no_progress);
    session->progress = &progress;
    session->progress_is_received = command->has_long_answer;
    session->transfer.is_patient = true; /* a range may be of any length */
    struct call call = {.method = "POST",
                        .parameters = {{command->keyword, span_text("")}},
                        .parameters_count = 1,
                        .has_body = true,
                        .body = buffer_span(body)};
    int code = session_call(session, &call, 0);
    progress_clear(&progress);
    session->progress = NULL;
    if (session->answer.status == 413) say_note("The request has %zu bytes.", body->length);
    return code == CLI_GO ? show(command, session) : code;
}

static int run(const struct batch_command *command, struct session *session, const struct batch_ask *ask,
               const struct arguments *arguments)
{
    struct batch_source source;
    struct buffer body = {0};
    if (!decide_source(ask, arguments, &source) || !check_ask(ask, &source)) return CLI_USAGE;
    int code = session_connect(session);
    if (code != CLI_GO) return code;
    if (source.partition != NULL) {
        make_body(command, ask, source.partition, &body);
        code = exchange(command, session, ask, &body);
    } else {
        code = take_body(command, &source, &body) ? exchange(command, session, ask, &body) : CLI_USAGE;
    }
    buffer_deinit(&body);
    return code;
}

int batch_run(const struct batch_command *command, int argc, char **argv)
{
    struct batch_ask ask = {0};
    struct option options[RANGE_OPTIONS + SHARED_OPTIONS + BATCH_OWN_OPTIONS];
    size_t count = range_options(&ask.range, command->has_direction, options);
    count += add_shared_options(&ask, options + count);
    if (command->add_options != NULL) count += command->add_options(&ask, options + count);
    struct arguments arguments;
    struct session session;
    session_init(&session);
    int code = session_open(&session, command->usage, options, count, argc, argv, &arguments);
    if (code == CLI_GO) code = run(command, &session, &ask, &arguments);
    session_deinit(&session);
    return code;
}
