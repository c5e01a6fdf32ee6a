/* What a command prints on standard output: JSON documents and tables. */
#ifndef NODE_CLI_OUTPUT_H
#define NODE_CLI_OUTPUT_H

#include "node/cli/buffer.h"
#include "node/cli/options.h"

#include <jansson.h>

enum output_form { OUTPUT_TEXT, OUTPUT_JSON };

/* The row of -o; `target` is an unsigned that holds an enum output_form. */
struct option output_option(unsigned *target);

/* Write the document with a newline, and give it up. */
void output_json(json_t *document);

/* Write the text as it is. */
void output_span(struct span text);

/* Let all that was written so far out, before something on standard error. */
void output_flush(void);

/* All that was written has arrived? Says what went wrong and answers CLI_FAILED instead of a `code` that is done;
 * any other `code` stays. To be called once, at the end. */
int output_end(int code);

/* A string of a document, with NUL in it or not; absent (NULL) when `value` is no string. */
struct span output_span_of(const json_t *value);

/* A table: the first row holds the titles. */
struct table {
    size_t columns_count;
    unsigned right_columns; /* bit i: column i is aligned to the right */
    struct buffer text;     /* of all cells */
    size_t *ends;           /* of each cell in `text` */
    size_t cells_count;
    size_t cells_capacity;
};

enum { TABLE_COLUMNS_MAX = 10 };

/* `titles` ends with a NULL. */
void table_init(struct table *table, const char *const *titles, unsigned right_columns);

/* The next cell, left to right, row by row; must be printable (show_key and the like). */
void table_add(struct table *table, struct span cell);
void table_add_text(struct table *table, const char *cell);
void table_add_number(struct table *table, const json_t *number);
void table_add_key(struct table *table, struct span key);

/* Print all rows; nothing but the titles is fine. */
void table_print(const struct table *table, FILE *out);
void table_deinit(struct table *table);

#endif
