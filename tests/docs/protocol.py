"""What nodes say to each other, written a second time, from docs/protocol.md alone: one link, one packet.

    python3 tests/docs/protocol.py > tests/vectors/protocol.txt

The program's own test reads that file (tests/node/core/link_vectors.c); the page shows its lines. So page, vectors,
this file and the program say the same, or a test fails.
"""

import ctypes
import ctypes.util
import hashlib

SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")

SECRET = bytes(range(0x00, 0x20))
CLUSTER_ID = bytes(range(0x20, 0x30))
DIALLER_SEED = bytes([0xD1] * 32)  # of the node's key
LISTENER_SEED = bytes([0x15] * 32)
DIALLER_PRNG = bytes([0xDE] * 32)  # of the generator that the program draws its ephemeral key from
LISTENER_PRNG = bytes([0x1E] * 32)
PACKET_PRNG = bytes([0x0C] * 32)

VERSION, VERSION_MIN, CAPABILITIES = 1, 1, 0
DIALLER_BOOT, LISTENER_BOOT = bytes([0xDB] * 8), bytes([0x1B] * 8)  # boot nonces
NAME = b"skerry link 1"
MESSAGE, ANSWERED, BODY = b"a message over a link", b"an answer", b"a rumour"
PIECE, REKEY, END = 0, 2, 3  # tags of crypto_secretstream


# --- libsodium ------------------------------------------------------------------------------------------------------


def call(name, out_bytes, *arguments):
    """`name(out, arguments…)`, where bytes go as they are and integers as unsigned long long."""
    out = ctypes.create_string_buffer(out_bytes)
    given = [ctypes.c_ulonglong(one) if isinstance(one, int) else one for one in arguments]
    assert getattr(SODIUM, name)(out, *given) == 0, name
    return out.raw


def drawn(seed, length):
    """The first bytes that node/base/prng.c gives after this seed."""
    return call("crypto_stream_chacha20", length, length, b"bytes\0\0\0", seed)


def node_keys(seed):
    """(node id, secret key of 64 bytes)"""
    secret = ctypes.create_string_buffer(64)
    return call("crypto_sign_ed25519_seed_keypair", 32, secret, seed), secret.raw


def exchange(secret, key):
    return call("crypto_scalarmult_curve25519", 32, secret, key)


def public(secret):
    return call("crypto_scalarmult_curve25519_base", 32, secret)


def sign(data, secret_key):
    return call("crypto_sign_ed25519_detached", 64, None, data, len(data), secret_key)


def seal(kind, key, nonce, beside, plain):
    return call(f"crypto_aead_{kind}_ietf_encrypt", len(plain) + 16, None, plain, len(plain), beside, len(beside), None,
                nonce, key)


class Stream:
    """One direction of frames."""

    def __init__(self, key_and_header):
        self.state = ctypes.create_string_buffer(64)
        key, header = key_and_header[:32], key_and_header[32:]
        assert SODIUM.crypto_secretstream_xchacha20poly1305_init_pull(self.state, header, key) == 0

    def frame(self, tag, plain=b""):
        length = (len(plain) + 17).to_bytes(2, "big")
        out = ctypes.create_string_buffer(len(plain) + 17)
        assert SODIUM.crypto_secretstream_xchacha20poly1305_push(
            self.state, out, None, plain, ctypes.c_ulonglong(len(plain)), length, ctypes.c_ulonglong(2),
            ctypes.c_ubyte(tag)) == 0
        return length + out.raw


# --- the page -------------------------------------------------------------------------------------------------------


def hashed(data, key=b"", length=32):
    return hashlib.blake2b(data, digest_size=length, key=key).digest()


def number(n):
    return n.to_bytes(8, "big")


def piece(slot, is_last, data):
    return bytes([slot | (0x80 if is_last else 0)]) + data


class Handshake:
    def __init__(self):
        self.said = hashed(NAME)
        self.chain = hashed(NAME, SECRET)

    def say(self, data):
        self.said = hashed(self.said + data)

    def key(self, purpose, length=32):
        return hashed(purpose + self.said, self.chain, length)

    def seal(self, purpose, plain):
        box = seal("chacha20poly1305", self.key(purpose), bytes(12), self.said, plain)
        self.say(box)
        return box


