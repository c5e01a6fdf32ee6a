/* The lines of the log as they reach the descriptor: read back from a pipe. */
#include "node/edge/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define BEGIN "time=2026-01-02T03:04:05.678Z "

struct tap {
    int read_fd;
    struct log log;
    char text[4 * LOG_LINE_BYTES_MAX];
};

static uint64_t fixed_wall_ms(void)
{
    return 1767323045678;
}

static void tap_init(struct tap *tap, enum log_level level)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    tap->read_fd = fds[0];
    log_init(&tap->log, fds[1], level);
    tap->log.wall_ms = fixed_wall_ms;
}

static const char *tap_text(struct tap *tap)
{
    ssize_t got = read(tap->read_fd, tap->text, sizeof tap->text - 1);
    tap->text[got > 0 ? got : 0] = '\0';
    return tap->text;
}

static void tap_deinit(struct tap *tap)
{
    close(tap->read_fd);
    close(tap->log.fd);
}

static void a_line_has_time_level_event_and_its_fields_in_order(void **state)
{
    (void)state;
    struct tap tap;
    struct log_line line;
    tap_init(&tap, LOG_LEVEL_INFO);
    log_begin(&line, &tap.log, LOG_LEVEL_INFO, "ready");
    log_text(&line, "k2v", "http://127.0.0.1:3904");
    log_u64(&line, "most", UINT64_MAX);
    log_i64(&line, "least", INT64_MIN);
    log_bool(&line, "demo", true);
    log_bool(&line, "cluster", false);
    log_end(&line);
    assert_string_equal(tap_text(&tap), BEGIN "level=info msg=ready k2v=http://127.0.0.1:3904 "
                                              "most=18446744073709551615 least=-9223372036854775808 demo=true "
                                              "cluster=false\n");
    log_event_text(&tap.log, LOG_LEVEL_WARN, "going away", "signal", "15");
    assert_string_equal(tap_text(&tap), BEGIN "level=warn msg=\"going away\" signal=15\n");
    tap_deinit(&tap);
}

static void a_line_above_the_level_is_not_written(void **state)
{
    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        struct tap tap;
        tap_init(&tap, (enum log_level)level);
        for (int wanted = LOG_LEVEL_ERROR; wanted <= LOG_LEVEL_DEBUG; wanted++) {
            log_event(&tap.log, (enum log_level)wanted, "event");
            assert_int_equal(tap_text(&tap)[0] != '\0', wanted <= level);
            assert_int_equal(log_is_wanted(&tap.log, (enum log_level)wanted), wanted <= level);
        }
        tap_deinit(&tap);
    }
}

static void the_time_carries_its_leading_zeros(void **state)
{
    (void)state;
    struct tap tap;
    tap_init(&tap, LOG_LEVEL_INFO);
    log_init(&tap.log, tap.log.fd, LOG_LEVEL_INFO);
    log_event(&tap.log, LOG_LEVEL_ERROR, "now");
    unsigned parts[7];
    int length = 0;
    const char *format = "time=%4u-%2u-%2uT%2u:%2u:%2u.%3uZ%n";
    assert_int_equal(sscanf(tap_text(&tap), format, &parts[0], &parts[1], &parts[2], &parts[3], &parts[4],
                            &parts[5], &parts[6], &length),
                     7);
    assert_int_equal(length, sizeof "time=2026-01-02T03:04:05.678Z" - 1);
    tap_deinit(&tap);
}

static void a_value_is_quoted_when_a_reader_could_mistake_it(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *written;
    } cases[] = {
        {"plain-_.~:/?&%", "plain-_.~:/?&%"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"a\nlevel=error\r\t", "\"a\\nlevel=error\\r\\t\""},
        {"\x1b[2J\x7f", "\"\\x1b[2J\\x7f\""},
        {"\xc3\xa9\xff", "\"\\xc3\\xa9\\xff\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tap tap;
        char expected[256];
        tap_init(&tap, LOG_LEVEL_INFO);
        log_event_text(&tap.log, LOG_LEVEL_INFO, "x", "v", cases[i].value);
        snprintf(expected, sizeof expected, BEGIN "level=info msg=x v=%s\n", cases[i].written);
        assert_string_equal(tap_text(&tap), expected);
        tap_deinit(&tap);
    }
}

static void bytes_with_nul_stay_one_field(void **state)
{
    (void)state;
    struct tap tap;
    struct log_line line;
    tap_init(&tap, LOG_LEVEL_INFO);
    log_begin(&line, &tap.log, LOG_LEVEL_INFO, "x");
    log_span(&line, "v", span_of("a\0b", 3));
    log_end(&line);
    assert_string_equal(tap_text(&tap), BEGIN "level=info msg=x v=\"a\\x00b\"\n");
    tap_deinit(&tap);
}

/* Every length around the bound, plain, quoted and escaped: one line, never too long, its cut visible, its quotes
 * even. */
static void a_line_too_long_is_cut_visibly(void **state)
{
    (void)state;
    static const char fillers[] = {'a', ' ', '\n', '"', '\x01'};
    for (size_t f = 0; f < sizeof fillers; f++) {
        for (size_t length = 400; length <= LOG_LINE_BYTES_MAX + 10; length++) {
            struct tap tap;
            struct log_line line;
            char value[LOG_LINE_BYTES_MAX + 10];
            memset(value, fillers[f], sizeof value);
            tap_init(&tap, LOG_LEVEL_INFO);
            log_begin(&line, &tap.log, LOG_LEVEL_INFO, "x");
            log_span(&line, "v", span_of(value, length));
            log_text(&line, "last", "here");
            log_end(&line);
            const char *text = tap_text(&tap);
            size_t got = strlen(text);
            assert_in_range(got, 100, LOG_LINE_BYTES_MAX);
            assert_ptr_equal(strchr(text, '\n'), text + got - 1);
            bool is_whole = strstr(text, " last=here\n") != NULL;
            bool is_cut = strstr(text, " cut=true\n") != NULL;
            assert_int_equal(is_whole, !is_cut);
            size_t quotes = 0;
            for (const char *at = text; *at != '\0'; at++) {
                if (*at == '\\')
                    at++;
                else if (*at == '"')
                    quotes++;
            }
            assert_int_equal(quotes, fillers[f] == 'a' ? 0 : 2);
            tap_deinit(&tap);
        }
    }
}

static void a_line_that_cannot_be_written_is_lost_and_nothing_else(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, -1, LOG_LEVEL_DEBUG);
    log_event(&log, LOG_LEVEL_ERROR, "nobody reads this");
}

static void levels_have_names_that_read_back(void **state)
{
    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        enum log_level read = LOG_LEVEL_ERROR;
        assert_true(log_level_decode(log_level_name((enum log_level)level), &read));
        assert_int_equal(read, level);
    }
    enum log_level level = LOG_LEVEL_WARN;
    assert_false(log_level_decode("Info", &level));
    assert_false(log_level_decode("", &level));
    assert_false(log_level_decode("trace", &level));
    assert_int_equal(level, LOG_LEVEL_WARN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_event_and_its_fields_in_order),
        cmocka_unit_test(a_line_above_the_level_is_not_written),
        cmocka_unit_test(the_time_carries_its_leading_zeros),
        cmocka_unit_test(a_value_is_quoted_when_a_reader_could_mistake_it),
        cmocka_unit_test(bytes_with_nul_stay_one_field),
        cmocka_unit_test(a_line_too_long_is_cut_visibly),
        cmocka_unit_test(a_line_that_cannot_be_written_is_lost_and_nothing_else),
        cmocka_unit_test(levels_have_names_that_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
