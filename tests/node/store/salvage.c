/* What is sound is saved, what is not is left out, and the counters fit what was saved. */
#include "node/store/salvage.h"

#include "node/store/check.h"
#include "tests/lib/record_check.h"
#include "tests/lib/store_rig.h"

static struct salvage_report salvage(struct rig *rig, struct disk *into)
{
    struct salvage_report report;
    struct prng prng;
    uint8_t seed[PRNG_SEED_BYTES] = {9};
    prng_init(&prng, seed);
    uint8_t hash_key[HASH_KEY_BYTES];
    assert_ok(salvage_open_secrets(&rig->disk.kv, RIG_SEAL_KEY, hash_key));
    assert_memory_equal(hash_key, rig->store.hash_key, HASH_KEY_BYTES);
    disk_init(into);
    assert_ok(salvage_run(&rig->disk.kv, &into->kv, hash_key, &prng, &report));
    return report;
}

/* Go on with the saved database in the place of the damaged one. */
static void take_over(struct rig *rig, struct disk *saved)
{
    static const uint8_t other_place[ACTOR_PLACE_BYTES] = "the new file....";
    char message[200] = "";
    store_close(&rig->store);
    disk_deinit(&rig->disk);
    disk_copy(saved, &rig->disk);
    disk_deinit(saved);
    assert_ok(rig_try_open(rig, RIG_SEAL_KEY, other_place, message));
}

static void a_sound_database_is_saved_whole(void **state)
{
    struct rig *rig = *state;
    struct disk saved;
    for (int i = 0; i < 5000; i++) {
        char partition_key[20];
        char sort_key[20];
        snprintf(partition_key, sizeof partition_key, "p%d", i / 700);
        snprintf(sort_key, sizeof sort_key, "%d", i);
        rig_put(rig, partition_key, sort_key, NULL, i % 9 == 0 ? NULL : "value");
        rig_forget(rig);
    }
    struct salvage_report report = salvage(rig, &saved);
    rig_expect_same_rows(&rig->disk, &saved);
    assert_int_equal(report.kept[KV_ITEMS], 5000);
    assert_int_equal(report.kept[KV_COUNTS], 8);
    assert_int_equal(report.dropped[KV_META] + report.dropped[KV_DOCS] + report.dropped[KV_ITEMS], 0);
    assert_true(saved.commits_count > 2);
    disk_deinit(&saved);
}

/* H1: the node of the saved database writes under another actor. */
static void damaged_items_are_left_out_and_the_rest_goes_on(void **state)
{
    struct rig *rig = *state;
    struct disk saved;
    rig_put(rig, "p", "a", NULL, "one");
    rig_put(rig, "p", "b", NULL, "two");
    rig_put(rig, "p", "c", NULL, "three");
    uint64_t actor = rig->store.actor.id;
    assert_true(disk_flip(&rig->disk, KV_ITEMS, 1, 200));
    struct salvage_report report = salvage(rig, &saved);
    assert_int_equal(report.dropped[KV_ITEMS], 1);
    assert_int_equal(report.kept[KV_ITEMS], 2);
    take_over(rig, &saved);
    assert_true(rig->store.actor.id != actor);
    rig_expect(rig, "p", "a", "one");
    rig_expect(rig, "p", "b", "absent");
    rig_expect(rig, "p", "c", "three");
    rig_expect_index(rig, "p", "2/0/2/8");
    rig_expect_exact_index(rig);
    rig_put(rig, "p", "b", NULL, "again");
    rig_expect_index(rig, "p", "3/0/3/13");
}

