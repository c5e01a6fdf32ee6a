"""What lies in a data directory, read by a program that is no server (tests/tool/store_check.c)."""

import subprocess
from collections import namedtuple

import disk_shim
import skerry

Found = namedtuple("Found", "verdict items")  # (partition key, sort key) → values, None for a deletion


class StoreCheck:
    """One process for many directories."""

    def __init__(self):
        self.process = subprocess.Popen([disk_shim.STORE_CHECK], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=skerry.clean_environment())

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.stdin.close()
        self.process.stdout.close()
        code = self.process.wait(skerry.TIMEOUT_S)
        assert code == 0 or failure[0], f"store_check ended with {code}"

    def look(self, directory):
        """Verdict "ok", or what is wrong; and the items that were read until then."""
        self.process.stdin.write(f"{directory}\n".encode())
        self.process.stdin.flush()
        items = {}
        for line in self.process.stdout:
            kind, *fields = line.rstrip(b"\n").split(b"\t")
            if kind == b"end":
                return Found(fields[0].decode(), items)
            pk, sk, *values = fields
            items[(pk.decode(), sk.decode())] = [None if value == b"-" else value for value in values]
        raise AssertionError(f"store_check ended over {directory}")


def look(directory):
    with StoreCheck() as check:
        return check.look(directory)
