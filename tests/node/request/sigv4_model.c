/* A plain model of the canonical request, written out as text, is asked the same as the real thing. */
#include "tests/node/request/client.h"

struct model {
    char text[128 * 1024];
    size_t used;
};

static void model_add(struct model *model, const char *text, size_t length)
{
    assert_true(length < sizeof model->text - model->used);
    memcpy(model->text + model->used, text, length);
    model->used += length;
}

static void model_add_text(struct model *model, const char *text)
{
    model_add(model, text, strlen(text));
}

static void model_add_encoded(struct model *model, struct http_span text, const char *kept)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        char escape[4];
        bool is_kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       (c != '\0' && strchr(kept, c) != NULL);
        snprintf(escape, sizeof escape, "%%%02X", (unsigned)(unsigned char)c);
        if (is_kept) {
            model_add(model, &c, 1);
        } else {
            model_add_text(model, escape);
        }
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void model_add_query(struct model *model, const struct http_route *route, const char *skip)
{
    char *pairs[HTTP_PARAMETERS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        if (http_is_equal_nocase(route->parameters[i].name, skip)) continue;
        struct model *pair = calloc(1, sizeof *pair);
        assert_non_null(pair);
        model_add_encoded(pair, route->parameters[i].name, "-_.~");
        model_add_text(pair, "=");
        model_add_encoded(pair, route->parameters[i].value, "-_.~");
        pairs[count++] = pair->text; /* the first member, so that it can be freed by it */
    }
    qsort(pairs, count, sizeof pairs[0], compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) model_add_text(model, "&");
        model_add_text(model, pairs[i]);
        free(pairs[i]);
    }
}

/* `names` are sorted. */
static void model_hash(const struct client *client, const char *const *names, const char *payload_hash,
                       uint8_t hash[HASH_SHA256_BYTES])
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model_add(model, client->head.method.at, client->head.method.length);
    model_add_text(model, "\n");
    model_add_encoded(model, client->route.path, "-_.~/");
    model_add_text(model, "\n");
    model_add_query(model, &client->route, "x-amz-signature");
    model_add_text(model, "\n");
    for (size_t i = 0; names[i] != NULL; i++) {
        const struct http_header *header = http_head_find(&client->head, names[i]);
        model_add_text(model, names[i]);
        model_add_text(model, ":");
        model_add(model, header->value.at, header->value.length);
        model_add_text(model, "\n");
    }
    model_add_text(model, "\n");
    for (size_t i = 0; names[i] != NULL; i++) {
        model_add_text(model, i > 0 ? ";" : "");
        model_add_text(model, names[i]);
    }
    model_add_text(model, "\n");
    model_add_text(model, payload_hash);
    hash_sha256(model->text, model->used, hash);
    free(model);
}

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Up to `chars` characters: plain ones that may stand in path and query, and escapes of ASCII in either case. */
static size_t draw_text(uint64_t *seed, char *text, size_t chars)
{
    static const char plain[] = "abcXYZ019-._~!$'()*,;:@";
    size_t used = 0;
    for (size_t i = 0; i < chars; i++) {
        if (draw(seed) % 2 == 0) {
            text[used++] = plain[draw(seed) % (sizeof plain - 1)];
        } else {
            used += (size_t)sprintf(text + used, draw(seed) % 2 ? "%%%02x" : "%%%02X",
                                    (unsigned)(draw(seed) % 128));
        }
    }
    return used;
}

/* A random target: a path, up to 12 parameters of different names, some of them large. */
static void draw_target(uint64_t *seed, char *target)
{
    size_t used = (size_t)sprintf(target, "/bucket/k");
    used += draw_text(seed, target + used, draw(seed) % 40);
    used += (size_t)sprintf(target + used, "?sort_key=%%e2%%89%%a4");
    uint64_t parameters = draw(seed) % 12;
    for (uint64_t i = 0; i < parameters; i++) {
        char first = (char)(draw(seed) % 2 ? 'A' + (char)(draw(seed) % 26) : 'a' + (char)(draw(seed) % 26));
        used += (size_t)sprintf(target + used, "&%c%u=", first, (unsigned)i);
        used += draw_text(seed, target + used, draw(seed) % 8 == 0 ? 300 : draw(seed) % 10);
    }
    target[used] = '\0';
}

static void random_requests_hash_as_the_model_says(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250615;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 300; round++) {
        char target[HTTP_TARGET_BYTES_MAX];
        char value[1500];
        draw_target(&seed, target);
        struct client *client = client_begin("GET", target);
        client_add_usual(client, HASH_OF_NOTHING);
        size_t length = draw(&seed) % sizeof value;
        memset(value, (int)('a' + draw(&seed) % 26), sizeof value);
        client_add_bytes(client, "X-Other", value, length);
        const char *names[] = {"host", "x-amz-content-sha256", "x-amz-date", "x-other", NULL};
        uint8_t hash[HASH_SHA256_BYTES];
        uint8_t expected[HASH_SHA256_BYTES];
        client_canonical_hash(client, names, HASH_OF_NOTHING, hash);
        model_hash(client, names, HASH_OF_NOTHING, expected);
        assert_memory_equal(hash, expected, sizeof hash);
        client_end(client);
    }
}

/* Texts that fill the hash's window at every place, by escapes of three characters and by plain ones. */
static void long_paths_and_values_hash_as_the_model_says(void **state)
{
    (void)state;
    static char target[8192];
    for (size_t length = 0; length < 700; length += 1) {
        size_t used = (size_t)sprintf(target, "/b/k%.*s", (int)(length % 4), "xxxx");
        for (size_t i = 0; i < length; i++) {
            target[used++] = '@';
        }
        used += (size_t)sprintf(target + used, "?sort_key=s");
        for (size_t i = 0; i < length; i++) {
            target[used++] = '@';
        }
        target[used] = '\0';
        struct client *client = client_begin("GET", target);
        client_add_usual(client, HASH_OF_NOTHING);
        const char *names[] = {"host", NULL};
        uint8_t hash[HASH_SHA256_BYTES];
        uint8_t expected[HASH_SHA256_BYTES];
        client_canonical_hash(client, names, HASH_OF_NOTHING, hash);
        model_hash(client, names, HASH_OF_NOTHING, expected);
        assert_memory_equal(hash, expected, sizeof hash);
        client_end(client);
    }
}

/* Every byte, in the path and in a value: kept or escaped exactly as the model has it. */
static void every_byte_is_encoded_as_the_model_says(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char raw = (char)byte;
        struct client *client = client_begin("GET", "/b/k?sort_key=x");
        client_add_usual(client, HASH_OF_NOTHING);
        client->route.path = (struct http_span){&raw, 1};
        client->route.parameters[0].value = (struct http_span){&raw, 1};
        const char *names[] = {"host", NULL};
        uint8_t hash[HASH_SHA256_BYTES];
        uint8_t expected[HASH_SHA256_BYTES];
        client_canonical_hash(client, names, HASH_OF_NOTHING, hash);
        model_hash(client, names, HASH_OF_NOTHING, expected);
        assert_memory_equal(hash, expected, sizeof hash);
        client_end(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_requests_hash_as_the_model_says),
        cmocka_unit_test(long_paths_and_values_hash_as_the_model_says),
        cmocka_unit_test(every_byte_is_encoded_as_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
