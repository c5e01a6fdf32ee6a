/* One function an action: check, then the documents it writes. */
#include "node/request/admin_change.h"

#include <sodium/utils.h>
#include <stdio.h>

enum { KEY_ID_RANDOM_BYTES = 12, SECRET_RANDOM_BYTES = 32 };

static void refuse(struct admin_change *change, int status, const char *code, const char *message)
{
    change->status = status;
    change->code = code;
    snprintf(change->message, sizeof change->message, "%s", message);
}

static void refuse_memory(struct admin_change *change)
{
    refuse(change, 503, "ServiceUnavailable", "out of memory");
}

/* Add one document; without memory for key or payload the change is refused. */
static void put(struct admin_change *change, struct span key, struct span payload)
{
    if (key.bytes == NULL || payload.bytes == NULL) {
        refuse_memory(change);
        return;
    }
    struct op_document *document = &change->documents[change->documents_count++];
    *document = (struct op_document){.key = key};
    document->register_.payload = payload.bytes;
    document->register_.payload_bytes = payload.length;
}

/* --- names ---------------------------------------------------------------------------------------------- */

static bool is_alphanumeric(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool admin_is_alias(struct span text)
{
    if (text.length < LIMITS_ALIAS_CHARS_MIN || text.length > LIMITS_ALIAS_CHARS_MAX) return false;
    if (!is_alphanumeric(text.bytes[0]) || !is_alphanumeric(text.bytes[text.length - 1])) return false;
    for (size_t i = 0; i < text.length; i++) {
        if (!is_alphanumeric(text.bytes[i]) && text.bytes[i] != '.' && text.bytes[i] != '-') return false;
    }
    return true;
}

static bool is_key_id(struct span text)
{
    if (text.length < LIMITS_KEY_ID_CHARS_MIN || text.length > LIMITS_KEY_ID_CHARS_MAX) return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || is_alphanumeric(c);
        if (!is_letter && c != '_' && c != '.' && c != '-') return false;
    }
    return true;
}

static bool is_secret(struct span text)
{
    if (text.length < LIMITS_SECRET_CHARS_MIN || text.length > LIMITS_SECRET_CHARS_MAX) return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~') return false;
    }
    return true;
}

static bool check_alias(struct admin_change *change, struct span alias)
{
    if (admin_is_alias(alias)) return true;
    refuse(change, 400, "InvalidRequest",
           "an alias has 3 to 63 characters of a-z 0-9 . - and begins and ends with a letter or digit");
    return false;
}

static bool check_name(struct admin_change *change, struct span name)
{
    if (name.length <= LIMITS_NAME_BYTES_MAX) return true;
    refuse(change, 400, "InvalidRequest", "a name has at most 128 bytes");
    return false;
}

static bool check_key(struct service *service, struct admin_change *change, struct span key_id)
{
    struct document_key key;
    if (key_id.bytes != NULL && view_key(service->view, key_id, &key)) return true;
    refuse(change, 404, "NoSuchKey", "there is no key of this id");
    return false;
}

/* --- buckets -------------------------------------------------------------------------------------------- */

static void bucket_create(struct service *service, const struct admin_body *body, struct arena *arena,
                          struct admin_change *change)
{
    const uint8_t *taken = NULL;
    if (!check_alias(change, body->alias)) return;
    if (view_alias(service->view, body->alias, &taken)) {
        refuse(change, 409, "BucketAlreadyExists", "this alias names another bucket already");
        return;
    }
    prng_bytes(&service->prng, change->bucket_id, KEYS_BUCKET_ID_BYTES);
    const struct document_bucket bucket = {change->bucket_id, true, service->wall_us};
    put(change, document_key_of(arena, DOCUMENT_BUCKET, span_of(change->bucket_id, KEYS_BUCKET_ID_BYTES)),
        document_encode_bucket(arena, &bucket));
    put(change, document_key_of(arena, DOCUMENT_ALIAS, body->alias),
        document_encode_alias(arena, change->bucket_id));
}

