/* `skerry key`: access keys. A secret is shown when its key is made, and when --show-secret asks for it. */
#include "node/cli/input.h"
#include "node/cli/operator.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

static const struct usage CREATE_USAGE = {
    .command = "skerry key create",
    .synopsis = "[NAME] [OPTIONS]",
    .about =
        "Make an access key and print it with its secret. NAME is for people; commands take it in place of the\n"
        "id while no other key has it.\n",
    .examples = "  skerry key create mailer\n"
                "  skerry key create mailer -o json\n",
    .arguments_max = 1,
};

static const struct usage IMPORT_USAGE = {
    .command = "skerry key import",
    .synopsis = "KEY_ID [NAME] [OPTIONS]",
    .about =
        "Take over a key made elsewhere. Its secret comes from --secret-file or standard input, never from the\n"
        "command line, where others could see it.\n",
    .examples = "  skerry key import GK0123456789abcdef01234567 mailer --secret-file mailer.secret\n"
                "  pass show mailer | skerry key import GK0123456789abcdef01234567 mailer\n",
    .arguments_min = 1,
    .arguments_max = 2,
};

static const struct usage LIST_USAGE = {
    .command = "skerry key list",
    .synopsis = "[OPTIONS]",
    .about = "List all access keys, without their secrets.\n",
    .examples = "  skerry key list\n",
};

static const struct usage INFO_USAGE = {
    .command = "skerry key info",
    .synopsis = "KEY [--show-secret] [OPTIONS]",
    .about = "Show a key, given by id or unique name, and the buckets it may use.\n",
    .examples = "  skerry key info mailer\n"
                "  skerry key info mailer --show-secret -o json\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage RENAME_USAGE = {
    .command = "skerry key rename",
    .synopsis = "KEY NAME [OPTIONS]",
    .about = "Give a key another name. Its id stays.\n",
    .examples = "  skerry key rename mailer mailer-old\n",
    .arguments_min = 2,
    .arguments_max = 2,
};

