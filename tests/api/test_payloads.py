"""Presigned requests, unsigned payloads, and bodies in signed chunks."""

import pytest

import sign
import wire

ALL_CALLS = [("PUT", "item", b"v"), ("GET", "item", b""), ("HEAD", "item", b""), ("DELETE", "item", b""),
             ("GET", "bucket", b""), ("POST", "bucket", b"[]"), ("POST", "search", b"[]"),
             ("SEARCH", "bucket", b"[]"),
             ("POST", "delete", b"[]")]


@pytest.fixture
def send_presigned(k2v):
    def send(method, target, headers=(), body=b""):
        sent = [("Host", k2v.server.host), *headers]
        if body or method in ("PUT", "POST"):
            sent.append(("Content-Length", len(body)))
        return k2v.send_raw(wire.request_bytes(method, target, sent, body), method)
    return send


@pytest.fixture
def presign(k2v):
    def presign(method, target, headers=(), **options):
        return sign.presign_by_hand(k2v.key, method, k2v.server.host, target, headers, **options)
    return presign


@pytest.fixture
def item(k2v, pk):
    k2v.write(pk, "a", b"1")
    return k2v.item_target(pk, "a")


@pytest.mark.parametrize("method, kind, body", ALL_CALLS)
def test_every_method_may_be_presigned(k2v, send_presigned, pk, method, kind, body):
    plain = {"item": k2v.item_target(pk, "a"), "bucket": k2v.bucket_target()}.get(kind) or k2v.bucket_target(kind)
    k2v.put(pk, "a", b"1").expect(204)
    target = sign.presign_with_botocore(k2v.key, method, k2v.server.host, plain)
    answer = send_presigned(method, target, [], body)
    assert answer.status in (200, 204), answer


def test_a_presigned_write_takes_any_body(k2v, send_presigned, presign, pk):
    target = presign("PUT", k2v.item_target(pk, "a"))
    send_presigned("PUT", target, [], b"first").expect(204)
    send_presigned("PUT", target, [("X-Garage-Causality-Token", k2v.token(pk, "a"))], b"second").expect(204)
    assert k2v.values(pk, "a") == [b"second"]


def test_an_authorization_header_beside_a_presigned_query_is_ignored(send_presigned, presign, item):
    send_presigned("GET", presign("GET", item), [("Authorization", "nonsense")]).expect(200)


@pytest.mark.parametrize("rename", [str.lower, str.upper, str.swapcase])
def test_names_of_presigned_parameters_are_found_in_any_case(send_presigned, presign, item, rename):
    send_presigned("GET", presign("GET", item, rename=rename)).expect(200)


def test_a_presigned_request_is_good_until_it_expires(send_presigned, presign, item):
    send_presigned("GET", presign("GET", item, when=sign.now(-3600), expires="3700")).expect(200)
    send_presigned("GET", presign("GET", item, expires="604800")).expect(200)
    send_presigned("GET", presign("GET", item, when=sign.now(-3600), expires="3500")).expect(400, "InvalidRequest")
    send_presigned("GET", presign("GET", item, when=sign.now(-60), expires="0")).expect(400, "InvalidRequest")
    send_presigned("GET", presign("GET", item, when=sign.now(3600), expires="7200")).expect(400, "InvalidRequest")


@pytest.mark.parametrize("expires", ["604801", "-1", "x", "", "1.5", "18446744073709551617"])
def test_a_bad_expiry_is_refused(send_presigned, presign, item, expires):
    send_presigned("GET", presign("GET", item, expires=expires)).expect(400, "InvalidRequest")


def test_a_hash_of_the_body_is_not_what_a_presigned_request_signs(send_presigned, presign, item):
    send_presigned("GET", presign("GET", item, payload=sign.EMPTY_SHA256)).expect(403, "AccessDenied")


def test_an_amz_content_sha256_parameter_changes_only_the_query(send_presigned, presign, item):
    send_presigned("GET", presign("GET", item, extra="&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")).expect(200)


def test_host_and_amz_headers_of_a_presigned_request_must_be_signed(send_presigned, presign, item):
    send_presigned("GET", presign("GET", item, [("accept", "*/*")], signed=["accept"]),
                   [("accept", "*/*")]).expect(400, "InvalidRequest")
    send_presigned("GET", presign("GET", item), [("x-amz-note", "1")]).expect(400, "InvalidRequest")
    send_presigned("GET", presign("GET", item, [("x-amz-note", "1")]), [("x-amz-note", "1")]).expect(200)


def test_a_parameter_that_contradicts_a_signed_header_is_refused(send_presigned, presign, item):
    target = presign("GET", item + "&x-note=1", [("x-note", "2")])
    send_presigned("GET", target, [("x-note", "2")]).expect(400, "InvalidRequest")


@pytest.mark.parametrize("change", [
    lambda t: t[:-1] + ("0" if t[-1] != "0" else "1"),
    lambda t: t.replace("X-Amz-Expires=300", "X-Amz-Expires=301"),
    lambda t: t.replace("sort_key=a", "sort_key=b"), lambda t: t + "&x=1"])
