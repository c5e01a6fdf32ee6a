/* `skerry server`, as one of the commands: node/edge reads its words by the table of settings; here the same table
 * is shown as options to who asks for them. */
#include "node/cli/commands.h"

#include "node/edge/server.h"
#include "node/edge/settings.h"

#include <string.h>

enum { OWN_OPTIONS = 2 };

static const char *const LEVELS[] = {"error", "warn", "info", "debug", NULL};
static const char *const TRUTHS[] = {"true", "false", NULL};
static const char *const BOOTSTRAPS[] = {"manual", "auto", NULL};

static const struct usage USAGE = {
    .command = "skerry server",
    .synopsis = "[--config FILE] [--check-config] [SETTINGS]",
    .about =
        "Run a node in the foreground until SIGTERM or SIGINT. Without any option it serves K2V on loopback and\n"
        "keeps its data in ./skerry-data. An option beats the environment, which beats the file.\n",
    .examples = "  skerry server\n"
                "  skerry server --config /etc/skerry.toml --log-level debug\n"
                "  SKERRY_K2V_LISTEN=127.0.0.1:0 skerry server --data-dir=/tmp/node\n",
};

/* The words a setting is one of; NULL when it takes others. */
static const char *const *choices_of(const struct setting *setting)
{
    if (setting->type == SETTING_LEVEL) return LEVELS;
    if (setting->type == SETTING_BOOL) return TRUTHS;
    return setting->type == SETTING_BOOTSTRAP ? BOOTSTRAPS : NULL;
}

/* The texts of one setting's row. */
struct row_texts {
    char flag[SETTING_NAME_BYTES];
    char variable[SETTING_NAME_BYTES];
    char help[600];
};

static struct option row_of(const struct setting *setting, struct row_texts *texts)
{
    char wants[SETTING_WANTS_BYTES];
    setting_flag(setting, texts->flag);
    setting_variable(setting, texts->variable);
    setting_wants(setting, wants);
    snprintf(texts->help, sizeof texts->help, "%s.\nTakes %s; default: %s.", setting->help, wants,
             setting->standard != NULL ? setting->standard : setting->standard_help);
    struct option row = {.name = texts->flag + 2,
                         .value_word = setting_word(setting),
                         .help = texts->help,
                         .variable = texts->variable,
                         .kind = OPTION_TEXT,
                         .choices = choices_of(setting)};
    if (row.choices != NULL) row.kind = OPTION_CHOICE;
    return row;
}

static void describe(struct commands_reader *reader)
{
    static const struct option own[OWN_OPTIONS] = {
        {.name = "config", .value_word = "FILE", .help = "read settings from FILE", .kind = OPTION_TEXT},
        {.name = "check-config",
         .help = "check all settings, print \"configuration ok\" and end; exit\ncode 2 if they are not",
         .kind = OPTION_FLAG},
    };
    struct row_texts texts[SETTINGS_COUNT];
    struct option rows[SETTINGS_COUNT];
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        rows[i] = row_of(&SETTINGS[i], &texts[i]);
    }
    const struct option_group groups[] = {{"Options", own, OWN_OPTIONS}, {"Settings", rows, SETTINGS_COUNT}};
    reader->on_command(reader, &USAGE, groups, sizeof groups / sizeof groups[0]);
}

int server_command(int argc, char **argv)
{
    struct commands_reader *reader = commands_reader_now();
    if (reader == NULL) return server_main(argc, argv);
    describe(reader);
    return CLI_DONE;
}
