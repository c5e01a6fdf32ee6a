/* A fresh store becomes another cluster's: when it may, what is left, and that nothing else ever happens to it. */
#include "node/store/check.h"
#include "tests/lib/store_rig.h"

#include <sodium/crypto_sign_ed25519.h>

static const struct op_adopt THEIRS = {.cluster_id = "their cluster id",
                                       .hash_key = "their hash key, 32 bytes of it..",
                                       .token_key = "their token key, 32 bytes of it.",
                                       .documents_key = "their documents key, 32 bytes..."};

static const uint8_t KEY_ID[] = "GK0123456789abcdef01234567";

struct made_document {
    uint8_t key[1 + 2 * KEYS_BUCKET_ID_BYTES + 8];
    size_t key_bytes;
    const char *payload;
    size_t payload_bytes;
};

static void put_documents(struct rig *rig, const struct made_document *made, uint32_t count)
{
    struct op_document documents[8] = {0};
    assert_true(count <= 8);
    for (uint32_t i = 0; i < count; i++) {
        documents[i].key = span_of(made[i].key, made[i].key_bytes);
        documents[i].register_.payload = (const uint8_t *)made[i].payload;
        documents[i].register_.payload_bytes = made[i].payload_bytes;
    }
    struct op op = {
        .kind = OP_DOCS_WRITE, .arena = &rig->arena, .docs = {.documents = documents, .documents_count = count}};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
}

static struct made_document made(char kind, const void *id, size_t id_bytes, const char *payload,
                                 size_t payload_bytes)
{
    struct made_document document = {
        .key_bytes = 1 + id_bytes, .payload = payload, .payload_bytes = payload_bytes};
    document.key[0] = (uint8_t)kind;
    memcpy(document.key + 1, id, id_bytes);
    return document;
}

/* As the start makes it: a bucket, its alias, a key, a permission. */
static uint32_t demo(struct made_document documents[4])
{
    uint8_t both[KEYS_BUCKET_ID_BYTES + sizeof KEY_ID - 1];
    memcpy(both, RIG_BUCKET, KEYS_BUCKET_ID_BYTES);
    memcpy(both + KEYS_BUCKET_ID_BYTES, KEY_ID, sizeof KEY_ID - 1);
    documents[0] = made('A', "demo", 4, "\x91\xc0", 2);
    documents[1] = made('B', RIG_BUCKET, KEYS_BUCKET_ID_BYTES, "\x92\xc3\x01", 3);
    documents[2] = made('K', KEY_ID, sizeof KEY_ID - 1,
                        "\x94\xc3\xa4"
                        "demo\x01\xc4\x00",
                        10);
    documents[3] = made('P', both, sizeof both, "\x91\x07", 2);
    return 4;
}

static void put_demo(struct rig *rig)
{
    struct made_document documents[4];
    put_documents(rig, documents, demo(documents));
}

