/* Members of an operator's JSON that several answers have. */
#ifndef NODE_REQUEST_ADMIN_WRITE_H
#define NODE_REQUEST_ADMIN_WRITE_H

#include "node/request/request.h"

/* What others sent and is no UTF-8 is shown with '?' for what it is not. */
void admin_write_text(struct http_json_writer *writer, const char *name, struct span text);
/* At most 2^63 - 1: what others claim may be more, and readers of JSON refuse it. */
void admin_write_u64(struct http_json_writer *writer, const char *name, uint64_t number);
void admin_write_bool(struct http_json_writer *writer, const char *name, bool value);
void admin_write_null(struct http_json_writer *writer, const char *name);
void admin_write_hex(struct http_json_writer *writer, const char *name, const uint8_t *bytes, size_t length);

/* RFC 3339; what is behind the year 9999 as its end. */
void admin_write_time(struct http_json_writer *writer, const char *name, uint64_t time_us);

#endif
