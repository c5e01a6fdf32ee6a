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
    bool has_left_out_version; /* of those that came: the other may have a layout that we cannot */
    uint64_t begun_ms;
    uint64_t progress_ms;   /* the last step of it */
    uint64_t taken_before;  /* exchange->documents_taken, when it began */
    struct quiet {          /* it is not begun again by us… */
        uint64_t until_ms;  /* …before this… */
        uint8_t digest[16]; /* …as long as our documents are still these */
    } quiet;
    uint32_t pages;   /* of announcements we may still ask for */
    uint32_t answers; /* of announcements, that the other may still have */
    bool has_greeted; /* its HELLO came */
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
    if (channel->exchange != NULL) return channel->exchange;
    channel->exchange = arena_alloc(&channel->arena, sizeof *channel->exchange);
    if (channel->exchange != NULL) channel->exchange->answers = EXCHANGE_ANSWERS_MAX;
    return channel->exchange;
}

static struct member *member_of(const struct cluster *cluster, const struct channel *channel)
{
    return members_find(&cluster->members, channel->link.peer.node_id);
}

/* --- digests of groups ------------------------------------------------------------------------------------ */

static_assert((int)VIEW_GROUPS == (int)MESSAGE_DIGESTS_COUNT, "the view's groups are those that are compared");

