"""A real `skerry server` on loopback, its admin API, its command line, and clients that speak K2V to it."""

import base64
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import threading
import time
from urllib.parse import quote, urlsplit

import sign
import wire
from wire import TIMEOUT_S

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("SKERRY_BIN", str(ROOT / "build" / "skerry"))
READY = re.compile(r'msg="?ready"?\s.*?\bk2v="?([^\s"]+)"? .*?\badmin="?([^\s"]+)')
EMPTY_TOKEN = "AAAAAAAAAAA"


def seed():
    """The seed of all random parts: SEED from outside, else a fixed one."""
    return int(os.environ.get("SEED", "20260102"))


def clean_environment(**more):
    """This process's environment without anything that could steer skerry or a signer, and `more`."""
    foreign = ("SKERRY_", "K2V_", "AWS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    kept.setdefault("ASAN_OPTIONS", "abort_on_error=0:detect_leaks=1")
    return {**kept, **{name: str(value) for name, value in more.items()}}


def b64(value):
    return None if value is None else base64.b64encode(value).decode()


def unb64(text):
    return None if text is None else base64.b64decode(text, validate=True)


def key_text(text):
    """A key as one path segment or query value."""
    return quote(text, safe="-_.~")


class Server:
    """One server process. Its log is kept; every wait is for a line of it or for its end."""

    def __init__(self, directory, *flags, environment=None, start=True, without=()):
        self.directory = pathlib.Path(directory)
        self.flags = list(flags)
        self.without = without  # flags that are left to the file
        self.environment = environment or {}
        self.process = None
        self.log = []
        if start:
            self.start()

    def launch(self):
        """Start the process and wait for nothing."""
        command = [BIN, "server"]
        for flag, value in (("--data-dir", str(self.directory)), ("--k2v-listen", "127.0.0.1:0"),
                            ("--admin-listen", "127.0.0.1:0"), ("--rpc-listen", "127.0.0.1:0")):
            if flag not in self.flags and flag not in self.without:
                command += [flag, value]
        self.changed = threading.Condition()
        self.log = []
        self.has_ended = False
        self.process = subprocess.Popen(command + self.flags, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=clean_environment(**self.environment))
        self.reader = threading.Thread(target=self._read_log, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def start(self):
        self.launch()
        return self.meet()

    def meet(self):
        """Wait until it serves, and learn where."""
        match = self.wait_for_line(READY)
        self.url, self.admin_url = match.group(1), match.group(2)
        self.address = self._address(self.url)
        self.admin_address = self._address(self.admin_url)
        self.host = urlsplit(self.url).netloc
        self.admin = Admin(self.admin_address, (self.directory / "admin.token").read_text().strip())
        return self

    @staticmethod
    def _address(url):
        parts = urlsplit(url)
        return parts.hostname, parts.port

    def _read_log(self, stream):
        for line in stream:
            with self.changed:
                self.log.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        stream.close()
        with self.changed:
            self.has_ended = True
            self.changed.notify_all()

    def tail(self, lines=40):
        return "\n".join(self.log[-lines:])

    def wait_for_line(self, pattern):
        """The match of the first log line that has `pattern`."""
        deadline, at = time.monotonic() + TIMEOUT_S, 0
        with self.changed:
            while True:
                for line in self.log[at:]:
                    match = re.search(pattern, line)
                    if match:
                        return match
                at = len(self.log)
                assert not self.has_ended, f"the server ended before a line with {pattern}:\n{self.tail()}"
                assert self.changed.wait(deadline - time.monotonic()), f"no line with {pattern}:\n{self.tail()}"

    def end(self):
        """The exit code, once the process has ended by itself; its log is then whole."""
        code = self.process.wait(TIMEOUT_S)
        self.reader.join(TIMEOUT_S)
        return code

    def stop(self):
        """SIGTERM, and what is promised of it."""
        self.process.send_signal(signal.SIGTERM)
        code = self.end()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.tail()}"
        self.check_log()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.end()

    def check_log(self):
        bad = [line for line in self.log if "Sanitizer" in line or "runtime error:" in line]
        assert not bad, f"a sanitizer spoke:\n{self.tail(80)}"

    def command(self, *arguments, **options):
        """Run a command of the operator against this server."""
        return run(*arguments, environment={"SKERRY_DATA_DIR": self.directory}, **options)


class Admin:
    """The admin API; one connection a call."""

    def __init__(self, address, token):
        self.address = address
        self.token = token

    def call(self, method, path, body=None, token=None, headers=()):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = [("Authorization", f"Bearer {token or self.token}")] if token != "" else []
        sent = [("Host", "admin"), *bearer, ("Content-Length", len(data)), ("Connection", "close"), *headers]
        answer, connection = wire.exchange(self.address, wire.request_bytes(method, path, sent, data), method)
        connection.close()
        return answer

    def get(self, path):
        return self.call("GET", path).expect(200).json()

    def status(self):
        return self.get("/v1/status")

    def create_bucket(self, alias):
        return self.call("POST", "/v1/buckets", {"alias": alias}).expect(200).json()

    def create_key(self, name="", region="garage"):
        answer = self.call("POST", "/v1/keys", {"name": name}).expect(200).json()
        return sign.Key(answer["key_id"], answer["secret"], region)

    def allow(self, bucket, key, read=True, write=True, owner=False):
        flags = {"key_id": key.id, "read": read, "write": write, "owner": owner}
        return self.call("POST", f"/v1/buckets/{bucket}/permissions", flags).expect(200).json()


class Pending:
    """A request whose answer may take a while, on a connection of its own."""

    def __init__(self, connection, method):
        self.connection = connection
        self.method = method

    def is_waiting(self):
        return self.connection.is_quiet()

    def answer(self):
        try:
            return self.connection.read(self.method)
        finally:
            self.connection.close()

    def abandon(self):
        self.connection.close()


class Client:
    """K2V for one key and one bucket, signed by botocore, over one connection that is kept."""

    def __init__(self, server, key, bucket):
        self.server = server
        self.key = key
        self.bucket = bucket
        self.connection = None

    def clone(self, key=None, bucket=None):
        return type(self)(self.server, key or self.key, bucket or self.bucket)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # Any request.

    def sign(self, method, target, headers, body):
        return sign.with_botocore(self.key, method, self.server.host, target, headers, body)

    def bytes_of(self, method, target, headers=(), body=b""):
        signed = self.sign(method, target, list(headers), body)
        if body or method in ("PUT", "POST", "SEARCH"):
            signed.append(("Content-Length", len(body)))
        return wire.request_bytes(method, target, signed, body)

    def send_raw(self, data, method="GET"):
        """Send bytes on the kept connection, opened again where it was closed between two requests."""
        if self.connection is not None and select.select([self.connection.socket], [], [], 0)[0]:
            self.close()
        if self.connection is None:
            self.connection = wire.Connection(self.server.address)
        try:
            answer = self._exchange(data, method)
        except BaseException:
            self.close()
            raise
        if answer.is_last:
            self.close()
        return answer

    def _exchange(self, data, method):
        """A server may answer before it has read all, and reads only so much of the rest: what it said is still
        there when sending breaks."""
        try:
            self.connection.send(data)
        except (BrokenPipeError, ConnectionResetError) as broken:
            try:
                return self.connection.read(method)
            except OSError:
                raise broken from None
        return self.connection.read(method)

    def request(self, method, target, headers=(), body=b""):
        return self.send_raw(self.bytes_of(method, target, headers, body), method)

    def start(self, method, target, headers=(), body=b""):
        connection = wire.Connection(self.server.address)
        connection.send(self.bytes_of(method, target, headers, body))
        return Pending(connection, method)

    # The API, each call by its name in the protocol.

    def bucket_target(self, query=""):
        return f"/{self.bucket}" + (f"?{query}" if query else "")

    def item_target(self, pk, sk, **query):
        fields = {"sort_key": sk, **{name: str(value) for name, value in query.items() if value is not None}}
        return f"/{self.bucket}/{key_text(pk)}?" + "&".join(f"{n}={key_text(v)}" for n, v in fields.items())

    def put(self, pk, sk, value, token=None):
        headers = [] if token is None else [("X-Garage-Causality-Token", token)]
        return self.request("PUT", self.item_target(pk, sk), headers, value)

    def get(self, pk, sk, accept=None):
        return self.request("GET", self.item_target(pk, sk), [] if accept is None else [("Accept", accept)])

    def delete(self, pk, sk, token=None):
        headers = [] if token is None else [("X-Garage-Causality-Token", token)]
        return self.request("DELETE", self.item_target(pk, sk), headers)

    def poll(self, pk, sk, token, timeout=1, accept=None):
        headers = [] if accept is None else [("Accept", accept)]
        return self.request("GET", self.item_target(pk, sk, causality_token=token, timeout=timeout), headers)

    def start_poll(self, pk, sk, token, timeout=TIMEOUT_S, accept=None):
        headers = [] if accept is None else [("Accept", accept)]
        return self.start("GET", self.item_target(pk, sk, causality_token=token, timeout=timeout), headers)

    def index(self, **query):
        fields = [f"{name}={key_text(str(value))}" for name, value in query.items() if value is not None]
        return self.request("GET", self.bucket_target("&".join(fields)))

    def json_request(self, method, target, body):
        return self.request(method, target, [], json.dumps(body, ensure_ascii=False).encode())

    def insert_batch(self, items):
        return self.json_request("POST", self.bucket_target(), items)

    def read_batch(self, searches):
        return self.json_request("POST", self.bucket_target("search"), searches)

    def delete_batch(self, deletions):
        return self.json_request("POST", self.bucket_target("delete"), deletions)

    def poll_range(self, pk, **fields):
        return self.json_request("POST", f"/{self.bucket}/{key_text(pk)}?poll_range", fields)

    def start_poll_range(self, pk, **fields):
        body = json.dumps(fields).encode()
        return self.start("POST", f"/{self.bucket}/{key_text(pk)}?poll_range", [], body)

    # What tests ask again and again.

    def values(self, pk, sk):
        """The concurrent values as bytes, None for a tombstone, in the order given; [] for a missing item."""
        answer = self.get(pk, sk, "application/json")
        if answer.status == 404:
            return []
        return [unb64(value) for value in answer.expect(200).json()]

    def token(self, pk, sk):
        answer = self.get(pk, sk, "application/json").expect(200)
        assert answer.token, f"no token: {answer}"
        return answer.token

    def write(self, pk, sk, *values, token=None):
        """Put the values one after the other, the first with the token; a None is a delete."""
        for value in values:
            answer = self.delete(pk, sk, token) if value is None else self.put(pk, sk, value, token)
            answer.expect(204)
            token = None

    def search(self, pk, **fields):
        """One ReadBatch search: its result object."""
        return self.read_batch([{"partitionKey": pk, **fields}]).expect(200).json()[0]

    def keys(self, pk, **fields):
        return [item["sk"] for item in self.search(pk, **fields)["items"]]

    def index_rows(self, **query):
        rows = self.index(**query).expect(200).json()["partitionKeys"]
        return {row["pk"]: (row["entries"], row["conflicts"], row["values"], row["bytes"]) for row in rows}


class HandClient(Client):
    """As Client, but signed by hand, every choice of sign.by_hand open (`options`)."""

    options = {}

    def sign(self, method, target, headers, body):
        return sign.by_hand(self.key, method, self.server.host, target, headers, body, **self.options).headers


def run(*arguments, environment=None, stdin=b""):
    """Run `skerry ARGUMENTS…`; bytes in and out as text in UTF-8."""
    data = stdin if isinstance(stdin, bytes) else stdin.encode()
    done = subprocess.run([BIN, *map(str, arguments)], input=data, capture_output=True, timeout=TIMEOUT_S,
                          env=clean_environment(**(environment or {})))
    assert b"Sanitizer" not in done.stderr, done.stderr.decode()
    return Done(arguments, done.returncode, done.stdout, done.stderr)


class Done:
    """What a command did."""

    def __init__(self, arguments, code, output, errors):
        self.arguments = arguments
        self.code = code
        self.output = output
        self.errors = errors.decode("utf-8", "replace")

    @property
    def text(self):
        return self.output.decode()

    def json(self):
        try:
            return json.loads(self.output)
        except ValueError:
            raise AssertionError(f"not JSON: {self}") from None

    def expect(self, code):
        assert self.code == code, f"expected exit code {code}, got {self}"
        return self

    def __repr__(self):
        return f"exit {self.code} of skerry {' '.join(map(str, self.arguments))}\n" \
               f"stdout: {self.output[:2000].decode('utf-8', 'replace')}\nstderr: {self.errors[:2000]}"