/* Every alias that points at the bucket goes with it. */
static void remove_aliases(struct service *service, enum document_kind kind, struct arena *arena,
                           struct admin_change *change, uint32_t capacity)
{
    struct span id;
    struct span payload;
    const uint8_t *target = NULL;
    for (uint32_t i = 0; view_nth(service->view, kind, i, &id, &payload) && change->many_count < capacity; i++) {
        if (!document_decode_alias(payload, &target) || target == NULL) continue;
        if (memcmp(target, change->bucket_id, KEYS_BUCKET_ID_BYTES) != 0) continue;
        struct op_document *document = &change->many[change->many_count++];
        struct span none = document_encode_alias(arena, NULL);
        document->key = document_key_of(arena, kind, id);
        document->register_.payload = none.bytes;
        document->register_.payload_bytes = none.length;
        if (document->key.bytes == NULL || none.bytes == NULL) refuse_memory(change);
    }
}

static void bucket_delete(struct service *service, struct arena *arena, struct admin_change *change)
{
    uint32_t capacity = view_documents_count(service->view) + 1;
    struct document_bucket bucket;
    if (!view_bucket(service->view, change->bucket_id, &bucket)) {
        refuse(change, 404, "NoSuchBucket", "there is no such bucket");
        return;
    }
    bucket.is_live = false;
    change->many = arena_array(arena, capacity, sizeof *change->many);
    if (change->many == NULL) {
        refuse_memory(change);
        return;
    }
    put(change, document_key_of(arena, DOCUMENT_BUCKET, span_of(change->bucket_id, KEYS_BUCKET_ID_BYTES)),
        document_encode_bucket(arena, &bucket));
    change->many[change->many_count++] = change->documents[0];
    remove_aliases(service, DOCUMENT_ALIAS, arena, change, capacity);
    remove_aliases(service, DOCUMENT_LOCAL, arena, change, capacity);
}

static uint8_t with_flag(uint8_t flags, uint8_t flag, enum admin_flag wish)
{
    switch (wish) {
    case ADMIN_FLAG_ABSENT: return flags;
    case ADMIN_FLAG_FALSE: return (uint8_t)(flags & ~flag);
    case ADMIN_FLAG_TRUE: return (uint8_t)(flags | flag);
    }
    return flags;
}

static void bucket_permissions(struct service *service, const struct admin_body *body, struct arena *arena,
                               struct admin_change *change)
{
    if (body->key_id.bytes == NULL) {
        refuse(change, 400, "InvalidRequest", "field \"key_id\" is missing");
        return;
    }
    if (!check_key(service, change, body->key_id)) return;
    uint8_t flags = view_permissions(service->view, change->bucket_id, body->key_id);
    flags = with_flag(flags, DOCUMENT_READ, body->read);
    flags = with_flag(flags, DOCUMENT_WRITE, body->write);
    flags = with_flag(flags, DOCUMENT_OWNER, body->owner);
    put(change, document_permission_key(arena, change->bucket_id, body->key_id),
        document_encode_permission(arena, flags));
}

static struct span alias_key(const struct admin_body *body, struct arena *arena)
{
    if (body->key_id.bytes != NULL) return document_local_key(arena, body->key_id, body->alias);
    return document_key_of(arena, DOCUMENT_ALIAS, body->alias);
}

/* What the alias means now, NULL for nothing. */
static const uint8_t *alias_target(struct service *service, const struct admin_body *body)
{
    const uint8_t *target = NULL;
    bool is_set = body->key_id.bytes != NULL
                      ? view_local(service->view, body->key_id, body->alias, &target) == VIEW_LOCAL_SET
                      : view_alias(service->view, body->alias, &target);
    return is_set ? target : NULL;
}

static void alias_add(struct service *service, const struct admin_body *body, struct arena *arena,
                      struct admin_change *change)
{
    if (!check_alias(change, body->alias)) return;
    if (body->key_id.bytes != NULL && !check_key(service, change, body->key_id)) return;
    const uint8_t *target = alias_target(service, body);
    if (target != NULL && memcmp(target, change->bucket_id, KEYS_BUCKET_ID_BYTES) != 0) {
        refuse(change, 409, "BucketAlreadyExists", "this alias names another bucket already");
        return;
    }
    put(change, alias_key(body, arena), document_encode_alias(arena, change->bucket_id));
}

static void alias_remove(struct service *service, const struct admin_body *body, struct arena *arena,
                         struct admin_change *change)
{
    bool is_sane = body->key_id.length <= LIMITS_KEY_ID_CHARS_MAX;
    const uint8_t *target = is_sane && body->alias.bytes != NULL ? alias_target(service, body) : NULL;
    if (target == NULL || memcmp(target, change->bucket_id, KEYS_BUCKET_ID_BYTES) != 0) {
        refuse(change, 404, "NoSuchAlias", "this alias does not name this bucket");
        return;
    }
    put(change, alias_key(body, arena), document_encode_alias(arena, NULL));
}

