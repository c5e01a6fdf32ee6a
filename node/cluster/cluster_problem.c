/* What is stuck and on what, in words. */
#include "node/cluster/cluster.h"

#include "node/cluster/formation.h"
#include "node/cluster/join.h"
#include "node/cluster/links.h"
#include "ring/layout.h"

#include <stdio.h>

enum { LINE_CHARS = 256, DURATION_CHARS = 64, SECOND_MS = 1000, SECOND_US = 1000000 };

/* Counts down to the line that is asked for. */
struct lister {
    uint32_t left;
    bool is_found;
    char *line;
};

/* Is this the one? Then the caller writes it. */
static bool is_it(struct lister *lister)
{
    if (lister->is_found || lister->left-- > 0) return false;
    lister->is_found = true;
    return true;
}

static void add(struct lister *lister, const char *line)
{
    if (is_it(lister)) snprintf(lister->line, LINE_CHARS, "%s", line);
}

/* "59 s", "12 min", "3 h 05 min", "4 d 03 h": the two largest units. */
static const char *duration_of(uint64_t seconds, char text[DURATION_CHARS])
{
    unsigned long long minutes = seconds / 60;
    unsigned long long hours = minutes / 60;
    if (seconds < 60) {
        snprintf(text, DURATION_CHARS, "%llu s", (unsigned long long)seconds);
    } else if (minutes < 60) {
        snprintf(text, DURATION_CHARS, "%llu min", minutes);
    } else if (hours < 24) {
        snprintf(text, DURATION_CHARS, "%llu h %02llu min", hours, minutes % 60);
    } else {
        snprintf(text, DURATION_CHARS, "%llu d %02llu h", hours / 24, hours % 24);
    }
    return text;
}

/* A member's name, or the beginning of its id. */
static const char *name_of(const struct member *member, char name[CLUSTER_NAME_BYTES])
{
    const struct span said = member->announcement.name;
    enum { SHORT_ID_BYTES = 8 };
    if (member->has_announcement && said.length > 0) {
        snprintf(name, CLUSTER_NAME_BYTES, "%.*s", (int)said.length, (const char *)said.bytes);
    } else {
        hash_hex(member->id, SHORT_ID_BYTES, name);
        name[2 * SHORT_ID_BYTES] = '\0';
    }
    return name;
}

/* --- this node -------------------------------------------------------------------------------------------- */

/* Seen by gossip, or at the other end of a link. */
static void add_copy(const struct cluster *cluster, struct lister *lister)
{
    const char *address = links_has_copy(cluster) ? cluster->links->copy_address : "";
    if (!cluster_is_doubled(cluster) || !is_it(lister)) return;
    snprintf(lister->line, LINE_CHARS,
             "another process%s%.100s has the identity of this node: stop one, it is a copy of the data directory",
             address[0] == '\0' ? "" : " at ", address);
}

static void add_own(const struct cluster *cluster, struct lister *lister)
{
    const struct join *join = cluster->join;
    if (cluster->stage == CLUSTER_REMOVED)
        add(lister, "this node was taken out of the cluster: an operator must connect it again");
    add_copy(cluster, lister);
    if (cluster->identity.secrets_count == 0) add(lister, "there is no cluster secret: no node can be reached");
    if (join->stuck[0] != '\0' && cluster->stage != CLUSTER_MEMBER && is_it(lister))
        snprintf(lister->line, LINE_CHARS, "not let into a cluster: %s", join->stuck);
    if (cluster->stage == CLUSTER_JOINING && join->stuck[0] == '\0' && !join->is_asking)
        add(lister, "looking for a cluster at the peers of the configuration");
}

static void add_unwatched(const struct cluster *cluster, struct lister *lister)
{
    if (cluster->unwatched_count == 0 || !is_it(lister)) return;
    snprintf(lister->line, LINE_CHARS, "there are %u members more than the %u that are spoken to: remove some",
             cluster->unwatched_count, (unsigned)LIMITS_MEMBERS_MAX);
}

static void add_peers(const struct cluster *cluster, struct lister *lister)
{
    for (uint32_t i = 0; i < cluster->settings->peers_count; i++) {
        if (cluster->formation->peers[i].kind != FORMATION_PEER_FOREIGN || !is_it(lister)) continue;
        snprintf(lister->line, LINE_CHARS, "the peer %.200s belongs to another cluster",
                 cluster->settings->peers[i]);
    }
}

/* Only while nobody else is there: a node that answers has our secret, and one that has just started closes links
 * for a moment. */
static void add_closing(const struct cluster *cluster, struct lister *lister)
{
    const struct cluster_settings *settings = cluster->settings;
    const uint64_t heard_ms_max = FORMATION_HEARD_PERIODS * settings->probe_interval_ms;
    const char *first = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < cluster->members.count; i++)
        if (!cluster->members.rows[i]->is_self && cluster->members.rows[i]->state == MEMBER_ALIVE) return;
    for (uint32_t i = 0; i < settings->peers_count; i++) {
        const struct formation_peer *peer = &cluster->formation->peers[i];
        if (peer->kind != FORMATION_PEER_CLOSES || cluster->now_ms - peer->heard_ms > heard_ms_max) continue;
        if (first == NULL) first = settings->peers[i];
        count++;
    }
    if (count == 0 || !is_it(lister)) return;
    char more[48] = "";
    if (count > 1) snprintf(more, sizeof more, " and %u more peer%s", count - 1, count == 2 ? "" : "s");
    snprintf(lister->line, LINE_CHARS,
             "%.100s%s end%s our connection: another secret ([rpc] secret_file), or not the port for nodes", first,
             more, count == 1 ? "s" : "");
}

