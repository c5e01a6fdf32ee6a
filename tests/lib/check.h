/* cmocka with the headers it wants before it, and checks of our own types. */
#ifndef TESTS_LIB_CHECK_H
#define TESTS_LIB_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/err.h"
#include "node/base/span.h"

#define assert_ok(expression)            assert_string_equal(err_name(expression), err_name(ERR_OK))
#define assert_err(expression, expected) assert_string_equal(err_name(expression), err_name(expected))

static inline void check_print(const char *what, struct span bytes)
{
    print_error("%s: %zu bytes \"", what, bytes.length);
    for (size_t i = 0; i < bytes.length && i < 200; i++)
        print_error(bytes.bytes[i] >= 0x20 && bytes.bytes[i] < 0x7f ? "%c" : "\\x%02x", bytes.bytes[i]);
    print_error("\"\n");
}

/* With the bytes of both in the message. */
static inline void check_spans(struct span actual, struct span expected, const char *file, int line)
{
    if (span_is_equal(actual, expected)) return;
    check_print("there is", actual);
    check_print("wanted  ", expected);
    _fail(file, line);
}

#define assert_span(actual, expected)      check_spans(actual, expected, __FILE__, __LINE__)
#define assert_span_text(actual, expected) check_spans(actual, span_text(expected), __FILE__, __LINE__)

#endif
