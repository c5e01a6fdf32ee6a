/* Settings, secrets, lock, database, loop: opened in this order, closed in the other. */
#include "node/edge/server.h"

#include "node/edge/client.h"
#include "node/edge/clock.h"
#include "node/edge/fault.h"
#include "node/edge/files.h"
#include "node/edge/loop.h"
#include "node/edge/notify.h"
#include "node/edge/reload.h"
#include "node/edge/self.h"
#include "node/edge/signals.h"

#include <sodium/core.h>
#include <sodium/crypto_generichash.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert((int)FILES_MESSAGE_BYTES >= (int)CONFIG_MESSAGE_BYTES, "one buffer serves both");
_Static_assert((int)FILES_MESSAGE_BYTES >= (int)KV_LMDB_MESSAGE_BYTES, "and the database's");

enum { MALLOC_MMAP_BYTES = 128 * 1024, MALLOC_TRIM_BYTES = 1024 * 1024 };
enum { RESERVED_DESCRIPTORS = 64 /* the database, logs, libuv's own */ };
static const char RESOLVER_OPTIONS[] =
    "timeout:2 attempts:1"; /* of each server of names: another dial asks again */
enum { LINKS_SHARE = 8 /* of all descriptors, one in so many is for links to other nodes at most */ };

/* All a server holds, so that one function can let go of it in any state. It lies, as the loop does, in memory
 * that is locked, guarded and wiped: keys are in it (H33). */
struct server {
    struct config config; /* in force */
    struct config given;  /* as the settings say it */
    int arguments_count;  /* of `skerry server`, to read them again */
    char **arguments;
    struct notify notify;
    struct log log;
    struct settings settings;
    struct files_lock lock;
    struct kv_lmdb kv;
    struct store store;
    struct loop_ports ports;
    struct secrets_cluster secrets;
    struct loop *loop;
    bool has_store;
    bool is_displaced; /* data.mdb is no longer the file that is written; said once */
    char message[FILES_MESSAGE_BYTES];
};

/* --- what the system gives ------------------------------------------------------------------------------- */

/* A connection is a descriptor: take as many as the system lets us have, and no more connections than that. */
static void fit_connections(struct server *server)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    uint64_t links = limit.rlim_cur / LINKS_SHARE;
    if (links > PEERS_LINKS_MAX) links = PEERS_LINKS_MAX;
    uint64_t reserved = LOOP_ADMIN_CONNECTIONS_MAX + CLIENT_TURNED_AWAY_MAX + RESERVED_DESCRIPTORS + links;
    uint64_t fit = limit.rlim_cur > reserved ? limit.rlim_cur - reserved : 1;
    if (server->config.k2v.max_connections <= fit) return;
    server->config.k2v.max_connections = fit;
    struct log_line line;
    log_begin(&line, &server->log, LOG_LEVEL_WARN,
              "fewer connections than configured: the system's limit of open files");
    log_u64(&line, "max_connections", fit);
    log_end(&line);
}

/* Zeroed memory with guard pages around it, locked where the system allows it, wiped by sodium_free(). libsodium
 * puts the end at the page's end: whole cache lines keep the beginning aligned for every type. */
static void *guarded_alloc(size_t bytes)
{
    enum { LINE_BYTES = 64 };
    size_t whole = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    void *memory = sodium_malloc(whole);
    if (memory != NULL) memset(memory, 0, whole);
    return memory;
}

/* --- opening -------------------------------------------------------------------------------------------- */

static void fill_settings(struct server *server)
{
    const struct config *config = &server->config;
    struct settings *settings = &server->settings;
    snprintf(settings->region, sizeof settings->region, "%s", config->k2v.region);
    settings->max_skew_s = config->k2v.max_skew_seconds;
    settings->max_value_bytes = config->k2v.max_value_bytes;
    settings->max_batch_bytes = config->k2v.max_batch_bytes;
    settings->max_memory_bytes = config->k2v.max_memory_bytes;
    settings->connections_max = (uint32_t)config->k2v.max_connections + LOOP_ADMIN_CONNECTIONS_MAX;
    settings->wants_demo = config->k2v.demo;
    self_fill(&settings->cluster, config, &server->ports.rpc.address, &server->secrets);
}

/* What tells this database file from a copy of it: the machine, the file's number on its disk, and when it was
 * born, where the file system tells. A restored or cloned directory gets another actor (H1). */
