/* Documents' keys and payloads ⇄ bytes. */
#include "node/core/document.h"

#include <assert.h>

/* --- keys ----------------------------------------------------------------------------------------------- */

static struct span joined(struct arena *arena, uint8_t kind, struct span a, struct span b, struct span c)
{
    size_t length = 1 + a.length + b.length + c.length;
    uint8_t *bytes = arena_alloc(arena, length);
    if (bytes == NULL) return (struct span){NULL, 0};
    uint8_t *at = bytes;
    *at++ = kind;
    const struct span parts[3] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        if (parts[i].length > 0) memcpy(at, parts[i].bytes, parts[i].length);
        at += parts[i].length;
    }
    return span_of(bytes, length);
}

struct span document_key_of(struct arena *arena, enum document_kind kind, struct span id)
{
    return joined(arena, (uint8_t)kind, id, (struct span){0}, (struct span){0});
}

struct span document_local_key(struct arena *arena, struct span key_id, struct span alias)
{
    assert(key_id.length <= LIMITS_KEY_ID_CHARS_MAX);
    uint8_t length = (uint8_t)key_id.length;
    return joined(arena, DOCUMENT_LOCAL, span_of(&length, 1), key_id, alias);
}

struct span document_permission_key(struct arena *arena, const uint8_t *bucket_id, struct span key_id)
{
    return joined(arena, DOCUMENT_PERMISSION, span_of(bucket_id, KEYS_BUCKET_ID_BYTES), key_id, (struct span){0});
}

/* --- payloads ------------------------------------------------------------------------------------------- */

static struct span done(const struct wire_out *out)
{
    return out->failed ? (struct span){NULL, 0} : span_of(out->bytes, out->length);
}

struct span document_encode_bucket(struct arena *arena, const struct document_bucket *bucket)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 2);
    wire_put_bool(&out, bucket->is_live);
    wire_put_u64(&out, bucket->created_us);
    return done(&out);
}

struct span document_encode_alias(struct arena *arena, const uint8_t *bucket_id)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 1);
    if (bucket_id == NULL) {
        wire_put_nil(&out);
    } else {
        wire_put_bytes(&out, span_of(bucket_id, KEYS_BUCKET_ID_BYTES));
    }
    return done(&out);
}

struct span document_encode_key(struct arena *arena, const struct document_key *key)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 4);
    wire_put_bool(&out, key->is_live);
    wire_put_text(&out, key->name);
    wire_put_u64(&out, key->created_us);
    wire_put_bytes(&out, key->sealed_secret);
    return done(&out);
}

struct span document_encode_permission(struct arena *arena, uint8_t flags)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 1);
    wire_put_u64(&out, flags);
    return done(&out);
}

struct span document_encode_member(struct arena *arena, const struct document_member *member)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 3);
    wire_put_bool(&out, member->is_member);
    wire_put_u64(&out, member->since_us);
    wire_put_text(&out, member->name);
    return done(&out);
}

struct span document_encode_address(struct arena *arena, struct span address)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 1);
    wire_put_text(&out, address);
    return done(&out);
}

struct span document_encode_staged_role(struct arena *arena, const struct document_staged_role *role)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    if (!role->is_staged) {
        wire_put_array(&out, 0);
    } else if (role->is_removal) {
        wire_put_array(&out, 1);
        wire_put_nil(&out);
    } else {
        wire_put_array(&out, 2);
        wire_put_text(&out, role->zone);
        wire_put_u64(&out, role->capacity);
    }
    return done(&out);
}

struct span document_encode_staged_number(struct arena *arena, const struct document_staged_number *number)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, number->is_staged ? 1 : 0);
    if (number->is_staged) wire_put_u64(&out, number->number);
    return done(&out);
}

struct span document_encode_dismissed(struct arena *arena, bool is_dismissed)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 1);
    wire_put_bool(&out, is_dismissed);
    return done(&out);
}

bool document_decode_bucket(struct span payload, struct document_bucket *bucket)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 2) wire_fail(&in);
    bucket->is_live = wire_get_bool(&in);
    bucket->created_us = wire_get_u64(&in);
    return wire_is_done(&in);
}

bool document_decode_alias(struct span payload, const uint8_t **bucket_id)
{
    struct wire_in in = wire_in_over(payload);
    *bucket_id = NULL;
    if (wire_get_array(&in) != 1) wire_fail(&in);
    if (wire_get_nil(&in)) return wire_is_done(&in);
    struct span id = wire_get_bytes(&in);
    if (id.length != KEYS_BUCKET_ID_BYTES) return false;
    *bucket_id = id.bytes;
    return wire_is_done(&in);
}

