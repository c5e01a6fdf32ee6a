/* Telling the service manager what the server is doing: the datagrams of sd_notify(3).
 *
 * Where $NOTIFY_SOCKET is not set, nobody listens and every call does nothing. The protocol is a few lines of text
 * to a Unix socket and is promised to stay (sd_notify(3), "Standalone implementations"), so no library is linked
 * for it (docs/decisions/0010).
 */
#ifndef NODE_EDGE_NOTIFY_H
#define NODE_EDGE_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NOTIFY_PATH_BYTES = 108 /* sun_path */, NOTIFY_MESSAGE_BYTES = 256 };

struct notify {
    char path[NOTIFY_PATH_BYTES]; /* NUL-terminated; "" when nobody listens; '@' first for an abstract name */
    bool has_watchdog;            /* the manager ends a server that it has not heard of for a while */
};

/* Read $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID through `environment`. A path that is too long, or neither
 * absolute nor abstract, is nobody. */
void notify_init(struct notify *notify, char *(*environment)(const char *name));

/* Requests are served. `status` is one line for `systemctl status`, cut at NOTIFY_MESSAGE_BYTES. */
void notify_ready(const struct notify *notify, const char *status);

/* Settings are being read again; notify_ready() ends that. `now_us` is of the monotonic clock. */
void notify_reloading(const struct notify *notify, uint64_t now_us);

void notify_stopping(const struct notify *notify);

/* The loop still turns. Wanted at least every half of $WATCHDOG_USEC; the server calls it once a second. */
void notify_alive(const struct notify *notify);

#endif
