"""InsertBatch, ReadBatch, DeleteBatch: fields, defaults, filters, echoes, and all or nothing on bad input."""

import json

import pytest

from skerry import b64

DEFAULTS = {"prefix": None, "start": None, "end": None, "limit": None, "reverse": False, "singleItem": False,
            "conflictsOnly": False, "tombstones": False}


def item(pk, sk, v, ct=None):
    return {"pk": pk, "sk": sk, "ct": ct, "v": b64(v)}


def fill(k2v, pk):
    """One item of each kind: a value, a conflict, a value beside a tombstone, a tombstone."""
    k2v.write(pk, "conflict", b"1", b"2")
    k2v.write(pk, "deleted", None)
    k2v.write(pk, "mixed", b"1", None)
    k2v.write(pk, "single", b"1")


# InsertBatch


def test_a_batch_stores_all_its_items(k2v, pk):
    items = [item(pk, f"s{number:03}", b"%d" % number) for number in range(200)]
    items += [item(pk + "/2", "x", b"other partition")]
    answer = k2v.insert_batch(items).expect(204)
    assert answer.framing == "none" and answer.type is None
    found = k2v.search(pk)["items"]
    assert [(i["sk"], i["v"]) for i in found] == [(i["sk"], [i["v"]]) for i in items[:-1]]
    assert k2v.values(pk + "/2", "x") == [b"other partition"]


def test_an_empty_batch_is_fine(k2v):
    k2v.insert_batch([]).expect(204)
    assert k2v.read_batch([]).expect(200).json() == []
    assert k2v.delete_batch([]).expect(200).json() == []


def test_a_batch_item_with_a_token_replaces_and_without_v_deletes(k2v, pk):
    for sk in "abcd":
        k2v.write(pk, sk, b"1")
    tokens = {sk: k2v.token(pk, sk) for sk in "abcd"}
    k2v.insert_batch([item(pk, "a", b"2", tokens["a"]), item(pk, "b", None, tokens["b"]),
                      {"pk": pk, "sk": "c", "ct": tokens["c"]}, {"pk": pk, "sk": "d"}]).expect(204)
    assert [k2v.values(pk, sk) for sk in "abcd"] == [[b"2"], [None], [None], [b"1", None]]


def test_one_key_twice_in_a_batch_is_a_conflict_in_order(k2v, pk):
    items = [item(pk, "a", b"z"), item(pk, "b", b"-"), item(pk, "a", b"y"), item(pk, "a", b"x")]
    k2v.insert_batch(items).expect(204)
    assert k2v.values(pk, "a") == [b"z", b"y", b"x"]


def test_empty_keys_and_values_are_legal_in_a_batch(fresh):
    fresh.insert_batch([item("", "", b"both"), item("p", "", b""), item("", "s", b"v")]).expect(204)
    assert fresh.keys("") == ["", "s"]
    assert fresh.search("p")["items"][0]["v"] == [""]
    single = fresh.search("", start="", singleItem=True)["items"]
    assert [i["v"] for i in single] == [[b64(b"both")]]
    assert set(fresh.index_rows()) == {"", "p"}


BAD_INSERTS = {
    "nothing": "",
    "no JSON": "no JSON",
    "an object": '{"pk":"P","sk":"s","ct":null,"v":""}',
    "null": "null",
    "a number": "[1]",
    "null inside": "[null]",
    "a trailing comma": '[{"pk":"P","sk":"s","ct":null,"v":""},]',
    "a comma inside": '[{"pk":"P","sk":"s","v":"",}]',
    "two documents": "[] []",
    "cut short": '[{"pk":"P","sk":"s"',
    "no pk": '[{"sk":"s","v":""}]',
    "no sk": '[{"pk":"P","v":""}]',
    "pk null": '[{"pk":null,"sk":"s","v":""}]',
    "pk a number": '[{"pk":1,"sk":"s","v":""}]',
    "v a number": '[{"pk":"P","sk":"s","v":1}]',
    "ct a number": '[{"pk":"P","sk":"s","ct":1,"v":""}]',
    "wrong case": '[{"PK":"P","sk":"s","v":""}]',
    "a field twice": '[{"pk":"P","pk":"P","sk":"s","v":""}]',
    "v twice": '[{"pk":"P","sk":"s","v":"","v":""}]',
    "a dollar in base64": '[{"pk":"P","sk":"s","v":"aG$="}]',
    "no padding": '[{"pk":"P","sk":"s","v":"aGk"}]',
    "too much padding": '[{"pk":"P","sk":"s","v":"aGk=="}]',
    "trailing bits": '[{"pk":"P","sk":"s","v":"aGl="}]',
    "the other alphabet": '[{"pk":"P","sk":"s","v":"-_-_"}]',
    "a line break in base64": '[{"pk":"P","sk":"s","v":"aGk=\\n"}]',
    "a lone surrogate": '[{"pk":"P","sk":"\\ud800","v":""}]',
    "a low surrogate first": '[{"pk":"P","sk":"\\udc00\\ud800","v":""}]',
    "single quotes": "[{'pk':'P','sk':'s'}]",
    "NaN": '[{"pk":"P","sk":"s","x":NaN}]',
    "deep": "[" * 100000,
    "deep inside": '[{"pk":"P","sk":"s","x":' + "[" * 5000 + "]" * 5000 + "}]",
}


