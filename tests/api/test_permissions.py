"""Who may do what, and which bucket a name means."""

import pytest

from conftest import unique
from skerry import EMPTY_TOKEN, HandClient

READS = {
    "ReadItem": lambda c: c.get("p", "s"),
    "PollItem": lambda c: c.poll("p", "s", EMPTY_TOKEN),
    "ReadIndex": lambda c: c.index(),
    "ReadBatch": lambda c: c.read_batch([{"partitionKey": "p"}]),
    "PollRange": lambda c: c.poll_range("p"),
}
WRITES = {
    "InsertItem": lambda c: c.put("p", "t", b"1"),
    "DeleteItem": lambda c: c.delete("p", "t"),
    "InsertBatch": lambda c: c.insert_batch([{"pk": "p", "sk": "t", "v": None}]),
    "DeleteBatch": lambda c: c.delete_batch([{"partitionKey": "q"}]),
}
CALLS = {**READS, **WRITES}


@pytest.mark.parametrize("flags, allowed", [({"read": True}, READS), ({"write": True}, WRITES),
                                            ({"owner": True}, {}),
                                            ({"read": True, "write": True}, CALLS), ({}, {})])
def test_each_call_needs_its_own_permission(fresh, flags, allowed):
    fresh.write("p", "s", b"1")
    key = fresh.server.admin.create_key("one")
    fresh.server.admin.allow(fresh.bucket, key, **{"read": False, "write": False, "owner": False, **flags})
    client = fresh.clone(key)
    for name, call in CALLS.items():
        answer = call(client)
        if name in allowed:
            assert answer.status in (200, 204), f"{name}: {answer}"
        else:
            assert answer.status == 403 and answer.json()["code"] == "AccessDenied", f"{name}: {answer}"
    client.close()


def test_a_permission_taken_away_is_gone_at_once(fresh):
    admin, key = fresh.server.admin, fresh.server.admin.create_key()
    client = fresh.clone(key)
    client.index().expect(403, "AccessDenied")
    admin.allow(fresh.bucket, key)
    client.index().expect(200)
    admin.allow(fresh.bucket, key, read=False)
    client.index().expect(403, "AccessDenied")
    client.put("p", "s", b"1").expect(204)
    client.close()


def test_a_deleted_key_is_as_one_that_never_was(fresh):
    admin, key = fresh.server.admin, fresh.server.admin.create_key()
    admin.allow(fresh.bucket, key)
    client = fresh.clone(key)
    client.index().expect(200)
    admin.call("DELETE", f"/v1/keys/{key.id}").expect(204)
    client.index().expect(403, "AccessDenied")
    client.close()


def test_a_bucket_answers_to_its_id_in_either_case(fresh):
    fresh.write("p", "s", b"1")
    bucket_id = fresh.server.admin.get(f"/v1/buckets/{fresh.bucket}")["id"]
    assert len(bucket_id) == 64
    for name in (bucket_id, bucket_id.upper()):
        client = fresh.clone(bucket=name)
        assert client.values("p", "s") == [b"1"]
        client.close()
    fresh.clone(bucket="0" * 64).index().expect(404, "NoSuchBucket")
    fresh.clone(bucket=bucket_id[:-1]).index().expect(404, "NoSuchBucket")


def test_a_local_alias_holds_for_its_key_alone_and_wins_over_a_global_one(fresh):
    admin, alias = fresh.server.admin, unique("alias")
    mine, other = admin.create_key("mine"), admin.create_key("other")
    second = unique("second")
    admin.create_bucket(second)
    for key in (mine, other):
        admin.allow(fresh.bucket, key)
        admin.allow(second, key)
    admin.call("POST", f"/v1/buckets/{fresh.bucket}/aliases", {"alias": alias, "key_id": mine.id}).expect(200)
    fresh.write("p", "s", b"first bucket")
    fresh.clone(other, second).write("p", "s", b"second bucket")

    assert fresh.clone(mine, alias).values("p", "s") == [b"first bucket"]
    fresh.clone(other, alias).index().expect(404, "NoSuchBucket")
    admin.call("POST", f"/v1/buckets/{second}/aliases", {"alias": alias}).expect(200)
    assert fresh.clone(mine, alias).values("p", "s") == [b"first bucket"], "the local alias wins"
    assert fresh.clone(other, alias).values("p", "s") == [b"second bucket"]


def test_an_alias_taken_away_resolves_no_more(fresh):
    admin, alias = fresh.server.admin, unique("alias")
    admin.call("POST", f"/v1/buckets/{fresh.bucket}/aliases", {"alias": alias}).expect(200)
    fresh.clone(bucket=alias).index().expect(200)
    admin.call("DELETE", f"/v1/buckets/{fresh.bucket}/aliases", {"alias": alias}).expect(200)
    fresh.clone(bucket=alias).index().expect(404, "NoSuchBucket")
    fresh.index().expect(200)


def test_a_deleted_bucket_is_404(fresh):
    admin, alias = fresh.server.admin, unique("bucket")
    admin.create_bucket(alias)
    admin.allow(alias, fresh.key)
    client = fresh.clone(bucket=alias)
    client.index().expect(200)
    admin.call("DELETE", f"/v1/buckets/{alias}").expect(204)
    client.index().expect(404, "NoSuchBucket")
    client.put("p", "s", b"1").expect(404, "NoSuchBucket")
    client.close()


def test_a_bucket_name_is_taken_as_it_stands_in_the_path(fresh, server, key):
    """Never percent-decoded: %62ucket is no bucket."""
    coded = "%" + f"{ord(fresh.bucket[0]):02x}" + fresh.bucket[1:]
    client = HandClient(server, key, coded)
    client.request("GET", f"/{coded}").expect(404, "NoSuchBucket")
    client.close()


def test_a_404_of_a_bucket_comes_before_a_403(fresh):
    key = fresh.server.admin.create_key()
    fresh.clone(key).index().expect(403, "AccessDenied")
    fresh.clone(key, "no-such-bucket").index().expect(404, "NoSuchBucket")
