/* The settings of a server, from every source, and what is refused with which words. */
#include "node/edge/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "node/edge/settings.h"

enum { WORDS_MAX = 8 };

static char *empty_environment(const char *name)
{
    (void)name;
    return NULL;
}

/* config_load() of words that end with a NULL. */
static enum err load_words(struct config *config, char *(*environment)(const char *name), char *message, ...)
{
    char *words[WORDS_MAX];
    int count = 0;
    va_list arguments;
    va_start(arguments, message);
    for (char *word = va_arg(arguments, char *); word != NULL; word = va_arg(arguments, char *)) {
        assert_in_range(count, 0, WORDS_MAX - 1);
        words[count++] = word;
    }
    va_end(arguments);
    return config_load(config, count, words, environment, message, CONFIG_MESSAGE_BYTES);
}

static enum err parse_text(struct config *config, const char *text, char *message)
{
    return config_parse(config, "skerry.toml", span_text(text), message, CONFIG_MESSAGE_BYTES);
}

static void assert_refused(const char *text, const char *expected)
{
    static const struct config zero;
    struct config config = zero;
    char message[CONFIG_MESSAGE_BYTES];
    assert_int_equal(parse_text(&config, text, message), ERR_CONFIG);
    assert_string_equal(message, expected);
}

static void assert_flags_refused(char *first, char *second, const char *expected)
{
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    assert_int_equal(load_words(&config, empty_environment, message, first, second, NULL), ERR_CONFIG);
    assert_string_equal(message, expected);
}

