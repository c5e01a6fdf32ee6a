/* Requests are drawn, answers are kept as facts. */
#include "sim/operators.h"

#include "sim/dice.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* What a request's tag says: which of these it is, and the fact it is about. */
enum tag_kind { TAG_MAKE, TAG_UNDO, TAG_CHANGE, TAG_STAGE, TAG_APPLY, TAG_REMOVE, TAGS_COUNT };

static uint64_t tag_of(enum tag_kind kind, uint64_t about)
{
    return about * TAGS_COUNT + kind;
}

void operators_init(struct operators *operators, struct world *world, uint64_t seed)
{
    *operators = (struct operators){.world = world};
    dice_init(&operators->prng, seed, "operators");
}

void operators_deinit(struct operators *operators)
{
    for (uint32_t i = 0; i < WORLD_MACHINES_MAX; i++) {
        free(operators->heard[i]);
        operators->heard[i] = NULL;
    }
}

/* --- answers -------------------------------------------------------------------------------------------- */

static void note_fact(struct fact *fact, bool is_undone, int status, uint32_t machine)
{
    bool is_done = status == 200 || status == 204;
    if (is_undone && is_done) fact->state = FACT_UNDONE;
    if (is_undone && status >= 400 && status < 500 && fact->state == FACT_UNDOING) fact->state = FACT_DONE;
    if (!is_undone && is_done && fact->state == FACT_ASKED) {
        fact->state = FACT_DONE;
        fact->machine = machine;
    }
    if (!is_undone && status >= 400 && status < 500 && fact->state == FACT_ASKED) fact->state = FACT_REFUSED;
}

static void on_answer(void *owner, struct machine *machine, uint64_t tag, const struct admin_answer *answer);
static void apply(struct operators *operators, struct machine *machine);

static void ask(struct operators *operators, struct machine *machine, const char *method, const char *target,
                const char *body, uint64_t tag)
{
    assert(machine->is_up && machine->is_ready);
    if (admin_ask(machine, method, target, body, on_answer, operators, tag)) operators->counts.asked++;
}

static void on_answer(void *owner, struct machine *machine, uint64_t tag, const struct admin_answer *answer)
{
    struct operators *operators = owner;
    enum tag_kind kind = (enum tag_kind)(tag % TAGS_COUNT);
    bool is_done = answer->status == 200 || answer->status == 204;
    operators->counts.done += is_done;
    operators->counts.refused += answer->status >= 400 && answer->status < 500;
    operators->counts.uncertain += answer->status == 0 || answer->status >= 500;
    switch (kind) {
    case TAG_MAKE:
    case TAG_UNDO:
        note_fact(&operators->facts[tag / TAGS_COUNT], kind == TAG_UNDO, answer->status, machine->index);
        operators->counts.documents += is_done;
        break;
    case TAG_CHANGE: operators->counts.documents += is_done; break;
    case TAG_STAGE:
        if (is_done && machine->is_up) apply(operators, machine);
        break;
    case TAG_APPLY: operators->counts.layouts += is_done; break;
    case TAG_REMOVE: operators->counts.removals += is_done; break;
    case TAGS_COUNT: assert(false); break;
    }
}

/* --- buckets and keys ----------------------------------------------------------------------------------- */

static void make(struct operators *operators, struct machine *machine, enum fact_kind kind)
{
    char body[160];
    if (operators->facts_count == OPERATORS_FACTS_MAX) return;
    uint32_t index = operators->facts_count++;
    struct fact *fact = &operators->facts[index];
    *fact = (struct fact){.kind = kind};
    if (kind == FACT_BUCKET) {
        snprintf(fact->name, sizeof fact->name, "bucket-%u", index);
        snprintf(body, sizeof body, "{\"alias\":\"%s\"}", fact->name);
        ask(operators, machine, "POST", "/v1/buckets", body, tag_of(TAG_MAKE, index));
    } else {
        snprintf(fact->name, sizeof fact->name, "GK%024u", index);
        snprintf(body, sizeof body,
                 "{\"name\":\"key %u\",\"key_id\":\"%s\",\"secret\":\"a secret of the simulator\"}", index,
                 fact->name);
        ask(operators, machine, "POST", "/v1/keys", body, tag_of(TAG_MAKE, index));
    }
}

/* A thing that was made and that nobody undoes; NULL when the draw finds none. */
static struct fact *draw_fact(struct operators *operators, enum fact_kind kind)
{
    if (operators->facts_count == 0) return NULL;
    struct fact *fact = &operators->facts[dice_below(&operators->prng, operators->facts_count)];
    return fact->kind == kind && fact->state == FACT_DONE ? fact : NULL;
}

