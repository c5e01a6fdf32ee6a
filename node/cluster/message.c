/* One function a kind each way; lists are walked once to look and once to keep. */
#include "node/cluster/message.h"

#include <assert.h>

enum { DIGEST_BYTES = 16 };

/* --- out ------------------------------------------------------------------------------------------------ */

static void put_documents(struct wire_out *out, const struct message *message)
{
    wire_put_array(out, message->documents_count);
    for (uint32_t i = 0; i < message->documents_count; i++) {
        const struct op_document *document = &message->documents[i];
        assert(document->key.length <= KV_KEY_BYTES_MAX);
        wire_put_array(out, 4);
        wire_put_bytes(out, document->key);
        wire_put_u64(out, document->register_.time_us);
        wire_put_u64(out, document->register_.actor);
        wire_put_bytes(out, span_of(document->register_.payload, document->register_.payload_bytes));
    }
}

static void put_known(struct wire_out *out, const struct message *message)
{
    assert(message->known_count <= MESSAGE_KNOWN_MAX);
    wire_put_array(out, message->known_count);
    for (uint32_t i = 0; i < message->known_count; i++) {
        wire_put_array(out, 3);
        wire_put_bytes(out, span_of(message->known[i].node_id, LINK_NODE_ID_BYTES));
        wire_put_u64(out, message->known[i].incarnation);
        wire_put_u64(out, message->known[i].mark);
    }
}

static void put_spans(struct wire_out *out, const struct message *message)
{
    wire_put_array(out, message->spans_count);
    for (uint32_t i = 0; i < message->spans_count; i++)
        wire_put_bytes(out, message->spans[i]);
}

static void begin(struct wire_out *out, const struct message *message, uint32_t fields)
{
    wire_put_array(out, 1 + fields);
    wire_put_u64(out, message->kind);
}

static void put_grant(struct wire_out *out, const struct message *message)
{
    assert(message->documents_count <= MESSAGE_GRANT_DOCUMENTS_MAX);
    assert(message->cluster_id.length == STORE_CLUSTER_ID_BYTES && message->hash_key.length == HASH_KEY_BYTES);
    begin(out, message, 5);
    wire_put_bytes(out, message->cluster_id);
    wire_put_bytes(out, message->hash_key);
    wire_put_bytes(out, message->token_key);
    wire_put_bytes(out, message->documents_key);
    put_documents(out, message);
}

static void put_reason(struct wire_out *out, const struct message *message, uint32_t fields)
{
    assert(message->text.length <= MESSAGE_TEXT_BYTES_MAX);
    begin(out, message, fields);
    wire_put_u64(out, message->reason);
    wire_put_text(out, message->text);
}

static void put_problem(struct wire_out *out, const struct message *message)
{
    assert(message->documents_count <= MESSAGE_PROBLEM_DOCUMENTS_MAX);
    put_reason(out, message, 3);
    put_documents(out, message);
}

static void put_hello(struct wire_out *out, const struct message *message)
{
    begin(out, message, 3);
    wire_put_bytes(out, message->announcement);
    wire_put_bytes(out, message->documents_digest);
    wire_put_bytes(out, message->announcements_digest);
}

static void put_ask(struct wire_out *out, const struct message *message)
{
    begin(out, message, 2);
    wire_put_text(out, message->address);
    wire_put_text(out, message->name);
}

static void put_docs(struct wire_out *out, const struct message *message)
{
    assert(message->documents_count <= MESSAGE_DOCUMENTS_MAX);
    begin(out, message, 2);
    wire_put_bool(out, message->is_last);
    put_documents(out, message);
}

static void put_message(struct wire_out *out, const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_UNKNOWN: assert(false); break;
    case MESSAGE_HELLO: put_hello(out, message); break;
    case MESSAGE_PROBLEM: put_problem(out, message); break;
    case MESSAGE_JOIN_REFUSED: put_reason(out, message, 2); break;
    case MESSAGE_JOIN_ASK: put_ask(out, message); break;
    case MESSAGE_JOIN_INVITE:
    case MESSAGE_DOCS_TAKEN: begin(out, message, 0); break;
    case MESSAGE_JOIN_GRANT: put_grant(out, message); break;
    case MESSAGE_DOCS_DIGESTS:
        begin(out, message, 1);
        wire_put_bytes(out, message->digests);
        break;
    case MESSAGE_DOCS_WANT:
        begin(out, message, 1);
        wire_put_bytes(out, message->groups);
        break;
    case MESSAGE_DOCS: put_docs(out, message); break;
    case MESSAGE_KNOWN:
        begin(out, message, 1);
        put_known(out, message);
        break;
    case MESSAGE_WANTED:
    case MESSAGE_ANNOUNCEMENTS:
        begin(out, message, 1);
        put_spans(out, message);
        break;
    }
}

