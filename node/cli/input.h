/* What a command reads: files, standard input, and secrets. Failures are said here; the answer is then false. */
#ifndef NODE_CLI_INPUT_H
#define NODE_CLI_INPUT_H

#include "node/cli/buffer.h"

#include <stdio.h>

enum {
    INPUT_BYTES_MAX = 1 << 30, /* of a file taken whole: the largest value a server may allow */
    INPUT_SECRET_BYTES_MAX = 4096,
};

/* Open a file, or standard input for "-". NULL after a failure. input_close() takes both and NULL. */
FILE *input_open(const char *path);
void input_close(FILE *file);

/* Everything from here to the end of the file. `name` stands in messages. */
bool input_read_rest(FILE *file, const char *name, struct buffer *out);

/* A file, or standard input for "-", as a whole. */
bool input_read_file(const char *path, struct buffer *out);

/* Some editors begin a text with a byte order mark. UTF-8's is taken away; UTF-16's means a text that cannot be
 * read here: false. `name` stands in the message. The same at the beginning of a file that is read bit by bit. */
bool input_skip_mark(struct buffer *text, const char *name);
bool input_skip_mark_in(FILE *file, const char *name);

/* A secret from a file that nobody else may read, without the line end behind it. The answer false leaves nothing
 * of it anywhere. */
bool input_read_secret_file(const char *path, struct buffer *out);

/* The same from standard input; asks for it, without showing it, when that is a terminal. */
bool input_read_secret_stdin(const char *question, struct buffer *out);

/* Does standard input come from a pipe or a file, not from a terminal or from nowhere? */
bool input_is_piped(void);

#endif
