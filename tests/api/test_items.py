"""ReadItem, InsertItem, DeleteItem: every form of answer, every state of an item."""

import pytest

import sign
import skerry
from skerry import EMPTY_TOKEN, b64, key_text

BINARY = "application/octet-stream"
JSON = "application/json"


@pytest.fixture(scope="module")
def states(k2v):
    """One item in each state; the name is its sort key."""
    k2v.write("states", "single", b"one\x00value")
    k2v.write("states", "empty", b"")
    k2v.write("states", "deleted", b"gone")
    k2v.delete("states", "deleted", k2v.token("states", "deleted")).expect(204)
    k2v.write("states", "conflict", b"first", b"second")
    k2v.write("states", "mixed", b"kept", None)
    return k2v


CONTENTS = {"single": [b"one\x00value"], "empty": [b""], "deleted": [None], "conflict": [b"first", b"second"],
            "mixed": [b"kept", None]}

ACCEPTS = [
    (None, "json"),
    ("application/json", "json"),
    ("  application/json\t", "json"),
    ("text/plain, application/json", "json"),
    ("application/json,", "json"),
    ("application/octet-stream", "binary"),
    ("image/png,application/octet-stream", "binary"),
    ("*/*", "either"),
    ("text/html,*/*", "either"),
    ("application/json, application/octet-stream", "either"),
    ("application/octet-stream,application/json", "either"),
    ("application/octet-stream , text/html , application/json", "either"),
    ("application/json, */*", "either"),
    ("", "none"),
    ("text/html", "none"),
    ("application/*", "none"),
    ("*/*;q=0.8", "none"),
    ("application/json; charset=utf-8", "none"),
    ("application/json;q=0.9, application/octet-stream;q=0.8", "none"),
    ("Application/JSON", "none"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "none"),
    ("application/json application/octet-stream", "none"),
]


def check_form(answer, mode, contents):
    """One row of the table of answers by Accept and state."""
    if mode == "none":
        answer.expect(406, "NotAcceptable")
        assert answer.token is None
        return
    assert answer.token and answer.token != EMPTY_TOKEN, f"no token: {answer}"
    if mode == "binary" and len(contents) > 1:
        answer.expect(409)
        assert answer.body == b"" and answer.type is None and answer.header("content-length") == "0", answer
    elif mode == "json" or len(contents) > 1:
        answer.expect(200)
        assert answer.type == JSON and answer.json() == [b64(value) for value in contents], answer
    elif contents == [None]:
        answer.expect(204)
        assert answer.type == BINARY and answer.framing == "none", answer
    else:
        answer.expect(200)
        assert answer.type == BINARY and answer.body == contents[0], answer


@pytest.mark.parametrize("accept, mode", ACCEPTS)
def test_the_answer_has_the_form_that_accept_asks_for(states, accept, mode):
    for sk, contents in CONTENTS.items():
        check_form(states.get("states", sk, accept), mode, contents)


@pytest.mark.parametrize("accept, mode", ACCEPTS)
def test_a_bad_accept_wins_over_a_missing_key(k2v, accept, mode):
    answer = k2v.get("states", "never written", accept)
    answer.expect(*((406, "NotAcceptable") if mode == "none" else (404, "NoSuchKey")))


def test_only_the_first_accept_line_counts(states, key, by_hand):
    by_hand.options = {"unsigned": ["accept"]}
    target = states.item_target("states", "single")
    answer = by_hand.request("GET", target, [("Accept", JSON), ("Accept", BINARY)])
    check_form(answer, "json", CONTENTS["single"])
    answer = by_hand.request("GET", target, [("accept", BINARY), ("ACCEPT", "nonsense")])
    check_form(answer, "binary", CONTENTS["single"])


