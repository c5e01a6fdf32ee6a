/* What the tests of the operator's door share. */
#ifndef TESTS_NODE_OPERATOR_H
#define TESTS_NODE_OPERATOR_H

#include "tests/lib/node_say.h"

#define CREATED "\"created\":\"2025-06-15T12:00:00Z\""

/* A bucket's id, 64 hex digits, as its answer gives it. */
static inline struct text bucket_id(struct world *world, const char *name)
{
    struct text target = text_of("/v1/buckets/%s", name);
    uint32_t slot = say_begin_admin(world, "GET", target.text, "");
    world_pump(world);
    assert_int_equal(world_status(world, slot), 200);
    char *id = say_member(world_answer(world, slot), "id");
    struct text text = text_of("%s", id);
    free(id);
    say_close(world, slot);
    return text;
}

static inline void admin_ok(struct world *world, const char *method, const char *target, const char *body)
{
    uint32_t slot = say_begin_admin(world, method, target, body);
    world_pump(world);
    int status = world_status(world, slot);
    if (status != 200 && status != 204) {
        char *line = say_line(world, slot);
        print_error("%s %s: %s\n", method, target, line);
        free(line);
        fail();
    }
    say_close(world, slot);
}

static inline void use_key(struct ask *ask, const char *key_id, const char *secret)
{
    ask->key_id = key_id;
    ask->secret = secret;
}

/* Ask for an item of a bucket as the client of a key. */
static inline void expect_access(struct world *world, const char *method, const char *bucket, const char *key_id,
                                 const char *secret, const char *expected)
{
    struct text target = text_of("/%s/p?sort_key=a", bucket);
    struct ask ask = {.method = method, .target = target.text};
    use_key(&ask, key_id, secret);
    expect_ask(world, ask, expected);
}

static inline void expect_part(struct world *world, const char *target, const char *part)
{
    uint32_t slot = say_begin_admin(world, "GET", target, "");
    world_pump(world);
    char *line = say_line(world, slot);
    if (strstr(line, part) == NULL) print_error("%s is not in %s\n", part, line);
    assert_non_null(strstr(line, part));
    free(line);
    say_close(world, slot);
}

#endif