def test_a_changed_presigned_request_is_refused(send_presigned, presign, item, change):
    send_presigned("GET", change(presign("GET", item))).expect(403, "AccessDenied")


def test_a_presigned_request_is_good_for_its_method_alone(send_presigned, presign, item):
    send_presigned("DELETE", presign("GET", item)).expect(403, "AccessDenied")


@pytest.mark.parametrize("name", ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
                                  "X-Amz-Signature"])
def test_a_presigned_parameter_that_is_missing_or_twice_is_refused(send_presigned, presign, item, name):
    path, query = presign("GET", item).split("?")
    pieces = query.split("&")
    mine = [piece for piece in pieces if piece.startswith(name + "=")]
    without = [piece for piece in pieces if piece not in mine]
    for wrong in (without, pieces + mine, pieces + [mine[0].lower()]):
        send_presigned("GET", f"{path}?{'&'.join(wrong)}").expect(400, "InvalidRequest")


@pytest.mark.parametrize("scope", ["{date}/mars/k2v/aws4_request", "{date}/garage/s3/aws4_request",
                                   "20200101/garage/k2v/aws4_request"])
def test_a_presigned_scope_must_be_this_servers(send_presigned, presign, item, scope):
    target = presign("GET", item, scope=scope.format(date=sign.now()[:8]))
    send_presigned("GET", target).expect(400, "AuthorizationHeaderMalformed")


# Unsigned payloads


def test_an_unsigned_payload_is_not_checked(k2v, by_hand, pk):
    by_hand.options = {"payload": sign.UNSIGNED}
    by_hand.put(pk, "a", b"anything").expect(204)
    assert k2v.values(pk, "a") == [b"anything"]


