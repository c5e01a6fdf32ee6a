/* From file, environment and flags to one checked struct. What a setting is called and may be is the table's
 * business (settings.c), what a line of the file may be is the reader's (toml.c); here is the order, and who beats
 * whom. */
#include "node/edge/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/edge/settings.h"
#include "node/edge/toml.h"

static_assert(SETTINGS_COUNT <= 64, "a bit for each");

/* One config_load() or config_parse() under way. */
struct load {
    struct config *config;
    char *message;
    size_t message_bytes;
    bool has_failed;                   /* sticky: the first failure is the one reported */
    uint64_t given;                    /* bit per setting that a source has set */
    const char *flags[SETTINGS_COUNT]; /* what argv says, until it is applied */

    const char *file_name;
    uint64_t keys_seen;     /* bit per setting in the file */
    uint64_t sections_seen; /* bit of the section's first setting */
};

/* Keep the first failure; control characters of foreign text must not reach a terminal. Always false. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct load *load, const char *format, ...)
{
    if (load->has_failed) return false;
    load->has_failed = true;

    va_list arguments;
    va_start(arguments, format);
    vsnprintf(load->message, load->message_bytes, format, arguments);
    va_end(arguments);
    for (char *at = load->message; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
    }
    return false;
}

/* Set one setting from text; `where` names the flag, the variable or the line. */
static bool apply(struct load *load, size_t index, const char *where, const char *text)
{
    if (setting_decode(&SETTINGS[index], text, load->config)) {
        load->given |= (uint64_t)1 << index;
        return true;
    }
    char wanted[SETTING_WANTS_BYTES];
    setting_wants(&SETTINGS[index], wanted);
    return refuse(load, "%s: wants %s", where, wanted);
}

/* --- the file --- */

static void on_error(void *context, unsigned line, const char *problem)
{
    struct load *load = context;
    refuse(load, "%s:%u: %s", load->file_name, line, problem);
}

static bool on_section(void *context, unsigned line, const char *name)
{
    struct load *load = context;
    size_t index = 0;
    while (index < SETTINGS_COUNT && strcmp(SETTINGS[index].section, name) != 0) {
        index++;
    }
    if (index == SETTINGS_COUNT) {
        return refuse(load, "%s:%u: [%s]: no such section", load->file_name, line, name);
    }
    uint64_t bit = (uint64_t)1 << index;
    if ((load->sections_seen & bit) != 0) {
        return refuse(load, "%s:%u: [%s]: this section is there already", load->file_name, line, name);
    }
    load->sections_seen |= bit;
    return true;
}

/* An unknown key, with the section it may have been meant for. */
static bool refuse_key(struct load *load, const char *where, const char *key)
{
    size_t elsewhere = settings_find(NULL, key);
    if (elsewhere == SETTINGS_COUNT) return refuse(load, "%s: no such setting", where);
    const char *section = SETTINGS[elsewhere].section;
    if (section[0] == '\0') return refuse(load, "%s: no such setting; it goes above the first section", where);
    return refuse(load, "%s: no such setting; there is one in [%s]", where, section);
}

static enum toml_type file_type(enum setting_type type)
{
    switch (type) {
    case SETTING_NUMBER:
    case SETTING_POWER: return TOML_INTEGER;
    case SETTING_BOOL: return TOML_BOOL;
    case SETTING_PEERS: return TOML_STRINGS;
    case SETTING_PATH:
    case SETTING_ADDRESS:
    case SETTING_LEVEL:
    case SETTING_REGION:
    case SETTING_LABEL:
    case SETTING_PEER:
    case SETTING_BOOTSTRAP: return TOML_STRING;
    }
    return TOML_OTHER;
}

static bool on_pair(void *context, const struct toml_pair *pair)
{
    struct load *load = context;
    bool has_section = pair->section[0] != '\0';
    char where[CONFIG_PATH_BYTES + 2 * TOML_NAME_BYTES + 32];
    snprintf(where, sizeof where, "%.*s:%u: %s%s%s%s", CONFIG_PATH_BYTES, load->file_name, pair->line,
             has_section ? "[" : "", pair->section, has_section ? "] " : "", pair->key);

    size_t index = settings_find(pair->section, pair->key);
    if (index == SETTINGS_COUNT) return refuse_key(load, where, pair->key);
    uint64_t bit = (uint64_t)1 << index;
    if ((load->keys_seen & bit) != 0) return refuse(load, "%s: this key is there already", where);
    load->keys_seen |= bit;

    enum toml_type type = file_type(SETTINGS[index].type);
    if (pair->type == type) return apply(load, index, where, pair->text);
    char wanted[SETTING_WANTS_BYTES];
    setting_wants(&SETTINGS[index], wanted);
    return refuse(load, "%s: wants %s%s", where, wanted, type == TOML_STRING ? ", in double quotes" : "");
}

