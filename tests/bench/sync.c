/* Two files, one after the other in turn. */
#include "tests/bench/sync.h"

#include "tests/bench/clock.h"
#include "tests/bench/latencies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 4096, BLOCKS = 256, PATH_BYTES = 1024 };

struct file {
    int fd;
    char path[PATH_BYTES];
    struct latencies *latencies;
};

static void file_open(struct file *file, const struct options *options, const char *name)
{
    if (options->directory == NULL) bench_fail("where? --directory");
    snprintf(file->path, sizeof file->path, "%s/%s", options->directory, name);
    file->fd = open(file->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file->fd < 0) bench_fail("cannot make %s: %s", file->path, strerror(errno));
    file->latencies = bench_alloc(sizeof *file->latencies);
}

static void file_close(struct file *file)
{
    close(file->fd);
    unlink(file->path);
    free(file->latencies);
}

static void write_block(const struct file *file, uint64_t block)
{
    static const char zero[BLOCK_BYTES];
    if (pwrite(file->fd, zero, BLOCK_BYTES, (off_t)(block * BLOCK_BYTES)) != BLOCK_BYTES) {
        bench_fail("cannot write %s: %s", file->path, strerror(errno));
    }
}

static void measure(const struct file *file, uint64_t block)
{
    uint64_t start_ns = clock_ns();
    write_block(file, block);
    if (fdatasync(file->fd) != 0) bench_fail("cannot sync %s: %s", file->path, strerror(errno));
    latencies_add(file->latencies, clock_ns() - start_ns);
}

static void report(const char *name, const struct latencies *latencies, const char *after)
{
    printf("\"%s_p50_us\": %.3f, \"%s_p99_us\": %.3f, \"%s_count\": %llu%s", name,
           (double)latencies_at(latencies, 500000) / 1e3, name, (double)latencies_at(latencies, 990000) / 1e3,
           name, (unsigned long long)latencies->total, after);
}

void sync_run(const struct options *options)
{
    struct file appended, overwritten;
    file_open(&appended, options, "append");
    file_open(&overwritten, options, "overwrite");
    for (uint64_t i = 0; i < BLOCKS; i++) {
        write_block(&overwritten, i);
    }
    if (fsync(overwritten.fd) != 0) bench_fail("cannot sync: %s", strerror(errno));
    uint64_t end_ns = clock_ns() + options->milliseconds * CLOCK_NS_PER_MS;
    uint64_t block = 0;
    do {
        measure(&appended, block);
        measure(&overwritten, block % BLOCKS);
        block++;
    } while (clock_ns() < end_ns);
    printf("{");
    report("append", appended.latencies, ", ");
    report("overwrite", overwritten.latencies, "}\n");
    file_close(&appended);
    file_close(&overwritten);
}
