/* The rows, their names, and how each type of value is read. */
#include "node/edge/settings.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ring/layout.h"

#define GIB       ((uint64_t)1 << 30)
#define AT(field) offsetof(struct config, field)

#define CAPACITY_MAX ((uint64_t)1 << 60) /* sums over all nodes stay far below 64 bits */

const struct setting SETTINGS[SETTINGS_COUNT] = {
    {"", "data_dir", SETTING_PATH, AT(data_dir), 0, 0, "./skerry-data", NULL, false,
     "directory of everything this node keeps; made when absent"},
    {"", "seal_key_file", SETTING_PATH, AT(seal_key_file), 0, 0, NULL, "<data_dir>/seal.key", false,
     "key that seals secrets in the database; made at the first start"},
    {"", "log_level", SETTING_LEVEL, AT(log_level), 0, 0, "info", NULL, true, "what is written to standard error"},
    {"k2v", "listen", SETTING_ADDRESS, AT(k2v.listen), 0, 0, "127.0.0.1:3904", NULL, false,
     "where K2V clients connect; port 0 picks a free one"},
    {"k2v", "region", SETTING_REGION, AT(k2v.region), 0, 0, "garage", NULL, false, "region that clients sign for"},
    {"k2v", "max_skew_seconds", SETTING_NUMBER, AT(k2v.max_skew_seconds), 1, 604800, "900", NULL, true,
     "how far the clock of a client may be off"},
    {"k2v", "max_value_bytes", SETTING_NUMBER, AT(k2v.max_value_bytes), 1, GIB, "16777216", NULL, true,
     "longest value of an item"},
    {"k2v", "max_batch_bytes", SETTING_NUMBER, AT(k2v.max_batch_bytes), 1, 4 * GIB - 1, "67108864", NULL, true,
     "longest body of a batch"},
    {"k2v", "max_memory_bytes", SETTING_NUMBER, AT(k2v.max_memory_bytes), 1048576, 1099511627776, "1073741824",
     NULL, true, "memory of requests and connections together; beyond it the newest is answered 503"},
    {"k2v", "max_connections", SETTING_NUMBER, AT(k2v.max_connections), 1, 1048576, "16384", NULL, false,
     "connections of clients at one time"},
    {"k2v", "head_timeout_seconds", SETTING_NUMBER, AT(k2v.head_timeout_seconds), 1, 3600, "10", NULL, true,
     "how long the head of a request may take, from its first byte; at both ports"},
    {"k2v", "body_grace_seconds", SETTING_NUMBER, AT(k2v.body_grace_seconds), 1, 3600, "10", NULL, true,
     "how long a body may come at any rate; at both ports"},
    {"k2v", "body_min_bytes_per_second", SETTING_NUMBER, AT(k2v.body_min_bytes_per_second), 1, GIB, "1024", NULL,
     true, "least rate of a body after that; at both ports"},
    {"k2v", "stall_seconds", SETTING_NUMBER, AT(k2v.stall_seconds), 1, 3600, "30", NULL, true,
     "how long an answer, or a body, may not move at all; at both ports"},
    {"k2v", "demo", SETTING_BOOL, AT(k2v.demo), 0, 0, NULL, "true without a configuration file, else false", false,
     "make the bucket \"demo\" with a key, and write <data_dir>/demo.env"},
    {"rpc", "listen", SETTING_ADDRESS, AT(rpc.listen), 0, 0, "127.0.0.1:3901", NULL, false,
     "where other nodes connect, by TCP and UDP; port 0 picks a free one"},
    {"rpc", "public_addr", SETTING_PEER, AT(rpc.public_addr), 0, 0, NULL, "the bound address", false,
     "where other nodes reach this one, as it tells them"},
    {"rpc", "secret_file", SETTING_PATH, AT(rpc.secret_file), 0, 0, NULL, "<data_dir>/rpc.secret", true,
     "what all nodes of a cluster share; made at the first start"},
    {"rpc", "probe_interval_ms", SETTING_NUMBER, AT(rpc.probe_interval_ms), 20, 60000, "1000", NULL, false,
     "how often another node is asked whether it lives; the same on all nodes"},
    {"admin", "listen", SETTING_ADDRESS, AT(admin.listen), 0, 0, "127.0.0.1:3903", NULL, false,
     "where the operator's commands connect; port 0 picks a free one"},
    {"admin", "token_file", SETTING_PATH, AT(admin.token_file), 0, 0, NULL, "<data_dir>/admin.token", true,
     "token of the operator; made at the first start"},
    {"cluster", "name", SETTING_LABEL, AT(cluster.name), 0, 0, NULL, "the machine's name", false,
     "what people call this node"},
    {"cluster", "zone", SETTING_LABEL, AT(cluster.zone), 0, 0, NULL, "none", false,
     "site of this node, for a cluster that lays itself out"},
    {"cluster", "capacity", SETTING_NUMBER, AT(cluster.capacity), 0, CAPACITY_MAX, "0", NULL, false,
     "bytes this node offers to such a cluster; 0: none"},
    {"cluster", "peers", SETTING_PEERS, AT(cluster.peers), 0, 0, NULL, "none", false,
     "nodes to begin with; as a flag or variable with commas between them"},
    {"cluster", "bootstrap", SETTING_BOOTSTRAP, AT(cluster.bootstrap), 0, 0, "manual", NULL, false,
     "auto: the peers form a cluster and lay it out without an operator"},
    {"cluster", "replication", SETTING_NUMBER, AT(cluster.replication), 1, RING_REPLICATION_MAX, "3", NULL, false,
     "copies of each value in the layout made so"},
    {"cluster", "zone_redundancy", SETTING_NUMBER, AT(cluster.zone_redundancy), 0, RING_REPLICATION_MAX, "0", NULL,
     false, "zones they are in at least; 0: as many as there can be"},
    {"cluster", "partitions", SETTING_POWER, AT(cluster.partitions), 1, RING_PARTITIONS, "1024", NULL, false,
     "parts that layout divides all items into; fixed from then on"},
    {"store", "map_bytes", SETTING_NUMBER, AT(store.map_bytes), 1 << 20, 65536 * GIB, "274877906944", NULL, false,
     "most the database may grow to; only address space until it does"},
};

