/* Nodes and changes as tables. */
#include "node/cli/roster.h"

#include "node/cli/amount.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROW_DIGITS = 8 }; /* of an id in the table of nodes, which is to fit 80 columns: enough to name one */

int roster_begin(struct roster_ask *ask, const struct usage *usage, const struct option *own, size_t own_count,
                 int argc, char **argv)
{
    operator_init(&ask->operator);
    int code = operator_open(&ask->operator, usage, own, own_count, argc, argv, &ask->arguments);
    for (size_t i = 0; code == CLI_GO && i < ask->arguments.count; i++) {
        json_t *word = json_string(ask->arguments.words[i]);
        if (word == NULL) {
            say("\"%s\" is not UTF-8", ask->arguments.words[i]);
            code = CLI_USAGE;
        }
        json_decref(word);
    }
    return code == CLI_GO ? operator_connect(&ask->operator) : code;
}

void roster_end(struct roster_ask *ask)
{
    operator_deinit(&ask->operator);
}

bool roster_print_json(const struct roster_ask *ask, json_t *document)
{
    if (ask->operator.form != OUTPUT_JSON) return false;
    output_json(document);
    return true;
}

/* --- members of a document ------------------------------------------------------------------------------ */

uint64_t roster_number(const json_t *object, const char *member)
{
    json_int_t number = json_integer_value(json_object_get(object, member));
    return number > 0 ? (uint64_t)number : 0;
}

const char *roster_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

const char *roster_short(const json_t *object, const char *member, char text[ROSTER_SHORT_CHARS])
{
    snprintf(text, ROSTER_SHORT_CHARS, "%.16s", roster_text(object, member));
    show_make_printable(text);
    if (text[0] == '\0') snprintf(text, ROSTER_SHORT_CHARS, "-");
    return text;
}

void roster_add_text(struct table *table, const json_t *object, const char *member)
{
    struct span text = output_span_of(json_object_get(object, member));
    if (text.length == 0) {
        table_add_text(table, "-");
    } else {
        table_add_key(table, text);
    }
}

void roster_add_short(struct table *table, const json_t *object, const char *member)
{
    char text[ROSTER_SHORT_CHARS];
    table_add_text(table, roster_short(object, member, text));
}

void roster_add_bytes(struct table *table, const json_t *object, const char *member)
{
    char text[AMOUNT_CHARS];
    bool is_known = json_is_integer(json_object_get(object, member));
    table_add_text(table, is_known ? amount_bytes(text, roster_number(object, member)) : "-");
}

void roster_add_count(struct table *table, const json_t *object, const char *member)
{
    char text[AMOUNT_CHARS];
    bool is_known = json_is_integer(json_object_get(object, member));
    table_add_text(table, is_known ? amount_count(text, roster_number(object, member)) : "-");
}

void roster_print_text(const char *before, const json_t *value)
{
    char *text = say_need(strdup(json_string_value(value) != NULL ? json_string_value(value) : "-"));
    show_make_printable(text);
    printf("%s%s\n", before, text);
    free(text);
}

/* --- nodes ---------------------------------------------------------------------------------------------- */

/* How far its clock is from the server's: "+12.3 s". */
static void add_clock(struct table *table, const json_t *node)
{
    char amount[AMOUNT_CHARS];
    char text[AMOUNT_CHARS + 1];
    const json_t *offset = json_object_get(node, "clock_offset_us");
    json_int_t offset_us = json_integer_value(offset);
    if (!json_is_integer(offset)) {
        table_add_text(table, "-");
        return;
    }
    uint64_t distance_us = offset_us < 0 ? 0 - (uint64_t)offset_us : (uint64_t)offset_us;
    if (distance_us < 60000000) {
        amount_us(amount, distance_us);
    } else {
        amount_age(amount, distance_us / 1000000);
    }
    snprintf(text, sizeof text, "%c%s", offset_us < 0 ? '-' : '+', amount);
    table_add_text(table, text);
}

static void add_state(struct table *table, const json_t *node)
{
    char text[64];
    char age[AMOUNT_CHARS];
    if (json_is_true(json_object_get(node, "self"))) {
        table_add_text(table, "this node");
        return;
    }
    snprintf(text, sizeof text, "%.20s %s", roster_text(node, "state"),
             amount_age(age, roster_number(node, "since_s")));
    show_make_printable(text);
    table_add_text(table, text);
}

