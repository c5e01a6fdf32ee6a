"""`node/run --cluster`: the one command, as a person types it."""

import os
import pathlib
import random
import re
import signal
import socket
import subprocess

import pytest

import skerry

RUN = skerry.ROOT / "node" / "run"
SPAN = 10  # ports of a node


def free_base(nodes):
    """A base whose ports are all free now; nobody else of these tests asks for ports of a number."""
    numbers = random.Random(os.getpid())
    while True:
        base = numbers.randrange(1100, 3000) * 10
        try:
            for i in range(nodes):
                for offset in (1, 3, 4):
                    with socket.create_server(("127.0.0.1", base + SPAN * i + offset)):
                        pass
        except OSError:
            continue
        return base


def run(*words):
    return subprocess.Popen([str(RUN), "--cluster", *map(str, words)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                            env=skerry.clean_environment(SKERRY_DATA_DIR="/nonexistent"))


def read_until(stream, pattern):
    said = []
    for line in stream:
        said.append(line)
        if re.search(pattern, line):
            return "".join(said)
    raise AssertionError("".join(said))


def children(process):
    """Of the script: the servers."""
    found = subprocess.run(["pgrep", "-P", str(process.pid), "-x", "skerry"], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def started():
    processes = []
    yield processes.append
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def test_one_command_starts_a_cluster_reports_a_death_and_leaves_nothing(tmp_path, started):
    directory = tmp_path / "cluster"
    base = free_base(3)
    words = [3, "--zones", 3, "--base-port", base, "--data-dir", directory, "--program", skerry.BIN]
    layouts = []
    for turn in range(2):
        process = run(*words)
        started(process)
        said = read_until(process.stdout, r"k2v insert|status --data-dir.*node1$")
        for i in range(3):
            for offset in (1, 3, 4):
                assert f"127.0.0.1:{base + SPAN * i + offset}" in said
        shown = skerry.run("layout", "show", "-o", "json", environment={"SKERRY_DATA_DIR": directory / "node2"})
        layouts.append(shown.expect(0).json()["in_force"])
        assert {node["zone"] for node in layouts[-1]["nodes"]} == {"z1", "z2", "z3"}
        nodes = children(process)
        assert len(nodes) == 3
        if turn == 0:
            assert oct((directory / "rpc.secret").stat().st_mode & 0o777) == "0o600"
            os.kill(nodes[1], signal.SIGKILL)
            assert "node2 has ended with exit code 137" in read_until(process.stderr, "has ended")
        os.kill(process.pid, signal.SIGINT)
        rest, logged = process.communicate(timeout=skerry.TIMEOUT_S)
        assert process.returncode == 0, rest + logged
        assert re.search(r"^node1  time=\S+ level=info msg=stopped$", logged, flags=re.M), logged
        assert not any(is_alive(pid) for pid in nodes)
    assert layouts[0]["hash"] == layouts[1]["hash"], "the second time finds the data of the first"


def test_no_node_outlives_the_script(tmp_path, started):
    base = free_base(1)
    process = run(1, "--base-port", base, "--data-dir", tmp_path / "one", "--program", skerry.BIN)
    started(process)
    read_until(process.stderr, "msg=ready")
    nodes = children(process)
    assert len(nodes) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=skerry.TIMEOUT_S)  # its log ends when it does
    assert not is_alive(nodes[0])


@pytest.mark.parametrize("words, why", [
    (["0"], "--cluster wants a number from 1 to 64"), (["65"], "--cluster wants a number from 1 to 64"),
    (["x"], "--cluster wants"), (["3", "--zones", "4"], "--zones wants a number from 1 to 3"),
    (["3", "--replication", "4"], "--replication wants a number from 1 to 3"),
    (["3", "--base-port", "65530"], "--base-port wants"), (["3", "--zones"], "--zones needs a value"),
    (["3", "--fast", "1"], "--cluster knows no --fast"),
])
def test_a_command_line_that_cannot_be_is_refused_before_anything_is_done(words, why):
    done = subprocess.run([str(RUN), "--cluster", *words], capture_output=True, text=True, timeout=skerry.TIMEOUT_S)
    assert done.returncode == 2 and why in done.stderr, done
