/* Opening a store: what it makes, what it finds again, what it refuses, and when it takes a new actor (H1). */
#include "tests/lib/store_rig.h"

#include <stdlib.h>

static const uint8_t OTHER_PLACE[ACTOR_PLACE_BYTES] = "another place..";

/* Put a row of ours into "meta" as it is. */
static void put_meta(struct rig *rig, const char *key, struct span row)
{
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(&rig->disk.kv, true, &txn));
    if (row.bytes == NULL) {
        assert_ok(kv_delete(txn, KV_META, span_text(key)));
    } else {
        assert_ok(kv_put(txn, KV_META, span_text(key), row));
    }
    assert_ok(kv_commit(txn));
}

static void a_new_store_is_durable_at_once(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(disk_rows_count(&rig->disk, KV_META), 3);
    assert_int_equal(rig->disk.commits_count, 1);
    assert_int_equal(rig->store.former_actors_taken, 0);
}

static void a_store_opened_again_is_the_same(void **state)
{
    struct rig *rig = *state;
    struct store before = rig->store;
    rig_put(rig, "room", "a", NULL, "1");
    rig_restart(rig);
    assert_memory_equal(rig->store.hash_key, before.hash_key, HASH_KEY_BYTES);
    assert_memory_equal(rig->store.token_key, before.token_key, HASH_KEY_BYTES);
    assert_memory_equal(rig->store.documents_key, before.documents_key, SEAL_KEY_BYTES);
    assert_memory_equal(rig->store.node_seed, before.node_seed, STORE_NODE_SEED_BYTES);
    assert_memory_equal(rig->store.cluster_id, before.cluster_id, STORE_CLUSTER_ID_BYTES);
    assert_false(rig->store.is_member);
    assert_true(rig->store.actor.id == before.actor.id);
    assert_true(rig->store.actor.last_counter == 1000);
    assert_int_equal(rig->store.former_actors_taken, 0);
    rig_expect(rig, "room", "a", "1");
    rig->wall_us = 1; /* the clock went back while the node was off */
    rig_put(rig, "room", "a", NULL, "2");
    assert_true(rig->store.actor.last_counter == 1001);
    rig_expect(rig, "room", "a", "1, 2");
}

static void two_stores_share_no_key_and_no_actor(void **state)
{
    struct rig *rig = *state;
    struct rig *other = calloc(1, sizeof *other);
    assert_non_null(other);
    disk_init(&other->disk);
    arena_init(&other->arena, RIG_ARENA_BYTES);
    other->seed = 100;
    rig_open(other);
    assert_memory_not_equal(rig->store.hash_key, other->store.hash_key, HASH_KEY_BYTES);
    assert_memory_not_equal(rig->store.token_key, other->store.token_key, HASH_KEY_BYTES);
    assert_memory_not_equal(rig->store.token_key, rig->store.hash_key, HASH_KEY_BYTES);
    assert_memory_not_equal(rig->store.documents_key, other->store.documents_key, SEAL_KEY_BYTES);
    assert_memory_not_equal(rig->store.documents_key, RIG_SEAL_KEY, SEAL_KEY_BYTES);
    assert_memory_not_equal(rig->store.node_seed, other->store.node_seed, STORE_NODE_SEED_BYTES);
    assert_memory_not_equal(rig->store.cluster_id, other->store.cluster_id, STORE_CLUSTER_ID_BYTES);
    assert_true(rig->store.actor.id != other->store.actor.id);
    rig_deinit(other);
    free(other);
}

static void the_keys_are_not_on_the_disk_in_the_clear(void **state)
{
    struct rig *rig = *state;
    struct kv_txn *txn = rig_look(&rig->disk);
    struct kv_pair row = {0};
    while (rig_next_row(txn, KV_META, &row)) {
        for (size_t i = 0; i + 8 <= row.value.length; i++) {
            assert_memory_not_equal(row.value.bytes + i, rig->store.hash_key, 8);
            assert_memory_not_equal(row.value.bytes + i, rig->store.token_key, 8);
            assert_memory_not_equal(row.value.bytes + i, rig->store.documents_key, 8);
            assert_memory_not_equal(row.value.bytes + i, rig->store.node_seed, 8);
        }
    }
    kv_abort(txn);
}

