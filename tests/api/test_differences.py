"""Where Skerry differs from the reference on purpose: one test for each row of that table in docs/api.md.

The last two rows (a lost quorum, and what a 503 then says) need more nodes than one.
"""

import base64
import json

import pytest

import sign
import wire
from skerry import EMPTY_TOKEN, HandClient, b64


def hand(k2v, method, target, headers=(), body=b"", **options):
    client = HandClient(k2v.server, k2v.key, k2v.bucket)
    client.options = options
    try:
        return client.request(method, target, headers, body)
    finally:
        client.close()


def test_the_first_8_bytes_of_a_token_are_a_seal(k2v, pk):
    k2v.write(pk, "a", b"1")
    k2v.write(pk, "b", b"1")
    seals = set()
    for sk in "ab":
        data = base64.urlsafe_b64decode(k2v.token(pk, sk))
        assert data[:8] != bytes(x ^ y for x, y in zip(data[8:16], data[16:24]))
        seals.add(data[:8])
    assert len(seals) == 2
    k2v.put(pk, "a", b"2", k2v.token(pk, "b")).expect(400, "CausalityToken")
    k2v.put(pk, "a", b"2", EMPTY_TOKEN).expect(204)
    assert k2v.values(pk, "a") == [b"1", b"2"], "the empty token stays valid and covers nothing"


def test_the_answer_to_a_write_carries_what_the_writer_now_knows(k2v, pk):
    first = k2v.put(pk, "a", b"1").expect(204)
    assert first.token == k2v.token(pk, "a")
    second = k2v.delete(pk, "a", first.token).expect(204)
    assert second.token == k2v.token(pk, "a")
    third = k2v.put(pk, "a", b"blind").expect(204)
    assert third.token is None, "there is a sibling it has not read"


def test_a_404_can_be_polled(k2v, pk):
    token = k2v.get(pk, "a").expect(404, "NoSuchKey").token
    assert token == EMPTY_TOKEN
    pending = k2v.start_poll(pk, "a", token, accept="*/*")
    k2v.write(pk, "a", b"1")
    assert pending.answer().expect(200).body == b"1"


def test_a_range_poll_needs_read_not_write(k2v, pk):
    key = k2v.server.admin.create_key()
    client = k2v.clone(key)
    k2v.server.admin.allow(k2v.bucket, key, read=True, write=False)
    client.poll_range(pk).expect(200)
    k2v.server.admin.allow(k2v.bucket, key, read=False, write=True)
    client.poll_range(pk).expect(403, "AccessDenied")
    client.close()


def test_a_range_poll_by_prefix_sees_all_matches(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a", "b", "m1", "m2", "z")]).expect(204)
    assert [item["sk"] for item in k2v.poll_range(pk, prefix="m").json()["items"]] == ["m1", "m2"]
    assert [item["sk"] for item in k2v.poll_range(pk, prefix="m", start="a").json()["items"]] == ["m1", "m2"]


@pytest.mark.parametrize("minutes, is_taken", [(-14, True), (14, True), (-16, False), (16, False)])
def test_clocks_may_differ_by_a_quarter_of_an_hour(k2v, minutes, is_taken):
    answer = hand(k2v, "GET", k2v.bucket_target(), when=sign.now(minutes * 60))
    answer.expect(*((200,) if is_taken else (400, "InvalidRequest")))


@pytest.mark.parametrize("path, query", [("p%zz", "sort_key=a"), ("p%", "sort_key=a"), ("p%4", "sort_key=a"),
                                         ("p", "sort_key=%zz"), ("p", "sort_key=a%"), ("p", "sort_key=%ff"),
                                         ("p", "sort_key=a&x=%e9"), ("p", "sort_key=%ed%a0%80"),
                                         ("%e9", "sort_key=a")])
def test_bad_escapes_and_bad_utf_8_are_refused_in_path_and_query(k2v, path, query):
    answer, connection = wire.exchange(k2v.server.address, wire.request_bytes(
        "GET", f"/{k2v.bucket}/{path}?{query}", [("Host", k2v.server.host)]))
    connection.close()
    answer.expect(400)
    assert answer.json()["code"] in ("InvalidRequest", "InvalidUtf8String")


def test_over_long_keys_are_400_and_say_the_limit(k2v, pk):
    k2v.put(pk, "a" * 480, b"1").expect(204)
    assert "480" in k2v.put(pk, "a" * 481, b"1").expect(400, "InvalidRequest").json()["message"]


def test_an_over_large_body_is_413_and_says_the_limit(start_server):
    server = start_server("--k2v-max-value-bytes", "100")
    key = server.admin.create_key()
    server.admin.create_bucket("limits")
    server.admin.allow("limits", key)
    client = HandClient(server, key, "limits")
    client.put("p", "a", bytes(100)).expect(204)
    answer = client.put("p", "b", bytes(101)).expect(413)
    assert "100" in answer.json()["message"]
    client.get("p", "b").expect(404)
    client.close()


def test_a_reverse_listing_with_an_empty_prefix_has_no_prefix(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": b64(b"")} for sk in ("a", "b", "\U0010ffff")]).expect(204)
    assert k2v.keys(pk, prefix="", reverse=True) == ["\U0010ffff", "b", "a"]
    assert k2v.keys(pk, prefix="\U0010ffff", reverse=True) == ["\U0010ffff"]


def test_head_of_an_item_is_get_without_its_body(k2v, pk):
    k2v.write(pk, "a", b"value")
    answer = k2v.request("HEAD", k2v.item_target(pk, "a"), [("Accept", "*/*")]).expect(200)
    assert (answer.token, answer.header("content-length")) == (k2v.token(pk, "a"), "5")
    k2v.request("HEAD", k2v.item_target(pk, "b")).expect(404)
    k2v.request("HEAD", k2v.bucket_target()).expect(400)


def test_cors_answers_the_one_origin_on_all_methods_and_on_errors(fresh):
    rule = {"allowed_origins": ["https://a.example", "https://b.example"], "allowed_methods": ["*"],
            "allowed_headers": ["*"], "expose_headers": ["X-Garage-Causality-Token"]}
    fresh.server.admin.call("PUT", f"/v1/buckets/{fresh.bucket}/cors", {"rules": [rule]}).expect(200)
    target, origin = fresh.item_target("p", "a"), [("Origin", "https://b.example")]
    search = json.dumps([{"partitionKey": "p"}]).encode()
    for status, method, where, body in ((404, "GET", target, b""), (204, "PUT", target, b"1"),
                                        (204, "DELETE", target, b""),
                                        (200, "SEARCH", fresh.bucket_target(), search),
                                        (400, "POST", fresh.bucket_target(), b"{")):
        answer = fresh.request(method, where, origin, body).expect(status)
        assert answer.header("access-control-allow-origin") == "https://b.example", answer
