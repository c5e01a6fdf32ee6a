"""Stopping and starting: nothing is lost, nobody is cut off, two never share one directory."""

import os
import signal
import subprocess

import pytest

import sign
import skerry
import wire
from skerry import Client, b64


def make_client(server, alias="kept"):
    key = server.admin.create_key("kept key")
    server.admin.create_bucket(alias)
    server.admin.allow(alias, key)
    return Client(server, key, alias)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_tokens_markers_keys_and_settings_survive(start_server, end):
    server = start_server()
    client = make_client(server)
    client.write("p", "a", b"1", b"2")
    client.write("p", "b", None)
    items = client.search("p", tombstones=True)["items"]
    marker = client.poll_range("p").json()["seenMarker"]
    client.server.admin.call("POST", "/v1/buckets/kept/aliases", {"alias": "second"}).expect(200)
    rule = {"allowed_origins": ["*"], "allowed_methods": ["*"], "allowed_headers": ["*"], "expose_headers": []}
    client.server.admin.call("PUT", "/v1/buckets/kept/cors", {"rules": [rule]}).expect(200)
    before = [server.admin.get(path) for path in ("/v1/buckets/kept", f"/v1/keys/{client.key.id}?secret=true")]
    admin_token = server.admin.token
    client.close()
    getattr(server, end)()

    server.start()
    assert server.admin.token == admin_token
    assert [server.admin.get(path) for path in
            ("/v1/buckets/kept", f"/v1/keys/{client.key.id}?secret=true")] == before
    assert client.search("p", tombstones=True)["items"] == items, "values, order and tokens are the same"
    assert client.index_rows() == {"p": (1, 1, 2, 2)}
    client.poll_range("p", seenMarker=marker, timeout=1).expect(304)
    client.poll("p", "a", items[0]["ct"]).expect(304)
    client.put("p", "a", b"3", items[0]["ct"]).expect(204)
    assert client.values("p", "a") == [b"3"]
    news = client.poll_range("p", seenMarker=marker).json()["items"]
    assert [(item["sk"], item["v"]) for item in news] == [("a", [b64(b"3")])]
    client.close()


def test_a_chain_of_restarts_keeps_order_and_causality(start_server):
    server = start_server()
    client = make_client(server)
    token, values = None, []
    for number in range(5):
        token = client.put("p", "chain", b"%d" % number, token).expect(204).token
        client.put("p", "blind", b"%d" % number).expect(204)
        values.append(b"%d" % number)
        client.close()
        server.stop()
        server.start()
        assert client.values("p", "chain") == [b"%d" % number]
        assert client.values("p", "blind") == values
    client.close()


def test_a_second_server_on_the_same_directory_is_refused(start_server):
    server = start_server()
    client = make_client(server)
    client.put("p", "a", b"1").expect(204)
    second = skerry.Server(server.directory, start=False)
    second.launch()
    code = second.end()
    assert code not in (0, None) and code > 0, second.tail()
    assert str(server.directory) in second.tail() or "skerry.lock" in second.tail(), second.tail()
    assert not any(skerry.READY.search(line) for line in second.log)
    assert client.values("p", "a") == [b"1"], "the first one does not mind"
    assert (server.directory / "admin.endpoint").read_text().strip() == server.admin_url
    client.close()


def test_the_directory_is_free_again_after_a_kill(start_server):
    server = start_server()
    server.kill()
    server.start()
    server.admin.status()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_answers_idle_polls_with_304_and_ends_with_0(start_server, number):
    server = start_server()
    client = make_client(server)
    client.write("p", "a", b"1")
    token = client.token("p", "a")
    marker = client.poll_range("p").json()["seenMarker"]
    polls = []
    for _ in range(10):
        # A read in front of the poll: when it is answered, the poll behind it has arrived, too.
        connection = wire.Connection(server.address)
        target = client.item_target("p", "a")
        connection.send(client.bytes_of("GET", target) +
                        client.bytes_of("GET", target + f"&causality_token={token}&timeout=600"))
        connection.read().expect(200)
        polls.append(skerry.Pending(connection, "GET"))
    range_poll = client.start_poll_range("p", seenMarker=marker, timeout=600)
    idle = wire.Connection(server.address)
    client.get("p", "a").expect(200)
    client.get("p", "a").expect(200)
    server.process.send_signal(number)
    for poll in [*polls, range_poll]:
        poll.answer().expect(304)
    assert idle.rest() == b"", "an idle connection is simply closed"
    assert server.end() == 0, server.tail()
    client.close()


