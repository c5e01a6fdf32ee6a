/* Requests are drawn, answers are kept as facts. */
#include "sim/operators.h"

#include "sim/dice.h"
#include "sim/plant.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* What a request's tag says: which of these it is, and the fact it is about. */
enum tag_kind {
    TAG_MAKE,
    TAG_UNDO,
    TAG_CHANGE,
    TAG_STAGE,
    TAG_APPLY,      /* about the number */
    TAG_REMOVE,     /* about the removal */
    TAG_CONNECT,    /* about whom */
    TAG_CONNECTING, /* is it done? */
    TAGS_COUNT
};

enum { CONNECT_US = 60 * 1000 * 1000 }; /* an operator's patience with a connection */

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
    promises_deinit(&operators->promises);
}

bool operators_has_fact(const struct view *view, const struct fact *fact)
{
    const uint8_t *bucket_id = NULL;
    struct document_key key;
    if (fact->kind == FACT_BUCKET) return view_alias(view, span_text(fact->name), &bucket_id);
    return view_key(view, span_text(fact->name), &key);
}

/* --- answers -------------------------------------------------------------------------------------------- */

static void note_fact(struct fact *fact, bool is_undone, int status, uint32_t machine)
{
    bool is_done = status == 200 || status == 204;
    if (is_undone && is_done) {
        fact->state = FACT_UNDONE;
        fact->machine = machine; /* who deletes it is who may be the only one to know */
    }
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

static bool has_changed(const struct admin_answer *answer)
{
    return strstr(answer->body, "\"changed\": true") != NULL;
}

/* A version that was applied is there, whatever came meanwhile. */
static void check_apply(struct operators *operators, struct machine *machine, uint64_t number)
{
    struct span id;
    struct span payload;
    uint8_t wanted[8];
    wire_store_u64(wanted, number);
    for (uint32_t i = 0; view_nth(machine_view(machine), DOCUMENT_LAYOUT, i, &id, &payload); i++) {
        if (id.length > sizeof wanted && memcmp(id.bytes, wanted, sizeof wanted) == 0) return;
    }
    world_fail(operators->world, "node %u acknowledged layout %llu and does not have it", machine->index,
               (unsigned long long)number);
}

static void note_removal(struct operators *operators, struct removal *removal, const struct admin_answer *answer)
{
    if (removal->state != REMOVAL_ASKED) return;
    if (answer->status == 200 && has_changed(answer)) {
        removal->state = REMOVAL_DONE;
        operators->counts.removals++;
    } else if (answer->status >= 400 && answer->status < 500) {
        removal->state = REMOVAL_REFUSED;
    }
}

static void note_connecting(struct operators *operators, const struct admin_answer *answer);

/* All that the node has is promised by what it acknowledges. */
static void on_done(struct operators *operators, struct machine *machine, enum tag_kind kind, uint64_t about,
                    const struct admin_answer *answer)
{
    operators->counts.done++;
    /* Who is taken out takes with it what only it has, also what it acknowledged without knowing that it is out.
     */
    if (!operators_has_removed(operators, machine->node_id)) promises_note(&operators->promises, machine);
    switch (kind) {
    case TAG_MAKE:
    case TAG_UNDO:
    case TAG_CHANGE: operators->counts.documents++; break;
    case TAG_STAGE:
        operators->counts.staged++;
        if (machine->is_up) apply(operators, machine);
        break;
    case TAG_APPLY:
        operators->counts.layouts += has_changed(answer);
        if (has_changed(answer) && machine->is_up) check_apply(operators, machine, about);
        break;
    case TAG_REMOVE:
    case TAG_CONNECT:
    case TAG_CONNECTING:
    case TAGS_COUNT: break;
    }
}

static void on_answer(void *owner, struct machine *machine, uint64_t tag, const struct admin_answer *answer)
{
    struct operators *operators = owner;
    enum tag_kind kind = (enum tag_kind)(tag % TAGS_COUNT);
    uint64_t about = tag / TAGS_COUNT;
    if (answer->status == 200 || answer->status == 204) on_done(operators, machine, kind, about, answer);
    operators->counts.refused += answer->status >= 400 && answer->status < 500;
    operators->counts.uncertain += answer->status == 0 || answer->status >= 500;
    if (kind == TAG_MAKE || kind == TAG_UNDO)
        note_fact(&operators->facts[about], kind == TAG_UNDO, answer->status, machine->index);
    if (kind == TAG_REMOVE) note_removal(operators, &operators->removals[about], answer);
    if (kind == TAG_CONNECT || kind == TAG_CONNECTING) note_connecting(operators, answer);
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

const struct removal *operators_removal(const struct operators *operators, const uint8_t node_id[32])
{
    for (uint32_t i = 0; i < operators->removals_count; i++) {
        const struct removal *removal = &operators->removals[i];
        if (memcmp(removal->node_id, node_id, 32) == 0) return removal;
    }
    return NULL;
}

bool operators_has_removed(const struct operators *operators, const uint8_t node_id[32])
{
    const struct removal *removal = operators_removal(operators, node_id);
    return removal != NULL && removal->state != REMOVAL_REFUSED;
}

/* What this machine was told to remove is not removed when nobody else has heard of it. */
static void hand_over_removals(struct operators *operators, const struct machine *removed)
{
    for (uint32_t i = 0; i < operators->removals_count; i++) {
        struct removal *removal = &operators->removals[i];
        if (removal->machine != removed->index) continue;
        if (removal->state == REMOVAL_DONE) removal->state = REMOVAL_ASKED;
        if (removal->state == REMOVAL_BACK) removal->state = REMOVAL_BACK_ASKED;
    }
}

/* What only this machine has goes with it; what another one has is that one's to keep, unless it was taken out
 * before: who comes back begins with the cluster's documents. */
static void hand_over(struct operators *operators, const struct machine *removed)
{
    struct world *world = operators->world;
    bool is_out[WORLD_MACHINES_MAX] = {0};
    for (uint32_t i = 0; i < world->machines_count; i++)
        is_out[i] = operators_has_removed(operators, world->machines[i]->node_id);
    promises_hand_over(&operators->promises, world, removed, is_out);
    hand_over_removals(operators, removed);
    for (uint32_t i = 0; i < operators->facts_count; i++) {
        struct fact *fact = &operators->facts[i];
        if (fact->machine != removed->index) continue;
        for (uint32_t j = 0; j < world->machines_count; j++) {
            const struct view *view = machine_view(world->machines[j]);
            bool is_other = j != removed->index && view != NULL && world->machines[j]->group == removed->group;
            if (!is_other || is_out[j] || fact->state == FACT_UNDONE || !operators_has_fact(view, fact)) continue;
            fact->machine = j;
            break;
        }
    }
}

void operators_remove(struct operators *operators, struct machine *machine, const struct machine *removed,
                      bool is_forced)
{
    char body[120];
    char id[65] = "";
    const struct removal *before = operators_removal(operators, removed->node_id);
    uint32_t index = before == NULL ? operators->removals_count++ : (uint32_t)(before - operators->removals);
    struct removal *removal = &operators->removals[index];
    assert(before == NULL || before->state == REMOVAL_REFUSED);
    memcpy(removal->node_id, removed->node_id, sizeof removal->node_id);
    removal->state = REMOVAL_ASKED;
    removal->machine = machine->index;
    hand_over(operators, removed);
    hash_hex(removed->node_id, sizeof removed->node_id, id);
    snprintf(body, sizeof body, "{\"node\":\"%s\",\"force\":%s}", id, is_forced ? "true" : "false");
    ask(operators, machine, "POST", "/v1/cluster/remove", body, tag_of(TAG_REMOVE, index));
}

/* --- connecting ----------------------------------------------------------------------------------------- */

static void connect_with(struct operators *operators, struct machine *at, const struct machine *with, bool is_back)
{
    char body[160];
    char id[65] = "";
    const char *address = network_address(&operators->world->network, with->index);
    hash_hex(with->node_id, sizeof with->node_id, id);
    snprintf(body, sizeof body, "{\"target\":\"%s@%s\"}", id, address);
    operators->connecting = (struct connecting){.is_under_way = true,
                                                .at = at->index,
                                                .with = with->index,
                                                .is_back = is_back,
                                                .since_us = operators->world->now_us};
    ask(operators, at, "POST", "/v1/cluster/connect", body, tag_of(TAG_CONNECT, with->index));
}

static void note_connecting(struct operators *operators, const struct admin_answer *answer)
{
    struct connecting *connecting = &operators->connecting;
    bool is_done = strstr(answer->body, "\"outcome\": \"done\"") != NULL;
    bool is_trying = strstr(answer->body, "\"outcome\": \"trying\"") != NULL;
    if (!connecting->is_under_way || is_trying) return;
    connecting->is_under_way = false;
    operators->counts.connects += is_done;
    for (uint32_t i = 0; is_done && connecting->is_back && i < operators->removals_count; i++) {
        struct removal *removal = &operators->removals[i];
        const struct world *world = operators->world;
        bool is_it = memcmp(removal->node_id, world->machines[connecting->with]->node_id, 32) == 0;
        if (!is_it || removal->state != REMOVAL_BACK_ASKED) continue;
        removal->state = REMOVAL_BACK;
        operators->counts.returns++;
    }
}

void operators_bring_back(struct operators *operators, struct machine *machine, struct machine *removed,
                          bool is_reversed)
{
    bool was_removed = false;
    const struct removal *removal = operators_removal(operators, removed->node_id);
    bool is_out = !view_is_member(machine_view(machine), removed->node_id, &was_removed) && was_removed;
    bool may_come = removal != NULL && (removal->state == REMOVAL_DONE || removal->state == REMOVAL_BACK_ASKED);
    if (!may_come || !is_out || operators->connecting.is_under_way) return;
    if (is_reversed) {
        connect_with(operators, removed, machine, false); /* in vain */
        return;
    }
    operators->removals[removal - operators->removals].state = REMOVAL_BACK_ASKED;
    operators->removals[removal - operators->removals].machine = machine->index;
    connect_with(operators, machine, removed, true);
}

/* Is it done? Nobody waits for a node that went away meanwhile. */
static void look_after(struct operators *operators)
{
    struct connecting *connecting = &operators->connecting;
    struct machine *at = operators->world->machines[connecting->at];
    bool is_late = operators->world->now_us - connecting->since_us > CONNECT_US;
    if (is_late || !at->is_up || !at->is_ready) {
        connecting->is_under_way = false;
    } else if (at->paused_until_us <= operators->world->now_us) {
        ask(operators, at, "GET", "/v1/cluster/connect", NULL, tag_of(TAG_CONNECTING, connecting->with));
    }
}

static bool may_be_asked(const struct operators *operators, const struct machine *machine)
{
    return machine->group == 0 && machine->is_up && machine->is_ready && !machine->is_copy && !machine->is_gone &&
           machine->paused_until_us <= operators->world->now_us &&
           !operators_has_removed(operators, machine->node_id);
}

/* The first node founds, and nobody else: an operator who let two others found would have two clusters, which
 * never become one (H13). Later any member that is there is asked. */
static void connect_next(struct operators *operators)
{
    struct world *world = operators->world;
    struct machine *at = NULL;
    struct machine *next = NULL;
    for (uint32_t i = 0; i < world->machines_count; i++) {
        struct machine *machine = world->machines[i];
        if (!may_be_asked(operators, machine)) continue;
        if (machine_is_member(machine) || (i == 0 && at == NULL)) {
            at = at == NULL || dice_chance(&operators->prng, 300) ? machine : at;
        } else if (next == NULL || dice_chance(&operators->prng, 300)) {
            next = machine;
        }
    }
    if (at != NULL && next != NULL) connect_with(operators, at, next, false);
}

/* The planted bug: what gossip says takes a member out. */
static void carry_out_planted(struct operators *operators)
{
    char body[80];
    for (uint32_t i = 0; operators->removal_planned[0] != '\0' && i < operators->world->machines_count; i++) {
        struct machine *machine = operators->world->machines[i];
        if (!may_be_asked(operators, machine) || !machine_is_member(machine)) continue;
        snprintf(body, sizeof body, "{\"node\":\"%s\",\"force\":true}", operators->removal_planned);
        operators->removal_planned[0] = '\0';
        if (admin_ask(machine, "POST", "/v1/cluster/remove", body, NULL, NULL, 0))
            plant_acted(operators->world, machine->index);
    }
}

void operators_look(struct operators *operators)
{
    carry_out_planted(operators);
    if (operators->connecting.is_under_way) {
        look_after(operators);
    } else if (operators->is_by_hand) {
        connect_next(operators);
    }
}

/* --- layouts -------------------------------------------------------------------------------------------- */

static void apply(struct operators *operators, struct machine *machine)
{
    const struct ring_layout *layout = view_layout(machine_view(machine));
    char body[64];
    uint64_t number = layout == NULL ? 1 : layout->number + 1;
    snprintf(body, sizeof body, "{\"version\":%llu}", (unsigned long long)number);
    ask(operators, machine, "POST", "/v1/layout/apply", body, tag_of(TAG_APPLY, number));
}

void operators_change_layout(struct operators *operators, struct machine *machine)
{
    struct world *world = operators->world;
    const struct machine *of = world->machines[dice_below(&operators->prng, world->machines_count)];
    char body[200];
    char id[65] = "";
    if (!of->has_node_id || of->group != machine->group || of->is_liar ||
        operators_has_removed(operators, of->node_id))
        return;
    hash_hex(of->node_id, sizeof of->node_id, id);
    snprintf(body, sizeof body, "{\"node\":\"%s\",\"zone\":\"zone-%u\",\"capacity\":%llu}", id,
             network_site(&world->network, of->index),
             (unsigned long long)(dice_between(&operators->prng, 1, 50) * UINT64_C(100000000000)));
    ask(operators, machine, "POST", "/v1/layout/stage", body, tag_of(TAG_STAGE, 0));
}
