"""What is measured: real processes on loopback, the servers on one core, the generator on another.

Redis keeps every write it acknowledges (`appendfsync always`) in its append-only file, on the same file system.
"""

import contextlib
import json
import os
import pathlib
import queue
import re
import shutil
import socket
import subprocess
import threading
import time

READY = re.compile(r"msg=\"?ready")
START_S = 60  # no start may take longer
RUN_S = 900  # no measurement may take longer


class Failure(Exception):
    """A measurement that is worth nothing, and why."""


def cores():
    """(of the servers, of the generator): two where there are two."""
    free = sorted(os.sched_getaffinity(0))
    return free[0], free[1 % len(free)]


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


class Process:
    """A child whose output is read line by line as it comes."""

    def __init__(self, command, core):
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, preexec_fn=pinned(core))
        self.lines, self.kept = queue.Queue(), []
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    def _read(self, stream):
        for line in stream:
            self.lines.put((time.monotonic(), line))
        self.lines.put((time.monotonic(), None))

    def wait_for(self, pattern):
        """(match, seconds since the process was asked for) of the first line that has the pattern."""
        while True:
            try:
                moment, line = self.lines.get(timeout=START_S)
            except queue.Empty:
                raise Failure(f"{self.process.args[0]} says nothing for {START_S} s") from None
            if line is None:
                raise Failure(f"{self.process.args[0]} ended:\n{''.join(self.kept)}")
            self.kept.append(line)
            match = re.search(pattern, line)
            if match:
                return match, moment - self.started

    def memory_kib(self, field):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, flags=re.M).group(1))

    def kill(self):
        self.process.kill()
        self.process.wait()


class World:
    """One temporary directory, two cores, and whoever runs there."""

    def __init__(self, build, directory):
        self.skerry, self.bench = build / "skerry", build / "skerry-bench"
        for program in (self.skerry, self.bench):
            if not os.access(program, os.X_OK):
                raise Failure(f"there is no {program}")
        self.redis = shutil.which("redis-server")
        self.directory = directory
        self.server_core, self.client_core = cores()
        self.processes = []

    @contextlib.contextmanager
    def running(self, process):
        self.processes.append(process)
        try:
            yield process
        finally:
            process.kill()
            self.processes.remove(process)

    def path(self, name):
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def start_node(self, name):
        """(process, seconds until it serves) of a node with the data directory `name`."""
        node = Process([self.skerry, "server", "--data-dir", self.path(name), "--k2v-listen", "127.0.0.1:0",
                        "--admin-listen", "127.0.0.1:0", "--rpc-listen", "127.0.0.1:0"],
                       self.server_core)
        try:
            _, seconds = node.wait_for(READY)
        except Failure:
            node.kill()
            raise
        return node, seconds

    @contextlib.contextmanager
    def node(self, name):
        process, _ = self.start_node(name)
        process.env_file = self.directory / name / "demo.env"
        with self.running(process):
            yield process

    @contextlib.contextmanager
    def bare(self, answer_bytes, value_bytes):
        """The bare server, asked with the very requests a node got."""
        process = Process([self.bench, "bare", "--answer-bytes", str(answer_bytes), "--value-bytes",
                           str(value_bytes)], self.server_core)
        with self.running(process):
            match, _ = process.wait_for(r'"port": (\d+)')
            process.address = f"127.0.0.1:{match.group(1)}"
            yield process

    @contextlib.contextmanager
    def redis_server(self):
        process = self._start_redis()
        with self.running(process):
            yield process

    def _start_redis(self):
        for _ in range(5):  # Redis cannot take port 0: a port that was free a moment ago may be gone
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            process = Process([self.redis, "--port", str(port), "--bind", "127.0.0.1", "--dir", self.path("redis"),
                               "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                               "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"], self.server_core)
            try:
                process.wait_for("Ready to accept connections")
            except Failure:
                process.kill()
                continue
            process.address = f"127.0.0.1:{port}"
            return process
        raise Failure("redis-server does not start")

    def _run(self, core, *words):
        command = [str(self.bench), *map(str, words)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_S,
                              preexec_fn=pinned(core))
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)}:\n{done.stderr}")
        return json.loads(done.stdout)

    def load_command(self, process, **flags):
        if hasattr(process, "env_file"):
            flags["env_file"] = process.env_file
        elif hasattr(process, "address"):
            flags["address"] = process.address
        words = [str(self.bench), "load", "--server-pid", str(process.pid)]
        for name, value in flags.items():
            words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        return words

    def load(self, process, **flags):
        """One run of the generator against a process."""
        return self._run(self.client_core, *self.load_command(process, **flags)[1:])

    def raw(self, command, directory, **flags):
        """One run of a ceiling without a server, on the servers' core."""
        words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", value)]
        return self._run(self.server_core, command, "--directory", self.path(directory), *words)

    def file_system(self):
        lines = subprocess.run(["stat", "--file-system", "--format", "%T", self.directory], capture_output=True,
                               text=True, check=True)
        return lines.stdout.strip()
