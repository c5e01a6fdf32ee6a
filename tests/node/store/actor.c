/* The node's name in dots and its counters: never twice the same dot (I5, I6), whatever the clock says (H17). */
#include "tests/lib/random.h"
#include "tests/lib/store_rig.h"

static struct prng prng_of(uint8_t seed)
{
    uint8_t bytes[PRNG_SEED_BYTES] = {seed};
    struct prng prng;
    prng_init(&prng, bytes);
    return prng;
}

static struct actor actor_of(uint8_t seed)
{
    struct prng prng = prng_of(seed);
    struct actor actor;
    actor_init(&actor, RIG_PLACE, &prng);
    return actor;
}

static void a_new_actor_has_an_id_and_a_place(void **state)
{
    (void)state;
    struct actor actor = actor_of(1);
    assert_true(actor.id != 0);
    assert_int_equal(actor.last_counter, 0);
    assert_int_equal(actor.former_count, 0);
    assert_true(actor.is_changed);
    assert_memory_equal(actor.place, RIG_PLACE, ACTOR_PLACE_BYTES);
    assert_true(actor_of(2).id != actor.id);
}

static void a_counter_is_the_clock_when_that_is_ahead(void **state)
{
    (void)state;
    struct actor actor = actor_of(1);
    assert_true(actor_next(&actor, 0, 5000) == 5000);
    assert_true(actor_next(&actor, 0, 5000) == 5001);
    assert_true(actor_next(&actor, 0, 4000) == 5002); /* the clock went back */
    assert_true(actor_next(&actor, 0, 0) == 5003);
    assert_true(actor_next(&actor, 7000, 6000) == 7001); /* the item knows of a later one */
    assert_true(actor_next(&actor, 3, 7001) == 7002);
    assert_true(actor_next(&actor, 0, 9000) == 9000);
}

static void a_first_counter_is_never_zero(void **state)
{
    (void)state;
    struct actor actor = actor_of(1);
    assert_true(actor_next(&actor, 0, 0) == 1);
}

static void counters_strictly_increase_whatever_the_clock_and_the_items_say(void **state)
{
    (void)state;
    struct random random = random_begin(__func__);
    struct actor actor = actor_of(1);
    uint64_t previous = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t top = random_u64(&random) >> (24 + random_below(&random, 40));
        uint64_t wall_us = random_once_in(&random, 50) ? previous + 1000
                                                       : random_u64(&random) >> (24 + random_below(&random, 40));
        actor.is_changed = false;
        uint64_t counter = actor_next(&actor, top, wall_us);
        assert_true(counter > previous && counter > top && counter >= wall_us);
        assert_true(actor.is_changed);
        previous = counter;
    }
}

static void a_replaced_actor_remembers_its_former_ids(void **state)
{
    (void)state;
    struct prng prng = prng_of(3);
    struct actor actor = actor_of(1);
    uint64_t first = actor.id;
    actor_next(&actor, 0, 77);
    actor.is_changed = false;
    actor_replace(&actor, &prng);
    assert_true(actor.is_changed);
    assert_true(actor.id != first);
    assert_int_equal(actor.former_count, 1);
    assert_true(actor.former[0] == first);
    assert_true(actor_next(&actor, 0, 5) > 77); /* counters go on: seen markers count on one clock a node */
}

static void only_the_newest_former_ids_are_kept(void **state)
{
    (void)state;
    struct prng prng = prng_of(3);
    struct actor actor = actor_of(1);
    uint64_t ids[ACTOR_FORMER_MAX + 10];
    for (uint32_t i = 0; i < ACTOR_FORMER_MAX + 10; i++) {
        ids[i] = actor.id;
        actor_replace(&actor, &prng);
    }
    assert_int_equal(actor.former_count, ACTOR_FORMER_MAX);
    for (uint32_t i = 0; i < ACTOR_FORMER_MAX; i++)
        assert_true(actor.former[i] == ids[i + 10]);
}

static void all_ids_are_given_in_order(void **state)
{
    (void)state;
    struct prng prng = prng_of(3);
    struct actor actor = actor_of(1);
    uint64_t ids[ACTOR_FORMER_MAX + 1];
    for (uint32_t formers = 0; formers <= ACTOR_FORMER_MAX + 5; formers++) {
        uint32_t count = actor_ids(&actor, ids);
        assert_int_equal(count, actor.former_count + 1);
        bool has_current = false;
        for (uint32_t i = 0; i < count; i++) {
            assert_true(i == 0 || ids[i - 1] < ids[i]);
            has_current |= ids[i] == actor.id;
        }
        assert_true(has_current);
        actor_replace(&actor, &prng);
    }
}

/* A copy of the actor on another thread follows what the ops say of it. */
static void a_copy_can_be_brought_up_to_date(void **state)
{
    (void)state;
    struct prng prng = prng_of(3);
    struct actor actor = actor_of(1);
    struct actor copy = actor;
    for (int i = 0; i < ACTOR_FORMER_MAX + 5; i++) {
        actor_next(&actor, 0, 100);
        actor_note(&copy, actor.id, actor.last_counter);
        assert_true(copy.id == actor.id && copy.last_counter == actor.last_counter);
        assert_int_equal(copy.former_count, actor.former_count);
        assert_memory_equal(copy.former, actor.former, sizeof copy.former);
        actor_replace(&actor, &prng);
    }
}

/* --- its row -------------------------------------------------------------------------------------------- */

