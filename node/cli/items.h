/* Items to store, one after the other, from a JSON array or from JSON lines, in memory that does not grow with the
 * file; and the bounded requests they are packed into. Reads nothing but the file it is given, prints nothing. */
#ifndef NODE_CLI_ITEMS_H
#define NODE_CLI_ITEMS_H

#include "node/cli/buffer.h"

#include <stdint.h>
#include <stdio.h>

enum { ITEMS_MESSAGE_CHARS = 400 };

enum items_step {
    ITEMS_ITEM,
    ITEMS_END,
    ITEMS_BAD, /* for good; reader->message says where and why */
};

/* {"pk","sk","ct","v"} as the protocol has it: "v" is base64 or null, which deletes. "value" is plain text in its
 * place. In an array a missing "v" deletes, as in the protocol, and unknown members are ignored. In lines neither
 * is allowed: a misspelt name must not delete. Empty lines are skipped. */
struct items_reader {
    FILE *file;
    bool has_lines;
    uint64_t items_count; /* so far */
    uint64_t line;        /* of the last item, when has_lines */
    char message[ITEMS_MESSAGE_CHARS];
    /* inside */
    enum items_step last;
    char *line_text;
    size_t line_capacity;
};

/* The file is borrowed. */
void items_reader_init(struct items_reader *reader, FILE *file, bool has_lines);
void items_reader_deinit(struct items_reader *reader);

/* The next item as one JSON object in the protocol's form, added to `out`. */
enum items_step items_next(struct items_reader *reader, struct buffer *out);

/* A request under construction. {0} but for the limits. */
struct items_batch {
    uint64_t items_max;
    size_t bytes_max; /* a single item may be larger: it then goes alone */
    struct buffer body;
    uint64_t items_count;
};

/* Add an item; false, with nothing added, when the batch is full and must go first. */
bool items_batch_add(struct items_batch *batch, struct span item);

/* The request's body, ended; then nothing can be added until items_batch_clear(). */
struct span items_batch_end(struct items_batch *batch);
void items_batch_clear(struct items_batch *batch);
void items_batch_deinit(struct items_batch *batch);

#endif
