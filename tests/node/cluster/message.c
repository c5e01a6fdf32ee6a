/* Messages over a link: each comes back as it was, and nothing else is taken. */
#include "node/cluster/message.h"

#include "tests/lib/check.h"

enum { ARENA_BYTES = 16 << 20 };

static struct arena arena;

static const uint8_t ID[LINK_NODE_ID_BYTES] = "the id of a node, of 32 bytes..";
static const uint8_t OTHER_ID[LINK_NODE_ID_BYTES] = "the id of another, of 32 bytes.";
static const uint8_t KEY[32] = "a key of the cluster, 32 bytes.";
static const uint8_t DIGEST[16] = "sixteen bytes...";

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

/* --- one of each kind --------------------------------------------------------------------------------------- */

static struct op_document documents[2];
static struct message_known known[2] = {{ID, 7, 8}, {OTHER_ID, UINT64_MAX, 9}};
static struct span announcements[2];
static struct span ids[2];
static uint8_t digests[MESSAGE_DIGESTS_COUNT * MESSAGE_DIGEST_BYTES];
static uint8_t groups[MESSAGE_GROUPS_BYTES];

static struct message sample(enum message_kind kind)
{
    struct message message = {.kind = kind, .documents = documents};
    message.documents_count = kind == MESSAGE_PROBLEM ? MESSAGE_PROBLEM_DOCUMENTS_MAX : 2;
    documents[0] = (struct op_document){.key = span_text("Kone"),
                                        .register_ = {1, 2, (const uint8_t *)"payload", 7}};
    documents[1] = (struct op_document){.key = span_text("Ktwo"),
                                        .register_ = {UINT64_MAX, UINT64_MAX, (const uint8_t *)"", 0}};
    announcements[0] = span_text("signed by somebody");
    announcements[1] = span_text("x");
    ids[0] = span_of(ID, sizeof ID);
    ids[1] = span_of(OTHER_ID, sizeof OTHER_ID);
    groups[3] = 0x81;
    digests[77] = 0xff;
    message.announcement = span_text("an announcement");
    message.documents_digest = message.announcements_digest = message.cluster_id = span_of(DIGEST, 16);
    message.hash_key = message.token_key = message.documents_key = span_of(KEY, sizeof KEY);
    message.reason = MESSAGE_REASON_REMOVED;
    message.text = span_text("some words");
    message.is_last = true;
    message.address = span_text("[::1]:3901");
    message.name = span_text("north-1");
    message.digests = span_of(digests, sizeof digests);
    message.groups = span_of(groups, sizeof groups);
    message.known = known;
    message.known_count = 2;
    message.spans = kind == MESSAGE_WANTED ? ids : announcements;
    message.spans_count = 2;
    return message;
}

static bool decode(struct span bytes, struct message *message)
{
    const char *why = NULL;
    bool is_taken = message_decode(bytes, &arena, message, &why);
    assert_non_null(why);
    return is_taken;
}

/* Canonical: what was read is written as the same bytes. */
static void each_message_comes_back_as_it_was(void **state)
{
    (void)state;
    for (int kind = MESSAGE_HELLO; kind <= MESSAGE_ANNOUNCEMENTS; kind++) {
        const struct message message = sample((enum message_kind)kind);
        struct message back;
        struct span bytes = message_encode(&message, &arena);
        assert_non_null(bytes.bytes);
        assert_true(decode(bytes, &back));
        assert_int_equal(back.kind, kind);
        struct span again = message_encode(&back, &arena);
        assert_span(again, bytes);
    }
}

static void fields_are_where_they_belong(void **state)
{
    (void)state;
    struct message back;
    struct message message = sample(MESSAGE_DOCS);
    assert_true(decode(message_encode(&message, &arena), &back));
    assert_int_equal(back.documents_count, 2);
    assert_true(back.is_last);
    assert_span(back.documents[0].key, span_text("Kone"));
    assert_int_equal(back.documents[1].register_.time_us, UINT64_MAX);
    message = sample(MESSAGE_KNOWN);
    assert_true(decode(message_encode(&message, &arena), &back));
    assert_int_equal(back.known_count, 2);
    assert_memory_equal(back.known[1].node_id, OTHER_ID, sizeof OTHER_ID);
    assert_int_equal(back.known[1].incarnation, UINT64_MAX);
    assert_int_equal(back.known[1].mark, 9);
    message = sample(MESSAGE_JOIN_ASK);
    assert_true(decode(message_encode(&message, &arena), &back));
    assert_span(back.address, span_text("[::1]:3901"));
    assert_span(back.name, span_text("north-1"));
}

/* --- what is refused ---------------------------------------------------------------------------------------- */

static void a_message_that_ends_anywhere_else_is_refused(void **state)
{
    (void)state;
    for (int kind = MESSAGE_HELLO; kind <= MESSAGE_ANNOUNCEMENTS; kind++) {
        const struct message message = sample((enum message_kind)kind);
        struct message back;
        struct span bytes = message_encode(&message, &arena);
        for (size_t length = 0; length < bytes.length; length++) {
            uint8_t *cut = arena_copy(&arena, bytes.bytes, length); /* a sanitizer watches its end */
            assert_false(decode(span_of(cut, length), &back));
        }
        uint8_t *longer = arena_alloc(&arena, bytes.length + 1);
        memcpy(longer, bytes.bytes, bytes.length);
        longer[bytes.length] = 0xc0;
        assert_false(decode(span_of(longer, bytes.length + 1), &back));
        arena_reset(&arena);
    }
}

