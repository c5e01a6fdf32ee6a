/* The one point where it is decided whether a request is authentic (H29).
 *
 * Three stages, each of which may refuse: read what the request claims, compare the claims with the request
 * itself and the hour, then the signature. What follows the signature only says what the body must show.
 *
 *     query names --> claims --> date --> signed headers --> scope --> key and signature --> payload
 */
#include "node/request/auth.h"

#include <assert.h>
#include <sodium/utils.h>

static const char algorithm[] = "AWS4-HMAC-SHA256";

/* What a request says of its own signature, wherever it says so. */
struct claims {
    bool is_presigned;
    struct http_span credential;
    struct http_span signed_headers;
    struct http_span signature;
    struct http_span datetime;
    struct http_span payload_hash; /* the text that goes into the canonical request */
    uint64_t expires_s;            /* presigned only */

    struct http_span key_id; /* the two parts of the credential */
    struct http_span scope;
    uint8_t signature_bytes[HASH_SHA256_BYTES];
};

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
    uint8_t signing_key[HASH_SHA256_BYTES];
};

/* Add `text` to the message as far as there is room; what is not printable is not repeated. */
static size_t message_add(char *message, size_t used, const char *text, size_t length)
{
    for (size_t i = 0; i < length && used < AUTH_MESSAGE_CHARS - 1; i++) {
        message[used++] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    }
    message[used] = '\0';
    return used;
}

static bool refuse(struct check *check, int status, const char *code, const char *text)
{
    check->answer->status = status;
    check->answer->code = code;
    message_add(check->answer->message, 0, text, strlen(text));
    return false;
}

/* Refuse because of one header or parameter. */
static bool refuse_name(struct check *check, const char *code, const char *before, struct http_span name,
                        const char *after)
{
    char *message = check->answer->message;
    size_t shown = name.length < 64 ? name.length : 64; /* the reason behind it must still fit */
    refuse(check, 400, code, before);
    size_t used = message_add(message, strlen(message), name.at, shown);
    message_add(message, used, after, strlen(after));
    return false;
}

static bool refuse_invalid(struct check *check, const char *text)
{
    return refuse(check, 400, "InvalidRequest", text);
}

static bool refuse_memory(struct check *check)
{
    return refuse(check, 503, "ServiceUnavailable", "no memory left for this request; try again later");
}

