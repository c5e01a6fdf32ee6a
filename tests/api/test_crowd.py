"""More connections than there is room for: descriptors, slots and memory have their bounds (I25). At each the newest is
refused, who is there goes on, and all is as before when the crowd leaves.

With sanitizers or coverage the memory of the process is not its own: only what the node counts is looked at then, and
the idle crowd is a tenth.
"""

import contextlib
import os
import re
import resource

import pytest

import skerry
import wire
from conftest import new_client
from crowd import allow_descriptors, until

IS_PLAIN = not re.search(rb"__asan_init|__tsan_init|__gcov_init|__ubsan_handle",
                         open(skerry.BIN, "rb").read() if os.path.exists(skerry.BIN) else b"")
IDLE = 10000 if IS_PLAIN else 1000
KIBIBYTE, MEBIBYTE = 1 << 10, 1 << 20
ENDLESS_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 60000


@pytest.fixture
def crowd():
    """A list of connections, closed at the end."""
    connections = []
    yield connections
    for connection in connections:
        connection.close()


def client_of(server):
    return new_client(server, server.admin.create_key("crowd"), skerry.HandClient)


def get_of(client, name="a"):
    return client.bytes_of("GET", client.item_target("p", name), [("Accept", "*/*")])


def open_more(crowd, server, data=b""):
    """One more; a refusal may come before all is sent."""
    connection = wire.Connection(server.address)
    with contextlib.suppress(ConnectionError):
        connection.send(data)
    crowd.append(connection)
    return connection


def check_refused(connection, message):
    answer = connection.read().expect(503, "ServiceUnavailable")
    error = answer.json()
    assert set(error) == {"code", "message", "region", "path"} and message in error["message"], answer
    assert answer.header("connection") == "close"
    assert connection.rest() == b""


def counted_bytes(server):
    """What the node says that requests and connections hold."""
    return server.admin.get("/v1/stats")["memory"]["used_bytes"]


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * KIBIBYTE


def serves(connection, client):
    connection.send(get_of(client))
    assert connection.read().expect(200).body == b"1"


# --- memory ---------------------------------------------------------------------------------------------------------


