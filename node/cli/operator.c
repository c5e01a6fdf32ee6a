/* The admin API from the client's side. */
#include "node/cli/operator.h"

#include "node/cli/failure.h"
#include "node/cli/input.h"
#include "node/cli/say.h"
#include "node/cli/show.h"
#include "node/edge/files.h"

#include <stdio.h>
#include <stdlib.h>

#define STANDARD_ENDPOINT "http://127.0.0.1:3903"
#define STANDARD_DATA_DIR "./skerry-data"

enum {
    OPERATOR_OPTIONS = 4,
    ENDPOINT_FILE_BYTES_MAX = 1024,
};

void operator_init(struct operator* operator)
{
    *operator=(struct operator){0};
}

void operator_deinit(struct operator* operator)
{
    buffer_deinit(&operator->header);
    answer_deinit(&operator->answer);
    transfer_deinit(&operator->transfer);
}

static void fill_options(struct operator* operator, struct option options[OPERATOR_OPTIONS])
{
    struct option rows[OPERATOR_OPTIONS] = {
        {.name = "data-dir",
         .value_word = "DIR",
         .help = "data directory of the server; ./skerry-data if not given",
         .variable = "SKERRY_DATA_DIR",
         .kind = OPTION_TEXT,
         .target = &operator->data_dir_flag },
         {.name = "admin-endpoint",
          .value_word = "URL",
          .help = "its admin API, such as " STANDARD_ENDPOINT ";\nas in DIR/admin.endpoint if not given",
          .variable = "SKERRY_ADMIN_ENDPOINT",
          .kind = OPTION_TEXT,
          .target = &operator->endpoint_flag },
          {
              .name = "admin-token-file",
              .value_word = "FILE",
              .help = "file with its token, readable by you alone;\nDIR/admin.token if not given",
              .variable = "SKERRY_ADMIN_TOKEN_FILE",
              .kind = OPTION_TEXT,
              .target = &operator->token_file_flag },
              output_option(&operator->form),
         };
    memcpy(options, rows, sizeof rows);
}

int operator_open(struct operator* operator, const struct usage * usage, const struct option *own,
                  size_t own_count, int argc, char **argv, struct arguments *arguments)
{
    struct option shared[OPERATOR_OPTIONS];
    fill_options(operator, shared);
    struct option_group groups[] = {{"Options", own, own_count}, {"Server and output", shared, OPERATOR_OPTIONS}};
    const struct option_group *first = own_count > 0 ? groups : groups + 1;
    size_t count = own_count > 0 ? 2 : 1;

    return commands_read_line(usage, first, count, argc, argv, arguments);
}