static struct http_span text_of(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

static bool is_text(struct http_span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

static bool is_amz_name(struct http_span name)
{
    return name.length >= 6 && sigv4_is_same_name((struct http_span){name.at, 6}, text_of("x-amz-"));
}

static struct http_span trim(struct http_span text)
{
    while (text.length > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/* Cut `text` at the first `separator`: what is before it goes to `first`, what is behind it stays. False, with
 * nothing changed, when there is none. */
static bool cut(struct http_span *text, char separator, struct http_span *first)
{
    const char *at = text->length == 0 ? NULL : memchr(text->at, separator, text->length);
    if (at == NULL) return false;
    *first = (struct http_span){text->at, (size_t)(at - text->at)};
    *text = (struct http_span){at + 1, text->length - first->length - 1};
    return true;
}

/* The next of a list's parts; false after the last one. A list has at least one part, perhaps an empty one. */
static bool next_part(struct http_span *rest, char separator, struct http_span *part)
{
    if (rest->at == NULL) return false;
    if (!cut(rest, separator, part)) {
        *part = *rest;
        rest->at = NULL;
    }
    return true;
}

/* Of a header's or parameter's name: RFC 9110 5.6.2. */
static bool is_token(struct http_span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        bool is_alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alphanumeric && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
    }
    return name.length > 0;
}

static bool is_visible(struct http_span value)
{
    for (size_t i = 0; i < value.length; i++) {
        if ((value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] >= 0x7f) return false;
    }
    return true;
}

/* Can a value be a header's? Then it cannot look like the next line of a canonical request either. */
static bool has_controls(struct http_span value)
{
    for (size_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return true;
    }
    return false;
}

static const struct http_parameter *find_parameter(const struct http_route *route, const char *name)
{
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        if (http_is_equal_nocase(route->parameters[i].name, name)) return &route->parameters[i];
    }
    return NULL;
}

/* ---- claims ---- */

/* Reference 5.4: every parameter could be a header, so its name must be one, and be there once. */
static bool check_query(struct check *check)
{
    const struct http_parameter *parameters = check->route->parameters;
    for (uint32_t i = 0; i < check->route->parameters_count; i++) {
        struct http_span name = parameters[i].name;
        if (!is_token(name)) {
            return refuse_name(check, "InvalidRequest", "query parameter name '", name,
                               "' is not made of the characters of a header name");
        }
        for (uint32_t before = 0; before < i; before++) {
            if (sigv4_is_same_name(parameters[before].name, name)) {
                return refuse_name(check, "InvalidRequest", "query parameter '", name, "' is given twice");
            }
        }
    }
    return true;
}

/* A header that is read as text: there, and nothing but visible ASCII. */
static bool read_header(struct check *check, const char *name, struct http_span *value)
{
    const struct http_header *header = http_head_find(check->head, name);
    if (header == NULL) return refuse_name(check, "InvalidRequest", "header ", text_of(name), " is missing");
    if (!is_visible(header->value)) {
        return refuse_name(check, "InvalidHeaderValue", "header ", text_of(name),
                           " holds bytes that are not visible ASCII");
    }
    *value = header->value;
    return true;
}

/* One "Name=value" of the Authorization header. */
static bool take_part(struct check *check, struct http_span part)
{
    struct http_span name;
    struct http_span value = trim(part);
    if (!cut(&value, '=', &name)) return refuse_invalid(check, "a part of the Authorization header has no '='");

    struct http_span *place = NULL;
    if (is_text(name, "Credential")) place = &check->claims.credential;
    if (is_text(name, "SignedHeaders")) place = &check->claims.signed_headers;
    if (is_text(name, "Signature")) place = &check->claims.signature;
    if (place == NULL) return true;
    if (place->at != NULL) {
        return refuse_name(check, "InvalidRequest", "the Authorization header gives ", name, " twice");
    }
    *place = value;
    return true;
}

static bool read_header_claims(struct check *check)
{
    struct claims *claims = &check->claims;
    struct http_span rest, word, part;
    if (!read_header(check, "authorization", &rest)) return false;
    if (!cut(&rest, ' ', &word) || !is_text(word, algorithm)) {
        return refuse_invalid(check, "the Authorization header does not begin with AWS4-HMAC-SHA256");
    }
    while (next_part(&rest, ',', &part)) {
        if (!take_part(check, part)) return false;
    }
    if (claims->credential.at == NULL || claims->signed_headers.at == NULL || claims->signature.at == NULL) {
        return refuse_invalid(check, "the Authorization header needs Credential, SignedHeaders and Signature");
    }
    return read_header(check, "x-amz-date", &claims->datetime) &&
           read_header(check, "x-amz-content-sha256", &claims->payload_hash);
}

static bool read_parameter(struct check *check, const char *name, struct http_span *value)
{
    const struct http_parameter *parameter = find_parameter(check->route, name);
    if (parameter == NULL) {
        return refuse_name(check, "InvalidRequest", "query parameter ", text_of(name), " is missing");
    }
    *value = parameter->value;
    return true;
}

/* Whole seconds, at most AUTH_PRESIGNED_SECONDS_MAX. */
static bool read_expires(struct check *check, struct http_span text)
{
    uint64_t seconds = 0;
    bool is_number = text.length > 0;
    for (size_t i = 0; i < text.length && is_number && seconds <= AUTH_PRESIGNED_SECONDS_MAX; i++) {
        is_number = text.at[i] >= '0' && text.at[i] <= '9';
        seconds = seconds * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (!is_number || seconds > AUTH_PRESIGNED_SECONDS_MAX) {
        return refuse_invalid(check, "X-Amz-Expires is not a number of seconds up to 604800");
    }
    check->claims.expires_s = seconds;
    return true;
}

/* Every x-amz-* parameter acts as a header of that name, so its value must be one. */
static bool check_amz_parameters(struct check *check)
{
    for (uint32_t i = 0; i < check->route->parameters_count; i++) {
        const struct http_parameter *parameter = &check->route->parameters[i];
        if (is_amz_name(parameter->name) && has_controls(parameter->value)) {
            return refuse_name(check, "InvalidRequest", "query parameter ", parameter->name,
                               " holds control characters");
        }
    }
    return true;
}

static bool read_presigned_claims(struct check *check)
{
    struct claims *claims = &check->claims;
    struct http_span name, expires;
    if (!check_amz_parameters(check) || !read_parameter(check, "x-amz-algorithm", &name)) return false;
    if (!is_text(name, algorithm)) return refuse_invalid(check, "X-Amz-Algorithm is not AWS4-HMAC-SHA256");
    claims->payload_hash = text_of("UNSIGNED-PAYLOAD");
    return read_parameter(check, "x-amz-credential", &claims->credential) &&
           read_parameter(check, "x-amz-date", &claims->datetime) &&
           read_parameter(check, "x-amz-expires", &expires) && read_expires(check, expires) &&
           read_parameter(check, "x-amz-signedheaders", &claims->signed_headers) &&
           read_parameter(check, "x-amz-signature", &claims->signature);
}

/* The shape of what both modes claim: credential, signature. */
static bool check_claims(struct check *check)
{
    struct claims *claims = &check->claims;
    claims->scope = claims->credential;
    if (!cut(&claims->scope, '/', &claims->key_id)) {
        return refuse_invalid(check, "the credential is not a key id, '/' and a scope");
    }
    if (claims->key_id.length == 0 || claims->key_id.length > AUTH_KEY_ID_CHARS_MAX) {
        return refuse_invalid(check, "the key id has no characters or more than 128");
    }
    struct http_span signature = claims->signature;
    if (!hash_unhex(span_of(signature.at, signature.length), claims->signature_bytes, HASH_SHA256_BYTES)) {
        return refuse_invalid(check, "the signature is not made of 64 hex digits");
    }
    return true;
}

/* ---- claims against the request and the hour ---- */

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
    while (next_part(&rest, ';', &name)) {
        if (!is_token(name)) return refuse_invalid(check, "SignedHeaders is not a list of header names");
        if (check->names_count == SIGV4_SIGNED_HEADERS_MAX) {
            return refuse_invalid(check, "SignedHeaders names more than 100 headers");
        }
        if (find_signed(check, name) < check->names_count) {
            return refuse_name(check, "InvalidRequest", "SignedHeaders names ", name, " twice");
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
        struct http_span value = trim(parameter->value);
        if (!span_is_equal(span_of(value.at, value.length), span_of(header->value.at, header->value.length))) {
            return refuse_name(check, "InvalidRequest", "query parameter ", parameter->name,
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
        if (!is_amz_name(header->name)) return true;
        return refuse_name(check, "InvalidRequest", "header ", header->name, " must be signed");
    }
    if (is_seen[place]) {
        return refuse_name(check, "InvalidRequest", "signed header ", header->name, " is given twice");
    }
    is_seen[place] = true;
    if (!http_is_utf8(header->value)) {
        return refuse_name(check, "InvalidUtf8String", "signed header ", header->name, " is not UTF-8");
    }
    return !check->claims.is_presigned || check_contradiction(check, header);
}

/* Is a signed name one that only the query gives? */
static bool is_given_by_query(const struct check *check, struct http_span name)
{
    if (!check->claims.is_presigned || !is_amz_name(name)) return false;
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
        if (!is_seen[i] && !is_given_by_query(check, check->names[i])) {
            return refuse_name(check, "InvalidRequest", "signed header ", check->names[i], " is missing");
        }
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
    return refuse_name(check, "AuthorizationHeaderMalformed",
                       "the credential's scope is not the day of the request's date and /", region,
                       "/k2v/aws4_request");
}

/* ---- the signature ---- */

/* The signing key, from the cache if it was made before of this very secret. */
static void find_signing_key(struct check *check, struct auth_cache *cache, struct span key_id, struct span secret)
{
    static const uint8_t no_key[HASH_KEY_BYTES] = {0};
    const char *date = check->claims.datetime.at;
    struct hash_keyed hash;
    uint8_t secret_hash[16];
    hash_keyed_init(&hash, no_key);
    hash_keyed_add_field(&hash, key_id);
    hash_keyed_add_field(&hash, secret);
    hash_keyed_add(&hash, date, SIGV4_DATE_CHARS);
    hash_keyed_128(&hash, secret_hash);

    static_assert(AUTH_CACHE_SLOTS == 256, "one byte chooses the slot");
    struct auth_cache_slot *slot = &cache->slots[secret_hash[0]];
    if (!hash_is_equal(slot->secret_hash, secret_hash, sizeof secret_hash)) {
        sigv4_signing_key(secret, date, check->settings->region, slot->signing_key);
        memcpy(slot->secret_hash, secret_hash, sizeof secret_hash);
    }
    memcpy(check->signing_key, slot->signing_key, sizeof check->signing_key);
}

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
        if (!is_amz_name(parameter->name)) continue;
        all[(*count)++] = (struct http_header){parameter->name, trim(parameter->value)};
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
    if (claims->is_presigned) {
        request.skip_parameter = text_of("x-amz-signature");
        request.headers = join_headers(check, &request.headers_count);
        if (request.headers == NULL) return false;
    }
    return sigv4_canonical_hash(&request, check->scratch, hash);
}

/* Is the key known and the signature its? An unknown key takes the same way with a secret that cannot be right,
 * so that neither words nor time tell it from a wrong signature. */
static bool check_signature(struct check *check, const struct auth_keys *keys, struct auth_cache *cache)
{
    const struct claims *claims = &check->claims;
    struct span key_id = span_of(claims->key_id.at, claims->key_id.length);
    struct span secret = keys->secret_of(keys->owner, key_id);
    bool is_known = secret.bytes != NULL && secret.length > 0;
    if (!is_known) secret = span_text("0000000000000000000000000000000000000000000000000000000000000000");

    uint8_t hash[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    if (!hash_request(check, hash)) return refuse_memory(check);
    find_signing_key(check, cache, key_id, secret);
    sigv4_signature(check->signing_key, claims->datetime.at, check->settings->region, hash, signature);
    bool is_right = hash_is_equal(signature, claims->signature_bytes, sizeof signature);
    if (!is_right || !is_known) {
        return refuse(check, 403, "AccessDenied", "the key is not known or the signature is not right");
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
        if (is_text(text, modes[i].text)) return true;
    }
    return refuse_invalid(check, "x-amz-content-sha256 is neither 64 hex digits nor a known form of payload");
}

static bool check_encoding(struct check *check)
{
    struct http_span value, first;
    if (http_head_find(check->head, "content-encoding") == NULL) return true;
    if (!read_header(check, "content-encoding", &value)) return false;
    if (is_text(value, "aws-chunked") || (cut(&value, ',', &first) && is_text(first, "aws-chunked"))) return true;
    return refuse_invalid(check, "Content-Encoding of a streaming payload does not begin with aws-chunked");
}

static bool read_trailer_name(struct check *check, struct auth_payload *payload)
{
    static const char *const names[] = {"x-amz-checksum-crc32", "x-amz-checksum-crc32c",
                                        "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
                                        "x-amz-checksum-sha256"};
    struct http_span value;
    if (!read_header(check, "x-amz-trailer", &value)) return false;
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
    memcpy(payload->seed_signature, check->claims.signature_bytes, sizeof payload->seed_signature);
    memcpy(payload->datetime, check->claims.datetime.at, sizeof payload->datetime);
    memcpy(payload->region, region.bytes, region.length);
    payload->region_chars = (uint32_t)region.length;
}

static bool read_payload(struct check *check)
{
    struct auth_payload *payload = &check->answer->payload;
    if (check->claims.is_presigned) {
        payload->mode = AUTH_PAYLOAD_UNSIGNED; /* whatever a header says: it was not what is signed */
        return true;
    }
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
        if (!read_header(check, "x-amz-content-sha256", &text) || !read_mode(check, text, &payload) ||
            !read_streaming(check, &payload)) {
            return false;
        }
    }
    return refuse(check, 403, "AccessDenied", "the request is not signed");
}

static bool check_signed(struct check *check, const struct auth_keys *keys, struct auth_cache *cache,
                         uint64_t now_s)
{
    if (!check_query(check)) return false;
    bool is_read = check->claims.is_presigned ? read_presigned_claims(check) : read_header_claims(check);
    return is_read && check_claims(check) && check_date(check, now_s) && read_signed_names(check) &&
           check_headers(check) && check_scope(check) && check_signature(check, keys, cache) &&
           read_payload(check);
}

void auth_check(const struct auth_settings *settings, const struct auth_keys *keys, struct auth_cache *cache,
                const struct http_head *head, const struct http_route *route, uint64_t now_s,
                struct arena *scratch, struct auth_answer *answer)
{
    assert(settings->region.length > 0 && settings->region.length <= SIGV4_REGION_CHARS_MAX);
    *answer = (struct auth_answer){0};
    struct http_span names[SIGV4_SIGNED_HEADERS_MAX]; /* filled as far as names_count says */
    struct check check = {
        .settings = settings, .head = head, .route = route, .scratch = scratch, .answer = answer, .names = names};

    check.claims.is_presigned = find_parameter(route, "x-amz-algorithm") != NULL;
    if (!check.claims.is_presigned && http_head_find(head, "authorization") == NULL) {
        check_anonymous(&check);
        return;
    }
    answer->is_allowed = check_signed(&check, keys, cache, now_s);
    sodium_memzero(check.signing_key, sizeof check.signing_key);
    if (answer->is_allowed) {
        answer->key_id = span_of(check.claims.key_id.at, check.claims.key_id.length);
    }
}