static bool parse(struct load *load, const char *name, struct span text)
{
    struct toml_visitor visitor = {load, on_section, on_pair, on_error};
    load->file_name = name;
    return toml_read(text, &visitor);
}

enum err config_parse(struct config *config, const char *name, struct span text, char *message,
                      size_t message_bytes)
{
    struct load load = {.config = config, .message = message, .message_bytes = message_bytes};
    message[0] = '\0';
    return parse(&load, name, text) ? ERR_OK : ERR_CONFIG;
}

static bool read_file(struct load *load, const char *path, char *bytes, size_t bytes_max, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return refuse(load, "%s: cannot be opened: %s", path, strerror(errno));

    ssize_t got = 1;
    *length = 0;
    while (got > 0 && *length < bytes_max) {
        got = read(fd, bytes + *length, bytes_max - *length);
        if (got > 0) *length += (size_t)got;
    }
    int error = errno;
    close(fd);
    if (got < 0) return refuse(load, "%s: cannot be read: %s", path, strerror(error));
    return true;
}

static bool load_file(struct load *load)
{
    const char *path = load->config->file;
    if (path[0] == '\0') return true;
    size_t bytes_max = CONFIG_FILE_BYTES_MAX + 1; /* one more tells that the file is too long */
    char *bytes = malloc(bytes_max);
    if (bytes == NULL) return refuse(load, "%s: no memory to read it", path);

    size_t length = 0;
    bool is_right = read_file(load, path, bytes, bytes_max, &length);
    if (is_right && length == bytes_max) {
        is_right = refuse(load, "%s: longer than %d bytes", path, CONFIG_FILE_BYTES_MAX);
    }
    is_right = is_right && parse(load, path, span_of(bytes, length));
    free(bytes);
    return is_right;
}

/* --- the flags --- */

/* The value of the flag at argv[*index]: after its "=", else the next word, which is then consumed. A switch alone
 * is true. NULL when there is none. */
static const char *flag_value(int argc, char **argv, int *index, bool is_switch)
{
    const char *equals = strchr(argv[*index], '=');
    if (equals != NULL) return equals + 1;
    const char *next = *index + 1 < argc ? argv[*index + 1] : "--";
    bool is_value = strncmp(next, "--", 2) != 0;
    if (!is_value) return is_switch ? "true" : NULL;
    *index += 1;
    return next;
}

static bool take_file(struct load *load, const char *path)
{
    size_t length = strlen(path);
    if (length == 0 || length >= CONFIG_PATH_BYTES) {
        return refuse(load, "--config: wants a path of 1 to %d bytes", CONFIG_PATH_BYTES - 1);
    }
    memcpy(load->config->file, path, length + 1);
    return true;
}

static bool take_flag(struct load *load, int argc, char **argv, int *index)
{
    const char *word = argv[*index];
    struct span name = span_of(word, strcspn(word, "="));
    int shown = (int)(name.length < SETTING_NAME_BYTES ? name.length : SETTING_NAME_BYTES);
    if (strcmp(word, "--check-config") == 0) {
        load->config->check_only = true;
        return true;
    }
    bool is_file = span_is_equal(name, span_text("--config"));
    size_t setting = settings_find_flag(name);
    if (!is_file && setting == SETTINGS_COUNT) {
        return refuse(load, "%.*s: no such flag; see skerry server --help", shown, word);
    }

    bool is_switch = !is_file && SETTINGS[setting].type == SETTING_BOOL;
    const char *value = flag_value(argc, argv, index, is_switch);
    if (value == NULL) return refuse(load, "%.*s: needs a value", shown, word);
    if (is_file) return take_file(load, value);
    load->flags[setting] = value;
    return true;
}

