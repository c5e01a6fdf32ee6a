/* The check of all rows: what is sound is passed, what is not is found, whatever the portions (H22, H24). */
#include "node/store/check.h"

#include "tests/lib/store_rig.h"

struct found {
    uint64_t counts[OP_FINDING_COUNT + 1];
    uint64_t rows, unsettled;
    struct op_finding last; /* in the rig's arena */
    uint64_t portions;
};

/* Run a check to its end; `between` (may be NULL) is done after each portion. */
static struct found check_with(struct rig *rig, void (*between)(struct rig *rig, const struct check_walk *walk))
{
    struct found found = {0};
    struct check_walk walk = {0};
    while (!walk.is_end) {
        struct op op = {
            .kind = OP_CHECK, .arena = &rig->arena, .check = {.walk = &walk, .seal_key = RIG_SEAL_KEY}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        found.portions++;
        for (uint32_t i = 0; i < op.check.findings_count; i++) {
            found.last = op.check.findings[i];
            found.counts[found.last.kind]++;
        }
        if (between != NULL) between(rig, &walk);
    }
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        found.rows += walk.rows[space];
    found.unsettled = walk.unsettled;
    return found;
}

static struct found check(struct rig *rig)
{
    return check_with(rig, NULL);
}

static uint64_t sum(const struct found *found)
{
    uint64_t all = 0;
    for (int kind = 0; kind <= OP_FINDING_COUNT; kind++)
        all += found->counts[kind];
    return all;
}

static void put_many(struct rig *rig, const char *partition_key, int count)
{
    for (int i = 0; i < count; i++) {
        char sort_key[20];
        snprintf(sort_key, sizeof sort_key, "%06d", i);
        rig_put(rig, partition_key, sort_key, NULL, i % 7 == 3 ? NULL : "value");
        if (i % 5 == 1) rig_put(rig, partition_key, sort_key, NULL, "another");
        rig_forget(rig);
    }
}

/* The bucket's document, without which its id is not known as a whole. */
static void put_bucket(struct rig *rig)
{
    uint8_t key[1 + KEYS_BUCKET_ID_BYTES] = {'B'};
    memcpy(key + 1, RIG_BUCKET, KEYS_BUCKET_ID_BYTES);
    struct op_document document = {.key = span_of(key, sizeof key)};
    document.register_.payload = key;
    document.register_.payload_bytes = 1;
    struct op op = {
        .kind = OP_DOCS_WRITE, .arena = &rig->arena, .docs = {.documents = &document, .documents_count = 1}};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
}

static void change_row(struct rig *rig, enum kv_space space, struct span key, struct span value)
{
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(&rig->disk.kv, true, &txn));
    assert_ok(value.bytes == NULL ? kv_delete(txn, space, key) : kv_put(txn, space, key, value));
    assert_ok(kv_commit(txn));
}

static void a_sound_store_has_no_findings(void **state)
{
    struct rig *rig = *state;
    put_bucket(rig);
    put_many(rig, "large", 2500);
    put_many(rig, "small", 3);
    for (int i = 0; i < 300; i++) {
        char name[20];
        snprintf(name, sizeof name, "p%d", i);
        rig_put(rig, name, "s", NULL, "v");
    }
    struct found found = check(rig);
    assert_int_equal(sum(&found), 0);
    assert_int_equal(found.unsettled, 0);
    assert_true(found.portions > 3);
    assert_int_equal(found.rows, 3 + 1 + 2500 + 3 + 300 + 302);
}

/* Every bit of every kind of row. */
static void every_flipped_bit_of_a_row_is_found(void **state)
{
    struct rig *rig = *state;
    put_bucket(rig);
    rig_put(rig, "p", "a", NULL, "value");
    rig_put(rig, "p", "b", NULL, "value");
    uint64_t bits = 0;
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        for (uint64_t row = 0; row < disk_rows_count(&rig->disk, (enum kv_space)space); row++) {
            for (uint64_t bit = 0; disk_flip(&rig->disk, (enum kv_space)space, row, bit); bit++) {
                struct found found = check(rig);
                assert_int_equal(sum(&found), 1);
                assert_int_equal(found.last.kind, OP_FINDING_ROW);
                assert_string_equal(found.last.table, keys_table_name((enum kv_space)space));
                assert_true(disk_flip(&rig->disk, (enum kv_space)space, row, bit));
                rig_forget(rig);
                bits++;
            }
        }
    }
    assert_true(bits > 2000);
    struct found found = check(rig);
    assert_int_equal(sum(&found), 0);
}

