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
    "a length of 2^64": [b"Content-Length: 18446744073709551616"],
    "a length of twenty nines": [b"Content-Length: 99999999999999999999"],
    "two lengths in two cases": [b"Content-Length: 5", b"CONTENT-LENGTH: 5"],
    "a list with nothing in it": [b"Content-Length: 5,"],
    "a list that begins with nothing": [b"Content-Length: ,5"],
    "a length below nothing": [b"Content-Length: -0"],
    "a fraction": [b"Content-Length: 5.0"],
    "an exponent": [b"Content-Length: 5e0"],
    "a parameter of the length": [b"Content-Length: 5;"],
    "a digit of another script": ["Content-Length: \u0665".encode()],
    "NUL behind the length": [b"Content-Length: 5\0"],
    "identity": [b"Transfer-Encoding: identity"],
    "chunked first": [b"Transfer-Encoding: chunked, identity"],
    "gzip first": [b"Transfer-Encoding: gzip, chunked"],
    "chunked twice": [b"Transfer-Encoding: chunked, chunked"],
    "two chunked": [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
    "xchunked": [b"Transfer-Encoding: xchunked"],
    "chunked in quotes": [b'Transfer-Encoding: "chunked"'],
    "chunked;q=1": [b"Transfer-Encoding: chunked;q=1"],
    "an empty transfer encoding": [b"Transfer-Encoding:"],
    "a tab behind chunked": [b"Transfer-Encoding: chunked\t"],
    "tabs around chunked": [b"Transfer-Encoding:\tchunked \t"],
    "a vertical tab before chunked": [b"Transfer-Encoding: \x0bchunked"],
    "a blank of Latin-1 before chunked": [b"Transfer-Encoding: \xa0chunked"],
    "NUL behind chunked": [b"Transfer-Encoding: chunked\0"],
    "CR behind chunked": [b"Transfer-Encoding: chunked\r"],
    "a list behind chunked": [b"Transfer-Encoding: chunked,"],
    "a list before chunked": [b"Transfer-Encoding: ,chunked"],
    "chunked, doubled": [b"Transfer-Encoding: chunked chunked"],
    "chunk": [b"Transfer-Encoding: chunk"],
    "a blank before the colon of chunked": [b"Transfer-Encoding : chunked"],
    "chunked and identity": [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
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
    "a blank in a name": [b"X Y: a", b"Content-Length: 5"],
    "a tab before the colon": [b"X\t: a", b"Content-Length: 5"],
    "a byte beyond ASCII in a name": [b"\x80X: a", b"Content-Length: 5"],
    "brackets in a name": [b"(X): a", b"Content-Length: 5"],
    "a vertical tab in a value": [b"X: a\x0bb", b"Content-Length: 5"],
    "DEL in a value": [b"X: a\x7fb", b"Content-Length: 5"],
    "two CR at a line's end": [b"X: a\r", b"Content-Length: 5"],
    "a lone LF in a line": [b"X: a\nContent-Length: 5"],
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
    "17 digits that are large": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "a blank behind": b"5 \r\nhello\r\n0\r\n\r\n",
    "a tab behind": b"5\t\r\nhello\r\n0\r\n\r\n",
    "a blank before an extension": b"5 ;e\r\nhello\r\n0\r\n\r\n",
    "an extension alone": b";e\r\nhello\r\n0\r\n\r\n",
    "LF in an extension": b"5;e=\"a\nb\"\r\nhello\r\n0\r\n\r\n",
    "CR in an extension": b"5;e\rhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;e\0\r\nhello\r\n0\r\n\r\n",
    "NUL behind the size": b"5\0\r\nhello\r\n0\r\n\r\n",
    "two CR behind the size": b"5\r\r\nhello\r\n0\r\n\r\n",
    "CR without LF behind the size": b"5\rX\nhello\r\n0\r\n\r\n",
    "no line end behind the data": b"5\r\nhello0\r\n\r\n",
    "CR alone behind the data": b"5\r\nhello\r0\r\n\r\n",
    "too little data": b"6\r\nhello\r\n0\r\n\r\n",
    "a bare LF in the trailers": b"5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n",
    "a blank before a trailer's colon": b"5\r\nhello\r\n0\r\nX : a\r\n\r\n",
    "a folded trailer": b"5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
    "NUL in a trailer": b"5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
    "another framing in a trailer": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_doubtful_chunk_is_refused(k2v, pk, name):
    check_refused(k2v, pk, lines_of(k2v, pk, [b"Transfer-Encoding: chunked"]) + CHUNKS[name] + SECRET)


# What is unusual and yet means one thing only: (framing, body). It is taken, and what stands behind it is the next
# request, no more and no less.
UNUSUAL = {
    "a tab before the length": ([b"Content-Length:\t5"], b"hello"),
    "zeros before the length": ([b"Content-Length: 00005"], b"hello"),
    "chunked in another case": ([b"TRANSFER-ENCODING: Chunked"], b"5\r\nhello\r\n0\r\n\r\n"),
    "16 digits": ([b"Transfer-Encoding: chunked"], b"0000000000000005\r\nhello\r\n0\r\n\r\n"),
    "two zeros at the end": ([b"Transfer-Encoding: chunked"], b"5\r\nhello\r\n00\r\n\r\n"),
    "an extension of the last chunk": ([b"Transfer-Encoding: chunked"], b"5\r\nhello\r\n0;e=\"5\"\r\n\r\n"),
    "a length in a trailer": ([b"Transfer-Encoding: chunked"],
                              b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"),
    "a byte beyond ASCII in a value": ([b"X: a\x80b", b"Content-Length: 5"], b"hello"),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_means_one_thing_only_is_taken_and_followed_by_the_next(k2v, pk, name):
    framing, body = UNUSUAL[name]
    connection = wire.Connection(k2v.server.address)
    connection.send(lines_of(k2v, pk, framing) + body + SECRET)
    connection.read("PUT").expect(204)
    connection.read().expect(400, "InvalidRequest")  # the secret, as a request of its own
    assert k2v.values(pk, "a") == [b"hello"]
    assert connection.is_quiet()
    connection.close()


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_request_inside_a_body_is_a_value(k2v, pk, framing):
    """The bytes of a request, with the ends of a chunk in them: one answer, one value, nothing interpreted."""
    value = b"0\r\n\r\n" + SECRET
    lines, body = [b"Content-Length: %d" % len(value)], value
    if framing == "chunks":
        lines, body = [b"Transfer-Encoding: chunked"], b"%x\r\n%s\r\n0\r\n\r\n" % (len(value), value)
    connection = wire.Connection(k2v.server.address)
    connection.send(lines_of(k2v, pk, lines) + body)
    connection.read("PUT").expect(204)
    assert k2v.values(pk, "a") == [value]
    connection.finish_sending()
    assert connection.rest() == b"", "a second answer"


def test_a_length_that_nothing_has_is_refused_before_it_comes(k2v, pk):
    check = lines_of(k2v, pk, [b"Content-Length: 18446744073709551615"])
    connection = wire.Connection(k2v.server.address)
    connection.send(check + SECRET)
    answer = connection.read("PUT").expect(413)
    assert answer.is_last
    connection.finish_sending()
    assert connection.rest() == b""
    k2v.get(pk, "a").expect(404, "NoSuchKey")


def test_a_chunk_that_claims_everything_takes_nothing(k2v, pk):
    """16 digits are a number; no memory is taken by what it claims, and what does not come is not stored."""
    connection = wire.Connection(k2v.server.address)
    connection.send(lines_of(k2v, pk, [b"Transfer-Encoding: chunked"]) + b"FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n" +
                    SECRET)
    k2v.get(pk, "a").expect(404, "NoSuchKey")
    assert connection.is_quiet()
    connection.finish_sending()
    assert connection.rest() == b""
    k2v.get(pk, "a").expect(404, "NoSuchKey")


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
                                  b"PRI * HTTP/2.0", b"PRI * HTTP/1.1", "GET /é HTTP/1.1".encode(),
                                  b"get /x HTTP/1.1", b"Get /x HTTP/1.1", b"PUt /x HTTP/1.1",
                                  b"GET\t/x HTTP/1.1", b"GET /x\tHTTP/1.1", b"GET /x HTTP/1.1 ", b"GET /x  HTTP/1.1",
                                  b"GET /x#f HTTP/1.1", b"GET \\x HTTP/1.1", b"GET ?x HTTP/1.1", b"GET x:80 HTTP/1.1",
                                  b"\nGET /x HTTP/1.1", b"\r\rGET /x HTTP/1.1", b"\xef\xbb\xbfGET /x HTTP/1.1",
                                  b"GET /x\r\n", b"SSH-2.0-OpenSSH_9.2", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2",
                                  b"EHLO client", b"OPTIONS /x RTSP/1.0", b"SOURCE /x ICE/1.0",
                                  b"GET /x HTTP/1.1\r\n Host: x"])
def test_a_first_line_that_is_none_is_refused(k2v, pk, line):
    check_refused(k2v, pk, line + b"\r\nHost: x\r\n\r\n")


def test_a_tls_client_gets_no_answer_that_it_could_take_for_one(k2v, pk):
    """The hello of TLS 1.2, its first bytes alone, and a whole record of them."""
    hello = b"\x16\x03\x01\x00\x3a\x01\x00\x00\x36\x03\x03" + bytes(range(54))
    for data in (hello[:1], hello, hello * 100):
        connection = wire.Connection(k2v.server.address)
        connection.send(data)
        assert connection.read().expect(400).body == b""
        assert connection.rest() == b""


def test_the_preface_of_http_2_is_refused(k2v, pk):
    check_refused(k2v, pk, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")


@pytest.mark.parametrize("hosts", [[b"Host: x", b"Host: x"], [b"Host: x", b"Host: y"], [b"HOST: x", b"host: x"], []])
def test_there_is_one_host(k2v, pk, hosts):
    check_refused(k2v, pk, b"".join(line + b"\r\n" for line in [b"GET /x HTTP/1.1", *hosts]) + b"\r\n" + SECRET)


def test_a_target_that_is_no_path_is_never_a_bucket(k2v, pk):
    """An absolute target or an asterisk: refused, by the parser or by the router."""
    for target in (b"http://x/bucket", b"*", b"bucket"):
        answer, connection = wire.exchange(k2v.server.address, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.close()
        assert answer.status in (400, 403), answer


# Path, with B for the bucket: what a PUT there answers, and the partition key it names when it is stored (H30). Segments
# are split before they are decoded, decoded once, and nothing is a directory.
PATHS = {
    "//B/p": (204, "p"), "/B//p": (204, "p"), "/B/p/": (204, "p/"), "/B/p/a": (204, "p/a"), "/B/p//a": (204, "p//a"),
    "/B/..": (204, ".."), "/B/.": (204, "."), "/B/../B/p": (204, "../B/p"), "/B/%2e%2e": (204, ".."),
    "/B/%2F": (204, "/"), "/B/%2f..%2f..%2fetc%2fpasswd": (204, "/../../etc/passwd"), "/B/%00": (204, "\x00"),
    "/B/a%00b": (204, "a\x00b"), "/B/%252F": (204, "%2F"), "/B/%2500": (204, "%00"), "/B/;p": (204, ";p"),
    "/./B/p": (404, None), "/%2e%2e/B/p": (404, None), "/../B/p": (404, None), "/B%00/p": (404, None),
    "/B%2F/p": (404, None), "/B%2Fp": (400, None), "/B\\p": (400, None), "/%00": (400, None), "/": (400, None),
    "/B/%zz": (400, None), "/B/%": (400, None), "/B/%2": (400, None), "/B/%u0041": (400, None), "/%zz/p": (400, None),
    "/B/%c0%af": (400, None), "/B/%e0%80%af": (400, None), "/B/%ed%a0%80": (400, None), "/B/%f4%90%80%80": (400, None),
    "/%c0%ae%c0%ae/B/p": (400, None), "/B/%ff": (400, None), "/B/%80": (400, None),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_names_one_thing_or_nothing(k2v, by_hand, pk, path):
    status, name = PATHS[path]
    before = k2v.index().expect(200).json()["partitionKeys"]
    answer = by_hand.request("PUT", path.replace("B", k2v.bucket) + f"?sort_key={pk}", [], b"1").expect(status)
    if status == 204:
        assert k2v.keys(name.replace("B", k2v.bucket)).count(pk) == 1
    else:
        assert set(answer.json()) == {"code", "message", "region", "path"}
        assert k2v.index().json()["partitionKeys"] == before


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
