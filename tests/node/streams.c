/* Long answers: in pieces of bounded size, each after the one before is out, from bounded memory (H21, I25). */
#include "tests/lib/node_say.h"

enum {
    ITEMS = 2200,
    VALUE_BYTES = 3000, /* 6.6 MB of values, 8.8 MB of base64 */
    ITEM_BYTES_MAX = 4 * (VALUE_BYTES + 2) / 3 + 200,
    /* Out: the piece, doubled, and what it grew from. Scratch: a page of 1 MiB and what it is decoded into. */
    HELD_BYTES_MAX = 4 * LIMITS_STREAM_BYTES + 3 * OP_RANGE_BYTES_MAX,
};

static void fill(struct world *world, const char *partition_key)
{
    char *value = malloc(VALUE_BYTES / 3 * 4 + 1);
    char *body = malloc(100 * (VALUE_BYTES / 3 * 4 + 80));
    assert_non_null(value);
    assert_non_null(body);
    memset(value, 'Q', VALUE_BYTES / 3 * 4);
    value[VALUE_BYTES / 3 * 4] = '\0';
    for (int i = 0; i < ITEMS; i += 100) {
        size_t used = 0;
        for (int j = i; j < i + 100; j++)
            used += (size_t)sprintf(body + used, "%c{\"pk\":\"%s\",\"sk\":\"k%05d\",\"v\":\"%s\"}",
                                    j == i ? '[' : ',', partition_key, j, value);
        strcpy(body + used, "]");
        expect_post(world, "/demo", body, "204");
    }
    free(body);
    free(value);
}

/* Send piece after piece and watch what is held; how many there were. */
static uint32_t watch_stream(struct world *world, uint32_t slot)
{
    struct connection *connection = &world->connections[slot];
    size_t held_bytes_max = 0;
    while (connection->is_open && connection->is_sending) {
        const struct request *request = world->node.requests.slots[slot];
        size_t held_bytes = request->arena.held_bytes + request->scratch.held_bytes;
        if (held_bytes > held_bytes_max) held_bytes_max = held_bytes;
        assert_true(list_is_empty(&world->reads) && list_is_empty(&world->answers)); /* no reading ahead */
        world_send(world, slot);
        world_pump(world);
    }
    assert_true(connection->is_done);
    print_message("%u pieces of at most %zu bytes, at most %zu bytes held\n", connection->pieces_count,
                  connection->piece_bytes_max, held_bytes_max);
    assert_true(held_bytes_max <= HELD_BYTES_MAX);
    assert_true(connection->piece_bytes_max <= LIMITS_STREAM_BYTES + ITEM_BYTES_MAX + 1000);
    return connection->pieces_count;
}

/* Every item once, in this order, whole. */
static void expect_items(struct world *world, uint32_t slot, bool is_reverse, uint32_t times)
{
    const struct answer *answer = world_answer(world, slot);
    const char *at = (const char *)answer->body;
    const char *end = at + answer->body_bytes;
    assert_int_equal(answer->status, 200);
    for (uint32_t i = 0; i < times * ITEMS; i++) {
        char wanted[32];
        uint32_t number = is_reverse ? ITEMS - 1 - i % ITEMS : i % ITEMS;
        snprintf(wanted, sizeof wanted, "\"sk\": \"k%05u\"", number);
        at = say_find(at, end, "\"sk\": ");
        assert_true(at < end);
        assert_memory_equal(at, wanted, strlen(wanted));
        at++;
    }
    assert_ptr_equal(say_find(at, end, "\"sk\": "), end);
    assert_string_equal((const char *)answer->body + answer->body_bytes - 5, "  }\n]");
}

static uint32_t begin(struct world *world, const char *body, bool is_http_1_0)
{
    world->holds.sends = true;
    uint32_t slot = say_begin(world, (struct ask){.method = "POST",
                                                  .target = "/demo?search",
                                                  .body = span_text(body),
                                                  .is_http_1_0 = is_http_1_0});
    world_pump(world);
    return slot;
}

static void a_long_answer_comes_in_pieces_from_bounded_memory(void **state)
{
    struct world *world = *state;
    fill(world, "p");
    uint32_t slot = begin(world, "[{\"partitionKey\":\"p\"}]", false);
    assert_true(watch_stream(world, slot) > 30);
    assert_true(world_answer(world, slot)->is_chunked);
    assert_true(world_answer(world, slot)->keeps_alive);
    expect_items(world, slot, false, 1);
    say_close(world, slot);
    slot = begin(world, "[{\"partitionKey\":\"p\",\"reverse\":true}]", false);
    watch_stream(world, slot);
    expect_items(world, slot, true, 1);
    say_close(world, slot);
}

