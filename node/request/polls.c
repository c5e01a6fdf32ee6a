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
    list_init(&service->woken_polls);
    for (int i = 0; i < LIMITS_POLL_CHAINS; i++) {
        list_init(&service->item_polls[i]);
        list_init(&service->range_polls[i]);
    }
    return true;
}

void polls_init_poll(struct poll *poll, struct request *request)
{
    list_init(&poll->link);
    list_init(&poll->woken_link);
    poll->request = request;
}

void polls_subscribe(struct service *service, struct poll *poll)
{
    struct list *chain = poll->is_range ? &service->range_polls[range_chain(poll->hash)]
                                        : &service->item_polls[item_chain(service, poll->hash, poll->sort_key)];
    list_append(chain, &poll->link);
    service->waiting_polls++;
}

void polls_unsubscribe(struct poll *poll)
{
    if (list_is_empty(&poll->link)) return;
    list_remove(&poll->link);
    list_remove(&poll->woken_link);
    poll->request->service->waiting_polls--;
}

static bool matches(const struct poll *poll, const uint8_t *hash, struct span sort_key)
{
    if (memcmp(poll->hash, hash, RING_HASH_BYTES) != 0) return false;
    return poll->is_range ? op_interval_has(poll->interval, sort_key) : span_is_equal(poll->sort_key, sort_key);
}

/* A poll that is told may unsubscribe itself, never another: the next link is taken first. */
static void notify_chain(struct list *chain, const uint8_t *hash, struct span sort_key)
{
    struct list *link = chain->next;
    while (link != chain) {
        struct poll *poll = LIST_OWNER(link, struct poll, link);
        link = link->next;
        if (matches(poll, hash, sort_key)) poll->request->calls->on_notify(poll->request, sort_key);
    }
}

void polls_notify(struct service *service, const uint8_t hash[RING_HASH_BYTES], struct span sort_key)
{
    if (service->waiting_polls == 0) return;
    notify_chain(&service->item_polls[item_chain(service, hash, sort_key)], hash, sort_key);
    notify_chain(&service->range_polls[range_chain(hash)], hash, sort_key);
}

bool polls_is_allowed(const struct request *request)
{
    const struct view *view = request->service->view;
    struct document_bucket bucket;
    struct document_key key;
    return view_key(view, request->key_id, &key) && view_bucket(view, request->bucket_id, &bucket) &&
           (view_permissions(view, request->bucket_id, request->key_id) & DOCUMENT_READ) != 0;
}

void polls_wake_later(struct poll *poll)
{
    if (list_is_empty(&poll->woken_link)) list_append(&poll->request->service->woken_polls, &poll->woken_link);
}

void polls_wake(struct service *service)
{
    while (!list_is_empty(&service->woken_polls)) {
        struct poll *poll = LIST_OWNER(service->woken_polls.next, struct poll, woken_link);
        list_remove(&poll->woken_link);
        poll->request->calls->on_wake(poll->request);
    }
}

void polls_start_timer(struct request *request, bool has_timeout, uint64_t timeout_s)
{
    if (!has_timeout) timeout_s = LIMITS_POLL_TIMEOUT_S_DEFAULT;
    if (timeout_s < LIMITS_POLL_TIMEOUT_S_MIN) timeout_s = LIMITS_POLL_TIMEOUT_S_MIN;
    if (timeout_s > LIMITS_POLL_TIMEOUT_S_MAX) timeout_s = LIMITS_POLL_TIMEOUT_S_MAX;
    timers_add(&request->service->timers, &request->timer, request->service->now_ms + timeout_s * 1000);
}
