/* Still? Then plan, and write. */
#include "node/cluster/formation_roles.h"

#include "node/cluster/exchange.h"
#include "node/cluster/plan.h"

static const uint8_t *own_id(const struct cluster *cluster)
{
    return cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

static void on_written(struct cluster *cluster, struct cluster_job *job)
{
    cluster->formation->is_writing = false;
    if (job->op.err == ERR_OK) (void)cluster_job_show(cluster, job);
}

/* Others are told at once, as many as may be at a time; the rest notices by gossip. */
static void on_version_written(struct cluster *cluster, struct cluster_job *job)
{
    on_written(cluster, job);
    for (uint32_t i = 0; i < cluster->members.count; i++) {
        const struct member *member = cluster->members.rows[i];
        if (!member->is_self && member->state == MEMBER_ALIVE) exchange_with(cluster, member);
    }
}

/* --- roles ------------------------------------------------------------------------------------------------ */

static bool wishes_for_role(const struct member *member)
{
    return member->state == MEMBER_ALIVE && member->has_announcement &&
           (member->announcement.flags & ANNOUNCEMENT_AUTO) != 0;
}

/* How many write before us: one at a time, as long as all see the same; two that do not are reconciled as two
 * operators are. One that sends nonsense is not waited for; and nobody is for ever: it may be up and yet never
 * write (H12). */
static uint32_t own_turn(const struct cluster *cluster)
{
    uint32_t turn = 0;
    for (uint32_t i = 0; i < cluster->members.count && !cluster->members.rows[i]->is_self; i++) {
        const struct member *member = cluster->members.rows[i];
        turn += wishes_for_role(member) && member->quarantined_until_ms <= cluster->now_ms;
    }
    return turn;
}

/* The layout's hash, not its number: of two versions with one number the other may come to be in force. */
static void digest_wishes(const struct cluster *cluster, uint8_t digest[16])
{
    struct hash_keyed hash;
    const struct ring_layout *in_force = view_layout(*cluster->view);
    hash_keyed_init(&hash, cluster->store->hash_key);
    if (in_force != NULL) hash_keyed_add(&hash, in_force->hash, sizeof in_force->hash);
    for (uint32_t i = 0; i < cluster->members.count; i++) {
        const struct member *member = cluster->members.rows[i];
        if (!wishes_for_role(member)) continue;
        hash_keyed_add(&hash, member->id, LINK_NODE_ID_BYTES);
        hash_keyed_add_field(&hash, member->announcement.zone);
        hash_keyed_add(&hash, &member->announcement.capacity, sizeof member->announcement.capacity);
    }
    hash_keyed_128(&hash, digest);
}

/* For how long has nothing changed? */
static uint64_t still_ms(struct cluster *cluster)
{
    struct formation *formation = cluster->formation;
    uint8_t digest[16];
    digest_wishes(cluster, digest);
    if (memcmp(digest, formation->wishes, sizeof digest) != 0) {
        memcpy(formation->wishes, digest, sizeof digest);
        formation->still_since_ms = cluster->now_ms;
        formation->is_content = false;
    }
    return cluster->now_ms - formation->still_since_ms;
}

static void write_version(struct cluster *cluster, const struct plan_result *result)
{
    struct cluster_job *job = cluster_job_create(cluster, OP_DOCS_WRITE);
    if (job == NULL) return;
    if (!cluster_job_copy(job, result->documents, result->documents_count, &job->op.docs.documents)) {
        cluster_job_drop(job);
        return;
    }
    job->op.docs.documents_count = result->documents_count;
    cluster->formation->is_writing = true;
    cluster_job_run(cluster, job, on_version_written);
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_INFO, "the layout follows what the nodes wish for");
    outbox_number(line, "version", result->number);
}

bool formation_roles(struct cluster *cluster)
{
    if (cluster->settings->bootstrap != CLUSTER_AUTO || cluster->gossip == NULL) return false;
    uint64_t periods = still_ms(cluster) / cluster->settings->probe_interval_ms;
    uint64_t turn_periods = (uint64_t)FORMATION_TURN_PERIODS * own_turn(cluster);
    if (cluster->formation->is_content || periods < FORMATION_STILL_PERIODS + turn_periods)
        return periods < FORMATION_STILL_PERIODS;
    if (cluster->formation->is_writing) return true;
    struct plan_result *result = arena_alloc(&cluster->step, sizeof *result);
    const struct plan_input input = {.view = *cluster->view,
                                     .members = &cluster->members,
                                     .self_id = own_id(cluster),
                                     .replication = cluster->settings->replication,
                                     .zone_redundancy = cluster->settings->zone_redundancy,
                                     .partitions = cluster->settings->partitions,
                                     .arena = &cluster->step};
    if (result == NULL) return true;
    plan_auto(&input, result);
    if (result->verdict == PLAN_DONE) write_version(cluster, result);
    cluster->formation->is_content = result->verdict == PLAN_NOTHING;
    return result->verdict == PLAN_DONE;
}

/* --- the address ------------------------------------------------------------------------------------------ */

static bool is_known_address(const struct cluster *cluster, struct span address)
{
    uint8_t key[1 + LINK_NODE_ID_BYTES] = {DOCUMENT_ADDRESS};
    struct op_document document;
    struct span known;
    memcpy(key + 1, own_id(cluster), LINK_NODE_ID_BYTES);
    if (!view_document_of(*cluster->view, span_of(key, sizeof key), &document)) return false;
    struct span payload = span_of(document.register_.payload, document.register_.payload_bytes);
    return document_decode_address(payload, &known) && span_is_equal(known, address);
}

void formation_address(struct cluster *cluster)
{
    struct span address = span_text(cluster->settings->address);
    if (address.length == 0 || cluster->formation->is_writing || !join_is_self_known(cluster)) return;
    if (is_known_address(cluster, address)) return;
    struct cluster_job *job = cluster_job_create(cluster, OP_DOCS_WRITE);
    if (job == NULL) return;
    struct op_document *document = arena_alloc(&job->arena, sizeof *document);
    struct span payload = document_encode_address(&job->arena, address);
    struct span key = document_key_of(&job->arena, DOCUMENT_ADDRESS, span_of(own_id(cluster), LINK_NODE_ID_BYTES));
    if (document == NULL || payload.bytes == NULL || key.bytes == NULL) {
        cluster_job_drop(job);
        return;
    }
    document->key = key;
    document->register_.payload = payload.bytes;
    document->register_.payload_bytes = payload.length;
    job->op.docs.documents = document;
    job->op.docs.documents_count = 1;
    cluster->formation->is_writing = true;
    cluster_job_run(cluster, job, on_written);
}
