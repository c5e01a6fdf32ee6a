/* The view: the newest of each document, found by its key, in an order; and never changed once made. */
#include "node/core/view.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { ARENA_BYTES = 1 << 24, DOCUMENTS_MAX = 64 };

static const uint8_t BUCKET_ONE[KEYS_BUCKET_ID_BYTES] = "the first bucket, of 32 bytes..";
static const uint8_t BUCKET_TWO[KEYS_BUCKET_ID_BYTES] = "the second bucket, of 32 bytes.";

/* Documents under construction, and the view made of them. */
struct rig {
    struct arena arena;
    struct op_document documents[DOCUMENTS_MAX];
    uint32_t count;
    struct view *view;
};

static int set_up(void **state)
{
    static struct rig rig;
    rig = (struct rig){.count = 0};
    arena_init(&rig.arena, ARENA_BYTES);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    view_release(rig->view);
    arena_deinit(&rig->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void add(struct rig *rig, struct span key, struct span payload, uint64_t time_us)
{
    assert_true(rig->count < DOCUMENTS_MAX);
    assert_non_null(key.bytes);
    assert_non_null(payload.bytes);
    rig->documents[rig->count++] = (struct op_document){
        key, {.time_us = time_us, .actor = 1, .payload = payload.bytes, .payload_bytes = payload.length}};
}

static void add_bucket(struct rig *rig, const uint8_t *id, bool is_live, uint64_t time_us)
{
    const struct document_bucket bucket = {id, is_live, 77};
    add(rig, document_key_of(&rig->arena, DOCUMENT_BUCKET, span_of(id, KEYS_BUCKET_ID_BYTES)),
        document_encode_bucket(&rig->arena, &bucket), time_us);
}

static void add_alias(struct rig *rig, const char *alias, const uint8_t *id, uint64_t time_us)
{
    add(rig, document_key_of(&rig->arena, DOCUMENT_ALIAS, span_text(alias)),
        document_encode_alias(&rig->arena, id), time_us);
}

static void add_local(struct rig *rig, const char *key_id, const char *alias, const uint8_t *id, uint64_t time_us)
{
    add(rig, document_local_key(&rig->arena, span_text(key_id), span_text(alias)),
        document_encode_alias(&rig->arena, id), time_us);
}

static void add_key(struct rig *rig, const char *key_id, const char *name, bool is_live, uint64_t time_us)
{
    const struct document_key key = {
        .is_live = is_live, .name = span_text(name), .created_us = 5, .sealed_secret = span_text("sealed")};
    add(rig, document_key_of(&rig->arena, DOCUMENT_KEY, span_text(key_id)), document_encode_key(&rig->arena, &key),
        time_us);
}

static void add_permission(struct rig *rig, const uint8_t *id, const char *key_id, uint8_t flags, uint64_t time_us)
{
    add(rig, document_permission_key(&rig->arena, id, span_text(key_id)),
        document_encode_permission(&rig->arena, flags), time_us);
}

/* Put what was added over the view there is. */
static void renew(struct rig *rig)
{
    struct view *view = view_create(rig->view, rig->documents, rig->count);
    assert_non_null(view);
    view_release(rig->view);
    rig->view = view;
    rig->count = 0;
}

/* --- nothing -------------------------------------------------------------------------------------------- */

static void an_empty_view_has_nothing(void **state)
{
    struct rig *rig = *state;
    struct document_bucket bucket;
    struct document_key key;
    const uint8_t *found = NULL;
    uint8_t id[KEYS_BUCKET_ID_BYTES];
    struct span name, payload;
    for (int made = 0; made < 2; made++) {
        assert_int_equal(view_documents_count(rig->view), 0);
        assert_false(view_bucket(rig->view, BUCKET_ONE, &bucket));
        assert_null(view_bucket_payload(rig->view, BUCKET_ONE).bytes);
        assert_false(view_alias(rig->view, span_text("a"), &found));
        assert_false(view_key(rig->view, span_text("GK1"), &key));
        assert_int_equal(view_permissions(rig->view, BUCKET_ONE, span_text("GK1")), 0);
        assert_null(view_cors(rig->view, BUCKET_ONE).bytes);
        assert_int_equal(view_local(rig->view, span_text("GK1"), span_text("a"), &found), VIEW_LOCAL_NONE);
        assert_false(view_resolve(rig->view, span_text("GK1"), span_text("a"), id));
        assert_false(view_nth(rig->view, DOCUMENT_BUCKET, 0, &name, &payload));
        renew(rig); /* from no view to an empty one */
    }
    view_release(NULL);
}

/* --- looking up ----------------------------------------------------------------------------------------- */

static void what_was_put_is_found(void **state)
{
    struct rig *rig = *state;
    struct document_bucket bucket;
    struct document_key key;
    const uint8_t *found = NULL;
    add_bucket(rig, BUCKET_ONE, true, 1);
    add_alias(rig, "one", BUCKET_ONE, 1);
    add_key(rig, "GK1", "a name", true, 1);
    add_permission(rig, BUCKET_ONE, "GK1", DOCUMENT_READ | DOCUMENT_OWNER, 1);
    add_local(rig, "GK1", "own", BUCKET_ONE, 1);
    renew(rig);
    assert_true(view_bucket(rig->view, BUCKET_ONE, &bucket));
    assert_memory_equal(bucket.id, BUCKET_ONE, sizeof BUCKET_ONE);
    assert_int_equal(bucket.created_us, 77);
    assert_true(view_alias(rig->view, span_text("one"), &found));
    assert_memory_equal(found, BUCKET_ONE, sizeof BUCKET_ONE);
    assert_true(view_key(rig->view, span_text("GK1"), &key));
    assert_span_text(key.name, "a name");
    assert_span_text(key.sealed_secret, "sealed");
    assert_int_equal(view_permissions(rig->view, BUCKET_ONE, span_text("GK1")), DOCUMENT_READ | DOCUMENT_OWNER);
    assert_int_equal(view_permissions(rig->view, BUCKET_TWO, span_text("GK1")), 0);
    assert_int_equal(view_permissions(rig->view, BUCKET_ONE, span_text("GK2")), 0);
    assert_int_equal(view_permissions(rig->view, BUCKET_ONE, span_text("GK")), 0);
    assert_int_equal(view_local(rig->view, span_text("GK1"), span_text("own"), &found), VIEW_LOCAL_SET);
    assert_int_equal(view_local(rig->view, span_text("GK2"), span_text("own"), &found), VIEW_LOCAL_NONE);
    assert_int_equal(view_documents_count(rig->view), 5);
}

/* Names of a client may be of any length and hold any bytes. */
static void names_too_long_for_any_document_find_nothing(void **state)
{
    struct rig *rig = *state;
    static uint8_t name[20000];
    const uint8_t *found = NULL;
    uint8_t id[KEYS_BUCKET_ID_BYTES];
    struct document_key key;
    memset(name, 'a', sizeof name);
    add_bucket(rig, BUCKET_ONE, true, 1);
    add_key(rig, "GK1", "", true, 1);
    renew(rig);
    for (size_t length = 0; length < sizeof name; length += 1 + length / 50) {
        struct span text = span_of(name, length);
        assert_false(view_alias(rig->view, text, &found));
        assert_false(view_key(rig->view, text, &key));
        assert_int_equal(view_permissions(rig->view, BUCKET_ONE, text), 0);
        assert_int_equal(view_local(rig->view, text, span_text("a"), &found), VIEW_LOCAL_NONE);
        assert_int_equal(view_local(rig->view, span_text("GK1"), text, &found), VIEW_LOCAL_NONE);
        assert_false(view_resolve(rig->view, text, text, id));
    }
    assert_int_equal(view_local(rig->view, span_of(name, 0), span_text("a"), &found), VIEW_LOCAL_NONE);
}

/* --- the newest wins ------------------------------------------------------------------------------------ */

static void the_newest_wins_whatever_the_order(void **state)
{
    struct rig *rig = *state;
    struct document_key key;
    add_key(rig, "GK1", "second", true, 2);
    add_key(rig, "GK1", "first", true, 1);
    renew(rig);
    assert_true(view_key(rig->view, span_text("GK1"), &key));
    assert_span_text(key.name, "second");
    add_key(rig, "GK1", "older still", true, 1);
    renew(rig);
    assert_true(view_key(rig->view, span_text("GK1"), &key));
    assert_span_text(key.name, "second");
    add_key(rig, "GK1", "third", true, 3);
    renew(rig);
    assert_true(view_key(rig->view, span_text("GK1"), &key));
    assert_span_text(key.name, "third");
    assert_int_equal(view_documents_count(rig->view), 1);
}

static void what_was_deleted_is_not_found(void **state)
{
    struct rig *rig = *state;
    struct document_bucket bucket;
    struct document_key key;
    const uint8_t *found = NULL;
    uint8_t id[KEYS_BUCKET_ID_BYTES];
    struct span name, payload;
    add_bucket(rig, BUCKET_ONE, true, 1);
    add_alias(rig, "one", BUCKET_ONE, 1);
    add_key(rig, "GK1", "", true, 1);
    add_local(rig, "GK1", "own", BUCKET_ONE, 1);
    renew(rig);
    add_bucket(rig, BUCKET_ONE, false, 2);
    add_key(rig, "GK1", "", false, 2);
    renew(rig);
    assert_false(view_bucket(rig->view, BUCKET_ONE, &bucket));
    assert_false(view_key(rig->view, span_text("GK1"), &key));
    assert_false(view_resolve(rig->view, span_text("GK1"), span_text("one"), id)); /* an alias of a dead bucket */
    assert_false(view_resolve(rig->view, span_text("GK1"), span_text("own"), id));
    add_alias(rig, "one", NULL, 2);
    add_local(rig, "GK1", "own", NULL, 2);
    renew(rig);
    assert_false(view_alias(rig->view, span_text("one"), &found));
    assert_int_equal(view_local(rig->view, span_text("GK1"), span_text("own"), &found), VIEW_LOCAL_NONE);
    assert_true(view_nth(rig->view, DOCUMENT_BUCKET, 0, &name, &payload)); /* but the documents stay */
    assert_int_equal(view_documents_count(rig->view), 4);
}

/* --- names of buckets ----------------------------------------------------------------------------------- */

static void names_are_resolved_in_their_order(void **state)
{
    struct rig *rig = *state;
    uint8_t id[KEYS_BUCKET_ID_BYTES];
    char hex[2 * KEYS_BUCKET_ID_BYTES + 1] = "";
    hash_hex(BUCKET_TWO, sizeof BUCKET_TWO, hex);
    add_bucket(rig, BUCKET_ONE, true, 1);
    add_bucket(rig, BUCKET_TWO, true, 1);
    add_alias(rig, "name", BUCKET_ONE, 1);
    add_local(rig, "GK1", "name", BUCKET_TWO, 1);
    add_alias(rig, hex, BUCKET_ONE, 1); /* nobody can make this one; an id goes before it */
    renew(rig);
    assert_true(view_resolve(rig->view, span_text("GK1"), span_text("name"), id));
    assert_memory_equal(id, BUCKET_TWO, sizeof id);
    assert_true(view_resolve(rig->view, span_text("GK2"), span_text("name"), id));
    assert_memory_equal(id, BUCKET_ONE, sizeof id);
    assert_true(view_resolve(rig->view, (struct span){0}, span_text("name"), id));
    assert_memory_equal(id, BUCKET_ONE, sizeof id);
    assert_true(view_resolve(rig->view, (struct span){0}, span_text(hex), id));
    assert_memory_equal(id, BUCKET_TWO, sizeof id);
    for (char *at = hex; *at != '\0'; at++) /* of either case */
        if (*at >= 'a') *at = (char)(*at - 'a' + 'A');
    assert_true(view_resolve(rig->view, (struct span){0}, span_text(hex), id));
    hex[0] = hex[0] == '0' ? '1' : '0';
    assert_false(view_resolve(rig->view, (struct span){0}, span_text(hex), id));
    assert_false(view_resolve(rig->view, (struct span){0}, span_text("Name"), id));
    add_bucket(rig, BUCKET_TWO, false, 2);
    renew(rig);
    assert_false(view_resolve(rig->view, span_text("GK1"), span_text("name"), id)); /* no falling through */
}

/* --- sharing -------------------------------------------------------------------------------------------- */

/* Who holds a view goes on seeing it, whatever is made of it, and after its maker let go. */
static void a_view_that_is_held_stays_as_it_is(void **state)
{
    struct rig *rig = *state;
    struct document_key key;
    add_key(rig, "GK1", "first", true, 1);
    renew(rig);
    struct view *held = view_hold(rig->view);
    add_key(rig, "GK1", "second", true, 2);
    add_key(rig, "GK2", "other", true, 2);
    renew(rig);
    assert_true(view_key(held, span_text("GK1"), &key));
    assert_span_text(key.name, "first");
    assert_false(view_key(held, span_text("GK2"), &key));
    view_release(held);
}

/* What a view was made of is not needed any more. */
static void a_view_keeps_copies(void **state)
{
    struct rig *rig = *state;
    struct document_key key;
    add_key(rig, "GK1", "a name", true, 1);
    renew(rig);
    arena_deinit(&rig->arena);
    memset(rig->documents, 0x5a, sizeof rig->documents);
    assert_true(view_key(rig->view, span_text("GK1"), &key));
    assert_span_text(key.name, "a name");
}

/* --- against a model ------------------------------------------------------------------------------------ */

enum { MODEL_KEYS = 40 };

struct model {
    uint64_t time_us[MODEL_KEYS]; /* 0: never put */
    char names[MODEL_KEYS][16];
};

static void key_id_of(uint32_t index, char text[16])
{
    snprintf(text, 16, "GK%.*s%u", (int)(index % 5), "aaaaa", index);
}

/* All keys in order, each once: as many as were ever put. */
static void expect_in_order(const struct view *view, const struct model *model)
{
    uint32_t puts = 0;
    uint32_t found = 0;
    struct span id, payload, last = {0};
    for (uint32_t i = 0; i < MODEL_KEYS; i++)
        puts += model->time_us[i] != 0;
    for (; view_nth(view, DOCUMENT_KEY, found, &id, &payload); found++) {
        if (found > 0) assert_true(span_compare(last, id) < 0);
        last = id;
    }
    assert_int_equal(found, puts);
}

static void any_puts_in_any_order_leave_the_newest(void **state)
{
    struct rig *rig = *state;
    struct random random = random_begin("any_puts_in_any_order_leave_the_newest");
    static struct model model;
    memset(&model, 0, sizeof model);
    for (int round = 0; round < 400; round++) {
        uint32_t puts = random_below(&random, 12);
        for (uint32_t i = 0; i < puts; i++) {
            char key_id[16];
            char name[16];
            uint32_t index = random_below(&random, MODEL_KEYS);
            uint64_t time_us = 1 + random_below(&random, 1000000);
            key_id_of(index, key_id);
            snprintf(name, sizeof name, "%llu", (unsigned long long)time_us);
            add_key(rig, key_id, name, true, time_us);
            if (time_us <= model.time_us[index]) continue;
            model.time_us[index] = time_us;
            strcpy(model.names[index], name);
        }
        if (random_once_in(&random, 3)) add_alias(rig, "between", BUCKET_ONE, 1);
        renew(rig);
        for (uint32_t i = 0; i < MODEL_KEYS; i++) {
            char key_id[16];
            struct document_key key;
            key_id_of(i, key_id);
            assert_int_equal(view_key(rig->view, span_text(key_id), &key), model.time_us[i] != 0);
            if (model.time_us[i] != 0) assert_span_text(key.name, model.names[i]);
        }
        expect_in_order(rig->view, &model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(an_empty_view_has_nothing),
        rig_test(what_was_put_is_found),
        rig_test(names_too_long_for_any_document_find_nothing),
        rig_test(the_newest_wins_whatever_the_order),
        rig_test(what_was_deleted_is_not_found),
        rig_test(names_are_resolved_in_their_order),
        rig_test(a_view_that_is_held_stays_as_it_is),
        rig_test(a_view_keeps_copies),
        rig_test(any_puts_in_any_order_leave_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
