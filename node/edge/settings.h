/* The table of all settings of a server: one row each, with its names, its type, its bounds, its default and its
 * help. File, environment and flags all go through these rows, so none can know a setting that the others do not,
 * or check it differently.
 */
#ifndef NODE_EDGE_SETTINGS_H
#define NODE_EDGE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"
#include "node/edge/config.h"

enum setting_type {
    SETTING_PATH,
    SETTING_ADDRESS,
    SETTING_LEVEL,
    SETTING_REGION,
    SETTING_NUMBER,
    SETTING_POWER, /* a number that is a power of two */
    SETTING_BOOL,
    SETTING_LABEL,     /* the name of a node or a zone */
    SETTING_PEER,      /* where a node is reached */
    SETTING_PEERS,     /* several: in the file an array of strings, else one text with commas */
    SETTING_BOOTSTRAP, /* enum cluster_bootstrap */
};

struct setting {
    const char *section; /* "" above the first section */
    const char *key;
    enum setting_type type;
    size_t offset; /* of its field in struct config */
    uint64_t min;  /* of a number */
    uint64_t max;
    const char *standard;      /* its default as text; NULL when it follows from other settings */
    const char *standard_help; /* then: what it follows from */
    bool is_live;              /* SIGHUP takes a new value over; else only a start does */
    const char *help;
};

enum {
    SETTINGS_COUNT = 30,
    SETTING_NAME_BYTES = 64,   /* a flag or a variable, with its NUL */
    SETTING_WANTS_BYTES = 128, /* of setting_wants(), with its NUL */
};

extern const struct setting SETTINGS[SETTINGS_COUNT];

/* The row of `key` in `section`; a NULL section is any. SETTINGS_COUNT when there is none. */
size_t settings_find(const char *section, const char *key);

/* The row of the flag `name`, as --k2v-max-value-bytes. SETTINGS_COUNT when there is none. */
size_t settings_find_flag(struct span name);

/* The flag and the variable of a setting, into SETTING_NAME_BYTES. */
void setting_flag(const struct setting *setting, char *name);
void setting_variable(const struct setting *setting, char *name);

/* Read `text` into the setting's field of `config`; false, with the field untouched, when it cannot be that. */
bool setting_decode(const struct setting *setting, const char *text, struct config *config);

/* Do two configurations say the same of this setting? */
bool setting_is_equal(const struct setting *setting, const struct config *one, const struct config *other);

/* Take the setting's value over from another configuration. */
void setting_copy(const struct setting *setting, struct config *to, const struct config *from);

/* What the setting takes, as the end of a sentence, into SETTING_WANTS_BYTES: "an integer from 1 to 900". */
void setting_wants(const struct setting *setting, char *text);

/* The type as a word of the help: "PATH", "HOST:PORT"… */
const char *setting_word(const struct setting *setting);

#endif
