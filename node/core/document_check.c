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

/* --- how much, and of what time ------------------------------------------------------------------------- */

static size_t parent_of(const struct op_document *document, uint8_t key[KV_KEY_BYTES_MAX])
{
    uint64_t number = 0;
    const uint8_t *parent = NULL;
    struct span id = span_of(document->key.bytes + 1, document->key.length - 1);
    struct span payload = span_of(document->register_.payload, document->register_.payload_bytes);
    if (document->key.bytes[0] != DOCUMENT_LAYOUT) return 0;
    if (!layout_document_names(id, payload, &number, &parent) || number <= 1) return 0;
    key[0] = DOCUMENT_LAYOUT;
    wire_store_u64(key + 1, number - 1);
    memcpy(key + 1 + 8, parent, RING_LAYOUT_HASH_BYTES);
    return 1 + LAYOUT_DOCUMENT_ID_BYTES;
}

#define YEAR_US             (UINT64_C(366) * 86400 * 1000000)
#define LETTERS_ALL         ((UINT32_C(1) << 26) - 1)
#define LETTERS_BUCKETS     (OP_DOCS_LETTER(DOCUMENT_BUCKET) | OP_DOCS_LETTER(DOCUMENT_ALIAS))
#define LETTERS_KEYS        (OP_DOCS_LETTER(DOCUMENT_KEY) | OP_DOCS_LETTER(DOCUMENT_LOCAL))
#define LETTERS_STAGED_REST (OP_DOCS_LETTER(DOCUMENT_STAGED_NUMBER) | OP_DOCS_LETTER(DOCUMENT_DISMISSED))
#define LETTERS_KNOWN                                                                                             \
    (LETTERS_BUCKETS | LETTERS_KEYS | LETTERS_STAGED_REST | OP_DOCS_LETTER(DOCUMENT_CORS) |                       \
     OP_DOCS_LETTER(DOCUMENT_PERMISSION) | OP_DOCS_LETTER(DOCUMENT_MEMBER) | OP_DOCS_LETTER(DOCUMENT_ADDRESS) |   \
     OP_DOCS_LETTER(DOCUMENT_LAYOUT) | OP_DOCS_LETTER(DOCUMENT_STAGED_ROLE))

/* So many sixteenths of what there may be of all, in number and in bytes. Every letter is in one share, and all
 * shares together are the whole: one that is full takes nothing from another. */
#define SHARE(sixteenths)       LIMITS_DOCUMENTS_MAX / 16 * (sixteenths), LIMITS_DOCUMENTS_BYTES_MAX / 16 * (sixteenths)
#define SHARE_BYTES(sixteenths) LIMITS_DOCUMENTS_BYTES_MAX / 16 * (sixteenths)
#define THERE_ARE(what)         "there are as many " what " as there may be, or they are as large"

const struct op_docs_rules *document_rules(void)
{
    static const struct op_docs_bound bounds[] = {
        {LETTERS_BUCKETS, SHARE(2), THERE_ARE("buckets and aliases")},
        {LETTERS_KEYS, SHARE(1), THERE_ARE("access keys")},
        {OP_DOCS_LETTER(DOCUMENT_PERMISSION), SHARE(1), THERE_ARE("permissions")},
        {OP_DOCS_LETTER(DOCUMENT_CORS), SHARE(2), THERE_ARE("CORS rules")},
        {OP_DOCS_LETTER(DOCUMENT_MEMBER), LIMITS_MEMBER_DOCUMENTS_MAX, SHARE_BYTES(1),
         "there are as many members as there may be, removed ones counted"},
        {OP_DOCS_LETTER(DOCUMENT_ADDRESS), SHARE(1), THERE_ARE("addresses of members")},
        {OP_DOCS_LETTER(DOCUMENT_LAYOUT), LIMITS_LAYOUT_VERSIONS_MAX, SHARE_BYTES(5),
         THERE_ARE("layout versions")},
        {OP_DOCS_LETTER(DOCUMENT_STAGED_ROLE), SHARE(1), THERE_ARE("staged roles")},
        {LETTERS_STAGED_REST, SHARE(1), THERE_ARE("staged numbers and dismissed versions")},
        {LETTERS_ALL & ~LETTERS_KNOWN, SHARE(1), THERE_ARE("documents of unknown kinds")},
    };
    static const struct op_docs_rules rules = {
        .check = document_check,
        .bounds = bounds,
        .bounds_count = sizeof bounds / sizeof bounds[0],
        .own_percent = DOCUMENT_OWN_PERCENT,
        .clock_max_us = DOCUMENT_CLOCK_YEARS * YEAR_US,
        .clock_why = "the clock of this node is past the year 2100: set it right",
        .ahead_max_us = DOCUMENT_AHEAD_YEARS * YEAR_US,
        .ahead_why = "a document from the future: look at the clocks of the nodes",
        .stands_on = parent_of,
        .stands_why = "a layout version without its parent",
    };
    return &rules;
}
