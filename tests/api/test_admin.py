"""The admin API: status, buckets, aliases, permissions, CORS, keys; and that it is closed to others."""

import re

import pytest

import sign
import wire
from conftest import unique

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


@pytest.fixture
def admin(server):
    return server.admin


@pytest.fixture
def name():
    return unique("admin")


def check_error(answer, status):
    answer.expect(status)
    error = answer.json()
    assert isinstance(error["code"], str) and error["code"] and isinstance(error["message"], str), answer
    assert error["message"], answer


# Access


@pytest.mark.parametrize("method, path", [("GET", "/v1/status"), ("GET", "/v1/buckets"), ("POST", "/v1/keys"),
                                          ("GET", "/v1/nothing"), ("DELETE", "/v1/buckets/x")])
def test_nothing_is_told_without_the_token(admin, method, path):
    for header in (None, "Bearer", "Bearer ", "Bearer " + "0" * 64, f"Basic {admin.token}", admin.token,
                   f"Bearer {admin.token}x", f"Bearer {admin.token[:-1]}"):
        headers = [] if header is None else [("Authorization", header)]
        check_error(admin.call(method, path, {}, token="", headers=headers), 401)


def test_the_token_is_never_taken_by_the_data_port_nor_a_data_key_by_the_admin_port(admin, server, key):
    answer, connection = wire.exchange(server.address, wire.request_bytes(
        "GET", "/v1/status", [("Host", server.host), ("Authorization", f"Bearer {admin.token}")]))
    connection.close()
    assert answer.status in (400, 403)
    headers = sign.with_botocore(key, "GET", server.host, "/v1/status")
    assert admin.call("GET", "/v1/status", token="", headers=[h for h in headers if h[0] != "Host"]).status == 401


def test_secret_files_belong_to_their_owner_alone(server):
    for name in ("admin.token", "seal.key", "demo.env"):
        assert (server.directory / name).stat().st_mode & 0o077 == 0, name
    assert (server.directory / "admin.endpoint").read_text().strip() == server.admin_url


@pytest.mark.parametrize("method, path", [("GET", "/"), ("GET", "/v1"), ("GET", "/v1/nothing"),
                                          ("GET", "/v2/status"),
                                          ("GET", "/v1/buckets/b/nothing"), ("GET", "/v1/status/x")])
def test_an_unknown_path_is_refused(admin, method, path):
    answer = admin.call(method, path)
    check_error(answer, 400 if answer.status == 400 else 404)


@pytest.mark.parametrize("method, path", [("POST", "/v1/status"), ("DELETE", "/v1/buckets"), ("PUT", "/v1/keys"),
                                          ("PATCH", "/v1/buckets/x")])
def test_an_unknown_method_is_refused(admin, method, path):
    answer = admin.call(method, path, {})
    assert answer.status in (400, 404, 405), answer


# Status


def test_status_tells_version_node_and_counts(admin, k2v, name):
    before = admin.status()
    assert isinstance(before["version"], str) and isinstance(before["node"], str)
    for field in ("uptime_s", "buckets", "keys", "requests"):
        assert isinstance(before[field], int) and before[field] >= 0, (field, before)
    admin.create_bucket(name)
    admin.create_key(name)
    k2v.put("status", "a", b"1").expect(204)
    after = admin.status()
    assert (after["buckets"], after["keys"]) == (before["buckets"] + 1, before["keys"] + 1)
    assert after["requests"] > before["requests"]
    assert after["store"]["writes"] > before["store"]["writes"]
    assert after["store"]["syncs"] > before["store"]["syncs"]


# Buckets


def test_a_bucket_is_made_listed_told_and_deleted(admin, name):
    made = admin.create_bucket(name)
    assert re.fullmatch("[0-9a-f]{64}", made["id"]) and TIME.match(made["created"]), made
    assert (made["aliases"], made["local_aliases"], made["keys"], made["cors"]) == ([name], [], [], [])
    listed = [bucket for bucket in admin.get("/v1/buckets")["buckets"] if bucket["id"] == made["id"]]
    assert listed == [made]
    for way in (name, made["id"]):
        told = admin.get(f"/v1/buckets/{way}")
        assert {field: told[field] for field in made} == made
        counts = {field: told[field] for field in ("partitions", "entries", "conflicts", "values", "bytes")}
        assert set(counts.values()) == {0}
    answer = admin.call("DELETE", f"/v1/buckets/{name}").expect(204)
    assert answer.body == b""
    check_error(admin.call("GET", f"/v1/buckets/{name}"), 404)
    check_error(admin.call("GET", f"/v1/buckets/{made['id']}"), 404)
    check_error(admin.call("DELETE", f"/v1/buckets/{name}"), 404)
    assert made["id"] not in [bucket["id"] for bucket in admin.get("/v1/buckets")["buckets"]]
    assert admin.create_bucket(name)["id"] != made["id"], "the name is free again, the bucket another"


