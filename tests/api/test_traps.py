"""The traps of the protocol, one test for each that a client can see; the number is the trap's in the reference.

Not seen from outside, and so not here: 43 and 53 (a quorum lost), 48 (when pollers are told), 49 (placement).
Where Skerry is different on purpose, the test says so and test_differences.py says it again.
"""

import base64
import json

import pytest

import sign
import skerry
import wire
from conftest import unique
from skerry import EMPTY_TOKEN, b64

BINARY = "application/octet-stream"
JSON = "application/json"


@pytest.fixture
def hand(k2v):
    """hand(**options): a client signed by hand with options of sign.by_hand."""
    clients = []

    def make(**options):
        client = skerry.HandClient(k2v.server, k2v.key, k2v.bucket)
        client.options = options
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def unsigned(k2v, method, target, headers=()):
    answer, connection = wire.exchange(k2v.server.address, wire.request_bytes(
        method, target, [("Host", k2v.server.host), *headers]), method)
    connection.close()
    return answer


def test_trap_01_a_delete_without_token_adds_a_concurrent_tombstone(k2v, pk):
    k2v.write(pk, "a", b"1")
    k2v.delete(pk, "a").expect(204)
    assert k2v.values(pk, "a") == [b"1", None]


def test_trap_02_a_deleted_key_written_without_its_token_is_a_conflict(k2v, pk):
    k2v.write(pk, "a", None, b"1")
    assert k2v.values(pk, "a") == [None, b"1"]
    k2v.get(pk, "a", BINARY).expect(409)
    k2v.write(pk, "b", None)
    k2v.write(pk, "b", b"1", token=k2v.token(pk, "b"))
    assert k2v.values(pk, "b") == [b"1"]


def test_trap_03_who_looks_only_at_reads_for_tokens_is_right(k2v, pk):
    """Different on purpose: the 204 may carry a token; a client that reads again finds one at least as good."""
    k2v.write(pk, "a", b"1")
    k2v.write(pk, "a", b"2", token=k2v.token(pk, "a"))
    assert k2v.values(pk, "a") == [b"2"]


def test_trap_04_the_409_is_empty_but_for_the_token(k2v, pk):
    k2v.write(pk, "a", b"1", b"2")
    answer = k2v.get(pk, "a", BINARY).expect(409)
    assert (answer.body, answer.type, answer.token) == (b"", None, k2v.token(pk, "a"))


def test_trap_05_a_deleted_key_is_never_404(k2v, pk):
    k2v.write(pk, "a", None)
    assert k2v.get(pk, "a", JSON).expect(200).json() == [None]
    answer = k2v.get(pk, "a", BINARY).expect(204)
    assert answer.token and answer.type == BINARY


def test_trap_06_star_means_bytes_when_single_and_json_in_conflict(k2v, pk):
    k2v.write(pk, "a", b"1")
    assert k2v.get(pk, "a", "*/*").expect(200).type == BINARY
    k2v.write(pk, "a", b"2")
    assert k2v.get(pk, "a", "*/*").expect(200).type == JSON


def test_trap_07_no_accept_means_json_even_for_one_value(k2v, pk):
    k2v.write(pk, "a", b"1")
    assert k2v.get(pk, "a").expect(200).json() == [b64(b"1")]


@pytest.mark.parametrize("accept", ["*/*;q=0.8", "application/*", "application/json;q=1",
                                    "application/octet-stream; x=y"])
def test_trap_08_accept_is_compared_as_exact_strings(k2v, pk, accept):
    k2v.write(pk, "a", b"1")
    k2v.get(pk, "a", accept).expect(406, "NotAcceptable")


def test_trap_09_content_types_have_no_parameters(k2v, pk):
    k2v.write(pk, "a", b"1")
    assert {k2v.get(pk, "a").type, k2v.index().type, k2v.read_batch([]).type, k2v.delete_batch([]).type,
            k2v.poll_range(pk).type, k2v.get(pk, "b").type} == {"application/json"}
    assert k2v.get(pk, "a", BINARY).type == "application/octet-stream"


def test_trap_10_json_escapes_nothing_it_need_not(k2v):
    name, value = 'é/€"\\\x01\x7f\U0001f600', bytes(range(256))
    k2v.insert_batch([{"pk": name, "sk": name, "v": b64(value)}]).expect(204)
    written = b'"\xc3\xa9/\xe2\x82\xac\\"\\\\\\u0001\x7f\xf0\x9f\x98\x80"'
    search = {"partitionKey": name, "prefix": "é/", "start": "é/", "end": "ü"}
    body = k2v.read_batch([search]).expect(200).body
    assert body.count(written) == 2, body
    assert '"prefix": "é/"'.encode() in body and '"start": "é/"'.encode() in body and '"end": "ü"'.encode() in body
    assert b'"' + base64.b64encode(value) + b'"' in body, "base64 holds slashes, and they stay"
    assert written in k2v.index(prefix=name).expect(200).body


