/* Command lines read by tables: every kind of option, every form, and what is refused with which words. */
#include "node/cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *const COLOURS[] = {"red", "green", NULL};

struct asked {
    bool is_loud;
    const char *token;
    struct option_list names;
    struct option_number limit;
    unsigned colour;
    struct arguments arguments;
    char message[OPTIONS_MESSAGE_CHARS];
};

static const struct usage USAGE = {
    .command = "skerry test",
    .synopsis = "ONE [TWO] [OPTIONS]\n--other",
    .about = "Does nothing.\n",
    .examples = "  skerry test x\n",
    .arguments_min = 1,
    .arguments_max = 2,
};

/* The words up to a NULL; the name of the command is put before them. */
static enum options_result read_words(struct asked *asked, const char *const *words)
{
    *asked = (struct asked){0};
    const struct option first[] = {
        {.letter = 'l', .name = "loud", .help = "noise", .kind = OPTION_FLAG, .target = &asked->is_loud},
        {.letter = 'c',
         .name = "token",
         .value_word = "TOKEN",
         .help = "a token",
         .kind = OPTION_TEXT,
         .target = &asked->token},
    };
    const struct option second[] = {
        {.name = "name", .value_word = "NAME", .help = "a name", .kind = OPTION_LIST, .target = &asked->names},
        {.name = "limit",
         .value_word = "N",
         .help = "a number",
         .kind = OPTION_NUMBER,
         .target = &asked->limit,
         .min = 1,
         .max = 10},
        {.letter = 'o',
         .name = "colour",
         .value_word = "C",
         .help = "a colour",
         .kind = OPTION_CHOICE,
         .target = &asked->colour,
         .choices = COLOURS},
    };
    const struct option_group groups[] = {{"First", first, 2}, {"Second", second, 3}};
    char *argv[OPTIONS_LIST_MAX + 200] = {(char *)(uintptr_t) "test"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    }
    return options_read(&USAGE, groups, 2, argc, argv, &asked->arguments, asked->message);
}

#define READ(asked, ...) read_words(asked, (const char *const[]){__VA_ARGS__, NULL})

static void options_and_arguments_stand_in_any_order(void **state)
{
    (void)state;
    struct asked asked;
    assert_int_equal(READ(&asked, "--limit", "7", "one", "-l", "--name=a", "two", "--name", "b"), OPTIONS_READ);
    assert_int_equal(asked.arguments.count, 2);
    assert_string_equal(asked.arguments.words[0], "one");
    assert_string_equal(asked.arguments.words[1], "two");
    assert_true(asked.is_loud);
    assert_true(asked.limit.is_given);
    assert_int_equal(asked.limit.value, 7);
    assert_int_equal(asked.names.count, 2);
    assert_string_equal(asked.names.values[0], "a");
    assert_string_equal(asked.names.values[1], "b");
    assert_null(asked.token);
}

static void a_value_may_begin_with_a_dash(void **state)
{
    (void)state;
    struct asked asked;
    assert_int_equal(READ(&asked, "one", "-c", "-_D-aJzKCQH78P"), OPTIONS_READ);
    assert_string_equal(asked.token, "-_D-aJzKCQH78P");
    assert_int_equal(READ(&asked, "one", "--token", "--help"), OPTIONS_READ);
    assert_string_equal(asked.token, "--help");
    assert_int_equal(READ(&asked, "one", "-cabc"), OPTIONS_READ);
    assert_string_equal(asked.token, "abc");
    assert_int_equal(READ(&asked, "one", "--token="), OPTIONS_READ);
    assert_string_equal(asked.token, "");
    assert_int_equal(READ(&asked, "one", "--token=a=b"), OPTIONS_READ);
    assert_string_equal(asked.token, "a=b");
}

static void after_two_dashes_all_words_are_arguments(void **state)
{
    (void)state;
    struct asked asked;
    assert_int_equal(READ(&asked, "--", "--loud", "--"), OPTIONS_READ);
    assert_false(asked.is_loud);
    assert_string_equal(asked.arguments.words[0], "--loud");
    assert_string_equal(asked.arguments.words[1], "--");
    assert_int_equal(READ(&asked, "-", ""), OPTIONS_READ);
    assert_string_equal(asked.arguments.words[0], "-");
    assert_string_equal(asked.arguments.words[1], "");
}

static void a_choice_is_one_of_its_words_and_the_last_counts(void **state)
{
    (void)state;
    struct asked asked;
    assert_int_equal(READ(&asked, "one", "-o", "green"), OPTIONS_READ);
    assert_int_equal(asked.colour, 1);
    assert_int_equal(READ(&asked, "one", "-ogreen", "--colour=red"), OPTIONS_READ);
    assert_int_equal(asked.colour, 0);
    assert_int_equal(READ(&asked, "one", "-o", "blue"), OPTIONS_BAD);
    assert_string_equal(asked.message, "--colour takes red or green, not \"blue\"");
}

