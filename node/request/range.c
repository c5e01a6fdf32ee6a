/* Intervals from queries. */
#include "node/request/range.h"

#include <assert.h>
#include <stdio.h>

/* The first text bytewise above all that begin with `prefix`; bytes NULL without memory. The prefix is UTF-8 and
 * not empty, so its last byte can be raised. */
static struct span above_prefix(struct http_span prefix, struct arena *arena)
{
    uint8_t *copy = arena_copy(arena, prefix.at, prefix.length);
    if (copy == NULL) return (struct span){NULL, 0};
    assert(copy[prefix.length - 1] < 0xff);
    copy[prefix.length - 1]++;
    return span_of(copy, prefix.length);
}

static bool fits(const char *name, struct http_span text, char *message)
{
    if (text.length <= KEYS_SORT_KEY_BYTES_MAX) return true;
    snprintf(message, AUTH_MESSAGE_CHARS, "%s has %zu bytes; keys have at most %d", name, text.length,
             KEYS_SORT_KEY_BYTES_MAX);
    return false;
}

static bool query_fits(const struct range_query *query, char *message)
{
    return fits("prefix", query->prefix, message) && fits("start", query->start, message) &&
           fits("end", query->end, message);
}

/* Cut the interval at `high` (exclusive) if that is lower. */
static void lower_high(struct op_interval *interval, struct span high)
{
    if (interval->has_high && span_compare(interval->high, high) <= 0) {
        if (span_compare(interval->high, high) == 0) interval->high_is_in = false;
        return;
    }
    interval->high = high;
    interval->has_high = true;
    interval->high_is_in = false;
}

static void raise_low(struct op_interval *interval, struct span low, bool is_open)
{
    int order = span_compare(low, interval->low);
    if (order < 0) return;
    interval->low_is_open = is_open || (order == 0 && interval->low_is_open);
    interval->low = low;
}

static enum range_verdict find_interval(struct range *range, struct arena *arena)
{
    const struct range_query *query = &range->query;
    struct op_interval *interval = &range->interval;
    *interval = (struct op_interval){.low = span_of("", 0)};
    if (query->prefix.length > 0) {
        struct span above = above_prefix(query->prefix, arena);
        if (above.bytes == NULL) return RANGE_MEMORY;
        raise_low(interval, span_http(query->prefix), false);
        lower_high(interval, above);
    }
    if (query->start.at != NULL && !query->reverse) raise_low(interval, span_http(query->start), false);
    if (query->end.at != NULL && !query->reverse) lower_high(interval, span_http(query->end));
    if (query->end.at != NULL && query->reverse) raise_low(interval, span_http(query->end), true);
    if (query->start.at != NULL && query->reverse) { /* inclusive from above; below the prefix's end as checked */
        interval->high = span_http(query->start);
        interval->has_high = true;
        interval->high_is_in = true;
    }
    return RANGE_OK;
}

enum range_verdict range_init_poll(struct range *range, const struct range_query *query, struct arena *arena,
                                   char *message)
{
    range->query = *query;
    range->taken = 0;
    range->pages = 0;
    range->more = false;
    range->next = (struct span){0};
    return query_fits(query, message) ? find_interval(range, arena) : RANGE_REFUSED;
}

enum range_verdict range_init(struct range *range, const struct range_query *query, struct arena *arena,
                              char *message)
{
    bool is_outside = query->prefix.at != NULL && query->start.at != NULL &&
                      !span_has_prefix(span_http(query->start), span_http(query->prefix));
    if (is_outside) {
        snprintf(message, AUTH_MESSAGE_CHARS, "start does not begin with prefix");
        return RANGE_REFUSED;
    }
    return range_init_poll(range, query, arena, message);
}

bool range_take(struct range *range, struct span key, struct arena *arena)
{
    if (!range->query.has_limit || range->taken < range->query.limit) {
        range->taken++;
        return true;
    }
    range->more = true;
    range->next = span_of(arena_copy(arena, key.bytes, key.length), key.length);
    return false;
}

void range_resume(struct range *range, struct span last, struct range_place *place)
{
    assert(last.length <= sizeof place->bytes);
    if (last.length > 0) memcpy(place->bytes, last.bytes, last.length);
    struct span here = span_of(place->bytes, last.length);
    range->pages++;
    if (range->query.reverse) {
        range->interval.high = here;
        range->interval.has_high = true;
        range->interval.high_is_in = false;
    } else {
        range->interval.low = here;
        range->interval.low_is_open = true;
    }
}

uint32_t range_page_size(const struct range *range)
{
    if (!range->query.has_limit || range->pages > 3) return OP_RANGE_ITEMS_MAX;
    uint64_t wanted = range->query.limit - range->taken;
    if (wanted >= OP_RANGE_ITEMS_MAX) return OP_RANGE_ITEMS_MAX;
    wanted = (wanted + 1) << (3 * range->pages);
    return wanted > OP_RANGE_ITEMS_MAX ? OP_RANGE_ITEMS_MAX : (uint32_t)wanted;
}
