"""Several real nodes, each behind a gate of a network of ours, by configuration files."""

import os
import pathlib
import secrets
import shutil
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

import proxy  # noqa: E402
import skerry  # noqa: E402

SHIMS = pathlib.Path(skerry.BIN).resolve().parent / "shim"
CAPACITY = 100_000_000_000
LOOK_S = 0.05  # between two looks at all nodes: they have work of their own

# Short periods make minutes seconds. The sanitizers' nodes are slow: a late answer must not look like a dead node.
SLOW = os.environ.get("SKERRY_TEST_SLOW") or "asan" in skerry.BIN or "tsan" in skerry.BIN or "coverage" in skerry.BIN
PROBE_INTERVAL_MS = 400 if SLOW else 150


def until(look, what):
    """Look again and again until it is true, and return that; `look` may return what it saw as (False, seen). A node that
    joins opens its database again, and all its connections end: then too."""
    deadline = time.monotonic() + skerry.TIMEOUT_S
    pause = threading.Event()
    while True:
        try:
            seen = look()
        except OSError as error:
            seen = (False, repr(error))
        is_right = seen[0] if isinstance(seen, tuple) else seen
        if is_right:
            return seen
        assert time.monotonic() < deadline, f"{what}: still {seen}"
        pause.wait(LOOK_S)


def wall_clock(offset_s):
    """The environment of a process whose wall clock is off."""
    return {"LD_PRELOAD": os.fspath(SHIMS / "shim_wall.so"), "SHIM_WALL_OFFSET_S": offset_s}


class Node:
    """One node; `index` makes its addresses: 127.1.0.INDEX, and 127.2.0.INDEX of its gate."""

    def __init__(self, cluster, index, zone, directory=None):
        self.cluster = cluster
        self.index = index
        self.name = f"node{index}"
        self.zone = zone
        self.host = f"127.1.0.{index}"
        self.directory = directory or cluster.path / self.name
        self.process = None
        self.environment = {}
        self.gate = None
        self.peers = []
        self.bootstrap = "auto"
        self.secret_file = None  # its own: so that one can be changed alone

    def make_gate(self):
        self.gate = self.cluster.network.add(self.name, self.host, f"127.2.0.{self.index}")
        return self.gate.address

    def write_config(self):
        self.secret_file = self.cluster.path / f"{self.name}.secret"
        if not self.secret_file.exists():
            self.cluster.write_secret(self, [self.cluster.secret])
        peers = ", ".join(f'"{peer}"' for peer in self.peers)
        self.config = self.cluster.path / f"{self.name}.toml"
        self.config.write_text(
            f'data_dir = "{self.directory}"\n'
            '[k2v]\nlisten = "127.0.0.1:0"\ndemo = false\n[admin]\nlisten = "127.0.0.1:0"\n'
            f'[rpc]\nlisten = "{self.host}:0"\npublic_addr = "{self.gate.address}"\n'
            f'secret_file = "{self.secret_file}"\nprobe_interval_ms = {PROBE_INTERVAL_MS}\n'
            f'[cluster]\nname = "{self.name}"\nzone = "{self.zone}"\ncapacity = {CAPACITY}\n'
            f'peers = [{peers}]\nbootstrap = "{self.bootstrap}"\nreplication = {self.cluster.replication}\n')

    def launch(self):
        self.write_config()
        self.process = skerry.Server(self.directory, "--config", str(self.config), start=False,
                                     environment=self.environment,
                                     without=("--rpc-listen", "--k2v-listen", "--admin-listen", "--data-dir"))
        self.process.launch()
        self.cluster.processes.append(self.process)

    def meet(self):
        """Wait until it serves, and let its gate lead to it."""
        process = self.process
        match = process.wait_for_line(skerry.READY)
        process.url, process.admin_url = match.group(1), match.group(2)
        process.address, process.admin_address = process._address(process.url), process._address(process.admin_url)
        process.admin = skerry.Admin(process.admin_address, (self.directory / "admin.token").read_text().strip())
        host, _, port = (self.directory / "rpc.endpoint").read_text().strip().rpartition(":")
        self.cluster.network.lead(self.name, host, int(port))

    def start(self):
        self.launch()
        self.meet()
        return self

    def kill(self):
        self.process.kill()

    def take_secrets(self, lines):
        """These are in its file of the cluster's secrets from now on, and read again."""
        self.cluster.write_secret(self, lines)
        count = sum("settings read again" in line for line in self.process.log)
        self.process.process.send_signal(signal.SIGHUP)
        until(lambda: sum("settings read again" in line for line in self.process.log) > count, "it was read")

    def log(self):
        return "\n".join(self.process.log)

    # What it says.

    @property
    def admin(self):
        return self.process.admin

    def status(self):
        return self.admin.get("/v1/cluster")

    def id(self):
        return self.status()["node"]

    def layout(self):
        """(version, hash) in force, or None."""
        layout = self.status()["layout"]
        return layout and (layout["version"], layout["hash"])

    def sees(self):
        """{name of node: its state}."""
        return {node["name"] or node["node"]: node["state"] for node in self.status()["nodes"]}

    def buckets(self):
        answer = self.admin.get("/v1/buckets")
        rows = answer["buckets"] if isinstance(answer, dict) else answer
        return sorted(alias for row in rows for alias in row["aliases"])


