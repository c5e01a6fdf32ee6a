"""Requests that two parsers could read differently: 400 and the end of the connection (H27)."""

import pytest

import sign
import wire

SECRET = b"GET /smuggled?limit=x HTTP/1.1\r\nHost: x\r\n\r\n"


def lines_of(k2v, pk, framing, method="PUT", version="HTTP/1.1"):
    """A rightly signed head with these further raw lines."""
    target = k2v.item_target(pk, "a")
    signed = sign.by_hand(k2v.key, method, k2v.server.host, target, payload=sign.UNSIGNED).headers
    head = wire.request_bytes(method, target, signed, version=version)[:-2]
    return head + b"".join(line + b"\r\n" for line in framing) + b"\r\n"


def check_refused(k2v, pk, data, statuses=(400,)):
    connection = wire.Connection(k2v.server.address)
    connection.send(data)
    answer = connection.read()
    assert answer.status in statuses, answer
    assert answer.body == b"" and answer.header("content-length") == "0", answer
    assert connection.rest() == b"", "nothing is answered behind a refusal"
    connection.close()
    k2v.get(pk, "a").expect(404, "NoSuchKey")


FRAMINGS = {
    "length and chunked": [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
    "chunked and length": [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
    "two lengths": [b"Content-Length: 5", b"Content-Length: 6"],
    "one length twice": [b"Content-Length: 5", b"Content-Length: 5"],
    "a list of lengths": [b"Content-Length: 5, 5"],
    "a signed length": [b"Content-Length: +5"],
    "a negative length": [b"Content-Length: -5"],
    "a hexadecimal length": [b"Content-Length: 0x5"],
    "no length": [b"Content-Length:"],
    "letters": [b"Content-Length: five"],
    "a length with a tail": [b"Content-Length: 5 5"],
    "a length beyond 64 bits": [b"Content-Length: 18446744073709551621"],
    "identity": [b"Transfer-Encoding: identity"],
    "chunked first": [b"Transfer-Encoding: chunked, identity"],
    "gzip first": [b"Transfer-Encoding: gzip, chunked"],
    "chunked twice": [b"Transfer-Encoding: chunked, chunked"],
    "two chunked": [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
    "xchunked": [b"Transfer-Encoding: xchunked"],
    "chunked in quotes": [b'Transfer-Encoding: "chunked"'],
    "chunked;q=1": [b"Transfer-Encoding: chunked;q=1"],
    "an empty transfer encoding": [b"Transfer-Encoding:"],
    "a blank before the colon": [b"Content-Length : 5"],
    "a blank before the colon of another": [b"X-Other : 5", b"Content-Length: 5"],
    "a folded header": [b"X-Folded: a", b" b", b"Content-Length: 5"],
    "a folded header by tab": [b"X-Folded: a", b"\tb", b"Content-Length: 5"],
    "an empty folded line": [b"X-Folded: a", b" ", b"Content-Length: 5"],
    "folded chunked": [b"Transfer-Encoding:", b" chunked"],
    "a second host": [b"Host: other", b"Content-Length: 5"],
    "the same host again": [b"host: HOST", b"Content-Length: 5"],
    "NUL in a value": [b"X-Nul: a\0b", b"Content-Length: 5"],
    "CR in a value": [b"X-Cr: a\rb", b"Content-Length: 5"],
    "a control character in a name": [b"X\x01Y: a", b"Content-Length: 5"],
    "no name": [b": a", b"Content-Length: 5"],
    "no colon": [b"Nonsense", b"Content-Length: 5"],
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_a_doubtful_head_is_refused(k2v, pk, name):
    framing = [line.replace(b"HOST", k2v.server.host.encode()) for line in FRAMINGS[name]]
    check_refused(k2v, pk, lines_of(k2v, pk, framing) + b"0\r\n\r\n" + SECRET)


CHUNKS = {
    "17 digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "an overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a blank before": b" 5\r\nhello\r\n0\r\n\r\n",
    "no digit": b"\r\nhello\r\n0\r\n\r\n",
    "a letter": b"g\r\nhello\r\n0\r\n\r\n",
    "bare LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "too much data": b"5\r\nhellohello\r\n0\r\n\r\n",
    "bare LF at the end": b"5\r\nhello\r\n0\r\n\n",
    "a bad trailer": b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_doubtful_chunk_is_refused(k2v, pk, name):
    check_refused(k2v, pk, lines_of(k2v, pk, [b"Transfer-Encoding: chunked"]) + CHUNKS[name] + SECRET)


def test_bare_line_feeds_are_refused(k2v, pk):
    good = lines_of(k2v, pk, [b"Content-Length: 5"])
    check_refused(k2v, pk, good.replace(b"\r\n", b"\n") + b"hello")
    first, rest = good.split(b"\r\n", 1)
    check_refused(k2v, pk, first + b"\n" + rest + b"hello")
    check_refused(k2v, pk, good[:-2] + b"\n" + b"hello")


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3", "HTTP/1.10", "HTTP/11",
                                     "http/1.1", "ICY/1.1",
                                     "HTTP/1.1 x", ""])
def test_another_protocol_is_refused(k2v, pk, version):
    check_refused(k2v, pk, lines_of(k2v, pk, [b"Content-Length: 5"], version=version) + b"hello")


def test_chunks_in_http_1_0_are_refused(k2v, pk):
    data = lines_of(k2v, pk, [b"Transfer-Encoding: chunked"], version="HTTP/1.0") + b"5\r\nhello\r\n0\r\n\r\n"
    check_refused(k2v, pk, data)


def test_a_request_without_host_is_refused(k2v, pk):
    check_refused(k2v, pk, b"GET /x?limit=x HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("line", [b"GET", b"GET /x", b"GET  /x HTTP/1.1", b"GET /a b HTTP/1.1",
                                  b" GET /x HTTP/1.1",
                                  b"G\x00T /x HTTP/1.1", b"/x HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00",
                                  b"NONSENSE /x HTTP/1.1",
                                  b"GET /x\x00 HTTP/1.1", b"GET /x\x7f HTTP/1.1", b"CONNECT x:80 HTTP/1.1",
                                  b"PRI * HTTP/2.0", "GET /é HTTP/1.1".encode()])
def test_a_first_line_that_is_none_is_refused(k2v, pk, line):
    check_refused(k2v, pk, line + b"\r\nHost: x\r\n\r\n")


def test_a_target_that_is_no_path_is_never_a_bucket(k2v, pk):
    """An absolute target or an asterisk: refused, by the parser or by the router."""
    for target in (b"http://x/bucket", b"*", b"bucket"):
        answer, connection = wire.exchange(k2v.server.address, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.close()
        assert answer.status in (400, 403), answer


def test_a_target_that_is_too_long_is_414(k2v, pk):
    check_refused(k2v, pk, b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", statuses=(414,))


@pytest.mark.parametrize("headers", [b"X: " + b"a" * 500000 + b"\r\n",
                                     b"".join(b"X%d: a\r\n" % n for n in range(101)),
                                     b"X" * 500000 + b": a\r\n",
                                     b"".join(b"X%d: %s\r\n" % (n, b"a" * 5000) for n in range(90))])
def test_a_head_that_is_too_big_is_431(k2v, pk, headers):
    connection = wire.Connection(k2v.server.address)
    try:
        connection.send(b"GET /x HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
    except ConnectionError:
        pass  # it may refuse before it has taken all
    answer = connection.read().expect(431)
    assert answer.body == b"" and connection.rest() == b""


def test_a_hundred_headers_are_taken(k2v, pk, by_hand):
    k2v.write(pk, "a", b"1")
    extra = [(f"x-extra-{n}", "1") for n in range(94)]  # with host, two x-amz-, authorization: 98
    by_hand.request("GET", k2v.item_target(pk, "a"), extra).expect(200)


def test_an_upgrade_is_not_followed(k2v, pk, by_hand):
    k2v.write(pk, "a", b"1")
    headers = [("connection", "upgrade"), ("upgrade", "h2c")]
    answer = by_hand.request("GET", k2v.item_target(pk, "a"), headers)
    assert answer.status in (200, 400), answer
