/* What the tests of layout changes share: a view of documents, members that fare one way or another, and changes
 * written as the store would. */
#ifndef TESTS_NODE_CLUSTER_PLAN_RIG_H
#define TESTS_NODE_CLUSTER_PLAN_RIG_H

#include "node/cluster/plan.h"
#include "tests/lib/check.h"

enum { RIG_NODES = 8, RIG_ARENA_BYTES = 1 << 28 };

#define RIG_GIB ((uint64_t)1 << 30)

struct rig {
    struct arena arena;
    struct view *view;
    uint64_t wall_us;
    struct member rows[RIG_NODES];
    struct member *row_list[RIG_NODES];
    struct members members;
    bool knows_members;
    uint64_t replication, zone_redundancy, partitions;
};

/* Node 1 … 8: ids in order, "11…", "22…"; names "n1"…. */
static inline const uint8_t *rig_id(int node)
{
    static uint8_t ids[16][RING_NODE_ID_BYTES];
    memset(ids[node], node * 0x11, RING_NODE_ID_BYTES);
    return ids[node];
}

static inline const char *rig_name(int node)
{
    static const char *const names[] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"};
    return names[node];
}

static inline void rig_merge(struct rig *rig, const struct op_document *documents, uint32_t count)
{
    assert_true(view_renew(&rig->view, documents, count));
}

/* As OP_DOCS_WRITE: each above what was there. */
static inline void rig_write(struct rig *rig, struct op_document *documents, uint32_t count)
{
    rig->wall_us++;
    for (uint32_t i = 0; i < count; i++) {
        documents[i].register_.time_us = rig->wall_us;
        for (uint32_t j = 0; j < i; j++)
            assert_false(span_is_equal(documents[i].key, documents[j].key)); /* each once */
    }
    rig_merge(rig, documents, count);
}

static inline void rig_put(struct rig *rig, enum document_kind kind, struct span id, struct span payload)
{
    struct op_document document = {.key = document_key_of(&rig->arena, kind, id)};
    document.register_.payload = payload.bytes;
    document.register_.payload_bytes = payload.length;
    rig_write(rig, &document, 1);
}

static inline void rig_set_member(struct rig *rig, int node, bool is_member)
{
    const struct document_member member = {is_member, 1, span_text(rig_name(node))};
    rig_put(rig, DOCUMENT_MEMBER, span_of(rig_id(node), RING_NODE_ID_BYTES),
            document_encode_member(&rig->arena, &member));
}

/* A rig whose clock begins at `wall_us`, with members 1 … count. */
static inline void rig_init(struct rig *rig, uint64_t wall_us, int count)
{
    memset(rig, 0, sizeof *rig);
    arena_init(&rig->arena, RIG_ARENA_BYTES);
    rig->view = view_create(NULL, NULL, 0);
    rig->wall_us = wall_us;
    for (int i = 1; i <= count; i++)
        rig_set_member(rig, i, true);
}

static inline void rig_deinit(struct rig *rig)
{
    view_release(rig->view);
    arena_deinit(&rig->arena);
}

/* How the nodes 1 … count fare: all alive, each holds `used_bytes`. */
static inline void rig_know_members(struct rig *rig, int count, uint64_t used_bytes)
{
    for (int i = 0; i < count; i++) {
        struct member *row = &rig->rows[i];
        *row = (struct member){.state = MEMBER_ALIVE, .has_announcement = true, .is_self = i == 0};
        memcpy(row->id, rig_id(i + 1), sizeof row->id);
        memcpy(row->announcement.node_id, rig_id(i + 1), sizeof row->id);
        row->announcement.name = span_text(rig_name(i + 1));
        row->announcement.zone = span_of("", 0);
        row->announcement.used_bytes = used_bytes;
        rig->row_list[i] = row;
    }
    rig->members = (struct members){.rows = rig->row_list, .count = (uint32_t)count, .capacity = RIG_NODES};
    rig->knows_members = true;
}

static inline struct plan_input rig_input(struct rig *rig)
{
    return (struct plan_input){.view = rig->view,
                               .members = rig->knows_members ? &rig->members : NULL,
                               .self_id = rig_id(1),
                               .replication = rig->replication,
                               .zone_redundancy = rig->zone_redundancy,
                               .partitions = rig->partitions,
                               .arena = &rig->arena};
}

/* --- changes, each written when it stands --------------------------------------------------------------- */

