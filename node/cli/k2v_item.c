/* `skerry k2v read`, `insert`, `delete`, `poll`: one item. */
#include "node/cli/input.h"
#include "node/cli/k2v.h"
#include "node/cli/say.h"
#include "node/cli/shown.h"

#include <stdlib.h>

#define RAW_OPTION(field)                                                                                         \
    {                                                                                                             \
        .name = "raw", .help = "write the bytes of the value alone; exit code 4 when there are several",          \
        .kind = OPTION_FLAG, .target = (field)                                                                    \
    }

static const struct usage READ_USAGE = {
    .command = "skerry k2v read",
    .synopsis = "PK SK [OPTIONS]",
    .about =
        "Show the values of the item with partition key PK and sort key SK, and its causality token.\n"
        "\n"
        "Values go to standard output, one after the other; several values are concurrent writes. A deletion\n"
        "is shown as (deleted), a value that is no printable text as base64:…. The token goes to standard\n"
        "error: give it to `insert` or `delete` to replace what was read, with -c, or with -C when it is in a\n"
        "file.\n"
        "\n"
        "With --raw, a deleted item ends with exit code 3.\n",
    .examples = "  skerry k2v read mailboxes INBOX\n"
                "  skerry k2v read mailboxes INBOX 2> seen       # keeps the token, for -C seen\n"
                "  skerry k2v read mailboxes INBOX -o json\n"
                "  skerry k2v read images logo.png --raw > logo.png\n",
    .arguments_min = 2,
    .arguments_max = 2,
};

int k2v_read(int argc, char **argv)
{
    bool is_raw = false;
    const struct option own[] = {RAW_OPTION(&is_raw)};
    struct arguments arguments;
    struct session session;
    session_init(&session);
    int code = session_open(&session, &READ_USAGE, own, 1, argc, argv, &arguments);
    if (code == CLI_GO && !k2v_check_item(&arguments)) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) {
        struct call call = {0};
        call_add_parameter(&call, "sort_key", span_text(arguments.words[1]));
        code = k2v_read_item(&session, &call, &arguments, is_raw, 0);
    }
    session_deinit(&session);
    return code;
}

static const struct usage POLL_USAGE = {
    .command = "skerry k2v poll",
    .synopsis = "PK SK -c TOKEN [OPTIONS]\nPK SK -C FILE [OPTIONS]",
    .about = "Wait until the item has something that TOKEN has not seen, then show it as `read` does.\n"
             "Ends with exit code 5 when the time is over without news.\n"
             "\n"
             "The token of an item that was never written is AAAAAAAAAAA.\n",
    .examples = "  skerry k2v read mailboxes INBOX 2> seen; skerry k2v poll mailboxes INBOX -C seen --timeout 60\n"
                "  skerry k2v poll jobs next -c AAAAAAAAAAA      # waits until there is such an item\n",
    .arguments_min = 2,
    .arguments_max = 2,
};

static int poll_item(struct session *session, const struct arguments *arguments, const char *token,
                     const struct option_number *timeout, bool is_raw)
{
    unsigned timeout_s = timeout->is_given ? (unsigned)timeout->value : K2V_POLL_DEFAULT_S;
    char text[16];
    snprintf(text, sizeof text, "%u", timeout_s);
    struct call call = {0};
    call_add_parameter(&call, "sort_key", span_text(arguments->words[1]));
    call_add_parameter(&call, "causality_token", span_text(token));
    call_add_parameter(&call, "timeout", span_text(text));
    int code = k2v_read_item(session, &call, arguments, is_raw, timeout_s + K2V_POLL_GRACE_S);
    if (code == CLI_NOTHING_NEW) say_note("nothing new in %u seconds", timeout_s);
    return code;
}

int k2v_poll(int argc, char **argv)
{
    struct shown seen = {0};
    struct option_number timeout = {0};
    bool is_raw = false;
    struct option own[SHOWN_OPTIONS + 2];
    size_t own_count = shown_options(&SHOWN_TOKEN, &seen, own);
    own[own_count++] = (struct option){.name = "timeout",
                                       .value_word = "SECONDS",
                                       .help = "how long to wait, 1 to 600; 300 if not given",
                                       .kind = OPTION_NUMBER,
                                       .target = &timeout,
                                       .min = 1,
                                       .max = K2V_POLL_MAX_S};
    own[own_count++] = (struct option)RAW_OPTION(&is_raw);
    struct arguments arguments;
    struct session session;
    session_init(&session);
    int code = session_open(&session, &POLL_USAGE, own, own_count, argc, argv, &arguments);
    if (code == CLI_GO && seen.word == NULL && seen.file == NULL) {
        say("poll needs -c TOKEN, the token of the last read (AAAAAAAAAAA for an item never written)");
        code = CLI_USAGE;
    }
    if (code == CLI_GO && (!k2v_check_item(&arguments) || !shown_find(&SHOWN_TOKEN, &seen))) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) code = poll_item(&session, &arguments, seen.word, &timeout, is_raw);
    shown_deinit(&seen);
    session_deinit(&session);
    return code;
}

/* The token that the server gave the writer, if it gave one. */
static int show_token(const struct session *session)
{
    const char *token = session->answer.token;
    if (session->form == OUTPUT_JSON) {
        output_json(json_pack("{so}", "causality_token", *token != '\0' ? json_string(token) : json_null()));
    } else if (*token != '\0') {
        output_span(span_text("token: "));
        output_span(span_text(token));
        output_span(span_text("\n"));
    } else {
        say_note("done; the server gave no token, a read does");
    }
    return CLI_DONE;
}

