/* Asking the terminal. */
#include "node/cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

bool terminal_can_redraw(int fd)
{
    const char *kind = getenv("TERM");
    return isatty(fd) && kind != NULL && *kind != '\0' && strcmp(kind, "dumb") != 0;
}

static struct winsize size_of(int fd)
{
    struct winsize size = {0};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0) size = (struct winsize){0};
    return size;
}

size_t terminal_columns(int fd)
{
    size_t columns = size_of(fd).ws_col;
    if (columns == 0) return TERMINAL_COLUMNS_STANDARD;
    return columns > TERMINAL_COLUMNS_MAX ? TERMINAL_COLUMNS_MAX : columns;
}

size_t terminal_rows(int fd)
{
    size_t rows = size_of(fd).ws_row;
    return rows == 0 ? TERMINAL_ROWS_STANDARD : rows;
}

uint64_t terminal_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
