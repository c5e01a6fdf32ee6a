/* Reads a file of vectors: lines "name hex"; blank ones and those that begin with # are skipped. */
#ifndef TESTS_VECTORS_VECTORS_H
#define TESTS_VECTORS_VECTORS_H

#include "node/base/hash.h"
#include "tests/lib/check.h"

enum { VECTORS_MAX = 64, VECTORS_NAME_CHARS = 32, VECTORS_BYTES_MAX = 1024 };

struct vector {
    char name[VECTORS_NAME_CHARS];
    uint8_t bytes[VECTORS_BYTES_MAX];
    size_t length;
};

struct vectors {
    struct vector all[VECTORS_MAX];
    size_t count;
};

/* Read TESTS_VECTORS/NAME; whatever is amiss fails the test. */
static inline void vectors_read(struct vectors *vectors, const char *name)
{
    char line[VECTORS_NAME_CHARS + 2 * VECTORS_BYTES_MAX + 3];
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", TESTS_VECTORS, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    vectors->count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        size_t name_length = strcspn(line, " \n");
        size_t length = strcspn(line, "\n");
        if (length == 0 || line[0] == '#') continue;
        assert_true(vectors->count < VECTORS_MAX && name_length < VECTORS_NAME_CHARS && name_length < length);
        struct vector *vector = &vectors->all[vectors->count++];
        memset(vector, 0, sizeof *vector);
        memcpy(vector->name, line, name_length);
        size_t digits = length - name_length - 1;
        vector->length = digits / 2;
        assert_true(digits % 2 == 0 && vector->length <= VECTORS_BYTES_MAX);
        assert_true(hash_unhex(span_of(line + name_length + 1, digits), vector->bytes, vector->length));
    }
    fclose(file);
}

/* The bytes of that name, which must be there. */
static inline struct span vectors_get(const struct vectors *vectors, const char *name)
{
    for (size_t i = 0; i < vectors->count; i++) {
        if (strcmp(vectors->all[i].name, name) == 0) return span_of(vectors->all[i].bytes, vectors->all[i].length);
    }
    print_error("there is no vector %s\n", name);
    fail();
    return (struct span){NULL, 0};
}

#endif
