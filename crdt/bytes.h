/* Bytes as crdt/ writes and compares them: big-endian integers, strings with a length. Only for crdt/ itself. */
#ifndef CRDT_BYTES_H
#define CRDT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void crdt_bytes_put_u64(uint8_t *out, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)(number & 0xff);
        number >>= 8;
    }
}

static inline uint64_t crdt_bytes_get_u64(const uint8_t *in)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | in[i];
    }
    return number;
}

/* As unsigned bytes, the shorter first when one is a prefix of the other. A NULL goes with a length of 0. */
static inline int crdt_bytes_compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    size_t common = a_length < b_length ? a_length : b_length;
    int order = common == 0 ? 0 : memcmp(a, b, common); /* memcmp may not be given NULL, even for nothing */
    if (order != 0) return order;
    return a_length < b_length ? -1 : a_length > b_length;
}

#endif
