/* A table of flags. */
#include "tests/bench/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const WORK_NAMES[WORK_KINDS_COUNT] = {
    [WORK_GET] = "get",
    [WORK_PUT] = "put",
    [WORK_INSERT_BATCH] = "insert-batch",
    [WORK_READ_BATCH] = "read-batch",
    [WORK_READ_INDEX] = "read-index",
    [WORK_POLL] = "poll",
    [WORK_REDIS_SET] = "redis-set",
    [WORK_REDIS_GET] = "redis-get",
};

enum flag_kind { FLAG_TEXT, FLAG_U64, FLAG_U32, FLAG_BOOL, FLAG_WORK };

struct flag {
    const char *name;
    enum flag_kind kind;
    size_t offset;
    uint64_t max;
};

static const struct flag FLAGS[] = {
    {"--work", FLAG_WORK, offsetof(struct options, work), 0},
    {"--env-file", FLAG_TEXT, offsetof(struct options, env_file), 0},
    {"--address", FLAG_TEXT, offsetof(struct options, address), 0},
    {"--directory", FLAG_TEXT, offsetof(struct options, directory), 0},
    {"--milliseconds", FLAG_U64, offsetof(struct options, milliseconds), 3600000},
    {"--warm-up-ms", FLAG_U64, offsetof(struct options, warm_up_ms), 600000},
    {"--requests", FLAG_U64, offsetof(struct options, requests), UINT32_MAX},
    {"--rate", FLAG_U64, offsetof(struct options, rate_per_s), 10000000},
    {"--poisson", FLAG_BOOL, offsetof(struct options, is_poisson), 0},
    {"--presigned", FLAG_BOOL, offsetof(struct options, is_presigned), 0},
    {"--connections", FLAG_U32, offsetof(struct options, connections), OPTIONS_CONNECTIONS_MAX},
    {"--items", FLAG_U64, offsetof(struct options, items), 1000000000},
    {"--first", FLAG_U64, offsetof(struct options, first), 1000000000},
    {"--per-partition", FLAG_U64, offsetof(struct options, per_partition), 1000000000},
    {"--distinct", FLAG_U64, offsetof(struct options, distinct), 1 << 20},
    {"--batch", FLAG_U32, offsetof(struct options, batch), OPTIONS_BATCH_MAX},
    {"--value-bytes", FLAG_U32, offsetof(struct options, value_bytes), OPTIONS_VALUE_BYTES_MAX},
    {"--answer-bytes", FLAG_U32, offsetof(struct options, answer_bytes), OPTIONS_VALUE_BYTES_MAX},
    {"--server-pid", FLAG_U32, offsetof(struct options, server_pid), INT32_MAX},
    {"--seed", FLAG_U32, offsetof(struct options, seed), UINT32_MAX},
};

void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("skerry-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *bench_alloc(uint64_t bytes)
{
    void *memory = calloc(1, bytes == 0 ? 1 : (size_t)bytes);
    if (memory == NULL) bench_fail("no memory for %llu bytes", (unsigned long long)bytes);
    return memory;
}

const char *options_work_name(enum work_kind work)
{
    return WORK_NAMES[work];
}

static _Noreturn void refuse(const char *name, const char *value)
{
    fprintf(stderr, "skerry-bench: %s cannot be %s\n", name, value);
    exit(2);
}

static uint64_t number_of(const struct flag *flag, const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || number > flag->max) refuse(flag->name, text);
    return number;
}

static enum work_kind work_of(const struct flag *flag, const char *text)
{
    int work = 0;
    while (work < WORK_KINDS_COUNT && strcmp(WORK_NAMES[work], text) != 0) {
        work++;
    }
    if (work == WORK_KINDS_COUNT) refuse(flag->name, text);
    return (enum work_kind)work;
}

static void set(struct options *options, const struct flag *flag, const char *text)
{
    char *at = (char *)options + flag->offset;
    uint32_t small;
    switch (flag->kind) {
    case FLAG_TEXT: memcpy(at, &text, sizeof text); break;
    case FLAG_U64: memcpy(at, &(uint64_t){number_of(flag, text)}, sizeof(uint64_t)); break;
    case FLAG_U32:
        small = (uint32_t)number_of(flag, text);
        memcpy(at, &small, sizeof small);
        break;
    case FLAG_BOOL: *(bool *)at = true; break;
    case FLAG_WORK: options->work = work_of(flag, text); break;
    }
}

static const struct flag *find(const char *name)
{
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        if (strcmp(FLAGS[i].name, name) == 0) return &FLAGS[i];
    }
    refuse("a flag", name);
}

static void check(const struct options *options)
{
    if (options->connections == 0) refuse("--connections", "0");
    if (options->items == 0 || options->per_partition == 0) refuse("--items or --per-partition", "0");
    if (options->distinct < options->connections) refuse("--distinct", "fewer than the connections");
    if (options->batch == 0 || options->batch > options->per_partition) refuse("--batch", "0 or over a partition");
}

void options_parse(struct options *options, int count, char **words)
{
    *options = (struct options){
        .milliseconds = 2000,
        .warm_up_ms = 500,
        .connections = 64,
        .items = 10000,
        .per_partition = 1000,
        .distinct = 16384,
        .batch = 1000,
        .value_bytes = 128,
        .answer_bytes = 256,
        .seed = 1,
    };
    for (int i = 0; i < count; i++) {
        const struct flag *flag = find(words[i]);
        if (flag->kind != FLAG_BOOL && i + 1 == count) refuse(flag->name, "without a value");
        set(options, flag, flag->kind == FLAG_BOOL ? "" : words[++i]);
    }
    check(options);
}
