/* A table is an array of pages, a page an array of rows; all three are counted, and copied before a change when
 * someone else holds them too. */
#include "sim/table.h"

#include <stdlib.h>

enum { PAGE_ROWS = 64 };

struct page {
    uint32_t holders;
    uint32_t count; /* at least 1 */
    struct row *rows[PAGE_ROWS];
};

/* NULL is the empty table. */
struct table {
    uint32_t holders;
    uint32_t count;
    struct page *pages[];
};

/* --- memory --------------------------------------------------------------------------------------------- */

void *table_take(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes);
    if (memory == NULL) abort(); /* a run without memory proves nothing */
    return memory;
}

struct row *row_create(struct span key, struct span value)
{
    struct row *row = table_take(NULL, sizeof *row + key.length + value.length);
    *row = (struct row){.holders = 1, .key_bytes = (uint32_t)key.length, .value_bytes = value.length};
    memcpy(row->bytes, key.bytes, key.length);
    if (value.length > 0) memcpy(row->bytes + key.length, value.bytes, value.length);
    return row;
}

struct row *row_hold(struct row *row)
{
    row->holders++;
    return row;
}

void row_release(struct row *row)
{
    if (row != NULL && --row->holders == 0) free(row);
}

struct span row_key(const struct row *row)
{
    return span_of(row->bytes, row->key_bytes);
}

struct span row_value(const struct row *row)
{
    return span_of(row->bytes + row->key_bytes, row->value_bytes);
}

static void page_release(struct page *page)
{
    if (--page->holders > 0) return;
    for (uint32_t i = 0; i < page->count; i++)
        row_release(page->rows[i]);
    free(page);
}

void table_release(struct table *table)
{
    if (table == NULL || --table->holders > 0) return;
    for (uint32_t i = 0; i < table->count; i++)
        page_release(table->pages[i]);
    free(table);
}

struct table *table_hold(struct table *table)
{
    if (table != NULL) table->holders++;
    return table;
}

static size_t table_bytes(uint32_t pages_count)
{
    return sizeof(struct table) + pages_count * sizeof(struct page *);
}

/* Make *table the holder's own, with room for one page more. */
static void table_own(struct table **table)
{
    struct table *old = *table;
    if (old != NULL && old->holders == 1) {
        *table = table_take(old, table_bytes(old->count + 1));
        return;
    }
    uint32_t count = old == NULL ? 0 : old->count;
    struct table *own = table_take(NULL, table_bytes(count + 1));
    *own = (struct table){.holders = 1, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        own->pages[i] = old->pages[i];
        own->pages[i]->holders++;
    }
    table_release(old);
    *table = own;
}

static struct page *page_own(struct table *table, uint32_t index)
{
    struct page *old = table->pages[index];
    if (old->holders == 1) return old;
    struct page *own = table_take(NULL, sizeof *own);
    own->holders = 1;
    own->count = old->count;
    for (uint32_t i = 0; i < old->count; i++)
        own->rows[i] = row_hold(old->rows[i]);
    page_release(old);
    table->pages[index] = own;
    return own;
}

/* --- places --------------------------------------------------------------------------------------------- */

/* Where a key is, or would be put: behind all smaller ones. `row` may be one behind the page's last. */
struct place {
    uint32_t page;
    uint32_t row;
    bool is_there;
};

static struct place place_of(const struct table *table, struct span key)
{
    struct place place = {0};
    if (table == NULL || table->count == 0) return place;
    uint32_t beyond = table->count; /* pages from here on begin above the key */
    while (place.page + 1 < beyond) {
        uint32_t middle = place.page + (beyond - place.page) / 2;
        if (span_compare(row_key(table->pages[middle]->rows[0]), key) <= 0) {
            place.page = middle;
        } else {
            beyond = middle;
        }
    }
    const struct page *page = table->pages[place.page];
    uint32_t end = page->count;
    while (place.row < end) {
        uint32_t middle = place.row + (end - place.row) / 2;
        if (span_compare(row_key(page->rows[middle]), key) < 0) {
            place.row = middle + 1;
        } else {
            end = middle;
        }
    }
    place.is_there = place.row < page->count && span_is_equal(row_key(page->rows[place.row]), key);
    return place;
}

