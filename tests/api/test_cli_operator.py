"""`skerry bucket …`, `skerry key …`, `skerry status`: the operator's commands."""

import json
import socket
import threading

import pytest

import sign
import skerry
from conftest import unique
from skerry import Client

DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, NOTHING_NEW, DENIED = range(7)


@pytest.fixture
def run(server):
    return server.command


@pytest.fixture
def bucket(server):
    """A fresh bucket's name."""
    name = unique("cli")
    server.admin.create_bucket(name)
    return name


def flags_of(server, bucket, key_id):
    rows = server.admin.get(f"/v1/buckets/{bucket}")["keys"]
    return [(row["read"], row["write"], row["owner"]) for row in rows if row["key_id"] == key_id]


def test_status_tells_what_the_admin_api_tells(server, run):
    status = run("status", "-o", "json").expect(DONE).json()
    assert status["node"] == server.admin.status()["node"]
    assert status["node"] in run("status").expect(DONE).text


def test_buckets_are_created_listed_told_and_deleted(server, run):
    name = unique("cli")
    made = run("bucket", "create", name, "-o", "json").expect(DONE).json()
    assert made["aliases"] == [name] and len(made["id"]) == 64
    assert made["id"] in [row["id"] for row in run("bucket", "list", "-o", "json").expect(DONE).json()["buckets"]]
    assert name in run("bucket", "list").expect(DONE).text
    info = run("bucket", "info", name, "-o", "json").expect(DONE).json()
    assert (info["id"], info["entries"]) == (made["id"], 0)
    text = run("bucket", "info", name).expect(DONE).text
    assert name in text and made["id"] in text
    run("bucket", "create", name).expect(FAILED)
    run("bucket", "delete", name).expect(DONE)
    run("bucket", "info", name).expect(NOT_FOUND)
    run("bucket", "delete", name).expect(NOT_FOUND)
    assert name in run("bucket", "create", name).expect(DONE).text


def test_a_bucket_with_items_is_not_deleted(run, fresh):
    fresh.write("p", "a", b"1")
    done = run("bucket", "delete", fresh.bucket).expect(FAILED)
    assert "holds items" in done.errors
    assert fresh.values("p", "a") == [b"1"]


def test_permissions_are_allowed_and_denied_by_key_id_and_by_name(server, run, bucket):
    name = unique("key")
    key = server.admin.create_key(name)
    run("bucket", "allow", bucket, "--key", key.id, "--read", "--write").expect(DONE)
    assert flags_of(server, bucket, key.id) == [(True, True, False)]
    run("bucket", "allow", bucket, "--key", name, "--owner").expect(DONE)
    told = run("bucket", "deny", bucket, "--key", name, "--write", "-o", "json").expect(DONE).json()
    assert flags_of(server, bucket, key.id) == [(True, False, True)]
    assert [row["key_id"] for row in told["keys"]] == [key.id]
    text = run("bucket", "info", bucket).expect(DONE).text
    assert key.id in text
    run("bucket", "allow", bucket, "--key", "no-such-key", "--read").expect(NOT_FOUND)
    run("bucket", "allow", "no-such-bucket", "--key", key.id, "--read").expect(NOT_FOUND)
    run("bucket", "allow", bucket, "--key", key.id).expect(USAGE)
    run("bucket", "allow", bucket, "--read").expect(USAGE)


def test_a_name_that_two_keys_have_is_refused(server, run, bucket):
    name = unique("twin")
    ids = [server.admin.create_key(name).id for _ in range(2)]
    done = run("bucket", "allow", bucket, "--key", name, "--read")
    assert done.code in (FAILED, USAGE, NOT_FOUND, CONFLICT) and done.code != DONE, done
    assert flags_of(server, bucket, ids[0]) == flags_of(server, bucket, ids[1]) == []


