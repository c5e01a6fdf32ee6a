/* `skerry completion`: what a shell needs to complete the commands, their options and the options' values; written
 * from the tables that read the command line. */
#include "node/cli/commands.h"
#include "node/cli/say.h"

#include <string.h>

static const char *const SHELLS[] = {"bash", "zsh", "fish", NULL};

enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };

static const struct usage USAGE = {
    .command = "skerry completion",
    .synopsis = "bash|zsh|fish",
    .about = "Print a completion script for a shell. An installation has bash's in place already.\n",
    .examples = "  skerry completion bash > skerry.bash; source skerry.bash\n"
                "  skerry completion zsh > _skerry       # into a directory of $fpath\n"
                "  skerry completion fish > skerry.fish  # into ~/.config/fish/completions\n",
    .arguments_min = 1,
    .arguments_max = 1,
};

enum { PATH_CHARS = 100 };

/* A walk through all commands. */
struct walk {
    struct commands_reader reader;
    char path[PATH_CHARS]; /* of the one that is asked: "skerry k2v read" */
    void (*show_group)(const char *path, const struct command_group *group);
    void (*show_command)(const char *path, const struct usage *usage, const struct option_group *groups,
                         size_t groups_count);
};

static void on_group(struct commands_reader *reader, const struct command_group *group)
{
    struct walk *walk = (struct walk *)reader; /* its first member */
    char path[PATH_CHARS];
    memcpy(path, walk->path, sizeof path);
    walk->show_group(path, group);
    for (size_t i = 0; i < group->commands_count; i++) {
        snprintf(walk->path, sizeof walk->path, "%.60s %.30s", path, group->commands[i].name);
        commands_describe(&group->commands[i], reader);
    }
    memcpy(walk->path, path, sizeof path);
}

static void on_command(struct commands_reader *reader, const struct usage *usage,
                       const struct option_group *groups, size_t groups_count)
{
    struct walk *walk = (struct walk *)reader;
    walk->show_command(walk->path, usage, groups, groups_count);
}

static void walk_all(void (*show_group)(const char *, const struct command_group *),
                     void (*show_command)(const char *, const struct usage *, const struct option_group *, size_t))
{
    static const struct command all = {"skerry", "", skerry_main};
    struct walk walk = {.reader = {on_group, on_command},
                        .path = "skerry",
                        .show_group = show_group,
                        .show_command = show_command};
    commands_describe(&all, &walk.reader);
}

/* --- what a value may be -------------------------------------------------------------------------------- */

static bool is_one_of(const char *word, const char *first, const char *second)
{
    return strcmp(word, first) == 0 || strcmp(word, second) == 0;
}

static bool takes_file(const struct option *option)
{
    return option->value_word != NULL && is_one_of(option->value_word, "FILE", "PATH");
}

static bool takes_dir(const struct option *option)
{
    return option->value_word != NULL && strcmp(option->value_word, "DIR") == 0;
}

static bool has_file_argument(const struct usage *usage)
{
    return usage->arguments_max > 0 && strstr(usage->synopsis, "[FILE") != NULL;
}

static int first_line_chars(const char *text)
{
    return (int)strcspn(text, "\n");
}

/* --- bash and zsh --------------------------------------------------------------------------------------- */

/* "--output|-o" */
static void print_names(const struct option *option)
{
    printf("--%s", option->name);
    if (option->letter != '\0') printf("|-%c", option->letter);
}

static void print_value(const struct option *option)
{
    fputs("                ", stdout);
    print_names(option);
    fputs(") ", stdout);
    if (option->kind == OPTION_CHOICE) {
        fputs("kind=words values='", stdout);
        for (size_t i = 0; option->choices[i] != NULL; i++) {
            printf("%s%s", i > 0 ? " " : "", option->choices[i]);
        }
        fputs("' ;;\n", stdout);
    } else {
        printf("kind=%s ;;\n", takes_file(option) ? "file" : takes_dir(option) ? "dir" : "none");
    }
}

static void show_group_case(const char *path, const struct command_group *group)
{
    printf("        '%s')\n            values='", path);
    for (size_t i = 0; i < group->commands_count; i++) {
        printf("%s%s", i > 0 ? " " : "", group->commands[i].name);
    }
    fputs("'\n            options='--help'\n            (( i < last )) && values= options= ;;\n", stdout);
}

