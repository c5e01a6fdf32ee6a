"""Ten thousand polls of items and a thousand of ranges at one time: what they cost, that a burst of writes wakes each
with the newest state, that none is missed however the write falls, and that who goes away leaves nothing (H9, I16,
I17, I25).

With sanitizers or coverage the program is slower and its memory is not its own: a tenth of the polls, and of the
memory only what the node itself counts. TESTS_LONG=1: ten thousand writes around the start of a poll.
"""

import collections
import json
import os
import random
import re
import signal

import pytest

import skerry
import wire
from conftest import new_client
from crowd import Crowd, allow_descriptors, header, until
from skerry import EMPTY_TOKEN, b64, key_text

LONG = os.environ.get("TESTS_LONG") == "1"
BINARY = "application/octet-stream"
IS_PLAIN = not re.search(rb"__asan_init|__tsan_init|__gcov_init|__ubsan_handle",
                         open(skerry.BIN, "rb").read() if os.path.exists(skerry.BIN) else b"")

ITEM_POLLS = 10000 if IS_PLAIN else 1000
RANGE_POLLS = 1000 if IS_PLAIN else 100
ITEMS = 1000 if IS_PLAIN else 100
ROUNDS = 10000 if LONG else 1000 if IS_PLAIN else 300
BYTES_MAX = 2048  # of a waiting poll, beside the socket


@pytest.fixture
def node(start_server):
    """A server of its own, and a client of it that is signed by hand: quick."""
    if not allow_descriptors(ITEM_POLLS + RANGE_POLLS):
        pytest.skip("the bound on open files is too low for so many connections")
    server = start_server()
    client = new_client(server, server.admin.create_key("crowd"), skerry.HandClient)
    yield client
    client.close()


def waiting(client):
    return client.server.admin.status()["waiting_polls"]


def counted_bytes(client):
    """What the node says that requests hold."""
    return client.server.admin.get("/v1/stats")["memory"]["used_bytes"]


