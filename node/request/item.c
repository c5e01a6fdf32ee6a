/* Tokens and forms of one item. */
#include "node/request/item.h"

#include <stdio.h>

/* --- Accept --------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct http_span trim(struct http_span text)
{
    while (text.length > 0 && is_blank(text.at[0])) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && is_blank(text.at[text.length - 1]))
        text.length--;
    return text;
}

static bool is_text(struct http_span text, const char *wanted)
{
    return text.length == strlen(wanted) && memcmp(text.at, wanted, text.length) == 0;
}

enum item_form item_form_of(const struct http_head *head)
{
    const struct http_header *accept = http_head_find(head, "accept");
    if (accept == NULL) return ITEM_FORM_JSON;
    bool json = false;
    bool binary = false;
    struct http_span rest = accept->value;
    for (;;) {
        const char *comma = rest.length == 0 ? NULL : memchr(rest.at, ',', rest.length);
        size_t length = comma == NULL ? rest.length : (size_t)(comma - rest.at);
        struct http_span piece = trim((struct http_span){rest.at, length});
        bool any = is_text(piece, "*/*");
        json = json || any || is_text(piece, "application/json");
        binary = binary || any || is_text(piece, "application/octet-stream");
        if (comma == NULL) break;
        rest = (struct http_span){comma + 1, rest.length - length - 1};
    }
    if (json && binary) return ITEM_FORM_EITHER;
    if (json) return ITEM_FORM_JSON;
    return binary ? ITEM_FORM_BINARY : ITEM_FORM_NONE;
}

/* --- tokens --------------------------------------------------------------------------------------------- */

bool item_token_read(const struct service *service, const struct op_key *key, struct http_span text,
                     struct arena *arena, struct crdt_vclock *clock, bool *is_memory)
{
    uint64_t seal = 0;
    *is_memory = false;
    size_t entries_max = text.length * 3 / 4 / 16 + 1; /* what the text can hold at most */
    if (text.length > CRDT_TOKEN_CHARS_MAX) return false;
    struct crdt_dot *entries = arena_take_array(arena, entries_max, sizeof *entries);
    if (entries == NULL) {
        *is_memory = true;
        return false;
    }
    *clock = crdt_vclock_over(entries, (uint32_t)entries_max);
    if (!crdt_token_decode(text.at, text.length, clock, &seal)) return false;
    uint64_t right = store_token_seal(service->token_key, key, clock);
    return hash_is_equal(&right, &seal, sizeof seal);
}

struct http_span item_token_write(const struct service *service, const struct op_key *key,
                                  const struct crdt_vclock *clock, struct arena *arena)
{
    size_t chars = (8 + 16 * (size_t)clock->count) * 4 / 3 + 4;
    char *text = arena_take_array(arena, chars, 1);
    if (text == NULL) return (struct http_span){NULL, 0};
    size_t length = crdt_token_encode(clock, store_token_seal(service->token_key, key, clock), text);
    return (struct http_span){text, length};
}

bool item_context(const struct crdt_dvvs *state, struct arena *arena, struct crdt_vclock *clock)
{
    uint32_t capacity = state->columns_count + 1;
    struct crdt_dot *entries = arena_take_array(arena, capacity, sizeof *entries);
    if (entries == NULL) return false;
    *clock = crdt_vclock_over(entries, capacity);
    return crdt_dvvs_context(state, clock);
}

/* The token of what a reader of `state` has seen. */
static struct http_span state_token(struct request *request, const struct op_key *key,
                                    const struct crdt_dvvs *state)
{
    struct crdt_vclock clock;
    if (!item_context(state, &request->scratch, &clock)) return (struct http_span){NULL, 0};
    return item_token_write(request->service, key, &clock, &request->scratch);
}

/* --- answers -------------------------------------------------------------------------------------------- */

static uint32_t *values_of(struct request *request, const struct crdt_dvvs *state, uint32_t *count)
{
    uint32_t *indexes = arena_take_array(&request->scratch, state->writes_count + 1, sizeof *indexes);
    if (indexes != NULL) *count = crdt_dvvs_values(state, indexes);
    return indexes;
}

bool item_values_count(struct request *request, const struct crdt_dvvs *state, uint32_t *count)
{
    return values_of(request, state, count) != NULL;
}

static void write_values(struct http_json_writer *writer, const struct crdt_dvvs *state, const uint32_t *indexes,
                         uint32_t count)
{
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < count; i++) {
        const struct crdt_write *write = &state->writes[indexes[i]];
        if (write->kind == CRDT_TOMBSTONE) {
            http_json_null(writer);
        } else {
            http_json_base64(writer, write->value, write->value_bytes);
        }
    }
    http_json_end_array(writer);
}

static void answer_values(struct request *request, struct http_span token, const struct crdt_dvvs *state,
                          const uint32_t *indexes, uint32_t count)
{
    struct http_json_writer writer;
    answer_stream_begin(request, &writer);
    write_values(&writer, state, indexes, count);
    answer_json(request, 200, token);
}

static void answer_missing(struct request *request)
{
    /* The token of the empty history lets the client poll for the first write. */
    request->answer_token = (struct http_span){"AAAAAAAAAAA", 11};
    answer_error(request, 404, "NoSuchKey", "there is no such item");
}

void item_answer(struct request *request, enum item_form form, const struct op_key *key, bool has_item,
                 const struct crdt_dvvs *state)
{
    static const char *const binary = "application/octet-stream";
    uint32_t count = 0;
    if (!has_item || state->writes_count == 0) {
        answer_missing(request);
        return;
    }
    uint32_t *indexes = values_of(request, state, &count);
    struct http_span token = indexes == NULL ? (struct http_span){NULL, 0} : state_token(request, key, state);
    if (token.at == NULL) {
        answer_err(request, ERR_MEMORY);
    } else if (form == ITEM_FORM_JSON || (form == ITEM_FORM_EITHER && count > 1)) {
        answer_values(request, token, state, indexes, count);
    } else if (count > 1) {
        answer_empty(request, 409, token, NULL);
    } else if (state->writes[indexes[0]].kind == CRDT_TOMBSTONE) {
        answer_empty(request, 204, token, binary);
    } else {
        const struct crdt_write *write = &state->writes[indexes[0]];
        answer_bytes(request, 200, token, binary, span_of(write->value, write->value_bytes));
    }
}

bool item_write(struct request *request, struct http_json_writer *writer, const struct op_key *key,
                const struct crdt_dvvs *state)
{
    uint32_t count = 0;
    uint32_t *indexes = values_of(request, state, &count);
    struct http_span token = indexes == NULL ? (struct http_span){NULL, 0} : state_token(request, key, state);
    if (token.at == NULL) return false;
    http_json_begin_object(writer);
    http_json_name(writer, "sk");
    http_json_string(writer, http_span(key->sort_key));
    http_json_name(writer, "ct");
    http_json_string(writer, token);
    http_json_name(writer, "v");
    write_values(writer, state, indexes, count);
    http_json_end_object(writer);
    return !writer->out->failed;
}

bool item_key_fits(struct request *request, const char *what, struct http_span key, size_t bytes_max)
{
    if (key.length <= bytes_max) return true;
    char message[AUTH_MESSAGE_CHARS];
    snprintf(message, sizeof message, "the %s has %zu bytes; at most %zu are allowed", what, key.length,
             bytes_max);
    answer_error(request, 400, "InvalidRequest", message);
    return false;
}
