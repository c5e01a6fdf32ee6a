/* The line of progress, and when it is drawn. */
#include "node/cli/progress.h"

#include "node/cli/amount.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

enum { PARTS_MAX = 6, PART_CHARS = 120, BAR_CHARS_MIN = 12, BAR_CHARS_MAX = 42 };

/* Pieces of a line, in the order in which they stand; `rank` says which goes first when there is no room. */
struct parts {
    char text[PARTS_MAX][PART_CHARS];
    unsigned rank[PARTS_MAX];
    size_t count;
};

static void add_part(struct parts *parts, unsigned rank, const char *first, const char *second, const char *third)
{
    assert(parts->count < PARTS_MAX);
    snprintf(parts->text[parts->count], PART_CHARS, "%s%s%s", first, second, third);
    parts->rank[parts->count++] = rank;
}

static void add_bytes(struct parts *parts, const struct progress_state *state)
{
    char bytes[AMOUNT_CHARS];
    char total[AMOUNT_CHARS];
    char behind[AMOUNT_CHARS + 40];
    amount_bytes(bytes, state->bytes);
    if (state->bytes_total > 0) {
        snprintf(behind, sizeof behind, " of %s %.30s", amount_bytes(total, state->bytes_total),
                 state->bytes_word);
    } else {
        snprintf(behind, sizeof behind, " %.30s", state->bytes_word);
    }
    add_part(parts, 3, bytes, behind, "");
}

/* Over the whole time so far. */
static uint64_t bytes_per_s(const struct progress_state *state)
{
    static const double most = 1e18; /* fits an integer */
    if (state->elapsed_us == 0) return 0;
    double rate = (double)state->bytes * 1e6 / (double)state->elapsed_us;
    return (uint64_t)(rate < most ? rate : most);
}

static void make_parts(const struct progress_state *state, struct parts *parts)
{
    char text[AMOUNT_CHARS];
    uint64_t rate = bytes_per_s(state);
    uint64_t left = state->bytes < state->bytes_total ? state->bytes_total - state->bytes : 0;
    add_part(parts, 0, state->name, "", "");
    if (state->bytes_total > 0) {
        uint64_t percent = (uint64_t)((double)(state->bytes_total - left) * 100 / (double)state->bytes_total);
        snprintf(text, sizeof text, "%3u %%", (unsigned)percent);
        add_part(parts, 1, text, "", "");
    }
    if (state->items_word != NULL) add_part(parts, 2, amount_count(text, state->items), " ", state->items_word);
    if (state->bytes > 0) add_bytes(parts, state);
    if (rate > 0) add_part(parts, 4, amount_bytes(text, rate), "/s", "");
    if (state->bytes_total > 0 && rate > 0) {
        add_part(parts, 1, amount_clock(text, left / rate), " left", "");
    } else {
        add_part(parts, 1, amount_clock(text, state->elapsed_us / 1000000), "", "");
    }
}

/* Parts stand two blanks apart. */
static size_t width_of(const struct parts *parts)
{
    size_t width = 0;
    for (size_t i = 0; i < parts->count; i++) {
        width += strlen(parts->text[i]) + (i > 0 ? 2 : 0);
    }
    return width;
}

static void drop_least(struct parts *parts)
{
    size_t least = 0;
    for (size_t i = 1; i < parts->count; i++) {
        if (parts->rank[i] >= parts->rank[least]) least = i;
    }
    for (size_t i = least; i + 1 < parts->count; i++) {
        memcpy(parts->text[i], parts->text[i + 1], PART_CHARS);
        parts->rank[i] = parts->rank[i + 1];
    }
    parts->count--;
}

/* "[=====>    ]" of `chars` chars, 0 when there is no room or nothing to measure. */
static size_t draw_bar(const struct progress_state *state, size_t room, char *bar)
{
    if (state->bytes_total == 0 || room < BAR_CHARS_MIN + 2) return 0;
    size_t chars = room - 2 > BAR_CHARS_MAX ? BAR_CHARS_MAX : room - 2;
    size_t inside = chars - 2;
    double share = (double)state->bytes / (double)state->bytes_total;
    size_t filled = (size_t)((double)inside * (share > 1 ? 1 : share));
    memset(bar, ' ', chars);
    bar[0] = '[';
    bar[chars - 1] = ']';
    memset(bar + 1, '=', filled);
    if (filled < inside) bar[1 + filled] = '>';
    bar[chars] = '\0';
    return chars;
}

void progress_line(const struct progress_state *state, size_t columns, char line[PROGRESS_LINE_BYTES])
{
    assert(columns > 0 && columns < PROGRESS_LINE_BYTES);
    struct parts parts = {.count = 0};
    char bar[BAR_CHARS_MAX + 1];
    make_parts(state, &parts);
    while (parts.count > 1 && width_of(&parts) > columns) {
        drop_least(&parts);
    }
    size_t used = width_of(&parts);
    size_t bar_chars = draw_bar(state, columns > used ? columns - used : 0, bar);
    size_t at = 0;
    for (size_t i = 0; i < parts.count; i++) {
        bool is_behind_name = i == 1 && bar_chars > 0;
        at += (size_t)snprintf(line + at, PROGRESS_LINE_BYTES - at, "%s%s%s%s", i > 0 ? "  " : "",
                               is_behind_name ? bar : "", is_behind_name ? "  " : "", parts.text[i]);
    }
    line[columns] = '\0'; /* a name alone may be too long */
}

struct option progress_option(bool *is_unwanted)
{
    return (struct option){.name = "no-progress",
                           .help = "no line of progress on a terminal",
                           .kind = OPTION_FLAG,
                           .target = is_unwanted};
}

void progress_begin(struct progress *progress, const struct progress_state *state, bool is_unwanted)
{
    *progress = (struct progress){.state = *state,
                                  .is_on = !is_unwanted && terminal_can_redraw(STDERR_FILENO),
                                  .begun_us = terminal_now_us()};
}

void progress_show(struct progress *progress)
{
    if (!progress->is_on) return;
    uint64_t now_us = terminal_now_us();
    uint64_t due_us = progress->drawn_us > 0 ? progress->drawn_us + PROGRESS_AGAIN_MS * 1000
                                             : progress->begun_us + PROGRESS_FIRST_MS * 1000;
    if (now_us < due_us) return;
    char line[PROGRESS_LINE_BYTES];
    progress->state.elapsed_us = now_us - progress->begun_us;
    size_t columns = terminal_columns(STDERR_FILENO);
    /* The last column stays free: a cursor behind it would be on the next line. */
    progress_line(&progress->state, columns > 1 ? columns - 1 : 1, line);
    fprintf(stderr, "\r%s\033[K", line);
    progress->is_drawn = true;
    progress->drawn_us = now_us;
}

void progress_clear(struct progress *progress)
{
    if (progress->is_drawn) fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}
