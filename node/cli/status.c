/* `skerry status`: how a server is doing. */
#include "node/cli/operator.h"
#include "node/cli/say.h"

static const struct usage USAGE = {
    .command = "skerry status",
    .synopsis = "[OPTIONS]",
    .about = "Show what a running server says of itself: version, node, uptime, what it holds.\n",
    .examples = "  skerry status\n"
                "  skerry status --data-dir /var/lib/skerry -o json\n",
};

/* Whatever members there are, in the server's order: a newer server may have more to say. */
static void print_members(const char *before, json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        char label[64];
        snprintf(label, sizeof label, "%s%s", before, name);
        if (!json_is_object(value) && !json_is_array(value)) operator_print_member(label, object, name);
    }
}

static void print_status(json_t *document)
{
    print_members("", document);
    const char *name;
    json_t *value;
    json_object_foreach(document, name, value)
    {
        char before[64];
        snprintf(before, sizeof before, "%s.", name);
        if (json_is_object(value)) print_members(before, value);
    }
}

int status_main(int argc, char **argv)
{
    struct arguments arguments;
    struct operator operator;
    json_t *document = NULL;
    operator_init(&operator);
    int code = operator_open(&operator, & USAGE, NULL, 0, argc, argv, &arguments);
    if (code == CLI_GO) code = operator_connect(&operator);
    if (code == CLI_GO) code = operator_call(&operator, "GET", "/v1/status", NULL, &document);
    if (code == CLI_GO && document != NULL) {
        if (operator.form == OUTPUT_JSON) {
            output_json(json_incref(document));
        } else {
            print_status(document);
        }
        code = CLI_DONE;
    }
    json_decref(document);
    operator_deinit(&operator);
    return code;
}
