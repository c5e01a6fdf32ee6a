/* A cursor that gives up at the first byte it does not expect. */
#include "http/json_plain.h"

#include <string.h>

struct cursor {
    const char *text;
    size_t length;
    size_t at;
};

/* The char behind blanks, or NUL at the end, which is never expected. */
static char peek(struct cursor *cursor)
{
    while (cursor->at < cursor->length) {
        char c = cursor->text[cursor->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
        cursor->at++;
    }
    return '\0';
}

static bool take(struct cursor *cursor, char wanted)
{
    if (peek(cursor) != wanted) return false;
    cursor->at++;
    return true;
}

/* Without a way out of the loop, so that it runs on many bytes at a time. */
static bool is_plain(struct http_span text)
{
    unsigned faults = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        faults |= (unsigned)(c < 0x20) | (unsigned)(c > 0x7e) | (unsigned)(c == '\\');
    }
    return faults == 0;
}

static bool take_string(struct cursor *cursor, struct http_span *out)
{
    if (!take(cursor, '"')) return false;
    const char *begin = cursor->text + cursor->at;
    const char *end = memchr(begin, '"', cursor->length - cursor->at);
    if (end == NULL) return false;
    *out = (struct http_span){begin, (size_t)(end - begin)};
    cursor->at += out->length + 1;
    return is_plain(*out);
}

static bool take_null(struct cursor *cursor)
{
    static const char word[] = "null";
    if (cursor->length - cursor->at < sizeof word - 1) return false;
    if (memcmp(cursor->text + cursor->at, word, sizeof word - 1) != 0) return false;
    cursor->at += sizeof word - 1;
    return true;
}

static bool is_text(struct http_span text, const char *wanted)
{
    return text.length == strlen(wanted) && memcmp(text.at, wanted, text.length) == 0;
}

/* A bit for each field, so that none is taken twice. */
enum field { FIELD_PK = 1, FIELD_SK = 2, FIELD_CT = 4, FIELD_V = 8 };

/* One `"name": value`; `fields` gets its bit. */
static bool take_member(struct cursor *cursor, struct http_json_plain *out, unsigned *fields)
{
    static const struct {
        const char *name;
        enum field field;
    } known[] = {{"pk", FIELD_PK}, {"sk", FIELD_SK}, {"ct", FIELD_CT}, {"v", FIELD_V}};
    struct http_span *const places[] = {&out->partition_key, &out->sort_key, &out->causality_token, &out->value};
    struct http_span name;
    if (!take_string(cursor, &name) || !take(cursor, ':')) return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!is_text(name, known[i].name)) continue;
        if ((*fields & known[i].field) != 0) return false;
        *fields |= known[i].field;
        bool may_be_null = known[i].field == FIELD_CT || known[i].field == FIELD_V;
        return may_be_null && peek(cursor) == 'n' ? take_null(cursor) : take_string(cursor, places[i]);
    }
    return false;
}

bool http_json_plain_insert(const char *text, size_t length, struct http_json_plain *out)
{
    struct cursor cursor = {text, length, 0};
    unsigned fields = 0;
    *out = (struct http_json_plain){0};
    if (!take(&cursor, '{')) return false;
    do {
        if (!take_member(&cursor, out, &fields)) return false;
    } while (take(&cursor, ','));
    out->length = cursor.at + 1;
    return take(&cursor, '}') && (fields & (FIELD_PK | FIELD_SK)) == (FIELD_PK | FIELD_SK);
}
