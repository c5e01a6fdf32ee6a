"""Clients that take their time (H28), all at once against short deadlines, while a quick one is served all along.

The deadlines are settings; what they are exactly is held by node/edge/pace.c, without a clock.
"""

import itertools
import json
import re
import time

import pytest

import sign
import skerry
import slow
import test_turns
import wire
from conftest import new_client
from skerry import b64

HEAD_S, GRACE_S, RATE, STALL_S = 2, 2, 1000, 4
FLAGS = ["--k2v-head-timeout-seconds", str(HEAD_S), "--k2v-body-grace-seconds", str(GRACE_S),
         "--k2v-body-min-bytes-per-second", str(RATE), "--k2v-stall-seconds", str(STALL_S)]
BIG_ITEMS, BIG_VALUE = 192, bytes(65536)


def head_of(client, sk, *framing):
    """A rightly signed head of a PUT, without a body."""
    target = client.item_target("p", sk)
    signed = sign.by_hand(client.key, "PUT", client.server.host, target, payload=sign.UNSIGNED).headers
    return wire.request_bytes("PUT", target, [*signed, *framing])


def big_read(client):
    body = json.dumps([{"partitionKey": "big"}]).encode()
    return client.bytes_of("POST", client.bucket_target("search"), [], body)


def many(part):
    return itertools.repeat(part)


def dripping(client, server):
    """name → (client, what its designed answer matches, the item it must not have stored)."""
    k2v, admin = server.address, server.admin_address
    get = client.bytes_of("GET", client.item_target("p", "a"))
    length, chunked = ("Content-Length", "100000"), ("Transfer-Encoding", "chunked")
    late, nothing = rb"HTTP/1\.1 408 (?s:.*)", rb""
    unasked = wire.request_bytes("PUT", client.item_target("p", "a"), [("Host", "x"), ("Content-Length", "1000")])
    one = slow.Slow
    token = ("Authorization", f"Bearer {server.admin.token}")
    operator = wire.request_bytes("POST", "/v1/buckets", [("Host", "x"), token, ("Content-Length", "100")])
    return {
        "half a head": (one(k2v, get[:50]), late),
        "half a head behind a request": (one(k2v, get + get[:50]), rb"HTTP/1\.1 200 (?s:.*)HTTP/1\.1 408 (?s:.*)"),
        "a head byte by byte": (one(k2v, b"", many(b"GET /" + b"a" * 10000), bytes_per_s=20), late),
        "a head that never ends": (one(k2v, get[:-2], many(b"X-More: a\r\n"), bytes_per_s=100), late),
        "empty lines for ever": (one(k2v, b"\r\n", many(b"\r\n"), bytes_per_s=20), None),
        "half a head of an operator": (one(admin, b"GET /v1/st"), late),
        "half a body of an operator": (one(admin, operator + b"{"), late),
        "half a body": (one(k2v, head_of(client, "half", length) + b"1234"), late),
        "no body behind 100 Continue": (one(k2v, head_of(client, "none", length, ("Expect", "100-continue"))),
                                        rb"HTTP/1\.1 100 (?s:.*)HTTP/1\.1 408 (?s:.*)"),
        "a body under the rate": (one(k2v, head_of(client, "under", length), many(b"b"), RATE * 0.4), late),
        "a burst, then drops": (one(k2v, head_of(client, "burst", length) + b"b" * 90000, many(b"b"), 20), late),
        "chunks of a byte": (one(k2v, head_of(client, "bytes", chunked), many(b"1\r\nb\r\n"), RATE * 2), late),
        "a chunk head that never ends": (one(k2v, head_of(client, "chunk", chunked) + b"1;", many(b"e"), RATE * 3),
                                         late),
        "trailers that never end": (one(k2v, head_of(client, "trailer", chunked) + b"1\r\nb\r\n0\r\n",
                                        many(b"X-More: a\r\n"), RATE * 3), late),
        "a body nobody asked for, half": (one(k2v, unasked + b"b"), rb"HTTP/1\.1 403 (?s:.*)\}"),
        "garbage behind a request": (one(k2v, get + b"\x00\x01garbage\r\n\r\n"),
                                     rb"HTTP/1\.1 200 (?s:.*)HTTP/1\.1 400 (?s:.*)"),
        "a body over the rate": (one(k2v, head_of(client, "over", ("Content-Length", str(RATE * 15)),
                                                  ("Connection", "close")), [b"b" * RATE * 15], RATE * 3),
                                 rb"HTTP/1\.1 204 (?s:.*)"),
        "a reader that is slow": (one(k2v, big_read(client), reads=1 << 18, receive_bytes=1 << 17, ends=True),
                                  rb"HTTP/1\.1 200 (?s:.*)0\r\n\r\n"),
        "nothing at all": (one(k2v, b""), nothing),
        "idle behind a request": (one(k2v, get), None),
    }