size_t settings_find(const char *section, const char *key)
{
    size_t index = 0;
    for (; index < SETTINGS_COUNT; index++) {
        bool is_here = section == NULL || strcmp(SETTINGS[index].section, section) == 0;
        if (is_here && strcmp(SETTINGS[index].key, key) == 0) break;
    }
    return index;
}

size_t settings_find_flag(struct span name)
{
    size_t index = 0;
    for (; index < SETTINGS_COUNT; index++) {
        char flag[SETTING_NAME_BYTES];
        setting_flag(&SETTINGS[index], flag);
        if (span_is_equal(name, span_text(flag))) break;
    }
    return index;
}

void setting_flag(const struct setting *setting, char *name)
{
    const char *joint = setting->section[0] != '\0' ? "-" : "";
    snprintf(name, SETTING_NAME_BYTES, "--%s%s%s", setting->section, joint, setting->key);
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '_') *at = '-';
    }
}

void setting_variable(const struct setting *setting, char *name)
{
    const char *joint = setting->section[0] != '\0' ? "_" : "";
    snprintf(name, SETTING_NAME_BYTES, "SKERRY_%s%s%s", setting->section, joint, setting->key);
    for (char *at = name; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
    }
}

/* --- values --- */

static bool decode_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    if (text[0] == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (value < min || value > max) return false;
    *number = value;
    return true;
}

bool config_address_decode(const char *text, struct config_address *address)
{
    struct config_address read = {.is_v6 = text[0] == '['};
    const char *host = read.is_v6 ? text + 1 : text;
    const char *host_end = strchr(host, read.is_v6 ? ']' : ':');
    if (host_end == NULL || (size_t)(host_end - host) >= sizeof read.host) return false;
    memcpy(read.host, host, (size_t)(host_end - host));

    const char *colon = read.is_v6 ? host_end + 1 : host_end;
    uint64_t port;
    if (*colon != ':' || !decode_number(colon + 1, 0, UINT16_MAX, &port)) return false;
    read.port = (uint16_t)port;

    /* There and back: one spelling per address. */
    uint8_t bytes[sizeof(struct in6_addr)];
    int family = read.is_v6 ? AF_INET6 : AF_INET;
    if (inet_pton(family, read.host, bytes) != 1) return false;
    memset(read.host, 0, sizeof read.host); /* of a longer spelling nothing stays behind the end */
    if (inet_ntop(family, bytes, read.host, sizeof read.host) == NULL) return false;
    *address = read;
    return true;
}

void config_address_encode(const struct config_address *address, uint16_t port, char *text)
{
    const char *format = address->is_v6 ? "[%s]:%u" : "%s:%u";
    snprintf(text, CONFIG_ADDRESS_BYTES, format, address->host, (unsigned)port);
}

