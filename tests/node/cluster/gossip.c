/* Gossip on a small network: who lives is known soon, and nobody is held for dead who lives. */
#include "tests/node/cluster/gossip_net.h"

enum { PERIOD_MS = 1000 };

static struct net net;

static int tear_down(void **state)
{
    (void)state;
    net_deinit(&net);
    return 0;
}

static void settle_at(const char *name, uint32_t count, uint64_t period_ms)
{
    net_begin(&net, name, count, period_ms);
    net_until_all_are(&net, MEMBER_ALIVE, 60);
    for (uint32_t i = 0; i < 40 && !net_digests_agree(&net); i++)
        net_run(&net, 1);
    assert_true(net_digests_agree(&net));
}

static void settle(const char *name, uint32_t count)
{
    settle_at(name, count, PERIOD_MS);
}

static void all_find_each_other_through_one_address(void **state)
{
    (void)state;
    net_begin(&net, "all_find_each_other", 24, PERIOD_MS);
    uint32_t periods = net_until_all_are(&net, MEMBER_ALIVE, 60);
    printf("24 nodes know each other after %u periods\n", periods);
    net_run(&net, 20);
    assert_true(net_digests_agree(&net));
    assert_int_equal(net_sum(&net).packets_bad, 0);
    assert_int_equal(net_sum(&net).packets_foreign, 0);
}

static void nobody_is_suspected_without_loss(void **state)
{
    (void)state;
    settle("nobody_is_suspected", 16);
    net_run(&net, 100);
    struct gossip_stats sum = net_sum(&net);
    assert_int_equal(sum.suspicions, 0);
    assert_int_equal(sum.probes_failed, 0);
    assert_int_equal(sum.downs, 0);
    assert_true(net.packet_bytes_max <= LIMITS_DATAGRAM_BYTES_MAX);
}

static uint32_t periods_to_down(const char *name, uint32_t count)
{
    settle(name, count);
    net_stop(&net.nodes[1]);
    uint32_t periods = net_until_all_see(&net, 1, MEMBER_DOWN, 60);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < count; j++) {
            if (i != 1 && j != 1) assert_int_equal(net_state(&net, i, j), MEMBER_ALIVE);
        }
    }
    return periods;
}

static void a_death_is_known_to_all_within_bounds(void **state)
{
    (void)state;
    static const uint32_t counts[] = {3, 5, 10};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint32_t periods = periods_to_down("a_death_is_known", counts[i]);
        printf("%u nodes: a death was known to all after %u periods\n", counts[i], periods);
        assert_true(periods <= 20);
        net_deinit(&net);
    }
    uint32_t periods = periods_to_down("a_death_is_known", 24);
    printf("24 nodes: a death was known to all after %u periods\n", periods);
    assert_true(periods <= 20);
}

/* Two nodes have no third to ask and none to confirm. */
static void of_two_the_other_notices_a_death(void **state)
{
    (void)state;
    assert_true(periods_to_down("of_two", 2) <= 30);
}

static void under_ten_percent_loss_nobody_is_held_for_dead(void **state)
{
    (void)state;
    settle("ten_percent_loss", 16);
    net.loss_permille = 100;
    net_run(&net, 300);
    struct gossip_stats sum = net_sum(&net);
    printf("16 nodes, 300 periods, 10 %% loss: %u probes failed, %u suspicions, %u refutations, %u downs\n",
           (unsigned)sum.probes_failed, (unsigned)sum.suspicions, (unsigned)sum.refutations, (unsigned)sum.downs);
    assert_int_equal(sum.downs, 0);
    assert_true(sum.suspicions <= 2 * 16); /* each of which all are told: twice at most that one was suspected */
    assert_true(sum.probes_indirect > 0);
    net.loss_permille = 0;
    net_until_all_are(&net, MEMBER_ALIVE, 40);
}

static void cut(uint32_t border, bool is_cut)
{
    for (uint32_t i = 0; i < net.count; i++) {
        for (uint32_t j = 0; j < net.count; j++)
            net.is_cut[i][j] = is_cut && (i < border) != (j < border);
    }
}

