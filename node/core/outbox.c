/* Effects out of the step's arena. */
#include "node/core/outbox.h"

#include "node/base/hash.h"

#include <assert.h>

enum { NODE_NAME_BYTES = 8 };

static struct effect *add(struct outbox *outbox, enum effect_kind kind)
{
    struct effect *effect = arena_alloc(outbox->arena, sizeof *effect);
    if (effect == NULL) {
        outbox->lost_count++;
        return NULL;
    }
    list_init(&effect->link);
    effect->kind = kind;
    list_init(&effect->link);
    return effect;
}

/* Copy `bytes`; false when that cannot be had. */
static bool copy(struct outbox *outbox, struct span bytes, struct span *to)
{
    const uint8_t *copied = arena_copy(outbox->arena, bytes.bytes, bytes.length);
    *to = span_of(copied, bytes.length);
    if (copied == NULL) outbox->lost_count++;
    return copied != NULL;
}

void outbox_dial(struct outbox *outbox, uint32_t link, struct span address)
{
    struct effect *effect = add(outbox, EFFECT_LINK_DIAL);
    assert(link < LIMITS_LINKS_DIALLED_MAX && address.length <= LIMITS_ADDRESS_BYTES_MAX);
    if (effect == NULL || !copy(outbox, address, &effect->peer.address)) return;
    effect->peer.number = link;
    effects_add(outbox->effects, effect);
}

void outbox_send(struct outbox *outbox, uint32_t link, struct span bytes)
{
    struct effect *effect = add(outbox, EFFECT_LINK_SEND);
    if (effect == NULL || !copy(outbox, bytes, &effect->peer.bytes)) return;
    effect->peer.number = link;
    effects_add(outbox->effects, effect);
}

void outbox_close(struct outbox *outbox, uint32_t link, bool is_at_once)
{
    struct effect *effect = add(outbox, EFFECT_LINK_CLOSE);
    if (effect == NULL) return;
    effect->peer.number = link;
    effect->peer.is_at_once = is_at_once;
    effects_add(outbox->effects, effect);
}

void outbox_datagram(struct outbox *outbox, struct span address, struct span bytes)
{
    struct effect *effect = add(outbox, EFFECT_DATAGRAM);
    assert(bytes.length <= LIMITS_DATAGRAM_BYTES_MAX && address.length <= LIMITS_ADDRESS_BYTES_MAX);
    if (effect == NULL || !copy(outbox, address, &effect->datagram.address)) return;
    if (!copy(outbox, bytes, &effect->datagram.bytes)) return;
    effects_add(outbox->effects, effect);
}

struct effect *outbox_log(struct outbox *outbox, enum effect_level level, const char *event)
{
    struct effect *line = add(outbox, EFFECT_LOG);
    if (line == NULL) return NULL;
    line->log.fields = arena_array(outbox->arena, EFFECT_FIELDS_MAX, sizeof *line->log.fields);
    if (line->log.fields == NULL) {
        outbox->lost_count++;
        return NULL;
    }
    line->log.level = level;
    line->log.event = event;
    effects_add(outbox->effects, line);
    return line;
}

static struct effect_field *add_field(struct effect *line, const char *name)
{
    assert(line->log.fields_count < EFFECT_FIELDS_MAX);
    struct effect_field *field = &line->log.fields[line->log.fields_count++];
    *field = (struct effect_field){.name = name};
    return field;
}

void outbox_text(struct outbox *outbox, struct effect *line, const char *name, struct span text)
{
    struct span copied;
    if (line == NULL || !copy(outbox, text, &copied)) return;
    add_field(line, name)->text = copied;
}

void outbox_number(struct effect *line, const char *name, uint64_t number)
{
    if (line != NULL) add_field(line, name)->number = number;
}

void outbox_node(struct outbox *outbox, struct effect *line, const char *name, const uint8_t *node_id)
{
    char text[2 * NODE_NAME_BYTES];
    hash_hex(node_id, NODE_NAME_BYTES, text);
    outbox_text(outbox, line, name, span_of(text, sizeof text));
}
