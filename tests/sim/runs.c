/* Whole runs: one seed is one run (I27), what is planted is found, what tried nothing says so, and a sweep over
 * seeds holds. TESTS_LONG=1 sweeps a thousand; SEEDS=N says how many. */
#include "sim/run.h"
#include "tests/lib/check.h"

#include <inttypes.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__has_feature)
#define IS_SLOW 1
#else
#define IS_SLOW 0
#endif

static struct run_result run(struct run_settings settings)
{
    struct run_result result;
    run_seed(&settings, &result);
    return result;
}

static void expect_same(const struct run_result *a, const struct run_result *b)
{
    assert_true(a->hash == b->hash);
    assert_int_equal(a->lines_count, b->lines_count);
    assert_int_equal(a->virtual_us, b->virtual_us);
    assert_int_equal(a->verdict, b->verdict);
}

/* I27 */
static void the_same_seed_gives_the_same_run(void **state)
{
    (void)state;
    for (int is_isolated = 0; is_isolated < 2; is_isolated++) {
        struct run_settings settings = {.seed = 21, .nodes = 4, .faults_s = 60, .is_isolated = is_isolated == 1};
        settings.lacks[FAULT_LEAVE] = true;
        struct run_result first = run(settings);
        struct run_result again = run(settings);
        expect_same(&first, &again);
        settings.seed = 22;
        struct run_result other = run(settings);
        assert_true(first.hash != other.hash);
    }
}

/* Who looks changes nothing. */
static void a_run_that_is_printed_is_the_same_run(void **state)
{
    (void)state;
    FILE *nothing = fopen("/dev/null", "w");
    assert_non_null(nothing);
    struct run_settings settings = {.seed = 3, .nodes = 3, .faults_s = 60};
    struct run_result silent = run(settings);
    settings.trace_out = nothing;
    settings.with_packets = true;
    struct run_result printed = run(settings);
    fclose(nothing);
    expect_same(&silent, &printed);
}

static void a_run_that_tries_nothing_says_so(void **state)
{
    (void)state;
    struct run_result result = run((struct run_settings){.seed = 5, .nodes = 3, .faults_s = 60, .is_calm = true});
    assert_int_equal(result.verdict, RUN_VACUOUS);
    assert_string_equal(result.what, "no fault had an effect");
}

/* No layout is ever applied, so none can be lost. */
static void a_plant_that_never_acts_says_so(void **state)
{
    (void)state;
    struct run_settings settings = {
        .seed = 1, .nodes = 3, .faults_s = 60, .plant = WORLD_PLANT_LOST_APPLY, .is_chosen = true};
    settings.has[FAULT_CRASH] = settings.has[FAULT_DOCUMENTS] = true;
    struct run_result result = run(settings);
    assert_int_equal(result.verdict, RUN_VACUOUS);
    assert_string_equal(result.what, "the planted bug never acted");
}

/* Some seed of a few must find a bug that is planted: one need not meet it. */
static void expect_found(struct run_settings settings, const char *what)
{
    for (settings.seed = 1; settings.seed <= 10; settings.seed++) {
        struct run_result result = run(settings);
        if (result.verdict != RUN_FAILED) continue;
        if (strstr(result.what, what) != NULL) return;
        print_error("seed %" PRIu64 ": %s\n", settings.seed, result.what);
    }
    fail_msg("no seed found it");
}

static void an_acknowledged_write_that_is_lost_is_found(void **state)
{
    (void)state;
    expect_found((struct run_settings){.is_isolated = true, .faults_s = 300, .plant = WORLD_PLANT_LOST_WRITE},
                 "acknowledged");
}

static void a_merge_that_is_lost_is_found(void **state)
{
    (void)state;
    expect_found((struct run_settings){.nodes = 4, .faults_s = 120, .plant = WORLD_PLANT_LOST_MERGE}, "documents");
}

/* What the planted bugs below need to show themselves. */
static struct run_settings rough(enum world_plant plant)
{
    return (struct run_settings){
        .nodes = 4,
        .faults_s = 180,
        .plant = plant,
        .is_chosen = true,
        .has = {[FAULT_CRASH] = true, [FAULT_CUT] = true, [FAULT_DOCUMENTS] = true, [FAULT_LAYOUTS] = true},
    };
}

static void a_merge_that_ends_otherwise_on_some_nodes_is_found(void **state)
{
    (void)state;
    expect_found(rough(WORLD_PLANT_ODD_WINNER), "sees other documents");
}

static void a_layout_that_is_acknowledged_before_it_is_synced_is_found(void **state)
{
    (void)state;
    expect_found(rough(WORLD_PLANT_LOST_APPLY), "acknowledged what it has no more: document V");
}

/* H11: silence removes nobody. */
static void a_suspicion_that_removes_is_found(void **state)
{
    (void)state;
    expect_found(rough(WORLD_PLANT_SUSPECT_REMOVES), "and nobody removed it");
}

/* --- what the weather can do ---------------------------------------------------------------------------- */

/* A run of these kinds and changes of documents passes; the first seed of twenty in which `has_effect` says so is
 * the witness that it can have an effect. */
static void expect_weathered(const char *kinds, bool (*has_effect)(const struct run_result *result))
{
    struct run_settings settings = {.nodes = 5, .faults_s = 120, .is_chosen = true};
    settings.has[FAULT_DOCUMENTS] = true;
    for (int kind = 0; kind < FAULTS_COUNT; kind++)
        settings.has[kind] = settings.has[kind] || strstr(kinds, fault_name((enum fault_kind)kind)) != NULL;
    for (settings.seed = 1; settings.seed <= 20; settings.seed++) {
        struct run_result result = run(settings);
        if (result.verdict == RUN_FAILED)
            fail_msg("skerry-sim run --seed %" PRIu64 " --nodes 5 --minutes 2 --only documents,%s --trace: %s",
                     settings.seed, kinds, result.what);
        if (has_effect(&result)) return;
    }
    fail_msg("no seed had an effect");
}

