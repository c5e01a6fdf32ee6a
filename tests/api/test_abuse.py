"""Values, texts, keys, tokens and markers as a hostile client sends them (H7, H8, H30-H32), beyond what the tests of
each call try. Each abuse gets its designed answer, changes nothing, and the node serves the next client as before.

docs/limits.md has a row for each kind.
"""

import base64
import gzip
import json
import os

import pytest

import skerry
from conftest import new_client
from skerry import EMPTY_TOKEN, b64, key_text

LONG = os.environ.get("TESTS_LONG") == "1"
VICTIM = [("victim", [b64(b"untouched")])]


def everything(k2v, pk):
    return [(item["sk"], item["v"]) for item in k2v.search(pk, tombstones=True)["items"]]


@pytest.fixture
def place(k2v, pk):
    """A partition with one item that no abuse may change."""
    k2v.write(pk, "victim", b"untouched")
    return pk


def check_untouched(k2v, place):
    """Nothing was stored or deleted, and the node goes on: it reads, writes and lists."""
    assert everything(k2v, place) == VICTIM
    assert k2v.server.process.poll() is None, k2v.server.tail()
    k2v.put(place + "/after", "a", b"goes on", k2v.get(place + "/after", "a").token).expect(204)
    assert k2v.values(place + "/after", "a") == [b"goes on"]


# --- JSON (H31) ---------------------------------------------------------------------------------------------------

# The four calls with a body, each valid, and changing something where the call can. @ is where a member is added.
CALLS = {
    "insert": '[{"pk":P,"sk":"first","v":"Zmlyc3Q="},{"pk":P,"sk":"victim","v":"eA=="@}]',
    "search": '[{"partitionKey":P},{"partitionKey":P@}]',
    "delete": '[{"partitionKey":P,"start":"victim","singleItem":true},{"partitionKey":P@}]',
    "poll": '{"prefix":"v"@}',
}


def target_of(k2v, call, pk):
    if call == "poll":
        return f"/{k2v.bucket}/{key_text(pk)}?poll_range"
    return k2v.bucket_target({"insert": "", "search": "search", "delete": "delete"}[call])


def body_of(call, pk, member=b""):
    return CALLS[call].replace("P", json.dumps(pk)).encode().replace(b"@", member)


POLL_BODY_BYTES_MAX = 524288


def send(k2v, call, pk, body):
    return k2v.request("POST", target_of(k2v, call, pk), [], body)


def check_refused(k2v, call, pk, body):
    is_too_long = call == "poll" and len(body) > POLL_BODY_BYTES_MAX
    send(k2v, call, pk, body).expect(413 if is_too_long else 400, "InvalidRequest")


