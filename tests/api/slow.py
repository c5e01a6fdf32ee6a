"""Clients that take their time, many at once: each does a little whenever it is its turn, while the test looks on."""

import select
import socket
import time

import wire

ROUND_S = 0.05  # nobody is waited for longer than this when nothing happens


class Slow:
    """A connection that sends `first`, then of `rest` what its rate allows by now, and reads what it is told to.

    `rest` may be endless (an iterator of bytes); `reads` of None reads whatever comes.
    """

    def __init__(self, address, first, rest=(), bytes_per_s=1000, reads=None, receive_bytes=None, ends=False):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(wire.TIMEOUT_S)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(first)
        self.rest = iter(rest)
        self.unsent = b""
        self.sent_bytes = 0
        self.bytes_per_s = bytes_per_s
        self.reads = reads
        self.received = b""
        self.is_over = False
        self.began = time.monotonic()
        if ends:
            self.socket.shutdown(socket.SHUT_WR)

    def turn(self):
        try:
            self._send()
            self._receive()
        except (ConnectionResetError, BrokenPipeError):
            self.is_over = True

    def _send(self):
        due = int((time.monotonic() - self.began) * self.bytes_per_s) - self.sent_bytes
        while len(self.unsent) < due:
            more = next(self.rest, b"")
            if not more:
                break
            self.unsent += more
        part = self.unsent[:max(due, 0)]
        if part:
            self.socket.sendall(part)
            self.sent_bytes += len(part)
            self.unsent = self.unsent[len(part):]

    def _receive(self):
        size = 1 << 18 if self.reads is None else self.reads
        if size and select.select([self.socket], [], [], 0)[0]:
            data = self.socket.recv(size)
            self.received += data
            self.is_over = not data

    def close(self):
        self.socket.close()


def run_all(clients, meanwhile, until=None):
    """Turns for all until each is over (or `until` says so); `meanwhile` is called in every round."""
    deadline = time.monotonic() + wire.TIMEOUT_S
    while True:
        running = [client for client in clients.values() if not client.is_over]
        if not running or (until is not None and until()):
            return
        for client in running:
            client.turn()
        meanwhile()
        names = [name for name, client in clients.items() if not client.is_over]
        assert time.monotonic() < deadline, f"never ended: {names}"
        select.select([client.socket for client in running if client.reads is None], [], [], ROUND_S)