/* Send a write of one item and show the new token. */
static int write_item(struct session *session, struct call *call, const struct arguments *arguments)
{
    call->partition_key = span_text(arguments->words[0]);
    call_add_parameter(call, "sort_key", span_text(arguments->words[1]));
    int code = session_call(session, call, 0);
    return code == CLI_GO ? show_token(session) : code;
}

static const struct usage INSERT_USAGE = {
    .command = "skerry k2v insert",
    .synopsis = "PK SK VALUE [-c TOKEN | -C FILE] [OPTIONS]\nPK SK --file FILE [-c TOKEN | -C FILE] [OPTIONS]\n"
                "PK SK - [-c TOKEN | -C FILE] [OPTIONS]",
    .about =
        "Store a value in the item with partition key PK and sort key SK.\n"
        "\n"
        "With -c or -C the value replaces what the token has seen; what others wrote meanwhile stays beside\n"
        "it, as a conflict that a read shows. Without one nothing is replaced. Prints the new token when the\n"
        "server gives one: with it the next insert replaces this value.\n"
        "\n"
        "VALUE is stored as it is, without a line end; - is standard input, byte for byte.\n",
    .examples = "  skerry k2v insert mailboxes INBOX 'first value' > seen\n"
                "  skerry k2v insert mailboxes INBOX 'second value' -C seen\n"
                "  skerry k2v insert images logo.png --file logo.png\n"
                "  date | skerry k2v insert jobs last-run -\n",
    .arguments_min = 2,
    .arguments_max = 3,
};

/* Where the value comes from: an argument, a file, or standard input — even without "-", but then it must not be
 * empty: a forgotten VALUE must not store nothing over something. */
static bool take_value(const struct arguments *arguments, const char *file, struct buffer *value)
{
    const char *word = arguments->count > 2 ? arguments->words[2] : NULL;
    if (word != NULL && file != NULL) {
        say("either VALUE or --file, not both");
        return false;
    }
    if (file != NULL) return input_read_file(file, value);
    if (word != NULL && strcmp(word, "-") != 0) {
        buffer_add_text(value, word);
        return true;
    }
    if (word == NULL && !input_is_piped()) {
        say("no value: give VALUE, --file FILE, or - for standard input");
        return false;
    }
    if (!input_read_file("-", value)) return false;
    if (word == NULL && value->length == 0) {
        say("no value: standard input is empty (an empty value is stored with '' or -)");
        return false;
    }
    return true;
}

int k2v_insert(int argc, char **argv)
{
    struct shown seen = {0};
    const char *file = NULL;
    struct option own[SHOWN_OPTIONS + 1];
    size_t own_count = shown_options(&SHOWN_TOKEN, &seen, own);
    own[own_count++] = (struct option){.letter = 'f',
                                       .name = "file",
                                       .value_word = "FILE",
                                       .help = "store the bytes of FILE",
                                       .kind = OPTION_TEXT,
                                       .target = &file};
    struct arguments arguments;
    struct buffer value = {0};
    struct session session;
    session_init(&session);
    int code = session_open(&session, &INSERT_USAGE, own, own_count, argc, argv, &arguments);
    if (code == CLI_GO && (!k2v_check_item(&arguments) || !shown_find(&SHOWN_TOKEN, &seen))) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO && !take_value(&arguments, file, &value)) code = CLI_USAGE;
    if (code == CLI_GO) {
        struct call call = {
            .method = "PUT", .causality_token = seen.word, .has_body = true, .body = buffer_span(&value)};
        code = write_item(&session, &call, &arguments);
        if (session.answer.status == 413) say_note("The value has %zu bytes.", value.length);
    }
    buffer_deinit(&value);
    shown_deinit(&seen);
    session_deinit(&session);
    return code;
}

static const struct usage DELETE_USAGE = {
    .command = "skerry k2v delete",
    .synopsis = "PK SK -c TOKEN [OPTIONS]\nPK SK -C FILE [OPTIONS]\nPK SK [OPTIONS]",
    .about = "Delete what TOKEN has seen of the item with partition key PK and sort key SK. What others wrote\n"
             "meanwhile stays. Without a token nothing is known to have been seen: the values stay, and the\n"
             "deletion stands beside them as a conflict.\n",
    .examples = "  skerry k2v read mailboxes INBOX 2> seen\n"
                "  skerry k2v delete mailboxes INBOX -C seen\n",
    .arguments_min = 2,
    .arguments_max = 2,
};

int k2v_delete(int argc, char **argv)
{
    struct shown seen = {0};
    struct option own[SHOWN_OPTIONS];
    size_t own_count = shown_options(&SHOWN_TOKEN, &seen, own);
    struct arguments arguments;
    struct session session;
    session_init(&session);
    int code = session_open(&session, &DELETE_USAGE, own, own_count, argc, argv, &arguments);
    if (code == CLI_GO && (!k2v_check_item(&arguments) || !shown_find(&SHOWN_TOKEN, &seen))) code = CLI_USAGE;
    if (code == CLI_GO) code = session_connect(&session);
    if (code == CLI_GO) {
        struct call call = {.method = "DELETE", .causality_token = seen.word};
        code = write_item(&session, &call, &arguments);
    }
    if (code == CLI_DONE && seen.word == NULL && session.answer.status != 0) {
        say_note("deleted without a token: values that were there stay beside the deletion");
    }
    shown_deinit(&seen);
    session_deinit(&session);
    return code;
}
