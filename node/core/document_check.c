/* Is a document one that this program could have written? Kind by kind; and how many there may be. */
#include "http/route.h"
#include "node/core/layout_document.h"

/* What a rule of CORS, an alias or a key's id is made of: it is shown to people, and compared with headers. */
static bool is_visible(struct span text, size_t least, size_t most)
{
    if (text.length < least || text.length > most) return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~') return false;
    }
    return true;
}

static bool is_alias(struct span text)
{
    return is_visible(text, LIMITS_ALIAS_CHARS_MIN, LIMITS_ALIAS_CHARS_MAX);
}

static bool is_key_id(struct span text)
{
    return is_visible(text, LIMITS_KEY_ID_CHARS_MIN, LIMITS_KEY_ID_CHARS_MAX);
}

/* A name that people gave: answers in JSON must stay UTF-8. */
static bool is_name(struct span text, size_t most)
{
    return text.length <= most && http_is_utf8((struct http_span){(const char *)text.bytes, text.length});
}

static bool check_bucket(struct span id, struct span payload)
{
    struct document_bucket bucket;
    return id.length == KEYS_BUCKET_ID_BYTES && document_decode_bucket(payload, &bucket);
}

static bool check_alias(struct span id, struct span payload)
{
    const uint8_t *bucket_id = NULL;
    return is_alias(id) && document_decode_alias(payload, &bucket_id);
}

static bool check_texts(struct document_texts texts)
{
    if (texts.count > LIMITS_CORS_ENTRIES_MAX) return false;
    for (struct span text = document_texts_next(&texts); text.bytes != NULL; text = document_texts_next(&texts)) {
        if (!is_visible(text, 1, LIMITS_CORS_ENTRY_BYTES_MAX)) return false;
    }
    return true;
}

static bool check_cors(struct span id, struct span payload)
{
    struct wire_in in;
    struct document_rule rule;
    uint32_t count = 0;
    if (id.length != KEYS_BUCKET_ID_BYTES || !document_rules_begin(payload, &in, &count)) return false;
    if (count > LIMITS_CORS_RULES_MAX) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!document_rules_next(&in, &rule)) return false;
        if (!check_texts(rule.origins) || !check_texts(rule.methods)) return false;
        if (!check_texts(rule.headers) || !check_texts(rule.expose)) return false;
    }
    return wire_is_done(&in);
}

static bool check_key(struct span id, struct span payload)
{
    struct document_key key;
    if (!is_key_id(id) || !document_decode_key(payload, &key)) return false;
    size_t length = key.sealed_secret.length;
    bool has_secret = length >= SEAL_OVERHEAD_BYTES + LIMITS_SECRET_CHARS_MIN &&
                      length <= SEAL_OVERHEAD_BYTES + LIMITS_SECRET_CHARS_MAX;
    return is_name(key.name, LIMITS_NAME_BYTES_MAX) && (key.is_live ? has_secret : length == 0);
}

static bool check_local(struct span id, struct span payload)
{
    if (id.length < 1 || id.bytes[0] > id.length - 1) return false;
    size_t length = id.bytes[0];
    return is_key_id(span_of(id.bytes + 1, length)) &&
           check_alias(span_of(id.bytes + 1 + length, id.length - 1 - length), payload);
}

static bool check_permission(struct span id, struct span payload)
{
    uint8_t flags = 0;
    if (id.length < KEYS_BUCKET_ID_BYTES) return false;
    return is_key_id(span_of(id.bytes + KEYS_BUCKET_ID_BYTES, id.length - KEYS_BUCKET_ID_BYTES)) &&
           document_decode_permission(payload, &flags);
}

static bool check_member(struct span id, struct span payload)
{
    struct document_member member;
    return id.length == RING_NODE_ID_BYTES && document_decode_member(payload, &member) &&
           is_name(member.name, LIMITS_ZONE_BYTES_MAX);
}

bool document_address_is_ok(struct span address)
{
    return is_visible(address, 0, LIMITS_ADDRESS_BYTES_MAX);
}

static bool check_address(struct span id, struct span payload)
{
    struct span address;
    return id.length == RING_NODE_ID_BYTES && document_decode_address(payload, &address) &&
           document_address_is_ok(address);
}

static bool check_staged_role(struct span id, struct span payload)
{
    struct document_staged_role role;
    if (id.length != RING_NODE_ID_BYTES || !document_decode_staged_role(payload, &role)) return false;
    if (!role.is_staged || role.is_removal) return true;
    return is_visible(role.zone, 1, LIMITS_ZONE_BYTES_MAX) && role.capacity >= 1 &&
           role.capacity <= RING_CAPACITY_MAX;
}