/* --- roles ------------------------------------------------------------------------------------------------ */

/* The name it had, or the beginning of its id. */
static void name_gone(const struct cluster *cluster, const uint8_t *id, char name[CLUSTER_NAME_BYTES])
{
    enum { SHORT_ID_BYTES = 8 };
    uint8_t key[1 + LINK_NODE_ID_BYTES] = {DOCUMENT_MEMBER};
    struct op_document document;
    struct document_member member = {0};
    memcpy(key + 1, id, LINK_NODE_ID_BYTES);
    bool is_there = view_document_of(*cluster->view, span_of(key, sizeof key), &document) &&
                    document_decode_member(span_of(document.register_.payload, document.register_.payload_bytes),
                                           &member);
    if (is_there && member.name.length > 0) {
        snprintf(name, CLUSTER_NAME_BYTES, "%.*s", (int)member.name.length, (const char *)member.name.bytes);
    } else {
        hash_hex(id, SHORT_ID_BYTES, name);
        name[(size_t)2 * SHORT_ID_BYTES] = '\0';
    }
}

/* Partitions are counted as held there that nobody holds. */
static void add_roles(const struct cluster *cluster, struct lister *lister)
{
    const struct ring_layout *layout = view_layout(*cluster->view);
    char name[CLUSTER_NAME_BYTES];
    if (layout == NULL || cluster->stage == CLUSTER_REMOVED || !cluster->identity.is_member) return;
    for (uint32_t i = 0; i < layout->nodes_count && !lister->is_found; i++) {
        if (view_is_member(*cluster->view, layout->nodes[i].id, NULL) || !is_it(lister)) continue;
        name_gone(cluster, layout->nodes[i].id, name);
        snprintf(lister->line, LINE_CHARS,
                 "%.64s has a role in layout %llu but is no member: skerry layout remove %.64s", name,
                 (unsigned long long)layout->number, name);
    }
}

/* --- others ----------------------------------------------------------------------------------------------- */

static void add_absent(const struct cluster *cluster, const struct member *member, struct lister *lister)
{
    char name[CLUSTER_NAME_BYTES];
    char duration[DURATION_CHARS];
    uint64_t seconds = (cluster->now_ms - member->since_ms) / SECOND_MS;
    if (member_is_up(member, cluster->now_ms, cluster->settings->probe_interval_ms) || !is_it(lister)) return;
    if (member->state == MEMBER_SUSPECT) {
        snprintf(lister->line, LINE_CHARS, "%s does not answer since %s", name_of(member, name),
                 duration_of(seconds, duration));
    } else if (member->state == MEMBER_DOWN) {
        snprintf(lister->line, LINE_CHARS, "%s is down since %s", name_of(member, name),
                 duration_of(seconds, duration));
    } else {
        snprintf(lister->line, LINE_CHARS, "%s was not heard of since this node started", name_of(member, name));
    }
}

static void add_strange(const struct cluster *cluster, const struct member *member, struct lister *lister)
{
    char name[CLUSTER_NAME_BYTES];
    if (member->is_self) return;
    if (member->quarantined_until_ms > cluster->now_ms && is_it(lister))
        snprintf(lister->line, LINE_CHARS, "%s sends what makes no sense, and is not listened to for a while",
                 name_of(member, name));
    if (member->has_announcement && (member->announcement.flags & ANNOUNCEMENT_DOUBLED) != 0 && is_it(lister))
        snprintf(lister->line, LINE_CHARS, "two processes have the identity of %s: stop one",
                 name_of(member, name));
}

static void add_clock(const struct member *member, struct lister *lister)
{
    char name[CLUSTER_NAME_BYTES];
    char duration[DURATION_CHARS];
    int64_t offset_us = member->clock_offset_us;
    uint64_t off_us = offset_us < 0 ? (uint64_t)-offset_us : (uint64_t)offset_us;
    bool is_off = !member->is_self && member->has_round_trip && off_us > (uint64_t)GOSSIP_CLOCK_WARN_MS * 1000;
    if (!is_off || !is_it(lister)) return;
    snprintf(lister->line, LINE_CHARS, "the clock of %s is %s %s ours", name_of(member, name),
             duration_of((off_us + SECOND_US / 2) / SECOND_US, duration), offset_us < 0 ? "behind" : "ahead of");
}

static void add_documents(const struct cluster *cluster, const struct member *member, struct lister *lister)
{
    char name[CLUSTER_NAME_BYTES];
    bool is_apart = member_is_apart(member, cluster->settings->probe_interval_ms);
    if (is_apart && is_it(lister))
        snprintf(lister->line, LINE_CHARS, "%s has other documents than this node", name_of(member, name));
}

bool cluster_problem(const struct cluster *cluster, uint32_t index, char line[256])
{
    struct lister lister = {.left = index, .line = line};
    const struct members *members = &cluster->members;
    line[0] = '\0';
    if (!cluster->is_on) return false;
    add_own(cluster, &lister);
    add_unwatched(cluster, &lister);
    add_roles(cluster, &lister);
    for (uint32_t i = 0; i < members->count && !lister.is_found; i++)
        add_absent(cluster, members->rows[i], &lister);
    for (uint32_t i = 0; i < members->count && !lister.is_found; i++)
        add_strange(cluster, members->rows[i], &lister);
    for (uint32_t i = 0; i < members->count && !lister.is_found; i++)
        add_clock(members->rows[i], &lister);
    for (uint32_t i = 0; i < members->count && !lister.is_found; i++)
        add_documents(cluster, members->rows[i], &lister);
    add_peers(cluster, &lister);
    add_closing(cluster, &lister);
    return lister.is_found;
}