static const struct usage DELETE_USAGE = {
    .command = "skerry key delete",
    .synopsis = "KEY [OPTIONS]",
    .about = "Delete a key. Requests signed with it are refused from then on.\n",
    .examples = "  skerry key delete mailer-old\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

struct key_ask {
    struct operator operator;
    struct arguments arguments;
    struct buffer path, id, secret;
    const char *secret_file;
    bool show_secret;
};

static void end_ask(struct key_ask *ask)
{
    buffer_deinit(&ask->path);
    buffer_deinit(&ask->id);
    buffer_deinit(&ask->secret);
    operator_deinit(&ask->operator);
}

/* Read the command line and find the server; words that will go into JSON are checked first. */
static int begin_ask(struct key_ask *ask, const struct usage *usage, const struct option *own, size_t own_count,
                     int argc, char **argv)
{
    int code = operator_open(&ask->operator, usage, own, own_count, argc, argv, &ask->arguments);
    for (size_t i = 0; code == CLI_GO && i < ask->arguments.count; i++) {
        json_t *word = json_string(ask->arguments.words[i]);
        if (word == NULL) {
            say("\"%s\" is not UTF-8", ask->arguments.words[i]);
            code = CLI_USAGE;
        }
        json_decref(word);
    }
    return code == CLI_GO ? operator_connect(&ask->operator) : code;
}

static void print_buckets(const json_t *buckets)
{
    static const char *const titles[] = {"BUCKET ID", "ALIAS", "READ", "WRITE", "OWNER", NULL};
    if (json_array_size(buckets) == 0) return;
    struct table table;
    table_init(&table, titles, 0);
    const json_t *bucket;
    size_t i;
    json_array_foreach(buckets, i, bucket)
    {
        struct span alias = output_span_of(json_object_get(bucket, "alias"));
        table_add_key(&table, output_span_of(json_object_get(bucket, "id")));
        if (alias.length == 0) {
            table_add_text(&table, "-");
        } else {
            table_add_key(&table, alias);
        }
        table_add_text(&table, operator_yes(bucket, "read"));
        table_add_text(&table, operator_yes(bucket, "write"));
        table_add_text(&table, operator_yes(bucket, "owner"));
    }
    printf("\n");
    table_print(&table, stdout);
    table_deinit(&table);
}

/* Gives `key` up. */
static int show_key_document(const struct key_ask *ask, json_t *key, bool has_secret)
{
    if (!has_secret) json_object_del(key, "secret");
    if (ask->operator.form == OUTPUT_JSON) {
        output_json(key);
        return CLI_DONE;
    }
    operator_print_member("key id", key, "key_id");
    operator_print_member("name", key, "name");
    operator_print_member("created", key, "created");
    if (has_secret) operator_print_member("secret", key, "secret");
    print_buckets(json_object_get(key, "buckets"));
    json_decref(key);
    return CLI_DONE;
}

static int call_and_show(struct key_ask *ask, const char *method, const char *path, json_t *body, bool has_secret)
{
    json_t *key = NULL;
    int code = operator_call(&ask->operator, method, path, body, &key);
    if (code != CLI_GO) return code;
    return key != NULL ? show_key_document(ask, key, has_secret) : CLI_DONE;
}

static int create(int argc, char **argv)
{
    struct key_ask ask = {0};
    int code = begin_ask(&ask, &CREATE_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) {
        const char *name = ask.arguments.count > 0 ? ask.arguments.words[0] : "";
        json_t *body = say_need(json_pack("{ss}", "name", name));
        code = call_and_show(&ask, "POST", "/v1/keys", body, true);
    }
    end_ask(&ask);
    return code;
}

static bool take_secret(struct key_ask *ask)
{
    if (ask->secret_file != NULL) return input_read_secret_file(ask->secret_file, &ask->secret);
    return input_read_secret_stdin("secret", &ask->secret);
}

static int send_import(struct key_ask *ask)
{
    if (!take_secret(ask)) return CLI_USAGE;
    const char *name = ask->arguments.count > 1 ? ask->arguments.words[1] : "";
    json_t *body = json_pack("{ssssss}", "key_id", ask->arguments.words[0], "name", name, "secret",
                             buffer_text(&ask->secret));
    if (body == NULL) {
        say("the secret is no text");
        return CLI_USAGE;
    }
    return call_and_show(ask, "POST", "/v1/keys", body, false);
}

static int import(int argc, char **argv)
{
    struct key_ask ask = {0};
    const struct option own[] = {
        {.name = "secret-file",
         .value_word = "FILE",
         .help = "file with the secret, readable by you alone;\nstandard input if not given",
         .kind = OPTION_TEXT,
         .target = &ask.secret_file}};
    int code = begin_ask(&ask, &IMPORT_USAGE, own, 1, argc, argv);
    if (code == CLI_GO) code = send_import(&ask);
    end_ask(&ask);
    return code;
}

static int show_list(const struct key_ask *ask, json_t *document)
{
    static const char *const titles[] = {"KEY ID", "CREATED", "BUCKETS", "NAME", NULL};
    if (ask->operator.form == OUTPUT_JSON) {
        output_json(document);
        return CLI_DONE;
    }
    struct table table;
    table_init(&table, titles, 4);
    const json_t *key;
    size_t i;
    json_array_foreach(json_object_get(document, "keys"), i, key)
    {
        char buckets[32];
        snprintf(buckets, sizeof buckets, "%zu", json_array_size(json_object_get(key, "buckets")));
        struct span name = output_span_of(json_object_get(key, "name"));
        table_add_key(&table, output_span_of(json_object_get(key, "key_id")));
        table_add_key(&table, output_span_of(json_object_get(key, "created")));
        table_add_text(&table, buckets);
        if (name.length == 0) {
            table_add_text(&table, "-");
        } else {
            table_add_key(&table, name);
        }
    }
    table_print(&table, stdout);
    table_deinit(&table);
    json_decref(document);
    return CLI_DONE;
}

static int list(int argc, char **argv)
{
    struct key_ask ask = {0};
    json_t *document = NULL;
    int code = begin_ask(&ask, &LIST_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = operator_call(&ask.operator, "GET", "/v1/keys", NULL, &document);
    if (code == CLI_GO) code = show_list(&ask, document);
    end_ask(&ask);
    return code;
}

/* The path of the key that the first argument names. */
static int find_path(struct key_ask *ask, const char *last)
{
    int code = operator_find_key(&ask->operator, ask->arguments.words[0], &ask->id);
    if (code == CLI_GO) operator_path(&ask->path, "keys", buffer_text(&ask->id), last);
    return code;
}

static int info(int argc, char **argv)
{
    struct key_ask ask = {0};
    const struct option own[] = {
        {.name = "show-secret", .help = "its secret too", .kind = OPTION_FLAG, .target = &ask.show_secret}};
    int code = begin_ask(&ask, &INFO_USAGE, own, 1, argc, argv);
    if (code == CLI_GO) code = find_path(&ask, ask.show_secret ? "?secret=true" : "");
    if (code == CLI_GO) code = call_and_show(&ask, "GET", buffer_text(&ask.path), NULL, ask.show_secret);
    end_ask(&ask);
    return code;
}

static int rename_key(int argc, char **argv)
{
    struct key_ask ask = {0};
    int code = begin_ask(&ask, &RENAME_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = find_path(&ask, "");
    if (code == CLI_GO) {
        json_t *body = say_need(json_pack("{ss}", "name", ask.arguments.words[1]));
        code = call_and_show(&ask, "PUT", buffer_text(&ask.path), body, false);
    }
    end_ask(&ask);
    return code;
}

static int delete (int argc, char **argv)
{
    struct key_ask ask = {0};
    int code = begin_ask(&ask, &DELETE_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = find_path(&ask, "");
    if (code == CLI_GO) code = operator_call(&ask.operator, "DELETE", buffer_text(&ask.path), NULL, NULL);
    if (code == CLI_GO) {
        const char *id = buffer_text(&ask.id);
        if (ask.operator.form == OUTPUT_JSON) {
            output_json(json_pack("{ss}", "deleted", id));
        } else {
            printf("deleted key %s\n", id);
        }
        code = CLI_DONE;
    }
    end_ask(&ask);
    return code;
}

static const struct command COMMANDS[] = {
    {"create", "make a key", create},
    {"import", "take over a key made elsewhere", import},
    {"list", "list all keys", list},
    {"info", "show a key", info},
    {"rename", "give a key another name", rename_key},
    {"delete", "delete a key", delete},
};

static const struct command_group GROUP = {
    .name = "skerry key",
    .about = "Manage the access keys of a running server.",
    .more = "KEY is a key's id, or its name while no other key has that name.\n"
            "What a key may do is said bucket by bucket: `skerry bucket allow`.\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

int key_main(int argc, char **argv)
{
    return commands_run(&GROUP, argc, argv);
}
