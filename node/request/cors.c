/* Matching rules, and writing them out. */
#include "node/request/cors.h"

static bool lists(struct document_texts texts, struct span wanted)
{
    for (struct span text = document_texts_next(&texts); text.bytes != NULL; text = document_texts_next(&texts)) {
        if (span_is_equal(text, span_text("*")) || span_is_equal(text, wanted)) return true;
    }
    return false;
}

static struct span trimmed(struct span text)
{
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* Is the name listed, whatever its case? Header names have none, and browsers send them in lower case. */
static bool lists_name(struct document_texts texts, struct span wanted)
{
    for (struct span text = document_texts_next(&texts); text.bytes != NULL; text = document_texts_next(&texts)) {
        if (span_is_equal(text, span_text("*"))) return true;
        bool is_equal = text.length == wanted.length;
        for (size_t i = 0; i < wanted.length && is_equal; i++) {
            uint8_t a = text.bytes[i];
            uint8_t b = wanted.bytes[i];
            is_equal = (a >= 'A' && a <= 'Z' ? a + 32 : a) == (b >= 'A' && b <= 'Z' ? b + 32 : b);
        }
        if (is_equal) return true;
    }
    return false;
}

/* Every name of a comma-separated list. */
static bool lists_all_names(struct document_texts texts, struct http_span names)
{
    struct span rest = span_of(names.at, names.length);
    while (rest.length > 0) {
        const uint8_t *comma = memchr(rest.bytes, ',', rest.length);
        size_t length = comma == NULL ? rest.length : (size_t)(comma - rest.bytes);
        struct span name = trimmed(span_of(rest.bytes, length));
        if (name.length > 0 && !lists_name(texts, name)) return false;
        size_t step = comma == NULL ? length : length + 1;
        rest = span_of(rest.bytes + step, rest.length - step);
    }
    return true;
}

bool cors_find(struct span payload, const struct cors_query *query, struct document_rule *rule)
{
    struct wire_in in;
    uint32_t count = 0;
    if (payload.bytes == NULL || !document_rules_begin(payload, &in, &count)) return false;
    for (uint32_t i = 0; i < count && document_rules_next(&in, rule); i++) {
        if (lists(rule->origins, span_of(query->origin.at, query->origin.length)) &&
            lists(rule->methods, span_of(query->method.at, query->method.length)) &&
            lists_all_names(rule->headers, query->headers)) {
            return true;
        }
    }
    return false;
}

static void add_text(struct http_out *out, const char *text)
{
    http_out_add(out, text, strlen(text));
}

static void add_list(struct http_out *out, const char *name, struct document_texts texts)
{
    bool is_first = true;
    for (struct span text = document_texts_next(&texts); text.bytes != NULL; text = document_texts_next(&texts)) {
        add_text(out, is_first ? name : ", ");
        if (is_first) add_text(out, ": ");
        http_out_add(out, (const char *)text.bytes, text.length);
        is_first = false;
    }
    if (!is_first) add_text(out, "\r\n");
}

void cors_headers(struct http_out *out, struct document_rule rule, struct http_span origin)
{
    http_reply_header(out, "access-control-allow-origin", origin);
    add_list(out, "access-control-allow-methods", rule.methods);
    add_list(out, "access-control-allow-headers", rule.headers);
    add_list(out, "access-control-expose-headers", rule.expose);
    http_reply_header_text(out, "vary", "origin");
}

bool cors_is_plain(struct http_span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < ' ' || text.at[i] > '~') return false;
    }
    return true;
}
