"""What `skerry repair salvage` tells and refuses, and what a run that was killed leaves (H22). test_rot.py has its plain
case: a damaged row.
"""

import struct

import pytest

from test_rot import copy, filled


def newest_root(copy):
    """The newest meta page, its transaction, and the page of "main" it leads to."""
    content = copy.data.read_bytes()
    transactions = [struct.unpack_from("<Q", content, number * 4096 + 144)[0] for number in range(2)]
    number = transactions.index(max(transactions))
    return number, max(transactions), struct.unpack_from("<Q", content, number * 4096 + 128)[0]


def put_and_kill(copy):
    """One acknowledged write is the whole of the newest commit."""
    assert copy.start()
    client = copy.client()
    client.put("last", "acknowledged", b"precious").expect(204)
    client.close()
    copy.server.kill()


def last_value(copy):
    assert copy.start()
    client = copy.client()
    status = client.get("last", "acknowledged").status
    value = client.values("last", "acknowledged") if status == 200 else status
    client.close()
    copy.server.stop()
    return value


def test_salvage_says_that_the_newest_commit_is_lost(copy):
    put_and_kill(copy)
    _, commit, main = newest_root(copy)
    copy.flip(main * 4096 + 12, 3)
    [finding] = copy.check()["findings"]
    done = copy.server.command("repair", "salvage")
    assert done.code == 0 and f"commit {commit} is damaged, {commit - 1} was taken" in done.errors
    assert "1 findings" in done.text and "rows on them: 1" in done.text
    done = copy.server.command("repair", "salvage", "--yes", "-o", "json")
    assert done.code == 0 and f"what commit {commit} changed there may be lost" in done.errors
    document = done.json()
    assert document["damaged_pages"] == 1
    assert document["damaged_commit"] == {"newest": commit, "finding": finding,
                                          "taken": {name: commit - 1 for name in ("meta", "docs", "items")}}
    assert finding["page"] == main and finding["table"] == "main"
    assert last_value(copy) == 404
    assert copy.check()["findings"] == []
    done = copy.server.command("repair", "salvage")
    assert "was taken" not in done.errors and "0 findings" in done.text


def test_salvage_of_one_meta_page_says_that_it_cannot_know(copy):
    put_and_kill(copy)
    number, commit, _ = newest_root(copy)
    copy.flip(number * 4096 + 16, 3)
    done = copy.server.command("repair", "salvage", "--yes", "-o", "json")
    assert done.code == 0 and f"commit {commit - 1} was taken: if there was a newer one" in done.errors
    assert done.json()["damaged_commit"]["newest"] is None and done.json()["damaged_pages"] == 1


@pytest.mark.parametrize("table", ["counts", "docs", "items"])
def test_salvage_takes_from_the_newest_commit_what_can_be_found_there(copy, table):
    """Only one table's name has rotted, and "counts" can be counted anew: nothing else is of an older commit."""
    put_and_kill(copy)
    _, commit, main = newest_root(copy)
    content = copy.data.read_bytes()
    at = content.index(table.encode(), main * 4096, (main + 1) * 4096)
    copy.flip(at + len(table) - 1, 0)
    done = copy.server.command("repair", "salvage", "--yes", "-o", "json")
    assert done.code == 0
    document = done.json()["damaged_commit"]
    assert document["finding"]["table"] == table
    assert document["taken"] == {name: commit - (name == table) for name in ("meta", "docs", "items")}
    assert (f"{commit - 1} was taken for {table}:" in done.errors) == (table != "counts")
    assert last_value(copy) == (404 if table == "items" else [b"precious"])
    assert copy.check()["findings"] == []


def test_salvage_leaves_a_later_format_to_its_own_program(copy):
    content = bytearray(copy.data.read_bytes())
    at = -1
    while (at := content.find(b"\x92\xa6skerry\x02", at + 1)) >= 0:
        content[at + 8] = 3
    copy.data.write_bytes(content)
    for flags in ([], ["--yes"]):
        done = copy.server.command("repair", "salvage", *flags)
        assert done.code == 1 and "format version 3; use the program of that version" in done.errors
    assert copy.data.read_bytes() == content
    assert not (copy.server.directory / "data.mdb.damaged").exists()
    assert not (copy.server.directory / "salvage.tmp").exists()


@pytest.mark.parametrize("left", ["in the making", "half written", "second name"])
def test_what_a_killed_salvage_left_is_in_nobodys_way(copy, left):
    work = copy.server.directory / "salvage.tmp"
    damaged = copy.server.directory / "data.mdb.damaged"
    before = copy.data.read_bytes()
    (work / "data.new" if left == "in the making" else work).mkdir(parents=True)
    if left == "in the making":
        (work / "data.new" / "data.mdb").write_bytes(b"")
    if left == "half written":
        (work / "data.mdb").write_bytes(b"half")
        (work / "lock.mdb").write_bytes(b"")
    if left == "second name":
        damaged.hardlink_to(copy.data)
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 0, done.errors
    assert not work.exists()
    assert damaged.read_bytes() == before and damaged.stat().st_nlink == 1
    assert copy.data.stat().st_ino != damaged.stat().st_ino
    assert copy.check()["findings"] == []


def test_a_second_file_of_the_damaged_name_is_never_removed(copy):
    """Not even an equal one, and not through a link: it may be the only copy of something."""
    damaged = copy.server.directory / "data.mdb.damaged"
    damaged.write_bytes(copy.data.read_bytes())
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 1 and "move it away" in done.errors and damaged.exists()
    damaged.unlink()
    damaged.symlink_to(copy.data)
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 1 and "move it away" in done.errors and damaged.is_symlink() and copy.data.exists()


def test_a_link_in_the_place_of_the_work_is_not_followed(copy):
    before = copy.data.read_bytes()
    (copy.server.directory / "salvage.tmp").symlink_to(".")
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 1 and "salvage.tmp cannot be made" in done.errors
    assert copy.data.read_bytes() == before


def test_a_new_database_that_cannot_be_put_in_place_leaves_the_old_one_alone(copy):
    """The old file can have no second name: the last step but one fails."""
    before = copy.data.read_bytes()
    (copy.server.directory / "data.mdb.damaged").symlink_to("nowhere")
    done = copy.server.command("repair", "salvage", "--yes")
    assert done.code == 1 and "cannot be put in its place" in done.errors
    assert copy.data.read_bytes() == before and copy.data.stat().st_nlink == 1
    assert not (copy.server.directory / "salvage.tmp").exists()
