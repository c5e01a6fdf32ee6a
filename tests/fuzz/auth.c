/* Any request to authentication. The input is lines: method, target, then "name:value" for each header.
 *
 * Asked three times: as the key's owner, with another secret, and where the key is unknown. The last two are never
 * allowed, whatever is sent, and cannot be told apart (H29). Whoever is allowed is refused once a bit of what was
 * signed is different.
 */
#include "node/request/auth.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The credentials and the hour of the reference's vectors (5.7), of which the corpus is made. */
#define KEY_ID "GK0123456789abcdef01234567"
#define NOW_S  UINT64_C(1749988800)

static const char right_secret[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const char other_secret[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefe";

struct request {
    struct http_head head;
    struct http_route route;
};

static void require(bool condition)
{
    if (!condition) abort();
}

/* The key's secret, sealed by nothing, or none at all when there is no owner. */
static struct span sealed_of(const void *owner, struct span key_id)
{
    if (owner == NULL || !span_is_equal(key_id, span_text(KEY_ID))) return (struct span){0};
    return span_text(owner);
}

static size_t open_secret(const void *owner, struct span key_id, struct span sealed,
                          uint8_t secret[LIMITS_SECRET_CHARS_MAX])
{
    if (owner == NULL || !span_is_equal(key_id, span_text(KEY_ID))) return 0;
    memcpy(secret, sealed.bytes, sealed.length);
    return sealed.length;
}

static void check_answer(const struct auth_answer *answer)
{
    if (answer->is_allowed) {
        require(span_is_equal(answer->key_id, span_text(KEY_ID)));
        require(strnlen(answer->payload.trailer_name, sizeof answer->payload.trailer_name) <
                sizeof answer->payload.trailer_name);
        return;
    }
    require(answer->status == 400 || answer->status == 403);
    require(answer->code != NULL && answer->key_id.bytes == NULL);
    size_t length = strnlen(answer->message, sizeof answer->message);
    require(length > 0 && length < sizeof answer->message);
    for (size_t i = 0; i < length; i++) {
        require(answer->message[i] >= 0x20 && answer->message[i] < 0x7f);
    }
}

static struct auth_answer ask(const struct request *request, struct signing_cache *cache, const char *secret)
{
    struct auth_settings settings = {span_text("garage"), 900};
    struct auth_keys keys = {sealed_of, open_secret, secret};
    struct auth_answer answer;
    struct arena scratch;
    arena_init(&scratch, 1024 * 1024);
    auth_check(&settings, &keys, cache, &request->head, &request->route, NOW_S, &scratch, &answer);
    arena_deinit(&scratch);
    check_answer(&answer);
    return answer;
}

/* The next line of the input, without its end. */
static bool next_line(struct http_span *rest, struct http_span *line)
{
    if (rest->length == 0) return false;
    const char *end = memchr(rest->at, '\n', rest->length);
    size_t length = end == NULL ? rest->length : (size_t)(end - rest->at);
    *line = (struct http_span){rest->at, length};
    size_t used = end == NULL ? length : length + 1;
    *rest = (struct http_span){rest->at + used, rest->length - used};
    return true;
}

static bool read_request(struct http_span input, char *decoded, struct request *request)
{
    struct http_refusal refusal;
    struct http_span line;
    if (!next_line(&input, &request->head.method) || !next_line(&input, &request->head.target)) return false;
    if (!http_route(request->head.method, request->head.target, decoded, &request->route, &refusal)) return false;
    while (request->head.headers_count < HTTP_HEADERS_MAX && next_line(&input, &line)) {
        const char *colon = line.length == 0 ? NULL : memchr(line.at, ':', line.length);
        if (colon == NULL) continue;
        size_t name_chars = (size_t)(colon - line.at);
        request->head.headers[request->head.headers_count++] = (struct http_header){
            {line.at, name_chars}, {colon + 1, line.length - name_chars - 1}};
    }
    return true;
}

static void check_request(struct request *request, struct signing_cache *cache)
{
    bool is_allowed = ask(request, cache, right_secret).is_allowed;
    struct auth_answer other = ask(request, cache, other_secret);
    struct auth_answer unknown = ask(request, cache, NULL);
    require(!other.is_allowed && !unknown.is_allowed);
    require(other.status == unknown.status && strcmp(other.code, unknown.code) == 0);
    require(strcmp(other.message, unknown.message) == 0);
    require(ask(request, cache, right_secret).is_allowed == is_allowed); /* now with the key in the cache */
    if (!is_allowed) return;

    struct http_span path = request->route.path;
    request->route.path.length--;
    require(!ask(request, cache, right_secret).is_allowed);
    request->route.path = path;
    request->head.method.length--;
    require(!ask(request, cache, right_secret).is_allowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request *request = calloc(1, sizeof *request);
    struct signing_cache *cache = calloc(1, sizeof *cache);
    char *decoded = malloc(size + 1);
    require(request != NULL && cache != NULL && decoded != NULL);
    if (read_request((struct http_span){(const char *)data, size}, decoded, request)) {
        check_request(request, cache);
    }
    free(decoded);
    free(cache);
    free(request);
    return 0;
}
