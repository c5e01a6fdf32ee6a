/* Keyed BLAKE2b, SHA-256 and HMAC behind short names.
 *
 * SHA-256 is libcrypto's: libsodium's is portable C and several times slower. The low-level calls are used, though
 * OpenSSL 3 calls them deprecated, because the newer ones allocate and look algorithms up by name at every hash.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "node/base/hash.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium/utils.h>

enum { HMAC_BLOCK_BYTES = 64 };

static_assert(sizeof(SHA256_CTX) <= sizeof(struct hash_sha256), "room for libcrypto's state");
static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct hash_sha256), "its alignment too");
static_assert(SHA256_DIGEST_LENGTH == HASH_SHA256_BYTES, "one size of hash");
static_assert(crypto_generichash_blake2b_KEYBYTES_MIN <= HASH_KEY_BYTES &&
                  HASH_KEY_BYTES <= crypto_generichash_blake2b_KEYBYTES_MAX,
              "a key BLAKE2b takes");

void hash_keyed_init(struct hash_keyed *hash, const uint8_t key[HASH_KEY_BYTES])
{
    int failed = crypto_generichash_blake2b_init(&hash->state, key, HASH_KEY_BYTES, 16);
    assert(failed == 0);
    (void)failed;
}

void hash_keyed_add(struct hash_keyed *hash, const void *bytes, size_t length)
{
    if (length == 0) return;
    crypto_generichash_blake2b_update(&hash->state, bytes, length);
}

void hash_keyed_add_field(struct hash_keyed *hash, struct span field)
{
    uint8_t length_be[8];
    for (size_t i = 0; i < sizeof length_be; i++) {
        length_be[i] = (uint8_t)((uint64_t)field.length >> (56 - 8 * i));
    }
    hash_keyed_add(hash, length_be, sizeof length_be);
    hash_keyed_add(hash, field.bytes, field.length);
}

void hash_keyed_128(struct hash_keyed *hash, uint8_t out[16])
{
    int failed = crypto_generichash_blake2b_final(&hash->state, out, 16);
    assert(failed == 0); /* taken twice */
    (void)failed;
}

uint64_t hash_keyed_64(struct hash_keyed *hash)
{
    uint8_t bytes[16];
    hash_keyed_128(hash, bytes);
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* The caller's memory is libcrypto's state; nothing else reads or writes it. */
static SHA256_CTX *sha256_state(struct hash_sha256 *hash)
{
    return (SHA256_CTX *)(void *)hash->opaque;
}

void hash_sha256_init(struct hash_sha256 *hash)
{
    SHA256_Init(sha256_state(hash));
}

void hash_sha256_add(struct hash_sha256 *hash, const void *bytes, size_t length)
{
    if (length == 0) return;
    SHA256_Update(sha256_state(hash), bytes, length);
}

void hash_sha256_final(struct hash_sha256 *hash, uint8_t out[HASH_SHA256_BYTES])
{
    SHA256_Final(out, sha256_state(hash));
}

void hash_sha256(const void *bytes, size_t length, uint8_t out[HASH_SHA256_BYTES])
{
    struct hash_sha256 hash;
    hash_sha256_init(&hash);
    hash_sha256_add(&hash, bytes, length);
    hash_sha256_final(&hash, out);
}

void hash_hmac_sha256(struct span key, struct span text, uint8_t out[HASH_SHA256_BYTES])
{
    uint8_t pad[HMAC_BLOCK_BYTES] = {0};
    if (key.length > sizeof pad) {
        hash_sha256(key.bytes, key.length, pad);
    } else if (key.length > 0) {
        memcpy(pad, key.bytes, key.length);
    }

    struct hash_sha256 hash;
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36;
    }
    hash_sha256_init(&hash);
    hash_sha256_add(&hash, pad, sizeof pad);
    hash_sha256_add(&hash, text.bytes, text.length);
    hash_sha256_final(&hash, out);

    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    hash_sha256_init(&hash);
    hash_sha256_add(&hash, pad, sizeof pad);
    hash_sha256_add(&hash, out, HASH_SHA256_BYTES);
    hash_sha256_final(&hash, out);

    sodium_memzero(pad, sizeof pad); /* the key itself, but for a mask */
}

bool hash_is_equal(const void *a, const void *b, size_t length)
{
    return length == 0 || sodium_memcmp(a, b, length) == 0;
}

void hash_hex(const uint8_t *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
}

bool hash_unhex(struct span text, uint8_t *bytes, size_t length)
{
    /* One more than the digit's value; 0 for all that is none. */
    static const uint8_t above[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
        ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };
    if (text.length / 2 != length || text.length % 2 != 0) return false;
    for (size_t i = 0; i < length; i++) {
        unsigned high = above[text.bytes[2 * i]];
        unsigned low = above[text.bytes[2 * i + 1]];
        if (high == 0 || low == 0) return false;
        bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}
