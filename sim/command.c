/* Options, progress, and what is said in the end. */
#include "sim/command.h"

#include "sim/measure.h"
#include "sim/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char HELP[] =
    "skerry-sim: whole clusters of skerry in virtual time. A seed decides everything.\n"
    "\n"
    "  skerry-sim run --seed N [options]        one run; says how it went\n"
    "  skerry-sim sweep --seeds A..B [options]  many runs; ends with the command that repeats the first failure\n"
    "  skerry-sim gossip --nodes 10,100 [options]  what gossip costs and how soon it knows\n"
    "\n"
    "Options of run and sweep:\n"
    "  --nodes N         nodes to begin with (else drawn, 3 to 50)\n"
    "  --minutes N       virtual minutes of faults (else drawn, 1 to 10)\n"
    "  --isolated        no cluster: each node for itself\n"
    "  --calm            no faults: such a run is vacuous\n"
    "  --without NAMES   faults to leave out: cut, flap, crash, power, full, disk_error, jump, drift, move, "
    "join,\n"
    "                    leave, return, pause, rot, secrets, copy, liar, by_hand, documents, layouts; several "
    "with\n"
    "                    commas between\n"
    "  --only NAMES      these, whatever the seed draws, and no others\n"
    "  --plant NAME      a bug the oracle must find: lost-write, lost-merge, odd-winner, lost-apply,\n"
    "                    suspect-removes\n"
    "  --trace           print a line for each decision (run only)\n"
    "  --packets         and one for each packet\n"
    "\n"
    "Options of gossip:\n"
    "  --loss N          per cent of the datagrams (0)\n"
    "  --minutes N       virtual minutes of each measurement (5)\n"
    "  --slow N          nodes that are stopped again and again for up to 16 s (0); then nobody dies\n"
    "  --seed N          (1)\n"
    "\n"
    "Exit codes: 0 all passed, 1 a run failed, 2 this text was needed.\n"
    "\n"
    "Examples:\n"
    "  skerry-sim run --seed 7                    the verdict of seed 7\n"
    "  skerry-sim run --seed 7 --trace | less     what happened in it\n"
    "  skerry-sim sweep --seeds 1..1000           a thousand bad afternoons\n";

struct options {
    struct run_settings run;
    uint64_t seed_first, seed_last;
    bool has_seeds;
    const char *sizes;
    uint64_t loss_per_cent;
    uint64_t slow;
    uint64_t minutes;
};

static int refuse(const char *what, const char *which)
{
    fprintf(stderr, "skerry-sim: %s%s%s\nskerry-sim --help shows what there is.\n", what,
            which == NULL ? "" : ": ", which == NULL ? "" : which);
    return COMMAND_USAGE;
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') return false;
    *number = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool read_range(const char *text, uint64_t *first, uint64_t *last)
{
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') return false;
    *first = *last = strtoull(text, &end, 10);
    if (*end == '\0') return true;
    return strncmp(end, "..", 2) == 0 && read_number(end + 2, last) && *first <= *last;
}

static bool read_plant(const char *text, enum world_plant *plant)
{
    for (int i = WORLD_PLANT_NONE + 1; text != NULL && i < WORLD_PLANTS_COUNT; i++) {
        *plant = (enum world_plant)i;
        if (strcmp(text, world_plant_name(*plant)) == 0) return true;
    }
    return false;
}

/* Names of faults with commas between. */
static bool read_faults(const char *text, bool listed[FAULTS_COUNT])
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        int kind = 0;
        while (kind < FAULTS_COUNT && (strlen(fault_name((enum fault_kind)kind)) != length ||
                                       memcmp(fault_name((enum fault_kind)kind), text, length) != 0))
            kind++;
        if (kind == FAULTS_COUNT) return false;
        listed[kind] = true;
        text += length + (text[length] == ',');
    }
    return text != NULL;
}

/* An option without a value; false when it is none. */
static bool read_flag(const char *name, struct options *options)
{
    if (strcmp(name, "--isolated") == 0) {
        options->run.is_isolated = true;
    } else if (strcmp(name, "--calm") == 0) {
        options->run.is_calm = true;
    } else if (strcmp(name, "--trace") == 0) {
        options->run.trace_out = stdout;
    } else if (strcmp(name, "--packets") == 0) {
        options->run.trace_out = stdout;
        options->run.with_packets = true;
    } else {
        return false;
    }
    return true;
}