static void help_is_found_anywhere_but_behind_an_option_or_two_dashes(void **state)
{
    (void)state;
    struct asked asked;
    assert_int_equal(READ(&asked, "--help"), OPTIONS_HELP);
    assert_int_equal(READ(&asked, "one", "two", "-h"), OPTIONS_HELP);
    assert_int_equal(READ(&asked, "--", "--help"), OPTIONS_READ);
    assert_int_equal(READ(&asked, "one", "-c", "-h"), OPTIONS_READ);
}

static void assert_refused(const char *message, const char *const *words)
{
    struct asked asked;
    assert_int_equal(read_words(&asked, words), OPTIONS_BAD);
    assert_string_equal(asked.message, message);
}

#define REFUSED(message, ...) assert_refused(message, (const char *const[]){__VA_ARGS__, NULL})

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    REFUSED("unknown option --tokne; did you mean --token?", "one", "--tokne", "x");
    REFUSED("unknown option --lim; did you mean --limit?", "one", "--lim", "3");
    REFUSED("unknown option --zzzzzz (an argument that begins with - goes behind --)", "one", "--zzzzzz");
    REFUSED("unknown option -x (an argument that begins with - goes behind --)", "one", "-x");
    REFUSED("unknown option -lx (an argument that begins with - goes behind --)", "one", "-lx");
    REFUSED("--loud takes no value", "one", "--loud=yes");
    REFUSED("--token needs a value: --token TOKEN", "one", "--token");
    REFUSED("--token needs a value: --token TOKEN", "one", "-c");
    REFUSED("--token is given twice", "one", "-c", "a", "-c", "b");
    REFUSED("--limit is given twice", "one", "--limit", "1", "--limit", "2");
    REFUSED("too few arguments: skerry test ONE [TWO] [OPTIONS]", "-l");
    REFUSED("one argument too many: \"three\"", "one", "two", "three");
}

static void a_number_is_decimal_and_within_its_bounds(void **state)
{
    (void)state;
    struct asked asked;
    static const char *const bad[] = {"",   "0",   "11",  "-1",  "+1",  " 1",
                                      "1 ", "1.0", "0x1", "1e1", "ten", "18446744073709551617"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(READ(&asked, "one", "--limit", bad[i]), OPTIONS_BAD);
        assert_non_null(strstr(asked.message, "--limit takes a number from 1 to 10, not"));
    }
    uint64_t number = 0;
    assert_true(options_number("18446744073709551615", 0, UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_false(options_number("18446744073709551616", 0, UINT64_MAX, &number));
    assert_false(options_number("99999999999999999999999", 0, UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
}

static void a_list_has_a_bound(void **state)
{
    (void)state;
    const char *words[2 * OPTIONS_LIST_MAX + 4] = {"one"};
    for (size_t i = 0; i < OPTIONS_LIST_MAX; i++) {
        words[1 + 2 * i] = "--name";
        words[2 + 2 * i] = "n";
    }
    struct asked asked;
    assert_int_equal(read_words(&asked, words), OPTIONS_READ);
    assert_int_equal(asked.names.count, OPTIONS_LIST_MAX);
    words[1 + 2 * OPTIONS_LIST_MAX] = "--name=n";
    assert_refused("--name is given too often", words);
}

static void help_names_every_form_and_every_option(void **state)
{
    (void)state;
    const struct option own[] = {{.letter = 'f',
                                  .name = "file",
                                  .value_word = "FILE",
                                  .help = "first line\nsecond line",
                                  .variable = "TEST_FILE",
                                  .kind = OPTION_TEXT}};
    const struct option_group group = {"Options", own, 1};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    options_print_help(out, &USAGE, &group, 1);
    fclose(out);
    assert_non_null(strstr(text, "Usage: skerry test ONE [TWO] [OPTIONS]\n       skerry test --other\n"));
    assert_non_null(strstr(text, "\nOptions:\n  -f, --file FILE "));
    assert_non_null(strstr(text, "first line\n     "));
    assert_non_null(strstr(text, "second line (TEST_FILE)\n"));
    assert_non_null(strstr(text, "Examples:\n  skerry test x\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_stand_in_any_order),
        cmocka_unit_test(a_value_may_begin_with_a_dash),
        cmocka_unit_test(after_two_dashes_all_words_are_arguments),
        cmocka_unit_test(a_choice_is_one_of_its_words_and_the_last_counts),
        cmocka_unit_test(help_is_found_anywhere_but_behind_an_option_or_two_dashes),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_number_is_decimal_and_within_its_bounds),
        cmocka_unit_test(a_list_has_a_bound),
        cmocka_unit_test(help_names_every_form_and_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