/* Sort the words out; values are applied later, when file and environment have been. A repeated flag: the last one
 * counts, so that a script can put its own after those it was given. */
static bool take_flags(struct load *load, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        bool is_help = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
        if (is_help) load->config->help = true;
    }
    if (load->config->help) return true;
    for (int i = 0; i < argc; i++) {
        if (!take_flag(load, argc, argv, &i)) return false;
    }
    return true;
}

static bool load_flags(struct load *load)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        char name[SETTING_NAME_BYTES];
        setting_flag(&SETTINGS[i], name);
        if (load->flags[i] != NULL && !apply(load, i, name, load->flags[i])) return false;
    }
    return true;
}

/* --- environment, defaults, and what follows from them --- */

static bool load_environment(struct load *load, char *(*environment)(const char *name))
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        char name[SETTING_NAME_BYTES];
        setting_variable(&SETTINGS[i], name);
        const char *text = environment(name);
        if (text != NULL && !apply(load, i, name, text)) return false;
    }
    return true;
}

static void load_defaults(struct load *load)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (SETTINGS[i].standard == NULL) continue;
        bool is_right = apply(load, i, SETTINGS[i].key, SETTINGS[i].standard);
        assert(is_right);
        (void)is_right;
    }
    load->given = 0;
}

static bool settle_path(struct load *load, char *path, const char *name)
{
    if (path[0] != '\0') return true;
    int length = snprintf(path, CONFIG_PATH_BYTES, "%s/%s", load->config->data_dir, name);
    if (length < CONFIG_PATH_BYTES) return true;
    return refuse(load, "data_dir: too long for the path of %s in it", name);
}

bool config_address_is_any(const struct config_address *address)
{
    return strcmp(address->host, address->is_v6 ? "::" : "0.0.0.0") == 0;
}

/* Would the second of the two not get its port? Every address of IPv6 takes those of IPv4 along. */
static bool is_in_the_way(const struct config_address *one, const struct config_address *other)
{
    if (one->port == 0 || one->port != other->port) return false;
    if ((one->is_v6 && config_address_is_any(one)) || (other->is_v6 && config_address_is_any(other))) return true;
    return one->is_v6 == other->is_v6 &&
           (config_address_is_any(one) || config_address_is_any(other) || strcmp(one->host, other->host) == 0);
}

/* Which of the two nobody chose is said. */
static bool settle_pair_of_ports(struct load *load, const char *one, const struct config_address *one_address,
                                 const char *other, const struct config_address *other_address)
{
    if (!is_in_the_way(one_address, other_address)) return true;
    char one_text[CONFIG_ADDRESS_BYTES];
    char other_text[CONFIG_ADDRESS_BYTES];
    config_address_encode(one_address, one_address->port, one_text);
    config_address_encode(other_address, other_address->port, other_text);
    bool has_one = (load->given >> settings_find(one, "listen") & 1) != 0;
    bool has_other = (load->given >> settings_find(other, "listen") & 1) != 0;
    return refuse(load, "[%s] listen is %s%s and [%s] listen is %s%s: they need ports of their own", one, one_text,
                  has_one ? "" : " (the default)", other, other_text, has_other ? "" : " (the default)");
}

/* Clients, operators and nodes need a port each. */
static bool settle_ports(struct load *load)
{
    const struct config *config = load->config;
    return settle_pair_of_ports(load, "k2v", &config->k2v.listen, "admin", &config->admin.listen) &&
           settle_pair_of_ports(load, "k2v", &config->k2v.listen, "rpc", &config->rpc.listen) &&
           settle_pair_of_ports(load, "rpc", &config->rpc.listen, "admin", &config->admin.listen);
}

/* Each address once: that nobody is told twice of, and a mistyped list shows. */
static bool settle_peers(struct load *load)
{
    const struct config_peers *peers = &load->config->cluster.peers;
    for (uint32_t i = 0; i < peers->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(peers->addresses[i], peers->addresses[j]) == 0)
                return refuse(load, "[cluster] peers: %s is there twice", peers->addresses[i]);
        }
    }
    return true;
}

