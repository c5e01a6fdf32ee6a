/* Which links stay, and what a peer can make us hold: one real node, and a puppet that keeps to nothing. */
#include "node/core/link_handshake.h"
#include "tests/node/cluster/puppet.h"

enum { REMOTE_CHARS = 40 };

static struct puppet puppet;

static int set_up(void **state)
{
    (void)state;
    puppet_init(&puppet);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    puppet_deinit(&puppet);
    return 0;
}

static struct links *links(void)
{
    return puppet.node.cluster.links;
}

static uint32_t count_in(enum channel_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < LINKS_MAX; i++)
        count += links()->channels[i] != NULL && links()->channels[i]->state == state;
    return count;
}

static void come_in(uint32_t number, const char *remote)
{
    struct event event = {.kind = EVENT_LINK_OPEN};
    event.link.number = number;
    event.link.remote = span_text(remote);
    puppet.number = number;
    puppet.is_open = true;
    puppet_step(&puppet, &event);
}

/* The puppet's bytes, without its hearing the answer or taking it. */
static void send_deaf(const struct message *message)
{
    static uint8_t bytes[LINK_FRAME_BYTES_MAX];
    struct span encoded = message_encode(message, &puppet.arena);
    assert_true(link_send(&puppet.link, LINK_NORMAL, encoded));
    size_t length = link_write(&puppet.link, bytes, sizeof bytes, puppet.now_ms);
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_of(bytes, length));
}

static const struct message *hello(void)
{
    static uint8_t none[16];
    static struct message message;
    message = (struct message){.kind = MESSAGE_HELLO,
                               .announcement = {(const uint8_t *)"", 0},
                               .documents_digest = span_of(none, 16),
                               .announcements_digest = span_of(none, 16)};
    return &message;
}

/* --- who has proved nothing ------------------------------------------------------------------------------------
 */

/* Its own first ones go for those that follow; others are not touched. */
static void one_host_can_keep_so_many_handshakes_open(void **state)
{
    (void)state;
    char remote[REMOTE_CHARS];
    come_in(PUPPET_LINK, "10.0.0.9:1");
    for (uint32_t i = 1; i <= 3 * LINKS_SHAKING_OF_HOST_MAX; i++) {
        snprintf(remote, sizeof remote, "10.0.0.66:%u", i);
        come_in(PUPPET_LINK + i, remote);
        assert_int_equal(links()->channels[PUPPET_LINK + i]->state, CHANNEL_SHAKING);
        assert_true(count_in(CHANNEL_SHAKING) <= 1 + LINKS_SHAKING_OF_HOST_MAX);
    }
    assert_int_equal(links()->channels[PUPPET_LINK]->state, CHANNEL_SHAKING);
    assert_int_equal(count_in(CHANNEL_SHAKING), 1 + LINKS_SHAKING_OF_HOST_MAX);
}

static void all_hosts_together_can_keep_so_many(void **state)
{
    (void)state;
    char remote[REMOTE_CHARS];
    for (uint32_t i = 0; i < 2 * LINKS_SHAKING_MAX; i++) {
        snprintf(remote, sizeof remote, "10.0.%u.%u:1", i / 200, i % 200);
        come_in(PUPPET_LINK + i, remote);
        assert_int_equal(links()->channels[PUPPET_LINK + i]->state, CHANNEL_SHAKING);
    }
    assert_int_equal(count_in(CHANNEL_SHAKING), LINKS_SHAKING_MAX);
    assert_int_equal(links()->channels[PUPPET_LINK]->state, CHANNEL_CLOSING);
}

/* --- of one node ------------------------------------------------------------------------------------------------
 */

static void one_node_has_so_many_links(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        puppet_dial_beside(&puppet, PUPPET_LINK + i);
        puppet.now_ms++;
        assert_int_equal(links()->channels[PUPPET_LINK + i]->state, CHANNEL_READY);
        assert_true(count_in(CHANNEL_READY) <= LINKS_OF_NODE_MAX);
    }
    assert_int_equal(links()->channels[PUPPET_LINK + 8]->state, CHANNEL_READY);
}

/* It may know us by several names, and ask over the first of its links. */
static void a_node_that_is_being_let_in_keeps_that_link(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        puppet_dial_beside(&puppet, PUPPET_LINK + i);
        links()->channels[PUPPET_LINK]->is_letting_in = true;
        puppet.now_ms++;
    }
    assert_int_equal(links()->channels[PUPPET_LINK]->state, CHANNEL_READY);
    assert_int_equal(count_in(CHANNEL_READY), 1 + LINKS_OF_NODE_MAX);
}