static void another_seal_key_is_refused_and_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct disk before;
    char message[200] = "";
    uint8_t key[SEAL_KEY_BYTES];
    memcpy(key, RIG_SEAL_KEY, sizeof key);
    key[0] ^= 1;
    store_close(&rig->store);
    disk_copy(&rig->disk, &before);
    assert_err(rig_try_open(rig, key, RIG_PLACE, message), ERR_ACCESS);
    assert_string_equal(message,
                        "the seal key does not open this database: give the seal_key_file it was made with");
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
    rig_open(rig);
}

static void a_format_this_program_does_not_know_is_refused(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *row;
        size_t length;
        const char *message;
    } rows[] = {
        {"\x92\xa6"
         "skerry\x03",
         9, "the database has format version 3; this program knows versions 1 and 2 only"},
        {"\x93\xa6"
         "skerry\x07\xc0",
         10, "the database has format version 7; this program knows versions 1 and 2 only"},
        {"\x92\xa6"
         "skerry\x00",
         9, "the database has format version 0; this program knows versions 1 and 2 only"},
        {"\x92\xa6"
         "cherry\x01",
         9, "this database was not made by skerry"},
        {"\x91\xa6"
         "skerry",
         8, "this database was not made by skerry"},
        {"", 0, "this database was not made by skerry"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char message[200] = "";
        store_close(&rig->store);
        put_meta(rig, "format", span_of(rows[i].row, rows[i].length));
        assert_err(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message), ERR_VERSION);
        assert_string_equal(message, rows[i].message);
    }
}

static void damaged_secrets_and_a_damaged_actor_are_refused(void **state)
{
    struct rig *rig = *state;
    char message[200] = "";
    store_close(&rig->store);
    assert_true(disk_flip(&rig->disk, KV_META, 2, 300)); /* "secrets" */
    assert_err(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message), ERR_ACCESS);
    assert_true(disk_flip(&rig->disk, KV_META, 2, 300));
    assert_true(disk_flip(&rig->disk, KV_META, 0, 100)); /* "actor" */
    message[0] = '\0';
    assert_err(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message), ERR_CORRUPT);
    assert_string_equal(message, "the row that holds this node's actor is corrupt; restore the data directory");
    put_meta(rig, "secrets", (struct span){0});
    assert_err(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message), ERR_ACCESS);
}

/* A flipped bit in a key of "meta" hides a row that came with the database: it is not made anew (H22). */
static void rows_that_came_with_the_database_are_not_made_twice(void **state)
{
    struct rig *rig = *state;
    char message[200] = "";
    struct disk before;
    rig_put(rig, "p", "s", NULL, "v");
    store_close(&rig->store);
    disk_copy(&rig->disk, &before);
    put_meta(rig, "actor", (struct span){0});
    assert_err(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message), ERR_CORRUPT);
    assert_string_equal(message, "the row that holds this node's actor is corrupt; restore the data directory");
    put_meta(rig, "format", (struct span){0});
    put_meta(rig, "secrets", (struct span){0});
    assert_err(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message), ERR_CORRUPT);
    assert_string_equal(message, "the row that holds the database's format is missing, but other rows are there: "
                                 "the database is damaged; restore the data directory");
    assert_int_equal(disk_rows_count(&rig->disk, KV_META), 0);
    assert_int_equal(disk_rows_count(&rig->disk, KV_ITEMS), disk_rows_count(&before, KV_ITEMS));
    disk_deinit(&before);
}

static void another_place_means_another_actor_once(void **state)
{
    struct rig *rig = *state;
    char message[200] = "";
    uint64_t first = rig->store.actor.id;
    rig_put(rig, "room", "a", NULL, "1");
    for (int i = 0; i < 2; i++) {
        store_close(&rig->store);
        assert_ok(rig_try_open(rig, RIG_SEAL_KEY, OTHER_PLACE, message));
        assert_true(rig->store.actor.id != first);
        assert_int_equal(rig->store.actor.former_count, 1);
        assert_true(rig->store.actor.former[0] == first);
        assert_int_equal(rig->store.former_actors_taken, i == 0);
    }
    rig->wall_us = 1;
    rig_put(rig, "room", "a", NULL, "2");
    assert_true(rig->store.actor.last_counter == 1001);
    char text[RIG_TEXT_BYTES];
    struct op op = rig_read(rig, "room", "a");
    assert_int_equal(op.read.state.columns_count, 2);
    assert_true(strlen(rig_state_text(&op.read.state, text)) == 4);
    store_close(&rig->store);
    assert_ok(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message)); /* and back: a third one */
    assert_int_equal(rig->store.actor.former_count, 2);
    assert_true(rig->store.actor.id != first);
}

