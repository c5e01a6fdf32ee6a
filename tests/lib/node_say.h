/* What tests of whole nodes say to them, in one line each, and what they expect to hear. */
#ifndef TESTS_LIB_NODE_SAY_H
#define TESTS_LIB_NODE_SAY_H

#include "tests/lib/check.h"
#include "tests/lib/node_line.h"

/* --- hearing ------------------------------------------------------------------------------------------- */

static inline void say_expect(struct world *world, uint32_t slot, const char *expected, const char *file, int line)
{
    char *actual = say_line(world, slot);
    bool is_equal = strcmp(actual, expected) == 0;
    if (!is_equal) print_error("there is \"%s\"\nwanted   \"%s\"\n", actual, expected);
    free(actual);
    if (!is_equal) _fail(file, line);
}

#define expect_answer(world, slot, expected) say_expect(world, slot, expected, __FILE__, __LINE__)

/* An error's message must speak of `about`. */
static inline void say_expect_message(struct world *world, uint32_t slot, const char *about, const char *file,
                                      int line)
{
    char *message = say_member(world_answer(world, slot), "message");
    bool is_there = strstr(message, about) != NULL;
    if (!is_there) print_error("\"%s\" does not speak of \"%s\"\n", message, about);
    free(message);
    if (!is_there) _fail(file, line);
}

#define expect_message(world, slot, about) say_expect_message(world, slot, about, __FILE__, __LINE__)

/* The token or marker of an answer, in memory of the caller. */
struct token {
    char text[4096];
};

static inline struct span token_span(const struct token *token)
{
    return token->text[0] == '\0' ? (struct span){NULL, 0} : span_text(token->text);
}

static inline struct token say_token(struct world *world, uint32_t slot)
{
    struct token token = {""};
    struct span value = answer_header(world_answer(world, slot), "x-garage-causality-token");
    assert_true(value.length < sizeof token.text);
    if (value.bytes != NULL) memcpy(token.text, value.bytes, value.length);
    return token;
}

static inline struct token say_marker(struct world *world, uint32_t slot)
{
    struct token token = {""};
    char *marker = say_member(world_answer(world, slot), "seenMarker");
    assert_true(strlen(marker) > 0 && strlen(marker) < sizeof token.text);
    strcpy(token.text, marker);
    free(marker);
    return token;
}

/* As strstr(3), in a text that may hold anything; its end comes out when there is none. Not quadratic under
 * AddressSanitizer, whose strstr looks at the whole text each time. */
static inline const char *say_find(const char *at, const char *end, const char *wanted)
{
    size_t length = strlen(wanted);
    for (; (size_t)(end - at) >= length; at++) {
        if (*at == wanted[0] && memcmp(at, wanted, length) == 0) return at;
    }
    return end;
}

/* Pump, and see how much the request on a slot holds at most. */
static inline size_t say_pump_watching(struct world *world, uint32_t slot)
{
    size_t held_bytes_max = 0;
    do {
        const struct request *request = world->node.requests.slots[slot];
        size_t held_bytes = request == NULL ? 0 : request->arena.held_bytes + request->scratch.held_bytes;
        if (held_bytes > held_bytes_max) held_bytes_max = held_bytes;
    } while (world_move(world));
    return held_bytes_max;
}

/* A text put together, to be passed on as .text. */
struct text {
    char text[8192];
};

__attribute__((format(printf, 1, 2))) static inline struct text text_of(const char *format, ...)
{
    struct text text;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text.text, sizeof text.text, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && (size_t)length < sizeof text.text);
    return text;
}

/* --- saying --------------------------------------------------------------------------------------------- */

/* Ask over a new connection, without waiting for anything. The slot. */
static inline uint32_t say_begin(struct world *world, struct ask ask)
{
    uint32_t slot = world_free_slot(world);
    world_ask(world, slot, EVENT_DOOR_K2V, ask);
    return slot;
}

static inline uint32_t say_begin_admin(struct world *world, const char *method, const char *target,
                                       const char *body)
{
    uint32_t slot = world_free_slot(world);
    world_ask(world, slot, EVENT_DOOR_ADMIN,
              (struct ask){.method = method, .target = target, .body = span_text(body)});
    return slot;
}

/* The connection may go: its answer was looked at. */
static inline void say_close(struct world *world, uint32_t slot)
{
    if (world->connections[slot].is_open) world_leave(world, slot);
}

static inline uint32_t say_begin_put(struct world *world, const char *sort_key, const struct token *token,
                                     const char *value)
{
    struct text target = text_of("/demo/p?sort_key=%s", sort_key);
    return say_begin(world, (struct ask){.method = value == NULL ? "DELETE" : "PUT",
                                         .target = target.text,
                                         .body = value == NULL ? span_of("", 0) : span_text(value),
                                         .token = token == NULL ? (struct span){NULL, 0} : token_span(token)});
}

static inline uint32_t say_begin_post(struct world *world, const char *target, const char *body)
{
    return say_begin(world, (struct ask){.method = "POST", .target = target, .body = span_text(body)});
}

static inline uint32_t say_begin_get(struct world *world, const char *sort_key)
{
    struct text target = text_of("/demo/p?sort_key=%s", sort_key);
    return say_begin(world, (struct ask){.method = "GET", .target = target.text});
}

/* Write (or delete, for NULL) an item of partition p and see it through. What the 204 says the writer knows. */
static inline struct token say_put(struct world *world, const char *sort_key, const struct token *token,
                                   const char *value)
{
    uint32_t slot = say_begin_put(world, sort_key, token, value);
    world_pump(world);
    expect_answer(world, slot, "204");
    struct token known = say_token(world, slot);
    say_close(world, slot);
    return known;
}

/* Read an item of partition p as JSON and see it through. Its token. */
static inline struct token say_get(struct world *world, const char *sort_key, const char *expected,
                                   const char *file, int line)
{
    uint32_t slot = say_begin_get(world, sort_key);
    world_pump(world);
    say_expect(world, slot, expected, file, line);
    struct token token = say_token(world, slot);
    say_close(world, slot);
    return token;
}

#define expect_item(world, sort_key, expected) say_get(world, sort_key, expected, __FILE__, __LINE__)

static inline void say_ask(struct world *world, struct ask ask, const char *expected, const char *file, int line)
{
    uint32_t slot = say_begin(world, ask);
    world_pump(world);
    say_expect(world, slot, expected, file, line);
    say_close(world, slot);
}

#define expect_ask(world, ask, expected) say_ask(world, ask, expected, __FILE__, __LINE__)

static inline void say_post(struct world *world, const char *target, const char *body, const char *expected,
                            const char *file, int line)
{
    uint32_t slot = say_begin_post(world, target, body);
    world_pump(world);
    say_expect(world, slot, expected, file, line);
    say_close(world, slot);
}

#define expect_post(world, target, body, expected) say_post(world, target, body, expected, __FILE__, __LINE__)

static inline void say_admin(struct world *world, const char *method, const char *target, const char *body,
                             const char *expected, const char *file, int line)
{
    uint32_t slot = say_begin_admin(world, method, target, body);
    world_pump(world);
    say_expect(world, slot, expected, file, line);
    say_close(world, slot);
}

#define expect_admin(world, method, target, body, expected)                                                       \
    say_admin(world, method, target, body, expected, __FILE__, __LINE__)

/* --- a test's world ------------------------------------------------------------------------------------- */

static inline int world_begin(void **state)
{
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    world_init(world);
    *state = world;
    return 0;
}

static inline int world_end(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)

#endif
