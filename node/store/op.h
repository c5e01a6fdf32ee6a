/* What may be asked of the store, and what it answers.
 *
 * An op lives in the memory of who asks, who lends it, with its arena, until the answer: nobody else touches them
 * in between. What comes in is borrowed, what comes out lies in the op's arena. `err` says how the world behaved;
 * outcomes of a write (too many siblings…) are part of the answer.
 */
#ifndef NODE_STORE_OP_H
#define NODE_STORE_OP_H

#include "node/base/list.h"
#include "node/base/seal.h"
#include "node/store/record.h"

enum {
    OP_SIBLINGS_MAX = 256,            /* a client's write beyond is refused (H5); a merge never */
    OP_RANGE_ITEMS_MAX = 1000,        /* a page: keeps a read transaction short (H21) */
    OP_RANGE_BYTES_MAX = 1024 * 1024, /* a page, once its first item is in */
    OP_LARGE_BYTES = 64 * 1024,       /* an item beyond is large: it may be put off */
    STORE_CLUSTER_ID_BYTES = 16,
    STORE_NODE_SEED_BYTES = 32,
};

enum op_kind {
    OP_READ,       /* one item */
    OP_WRITE,      /* one or more items of clients, in one transaction, all or none */
    OP_RANGE,      /* a page of items of one partition key */
    OP_INDEX,      /* a page of partition keys of one bucket */
    OP_DOCS,       /* all documents */
    OP_DOCS_WRITE, /* documents, in one transaction */
    OP_DOCS_MERGE, /* documents of another node: each as it is, the winner of it and what is there stays */
    OP_BOOT,       /* a new incarnation of this node, durable */
    OP_ADOPT,      /* become a member of a cluster: take its id and keys in the place of our own */
    OP_CHECK,      /* a portion of the check of all rows (check.h) */
};

enum op_asker { OP_ASKER_REQUEST, OP_ASKER_CLUSTER };

struct op_key {
    const uint8_t *bucket_id; /* KEYS_BUCKET_ID_BYTES */
    struct span partition_key;
    struct span sort_key;
};

/* `has_item` false: there is no record. Otherwise `state` is the item's. */
struct op_read {
    struct op_key key; /* in */
    bool has_item;     /* out */
    struct crdt_dvvs state;
};

enum op_outcome {
    OP_DONE,
    OP_TOO_MANY_SIBLINGS, /* OP_SIBLINGS_MAX are already there that the context does not cover */
    OP_TOO_MANY_ACTORS,   /* CRDT_VCLOCK_MAX are already in the item's history */
    OP_TOO_MANY_BYTES,    /* the siblings together would pass item_bytes_max */
    OP_STALE,             /* the guarding document is not what it was: the bucket was deleted */
};

struct op_write_item {
    struct op_key key;
    struct crdt_vclock context; /* of the writer's token; empty without one */
    bool has_context;
    uint8_t kind; /* enum crdt_kind */
    struct span value;
    uint8_t hash[RING_HASH_BYTES]; /* out: of the partition */
};

/* What must still hold in the transaction for an op of writes to be done: the document of `key` has this payload.
 */
struct op_guard {
    struct span key;
    struct span payload;
};

struct op_write {
    const struct op_guard *guard; /* NULL for none */
    struct op_write_item *items;
    uint32_t items_count;
    uint64_t item_bytes_max; /* of an item's siblings together */
    uint64_t number;         /* the asker's own, untouched */
    bool wants_context;      /* with a single item: fill writer_context */
    enum op_outcome outcome; /* out: when not OP_DONE nothing was written */
    uint32_t refused_index;  /* out: which item was refused */
    uint64_t actor_id;       /* out: the store's actor and its last counter after this op */
    uint64_t last_counter;
    bool has_writer_context; /* out */
    struct crdt_vclock writer_context;
};

/* Keys in [low, high) when forward; when reverse, the same interval from its upper end. Open ends by the flags. */
struct op_interval {
    struct span low;
    struct span high;
    bool low_is_open; /* low itself is not in */
    bool has_high;
    bool high_is_in; /* high itself is in */
};

