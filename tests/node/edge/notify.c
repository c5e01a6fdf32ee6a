/* What the service manager is told, through a socket of the test. */
#include "tests/lib/check.h"

#include "node/edge/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *socket_path;
static const char *watchdog_usec;
static char *watchdog_pid;

static char *environment(const char *name)
{
    if (strcmp(name, "NOTIFY_SOCKET") == 0) return (char *)(uintptr_t)socket_path;
    if (strcmp(name, "WATCHDOG_USEC") == 0) return (char *)(uintptr_t)watchdog_usec;
    return strcmp(name, "WATCHDOG_PID") == 0 ? watchdog_pid : NULL;
}

/* A manager's socket under an abstract name of this process. */
static int listen_at(char *path, size_t path_bytes)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(path, path_bytes, "@skerry-notify-test-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    memcpy(name.sun_path, path, (size_t)length);
    name.sun_path[0] = '\0';
    assert_return_code(bind(fd, (const struct sockaddr *)&name,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)),
                       0);
    return fd;
}

static void assert_heard(int fd, const char *expected)
{
    char text[2 * NOTIFY_MESSAGE_BYTES];
    ssize_t length = recv(fd, text, sizeof text - 1, 0);
    if (expected == NULL) {
        assert_int_equal(length, -1);
        return;
    }
    assert_in_range(length, 0, sizeof text - 1);
    text[length] = '\0';
    assert_string_equal(text, expected);
}

static void every_state_is_one_message(void **state)
{
    (void)state;
    char path[64];
    int fd = listen_at(path, sizeof path);
    struct notify notify;
    socket_path = path;
    watchdog_usec = "3000000";
    watchdog_pid = NULL;
    notify_init(&notify, environment);
    notify_ready(&notify, "serving K2V at http://127.0.0.1:3904");
    assert_heard(fd, "READY=1\nSTATUS=serving K2V at http://127.0.0.1:3904");
    notify_reloading(&notify, 12345);
    assert_heard(fd, "RELOADING=1\nMONOTONIC_USEC=12345");
    notify_alive(&notify);
    assert_heard(fd, "WATCHDOG=1");
    notify_stopping(&notify);
    assert_heard(fd, "STOPPING=1\nSTATUS=draining");
    assert_heard(fd, NULL);
    close(fd);
}

static void a_long_status_is_cut(void **state)
{
    (void)state;
    char path[64];
    char status[3 * NOTIFY_MESSAGE_BYTES];
    char text[2 * NOTIFY_MESSAGE_BYTES];
    int fd = listen_at(path, sizeof path);
    struct notify notify;
    socket_path = path;
    notify_init(&notify, environment);
    memset(status, 'x', sizeof status - 1);
    status[sizeof status - 1] = '\0';
    notify_ready(&notify, status);
    assert_int_equal(recv(fd, text, sizeof text, 0), NOTIFY_MESSAGE_BYTES - 1);
    close(fd);
}

/* systemd sets the variables for one process; a child that inherits them must not answer in its place. */
static void the_watchdog_is_fed_only_when_it_watches_us(void **state)
{
    (void)state;
    char own[32];
    snprintf(own, sizeof own, "%d", (int)getpid());
    char other[] = "1";
    const struct {
        const char *usec;
        char *pid;
        bool is_watched;
    } cases[] = {{NULL, NULL, false},
                 {"", NULL, false},
                 {"5000000", NULL, true},
                 {"5000000", own, true},
                 {"5000000", other, false}};
    char path[64];
    int fd = listen_at(path, sizeof path);
    socket_path = path;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct notify notify;
        watchdog_usec = cases[i].usec;
        watchdog_pid = cases[i].pid;
        notify_init(&notify, environment);
        notify_alive(&notify);
        assert_heard(fd, cases[i].is_watched ? "WATCHDOG=1" : NULL);
    }
    close(fd);
}

static void without_a_manager_nothing_is_sent(void **state)
{
    (void)state;
    char too_long[2 * NOTIFY_PATH_BYTES];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[0] = '/';
    too_long[sizeof too_long - 1] = '\0';
    const char *paths[] = {NULL, "", "/", "@", "relative/path", too_long, "/nonexistent/socket"};
    watchdog_usec = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct notify notify;
        socket_path = paths[i];
        notify_init(&notify, environment);
        assert_int_equal(notify.path[0] != '\0', i == 6);
        notify_ready(&notify, "nobody hears this");
        notify_stopping(&notify);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_is_one_message),
        cmocka_unit_test(a_long_status_is_cut),
        cmocka_unit_test(the_watchdog_is_fed_only_when_it_watches_us),
        cmocka_unit_test(without_a_manager_nothing_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
