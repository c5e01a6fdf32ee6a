/* One object: the verdict first, then this node, the nodes, the zones, what is stuck, what gossip did. */
#include "node/request/admin_cluster_show.h"

#include "node/request/admin_write.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHORT_BYTES = 8 };

/* --- the verdict ---------------------------------------------------------------------------------------- */

/* A node on its own counts as one that is up. */
struct admin_cluster_tally admin_cluster_count(const struct cluster *cluster)
{
    struct admin_cluster_tally tally = {0};
    char line[256];
    for (uint32_t i = 0; cluster != NULL && i < cluster->members.count; i++) {
        const struct member *member = cluster->members.rows[i];
        tally.nodes++;
        tally.up += member_is_up(member, cluster->now_ms, cluster->settings->probe_interval_ms);
        tally.suspects += !member->is_self && member->state == MEMBER_SUSPECT;
        tally.differing += member_differs(member);
        tally.apart += member_is_apart(member, cluster->settings->probe_interval_ms);
    }
    if (tally.nodes == 0) tally = (struct admin_cluster_tally){.nodes = 1, .up = 1};
    while (cluster != NULL && cluster_problem(cluster, tally.problems, line))
        tally.problems++;
    return tally;
}

static const char *layout_text(const struct ring_layout *layout, char text[48])
{
    snprintf(text, 48, "no layout");
    if (layout != NULL) snprintf(text, 48, "layout %" PRIu64, layout->number);
    return text;
}

static const char *documents_text(const struct admin_cluster_tally *tally, char text[64])
{
    snprintf(text, 64, "all documents equal");
    if (tally->apart > 0) {
        snprintf(text, 64, "documents differ on %" PRIu32 " node%s", tally->apart, tally->apart == 1 ? "" : "s");
    } else if (tally->differing > 0) {
        snprintf(text, 64, "a change on its way to %" PRIu32 " node%s", tally->differing,
                 tally->differing == 1 ? "" : "s");
    }
    return text;
}

static const char *word_of(const struct cluster *cluster, const struct admin_cluster_tally *tally)
{
    if (cluster == NULL) return "well";
    if (cluster->stage == CLUSTER_REMOVED) return "removed";
    if (cluster->stage == CLUSTER_JOINING) return "joining";
    return tally->problems > 0 || tally->up < tally->nodes ? "degraded" : "well";
}

void admin_cluster_judge(const struct cluster *cluster, const struct ring_layout *layout,
                         struct admin_cluster_verdict *verdict)
{
    char layout_words[48];
    char documents_words[64];
    struct admin_cluster_tally tally = admin_cluster_count(cluster);
    verdict->word = word_of(cluster, &tally);
    snprintf(verdict->summary, sizeof verdict->summary, "%" PRIu32 " of %" PRIu32 " node%s %s up, %s, %s",
             tally.up, tally.nodes, tally.nodes == 1 ? "" : "s", tally.nodes == 1 ? "is" : "are",
             layout_text(layout, layout_words), documents_text(&tally, documents_words));
}

/* --- nodes ---------------------------------------------------------------------------------------------- */

static void write_u64_if(struct http_json_writer *writer, const char *name, bool is_known, uint64_t number)
{
    if (is_known) {
        admin_write_u64(writer, name, number);
    } else {
        admin_write_null(writer, name);
    }
}

static void write_role(const struct ring_layout *layout, const uint8_t *id, struct http_json_writer *writer)
{
    int index = layout == NULL ? -1 : ring_layout_node(layout, id);
    http_json_name(writer, "role");
    if (index < 0) {
        http_json_null(writer);
        return;
    }
    const struct ring_node *node = &layout->nodes[index];
    http_json_begin_object(writer);
    admin_write_text(writer, "zone", span_text(layout->zones[node->zone]));
    admin_write_u64(writer, "capacity", node->capacity);
    admin_write_u64(writer, "partitions", ring_layout_load(layout, (uint32_t)index));
    http_json_end_object(writer);
}

static void write_announcement(const struct member *member, struct http_json_writer *writer)
{
    const struct announcement *announcement = &member->announcement;
    if (!member->has_announcement) {
        admin_write_null(writer, "address");
        admin_write_null(writer, "version");
        admin_write_null(writer, "used_bytes");
        admin_write_null(writer, "layout_version");
        return;
    }
    admin_write_text(writer, "address", announcement->address);
    admin_write_text(writer, "version", announcement->program);
    admin_write_u64(writer, "used_bytes", announcement->used_bytes);
    admin_write_u64(writer, "layout_version", announcement->layout_number);
}

