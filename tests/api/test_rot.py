"""Bits that flip and files that are cut off under a real server: refused at the start, refused by the read, or found by
`skerry repair check`; never a wrong value, never a signal (H22, I24). tests/node/edge/rot.c tries many more flips.

SEED chooses the bits; TESTS_LONG=1 tries ten times as many.
"""

import os
import random
import shutil
import threading
import struct

import pytest

import skerry
from skerry import Client, b64

FLIPS = 240 if os.environ.get("TESTS_LONG") else 24
WORDS = "skerry repair"


def value_of(number):
    return f"value {number} ".encode() * (1 + number % 30 * (20 if number % 10 == 4 else 1))


KEYS = [(f"partition {number % 4}", f"item {number:04d}") for number in range(240)]


def fill(client):
    """Every item twice, so that there are free pages; every ninth is deleted."""
    for start in range(0, len(KEYS), 60):
        part = range(start, start + 60)
        client.insert_batch([{"pk": KEYS[i][0], "sk": KEYS[i][1], "v": b64(b"old")} for i in part]).expect(204)
    for pk in sorted({pk for pk, _ in KEYS}):
        items = {item["sk"]: item["ct"] for item in client.search(pk)["items"]}
        client.insert_batch([{"pk": pk, "sk": KEYS[i][1], "ct": items[KEYS[i][1]],
                              "v": None if i % 9 == 2 else b64(value_of(i))}
                             for i in range(len(KEYS)) if KEYS[i][0] == pk]).expect(204)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A directory with a database, stopped; its client's key."""
    server = skerry.Server(tmp_path_factory.mktemp("filled") / "data")
    try:
        key = server.admin.create_key("rot")
        server.admin.create_bucket("rot")
        server.admin.allow("rot", key)
        client = Client(server, key, "rot")
        fill(client)
        client.close()
        server.stop()
    finally:
        server.kill()
    return server.directory, key


class Copy:
    """A copy of the directory, to be damaged."""

    def __init__(self, filled, path):
        shutil.copytree(filled[0], path)
        self.key = filled[1]
        self.server = skerry.Server(path, start=False)
        self.data = path / "data.mdb"

    def flip(self, byte, bit):
        with open(self.data, "r+b") as file:
            file.seek(byte)
            old = file.read(1)[0]
            file.seek(byte)
            file.write(bytes([old ^ 1 << bit]))

    def flip_branches(self):
        """In every page above others: its last child now lies far behind the end of the file."""
        content = self.data.read_bytes()
        branches = 0
        for page in range(2 * 4096, len(content), 4096):
            flags, lower = struct.unpack_from("<HH", content, page + 10)
            if flags == 1:
                node, = struct.unpack_from("<H", content, page + lower - 2)
                self.flip(page + node + 3, 6)
                branches += 1
        assert branches > 0

    def client(self):
        return Client(self.server, self.key, "rot")

    def check(self, *options):
        """The document of `skerry repair check`, which ends with 1 when there are findings."""
        done = self.server.command("repair", "check", "-o", "json", *options)
        document = done.json()
        is_sound = not document["findings"] and "skipped" not in document
        assert done.code == (0 if is_sound else 1), done.errors
        return document

    def start(self):
        """True when it serves; else it ended by itself, with words."""
        self.server.launch()
        try:
            self.server.wait_for_line("msg=ready|msg=\"cannot start\"|msg=\"cannot load|msg=stopped")
        except AssertionError:
            pass
        if any("msg=ready" in line for line in self.server.log):
            match = self.server.wait_for_line(skerry.READY)
            self.server.url, self.server.admin_url = match.group(1), match.group(2)
            self.server.address = self.server._address(self.server.url)
            self.server.admin_address = self.server._address(self.server.admin_url)
            self.server.host = self.server.url.split("//")[1]
            token = (self.server.directory / "admin.token").read_text().strip()
            self.server.admin = skerry.Admin(self.server.admin_address, token)
            return True
        assert self.server.end() == 1, f"no signal, but an exit code:\n{self.server.tail()}"
        return False


@pytest.fixture
def copy(filled, tmp_path):
    made = Copy(filled, tmp_path / "copy")
    yield made
    made.server.kill()


def read_all(client):
    """How many items are right, refused and missing; a wrong value is a failure at once."""
    outcomes = {"right": 0, "refused": 0, "missing": 0}
    for number, (pk, sk) in enumerate(KEYS):
        answer = client.get(pk, sk, "application/json")
        expected = [None if number % 9 == 2 else b64(value_of(number))]
        if answer.status == 500:
            assert answer.json()["code"] == "InternalError" and WORDS in answer.json()["message"]
            outcomes["refused"] += 1
        elif answer.status == 404:
            outcomes["missing"] += 1
        else:
            assert answer.expect(200).json() == expected, f"a wrong value of {pk}/{sk}"
            outcomes["right"] += 1
    return outcomes


