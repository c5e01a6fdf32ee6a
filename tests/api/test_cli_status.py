"""`skerry status`: one screen, the verdict first."""

import json
import socket
import threading

import pytest

import skerry

DONE, FAILED = range(2)


def test_the_verdict_comes_first_then_nodes_then_the_server(server):
    lines = server.command("status").expect(DONE).text.splitlines()
    assert lines[0] == "well: 1 of 1 node is up, no layout, all documents equal"
    assert lines[2].startswith("NODE ") and "this node" in lines[3]
    assert any(line.startswith("version ") for line in lines) and any("store.writes" in line for line in lines)
    assert len(lines) < 24 and max(map(len, lines)) <= 80
    server.command("status", "--check").expect(DONE)


def test_json_has_both(server):
    told = server.command("status", "-o", "json").expect(DONE).json()
    assert told["cluster"]["verdict"] == "well"
    assert told["cluster"]["node"] == server.admin.get("/v1/cluster")["node"]
    assert told["node"] == server.admin.status()["node"]


def test_a_cluster_without_hands_says_on_what_its_layout_waits(start_server):
    server = start_server("--cluster-bootstrap", "auto", "--cluster-zone", "here", "--cluster-capacity", "1000000",
                          "--cluster-peers", "127.0.0.1:1")
    told = server.admin.get("/v1/cluster")
    assert told["layout"] is None and told["no_layout_because"]
    lines = server.command("status").expect(DONE).text.splitlines()
    assert f"  no layout yet: {told['no_layout_because']}" in lines


def node(name, **members):
    row = {"node": name * 16, "name": name, "self": False, "state": "alive", "role": None, "address": "h:1",
           "round_trip_us": 1500, "clock_offset_us": None, "documents_equal": True, "since_s": 61, "quarantined": False}
    return {**row, **members}


SICK = {
    "verdict": "degraded", "summary": "1 of 3 nodes are up, layout 7, documents differ on 1 node",
    "problems": ["c is down since 5 min", "\x1b[31mred"], "staged_changes": 2, "lost_versions": 1,
    "nodes": [node("a", self=True), node("b", clock_offset_us=-630_000_000, documents_equal=False),
              node("\x1b[2J", state="down", role={"zone": "oslo", "capacity": 2**40, "partitions": 12})],
    "zones": [{"zone": "oslo", "nodes": 1, "up": 0, "capacity": 2**40, "partitions": 12}],
}


@pytest.fixture
def status_of(tmp_path):
    """`skerry status` of a server with these answers: a sick cluster takes a while to make."""
    (tmp_path / "token").write_text("token-token-token-token")
    (tmp_path / "token").chmod(0o600)

    def answer(listener, cluster):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return  # the test is over
            with stream:
                seen = b""
                while b"\r\n\r\n" not in seen:
                    seen += stream.recv(65536) or b"\r\n\r\n"
                body = json.dumps(cluster if b"/v1/cluster" in seen else {"version": "9"}).encode()
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def run(cluster, *flags):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer, args=(listener, cluster), daemon=True)
            thread.start()
            address = "http://127.0.0.1:%d" % listener.getsockname()[1]
            done = skerry.run("status", *flags, "--admin-endpoint", address, "--admin-token-file", tmp_path / "token")
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        return done

    return run


@pytest.mark.parametrize("check, code", [([], DONE), (["--check"], FAILED)])
def test_what_is_stuck_is_named_and_nothing_steers_a_terminal(status_of, check, code):
    done = status_of(SICK, *check)
    lines = done.expect(code).text.splitlines()
    assert lines[:6] == ["degraded: 1 of 3 nodes are up, layout 7, documents differ on 1 node",
                         "  ! c is down since 5 min", "  ! ?[31mred",
                         "  2 changes of the layout are staged, not applied (`skerry layout plan`)",
                         "  1 layout version lost against another of the same number: apply what of it is",
                         "  staged, or revert (`skerry layout show`)"]
    assert "\x1b" not in done.text
    (row,) = [line for line in lines if line.startswith("b" * 8)]
    assert "1.50 ms" in row and "-10 min" in row and "documents not equal" in row and "alive 1 min" in row
    assert "0 of 1   1.0 TiB" in done.text and "down 1 min" in done.text


def test_members_without_a_layout_are_told_what_to_do(status_of):
    told = {**SICK, "layout": None, "no_layout_because": None, "staged_changes": 0, "lost_versions": 0, "problems": []}
    assert "  no layout yet: give nodes their roles (`skerry layout assign`)" in status_of(told).expect(DONE).text


def test_of_a_hundred_nodes_what_is_wrong_is_on_one_screen(status_of):
    """A site of fifty is cut off: the first are named, and how many more there are."""
    nodes = [node(f"n{i}", node=f"{i:064x}", self=i == 0, state="down" if i % 2 else "alive") for i in range(100)]
    problems = [f"n{i} is down since 5 min" for i in range(1, 100, 2)]
    told = {**SICK, "problems": problems, "nodes": nodes, "staged_changes": 0, "lost_versions": 0}
    lines = status_of(told).expect(DONE).text.splitlines()
    assert len(lines) < 40 and max(map(len, lines)) <= 80
    assert lines[1:10] == [*(f"  ! {problem}" for problem in problems[:8]), "  ! and 42 more (-o json shows all)"]
    assert "and 84 more nodes (`skerry node list` shows all)" in lines
    assert sum("down 1 min" in line for line in lines) == 15 and any("this node" in line for line in lines)


def test_five_healthy_nodes_fit_a_terminal(status_of):
    role = {"zone": "paris", "capacity": 10**11, "partitions": 614}
    nodes = [node(f"node{i}", node=f"{i:064x}", self=i == 0, role=role, address="192.168.1.100:3901",
                  clock_offset_us=-239, since_s=300000) for i in range(5)]
    told = {**SICK, "verdict": "well", "summary": "5 of 5 nodes are up", "problems": [], "nodes": nodes,
            "staged_changes": 0, "lost_versions": 0}
    lines = status_of(told).expect(DONE).text.splitlines()
    assert len(lines) < 24 and max(map(len, lines)) <= 90  # two of an address and three of an age are much
