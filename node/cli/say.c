/* Messages on standard error, made harmless before they are written. */
#include "node/cli/say.h"

#include "node/cli/commands.h"
#include "node/cli/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_CHARS_MAX = 8192 }; /* longer ones are cut */

static void write_message(const char *start, const char *format, va_list values)
{
    char text[MESSAGE_CHARS_MAX];
    if (vsnprintf(text, sizeof text, format, values) < 0) return;
    show_make_printable(text);
    fprintf(stderr, "%s%s\n", start, text);
}

void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    write_message("skerry: ", format, values);
    va_end(values);
}

void say_note(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    write_message("", format, values);
    va_end(values);
}

void say_no_memory(void)
{
    fputs("skerry: out of memory\n", stderr);
    exit(CLI_FAILED);
}

void *say_need(void *memory)
{
    if (memory == NULL) say_no_memory();
    return memory;
}
