/* Reading items and packing them into requests. */
#include "node/cli/items.h"

#include "node/cli/output.h"
#include "node/cli/say.h"
#include "node/cli/show.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum { JSON_RULES = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL };

void items_reader_init(struct items_reader *reader, FILE *file, bool has_lines)
{
    *reader = (struct items_reader){.file = file, .has_lines = has_lines, .last = ITEMS_ITEM};
}

void items_reader_deinit(struct items_reader *reader)
{
    free(reader->line_text);
    *reader = (struct items_reader){0};
}

__attribute__((format(printf, 2, 3))) static enum items_step refuse(struct items_reader *reader,
                                                                    const char *format, ...)
{
    char *text = reader->message;
    int used = reader->has_lines
                   ? snprintf(text, ITEMS_MESSAGE_CHARS, "line %" PRIu64 ": ", reader->line)
                   : snprintf(text, ITEMS_MESSAGE_CHARS, "item %" PRIu64 ": ", reader->items_count + 1);
    assert(used > 0 && used < ITEMS_MESSAGE_CHARS);
    va_list values;
    va_start(values, format);
    vsnprintf(text + used, (size_t)(ITEMS_MESSAGE_CHARS - used), format, values);
    va_end(values);
    reader->last = ITEMS_BAD;
    return ITEMS_BAD;
}

static bool is_string_or_null(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_string(value);
}

static bool is_member(const char *name)
{
    static const char *const members[] = {"pk", "sk", "ct", "v", "value"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(name, members[i]) == 0) return true;
    }
    return false;
}

/* Lines only: every member known, and a value or an explicit null. */
static bool check_strictly(struct items_reader *reader, json_t *item)
{
    const char *name;
    json_t *value;
    json_object_foreach(item, name, value)
    {
        if (!is_member(name)) {
            refuse(reader, "unknown member \"%.60s\": known are pk, sk, ct, v, value", name);
            return false;
        }
    }
    if (json_object_get(item, "v") == NULL && json_object_get(item, "value") == NULL) {
        refuse(reader, "neither \"v\" nor \"value\": to delete, write \"v\": null");
        return false;
    }
    return true;
}

static bool is_base64(const json_t *value)
{
    struct buffer decoded = {0};
    bool is_good = show_unbase64(&decoded, output_span_of(value));
    buffer_deinit(&decoded);
    return is_good;
}

static bool check_item(struct items_reader *reader, json_t *item)
{
    const json_t *base64 = json_object_get(item, "v");
    const json_t *text = json_object_get(item, "value");
    const char *wrong = NULL;
    if (!json_is_object(item)) {
        wrong = "an object was expected: {\"pk\": …, \"sk\": …, \"v\": …}";
    } else if (!json_is_string(json_object_get(item, "pk")) || !json_is_string(json_object_get(item, "sk"))) {
        wrong = "\"pk\" and \"sk\" must be strings";
    } else if (!is_string_or_null(json_object_get(item, "ct"))) {
        wrong = "\"ct\" must be a token or null";
    } else if (text != NULL && !json_is_string(text)) {
        wrong = "\"value\" must be a string";
    } else if (text != NULL && base64 != NULL) {
        wrong = "\"v\" and \"value\" exclude each other";
    } else if (!is_string_or_null(base64)) {
        wrong = "\"v\" must be base64 or null";
    } else if (json_is_string(base64) && !is_base64(base64)) {
        wrong = "\"v\" is no base64 (standard alphabet, with padding); plain text goes into \"value\"";
    }
    if (wrong != NULL) {
        refuse(reader, "%s", wrong);
        return false;
    }
    return !reader->has_lines || check_strictly(reader, item);
}

static int add_piece(const char *bytes, size_t length, void *owner)
{
    buffer_add(owner, bytes, length);
    return 0;
}

