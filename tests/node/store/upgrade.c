/* A database of format 1, as the program before clusters left it: completed when it is opened, once, all or
 * nothing; and checked and salvaged as it is. */
#include "node/store/check.h"
#include "node/store/format.h"
#include "node/store/keyring.h"
#include "node/store/salvage.h"
#include "tests/lib/store_rig.h"

static const char KEY[] = "KGK0123456789abcdef01234567";
static const char SECRET[] = "the secret of an old access key";

static void put_meta(struct disk *disk, struct span key, struct span row)
{
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(&disk->kv, true, &txn));
    assert_ok(row.bytes == NULL ? kv_delete(txn, KV_META, key) : kv_put(txn, KV_META, key, row));
    assert_ok(kv_commit(txn));
}

/* A document whose payload is a secret, sealed as the former program did: with the machine's own key. */
static void put_secret(struct rig *rig)
{
    uint8_t sealed[sizeof SECRET + SEAL_OVERHEAD_BYTES];
    struct op_document document = {.key = span_text(KEY)};
    seal_close(RIG_SEAL_KEY, span_text(KEY + 1), span_of(SECRET, sizeof SECRET), &rig->store.prng, sealed);
    document.register_.payload = sealed;
    document.register_.payload_bytes = sizeof sealed;
    struct op op = {
        .kind = OP_DOCS_WRITE, .arena = &rig->arena, .docs = {.documents = &document, .documents_count = 1}};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
}

static void expect_secret(struct rig *rig)
{
    uint8_t plain[sizeof SECRET];
    struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.docs.documents_count, 1);
    const struct crdt_lww *document = &op.docs.documents[0].register_;
    assert_true(seal_open(rig->store.documents_key, span_text(KEY + 1),
                          span_of(document->payload, document->payload_bytes), plain));
    assert_memory_equal(plain, SECRET, sizeof SECRET);
}

/* The rows as they were: "secrets" with two keys, "format" with a 1. The store is closed. */
static void make_former(struct rig *rig)
{
    static const uint8_t format[] = "\x92\xa6skerry\x01";
    uint8_t plain[KEYRING_FORMER_BYTES];
    uint8_t row[KEYRING_FORMER_ROW_BYTES];
    put_secret(rig);
    rig_put(rig, "room", "a", NULL, "1");
    memcpy(plain, rig->store.hash_key, HASH_KEY_BYTES);
    memcpy(plain + HASH_KEY_BYTES, rig->store.token_key, HASH_KEY_BYTES);
    seal_close(RIG_SEAL_KEY, keyring_name(), span_of(plain, sizeof plain), &rig->store.prng, row);
    put_meta(&rig->disk, keyring_name(), span_of(row, sizeof row));
    put_meta(&rig->disk, format_name(), span_of(format, sizeof format - 1));
    store_close(&rig->store);
}

static uint64_t version_of(const struct disk *disk)
{
    struct disk copy;
    struct span row = {0};
    uint64_t version = 0;
    disk_copy(disk, &copy);
    struct kv_txn *txn = rig_look(&copy);
    assert_ok(kv_get(txn, KV_META, format_name(), &row));
    assert_true(format_read(row, &version));
    kv_abort(txn);
    disk_deinit(&copy);
    return version;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0) return false;
    return true;
}

static void a_former_database_is_completed_once(void **state)
{
    struct rig *rig = *state;
    struct store before = rig->store;
    make_former(rig);
    assert_int_equal(version_of(&rig->disk), 1);
    rig_open(rig);
    assert_int_equal(version_of(&rig->disk), 2);
    assert_true(rig->store.was_former);
    assert_memory_equal(rig->store.hash_key, before.hash_key, HASH_KEY_BYTES);
    assert_memory_equal(rig->store.token_key, before.token_key, HASH_KEY_BYTES);
    assert_true(rig->store.actor.id == before.actor.id);
    assert_false(rig->store.is_member);
    assert_false(is_zero(rig->store.cluster_id, STORE_CLUSTER_ID_BYTES));
    assert_false(is_zero(rig->store.node_seed, STORE_NODE_SEED_BYTES));
    expect_secret(rig);
    struct store first = rig->store;
    rig_restart(rig);
    assert_false(rig->store.was_former);
    assert_memory_equal(rig->store.cluster_id, first.cluster_id, STORE_CLUSTER_ID_BYTES);
    assert_memory_equal(rig->store.node_seed, first.node_seed, STORE_NODE_SEED_BYTES);
    expect_secret(rig);
    rig_expect(rig, "room", "a", "1");
}

static void a_disk_that_fails_meanwhile_leaves_it_as_it_was(void **state)
{
    (void)state;
    static const enum err errors[3] = {ERR_FULL, ERR_IO, ERR_MEMORY};
    for (int i = 0; i < 3; i++) {
        enum err err = ERR_MEMORY;
        for (uint64_t call = 1; err != ERR_OK; call++) {
            struct rig rig;
            struct disk before;
            char message[200] = "";
            rig_init(&rig);
            make_former(&rig);
            disk_copy(&rig.disk, &before);
            disk_fail_call(&rig.disk, call, errors[i]);
            err = rig_try_open(&rig, RIG_SEAL_KEY, RIG_PLACE, message);
            assert_err(err, rig.disk.call_fault.calls_left == 0 ? errors[i] : ERR_OK);
            disk_fail_call(&rig.disk, 0, ERR_OK);
            if (err != ERR_OK) {
                rig_expect_same_rows(&rig.disk, &before);
                rig_open(&rig);
            }
            expect_secret(&rig);
            disk_deinit(&before);
            rig_deinit(&rig);
            assert_true(err != ERR_OK || call > 6);
        }
    }
}

