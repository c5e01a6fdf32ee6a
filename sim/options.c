/* One table says which command has which option, and what its value may be. */
#include "sim/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    RUN = 1u << OPTIONS_RUN,
    SWEEP = 1u << OPTIONS_SWEEP,
    GOSSIP = 1u << OPTIONS_GOSSIP,
};

enum { WANTS_CHARS_MAX = 240 }; /* of what an option wants; the longest list takes some 150 */

enum kind { KIND_FLAG, KIND_NUMBER, KIND_SIZES, KIND_SEEDS, KIND_FAULTS, KIND_PLANT };

struct option {
    const char *name;
    unsigned commands;
    enum kind kind;
    size_t offset;     /* in struct options: a bool, a uint64_t, or what the kind has */
    uint64_t from, to; /* of a number, or of each size */
};

#define AT(member) offsetof(struct options, member)

static const struct option OPTIONS[] = {
    {"--seed", RUN | GOSSIP, KIND_NUMBER, AT(seed), 0, UINT64_MAX},
    {"--seeds", SWEEP, KIND_SEEDS, AT(seeds), 0, UINT64_MAX},
    {"--nodes", RUN | SWEEP, KIND_NUMBER, AT(nodes), 1, RUN_NODES_MAX},
    {"--nodes", GOSSIP, KIND_SIZES, AT(sizes), 2, NETWORK_HOSTS_MAX},
    {"--minutes", RUN | SWEEP | GOSSIP, KIND_NUMBER, AT(minutes), 1, OPTIONS_MINUTES_MAX},
    {"--isolated", RUN | SWEEP, KIND_FLAG, AT(run.is_isolated), 0, 0},
    {"--calm", RUN | SWEEP, KIND_FLAG, AT(run.is_calm), 0, 0},
    {"--without", RUN | SWEEP, KIND_FAULTS, AT(run.lacks), 0, 0},
    {"--only", RUN | SWEEP, KIND_FAULTS, AT(run.has), 0, 0},
    {"--plant", RUN | SWEEP, KIND_PLANT, AT(run.plant), 0, 0},
    {"--trace", RUN, KIND_FLAG, AT(with_trace), 0, 0},
    {"--packets", RUN, KIND_FLAG, AT(run.with_packets), 0, 0},
    {"--loss", GOSSIP, KIND_NUMBER, AT(loss_per_cent), 0, 100},
    {"--slow", GOSSIP, KIND_NUMBER, AT(slow), 0, NETWORK_HOSTS_MAX - 1},
};