static void digest_groups(const struct cluster *cluster, const struct view *view, uint8_t *digests)
{
    uint64_t sums[VIEW_GROUPS];
    view_group_sums(view, cluster->store->hash_key, sums);
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

static struct message_known known_here(const struct member *member)
{
    uint64_t mark = gossip_announcement_mark(member);
    uint64_t incarnation = member->has_announcement ? member->announcement.incarnation : 0;
    return (struct message_known){member->id, incarnation, mark};
}

static void say_known(struct cluster *cluster, struct channel *channel)
{
    const struct members *members = &cluster->members;
    struct message message = {.kind = MESSAGE_KNOWN};
    message.known = arena_array(&cluster->step, (size_t)members->count + 1, sizeof *message.known);
    for (uint32_t i = 0; i < members->count && message.known != NULL; i++) {
        const struct member *member = members->rows[i];
        if (!member->has_announcement || message.known_count == MESSAGE_KNOWN_MAX) continue;
        message.known[message.known_count++] = known_here(member);
    }
    if (message.known != NULL) (void)links_say(cluster, channel, LINK_NORMAL, &message);
}

static void begin_known(struct cluster *cluster, struct channel *channel)
{
    channel->exchange->pages = EXCHANGE_PAGES_MAX;
    say_known(cluster, channel);
}

static void begin(struct cluster *cluster, struct channel *channel, bool is_ours)
{
    const struct member *member = member_of(cluster, channel);
    struct exchange_state *state = channel->exchange;
    assert(state->view == NULL);
    *state = (struct exchange_state){
        .view = view_hold(*cluster->view),
        .is_ours = is_ours,
        .has_announcements = state->has_announcements,
        .begun_ms = cluster->now_ms,
        .progress_ms = cluster->now_ms,
        .taken_before = cluster->exchange->documents_taken,
        .quiet = state->quiet,
        .pages = state->pages,
        .answers = state->answers,
        .has_greeted = state->has_greeted,
    };
    if (member != NULL && member->has_announcement) state->announced_number = member->announcement.layout_number;
    cluster->exchange->started_count++;
}

/* Something differed, and nothing came of it here: either it did there, or the next time will be no better. */
static void note_quiet(struct cluster *cluster, struct exchange_state *state)
{
    if (!is_any(state->groups) || cluster->exchange->documents_taken != state->taken_before) return;
    state->quiet.until_ms = cluster->now_ms + EXCHANGE_QUIET_MS;
    memcpy(state->quiet.digest, cluster->exchange->digest, sizeof state->quiet.digest);
}

static bool is_quiet(const struct cluster *cluster, const struct exchange_state *state)
{
    return cluster->now_ms < state->quiet.until_ms &&
           memcmp(state->quiet.digest, cluster->exchange->digest, sizeof state->quiet.digest) == 0;
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
    if (is_quiet(cluster, state)) return;
    begin(cluster, channel, true);
    state->awaits_want = true;
    digest_groups(cluster, state->view, digests);
    const struct message message = {.kind = MESSAGE_DOCS_DIGESTS, .digests = span_of(digests, sizeof digests)};
    (void)links_say(cluster, channel, LINK_NORMAL, &message);
}

/* A member that said it acts upon a layout which it then could not show lied, to make others wait for it. Only
 * what it said before we asked is held against it: it looked at its documents after that; and nothing when we left
 * a version out, which may have been that layout. */
static void check_number(struct cluster *cluster, struct channel *channel, uint64_t announced_number)
{
    if (!channel->exchange->is_ours || announced_number <= cluster->exchange->layout_number) return;
    if (channel->exchange->has_left_out_version) return;
    links_offend(cluster, channel, "a layout number that it cannot show");
}

static void end_if_over(struct cluster *cluster, struct channel *channel)
{
    struct exchange_state *state = channel->exchange;
    state->progress_ms = cluster->now_ms;
    if (state->view == NULL || state->awaits_want || state->is_sending || state->is_receiving) return;
    view_release(state->view);
    state->view = NULL;
    cluster->exchange->finished_count++;
    note_quiet(cluster, state);
    check_number(cluster, channel, state->announced_number);
    if (channel->state != CHANNEL_READY) return;
    if (state->is_ours || state->has_announcements) begin_known(cluster, channel);
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

/* Our own store is not waited for in vain: a job is always answered. */
static bool is_overdue(const struct cluster *cluster, const struct exchange_state *state)
{
    uint64_t interval_ms = cluster->settings->probe_interval_ms;
    if (state->view == NULL || state->is_merging) return false;
    return cluster->now_ms - state->progress_ms >= EXCHANGE_STALL_INTERVALS * interval_ms ||
           cluster->now_ms - state->begun_ms >= EXCHANGE_END_INTERVALS * interval_ms;
}

void exchange_on_time(struct cluster *cluster)
{
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || channel->exchange == NULL || channel->state != CHANNEL_READY) continue;
        if (channel->exchange->answers < EXCHANGE_ANSWERS_MAX) channel->exchange->answers++;
        if (is_overdue(cluster, channel->exchange)) links_end(cluster, channel);
    }
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
        if (!has_group(state->groups, view_group(state->view, cluster->store->hash_key, state->index))) continue;
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
    state->progress_ms = cluster->now_ms;
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

/* What was left out was none of the sender's making, as far as we know; but people must know. */
static void note_left_out(struct cluster *cluster, const struct channel *channel, const struct op_docs *docs)
{
    struct exchange *exchange = cluster->exchange;
    if (docs->left_out_count == 0) return;
    exchange->documents_left_out += docs->left_out_count;
    bool is_said = exchange->left_out_said_ms != 0 &&
                   cluster->now_ms - exchange->left_out_said_ms < EXCHANGE_SAY_AGAIN_MS;
    if (is_said) return;
    exchange->left_out_said_ms = cluster->now_ms;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "documents of another node were not taken");
    if (channel != NULL) outbox_node(&cluster->outbox, line, "node", channel->link.peer.node_id);
    outbox_text(&cluster->outbox, line, "why", span_text(docs->why));
    outbox_number(line, "left_out", exchange->documents_left_out);
}

