/* `skerry manual`: the page skerry(1), in the language of man(7), written from the tables that read the command
 * line. What stands here beside them is what no table says. */
#include "node/cli/commands.h"
#include "node/cli/say.h"

#include <string.h>

#define MANUAL_DATE "2026-11-21" /* when what stands here beside the tables was written last */

static const struct usage USAGE = {
    .command = "skerry manual",
    .synopsis = "[--help]",
    .about = "Print the manual page skerry(1). An installation has it in place: `man skerry`.\n",
    .examples = "  skerry manual | man -l -\n"
                "  skerry manual > skerry.1\n",
};

/* --- text as man(7) takes it ----------------------------------------------------------------------------- */

/* One char, so that it means itself. */
static void print_char(char c)
{
    switch (c) {
    case '\\': fputs("\\e", stdout); break;
    case '-': fputs("\\-", stdout); break;
    case '`': fputs("\\`", stdout); break;
    case '\'': fputs("\\(aq", stdout); break;
    case '^': fputs("\\(ha", stdout); break;
    case '~': fputs("\\(ti", stdout); break;
    case '"': fputs("\\(dq", stdout); break;
    default: fputc(c, stdout); break;
    }
}

/* Groff takes these two as names; everything else of ours is ASCII. */
static size_t print_foreign(const char *text)
{
    if (strncmp(text, "…", strlen("…")) == 0) {
        fputs("...", stdout);
        return strlen("…");
    }
    if (strncmp(text, "—", strlen("—")) == 0) {
        fputs("\\(em", stdout);
        return strlen("—");
    }
    return 0;
}

static void print_span(const char *text, size_t chars)
{
    if (chars > 0 && text[0] == '.') fputs("\\&", stdout); /* no request */
    for (size_t i = 0; i < chars;) {
        size_t taken = print_foreign(text + i);
        if (taken == 0) print_char(text[i]);
        i += taken > 0 ? taken : 1;
    }
}

static void print_text(const char *text)
{
    print_span(text, strlen(text));
}

/* Lines; an empty one begins a paragraph. */
static void print_paragraphs(const char *text)
{
    while (*text != '\0') {
        size_t chars = strcspn(text, "\n");
        if (chars == 0) {
            fputs(".PP", stdout);
        } else {
            print_span(text, chars);
        }
        fputc('\n', stdout);
        text += chars + (text[chars] == '\n');
    }
}

/* Lines that keep their form. */
static void print_lines(const char *text)
{
    fputs(".PP\n.nf\n", stdout);
    print_paragraphs(text);
    fputs(".fi\n", stdout);
}

/* --- commands ------------------------------------------------------------------------------------------- */

static void print_option(const struct option *option)
{
    fputs(".TP\n\\fB", stdout);
    if (option->letter != '\0') printf("\\-%c\\fR, \\fB", option->letter);
    fputs("\\-\\-", stdout);
    print_text(option->name);
    fputs("\\fR", stdout);
    if (option->value_word != NULL) {
        fputs(" \\fI", stdout);
        print_text(option->value_word);
        fputs("\\fR", stdout);
    }
    fputc('\n', stdout);
    print_paragraphs(option->help);
    if (option->variable != NULL) {
        fputs(".br\nIn the environment: ", stdout);
        print_text(option->variable);
        fputs(".\n", stdout);
    }
}

static void print_synopsis(const struct usage *usage)
{
    const char *form = usage->synopsis;
    fputs(".nf\n", stdout);
    do {
        size_t chars = strcspn(form, "\n");
        fputs("\\fB", stdout);
        print_text(usage->command);
        fputs("\\fR ", stdout);
        print_span(form, chars);
        fputc('\n', stdout);
        form += chars + (form[chars] == '\n');
    } while (*form != '\0');
    fputs(".fi\n.PP\n", stdout);
}

/* Groups that many commands share are printed once, at the end. */
static bool is_shared(const struct option_group *group)
{
    return strncmp(group->title, "Server", strlen("Server")) == 0;
}

static void print_groups(const struct option_group *groups, size_t count, bool wants_shared)
{
    for (size_t g = 0; g < count; g++) {
        if (is_shared(&groups[g]) != wants_shared) continue;
        for (size_t i = 0; i < groups[g].count; i++) {
            print_option(&groups[g].options[i]);
        }
    }
}