def test_an_untouched_database_has_no_findings_stopped_or_running(copy):
    document = copy.check()
    assert document["where"] == "files" and document["rows"]["items"] == len(KEYS)
    assert copy.start()
    document = copy.check()
    assert document["where"] == "server" and document["findings"] == [] and document["rows"]["items"] == len(KEYS)
    done = copy.server.command("repair", "check")
    assert done.code == 0 and "rows checked: 0 findings" in done.text
    copy.server.stop()


def test_a_flipped_bit_anywhere_is_harmless_or_met(filled, tmp_path, capsys):
    chance = random.Random(skerry.seed())
    size = (filled[0] / "data.mdb").stat().st_size
    totals = {"harmless": 0, "refused by the start": 0, "refused by the read": 0, "missing": 0, "found": 0}
    for number in range(FLIPS):
        copy = Copy(filled, tmp_path / "flipped")
        where = chance.randrange(size), chance.randrange(8)
        copy.flip(*where)
        try:
            findings = copy.check()["findings"]
            is_ready = copy.start()
            outcomes = read_all(copy.client()) if is_ready else {}
            harm = not is_ready or outcomes["right"] < len(KEYS)
            assert not harm or findings, f"flip {number} at {where}: harm that the check does not find"
            totals["found"] += bool(findings)
            totals["refused by the start"] += not is_ready
            totals["refused by the read"] += is_ready and outcomes["refused"] > 0
            totals["missing"] += is_ready and outcomes["missing"] > 0
            totals["harmless"] += not harm
        finally:
            copy.server.kill()
            shutil.rmtree(tmp_path / "flipped")
    with capsys.disabled():
        print(f"\n{FLIPS} flips: {totals}")
    assert totals["found"] > 0


def damaged_item(copy, number):
    """Flip a bit in the item's value; its keys."""
    content = copy.data.read_bytes()
    at = -1
    while (at := content.find(value_of(number), at + 1)) >= 0:
        copy.flip(at + 3, 2)
    return KEYS[number]


def test_a_corrupt_item_is_answered_counted_logged_and_found(copy):
    pk, sk = damaged_item(copy, 45)
    assert copy.start()
    client = copy.client()
    assert read_all(client) == {"right": len(KEYS) - 1, "refused": 1, "missing": 0}
    for _ in range(3):
        error = client.get(pk, sk).expect(500).json()
        assert error["code"] == "InternalError" and WORDS in error["message"]
    assert client.put(pk, sk, b"over it").status == 500, "a write would have to forget what the row holds"
    assert client.read_batch([{"partitionKey": pk}]).status == 500, "never left out of a list in silence"
    assert copy.server.admin.status()["store"]["corrupt_rows"] >= 6
    lines = [line for line in copy.server.log if "fails its check" in line]
    assert len(lines) == 1 and "table=items" in lines[0] and WORDS in lines[0]
    assert sk not in lines[0] and pk not in lines[0]
    [finding] = copy.check()["findings"]
    assert finding["kind"] == "row" and finding["table"] == "items" and finding["sort_key"] == sk
    assert f"row={finding['row']}" in lines[0]
    [bucket] = [b for b in copy.server.admin.get("/v1/buckets")["buckets"] if b["aliases"] == ["rot"]]
    assert finding["partition_key"] == pk and finding["bucket"] == bucket["id"]
    client.close()
    copy.server.stop()


def test_a_corrupt_item_that_a_write_meets_first_is_logged_once(copy):
    pk, sk = damaged_item(copy, 45)
    assert copy.start()
    client = copy.client()
    for _ in range(3):
        assert WORDS in client.put(pk, sk, b"over it").expect(500).json()["message"]
    copy.server.wait_for_line("fails its check")
    client.get(pk, sk).expect(500)
    assert copy.server.admin.status()["store"]["corrupt_rows"] == 4
    client.close()
    copy.server.stop()
    lines = [line for line in copy.server.log if "fails its check" in line]
    assert len(lines) == 1 and "table=items" in lines[0] and WORDS in lines[0]


def test_salvage_keeps_what_is_sound_and_the_rest_goes_on(copy):
    pk, sk = damaged_item(copy, 45)
    before = copy.data.read_bytes()
    done = copy.server.command("repair", "salvage")
    assert done.code == 0 and "1 left out" in done.text and sk in done.text
    assert copy.data.read_bytes() == before, "without --yes nothing is changed"
    assert copy.start()
    node = copy.server.admin.status()["node"]
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 1 and "is using this data directory" in done.errors
    copy.server.stop()

    done = copy.server.command("repair", "salvage", "--yes", "-o", "json")
    assert done.code == 0 and done.json()["left_out"]["items"] == 1
    assert (copy.server.directory / "data.mdb.damaged").exists()
    assert copy.check()["findings"] == []
    assert copy.start()
    assert copy.server.admin.status()["node"] != node, "the node forgot something: it writes under a new actor"
    assert any("writing under a new actor" in line for line in copy.server.log)
    client = copy.client()
    assert read_all(client) == {"right": len(KEYS) - 1, "refused": 0, "missing": 1}
    rows = client.index_rows()
    live = [i for i in range(len(KEYS)) if KEYS[i][0] == pk and i % 9 != 2 and i != 45]
    assert rows[pk] == (len(live), 0, len(live), sum(len(value_of(i)) for i in live))
    client.put(pk, sk, b"again").expect(204)
    assert client.values(pk, sk) == [b"again"]
    assert sk in client.keys(pk)
    client.close()
    assert copy.check()["findings"] == []
    copy.server.stop()
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 1 and "data.mdb.damaged" in done.errors, "an earlier one is not overwritten"