/* Any flipped bit gives another message or none: nothing is read beyond, nothing is believed without a bound. */
static void a_flipped_bit_is_never_fatal(void **state)
{
    (void)state;
    for (int kind = MESSAGE_HELLO; kind <= MESSAGE_ANNOUNCEMENTS; kind++) {
        const struct message message = sample((enum message_kind)kind);
        struct span bytes = message_encode(&message, &arena);
        uint8_t changed[4096];
        struct message back;
        assert_true(bytes.length <= sizeof changed);
        memcpy(changed, bytes.bytes, bytes.length);
        for (size_t bit = 0; bit < bytes.length * 8; bit++) {
            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            (void)decode(span_of(changed, bytes.length), &back);
            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        arena_reset(&arena);
    }
}

static struct span written(void (*write)(struct wire_out *out))
{
    struct wire_out out;
    wire_out_init(&out, &arena);
    write(&out);
    assert_false(out.failed);
    return span_of(out.bytes, out.length);
}

static void write_problem_with_more(struct wire_out *out)
{
    wire_put_array(out, 6);
    wire_put_u64(out, MESSAGE_PROBLEM);
    wire_put_u64(out, 999); /* a reason of a later program */
    wire_put_text(out, span_text("words"));
    wire_put_array(out, 0);
    wire_put_text(out, span_text("a field of a later program"));
    wire_put_array(out, 0);
}

static void write_unknown(struct wire_out *out)
{
    wire_put_array(out, 3);
    wire_put_u64(out, 4711);
    wire_put_text(out, span_text("whatever"));
    wire_put_nil(out);
}

static void a_later_programs_fields_and_kinds_are_passed_over(void **state)
{
    (void)state;
    struct message back;
    assert_true(decode(written(write_problem_with_more), &back));
    assert_int_equal(back.kind, MESSAGE_PROBLEM);
    assert_int_equal(back.reason, 999);
    assert_span(back.text, span_text("words"));
    assert_true(decode(written(write_unknown), &back));
    assert_int_equal(back.kind, MESSAGE_UNKNOWN);
}

static void write_nothing(struct wire_out *out)
{
    wire_put_array(out, 0);
}

static void write_kind_zero(struct wire_out *out)
{
    wire_put_array(out, 1);
    wire_put_u64(out, 0);
}

static void write_short_list(struct wire_out *out)
{
    wire_put_array(out, 2);
    wire_put_u64(out, MESSAGE_HELLO);
    wire_put_bytes(out, span_text("announcement"));
}

static void write_control_characters(struct wire_out *out)
{
    wire_put_array(out, 3);
    wire_put_u64(out, MESSAGE_PROBLEM);
    wire_put_u64(out, 1);
    wire_put_text(out, span_text("a line\nand a forged one"));
}

static void write_long_text(struct wire_out *out)
{
    static char text[MESSAGE_TEXT_BYTES_MAX + 2];
    memset(text, 'a', sizeof text - 1);
    wire_put_array(out, 3);
    wire_put_u64(out, MESSAGE_PROBLEM);
    wire_put_u64(out, 1);
    wire_put_text(out, span_text(text));
}

static void write_document_without_key(struct wire_out *out)
{
    wire_put_array(out, 3);
    wire_put_u64(out, MESSAGE_DOCS);
    wire_put_bool(out, true);
    wire_put_array(out, 1);
    wire_put_array(out, 4);
    wire_put_bytes(out, (struct span){(const uint8_t *)"", 0});
    wire_put_u64(out, 1);
    wire_put_u64(out, 1);
    wire_put_bytes(out, span_text("payload"));
}

static void write_empty_announcement(struct wire_out *out)
{
    wire_put_array(out, 2);
    wire_put_u64(out, MESSAGE_ANNOUNCEMENTS);
    wire_put_array(out, 1);
    wire_put_bytes(out, (struct span){(const uint8_t *)"", 0});
}

static void what_has_no_sense_is_refused(void **state)
{
    (void)state;
    static void (*const writers[])(struct wire_out *) = {write_nothing,           write_kind_zero,
                                                         write_short_list,        write_control_characters,
                                                         write_long_text,         write_document_without_key,
                                                         write_empty_announcement};
    struct message back;
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++)
        assert_false(decode(written(writers[i]), &back));
}

/* --- bounds (H26) ------------------------------------------------------------------------------------------- */

/* A list that claims 65,535 documents, each of one byte that is no document, takes no memory. */
static void a_claimed_length_takes_no_memory(void **state)
{
    (void)state;
    static uint8_t bytes[70000] = {0x93, MESSAGE_DOCS, 0xc3, 0xdc, 0x03, 0xe8};
    struct message back;
    struct arena small;
    const char *why = NULL;
    arena_init(&small, 1024);
    assert_false(message_decode(span_of(bytes, sizeof bytes), &small, &back, &why));
    assert_string_not_equal(why, "out of memory");
    assert_int_equal(small.held_bytes, 0);
    bytes[4] = 0xff; /* and beyond the bound */
    assert_false(message_decode(span_of(bytes, sizeof bytes), &small, &back, &why));
    arena_deinit(&small);
}

static void no_memory_is_said(void **state)
{
    (void)state;
    const struct message message = sample(MESSAGE_KNOWN);
    struct span bytes = message_encode(&message, &arena);
    struct message back;
    struct arena none;
    const char *why = NULL;
    arena_init(&none, 0);
    assert_false(message_decode(bytes, &none, &back, &why));
    assert_string_equal(why, "out of memory");
    assert_null(message_encode(&message, &none).bytes);
    arena_deinit(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_message_comes_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_are_where_they_belong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_that_ends_anywhere_else_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_never_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_programs_fields_and_kinds_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_no_sense_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claimed_length_takes_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
