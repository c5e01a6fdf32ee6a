/* Bytes that grow. Growing never fails: a command without memory ends (say_no_memory). */
#ifndef NODE_CLI_BUFFER_H
#define NODE_CLI_BUFFER_H

#include "node/base/span.h"

/* {0} is empty. The bytes have a NUL behind them once anything was added. */
struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
};

void buffer_add(struct buffer *buffer, const void *bytes, size_t length);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_span(struct buffer *buffer, struct span span);

/* Room for `bytes` more; where they go. The length is not changed. */
char *buffer_room(struct buffer *buffer, size_t bytes);

/* The text so far: "" when nothing was added. */
const char *buffer_text(const struct buffer *buffer);
struct span buffer_span(const struct buffer *buffer);

/* Empty, keeping the memory. */
void buffer_clear(struct buffer *buffer);

/* Gives the memory back, wiped: there may have been a secret in it. Leaves {0}. */
void buffer_deinit(struct buffer *buffer);

#endif