struct span message_encode(const struct message *message, struct arena *arena)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    put_message(&out, message);
    return out.failed ? (struct span){NULL, 0} : span_of(out.bytes, out.length);
}

/* --- in ------------------------------------------------------------------------------------------------- */

struct reader {
    struct wire_in in;
    struct arena *arena;
    bool is_short_of_memory;
};

static struct span get_exact(struct wire_in *in, size_t length)
{
    struct span bytes = wire_get_bytes(in);
    if (bytes.length != length) wire_fail(in);
    return bytes;
}

static struct span get_text(struct wire_in *in, size_t bytes_max)
{
    struct span text = wire_get_text(in);
    if (text.length > bytes_max) wire_fail(in);
    for (size_t i = 0; i < text.length && !in->failed; i++)
        if (text.bytes[i] < ' ' || text.bytes[i] > '~') wire_fail(in);
    return text;
}

/* How many elements: within the bound, and never more than there are bytes. */
static uint32_t get_count(struct wire_in *in, uint32_t count_max)
{
    uint32_t count = wire_get_array(in);
    if (count > count_max) wire_fail(in);
    return in->failed ? 0 : count;
}

static void get_document(struct wire_in *in, struct op_document *document)
{
    if (wire_get_array(in) != 4) wire_fail(in);
    document->key = wire_get_bytes(in);
    document->register_.time_us = wire_get_u64(in);
    document->register_.actor = wire_get_u64(in);
    struct span payload = wire_get_bytes(in);
    document->register_.payload = payload.bytes;
    document->register_.payload_bytes = payload.length;
    if (document->key.length == 0 || document->key.length > KV_KEY_BYTES_MAX) wire_fail(in);
    if (payload.length > MESSAGE_PAYLOAD_BYTES_MAX) wire_fail(in);
}

static void get_known(struct wire_in *in, struct message_known *known)
{
    if (wire_get_array(in) != 3) wire_fail(in);
    known->node_id = get_exact(in, LINK_NODE_ID_BYTES).bytes;
    known->incarnation = wire_get_u64(in);
    known->mark = wire_get_u64(in);
}

/* Memory for what was found; the walk that found it has left `in` behind the list. */
static void *take_memory(struct reader *reader, uint32_t count, size_t bytes)
{
    void *memory = arena_array(reader->arena, (size_t)count + 1, bytes);
    if (memory != NULL) return memory;
    reader->is_short_of_memory = true;
    wire_fail(&reader->in);
    return NULL;
}

static void get_documents(struct reader *reader, struct message *message, uint32_t count_max)
{
    uint32_t count = get_count(&reader->in, count_max);
    struct wire_in again = reader->in;
    struct op_document document;
    for (uint32_t i = 0; i < count && !reader->in.failed; i++)
        get_document(&reader->in, &document);
    if (reader->in.failed) return;
    message->documents = take_memory(reader, count, sizeof *message->documents);
    if (message->documents == NULL) return;
    message->documents_count = count;
    for (uint32_t i = 0; i < count; i++)
        get_document(&again, &message->documents[i]);
}

static void get_all_known(struct reader *reader, struct message *message)
{
    uint32_t count = get_count(&reader->in, MESSAGE_KNOWN_MAX);
    struct wire_in again = reader->in;
    struct message_known known;
    for (uint32_t i = 0; i < count && !reader->in.failed; i++)
        get_known(&reader->in, &known);
    if (reader->in.failed) return;
    message->known = take_memory(reader, count, sizeof *message->known);
    if (message->known == NULL) return;
    message->known_count = count;
    for (uint32_t i = 0; i < count; i++)
        get_known(&again, &message->known[i]);
}

static void get_spans(struct reader *reader, struct message *message, uint32_t count_max, size_t low, size_t high)
{
    uint32_t count = get_count(&reader->in, count_max);
    struct wire_in again = reader->in;
    for (uint32_t i = 0; i < count && !reader->in.failed; i++) {
        struct span span = wire_get_bytes(&reader->in);
        if (span.length < low || span.length > high) wire_fail(&reader->in);
    }
    if (reader->in.failed) return;
    message->spans = take_memory(reader, count, sizeof *message->spans);
    if (message->spans == NULL) return;
    message->spans_count = count;
    for (uint32_t i = 0; i < count; i++)
        message->spans[i] = wire_get_bytes(&again);
}