@pytest.mark.parametrize("payload", ["STREAMING-UNSIGNED-PAYLOAD", "unsigned-payload", "e3b0c442", "0" * 63 + "g",
                                     "0" * 65, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"])
def test_an_unknown_form_of_payload_is_refused(k2v, by_hand, pk, payload):
    by_hand.options = {"payload": payload}
    by_hand.put(pk, "a", b"1").expect(400, "InvalidRequest")
    k2v.get(pk, "a").expect(404)


def test_the_payload_hash_may_be_in_capitals(k2v, by_hand, pk):
    by_hand.options = {"payload": sign.sha256(b"1").upper()}
    by_hand.put(pk, "a", b"1").expect(204)


# Streaming payloads


class Stream:
    """A PUT whose body is a chunk stream; `pieces` may be changed before it is sent."""

    def __init__(self, k2v, pk, parts, form=sign.STREAMING, trailer=None, headers=()):
        self.k2v = k2v
        self.target = k2v.item_target(pk, "a")
        more = [("x-amz-trailer", trailer[0])] if trailer else []
        size = sum(map(len, parts))
        more += [("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", str(size))] \
            if not any(name == "content-encoding" for name, _ in headers) else []
        self.signed = sign.by_hand(k2v.key, "PUT", k2v.server.host, self.target, [*more, *headers], payload=form)
        if form == sign.STREAMING_UNSIGNED_TRAILER:
            self.pieces = sign.unsigned_chunks(parts, trailer)
        else:
            self.pieces = sign.signed_chunks(self.signed, parts, trailer)

    def send(self):
        body = b"".join(self.pieces)
        headers = [*self.signed.headers, ("content-length", len(body))]
        return self.k2v.send_raw(wire.request_bytes("PUT", self.target, headers, body), "PUT")

    def send_in_http_chunks(self):
        headers = [*self.signed.headers, ("transfer-encoding", "chunked")]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in self.pieces) + b"0\r\n\r\n"
        return self.k2v.send_raw(wire.request_bytes("PUT", self.target, headers, body), "PUT")


PARTS = [b"abcdefgh", b"x" * 70000, b"ij"]
WHOLE = b"".join(PARTS)
CHECKSUMS = [("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-crc32c", "AAAAAA=="),
             ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="), ("x-amz-checksum-sha1", "x"),
             ("x-amz-checksum-sha256", "x")]


@pytest.mark.parametrize("parts", [PARTS, [b"one"], [], [b"a"] * 300])
def test_signed_chunks_are_put_together(k2v, pk, parts):
    Stream(k2v, pk, parts).send().expect(204)
    assert k2v.values(pk, "a") == [b"".join(parts)]


def test_signed_chunks_may_come_in_http_chunks(k2v, pk):
    Stream(k2v, pk, PARTS).send_in_http_chunks().expect(204)
    assert k2v.values(pk, "a") == [WHOLE]


def test_a_chunk_stream_needs_no_crlf_after_its_last_head(k2v, pk):
    stream = Stream(k2v, pk, PARTS)
    stream.pieces.pop()
    stream.send().expect(204)
    assert k2v.values(pk, "a") == [WHOLE]


@pytest.mark.parametrize("trailer", CHECKSUMS)
@pytest.mark.parametrize("form", [sign.STREAMING_TRAILER, sign.STREAMING_UNSIGNED_TRAILER])
def test_chunks_may_end_in_a_trailer_that_was_announced(k2v, pk, form, trailer):
    Stream(k2v, pk, PARTS, form, trailer).send().expect(204)
    assert k2v.values(pk, "a") == [WHOLE]


def test_the_line_feed_of_a_trailer_is_optional(k2v, pk):
    stream = Stream(k2v, pk, PARTS, sign.STREAMING_UNSIGNED_TRAILER, CHECKSUMS[0])
    stream.pieces = [piece.replace(b"==\n\r\n", b"==\r\n") for piece in stream.pieces]
    stream.send().expect(204)
    assert k2v.values(pk, "a") == [WHOLE]


@pytest.mark.parametrize("encoding, is_taken", [("aws-chunked", True), ("aws-chunked,gzip", True), ("gzip", False),
                                                ("gzip,aws-chunked", False), ("aws-chunkedx", False)])
def test_a_stream_says_aws_chunked_first_or_nothing(k2v, pk, encoding, is_taken):
    answer = Stream(k2v, pk, PARTS, headers=[("content-encoding", encoding)]).send()
    answer.expect(*((204,) if is_taken else (400, "InvalidRequest")))


def bend(pieces, kind):
    """The pieces of a stream with one thing wrong."""
    first, second, third, *last = pieces
    return {
        "chunks swapped": [second, first, third, *last],
        "a chunk left out": [first, third, *last],
        "a chunk twice": [first, first, second, third, *last],
        "a byte changed": [first.replace(b"abcdefgh", b"abcdefgx"), second, third, *last],
        "a signature changed": [first.replace(b"chunk-signature=", b"chunk-signature=0", 1), second, third, *last],
        "no last chunk": [first, second, third],
        "cut inside a chunk": [first, second[:1000]],
        "cut before the first": [],
        "a wrong size": [b"9" + first[1:], second, third, *last],
        "a size of nonsense": [b"zz" + first[1:], second, third, *last],
        "a size beyond all": [b"f" * 16 + first[1:], second, third, *last],
        "no signature": [b"8\r\nabcdefgh\r\n", second, third, *last],
        "no CRLF after data": [first[:-2], second, third, *last],
    }[kind]


@pytest.mark.parametrize("kind", ["chunks swapped", "a chunk left out", "a chunk twice", "a byte changed",
                                  "a signature changed", "no last chunk", "cut inside a chunk",
                                  "cut before the first",
                                  "a wrong size", "a size of nonsense", "a size beyond all", "no signature",
                                  "no CRLF after data"])
def test_a_bent_chunk_stream_stores_nothing(k2v, pk, kind):
    stream = Stream(k2v, pk, PARTS)
    stream.pieces = bend(stream.pieces, kind)
    stream.send().expect(400, "InvalidRequest")
    k2v.get(pk, "a").expect(404)


def test_a_trailer_with_a_wrong_signature_is_refused(k2v, pk):
    stream = Stream(k2v, pk, PARTS, sign.STREAMING_TRAILER, CHECKSUMS[0])
    stream.pieces = [piece.replace(b"AAAAAA==", b"BAAAAA==") for piece in stream.pieces]
    stream.send().expect(400, "InvalidRequest")
    k2v.get(pk, "a").expect(404)


@pytest.mark.parametrize("form", [sign.STREAMING_TRAILER, sign.STREAMING_UNSIGNED_TRAILER])
@pytest.mark.parametrize("change", ["unknown", "missing", "other"])
def test_a_trailer_must_be_known_and_come_as_announced(k2v, pk, form, change):
    if change == "unknown":
        stream = Stream(k2v, pk, PARTS, form, ("x-amz-checksum-md5", "x"))
    else:
        stream = Stream(k2v, pk, PARTS, form, CHECKSUMS[0])
        other = b"x-amz-checksum-sha1:AAAAAA==\n" if change == "other" else b""
        stream.pieces = [piece.replace(b"x-amz-checksum-crc32:AAAAAA==\n", other) for piece in stream.pieces]
    stream.send().expect(400, "InvalidRequest")
    k2v.get(pk, "a").expect(404)


def test_a_trailer_that_was_not_announced_is_refused(k2v, pk):
    for form in (sign.STREAMING_TRAILER, sign.STREAMING_UNSIGNED_TRAILER):
        stream = Stream(k2v, pk, PARTS, form, CHECKSUMS[0])
        stream.signed = sign.by_hand(k2v.key, "PUT", k2v.server.host, stream.target,
                                     [("content-encoding", "aws-chunked")], payload=form)
        stream.send().expect(400, "InvalidRequest")


def test_a_batch_may_come_in_signed_chunks(k2v, pk):
    target = k2v.bucket_target()
    body = b'[{"pk":"%s","sk":"a","v":"MQ=="}]' % pk.encode()
    signed = sign.by_hand(k2v.key, "POST", k2v.server.host, target, [("content-encoding", "aws-chunked")],
                          payload=sign.STREAMING)
    data = b"".join(sign.signed_chunks(signed, [body[:7], body[7:]]))
    k2v.send_raw(wire.request_bytes("POST", target, [*signed.headers, ("content-length", len(data))], data)) \
        .expect(204)
    assert k2v.values(pk, "a") == [b"1"]
