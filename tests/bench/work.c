/* Requests made beforehand, and batches made on the spot. */
#include "tests/bench/work.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_CHARS_MAX = 32,
    PATH_CHARS_MAX = TARGET_TEXT_BYTES + KEY_CHARS_MAX + 2,
    BATCH_ITEM_CHARS = 96, /* of an element of InsertBatch, beside its value */
    RANGE_CHARS_MAX = 160,
};

static const char LINE_END[] = "\r\n";

static struct iovec piece(const void *bytes, size_t length)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
}

static struct http_span text(const char *string)
{
    return (struct http_span){string, strlen(string)};
}

/* xorshift64*: good enough to draw keys, and the same at every run. */
static uint64_t draw(struct work *work)
{
    work->random ^= work->random >> 12;
    work->random ^= work->random << 25;
    work->random ^= work->random >> 27;
    return work->random * UINT64_C(2685821657736338717);
}

bool work_is_redis(const struct work *work)
{
    return work->options->work == WORK_REDIS_SET || work->options->work == WORK_REDIS_GET;
}

static void partition_key(const struct work *work, uint64_t item, char key[KEY_CHARS_MAX])
{
    snprintf(key, KEY_CHARS_MAX, "p%07llu", (unsigned long long)(item / work->options->per_partition));
}

static void sort_key(uint64_t item, char key[KEY_CHARS_MAX])
{
    snprintf(key, KEY_CHARS_MAX, "k%09llu", (unsigned long long)item);
}

/* --- requests made beforehand --------------------------------------------------------------------------- */

/* Sign, and keep the head and what follows it up to the value in one block. */
static struct iovec keep(struct work *work, const struct sign_request *request, const char *rest,
                         size_t rest_bytes)
{
    char head[SIGN_HEAD_BYTES_MAX];
    size_t length = signer_head(&work->signer, request, head);
    char *kept = bench_alloc(length + rest_bytes);
    memcpy(kept, head, length);
    memcpy(kept + length, rest, rest_bytes);
    return piece(kept, length + rest_bytes);
}

static struct iovec make_item_request(struct work *work, uint64_t item, const char *method)
{
    char path[PATH_CHARS_MAX], partition[KEY_CHARS_MAX], sort[KEY_CHARS_MAX];
    partition_key(work, item, partition);
    sort_key(item, sort);
    snprintf(path, sizeof path, "/%s/%s", work->target.bucket, partition);
    struct http_parameter parameters[3] = {{text("sort_key"), text(sort)}};
    struct sign_request request = {
        .method = method, .path = path, .parameters = parameters, .parameters_count = 1};
    bool is_put = strcmp(method, "PUT") == 0;
    if (is_put)
        request.content_length = work->options->value_bytes;
    else
        request.accept = "application/octet-stream";
    sign_hash_payload(work->value, is_put ? work->options->value_bytes : 0, request.payload_hash);
    if (!is_put && work->options->work == WORK_POLL) {
        parameters[1] = (struct http_parameter){text("causality_token"), text("AAAAAAAAAAA")};
        parameters[2] = (struct http_parameter){text("timeout"), text("10")};
        request.parameters_count = 3;
    }
    /* A PUT stays open for the line of its token. */
    return keep(work, &request, LINE_END, is_put ? 0 : sizeof LINE_END - 1);
}

static struct iovec make_range_request(struct work *work, uint64_t item)
{
    char path[PATH_CHARS_MAX], partition[KEY_CHARS_MAX], rest[RANGE_CHARS_MAX];
    partition_key(work, item, partition);
    snprintf(path, sizeof path, "/%s", work->target.bucket);
    struct http_parameter parameters[1] = {{text("search"), text("")}};
    int length = snprintf(rest, sizeof rest, "\r\n[{\"partitionKey\":\"%s\",\"limit\":%u}]", partition,
                          work->options->batch);
    size_t body_bytes = (size_t)length - (sizeof LINE_END - 1);
    struct sign_request request = {
        .method = "POST", .path = path, .parameters = parameters, .parameters_count = 1};
    request.content_length = body_bytes;
    sign_hash_payload(rest + sizeof LINE_END - 1, body_bytes, request.payload_hash);
    return keep(work, &request, rest, (size_t)length);
}

static struct iovec make_index_request(struct work *work, uint64_t item)
{
    char path[PATH_CHARS_MAX], partition[KEY_CHARS_MAX], limit[KEY_CHARS_MAX];
    partition_key(work, item, partition);
    snprintf(path, sizeof path, "/%s", work->target.bucket);
    snprintf(limit, sizeof limit, "%u", work->options->batch);
    struct http_parameter parameters[2] = {{text("start"), text(partition)}, {text("limit"), text(limit)}};
    struct sign_request request = {.method = "GET", .path = path, .parameters = parameters, .parameters_count = 2};
    sign_hash_payload("", 0, request.payload_hash);
    return keep(work, &request, LINE_END, sizeof LINE_END - 1);
}