def test_aliases_are_added_and_removed(server, run, bucket):
    other, key = unique("other"), server.admin.create_key()
    run("bucket", "alias", bucket, other).expect(DONE)
    run("bucket", "alias", bucket, "mine", "--key", key.id).expect(DONE)
    told = server.admin.get(f"/v1/buckets/{bucket}")
    assert sorted(told["aliases"]) == sorted([bucket, other])
    assert told["local_aliases"] == [{"key_id": key.id, "alias": "mine"}]
    run("bucket", "alias", bucket, other, "--remove").expect(DONE)
    run("bucket", "alias", bucket, "mine", "--key", key.id, "--remove").expect(DONE)
    told = server.admin.get(f"/v1/buckets/{bucket}")
    assert (told["aliases"], told["local_aliases"]) == ([bucket], [])


def test_cors_rules_are_set_by_flags_or_file_and_cleared(server, run, bucket, tmp_path):
    run("bucket", "cors", bucket, "--allow-origin", "https://a.example", "--allow-origin", "https://b.example",
        "--allow-method", "GET", "--allow-method", "PUT", "--allow-header", "authorization",
        "--expose-header", "X-Garage-Causality-Token").expect(DONE)
    rule = {"allowed_origins": ["https://a.example", "https://b.example"], "allowed_methods": ["GET", "PUT"],
            "allowed_headers": ["authorization"], "expose_headers": ["X-Garage-Causality-Token"]}
    assert server.admin.get(f"/v1/buckets/{bucket}")["cors"] == [rule]
    run("bucket", "cors", bucket, "--clear").expect(DONE)
    assert server.admin.get(f"/v1/buckets/{bucket}")["cors"] == []
    (tmp_path / "rules.json").write_text(json.dumps([rule, rule]))
    told = run("bucket", "cors", bucket, "--rules", tmp_path / "rules.json", "-o", "json").expect(DONE).json()
    assert told["cors"] == [rule, rule]
    run("bucket", "cors", bucket, "--clear", "--allow-origin", "x").expect(USAGE)


def test_keys_are_created_listed_told_renamed_and_deleted(server, run):
    name = unique("key")
    made = run("key", "create", name, "-o", "json").expect(DONE).json()
    assert made["name"] == name and len(made["secret"]) == 64
    assert made["key_id"] in run("key", "list").expect(DONE).text
    listed = run("key", "list", "-o", "json").expect(DONE).json()["keys"]
    assert made["key_id"] in [row["key_id"] for row in listed]
    hidden = run("key", "info", name).expect(DONE)
    assert made["key_id"] in hidden.text and made["secret"] not in hidden.text
    assert made["secret"] in run("key", "info", made["key_id"], "--show-secret").expect(DONE).text
    assert run("key", "info", name, "--show-secret", "-o", "json").json()["secret"] == made["secret"]
    run("key", "rename", name, name + " renamed").expect(DONE)
    assert run("key", "info", made["key_id"], "-o", "json").json()["name"] == name + " renamed"
    run("key", "delete", name + " renamed").expect(DONE)
    run("key", "info", made["key_id"]).expect(NOT_FOUND)
    run("key", "delete", made["key_id"]).expect(NOT_FOUND)
    assert "GK" in run("key", "create").expect(DONE).text


def test_a_key_is_imported_with_its_secret_from_file_or_standard_input(server, run, bucket, tmp_path):
    secret = "s3cr3t-from-elsewhere"
    (tmp_path / "secret").write_text(secret + "\n")
    (tmp_path / "secret").chmod(0o600)
    for number, (words, stdin) in enumerate(((["--secret-file", tmp_path / "secret"], ""), ([], secret + "\n"))):
        key_id = f"imported-{bucket}-{number}"
        done = run("key", "import", key_id, f"name {key_id}", *words, stdin=stdin).expect(DONE)
        assert secret not in done.errors
        run("bucket", "allow", bucket, "--key", key_id, "--read").expect(DONE)
        client = Client(server, sign.Key(key_id, secret, "garage"), bucket)
        client.index().expect(200)
        client.close()
    run("key", "import", f"imported-{bucket}-0", stdin="another secret").expect(FAILED)