bool document_decode_key(struct span payload, struct document_key *key)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 4) wire_fail(&in);
    key->is_live = wire_get_bool(&in);
    key->name = wire_get_text(&in);
    key->created_us = wire_get_u64(&in);
    key->sealed_secret = wire_get_bytes(&in);
    return wire_is_done(&in);
}

bool document_decode_permission(struct span payload, uint8_t *flags)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 1) wire_fail(&in);
    uint64_t number = wire_get_u64(&in);
    *flags = (uint8_t)number;
    return wire_is_done(&in) && number <= (DOCUMENT_READ | DOCUMENT_WRITE | DOCUMENT_OWNER);
}

bool document_decode_member(struct span payload, struct document_member *member)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 3) wire_fail(&in);
    member->is_member = wire_get_bool(&in);
    member->since_us = wire_get_u64(&in);
    member->name = wire_get_text(&in);
    return wire_is_done(&in);
}

bool document_decode_address(struct span payload, struct span *address)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 1) wire_fail(&in);
    *address = wire_get_text(&in);
    return wire_is_done(&in);
}

bool document_decode_staged_role(struct span payload, struct document_staged_role *role)
{
    struct wire_in in = wire_in_over(payload);
    uint32_t count = wire_get_array(&in);
    *role = (struct document_staged_role){.is_staged = count > 0, .is_removal = count == 1};
    if (count == 1 && !wire_get_nil(&in)) wire_fail(&in);
    if (count == 2) {
        role->zone = wire_get_text(&in);
        role->capacity = wire_get_u64(&in);
    }
    return wire_is_done(&in) && count <= 2;
}

bool document_decode_staged_number(struct span payload, struct document_staged_number *number)
{
    struct wire_in in = wire_in_over(payload);
    uint32_t count = wire_get_array(&in);
    *number = (struct document_staged_number){.is_staged = count == 1};
    if (number->is_staged) number->number = wire_get_u64(&in);
    return wire_is_done(&in) && count <= 1;
}

bool document_decode_dismissed(struct span payload, bool *is_dismissed)
{
    struct wire_in in = wire_in_over(payload);
    if (wire_get_array(&in) != 1) wire_fail(&in);
    *is_dismissed = wire_get_bool(&in);
    return wire_is_done(&in);
}

/* --- digests -------------------------------------------------------------------------------------------- */

void document_digest(const struct op_document *document, const uint8_t hash_key[HASH_KEY_BYTES],
                     uint8_t digest[16])
{
    const struct crdt_lww *lww = &document->register_;
    struct hash_keyed keyed;
    uint8_t stamp[16];
    wire_store_u64(stamp, lww->time_us);
    wire_store_u64(stamp + 8, lww->actor);
    hash_keyed_init(&keyed, hash_key);
    hash_keyed_add(&keyed, "document", 8);
    hash_keyed_add_field(&keyed, document->key);
    hash_keyed_add(&keyed, stamp, sizeof stamp);
    hash_keyed_add(&keyed, lww->payload, lww->payload_bytes);
    hash_keyed_128(&keyed, digest);
}

void document_digest_add(uint8_t sum[16], const uint8_t digest[16])
{
    unsigned carry = 0;
    for (int i = 15; i >= 0; i--) {
        carry += (unsigned)sum[i] + digest[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void document_digest_take(uint8_t sum[16], const uint8_t digest[16])
{
    unsigned borrow = 0;
    for (int i = 15; i >= 0; i--) {
        unsigned take = digest[i] + borrow;
        borrow = sum[i] < take ? 1 : 0;
        sum[i] = (uint8_t)(sum[i] - take);
    }
}

/* --- CORS rules ----------------------------------------------------------------------------------------- */

bool document_rules_begin(struct span payload, struct wire_in *in, uint32_t *count)
{
    *in = wire_in_over(payload);
    if (wire_get_array(in) != 1) wire_fail(in);
    *count = wire_get_array(in);
    return !in->failed;
}

/* Remember where a list begins and step over it. */
static void texts_begin(struct wire_in *in, struct document_texts *texts)
{
    texts->count = wire_get_array(in);
    texts->in = *in;
    for (uint32_t i = 0; i < texts->count; i++)
        (void)wire_get_text(in);
}

bool document_rules_next(struct wire_in *in, struct document_rule *rule)
{
    if (wire_get_array(in) != 4) wire_fail(in);
    texts_begin(in, &rule->origins);
    texts_begin(in, &rule->methods);
    texts_begin(in, &rule->headers);
    texts_begin(in, &rule->expose);
    return !in->failed;
}

struct span document_texts_next(struct document_texts *texts)
{
    if (texts->count == 0) return (struct span){NULL, 0};
    texts->count--;
    return wire_get_text(&texts->in);
}
