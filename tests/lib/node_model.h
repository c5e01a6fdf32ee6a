/* What a single node should hold and say, in the simplest form there is: items in an array, each with its siblings
 * in the order of their writes. No clocks: a token covers "all writes of this item up to that one". No cmocka
 * here. */
#ifndef TESTS_LIB_NODE_MODEL_H
#define TESTS_LIB_NODE_MODEL_H

#include "tests/lib/node_line.h"

enum {
    MODEL_PARTITIONS = 2,
    MODEL_SORT_KEYS = 5,
    MODEL_ITEMS = MODEL_PARTITIONS * MODEL_SORT_KEYS,
    MODEL_VALUES = 4,
    MODEL_TOMBSTONE = MODEL_VALUES,
    MODEL_SIBLINGS_MAX = OP_SIBLINGS_MAX,
    MODEL_TEXT_BYTES = 8192,
};

static const char *const MODEL_PARTITION_KEYS[MODEL_PARTITIONS] = {"p", "q"};
static const char *const MODEL_KEYS[MODEL_SORT_KEYS] = {"a", "b", "ba", "bb", "c"}; /* in their order */
static const char *const MODEL_TEXTS[MODEL_VALUES] = {"", "x", "y", "zz"};
static const char *const MODEL_BASE64[MODEL_VALUES] = {"", "eA==", "eQ==", "eno="};

struct model_sibling {
    uint64_t number; /* of the write, over all items */
    uint32_t value;  /* MODEL_TOMBSTONE: a deletion */
};

struct model_item {
    struct model_sibling siblings[MODEL_SIBLINGS_MAX];
    uint32_t count;
    uint64_t top; /* the newest write; 0: never written */
};

struct model {
    struct model_item items[MODEL_ITEMS];
    uint64_t writes_count;
};

/* A text that grows. */
struct model_text {
    char text[MODEL_TEXT_BYTES];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static inline void model_add(struct model_text *text, const char *format,
                                                                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->text + text->used, sizeof text->text - text->used, format, arguments);
    va_end(arguments);
    WORLD_CHECK(length >= 0 && (size_t)length < sizeof text->text - text->used);
    text->used += (size_t)length;
}

static inline struct model_item *model_item(struct model *model, uint32_t partition, uint32_t key)
{
    return &model->items[partition * MODEL_SORT_KEYS + key];
}

/* --- writing -------------------------------------------------------------------------------------------- */

/* May the write be done, or is the item full of siblings? */
static inline bool model_has_room(const struct model_item *item, uint64_t covers)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < item->count; i++)
        left += item->siblings[i].number > covers;
    return left < MODEL_SIBLINGS_MAX;
}

/* Returns what the writer then knows: up to which write of the item, 0 for nothing. */
static inline uint64_t model_write(struct model *model, struct model_item *item, uint64_t covers, uint32_t value)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < item->count; i++) {
        if (item->siblings[i].number > covers) item->siblings[kept++] = item->siblings[i];
    }
    WORLD_CHECK(kept < MODEL_SIBLINGS_MAX);
    item->count = kept;
    item->siblings[item->count++] = (struct model_sibling){++model->writes_count, value};
    item->top = model->writes_count;
    return kept == 0 ? item->top : covers; /* with one actor a sibling below cannot be left out */
}

/* --- what clients see ----------------------------------------------------------------------------------- */

/* The indexes of the values a client sees; returns how many. */
static inline uint32_t model_values(const struct model_item *item, uint32_t values[MODEL_VALUES + 1])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < item->count; i++) {
        bool is_there = false;
        for (uint32_t j = 0; j < count; j++)
            is_there = is_there || values[j] == item->siblings[i].value;
        if (!is_there) values[count++] = item->siblings[i].value;
    }
    return count;
}

static inline bool model_is_alive(const struct model_item *item)
{
    uint32_t values[MODEL_VALUES + 1];
    uint32_t count = model_values(item, values);
    return count > 1 || (count == 1 && values[0] != MODEL_TOMBSTONE);
}

static inline void model_add_values(struct model_text *text, const struct model_item *item)
{
    uint32_t values[MODEL_VALUES + 1];
    uint32_t count = model_values(item, values);
    model_add(text, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) model_add(text, ",");
        if (values[i] == MODEL_TOMBSTONE) {
            model_add(text, "null");
        } else {
            model_add(text, "\"%s\"", MODEL_TEXTS[values[i]]);
        }
    }
    model_add(text, "]");
}

