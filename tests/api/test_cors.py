"""CORS: preflight, and the headers a browser needs on every answer."""

import pytest

import wire
from conftest import unique

RULES = [
    {"allowed_origins": ["https://app.example", "https://other.example"],
     "allowed_methods": ["GET", "PUT", "DELETE"],
     "allowed_headers": ["authorization", "x-amz-date", "X-Garage-Causality-Token"],
     "expose_headers": ["X-Garage-Causality-Token"]},
    {"allowed_origins": ["https://posts.example"], "allowed_methods": ["POST", "SEARCH"], "allowed_headers": ["*"],
     "expose_headers": []},
    {"allowed_origins": ["*"], "allowed_methods": ["HEAD"], "allowed_headers": [], "expose_headers": []},
]
APP = "https://app.example"


def set_rules(client, rules):
    client.server.admin.call("PUT", f"/v1/buckets/{client.bucket}/cors", {"rules": rules}).expect(200)


@pytest.fixture
def cors(fresh):
    set_rules(fresh, RULES)
    return fresh


def preflight(client, origin=APP, method="GET", headers=None, bucket=None, path="/p?sort_key=s"):
    sent = [("Host", client.server.host)]
    sent += [("Origin", origin)] if origin else []
    sent += [("Access-Control-Request-Method", method)] if method else []
    sent += [("Access-Control-Request-Headers", headers)] if headers is not None else []
    answer, connection = wire.exchange(client.server.address, wire.request_bytes(
        "OPTIONS", f"/{bucket or client.bucket}{path}", sent))
    connection.close()
    return answer


def cors_of(answer):
    return {name: value for name, value in answer.headers if name.startswith("access-control-")}


def words(text):
    return [word.strip() for word in text.split(",")]


def test_a_preflight_that_a_rule_allows_is_answered_without_a_signature(cors):
    for origin in RULES[0]["allowed_origins"]:
        answer = preflight(cors, origin, "PUT", "authorization, x-amz-date").expect(200)
        assert answer.body == b"" and answer.header("content-length") == "0", answer
        assert answer.header("access-control-allow-origin") == origin
        assert words(answer.header("access-control-allow-methods")) == ["GET", "PUT", "DELETE"]
        assert words(answer.header("access-control-allow-headers")) == RULES[0]["allowed_headers"]
        assert answer.header("access-control-allow-credentials") is None


@pytest.mark.parametrize("path", ["", "/", "/p", "?search", "/p?poll_range", "/p?sort_key=", "/%ff"])
def test_only_the_bucket_of_a_preflights_path_matters(cors, path):
    preflight(cors, path=path).expect(200)


def test_the_first_rule_that_matches_wins(cors):
    set_rules(cors, [{"allowed_origins": [APP], "allowed_methods": ["GET"], "allowed_headers": ["a"],
                      "expose_headers": []},
                     {"allowed_origins": ["*"], "allowed_methods": ["*"], "allowed_headers": ["*"],
                      "expose_headers": []}])
    assert words(preflight(cors, headers="a").expect(200).header("access-control-allow-headers")) == ["a"]
    answer = preflight(cors, headers="b").expect(200)
    assert answer.header("access-control-allow-origin") in ("*", APP)


@pytest.mark.parametrize("origin, method, headers", [
    ("https://evil.example", "GET", None), ("https://app.example:444", "GET", None),
    ("http://app.example", "GET", None),
    ("HTTPS://APP.EXAMPLE", "GET", None), (APP, "POST", None), (APP, "get", None), (APP, "GET", "x-other"),
    (APP, "GET", "authorization, x-other"), ("https://posts.example", "GET", None),
    ("null", "GET", None)])
def test_a_preflight_that_no_rule_allows_is_400(cors, origin, method, headers):
    answer = preflight(cors, origin, method, headers).expect(400, "InvalidRequest")
    assert "access-control-allow-origin" not in cors_of(answer)


def test_names_of_headers_are_compared_without_case(cors):
    """Browsers write them in lower case, whatever the rule says."""
    preflight(cors, headers="x-garage-causality-token,  AUTHORIZATION").expect(200)


def test_a_preflight_without_its_headers_is_400(cors):
    preflight(cors, origin=None).expect(400, "InvalidRequest")
    preflight(cors, method=None).expect(400, "InvalidRequest")


def test_a_preflight_of_a_bucket_without_rules_is_400(fresh):
    preflight(fresh).expect(400, "InvalidRequest")