static void add_round_trip(struct table *table, const json_t *node)
{
    char text[AMOUNT_CHARS];
    bool is_known = json_is_integer(json_object_get(node, "round_trip_us"));
    table_add_text(table, is_known ? amount_us(text, roster_number(node, "round_trip_us")) : "-");
}

/* What is seldom so has no column of its own. */
static const char *notes_of(const json_t *node)
{
    bool is_quarantined = json_is_true(json_object_get(node, "quarantined"));
    bool differs = json_is_false(json_object_get(node, "documents_equal"));
    if (is_quarantined && differs) return "quarantined, documents not equal";
    return is_quarantined ? "quarantined" : differs ? "documents not equal" : "";
}

static bool has_notes(const json_t *nodes)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
    {
        if (notes_of(node)[0] != '\0') return true;
    }
    return false;
}

static void add_node(struct table *table, const json_t *node, bool with_notes)
{
    char digits[ROSTER_SHORT_CHARS];
    const json_t *role = json_object_get(node, "role");
    roster_short(node, "node", digits);
    digits[ROW_DIGITS] = '\0';
    table_add_text(table, digits);
    roster_add_text(table, node, "name");
    add_state(table, node);
    roster_add_text(table, role, "zone");
    roster_add_bytes(table, role, "capacity");
    add_round_trip(table, node);
    add_clock(table, node);
    roster_add_text(table, node, "address");
    if (with_notes) table_add_text(table, notes_of(node));
}

void roster_print_nodes(const json_t *nodes)
{
    bool with_notes = has_notes(nodes);
    const char *const titles[] = {
        "NODE", "NAME", "STATE", "ZONE", "CAPACITY", "RTT", "CLOCK", "ADDRESS", with_notes ? "" : NULL, NULL};
    struct table table;
    const json_t *node;
    size_t i;
    table_init(&table, titles, 1u << 4 | 1u << 5 | 1u << 6);
    json_array_foreach(nodes, i, node)
    {
        add_node(&table, node, with_notes);
    }
    table_print(&table, stdout);
    table_deinit(&table);
}

/* --- staged changes ------------------------------------------------------------------------------------- */

static void print_change(const json_t *change, struct buffer *line)
{
    char amount[AMOUNT_CHARS];
    char text[200];
    if (json_object_get(change, "node") != NULL) {
        snprintf(text, sizeof text, "node %.16s", roster_text(change, "node"));
        buffer_add_text(line, text);
        snprintf(text, sizeof text, " (%.63s)", roster_text(change, "name"));
        if (roster_text(change, "name")[0] != '\0') buffer_add_text(line, text);
        snprintf(text, sizeof text, ": zone %.63s, capacity %s", roster_text(change, "zone"),
                 amount_bytes(amount, roster_number(change, "capacity")));
        buffer_add_text(line, json_is_true(json_object_get(change, "remove")) ? ": is removed" : text);
        return;
    }
    static const char *const names[] = {"replication", "zone_redundancy", "partitions"};
    const char *name = names[0];
    for (size_t i = 1; i < sizeof names / sizeof names[0]; i++)
        if (json_object_get(change, names[i]) != NULL) name = names[i];
    snprintf(text, sizeof text, "%s %s", name, amount_count(amount, roster_number(change, name)));
    buffer_add_text(line, text);
}

void roster_print_staged(const json_t *staged)
{
    const json_t *change;
    size_t i;
    json_array_foreach(staged, i, change)
    {
        char text[100];
        struct buffer line = {0};
        const json_t *lost = json_object_get(change, "lost");
        print_change(change, &line);
        if (json_is_object(lost)) {
            snprintf(text, sizeof text, "   (of the version %llu that lost, %.16s)",
                     (unsigned long long)roster_number(lost, "version"), roster_text(lost, "hash"));
            buffer_add_text(&line, text);
        }
        show_make_printable(line.bytes);
        printf("  %s\n", line.bytes);
        buffer_deinit(&line);
    }
}