static void on_merged(struct cluster *cluster, struct cluster_job *job)
{
    struct channel *channel = links_find(cluster, job->link, job->link_serial);
    bool is_done = job->op.err == ERR_OK;
    if (is_done) {
        note_left_out(cluster, channel, &job->op.docs);
        cluster->exchange->documents_taken += job->op.docs.changed_count;
        is_done = cluster_job_show(cluster, job);
    }
    channel = links_find(cluster, job->link, job->link_serial); /* a member may have been removed by it */
    if (channel == NULL) return;
    channel->exchange->is_merging = false;
    bool is_version = (job->op.docs.left_out_letters & OP_DOCS_LETTER(DOCUMENT_LAYOUT)) != 0;
    if (is_version) channel->exchange->has_left_out_version = true;
    if (is_done) {
        say_taken(cluster, channel);
    } else {
        links_end(cluster, channel);
    }
}

static void merge(struct cluster *cluster, struct channel *channel, const struct op_document *documents,
                  uint32_t count)
{
    struct cluster_job *job = cluster_job_create(cluster, OP_DOCS_MERGE);
    if (job == NULL) {
        links_end(cluster, channel);
        return;
    }
    if (!cluster_job_copy(job, documents, count, &job->op.docs.documents)) {
        cluster_job_drop(job);
        links_end(cluster, channel);
        return;
    }
    job->op.docs.documents_count = count;
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
    uint32_t count = message->documents_count;
    const char *why = exchange_check(*cluster->view, message->documents, &count);
    if (why == NULL && message->documents_count == 0 && !message->is_last) why = "no documents, and not the last";
    if (why != NULL) {
        links_offend(cluster, channel, why);
        return;
    }
    if (count < message->documents_count) state->has_left_out_version = true;
    state->got_last = message->is_last;
    if (count == 0) {
        say_taken(cluster, channel);
    } else {
        merge(cluster, channel, message->documents, count);
    }
}

/* --- announcements ---------------------------------------------------------------------------------------- */

static bool say_announcements(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    return message->spans_count == 0 || links_say(cluster, channel, LINK_NORMAL, message);
}

/* The rows of both are in order of id: the next of theirs that is not below `id`. */
static struct message_known known_there(const struct message *message, uint32_t *at, const uint8_t *id)
{
    int order = -1;
    while (*at < message->known_count && (order = memcmp(message->known[*at].node_id, id, LINK_NODE_ID_BYTES)) < 0)
        (*at)++;
    return order == 0 ? message->known[*at] : (struct message_known){0};
}

static bool is_in_order(const struct message *message)
{
    for (uint32_t i = 1; i < message->known_count; i++) {
        const struct message_known *known = &message->known[i - 1];
        if (memcmp(known[0].node_id, known[1].node_id, LINK_NODE_ID_BYTES) >= 0) return false;
    }
    return true;
}

/* May the other have announcements once more? */
static bool may_answer(struct channel *channel)
{
    struct exchange_state *state = state_of(channel);
    if (state == NULL || state->answers == 0) return false;
    if (link_queued_bytes(&channel->link) > EXCHANGE_QUEUED_BYTES_MAX) return false;
    state->answers--;
    return true;
}

/* Send what is newer here, ask for what is newer there: a message of each, whatever the other says it knows. From
 * a row of the dice's on, so that what one of us cannot take does not stand before all else for ever. */
static void on_known(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct span newer[MESSAGE_ANNOUNCEMENTS_MAX];
    struct span older[MESSAGE_ANNOUNCEMENTS_MAX];
    struct message ours = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = newer};
    struct message wanted = {.kind = MESSAGE_WANTED, .spans = older};
    const struct members *members = &cluster->members;
    if (!is_in_order(message)) {
        links_offend(cluster, channel, "nodes out of order");
        return;
    }
    if (!may_answer(channel)) return;
    uint32_t first = members->count == 0 ? 0 : (uint32_t)(prng_u64(&cluster->prng) % members->count);
    uint32_t at = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        uint32_t index = (first + i) % members->count;
        const struct member *member = members->rows[index];
        if (index == 0) at = 0;
        const struct message_known mine = known_here(member);
        const struct message_known theirs = known_there(message, &at, member->id);
        /* Two of one incarnation: both go over, and both of us then hold the same of them. */
        bool is_other = mine.incarnation == theirs.incarnation && mine.mark != theirs.mark;
        if ((mine.incarnation > theirs.incarnation || is_other) && ours.spans_count < MESSAGE_ANNOUNCEMENTS_MAX)
            newer[ours.spans_count++] = member->announcement_bytes;
        if ((theirs.incarnation > mine.incarnation || is_other) && wanted.spans_count < MESSAGE_ANNOUNCEMENTS_MAX)
            older[wanted.spans_count++] = span_of(member->id, LINK_NODE_ID_BYTES);
    }
    if (!say_announcements(cluster, channel, &ours)) return;
    if (wanted.spans_count > 0) (void)links_say(cluster, channel, LINK_NORMAL, &wanted);
}

