/* Item polls hang in chains by (partition, sort key), range polls in chains by partition. */
#include "node/request/polls.h"

#include <assert.h>
#include <sodium/crypto_shorthash.h>

/* The chains' key need not be secret from peers, only from clients: the front of the token key serves. */
static uint32_t item_chain(const struct service *service, const uint8_t *hash, struct span sort_key)
{
    uint8_t text[RING_HASH_BYTES + KEYS_SORT_KEY_BYTES_MAX];
    uint64_t number = 0;
    assert(sort_key.length <= KEYS_SORT_KEY_BYTES_MAX);
    memcpy(text, hash, RING_HASH_BYTES);
    if (sort_key.length > 0) memcpy(text + RING_HASH_BYTES, sort_key.bytes, sort_key.length);
    crypto_shorthash((unsigned char *)&number, text, RING_HASH_BYTES + sort_key.length, service->token_key);
    return (uint32_t)(number % LIMITS_POLL_CHAINS);
}

static uint32_t range_chain(const uint8_t *hash)
{
    return (uint32_t)(wire_load_u64(hash) % LIMITS_POLL_CHAINS);
}

bool polls_init(struct service *service, struct arena *arena)
{
    service->item_polls = arena_array(arena, LIMITS_POLL_CHAINS, sizeof *service->item_polls);
    service->range_polls = arena_array(arena, LIMITS_POLL_CHAINS, sizeof *service->range_polls);
    if (service->item_polls == NULL || service->range_polls == NULL) return false;
    list_init(&service->changed_chains);
    list_init(&service->late_polls);
    list_init(&service->lent_writes);
    for (int i = 0; i < LIMITS_POLL_CHAINS; i++) {
        list_init(&service->item_polls[i]);
        list_init(&service->range_polls[i].polls);
        list_init(&service->range_polls[i].changed_link);
    }
    return true;
}

void polls_init_poll(struct poll *poll, struct request *request)
{
    list_init(&poll->link);
    list_init(&poll->late_link);
    poll->request = request;
}

void polls_subscribe(struct service *service, struct poll *poll)
{
    struct list *chain = poll->is_range ? &service->range_polls[range_chain(poll->hash)].polls
                                        : &service->item_polls[item_chain(service, poll->hash, poll->sort_key)];
    list_append(chain, &poll->link);
    service->waiting_polls++;
}

void polls_unsubscribe(struct poll *poll)
{
    if (list_is_empty(&poll->link)) return;
    list_remove(&poll->link);
    list_remove(&poll->late_link);
    poll->request->service->waiting_polls--;
}

/* --- telling -------------------------------------------------------------------------------------------- */

/* A poll that is told may unsubscribe itself, never another: the next link is taken first. */
static void notify_items(struct service *service, const uint8_t *hash, struct span sort_key)
{
    struct list *chain = &service->item_polls[item_chain(service, hash, sort_key)];
    struct list *link = chain->next;
    while (link != chain) {
        struct poll *poll = LIST_OWNER(link, struct poll, link);
        link = link->next;
        service->polls_looked_at++;
        if (memcmp(poll->hash, hash, RING_HASH_BYTES) == 0 && span_is_equal(poll->sort_key, sort_key))
            poll->request->calls->on_notify(poll->request, sort_key, sort_key);
    }
}

static void note_in_chain(struct service *service, const uint8_t *hash, struct span sort_key)
{
    struct polls_chain *chain = &service->range_polls[range_chain(hash)];
    if (list_is_empty(&chain->polls)) return;
    if (list_is_empty(&chain->changed_link)) {
        list_append(&service->changed_chains, &chain->changed_link);
        memcpy(chain->hash, hash, RING_HASH_BYTES);
        chain->is_mixed = false;
        chain->low = sort_key;
        chain->high = sort_key;
        return;
    }
    if (memcmp(chain->hash, hash, RING_HASH_BYTES) != 0) chain->is_mixed = true;
    if (span_compare(sort_key, chain->low) < 0) chain->low = sort_key;
    if (span_compare(sort_key, chain->high) > 0) chain->high = sort_key;
}

