/* The secrets a server keeps in files of their own: the seal key, the operator's token and the secret of the
 * cluster. Read, or made at the first start (H33).
 *
 * `message` takes FILES_MESSAGE_BYTES; on failure it is one line that names the file and what is wrong with it.
 */
#ifndef NODE_EDGE_SECRETS_H
#define NODE_EDGE_SECRETS_H

#include "node/base/seal.h"
#include "node/core/link.h"
#include "node/edge/files.h"
#include "node/edge/log.h"

enum { SECRETS_TOKEN_CHARS_MIN = 16, SECRETS_TOKEN_BYTES = 256 /* with its newline and NUL */ };

/* The key that seals secrets in the database: 64 hex digits and a newline at `path`. Made when there is neither
 * the file nor a database in `data_dir`; a file without a database is used, with a warning to `log`.
 *
 * ERR_ACCESS: there is a database but no key for it, or others may read the file. ERR_CORRUPT: not 64 hex digits.
 * And as files_secret_read(), files_secret_create().
 */
MUST_USE enum err secrets_seal_key(const char *path, const char *data_dir, const struct log *log,
                                   uint8_t key[SEAL_KEY_BYTES], char *message);

/* The token an operator brings: visible characters, NUL-terminated, into `token`. A missing file is made when
 * `may_create`, else ERR_ACCESS. ERR_CORRUPT: fewer than SECRETS_TOKEN_CHARS_MIN characters, or others than
 * visible ones; `token` is then as it was. */
MUST_USE enum err secrets_admin_token(const char *path, bool may_create, char token[SECRETS_TOKEN_BYTES],
                                      char *message);

/* What nodes of one cluster share: the first is used to dial, each is accepted. */
struct secrets_cluster {
    uint8_t keys[LINK_SECRETS_MAX][LINK_SECRET_BYTES];
    uint32_t count; /* 1 … LINK_SECRETS_MAX */
};

/* Lines of 64 hex digits at `path`. A missing file is made with one random secret when `may_create`, else
 * ERR_ACCESS. ERR_CORRUPT: other lines, or more; `secrets` is then as it was. */
MUST_USE enum err secrets_cluster(const char *path, bool may_create, struct secrets_cluster *secrets,
                                  char *message);

/* Keep the secrets in this process's memory out of core dumps and from other processes of the user, from now on:
 * to be called before the first of them is read. */
void secrets_forbid_dumps(void);

#endif
