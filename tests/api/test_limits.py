"""Limits: each is told, refused before anything is stored, and harms nobody else (I25)."""

import pytest

import wire
from skerry import Client, b64


@pytest.fixture
def small(start_server):
    """A client of a server with small limits."""
    server = start_server("--k2v-max-value-bytes", "1000", "--k2v-max-batch-bytes", "5000")
    key = server.admin.create_key()
    server.admin.create_bucket("small")
    server.admin.allow("small", key)
    client = Client(server, key, "small")
    yield client
    client.close()


LONGEST = ["a" * 480, "é" * 240, "€" * 160, "\x00" * 480]
TOO_LONG = ["a" * 481, "é" * 240 + "a", "€" * 160 + "a", "a" * 5000]


@pytest.mark.parametrize("name", LONGEST)
def test_keys_of_480_bytes_work_everywhere(fresh, name):
    fresh.put(name, name, b"1").expect(204)
    assert fresh.values(name, name) == [b"1"]
    assert fresh.keys(name) == [name]
    assert fresh.index_rows() == {name: (1, 0, 1, 1)}
    fresh.insert_batch([{"pk": name, "sk": name, "ct": fresh.token(name, name), "v": b64(b"2")}]).expect(204)
    assert [item["sk"] for item in fresh.poll_range(name, prefix=name[:-1]).json()["items"]] == [name]
    assert fresh.search(name, start=name, singleItem=True)["items"][0]["v"] == [b64(b"2")]
    assert fresh.delete_batch([{"partitionKey": name, "prefix": name}]).json()[0]["deletedItems"] == 1
    assert fresh.values(name, name) == [None]


@pytest.mark.parametrize("name", TOO_LONG)
def test_longer_keys_are_refused_and_nothing_is_stored(k2v, pk, name):
    for p, s in ((pk, name), (name, "s")):
        k2v.put(p, s, b"1").expect(400, "InvalidRequest")
        k2v.delete(p, s).expect(400, "InvalidRequest")
        answer = k2v.insert_batch([{"pk": pk, "sk": "beside", "v": ""}, {"pk": p, "sk": s, "v": ""}])
        assert "480" in answer.expect(400, "InvalidRequest").json()["message"]
    k2v.get(pk, "beside").expect(404)
    assert k2v.keys(pk, tombstones=True) == []


@pytest.mark.parametrize("name", TOO_LONG)
def test_longer_keys_as_borders_of_a_range_are_harmless(k2v, pk, name):
    k2v.write(pk, "a", b"1")
    k2v.write(pk, "b" * 480, b"1")
    for fields in ({"start": name}, {"end": name}, {"prefix": name}, {"start": name, "reverse": True},
                   {"prefix": name, "reverse": True}, {"start": name, "singleItem": True}):
        answer = k2v.read_batch([{"partitionKey": pk, **fields}])
        assert answer.status in (200, 400), answer
        if answer.status == 200:
            keys = [key for key in ("a", "b" * 480) if matches(key, **fields)]
            assert sorted(item["sk"] for item in answer.json()[0]["items"]) == keys, fields
    assert k2v.index(start=name).status in (200, 400)


def matches(key, start=None, end=None, prefix="", reverse=False, singleItem=False):
    k = key.encode()
    if singleItem:
        return key == start
    if start is not None and (k > start.encode() if reverse else k < start.encode()):
        return False
    return (end is None or k < end.encode()) and key.startswith(prefix)


def test_a_value_over_the_limit_is_413_and_the_limit_itself_is_not(small):
    small.put("p", "a", bytes(1000)).expect(204)
    answer = small.put("p", "b", bytes(1001)).expect(413)
    error = answer.json()
    assert set(error) == {"code", "message", "region", "path"} and "1000" in error["message"]
    small.get("p", "b").expect(404)
    answer = small.insert_batch([{"pk": "p", "sk": "c", "v": b64(bytes(1000))}]).expect(204)
    answer = small.insert_batch([{"pk": "p", "sk": "d", "v": ""}, {"pk": "p", "sk": "d", "v": b64(bytes(1001))}])
    assert "1000" in answer.expect(413).json()["message"]
    small.get("p", "d").expect(404)