/* The answer to ReadItem in JSON. */
static inline void model_add_read(struct model_text *text, const struct model_item *item)
{
    if (item->count == 0) {
        model_add(text, "404 NoSuchKey");
    } else {
        model_add(text, "200 ");
        model_add_values(text, item);
    }
}

static inline void model_add_item(struct model_text *text, uint32_t key, const struct model_item *item)
{
    model_add(text, "{\"sk\":\"%s\",\"ct\":_,\"v\":", MODEL_KEYS[key]);
    model_add_values(text, item);
    model_add(text, "}");
}

/* The answer to a whole ReadIndex. */
static inline void model_add_index(struct model_text *text, struct model *model)
{
    bool is_first = true;
    model_add(
        text,
        "200 {\"prefix\":null,\"start\":null,\"end\":null,\"limit\":null,\"reverse\":false,\"partitionKeys\":[");
    for (uint32_t partition = 0; partition < MODEL_PARTITIONS; partition++) {
        size_t entries = 0, conflicts = 0, values_count = 0, bytes = 0;
        for (uint32_t key = 0; key < MODEL_SORT_KEYS; key++) {
            uint32_t values[MODEL_VALUES + 1];
            uint32_t count = model_values(model_item(model, partition, key), values);
            size_t before = values_count;
            for (uint32_t i = 0; i < count; i++) {
                if (values[i] == MODEL_TOMBSTONE) continue;
                values_count++;
                bytes += strlen(MODEL_TEXTS[values[i]]);
            }
            entries += values_count > before;
            conflicts += count > 1;
        }
        if (entries + conflicts + values_count + bytes == 0) continue;
        model_add(text, "%s{\"pk\":\"%s\",\"entries\":%zu,\"conflicts\":%zu,\"values\":%zu,\"bytes\":%zu}",
                  is_first ? "" : ",", MODEL_PARTITION_KEYS[partition], entries, conflicts, values_count, bytes);
        is_first = false;
    }
    model_add(text, "],\"more\":false,\"nextStart\":null}");
}

/* --- ranges --------------------------------------------------------------------------------------------- */

/* A search as it was asked; texts NULL when absent, limit -1 for none. */
struct model_search {
    uint32_t partition;
    const char *prefix, *start, *end;
    int limit;
    bool reverse, conflicts_only, tombstones;
};

/* Is the key within start, end and prefix? */
static inline bool model_is_inside(const struct model_search *search, const char *key)
{
    if (search->prefix != NULL && strncmp(key, search->prefix, strlen(search->prefix)) != 0) return false;
    if (!search->reverse) {
        return (search->start == NULL || strcmp(key, search->start) >= 0) &&
               (search->end == NULL || strcmp(key, search->end) < 0);
    }
    return (search->start == NULL || strcmp(key, search->start) <= 0) &&
           (search->end == NULL || strcmp(key, search->end) > 0);
}

static inline bool model_passes(const struct model_search *search, const struct model_item *item)
{
    uint32_t values[MODEL_VALUES + 1];
    if (item->count == 0) return false;
    if (!search->tombstones && !model_is_alive(item)) return false;
    return !search->conflicts_only || model_values(item, values) > 1;
}

static inline void model_add_text_or_null(struct model_text *text, const char *name, const char *value)
{
    if (value == NULL) {
        model_add(text, "\"%s\":null,", name);
    } else {
        model_add(text, "\"%s\":\"%s\",", name, value);
    }
}

static inline const char *model_bool(bool value)
{
    return value ? "true" : "false";
}

/* The search as a request has it, and as its answer repeats it. */
static inline void model_add_search(struct model_text *text, const struct model_search *search)
{
    model_add(text, "{\"partitionKey\":\"%s\",", MODEL_PARTITION_KEYS[search->partition]);
    model_add_text_or_null(text, "prefix", search->prefix);
    model_add_text_or_null(text, "start", search->start);
    model_add_text_or_null(text, "end", search->end);
    if (search->limit < 0) {
        model_add(text, "\"limit\":null,");
    } else {
        model_add(text, "\"limit\":%d,", search->limit);
    }
    model_add(text, "\"reverse\":%s,\"singleItem\":false,\"conflictsOnly\":%s,\"tombstones\":%s",
              model_bool(search->reverse), model_bool(search->conflicts_only), model_bool(search->tombstones));
}

#endif