KEPT = ["nothing at all", "idle behind a request", "empty lines for ever"]  # between two requests there is no hurry


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """A client of a server with short deadlines and a partition that is a long answer."""
    server = skerry.Server(tmp_path_factory.mktemp("hurried"), *FLAGS)
    client = new_client(server, server.admin.create_key())
    client.put("p", "a", b"1").expect(204)
    for first in range(0, BIG_ITEMS, 64):
        items = [{"pk": "big", "sk": f"{n:03}", "v": b64(BIG_VALUE)} for n in range(first, first + 64)]
        client.insert_batch(items).expect(204)
    yield client
    client.close()
    try:
        server.stop()
    finally:
        server.kill()


def test_each_slow_client_meets_its_answer(hurried):
    table = dripping(hurried, hurried.server)
    clients = {name: row[0] for name, row in table.items()}
    token = hurried.token("p", "a")
    poll = hurried.start_poll("p", "a", token, timeout=HEAD_S + STALL_S)
    assert poll.is_waiting()

    def serve():
        assert hurried.get("p", "a", "*/*").expect(200).body == b"1"

    slow.run_all(clients, serve, until=lambda: all(client.is_over for name, client in clients.items()
                                                   if name not in KEPT))
    for name, (client, wanted) in table.items():
        if wanted is not None:
            assert re.fullmatch(wanted, client.received), f"{name}: {client.received[:400]!r}"
    poll.answer().expect(304)
    for name in KEPT:
        assert not clients[name].is_over, name
    for name in ("nothing at all", "idle behind a request"):
        clients[name].received = b""
        clients[name].socket.sendall(hurried.bytes_of("GET", hurried.item_target("p", "a"), [("Accept", "*/*")]))
        slow.run_all({name: clients[name]}, serve, until=lambda: b"\r\n\r\n1" in clients[name].received)
        assert clients[name].received.startswith(b"HTTP/1.1 200 "), name
    stored = hurried.keys("p")
    assert stored == ["a", "over"], "of a body that was not whole nothing is stored"
    for client in clients.values():
        client.close()


def wait_until(condition, what):
    deadline = time.monotonic() + wire.TIMEOUT_S
    while not condition():  # each look is a request to the server
        assert time.monotonic() < deadline, f"it never came to this: {what}"


def connections(server):
    return server.admin.status()["connections"]


def test_a_reader_that_stalls_is_ended(hurried):
    """Its answer is cut, not completed: what came is no whole document."""
    hurried.get("p", "a").expect(200)
    before = connections(hurried.server)
    stalled = slow.Slow(hurried.server.address, big_read(hurried), reads=0, receive_bytes=1 << 14)
    wait_until(lambda: connections(hurried.server) > before, "the stalled reader is let in")
    wait_until(lambda: connections(hurried.server) <= before, "the stalled reader is closed")
    rest = wire.Connection.__new__(wire.Connection)
    rest.socket, rest.buffer, rest.request = stalled.socket, b"", "?"
    data = rest.rest()
    assert data.startswith(b"HTTP/1.1 200 ") and len(data) < BIG_ITEMS * len(BIG_VALUE)
    assert not data.endswith(b"0\r\n\r\n")
    stalled.close()


def test_a_client_that_is_gone_ends_its_walk(start_server):
    """It closed plainly, and a walk that yields nothing would never notice."""
    server = start_server(*FLAGS)
    client = test_turns.scan_client(server)
    pending = test_turns.start_scan(client, test_turns.ENDLESS)
    test_turns.read_beside(client, pending, 1)
    before = connections(server)
    pending.abandon()
    wait_until(lambda: connections(server) < before, "the walk has ended")
    client.close()
    server.stop()
    assert not any("connections cut" in line for line in server.log), "the walk went on for nobody"


def test_a_client_that_only_stopped_sending_is_served_after_its_poll_is_not(hurried):
    """Half-closed: a request under way is answered; a poll, which is a wish to be told later, is given up."""
    reading = slow.Slow(hurried.server.address, hurried.bytes_of("GET", hurried.item_target("p", "a")), ends=True)
    polling = slow.Slow(hurried.server.address, hurried.bytes_of("GET", hurried.item_target(
        "p", "a", causality_token=hurried.token("p", "a"), timeout=600)), ends=True)
    slow.run_all({"reading": reading, "polling": polling}, lambda: None)
    assert reading.received.startswith(b"HTTP/1.1 200 ")
    assert polling.received == b""
    reading.close()
    polling.close()
