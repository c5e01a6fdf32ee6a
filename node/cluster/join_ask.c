/* One question at a time: may we leave what we hold, may we come in, and the grant. */
#include "node/cluster/join_ask.h"

#include "node/cluster/exchange.h"
#include "node/cluster/exchange_check.h"
#include "node/cluster/join_connect.h"
#include "node/cluster/join_grant.h"

#include <sodium/utils.h>
#include <stdio.h>

static const uint8_t *own_id(const struct cluster *cluster)
{
    return cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

/* Is the question under way the one over that link? */
static bool is_asked(const struct cluster *cluster, uint32_t link, uint64_t serial)
{
    const struct join *join = cluster->join;
    return join->is_asking && join->asked_link == link && join->asked_serial == serial;
}

/* --- asking ----------------------------------------------------------------------------------------------- */

/* Why we are not in the cluster we want, said when it is another reason than before. */
static void note_stuck(struct cluster *cluster, const struct channel *channel, struct span why, bool is_passing)
{
    struct join *join = cluster->join;
    char text[JOIN_TEXT_CHARS];
    int length = (int)(why.length < sizeof text ? why.length : sizeof text - 1);
    snprintf(text, sizeof text, "%.60s: %.*s", channel->address, length, (const char *)why.bytes);
    join->is_asking = false;
    join_connect_ends(cluster, channel, false, "", why);
    if (strcmp(text, join->stuck) == 0) return;
    memcpy(join->stuck, text, sizeof text);
    enum effect_level level = is_passing ? EFFECT_DEBUG : EFFECT_WARN;
    struct effect *line = outbox_log(&cluster->outbox, level, "this node was not let in");
    outbox_node(&cluster->outbox, line, "by", channel->link.peer.node_id);
    outbox_text(&cluster->outbox, line, "remote", span_text(channel->address));
    outbox_text(&cluster->outbox, line, "why", why);
}

static void say_ask(struct cluster *cluster, struct channel *channel)
{
    const struct cluster_settings *settings = cluster->settings;
    const struct message ask = {
        .kind = MESSAGE_JOIN_ASK,
        .address = span_text(settings->address),
        .name = span_text(settings->name),
    };
    channel->has_asked = true;
    (void)links_say(cluster, channel, LINK_URGENT, &ask);
}

/* We do not ask: said to the other end, which may have invited us, and to an operator who waits for it. */
static void decline(struct cluster *cluster, struct channel *channel, enum message_reason reason, const char *why)
{
    join_connect_ends(cluster, channel, false, why, (struct span){0});
    const struct message refused = {.kind = MESSAGE_JOIN_REFUSED, .reason = reason, .text = span_text(why)};
    if (links_say(cluster, channel, LINK_URGENT, &refused)) links_end(cluster, channel);
}

/* Could we leave what we hold? When the link has ended meanwhile, so has the question: the one that is under way
 * now is another one. */
static void on_tried(struct cluster *cluster, struct cluster_job *job)
{
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    const struct op_adopt *adopt = job->op.adopt;
    if (channel == NULL || !is_asked(cluster, job->link, job->link_serial)) return;
    if (job->op.err != ERR_OK) {
        note_stuck(cluster, channel, span_text("the store of this node has failed"), false);
        decline(cluster, channel, MESSAGE_REASON_ERROR, "the store of the node has failed");
    } else if (adopt->is_refused) {
        note_stuck(cluster, channel, span_text(adopt->why), false);
        decline(cluster, channel, MESSAGE_REASON_HOLDS_DATA, adopt->why);
    } else {
        say_ask(cluster, channel);
    }
}

static struct cluster_job *adoption(struct cluster *cluster, const struct channel *channel)
{
    struct cluster_job *job = cluster_job_create(cluster, OP_ADOPT);
    if (job == NULL) return NULL;
    job->link = channel->number;
    job->link_serial = channel->serial;
    job->op.adopt = arena_alloc(&job->arena, sizeof *job->op.adopt);
    if (job->op.adopt != NULL) return job;
    cluster_job_drop(job);
    return NULL;
}

/* A node that has a cluster takes the word of its members only (H12): who merely knows the secret and says our
 * cluster's id must not rewrite who they are. */
static bool may_ask(const struct cluster *cluster, const struct channel *channel)
{
    if (!cluster->identity.is_member) return true;
    return join_is_same_cluster(cluster, channel) &&
           view_is_member(*cluster->view, channel->link.peer.node_id, NULL);
}

static void try_to_leave(struct cluster *cluster, struct channel *channel)
{
    struct cluster_job *job = adoption(cluster, channel);
    if (job == NULL) {
        note_stuck(cluster, channel, span_text("out of memory"), false);
        links_end(cluster, channel);
        return;
    }
    job->op.adopt->is_trial = true;
    cluster_job_run(cluster, job, on_tried);
}

void join_ask(struct cluster *cluster, struct channel *channel)
{
    struct join *join = cluster->join;
    if (channel->has_asked || is_asked(cluster, channel->number, channel->serial)) return;
    if (join->is_asking || join->is_adopting || join->is_founding) {
        decline(cluster, channel, MESSAGE_REASON_BUSY, "the node is joining or founding a cluster already");
        return;
    }
    if (!may_ask(cluster, channel)) {
        decline(cluster, channel, MESSAGE_REASON_NOT_MEMBER,
                "the node is asked in by one it does not know as a member: connect it from one it knows");
        return;
    }
    join->is_asking = true;
    join->asked_link = channel->number;
    join->asked_serial = channel->serial;
    if (cluster->identity.is_member) {
        say_ask(cluster, channel); /* taken out, and let in again: what it holds is no hindrance */
    } else {
        try_to_leave(cluster, channel);
    }
}

/* --- granted ---------------------------------------------------------------------------------------------- */

static void on_adopted(struct cluster *cluster, struct cluster_job *job)
{
    struct join *join = cluster->join;
    const struct op_adopt *adopt = job->op.adopt;
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    join->is_asking = false;
    join->is_granted = false;
    join->is_adopting = false;
    sodium_memzero(job->op.adopt->hash_key, HASH_KEY_BYTES);
    sodium_memzero(job->op.adopt->token_key, HASH_KEY_BYTES);
    sodium_memzero(job->op.adopt->documents_key, SEAL_KEY_BYTES);
    if (job->op.err != ERR_OK || adopt->is_refused) {
        struct span why = span_text(adopt->is_refused ? adopt->why : "the store of this node has failed");
        snprintf(join->stuck, sizeof join->stuck, "%.*s", (int)why.length, (const char *)why.bytes);
        join_connect_ends(cluster, NULL, false, join->stuck, (struct span){0});
        if (channel != NULL) links_end(cluster, channel);
        return;
    }
    join->is_adopting = true; /* until the restart */
    join_connect_ends(cluster, NULL, true, "this node was let into the cluster", (struct span){0});
    (void)outbox_log(&cluster->outbox, EFFECT_INFO, "this node was let into a cluster");
    join->restart.kind = EFFECT_RESTART;
    effects_add(cluster->effects, &join->restart);
}

static void adopt(struct cluster *cluster, struct channel *channel, const struct message *grant)
{
    struct cluster_job *job = adoption(cluster, channel);
    if (job != NULL &&
        !cluster_job_copy(job, grant->documents, grant->documents_count, &job->op.adopt->documents)) {
        cluster_job_drop(job);
        job = NULL;
    }
    if (job == NULL) {
        note_stuck(cluster, channel, span_text("out of memory"), false);
        links_end(cluster, channel);
        return;
    }
    struct op_adopt *into = job->op.adopt;
    into->is_return = cluster->identity.is_member;
    into->documents_count = grant->documents_count;
    memcpy(into->cluster_id, grant->cluster_id.bytes, STORE_CLUSTER_ID_BYTES);
    memcpy(into->hash_key, grant->hash_key.bytes, HASH_KEY_BYTES);
    memcpy(into->token_key, grant->token_key.bytes, HASH_KEY_BYTES);
    memcpy(into->documents_key, grant->documents_key.bytes, SEAL_KEY_BYTES);
    cluster->join->is_granted = true;
    cluster->join->is_adopting = true;
    cluster_job_run(cluster, job, on_adopted);
}

static void on_let_in_again(struct cluster *cluster, struct cluster_job *job)
{
    struct join *join = cluster->join;
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    bool is_done = job->op.err == ERR_OK;
    join->is_asking = false;
    join->is_granted = false;
    const char *what = "the store has failed";
    if (is_done) {
        is_done = cluster_job_show(cluster, job) && join_is_self_known(cluster);
        what = is_done ? "this node is a member again" : "who let it in does not know yet that it was taken out";
    }
    if (is_done) join->stuck[0] = '\0';
    join->is_grant_behind = job->op.err == ERR_OK && !is_done;
    join_connect_ends(cluster, NULL, is_done, what, (struct span){0});
    if (channel != NULL) links_end(cluster, channel);
}

static void merge(struct cluster *cluster, struct channel *channel, const struct message *grant)
{
    struct cluster_job *job = cluster_job_create(cluster, OP_DOCS_MERGE);
    if (job != NULL && !cluster_job_copy(job, grant->documents, grant->documents_count, &job->op.docs.documents)) {
        cluster_job_drop(job);
        job = NULL;
    }
    if (job == NULL) {
        note_stuck(cluster, channel, span_text("out of memory"), false);
        links_end(cluster, channel);
        return;
    }
    job->op.docs.documents_count = grant->documents_count;
    job->link = channel->number;
    job->link_serial = channel->serial;
    cluster->join->is_granted = true;
    cluster_job_run(cluster, job, on_let_in_again);
}

/* Does the grant say that the node is a member? */
static bool has_member(const struct message *grant, const uint8_t *node_id)
{
    const struct op_document *document = join_document_of(grant, node_id);
    struct document_member member;
    if (document == NULL) return false;
    struct span payload = span_of(document->register_.payload, document->register_.payload_bytes);
    return document_decode_member(payload, &member) && member.is_member;
}

/* NULL, or what is wrong with it. Who has a cluster merges it into what it knows, who is fresh begins with it. */
static const char *check_grant(const struct cluster *cluster, const struct channel *channel,
                               const struct message *grant)
{
    bool is_same = memcmp(grant->cluster_id.bytes, cluster->store->cluster_id, STORE_CLUSTER_ID_BYTES) == 0;
    const char *why = exchange_check_grant(grant->documents, grant->documents_count);
    if (why != NULL) return why;
    if (!has_member(grant, own_id(cluster))) return "a grant without us";
    if (!has_member(grant, channel->link.peer.node_id)) return "a grant by one who is no member";
    return is_same == cluster->identity.is_member ? NULL : "a grant of another cluster";
}

/* Were we taken out since we were written down as a member, whether we have heard of it or not? Then what we wrote
 * meanwhile is not the cluster's, and we begin with its documents as a fresh node does. Who has never heard of us
 * did not take us out. */
static bool is_return(const struct cluster *cluster, const struct channel *channel, const struct message *grant)
{
    const struct op_document *granted = join_document_of(grant, own_id(cluster));
    struct op_document own;
    if (channel->is_unknown || !view_document_of(*cluster->view, granted->key, &own)) return false;
    return crdt_lww_compare(&granted->register_, &own.register_) > 0;
}

void join_ask_on_grant(struct cluster *cluster, struct channel *channel, const struct message *grant)
{
    struct join *join = cluster->join;
    bool is_ours = is_asked(cluster, channel->number, channel->serial) && channel->has_asked;
    if (!is_ours || join->is_granted) {
        links_offend(cluster, channel, "a grant that was not asked for");
        return;
    }
    if (!may_ask(cluster, channel)) { /* it was taken out while we waited */
        note_stuck(cluster, channel, span_text("the one who lets in is no member any more"), false);
        links_end(cluster, channel);
        return;
    }
    const char *why = check_grant(cluster, channel, grant);
    if (why != NULL) {
        join->is_asking = false;
        links_offend(cluster, channel, why);
    } else if (cluster->identity.is_member && !is_return(cluster, channel, grant)) {
        merge(cluster, channel, grant);
    } else {
        adopt(cluster, channel, grant);
    }
}

/* --- refused and invited ---------------------------------------------------------------------------------- */

void join_ask_on_refused(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    if (is_asked(cluster, channel->number, channel->serial) && channel->has_asked)
        note_stuck(cluster, channel, message->text, join_is_passing(message->reason));
    join_connect_ends(cluster, channel, false, "", message->text);
    links_end(cluster, channel);
}

/* Two operators, or one, asked two fresh nodes to invite each other: the lower id founds, the higher one asks. */
static bool is_crossed(const struct cluster *cluster, const struct channel *channel)
{
    const uint8_t *id = channel->link.peer.node_id;
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        const struct channel *other = cluster->links->channels[i];
        if (other == NULL || other->state != CHANNEL_READY || !other->is_invited) continue;
        if (memcmp(other->link.peer.node_id, id, LINK_NODE_ID_BYTES) == 0) return true;
    }
    return false;
}

void join_ask_on_invited(struct cluster *cluster, struct channel *channel)
{
    if (cluster->identity.is_member && !join_is_same_cluster(cluster, channel)) {
        decline(cluster, channel, MESSAGE_REASON_OTHER_CLUSTER, "the node is a member of another cluster");
        return;
    }
    bool founds = is_crossed(cluster, channel) &&
                  memcmp(own_id(cluster), channel->link.peer.node_id, LINK_NODE_ID_BYTES) < 0;
    if (!founds) join_ask(cluster, channel);
}
