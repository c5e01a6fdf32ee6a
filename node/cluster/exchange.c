/* The state of an exchange lies with its link; here are the steps. */
#include "node/cluster/exchange.h"

#include "node/cluster/cluster_job.h"
#include "node/cluster/exchange_check.h"

#include <assert.h>

/* What is under way on one link. */
struct exchange_state {
    struct view *view;      /* what we compare and send, held; NULL: nothing is under way */
    bool is_ours;           /* we asked */
    bool awaits_want;       /* our digests are out */
    bool is_sending;        /* our documents go out… */
    uint32_t index;         /* …from here on in the view… */
    bool awaits_taken;      /* …and a batch is out… */
    bool sent_last;         /* …the last one */
    bool is_receiving;      /* the other's come */
    bool is_merging;        /* a batch is with the store… */
    bool got_last;          /* …the last one */
    bool is_wanted;         /* another exchange is to follow */
    bool has_announcements; /* those differ, too */
    uint8_t groups[MESSAGE_GROUPS_BYTES];
    uint64_t announced_number; /* the layout the member said it acts upon, when it began */
};

bool exchange_init(struct cluster *cluster)
{
    cluster->exchange = arena_alloc(&cluster->arena, sizeof *cluster->exchange);
    return cluster->exchange != NULL;
}

void exchange_on_view(struct cluster *cluster)
{
    struct exchange *exchange = cluster->exchange;
    const struct ring_layout *layout = view_layout(*cluster->view);
    view_digest(*cluster->view, cluster->store->hash_key, exchange->digest);
    exchange->layout_number = layout == NULL ? 0 : layout->number;
}

static struct exchange_state *state_of(struct channel *channel)
{
    if (channel->exchange == NULL) channel->exchange = arena_alloc(&channel->arena, sizeof *channel->exchange);
    return channel->exchange;
}

static struct member *member_of(const struct cluster *cluster, const struct channel *channel)
{
    return members_find(&cluster->members, channel->link.peer.node_id);
}

/* --- digests of groups ------------------------------------------------------------------------------------ */

static uint32_t group_of(const struct cluster *cluster, struct span key)
{
    struct hash_keyed hash;
    hash_keyed_init(&hash, cluster->store->hash_key);
    hash_keyed_add_field(&hash, key);
    return (uint32_t)(hash_keyed_64(&hash) % MESSAGE_DIGESTS_COUNT);
}

/* The low halves of the documents' digests, summed by group. */
static void digest_groups(const struct cluster *cluster, const struct view *view, uint8_t *digests)
{
    uint64_t sums[MESSAGE_DIGESTS_COUNT] = {0};
    struct op_document document;
    uint8_t digest[16];
    for (uint32_t i = 0; view_document(view, i, &document); i++) {
        document_digest(&document, cluster->store->hash_key, digest);
        sums[group_of(cluster, document.key)] += wire_load_u64(digest + 8);
    }
    for (uint32_t i = 0; i < MESSAGE_DIGESTS_COUNT; i++)
        wire_store_u64(digests + (size_t)i * MESSAGE_DIGEST_BYTES, sums[i]);
}

static bool has_group(const uint8_t *groups, uint32_t group)
{
    return (groups[group / 8] >> (group % 8) & 1) != 0;
}

static bool is_any(const uint8_t *groups)
{
    static const uint8_t none[MESSAGE_GROUPS_BYTES] = {0};
    return memcmp(groups, none, sizeof none) != 0;
}

/* --- begin and end ---------------------------------------------------------------------------------------- */

static void say_known(struct cluster *cluster, struct channel *channel)
{
    const struct members *members = &cluster->members;
    struct message message = {.kind = MESSAGE_KNOWN};
    message.known = arena_array(&cluster->step, (size_t)members->count + 1, sizeof *message.known);
    for (uint32_t i = 0; i < members->count && message.known != NULL; i++) {
        const struct member *member = members->rows[i];
        if (!member->has_announcement || message.known_count == MESSAGE_KNOWN_MAX) continue;
        uint64_t mark = gossip_announcement_mark(cluster->gossip, member);
        message.known[message.known_count++] =
            (struct message_known){member->id, member->announcement.incarnation, mark};
    }
    if (message.known != NULL) (void)links_say(cluster, channel, LINK_NORMAL, &message);
}

static void begin(struct cluster *cluster, struct channel *channel, bool is_ours)
{
    const struct member *member = member_of(cluster, channel);
    struct exchange_state *state = channel->exchange;
    bool has_announcements = state->has_announcements;
    assert(state->view == NULL);
    *state = (struct exchange_state){.view = view_hold(*cluster->view), .is_ours = is_ours};
    state->has_announcements = has_announcements;
    if (member != NULL && member->has_announcement) state->announced_number = member->announcement.layout_number;
    cluster->exchange->started_count++;
}

