"""PollItem and PollRange: at once when there is news, else after the news or the timeout, and never a loss."""

import time

import pytest

from skerry import EMPTY_TOKEN, b64

BINARY = "application/octet-stream"

# PollItem


def test_a_poll_is_answered_by_the_next_write(k2v, pk):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    pending = k2v.start_poll(pk, "a", token, accept=BINARY)
    assert k2v.values(pk, "a") == [b"1"] and pending.is_waiting()
    k2v.put(pk, "a", b"2", token).expect(204)
    answer = pending.answer().expect(200)
    assert (answer.body, answer.type, answer.token) == (b"2", BINARY, k2v.token(pk, "a"))


@pytest.mark.parametrize("accept, status", [(None, 200), ("*/*", 200), ("application/json", 200), (BINARY, 409)])
def test_a_poll_answers_in_the_forms_of_a_read(k2v, pk, accept, status):
    k2v.write(pk, "a", b"1")
    pending = k2v.start_poll(pk, "a", k2v.token(pk, "a"), accept=accept)
    k2v.put(pk, "a", b"2").expect(204)
    answer = pending.answer().expect(status)
    assert answer.token == k2v.token(pk, "a")
    if status == 200:
        assert answer.json() == [b64(b"1"), b64(b"2")]


def test_a_delete_wakes_a_poll(k2v, pk):
    for sk, accept, status in (("a", BINARY, 204), ("b", "*/*", 204), ("c", "application/json", 200)):
        k2v.write(pk, sk, b"1")
        token = k2v.token(pk, sk)
        pending = k2v.start_poll(pk, sk, token, accept=accept)
        k2v.delete(pk, sk, token).expect(204)
        answer = pending.answer().expect(status)
        assert answer.token and (status == 204 or answer.json() == [None])


@pytest.mark.parametrize("write", ["insert batch", "delete batch"])
def test_a_batch_wakes_a_poll(k2v, pk, write):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    pending = k2v.start_poll(pk, "a", token)
    if write == "insert batch":
        k2v.insert_batch([{"pk": pk, "sk": "a", "ct": token, "v": b64(b"2")}]).expect(204)
    else:
        k2v.delete_batch([{"partitionKey": pk}]).expect(200)
    assert pending.answer().expect(200).json() == ([b64(b"2")] if write == "insert batch" else [None])


def test_a_poll_of_what_is_already_newer_answers_at_once(k2v, pk):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    k2v.write(pk, "a", b"2")
    assert k2v.poll(pk, "a", token, timeout=600).expect(200).json() == [b64(b"1"), b64(b"2")]
    assert k2v.poll(pk, "a", EMPTY_TOKEN, timeout=600).expect(200).json() == [b64(b"1"), b64(b"2")]


def test_a_poll_of_a_missing_key_waits_for_its_first_write(k2v, pk):
    pending = k2v.start_poll(pk, "a", k2v.get(pk, "a").token, accept=BINARY)
    k2v.get(pk, "a").expect(404)
    assert pending.is_waiting()
    k2v.put(pk, "a", b"first").expect(204)
    assert pending.answer().expect(200).body == b"first"


def test_a_write_of_another_item_wakes_nobody(k2v, pk):
    k2v.write(pk, "a", b"1")
    pending = k2v.start_poll(pk, "a", k2v.token(pk, "a"), timeout=1)
    k2v.write(pk, "ab", b"1")
    k2v.write(pk + "b", "a", b"1")
    pending.answer().expect(304)


@pytest.mark.parametrize("timeout", ["0", "1"])
def test_a_poll_without_news_ends_with_304_and_nothing_else(k2v, pk, timeout):
    k2v.write(pk, "a", b"1")
    begun = time.monotonic()
    answer = k2v.poll(pk, "a", k2v.token(pk, "a"), timeout=timeout).expect(304)
    assert time.monotonic() - begun >= 0.9, "0 is taken as 1 second"
    assert answer.token is None and answer.type is None and answer.header("content-length") is None, answer


@pytest.mark.parametrize("timeout", ["600", "601", "10000", "18446744073709551615", ""])
def test_a_long_timeout_is_clamped_not_refused(k2v, pk, timeout):
    k2v.write(pk, "a", b"1")
    pending = k2v.start_poll(pk, "a", k2v.token(pk, "a"), timeout=timeout)
    k2v.write(pk, "a", b"2")
    pending.answer().expect(200)


@pytest.mark.parametrize("timeout", ["-1", "abc", "1.5", "18446744073709551616", "1s"])
def test_a_timeout_that_is_no_number_is_refused(k2v, pk, timeout):
    k2v.poll(pk, "a", EMPTY_TOKEN, timeout=timeout).expect(400, "InvalidRequest")


def test_an_empty_causality_token_makes_it_a_read(k2v, pk):
    k2v.get(pk, "a")
    k2v.request("GET", k2v.item_target(pk, "a", causality_token="", timeout="600")).expect(404, "NoSuchKey")


