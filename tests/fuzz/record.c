/* Rows of the store: any bytes are refused or are the one form of what they say.
 *
 * The first byte chooses: its lowest bit, whether the row gets a hash that fits (so that the decoder behind the
 * hash is reached) or has its own; the rest, the kind of row. The second byte is the length of the row's key.
 */
#include "tests/lib/record_check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum record_check_space space, struct span key, struct span row)
{
    bool is_canonical = true;
    enum err err = record_check_copy(space, key, row, &is_canonical);
    if (!is_canonical) abort();
    if (err != ERR_OK && err != ERR_CORRUPT && err != ERR_VERSION && err != ERR_MEMORY) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum record_check_space spaces[3] = {RECORD_CHECK_ITEM, RECORD_CHECK_COUNT,
                                                      RECORD_CHECK_DOCUMENT};
    if (size < 2 || size - 2 < data[1]) return 0;
    enum record_check_space space = spaces[data[0] / 2 % 3];
    bool is_sealed = data[0] % 2 == 1;
    struct span key = span_of(data + 2, data[1]);
    size_t rest = size - 2 - data[1];
    size_t length = is_sealed ? RECORD_HASH_BYTES + rest : rest;
    uint8_t *row = malloc(length + 1);
    if (row == NULL) return 0;
    if (rest > 0) memcpy(row + length - rest, data + 2 + data[1], rest);
    if (is_sealed) record_check_seal(space, key, row, length);
    check(space, key, span_of(row, length));
    free(row);
    return 0;
}