def test_a_preflight_of_an_unknown_bucket_is_allowed_everything(fresh):
    """A name that only a key could resolve must not be told apart from one that nobody can."""
    local = unique("local")
    fresh.server.admin.call("POST", f"/v1/buckets/{fresh.bucket}/aliases",
                            {"alias": local, "key_id": fresh.key.id}).expect(200)
    for name in ("no-such-bucket", local, "0" * 64):
        answer = preflight(fresh, bucket=name).expect(200)
        assert cors_of(answer) == {"access-control-allow-origin": "*", "access-control-allow-methods": "*"}


def test_a_preflight_knows_a_bucket_by_its_id(cors):
    bucket_id = cors.server.admin.get(f"/v1/buckets/{cors.bucket}")["id"]
    assert preflight(cors, bucket=bucket_id).expect(200).header("access-control-allow-origin") == APP
    preflight(cors, "https://evil.example", bucket=bucket_id).expect(400)


def with_origin(client, method, target, body=b"", origin=APP, more=()):
    return client.request(method, target, [("Origin", origin), *more], body)


def test_every_method_that_a_rule_allows_is_answered_with_the_one_origin(cors):
    target = cors.item_target("p", "s")
    posts = "https://posts.example"
    for method, where, body, origin in (("PUT", target, b"1", APP), ("GET", target, b"", APP),
                                        ("GET", cors.bucket_target(), b"", "https://other.example"),
                                        ("POST", cors.bucket_target("search"), b"[]", posts),
                                        ("SEARCH", cors.bucket_target(), b"[]", posts),
                                        ("DELETE", target, b"", APP)):
        answer = with_origin(cors, method, where, body, origin)
        assert answer.status in (200, 204), answer
        assert answer.header("access-control-allow-origin") == origin, answer


def test_the_exposed_headers_are_named(cors):
    cors.write("p", "s", b"1")
    answer = with_origin(cors, "GET", cors.item_target("p", "s")).expect(200)
    assert words(answer.header("access-control-expose-headers")) == ["X-Garage-Causality-Token"]


def test_errors_and_empty_answers_can_be_read_by_a_browser_too(cors):
    cors.write("p", "conflict", b"1", b"2")
    cors.write("p", "one", b"1")
    poll = cors.item_target("p", "one", causality_token=cors.token("p", "one"), timeout=1)
    cases = [(404, cors.item_target("p", "missing"), ()), (406, cors.item_target("p", "one"), [("Accept", "x")]),
             (409, cors.item_target("p", "conflict"), [("Accept", "application/octet-stream")]), (304, poll, ()),
             (400, cors.item_target("p", "one", causality_token="tra$h"), ())]
    for status, target, more in cases:
        answer = with_origin(cors, "GET", target, more=more).expect(status)
        assert answer.header("access-control-allow-origin") == APP, answer
    answer, connection = wire.exchange(cors.server.address, wire.request_bytes(
        "GET", cors.item_target("p", "one"), [("Host", cors.server.host), ("Origin", APP)]))
    connection.close()
    assert answer.expect(403, "AccessDenied").header("access-control-allow-origin") == APP, answer


@pytest.mark.parametrize("method, origin", [("GET", "https://evil.example"), ("GET", "https://posts.example"),
                                            ("GET", None)])
def test_no_rule_no_headers(cors, method, origin):
    headers = [("Origin", origin)] if origin else []
    answer = cors.request(method, cors.bucket_target(), headers).expect(200)
    assert cors_of(answer) == {}, answer


def test_a_star_in_the_rules_allows_every_origin(cors):
    cors.write("p", "s", b"1")
    answer = with_origin(cors, "HEAD", cors.item_target("p", "s"), origin="https://any.example").expect(200)
    assert answer.header("access-control-allow-origin") in ("*", "https://any.example")


def test_cleared_rules_are_gone(cors):
    set_rules(cors, [])
    preflight(cors).expect(400)
    assert cors_of(with_origin(cors, "GET", cors.bucket_target())) == {}


def test_an_origin_is_never_echoed_into_another_header(cors):
    set_rules(cors, [{"allowed_origins": ["*"], "allowed_methods": ["*"], "allowed_headers": ["*"],
                      "expose_headers": []}])
    answer = with_origin(cors, "GET", cors.bucket_target(),
                         origin="https://a.example, https://b.example").expect(200)
    assert len([name for name, _ in answer.headers if name == "access-control-allow-origin"]) == 1