/* A flag, else a variable that is not empty, else NULL. */
static const char *setting(const char *flag, const char *variable)
{
    if (flag != NULL) return flag;
    const char *value = getenv(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool make_path(const char *dir, const char *name, char path[FILES_PATH_BYTES])
{
    if (files_path(dir, name, path)) return true;
    say("the path of the data directory is too long");
    return false;
}

/* The line of DIR/admin.endpoint; "" when there is no such file. */
static bool read_endpoint_file(const char *dir, char text[ENDPOINT_FILE_BYTES_MAX + 1])
{
    char path[FILES_PATH_BYTES];
    char message[FILES_MESSAGE_BYTES];
    bool exists = false;
    size_t length = 0;
    if (!make_path(dir, "admin.endpoint", path)) return false;
    if (files_read(path, text, 0, ENDPOINT_FILE_BYTES_MAX, &length, &exists, message, sizeof message) != ERR_OK) {
        say("%s", message);
        return false;
    }
    text[length] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return true;
}

static bool find_endpoint(struct operator* operator, const char * dir)
{
    char from_file[ENDPOINT_FILE_BYTES_MAX + 1];
    const char *text = setting(operator->endpoint_flag, "SKERRY_ADMIN_ENDPOINT");
    if (text == NULL) {
        if (!read_endpoint_file(dir, from_file)) return false;
        text = *from_file != '\0' ? from_file : STANDARD_ENDPOINT;
    }
    const char *wrong = call_endpoint_read(text, &operator->endpoint);
    if (wrong != NULL) say("the admin endpoint \"%s\" %s; it looks like " STANDARD_ENDPOINT, text, wrong);
    return wrong == NULL;
}

static bool is_visible(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~') return false;
    }
    return true;
}

static bool find_token(struct operator* operator, const char * dir)
{
    char path[FILES_PATH_BYTES];
    struct buffer token = {0};
    const char *file = setting(operator->token_file_flag, "SKERRY_ADMIN_TOKEN_FILE");
    if (file == NULL) {
        if (!make_path(dir, "admin.token", path)) return false;
        file = path;
    }
    bool is_found = input_read_secret_file(file, &token);
    if (!is_found) {
        say_note(
            "The token of the admin API is read from there: a server makes it in its data directory at its first "
            "start. --data-dir DIR or --admin-token-file FILE say where it is.");
    } else if (!is_visible(buffer_span(&token))) {
        say("%s: the token in it is no word of visible ASCII", file);
        is_found = false;
    } else {
        buffer_add_text(&operator->header, "authorization: Bearer ");
        buffer_add_span(&operator->header, buffer_span(&token));
    }
    buffer_deinit(&token);
    return is_found;
}

const char *operator_data_dir(const struct operator* operator)
{
    const char *dir = setting(operator->data_dir_flag, "SKERRY_DATA_DIR");
    return dir != NULL ? dir : STANDARD_DATA_DIR;
}

int operator_connect(struct operator* operator)
{
    const char *dir = operator_data_dir(operator);
    return find_endpoint(operator, dir) && find_token(operator, dir) ? CLI_GO : CLI_USAGE;
}

static int take_answer(struct operator* operator, json_t ** document)
{
    const struct answer *answer = &operator->answer;
    if (answer->status < 200 || answer->status > 299) {
        struct failure failure;
        failure_read(&failure, answer->status, buffer_span(&answer->body));
        failure_say(&failure);
        if (answer->status == 401) {
            say_note(
                "The token does not fit the server that answered at %s: is it the one of this data directory?",
                operator->endpoint.authority);
        }
        return failure.exit_code;
    }
    if (document == NULL || answer->status == 204) return CLI_GO;
    *document = failure_json(buffer_span(&answer->body));
    return *document != NULL ? CLI_GO : CLI_FAILED;
}

/* Send one request; `text` is its body, NULL for none. */
static bool send(struct operator* operator, const char * method, const char *path, const char *text,
                 char problem[TRANSFER_PROBLEM_CHARS])
{
    struct buffer url = {0};
    buffer_add_text(&url, operator->endpoint.is_https ? "https://" : "http://");
    buffer_add_text(&url, operator->endpoint.authority);
    buffer_add_text(&url, path);
    struct call_request request = {.method = method,
                                   .url = buffer_text(&url),
                                   .headers = {buffer_text(&operator->header)},
                                   .headers_count = 1,
                                   .is_loopback = operator->endpoint.is_loopback,
                                   .has_body = text != NULL,
                                   .body = span_text(text != NULL ? text : "")};
    if (text != NULL) request.headers[request.headers_count++] = "content-type: application/json";
    bool is_answered = transfer_run(&operator->transfer, &request, 0, &operator->answer, problem);
    buffer_deinit(&url);
    return is_answered;
}

int operator_call(struct operator* operator, const char * method, const char *path, json_t *body,
                  json_t **document)
{
    char *text = body != NULL ? say_need(json_dumps(body, JSON_COMPACT)) : NULL;
    json_decref(body);
    if (document != NULL) *document = NULL;

    char problem[TRANSFER_PROBLEM_CHARS];
    bool is_answered = send(operator, method, path, text, problem);
    free(text);
    if (is_answered) return take_answer(operator, document);
    say("no answer from the admin API at %s: %s", operator->endpoint.authority, problem);
    say_note("Is the server running? Its address is found by --admin-endpoint, SKERRY_ADMIN_ENDPOINT, or the file "
             "admin.endpoint in the data directory.");
    return CLI_FAILED;
}

bool operator_try(struct operator* operator, const char * path, json_t **document)
{
    char problem[TRANSFER_PROBLEM_CHARS];
    *document = NULL;
    if (!send(operator, "GET", path, NULL, problem)) return false;
    struct span body = buffer_span(&operator->answer.body);
    if (operator->answer.status == 200)
        *document = json_loadb((const char *)body.bytes, body.length, JSON_ALLOW_NUL, NULL);
    return *document != NULL;
}

const char *operator_path(struct buffer *path, const char *first, const char *second, const char *last)
{
    struct arena memory;
    arena_init(&memory, 1 << 20);
    const char *encoded = say_need((void *)(uintptr_t)call_encode(span_text(second), &memory));
    buffer_clear(path);
    buffer_add_text(path, "/v1/");
    buffer_add_text(path, first);
    buffer_add_text(path, "/");
    buffer_add_text(path, encoded);
    buffer_add_text(path, last);
    arena_deinit(&memory);
    return buffer_text(path);
}

static int say_several(const json_t *keys, const char *name)
{
    say("several keys are named \"%s\"; give the id of one:", name);
    const json_t *key;
    size_t i;
    json_array_foreach(keys, i, key)
    {
        const char *key_name = json_string_value(json_object_get(key, "name"));
        const char *key_id = json_string_value(json_object_get(key, "key_id"));
        if (key_name != NULL && key_id != NULL && strcmp(key_name, name) == 0) say_note("  %s", key_id);
    }
    return CLI_USAGE;
}

int operator_find_key(struct operator* operator, const char * key, struct buffer *id)
{
    json_t *document = NULL;
    if (key[0] == '\0') { /* an unset variable of a script must not mean the one key without a name */
        say("a key is given by its id or its name, not by nothing");
        return CLI_USAGE;
    }
    int code = operator_call(operator, "GET", "/v1/keys", NULL, &document);
    if (code != CLI_GO) return code;

    const json_t *keys = json_object_get(document, "keys");
    const json_t *row;
    size_t i, named_count = 0;
    const char *found = NULL;
    json_array_foreach(keys, i, row)
    {
        const char *key_id = json_string_value(json_object_get(row, "key_id"));
        const char *name = json_string_value(json_object_get(row, "name"));
        if (key_id == NULL || name == NULL) continue;
        if (strcmp(key_id, key) == 0) { /* ids come before names */
            found = key_id;
            named_count = 1;
            break;
        }
        if (strcmp(name, key) == 0) {
            found = key_id;
            named_count++;
        }
    }
    if (named_count > 1) {
        code = say_several(keys, key);
    } else if (found == NULL) {
        say("there is no key with the id or the name \"%s\" (`skerry key list` shows all)", key);
        code = CLI_NOT_FOUND;
    } else {
        buffer_clear(id);
        buffer_add_text(id, found);
    }
    json_decref(document);
    return code;
}

const char *operator_yes(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name)) ? "yes" : "-";
}

void operator_print_member(const char *label, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    struct buffer text = {0};
    if (json_is_string(value) && json_string_length(value) > 0) {
        show_key(&text, output_span_of(value));
    } else if (json_is_integer(value)) {
        char number[32];
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        buffer_add_text(&text, number);
    } else if (json_is_boolean(value)) {
        buffer_add_text(&text, json_is_true(value) ? "yes" : "no");
    } else {
        buffer_add_text(&text, "-");
    }
    printf("%-18s %s\n", label, buffer_text(&text));
    buffer_deinit(&text);
}