/* Is the key in the interval? */
static inline bool op_interval_has(const struct op_interval *interval, struct span key)
{
    int low = span_compare(key, interval->low);
    if (low < 0 || (low == 0 && interval->low_is_open)) return false;
    if (!interval->has_high) return true;
    int high = span_compare(key, interval->high);
    return high < 0 || (high == 0 && interval->high_is_in);
}

struct op_range_item {
    struct span sort_key;
    struct crdt_dvvs state;
};

struct op_range {
    struct op_key key; /* in: its sort key is not used */
    struct op_interval interval;
    bool is_reverse;
    uint32_t items_max;          /* 1 … OP_RANGE_ITEMS_MAX */
    struct op_range_item *items; /* out */
    uint32_t items_count;
    bool is_end; /* out: nothing of the interval is left behind the last item */
};

struct op_index_row {
    struct span partition_key;
    struct crdt_tally tally;
};

struct op_index {
    const uint8_t *bucket_id; /* in */
    struct op_interval interval;
    bool is_reverse;
    uint32_t rows_max;
    struct op_index_row *rows; /* out: only those that are listed */
    uint32_t rows_count;
    bool is_end;
    struct span last; /* out: where to go on behind when not is_end, listed or not */
};

struct op_document {
    struct span key;
    struct crdt_lww register_;
};

/* How many documents there may be, and how large together, whose keys begin with one of some letters: a share of
 * their own, so that those of one kind never take the room of another. */
struct op_docs_bound {
    uint32_t letters; /* OP_DOCS_LETTER() of each, or-ed */
    uint32_t count_max;
    uint64_t bytes_max; /* keys and payloads */
    const char *why;    /* as below */
};

#define OP_DOCS_LETTER(letter) (UINT32_C(1) << ((letter) - 'A'))

/* What may be a document, and how many there may be: not the store's to know, but kept by it, in the transaction.
 * The same for what is written here and for what others wrote, or nodes would come to hold what others refuse;
 * only that a node's own writes leave a share of each bound free for what others write at the same time. What is
 * new in place of old and makes nothing more always may. Nothing may be while our clock is absurd: what is taken
 * or written then would be from the future for all others, and for us when the clock is right again. */
struct op_docs_rules {
    bool (*check)(const struct op_document *document, const char **why); /* `why` out when not: for ever */
    const struct op_docs_bound *bounds;
    uint32_t bounds_count;
    uint32_t own_percent; /* of each bound */
    uint64_t clock_max_us;
    const char *clock_why;
    uint64_t ahead_max_us; /* of our clock, whoever wrote it */
    const char *ahead_why;
    /* Without which other document this one is worth nothing: its key into `key`, and the length; 0: none. NULL:
     * none has such a one. */
    size_t (*stands_on)(const struct op_document *document, uint8_t key[KV_KEY_BYTES_MAX]);
    const char *stands_why;
};

/* All documents out (OP_DOCS), or documents in: each wins over what is there, its time raised if need be
 * (OP_DOCS_WRITE; `register_` out: as it was written); or the winner of each and what is there stays, by
 * crdt_lww_merge() (OP_DOCS_MERGE; `documents` out: only those that won). A row that has rotted is no hindrance to
 * a merge: what comes is put over it.
 * By the rules a write is refused as a whole (ERR_REFUSED), and from a merge is left out what may not be. */
struct op_docs {
    const struct op_docs_rules *rules; /* in; NULL for none. Set where ops are lent, for all of them */
    const char *why;                   /* out: why refused, or why the first that was left out; NULL */
    bool is_full;                      /* out: because of a bound of how much there may be */
    uint32_t left_out_count;           /* out, of a merge… */
    uint32_t left_out_letters;         /* …and of which letters: OP_DOCS_LETTER() */
    const uint8_t *empty_bucket_id;    /* of a write, NULL for none: nothing is written unless the bucket has no
                                          listed partition key */
    bool is_refused;                   /* out: it has */
    struct op_document *documents;
    uint32_t documents_count;
    uint32_t changed_count; /* out, of a merge: how many won over what was there */
};

/* `incarnation` out: above every one before, and not below the wall clock in microseconds. */
struct op_boot {
    uint64_t above; /* in: and above this one, which somebody has seen of us; 0 for none */
    uint64_t incarnation;
};

