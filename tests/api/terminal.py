"""A command on a terminal of its own, and a server that answers when it is told to."""

import contextlib
import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import termios
import threading

import skerry


class Terminal:
    """`skerry ARGUMENTS…` with standard error, and output too if `whole`, on a pseudo terminal."""

    def __init__(self, *arguments, environment, columns=80, whole=False, stdin=subprocess.DEVNULL, kind="xterm"):
        self.fd, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.seen = b""
        self.process = subprocess.Popen(
            [skerry.BIN, *map(str, arguments)], stdin=stdin, stdout=its if whole else subprocess.PIPE, stderr=its,
            env=skerry.clean_environment(TERM=kind, **environment), start_new_session=True)
        os.close(its)

    def _more(self):
        """False at the end."""
        assert select.select([self.fd], [], [], skerry.TIMEOUT_S)[0], f"nothing more came: {self.seen!r}"
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            data = b""
        self.seen += data
        return data != b""

    def wait_for(self, pattern):
        """The match of what was shown, and what came behind it."""
        while True:
            match = re.search(pattern.encode(), self.seen, re.DOTALL)
            if match:
                return match
            assert self._more(), f"it ended before {pattern}: {self.seen!r}"

    def end(self):
        """The exit code (negative: the signal) and all that was shown."""
        output = b""
        if self.process.stdout:
            output = self.process.stdout.read()
            self.process.stdout.close()
        while self._more():
            pass
        os.close(self.fd)
        code = self.process.wait(skerry.TIMEOUT_S)
        assert b"Sanitizer" not in self.seen, self.seen
        return code, output, self.seen.decode()


def screen(text, columns=80):
    """The lines that stand on the terminal after all of `text` was written to it."""
    lines, line, at = [], "", 0
    for piece in re.findall(r"\r|\n|\x1b\[[0-9;?]*[A-Za-z]|[^\r\n\x1b]+", text):
        if piece == "\r":
            at = 0
        elif piece == "\n":
            lines.append(line)
            line, at = "", 0
        elif piece == "\x1b[K":
            line = line[:at]
        elif piece.startswith("\x1b"):
            raise AssertionError(f"what does a terminal do with {piece!r}?")
        else:
            line = line[:at].ljust(at) + piece + line[at + len(piece):]
            at += len(piece)
            assert at < columns, f"wider than the terminal: {line!r}"
    return [shown.rstrip() for shown in [*lines, line]]


class SlowServer:
    """Takes requests and answers each 204 with `go()`, in a thread."""

    def __init__(self, body=b""):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.permits = threading.Semaphore(0)
        self.body = body
        self.requests = 0
        self.changed = threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    def go(self):
        self.permits.release()

    def wait_for_requests(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: self.requests >= count, skerry.TIMEOUT_S)

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer_all, args=(connection,), daemon=True).start()

    def _answer_all(self, connection):
        """Until the client goes, who may do so in the middle of a request or of its answer."""
        with contextlib.suppress(ConnectionError), connection, connection.makefile("rb") as stream:
            while True:
                length, line = 0, stream.readline()
                if not line:
                    return
                while line not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                    line = stream.readline()
                stream.read(length)
                with self.changed:
                    self.requests += 1
                    self.changed.notify_all()
                self._answer(connection)

    def _answer(self, connection):
        if not self.body:
            self.permits.acquire()
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(self.body))
        half = len(self.body) // 2
        connection.sendall(self.body[:half])
        self.permits.acquire()
        connection.sendall(self.body[half:])

    def close(self):
        self.socket.close()
