/* Any bytes to the request parser, cut in several ways: the same verdicts each time, and spans only into memory
 * that is the parser's to name (H27). The first byte decides the cuts.
 */
#include "http/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was told, as a hash; a body counts by its bytes, whatever its parts. */
struct story {
    uint64_t hash;
    bool is_refused;
};

static void require(bool condition)
{
    if (!condition) abort();
}

static void tell(struct story *story, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++) {
        story->hash = (story->hash ^ at[i]) * 0x100000001b3;
    }
}

static void tell_span(struct story *story, const struct http_parser *parser, struct http_span span)
{
    require(span.at >= parser->buffer && span.at <= parser->buffer + HTTP_HEAD_BYTES_MAX);
    require(span.length <= (size_t)(parser->buffer + HTTP_HEAD_BYTES_MAX - span.at));
    tell(story, &span.length, sizeof span.length);
    tell(story, span.at, span.length);
}

static void tell_head(struct story *story, const struct http_parser *parser)
{
    const struct http_head *head = &parser->head;
    require(head->headers_count <= HTTP_HEADERS_MAX);
    require(head->method.length > 0 && head->target.length > 0);
    require(head->target.length <= HTTP_TARGET_BYTES_MAX);
    require(!head->is_chunked || head->content_length == 0);
    require(http_head_count(head, "host") + (head->minor == 0) >= 1);
    require(http_head_count(head, "content-length") + http_head_count(head, "transfer-encoding") <= 1);
    require(http_head_count(head, "transfer-encoding") == head->is_chunked);
    tell_span(story, parser, head->method);
    tell_span(story, parser, head->target);
    for (uint32_t i = 0; i < head->headers_count; i++) {
        require(head->headers[i].name.length > 0);
        tell_span(story, parser, head->headers[i].name);
        tell_span(story, parser, head->headers[i].value);
    }
    const uint64_t rest[] = {head->minor, head->keep_alive, head->expects_continue, head->is_chunked,
                             head->content_length};
    tell(story, rest, sizeof rest);
}

static void tell_verdict(struct story *story, const struct http_parser *parser, enum http_verdict verdict,
                         struct http_span given)
{
    if (verdict == HTTP_BODY) {
        require(parser->part.length > 0);
        require(parser->part.at >= given.at && parser->part.at + parser->part.length <= given.at + given.length);
        tell(story, parser->part.at, parser->part.length);
        return;
    }
    if (verdict == HTTP_MORE) return;
    tell(story, &verdict, sizeof verdict);
    if (verdict == HTTP_HEAD) tell_head(story, parser);
    if (verdict == HTTP_REFUSED) {
        require(parser->status == 400 || parser->status == 414 || parser->status == 431);
        tell(story, &parser->status, sizeof parser->status);
        tell(story, parser->reason, strlen(parser->reason));
        story->is_refused = true;
    }
}

/* One read's bytes, in memory of exactly their size. */
static void feed(struct http_parser *parser, const uint8_t *data, size_t size, struct story *story)
{
    char *bytes = malloc(size);
    require(bytes != NULL);
    memcpy(bytes, data, size);
    size_t at = 0;
    enum http_verdict verdict;
    do {
        size_t taken = 0;
        verdict = http_parse(parser, bytes + at, size - at, &taken);
        require(taken <= size - at);
        tell_verdict(story, parser, verdict, (struct http_span){bytes + at, taken});
        at += taken;
    } while (verdict != HTTP_MORE && verdict != HTTP_REFUSED);
    require(verdict == HTTP_REFUSED || at == size);
    free(bytes);
}

static struct story read_in_pieces(const uint8_t *data, size_t size, size_t first, size_t step)
{
    struct story story = {0xcbf29ce484222325, false};
    struct http_parser *parser = malloc(sizeof *parser);
    char *buffer = malloc(HTTP_HEAD_BYTES_MAX);
    require(parser != NULL && buffer != NULL);
    http_parser_init(parser, buffer);
    for (size_t at = 0, piece = first; at < size && !story.is_refused; at += piece, piece = step) {
        if (piece > size - at) piece = size - at;
        feed(parser, data + at, piece, &story);
    }
    free(buffer);
    free(parser);
    return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    size_t choice = data[0];
    data++;
    size--;
    struct story whole = read_in_pieces(data, size, size, size);
    const size_t cuts[][2] = {{1, 1}, {1 + choice * size / 256, size}, {1 + choice % 7, 1 + choice / 16}};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct story cut = read_in_pieces(data, size, cuts[i][0], cuts[i][1]);
        require(cut.hash == whole.hash && cut.is_refused == whole.is_refused);
    }
    return 0;
}
