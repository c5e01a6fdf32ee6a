/* Range semantics of listings (reference 3.1): prefix, start, end, limit and direction become an interval walked
 * page by page. */
#ifndef NODE_REQUEST_RANGE_H
#define NODE_REQUEST_RANGE_H

#include "node/request/request.h"

/* What a client asked for; absent texts have at == NULL. */
struct range_query {
    struct http_span prefix, start, end;
    bool has_limit;
    uint64_t limit;
    bool reverse;
};

struct range {
    struct range_query query;
    struct op_interval interval; /* what is left to walk */
    uint64_t taken;
    uint32_t pages;   /* walked so far: the next one is larger, should a filter hide most */
    bool more;        /* the limit cut the listing… */
    struct span next; /* …before this key; in the request's arena */
};

enum range_verdict { RANGE_OK, RANGE_REFUSED, RANGE_MEMORY };

/* Check the query and find its interval. REFUSED fills `message` (AUTH_MESSAGE_CHARS): start outside prefix, a
 * text over the key limit. The query's texts are borrowed as long as the range. */
enum range_verdict range_init(struct range *range, const struct range_query *query, struct arena *arena,
                              char *message);

/* The interval of a poll: as above without direction and limit, and start need not begin with prefix. */
enum range_verdict range_init_poll(struct range *range, const struct range_query *query, struct arena *arena,
                                   char *message);

/* A key that passes the filter, in walking order: true to list it; false when the limit is reached (more and next
 * are then set, or next.bytes NULL when out of memory) and the walk is over. */
bool range_take(struct range *range, struct span key, struct arena *arena);

/* Room for the key a walk goes on behind; one walk at a time needs one. */
struct range_place {
    uint8_t bytes[KEYS_SORT_KEY_BYTES_MAX];
};

/* The page ended at `last`: go on behind it. `place` keeps the key and lives as long as the walk. */
void range_resume(struct range *range, struct span last, struct range_place *place);

/* How many rows the next page should have at most. */
uint32_t range_page_size(const struct range *range);

#endif
