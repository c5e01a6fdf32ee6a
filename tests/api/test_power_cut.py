"""The power goes at any moment: every image of the disk opens, and every acknowledged write is in it (H19, H23, I1).

A library preloaded into a real server (tests/shim/disk.c) writes a journal: each write to the data directory, each
sync, each change of a name, and each answer with a 2xx before it leaves. disk_image.py makes of it what a disk may
hold when the power goes. 1,000 images, TESTS_LONG=1: 10,000; SEED chooses them. A failure names the command that
builds its image again.
"""

import itertools
import os
import random
import socket
import threading

import pytest

import disk_image
import disk_shim
import skerry
import store_check
import wire
from skerry import HandClient

LONG = os.environ.get("TESTS_LONG") == "1"
IMAGES = 10_000 if LONG else 200 if disk_shim.IS_SLOW else 1_000
SERVED = 200 if LONG else 4 if disk_shim.IS_SLOW else 12  # images that a real server is started on
LIVES = 3
WRITERS = 4
WRITES = 60  # of a writer in a life
BATCH_ITEMS = 8
UNBORN = ("no seal key", "no database", "an empty database")


class History:
    """Keys, each written by one writer, its numbers ascending; each write had seen the one before."""

    def __init__(self):
        self.kinds = {}  # key → whether number 1, 2 … is a value (else a deletion), as sent
        self.batches = []  # [keys], each written once
        self.acked = {}  # (address of the writer, which 2xx it was) → [(key, number)]

    def required(self, records):
        """After each record: key → the highest number acknowledged until then."""
        counts, numbers = {}, {}
        yield numbers
        for record in records:
            if record.kind == disk_shim.ACK:
                name = (record.offset, counts.get(record.offset, 0))
                counts[record.offset] = name[1] + 1
                for key, number in self.acked.get(name, ()):
                    numbers[key] = max(number, numbers.get(key, 0))
            yield numbers

    def check(self, items, required):
        for key, number in required.items():
            values = items.get(key, [])
            assert len(values) == 1, f"{key}: {number} was acknowledged, there is {values}"
            assert values[0] is not None or not all(self.kinds[key][number - 1:]), f"{key}: {number} is deleted"
            assert values[0] is None or int(values[0]) >= number, f"{key}: {number}; there is {values}"
        for key, values in items.items():
            kinds = self.kinds.get(key, [])
            assert all(v is None and False in kinds or v and kinds[int(v) - 1] for v in values), (key, values)
        for keys in self.batches:
            there = sum(key in items for key in keys)
            assert there in (0, len(keys)), f"{there} of a batch of {len(keys)}: {keys[0]}"


class Writer(threading.Thread):
    """A number of writes, on one connection from an address of its own, by which the journal knows it."""

    def __init__(self, server, key, number, history, generator):
        super().__init__()
        self.client = HandClient(server, key, "power")
        self.address = f"127.0.1.{number}"
        self.name_of_keys = f"p{number}"
        self.history = history
        self.generator = generator
        self.tokens = {}
        self.acks = 0
        self.failure = None

    def run(self):
        try:
            self.client.connection = wire.Connection(self.client.server.address)
            self.client.connection.socket.close()
            self.client.connection.socket = socket.create_connection(
                self.client.server.address, wire.TIMEOUT_S, source_address=(self.address, 0))
            for number in range(WRITES):
                (self.batch if self.generator.random() < 0.15 else self.write)(number)
        except BaseException as error:
            self.failure = error
        finally:
            self.client.close()

    def acknowledged(self, answer, writes):
        answer.expect(204)
        address = int.from_bytes(socket.inet_aton(self.address), "big")
        self.history.acked[(address, self.acks)] = writes
        self.acks += 1

    def write(self, _):
        key = (self.name_of_keys, self.generator.choice("abcdefghijkl"))
        kinds = self.history.kinds.setdefault(key, [])
        kinds.append(not kinds or not kinds[-1] or self.generator.random() > 0.15)
        value = b"%d " % len(kinds) + bytes(self.generator.choice((0, 0, 100, 3000, 12000)))
        answer = self.client.put(*key, value, self.tokens.get(key)) if kinds[-1] else \
            self.client.delete(*key, self.tokens.get(key))
        self.acknowledged(answer, [(key, len(kinds))])
        self.tokens[key] = answer.token

    def batch(self, number):
        keys = [(self.name_of_keys, f"batch {number} {n}") for n in range(BATCH_ITEMS)]
        self.history.kinds.update({key: [True] for key in keys})
        self.history.batches.append(keys)
        items = [{"pk": pk, "sk": sk, "v": skerry.b64(b"1 " + bytes(400))} for pk, sk in keys]
        self.acknowledged(self.client.insert_batch(items), [(key, 1) for key in keys])


