/* The hashes behind short names: keyed BLAKE2b (libsodium), SHA-256 and HMAC (libcrypto, for SigV4). Pure. */
#ifndef NODE_BASE_HASH_H
#define NODE_BASE_HASH_H

#include "node/base/span.h"

#include <sodium/crypto_generichash_blake2b.h>

enum { HASH_KEY_BYTES = 32, HASH_SHA256_BYTES = 32 };

/* A keyed BLAKE2b of 16 bytes, fed in pieces. RFC 7693. */
struct hash_keyed {
    crypto_generichash_blake2b_state state;
};

void hash_keyed_init(struct hash_keyed *hash, const uint8_t key[HASH_KEY_BYTES]);
void hash_keyed_add(struct hash_keyed *hash, const void *bytes, size_t length);
/* A length and then the bytes, so that neighbouring fields cannot be read two ways. */
void hash_keyed_add_field(struct hash_keyed *hash, struct span field);
void hash_keyed_128(struct hash_keyed *hash, uint8_t out[16]);
/* The first 8 of the 16 bytes, big-endian. */
uint64_t hash_keyed_64(struct hash_keyed *hash);

/* SHA-256, FIPS 180-4; fed in pieces. Memory of the caller, no allocation. */
struct hash_sha256 {
    uint64_t opaque[16];
};

void hash_sha256_init(struct hash_sha256 *hash);
void hash_sha256_add(struct hash_sha256 *hash, const void *bytes, size_t length);
void hash_sha256_final(struct hash_sha256 *hash, uint8_t out[HASH_SHA256_BYTES]);
void hash_sha256(const void *bytes, size_t length, uint8_t out[HASH_SHA256_BYTES]);

/* HMAC-SHA-256, RFC 2104. */
void hash_hmac_sha256(struct span key, struct span text, uint8_t out[HASH_SHA256_BYTES]);

/* Equal bytes? In time that depends on the length only. */
bool hash_is_equal(const void *a, const void *b, size_t length);

/* Lower-case hex of `length` bytes into 2 * length chars, no NUL. */
void hash_hex(const uint8_t *bytes, size_t length, char *text);

/* 2 * length hex digits of either case into bytes; false for anything else. */
bool hash_unhex(struct span text, uint8_t *bytes, size_t length);

#endif
