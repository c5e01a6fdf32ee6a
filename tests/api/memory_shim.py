"""tests/shim/memory.c from the outside: which call for memory fails, and how much is held."""

import mmap
import os
import pathlib

import skerry

LIBRARY = pathlib.Path(skerry.BIN).resolve().parent / "shim" / "shim_memory.so"


class Control:
    """struct memory_control, shared with the process."""

    NAMES = ("fail_at", "calls", "failed", "sticky", "live", "taken")

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

    def arm(self, fail_at, sticky=False):
        """From now on calls for memory are counted, and number `fail_at` fails; sticky: every later one too."""
        self.disarm()
        for name, value in (("calls", 0), ("failed", 0), ("sticky", int(sticky)), ("fail_at", fail_at)):
            self.store(name, value)

    def disarm(self):
        self.store("fail_at", 0)

    def environment(self):
        """What a server is started with to have its memory watched."""
        return {"LD_PRELOAD": os.fspath(LIBRARY), "SHIM_MEMORY_CONTROL": os.fspath(self.path)}
