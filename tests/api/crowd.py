"""Thousands of connections with one request each, looked after by one thread."""

import resource
import select
import socket
import struct
import time

from wire import TIMEOUT_S

def allow_descriptors(count):
    """Raise this process's bound on open files; False when the system does not let it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return True


class Crowd:
    """Asks many requests, one to a connection, and takes the answers as they come."""

    def __init__(self, address):
        self.address = address
        self.poller = select.epoll()
        self.members = {}  # descriptor: [socket, tag, bytes so far]

    def __len__(self):
        return len(self.members)

    def add(self, tag, data):
        member = socket.create_connection(self.address, timeout=TIMEOUT_S)
        member.sendall(data)
        self.watch(member, tag)

    def watch(self, member, tag):
        self.members[member.fileno()] = [member, tag, b""]
        self.poller.register(member.fileno(), select.EPOLLIN)

    def drop(self, descriptor):
        member, tag, _ = self.members.pop(descriptor)
        self.poller.unregister(descriptor)
        return member, tag

    def answers(self, wanted=None):
        """Each (socket, tag, status, head, body) as it comes, `wanted` of them (else all); b"" as head for an end
        without an answer. The socket is the caller's then."""
        left = len(self.members) if wanted is None else wanted
        while left > 0:
            ready = self.poller.poll(TIMEOUT_S)
            assert ready, f"{left} of the answers did not come"
            for descriptor, _ in ready:
                entry = self.members[descriptor]
                try:
                    part = entry[0].recv(1 << 18)
                except ConnectionResetError:
                    part = b""
                entry[2] += part
                answer = whole_answer(entry[2])
                if answer is None and part:
                    continue
                member, tag = self.drop(descriptor)
                left -= 1
                yield (member, tag) + (answer or (0, b"", b""))

    def leave(self, how):
        """All go away: "fin", "reset" or "half" (no more is sent, but answers would be read)."""
        for descriptor in list(self.members):
            if how == "half":
                self.members[descriptor][0].shutdown(socket.SHUT_WR)
                continue
            member, _ = self.drop(descriptor)
            if how == "reset":
                member.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            member.close()

    def close(self):
        self.leave("fin")
        self.poller.close()


def whole_answer(data):
    """(status, head, body) when all of it is there; bodies with a length or in chunks, or none."""
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark:
        return None
    status, lower = int(head[9:12]), head.lower()
    if b"transfer-encoding: chunked" in lower:
        parts = []
        while True:
            line, mark, body = body.partition(b"\r\n")
            size = int(line, 16) if mark else -1
            if size < 0 or len(body) < size + 2:
                return None
            if size == 0:
                return status, head, b"".join(parts)
            parts.append(body[:size])
            body = body[size + 2:]
    at = lower.find(b"content-length: ")
    length = 0 if at < 0 or status in (204, 304) else int(lower[at + 16:].split(b"\r\n")[0])
    return (status, head, body[:length]) if len(body) >= length else None


def header(head, name):
    for line in head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


def until(look, is_right, what):
    """Look again and again until it is right. What was seen last."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        seen = look()
        if is_right(seen):
            return seen
        assert time.monotonic() < deadline, f"{what}: still {seen}"
