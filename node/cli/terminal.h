/* What is known of the terminal behind standard output or standard error. */
#ifndef NODE_CLI_TERMINAL_H
#define NODE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TERMINAL_COLUMNS_STANDARD = 80, /* when nobody tells */
    TERMINAL_ROWS_STANDARD = 24,
    TERMINAL_COLUMNS_MAX = 500,
};

/* Is `fd` a terminal on which a line can be drawn again? Not with TERM unset, empty or "dumb". */
bool terminal_can_redraw(int fd);

/* How many columns and rows there are: as the terminal says, within 1 … TERMINAL_COLUMNS_MAX. */
size_t terminal_columns(int fd);
size_t terminal_rows(int fd);

/* Microseconds on a clock that never goes back. */
uint64_t terminal_now_us(void);

#endif
