/* Counting answers. */
#include "node/request/stats.h"

#include <assert.h>
#include <string.h>

static enum stats_class class_of(int status)
{
    if (status == 0) return STATS_GONE;
    if (status < 300) return STATS_2XX;
    if (status < 400) return STATS_3XX;
    return status < 500 ? STATS_4XX : STATS_5XX;
}

void stats_count(struct stats *stats, enum stats_row row, int status, uint64_t duration_us)
{
    assert(row < STATS_ROWS);
    struct stats_operation *operation = &stats->operations[row];
    enum stats_class class = class_of(status);
    operation->classes[class]++;
    if (class != STATS_GONE) histogram_add(&operation->durations, duration_us);
}

void stats_refuse(struct stats *stats, const char *code)
{
    for (size_t i = 0; i < STATS_CODES_MAX; i++) {
        struct stats_refusal *refusal = &stats->refusals[i];
        if (refusal->code == NULL) refusal->code = code;
        if (strcmp(refusal->code, code) == 0) {
            refusal->count++;
            return;
        }
    }
    stats->other_refusals++;
}

const char *stats_row_name(enum stats_row row)
{
    assert(row < STATS_ROWS);
    if (row == STATS_UNROUTED) return "Unrouted";
    if (row == STATS_ADMIN) return "Admin";
    if (row == STATS_K2V + HTTP_PREFLIGHT) return "Preflight"; /* one word, as all the others */
    return http_operation_name((enum http_operation)(row - STATS_K2V));
}

const char *stats_class_name(enum stats_class class)
{
    static const char *const names[STATS_CLASSES] = {"2xx", "3xx", "4xx", "5xx", "gone"};
    assert(class < STATS_CLASSES);
    return names[class];
}
