/* Reading secrets, making those that are missing, and wiping what lay in between. */
#include "node/edge/secrets.h"

#include "node/base/hash.h"

#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TOKEN_RANDOM_BYTES = 32 };

static enum err seal_key_create(const char *path, uint8_t key[SEAL_KEY_BYTES], char *message)
{
    char text[2 * SEAL_KEY_BYTES + 1];
    randombytes_buf(key, SEAL_KEY_BYTES);
    hash_hex(key, SEAL_KEY_BYTES, text);
    text[2 * SEAL_KEY_BYTES] = '\n';
    enum err err = files_secret_create(path, span_of(text, sizeof text), message, FILES_MESSAGE_BYTES);
    sodium_memzero(text, sizeof text);
    return err;
}

enum err secrets_seal_key(const char *path, const char *data_dir, const struct log *log,
                          uint8_t key[SEAL_KEY_BYTES], char *message)
{
    char text[2 * SEAL_KEY_BYTES + 1];
    size_t length = 0;
    bool exists = false;
    char database[FILES_PATH_BYTES];
    enum err err = files_secret_read(path, text, sizeof text - 1, sizeof text, &length, &exists, message,
                                     FILES_MESSAGE_BYTES);
    if (err != ERR_OK) return err;
    bool has_database = files_path(data_dir, "data.mdb", database) && access(database, F_OK) == 0;
    if (!exists && has_database) {
        snprintf(message, FILES_MESSAGE_BYTES,
                 "%s is missing, but there is a database in %s: give the seal key it was made with", path,
                 data_dir);
        return ERR_ACCESS;
    }
    if (!exists) return seal_key_create(path, key, message);
    if (!has_database) {
        log_event_text(log, LOG_LEVEL_WARN, "there is a seal key but no database: beginning with an empty one",
                       "data_dir", data_dir);
    }
    if (!hash_unhex(span_of(text, 2 * SEAL_KEY_BYTES), key, SEAL_KEY_BYTES)) {
        snprintf(message, FILES_MESSAGE_BYTES, "%s does not hold 64 hex digits", path);
        err = ERR_CORRUPT;
    }
    sodium_memzero(text, sizeof text);
    return err;
}

static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') return false;
    }
    return length >= SECRETS_TOKEN_CHARS_MIN;
}

/* A new token into `text`; returns its length with the newline. */
static size_t token_create(const char *path, char *text, enum err *err, char *message)
{
    uint8_t random[TOKEN_RANDOM_BYTES];
    size_t length = 2 * sizeof random;
    randombytes_buf(random, sizeof random);
    hash_hex(random, sizeof random, text);
    text[length++] = '\n';
    *err = files_secret_create(path, span_of(text, length), message, FILES_MESSAGE_BYTES);
    sodium_memzero(random, sizeof random);
    return length;
}

enum err secrets_admin_token(const char *path, bool may_create, char token[SECRETS_TOKEN_BYTES], char *message)
{
    char text[SECRETS_TOKEN_BYTES];
    size_t length = 0;
    bool exists = false;
    enum err err = files_secret_read(path, text, 1, sizeof text - 1, &length, &exists, message,
                                     FILES_MESSAGE_BYTES);
    if (err != ERR_OK) return err;
    if (!exists && !may_create) {
        snprintf(message, FILES_MESSAGE_BYTES, "%s is missing", path);
        return ERR_ACCESS;
    }
    if (!exists) length = token_create(path, text, &err, message);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    if (err == ERR_OK && !is_token(text, length)) {
        snprintf(message, FILES_MESSAGE_BYTES, "%s must hold one token of %d to %d visible characters", path,
                 SECRETS_TOKEN_CHARS_MIN, SECRETS_TOKEN_BYTES - 2);
        err = ERR_CORRUPT;
    }
    if (err == ERR_OK) {
        memcpy(token, text, length);
        token[length] = '\0';
    }
    sodium_memzero(text, sizeof text);
    return err;
}

/* One random secret with its newline into `text`. */
static enum err cluster_create(const char *path, char *text, size_t *length, char *message)
{
    uint8_t random[LINK_SECRET_BYTES];
    randombytes_buf(random, sizeof random);
    hash_hex(random, sizeof random, text);
    *length = 2 * sizeof random;
    text[(*length)++] = '\n';
    sodium_memzero(random, sizeof random);
    return files_secret_create(path, span_of(text, *length), message, FILES_MESSAGE_BYTES);
}

/* The next line of `rest` without its end; false when none is left. */
static bool take_line(struct span *rest, struct span *line)
{
    if (rest->length == 0) return false;
    const uint8_t *newline = memchr(rest->bytes, '\n', rest->length);
    size_t length = newline == NULL ? rest->length : (size_t)(newline - rest->bytes);
    size_t whole = newline == NULL ? length : length + 1;
    *line = span_of(rest->bytes, length);
    if (length > 0 && line->bytes[length - 1] == '\r') line->length--;
    *rest = span_of(rest->bytes + whole, rest->length - whole);
    return true;
}

static bool cluster_decode(struct span text, struct secrets_cluster *secrets)
{
    struct span line;
    struct secrets_cluster read = {0};
    while (take_line(&text, &line)) {
        if (read.count == LINK_SECRETS_MAX || line.length != 2 * LINK_SECRET_BYTES) return false;
        if (!hash_unhex(line, read.keys[read.count++], LINK_SECRET_BYTES)) return false;
    }
    if (read.count == 0) return false;
    *secrets = read;
    sodium_memzero(&read, sizeof read);
    return true;
}

enum err secrets_cluster(const char *path, bool may_create, struct secrets_cluster *secrets, char *message)
{
    char text[LINK_SECRETS_MAX * (2 * LINK_SECRET_BYTES + 2)];
    size_t length = 0;
    bool exists = false;
    enum err err = files_secret_read(path, text, 2 * LINK_SECRET_BYTES, sizeof text, &length, &exists, message,
                                     FILES_MESSAGE_BYTES);
    if (err != ERR_OK) return err;
    if (!exists && !may_create) {
        snprintf(message, FILES_MESSAGE_BYTES,
                 "%s is missing: copy the one of another node, or for the first one make it with "
                 "(umask 077 && openssl rand -hex 32 > FILE)",
                 path);
        return ERR_ACCESS;
    }
    if (!exists) err = cluster_create(path, text, &length, message);
    if (err == ERR_OK && !cluster_decode(span_of(text, length), secrets)) {
        snprintf(message, FILES_MESSAGE_BYTES, "%s must hold one or %d lines of %d hex digits", path,
                 LINK_SECRETS_MAX, 2 * LINK_SECRET_BYTES);
        err = ERR_CORRUPT;
    }
    sodium_memzero(text, sizeof text);
    return err;
}

void secrets_forbid_dumps(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}
