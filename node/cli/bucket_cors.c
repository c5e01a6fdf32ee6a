/* `skerry bucket cors`: which web pages may use a bucket. */
#include "node/cli/bucket.h"
#include "node/cli/input.h"
#include "node/cli/say.h"

static const struct usage USAGE = {
    .command = "skerry bucket cors",
    .synopsis = "BUCKET --allow-origin ORIGIN --allow-method METHOD [OPTIONS]\nBUCKET --rules FILE\nBUCKET "
                "--clear\nBUCKET",
    .about = "Set the CORS rules of a bucket: flags make one rule, FILE has any number, as a JSON array:\n"
             "  [{\"allowed_origins\": [\"https://app.example\"], \"allowed_methods\": [\"GET\", \"PUT\"],\n"
             "    \"allowed_headers\": [\"*\"], \"expose_headers\": [\"x-garage-causality-token\"]}]\n"
             "New rules take the place of all old ones. Without options the bucket is shown.\n",
    .examples =
        "  skerry bucket cors mails --allow-origin https://app.example --allow-method GET --allow-method PUT \\\n"
        "      --allow-header '*' --expose-header x-garage-causality-token\n"
        "  skerry bucket cors mails --rules rules.json\n"
        "  skerry bucket cors mails --clear\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

struct cors_ask {
    struct option_list origins, methods, headers, exposed;
    const char *rules;
    bool clear;
};

static bool has_rule(const struct cors_ask *ask)
{
    return ask->origins.count + ask->methods.count + ask->headers.count + ask->exposed.count > 0;
}

static bool check_ask(const struct cors_ask *ask)
{
    if (has_rule(ask) + (ask->rules != NULL) + ask->clear > 1) {
        say("flags of one rule, --rules, --clear: one of the three");
        return false;
    }
    if (has_rule(ask) && (ask->origins.count == 0 || ask->methods.count == 0)) {
        say("a rule needs --allow-origin and --allow-method at least once each (such as '*' and GET)");
        return false;
    }
    return true;
}

static json_t *list_of(const struct option_list *list)
{
    json_t *words = say_need(json_array());
    for (size_t i = 0; i < list->count; i++) {
        json_t *word = json_string(list->values[i]);
        if (word == NULL) {
            say("\"%s\" is not UTF-8", list->values[i]);
            json_decref(words);
            return NULL;
        }
        json_array_append_new(words, word);
    }
    return words;
}

/* [{…}] of the flags; NULL, said, when one cannot be JSON. */
static json_t *rule_of(const struct cors_ask *ask)
{
    json_t *origins = list_of(&ask->origins);
    json_t *methods = list_of(&ask->methods);
    json_t *headers = list_of(&ask->headers);
    json_t *exposed = list_of(&ask->exposed);
    if (origins == NULL || methods == NULL || headers == NULL || exposed == NULL) {
        json_decref(origins);
        json_decref(methods);
        json_decref(headers);
        json_decref(exposed);
        return NULL;
    }
    return say_need(json_pack("[{sosososo}]", "allowed_origins", origins, "allowed_methods", methods,
                              "allowed_headers", headers, "expose_headers", exposed));
}

static json_t *rules_of_file(const char *path)
{
    struct buffer text = {0};
    json_error_t error = {0};
    json_t *rules = NULL;
    if (input_read_file(path, &text)) {
        rules = json_loadb(buffer_text(&text), text.length, JSON_REJECT_DUPLICATES, &error);
        if (rules == NULL) say("%s:%d: %s", path, error.line, error.text);
    }
    if (rules != NULL && !json_is_array(rules)) {
        say("%s: a JSON array of rules was expected", path);
        json_decref(rules);
        rules = NULL;
    }
    buffer_deinit(&text);
    return rules;
}

static int put_rules(struct operator* operator, const struct cors_ask * ask, const char *name)
{
    bool is_question = !has_rule(ask) && ask->rules == NULL && !ask->clear;
    json_t *body = NULL;
    if (!is_question) {
        json_t *rules = ask->clear ? json_array() : ask->rules != NULL ? rules_of_file(ask->rules) : rule_of(ask);
        if (rules == NULL) return CLI_USAGE;
        body = say_need(json_pack("{so}", "rules", rules));
    }
    struct buffer path = {0};
    json_t *bucket = NULL;
    int code = is_question
                   ? operator_call(operator, "GET", operator_path(&path, "buckets", name, ""), NULL, &bucket)
                   : operator_call(operator, "PUT", operator_path(&path, "buckets", name, "/cors"), body, &bucket);
    buffer_deinit(&path);
    if (code != CLI_GO) return code;
    return bucket != NULL ? bucket_show(operator, bucket) : CLI_DONE;
}

int bucket_cors(int argc, char **argv)
{
    struct cors_ask ask = {0};
    const struct option own[] = {
        {.name = "allow-origin",
         .value_word = "ORIGIN",
         .help = "scheme and host of pages, or '*'; repeatable",
         .kind = OPTION_LIST,
         .target = &ask.origins},
        {.name = "allow-method",
         .value_word = "METHOD",
         .help = "GET, PUT, POST, DELETE or '*'; repeatable",
         .kind = OPTION_LIST,
         .target = &ask.methods},
        {.name = "allow-header",
         .value_word = "NAME",
         .help = "header a page may send, or '*'; repeatable",
         .kind = OPTION_LIST,
         .target = &ask.headers},
        {.name = "expose-header",
         .value_word = "NAME",
         .help = "header a page may read; repeatable",
         .kind = OPTION_LIST,
         .target = &ask.exposed},
        {.name = "rules",
         .value_word = "FILE",
         .help = "JSON array of rules; - is standard input",
         .kind = OPTION_TEXT,
         .target = &ask.rules},
        {.name = "clear", .help = "no rule at all", .kind = OPTION_FLAG, .target = &ask.clear},
    };
    struct arguments arguments;
    struct operator operator;
    operator_init(&operator);
    int code = operator_open(&operator, & USAGE, own, sizeof own / sizeof own[0], argc, argv, &arguments);
    if (code == CLI_GO && !check_ask(&ask)) code = CLI_USAGE;
    if (code == CLI_GO) code = operator_connect(&operator);
    if (code == CLI_GO) code = put_rules(&operator, & ask, arguments.words[0]);
    operator_deinit(&operator);
    return code;
}