@pytest.mark.parametrize("accept, mode", ACCEPTS)
def test_head_of_an_item_is_get_without_the_body(states, accept, mode):
    for sk in CONTENTS:
        headers = [] if accept is None else [("Accept", accept)]
        target = states.item_target("states", sk)
        head = states.request("HEAD", target, headers)
        get = states.request("GET", target, headers)
        shown = ["content-type", "content-length", "x-garage-causality-token"]
        assert (head.status, [head.header(name) for name in shown]) == \
            (get.status, [get.header(name) for name in shown]), f"{head}\nbut {get}"


def test_a_write_answers_204_with_no_body(k2v, pk):
    for answer in (k2v.put(pk, "a", b"value"), k2v.delete(pk, "a")):
        answer.expect(204)
        assert answer.framing == "none" and answer.header("content-length") is None, answer
        assert answer.type is None and answer.header("date"), answer


def test_every_byte_of_a_value_comes_back(k2v, pk):
    value = bytes(range(256)) * 17
    k2v.put(pk, "a", value).expect(204)
    assert k2v.get(pk, "a", BINARY).body == value
    assert k2v.values(pk, "a") == [value]


def test_the_content_type_of_a_request_means_nothing(k2v, pk):
    headers = [("Content-Type", "application/json"), ("User-Agent", "k2v/1")]
    k2v.request("PUT", k2v.item_target(pk, "a"), headers, b"{").expect(204)
    assert k2v.get(pk, "a", BINARY).body == b"{"


def test_an_empty_value_is_a_value(k2v, pk):
    k2v.put(pk, "a", b"").expect(204)
    answer = k2v.get(pk, "a", BINARY).expect(200)
    assert answer.body == b"" and answer.header("content-length") == "0"
    assert k2v.values(pk, "a") == [b""]


def test_a_write_with_the_token_replaces_what_was_read(k2v, pk):
    k2v.write(pk, "a", b"old", b"older")
    k2v.put(pk, "a", b"new", k2v.token(pk, "a")).expect(204)
    assert k2v.values(pk, "a") == [b"new"]


def test_a_write_without_a_token_stands_beside_the_others(k2v, pk):
    k2v.write(pk, "a", b"c", b"a", b"b")
    assert k2v.values(pk, "a") == [b"c", b"a", b"b"], "siblings come in the order of writing"


def test_a_stale_token_replaces_only_what_it_has_seen(k2v, pk):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    k2v.write(pk, "a", b"2", token=token)
    k2v.write(pk, "a", b"3", token=token)
    assert k2v.values(pk, "a") == [b"2", b"3"]


def test_equal_siblings_are_shown_once(k2v, pk):
    k2v.write(pk, "a", b"x", b"y", b"x", b"x")
    assert k2v.values(pk, "a") == [b"x", b"y"]
    k2v.write(pk, "b", None, None)
    assert k2v.values(pk, "b") == [None]
    k2v.put(pk, "a", b"z", k2v.token(pk, "a")).expect(204)
    assert k2v.values(pk, "a") == [b"z"], "the token covers the duplicates too"


def test_a_delete_discards_only_what_its_token_covers(k2v, pk):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    k2v.write(pk, "a", b"2")
    k2v.delete(pk, "a", token).expect(204)
    assert k2v.values(pk, "a") == [b"2", None]
    k2v.delete(pk, "a", k2v.token(pk, "a")).expect(204)
    assert k2v.values(pk, "a") == [None]


def test_a_delete_of_what_never_existed_leaves_a_tombstone(k2v, pk):
    k2v.get(pk, "a").expect(404, "NoSuchKey")
    k2v.delete(pk, "a").expect(204)
    assert k2v.values(pk, "a") == [None]
    k2v.get(pk, "a", BINARY).expect(204)


def test_a_delete_does_not_read_its_body(k2v, pk, by_hand):
    k2v.write(pk, "a", b"1")
    by_hand.options = {"payload": sign.sha256(b"something else")}
    by_hand.request("DELETE", k2v.item_target(pk, "a"), [], b"never read").expect(204)
    assert k2v.values(pk, "a") == [b"1", None]


