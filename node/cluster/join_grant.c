/* JOIN_ASK → (founding) → documents → JOIN_GRANT. */
#include "node/cluster/join_grant.h"

#include "node/cluster/formation.h"
#include "node/cluster/join_connect.h"
#include "node/cluster/links_refusals.h"

enum {
    JOBS_MAX = CLUSTER_JOBS_MAX / 2, /* of the store's: with more under way nobody is let in, others need it */
    ADMISSION_MS = 60000 / JOIN_ADMISSIONS_A_MINUTE,
    OLDEST_US = 1, /* 1970 */
};

/* Who is let in, copied: the link may be gone when the store has answered. */
struct asker {
    bool is_some;   /* false: this node founds for itself */
    bool is_member; /* by its own word, and we have not heard of it: others may have, also that it was taken out */
    uint8_t id[LINK_NODE_ID_BYTES];
    struct span name, address;
};

static const uint8_t *own_id(const struct cluster *cluster)
{
    return cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

/* --- refusals --------------------------------------------------------------------------------------------- */

static void refuse(struct cluster *cluster, struct channel *channel, enum message_reason reason, const char *text)
{
    const struct message message = {.kind = MESSAGE_JOIN_REFUSED, .reason = reason, .text = span_text(text)};
    links_refusals_note_unwanted(cluster, channel, text, join_is_passing(reason));
    join_connect_ends(cluster, channel, false, text, (struct span){0});
    if (links_say(cluster, channel, LINK_URGENT, &message)) links_end(cluster, channel);
}

/* A fresh node founds a cluster when an operator of its own says so, or when it is one that others are pointed at
 * and itself at nobody. */
static bool may_found(const struct cluster *cluster, const struct channel *channel)
{
    const struct cluster_settings *settings = cluster->settings;
    bool is_seed = settings->bootstrap == CLUSTER_MANUAL && settings->peers_count == 0;
    return channel->is_invited || is_seed;
}

/* Is there room for one more member, with those on their way? How many documents there may be, the store asks. */
static bool has_room(const struct cluster *cluster)
{
    uint32_t members_count = cluster->join->admissions_count;
    struct document_member member;
    struct span id;
    struct span payload;
    for (uint32_t i = 0; view_nth(*cluster->view, DOCUMENT_MEMBER, i, &id, &payload); i++)
        members_count += document_decode_member(payload, &member) && member.is_member;
    return members_count < LIMITS_MEMBERS_MAX;
}

/* Whoever merely has the secret can make up any number of nodes, each of which leaves documents for good. Those an
 * operator names are as many as he types. */
static bool is_too_soon(const struct cluster *cluster, const struct channel *channel)
{
    uint64_t ahead_ms = (uint64_t)(JOIN_ADMISSIONS_AT_ONCE - 1) * ADMISSION_MS;
    return !channel->is_invited && cluster->join->admitted_until_ms > cluster->now_ms + ahead_ms;
}

static void count_admission(struct cluster *cluster, const struct channel *channel)
{
    struct join *join = cluster->join;
    if (channel->is_invited) return;
    if (join->admitted_until_ms < cluster->now_ms) join->admitted_until_ms = cluster->now_ms;
    join->admitted_until_ms += ADMISSION_MS;
}

/* NULL: it may come in. What it says of itself decides nothing. */
static const char *why_not(const struct cluster *cluster, const struct channel *channel,
                           enum message_reason *reason)
{
    const struct join *join = cluster->join;
    bool was_removed = false;
    bool is_known = view_is_member(*cluster->view, channel->link.peer.node_id, &was_removed);
    *reason = MESSAGE_REASON_BUSY;
    bool is_joining = join->is_asking && !cluster->identity.is_member; /* a member that asks stays where it is */
    if (is_joining || join->is_adopting || join->is_founding)
        return "this node is joining or founding a cluster itself: try again";
    if (cluster_is_doubled(cluster)) return "another process has the identity of this node: stop one of the two";
    if (!is_known && is_too_soon(cluster, channel)) return "many nodes were let in just now: try again";
    if (cluster->jobs_count >= JOBS_MAX) return "this node is letting in many: try again";
    *reason = MESSAGE_REASON_OTHER_CLUSTER;
    if (channel->link.peer.is_member && !join_is_same_cluster(cluster, channel))
        return "the asking node is a member of another cluster";
    *reason = MESSAGE_REASON_FRESH;
    if (!cluster->identity.is_member)
        return may_found(cluster, channel) ? NULL : "this node is in no cluster itself, and waits for others";
    *reason = MESSAGE_REASON_NOT_MEMBER;
    bool are_we_removed = false; /* not known at all is a founder that was cut short: it is mended by letting in */
    (void)view_is_member(*cluster->view, own_id(cluster), &are_we_removed);
    if (are_we_removed) return "the node that was asked is itself taken out of the cluster";
    *reason = MESSAGE_REASON_REMOVED;
    if (was_removed && !channel->is_invited)
        return "the node was taken out of the cluster: connect it again from a member";
    *reason = MESSAGE_REASON_FULL;
    if (!is_known && !has_room(cluster)) return "the cluster has all members it may have";
    return NULL;
}

/* --- granting --------------------------------------------------------------------------------------------- */

/* The address of a node that is a member; else that it has one is of no use to a newcomer. */
static bool is_wanted(const struct cluster *cluster, const struct op_document *document)
{
    switch (document->key.bytes[0]) {
    case DOCUMENT_MEMBER: return true;
    case DOCUMENT_ADDRESS:
        return document->key.length == 1 + LINK_NODE_ID_BYTES &&
               view_is_member(*cluster->view, document->key.bytes + 1, NULL);
    default: return false;
    }
}

/* All members and their addresses, in order of their keys: the bounds of both make that of a grant. What
 * else there is comes by exchange. */
static void add_documents(struct cluster *cluster, struct message *grant)
{
    struct op_document document;
    grant->documents = arena_array(&cluster->step, MESSAGE_GRANT_DOCUMENTS_MAX, sizeof *grant->documents);
    for (uint32_t i = 0; grant->documents != NULL && view_document(*cluster->view, i, &document); i++) {
        if (is_wanted(cluster, &document) && grant->documents_count < MESSAGE_GRANT_DOCUMENTS_MAX)
            grant->documents[grant->documents_count++] = document;
    }
}

static void grant(struct cluster *cluster, struct channel *channel)
{
    const struct store *store = cluster->store;
    struct message message = {
        .kind = MESSAGE_JOIN_GRANT,
        .cluster_id = span_of(store->cluster_id, STORE_CLUSTER_ID_BYTES),
        .hash_key = span_of(store->hash_key, HASH_KEY_BYTES),
        .token_key = span_of(store->token_key, HASH_KEY_BYTES),
        .documents_key = span_of(store->documents_key, SEAL_KEY_BYTES),
    };
    add_documents(cluster, &message);
    if (message.documents == NULL) {
        refuse(cluster, channel, MESSAGE_REASON_ERROR, "out of memory");
        return;
    }
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_INFO, "a node was let into the cluster");
    outbox_node(&cluster->outbox, line, "node", channel->link.peer.node_id);
    outbox_text(&cluster->outbox, line, "remote", span_text(channel->address));
    join_connect_ends(cluster, channel, true, "the node is a member now", (struct span){0});
    if (links_say(cluster, channel, LINK_URGENT, &message)) links_end(cluster, channel);
}

