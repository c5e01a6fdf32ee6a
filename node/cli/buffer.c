/* Bytes that grow by doubling. */
#include "node/cli/buffer.h"

#include "node/cli/say.h"

#include <sodium/utils.h>
#include <stdlib.h>

char *buffer_room(struct buffer *buffer, size_t bytes)
{
    size_t needed = 0;
    if (!size_add(buffer->length, bytes, &needed) || !size_add(needed, 1, &needed)) say_no_memory();
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity < 128 ? 256 : 0;
        if (capacity == 0 && !size_multiply(buffer->capacity, 2, &capacity)) say_no_memory();
        if (capacity < needed) capacity = needed;
        /* Not realloc(): it may leave a secret behind in memory it gives back. */
        char *moved = say_need(malloc(capacity));
        if (buffer->length > 0) memcpy(moved, buffer->bytes, buffer->length);
        size_t length = buffer->length;
        buffer_deinit(buffer);
        *buffer = (struct buffer){moved, length, capacity};
    }
    return buffer->bytes + buffer->length;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
    char *at = buffer_room(buffer, length);
    if (length > 0) memcpy(at, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_add_span(struct buffer *buffer, struct span span)
{
    buffer_add(buffer, span.bytes, span.length);
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->length > 0 ? buffer->bytes : "";
}

struct span buffer_span(const struct buffer *buffer)
{
    return span_of(buffer_text(buffer), buffer->length);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
}

void buffer_deinit(struct buffer *buffer)
{
    if (buffer->bytes != NULL) {
        sodium_memzero(buffer->bytes, buffer->capacity);
        free(buffer->bytes);
    }
    *buffer = (struct buffer){0};
}