static void show_command_case(const char *path, const struct usage *usage, const struct option_group *groups,
                              size_t groups_count)
{
    printf("        '%s')\n            kind=%s\n            options='--help", path,
           has_file_argument(usage) ? "file" : "none");
    for (size_t g = 0; g < groups_count; g++) {
        for (size_t i = 0; i < groups[g].count; i++) {
            printf(" --%s", groups[g].options[i].name);
        }
    }
    fputs("'\n", stdout);
    if (usage == &USAGE) {
        fputs("            kind=words values='bash zsh fish'\n", stdout);
    }
    fputs("            case $before in\n", stdout);
    for (size_t g = 0; g < groups_count; g++) {
        for (size_t i = 0; i < groups[g].count; i++) {
            if (groups[g].options[i].kind != OPTION_FLAG) print_value(&groups[g].options[i]);
        }
    }
    fputs("                *) [[ $word == -* ]] && kind=words values=$options ;;\n"
          "            esac ;;\n",
          stdout);
}

static void show_group_path(const char *path, const struct command_group *group)
{
    for (size_t i = 0; i < group->commands_count; i++) {
        printf("            '%s %s') ;;\n", path, group->commands[i].name);
    }
}

static void show_no_command(const char *path, const struct usage *usage, const struct option_group *groups,
                            size_t groups_count)
{
    (void)path;
    (void)usage;
    (void)groups;
    (void)groups_count;
}

/* Behind a word that leads nowhere a group offers nothing.
 *
 * Both shells read the middle; they differ in where the words are and in how what was found is given back. */
static void print_middle(void)
{
    fputs("    # The command is made of the first words that lead to one.\n"
          "    for (( i = first; i < last; i++ )); do\n"
          "        case \"$path ${all[i]}\" in\n",
          stdout);
    walk_all(show_group_path, show_no_command);
    fputs("            *) break ;;\n"
          "        esac\n"
          "        path=\"$path ${all[i]}\"\n"
          "    done\n"
          "    kind=words\n"
          "    case $path in\n",
          stdout);
    walk_all(show_group_case, show_command_case);
    fputs("    esac\n"
          "    [[ $kind == words && $word == -* && $before != -* ]] && values=$options\n",
          stdout);
}

static void print_bash(void)
{
    printf("# Completion of skerry %s in bash, made by `skerry completion bash`.\n"
           "_skerry()\n"
           "{\n"
           "    local path=skerry kind values= options= word before i first=1 last=$COMP_CWORD\n"
           "    local all=(\"${COMP_WORDS[@]}\")\n"
           "    word=${all[last]} before=${all[last-1]}\n"
           "    # --name=value comes as three words.\n"
           "    if [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${all[last-2]}; fi\n",
           SKERRY_VERSION);
    print_middle();
    fputs("    COMPREPLY=()\n"
          "    case $kind in\n"
          "        words) mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$word\") ;;\n"
          "        file) compopt -o filenames 2>/dev/null\n"
          "            mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
          "        dir) compopt -o filenames 2>/dev/null\n"
          "            mapfile -t COMPREPLY < <(compgen -d -- \"$word\") ;;\n"
          "    esac\n"
          "}\n"
          "complete -F _skerry skerry\n",
          stdout);
}

static void print_zsh(void)
{
    printf("#compdef skerry\n"
           "# Completion of skerry %s in zsh, made by `skerry completion zsh`.\n"
           "_skerry()\n"
           "{\n"
           "    local path_=skerry kind values= options= word before i first=2 last=$CURRENT\n"
           "    local -a all\n"
           "    all=(\"${words[@]}\")\n"
           "    word=${all[last]} before=${all[last-1]}\n"
           "    if [[ $word == --*=* ]]; then\n"
           "        before=${word%%%%=*} word=${word#*=}\n"
           "        compset -P '*='\n"
           "    fi\n"
           "    local path=skerry\n",
           SKERRY_VERSION);
    print_middle();
    fputs("    case $kind in\n"
          "        words) compadd -- ${=values} ;;\n"
          "        file) _files ;;\n"
          "        dir) _files -/ ;;\n"
          "    esac\n"
          "}\n"
          "if [[ $funcstack[1] == _skerry ]]; then _skerry \"$@\"; else compdef _skerry skerry; fi\n",
          stdout);
}

/* --- fish ----------------------------------------------------------------------------------------------- */

