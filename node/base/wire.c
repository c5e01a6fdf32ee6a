/* msgpack out by msgpack-c's packer, in by a cursor that trusts no length. */
#include "node/base/wire.h"

#include <assert.h>
#include <msgpack/pack.h>

/* --- out ------------------------------------------------------------------------------------------------ */

void wire_out_init(struct wire_out *out, struct arena *arena)
{
    *out = (struct wire_out){.arena = arena};
}

void wire_reserve(struct wire_out *out, size_t bytes)
{
    if (out->failed || bytes <= out->capacity) return;
    uint8_t *moved = arena_grow(out->arena, out->bytes, out->capacity, bytes);
    if (moved == NULL) {
        out->failed = true;
        return;
    }
    out->bytes = moved;
    out->capacity = bytes;
}

void wire_put_raw(struct wire_out *out, const void *bytes, size_t length)
{
    if (out->failed || length == 0) return;
    size_t whole = 0;
    if (!size_add(out->length, length, &whole)) {
        out->failed = true;
        return;
    }
    if (whole > out->capacity) wire_reserve(out, whole < 64 ? 64 : whole + whole / 2);
    if (out->failed) return;
    memcpy(out->bytes + out->length, bytes, length);
    out->length = whole;
}

/* msgpack-c's way to write: it calls this with each piece. */
static int packer_write(void *owner, const char *bytes, size_t length)
{
    wire_put_raw(owner, bytes, length);
    return 0;
}

static msgpack_packer packer_of(struct wire_out *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, packer_write);
    return packer;
}

void wire_put_array(struct wire_out *out, uint32_t count)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_array(&packer, count);
}

void wire_put_u64(struct wire_out *out, uint64_t number)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_uint64(&packer, number);
}

void wire_put_bool(struct wire_out *out, bool value)
{
    msgpack_packer packer = packer_of(out);
    if (value) {
        msgpack_pack_true(&packer);
    } else {
        msgpack_pack_false(&packer);
    }
}

void wire_put_nil(struct wire_out *out)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_nil(&packer);
}

void wire_put_bytes(struct wire_out *out, struct span bytes)
{
    assert(bytes.length <= UINT32_MAX);
    msgpack_packer packer = packer_of(out);
    msgpack_pack_bin(&packer, bytes.length);
    wire_put_raw(out, bytes.bytes, bytes.length);
}

void wire_put_text(struct wire_out *out, struct span text)
{
    assert(text.length <= UINT32_MAX);
    msgpack_packer packer = packer_of(out);
    msgpack_pack_str(&packer, text.length);
    wire_put_raw(out, text.bytes, text.length);
}

/* --- in ------------------------------------------------------------------------------------------------- */

struct wire_in wire_in_over(struct span bytes)
{
    return (struct wire_in){.at = bytes.bytes,
                            .end = bytes.length == 0 ? bytes.bytes : bytes.bytes + bytes.length};
}

void wire_fail(struct wire_in *in)
{
    in->failed = true;
    in->at = in->end;
}

static size_t left(const struct wire_in *in)
{
    return in->at == in->end ? 0 : (size_t)(in->end - in->at);
}

struct span wire_get_raw(struct wire_in *in, size_t length)
{
    if (in->failed || length > left(in)) {
        wire_fail(in);
        return (struct span){NULL, 0};
    }
    struct span taken = {in->at, length};
    if (length > 0) in->at += length;
    return taken;
}

static uint8_t get_byte(struct wire_in *in)
{
    struct span byte = wire_get_raw(in, 1);
    return in->failed ? 0 : byte.bytes[0];
}

/* A big-endian number of `width` bytes that must need that width: one number, one form. */
static uint64_t get_number(struct wire_in *in, size_t width, uint64_t at_least)
{
    struct span bytes = wire_get_raw(in, width);
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.length; i++)
        number = number << 8 | bytes.bytes[i];
    if (number < at_least) wire_fail(in);
    return in->failed ? 0 : number;
}

uint32_t wire_get_array(struct wire_in *in)
{
    uint8_t head = get_byte(in);
    uint64_t count = 0;
    if ((head & 0xf0) == 0x90) {
        count = head & 0x0f;
    } else if (head == 0xdc) {
        count = get_number(in, 2, 16);
    } else if (head == 0xdd) {
        count = get_number(in, 4, 0x10000);
    } else {
        wire_fail(in);
    }
    if (count > left(in)) wire_fail(in); /* every element needs a byte at least */
    return in->failed ? 0 : (uint32_t)count;
}

uint64_t wire_get_u64(struct wire_in *in)
{
    uint8_t head = get_byte(in);
    if (in->failed || head < 0x80) return head;
    switch (head) {
    case 0xcc: return get_number(in, 1, 0x80);
    case 0xcd: return get_number(in, 2, 0x100);
    case 0xce: return get_number(in, 4, 0x10000);
    case 0xcf: return get_number(in, 8, 0x100000000);
    default: wire_fail(in); return 0;
    }
}

bool wire_get_bool(struct wire_in *in)
{
    uint8_t head = get_byte(in);
    if (head != 0xc2 && head != 0xc3) wire_fail(in);
    return !in->failed && head == 0xc3;
}

bool wire_get_nil(struct wire_in *in)
{
    if (in->failed || left(in) == 0 || *in->at != 0xc0) return false;
    in->at++;
    return true;
}

struct span wire_get_bytes(struct wire_in *in)
{
    uint8_t head = get_byte(in);
    size_t length = 0;
    switch (head) {
    case 0xc4: length = (size_t)get_number(in, 1, 0); break;
    case 0xc5: length = (size_t)get_number(in, 2, 0x100); break;
    case 0xc6: length = (size_t)get_number(in, 4, 0x10000); break;
    default: wire_fail(in); break;
    }
    return wire_get_raw(in, length);
}

struct span wire_get_text(struct wire_in *in)
{
    uint8_t head = get_byte(in);
    size_t length = 0;
    if ((head & 0xe0) == 0xa0) {
        length = head & 0x1f;
    } else if (head == 0xd9) {
        length = (size_t)get_number(in, 1, 0x20);
    } else if (head == 0xda) {
        length = (size_t)get_number(in, 2, 0x100);
    } else if (head == 0xdb) {
        length = (size_t)get_number(in, 4, 0x10000);
    } else {
        wire_fail(in);
    }
    return wire_get_raw(in, length);
}

bool wire_is_done(const struct wire_in *in)
{
    return !in->failed && in->at == in->end;
}