@pytest.mark.parametrize("name", BAD_INSERTS)
def test_a_bad_batch_is_refused_whole(k2v, pk, name):
    first = json.dumps(item(pk, "first", b"1"))
    bad = BAD_INSERTS[name].replace('"P"', json.dumps(pk))
    k2v.request("POST", k2v.bucket_target(), [], bad.encode()).expect(400, "InvalidRequest")
    if bad.startswith("[{"):
        k2v.request("POST", k2v.bucket_target(), [], f"[{first},{bad[1:]}".encode()).expect(400, "InvalidRequest")
    k2v.get(pk, "first").expect(404)


def test_json_that_is_not_utf_8_is_refused(k2v, pk):
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
        body = b'[{"pk":"' + pk.encode() + b'","sk":"' + bad + b'","v":""}]'
        k2v.request("POST", k2v.bucket_target(), [], body).expect(400, "InvalidRequest")
    assert k2v.keys(pk) == []


def test_blanks_unknown_fields_and_escapes_in_json_are_fine(k2v, pk):
    body = f' \t\r\n[ {{ "v" : "aGk=" , "extra":{{"pk":[1,2.5,"x",null,true]}}, ' \
           f'"sk":"\\u0061\\ud83d\\ude00\\/\\n", "pk":{json.dumps(pk)} }} ]\r\n '
    k2v.request("POST", k2v.bucket_target(), [], body.encode()).expect(204)
    assert k2v.values(pk, "a\U0001f600/\n") == [b"hi"]


def test_a_batch_of_many_commits_is_looked_through_before_the_first(k2v, pk):
    items = [item(pk, f"{number:05}", b"v") for number in range(40000)]
    items[-1]["ct"] = "tra$h"
    k2v.insert_batch(items).expect(400, "CausalityToken")
    assert k2v.keys(pk) == []
    items[-1]["ct"] = None
    k2v.insert_batch(items).expect(204)
    assert k2v.keys(pk) == [one["sk"] for one in items]
    assert k2v.delete_batch([{"partitionKey": pk}]).expect(200).json()[0]["deletedItems"] == 40000


# ReadBatch


def test_a_search_is_echoed_with_its_defaults(k2v, pk):
    answer = k2v.read_batch([{"partitionKey": pk}, {"partitionKey": pk, "prefix": "a", "start": "ab", "end": "b",
                                                    "limit": 3, "reverse": True, "tombstones": True}])
    first, second = answer.expect(200).json()
    assert answer.type == "application/json"
    assert first == {"partitionKey": pk, **DEFAULTS, "items": [], "more": False, "nextStart": None}
    assert second == {"partitionKey": pk, **DEFAULTS, "prefix": "a", "start": "ab", "end": "b", "limit": 3,
                      "reverse": True, "tombstones": True, "items": [], "more": False, "nextStart": None}


def test_null_and_absent_are_alike_for_strings_and_limit(k2v, pk):
    k2v.write(pk, "a", b"1")
    absent = k2v.search(pk)
    assert k2v.search(pk, prefix=None, start=None, end=None, limit=None, reverse=False, singleItem=False,
                      conflictsOnly=False, tombstones=False) == absent


def test_search_may_be_the_method(k2v, pk):
    k2v.write(pk, "a", b"1")
    body = json.dumps([{"partitionKey": pk}]).encode()
    by_method = k2v.request("SEARCH", k2v.bucket_target(), [], body).expect(200).json()
    assert by_method == k2v.read_batch([{"partitionKey": pk}]).json()


