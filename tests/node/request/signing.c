/* Signing keys: made once of each key id, day, region and sealed secret, and only then opened. */
#include "node/request/signing.h"

#include "tests/lib/check.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY    "20250615"
#define REGION span_text("garage")

/* A key whose secret is sealed by turning its bytes over; what begins with 'x' does not open. */
struct keys {
    struct span key_id;
    struct span sealed;
    size_t opened_count;
};

static struct span sealed_of(const void *owner, struct span key_id)
{
    const struct keys *keys = *(struct keys *const *)owner;
    return span_is_equal(key_id, keys->key_id) ? keys->sealed : (struct span){0};
}

static size_t open_secret(const void *owner, struct span key_id, struct span sealed,
                          uint8_t secret[LIMITS_SECRET_CHARS_MAX])
{
    struct keys *keys = *(struct keys *const *)owner;
    keys->opened_count++;
    if (!span_is_equal(key_id, keys->key_id) || sealed.bytes[0] == 'x') return 0;
    size_t length = sealed.length < LIMITS_SECRET_CHARS_MAX ? sealed.length : LIMITS_SECRET_CHARS_MAX;
    for (size_t i = 0; i < length; i++)
        secret[i] = (uint8_t)~sealed.bytes[i];
    return length;
}

struct asked {
    bool is_known;
    uint8_t key[HASH_SHA256_BYTES];
};

static struct asked ask(struct signing_cache *cache, struct keys *keys, const char *key_id, const char *date)
{
    struct asked asked;
    struct auth_keys calls = {sealed_of, open_secret, &keys};
    asked.is_known = signing_key(cache, &calls, span_text(key_id), date, REGION, asked.key);
    return asked;
}

/* What the key must be, made the long way. */
static void expect_key(const struct asked *asked, struct span sealed, const char *date)
{
    uint8_t secret[LIMITS_SECRET_CHARS_MAX];
    uint8_t key[HASH_SHA256_BYTES];
    for (size_t i = 0; i < sealed.length; i++)
        secret[i] = (uint8_t)~sealed.bytes[i];
    sigv4_signing_key(span_of(secret, sealed.length), date, REGION, key);
    assert_true(asked->is_known);
    assert_memory_equal(asked->key, key, sizeof key);
}

static struct signing_cache *cache_create(void)
{
    struct signing_cache *cache = calloc(1, sizeof *cache);
    assert_non_null(cache);
    return cache;
}

static void a_secret_is_opened_once_a_day(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1"), .sealed = span_text("a sealed secret")};
    for (int i = 0; i < 3; i++) {
        struct asked asked = ask(cache, &keys, "GK1", DAY);
        expect_key(&asked, keys.sealed, DAY);
        assert_int_equal(keys.opened_count, 1);
    }
    for (int i = 0; i < 3; i++) {
        struct asked asked = ask(cache, &keys, "GK1", "20250616");
        expect_key(&asked, keys.sealed, "20250616");
        assert_int_equal(keys.opened_count, 2);
    }
    free(cache);
}

static void a_changed_secret_and_a_deleted_key_need_no_flush(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1")};
    static const char *const sealed[] = {"one secret", "two secret", "one secret!", "one secret"};
    for (size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++) {
        keys.sealed = span_text(sealed[i]);
        struct asked asked = ask(cache, &keys, "GK1", DAY);
        expect_key(&asked, keys.sealed, DAY);
    }
    keys.key_id = span_text("GK2");
    assert_false(ask(cache, &keys, "GK1", DAY).is_known);
    free(cache);
}

static void an_unknown_key_costs_the_same_work_and_stays_unknown(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1"), .sealed = span_text("a sealed secret")};
    for (int i = 0; i < 3; i++) {
        assert_false(ask(cache, &keys, "GK2", DAY).is_known);
        assert_int_equal(keys.opened_count, 1); /* something was, once */
    }
    free(cache);
}

/* Whatever their ids: who asks for one never asked for before is answered as soon as by a key in use (H29). */
static void all_unknown_keys_of_a_day_share_one_stand_in(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1"), .sealed = span_text("a sealed secret")};
    struct asked first = ask(cache, &keys, "GK2", DAY);
    assert_false(first.is_known);
    assert_int_equal(keys.opened_count, 1);
    for (int i = 0; i < 4 * SIGNING_SLOTS; i++) {
        char key_id[16];
        snprintf(key_id, sizeof key_id, "UN%d", i);
        struct asked asked = ask(cache, &keys, key_id, DAY);
        assert_false(asked.is_known);
        assert_memory_equal(asked.key, first.key, sizeof first.key);
    }
    assert_int_equal(keys.opened_count, 1);
    struct asked next = ask(cache, &keys, "GK3", "20250616");
    assert_false(next.is_known);
    assert_int_equal(keys.opened_count, 2);
    assert_memory_not_equal(next.key, first.key, sizeof first.key);
    free(cache);
}