static inline struct plan_result rig_done(struct rig *rig, struct plan_result result)
{
    if (result.verdict == PLAN_DONE) {
        assert_true(result.documents_count > 0);
        rig_write(rig, result.documents, result.documents_count);
    } else {
        assert_int_equal(result.documents_count, 0);
    }
    return result;
}

static inline struct plan_result rig_assign(struct rig *rig, const char *node, const char *zone, uint64_t capacity)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    plan_stage_role(&input, span_text(node), span_text(zone), &capacity, &result);
    return rig_done(rig, result);
}

static inline struct plan_result rig_remove(struct rig *rig, const char *node)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    plan_stage_removal(&input, span_text(node), &result);
    return rig_done(rig, result);
}

/* Negative: not given. */
static inline struct plan_result rig_set(struct rig *rig, int replication, int zone_redundancy)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    uint64_t copies = (uint64_t)replication;
    uint64_t zones = (uint64_t)zone_redundancy;
    const struct plan_numbers numbers = {.replication = replication < 0 ? NULL : &copies,
                                         .zone_redundancy = zone_redundancy < 0 ? NULL : &zones};
    plan_stage_numbers(&input, numbers, &result);
    return rig_done(rig, result);
}

static inline struct plan_result rig_set_partitions(struct rig *rig, uint64_t partitions)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    plan_stage_numbers(&input, (struct plan_numbers){.partitions = &partitions}, &result);
    return rig_done(rig, result);
}

static inline struct plan_result rig_apply(struct rig *rig, uint64_t number)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    plan_apply(&input, number, &result);
    return rig_done(rig, result);
}

static inline struct plan_result rig_revert(struct rig *rig)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    plan_revert(&input, &result);
    return rig_done(rig, result);
}

static inline struct plan_result rig_auto(struct rig *rig)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    plan_auto(&input, &result);
    return rig_done(rig, result);
}

static inline struct plan *rig_plan(struct rig *rig)
{
    struct plan_input input = rig_input(rig);
    struct plan *plan = plan_make(&input);
    assert_non_null(plan);
    return plan;
}

static inline struct staged rig_staged(struct rig *rig)
{
    struct staged staged;
    assert_true(staged_read(rig->view, &rig->arena, &staged));
    return staged;
}

static inline uint64_t rig_number(const struct rig *rig)
{
    const struct ring_layout *layout = view_layout(rig->view);
    return layout == NULL ? 0 : layout->number;
}

/* Nodes 1 … count, one zone each ("z1"…), 10 GiB each, as version 1. */
static inline void rig_lay_out(struct rig *rig, int count, int replication)
{
    static const char *const zones[] = {"z0", "z1", "z2", "z3", "z4", "z5", "z6", "z7", "z8"};
    for (int i = 1; i <= count; i++)
        assert_int_equal(rig_assign(rig, rig_name(i), zones[i], 10 * RIG_GIB).verdict, PLAN_DONE);
    assert_int_equal(rig_set(rig, replication, -1).verdict, PLAN_DONE);
    struct plan_result result = rig_apply(rig, 1);
    if (result.verdict != PLAN_DONE) print_error("%s\n", result.message);
    assert_int_equal(result.verdict, PLAN_DONE);
    assert_int_equal(rig_number(rig), 1);
}

/* Give each the other's documents. */
static inline void rig_meet(struct rig *a, struct rig *b)
{
    struct rig *sides[2] = {a, b};
    struct view *before[2] = {view_hold(a->view), view_hold(b->view)};
    for (int side = 0; side < 2; side++) {
        struct op_document document;
        for (uint32_t i = 0; view_document(before[1 - side], i, &document); i++)
            rig_merge(sides[side], &document, 1);
    }
    view_release(before[0]);
    view_release(before[1]);
    if (a->wall_us < b->wall_us) a->wall_us = b->wall_us;
    b->wall_us = a->wall_us;
}

static inline void expect_result(struct plan_result result, enum plan_verdict verdict, const char *code,
                                 const char *message)
{
    if (result.verdict != verdict || (message != NULL && strcmp(result.message, message) != 0))
        print_error("got %d %s: %s\n", result.verdict, result.code == NULL ? "-" : result.code, result.message);
    assert_int_equal(result.verdict, verdict);
    if (code == NULL) {
        assert_null(result.code);
    } else {
        assert_string_equal(result.code, code);
    }
    if (message != NULL) assert_string_equal(result.message, message);
}

#endif
