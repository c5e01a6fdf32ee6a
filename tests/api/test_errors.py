"""Errors: their body, their codes, and which of several errors is told."""

import pytest

import sign
import skerry
import wire


@pytest.fixture
def unsigned(k2v):
    """Send without any signature: unsigned(method, target, headers, body)."""
    def send(method, target, headers=(), body=b""):
        framing = [("Content-Length", len(body))] if body or method == "PUT" else []
        data = wire.request_bytes(method, target, [("Host", k2v.server.host), *headers, *framing], body)
        answer, connection = wire.exchange(k2v.server.address, data, method)
        connection.close()
        return answer
    return send


def check_error(answer, status, code, path, region="garage"):
    answer.expect(status, code)
    error = answer.json()
    assert list(error) == ["code", "message", "region", "path"], answer
    assert all(isinstance(value, str) for value in error.values()), answer
    assert (error["region"], error["path"]) == (region, path), answer
    assert error["message"], "the message says something"
    assert answer.type == "application/json" and answer.framing == "length", answer
    assert answer.body.startswith(b'{\n  "code"'), "two blanks of indentation, as the reference"


def test_an_error_has_exactly_four_strings(k2v, unsigned, pk):
    target = k2v.item_target(pk, "a")
    path = target.split("?")[0]
    check_error(k2v.request("GET", target), 404, "NoSuchKey", path)
    check_error(k2v.request("GET", target, [("Accept", "x")]), 406, "NotAcceptable", path)
    check_error(k2v.request("PUT", target, [("X-Garage-Causality-Token", "x")]), 400, "CausalityToken", path)
    check_error(k2v.request("POST", k2v.bucket_target(), [], b"{"), 400, "InvalidRequest", k2v.bucket_target())
    check_error(unsigned("GET", target), 403, "AccessDenied", path)
    check_error(unsigned("GET", path), 400, "InvalidRequest", path)
    check_error(k2v.clone(bucket="no-such-bucket").request("GET", "/no-such-bucket"), 404, "NoSuchBucket",
                "/no-such-bucket")


@pytest.mark.parametrize("path", ["/%61%2fb//c/", "//b//x", "/b/%C3%A9%20", "/"])
def test_the_path_of_an_error_is_as_it_was_sent(unsigned, path):
    error = unsigned("GET", path + "?limit=x").expect(400, "InvalidRequest").json()
    assert error["path"] == path


