/* `skerry k2v`: the list of its commands, and what several of them show. */
#include "node/cli/k2v.h"

#include "node/cli/say.h"
#include "node/cli/show.h"

static const struct command COMMANDS[] = {
    {"read", "show the values of an item", k2v_read},
    {"insert", "store a value", k2v_insert},
    {"delete", "delete an item", k2v_delete},
    {"poll", "wait for a change of an item", k2v_poll},
    {"poll-range", "wait for changes of a partition", k2v_poll_range},
    {"index", "list the partition keys", k2v_index},
    {"read-batch", "read ranges and many items", k2v_read_batch},
    {"insert-batch", "store and delete many items", k2v_insert_batch},
    {"delete-batch", "delete ranges", k2v_delete_batch},
};

static const struct command_group GROUP = {
    .name = "skerry k2v",
    .about = "Read and write items over the K2V API, at any server that speaks it.",
    .more = "Where, and as whom: K2V_ENDPOINT, K2V_BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and\n"
            "AWS_REGION in the environment, or in a file given with --env-file.\n"
            "\n"
            "A first try, beside a server started with `skerry server`:\n"
            "  skerry k2v insert greetings hello 'Hello, world!' --env-file skerry-data/demo.env\n"
            "  skerry k2v read greetings hello --env-file skerry-data/demo.env\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

int k2v_main(int argc, char **argv)
{
    return commands_run(&GROUP, argc, argv);
}

bool k2v_check_item(const struct arguments *arguments)
{
    return session_check_key("partition key", arguments->words[0], false) &&
           session_check_key("sort key", arguments->words[1], false);
}

/* One value of a list: base64 or null. An absent span is a deletion; `memory` is cleared. */
static bool decode_value(const json_t *value, struct buffer *memory, struct span *decoded)
{
    buffer_clear(memory);
    *decoded = span_of(NULL, 0);
    if (json_is_null(value)) return true;
    if (!json_is_string(value) || !show_unbase64(memory, output_span_of(value))) return false;
    *decoded = buffer_span(memory);
    return true;
}

static void print_value(const json_t *values, struct span value)
{
    struct buffer line = {0};
    if (json_array_size(values) == 1) {
        show_value(&line, value);
    } else {
        show_value_line(&line, value, 0);
    }
    output_span(buffer_span(&line));
    if (line.length == 0 || line.bytes[line.length - 1] != '\n') output_span(span_text("\n"));
    buffer_deinit(&line);
}

static int show_text(const json_t *values, const char *token)
{
    struct buffer memory = {0};
    const json_t *value;
    size_t i;
    json_array_foreach(values, i, value)
    {
        struct span decoded;
        if (!decode_value(value, &memory, &decoded)) {
            say("the server's answer cannot be read: value %zu is no base64", i + 1);
            buffer_deinit(&memory);
            return CLI_FAILED;
        }
        print_value(values, decoded);
    }
    buffer_deinit(&memory);
    output_flush();
    if (json_array_size(values) > 1) {
        say_note("%zu concurrent values; an insert or delete with this token replaces them all", i);
    }
    if (*token != '\0') say_note("token: %s", token);
    return CLI_DONE;
}

/* 204 is a deleted item that was asked for as bytes. */
static int show_raw(const struct answer *answer)
{
    if (answer->status == 204) {
        say("the item is deleted");
    } else {
        output_span(buffer_span(&answer->body));
        output_flush();
    }
    if (answer->token[0] != '\0') say_note("token: %s", answer->token);
    return answer->status == 204 ? CLI_NOT_FOUND : CLI_DONE;
}

int k2v_show_item(const struct session *session, bool is_raw)
{
    const struct answer *answer = &session->answer;
    if (is_raw) return show_raw(answer);

    json_t *values = session_json(session);
    if (values == NULL) return CLI_FAILED;
    int code = CLI_DONE;
    if (!json_is_array(values)) {
        say("the server's answer cannot be read: it is no list of values");
        code = CLI_FAILED;
    } else if (session->form == OUTPUT_JSON) {
        json_t *token = *answer->token != '\0' ? json_string(answer->token) : json_null();
        output_json(json_pack("{soso}", "causality_token", token, "values", json_incref(values)));
    } else {
        code = show_text(values, answer->token);
    }
    json_decref(values);
    return code;
}

int k2v_read_item(struct session *session, struct call *call, const struct arguments *arguments, bool is_raw,
                  unsigned timeout_s)
{
    call->method = "GET";
    call->partition_key = span_text(arguments->words[0]);
    call->accept = is_raw ? CALL_ACCEPT_BYTES : CALL_ACCEPT_JSON;
    int code = session_call(session, call, timeout_s);
    if (code == CLI_GO) return k2v_show_item(session, is_raw);
    if (code == CLI_CONFLICT) {
        say("the item has several concurrent values: without --raw all of them are shown");
    }
    bool has_token = session->answer.token[0] != '\0';
    if (has_token && (code == CLI_CONFLICT || code == CLI_NOT_FOUND)) {
        say_note("token: %s", session->answer.token);
    }
    return code;
}

static bool add_item_rows(struct table *table, const json_t *item, struct buffer *memory, struct buffer *shown)
{
    struct span sort_key = output_span_of(json_object_get(item, "sk"));
    const char *token = json_string_value(json_object_get(item, "ct"));
    const json_t *values = json_object_get(item, "v");
    if (sort_key.bytes == NULL || token == NULL || !call_is_token(token) || !json_is_array(values)) return false;

    const json_t *value;
    size_t i;
    json_array_foreach(values, i, value)
    {
        struct span decoded;
        if (!decode_value(value, memory, &decoded)) return false;
        buffer_clear(shown);
        show_value_line(shown, decoded, K2V_VALUE_CHARS_SHOWN);
        table_add_key(table, sort_key);
        table_add_text(table, token);
        table_add(table, buffer_span(shown));
    }
    return true;
}

bool k2v_print_items(const json_t *items)
{
    static const char *const titles[] = {"SORT KEY", "TOKEN", "VALUE", NULL};
    struct table table;
    struct buffer memory = {0};
    struct buffer shown = {0};
    table_init(&table, titles, 0);
    bool is_good = json_is_array(items);
    const json_t *item;
    size_t i;
    json_array_foreach(items, i, item)
    {
        is_good = is_good && add_item_rows(&table, item, &memory, &shown);
    }
    if (is_good) {
        table_print(&table, stdout);
    } else {
        say("the server's answer cannot be read: an item is not as it must be");
    }
    buffer_deinit(&memory);
    buffer_deinit(&shown);
    table_deinit(&table);
    return is_good;
}

void k2v_say_more(const json_t *document)
{
    struct span next = output_span_of(json_object_get(document, "nextStart"));
    if (next.bytes == NULL) return;
    struct buffer word = {0};
    show_shell_word(&word, next);
    output_flush();
    say_note("more: go on with --start %s", buffer_text(&word));
    buffer_deinit(&word);
}
