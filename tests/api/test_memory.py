"""Memory that runs out at the k-th call for it, for every k, in every operation of a real server (I23, I25): it does
not crash, says no untruth, holds nothing afterwards, and goes on.

tests/node/memory.c tries the same on the node's own memory, under every ceiling and all sanitizers. Here it is the
whole process with its libraries, by a shim that stands before malloc(); a sanitizer has its own there, so in such a
build there is nothing to preload. TESTS_LONG=1: every k of a start; without it every k of the first ones only.

    SKERRY_BIN=build/skerry /usr/bin/python3 -m pytest -s tests/api/test_memory.py -k allocations

prints the table of docs/performance.md.
"""

import json
import os
import re

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

    def come_to_rest(self, live):
        """Everything of the last request is given back."""
        return until(lambda: self.control.live, lambda count: count <= live, f"{live} pieces of memory held before")


@pytest.fixture
def watched(start_server, tmp_path):
    node = Watched(start_server, Control(tmp_path / "memory.control"))
    yield node
    node.control.disarm()
    node.client.close()


# --- operations: what is sent, and what must be true afterwards ---------------------------------------------------


class Operation:
    """A request with a number in it, so that each try is of something new."""

    is_admin = False
    success = (200, 204)

    def __init__(self, name, method, target, body=None, headers=(), look=None, before=None, is_admin=False):
        self.name, self.method, self.target, self.body = name, method, target, body
        self.headers, self.look, self.before, self.is_admin = list(headers), look, before, is_admin

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
    numbers = numbers_from(10000001)
    watched.client.put("p", "a", b"1").expect(204)
    for operation in OPERATIONS:
        failures = try_all(watched, operation, is_sticky, numbers)
        assert failures >= 3, f"{operation.name}: only {failures} calls for memory were seen"
        print(f"{operation.name}: {failures} calls failed in turn")
    watched.client.put("p", "after", b"1").expect(204)
    assert watched.client.values("p", "after") == [b"1"]
    watched.client.close()
    watched.server.stop()
