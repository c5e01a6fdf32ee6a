/* jansson's tree lives for one call; what is kept is copied. */
#include "node/request/admin_json.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

static bool refuse_memory(struct admin_body *body, char *message)
{
    body->is_memory = true;
    snprintf(message, AUTH_MESSAGE_CHARS, "out of memory");
    return false;
}

static bool take_text(const json_t *value, const char *name, struct arena *arena, struct admin_body *body,
                      struct span *out, char *message)
{
    if (!json_is_string(value)) {
        snprintf(message, AUTH_MESSAGE_CHARS, "field \"%s\" must be a string", name);
        return false;
    }
    uint8_t *copy = arena_copy(arena, json_string_value(value), json_string_length(value));
    *out = span_of(copy, json_string_length(value));
    return copy != NULL || refuse_memory(body, message);
}

static bool take_flag(const json_t *value, const char *name, enum admin_flag *out, char *message)
{
    if (!json_is_boolean(value)) {
        snprintf(message, AUTH_MESSAGE_CHARS, "field \"%s\" must be true or false", name);
        return false;
    }
    *out = json_is_true(value) ? ADMIN_FLAG_TRUE : ADMIN_FLAG_FALSE;
    return true;
}

/* --- CORS rules ----------------------------------------------------------------------------------------- */

static bool is_plain(const json_t *text)
{
    const char *bytes = json_string_value(text);
    size_t length = json_string_length(text);
    if (length == 0 || length > LIMITS_CORS_ENTRY_BYTES_MAX) return false;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] <= ' ' || bytes[i] > '~') return false;
    }
    return true;
}

static bool put_list(const json_t *rule, const char *name, struct wire_out *out, char *message)
{
    const json_t *list = json_object_get(rule, name);
    size_t count = json_array_size(list);
    if ((list != NULL && !json_is_array(list)) || count > LIMITS_CORS_ENTRIES_MAX) {
        snprintf(message, AUTH_MESSAGE_CHARS, "\"%s\" must be an array of at most %d strings", name,
                 LIMITS_CORS_ENTRIES_MAX);
        return false;
    }
    wire_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(list, i);
        if (!json_is_string(text) || !is_plain(text)) {
            snprintf(message, AUTH_MESSAGE_CHARS,
                     "\"%s\" holds something that is not 1 to %d visible ASCII characters", name,
                     LIMITS_CORS_ENTRY_BYTES_MAX);
            return false;
        }
        wire_put_text(out, span_of(json_string_value(text), json_string_length(text)));
    }
    return true;
}

static bool is_rule(const json_t *rule, char *message)
{
    static const char *const names[] = {"allowed_origins", "allowed_methods", "allowed_headers", "expose_headers"};
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)rule, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < 4; i++)
            is_known = is_known || strcmp(name, names[i]) == 0;
        if (is_known) continue;
        snprintf(message, AUTH_MESSAGE_CHARS,
                 "a rule has allowed_origins, allowed_methods, allowed_headers and expose_headers only");
        return false;
    }
    if (json_is_object(rule) && json_array_size(json_object_get(rule, names[0])) > 0 &&
        json_array_size(json_object_get(rule, names[1])) > 0) {
        return true;
    }
    snprintf(message, AUTH_MESSAGE_CHARS,
             "a rule is an object with allowed_origins and allowed_methods that are not empty");
    return false;
}

static bool take_rules(const json_t *rules, struct arena *arena, struct admin_body *body, char *message)
{
    struct wire_out out;
    size_t count = json_array_size(rules);
    if (!json_is_array(rules) || count > LIMITS_CORS_RULES_MAX) {
        snprintf(message, AUTH_MESSAGE_CHARS, "\"rules\" must be an array of at most %d rules",
                 LIMITS_CORS_RULES_MAX);
        return false;
    }
    wire_out_init(&out, arena);
    wire_put_array(&out, 1);
    wire_put_array(&out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        const json_t *rule = json_array_get(rules, i);
        if (!is_rule(rule, message)) return false;
        wire_put_array(&out, 4);
        if (!put_list(rule, "allowed_origins", &out, message) ||
            !put_list(rule, "allowed_methods", &out, message) ||
            !put_list(rule, "allowed_headers", &out, message) ||
            !put_list(rule, "expose_headers", &out, message)) {
            return false;
        }
    }
    if (out.failed) return refuse_memory(body, message);
    body->has_rules = true;
    body->rules = span_of(out.bytes, out.length);
    return true;
}

/* --- the object ----------------------------------------------------------------------------------------- */

/* The message stays UTF-8: a long name is cut between two characters. */
static bool refuse_name(const char *name, char *message)
{
    enum { NAME_BYTES_MAX = 60 };
    size_t length = strnlen(name, NAME_BYTES_MAX);
    while (length > 0 && ((uint8_t)name[length] & 0xc0) == 0x80)
        length--;
    snprintf(message, AUTH_MESSAGE_CHARS, "unknown field \"%.*s\"", (int)length, name);
    return false;
}

static bool take_field(const char *name, const json_t *value, struct arena *arena, struct admin_body *body,
                       char *message)
{
    if (strcmp(name, "alias") == 0) return take_text(value, name, arena, body, &body->alias, message);
    if (strcmp(name, "name") == 0) return take_text(value, name, arena, body, &body->name, message);
    if (strcmp(name, "key_id") == 0) return take_text(value, name, arena, body, &body->key_id, message);
    if (strcmp(name, "secret") == 0) return take_text(value, name, arena, body, &body->secret, message);
    if (strcmp(name, "read") == 0) return take_flag(value, name, &body->read, message);
    if (strcmp(name, "write") == 0) return take_flag(value, name, &body->write, message);
    if (strcmp(name, "owner") == 0) return take_flag(value, name, &body->owner, message);
    if (strcmp(name, "rules") == 0) return take_rules(value, arena, body, message);
    return refuse_name(name, message);
}

