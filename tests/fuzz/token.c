/* Causality tokens. Any text is refused, or is the one text of the clock it gives; none is taken for an item
 * without the right seal. And any clock, sealed for an item, comes back as it was, for that item alone, and not
 * with a character changed, left out or put in (H7, I10).
 *
 * The input is read twice: as a text, and as a clock of 16 bytes for each entry.
 */
#include "node/request/item.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t BUCKET_ID[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";
static const uint8_t TOKEN_KEY[HASH_KEY_BYTES] = "the token key of the test's node";

static void require(bool condition)
{
    if (!condition) abort();
}

static bool is_read(const struct op_key *key, struct http_span text, struct arena *arena,
                    struct crdt_vclock *clock)
{
    static struct service service;
    bool is_memory = false;
    service.token_key = TOKEN_KEY;
    bool is_good = item_token_read(&service, key, text, arena, clock, &is_memory);
    require(!is_memory);
    return is_good;
}

static void check_text(const struct op_key *key, struct http_span text, struct arena *arena)
{
    struct crdt_dot entries[CRDT_VCLOCK_MAX];
    struct crdt_vclock clock = crdt_vclock_over(entries, CRDT_VCLOCK_MAX);
    struct crdt_vclock read;
    char again[CRDT_TOKEN_CHARS_MAX];
    uint64_t seal = 0;
    bool is_token = crdt_token_decode(text.at, text.length, &clock, &seal);
    bool is_sealed = is_token && seal == store_token_seal(TOKEN_KEY, key, &clock);
    require(is_read(key, text, arena, &read) == is_sealed);
    if (!is_token) return;
    size_t length = crdt_token_encode(&clock, seal, again);
    require(length == text.length && memcmp(again, text.at, length) == 0);
}

/* The clock with these entries; those out of order are left out. */
static struct crdt_vclock clock_of(const uint8_t *data, size_t size, struct crdt_dot *entries)
{
    struct crdt_vclock clock = crdt_vclock_over(entries, CRDT_VCLOCK_MAX);
    for (; size >= 16; data += 16, size -= 16) {
        struct crdt_dot dot;
        memcpy(&dot.actor, data, 8);
        memcpy(&dot.counter, data + 8, 8);
        if (dot.counter > 0) (void)crdt_vclock_raise(&clock, dot);
    }
    return clock;
}

/* Texts that differ from the right one by a character at `at`. */
static void check_changed(const struct op_key *key, struct http_span text, size_t at, char other,
                          struct arena *arena)
{
    char changed[CRDT_TOKEN_CHARS_MAX + 1];
    struct crdt_vclock read;
    memcpy(changed, text.at, text.length);
    changed[at] = other;
    if (other != text.at[at]) require(!is_read(key, (struct http_span){changed, text.length}, arena, &read));
    memcpy(changed + at, text.at + at + 1, text.length - at - 1);
    require(!is_read(key, (struct http_span){changed, text.length - 1}, arena, &read));
    memcpy(changed, text.at, at);
    changed[at] = other;
    memcpy(changed + at + 1, text.at + at, text.length - at);
    require(!is_read(key, (struct http_span){changed, text.length + 1}, arena, &read));
}

static void check_clock(const uint8_t *data, size_t size, const struct op_key *key, struct arena *arena)
{
    struct crdt_dot entries[CRDT_VCLOCK_MAX];
    struct crdt_vclock clock = clock_of(data, size, entries);
    struct crdt_vclock read;
    struct service service = {.token_key = TOKEN_KEY};
    const struct op_key other = {BUCKET_ID, key->partition_key, span_text("another")};
    struct http_span text = item_token_write(&service, key, &clock, arena);
    require(text.at != NULL && text.length <= CRDT_TOKEN_CHARS_MAX);
    require(is_read(key, text, arena, &read) && crdt_vclock_is_equal(&read, &clock));
    require(is_read(&other, text, arena, &read) ==
            (clock.count == 0)); /* the empty token covers nothing anywhere */
    check_changed(key, text, (data[0] | (size_t)data[1] << 8) % text.length, (char)data[2], arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct op_key key = {BUCKET_ID, span_text("p"), span_text("s")};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    check_text(&key, (struct http_span){(const char *)data, size}, &arena);
    if (size >= 3) check_clock(data, size, &key, &arena);
    arena_deinit(&arena);
    return 0;
}
