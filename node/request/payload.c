/* A body against what its signature promised, part by part.
 *
 * Chunk streams:
 *
 *     SIZE --> DATA --> DATA_END --> SIZE ...            of each chunk
 *     SIZE, of the chunk of 0 bytes
 *       |--> LAST                                        without trailer
 *       |--> TRAILER --> LAST                            unsigned: its blank line is required
 *       '--> TRAILER --> TRAILER_SIGNATURE --> LAST      signed
 *     LAST --> WHOLE                                     after "\r\n"; may be left out where nothing requires it
 *
 * Any wrong byte leads to BROKEN, for good.
 */
#include "node/request/payload.h"

#include <assert.h>

enum phase {
    PHASE_PLAIN, /* a body as it is: hashed or not */
    PHASE_SIZE,
    PHASE_DATA,
    PHASE_DATA_END,
    PHASE_TRAILER,
    PHASE_TRAILER_SIGNATURE,
    PHASE_LAST,
    PHASE_WHOLE,
    PHASE_BROKEN,
    PHASE_OTHER_HASH,
};

static bool is_signed(const struct payload *payload)
{
    return payload->promised.mode == AUTH_PAYLOAD_CHUNKS_SIGNED ||
           payload->promised.mode == AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER;
}

static bool has_trailer(const struct payload *payload)
{
    return payload->promised.mode == AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER ||
           payload->promised.mode == AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER;
}

static void break_off(struct payload *payload, const char *reason)
{
    payload->phase = PHASE_BROKEN;
    payload->reason = reason;
}

static void enter(struct payload *payload, enum phase phase)
{
    payload->phase = (uint8_t)phase;
    payload->line_bytes = 0;
}

void payload_init(struct payload *payload, const struct auth_payload *promised)
{
    bool is_plain = promised->mode == AUTH_PAYLOAD_HASH || promised->mode == AUTH_PAYLOAD_UNSIGNED;
    payload->promised = *promised; /* the line needs no clearing: line_bytes says what of it is meant */
    payload->chunk_left_bytes = 0;
    payload->reason = NULL;
    memcpy(payload->previous_signature, promised->seed_signature, sizeof payload->previous_signature);
    hash_sha256_init(&payload->hash);
    enter(payload, is_plain ? PHASE_PLAIN : PHASE_SIZE);
}

/* ---- signatures ---- */

/* Add a line to a string to sign. */
static size_t add_line(char *text, size_t used, const char *line, size_t length)
{
    memcpy(text + used, line, length);
    text[used + length] = '\n';
    return used + length + 1;
}

static size_t add_hex_line(char *text, size_t used, const uint8_t hash[HASH_SHA256_BYTES])
{
    char hex[2 * HASH_SHA256_BYTES];
    hash_hex(hash, HASH_SHA256_BYTES, hex);
    return add_line(text, used, hex, sizeof hex);
}

/* Is the claimed signature that of `hash`, which is what has been read since the previous one? A chunk's string to
 * sign has a line with the hash of nothing, a trailer's has not. */
static bool is_claim_right(const struct payload *payload, const char *label, bool is_chunk,
                           const uint8_t hash[HASH_SHA256_BYTES])
{
    const struct auth_payload *promised = &payload->promised;
    char scope[SIGV4_SCOPE_CHARS_MAX];
    char text[32 + SIGV4_DATETIME_CHARS + SIGV4_SCOPE_CHARS_MAX + 3 * 2 * HASH_SHA256_BYTES + 6];
    size_t scope_chars = sigv4_scope_encode(promised->datetime, span_of(promised->region, promised->region_chars),
                                            scope);

    assert(strlen(label) <= 32);
    size_t used = add_line(text, 0, label, strlen(label));
    used = add_line(text, used, promised->datetime, sizeof promised->datetime);
    used = add_line(text, used, scope, scope_chars);
    used = add_hex_line(text, used, payload->previous_signature);
    if (is_chunk) {
        uint8_t nothing[HASH_SHA256_BYTES];
        hash_sha256(NULL, 0, nothing);
        used = add_hex_line(text, used, nothing);
    }
    used = add_hex_line(text, used, hash);

    uint8_t signature[HASH_SHA256_BYTES];
    hash_hmac_sha256(span_of(promised->signing_key, sizeof promised->signing_key),
                     span_of(text, used - 1), /* no newline behind the last line */
                     signature);
    return hash_is_equal(signature, payload->claimed_signature, sizeof signature);
}

/* A chunk's data are complete: check them, and be ready for the next chunk's. */
static bool check_chunk(struct payload *payload)
{
    if (!is_signed(payload)) return true;
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256_final(&payload->hash, hash);
    hash_sha256_init(&payload->hash);
    if (!is_claim_right(payload, "AWS4-HMAC-SHA256-PAYLOAD", true, hash)) {
        break_off(payload, "a chunk's signature is not right");
        return false;
    }
    memcpy(payload->previous_signature, payload->claimed_signature, sizeof payload->previous_signature);
    return true;
}

