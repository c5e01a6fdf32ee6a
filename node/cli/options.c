/* Reading command lines by tables. */
#include "node/cli/options.h"

#include "node/cli/nearest.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

struct reader {
    const struct option_group *groups;
    size_t groups_count;
    int argc;
    char **argv;
    int at; /* the next word */
    char *message;
};

static bool refuse(const struct reader *reader, const char *what, const char *word, const char *why)
{
    snprintf(reader->message, OPTIONS_MESSAGE_CHARS, "%s%s%s", what, word, why);
    return false;
}

static const struct option *find(const struct reader *reader, char letter, const char *name, size_t name_chars)
{
    for (size_t g = 0; g < reader->groups_count; g++) {
        for (size_t i = 0; i < reader->groups[g].count; i++) {
            const struct option *option = &reader->groups[g].options[i];
            bool is_letter = letter != '\0' && option->letter == letter;
            bool is_name = letter == '\0' && strlen(option->name) == name_chars &&
                           memcmp(option->name, name, name_chars) == 0;
            if (is_letter || is_name) return option;
        }
    }
    return NULL;
}

static bool refuse_unknown(const struct reader *reader, const char *word, const char *name)
{
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (size_t g = 0; g < reader->groups_count; g++) {
        for (size_t i = 0; i < reader->groups[g].count; i++) {
            nearest_offer(&nearest, reader->groups[g].options[i].name);
        }
    }
    if (nearest.best != NULL) {
        snprintf(reader->message, OPTIONS_MESSAGE_CHARS, "unknown option %.200s; did you mean --%s?", word,
                 nearest.best);
    } else {
        snprintf(reader->message, OPTIONS_MESSAGE_CHARS,
                 "unknown option %.200s (an argument that begins with - goes behind --)", word);
    }
    return false;
}

bool options_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    uint64_t sum = 0;
    if (*text == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        if (__builtin_mul_overflow(sum, 10u, &sum)) return false;
        if (__builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum)) return false;
    }
    if (sum < min || sum > max) return false;
    *number = sum;
    return true;
}

static bool set_number(const struct reader *reader, const struct option *option, const char *value)
{
    struct option_number *number = option->target;
    if (number->is_given) return refuse(reader, "--", option->name, " is given twice");
    if (!options_number(value, option->min, option->max, &number->value)) {
        snprintf(reader->message, OPTIONS_MESSAGE_CHARS,
                 "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not \"%.100s\"", option->name, option->min,
                 option->max, value);
        return false;
    }
    number->is_given = true;
    return true;
}

static bool set_choice(const struct reader *reader, const struct option *option, const char *value)
{
    char list[200] = "";
    for (unsigned i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], value) == 0) {
            *(unsigned *)option->target = i;
            return true;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? " or " : "", option->choices[i]);
    }
    snprintf(reader->message, OPTIONS_MESSAGE_CHARS, "--%s takes %s, not \"%.100s\"", option->name, list, value);
    return false;
}

static bool set_text(const struct reader *reader, const struct option *option, const char *value)
{
    const char **text = option->target;
    if (*text != NULL) return refuse(reader, "--", option->name, " is given twice");
    *text = value;
    return true;
}

static bool add_to_list(const struct reader *reader, const struct option *option, const char *value)
{
    struct option_list *list = option->target;
    if (list->count == OPTIONS_LIST_MAX) return refuse(reader, "--", option->name, " is given too often");
    list->values[list->count++] = value;
    return true;
}

static bool set(const struct reader *reader, const struct option *option, const char *value)
{
    switch (option->kind) {
    case OPTION_FLAG: *(bool *)option->target = true; return true;
    case OPTION_TEXT: return set_text(reader, option, value);
    case OPTION_LIST: return add_to_list(reader, option, value);
    case OPTION_NUMBER: return set_number(reader, option, value);
    case OPTION_CHOICE: return set_choice(reader, option, value);
    }
    assert(false);
    return false;
}

/* `value` is what was attached to the option ("=value"), or NULL: then it is the next word. */
static bool take_value(struct reader *reader, const struct option *option, const char *value)
{
    if (option->kind == OPTION_FLAG) {
        if (value != NULL) return refuse(reader, "--", option->name, " takes no value");
        return set(reader, option, NULL);
    }
    if (value == NULL && reader->at == reader->argc) {
        snprintf(reader->message, OPTIONS_MESSAGE_CHARS, "--%s needs a value: --%s %s", option->name, option->name,
                 option->value_word);
        return false;
    }
    return set(reader, option, value != NULL ? value : reader->argv[reader->at++]);
}

