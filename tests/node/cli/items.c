/* Items from JSON arrays and JSON lines, and the requests they are packed into. */
#include "node/cli/items.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* All items of the text, one a line, then "!" and the message when it ended badly. */
static char *read_all(const char *text, size_t length, bool has_lines)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    rewind(file);
    struct buffer out = {0};
    struct items_reader reader;
    items_reader_init(&reader, file, has_lines);
    enum items_step step = ITEMS_ITEM;
    while (step == ITEMS_ITEM) {
        step = items_next(&reader, &out);
        if (step == ITEMS_ITEM) buffer_add_text(&out, "\n");
    }
    assert_int_equal(items_next(&reader, &out), step); /* an end is for good */
    if (step == ITEMS_BAD) {
        buffer_add_text(&out, "!");
        buffer_add_text(&out, reader.message);
    }
    char *all = strdup(buffer_text(&out));
    items_reader_deinit(&reader);
    buffer_deinit(&out);
    fclose(file);
    return all;
}

static void assert_array(const char *text, const char *expected)
{
    char *all = read_all(text, strlen(text), false);
    assert_string_equal(all, expected);
    free(all);
}

static void assert_lines(const char *text, const char *expected)
{
    char *all = read_all(text, strlen(text), true);
    assert_string_equal(all, expected);
    free(all);
}

static void an_array_is_read_item_by_item(void **state)
{
    (void)state;
    assert_array("[]", "");
    assert_array(" [ ]\n", "");
    assert_array("[{\"pk\":\"a\",\"sk\":\"b\",\"ct\":null,\"v\":\"aGk=\"},\n {\"v\": null, \"sk\": \"c\", \"pk\": "
                 "\"\"}\n]\n",
                 "{\"pk\":\"a\",\"sk\":\"b\",\"ct\":null,\"v\":\"aGk=\"}\n"
                 "{\"pk\":\"\",\"sk\":\"c\",\"v\":null}\n");
}

static void an_array_follows_the_protocol_where_lines_are_strict(void **state)
{
    (void)state;
    assert_array("[{\"pk\":\"a\",\"sk\":\"b\",\"more\":1}]", "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\n");
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\",\"more\":1,\"v\":null}",
                 "!line 1: unknown member \"more\": known are pk, sk, ct, v, value");
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\"}",
                 "!line 1: neither \"v\" nor \"value\": to delete, write \"v\": null");
}

static void plain_text_becomes_base64(void **state)
{
    (void)state;
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\",\"value\":\"hi\"}\n"
                 "{\"pk\":\"a\",\"sk\":\"c\",\"value\":\"\"}\n"
                 "{\"pk\":\"a\",\"sk\":\"d\",\"value\":\"\\u0000é\",\"ct\":\"AAAAAAAAAAA\"}\n",
                 "{\"pk\":\"a\",\"sk\":\"b\",\"v\":\"aGk=\"}\n"
                 "{\"pk\":\"a\",\"sk\":\"c\",\"v\":\"\"}\n"
                 "{\"pk\":\"a\",\"sk\":\"d\",\"ct\":\"AAAAAAAAAAA\",\"v\":\"AMOp\"}\n");
}

static void empty_lines_and_a_missing_last_line_end_are_fine(void **state)
{
    (void)state;
    assert_lines("", "");
    assert_lines("\n\r\n  \n{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\r\n\n{\"pk\":\"a\",\"sk\":\"c\",\"v\":null}",
                 "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\n{\"pk\":\"a\",\"sk\":\"c\",\"v\":null}\n");
}

static void keys_keep_every_character(void **state)
{
    (void)state;
    assert_lines("{\"pk\":\"\\u0000/\\\"\\\\\\n\",\"sk\":\"≤é\\ud83d\\ude00\",\"v\":null}",
                 "{\"pk\":\"\\u0000/\\\"\\\\\\n\",\"sk\":\"≤é😀\",\"v\":null}\n");
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\n\n[]\n",
                 "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\n!line 3: an object was expected: {\"pk\": …, \"sk\": …, "
                 "\"v\": …}");
    assert_lines("{\"pk\":\"a\",\"v\":null}", "!line 1: \"pk\" and \"sk\" must be strings");
    assert_lines("{\"pk\":\"a\",\"sk\":1,\"v\":null}", "!line 1: \"pk\" and \"sk\" must be strings");
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\",\"ct\":1,\"v\":null}", "!line 1: \"ct\" must be a token or null");
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\",\"v\":1}", "!line 1: \"v\" must be base64 or null");
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\",\"value\":null}", "!line 1: \"value\" must be a string");
    assert_lines("{\"pk\":\"a\",\"sk\":\"b\",\"v\":null,\"value\":\"x\"}",
                 "!line 1: \"v\" and \"value\" exclude each other");
    assert_array("[{\"pk\":\"a\",\"sk\":\"b\",\"v\":null},3]", "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\n"
                                                               "!item 2: '[' or '{' expected near '3'");
    assert_array("{\"pk\":\"a\"}", "!item 1: a JSON array was expected (for JSON lines: --lines)");
    assert_array("", "!item 1: a JSON array was expected (for JSON lines: --lines)");
    assert_array("[{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}",
                 "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\n!item 2: ',' or ']' was expected before it");
    assert_array("[{\"pk\":\"a\",\"sk\":\"b\",\"v\":null} {}]",
                 "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\n!item 2: ',' or ']' was expected before it");
    assert_array("[] []", "!item 1: there is something behind the array");
}