void polls_notify(struct service *service, const uint8_t hash[RING_HASH_BYTES], struct span sort_key)
{
    if (service->waiting_polls == 0) return;
    notify_items(service, hash, sort_key);
    note_in_chain(service, hash, sort_key);
}

/* May a key from low to high be in the interval? */
static bool meets(const struct op_interval *interval, struct span low, struct span high)
{
    int above = span_compare(high, interval->low);
    if (above < 0 || (above == 0 && interval->low_is_open)) return false;
    if (!interval->has_high) return true;
    int below = span_compare(low, interval->high);
    return below < 0 || (below == 0 && interval->high_is_in);
}

static void tell_chain(struct service *service, struct polls_chain *chain)
{
    struct list *link = chain->polls.next;
    while (link != &chain->polls) {
        struct poll *poll = LIST_OWNER(link, struct poll, link);
        link = link->next;
        service->polls_looked_at++;
        bool is_meant = chain->is_mixed || memcmp(poll->hash, chain->hash, RING_HASH_BYTES) == 0;
        if (is_meant && meets(poll->interval, chain->low, chain->high))
            poll->request->calls->on_notify(poll->request, chain->low, chain->high);
    }
}

void polls_tell(struct service *service)
{
    while (!list_is_empty(&service->changed_chains)) {
        struct polls_chain *chain = LIST_OWNER(service->changed_chains.next, struct polls_chain, changed_link);
        list_remove(&chain->changed_link);
        tell_chain(service, chain);
    }
}

bool polls_is_allowed(const struct request *request)
{
    const struct view *view = request->service->view;
    struct document_bucket bucket;
    struct document_key key;
    return view_key(view, request->key_id, &key) && view_bucket(view, request->bucket_id, &bucket) &&
           (view_permissions(view, request->bucket_id, request->key_id) & DOCUMENT_READ) != 0;
}

/* --- deadlines ------------------------------------------------------------------------------------------ */

void polls_on_write_lent(struct request *request)
{
    request->op.write.number = ++request->service->writes_count;
    list_append(&request->service->lent_writes, &request->turn_link);
}

/* Is a write under way that was lent before the poll's deadline? */
static bool has_older_write(const struct service *service, const struct poll *poll)
{
    const struct list *oldest = service->lent_writes.next;
    if (oldest == &service->lent_writes) return false;
    return LIST_OWNER(oldest, const struct request, turn_link)->op.write.number <= poll->writes_count;
}

void polls_on_write_told(struct request *request)
{
    struct service *service = request->service;
    list_remove(&request->turn_link);
    while (!list_is_empty(&service->late_polls)) {
        struct poll *poll = LIST_OWNER(service->late_polls.next, struct poll, late_link);
        if (has_older_write(service, poll)) return;
        list_remove(&poll->late_link);
        poll->request->calls->on_time(poll->request);
    }
}

bool polls_is_over(struct poll *poll)
{
    struct service *service = poll->request->service;
    if (!poll->is_late) poll->writes_count = service->writes_count;
    poll->is_late = true;
    if (!has_older_write(service, poll)) return true;
    if (list_is_empty(&poll->late_link)) list_append(&service->late_polls, &poll->late_link);
    return false;
}

void polls_start_timer(struct request *request, bool has_timeout, uint64_t timeout_s)
{
    if (!has_timeout) timeout_s = LIMITS_POLL_TIMEOUT_S_DEFAULT;
    if (timeout_s < LIMITS_POLL_TIMEOUT_S_MIN) timeout_s = LIMITS_POLL_TIMEOUT_S_MIN;
    if (timeout_s > LIMITS_POLL_TIMEOUT_S_MAX) timeout_s = LIMITS_POLL_TIMEOUT_S_MAX;
    timers_add(&request->service->timers, &request->timer, request->service->now_ms + timeout_s * 1000);
}