static bool take_object(json_t *root, struct arena *arena, struct admin_body *body, char *message)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(root, name, value)
    {
        if (!take_field(name, value, arena, body, message)) return false;
    }
    return true;
}

bool admin_json_read(struct span text, struct arena *arena, struct admin_body *body, char *message)
{
    *body = (struct admin_body){0};
    if (text.length == 0) return true;
    json_error_t error;
    json_t *root = json_loadb((const char *)text.bytes, text.length, JSON_REJECT_DUPLICATES, &error);
    bool is_read = json_is_object(root) && take_object(root, arena, body, message);
    if (!json_is_object(root)) snprintf(message, AUTH_MESSAGE_CHARS, "the body must be one JSON object");
    json_decref(root);
    return is_read;
}

/* --- about the layout and the members ------------------------------------------------------------------- */

enum kind { KIND_TEXT, KIND_NUMBER, KIND_TRUTH };

static const struct field {
    const char *name;
    unsigned bit;
    enum kind kind;
    size_t offset; /* in struct admin_layout_body */
} FIELDS[] = {
    {"node", ADMIN_LAYOUT_NODE, KIND_TEXT, offsetof(struct admin_layout_body, node)},
    {"zone", ADMIN_LAYOUT_ZONE, KIND_TEXT, offsetof(struct admin_layout_body, zone)},
    {"target", ADMIN_LAYOUT_TARGET, KIND_TEXT, offsetof(struct admin_layout_body, target)},
    {"capacity", ADMIN_LAYOUT_CAPACITY, KIND_NUMBER, offsetof(struct admin_layout_body, capacity)},
    {"replication", ADMIN_LAYOUT_REPLICATION, KIND_NUMBER, offsetof(struct admin_layout_body, replication)},
    {"zone_redundancy", ADMIN_LAYOUT_ZONE_REDUNDANCY, KIND_NUMBER,
     offsetof(struct admin_layout_body, zone_redundancy)},
    {"partitions", ADMIN_LAYOUT_PARTITIONS, KIND_NUMBER, offsetof(struct admin_layout_body, partitions)},
    {"version", ADMIN_LAYOUT_VERSION, KIND_NUMBER, offsetof(struct admin_layout_body, version)},
    {"remove", ADMIN_LAYOUT_REMOVE, KIND_TRUTH, offsetof(struct admin_layout_body, is_removal)},
    {"force", ADMIN_LAYOUT_FORCE, KIND_TRUTH, offsetof(struct admin_layout_body, is_forced)},
};

enum { FIELDS_COUNT = sizeof FIELDS / sizeof FIELDS[0] };

static bool take_layout_text(const struct field *field, const json_t *value, struct arena *arena,
                             struct admin_layout_body *body, char *message)
{
    struct span *out = (struct span *)(void *)((char *)body + field->offset);
    if (!json_is_string(value)) {
        snprintf(message, AUTH_MESSAGE_CHARS, "field \"%s\" must be a string", field->name);
        return false;
    }
    uint8_t *copy = arena_copy(arena, json_string_value(value), json_string_length(value));
    *out = span_of(copy, json_string_length(value));
    if (copy != NULL) return true;
    body->is_memory = true;
    snprintf(message, AUTH_MESSAGE_CHARS, "out of memory");
    return false;
}

static bool take_layout_number(const struct field *field, const json_t *value, struct admin_layout_body *body,
                               char *message)
{
    uint64_t *out = (uint64_t *)(void *)((char *)body + field->offset);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        snprintf(message, AUTH_MESSAGE_CHARS, "field \"%s\" must be an integer, not below 0", field->name);
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_layout_truth(const struct field *field, const json_t *value, struct admin_layout_body *body,
                              char *message)
{
    bool *out = (bool *)(void *)((char *)body + field->offset);
    *out = json_is_true(value);
    if (json_is_boolean(value)) return true;
    snprintf(message, AUTH_MESSAGE_CHARS, "field \"%s\" must be true or false", field->name);
    return false;
}

static const struct field *find_field(const char *name, unsigned fields)
{
    for (size_t i = 0; i < FIELDS_COUNT; i++) {
        if ((FIELDS[i].bit & fields) != 0 && strcmp(FIELDS[i].name, name) == 0) return &FIELDS[i];
    }
    return NULL;
}

static bool take_layout_object(json_t *root, unsigned fields, struct arena *arena, struct admin_layout_body *body,
                               char *message)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(root, name, value)
    {
        const struct field *field = find_field(name, fields);
        bool is_taken = false;
        if (field == NULL) return refuse_name(name, message);
        switch (field->kind) {
        case KIND_TEXT: is_taken = take_layout_text(field, value, arena, body, message); break;
        case KIND_NUMBER: is_taken = take_layout_number(field, value, body, message); break;
        case KIND_TRUTH: is_taken = take_layout_truth(field, value, body, message); break;
        }
        if (!is_taken) return false;
        body->given |= field->bit;
    }
    return true;
}

bool admin_layout_json_read(struct span text, unsigned fields, struct arena *arena, struct admin_layout_body *body,
                            char *message)
{
    *body = (struct admin_layout_body){0};
    if (text.length == 0) return true;
    json_error_t error;
    json_t *root = json_loadb((const char *)text.bytes, text.length, JSON_REJECT_DUPLICATES, &error);
    bool is_read = json_is_object(root) && take_layout_object(root, fields, arena, body, message);
    if (!json_is_object(root)) snprintf(message, AUTH_MESSAGE_CHARS, "the body must be one JSON object");
    json_decref(root);
    return is_read;
}
