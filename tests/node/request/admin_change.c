/* An operator's change as documents: what is refused, and what exactly is written when it is not. */
#include "node/request/admin_change.h"
#include "tests/lib/check.h"

enum { ARENA_BYTES = 1 << 22 };

/* A service with a view and nothing else. */
static const uint8_t DOCUMENTS_KEY[SEAL_KEY_BYTES] = "the key of secrets in documents";

struct rig {
    struct arena arena;
    struct service service;
    struct settings settings;
};

static int set_up(void **state)
{
    static struct rig rig;
    const uint8_t seed[PRNG_SEED_BYTES] = {1};
    memset(&rig, 0, sizeof rig);
    arena_init(&rig.arena, ARENA_BYTES);
    rig.service.settings = &rig.settings;
    rig.service.documents_key = DOCUMENTS_KEY;
    rig.service.view = view_create(NULL, NULL, 0);
    rig.service.wall_us = 1000;
    assert_non_null(rig.service.view);
    prng_init(&rig.service.prng, seed);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    view_release(rig->service.view);
    arena_deinit(&rig->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static struct admin_change plan(struct rig *rig, enum admin_action action, const uint8_t *bucket_id,
                                const char *key_id, struct admin_body body)
{
    struct admin_change change = {.action = action};
    if (bucket_id != NULL) memcpy(change.bucket_id, bucket_id, sizeof change.bucket_id);
    if (key_id != NULL) change.key_id = span_text(key_id);
    admin_change_plan(&rig->service, &body, &rig->arena, &change);
    return change;
}

/* What the store would do: newer documents over the view. Returns how many there were. */
static uint32_t apply(struct rig *rig, struct admin_change *change)
{
    struct op_document *documents = change->many != NULL ? change->many : change->documents;
    uint32_t count = change->many != NULL ? change->many_count : change->documents_count;
    assert_int_equal(change->status, 0);
    rig->service.wall_us++;
    for (uint32_t i = 0; i < count; i++) {
        documents[i].register_.time_us = rig->service.wall_us;
        for (uint32_t j = 0; j < i; j++)
            assert_false(span_is_equal(documents[i].key, documents[j].key)); /* each once */
    }
    struct view *view = view_create(rig->service.view, documents, count);
    assert_non_null(view);
    view_release(rig->service.view);
    rig->service.view = view;
    return count;
}

static void expect_refused(struct admin_change change, int status, const char *code)
{
    assert_int_equal(change.status, status);
    assert_string_equal(change.code, code);
    assert_true(strlen(change.message) > 0);
}

struct bucket {
    uint8_t id[KEYS_BUCKET_ID_BYTES];
};

static struct bucket make_bucket(struct rig *rig, const char *alias)
{
    struct bucket bucket;
    struct admin_change change = plan(rig, ADMIN_BUCKET_CREATE, NULL, NULL,
                                      (struct admin_body){.alias = span_text(alias)});
    assert_int_equal(apply(rig, &change), 2);
    memcpy(bucket.id, change.bucket_id, sizeof bucket.id);
    return bucket;
}

static void make_key(struct rig *rig, const char *key_id)
{
    const struct admin_body body = {.key_id = span_text(key_id), .secret = span_text("a-good-secret")};
    struct admin_change change = plan(rig, ADMIN_KEY_CREATE, NULL, NULL, body);
    assert_int_equal(apply(rig, &change), 1);
}

static void permit(struct rig *rig, const struct bucket *bucket, const char *key_id, enum admin_flag read,
                   enum admin_flag write, enum admin_flag owner)
{
    const struct admin_body body = {.key_id = span_text(key_id), .read = read, .write = write, .owner = owner};
    struct admin_change change = plan(rig, ADMIN_BUCKET_PERMISSIONS, bucket->id, NULL, body);
    assert_int_equal(apply(rig, &change), 1);
}

static void add_alias(struct rig *rig, const struct bucket *bucket, const char *alias, const char *key_id)
{
    struct admin_body body = {.alias = span_text(alias)};
    if (key_id != NULL) body.key_id = span_text(key_id);
    struct admin_change change = plan(rig, ADMIN_ALIAS_ADD, bucket->id, NULL, body);
    assert_int_equal(apply(rig, &change), 1);
}

/* --- names ---------------------------------------------------------------------------------------------- */

/* Every byte at the beginning, in the middle and at the end of an alias. */
static void aliases_have_a_form(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        uint8_t text[3] = {'a', (uint8_t)c, 'b'};
        assert_int_equal(admin_is_alias(span_of(text, 3)), is_letter || c == '.' || c == '-');
        uint8_t first[3] = {(uint8_t)c, 'a', 'b'};
        assert_int_equal(admin_is_alias(span_of(first, 3)), is_letter);
        uint8_t last[3] = {'a', 'b', (uint8_t)c};
        assert_int_equal(admin_is_alias(span_of(last, 3)), is_letter);
    }
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (size_t length = 0; length < sizeof text; length++)
        assert_int_equal(admin_is_alias(span_of(text, length)), length >= 3 && length <= 63);
}

/* --- buckets -------------------------------------------------------------------------------------------- */

static void a_bucket_is_its_document_and_an_alias(void **state)
{
    struct rig *rig = *state;
    struct bucket one = make_bucket(rig, "one");
    struct bucket two = make_bucket(rig, "two");
    struct document_bucket bucket;
    const uint8_t *id = NULL;
    assert_memory_not_equal(one.id, two.id, sizeof one.id);
    assert_true(view_bucket(rig->service.view, one.id, &bucket));
    assert_int_equal(bucket.created_us, 1000);
    assert_true(view_alias(rig->service.view, span_text("two"), &id));
    assert_memory_equal(id, two.id, sizeof two.id);
    expect_refused(plan(rig, ADMIN_BUCKET_CREATE, NULL, NULL, (struct admin_body){.alias = span_text("one")}), 409,
                   "BucketAlreadyExists");
    expect_refused(plan(rig, ADMIN_BUCKET_CREATE, NULL, NULL, (struct admin_body){0}), 400, "InvalidRequest");
}

/* With a bucket go all names it has, and no other's. */
static void a_deleted_bucket_takes_its_names_with_it(void **state)
{
    struct rig *rig = *state;
    struct bucket gone = make_bucket(rig, "gone");
    struct bucket stays = make_bucket(rig, "stays");
    const uint8_t *id = NULL;
    struct document_bucket bucket;
    make_key(rig, "GKone");
    for (int i = 0; i < 20; i++) {
        char alias[32];
        snprintf(alias, sizeof alias, "alias-%d", i);
        add_alias(rig, i % 2 == 0 ? &gone : &stays, alias, NULL);
        add_alias(rig, i % 2 == 0 ? &gone : &stays, alias, "GKone");
    }
    struct admin_change change = plan(rig, ADMIN_BUCKET_DELETE, gone.id, NULL, (struct admin_body){0});
    assert_int_equal(apply(rig, &change), 1 + 1 + 10 + 10);
    assert_false(view_bucket(rig->service.view, gone.id, &bucket));
    assert_false(view_alias(rig->service.view, span_text("gone"), &id));
    assert_true(view_alias(rig->service.view, span_text("stays"), &id));
    for (int i = 0; i < 20; i++) {
        char alias[32];
        snprintf(alias, sizeof alias, "alias-%d", i);
        assert_int_equal(view_alias(rig->service.view, span_text(alias), &id), i % 2 == 1);
        assert_int_equal(view_local(rig->service.view, span_text("GKone"), span_text(alias), &id),
                         i % 2 == 1 ? VIEW_LOCAL_SET : VIEW_LOCAL_NONE);
    }
    expect_refused(plan(rig, ADMIN_BUCKET_DELETE, gone.id, NULL, (struct admin_body){0}), 404, "NoSuchBucket");
}

static void what_needs_a_bucket_is_refused_without_one(void **state)
{
    struct rig *rig = *state;
    static const enum admin_action actions[] = {ADMIN_BUCKET_DELETE, ADMIN_BUCKET_PERMISSIONS, ADMIN_ALIAS_ADD,
                                                ADMIN_ALIAS_REMOVE, ADMIN_CORS_SET};
    const uint8_t none[KEYS_BUCKET_ID_BYTES] = {7};
    make_key(rig, "GKone");
    const struct admin_body body = {.alias = span_text("abc"), .key_id = span_text("GKone"), .has_rules = true};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        expect_refused(plan(rig, actions[i], none, NULL, body), 404, "NoSuchBucket");
}

static void permissions_change_only_what_is_named(void **state)
{
    struct rig *rig = *state;
    struct bucket bucket = make_bucket(rig, "one");
    make_key(rig, "GKone");
    static const uint8_t bits[3] = {DOCUMENT_READ, DOCUMENT_WRITE, DOCUMENT_OWNER};
    uint8_t expected = 0;
    for (uint32_t code = 0; code < 27 * 8; code++) { /* every wish, from many states */
        enum admin_flag wish[3] = {(enum admin_flag)(code % 3), (enum admin_flag)(code / 3 % 3),
                                   (enum admin_flag)(code / 9 % 3)};
        permit(rig, &bucket, "GKone", wish[0], wish[1], wish[2]);
        for (int i = 0; i < 3; i++) {
            if (wish[i] == ADMIN_FLAG_TRUE) expected |= bits[i];
            if (wish[i] == ADMIN_FLAG_FALSE) expected &= (uint8_t)~bits[i];
        }
        assert_int_equal(view_permissions(rig->service.view, bucket.id, span_text("GKone")), expected);
    }
    const struct admin_body unknown = {.key_id = span_text("GKtwo"), .read = ADMIN_FLAG_TRUE};
    expect_refused(plan(rig, ADMIN_BUCKET_PERMISSIONS, bucket.id, NULL, unknown), 404, "NoSuchKey");
}

/* --- aliases -------------------------------------------------------------------------------------------- */

static void an_alias_names_one_bucket(void **state)
{
    struct rig *rig = *state;
    struct bucket one = make_bucket(rig, "one");
    struct bucket two = make_bucket(rig, "two");
    make_key(rig, "GKone");
    const struct admin_body alias = {.alias = span_text("abc")};
    const struct admin_body local = {.alias = span_text("abc"), .key_id = span_text("GKone")};
    expect_refused(plan(rig, ADMIN_ALIAS_REMOVE, one.id, NULL, alias), 404, "NoSuchAlias");
    expect_refused(plan(rig, ADMIN_ALIAS_REMOVE, one.id, NULL, local), 404, "NoSuchAlias");
    add_alias(rig, &one, "abc", NULL);
    add_alias(rig, &one, "abc", NULL);    /* again is no error */
    add_alias(rig, &two, "abc", "GKone"); /* a key's own is another name */
    expect_refused(plan(rig, ADMIN_ALIAS_ADD, two.id, NULL, alias), 409, "BucketAlreadyExists");
    expect_refused(plan(rig, ADMIN_ALIAS_ADD, one.id, NULL, local), 409, "BucketAlreadyExists");
    expect_refused(plan(rig, ADMIN_ALIAS_REMOVE, two.id, NULL, alias), 404, "NoSuchAlias");
    expect_refused(plan(rig, ADMIN_ALIAS_REMOVE, one.id, NULL, local), 404, "NoSuchAlias");
    struct admin_change change = plan(rig, ADMIN_ALIAS_REMOVE, two.id, NULL, local);
    assert_int_equal(apply(rig, &change), 1);
    const uint8_t *id = NULL;
    assert_int_equal(view_local(rig->service.view, span_text("GKone"), span_text("abc"), &id), VIEW_LOCAL_NONE);
    assert_true(view_alias(rig->service.view, span_text("abc"), &id));
    const struct admin_body unknown = {.alias = span_text("abc"), .key_id = span_text("GKtwo")};
    expect_refused(plan(rig, ADMIN_ALIAS_ADD, one.id, NULL, unknown), 404, "NoSuchKey");
    char key_id[LIMITS_KEY_ID_CHARS_MAX + 2];
    memset(key_id, 'k', sizeof key_id);
    const struct admin_body too_long = {.alias = span_text("abc"), .key_id = span_of(key_id, sizeof key_id)};
    expect_refused(plan(rig, ADMIN_ALIAS_ADD, one.id, NULL, too_long), 404, "NoSuchKey");
    expect_refused(plan(rig, ADMIN_ALIAS_REMOVE, one.id, NULL, too_long), 404, "NoSuchAlias");
}

/* --- keys ----------------------------------------------------------------------------------------------- */

/* The secret is sealed, under the key's own id, and nowhere in the clear. */
static void a_keys_secret_is_sealed(void **state)
{
    struct rig *rig = *state;
    struct document_key key;
    uint8_t secret[LIMITS_SECRET_CHARS_MAX];
    struct admin_change change = plan(rig, ADMIN_KEY_CREATE, NULL, NULL,
                                      (struct admin_body){.name = span_text("n")});
    apply(rig, &change);
    assert_int_equal(change.key_id.length, 26);
    assert_int_equal(change.secret.length, 64);
    assert_true(view_key(rig->service.view, change.key_id, &key));
    assert_span_text(key.name, "n");
    assert_int_equal(key.sealed_secret.length, 64 + SEAL_OVERHEAD_BYTES);
    assert_null(memmem(change.documents[0].register_.payload, change.documents[0].register_.payload_bytes,
                       change.secret.bytes, change.secret.length));
    assert_true(seal_open(DOCUMENTS_KEY, change.key_id, key.sealed_secret, secret));
    assert_memory_equal(secret, change.secret.bytes, 64);
    assert_false(seal_open(DOCUMENTS_KEY, span_text("GKother"), key.sealed_secret, secret));
    struct admin_change again = plan(rig, ADMIN_KEY_CREATE, NULL, NULL, (struct admin_body){0});
    assert_false(span_is_equal(again.key_id, change.key_id));
    assert_false(span_is_equal(again.secret, change.secret));
}

static void imports_are_checked(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *key_id, *secret;
        int status;
    } rows[] = {
        {"GKone", "a-good-secret", 0},
        {"azAZ09.-_", "12345678", 0},
        {"GK", "a-good-secret", 400},
        {"GKone", "1234567", 400},
        {"GK/ne", "a-good-secret", 400},
        {"GKone", "with a blank", 400},
        {"GK\xc3\xa9", "a-good-secret", 400},
        {NULL, "a-good-secret", 400},
        {"GKone", NULL, 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct admin_body body = {0};
        if (rows[i].key_id != NULL) body.key_id = span_text(rows[i].key_id);
        if (rows[i].secret != NULL) body.secret = span_text(rows[i].secret);
        struct admin_change change = plan(rig, ADMIN_KEY_CREATE, NULL, NULL, body);
        if (change.status != rows[i].status) fail_msg("row %zu", i);
    }
    char text[LIMITS_KEY_ID_CHARS_MAX + 1];
    memset(text, 'k', sizeof text);
    struct admin_body body = {.key_id = span_of(text, sizeof text), .secret = span_text("a-good-secret")};
    expect_refused(plan(rig, ADMIN_KEY_CREATE, NULL, NULL, body), 400, "InvalidRequest");
    body.key_id.length--;
    assert_int_equal(plan(rig, ADMIN_KEY_CREATE, NULL, NULL, body).status, 0);
    body.secret = span_of(text, sizeof text);
    expect_refused(plan(rig, ADMIN_KEY_CREATE, NULL, NULL, body), 400, "InvalidRequest");
    body.secret.length--;
    assert_int_equal(plan(rig, ADMIN_KEY_CREATE, NULL, NULL, body).status, 0);
    make_key(rig, "GKone");
    make_key(rig, "GKone"); /* the same again changes nothing that matters */
    body = (struct admin_body){.key_id = span_text("GKone"), .secret = span_text("another-good-one")};
    expect_refused(plan(rig, ADMIN_KEY_CREATE, NULL, NULL, body), 409, "KeyAlreadyExists");
}

static void a_renamed_key_keeps_the_rest(void **state)
{
    struct rig *rig = *state;
    struct document_key before, after;
    make_key(rig, "GKone");
    assert_true(view_key(rig->service.view, span_text("GKone"), &before));
    uint8_t sealed[64];
    uint64_t created_us = before.created_us;
    memcpy(sealed, before.sealed_secret.bytes, before.sealed_secret.length);
    struct admin_change change = plan(rig, ADMIN_KEY_RENAME, NULL, "GKone",
                                      (struct admin_body){.name = span_text("new")});
    apply(rig, &change);
    assert_true(view_key(rig->service.view, span_text("GKone"), &after));
    assert_span_text(after.name, "new");
    assert_int_equal(after.created_us, created_us);
    assert_memory_equal(after.sealed_secret.bytes, sealed, after.sealed_secret.length);
    expect_refused(plan(rig, ADMIN_KEY_RENAME, NULL, "GKone", (struct admin_body){0}), 400, "InvalidRequest");
    expect_refused(plan(rig, ADMIN_KEY_RENAME, NULL, "GKtwo", (struct admin_body){.name = span_text("n")}), 404,
                   "NoSuchKey");
}

/* With a key go its secret, its permissions and its names, and no other's, be the other's id longer or shorter. */
static void a_deleted_key_takes_its_rights_with_it(void **state)
{
    struct rig *rig = *state;
    static const char *const keys[] = {"GKon", "GKone", "GKones"};
    struct bucket one = make_bucket(rig, "one");
    struct bucket two = make_bucket(rig, "two");
    const uint8_t *id = NULL;
    struct document_key key;
    for (int i = 0; i < 3; i++) {
        make_key(rig, keys[i]);
        permit(rig, &one, keys[i], ADMIN_FLAG_TRUE, ADMIN_FLAG_TRUE, ADMIN_FLAG_TRUE);
        permit(rig, &two, keys[i], ADMIN_FLAG_TRUE, ADMIN_FLAG_ABSENT, ADMIN_FLAG_ABSENT);
        add_alias(rig, &one, "own", keys[i]);
        add_alias(rig, &two, "sown", keys[i]);
    }
    struct admin_change change = plan(rig, ADMIN_KEY_DELETE, NULL, "GKone", (struct admin_body){0});
    assert_int_equal(apply(rig, &change), 1 + 2 + 2);
    for (int i = 0; i < 3; i++) {
        bool stays = i != 1;
        struct span key_id = span_text(keys[i]);
        assert_int_equal(view_key(rig->service.view, key_id, &key), stays);
        assert_int_equal(view_permissions(rig->service.view, one.id, key_id), stays ? 7 : 0);
        assert_int_equal(view_permissions(rig->service.view, two.id, key_id), stays ? 1 : 0);
        assert_int_equal(view_local(rig->service.view, key_id, span_text("own"), &id), stays);
        assert_int_equal(view_local(rig->service.view, key_id, span_text("sown"), &id), stays);
    }
    struct span name, payload;
    for (uint32_t i = 0; view_nth(rig->service.view, DOCUMENT_KEY, i, &name, &payload); i++) {
        if (!span_is_equal(name, span_text("GKone"))) continue;
        assert_true(document_decode_key(payload, &key));
        assert_int_equal(key.sealed_secret.length, 0); /* not even sealed */
    }
    make_key(rig, "GKone");
    assert_int_equal(view_permissions(rig->service.view, one.id, span_text("GKone")), 0);
    expect_refused(plan(rig, ADMIN_KEY_DELETE, NULL, "GKnone", (struct admin_body){0}), 404, "NoSuchKey");
}

/* --- memory --------------------------------------------------------------------------------------------- */

/* Whatever allocation fails, the change is refused as a whole: no document without a key or a payload. */
static void a_change_without_memory_is_refused(void **state)
{
    struct rig *rig = *state;
    struct bucket bucket = make_bucket(rig, "one");
    make_key(rig, "GKone");
    permit(rig, &bucket, "GKone", ADMIN_FLAG_TRUE, ADMIN_FLAG_TRUE, ADMIN_FLAG_TRUE);
    add_alias(rig, &bucket, "own", "GKone");
    const struct admin_body body = {
        .alias = span_text("abc"), .name = span_text("n"), .has_rules = true, .rules = span_text("r")};
    const struct admin_body with_key = {.alias = span_text("own"), .key_id = span_text("GKone")};
    for (enum admin_action action = ADMIN_BUCKET_CREATE; action <= ADMIN_KEY_DELETE; action++) {
        bool needs_key = action == ADMIN_BUCKET_PERMISSIONS || action == ADMIN_ALIAS_REMOVE;
        uint32_t failures = 0;
        for (size_t ceiling_bytes = 0;; ceiling_bytes += 16) {
            struct arena arena;
            struct admin_change change = {.action = action, .key_id = span_text("GKone")};
            memcpy(change.bucket_id, bucket.id, sizeof bucket.id);
            arena_init(&arena, ceiling_bytes);
            admin_change_plan(&rig->service, needs_key ? &with_key : &body, &arena, &change);
            uint32_t count = change.many != NULL ? change.many_count : change.documents_count;
            const struct op_document *documents = change.many != NULL ? change.many : change.documents;
            for (uint32_t i = 0; i < count && change.status == 0; i++) {
                assert_non_null(documents[i].key.bytes);
                assert_non_null(documents[i].register_.payload);
            }
            arena_deinit(&arena);
            if (change.status == 0) break;
            expect_refused(change, 503, "ServiceUnavailable");
            failures++;
        }
        assert_true(failures > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aliases_have_a_form),
        rig_test(a_bucket_is_its_document_and_an_alias),
        rig_test(a_deleted_bucket_takes_its_names_with_it),
        rig_test(what_needs_a_bucket_is_refused_without_one),
        rig_test(permissions_change_only_what_is_named),
        rig_test(an_alias_names_one_bucket),
        rig_test(a_keys_secret_is_sealed),
        rig_test(imports_are_checked),
        rig_test(a_renamed_key_keeps_the_rest),
        rig_test(a_deleted_key_takes_its_rights_with_it),
        rig_test(a_change_without_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