/* --- documents -------------------------------------------------------------------------------------------- */

static struct op_document document_of(struct arena *arena, enum document_kind kind, const uint8_t *node_id,
                                      struct span payload)
{
    return (struct op_document){
        .key = document_key_of(arena, kind, span_of(node_id, LINK_NODE_ID_BYTES)),
        .register_ = {.payload = payload.bytes, .payload_bytes = payload.length},
    };
}

/* What is written of a node: how many documents; 0 when out of memory. */
static uint32_t put_documents(const struct cluster *cluster, struct arena *arena, const uint8_t *node_id,
                              struct span name, struct span address, struct op_document documents[2])
{
    const struct document_member member = {.is_member = true, .since_us = cluster->wall_us, .name = name};
    uint32_t count = address.length > 0 ? 2 : 1;
    documents[0] = document_of(arena, DOCUMENT_MEMBER, node_id, document_encode_member(arena, &member));
    if (count == 2)
        documents[1] = document_of(arena, DOCUMENT_ADDRESS, node_id, document_encode_address(arena, address));
    for (uint32_t i = 0; i < count; i++)
        if (documents[i].key.bytes == NULL || documents[i].register_.payload == NULL) return 0;
    return count;
}

static void on_written(struct cluster *cluster, struct cluster_job *job)
{
    const struct asker *asker = job->note;
    bool is_done = job->op.err == ERR_OK && cluster_job_show(cluster, job);
    cluster->join->is_founding = false;
    if (!asker->is_some) {
        if (is_done)
            formation_hurry(cluster); /* the others wait for it; when it failed, the next round tries again */
        return;
    }
    cluster->join->admissions_count--;
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    if (channel == NULL) return; /* it asks again, and is a member then */
    if (is_done) {
        grant(cluster, channel);
    } else if (job->op.err == ERR_REFUSED) {
        refuse(cluster, channel, MESSAGE_REASON_FULL, job->op.docs.why);
    } else {
        refuse(cluster, channel, MESSAGE_REASON_ERROR, "the store of this node has failed");
    }
}

