/* `skerry bucket`: buckets, their names, and which key may do what. */
#include "node/cli/bucket.h"

#include "node/cli/say.h"

static const struct usage CREATE_USAGE = {
    .command = "skerry bucket create",
    .synopsis = "NAME [OPTIONS]",
    .about = "Make a bucket with the global alias NAME: 3 to 63 chars of a-z 0-9 . - , a letter or digit at both "
             "ends.\n",
    .examples = "  skerry bucket create mails\n"
                "  skerry key create mailer\n"
                "  skerry bucket allow mails --key mailer --read --write\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage LIST_USAGE = {
    .command = "skerry bucket list",
    .synopsis = "[OPTIONS]",
    .about = "List all buckets.\n",
    .examples = "  skerry bucket list\n",
};

static const struct usage INFO_USAGE = {
    .command = "skerry bucket info",
    .synopsis = "BUCKET [OPTIONS]",
    .about = "Show a bucket, given by alias or id: names, counts, keys, CORS rules.\n",
    .examples = "  skerry bucket info mails\n"
                "  skerry bucket info mails -o json\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage DELETE_USAGE = {
    .command = "skerry bucket delete",
    .synopsis = "BUCKET [OPTIONS]",
    .about = "Delete a bucket. It must be empty: `skerry k2v delete-batch` empties a partition.\n",
    .examples = "  skerry bucket delete mails\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage ALLOW_USAGE = {
    .command = "skerry bucket allow",
    .synopsis = "BUCKET --key KEY [--read] [--write] [--owner] [OPTIONS]",
    .about = "Let a key use a bucket. Only what is named changes.\n",
    .examples = "  skerry bucket allow mails --key mailer --read --write\n"
                "  skerry bucket allow mails --key GK0123456789abcdef01234567 --read\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage DENY_USAGE = {
    .command = "skerry bucket deny",
    .synopsis = "BUCKET --key KEY [--read] [--write] [--owner] [OPTIONS]",
    .about = "Take from a key what it may do with a bucket. Only what is named changes.\n",
    .examples = "  skerry bucket deny mails --key mailer --write\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

static const struct usage ALIAS_USAGE = {
    .command = "skerry bucket alias",
    .synopsis = "BUCKET NAME [--key KEY] [--remove] [OPTIONS]",
    .about =
        "Give a bucket one more name: for all keys, or with --key for that key alone. --remove takes it away.\n",
    .examples = "  skerry bucket alias mails post\n"
                "  skerry bucket alias mails inbox --key mailer\n"
                "  skerry bucket alias mails post --remove\n",
    .arguments_min = 2,
    .arguments_max = 2,
};

/* What the commands of this file may be asked; each uses some. */
struct bucket_ask {
    struct operator operator;
    struct arguments arguments;
    struct buffer path;
    const char *key;
    bool read, write, owner, remove;
};

static int open_ask(struct bucket_ask *ask, const struct usage *usage, const struct option *own, size_t own_count,
                    int argc, char **argv)
{
    return operator_open(&ask->operator, usage, own, own_count, argc, argv, &ask->arguments);
}

static void end_ask(struct bucket_ask *ask)
{
    buffer_deinit(&ask->path);
    operator_deinit(&ask->operator);
}

/* Send a call whose answer is a bucket, and show it. */
static int call_and_show(struct bucket_ask *ask, const char *method, const char *path, json_t *body)
{
    json_t *bucket = NULL;
    int code = operator_call(&ask->operator, method, path, body, &bucket);
    return code == CLI_GO && bucket != NULL ? bucket_show(&ask->operator, bucket)
           : code == CLI_GO                 ? CLI_DONE
                                            : code;
}

static int create(int argc, char **argv)
{
    struct bucket_ask ask = {0};
    int code = open_ask(&ask, &CREATE_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = operator_connect(&ask.operator);
    if (code == CLI_GO) {
        json_t *body = json_pack("{ss}", "alias", ask.arguments.words[0]);
        code = body != NULL ? call_and_show(&ask, "POST", "/v1/buckets", body) : CLI_USAGE;
        if (body == NULL) say("the name is not UTF-8");
    }
    end_ask(&ask);
    return code;
}

static int list(int argc, char **argv)
{
    struct bucket_ask ask = {0};
    json_t *document = NULL;
    int code = open_ask(&ask, &LIST_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = operator_connect(&ask.operator);
    if (code == CLI_GO) code = operator_call(&ask.operator, "GET", "/v1/buckets", NULL, &document);
    if (code == CLI_GO) code = bucket_show_list(&ask.operator, document);
    end_ask(&ask);
    return code;
}

static int info(int argc, char **argv)
{
    struct bucket_ask ask = {0};
    int code = open_ask(&ask, &INFO_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = operator_connect(&ask.operator);
    if (code == CLI_GO) {
        code = call_and_show(&ask, "GET", operator_path(&ask.path, "buckets", ask.arguments.words[0], ""), NULL);
    }
    end_ask(&ask);
    return code;
}

static int delete (int argc, char **argv)
{
    struct bucket_ask ask = {0};
    int code = open_ask(&ask, &DELETE_USAGE, NULL, 0, argc, argv);
    if (code == CLI_GO) code = operator_connect(&ask.operator);
    if (code == CLI_GO) {
        const char *name = ask.arguments.words[0];
        code = operator_call(&ask.operator, "DELETE", operator_path(&ask.path, "buckets", name, ""), NULL, NULL);
        if (code == CLI_GO && ask.operator.form == OUTPUT_JSON) output_json(json_pack("{ss}", "deleted", name));
        if (code == CLI_GO && ask.operator.form == OUTPUT_TEXT) printf("deleted bucket %s\n", name);
        if (code == CLI_GO) code = CLI_DONE;
        if (ask.operator.answer.status == 409) {
            say_note("Only an empty bucket is deleted: `skerry k2v index` lists its partitions, and "
                     "`skerry k2v delete-batch PK` empties one.");
        }
    }
    end_ask(&ask);
    return code;
}

static int send_permissions(struct bucket_ask *ask, bool allowed)
{
    struct buffer id = {0};
    int code = operator_find_key(&ask->operator, ask->key, &id);
    if (code == CLI_GO) {
        json_t *body = say_need(json_pack("{ss}", "key_id", buffer_text(&id)));
        if (ask->read) json_object_set_new(body, "read", json_boolean(allowed));
        if (ask->write) json_object_set_new(body, "write", json_boolean(allowed));
        if (ask->owner) json_object_set_new(body, "owner", json_boolean(allowed));
        const char *path = operator_path(&ask->path, "buckets", ask->arguments.words[0], "/permissions");
        code = call_and_show(ask, "POST", path, body);
    }
    buffer_deinit(&id);
    return code;
}

static struct option key_row(struct bucket_ask *ask, const char *help)
{
    return (struct option){
        .name = "key", .value_word = "KEY", .help = help, .kind = OPTION_TEXT, .target = &ask->key};
}

static struct option flag_row(const char *name, const char *help, bool *target)
{
    return (struct option){.name = name, .help = help, .kind = OPTION_FLAG, .target = target};
}

static int change_permissions(const struct usage *usage, bool allowed, int argc, char **argv)
{
    struct bucket_ask ask = {0};
    const struct option own[] = {
        key_row(&ask, "the key: its id, or its name when no other key has it"),
        flag_row("read", "reading and polling", &ask.read),
        flag_row("write", "inserting and deleting", &ask.write),
        flag_row("owner", "owning", &ask.owner),
    };
    int code = open_ask(&ask, usage, own, sizeof own / sizeof own[0], argc, argv);
    if (code == CLI_GO && ask.key == NULL) {
        say("which key? --key KEY (`skerry key list` shows all)");
        code = CLI_USAGE;
    }
    if (code == CLI_GO && !ask.read && !ask.write && !ask.owner) {
        say("nothing to change: name at least one of --read, --write, --owner");
        code = CLI_USAGE;
    }
    if (code == CLI_GO) code = operator_connect(&ask.operator);
    if (code == CLI_GO) code = send_permissions(&ask, allowed);
    end_ask(&ask);
    return code;
}

static int allow(int argc, char **argv)
{
    return change_permissions(&ALLOW_USAGE, true, argc, argv);
}

static int deny(int argc, char **argv)
{
    return change_permissions(&DENY_USAGE, false, argc, argv);
}

static int send_alias(struct bucket_ask *ask)
{
    struct buffer id = {0};
    int code = ask->key != NULL ? operator_find_key(&ask->operator, ask->key, &id) : CLI_GO;
    json_t *body = json_pack("{ss}", "alias", ask->arguments.words[1]);
    if (code == CLI_GO && body == NULL) {
        say("the name is not UTF-8");
        code = CLI_USAGE;
    }
    if (code == CLI_GO) {
        if (ask->key != NULL) json_object_set_new(body, "key_id", say_need(json_string(buffer_text(&id))));
        const char *path = operator_path(&ask->path, "buckets", ask->arguments.words[0], "/aliases");
        code = call_and_show(ask, ask->remove ? "DELETE" : "POST", path, json_incref(body));
    }
    json_decref(body);
    buffer_deinit(&id);
    return code;
}

static int alias(int argc, char **argv)
{
    struct bucket_ask ask = {0};
    const struct option own[] = {
        key_row(&ask, "only for this key: its id, or its name"),
        flag_row("remove", "take the name away", &ask.remove),
    };
    int code = open_ask(&ask, &ALIAS_USAGE, own, sizeof own / sizeof own[0], argc, argv);
    if (code == CLI_GO) code = operator_connect(&ask.operator);
    if (code == CLI_GO) code = send_alias(&ask);
    end_ask(&ask);
    return code;
}

static const struct command COMMANDS[] = {
    {"create", "make a bucket", create},
    {"list", "list all buckets", list},
    {"info", "show a bucket", info},
    {"delete", "delete an empty bucket", delete},
    {"allow", "let a key use a bucket", allow},
    {"deny", "take that from a key", deny},
    {"alias", "name a bucket, or take a name away", alias},
    {"cors", "which web pages may use a bucket", bucket_cors},
};

static const struct command_group GROUP = {
    .name = "skerry bucket",
    .about = "Manage the buckets of a running server.",
    .more = "BUCKET is an alias or an id of 64 hex digits.\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

int bucket_main(int argc, char **argv)
{
    return commands_run(&GROUP, argc, argv);
}
