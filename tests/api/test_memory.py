"""Memory that runs out at the k-th call for it, for every k, in every operation of a real server (I23, I25): it does
not crash, says no untruth, holds nothing afterwards, and goes on.

tests/node/memory.c tries the same on the node's own memory, under every ceiling and all sanitizers. Here it is the
whole process with its libraries, by a shim that stands before malloc(); a sanitizer has its own there, so in such a
build there is nothing to preload. TESTS_LONG=1: every k of a start both alone and
with all that follow; without it in turn.

    SKERRY_BIN=build/skerry /usr/bin/python3 -m pytest -s tests/api/test_memory.py -k allocations

prints the table of docs/performance.md.
"""

import json
import os
import re
import signal

import pytest

import skerry
import wire
from conftest import new_client
from crowd import until
from memory_shim import LIBRARY, Control
from skerry import EMPTY_TOKEN, b64, key_text

LONG = os.environ.get("TESTS_LONG") == "1"
NEVER = 1 << 62
CALLS_MAX = 3000  # an operation that takes more memory calls than this is wrong
JSON = [("Accept", "application/json")]


def why_not():
    if not LIBRARY.exists():
        return f"no {LIBRARY}: the build has no tests"
    with open(skerry.BIN, "rb") as file:
        if re.search(rb"__asan_init|__tsan_init|__ubsan_handle|__lsan", file.read()):
            return "a sanitizer stands before malloc() itself; tests/node/memory.c runs there"
    return None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


