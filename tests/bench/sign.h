/* The head of a signed request: SigV4 in headers, or presigned in the query.
 *
 * Signed are host, x-amz-date and x-amz-content-sha256, the least a client signs. All texts given must consist of
 * unreserved characters (A-Z a-z 0-9 - . _ ~), which need no escape; slashes in the path.
 */
#ifndef TESTS_BENCH_SIGN_H
#define TESTS_BENCH_SIGN_H

#include "node/request/sigv4.h"
#include "tests/bench/target.h"

enum { SIGN_HEAD_BYTES_MAX = 2048, SIGN_HASH_CHARS = 64, SIGN_PARAMETERS_MAX = 12 };

struct signer {
    const struct target *target;
    bool is_presigned;
    char datetime[SIGV4_DATETIME_CHARS + 1];
    char scope[SIGV4_SCOPE_CHARS_MAX + 1];
    uint8_t key[HASH_SHA256_BYTES];
};

struct sign_request {
    const char *method;
    const char *path;
    const struct http_parameter *parameters;
    uint32_t parameters_count;
    const char *accept; /* sent unsigned; NULL for none */
    char payload_hash[SIGN_HASH_CHARS + 1];
    uint64_t content_length; /* 0: no such header */
};

void signer_init(struct signer *signer, const struct target *target, bool is_presigned);

/* The hash of a body as text, with a NUL. */
void sign_hash_payload(const void *bytes, uint64_t length, char text[SIGN_HASH_CHARS + 1]);

/* The head up to its empty line, which is left to the caller: a header may follow. Returns the chars. */
size_t signer_head(const struct signer *signer, const struct sign_request *request,
                   char head[SIGN_HEAD_BYTES_MAX]);

#endif