static void cors_set(const struct admin_body *body, struct arena *arena, struct admin_change *change)
{
    if (!body->has_rules) {
        refuse(change, 400, "InvalidRequest", "field \"rules\" is missing");
        return;
    }
    put(change, document_key_of(arena, DOCUMENT_CORS, span_of(change->bucket_id, KEYS_BUCKET_ID_BYTES)),
        body->rules);
}

/* --- keys ----------------------------------------------------------------------------------------------- */

static void put_key(struct service *service, struct arena *arena, struct admin_change *change, struct span name,
                    uint64_t created_us)
{
    uint8_t *sealed = arena_alloc(arena, change->secret.length + SEAL_OVERHEAD_BYTES);
    if (sealed == NULL) {
        refuse_memory(change);
        return;
    }
    seal_close(service->documents_key, change->key_id, change->secret, &service->prng, sealed);
    const struct document_key key = {
        .id = change->key_id,
        .is_live = true,
        .name = name,
        .created_us = created_us,
        .sealed_secret = span_of(sealed, change->secret.length + SEAL_OVERHEAD_BYTES)};
    put(change, document_key_of(arena, DOCUMENT_KEY, change->key_id), document_encode_key(arena, &key));
}

/* A new id and secret: GK and 24 hex digits, 64 hex digits. */
static bool key_invent(struct service *service, struct arena *arena, struct admin_change *change)
{
    uint8_t random[KEY_ID_RANDOM_BYTES + SECRET_RANDOM_BYTES];
    char *id = arena_alloc(arena, 2 + 2 * KEY_ID_RANDOM_BYTES);
    char *secret = arena_alloc(arena, 2 * SECRET_RANDOM_BYTES);
    if (id == NULL || secret == NULL) {
        refuse_memory(change);
        return false;
    }
    prng_bytes(&service->prng, random, sizeof random);
    memcpy(id, "GK", 2);
    hash_hex(random, KEY_ID_RANDOM_BYTES, id + 2);
    hash_hex(random + KEY_ID_RANDOM_BYTES, SECRET_RANDOM_BYTES, secret);
    sodium_memzero(random, sizeof random);
    change->key_id = span_of(id, 2 + 2 * KEY_ID_RANDOM_BYTES);
    change->secret = span_of(secret, 2 * SECRET_RANDOM_BYTES);
    return true;
}

/* Importing what is there already, with the same secret, changes nothing but the name. */
static bool key_import(struct service *service, const struct admin_body *body, struct admin_change *change)
{
    struct document_key key;
    uint8_t secret[LIMITS_SECRET_CHARS_MAX];
    if (!is_key_id(body->key_id)) {
        refuse(change, 400, "InvalidRequest", "a key id has 3 to 128 characters of A-Z a-z 0-9 _ . -");
        return false;
    }
    if (!is_secret(body->secret)) {
        refuse(change, 400, "InvalidRequest", "a secret has 8 to 128 visible ASCII characters");
        return false;
    }
    if (view_key(service->view, body->key_id, &key)) {
        bool is_same = key.sealed_secret.length == body->secret.length + SEAL_OVERHEAD_BYTES &&
                       seal_open(service->documents_key, body->key_id, key.sealed_secret, secret) &&
                       hash_is_equal(secret, body->secret.bytes, body->secret.length);
        sodium_memzero(secret, sizeof secret);
        if (!is_same) {
            refuse(change, 409, "KeyAlreadyExists", "a key of this id exists with another secret");
            return false;
        }
    }
    change->key_id = body->key_id;
    change->secret = body->secret;
    return true;
}

static void key_create(struct service *service, const struct admin_body *body, struct arena *arena,
                       struct admin_change *change)
{
    struct span name = body->name.bytes == NULL ? span_of("", 0) : body->name;
    bool is_import = body->key_id.bytes != NULL || body->secret.bytes != NULL;
    if (!check_name(change, name)) return;
    bool is_ready = is_import ? key_import(service, body, change) : key_invent(service, arena, change);
    if (is_ready) put_key(service, arena, change, name, service->wall_us);
}

