/* The one point where it is decided whether a request is authentic (H29).
 *
 * Three stages, each of which may refuse: read what the request claims, compare the claims with the request
 * itself and the hour, then the signature. What follows the signature only says what the body must show.
 *
 *     query names --> claims --> date --> signed headers --> scope --> key and signature --> payload
 */
#include "node/request/claims.h"

#include <assert.h>
#include <sodium/utils.h>

/* One check under way. */
struct check {
    const struct auth_settings *settings;
    const struct http_head *head;
    const struct http_route *route;
    struct arena *scratch;
    struct auth_answer *answer;
    struct claims claims;
    struct http_span *names; /* of the signed headers, lower case */
    uint32_t names_count;
    bool needs_query_headers; /* one of them is given by the query alone */
    uint8_t signing_key[HASH_SHA256_BYTES];
};

static bool refuse_invalid(struct check *check, const char *reason)
{
    return claims_refuse_invalid(check->answer, reason);
}

static bool refuse_name(struct check *check, const char *before, struct http_span name, const char *after)
{
    return claims_refuse_name(check->answer, "InvalidRequest", before, name, after);
}

static bool refuse_memory(struct check *check)
{
    return claims_refuse(check->answer, 503, "ServiceUnavailable",
                         "no memory left for this request; try again later");
}

/* Reference 5.4: every parameter could be a header, so its name must be one, and be there once. */
static bool check_query(struct check *check)
{
    const struct http_parameter *parameters = check->route->parameters;
    for (uint32_t i = 0; i < check->route->parameters_count; i++) {
        struct http_span name = parameters[i].name;
        if (!text_is_token(name)) {
            return refuse_name(check, "query parameter name '", name,
                               "' is not made of the characters of a header name");
        }
        for (uint32_t before = 0; before < i; before++) {
            if (sigv4_is_same_name(parameters[before].name, name)) {
                return refuse_name(check, "query parameter '", name, "' is given twice");
            }
        }
    }
    return true;
}

/* ---- the claims against the request and the hour ---- */

/* A header may not be old beyond the skew, a presigned address not beyond its own expiry. Neither comes from the
 * future: a signature made ahead of its time is one stolen for later. */
static bool check_date(struct check *check, uint64_t now_s)
{
    const struct claims *claims = &check->claims;
    uint64_t date_s;
    if (!sigv4_datetime_decode(claims->datetime, &date_s)) {
        return refuse_invalid(check, "X-Amz-Date is no date of the form YYYYMMDDTHHMMSSZ");
    }
    if (date_s > now_s && date_s - now_s > check->settings->max_skew_s) {
        return refuse_invalid(check, "the request's date is too far in the future; is the clock right?");
    }
    uint64_t age_s = now_s > date_s ? now_s - date_s : 0;
    if (claims->is_presigned && age_s > claims->expires_s) {
        return refuse_invalid(check, "the presigned request has expired");
    }
    if (!claims->is_presigned && age_s > check->settings->max_skew_s) {
        return refuse_invalid(check, "the request's date is too far in the past; is the clock right?");
    }
    return true;
}

/* Lower-case a name. Nearly all are so already, and stay where they are. NULL without memory. */
static const char *lower_name(struct http_span name, struct arena *scratch)
{
    size_t upper = 0;
    while (upper < name.length && !(name.at[upper] >= 'A' && name.at[upper] <= 'Z')) {
        upper++;
    }
    if (upper == name.length) return name.at;
    char *copy = (char *)arena_copy(scratch, name.at, name.length);
    for (size_t i = 0; copy != NULL && i < name.length; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] + ('a' - 'A'));
    }
    return copy;
}

/* The place of a name among the signed ones, or names_count. */
static uint32_t find_signed(const struct check *check, struct http_span name)
{
    uint32_t i = 0;
    while (i < check->names_count && !sigv4_is_same_name(check->names[i], name)) {
        i++;
    }
    return i;
}