static bool decode_path(const char *text, char *path)
{
    size_t length = strlen(text);
    if (length == 0 || length >= CONFIG_PATH_BYTES) return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false; /* it will stand in messages */
    }
    memcpy(path, text, length + 1);
    return true;
}

static const char LABEL_CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static bool decode_label(const char *text, size_t bytes, char *label)
{
    size_t length = strlen(text);
    if (length == 0 || length >= bytes || strspn(text, LABEL_CHARS) != length) return false;
    if (strspn(text, "._-") == length) return false; /* nobody means it */
    memcpy(label, text, length + 1);
    return true;
}

/* A name of DNS, or an IPv4 literal, which looks like one. */
static bool is_host_name(struct span host)
{
    for (size_t i = 0; i < host.length; i++) {
        if (host.bytes[i] == '\0' || strchr(LABEL_CHARS, host.bytes[i]) == NULL) return false;
    }
    return host.length > 0;
}

static bool is_v6_literal(struct span host)
{
    char text[CONFIG_HOST_BYTES];
    uint8_t bytes[sizeof(struct in6_addr)];
    if (host.length >= sizeof text || memchr(host.bytes, '\0', host.length) != NULL) return false;
    memcpy(text, host.bytes, host.length);
    text[host.length] = '\0';
    return inet_pton(AF_INET6, text, bytes) == 1;
}

bool config_peer_is_address(struct span text)
{
    char port_text[8];
    uint64_t port;
    size_t colon = text.length;
    if (text.length >= CONFIG_PEER_BYTES) return false;
    while (colon > 0 && text.bytes[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || text.length - colon >= sizeof port_text) return false;
    memcpy(port_text, text.bytes + colon, text.length - colon);
    port_text[text.length - colon] = '\0';
    if (!decode_number(port_text, 1, UINT16_MAX, &port)) return false;
    struct span host = span_of(text.bytes, colon - 1);
    bool has_brackets = host.length > 2 && host.bytes[0] == '[' && host.bytes[host.length - 1] == ']';
    if (has_brackets) return is_v6_literal(span_of(host.bytes + 1, host.length - 2));
    return is_host_name(host);
}

static bool decode_peer(struct span text, char *address)
{
    if (!config_peer_is_address(text)) return false;
    memset(address, 0, CONFIG_PEER_BYTES); /* equal lists are equal bytes */
    memcpy(address, text.bytes, text.length);
    return true;
}

/* "" is a list, too: a flag may take back what the file says. */
static bool decode_peers(const char *text, struct config_peers *peers)
{
    struct config_peers read = {0};
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        if (read.count == CLUSTER_PEERS_MAX) return false;
        if (!decode_peer(span_of(text, length), read.addresses[read.count++])) return false;
        text += length;
        if (*text == ',' && *++text == '\0') return false;
    }
    *peers = read;
    return true;
}

static const char *const BOOTSTRAPS[] = {[CLUSTER_MANUAL] = "manual", [CLUSTER_AUTO] = "auto"};

static bool decode_bootstrap(const char *text, enum cluster_bootstrap *bootstrap)
{
    bool is_auto = strcmp(text, BOOTSTRAPS[CLUSTER_AUTO]) == 0;
    if (!is_auto && strcmp(text, BOOTSTRAPS[CLUSTER_MANUAL]) != 0) return false;
    *bootstrap = is_auto ? CLUSTER_AUTO : CLUSTER_MANUAL;
    return true;
}

static bool decode_bool(const char *text, bool *flag)
{
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) return false;
    *flag = is_true;
    return true;
}

static bool decode_power(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    uint64_t read = 0;
    if (!decode_number(text, min, max, &read) || (read & (read - 1)) != 0) return false;
    *number = read;
    return true;
}

bool setting_decode(const struct setting *setting, const char *text, struct config *config)
{
    void *field = (char *)config + setting->offset;
    switch (setting->type) {
    case SETTING_PATH: return decode_path(text, field);
    case SETTING_ADDRESS: return config_address_decode(text, field);
    case SETTING_LEVEL: return log_level_decode(text, field);
    case SETTING_REGION: return decode_label(text, CONFIG_REGION_BYTES, field);
    case SETTING_NUMBER: return decode_number(text, setting->min, setting->max, field);
    case SETTING_POWER: return decode_power(text, setting->min, setting->max, field);
    case SETTING_BOOL: return decode_bool(text, field);
    case SETTING_LABEL: return decode_label(text, CONFIG_LABEL_BYTES, field);
    case SETTING_PEER: return decode_peer(span_text(text), field);
    case SETTING_PEERS: return decode_peers(text, field);
    case SETTING_BOOTSTRAP: return decode_bootstrap(text, field);
    }
    return false;
}

