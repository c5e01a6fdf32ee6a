/* A table of fields; jansson's tree lives for one call. */
#include "node/request/admin_layout_json.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

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
    {"version", ADMIN_LAYOUT_VERSION, KIND_NUMBER, offsetof(struct admin_layout_body, version)},
    {"remove", ADMIN_LAYOUT_REMOVE, KIND_TRUTH, offsetof(struct admin_layout_body, is_removal)},
    {"force", ADMIN_LAYOUT_FORCE, KIND_TRUTH, offsetof(struct admin_layout_body, is_forced)},
};

enum { FIELDS_COUNT = sizeof FIELDS / sizeof FIELDS[0] };

static bool take_text(const struct field *field, const json_t *value, struct arena *arena,
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

static bool take_number(const struct field *field, const json_t *value, struct admin_layout_body *body,
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

static bool take_truth(const struct field *field, const json_t *value, struct admin_layout_body *body,
                       char *message)
{
    bool *out = (bool *)(void *)((char *)body + field->offset);
    *out = json_is_true(value);
    if (json_is_boolean(value)) return true;
    snprintf(message, AUTH_MESSAGE_CHARS, "field \"%s\" must be true or false", field->name);
    return false;
}

static const struct field *find(const char *name, unsigned fields)
{
    for (size_t i = 0; i < FIELDS_COUNT; i++) {
        if ((FIELDS[i].bit & fields) != 0 && strcmp(FIELDS[i].name, name) == 0) return &FIELDS[i];
    }
    return NULL;
}

/* The message stays UTF-8: a long name is cut between two characters. */
static void refuse_name(const char *name, char *message)
{
    enum { NAME_BYTES_MAX = 60 };
    size_t length = strnlen(name, NAME_BYTES_MAX);
    while (length > 0 && ((uint8_t)name[length] & 0xc0) == 0x80)
        length--;
    snprintf(message, AUTH_MESSAGE_CHARS, "unknown field \"%.*s\"", (int)length, name);
}

static bool take_object(json_t *root, unsigned fields, struct arena *arena, struct admin_layout_body *body,
                        char *message)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(root, name, value)
    {
        const struct field *field = find(name, fields);
        bool is_taken = false;
        if (field == NULL) {
            refuse_name(name, message);
            return false;
        }
        switch (field->kind) {
        case KIND_TEXT: is_taken = take_text(field, value, arena, body, message); break;
        case KIND_NUMBER: is_taken = take_number(field, value, body, message); break;
        case KIND_TRUTH: is_taken = take_truth(field, value, body, message); break;
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
    bool is_read = json_is_object(root) && take_object(root, fields, arena, body, message);
    if (!json_is_object(root)) snprintf(message, AUTH_MESSAGE_CHARS, "the body must be one JSON object");
    json_decref(root);
    return is_read;
}
