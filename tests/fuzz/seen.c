/* Seen markers: any bytes are refused, or are the one form of the marker they give. */
#include "crdt/seen.h"

#include <stdlib.h>
#include <string.h>

enum { DOTS = CRDT_SEEN_BYTES_MAX / 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, struct crdt_dot *dots, uint8_t *out)
{
    struct crdt_dot clock[CRDT_VCLOCK_MAX];
    struct crdt_seen_item items[CRDT_SEEN_ITEMS_MAX];
    struct crdt_seen seen = {
        .clock = crdt_vclock_over(clock, CRDT_VCLOCK_MAX), .items = items, .items_capacity = CRDT_SEEN_ITEMS_MAX};
    if (!crdt_seen_decode(data, size, &seen, dots, DOTS)) return;
    if (!crdt_interval_contains(&seen.interval, &seen.interval)) abort();
    size_t length = crdt_seen_encode(&seen, out, CRDT_SEEN_BYTES_MAX);
    if (length != size || memcmp(out, data, size) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crdt_dot *dots = malloc(DOTS * sizeof *dots);
    uint8_t *out = malloc(CRDT_SEEN_BYTES_MAX);
    if (dots != NULL && out != NULL) check(data, size, dots, out);
    free(dots);
    free(out);
    return 0;
}