static uint64_t boot(struct rig *rig)
{
    struct op op = {.kind = OP_BOOT, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    return op.boot.incarnation;
}

static enum err adopt(struct rig *rig, struct op_adopt *adopt)
{
    struct op op = {.kind = OP_ADOPT, .arena = &rig->arena, .adopt = adopt};
    rig_run(rig, &op, 1);
    return op.err;
}

static void adopt_theirs(struct rig *rig)
{
    struct op_adopt theirs = THEIRS;
    assert_ok(adopt(rig, &theirs));
    assert_false(theirs.is_refused);
}

static void expect_refused(struct rig *rig, const char *why)
{
    struct op_adopt theirs = THEIRS;
    struct disk before;
    disk_copy(&rig->disk, &before);
    assert_ok(adopt(rig, &theirs));
    assert_true(theirs.is_refused);
    assert_string_equal(theirs.why, why);
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
}

static void expect_theirs(const struct rig *rig)
{
    const struct store *store = &rig->store;
    assert_memory_equal(store->cluster_id, THEIRS.cluster_id, sizeof store->cluster_id);
    assert_memory_equal(store->hash_key, THEIRS.hash_key, sizeof store->hash_key);
    assert_memory_equal(store->token_key, THEIRS.token_key, sizeof store->token_key);
    assert_memory_equal(store->documents_key, THEIRS.documents_key, sizeof store->documents_key);
    assert_true(store->is_member);
}

/* Every row passes its check under the keys there are now. */
static void expect_sound(struct rig *rig)
{
    struct check_walk walk = {0};
    while (!walk.is_end) {
        struct op op = {
            .kind = OP_CHECK, .arena = &rig->arena, .check = {.walk = &walk, .seal_key = RIG_SEAL_KEY}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
    }
    assert_int_equal(walk.findings, 0);
}

static void a_fresh_store_becomes_another_clusters(void **state)
{
    struct rig *rig = *state;
    put_demo(rig);
    uint64_t incarnation = boot(rig);
    uint64_t actor = rig->store.actor.id;
    uint8_t seed[STORE_NODE_SEED_BYTES];
    memcpy(seed, rig->store.node_seed, sizeof seed);
    adopt_theirs(rig);
    assert_memory_not_equal(rig->store.hash_key, THEIRS.hash_key, HASH_KEY_BYTES); /* readers still use it */
    rig_restart(rig);
    expect_theirs(rig);
    assert_memory_equal(rig->store.node_seed, seed, sizeof seed);
    assert_true(rig->store.actor.id == actor);
    assert_int_equal(disk_rows_count(&rig->disk, KV_DOCS), 0);
    assert_true(boot(rig) == incarnation + 1);
    expect_sound(rig);
    rig_put(rig, "room", "a", NULL, "1");
    rig_expect(rig, "room", "a", "1");
}

static void a_store_without_documents_or_with_its_nodes_own_is_fresh(void **state)
{
    struct rig *rig = *state;
    uint8_t node_id[crypto_sign_ed25519_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    crypto_sign_ed25519_seed_keypair(node_id, secret, rig->store.node_seed);
    struct made_document documents[2] = {made('D', node_id, sizeof node_id, "\x91\xa0", 2),
                                         made('N', node_id, sizeof node_id, "\x93\xc3\x01\xa0", 4)};
    put_documents(rig, documents, 2);
    adopt_theirs(rig);
    rig_restart(rig);
    expect_theirs(rig);
    expect_sound(rig);
}

static void a_store_with_items_is_refused(void **state)
{
    struct rig *rig = *state;
    static const char why[] =
        "the node that would join holds items of its own, or traces of deleted ones; only an empty node can join";
    rig_put(rig, "room", "a", NULL, "1");
    expect_refused(rig, why);
    struct crdt_vclock context = rig_context(rig, "room", "a");
    rig_put(rig, "room", "a", &context, NULL);
    expect_refused(rig, why);
}

static void a_store_with_documents_besides_the_demos_is_refused(void **state)
{
    struct rig *rig = *state;
    static const char why[] =
        "the node that would join has buckets, keys or a layout of its own; only an empty node can join";
    static const uint8_t other[KEYS_BUCKET_ID_BYTES] = "another bucket or node";
    const struct made_document others[] = {
        made('A', "mine", 4, "\x91\xc0", 2),
        made('B', other, sizeof other, "\x92\xc3\x01", 3),
        made('C', RIG_BUCKET, KEYS_BUCKET_ID_BYTES, "\x91\x90", 2),
        made('K', "GKmine", 6,
             "\x94\xc3\xa4"
             "mine\x01\xc4\x00",
             10),
        made('K', "GKmine", 6,
             "\x94\xc3\xa4"
             "demo\x01\xc4\x00",
             10), /* a second one of that name */
        made('L', "\x03GKxdemo", 8, "\x91\xc0", 2),
        made('N', other, sizeof other, "\x93\xc3\x01\xa0", 4),
        made('P', other, sizeof other, "\x91\x07", 2),
        made('S', other, sizeof other, "\x90", 1),
        made('V', other, sizeof other, "", 0),
        made('a', other, 5, "", 0),
    };
    (void)rig;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct rig one;
        rig_init(&one);
        put_demo(&one);
        put_documents(&one, &others[i], 1);
        expect_refused(&one, why);
        rig_put(&one, "room", "a", NULL, "1"); /* it goes on */
        rig_deinit(&one);
    }
}

static void a_member_is_refused_and_stays_what_it_is(void **state)
{
    struct rig *rig = *state;
    struct op_adopt own = {.keeps_own = true};
    uint8_t cluster_id[STORE_CLUSTER_ID_BYTES];
    memcpy(cluster_id, rig->store.cluster_id, sizeof cluster_id);
    put_demo(rig);
    assert_ok(adopt(rig, &own));
    assert_false(own.is_refused);
    expect_refused(rig, "this node is a member of a cluster already"); /* before it is opened anew, too */
    rig_put(rig, "room", "a", NULL, "1");
    rig_restart(rig);
    assert_true(rig->store.is_member);
    assert_memory_equal(rig->store.cluster_id, cluster_id, sizeof cluster_id);
    assert_int_equal(disk_rows_count(&rig->disk, KV_DOCS), 4);
    expect_refused(rig, "this node is a member of a cluster already");
    assert_ok(adopt(rig, &own)); /* said twice */
    assert_false(own.is_refused);
    expect_sound(rig);
}

/* Its rows would have hashes of a key that is not in force any more. */
static void an_adopted_store_takes_no_writes_until_it_is_opened_anew(void **state)
{
    struct rig *rig = *state;
    struct op_adopt theirs = THEIRS;
    struct op_write_item item = rig_item(rig_key("room", "a"), NULL, "1");
    struct op ops[2] = {{.kind = OP_ADOPT, .arena = &rig->arena, .adopt = &theirs}, rig_write_op(rig, &item, 1)};
    rig_run(rig, ops, 2); /* one batch, one transaction */
    assert_ok(ops[0].err);
    assert_err(ops[1].err, ERR_LOCKED);
    struct op again = {.kind = OP_BOOT, .arena = &rig->arena};
    rig_run(rig, &again, 1);
    assert_err(again.err, ERR_LOCKED);
    assert_err(adopt(rig, &theirs), ERR_LOCKED);
    rig_restart(rig);
    expect_theirs(rig);
    rig_run(rig, &ops[1], 1);
    assert_ok(ops[1].err);
    expect_sound(rig);
}

/* It would be sound again under the new hash key, with whatever it says: it goes. */
static void a_rotten_incarnation_does_not_come_along(void **state)
{
    struct rig *rig = *state;
    rig->wall_us = 5000;
    (void)boot(rig);
    assert_true(disk_flip(&rig->disk, KV_META, 2, 90)); /* actor, format, incarnation */
    adopt_theirs(rig);
    rig_restart(rig);
    expect_theirs(rig);
    expect_sound(rig);
    assert_int_equal(disk_rows_count(&rig->disk, KV_META), 3);
    rig->wall_us = 6000;
    assert_true(boot(rig) == 6000);
}

static void a_corrupt_document_is_said_and_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct op_adopt theirs = THEIRS;
    put_demo(rig);
    assert_true(disk_flip(&rig->disk, KV_DOCS, 2, 90));
    struct op op = {.kind = OP_ADOPT, .arena = &rig->arena, .adopt = &theirs};
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_CORRUPT);
    assert_string_equal(op.corrupt.table, "docs");
    assert_true(disk_flip(&rig->disk, KV_DOCS, 2, 90));
    rig_restart(rig);
    assert_false(rig->store.is_member);
    expect_sound(rig);
    adopt_theirs(rig);
}

