/* ChaCha20 as a fast-key-erasure generator: each call first makes the next seed, then the bytes. */
#include "node/base/prng.h"

#include <assert.h>
#include <sodium/crypto_stream_chacha20.h>
#include <sodium/utils.h>

static const uint8_t NONCE_SEED[crypto_stream_chacha20_NONCEBYTES] = "seed";
static const uint8_t NONCE_BYTES[crypto_stream_chacha20_NONCEBYTES] = "bytes";

void prng_init(struct prng *prng, const uint8_t seed[PRNG_SEED_BYTES])
{
    memcpy(prng->seed, seed, PRNG_SEED_BYTES);
}

void prng_bytes(struct prng *prng, void *bytes, size_t length)
{
    assert(length <= 1 << 20);
    uint8_t next[PRNG_SEED_BYTES];
    crypto_stream_chacha20(next, sizeof next, NONCE_SEED, prng->seed);
    crypto_stream_chacha20(bytes, length, NONCE_BYTES, prng->seed);
    memcpy(prng->seed, next, sizeof next);
    sodium_memzero(next, sizeof next);
}

uint64_t prng_u64(struct prng *prng)
{
    uint64_t number = 0;
    prng_bytes(prng, &number, sizeof number);
    return number;
}
