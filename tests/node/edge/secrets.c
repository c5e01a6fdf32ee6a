/* The secret of a cluster in its file: made when it is missing, one line or two, and nobody else's to read. */
#include "tests/lib/check.h"

#include "node/edge/secrets.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DIGITS_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static char path[] = "/tmp/skerry-secret-XXXXXX";

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void a_missing_secret_is_made_once_for_its_owner_alone(void **state)
{
    (void)state;
    struct secrets_cluster made = {0};
    struct secrets_cluster again = {0};
    struct stat status;
    char message[FILES_MESSAGE_BYTES];
    unlink(path);
    assert_err(secrets_cluster(path, false, &made, message), ERR_ACCESS);
    assert_int_equal(made.count, 0);
    assert_ok(secrets_cluster(path, true, &made, message));
    assert_ok(secrets_cluster(path, true, &again, message));
    assert_int_equal(made.count, 1);
    assert_memory_equal(&made, &again, sizeof made);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 65);
}

static void one_line_or_two_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t count; /* 0: refused */
    } files[] = {
        {DIGITS_A "\n", 1},
        {DIGITS_A, 1},
        {DIGITS_A "\n" DIGITS_B "\n", 2},
        {DIGITS_A "\r\n" DIGITS_B "\r\n", 2},
        {"", 0},
        {"\n" DIGITS_A "\n", 0},
        {DIGITS_A "\n\n", 0},
        {DIGITS_A "0\n", 0},
        {"x" DIGITS_A "\n", 0},
        {DIGITS_A " \n", 0},
        {DIGITS_A "\n" DIGITS_B "\n" DIGITS_A "\n", 0},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct secrets_cluster secrets = {.count = 77};
        char message[FILES_MESSAGE_BYTES];
        write_file(files[i].text, 0600);
        enum err err = secrets_cluster(path, true, &secrets, message);
        assert_err(err, files[i].count > 0 ? ERR_OK : ERR_CORRUPT);
        assert_int_equal(secrets.count, files[i].count > 0 ? files[i].count : 77);
        if (files[i].count == 0) continue;
        assert_int_equal(secrets.keys[0][1], 0x11);
        if (files[i].count == 2) assert_int_equal(secrets.keys[1][1], 0xee);
    }
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    (void)state;
    struct secrets_cluster secrets = {0};
    char message[FILES_MESSAGE_BYTES];
    write_file(DIGITS_A "\n", 0640);
    assert_err(secrets_cluster(path, true, &secrets, message), ERR_ACCESS);
    assert_int_equal(secrets.count, 0);
    assert_non_null(strstr(message, "replace the secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_secret_is_made_once_for_its_owner_alone),
        cmocka_unit_test(one_line_or_two_are_taken),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
    };
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