static bool check_staged_number(struct span id, struct span payload)
{
    struct document_staged_number number;
    return is_visible(id, 1, LIMITS_ZONE_BYTES_MAX) && document_decode_staged_number(payload, &number);
}

static bool check_dismissed(struct span id, struct span payload)
{
    bool is_dismissed = false;
    return id.length == RING_LAYOUT_HASH_BYTES && document_decode_dismissed(payload, &is_dismissed);
}

static bool check_layout(struct span id, struct span payload)
{
    struct ring_layout layout; /* some 33 KiB */
    return layout_document_decode(id, payload, &layout);
}

static const char *check_kind(uint8_t kind, struct span id, struct span payload)
{
    switch (kind) {
    case DOCUMENT_BUCKET: return check_bucket(id, payload) ? NULL : "a malformed bucket";
    case DOCUMENT_ALIAS: return check_alias(id, payload) ? NULL : "a malformed alias";
    case DOCUMENT_CORS: return check_cors(id, payload) ? NULL : "malformed CORS rules";
    case DOCUMENT_KEY: return check_key(id, payload) ? NULL : "a malformed access key";
    case DOCUMENT_LOCAL: return check_local(id, payload) ? NULL : "a malformed alias of a key";
    case DOCUMENT_PERMISSION: return check_permission(id, payload) ? NULL : "a malformed permission";
    case DOCUMENT_MEMBER: return check_member(id, payload) ? NULL : "a malformed member";
    case DOCUMENT_ADDRESS: return check_address(id, payload) ? NULL : "a malformed address";
    case DOCUMENT_LAYOUT: return check_layout(id, payload) ? NULL : "a malformed layout version";
    case DOCUMENT_STAGED_ROLE: return check_staged_role(id, payload) ? NULL : "a malformed staged role";
    case DOCUMENT_STAGED_NUMBER: return check_staged_number(id, payload) ? NULL : "a malformed staged number";
    case DOCUMENT_DISMISSED: return check_dismissed(id, payload) ? NULL : "a malformed dismissal";
    default: return kind >= 'A' && kind <= 'Z' ? NULL : "a document of no kind";
    }
}

bool document_check(const struct op_document *document, const char **why)
{
    struct span key = document->key;
    struct span payload = span_of(document->register_.payload, document->register_.payload_bytes);
    if (key.length < 2 || key.length > KV_KEY_BYTES_MAX) {
        *why = "a document's key of a length that cannot be";
    } else if (payload.length > LIMITS_DOCUMENT_BYTES_MAX) {
        *why = "a document that is too large";
    } else {
        *why = check_kind(key.bytes[0], span_of(key.bytes + 1, key.length - 1), payload);
    }
    return *why == NULL;
}

_Static_assert(1048576 == LIMITS_DOCUMENTS_MAX && 8192 == LIMITS_MEMBER_DOCUMENTS_MAX &&
                   4096 == LIMITS_LAYOUT_VERSIONS_MAX && 67108864 == LIMITS_DOCUMENTS_BYTES_MAX &&
                   75 == DOCUMENT_OWN_PERCENT,
               "as the words below say");

const struct op_docs_rules *document_rules(void)
{
    static const struct op_docs_bound bounds[] = {
        {0, LIMITS_DOCUMENTS_MAX,
         "there are as many shared documents as there may be: 1,048,576, three quarters of them from here"},
        {DOCUMENT_MEMBER, LIMITS_MEMBER_DOCUMENTS_MAX,
         "there are as many members as there may be, removed ones counted: 8,192, three quarters of them from "
         "here"},
        {DOCUMENT_LAYOUT, LIMITS_LAYOUT_VERSIONS_MAX,
         "there are as many layout versions as there may be: 4,096, three quarters of them from here"},
    };
    static const struct op_docs_rules rules = {
        .check = document_check,
        .bounds = bounds,
        .bounds_count = sizeof bounds / sizeof bounds[0],
        .bytes_max = LIMITS_DOCUMENTS_BYTES_MAX,
        .bytes_why = "the shared documents together are as large as they may be: 67,108,864 bytes, three quarters "
                     "of it from "
                     "here",
        .own_percent = DOCUMENT_OWN_PERCENT,
        .time_max_us = ((uint64_t)1 << DOCUMENT_TIME_BITS) - 1,
        .time_why = "a document of a time that cannot be: look at the clock of this node",
        .ahead_max_us = (uint64_t)DOCUMENT_AHEAD_YEARS * 366 * 86400 * 1000000,
        .ahead_why = "a document from the future: look at the clocks of the nodes",
    };
    return &rules;
}
