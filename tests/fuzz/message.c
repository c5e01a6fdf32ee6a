/* Any bytes as a message over a link: refused, or written back; what is written back is read again. */
#include "node/cluster/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct message message;
    struct message back;
    const char *why = NULL;
    arena_init(&arena, 64 << 20);
    if (message_decode(span_of(data, size), &arena, &message, &why) && message.kind != MESSAGE_UNKNOWN) {
        struct span bytes = message_encode(&message, &arena);
        if (bytes.bytes == NULL || !message_decode(bytes, &arena, &back, &why) || back.kind != message.kind)
            abort();
    }
    arena_deinit(&arena);
    return 0;
}