/* Whoever has the secret can make up nodes; there is room for the next one all the same. */
static void the_idlest_goes_before_none_is_free(void **state)
{
    (void)state;
    uint8_t id[LINK_NODE_ID_BYTES];
    for (uint32_t i = 0; i < LIMITS_LINKS_ACCEPTED_MAX; i++) {
        uint8_t seed[PRNG_SEED_BYTES] = {9, (uint8_t)i, (uint8_t)(i >> 8)};
        crypto_sign_ed25519_seed_keypair(id, puppet.identity.node_key, seed);
        puppet_dial_beside(&puppet, PUPPET_LINK + i);
        puppet.now_ms++;
        assert_int_equal(links()->channels[PUPPET_LINK + i]->state, CHANNEL_READY);
    }
    assert_true(count_in(CHANNEL_READY) <= LIMITS_LINKS_ACCEPTED_MAX - LINKS_SPARE);
}

/* --- what a stranger can make us hold
 * -----------------------------------------------------------------------------
 */

static void a_stranger_says_little_at_a_time(void **state)
{
    (void)state;
    puppet_dial(&puppet);
    uint8_t *bytes = arena_alloc(&puppet.arena, LINKS_STRANGER_BYTES_MAX + 1);
    puppet_say_bytes(&puppet, span_of(bytes, LINKS_STRANGER_BYTES_MAX + 1));
    assert_true(puppet.is_closed_by_node);
    assert_non_null(strstr(puppet.log, "what=a message that is too long"));
}

static void a_stranger_who_does_not_read_is_not_spoken_to_for_long(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    puppet_hang_up(&puppet);
    uint8_t seed[PRNG_SEED_BYTES] = {3};
    uint8_t id[LINK_NODE_ID_BYTES];
    crypto_sign_ed25519_seed_keypair(id, puppet.identity.node_key, seed); /* by its own word only */
    puppet_dial(&puppet);
    for (uint32_t i = 0; i < 10000 && !puppet.is_closed_by_node; i++)
        send_deaf(hello());
    assert_true(puppet.is_closed_by_node);
    assert_true(links()->budget.held_bytes < 4 * LINKS_STRANGER_BYTES_MAX);
}

/* It goes on to speak, so it is not idle; but it has not taken a byte for as long as may be. */
static void a_member_who_does_not_read_is_closed(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    const struct message digests = {
        .kind = MESSAGE_DOCS_DIGESTS,
        .digests = span_of(arena_alloc(&puppet.arena, MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES),
                           MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES)};
    send_deaf(&digests);
    puppet_wait(&puppet, LINKS_STALL_MS / 2);
    send_deaf(hello());
    assert_false(puppet.is_closed_by_node);
    puppet_wait(&puppet, LINKS_STALL_MS / 2);
    assert_true(puppet.is_closed_by_node);
    assert_int_equal(links()->channels[PUPPET_LINK]->state, CHANNEL_CLOSING);
}

/* Whoever sits on the way can turn a bit: that is nothing a member did. */
static void bytes_changed_under_way_are_nobodys_offence(void **state)
{
    (void)state;
    uint8_t bytes[LINK_FRAME_BYTES_MAX];
    puppet_become_member(&puppet);
    assert_true(link_send(&puppet.link, LINK_NORMAL, span_text("anything")));
    size_t length = link_write(&puppet.link, bytes, sizeof bytes, puppet.now_ms);
    bytes[length - 1] ^= 1;
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_of(bytes, length));
    assert_true(puppet.is_closed_by_node);
    assert_null(strstr(puppet.log, "no sound node"));
    assert_non_null(strstr(puppet.log, "why=bytes were changed under way node="));
}

/* --- closing
 * ------------------------------------------------------------------------------------------------------
 */

/* The wish to close may have been lost for want of memory. */
static void a_close_that_nobody_confirms_is_asked_for_again(void **state)
{
    (void)state;
    come_in(PUPPET_LINK, "10.0.0.9:1");
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_text("no handshake"));
    for (int i = 0; i < 3; i++) {
        assert_true(puppet.is_closed_by_node);
        puppet.is_closed_by_node = false;
        puppet_wait(&puppet, LINKS_CLOSE_MS - 1);
        assert_false(puppet.is_closed_by_node);
        puppet_wait(&puppet, 1);
    }
    assert_int_equal(links()->budget.held_bytes, links()->channels[PUPPET_LINK]->arena.held_bytes);
    puppet_link_event(&puppet, EVENT_LINK_GONE, (struct span){0});
    assert_null(links()->channels[PUPPET_LINK]);
}

