/* Buckets by the highest bits of a duration. */
#include "node/base/histogram.h"

#include <assert.h>

size_t histogram_bucket(uint64_t duration_us)
{
    if (duration_us < HISTOGRAM_STEPS) return (size_t)duration_us;
    if (duration_us >> HISTOGRAM_BITS != 0) return HISTOGRAM_BUCKETS - 1;
    unsigned shift = 63 - (unsigned)__builtin_clzll(duration_us) - HISTOGRAM_STEPS_BITS;
    size_t step = (size_t)(duration_us >> shift) - HISTOGRAM_STEPS; /* the bits below the highest one */
    return (size_t)(shift + 1) * HISTOGRAM_STEPS + step;
}

uint64_t histogram_bucket_end_us(size_t bucket)
{
    assert(bucket < HISTOGRAM_BUCKETS);
    if (bucket < HISTOGRAM_STEPS) return bucket;
    size_t shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t step = bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS;
    return ((step + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t duration_us)
{
    histogram->counts[histogram_bucket(duration_us)]++;
    histogram->count++;
    histogram->sum_us += duration_us;
    if (duration_us > histogram->longest_us) histogram->longest_us = duration_us;
}

uint64_t histogram_quantile_us(const struct histogram *histogram, uint32_t share_per_mille)
{
    assert(share_per_mille <= 1000);
    /* Rounded up, without a product that could wrap. */
    uint64_t wanted = histogram->count / 1000 * share_per_mille +
                      (histogram->count % 1000 * share_per_mille + 999) / 1000;
    uint64_t sum = 0;
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        sum += histogram->counts[bucket];
        if (sum == 0 || sum < wanted) continue;
        uint64_t end_us = histogram_bucket_end_us(bucket);
        return end_us < histogram->longest_us ? end_us : histogram->longest_us;
    }
    return histogram->longest_us;
}

uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t duration_us)
{
    uint64_t sum = 0;
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS && histogram_bucket_end_us(bucket) <= duration_us;
         bucket++) {
        sum += histogram->counts[bucket];
    }
    return sum;
}
