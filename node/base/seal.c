/* nonce ‖ ciphertext ‖ tag. */
#include "node/base/seal.h"

#include <sodium/crypto_aead_xchacha20poly1305.h>

enum { NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES };
_Static_assert(NONCE_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES == SEAL_OVERHEAD_BYTES,
               "as the header says");

void seal_close(const uint8_t key[SEAL_KEY_BYTES], struct span name, struct span plain, struct prng *prng,
                uint8_t *out)
{
    prng_bytes(prng, out, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, NULL, plain.bytes, plain.length, name.bytes,
                                               name.length, NULL, out, key);
}

bool seal_open(const uint8_t key[SEAL_KEY_BYTES], struct span name, struct span sealed, uint8_t *plain)
{
    if (sealed.length < SEAL_OVERHEAD_BYTES) return false;
    const uint8_t *box = sealed.bytes + NONCE_BYTES;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, box, sealed.length - NONCE_BYTES, name.bytes,
                                                   name.length, sealed.bytes, key) == 0) {
        return true;
    }
    memset(plain, 0, sealed.length - SEAL_OVERHEAD_BYTES);
    return false;
}
