"""A node under a service manager: settings read again, states told, a terminal that goes away, the unit."""

import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess

import pytest

import disk_shim
import skerry
from skerry import TIMEOUT_S, Client

UNIT = skerry.ROOT / "node" / "skerry.service.in"


def reload(server, pattern="settings read again"):
    """SIGHUP, and the line that tells what came of it."""
    seen = len(server.log)
    server.process.send_signal(signal.SIGHUP)
    deadline = skerry.time.monotonic() + TIMEOUT_S
    with server.changed:
        while True:
            lines = [line for line in server.log[seen:] if re.search("settings (not )?read again", line)]
            if lines:
                break
            assert server.changed.wait(deadline - skerry.time.monotonic()), server.tail()
    assert re.search(pattern, lines[0]), lines[0]
    return [line for line in server.log[seen:]]


@pytest.fixture
def configured(start_server, tmp_path):
    """A server with a file of settings, and a way to write it anew."""
    path = tmp_path / "skerry.toml"
    listen = 'listen = "127.0.0.1:0"'

    def write(top="", k2v="", admin=""):
        path.write_text(f"{top}\n[k2v]\n{listen}\n{k2v}\n[admin]\n{listen}\n{admin}\n")

    write()
    server = start_server("--config", path, "--k2v-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
    server.write_settings = write
    return server


@pytest.fixture
def client(configured):
    key = configured.admin.create_key("service")
    configured.admin.create_bucket("service")
    configured.admin.allow("service", key)
    client = Client(configured, key, "service")
    yield client
    client.close()


def test_limits_and_the_log_level_are_taken_over_while_serving(configured, client):
    client.put("p", "a", b"12345").expect(204)
    token = client.token("p", "a")
    waiting = client.start_poll("p", "a", token)
    configured.write_settings('log_level = "debug"', "max_value_bytes = 4")
    lines = reload(configured, "changed=2 waiting=0 new_token=false")
    assert not [line for line in lines if "restart" in line]
    client.put("p", "a", b"12345").expect(413)
    assert configured.wait_for_line("msg=request .*status=413"), "requests are logged now"
    assert waiting.is_waiting(), "who waits was not disturbed"
    client.put("p", "a", b"1234", token).expect(204)
    assert waiting.answer().status == 200
    configured.write_settings()
    reload(configured, "changed=2 ")
    client.put("p", "a", b"12345").expect(204)


def test_with_one_mistake_nothing_is_taken_over(configured, client):
    configured.write_settings(k2v="max_value_bytes = 4\nmax_memory = 1")
    lines = reload(configured, "not read again")
    assert any("max_memory" in line and "no such setting" in line for line in lines), lines
    client.put("p", "a", b"12345").expect(204)
    configured.write_settings(k2v="max_value_bytes = 4")
    reload(configured, "changed=1 ")
    client.put("p", "a", b"12345").expect(413)


def test_what_needs_a_restart_is_named_and_the_rest_is_taken(configured, client):
    configured.write_settings(k2v='region = "harbour"\nmax_value_bytes = 4')
    lines = reload(configured, "changed=1 waiting=1")
    assert any("waits for a restart" in line and "--k2v-region" in line for line in lines), lines
    client.put("p", "a", b"12345").expect(413)
    client.put("p", "a", b"1234").expect(204)


def test_the_operators_token_is_changed_without_a_restart(configured, client):
    old = configured.admin.token
    path = configured.directory / "admin.token"
    path.write_text("a-new-token-of-the-operator\n")
    reload(configured, "changed=0 waiting=0 new_token=true")
    assert configured.admin.call("GET", "/v1/status", token=old).status == 401
    configured.admin.token = "a-new-token-of-the-operator"
    configured.admin.status()

    path.chmod(0o644)
    path.write_text("a-token-that-everybody-reads\n")
    reload(configured, "not read again.*admin.token")
    configured.admin.status()
    path.unlink()
    reload(configured, "not read again.*admin.token is missing")
    configured.admin.status()


def test_a_token_that_follows_from_the_directory_waits_with_it(start_server, tmp_path):
    path = tmp_path / "skerry.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n')
    server = start_server("--config", path, without=("--data-dir",))
    other = tmp_path / "other"
    path.write_text(f'log_level = "debug"\ndata_dir = "{other}"\n')
    lines = reload(server, "changed=1 waiting=2 new_token=false")
    waiting = {name for line in lines for name in re.findall(r"waits for a restart\" setting=(\S+)", line)}
    assert waiting == {"--data-dir", "--seal-key-file"}

    other.mkdir(mode=0o700)
    os.close(os.open(other / "admin.token", os.O_CREAT | os.O_WRONLY, 0o600))
    (other / "admin.token").write_text("a-token-of-another-node\n")
    reload(server, "changed=0 waiting=2 new_token=false")
    server.admin.status()


def test_less_memory_is_refused_to_the_next_and_left_to_those_who_have_it(configured, client):
    configured.write_settings(k2v="max_memory_bytes = 1048576")
    reload(configured, "changed=1 ")
    client.put("p", "big", b"x" * 4_000_000).expect(503)
    client.put("p", "small", b"x").expect(204)
    configured.write_settings()
    reload(configured, "changed=1 ")
    client.put("p", "big", b"x" * 4_000_000).expect(204)


# --- the manager ------------------------------------------------------------------------------------------------


@pytest.fixture
def manager(tmp_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "manager"))
    listener.settimeout(TIMEOUT_S)
    yield listener
    listener.close()