/* Ask for a comparison, unless one is under way: then after it. */
static void ask(struct cluster *cluster, struct channel *channel)
{
    uint8_t digests[MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES];
    struct exchange_state *state = state_of(channel);
    if (state == NULL) return;
    if (state->view != NULL) {
        state->is_wanted = true;
        return;
    }
    begin(cluster, channel, true);
    state->awaits_want = true;
    digest_groups(cluster, state->view, digests);
    const struct message message = {.kind = MESSAGE_DOCS_DIGESTS, .digests = span_of(digests, sizeof digests)};
    (void)links_say(cluster, channel, LINK_NORMAL, &message);
}

/* A member that said it acts upon a layout which it then could not show lied, to make others wait for it. Only
 * what it said before we asked is held against it: it looked at its documents after that. */
static void check_number(struct cluster *cluster, struct channel *channel, uint64_t announced_number)
{
    if (!channel->exchange->is_ours || announced_number <= cluster->exchange->layout_number) return;
    links_offend(cluster, channel, "a layout number that it cannot show");
}

static void end_if_over(struct cluster *cluster, struct channel *channel)
{
    struct exchange_state *state = channel->exchange;
    if (state->view == NULL || state->awaits_want || state->is_sending || state->is_receiving) return;
    view_release(state->view);
    state->view = NULL;
    cluster->exchange->finished_count++;
    check_number(cluster, channel, state->announced_number);
    if (channel->state != CHANNEL_READY) return;
    if (state->is_ours || state->has_announcements) say_known(cluster, channel);
    state->has_announcements = false;
    bool is_wanted = state->is_wanted;
    state->is_wanted = false;
    if (is_wanted && channel->state == CHANNEL_READY) ask(cluster, channel);
}

void exchange_on_gone(struct cluster *cluster, struct channel *channel)
{
    (void)cluster;
    if (channel->exchange == NULL) return;
    view_release(channel->exchange->view);
    channel->exchange->view = NULL;
}

/* --- documents out ---------------------------------------------------------------------------------------- */

/* Send the next documents of the wanted groups. */
static void send_batch(struct cluster *cluster, struct channel *channel)
{
    struct exchange_state *state = channel->exchange;
    struct message message = {.kind = MESSAGE_DOCS, .is_last = true};
    struct op_document document;
    size_t bytes = 0;
    message.documents = arena_array(&cluster->step, MESSAGE_DOCUMENTS_MAX, sizeof *message.documents);
    if (message.documents == NULL) {
        links_end(cluster, channel);
        return;
    }
    for (; view_document(state->view, state->index, &document); state->index++) {
        if (!has_group(state->groups, group_of(cluster, document.key))) continue;
        if (message.documents_count == MESSAGE_DOCUMENTS_MAX || bytes > MESSAGE_DOCUMENTS_BYTES) {
            message.is_last = false;
            break;
        }
        message.documents[message.documents_count++] = document;
        bytes += document.key.length + document.register_.payload_bytes;
    }
    state->awaits_taken = true;
    state->sent_last = message.is_last;
    (void)links_say(cluster, channel, LINK_NORMAL, &message);
}

static void send_groups(struct cluster *cluster, struct channel *channel)
{
    struct exchange_state *state = channel->exchange;
    state->is_sending = true;
    state->is_receiving = true;
    state->index = 0;
    send_batch(cluster, channel);
}

static void on_taken(struct cluster *cluster, struct channel *channel)
{
    struct exchange_state *state = channel->exchange;
    if (state == NULL || !state->awaits_taken) {
        links_offend(cluster, channel, "a word about documents out of turn");
        return;
    }
    state->awaits_taken = false;
    if (!state->sent_last) {
        send_batch(cluster, channel);
        return;
    }
    state->is_sending = false;
    end_if_over(cluster, channel);
}

static void on_want(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct exchange_state *state = channel->exchange;
    if (state == NULL || !state->awaits_want) {
        links_offend(cluster, channel, "a word about documents out of turn");
        return;
    }
    state->awaits_want = false;
    memcpy(state->groups, message->groups.bytes, MESSAGE_GROUPS_BYTES);
    if (is_any(state->groups)) {
        send_groups(cluster, channel);
    } else {
        end_if_over(cluster, channel);
    }
}

/* Both asked at the same time: the dialler's question stands. False when this one is not to be answered. */
static bool yields(struct cluster *cluster, struct channel *channel)
{
    struct exchange_state *state = channel->exchange;
    bool is_dialler = channel->number < LIMITS_LINKS_DIALLED_MAX;
    if (state->view == NULL) return true;
    if (!state->awaits_want) {
        links_offend(cluster, channel, "a word about documents out of turn");
        return false;
    }
    if (is_dialler) return false;
    view_release(state->view);
    state->view = NULL;
    return true;
}

