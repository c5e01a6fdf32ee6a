"""SigV4 by header: who is believed, and that one changed bit is not (H29)."""

import pytest

import sign
import skerry
import wire
from skerry import b64


@pytest.fixture
def send(k2v):
    """send(method, target, headers, body, **options of sign.by_hand): signed by hand, then sent."""
    def send(method, target, headers=(), body=b"", edit=lambda headers: headers, **options):
        signed = sign.by_hand(k2v.key, method, k2v.server.host, target, headers, body, **options)
        sent = edit(list(signed.headers))
        if body or method in ("PUT", "POST"):
            sent.append(("content-length", len(body)))
        return k2v.send_raw(wire.request_bytes(method, target, sent, body), method)
    return send


@pytest.fixture
def item(k2v, pk):
    k2v.write(pk, "a", b"1")
    return k2v.item_target(pk, "a")


def replaced(name, change):
    """An edit of headers: the value of one of them changed."""
    def edit(headers):
        assert any(key == name for key, _ in headers)
        return [(key, change(value) if key == name else value) for key, value in headers]
    return edit


# The signer by hand, held against the protocol's vectors and botocore.

VECTOR_KEY = sign.Key("GK0123456789abcdef01234567",
                      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "garage")
VECTOR_HOST = "k2v.example.org:3904"
VECTOR_DATE = "20250615T120000Z"
VECTORS = {
    "a": ("GET", "/mails/mailboxes?sort_key=INBOX",
          [("accept", "application/octet-stream, application/json")], b"",
          "d9ed36ba760d2cdbb1c1919fa886138bd72b306bb975b9ebaa45018b3c8d989a"),
    "b": ("PUT", "/mails/root%40pl%C3%A9pp?sort_key=%E2%89%A4%E2%89%A4%C2%AB%C2%AB",
          [("x-garage-causality-token", "CgsNmn165hAKCwwNDg8QEQAAAZdzdfYB")], b"Hello, world!",
          "8e2157d338388847cc90402297a1f8da5e3a20e5b3a3ba09461553de7e9fa529"),
    "d": ("POST", "/mails?search", [], b'[{"partitionKey":"mailboxes"}]',
          "26574ca9cf7cd4ad0df2525187e03752875666b19fe03781e3b455cf85f10731"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_signer_by_hand_gives_the_protocols_vectors(name):
    method, target, headers, body, signature = VECTORS[name]
    assert sign.by_hand(VECTOR_KEY, method, VECTOR_HOST, target, headers, body, when=VECTOR_DATE) \
        .signature == signature


def test_the_presigner_by_hand_gives_the_protocols_vector():
    target = sign.presign_by_hand(VECTOR_KEY, "GET", VECTOR_HOST, "/mails/mailboxes?sort_key=INBOX",
                                  when=VECTOR_DATE, expires="3600")
    assert target.endswith("&X-Amz-Signature=4d59df0b8bc8412da5d91b29d9a051a0de0e97ae9b3d20aa8634897eff3ba91c")


@pytest.mark.parametrize("limit_s, is_taken, is_refused", [(60, 50, 70), (604800, 604700, 604900)])
def test_the_skew_a_server_allows_is_a_setting(start_server, limit_s, is_taken, is_refused):
    server = start_server("--k2v-max-skew-seconds", str(limit_s))
    key = server.admin.create_key()
    client = skerry.HandClient(server, key, "nowhere")
    for seconds in (is_taken, -is_taken):
        client.options = {"when": sign.now(seconds)}
        client.request("GET", "/nowhere").expect(404, "NoSuchBucket")
    for seconds in (is_refused, -is_refused):
        client.options = {"when": sign.now(seconds)}
        client.request("GET", "/nowhere").expect(400, "InvalidRequest")
    client.close()


# Both signers are believed, whatever the keys look like.

NAMES = ["plain", "root@plépp", "≤≤««", "a b", "a+b", "a%b", "a/b", "~-_.", "!'()*;:,$&=?#", "\x00\x7f",
         "[]{}|\\^`\"<>"]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_can_be_signed_by_botocore_and_by_hand(k2v, by_hand, name):
    k2v.put("x" + name, name, name.encode()).expect(204)
    assert by_hand.values("x" + name, name) == [name.encode()]
    by_hand.delete("x" + name, name, by_hand.token("x" + name, name)).expect(204)
    assert k2v.values("x" + name, name) == [None]


def test_the_path_is_signed_encoded_twice(send, k2v):
    target = k2v.item_target("root@plépp", "s")
    send("PUT", target, [], b"1").expect(204)
    send("GET", target, path_of=lambda path: path).expect(403, "AccessDenied")
    send("GET", target, path_of=lambda path: skerry.quote(skerry.quote(skerry.quote(path)))) \
        .expect(403, "AccessDenied")


def test_the_path_is_not_normalised(send, k2v):
    for path in ("a//b", "a/./b", "a/../b", "b/", ".", ".."):
        target = f"/{k2v.bucket}/{path}?sort_key=s"
        send("PUT", target, [], path.encode()).expect(204)
        assert send("GET", target, [("accept", "*/*")]).body == path.encode()


@pytest.mark.parametrize("query", ["sort_key=a&x", "x=&sort_key=a", "sort_key=a&x=1&y=%2F&Z=+", "sort_key=a&&",
                                   "&sort_key=a", "sort_key=%61", "sort_key=a&x=a=b", "sort_key=a&x=%e9%bb%9e"])
def test_the_query_is_signed_decoded_and_encoded_again(send, k2v, pk, query):
    k2v.write(pk, "a", b"1")
    target = f"/{k2v.bucket}/{pk}?{query}"
    send("GET", target).expect(200)


# The header's form.


@pytest.mark.parametrize("edit", [
    replaced("authorization", lambda v: v.replace(", ", ",")),
    replaced("authorization", lambda v: v.replace(", ", " ,  ")),
    replaced("authorization", lambda v: v.split(" ")[0] + " " + ", ".join(v.split(" ", 1)[1].split(", ")[::-1])),
    replaced("authorization", lambda v: v + ", Unknown=part"),
    replaced("authorization", lambda v: v[:-64] + v[-64:].upper()),
])
def test_harmless_forms_of_the_authorization_header_are_taken(send, item, edit):
    send("GET", item, edit=edit).expect(200)


@pytest.mark.parametrize("change", [
    lambda v: v.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
    lambda v: v.replace("AWS4-HMAC-SHA256 ", ""),
    lambda v: v.replace("Signature=", "signature="),
    lambda v: v.replace("Credential=", "credential="),
    lambda v: v.split(", Signature=")[0],
    lambda v: v.split(", SignedHeaders=")[0],
    lambda v: v.replace("Credential=", "X="),
    lambda v: v[:-1],
    lambda v: v[:-1] + "g",
    lambda v: v + "00",
    lambda v: v.split("Signature=")[0] + "Signature=",
    lambda v: "Basic dXNlcjpwYXNz",
    lambda v: "",
])
def test_a_malformed_authorization_header_is_refused(send, item, change):
    answer = send("GET", item, edit=replaced("authorization", change))
    assert answer.status in (400, 403) and answer.json()["code"] in ("InvalidRequest", "AccessDenied"), answer


@pytest.mark.parametrize("scope", [
    "{date}/mars/k2v/aws4_request", "{date}/garage/s3/aws4_request", "{date}/garage/k2v/aws3_request",
    "{date}/garage/k2v", "{date}/garage/k2v/aws4_request/more", "20200101/garage/k2v/aws4_request",
    "{date}/GARAGE/k2v/aws4_request", "{date}//garage/k2v/aws4_request"])
def test_a_scope_that_is_not_this_servers_is_refused(send, item, scope):
    send("GET", item, scope=scope.format(date=sign.now()[:8])).expect(400, "AuthorizationHeaderMalformed")


@pytest.mark.parametrize("seconds, is_taken", [(0, True), (-14 * 60, True), (14 * 60, True), (-16 * 60, False),
                                               (16 * 60, False), (-24 * 3600, False), (24 * 3600, False)])
def test_a_date_a_quarter_of_an_hour_off_is_the_limit(send, item, seconds, is_taken):
    answer = send("GET", item, when=sign.now(seconds))
    answer.expect(*((200,) if is_taken else (400, "InvalidRequest")))


@pytest.mark.parametrize("when", ["", "now", "20260230T000000Z", "2026-01-01T00:00:00Z", "20260101T000000",
                                  "20260101T000000z", "20260101T250000Z", "99999999T999999Z", "00000000T000000Z"])
def test_a_date_that_is_none_is_refused(send, item, when):
    send("GET", item, edit=replaced("x-amz-date", lambda _: when)).expect(400, "InvalidRequest")


# What must be there and what must be signed.


@pytest.mark.parametrize("name", ["x-amz-date", "x-amz-content-sha256"])
def test_date_and_payload_hash_are_mandatory(send, item, name):
    def edit(headers):
        date = [("date", "Thu, 01 Jan 2026 00:00:00 GMT")]
        return [(key, value.replace(f"{name};", "").replace(f";{name}", "")) for key, value in headers
                if key != name] + date
    send("GET", item, edit=edit).expect(400, "InvalidRequest")


@pytest.mark.parametrize("missing", ["host", "x-amz-date", "x-amz-content-sha256", "x-amz-anything"])
def test_host_and_every_amz_header_must_be_signed(send, item, missing):
    send("GET", item, [("x-amz-anything", "1")], unsigned=[missing]).expect(400, "InvalidRequest")


def test_an_amz_header_that_is_signed_and_unknown_is_fine(send, item):
    send("GET", item, [("x-amz-anything", "1"), ("X-Amz-Security-Token", "t")]).expect(200)


def test_other_headers_may_be_unsigned(send, item, pk):
    headers = [("accept", "*/*"), ("content-type", "text/plain"), ("user-agent", "k2v/0.0.4"),
               ("range", "bytes=0-0")]
    names = [name for name, _ in headers]
    answer = send("GET", item, headers, unsigned=names).expect(200)
    assert answer.body == b"1"
    send("PUT", item, [("x-garage-causality-token", answer.token)], b"2", unsigned=["x-garage-causality-token"]) \
        .expect(204)


def test_a_signed_header_that_is_absent_is_refused(send, item):
    signed = ["accept", "host", "x-amz-content-sha256", "x-amz-date"]
    send("GET", item, signed=signed).expect(400, "InvalidRequest")


def test_signed_values_are_trimmed_but_not_collapsed(send, item):
    send("GET", item, [("x-note", "  two  blanks\t inside ")]).expect(200)
    send("GET", item, [("x-note", "two  blanks")],
         edit=replaced("x-note", lambda v: "two blanks")).expect(403, "AccessDenied")


def test_the_names_of_signed_headers_may_be_in_any_order_and_case(send, item):
    def shuffle(value):
        names = value.split("SignedHeaders=")[1].split(",")[0]
        return value.replace(names, ";".join(reversed(names.split(";"))))
    send("GET", item, edit=replaced("authorization", shuffle)).expect(200)
    send("GET", item, edit=lambda headers: [(key.upper(), value) for key, value in headers]).expect(200)


@pytest.mark.parametrize("twice", ["authorization", "x-amz-date", "x-amz-content-sha256", "x-note", "host"])
def test_a_header_that_matters_must_not_come_twice(send, item, twice):
    def edit(headers):
        return headers + [(name, value) for name, value in headers if name == twice]
    answer = send("GET", item, [("x-note", "1")], edit=edit)
    assert answer.status == 400, answer


# One bit changed.


def flip(value):
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def test_a_wrong_signature_and_an_unknown_key_get_the_same_answer(k2v, item):
    answers = []
    for key in (sign.Key(k2v.key.id, flip(k2v.key.secret), "garage"),
                sign.Key("GK" + "f" * 24, k2v.key.secret, "garage"),
                sign.Key("x", "y", "garage")):
        client = k2v.clone(key)
        answers.append(client.request("GET", item).expect(403, "AccessDenied"))
        client.close()
    assert len({answer.body for answer in answers}) == 1, answers
    assert len({tuple((n, v) for n, v in answer.headers if n != "date") for answer in answers}) == 1


@pytest.mark.parametrize("change", ["signature", "signed header", "host"])
def test_a_changed_head_is_refused(send, item, change):
    edit = {"signature": replaced("authorization", flip), "signed header": replaced("x-note", flip),
            "host": replaced("host", flip)}[change]
    send("GET", item, [("x-note", "1")], edit=edit).expect(403, "AccessDenied")


def test_a_changed_method_path_or_query_is_refused(k2v, pk):
    k2v.write(pk, "a", b"1")
    target = k2v.item_target(pk, "a")
    signed = sign.by_hand(k2v.key, "GET", k2v.server.host, target).headers
    for method, other in (("DELETE", target), ("GET", target + "&x"), ("GET", target + "b"),
                          ("GET", target.replace(pk, pk + "x")), ("PUT", target)):
        data = wire.request_bytes(method, other, [*signed, ("content-length", "0")])
        k2v.send_raw(data).expect(403, "AccessDenied")
    k2v.send_raw(wire.request_bytes("GET", target, signed)).expect(200)
    assert k2v.values(pk, "a") == [b"1"]


def test_a_changed_body_is_refused_and_stores_nothing(k2v, pk):
    target = k2v.item_target(pk, "a")
    headers = [*sign.by_hand(k2v.key, "PUT", k2v.server.host, target, [], b"right").headers,
               ("content-length", "5")]
    k2v.send_raw(wire.request_bytes("PUT", target, headers, b"wrong"), "PUT").expect(400, "InvalidDigest")
    body = b'[{"pk":"%s","sk":"a","v":""}]' % pk.encode()
    headers = sign.by_hand(k2v.key, "POST", k2v.server.host, k2v.bucket_target(), [], body).headers
    other = body.replace(b'"a"', b'"b"')
    data = wire.request_bytes("POST", k2v.bucket_target(), [*headers, ("content-length", len(other))], other)
    k2v.send_raw(data).expect(400, "InvalidDigest")
    assert k2v.keys(pk, tombstones=True) == []


@pytest.mark.parametrize("query", ["a=1&A=2", "a=1&a=1", "=x", "a%20b=1", "%C3%A9=1", "sort_key=", "a:b=1"])
def test_parameter_names_are_header_names_and_unique(send, item, query):
    send("GET", f"{item}&{query}").expect(400, "InvalidRequest")


def test_a_request_for_one_server_is_not_good_for_another(k2v, start_server, pk):
    """The host is signed: the same bytes elsewhere, even with the same key known there, are refused."""
    other = start_server()
    other.admin.call("POST", "/v1/keys", {"key_id": k2v.key.id, "secret": k2v.key.secret, "name": ""}).expect(200)
    other.admin.create_bucket(k2v.bucket)
    other.admin.allow(k2v.bucket, k2v.key)
    client = skerry.Client(other, k2v.key, k2v.bucket)
    client.write(pk, "a", b"1")
    target = client.item_target(pk, "a")
    headers = sign.by_hand(k2v.key, "GET", k2v.server.host, target).headers
    moved = [(name, other.host if name == "host" else value) for name, value in headers]
    client.send_raw(wire.request_bytes("GET", target, moved)).expect(403, "AccessDenied")
    client.close()


def test_a_batch_can_be_sent_unsigned_in_its_body(send, k2v, pk):
    body = f'[{{"pk":"{pk}","sk":"a","v":"{b64(b"1")}"}}]'.encode()
    send("POST", k2v.bucket_target(), [], body, payload=sign.UNSIGNED).expect(204)
    assert k2v.values(pk, "a") == [b"1"]