/* Ten times the answer, the same memory: nothing grows with it. */
static void memory_does_not_grow_with_the_answer(void **state)
{
    struct world *world = *state;
    fill(world, "p");
    uint32_t slot = begin(world,
                          "[{\"partitionKey\":\"p\"},{\"partitionKey\":\"p\"},{\"partitionKey\":\"p\"},"
                          "{\"partitionKey\":\"p\"},{\"partitionKey\":\"p\"},{\"partitionKey\":\"p\"}]",
                          false);
    struct connection *connection = &world->connections[slot];
    size_t held_bytes = 0;
    for (uint32_t i = 0; connection->is_sending; i++) {
        const struct request *request = world->node.requests.slots[slot];
        if (i == 20) held_bytes = request->arena.held_bytes;
        if (i > 20) assert_int_equal(request->arena.held_bytes, held_bytes);
        world_send(world, slot);
        world_pump(world);
    }
    expect_items(world, slot, false, 6);
}

static void the_stream_of_http_1_0_ends_with_the_connection(void **state)
{
    struct world *world = *state;
    fill(world, "p");
    uint32_t slot = begin(world, "[{\"partitionKey\":\"p\"}]", true);
    watch_stream(world, slot);
    const struct answer *answer = world_answer(world, slot);
    assert_false(world->connections[slot].is_open);
    assert_true(answer->is_by_close && !answer->keeps_alive);
    expect_items(world, slot, false, 1);
}

/* ASan sees what is not given back. */
static void a_reader_may_leave_after_any_piece(void **state)
{
    struct world *world = *state;
    fill(world, "p");
    for (uint32_t pieces = 0; pieces < 12; pieces++) {
        uint32_t slot = begin(world, "[{\"partitionKey\":\"p\"}]", false);
        for (uint32_t i = 0; i < pieces; i++) {
            world_send(world, slot);
            world_pump(world);
        }
        world_leave(world, slot);
        assert_false(node_has_request(&world->node, slot));
    }
    world->holds.reads = true; /* while a page is being read */
    uint32_t slot = begin(world, "[{\"partitionKey\":\"p\"}]", false);
    world_leave(world, slot);
    assert_false(node_has_request(&world->node, slot));
    world->holds.reads = false;
    world_pump(world);
}

/* A short answer is no stream: it has a length, also for HTTP/1.0. */
static void a_short_answer_has_a_length(void **state)
{
    struct world *world = *state;
    say_put(world, "a", NULL, "x");
    for (int i = 0; i < 2; i++) {
        uint32_t slot = say_begin(world, (struct ask){.method = "POST",
                                                      .target = "/demo?search",
                                                      .body = span_text("[{\"partitionKey\":\"p\"}]"),
                                                      .is_http_1_0 = i == 1});
        world_pump(world);
        assert_non_null(answer_header(world_answer(world, slot), "content-length").bytes);
        assert_int_equal(world->connections[slot].pieces_count, 1);
        say_close(world, slot);
    }
}

/* Whichever page fails: before the first piece it is an error, after it the connection is cut, and the client can
 * see that the answer is not whole (I24). */
static void a_page_that_fails_is_seen(void **state)
{
    struct world *world = *state;
    fill(world, "p");
    uint32_t errors = 0;
    uint32_t cuts = 0;
    const struct stats *stats = &world->node.requests.service.stats;
    for (uint64_t call = 1;; call += 97) {
        disk_fail_call(&world->disk, call, ERR_IO);
        uint32_t slot = say_begin_post(world, "/demo?search", "[{\"partitionKey\":\"p\"}]");
        world_pump(world);
        bool has_failed = world->disk.call_fault.calls_left == 0;
        disk_fail_call(&world->disk, 0, ERR_OK);
        struct connection *connection = &world->connections[slot];
        if (!has_failed) {
            expect_items(world, slot, false, 1);
            say_close(world, slot);
            break;
        }
        if (connection->is_done) {
            expect_answer(world, slot, "503 OutcomeUncertain");
            errors++;
        } else {
            struct answer answer = answer_read(span_of(connection->got, connection->got_bytes), false, true);
            assert_false(connection->is_open);
            assert_int_equal(answer.status, 200);
            assert_false(answer.is_whole);
            free(answer.body);
            cuts++;
        }
        say_close(world, slot);
    }
    print_message("%u errors, %u cuts\n", errors, cuts);
    assert_true(errors > 0 && cuts > 10);
    /* For the operator an answer that was cut off has failed, whatever its head had said. */
    const struct stats_operation *reads = &stats->operations[STATS_K2V + HTTP_READ_BATCH];
    assert_int_equal(reads->classes[STATS_5XX], errors + cuts);
    assert_int_equal(reads->classes[STATS_2XX], 1);
    assert_int_equal(reads->classes[STATS_GONE], 0);
}

