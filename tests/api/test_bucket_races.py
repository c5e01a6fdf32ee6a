"""The deletion of a bucket against writes to it: one of the two is told that it lost, and it is the right one."""

import pytest

import wire
from conftest import new_client

ROUNDS = 60


def send_both(client, write, is_write_first):
    """A write and its bucket's deletion, on two connections, without waiting in between: both answers."""
    admin = client.server.admin
    deletion = wire.request_bytes("DELETE", f"/v1/buckets/{client.bucket}",
                                  [("Host", "admin"), ("Authorization", f"Bearer {admin.token}")])
    sent = [(client.server.address, write), (admin.address, deletion)]
    connections = [wire.Connection(address) for address, _ in sent]
    for n in (0, 1) if is_write_first else (1, 0):
        connections[n].send(sent[n][1])
    answers = [connection.read() for connection in connections]
    for connection in connections:
        connection.close()
    return answers


def write_of(client, n):
    if n % 4 < 2:
        return client.bytes_of("PUT", client.item_target("p", "a"), [], b"value")
    return client.bytes_of("POST", client.bucket_target(), [], b'[{"pk":"p","sk":"a","v":"dmFsdWU="}]')


def test_a_write_and_the_deletion_of_its_bucket_never_both_succeed(server, key):
    for n in range(ROUNDS):
        client = new_client(server, key)
        write, deletion = send_both(client, write_of(client, n), n % 2 == 0)
        if write.status == 204:
            deletion.expect(409, "BucketNotEmpty")
            assert client.values("p", "a") == [b"value"]
        else:
            write.expect(404, "NoSuchBucket")
            deletion.expect(204)
            client.get("p", "a").expect(404, "NoSuchBucket")
        client.close()


@pytest.mark.parametrize("is_made_again", [False, True])
def test_an_upload_begun_before_the_deletion_is_refused_after_it(server, key, is_made_again):
    client = new_client(server, key)
    data = client.bytes_of("PUT", client.item_target("p", "a"), [("Expect", "100-continue")], b"12345678")
    connection = wire.Connection(server.address)
    connection.send(data[:-8])
    connection.read().expect(100)  # the request is let in
    connection.send(data[-8:-4])
    server.admin.call("DELETE", f"/v1/buckets/{client.bucket}").expect(204)
    if is_made_again:
        server.admin.create_bucket(client.bucket)
        server.admin.allow(client.bucket, key)
    connection.send(data[-4:])
    connection.read().expect(404, "NoSuchBucket")
    connection.close()
    if is_made_again:
        assert client.index_rows() == {} and client.values("p", "a") == []
    client.close()


def test_an_upload_goes_on_while_other_things_of_its_bucket_change(server, key):
    client = new_client(server, key)
    data = client.bytes_of("PUT", client.item_target("p", "a"), [("Expect", "100-continue")], b"12345678")
    connection = wire.Connection(server.address)
    connection.send(data[:-8])
    connection.read().expect(100)
    path = f"/v1/buckets/{client.bucket}"
    rule = {"allowed_origins": ["*"], "allowed_methods": ["*"], "allowed_headers": ["*"], "expose_headers": []}
    server.admin.call("PUT", f"{path}/cors", {"rules": [rule]}).expect(200)
    server.admin.call("POST", f"{path}/aliases", {"alias": f"{client.bucket}-too"}).expect(200)
    connection.send(data[-8:])
    connection.read().expect(204)
    connection.close()
    assert client.values("p", "a") == [b"12345678"]
    client.close()


def test_a_bucket_goes_when_its_last_value_is_deleted_and_not_before(fresh):
    def delete():
        return fresh.server.admin.call("DELETE", f"/v1/buckets/{fresh.bucket}")

    fresh.write("p", "a", b"1")
    fresh.write("q", "b", b"2")
    delete().expect(409, "BucketNotEmpty")
    fresh.write("p", "a", None, token=fresh.token("p", "a"))
    delete().expect(409, "BucketNotEmpty")
    assert fresh.values("q", "b") == [b"2"]
    fresh.write("q", "b", None, token=fresh.token("q", "b"))
    delete().expect(204)
    fresh.put("p", "a", b"1").expect(404, "NoSuchBucket")