def test_a_taken_alias_is_409(admin, name):
    admin.create_bucket(name)
    check_error(admin.call("POST", "/v1/buckets", {"alias": name}), 409)
    other = unique("admin")
    admin.create_bucket(other)
    check_error(admin.call("POST", f"/v1/buckets/{other}/aliases", {"alias": name}), 409)


@pytest.mark.parametrize("alias", ["", "ab", "a" * 64, "Capital", "under_score", "-first", "last-", ".first",
                                   "last.", "a b",
                                   "é" * 5, "a/b", None, 5, ["abc"]])
def test_a_bad_alias_is_400(admin, alias):
    check_error(admin.call("POST", "/v1/buckets", {"alias": alias}), 400)


@pytest.mark.parametrize("alias", ["abc", "a" * 63, "a.b-c", "0a0"])
def test_every_good_alias_is_taken(admin, alias):
    admin.create_bucket(alias)
    admin.call("DELETE", f"/v1/buckets/{alias}").expect(204)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"alias":"x-y-z"} x',
                                  b'{"alias":"a-b","alias":"a-c"}',
                                  b"\xff", b"{}"])
def test_a_bad_body_is_400(admin, body):
    check_error(admin.call("POST", "/v1/buckets", body), 400)


def test_a_bucket_counts_what_it_holds(admin, fresh):
    fresh.write("p", "a", b"12345", b"678")
    fresh.write("p", "b", b"1")
    fresh.write("q", "a", b"")
    fresh.write("q", "gone", None)
    told = admin.get(f"/v1/buckets/{fresh.bucket}")
    assert [told[f] for f in ("partitions", "entries", "conflicts", "values", "bytes")] == [2, 3, 1, 4, 9]


def test_a_bucket_with_items_is_not_deleted(admin, fresh):
    fresh.write("p", "a", b"1")
    check_error(admin.call("DELETE", f"/v1/buckets/{fresh.bucket}"), 409)
    assert fresh.values("p", "a") == [b"1"]
    fresh.delete_batch([{"partitionKey": "p"}]).expect(200)
    admin.call("DELETE", f"/v1/buckets/{fresh.bucket}").expect(204)


# Permissions and aliases


def test_only_the_given_flags_change(admin, name):
    admin.create_bucket(name)
    key = admin.create_key("flags")
    path = f"/v1/buckets/{name}/permissions"

    def flags(**given):
        keys = admin.call("POST", path, {"key_id": key.id, **given}).expect(200).json()["keys"]
        return [(k["key_id"], k["name"], k["read"], k["write"], k["owner"]) for k in keys]

    assert flags(read=True) == [(key.id, "flags", True, False, False)]
    assert flags(owner=True) == [(key.id, "flags", True, False, True)]
    assert flags(write=True, read=False) == [(key.id, "flags", False, True, True)]
    assert flags() == [(key.id, "flags", False, True, True)]
    told = admin.get(f"/v1/keys/{key.id}")["buckets"]
    assert [(b["alias"], b["read"], b["write"], b["owner"]) for b in told] == [(name, False, True, True)]
    assert flags(write=False, owner=False) == []
    assert admin.get(f"/v1/keys/{key.id}")["buckets"] == []
    check_error(admin.call("POST", path, {"key_id": "GK" + "0" * 24, "read": True}), 404)
    check_error(admin.call("POST", path, {"key_id": key.id, "read": "yes"}), 400)
    check_error(admin.call("POST", path, {"read": True}), 400)
    check_error(admin.call("POST", "/v1/buckets/no-such-bucket/permissions", {"key_id": key.id}), 404)


def test_aliases_are_added_and_removed(admin, name):
    bucket, key, other = admin.create_bucket(name), admin.create_key(), unique("other")
    path = f"/v1/buckets/{bucket['id']}/aliases"
    told = admin.call("POST", path, {"alias": other}).expect(200).json()
    assert sorted(told["aliases"]) == sorted([name, other])
    told = admin.call("POST", path, {"alias": "mine", "key_id": key.id}).expect(200).json()
    assert told["local_aliases"] == [{"key_id": key.id, "alias": "mine"}]
    admin.call("DELETE", path, {"alias": name}).expect(200)
    told = admin.call("DELETE", path, {"alias": "mine", "key_id": key.id}).expect(200).json()
    assert (told["aliases"], told["local_aliases"]) == ([other], [])
    check_error(admin.call("GET", f"/v1/buckets/{name}"), 404)
    assert admin.get(f"/v1/buckets/{other}")["id"] == bucket["id"]
    check_error(admin.call("DELETE", path, {"alias": "never-there"}), 404)
    check_error(admin.call("POST", path, {"alias": "B A D"}), 400)


