"""HTTP/1.1 as clients speak it: framing, keeping alive, pipelining, big answers, slow readers."""

import json
import random

import pytest

import sign
import wire
from skerry import EMPTY_TOKEN, b64, seed


@pytest.fixture
def connection(server):
    connection = wire.Connection(server.address)
    yield connection
    connection.close()


@pytest.fixture
def item(k2v, pk):
    k2v.write(pk, "a", b"value")
    return k2v.item_target(pk, "a")


def head_of(k2v, method, target, headers=(), version="HTTP/1.1", payload=sign.UNSIGNED):
    signed = sign.by_hand(k2v.key, method, k2v.server.host, target, payload=payload).headers
    return wire.request_bytes(method, target, [*signed, *headers], version=version)


def test_a_connection_serves_many_requests(k2v, connection, item):
    for _ in range(50):
        connection.send(head_of(k2v, "GET", item, [("Accept", "*/*")]))
        assert connection.read().expect(200).body == b"value"
        connection.send(head_of(k2v, "GET", item + "x"))
        connection.read().expect(404)


def test_pipelined_requests_are_answered_in_order(k2v, connection, pk):
    names = [f"{n:03}" for n in range(60)]
    k2v.insert_batch([{"pk": pk, "sk": name, "v": b64(name.encode())} for name in names]).expect(204)
    targets = [k2v.item_target(pk, name) for name in names]
    connection.send(b"".join(head_of(k2v, "GET", target, [("Accept", "*/*")]) for target in targets))
    assert [connection.read().expect(200).body for _ in names] == [name.encode() for name in names]


def test_a_pipelined_write_is_seen_by_the_read_behind_it(k2v, connection, pk):
    target, data = k2v.item_target(pk, "a"), b""
    for number in range(10):
        data += head_of(k2v, "PUT", target, [("Content-Length", "1")]) + b"%d" % number
        data += head_of(k2v, "GET", target, [("Accept", "application/json")])
    connection.send(data)
    for number in range(10):
        connection.read("PUT").expect(204)
        assert len(connection.read().expect(200).json()) == number + 1


def test_a_pipelined_poll_holds_back_what_is_behind_it(k2v, connection, item, pk):
    poll = head_of(k2v, "GET", f"{item}&causality_token={k2v.token(pk, 'a')}&timeout=1")
    connection.send(poll + head_of(k2v, "GET", item))
    connection.read().expect(304)
    connection.read().expect(200)


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close"])
def test_connection_close_is_honoured(k2v, connection, item, value):
    connection.send(head_of(k2v, "GET", item, [("Connection", value)]))
    answer = connection.read().expect(200)
    assert (answer.header("connection") or "").lower() == "close"
    assert connection.rest() == b""


def test_http_1_0_closes_unless_asked_to_stay(k2v, server, item):
    with_body = wire.Connection(server.address)
    with_body.send(head_of(k2v, "GET", item, [("Accept", "*/*")], version="HTTP/1.0"))
    assert with_body.read().expect(200).body == b"value"
    assert with_body.rest() == b""
    stays = wire.Connection(server.address)
    for _ in range(2):
        stays.send(head_of(k2v, "GET", item, [("Connection", "keep-alive")], version="HTTP/1.0"))
        answer = stays.read().expect(200)
    assert answer.header("connection") == "keep-alive"
    stays.close()


