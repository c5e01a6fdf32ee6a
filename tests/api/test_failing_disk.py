"""EIO on the nth write or sync: nothing is acknowledged after it, and what was acknowledged stays (H18, I20, I23).

A library preloaded into a real server (tests/shim/disk.c) fails one call that changes the data directory, or it and
all behind it. What is then in the directory is read by a program that is no server, and by the next server.
TESTS_LONG=1 tries every number; without it those above 40 are every fourth, in a slow build all are. SEED chooses what is written.
"""

import errno
import os
import random
import re
import threading

import pytest

import disk_shim
import skerry
import store_check
from disk_shim import AFTER, BEFORE, FILE_SYNC, NAME, ROOT_WRITE, SHORTEN, SYNC, WRITE
from skerry import HandClient

LONG = os.environ.get("TESTS_LONG") == "1"
CALLS_MAX = 200
WRITERS = 3
BATCH_ITEMS = 6
STOPPED = "the disk failed; stopping without acknowledging"
SURELY = 8 if disk_shim.IS_SLOW else 40
NUMBERS = [n for n in range(1, CALLS_MAX + 1) if LONG or n <= SURELY or n % 4 == n // 40 % 4]


class Ledger:
    """Keys, each written by one writer again and again with the token of before: value `n` replaces all below."""

    def __init__(self):
        self.begun = {}  # key → the last number sent
        self.acked = {}  # key → the last number acknowledged
        self.batches = []  # [keys] of batches; each key is written once

    def merge(self, other):
        self.begun.update(other.begun)
        self.acked.update(other.acked)
        self.batches += other.batches

    def check(self, items):
        """What was acknowledged is there, or what replaced it; nothing else is; no batch is there in part."""
        for key, number in self.acked.items():
            values = items.get(key, [])
            assert len(values) == 1, f"{key}: {number} was acknowledged, there is {values}"
            assert int(values[0]) >= number, f"{key}: {number} was acknowledged, there is {values}"
        for key, values in items.items():
            assert key in self.begun, f"{key}: nobody wrote it"
            assert all(value is not None and int(value) <= self.begun[key] for value in values), (key, values)
        for keys in self.batches:
            there = [key in items for key in keys]
            assert all(there) or not any(there), f"half a batch: {[*zip(keys, there)]}"


class Writer(threading.Thread):
    """Writes until the server refuses, or is gone."""

    def __init__(self, server, key, name, generator, ledger):
        super().__init__()
        self.client = HandClient(server, key, "failing")
        self.name_of_keys = name
        self.generator = generator
        self.ledger = Ledger()
        self.ledger.begun, self.ledger.acked = dict(ledger.begun), dict(ledger.acked)
        self.tokens = {}
        self.answers = []
        self.failure = None

    def run(self):
        try:
            number = 0
            while self.batch(number) if self.generator.random() < 0.2 else self.put():
                number += 1
        except OSError:
            pass  # the server is gone
        except BaseException as error:
            self.failure = error
        finally:
            self.client.close()

    def note(self, answer):
        self.answers.append(answer.status)
        return answer.status == 204

    def put(self):
        key = (self.name_of_keys, self.generator.choice("abcdefgh"))
        number = self.ledger.begun.get(key, 0) + 1
        if key not in self.tokens and number > 1:
            self.tokens[key] = self.client.get(*key).token  # what an unanswered one of before came to
        self.ledger.begun[key] = number
        value = b"%d " % number + bytes(self.generator.choice((0, 100, 5000, 20000)))
        answer = self.client.put(*key, value, self.tokens.get(key))
        if not self.note(answer):
            return False
        self.ledger.acked[key], self.tokens[key] = number, answer.token
        return True

    def batch(self, number):
        keys = [(self.name_of_keys, f"batch {self.generator.getrandbits(60):x} {n}") for n in range(BATCH_ITEMS)]
        self.ledger.batches.append(keys)
        self.ledger.begun.update(dict.fromkeys(keys, 1))
        items = [{"pk": pk, "sk": sk, "v": skerry.b64(b"1 " + bytes(300))} for pk, sk in keys]
        if not self.note(self.client.insert_batch(items)):
            return False
        self.ledger.acked.update(dict.fromkeys(keys, 1))
        return True


FIRST_WRITES = 3  # ops: the demo's documents, the incarnation of this start, and what is reserved above it


class Node:
    """A data directory over many lives of its server, and what was acknowledged in all of them."""

    def __init__(self, tmp_path, check):
        self.control = disk_shim.Control(tmp_path / "control")
        self.directory = tmp_path / "data"
        self.server = skerry.Server(self.directory, start=False,
                                    environment=disk_shim.environment(self.directory, self.control))
        self.check = check
        self.ledger = Ledger()
        self.server.start()
        self.key = self.server.admin.create_key()
        self.server.admin.create_bucket("failing")
        self.server.admin.allow("failing", self.key)

    def write_until_it_ends(self, generator, prefix):
        """Writers run until they are refused or the server is gone. The statuses they were given."""
        writers = [Writer(self.server, self.key, f"{prefix}{n}", random.Random(generator.random()), self.ledger)
                   for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
            assert writer.failure is None, repr(writer.failure)
            mine = writer.name_of_keys
            self.ledger.begun.update({k: v for k, v in writer.ledger.begun.items() if k[0] == mine})
            self.ledger.acked.update({k: v for k, v in writer.ledger.acked.items() if k[0] == mine})
            self.ledger.batches += writer.ledger.batches
        return [status for writer in writers for status in writer.answers]

    def expect_stop(self):
        """The server ended by itself, with the code and the line of a failed disk."""
        assert self.server.end() == 1, self.server.tail()
        assert any(STOPPED in line for line in self.server.log), self.server.tail()
        self.server.check_log()

    def expect_all_there(self):
        found = self.check.look(self.directory)
        assert found.verdict == "ok", found.verdict
        self.ledger.check(found.items)

    def restart(self, environment=None):
        self.server.environment = environment or disk_shim.environment(self.directory, self.control)
        self.server.start()


@pytest.fixture
def node(tmp_path):
    with store_check.StoreCheck() as check:
        node = Node(tmp_path, check)
        yield node
        node.server.kill()
        node.server.check_log()


def fail_at(node, number, **how):
    """One life: writes until call `number` fails, and the end of the server."""
    generator = random.Random(f"{skerry.seed()}.{number}")
    node.control.arm(number, **how)
    statuses = node.write_until_it_ends(generator, "p")
    assert node.control.failed, "the writers ended before the disk failed"
    node.expect_stop()
    assert node.control.acks == 0, "something was acknowledged after the error"
    assert set(statuses) <= {204, 503}, statuses
    node.control.arm(0)
    node.expect_all_there()


def test_after_eio_on_the_nth_write_or_sync_nothing_is_acknowledged_and_nothing_lost(node):
    for number in NUMBERS:
        how = {"sticky": number % 2 == 0, "how": AFTER if number % 4 >= 2 else BEFORE}
        try:
            fail_at(node, number, **how)
        except AssertionError as error:
            raise AssertionError(f"call {number}, {how}, SEED={skerry.seed()}: {error}") from None
        node.restart()
    print(f"{len(NUMBERS)} failures, {len(node.ledger.acked)} keys, none lost")
    assert len(node.ledger.acked) > len(NUMBERS)
    node.server.stop()


@pytest.mark.parametrize("what, how", [
    ("a data sync", {"only": FILE_SYNC}),
    ("a data sync that was done", {"only": FILE_SYNC, "how": AFTER}),
    ("one data sync, the next ones going well", {"only": FILE_SYNC, "sticky": False}),
    ("a root", {"only": ROOT_WRITE}),
    ("a root that was written", {"only": ROOT_WRITE, "how": AFTER}),
    ("a root, its predecessor written back", {"only": ROOT_WRITE, "sticky": False, "how": AFTER}),
    ("half a page", {"only": WRITE, "how": SHORTEN, "sticky": False}),
    ("half of every page", {"only": WRITE, "how": SHORTEN}),
], ids=lambda value: value if isinstance(value, str) else "")
def test_each_kind_of_failing_call_ends_the_same_way(node, what, how):
    for number in (1, 2, 3, 7, 12):
        fail_at(node, number, **how)
        node.restart(dict(LD_PRELOAD=""))
        node.server.stop()
        node.restart()
    node.server.stop()


def put_until_refused(node, client, key):
    """Numbers in the place of numbers until one is not taken, or the disk has failed under a write of the node's own
    (its incarnation): the answer to that, None when none came."""
    while True:
        begun = node.ledger.begun[key] = node.ledger.begun.get(key, 0) + 1
        token = client.get(*key).token
        try:
            answer = client.put(*key, b"%d " % begun + bytes(9000), token)
        except OSError:
            return None
        if answer.status != 204:
            return answer
        node.ledger.acked[key] = begun
        if node.control.failed:
            return answer


def test_enospc_on_the_nth_write_is_507_unless_it_meets_the_root(node):
    """LMDB takes nothing more after a root that could not be written: then the node stops, as with EIO."""
    client = HandClient(node.server, node.key, "failing")
    ends = {507: 0, 503: 0}
    for number in range(1, 25):
        key = ("full", f"{number}")
        node.control.arm(number, only=WRITE, sticky=False, error=errno.ENOSPC)
        answer = put_until_refused(node, client, key)
        if answer and answer.status == 204:
            continue
        ends[507 if answer and answer.status == 507 else 503] += 1
        if answer and answer.status == 507:
            there = [str(node.ledger.acked[key]).encode()] if key in node.ledger.acked else []
            assert [value.split(b" ")[0] for value in client.values(*key)] == there
        else:
            node.expect_stop()
            node.control.arm(0)
            node.restart()
            client.close()
    assert all(ends.values()), ends
    client.close()
    node.server.stop()
    node.expect_all_there()


def is_ready(server):
    """Wait for one or the other: does it serve, or has it ended?"""
    def lines():
        return [line for line in server.log if skerry.READY.search(line)]
    with server.changed:
        assert server.changed.wait_for(lambda: server.has_ended or lines(), skerry.TIMEOUT_S), server.tail()
        return bool(lines())


def is_harmed(server, control):
    """Of a server that serves: did the call fail before all that a first start stores was stored?"""
    server.meet()
    while not control.failed:
        try:
            if server.admin.get("/v1/stats")["store"]["writes"] >= FIRST_WRITES:
                break
        except OSError:
            break
    return control.failed


def tell_harm(server):
    """What such a server says of it. True: it goes on, with a file beside the database that is stale."""
    told = re.compile(r"a file beside the database is stale|this node's incarnation cannot be stored")
    def lines():
        return [line for line in server.log if told.search(line)]
    with server.changed:
        assert server.changed.wait_for(lambda: server.has_ended or lines(), skerry.TIMEOUT_S), server.tail()
    if not lines():
        assert server.end() == 1
        assert any(STOPPED in line for line in server.log), server.tail()
        return False
    assert re.search(r"((admin|rpc)\.endpoint|demo\.env|incarnation)", lines()[0]), lines()[0]
    return "stale" in lines()[0]


@pytest.mark.parametrize("error, sticky", [(errno.EIO, False), (errno.ENOSPC, True)],
                         ids=["EIO once", "ENOSPC for ever"])
def test_a_first_start_that_fails_says_where_and_the_next_one_succeeds(tmp_path, error, sticky):
    """Every call of a first start that changes the directory fails, one after the other."""
    control = disk_shim.Control(tmp_path / "control")
    refused, stale, number = 0, 0, 0
    while True:
        number += 1
        directory = tmp_path / f"data{number}"
        server = skerry.Server(directory, start=False, environment=disk_shim.environment(directory, control))
        control.arm(number, only=WRITE | SYNC | NAME, sticky=sticky, error=error)
        server.launch()
        try:
            if not is_ready(server):
                refused += 1
                assert server.end() == 1
                told = [line for line in server.log if "level=error" in line]
                assert any(str(directory) in line for line in told), f"call {number}: {server.tail()}"
            elif is_harmed(server, control):
                stale += tell_harm(server)
            was_harmed = control.failed
            if server.process.poll() is None:
                control.arm(0)
                server.stop()
            server.check_log()
            server.environment = {}
            server.start()
            server.stop()
            assert store_check.look(directory).verdict == "ok"
        finally:
            server.kill()
        if not was_harmed:
            break
    print(f"{refused} starts refused, {stale} with a stale file")
    assert refused > 10 and stale > 2
