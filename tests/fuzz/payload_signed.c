/* Chunk streams that are rightly signed, which mutations of finished ones (tests/fuzz/payload.c) never are: the
 * input says what is in the chunks, and a signer of our own signs them.
 *
 * Input: a byte of options, one for the sizes of the pieces it is fed in, three for the change made at the end;
 * then for each chunk a byte with its length and its data.
 *
 * - The stream is taken, in one piece and in many, and decoded to the data.
 * - After a byte of it is changed, left out or put in, it is refused, but for the few changes that mean the same;
 *   without signatures it may hold other data, but is judged alike however it is cut.
 */
#include "node/request/payload.h"
#include "tests/lib/signer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DATETIME SIGNER_DAY "T120000Z"
#define TRAILER  "x-amz-checksum-crc32"

/* The options' bits. The first two choose the mode. */
enum { MODE_MASK = 3, LABEL_OF_TRAILERS = 4, NEWLINE_IN_TRAILER = 8, NO_LAST_LINE = 16, UPPER_DIGITS = 32 };

struct stream {
    struct signer_text bytes;
    struct signer_text data;
    struct auth_payload promised;
    char previous[65];
    uint8_t options;
};

static void begin(struct stream *stream, uint8_t options)
{
    static const enum auth_payload_mode modes[] = {AUTH_PAYLOAD_CHUNKS_SIGNED, AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER,
                                                   AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER,
                                                   AUTH_PAYLOAD_CHUNKS_SIGNED};
    stream->options = options;
    stream->promised = (struct auth_payload){
        .mode = modes[options & MODE_MASK], .region = "garage", .region_chars = 6, .trailer_name = TRAILER};
    memcpy(stream->promised.datetime, DATETIME, sizeof stream->promised.datetime);
    signer_key(SECRET, stream->promised.signing_key);
    hash_sha256("the request's own", 17, stream->promised.seed_signature);
    signer_hex(stream->promised.seed_signature, stream->previous);
}

static bool is_signed(const struct stream *stream)
{
    return stream->promised.mode != AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER;
}

static void say_hex(struct stream *stream, const char *hex)
{
    for (; *hex != '\0'; hex++) {
        bool is_upper = (stream->options & UPPER_DIGITS) != 0 && *hex >= 'a';
        char c = is_upper ? (char)(*hex - ('a' - 'A')) : *hex;
        signer_add(&stream->bytes, &c, 1);
    }
}

static void add_chunk(struct stream *stream, const uint8_t *data, size_t length)
{
    char size[20];
    snprintf(size, sizeof size, "%zx", length);
    say_hex(stream, size);
    if (is_signed(stream)) {
        signer_sign_part(stream->promised.signing_key, DATETIME, "AWS4-HMAC-SHA256-PAYLOAD", true, data, length,
                         stream->previous);
        signer_say(&stream->bytes, ";chunk-signature=");
        say_hex(stream, stream->previous);
    }
    signer_say(&stream->bytes, "\r\n");
    signer_add(&stream->bytes, data, length);
    signer_add(&stream->data, data, length);
    if (length > 0) signer_say(&stream->bytes, "\r\n");
}

static void add_trailer(struct stream *stream)
{
    static const char line[] = TRAILER ":AAAAAA==\n";
    bool has_newline = (stream->options & NEWLINE_IN_TRAILER) != 0;
    const char *label = stream->options & LABEL_OF_TRAILERS ? "AWS4-HMAC-SHA256-TRAILER"
                                                            : "AWS4-HMAC-SHA256-PAYLOAD";
    signer_add(&stream->bytes, line, sizeof line - (has_newline ? 1 : 2));
    signer_say(&stream->bytes, "\r\n");
    if (!is_signed(stream)) return;
    signer_sign_part(stream->promised.signing_key, DATETIME, label, false, line, sizeof line - 1,
                     stream->previous);
    signer_say(&stream->bytes, "x-amz-trailer-signature:");
    say_hex(stream, stream->previous);
    signer_say(&stream->bytes, "\r\n");
}

