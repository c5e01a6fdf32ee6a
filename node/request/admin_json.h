/* The bodies operators send, read with jansson: one object of known fields. */
#ifndef NODE_REQUEST_ADMIN_JSON_H
#define NODE_REQUEST_ADMIN_JSON_H

#include "node/request/request.h"

enum admin_flag { ADMIN_FLAG_ABSENT, ADMIN_FLAG_FALSE, ADMIN_FLAG_TRUE };

/* Absent texts have bytes NULL; present ones lie in the request's arena. */
struct admin_body {
    struct span alias, name, key_id, secret;
    enum admin_flag read, write, owner;
    bool has_rules;
    struct span rules; /* already a CORS payload, as core/document has it */
    bool is_memory;    /* it was not read because there was none */
};

/* Read `text` (empty counts as {}). False with `message` (AUTH_MESSAGE_CHARS) for anything but an object of these
 * fields, each of its type and within its bound, and when out of memory (body->is_memory is then set). */
bool admin_json_read(struct span text, struct arena *arena, struct admin_body *body, char *message);

/* --- about the layout and the members ------------------------------------------------------------------- */

/* The fields, as bits: which ones a request knows. */
enum admin_layout_field {
    ADMIN_LAYOUT_NODE = 1,
    ADMIN_LAYOUT_ZONE = 2,
    ADMIN_LAYOUT_CAPACITY = 4,
    ADMIN_LAYOUT_REMOVE = 8,
    ADMIN_LAYOUT_REPLICATION = 16,
    ADMIN_LAYOUT_ZONE_REDUNDANCY = 32,
    ADMIN_LAYOUT_VERSION = 64,
    ADMIN_LAYOUT_TARGET = 128,
    ADMIN_LAYOUT_FORCE = 256,
    ADMIN_LAYOUT_PARTITIONS = 512,
};

/* Which fields were given, in `given`; the others are zero. Texts lie in the request's arena. */
struct admin_layout_body {
    unsigned given;
    struct span node, zone, target;
    uint64_t capacity, replication, zone_redundancy, partitions, version;
    bool is_removal, is_forced;
    bool is_memory; /* it was not read because there was none */
};

/* Read `text` (empty counts as {}). False with `message` (AUTH_MESSAGE_CHARS) for anything but an object of
 * `fields`, each of its type, and when out of memory (body->is_memory is then set). */
bool admin_layout_json_read(struct span text, unsigned fields, struct arena *arena, struct admin_layout_body *body,
                            char *message);

#endif