static void both_sides_of_a_cut_come_back_after_the_heal(void **state)
{
    (void)state;
    settle("a_cut_heals", 16);
    cut(6, true);
    net_run(&net, 80);
    for (uint32_t i = 0; i < 16; i++) {
        for (uint32_t j = 0; j < 16; j++) {
            enum member_state wanted = (i < 6) == (j < 6) ? MEMBER_ALIVE : MEMBER_DOWN;
            assert_int_equal(net_state(&net, i, j), wanted);
        }
    }
    cut(6, false);
    uint32_t periods = net_until_all_are(&net, MEMBER_ALIVE, 60);
    printf("16 nodes are one again %u periods after a heal\n", periods);
    net_run(&net, 20);
    assert_true(net_digests_agree(&net));
    assert_int_equal(net_sum(&net).packets_bad, 0);
}

/* A hears B but B does not hear A: others carry the pings. */
static void a_link_cut_one_way_makes_nobody_dead(void **state)
{
    (void)state;
    settle("one_way_cut", 8);
    net.is_cut[0][1] = true;
    net_run(&net, 100);
    assert_int_equal(net_sum(&net).downs, 0);
    assert_true(net_sum(&net).probes_indirect > 0);
}

static void a_node_alone_holds_the_others_for_down_and_is_back_after_the_heal(void **state)
{
    (void)state;
    settle("alone", 5);
    cut(1, true);
    net_run(&net, 150);
    for (uint32_t i = 1; i < 5; i++) {
        assert_int_equal(net_state(&net, 0, i), MEMBER_DOWN);
        assert_int_equal(net_state(&net, i, 0), MEMBER_DOWN);
    }
    cut(1, false);
    net_until_all_are(&net, MEMBER_ALIVE, 30);
}

static void a_restart_with_another_address_is_followed(void **state)
{
    (void)state;
    settle("restart", 8);
    net_stop(&net.nodes[3]);
    net_run(&net, 2);
    net_init_node(&net, 3, 3);
    snprintf(net.nodes[3].address, NET_ADDRESS_CHARS, "elsewhere:2");
    net_start(&net, 3, 8, 2000);
    net_introduce(&net, 3, 0);
    net_run(&net, 30);
    assert_true(net_all_are(&net, MEMBER_ALIVE));
    for (uint32_t i = 0; i < 8; i++) {
        if (i != 3) assert_span_text(net_row(&net, i, 3)->announcement.address, "elsewhere:2");
    }
    assert_true(net_digests_agree(&net));
}

static void a_node_that_was_down_is_back_with_its_next_incarnation(void **state)
{
    (void)state;
    settle("back", 5);
    net_stop(&net.nodes[3]);
    net_until_all_see(&net, 3, MEMBER_DOWN, 40);
    net_init_node(&net, 3, 3);
    net_start(&net, 3, 5, 2000);
    net_introduce(&net, 3, 0);
    assert_true(net_until_all_see(&net, 3, MEMBER_ALIVE, 10) < 10);
}

/* A store put back to an earlier state: its incarnation is lower than what the others know. */
static void a_restart_with_a_lower_incarnation_raises_itself(void **state)
{
    (void)state;
    settle("rollback", 5);
    net_stop(&net.nodes[3]);
    net_until_all_see(&net, 3, MEMBER_DOWN, 40);
    net_init_node(&net, 3, 3);
    net_start(&net, 3, 5, 10);
    net_introduce(&net, 3, 0);
    net_until_all_see(&net, 3, MEMBER_ALIVE, 20);
    assert_true(gossip_stats(net.nodes[3].gossip).incarnation > 1000);
    net_run(&net, 20);
    assert_false(gossip_stats(net.nodes[3].gossip).is_doubled);
    assert_int_equal(net_sum(&net).packets_bad, 0);
    assert_true(net_digests_agree(&net));
}

static void who_leaves_in_order_is_down_at_once_and_not_suspected(void **state)
{
    (void)state;
    settle("leave", 16);
    gossip_leave(net.nodes[2].gossip, net_now_ms(&net));
    net_drain(&net.nodes[2]);
    net_run(&net, 1);
    net_stop(&net.nodes[2]);
    uint32_t periods = net_until_all_see(&net, 2, MEMBER_DOWN, 10);
    assert_true(periods <= 4);
    assert_int_equal(net_sum(&net).suspicions, 0);
    net_init_node(&net, 2, 2);
    net_start(&net, 2, 16, 3000);
    net_introduce(&net, 2, 0);
    net_until_all_are(&net, MEMBER_ALIVE, 40);
}

