/* What is typed behind a command: its limits, what is said of what makes no sense, and the commands of the docs.
 */
#include "sim/options.h"
#include "tests/lib/check.h"

#define DOC TESTS_VECTORS "/../../docs/simulator.md"

enum { WORDS_MAX = 16, DOC_BYTES_MAX = 64 * 1024 };

/* Splits `text` in place, at spaces and at ends of lines. */
static int split(char *text, char *words[WORDS_MAX])
{
    int count = 0;
    for (char *word = strtok(text, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        assert_true(count < WORDS_MAX);
        words[count++] = word;
    }
    return count;
}

static bool read_text(enum options_command command, const char *text, struct options *options, char *why)
{
    char copy[300];
    char *words[WORDS_MAX];
    assert_true((size_t)snprintf(copy, sizeof copy, "%s", text) < sizeof copy);
    return options_read(options, command, split(copy, words), words, why);
}

static void expect_refused(enum options_command command, const char *text, const char *why_wanted)
{
    struct options options;
    char why[OPTIONS_WHY_CHARS] = "";
    assert_false(read_text(command, text, &options, why));
    assert_string_equal(why, why_wanted);
}

static void what_makes_no_sense_is_named_with_its_limits(void **state)
{
    (void)state;
    expect_refused(OPTIONS_RUN, "", "run wants --seed N");
    expect_refused(OPTIONS_RUN, "--seed 18446744073709551616",
                   "--seed wants a number from 0 to 18446744073709551615; it was given 18446744073709551616");
    expect_refused(OPTIONS_RUN, "--seed",
                   "--seed wants a number from 0 to 18446744073709551615; there is nothing "
                   "behind it");
    expect_refused(OPTIONS_RUN, "--seed 1 --nodes 101", "--nodes wants a number from 1 to 100; it was given 101");
    expect_refused(OPTIONS_RUN, "--seed 1 --nodes 3,5", "--nodes wants a number from 1 to 100; it was given 3,5");
    expect_refused(OPTIONS_RUN, "--seed 1 --loss 5", "--loss is no option of run");
    expect_refused(OPTIONS_RUN, "--seed 1 --fast", "there is no such option: --fast");
    expect_refused(OPTIONS_RUN, "--seed 1 --plant tree",
                   "--plant wants one of lost-write, lost-merge, odd-winner, lost-apply, suspect-removes; it was "
                   "given tree");
    expect_refused(OPTIONS_SWEEP, "--seeds 1..8 --trace", "--trace is no option of sweep");
    expect_refused(OPTIONS_SWEEP, "--seed 1", "--seed is no option of sweep");
    expect_refused(OPTIONS_SWEEP, "--seeds 1..18446744073709551616",
                   "--seeds wants A..B, two numbers below 2^64 in order; it was given 1..18446744073709551616");
    expect_refused(OPTIONS_GOSSIP, "--nodes 10,x",
                   "--nodes wants numbers from 2 to 1024 with commas between, up to 16; it was given 10,x");
    expect_refused(OPTIONS_GOSSIP, "--nodes 10,",
                   "--nodes wants numbers from 2 to 1024 with commas between, up to 16; it was given 10,");
    expect_refused(OPTIONS_GOSSIP, "--nodes 10,3 --slow 3",
                   "--slow wants fewer than there are nodes; it was given 3 of 3");
}

static void every_fault_is_listed_to_who_mistypes_one(void **state)
{
    (void)state;
    struct options options;
    char why[OPTIONS_WHY_CHARS] = "";
    assert_false(read_text(OPTIONS_RUN, "--seed 1 --only rain", &options, why));
    for (int kind = 0; kind < FAULTS_COUNT; kind++)
        assert_non_null(strstr(why, fault_name((enum fault_kind)kind)));
    assert_non_null(strstr(why, "; it was given rain"));
    assert_false(read_text(OPTIONS_RUN, "--seed 1 --only cut,", &options, why));
}

static void what_is_typed_is_what_is_run(void **state)
{
    (void)state;
    struct options options;
    char why[OPTIONS_WHY_CHARS] = "";
    assert_true(read_text(OPTIONS_RUN,
                          "--seed 18446744073709551615 --nodes 4 --minutes 2 --only cut,rot --without cut "
                          "--plant lost-apply --packets --calm --isolated",
                          &options, why));
    assert_true(options.run.seed == UINT64_MAX && options.run.nodes == 4 && options.run.faults_s == 120);
    assert_true(options.run.is_chosen && options.run.has[FAULT_CUT] && options.run.has[FAULT_ROT]);
    assert_true(!options.run.has[FAULT_LIAR] && options.run.lacks[FAULT_CUT] && !options.run.lacks[FAULT_ROT]);
    assert_true(options.run.plant == WORLD_PLANT_LOST_APPLY && options.run.is_calm && options.run.is_isolated);
    assert_true(options.run.trace_out == stdout && options.run.with_packets);
    assert_true(read_text(OPTIONS_SWEEP, "--seeds 7", &options, why));
    assert_true(options.seeds[0] == 7 && options.seeds[1] == 7 && !options.run.is_chosen);
    assert_true(read_text(OPTIONS_GOSSIP, "", &options, why));
    assert_true(options.sizes_count == 2 && options.minutes == 5 && options.seed == 1);
    assert_true(read_text(OPTIONS_GOSSIP, "--nodes 3,5,7 --loss 10", &options, why));
    assert_true(options.sizes_count == 3 && options.sizes[2] == 7 && options.loss_per_cent == 10);
}

/* The command at `at`, which ends at a backtick, at two spaces or with its line, is understood. */
static void expect_understood(const char *at)
{
    static const char *const names[] = {"run", "sweep", "gossip"};
    struct options options;
    char why[OPTIONS_WHY_CHARS] = "";
    char text[300];
    size_t length = 0;
    while (at[length] != '\0' && at[length] != '`' && at[length] != '\n' && strncmp(at + length, "  ", 2) != 0)
        length++;
    assert_true(length < sizeof text);
    memcpy(text, at, length);
    text[length] = '\0';
    size_t name_length = strcspn(text, " ");
    for (int i = 0; i < 3; i++) {
        bool is_it = strlen(names[i]) == name_length && memcmp(text, names[i], name_length) == 0;
        /* A command's name alone speaks of it. */
        if (!is_it || text[name_length] == '\0') continue;
        if (!read_text((enum options_command)i, text + name_length, &options, why)) fail_msg("%s: %s", text, why);
        return;
    }
}

static void the_commands_of_the_docs_are_understood(void **state)
{
    (void)state;
    static char doc[DOC_BYTES_MAX];
    static const char name[] = "skerry-sim ";
    uint32_t count = 0;
    FILE *file = fopen(DOC, "r");
    assert_non_null(file);
    size_t length = fread(doc, 1, sizeof doc - 1, file);
    fclose(file);
    doc[length] = '\0';
    for (const char *at = strstr(doc, name); at != NULL; at = strstr(at, name)) {
        at += sizeof name - 1;
        expect_understood(at);
        count++;
    }
    assert_true(count >= 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_is_named_with_its_limits),
        cmocka_unit_test(every_fault_is_listed_to_who_mistypes_one),
        cmocka_unit_test(what_is_typed_is_what_is_run),
        cmocka_unit_test(the_commands_of_the_docs_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
