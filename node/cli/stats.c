/* `skerry stats`: what a running server does, once or again every second. */
#include "node/cli/amount.h"
#include "node/cli/operator.h"
#include "node/cli/say.h"
#include "node/cli/terminal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct usage USAGE = {
    .command = "skerry stats",
    .synopsis = "[--watch] [OPTIONS]",
    .about = "Show what a running server has done since its start: connections, bytes, memory, polls, the store,\n"
             "refusals by their code, and of each operation how many were answered how (2xx done, 3xx no news,\n"
             "4xx refused, 5xx failed, gone: the client left) and how long that took. A poll takes as long as it\n"
             "waits. Durations are exact to an eighth.\n"
             "\n"
             "The same numbers are at /metrics of the admin port in the text format of Prometheus.\n",
    .examples = "  skerry stats\n"
                "  skerry stats --watch\n"
                "  skerry stats --data-dir /var/lib/skerry -o json\n",
};

enum { WATCH_S = 1 };

/* Two looks at a server: the numbers, and what they were some time before. */
struct look {
    const json_t *now;
    const json_t *before; /* NULL: rates are not known */
    double between_s;
};

static uint64_t number_at(const json_t *object, const char *group, const char *member)
{
    const json_t *inside = *group != '\0' ? json_object_get(object, group) : object;
    json_int_t number = json_integer_value(json_object_get(inside, member));
    return number > 0 ? (uint64_t)number : 0;
}

static uint64_t now_at(const struct look *look, const char *group, const char *member)
{
    return number_at(look->now, group, member);
}

/* A second. 0 when a counter went back: another server answers now. */
static double rate_of(const struct look *look, uint64_t now, uint64_t before)
{
    return look->before != NULL && now > before ? (double)(now - before) / look->between_s : 0;
}

static double rate_at(const struct look *look, const char *group, const char *member)
{
    return look->before == NULL
               ? 0
               : rate_of(look, now_at(look, group, member), number_at(look->before, group, member));
}

/* --- above the table ------------------------------------------------------------------------------------ */

static void print_count(FILE *out, const struct look *look, const char *group, const char *member,
                        const char *words)
{
    char text[AMOUNT_CHARS];
    fprintf(out, "%s%s", amount_count(text, now_at(look, group, member)), words);
}

static void print_bytes(FILE *out, const struct look *look, const char *group, const char *member,
                        const char *words)
{
    char text[AMOUNT_CHARS];
    fprintf(out, "%s%s", amount_bytes(text, now_at(look, group, member)), words);
}

/* " (12.3 KiB/s)" */
static void print_bytes_rate(FILE *out, const struct look *look, const char *member)
{
    char text[AMOUNT_CHARS];
    if (look->before == NULL) return;
    fprintf(out, " (%s/s)", amount_bytes(text, (uint64_t)rate_at(look, "bytes", member)));
}

static void print_rate(FILE *out, const struct look *look, const char *group, const char *member)
{
    if (look->before != NULL) fprintf(out, " (%.0f/s)", rate_at(look, group, member));
}

static void print_head(FILE *out, const struct look *look)
{
    char text[AMOUNT_CHARS];
    const char *version = json_string_value(json_object_get(look->now, "version"));
    fprintf(out, "skerry %s, up %s%s\n\n", version != NULL ? version : "?",
            amount_age(text, now_at(look, "", "uptime_s")), now_at(look, "", "draining") != 0 ? ", stopping" : "");
    fputs("connections  ", out);
    print_count(out, look, "connections", "open", " open, ");
    print_count(out, look, "connections", "accepted", " taken, ");
    print_count(out, look, "connections", "refused", " turned away, ");
    print_count(out, look, "connections", "broken", " ended for bad or slow HTTP\n");
    fputs("bytes        ", out);
    print_bytes(out, look, "bytes", "in", " in");
    print_bytes_rate(out, look, "in");
    fputs(", ", out);
    print_bytes(out, look, "bytes", "out", " out");
    print_bytes_rate(out, look, "out");
    fputs("\nmemory       ", out);
    print_bytes(out, look, "memory", "used_bytes", " of ");
    print_bytes(out, look, "memory", "max_bytes", "\n");
    fputs("polls        ", out);
    print_count(out, look, "polls", "waiting", " waiting\n");
}

static void print_store(FILE *out, const struct look *look)
{
    fputs("store        ", out);
    print_count(out, look, "store", "writes", " writes");
    print_rate(out, look, "store", "writes");
    fputs(" in ", out);
    print_count(out, look, "store", "syncs", " syncs");
    print_rate(out, look, "store", "syncs");
    fputs(", ", out);
    print_bytes(out, look, "store", "used_bytes", " of ");
    print_bytes(out, look, "store", "map_bytes", " in use, ");
    print_count(out, look, "store", "corrupt_rows", " corrupt rows\n");
}

static void print_refusals(FILE *out, const struct look *look)
{
    const char *code;
    json_t *count;
    const char *joint = "refusals     ";
    json_object_foreach(json_object_get(look->now, "refusals"), code, count)
    {
        char text[AMOUNT_CHARS];
        json_int_t number = json_integer_value(count);
        fprintf(out, "%s%.60s %s", joint, code, amount_count(text, number > 0 ? (uint64_t)number : 0));
        joint = ", ";
    }
    if (strcmp(joint, ", ") == 0) fputc('\n', out);
}