static void on_digests(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    uint8_t own[MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES];
    struct exchange_state *state = state_of(channel);
    if (state == NULL || !yields(cluster, channel)) return;
    begin(cluster, channel, false);
    digest_groups(cluster, state->view, own);
    for (uint32_t group = 0; group < MESSAGE_DIGESTS_COUNT; group++) {
        size_t at = (size_t)group * MESSAGE_DIGEST_BYTES;
        if (memcmp(own + at, message->digests.bytes + at, MESSAGE_DIGEST_BYTES) != 0)
            state->groups[group / 8] |= (uint8_t)(1 << (group % 8));
    }
    const struct message want = {.kind = MESSAGE_DOCS_WANT,
                                 .groups = span_of(state->groups, MESSAGE_GROUPS_BYTES)};
    if (!links_say(cluster, channel, LINK_NORMAL, &want)) return;
    if (is_any(state->groups)) {
        send_groups(cluster, channel);
    } else {
        end_if_over(cluster, channel);
    }
}

/* --- documents in ----------------------------------------------------------------------------------------- */

static void say_taken(struct cluster *cluster, struct channel *channel)
{
    struct exchange_state *state = channel->exchange;
    const struct message taken = {.kind = MESSAGE_DOCS_TAKEN};
    if (state->got_last) state->is_receiving = false;
    if (links_say(cluster, channel, LINK_NORMAL, &taken)) end_if_over(cluster, channel);
}

static void on_merged(struct cluster *cluster, struct cluster_job *job)
{
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    bool is_done = job->op.err == ERR_OK;
    if (is_done) {
        cluster->exchange->documents_taken += job->op.docs.changed_count;
        is_done = cluster_job_show(cluster, job);
    }
    channel = links_find(cluster, job->link, job->link_serial); /* a member may have been removed by it */
    if (channel == NULL) return;
    channel->exchange->is_merging = false;
    if (is_done) {
        say_taken(cluster, channel);
    } else {
        links_end(cluster, channel);
    }
}

static void merge(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct cluster_job *job = cluster_job_create(cluster, OP_DOCS_MERGE);
    if (job == NULL) {
        links_end(cluster, channel);
        return;
    }
    if (!cluster_job_copy(job, message->documents, message->documents_count, &job->op.docs.documents)) {
        cluster_job_drop(job);
        links_end(cluster, channel);
        return;
    }
    job->op.docs.documents_count = message->documents_count;
    job->link = channel->number;
    job->link_serial = channel->serial;
    channel->exchange->is_merging = true;
    cluster_job_run(cluster, job, on_merged);
}

static void on_documents(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct exchange_state *state = channel->exchange;
    if (state == NULL || !state->is_receiving || state->is_merging) {
        links_offend(cluster, channel, "documents out of turn");
        return;
    }
    const char *why = exchange_check(*cluster->view, message->documents, message->documents_count);
    if (why != NULL) {
        links_offend(cluster, channel, why);
        return;
    }
    state->got_last = message->is_last;
    if (message->documents_count == 0) {
        say_taken(cluster, channel);
    } else {
        merge(cluster, channel, message);
    }
}

/* --- announcements ---------------------------------------------------------------------------------------- */

static bool say_announcements(struct cluster *cluster, struct channel *channel, struct message *message)
{
    bool is_said = message->spans_count == 0 || links_say(cluster, channel, LINK_NORMAL, message);
    message->spans_count = 0;
    return is_said;
}

/* Add one, and send those that fill a message. */
static bool add_announcement(struct cluster *cluster, struct channel *channel, struct message *message,
                             const struct member *member)
{
    message->spans[message->spans_count++] = member->announcement_bytes;
    return message->spans_count < MESSAGE_ANNOUNCEMENTS_MAX || say_announcements(cluster, channel, message);
}

static const struct message_known *known_of(const struct message *message, const uint8_t *node_id)
{
    for (uint32_t i = 0; i < message->known_count; i++)
        if (memcmp(message->known[i].node_id, node_id, LINK_NODE_ID_BYTES) == 0) return &message->known[i];
    return NULL;
}

/* Send what is newer here, ask for what is newer there. */
static void on_known(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct span newer[MESSAGE_ANNOUNCEMENTS_MAX];
    struct message ours = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = newer};
    struct message wanted = {.kind = MESSAGE_WANTED};
    const struct members *members = &cluster->members;
    wanted.spans = arena_array(&cluster->step, (size_t)members->count + 1, sizeof *wanted.spans);
    for (uint32_t i = 0; i < members->count && wanted.spans != NULL; i++) {
        const struct member *member = members->rows[i];
        const struct message_known *known = known_of(message, member->id);
        uint64_t mine = member->has_announcement ? member->announcement.incarnation : 0;
        uint64_t theirs = known == NULL ? 0 : known->incarnation;
        bool is_other = known != NULL && mine == theirs &&
                        known->mark != gossip_announcement_mark(cluster->gossip, member);
        if ((mine > theirs || is_other) && !add_announcement(cluster, channel, &ours, member)) return;
        if ((theirs > mine || is_other) && wanted.spans_count < MESSAGE_KNOWN_MAX)
            wanted.spans[wanted.spans_count++] = span_of(member->id, LINK_NODE_ID_BYTES);
    }
    if (!say_announcements(cluster, channel, &ours)) return;
    if (wanted.spans_count > 0) (void)links_say(cluster, channel, LINK_NORMAL, &wanted);
}