def test_searches_are_answered_in_their_order(k2v, pk):
    k2v.insert_batch([item(f"{pk}{n}", "s", b"%d" % n) for n in range(20)]).expect(204)
    order = [(n * 7) % 20 for n in range(40)]
    results = k2v.read_batch([{"partitionKey": f"{pk}{n}"} for n in order]).expect(200).json()
    assert [result["items"][0]["v"] for result in results] == [[b64(b"%d" % n)] for n in order]


def test_the_filters_choose_by_what_an_item_holds(k2v, pk):
    fill(k2v, pk)
    assert k2v.keys(pk) == ["conflict", "mixed", "single"]
    assert k2v.keys(pk, tombstones=True) == ["conflict", "deleted", "mixed", "single"]
    assert k2v.keys(pk, conflictsOnly=True) == ["conflict", "mixed"]
    assert k2v.keys(pk, conflictsOnly=True, tombstones=True) == ["conflict", "mixed"]
    values = {i["sk"]: i["v"] for i in k2v.search(pk, tombstones=True)["items"]}
    assert values == {"conflict": [b64(b"1"), b64(b"2")], "deleted": [None], "mixed": [b64(b"1"), None],
                      "single": [b64(b"1")]}


def test_the_limit_counts_only_what_passes_the_filter(k2v, pk):
    fill(k2v, pk)
    found = k2v.search(pk, conflictsOnly=True, limit=1)
    assert ([i["sk"] for i in found["items"]], found["more"], found["nextStart"]) == (["conflict"], True, "mixed")
    found = k2v.search(pk, limit=2)
    assert ([i["sk"] for i in found["items"]], found["more"], found["nextStart"]) == \
        (["conflict", "mixed"], True, "single")
    found = k2v.search(pk, conflictsOnly=True, limit=2)
    assert (found["more"], found["nextStart"]) == (False, None), "the limit is reached just where the range ends"


def test_limit_0_tells_whether_there_is_anything(k2v, pk):
    empty = k2v.search(pk, limit=0)
    assert (empty["items"], empty["more"], empty["nextStart"], empty["limit"]) == ([], False, None, 0)
    fill(k2v, pk)
    some = k2v.search(pk, limit=0, start="d")
    assert (some["items"], some["more"], some["nextStart"]) == ([], True, "mixed")


def test_a_single_item_search_finds_one_or_none(k2v, pk):
    fill(k2v, pk)
    for fields, keys in (({"start": "single"}, ["single"]), ({"start": "singl"}, []), ({"start": "deleted"}, []),
                         ({"start": "deleted", "tombstones": True}, ["deleted"]),
                         ({"start": "conflict", "conflictsOnly": True}, ["conflict"]),
                         ({"start": "single", "conflictsOnly": True}, [])):
        found = k2v.search(pk, singleItem=True, **fields)
        assert [i["sk"] for i in found["items"]] == keys, fields
        assert (found["more"], found["nextStart"]) == (False, None), fields


@pytest.mark.parametrize("fields", [{}, {"start": None}, {"start": "a", "prefix": "a"}, {"start": "a", "end": "b"},
                                    {"start": "a", "limit": 1}, {"start": "a", "reverse": True},
                                    {"start": "a", "prefix": ""}])
def test_a_single_item_search_takes_nothing_but_start(k2v, pk, fields):
    k2v.read_batch([{"partitionKey": pk, "singleItem": True, **fields}]).expect(400, "InvalidRequest")


@pytest.mark.parametrize("fields", [
    '"reverse":null', '"singleItem":null', '"conflictsOnly":null', '"tombstones":null', '"reverse":"true"',
    '"reverse":1', '"limit":-1', '"limit":1.0', '"limit":1e2', '"limit":"1"', '"limit":18446744073709551616',
    '"limit":true', '"prefix":1', '"start":[]', '"end":{}', '"prefix":"a","start":"b"', '"prefix":"a","start":""',
    '"start":"a","start":"a"', '"prefix":"\\ud800"'])
def test_a_bad_search_is_refused(k2v, pk, fields):
    body = f'[{{"partitionKey":{json.dumps(pk)}}},{{"partitionKey":{json.dumps(pk)},{fields}}}]'
    k2v.request("POST", k2v.bucket_target("search"), [], body.encode()).expect(400, "InvalidRequest")


@pytest.mark.parametrize("limit", [1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 3, 2**64 - 1])
def test_every_unsigned_limit_is_taken_and_echoed(k2v, pk, limit):
    k2v.write(pk, "a", b"1")
    found = k2v.search(pk, limit=limit)
    assert (found["limit"], len(found["items"]), found["more"]) == (limit, 1, False)