static void get_hello(struct wire_in *in, struct message *message)
{
    message->announcement = wire_get_bytes(in);
    message->documents_digest = get_exact(in, DIGEST_BYTES);
    message->announcements_digest = get_exact(in, DIGEST_BYTES);
    if (message->announcement.length > ANNOUNCEMENT_BYTES_MAX) wire_fail(in);
}

static void get_reason(struct wire_in *in, struct message *message)
{
    message->reason = wire_get_u64(in);
    message->text = get_text(in, MESSAGE_TEXT_BYTES_MAX);
}

static void get_ask(struct wire_in *in, struct message *message)
{
    message->address = get_text(in, LIMITS_ADDRESS_BYTES_MAX);
    message->name = get_text(in, LIMITS_ZONE_BYTES_MAX);
}

static void get_grant(struct reader *reader, struct message *message)
{
    message->cluster_id = get_exact(&reader->in, STORE_CLUSTER_ID_BYTES);
    message->hash_key = get_exact(&reader->in, HASH_KEY_BYTES);
    message->token_key = get_exact(&reader->in, HASH_KEY_BYTES);
    message->documents_key = get_exact(&reader->in, SEAL_KEY_BYTES);
    get_documents(reader, message, MESSAGE_GRANT_DOCUMENTS_MAX);
}

/* Read the fields of a kind; how many there are, 0 for a kind of a later program. */
static uint32_t get_fields(struct reader *reader, uint64_t kind, struct message *message)
{
    struct wire_in *in = &reader->in;
    switch (kind) {
    case MESSAGE_HELLO: get_hello(in, message); return 4;
    case MESSAGE_PROBLEM:
        get_reason(in, message);
        get_documents(reader, message, MESSAGE_PROBLEM_DOCUMENTS_MAX);
        return 4;
    case MESSAGE_JOIN_REFUSED: get_reason(in, message); return 3;
    case MESSAGE_JOIN_ASK: get_ask(in, message); return 3;
    case MESSAGE_JOIN_INVITE:
    case MESSAGE_DOCS_TAKEN: return 1;
    case MESSAGE_JOIN_GRANT: get_grant(reader, message); return 6;
    case MESSAGE_DOCS_DIGESTS:
        message->digests = get_exact(in, (size_t)MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES);
        return 2;
    case MESSAGE_DOCS_WANT: message->groups = get_exact(in, MESSAGE_GROUPS_BYTES); return 2;
    case MESSAGE_DOCS:
        message->is_last = wire_get_bool(in);
        get_documents(reader, message, MESSAGE_DOCUMENTS_MAX);
        return 3;
    case MESSAGE_KNOWN: get_all_known(reader, message); return 2;
    case MESSAGE_WANTED:
        get_spans(reader, message, MESSAGE_KNOWN_MAX, LINK_NODE_ID_BYTES, LINK_NODE_ID_BYTES);
        return 2;
    case MESSAGE_ANNOUNCEMENTS:
        get_spans(reader, message, MESSAGE_ANNOUNCEMENTS_MAX, 1, ANNOUNCEMENT_BYTES_MAX);
        return 2;
    default: return 0;
    }
}

bool message_decode(struct span bytes, struct arena *arena, struct message *message, const char **why)
{
    struct reader reader = {.in = wire_in_over(bytes), .arena = arena};
    *message = (struct message){0};
    uint32_t count = wire_get_array(&reader.in);
    uint64_t kind = wire_get_u64(&reader.in);
    *why = "a message that is no list with a kind";
    if (reader.in.failed || count == 0 || kind == MESSAGE_UNKNOWN) return false;
    uint32_t wanted = get_fields(&reader, kind, message);
    *why = reader.is_short_of_memory ? "out of memory" : "a message with malformed fields";
    if (wanted == 0) return true; /* a later program's; kind stays MESSAGE_UNKNOWN */
    if (reader.in.failed || count < wanted) return false;
    if (count == wanted && !wire_is_done(&reader.in)) return false; /* with more fields the rest is passed over */
    message->kind = (enum message_kind)kind;
    return true;
}