def test_trap_11_the_echo_has_every_field(k2v, pk):
    k2v.write(pk, "a", b"1")
    search = k2v.search(pk)
    assert list(search) == ["partitionKey", "prefix", "start", "end", "limit", "reverse", "singleItem",
                            "conflictsOnly", "tombstones", "items", "more", "nextStart"]
    assert list(search["items"][0]) == ["sk", "ct", "v"]
    deletion = k2v.delete_batch([{"partitionKey": pk}]).json()[0]
    assert list(deletion) == ["partitionKey", "prefix", "start", "end", "singleItem", "deletedItems"]
    index = k2v.index(limit=1).json()
    assert list(index) == ["prefix", "start", "end", "limit", "reverse", "partitionKeys", "more", "nextStart"]
    assert list(index["partitionKeys"][0]) == ["pk", "entries", "conflicts", "values", "bytes"]


def test_trap_12_a_range_poll_needs_read(k2v, pk):
    """Different on purpose: the reference asks for write."""
    key = k2v.server.admin.create_key()
    client = k2v.clone(key)
    k2v.server.admin.allow(k2v.bucket, key, read=True, write=False)
    client.poll_range(pk).expect(200)
    k2v.server.admin.allow(k2v.bucket, key, read=False, write=True)
    client.poll_range(pk).expect(403, "AccessDenied")
    client.close()


def test_trap_13_the_partition_of_a_range_poll_is_in_the_path(k2v, pk):
    k2v.json_request("POST", k2v.bucket_target("poll_range"), {"partitionKey": pk}).expect(400, "InvalidRequest")
    k2v.json_request("POST", f"/{k2v.bucket}/{pk}?poll_range", {}).expect(200)


def test_trap_14_a_range_poll_shows_tombstones(k2v, pk):
    k2v.write(pk, "a", None)
    assert [item["v"] for item in k2v.poll_range(pk).json()["items"]] == [[None]]
    assert k2v.keys(pk) == []


def test_trap_15_a_range_poll_by_prefix_alone_misses_nothing(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a", "b1", "b2", "c")]).expect(204)
    found = k2v.poll_range(pk, prefix="b").json()
    assert [item["sk"] for item in found["items"]] == ["b1", "b2"]


def test_trap_16_the_first_range_poll_does_not_wait(k2v, pk):
    assert k2v.poll_range(pk, timeout=600).expect(200).json()["items"] == []


def test_trap_17_a_delete_batch_does_not_know_limit_and_reverse(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in "abc"]).expect(204)
    assert k2v.delete_batch([{"partitionKey": pk, "limit": 1, "reverse": True}]).json()[0]["deletedItems"] == 3