/* Found or made, known or not, today's or another day's: a refusal has made one key, never none and never two. */
static void every_refusal_costs_one_key(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1"), .sealed = span_text("a sealed secret")};
    struct keys *owner = &keys;
    struct auth_keys calls = {sealed_of, open_secret, &owner};
    static const char *const ids[] = {"GK1", "GK1", "GK2", "GK2", "GK3", "GK1"};
    static const char *const days[] = {DAY, "20250616", DAY, DAY};
    for (size_t day = 0; day < 4; day++) {
        for (size_t i = 0; i < 6; i++) {
            keys.opened_count = 0;
            ask(cache, &keys, ids[i], days[day]);
            signing_refused(cache, &calls, span_text(ids[i]), days[day], REGION);
            assert_int_equal(keys.opened_count, 1);
        }
    }
    struct asked asked = ask(cache, &keys, "GK1", DAY);
    expect_key(&asked, keys.sealed, DAY); /* what was made for nothing is found by nobody */
    free(cache);
}

/* Enough of them to fall on every slot. */
static void unknown_keys_push_no_key_out(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1"), .sealed = span_text("a sealed secret")};
    assert_true(ask(cache, &keys, "GK1", DAY).is_known);
    for (int i = 0; i < 16 * SIGNING_SLOTS; i++) {
        char key_id[16];
        snprintf(key_id, sizeof key_id, "UN%d", i);
        assert_false(ask(cache, &keys, key_id, DAY).is_known);
    }
    keys.opened_count = 0;
    struct asked asked = ask(cache, &keys, "GK1", DAY);
    expect_key(&asked, keys.sealed, DAY);
    assert_int_equal(keys.opened_count, 0);
    free(cache);
}

static void a_secret_that_does_not_open_lets_nobody_in(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1"), .sealed = span_text("x does not open")};
    for (int i = 0; i < 3; i++)
        assert_false(ask(cache, &keys, "GK1", DAY).is_known);
    assert_int_equal(keys.opened_count, 1);
    free(cache);
}

/* The same sealed bytes under two ids, or for two regions, are two labels. */
static void nothing_of_a_label_runs_into_its_neighbour(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    struct keys keys = {.key_id = span_text("GK1"), .sealed = span_text("a sealed secret")};
    struct keys *owner = &keys;
    struct auth_keys calls = {sealed_of, open_secret, &owner};
    static const char *const regions[] = {"garage", "garag", "garage2", "g"};
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        uint8_t key[HASH_SHA256_BYTES];
        uint8_t right[HASH_SHA256_BYTES];
        uint8_t secret[LIMITS_SECRET_CHARS_MAX];
        assert_true(signing_key(cache, &calls, keys.key_id, DAY, span_text(regions[i]), key));
        size_t chars = open_secret(&owner, keys.key_id, keys.sealed, secret);
        sigv4_signing_key(span_of(secret, chars), DAY, span_text(regions[i]), right);
        assert_memory_equal(key, right, sizeof key);
    }
    free(cache);
}

static void the_longest_of_everything_fits(void **state)
{
    (void)state;
    struct signing_cache *cache = cache_create();
    char key_id[LIMITS_KEY_ID_CHARS_MAX];
    char region[SIGV4_REGION_CHARS_MAX];
    uint8_t sealed[SIGNING_SEALED_BYTES_MAX + 1];
    uint8_t key[HASH_SHA256_BYTES];
    memset(key_id, 'k', sizeof key_id);
    memset(region, 'r', sizeof region);
    memset(sealed, 's', sizeof sealed);
    struct keys keys = {.key_id = span_of(key_id, sizeof key_id), .sealed = span_of(sealed, sizeof sealed - 1)};
    struct keys *owner = &keys;
    struct auth_keys calls = {sealed_of, open_secret, &owner};
    for (int i = 0; i < 2; i++) {
        assert_true(signing_key(cache, &calls, keys.key_id, DAY, span_of(region, sizeof region), key));
        assert_int_equal(keys.opened_count, 1);
    }
    keys.sealed.length++; /* no secret is so long */
    assert_false(signing_key(cache, &calls, keys.key_id, DAY, span_of(region, sizeof region), key));
    free(cache);
}

/* Far more keys than slots, in turn. */
static void keys_that_share_a_slot_cost_time_only(void **state)
{
    (void)state;
    enum { KEYS = 4 * SIGNING_SLOTS };
    struct signing_cache *cache = cache_create();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < KEYS; i++) {
            char key_id[16];
            char sealed[32];
            snprintf(key_id, sizeof key_id, "GK%d", i);
            snprintf(sealed, sizeof sealed, "secret of %d", i);
            struct keys keys = {.key_id = span_text(key_id), .sealed = span_text(sealed)};
            struct asked asked = ask(cache, &keys, key_id, DAY);
            expect_key(&asked, keys.sealed, DAY);
        }
    }
    free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_opened_once_a_day),
        cmocka_unit_test(a_changed_secret_and_a_deleted_key_need_no_flush),
        cmocka_unit_test(an_unknown_key_costs_the_same_work_and_stays_unknown),
        cmocka_unit_test(all_unknown_keys_of_a_day_share_one_stand_in),
        cmocka_unit_test(every_refusal_costs_one_key),
        cmocka_unit_test(unknown_keys_push_no_key_out),
        cmocka_unit_test(a_secret_that_does_not_open_lets_nobody_in),
        cmocka_unit_test(nothing_of_a_label_runs_into_its_neighbour),
        cmocka_unit_test(the_longest_of_everything_fits),
        cmocka_unit_test(keys_that_share_a_slot_cost_time_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