static void on_wanted(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct span spans[MESSAGE_ANNOUNCEMENTS_MAX];
    struct message ours = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = spans};
    for (uint32_t i = 0; i < message->spans_count; i++) {
        const struct member *member = members_find(&cluster->members, message->spans[i].bytes);
        if (member == NULL || !member->has_announcement) continue;
        if (!add_announcement(cluster, channel, &ours, member)) return;
    }
    (void)say_announcements(cluster, channel, &ours);
}

static void hear(struct cluster *cluster, struct channel *channel, struct span announcement)
{
    if (cluster->gossip == NULL || announcement.length == 0) return;
    (void)gossip_hear(cluster->gossip, announcement, member_of(cluster, channel), cluster->now_us);
}

/* --- greeting and wishes ---------------------------------------------------------------------------------- */

void exchange_greet(struct cluster *cluster, struct channel *channel)
{
    uint8_t digest[16] = {0};
    struct message hello = {.kind = MESSAGE_HELLO};
    if (cluster->gossip != NULL) {
        hello.announcement = gossip_announcement(cluster->gossip);
        gossip_announcements_digest(cluster->gossip, digest);
    }
    hello.documents_digest = span_of(cluster->exchange->digest, 16);
    hello.announcements_digest = span_of(digest, 16);
    (void)links_say(cluster, channel, LINK_URGENT, &hello);
}

/* Only the dialler begins, so that not both do. */
static void on_hello(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    uint8_t digest[16] = {0};
    hear(cluster, channel, message->announcement);
    if (channel->number >= LIMITS_LINKS_DIALLED_MAX || channel->state != CHANNEL_READY) return;
    if (cluster->gossip != NULL) gossip_announcements_digest(cluster->gossip, digest);
    struct exchange_state *state = state_of(channel);
    if (state == NULL) return;
    state->has_announcements = memcmp(digest, message->announcements_digest.bytes, 16) != 0;
    if (memcmp(cluster->exchange->digest, message->documents_digest.bytes, 16) != 0) {
        ask(cluster, channel);
    } else if (state->has_announcements && state->view == NULL) {
        state->has_announcements = false;
        say_known(cluster, channel);
    }
}

void exchange_on_message(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_HELLO: on_hello(cluster, channel, message); break;
    case MESSAGE_DOCS_DIGESTS: on_digests(cluster, channel, message); break;
    case MESSAGE_DOCS_WANT: on_want(cluster, channel, message); break;
    case MESSAGE_DOCS: on_documents(cluster, channel, message); break;
    case MESSAGE_DOCS_TAKEN: on_taken(cluster, channel); break;
    case MESSAGE_KNOWN: on_known(cluster, channel, message); break;
    case MESSAGE_WANTED: on_wanted(cluster, channel, message); break;
    case MESSAGE_ANNOUNCEMENTS:
        for (uint32_t i = 0; i < message->spans_count; i++)
            hear(cluster, channel, message->spans[i]);
        break;
    case MESSAGE_UNKNOWN:
    case MESSAGE_PROBLEM:
    case MESSAGE_JOIN_ASK:
    case MESSAGE_JOIN_INVITE:
    case MESSAGE_JOIN_GRANT:
    case MESSAGE_JOIN_REFUSED: assert(false); break; /* the cluster gives us what is ours */
    }
}

static uint32_t asking_count(const struct cluster *cluster)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        const struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || channel->state > CHANNEL_READY) continue;
        if (channel->purpose == CHANNEL_FOR_EXCHANGE && channel->state != CHANNEL_READY) count++;
        if (channel->exchange != NULL && channel->exchange->view != NULL && channel->exchange->is_ours) count++;
    }
    return count;
}

void exchange_with(struct cluster *cluster, const struct member *member)
{
    struct channel *channel = links_to(cluster, member->id);
    if (channel != NULL) {
        if (channel->exchange == NULL || channel->exchange->view == NULL) ask(cluster, channel);
        return;
    }
    if (!member->has_announcement || asking_count(cluster) >= EXCHANGE_ASKING_MAX) return;
    if (links_has_address(cluster, member->announcement.address)) return;
    (void)links_dial(cluster, member->announcement.address, CHANNEL_FOR_EXCHANGE);
}