def test_trap_18_a_batch_item_without_v_is_a_delete(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": "a"}]).expect(204)
    assert k2v.values(pk, "a") == [None]


def test_trap_19_one_key_twice_in_a_batch_is_a_conflict(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": "a", "v": b64(b"1")}, {"pk": pk, "sk": "a", "v": b64(b"2")}]).expect(204)
    assert k2v.values(pk, "a") == [b"1", b"2"]


@pytest.mark.parametrize("field", ["reverse", "singleItem", "conflictsOnly", "tombstones"])
def test_trap_20_null_is_no_boolean(k2v, pk, field):
    k2v.read_batch([{"partitionKey": pk, field: None}]).expect(400, "InvalidRequest")
    k2v.read_batch([{"partitionKey": pk, field: False}]).expect(200)


def test_trap_21_a_misspelt_field_is_only_noticed_when_the_real_one_is_needed(k2v, pk):
    k2v.read_batch([{"partition_key": pk}]).expect(400, "InvalidRequest")
    k2v.write(pk, "a", b"1")
    assert k2v.keys(pk, prefx="zzz", Tombstones=None) == ["a"]


def test_trap_22_values_and_tokens_have_different_base64(k2v, pk):
    value = b"\xfb\xef\xff\xfe"
    k2v.insert_batch([{"pk": pk, "sk": "a", "v": "++///g=="}]).expect(204)
    assert k2v.values(pk, "a") == [value]
    k2v.insert_batch([{"pk": pk, "sk": "a", "v": "--___g=="}]).expect(400, "InvalidRequest")
    token = k2v.token(pk, "a")
    assert not set(token) & set("+/=") and len(token) == 32


def test_trap_23_a_bad_token_has_two_codes(k2v, pk):
    k2v.put(pk, "a", b"1", "tra$h").expect(400, "CausalityToken")
    k2v.poll(pk, "a", "tra$h").expect(400, "InvalidRequest")


def test_trap_24_an_empty_causality_token_is_a_read(k2v, pk):
    k2v.write(pk, "a", b"1")
    k2v.request("GET", k2v.item_target(pk, "a") + "&causality_token=").expect(200)


def test_trap_25_an_empty_sort_key_is_none(k2v, pk):
    for method in ("GET", "PUT", "DELETE"):
        k2v.request(method, f"/{k2v.bucket}/{pk}?sort_key=").expect(400, "InvalidRequest")


@pytest.mark.parametrize("query", ["search", "search=", "search=whatever"])
def test_trap_26_a_keyword_may_have_a_value(k2v, query):
    k2v.request("POST", k2v.bucket_target(query), [], b"[]").expect(200)


def test_trap_27_a_slash_behind_the_bucket_changes_only_the_signature(k2v, hand):
    for path in (f"/{k2v.bucket}", f"/{k2v.bucket}/", f"//{k2v.bucket}//"):
        hand().request("GET", path).expect(200)
    signed = sign.by_hand(k2v.key, "GET", k2v.server.host, f"/{k2v.bucket}").headers
    k2v.send_raw(wire.request_bytes("GET", f"/{k2v.bucket}/", signed)).expect(403, "AccessDenied")


def test_trap_28_raw_slashes_before_a_partition_key_vanish(k2v, hand, pk):
    hand().request("PUT", f"/{k2v.bucket}//{pk}?sort_key=raw", [], b"1").expect(204)
    hand().request("PUT", f"/{k2v.bucket}/%2F{pk}?sort_key=coded", [], b"1").expect(204)
    assert (k2v.keys(pk), k2v.keys("/" + pk)) == (["raw"], ["coded"])


def test_trap_29_the_path_is_signed_encoded_twice(k2v, hand):
    target = k2v.item_target("é@", "a")
    hand(path_of=lambda path: path).request("GET", target).expect(403, "AccessDenied")
    hand().request("GET", target).expect(404)


def test_trap_30_paths_are_not_normalised(k2v, hand):
    target = f"/{k2v.bucket}/a/./b.c?sort_key=s"
    hand(path_of=lambda path: path.replace("/./", "/")).request("GET", target).expect(403, "AccessDenied")
    hand().request("PUT", target, [], b"1").expect(204)
    assert k2v.keys("a/./b.c") == ["s"]


def test_trap_31_presigned_requests_sign_an_unsigned_payload(k2v, pk):
    k2v.write(pk, "a", b"1")
    for payload, status in ((sign.UNSIGNED, 200), (sign.EMPTY_SHA256, 403)):
        target = sign.presign_by_hand(k2v.key, "GET", k2v.server.host, k2v.item_target(pk, "a"), payload=payload)
        unsigned(k2v, "GET", target).expect(status)


@pytest.mark.parametrize("seconds", [-86500, -1000, 1000, 86500])
def test_trap_32_a_clock_far_off_is_400(hand, k2v, seconds):
    """Different on purpose: a quarter of an hour either way, where the reference allows a day and the future."""
    hand(when=sign.now(seconds)).request("GET", k2v.bucket_target()).expect(400, "InvalidRequest")


def test_trap_33_a_wrong_signature_is_denied_and_a_wrong_region_is_malformed(k2v, hand):
    client = k2v.clone(sign.Key(k2v.key.id, "0" * 64, k2v.key.region))
    client.index().expect(403, "AccessDenied")
    for scope in ("mars/k2v", "garage/s3"):
        hand(scope=f"{sign.now()[:8]}/{scope}/aws4_request").request("GET", k2v.bucket_target()) \
            .expect(400, "AuthorizationHeaderMalformed")


def test_trap_34_errors_are_four_json_strings(k2v, pk):
    error = k2v.get(pk, "a").expect(404).json()
    assert set(error) == {"code", "message", "region", "path"} and all(isinstance(v, str) for v in error.values())


def test_trap_35_routing_and_arguments_are_checked_before_the_signature(k2v, pk):
    unsigned(k2v, "GET", f"/{k2v.bucket}/{pk}").expect(400, "InvalidRequest")
    unsigned(k2v, "GET", f"/{k2v.bucket}?limit=x").expect(400, "InvalidRequest")


def test_trap_36_amz_headers_must_be_signed(k2v, hand):
    client = hand(unsigned=["x-amz-meta-proxy"])
    client.request("GET", k2v.bucket_target(), [("x-amz-meta-proxy", "1")]).expect(400, "InvalidRequest")


def test_trap_37_poll_timeouts_are_clamped(k2v, pk):
    k2v.poll(pk, "a", EMPTY_TOKEN, timeout=0).expect(304)
    pending = k2v.start_poll(pk, "a", EMPTY_TOKEN, timeout=10000)
    k2v.write(pk, "a", b"1")
    pending.answer().expect(200)


def test_trap_38_a_304_has_no_token(k2v, pk):
    k2v.write(pk, "a", b"1")
    answer = k2v.poll(pk, "a", k2v.token(pk, "a")).expect(304)
    assert answer.token is None and answer.type is None


def test_trap_39_a_poll_of_a_missing_key_waits(k2v, pk):
    k2v.poll(pk, "a", EMPTY_TOKEN).expect(304)


def test_trap_40_next_start_is_a_key_that_matches(k2v, pk):
    k2v.write(pk, "a", b"1")
    k2v.write(pk, "b", None)
    k2v.write(pk, "c", b"1")
    assert k2v.search(pk, limit=1)["nextStart"] == "c"


def test_trap_41_more_is_false_when_the_end_stops_the_listing(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in "abc"]).expect(204)
    found = k2v.search(pk, end="c", limit=2)
    assert (found["more"], found["nextStart"], len(found["items"])) == (False, None, 2)


def test_trap_42_a_value_beside_a_tombstone_counts_as_a_conflict(fresh):
    fresh.write("p", "a", b"1", None)
    assert fresh.index_rows() == {"p": (1, 1, 1, 1)}


def test_trap_44_values_come_in_the_order_of_writing(k2v, pk):
    values = [b"%d" % (n * 7 % 10) for n in range(10)]
    k2v.write(pk, "a", *values)
    assert k2v.values(pk, "a") == values


def test_trap_45_tokens_cannot_be_made_by_xor(k2v, pk):
    """Different on purpose: the reference's tokens are only checksummed."""
    k2v.write(pk, "a", b"1")
    data = base64.urlsafe_b64decode(k2v.token(pk, "a"))
    forged = bytes(x ^ y for x, y in zip(data[8:16], data[16:24])) + data[8:]
    k2v.put(pk, "a", b"2", base64.urlsafe_b64encode(forged).decode()).expect(400, "CausalityToken")


def test_trap_46_a_refused_preflight_is_400(k2v):
    headers = [("Origin", "https://x.example"), ("Access-Control-Request-Method", "GET")]
    unsigned(k2v, "OPTIONS", k2v.bucket_target(), headers).expect(400, "InvalidRequest")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "SEARCH"])