static void find_place(const char *data_dir, uint8_t place[ACTOR_PLACE_BYTES])
{
    char path[FILES_PATH_BYTES];
    char text[256] = "";
    struct statx info = {0};
    size_t length = 0;
    if (files_path(data_dir, "data.mdb", path)) (void)statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &info);
    int file = open("/etc/machine-id",
                    O_RDONLY | O_CLOEXEC); /* not fopen(): without memory it would be elsewhere */
    if (file >= 0) {
        ssize_t taken = read(file, text, 64);
        if (taken > 0) length = (size_t)taken;
        close(file);
    }
    int added = snprintf(text + length, sizeof text - length, "/%llu/%lld.%u", (unsigned long long)info.stx_ino,
                         (long long)info.stx_btime.tv_sec, (unsigned)info.stx_btime.tv_nsec);
    crypto_generichash(place, ACTOR_PLACE_BYTES, (const unsigned char *)text, length + (size_t)added, NULL, 0);
}

static enum err open_store(struct server *server)
{
    uint8_t seed[PRNG_SEED_BYTES];
    uint8_t place[ACTOR_PLACE_BYTES];
    char why[200] = "";
    const struct config *config = &server->config;
    enum err err = kv_lmdb_open(&server->kv, config->data_dir, config->store.map_bytes, server->message);
    if (err != ERR_OK) return err;
    randombytes_buf(seed, sizeof seed);
    find_place(config->data_dir, place);
    err = store_open(&server->store, &server->kv.kv, server->settings.seal_key, seed, place, why);
    server->has_store = err == ERR_OK;
    if (err != ERR_OK) snprintf(server->message, sizeof server->message, "%s: %s", config->data_dir, why);
    if (server->store.former_actors_taken > 0) {
        log_event_text(&server->log, LOG_LEVEL_WARN,
                       "the database lies elsewhere than before: writing under a new actor", "data_dir",
                       config->data_dir);
    }
    if (err == ERR_OK && server->store.was_former) {
        log_event_text(&server->log, LOG_LEVEL_INFO, "the database was of an older format, and is completed",
                       "data_dir", config->data_dir);
    }
    return err;
}

/* --- ready ---------------------------------------------------------------------------------------------- */

static void url_of(const struct port *port, char *url, size_t bytes)
{
    char text[CONFIG_ADDRESS_BYTES];
    config_address_encode(&port->address, port->address.port, text);
    snprintf(url, bytes, "http://%s", text);
}

static enum err write_endpoint(struct server *server, const char *name, const char *endpoint)
{
    char path[FILES_PATH_BYTES];
    char text[CONFIG_ADDRESS_BYTES + 16];
    int length = snprintf(text, sizeof text, "%s\n", endpoint);
    if (!files_path(server->config.data_dir, name, path)) return ERR_CONFIG;
    return files_replace(path, span_of(text, (size_t)length), server->message, sizeof server->message);
}

static enum err write_demo(struct server *server, const struct effect *effect, const char *url)
{
    char path[FILES_PATH_BYTES];
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "K2V_ENDPOINT=%s\nK2V_BUCKET=%.*s\nAWS_ACCESS_KEY_ID=%.*s\nAWS_SECRET_ACCESS_KEY=%.*s\n"
                          "AWS_REGION=%s\n",
                          url, (int)effect->ready.bucket.length, (const char *)effect->ready.bucket.bytes,
                          (int)effect->ready.key_id.length, (const char *)effect->ready.key_id.bytes,
                          (int)effect->ready.secret.length, (const char *)effect->ready.secret.bytes,
                          server->config.k2v.region);
    if (!files_path(server->config.data_dir, "demo.env", path)) return ERR_CONFIG;
    enum err err = files_secret_replace(path, span_of(text, (size_t)length), server->message,
                                        sizeof server->message);
    sodium_memzero(text, sizeof text);
    return err;
}

/* A demo of before this node joined a cluster leads nowhere. */
static void remove_demo(const struct server *server)
{
    char path[FILES_PATH_BYTES];
    if (files_path(server->config.data_dir, "demo.env", path)) (void)unlink(path);
}

/* For a person at a terminal who started a node for the first time. */
static void print_welcome(const struct server *server, const struct effect *effect, const char *url)
{
    const char *dir = server->config.data_dir;
    printf("\nSkerry %s serves K2V at %s\n\n", SKERRY_VERSION, url);
    printf("  bucket      %.*s\n", (int)effect->ready.bucket.length, (const char *)effect->ready.bucket.bytes);
    printf("  access key  %.*s  (its secret is in %s/demo.env)\n", (int)effect->ready.key_id.length,
           (const char *)effect->ready.key_id.bytes, dir);
    printf("  region      %s\n\n", server->config.k2v.region);
    printf("Try, in another terminal (skerry is %s here):\n\n", program_invocation_name);
    printf("  skerry k2v insert --env-file %s/demo.env greetings en 'hello, sea'\n", dir);
    printf("  skerry k2v read   --env-file %s/demo.env greetings en\n\n", dir);
    fflush(stdout);
}

