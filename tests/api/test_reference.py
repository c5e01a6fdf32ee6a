"""What the reference's own tests assert of its server, row by row, in our words.

The client here is as theirs: it signs every header it sends, writes paths as `/bucket/pk` or `/bucket/` and
keywords without `=`, encodes nothing, says `Host: k2v.garage`, and puts no blanks behind Authorization's commas.
"""

import json

import pytest

import sign
import skerry
import wire
from conftest import unique
from skerry import EMPTY_TOKEN, b64

BINARY = "application/octet-stream"
JSON = "application/json"
REGION = "garage-integ-test"
ACCEPTS = {"E": "*/*", "N": None, "B": BINARY, "J": JSON}


class Client(skerry.Client):
    """Requests in the reference's form."""

    def sign(self, method, target, headers, body):
        return sign.by_hand(self.key, method, "k2v.garage", target, headers, body, comma=",").headers

    def bucket_target(self, query=""):
        return f"/{self.bucket}/" + (f"?{query}" if query else "")

    def item_target(self, pk, sk, **query):
        more = "".join(f"&{name}={value}" for name, value in query.items() if value is not None)
        return f"/{self.bucket}/{pk}?sort_key={sk}{more}"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A server with the region of the reference's tests, and a key for all buckets."""
    server = skerry.Server(tmp_path_factory.mktemp("reference"), "--k2v-region", REGION)
    yield server, server.admin.create_key("owner", REGION)
    try:
        server.stop()
    finally:
        server.kill()


@pytest.fixture
def garage(reference):
    """A client with a fresh bucket and all three permissions."""
    server, key = reference
    alias = unique("reference")
    server.admin.create_bucket(alias)
    server.admin.allow(alias, key, owner=True)
    client = Client(server, key, alias)
    yield client
    client.close()


def test_simple(garage):
    garage.put("root", "test1", b"Hello, world!").expect(204)
    assert garage.get("root", "test1", BINARY).expect(200).body == b"Hello, world!"


def test_items_and_indices(garage):
    def index():
        return garage.request("GET", garage.bucket_target()).expect(200).json()

    def row(entries, conflicts, values, size):
        return [{"pk": "root", "entries": entries, "conflicts": conflicts, "values": values, "bytes": size}]

    empty = {"prefix": None, "start": None, "end": None, "limit": None, "reverse": False, "partitionKeys": [],
             "more": False, "nextStart": None}
    assert index() == empty
    contents = [(b"%s: 1" % sk, b"%s: second" % sk, b"%s: third, the last" % sk) for sk in (b"a", b"b", b"c", b"d")]
    length1, length2, length3 = map(len, contents[0])
    for i, sk in enumerate("abcd"):
        first, second, third = contents[i]
        garage.put("root", sk, first).expect(204)
        answer = garage.get("root", sk, "*/*").expect(200)
        assert (answer.type, answer.body) == (BINARY, first)
        token = answer.token
        assert index()["partitionKeys"] == row(i + 1, i, 2 * i + 1, i * (length2 + length3) + length1)

        garage.put("root", sk, second, token).expect(204)
        answer = garage.get("root", sk, "*/*").expect(200)
        assert (answer.type, answer.body) == (BINARY, second)
        assert index()["partitionKeys"] == row(i + 1, i, 2 * i + 1, i * length3 + (i + 1) * length2)

        garage.put("root", sk, third, token).expect(204)
        answer = garage.get("root", sk, "*/*").expect(200)
        assert (answer.type, answer.json()) == (JSON, [b64(second), b64(third)])
        assert index()["partitionKeys"] == row(i + 1, i + 1, 2 * (i + 1), (i + 1) * (length2 + length3))
    for i, sk in enumerate("abcd"):
        garage.delete("root", sk, garage.get("root", sk).expect(200).token).expect(204)
        left = 3 - i
        expected = row(left, left, 2 * left, left * (length2 + length3)) if left else []
        assert index() == {**empty, "partitionKeys": expected}


