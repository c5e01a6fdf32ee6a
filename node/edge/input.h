/* What a connection has sent and nobody has used yet: a head being read, and the bytes behind it. Counted.
 *
 * An idle connection holds nothing. Its first INPUT_FREE_BYTES are as safe as the memory of requests; what it
 * holds beyond them comes out of half of that memory, which is all that clients without a key can take from the
 * others.
 */
#ifndef NODE_EDGE_INPUT_H
#define NODE_EDGE_INPUT_H

#include "http/parse.h"
#include "node/base/arena.h"

enum {
    INPUT_FREE_BYTES = 8 * 1024, /* a parser with a usual head, and some input behind it */
    INPUT_SHARE = 2, /* what connections hold beyond that is at most one part in so many of the memory */
};

/* What all connections of a door share. */
struct input_budget {
    struct arena_budget *memory; /* counted with the requests'; NULL: not counted */
    size_t beyond_bytes;         /* held beyond the free bytes of each */
};

struct input_parser;

struct input {
    struct input_budget *budget;
    struct input_parser *taken; /* only while there is something to parse */
    char *waiting;              /* bytes not yet parsed… */
    size_t waiting_from;        /* …from here… */
    size_t waiting_to;          /* …to here */
    size_t waiting_capacity;
    size_t held_bytes;
};

/* Holds nothing. `budget` outlives it. */
void input_init(struct input *input, struct input_budget *budget);

/* Give all back. Accepts itself twice. */
void input_deinit(struct input *input);

/* The parser, made when there is none; NULL when there is no memory for it. It stays where it is until it is given
 * back. */
struct http_parser *input_take_parser(struct input *input);

/* The parser, or NULL. */
struct http_parser *input_parser(const struct input *input);

/* Give the parser back: between two messages, or when no more is parsed. */
void input_give_parser(struct input *input);

/* Keep bytes behind those that wait; false, and nothing kept, when there is no memory for them. */
bool input_keep(struct input *input, const char *bytes, size_t length);

/* How many bytes wait. */
static inline size_t input_waiting_bytes(const struct input *input)
{
    return input->waiting_to - input->waiting_from;
}

/* The first `length` of those that wait are used. */
void input_use(struct input *input, size_t length);

/* Forget what waits. */
void input_drop(struct input *input);

#endif
