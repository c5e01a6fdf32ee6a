/* Admission of links, and the asking side. */
#include "node/cluster/join.h"

#include "node/cluster/exchange.h"
#include "node/cluster/exchange_check.h"
#include "node/cluster/join_connect.h"
#include "node/cluster/join_grant.h"

#include <sodium/utils.h>
#include <stdio.h>

bool join_init(struct cluster *cluster)
{
    cluster->join = arena_alloc(&cluster->arena, sizeof *cluster->join);
    if (cluster->join == NULL) return false;
    cluster->join->connect_link = UINT32_MAX;
    cluster->join->asked_link = UINT32_MAX;
    list_init(&cluster->join->restart.link);
    return true;
}

/* --- who is who ------------------------------------------------------------------------------------------- */

static const uint8_t *own_id(const struct cluster *cluster)
{
    return cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

bool join_is_self_known(const struct cluster *cluster)
{
    return view_is_member(*cluster->view, own_id(cluster), NULL);
}

bool join_is_same_cluster(const struct cluster *cluster, const struct channel *channel)
{
    const struct link_peer *peer = &channel->link.peer;
    return cluster->identity.is_member && peer->is_member &&
           memcmp(peer->cluster_id, cluster->identity.cluster_id, LINK_CLUSTER_ID_BYTES) == 0;
}

/* Are both ends members by our documents? */
static bool is_full(const struct cluster *cluster, const struct channel *channel)
{
    return join_is_same_cluster(cluster, channel) && join_is_self_known(cluster) &&
           view_is_member(*cluster->view, channel->link.peer.node_id, NULL);
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
        .is_by_operator = channel->purpose == CHANNEL_FOR_OPERATOR,
        .address = span_text(settings->address),
        .name = span_text(settings->name),
    };
    channel->has_asked = true;
    (void)links_say(cluster, channel, LINK_URGENT, &ask);
}

static void refuse_invitation(struct cluster *cluster, struct channel *channel, enum message_reason reason,
                              const char *why)
{
    const struct message refused = {.kind = MESSAGE_JOIN_REFUSED, .reason = reason, .text = span_text(why)};
    if (links_say(cluster, channel, LINK_URGENT, &refused)) links_end(cluster, channel);
}

