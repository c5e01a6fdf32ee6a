/* Causality tokens: the clock's bytes, and their strict URL-safe base64. */
#include "crdt/token.h"

#include "crdt/bytes.h"

#include <assert.h>

enum { SEAL_BYTES = 8, ENTRY_BYTES = 16, NOT_IN_ALPHABET = 64 };

size_t crdt_token_clock_bytes(const struct crdt_vclock *clock, uint8_t *out)
{
    assert(clock->count <= CRDT_VCLOCK_MAX);
    for (uint32_t i = 0; i < clock->count; i++) {
        assert(clock->entries[i].counter > 0);
        assert(i == 0 || clock->entries[i - 1].actor < clock->entries[i].actor);
        crdt_bytes_put_u64(out + (size_t)i * ENTRY_BYTES, clock->entries[i].actor);
        crdt_bytes_put_u64(out + (size_t)i * ENTRY_BYTES + 8, clock->entries[i].counter);
    }
    return (size_t)clock->count * ENTRY_BYTES;
}

/* base64 without padding; returns the chars written, (length * 4 + 2) / 3. */
static size_t base64_encode(const uint8_t *bytes, size_t length, char *text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t chars = 0;
    uint32_t bits = 0;
    uint32_t bits_count = 0;
    for (size_t i = 0; i < length; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        bits_count += 8;
        while (bits_count >= 6) {
            bits_count -= 6;
            text[chars++] = alphabet[bits >> bits_count & 63];
        }
    }
    if (bits_count > 0) text[chars++] = alphabet[bits << (6 - bits_count) & 63];
    return chars;
}

static uint32_t base64_value(char letter)
{
    if (letter >= 'A' && letter <= 'Z') return (uint32_t)(letter - 'A');
    if (letter >= 'a' && letter <= 'z') return (uint32_t)(letter - 'a') + 26;
    if (letter >= '0' && letter <= '9') return (uint32_t)(letter - '0') + 52;
    if (letter == '-') return 62;
    if (letter == '_') return 63;
    return NOT_IN_ALPHABET;
}

/* False for a foreign character and for set bits after the last whole byte. Writes length * 3 / 4 bytes. */
static bool base64_decode(const char *text, size_t length, uint8_t *bytes)
{
    size_t written = 0;
    uint32_t bits = 0;
    uint32_t bits_count = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t value = base64_value(text[i]);
        if (value == NOT_IN_ALPHABET) return false;
        bits = (bits << 6 | value) & 0xfff;
        bits_count += 6;
        if (bits_count >= 8) {
            bits_count -= 8;
            bytes[written++] = (uint8_t)(bits >> bits_count & 0xff);
        }
    }
    return (bits & ((1U << bits_count) - 1)) == 0;
}

size_t crdt_token_encode(const struct crdt_vclock *clock, uint64_t seal, char *text)
{
    uint8_t bytes[CRDT_TOKEN_BYTES_MAX];
    crdt_bytes_put_u64(bytes, clock->count == 0 ? 0 : seal);
    size_t length = SEAL_BYTES + crdt_token_clock_bytes(clock, bytes + SEAL_BYTES);
    return base64_encode(bytes, length, text);
}

/* Read entries until the bytes end; false when they do not fit or are not strictly ascending. */
static bool decode_clock(const uint8_t *bytes, size_t entries_count, struct crdt_vclock *clock)
{
    if (entries_count > clock->capacity) return false;
    clock->count = 0;
    for (size_t i = 0; i < entries_count; i++) {
        struct crdt_dot dot = {
            .actor = crdt_bytes_get_u64(bytes + i * ENTRY_BYTES),
            .counter = crdt_bytes_get_u64(bytes + i * ENTRY_BYTES + 8),
        };
        if (dot.counter == 0) return false;
        if (i > 0 && dot.actor <= clock->entries[i - 1].actor) return false;
        clock->entries[clock->count++] = dot;
    }
    return true;
}

bool crdt_token_decode(const char *text, size_t length, struct crdt_vclock *clock, uint64_t *seal)
{
    uint8_t bytes[CRDT_TOKEN_BYTES_MAX];
    if (length > CRDT_TOKEN_CHARS_MAX || length % 4 == 1) return false;
    size_t bytes_count = length * 3 / 4;
    if (bytes_count % ENTRY_BYTES != SEAL_BYTES) return false;
    if (!base64_decode(text, length, bytes)) return false;

    *seal = crdt_bytes_get_u64(bytes);
    size_t entries_count = (bytes_count - SEAL_BYTES) / ENTRY_BYTES;
    if (entries_count == 0 && *seal != 0) return false;
    return decode_clock(bytes + SEAL_BYTES, entries_count, clock);
}
