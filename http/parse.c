/* HTTP/1.x requests out of bytes: llhttp finds the tokens, this file holds the discipline of lines.
 *
 * llhttp is lenient where a proxy in front may not be: a bare LF may end a request line or a head, headers may be
 * folded or without a name, blanks doubled, chunk sizes padded with zeros for ever. So each run of bytes passes a
 * guard first, which knows lines and counts but no grammar, and says how many of them llhttp may see: up to the
 * end of the head, or up to the first byte that must not be there (the trap). A refusal therefore depends on the
 * position of the offending byte alone, never on how the bytes were cut into reads (H27).
 *
 *     IDLE <-> IDLE_CR
 *      |
 *     METHOD -> TARGET -> VERSION -> LINES -+-> ENDED (no body) -> IDLE or CLOSED
 *                                           +-> BODY ------------> IDLE or CLOSED
 *                                           +-> CHUNK_SIZE
 *
 *     CHUNK_SIZE -> CHUNK_EXTENSION? -> CHUNK_LINE_END -+-> CHUNK_DATA -> CHUNK_SIZE
 *                                                       +-> TRAILERS ---> IDLE or CLOSED
 */
#include "http/parse.h"

#include "http/head.h"

#include <assert.h>
#include <string.h>

#define HTTP_HEAD LLHTTP_METHOD_HEAD /* llhttp's name for the method HEAD; ours is a verdict */
#include <llhttp.h>
#undef HTTP_HEAD

enum phase {
    PHASE_IDLE,
    PHASE_IDLE_CR,
    PHASE_METHOD,
    PHASE_TARGET,
    PHASE_VERSION,
    PHASE_LINES,
    PHASE_ENDED,
    PHASE_BODY,
    PHASE_CHUNK_SIZE,
    PHASE_CHUNK_EXTENSION,
    PHASE_CHUNK_LINE_END,
    PHASE_CHUNK_DATA,
    PHASE_TRAILERS,
    PHASE_CLOSED,
    PHASE_REFUSED,
};

enum { CHUNK_SIZE_DIGITS_MAX = 16 }; /* of a 64-bit number */

static const char BAD_VERSION[] = "the version is not HTTP/1.0 or HTTP/1.1";
static const char HTTP_2_PREFACE[] = "the method PRI is the preface of HTTP/2";

static_assert(sizeof(llhttp_t) <= HTTP_PARSER_STATE_BYTES, "room for llhttp's state");
static_assert(LLHTTP_STRICT_MODE == 1, "llhttp is built strict");

static llhttp_t *state_of(struct http_parser *parser)
{
    return (llhttp_t *)(void *)parser->llhttp;
}

static struct http_parser *parser_of(llhttp_t *state)
{
    return state->data;
}

/* --- refusing ------------------------------------------------------------------------------------------- */

static enum http_verdict refuse(struct http_parser *parser, int status, const char *reason)
{
    parser->phase = PHASE_REFUSED;
    parser->status = status;
    parser->reason = reason;
    return HTTP_REFUSED;
}

/* Refuse from within a callback of llhttp: the answer stops it. */
static int refuse_inside(struct http_parser *parser, int status, const char *reason)
{
    refuse(parser, status, reason);
    return -1;
}

/* The byte behind those handed to llhttp must not be there. */
static void set_trap(struct http_parser *parser, int status, const char *reason)
{
    parser->trap_status = status;
    parser->trap_reason = reason;
}

/* --- what llhttp finds ---------------------------------------------------------------------------------- */

/* Gather a piece of a target, name or value. It fits: a head's bytes are counted before llhttp sees them. */
static int gather(struct http_parser *parser, const char *at, size_t length)
{
    assert(length <= parser->buffer_capacity - parser->buffer_used);
    memcpy(parser->buffer + parser->buffer_used, at, length);
    parser->buffer_used += (uint32_t)length;
    return 0;
}

/* What was gathered since the last call. */
static struct http_span take_item(struct http_parser *parser)
{
    struct http_span item = {parser->buffer + parser->item_index, parser->buffer_used - parser->item_index};
    parser->item_index = parser->buffer_used;
    return item;
}

static int on_method_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    const char *name = llhttp_method_name((llhttp_method_t)llhttp_get_method(state));
    gather(parser, name, strlen(name));
    parser->head.method = take_item(parser);
    return 0;
}