static bool was_paused(const struct run_result *result)
{
    return result->world.pauses > 0 && result->operators.documents > 0;
}

/* Longer than suspicion takes, and then everything at once. */
static void a_paused_node_goes_on(void **state)
{
    (void)state;
    expect_weathered("pause", was_paused);
}

static bool was_rotten(const struct run_result *result)
{
    return result->rotted > 0 && result->world.rot_named > 0 && result->world.salvages > 0;
}

/* H22: found, named, not served; mended by hand, and what is missing then comes from the others. */
static void a_rotten_document_is_named_and_comes_back(void **state)
{
    (void)state;
    expect_weathered("rot,crash", was_rotten);
}

static bool was_connected(const struct run_result *result)
{
    return result->is_by_hand && result->operators.connects >= 4 && result->operators.layouts > 0;
}

static void nodes_that_are_connected_by_hand_are_a_cluster(void **state)
{
    (void)state;
    expect_weathered("by_hand,layouts,crash", was_connected);
}

static bool has_changed_secrets(const struct run_result *result)
{
    return result->rotations > 0 && result->world.crashes > 0;
}

static void the_secret_is_changed_node_by_node(void **state)
{
    (void)state;
    expect_weathered("secrets,crash", has_changed_secrets);
}

static bool was_copied(const struct run_result *result)
{
    return result->identities_named > 0;
}

/* H2 */
static void a_copy_of_a_node_is_named(void **state)
{
    (void)state;
    expect_weathered("copy,crash", was_copied);
}

static bool was_lied_to(const struct run_result *result)
{
    return result->offences > 0 && result->liars_named > 0;
}

/* H12 */
static void a_liar_is_named_and_the_others_stay_equal(void **state)
{
    (void)state;
    expect_weathered("liar", was_lied_to);
}

static uint64_t seeds_count(uint64_t usual)
{
    const char *seeds = getenv("SEEDS");
    const char *is_long = getenv("TESTS_LONG");
    if (seeds != NULL) return strtoull(seeds, NULL, 10);
    if (is_long != NULL && strcmp(is_long, "1") == 0) return 1000;
    return IS_SLOW ? usual / 8 : usual;
}

static void sweep(struct run_settings settings, uint64_t seeds, struct run_result *sum)
{
    uint64_t vacuous = 0;
    for (settings.seed = 1; settings.seed <= seeds; settings.seed++) {
        settings.nodes = (uint32_t)(3 + settings.seed % 4);
        struct run_result result = run(settings);
        vacuous += result.verdict == RUN_VACUOUS;
        sum->world.crashes += result.world.crashes;
        sum->world.disk_full += result.world.disk_full;
        sum->world.disk_errors += result.world.disk_errors;
        sum->world.commits_lost += result.world.commits_lost;
        sum->datagrams_cut += result.datagrams_cut;
        sum->layout_conflicts += result.layout_conflicts;
        sum->operators.documents += result.operators.documents;
        if (result.verdict != RUN_FAILED) continue;
        print_error("skerry-sim run --seed %" PRIu64 " --nodes %" PRIu32 " --minutes %" PRIu64 "%s --trace\n%s\n",
                    settings.seed, settings.nodes, settings.faults_s / 60,
                    settings.is_isolated ? " --isolated" : "", result.what);
        fail();
    }
    assert_true(vacuous * 5 < seeds + 5);
}

/* What was acknowledged stays, whatever happens to a node and its disk (I1, I23). */
static void alone_nodes_keep_what_they_acknowledged(void **state)
{
    (void)state;
    struct run_result sum = {0};
    sweep((struct run_settings){.is_isolated = true, .faults_s = 300}, seeds_count(60), &sum);
    assert_true(sum.world.crashes > 0 && sum.operators.documents > 0);
    assert_true(sum.world.disk_full > 0 && sum.world.disk_errors > 0);
}

/* After the heal everything is equal. */
static void clusters_come_together(void **state)
{
    (void)state;
    struct run_result sum = {0};
    sweep((struct run_settings){.faults_s = 180}, seeds_count(30), &sum);
    assert_true(sum.world.crashes > 0 && sum.operators.documents > 0 && sum.datagrams_cut > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(a_run_that_is_printed_is_the_same_run),
        cmocka_unit_test(a_run_that_tries_nothing_says_so),
        cmocka_unit_test(a_plant_that_never_acts_says_so),
        cmocka_unit_test(an_acknowledged_write_that_is_lost_is_found),
        cmocka_unit_test(a_merge_that_is_lost_is_found),
        cmocka_unit_test(a_merge_that_ends_otherwise_on_some_nodes_is_found),
        cmocka_unit_test(a_layout_that_is_acknowledged_before_it_is_synced_is_found),
        cmocka_unit_test(a_suspicion_that_removes_is_found),
        cmocka_unit_test(a_paused_node_goes_on),
        cmocka_unit_test(a_rotten_document_is_named_and_comes_back),
        cmocka_unit_test(nodes_that_are_connected_by_hand_are_a_cluster),
        cmocka_unit_test(the_secret_is_changed_node_by_node),
        cmocka_unit_test(a_copy_of_a_node_is_named),
        cmocka_unit_test(a_liar_is_named_and_the_others_stay_equal),
        cmocka_unit_test(alone_nodes_keep_what_they_acknowledged),
        cmocka_unit_test(clusters_come_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