static void write_measures(const struct service *service, const struct member *member,
                           struct http_json_writer *writer)
{
    bool is_measured = member->has_round_trip && !member->is_self;
    write_u64_if(writer, "round_trip_us", is_measured, member->round_trip_us);
    http_json_name(writer, "clock_offset_us");
    if (is_measured) {
        http_json_i64(writer, member->clock_offset_us);
    } else {
        http_json_null(writer);
    }
    http_json_name(writer, "documents_equal");
    if (member->is_self || member->documents_heard_ms > 0) {
        http_json_bool(writer, member->is_self || member->is_same_documents);
    } else {
        http_json_null(writer);
    }
    admin_write_u64(writer, "since_s",
                    service->now_ms > member->since_ms ? (service->now_ms - member->since_ms) / 1000 : 0);
    admin_write_u64(writer, "offences", member->offences);
    admin_write_bool(writer, "quarantined", member->quarantined_until_ms > service->now_ms);
}

static void write_member(const struct service *service, const struct plan_input *input,
                         const struct ring_layout *layout, const struct member *member,
                         struct http_json_writer *writer)
{
    http_json_begin_object(writer);
    admin_write_hex(writer, "node", member->id, LINK_NODE_ID_BYTES);
    admin_write_text(writer, "name", plan_node_name(input, member->id));
    admin_write_bool(writer, "self", member->is_self);
    admin_write_text(writer, "state", span_text(member->is_self ? "alive" : member_state_name(member->state)));
    write_role(layout, member->id, writer);
    write_announcement(member, writer);
    write_measures(service, member, writer);
    http_json_end_object(writer);
}

/* A node that belongs to no cluster yet has no row: it is shown all the same. */
static void write_self(const struct service *service, const struct plan_input *input,
                       const struct ring_layout *layout, struct http_json_writer *writer)
{
    struct member self = {.is_self = true, .state = MEMBER_ALIVE, .since_ms = service->started_ms};
    if (input->self_id == NULL) return;
    memcpy(self.id, input->self_id, sizeof self.id);
    write_member(service, input, layout, &self, writer);
}

static void write_nodes(const struct service *service, const struct plan_input *input,
                        const struct ring_layout *layout, struct http_json_writer *writer)
{
    http_json_name(writer, "nodes");
    http_json_begin_array(writer);
    for (uint32_t i = 0; input->members != NULL && i < input->members->count; i++)
        write_member(service, input, layout, input->members->rows[i], writer);
    if (input->members == NULL) write_self(service, input, layout, writer);
    http_json_end_array(writer);
}

/* --- zones ---------------------------------------------------------------------------------------------- */

static bool is_up(const struct cluster *cluster, const struct plan_input *input, const uint8_t *id)
{
    if (input->self_id != NULL && memcmp(input->self_id, id, RING_NODE_ID_BYTES) == 0) return true;
    const struct member *member = input->members == NULL ? NULL : members_find(input->members, id);
    return member != NULL && member_is_up(member, cluster->now_ms, cluster->settings->probe_interval_ms);
}

static void write_zone(const struct cluster *cluster, const struct plan_input *input,
                       const struct ring_layout *layout, uint32_t zone, struct http_json_writer *writer)
{
    uint64_t capacity = 0;
    uint32_t nodes = 0;
    uint32_t up = 0;
    uint32_t partitions = 0;
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        const struct ring_node *node = &layout->nodes[i];
        if (node->zone != zone) continue;
        nodes++;
        up += is_up(cluster, input, node->id);
        partitions += ring_layout_load(layout, i);
        if (__builtin_add_overflow(capacity, node->capacity, &capacity)) capacity = UINT64_MAX;
    }
    http_json_begin_object(writer);
    admin_write_text(writer, "zone", span_text(layout->zones[zone]));
    admin_write_u64(writer, "nodes", nodes);
    admin_write_u64(writer, "up", up);
    admin_write_u64(writer, "partitions", partitions);
    admin_write_u64(writer, "capacity", capacity);
    http_json_end_object(writer);
}

static void write_zones(const struct cluster *cluster, const struct plan_input *input,
                        const struct ring_layout *layout, struct http_json_writer *writer)
{
    http_json_name(writer, "zones");
    http_json_begin_array(writer);
    for (uint32_t i = 0; layout != NULL && i < layout->zones_count; i++)
        write_zone(cluster, input, layout, i, writer);
    http_json_end_array(writer);
}

/* --- the rest ------------------------------------------------------------------------------------------- */

static const char *stage_name(const struct cluster *cluster)
{
    if (cluster == NULL) return "alone";
    switch (cluster->stage) {
    case CLUSTER_ALONE: return "alone";
    case CLUSTER_JOINING: return "joining";
    case CLUSTER_MEMBER: return "member";
    case CLUSTER_REMOVED: return "removed";
    }
    return "?";
}