def test_many_polls_of_one_item_all_wake(k2v, pk):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    polls = [k2v.start_poll(pk, "a", token, accept=BINARY) for _ in range(50)]
    k2v.put(pk, "a", b"2", token).expect(204)
    assert [poll.answer().expect(200).body for poll in polls] == [b"2"] * 50


def test_a_poll_whose_client_went_away_harms_nobody(k2v, pk):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    gone = [k2v.start_poll(pk, "a", token) for _ in range(20)]
    stays = k2v.start_poll(pk, "a", token)
    for poll in gone:
        poll.abandon()
    k2v.put(pk, "a", b"2", token).expect(204)
    assert stays.answer().expect(200).json() == [b64(b"2")]
    assert k2v.values(pk, "a") == [b"2"]


def test_a_burst_of_writes_loses_nobody_who_polls_in_a_loop(k2v, pk):
    """I16: after any number of writes between two polls the next poll sees the last state."""
    writer, token = k2v.clone(), k2v.put(pk, "a", b"0").expect(204).token
    seen = token
    for burst in range(1, 15):
        pending = k2v.start_poll(pk, "a", seen, accept=BINARY)
        for number in range(burst):
            token = writer.put(pk, "a", b"%d.%d" % (burst, number), token).expect(204).token
        last = b"%d.%d" % (burst, burst - 1)
        answer = pending.answer().expect(200)
        while answer.body != last:
            answer = k2v.poll(pk, "a", answer.token, timeout=60, accept=BINARY).expect(200)
        seen = answer.token
    writer.close()


# PollRange


def marker_and_items(answer):
    body = answer.expect(200).json()
    assert set(body) == {"items", "seenMarker"} and isinstance(body["seenMarker"], str), answer
    return body["seenMarker"], {item["sk"]: item["v"] for item in body["items"]}


def test_the_first_range_poll_answers_at_once_with_all_there_is(k2v, pk):
    marker, items = marker_and_items(k2v.poll_range(pk))
    assert marker and items == {}
    k2v.write(pk, "b", b"1")
    k2v.write(pk, "a", b"1", None)
    k2v.write(pk, "c", None)
    body = k2v.poll_range(pk, timeout=600).expect(200).json()
    assert [(item["sk"], item["v"]) for item in body["items"]] == \
        [("a", [b64(b"1"), None]), ("b", [b64(b"1")]), ("c", [None])], "in order, tombstones included"
    assert [item["ct"] for item in body["items"]] == [k2v.token(pk, sk) for sk in "abc"]


def test_a_range_poll_with_a_marker_waits_for_news_and_tells_only_news(k2v, pk):
    k2v.write(pk, "a", b"1")
    k2v.write(pk, "b", b"1")
    marker, _ = marker_and_items(k2v.poll_range(pk))
    for sk, value in (("b", b"2"), ("new", b"3"), ("a", None)):
        pending = k2v.start_poll_range(pk, seenMarker=marker)
        assert k2v.values(pk, "a") and pending.is_waiting()
        token = k2v.get(pk, sk).token
        k2v.write(pk, sk, value, token=token)
        marker, items = marker_and_items(pending.answer())
        assert items == {sk: [b64(value)]}


def test_news_from_before_the_range_poll_comes_at_once(k2v, pk):
    marker, _ = marker_and_items(k2v.poll_range(pk))
    k2v.write(pk, "x", b"1")
    k2v.write(pk, "y", b"1")
    marker, items = marker_and_items(k2v.poll_range(pk, seenMarker=marker, timeout=600))
    assert items == {"x": [b64(b"1")], "y": [b64(b"1")]}
    k2v.poll_range(pk, seenMarker=marker, timeout=1).expect(304)


def test_a_range_poll_without_news_ends_with_304(k2v, pk):
    marker, _ = marker_and_items(k2v.poll_range(pk))
    answer = k2v.poll_range(pk, seenMarker=marker, timeout=0).expect(304)
    assert answer.type is None and answer.header("content-length") is None


@pytest.mark.parametrize("fields, keys", [
    ({"prefix": "b"}, ["b", "b1", "b2"]),
    ({"start": "b1"}, ["b1", "b2", "c"]),
    ({"end": "b1"}, ["a", "b"]),
    ({"start": "b", "end": "b2"}, ["b", "b1"]),
    ({"prefix": "b", "start": "b1"}, ["b1", "b2"]),
    ({"prefix": "b", "end": "b2"}, ["b", "b1"]),
    ({"prefix": "b", "start": "a"}, ["b", "b1", "b2"]),
    ({"prefix": "b", "start": "c"}, []),
    ({"start": "c", "end": "a"}, []),
    ({"prefix": ""}, ["a", "b", "b1", "b2", "c"]),
    ({"prefix": None, "start": None, "end": None, "timeout": None, "seenMarker": None},
     ["a", "b", "b1", "b2", "c"]),
    ({"unknown": 1, "limit": 1, "reverse": True}, ["a", "b", "b1", "b2", "c"]),
])
def test_a_range_poll_knows_prefix_start_and_end(k2v, pk, fields, keys):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a", "b", "b1", "b2", "c")]).expect(204)
    _, items = marker_and_items(k2v.poll_range(pk, **fields))
    assert list(items) == keys


