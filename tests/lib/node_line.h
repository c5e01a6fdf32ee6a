/* What came over a connection, as one line of text. No cmocka here, as in node_answer.h. */
#ifndef TESTS_LIB_NODE_LINE_H
#define TESTS_LIB_NODE_LINE_H

#include "tests/lib/node_world.h"

/* The member of an error object; free() it. */
static inline char *say_member(const struct answer *answer, const char *name)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"%s\": \"", name);
    const char *at = strstr((const char *)answer->body, wanted);
    if (at == NULL) return strdup("");
    at += strlen(wanted);
    const char *end = at;
    while (*end != '"' && *end != '\0')
        end += *end == '\\' ? 2 : 1;
    WORLD_CHECK(*end == '"');
    return strndup(at, (size_t)(end - at));
}

/* "200 [\"x\"]", "200 x" (one value, as bytes), "204", "404 NoSuchKey"; "nothing yet"; free() it. */
static inline char *say_line(struct world *world, uint32_t slot)
{
    const struct answer *answer = world_answer(world, slot);
    char *text = NULL;
    if (answer->status == 0) return strdup(world->connections[slot].is_open ? "nothing yet" : "closed");
    bool is_json = answer_header_is(answer, "content-type", "application/json") && answer->body_bytes > 0;
    if (is_json && answer->status >= 400) {
        text = say_member(answer, "code");
    } else if (is_json) {
        text = answer_one_line(span_of(answer->body, answer->body_bytes));
    } else {
        text = strndup((const char *)answer->body, answer->body_bytes);
    }
    char *line = malloc(strlen(text) + 8);
    WORLD_CHECK(line != NULL);
    snprintf(line, strlen(text) + 8, "%d%s%s", answer->status, text[0] == '\0' ? "" : " ", text);
    free(text);
    return line;
}

#endif