/* An option and its value; false when it is none or the value is bad. */
static bool read_value(const char *name, const char *value, struct options *options)
{
    uint64_t number = 0;
    if (strcmp(name, "--seeds") == 0)
        return options->has_seeds = read_range(value, &options->seed_first, &options->seed_last);
    if (strcmp(name, "--without") == 0) return read_faults(value, options->run.lacks);
    if (strcmp(name, "--only") == 0) return options->run.is_chosen = read_faults(value, options->run.has);
    if (strcmp(name, "--plant") == 0) return read_plant(value, &options->run.plant);
    if (strcmp(name, "--nodes") == 0 && value != NULL && strchr(value, ',') != NULL) {
        options->sizes = value;
        return true;
    }
    if (!read_number(value, &number)) return false;
    if (strcmp(name, "--seed") == 0) {
        options->run.seed = number;
    } else if (strcmp(name, "--nodes") == 0 && number >= 1 && number <= NETWORK_HOSTS_MAX) {
        options->run.nodes = (uint32_t)number;
        options->sizes = value;
    } else if (strcmp(name, "--minutes") == 0 && number >= 1 && number <= 100000) {
        options->minutes = number;
        options->run.faults_s = number * 60;
    } else if (strcmp(name, "--loss") == 0 && number <= 100) {
        options->loss_per_cent = number;
    } else if (strcmp(name, "--slow") == 0 && number <= NETWORK_HOSTS_MAX) {
        options->slow = number;
    } else {
        return false;
    }
    return true;
}

static double cpu_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void print_names(const char *before, const bool listed[FAULTS_COUNT])
{
    for (int kind = 0; kind < FAULTS_COUNT; kind++) {
        if (!listed[kind]) continue;
        printf("%s%s", before, fault_name((enum fault_kind)kind));
        before = ",";
    }
}

static void print_repeat(const struct run_settings *settings)
{
    printf("repeat: skerry-sim run --seed %" PRIu64, settings->seed);
    if (settings->nodes > 0) printf(" --nodes %" PRIu32, settings->nodes);
    if (settings->faults_s > 0) printf(" --minutes %" PRIu64, settings->faults_s / 60);
    print_names(" --without ", settings->lacks);
    if (settings->is_chosen) print_names(" --only ", settings->has);
    if (settings->is_isolated) printf(" --isolated");
    if (settings->is_calm) printf(" --calm");
    if (settings->plant != WORLD_PLANT_NONE) printf(" --plant %s", world_plant_name(settings->plant));
    printf(" --trace\n");
}

static void print_result(const struct run_settings *settings, const struct run_result *result, double took_s)
{
    double hours = (double)result->virtual_us / 3600e6;
    printf("seed %" PRIu64 ": %s\n", settings->seed, run_verdict_name(result->verdict));
    if (result->what[0] != '\0') printf("  why      %s\n", result->what);
    printf("  trace    %016" PRIx64 ", %" PRIu64 " lines\n", result->hash, result->lines_count);
    printf("  world    %" PRIu32 " nodes, %" PRIu32 " sites, %.2f virtual hours; equal %.0f s after the heal\n",
           result->nodes, result->sites, hours, (double)result->settled_us / 1e6);
    printf("  faults  ");
    for (int kind = 0; kind < FAULTS_COUNT; kind++) {
        if (result->faults[kind] > 0)
            printf(" %s %" PRIu64, fault_name((enum fault_kind)kind), result->faults[kind]);
    }
    printf("\n  effects  crashes %" PRIu64 ", writes lost %" PRIu64 ", datagrams cut %" PRIu64
           ", links stalled %" PRIu64 ", broken %" PRIu64 ", disk full %" PRIu64 ", disk errors %" PRIu64
           ", layouts that met %" PRIu32 "\n",
           result->world.crashes, result->world.commits_lost, result->datagrams_cut, result->links_stalled,
           result->links_broken, result->world.disk_full, result->world.disk_errors, result->layout_conflicts);
    printf("  and      pauses %" PRIu64 ", bits rotten %" PRIu64 " (rows named %" PRIu64
           ", starts refused %" PRIu64 ", disks mended %" PRIu64 "), secrets changed %" PRIu64
           ", doubled identity named %" PRIu64 ", lies %" PRIu64 " (of them over links, and offences: %" PRIu64
           ", named %" PRIu64 ")%s\n",
           result->world.pauses, result->rotted, result->world.rot_named, result->world.rot_refused,
           result->world.salvages, result->rotations, result->identities_named, result->lies, result->offences,
           result->liars_named, result->is_by_hand ? ", connected by hand" : "");
    printf("  asked    %" PRIu64 ": done %" PRIu64 ", refused %" PRIu64 ", uncertain %" PRIu64
           "; roles staged %" PRIu64 ", layouts %" PRIu64 ", removals %" PRIu64 ", returns %" PRIu64
           ", connects %" PRIu64 "\n",
           result->operators.asked, result->operators.done, result->operators.refused, result->operators.uncertain,
           result->operators.staged, result->operators.layouts, result->operators.removals,
           result->operators.returns, result->operators.connects);
    printf("  cost     %.2f s of CPU, %.0f virtual hours a minute\n", took_s,
           took_s > 0 ? hours * 60 / took_s : 0);
}

