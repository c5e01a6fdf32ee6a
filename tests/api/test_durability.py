"""kill -9 under load, again and again: what was acknowledged is there, and the index is true (I1, I4, I15).

SKERRY_KILL_CYCLES says how often (100); SEED chooses writes and moments.
"""

import os
import random
import threading

import pytest

import skerry
import store_check
import wire
from skerry import Client, HandClient, unb64

CYCLES = int(os.environ.get("SKERRY_KILL_CYCLES", "100"))
WRITERS = 4
PARTITIONS = ["north", "south", "west"]
SORT_KEYS = ["a", "b", "c", "d"]
KEYS = [(pk, sk) for pk in PARTITIONS for sk in SORT_KEYS]


class Write:
    """One attempt: `covers` are the values its token had seen. A delete's value is None, all deletes are alike."""

    def __init__(self, value, covers):
        self.value = value
        self.covers = covers
        self.is_acked = False


class History:
    """All attempts of one cycle, and the count of acknowledged ones the killer waits for."""

    def __init__(self, live):
        self.live = live  # key → values seen after the last restart
        self.writes = {key: [] for key in KEYS}
        self.acked = 0
        self.changed = threading.Condition()
        self.ended = 0
        self.failure = None

    def begin(self, key, write):
        with self.changed:
            self.writes[key].append(write)

    def acknowledge(self, write):
        with self.changed:
            write.is_acked = True
            self.acked += 1
            self.changed.notify()

    def end(self, failure):
        with self.changed:
            self.ended += 1
            self.failure = self.failure or failure
            self.changed.notify()

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: self.acked >= count or self.ended == WRITERS, wire.TIMEOUT_S)


class Writer(threading.Thread):
    """Writes until the server is gone: blind, with the token of a read, or with that of its own last write."""

    def __init__(self, server, key, history, name, generator):
        super().__init__()
        self.client = HandClient(server, key, "durable")
        self.history = history
        self.label = name
        self.generator = generator
        self.own = {}  # key → (token of the last 204, what that token covers)

    def run(self):
        failure = None
        try:
            number = 0
            while True:
                self.write_once(self.generator.choice(KEYS), b"%s.%d" % (self.label, number))
                number += 1
        except OSError:
            pass  # the server is dead
        except BaseException as error:
            failure = error
        finally:
            self.client.close()
            self.history.end(failure)

    def write_once(self, key, value):
        kind, token, covers = self.generator.random(), None, frozenset()
        if kind < 0.35 and key in self.own:
            token, covers = self.own[key]
        elif kind < 0.8:
            answer = self.client.get(*key)
            if answer.status == 200:
                token, covers = answer.token, frozenset(map(unb64, answer.json()))
        if self.generator.random() < 0.1:
            value = None
        write = Write(value, covers)
        self.history.begin(key, write)
        answer = self.client.delete(*key, token) if value is None else self.client.put(*key, value, token)
        if answer.status == 400 and token is None and b"sibling" in answer.body:
            return  # too many siblings: blind writers must merge first
        answer.expect(204)
        self.history.acknowledge(write)
        self.own.pop(key, None)
        if answer.token and answer.token != token:
            self.own[key] = (answer.token, covers | {value})


def read_all(client):
    """key → values, and the rows of the index as a recount would have them."""
    searches = [{"partitionKey": pk, "tombstones": True} for pk in PARTITIONS]
    state, recount = {key: [] for key in KEYS}, {}
    for result in client.read_batch(searches).expect(200).json():
        row = [0, 0, 0, 0]
        for item in result["items"]:
            values = [unb64(v) for v in item["v"]]
            alive = [v for v in values if v is not None]
            state[(result["partitionKey"], item["sk"])] = values
            counts = (bool(alive), len(values) > 1, len(alive), sum(map(len, alive)))
            row = [a + b for a, b in zip(row, counts)]
        if any(row):
            recount[result["partitionKey"]] = tuple(row)
    return state, recount


def check_key(key, live, writes, present):
    """Nothing acknowledged is lost, nothing superseded is back, nothing comes from nowhere."""
    known = {*live, *(write.value for write in writes)}
    strange = [value for value in present if value not in known]
    assert not strange, f"{key}: values nobody wrote here: {strange}"
    for value in present:
        killers = [write.value for write in writes if write.is_acked and value in write.covers]
        assert value is None or not killers, f"{key}: {value} is back although {killers} covered it"
    def may_be_applied(write):
        """Acknowledged, or there to be seen, or gone under another one; one delete looks like all."""
        return write.is_acked or write.value is None or write.value in present or \
            any(write.value in other.covers for other in writes)

    applied = [write for write in writes if may_be_applied(write)]
    for value in [*live, *(write.value for write in writes if write.is_acked)]:
        covered = any(value in write.covers for write in applied)
        assert value in present or covered, f"{key}: {value or 'a deletion'} is lost; there is {present}"


@pytest.fixture
def check():
    with store_check.StoreCheck() as check:
        yield check


def test_what_was_acknowledged_survives_kill_9(start_server, check):
    seed = skerry.seed()
    generator = random.Random(seed)
    server = start_server()
    key = server.admin.create_key("durable")
    server.admin.create_bucket("durable")
    server.admin.allow("durable", key)
    reader = Client(server, key, "durable")
    live, total = {name: [] for name in KEYS}, 0
    for cycle in range(CYCLES):
        history = History(live)
        writers = [Writer(server, key, history, b"c%d.w%d" % (cycle, n), random.Random(f"{seed}.{cycle}.{n}"))
                   for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        history.wait_for(generator.randint(1, 40))
        server.kill()
        for writer in writers:
            writer.join()
        assert history.failure is None, f"cycle {cycle}, SEED={seed}: {history.failure!r}"
        assert check.look(server.directory).verdict == "ok", f"cycle {cycle}, SEED={seed}"
        server.start()
        state, recount = read_all(reader)
        for name in KEYS:
            try:
                check_key(name, live[name], history.writes[name], state[name])
            except AssertionError as error:
                raise AssertionError(f"cycle {cycle}, SEED={seed}: {error}") from None
        assert reader.index_rows() == recount, f"cycle {cycle}, SEED={seed}: the index is not what a recount gives"
        live, total = state, total + history.acked
        reader.close()
    print(f"{CYCLES} kills, {total} acknowledged writes, none lost")
    assert total >= CYCLES