static void end(struct stream *stream)
{
    add_chunk(stream, (const uint8_t *)"", 0);
    if (stream->promised.mode != AUTH_PAYLOAD_CHUNKS_SIGNED) add_trailer(stream);
    bool needs_last = !is_signed(stream);
    if (needs_last || !(stream->options & NO_LAST_LINE)) signer_say(&stream->bytes, "\r\n");
}

/* Feed `bytes` in pieces of `piece` bytes, each in memory of its own size. */
static enum payload_verdict feed(const struct auth_payload *promised, const struct signer_text *bytes,
                                 size_t piece, struct signer_text *decoded)
{
    static struct payload payload;
    decoded->length = 0;
    payload_init(&payload, promised);
    for (size_t used = 0; used < bytes->length;) {
        size_t length = bytes->length - used < piece ? bytes->length - used : piece;
        uint8_t *part = malloc(length);
        size_t part_decoded = 0;
        signer_require(part != NULL);
        memcpy(part, bytes->bytes + used, length);
        (void)payload_add(&payload, part, length, &part_decoded);
        signer_require(part_decoded <= length);
        signer_add(decoded, part, part_decoded);
        used += length;
        free(part);
    }
    enum payload_verdict verdict = payload_end(&payload);
    signer_require((payload.reason == NULL) == (verdict == PAYLOAD_OK));
    return verdict;
}

static bool is_same(const struct signer_text *a, const struct signer_text *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static char lower_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Change a byte, leave one out or put one in. Says whether that may mean the same as before: another case of a
 * digit or of a name's letter, a zero before a size, or the newline that a trailer may have or not. */
static bool change(struct signer_text *bytes, const uint8_t how[3])
{
    size_t at = ((size_t)how[0] << 8 | how[1]) % bytes->length;
    char before = bytes->bytes[at];
    char other = (char)how[2];
    switch (how[2] % 4) {
    case 0:
    case 1:
        bytes->bytes[at] = how[2] % 4 == 0 ? (char)(before ^ (char)(1 << how[2] / 4 % 8)) : other;
        return lower_case(bytes->bytes[at]) == lower_case(before);
    case 2:
        memmove(bytes->bytes + at, bytes->bytes + at + 1, bytes->length - at - 1);
        bytes->length--;
        return before == '\n';
    default:
        other = how[2] % 8 == 3 ? '\n' : (char)(how[2] / 8 + '0');
        signer_add(bytes, &other, 1);
        memmove(bytes->bytes + at + 1, bytes->bytes + at, bytes->length - at - 1);
        bytes->bytes[at] = other;
        return other == '\n' || other == '0';
    }
}

static void check(struct stream *stream, size_t piece, const uint8_t how[3])
{
    static struct signer_text whole, pieces;
    signer_require(feed(&stream->promised, &stream->bytes, stream->bytes.length, &whole) == PAYLOAD_OK);
    signer_require(feed(&stream->promised, &stream->bytes, piece, &pieces) == PAYLOAD_OK);
    signer_require(is_same(&whole, &stream->data) && is_same(&pieces, &stream->data));

    bool may_be_same = change(&stream->bytes, how);
    enum payload_verdict verdict = feed(&stream->promised, &stream->bytes, stream->bytes.length, &whole);
    signer_require(feed(&stream->promised, &stream->bytes, piece, &pieces) == verdict);
    signer_require(verdict == PAYLOAD_OK || verdict == PAYLOAD_BAD_CHUNK);
    if (verdict != PAYLOAD_OK) return;
    signer_require(is_same(&whole, &pieces));
    if (is_signed(stream)) signer_require(may_be_same && is_same(&whole, &stream->data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stream stream;
    if (size < 5) return 0;
    stream.bytes.length = stream.data.length = 0;
    begin(&stream, data[0]);
    for (size_t at = 5; at < size;) {
        size_t length = data[at++];
        if (length > size - at) length = size - at;
        if (length > 0) add_chunk(&stream, data + at, length);
        at += length;
    }
    end(&stream);
    check(&stream, (size_t)data[1] + 1, data + 2);
    return 0;
}