static void bytes_of_a_link_that_was_never_taken_close_it(void **state)
{
    (void)state;
    puppet.number = PUPPET_LINK;
    puppet.is_open = true;
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_text("hello?"));
    assert_true(puppet.is_closed_by_node);
}

static void a_dial_for_which_there_is_no_memory_leaves_nothing(void **state)
{
    (void)state;
    struct cluster *cluster = &puppet.node.cluster;
    for (size_t bytes = 1 << 20; bytes > 0; bytes /= 2)
        while (arena_take_array(&cluster->step, bytes, 1) != NULL)
            continue;
    assert_null(links_dial(cluster, span_text("10.0.0.9:3901"), CHANNEL_FOR_FINDING));
    assert_int_equal(links()->dialled_count, 0);
    assert_null(links()->channels[0]);
    struct event time = {.kind = EVENT_TIME};
    puppet_step(&puppet, &time);
    assert_non_null(links_dial(cluster, span_text("10.0.0.9:3901"), CHANNEL_FOR_FINDING));
}

/* --- secrets
 * ------------------------------------------------------------------------------------------------------
 */

static void set_secrets(const char *letters)
{
    struct cluster_settings *cluster = &puppet.settings.cluster;
    cluster->secrets_count = (uint32_t)strlen(letters);
    for (uint32_t i = 0; i < cluster->secrets_count; i++)
        memset(cluster->secrets[i], letters[i], LINK_SECRET_BYTES);
    node_settings_changed(&puppet.node);
    puppet_wait(&puppet, 0);
    if (puppet.link.state != NULL) puppet_pump(&puppet);
}

static void a_link_ends_with_its_secret(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    set_secrets("st");
    set_secrets("ts");
    set_secrets("ts");
    assert_int_equal(links()->channels[PUPPET_LINK]->link.peer.secret_index, 1);
    assert_int_equal(count_in(CHANNEL_READY), 1);
    set_secrets("t");
    assert_true(puppet.is_closed_by_node);
    assert_int_equal(count_in(CHANNEL_READY), 0);
    puppet_hang_up(&puppet);
    puppet_dial(&puppet); /* with the old one */
    assert_false(link_is_ready(&puppet.link));
    puppet_hang_up(&puppet);
    memset(puppet.identity.secrets[0], 't', LINK_SECRET_BYTES);
    puppet_dial(&puppet);
    assert_int_equal(puppet.heard[MESSAGE_HELLO], 1);
}

/* What was said before goes out first. */
static void a_link_whose_secret_is_gone_ends_behind_what_was_said(void **state)
{
    (void)state;
    puppet_become_member(&puppet);
    const struct message digests = {
        .kind = MESSAGE_DOCS_DIGESTS,
        .digests = span_of(arena_alloc(&puppet.arena, MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES),
                           MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES)};
    send_deaf(&digests);
    assert_int_equal(puppet.heard[MESSAGE_DOCS_WANT], 0);
    set_secrets("t");
    assert_int_equal(puppet.heard[MESSAGE_DOCS_WANT], 1);
    assert_true(puppet.is_closed_by_node);
}

static void a_handshake_does_not_outlive_a_change_of_secrets(void **state)
{
    (void)state;
    come_in(PUPPET_LINK, "10.0.0.9:1");
    set_secrets("s"); /* as before */
    assert_int_equal(count_in(CHANNEL_SHAKING), 1);
    set_secrets("st");
    assert_int_equal(count_in(CHANNEL_SHAKING), 0);
}

/* --- who answers a dial
 * --------------------------------------------------------------------------------------------
 */

/* Dials that nobody answered are gone; of one that is under way the number, else UINT32_MAX. */
static uint32_t dialling(void)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < LIMITS_LINKS_DIALLED_MAX; i++) {
        if (links()->channels[i] == NULL) continue;
        puppet.number = i;
        if (links()->channels[i]->state == CHANNEL_DIALLING) {
            found = i;
        } else {
            puppet_link_event(&puppet, EVENT_LINK_GONE, (struct span){0});
        }
    }
    return found;
}