/* The first documents of the new cluster come with its keys, each as it is. */
static void documents_come_with_the_keys(void **state)
{
    struct rig *rig = *state;
    struct op_document theirs[2] = {
        {.key = span_text("Nthem"), .register_ = {.time_us = 5, .actor = 6, .payload = (const uint8_t *)"x"}},
        {.key = span_text("Nus"), .register_ = {.time_us = 7, .actor = 8, .payload = (const uint8_t *)"y"}}};
    struct op_adopt with_documents = THEIRS;
    theirs[0].register_.payload_bytes = theirs[1].register_.payload_bytes = 1;
    with_documents.documents = theirs;
    with_documents.documents_count = 2;
    put_demo(rig);
    assert_ok(adopt(rig, &with_documents));
    assert_false(with_documents.is_refused);
    rig_restart(rig);
    expect_theirs(rig);
    expect_sound(rig);
    struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.docs.documents_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_span(op.docs.documents[i].key, theirs[i].key);
        assert_int_equal(crdt_lww_compare(&op.docs.documents[i].register_, &theirs[i].register_), 0);
    }
}

static bool is_no_x(const struct op_document *document, const char **why)
{
    *why = document->register_.payload[0] == 'x' ? "an x" : NULL;
    return *why == NULL;
}

/* By shape or by time: what no other node would take, this one could never write over. */
static void a_document_that_no_node_would_take_refuses_the_adoption(void **state)
{
    struct rig *rig = *state;
    static const struct op_docs_rules rules = {
        .check = is_no_x, .clock_max_us = UINT64_MAX, .ahead_max_us = 1000, .ahead_why = "from the future"};
    struct op_document them = {
        .key = span_text("Nthem"),
        .register_ = {.time_us = 5, .actor = 6, .payload = (const uint8_t *)"x", .payload_bytes = 1}};
    struct op_adopt theirs = THEIRS;
    theirs.documents = &them;
    theirs.documents_count = 1;
    theirs.rules = &rules;
    put_demo(rig);
    assert_ok(adopt(rig, &theirs));
    assert_true(theirs.is_refused);
    assert_string_equal(theirs.why, "an x");
    them.register_.payload = (const uint8_t *)"y";
    them.register_.time_us = UINT64_MAX;
    assert_ok(adopt(rig, &theirs));
    assert_true(theirs.is_refused);
    assert_string_equal(theirs.why, "from the future");
    them.register_.time_us = rig->wall_us + 1000;
    assert_ok(adopt(rig, &theirs));
    assert_false(theirs.is_refused);
}