def test_a_chunked_value_over_the_limit_is_413(small):
    target = small.item_target("p", "a")
    head = [*small.sign("PUT", target, [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], b""),
            ("Transfer-Encoding", "chunked")]
    body = b"".join(b"64\r\n" + bytes(100) + b"\r\n" for _ in range(11)) + b"0\r\n\r\n"
    answer, connection = wire.exchange(small.server.address, wire.request_bytes("PUT", target, head, body), "PUT")
    connection.close()
    answer.expect(413)
    small.get("p", "a").expect(404)


def test_a_batch_over_the_limit_is_413(small):
    items = [{"pk": "p", "sk": str(n), "v": b64(bytes(100))} for n in range(100)]
    answer = small.insert_batch(items).expect(413)
    assert "5000" in answer.json()["message"]
    assert small.keys("p") == []
    small.read_batch([{"partitionKey": "x" * 400}] * 100).expect(413)
    small.insert_batch(items[:10]).expect(204)


def test_a_body_over_the_limit_is_refused_before_it_is_sent(small):
    target = small.item_target("p", "a")
    head = [*small.sign("PUT", target, [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], b""),
            ("Content-Length", str(1 << 40)), ("Expect", "100-continue")]
    answer, connection = wire.exchange(small.server.address, wire.request_bytes("PUT", target, head), "PUT")
    answer.expect(413)
    connection.close()


def test_the_257th_sibling_is_refused_and_nothing_is_stored(k2v, pk):
    """H5: who writes blindly for ever is told."""
    k2v.insert_batch([{"pk": pk, "sk": "a", "v": b64(b"%d" % n)} for n in range(256)]).expect(204)
    values = k2v.values(pk, "a")
    assert len(values) == 256
    answer = k2v.put(pk, "a", b"one too many").expect(400, "InvalidRequest")
    assert "256" in answer.json()["message"]
    k2v.delete(pk, "a").expect(400, "InvalidRequest")
    beside = {"pk": pk, "sk": "beside", "v": ""}
    k2v.insert_batch([beside, {"pk": pk, "sk": "a", "v": b64(b"one too many")}]).expect(400, "InvalidRequest")
    assert k2v.values(pk, "a") == values
    k2v.put(pk, "a", b"merged", k2v.token(pk, "a")).expect(204)
    assert k2v.values(pk, "a") == [b"merged"]


def test_equal_siblings_count_as_well_as_others(k2v, pk):
    """The cap is on what is stored: deduplication happens only in what is shown."""
    for first in range(0, 256, 64):
        k2v.insert_batch([{"pk": pk, "sk": "a", "v": b64(b"same")} for _ in range(64)]).expect(204)
    answer = k2v.put(pk, "a", b"same")
    assert answer.status in (204, 400), answer
    assert k2v.values(pk, "a") == [b"same"]


def test_a_connection_more_than_allowed_is_turned_away_and_one_less_let_in(start_server):
    server = start_server("--k2v-max-connections", "8")
    held = []
    for _ in range(8):
        connection = wire.Connection(server.address)
        connection.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.read().expect(403)
        held.append(connection)
    more = wire.Connection(server.address)
    more.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    more.read().expect(503, "ServiceUnavailable")
    assert more.rest() == b""
    more.close()
    held[0].send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    held[0].read().expect(403)
    held.pop().close()
    for _ in range(1000):  # the server learns of the end when it next looks; each try is a condition, not a wait
        again = wire.Connection(server.address)
        try:
            again.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = again.read()
        except (ConnectionError, wire.Closed):
            again.close()
            continue
        again.close()
        if answer.status == 403:
            break
        answer.expect(503)
    else:
        raise AssertionError("no connection is let in although one has gone")
    for connection in held:
        connection.close()