/* Two copies of one data directory, each in its place: no dot is ever given twice (H2, I5). */
static void a_copy_of_the_database_does_not_speak_with_the_same_voice(void **state)
{
    struct rig *rig = *state;
    struct rig *copy = calloc(1, sizeof *copy);
    char message[200] = "";
    assert_non_null(copy);
    rig_put(rig, "room", "a", NULL, "1");
    disk_copy(&rig->disk, &copy->disk);
    arena_init(&copy->arena, RIG_ARENA_BYTES);
    copy->wall_us = rig->wall_us;
    assert_ok(rig_try_open(copy, RIG_SEAL_KEY, OTHER_PLACE, message));
    rig_expect(copy, "room", "a", "1");
    assert_true(copy->store.actor.id != rig->store.actor.id);
    rig_deinit(copy);
    free(copy);
}

/* Each call of the opening fails once, for each reason: an error, nothing half-made, and then it works. */
static void a_disk_that_fails_while_opening_leaves_nothing_half_made(void **state)
{
    (void)state;
    static const enum err errors[3] = {ERR_FULL, ERR_IO, ERR_MEMORY};
    for (int i = 0; i < 3; i++) {
        for (uint64_t call = 1;; call++) {
            struct rig rig = {.wall_us = 1000};
            char message[200] = "";
            disk_init(&rig.disk);
            arena_init(&rig.arena, RIG_ARENA_BYTES);
            disk_fail_call(&rig.disk, call, errors[i]);
            enum err err = rig_try_open(&rig, RIG_SEAL_KEY, RIG_PLACE, message);
            assert_err(err, rig.disk.call_fault.calls_left == 0 ? errors[i] : ERR_OK);
            if (err != ERR_OK) {
                assert_string_not_equal(message, "");
                assert_int_equal(disk_rows_count(&rig.disk, KV_META), 0);
                rig_open(&rig);
            }
            disk_fail_call(&rig.disk, 0, ERR_OK);
            rig_put(&rig, "room", "a", NULL, "1");
            rig_deinit(&rig);
            if (err != ERR_OK) continue;
            assert_true(call > 5);
            break;
        }
    }
}

static void a_closed_store_holds_no_keys(void **state)
{
    struct rig *rig = *state;
    static const uint8_t zeroes[HASH_KEY_BYTES];
    store_close(&rig->store);
    assert_memory_equal(rig->store.hash_key, zeroes, HASH_KEY_BYTES);
    assert_memory_equal(rig->store.token_key, zeroes, HASH_KEY_BYTES);
    assert_memory_equal(rig->store.documents_key, zeroes, SEAL_KEY_BYTES);
    assert_memory_equal(rig->store.node_seed, zeroes, STORE_NODE_SEED_BYTES);
    assert_memory_equal(rig->store.seal_key, zeroes, SEAL_KEY_BYTES);
    store_close(&rig->store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(a_new_store_is_durable_at_once),
        rig_test(a_store_opened_again_is_the_same),
        rig_test(two_stores_share_no_key_and_no_actor),
        rig_test(the_keys_are_not_on_the_disk_in_the_clear),
        rig_test(another_seal_key_is_refused_and_changes_nothing),
        rig_test(a_format_this_program_does_not_know_is_refused),
        rig_test(damaged_secrets_and_a_damaged_actor_are_refused),
        rig_test(rows_that_came_with_the_database_are_not_made_twice),
        rig_test(another_place_means_another_actor_once),
        rig_test(a_copy_of_the_database_does_not_speak_with_the_same_voice),
        cmocka_unit_test(a_disk_that_fails_while_opening_leaves_nothing_half_made),
        rig_test(a_closed_store_holds_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
