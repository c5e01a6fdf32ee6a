/* K2V requests: percent-encoding, headers, SigV4 (reference 12.1 and 5). */
#include "node/cli/call.h"

#include "node/request/sigv4.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static bool is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

static bool is_all_unreserved(const char *text)
{
    for (; *text != '\0'; text++) {
        if (!is_unreserved((uint8_t)*text)) return false;
    }
    return true;
}

static bool is_port(const char *text, size_t chars)
{
    uint32_t port = 0;
    if (chars == 0 || chars > 5) return false;
    for (size_t i = 0; i < chars; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    return port > 0 && port <= 65535;
}

/* How many chars of `text` are a host: a name, an IPv4 address, or an IPv6 address in brackets. 0: none. */
static size_t host_chars(const char *text)
{
    if (text[0] == '[') {
        size_t chars = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
        return chars > 2 && text[chars] == ']' ? chars + 1 : 0;
    }
    size_t chars = 0;
    while (is_unreserved((uint8_t)text[chars])) {
        chars++;
    }
    return chars;
}

static bool is_loopback_host(const char *host, size_t chars)
{
    struct span span = span_of(host, chars);
    return span_is_equal(span, span_text("localhost")) || span_is_equal(span, span_text("[::1]")) ||
           (span_has_prefix(span, span_text("127.")) && strspn(host, "0123456789.") >= chars);
}

const char *call_endpoint_read(const char *text, struct call_endpoint *endpoint)
{
    static const char http[] = "http://";
    static const char https[] = "https://";
    *endpoint = (struct call_endpoint){0};
    if (strncmp(text, https, sizeof https - 1) == 0) {
        endpoint->is_https = true;
        text += sizeof https - 1;
    } else if (strncmp(text, http, sizeof http - 1) == 0) {
        text += sizeof http - 1;
    } else {
        return "does not begin with http:// or https://";
    }

    size_t chars = host_chars(text);
    if (chars == 0) return "has no host";
    endpoint->is_loopback = is_loopback_host(text, chars);
    size_t authority_chars = chars;
    const char *rest = text + chars;
    if (*rest == ':') {
        size_t port_chars = strspn(rest + 1, "0123456789");
        if (!is_port(rest + 1, port_chars)) return "has a port that is no number from 1 to 65535";
        const char *standard = endpoint->is_https ? "443" : "80";
        bool is_standard = port_chars == strlen(standard) && memcmp(rest + 1, standard, port_chars) == 0;
        if (!is_standard) authority_chars += 1 + port_chars;
        rest += 1 + port_chars;
    }
    if (strspn(rest, "/") != strlen(rest)) return "has something behind host and port";
    if (authority_chars > CALL_AUTHORITY_CHARS_MAX) return "is too long";
    memcpy(endpoint->authority, text, authority_chars);
    return NULL;
}

static bool is_region(const char *text)
{
    size_t chars = strlen(text);
    return chars > 0 && chars <= SIGV4_REGION_CHARS_MAX && is_all_unreserved(text);
}

const char *call_account_check(const struct call_account *account)
{
    size_t bucket_chars = strlen(account->bucket);
    if (bucket_chars == 0 || bucket_chars > CALL_BUCKET_CHARS_MAX || !is_all_unreserved(account->bucket)) {
        return "the bucket is an alias such as my-bucket, or an id of 64 hex digits";
    }
    size_t key_chars = strlen(account->key_id);
    if (key_chars == 0 || key_chars > CALL_KEY_ID_CHARS_MAX || !is_all_unreserved(account->key_id)) {
        return "the key id is a word such as GK0123456789abcdef01234567";
    }
    if (!is_region(account->region)) return "the region is a word such as garage";
    if (account->secret.length == 0) return "the secret is empty";
    return NULL;
}

bool call_is_token(const char *text)
{
    if (*text == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~') return false;
    }
    return true;
}

void call_add_parameter(struct call *call, const char *name, struct span value)
{
    assert(call->parameters_count < CALL_PARAMETERS_MAX);
    if (value.length == 0) return;
    call->parameters[call->parameters_count++] = (struct call_parameter){name, value};
}

const char *call_encode(struct span text, struct arena *memory)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t bytes = 0;
    if (!size_multiply(text.length, 3, &bytes) || !size_add(bytes, 1, &bytes)) return NULL;
    char *encoded = arena_alloc(memory, bytes);
    if (encoded == NULL) return NULL;
    char *at = encoded;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        if (is_unreserved(c)) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    *at = '\0';
    return encoded;
}

/* The texts up to a NULL as one; NULL when one of the first two is missing (no memory before) or there is none. */
static const char *join(struct arena *memory, const char *const *parts)
{
    size_t bytes = 1;
    for (size_t i = 0; parts[i] != NULL; i++) {
        if (!size_add(bytes, strlen(parts[i]), &bytes)) return NULL;
    }
    char *text = arena_alloc(memory, bytes);
    if (text == NULL) return NULL;
    char *at = text;
    for (size_t i = 0; parts[i] != NULL; i++) {
        size_t chars = strlen(parts[i]);
        memcpy(at, parts[i], chars);
        at += chars;
    }
    *at = '\0';
    return text;
}

/* "/bucket" or "/bucket/pk", percent-encoded once, as it is sent. */
static const char *build_path(const struct call *call, const char *bucket, struct arena *memory)
{
    if (call->partition_key.bytes == NULL) return join(memory, (const char *[]){"/", bucket, NULL});
    const char *key = call_encode(call->partition_key, memory);
    if (key == NULL) return NULL;
    return join(memory, (const char *[]){"/", bucket, "/", key, NULL});
}