/* ReadIndex is streamed the same way. */
static void a_long_index_comes_in_pieces(void **state)
{
    struct world *world = *state;
    enum { PARTITIONS = 5000 };
    char *body = malloc(PARTITIONS * 64);
    assert_non_null(body);
    size_t used = 0;
    for (int i = 0; i < PARTITIONS; i++)
        used += (size_t)sprintf(body + used, "%c{\"pk\":\"k%05d\",\"sk\":\"s\",\"v\":\"\"}", i == 0 ? '[' : ',',
                                i);
    strcpy(body + used, "]");
    expect_post(world, "/demo", body, "204");
    free(body);
    world->holds.sends = true;
    uint32_t slot = say_begin(world, (struct ask){.method = "GET", .target = "/demo"});
    world_pump(world);
    size_t held_bytes_max = 0;
    while (world->connections[slot].is_sending) {
        const struct request *request = world->node.requests.slots[slot];
        size_t held_bytes = request->arena.held_bytes + request->scratch.held_bytes;
        if (held_bytes > held_bytes_max) held_bytes_max = held_bytes;
        world_send(world, slot);
        world_pump(world);
    }
    print_message("%u pieces, at most %zu bytes held\n", world->connections[slot].pieces_count, held_bytes_max);
    assert_true(world->connections[slot].pieces_count >= 2);
    assert_true(held_bytes_max <= HELD_BYTES_MAX);
    char *line = say_line(world, slot);
    const char *at = line;
    const char *end = line + strlen(line);
    for (int i = 0; i < PARTITIONS; i++) {
        char wanted[96];
        snprintf(wanted, sizeof wanted,
                 "{\"pk\":\"k%05d\",\"entries\":1,\"conflicts\":0,\"values\":1,\"bytes\":0}", i);
        if (i == 0) at = say_find(at, end, wanted);
        assert_memory_equal(at, wanted, strlen(wanted));
        at += strlen(wanted) + 1; /* the comma, or the bracket */
    }
    assert_non_null(strstr(at - 1, "],\"more\":false,\"nextStart\":null}"));
    free(line);
}

/* One item may be larger than a piece; it goes out whole. */
static void an_item_larger_than_a_piece_goes_out_whole(void **state)
{
    struct world *world = *state;
    size_t length = (size_t)world->settings.max_value_bytes;
    char *value = malloc(length + 1);
    assert_non_null(value);
    for (int i = 0; i < 4; i++) { /* as many bytes as one item's siblings may have together */
        memset(value, 'a' + i, length);
        value[length] = '\0';
        say_put(world, "big", NULL, value);
    }
    uint32_t refused = say_begin_put(world, "big", NULL, "x");
    world_pump(world);
    expect_answer(world, refused, "400 InvalidRequest");
    expect_message(world, refused, "4194304 bytes");
    say_close(world, refused);
    uint32_t slot = say_begin_post(world, "/demo?search", "[{\"partitionKey\":\"p\"}]");
    world_pump(world);
    assert_int_equal(world_status(world, slot), 200);
    assert_true(world_answer(world, slot)->body_bytes > 5 * length);
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_long_answer_comes_in_pieces_from_bounded_memory),
        world_test(memory_does_not_grow_with_the_answer),
        world_test(the_stream_of_http_1_0_ends_with_the_connection),
        world_test(a_reader_may_leave_after_any_piece),
        world_test(a_short_answer_has_a_length),
        world_test(a_page_that_fails_is_seen),
        world_test(a_long_index_comes_in_pieces),
        world_test(an_item_larger_than_a_piece_goes_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
