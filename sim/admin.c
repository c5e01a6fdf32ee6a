/* Each step of a request is a happening of its own, so that a crash may come between any two. */
#include "sim/admin.h"

#include "sim/table.h"
#include "sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum request_step { STEP_BODY, STEP_SENT, STEP_GONE, STEPS_COUNT };

enum { STEP_US = 100 }; /* between the operator's machine and the node */

static void put(struct machine *machine, uint32_t slot, enum request_step step)
{
    queue_put(&machine->world->queue, (struct happening){.time_us = machine->world->now_us + STEP_US,
                                                         .kind = HAPPENING_REQUEST,
                                                         .node = machine->index,
                                                         .life = machine->life,
                                                         .value = slot * STEPS_COUNT + step});
}

static struct http_span text(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

/* Over: who asked is told, and the slot is free. */
static void finish(struct machine *machine, uint32_t slot)
{
    struct admin_ask ask = machine->asks[slot];
    struct admin_answer answer = {.body = ""};
    machine->asks[slot] = (struct admin_ask){0};
    const char *body = ask.got == NULL ? NULL : strstr(ask.got, "\r\n\r\n");
    if (ask.is_last && body != NULL) {
        answer.status = atoi(ask.got + 9);
        answer.body = body + 4;
        answer.body_bytes = strlen(answer.body);
    }
    trace_say(&machine->world->trace, TRACE_DECISION, machine->world->now_us, machine->index, "answered",
              "tag=%llu status=%d", (unsigned long long)ask.tag, answer.status);
    if (ask.on_answer != NULL) ask.on_answer(ask.owner, machine, ask.tag, &answer);
    free(ask.body);
    free(ask.got);
}

static void close_slot(struct machine *machine, uint32_t slot)
{
    struct event event = {.kind = EVENT_GONE, .slot = slot};
    machine_step(machine, &event);
    finish(machine, slot);
}

bool admin_ask(struct machine *machine, const char *method, const char *target, const char *body,
               admin_on_answer *on_answer, void *owner, uint64_t tag)
{
    static const char authorization[] = "Bearer " ADMIN_TOKEN;
    uint32_t slot = 0;
    assert(machine->is_up && machine->is_ready);
    while (slot < MACHINE_ADMIN_SLOTS && machine->asks[slot].is_used)
        slot++;
    if (slot == MACHINE_ADMIN_SLOTS) return false;
    const char *bytes = body == NULL ? "" : body;
    struct admin_ask *ask = &machine->asks[slot];
    *ask = (struct admin_ask){.is_used = true, .on_answer = on_answer, .owner = owner, .tag = tag};
    ask->began_us = machine->world->now_us;
    ask->body = table_take(NULL, strlen(bytes) + 1);
    strcpy(ask->body, bytes);
    struct http_head head = {.method = text(method), .target = text(target), .minor = 1};
    head.content_length = strlen(bytes);
    head.headers[0] = (struct http_header){text("host"), text("admin.example.org")};
    head.headers[1] = (struct http_header){text("authorization"), text(authorization)};
    head.headers_count = 2;
    trace_say(&machine->world->trace, TRACE_DECISION, machine->world->now_us, machine->index, "asked",
              "tag=%llu %s %s %s", (unsigned long long)tag, method, target, bytes);
    struct event event = {.kind = EVENT_REQUEST, .slot = slot};
    event.request.door = EVENT_DOOR_ADMIN;
    event.request.head = &head;
    machine_step(machine, &event);
    if (!node_has_request(&machine->node, slot)) finish(machine, slot); /* it had no memory */
    return true;
}

static void keep_part(struct admin_ask *ask, struct span part)
{
    if (part.length == 0) return;
    ask->got = table_take(ask->got, ask->got_bytes + part.length + 1);
    memcpy(ask->got + ask->got_bytes, part.bytes, part.length);
    ask->got_bytes += part.length;
    ask->got[ask->got_bytes] = '\0';
}

void admin_carry_out(struct machine *machine, const struct effect *effect)
{
    assert(effect->slot < MACHINE_ADMIN_SLOTS);
    struct admin_ask *ask = &machine->asks[effect->slot];
    if (effect->kind == EFFECT_READ_BODY) {
        put(machine, effect->slot, STEP_BODY);
    } else if (effect->kind == EFFECT_SEND) {
        for (int i = 0; i < EFFECT_PARTS_MAX; i++)
            keep_part(ask, effect->send.parts[i]);
        ask->is_last = effect->send.is_last;
        put(machine, effect->slot, STEP_SENT);
    } else {
        put(machine, effect->slot, STEP_GONE);
    }
}

void admin_on(struct machine *machine, uint64_t value)
{
    uint32_t slot = (uint32_t)(value / STEPS_COUNT);
    struct admin_ask *ask = &machine->asks[slot];
    if (!ask->is_used) return;
    switch ((enum request_step)(value % STEPS_COUNT)) {
    case STEP_BODY: {
        struct event event = {.kind = EVENT_BODY, .slot = slot};
        event.body.bytes = (uint8_t *)ask->body;
        event.body.length = strlen(ask->body);
        event.body.is_last = true;
        machine_step(machine, &event);
        break;
    }
    case STEP_SENT: {
        struct event event = {.kind = EVENT_SENT, .slot = slot};
        bool was_last = ask->is_last;
        machine_step(machine, &event);
        if (was_last) close_slot(machine, slot);
        break;
    }
    case STEP_GONE: close_slot(machine, slot); break;
    case STEPS_COUNT: assert(false); break;
    }
}

void admin_stop(struct machine *machine)
{
    for (uint32_t slot = 0; slot < MACHINE_ADMIN_SLOTS; slot++) {
        if (!machine->asks[slot].is_used) continue;
        machine->asks[slot].is_last = false;
        close_slot(machine, slot);
    }
}

void admin_excuse(struct machine *machine, uint64_t for_us)
{
    for (uint32_t slot = 0; slot < MACHINE_ADMIN_SLOTS; slot++)
        machine->asks[slot].began_us += for_us;
}

uint64_t admin_oldest_us(const struct machine *machine)
{
    uint64_t oldest_us = 0;
    for (uint32_t slot = 0; slot < MACHINE_ADMIN_SLOTS; slot++) {
        if (!machine->asks[slot].is_used) continue;
        uint64_t began_us = machine->asks[slot].began_us;
        uint64_t age_us = machine->world->now_us <= began_us ? 1 : machine->world->now_us - began_us;
        if (age_us > oldest_us) oldest_us = age_us;
    }
    return oldest_us;
}
