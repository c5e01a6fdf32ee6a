/* skerry-bench: the load generator of tests/bench, and the ceilings it is compared with. One line of JSON each.
 *
 *     skerry-bench load --env-file FILE --work get --connections 64 --milliseconds 2000
 *
 * tests/bench/run starts it; docs/performance.md says what is measured.
 */
#include "tests/bench/bare.h"
#include "tests/bench/raw_lmdb.h"
#include "tests/bench/latencies.h"
#include "tests/bench/load.h"
#include "tests/bench/sync.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    void (*run)(const struct options *options);
};

static const struct command COMMANDS[] = {
    {"load", load_run},
    {"bare", bare_run},
    {"sync", sync_run},
    {"latencies", latencies_run},
    {"lmdb-write", lmdb_write_run},
    {"lmdb-scan", lmdb_scan_run},
};

int main(int count, char **words)
{
    struct options options;
    for (size_t i = 0; count > 1 && i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        if (strcmp(words[1], COMMANDS[i].name) != 0) continue;
        options_parse(&options, count - 2, words + 2);
        COMMANDS[i].run(&options);
        return 0;
    }
    fprintf(stderr, "usage: skerry-bench COMMAND [--NAME VALUE]...\ncommands:");
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        fprintf(stderr, " %s", COMMANDS[i].name);
    }
    fputc('\n', stderr);
    return 2;
}