/* A configuration file on the disk. */
static void write_config(char path[64], const char *text)
{
    strcpy(path, "/tmp/skerry-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void without_anything_the_defaults_hold(void **state)
{
    (void)state;
    struct config config;
    char message[CONFIG_MESSAGE_BYTES] = "old";
    assert_int_equal(load_words(&config, empty_environment, message, NULL), ERR_OK);
    assert_string_equal(message, "");
    assert_false(config.help);
    assert_false(config.check_only);
    assert_string_equal(config.file, "");
    assert_string_equal(config.data_dir, "./skerry-data");
    assert_string_equal(config.seal_key_file, "./skerry-data/seal.key");
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
    assert_string_equal(config.k2v.listen.host, "127.0.0.1");
    assert_int_equal(config.k2v.listen.port, 3904);
    assert_false(config.k2v.listen.is_v6);
    assert_string_equal(config.k2v.region, "garage");
    assert_int_equal(config.k2v.max_skew_seconds, 900);
    assert_int_equal(config.k2v.max_value_bytes, 16777216);
    assert_int_equal(config.k2v.max_batch_bytes, 67108864);
    assert_int_equal(config.k2v.max_connections, 16384);
    assert_int_equal(config.k2v.head_timeout_seconds, 10);
    assert_int_equal(config.k2v.body_grace_seconds, 10);
    assert_int_equal(config.k2v.body_min_bytes_per_second, 1024);
    assert_int_equal(config.k2v.stall_seconds, 30);
    assert_true(config.k2v.demo);
    assert_int_equal(config.rpc.listen.port, 3901);
    assert_string_equal(config.rpc.public_addr, "");
    assert_string_equal(config.rpc.secret_file, "./skerry-data/rpc.secret");
    assert_int_equal(config.rpc.probe_interval_ms, 1000);
    assert_string_equal(config.cluster.name, "");
    assert_string_equal(config.cluster.zone, "");
    assert_int_equal(config.cluster.capacity, 0);
    assert_int_equal(config.cluster.peers.count, 0);
    assert_int_equal(config.cluster.bootstrap, CLUSTER_MANUAL);
    assert_int_equal(config.cluster.replication, 3);
    assert_int_equal(config.cluster.zone_redundancy, 0);
    assert_int_equal(config.cluster.partitions, RING_PARTITIONS);
    assert_int_equal(config.admin.listen.port, 3903);
    assert_string_equal(config.admin.token_file, "./skerry-data/admin.token");
    assert_int_equal(config.store.map_bytes, 274877906944);
}

static void a_file_sets_everything(void **state)
{
    (void)state;
    struct config config = {0};
    char message[CONFIG_MESSAGE_BYTES];
    const char *text = "# a whole file\r\n"
                       "data_dir = \"/var/lib/sk \\\"#;= \\u00e9\" # with a comment\n"
                       "\t seal_key_file=\"/k\"\n"
                       "log_level = \"debug\"\n"
                       "\n"
                       "[k2v]#comment\n"
                       "listen = \"[::1]:0\"\n"
                       "region = \"eu-west_1.x\"\n"
                       "max_skew_seconds = 1\n"
                       "max_value_bytes = 1073741824\n"
                       "max_batch_bytes = 4294967295\n"
                       "max_connections = 1\n"
                       "head_timeout_seconds = 3600\n"
                       "body_grace_seconds = 1\n"
                       "body_min_bytes_per_second = 1073741824\n"
                       "stall_seconds = 3600\n"
                       "demo = true\n"
                       "[rpc]\n"
                       "listen = \"0.0.0.0:65535\"\n"
                       "public_addr = \"[2001:db8::1]:1\"\n"
                       "secret_file = \"s\"\n"
                       "probe_interval_ms = 20\n"
                       "[cluster]\n"
                       "name = \"n1.example-x_y\"\n"
                       "zone = \"z\"\n"
                       "capacity = 100000000000\n"
                       "peers = [\"node1:3901\", \"10.0.0.2:3901\" , \"[::1]:65535\"] # three\n"
                       "bootstrap = \"auto\"\n"
                       "replication = 8\n"
                       "zone_redundancy = 2\n"
                       "partitions = 256\n"
                       "[admin]\n"
                       "listen = \"10.1.2.3:1\"\n"
                       "token_file = \"t\"\n"
                       "[store]\n"
                       "map_bytes = 1048576"; /* without a newline at its end */
    assert_int_equal(parse_text(&config, text, message), ERR_OK);
    assert_string_equal(config.data_dir, "/var/lib/sk \"#;= \xc3\xa9");
    assert_string_equal(config.seal_key_file, "/k");
    assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
    assert_string_equal(config.k2v.listen.host, "::1");
    assert_true(config.k2v.listen.is_v6);
    assert_int_equal(config.k2v.listen.port, 0);
    assert_string_equal(config.k2v.region, "eu-west_1.x");
    assert_int_equal(config.k2v.max_skew_seconds, 1);
    assert_int_equal(config.k2v.max_value_bytes, 1073741824);
    assert_int_equal(config.k2v.max_batch_bytes, 4294967295);
    assert_int_equal(config.k2v.max_connections, 1);
    assert_int_equal(config.k2v.head_timeout_seconds, 3600);
    assert_int_equal(config.k2v.body_grace_seconds, 1);
    assert_int_equal(config.k2v.body_min_bytes_per_second, 1073741824);
    assert_int_equal(config.k2v.stall_seconds, 3600);
    assert_true(config.k2v.demo);
    assert_string_equal(config.rpc.listen.host, "0.0.0.0");
    assert_int_equal(config.rpc.listen.port, 65535);
    assert_string_equal(config.rpc.public_addr, "[2001:db8::1]:1");
    assert_string_equal(config.rpc.secret_file, "s");
    assert_int_equal(config.rpc.probe_interval_ms, 20);
    assert_string_equal(config.cluster.name, "n1.example-x_y");
    assert_string_equal(config.cluster.zone, "z");
    assert_int_equal(config.cluster.capacity, 100000000000);
    assert_int_equal(config.cluster.peers.count, 3);
    assert_string_equal(config.cluster.peers.addresses[0], "node1:3901");
    assert_string_equal(config.cluster.peers.addresses[1], "10.0.0.2:3901");
    assert_string_equal(config.cluster.peers.addresses[2], "[::1]:65535");
    assert_int_equal(config.cluster.bootstrap, CLUSTER_AUTO);
    assert_int_equal(config.cluster.replication, 8);
    assert_int_equal(config.cluster.zone_redundancy, 2);
    assert_int_equal(config.cluster.partitions, 256);
    assert_string_equal(config.admin.listen.host, "10.1.2.3");
    assert_string_equal(config.admin.token_file, "t");
    assert_int_equal(config.store.map_bytes, 1048576);
}

static char *region_environment(const char *name)
{
    static char region[] = "from-environment";
    return strcmp(name, "SKERRY_K2V_REGION") == 0 ? region : NULL;
}

static void a_flag_beats_the_environment_which_beats_the_file(void **state)
{
    (void)state;
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    char path[64];
    write_config(path, "[k2v]\nregion = \"from-file\"\n");

    assert_int_equal(load_words(&config, empty_environment, message, "--config", path, NULL), ERR_OK);
    assert_string_equal(config.k2v.region, "from-file");
    assert_string_equal(config.file, path);
    assert_int_equal(load_words(&config, region_environment, message, "--config", path, NULL), ERR_OK);
    assert_string_equal(config.k2v.region, "from-environment");
    assert_int_equal(
        load_words(&config, region_environment, message, "--k2v-region=from-flag", "--config", path, NULL),
        ERR_OK);
    assert_string_equal(config.k2v.region, "from-flag");
    unlink(path);
}

static void a_configuration_file_turns_the_demo_off_unless_told(void **state)
{
    (void)state;
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    char path[64];
    write_config(path, "");
    assert_int_equal(load_words(&config, empty_environment, message, "--config", path, NULL), ERR_OK);
    assert_false(config.k2v.demo);
    assert_int_equal(load_words(&config, empty_environment, message, "--k2v-demo", "--config", path, NULL),
                     ERR_OK);
    assert_true(config.k2v.demo);
    unlink(path);

    assert_int_equal(load_words(&config, empty_environment, message, "--k2v-demo", "false", NULL), ERR_OK);
    assert_false(config.k2v.demo);
    assert_int_equal(load_words(&config, empty_environment, message, "--k2v-demo=false", NULL), ERR_OK);
    assert_false(config.k2v.demo);
    assert_int_equal(load_words(&config, empty_environment, message, "--k2v-demo", "true", NULL), ERR_OK);
    assert_true(config.k2v.demo);
}

static void files_of_secrets_follow_the_data_directory(void **state)
{
    (void)state;
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    assert_int_equal(
        load_words(&config, empty_environment, message, "--data-dir", "/d", "--admin-token-file", "/t", NULL),
        ERR_OK);
    assert_string_equal(config.seal_key_file, "/d/seal.key");
    assert_string_equal(config.admin.token_file, "/t");

    char directory[CONFIG_PATH_BYTES];
    memset(directory, 'd', sizeof directory - 1);
    directory[sizeof directory - 1] = '\0';
    assert_flags_refused("--data-dir", directory, "data_dir: too long for the path of seal.key in it");
    directory[sizeof directory - sizeof "/seal.key"] = '\0';
    assert_flags_refused("--data-dir", directory, "data_dir: too long for the path of admin.token in it");
}

static char *set_environment(const char *name)
{
    return getenv(name);
}

/* The three names of each row name the same field: a value given by each of them gives the same struct. */
#define AUTO_FILE "[cluster]\nzone = \"z\"\ncapacity = 1\npeers = [\"a:1\"]\n"

static void every_setting_reads_the_same_from_file_environment_and_flag(void **state)
{
    (void)state;
    static const char *const values[] = {
        [SETTING_PATH] = "/p",         [SETTING_ADDRESS] = "127.0.0.9:77",
        [SETTING_LEVEL] = "error",     [SETTING_REGION] = "elsewhere",
        [SETTING_NUMBER] = "1048576",  [SETTING_BOOL] = "true",
        [SETTING_LABEL] = "reef-1",    [SETTING_PEER] = "reef:1",
        [SETTING_PEERS] = "a:1,b.c:2", [SETTING_BOOTSTRAP] = "auto",
        [SETTING_POWER] = "64",
    };
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        char name[SETTING_NAME_BYTES];
        char text[256];
        char path[64];
        char message[CONFIG_MESSAGE_BYTES];
        struct config by_flag;
        struct config by_environment;
        struct config by_file;
        struct config by_nothing;
        const char *value = values[setting->type];
        if (setting->type == SETTING_NUMBER && setting->max < 1048576) value = setting->max < 77 ? "2" : "77";

        setting_flag(setting, name);
        snprintf(text, sizeof text, "%s=%s", name, value);
        bool is_auto = setting->type == SETTING_BOOTSTRAP; /* it wants others beside it */
        write_config(path, is_auto ? AUTO_FILE : "");
        assert_int_equal(load_words(&by_flag, empty_environment, message, text, "--config", path, NULL), ERR_OK);
        assert_int_equal(load_words(&by_nothing, empty_environment, message, "--config", path, NULL), ERR_OK);
        setting_variable(setting, name);
        setenv(name, value, 1);
        assert_int_equal(load_words(&by_environment, set_environment, message, "--config", path, NULL), ERR_OK);
        unsetenv(name);
        unlink(path);

        bool is_quoted = setting->type != SETTING_NUMBER && setting->type != SETTING_POWER &&
                         setting->type != SETTING_BOOL;
        snprintf(text, sizeof text, "%s%s%s\n%s = %s%s%s", setting->section[0] != '\0' ? "[" : "",
                 setting->section, setting->section[0] != '\0' ? "]" : "", setting->key, is_quoted ? "\"" : "",
                 value, is_quoted ? "\"" : "");
        if (setting->type == SETTING_PEERS) {
            snprintf(text, sizeof text, "[%s]\n%s = [\"a:1\", \"b.c:2\"]", setting->section, setting->key);
        }
        if (is_auto) snprintf(text, sizeof text, "%sbootstrap = \"auto\"", AUTO_FILE);
        write_config(path, text);
        assert_int_equal(load_words(&by_file, empty_environment, message, "--config", path, NULL), ERR_OK);
        unlink(path);

        strcpy(by_file.file, by_flag.file);
        strcpy(by_environment.file, by_flag.file);
        strcpy(by_nothing.file, by_flag.file);
        const char *flag_field = (const char *)&by_flag + setting->offset;
        size_t whole = sizeof(struct config);
        assert_memory_equal(&by_flag, &by_environment, whole);
        assert_memory_equal(&by_flag, &by_file, whole);
        assert_memory_not_equal(&by_flag, &by_nothing, whole);
        assert_true(flag_field < (const char *)&by_flag + whole);
    }
}

/* The bounds of the contract, at and beside each of them. */
static void numbers_outside_their_bounds_are_refused_with_the_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        if (setting->type != SETTING_NUMBER) continue;
        char flag[SETTING_NAME_BYTES];
        char text[256];
        char expected[256];
        struct config config;
        char message[CONFIG_MESSAGE_BYTES];
        setting_flag(setting, flag);
        const uint64_t numbers[] = {setting->min, setting->max, setting->min - 1, setting->max + 1, UINT64_MAX};
        for (size_t n = 0; n < 5; n++) {
            snprintf(text, sizeof text, "%s=%llu", flag, (unsigned long long)numbers[n]);
            snprintf(expected, sizeof expected, "%s: wants an integer from %llu to %llu", flag,
                     (unsigned long long)setting->min, (unsigned long long)setting->max);
            if (n >= 2) {
                assert_flags_refused(text, NULL, expected);
            } else {
                assert_int_equal(load_words(&config, empty_environment, message, text, NULL), ERR_OK);
                assert_int_equal(*(uint64_t *)(void *)((char *)&config + setting->offset), numbers[n]);
            }
        }
    }
    static const char *const no_powers[] = {"0", "3", "1000", "2048", "-1", "x"};
    for (size_t i = 0; i < sizeof no_powers / sizeof no_powers[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "--cluster-partitions=%s", no_powers[i]);
        assert_flags_refused(text, NULL, "--cluster-partitions: wants a power of two from 1 to 1024");
    }
    const char *bounds = "--k2v-max-value-bytes: wants an integer from 1 to 1073741824";
    char *bad[] = {"", "1k", " 1", "+1", "-1", "0x1", "1.0", "18446744073709551616", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_flags_refused("--k2v-max-value-bytes", bad[i], bounds);
    }
}