static bool read_signed_names(struct check *check)
{
    struct http_span rest = check->claims.signed_headers;
    struct http_span name;
    while (text_next_part(&rest, ';', &name)) {
        if (!text_is_token(name)) return refuse_invalid(check, "SignedHeaders is not a list of header names");
        if (check->names_count == SIGV4_SIGNED_HEADERS_MAX) {
            return refuse_invalid(check, "SignedHeaders names more than 100 headers");
        }
        if (find_signed(check, name) < check->names_count) {
            return refuse_name(check, "SignedHeaders names ", name, " twice");
        }
        name.at = lower_name(name, check->scratch);
        if (name.at == NULL) return refuse_memory(check);
        check->names[check->names_count++] = name;
    }
    if (find_signed(check, text_of("host")) == check->names_count) {
        return refuse_invalid(check, "header host must be signed");
    }
    return true;
}

/* A presigned request: no parameter may contradict a signed header. */
static bool check_contradiction(struct check *check, const struct http_header *header)
{
    for (uint32_t i = 0; i < check->route->parameters_count; i++) {
        const struct http_parameter *parameter = &check->route->parameters[i];
        if (!sigv4_is_same_name(parameter->name, header->name)) continue;
        struct http_span value = text_trim(parameter->value);
        if (!span_is_equal(span_of(value.at, value.length), span_of(header->value.at, header->value.length))) {
            return refuse_name(check, "query parameter ", parameter->name,
                               " contradicts the signed header of that name");
        }
    }
    return true;
}

/* One header of the request against the signed names. `is_seen` has an entry for each of those. */
static bool check_header(struct check *check, const struct http_header *header, bool *is_seen)
{
    uint32_t place = find_signed(check, header->name);
    if (place == check->names_count) {
        if (!claims_is_amz_name(header->name)) return true;
        return refuse_name(check, "header ", header->name, " must be signed");
    }
    if (is_seen[place]) {
        return refuse_name(check, "signed header ", header->name, " is given twice");
    }
    is_seen[place] = true;
    if (!text_is_visible(header->value) && !http_is_utf8(header->value)) { /* the first is the faster */
        return claims_refuse_name(check->answer, "InvalidUtf8String", "signed header ", header->name,
                                  " is not UTF-8");
    }
    return !check->claims.is_presigned || check_contradiction(check, header);
}

/* Is a signed name one that only the query gives? */
static bool is_given_by_query(const struct check *check, struct http_span name)
{
    if (!check->claims.is_presigned || !claims_is_amz_name(name)) return false;
    for (uint32_t i = 0; i < check->route->parameters_count; i++) {
        if (sigv4_is_same_name(check->route->parameters[i].name, name)) return true;
    }
    return false;
}

/* Exactly the signed headers are there, once each, and all that must be signed is. */
static bool check_headers(struct check *check)
{
    bool is_seen[SIGV4_SIGNED_HEADERS_MAX];
    memset(is_seen, 0, check->names_count * sizeof is_seen[0]);
    for (uint32_t i = 0; i < check->head->headers_count; i++) {
        if (!check_header(check, &check->head->headers[i], is_seen)) return false;
    }
    if (http_head_count(check->head, "authorization") > 1) {
        return refuse_invalid(check, "header authorization is given twice");
    }
    for (uint32_t i = 0; i < check->names_count; i++) {
        if (is_seen[i]) continue;
        if (!is_given_by_query(check, check->names[i])) {
            return refuse_name(check, "signed header ", check->names[i], " is missing");
        }
        check->needs_query_headers = true;
    }
    return true;
}

static bool check_scope(struct check *check)
{
    char scope[SIGV4_SCOPE_CHARS_MAX];
    size_t chars = sigv4_scope_encode(check->claims.datetime.at, check->settings->region, scope);
    struct http_span claimed = check->claims.scope;
    if (span_is_equal(span_of(claimed.at, claimed.length), span_of(scope, chars))) return true;
    struct http_span region = {(const char *)check->settings->region.bytes, check->settings->region.length};
    return claims_refuse_name(check->answer, "AuthorizationHeaderMalformed",
                              "the credential's scope is not the day of the request's date and /", region,
                              "/k2v/aws4_request");
}