static void tell_ready(const struct server *server)
{
    char url[CONFIG_ADDRESS_BYTES + 16];
    char status[CONFIG_ADDRESS_BYTES + 64];
    url_of(&server->ports.k2v, url, sizeof url);
    snprintf(status, sizeof status, "serving K2V at %s", url);
    notify_ready(&server->notify, status);
}

static void log_stale(const struct server *server)
{
    log_event_text(&server->log, LOG_LEVEL_WARN, "a file beside the database is stale", "why", server->message);
}

static void on_ready(struct loop *loop, const struct effect *effect)
{
    struct server *server = loop->owner;
    struct log_line line;
    char k2v[CONFIG_ADDRESS_BYTES + 16];
    char admin[CONFIG_ADDRESS_BYTES + 16];
    char rpc[CONFIG_ADDRESS_BYTES];
    url_of(&server->ports.k2v, k2v, sizeof k2v);
    url_of(&server->ports.admin, admin, sizeof admin);
    config_address_encode(&server->ports.rpc.address, server->ports.rpc.address.port, rpc);
    /* Conveniences: a full disk must not keep a node from serving what it has. */
    if (write_endpoint(server, "admin.endpoint", admin) != ERR_OK) log_stale(server);
    if (write_endpoint(server, "rpc.endpoint", rpc) != ERR_OK) log_stale(server);
    if (effect->ready.has_demo && write_demo(server, effect, k2v) != ERR_OK) log_stale(server);
    if (effect->ready.has_demo) print_welcome(server, effect, k2v);
    if (!effect->ready.has_demo && server->config.k2v.demo) remove_demo(server);
    log_begin(&line, &server->log, LOG_LEVEL_INFO, "ready");
    log_text(&line, "k2v", k2v);
    log_text(&line, "admin", admin);
    log_text(&line, "rpc", rpc);
    log_text(&line, "data_dir", server->config.data_dir);
    log_text(&line, "region", server->config.k2v.region);
    log_text(&line, "version", SKERRY_VERSION);
    log_end(&line);
    tell_ready(server);
}

/* --- settings, again ------------------------------------------------------------------------------------ */

/* A path that follows from the directory waits for the restart with it. */
static void keep_standard_path(const struct config *next, const char *name, char *path, const char *given)
{
    char standard[FILES_PATH_BYTES];
    bool follows = files_path(next->data_dir, name, standard) && strcmp(path, standard) == 0;
    if (follows) memcpy(path, given, CONFIG_PATH_BYTES);
}

static enum err read_again(struct server *server, struct config *next, char *token,
                           struct secrets_cluster *secrets)
{
    enum err err = config_load(next, server->arguments_count, server->arguments, getenv, server->message,
                               sizeof server->message);
    if (err != ERR_OK) return err;
    if (strcmp(next->data_dir, server->given.data_dir) != 0) {
        keep_standard_path(next, "admin.token", next->admin.token_file, server->given.admin.token_file);
        keep_standard_path(next, "rpc.secret", next->rpc.secret_file, server->given.rpc.secret_file);
    }
    err = secrets_admin_token(next->admin.token_file, false, token, server->message);
    if (err == ERR_OK) err = secrets_cluster(next->rpc.secret_file, false, secrets, server->message);
    return err;
}

static void log_waiting(const struct server *server, uint64_t waiting)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        char name[SETTING_NAME_BYTES];
        if ((waiting >> i & 1) == 0) continue;
        setting_flag(&SETTINGS[i], name);
        log_event_text(&server->log, LOG_LEVEL_WARN, "this setting waits for a restart", "setting", name);
    }
}