static void an_unknown_key_names_file_and_line(void **state)
{
    (void)state;
    assert_refused("data_dir = \"x\"\nlisten_on = 3\n", "skerry.toml:2: listen_on: no such setting");
    assert_refused("\n\n[k2v]\ntoken_file = \"x\"\n",
                   "skerry.toml:4: [k2v] token_file: no such setting; there is one in [admin]");
    assert_refused("[k2v]\ndata_dir = \"x\"\n",
                   "skerry.toml:2: [k2v] data_dir: no such setting; it goes above the first section");
    assert_refused("[s3]\n", "skerry.toml:1: [s3]: no such section");
}

static void a_line_outside_the_subset_names_file_and_line(void **state)
{
    (void)state;
    assert_refused("\n[k2v\n", "skerry.toml:2: not a section: sections are written [name]");
    assert_refused("[k2v]\nregion: \"x\"\n", "skerry.toml:2: none of [section], key = value, # comment");
}

static void a_repeated_key_or_section_is_refused(void **state)
{
    (void)state;
    assert_refused("[k2v]\ndemo = true\ndemo = true\n", "skerry.toml:3: [k2v] demo: this key is there already");
    assert_refused("[k2v]\n[admin]\n[k2v]\n", "skerry.toml:3: [k2v]: this section is there already");
    struct config config = {0};
    char message[CONFIG_MESSAGE_BYTES];
    const char *both = "[k2v]\nlisten = \"127.0.0.1:1\"\n[admin]\nlisten = \"127.0.0.1:2\"\n";
    assert_int_equal(parse_text(&config, both, message), ERR_OK);
}

