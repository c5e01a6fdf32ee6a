/* Reading what a request says of its own signature. */
#include "node/request/claims.h"

/* Add `text` to the message as far as there is room; what is not printable is not repeated. */
static size_t message_add(char *message, size_t used, const char *text, size_t length)
{
    for (size_t i = 0; i < length && used < AUTH_MESSAGE_CHARS - 1; i++) {
        message[used++] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    }
    message[used] = '\0';
    return used;
}

bool claims_refuse(struct auth_answer *answer, int status, const char *code, const char *reason)
{
    answer->status = status;
    answer->code = code;
    message_add(answer->message, 0, reason, strlen(reason));
    return false;
}

bool claims_refuse_name(struct auth_answer *answer, const char *code, const char *before, struct http_span name,
                        const char *after)
{
    size_t shown = name.length < 64 ? name.length : 64; /* the reason behind it must still fit */
    claims_refuse(answer, 400, code, before);
    size_t used = message_add(answer->message, strlen(answer->message), name.at, shown);
    message_add(answer->message, used, after, strlen(after));
    return false;
}

bool claims_refuse_invalid(struct auth_answer *answer, const char *reason)
{
    return claims_refuse(answer, 400, "InvalidRequest", reason);
}

bool claims_is_amz_name(struct http_span name)
{
    return name.length >= 6 && http_is_equal_nocase((struct http_span){name.at, 6}, "x-amz-");
}

static const struct http_parameter *find_parameter(const struct http_route *route, const char *name)
{
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        if (http_is_equal_nocase(route->parameters[i].name, name)) return &route->parameters[i];
    }
    return NULL;
}

bool claims_find(const struct http_head *head, const struct http_route *route, bool *is_presigned)
{
    *is_presigned = find_parameter(route, "x-amz-algorithm") != NULL;
    return *is_presigned || http_head_find(head, "authorization") != NULL;
}

bool claims_read_header(const struct http_head *head, const char *name, struct http_span *value,
                        struct auth_answer *answer)
{
    const struct http_header *header = http_head_find(head, name);
    if (header == NULL) {
        return claims_refuse_name(answer, "InvalidRequest", "header ", text_of(name), " is missing");
    }
    if (!text_is_visible(header->value)) {
        return claims_refuse_name(answer, "InvalidHeaderValue", "header ", text_of(name),
                                  " holds bytes that are not visible ASCII");
    }
    *value = header->value;
    return true;
}

/* What both modes say, as sent. */
struct sent {
    struct http_span credential;
    struct http_span signed_headers;
    struct http_span signature;
};

/* One "Name=value" of the Authorization header. */
static bool take_part(struct http_span part, struct sent *sent, struct auth_answer *answer)
{
    struct http_span name;
    struct http_span value = text_trim(part);
    if (!text_cut(&value, '=', &name)) {
        return claims_refuse_invalid(answer, "a part of the Authorization header has no '='");
    }
    struct http_span *place = NULL;
    if (text_is(name, "Credential")) place = &sent->credential;
    if (text_is(name, "SignedHeaders")) place = &sent->signed_headers;
    if (text_is(name, "Signature")) place = &sent->signature;
    if (place == NULL) return true; /* as the reference: parts it does not know say nothing */
    if (place->at != NULL) {
        return claims_refuse_name(answer, "InvalidRequest", "the Authorization header gives ", name, " twice");
    }
    *place = value;
    return true;
}

static bool read_authorization(const struct http_head *head, struct sent *sent, struct auth_answer *answer)
{
    struct http_span rest, word, part;
    if (!claims_read_header(head, "authorization", &rest, answer)) return false;
    if (!text_cut(&rest, ' ', &word) || !text_is(word, "AWS4-HMAC-SHA256")) {
        return claims_refuse_invalid(answer, "the Authorization header does not begin with AWS4-HMAC-SHA256");
    }
    while (text_next_part(&rest, ',', &part)) {
        if (!take_part(part, sent, answer)) return false;
    }
    if (sent->credential.at == NULL || sent->signed_headers.at == NULL || sent->signature.at == NULL) {
        return claims_refuse_invalid(answer,
                                     "the Authorization header needs Credential, SignedHeaders and Signature");
    }
    return true;
}