static void take_over(struct server *server, const struct config *next, const char *token,
                      const struct secrets_cluster *secrets)
{
    struct log_line line;
    struct reload reload = reload_take(&server->given, &server->config, next);
    bool has_new_token = strcmp(server->settings.admin_token, token) != 0;
    bool has_new_secret = memcmp(&server->secrets, secrets, sizeof *secrets) != 0;
    server->secrets = *secrets;
    snprintf(server->settings.admin_token, sizeof server->settings.admin_token, "%s", token);
    fill_settings(server);
    node_settings_changed(&server->loop->node);
    log_set_level(&server->log, server->config.log_level);
    log_waiting(server, reload.waiting);
    log_begin(&line, &server->log, LOG_LEVEL_INFO, "settings read again");
    log_u64(&line, "changed", (uint64_t)__builtin_popcountll(reload.taken));
    log_u64(&line, "waiting", (uint64_t)__builtin_popcountll(reload.waiting));
    log_bool(&line, "new_token", has_new_token);
    log_bool(&line, "new_secret", has_new_secret);
    log_end(&line);
}

/* All of the settings or none: with one mistake in them the server goes on as it was. */
static void on_reload(struct loop *loop)
{
    struct server *server = loop->owner;
    struct config next;
    char token[SECRETS_TOKEN_BYTES];
    struct secrets_cluster secrets = {0};
    notify_reloading(&server->notify, clock_monotonic_ms() * 1000);
    if (read_again(server, &next, token, &secrets) == ERR_OK) {
        take_over(server, &next, token, &secrets);
    } else {
        log_event_text(&server->log, LOG_LEVEL_WARN, "settings not read again; going on with those before", "why",
                       server->message);
    }
    sodium_memzero(token, sizeof token);
    sodium_memzero(&secrets, sizeof secrets);
    tell_ready(server);
}

/* A database that was moved or removed under the node takes what is written now with it. */
static void look_after_place(struct server *server)
{
    bool is_in_place = kv_lmdb_is_in_place(&server->kv);
    if (!is_in_place && !server->is_displaced) {
        log_event_text(&server->log, LOG_LEVEL_ERROR,
                       "data.mdb was moved or removed under this node: what is written now is lost when it ends",
                       "data_dir", server->config.data_dir);
    }
    server->is_displaced = !is_in_place;
}

static void on_alive(struct loop *loop)
{
    struct server *server = loop->owner;
    look_after_place(server);
    notify_alive(&server->notify);
}

static void on_draining(struct loop *loop)
{
    struct server *server = loop->owner;
    notify_stopping(&server->notify);
}

/* --- the run -------------------------------------------------------------------------------------------- */

/* Is it where the secret of the cluster is when nobody says where? Only there one is made: a path that was
 * mistyped would else begin a cluster of its own. */
static bool is_own_secret(const struct config *config)
{
    char standard[FILES_PATH_BYTES];
    return files_path(config->data_dir, "rpc.secret", standard) && strcmp(config->rpc.secret_file, standard) == 0;
}

