/* Rows whose hash is right and whose body is anything, and what must hold of every row that is read: it is the one
 * form of what it says. For the tests and the fuzzer of node/store/record. */
#ifndef TESTS_LIB_RECORD_CHECK_H
#define TESTS_LIB_RECORD_CHECK_H

#include "node/store/record.h"

#include <stdlib.h>

/* As record.c marks the three kinds of rows. */
enum record_check_space { RECORD_CHECK_ITEM = 'i', RECORD_CHECK_COUNT = 'c', RECORD_CHECK_DOCUMENT = 'd' };

static const uint8_t RECORD_CHECK_HASH_KEY[HASH_KEY_BYTES] = "hash key of the tests..........";

/* Put the hash that belongs to `key` and the bytes behind it in front of a row of at least RECORD_HASH_BYTES. */
static inline void record_check_seal(enum record_check_space space, struct span key, uint8_t *row, size_t length)
{
    uint8_t name = (uint8_t)space;
    struct hash_keyed keyed;
    hash_keyed_init(&keyed, RECORD_CHECK_HASH_KEY);
    hash_keyed_add(&keyed, &name, 1);
    hash_keyed_add_field(&keyed, key);
    hash_keyed_add(&keyed, row + RECORD_HASH_BYTES, length - RECORD_HASH_BYTES);
    wire_store_u64(row, hash_keyed_64(&keyed));
}

static inline enum err record_check_item(struct span key, struct span row, struct arena *arena, bool *is_canonical)
{
    struct record_item item;
    enum err err = record_decode_item(RECORD_CHECK_HASH_KEY, key, row, 3, arena, &item);
    if (err != ERR_OK) return err;
    struct span again = record_encode_item(RECORD_CHECK_HASH_KEY, key, &item, arena);
    *is_canonical = again.bytes == NULL || span_is_equal(again, row);
    *is_canonical &= crdt_dvvs_is_valid(&item.state);
    *is_canonical &= item.state.columns_capacity >= item.state.columns_count + 3;
    *is_canonical &= item.state.writes_capacity >= item.state.writes_count + 1;
    return err;
}

static inline enum err record_check_count(struct span key, struct span row, struct arena *arena,
                                          bool *is_canonical)
{
    struct record_count count;
    enum err err = record_decode_count(RECORD_CHECK_HASH_KEY, key, row, &count);
    if (err != ERR_OK) return err;
    struct span again = record_encode_count(RECORD_CHECK_HASH_KEY, key, &count, arena);
    *is_canonical = again.bytes == NULL || span_is_equal(again, row);
    return err;
}

static inline enum err record_check_document(struct span key, struct span row, struct arena *arena,
                                             bool *is_canonical)
{
    struct crdt_lww document;
    enum err err = record_decode_document(RECORD_CHECK_HASH_KEY, key, row, &document);
    if (err != ERR_OK) return err;
    struct span again = record_encode_document(RECORD_CHECK_HASH_KEY, key, &document, arena);
    *is_canonical = again.bytes == NULL || span_is_equal(again, row);
    return err;
}

/* Read a row of any kind. `is_canonical`: it was refused, or is the bytes that its contents are written as. */
static inline enum err record_check(enum record_check_space space, struct span key, struct span row,
                                    struct arena *arena, bool *is_canonical)
{
    *is_canonical = true;
    switch (space) {
    case RECORD_CHECK_ITEM: return record_check_item(key, row, arena, is_canonical);
    case RECORD_CHECK_COUNT: return record_check_count(key, row, arena, is_canonical);
    case RECORD_CHECK_DOCUMENT: return record_check_document(key, row, arena, is_canonical);
    }
    return ERR_CORRUPT;
}

/* The same from a block of the row's own size, so that a sanitizer sees a read beyond it. */
static inline enum err record_check_copy(enum record_check_space space, struct span key, struct span row,
                                         bool *is_canonical)
{
    struct arena arena;
    uint8_t *copy = malloc(row.length == 0 ? 1 : row.length);
    if (copy == NULL) return ERR_MEMORY;
    if (row.length > 0) memcpy(copy, row.bytes, row.length);
    arena_init(&arena, 64 << 20);
    enum err err = record_check(space, key, span_of(copy, row.length), &arena, is_canonical);
    arena_deinit(&arena);
    free(copy);
    return err;
}

#endif