/* In single quotes, as far as the end of the line. */
static void print_quoted(const char *text)
{
    int chars = first_line_chars(text);
    fputc('\'', stdout);
    for (int i = 0; i < chars; i++) {
        if (text[i] == '\'' || text[i] == '\\') fputc('\\', stdout);
        fputc(text[i], stdout);
    }
    fputc('\'', stdout);
}

static void show_fish_group(const char *path, const struct command_group *group)
{
    printf("complete -c skerry -n '__skerry_at %s' -f\n", path);
    for (size_t i = 0; i < group->commands_count; i++) {
        printf("complete -c skerry -n '__skerry_just_at %s' -f -a %s -d ", path, group->commands[i].name);
        print_quoted(group->commands[i].summary);
        fputc('\n', stdout);
    }
}

static void print_fish_option(const char *path, const struct option *option)
{
    printf("complete -c skerry -n '__skerry_at %s' -l %s", path, option->name);
    if (option->letter != '\0') printf(" -s %c", option->letter);
    if (option->kind != OPTION_FLAG) fputs(" -r", stdout);
    if (option->kind == OPTION_CHOICE) {
        fputs(" -f -a '", stdout);
        for (size_t i = 0; option->choices[i] != NULL; i++) {
            printf("%s%s", i > 0 ? " " : "", option->choices[i]);
        }
        fputc('\'', stdout);
    } else if (takes_dir(option)) {
        fputs(" -f -a '(__fish_complete_directories)'", stdout);
    } else if (!takes_file(option)) {
        fputs(" -f", stdout);
    }
    fputs(" -d ", stdout);
    print_quoted(option->help);
    fputc('\n', stdout);
}

static void show_fish_command(const char *path, const struct usage *usage, const struct option_group *groups,
                              size_t groups_count)
{
    if (usage == &USAGE) {
        printf("complete -c skerry -n '__skerry_at %s' -f -a 'bash zsh fish'\n", path);
    } else if (!has_file_argument(usage)) {
        printf("complete -c skerry -n '__skerry_at %s' -f\n", path);
    }
    printf("complete -c skerry -n '__skerry_at %s' -l help -s h -d 'show the help'\n", path);
    for (size_t g = 0; g < groups_count; g++) {
        for (size_t i = 0; i < groups[g].count; i++) {
            print_fish_option(path, &groups[g].options[i]);
        }
    }
}

static void show_fish_path(const char *path, const struct command_group *group)
{
    for (size_t i = 0; i < group->commands_count; i++) {
        printf(" '%s %s'", path, group->commands[i].name);
    }
}

static void print_fish(void)
{
    printf("# Completion of skerry %s in fish, made by `skerry completion fish`.\n"
           "set -g __skerry_paths",
           SKERRY_VERSION);
    walk_all(show_fish_path, show_no_command);
    fputs("\n"
          "# Do the words so far lead to just this command?\n"
          "function __skerry_at\n"
          "    set -l path skerry\n"
          "    for word in (commandline -opc)[2..-1]\n"
          "        contains -- \"$path $word\" $__skerry_paths; or break\n"
          "        set path \"$path $word\"\n"
          "    end\n"
          "    test \"$path\" = \"$argv\"\n"
          "end\n"
          "# Are the words so far this command, and nothing behind it?\n"
          "function __skerry_just_at\n"
          "    set -l words skerry (commandline -opc)[2..-1]\n"
          "    test \"$words\" = \"$argv\"\n"
          "end\n",
          stdout);
    walk_all(show_fish_group, show_fish_command);
}

/* --- the command ---------------------------------------------------------------------------------------- */

int completion_main(int argc, char **argv)
{
    static void (*const prints[])(void) = {
        [SHELL_BASH] = print_bash, [SHELL_ZSH] = print_zsh, [SHELL_FISH] = print_fish};
    struct arguments arguments;
    int code = commands_read_line(&USAGE, NULL, 0, argc, argv, &arguments);
    if (code != CLI_GO) return code;
    for (size_t i = 0; SHELLS[i] != NULL; i++) {
        if (strcmp(SHELLS[i], arguments.words[0]) == 0) {
            prints[i]();
            return CLI_DONE;
        }
    }
    say("there is a completion for bash, zsh and fish, not for \"%s\"", arguments.words[0]);
    return CLI_USAGE;
}