static void a_value_of_another_type_is_refused(void **state)
{
    (void)state;
    const char *number = "skerry.toml:2: [k2v] max_skew_seconds: wants an integer from 1 to 604800";
    const char *numbers[] = {"\"900\"",
                             "900.0",
                             "9e2",
                             "true",
                             "[900]",
                             "{}",
                             "null",
                             "0x10",
                             "1_000",
                             "0900",
                             "9223372036854775808",
                             "99999999999999999999",
                             "-1",
                             "0",
                             "604801",
                             "900 901"};
    char text[256];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(text, sizeof text, "[k2v]\nmax_skew_seconds = %s\n", numbers[i]);
        assert_refused(text, number);
    }
    const char *not_bools[] = {"\"true\"", "1", "0", "yes", "True", "[]"};
    for (size_t i = 0; i < sizeof not_bools / sizeof not_bools[0]; i++) {
        snprintf(text, sizeof text, "[k2v]\ndemo = %s\n", not_bools[i]);
        assert_refused(text, "skerry.toml:2: [k2v] demo: wants true or false");
    }
    const char *not_strings[] = {"garage",      "'garage'",     "1", "true", "[\"garage\"]",
                                 "\"a\" \"b\"", "\"\"\"a\"\"\""};
    for (size_t i = 0; i < sizeof not_strings / sizeof not_strings[0]; i++) {
        snprintf(text, sizeof text, "[k2v]\nregion = %s\n", not_strings[i]);
        assert_refused(text, "skerry.toml:2: [k2v] region: wants 1 to 64 of the characters A-Z a-z 0-9 . _ -, in "
                             "double quotes");
    }
}