static size_t field_bytes(enum setting_type type)
{
    switch (type) {
    case SETTING_PATH: return CONFIG_PATH_BYTES;
    case SETTING_ADDRESS: return sizeof(struct config_address);
    case SETTING_LEVEL: return sizeof(enum log_level);
    case SETTING_REGION: return CONFIG_REGION_BYTES;
    case SETTING_NUMBER:
    case SETTING_POWER: return sizeof(uint64_t);
    case SETTING_BOOL: return sizeof(bool);
    case SETTING_LABEL: return CONFIG_LABEL_BYTES;
    case SETTING_PEER: return CONFIG_PEER_BYTES;
    case SETTING_PEERS: return sizeof(struct config_peers);
    case SETTING_BOOTSTRAP: return sizeof(enum cluster_bootstrap);
    }
    return 0;
}

static bool is_same_address(const struct config_address *one, const struct config_address *other)
{
    return one->port == other->port && one->is_v6 == other->is_v6 && strcmp(one->host, other->host) == 0;
}

bool setting_is_equal(const struct setting *setting, const struct config *one, const struct config *other)
{
    const void *a = (const char *)one + setting->offset;
    const void *b = (const char *)other + setting->offset;
    switch (setting->type) {
    case SETTING_PATH:
    case SETTING_REGION:
    case SETTING_LABEL:
    case SETTING_PEER: return strcmp(a, b) == 0;
    case SETTING_ADDRESS: return is_same_address(a, b);
    case SETTING_LEVEL:
    case SETTING_NUMBER:
    case SETTING_POWER:
    case SETTING_BOOL:
    case SETTING_PEERS:
    case SETTING_BOOTSTRAP: break;
    }
    return memcmp(a, b, field_bytes(setting->type)) == 0;
}

void setting_copy(const struct setting *setting, struct config *to, const struct config *from)
{
    memcpy((char *)to + setting->offset, (const char *)from + setting->offset, field_bytes(setting->type));
}

void setting_wants(const struct setting *setting, char *text)
{
    size_t bytes = SETTING_WANTS_BYTES;
    switch (setting->type) {
    case SETTING_PATH: snprintf(text, bytes, "a path of 1 to %d bytes", CONFIG_PATH_BYTES - 1); break;
    case SETTING_ADDRESS:
        snprintf(text, bytes, "IPV4:PORT or [IPV6]:PORT, the port at most %d", UINT16_MAX);
        break;
    case SETTING_LEVEL: snprintf(text, bytes, "error, warn, info or debug"); break;
    case SETTING_REGION:
        snprintf(text, bytes, "1 to %d of the characters A-Z a-z 0-9 . _ -", CONFIG_REGION_BYTES - 1);
        break;
    case SETTING_NUMBER:
        snprintf(text, bytes, "an integer from %" PRIu64 " to %" PRIu64, setting->min, setting->max);
        break;
    case SETTING_POWER:
        snprintf(text, bytes, "a power of two from %" PRIu64 " to %" PRIu64, setting->min, setting->max);
        break;
    case SETTING_BOOL: snprintf(text, bytes, "true or false"); break;
    case SETTING_LABEL:
        snprintf(text, bytes, "1 to %d of the characters A-Z a-z 0-9 . _ -", CONFIG_LABEL_BYTES - 1);
        break;
    case SETTING_PEER:
        snprintf(text, bytes, "HOST:PORT, HOST a name or literal, PORT from 1 to %d", UINT16_MAX);
        break;
    case SETTING_PEERS:
        snprintf(text, bytes, "at most %d of HOST:PORT, in the file as [\"HOST:PORT\", ...]", CLUSTER_PEERS_MAX);
        break;
    case SETTING_BOOTSTRAP: snprintf(text, bytes, "manual or auto"); break;
    }
}

const char *setting_word(const struct setting *setting)
{
    switch (setting->type) {
    case SETTING_PATH: return "PATH";
    case SETTING_ADDRESS: return "HOST:PORT";
    case SETTING_LEVEL: return "LEVEL";
    case SETTING_REGION: return "REGION";
    case SETTING_NUMBER:
    case SETTING_POWER: return "NUMBER";
    case SETTING_BOOL: return "[true|false]";
    case SETTING_LABEL: return "NAME";
    case SETTING_PEER: return "HOST:PORT";
    case SETTING_PEERS: return "HOST:PORT,...";
    case SETTING_BOOTSTRAP: return "manual|auto";
    }
    return "";
}