def test_the_region_of_an_error_is_the_servers(start_server):
    other = start_server("--k2v-region", "isle-of-may")
    answer, connection = wire.exchange(other.address, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.close()
    check_error(answer, 403, "AccessDenied", "/x", region="isle-of-may")


UNROUTED = [
    ("GET", "/"), ("GET", "//"), ("POST", "/?search"), ("PATCH", "/B"), ("PATCH", "/B/p?sort_key=s"),
    ("HEAD", "/B"), ("HEAD", "/"), ("HEAD", "/B/p"),
    ("SEARCH", "/B?search"), ("SEARCH", "/B/p"), ("SEARCH", "/B?delete"), ("SEARCH", "/B/p?search"),
    ("POST", "/B/p"), ("POST", "/B/p?sort_key=s"), ("POST", "/B/p?search"), ("POST", "/B/p?delete"),
    ("POST", "/B?poll_range"), ("POST", "/B?search&delete"), ("POST", "/B?search&search="),
    ("POST", "/B/p?poll_range&poll_range"), ("POST", "/B/p?poll_range&search"),
    ("GET", "/B?poll_range"), ("GET", "/B/p?poll_range"), ("GET", "/B?search"), ("GET", "/B?delete=1"),
    ("GET", "/B/p?sort_key=s&search"), ("PUT", "/B"), ("PUT", "/B?sort_key=s"), ("PUT", "/B/"),
    ("DELETE", "/B"), ("DELETE", "/B?delete"), ("DELETE", "/B/?sort_key=s"), ("PUT", "/B/p?sort_key=s&search"),
    ("DELETE", "/B/p?sort_key=s&delete"),
    ("GET", "/B/p"), ("GET", "/B/p?sort_key"), ("GET", "/B/p?sort_key="), ("PUT", "/B/p"),
    ("PUT", "/B/p?sort_key="),
    ("DELETE", "/B/p"), ("DELETE", "/B/p?sort_key="), ("GET", "/B/p?causality_token=AAAAAAAAAAA"),
    ("GET", "/B/p?sort_key=a&sort_key=b"), ("GET", "/B/p?sort_key=a&sort_key=a"),
    ("GET", "/B/p?sort_key=s&causality_token=AAAAAAAAAAA&timeout=x"),
    ("GET", "/B/p?Sort_Key=s"), ("GET", "/B?limit=x"), ("GET", "/B?limit=-1"), ("GET", "/B?reverse=maybe"),
    ("GET", "/B?start=a&start=b"), ("get", "/B"), ("Put", "/B/p?sort_key=s"),
]


@pytest.mark.parametrize("method, target", UNROUTED)
def test_what_is_no_call_of_the_api_is_400_even_unsigned(k2v, unsigned, method, target):
    answer = unsigned(method, target.replace("/B", f"/{k2v.bucket}"), [], b"[]" if method == "POST" else b"")
    if method == "HEAD":
        answer.expect(400)
    elif method.isupper():
        answer.expect(400, "InvalidRequest")
    else:
        answer.expect(400)  # the parser itself may refuse a method it has never heard of


@pytest.mark.parametrize("method, target", [
    ("GET", "/B"), ("GET", "/B/"), ("GET", "/B/p?sort_key=s"), ("GET", "/B/p?sort_key=s&causality_token=x"),
    ("PUT", "/B/p?sort_key=s"), ("DELETE", "/B/p?sort_key=s"), ("POST", "/B"), ("POST", "/B?search"),
    ("POST", "/B?search="), ("POST", "/B?search=x"), ("SEARCH", "/B"), ("POST", "/B?delete"),
    ("POST", "/B/p?poll_range"), ("SEARCH", "/B/p?poll_range"), ("GET", "/B?sort_key=s&unknown=1"),
    ("HEAD", "/B/p?sort_key=s"), ("GET", "/no-such-bucket")])
def test_every_call_of_the_api_is_denied_without_a_signature(k2v, unsigned, method, target):
    answer = unsigned(method, target.replace("/B", f"/{k2v.bucket}"), [], b"[]" if method == "POST" else b"")
    answer.expect(403, *([] if method == "HEAD" else ["AccessDenied"]))


def hand(k2v, key=None, bucket=None, **options):
    client = skerry.HandClient(k2v.server, key or k2v.key, bucket or k2v.bucket)
    client.options = options
    return client


def stranger(k2v):
    return sign.Key("GK" + "0" * 24, "1" * 64, k2v.key.region)


def test_routing_wins_over_authentication(k2v, pk):
    hand(k2v, stranger(k2v)).request("GET", f"/{k2v.bucket}/{pk}").expect(400, "InvalidRequest")


def test_the_date_wins_over_the_scope_and_the_scope_over_the_key(k2v, pk):
    target = k2v.item_target(pk, "a")
    scope = f"{sign.now()[:8]}/mars/k2v/aws4_request"
    late = hand(k2v, stranger(k2v), scope=scope, when=sign.now(-90000))
    late.request("GET", target).expect(400, "InvalidRequest")
    hand(k2v, stranger(k2v), scope=scope).request("GET", target).expect(400, "AuthorizationHeaderMalformed")
    hand(k2v, stranger(k2v)).request("GET", target).expect(403, "AccessDenied")


def test_the_signature_wins_over_the_form_of_the_payload_hash(k2v, pk):
    target = k2v.item_target(pk, "a")
    wrong = sign.Key(k2v.key.id, "0" * 64, k2v.key.region)
    hand(k2v, wrong, payload="nonsense").request("PUT", target).expect(403, "AccessDenied")
    hand(k2v, payload="nonsense").request("PUT", target).expect(400, "InvalidRequest")


def test_the_form_of_the_payload_hash_wins_over_being_anonymous(k2v, unsigned, pk):
    target = k2v.item_target(pk, "a")
    unsigned("GET", target, [("x-amz-content-sha256", "nonsense")]).expect(400, "InvalidRequest")
    unsigned("GET", target, [("x-amz-content-sha256", sign.EMPTY_SHA256)]).expect(403, "AccessDenied")


def test_authentication_wins_over_the_bucket(k2v, unsigned):
    unsigned("GET", "/no-such-bucket").expect(403, "AccessDenied")
    hand(k2v, stranger(k2v)).request("GET", "/no-such-bucket").expect(403, "AccessDenied")


def test_the_bucket_wins_over_the_handlers_errors(k2v):
    nowhere = hand(k2v, bucket="no-such-bucket", payload=sign.sha256(b"other"))
    target = nowhere.item_target("p", "s")
    nowhere.request("GET", target, [("Accept", "x")]).expect(404, "NoSuchBucket")
    nowhere.request("PUT", target, [("X-Garage-Causality-Token", "x")], b"1").expect(404, "NoSuchBucket")
    nowhere.request("POST", nowhere.bucket_target(), [], b"{").expect(404, "NoSuchBucket")


def test_the_permission_wins_over_the_handlers_errors(k2v):
    poor = k2v.server.admin.create_key("poor")
    client = hand(k2v, poor, payload=sign.sha256(b"other"))
    target = client.item_target("p", "s")
    client.request("GET", target, [("Accept", "x")]).expect(403, "AccessDenied")
    client.request("PUT", target, [("X-Garage-Causality-Token", "x")], b"1").expect(403, "AccessDenied")
    client.request("POST", client.bucket_target("search"), [], b"{").expect(403, "AccessDenied")


def test_accept_wins_over_a_bad_poll_token(k2v, pk):
    k2v.poll(pk, "a", "tra$h", accept="x").expect(406, "NotAcceptable")
    k2v.poll(pk, "a", "tra$h", accept="*/*").expect(400, "InvalidRequest")


def test_the_token_wins_over_the_digest_and_the_digest_over_json(k2v, pk):
    client = hand(k2v, payload=sign.sha256(b"other"))
    target = client.item_target(pk, "a")
    client.request("PUT", target, [("X-Garage-Causality-Token", "x")], b"1").expect(400, "CausalityToken")
    client.request("PUT", target, [], b"1").expect(400, "InvalidDigest")
    client.request("POST", client.bucket_target(), [], b"{").expect(400, "InvalidDigest")
    client.request("POST", client.bucket_target("search"), [], b"{").expect(400, "InvalidDigest")
    client.request("POST", client.bucket_target("delete"), [], b"{").expect(400, "InvalidDigest")
    k2v.get(pk, "a").expect(404, "NoSuchKey")


def test_a_partition_key_in_the_path_that_is_not_utf_8_has_its_own_code(k2v):
    for path in ("%ff", "a%C3", "%ED%A0%80", "%C0%AF"):
        answer = hand(k2v).request("GET", f"/{k2v.bucket}/{path}?sort_key=a")
        answer.expect(400, "InvalidUtf8String")
