/* Small layouts that hold together, for tests of documents and views. */
#ifndef TESTS_LIB_LAYOUT_RIG_H
#define TESTS_LIB_LAYOUT_RIG_H

#include "node/core/layout_document.h"
#include "tests/lib/check.h"

/* Version `number` behind `parent` (NULL for number 1): four nodes in two zones, eight partitions of three copies.
 * `salt` makes versions of one number differ. */
static inline struct ring_layout layout_rig_make(uint64_t number, const struct ring_layout *parent, uint8_t salt)
{
    struct ring_layout layout = {.number = number,
                                 .partitions_count = 8,
                                 .replication = 3,
                                 .zones_count = 2,
                                 .zones = {"east", "west"},
                                 .nodes_count = 4};
    const char *why = NULL;
    if (parent != NULL) memcpy(layout.parent, parent->hash, sizeof layout.parent);
    for (uint8_t i = 0; i < 4; i++) {
        layout.nodes[i] = (struct ring_node){.id = {(uint8_t)(i + 1), salt}, .capacity = 1000, .zone = i % 2};
    }
    for (uint32_t i = 0; i < 8; i++) {
        for (uint16_t j = 0; j < 3; j++)
            layout.holders[i][j] = (uint16_t)(j + (i % 4 <= j ? 1 : 0));
    }
    if (!ring_layout_check(&layout, &why)) fail_msg("%s", why);
    return layout;
}

/* Its document, in `arena`; sets the layout's hash. */
static inline struct op_document layout_rig_document(struct arena *arena, struct ring_layout *layout)
{
    struct op_document document;
    assert_true(layout_document_encode(arena, layout, &document));
    document.register_.time_us = 1000 + layout->number;
    document.register_.actor = 7;
    return document;
}

#endif