/* A full answer may not be all: ask again, so often at most. */
static void know_more(struct cluster *cluster, struct channel *channel, uint32_t spans_count)
{
    struct exchange_state *state = channel->exchange;
    if (spans_count < MESSAGE_ANNOUNCEMENTS_MAX || state == NULL || state->pages == 0) return;
    state->pages--;
    say_known(cluster, channel);
}

static void on_wanted(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    struct span spans[MESSAGE_ANNOUNCEMENTS_MAX];
    struct message ours = {.kind = MESSAGE_ANNOUNCEMENTS, .spans = spans};
    if (!may_answer(channel)) return;
    for (uint32_t i = 0; i < message->spans_count && ours.spans_count < MESSAGE_ANNOUNCEMENTS_MAX; i++) {
        const struct member *member = members_find(&cluster->members, message->spans[i].bytes);
        if (member != NULL && member->has_announcement) spans[ours.spans_count++] = member->announcement_bytes;
    }
    if (say_announcements(cluster, channel, &ours)) know_more(cluster, channel, message->spans_count);
}

static void hear(struct cluster *cluster, struct channel *channel, struct span announcement)
{
    if (cluster->gossip == NULL || announcement.length == 0) return;
    (void)gossip_hear(cluster->gossip, announcement, member_of(cluster, channel), cluster->now_us);
}

static void on_announcements(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    for (uint32_t i = 0; i < message->spans_count; i++)
        hear(cluster, channel, message->spans[i]);
    know_more(cluster, channel, message->spans_count);
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
    struct exchange_state *state = state_of(channel);
    if (state == NULL) return;
    if (state->has_greeted) {
        links_offend(cluster, channel, "a second greeting");
        return;
    }
    state->has_greeted = true;
    hear(cluster, channel, message->announcement);
    if (channel->number >= LIMITS_LINKS_DIALLED_MAX || channel->state != CHANNEL_READY) return;
    if (cluster->gossip != NULL) gossip_announcements_digest(cluster->gossip, digest);
    state->has_announcements = memcmp(digest, message->announcements_digest.bytes, 16) != 0;
    if (memcmp(cluster->exchange->digest, message->documents_digest.bytes, 16) != 0) {
        ask(cluster, channel);
    } else if (state->has_announcements && state->view == NULL) {
        state->has_announcements = false;
        begin_known(cluster, channel);
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
    case MESSAGE_ANNOUNCEMENTS: on_announcements(cluster, channel, message); break;
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

void exchange_with_all(struct cluster *cluster)
{
    const struct members *members = &cluster->members;
    if (members->count > GOSSIP_SMALL_MAX) return;
    for (uint32_t i = 0; i < members->count; i++) {
        const struct member *member = members->rows[i];
        if (member->is_self || member->state != MEMBER_ALIVE) continue;
        struct channel *channel = links_to(cluster, member->id);
        if (channel != NULL) {
            ask(cluster, channel);
        } else if (!links_has_address(cluster, member->announcement.address)) {
            (void)links_dial(cluster, member->announcement.address, CHANNEL_FOR_EXCHANGE);
        }
    }
}
