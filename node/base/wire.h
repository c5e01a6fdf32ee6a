/* msgpack out (with msgpack-c) and in (with a bounded cursor of ours).
 *
 * msgpack-c's object reader allocates from claimed lengths, so bytes of others are read here instead (H26): a
 * cursor with a sticky error that never believes a length beyond the bytes that remain, and allocates nothing.
 */
#ifndef NODE_BASE_WIRE_H
#define NODE_BASE_WIRE_H

#include "node/base/arena.h"

/* --- out ------------------------------------------------------------------------------------------------ */

/* Bytes that grow in an arena. After the arena refused, `failed` stays set and nothing more is added. */
struct wire_out {
    struct arena *arena;
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    bool failed;
};

void wire_out_init(struct wire_out *out, struct arena *arena);
/* Take memory for `bytes` in all at once. */
void wire_reserve(struct wire_out *out, size_t bytes);
void wire_put_array(struct wire_out *out, uint32_t count);
void wire_put_u64(struct wire_out *out, uint64_t number);
void wire_put_bool(struct wire_out *out, bool value);
void wire_put_nil(struct wire_out *out);
void wire_put_bytes(struct wire_out *out, struct span bytes);
void wire_put_text(struct wire_out *out, struct span text);
/* Bytes as they are, with no header: for prefixes and hashes around msgpack. */
void wire_put_raw(struct wire_out *out, const void *bytes, size_t length);

/* --- in ------------------------------------------------------------------------------------------------- */

/* Reads values one after another. After the first wrong one `failed` stays set and every reader answers zero. */
struct wire_in {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct wire_in wire_in_over(struct span bytes);
/* The number of elements that follow; never more than the bytes that remain. */
uint32_t wire_get_array(struct wire_in *in);
uint64_t wire_get_u64(struct wire_in *in);
bool wire_get_bool(struct wire_in *in);
/* Is the next value nil? Takes it when it is. */
bool wire_get_nil(struct wire_in *in);
/* Spans into the input. Bytes must be msgpack bin, text msgpack str. */
struct span wire_get_bytes(struct wire_in *in);
struct span wire_get_text(struct wire_in *in);
/* Raw bytes without a header. */
struct span wire_get_raw(struct wire_in *in, size_t length);
/* Nothing failed and nothing is left? */
bool wire_is_done(const struct wire_in *in);
/* Say that what was read makes no sense. */
void wire_fail(struct wire_in *in);

/* Big-endian integers, as keys and tokens have them. */
static inline void wire_store_u64(uint8_t *bytes, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        bytes[i] = (uint8_t)number;
        number >>= 8;
    }
}

static inline uint64_t wire_load_u64(const uint8_t *bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

#endif
