/* Settings and exchanges of the K2V commands. */
#include "node/cli/session.h"

#include "http/route.h"
#include "node/cli/failure.h"
#include "node/cli/input.h"
#include "node/cli/interrupt.h"
#include "node/cli/say.h"
#include "node/cli/settings_file.h"

#include <stdlib.h>
#include <time.h>

enum {
    SESSION_MEMORY_BYTES = 16 * 1024 * 1024, /* URLs and headers of one call; bodies lie elsewhere */
    SESSION_OPTIONS = 7,
};

void session_init(struct session *session)
{
    *session = (struct session){0};
    arena_init(&session->memory, SESSION_MEMORY_BYTES);
    arena_init(&session->exchange, SESSION_MEMORY_BYTES);
}

void session_deinit(struct session *session)
{
    buffer_deinit(&session->file);
    buffer_deinit(&session->secret);
    answer_deinit(&session->answer);
    transfer_deinit(&session->transfer);
    arena_deinit(&session->memory);
    arena_deinit(&session->exchange);
}

static void fill_options(struct session *session, struct option options[SESSION_OPTIONS])
{
    struct option rows[SESSION_OPTIONS] = {
        {.name = "endpoint",
         .value_word = "URL",
         .help = "the server, such as http://127.0.0.1:3904",
         .variable = "K2V_ENDPOINT",
         .kind = OPTION_TEXT,
         .target = &session->endpoint_flag},
        {.name = "bucket",
         .value_word = "NAME",
         .help = "the bucket",
         .variable = "K2V_BUCKET",
         .kind = OPTION_TEXT,
         .target = &session->bucket_flag},
        {.name = "key-id",
         .value_word = "ID",
         .help = "the access key",
         .variable = "AWS_ACCESS_KEY_ID",
         .kind = OPTION_TEXT,
         .target = &session->key_id_flag},
        {.name = "secret-file",
         .value_word = "FILE",
         .help = "file with the key's secret, readable by you alone; else\nthe secret itself from the environment",
         .variable = "AWS_SECRET_ACCESS_KEY",
         .kind = OPTION_TEXT,
         .target = &session->secret_file_flag},
        {.name = "region",
         .value_word = "NAME",
         .help = "the region to sign for; garage if not given",
         .variable = "AWS_REGION",
         .kind = OPTION_TEXT,
         .target = &session->region_flag},
        {.name = "env-file",
         .value_word = "FILE",
         .help = "file with those five names, such as skerry-data/demo.env;\nthe environment beats it, flags beat "
                 "both",
         .kind = OPTION_TEXT,
         .target = &session->env_file_flag},
        output_option(&session->form),
    };
    memcpy(options, rows, sizeof rows);
}

/* Check the whole file once, so that a bad line is told before a missing setting. */
static bool load_env_file(struct session *session)
{
    if (session->env_file_flag == NULL) return true;
    if (!input_read_secret_file(session->env_file_flag, &session->file)) return false;
    if (!input_skip_mark(&session->file, session->env_file_flag)) return false;

    struct span rest = buffer_span(&session->file);
    struct span name, value;
    size_t line = 0;
    for (int step = 1; step != 0;) {
        step = settings_file_next(&rest, &line, &name, &value);
        if (step < 0) {
            say("%s:%zu: expected NAME=value", session->env_file_flag, line);
            return false;
        }
    }
    return true;
}

/* The last line of that name; NULL when there is none. */
static const char *from_file(struct session *session, const char *wanted)
{
    const char *found = NULL;
    struct span rest = buffer_span(&session->file);
    struct span name, value;
    size_t line = 0;
    while (settings_file_next(&rest, &line, &name, &value) == 1) {
        if (!span_is_equal(name, span_text(wanted))) continue;
        char *copy = say_need(arena_alloc(&session->memory, value.length + 1));
        memcpy(copy, value.bytes, value.length);
        found = copy;
    }
    return found;
}

