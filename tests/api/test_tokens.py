"""Causality tokens: what a write's answer may tell, and what is refused (H7, I9, I10)."""

import base64

import pytest

from skerry import EMPTY_TOKEN, b64


def raw(token):
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bad_tokens(good):
    """Name → a token no server can have given out for this item."""
    data = raw(good)
    actor, count = data[8:16], int.from_bytes(data[16:24], "big")
    xor = bytes(a ^ b for a, b in zip(actor, count.to_bytes(8, "big")))
    return {
        "the reference's example": "CgsMDQ4PE_gKCwwNDg8QEQAAAAAAAAPp",
        "checksummed by XOR": text(xor + data[8:]),
        "checksum 0": text(bytes(8) + data[8:]),
        "a later counter": text(data[:16] + (count + 1).to_bytes(8, "big")),
        "an earlier counter": text(data[:16] + (count - 1).to_bytes(8, "big")),
        "the largest counter": text(data[:16] + b"\xff" * 8),
        "another actor": text(data[:8] + bytes([actor[0] ^ 1]) + data[9:]),
        "another seal": text(bytes([data[0] ^ 0x80]) + data[1:]),
        "only the seal": text(data[:8]),
        "cut by a byte": text(data[:-1]),
        "cut by a character": good[:-1],
        "cut in half": text(data[:16]),
        "a byte more": text(data + b"\0"),
        "a pair twice": text(data + data[8:]),
        "a pair more": text(data + bytes(15) + b"\x01"),
        "trailing bits": EMPTY_TOKEN[:-1] + "B",
        "padding": good + "=",
        "padded empty": EMPTY_TOKEN + "=",
        "standard alphabet": "++++" + good[4:],
        "a blank": good[:5] + " " + good[6:],
        "tra$sh": "tra$sh",
        "one character": "A",
        "very long": "A" * 5000,
    }


BAD = list(bad_tokens("B" * 32))


@pytest.fixture(scope="module")
def item(k2v):
    k2v.write("tokens", "item", b"value")
    return k2v.token("tokens", "item")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused_everywhere_and_nothing_is_stored(k2v, item, name):
    token = bad_tokens(item)[name]
    k2v.put("tokens", "item", b"x", token).expect(400, "CausalityToken")
    k2v.delete("tokens", "item", token).expect(400, "CausalityToken")
    good = {"pk": "tokens", "sk": "beside", "ct": None, "v": b64(b"y")}
    k2v.insert_batch([good, {"pk": "tokens", "sk": "item", "ct": token, "v": b64(b"x")}]) \
        .expect(400, "CausalityToken")
    k2v.poll("tokens", "item", token).expect(400, "InvalidRequest")
    assert k2v.values("tokens", "item") == [b"value"]
    k2v.get("tokens", "beside").expect(404)


def test_a_token_of_another_item_is_refused(k2v, fresh, item):
    """I10: of another sort key, another partition, another bucket."""
    k2v.write("tokens", "other", b"1")
    k2v.write("tokens2", "item", b"1")
    fresh.write("tokens", "item", b"1")
    for client, pk, sk in ((k2v, "tokens", "other"), (k2v, "tokens2", "item"), (fresh, "tokens", "item")):
        client.put(pk, sk, b"x", item).expect(400, "CausalityToken")
        client.delete(pk, sk, item).expect(400, "CausalityToken")
        client.insert_batch([{"pk": pk, "sk": sk, "ct": item, "v": None}]).expect(400, "CausalityToken")
        client.poll(pk, sk, item).expect(400, "InvalidRequest")
        assert client.values(pk, sk) == [b"1"]


def test_the_empty_token_covers_nothing(k2v, pk):
    k2v.put(pk, "a", b"1", EMPTY_TOKEN).expect(204)
    k2v.put(pk, "a", b"2", EMPTY_TOKEN).expect(204)
    assert k2v.values(pk, "a") == [b"1", b"2"]


def test_an_empty_token_header_is_a_bad_token(k2v, pk):
    k2v.put(pk, "a", b"1", "").expect(400, "CausalityToken")
    k2v.get(pk, "a").expect(404)


def test_a_token_header_outside_ascii_is_no_text(k2v, pk, by_hand):
    by_hand.options = {"unsigned": ["x-garage-causality-token"]}
    headers = [("x-garage-causality-token", b"\xc3\xa9")]
    by_hand.request("PUT", k2v.item_target(pk, "a"), headers, b"1").expect(400, "InvalidHeaderValue")


def test_a_missing_item_answers_with_the_token_of_the_empty_history(k2v, pk):
    for accept in (None, "*/*", "application/octet-stream"):
        assert k2v.get(pk, "a", accept).expect(404, "NoSuchKey").token == EMPTY_TOKEN


def test_a_lone_writer_can_go_on_with_the_token_of_its_own_write(k2v, pk):
    token = None
    for number in range(20):
        token = k2v.put(pk, "a", b"%d" % number, token).expect(204).token
        assert token, "alone on the item, the writer knows all of it"
        assert k2v.values(pk, "a") == [b"%d" % number]
        assert token == k2v.token(pk, "a")
    token = k2v.delete(pk, "a", token).expect(204).token
    assert token and k2v.values(pk, "a") == [None]
    k2v.put(pk, "a", b"again", token).expect(204)
    assert k2v.values(pk, "a") == [b"again"]


def test_a_write_after_reading_all_siblings_knows_all(k2v, pk):
    k2v.write(pk, "a", b"1", b"2", None)
    answer = k2v.put(pk, "a", b"3", k2v.token(pk, "a")).expect(204)
    assert answer.token == k2v.token(pk, "a")


def test_the_answer_of_a_write_never_covers_what_the_writer_has_not_read(k2v, pk):
    """I9: the clock cannot name the new dot without the sibling below it, so the answer names neither."""
    k2v.write(pk, "a", b"theirs")
    answer = k2v.put(pk, "a", b"mine").expect(204)
    assert answer.token is None, "a blind write that met a sibling knows nothing it can say"
    k2v.write(pk, "b", b"1")
    token = k2v.token(pk, "b")
    k2v.write(pk, "b", b"unread")
    answer = k2v.put(pk, "b", b"mine", token).expect(204)
    assert answer.token in (None, token)
    if answer.token:
        k2v.put(pk, "b", b"next", answer.token).expect(204)
        assert b"unread" in k2v.values(pk, "b")


def test_a_chain_of_writes_keeps_every_value_it_has_not_read(k2v, pk):
    """Two writers that never read, each going on with what its own answers told it: nobody loses a value."""
    tokens = {"left": None, "right": None}
    for number in range(6):
        for side in tokens:
            answer = k2v.put(pk, "a", f"{side}{number}".encode(), tokens[side]).expect(204)
            tokens[side] = answer.token or tokens[side]
    values = k2v.values(pk, "a")
    assert b"left5" in values and b"right5" in values


def test_a_token_of_a_write_is_good_for_a_poll(k2v, pk):
    token = k2v.put(pk, "a", b"1").expect(204).token
    pending = k2v.start_poll(pk, "a", token, accept="*/*")
    k2v.put(pk, "a", b"2", token).expect(204)
    assert pending.answer().expect(200).body == b"2"


def test_all_three_reads_give_the_same_token(k2v, pk):
    k2v.write(pk, "a", b"1", b"2")
    token = k2v.token(pk, "a")
    assert k2v.get(pk, "a", "application/octet-stream").expect(409).token == token
    assert k2v.search(pk)["items"][0]["ct"] == token
    assert k2v.poll_range(pk).expect(200).json()["items"][0]["ct"] == token