static void a_trial_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct op_adopt trial = THEIRS;
    struct disk before;
    trial.is_trial = true;
    put_demo(rig);
    disk_copy(&rig->disk, &before);
    assert_ok(adopt(rig, &trial));
    assert_false(trial.is_refused);
    rig_expect_same_rows(&rig->disk, &before);
    rig_put(rig, "room", "a", NULL, "1"); /* it goes on */
    assert_ok(adopt(rig, &trial));
    assert_true(trial.is_refused);
    disk_deinit(&before);
}

/* A write that came before it in the batch counts. */
static void what_was_written_just_before_is_seen(void **state)
{
    struct rig *rig = *state;
    struct op_adopt theirs = THEIRS;
    struct op_write_item item = rig_item(rig_key("room", "a"), NULL, "1");
    struct op ops[2] = {rig_write_op(rig, &item, 1), {.kind = OP_ADOPT, .arena = &rig->arena, .adopt = &theirs}};
    rig_run(rig, ops, 2);
    assert_ok(ops[0].err);
    assert_ok(ops[1].err);
    assert_true(theirs.is_refused);
    rig_restart(rig);
    rig_expect(rig, "room", "a", "1");
}

/* All of it or nothing, whichever call fails, and whether the program goes on or is killed. */
static void a_failing_disk_leaves_one_cluster_or_the_other(void **state)
{
    (void)state;
    static const enum err errors[3] = {ERR_FULL, ERR_IO, ERR_MEMORY};
    for (int i = 0; i < 6; i++) {
        bool has_failed = true;
        for (uint64_t call = 1; has_failed; call++) {
            struct rig rig;
            struct disk before;
            struct op_adopt theirs = THEIRS;
            rig_init(&rig);
            put_demo(&rig);
            (void)boot(&rig);
            disk_copy(&rig.disk, &before);
            disk_fail_call(&rig.disk, call, errors[i % 3]);
            enum err err = adopt(&rig, &theirs);
            has_failed = rig.disk.call_fault.calls_left == 0;
            disk_fail_call(&rig.disk, 0, ERR_OK);
            assert_err(err, has_failed ? errors[i % 3] : ERR_OK);
            if (err != ERR_OK) {
                rig_expect_same_rows(&rig.disk, &before);
                if (i >= 3) rig_restart(&rig);
                (void)boot(&rig); /* still its own */
                adopt_theirs(&rig);
            }
            rig_restart(&rig);
            expect_theirs(&rig);
            expect_sound(&rig);
            disk_deinit(&before);
            rig_deinit(&rig);
            assert_true(has_failed || call > 20);
        }
    }
}

static void too_little_memory_changes_nothing(void **state)
{
    struct rig *rig = *state;
    static uint8_t large[3000];
    struct op_document document = {.key = span_text("Nlarge"),
                                   .register_ = {.payload = large, .payload_bytes = sizeof large}};
    struct op_adopt theirs = THEIRS;
    struct disk before;
    enum err err = ERR_MEMORY;
    theirs.documents = &document;
    theirs.documents_count = 1;
    put_demo(rig);
    (void)boot(rig);
    disk_copy(&rig->disk, &before);
    for (size_t ceiling = 64; err != ERR_OK; ceiling += 64) {
        arena_deinit(&rig->store.scratch);
        arena_init(&rig->store.scratch, ceiling);
        err = adopt(rig, &theirs);
        if (err == ERR_OK) break;
        assert_err(err, ERR_MEMORY);
        rig_expect_same_rows(&rig->disk, &before);
        assert_true(ceiling < 100000);
    }
    rig_restart(rig);
    expect_theirs(rig);
    expect_sound(rig);
    disk_deinit(&before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(a_fresh_store_becomes_another_clusters),
        rig_test(a_store_without_documents_or_with_its_nodes_own_is_fresh),
        rig_test(a_store_with_items_is_refused),
        rig_test(a_store_with_documents_besides_the_demos_is_refused),
        rig_test(a_member_is_refused_and_stays_what_it_is),
        rig_test(an_adopted_store_takes_no_writes_until_it_is_opened_anew),
        rig_test(a_rotten_incarnation_does_not_come_along),
        rig_test(a_corrupt_document_is_said_and_changes_nothing),
        rig_test(documents_come_with_the_keys),
        rig_test(a_document_that_no_node_would_take_refuses_the_adoption),
        rig_test(a_trial_changes_nothing),
        rig_test(what_was_written_just_before_is_seen),
        cmocka_unit_test(a_failing_disk_leaves_one_cluster_or_the_other),
        rig_test(too_little_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
