/* A strict subset of TOML, line by line: [section], key = value, # comment. Values are strings in double quotes,
 * integers, true and false, and arrays of them on one line.
 *
 * inih takes the lines apart; before it sees one, the line is checked and its comment cut here, because inih is
 * lenient where TOML is not (a colon for the equals sign, continued lines, ";" comments inside strings), and hands
 * no line number to its handler. jansson reads the values: what the subset has is written in JSON as in TOML.
 */
#ifndef NODE_EDGE_TOML_H
#define NODE_EDGE_TOML_H

#include <stdbool.h>

#include "node/base/span.h"

enum {
    TOML_LINE_BYTES_MAX = 4096,
    TOML_NAME_BYTES = 50, /* a section or key with its NUL; longer ones are refused */
};

enum toml_type {
    TOML_STRING,
    TOML_INTEGER,
    TOML_BOOL,
    TOML_STRINGS, /* an array of strings, none of them empty or with a comma */
    TOML_OTHER,   /* another array, or what is no value at all: no text */
};

/* Borrowed for the call of on_pair(). */
struct toml_pair {
    unsigned line;       /* from 1 */
    const char *section; /* "" above the first section */
    const char *key;
    enum toml_type type;
    const char *text; /* the string, "-12", "true", "one,two"; never longer than TOML_LINE_BYTES_MAX */
};

/* What to do with what is read. A false from on_section() or on_pair() ends the reading. */
struct toml_visitor {
    void *context;
    bool (*on_section)(void *context, unsigned line, const char *name);
    bool (*on_pair)(void *context, const struct toml_pair *pair);
    void (*on_error)(void *context, unsigned line, const char *problem); /* once at most, and the last call */
};

/* Read `text`, any bytes whatever. True when all of it was read and every visit said true. Repeated names are the
 * visitor's to refuse. */
bool toml_read(struct span text, const struct toml_visitor *visitor);

#endif
