"""A disk that fills up, for real: a small tmpfs; and a map that does (H20).

Needs root and a kernel that lets us mount; elsewhere the tests of the disk are skipped, those of the map are not.
"""

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import skerry
import wire

DISK_BYTES = 24 << 20
VALUE = bytes(200_000)
DELETERS, DELETIONS = 4, 20


def put_until_full(client, value=VALUE, pk="p"):
    """How many values the node acknowledged before it said 507."""
    stored = 0
    while True:
        answer = client.put(pk, f"{stored:04}", value + b"%d" % stored)
        if answer.status != 204:
            answer.expect(507, "InsufficientStorage")
            return stored
        stored += 1
        assert stored * len(value) < DISK_BYTES, "more than there is room for"


def expect_values(client, stored, but=()):
    """Every acknowledged value is there, unchanged, and nothing else."""
    kept = [n for n in range(stored) if n not in but]
    assert client.keys("p") == [f"{n:04}" for n in kept]
    for n in kept:
        assert client.get("p", f"{n:04}", "*/*").expect(200).body == VALUE + b"%d" % n
    client.get("p", f"{stored:04}").expect(404)


def make_client(server, alias="full"):
    key = server.admin.create_key()
    server.admin.create_bucket(alias)
    server.admin.allow(alias, key)
    return skerry.Client(server, key, alias)


def expect_operator_is_served(server):
    """Buckets and keys come and go."""
    before = server.admin.status()["buckets"]
    other = make_client(server, "another")
    server.admin.call("DELETE", f"/v1/keys/{other.key.id}").expect(204)
    server.admin.call("DELETE", "/v1/buckets/another").expect(204)
    assert server.admin.status()["buckets"] == before


@pytest.fixture
def small_disk(tmp_path):
    """A directory with a file system of its own; skipped where we may not mount one."""
    if os.geteuid() != 0:
        pytest.skip("not root: no file system can be mounted")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def on_small_disk(small_disk):
    """A server whose data directory is all there is on that disk."""
    server = skerry.Server(small_disk / "data")
    yield server
    server.kill()
    server.check_log()


