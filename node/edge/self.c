/* Address and name, told or found. */
#include "node/edge/self.h"

#include <ctype.h>
#include <string.h>
#include <sys/utsname.h>

/* The bound address, with the machine's name where that is every address. */
static void fill_address(const struct config *config, const struct config_address *bound, char *text)
{
    struct utsname machine;
    config_address_encode(bound, bound->port, text);
    if (config->rpc.public_addr[0] != '\0') {
        snprintf(text, CLUSTER_ADDRESS_BYTES, "%s", config->rpc.public_addr);
    } else if (config_address_is_any(bound) && uname(&machine) == 0) {
        snprintf(text, CLUSTER_ADDRESS_BYTES, "%s:%u", machine.nodename, (unsigned)bound->port);
    }
}

/* The first label of the machine's name, in the characters that are allowed. */
static void fill_name(const struct config *config, char *name)
{
    struct utsname machine = {.nodename = ""};
    (void)uname(&machine);
    size_t length = strcspn(machine.nodename, ".");
    if (length >= CLUSTER_NAME_BYTES) length = CLUSTER_NAME_BYTES - 1;
    snprintf(name, CLUSTER_NAME_BYTES, "%.*s", (int)length, machine.nodename);
    for (char *at = name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("_-", *at) == NULL) *at = '-';
    }
    if (name[0] == '\0') snprintf(name, CLUSTER_NAME_BYTES, "node");
    if (config->cluster.name[0] != '\0') snprintf(name, CLUSTER_NAME_BYTES, "%s", config->cluster.name);
}

void self_fill(struct cluster_settings *cluster, const struct config *config, const struct config_address *bound,
               const struct secrets_cluster *secrets)
{
    cluster->is_enabled = true;
    fill_address(config, bound, cluster->address);
    fill_name(config, cluster->name);
    snprintf(cluster->zone, sizeof cluster->zone, "%s", config->cluster.zone);
    cluster->capacity = config->cluster.capacity;
    cluster->peers_count = config->cluster.peers.count;
    memcpy(cluster->peers, config->cluster.peers.addresses, sizeof cluster->peers);
    cluster->bootstrap = config->cluster.bootstrap;
    cluster->replication = config->cluster.replication;
    cluster->zone_redundancy = config->cluster.zone_redundancy;
    cluster->partitions = config->cluster.partitions;
    cluster->probe_interval_ms = config->rpc.probe_interval_ms;
    memcpy(cluster->secrets, secrets->keys, sizeof cluster->secrets);
    cluster->secrets_count = secrets->count;
}
