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
    server.command("status", "--check").expect(DONE)


def test_json_has_both(server):
    told = server.command("status", "-o", "json").expect(DONE).json()
    assert told["cluster"]["verdict"] == "well"
    assert told["cluster"]["node"] == server.admin.get("/v1/cluster")["node"]
    assert told["node"] == server.admin.status()["node"]


def node(name, **members):
    row = {"node": name * 16, "name": name, "self": False, "state": "alive", "role": None, "address": "h:1",
           "round_trip_us": 1500, "clock_offset_us": None, "documents_equal": True, "since_s": 61, "quarantined": False}
    return {**row, **members}


SICK = {
    "verdict": "degraded", "summary": "1 of 3 nodes are up, layout 7, documents differ on 1 node",
    "problems": ["c is down since 5 min", "\x1b[31mred"], "staged_changes": 2,
    "nodes": [node("a", self=True), node("b", clock_offset_us=-630_000_000, documents_equal=False),
              node("\x1b[2J", state="down", role={"zone": "oslo", "capacity": 2**40, "partitions": 12})],
    "zones": [{"zone": "oslo", "nodes": 1, "up": 0, "capacity": 2**40, "partitions": 12}],
}


@pytest.mark.parametrize("check, code", [([], DONE), (["--check"], FAILED)])
def test_what_is_stuck_is_named_and_nothing_steers_a_terminal(tmp_path, check, code):
    """A sick cluster takes a while to make: here the answers of the server are given."""
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
                body = json.dumps(SICK if b"/v1/cluster" in seen else {"version": "9"}).encode()
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        address = "http://127.0.0.1:%d" % listener.getsockname()[1]
        done = skerry.run("status", *check, "--admin-endpoint", address, "--admin-token-file", tmp_path / "token")
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    lines = done.expect(code).text.splitlines()
    assert lines[:4] == ["degraded: 1 of 3 nodes are up, layout 7, documents differ on 1 node",
                         "  ! c is down since 5 min", "  ! ?[31mred",
                         "  2 changes of the layout are staged, not applied (`skerry layout plan`)"]
    assert "\x1b" not in done.text
    (row,) = [line for line in lines if line.startswith("b" * 16)]
    assert "1.50 ms" in row and "-10 min" in row and "differ" in row and "alive 1 min" in row
    assert "0 of 1   1.0 TiB" in done.text and "down 1 min" in done.text