/* The seal key last: one without a database says that a database was lost, not that a start failed. */
static enum err read_secrets(struct server *server)
{
    const struct config *config = &server->config;
    enum err err = secrets_cluster(config->rpc.secret_file, is_own_secret(config), &server->secrets,
                                   server->message);
    if (err == ERR_OK)
        err = secrets_admin_token(config->admin.token_file, true, server->settings.admin_token, server->message);
    if (err == ERR_OK)
        err = secrets_seal_key(config->seal_key_file, config->data_dir, &server->log, server->settings.seal_key,
                               server->message);
    return err;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Of the secrets those that a start would read, not make. */
static enum err check_secrets(struct server *server)
{
    const struct config *config = &server->config;
    enum err err = ERR_OK;
    log_init(&server->log, STDERR_FILENO, LOG_LEVEL_ERROR);
    if (!is_own_secret(config) || is_there(config->rpc.secret_file))
        err = secrets_cluster(config->rpc.secret_file, false, &server->secrets, server->message);
    if (err == ERR_OK && is_there(config->admin.token_file))
        err = secrets_admin_token(config->admin.token_file, false, server->settings.admin_token, server->message);
    if (err == ERR_OK && is_there(config->seal_key_file))
        err = secrets_seal_key(config->seal_key_file, config->data_dir, &server->log, server->settings.seal_key,
                               server->message);
    return err;
}

static enum err open_ports(struct server *server)
{
    const struct config *config = &server->config;
    struct loop_ports *ports = &server->ports;
    enum err err = port_open(&ports->k2v, &config->k2v.listen, false, server->message);
    if (err == ERR_OK) err = port_open(&ports->admin, &config->admin.listen, false, server->message);
    if (err == ERR_OK) err = port_open(&ports->rpc, &config->rpc.listen, true, server->message);
    return err;
}

static enum err open_loop(struct server *server)
{
    server->loop = guarded_alloc(sizeof *server->loop);
    if (server->loop == NULL) {
        snprintf(server->message, sizeof server->message, "out of memory");
        return ERR_MEMORY;
    }
    server->loop->on_ready = on_ready;
    server->loop->on_reload = on_reload;
    server->loop->on_alive = on_alive;
    server->loop->on_draining = on_draining;
    server->loop->owner = server;
    return loop_init(server->loop, &server->config, &server->log, &server->settings, &server->store, &server->kv,
                     &server->ports, server->message);
}

static enum err server_open(struct server *server)
{
    enum err err = files_lock_take(&server->lock, server->config.data_dir, server->message,
                                   sizeof server->message);
    if (err == ERR_OK) err = read_secrets(server);
    if (err == ERR_OK) err = open_store(server);
    if (err == ERR_OK) err = open_ports(server);
    if (err != ERR_OK) return err;
    fill_settings(server);
    return open_loop(server);
}

/* What a restart within the process opens anew: all but the lock, the secrets and the ports. */
static void close_store_and_loop(struct server *server)
{
    if (server->loop != NULL) loop_deinit(server->loop);
    sodium_free(server->loop);
    server->loop = NULL;
    if (server->has_store) store_close(&server->store);
    server->has_store = false;
    kv_lmdb_close(&server->kv);
}

static void server_close(struct server *server)
{
    close_store_and_loop(server);
    port_close(&server->ports.k2v);
    port_close(&server->ports.admin);
    port_close(&server->ports.rpc);
    files_lock_release(&server->lock);
}

/* The database's keys are others now. A signal meanwhile waits for the next loop: nobody else would take it. */
static enum err begin_again(struct server *server)
{
    sigset_t before;
    log_event(&server->log, LOG_LEVEL_INFO, "opening the database again");
    signals_hold(&before);
    close_store_and_loop(server);
    enum err err = open_store(server);
    if (err == ERR_OK) err = open_loop(server);
    signals_release(&before);
    return err;
}

/* `before`: the signals that were let through before those for the loop were held back. */
static int run(struct server *server, const sigset_t *before)
{
    fit_connections(server);
    enum err err = server_open(server);
    signals_release(before);
    while (err == ERR_OK) {
        loop_run(server->loop);
        const struct loop *loop = server->loop;
        if (!loop->wants_restart || loop->is_draining || loop->failure != ERR_OK) break;
        err = begin_again(server);
    }
    if (err != ERR_OK) {
        log_event_text(&server->log, LOG_LEVEL_ERROR, "cannot start", "why", server->message);
    } else {
        err = server->loop->failure;
        log_event(&server->log, err == ERR_OK ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "stopped");
    }
    server_close(server);
    return err == ERR_OK ? 0 : 1;
}

int server_main(int argc, char **argv)
{
    struct server *server = sodium_init() < 0 ? NULL : guarded_alloc(sizeof *server);
    if (server == NULL) return 1;
    sigset_t before;
    signals_hold(&before); /* who is told to end while it starts ends as at any time, when there is a loop */
    server->lock.fd = -1;
    port_init(&server->ports.k2v);
    port_init(&server->ports.admin);
    port_init(&server->ports.rpc);
    server->arguments_count = argc - 1;
    server->arguments = argv + 1;
    enum err err = config_load(&server->config, argc - 1, argv + 1, getenv, server->message,
                               sizeof server->message);
    server->given = server->config;
    if (err == ERR_OK && server->config.check_only) err = check_secrets(server);
    int code = 2;
    if (err != ERR_OK) {
        fprintf(stderr, "skerry server: %s\n", server->message);
    } else if (server->config.help) {
        config_usage(stdout);
        code = 0;
    } else if (server->config.check_only) {
        printf("configuration ok\n");
        code = 0;
    } else {
        secrets_forbid_dumps();
        /* What a large request took goes back to the system when it ends. */
        (void)mallopt(M_MMAP_THRESHOLD, MALLOC_MMAP_BYTES);
        (void)mallopt(M_TRIM_THRESHOLD, MALLOC_TRIM_BYTES);
        (void)setenv("RES_OPTIONS", RESOLVER_OPTIONS, 0); /* a name that is asked for holds the end up */
        fault_watch();
        (void)signal(SIGPIPE, SIG_IGN); /* a client that went away is an error of its write, not of the process */
        notify_init(&server->notify, getenv);
        log_init(&server->log, STDERR_FILENO, server->config.log_level);
        code = run(server, &before);
    }
    sodium_free(server);
    return code;
}