static enum err store_row(struct rig *rig, struct actor *actor)
{
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(&rig->disk.kv, true, &txn));
    enum err err = actor_store(actor, txn, rig->store.hash_key, &rig->arena);
    if (err == ERR_OK) return kv_commit(txn);
    kv_abort(txn);
    return err;
}

static enum err load_row(struct rig *rig, struct actor *actor, bool *found)
{
    struct kv_txn *txn = rig_look(&rig->disk);
    enum err err = actor_load(actor, txn, rig->store.hash_key, found);
    kv_abort(txn);
    return err;
}

static void the_row_brings_everything_back(void **state)
{
    struct rig *rig = *state;
    struct prng prng = prng_of(3);
    for (uint32_t formers = 0; formers <= ACTOR_FORMER_MAX; formers += 21) {
        struct actor actor = actor_of((uint8_t)formers);
        struct actor back;
        bool found = false;
        for (uint32_t i = 0; i < formers; i++)
            actor_replace(&actor, &prng);
        actor_next(&actor, 0, UINT64_C(1749988800000000) + formers);
        assert_ok(store_row(rig, &actor));
        assert_false(actor.is_changed);
        assert_ok(load_row(rig, &back, &found));
        assert_true(found);
        assert_memory_equal(&back, &actor, sizeof actor);
    }
}

static void a_node_without_a_row_is_new(void **state)
{
    struct rig *rig = *state;
    struct disk empty;
    struct actor actor;
    bool found = true;
    disk_init(&empty);
    struct kv_txn *txn = rig_look(&empty);
    assert_ok(actor_load(&actor, txn, rig->store.hash_key, &found));
    assert_false(found);
    kv_abort(txn);
    disk_deinit(&empty);
}

/* Every bit of every row of "meta", which are actor, format and secrets in that order. */
static void a_row_with_a_flipped_bit_is_corrupt(void **state)
{
    struct rig *rig = *state;
    struct actor actor;
    bool found = false;
    uint64_t bits = 0;
    while (disk_flip(&rig->disk, KV_META, 0, bits)) {
        assert_err(load_row(rig, &actor, &found), ERR_CORRUPT);
        assert_true(disk_flip(&rig->disk, KV_META, 0, bits));
        bits++;
    }
    assert_true(bits > 300);
    assert_ok(load_row(rig, &actor, &found));
}

/* A payload that is not an actor's, behind a hash that fits. */
static void a_row_of_another_shape_is_corrupt(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *bytes;
        size_t length;
    } payloads[] = {
        {"", 0},
        {"\x90", 1},
        {"\x94\x01\x02\xc4\x0f"
         "fifteen bytes..\x90",
         21},
        {"\x94\x01\x02\xc4\x10"
         "where it lies..\0\x90\x00",
         23},
        {"\x94\x01\x02\xc4\x10"
         "where it lies..\0\x92\x01",
         23},
        {"\x93\x01\x02\xc4\x10"
         "where it lies..\0\x90",
         22},
        {"\x94\x01\x02\xc4\x10"
         "where it lies..\0\xdc\x00\x40"
         "1234567890123456789012345678901234567890123456789012345678901234",
         88},
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct crdt_lww document = {
            .actor = 1, .payload = (const uint8_t *)payloads[i].bytes, .payload_bytes = payloads[i].length};
        struct span row = record_encode_document(rig->store.hash_key, span_text("actor"), &document, &rig->arena);
        struct kv_txn *txn = NULL;
        struct actor actor;
        bool found = false;
        assert_ok(kv_begin(&rig->disk.kv, true, &txn));
        assert_ok(kv_put(txn, KV_META, span_text("actor"), row));
        assert_ok(kv_commit(txn));
        assert_err(load_row(rig, &actor, &found), ERR_CORRUPT);
    }
}

static void errors_of_the_disk_and_of_memory_are_passed_on(void **state)
{
    struct rig *rig = *state;
    struct actor actor = actor_of(1);
    bool found = true;
    struct kv_txn *txn = rig_look(&rig->disk);
    disk_fail_call(&rig->disk, 1, ERR_IO);
    assert_err(actor_load(&actor, txn, rig->store.hash_key, &found), ERR_IO);
    assert_false(found);
    kv_abort(txn);
    actor = actor_of(1);
    disk_fail_next(&rig->disk, 1, ERR_FULL);
    assert_err(store_row(rig, &actor), ERR_FULL);
    assert_true(actor.is_changed);
    struct arena none;
    arena_init(&none, 0);
    assert_ok(kv_begin(&rig->disk.kv, true, &txn));
    assert_err(actor_store(&actor, txn, rig->store.hash_key, &none), ERR_MEMORY);
    assert_true(actor.is_changed);
    kv_abort(txn);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_actor_has_an_id_and_a_place),
        cmocka_unit_test(a_counter_is_the_clock_when_that_is_ahead),
        cmocka_unit_test(a_first_counter_is_never_zero),
        cmocka_unit_test(counters_strictly_increase_whatever_the_clock_and_the_items_say),
        cmocka_unit_test(a_replaced_actor_remembers_its_former_ids),
        cmocka_unit_test(only_the_newest_former_ids_are_kept),
        cmocka_unit_test(all_ids_are_given_in_order),
        cmocka_unit_test(a_copy_can_be_brought_up_to_date),
        rig_test(the_row_brings_everything_back),
        rig_test(a_node_without_a_row_is_new),
        rig_test(a_row_with_a_flipped_bit_is_corrupt),
        rig_test(a_row_of_another_shape_is_corrupt),
        rig_test(errors_of_the_disk_and_of_memory_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