@pytest.mark.parametrize("length", [1, 100, 4096, 8192, 40000, -4096])
def test_a_file_that_was_cut_off_is_refused_with_words(copy, length):
    os.truncate(copy.data, length if length > 0 else copy.data.stat().st_size + length)
    assert not copy.start()
    assert any("data.mdb" in line and "page" in line and WORDS in line for line in copy.server.log), \
        copy.server.tail()
    assert copy.check()["findings"]


def test_a_file_cut_off_under_a_running_server_ends_it_with_words(copy):
    assert copy.start()
    client = copy.client()
    client.get(*KEYS[0]).expect(200)
    os.truncate(copy.data, 8192)
    with pytest.raises((OSError, AssertionError, EOFError)):
        client.get(*KEYS[1])
    assert copy.server.end() == 1, copy.server.tail()
    assert any("skerry repair check" in line for line in copy.server.log)


def test_a_page_damaged_under_a_running_server_spoils_the_reads_that_meet_it_alone(copy):
    assert copy.start()
    client = copy.client()
    assert read_all(client)["right"] == len(KEYS)
    copy.flip_branches()
    statuses = {key: client.get(*key, "application/json").status for key in KEYS}
    bad = [key for key in KEYS if statuses[key] == 500]
    sound = [key for key in KEYS if statuses[key] == 200]
    assert bad and sound and len(bad) + len(sound) == len(KEYS)
    error = client.get(*bad[0]).expect(500).json()
    assert error["code"] == "InternalError" and WORDS in error["message"]
    wrong = []

    def ask(keys, status):
        with_own = copy.client()
        for key in keys:
            answer = with_own.get(*key, "application/json")
            if answer.status != status:
                wrong.append((key, answer.status))
        with_own.close()

    threads = [threading.Thread(target=ask, args=asked) for _ in range(6)
               for asked in ((bad * 9, 500), (sound, 200))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, "reads beside one that meets the page are served"
    assert copy.server.admin.status()["store"]["corrupt_rows"] >= len(bad) * 54
    assert any(finding["kind"] == "page" and finding["table"] == "items" for finding in copy.check()["findings"])
    client.close()
    copy.server.stop()
    lines = [line for line in copy.server.log if "level=error" in line]
    assert len(lines) == 1 and "a page of the database is damaged" in lines[0], lines
    assert "table=items" in lines[0] and WORDS in lines[0]


def test_a_write_that_meets_a_damaged_page_ends_the_server_with_words(copy):
    assert copy.start()
    client = copy.client()
    client.get(*KEYS[0]).expect(200)
    copy.flip_branches()
    bad = next(key for key in KEYS if client.get(*key).status == 500)
    with pytest.raises((OSError, AssertionError, EOFError)):
        client.put(*bad, b"never acknowledged")
    assert copy.server.end() == 1, copy.server.tail()
    last = copy.server.log[-1]
    assert "a page of the database is damaged" in last and WORDS in last and "a write met it" in last
    assert not any("the disk failed" in line for line in copy.server.log)
    assert any(finding["kind"] == "page" for finding in copy.check()["findings"])


def test_a_page_of_zeros_is_refused_and_salvage_keeps_the_others(copy):
    content, at, pages = copy.data.read_bytes(), -1, set()
    while (at := content.find(value_of(45), at + 1)) >= 0:
        pages.add(at // 4096)  # one is in use; others may be free, with what was there before
    with open(copy.data, "r+b") as file:
        for page in pages:
            file.seek(page * 4096)
            file.write(bytes(4096))
    assert not copy.start()
    assert any(f"page {page} (items)" in line for line in copy.server.log for page in pages), copy.server.tail()
    findings = copy.check()["findings"]
    assert findings[0]["kind"] == "page" and findings[0]["page"] in pages
    copy.server.command("repair", "salvage", "--yes")
    assert copy.start()
    outcomes = read_all(copy.client())
    assert outcomes["refused"] == 0 and 0 < outcomes["missing"] < 60
    assert copy.check()["findings"] == []


def test_a_seal_key_that_does_not_fit_is_said(copy):
    (copy.server.directory / "seal.key").write_text("00" * 32 + "\n")
    done = copy.server.command("repair", "check")
    assert done.code == 1 and "seal key" in done.errors
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 1 and "nothing can be saved" in done.errors