def test_memory_has_its_bound_and_comes_back(start_server, crowd):
    """Long heads take half of it, bodies the rest. Both are refused then; usual requests are not, by the first, and
    the process has grown by no more than the page on limits says."""
    memory, connections = 32 * MEBIBYTE, 2000
    server = start_server("--k2v-max-memory-bytes", str(memory), "--k2v-max-connections", str(connections),
                          "--k2v-head-timeout-seconds", "600", "--k2v-body-grace-seconds", "600",
                          "--k2v-stall-seconds", "600")
    client = client_of(server)
    client.put("p", "a", b"1").expect(204)
    held = open_more(crowd, server, get_of(client))
    held.read().expect(200)
    poll = client.start_poll("p", "a", client.token("p", "a"), timeout=600)
    half = open_more(crowd, server, get_of(client)[:-2])
    before = counted_bytes(server), resident_bytes(server)

    heads = []
    while not heads or (heads[-1].is_quiet() and len(heads) < connections // 2):
        heads.append(open_more(crowd, server, ENDLESS_HEAD))
        serves(held, client)  # what was sent before has been read now
    check_refused(heads[-1], "memory")
    assert len(heads) > 200, "far less than half of the memory was given"
    assert memory // 2 - MEBIBYTE < counted_bytes(server) - before[0] <= memory // 2 + len(heads) * 8 * KIBIBYTE
    client.get("p", "a").expect(200)  # on a connection that is new, too
    serves(open_more(crowd, server), client)

    piped = open_more(crowd, server, get_of(client))
    piped.read().expect(200)
    piped.send(client.bytes_of("GET", client.item_target("p", "a", causality_token=client.token("p", "a"),
                                                         timeout=1)))
    piped.send(get_of(client) + ENDLESS_HEAD)
    piped.read().expect(304)
    answer = piped.read()
    if answer.status == 200:  # that request came alone, and there was room for it
        answer = piped.read()
    answer.expect(503, "ServiceUnavailable")
    assert piped.rest() == b""

    upload = client.bytes_of("PUT", client.item_target("p", "big"), [], b"v" * (2 * MEBIBYTE))
    bodies = []
    while not bodies or (bodies[-1].is_quiet() and len(bodies) < 100):
        bodies.append(open_more(crowd, server, upload[:-1]))
        serves(held, client)
    assert counted_bytes(server) <= memory
    if IS_PLAIN:
        grown = resident_bytes(server) - before[1]
        bound = memory + (connections + 128) * KIBIBYTE + 64 * 260 * KIBIBYTE
        print(f"\n{len(heads)} long heads, {len(bodies)} uploads: grown by {grown / MEBIBYTE:.1f} MiB, bound "
              f"{bound / MEBIBYTE:.1f} MiB")
        assert grown <= bound
    server.admin.status()

    half.send(b"\r\n")
    half.read().expect(200)
    for connection in [*heads, *bodies]:
        connection.close()
    until(lambda: counted_bytes(server), lambda count: count < before[0] + MEBIBYTE, "memory that is given back")
    serves(held, client)
    client.put("p", "big", b"v" * (2 * MEBIBYTE)).expect(204)
    long_head = client.bytes_of("GET", client.item_target("p", "a"), [("x-long", "a" * 50000)])
    open_more(crowd, server, long_head).read().expect(200)
    client.put("p", "a", b"2").expect(204)
    poll.answer().expect(200)
    client.close()


# --- slots and descriptors ------------------------------------------------------------------------------------------


def test_without_a_slot_the_newest_is_told_and_the_rest_served(start_server, crowd):
    server = start_server("--k2v-max-connections", "50")
    client = client_of(server)
    client.put("p", "a", b"1").expect(204)
    client.close()
    until(lambda: server.admin.status()["connections"], lambda count: count <= 1, "the first client is gone")
    for _ in range(50):
        serves(open_more(crowd, server), client)
    for _ in range(200):  # more than may linger: some are closed at once, with their 503 before the end
        check_refused(open_more(crowd, server), "connections")
    for connection in crowd[:50]:
        serves(connection, client)
    server.admin.status()
    assert server.admin.get("/v1/stats")["connections"]["refused"] == 200
    for connection in crowd[25:]:
        connection.close()
    until(lambda: server.admin.status()["connections"], lambda count: count <= 26, "those who left are gone")
    for _ in range(25):
        serves(open_more(crowd, server), client)
    for connection in crowd[:25]:
        serves(connection, client)


def cpu_ticks(server):
    with open(f"/proc/{server.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def pauses(server):
    return sum("no connection can be taken" in line for line in list(server.log))


def test_without_a_descriptor_nothing_spins_and_others_are_served(start_server, crowd):
    """The bound on open files falls below what connections need, as another limit of the system might."""
    server = start_server()
    client = client_of(server)
    client.put("p", "a", b"1").expect(204)
    client.close()
    for _ in range(5):
        serves(open_more(crowd, server), client)
    bound = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used, bound[1]))
    waiting = [open_more(crowd, server, get_of(client)) for _ in range(20)]
    server.wait_for_line("no connection can be taken for now")
    ticks, seen = cpu_ticks(server), pauses(server)

    def serve_and_count():
        for connection in crowd[:5]:
            serves(connection, client)
        return pauses(server)

    until(serve_and_count, lambda count: count >= seen + 2, "looks at the port, one a second")
    for _ in range(100):
        serve_and_count()
    assert pauses(server) <= seen + 10, "it looks all the time"
    assert cpu_ticks(server) - ticks < 4 * os.sysconf("SC_CLK_TCK")
    assert all(connection.is_quiet() for connection in waiting[-10:])
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, bound)
    for connection in waiting:
        assert connection.read().expect(200).body == b"1", "who waited is served"
    server.admin.status()


# --- idle connections -----------------------------------------------------------------------------------------------


def test_ten_thousand_idle_connections_cost_little_and_all_work(start_server, crowd):
    """A third has not sent a byte, a third had a request answered, a third has sent half of a head."""
    each = IDLE // 3
    if not allow_descriptors(3 * each):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        each = (hard - 200) // 3
        allow_descriptors(3 * each)
        print(f"\nonly {3 * each} connections: the bound on open files is {hard}")
    server = start_server("--k2v-head-timeout-seconds", "3600")
    client = client_of(server)
    client.put("p", "a", b"1").expect(204)
    get = get_of(client)
    cut = len(get) // 2
    parts = {"not a byte was sent": b"", "a request was answered": get, "half a head was sent": get[:cut]}
    for kind, part in parts.items():
        before = resident_bytes(server)
        for number in range(each):
            connection = open_more(crowd, server, part)
            if part == get:
                connection.read().expect(200)
            if number % 500 == 0:
                client.get("p", "a").expect(200)
        until(lambda: server.admin.status()["connections"], lambda count: count >= len(crowd), "all are let in")
        client.get("p", "a").expect(200)
        cost = (resident_bytes(server) - before) / each
        print(f"\n{each} connections, {kind}: {cost:.0f} bytes each")
        assert not IS_PLAIN or cost < (8 * KIBIBYTE if part == get[:cut] else KIBIBYTE), kind
    for number, connection in enumerate(crowd):
        connection.send(get[cut:] if number >= 2 * each else get)
        assert connection.read().expect(200).body == b"1"
    server.stop()
    client.close()
