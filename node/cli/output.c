/* JSON and tables on standard output. */
#include "node/cli/output.h"

#include "node/cli/commands.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static const char *const FORMS[] = {"text", "json", NULL};

struct option output_option(unsigned *target)
{
    return (struct option){.letter = 'o',
                           .name = "output",
                           .value_word = "FORM",
                           .help = "text (for people) or json (for programs); text if not given",
                           .kind = OPTION_CHOICE,
                           .target = target,
                           .choices = FORMS};
}

/* Why writing failed first: who closes the stream later learns only that it did. */
static int first_error;

static void note_error(bool is_written)
{
    if (!is_written && first_error == 0) first_error = errno;
}

void output_json(json_t *document)
{
    say_need(document);
    note_error(json_dumpf(document, stdout, JSON_INDENT(2)) == 0);
    json_decref(document);
    fputc('\n', stdout);
}

void output_span(struct span text)
{
    if (text.length > 0) note_error(fwrite(text.bytes, 1, text.length, stdout) == text.length);
}

void output_flush(void)
{
    note_error(fflush(stdout) == 0);
}

int output_end(int code)
{
    /* Closing, not only flushing: some file systems tell of a full disk no earlier. */
    bool is_bad = ferror(stdout) != 0;
    errno = 0;
    is_bad = fclose(stdout) != 0 || is_bad;
    if (!is_bad) return code;
    note_error(false);
    say("cannot write to standard output: %s", first_error != 0 ? strerror(first_error) : "write error");
    return code == CLI_DONE ? CLI_FAILED : code;
}

struct span output_span_of(const json_t *value)
{
    if (!json_is_string(value)) return (struct span){NULL, 0};
    return span_of(json_string_value(value), json_string_length(value));
}

void table_init(struct table *table, const char *const *titles, unsigned right_columns)
{
    *table = (struct table){.right_columns = right_columns};
    while (titles[table->columns_count] != NULL) {
        table->columns_count++;
    }
    assert(table->columns_count > 0 && table->columns_count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < table->columns_count; i++) {
        table_add_text(table, titles[i]);
    }
}

void table_add(struct table *table, struct span cell)
{
    if (table->cells_count == table->cells_capacity) {
        size_t capacity = table->cells_capacity == 0 ? 64 : table->cells_capacity * 2;
        table->ends = say_need(reallocarray(table->ends, capacity, sizeof *table->ends));
        table->cells_capacity = capacity;
    }
    buffer_add_span(&table->text, cell);
    table->ends[table->cells_count++] = table->text.length;
}

void table_add_text(struct table *table, const char *cell)
{
    table_add(table, span_text(cell));
}

void table_add_number(struct table *table, const json_t *number)
{
    char text[32];
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    table_add_text(table, text);
}

void table_add_key(struct table *table, struct span key)
{
    struct buffer shown = {0};
    show_key(&shown, key);
    table_add(table, buffer_span(&shown));
    buffer_deinit(&shown);
}

static struct span cell_at(const struct table *table, size_t index)
{
    size_t start = index == 0 ? 0 : table->ends[index - 1];
    return span_of(buffer_text(&table->text) + start, table->ends[index] - start);
}

static void print_cell(FILE *out, struct span cell, size_t width, bool is_right, bool is_last)
{
    size_t blanks = width - show_width(cell);
    for (size_t i = 0; is_right && i < blanks; i++) {
        fputc(' ', out);
    }
    fwrite(cell.bytes, 1, cell.length, out);
    if (is_last) {
        fputc('\n', out);
        return;
    }
    for (size_t i = 0; i < (is_right ? 0 : blanks) + 2; i++) {
        fputc(' ', out);
    }
}

void table_print(const struct table *table, FILE *out)
{
    assert(table->cells_count % table->columns_count == 0);
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->cells_count; i++) {
        size_t width = show_width(cell_at(table, i));
        size_t *widest = &widths[i % table->columns_count];
        if (width > *widest) *widest = width;
    }
    for (size_t i = 0; i < table->cells_count; i++) {
        size_t column = i % table->columns_count;
        print_cell(out, cell_at(table, i), widths[column], (table->right_columns >> column & 1u) != 0,
                   column + 1 == table->columns_count);
    }
}

void table_deinit(struct table *table)
{
    buffer_deinit(&table->text);
    free(table->ends);
    *table = (struct table){0};
}
