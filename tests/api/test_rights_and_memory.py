"""What a long wait must not outlive, and what all requests may hold together."""

import pytest

import wire
from conftest import new_client, unique
from crowd import until

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("take_away", ["the permission", "the key"])
def test_a_waiting_poll_delivers_nothing_once_its_right_is_gone(fresh, take_away):
    admin, key = fresh.server.admin, fresh.server.admin.create_key("reader")
    admin.allow(fresh.bucket, key, write=False)
    fresh.write("p", "s", b"1")
    reader = fresh.clone(key)
    item = reader.start_poll("p", "s", fresh.token("p", "s"))
    marker = reader.poll_range("p").expect(200).json()["seenMarker"]
    span = reader.start_poll_range("p", seenMarker=marker)
    assert item.is_waiting() and span.is_waiting()
    if take_away == "the key":
        admin.call("DELETE", f"/v1/keys/{key.id}").expect(204)
    else:
        admin.allow(fresh.bucket, key, read=False, write=False)
    fresh.put("p", "s", b"2").expect(204)
    item.answer().expect(403, "AccessDenied")
    span.answer().expect(403, "AccessDenied")
    reader.close()


def test_requests_together_stay_within_their_memory(start_server):
    """I25: uploads that never end hold what they sent; the newest beyond the budget is refused, the operator is not."""
    server = start_server("--k2v-max-memory-bytes", str(8 * MEBIBYTE))
    key = server.admin.create_key("many")
    client = new_client(server, key)
    client.put("p", "small", b"1").expect(204)
    value = b"v" * (3 * MEBIBYTE)
    data = client.bytes_of("PUT", client.item_target("p", unique("s")), [], value)
    held = [wire.Connection(server.address) for _ in range(2)]
    for connection in held:
        connection.send(data[:-1])
    statuses = {client.put("p", unique("t"), value).status for _ in range(3)}
    assert statuses == {503}, "a third upload found room"
    server.admin.status()
    for connection in held:
        connection.close()
    answer = client.put("p", "t", value)
    while answer.status == 503:  # until the server has seen that they are gone
        answer = client.put("p", "t", value)
    answer.expect(204)
    assert client.get("p", "t", "application/octet-stream").body == value
    client.close()


def check_no_memory(answer):
    error = answer.expect(503, "ServiceUnavailable").json()
    assert set(error) == {"code", "message", "region", "path"} and "memory" in error["message"], answer


def test_who_finds_no_memory_is_told_so_whatever_is_left(start_server):
    """Each upload that is held leaves less, down to less than an error object takes: whoever comes then is answered
    all the same, counted and in the log."""
    server = start_server("--k2v-max-memory-bytes", str(MEBIBYTE))
    client = new_client(server, server.admin.create_key("many"))
    client.put("p", "small", b"1").expect(204)
    client.close()
    held, refused = [], 0

    def come(data):
        nonlocal refused
        connection = wire.Connection(server.address)
        connection.send(data)
        server.admin.status()
        if connection.is_quiet():
            held.append(connection)
            return True
        check_no_memory(connection.read("PUT"))
        assert connection.rest() == b""
        connection.close()
        refused += 1
        return False

    def upload_of(size):
        return client.bytes_of("PUT", client.item_target("p", "held"), [], b"v" * (size + 1))[:-1]

    def used():
        return server.admin.get("/v1/stats")["memory"]["used_bytes"]

    messages = set()

    def read():
        nonlocal refused
        connection = wire.Connection(server.address)
        connection.send(client.bytes_of("GET", client.item_target("p", "small"), [("Accept", "*/*")]))
        answer = connection.read()
        if answer.status != 200:
            check_no_memory(answer)
            messages.add(answer.json()["message"])
            refused += 1
        connection.close()

    for size in [1 << n for n in range(19, 5, -1)]:
        while come(upload_of(size)):
            pass
        read()
    while held:
        held.pop().close()
    until(used, lambda now: now == 0, "memory that is given back")
    for size in range(MEBIBYTE - 32 * 1024, MEBIBYTE - 12 * 1024, 256):  # from room for a read to none, step by step
        if come(upload_of(size)):
            read()
            held.pop().close()
        until(used, lambda now: now == 0, "memory that is given back")
    assert len(messages) > 1 and not any("stored" in message for message in messages), messages
    stats = server.admin.get("/v1/stats")
    assert stats["refusals"]["ServiceUnavailable"] + stats["connections"]["broken"] == refused
    for connection in held:
        connection.close()
    answer = client.put("p", "t", b"1")
    while answer.status == 503:  # until the server has seen that they are gone
        refused, answer = refused + 1, client.put("p", "t", b"1")
    answer.expect(204)
    client.close()
    server.stop()
    assert sum("msg=request" in line and "status=503" in line for line in server.log) == refused


def test_a_batch_of_searches_has_a_bound(k2v):
    k2v.read_batch([{"partitionKey": "none"}] * 1000).expect(200)
    many = [{"partitionKey": "", "limit": 0}] * 100001
    k2v.read_batch(many).expect(400, "InvalidRequest")
    k2v.delete_batch([{"partitionKey": "", "start": "", "singleItem": True}] * 100001).expect(400, "InvalidRequest")


def test_too_long_a_key_of_a_batch_names_its_element(k2v):
    answer = k2v.insert_batch([{"pk": "p", "sk": "a", "v": None}, {"pk": "p", "sk": "k" * 481, "v": None}])
    assert "element 1" in answer.expect(400, "InvalidRequest").json()["message"]
