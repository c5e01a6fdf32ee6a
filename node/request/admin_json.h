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

#endif
