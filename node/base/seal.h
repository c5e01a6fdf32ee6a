/* Sealing of secrets at rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under the node's seal key, bound to
 * a name so that a sealed secret cannot be moved to another place. Pure: the nonce comes from outside. */
#ifndef NODE_BASE_SEAL_H
#define NODE_BASE_SEAL_H

#include "node/base/prng.h"
#include "node/base/span.h"

enum { SEAL_KEY_BYTES = 32, SEAL_OVERHEAD_BYTES = 24 + 16 /* nonce and tag */ };

/* Seal `plain` into `out`, plain.length + SEAL_OVERHEAD_BYTES long. */
void seal_close(const uint8_t key[SEAL_KEY_BYTES], struct span name, struct span plain, struct prng *prng,
                uint8_t *out);

/* Open what seal_close() made into `plain`, sealed.length - SEAL_OVERHEAD_BYTES long. False for anything else:
 * another key, another name, changed bytes; `plain` is then zeroed. */
bool seal_open(const uint8_t key[SEAL_KEY_BYTES], struct span name, struct span sealed, uint8_t *plain);

#endif
