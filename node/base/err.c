/* The names of errors, as the log and messages say them. */
#include "node/base/err.h"

const char *err_name(enum err err)
{
    switch (err) {
    case ERR_OK: return "ok";
    case ERR_MEMORY: return "memory";
    case ERR_FULL: return "full";
    case ERR_IO: return "io";
    case ERR_CORRUPT: return "corrupt";
    case ERR_VERSION: return "version";
    case ERR_LOCKED: return "locked";
    case ERR_ACCESS: return "access";
    case ERR_CONFIG: return "config";
    case ERR_REFUSED: return "refused";
    }
    return "unknown";
}