/* Without hands: on what the first layout waits. */
static void write_waiting(const struct cluster *cluster, const struct plan_input *input,
                          struct http_json_writer *writer)
{
    struct plan_result result;
    bool is_forming = cluster != NULL && cluster->settings->bootstrap == CLUSTER_AUTO &&
                      view_layout(input->view) == NULL;
    bool is_member = cluster != NULL && cluster->stage == CLUSTER_MEMBER;
    if (is_forming && is_member) plan_auto(input, &result);
    if (is_forming && !is_member) {
        admin_write_text(writer, "no_layout_because", span_text("this node is in no cluster yet"));
    } else if (is_forming && result.verdict == PLAN_NOTHING) {
        admin_write_text(writer, "no_layout_because", span_text(result.message));
    } else {
        admin_write_null(writer, "no_layout_because");
    }
}

static void write_problems(const struct cluster *cluster, struct http_json_writer *writer)
{
    char line[256];
    http_json_name(writer, "problems");
    http_json_begin_array(writer);
    for (uint32_t i = 0; cluster != NULL && cluster_problem(cluster, i, line); i++)
        http_json_string(writer, http_span(span_text(line)));
    http_json_end_array(writer);
}

static void write_gossip(const struct cluster *cluster, struct http_json_writer *writer)
{
    http_json_name(writer, "gossip");
    if (cluster == NULL || cluster->gossip == NULL) {
        http_json_null(writer);
        return;
    }
    struct gossip_stats stats = gossip_stats(cluster->gossip);
    http_json_begin_object(writer);
    admin_write_u64(writer, "packets_out", stats.packets_out);
    admin_write_u64(writer, "packets_in", stats.packets_in);
    admin_write_u64(writer, "bytes_out", stats.bytes_out);
    admin_write_u64(writer, "bytes_in", stats.bytes_in);
    admin_write_u64(writer, "packets_foreign", stats.packets_foreign);
    admin_write_u64(writer, "packets_bad", stats.packets_bad);
    admin_write_u64(writer, "probes", stats.probes);
    admin_write_u64(writer, "probes_failed", stats.probes_failed);
    admin_write_u64(writer, "probes_indirect", stats.probes_indirect);
    admin_write_u64(writer, "suspicions", stats.suspicions);
    admin_write_u64(writer, "refutations", stats.refutations);
    admin_write_u64(writer, "downs", stats.downs);
    admin_write_u64(writer, "health", stats.health);
    admin_write_u64(writer, "incarnation", stats.incarnation);
    admin_write_bool(writer, "doubled", cluster_is_doubled(cluster));
    http_json_end_object(writer);
}

static void write_layout(const struct staged *staged, struct http_json_writer *writer)
{
    uint32_t changes = staged->roles_count + staged->replication.is_set + staged->zone_redundancy.is_set;
    http_json_name(writer, "layout");
    if (staged->in_force == NULL) {
        http_json_null(writer);
    } else {
        http_json_begin_object(writer);
        admin_write_u64(writer, "version", staged->in_force->number);
        admin_write_hex(writer, "hash", staged->in_force->hash, RING_LAYOUT_HASH_BYTES);
        admin_write_u64(writer, "replication", staged->in_force->replication);
        admin_write_u64(writer, "zone_redundancy", staged->in_force->zone_redundancy);
        http_json_end_object(writer);
    }
    admin_write_u64(writer, "staged_changes", changes);
    admin_write_u64(writer, "lost_versions", staged->history.lost_count);
}

void admin_cluster_show_all(const struct service *service, const struct plan_input *input,
                            const struct staged *staged, struct http_json_writer *writer)
{
    const struct cluster *cluster = service->cluster;
    struct admin_cluster_verdict verdict;
    admin_cluster_judge(cluster, staged->in_force, &verdict);
    http_json_begin_object(writer);
    admin_write_text(writer, "verdict", span_text(verdict.word));
    admin_write_text(writer, "summary", span_text(verdict.summary));
    admin_write_text(writer, "stage", span_text(stage_name(cluster)));
    if (cluster != NULL) {
        admin_write_hex(writer, "node", input->self_id, LINK_NODE_ID_BYTES);
        admin_write_hex(writer, "cluster", cluster->identity.cluster_id, SHORT_BYTES);
        admin_write_bool(writer, "enabled", cluster->settings->is_enabled);
        admin_write_text(writer, "name", span_text(cluster->settings->name));
        admin_write_text(writer, "address", span_text(cluster->settings->address));
    }
    write_layout(staged, writer);
    write_waiting(cluster, input, writer);
    write_problems(cluster, writer);
    write_nodes(service, input, staged->in_force, writer);
    write_zones(cluster, input, staged->in_force, writer);
    write_gossip(cluster, writer);
    http_json_end_object(writer);
}