def test_http_1_0_never_gets_chunks(k2v, server, pk):
    k2v.insert_batch([{"pk": pk, "sk": str(n), "v": b64(bytes(3000))} for n in range(300)]).expect(204)
    body = json.dumps([{"partitionKey": pk}]).encode()
    head = head_of(k2v, "POST", k2v.bucket_target("search"), [("Content-Length", len(body))], version="HTTP/1.0")
    answer, connection = wire.exchange(server.address, head + body)
    connection.close()
    assert answer.expect(200).framing in ("length", "close")
    assert len(answer.json()[0]["items"]) == 300


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [2, 3], [65536, 3, 70000]])
def test_a_chunked_body_is_taken(k2v, connection, pk, sizes):
    parts = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    data = b"".join(b"%X;ext=\"a\"\r\n%s\r\n" % (len(part), part) for part in parts)
    data += b"0\r\nX-Trailer: ignored\r\n\r\n"
    target = k2v.item_target(pk, "a")
    payload = sign.sha256(b"".join(parts))
    connection.send(head_of(k2v, "PUT", target, [("Transfer-Encoding", "chunked")], payload=payload) + data)
    connection.read().expect(204)
    assert k2v.values(pk, "a") == [b"".join(parts)]
    connection.send(head_of(k2v, "GET", target))
    connection.read().expect(200)


def test_a_request_may_come_byte_by_byte(k2v, connection, pk):
    data = head_of(k2v, "PUT", k2v.item_target(pk, "a"), [("Transfer-Encoding", "chunked")]) + \
        b"3\r\nabc\r\n0\r\n\r\n"
    for at in range(len(data)):
        connection.send(data[at:at + 1])
    connection.read().expect(204)
    assert k2v.values(pk, "a") == [b"abc"]


def test_a_put_without_any_length_stores_the_empty_value(k2v, connection, pk):
    connection.send(head_of(k2v, "PUT", k2v.item_target(pk, "a")))
    connection.read().expect(204)
    assert k2v.values(pk, "a") == [b""]


def test_100_continue_comes_before_a_body_that_is_wanted(k2v, connection, pk):
    target = k2v.item_target(pk, "a")
    connection.send(head_of(k2v, "PUT", target, [("Content-Length", "5"), ("Expect", "100-continue")]))
    connection.read().expect(100)
    connection.send(b"value")
    connection.read().expect(204)
    assert k2v.values(pk, "a") == [b"value"]


def test_100_continue_does_not_come_before_a_refusal(k2v, connection, pk):
    target = k2v.item_target(pk, "a")
    connection.send(wire.request_bytes("PUT", target, [("Host", k2v.server.host), ("Content-Length", "5"),
                                                       ("Expect", "100-continue")]))
    connection.read().expect(403, "AccessDenied")


