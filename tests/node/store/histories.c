/* Random histories of one node against a plain list of writes: what is live is exactly what no applied write's
 * token covered (I2, I3, I5, I6, I15), through restarts, moves, full disks, failed commits and restored backups.
 */
#include "tests/lib/random.h"
#include "tests/lib/store_rig.h"

#include <stdlib.h>

enum { KEYS = 12, TOKENS_MAX = 400, TOKEN_DOTS_MAX = 24, WRITES_MAX = 4000, ITEMS_MAX = 4, OPS_MAX = 6 };

static const char *const PARTITION_KEYS[3] = {"room", "hall", ""};
static const char *const SORT_KEYS[4] = {"", "a", "a\x01", "\xf4\x8f\xbf\xbf"};

static struct op_key key_of(uint32_t key)
{
    return rig_key(PARTITION_KEYS[key % 3], SORT_KEYS[key / 3]);
}

/* --- the model ------------------------------------------------------------------------------------------ */

/* One applied write: a line of the list, never taken out but by a restored backup. */
struct line {
    uint32_t key;
    struct crdt_dot dot;
    bool is_live;
    bool is_tombstone;
    char value[8];
};

struct model {
    struct line lines[WRITES_MAX];
    uint32_t count;
};

/* What some reader once saw. Readers forget nothing when a backup is restored. */
struct token {
    uint32_t key;
    struct crdt_dot dots[TOKEN_DOTS_MAX];
    uint32_t count;
};

struct history {
    struct rig *rig;
    struct random random;
    struct model model;
    struct model model_of_backup;
    struct disk backup;
    bool has_backup;
    struct token tokens[TOKENS_MAX];
    uint32_t tokens_count;
    uint64_t highest_wall_us;
    uint32_t restored_count;
    uint32_t refused_count;
    uint32_t moves_count;
};

static uint64_t counter_in(const struct crdt_vclock *context, uint64_t actor)
{
    for (uint32_t i = 0; i < context->count; i++)
        if (context->entries[i].actor == actor) return context->entries[i].counter;
    return 0;
}

static void model_write(struct model *model, uint32_t key, const struct op_write_item *item, struct crdt_dot dot)
{
    for (uint32_t i = 0; i < model->count; i++) {
        struct line *line = &model->lines[i];
        assert_false(line->dot.actor == dot.actor && line->dot.counter == dot.counter); /* I5 */
        if (line->key != key || !item->has_context) continue;
        if (line->dot.counter <= counter_in(&item->context, line->dot.actor)) line->is_live = false;
    }
    assert_true(model->count < WRITES_MAX);
    struct line *line = &model->lines[model->count++];
    *line = (struct line){.key = key, .dot = dot, .is_live = true, .is_tombstone = item->kind == CRDT_TOMBSTONE};
    memcpy(line->value, item->value.bytes == NULL ? (const uint8_t *)"" : item->value.bytes, item->value.length);
}

/* The next live line of a key in the order clients see, above `after`. */
static const struct line *model_next(const struct model *model, uint32_t key, const struct line *after)
{
    const struct line *best = NULL;
    for (uint32_t i = 0; i < model->count; i++) {
        const struct line *line = &model->lines[i];
        if (line->key != key || !line->is_live) continue;
        if (after != NULL && (line->dot.actor < after->dot.actor ||
                              (line->dot.actor == after->dot.actor && line->dot.counter <= after->dot.counter)))
            continue;
        if (best == NULL || line->dot.actor < best->dot.actor ||
            (line->dot.actor == best->dot.actor && line->dot.counter < best->dot.counter))
            best = line;
    }
    return best;
}

static uint32_t model_live_count(const struct model *model, uint32_t key)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->count; i++)
        count += model->lines[i].key == key && model->lines[i].is_live;
    return count;
}

static bool model_has(const struct model *model, uint32_t key)
{
    for (uint32_t i = 0; i < model->count; i++)
        if (model->lines[i].key == key) return true;
    return false;
}

/* --- checks --------------------------------------------------------------------------------------------- */