/* Rows of two ages did not come from one transaction: somebody put them together. */
static void a_row_of_secrets_of_another_age_is_refused(void **state)
{
    struct rig *rig = *state;
    static const uint8_t format[] = "\x92\xa6skerry\x02";
    char message[200] = "";
    make_former(rig);
    put_meta(&rig->disk, format_name(), span_of(format, sizeof format - 1));
    assert_err(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message), ERR_ACCESS);
}

static uint64_t findings(struct rig *rig, const uint8_t *hash_key)
{
    struct check_walk walk = {0};
    while (!walk.is_end) {
        struct op op = {
            .kind = OP_CHECK, .arena = &rig->arena, .check = {.walk = &walk, .seal_key = RIG_SEAL_KEY}};
        struct kv_txn *txn = rig_look(&rig->disk);
        check_run(hash_key, txn, &op);
        kv_abort(txn);
        assert_ok(op.err);
    }
    return walk.findings;
}

static void a_former_database_is_checked_as_it_is(void **state)
{
    struct rig *rig = *state;
    uint8_t hash_key[HASH_KEY_BYTES];
    make_former(rig);
    assert_ok(salvage_open_secrets(&rig->disk.kv, RIG_SEAL_KEY, hash_key));
    assert_int_equal(findings(rig, hash_key), 0);
    assert_true(disk_flip(&rig->disk, KV_META, 2, 300)); /* secrets */
    assert_int_equal(findings(rig, hash_key), 1);
}

static void salvage(struct rig *rig)
{
    struct disk saved;
    struct salvage_report report;
    struct prng prng;
    const uint8_t seed[PRNG_SEED_BYTES] = {9};
    uint8_t hash_key[HASH_KEY_BYTES];
    prng_init(&prng, seed);
    disk_init(&saved);
    assert_ok(salvage_open_secrets(&rig->disk.kv, RIG_SEAL_KEY, hash_key));
    assert_ok(salvage_run(&rig->disk.kv, &saved.kv, hash_key, &prng, &report));
    disk_deinit(&rig->disk);
    disk_copy(&saved, &rig->disk);
    disk_deinit(&saved);
}

/* …and completed when it is opened: also when the row that says its age was lost. */
static void a_former_database_is_salvaged_as_it_is(void **state)
{
    struct rig *rig = *state;
    for (int is_lost = 0; is_lost < 2; is_lost++) {
        make_former(rig);
        if (is_lost) assert_true(disk_flip(&rig->disk, KV_META, 1, 10)); /* format */
        salvage(rig);
        assert_int_equal(version_of(&rig->disk), 1);
        rig_open(rig);
        expect_secret(rig);
    }
}

/* The rows that are new are carried over: the node is who it was, in the cluster it was in. */
static void the_nodes_identity_is_salvaged(void **state)
{
    struct rig *rig = *state;
    struct op_adopt own = {.keeps_own = true};
    struct op ops[2] = {{.kind = OP_BOOT, .arena = &rig->arena},
                        {.kind = OP_ADOPT, .arena = &rig->arena, .adopt = &own}};
    put_secret(rig);
    rig_run(rig, ops, 2);
    struct store before = rig->store;
    store_close(&rig->store);
    salvage(rig);
    rig_open(rig);
    assert_true(rig->store.is_member);
    assert_memory_equal(rig->store.node_seed, before.node_seed, STORE_NODE_SEED_BYTES);
    assert_memory_equal(rig->store.cluster_id, before.cluster_id, STORE_CLUSTER_ID_BYTES);
    assert_memory_equal(rig->store.documents_key, before.documents_key, SEAL_KEY_BYTES);
    struct op again = {.kind = OP_BOOT, .arena = &rig->arena};
    rig_run(rig, &again, 1);
    assert_true(again.boot.incarnation == ops[0].boot.incarnation + 1);
}

/* A rotten incarnation is found, left out, and not missed. */
static void a_rotten_incarnation_is_found_and_left_out(void **state)
{
    struct rig *rig = *state;
    struct op boot = {.kind = OP_BOOT, .arena = &rig->arena};
    rig_run(rig, &boot, 1);
    assert_int_equal(findings(rig, rig->store.hash_key), 0);
    assert_true(disk_flip(&rig->disk, KV_META, 2, 90)); /* actor, format, incarnation */
    assert_int_equal(findings(rig, rig->store.hash_key), 1);
    salvage(rig);
    assert_int_equal(disk_rows_count(&rig->disk, KV_META), 3);
    assert_int_equal(findings(rig, rig->store.hash_key), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(a_former_database_is_completed_once),
        rig_test(a_disk_that_fails_meanwhile_leaves_it_as_it_was),
        rig_test(a_row_of_secrets_of_another_age_is_refused),
        rig_test(a_former_database_is_checked_as_it_is),
        rig_test(a_former_database_is_salvaged_as_it_is),
        rig_test(the_nodes_identity_is_salvaged),
        rig_test(a_rotten_incarnation_is_found_and_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
