/* The view, written out. */
#include "node/request/admin_show.h"

#include "node/request/admin_write.h"

static void show_flags(struct http_json_writer *writer, uint8_t flags)
{
    admin_write_bool(writer, "read", (flags & DOCUMENT_READ) != 0);
    admin_write_bool(writer, "write", (flags & DOCUMENT_WRITE) != 0);
    admin_write_bool(writer, "owner", (flags & DOCUMENT_OWNER) != 0);
}

/* --- buckets -------------------------------------------------------------------------------------------- */

static void show_aliases(const struct view *view, struct http_json_writer *writer, const uint8_t *bucket_id)
{
    struct span alias;
    struct span payload;
    const uint8_t *target = NULL;
    http_json_name(writer, "aliases");
    http_json_begin_array(writer);
    for (uint32_t i = 0; view_nth(view, DOCUMENT_ALIAS, i, &alias, &payload); i++) {
        if (!document_decode_alias(payload, &target) || target == NULL) continue;
        if (memcmp(target, bucket_id, KEYS_BUCKET_ID_BYTES) == 0) http_json_string(writer, http_span(alias));
    }
    http_json_end_array(writer);
}

static void show_local_aliases(const struct view *view, struct http_json_writer *writer, const uint8_t *bucket_id)
{
    struct span id;
    struct span payload;
    const uint8_t *target = NULL;
    http_json_name(writer, "local_aliases");
    http_json_begin_array(writer);
    for (uint32_t i = 0; view_nth(view, DOCUMENT_LOCAL, i, &id, &payload); i++) {
        if (!document_decode_alias(payload, &target) || target == NULL) continue;
        if (memcmp(target, bucket_id, KEYS_BUCKET_ID_BYTES) != 0 || id.length < 1 + (size_t)id.bytes[0]) continue;
        http_json_begin_object(writer);
        admin_write_text(writer, "key_id", span_of(id.bytes + 1, id.bytes[0]));
        admin_write_text(writer, "alias", span_of(id.bytes + 1 + id.bytes[0], id.length - 1 - id.bytes[0]));
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
}

static void show_bucket_keys(const struct view *view, struct http_json_writer *writer, const uint8_t *bucket_id)
{
    struct span id;
    struct span payload;
    struct document_key key;
    uint8_t flags = 0;
    http_json_name(writer, "keys");
    http_json_begin_array(writer);
    for (uint32_t i = 0; view_nth(view, DOCUMENT_PERMISSION, i, &id, &payload); i++) {
        if (id.length <= KEYS_BUCKET_ID_BYTES || memcmp(id.bytes, bucket_id, KEYS_BUCKET_ID_BYTES) != 0) continue;
        struct span key_id = span_of(id.bytes + KEYS_BUCKET_ID_BYTES, id.length - KEYS_BUCKET_ID_BYTES);
        if (!document_decode_permission(payload, &flags) || flags == 0 || !view_key(view, key_id, &key)) continue;
        http_json_begin_object(writer);
        admin_write_text(writer, "key_id", key_id);
        admin_write_text(writer, "name", key.name);
        show_flags(writer, flags);
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
}

static void show_texts(struct http_json_writer *writer, const char *name, struct document_texts texts)
{
    http_json_name(writer, name);
    http_json_begin_array(writer);
    for (struct span text = document_texts_next(&texts); text.bytes != NULL; text = document_texts_next(&texts)) {
        http_json_string(writer, http_span(text));
    }
    http_json_end_array(writer);
}

static void show_cors(const struct view *view, struct http_json_writer *writer, const uint8_t *bucket_id)
{
    struct wire_in in;
    uint32_t count = 0;
    struct document_rule rule;
    struct span payload = view_cors(view, bucket_id);
    http_json_name(writer, "cors");
    http_json_begin_array(writer);
    if (payload.bytes == NULL || !document_rules_begin(payload, &in, &count)) count = 0;
    for (uint32_t i = 0; i < count && document_rules_next(&in, &rule); i++) {
        http_json_begin_object(writer);
        show_texts(writer, "allowed_origins", rule.origins);
        show_texts(writer, "allowed_methods", rule.methods);
        show_texts(writer, "allowed_headers", rule.headers);
        show_texts(writer, "expose_headers", rule.expose);
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
}

void admin_show_bucket(const struct service *service, struct http_json_writer *writer,
                       const struct document_bucket *bucket, const struct admin_totals *totals)
{
    const struct view *view = service->view;
    http_json_begin_object(writer);
    admin_write_hex(writer, "id", bucket->id, KEYS_BUCKET_ID_BYTES);
    admin_write_time(writer, "created", bucket->created_us);
    show_aliases(view, writer, bucket->id);
    show_local_aliases(view, writer, bucket->id);
    show_bucket_keys(view, writer, bucket->id);
    show_cors(view, writer, bucket->id);
    if (totals != NULL) {
        admin_write_u64(writer, "partitions", totals->partitions);
        admin_write_u64(writer, "entries", totals->tally.entries);
        admin_write_u64(writer, "conflicts", totals->tally.conflicts);
        admin_write_u64(writer, "values", totals->tally.values);
        admin_write_u64(writer, "bytes", totals->tally.bytes);
    }
    http_json_end_object(writer);
}

void admin_show_buckets(const struct service *service, struct http_json_writer *writer)
{
    struct span id;
    struct span payload;
    struct document_bucket bucket;
    http_json_begin_object(writer);
    http_json_name(writer, "buckets");
    http_json_begin_array(writer);
    for (uint32_t i = 0; view_nth(service->view, DOCUMENT_BUCKET, i, &id, &payload); i++) {
        if (view_bucket(service->view, id.bytes, &bucket)) admin_show_bucket(service, writer, &bucket, NULL);
    }
    http_json_end_array(writer);
    http_json_end_object(writer);
}

/* --- keys ----------------------------------------------------------------------------------------------- */

/* A name a bucket goes by, for people; bytes NULL when it has none. */
static struct span first_alias(const struct view *view, const uint8_t *bucket_id)
{
    struct span alias;
    struct span payload;
    const uint8_t *target = NULL;
    for (uint32_t i = 0; view_nth(view, DOCUMENT_ALIAS, i, &alias, &payload); i++) {
        if (document_decode_alias(payload, &target) && target != NULL &&
            memcmp(target, bucket_id, KEYS_BUCKET_ID_BYTES) == 0) {
            return alias;
        }
    }
    return (struct span){NULL, 0};
}

static void show_key_buckets(const struct view *view, struct http_json_writer *writer, struct span key_id)
{
    struct span id;
    struct span payload;
    struct document_bucket bucket;
    uint8_t flags = 0;
    http_json_name(writer, "buckets");
    http_json_begin_array(writer);
    for (uint32_t i = 0; view_nth(view, DOCUMENT_PERMISSION, i, &id, &payload); i++) {
        if (id.length <= KEYS_BUCKET_ID_BYTES) continue;
        struct span owner = span_of(id.bytes + KEYS_BUCKET_ID_BYTES, id.length - KEYS_BUCKET_ID_BYTES);
        if (!span_is_equal(owner, key_id) || !document_decode_permission(payload, &flags) || flags == 0) continue;
        if (!view_bucket(view, id.bytes, &bucket)) continue;
        http_json_begin_object(writer);
        admin_write_hex(writer, "id", id.bytes, KEYS_BUCKET_ID_BYTES);
        http_json_name(writer, "alias");
        http_json_string_or_null(writer, http_span(first_alias(view, id.bytes)));
        show_flags(writer, flags);
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
}

void admin_show_key(const struct service *service, struct http_json_writer *writer, const struct document_key *key,
                    struct span secret)
{
    http_json_begin_object(writer);
    admin_write_text(writer, "key_id", key->id);
    admin_write_text(writer, "name", key->name);
    admin_write_time(writer, "created", key->created_us);
    if (secret.bytes != NULL) admin_write_text(writer, "secret", secret);
    show_key_buckets(service->view, writer, key->id);
    http_json_end_object(writer);
}

void admin_show_keys(const struct service *service, struct http_json_writer *writer)
{
    struct span id;
    struct span payload;
    struct document_key key;
    const struct span no_secret = {NULL, 0};
    http_json_begin_object(writer);
    http_json_name(writer, "keys");
    http_json_begin_array(writer);
    for (uint32_t i = 0; view_nth(service->view, DOCUMENT_KEY, i, &id, &payload); i++) {
        if (view_key(service->view, id, &key)) admin_show_key(service, writer, &key, no_secret);
    }
    http_json_end_array(writer);
    http_json_end_object(writer);
}

/* --- status --------------------------------------------------------------------------------------------- */

static uint64_t count_live(const struct view *view, enum document_kind kind)
{
    struct span id;
    struct span payload;
    struct document_bucket bucket;
    struct document_key key;
    uint64_t count = 0;
    for (uint32_t i = 0; view_nth(view, kind, i, &id, &payload); i++) {
        count += kind == DOCUMENT_BUCKET ? view_bucket(view, id.bytes, &bucket) : view_key(view, id, &key);
    }
    return count;
}

static void show_store(const struct service_gauges *gauges, const struct service_counts *counts,
                       struct http_json_writer *writer)
{
    http_json_name(writer, "store");
    http_json_begin_object(writer);
    admin_write_u64(writer, "writes", gauges->store_writes);
    admin_write_u64(writer, "syncs", gauges->store_syncs);
    admin_write_u64(writer, "used_bytes", gauges->store_used_bytes);
    admin_write_u64(writer, "map_bytes", gauges->store_map_bytes);
    admin_write_u64(writer, "corrupt_rows", counts->corrupt_rows);
    http_json_end_object(writer);
}

void admin_show_status(const struct service *service, struct http_json_writer *writer)
{
    const struct service_counts *counts = &service->counts;
    char actor[17];
    uint8_t id[8];
    wire_store_u64(id, service->actor.id);
    hash_hex(id, sizeof id, actor);
    http_json_begin_object(writer);
    admin_write_text(writer, "version", span_text(SKERRY_VERSION));
    admin_write_text(writer, "node", span_of(actor, 16));
    admin_write_text(writer, "region", span_text(service->settings->region));
    admin_write_u64(writer, "uptime_s", (service->now_ms - service->started_ms) / 1000);
    admin_write_bool(writer, "draining", service->is_draining);
    admin_write_u64(writer, "buckets", count_live(service->view, DOCUMENT_BUCKET));
    admin_write_u64(writer, "keys", count_live(service->view, DOCUMENT_KEY));
    admin_write_u64(writer, "connections", service->gauges.connections);
    admin_write_u64(writer, "requests", counts->requests);
    admin_write_u64(writer, "refused", counts->refused);
    admin_write_u64(writer, "failed", counts->failed);
    admin_write_u64(writer, "waiting_polls", service->waiting_polls);
    admin_write_u64(writer, "sibling_refusals", counts->sibling_refusals);
    show_store(&service->gauges, counts, writer);
    http_json_end_object(writer);
}
