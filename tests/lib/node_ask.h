/* Requests as clients make them: put together, and signed with node/request/sigv4. */
#ifndef TESTS_LIB_NODE_ASK_H
#define TESTS_LIB_NODE_ASK_H

#include "tests/lib/node_answer.h"

#include "http/route.h"
#include "node/core/event.h"
#include "node/request/sigv4.h"

/* What a test wants to say; all but method and target may be left out. */
struct ask {
    const char *method;
    const char *target;
    struct span body;
    struct span token; /* X-Garage-Causality-Token */
    const char *accept;
    const char *origin;
    const char *more_names[4]; /* any further headers */
    const char *more_values[4];
    const char *key_id; /* else the demo's */
    const char *secret;
    bool is_unsigned;
    bool is_http_1_0;
    bool is_chunked;
    bool wants_close;
    const char *bearer; /* on the admin door: else the right one; "" for none */
};

struct ask_signer {
    const char *region;
    uint64_t now_s;
    const char *key_id;
    const char *secret;
};

static inline struct http_span ask_keep(struct arena *arena, struct span text)
{
    uint8_t *copy = arena_copy(arena, text.bytes, text.length);
    WORLD_CHECK(copy != NULL);
    return (struct http_span){(const char *)copy, text.length};
}

static inline void ask_add(struct http_head *head, struct arena *arena, const char *name, struct span value)
{
    WORLD_CHECK(head->headers_count < HTTP_HEADERS_MAX);
    head->headers[head->headers_count++] = (struct http_header){ask_keep(arena, span_text(name)),
                                                                ask_keep(arena, value)};
}

static inline void ask_sign(struct http_head *head, struct arena *arena, const struct ask_signer *signer)
{
    static const char names_text[] = "host;x-amz-content-sha256;x-amz-date";
    const struct http_span names[3] = {{names_text, 4}, {names_text + 5, 20}, {names_text + 26, 10}};
    struct http_route *route = arena_alloc(arena, sizeof *route);
    char *memory = arena_alloc(arena, head->target.length + 1);
    struct http_refusal refusal;
    char datetime[SIGV4_DATETIME_CHARS + 1] = "";
    char scope[SIGV4_SCOPE_CHARS_MAX + 1] = "";
    char hex[2 * HASH_SHA256_BYTES + 1] = "";
    char value[1024];
    uint8_t hash[HASH_SHA256_BYTES];
    uint8_t key[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    sigv4_datetime_encode(signer->now_s, datetime);
    ask_add(head, arena, "x-amz-date", span_text(datetime));
    WORLD_CHECK(route != NULL && memory != NULL);
    /* What is not routed is refused whatever its signature. */
    if (!http_route(head->method, head->target, memory, route, &refusal)) return;
    struct http_span payload_hash = http_head_find(head, "x-amz-content-sha256")->value;
    const struct sigv4_request request = {.method = head->method,
                                          .path = route->path,
                                          .parameters = route->parameters,
                                          .parameters_count = route->parameters_count,
                                          .headers = head->headers,
                                          .headers_count = head->headers_count,
                                          .signed_names = names,
                                          .signed_names_count = 3,
                                          .payload_hash = payload_hash};
    struct span region = span_text(signer->region);
    WORLD_CHECK(sigv4_canonical_hash(&request, arena, hash));
    sigv4_signing_key(span_text(signer->secret), datetime, region, key);
    sigv4_signature(key, datetime, region, hash, signature);
    hash_hex(signature, sizeof signature, hex);
    scope[sigv4_scope_encode(datetime, region, scope)] = '\0';
    snprintf(value, sizeof value, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
             signer->key_id, scope, names_text, hex);
    ask_add(head, arena, "authorization", span_text(value));
}

static inline void ask_add_all(const struct ask *ask, struct http_head *head, struct arena *arena)
{
    char hex[2 * HASH_SHA256_BYTES + 1] = "";
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256(ask->body.bytes, ask->body.length, hash);
    hash_hex(hash, sizeof hash, hex);
    ask_add(head, arena, "Host", span_text("k2v.example.org"));
    ask_add(head, arena, "x-amz-content-sha256", span_text(hex));
    if (ask->token.bytes != NULL) ask_add(head, arena, "X-Garage-Causality-Token", ask->token);
    if (ask->accept != NULL) ask_add(head, arena, "accept", span_text(ask->accept));
    if (ask->origin != NULL) ask_add(head, arena, "Origin", span_text(ask->origin));
    for (size_t i = 0; i < 4 && ask->more_names[i] != NULL; i++)
        ask_add(head, arena, ask->more_names[i], span_text(ask->more_values[i]));
}

/* The head of the request; all of it in `arena`. */
static inline struct http_head *ask_head(const struct ask *ask, enum event_door door,
                                         const struct ask_signer *signer, struct arena *arena)
{
    struct http_head *head = arena_alloc(arena, sizeof *head);
    char value[512];
    WORLD_CHECK(head != NULL);
    head->method = ask_keep(arena, span_text(ask->method));
    head->target = ask_keep(arena, span_text(ask->target));
    head->minor = ask->is_http_1_0 ? 0 : 1;
    head->keep_alive = !ask->is_http_1_0 && !ask->wants_close;
    head->is_chunked = ask->is_chunked;
    head->content_length = ask->is_chunked ? 0 : ask->body.length;
    ask_add_all(ask, head, arena);
    if (door == EVENT_DOOR_ADMIN) {
        snprintf(value, sizeof value, "Bearer %s", ask->bearer);
        if (ask->bearer[0] != '\0') ask_add(head, arena, "Authorization", span_text(value));
    } else if (!ask->is_unsigned) {
        ask_sign(head, arena, signer);
    }
    return head;
}

#endif
