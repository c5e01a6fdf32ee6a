/* The pages of data.mdb as LMDB 0.9 writes them, read by offsets and believed only after they were checked.
 *
 * LMDB's pages carry no checksum, and LMDB trusts them: a flipped bit in one may send a search astray or make the
 * process read where nothing is (H22). What can be checked is their shape, and the shape is tight: a page names
 * its own number, its nodes fill it without a gap, keys ascend and stay between their neighbours in the page
 * above. Pure: no I/O, no allocation; any bytes whatever may be given.
 *
 * The format (data version 1, 64 bit, the machine's byte order; every number below is an offset in bytes):
 *
 *   page       0 number (8)  8 pad (2)  10 flags (2)  12 lower (2)  14 upper (2)  16 offset of each node (2 each)
 *              lower ends the offsets, upper begins the nodes, which end with the page
 *   overflow   the same to 12, then the count of pages it takes (4); 16 the value, over all of them
 *   meta       16 magic 0xBEEFC0DE (4)  20 version 1 (4)  24 address (8)  32 map size (8)  40 table "free" (48)
 *              88 table "main" (48)  136 last page (8)  144 transaction (8). Pages 0 and 1, in turn: transaction n
 *              is in page n mod 2. The pad of "free" is the size of a page
 *   table      0 pad (4)  4 flags (2)  6 depth (2)  8 branch pages (8)  16 leaf pages (8)  24 overflow pages (8)
 *              32 entries (8)  40 root (8), all ones for none
 *   node       0 low (2)  2 high (2)  4 flags (2)  6 length of the key (2)  8 key, then the value
 *              in a branch low, high and flags are the child's number; in a leaf low and high are the value's
 *              length, and with flag 1 its place is taken by the number of its first overflow page (8)
 *
 * "main" holds a node for each named table, with flag 2 and the 48 bytes of the table. "free" holds for each
 * transaction (8, ascending as a number) the pages it freed: their count, then their numbers, descending (8 each).
 */
#ifndef NODE_EDGE_LMDB_PAGES_H
#define NODE_EDGE_LMDB_PAGES_H

#include "node/base/span.h"

enum {
    LMDB_HEADER_BYTES = 16,
    LMDB_META_BYTES = 152, /* of a meta page, as far as it says something */
    LMDB_TABLE_BYTES = 48,
    LMDB_PAGE_BYTES_MIN = 512, /* LMDB takes the page size of the machine that made the file */
    LMDB_PAGE_BYTES_MAX = 32768,
    LMDB_KEY_BYTES_MAX = 511,
    LMDB_DEPTH_MAX = 32, /* LMDB's own bound: its cursors remember as many pages */
    LMDB_META_PAGES = 2,
};

#define LMDB_NO_PAGE UINT64_MAX

/* What is wrong with a page. */
enum lmdb_fault {
    LMDB_SOUND,
    LMDB_UNREADABLE,   /* the disk does not give it, or the file ends before it */
    LMDB_NOT_META,     /* magic, version, flags or sizes of a meta page */
    LMDB_META_TURNS,   /* the two meta pages do not follow each other */
    LMDB_BEYOND,       /* a page number outside the file */
    LMDB_OTHER_NUMBER, /* the page names another number than its place */
    LMDB_OTHER_KIND,   /* not the kind of page that belongs here */
    LMDB_BOUNDS,       /* lower, upper, offsets or lengths that do not fit the page */
    LMDB_FLAGS,        /* a node's flags */
    LMDB_ORDER,        /* keys that do not ascend, or lie outside of what the page above says */
    LMDB_OVERFLOW,     /* an overflow page that is none, or too short for its value */
    LMDB_TWICE,        /* a page that is used in two places */
    LMDB_USED_AND_FREE,
    LMDB_LOST,   /* neither used nor free */
    LMDB_TABLE,  /* a table that is missing, or whose description cannot be */
    LMDB_COUNTS, /* a table's own counts of pages or entries differ from what is there */
    LMDB_FREE_LIST,
};

/* In words, as part of a sentence behind "page N". */
const char *lmdb_fault_text(enum lmdb_fault fault);

struct lmdb_table {
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages, leaf_pages, overflow_pages;
    uint64_t entries;
    uint64_t root; /* LMDB_NO_PAGE when empty */
};

struct lmdb_meta {
    uint32_t page_bytes;
    struct lmdb_table free, main;
    uint64_t last_page;
    uint64_t transaction;
};

struct lmdb_node {
    struct span key;   /* in the page */
    uint64_t child;    /* of a branch */
    struct span value; /* of a leaf: in the page; bytes NULL when it lies in overflow pages */
    uint64_t value_bytes;
    uint64_t overflow_page;
    bool is_table; /* of a leaf of "main" */
};

/* What a page has to be. The spans are borrowed for the call. */
struct lmdb_expected {
    uint64_t number;
    bool is_leaf;
    bool has_numbers; /* keys are the 8 bytes of a number, in its order: the table "free" */
    bool has_tables;  /* the table "main" */
    bool has_low, has_high;
    struct span low, high; /* keys are in [low, high) */
};

/* Read a table's description. Any 48 bytes are one; lmdb_table_is_possible() judges. */
struct lmdb_table lmdb_table_read(const uint8_t bytes[LMDB_TABLE_BYTES]);

/* Can a table be so described, in a file whose pages are below `pages_count`? */
bool lmdb_table_is_possible(const struct lmdb_table *table, uint16_t flags, uint64_t pages_count);

/* The size of pages, as meta page 0 says; it never changes. */
uint32_t lmdb_meta_page_bytes(const uint8_t bytes[LMDB_META_BYTES]);

/* Read a meta page from its first LMDB_META_BYTES. False when it cannot be page `number` of a database. */
bool lmdb_meta_read(const uint8_t bytes[LMDB_META_BYTES], uint64_t number, struct lmdb_meta *meta);

/* Check a whole page of `page_bytes`. After LMDB_SOUND its nodes may be read by the functions below. */
enum lmdb_fault lmdb_page_check(const uint8_t *page, size_t page_bytes, const struct lmdb_expected *expected);

/* Of a page that was checked: how many nodes, and one of them, index below that. The first key of a branch says
 * nothing. */
uint32_t lmdb_nodes_count(const uint8_t *page);
struct lmdb_node lmdb_node_at(const uint8_t *page, bool is_leaf, uint32_t index);

/* The order of keys in a table: bytewise, or as numbers. <0, 0, >0. */
int lmdb_key_compare(bool has_numbers, struct span a, struct span b);

/* How many overflow pages a value takes at least; at most 2^23 for the 32 bits of its length. */
uint64_t lmdb_overflow_pages(uint64_t value_bytes, size_t page_bytes);

/* Is this the header of the first overflow page of such a value? Its count of pages goes to `count`. */
enum lmdb_fault lmdb_overflow_check(const uint8_t header[LMDB_HEADER_BYTES], uint64_t number, uint64_t value_bytes,
                                    size_t page_bytes, uint64_t *count);

#endif