# Members of an object that are no JSON, or JSON that is refused.
MEMBERS = {
    "NaN": b',"x":NaN', "Infinity": b',"x":-Infinity', "hexadecimal": b',"x":0x10', "octal": b',"x":010',
    "a plus": b',"x":+1', "no digit before the point": b',"x":.5', "no digit behind it": b',"x":1.',
    "no digit in the exponent": b',"x":1e', "beyond a double": b',"x":1e999', "far beyond": b',"x":-1e999999999',
    "a million digits": b',"x":' + b"9" * 1000000, "two points": b',"x":1.2.3',
    "a comment": b'/**/', "a line of comment": b',//\n"x":1', "a hash": b'#\n', "single quotes": b",'x':1",
    "a name without quotes": b',x:1', "no colon": b',"x" 1', "two colons": b',"x"::1', "two commas": b',,"x":1',
    "a comma at the end": b',', "a number as name": b',1:1', "null as name": b',null:1', "capitals": b',"x":True',
    "a name twice": b',"x":1,"x":1', "a name twice, once escaped": b',"x":1,"\\u0078":1',
    "a name twice, one level down": b',"x":{"y":1,"y":2}', "a name twice, three down": b',"x":[[{"y":1,"y":1}]]',
    "a surrogate alone": b',"x":"\\ud800"', "a low surrogate alone": b',"x":"\\udfff"',
    "surrogates reversed": b',"x":"\\udc00\\ud800"', "two high surrogates": b',"x":"\\ud800\\ud800\\udc00"',
    "a surrogate before text": b',"x":"\\ud83dA"', "a surrogate cut": b',"x":"\\ud83d\\ude"',
    "a surrogate in a name": b',"\\ud800":1', "a surrogate in a name, deep": b',"x":{"\\udc00":1}',
    "a surrogate as bytes": b',"x":"\xed\xa0\xbd\xed\xb8\x80"', "an overlong slash": b',"x":"\xc0\xaf"',
    "an overlong NUL": b',"x":"\xc0\x80"', "beyond Unicode": b',"x":"\xf4\x90\x80\x80"', "Latin-1": b',"x":"\xe9"',
    "half a character": b',"x":"\xe2\x82"', "NUL in a name": b',"a\\u0000b":1', "NUL as a name": b',"\\u0000":1',
    "a raw NUL": b',"x":"a\0b"', "a raw NUL between": b',\0"x":1', "a raw line feed": b',"x":"a\nb"',
    "a raw escape": b',"x":"\x1b[2J"', "half an escape": b',"x":"\\u12"', "another escape": b',"x":"\\x41"',
    "an escape of eight digits": b',"x":"\\U0001f600"', "no closing quote": b',"x":"', "a backslash last": b',"x":"\\',
    "33 levels": b',"x":' + b"[" * 32 + b"]" * 32, "33 levels of objects": b',"x":' + b'{"a":' * 32 + b"1" + b"}" * 32,
    "a hundred thousand levels": b',"x":' + b"[" * 100000 + b"]" * 100000,
    "a million brackets": b',"x":[' + b"[]," * 500000 + b"0]", "1001 tokens": b',"x":[' + b"0," * 1000 + b"0]",
    "levels that end crossed": b',"x":[{]}', "an end too many": b',"x":[]]',
}

# Ugly, but JSON and within the bounds: unknown fields are ignored.
HARMLESS = {
    "32 levels": b',"x":' + b"[" * 31 + b"]" * 31, "900 tokens": b',"x":[' + b"0," * 900 + b"0]",
    "a large integer": b',"x":' + b"9" * 300, "minus nothing": b',"x":-0,"y":-0.0e-0',
    "NUL in a text": b',"x":"\\u0000"',
    "a pair of surrogates": b',"x":"\\ud83d\\ude00"', "noncharacters": b',"x":"\xef\xbf\xbf\\ufffe"',
    "an empty name": b',"":1', "a megabyte of text": b',"x":"' + b"a" * (1 << 20) + b'"',
    "a megabyte of escapes": b',"x":"' + b'\\"' * (1 << 19) + b'"', "a megabyte of blanks": b" \t\r\n" * (1 << 18),
    "brackets in a text": b',"x":"' + b"[{" * 100000 + b'"',
}


@pytest.mark.parametrize("name", MEMBERS)
def test_an_object_that_is_no_json_or_no_good_is_refused_by_every_call(k2v, place, name):
    for call in CALLS:
        check_refused(k2v, call, place, body_of(call, place, MEMBERS[name]))
    check_untouched(k2v, place)


@pytest.mark.parametrize("name", HARMLESS)
def test_ugly_json_within_the_bounds_is_taken_by_every_call(k2v, pk, name):
    for call in CALLS:
        body = body_of(call, pk, HARMLESS[name])
        if call == "poll" and len(body) > POLL_BODY_BYTES_MAX:
            continue
        send(k2v, call, pk, body).expect(204 if call == "insert" else 200)
        if call == "insert":
            assert k2v.values(pk, "first") == [b"first"]
    assert k2v.keys(pk) == [], "and the deletion did what it said"


