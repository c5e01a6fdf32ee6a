"""A request that walks for minutes keeps nobody waiting: not other clients, not the operator, not SIGTERM.

The long walk is a ReadBatch of many searches over one partition of tombstones, which yield nothing: it has work for
far longer than any test waits, and not a byte to send before the end. SKERRY_TEST_SCAN_ITEMS and
SKERRY_TEST_SCAN_SEARCHES size the partition and the walks that are waited for.
"""

import os
import re
import signal
import socket
import struct

import pytest

import skerry
import wire

ITEMS = int(os.environ.get("SKERRY_TEST_SCAN_ITEMS", "16384"))
SHORT = int(os.environ.get("SKERRY_TEST_SCAN_SEARCHES", "8"))  # done within seconds
ENDLESS = 90_000  # a thousand million items and more: minutes, at best
NOTHING = {"items": [], "more": False, "nextStart": None}


def scan_client(server):
    """A client whose bucket has the partition `walked`, full of tombstones, and one item."""
    key = server.admin.create_key()
    server.admin.create_bucket("turns")
    server.admin.allow("turns", key)
    client = skerry.Client(server, key, "turns")
    client.insert_batch([{"pk": "walked", "sk": f"{n:06}"} for n in range(ITEMS)]).expect(204)
    client.put("p", "a", b"1").expect(204)
    return client