static struct iovec make_redis_request(struct work *work, uint64_t item)
{
    char line[RANGE_CHARS_MAX], partition[KEY_CHARS_MAX], sort[KEY_CHARS_MAX];
    partition_key(work, item, partition);
    sort_key(item, sort);
    size_t key_chars = strlen(partition) + 1 + strlen(sort);
    int length = work->options->work == WORK_REDIS_SET
                     ? snprintf(line, sizeof line, "*3\r\n$3\r\nSET\r\n$%zu\r\n%s/%s\r\n$%u\r\n", key_chars,
                                partition, sort, work->options->value_bytes)
                     : snprintf(line, sizeof line, "*2\r\n$3\r\nGET\r\n$%zu\r\n%s/%s\r\n", key_chars, partition,
                                sort);
    char *kept = bench_alloc((uint64_t)length);
    memcpy(kept, line, (size_t)length);
    return piece(kept, (size_t)length);
}

static struct iovec make_request(struct work *work, uint64_t item)
{
    switch (work->options->work) {
    case WORK_GET:
    case WORK_POLL: return make_item_request(work, item, "GET");
    case WORK_PUT: return make_item_request(work, item, "PUT");
    case WORK_READ_BATCH: return make_range_request(work, item);
    case WORK_READ_INDEX: return make_index_request(work, item);
    case WORK_REDIS_SET:
    case WORK_REDIS_GET: return make_redis_request(work, item);
    case WORK_INSERT_BATCH:
    case WORK_KINDS_COUNT: break;
    }
    return piece(NULL, 0);
}

static void make_slots(struct work *work)
{
    const struct options *options = work->options;
    bool is_of_partitions = options->work == WORK_READ_BATCH || options->work == WORK_READ_INDEX;
    uint64_t step = is_of_partitions ? options->per_partition : 1;
    uint64_t things = options->items / step;
    work->slots_count = options->distinct < things ? options->distinct : things;
    if (work->slots_count == 0) bench_fail("there are fewer items than a partition has");
    if (options->work == WORK_PUT && work->slots_count < options->connections) {
        bench_fail("every connection writes items of its own: more items, or fewer connections");
    }
    work->heads = bench_alloc(work->slots_count * sizeof *work->heads);
    work->learning = bench_alloc(work->slots_count * sizeof *work->learning);
    work->tokens = bench_alloc(options->work == WORK_PUT ? work->slots_count * sizeof *work->tokens : 0);
    for (uint64_t slot = 0; slot < work->slots_count; slot++) {
        uint64_t item = slot * things / work->slots_count * step;
        work->heads[slot] = make_request(work, item);
        if (options->work == WORK_PUT) work->learning[slot] = make_item_request(work, item, "GET");
    }
}

void work_init(struct work *work, const struct options *options)
{
    *work = (struct work){.options = options, .next_item = options->first};
    work->random = UINT64_C(0x9e3779b97f4a7c15) * (options->seed + UINT64_C(1));
    target_init(&work->target, options);
    signer_init(&work->signer, &work->target, options->is_presigned);
    work->value = bench_alloc(options->value_bytes + sizeof LINE_END);
    for (uint32_t i = 0; i < options->value_bytes; i++) {
        work->value[i] = (char)draw(work);
    }
    if (work_is_redis(work)) memcpy(work->value + options->value_bytes, LINE_END, sizeof LINE_END - 1);
    if (options->work != WORK_INSERT_BATCH) make_slots(work);
}

void work_deinit(struct work *work)
{
    for (uint64_t slot = 0; slot < work->slots_count; slot++) {
        free(work->heads[slot].iov_base);
        free(work->learning[slot].iov_base);
    }
    free(work->heads);
    free(work->learning);
    free(work->tokens);
    free(work->value);
}

/* --- one request ---------------------------------------------------------------------------------------- */

static void reserve(struct request *request, uint64_t bytes)
{
    if (request->own_bytes >= bytes) return;
    free(request->own);
    request->own = bench_alloc(bytes);
    request->own_bytes = bytes;
}

/* The elements of the next batch of new items; returns the chars. */
static size_t make_elements(struct work *work, char *body, size_t room)
{
    const struct options *options = work->options;
    size_t value_chars = sodium_base64_encoded_len(options->value_bytes, sodium_base64_VARIANT_ORIGINAL) - 1;
    char *value = bench_alloc(value_chars + 1);
    sodium_bin2base64(value, value_chars + 1, (const uint8_t *)work->value, options->value_bytes,
                      sodium_base64_VARIANT_ORIGINAL);
    size_t used = 0;
    for (uint32_t i = 0; i < options->batch; i++) {
        char partition[KEY_CHARS_MAX], sort[KEY_CHARS_MAX];
        partition_key(work, work->next_item, partition);
        sort_key(work->next_item++, sort);
        used += (size_t)snprintf(body + used, room - used, "%c{\"pk\":\"%s\",\"sk\":\"%s\",\"ct\":null,\"v\":\"",
                                 i == 0 ? '[' : ',', partition, sort);
        memcpy(body + used, value, value_chars);
        used += value_chars;
        used += (size_t)snprintf(body + used, room - used, "\"}");
    }
    body[used++] = ']';
    free(value);
    return used;
}