/* ---- the signature ---- */

/* The request's headers and, behind them, the x-amz-* parameters that act as such. NULL without memory. */
static struct http_header *join_headers(struct check *check, uint32_t *count)
{
    const struct http_head *head = check->head;
    const struct http_route *route = check->route;
    struct http_header *all = arena_array(check->scratch, head->headers_count + route->parameters_count,
                                          sizeof *all);
    if (all == NULL) return NULL;
    memcpy(all, head->headers, head->headers_count * sizeof *all);
    *count = head->headers_count;
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        const struct http_parameter *parameter = &route->parameters[i];
        if (!claims_is_amz_name(parameter->name)) continue;
        all[(*count)++] = (struct http_header){parameter->name, text_trim(parameter->value)};
    }
    return all;
}

/* The hash of the canonical request; false when out of memory. */
static bool hash_request(struct check *check, uint8_t hash[HASH_SHA256_BYTES])
{
    const struct claims *claims = &check->claims;
    struct sigv4_request request = {
        .method = check->head->method,
        .path = check->route->path,
        .parameters = check->route->parameters,
        .parameters_count = check->route->parameters_count,
        .headers = check->head->headers,
        .headers_count = check->head->headers_count,
        .signed_names = check->names,
        .signed_names_count = check->names_count,
        .payload_hash = claims->payload_hash,
    };
    if (claims->is_presigned) request.skip_parameter = text_of("x-amz-signature");
    if (check->needs_query_headers) {
        request.headers = join_headers(check, &request.headers_count);
        if (request.headers == NULL) return false;
    }
    return sigv4_canonical_hash(&request, check->scratch, hash);
}

/* Is the key known and the signature its? An unknown key takes the same way with a signing key that is nobody's,
 * so that neither words nor time tell it from a wrong signature: every refusal makes one signing key. */
static bool check_signature(struct check *check, const struct auth_keys *keys, struct signing_cache *cache)
{
    const struct claims *claims = &check->claims;
    struct span key_id = span_of(claims->key_id.at, claims->key_id.length);
    struct span region = check->settings->region;
    uint8_t hash[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    if (!hash_request(check, hash)) return refuse_memory(check);
    bool is_known = signing_key(cache, keys, key_id, claims->datetime.at, region, check->signing_key);
    sigv4_signature(check->signing_key, claims->datetime.at, region, hash, signature);
    bool is_right = hash_is_equal(signature, claims->signature, sizeof signature);
    if (!is_right || !is_known) {
        signing_refused(cache, keys, key_id, claims->datetime.at, region);
        return claims_refuse(check->answer, 403, "AccessDenied",
                             "the key is not known or the signature is not right");
    }
    return true;
}

/* ---- what the body must show ---- */

static bool read_mode(struct check *check, struct http_span text, struct auth_payload *payload)
{
    static const struct {
        const char *text;
        enum auth_payload_mode mode;
    } modes[] = {
        {"UNSIGNED-PAYLOAD", AUTH_PAYLOAD_UNSIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", AUTH_PAYLOAD_CHUNKS_SIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER},
        {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER},
    };
    payload->mode = AUTH_PAYLOAD_HASH;
    if (hash_unhex(span_of(text.at, text.length), payload->hash, sizeof payload->hash)) return true;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        payload->mode = modes[i].mode;
        if (text_is(text, modes[i].text)) return true;
    }
    return refuse_invalid(check, "x-amz-content-sha256 is neither 64 hex digits nor a known form of payload");
}

static bool check_encoding(struct check *check)
{
    struct http_span value, first;
    if (http_head_find(check->head, "content-encoding") == NULL) return true;
    if (!claims_read_header(check->head, "content-encoding", &value, check->answer)) return false;
    if (text_is(value, "aws-chunked") || (text_cut(&value, ',', &first) && text_is(first, "aws-chunked")))
        return true;
    return refuse_invalid(check, "Content-Encoding of a streaming payload does not begin with aws-chunked");
}

static bool read_trailer_name(struct check *check, struct auth_payload *payload)
{
    static const char *const names[] = {"x-amz-checksum-crc32", "x-amz-checksum-crc32c",
                                        "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
                                        "x-amz-checksum-sha256"};
    struct http_span value;
    if (!claims_read_header(check->head, "x-amz-trailer", &value, check->answer)) return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!http_is_equal_nocase(value, names[i])) continue;
        assert(strlen(names[i]) < sizeof payload->trailer_name);
        memcpy(payload->trailer_name, names[i], strlen(names[i]) + 1);
        return true;
    }
    return refuse_invalid(check, "x-amz-trailer names none of x-amz-checksum-crc32, -crc32c, -crc64nvme, -sha1, "
                                 "-sha256");
}