static void in_a_small_cluster_everybody_hears_of_a_leave_at_once(void **state)
{
    (void)state;
    settle("small_leave", 8);
    gossip_leave(net.nodes[2].gossip, net_now_ms(&net));
    gossip_leave(net.nodes[2].gossip, net_now_ms(&net)); /* again is nothing */
    net_drain(&net.nodes[2]);
    net_stop(&net.nodes[2]);
    net_run(&net, 1);
    assert_true(net_all_see(&net, 2, MEMBER_DOWN));
    for (uint32_t i = 0; i < 8; i++) {
        if (i != 2) assert_int_equal(net_logged(&net.nodes[i], "a node left in order"), 1);
    }
    net_run(&net, 30);
    assert_int_equal(net_sum(&net).suspicions, 0);
}

/* Stopped as by SIGSTOP: the others may hold it for down, but it does not blame them for its sleep. */
static void a_node_that_slept_suspects_nobody(void **state)
{
    (void)state;
    settle("slept", 8);
    net.nodes[4].is_frozen = true;
    net_run(&net, 100);
    assert_true(net_all_see(&net, 4, MEMBER_DOWN));
    net.nodes[4].is_frozen = false;
    net_run(&net, 20);
    assert_int_equal(gossip_stats(net.nodes[4].gossip).suspicions, 0);
    assert_int_equal(net_logged(&net.nodes[4], "this node did not run for a while"), 1);
    assert_true(net_all_are(&net, MEMBER_ALIVE));
}

/* Starved again and again for longer than a period: it still notices a death, and nobody else's. */
static void a_starved_node_judges_late_but_right(void **state)
{
    (void)state;
    settle("starved", 6);
    net_stop(&net.nodes[1]);
    for (uint32_t i = 0; i < 100; i++) {
        net.nodes[4].is_frozen = i % 5 != 0; /* four periods in five it is not run */
        net_run(&net, 1);
    }
    assert_int_equal(net_state(&net, 4, 1), MEMBER_DOWN);
    for (uint32_t i = 0; i < 6; i++) {
        if (i != 4 && i != 1) assert_int_not_equal(net_state(&net, 4, i), MEMBER_DOWN);
    }
    net.nodes[4].is_frozen = false;
    net_run(&net, 30);
    for (uint32_t i = 0; i < 6; i++) {
        if (i != 1) assert_true(net_all_see(&net, i, MEMBER_ALIVE));
    }
}

/* A ping for another is overdue, and packets waited while we did not run: that is one gap, not one for each. */
static void a_gap_is_pardoned_once_however_many_packets_waited(void **state)
{
    (void)state;
    enum { GAP_MS = 3 * PERIOD_MS };
    settle("pardoned", 8);
    struct gossip_message ask = net_message(&net, 1, 0, GOSSIP_ASK);
    ask.wait_ms = PERIOD_MS;
    memcpy(ask.target, net_id(&net.nodes[2]), LINK_NODE_ID_BYTES);
    net_inject_message(&net, 1, 0, &ask);
    gossip_suspect(net.nodes[0].gossip, net_row(&net, 0, 3), MEMBER_SUSPECT, net_id(&net.nodes[4]));
    const struct suspicion *suspicion = &gossip_row_of(net_row(&net, 0, 3))->suspicion;
    uint64_t deadline_ms = suspicion->timer.deadline_ms;
    net.now_us += (uint64_t)GAP_MS * 1000;
    for (uint32_t i = 0; i < 50; i++) {
        struct gossip_message news = net_message(&net, 1, 0, GOSSIP_NEWS);
        net_inject_message(&net, 1, 0, &news);
    }
    assert_in_range(suspicion->timer.deadline_ms, deadline_ms + 1, deadline_ms + GAP_MS);
}