def check_formats(garage, single, contents):
    """One state of an item in its four forms; `single` is its only value, b"" stands for a tombstone."""
    for name, accept in ACCEPTS.items():
        answer = garage.get("root", "test1", accept)
        assert answer.token, answer
        if name in "NJ" or (name == "E" and single is None):
            assert (answer.expect(200).type, answer.json()) == (JSON, contents), answer
        elif single is None:
            answer.expect(409)
        elif contents == [None]:
            answer.expect(204)
        else:
            assert (answer.expect(200).type, answer.body) == (BINARY, single), answer


def test_item_return_format(garage):
    v, w = b"one of two", b"another one"
    garage.put("root", "test1", v).expect(204)
    token = garage.get("root", "test1").token
    check_formats(garage, v, [b64(v)])
    garage.put("root", "test1", w).expect(204)
    check_formats(garage, None, [b64(v), b64(w)])
    garage.delete("root", "test1", token).expect(204)
    check_formats(garage, None, [b64(w), None])
    garage.delete("root", "test1", garage.get("root", "test1").token).expect(204)
    check_formats(garage, b"", [None])


ECHO = {"partitionKey": "root", "prefix": None, "start": None, "end": None, "limit": None, "reverse": False,
        "singleItem": False, "conflictsOnly": False, "tombstones": False}


class Batch:
    """The contents of the partition `root` as the batch test goes on: sk → (token, values)."""

    def __init__(self, garage):
        self.garage = garage
        self.state = {}

    def refresh(self, *names):
        for sk in names:
            answer = self.garage.get("root", sk, JSON).expect(200)
            self.state[sk] = (answer.token, answer.json())

    def check(self, *searches):
        """Each search is (fields, keys expected, nextStart expected): whole answers are compared."""
        result = self.garage.read_batch([{"partitionKey": "root", **fields} for fields, _, _ in searches])
        expected = []
        for fields, keys, following in searches:
            items = [{"sk": sk, "ct": self.state[sk][0], "v": self.state[sk][1]} for sk in keys.split()]
            expected.append({**ECHO, **fields, "items": items, "more": following is not None,
                             "nextStart": following})
        assert result.expect(200).json() == expected


