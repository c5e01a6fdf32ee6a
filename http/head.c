/* What the headers of a whole head mean, without a parser (RFC 9112, sections 3.2, 6 and 9.3). */
#include "http/head.h"

#include <string.h>

static char lower_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Is `a` the `length` chars at `b`? Most names differ in length already. */
static bool is_name(struct http_span a, const char *b, size_t length)
{
    if (a.length != length) return false;
    for (size_t i = 0; i < length; i++) {
        if (lower_case(a.at[i]) != lower_case(b[i])) return false;
    }
    return true;
}

bool http_is_equal_nocase(struct http_span a, const char *b)
{
    return is_name(a, b, strlen(b));
}

const struct http_header *http_head_find(const struct http_head *head, const char *name)
{
    size_t length = strlen(name);
    for (uint32_t i = 0; i < head->headers_count; i++) {
        if (is_name(head->headers[i].name, name, length)) return &head->headers[i];
    }
    return NULL;
}

uint32_t http_head_count(const struct http_head *head, const char *name)
{
    size_t length = strlen(name);
    uint32_t count = 0;
    for (uint32_t i = 0; i < head->headers_count; i++) {
        if (is_name(head->headers[i].name, name, length)) count++;
    }
    return count;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct http_span http_trim(struct http_span text)
{
    while (text.length > 0 && is_blank(text.at[0])) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && is_blank(text.at[text.length - 1])) {
        text.length--;
    }
    return text;
}

/* The headers that frame a message, gathered in one walk. */
struct framing {
    uint32_t hosts_count;
    uint32_t lengths_count;
    uint32_t encodings_count;
    bool is_chunked;
    bool says_close;
    bool says_keep_alive;
    bool expects_continue;
};

static void read_connection(struct http_span list, struct framing *framing)
{
    while (list.length > 0) {
        const char *comma = memchr(list.at, ',', list.length);
        size_t piece_length = comma == NULL ? list.length : (size_t)(comma - list.at);
        struct http_span token = http_trim((struct http_span){list.at, piece_length});
        if (http_is_equal_nocase(token, "close")) framing->says_close = true;
        if (http_is_equal_nocase(token, "keep-alive")) framing->says_keep_alive = true;
        size_t step = comma == NULL ? piece_length : piece_length + 1;
        list.at += step;
        list.length -= step;
    }
}

static void read_framing_header(const struct http_header *header, struct framing *framing)
{
    switch (header->name.length) { /* most headers are told apart without comparing */
    case 4:
        if (http_is_equal_nocase(header->name, "host")) framing->hosts_count++;
        break;
    case 6:
        if (http_is_equal_nocase(header->name, "expect")) {
            framing->expects_continue |= http_is_equal_nocase(header->value, "100-continue");
        }
        break;
    case 10:
        if (http_is_equal_nocase(header->name, "connection")) read_connection(header->value, framing);
        break;
    case 14:
        if (http_is_equal_nocase(header->name, "content-length")) framing->lengths_count++;
        break;
    case 17:
        if (http_is_equal_nocase(header->name, "transfer-encoding")) {
            framing->encodings_count++;
            framing->is_chunked = http_is_equal_nocase(header->value, "chunked");
        }
        break;
    default: break;
    }
}

/* What is wrong with the head, or NULL. */
static const char *find_fault(const struct http_head *head, const struct framing *framing, bool is_chunked)
{
    if (http_is_equal_nocase(head->method, "connect")) return "CONNECT is not served";
    if (memchr(head->target.at, '#', head->target.length) != NULL) return "the target holds a fragment";
    if (framing->hosts_count > 1) return "more than one Host";
    if (framing->hosts_count == 0 && head->minor == 1) return "HTTP/1.1 without Host";
    if (framing->lengths_count > 1) return "more than one Content-Length";
    if (framing->encodings_count == 0) return NULL;
    if (framing->lengths_count > 0) return "Content-Length beside Transfer-Encoding";
    if (head->minor == 0) return "Transfer-Encoding in HTTP/1.0";
    /* The parser must agree, or it would read another body than was announced. */
    bool is_understood = framing->encodings_count == 1 && framing->is_chunked && is_chunked;
    return is_understood ? NULL : "Transfer-Encoding is not exactly one chunked";
}

const char *http_head_read_framing(struct http_head *head, bool is_chunked, uint64_t content_length)
{
    struct framing framing = {0};
    for (uint32_t i = 0; i < head->headers_count; i++) {
        read_framing_header(&head->headers[i], &framing);
    }
    const char *fault = find_fault(head, &framing, is_chunked);
    if (fault != NULL) return fault;
    head->is_chunked = is_chunked;
    head->content_length = is_chunked ? 0 : content_length;
    head->keep_alive = !framing.says_close && (head->minor == 1 || framing.says_keep_alive);
    bool has_body = is_chunked || content_length > 0;
    head->expects_continue = framing.expects_continue && head->minor == 1 && has_body;
    return NULL;
}
