/* Which settings a running server takes over, row by row through the table. */
#include "tests/lib/check.h"

#include "node/edge/reload.h"

#include <stdlib.h>

/* A value of each setting that is not its default. */
static const char *another_value(const struct setting *setting)
{
    switch (setting->type) {
    case SETTING_PATH: return "/elsewhere";
    case SETTING_ADDRESS: return "[::1]:4999";
    case SETTING_LEVEL: return "debug";
    case SETTING_REGION: return "harbour";
    case SETTING_POWER: return "64";
    case SETTING_NUMBER:
        if (setting->max >= 1048577) return "1048577";
        return setting->min > 2 ? "77" : "2";
    case SETTING_BOOL: return "true";
    case SETTING_LABEL: return "reef";
    case SETTING_PEER: return "reef:1";
    case SETTING_PEERS: return "reef:1,[::1]:2";
    case SETTING_BOOTSTRAP: return "auto";
    }
    return "";
}

static char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static void load(struct config *config)
{
    char message[CONFIG_MESSAGE_BYTES];
    char demo[] = "--k2v-demo=false";
    char *arguments[] = {demo};
    assert_ok(config_load(config, 1, arguments, no_environment, message, sizeof message));
}

static void each_setting_alone_is_taken_or_told_to_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        struct config given, config, next;
        load(&given);
        config = given;
        next = given;
        assert_true(setting_decode(setting, another_value(setting), &next));
        assert_false(setting_is_equal(setting, &given, &next));
        struct reload reload = reload_take(&given, &config, &next);
        uint64_t bit = (uint64_t)1 << i;
        assert_int_equal(reload.taken, setting->is_live ? bit : 0);
        assert_int_equal(reload.waiting, setting->is_live ? 0 : bit);
        assert_int_equal(setting_is_equal(setting, &config, &next), setting->is_live);
        assert_int_equal(setting_is_equal(setting, &given, &next), setting->is_live);
        for (size_t k = 0; k < SETTINGS_COUNT; k++)
            assert_true(k == i || setting_is_equal(&SETTINGS[k], &config, &next));
        reload = reload_take(&given, &config, &next);
        assert_int_equal(reload.taken, 0);
        assert_int_equal(reload.waiting, setting->is_live ? 0 : bit); /* told again until the restart */
    }
}

/* What the system did not allow is neither a change nor undone by a reload. */
static void what_the_system_took_back_stays_so(void **state)
{
    (void)state;
    struct config given, config, next;
    load(&given);
    config = given;
    config.k2v.max_connections = 7;
    next = given;
    next.log_level = LOG_LEVEL_ERROR;
    struct reload reload = reload_take(&given, &config, &next);
    assert_int_equal(reload.waiting, 0);
    assert_int_equal(__builtin_popcountll(reload.taken), 1);
    assert_int_equal(config.k2v.max_connections, 7);
    assert_int_equal(config.log_level, LOG_LEVEL_ERROR);
}

static void the_same_settings_change_nothing(void **state)
{
    (void)state;
    struct config given, config, next;
    load(&given);
    load(&config);
    load(&next);
    struct reload reload = reload_take(&given, &config, &next);
    assert_int_equal(reload.taken | reload.waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting_alone_is_taken_or_told_to_wait),
        cmocka_unit_test(what_the_system_took_back_stays_so),
        cmocka_unit_test(the_same_settings_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
