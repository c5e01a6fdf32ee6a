/* NAME=value lines, and IPv4 addresses in figures. */
#include "tests/bench/target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(char *text, const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != '=') return;
    const char *value = line + length + 1;
    size_t chars = strcspn(value, "\r\n");
    if (chars >= TARGET_TEXT_BYTES) bench_fail("the value of %s is too long", name);
    memcpy(text, value, chars);
    text[chars] = '\0';
}

static void read_file(struct target *target, const char *path)
{
    char line[TARGET_TEXT_BYTES * 2];
    FILE *file = fopen(path, "r");
    if (file == NULL) bench_fail("cannot read %s", path);
    while (fgets(line, sizeof line, file) != NULL) {
        take(target->host, line, "K2V_ENDPOINT");
        take(target->bucket, line, "K2V_BUCKET");
        take(target->key_id, line, "AWS_ACCESS_KEY_ID");
        take(target->secret, line, "AWS_SECRET_ACCESS_KEY");
        take(target->region, line, "AWS_REGION");
    }
    fclose(file);
    static const char scheme[] = "http://";
    if (strncmp(target->host, scheme, sizeof scheme - 1) != 0) bench_fail("%s has no http endpoint", path);
    memmove(target->host, target->host + sizeof scheme - 1, strlen(target->host) - sizeof scheme + 2);
}

static void read_address(struct target *target, const char *text)
{
    char host[TARGET_TEXT_BYTES];
    snprintf(host, sizeof host, "%s", text);
    char *colon = strrchr(host, ':');
    if (colon == NULL) bench_fail("%s is no address with a port", text);
    *colon = '\0';
    target->address.sin_family = AF_INET;
    target->address.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &target->address.sin_addr) != 1) bench_fail("%s is no IPv4 address", text);
}

void target_init(struct target *target, const struct options *options)
{
    *target = (struct target){
        .host = "bench", .bucket = "bench", .key_id = "GK0", .secret = "s", .region = "garage"};
    if (options->env_file != NULL) read_file(target, options->env_file);
    if (options->env_file == NULL && options->address == NULL) bench_fail("whom to ask? --env-file or --address");
    read_address(target, options->address != NULL ? options->address : target->host);
}