static int run_one(struct options *options)
{
    struct run_result result;
    double began_s = cpu_s();
    run_seed(&options->run, &result);
    print_result(&options->run, &result, cpu_s() - began_s);
    if (result.verdict != RUN_FAILED) return COMMAND_OK;
    print_repeat(&options->run);
    return COMMAND_FAILED;
}

/* --- a sweep -------------------------------------------------------------------------------------------- */

struct sweep {
    uint64_t runs, vacuous, failed;
    double virtual_hours;
    uint64_t exercised[FAULTS_COUNT];
    uint64_t crashed, cut, full, broken_disks, met, removed, joined;
};

static void sweep_add(struct sweep *sweep, const struct run_result *result)
{
    sweep->runs++;
    sweep->vacuous += result->verdict == RUN_VACUOUS;
    sweep->failed += result->verdict == RUN_FAILED;
    sweep->virtual_hours += (double)result->virtual_us / 3600e6;
    sweep->crashed += result->world.crashes > 0;
    sweep->cut += result->datagrams_cut > 0 || result->links_stalled > 0;
    sweep->full += result->world.disk_full > 0;
    sweep->broken_disks += result->world.disk_errors > 0;
    sweep->met += result->layout_conflicts > 0;
    sweep->removed += result->operators.removals > 0;
    sweep->joined += result->faults[FAULT_JOIN] > 0;
}

static void print_sweep(const struct sweep *sweep, double took_s)
{
    printf("%" PRIu64 " runs: %" PRIu64 " passed, %" PRIu64 " vacuous, %" PRIu64 " failed\n", sweep->runs,
           sweep->runs - sweep->vacuous - sweep->failed, sweep->vacuous, sweep->failed);
    printf("with an effect: cuts %" PRIu64 ", crashes %" PRIu64 ", joins %" PRIu64 ", removals %" PRIu64
           ", concurrent layouts %" PRIu64 ", full disks %" PRIu64 ", failed disks %" PRIu64 "\n",
           sweep->cut, sweep->crashed, sweep->joined, sweep->removed, sweep->met, sweep->full,
           sweep->broken_disks);
    printf("%.1f virtual hours in %.1f s of CPU: %.0f virtual hours a minute\n", sweep->virtual_hours, took_s,
           took_s > 0 ? sweep->virtual_hours * 60 / took_s : 0);
}

static int run_sweep(struct options *options)
{
    struct sweep sweep = {0};
    struct run_settings first_failed = {0};
    bool has_terminal = isatty(STDERR_FILENO) == 1;
    double began_s = cpu_s();
    for (uint64_t seed = options->seed_first; seed <= options->seed_last; seed++) {
        struct run_result result;
        options->run.seed = seed;
        if (has_terminal)
            fprintf(stderr, "\rseed %" PRIu64 " of %" PRIu64 "..%" PRIu64 ", %" PRIu64 " failed", seed,
                    options->seed_first, options->seed_last, sweep.failed);
        run_seed(&options->run, &result);
        sweep_add(&sweep, &result);
        if (result.verdict == RUN_FAILED && sweep.failed == 1) first_failed = options->run;
        if (result.verdict == RUN_PASSED) continue;
        printf("%sseed %" PRIu64 " %s: %s\n", has_terminal ? "\r" : "", seed, run_verdict_name(result.verdict),
               result.what);
        fflush(stdout);
    }
    if (has_terminal) fprintf(stderr, "\r\033[K");
    print_sweep(&sweep, cpu_s() - began_s);
    if (sweep.failed == 0) return COMMAND_OK;
    print_repeat(&first_failed);
    return COMMAND_FAILED;
}