def heard(manager):
    """The next message that is not a sign of life."""
    while True:
        message = manager.recv(4096).decode()
        if message != "WATCHDOG=1":
            return message


def test_a_manager_is_told_of_every_state(start_server, manager):
    server = start_server(environment={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000000"})
    assert heard(manager) == f"READY=1\nSTATUS=serving K2V at {server.url}"
    reload(server)
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", heard(manager))
    assert heard(manager).startswith("READY=1\n")
    assert manager.recv(4096) == b"WATCHDOG=1", "a sign of life a second"
    server.stop()
    assert heard(manager).startswith("STOPPING=1\n")


def test_a_closed_terminal_ends_a_node_that_was_started_in_it(tmp_path):
    command = [skerry.BIN, "server", "--data-dir", str(tmp_path / "data"), "--k2v-listen", "127.0.0.1:0",
               "--admin-listen", "127.0.0.1:0", "--rpc-listen", "127.0.0.1:0"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, skerry.clean_environment())
    said = b""
    while b"msg=ready" not in said:
        said += os.read(terminal, 4096)
    os.kill(pid, signal.SIGHUP)
    while b"settings read again" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


# --- the unit ---------------------------------------------------------------------------------------------------


def unit(tmp_path):
    path = tmp_path / "skerry.service"
    path.write_text(UNIT.read_text().replace("@SKERRY_BINDIR@/skerry", skerry.BIN))
    assert "@" not in re.sub(r"^SystemCallFilter=.*$", "", path.read_text(), flags=re.M)
    return path


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_correct_and_hardened(tmp_path):
    path = unit(tmp_path)
    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
    about = [line for line in checked.stderr.splitlines() if "skerry.service" in line]
    assert checked.returncode == 0 and not about, checked.stderr
    graded = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", path],
                            capture_output=True, text=True)
    assert graded.returncode == 0, "exposure above 2.0 of 10:\n" + graded.stdout + graded.stderr


def threads_that_take(server, number):
    """Of each thread of the process: its name, unless it lets no signal `number` through to itself."""
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
    for task in sorted(tasks.iterdir()):
        blocked = re.search(r"^SigBlk:\s*(\w+)$", (task / "status").read_text(), re.MULTILINE).group(1)
        if not int(blocked, 16) >> (number - 1) & 1:
            yield int(task.name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_reaches_the_loop_and_no_other_thread(start_server, number):
    """Names of nodes are asked for by threads of their own, which come with the first question."""
    server = start_server("--cluster-peers", "nowhere.invalid:1")
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
    deadline = skerry.time.monotonic() + TIMEOUT_S
    while len(list(tasks.iterdir())) < 6 and skerry.time.monotonic() < deadline:
        server.admin.status()
    taking = []
    while not taking and skerry.time.monotonic() < deadline:  # the loop itself holds them back for moments
        taking = list(threads_that_take(server, number))
        assert set(taking) <= {server.process.pid}
    assert taking


# --- the directory ----------------------------------------------------------------------------------------------


def test_an_empty_database_file_is_not_taken_for_a_new_node(start_server):
    server = start_server()
    server.stop()
    os.truncate(server.directory / "data.mdb", 0)
    server.launch()
    assert server.end() == 1
    assert str(server.directory / "data.mdb") + " is empty" in server.tail()


def test_a_database_that_was_moved_away_is_told_once(start_server):
    server = start_server()
    os.rename(server.directory / "data.mdb", server.directory / "elsewhere.mdb")
    server.wait_for_line("level=error .*data.mdb was moved or removed")
    os.rename(server.directory / "elsewhere.mdb", server.directory / "data.mdb")
    server.stop()
    assert sum("moved or removed" in line for line in server.log) == 1


@pytest.mark.skipif(disk_shim.IS_SLOW, reason="a sanitizer takes address space of its own")
@pytest.mark.parametrize("limit_kib", [60_000, 100_000])
def test_a_start_without_room_for_its_memory_says_so(tmp_path, limit_kib):
    said = subprocess.run(["sh", "-c", f'ulimit -v {limit_kib}; exec "$0" "$@"', skerry.BIN, "server", "--data-dir",
                           tmp_path / "data", "--k2v-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
                           "--rpc-listen", "127.0.0.1:0", "--store-map-bytes", "20000000"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S,
                          env=skerry.clean_environment())
    assert said.returncode == 1 and 'why="out of memory"' in said.stderr, said.stderr
