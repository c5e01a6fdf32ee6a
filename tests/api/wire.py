"""HTTP/1.x over a plain socket: exactly these bytes out, whole answers in, nothing hidden.

http.client would refuse or repair half of what these tests must send, and forgive half of what they must notice.
"""

import json
import os
import select
import socket

# Longer than anything may take, sanitizers included; no test waits this long unless it fails.
TIMEOUT_S = int(os.environ.get("SKERRY_TEST_TIMEOUT_S", "60"))


class Closed(ConnectionError):
    """The peer closed before an answer began."""


class Response:
    def __init__(self, request, version, status, headers, body, framing):
        self.request = request  # one line for messages
        self.version = version
        self.status = status
        self.headers = headers  # [(name as sent, value)]
        self.body = body
        self.framing = framing  # "none", "length", "chunked" or "close"

    def header(self, name):
        found = [value for key, value in self.headers if key.lower() == name]
        assert len(found) <= 1, f"{name} came {len(found)} times in {self}"
        return found[0] if found else None

    @property
    def token(self):
        return self.header("x-garage-causality-token")

    @property
    def type(self):
        return self.header("content-type")

    @property
    def is_last(self):
        """Will no other answer come on this connection?"""
        connection = (self.header("connection") or "").lower()
        if self.framing == "close" or connection == "close":
            return True
        return self.version == "HTTP/1.0" and connection != "keep-alive"

    def json(self):
        assert self.type == "application/json", f"not JSON: {self}"
        return json.loads(self.body)

    def expect(self, status, code=None):
        """This answer, when it has the status (and is the protocol's error object with that code)."""
        assert self.status == status, f"expected {status}{' ' + code if code else ''}, got {self}"
        if code is not None:
            error = self.json()
            assert error["code"] == code, f"expected {code}, got {self}"
        return self

    def __repr__(self):
        head = "".join(f"\n  {name}: {value}" for name, value in self.headers)
        body = self.body if len(self.body) <= 600 else self.body[:600] + b"..."
        return f"{self.status} to {self.request}{head}\n  {len(self.body)} bytes: {body!r}"


class Connection:
    def __init__(self, address, timeout_s=TIMEOUT_S):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.request = "?"

    def send(self, data):
        self.request = data[:200].split(b"\r\n", 1)[0].decode("utf-8", "replace")
        self.socket.sendall(data)

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def is_quiet(self):
        """Is there neither an answer nor an end to read at this moment?"""
        return not self.buffer and not select.select([self.socket], [], [], 0)[0]

    def _more(self):
        try:
            data = self.socket.recv(1 << 18)
        except socket.timeout:
            raise AssertionError(f"no answer to {self.request} in {self.socket.gettimeout()} s; "
                                 f"so far {self.buffer[:300]!r}") from None
        if not data:
            raise Closed(f"closed after {self.buffer[:300]!r} while waiting for an answer to {self.request}")
        self.buffer += data

    def _until(self, mark):
        at = self.buffer.find(mark)
        while at < 0:
            self._more()
            at = self.buffer.find(mark)
        data, self.buffer = self.buffer[:at], self.buffer[at + len(mark):]
        return data

    def _exactly(self, count):
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < count:
            self._more()
            parts.append(self.buffer)
            have += len(self.buffer)
            self.buffer = b""
        data = b"".join(parts)
        self.buffer = data[count:]
        return data[:count]

    def _chunks(self):
        parts = []
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self._until(b"\r\n"):
                    pass
                return b"".join(parts)
            parts.append(self._exactly(size))
            assert self._exactly(2) == b"\r\n", "a chunk does not end in CRLF"

    def rest(self):
        """All bytes until the peer closes; fails when it does not."""
        try:
            while True:
                self._more()
        except (Closed, ConnectionResetError, BrokenPipeError):
            data, self.buffer = self.buffer, b""
            return data

    def read(self, method="GET"):
        """The next answer (100 Continue is one, too)."""
        line, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = line.split(" ", 2)
        headers = []
        for text in lines:
            name, colon, value = text.partition(":")
            assert colon and name == name.strip(), f"malformed header line {text!r}"
            headers.append((name, value.strip()))
        names = {name.lower(): value for name, value in headers}
        framing, body = "none", b""
        if int(status) >= 200 and int(status) not in (204, 304):
            if "transfer-encoding" in names:
                assert "content-length" not in names, f"two framings: {headers}"
                framing = "chunked"
            elif "content-length" in names:
                framing = "length"
            elif method != "HEAD":
                framing = "close"
        if method != "HEAD":
            if framing == "chunked":
                body = self._chunks()
            elif framing == "length":
                body = self._exactly(int(names["content-length"]))
            elif framing == "close":
                body = self.rest()
        return Response(self.request, version, int(status), headers, body, framing)


def request_bytes(method, target, headers, body=b"", version="HTTP/1.1"):
    """One request; names, values and target may be str (UTF-8) or bytes. No framing header is added."""
    def raw(text):
        return text if isinstance(text, bytes) else str(text).encode()
    lines = [raw(method) + b" " + raw(target) + b" " + raw(version)]
    lines += [raw(name) + b": " + raw(value) for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def exchange(address, data, method="GET"):
    """One raw request on a connection of its own: (answer, the connection, still open)."""
    connection = Connection(address)
    connection.send(data)
    return connection.read(method), connection