static int on_url(llhttp_t *state, const char *at, size_t length)
{
    return gather(parser_of(state), at, length);
}

static int on_url_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    parser->head.target = take_item(parser);
    bool is_http_0_9 = llhttp_get_http_minor(state) == 9; /* a line that ends here; else no version is read yet */
    return is_http_0_9 ? refuse_inside(parser, 400, BAD_VERSION) : 0;
}

static int on_version_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    parser->head.minor = llhttp_get_http_minor(state);
    unsigned version = 10u * llhttp_get_http_major(state) + parser->head.minor;
    if (version - 10 > 1) { /* 10 or 11; what is below wraps round */
        return refuse_inside(parser, 400, BAD_VERSION);
    }
    /* llhttp would look for the rest of the preface and lose its way where a read ends. */
    return llhttp_get_method(state) == HTTP_PRI ? refuse_inside(parser, 400, HTTP_2_PREFACE) : 0;
}

static int on_header_piece(llhttp_t *state, const char *at, size_t length)
{
    struct http_parser *parser = parser_of(state);
    return parser->phase == PHASE_TRAILERS ? 0 : gather(parser, at, length);
}

static int on_header_field_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    if (parser->phase == PHASE_TRAILERS) return 0;
    if (parser->head.headers_count == HTTP_HEADERS_MAX) {
        return refuse_inside(parser, 431, "more than 100 header fields");
    }
    parser->head.headers[parser->head.headers_count].name = take_item(parser);
    return 0;
}

static int on_header_value_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    if (parser->phase == PHASE_TRAILERS) return 0;
    parser->head.headers[parser->head.headers_count++].value = http_trim(take_item(parser));
    if (parser->head.headers_count < HTTP_HEADERS_MAX)
        parser->head.headers[parser->head.headers_count].name = (struct http_span){NULL, 0};
    return 0;
}

static int on_headers_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    struct http_head *head = &parser->head;
    const char *fault = http_head_read_framing(head, (state->flags & F_CHUNKED) != 0, state->content_length);
    if (fault != NULL) return refuse_inside(parser, 400, fault);

    parser->framing_bytes = 0; /* from here on, of trailers and chunk extensions */
    parser->verdict = HTTP_HEAD;
    parser->unit_bytes = 0;
    if (!head->is_chunked && head->content_length == 0) {
        parser->phase = PHASE_ENDED;
        return 0; /* llhttp stops a little later, at the end of the message */
    }
    parser->phase = head->is_chunked ? PHASE_CHUNK_SIZE : PHASE_BODY;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *state, const char *at, size_t length)
{
    struct http_parser *parser = parser_of(state);
    if (length == 0) return 0;
    parser->part = (struct http_span){at, length};
    parser->verdict = HTTP_BODY;
    return HPE_PAUSED;
}

/* The line of a chunk's size is read. */
static int on_chunk_header(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    parser->phase = state->content_length > 0 ? PHASE_CHUNK_DATA : PHASE_TRAILERS;
    parser->unit_bytes = 0;
    return 0;
}

static int on_chunk_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    if (parser->phase == PHASE_TRAILERS) return 0;
    parser->phase = PHASE_CHUNK_SIZE;
    parser->unit_bytes = 0;
    parser->verdict = HTTP_MORE;
    return HPE_PAUSED; /* the guard must see the next size before llhttp does */
}

static void end_message(struct http_parser *parser)
{
    parser->phase = parser->head.keep_alive ? PHASE_IDLE : PHASE_CLOSED;
    parser->framing_bytes = 0;
}

static int on_message_complete(llhttp_t *state)
{
    struct http_parser *parser = parser_of(state);
    if (parser->phase != PHASE_ENDED) { /* else the head is told first */
        end_message(parser);
        parser->verdict = HTTP_END;
    }
    return HPE_PAUSED;
}

static const llhttp_settings_t SETTINGS = {
    .on_method_complete = on_method_complete,
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_piece,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_piece,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_chunk_complete = on_chunk_complete,
    .on_message_complete = on_message_complete,
};