static void key_rename(struct service *service, const struct admin_body *body, struct arena *arena,
                       struct admin_change *change)
{
    struct document_key key;
    if (!check_key(service, change, change->key_id) || !view_key(service->view, change->key_id, &key)) return;
    if (body->name.bytes == NULL) {
        refuse(change, 400, "InvalidRequest", "field \"name\" is missing");
        return;
    }
    if (!check_name(change, body->name)) return;
    key.name = body->name;
    put(change, document_key_of(arena, DOCUMENT_KEY, change->key_id), document_encode_key(arena, &key));
}

/* Add to `many`, which has room for every document of the view. */
static void put_many(struct admin_change *change, struct span key, struct span payload)
{
    struct op_document *document = &change->many[change->many_count++];
    *document = (struct op_document){.key = key};
    document->register_.payload = payload.bytes;
    document->register_.payload_bytes = payload.length;
    if (key.bytes == NULL || payload.bytes == NULL) refuse_memory(change);
}

/* What the key may do goes with it: a key imported later under the same id begins with nothing. */
static void remove_permissions(struct service *service, struct arena *arena, struct admin_change *change)
{
    struct span id;
    struct span payload;
    for (uint32_t i = 0; view_nth(service->view, DOCUMENT_PERMISSION, i, &id, &payload); i++) {
        bool is_own = id.length > KEYS_BUCKET_ID_BYTES &&
                      span_is_equal(span_of(id.bytes + KEYS_BUCKET_ID_BYTES, id.length - KEYS_BUCKET_ID_BYTES),
                                    change->key_id);
        if (is_own)
            put_many(change, document_key_of(arena, DOCUMENT_PERMISSION, id),
                     document_encode_permission(arena, 0));
    }
    for (uint32_t i = 0; view_nth(service->view, DOCUMENT_LOCAL, i, &id, &payload); i++) {
        bool is_own = id.length > 1 + change->key_id.length && id.bytes[0] == change->key_id.length &&
                      span_is_equal(span_of(id.bytes + 1, change->key_id.length), change->key_id);
        if (is_own)
            put_many(change, document_key_of(arena, DOCUMENT_LOCAL, id), document_encode_alias(arena, NULL));
    }
}

static void key_delete(struct service *service, struct arena *arena, struct admin_change *change)
{
    struct document_key key;
    if (!check_key(service, change, change->key_id) || !view_key(service->view, change->key_id, &key)) return;
    key.is_live = false;
    key.sealed_secret = span_of("", 0);
    change->many = arena_array(arena, (size_t)view_documents_count(service->view) + 1, sizeof *change->many);
    if (change->many == NULL) {
        refuse_memory(change);
        return;
    }
    put_many(change, document_key_of(arena, DOCUMENT_KEY, change->key_id), document_encode_key(arena, &key));
    remove_permissions(service, arena, change);
}

void admin_change_plan(struct service *service, const struct admin_body *body, struct arena *arena,
                       struct admin_change *change)
{
    struct document_bucket bucket;
    bool needs_bucket = change->action == ADMIN_BUCKET_PERMISSIONS || change->action == ADMIN_ALIAS_ADD ||
                        change->action == ADMIN_ALIAS_REMOVE || change->action == ADMIN_CORS_SET;
    if (needs_bucket && !view_bucket(service->view, change->bucket_id, &bucket)) {
        refuse(change, 404, "NoSuchBucket", "there is no such bucket");
        return;
    }
    switch (change->action) {
    case ADMIN_BUCKET_CREATE: bucket_create(service, body, arena, change); break;
    case ADMIN_BUCKET_DELETE: bucket_delete(service, arena, change); break;
    case ADMIN_BUCKET_PERMISSIONS: bucket_permissions(service, body, arena, change); break;
    case ADMIN_ALIAS_ADD: alias_add(service, body, arena, change); break;
    case ADMIN_ALIAS_REMOVE: alias_remove(service, body, arena, change); break;
    case ADMIN_CORS_SET: cors_set(body, arena, change); break;
    case ADMIN_KEY_CREATE: key_create(service, body, arena, change); break;
    case ADMIN_KEY_RENAME: key_rename(service, body, arena, change); break;
    case ADMIN_KEY_DELETE: key_delete(service, arena, change); break;
    }
}
