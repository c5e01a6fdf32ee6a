/* A bucket is an octave and a step in it, both read off the value's highest bits. */
#include "tests/bench/latencies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEP_BITS = 7 };

static uint32_t bucket_of(uint64_t value)
{
    if (value < 2 * LATENCIES_STEPS) return (uint32_t)value;
    uint32_t octave = 63u - (uint32_t)__builtin_clzll(value) - STEP_BITS;
    uint32_t bucket = octave * LATENCIES_STEPS + (uint32_t)(value >> octave);
    return bucket < LATENCIES_BUCKETS ? bucket : LATENCIES_BUCKETS - 1;
}

static uint64_t middle_of(uint32_t bucket)
{
    if (bucket < 2 * LATENCIES_STEPS) return bucket;
    uint32_t octave = bucket / LATENCIES_STEPS - 1;
    uint64_t least = (uint64_t)(bucket - octave * LATENCIES_STEPS) << octave;
    return least + (UINT64_C(1) << octave) / 2;
}

void latencies_add(struct latencies *latencies, uint64_t value_ns)
{
    latencies->counts[bucket_of(value_ns)]++;
    latencies->total++;
    if (value_ns > latencies->max_ns) latencies->max_ns = value_ns;
}

uint64_t latencies_at(const struct latencies *latencies, uint64_t parts_per_million)
{
    if (latencies->total == 0) return 0;
    uint64_t wanted = (latencies->total * parts_per_million + 999999) / 1000000;
    if (wanted == 0) wanted = 1;
    uint64_t seen = 0;
    uint32_t bucket = 0;
    while ((seen += latencies->counts[bucket]) < wanted) {
        bucket++;
    }
    uint64_t value = middle_of(bucket);
    return value < latencies->max_ns ? value : latencies->max_ns;
}

void latencies_run(const struct options *options)
{
    (void)options;
    struct latencies *latencies = bench_alloc(sizeof *latencies);
    uint64_t value = 0;
    while (scanf("%" SCNu64, &value) == 1) {
        latencies_add(latencies, value);
    }
    printf("{\"p50\": %" PRIu64 ", \"p90\": %" PRIu64 ", \"p99\": %" PRIu64 ", \"p999\": %" PRIu64
           ", \"max\": %" PRIu64 "}\n",
           latencies_at(latencies, 500000), latencies_at(latencies, 900000), latencies_at(latencies, 990000),
           latencies_at(latencies, 999000), latencies->max_ns);
    free(latencies);
}
