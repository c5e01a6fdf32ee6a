/* Progress, and what is said in the end. */
#include "sim/command.h"

#include "sim/measure.h"
#include "sim/options.h"

#include <inttypes.h>
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
    "                    suspect-removes; a run in which it never acted is vacuous\n"
    "  --trace           print a line for each decision (run only)\n"
    "  --packets         and one for each packet (run only)\n"
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

static int refuse(const char *why)
{
    fprintf(stderr, "skerry-sim: %s\nskerry-sim --help shows what there is.\n", why);
    return COMMAND_USAGE;
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
    uint64_t count = options->seeds[1] - options->seeds[0]; /* and one; the last may be the last number there is */
    for (uint64_t i = 0; i <= count && i != UINT64_MAX; i++) {
        uint64_t seed = options->seeds[0] + i;
        struct run_result result;
        options->run.seed = seed;
        if (has_terminal)
            fprintf(stderr, "\rseed %" PRIu64 " of %" PRIu64 "..%" PRIu64 ", %" PRIu64 " failed", seed,
                    options->seeds[0], options->seeds[1], sweep.failed);
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
                                              .seed = options->seed,
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
    printf("gossip, %" PRIu64 " virtual minutes, %" PRIu64 " %% of the datagrams lost, seed %" PRIu64 "\n",
           options->minutes, options->loss_per_cent, options->seed);
    printf("       a node sends           seconds from a death until               known     false, a node and "
           "hour\n");
    printf(" nodes  bytes/s  packets/s  suspected    first      all  slowest  to all  suspicions      downs    "
           "CPU s\n");
    for (uint32_t i = 0; i < options->sizes_count; i++) {
        int code = measure_one(options, (uint32_t)options->sizes[i]);
        if (code != COMMAND_OK) return code;
    }
    return COMMAND_OK;
}

/* --- the commands --------------------------------------------------------------------------------------- */

static bool wants_help(int argc, char **argv)
{
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) return true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return true;
    }
    return false;
}

int command_run(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum options_command command;
    } commands[] = {{"run", OPTIONS_RUN}, {"sweep", OPTIONS_SWEEP}, {"gossip", OPTIONS_GOSSIP}};
    struct options options;
    char why[OPTIONS_WHY_CHARS] = "";
    if (argc < 2) return refuse("what shall be run?");
    if (wants_help(argc, argv)) {
        fputs(HELP, stdout);
        return COMMAND_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        if (!options_read(&options, commands[i].command, argc - 2, argv + 2, why)) return refuse(why);
        if (commands[i].command == OPTIONS_RUN) return run_one(&options);
        if (commands[i].command == OPTIONS_SWEEP) return run_sweep(&options);
        return run_gossip(&options);
    }
    snprintf(why, sizeof why, "there is no such command: %s", argv[1]);
    return refuse(why);
}
