/* Bodies of batches, put together element by element. */
#ifndef TESTS_NODE_BATCH_BODY_H
#define TESTS_NODE_BATCH_BODY_H

#include "tests/lib/node_say.h"

enum { BODY_BYTES_MAX = 4 << 20 };

struct body {
    char *text;
    size_t used;
};

static inline struct body body_begin(void)
{
    struct body body = {.text = malloc(BODY_BYTES_MAX)};
    assert_non_null(body.text);
    strcpy(body.text, "[]");
    body.used = 1;
    return body;
}

/* One element more; `value` is base64, "null" without quotes for NULL. */
static inline void body_add(struct body *body, const char *partition_key, const char *sort_key, const char *value)
{
    char quoted[64] = "null";
    if (value != NULL) snprintf(quoted, sizeof quoted, "\"%s\"", value);
    int length = snprintf(body->text + body->used, BODY_BYTES_MAX - body->used,
                          "%s{\"pk\":\"%s\",\"sk\":\"%s\",\"ct\":null,\"v\":%s}]", body->used == 1 ? "" : ",",
                          partition_key, sort_key, quoted);
    assert_true(length > 0 && (size_t)length < BODY_BYTES_MAX - body->used);
    body->used += (size_t)length - 1;
}

static inline void post(struct world *world, struct body body, const char *expected, const char *about)
{
    uint32_t slot = say_begin_post(world, "/demo", body.text);
    world_pump(world);
    expect_answer(world, slot, expected);
    if (about != NULL) expect_message(world, slot, about);
    say_close(world, slot);
    free(body.text);
}

#endif
