/* Any bytes as a configuration file: read or refused with a message, and whatever was read is inside its bounds
 * and reads the same again. */
#include "node/edge/config.h"

#include <assert.h>
#include <string.h>

#include "node/edge/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const struct config *config)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        const void *field = (const char *)config + setting->offset;
        uint64_t number;
        memcpy(&number, field, sizeof number);
        bool is_number = setting->type == SETTING_NUMBER && number != 0;
        if (is_number) assert(number >= setting->min && number <= setting->max);
        if (setting->type == SETTING_PATH) assert(memchr(field, '\0', CONFIG_PATH_BYTES) != NULL);
        if (setting->type == SETTING_LEVEL) assert(config->log_level <= LOG_LEVEL_DEBUG);
    }
    assert(memchr(config->k2v.region, '\0', CONFIG_REGION_BYTES) != NULL);

    char text[CONFIG_ADDRESS_BYTES];
    struct config_address again;
    const struct config_address *listen = &config->k2v.listen;
    if (listen->host[0] == '\0') return;
    config_address_encode(listen, listen->port, text);
    bool is_read = config_address_decode(text, &again);
    assert(is_read && memcmp(&again, listen, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct config config = {0};
    char message[CONFIG_MESSAGE_BYTES];
    enum err err = config_parse(&config, "fuzz.toml", span_of(bytes, length), message, sizeof message);
    assert(err == ERR_OK || err == ERR_CONFIG);
    assert((err == ERR_OK) == (message[0] == '\0'));
    if (err != ERR_OK) assert(strncmp(message, "fuzz.toml:", 10) == 0);
    for (const char *at = message; *at != '\0'; at++) {
        assert((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
    check(&config);
    return 0;
}
