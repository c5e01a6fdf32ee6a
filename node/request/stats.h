/* What a node has done since its start, in numbers that take no more memory however long it runs: answers and
 * their durations by operation, refusals by their code. Pure.
 */
#ifndef NODE_REQUEST_STATS_H
#define NODE_REQUEST_STATS_H

#include "http/route.h"
#include "node/base/histogram.h"

/* What a request is counted as. */
enum stats_row {
    STATS_UNROUTED, /* refused before it was known what it asks for */
    STATS_ADMIN,    /* the operator's, all together */
    STATS_K2V,      /* from here on by enum http_operation */
    STATS_ROWS = STATS_K2V + HTTP_PREFLIGHT + 1,
};

/* How a request ended. */
enum stats_class {
    STATS_2XX,
    STATS_3XX, /* 304: a poll without news */
    STATS_4XX,
    STATS_5XX,  /* and answers that had to be cut off */
    STATS_GONE, /* the client went away before an answer */
    STATS_CLASSES,
};

enum {
    STATS_CODES_MAX = 32, /* codes of error answers that are told apart; there are some twenty */
};

struct stats_operation {
    uint64_t classes[STATS_CLASSES];
    struct histogram durations; /* of all that were answered: from the head to the last byte given to the socket */
};

struct stats_refusal {
    const char *code; /* a literal; NULL: this place and all behind it are free */
    uint64_t count;
};

/* {0} is empty. */
struct stats {
    struct stats_operation operations[STATS_ROWS];
    struct stats_refusal refusals[STATS_CODES_MAX];
    uint64_t other_refusals; /* of codes beyond STATS_CODES_MAX */
};

/* A request is over. `status` 0: the client went away without an answer; its duration is not counted. */
void stats_count(struct stats *stats, enum stats_row row, int status, uint64_t duration_us);

/* An answer says `code`, which lives as long as the program. */
void stats_refuse(struct stats *stats, const char *code);

/* "ReadItem", …, "Admin", "Unrouted"; "2xx", …, "gone". */
const char *stats_row_name(enum stats_row row);
const char *stats_class_name(enum stats_class class);

#endif
