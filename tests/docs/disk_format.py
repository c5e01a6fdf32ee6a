"""The disk format written a second time, from docs/disk-format.md alone: one small database, row by row.

    python3 tests/docs/disk_format.py > tests/vectors/disk-format.txt

The program's own tests read that file (tests/node/store/format_vectors.c, tests/node/core/format_vectors.c); the
page shows its lines. So page, vectors, this file and the program say the same, or a test fails.
"""

import ctypes
import ctypes.util
import hashlib

SEAL_KEY = bytes(range(0x00, 0x20))
HASH_KEY = bytes(range(0xA0, 0xC0))
TOKEN_KEY = bytes(range(0xC0, 0xE0))
BUCKET = bytes(range(0x20, 0x40))
DOCUMENTS_KEY = bytes(range(0x40, 0x60))
NODE_SEED = bytes(range(0xE0, 0x100))
CLUSTER_ID = bytes(range(0x90, 0xA0))
NONCE = bytes(range(0x60, 0x78))
PLACE = bytes(range(0x80, 0x90))

ACTOR, FORMER = 0x1111111111111111, 0x0505050505050505
TIME_US = 1767323045678000  # 2026-01-02T03:04:05.678Z
KEY_ID = b"GK0123456789abcdef01234567"
SECRET = b"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
PARTITION = b"mailboxes"
NODE_A, NODE_B = bytes([0x0A] * 32), bytes([0x0B] * 32)


# --- msgpack, each value in its shortest form -----------------------------------------------------------------------


def number(n):
    for limit, head, width in ((0x80, b"", 1), (0x100, b"\xcc", 1), (0x10000, b"\xcd", 2), (1 << 32, b"\xce", 4)):
        if n < limit:
            return head + n.to_bytes(width, "big")
    return b"\xcf" + n.to_bytes(8, "big")


def sized(length, forms):
    for limit, head, width in forms:
        if length < limit:
            return head + length.to_bytes(width, "big")
    raise ValueError("too long")


def binary(data):
    return sized(len(data), ((0x100, b"\xc4", 1), (0x10000, b"\xc5", 2), (1 << 32, b"\xc6", 4))) + data


def text(data):
    if len(data) < 32:
        return bytes([0xA0 | len(data)]) + data
    return sized(len(data), ((0x100, b"\xd9", 1), (0x10000, b"\xda", 2), (1 << 32, b"\xdb", 4))) + data


def array(*elements):
    assert len(elements) < 16, "longer ones are not needed here"
    return bytes([0x90 | len(elements)]) + b"".join(elements)


TRUE, FALSE, NIL = b"\xc3", b"\xc2", b"\xc0"


# --- hashes, seals, rows --------------------------------------------------------------------------------------------


def keyed(key, data):
    return hashlib.blake2b(data, digest_size=16, key=key).digest()


def field(data):
    return len(data).to_bytes(8, "big") + data


def row(space, key, body):
    return keyed(HASH_KEY, space + field(key) + body)[:8] + body


def seal(name, plain, key=SEAL_KEY):
    """nonce, ciphertext, tag: XChaCha20-Poly1305 with the name as what is authenticated beside."""
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
    out = ctypes.create_string_buffer(len(plain) + 16)
    failed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        out, None, plain, ctypes.c_ulonglong(len(plain)), name, ctypes.c_ulonglong(len(name)), None, NONCE, key)
    assert failed == 0
    return NONCE + out.raw


def document(key, payload, time_us=TIME_US, actor=ACTOR):
    return row(b"d", key, array(number(1), number(time_us), number(actor), binary(payload)))


def layout():
    """The key and the payload of the first version: two nodes in two zones, two partitions, two copies."""
    first = 1
    payload = array(number(1), number(first), binary(bytes(32)), number(2), number(2), number(0),
                    array(text(b"east"), text(b"west")),
                    array(array(binary(NODE_A), number(10**11), number(1)),
                          array(binary(NODE_B), number(2 * 10**11), number(0))),
                    binary(bytes([0, 1, 0, 1])))
    name = hashlib.blake2b(payload, digest_size=32, key=b"skerry layout version").digest()
    return b"V" + first.to_bytes(8, "big") + name, payload


def digest(key, payload, time_us=TIME_US, actor=ACTOR):
    """A document's part of the digest of all."""
    return keyed(HASH_KEY, b"document" + field(key) + time_us.to_bytes(8, "big") + actor.to_bytes(8, "big") + payload)


def write(counter, value):
    """A value, or a tombstone for None."""
    return array(number(counter), number(1 if value is None else 0), number(0), number(0), binary(value or b""))


def item(key, writes_in_all, *columns):
    return row(b"i", key, array(number(1), binary(BUCKET), text(PARTITION), number(writes_in_all), array(*columns)))