static bool read_option(struct reader *reader, const char *word)
{
    if (word[1] == '-') {
        const char *name = word + 2;
        const char *equals = strchr(name, '=');
        size_t name_chars = equals != NULL ? (size_t)(equals - name) : strlen(name);
        const struct option *option = find(reader, '\0', name, name_chars);
        if (option == NULL) return refuse_unknown(reader, word, name);
        return take_value(reader, option, equals != NULL ? equals + 1 : NULL);
    }
    const struct option *option = find(reader, word[1], NULL, 0);
    if (option == NULL) return refuse_unknown(reader, word, word + 1);
    if (option->kind == OPTION_FLAG && word[2] != '\0') return refuse_unknown(reader, word, word + 1);
    return take_value(reader, option, word[2] != '\0' ? word + 2 : NULL);
}

static bool check_count(const struct usage *usage, const struct arguments *arguments, char *message)
{
    if (arguments->count >= usage->arguments_min) return true;
    size_t line_chars = strcspn(usage->synopsis, "\n");
    snprintf(message, OPTIONS_MESSAGE_CHARS, "too few arguments: %s %.*s", usage->command, (int)line_chars,
             usage->synopsis);
    return false;
}

enum options_result options_read(const struct usage *usage, const struct option_group *groups, size_t groups_count,
                                 int argc, char **argv, struct arguments *arguments,
                                 char message[OPTIONS_MESSAGE_CHARS])
{
    assert(usage->arguments_max <= OPTIONS_ARGUMENTS_MAX);
    struct reader reader = {groups, groups_count, argc, argv, 1, message};
    bool has_ended = false;
    *arguments = (struct arguments){0};
    message[0] = '\0';

    while (reader.at < argc) {
        const char *word = argv[reader.at++];
        if (!has_ended && strcmp(word, "--") == 0) {
            has_ended = true;
        } else if (!has_ended && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            return OPTIONS_HELP;
        } else if (!has_ended && word[0] == '-' && word[1] != '\0') {
            if (!read_option(&reader, word)) return OPTIONS_BAD;
        } else if (arguments->count == usage->arguments_max) {
            snprintf(message, OPTIONS_MESSAGE_CHARS, "one argument too many: \"%.200s\"", word);
            return OPTIONS_BAD;
        } else {
            arguments->words[arguments->count++] = word;
        }
    }
    return check_count(usage, arguments, message) ? OPTIONS_READ : OPTIONS_BAD;
}

enum { HELP_COLUMN = 32 };

static void print_option(FILE *out, const struct option *option)
{
    char head[80];
    char letter[8] = "    ";
    if (option->letter != '\0') snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(head, sizeof head, "  %s--%s%s%s", letter, option->name, option->value_word != NULL ? " " : "",
             option->value_word != NULL ? option->value_word : "");
    fprintf(out, "%-*s", HELP_COLUMN, head);
    if (strlen(head) >= HELP_COLUMN) fprintf(out, "\n%*s", HELP_COLUMN, "");

    const char *line = option->help;
    for (;;) {
        size_t chars = strcspn(line, "\n");
        fprintf(out, "%.*s", (int)chars, line);
        if (line[chars] == '\0') break;
        fputc('\n', out);
        line += chars + 1;
        fprintf(out, "%*s", HELP_COLUMN, "");
    }
    if (option->variable != NULL) fprintf(out, " (%s)", option->variable);
    fputc('\n', out);
}

void options_print_help(FILE *out, const struct usage *usage, const struct option_group *groups,
                        size_t groups_count)
{
    const char *form = usage->synopsis;
    for (const char *start = "Usage:"; *form != '\0'; start = "      ") {
        size_t chars = strcspn(form, "\n");
        fprintf(out, "%s %s %.*s\n", start, usage->command, (int)chars, form);
        form += chars + (form[chars] == '\n');
    }
    fprintf(out, "\n%s", usage->about);
    for (size_t g = 0; g < groups_count; g++) {
        fprintf(out, "\n%s:\n", groups[g].title);
        for (size_t i = 0; i < groups[g].count; i++) {
            print_option(out, &groups[g].options[i]);
        }
    }
    fprintf(out, "\nExamples:\n%s", usage->examples);
}