def test_batch(garage):
    names = ["a", "b", "c", "d.1", "d.2", "e"]
    batch = Batch(garage)
    first = {sk: f"initial value of {sk}".encode() for sk in names}
    garage.insert_batch([{"pk": "root", "sk": sk, "ct": None, "v": b64(first[sk])} for sk in names]).expect(204)
    for sk in names:
        answer = garage.get("root", sk, "*/*").expect(200)
        assert (answer.type, answer.body) == (BINARY, first[sk])
    batch.refresh(*names)
    batch.check(({}, "a b c d.1 d.2 e", None),
                ({"start": "c"}, "c d.1 d.2 e", None),
                ({"start": "c", "end": "dynamite"}, "c d.1 d.2", None),
                ({"start": "c", "reverse": True, "end": "a"}, "c b", None),
                ({"start": "c", "reverse": True, "end": "azerty"}, "c b", None),
                ({"limit": 1}, "a", "b"),
                ({"prefix": "d"}, "d.1 d.2", None))

    new = {sk: f"second value of {sk}".encode() for sk in names}
    token = {sk: batch.state[sk][0] for sk in names}
    garage.insert_batch([{"pk": "root", "sk": "b", "ct": token["b"], "v": None},
                         {"pk": "root", "sk": "c", "ct": None, "v": b64(new["c"])},
                         {"pk": "root", "sk": "d.1", "ct": token["d.1"], "v": b64(new["d.1"])},
                         {"pk": "root", "sk": "d.2", "ct": None, "v": b64(new["d.2"])}]).expect(204)
    garage.get("root", "b", "*/*").expect(204)
    for sk in ("c", "d.1", "d.2"):
        garage.get("root", sk, "*/*").expect(200)
    batch.refresh("b", "c", "d.1", "d.2")
    assert {sk: batch.state[sk][1] for sk in ("b", "c", "d.1", "d.2")} == {
        "b": [None], "c": [b64(first["c"]), b64(new["c"])], "d.1": [b64(new["d.1"])],
        "d.2": [b64(first["d.2"]), b64(new["d.2"])]}
    batch.check(({}, "a c d.1 d.2 e", None),
                ({"prefix": "d"}, "d.1 d.2", None),
                ({"prefix": "d.", "end": "d.2"}, "d.1", None),
                ({"prefix": "d.", "limit": 1}, "d.1", "d.2"),
                ({"prefix": "d.", "start": "d.2", "limit": 1}, "d.2", None),
                ({"prefix": "d.", "reverse": True}, "d.2 d.1", None),
                ({"prefix": "d.", "start": "d.2", "reverse": True}, "d.2 d.1", None),
                ({"prefix": "d.", "limit": 2}, "d.1 d.2", None))

    deleted = garage.delete_batch([{"partitionKey": "root", "start": "a", "end": "c"},
                                   {"partitionKey": "root", "prefix": "d"}]).expect(200).json()
    assert deleted == [
        {"partitionKey": "root", "prefix": None, "start": "a", "end": "c", "singleItem": False, "deletedItems": 1},
        {"partitionKey": "root", "prefix": "d", "start": None, "end": None, "singleItem": False,
         "deletedItems": 2}]
    for sk in ("a", "b", "d.1", "d.2"):
        answer = garage.get("root", sk, BINARY).expect(204)
        assert answer.type == BINARY and answer.token
    batch.refresh(*names)
    batch.check(({}, "c e", None), ({"reverse": True}, "e c", None),
                ({"tombstones": True}, "a b c d.1 d.2 e", None))
    assert [batch.state[sk][1] for sk in ("a", "b", "d.1", "d.2")] == [[None]] * 4
    assert len(batch.state["c"][1]) == 2


def test_error_codes(garage):
    garage.put("root", "test1", b"Hello, world!").expect(204)

    def refused(method, target, body=b"", **headers):
        garage.request(method, target, list(headers.items()), body).expect(400)

    token = [("x-garage-causality-token", "tra$sh")]
    garage.request("PUT", garage.item_target("root", "test1"), token, b"Hello, world!").expect(400)
    refused("POST", garage.bucket_target("search"), b"[{},]")
    refused("POST", garage.bucket_target("search"),
            b'[{"partition_key": "root", "prefix": "a", "start": "bx", "end": "dynamite",},]')
    refused("POST", garage.bucket_target("search"), b'[{"partition_key": "root", "prefix": "a", "start": "bx"}]')
    refused("POST", garage.bucket_target("search"), b'[{"partitionKey": "root"')
    refused("POST", garage.bucket_target(), json.dumps(
        [{"pk": "root", "sk": "a", "ct": "tra$h", "v": b64(b"initial value")}]).encode())
    refused("POST", garage.bucket_target(), b'[{"pk": "root", "sk": "a", "ct": null, "v": "aGV$bG8="}]')
    refused("GET", garage.item_target("root", "test1", causality_token="tra$h"))
    assert garage.values("root", "a") == []


def test_poll_item(garage):
    garage.put("root", "test1", b"test1 initial value").expect(204)
    token = garage.get("root", "test1", BINARY).expect(200).token
    pending = garage.start_poll("root", "test1", token, timeout=10, accept=BINARY)
    assert garage.get("root", "test1").status == 200 and pending.is_waiting()
    garage.put("root", "test1", b"test1 new value", token).expect(204)
    assert pending.answer().expect(200).body == b"test1 new value"


