/* What the command line of skerry-bench says. */
#ifndef TESTS_BENCH_OPTIONS_H
#define TESTS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    OPTIONS_CONNECTIONS_MAX = 4096,
    OPTIONS_VALUE_BYTES_MAX = 16 * 1024 * 1024,
    OPTIONS_BATCH_MAX = 16384,
};

enum work_kind {
    WORK_GET,
    WORK_PUT,
    WORK_INSERT_BATCH,
    WORK_READ_BATCH,
    WORK_READ_INDEX,
    WORK_POLL,
    WORK_REDIS_SET,
    WORK_REDIS_GET,
    WORK_KINDS_COUNT,
};

struct options {
    enum work_kind work;
    const char *env_file;  /* where a node wrote endpoint, bucket and key */
    const char *address;   /* HOST:PORT instead of the endpoint's; Redis and the bare server have no file */
    const char *directory; /* of the raw ceilings */
    uint64_t milliseconds; /* time measured */
    uint64_t warm_up_ms;   /* before it, not counted */
    uint64_t requests;     /* stop after so many instead; 0: by time */
    uint64_t rate_per_s;   /* open loop; 0: closed */
    bool is_poisson;       /* arrivals at random; else evenly spaced */
    bool is_presigned;     /* the signature in the query instead of a header */
    uint32_t connections;
    uint64_t items;         /* that exist */
    uint64_t first;         /* insert-batch: number of the first new item */
    uint64_t per_partition; /* items with one partition key */
    uint64_t distinct;      /* different requests made beforehand */
    uint32_t batch;         /* items in a batch or a range */
    uint32_t value_bytes;
    uint32_t answer_bytes; /* bare: length of its answer */
    uint32_t server_pid;   /* whose time on the core is counted; 0: nobody's */
    uint32_t seed;
};

/* The defaults, then `--name value` for each. Says what is wrong and ends the process with code 2. */
void options_parse(struct options *options, int count, char **words);

/* "get", "put"… */
const char *options_work_name(enum work_kind work);

/* End the process with code 1, saying why; for what makes a measurement worthless. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory, or the end of the process. */
void *bench_alloc(uint64_t bytes);

#endif