/* The keys of a cluster, as a joining node is given them. `is_refused` out: the node is a member already, or this
 * store has items, or documents besides the demo's and the node's own, or a document of the new cluster is none
 * that may be taken; nothing was changed. Else all documents are
 * gone, and the store is to be opened anew: until then it answers ERR_LOCKED to every op of writes.
 * With `keeps_own` the id and keys stay as they are, and so do the documents: only "is a member" is set, which
 * struct store shows when it is opened anew; writes go on. A member's is no refusal then. */
struct op_adopt {
    bool keeps_own;
    bool is_return; /* in: of a member that was taken out and is let in again. It may hold anything, and the keys
                       stay; its documents go for those that come, in the one transaction */
    bool is_trial;  /* in: nothing is changed, only said whether it would be refused */
    uint8_t cluster_id[STORE_CLUSTER_ID_BYTES];
    uint8_t hash_key[HASH_KEY_BYTES];
    uint8_t token_key[HASH_KEY_BYTES];
    uint8_t documents_key[SEAL_KEY_BYTES];
    struct op_document *documents; /* in: the first ones of the new cluster, each as it is (not with keeps_own) */
    uint32_t documents_count;
    const struct op_docs_rules *rules; /* in; NULL for none: one that may not be refuses the adoption */
    bool is_refused;
    char why[120]; /* out, with is_refused */
};

enum op_finding_kind {
    OP_FINDING_PAGE,    /* a page of the file is damaged; the rows below it cannot be read */
    OP_FINDING_ROW,     /* a row that fails its hash, or is not what its key says */
    OP_FINDING_MISSING, /* a row that must be there is not */
    OP_FINDING_COUNT,   /* the counters of a partition differ from what it holds */
};

struct op_finding {
    enum op_finding_kind kind;
    const char *table;
    const char *what;          /* a few words */
    uint64_t page;             /* of a page */
    uint64_t row;              /* keys_name(), of all else */
    struct span key;           /* the row's database key; absent for a page */
    struct span bucket_id;     /* absent when not known */
    struct span partition_key; /* the same */
};

/* `walk` is where the check stands, the asker's own; all zero to begin. */
struct op_check {
    struct check_walk *walk;     /* in, out */
    const uint8_t *seal_key;     /* to look into the row of secrets; NULL: not looked into */
    struct op_finding *findings; /* out */
    uint32_t findings_count;
};

/* Which row was corrupt, when that is known: for the log. The op may have gone well all the same, and have healed
 * the row. */
struct op_corrupt {
    const char *table; /* NULL: not known */
    bool is_page;      /* a page on the way to the rows is damaged: no row is named */
    uint64_t row;      /* keys_name() */
};

struct check_walk;

struct op {
    struct list link; /* the lender's or the store's queue */
    enum op_kind kind;
    struct arena *arena;
    bool may_be_put_off;       /* in: of OP_READ, when the item is large */
    bool is_put_off;           /* out: it was; nothing was read, and it is to be run again */
    enum op_asker asker;       /* in: whose EVENT_STORED it is */
    void *owner;               /* the asker's own, untouched */
    enum err err;              /* out */
    struct op_corrupt corrupt; /* out */
    union {
        struct op_read read;
        struct op_write write;
        struct op_range range;
        struct op_index index;
        struct op_docs docs;
        struct op_check check;
        struct op_boot boot;
        struct op_adopt *adopt; /* the asker's: ops are part of every request, and this is large */
    };
};

/* A decoder's answer about a row: when that is corrupt, the op says which. */
static inline enum err op_note(struct op *op, const uint8_t hash_key[HASH_KEY_BYTES], enum kv_space space,
                               struct span key, enum err err)
{
    bool is_bad = err == ERR_CORRUPT || err == ERR_VERSION;
    if (is_bad) op->corrupt = (struct op_corrupt){keys_table_name(space), false, keys_name(hash_key, space, key)};
    return err;
}

/* Are documents written by it? */
static inline bool op_writes_documents(const struct op *op)
{
    return op->kind == OP_DOCS_WRITE || op->kind == OP_DOCS_MERGE;
}

/* Does the op need a writing transaction? */
static inline bool op_is_write(const struct op *op)
{
    return op->kind == OP_WRITE || op_writes_documents(op) || op->kind == OP_BOOT || op->kind == OP_ADOPT;
}

#endif