/* What both modes claim in the same words: key, scope, signature. */
static bool take_sent(const struct sent *sent, struct claims *claims, struct auth_answer *answer)
{
    claims->signed_headers = sent->signed_headers;
    claims->scope = sent->credential;
    if (!text_cut(&claims->scope, '/', &claims->key_id)) {
        return claims_refuse_invalid(answer, "the credential is not a key id, '/' and a scope");
    }
    if (claims->key_id.length == 0 || claims->key_id.length > AUTH_KEY_ID_CHARS_MAX) {
        return claims_refuse_invalid(answer, "the key id has no characters or more than 128");
    }
    struct span signature = span_of(sent->signature.at, sent->signature.length);
    if (!hash_unhex(signature, claims->signature, sizeof claims->signature)) {
        return claims_refuse_invalid(answer, "the signature is not made of 64 hex digits");
    }
    return true;
}

static bool read_header_claims(const struct http_head *head, struct claims *claims, struct auth_answer *answer)
{
    struct sent sent = {0};
    return read_authorization(head, &sent, answer) && take_sent(&sent, claims, answer) &&
           claims_read_header(head, "x-amz-date", &claims->datetime, answer) &&
           claims_read_header(head, "x-amz-content-sha256", &claims->payload_hash, answer);
}

static bool read_parameter(const struct http_route *route, const char *name, struct http_span *value,
                           struct auth_answer *answer)
{
    const struct http_parameter *parameter = find_parameter(route, name);
    if (parameter == NULL) {
        return claims_refuse_name(answer, "InvalidRequest", "query parameter ", text_of(name), " is missing");
    }
    *value = parameter->value;
    return true;
}

/* Whole seconds, at most AUTH_PRESIGNED_SECONDS_MAX. */
static bool read_expires(const struct http_route *route, uint64_t *seconds, struct auth_answer *answer)
{
    struct http_span text = {0};
    if (!read_parameter(route, "x-amz-expires", &text, answer)) return false;
    bool is_number = text.length > 0;
    *seconds = 0;
    for (size_t i = 0; i < text.length && is_number && *seconds <= AUTH_PRESIGNED_SECONDS_MAX; i++) {
        is_number = text.at[i] >= '0' && text.at[i] <= '9';
        *seconds = *seconds * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (is_number && *seconds <= AUTH_PRESIGNED_SECONDS_MAX) return true;
    return claims_refuse_invalid(answer, "X-Amz-Expires is not a number of seconds up to 604800");
}

/* Every x-amz-* parameter acts as a header of that name, so its value must be one; then it cannot look like the
 * next line of a canonical request either. */
static bool check_amz_parameters(const struct http_route *route, struct auth_answer *answer)
{
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        const struct http_parameter *parameter = &route->parameters[i];
        if (claims_is_amz_name(parameter->name) && text_has_controls(parameter->value)) {
            return claims_refuse_name(answer, "InvalidRequest", "query parameter ", parameter->name,
                                      " holds control characters");
        }
    }
    return true;
}

static bool read_presigned_claims(const struct http_route *route, struct claims *claims,
                                  struct auth_answer *answer)
{
    struct sent sent = {0};
    struct http_span algorithm;
    if (!check_amz_parameters(route, answer) || !read_parameter(route, "x-amz-algorithm", &algorithm, answer)) {
        return false;
    }
    if (!text_is(algorithm, "AWS4-HMAC-SHA256")) {
        return claims_refuse_invalid(answer, "X-Amz-Algorithm is not AWS4-HMAC-SHA256");
    }
    claims->payload_hash = text_of("UNSIGNED-PAYLOAD");
    return read_parameter(route, "x-amz-credential", &sent.credential, answer) &&
           read_parameter(route, "x-amz-signedheaders", &sent.signed_headers, answer) &&
           read_parameter(route, "x-amz-signature", &sent.signature, answer) && take_sent(&sent, claims, answer) &&
           read_parameter(route, "x-amz-date", &claims->datetime, answer) &&
           read_expires(route, &claims->expires_s, answer);
}

bool claims_read(const struct http_head *head, const struct http_route *route, bool is_presigned,
                 struct claims *claims, struct auth_answer *answer)
{
    *claims = (struct claims){.is_presigned = is_presigned};
    return is_presigned ? read_presigned_claims(route, claims, answer) : read_header_claims(head, claims, answer);
}
