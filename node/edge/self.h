/* What a node says of itself to others: settings, and what follows from the machine where they are silent. */
#ifndef NODE_EDGE_SELF_H
#define NODE_EDGE_SELF_H

#include "node/edge/config.h"
#include "node/edge/secrets.h"

/* Fill `cluster` from the settings, the secrets and the address that was bound for other nodes. */
void self_fill(struct cluster_settings *cluster, const struct config *config, const struct config_address *bound,
               const struct secrets_cluster *secrets);

#endif
