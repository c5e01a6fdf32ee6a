/* Cutting and judging small texts. */
#include "node/request/text.h"

#include <string.h>

struct http_span text_of(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

bool text_is(struct http_span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

struct http_span text_trim(struct http_span text)
{
    while (text.length > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

bool text_cut(struct http_span *text, char separator, struct http_span *first)
{
    const char *at = text->length == 0 ? NULL : memchr(text->at, separator, text->length);
    if (at == NULL) return false;
    *first = (struct http_span){text->at, (size_t)(at - text->at)};
    *text = (struct http_span){at + 1, text->length - first->length - 1};
    return true;
}

bool text_next_part(struct http_span *rest, char separator, struct http_span *part)
{
    if (rest->at == NULL) return false;
    if (!text_cut(rest, separator, part)) {
        *part = *rest;
        rest->at = NULL;
    }
    return true;
}

bool text_is_token(struct http_span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        bool is_usual = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!is_usual && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
    }
    return name.length > 0;
}

bool text_is_visible(struct http_span value)
{
    /* First without tabs and without an early end, so that many bytes are judged at once: nearly all texts pass.
     */
    uint8_t is_other = 0;
    for (size_t i = 0; i < value.length; i++) {
        is_other |= (uint8_t)((uint8_t)(value.at[i] - 0x20) > 0x7e - 0x20);
    }
    if (is_other == 0) return true;
    for (size_t i = 0; i < value.length; i++) {
        uint8_t c = (uint8_t)value.at[i];
        if ((c < 0x20 && c != '\t') || c > 0x7e) return false;
    }
    return true;
}

bool text_has_controls(struct http_span value)
{
    for (size_t i = 0; i < value.length; i++) {
        uint8_t c = (uint8_t)value.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return true;
    }
    return false;
}