def resident_bytes(client):
    with open(f"/proc/{client.server.process.pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024


def item_poll(client, pk, sk, token, timeout=600):
    return client.bytes_of("GET", client.item_target(pk, sk, causality_token=token, timeout=timeout),
                           [("Accept", BINARY)])


def range_poll(client, pk, marker, **fields):
    body = json.dumps({"seenMarker": marker, "timeout": 600, **fields}).encode()
    return client.bytes_of("POST", f"/{client.bucket}/{key_text(pk)}?poll_range", [], body)


def first_marker(client, pk, **fields):
    return client.poll_range(pk, **fields).expect(200).json()["seenMarker"]


def range_of(number):
    """Of ten range polls of the partition one is of all of it, the others are of a hundred items each."""
    return {} if number % 10 == 0 else {"prefix": f"0{number % 10 - 1}"}


def is_in(fields, sk):
    return sk.startswith(fields.get("prefix", ""))


def ask(client, crowd, item_polls, range_polls, timeout=600):
    """Item polls over ITEMS items without a value, and range polls of their partition."""
    marker = first_marker(client, "p")
    for number in range(item_polls):
        sk = f"{number % ITEMS:04d}"
        crowd.add(("item", sk), item_poll(client, "p", sk, EMPTY_TOKEN, timeout))
    for number in range(range_polls):
        crowd.add(("range", number), range_poll(client, "p", marker, timeout=timeout, **range_of(number)))


def fill(client, crowd, item_polls, range_polls):
    """The same, and all of them wait."""
    before = waiting(client)
    ask(client, crowd, item_polls, range_polls)
    until(lambda: waiting(client), lambda count: count == before + item_polls + range_polls, "polls that wait")


def test_an_idle_poll_costs_less_than_two_kibibytes(node):
    """I25. By the node's own count always; by the system's count of the whole process, which has what a connection
    costs beside its socket, in a plain build: looked at until it is under the bound, as memory goes back to the
    system when it likes."""
    crowd = Crowd(node.server.address)
    fill(node, crowd, 200, 20)  # what is taken once and kept
    crowd.leave("fin")
    until(lambda: waiting(node), lambda count: count == 0, "polls of clients that went")
    begun = counted_bytes(node), resident_bytes(node)
    for kind, polls in (("items", (ITEM_POLLS, 0)), ("ranges", (0, RANGE_POLLS))):
        before = counted_bytes(node), resident_bytes(node)
        fill(node, crowd, *polls)
        counted = until(lambda: (counted_bytes(node) - before[0]) / sum(polls), lambda each: each < BYTES_MAX,
                        f"bytes the node counts for a poll of {kind}")
        resident = (resident_bytes(node) - before[1]) / sum(polls)
        print(f"\n{sum(polls)} polls of {kind}: {counted:.0f} bytes counted, {resident:.0f} resident each", end="")
    if IS_PLAIN:
        resident = until(lambda: (resident_bytes(node) - begun[1]) / len(crowd), lambda each: each < BYTES_MAX,
                         "bytes resident for a poll")
        print(f"\n{len(crowd)} polls: {resident:.0f} bytes resident each")
    crowd.leave("fin")
    until(lambda: waiting(node), lambda count: count == 0, "polls of clients that went")
    until(lambda: counted_bytes(node), lambda count: count <= begun[0], "bytes the node counts at the end")
    crowd.close()


def write_in_a_burst(client, values):
    """PUT all (key, value) without waiting for an answer, on a few connections; then the answers."""
    connections = [wire.Connection(client.server.address) for _ in range(20)]
    for at, connection in enumerate(connections):
        mine = values[at::len(connections)]
        connection.send(b"".join(client.bytes_of("PUT", client.item_target("p", sk), [], value)
                                 for sk, value in mine))
    for at, connection in enumerate(connections):
        for _ in values[at::len(connections)]:
            connection.read("PUT").expect(204)
        connection.close()


def test_a_burst_of_writes_wakes_everyone_with_the_newest_state(node):
    """I16, I17: nobody is forgotten, nobody gets a 5xx, and chains of range polls reach every item."""
    crowd = Crowd(node.server.address)
    fill(node, crowd, ITEM_POLLS, RANGE_POLLS)
    keys = [f"{number:04d}" for number in range(ITEMS)]
    write_in_a_burst(node, [(sk, sk.encode()) for sk in keys])
    unheard = {number: {sk for sk in keys if is_in(range_of(number), sk)} for number in range(RANGE_POLLS)}
    heard = collections.Counter()
    woken, answers = 0, 0
    quiet = sum(1 for wanted in unheard.values() if not wanted)  # nothing of their range is written
    chains = RANGE_POLLS - quiet
    while woken < ITEM_POLLS or chains > 0:
        for member, (kind, name), status, head, body in crowd.answers(1):
            answers += 1
            assert status == 200, f"{status} to a poll of {kind} {name}: {body[:300]}"
            if kind == "item":
                woken += 1
                assert body == name.encode() and header(head, "x-garage-causality-token")
                member.close()
                continue
            document = json.loads(body)
            assert document["items"], "an answer without news"
            for item in document["items"]:
                assert item["v"] == [b64(item["sk"].encode())]
                assert is_in(range_of(name), item["sk"])
                heard[name, item["sk"]] += 1
                # What was read before its write was announced lies above the marker, and may come once more.
                assert heard[name, item["sk"]] <= 2, f"{item['sk']} comes again and again"
                unheard[name].discard(item["sk"])
            if unheard[name]:
                member.sendall(range_poll(node, "p", document["seenMarker"], **range_of(name)))
                crowd.watch(member, ("range", name))
            else:
                chains -= 1
                member.close()
    print(f"\n{ITEMS} writes woke {woken} polls of items, and {RANGE_POLLS} chains with {answers - woken} answers")
    assert len(crowd) == waiting(node) == quiet
    stats = node.server.admin.status()
    assert stats["failed"] == 0 and stats["refused"] == 0
    crowd.close()


def race(random_, poll, poll_bytes, writer, write_bytes):
    """Send both at once: the write somewhere before, in the middle of or behind the poll, by random steps."""
    cut = random_.randrange(len(poll_bytes) + 1)
    steps = random_.choice((0, 0, 50, 200, 1000, 3000))
    if random_.random() < 0.5:
        poll.send(poll_bytes[:cut] or poll_bytes[:1])
        spin(random_.randrange(steps + 1))
        writer.send(write_bytes)
        poll.send(poll_bytes[max(cut, 1):])
    else:
        writer.send(write_bytes)
        spin(random_.randrange(steps + 1))
        poll.send(poll_bytes)


def spin(steps):
    for _ in range(steps):
        pass


def test_no_write_at_any_moment_around_the_start_of_a_poll_is_missed(node):
    """H9. Each poll knows all before the write; a missed one would end with 304, or never."""
    random_ = random.Random(skerry.seed())
    poll, writer = wire.Connection(node.server.address), wire.Connection(node.server.address)
    token = node.put("p", "a", b"0").expect(204).token
    marker = first_marker(node, "p")
    for number in range(1, ROUNDS + 1):
        value = b"%d" % number
        write = node.bytes_of("PUT", node.item_target("p", "a"), [("X-Garage-Causality-Token", token)], value)
        is_range = number % 2 == 0
        asked = range_poll(node, "p", marker, timeout=30) if is_range else item_poll(node, "p", "a", token, 30)
        race(random_, poll, asked, writer, write)
        token = writer.read("PUT").expect(204).token
        answer = poll.read("POST" if is_range else "GET")
        assert answer.status == 200, f"round {number}, SEED={skerry.seed()}: {answer}"
        if is_range:
            document = answer.json()
            assert [(item["sk"], item["v"]) for item in document["items"]] == [("a", [b64(value)])]
            marker = document["seenMarker"]
        else:
            assert answer.body == value and answer.token == token
            marker = None if number == ROUNDS else first_marker(node, "p")
    poll.close()
    writer.close()


def test_who_goes_away_leaves_nothing(node):
    """I25: however it goes, the poll is counted no more, and doing it again takes no more memory."""
    count = (ITEM_POLLS // 5, RANGE_POLLS // 5)
    peaks = []
    for how in ("fin", "reset", "half", "time", "fin", "reset", "half", "time"):
        crowd = Crowd(node.server.address)
        if how == "time":
            ask(node, crowd, *count, timeout=1)  # they need not all wait at one time
        else:
            fill(node, crowd, *count)
        peaks.append(resident_bytes(node))
        if how != "time":
            crowd.leave(how)
        until(lambda: waiting(node), lambda polls: polls == 0, f"polls of clients that went by {how}")
        for member, _, status, _, _ in crowd.answers():
            assert status == (304 if how == "time" else 0)
            member.close()
        until(lambda: counted_bytes(node), lambda held: held == 0, "bytes counted when all have gone")
        until(lambda: node.server.admin.status()["connections"], lambda open_: open_ <= 2, "connections")
        crowd.close()
    if IS_PLAIN:
        assert max(peaks[4:]) < max(peaks[:4]) + sum(count) * BYTES_MAX / 4, f"memory grows: {peaks}"


def test_a_server_that_stops_answers_all_polls(node):
    crowd = Crowd(node.server.address)
    fill(node, crowd, ITEM_POLLS // 5, RANGE_POLLS // 5)
    node.close()
    node.server.process.send_signal(signal.SIGTERM)
    statuses = [status for _, _, status, _, _ in crowd.answers()]
    assert statuses == [304] * (ITEM_POLLS // 5 + RANGE_POLLS // 5)
    assert node.server.end() == 0, node.server.tail()
    crowd.close()
