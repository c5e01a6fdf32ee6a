/* Error answers put into words. */
#include "node/cli/failure.h"

#include "node/cli/commands.h"
#include "node/cli/say.h"

#include <stdio.h>

static int exit_code_of(long status)
{
    switch (status) {
    case 401:
    case 403: return CLI_DENIED;
    case 404: return CLI_NOT_FOUND;
    default: return CLI_FAILED;
    }
}

void failure_read(struct failure *failure, long status, struct span body)
{
    *failure = (struct failure){.exit_code = exit_code_of(status)};
    json_t *document = json_loadb((const char *)body.bytes, body.length, JSON_ALLOW_NUL, NULL);
    const char *code = json_string_value(json_object_get(document, "code"));
    const char *message = json_string_value(json_object_get(document, "message"));
    if (code != NULL && message != NULL) {
        snprintf(failure->code, sizeof failure->code, "%s", code);
        snprintf(failure->message, sizeof failure->message, "%s", message);
    } else {
        snprintf(failure->message, sizeof failure->message, "the server answered with status %ld and no reason%s",
                 status, body.length == 0 ? "" : " that can be read: is it a K2V server?");
    }
    json_decref(document);
}

void failure_say(const struct failure *failure)
{
    if (failure->code[0] != '\0') {
        say("%s: %s", failure->code, failure->message);
    } else {
        say("%s", failure->message);
    }
}

json_t *failure_json(struct span body)
{
    json_t *document = json_loadb((const char *)body.bytes, body.length, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (document == NULL) say("the server's answer cannot be read: it is no JSON");
    return document;
}
