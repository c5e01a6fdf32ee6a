/* Meta pages, the tables they lead to, and the account of all pages. */
#include "node/edge/lmdb_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const LMDB_FILE_TABLES[KV_SPACES_COUNT] = {
    [KV_META] = "meta",
    [KV_DOCS] = "docs",
    [KV_ITEMS] = "items",
    [KV_COUNTS] = "counts",
};

enum { NUMBER_BYTES = 8 };

static bool read_file(void *owner, uint64_t offset, uint8_t *out, size_t length)
{
    const struct lmdb_file *file = owner;
    while (length > 0) {
        if (offset > INT64_MAX - length) return false;
        ssize_t got = pread(file->fd, out, length, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        out += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return true;
}

static enum err refuse(struct lmdb_file *file, const char *table, uint64_t page, enum lmdb_fault fault)
{
    file->finding = (struct lmdb_finding){table, page, fault};
    return ERR_CORRUPT;
}

static uint64_t load_u64(const uint8_t *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* --- the snapshot --------------------------------------------------------------------------------------- */

/* Both meta pages. The first says how long pages are; when it is the damaged one, they are as long as the
 * machine's. */
static enum err read_metas(struct lmdb_file *file, struct lmdb_meta metas[LMDB_META_PAGES])
{
    uint8_t bytes[LMDB_META_BYTES];
    for (uint64_t number = 0; number < LMDB_META_PAGES; number++) {
        uint64_t offset = number * metas[0].page_bytes;
        if (!read_file(file, offset, bytes, sizeof bytes)) return refuse(file, "file", number, LMDB_UNREADABLE);
        bool is_meta = lmdb_meta_read(bytes, number, &metas[number]);
        if (!is_meta || metas[number].page_bytes != metas[0].page_bytes)
            return refuse(file, "file", number, LMDB_NOT_META);
    }
    return ERR_OK;
}

static struct lmdb_source source_of(struct lmdb_file *file, const struct lmdb_meta *meta)
{
    return (struct lmdb_source){
        .read = read_file, .owner = file, .page_bytes = meta->page_bytes, .pages_count = meta->last_page + 1};
}

/* The last transaction that freed pages, in the list of free pages: every one since the second has. False when the
 * list is damaged. */
static enum err newest_of(struct lmdb_file *file, const struct lmdb_meta *meta, uint64_t *newest, bool *is_sound)
{
    struct lmdb_walk walk;
    struct lmdb_source source = source_of(file, meta);
    *newest = 0;
    enum err err = lmdb_walk_init(&walk, &source, &meta->free, (struct span){0});
    if (err != ERR_OK) return err;
    walk.has_numbers = true;
    enum lmdb_event event = lmdb_walk_step(&walk);
    for (; event == LMDB_ROW; event = lmdb_walk_step(&walk))
        *newest = load_u64(walk.node.key.bytes);
    *is_sound = event == LMDB_END;
    lmdb_walk_deinit(&walk);
    return ERR_OK;
}

/* Which meta page counts hangs on one number in each. A flipped bit there would take the file back to the snapshot
 * before, or to one that never was: the numbers must be neighbours, each in its own page, and each must be the one
 * that its own list of free pages ends with. */
static enum err check_turns(struct lmdb_file *file, const struct lmdb_meta metas[LMDB_META_PAGES])
{
    uint64_t even = metas[0].transaction;
    uint64_t odd = metas[1].transaction;
    if (even == 0 && odd == 0) return ERR_OK; /* made, and never written to */
    bool is_turn = even % 2 == 0 && odd % 2 == 1 && (even == odd + 1 || odd == even + 1);
    if (!is_turn) return refuse(file, "file", even > odd ? 0 : 1, LMDB_META_TURNS);
    for (uint64_t number = 0; number < LMDB_META_PAGES; number++) {
        uint64_t newest = 0;
        bool is_sound = false;
        uint64_t claimed = metas[number].transaction;
        enum err err = newest_of(file, &metas[number], &newest, &is_sound);
        if (err != ERR_OK) return err;
        if (is_sound && claimed > 1 && newest != claimed) return refuse(file, "file", number, LMDB_META_TURNS);
    }
    return ERR_OK;
}

/* Find the four tables in "main". A database made by us has all of them from its first transaction on; what else
 * is there is a later version's, which says so in its format row. Those that are not found are empty. */
static enum err find_tables(struct lmdb_file *file)
{
    struct lmdb_walk walk;
    enum err err = lmdb_walk_init(&walk, &file->source, &file->meta.main, (struct span){0});
    if (err != ERR_OK) return err;
    walk.has_tables = true;
    enum lmdb_event event = lmdb_walk_step(&walk);
    for (; event == LMDB_ROW; event = lmdb_walk_step(&walk)) {
        for (int space = 0; space < KV_SPACES_COUNT; space++) {
            if (!span_is_equal(walk.node.key, span_text(LMDB_FILE_TABLES[space]))) continue;
            struct lmdb_table table = lmdb_table_read(walk.node.value.bytes);
            if (!lmdb_table_is_possible(&table, 0, file->source.pages_count)) continue;
            file->tables[space] = table;
            file->commits[space] = file->meta.transaction;
        }
    }
    if (event == LMDB_DAMAGE) err = refuse(file, "main", walk.fault_page, walk.fault);
    file->is_new = file->meta.main.root == LMDB_NO_PAGE;
    for (int space = 0; space < KV_SPACES_COUNT && err == ERR_OK && !file->is_new; space++)
        if (file->commits[space] == 0)
            err = refuse(file, LMDB_FILE_TABLES[space], file->meta.main.root, LMDB_TABLE);
    lmdb_walk_deinit(&walk);
    return err;
}

static enum err begin(struct lmdb_file *file, int fd, struct lmdb_meta metas[LMDB_META_PAGES])
{
    struct stat info;
    *file = (struct lmdb_file){.fd = fd};
    if (fstat(fd, &info) != 0) return refuse(file, "file", 0, LMDB_UNREADABLE);
    file->bytes = (uint64_t)info.st_size;
    file->is_new = file->bytes == 0;
    return file->is_new ? ERR_OK : read_metas(file, metas);
}

static enum err take(struct lmdb_file *file, const struct lmdb_meta *meta)
{
    file->meta = *meta;
    file->source = source_of(file, meta);
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        file->tables[space] = (struct lmdb_table){.root = LMDB_NO_PAGE};
        file->commits[space] = 0;
    }
    return find_tables(file);
}

enum err lmdb_file_open(struct lmdb_file *file, int fd)
{
    struct lmdb_meta metas[LMDB_META_PAGES] = {0};
    enum err err = begin(file, fd, metas);
    if (err != ERR_OK || file->is_new) return err;
    if ((err = check_turns(file, metas)) != ERR_OK) return err;
    return take(file, &metas[metas[1].transaction > metas[0].transaction]);
}

/* One meta page while commits go on, each of which writes over one: read until it is twice the same. False when it
 * cannot be read, or does not come to rest. */
static bool read_resting(struct lmdb_file *file, uint64_t offset, uint8_t bytes[LMDB_META_BYTES])
{
    uint8_t again[LMDB_META_BYTES];
    if (!read_file(file, offset, bytes, LMDB_META_BYTES)) return false;
    for (int i = 0; i < LMDB_FILE_READS_MAX; i++) {
        if (!read_file(file, offset, again, sizeof again)) return false;
        if (memcmp(bytes, again, sizeof again) == 0) return true;
        memcpy(bytes, again, sizeof again);
    }
    return false;
}

/* A page that was written over as far as its tables, with its old number still behind them, has a list of free
 * pages that ends with another transaction. A damaged list says nothing. */
static enum err check_own_turn(struct lmdb_file *file, const struct lmdb_meta *meta, uint64_t number)
{
    struct lmdb_walk walk;
    struct lmdb_source source = source_of(file, meta);
    uint64_t transaction = meta->transaction;
    if (transaction <= 1) return ERR_OK; /* has freed nothing */
    enum err err = lmdb_walk_init(&walk, &source, &meta->free, span_of(&transaction, sizeof transaction));
    if (err != ERR_OK) return err;
    walk.has_numbers = true;
    enum lmdb_event event = lmdb_walk_step(&walk);
    bool is_last = event == LMDB_ROW && load_u64(walk.node.key.bytes) == transaction;
    if (is_last) event = lmdb_walk_step(&walk);
    bool is_own = event == LMDB_DAMAGE || (is_last && event == LMDB_END);
    lmdb_walk_deinit(&walk);
    return is_own ? ERR_OK : refuse(file, "file", number, LMDB_META_TURNS);
}

enum err lmdb_file_open_at(struct lmdb_file *file, int fd, uint64_t transaction, bool *is_gone)
{
    uint64_t number = transaction % LMDB_META_PAGES;
    uint8_t bytes[LMDB_META_BYTES];
    struct lmdb_meta meta;
    *file = (struct lmdb_file){.fd = fd};
    *is_gone = false;
    struct stat info;
    if (fstat(fd, &info) != 0) return refuse(file, "file", 0, LMDB_UNREADABLE);
    file->bytes = (uint64_t)info.st_size;
    /* Only the page of this transaction: the other one may be half written at this moment. So may this one, by the
     * second commit behind it. */
    if (!read_file(file, 0, bytes, sizeof bytes)) return refuse(file, "file", 0, LMDB_UNREADABLE);
    uint64_t offset = number * lmdb_meta_page_bytes(bytes);
    if (!read_resting(file, offset, bytes)) return refuse(file, "file", number, LMDB_UNREADABLE);
    if (!lmdb_meta_read(bytes, number, &meta)) return refuse(file, "file", number, LMDB_NOT_META);
    *is_gone = meta.transaction != transaction;
    if (*is_gone) return ERR_OK;
    enum err err = check_own_turn(file, &meta, number);
    return err == ERR_OK ? take(file, &meta) : err;
}

/* The meta page `number`, with the transaction that its list of free pages ends with where that can be read: the
 * number in the page itself may be what is damaged. False when it is no meta page. */
static bool read_meta_alone(struct lmdb_file *file, uint64_t number, struct lmdb_meta *meta)
{
    uint8_t bytes[LMDB_META_BYTES];
    uint64_t page_bytes = number == 0 ? 0 : (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t newest = 0;
    bool is_sound = false;
    if (!read_file(file, number * page_bytes, bytes, sizeof bytes) || !lmdb_meta_read(bytes, number, meta))
        return false;
    if (newest_of(file, meta, &newest, &is_sound) == ERR_OK && is_sound && newest > 0) meta->transaction = newest;
    return true;
}

/* Are the tables there that nothing can be saved without? */
static bool has_rows(const struct lmdb_file *file)
{
    return file->is_new ||
           (file->commits[KV_META] != 0 && file->commits[KV_DOCS] != 0 && file->commits[KV_ITEMS] != 0);
}

/* Take what is not in the snapshot of `file` from the one before, whose pages nobody has written over yet. */
static enum err complete(struct lmdb_file *file, const struct lmdb_meta *meta)
{
    struct lmdb_file other = {.fd = file->fd, .bytes = file->bytes};
    enum err err = take(&other, meta);
    if (err != ERR_OK && err != ERR_CORRUPT) return err;
    bool is_empty = true;
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        is_empty = is_empty && file->commits[space] == 0;
    if (is_empty) {
        struct lmdb_finding finding = file->finding;
        *file = other;
        file->finding = finding;
        file->source.owner = file;
        return ERR_OK;
    }
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        const struct lmdb_table *table = &other.tables[space];
        if (space == KV_COUNTS || file->commits[space] != 0) continue;
        if (!lmdb_table_is_possible(table, 0, file->source.pages_count)) continue;
        file->tables[space] = *table;
        file->commits[space] = other.commits[space];
    }
    return ERR_OK;
}

enum err lmdb_file_open_any(struct lmdb_file *file, int fd)
{
    struct lmdb_meta metas[LMDB_META_PAGES];
    struct stat info;
    *file = (struct lmdb_file){.fd = fd};
    if (fstat(fd, &info) != 0) return refuse(file, "file", 0, LMDB_UNREADABLE);
    file->bytes = (uint64_t)info.st_size;
    bool has[LMDB_META_PAGES] = {read_meta_alone(file, 0, &metas[0]), read_meta_alone(file, 1, &metas[1])};
    int first = has[1] && (!has[0] || metas[1].transaction > metas[0].transaction) ? 1 : 0;
    if (!has[first]) return refuse(file, "file", 0, LMDB_NOT_META);
    enum err err = take(file, &metas[first]);
    if (err == ERR_CORRUPT && !has_rows(file) && has[1 - first]) err = complete(file, &metas[1 - first]);
    file->newest = has[1 - first] ? metas[first].transaction : 0;
    if (err != ERR_OK && err != ERR_CORRUPT) return err;
    if (!has_rows(file)) return ERR_CORRUPT;
    file->finding = (struct lmdb_finding){0};
    return ERR_OK;
}

/* --- the account of pages ------------------------------------------------------------------------------- */

struct account {
    struct lmdb_file *file;
    uint8_t *used; /* a bit for each page of the file */
    uint8_t *free;
    uint64_t pages_count; /* of the file, as far as the snapshot goes */
    uint64_t free_beyond; /* free pages that were never written, behind the end of the file */
    const char *table;
    void (*found)(void *owner, const struct lmdb_finding *finding);
    void *owner;
    uint64_t pages;
    uint64_t findings;
};

static bool has_bit(const uint8_t *bits, uint64_t page)
{
    return (bits[page / 8] >> (page % 8) & 1) != 0;
}

static void set_bit(uint8_t *bits, uint64_t page)
{
    bits[page / 8] = (uint8_t)(bits[page / 8] | 1u << (page % 8));
}

static void tell(struct account *account, uint64_t page, enum lmdb_fault fault)
{
    struct lmdb_finding finding = {account->table, page, fault};
    account->findings++;
    account->found(account->owner, &finding);
}

static enum lmdb_fault use(void *owner, uint64_t page, uint64_t count)
{
    struct account *account = owner;
    account->pages += count;
    for (uint64_t at = page; at < page + count; at++) {
        if (at >= account->pages_count) return LMDB_UNREADABLE;
        if (has_bit(account->used, at)) return LMDB_TWICE;
        if (has_bit(account->free, at)) return LMDB_USED_AND_FREE;
        set_bit(account->used, at);
    }
    return LMDB_SOUND;
}

static bool read_account(void *owner, uint64_t offset, uint8_t *out, size_t length)
{
    struct account *account = owner;
    return read_file(account->file, offset, out, length);
}

static enum lmdb_fault add_free(struct account *account, uint64_t page)
{
    if (page >= account->pages_count) {
        account->free_beyond++;
        return page < account->file->source.pages_count ? LMDB_SOUND : LMDB_FREE_LIST;
    }
    if (page < LMDB_META_PAGES) return LMDB_FREE_LIST;
    if (has_bit(account->free, page)) return LMDB_TWICE;
    if (has_bit(account->used, page)) return LMDB_USED_AND_FREE;
    set_bit(account->free, page);
    return LMDB_SOUND;
}

/* A row of the list: how many pages, then their numbers, descending. */
static void take_free(struct account *account, uint64_t place, struct span list)
{
    uint64_t before = UINT64_MAX;
    uint64_t count = list.length < NUMBER_BYTES ? UINT64_MAX : load_u64(list.bytes);
    if (count > list.length / NUMBER_BYTES || (count + 1) * NUMBER_BYTES > list.length) {
        tell(account, place, LMDB_FREE_LIST);
        return;
    }
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t page = load_u64(list.bytes + i * NUMBER_BYTES);
        enum lmdb_fault fault = page < before ? add_free(account, page) : LMDB_FREE_LIST;
        if (fault != LMDB_SOUND) tell(account, fault == LMDB_FREE_LIST ? place : page, fault);
        before = page;
    }
}

/* The row the walk met, wherever its list lies. */
static enum err take_free_row(struct account *account, struct lmdb_walk *walk)
{
    uint64_t offset = 0;
    struct span list = walk->node.value;
    uint64_t place = walk->levels[walk->depth - 1].page;
    if (list.bytes != NULL) {
        take_free(account, place, list);
        return ERR_OK;
    }
    if (!lmdb_walk_find_value(walk, &offset)) {
        tell(account, walk->fault_page, walk->fault);
        return ERR_OK;
    }
    uint8_t *bytes = malloc(walk->node.value_bytes);
    if (bytes == NULL) return ERR_MEMORY;
    if (read_file(account->file, offset, bytes, walk->node.value_bytes)) {
        take_free(account, place, span_of(bytes, walk->node.value_bytes));
    } else {
        tell(account, walk->node.overflow_page, LMDB_UNREADABLE);
    }
    free(bytes);
    return ERR_OK;
}

static void compare_counts(struct account *account, const struct lmdb_walk *walk, bool has_rows)
{
    const struct lmdb_table *table = &walk->table;
    const struct lmdb_walk_counts *counts = &walk->counts;
    bool is_equal = table->branch_pages == counts->branch_pages && table->leaf_pages == counts->leaf_pages;
    if (has_rows)
        is_equal = is_equal && table->entries == counts->entries &&
                   table->overflow_pages == counts->overflow_pages;
    if (!is_equal) tell(account, table->root, LMDB_COUNTS);
}

enum account_kind { ACCOUNT_ROWS, ACCOUNT_TABLES, ACCOUNT_FREE };

/* Walk one table to its end; damage is told and passed. */
static enum err account_table(struct account *account, const char *name, const struct lmdb_table *table,
                              enum account_kind kind, bool is_whole)
{
    struct lmdb_walk walk;
    struct lmdb_source source = account->file->source;
    source.read = read_account;
    source.use = use;
    source.owner = account;
    account->table = name;
    uint64_t findings = account->findings;
    enum err err = lmdb_walk_init(&walk, &source, table, (struct span){0});
    if (err != ERR_OK) return err;
    walk.has_numbers = kind == ACCOUNT_FREE;
    walk.has_tables = kind == ACCOUNT_TABLES;
    walk.skips_leaves = !is_whole;
    uint64_t offset = 0;
    for (enum lmdb_event event = lmdb_walk_step(&walk); event != LMDB_END && err == ERR_OK;
         event = lmdb_walk_step(&walk)) {
        bool is_sound = event == LMDB_ROW;
        if (is_sound && kind == ACCOUNT_FREE) {
            err = take_free_row(account, &walk);
        } else if (is_sound && is_whole && walk.node.value.bytes == NULL) {
            is_sound = lmdb_walk_find_value(&walk, &offset);
        }
        if (!is_sound) tell(account, walk.fault_page, walk.fault);
    }
    if (err == ERR_OK && account->findings == findings) compare_counts(account, &walk, is_whole);
    lmdb_walk_deinit(&walk);
    return err;
}

/* What the snapshot has beyond the end of the file must be free, and was never written. */
static void account_end(struct account *account, bool is_whole)
{
    uint64_t all = account->file->source.pages_count;
    uint64_t beyond = all > account->pages_count ? all - account->pages_count : 0;
    account->table = "file";
    if (account->findings == 0 && beyond != account->free_beyond)
        tell(account, account->pages_count, LMDB_UNREADABLE);
    if (!is_whole || account->findings > 0) return; /* what hangs below damage is no loss of its own */
    for (uint64_t page = LMDB_META_PAGES; page < account->pages_count; page++) {
        if (!has_bit(account->used, page) && !has_bit(account->free, page)) tell(account, page, LMDB_LOST);
    }
}

static enum err account_all(struct account *account, bool is_whole)
{
    struct lmdb_file *file = account->file;
    enum err err = account_table(account, "free", &file->meta.free, ACCOUNT_FREE, true);
    if (err == ERR_OK) err = account_table(account, "main", &file->meta.main, ACCOUNT_TABLES, true);
    bool is_complete = true;
    for (int space = 0; space < KV_SPACES_COUNT && err == ERR_OK && !file->is_new; space++) {
        bool is_of = file->commits[space] == file->meta.transaction; /* another's pages may be free in this one */
        is_complete = is_complete && is_of;
        if (is_of)
            err = account_table(account, LMDB_FILE_TABLES[space], &file->tables[space], ACCOUNT_ROWS, is_whole);
    }
    if (err == ERR_OK && is_complete) account_end(account, is_whole);
    return err;
}

enum err lmdb_file_check(struct lmdb_file *file, bool is_whole,
                         void (*found)(void *owner, const struct lmdb_finding *finding), void *owner,
                         uint64_t *pages)
{
    *pages = 0;
    if (file->bytes == 0) return ERR_OK;
    struct account account = {.file = file, .found = found, .owner = owner};
    uint64_t in_file = file->bytes / file->meta.page_bytes;
    account.pages_count = in_file < file->source.pages_count ? in_file : file->source.pages_count;
    account.used = calloc(account.pages_count / 8 + 1, 1);
    account.free = calloc(account.pages_count / 8 + 1, 1);
    enum err err = account.used == NULL || account.free == NULL ? ERR_MEMORY : account_all(&account, is_whole);
    free(account.used);
    free(account.free);
    *pages = account.pages;
    return err;
}