/* Rows of "meta" that were lost are made anew, but for the secrets, without which nothing can be judged. */
static void a_lost_format_and_actor_are_made_anew(void **state)
{
    struct rig *rig = *state;
    struct disk saved;
    rig_put(rig, "p", "a", NULL, "one");
    uint64_t actor = rig->store.actor.id;
    assert_true(disk_flip(&rig->disk, KV_META, 0, 100)); /* actor */
    assert_true(disk_flip(&rig->disk, KV_META, 1, 10));  /* format */
    struct salvage_report report = salvage(rig, &saved);
    assert_int_equal(report.dropped[KV_META], 2);
    take_over(rig, &saved);
    assert_true(rig->store.actor.id != actor);
    rig_expect(rig, "p", "a", "one");
    uint8_t hash_key[HASH_KEY_BYTES];
    assert_true(disk_flip(&rig->disk, KV_META, 2, 300));
    assert_err(salvage_open_secrets(&rig->disk.kv, RIG_SEAL_KEY, hash_key), ERR_ACCESS);
}

static void counters_are_counted_anew(void **state)
{
    struct rig *rig = *state;
    struct disk saved;
    rig_put(rig, "p", "a", NULL, "one");
    rig_put(rig, "q", "a", NULL, "one");
    assert_true(disk_flip(&rig->disk, KV_COUNTS, 0, 70));
    (void)salvage(rig, &saved);
    take_over(rig, &saved);
    rig_expect_exact_index(rig);
}

static enum err try_salvage(struct rig *rig, const uint8_t *hash_key, struct salvage_report *report)
{
    struct prng prng;
    uint8_t seed[PRNG_SEED_BYTES] = {9};
    struct disk saved;
    prng_init(&prng, seed);
    disk_init(&saved);
    enum err err = salvage_run(&rig->disk.kv, &saved.kv, hash_key, &prng, report);
    disk_deinit(&saved);
    return err;
}

/* What a later program wrote is not damaged, and not to be written anew as version 2. */
static void another_format_is_refused(void **state)
{
    struct rig *rig = *state;
    struct salvage_report report;
    rig_put(rig, "p", "a", NULL, "one");
    assert_true(disk_flip(&rig->disk, KV_META, 1, 8 * 8)); /* ["skerry", 2] becomes ["skerry", 3] */
    assert_err(try_salvage(rig, rig->store.hash_key, &report), ERR_VERSION);
    assert_int_equal(report.version, 3);
    assert_int_equal(report.dropped[KV_META], 0);
}

/* A row whose hash fits, and only its version is another. */
static void a_row_of_another_version_is_refused_not_dropped(void **state)
{
    enum { VERSION_AT = RECORD_HASH_BYTES + 1 }; /* behind the head of an array */
    struct rig *rig = *state;
    struct salvage_report report;
    struct crdt_lww document = {.payload = (const uint8_t *)"payload", .payload_bytes = 7};
    struct kv_txn *txn = NULL;
    uint8_t later[RIG_TEXT_BYTES];
    struct span key = span_text("a document");
    struct span row = record_encode_document(RECORD_CHECK_HASH_KEY, key, &document, &rig->arena);
    assert_true(row.bytes != NULL && row.length < sizeof later && row.bytes[VERSION_AT] == RECORD_VERSION);
    memcpy(later, row.bytes, row.length);
    later[VERSION_AT]++;
    record_check_seal(RECORD_CHECK_DOCUMENT, key, later, row.length);
    assert_ok(kv_begin(&rig->disk.kv, true, &txn));
    assert_ok(kv_put(txn, KV_DOCS, key, span_of(later, row.length)));
    assert_ok(kv_commit(txn));
    assert_err(try_salvage(rig, RECORD_CHECK_HASH_KEY, &report), ERR_VERSION);
    assert_int_equal(report.version, STORE_FORMAT_VERSION);
    assert_int_equal(report.dropped[KV_DOCS], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_sound_database_is_saved_whole),
        rig_test(damaged_items_are_left_out_and_the_rest_goes_on),
        rig_test(a_lost_format_and_actor_are_made_anew),
        rig_test(counters_are_counted_anew),
        rig_test(another_format_is_refused),
        rig_test(a_row_of_another_version_is_refused_not_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
