/* One K2V request of the client: its URL, its headers, its signature. Pure; transfer.c sends it. */
#ifndef NODE_CLI_CALL_H
#define NODE_CLI_CALL_H

#include "node/base/arena.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define CALL_TOKEN_HEADER "x-garage-causality-token"
#define CALL_ACCEPT_JSON  "application/json"
#define CALL_ACCEPT_BYTES "application/octet-stream"

enum {
    CALL_PARAMETERS_MAX = 8,
    CALL_HEADERS_MAX = 8,
    CALL_AUTHORITY_CHARS_MAX = 300, /* host, colon, port */
    CALL_KEY_ID_CHARS_MAX = 128,
    CALL_BUCKET_CHARS_MAX = 128,
};

/* An address of a server: "http://HOST[:PORT]" or "https://…", nothing behind but slashes. */
struct call_endpoint {
    bool is_https;
    bool is_loopback;                             /* this machine: never through a proxy */
    char authority[CALL_AUTHORITY_CHARS_MAX + 1]; /* as the host header has it: without the scheme's own port */
};

/* Who asks, where. All text is checked by call_account_check(). */
struct call_account {
    struct call_endpoint endpoint;
    const char *bucket;
    const char *key_id;
    const char *region;
    struct span secret;
};

struct call_parameter {
    const char *name;
    struct span value;
};

struct call {
    const char *method;
    struct span partition_key; /* bytes NULL: the call is for the bucket */
    struct call_parameter parameters[CALL_PARAMETERS_MAX];
    size_t parameters_count;
    const char *accept;          /* or NULL */
    const char *causality_token; /* or NULL; visible ASCII (call_is_token) */
    bool has_body;
    struct span body;
};

/* What goes over the wire; lives as long as the arena it was built in. */
struct call_request {
    const char *method;
    const char *url;
    const char *headers[CALL_HEADERS_MAX]; /* "name: value", authorization the last one */
    size_t headers_count;
    bool is_loopback;
    bool has_body;
    struct span body; /* borrowed from the call */
};

/* Read an endpoint; NULL, or why it is none. */
const char *call_endpoint_read(const char *text, struct call_endpoint *endpoint);

/* Can these be put into a URL and a signature? NULL, or what is wrong with which of them. Never shows the secret.
 */
const char *call_account_check(const struct call_account *account);

/* Could a causality token look like that? Only of what would break a header; the server judges the rest. */
bool call_is_token(const char *text);

/* Add a parameter; one with an absent or empty value is left out: it would mean the same. */
void call_add_parameter(struct call *call, const char *name, struct span value);

/* Everything but A-Z a-z 0-9 - _ . ~ as %XX. NULL without memory. */
const char *call_encode(struct span text, struct arena *memory);

/* Build and sign. ERR_MEMORY when the arena is full. */
MUST_USE enum err call_build(const struct call *call, const struct call_account *account, uint64_t unix_time_s,
                             struct arena *memory, struct call_request *request);

#endif
