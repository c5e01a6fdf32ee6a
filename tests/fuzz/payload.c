/* Any body against any promise, in one piece, byte by byte and in pieces drawn from the input: the verdict is the
 * same, and what was accepted was decoded to the same bytes.
 *
 * The first byte chooses the promise, the second the sizes of the pieces.
 */
#include "node/request/payload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum payload_verdict verdict;
    uint8_t *decoded;
    size_t decoded_bytes;
};

static void require(bool condition)
{
    if (!condition) abort();
}

/* The promise of the reference's vector (e), in one of the modes. */
static struct auth_payload promise(uint8_t choice, const uint8_t *body, size_t size)
{
    static const enum auth_payload_mode modes[] = {AUTH_PAYLOAD_HASH, AUTH_PAYLOAD_UNSIGNED,
                                                   AUTH_PAYLOAD_CHUNKS_SIGNED, AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER,
                                                   AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER};
    const char *key = "9421277a38a2d49097e7bd6a5c73e224ccbd547cac204e661a2b5fe5d62262a3";
    const char *seed = "b436ee741f4ab11066ac0cdb8d42546da441e94fcc2873584e80fd22877fe6be";
    struct auth_payload promised = {.mode = modes[choice % 5], .region = "garage", .region_chars = 6};
    require(hash_unhex(span_text(key), promised.signing_key, sizeof promised.signing_key));
    require(hash_unhex(span_text(seed), promised.seed_signature, sizeof promised.seed_signature));
    memcpy(promised.datetime, "20250615T120000Z", sizeof promised.datetime);
    memcpy(promised.trailer_name, "x-amz-checksum-crc32", 21);
    if (choice / 5 % 2 == 0) hash_sha256(body, size, promised.hash);
    return promised;
}

/* Feed `body` in pieces of `piece` bytes, each in memory of its own size. */
static struct outcome feed(const struct auth_payload *promised, const uint8_t *body, size_t size, size_t piece)
{
    struct outcome outcome = {PAYLOAD_OK, malloc(size + 1), 0};
    struct payload *payload = malloc(sizeof *payload);
    require(outcome.decoded != NULL && payload != NULL);
    payload_init(payload, promised);
    for (size_t used = 0; used < size;) {
        size_t length = size - used < piece ? size - used : piece;
        uint8_t *part = malloc(length);
        size_t decoded = 0;
        require(part != NULL);
        memcpy(part, body + used, length);
        enum payload_verdict verdict = payload_add(payload, part, length, &decoded);
        require(decoded <= length);
        require(outcome.verdict == PAYLOAD_OK || (verdict == outcome.verdict && decoded == 0));
        outcome.verdict = verdict;
        memcpy(outcome.decoded + outcome.decoded_bytes, part, decoded);
        outcome.decoded_bytes += decoded;
        used += length;
        free(part);
    }
    enum payload_verdict end = payload_end(payload);
    require(outcome.verdict == PAYLOAD_OK || end == outcome.verdict);
    require((payload->reason == NULL) == (end == PAYLOAD_OK));
    outcome.verdict = end;
    free(payload);
    return outcome;
}

static void require_same(const struct outcome *a, const struct outcome *b)
{
    require(a->verdict == b->verdict);
    if (a->verdict != PAYLOAD_OK) return;
    require(a->decoded_bytes == b->decoded_bytes);
    require(memcmp(a->decoded, b->decoded, a->decoded_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const uint8_t *body = data + 2;
    size_t body_bytes = size - 2;
    struct auth_payload promised = promise(data[0], body, body_bytes);
    struct outcome whole = feed(&promised, body, body_bytes, body_bytes);
    struct outcome bytewise = feed(&promised, body, body_bytes, 1);
    struct outcome pieces = feed(&promised, body, body_bytes, (size_t)data[1] + 1);
    require_same(&whole, &bytewise);
    require_same(&whole, &pieces);
    if (promised.mode == AUTH_PAYLOAD_HASH) require((whole.verdict == PAYLOAD_OK) == (data[0] / 5 % 2 == 0));
    free(whole.decoded);
    free(bytewise.decoded);
    free(pieces.decoded);
    return 0;
}