static void check_item(const struct model *model, uint32_t key, const struct crdt_dvvs *state)
{
    const struct line *line = NULL;
    uint32_t at = 0;
    assert_true(crdt_dvvs_is_valid(state));
    for (uint32_t column = 0; column < state->columns_count; column++) {
        for (uint32_t i = 0; i < state->columns[column].writes_count; i++) {
            const struct crdt_write *write = &state->writes[at++];
            line = model_next(model, key, line);
            assert_non_null(line);
            assert_true(line->dot.actor == state->columns[column].actor);
            assert_true(line->dot.counter == write->counter);
            assert_int_equal(line->is_tombstone, write->kind == CRDT_TOMBSTONE);
            assert_span_text(span_of(write->value, write->value_bytes), line->value);
        }
    }
    assert_null(model_next(model, key, line));
}

/* By single reads, or by a range: both must say the same. */
static void check_all(struct history *history)
{
    struct rig *rig = history->rig;
    for (uint32_t key = 0; key < KEYS; key++) {
        struct op op = {.kind = OP_READ, .arena = &rig->arena, .read = {.key = key_of(key)}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        assert_int_equal(op.read.has_item, model_has(&history->model, key));
        if (op.read.has_item) check_item(&history->model, key, &op.read.state);
    }
    for (uint32_t partition = 0; partition < 3; partition++) {
        struct op op = {
            .kind = OP_RANGE, .arena = &rig->arena, .range = {.key = key_of(partition), .items_max = 10}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        uint32_t at = 0;
        for (uint32_t key = partition; key < KEYS; key += 3) {
            if (!model_has(&history->model, key)) continue;
            assert_true(at < op.range.items_count);
            assert_span(op.range.items[at].sort_key, key_of(key).sort_key);
            check_item(&history->model, key, &op.range.items[at++].state);
        }
        assert_int_equal(at, op.range.items_count);
    }
    rig_expect_exact_index(rig);
    rig_forget(rig);
}

/* --- what happens --------------------------------------------------------------------------------------- */

static void tick(struct history *history)
{
    struct rig *rig = history->rig;
    if (random_once_in(&history->random, 3)) rig->wall_us += random_below(&history->random, 5);
    if (random_once_in(&history->random, 20))
        rig->wall_us -= random_below(&history->random, (uint32_t)rig->wall_us / 2);
    if (rig->wall_us > history->highest_wall_us) history->highest_wall_us = rig->wall_us;
}

/* A reader reads one key and keeps its token, in the place of an older one when there are many. */
static void read_a_token(struct history *history, uint32_t key)
{
    struct op_key names = key_of(key);
    struct op op = {.kind = OP_READ, .arena = &history->rig->arena, .read = {.key = names}};
    rig_run(history->rig, &op, 1);
    assert_ok(op.err);
    if (!op.read.has_item || op.read.state.columns_count > TOKEN_DOTS_MAX) return;
    bool is_room = history->tokens_count < TOKENS_MAX;
    uint32_t place = is_room ? history->tokens_count++ : random_below(&history->random, TOKENS_MAX);
    struct token *token = &history->tokens[place];
    struct crdt_vclock context = crdt_vclock_over(token->dots, TOKEN_DOTS_MAX);
    assert_true(crdt_dvvs_context(&op.read.state, &context));
    token->key = key;
    token->count = context.count;
}

/* A token of this key, of now or of long ago; NULL for none. */
static struct token *pick_token(struct history *history, uint32_t key)
{
    if (history->tokens_count == 0 || random_once_in(&history->random, 3)) return NULL;
    for (int tries = 0; tries < 40; tries++) {
        struct token *token = &history->tokens[random_below(&history->random, history->tokens_count)];
        if (token->key == key) return token;
    }
    return NULL;
}

struct batch {
    struct op ops[OPS_MAX];
    struct op_write_item items[OPS_MAX][ITEMS_MAX];
    uint32_t keys[OPS_MAX][ITEMS_MAX];
    char values[OPS_MAX][ITEMS_MAX][8];
    uint32_t count;
};

static void make_op(struct history *history, struct batch *batch, uint32_t index)
{
    struct random *random = &history->random;
    uint32_t items_count = random_once_in(random, 2) ? 1 : 1 + random_below(random, ITEMS_MAX);
    for (uint32_t i = 0; i < items_count; i++) {
        uint32_t key = random_below(random, KEYS);
        struct token *token = pick_token(history, key);
        struct op_write_item *item = &batch->items[index][i];
        batch->keys[index][i] = key;
        *item = (struct op_write_item){.key = key_of(key), .kind = CRDT_TOMBSTONE};
        if (!random_once_in(random, 4)) {
            char *value = batch->values[index][i];
            snprintf(value, 8, "%u", random_below(random, 30)); /* some equal ones */
            item->kind = CRDT_VALUE;
            item->value = span_text(random_once_in(random, 10) ? "" : value);
        }
        if (token == NULL) continue;
        item->has_context = true;
        item->context = (struct crdt_vclock){
            .entries = token->dots, .count = token->count, .capacity = token->count};
    }
    batch->ops[index] = rig_write_op(history->rig, batch->items[index], items_count);
    batch->ops[index].write.wants_context = items_count == 1;
}

/* The dots of an op's items are the newest of its actor, in order. */
static void apply_op(struct history *history, const struct batch *batch, uint32_t index)
{
    const struct op_write *write = &batch->ops[index].write;
    struct model *model = &history->model;
    for (uint32_t i = 0; i < write->items_count; i++) {
        const struct op_write_item *item = &write->items[i];
        struct op op = {.kind = OP_READ, .arena = &history->rig->arena, .read = {.key = item->key}};
        rig_run(history->rig, &op, 1);
        assert_ok(op.err);
        uint32_t later = 0; /* writes of the batch to the same key that came after this one */
        for (uint32_t j = index; j < batch->count; j++) {
            if (batch->ops[j].write.actor_id != write->actor_id) continue;
            if (batch->ops[j].err != ERR_OK || batch->ops[j].write.outcome != OP_DONE) continue;
            for (uint32_t k = j == index ? i + 1 : 0; k < batch->ops[j].write.items_count; k++)
                later += batch->keys[j][k] == batch->keys[index][i];
        }
        /* Nobody has read a write of this very batch, so each is still there: counted from its column's end. */
        uint32_t at = 0;
        struct crdt_dot dot = {0};
        for (uint32_t c = 0; c < op.read.state.columns_count; c++) {
            const struct crdt_column *column = &op.read.state.columns[c];
            at += column->writes_count;
            if (column->actor != write->actor_id) continue;
            assert_true(column->writes_count > later);
            dot = (struct crdt_dot){column->actor, op.read.state.writes[at - 1 - later].counter};
        }
        assert_true(dot.counter > 0 && dot.counter <= write->last_counter);
        model_write(model, batch->keys[index][i], item, dot);
    }
}

static bool is_applied(const struct op *op)
{
    return op->err == ERR_OK && op->write.outcome == OP_DONE;
}

static void write_batch(struct history *history)
{
    static struct batch batch;
    struct rig *rig = history->rig;
    batch.count = 1 + random_below(&history->random, OPS_MAX);
    for (uint32_t i = 0; i < batch.count; i++)
        make_op(history, &batch, i);
    if (random_once_in(&history->random, 6))
        disk_fail_next(&rig->disk, 1 + random_below(&history->random, 20),
                       random_once_in(&history->random, 2) ? ERR_FULL : ERR_IO);
    rig_run(rig, batch.ops, batch.count);
    disk_fail_next(&rig->disk, 0, ERR_OK);
    for (uint32_t i = 0; i < batch.count; i++) {
        if (is_applied(&batch.ops[i])) {
            apply_op(history, &batch, i);
        } else {
            assert_true(batch.ops[i].err == ERR_FULL || batch.ops[i].err == ERR_IO || batch.ops[i].err == ERR_OK);
            history->refused_count++;
        }
    }
}

/* What the writer of one item was told lets it replace its own value, and nothing it has not read (I9). */
static void write_and_replace(struct history *history)
{
    static struct token own;
    struct rig *rig = history->rig;
    struct batch batch = {.count = 1};
    uint32_t key = random_below(&history->random, KEYS);
    uint32_t before = model_live_count(&history->model, key);
    batch.items[0][0] = (struct op_write_item){.key = key_of(key), .value = span_text("own")};
    batch.keys[0][0] = key;
    batch.ops[0] = rig_write_op(rig, batch.items[0], 1);
    batch.ops[0].write.wants_context = true;
    rig_run(rig, batch.ops, 1);
    if (!is_applied(&batch.ops[0])) return;
    apply_op(history, &batch, 0);
    if (!batch.ops[0].write.has_writer_context) return;
    const struct crdt_vclock *told = &batch.ops[0].write.writer_context;
    assert_int_equal(told->count, 1);
    memcpy(own.dots, told->entries, sizeof own.dots[0]);
    batch.items[0][0].has_context = true;
    batch.items[0][0].context = (struct crdt_vclock){.entries = own.dots, .count = 1, .capacity = 1};
    rig_run(rig, batch.ops, 1);
    assert_true(is_applied(&batch.ops[0]));
    apply_op(history, &batch, 0);
    assert_int_equal(model_live_count(&history->model, key), before + 1);
}

static void move(struct history *history)
{
    struct rig *rig = history->rig;
    uint8_t place[ACTOR_PLACE_BYTES] = {(uint8_t)++history->moves_count};
    char message[200] = "";
    uint64_t former = rig->store.actor.id;
    store_close(&rig->store);
    assert_ok(rig_try_open(rig, RIG_SEAL_KEY, place, message));
    assert_true(rig->store.actor.id != former);
}

static void restart_in_place(struct history *history)
{
    struct rig *rig = history->rig;
    struct actor before = rig->store.actor;
    char message[200] = "";
    disk_crash(&rig->disk);
    store_close(&rig->store);
    assert_ok(rig_try_open(rig, RIG_SEAL_KEY, before.place, message));
    assert_true(rig->store.actor.last_counter <= before.last_counter);
}

static void take_backup(struct history *history)
{
    if (history->has_backup) disk_deinit(&history->backup);
    disk_copy(&history->rig->disk, &history->backup);
    history->model_of_backup = history->model;
    history->has_backup = true;
}

/* The database goes back in time, its readers do not. The clock is not behind what was lost; were it, only a token
 * could tell. */
static void restore_backup(struct history *history)
{
    struct rig *rig = history->rig;
    struct actor actor = rig->store.actor;
    char message[200] = "";
    if (!history->has_backup) return;
    store_close(&rig->store);
    disk_deinit(&rig->disk);
    disk_copy(&history->backup, &rig->disk);
    assert_ok(rig_try_open(rig, RIG_SEAL_KEY, actor.place, message));
    history->model = history->model_of_backup;
    history->restored_count++;
    rig->wall_us = history->highest_wall_us += 100000;
    struct batch batch = {.count = 1};
    batch.items[0][0] = (struct op_write_item){.key = key_of(0), .value = span_text("now")};
    batch.ops[0] = rig_write_op(rig, batch.items[0], 1);
    rig_run(rig, batch.ops, 1);
    if (is_applied(&batch.ops[0])) apply_op(history, &batch, 0);
}

static void step(struct history *history)
{
    uint32_t what = random_below(&history->random, 200);
    tick(history);
    if (what < 90) {
        write_batch(history);
    } else if (what < 160) {
        read_a_token(history, random_below(&history->random, KEYS));
    } else if (what < 180) {
        write_and_replace(history);
    } else if (what < 190) {
        restart_in_place(history);
    } else if (what < 191) {
        move(history);
    } else if (what < 195) {
        take_backup(history);
    } else if (what < 197) {
        restore_backup(history);
    } else {
        check_all(history);
    }
}

static void what_is_live_is_what_no_token_covered(void **state)
{
    static struct history history;
    struct random seeds = random_begin(__func__);
    uint32_t restored_count = 0;
    uint32_t refused_count = 0;
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct rig rig;
        memset(&history, 0, sizeof history);
        rig_init(&rig);
        history.rig = &rig;
        history.random.state = random_u64(&seeds);
        for (int i = 0; i < 1500; i++)
            step(&history);
        check_all(&history);
        assert_true(history.model.count > 100);
        restored_count += history.restored_count;
        refused_count += history.refused_count;
        if (history.has_backup) disk_deinit(&history.backup);
        rig_deinit(&rig);
    }
    assert_true(restored_count > 10 && refused_count > 50); /* or it has shown nothing */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_live_is_what_no_token_covered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