static void a_cluster_that_slept_wakes_as_it_was(void **state)
{
    (void)state;
    settle("all_slept", 8);
    for (uint32_t i = 0; i < 8; i++)
        net.nodes[i].is_frozen = true;
    net_run(&net, 1000);
    for (uint32_t i = 0; i < 8; i++)
        net.nodes[i].is_frozen = false;
    net_run(&net, 30);
    assert_int_equal(net_sum(&net).suspicions, 0);
    assert_true(net_all_are(&net, MEMBER_ALIVE));
}

/* --- one identity twice (H2) ---------------------------------------------------------------------------- */

static void be_doubled_for_a_while(const char *name, uint64_t period_ms)
{
    settle_at(name, 6, period_ms);
    net.count = 7;
    net_init_node(&net, 6, 3);
    net_start(&net, 6, 6, 1500);
    net_introduce(&net, 6, 0);
    net_run(&net, 40);
    assert_true(gossip_stats(net.nodes[3].gossip).is_doubled);
    assert_true(gossip_stats(net.nodes[6].gossip).is_doubled);
    for (uint32_t i = 0; i < 6; i++) {
        if (i != 3) assert_int_equal(net_state(&net, i, 3), MEMBER_DOWN);
        if (i != 3) assert_int_equal(net_logged(&net.nodes[i], "two processes have a node's identity"), 1);
    }
    net_stop(&net.nodes[6]);
    net_run(&net, 120);
    assert_false(gossip_stats(net.nodes[3].gossip).is_doubled);
    assert_true(net_all_see(&net, 3, MEMBER_ALIVE));
    assert_int_equal(net_sum(&net).packets_bad, 0);
}

static void two_processes_with_one_identity_are_both_refused_until_one_is_gone(void **state)
{
    (void)state;
    be_doubled_for_a_while("doubled", PERIOD_MS);
}

/* The longest rpc.probe_interval_ms. */
static void two_processes_are_found_however_seldom_is_probed(void **state)
{
    (void)state;
    be_doubled_for_a_while("doubled, seldom", 60 * 1000);
}

/* All others were taken out while it was so. */
static void who_is_left_alone_is_doubled_no_more(void **state)
{
    (void)state;
    settle("doubled and alone", 3);
    net.count = 4;
    net_init_node(&net, 3, 0);
    net_start(&net, 3, 3, 1500);
    net_introduce(&net, 3, 1);
    net_run(&net, 40);
    assert_true(gossip_stats(net.nodes[0].gossip).is_doubled);
    net_set_members(&net.nodes[0], net_id(&net.nodes[0]), 1);
    assert_false(gossip_stats(net.nodes[0].gossip).is_doubled);
}

/* A copied directory is started right beside its original: both have the same incarnation, and only the numbers
 * that their runs drew tell them apart. Whichever of them the others believe. */
static void a_copy_with_the_same_incarnation_is_noticed_by_both(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        settle("copied", 6);
        net.has_no_links = true;
        net.count = 7;
        net_init_node(&net, 6, 3);
        snprintf(net.nodes[6].address, NET_ADDRESS_CHARS, "a.name.that.is.longer:1");
        net_start_as(&net, 6, 6, 1000, i == 0 ? 1 : UINT64_MAX);
        for (uint32_t j = 0; j < 6; j++)
            if (j != 3) net_introduce(&net, 6, j);
        uint32_t periods = 0;
        while (periods < 20 &&
               !(gossip_stats(net.nodes[3].gossip).is_doubled && gossip_stats(net.nodes[6].gossip).is_doubled)) {
            net_run(&net, 1);
            periods++;
        }
        printf("both know of each other after %u periods\n", periods);
        assert_true(periods < 20);
        net_stop(&net.nodes[6]);
        net_run(&net, 120);
        assert_false(gossip_stats(net.nodes[3].gossip).is_doubled);
        assert_true(net_all_see(&net, 3, MEMBER_ALIVE));
        net_deinit(&net);
    }
    net_begin(&net, "copied", 2, PERIOD_MS); /* for tear_down() */
}

/* --- periods, clocks, digests --------------------------------------------------------------------------- */

static void all_times_follow_the_period(void **state)
{
    (void)state;
    net_begin(&net, "periods", 8, 50);
    net_until_all_are(&net, MEMBER_ALIVE, 60);
    net_stop(&net.nodes[1]);
    assert_true(net_until_all_see(&net, 1, MEMBER_DOWN, 60) <= 20);
    net_deinit(&net);
    net_begin(&net, "periods", 8, 60000);
    net_until_all_are(&net, MEMBER_ALIVE, 60);
    net_stop(&net.nodes[1]);
    assert_true(net_until_all_see(&net, 1, MEMBER_DOWN, 60) <= 20);
}