/* Could we leave what we hold? */
static void on_tried(struct cluster *cluster, struct cluster_job *job)
{
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    const struct op_adopt *adopt = job->op.adopt;
    if (channel == NULL) {
        cluster->join->is_asking = false;
    } else if (job->op.err != ERR_OK) {
        note_stuck(cluster, channel, span_text("the store of this node has failed"), false);
        refuse_invitation(cluster, channel, MESSAGE_REASON_ERROR, "the store of the node has failed");
    } else if (adopt->is_refused) {
        note_stuck(cluster, channel, span_text(adopt->why), false);
        refuse_invitation(cluster, channel, MESSAGE_REASON_HOLDS_DATA, adopt->why);
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

void join_ask(struct cluster *cluster, struct channel *channel)
{
    struct join *join = cluster->join;
    if (channel->has_asked) return;
    if (join->is_asking || join->is_adopting || join->is_founding) {
        join_connect_ends(cluster, channel, false, "this node is joining or founding a cluster already",
                          (struct span){0});
        refuse_invitation(cluster, channel, MESSAGE_REASON_BUSY, "the node is joining another one: try again");
        return;
    }
    join->is_asking = true;
    join->asked_link = channel->number;
    join->asked_serial = channel->serial;
    if (join_is_same_cluster(cluster, channel)) {
        say_ask(cluster, channel); /* taken out, and let in again: nothing is adopted */
        return;
    }
    struct cluster_job *job = adoption(cluster, channel);
    if (job == NULL) {
        note_stuck(cluster, channel, span_text("out of memory"), false);
        links_end(cluster, channel);
        return;
    }
    job->op.adopt->is_trial = true;
    cluster_job_run(cluster, job, on_tried);
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
    if (is_done) {
        join->is_told_removed = false;
        join->stuck[0] = '\0';
        is_done = cluster_job_show(cluster, job);
    }
    join_connect_ends(cluster, NULL, is_done, is_done ? "this node is a member again" : "the store has failed",
                      (struct span){0});
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

/* Does the grant say that we are a member? */
static bool has_us(const struct cluster *cluster, const struct message *grant)
{
    for (uint32_t i = 0; i < grant->documents_count; i++) {
        const struct op_document *document = &grant->documents[i];
        struct document_member member;
        if (document->key.length != 1 + LINK_NODE_ID_BYTES || document->key.bytes[0] != DOCUMENT_MEMBER) continue;
        if (memcmp(document->key.bytes + 1, own_id(cluster), LINK_NODE_ID_BYTES) != 0) continue;
        struct span payload = span_of(document->register_.payload, document->register_.payload_bytes);
        return document_decode_member(payload, &member) && member.is_member;
    }
    return false;
}

static bool is_same_id(struct span id, const uint8_t *own)
{
    return memcmp(id.bytes, own, STORE_CLUSTER_ID_BYTES) == 0;
}

static void on_grant(struct cluster *cluster, struct channel *channel, const struct message *grant)
{
    struct join *join = cluster->join;
    bool is_ours = join->is_asking && links_is(channel, join->asked_link, join->asked_serial);
    const char *why = exchange_check_grant(grant->documents, grant->documents_count);
    bool is_same = is_same_id(grant->cluster_id, cluster->store->cluster_id);
    if (!is_ours || !channel->has_asked || join->is_granted) {
        links_offend(cluster, channel, "a grant that was not asked for");
    } else if (why != NULL || !has_us(cluster, grant)) {
        join->is_asking = false;
        links_offend(cluster, channel, why != NULL ? why : "a grant without us");
    } else if (is_same != cluster->identity.is_member) {
        join->is_asking = false;
        links_offend(cluster, channel, "a grant of another cluster");
    } else if (is_same) {
        merge(cluster, channel, grant);
    } else {
        adopt(cluster, channel, grant);
    }
}

/* --- refused and invited ---------------------------------------------------------------------------------- */

static void on_refused(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct join *join = cluster->join;
    bool is_ours = join->is_asking && links_is(channel, join->asked_link, join->asked_serial);
    if (is_ours && channel->has_asked) {
        if (message->reason == MESSAGE_REASON_REMOVED && join_is_same_cluster(cluster, channel))
            join->is_told_removed = true;
        note_stuck(cluster, channel, message->text, join_is_passing(message->reason));
    }
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

static void on_invited(struct cluster *cluster, struct channel *channel)
{
    if (cluster->identity.is_member && !join_is_same_cluster(cluster, channel)) {
        refuse_invitation(cluster, channel, MESSAGE_REASON_OTHER_CLUSTER,
                          "the node is a member of another cluster");
        return;
    }
    bool founds = is_crossed(cluster, channel) &&
                  memcmp(own_id(cluster), channel->link.peer.node_id, LINK_NODE_ID_BYTES) < 0;
    if (!founds) join_ask(cluster, channel);
}

/* A word of a node that thinks us both members, while our documents do not say so. */
static void on_early_word(struct cluster *cluster, struct channel *channel)
{
    const struct message unknown = {.kind = MESSAGE_PROBLEM,
                                    .reason = MESSAGE_REASON_NOT_MEMBER,
                                    .text = span_text("you are no member here (yet)")};
    bool was_removed = false;
    if (!join_is_self_known(cluster) || channel->is_invited) return; /* we do not know yet; it does not know yet */
    (void)view_is_member(*cluster->view, channel->link.peer.node_id, &was_removed);
    if (was_removed) {
        links_refuse(cluster, channel, MESSAGE_REASON_REMOVED, "you were taken out of the cluster");
    } else {
        (void)links_say(cluster, channel, LINK_URGENT, &unknown); /* it may ask to be let in over this link */
    }
}

/* Only from one who is a member itself: a removed node must not talk others out of their cluster. */
static void on_removed(struct cluster *cluster, struct channel *channel)
{
    struct join *join = cluster->join;
    if (join->is_told_removed || !is_full(cluster, channel)) return;
    join->is_told_removed = true;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "this node was taken out of its cluster");
    outbox_node(&cluster->outbox, line, "by", channel->link.peer.node_id);
}

/* Who let us in may have been taken out since, or lost: those who are left have never heard of us. When they go on
 * not to, they are asked. Returns whether this one is. */
static bool on_unknown(struct cluster *cluster, struct channel *channel)
{
    struct join *join = cluster->join;
    if (!is_full(cluster, channel) || join->is_told_removed) return false;
    bool is_first = join->unknown_since_ms == 0 || cluster->now_ms - join->unknown_last_ms > JOIN_UNKNOWN_MS;
    if (is_first) join->unknown_since_ms = cluster->now_ms;
    join->unknown_last_ms = cluster->now_ms;
    if (cluster->now_ms - join->unknown_since_ms < JOIN_UNKNOWN_MS || join->is_asking) return false;
    channel->is_full = false;
    join_ask(cluster, channel);
    return true;
}

static void on_problem(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    if (message->reason == MESSAGE_REASON_REMOVED) on_removed(cluster, channel);
    if (message->reason == MESSAGE_REASON_NOT_MEMBER && on_unknown(cluster, channel)) return;
    join_connect_ends(cluster, channel, false, "", message->text);
    links_end(cluster, channel);
}

void join_on_message(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_PROBLEM: on_problem(cluster, channel, message); break;
    case MESSAGE_JOIN_ASK: join_grant_on_ask(cluster, channel, message); break;
    case MESSAGE_JOIN_INVITE: on_invited(cluster, channel); break;
    case MESSAGE_JOIN_GRANT: on_grant(cluster, channel, message); break;
    case MESSAGE_JOIN_REFUSED: on_refused(cluster, channel, message); break;
    case MESSAGE_UNKNOWN:
    case MESSAGE_HELLO:
    case MESSAGE_DOCS_DIGESTS:
    case MESSAGE_DOCS_WANT:
    case MESSAGE_DOCS:
    case MESSAGE_DOCS_TAKEN:
    case MESSAGE_KNOWN:
    case MESSAGE_WANTED:
    case MESSAGE_ANNOUNCEMENTS: on_early_word(cluster, channel); break;
    }
}

/* --- links ------------------------------------------------------------------------------------------------ */

void join_on_ready(struct cluster *cluster, struct channel *channel)
{
    if (cluster->join->is_adopting) {
        links_end(cluster, channel);
        return;
    }
    const struct member *member = members_find(&cluster->members, channel->link.peer.node_id);
    if (member != NULL && member->quarantined_until_ms > cluster->now_ms) {
        links_end(cluster, channel); /* it is not listened to (H12) */
        return;
    }
    channel->is_full = is_full(cluster, channel);
    if (channel->purpose == CHANNEL_FOR_OPERATOR) join_connect_ready(cluster, channel);
    if (channel->has_asked) channel->is_full = false; /* not for the other: it would take our word amiss */
    if (channel->state == CHANNEL_READY && channel->is_full) exchange_greet(cluster, channel);
}

void join_on_gone(struct cluster *cluster, struct channel *channel, const char *why)
{
    struct join *join = cluster->join;
    if (join->is_granted) return; /* the store's answer decides */
    if (join->is_asking && links_is(channel, join->asked_link, join->asked_serial)) join->is_asking = false;
    join_connect_ends(cluster, channel, false, why == NULL ? "the link was closed" : why, (struct span){0});
}

void join_on_view(struct cluster *cluster)
{
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || channel->state != CHANNEL_READY || !channel->is_full) continue;
        if (is_full(cluster, channel)) continue;
        if (!join_is_self_known(cluster)) {
            links_end(cluster, channel); /* it is us who were */
            continue;
        }
        links_refuse(cluster, channel, MESSAGE_REASON_REMOVED, "you were taken out of the cluster");
    }
}