static void texts_that_cannot_be_used_are_refused(void **state)
{
    (void)state;
    assert_flags_refused("--k2v-region", "a/b", "--k2v-region: wants 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    assert_flags_refused("--cluster-zone", "..",
                         "--cluster-zone: wants 1 to 63 of the characters A-Z a-z 0-9 . _ -");
    assert_flags_refused("--k2v-region", "", "--k2v-region: wants 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    assert_flags_refused("--log-level", "INFO", "--log-level: wants error, warn, info or debug");
    assert_flags_refused("--data-dir", "", "--data-dir: wants a path of 1 to 1023 bytes");
    assert_flags_refused("--data-dir", "a\x7f", "--data-dir: wants a path of 1 to 1023 bytes");
    assert_flags_refused("--data-dir", "a\nb", "--data-dir: wants a path of 1 to 1023 bytes");
    char path[CONFIG_PATH_BYTES + 1];
    memset(path, 'p', CONFIG_PATH_BYTES);
    path[CONFIG_PATH_BYTES] = '\0';
    assert_flags_refused("--seal-key-file", path, "--seal-key-file: wants a path of 1 to 1023 bytes");
    assert_flags_refused("--config", path, "--config: wants a path of 1 to 1023 bytes");
}

static void a_variable_is_named_when_its_value_is_refused(void **state)
{
    (void)state;
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    setenv("SKERRY_ADMIN_LISTEN", "localhost:1", 1);
    assert_int_equal(load_words(&config, set_environment, message, NULL), ERR_CONFIG);
    unsetenv("SKERRY_ADMIN_LISTEN");
    assert_string_equal(message, "SKERRY_ADMIN_LISTEN: wants IPV4:PORT or [IPV6]:PORT, the port at most 65535");
}

static void flags_that_are_none_are_refused(void **state)
{
    (void)state;
    const char *hint = ": no such flag; see skerry server --help";
    char *none[] = {"--k2v", "--k2v_listen", "-v", "word", "--", "", "--check-config=1", "--=x"};
    const char *names[] = {"--k2v", "--k2v_listen", "-v", "word", "--", "", "--check-config", "--"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "%s%s", names[i], hint);
        assert_flags_refused(none[i], NULL, expected);
    }
    assert_flags_refused("--data-dir", NULL, "--data-dir: needs a value");
    assert_flags_refused("--data-dir", "--k2v-demo", "--data-dir: needs a value");
    assert_flags_refused("--config", NULL, "--config: needs a value");
    assert_flags_refused("--k2v-demo=maybe", NULL, "--k2v-demo: wants true or false");
    assert_flags_refused("--k2v-demo", "maybe", "--k2v-demo: wants true or false");
    assert_flags_refused("\x1b[2J\x7f", NULL, "?[2J?: no such flag; see skerry server --help");
    assert_flags_refused(
        "--a-flag-of-more-than-sixty-four-characters-is-shown-up-to-there-and-no-further", NULL,
        "--a-flag-of-more-than-sixty-four-characters-is-shown-up-to-there: no such flag; see skerry "
        "server --help");
    assert_flags_refused("--config=", NULL, "--config: wants a path of 1 to 1023 bytes");
}

static void of_a_repeated_flag_the_last_counts(void **state)
{
    (void)state;
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    assert_int_equal(load_words(&config, empty_environment, message, "--data-dir=a", "--data-dir", "b", NULL),
                     ERR_OK);
    assert_string_equal(config.data_dir, "b");
}