/* A job that carries on who asks; NULL when out of memory. */
static struct cluster_job *job_for(struct cluster *cluster, enum op_kind kind, const struct asker *asker,
                                   uint32_t link, uint64_t serial)
{
    struct cluster_job *job = cluster_job_create(cluster, kind);
    if (job == NULL) return NULL;
    struct asker *copy = arena_alloc(&job->arena, sizeof *copy);
    job->note = copy;
    job->link = link;
    job->link_serial = serial;
    uint8_t *name = arena_copy(&job->arena, asker->name.bytes, asker->name.length);
    uint8_t *address = arena_copy(&job->arena, asker->address.bytes, asker->address.length);
    if (copy == NULL || name == NULL || address == NULL) {
        cluster_job_drop(job);
        return NULL;
    }
    *copy = *asker;
    copy->name = span_of(name, asker->name.length);
    copy->address = span_of(address, asker->address.length);
    return job;
}

/* Of us, where that was never written, and of the asker. False when out of memory. */
static bool put_all(struct cluster *cluster, struct cluster_job *job, const struct asker *asker)
{
    const struct cluster_settings *settings = cluster->settings;
    struct op_docs *docs = &job->op.docs;
    uint32_t count = 0;
    docs->documents = arena_array(&job->arena, 4, sizeof *docs->documents);
    if (docs->documents != NULL && !join_is_self_known(cluster)) {
        count = put_documents(cluster, &job->arena, own_id(cluster), span_text(settings->name),
                              span_text(settings->address), docs->documents);
        if (count == 0) return false;
    }
    if (docs->documents != NULL && asker->is_some) {
        uint32_t more = put_documents(cluster, &job->arena, asker->id, asker->name, asker->address,
                                      docs->documents + count);
        count = more == 0 ? 0 : count + more;
    }
    docs->documents_count = count;
    return count > 0;
}

/* As the oldest documents there can be: whatever else was ever written of these nodes wins. */
static void make_oldest(struct cluster *cluster, struct op_docs *docs)
{
    for (uint32_t i = 0; i < docs->documents_count; i++) {
        docs->documents[i].register_.time_us = OLDEST_US;
        docs->documents[i].register_.actor = wire_load_u64(own_id(cluster));
    }
}

