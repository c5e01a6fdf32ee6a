"""`skerry node …`: an id to connect by, the way into a cluster and out of it."""

import socket
import subprocess

import pytest

import skerry

DONE, FAILED, USAGE, NOT_FOUND = range(4)
REFUSED = "127.0.0.1:1"


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text("5a" * 32 + "\n")
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def start_node(start_server, secret):
    return lambda name: start_server("--cluster-name", name, "--rpc-secret-file", secret, name=name)


def test_an_id_names_the_node_and_where_it_is(server):
    known = server.admin.get("/v1/cluster")
    assert server.command("node", "id").expect(DONE).text == f"{known['node']}@{known['address']}\n"
    told = server.command("node", "id", "-o", "json").expect(DONE).json()
    assert told == {name: known[name] for name in ("node", "address", "name", "cluster")}


def test_a_node_alone_is_listed(server):
    known = server.admin.get("/v1/cluster")
    text = server.command("node", "list").expect(DONE).text
    assert known["node"][:8] in text and "this node" in text
    assert [row["node"] for row in server.command("node", "list", "-o", "json").expect(DONE).json()["nodes"]] == [
        known["node"]]


def test_connecting_waits_until_both_are_members(start_node):
    one, two, three = [start_node(name) for name in ("one", "two", "three")]
    done = one.command("node", "connect", two.command("node", "id").expect(DONE).text.strip()).expect(DONE)
    assert done.text.startswith("connected: cluster ") and done.text.endswith(", 2 nodes\n")
    address = one.command("node", "id", "-o", "json").expect(DONE).json()["address"]
    joined = three.command("node", "connect", address, "-o", "json").expect(DONE).json()  # a fresh node joins
    assert joined["stage"] == "member" and joined["cluster"] == one.admin.get("/v1/cluster")["cluster"]
    for name in ("two", "three"):
        assert name in one.command("node", "list").expect(DONE).text
    again = three.command("node", "connect", address).expect(DONE)  # once more changes nothing
    assert again.text == done.text.replace(", 2 nodes", ", 3 nodes")


def test_a_removed_node_comes_back_from_a_member_only(start_node):
    one, two = start_node("one"), start_node("two")
    at_one, at_two = [node.command("node", "id").expect(DONE).text.strip() for node in (one, two)]
    one.command("node", "connect", at_two).expect(DONE)
    assert "removed node two" in one.command("node", "remove", "two").expect(DONE).text
    one.command("node", "remove", "two").expect(NOT_FOUND)
    two.wait_for_line("this node was taken out of its cluster")
    assert "connect it again from a member" in two.command("node", "connect", at_one).expect(FAILED).errors
    one.command("node", "connect", at_two).expect(DONE)
    assert two.admin.get("/v1/cluster")["stage"] == "member"


def test_why_connecting_failed_is_told(start_node):
    one = start_node("one")
    done = one.command("node", "connect", REFUSED).expect(FAILED)
    assert REFUSED in done.errors and "secret" not in done.errors and "fresh" not in done.errors
    itself = one.command("node", "id").expect(DONE).text.strip()
    assert "this node itself" in one.command("node", "connect", itself).expect(FAILED).errors


def test_another_secret_or_another_cluster_is_refused_with_the_reason(start_node, start_server):
    one, two = start_node("one"), start_node("two")
    stranger = start_server("--cluster-name", "stranger", name="stranger")  # with a secret of its own
    done = one.command("node", "connect", stranger.admin.get("/v1/cluster")["address"]).expect(FAILED)
    assert "secret" in done.errors and "port for nodes" in done.errors and "fresh" not in done.errors
    one.command("node", "connect", two.admin.get("/v1/cluster")["address"]).expect(DONE)
    three, four = start_node("three"), start_node("four")
    three.command("node", "connect", four.admin.get("/v1/cluster")["address"]).expect(DONE)
    done = one.command("node", "connect", three.admin.get("/v1/cluster")["address"]).expect(FAILED)
    assert "a member of another cluster" in done.errors and "must be fresh" in done.errors
    assert "secret" not in done.errors
    assert len(one.admin.get("/v1/cluster")["nodes"]) == 2


@pytest.mark.parametrize("words, code", [
    (["connect"], USAGE), (["connect", "a", "b"], USAGE), (["connect", "a", "--timeout", "0"], USAGE),
    (["connect", "no port"], FAILED), (["remove"], USAGE), (["remove", "nobody"], NOT_FOUND), (["id", "x"], USAGE),
    (["list", "x"], USAGE), (["nonsense"], USAGE),
])
def test_what_cannot_be_is_refused(server, words, code):
    assert server.command("node", *words).expect(code).errors


@pytest.mark.parametrize("command", ["id", "connect", "list", "remove"])
def test_every_command_explains_itself(command):
    done = skerry.run("node", command, "--help").expect(DONE)
    assert f"skerry node {command}" in done.text and "Examples:" in done.text and done.errors == ""


def test_with_a_timeout_it_tries_on(server):
    """Where every connection is closed at once; without one it is four."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(skerry.TIMEOUT_S)
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [skerry.BIN, "node", "connect", target, "--timeout", "3600", "--data-dir", str(server.directory)]
        process = subprocess.Popen(command, env=skerry.clean_environment(), stderr=subprocess.DEVNULL)
        try:
            for _ in range(6):
                listener.accept()[0].close()
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()