/* The row at a place, or the first behind it. */
static struct row *row_at(const struct table *table, struct place place)
{
    if (table == NULL || table->count == 0) return NULL;
    if (place.row == table->pages[place.page]->count) {
        place.page++;
        place.row = 0;
    }
    return place.page == table->count ? NULL : table->pages[place.page]->rows[place.row];
}

static struct row *row_before(const struct table *table, struct place place)
{
    if (table == NULL || table->count == 0) return NULL;
    if (place.row > 0) return table->pages[place.page]->rows[place.row - 1];
    if (place.page == 0) return NULL;
    const struct page *page = table->pages[place.page - 1];
    return page->rows[page->count - 1];
}

struct row *table_seek(const struct table *table, enum kv_step step, struct span key)
{
    struct place place = place_of(table, key);
    switch (step) {
    case KV_AT_OR_AFTER: return row_at(table, place);
    case KV_AT_OR_BEFORE: return place.is_there ? row_at(table, place) : row_before(table, place);
    case KV_BEFORE:
    case KV_PREVIOUS: return row_before(table, place);
    case KV_AFTER:
    case KV_NEXT: place.row += place.is_there ? 1 : 0; return row_at(table, place);
    }
    return NULL;
}

/* --- changes -------------------------------------------------------------------------------------------- */

/* Put `page` into an owned table that has room for it. */
static void insert_page(struct table *table, uint32_t index, struct page *page)
{
    memmove(&table->pages[index + 1], &table->pages[index], (table->count - index) * sizeof table->pages[0]);
    table->pages[index] = page;
    table->count++;
}

/* Move the upper half of an owned, full page to a page of its own; the place goes where it belongs. */
static void split(struct table *table, struct place *place)
{
    struct page *low = table->pages[place->page];
    struct page *high = table_take(NULL, sizeof *high);
    high->holders = 1;
    high->count = low->count / 2;
    low->count -= high->count;
    memcpy(high->rows, low->rows + low->count, high->count * sizeof high->rows[0]);
    insert_page(table, place->page + 1, high);
    if (place->row <= low->count) return;
    place->page++;
    place->row -= low->count;
}

void table_put(struct table **table, struct row *row)
{
    struct place place = place_of(*table, row_key(row));
    table_own(table);
    if ((*table)->count == 0) {
        struct page *first = table_take(NULL, sizeof *first);
        first->holders = 1;
        first->count = 0;
        insert_page(*table, 0, first);
    }
    struct page *page = page_own(*table, place.page);
    if (place.is_there) {
        row_release(page->rows[place.row]);
        page->rows[place.row] = row;
        return;
    }
    if (page->count == PAGE_ROWS) split(*table, &place);
    page = (*table)->pages[place.page];
    memmove(&page->rows[place.row + 1], &page->rows[place.row], (page->count - place.row) * sizeof page->rows[0]);
    page->rows[place.row] = row;
    page->count++;
}

void table_delete(struct table **table, struct span key)
{
    struct place place = place_of(*table, key);
    if (!place.is_there) return;
    table_own(table);
    struct page *page = page_own(*table, place.page);
    row_release(page->rows[place.row]);
    page->count--;
    memmove(&page->rows[place.row], &page->rows[place.row + 1], (page->count - place.row) * sizeof page->rows[0]);
    if (page->count > 0) return;
    page_release(page);
    (*table)->count--;
    memmove(&(*table)->pages[place.page], &(*table)->pages[place.page + 1],
            ((*table)->count - place.page) * sizeof(*table)->pages[0]);
}

/* --- asking ---------------------------------------------------------------------------------------------- */

struct row *table_get(const struct table *table, struct span key)
{
    struct place place = place_of(table, key);
    return place.is_there ? row_at(table, place) : NULL;
}

struct row *table_row(const struct table *table, uint64_t index)
{
    uint32_t page = 0;
    while (table != NULL && page < table->count && index >= table->pages[page]->count)
        index -= table->pages[page++]->count;
    return table == NULL || page == table->count ? NULL : table->pages[page]->rows[index];
}

uint64_t table_rows_count(const struct table *table)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; table != NULL && i < table->count; i++)
        rows += table->pages[i]->count;
    return rows;
}