/* "?name=value&…", or "" without parameters. A keyword is a name with an empty value. */
static const char *build_query(const struct call *call, struct arena *memory)
{
    const char *query = "";
    for (size_t i = 0; i < call->parameters_count; i++) {
        const char *value = call_encode(call->parameters[i].value, memory);
        if (value == NULL) return NULL;
        query = join(memory,
                     (const char *[]){query, i == 0 ? "?" : "&", call->parameters[i].name, "=", value, NULL});
        if (query == NULL) return NULL;
    }
    return query;
}

/* What is signed, in the words of sigv4.h. */
struct signing {
    struct http_header headers[CALL_HEADERS_MAX];
    struct http_span names[CALL_HEADERS_MAX];
    size_t count;
    struct http_parameter parameters[CALL_PARAMETERS_MAX];
};

static struct http_span text_span(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

static void add_header(struct signing *signing, const char *name, const char *value)
{
    assert(signing->count < CALL_HEADERS_MAX);
    signing->names[signing->count] = text_span(name);
    signing->headers[signing->count++] = (struct http_header){text_span(name), text_span(value)};
}

static bool hash_canonical(const struct call *call, const char *path, const char *payload_hash,
                           struct signing *signing, struct arena *memory, uint8_t hash[HASH_SHA256_BYTES])
{
    for (size_t i = 0; i < call->parameters_count; i++) {
        struct span value = call->parameters[i].value;
        signing->parameters[i] = (struct http_parameter){text_span(call->parameters[i].name),
                                                         {(const char *)value.bytes, value.length}};
    }
    struct sigv4_request request = {
        .method = text_span(call->method),
        .path = text_span(path),
        .parameters = signing->parameters,
        .parameters_count = (uint32_t)call->parameters_count,
        .headers = signing->headers,
        .headers_count = (uint32_t)signing->count,
        .signed_names = signing->names,
        .signed_names_count = (uint32_t)signing->count,
        .payload_hash = text_span(payload_hash),
    };
    return sigv4_canonical_hash(&request, memory, hash);
}

/* "authorization: AWS4-HMAC-SHA256 Credential=…"; NULL without memory. The headers were added sorted by name. */
static const char *build_authorization(const struct call_account *account, const struct signing *signing,
                                       const char *datetime, const uint8_t canonical_hash[HASH_SHA256_BYTES],
                                       struct arena *memory)
{
    struct span region = span_text(account->region);
    uint8_t key[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    sigv4_signing_key(account->secret, datetime, region, key);
    sigv4_signature(key, datetime, region, canonical_hash, signature);
    memset(key, 0, sizeof key);

    char hex[2 * HASH_SHA256_BYTES + 1] = "";
    hash_hex(signature, sizeof signature, hex);
    char scope[SIGV4_SCOPE_CHARS_MAX + 1];
    scope[sigv4_scope_encode(datetime, region, scope)] = '\0';

    const char *names = "";
    for (size_t i = 0; i < signing->count; i++) {
        names = join(memory, (const char *[]){names, i == 0 ? "" : ";", signing->names[i].at, NULL});
        if (names == NULL) return NULL;
    }
    return join(memory, (const char *[]){"authorization: AWS4-HMAC-SHA256 Credential=", account->key_id, "/",
                                         scope, ", SignedHeaders=", names, ", Signature=", hex, NULL});
}

static bool add_request_headers(struct call_request *request, const struct signing *signing,
                                const char *authorization, struct arena *memory)
{
    for (size_t i = 0; i < signing->count; i++) {
        const struct http_header *header = &signing->headers[i];
        const char *line = join(memory, (const char *[]){header->name.at, ": ", header->value.at, NULL});
        if (line == NULL) return false;
        request->headers[request->headers_count++] = line;
    }
    request->headers[request->headers_count++] = authorization;
    return true;
}

enum err call_build(const struct call *call, const struct call_account *account, uint64_t unix_time_s,
                    struct arena *memory, struct call_request *request)
{
    char datetime[SIGV4_DATETIME_CHARS + 1] = "";
    char payload_hash[2 * HASH_SHA256_BYTES + 1] = "";
    uint8_t hash[HASH_SHA256_BYTES];
    sigv4_datetime_encode(unix_time_s, datetime);
    hash_sha256(call->body.bytes, call->body.length, hash);
    hash_hex(hash, sizeof hash, payload_hash);

    struct signing signing = {.count = 0};
    if (call->accept != NULL) add_header(&signing, "accept", call->accept);
    add_header(&signing, "host", account->endpoint.authority);
    add_header(&signing, "x-amz-content-sha256", payload_hash);
    add_header(&signing, "x-amz-date", datetime);
    if (call->causality_token != NULL) add_header(&signing, CALL_TOKEN_HEADER, call->causality_token);

    const char *path = build_path(call, account->bucket, memory);
    const char *query = build_query(call, memory);
    if (path == NULL || query == NULL) return ERR_MEMORY;
    if (!hash_canonical(call, path, payload_hash, &signing, memory, hash)) return ERR_MEMORY;
    const char *authorization = build_authorization(account, &signing, datetime, hash, memory);
    if (authorization == NULL) return ERR_MEMORY;

    *request = (struct call_request){.method = call->method,
                                     .is_loopback = account->endpoint.is_loopback,
                                     .has_body = call->has_body,
                                     .body = call->body};
    request->url = join(memory, (const char *[]){account->endpoint.is_https ? "https://" : "http://",
                                                 account->endpoint.authority, path, query, NULL});
    if (request->url == NULL || !add_request_headers(request, &signing, authorization, memory)) return ERR_MEMORY;
    return ERR_OK;
}
