/* Who is heard of what; being taken out; each message to the side that it is for. */
#include "node/cluster/join.h"

#include "node/cluster/exchange.h"
#include "node/cluster/exchange_check.h"
#include "node/cluster/join_ask.h"
#include "node/cluster/join_connect.h"
#include "node/cluster/join_grant.h"

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

bool join_is_quarantined(const struct cluster *cluster, const struct channel *channel)
{
    const struct member *member = members_find(&cluster->members, channel->link.peer.node_id);
    return member != NULL && member->quarantined_until_ms > cluster->now_ms;
}

bool join_is_doubled(const struct cluster *cluster, const struct channel *channel)
{
    const struct member *member = members_find(&cluster->members, channel->link.peer.node_id);
    return member != NULL && member->has_announcement && (member->announcement.flags & ANNOUNCEMENT_DOUBLED) != 0;
}

/* --- taken out -------------------------------------------------------------------------------------------- */

const struct op_document *join_document_of(const struct message *message, const uint8_t *node_id)
{
    for (uint32_t i = 0; i < message->documents_count; i++) {
        struct span key = message->documents[i].key;
        if (key.length == 1 + LINK_NODE_ID_BYTES && key.bytes[0] == DOCUMENT_MEMBER &&
            memcmp(key.bytes + 1, node_id, LINK_NODE_ID_BYTES) == 0)
            return &message->documents[i];
    }
    return NULL;
}

/* That one end was taken out. Our document about it goes with it: that is what the other end believes. */
static void say_removed(struct cluster *cluster, struct channel *channel, const uint8_t *who, const char *text)
{
    uint8_t key[1 + LINK_NODE_ID_BYTES] = {DOCUMENT_MEMBER};
    struct op_document document;
    struct message problem = {.kind = MESSAGE_PROBLEM,
                              .reason = MESSAGE_REASON_REMOVED,
                              .text = span_text(text),
                              .documents = &document};
    memcpy(key + 1, who, LINK_NODE_ID_BYTES);
    problem.documents_count = view_document_of(*cluster->view, span_of(key, sizeof key), &document) ? 1 : 0;
    if (links_say(cluster, channel, LINK_URGENT, &problem)) links_end(cluster, channel);
}

static void say_it_was_removed(struct cluster *cluster, struct channel *channel)
{
    say_removed(cluster, channel, channel->link.peer.node_id, "you were taken out of the cluster");
}

static void on_learnt(struct cluster *cluster, struct cluster_job *job)
{
    if (job->op.err == ERR_OK) (void)cluster_job_show(cluster, job); /* else we are told again */
}

/* Believed as any exchange is: from a member by our documents, and unless we have a newer document. So a node that
 * was taken out talks nobody out of the cluster, and one that was let in again stays in. */
static void on_removed(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    bool is_about_us = join_document_of(message, own_id(cluster)) != NULL;
    bool is_about_it = join_document_of(message, channel->link.peer.node_id) != NULL;
    if (!is_full(cluster, channel) || (!is_about_us && !is_about_it)) return;
    const char *why = exchange_check_grant(message->documents, message->documents_count);
    if (why != NULL) {
        links_offend(cluster, channel, why);
        return;
    }
    struct cluster_job *job = cluster_job_create(cluster, OP_DOCS_MERGE);
    if (job == NULL) return;
    if (!cluster_job_copy(job, message->documents, message->documents_count, &job->op.docs.documents)) {
        cluster_job_drop(job);
        return;
    }
    job->op.docs.documents_count = message->documents_count;
    cluster_job_run(cluster, job, on_learnt);
}

/* --- words before or after membership --------------------------------------------------------------------- */

/* We were taken out, and a member holds us for one. Perhaps we were let in again and lost what we were granted: it
 * is asked. When what it grants changes nothing it is behind, and nobody else may be left to tell it: next it is
 * told. */
static void answer_who_holds_us_for_a_member(struct cluster *cluster, struct channel *channel)
{
    struct join *join = cluster->join;
    bool is_busy = join->is_asking || join->is_adopting || join->is_founding;
    bool is_by_member = join_is_same_cluster(cluster, channel) &&
                        view_is_member(*cluster->view, channel->link.peer.node_id, NULL);
    if (!is_by_member || is_busy || channel->has_asked) return;
    if (join->is_grant_behind) {
        join->is_grant_behind = false;
        say_removed(cluster, channel, own_id(cluster), "this node was taken out of the cluster");
    } else {
        join_ask(cluster, channel);
    }
}