static void help_and_check_are_told_apart(void **state)
{
    (void)state;
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    assert_int_equal(load_words(&config, empty_environment, message, "--nonsense", "--help", NULL), ERR_OK);
    assert_true(config.help);
    assert_int_equal(load_words(&config, empty_environment, message, "-h", NULL), ERR_OK);
    assert_true(config.help);
    assert_int_equal(load_words(&config, empty_environment, message, "--check-config", NULL), ERR_OK);
    assert_true(config.check_only);
    assert_false(config.help);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    assert_flags_refused("--config", "/nonexistent/skerry.toml",
                         "/nonexistent/skerry.toml: cannot be opened: No such file or directory");
    assert_flags_refused("--config", "/tmp", "/tmp: cannot be read: Is a directory");

    char path[64];
    char expected[128];
    static char text[CONFIG_FILE_BYTES_MAX + 2];
    memset(text, '\n', CONFIG_FILE_BYTES_MAX + 1);
    write_config(path, text);
    snprintf(expected, sizeof expected, "%s: longer than 65536 bytes", path);
    assert_flags_refused("--config", path, expected);
    unlink(path);

    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    text[CONFIG_FILE_BYTES_MAX] = '\0';
    write_config(path, text);
    assert_int_equal(load_words(&config, empty_environment, message, "--config", path, NULL), ERR_OK);
    unlink(path);
}

static void addresses_are_literals_with_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *again;
        bool is_v6;
        uint16_t port;
    } good[] = {
        {"127.0.0.1:0", "127.0.0.1:0", false, 0},
        {"0.0.0.0:65535", "0.0.0.0:65535", false, 65535},
        {"[::]:1", "[::]:1", true, 1},
        {"[::000]:0003904", "[::]:3904", true, 3904},
        {"[2001:DB8:0:0::1]:3904", "[2001:db8::1]:3904", true, 3904},
        {"[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80", true, 80},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:9", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:9", true,
         9},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct config_address address;
        char text[CONFIG_ADDRESS_BYTES];
        assert_true(config_address_decode(good[i].text, &address));
        assert_int_equal(address.is_v6, good[i].is_v6);
        assert_int_equal(address.port, good[i].port);
        config_address_encode(&address, address.port, text);
        assert_string_equal(text, good[i].again);
        struct config_address back;
        assert_true(config_address_decode(text, &back));
        assert_memory_equal(&back, &address, sizeof back); /* nothing of the first spelling stays behind */
    }
    const char *bad[] = {"",
                         ":1",
                         "1",
                         "127.0.0.1",
                         "127.0.0.1:",
                         "127.0.0.1:65536",
                         "127.0.0.1:a",
                         "127.1:1",
                         "::1:1",
                         "[::1]",
                         "[::1]1",
                         "[::1]:",
                         "[::1",
                         "[]:1",
                         "[1.2.3.4]:1",
                         "localhost:1",
                         "127.0.0.1:1:2",
                         "127.0.0.1: 1",
                         " 127.0.0.1:1",
                         "01.2.3.4:1",
                         "[fe80::1%lo]:1",
                         "127.0.0.1:-1",
                         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config_address address = {.port = 7};
        assert_false(config_address_decode(bad[i], &address));
        assert_int_equal(address.port, 7);
    }
}

