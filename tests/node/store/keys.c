/* Database keys: order, bounds, and that a hash is of exactly a bucket and a partition key. */
#include "node/store/keys.h"
#include "tests/lib/check.h"

static const uint8_t HASH_KEY[HASH_KEY_BYTES] = "hash key of the tests..........";
static const uint8_t BUCKET[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";

static void a_hash_names_bucket_and_partition_key(void **state)
{
    (void)state;
    uint8_t hash[RING_HASH_BYTES];
    uint8_t other[RING_HASH_BYTES];
    keys_hash(HASH_KEY, BUCKET, span_text("partition"), hash);
    keys_hash(HASH_KEY, BUCKET, span_text("partition"), other);
    assert_memory_equal(hash, other, sizeof hash);
    keys_hash(HASH_KEY, BUCKET, span_text("partitio"), other);
    assert_memory_not_equal(hash, other, sizeof hash);
    uint8_t bucket[KEYS_BUCKET_ID_BYTES];
    memcpy(bucket, BUCKET, sizeof bucket);
    bucket[KEYS_BUCKET_ID_BYTES - 1] ^= 1; /* the last byte counts too */
    keys_hash(HASH_KEY, bucket, span_text("partition"), other);
    assert_memory_not_equal(hash, other, sizeof hash);
    uint8_t key[HASH_KEY_BYTES];
    memcpy(key, HASH_KEY, sizeof key);
    key[0] ^= 1;
    keys_hash(key, BUCKET, span_text("partition"), other);
    assert_memory_not_equal(hash, other, sizeof hash);
    keys_hash(HASH_KEY, BUCKET, span_of(NULL, 0), hash);
    keys_hash(HASH_KEY, BUCKET, span_text(""), other);
    assert_memory_equal(hash, other, sizeof hash);
}

/* What is on disk under these hashes must be found by every later program. As Python's
 * hashlib.blake2b(bucket + b"partition", digest_size=16, key=HASH_KEY) says. */
static void the_hash_never_changes(void **state)
{
    (void)state;
    uint8_t hash[RING_HASH_BYTES];
    char text[2 * RING_HASH_BYTES + 1] = "";
    keys_hash(HASH_KEY, BUCKET, span_text("partition"), hash);
    hash_hex(hash, sizeof hash, text);
    assert_string_equal(text, "b99d39e3df481c6fa007e814ea8ea5f1");
}

static void an_items_key_is_hash_and_sort_key(void **state)
{
    (void)state;
    struct keys_buffer buffer;
    uint8_t hash[RING_HASH_BYTES];
    memset(hash, 0xab, sizeof hash);
    struct span key = keys_item(&buffer, hash, span_text("sort"));
    assert_int_equal(key.length, RING_HASH_BYTES + 4);
    assert_memory_equal(key.bytes, hash, RING_HASH_BYTES);
    assert_span_text(keys_rest(key), "sort");
    key = keys_item(&buffer, hash, span_of(NULL, 0));
    assert_int_equal(key.length, RING_HASH_BYTES);
    assert_int_equal(keys_rest(key).length, 0);
}

static void a_counters_key_is_the_buckets_prefix_and_partition_key(void **state)
{
    (void)state;
    struct keys_buffer buffer;
    struct span key = keys_count(&buffer, BUCKET, span_text("partition"));
    assert_int_equal(key.length, KEYS_BUCKET_PREFIX_BYTES + 9);
    assert_memory_equal(key.bytes, BUCKET, KEYS_BUCKET_PREFIX_BYTES);
    assert_span_text(keys_rest(key), "partition");
}

static void the_longest_keys_fit(void **state)
{
    (void)state;
    struct keys_buffer buffer;
    uint8_t hash[RING_HASH_BYTES] = {0};
    uint8_t longest[KEYS_SORT_KEY_BYTES_MAX];
    memset(longest, 'x', sizeof longest);
    assert_true(keys_item(&buffer, hash, span_of(longest, sizeof longest)).length <= KV_KEY_BYTES_MAX);
    assert_true(keys_count(&buffer, BUCKET, span_of(longest, KEYS_PARTITION_KEY_BYTES_MAX)).length <=
                KV_KEY_BYTES_MAX);
}

/* Within one partition database keys stand as their sort keys do. */
static void keys_keep_the_order_of_what_they_name(void **state)
{
    (void)state;
    static const char *const ordered[] = {"", "\x01", "a", "a\x01", "aa", "b", "\xc3\xa9", "\xf4\x8f\xbf\xbf"};
    uint8_t hash[RING_HASH_BYTES] = {9};
    for (size_t i = 0; i + 1 < sizeof ordered / sizeof ordered[0]; i++) {
        struct keys_buffer low;
        struct keys_buffer high;
        assert_true(span_compare(keys_item(&low, hash, span_text(ordered[i])),
                                 keys_item(&high, hash, span_text(ordered[i + 1]))) < 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_names_bucket_and_partition_key),
        cmocka_unit_test(the_hash_never_changes),
        cmocka_unit_test(an_items_key_is_hash_and_sort_key),
        cmocka_unit_test(a_counters_key_is_the_buckets_prefix_and_partition_key),
        cmocka_unit_test(the_longest_keys_fit),
        cmocka_unit_test(keys_keep_the_order_of_what_they_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