/* The node dials the peer of its configuration, where `identity` answers. */
static void answer_dial(const struct link_identity *identity)
{
    struct event open = {.kind = EVENT_LINK_OPEN};
    for (int i = 0; i < 60 && dialling() == UINT32_MAX; i++)
        puppet_wait(&puppet, 1000);
    puppet.number = dialling();
    assert_int_not_equal(puppet.number, UINT32_MAX);
    puppet.is_open = true;
    assert_true(link_init(&puppet.link, identity, false, &puppet.prng, NULL, puppet.now_ms));
    open.link.number = puppet.number;
    puppet_step(&puppet, &open);
    puppet_pump(&puppet);
    puppet_hang_up(&puppet);
}

/* A stranger's connection costs no more than its handshake; what we told a node that has the secret arrives. */
static void who_was_told_nothing_is_not_waited_for(void **state)
{
    (void)state;
    static const uint8_t noise[400] = {'G', 'E', 'T'};
    come_in(PUPPET_LINK, "10.0.0.9:40000");
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_of(noise, sizeof noise));
    assert_true(puppet.is_closed_by_node && puppet.is_cut_by_node);
    puppet_dial_beside(&puppet, PUPPET_LINK + 1);
    puppet_say_bytes(&puppet, span_text("no message"));
    assert_true(puppet.is_closed_by_node);
    assert_false(puppet.is_cut_by_node);
}

/* H2 */
static void a_copy_of_this_node_is_named_and_oneself_is_not(void **state)
{
    (void)state;
    struct cluster *cluster = &puppet.node.cluster;
    struct cluster_settings *settings = &puppet.settings.cluster;
    struct link_identity own = cluster->identity;
    char line[256];
    snprintf(settings->peers[0], sizeof settings->peers[0], "10.0.0.9:3901");
    settings->peers_count = 1;
    own.boot = cluster->boot + 1;
    answer_dial(&own);
    assert_non_null(
        strstr(puppet.log, "was refused remote=10.0.0.9:3901 why=the other end has this node's identity"));
    assert_true(cluster_problem(cluster, 0, line));
    assert_non_null(strstr(line, "another process at 10.0.0.9:3901 has the identity of this node"));
    assert_true(cluster_is_doubled(cluster));
    puppet_wait(&puppet, 2 * LINKS_COPY_MS);
    assert_false(links_has_copy(cluster));
    puppet.log[0] = '\0';
    own.boot = cluster->boot;
    answer_dial(&own);
    assert_null(strstr(puppet.log, "was refused"));
    assert_false(links_has_copy(cluster));
}

/* A program that no longer speaks our version learns so, and the log says it. */
static void a_later_program_is_told_which_versions_are_spoken(void **state)
{
    (void)state;
    struct link_handshake later;
    const struct link_offer offer = {LINK_VERSION + 1, LINK_VERSION + 1, 0};
    link_handshake_init(&later, &puppet.identity, true, offer, &puppet.prng);
    come_in(PUPPET_LINK, "10.0.0.9:1");
    puppet_link_event(&puppet, EVENT_LINK_BYTES, span_of(later.out, later.out_bytes));
    assert_int_equal(puppet.bytes_count, LINK_ANSWER_BYTES);
    assert_true(puppet.is_closed_by_node);
    assert_non_null(strstr(puppet.log, "remote=10.0.0.9:1 why=the other end speaks no version"));
    assert_ptr_equal(link_handshake_read(&later, &puppet.identity, puppet.bytes), LINK_REASON_VERSION);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(one_host_can_keep_so_many_handshakes_open),
        test(all_hosts_together_can_keep_so_many),
        test(one_node_has_so_many_links),
        test(a_node_that_is_being_let_in_keeps_that_link),
        test(the_idlest_goes_before_none_is_free),
        test(a_stranger_says_little_at_a_time),
        test(a_stranger_who_does_not_read_is_not_spoken_to_for_long),
        test(a_member_who_does_not_read_is_closed),
        test(bytes_changed_under_way_are_nobodys_offence),
        test(a_close_that_nobody_confirms_is_asked_for_again),
        test(bytes_of_a_link_that_was_never_taken_close_it),
        test(a_dial_for_which_there_is_no_memory_leaves_nothing),
        test(a_link_ends_with_its_secret),
        test(a_link_whose_secret_is_gone_ends_behind_what_was_said),
        test(a_handshake_does_not_outlive_a_change_of_secrets),
        test(who_was_told_nothing_is_not_waited_for),
        test(a_copy_of_this_node_is_named_and_oneself_is_not),
        test(a_later_program_is_told_which_versions_are_spoken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