def test_the_admin_port_is_found_by_flag_environment_and_data_directory(server, tmp_path):
    token = server.directory / "admin.token"
    skerry.run("status", "--data-dir", server.directory).expect(DONE)
    skerry.run("status", "--admin-endpoint", server.admin_url, "--admin-token-file", token).expect(DONE)
    skerry.run("status", environment={"SKERRY_ADMIN_ENDPOINT": server.admin_url,
                                      "SKERRY_ADMIN_TOKEN_FILE": token}).expect(DONE)
    skerry.run("status", "--data-dir", server.directory, "--admin-endpoint", "http://127.0.0.1:1").expect(FAILED)


def test_a_check_without_a_database_says_so_unless_a_server_has_the_directory(tmp_path):
    """Neither the port that the last server left in admin.endpoint nor the lock's file means that one runs."""
    made = skerry.Server(tmp_path / "data")
    (made.directory / "data.mdb").rename(tmp_path / "data.mdb")
    assert made.command("repair", "check", "-o", "json").json()["where"] == "server"
    made.kill()
    assert (made.directory / "admin.endpoint").exists()
    assert made.command("repair", "check").expect(FAILED).errors == \
        f"skerry: there is no data.mdb in {made.directory}\n"
    asked = made.command("repair", "check", "--admin-endpoint", made.admin_url).expect(FAILED)
    assert "Is the server running?" in asked.errors
    (tmp_path / "data.mdb").rename(made.directory / "data.mdb")
    made.command("repair", "check").expect(DONE)


def test_a_wrong_admin_token_is_6(server, tmp_path):
    (tmp_path / "token").write_text("0" * 64 + "\n")
    (tmp_path / "token").chmod(0o600)
    done = skerry.run("status", "--admin-endpoint", server.admin_url, "--admin-token-file", tmp_path / "token")
    done.expect(DENIED)


@pytest.mark.parametrize("words", [["nonsense"], ["bucket", "nonsense"], ["bucket", "create"], ["bucket", "info"],
                                   ["bucket", "create", "a-b", "c-d"], ["key", "import"], ["key", "rename", "x"],
                                   ["key", "nonsense"], ["status", "x"], ["bucket", "list", "--nonsense"],
                                   ["bucket", "cors"]])
def test_a_wrong_command_line_is_2(run, words):
    done = run(*words).expect(USAGE)
    assert done.errors


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_check_tells_what_stayed_unsettled_and_what_to_do(tmp_path, form):
    """Whether a real check leaves anything unsettled is up to its clients: here the answer of the server is given."""
    rows = {"meta": 3, "docs": 2, "items": 5000, "counts": 1}
    body = json.dumps({"steps": [], "rows": rows, "findings": 0, "unsettled": 2}).encode()
    (tmp_path / "token").write_text("token-token-token-token")
    (tmp_path / "token").chmod(0o600)

    def answer(listener):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return  # the test is over
            with stream:
                seen = b""
                while b"\r\n\r\n" not in seen:
                    seen += stream.recv(65536) or b"\r\n\r\n"
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        address = "http://127.0.0.1:%d" % listener.getsockname()[1]
        done = skerry.run("repair", "check", "--admin-endpoint", address, "--admin-token-file", tmp_path / "token",
                          "-o", form)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    done.expect(DONE)
    assert "2 partitions are unsettled" in done.errors
    assert "check again at a quiet time, or with the server stopped" in done.errors
    if form == "json":
        assert (done.json()["unsettled"], done.json()["findings"], done.json()["rows"]) == (2, [], rows)
    else:
        assert "5006 rows checked: 0 findings" in done.text


GROUPS = {"bucket": ["create", "list", "info", "delete", "allow", "deny", "alias", "cors"],
          "key": ["create", "import", "list", "info", "rename", "delete"]}


@pytest.mark.parametrize("words", [[group, command] for group, commands in GROUPS.items() for command in commands])
def test_every_command_explains_itself(words):
    done = skerry.run(*words, "--help").expect(DONE)
    assert " ".join(["skerry", *words]) in done.text and done.errors == ""


def test_the_version_is_told():
    done = skerry.run("--version").expect(DONE)
    assert done.text.split()[-1][0].isdigit()