def test_a_body_that_is_not_what_was_signed_stores_nothing(k2v, pk, by_hand):
    by_hand.options = {"payload": sign.sha256(b"something else")}
    by_hand.request("PUT", k2v.item_target(pk, "a"), [], b"this").expect(400, "InvalidDigest")
    k2v.get(pk, "a").expect(404, "NoSuchKey")


KEYS = ["a", "ä", "\u00e9", "e\u0301", "\u20ac", "\ud7ff", "\ue000", "\U0010ffff", "\x00", "a\x00b",
        "\x01\x1f\x7f", " ", "a b",
        "+", "a+b", "%", "%41", "%2F", "/", "a/b", "/a", "a/", "a//b", "&", "=", "?", "#", ";", ":", "@", "'", '"',
        "\\", "~", "*", "()", "a=b&c=d", "root@plépp", "≤≤««", "K", "k", "0", "-_.~", ".a", "a.b", "...", "\r\n"]


def test_all_keys_are_different_items_and_come_back_unchanged(fresh):
    for number, name in enumerate(KEYS):
        fresh.put(name, name, b"%d" % number).expect(204)
    for number, name in enumerate(KEYS):
        assert fresh.values(name, name) == [b"%d" % number], repr(name)
        assert fresh.keys(name) == [name]
    assert sorted(fresh.index_rows()) == sorted(KEYS)


def test_a_plus_is_a_plus_in_the_path_and_a_blank_in_the_query(k2v):
    k2v.request("PUT", f"/{k2v.bucket}/p+p?sort_key=s%20s", [], b"1").expect(204)
    assert k2v.values("p+p", "s s") == [b"1"]


def test_a_plus_in_the_query_reads_as_a_blank(k2v, by_hand):
    by_hand.request("PUT", f"/{k2v.bucket}/plus?sort_key=s+s", [], b"1").expect(204)
    assert k2v.values("plus", "s s") == [b"1"]


@pytest.mark.parametrize("path, pk", [("x", "x"), ("//x", "x"), ("%2Fx", "/x"), ("a/b", "a/b"), ("a%2Fb", "a/b"),
                                      ("x/", "x/"), ("x//", "x//"), ("a//b", "a//b"), ("%2f", "/"), ("%78", "x"),
                                      ("%C3%A9", "é"), ("%c3%a9", "é"), ("a%00b", "a\x00b")])
def test_the_path_names_the_partition(fresh, path, pk):
    client = skerry.HandClient(fresh.server, fresh.key, fresh.bucket)
    client.request("PUT", f"/{fresh.bucket}/{path}?sort_key=s", [], b"1").expect(204)
    client.close()
    assert fresh.keys(pk) == ["s"]
    assert list(fresh.index_rows()) == [pk]


def test_slashes_before_the_bucket_vanish(k2v, pk, by_hand):
    by_hand.request("PUT", f"///{k2v.bucket}//{pk}?sort_key=s", [], b"1").expect(204)
    assert k2v.values(pk, "s") == [b"1"]


def test_items_of_two_buckets_never_meet(k2v, fresh, pk):
    k2v.put(pk, "a", b"here").expect(204)
    fresh.get(pk, "a").expect(404, "NoSuchKey")
    fresh.put(pk, "a", b"there").expect(204)
    assert (k2v.values(pk, "a"), fresh.values(pk, "a")) == ([b"here"], [b"there"])


def test_known_parameters_that_a_call_does_not_use_are_not_read(k2v, pk):
    k2v.put(pk, "a", b"1").expect(204)
    for extra in ("timeout=abc", "limit=-1", "reverse=maybe", "start=x&end=y&prefix=z", "Sort_Key2=x"):
        k2v.request("GET", k2v.item_target(pk, "a") + "&" + extra).expect(200)
    k2v.request("GET", f"{k2v.bucket_target()}?sort_key={key_text('a')}&timeout=x").expect(200)