/* --- gossip --------------------------------------------------------------------------------------------- */

static int measure_one(const struct options *options, uint32_t nodes)
{
    struct measure_result result;
    const struct measure_settings settings = {.nodes = nodes,
                                              .seed = options->run.seed,
                                              .loss_per_mille = (uint32_t)options->loss_per_cent * 10,
                                              .minutes = options->minutes,
                                              .slow = (uint32_t)options->slow,
                                              .deaths = options->slow > 0 ? 0
                                                        : nodes > 10      ? 5
                                                                          : 3};
    double began_s = cpu_s();
    if (!measure_gossip(&settings, &result)) {
        fprintf(stderr, "skerry-sim: no memory for %" PRIu32 " nodes\n", nodes);
        return COMMAND_FAILED;
    }
    printf("%6" PRIu32 " %8.1f %10.2f %10.1f %8.1f %8.1f %8.1f %6" PRIu32 "/%" PRIu32 " %10.2f %10.2f %8.1f\n",
           nodes, result.bytes_per_s, result.packets_per_s, result.suspected_s, result.known_by_first_s,
           result.known_by_all_s, result.known_by_all_max_s, result.deaths, settings.deaths,
           (double)result.false_suspicions / result.node_hours, (double)result.false_downs / result.node_hours,
           cpu_s() - began_s);
    if (settings.slow > 0)
        printf("       of them %" PRIu32
               " slow: each held for dead %.1f times an hour; the figures before are of the "
               "others\n",
               settings.slow, (double)result.slow_downs / result.slow_hours);
    fflush(stdout);
    return COMMAND_OK;
}

static int run_gossip(const struct options *options)
{
    const char *at = options->sizes == NULL ? "10,100" : options->sizes;
    printf("gossip, %" PRIu64 " virtual minutes, %" PRIu64 " %% of the datagrams lost, seed %" PRIu64 "\n",
           options->minutes, options->loss_per_cent, options->run.seed);
    printf("       a node sends           seconds from a death until               known     false, a node and "
           "hour\n");
    printf(" nodes  bytes/s  packets/s  suspected    first      all  slowest  to all  suspicions      downs    "
           "CPU s\n");
    while (*at != '\0') {
        char *end = NULL;
        uint64_t nodes = strtoull(at, &end, 10);
        if (end == at || nodes < 2 || nodes > NETWORK_HOSTS_MAX || (*end != ',' && *end != '\0'))
            return refuse("--nodes wants numbers from 2 to 1024 with commas between", at);
        if (options->slow >= nodes) return refuse("--slow wants fewer than there are nodes", NULL);
        int code = measure_one(options, (uint32_t)nodes);
        if (code != COMMAND_OK) return code;
        at = *end == ',' ? end + 1 : end;
    }
    return COMMAND_OK;
}

/* --- the commands --------------------------------------------------------------------------------------- */

static int dispatch(const char *command, struct options *options)
{
    bool is_gossip = strcmp(command, "gossip") == 0;
    if (!is_gossip && options->run.nodes > RUN_NODES_MAX) return refuse("a run has at most 100 nodes", NULL);
    if (strcmp(command, "run") == 0) return run_one(options);
    if (strcmp(command, "sweep") == 0 && !options->has_seeds) return refuse("sweep wants --seeds A..B", NULL);
    if (strcmp(command, "sweep") == 0) return run_sweep(options);
    if (is_gossip) return run_gossip(options);
    return refuse("there is no such command", command);
}

int command_run(int argc, char **argv)
{
    struct options options = {.run = {.seed = 1}, .minutes = 5};
    if (argc < 2) return refuse("what shall be run?", NULL);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(HELP, stdout);
        return COMMAND_OK;
    }
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(HELP, stdout);
            return COMMAND_OK;
        }
        if (read_flag(argv[i], &options)) continue;
        if (!read_value(argv[i], value, &options)) return refuse("cannot be understood", argv[i]);
        i++;
    }
    return dispatch(argv[1], &options);
}
