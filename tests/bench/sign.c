/* The same signing code as the client commands use; botocore's word on it is heard in tests/api. */
#include "tests/bench/sign.h"

#include "node/edge/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SCRATCH_BYTES = 64 * 1024, EXPIRES_S = 3600 };

static struct http_span text(const char *string)
{
    return (struct http_span){string, strlen(string)};
}

void signer_init(struct signer *signer, const struct target *target, bool is_presigned)
{
    *signer = (struct signer){.target = target, .is_presigned = is_presigned};
    sigv4_datetime_encode(clock_wall_us() / 1000000, signer->datetime);
    sigv4_scope_encode(signer->datetime, span_text(target->region), signer->scope);
    sigv4_signing_key(span_text(target->secret), signer->datetime, span_text(target->region), signer->key);
}

void sign_hash_payload(const void *bytes, uint64_t length, char hash_text[SIGN_HASH_CHARS + 1])
{
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256(bytes, (size_t)length, hash);
    hash_hex(hash, sizeof hash, hash_text);
    hash_text[SIGN_HASH_CHARS] = '\0';
}

static void add_signature(const struct signer *signer, const struct sigv4_request *request,
                          char out[SIGN_HASH_CHARS + 1])
{
    uint8_t canonical[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES);
    if (!sigv4_canonical_hash(request, &scratch, canonical)) bench_fail("a request cannot be signed");
    arena_deinit(&scratch);
    sigv4_signature(signer->key, signer->datetime, span_text(signer->target->region), canonical, signature);
    hash_hex(signature, sizeof signature, out);
    out[SIGN_HASH_CHARS] = '\0';
}

/* Text that grows to the right in a buffer of known size. */
struct line {
    char *at;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int chars = vsnprintf(line->at + line->used, SIGN_HEAD_BYTES_MAX - line->used, format, arguments);
    va_end(arguments);
    if (chars < 0 || (size_t)chars >= SIGN_HEAD_BYTES_MAX - line->used) bench_fail("a head is too long");
    line->used += (size_t)chars;
}

/* Slashes are the only reserved characters that come along, in the credential. */
static void add_query(struct line *line, const struct http_parameter *parameters, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        add(line, "%c%.*s=", i == 0 ? '?' : '&', (int)parameters[i].name.length, parameters[i].name.at);
        for (size_t at = 0; at < parameters[i].value.length; at++) {
            char c = parameters[i].value.at[at];
            if (c == '/' || c == ';') {
                add(line, "%%%02X", (unsigned)c);
            } else {
                add(line, "%c", c);
            }
        }
    }
}

static void add_rest(struct line *line, const struct signer *signer, const struct sign_request *request)
{
    add(line, " HTTP/1.1\r\nhost: %s\r\n", signer->target->host);
    if (request->accept != NULL) add(line, "accept: %s\r\n", request->accept);
    if (request->content_length > 0) {
        add(line, "content-length: %llu\r\n", (unsigned long long)request->content_length);
    }
}

static size_t presigned_head(const struct signer *signer, const struct sign_request *request, char *head)
{
    char credential[TARGET_TEXT_BYTES + sizeof signer->scope + 1];
    char expires[16];
    char signature[SIGN_HASH_CHARS + 1];
    snprintf(credential, sizeof credential, "%s/%s", signer->target->key_id, signer->scope);
    snprintf(expires, sizeof expires, "%d", EXPIRES_S);
    struct http_parameter all[SIGN_PARAMETERS_MAX + 6];
    uint32_t count = request->parameters_count;
    memcpy(all, request->parameters, count * sizeof all[0]);
    all[count++] = (struct http_parameter){text("X-Amz-Algorithm"), text("AWS4-HMAC-SHA256")};
    all[count++] = (struct http_parameter){text("X-Amz-Credential"), text(credential)};
    all[count++] = (struct http_parameter){text("X-Amz-Date"), text(signer->datetime)};
    all[count++] = (struct http_parameter){text("X-Amz-Expires"), text(expires)};
    all[count++] = (struct http_parameter){text("X-Amz-SignedHeaders"), text("host")};
    struct http_header headers[1] = {{text("host"), text(signer->target->host)}};
    struct http_span names[1] = {text("host")};
    struct sigv4_request signed_request = {
        .method = text(request->method),
        .path = text(request->path),
        .parameters = all,
        .parameters_count = count,
        .headers = headers,
        .headers_count = 1,
        .signed_names = names,
        .signed_names_count = 1,
        .payload_hash = text("UNSIGNED-PAYLOAD"),
    };
    add_signature(signer, &signed_request, signature);
    all[count++] = (struct http_parameter){text("X-Amz-Signature"), text(signature)};
    struct line line = {head, 0};
    add(&line, "%s %s", request->method, request->path);
    add_query(&line, all, count);
    add_rest(&line, signer, request);
    return line.used;
}

size_t signer_head(const struct signer *signer, const struct sign_request *request, char head[SIGN_HEAD_BYTES_MAX])
{
    if (request->parameters_count > SIGN_PARAMETERS_MAX) bench_fail("too many parameters");
    if (signer->is_presigned) return presigned_head(signer, request, head);
    char signature[SIGN_HASH_CHARS + 1];
    struct http_header headers[3] = {
        {text("host"), text(signer->target->host)},
        {text("x-amz-content-sha256"), text(request->payload_hash)},
        {text("x-amz-date"), text(signer->datetime)},
    };
    struct http_span names[3] = {headers[0].name, headers[1].name, headers[2].name};
    struct sigv4_request signed_request = {
        .method = text(request->method),
        .path = text(request->path),
        .parameters = request->parameters,
        .parameters_count = request->parameters_count,
        .headers = headers,
        .headers_count = 3,
        .signed_names = names,
        .signed_names_count = 3,
        .payload_hash = headers[1].value,
    };
    add_signature(signer, &signed_request, signature);
    struct line line = {head, 0};
    add(&line, "%s %s", request->method, request->path);
    add_query(&line, request->parameters, request->parameters_count);
    add_rest(&line, signer, request);
    add(&line, "x-amz-content-sha256: %s\r\nx-amz-date: %s\r\n", request->payload_hash, signer->datetime);
    add(&line,
        "authorization: AWS4-HMAC-SHA256 Credential=%s/%s, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=%s\r\n",
        signer->target->key_id, signer->scope, signature);
    return line.used;
}
