"""tests/shim/disk.c from the outside: what shall fail and when, and the journal of all that was done to a disk."""

import errno
import mmap
import os
import pathlib
import struct
from collections import namedtuple

import skerry

BUILD = pathlib.Path(skerry.BIN).resolve().parent
LIBRARY = BUILD / "shim" / "shim_disk.so"
STORE_CHECK = BUILD / "tool" / "store_check"

# Sanitizers and gcov make every process three to ten times slower: there the long tests are samples.
SLOW_MARKS = (b"__asan_init", b"__tsan_init", b"__gcov_init")
IS_SLOW = any(mark in pathlib.Path(skerry.BIN).read_bytes() for mark in SLOW_MARKS)

# enum disk_kind and enum disk_how
WRITE, SYNC, NAME, FILE_SYNC, ROOT_WRITE = 1, 2, 4, 8, 16
BEFORE, AFTER, SHORTEN = 0, 1, 2

# enum disk_record
CREATE, WRITTEN, ROOT, TRUNCATE, SYNCED, RENAME, LINK, UNLINK, SYNC_DIR, ACK = range(10)
HEAD = struct.Struct("=IIQQQ")

Record = namedtuple("Record", "kind inode offset data")


class Control:
    """struct disk_control, shared with the process."""

    NAMES = ("fail_at", "calls", "failed", "acks", "sticky", "how", "error", "only")

    def __init__(self, path):
        path.write_bytes(bytes(8 * len(self.NAMES)))
        self.path = path
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def __getattr__(self, name):
        at = 8 * self.NAMES.index(name)
        return int.from_bytes(self.map[at:at + 8], "little")

    def store(self, name, value):
        at = 8 * self.NAMES.index(name)
        self.map[at:at + 8] = value.to_bytes(8, "little")

    def arm(self, fail_at, only=WRITE | SYNC, how=BEFORE, sticky=True, error=errno.EIO):
        """From now on calls of these kinds are counted, and number `fail_at` fails. 0: nothing fails any more."""
        wishes = {"fail_at": 0, "calls": 0, "failed": 0, "acks": 0, "sticky": int(sticky), "how": how,
                  "error": error, "only": only}
        for name, value in wishes.items():
            self.store(name, value)
        self.store("fail_at", fail_at)


def environment(directory, control=None, journal=None):
    """What a server is started with to have its disk at `directory` watched."""
    wishes = {"LD_PRELOAD": LIBRARY, "SHIM_DISK_DIR": directory}
    if control is not None:
        wishes["SHIM_DISK_CONTROL"] = control.path
    if journal is not None:
        wishes["SHIM_DISK_JOURNAL"] = journal
    return {name: os.fspath(value) for name, value in wishes.items()}


def read_journal(path):
    data, at, records = path.read_bytes(), 0, []
    while at < len(data):
        kind, length, inode, offset, zero = HEAD.unpack_from(data, at)
        assert zero == 0 and kind <= ACK, f"a broken journal at {at}"
        at += HEAD.size
        records.append(Record(kind, inode, offset, data[at:at + length]))
        at += length
    return records