# What can be done to a whole document.
DOCUMENTS = {
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "UTF-16, big first": lambda body: body.decode().encode("utf-16-be"),
    "UTF-16, little first": lambda body: body.decode().encode("utf-16-le"),
    "UTF-32": lambda body: body.decode().encode("utf-32"),
    "gzip": gzip.compress,
    "base64": base64.b64encode,
    "NUL behind": lambda body: body + b"\0",
    "NUL before": lambda body: b"\0" + body,
    "a letter behind": lambda body: body + b"x",
    "a comma behind": lambda body: body + b",",
    "a bracket behind": lambda body: body + b"]",
    "a second document": lambda body: body + b" " + body,
    "a form feed": lambda body: b"\x0c" + body,
    "a blank that is none": lambda body: b"\xc2\xa0" + body,
    "a list more": lambda body: b"[" + body + b"]",
    "a text": lambda body: json.dumps(body.decode()).encode(),
    "a list of it": lambda body: b'[[1,2],"x"]',
    "null": lambda body: b"null",
    "a number": lambda body: b"-0",
    "blanks": lambda body: b" \t\r\n",
    "a million opening brackets": lambda body: b"[" * 1000000,
    "a million opening braces": lambda body: b'{"a":' * 1000000,
    "a million brackets": lambda body: b"[" + b"[]," * 499999 + b"[]]",
    "a million closing brackets": lambda body: b"]" * 1000000,
    "a million quotes": lambda body: b'["' + b'\\"' * 1000000,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_another_kind_is_refused_by_every_call(k2v, place, name):
    for call in CALLS:
        check_refused(k2v, call, place, DOCUMENTS[name](body_of(call, place)))
    check_untouched(k2v, place)


@pytest.mark.parametrize("call", CALLS)
def test_a_document_cut_anywhere_is_refused(k2v, place, call):
    whole = body_of(call, place, b',"x":{"y":[1,"\\u00e9",null]}')
    for length in range(len(whole)):
        check_refused(k2v, call, place, whole[:length])
    check_untouched(k2v, place)


NO_NUMBERS = ["-0", "-1", "0.0", "1.0", "1e0", "1E2", "1e-2", "18446744073709551616", "1.8446744073709552e19", "1e400",
              "9" * 1000000, "0." + "0" * 1000000, '"1"', "true", "[1]", "{}", "1 1", "0x1", "00", "1_000", "\u0661"]


@pytest.mark.parametrize("call, field", [("search", "limit"), ("poll", "timeout")])
def test_what_is_no_plain_integer_of_64_bits_is_no_number(k2v, place, call, field):
    for number in NO_NUMBERS:
        check_refused(k2v, call, place, body_of(call, place, f',"{field}":{number}'.encode()))
    check_untouched(k2v, place)


def one_insert(pk, field, size, rest):
    """An InsertBatch of exactly `size` bytes: one item whose `field` is as long as that needs."""
    head = b'[{"pk":' + json.dumps(pk).encode() + rest + b',"' + field + b'":"'
    return head + b"A" * ((size - len(head) - 3) // 4 * 4) + b'"}]'


# A field, what stands beside it, the body's size in MiB, the answer.
HUGE = {
    "a text of 64 MiB in a field nobody reads": (b"x", b',"sk":"s","v":"AA=="', 64, (204, None)),
    "a sort key of 64 MiB": (b"sk", b',"v":"AA=="', 64, (400, "InvalidRequest")),
    "a token of 64 MiB": (b"ct", b',"sk":"s","v":"AA=="', 64, (400, "CausalityToken")),
    "a value of 48 MiB": (b"v", b',"sk":"s"', 64, (413, None)),
    "a text of 65 MiB": (b"x", b',"sk":"s","v":"AA=="', 65, (413, None)),
    "a text of which the node reads only a part": (b"x", b',"sk":"s","v":"AA=="', 80, (413, None)),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_text_as_long_as_a_body_may_be_is_judged_like_any_other(k2v, pk, by_hand, name):
    field, rest, mebibytes, (status, code) = HUGE[name]
    by_hand.options = {"payload": "UNSIGNED-PAYLOAD"}
    answer = by_hand.request("POST", k2v.bucket_target(), [], one_insert(pk, field, mebibytes << 20, rest))
    answer.expect(status, code)
    assert everything(k2v, pk) == ([("s", ["AA=="])] if status == 204 else [])
    k2v.put(pk, "after", b"goes on").expect(204)
    assert k2v.values(pk, "after") == [b"goes on"]


# --- base64 of values (H32) ---------------------------------------------------------------------------------------

GOOD_BASE64 = {"": b"", "AA==": b"\0", "AAA=": b"\0\0", "AAAA": b"\0\0\0", "+/+/": b"\xfb\xff\xbf", "/w==": b"\xff",
               "//8=": b"\xff\xff"}
BAD_BASE64 = [
    "A", "AA", "AAA", "AA=", "AAAAA", "AAAAAA", "AAAA=", "AAAA==", "AAAA===", "AAAA====", "AA===", "AAA==", "=", "==",
    "===", "====", "=AAA", "A=AA", "A===", "AA=A", "AA==AA==", "AAA=AAAA", "AB==", "A/==", "AAB=", "AAC=", "AAD=",
    "/x==", "//9=", "--__", "-_==", "AA==\\n", "AA==\\r\\n", "AA\\n==", "\\nAA==", " AA==", "AA== ", "A A==",
    "AA\\t==", "AA=\\u0000", "AA\\u0000=", "AA==\\u0000", "AA\\u003d\\u003d=", "\uff21\uff21==", "\u0410\u0410==",
    "AA=\u2028", "A\u0301A==", "AA%3D%3D", "{}==", "AA.=", "AA*=", "AAA~", "@@@@",
]


def test_each_value_has_one_text(k2v, pk):
    """All tails of one and of two bytes, with every one of the bits left over: one of each is right."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    good = {"one": [], "two": []}
    for last in alphabet:
        for name, text in (("one", f"A{last}=="), ("two", f"AA{last}=")):
            answer = k2v.request("POST", k2v.bucket_target(), [], json.dumps(
                [{"pk": pk, "sk": name + last, "v": text}]).encode())
            if answer.status == 204:
                good[name].append(last)
            else:
                answer.expect(400, "InvalidRequest")
    assert good == {"one": list(alphabet[::16]), "two": list(alphabet[::4])}
    assert len(k2v.keys(pk)) == 4 + 16


def test_only_standard_base64_with_its_padding_is_a_value(k2v, place):
    for text in BAD_BASE64:
        bad = f'{{"pk":{json.dumps(place)},"sk":"a","v":"{text}"}}'
        good = f'{{"pk":{json.dumps(place)},"sk":"b","v":""}}'
        for body in (f"[{bad}]", f"[{good},{bad}]", f"[{bad},{good}]"):
            answer = k2v.request("POST", k2v.bucket_target(), [], body.encode())
            answer.expect(400, "InvalidRequest")
            assert text not in answer.json()["message"] or len(text) < 4, "what was sent is not repeated"
    check_untouched(k2v, place)
    for number, (text, value) in enumerate(GOOD_BASE64.items()):
        k2v.insert_batch([{"pk": place, "sk": f"good{number}", "v": text}]).expect(204)
        assert k2v.values(place, f"good{number}") == [value]


# --- tokens (H7, H32) ---------------------------------------------------------------------------------------------


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token_of(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def flips(data):
    """The bytes with each of their bits turned, one at a time (a bit of each byte in the short form)."""
    for at in range(len(data)):
        for bit in range(8) if LONG else (at % 8,):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]


def check_token(k2v, pk, sk, token):
    """Refused wherever a token goes."""
    k2v.put(pk, sk, b"x", token).expect(400, "CausalityToken")
    k2v.delete(pk, sk, token).expect(400, "CausalityToken")
    k2v.insert_batch([{"pk": pk, "sk": "beside", "v": ""}, {"pk": pk, "sk": sk, "ct": token, "v": None}]) \
        .expect(400, "CausalityToken")
    k2v.poll(pk, sk, token, timeout=600).expect(400, "InvalidRequest")


def test_a_token_with_a_bit_turned_is_refused(k2v, place):
    k2v.write(place, "victim", b"more", token=k2v.token(place, "victim"))
    before = everything(k2v, place)
    for data in flips(raw(k2v.token(place, "victim"))):
        check_token(k2v, place, "victim", token_of(data))
    assert everything(k2v, place) == before


def test_a_token_cut_or_continued_is_refused(k2v, place):
    token = k2v.token(place, "victim")
    for length in range(1, len(token)):
        check_token(k2v, place, "victim", token[:length])
    for more in ("A", "AA", "AAAA", token, "A" * 11, "A" * 2742, "=", "==", ".", "%00", "+"):
        check_token(k2v, place, "victim", token + more)
    check_untouched(k2v, place)


def test_counters_that_were_never_issued_are_refused(k2v, place):
    """I10: whoever could name a counter of the future could make writes vanish before they happen."""
    data = raw(k2v.token(place, "victim"))
    count = int.from_bytes(data[16:24], "big")
    for other in (count + 1, count + 10**6, count + 10**12, 2**63, 2**64 - 1, count - 1, 0):
        check_token(k2v, place, "victim", token_of(data[:16] + other.to_bytes(8, "big")))
    for pair in (b"\0" * 8 + b"\xff" * 8, b"\xff" * 16):
        check_token(k2v, place, "victim", token_of(data[:8] + b"".join(sorted([data[8:24], pair]))))
    check_untouched(k2v, place)


TOKEN_FORMS = {"padded": lambda t: t + "=" * (-len(t) % 4 or 4),
               "the standard alphabet": lambda t: "+/" + t[2:],
               "a blank inside": lambda t: t[:9] + " " + t[9:], "a line break": lambda t: t[:8] + "%0A" + t[8:],
               "quoted": lambda t: f'"{t}"', "small letters": str.lower, "capitals": str.upper,
               "twice": lambda t: t + t,
               "two of them": lambda t: f"{t}, {t}", "hexadecimal": lambda t: raw(t).hex(),
               "the empty one padded": lambda t: EMPTY_TOKEN + "=",
               "the empty one, other bits": lambda t: "A" * 10 + "B",
               "the empty one, short": lambda t: "A" * 10, "the empty one, long": lambda t: "A" * 12}


@pytest.mark.parametrize("name", TOKEN_FORMS)
def test_a_token_has_one_text(k2v, place, name):
    check_token(k2v, place, "victim", TOKEN_FORMS[name](k2v.token(place, "victim")))
    check_untouched(k2v, place)


@pytest.fixture
def other_node(start_server):
    """A client of another node, with a bucket of its own."""
    server = start_server(name="other")
    client = new_client(server, server.admin.create_key())
    yield client
    client.close()


def test_tokens_and_markers_of_another_node_are_refused(k2v, place, other_node):
    other_node.write(place, "victim", b"there")
    check_token(k2v, place, "victim", other_node.token(place, "victim"))
    marker = other_node.poll_range(place).expect(200).json()["seenMarker"]
    k2v.poll_range(place, seenMarker=marker, timeout=600).expect(400, "InvalidRequest")
    check_token(other_node, place, "victim", k2v.token(place, "victim"))
    check_untouched(k2v, place)


# --- seen markers (H8) --------------------------------------------------------------------------------------------


def marker_of(k2v, pk, **fields):
    return k2v.poll_range(pk, **fields).expect(200).json()["seenMarker"]


def check_marker(k2v, pk, marker, **fields):
    k2v.poll_range(pk, seenMarker=marker, timeout=600, **fields).expect(400, "InvalidRequest")


def test_a_marker_with_a_bit_turned_is_refused(k2v, place):
    data = base64.b64decode(marker_of(k2v, place, prefix="v"), validate=True)
    for bad in flips(data):
        check_marker(k2v, place, b64(bad), prefix="v")
    check_untouched(k2v, place)


def test_a_marker_cut_or_continued_is_refused(k2v, place):
    marker = marker_of(k2v, place)
    data = base64.b64decode(marker, validate=True)
    for length in range(len(marker)):
        check_marker(k2v, place, marker[:length])
    for length in range(len(data)):
        check_marker(k2v, place, b64(data[:length]))
    for more in (b"\0", b"\0\0", b"\0" * 16, data, bytes(1000)):
        check_marker(k2v, place, b64(data + more))
    check_untouched(k2v, place)


def test_a_marker_has_one_text(k2v, place):
    k2v.write(place, "victim2", b"x")
    marker = marker_of(k2v, place)
    data = base64.b64decode(marker, validate=True)
    forms = [base64.urlsafe_b64encode(data + b"\xfb\xff").decode(), marker.rstrip("=") + "=" * 4, marker + "=",
             marker + "\n", marker[:4] + "\n" + marker[4:], " " + marker, marker + "\0", marker + marker, data.hex(),
             token_of(data) + "==="]
    for form in forms:
        check_marker(k2v, place, form)
    check_marker(k2v, place, k2v.token(place, "victim"))
    check_token(k2v, place, "victim", marker)
    k2v.poll_range(place, seenMarker=marker, timeout=1).expect(304)


@pytest.mark.parametrize("own, asked", [
    ({"start": "b", "end": "d"}, {"start": "a", "end": "d"}),
    ({"start": "b", "end": "d"}, {"start": "b", "end": "d\x00"}), ({"start": "b", "end": "d"}, {"start": "b"}),
    ({"start": "b", "end": "d"}, {"end": "d"}), ({"start": "b", "end": "d"}, {}), ({"prefix": "b"}, {"prefix": ""}), ({"prefix": "b"}, {"prefix": "c"}),
    ({"prefix": "b"}, {"start": "b"}), ({"prefix": "bb"}, {"prefix": "b"}), ({"end": "d"}, {"end": "e"})])
def test_a_marker_of_another_range_is_refused(k2v, place, own, asked):
    check_marker(k2v, place, marker_of(k2v, place, **own), **asked)


@pytest.mark.parametrize("characters, status", [(3000, 400), (349552, 400), (400000, 400), (520000, 400),
                                                (600000, 413), (8 << 20, 413)])
def test_a_marker_of_any_size_is_refused(k2v, place, characters, status):
    k2v.poll_range(place, seenMarker="A" * characters, timeout=600).expect(status)
    check_untouched(k2v, place)


# --- keys (H30) ---------------------------------------------------------------------------------------------------

HOSTILE = ["\x00", "\x00\x00", "a\x00", "a\x00b", "%00", "%2F", "%252F", "%", "/", "//", "a/", "a//b", "/a", ".",
           "..", "../..", "../../etc/passwd", "./a", "a/../b", "..\\..", "\\", "C:\\", "~", "-rf", "data.mdb",
           "lock.mdb", "a b", "a+b", "\r\n", "a\r\nX: y", "\x1b[2J", "\x7f", "'; --", "<b>", "${a}", "\u202e", "\ufeff", "\uffff", "\u0301",
           "é", "e\u0301", "\U0010ffff", "\x00" * 480, "/" * 480, "." * 480, "é" * 240]


def test_hostile_keys_are_keys_like_others(fresh):
    """By path and query, and by JSON: each names its own item, and none is ever a path to a file."""
    fresh = skerry.HandClient(fresh.server, fresh.key, fresh.bucket)  # botocore would tidy the dots away
    files = sorted(path.name for path in fresh.server.directory.rglob("*"))
    for number, name in enumerate(HOSTILE):
        fresh.insert_batch([{"pk": name, "sk": name, "v": b64(b"%d" % number)}]).expect(204)
        fresh.insert_batch([{"pk": "all", "sk": name, "v": b64(b"%d" % number)}]).expect(204)
    for number, name in enumerate(HOSTILE):
        assert fresh.values(name, name) == [b"%d" % number], repr(name)
        fresh.put(name, name, b"again", fresh.token(name, name)).expect(204)
        assert fresh.search(name, start=name, singleItem=True)["items"][0]["v"] == [b64(b"again")]
        assert [item["sk"] for item in fresh.poll_range(name, prefix=name).json()["items"]] == [name]
        assert set(fresh.index_rows(prefix=name, start=name, limit=1)) == {name}
    assert fresh.keys("all") == sorted(HOSTILE, key=str.encode)
    assert set(fresh.index_rows()) == {*HOSTILE, "all"}
    assert sorted(path.name for path in fresh.server.directory.rglob("*")) == files
    fresh.close()


BAD_UTF8 = ["%ff", "%80", "a%C3", "%C0%80", "%C0%AF", "%E0%80%AF", "%ED%A0%80", "%ED%BF%BF", "%F4%90%80%80",
            "%F8%88%80%80%80", "%FE%FF", "%C3%28", "%E2%82"]
BAD_ESCAPES = ["%", "%0", "%zz", "%0g", "%%41", "%u0041", "a%", "%+1", "%-1"]


@pytest.mark.parametrize("text, code", [(text, "InvalidUtf8String") for text in BAD_UTF8]
                         + [(text, "InvalidRequest") for text in BAD_ESCAPES])
def test_what_is_no_text_is_refused_in_path_and_query(k2v, place, by_hand, text, code):
    by_hand.sign = lambda method, target, headers, body: [("Host", k2v.server.host)]  # refused before signatures
    for rest in (f"/{text}?sort_key=a", f"/{place}/{text}?sort_key=a", f"/{place}?sort_key={text}",
                 f"/{place}?sort_key=a&causality_token={text}", f"?prefix={text}", f"?start={text}", f"?end={text}",
                 f"?limit={text}", f"?{text}=1", f"?unknown={text}", f"{text}?limit=1"):
        by_hand.request("GET", f"/{k2v.bucket}{rest}").expect(400, code)
    check_untouched(k2v, place)


@pytest.mark.parametrize("field", ["pk", "sk", "partitionKey", "prefix", "start", "end", "ct", "seenMarker"])
def test_what_is_no_text_is_refused_in_every_field_of_json(k2v, place, field):
    call = {"pk": "insert", "sk": "insert", "ct": "insert", "seenMarker": "poll"}.get(field, "search")
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\\ud800",
                b"\\udc00\\ud800", b"\0"):
        fields = {"insert": {"pk": b"p", "sk": b"s", "v": b""}, "search": {"partitionKey": b"p"}, "poll": {}}[call]
        fields = {**fields, field: b"a" + bad}
        item = b"{" + b",".join(b'"' + name.encode() + b'":"' + text + b'"' for name, text in fields.items()) + b"}"
        send(k2v, call, place, item if call == "poll" else b"[" + item + b"]").expect(400, "InvalidRequest")
    check_untouched(k2v, place)


@pytest.mark.parametrize("name", ["a" * 481, "é" * 240 + "a", "\x00" * 481, "%" * 481, "/" * 481, "a" * 10000])
def test_a_byte_too_many_is_told_in_path_query_and_json(k2v, place, name):
    """481 bytes once decoded, however long the text was that named them."""
    for pk, sk in ((name, "a"), (place, name)):
        for answer in (k2v.put(pk, sk, b"1"), k2v.delete(pk, sk), k2v.get(pk, sk), k2v.poll(pk, sk, EMPTY_TOKEN, 600),
                       k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""}])):
            if answer.status != 414:  # a path of 10,000 bytes, all escaped, is longer than a target may be
                assert "480" in answer.expect(400, "InvalidRequest").json()["message"]
    check_untouched(k2v, place)