@pytest.mark.parametrize("size", [10, 70000, 30 << 20])
def test_an_answer_may_come_before_the_body_and_nothing_gets_out_of_step(k2v, connection, pk, size):
    """Either what is left of the body is drained, or the connection ends: never is it read as a request."""
    target = k2v.item_target(pk, "a")
    smuggled = wire.request_bytes("GET", "/smuggled?limit=x", [("Host", "x")])
    body = (smuggled * (size // len(smuggled) + 1))[:min(size, 100000)]
    head = wire.request_bytes("PUT", target, [("Host", k2v.server.host), ("Content-Length", size)])
    connection.send(head + body)
    answer = connection.read("PUT").expect(403, "AccessDenied")
    if size == len(body) and not answer.is_last:
        connection.send(head_of(k2v, "GET", target))
        connection.read().expect(404, "NoSuchKey")
    else:
        connection.finish_sending()
        assert connection.rest() == b""


def test_every_answer_has_a_date_and_lower_case_names(k2v, connection, item):
    for data in (head_of(k2v, "GET", item), head_of(k2v, "GET", item + "x"), head_of(k2v, "DELETE", item),
                 wire.request_bytes("GET", item, [("Host", "x")])):
        connection.send(data)
        answer = connection.read()
        assert answer.header("date").endswith(" GMT"), answer
        assert all(name == name.lower() for name, _ in answer.headers), answer
        for name in ("server", "etag", "cache-control"):
            assert answer.header(name) is None, answer


def test_head_has_the_length_of_the_body_it_does_not_send(k2v, connection, item):
    connection.send(b"".join(head_of(k2v, method, item, [("Accept", "*/*")]) for method in ("HEAD", "GET")))
    assert connection.read("HEAD").expect(200).header("content-length") == "5"
    assert connection.read("GET").expect(200).body == b"value"


def test_conditions_and_ranges_are_ignored(k2v, connection, item):
    connection.send(head_of(k2v, "GET", item, [("Range", "bytes=0-1"), ("If-None-Match", "*"), ("Accept", "*/*"),
                                               ("Accept-Encoding", "gzip"), ("If-Modified-Since", "x")]))
    answer = connection.read().expect(200)
    assert (answer.body, answer.header("content-encoding")) == (b"value", None)


def test_a_big_value_goes_in_and_comes_out(k2v, pk):
    value = random.Random(seed()).randbytes(12 << 20)
    k2v.put(pk, "a", value).expect(204)
    assert k2v.get(pk, "a", "*/*").expect(200).body == value
    assert k2v.values(pk, "a") == [value]


@pytest.fixture(scope="module")
def big_partition(k2v):
    """24 MiB in one partition."""
    values = [bytes([n % 251]) * 65536 for n in range(384)]
    for first in range(0, 384, 96):
        items = [{"pk": "big", "sk": f"{first + n:04}", "v": b64(value)}
                 for n, value in enumerate(values[first:first + 96])]
        k2v.insert_batch(items).expect(204)
    return values


def check_big(answer, values):
    assert answer.expect(200).framing in ("length", "chunked")
    assert [item["v"] for item in answer.json()[0]["items"]] == [[b64(value)] for value in values]


def test_an_answer_of_many_megabytes_is_streamed(k2v, big_partition):
    check_big(k2v.read_batch([{"partitionKey": "big"}]), big_partition)


def test_a_slow_reader_of_a_big_answer_delays_nobody(k2v, big_partition, item):
    body = json.dumps([{"partitionKey": "big"}]).encode()
    slow = [k2v.start("POST", k2v.bucket_target("search"), [], body) for _ in range(3)]
    for _ in range(50):
        k2v.request("GET", item).expect(200)
        k2v.request("PUT", item, [], b"1").expect(204)
    for pending in slow:
        check_big(pending.answer(), big_partition)


def test_a_reader_that_leaves_in_the_middle_of_a_big_answer_harms_nobody(k2v, big_partition, item):
    body = json.dumps([{"partitionKey": "big"}]).encode()
    for _ in range(5):
        pending = k2v.start("POST", k2v.bucket_target("search"), [], body)
        pending.connection.socket.recv(10)
        pending.abandon()
    k2v.request("GET", item).expect(200)


def test_a_connection_may_end_anywhere(k2v, server, pk):
    """Half a head, half a body, a half-closed connection: no answer is owed, and nothing is stored."""
    data = head_of(k2v, "PUT", k2v.item_target(pk, "a"), [("Content-Length", "100")]) + b"x" * 50
    for cut in (1, 20, 200, len(data) - 50, len(data)):
        connection = wire.Connection(server.address)
        connection.send(data[:cut])
        connection.finish_sending()
        rest = connection.rest()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 400"), rest
        connection.close()
    k2v.get(pk, "a").expect(404)


def test_a_client_that_has_finished_sending_still_gets_its_answer(k2v, connection, item):
    connection.send(head_of(k2v, "GET", item, [("Accept", "*/*")]))
    connection.finish_sending()
    assert connection.read().expect(200).body == b"value"
    assert connection.rest() == b""


def test_many_connections_are_served_at_once(k2v, server, item):
    connections = [wire.Connection(server.address) for _ in range(300)]
    for connection in connections:
        connection.send(head_of(k2v, "GET", item, [("Accept", "*/*")]))
    assert {connection.read().expect(200).body for connection in connections} == {b"value"}
    for connection in connections:
        connection.close()


def test_one_batch_answers_a_hundred_polls(k2v, pk):
    polls = [k2v.start_poll(pk, str(n), EMPTY_TOKEN) for n in range(100)]
    k2v.insert_batch([{"pk": pk, "sk": str(n), "v": b64(b"%d" % n)} for n in range(100)]).expect(204)
    assert [poll.answer().expect(200).json() for poll in polls] == [[b64(b"%d" % n)] for n in range(100)]