/* The reference takes the label of chunks for trailers too; AWS documents one of its own. Both are taken: either
 * needs the key, and neither text can be that of a chunk, which has a line more. */
static bool check_trailer(struct payload *payload)
{
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256_final(&payload->hash, hash);
    if (!is_claim_right(payload, "AWS4-HMAC-SHA256-PAYLOAD", false, hash) &&
        !is_claim_right(payload, "AWS4-HMAC-SHA256-TRAILER", false, hash)) {
        break_off(payload, "the trailer's signature is not right");
        return false;
    }
    return true;
}

/* ---- lines ---- */

/* The gathered line, without its end. */
static struct span line_of(const struct payload *payload)
{
    return span_of(payload->line, payload->line_bytes - 2);
}

/* Cut `name` and the `separator` behind it off the front of `line`, compared without case. */
static bool skip_name(struct span *line, const char *name, char separator)
{
    size_t length = strlen(name);
    if (line->length <= length || line->bytes[length] != (uint8_t)separator) return false;
    struct http_span begin = {(const char *)line->bytes, length};
    if (!http_is_equal_nocase(begin, name)) return false;
    *line = span_of(line->bytes + length + 1, line->length - length - 1);
    return true;
}

/* 1 to 16 hex digits, so that no sum can wrap. Returns the digits taken, 0 when there are none or too many. */
static size_t read_size(struct span line, uint64_t *size)
{
    static const char digits[] = "0123456789abcdef";
    size_t taken = 0;
    *size = 0;
    while (taken < line.length && line.bytes[taken] != ';') {
        uint8_t c = line.bytes[taken];
        const char *digit = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
        if (digit == NULL || taken == 16) return 0;
        *size = *size << 4 | (uint64_t)(digit - digits);
        taken++;
    }
    return taken;
}

/* "hexsize" or "hexsize;chunk-signature=hex". A signature nobody promised is read and not used. */
static void take_size_line(struct payload *payload)
{
    struct span line = line_of(payload);
    size_t digits = read_size(line, &payload->chunk_left_bytes);
    if (digits == 0) {
        break_off(payload, "a chunk does not begin with its size, 1 to 16 hex digits");
        return;
    }
    line = span_of(line.bytes + digits, line.length - digits);
    bool is_claimed = line.length > 0;
    if (is_claimed) {
        line = span_of(line.bytes + 1, line.length - 1);
        if (!skip_name(&line, "chunk-signature", '=') ||
            !hash_unhex(line, payload->claimed_signature, sizeof payload->claimed_signature)) {
            break_off(payload,
                      "a chunk's size is followed by something else than ;chunk-signature= and 64 digits");
            return;
        }
    }
    if (!is_claimed && is_signed(payload)) {
        break_off(payload, "a chunk has no signature");
        return;
    }
    if (payload->chunk_left_bytes > 0) {
        enter(payload, PHASE_DATA);
    } else if (check_chunk(payload)) {
        enter(payload, has_trailer(payload) ? PHASE_TRAILER : PHASE_LAST);
    }
}

/* "name:value", perhaps with a newline of its own before the line's end. What a signature covers is the line with
 * exactly one newline. */
static void take_trailer(struct payload *payload)
{
    struct span line = line_of(payload);
    if (line.length > 0 && line.bytes[line.length - 1] == '\n') line.length--;
    struct span value = line;
    if (!skip_name(&value, payload->promised.trailer_name, ':')) {
        break_off(payload, "the trailer is not the one that x-amz-trailer names");
        return;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < 0x20 || value.bytes[i] > 0x7e) {
            break_off(payload, "the trailer's value holds bytes that are not visible ASCII");
            return;
        }
    }
    if (!is_signed(payload)) {
        enter(payload, PHASE_LAST);
        return;
    }
    hash_sha256_add(&payload->hash, line.bytes, line.length);
    hash_sha256_add(&payload->hash, "\n", 1);
    enter(payload, PHASE_TRAILER_SIGNATURE);
}

static void take_trailer_signature(struct payload *payload)
{
    struct span line = line_of(payload);
    if (!skip_name(&line, "x-amz-trailer-signature", ':') ||
        !hash_unhex(line, payload->claimed_signature, sizeof payload->claimed_signature)) {
        break_off(payload, "the trailer is not followed by x-amz-trailer-signature: and 64 hex digits");
    } else if (check_trailer(payload)) {
        enter(payload, PHASE_LAST);
    }
}

/* ---- phases ---- */

/* The longest a line may be, its end included. After data and at the end it must be empty. */
static size_t line_bytes_max(enum phase phase)
{
    if (phase == PHASE_SIZE) return PAYLOAD_CHUNK_HEAD_BYTES_MAX;
    if (phase == PHASE_DATA_END || phase == PHASE_LAST) return 2;
    return PAYLOAD_TRAILER_BYTES_MAX;
}