/* A node that is to find its place by itself says which place, and where the others are. */
static bool settle_auto(struct load *load)
{
    const struct config *config = load->config;
    static const char format[] = "[cluster] bootstrap is auto: it needs %s, too";
    if (config->cluster.bootstrap != CLUSTER_AUTO) return true;
    if (config->cluster.zone[0] == '\0') return refuse(load, format, "a zone");
    if (config->cluster.capacity == 0) return refuse(load, format, "a capacity above 0");
    if (config->cluster.peers.count == 0) return refuse(load, format, "peers");
    if (config->cluster.zone_redundancy <= config->cluster.replication) return true;
    return refuse(load, "[cluster] zone_redundancy is %llu: it can be at most the replication, %llu",
                  (unsigned long long)config->cluster.zone_redundancy,
                  (unsigned long long)config->cluster.replication);
}

/* The defaults that follow from other settings, and what two settings may not say together. */
static bool settle(struct load *load)
{
    struct config *config = load->config;
    if (!settle_path(load, config->seal_key_file, "seal.key")) return false;
    if (!settle_path(load, config->admin.token_file, "admin.token")) return false;
    if (!settle_path(load, config->rpc.secret_file, "rpc.secret")) return false;
    size_t demo = settings_find("k2v", "demo");
    assert(demo < SETTINGS_COUNT);
    bool is_given = (load->given >> demo & 1) != 0;
    if (!is_given) config->k2v.demo = config->file[0] == '\0';

    return settle_ports(load) && settle_peers(load) && settle_auto(load);
}

enum err config_load(struct config *config, int argc, char **argv, char *(*environment)(const char *name),
                     char *message, size_t message_bytes)
{
    assert(message_bytes > 0);

    struct load load = {.config = config, .message = message, .message_bytes = message_bytes};
    *config = (struct config){0};
    message[0] = '\0';

    if (!take_flags(&load, argc, argv)) return ERR_CONFIG;
    if (config->help) return ERR_OK;
    load_defaults(&load);
    bool is_right = load_file(&load) && load_environment(&load, environment) && load_flags(&load) && settle(&load);
    return is_right ? ERR_OK : ERR_CONFIG;
}

/* --- help --- */

static void print_setting(FILE *out, const struct setting *setting)
{
    char name[SETTING_NAME_BYTES];
    char wanted[SETTING_WANTS_BYTES];
    bool has_section = setting->section[0] != '\0';
    setting_flag(setting, name);
    setting_wants(setting, wanted);
    fprintf(out, "  %s %s\n      %s\n", name, setting_word(setting), setting->help);
    fprintf(out, "      takes %s; default: %s\n", wanted,
            setting->standard != NULL ? setting->standard : setting->standard_help);
    setting_variable(setting, name);
    fprintf(out, "      file: %s%s%s%s; environment: %s\n", has_section ? "[" : "", setting->section,
            has_section ? "] " : "", setting->key, name);
    if (setting->is_live) fputs("      taken over at SIGHUP\n", out);
}

void config_usage(FILE *out)
{
    fputs("Usage: skerry server [--config FILE] [FLAG VALUE]...\n"
          "\n"
          "Runs a node in the foreground until SIGTERM or SIGINT. Without any flag it serves K2V on\n"
          "loopback and keeps its data in ./skerry-data. A flag beats the environment, which beats the\n"
          "file. FLAG=VALUE is good too; of a repeated flag the last one counts.\n"
          "\n"
          "  --config FILE\n"
          "      read settings from FILE\n"
          "  --check-config\n"
          "      check all settings, print \"configuration ok\" and end; the exit code is 2 if they are not\n"
          "  --help, -h\n"
          "      print this\n"
          "\n"
          "Settings:\n",
          out);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        print_setting(out, &SETTINGS[i]);
    }
    fputs("\n"
          "The file is a strict subset of TOML: sections, and below each, line by line, keys with a string\n"
          "in double quotes, an integer, true or false, or an array of strings on its line. What it does\n"
          "not know is an error:\n"
          "\n"
          "    data_dir = \"/var/lib/skerry\"\n"
          "    [k2v]\n"
          "    listen = \"[::]:3904\"  # every address of this machine\n"
          "\n"
          "Examples:\n"
          "    skerry server\n"
          "    skerry server --config /etc/skerry.toml --log-level debug\n"
          "    SKERRY_K2V_LISTEN=127.0.0.1:0 skerry server --data-dir=/tmp/node\n",
          out);
}