def test_a_range_poll_is_woken_only_from_inside_its_range(k2v, pk):
    marker, _ = marker_and_items(k2v.poll_range(pk, prefix="b", end="b5"))
    pending = k2v.start_poll_range(pk, prefix="b", end="b5", seenMarker=marker)
    for sk in ("a", "c", "b5", "b6", "B"):
        k2v.write(pk, sk, b"outside")
    k2v.write(pk + "2", "b1", b"other partition")
    assert pending.is_waiting()
    k2v.write(pk, "b1", b"inside")
    _, items = marker_and_items(pending.answer())
    assert items == {"b1": [b64(b"inside")]}


def test_a_marker_is_good_for_a_part_of_its_range(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a1", "a2", "b1")]).expect(204)
    marker, _ = marker_and_items(k2v.poll_range(pk))
    k2v.write(pk, "b1", b"news")
    k2v.poll_range(pk, prefix="a", seenMarker=marker, timeout=1).expect(304)
    k2v.write(pk, "a2", b"news")
    _, items = marker_and_items(k2v.poll_range(pk, prefix="a", start="a2", seenMarker=marker))
    assert list(items) == ["a2"]
    _, items = marker_and_items(k2v.poll_range(pk, seenMarker=marker))
    assert list(items) == ["a2", "b1"], "the whole range's marker still knows what it had not seen"


def test_a_marker_of_another_place_is_refused(k2v, fresh, pk):
    """H8: bound to bucket, partition and range."""
    everywhere, _ = marker_and_items(k2v.poll_range(pk))
    narrow, _ = marker_and_items(k2v.poll_range(pk, prefix="a"))
    k2v.poll_range(pk + "2", seenMarker=everywhere).expect(400, "InvalidRequest")
    fresh.poll_range(pk, seenMarker=everywhere).expect(400, "InvalidRequest")
    k2v.poll_range(pk, seenMarker=narrow).expect(400, "InvalidRequest")
    k2v.poll_range(pk, prefix="b", seenMarker=narrow).expect(400, "InvalidRequest")


@pytest.mark.parametrize("marker", ["", "x", "not base64!", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAA=", "A" * 3000,
                                    "KLUv/SAAAQAA", "\u0000", "é"])
def test_a_marker_nobody_gave_out_is_refused(k2v, pk, marker):
    k2v.poll_range(pk, seenMarker=marker).expect(400, "InvalidRequest")


def test_a_changed_marker_is_refused(k2v, pk):
    k2v.write(pk, "a", b"1")
    marker, _ = marker_and_items(k2v.poll_range(pk))
    for at in range(0, len(marker), 3):
        other = "A" if marker[at] != "A" else "B"
        k2v.poll_range(pk, seenMarker=marker[:at] + other + marker[at + 1:],
                       timeout=1).expect(400, "InvalidRequest")
    k2v.poll_range(pk, seenMarker=marker[:-4], timeout=1).expect(400, "InvalidRequest")


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '{"timeout":-1}', '{"timeout":"1"}', '{"timeout":1.5}',
                                  '{"prefix":1}', '{"seenMarker":1}', '{"start":"a","start":"a"}', "{} {}",
                                  '[{},]'])
def test_a_bad_range_poll_is_refused(k2v, pk, body):
    k2v.request("POST", f"/{k2v.bucket}/{pk}?poll_range", [], body.encode()).expect(400, "InvalidRequest")


def test_search_may_be_the_method_of_a_range_poll(k2v, pk):
    k2v.write(pk, "a", b"1")
    answer = k2v.request("SEARCH", f"/{k2v.bucket}/{pk}?poll_range", [], b"{}")
    assert marker_and_items(answer)[1] == {"a": [b64(b"1")]}


def test_a_chain_of_range_polls_delivers_every_last_state_and_comes_to_rest(k2v, pk):
    """I17, with a marker that outlives many writes."""
    marker, seen, tokens = None, {}, {}
    for number in range(30):
        for sk in ("abcdefgh"[number % 8], "abcdefgh"[number * 5 % 8]):
            tokens[sk] = k2v.put(pk, sk, b"%d" % number, tokens.get(sk)).expect(204).token
        marker, items = marker_and_items(k2v.poll_range(pk, seenMarker=marker))
        seen.update(items)
    assert seen == {sk: [b64(value) for value in k2v.values(pk, sk)] for sk in tokens}
    k2v.poll_range(pk, seenMarker=marker, timeout=1).expect(304)


def test_many_range_polls_are_served_together(k2v, pk):
    k2v.write(pk, "a", b"1")
    marker, _ = marker_and_items(k2v.poll_range(pk))
    polls = [k2v.start_poll_range(pk, seenMarker=marker, timeout=60) for _ in range(30)]
    k2v.write(pk, "z", b"1")
    assert [list(marker_and_items(poll.answer())[1]) for poll in polls] == [["z"]] * 30