class Story:
    """Some lives of a server from its first start on, each ended by SIGTERM or kill -9, and the journal of all."""

    def __init__(self, path):
        self.journal = path / "journal"
        directory = path / "data"
        self.history = History()
        server = skerry.Server(directory, environment=disk_shim.environment(directory, journal=self.journal))
        self.key = server.admin.create_key()
        server.admin.create_bucket("power")
        server.admin.allow("power", self.key)
        numbers = itertools.count(1)
        for life in range(LIVES):
            writers = [Writer(server, self.key, number, self.history, random.Random(f"{skerry.seed()}.{number}"))
                       for number in itertools.islice(numbers, WRITERS)]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
                assert writer.failure is None, repr(writer.failure)
            if life % 2 == 0:
                server.stop()
            else:
                server.kill()
            if life + 1 < LIVES:
                server.start()
        server.check_log()
        self.records = disk_shim.read_journal(self.journal)
        self.ends = directory

    def again(self, number, directory):
        return f"python3 tests/api/disk_image.py {self.journal} {skerry.seed()} {number} {directory}"


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return Story(tmp_path_factory.mktemp("power"))


def test_the_journal_tells_all(story, tmp_path):
    """Without a power cut its last state is what is on the disk, and every acknowledgement was noted."""
    disk = disk_image.Disk()
    for record in story.records:
        disk.apply(record)
    there = {path.name: path.read_bytes() for path in story.ends.iterdir()}
    there.pop(disk_image.LOCK), disk.names.pop(disk_image.LOCK)
    assert {name: bytes(file.seen) for name, file in disk.names.items()} == there
    *_, last = story.history.required(story.records)
    assert last == {key: len(kinds) for key, kinds in story.history.kinds.items()}


def test_the_database_has_its_name_before_its_first_commit(story):
    """Else the power could take the name, and with it what was acknowledged: a data sync does not cover it."""
    named = [r.kind == disk_shim.RENAME and r.data.endswith(b"\0data.mdb") for r in story.records].index(True)
    kinds = [record.kind for record in story.records[named:]]
    assert kinds.index(disk_shim.SYNC_DIR) < kinds.index(disk_shim.ROOT)


def check_image(story, check, image, directory, required):
    disk_image.write_image(image, directory)
    found = check.look(directory)
    if found.verdict in UNBORN:
        assert not required, f"{found.verdict}, after {len(required)} keys were acknowledged"
        assert "seal.key" in image or "data.mdb" not in image, "a database without its seal key"
    else:
        assert found.verdict == "ok", found.verdict
    story.history.check(found.items, required)
    return found


def serve_image(story, directory, required, items):
    """A real server on it: it starts, gives what is there and counts it right, and takes a write."""
    server = skerry.Server(directory)
    try:
        if required:
            client = HandClient(server, story.key, "power")
            rows = {}
            for pk in sorted({pk for pk, _ in items}):
                row, result = [0, 0, 0, 0], client.search(pk, tombstones=True)
                for item in result["items"]:
                    values = [skerry.unb64(value) for value in item["v"]]
                    alive = [value for value in values if value is not None]
                    assert [value and value.split(b" ")[0] for value in values] == items[(pk, item["sk"])]
                    counts = (bool(alive), len(values) > 1, len(alive), sum(map(len, alive)))
                    row = [a + b for a, b in zip(row, counts)]
                if any(row):
                    rows[pk] = tuple(row)
            assert client.index_rows() == rows
            client.write("after", "the cut", b"a value")
            client.close()
        server.stop()
        server.start()
        server.stop()
    finally:
        server.kill()


def test_every_image_opens_and_holds_what_was_acknowledged(story, tmp_path):
    records, seed = story.records, skerry.seed()
    required, at, unborn = story.history.required(records), 0, 0
    now = next(required)
    with store_check.StoreCheck() as check:
        for number, cut, image in disk_image.images(records, seed, IMAGES):
            while at < cut:
                now, at = next(required), at + 1
            try:
                found = check_image(story, check, image, tmp_path / "image", now)
                unborn += found.verdict != "ok"
                if number < SERVED or (found.verdict != "ok" and unborn <= SERVED):
                    serve_image(story, tmp_path / "image", now, found.items)
            except AssertionError as error:
                raise AssertionError(f"cut {cut} of {len(records)}: {error}\n"
                                     f"{story.again(number, tmp_path / 'again')}") from None
    print(f"{IMAGES} images of {len(records)} records, seed {seed}; {unborn} of a first start")
    assert unborn > 0
