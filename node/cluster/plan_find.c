/* Which node an operator means: by id, by the first digits of one, by name. */
#include "node/cluster/plan_build.h"

#include <stdio.h>

enum { DIGITS_MIN = 4, SIMILAR_DIGITS = 2, SHOWN_MAX = 4 };

/* What was asked for, and who fits so far. */
struct search {
    const struct plan_input *input;
    struct span text;
    uint8_t found[RING_NODE_ID_BYTES];
    bool is_found;
    bool is_ambiguous;
    char shown[SHOWN_MAX * (PLAN_NODE_CHARS + 2)]; /* who fits; of none, whose id is like it */
    size_t shown_length;
    uint32_t shown_count;
};

/* A hex digit's lower case; anything else as it is. */
static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
}

/* How many characters of the text are the first digits of the id. */
static size_t common_digits(struct span text, const uint8_t *id)
{
    char digits[2 * RING_NODE_ID_BYTES];
    size_t length = 0;
    hash_hex(id, RING_NODE_ID_BYTES, digits);
    while (length < text.length && length < sizeof digits && lower(text.bytes[length]) == digits[length])
        length++;
    return length;
}

static void show(struct search *search, const uint8_t *id)
{
    char text[PLAN_NODE_CHARS];
    if (search->shown_count++ >= SHOWN_MAX) return;
    plan_node_text(search->input, id, text);
    int length = snprintf(search->shown + search->shown_length, sizeof search->shown - search->shown_length,
                          "%s%s", search->shown_length == 0 ? "" : ", ", text);
    if (length > 0) search->shown_length += (size_t)length;
}

static void offer_found(struct search *search, const uint8_t *id)
{
    if (search->is_found && memcmp(search->found, id, sizeof search->found) == 0) return;
    search->is_ambiguous = search->is_found;
    search->is_found = true;
    memcpy(search->found, id, sizeof search->found);
    show(search, id);
}

static void offer(struct search *search, const uint8_t *id)
{
    bool is_id = search->text.length >= DIGITS_MIN && common_digits(search->text, id) == search->text.length;
    if (is_id || (search->text.length > 0 && span_is_equal(search->text, plan_node_name(search->input, id))))
        offer_found(search, id);
}

static void offer_similar(struct search *search, const uint8_t *id)
{
    if (common_digits(search->text, id) >= SIMILAR_DIGITS) show(search, id);
}

/* Members by the documents, this node, nodes with a role, nodes for which one is staged. Some come twice. */
static void offer_all(struct search *search, void (*offer_one)(struct search *, const uint8_t *))
{
    const struct plan_input *input = search->input;
    const struct ring_layout *in_force = view_layout(input->view);
    struct document_staged_role staged;
    struct span id;
    struct span payload;
    if (input->self_id != NULL) offer_one(search, input->self_id);
    for (uint32_t i = 0; view_nth(input->view, DOCUMENT_MEMBER, i, &id, &payload); i++) {
        bool is_self = input->self_id != NULL && memcmp(input->self_id, id.bytes, RING_NODE_ID_BYTES) == 0;
        if (id.length == RING_NODE_ID_BYTES && !is_self && plan_is_member(input, id.bytes))
            offer_one(search, id.bytes);
    }
    for (uint32_t i = 0; in_force != NULL && i < in_force->nodes_count; i++) {
        if (!plan_is_member(input, in_force->nodes[i].id)) offer_one(search, in_force->nodes[i].id);
    }
    for (uint32_t i = 0; view_nth(input->view, DOCUMENT_STAGED_ROLE, i, &id, &payload); i++) {
        if (id.length != RING_NODE_ID_BYTES || plan_is_member(input, id.bytes)) continue;
        if (document_decode_staged_role(payload, &staged) && staged.is_staged) offer_one(search, id.bytes);
    }
}

/* What was typed, cut to what a message has room for; what cannot be shown as '?'. */
static const char *typed(struct span text, char out[72])
{
    size_t length = text.length < 68 ? text.length : 68;
    for (size_t i = 0; i < length; i++)
        out[i] = (char)(text.bytes[i] > ' ' && text.bytes[i] <= '~' ? text.bytes[i] : '?');
    out[length] = '\0';
    return out;
}

static void refuse_unknown(struct search *search, struct plan_result *result)
{
    char text[72];
    offer_all(search, offer_similar);
    if (search->shown_count > 0) {
        plan_say(result, PLAN_NOT_FOUND, "NoSuchNode",
                 "no node of this cluster has the id or the name \"%s\"; like it: %s", typed(search->text, text),
                 search->shown);
    } else {
        plan_say(result, PLAN_NOT_FOUND, "NoSuchNode",
                 "no node of this cluster has the id or the name \"%s\": connect it first, or give at least %d "
                 "digits of its id",
                 typed(search->text, text), DIGITS_MIN);
    }
}

bool plan_find_node(const struct plan_input *input, struct span text, uint8_t node_id[RING_NODE_ID_BYTES],
                    struct plan_result *result)
{
    struct search search = {.input = input, .text = text};
    char shown[72];
    *result = (struct plan_result){0};
    offer_all(&search, offer);
    if (search.is_ambiguous) {
        plan_say(result, PLAN_CONFLICT, "AmbiguousNode", "\"%s\" fits several nodes: %s%s: give more digits",
                 typed(text, shown), search.shown, search.shown_count > SHOWN_MAX ? " and more" : "");
    } else if (!search.is_found) {
        refuse_unknown(&search, result);
    } else {
        memcpy(node_id, search.found, RING_NODE_ID_BYTES);
    }
    return search.is_found && !search.is_ambiguous;
}