/* Let llhttp see the bytes. */
static enum http_verdict run(struct http_parser *parser, const char *bytes, size_t length, size_t *used)
{
    llhttp_t *state = state_of(parser);
    llhttp_resume(state);
    llhttp_errno_t outcome = llhttp_execute(state, bytes, length);
    if (outcome == HPE_OK) {
        *used = length;
        return HTTP_MORE;
    }
    if (outcome == HPE_PAUSED) {
        *used = (size_t)(llhttp_get_error_pos(state) - bytes);
        return (enum http_verdict)parser->verdict;
    }
    if (parser->phase == PHASE_REFUSED) return HTTP_REFUSED; /* by a callback */
    return refuse(parser, 400, llhttp_get_error_reason(state));
}

/* --- the guard: how many of the bytes llhttp may see ---------------------------------------------------- */

/* Lines of a head or of trailers: up to the blank line that ends them, or up to a trap. */
static size_t guard_lines(struct http_parser *parser, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        if (parser->unit_bytes == 0 && (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == ':')) {
            set_trap(parser, 400, bytes[at] == ':' ? "a header without a name" : "a folded header");
            return at;
        }
        const char *feed = memchr(bytes + at, '\n', length - at);
        size_t end = feed == NULL ? length : (size_t)(feed - bytes);
        if (end > at) parser->last_byte = bytes[end - 1];
        parser->unit_bytes += (uint32_t)(end - at);
        if (feed == NULL) return length;
        if (parser->unit_bytes == 0 || parser->last_byte != '\r') {
            set_trap(parser, 400, "a line feed without carriage return");
            return end;
        }
        at = end + 1;
        if (parser->unit_bytes == 1) return at;
        parser->unit_bytes = 0;
    }
    return length;
}

/* The protocol's name: llhttp takes RTSP and ICE as well. The rest of the line is a line like any other. */
static size_t guard_version(struct http_parser *parser, const char *bytes, size_t length)
{
    static const char protocol[] = "HTTP/";
    size_t at = 0;
    for (; at < length && parser->unit_bytes < sizeof protocol - 1; at++) {
        if (bytes[at] != protocol[parser->unit_bytes]) {
            set_trap(parser, 400, BAD_VERSION);
            return at;
        }
        parser->unit_bytes++;
    }
    if (at == length) return length;
    parser->phase = PHASE_LINES;
    return at + guard_lines(parser, bytes + at, length - at);
}

/* The target: exactly one blank before it and one behind, and not too long. */
static size_t guard_target(struct http_parser *parser, const char *bytes, size_t length)
{
    size_t room = HTTP_TARGET_BYTES_MAX + 1 - parser->unit_bytes;
    size_t scanned = length < room ? length : room;
    const char *blank = memchr(bytes, ' ', scanned);
    if (blank == NULL) {
        parser->unit_bytes += (uint32_t)scanned;
        if (parser->unit_bytes <= HTTP_TARGET_BYTES_MAX) return length;
        set_trap(parser, 414, "the target is longer than 16384 bytes");
        return scanned - 1;
    }
    size_t end = (size_t)(blank - bytes);
    if (parser->unit_bytes + end == 0) {
        set_trap(parser, 400, "more than one blank before the target");
        return 0;
    }
    parser->phase = PHASE_VERSION;
    parser->unit_bytes = 0;
    return end + 1 + guard_version(parser, blank + 1, length - end - 1);
}

/* The method ends at the first blank: llhttp refuses what is no method. */
static size_t guard_method(struct http_parser *parser, const char *bytes, size_t length)
{
    const char *blank = memchr(bytes, ' ', length);
    if (blank == NULL) return length;
    size_t end = (size_t)(blank - bytes) + 1;
    parser->phase = PHASE_TARGET;
    parser->unit_bytes = 0;
    return end + guard_target(parser, bytes + end, length - end);
}

static size_t guard_head(struct http_parser *parser, const char *bytes, size_t length)
{
    if (parser->phase == PHASE_METHOD) return guard_method(parser, bytes, length);
    if (parser->phase == PHASE_TARGET) return guard_target(parser, bytes, length);
    if (parser->phase == PHASE_VERSION) return guard_version(parser, bytes, length);
    return guard_lines(parser, bytes, length);
}

/* --- one step in each phase ----------------------------------------------------------------------------- */