/* Write that the asker is a member, and that we are where that was never written. False when out of memory. */
static bool write_members(struct cluster *cluster, const struct asker *asker, uint32_t link, uint64_t serial)
{
    enum op_kind kind = asker->is_member ? OP_DOCS_MERGE : OP_DOCS_WRITE;
    struct cluster_job *job = job_for(cluster, kind, asker, link, serial);
    if (job == NULL) return false;
    if (!put_all(cluster, job, asker)) {
        cluster_job_drop(job);
        return false;
    }
    if (asker->is_member) make_oldest(cluster, &job->op.docs);
    cluster->join->admissions_count += asker->is_some;
    cluster_job_run(cluster, job, on_written);
    return true;
}

static void on_founded(struct cluster *cluster, struct cluster_job *job)
{
    const struct asker *asker = job->note;
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    bool is_done = job->op.err == ERR_OK && !job->op.adopt->is_refused;
    if (is_done) {
        cluster->identity.is_member = true;
        (void)outbox_log(&cluster->outbox, EFFECT_INFO, "this node founded a cluster");
        is_done = write_members(cluster, asker, job->link, job->link_serial);
    }
    if (is_done) return;
    cluster->join->is_founding = false;
    if (channel != NULL) refuse(cluster, channel, MESSAGE_REASON_ERROR, "the store of this node has failed");
}

/* Become a member of our own cluster first, when we are none. */
static bool let_in(struct cluster *cluster, const struct asker *asker, uint32_t link, uint64_t serial)
{
    if (cluster->identity.is_member) return write_members(cluster, asker, link, serial);
    struct cluster_job *job = job_for(cluster, OP_ADOPT, asker, link, serial);
    if (job == NULL) return false;
    job->op.adopt = arena_alloc(&job->arena, sizeof *job->op.adopt);
    if (job->op.adopt == NULL) {
        cluster_job_drop(job);
        return false;
    }
    job->op.adopt->keeps_own = true;
    cluster->join->is_founding = true;
    cluster_job_run(cluster, job, on_founded);
    return true;
}

void join_found(struct cluster *cluster)
{
    const struct asker nobody = {.is_some = false};
    struct join *join = cluster->join;
    if (join->is_founding || join->is_adopting || join->is_asking) return;
    join->is_founding = let_in(cluster, &nobody, UINT32_MAX, 0);
}

/* Its name and address become documents: only what others take, too, when they see them there. */
static const char *check_asker(struct cluster *cluster, const struct asker *asker)
{
    struct op_document documents[2];
    const char *why = NULL;
    uint32_t count = put_documents(cluster, &cluster->step, asker->id, asker->name, asker->address, documents);
    for (uint32_t i = 0; i < count; i++)
        if (!document_check(&documents[i], &why)) return why;
    return NULL;
}

void join_grant_on_ask(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct asker asker = {.is_some = true, .name = message->name, .address = message->address};
    enum message_reason reason = MESSAGE_REASON_NONE;
    if (channel->is_letting_in) return; /* asked twice: one answer comes */
    asker.is_member = channel->link.peer.is_member && !channel->is_invited;
    memcpy(asker.id, channel->link.peer.node_id, LINK_NODE_ID_BYTES);
    const char *malformed = check_asker(cluster, &asker);
    if (malformed != NULL) {
        links_offend(cluster, channel, malformed);
        return;
    }
    const char *why = why_not(cluster, channel, &reason);
    if (why != NULL) {
        refuse(cluster, channel, reason, why);
    } else if (cluster->identity.is_member && view_is_member(*cluster->view, asker.id, NULL)) {
        grant(cluster, channel); /* it died on its way, or has lost its documents */
    } else if (let_in(cluster, &asker, channel->number, channel->serial)) {
        channel->is_letting_in = true;
        count_admission(cluster, channel);
    } else {
        refuse(cluster, channel, MESSAGE_REASON_ERROR, "out of memory");
    }
}