static void undo(struct operators *operators, struct machine *machine, struct fact *fact)
{
    char target[96];
    uint64_t index = (uint64_t)(fact - operators->facts);
    fact->state = FACT_UNDOING;
    snprintf(target, sizeof target, "/v1/%s/%s", fact->kind == FACT_BUCKET ? "buckets" : "keys", fact->name);
    ask(operators, machine, "DELETE", target, NULL, tag_of(TAG_UNDO, index));
}

/* The same thing is changed at several nodes, perhaps on two sides of a cut: the last one wins everywhere. */
static void change(struct operators *operators, struct machine *machine)
{
    char target[96];
    char body[160];
    const struct fact *bucket = draw_fact(operators, FACT_BUCKET);
    const struct fact *key = draw_fact(operators, FACT_KEY);
    unsigned number = (unsigned)dice_below(&operators->prng, 1000);
    if (bucket != NULL && key != NULL) {
        snprintf(target, sizeof target, "/v1/buckets/%s/permissions", bucket->name);
        snprintf(body, sizeof body, "{\"key_id\":\"%s\",\"read\":%s,\"write\":%s}", key->name,
                 number % 2 == 0 ? "true" : "false", number % 3 == 0 ? "true" : "false");
        ask(operators, machine, "POST", target, body, tag_of(TAG_CHANGE, 0));
    } else if (key != NULL) {
        snprintf(target, sizeof target, "/v1/keys/%s", key->name);
        snprintf(body, sizeof body, "{\"name\":\"renamed %u\"}", number);
        ask(operators, machine, "PUT", target, body, tag_of(TAG_CHANGE, 0));
    }
}

void operators_change_documents(struct operators *operators, struct machine *machine)
{
    uint64_t draw = dice_below(&operators->prng, 100);
    struct fact *fact = draw_fact(operators, draw % 2 == 0 ? FACT_BUCKET : FACT_KEY);
    if (draw < 25) {
        make(operators, machine, FACT_BUCKET);
    } else if (draw < 45) {
        make(operators, machine, FACT_KEY);
    } else if (draw < 60 && fact != NULL) {
        undo(operators, machine, fact);
    } else {
        change(operators, machine);
    }
}

/* --- members -------------------------------------------------------------------------------------------- */

bool operators_has_removed(const struct operators *operators, const uint8_t node_id[32])
{
    for (uint32_t i = 0; i < operators->removed_count; i++) {
        if (memcmp(operators->removed[i], node_id, 32) == 0) return true;
    }
    return false;
}

void operators_remove(struct operators *operators, struct machine *machine, const struct machine *removed)
{
    char body[120];
    char id[65] = "";
    if (operators->removed_count == WORLD_MACHINES_MAX) return;
    hash_hex(removed->node_id, sizeof removed->node_id, id);
    uint32_t index = operators->removed_count++;
    memcpy(operators->removed[index], removed->node_id, sizeof removed->node_id);
    snprintf(body, sizeof body, "{\"node\":\"%s\"}", id);
    ask(operators, machine, "POST", "/v1/cluster/remove", body, tag_of(TAG_REMOVE, index));
}

/* --- layouts -------------------------------------------------------------------------------------------- */

static void apply(struct operators *operators, struct machine *machine)
{
    const struct ring_layout *layout = view_layout(machine_view(machine));
    char body[64];
    snprintf(body, sizeof body, "{\"version\":%llu}",
             (unsigned long long)(layout == NULL ? 1 : layout->number + 1));
    ask(operators, machine, "POST", "/v1/layout/apply", body, tag_of(TAG_APPLY, 0));
}

void operators_change_layout(struct operators *operators, struct machine *machine)
{
    struct world *world = operators->world;
    const struct machine *of = world->machines[dice_below(&operators->prng, world->machines_count)];
    char body[200];
    char id[65] = "";
    if (!of->has_node_id || of->group != machine->group || operators_has_removed(operators, of->node_id)) return;
    hash_hex(of->node_id, sizeof of->node_id, id);
    snprintf(body, sizeof body, "{\"node\":\"%s\",\"zone\":\"zone-%u\",\"capacity\":%llu}", id,
             network_site(&world->network, of->index),
             (unsigned long long)(dice_between(&operators->prng, 1, 50) * UINT64_C(100000000000)));
    ask(operators, machine, "POST", "/v1/layout/stage", body, tag_of(TAG_STAGE, 0));
}