/* An empty variable counts as none. */
static const char *setting(struct session *session, const char *flag, const char *variable)
{
    if (flag != NULL) return flag;
    const char *value = getenv(variable);
    if (value != NULL && *value != '\0') return value;
    value = from_file(session, variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool find_secret(struct session *session)
{
    if (session->secret_file_flag != NULL) {
        if (!input_read_secret_file(session->secret_file_flag, &session->secret)) return false;
    } else {
        const char *secret = setting(session, NULL, "AWS_SECRET_ACCESS_KEY");
        if (secret == NULL) {
            say("no secret: set AWS_SECRET_ACCESS_KEY, or give --secret-file FILE or --env-file FILE");
            return false;
        }
        buffer_add_text(&session->secret, secret);
    }
    session->account.secret = buffer_span(&session->secret);
    return true;
}

static bool find_account(struct session *session)
{
    struct call_account *account = &session->account;
    const char *endpoint = setting(session, session->endpoint_flag, "K2V_ENDPOINT");
    if (endpoint == NULL) {
        say("no endpoint: set K2V_ENDPOINT, or give --endpoint URL or --env-file FILE\n"
            "(a server without a configuration file writes DATA_DIR/demo.env, by default ./skerry-data/demo.env)");
        return false;
    }
    const char *wrong = call_endpoint_read(endpoint, &account->endpoint);
    if (wrong != NULL) {
        say("the endpoint \"%s\" %s; it looks like http://127.0.0.1:3904", endpoint, wrong);
        return false;
    }
    account->bucket = setting(session, session->bucket_flag, "K2V_BUCKET");
    if (account->bucket == NULL) {
        say("no bucket: set K2V_BUCKET, or give --bucket NAME");
        return false;
    }
    account->key_id = setting(session, session->key_id_flag, "AWS_ACCESS_KEY_ID");
    if (account->key_id == NULL) {
        say("no access key: set AWS_ACCESS_KEY_ID, or give --key-id ID or --env-file FILE");
        return false;
    }
    account->region = setting(session, session->region_flag, "AWS_REGION");
    if (account->region == NULL) account->region = "garage";
    if (!find_secret(session)) return false;
    wrong = call_account_check(account);
    if (wrong != NULL) say("%s", wrong);
    return wrong == NULL;
}

int session_open(struct session *session, const struct usage *usage, const struct option *own, size_t own_count,
                 int argc, char **argv, struct arguments *arguments)
{
    struct option shared[SESSION_OPTIONS];
    fill_options(session, shared);
    struct option_group groups[] = {{"Options", own, own_count},
                                    {"Server, key and output", shared, SESSION_OPTIONS}};
    const struct option_group *first = own_count > 0 ? groups : groups + 1;
    size_t count = own_count > 0 ? 2 : 1;

    return commands_read_line(usage, first, count, argc, argv, arguments);
}

int session_connect(struct session *session)
{
    return load_env_file(session) && find_account(session) ? CLI_GO : CLI_USAGE;
}

static bool on_tick(void *owner, uint64_t sent_bytes, uint64_t received_bytes)
{
    struct session *session = owner;
    (void)sent_bytes;
    if (session->progress != NULL) {
        if (session->progress_is_received) session->progress->state.bytes = received_bytes;
        progress_show(session->progress);
    }
    return !interrupt_came();
}

static int say_failure(const struct session *session, const char *problem)
{
    if (interrupt_came()) {
        say("interrupted");
        return CLI_FAILED;
    }
    const struct call_endpoint *endpoint = &session->account.endpoint;
    say("no answer from %s://%s: %s", endpoint->is_https ? "https" : "http", endpoint->authority, problem);
    return CLI_FAILED;
}

static void say_hint(const struct session *session, const char *code)
{
    if (strcmp(code, "AccessDenied") == 0) {
        say_note("The key id was %s, the bucket %s. `skerry bucket info %s` shows which key may do what there; "
                 "a wrong secret is refused in the same words.",
                 session->account.key_id, session->account.bucket, session->account.bucket);
    } else if (strcmp(code, "NoSuchBucket") == 0) {
        say_note("`skerry bucket list` shows the buckets of a server.");
    } else if (strcmp(code, "AuthorizationHeaderMalformed") == 0) {
        say_note("It was signed for the region %s (AWS_REGION, --region).", session->account.region);
    }
}

int session_call(struct session *session, const struct call *call, unsigned timeout_s)
{
    struct call_request request;
    char problem[TRANSFER_PROBLEM_CHARS];
    arena_reset(&session->exchange);
    if (call_build(call, &session->account, (uint64_t)time(NULL), &session->exchange, &request) != ERR_OK) {
        say_no_memory();
    }
    session->transfer.on_tick = on_tick;
    session->transfer.owner = session;
    bool is_answered = transfer_run(&session->transfer, &request, timeout_s, &session->answer, problem);
    long status = session->answer.status;
    if (is_answered && status >= 200 && status < 300) return CLI_GO;
    if (session->progress != NULL) progress_clear(session->progress);
    if (!is_answered) return say_failure(session, problem);
    if (status == 304) return CLI_NOTHING_NEW;
    if (status == 409) return CLI_CONFLICT;

    struct failure failure;
    failure_read(&failure, status, buffer_span(&session->answer.body));
    failure_say(&failure);
    say_hint(session, failure.code);
    return failure.exit_code;
}

json_t *session_json(const struct session *session)
{
    return failure_json(buffer_span(&session->answer.body));
}

bool session_check_key(const char *what, const char *text, bool may_be_empty)
{
    if (text == NULL) return true;
    if (*text == '\0' && !may_be_empty) {
        say("the %s is empty", what);
        return false;
    }
    if (!http_is_utf8((struct http_span){text, strlen(text)})) {
        say("the %s is not UTF-8", what);
        return false;
    }
    return true;
}