/* A word of a node that thinks us both members, while our documents do not say so. */
static void on_early_word(struct cluster *cluster, struct channel *channel)
{
    const struct message unknown = {.kind = MESSAGE_PROBLEM,
                                    .reason = MESSAGE_REASON_NOT_MEMBER,
                                    .text = span_text("you are no member here (yet)")};
    bool was_removed = false;
    if (channel->is_invited) return; /* it does not know yet */
    if (!join_is_self_known(cluster)) {
        answer_who_holds_us_for_a_member(cluster, channel);
        return;
    }
    (void)view_is_member(*cluster->view, channel->link.peer.node_id, &was_removed);
    if (was_removed) {
        say_it_was_removed(cluster, channel);
    } else {
        (void)links_say(cluster, channel, LINK_URGENT, &unknown); /* it may ask to be let in over this link */
    }
}

/* Who let us in may have been taken out since, or lost: those who are left have never heard of us. When they go on
 * not to, they are asked. Returns whether this one is. */
static bool on_unknown(struct cluster *cluster, struct channel *channel)
{
    struct join *join = cluster->join;
    if (!is_full(cluster, channel)) return false;
    uint64_t period_ms = cluster->settings->probe_interval_ms;
    bool is_first = join->unknown_since_ms == 0 ||
                    cluster->now_ms - join->unknown_last_ms > JOIN_UNKNOWN_GAP_PERIODS * period_ms;
    if (is_first) join->unknown_since_ms = cluster->now_ms;
    join->unknown_last_ms = cluster->now_ms;
    bool is_early = cluster->now_ms - join->unknown_since_ms < JOIN_UNKNOWN_PERIODS * period_ms;
    if (is_early || join->is_asking) return false;
    join->unknown_since_ms = 0;
    channel->is_full = false;
    channel->is_unknown = true;
    join_ask(cluster, channel);
    return true;
}

static void on_problem(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    if (message->reason == MESSAGE_REASON_REMOVED) on_removed(cluster, channel, message);
    if (message->reason == MESSAGE_REASON_NOT_MEMBER && on_unknown(cluster, channel)) return;
    join_connect_ends(cluster, channel, false, "", message->text);
    links_end(cluster, channel);
}

void join_on_message(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_PROBLEM: on_problem(cluster, channel, message); break;
    case MESSAGE_JOIN_ASK: join_grant_on_ask(cluster, channel, message); break;
    case MESSAGE_JOIN_INVITE: join_ask_on_invited(cluster, channel); break;
    case MESSAGE_JOIN_GRANT: join_ask_on_grant(cluster, channel, message); break;
    case MESSAGE_JOIN_REFUSED: join_ask_on_refused(cluster, channel, message); break;
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
    if (join_is_quarantined(cluster, channel)) {
        links_end(cluster, channel);
        return;
    }
    channel->is_full = is_full(cluster, channel);
    if (channel->purpose == CHANNEL_FOR_OPERATOR) join_connect_ready(cluster, channel);
    if (channel->has_asked) channel->is_full = false; /* not for the other: it would take our word amiss */
    if (channel->state == CHANNEL_READY && channel->is_full) exchange_greet(cluster, channel);
}

/* What an operator makes of it. Who has not our secret just closes the connection. */
static const char *explain(const struct channel *channel, const char *why)
{
    bool is_cut = channel->link.state != NULL && !link_is_ready(&channel->link) && channel->link.reason == NULL;
    if (is_cut)
        return "the connection was closed by the other end: it has another secret, has just started, or it is "
               "not the port for nodes (rpc= in its log)";
    return why == NULL ? "the link was closed" : why;
}

void join_on_gone(struct cluster *cluster, struct channel *channel, const char *why)
{
    struct join *join = cluster->join;
    bool is_asked = join->is_asking && links_is(channel, join->asked_link, join->asked_serial);
    if (is_asked && join->is_granted) return; /* the store's answer decides */
    if (is_asked) join->is_asking = false;
    join_connect_ends(cluster, channel, false, explain(channel, why), (struct span){0});
}

/* Whichever way the document came. */
static void look_at_ourselves(struct cluster *cluster)
{
    bool is_known = join_is_self_known(cluster);
    if (cluster->join->is_known && !is_known)
        (void)outbox_log(&cluster->outbox, EFFECT_WARN, "this node was taken out of its cluster");
    cluster->join->is_known = is_known;
}

void join_on_view(struct cluster *cluster)
{
    look_at_ourselves(cluster);
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || channel->state != CHANNEL_READY || !channel->is_full) continue;
        if (is_full(cluster, channel)) continue;
        if (cluster->join->is_known) {
            say_it_was_removed(cluster, channel);
        } else {
            links_end(cluster, channel); /* it is us who were taken out */
        }
    }
}
