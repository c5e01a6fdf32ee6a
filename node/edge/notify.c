/* One datagram a message; what cannot be sent is not sent, for a manager that is not there must not stop a node.
 */
#include "node/edge/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The watchdog is meant for us when no process is named, or this one. */
static bool is_watched(char *(*environment)(const char *name))
{
    const char *usec = environment("WATCHDOG_USEC");
    const char *pid = environment("WATCHDOG_PID");
    if (usec == NULL || usec[0] == '\0') return false;
    return pid == NULL || strtoll(pid, NULL, 10) == (long long)getpid();
}

void notify_init(struct notify *notify, char *(*environment)(const char *name))
{
    *notify = (struct notify){0};
    const char *path = environment("NOTIFY_SOCKET");
    if (path == NULL || (path[0] != '/' && path[0] != '@') || path[1] == '\0') return;
    if (strlen(path) >= sizeof notify->path) return;
    memcpy(notify->path, path, strlen(path) + 1);
    notify->has_watchdog = is_watched(environment);
}

static void send_message(const struct notify *notify, const char *message)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t length = strlen(notify->path);
    if (length == 0) return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    memcpy(name.sun_path, notify->path, length);
    if (name.sun_path[0] == '@') name.sun_path[0] = '\0';
    (void)sendto(fd, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&name,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

void notify_ready(const struct notify *notify, const char *status)
{
    char message[NOTIFY_MESSAGE_BYTES];
    snprintf(message, sizeof message, "READY=1\nSTATUS=%s", status);
    send_message(notify, message);
}

void notify_reloading(const struct notify *notify, uint64_t now_us)
{
    char message[NOTIFY_MESSAGE_BYTES];
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_us);
    send_message(notify, message);
}

void notify_stopping(const struct notify *notify)
{
    send_message(notify, "STOPPING=1\nSTATUS=draining");
}

void notify_alive(const struct notify *notify)
{
    if (notify->has_watchdog) send_message(notify, "WATCHDOG=1");
}
