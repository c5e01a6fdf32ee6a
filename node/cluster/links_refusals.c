/* Each minute one line for a reason of one host and node, and LINKS_REFUSALS_LOGGED in all; those that came in are
 * counted apart, so that whoever knocks at the port cannot hide what becomes of our own dials. */
#include "node/cluster/links_refusals.h"

enum { MINUTE_MS = 60000 };

/* The address without its port, which is another one each time. */
static struct links_refusal refusal_of(const struct channel *channel, const char *why)
{
    struct links_refusal refusal = {.why = why};
    const char *colon = strrchr(channel->address, ':');
    size_t length = colon == NULL ? strlen(channel->address) : (size_t)(colon - channel->address);
    memcpy(refusal.host, channel->address, length);
    memcpy(refusal.node_id, channel->link.peer.node_id, LINK_NODE_ID_BYTES);
    return refusal;
}

static bool is_same(const struct links_refusal *a, const struct links_refusal *b)
{
    return a->why == b->why && strcmp(a->host, b->host) == 0 &&
           memcmp(a->node_id, b->node_id, LINK_NODE_ID_BYTES) == 0;
}

static enum links_refusal_sort sort_of(const struct channel *channel)
{
    return channel->number < LIMITS_LINKS_DIALLED_MAX ? LINKS_REFUSAL_DIALLED : LINKS_REFUSAL_IN;
}

/* Is it to be said? Then it counts. */
static bool count(struct cluster *cluster, const struct channel *channel, enum links_refusal_sort sort,
                  const char *why, bool *is_last)
{
    struct links_refusals *refusals = &cluster->links->refusals;
    uint32_t *said_count = &refusals->counts[sort];
    struct links_refusal refusal = refusal_of(channel, why);
    if (cluster->now_ms - refusals->since_ms >= MINUTE_MS)
        *refusals = (struct links_refusals){.since_ms = cluster->now_ms};
    for (uint32_t i = 0; i < *said_count; i++)
        if (is_same(&refusals->said[sort][i], &refusal)) return false;
    if (*said_count == LINKS_REFUSALS_LOGGED) return false;
    refusals->said[sort][(*said_count)++] = refusal;
    *is_last = *said_count == LINKS_REFUSALS_LOGGED;
    return true;
}

static void say(struct cluster *cluster, const struct channel *channel, struct effect *line, const char *name,
                const char *why, bool is_last)
{
    static const uint8_t nobody[LINK_NODE_ID_BYTES] = {0};
    outbox_text(&cluster->outbox, line, "remote", span_text(channel->address));
    outbox_text(&cluster->outbox, line, name, span_text(why));
    if (memcmp(channel->link.peer.node_id, nobody, sizeof nobody) != 0)
        outbox_node(&cluster->outbox, line, "node", channel->link.peer.node_id);
    if (is_last) outbox_number(line, "silent_until_next_minute", 1);
}

void links_refusals_note(struct cluster *cluster, const struct channel *channel, const char *why)
{
    bool is_last = false;
    if (why == LINK_REASON_SELF) return;
    if (why == LINK_REASON_COPY) {
        cluster->links->copy_ms = cluster->now_ms;
        memcpy(cluster->links->copy_address, channel->address, sizeof channel->address);
    }
    if (!count(cluster, channel, sort_of(channel), why, &is_last)) return;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "a link to another node was refused");
    say(cluster, channel, line, "why", why, is_last);
}

void links_refusals_note_unwanted(struct cluster *cluster, const struct channel *channel, const char *why,
                                  bool is_passing)
{
    bool is_last = false;
    enum links_refusal_sort sort = is_passing ? LINKS_REFUSAL_PASSING : sort_of(channel);
    if (!count(cluster, channel, sort, why, &is_last)) return;
    enum effect_level level = is_passing ? EFFECT_DEBUG : EFFECT_WARN;
    struct effect *line = outbox_log(&cluster->outbox, level, "a node was not let in");
    say(cluster, channel, line, "why", why, is_last);
}

void links_refusals_note_offence(struct cluster *cluster, const struct channel *channel, const char *what)
{
    bool is_last = false;
    if (!count(cluster, channel, sort_of(channel), what, &is_last)) return;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "a node sent what no sound node sends");
    say(cluster, channel, line, "what", what, is_last);
}

bool links_has_copy(const struct cluster *cluster)
{
    const struct links *links = cluster->links;
    return links != NULL && links->copy_ms != 0 && cluster->now_ms - links->copy_ms < LINKS_COPY_MS;
}