def test_cors_rules_are_kept_as_given(admin, name):
    admin.create_bucket(name)
    rule = {"allowed_origins": ["https://a.example", "*"], "allowed_methods": ["GET"], "allowed_headers": ["x-a"],
            "expose_headers": ["X-B"]}
    path = f"/v1/buckets/{name}/cors"
    assert admin.call("PUT", path, {"rules": [rule, rule]}).expect(200).json()["cors"] == [rule, rule]
    assert admin.get(f"/v1/buckets/{name}")["cors"] == [rule, rule]
    for bad in ({"rules": [{"allowed_origins": ["a\nb"], "allowed_methods": ["GET"]}]}, {"rules": {}},
                {"rules": [1]},
                {"rules": [{"allowed_origins": "x", "allowed_methods": ["GET"]}]}, {}):
        check_error(admin.call("PUT", path, bad), 400)
    assert admin.get(f"/v1/buckets/{name}")["cors"] == [rule, rule], "a bad rule changes nothing"
    assert admin.call("PUT", path, {"rules": []}).expect(200).json()["cors"] == []


# Keys


def test_a_key_is_made_told_renamed_and_deleted(admin, name):
    made = admin.call("POST", "/v1/keys", {"name": name}).expect(200).json()
    assert re.fullmatch("GK[0-9a-f]{24}", made["key_id"]) and re.fullmatch("[0-9a-f]{64}", made["secret"])
    path = f"/v1/keys/{made['key_id']}"
    told = admin.get(path)
    assert (told["key_id"], told["name"], told["buckets"]) == (made["key_id"], name, [])
    assert TIME.match(told["created"])
    assert "secret" not in told
    assert admin.get(path + "?secret=true")["secret"] == made["secret"]
    listed = admin.get("/v1/keys")["keys"]
    assert [key["name"] for key in listed if key["key_id"] == made["key_id"]] == [name]
    assert not any("secret" in key for key in listed)
    assert admin.call("PUT", path, {"name": "é new"}).expect(200).json()["name"] == "é new"
    assert admin.get(path)["name"] == "é new"
    admin.call("DELETE", path).expect(204)
    check_error(admin.call("GET", path), 404)
    check_error(admin.call("DELETE", path), 404)
    check_error(admin.call("PUT", path, {"name": "x"}), 404)


def test_a_key_is_imported_once(admin, k2v, name):
    imported = {"name": "i", "key_id": f"my.key_{name}", "secret": "s3cr3t!~"}
    told = admin.call("POST", "/v1/keys", imported).expect(200).json()
    assert told["key_id"] == imported["key_id"]
    admin.call("POST", "/v1/keys", imported).expect(200)
    check_error(admin.call("POST", "/v1/keys", {**imported, "secret": "different"}), 409)
    key = sign.Key(imported["key_id"], imported["secret"], "garage")
    admin.allow(k2v.bucket, key)
    client = k2v.clone(key)
    client.index().expect(200)
    client.close()


@pytest.mark.parametrize("change", [{"key_id": "ab"}, {"key_id": "a" * 129}, {"key_id": "a/b"}, {"key_id": "a b"},
                                    {"secret": "short"}, {"secret": "s" * 129}, {"secret": "with blank"},
                                    {"secret": "é" * 8},
                                    {"name": "n" * 129}, {"name": 5}, {"secret": None}, {"key_id": None}])
def test_a_bad_import_is_400(admin, change):
    good = {"name": "i", "key_id": unique("imported"), "secret": "12345678"}
    check_error(admin.call("POST", "/v1/keys", {**good, **change}), 400)


def test_secrets_are_nowhere_in_the_log_nor_in_the_files(start_server):
    """H33: sealed at rest, never logged."""
    server = start_server("--log-level", "debug")
    key = server.admin.create_key("hidden")
    server.admin.create_bucket("secret-bucket")
    server.admin.allow("secret-bucket", key)
    token = server.admin.token
    server.stop()
    log = "\n".join(server.log)
    assert key.secret not in log and token not in log
    for path in server.directory.iterdir():
        assert key.secret.encode() not in path.read_bytes(), path
        assert bytes.fromhex(key.secret) not in path.read_bytes(), path
