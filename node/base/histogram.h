/* How often durations of which length came: counts in buckets that grow with the duration, in memory that does
 * not.
 *
 * Pure. Durations below HISTOGRAM_STEPS have a bucket each; above, each doubling is cut into HISTOGRAM_STEPS equal
 * buckets, so that a bucket's upper end is at most an eighth above its lower one. What is longer than the last
 * bucket's end counts in the last.
 */
#ifndef NODE_BASE_HISTOGRAM_H
#define NODE_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_STEPS_BITS = 3,
    HISTOGRAM_STEPS = 1 << HISTOGRAM_STEPS_BITS, /* buckets of a doubling: an error of at most 1/8 */
    HISTOGRAM_BITS = 32,                         /* durations up to 2^32 - 1 us, over an hour: beyond any poll */
    HISTOGRAM_BUCKETS = (HISTOGRAM_BITS - HISTOGRAM_STEPS_BITS + 1) * HISTOGRAM_STEPS,
};

/* {0} is empty. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum_us;
    uint64_t longest_us;
};

void histogram_add(struct histogram *histogram, uint64_t duration_us);

/* The bucket of a duration, and the longest duration of a bucket. */
size_t histogram_bucket(uint64_t duration_us);
uint64_t histogram_bucket_end_us(size_t bucket);

/* The duration that `share` per mille of all do not exceed, rounded up to the end of its bucket but never above
 * the longest there was. 0 for an empty histogram; `share` is at most 1000. */
uint64_t histogram_quantile_us(const struct histogram *histogram, uint32_t share_per_mille);

/* How many took at most `duration_us`, when that is a bucket's end; else of the bucket it lies in none count. */
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t duration_us);

#endif