/* Does all of the head seen so far fit the buffer, or one that is given now? Trailers are not gathered. */
static bool has_room(struct http_parser *parser)
{
    if (parser->phase == PHASE_TRAILERS || parser->framing_bytes <= parser->buffer_capacity) return true;
    return parser->more(parser, parser->framing_bytes);
}

/* Bytes of a head or of trailers, guarded and counted. */
static enum http_verdict step_head(struct http_parser *parser, const char *bytes, size_t length, size_t *used)
{
    size_t room = HTTP_HEAD_BYTES_MAX - parser->framing_bytes;
    size_t counted = length < room ? length : room;
    set_trap(parser, 400, "the head does not end with its blank line");
    size_t allowed = guard_head(parser, bytes, counted);
    parser->framing_bytes += (uint32_t)allowed;
    if (!has_room(parser)) return refuse(parser, 503, "no memory for the head");

    enum http_verdict verdict = run(parser, bytes, allowed, used);
    if (verdict != HTTP_MORE) return verdict;
    if (allowed < counted) return refuse(parser, parser->trap_status, parser->trap_reason);
    if (counted < length) return refuse(parser, 431, "the head or the trailers are longer than 65536 bytes");
    return HTTP_MORE;
}

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The digits of a chunk's size: llhttp would read leading zeros for ever. */
static enum http_verdict step_chunk_size(struct http_parser *parser, const char *bytes, size_t length,
                                         size_t *used)
{
    size_t digits = 0;
    while (digits < length && is_hex_digit(bytes[digits])) {
        if (parser->unit_bytes++ == CHUNK_SIZE_DIGITS_MAX) {
            return refuse(parser, 400, "a chunk size of more than 16 digits");
        }
        digits++;
    }
    enum http_verdict verdict = run(parser, bytes, digits, used);
    if (digits == length) return verdict; /* else: what llhttp refuses once, it refuses at the next byte, too */
    bool has_extension = bytes[digits] == ';' && parser->unit_bytes > 0;
    parser->phase = has_extension ? PHASE_CHUNK_EXTENSION : PHASE_CHUNK_LINE_END;
    return HTTP_MORE;
}

/* Extensions are dropped before llhttp: it knows only some of their forms. */
static enum http_verdict step_chunk_extension(struct http_parser *parser, const char *bytes, size_t length,
                                              size_t *used)
{
    for (size_t at = 0; at < length; at++) {
        unsigned char c = (unsigned char)bytes[at];
        if (c == '\r') {
            parser->phase = PHASE_CHUNK_LINE_END;
            *used = at;
            return HTTP_MORE;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return refuse(parser, 400, "a control character in a chunk extension");
        }
        if (parser->framing_bytes++ == HTTP_HEAD_BYTES_MAX) {
            return refuse(parser, 431, "chunk extensions longer than 65536 bytes");
        }
    }
    *used = length;
    return HTTP_MORE;
}

/* Carriage return and line feed, one by one, so that nothing behind them escapes the next guard. */
static enum http_verdict step_chunk_line_end(struct http_parser *parser, const char *bytes, size_t length,
                                             size_t *used)
{
    return run(parser, bytes, length == 0 ? 0 : 1, used);
}

/* The first byte of a message: llhttp starts afresh and remembers nothing of the last one. */
static void begin_message(struct http_parser *parser)
{
    assert(parser->buffer != NULL); /* the caller lends it before the first bytes of a head */
    llhttp_t *state = state_of(parser);
    llhttp_init(state, HTTP_REQUEST, &SETTINGS);
    state->data = parser;
    parser->head.method = (struct http_span){NULL, 0};
    parser->head.target = (struct http_span){NULL, 0};
    parser->head.headers[0].name = (struct http_span){NULL, 0};
    parser->head.headers_count = 0;
    parser->buffer_used = 0;
    parser->item_index = 0;
    parser->phase = PHASE_METHOD;
}

/* Between two messages: skip empty lines, within the bound of a head. */
static enum http_verdict step_idle(struct http_parser *parser, const char *bytes, size_t length, size_t *used)
{
    if (length == 0) return HTTP_MORE;
    bool is_after_return = parser->phase == PHASE_IDLE_CR;
    if (is_after_return && bytes[0] != '\n') return refuse(parser, 400, "a carriage return without line feed");
    if (!is_after_return && bytes[0] == '\n') return refuse(parser, 400, "a line feed without carriage return");
    if (!is_after_return && bytes[0] != '\r') {
        begin_message(parser);
        return HTTP_MORE;
    }
    if (parser->framing_bytes++ == HTTP_HEAD_BYTES_MAX) {
        return refuse(parser, 431, "the head or the trailers are longer than 65536 bytes");
    }
    parser->phase = is_after_return ? PHASE_IDLE : PHASE_IDLE_CR;
    *used = 1;
    return HTTP_MORE;
}

