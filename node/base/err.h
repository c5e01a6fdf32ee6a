/* The errors of the world, as the code passes them up: each is handled or handed on once. Outcomes that are
 * part of an answer (not found, too many siblings) are not errors and have enums of their own. */
#ifndef NODE_BASE_ERR_H
#define NODE_BASE_ERR_H

#define MUST_USE __attribute__((warn_unused_result))

enum err {
    ERR_OK = 0,
    ERR_MEMORY,  /* an allocation failed or an arena's ceiling was reached */
    ERR_FULL,    /* no room on the disk or in the map: nothing was changed, reads go on */
    ERR_IO,      /* the disk failed: stop acknowledging (H18) */
    ERR_CORRUPT, /* bytes of ours that fail their hash or shape (H22) */
    ERR_VERSION, /* a format this program does not know */
    ERR_LOCKED,  /* another process has the data directory (H2) */
    ERR_ACCESS,  /* a file may not be read or written, or is readable by others */
    ERR_CONFIG,  /* a setting that cannot be used */
    ERR_REFUSED, /* a rule or a bound of the program forbids it: nothing was changed */
};

/* The name of `err`, in the words of the log: "ok", "full", "io"… Never NULL. */
const char *err_name(enum err err);

#endif