enum { OPTIONS_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

/* --- values --------------------------------------------------------------------------------------------- */

/* The number that `*at` begins with; `*at` is then behind it. False without one, or when 64 bits do not hold it.
 */
static bool take_number(const char **at, uint64_t *number)
{
    char *end = NULL;
    if (**at < '0' || **at > '9') return false;
    errno = 0;
    *number = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

static bool read_number(const struct option *option, const char *text, uint64_t *number)
{
    return take_number(&text, number) && *text == '\0' && *number >= option->from && *number <= option->to;
}

/* "5" or "1..8". */
static bool read_seeds(const char *text, uint64_t seeds[2])
{
    if (!take_number(&text, &seeds[0])) return false;
    seeds[1] = seeds[0];
    if (*text == '\0') return true;
    if (strncmp(text, "..", 2) != 0) return false;
    text += 2;
    return take_number(&text, &seeds[1]) && *text == '\0' && seeds[0] <= seeds[1];
}

/* "10,100": each is looked at before the first is measured. */
static bool read_sizes(const struct option *option, const char *text, struct options *options)
{
    for (options->sizes_count = 0; options->sizes_count < OPTIONS_SIZES_MAX; text++) {
        uint64_t *size = &options->sizes[options->sizes_count];
        if (!take_number(&text, size) || *size < option->from || *size > option->to) return false;
        options->sizes_count++;
        if (*text == '\0') return true;
        if (*text != ',') return false;
    }
    return false;
}

/* Names of faults with commas between; at least one. */
static bool read_faults(const char *text, bool listed[FAULTS_COUNT])
{
    for (;;) {
        size_t length = strcspn(text, ",");
        int kind = 0;
        while (kind < FAULTS_COUNT && (strlen(fault_name((enum fault_kind)kind)) != length ||
                                       memcmp(fault_name((enum fault_kind)kind), text, length) != 0))
            kind++;
        if (kind == FAULTS_COUNT) return false;
        listed[kind] = true;
        if (text[length] == '\0') return true;
        text += length + 1;
    }
}

static bool read_plant(const char *text, enum world_plant *plant)
{
    for (int i = WORLD_PLANT_NONE + 1; i < WORLD_PLANTS_COUNT; i++) {
        *plant = (enum world_plant)i;
        if (strcmp(text, world_plant_name(*plant)) == 0) return true;
    }
    return false;
}

static bool read_value(const struct option *option, const char *value, struct options *options)
{
    void *to = (char *)options + option->offset;
    switch (option->kind) {
    case KIND_FLAG: *(bool *)to = true; return true;
    case KIND_NUMBER: return read_number(option, value, to);
    case KIND_SIZES: return read_sizes(option, value, options);
    case KIND_SEEDS: return read_seeds(value, to);
    case KIND_FAULTS: return read_faults(value, to);
    case KIND_PLANT: return read_plant(value, to);
    }
    return false;
}

/* --- what is wrong -------------------------------------------------------------------------------------- */

/* What an option wants, for people. */
static void describe(const struct option *option, char wants[OPTIONS_WHY_CHARS])
{
    size_t used = 0;
    switch (option->kind) {
    case KIND_FLAG: break;
    case KIND_NUMBER:
        snprintf(wants, OPTIONS_WHY_CHARS, "a number from %" PRIu64 " to %" PRIu64, option->from, option->to);
        break;
    case KIND_SIZES:
        snprintf(wants, OPTIONS_WHY_CHARS, "numbers from %" PRIu64 " to %" PRIu64 " with commas between, up to %d",
                 option->from, option->to, OPTIONS_SIZES_MAX);
        break;
    case KIND_SEEDS: snprintf(wants, OPTIONS_WHY_CHARS, "A..B, two numbers below 2^64 in order"); break;
    case KIND_FAULTS:
        for (int kind = 0; kind < FAULTS_COUNT; kind++)
            used += (size_t)snprintf(wants + used, OPTIONS_WHY_CHARS - used, "%s%s", kind == 0 ? "some of " : ",",
                                     fault_name((enum fault_kind)kind));
        break;
    case KIND_PLANT:
        for (int plant = WORLD_PLANT_NONE + 1; plant < WORLD_PLANTS_COUNT; plant++)
            used += (size_t)snprintf(wants + used, OPTIONS_WHY_CHARS - used, "%s%s",
                                     plant == WORLD_PLANT_NONE + 1 ? "one of " : ", ",
                                     world_plant_name((enum world_plant)plant));
        break;
    }
}

static bool refuse_value(const struct option *option, const char *value, char why[OPTIONS_WHY_CHARS])
{
    char wants[OPTIONS_WHY_CHARS] = "";
    describe(option, wants);
    snprintf(why, OPTIONS_WHY_CHARS, "%s wants %.*s; %s%s", option->name, WANTS_CHARS_MAX, wants,
             value == NULL ? "there is nothing behind it" : "it was given ", value == NULL ? "" : value);
    return false;
}

/* The option of that name that `command` has; NULL, and `why`, when it has none. */
static const struct option *find(enum options_command command, const char *name, char why[OPTIONS_WHY_CHARS])
{
    static const char *const commands[] = {"run", "sweep", "gossip"};
    bool is_known = false;
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        if (strcmp(OPTIONS[i].name, name) != 0) continue;
        if ((OPTIONS[i].commands & 1u << command) != 0) return &OPTIONS[i];
        is_known = true;
    }
    if (is_known) {
        snprintf(why, OPTIONS_WHY_CHARS, "%s is no option of %s", name, commands[command]);
    } else {
        snprintf(why, OPTIONS_WHY_CHARS, "there is no such option: %s", name);
    }
    return NULL;
}

static bool refuse(const char *because, char why[OPTIONS_WHY_CHARS])
{
    snprintf(why, OPTIONS_WHY_CHARS, "%s", because);
    return false;
}

/* --- all of it ------------------------------------------------------------------------------------------ */

/* What is missing, or does not go together. */
static bool check(const struct options *options, enum options_command command, char why[OPTIONS_WHY_CHARS])
{
    if (command == OPTIONS_RUN && !options->has_seed) return refuse("run wants --seed N", why);
    if (command == OPTIONS_SWEEP && !options->has_seeds) return refuse("sweep wants --seeds A..B", why);
    for (uint32_t i = 0; i < options->sizes_count; i++) {
        if (options->slow < options->sizes[i]) continue;
        snprintf(why, OPTIONS_WHY_CHARS,
                 "--slow wants fewer than there are nodes; it was given %" PRIu64 " of %" PRIu64, options->slow,
                 options->sizes[i]);
        return false;
    }
    return true;
}

static void fill_run(struct options *options)
{
    struct run_settings *run = &options->run;
    run->seed = options->seed;
    run->nodes = (uint32_t)options->nodes;
    run->faults_s = options->minutes * 60;
    run->trace_out = options->with_trace || run->with_packets ? stdout : NULL;
    for (int kind = 0; kind < FAULTS_COUNT; kind++)
        run->is_chosen = run->is_chosen || run->has[kind];
}

bool options_read(struct options *options, enum options_command command, int count, char *const *words,
                  char why[OPTIONS_WHY_CHARS])
{
    *options = (struct options){.seed = 1, .sizes = {10, 100}, .sizes_count = 2};
    for (int i = 0; i < count; i++) {
        const struct option *option = find(command, words[i], why);
        const char *value = NULL;
        if (option == NULL) return false;
        if (option->kind != KIND_FLAG) {
            value = i + 1 < count ? words[++i] : NULL;
            if (value == NULL) return refuse_value(option, NULL, why);
        }
        if (!read_value(option, value, options)) return refuse_value(option, value, why);
        options->has_seed = options->has_seed || strcmp(option->name, "--seed") == 0;
        options->has_seeds = options->has_seeds || option->kind == KIND_SEEDS;
    }
    fill_run(options);
    if (command == OPTIONS_GOSSIP && options->minutes == 0) options->minutes = 5;
    return check(options, command, why);
}
