/* The causality token: what a client has seen of one item, as text.
 *
 * A read hands the token out; the next write brings it back and says with it "I replace exactly this".
 * Pure: no I/O, no clock, no allocation, no secret: the seal is computed outside, over bucket, keys and the
 * clock's bytes (crdt_token_clock_bytes), and compared there in constant time.
 *
 * Shape: URL-safe base64 without padding of seal (8 bytes), then per entry actor (8), counter (8); all
 * big-endian, entries in strictly ascending order of actor, counters at least 1. The token of the empty
 * history has seal 0: AAAAAAAAAAA.
 */
#ifndef CRDT_TOKEN_H
#define CRDT_TOKEN_H

#include "crdt/vclock.h"

enum {
    CRDT_TOKEN_CLOCK_BYTES_MAX = 16 * CRDT_VCLOCK_MAX,
    CRDT_TOKEN_BYTES_MAX = 8 + CRDT_TOKEN_CLOCK_BYTES_MAX,
    CRDT_TOKEN_CHARS_MAX = (CRDT_TOKEN_BYTES_MAX * 4 + 2) / 3,
};

/* The clock's entries as the token carries them; room for CRDT_TOKEN_CLOCK_BYTES_MAX. Returns the bytes
 * written. The clock has at most CRDT_VCLOCK_MAX entries (asserted). */
size_t crdt_token_clock_bytes(const struct crdt_vclock *clock, uint8_t *out);

/* Write the token of `clock` under `seal`; room for CRDT_TOKEN_CHARS_MAX, no NUL. Returns the chars written.
 * An empty clock is written with seal 0 whatever is given: there is one token of the empty history. */
size_t crdt_token_encode(const struct crdt_vclock *clock, uint64_t seal, char *text);

/* Read a token that came from outside: `length` chars, any bytes whatever. False for text that
 * crdt_token_encode() cannot have written: a foreign character, a wrong length, set trailing bits, padding,
 * entries out of order, a counter of 0, a seal without entries, more than `clock->capacity` or CRDT_VCLOCK_MAX
 * entries; the outputs are then meaningless. True speaks of the shape only: believe the clock after comparing
 * the seal (of a token without entries it is always 0 and there is nothing to compare). */
bool crdt_token_decode(const char *text, size_t length, struct crdt_vclock *clock, uint64_t *seal);

#endif