/* A line is there: what it means now. */
static void take_line(struct payload *payload)
{
    switch ((enum phase)payload->phase) {
    case PHASE_SIZE: take_size_line(payload); return;
    case PHASE_DATA_END: enter(payload, PHASE_SIZE); return;
    case PHASE_TRAILER: take_trailer(payload); return;
    case PHASE_TRAILER_SIGNATURE: take_trailer_signature(payload); return;
    case PHASE_LAST: enter(payload, PHASE_WHOLE); return;
    case PHASE_PLAIN:
    case PHASE_DATA:
    case PHASE_WHOLE:
    case PHASE_BROKEN:
    case PHASE_OTHER_HASH: break;
    }
    assert(false);
}

/* Gather a line to its "\r\n". Returns the bytes used. */
static size_t add_to_line(struct payload *payload, const uint8_t *bytes, size_t length)
{
    size_t bytes_max = line_bytes_max((enum phase)payload->phase);
    for (size_t i = 0; i < length; i++) {
        payload->line[payload->line_bytes++] = (char)bytes[i];
        if (payload->line_bytes >= 2 && memcmp(&payload->line[payload->line_bytes - 2], "\r\n", 2) == 0) {
            take_line(payload);
            return i + 1;
        }
        if (payload->line_bytes == bytes_max) {
            break_off(payload, bytes_max == 2
                                   ? "a chunk is longer than its size, or something follows the last one"
                                   : "the line of a chunk's size, or of the trailer, is too long");
            return i + 1;
        }
    }
    return length;
}

/* Take bytes of a chunk. Returns the bytes used, which are all decoded ones. */
static size_t add_to_chunk(struct payload *payload, const uint8_t *bytes, size_t length)
{
    size_t taken = length < payload->chunk_left_bytes ? length : (size_t)payload->chunk_left_bytes;
    if (is_signed(payload)) hash_sha256_add(&payload->hash, bytes, taken);
    payload->chunk_left_bytes -= taken;
    if (payload->chunk_left_bytes == 0 && check_chunk(payload)) enter(payload, PHASE_DATA_END);
    return taken;
}

/* Take some bytes of a chunk stream; decoded ones are moved to `out`, which is at or before `bytes`. */
static size_t step(struct payload *payload, const uint8_t *bytes, size_t length, uint8_t *out, size_t *decoded)
{
    if (payload->phase == PHASE_WHOLE) {
        break_off(payload, "something follows the end of the chunks");
        return length;
    }
    if (payload->phase != PHASE_DATA) return add_to_line(payload, bytes, length);
    size_t taken = add_to_chunk(payload, bytes, length);
    if (payload->phase != PHASE_BROKEN) {
        memmove(out + *decoded, bytes, taken);
        *decoded += taken;
    }
    return taken;
}

enum payload_verdict payload_add(struct payload *payload, uint8_t *bytes, size_t length, size_t *decoded)
{
    *decoded = 0;
    if (payload->phase == PHASE_OTHER_HASH) return PAYLOAD_BAD_DIGEST;
    if (payload->phase == PHASE_PLAIN) {
        if (payload->promised.mode == AUTH_PAYLOAD_HASH) hash_sha256_add(&payload->hash, bytes, length);
        *decoded = length;
        return PAYLOAD_OK;
    }
    size_t taken = 0;
    while (taken < length && payload->phase != PHASE_BROKEN) {
        taken += step(payload, bytes + taken, length - taken, bytes, decoded);
    }
    return payload->phase == PHASE_BROKEN ? PAYLOAD_BAD_CHUNK : PAYLOAD_OK;
}

/* The whole body is hashed: once, since the hash is spent by it. */
static void end_plain(struct payload *payload)
{
    payload->phase = PHASE_WHOLE;
    if (payload->promised.mode != AUTH_PAYLOAD_HASH) return;
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256_final(&payload->hash, hash);
    if (!hash_is_equal(hash, payload->promised.hash, sizeof hash)) {
        payload->phase = PHASE_OTHER_HASH;
        payload->reason = "the body's SHA-256 is not the one in x-amz-content-sha256";
    }
}

enum payload_verdict payload_end(struct payload *payload)
{
    if (payload->phase == PHASE_PLAIN) end_plain(payload);
    bool needs_last = payload->promised.mode == AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER;
    bool is_whole = payload->phase == PHASE_WHOLE ||
                    (payload->phase == PHASE_LAST && payload->line_bytes == 0 && !needs_last);
    if (payload->phase == PHASE_OTHER_HASH) return PAYLOAD_BAD_DIGEST;
    if (payload->phase == PHASE_BROKEN) return PAYLOAD_BAD_CHUNK;
    if (!is_whole) {
        break_off(payload, "the body ends before its last chunk does");
        return PAYLOAD_BAD_CHUNK;
    }
    return PAYLOAD_OK;
}