def fill_the_rest(disk):
    """Not a byte is left."""
    with open(disk / "ballast", "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            return


def test_a_nearly_full_disk_refuses_values_and_serves_all_else(on_small_disk):
    client = make_client(on_small_disk)
    stored = put_until_full(client)
    assert stored * len(VALUE) > DISK_BYTES // 2, "most of the disk can be used"
    expect_values(client, stored)
    batch = [{"pk": "q", "sk": "a", "v": skerry.b64(b"1")}, {"pk": "q", "sk": "b"}]
    client.insert_batch(batch).expect(507, "InsufficientStorage")
    assert client.search("q", tombstones=True)["items"] == [], "of a refused batch nothing is stored"
    client.write("p", "0000", None, token=client.token("p", "0000"))
    assert client.delete_batch([{"partitionKey": "p", "start": "0001", "end": "0003"}]).expect(200) \
        .json()[0]["deletedItems"] == 2
    client.insert_batch([{"pk": "p", "sk": "0003", "ct": client.token("p", "0003")}]).expect(204)
    expect_operator_is_served(on_small_disk)
    expect_values(client, stored, but=range(4))
    client.close()
    on_small_disk.stop()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_disk_without_a_byte_loses_nothing_and_a_node_starts_on_it(on_small_disk, small_disk, end):
    client = make_client(on_small_disk)
    stored = put_until_full(client)
    fill_the_rest(small_disk)
    for n in range(20):
        client.put("p", f"{stored + n:04}", VALUE).expect(507, "InsufficientStorage")
    gone = set()
    for n in range(5):  # may go or not, but is what its answer says
        answer = client.delete("p", f"{n:04}", client.token("p", f"{n:04}"))
        assert answer.status in (204, 507), answer
        if answer.status == 204:
            gone.add(n)
    expect_values(client, stored, but=gone)
    client.close()
    getattr(on_small_disk, end)()

    on_small_disk.start()
    expect_values(client, stored, but=gone)
    client.put("p", f"{stored:04}", VALUE).expect(507, "InsufficientStorage")
    client.close()
    on_small_disk.stop()
    (small_disk / "ballast").unlink()


def test_a_start_without_room_for_the_table_of_readers_says_so(on_small_disk, small_disk):
    """LMDB writes it through a map, which on a full disk ends a process without a word."""
    on_small_disk.stop()
    (on_small_disk.directory / "lock.mdb").unlink()
    fill_the_rest(small_disk)
    on_small_disk.launch()
    assert on_small_disk.end() == 1
    line = on_small_disk.wait_for_line("cannot start").string
    assert "No space left on device" in line and str(on_small_disk.directory) in line, line
    (small_disk / "ballast").unlink()
    on_small_disk.start()
    on_small_disk.stop()


def test_room_on_the_disk_is_used_without_a_restart(on_small_disk, small_disk):
    client = make_client(on_small_disk)
    client.put("p", "0000", VALUE + b"0").expect(204)
    fill_the_rest(small_disk)
    client.put("p", "0001", VALUE).expect(507, "InsufficientStorage")
    (small_disk / "ballast").unlink()
    client.put("p", "0001", VALUE + b"1").expect(204)
    expect_values(client, 2)
    client.close()
    on_small_disk.stop()


def test_a_nearly_full_map_takes_deletions_and_then_values_again(start_server):
    server = start_server("--store-map-bytes", str(8 << 20))
    client = make_client(server)
    stored = put_until_full(client)
    used = server.admin.status()["store"]
    assert used["used_bytes"] * 10 > used["map_bytes"] * 8, "nine tenths can be used"
    assert used["used_bytes"] * 100 < used["map_bytes"] * 95, "and a tenth is kept"
    expect_values(client, stored)
    client.insert_batch([{"pk": "q", "sk": "a", "v": skerry.b64(b"1")}]).expect(507, "InsufficientStorage")
    assert client.keys("q") == []
    client.write("p", "0000", None, token=client.token("p", "0000"))
    assert client.delete_batch([{"partitionKey": "p", "start": "0001", "end": "0010"}]).expect(200) \
        .json()[0]["deletedItems"] == 9
    expect_operator_is_served(server)
    expect_values(client, stored, but=range(10))
    client.put("q", "a", VALUE).expect(204)
    client.close()
    server.stop()
    server.start()
    expect_values(client, stored, but=range(10))
    assert client.values("q", "a") == [VALUE]
    client.close()


def test_deletions_are_not_refused_for_a_value_that_does_not_fit_beside_them(start_server):
    """Writers of values larger than the room that is left, and deleters, all at one time and so in one commit."""
    server = start_server("--store-map-bytes", str(8 << 20))
    client = make_client(server)
    filler = bytes(1 << 20)
    for n in range(6):
        client.put("filler", f"{n}", filler).expect(204)
    keys = [(n, m) for n in range(DELETERS) for m in range(DELETIONS)]
    client.insert_batch([{"pk": "p", "sk": f"{n} {m}", "v": skerry.b64(b"1")} for n, m in keys]).expect(204)
    tokens = {item["sk"]: item["ct"] for item in client.search("p")["items"]}
    is_over = threading.Event()

    def put_too_much(number):
        own = client.clone()
        statuses = set()
        while not is_over.is_set():
            statuses.add(own.put("q", f"{number}", 3 * filler).status)
        own.close()
        return statuses

    def delete(number):
        own = client.clone()
        for m in range(DELETIONS):
            own.delete("p", f"{number} {m}", tokens[f"{number} {m}"]).expect(204)
        own.close()

    with ThreadPoolExecutor(DELETERS + 2) as pool:
        writers = [pool.submit(put_too_much, number) for number in range(2)]
        deleters = [pool.submit(delete, number) for number in range(DELETERS)]
        try:
            for deleter in deleters:
                deleter.result(wire.TIMEOUT_S)
        finally:
            is_over.set()
        assert [writer.result(wire.TIMEOUT_S) for writer in writers] == [{507}] * 2
    assert client.keys("p") == [] and client.keys("filler") == [f"{n}" for n in range(6)]
    client.close()
    server.stop()


def test_a_map_full_of_small_values_can_be_emptied(start_server):
    server = start_server("--store-map-bytes", str(12 << 20))
    client = make_client(server)
    size, batches = 1000, 0
    while True:
        batch = [{"pk": "p", "sk": f"{batches:04}-{n:04}", "v": skerry.b64(bytes(200))} for n in range(size)]
        answer = client.insert_batch(batch)
        if answer.status != 204:
            answer.expect(507, "InsufficientStorage")
            break
        batches += 1
    assert client.index_rows()["p"][0] == batches * size
    answer = client.delete_batch([{"partitionKey": "p"}]).expect(200)
    assert answer.json()[0]["deletedItems"] == batches * size
    assert client.index_rows() == {}
    client.close()
    server.stop()


def test_what_deletions_free_inside_the_file_is_room_again(on_small_disk):
    client = make_client(on_small_disk)
    stored = put_until_full(client)
    answer = client.delete_batch([{"partitionKey": "p"}]).expect(200)
    assert answer.json()[0]["deletedItems"] == stored
    again = put_until_full(client, pk="q")
    assert again > stored // 2, "the file does not shrink, but its pages are free"
    client.close()
    on_small_disk.stop()