static void make_batch(struct work *work, struct request *request)
{
    const struct options *options = work->options;
    char path[PATH_CHARS_MAX];
    size_t room = options->batch * (size_t)(BATCH_ITEM_CHARS + options->value_bytes / 3 * 4 + 4) + 2;
    reserve(request, SIGN_HEAD_BYTES_MAX + room);
    char *body = request->own + SIGN_HEAD_BYTES_MAX;
    size_t body_bytes = make_elements(work, body, room);
    snprintf(path, sizeof path, "/%s", work->target.bucket);
    struct sign_request sign = {.method = "POST", .path = path, .content_length = body_bytes};
    sign_hash_payload(body, body_bytes, sign.payload_hash);
    size_t head_chars = signer_head(&work->signer, &sign, request->own);
    request->pieces[0] = piece(request->own, head_chars);
    request->pieces[1] = piece(LINE_END, sizeof LINE_END - 1);
    request->pieces[2] = piece(body, body_bytes);
    request->pieces_count = 3;
}

/* Writers have items of their own, so that each token is the newest: slot = index, index + connections, … */
static uint64_t own_slots(const struct work *work, uint32_t index)
{
    return (work->slots_count - index + work->options->connections - 1) / work->options->connections;
}

uint64_t work_learning_count(const struct work *work, uint32_t index)
{
    return work->options->work == WORK_PUT ? own_slots(work, index) : 0;
}

void work_next(struct work *work, uint32_t index, uint64_t learning, struct request *request)
{
    request->is_learning = learning > 0;
    if (work->options->work == WORK_INSERT_BATCH) {
        make_batch(work, request);
        return;
    }
    if (work->options->work == WORK_PUT) {
        uint64_t own = learning > 0 ? learning - 1 : draw(work) % own_slots(work, index);
        request->slot = index + own * work->options->connections;
    } else {
        request->slot = draw(work) % work->slots_count;
    }
    request->pieces[0] = request->is_learning ? work->learning[request->slot] : work->heads[request->slot];
    request->pieces_count = 1;
    if (work->options->work == WORK_REDIS_SET) {
        request->pieces[request->pieces_count++] = piece(work->value,
                                                         work->options->value_bytes + sizeof LINE_END - 1);
    }
}

void work_complete(struct work *work, struct request *request)
{
    if (work->options->work != WORK_PUT || request->is_learning) return;
    const struct token *token = &work->tokens[request->slot];
    int length = token->length == 0
                     ? snprintf(request->token_line, sizeof request->token_line, "\r\n")
                     : snprintf(request->token_line, sizeof request->token_line,
                                "x-garage-causality-token: %.*s\r\n\r\n", token->length, token->text);
    request->pieces[1] = piece(request->token_line, (size_t)length);
    request->pieces[2] = piece(work->value, work->options->value_bytes);
    request->pieces_count = 3;
}

/* --- answers -------------------------------------------------------------------------------------------- */

static int wanted_status(const struct work *work)
{
    return work->options->work == WORK_PUT || work->options->work == WORK_INSERT_BATCH ? 204 : 200;
}

/* What the body of a right answer must at least be long. */
static uint64_t wanted_bytes(const struct work *work)
{
    const struct options *options = work->options;
    switch (options->work) {
    case WORK_GET:
    case WORK_POLL: return options->value_bytes;
    case WORK_READ_BATCH: return (uint64_t)options->batch * options->value_bytes / 3 * 4;
    case WORK_READ_INDEX: return 1;
    case WORK_PUT:
    case WORK_INSERT_BATCH:
    case WORK_REDIS_SET:
    case WORK_REDIS_GET:
    case WORK_KINDS_COUNT: break;
    }
    return 0;
}

static void keep_token(struct work *work, const struct request *request, const struct answer *answer)
{
    struct token *token = &work->tokens[request->slot];
    token->length = (uint16_t)answer->token_length;
    memcpy(token->text, answer->token, answer->token_length);
}

void work_check(struct work *work, const struct request *request, const struct answer *answer)
{
    bool is_right = request->is_learning
                        ? answer->status == 200 || answer->status == 404
                        : answer->status == wanted_status(work) && answer->body_bytes >= wanted_bytes(work);
    if (!is_right) {
        bench_fail("%s was answered %d with %llu bytes: %.*s", options_work_name(work->options->work),
                   answer->status, (unsigned long long)answer->body_bytes, (int)answer->start_length,
                   answer->start);
    }
    if (work->options->work == WORK_PUT) keep_token(work, request, answer);
}