def start_scan(client, searches):
    """A ReadBatch that walks the partition once for each search; searches are an even number."""
    search = b'{"partitionKey":"walked"},{"partitionKey":"walked","conflictsOnly":true}'
    body = b"[" + b",".join([search] * (searches // 2)) + b"]"
    return client.start("POST", client.bucket_target("search"), [], body)


def read_beside(client, pending, count=10):
    """So many reads of others, each answered before the walk."""
    for _ in range(count):
        assert client.get("p", "a", "*/*").expect(200).body == b"1"
        assert pending.is_waiting(), "the walk was answered first: the read waited for it"


@pytest.fixture(scope="module")
def told_to_stop(tmp_path_factory):
    """A server that was told to stop while it walks; it may take ten seconds, so others do not wait for it."""
    server = skerry.Server(tmp_path_factory.mktemp("stopping"))
    client = scan_client(server)
    pending = start_scan(client, ENDLESS)
    read_beside(client, pending, 3)
    client.close()
    server.process.send_signal(signal.SIGTERM)
    yield server
    pending.abandon()
    server.kill()
    server.check_log()


@pytest.fixture(scope="module")
def walked(told_to_stop, tmp_path_factory):
    server = skerry.Server(tmp_path_factory.mktemp("turns"))
    client = scan_client(server)
    yield client
    client.close()
    server.kill()
    server.check_log()


def test_reads_and_writes_of_others_are_answered_while_a_batch_walks(walked):
    pending = start_scan(walked, SHORT)
    read_beside(walked, pending, 1)
    assert pending.answer().expect(200).json() == [
        {"partitionKey": "walked", "prefix": None, "start": None, "end": None, "limit": None, "reverse": False,
         "singleItem": False, "conflictsOnly": n % 2 == 1, "tombstones": False, **NOTHING} for n in range(SHORT)]


def test_a_client_that_goes_away_ends_its_walk(start_server):
    server = start_server()
    client = scan_client(server)
    pending = start_scan(client, ENDLESS)
    read_beside(client, pending)
    pending.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pending.abandon()  # with a reset: a plain end would only say that nothing more is sent
    before = server.admin.status()["requests"]
    client.write("p", "b", b"2")
    assert client.values("p", "b") == [b"2"]
    assert server.admin.status()["requests"] >= before + 3
    client.close()
    server.stop()
    assert not any("connections cut" in line for line in server.log), "the walk went on for nobody"


def test_a_walk_that_can_end_ends_before_the_server_does(start_server):
    server = start_server()
    client = scan_client(server)
    pending = start_scan(client, SHORT)
    read_beside(client, pending, 1)
    server.process.send_signal(signal.SIGTERM)
    answer = pending.answer().expect(200)
    assert [result["items"] for result in answer.json()] == [[]] * SHORT
    client.close()
    assert server.end() == 0
    assert not any("connections cut" in line for line in server.log)


def test_pipelined_requests_keep_their_order_while_a_batch_walks(walked):
    """What comes while older input waits for its turn stays behind it, however the bytes are cut. Of several
    connections some do not get their turn before the sockets are looked at again."""
    pending = start_scan(walked, ENDLESS)
    connections = [wire.Connection(walked.server.address) for _ in range(12)]
    rounds, data = 15, []
    for number in range(len(connections)):
        target = walked.item_target("p", f"order-{number}")
        data.append(b"".join(walked.bytes_of("PUT", target, [], b"%d" % n) +
                             walked.bytes_of("GET", target, [("Accept", "application/json")]) for n in range(rounds)))
    for at in range(0, max(map(len, data)), 397):
        for connection, whole in zip(connections, data):
            connection.send(whole[at:at + 397])
        read_beside(walked, pending, 1)  # some turns pass
    for n in range(rounds):
        for connection in connections:
            connection.read("PUT").expect(204)
            assert len(connection.read().expect(200).json()) == n + 1
    assert pending.is_waiting()
    pending.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for connection in [pending.connection, *connections]:
        connection.close()


def test_a_small_read_passes_large_ones(start_server):
    """All come while the server is stopped, so that it finds them together, in whatever order: an index among items
    of a MiB. Several times, so that it is not always the first by chance."""
    server = start_server("--log-level", "debug")
    client = skerry.Client(server, server.admin.create_key(), "large")
    server.admin.create_bucket("large")
    server.admin.allow("large", client.key)
    client.put("p", "large", b"v" * (1 << 20)).expect(204)
    small = client.bytes_of("GET", "/large")
    large = client.bytes_of("GET", client.item_target("p", "large"), [("Accept", "application/json")])
    connections = [wire.Connection(server.address) for _ in range(13)]
    for _ in range(4):
        for connection in connections:
            connection.send(small)
            connection.read().expect(200)
        server.process.send_signal(signal.SIGSTOP)
        for connection in connections:
            connection.send(small if connection is connections[6] else large)
        server.process.send_signal(signal.SIGCONT)
        for connection in connections:
            connection.read().expect(200)
    for connection in connections:
        connection.close()
    client.close()
    server.stop()
    order = re.findall(r"operation=(ReadItem|ReadIndex) status=200", "\n".join(server.log))
    for at in range(len(connections), len(order), 2 * len(connections)):
        passed = order[at:at + len(connections)].index("ReadIndex")
        assert passed <= 4, f"{passed} of {len(connections) - 1} large items were read before"


def test_sigterm_does_not_wait_for_who_sends_no_more(start_server):
    """Whether it only closed its sending side or is gone cannot be seen: it is given two seconds, not ten."""
    server = start_server()
    client = scan_client(server)
    pending = start_scan(client, ENDLESS)
    read_beside(client, pending, 1)
    pending.connection.finish_sending()
    client.close()
    server.process.send_signal(signal.SIGTERM)
    assert server.end() == 0
    assert not any("connections cut" in line for line in server.log), "the walk went on for nobody"
    assert pending.connection.rest() == b"", "an answer that is not whole must not look like one"
    pending.connection.close()


def test_a_second_signal_ends_a_walk_at_once(start_server):
    server = start_server()
    client = scan_client(server)
    pending = start_scan(client, ENDLESS)
    read_beside(client, pending, 3)
    client.close()
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_line("msg=draining")
    server.process.send_signal(signal.SIGTERM)
    assert server.end() == 0
    assert pending.connection.rest() == b"", "an answer that is not whole must not look like one"
    assert not any("connections cut" in line for line in server.log), "it waited for the walk's time"


def test_sigterm_ends_a_walk_that_does_not_end(told_to_stop):
    """Last: by now most of its ten seconds are over."""
    assert told_to_stop.process.wait(wire.TIMEOUT_S) == 0
    told_to_stop.reader.join(wire.TIMEOUT_S)
    assert any("connections cut" in line for line in told_to_stop.log), told_to_stop.tail()