/* The four members of the protocol, compact. */
static void write_item(const json_t *item, struct buffer *out)
{
    json_t *plain = say_need(json_object());
    static const char *const copied[] = {"pk", "sk", "ct"};
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        json_t *value = json_object_get(item, copied[i]);
        if (value != NULL) json_object_set(plain, copied[i], value);
    }
    const json_t *text = json_object_get(item, "value");
    if (text != NULL) {
        struct buffer base64 = {0};
        show_base64(&base64, output_span_of(text));
        json_object_set_new(plain, "v", say_need(json_stringn(buffer_text(&base64), base64.length)));
        buffer_deinit(&base64);
    } else {
        json_t *value = json_object_get(item, "v");
        json_object_set_new(plain, "v", value != NULL ? json_incref(value) : json_null());
    }
    if (json_dump_callback(plain, add_piece, out, JSON_COMPACT) != 0) say_no_memory();
    json_decref(plain);
}

static enum items_step take_item(struct items_reader *reader, json_t *item, struct buffer *out)
{
    bool is_good = check_item(reader, item);
    if (is_good) {
        write_item(item, out);
        reader->items_count++;
    }
    json_decref(item);
    return is_good ? ITEMS_ITEM : ITEMS_BAD;
}

static bool is_blank_line(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0') return false;
    }
    return true;
}

static enum items_step next_line(struct items_reader *reader, struct buffer *out)
{
    for (;;) {
        errno = 0;
        ssize_t length = getline(&reader->line_text, &reader->line_capacity, reader->file);
        if (length < 0) {
            if (!feof(reader->file)) return refuse(reader, "cannot read on: %s", strerror(errno));
            return reader->last = ITEMS_END;
        }
        reader->line++;
        if (is_blank_line(reader->line_text, (size_t)length)) continue;
        json_error_t error;
        json_t *item = json_loadb(reader->line_text, (size_t)length, JSON_RULES, &error);
        if (item == NULL) return refuse(reader, "%s at column %d", error.text, error.column);
        return take_item(reader, item, out);
    }
}

static int skip_blanks(FILE *file)
{
    int c = getc(file);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        c = getc(file);
    }
    return c;
}

/* Between two elements of the array. ITEMS_ITEM: one begins here. */
static enum items_step next_element(struct items_reader *reader)
{
    bool is_first = reader->items_count == 0;
    int c = skip_blanks(reader->file);
    if (is_first && c != '[') return refuse(reader, "a JSON array was expected (for JSON lines: --lines)");
    if (is_first) c = skip_blanks(reader->file);
    bool is_end = c == ']';
    if (!is_first && !is_end) {
        if (c != ',') return refuse(reader, "',' or ']' was expected before it");
        c = skip_blanks(reader->file);
    }
    if (is_end) {
        if (skip_blanks(reader->file) != EOF) return refuse(reader, "there is something behind the array");
        return ITEMS_END;
    }
    if (c != EOF) ungetc(c, reader->file);
    return ITEMS_ITEM;
}

static enum items_step next_of_array(struct items_reader *reader, struct buffer *out)
{
    enum items_step step = next_element(reader);
    if (step != ITEMS_ITEM) return reader->last = step;
    json_error_t error;
    json_t *item = json_loadf(reader->file, JSON_RULES | JSON_DISABLE_EOF_CHECK, &error);
    if (item == NULL) return refuse(reader, "%s", error.text);
    return take_item(reader, item, out);
}

enum items_step items_next(struct items_reader *reader, struct buffer *out)
{
    if (reader->last != ITEMS_ITEM) return reader->last;
    return reader->has_lines ? next_line(reader, out) : next_of_array(reader, out);
}

bool items_batch_add(struct items_batch *batch, struct span item)
{
    size_t needed = batch->body.length + item.length + 2; /* a bracket or comma before, a bracket behind */
    bool is_full = batch->items_count >= batch->items_max || needed > batch->bytes_max;
    if (is_full && batch->items_count > 0) return false;
    buffer_add_text(&batch->body, batch->items_count == 0 ? "[" : ",");
    buffer_add_span(&batch->body, item);
    batch->items_count++;
    return true;
}

struct span items_batch_end(struct items_batch *batch)
{
    buffer_add_text(&batch->body, batch->items_count == 0 ? "[]" : "]");
    return buffer_span(&batch->body);
}

void items_batch_clear(struct items_batch *batch)
{
    buffer_clear(&batch->body);
    batch->items_count = 0;
}

void items_batch_deinit(struct items_batch *batch)
{
    buffer_deinit(&batch->body);
    *batch = (struct items_batch){0};
}