static void a_clock_far_off_is_measured_and_logged_once(void **state)
{
    (void)state;
    static const int64_t off_us = INT64_C(600) * 1000000;
    settle("clock", 4);
    net.nodes[2].wall_offset_us = off_us;
    net_run(&net, 30);
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 2) continue;
        const struct member *row = net_row(&net, i, 2);
        assert_true(row->has_round_trip);
        assert_in_range((uint64_t)row->clock_offset_us, (uint64_t)off_us - 20000, (uint64_t)off_us + 20000);
        assert_in_range(row->round_trip_us, 5000, 40000);
        assert_int_equal(net_logged(&net.nodes[i], "a node's clock is far from ours"), 1);
    }
    net.nodes[2].wall_offset_us = INT64_MIN / 4; /* and it jumps back before 1970 */
    net_run(&net, 30);
    net.nodes[2].wall_offset_us = 0;
    net_run(&net, 30);
    const struct member *row = net_row(&net, 0, 2);
    assert_true(row->clock_offset_us > -20000 && row->clock_offset_us < 20000);
    assert_int_equal(net_sum(&net).suspicions, 0);
}

static void documents_that_differ_are_told_and_equal_ones_are_not(void **state)
{
    (void)state;
    settle("documents", 8);
    net_run(&net, 20);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(net.nodes[i].differs_documents, 0);
    struct gossip_digests digests = {{9}};
    gossip_set_digests(net.nodes[5].gossip, &digests);
    net_run(&net, 30);
    assert_true(net.nodes[5].differs_documents > 0);
    uint32_t others = 0;
    for (uint32_t i = 0; i < 8; i++) {
        if (i == 5) continue;
        others += net.nodes[i].differs_documents;
        assert_int_equal(net_row(&net, i, 5)->is_same_documents, false);
        gossip_set_digests(net.nodes[i].gossip, &digests);
    }
    assert_true(others > 0);
    net_run(&net, 1); /* what was under way */
    uint32_t before = net.nodes[5].differs_documents;
    net_run(&net, 20);
    assert_int_equal(net.nodes[5].differs_documents, before);
    assert_true(net_row(&net, 0, 5)->is_same_documents);
}

static uint32_t asked_for_announcements(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < net.count; i++)
        count += net.nodes[i].differs_announcements;
    return count;
}

static void a_missed_announcement_is_asked_for(void **state)
{
    (void)state;
    settle("missed", 12);
    net_run(&net, 20);
    uint32_t before = asked_for_announcements();
    struct member *row = net_row(&net, 7, 2);
    assert_true(row->has_announcement);
    uint8_t ids[12 * LINK_NODE_ID_BYTES];
    uint8_t fewer[11 * LINK_NODE_ID_BYTES];
    uint32_t kept = 0;
    net_ids(&net, 12, ids);
    for (uint32_t i = 0; i < 12; i++) {
        const uint8_t *id = ids + (size_t)i * LINK_NODE_ID_BYTES;
        if (memcmp(id, net_id(&net.nodes[2]), LINK_NODE_ID_BYTES) == 0) continue;
        memcpy(fewer + (size_t)kept++ * LINK_NODE_ID_BYTES, id, LINK_NODE_ID_BYTES);
    }
    net.is_cut[2][7] = net.is_cut[7][2] = true; /* they do not meet */
    net_set_members(&net.nodes[7], fewer, 11);  /* forgets node 2 */
    assert_null(net_row(&net, 7, 2));
    net_set_members(&net.nodes[7], ids, 12);
    assert_int_equal(net_state(&net, 7, 2), MEMBER_UNKNOWN);
    net_run(&net, 10);
    assert_true(asked_for_announcements() > before);
    assert_int_equal(net_state(&net, 7, 2), MEMBER_ALIVE); /* the exchange brought it */
    assert_true(net_digests_agree(&net));
}

/* --- bytes ---------------------------------------------------------------------------------------------- */