def link():
    """[(name, bytes)] of a handshake between two members and of their first frames."""
    dialler_id, dialler_key = node_keys(DIALLER_SEED)
    listener_id, listener_key = node_keys(LISTENER_SEED)
    dialler_secret, listener_secret = drawn(DIALLER_PRNG, 32), drawn(LISTENER_PRNG, 32)
    offer = VERSION.to_bytes(4, "big") + VERSION_MIN.to_bytes(4, "big") + number(CAPABILITIES)
    both = Handshake()

    hello = b"\x01" + public(dialler_secret)
    both.say(hello)
    hello += both.seal(b"hello", offer)

    answer = public(listener_secret)
    both.say(answer)
    both.chain = hashed(exchange(listener_secret, public(dialler_secret)) + both.said, both.chain)
    fields = offer + b"\x01" + CLUSTER_ID + LISTENER_BOOT + listener_id
    answer += both.seal(b"answer", fields + sign(b"skerry link 1 listener" + both.said + fields, listener_key))

    fields = b"\x01" + CLUSTER_ID + DIALLER_BOOT + dialler_id
    proof = both.seal(b"proof", fields + sign(b"skerry link 1 dialler" + both.said + fields, dialler_key))

    dialler_stream, listener_stream = both.key(b"dialler's frames", 56), both.key(b"listener's frames", 56)
    to_listener, to_dialler = Stream(dialler_stream), Stream(listener_stream)
    return [
        ("dialler_id", dialler_id), ("listener_id", listener_id),
        ("dialler_ephemeral", dialler_secret), ("listener_ephemeral", listener_secret),
        ("hello", hello), ("answer", answer), ("proof", proof),
        ("dialler_stream", dialler_stream), ("listener_stream", listener_stream),
        ("message", MESSAGE), ("message_frame", to_listener.frame(PIECE, piece(1, True, MESSAGE))),
        ("rekey_frame", to_listener.frame(REKEY)), ("end_frame", to_listener.frame(END)),
        ("answered", ANSWERED), ("answered_frame", to_dialler.frame(PIECE, piece(0, True, ANSWERED))),
    ]


def packet():
    """[(name, bytes)] of a packet from the dialler to the listener."""
    dialler_id, dialler_key = node_keys(DIALLER_SEED)
    listener_id, _ = node_keys(LISTENER_SEED)
    nonce = drawn(PACKET_PRNG, 24)
    shared = exchange(call("crypto_sign_ed25519_sk_to_curve25519", 32, dialler_key),
                      call("crypto_sign_ed25519_pk_to_curve25519", 32, listener_id))
    pad = hashed(b"skerry packet 1 mask" + CLUSTER_ID + nonce, SECRET)
    head = b"\x01" + nonce + bytes(a ^ b for a, b in zip(dialler_id, pad))
    key = hashed(b"skerry packet 1 body" + CLUSTER_ID + shared + dialler_id + listener_id, SECRET)
    return [("packet_pair", shared), ("packet_body", BODY),
            ("packet", head + seal("xchacha20poly1305", key, nonce, head, BODY))]


def vectors():
    """[(name, bytes)], in the order of the page."""
    return [
        ("secret", SECRET), ("cluster_id", CLUSTER_ID), ("dialler_seed", DIALLER_SEED),
        ("listener_seed", LISTENER_SEED), ("dialler_prng", DIALLER_PRNG), ("listener_prng", LISTENER_PRNG),
        ("packet_prng", PACKET_PRNG), ("dialler_boot", DIALLER_BOOT), ("listener_boot", LISTENER_BOOT),
    ] + link() + packet()


def lines():
    return [f"{name} {data.hex()}" for name, data in vectors()]


if __name__ == "__main__":
    print("# One link and one packet: name, blank, bytes in hex. Written by tests/docs/protocol.py.")
    print("\n".join(lines()))