static void what_the_protocol_refuses_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null,\"v\":null}", /* a member twice */
        "{\"pk\":\"a\",\"sk\":\"\\ud800\",\"v\":null}",      /* half a character */
        "{\"pk\":\"a\",\"sk\":\"\xff\",\"v\":null}",         /* no UTF-8 */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null,}",           /* a comma too many */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null} x",          /* something behind */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":\"aGk\"}",         /* no padding */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":\"aGl=\"}",        /* stray bits */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":\"aG k\"}",        /* a blank */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":\"-_==\"}",        /* the other alphabet */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":\"aGk=aGk=\"}",    /* padding inside */
        "{\"pk\":\"a\",\"sk\":\"b\",\"v\":\"a\\u0000Gk\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *all = read_all(bad[i], strlen(bad[i]), true);
        if (strncmp(all, "!line 1: ", 9) != 0) fail_msg("taken: %s", bad[i]);
        free(all);
    }
}

static void a_nul_ends_no_line(void **state)
{
    (void)state;
    static const char text[] = "{\"pk\":\"a\",\"sk\":\"b\",\"v\":null}\0{\"pk\"}";
    char *all = read_all(text, sizeof text - 1, true);
    assert_int_equal(all[0], '!');
    free(all);
}

static void a_batch_is_full_at_its_items_and_at_its_bytes(void **state)
{
    (void)state;
    struct items_batch batch = {.items_max = 3, .bytes_max = 100};
    assert_true(items_batch_add(&batch, span_text("{1}")));
    assert_true(items_batch_add(&batch, span_text("{2}")));
    assert_true(items_batch_add(&batch, span_text("{3}")));
    assert_false(items_batch_add(&batch, span_text("{4}")));
    struct span body = items_batch_end(&batch);
    assert_true(span_is_equal(body, span_text("[{1},{2},{3}]")));

    items_batch_clear(&batch);
    batch.bytes_max = strlen("[{1},{2}]");
    assert_true(items_batch_add(&batch, span_text("{1}")));
    assert_true(items_batch_add(&batch, span_text("{2}")));
    assert_false(items_batch_add(&batch, span_text("{}")));
    body = items_batch_end(&batch);
    assert_true(span_is_equal(body, span_text("[{1},{2}]")));
    assert_int_equal(body.length, batch.bytes_max);
    items_batch_deinit(&batch);
}

static void an_item_larger_than_a_batch_goes_alone(void **state)
{
    (void)state;
    struct items_batch batch = {.items_max = 10, .bytes_max = 8};
    assert_true(items_batch_add(&batch, span_text("{much longer than that}")));
    assert_false(items_batch_add(&batch, span_text("{}")));
    assert_true(span_is_equal(items_batch_end(&batch), span_text("[{much longer than that}]")));
    items_batch_clear(&batch);
    assert_true(span_is_equal(items_batch_end(&batch), span_text("[]")));
    items_batch_deinit(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_is_read_item_by_item),
        cmocka_unit_test(an_array_follows_the_protocol_where_lines_are_strict),
        cmocka_unit_test(plain_text_becomes_base64),
        cmocka_unit_test(empty_lines_and_a_missing_last_line_end_are_fine),
        cmocka_unit_test(keys_keep_every_character),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(what_the_protocol_refuses_is_refused_before_it_is_sent),
        cmocka_unit_test(a_nul_ends_no_line),
        cmocka_unit_test(a_batch_is_full_at_its_items_and_at_its_bytes),
        cmocka_unit_test(an_item_larger_than_a_batch_goes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