static void on_command(struct commands_reader *reader, const struct usage *usage,
                       const struct option_group *groups, size_t groups_count)
{
    (void)reader;
    fputs(".SS ", stdout);
    print_text(usage->command);
    fputc('\n', stdout);
    print_synopsis(usage);
    print_paragraphs(usage->about);
    print_groups(groups, groups_count, false);
    fputs(".PP\nExamples:\n", stdout);
    print_lines(usage->examples);
}

static void on_group(struct commands_reader *reader, const struct command_group *group)
{
    if (group != &SKERRY_COMMANDS) {
        fputs(".SS ", stdout);
        print_text(group->name);
        fputc('\n', stdout);
        print_paragraphs(group->about);
        print_lines(group->more);
    }
    for (size_t i = 0; i < group->commands_count; i++) {
        commands_describe(&group->commands[i], reader);
    }
}

/* What all commands of a kind share, asked of one of them. */
static void on_shared(struct commands_reader *reader, const struct usage *usage, const struct option_group *groups,
                      size_t groups_count)
{
    (void)reader;
    (void)usage;
    print_groups(groups, groups_count, true);
}

static int status_of_k2v(int argc, char **argv)
{
    char index[] = "index";
    char *words[] = {argv[0], index, argv[argc - 1], NULL};
    return k2v_main(3, words);
}

static void print_shared(const char *title, int (*run)(int, char **))
{
    struct commands_reader reader = {.on_command = on_shared};
    const struct command one = {"one", "", run};
    printf(".SS %s\n", title);
    commands_describe(&one, &reader);
}

/* --- the page ------------------------------------------------------------------------------------------- */

static void print_files(void)
{
    static const char *const rows[][2] = {
        {"data.mdb", "the database"},
        {"seal.key", "the key that seals secrets in it; without it the database cannot be opened"},
        {"admin.token", "the token of the operator's commands"},
        {"admin.endpoint", "where the server's admin port is; written at every start"},
        {"demo.env", "endpoint, bucket and key of a first start, for --env-file"},
    };
    fputs(".SH FILES\nIn the data directory, by default ./skerry\\-data:\n", stdout);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fputs(".TP\n.I ", stdout);
        print_text(rows[i][0]);
        fputc('\n', stdout);
        print_text(rows[i][1]);
        fputs("\n", stdout);
    }
}

static void print_exit_codes(void)
{
    fputs(".SH EXIT STATUS\n", stdout);
    for (int code = 0; code < EXIT_CODES; code++) {
        printf(".TP\n.B %d\n", code);
        print_text(EXIT_CODE_MEANINGS[code]);
        fputc('\n', stdout);
    }
}

static void print_environment(void)
{
    fputs(
        ".SH ENVIRONMENT\n"
        "Every setting of the server has a variable, and so have the options that say where a server is and who\n"
        "asks; each is named with its option. An option beats the environment; of a command's variables an\n"
        "empty one counts as none. TERM decides whether a terminal can be drawn on.\n",
        stdout);
}

static void print_page(void)
{
    struct commands_reader reader = {on_group, on_command};
    printf(".TH SKERRY 1 " MANUAL_DATE " \"skerry %s\" \"Skerry\"\n"
           ".SH NAME\nskerry \\- a key/key/value store that speaks the K2V API\n"
           ".SH SYNOPSIS\n.B skerry\n.I COMMAND\n[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n"
           ".SH DESCRIPTION\n",
           SKERRY_VERSION);
    print_paragraphs(SKERRY_COMMANDS.about);
    fputs("The one program is the server, its client, and the tool of its operator.\n"
          ".PP\nOptions stand anywhere among the arguments of a command; after \\-\\- all words are arguments.\n"
          "Each command tells about itself with \\-\\-help.\n",
          stdout);
    print_lines(SKERRY_COMMANDS.more);
    fputs(".SH COMMANDS\n", stdout);
    on_group(&reader, &SKERRY_COMMANDS);
    fputs(".SH OPTIONS OF SEVERAL COMMANDS\n", stdout);
    print_shared("Of all k2v commands", status_of_k2v);
    print_shared("Of the operator\\(aqs commands", status_main);
    print_exit_codes();
    print_environment();
    print_files();
    fputs(".SH SEE ALSO\nThe pages in the folder docs of the sources: operations.md, api.md, limits.md.\n",
          stdout);
}

int manual_main(int argc, char **argv)
{
    struct arguments arguments;
    int code = commands_read_line(&USAGE, NULL, 0, argc, argv, &arguments);
    if (code != CLI_GO) return code;
    print_page();
    return CLI_DONE;
}