def token_seal(sort_key, *dots):
    entries = b"".join(actor.to_bytes(8, "big") + counter.to_bytes(8, "big") for actor, counter in dots)
    return keyed(TOKEN_KEY, b"token" + BUCKET + field(PARTITION) + field(sort_key) + entries)[:8], entries


# --- the database ---------------------------------------------------------------------------------------------------


def vectors():
    """[(name, bytes)], in the order of the page."""
    hashed = keyed(HASH_KEY, BUCKET + PARTITION)
    inbox, drafts = hashed + b"INBOX", hashed + b"Drafts"
    count_key = BUCKET[:16] + PARTITION

    named = [
        ("seal_key", SEAL_KEY), ("hash_key", HASH_KEY), ("token_key", TOKEN_KEY),
        ("documents_key", DOCUMENTS_KEY), ("node_seed", NODE_SEED), ("cluster_id", CLUSTER_ID), ("place", PLACE),
        ("bucket_id", BUCKET), ("partition_key", PARTITION), ("key_id", KEY_ID), ("secret", SECRET),
        ("format_key", b"format"), ("format_row", array(text(b"skerry"), number(2))),
        ("former_format_row", array(text(b"skerry"), number(1))),
        ("secrets_key", b"secrets"),
        ("secrets_row", seal(b"secrets", HASH_KEY + TOKEN_KEY + DOCUMENTS_KEY + NODE_SEED + CLUSTER_ID + b"\1")),
        ("former_secrets_row", seal(b"secrets", HASH_KEY + TOKEN_KEY)),
        ("incarnation_key", b"incarnation"),
        ("incarnation_row", document(b"incarnation", array(number(TIME_US + 20)), time_us=0, actor=0)),
        ("actor_key", b"actor"),
        ("actor_row", document(b"actor", array(number(ACTOR), number(TIME_US + 9), binary(PLACE),
                                               array(number(FORMER))), time_us=0)),
        ("partition_hash", hashed),
        ("inbox_key", inbox),
        ("inbox_row", item(inbox, 1, array(number(ACTOR), number(0), array(write(TIME_US, b"hello"))))),
        ("drafts_key", drafts),
        ("drafts_row", item(drafts, 2, array(number(FORMER), number(7), array()),
                            array(number(ACTOR), number(TIME_US + 2),
                                  array(write(TIME_US + 3, b"a value"), write(TIME_US + 9, None))))),
        ("count_key", count_key),
        ("count_row", row(b"c", count_key, array(*map(number, (1, 2, 1, 2, 12, 2))))),
    ]
    alias = b"mails"
    rule = array(array(text(b"https://app.example")), array(text(b"GET"), text(b"PUT")), array(text(b"*")),
                 array(text(b"x-garage-causality-token")))
    kept = [
        ("bucket", b"B" + BUCKET, array(TRUE, number(TIME_US))),
        ("alias", b"A" + alias, array(binary(BUCKET))),
        ("alias_removed", b"Aformer-name", array(NIL)),
        ("cors", b"C" + BUCKET, array(array(rule))),
        ("key", b"K" + KEY_ID, array(TRUE, text(b"mailer"), number(TIME_US), binary(seal(KEY_ID, SECRET, DOCUMENTS_KEY)))),
        ("local_alias", b"L" + bytes([len(KEY_ID)]) + KEY_ID + b"inbox", array(binary(BUCKET))),
        ("permission", b"P" + BUCKET + KEY_ID, array(number(7))),
        ("address", b"D" + NODE_A, array(text(b"10.0.0.1:3901"))),
        ("number", b"Greplication", array(number(2))),
        ("number_not", b"Gzone_redundancy", array()),
        ("member", b"N" + NODE_A, array(TRUE, number(TIME_US), text(b"one"))),
        ("role", b"S" + NODE_A, array(text(b"west"), number(10**11))),
        ("role_removal", b"S" + NODE_B, array(NIL)),
        ("role_not", b"S" + bytes(32), array()),
        ("layout", *layout()),
        ("dismissed", b"X" + layout()[0][9:], array(TRUE)),
    ]
    for name, key, payload in kept:
        named += [(f"{name}_key", key), (f"{name}_row", document(key, payload))]

    digests = [int.from_bytes(digest(key, payload), "big") for _, key, payload in kept]
    named += [("bucket_digest", digest(kept[0][1], kept[0][2])),
              ("documents_digest", (sum(digests) % (1 << 128)).to_bytes(16, "big"))]
    seal_bytes, entries = token_seal(b"Drafts", (FORMER, 7), (ACTOR, TIME_US + 9))
    return named + [("drafts_token", seal_bytes + entries)]


def lines():
    return [f"{name} {data.hex()}" for name, data in vectors()]


if __name__ == "__main__":
    print("# One small database, row by row: name, blank, bytes in hex. Written by tests/docs/disk_format.py.")
    print("\n".join(lines()))