class Watched:
    """A server whose memory can be made to end, and a client of it."""

    def __init__(self, start_server, control):
        self.control = control
        self.server = start_server(environment=control.environment())
        self.client = new_client(self.server, self.server.admin.create_key("memory"), skerry.HandClient)

    def ask(self, data, method, address=None):
        """One request on a connection of its own: its answer, or None when it was closed without one."""
        try:
            answer, connection = wire.exchange(address or self.server.address, data, method)
            connection.close()
            return answer
        except (wire.Closed, ConnectionResetError, BrokenPipeError):
            return None

    def admin_bytes(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        return wire.request_bytes(method, path, [("Host", "admin"), ("Authorization",
                                  f"Bearer {self.server.admin.token}"), ("Content-Length", len(data))], data)

    def live(self):
        """How many pieces of memory are held when nothing is under way: the least of many looks, as the connection
        of the last question may not be closed yet."""
        self.client.close()
        self.server.admin.status()
        return min(self.control.live for _ in range(2000))

    def admin_bytes(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        return wire.request_bytes(method, path, [("Host", "admin"), ("Authorization",
                                  f"Bearer {self.server.admin.token}"), ("Content-Length", len(data))], data)

    def live(self):
        """How many pieces of memory are held when nothing is under way: all connections are closed by then."""
        self.client.close()
        seen = []
        until(lambda: seen.append(self.control.live) or seen[-10:], lambda last: last == 10 * last[:1],
              "pieces of memory held")
        return seen[-1]


@pytest.fixture
def watched(start_server, tmp_path):
    node = Watched(start_server, Control(tmp_path / "memory.control"))
    yield node
    node.control.disarm()
    node.client.close()


# --- operations: what is sent, and what must be true afterwards ---------------------------------------------------


class Operation:
    """A request with a number in it, so that each try is of something new."""

    success = (200, 204)

    def __init__(self, name, method, target, body=None, headers=(), look=None, before=None, is_admin=False,
                 adds_max=4, calls_max=45):
        self.name, self.method, self.target, self.body = name, method, target, body
        self.headers, self.look, self.before, self.is_admin = list(headers), look, before, is_admin
        self.adds_max, self.calls_max = adds_max, calls_max

    def data(self, node, number):
        filled = self.target.replace("@", str(number))
        body = None if self.body is None else json.loads(json.dumps(self.body).replace("@", str(number)))
        if self.is_admin:
            return node.admin_bytes(self.method, filled, body)
        raw = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        target = f"/{node.client.bucket}{filled}"
        return node.client.bytes_of(self.method, target, self.headers, raw)

    def send(self, node, number):
        return node.ask(self.data(node, number), self.method, node.server.admin_address if self.is_admin else None)


def values(pk, sk):
    return lambda node, number: node.client.values(pk.replace("@", str(number)), sk.replace("@", str(number)))


def admin_status(path):
    return lambda node, number: node.server.admin.call("GET", path.replace("@", str(number))).status


def put_first(node, number):
    node.client.put(f"d{number}", "a", b"1").expect(204)
    node.client.put(f"d{number}", "b", b"1").expect(204)


def make_bucket(node, number):
    node.server.admin.create_bucket(f"bucket-{number}")


def make_key(node, number):
    node.server.admin.call("POST", "/v1/keys", {"key_id": f"GK{number:08d}", "secret": "a-secret-of-sorts"}).expect(200)


def make_both(node, number):
    make_bucket(node, number)
    make_key(node, number)


def permitted(node, number):
    rows = node.server.admin.get(f"/v1/buckets/bucket-{number}")["keys"]
    return [row["key_id"].replace(str(number), "@") for row in rows]


def add_alias(node, number):
    node.server.admin.call("POST", "/v1/buckets/demo/aliases", {"alias": f"more-{number}"}).expect(200)


# look: (what to look at, what it is when nothing was done, what it is when it was)
OPERATIONS = [
    Operation("ReadItem", "GET", "/p?sort_key=a", headers=JSON),
    Operation("InsertItem", "PUT", "/p@?sort_key=a", "1", look=(values("p@", "a"), [], [b"1"])),
    Operation("DeleteItem", "DELETE", "/p@?sort_key=b", look=(values("p@", "b"), [], [None])),
    Operation("ReadIndex", "GET", "?limit=3"),
    Operation("InsertBatch", "POST", "", [{"pk": "b@", "sk": sk, "v": b64(sk.encode())} for sk in "abcdefgh"],
              look=(lambda node, number: node.client.keys(f"b{number}"), [], list("abcdefgh"))),
    Operation("ReadBatch", "POST", "?search", [{"partitionKey": "p"}, {"partitionKey": "p", "start": "a",
                                                                      "singleItem": True}]),
    Operation("DeleteBatch", "POST", "?delete", [{"partitionKey": "d@"}], before=put_first,
              look=(lambda node, number: node.client.keys(f"d{number}"), ["a", "b"], [])),
    Operation("PollItem", "GET", f"/p?sort_key=a&causality_token={EMPTY_TOKEN}&timeout=1"),
    Operation("PollRange", "POST", "/p?poll_range", {"timeout": 1}),
    Operation("HeadItem", "HEAD", "/p?sort_key=a", headers=JSON),
    Operation("create a bucket", "POST", "/v1/buckets", {"alias": "made-@"}, is_admin=True,
              look=(admin_status("/v1/buckets/made-@"), 404, 200)),
    Operation("delete a bucket", "DELETE", "/v1/buckets/bucket-@", before=make_bucket, is_admin=True,
              look=(admin_status("/v1/buckets/bucket-@"), 200, 404)),
    Operation("add an alias", "POST", "/v1/buckets/demo/aliases", {"alias": "alias-@"}, is_admin=True,
              look=(admin_status("/v1/buckets/alias-@"), 404, 200)),
    Operation("remove an alias", "DELETE", "/v1/buckets/demo/aliases", {"alias": "more-@"}, before=add_alias, is_admin=True,
              look=(admin_status("/v1/buckets/more-@"), 200, 404)),
    Operation("set permissions", "POST", "/v1/buckets/bucket-@/permissions",
              {"key_id": "GK@", "read": True, "write": True, "owner": False}, before=make_both, is_admin=True,
              look=(permitted, [], ["GK@"])),
    Operation("set CORS rules", "PUT", "/v1/buckets/demo/cors",
              {"rules": [{"allowed_origins": ["http://@"], "allowed_methods": ["GET"]}]}, is_admin=True),
    Operation("import a key", "POST", "/v1/keys", {"key_id": "GKnew@", "secret": "a-secret-of-sorts"}, is_admin=True,
              look=(admin_status("/v1/keys/GKnew@"), 404, 200)),
    Operation("create a key", "POST", "/v1/keys", {"name": "key @"}, is_admin=True),
    Operation("delete a key", "DELETE", "/v1/keys/GK@", before=lambda node, number: make_key(node, number),
              is_admin=True, look=(admin_status("/v1/keys/GK@"), 200, 404)),
    Operation("status", "GET", "/v1/status", is_admin=True),
    Operation("stats", "GET", "/v1/stats", is_admin=True),
    Operation("buckets", "GET", "/v1/buckets", is_admin=True),
    Operation("keys", "GET", "/v1/keys", is_admin=True),
]


def check_truth(node, operation, number, answer):
    """What was answered is so: done is there, refused is not there, and only what is uncertain may be either."""
    status = None if answer is None else answer.status
    assert status in (None, 200, 204, 503, 500), f"{operation.name}: {answer}"
    if operation.look is None:
        return
    look, undone, done = operation.look
    seen = look(node, number)
    code = answer.json()["code"] if status == 503 and answer.body and answer.type == "application/json" else None
    if status in (200, 204):
        assert seen == done, f"{operation.name}: answered {status}, and there is {seen}"
    elif code == "ServiceUnavailable":
        assert seen == undone, f"{operation.name}: refused, and there is {seen}"
    else:
        assert seen in (undone, done), f"{operation.name}: done in part: {seen}"


def try_all(node, operation, is_sticky, numbers):
    """k = 1, 2, 3 … until the operation is not touched. How many calls that takes."""
    for k in range(1, CALLS_MAX):
        number = next(numbers)
        if operation.before is not None:
            operation.before(node, number)
        node.client.close()
        node.control.arm(k, is_sticky)
        answer = operation.send(node, number)
        node.control.disarm()
        assert node.server.process.poll() is None, f"{operation.name}, k={k}: it ended\n{node.server.tail()}"
        check_truth(node, operation, number, answer)
        if node.control.failed == 0:
            assert answer is not None and answer.status in operation.success, f"{operation.name}: {answer}"
            return k - 1
    raise AssertionError(f"{operation.name} never gets through")


def numbers_from(first):
    number = first
    while True:
        yield number
        number += 1


@pytest.mark.parametrize("is_sticky", [False, True], ids=["one fails", "all fail from there"])
def test_an_operation_whose_kth_allocation_fails_fails_as_a_whole(watched, is_sticky):
    """And leaves nothing behind: the second round of all failures adds nothing to what is held but a piece or two of
    what LMDB and the documents keep as they grow."""
    numbers = numbers_from(10000001)
    watched.client.put("p", "a", b"1").expect(204)
    for operation in OPERATIONS:
        try_all(watched, operation, is_sticky, numbers)
        before = watched.live()
        failures = try_all(watched, operation, is_sticky, numbers)
        assert failures >= 3, f"{operation.name}: only {failures} calls for memory were seen"
        added = until(watched.live, lambda live: live <= before + operation.adds_max,
                      f"{before} pieces of memory were held before {operation.name}") - before
        print(f"{operation.name}: {failures} calls failed in turn, {added} more pieces of memory are held")
    watched.client.put("p", "after", b"1").expect(204)
    assert watched.client.values("p", "after") == [b"1"]
    watched.client.close()
    watched.server.stop()


@pytest.mark.parametrize("is_sticky", [False, True], ids=["one fails", "all fail from there"])
@pytest.mark.parametrize("kind", ["item", "range"])
def test_a_poll_that_is_woken_without_memory_is_told_or_ended(watched, kind, is_sticky):
    """I16, I23: it may get 503 or a closed connection, never an answer without the change, and never nothing."""
    client, control = watched.client, watched.control
    marker = client.poll_range("p").expect(200).json()["seenMarker"]
    for k in range(1, CALLS_MAX):
        sk = f"k{k}"
        if kind == "item":
            pending = client.start_poll("p", sk, EMPTY_TOKEN, accept="application/json")
        else:
            pending = client.start_poll_range("p", prefix=sk, start=sk, end=sk + "/", seenMarker=marker)
        until(lambda: watched.server.admin.status()["waiting_polls"], lambda count: count == 1, "polls that wait")
        write = client.bytes_of("PUT", client.item_target("p", sk), [], b"1")
        control.arm(k, is_sticky)
        done = watched.ask(write, "PUT")
        control.disarm()
        if done is None or done.status != 204:
            assert watched.server.process.poll() is None, watched.server.tail()
            client.put("p", sk, b"1").expect(204)  # whoever was not told by the first is told by this one
        try:
            answer = pending.answer()
        except (wire.Closed, ConnectionResetError):
            answer = None
        status = None if answer is None else answer.status
        assert status in (None, 200, 503), answer
        if status == 200 and kind == "item":
            assert answer.json() == [b64(b"1")]
        elif status == 200:
            assert [(item["sk"], item["v"]) for item in answer.json()["items"]] == [(sk, [b64(b"1")])]
        assert watched.server.admin.status()["waiting_polls"] == 0
        if control.failed == 0:
            assert status == 200 and done.status == 204
            return
    raise AssertionError("the poll never gets through")


def test_a_start_whose_kth_allocation_fails_says_so_and_the_next_one_works(tmp_path):
    """Exit code 1 with a message, or a start that did not need it; the directory is as good as before."""
    total = calls_of_a_start(tmp_path)
    ways = {"ended": 0, "started": 0, "aborted by libuv": 0}
    for k in range(1, total + 1):
        for is_sticky in (False, True) if LONG else (k % 2 == 0,):
            directory = tmp_path / f"start-{k}-{is_sticky}"
            ways[start_without(directory, Control(tmp_path / "control"), k, is_sticky)] += 1
            again = skerry.Server(directory)
            again.admin.status()
            again.stop()
            assert not any("elsewhere" in line for line in again.log), f"k={k}: another actor\n{again.tail()}"
    print(f"a start makes {total} calls for memory; each refused, alone or with all later ones: {ways}")
    assert ways["ended"] > 20
    assert ways["aborted by libuv"] <= 4, "two calls where it registers what a fork needs, as docs/limits.md says"


def calls_of_a_start(tmp_path):
    control = Control(tmp_path / "control")
    control.arm(NEVER)
    server = skerry.Server(tmp_path / "whole", environment=control.environment())
    calls = control.calls
    server.stop()
    return calls


def start_without(directory, control, k, is_sticky):
    control.arm(k, is_sticky)
    server = skerry.Server(directory, environment=control.environment(), start=False)
    server.launch()
    is_ready = until(lambda: (server.has_ended, any(map(skerry.READY.search, list(server.log)))), any,
                     f"a start, k={k}")[1]
    control.disarm()
    if is_ready:
        server.process.terminate()
    code = server.end()
    if is_ready:
        assert code == 0, f"k={k}: {code}\n{server.tail()}"
        return "started"
    if code == -signal.SIGABRT and not server.log:
        return "aborted by libuv"
    assert code == 1 and server.log, f"k={k}: exit code {code}, said:\n{server.tail()}"
    assert any("memory" in line for line in server.log), f"k={k}: no word of memory:\n{server.tail()}"
    return "ended"


def test_allocations_of_a_request_are_few(watched):
    """Counted on a connection that is kept, from the first byte of the head to the last of the answer, and with the
    connection. Not a bound to be reached, but what grows is seen here."""
    numbers = numbers_from(20000001)
    watched.client.put("p", "a", b"1").expect(204)
    rows = []
    for operation in OPERATIONS:
        kept = calls_of(watched, operation, numbers, is_kept=True)
        whole = calls_of(watched, operation, numbers, is_kept=False)
        rows.append((operation.name, kept, whole))
        assert 3 <= kept <= operation.calls_max and whole <= kept + 8, f"{operation.name}: {kept}, {whole}"
    print("\n| operation | on a kept connection | with its connection |\n| --- | --- | --- |")
    for row in rows:
        print("| %s | %d | %d |" % row)


def calls_of(node, operation, numbers, is_kept):
    """The calls for memory of one request: the least of a few, as LMDB keeps its pages for the next time."""
    counts = []
    address = node.server.admin_address if operation.is_admin else node.server.address
    for _ in range(4):
        number = next(numbers)
        if operation.before is not None:
            operation.before(node, number)
        node.live()
        connection = wire.Connection(address)
        if is_kept:  # one request that is not counted
            connection.send(OPERATIONS[0].data(node, 0) if not operation.is_admin
                            else node.admin_bytes("GET", "/v1/status"))
            connection.read()
        data = operation.data(node, number)
        node.control.arm(NEVER)
        if not is_kept:
            connection.close()
            connection = wire.Connection(address)
        connection.send(data)
        answer = connection.read(operation.method)
        assert answer.status in operation.success, answer
        connection.close()
        counts.append(node.control.calls)
        node.control.disarm()
    return min(counts)
