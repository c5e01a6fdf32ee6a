/* The settings of a server: defaults, then the file, then the environment, then the flags, each beating the one
 * before, into one checked struct.
 *
 * One table (settings.c) drives all of it: a setting `max_value_bytes` of section `k2v` is the flag
 * --k2v-max-value-bytes and the variable SKERRY_K2V_MAX_VALUE_BYTES, without another line of code.
 */
#ifndef NODE_EDGE_CONFIG_H
#define NODE_EDGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "node/base/err.h"
#include "node/base/span.h"
#include "node/cluster/cluster.h"
#include "node/edge/log.h"

enum {
    CONFIG_PATH_BYTES = 1024,                     /* a path with its NUL */
    CONFIG_HOST_BYTES = 46,                       /* an address literal with its NUL (INET6_ADDRSTRLEN) */
    CONFIG_ADDRESS_BYTES = CONFIG_HOST_BYTES + 8, /* "[HOST]:PORT" with its NUL */
    CONFIG_REGION_BYTES = 65,                     /* a region with its NUL */
    CONFIG_LABEL_BYTES = CLUSTER_NAME_BYTES,      /* a node's or a zone's name with its NUL */
    CONFIG_PEER_BYTES = CLUSTER_ADDRESS_BYTES,    /* "HOST:PORT" of a node with its NUL */
    CONFIG_MESSAGE_BYTES = 2 * CONFIG_PATH_BYTES, /* enough for every message */
    CONFIG_FILE_BYTES_MAX = 64 * 1024,
};

/* Where to listen: an IPv4 or IPv6 literal without brackets, and a port; 0 means any free one. */
struct config_address {
    char host[CONFIG_HOST_BYTES];
    bool is_v6;
    uint16_t port;
};

/* Addresses of nodes, as they were written. */
struct config_peers {
    uint32_t count;
    char addresses[CLUSTER_PEERS_MAX][CONFIG_PEER_BYTES];
};

/* Every path and text is NUL-terminated, and not empty but where it says so. The struct owns nothing: it may be
 * copied, and needs no deinit. */
struct config {
    /* What to do: not settings, flags only. */
    bool help;       /* --help: print config_usage() and end; nothing else was read or checked */
    bool check_only; /* --check-config: read the secrets there are, print "configuration ok" and end */
    char file[CONFIG_PATH_BYTES]; /* --config, or "" when there is none */

    char data_dir[CONFIG_PATH_BYTES];
    char seal_key_file[CONFIG_PATH_BYTES];
    enum log_level log_level;

    struct {
        struct config_address listen;
        char region[CONFIG_REGION_BYTES];
        uint64_t max_skew_seconds; /* 1 … 604800 */
        uint64_t max_value_bytes;  /* 1 … 1 GiB */
        uint64_t max_batch_bytes;  /* 1 … 4 GiB - 1 */
        uint64_t max_memory_bytes; /* 1 MiB … 1 TiB: of all requests together */
        uint64_t max_connections;  /* 1 … 1048576 */
        /* Of the connections of both ports, H28; what each bounds: docs/limits.md. */
        uint64_t head_timeout_seconds;      /* 1 … 3600 */
        uint64_t body_grace_seconds;        /* 1 … 3600 */
        uint64_t body_min_bytes_per_second; /* 1 … 1 GiB */
        uint64_t stall_seconds;             /* 1 … 3600 */
        bool demo;
    } k2v;

    struct {
        struct config_address listen;        /* TCP and UDP */
        char public_addr[CONFIG_PEER_BYTES]; /* "": what follows from `listen` once it is bound */
        char secret_file[CONFIG_PATH_BYTES];
        uint64_t probe_interval_ms; /* 20 … 60000 */
    } rpc;

    struct {
        char name[CONFIG_LABEL_BYTES]; /* "": the machine's */
        char zone[CONFIG_LABEL_BYTES]; /* "": none is wished for */
        uint64_t capacity;             /* bytes; 0: none is wished for */
        struct config_peers peers;
        enum cluster_bootstrap bootstrap;
        uint64_t replication;     /* 1 … RING_REPLICATION_MAX */
        uint64_t zone_redundancy; /* 0 … RING_REPLICATION_MAX */
        uint64_t partitions;      /* a power of two, 1 … RING_PARTITIONS */
    } cluster;

    struct {
        struct config_address listen;
        char token_file[CONFIG_PATH_BYTES];
    } admin;

    struct {
        uint64_t map_bytes; /* 1 MiB … 64 TiB */
    } store;
};

/* Fill `config` from everything there is.
 *
 *   argv         the words after "skerry server"; borrowed for the call
 *   environment  getenv, or a test's stand-in: the value of a variable, NULL when it is not set
 *   message      out, `message_bytes` long; on failure what is wrong and where, as one line without a newline:
 *                "skerry.toml:3: …", "--k2v-listen: …" or "SKERRY_K2V_LISTEN: …". Empty on success.
 *
 * Returns ERR_OK, or ERR_CONFIG for whatever cannot be used (an unreadable file too); `config` is then not to be
 * used. Opens no file but the one of --config, creates none.
 */
MUST_USE enum err config_load(struct config *config, int argc, char **argv, char *(*environment)(const char *name),
                              char *message, size_t message_bytes);

/* Apply the text of a configuration file on top of what `config` holds; `name` stands in messages. Any bytes
 * whatever may come. config_load() does this; tests do without the file. Failure as above. */
MUST_USE enum err config_parse(struct config *config, const char *name, struct span text, char *message,
                               size_t message_bytes);

/* Read "HOST:PORT" or "[V6]:PORT"; false, with `address` untouched, for anything else. */
bool config_address_decode(const char *text, struct config_address *address);

/* Is it "HOST:PORT", HOST a name, an IPv4 literal or an IPv6 literal in brackets, PORT from 1 to 65535? */
bool config_peer_is_address(struct span text);

/* Does it stand for every address of the machine? */
bool config_address_is_any(const struct config_address *address);

/* Write "HOST:PORT" or "[V6]:PORT" of `address` with another port: for messages and URLs of what was bound.
 * `text` takes CONFIG_ADDRESS_BYTES. */
void config_address_encode(const struct config_address *address, uint16_t port, char *text);

/* The help of `skerry server`: every flag with its meaning and default, every variable, the file, examples. */
void config_usage(FILE *out);

#endif