def test_pages_put_together_are_the_whole(k2v, pk):
    names = [f"{n:02}" for n in range(25)]
    k2v.insert_batch([item(pk, name, b"v") for name in names]).expect(204)
    for reverse in (False, True):
        seen, start = [], None
        for _ in range(10):
            page = k2v.search(pk, limit=4, start=start, reverse=reverse)
            seen += [i["sk"] for i in page["items"]]
            start = page["nextStart"]
            assert page["more"] == (start is not None)
            if start is None:
                break
        assert seen == sorted(names, reverse=reverse)


# DeleteBatch


def test_a_delete_batch_deletes_what_is_alive_in_its_range(k2v, pk):
    fill(k2v, pk)
    result = k2v.delete_batch([{"partitionKey": pk, "start": "c", "end": "n"}]).expect(200).json()
    assert result == [{"partitionKey": pk, "prefix": None, "start": "c", "end": "n", "singleItem": False,
                       "deletedItems": 2}]
    assert k2v.keys(pk) == ["single"]
    assert k2v.values(pk, "conflict") == [None] and k2v.values(pk, "mixed") == [None]
    again = k2v.delete_batch([{"partitionKey": pk, "start": "c", "end": "n"}]).expect(200).json()
    assert again[0]["deletedItems"] == 0


def test_a_delete_batch_knows_prefix_single_item_and_whole_partition(k2v, pk):
    k2v.insert_batch([item(pk, sk, b"v") for sk in ("a", "b.1", "b.2", "c", "d")]).expect(204)
    entries = [{"prefix": "b."}, {"start": "c", "singleItem": True}, {"start": "nothing", "singleItem": True}]
    results = k2v.delete_batch([{"partitionKey": pk, **entry} for entry in entries]).expect(200).json()
    assert [result["deletedItems"] for result in results] == [2, 1, 0]
    assert [result["singleItem"] for result in results] == [False, True, True]
    assert k2v.keys(pk) == ["a", "d"]
    assert k2v.delete_batch([{"partitionKey": pk}]).json()[0]["deletedItems"] == 2
    assert k2v.keys(pk) == []


def test_a_delete_batch_ignores_what_only_a_search_knows(k2v, pk):
    k2v.insert_batch([item(pk, sk, b"v") for sk in "abc"]).expect(204)
    fields = {"limit": 1, "reverse": True, "conflictsOnly": True, "tombstones": True}
    result = k2v.delete_batch([{"partitionKey": pk, **fields}]).expect(200).json()[0]
    assert result["deletedItems"] == 3
    assert set(result) == {"partitionKey", "prefix", "start", "end", "singleItem", "deletedItems"}


@pytest.mark.parametrize("fields", ['"singleItem":true', '"singleItem":true,"start":"a","prefix":"a"',
                                    '"singleItem":true,"start":"a","end":"b"', '"singleItem":null',
                                    '"prefix":"a","start":"b"', '"start":1'])
def test_a_bad_delete_batch_deletes_nothing(k2v, pk, fields):
    k2v.write(pk, "a", b"1")
    body = f'[{{"partitionKey":{json.dumps(pk)}}},{{"partitionKey":{json.dumps(pk)},{fields}}}]'
    k2v.request("POST", k2v.bucket_target("delete"), [], body.encode()).expect(400, "InvalidRequest")
    assert k2v.values(pk, "a") == [b"1"]


def test_a_deleted_range_can_be_filled_again_with_its_tokens(k2v, pk):
    k2v.insert_batch([item(pk, sk, b"old") for sk in "abc"]).expect(204)
    k2v.delete_batch([{"partitionKey": pk}]).expect(200)
    tombs = k2v.search(pk, tombstones=True)["items"]
    assert [i["v"] for i in tombs] == [[None]] * 3
    k2v.insert_batch([item(pk, i["sk"], b"new", i["ct"]) for i in tombs]).expect(204)
    assert [i["v"] for i in k2v.search(pk)["items"]] == [[b64(b"new")]] * 3


def test_thousands_of_deletions_are_one_request(k2v, pk):
    names = [f"{n:05}" for n in range(3000)]
    k2v.insert_batch([item(pk, name, b"v") for name in names]).expect(204)
    assert k2v.delete_batch([{"partitionKey": pk, "start": "00010"}]).expect(200).json()[0]["deletedItems"] == 2990
    assert k2v.keys(pk) == names[:10]
