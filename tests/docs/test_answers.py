"""Answers that docs/api.md tells of and no other test shows."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

import skerry  # noqa: E402


@pytest.fixture
def start(tmp_path):
    """start(*flags): a client of a new server's bucket."""
    servers = []

    def start_one(*flags):
        server = skerry.Server(tmp_path / str(len(servers)), *flags)
        servers.append(server)
        key = server.admin.create_key()
        server.admin.create_bucket("answers")
        server.admin.allow("answers", key)
        return skerry.Client(server, key, "answers")

    yield start_one
    for server in servers:
        server.kill()
        server.check_log()


def test_a_full_map_is_507_and_reads_go_on(start):
    client = start("--store-map-bytes", str(1 << 20))
    stored = 0
    while True:
        answer = client.put("p", str(stored), bytes(100_000))
        if answer.status != 204:
            break
        stored += 1
        assert stored < 11, "more than the map can hold"
    answer.expect(507, "InsufficientStorage")
    assert stored > 0 and sorted(client.keys("p")) == [str(n) for n in range(stored)]
    assert client.get("p", "0", "*/*").expect(200).body == bytes(100_000)
    client.get("p", str(stored)).expect(404)


def test_a_large_listing_is_chunked_and_a_small_one_is_not(start):
    client = start()
    items = [{"pk": "p", "sk": f"{n:03}", "v": skerry.b64(bytes(3000))} for n in range(600)]
    client.insert_batch(items).expect(204)
    large = client.read_batch([{"partitionKey": "p"}]).expect(200)
    small = client.read_batch([{"partitionKey": "p", "limit": 3}]).expect(200)
    assert (large.framing, small.framing) == ("chunked", "length")
    assert [len(answer.json()[0]["items"]) for answer in (large, small)] == [600, 3]
    assert client.index().expect(200).framing == "length"


@pytest.mark.parametrize("query, body", [("", [["p", "s", None, "AA=="]]), ("search", [["p"]]), ("delete", [["p"]])])
def test_an_array_is_no_object(start, query, body):
    client = start()
    client.json_request("POST", client.bucket_target(query), body).expect(400, "InvalidRequest")
    assert client.index_rows() == {}


def test_an_answer_made_for_an_origin_says_so(start):
    client = start()
    rule = {"allowed_origins": ["*"], "allowed_methods": ["GET"], "allowed_headers": [], "expose_headers": []}
    client.server.admin.call("PUT", "/v1/buckets/answers/cors", {"rules": [rule]}).expect(200)
    target, origin = client.bucket_target(), [("Origin", "https://a.example")]
    assert client.request("GET", target, origin).expect(200).header("vary") == "origin"
    assert client.request("GET", target).expect(200).header("vary") is None
    batch = client.request("POST", target, origin, json.dumps([]).encode()).expect(204)
    assert batch.header("access-control-allow-origin") is None, "the rule is for GET alone"