static bool read_streaming(struct check *check, struct auth_payload *payload)
{
    switch (payload->mode) {
    case AUTH_PAYLOAD_HASH:
    case AUTH_PAYLOAD_UNSIGNED: return true;
    case AUTH_PAYLOAD_CHUNKS_SIGNED: return check_encoding(check);
    case AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER:
    case AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER: return check_encoding(check) && read_trailer_name(check, payload);
    }
    return false;
}

/* What chunk signatures need to know of the request's own. */
static void keep_seed(const struct check *check, struct auth_payload *payload)
{
    struct span region = check->settings->region;
    memcpy(payload->signing_key, check->signing_key, sizeof payload->signing_key);
    memcpy(payload->seed_signature, check->claims.signature, sizeof payload->seed_signature);
    memcpy(payload->datetime, check->claims.datetime.at, sizeof payload->datetime);
    memcpy(payload->region, region.bytes, region.length);
    payload->region_chars = (uint32_t)region.length;
}

/* A presigned request's form is always UNSIGNED-PAYLOAD, whatever a header says: claims.c has put that in its
 * place. */
static bool read_payload(struct check *check)
{
    struct auth_payload *payload = &check->answer->payload;
    if (!read_mode(check, check->claims.payload_hash, payload) || !read_streaming(check, payload)) return false;
    if (payload->mode == AUTH_PAYLOAD_CHUNKS_SIGNED || payload->mode == AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER) {
        keep_seed(check, payload);
    }
    return true;
}

/* No signature: 403, but for what is malformed even so. */
static bool check_anonymous(struct check *check)
{
    struct auth_payload payload;
    struct http_span text;
    if (http_head_find(check->head, "x-amz-content-sha256") != NULL) {
        if (!claims_read_header(check->head, "x-amz-content-sha256", &text, check->answer) ||
            !read_mode(check, text, &payload) || !read_streaming(check, &payload)) {
            return false;
        }
    }
    return claims_refuse(check->answer, 403, "AccessDenied", "the request is not signed");
}

void auth_check(const struct auth_settings *settings, const struct auth_keys *keys, struct signing_cache *cache,
                const struct http_head *head, const struct http_route *route, uint64_t now_s,
                struct arena *scratch, struct auth_answer *answer)
{
    assert(settings->region.length > 0 && settings->region.length <= SIGV4_REGION_CHARS_MAX);
    *answer = (struct auth_answer){0};
    struct http_span names[SIGV4_SIGNED_HEADERS_MAX]; /* filled as far as names_count says */
    struct check check = {settings, head, route, scratch, answer, .names = names};

    bool is_presigned = false;
    if (!claims_find(head, route, &is_presigned)) {
        check_anonymous(&check);
        return;
    }
    answer->is_allowed = check_query(&check) && claims_read(head, route, is_presigned, &check.claims, answer) &&
                         check_date(&check, now_s) && read_signed_names(&check) && check_headers(&check) &&
                         check_scope(&check) && check_signature(&check, keys, cache) && read_payload(&check);
    sodium_memzero(check.signing_key, sizeof check.signing_key);
    if (answer->is_allowed) {
        answer->key_id = span_of(check.claims.key_id.at, check.claims.key_id.length);
    }
}
