/* A sorted table of rows that any number of holders share: who changes it gets a copy of what others hold too. */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include "node/store/kv.h"

/* Never changed once made. */
struct row {
    uint32_t holders;
    uint32_t key_bytes;
    size_t value_bytes;
    uint8_t bytes[]; /* key, value */
};

/* NULL is the empty table. */
struct table;

/* realloc(3) that stops the program instead of failing: a run without memory proves nothing. */
void *table_take(void *old, size_t bytes);

/* A row with one holder. */
struct row *row_create(struct span key, struct span value);
struct row *row_hold(struct row *row);
/* Accepts NULL. */
void row_release(struct row *row);
struct span row_key(const struct row *row);
struct span row_value(const struct row *row);

/* One holder more, or one less. Both accept NULL. */
struct table *table_hold(struct table *table);
void table_release(struct table *table);

/* Put `row` (whose one holder the table becomes) in the place of the row with its key. *table becomes the holder's
 * own. */
void table_put(struct table **table, struct row *row);

/* Take out the row with this key, if there is one. */
void table_delete(struct table **table, struct span key);

/* The row with this key; the row a step goes to (NEXT and PREVIOUS: from `key`); the row with a number, in order.
 * NULL when there is none. The table holds it. */
struct row *table_get(const struct table *table, struct span key);
struct row *table_seek(const struct table *table, enum kv_step step, struct span key);
struct row *table_row(const struct table *table, uint64_t index);

uint64_t table_rows_count(const struct table *table);

#endif