def test_trap_47_cors_headers_come_on_every_method(fresh, method):
    """Different on purpose: the reference has them on GET, HEAD and POST alone."""
    rule = {"allowed_origins": ["*"], "allowed_methods": [method], "allowed_headers": [], "expose_headers": []}
    fresh.server.admin.call("PUT", f"/v1/buckets/{fresh.bucket}/cors", {"rules": [rule]}).expect(200)
    target = fresh.bucket_target() if method == "SEARCH" else fresh.item_target("p", "a")
    answer = fresh.request(method, target, [("Origin", "https://x.example")], b"[]" if method == "SEARCH" else b"")
    assert answer.header("access-control-allow-origin") in ("*", "https://x.example"), answer


def test_trap_50_commas_in_authorization_need_no_blanks(k2v, hand):
    hand(comma=",").request("GET", k2v.bucket_target()).expect(200)


def test_trap_51_an_empty_put_is_an_empty_value(k2v, pk):
    k2v.put(pk, "a", b"").expect(204)
    assert k2v.values(pk, "a") == [b""]


def test_trap_52_a_get_needs_its_payload_hash(k2v):
    headers = [header for header in sign.by_hand(k2v.key, "GET", k2v.server.host, k2v.bucket_target(),
                                                 signed=["host", "x-amz-date"]).headers
               if header[0] != "x-amz-content-sha256"]
    k2v.send_raw(wire.request_bytes("GET", k2v.bucket_target(), headers)).expect(400, "InvalidRequest")


def test_trap_54_a_bucket_name_in_the_path_is_taken_raw(server, key):
    alias = unique("raw-name")
    server.admin.create_bucket(alias)
    server.admin.allow(alias, key)
    client = skerry.HandClient(server, key, alias)
    client.request("GET", f"/{alias}").expect(200)
    client.request("GET", f"/{alias.replace('-', '%2d', 1)}").expect(404, "NoSuchBucket")
    client.close()


def test_trap_55_invalid_utf_8_is_refused_everywhere(k2v, hand):
    """Different on purpose in the query, where the reference puts U+FFFD."""
    hand().request("GET", f"/{k2v.bucket}/%ff?sort_key=a").expect(400, "InvalidUtf8String")
    unsigned(k2v, "GET", f"/{k2v.bucket}/p?sort_key=%ff").expect(400)
    k2v.request("POST", k2v.bucket_target(), [], b'[{"pk":"\xff","sk":"a","v":""}]').expect(400, "InvalidRequest")
    assert json.loads(k2v.index(prefix="\ufffd").body)["partitionKeys"] == []