def test_a_request_on_its_way_is_finished_before_the_end(start_server):
    server = start_server()
    client = make_client(server)
    data = client.bytes_of("PUT", client.item_target("p", "a"), [("Expect", "100-continue")], b"x" * 100000)
    connection = wire.Connection(server.address)
    connection.send(data[:-50000])
    connection.read("PUT").expect(100)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_line(r"(?i)stop|drain|shut|signal")
    connection.send(data[-50000:])
    connection.read("PUT").expect(204)
    connection.close()
    assert server.end() == 0, server.tail()
    client.close()
    server.start()
    assert client.values("p", "a") == [b"x" * 100000]
    client.close()


def test_an_unfinished_request_does_not_keep_the_server_from_ending(start_server):
    server = start_server()
    client = make_client(server)
    data = client.bytes_of("PUT", client.item_target("p", "a"), [("Expect", "100-continue")], b"x" * 1000)
    connection = wire.Connection(server.address)
    connection.send(data[:-500])
    connection.read("PUT").expect(100)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(15) == 0, "within 10 s"
    connection.close()
    client.close()
    assert server.end() == 0  # and its log is whole: the next start begins one of its own
    server.start()
    client.get("p", "a").expect(404)
    client.close()


def read_env(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if line)


def test_the_first_start_makes_a_demo_bucket_that_works(start_server):
    server = start_server()
    env = read_env(server.directory / "demo.env")
    assert set(env) == {"K2V_ENDPOINT", "K2V_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert (env["K2V_BUCKET"], env["K2V_ENDPOINT"], env["AWS_REGION"]) == ("demo", server.url, "garage")
    key = sign.Key(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_REGION"])
    client = Client(server, key, "demo")
    client.put("p", "a", b"1").expect(204)
    assert client.values("p", "a") == [b"1"]
    client.close()
    server.stop()
    server.start()
    again = read_env(server.directory / "demo.env")
    assert again == {**env, "K2V_ENDPOINT": server.url}, "the same key, the new endpoint"
    assert client.values("p", "a") == [b"1"]
    client.close()


def test_a_server_can_do_without_demo(start_server):
    server = start_server("--k2v-demo", "false")
    assert not (server.directory / "demo.env").exists()
    assert server.admin.get("/v1/buckets") == {"buckets": []}
    assert server.admin.get("/v1/keys") == {"keys": []}


def test_a_directory_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    server = skerry.Server(tmp_path / "file" / "data", start=False)
    server.launch()
    assert server.end() > 0
    assert "file" in server.tail()


def test_a_port_that_is_taken_is_said(start_server, tmp_path):
    first = start_server()
    port = first.address[1]
    second = skerry.Server(tmp_path / "second", "--k2v-listen", f"127.0.0.1:{port}", start=False)
    second.launch()
    assert second.end() > 0
    assert str(port) in second.tail()


@pytest.mark.parametrize("name", ["seal.key", "admin.token"])
def test_a_secret_that_others_can_read_is_refused(start_server, name):
    server = start_server()
    server.stop()
    (server.directory / name).chmod(0o640)
    server.launch()
    assert server.end() > 0
    assert name in server.tail()


def test_a_lost_seal_key_is_refused_not_replaced(start_server):
    """With another key every stored secret would be unreadable: say so, do not go on."""
    server = start_server()
    server.admin.create_key("sealed")
    server.stop()
    (server.directory / "seal.key").rename(server.directory / "elsewhere")
    server.launch()
    assert server.end() > 0
    assert "seal" in server.tail()
    (server.directory / "seal.key").unlink(missing_ok=True)
    (server.directory / "elsewhere").rename(server.directory / "seal.key")
    server.start()
    assert "sealed" in [key["name"] for key in server.admin.get("/v1/keys")["keys"]]


def test_settings_come_from_flag_before_environment_before_file(tmp_path):
    file = tmp_path / "skerry.toml"
    file.write_text('data_dir = "%s"\n[k2v]\nlisten = "127.0.0.1:0"\nregion = "file"\n'
                    '[admin]\nlisten = "127.0.0.1:0"\n' % (tmp_path / "data"))

    def region(flags, environment):
        command = [skerry.BIN, "server", "--config", str(file), *flags]
        done = subprocess.run([*command, "--check-config"], env=skerry.clean_environment(**environment),
                              timeout=60,
                              capture_output=True, text=True)
        assert (done.returncode, done.stdout.strip()) == (0, "configuration ok"), done
        server = skerry.Server(tmp_path / "data", "--config", str(file), *flags, environment=environment)
        answer, connection = wire.exchange(server.address, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.close()
        server.stop()
        return answer.expect(403).json()["region"]

    assert region([], {}) == "file"
    assert region([], {"SKERRY_K2V_REGION": "environment"}) == "environment"
    assert region(["--k2v-region", "flag"], {"SKERRY_K2V_REGION": "environment"}) == "flag"


@pytest.mark.parametrize("text, line", [("unknown = 1", 1), ("[k2v]\nregion = 5", 2), ("[nothing]\n", 1),
                                        ("[k2v]\nregion = \"a\"\nregion = \"b\"", 3),
                                        ("[k2v]\n\nlisten = \"x\"", 3),
                                        ("[k2v]\nmax_value_bytes = 0", 2), ("log_level = \"loud\"", 1),
                                        ("nonsense", 1)])
def test_a_bad_file_is_refused_by_name_and_line(tmp_path, text, line):
    file = tmp_path / "bad.toml"
    file.write_text(text + "\n")
    done = skerry.run("server", "--config", str(file), "--check-config").expect(2)
    assert f"{file}:{line}" in done.errors or f"bad.toml:{line}" in done.errors, done
    skerry.run("server", "--config", str(file), "--data-dir", tmp_path / "data").expect(2)
    assert not (tmp_path / "data").exists()


def test_an_unknown_flag_is_refused():
    done = skerry.run("server", "--no-such-flag", "--check-config").expect(2)
    assert "--no-such-flag" in done.errors


def test_a_secret_whose_path_was_mistyped_is_not_made(tmp_path):
    path = tmp_path / "seceret"
    done = skerry.run("server", "--data-dir", tmp_path / "data", "--rpc-secret-file", path).expect(1)
    assert f"{path} is missing" in done.errors and "openssl rand -hex 32" in done.errors
    assert not path.exists()
    assert not (tmp_path / "data" / "seal.key").exists(), "the next start would speak of a lost database"
    skerry.run("server", "--data-dir", tmp_path / "data", "--rpc-secret-file", path, "--check-config").expect(2)


@pytest.mark.parametrize("text, mode", [("", 0o600), ("5a" * 8, 0o600), (("5a" * 32 + "\n") * 3, 0o600),
                                        ("5a" * 32, 0o644), (None, 0o700)])
def test_a_check_reads_the_secrets_there_are(tmp_path, text, mode):
    path = tmp_path / "rpc.secret"
    arguments = ["server", "--data-dir", tmp_path, "--check-config"]
    skerry.run(*arguments).expect(0)
    assert not any(tmp_path.iterdir()), "a check makes nothing"
    if text is None:
        path.mkdir()
    else:
        path.write_text(text)
    path.chmod(mode)
    assert str(path) in skerry.run(*arguments).expect(2).errors


def test_told_to_end_while_it_starts_it_ends_well(tmp_path):
    """The configuration is a pipe: while the server reads it, it is starting, and is told."""
    file = tmp_path / "skerry.toml"
    os.mkfifo(file)
    command = [skerry.BIN, "server", "--config", str(file), "--data-dir", str(tmp_path / "data"), "--rpc-listen",
               "127.0.0.1:0", "--k2v-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=skerry.clean_environment(), stderr=subprocess.DEVNULL)
    try:
        with open(file, "w"):  # opens when the other end has
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