static void rows_that_are_missing_or_mean_nothing_are_found(void **state)
{
    struct rig *rig = *state;
    change_row(rig, KV_META, span_text("actos"), span_text("?"));
    struct found found = check(rig);
    assert_int_equal(sum(&found), 1);
    assert_string_equal(found.last.what, "has a key that means nothing");
    change_row(rig, KV_META, span_text("actos"), (struct span){0});
    change_row(rig, KV_META, span_text("actor"), (struct span){0});
    found = check(rig);
    assert_int_equal(found.counts[OP_FINDING_MISSING], 1);
    assert_int_equal(sum(&found), 1);
}

/* The counters of a partition that fits a portion, and of one that does not. */
static void counters_that_differ_from_a_recount_are_found(void **state)
{
    struct rig *rig = *state;
    struct keys_buffer buffer;
    static const int sizes[] = {4, 2500};
    for (size_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? "small" : "large";
        put_many(rig, name, sizes[i]);
        struct span key = keys_count(&buffer, RIG_BUCKET, span_text(name));
        struct kv_txn *txn = rig_look(&rig->disk);
        struct span row = {0};
        struct record_count count;
        assert_ok(kv_get(txn, KV_COUNTS, key, &row));
        assert_ok(record_decode_count(rig->store.hash_key, key, row, &count));
        struct span right = span_of(arena_copy(&rig->arena, row.bytes, row.length), row.length);
        kv_abort(txn);
        count.tally.bytes++;
        change_row(rig, KV_COUNTS, key, record_encode_count(rig->store.hash_key, key, &count, &rig->arena));
        struct found found = check(rig);
        assert_int_equal(sum(&found), 1);
        assert_int_equal(found.last.kind, OP_FINDING_COUNT);
        assert_span_text(found.last.partition_key, name);
        assert_int_equal(found.last.row, keys_name(rig->store.hash_key, KV_COUNTS, key));
        change_row(rig, KV_COUNTS, key, (struct span){0});
        found = check(rig);
        assert_int_equal(sum(&found), 1);
        assert_string_equal(found.last.what, "is missing");
        change_row(rig, KV_COUNTS, key, right);
    }
    struct found found = check(rig);
    assert_int_equal(sum(&found), 0);
}

static void counters_without_items_are_found(void **state)
{
    struct rig *rig = *state;
    struct keys_buffer buffer;
    struct span key = keys_count(&buffer, RIG_BUCKET, span_text("gone"));
    struct record_count count = {.items = 1};
    put_bucket(rig);
    change_row(rig, KV_COUNTS, key, record_encode_count(rig->store.hash_key, key, &count, &rig->arena));
    struct found found = check(rig);
    assert_int_equal(sum(&found), 1);
    assert_string_equal(found.last.what, "counts items that are not there");
}

/* --- while clients write -------------------------------------------------------------------------------- */

static int writes_left;

static void write_elsewhere(struct rig *rig, const struct check_walk *walk)
{
    char value[20];
    (void)walk;
    if (writes_left-- <= 0) return;
    snprintf(value, sizeof value, "%d", writes_left);
    rig_put(rig, "elsewhere", "s", NULL, NULL);
}

/* Grows the large partition behind what was read of it: the recount lacks what the counters have. */
static void write_behind(struct rig *rig, const struct check_walk *walk)
{
    char sort_key[20];
    if (walk->space != KV_ITEMS || writes_left-- <= 0) return;
    snprintf(sort_key, sizeof sort_key, "!%06d", writes_left);
    rig_put(rig, "large", sort_key, NULL, "new");
}

static void writes_meanwhile_are_no_findings(void **state)
{
    struct rig *rig = *state;
    put_many(rig, "large", 2500);
    writes_left = 50;
    struct found found = check_with(rig, write_elsewhere);
    assert_int_equal(sum(&found) + found.unsettled, 0);
    writes_left = 2; /* then it comes to rest, and the recount fits */
    found = check_with(rig, write_behind);
    assert_int_equal(sum(&found) + found.unsettled, 0);
    assert_int_equal(found.rows, 3 + 2500 + 2 + 2 + 1); /* each once, though some were read again */
    writes_left = 1000;
    found = check_with(rig, write_behind);
    assert_int_equal(sum(&found), 0);
    assert_int_equal(found.unsettled, 1);
}

