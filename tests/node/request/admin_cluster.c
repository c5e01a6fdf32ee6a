/* The verdict of `skerry status`: a healthy cluster is well, also in the moment after a change. */
#include "node/cluster/formation.h"
#include "node/request/admin_cluster_show.h"
#include "tests/lib/check.h"

enum { NODES = 3, PROBE_MS = 1000 };

/* As much of a cluster as the verdict looks at. */
struct sample {
    struct cluster_settings settings;
    struct join join;
    struct formation formation;
    struct view *view; /* without a layout */
    struct member rows[NODES];
    struct member *row_list[NODES];
    struct cluster cluster;
};

static const uint8_t ours[16] = {1}, others[16] = {2};

static void sample_init(struct sample *sample)
{
    view_release(sample->view);
    memset(sample, 0, sizeof *sample);
    sample->view = view_create(NULL, NULL, 0);
    assert_non_null(sample->view);
    sample->settings.probe_interval_ms = PROBE_MS;
    for (int i = 0; i < NODES; i++) {
        sample->rows[i] = (struct member){.is_self = i == 0, .state = MEMBER_ALIVE};
        sample->rows[i].id[0] = (uint8_t)i;
        sample->row_list[i] = &sample->rows[i];
        if (i > 0) member_hear_documents(&sample->rows[i], ours, ours, 1000);
    }
    sample->cluster = (struct cluster){.settings = &sample->settings,
                                       .join = &sample->join,
                                       .formation = &sample->formation,
                                       .view = &sample->view,
                                       .identity = {.secrets_count = 1},
                                       .members = {.rows = sample->row_list, .count = NODES, .capacity = NODES},
                                       .stage = CLUSTER_MEMBER,
                                       .is_on = true,
                                       .now_ms = 1000};
}

static void expect_verdict(const struct sample *sample, const char *word, const char *summary)
{
    struct admin_cluster_verdict verdict;
    admin_cluster_judge(&sample->cluster, NULL, &verdict);
    assert_string_equal(verdict.word, word);
    assert_string_equal(verdict.summary, summary);
}

static void right_after_a_change_a_healthy_cluster_is_well(void **state)
{
    (void)state;
    static struct sample sample;
    sample_init(&sample);
    expect_verdict(&sample, "well", "3 of 3 nodes are up, no layout, all documents equal");
    member_hear_documents(&sample.rows[1], others, ours, 2000);
    expect_verdict(&sample, "well", "3 of 3 nodes are up, no layout, a change on its way to 1 node");
    member_hear_documents(&sample.rows[2], others, ours, 2100);
    expect_verdict(&sample, "well", "3 of 3 nodes are up, no layout, a change on its way to 2 nodes");
    member_hear_documents(&sample.rows[1], ours, ours, 4000);
    member_hear_documents(&sample.rows[2], ours, ours, 4000);
    expect_verdict(&sample, "well", "3 of 3 nodes are up, no layout, all documents equal");
}

static void documents_that_stay_different_are_a_problem(void **state)
{
    (void)state;
    static struct sample sample;
    char line[256];
    sample_init(&sample);
    member_hear_documents(&sample.rows[2], others, ours, 2000);
    member_hear_documents(&sample.rows[2], others, ours, 2001 + MEMBER_APART_PROBES * PROBE_MS);
    expect_verdict(&sample, "degraded", "3 of 3 nodes are up, no layout, documents differ on 1 node");
    assert_true(cluster_problem(&sample.cluster, 0, line));
    assert_non_null(strstr(line, "has other documents than this node"));
}

static void expect_problem(const struct sample *sample, const char *text)
{
    char line[256];
    assert_true(cluster_problem(&sample->cluster, 0, line));
    assert_string_equal(line, text);
}

/* A suspicion that is refuted at once is no news; one that stands is, long before the node is called down. */
static void who_does_not_answer_for_some_probes_is_not_up(void **state)
{
    (void)state;
    static struct sample sample;
    sample_init(&sample);
    sample.rows[1].state = MEMBER_SUSPECT;
    sample.rows[1].since_ms = 1000;
    sample.cluster.now_ms = 1000 + MEMBER_DOUBT_PROBES * PROBE_MS;
    expect_verdict(&sample, "well", "3 of 3 nodes are up, no layout, all documents equal");
    sample.cluster.now_ms += PROBE_MS;
    expect_verdict(&sample, "degraded", "2 of 3 nodes are up, no layout, all documents equal");
    expect_problem(&sample, "0100000000000000 does not answer since 6 s");
}

/* For people: nobody divides by 3,600 at night. */
static void times_are_said_in_their_two_largest_units(void **state)
{
    (void)state;
    static struct sample sample;
    static const struct {
        uint64_t seconds;
        const char *text;
    } rows[] = {{7, "7 s"}, {253, "4 min"}, {3 * 3600 + 5 * 60, "3 h 05 min"}, {4 * 86400 + 3 * 3600, "4 d 03 h"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[100];
        sample_init(&sample);
        sample.rows[2].state = MEMBER_DOWN;
        sample.rows[2].since_ms = 1000;
        sample.cluster.now_ms = 1000 + rows[i].seconds * 1000;
        snprintf(text, sizeof text, "0200000000000000 is down since %s", rows[i].text);
        expect_problem(&sample, text);
    }
    sample_init(&sample);
    sample.rows[1].has_round_trip = true;
    sample.rows[1].clock_offset_us = -630 * INT64_C(1000000);
    expect_problem(&sample, "the clock of 0100000000000000 is 10 min behind ours");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_answer_for_some_probes_is_not_up),
        cmocka_unit_test(times_are_said_in_their_two_largest_units),
        cmocka_unit_test(right_after_a_change_a_healthy_cluster_is_well),
        cmocka_unit_test(documents_that_stay_different_are_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
