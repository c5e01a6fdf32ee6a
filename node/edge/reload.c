/* Row by row through the table of settings. */
#include "node/edge/reload.h"

struct reload reload_take(struct config *given, struct config *config, const struct config *next)
{
    struct reload reload = {0, 0};
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        uint64_t bit = (uint64_t)1 << i;
        if (setting_is_equal(setting, given, next)) continue;
        if (setting->is_live) {
            setting_copy(setting, given, next);
            setting_copy(setting, config, next);
            reload.taken |= bit;
        } else {
            reload.waiting |= bit;
        }
    }
    return reload;
}