enum { TOGGLED_ITEMS = 1500, TOGGLED_RUNS = 400 };

static struct prng toggling;

/* One item of a partition larger than a portion is set or deleted, whichever comes. */
static void toggle(struct rig *rig, const struct check_walk *walk)
{
    (void)walk;
    struct crdt_vclock context = rig_context(rig, "large", "000700");
    rig_put(rig, "large", "000700", &context, prng_u64(&toggling) % 2 == 0 ? NULL : "value");
    rig_forget(rig);
}

/* A difference that comes back is no proof while something is committed: it does, now and then. */
static void an_item_set_and_deleted_at_random_makes_no_finding(void **state)
{
    struct rig *rig = *state;
    uint64_t unsettled = 0;
    prng_init(&toggling, (const uint8_t[PRNG_SEED_BYTES]){1});
    put_many(rig, "large", TOGGLED_ITEMS);
    for (int run = 0; run < TOGGLED_RUNS; run++) {
        struct found found = check_with(rig, toggle);
        assert_int_equal(sum(&found), 0);
        assert_int_equal(found.rows, 3 + TOGGLED_ITEMS + 1);
        unsettled += found.unsettled;
    }
    assert_in_range(unsettled, 1, TOGGLED_RUNS - 1); /* some are told apart, some are not */
}

/* Wrong counters are found as soon as one recount has its peace; without any they are left as unsettled. */
static void wrong_counters_are_found_between_writes(void **state)
{
    struct rig *rig = *state;
    struct keys_buffer buffer;
    put_many(rig, "large", 4500);
    struct span key = keys_count(&buffer, RIG_BUCKET, span_text("large"));
    struct record_count count = {.items = 4499};
    change_row(rig, KV_COUNTS, key, record_encode_count(rig->store.hash_key, key, &count, &rig->arena));
    rig_put(rig, "elsewhere", "s", NULL, NULL);
    for (int portions = 0; portions <= 8; portions += 8) { /* none, and the whole of the first recount */
        writes_left = portions;
        struct found found = check_with(rig, write_elsewhere);
        assert_int_equal(sum(&found), 1);
        assert_int_equal(found.last.kind, OP_FINDING_COUNT);
        assert_string_equal(found.last.what, "differs from a recount");
        assert_int_equal(found.unsettled, 0);
        assert_int_equal(found.rows, 3 + 4500 + 1 + 2);
    }
    writes_left = 1 << 20;
    struct found found = check_with(rig, write_elsewhere);
    assert_int_equal(sum(&found), 0);
    assert_int_equal(found.unsettled, 1);
    assert_int_equal(found.rows, 3 + 4500 + 1 + 2);
}

/* The k-th call of the disk fails: an error of the op or a full answer, never a finding that is not there. */
static void a_failing_disk_is_no_finding(void **state)
{
    struct rig *rig = *state;
    put_bucket(rig);
    put_many(rig, "p", 5);
    bool is_over = false;
    for (uint64_t k = 1; !is_over; k++) {
        struct check_walk walk = {0};
        is_over = true;
        disk_fail_call(&rig->disk, k, ERR_MEMORY);
        while (!walk.is_end) {
            struct op op = {.kind = OP_CHECK, .arena = &rig->arena, .check = {.walk = &walk}};
            rig_run(rig, &op, 1);
            if (op.err != ERR_OK) {
                assert_err(op.err, ERR_MEMORY);
                is_over = false;
                break;
            }
            assert_int_equal(op.check.findings_count, 0);
        }
        disk_fail_call(&rig->disk, 0, ERR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_sound_store_has_no_findings),
        rig_test(every_flipped_bit_of_a_row_is_found),
        rig_test(rows_that_are_missing_or_mean_nothing_are_found),
        rig_test(counters_that_differ_from_a_recount_are_found),
        rig_test(counters_without_items_are_found),
        rig_test(writes_meanwhile_are_no_findings),
        rig_test(an_item_set_and_deleted_at_random_makes_no_finding),
        rig_test(wrong_counters_are_found_between_writes),
        rig_test(a_failing_disk_is_no_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