/* --- the table ------------------------------------------------------------------------------------------ */

static const char *const CLASSES[] = {"2xx", "3xx", "4xx", "5xx", "gone", NULL};
static const char *const QUANTILES[] = {"p50_us", "p99_us", "max_us", NULL};

static uint64_t count_of(const json_t *operation)
{
    uint64_t sum = 0;
    for (size_t i = 0; CLASSES[i] != NULL; i++) {
        sum += number_at(operation, "", CLASSES[i]);
    }
    return sum;
}

static void add_row(struct table *table, const struct look *look, const json_t *operation, size_t index)
{
    char text[AMOUNT_CHARS];
    table_add_key(table, output_span_of(json_object_get(operation, "operation")));
    for (size_t i = 0; CLASSES[i] != NULL; i++) {
        table_add_text(table, amount_count(text, number_at(operation, "", CLASSES[i])));
    }
    for (size_t i = 0; QUANTILES[i] != NULL; i++) {
        table_add_text(table, amount_us(text, number_at(operation, "", QUANTILES[i])));
    }
    if (look->before == NULL) return;
    const json_t *before = json_array_get(json_object_get(look->before, "operations"), index);
    snprintf(text, sizeof text, "%.0f", rate_of(look, count_of(operation), count_of(before)));
    table_add_text(table, text);
}

static void print_operations(FILE *out, const struct look *look)
{
    static const char *const titles[] = {"OPERATION", "2XX", "3XX", "4XX", "5XX",
                                         "GONE",      "P50", "P99", "MAX", NULL};
    static const char *const watched[] = {"OPERATION", "2XX", "3XX", "4XX",   "5XX", "GONE",
                                          "P50",       "P99", "MAX", "NOW/S", NULL};
    struct table table;
    table_init(&table, look->before != NULL ? watched : titles, 0x3fe);
    const json_t *operation;
    size_t i;
    json_array_foreach(json_object_get(look->now, "operations"), i, operation)
    {
        if (count_of(operation) > 0) add_row(&table, look, operation, i);
    }
    fputc('\n', out);
    table_print(&table, out);
    table_deinit(&table);
}

static void print_look(FILE *out, const struct look *look)
{
    print_head(out, look);
    print_store(out, look);
    print_refusals(out, look);
    print_operations(out, look);
}

/* --- once, or again and again --------------------------------------------------------------------------- */

static int show_once(struct operator* operator)
{
    json_t *document = NULL;
    int code = operator_call(operator, "GET", "/v1/stats", NULL, &document);
    if (code != CLI_GO) return code;
    if (operator->form == OUTPUT_JSON) {
        output_json(json_incref(document));
    } else {
        const struct look look = {.now = document};
        print_look(stdout, &look);
    }
    json_decref(document);
    return CLI_DONE;
}

/* From the top of the screen, each line cut at its width and each cleared behind its end. */
static void redraw(const struct look *look)
{
    char *text = NULL;
    size_t length = 0;
    FILE *memory = say_need(open_memstream(&text, &length));
    print_look(memory, look);
    fclose(memory);
    size_t columns = terminal_columns(STDOUT_FILENO);
    size_t rows = terminal_rows(STDOUT_FILENO);
    fputs("\033[H", stdout);
    const char *line = say_need(text);
    for (size_t row = 1; row < rows && *line != '\0'; row++) {
        size_t chars = strcspn(line, "\n");
        fprintf(stdout, "%.*s\033[K\n", (int)(chars < columns ? chars : columns), line);
        line += chars + (line[chars] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
    free(text);
}

static int watch(struct operator* operator)
{
    json_t *before = NULL;
    uint64_t before_us = 0;
    int code = CLI_GO;
    fputs("\033[2J", stdout);
    while (code == CLI_GO && !ferror(stdout)) {
        json_t *now = NULL;
        uint64_t now_us = terminal_now_us();
        code = operator_call(operator, "GET", "/v1/stats", NULL, &now);
        if (code != CLI_GO) break;
        const struct look look = {
            .now = now, .before = before, .between_s = (double)(now_us - before_us + 1) / 1e6};
        redraw(&look);
        json_decref(before);
        before = now;
        before_us = now_us;
        struct timespec pause = {.tv_sec = WATCH_S};
        nanosleep(&pause, NULL);
    }
    json_decref(before);
    return code == CLI_GO ? CLI_DONE : code;
}

int stats_main(int argc, char **argv)
{
    bool wants_watch = false;
    const struct option own[] = {{.name = "watch",
                                  .help = "draw it again every second, with what happens a second,\nuntil Ctrl-C",
                                  .kind = OPTION_FLAG,
                                  .target = &wants_watch}};
    struct arguments arguments;
    struct operator operator;
    operator_init(&operator);
    int code = operator_open(&operator, & USAGE, own, sizeof own / sizeof own[0], argc, argv, &arguments);
    if (code == CLI_GO && wants_watch && (operator.form == OUTPUT_JSON || !terminal_can_redraw(STDOUT_FILENO))) {
        say("--watch draws on a terminal; for programs there are -o json and /metrics");
        code = CLI_USAGE;
    }
    if (code == CLI_GO) code = operator_connect(&operator);
    if (code == CLI_GO) code = wants_watch ? watch(&operator) : show_once(&operator);
    operator_deinit(&operator);
    return code;
}