static void nodes_are_reached_at_a_name_or_literal_with_a_port(void **state)
{
    (void)state;
    static const char *const good[] = {"a:1", "node1.example.org:3901", "10.1.2.3:65535", "[::1]:1", "x_y:9"};
    static const char *const bad[] = {"",      ":1",    "a",    "a:",          "a:0",     "a:65536",
                                      "a:b",   "a b:1", "[]:1", "::1:1",       "[a]:1",   "[::1]",
                                      "a:1:2", "a:+1",  "/:1",  "a:000000001", "[::1]x:1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(config_peer_is_address(span_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(config_peer_is_address(span_text(bad[i])));
    char name[CONFIG_PEER_BYTES + 2];
    memset(name, 'a', sizeof name);
    memcpy(name + CONFIG_PEER_BYTES - 1 - 6, ":65535", 6);
    assert_true(config_peer_is_address(span_of(name, CONFIG_PEER_BYTES - 1)));
    memset(name, 'a', sizeof name);
    memcpy(name + CONFIG_PEER_BYTES - 6, ":65535", 6);
    assert_false(config_peer_is_address(span_of(name, CONFIG_PEER_BYTES)));
    assert_flags_refused("--rpc-public-addr", "here",
                         "--rpc-public-addr: wants HOST:PORT, HOST a name or literal, PORT from 1 to 65535");
}

static void a_list_of_nodes_is_an_array_or_a_text_with_commas(void **state)
{
    (void)state;
    struct config config = {0};
    char message[CONFIG_MESSAGE_BYTES];
    static const char *const wants = "at most 64 of HOST:PORT, in the file as [\"HOST:PORT\", ...]";
    char expected[256];
    char text[2048] = "[cluster]\npeers = [";
    const char *bad[] = {"\"a:1\"",    "[1]",         "[\"a:1,b:2\"]", "[\"\"]",
                         "[\"a:1\",]", "[[\"a:1\"]]", "[\"a\"]",       "{}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "[cluster]\npeers = %s\n", bad[i]);
        snprintf(expected, sizeof expected, "skerry.toml:2: [cluster] peers: wants %s", wants);
        assert_refused(line, expected);
    }
    snprintf(expected, sizeof expected, "--cluster-peers: wants %s", wants);
    assert_flags_refused("--cluster-peers", "a:1,", expected);
    assert_flags_refused("--cluster-peers", ",a:1", expected);
    assert_int_equal(load_words(&config, empty_environment, message, "--cluster-peers=a:1,[::]:2", NULL), ERR_OK);
    assert_int_equal(config.cluster.peers.count, 2);
    assert_int_equal(load_words(&config, empty_environment, message, "--cluster-peers=", NULL), ERR_OK);
    assert_int_equal(config.cluster.peers.count, 0);

    for (int i = 0; i < CLUSTER_PEERS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"h%d:1\"", i > 0 ? "," : "", i);
    size_t whole = strlen(text);
    strcat(text, "]\n");
    assert_int_equal(parse_text(&config, text, message), ERR_OK);
    assert_int_equal(config.cluster.peers.count, CLUSTER_PEERS_MAX);
    strcpy(text + whole, ",\"more:1\"]\n");
    snprintf(expected, sizeof expected, "skerry.toml:2: [cluster] peers: wants %s", wants);
    assert_refused(text, expected);
}

static void one_address_for_two_listeners_is_refused(void **state)
{
    (void)state;
    assert_flags_refused("--k2v-listen=[::0:1]:9", "--admin-listen=[::1]:9",
                         "[k2v] listen is [::1]:9 and [admin] listen is [::1]:9: they need ports of their own");
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    assert_int_equal(load_words(&config, empty_environment, message, "--k2v-listen=127.0.0.1:0",
                                "--admin-listen=127.0.0.1:0", NULL),
                     ERR_OK);
}

/* An address that stands for many holds the port of each; a default is called one. */
static void a_port_that_every_address_has_is_in_the_way_of_the_other(void **state)
{
    (void)state;
    assert_flags_refused("--k2v-listen=127.0.0.1:3903", NULL,
                         "[k2v] listen is 127.0.0.1:3903 and [admin] listen is 127.0.0.1:3903 (the default): they "
                         "need ports of their own");
    assert_flags_refused("--k2v-listen=0.0.0.0:3903", NULL,
                         "[k2v] listen is 0.0.0.0:3903 and [admin] listen is 127.0.0.1:3903 (the default): they "
                         "need ports of their own");
    assert_flags_refused("--admin-listen=[::]:3904", NULL,
                         "[k2v] listen is 127.0.0.1:3904 (the default) and [admin] listen is [::]:3904: they need "
                         "ports of their own");
    assert_flags_refused(
        "--k2v-listen=0.0.0.0:3901", NULL,
        "[k2v] listen is 0.0.0.0:3901 and [rpc] listen is 127.0.0.1:3901 (the default): they need "
        "ports of their own");
    assert_flags_refused("--rpc-listen=127.0.0.1:3903", NULL,
                         "[rpc] listen is 127.0.0.1:3903 and [admin] listen is 127.0.0.1:3903 (the default): they "
                         "need ports of their own");
    static const char *const good[][2] = {{"--k2v-listen=0.0.0.0:9", "--admin-listen=[::1]:9"},
                                          {"--k2v-listen=127.0.0.1:9", "--admin-listen=127.0.0.2:9"},
                                          {"--k2v-listen=[::]:9", "--admin-listen=127.0.0.1:10"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct config config;
        char message[CONFIG_MESSAGE_BYTES];
        assert_int_equal(load_words(&config, empty_environment, message, good[i][0], good[i][1], NULL), ERR_OK);
    }
}

static void assert_environment_refused(const char *const settings[][2], char *flag, const char *expected)
{
    struct config config;
    char message[CONFIG_MESSAGE_BYTES];
    for (size_t i = 0; settings[i][0] != NULL; i++)
        setenv(settings[i][0], settings[i][1], 1);
    assert_int_equal(load_words(&config, set_environment, message, flag, NULL),
                     expected == NULL ? ERR_OK : ERR_CONFIG);
    assert_string_equal(message, expected == NULL ? "" : expected);
    for (size_t i = 0; settings[i][0] != NULL; i++)
        unsetenv(settings[i][0]);
}

static void a_node_without_hands_says_its_place_and_its_peers(void **state)
{
    (void)state;
    static const char *const whole[][2] = {{"SKERRY_CLUSTER_BOOTSTRAP", "auto"},
                                           {"SKERRY_CLUSTER_ZONE", "z"},
                                           {"SKERRY_CLUSTER_CAPACITY", "1"},
                                           {"SKERRY_CLUSTER_PEERS", "a:1,a:2"},
                                           {NULL, NULL}};
    static const char *const bare[][2] = {{"SKERRY_CLUSTER_BOOTSTRAP", "auto"}, {NULL, NULL}};
    assert_environment_refused(whole, "--cluster-zone-redundancy=3", NULL);
    assert_environment_refused(whole, "--cluster-zone-redundancy=4",
                               "[cluster] zone_redundancy is 4: it can be at most the replication, 3");
    assert_environment_refused(whole, "--cluster-capacity=0",
                               "[cluster] bootstrap is auto: it needs a capacity above 0, too");
    assert_environment_refused(whole, "--cluster-peers=", "[cluster] bootstrap is auto: it needs peers, too");
    assert_environment_refused(bare, "--cluster-capacity=1", "[cluster] bootstrap is auto: it needs a zone, too");
    assert_flags_refused("--cluster-peers=a:1,b:1,a:1", NULL, "[cluster] peers: a:1 is there twice");
}

static void a_message_never_outgrows_its_room(void **state)
{
    (void)state;
    char *words[] = {"--k2v-max-connections=0"};
    struct config config;
    char message[16];
    memset(message, 'x', sizeof message);
    assert_int_equal(config_load(&config, 1, words, empty_environment, message, 10), ERR_CONFIG);
    assert_string_equal(message, "--k2v-max");
    assert_int_equal(message[10], 'x');
}

static void the_help_names_every_flag_variable_and_default(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    config_usage(out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        char name[SETTING_NAME_BYTES];
        const struct setting *setting = &SETTINGS[i];
        setting_flag(setting, name);
        assert_non_null(strstr(text, name));
        setting_variable(setting, name);
        assert_non_null(strstr(text, name));
        assert_non_null(strstr(text, setting->standard != NULL ? setting->standard : setting->standard_help));
    }
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_in_range(strcspn(line, "\n"), 0, 100);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_the_defaults_hold),
        cmocka_unit_test(a_file_sets_everything),
        cmocka_unit_test(a_flag_beats_the_environment_which_beats_the_file),
        cmocka_unit_test(a_configuration_file_turns_the_demo_off_unless_told),
        cmocka_unit_test(files_of_secrets_follow_the_data_directory),
        cmocka_unit_test(every_setting_reads_the_same_from_file_environment_and_flag),
        cmocka_unit_test(numbers_outside_their_bounds_are_refused_with_the_bounds),
        cmocka_unit_test(an_unknown_key_names_file_and_line),
        cmocka_unit_test(a_line_outside_the_subset_names_file_and_line),
        cmocka_unit_test(a_repeated_key_or_section_is_refused),
        cmocka_unit_test(a_value_of_another_type_is_refused),
        cmocka_unit_test(texts_that_cannot_be_used_are_refused),
        cmocka_unit_test(a_variable_is_named_when_its_value_is_refused),
        cmocka_unit_test(flags_that_are_none_are_refused),
        cmocka_unit_test(of_a_repeated_flag_the_last_counts),
        cmocka_unit_test(help_and_check_are_told_apart),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(addresses_are_literals_with_a_port),
        cmocka_unit_test(nodes_are_reached_at_a_name_or_literal_with_a_port),
        cmocka_unit_test(a_list_of_nodes_is_an_array_or_a_text_with_commas),
        cmocka_unit_test(a_node_without_hands_says_its_place_and_its_peers),
        cmocka_unit_test(one_address_for_two_listeners_is_refused),
        cmocka_unit_test(a_port_that_every_address_has_is_in_the_way_of_the_other),
        cmocka_unit_test(a_message_never_outgrows_its_room),
        cmocka_unit_test(the_help_names_every_flag_variable_and_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