def test_poll_range(garage):
    garage.put("root", "test1", b"test1 initial value").expect(204)
    token = garage.get("root", "test1").token
    first = garage.poll_range("root").expect(200).json()
    marker = first["seenMarker"]
    assert isinstance(marker, str)
    assert first == {"items": [{"sk": "test1", "ct": token, "v": [b64(b"test1 initial value")]}],
                     "seenMarker": marker}
    pending = garage.start_poll_range("root", seenMarker=marker)
    assert garage.get("root", "test1").status == 200 and pending.is_waiting()
    garage.put("root", "test1", b"test1 new value", token).expect(204)
    second = pending.answer().expect(200).json()
    assert second["items"] == [{"sk": "test1", "ct": garage.get("root", "test1").token,
                                "v": [b64(b"test1 new value")]}]
    pending = garage.start_poll_range("root", seenMarker=second["seenMarker"])
    assert garage.get("root", "test1").status == 200 and pending.is_waiting()
    garage.put("root", "test2", b"other value").expect(204)
    third = pending.answer().expect(200).json()
    assert third["items"] == [{"sk": "test2", "ct": garage.get("root", "test2").token, "v": [b64(b"other value")]}]


class Library(skerry.Client):
    """Requests in the form of the reference's client library: percent-encoded, keywords with `=`."""

    def sign(self, method, target, headers, body):
        headers = [("user-agent", "k2v/0.0.4"), *headers]
        return sign.by_hand(self.key, method, self.server.host, target, headers, body,
                            unsigned=["user-agent"]).headers

    def bucket_target(self, query=""):
        return super().bucket_target(query and query + "=")

    def read(self, pk, sk):
        answer = self.get(pk, sk, "application/octet-stream, application/json").expect(200)
        assert answer.token
        return [answer.body] if answer.type == BINARY else [skerry.unb64(value) for value in answer.json()]


@pytest.fixture
def library(garage):
    client = Library(garage.server, garage.key, garage.bucket)
    yield client
    client.close()


def test_the_client_library_inserts_and_reads(library):
    library.put("root", "test1", b"Hello, world!").expect(204)
    assert library.read("root", "test1") == [b"Hello, world!"]


def test_the_client_library_with_special_characters(library):
    pk, sk = "root@plépp", "≤≤««"
    library.put(pk, sk, b"Hello, world!").expect(204)
    assert library.read(pk, sk) == [b"Hello, world!"]
    rows = library.index().expect(200).json()["partitionKeys"]
    assert [row["pk"] for row in rows] == [pk]
    body = json.dumps([{**ECHO, "partitionKey": pk}]).encode()
    found = library.request("POST", library.bucket_target("search"), [], body).expect(200).json()
    assert len(found) == 1 and [item["sk"] for item in found[0]["items"]] == [sk]
    assert found[0]["items"][0]["v"] == [b64(b"Hello, world!")]


@pytest.mark.parametrize("prefix, following", [("a/b/", "a/b0"), ("€", "₭"), ("\ud7ff", "\ue000"),
                                               ("\U0010fffe", "\U0010ffff"), ("a\U0010ffff", "b"),
                                               ("\U0010ffff" * 3, None)])
def test_the_successor_of_a_prefix(library, prefix, following):
    names = [prefix, prefix + "\U0010ffff"] + ([following] if following else [])
    library.insert_batch([{"pk": "p", "sk": sk, "ct": None, "v": ""} for sk in names]).expect(204)
    assert library.keys("p", prefix=prefix, reverse=True) == [prefix + "\U0010ffff", prefix]


def test_a_signed_chunk_stream_cut_short_is_an_error_not_a_short_body(garage):
    target = garage.item_target("root", "s")
    signed = sign.by_hand(garage.key, "PUT", "k2v.garage", target, [("content-encoding", "aws-chunked")],
                          payload=sign.STREAMING)
    pieces = sign.signed_chunks(signed, [b"abcdefgh", b"ij"])
    for count in range(len(pieces) - 1):
        body = b"".join(pieces[:count])
        garage.send_raw(wire.request_bytes("PUT", target, [*signed.headers, ("content-length", len(body))], body),
                        "PUT").expect(400)
    assert garage.get("root", "s").expect(404).token == EMPTY_TOKEN
