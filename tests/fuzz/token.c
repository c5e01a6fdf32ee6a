/* Causality tokens: any text is refused, or is the one text of the clock it gives. */
#include "crdt/token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crdt_dot entries[CRDT_VCLOCK_MAX];
    struct crdt_vclock clock = crdt_vclock_over(entries, CRDT_VCLOCK_MAX);
    char text[CRDT_TOKEN_CHARS_MAX];
    uint64_t seal = 0;
    if (!crdt_token_decode((const char *)data, size, &clock, &seal)) return 0;
    size_t length = crdt_token_encode(&clock, seal, text);
    if (length != size || memcmp(text, data, size) != 0) abort();
    return 0;
}