static uint64_t bytes_per_period(uint32_t count)
{
    enum { PERIODS = 50 };
    settle("bytes", count);
    net_run(&net, 40);
    uint64_t before = net_sum(&net).bytes_out;
    net_run(&net, PERIODS);
    uint64_t bytes = (net_sum(&net).bytes_out - before) / count / PERIODS;
    printf("%u nodes: %u bytes a node and period\n", count, (unsigned)bytes);
    return bytes;
}

static void a_quiet_cluster_says_as_much_whatever_its_size(void **state)
{
    (void)state;
    uint64_t small = bytes_per_period(4);
    net_deinit(&net);
    uint64_t large = bytes_per_period(20);
    assert_in_range(large, small * 95 / 100, small * 105 / 100);
}

static void what_the_store_holds_is_announced_when_it_changed_much(void **state)
{
    (void)state;
    settle("used", 3);
    uint64_t incarnation = gossip_stats(net.nodes[0].gossip).incarnation;
    struct gossip_self self = {.address = span_text(net.nodes[0].address),
                               .name = span_text("a name"),
                               .zone = span_text("z1"),
                               .program = span_text("0.1.0"),
                               .capacity = 100};
    self.used_bytes = GOSSIP_USED_BYTES_STEP - 1;
    gossip_say(net.nodes[0].gossip, &self, net_now_ms(&net));
    assert_int_equal(gossip_stats(net.nodes[0].gossip).incarnation, incarnation);
    self.used_bytes = (uint64_t)GOSSIP_USED_BYTES_STEP * 100;
    gossip_say(net.nodes[0].gossip, &self, net_now_ms(&net));
    assert_int_equal(gossip_stats(net.nodes[0].gossip).incarnation, incarnation + 1);
    self.used_bytes += (uint64_t)GOSSIP_USED_BYTES_STEP * 2;
    gossip_say(net.nodes[0].gossip, &self, net_now_ms(&net));
    assert_int_equal(gossip_stats(net.nodes[0].gossip).incarnation, incarnation + 1);
    net_drain(&net.nodes[0]);
    net_run(&net, 3);
    assert_int_equal(net_row(&net, 1, 0)->announcement.used_bytes, (uint64_t)GOSSIP_USED_BYTES_STEP * 100);
}

#define net_test(function) cmocka_unit_test_teardown(function, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        net_test(all_find_each_other_through_one_address),
        net_test(nobody_is_suspected_without_loss),
        net_test(a_death_is_known_to_all_within_bounds),
        net_test(of_two_the_other_notices_a_death),
        net_test(under_ten_percent_loss_nobody_is_held_for_dead),
        net_test(both_sides_of_a_cut_come_back_after_the_heal),
        net_test(a_link_cut_one_way_makes_nobody_dead),
        net_test(a_node_alone_holds_the_others_for_down_and_is_back_after_the_heal),
        net_test(a_restart_with_another_address_is_followed),
        net_test(a_node_that_was_down_is_back_with_its_next_incarnation),
        net_test(a_restart_with_a_lower_incarnation_raises_itself),
        net_test(who_leaves_in_order_is_down_at_once_and_not_suspected),
        net_test(in_a_small_cluster_everybody_hears_of_a_leave_at_once),
        net_test(a_node_that_slept_suspects_nobody),
        net_test(a_starved_node_judges_late_but_right),
        net_test(a_gap_is_pardoned_once_however_many_packets_waited),
        net_test(a_cluster_that_slept_wakes_as_it_was),
        net_test(two_processes_with_one_identity_are_both_refused_until_one_is_gone),
        net_test(two_processes_are_found_however_seldom_is_probed),
        net_test(who_is_left_alone_is_doubled_no_more),
        net_test(a_copy_with_the_same_incarnation_is_noticed_by_both),
        net_test(all_times_follow_the_period),
        net_test(a_clock_far_off_is_measured_and_logged_once),
        net_test(documents_that_differ_are_told_and_equal_ones_are_not),
        net_test(a_missed_announcement_is_asked_for),
        net_test(a_quiet_cluster_says_as_much_whatever_its_size),
        net_test(what_the_store_holds_is_announced_when_it_changed_much),
    };
    return cmocka_run_group_tests_name("gossip", tests, NULL, NULL);
}