static enum http_verdict step(struct http_parser *parser, const char *bytes, size_t length, size_t *used)
{
    switch ((enum phase)parser->phase) {
    case PHASE_IDLE:
    case PHASE_IDLE_CR: return step_idle(parser, bytes, length, used);
    case PHASE_METHOD:
    case PHASE_TARGET:
    case PHASE_VERSION:
    case PHASE_LINES:
    case PHASE_TRAILERS: return step_head(parser, bytes, length, used);
    case PHASE_ENDED: end_message(parser); return HTTP_END;
    case PHASE_BODY:
    case PHASE_CHUNK_DATA: return run(parser, bytes, length, used);
    case PHASE_CHUNK_SIZE: return step_chunk_size(parser, bytes, length, used);
    case PHASE_CHUNK_EXTENSION: return step_chunk_extension(parser, bytes, length, used);
    case PHASE_CHUNK_LINE_END: return step_chunk_line_end(parser, bytes, length, used);
    case PHASE_CLOSED: *used = length; return HTTP_MORE;
    case PHASE_REFUSED: break;
    }
    return HTTP_REFUSED;
}

void http_parser_init(struct http_parser *parser, char *buffer)
{
    parser->status = 0;
    parser->reason = "";
    parser->buffer = buffer;
    parser->buffer_capacity = HTTP_HEAD_BYTES_MAX;
    parser->buffer_used = 0;
    parser->more = NULL;
    parser->owner = NULL;
    parser->framing_bytes = 0;
    parser->phase = PHASE_IDLE;
    parser->head.headers_count = 0;
}

void http_parser_init_small(struct http_parser *parser, char *buffer, size_t capacity,
                            bool (*more)(struct http_parser *parser, size_t bytes), void *owner)
{
    assert(capacity <= HTTP_HEAD_BYTES_MAX);
    http_parser_init(parser, buffer);
    parser->buffer_capacity = (uint32_t)capacity;
    parser->more = more;
    parser->owner = owner;
}

/* A span that is not set yet stays so. */
static void follow(struct http_span *span, const char *from, const char *to)
{
    if (span->at != NULL) span->at = to + (span->at - from);
}

void http_parser_move(struct http_parser *parser, char *buffer, size_t capacity)
{
    struct http_head *head = &parser->head;
    const char *from = parser->buffer;
    assert(capacity >= parser->buffer_capacity && capacity <= HTTP_HEAD_BYTES_MAX);
    memcpy(buffer, from, parser->buffer_used);
    follow(&head->method, from, buffer);
    follow(&head->target, from, buffer);
    for (uint32_t i = 0; i < head->headers_count; i++) {
        follow(&head->headers[i].name, from, buffer);
        follow(&head->headers[i].value, from, buffer);
    }
    if (head->headers_count < HTTP_HEADERS_MAX) follow(&head->headers[head->headers_count].name, from, buffer);
    parser->buffer = buffer;
    parser->buffer_capacity = (uint32_t)capacity;
}

void http_parser_lend(struct http_parser *parser, char *buffer)
{
    assert(http_parser_is_idle(parser));
    parser->buffer = buffer;
}

bool http_parser_is_idle(const struct http_parser *parser)
{
    return parser->phase == PHASE_IDLE || parser->phase == PHASE_CLOSED;
}

enum http_verdict http_parse(struct http_parser *parser, const char *bytes, size_t length, size_t *taken)
{
    assert(bytes != NULL || length == 0);
    if (bytes == NULL) bytes = ""; /* llhttp adds to the pointer */
    enum http_verdict verdict;
    *taken = 0;
    do {
        size_t used = 0;
        verdict = step(parser, bytes + *taken, length - *taken, &used);
        *taken += used;
    } while (verdict == HTTP_MORE && *taken < length);
    return verdict;
}