class Cluster:
    def __init__(self, path, replication=3):
        self.path = pathlib.Path(path)
        self.network = proxy.Network(skerry.seed())
        self.secret = secrets.token_hex(32)
        self.replication = replication
        self.nodes = []
        self.processes = []

    def write_secret(self, node, lines):
        node.secret_file.touch(mode=0o600)
        node.secret_file.write_text("".join(f"{line}\n" for line in lines))

    def add(self, index, zone, **options):
        node = Node(self, index, zone, **options)
        node.make_gate()
        self.nodes.append(node)
        return node

    def form(self, count, zones):
        """`count` nodes over `zones` zones, by their configuration alone."""
        for index in range(1, count + 1):
            self.add(index, f"z{(index - 1) % zones + 1}")
        peers = [node.gate.address for node in self.nodes]
        for node in self.nodes:
            node.peers = peers
            node.launch()
        for node in self.nodes:
            node.meet()
        self.wait_until_whole()
        return self

    def wait_until_whole(self, nodes=None):
        """All (or these) see all alive, with the same documents and one layout that has every one of them."""
        nodes = nodes or self.nodes
        names = {node.name for node in nodes}

        def look():
            statuses = [node.status() for node in nodes]
            layouts = {str(status["layout"] and status["layout"]["hash"]) for status in statuses}
            sees = [{node["name"]: node["state"] for node in status["nodes"]} for status in statuses]
            is_alive = all(set(seen) == names and set(seen.values()) == {"alive"} for seen in sees)
            is_equal = all(node["documents_equal"] for status in statuses for node in status["nodes"])
            has_roles = all(node["role"] for status in statuses for node in status["nodes"])
            return is_alive and is_equal and has_roles and len(layouts) == 1, (sees, layouts, is_equal, has_roles)

        until(look, "the cluster is whole")

    def wait_for_states(self, nodes, of, state):
        """Each of `nodes` sees each of `of` in the state."""
        def look():
            seen = {node.name: {other.name: node.sees().get(other.name) for other in of} for node in nodes}
            return all(value == state for row in seen.values() for value in row.values()), seen
        until(look, f"{[node.name for node in of]} are {state}")

    def copy_directory(self, node, name):
        directory = self.path / name
        shutil.copytree(node.directory, directory, ignore=shutil.ignore_patterns("*.endpoint", "skerry.lock"))
        return directory

    def close(self):
        for process in self.processes:
            process.kill()
        self.network.close()
        for process in self.processes:
            process.check_log()

    def stop(self):
        """In order, and each must end so."""
        for node in self.nodes:
            if node.process is not None and node.process.process.poll() is None:
                node.process.stop()

    def tails(self):
        return "\n\n".join(f"--- {node.name}\n{node.process.tail()}" for node in self.nodes if node.process)
