"""What a disk may hold after the power went: images built from a journal of tests/shim/disk.c.

    tests/api/disk_image.py JOURNAL SEED NUMBER DIRECTORY     image NUMBER of that seed, as the test made it

The rules are those a file system may keep to at its worst. What a sync did not yet cover is kept, lost or half kept,
each sector of 512 bytes for itself and in any order; a file has any size it had since its last sync. A write through
a descriptor with O_DSYNC is durable when it returns, and until then as any other. Names that came, went or changed
since the directory was last synced did so, or did not, each for itself. lock.mdb is written through a map and may
hold anything.
"""

import copy
import pathlib
import random
import shutil
import sys

import disk_shim

SECTOR = 512
PAGE_SECTORS = 8
LOCK = "lock.mdb"


class File:
    """What is durable, what a reader sees, and which contents each sector had since the last sync."""

    def __init__(self):
        self.seen = bytearray()
        self.durable = bytearray()
        self.sectors = {}  # number → contents, the newest last
        self.sizes = []

    def _put(self, offset, data):
        end = offset + len(data)
        if end > len(self.seen):
            self.seen.extend(bytes(end - len(self.seen)))
            self.sizes.append(end)
        self.seen[offset:end] = data
        return range(offset // SECTOR, (end + SECTOR - 1) // SECTOR)

    def _sector(self, number):
        return bytes(self.seen[number * SECTOR:(number + 1) * SECTOR]).ljust(SECTOR, b"\0")

    def _settle(self, number):
        end = (number + 1) * SECTOR
        if end > len(self.durable):
            self.durable.extend(bytes(end - len(self.durable)))
        self.durable[number * SECTOR:end] = self._sector(number)
        self.sectors.pop(number, None)

    def write(self, offset, data):
        for number in self._put(offset, data):
            self.sectors.setdefault(number, []).append(self._sector(number))

    def write_through(self, offset, data):
        for number in self._put(offset, data):
            self._settle(number)

    def truncate(self, size):
        del self.seen[size:]
        self.seen.extend(bytes(size - len(self.seen)))
        self.sizes.append(size)

    def sync(self):
        for number in [*self.sectors]:
            self._settle(number)
        self.sizes = []
        del self.durable[len(self.seen):]
        self.durable.extend(bytes(len(self.seen) - len(self.durable)))

    def image(self, generator):
        lost, is_by_page = generator.choice((0, 0.1, 0.5, 0.9, 1)), generator.random() < 0.3
        content, fates = bytearray(self.durable), {}
        for number, contents in self.sectors.items():
            group = number // PAGE_SECTORS if is_by_page else number
            if group not in fates:
                fates[group] = generator.random() < lost
            end = (number + 1) * SECTOR
            if fates[group]:
                continue
            if end > len(content):
                content.extend(bytes(end - len(content)))
            content[end - SECTOR:end] = contents[-1] if generator.random() < 0.7 else generator.choice(contents)
        size = generator.choice([len(self.durable), *self.sizes])
        del content[size:]
        return bytes(content).ljust(size, b"\0")


class Disk:
    """One directory, as the records of a journal change it."""

    def __init__(self):
        self.files = {}  # inode → File
        self.names = {}  # as they are seen
        self.durable = {}
        self.changes = []  # of names, since the last sync of the directory: (old name, new name, file)

    def apply(self, record):
        kind, inode, offset, data = record
        file = self.files.get(inode)
        if kind == disk_shim.CREATE:
            self.files[inode] = File()
            self._change(None, data.decode(), self.files[inode])
        elif kind == disk_shim.WRITTEN:
            file.write(offset, data)
        elif kind == disk_shim.ROOT:
            file.write_through(offset, data)
        elif kind == disk_shim.TRUNCATE:
            file.truncate(offset)
        elif kind == disk_shim.SYNCED:
            file.sync()
        elif kind == disk_shim.SYNC_DIR:
            self.durable, self.changes = dict(self.names), []
        elif kind in (disk_shim.RENAME, disk_shim.LINK):
            old, new = data.decode().split("\0")
            self._change(old if kind == disk_shim.RENAME else None, new, self.names[old])
        elif kind == disk_shim.UNLINK:
            self._change(data.decode(), None, None)

    def _change(self, *change):
        self.changes.append(change)
        self._rename(self.names, *change)

    @staticmethod
    def _rename(names, old, new, file):
        names.pop(old, None)
        if new is not None:
            names[new] = file

    def image(self, generator, flying=None):
        """Name → content. `flying` is a record that is under way as the power goes."""
        is_root = flying is not None and flying.kind == disk_shim.ROOT
        names, lost = dict(self.durable), generator.choice((0, 0.2, 0.5, 1))
        for change in self.changes:
            if generator.random() >= lost:
                self._rename(names, *change)
        image = {}
        for name, file in names.items():
            if is_root and file is self.files[flying.inode]:
                file = copy.deepcopy(file)
                file.write(flying.offset, flying.data)
            image[name] = file.image(generator)
        if LOCK in image:
            image[LOCK] = generator.choice((image[LOCK], generator.randbytes(len(image[LOCK]))))
        return image


def generator_of(seed, number):
    return random.Random(f"{seed}.{number}")


def choose_cut(records, generator):
    """How many records are done when the power goes: any number, a root under way more often, early ones too."""
    chance = generator.random()
    if chance < 0.4:
        return generator.choice([at for at, record in enumerate(records) if record.kind == disk_shim.ROOT])
    return generator.randrange(100 if chance < 0.5 else len(records))


def images(records, seed, count):
    """(number, cut, image) for 0 … count - 1, in the order of their cuts."""
    generators = [generator_of(seed, number) for number in range(count)]
    cuts = sorted((choose_cut(records, generator), number) for number, generator in enumerate(generators))
    disk, done = Disk(), 0
    for cut, number in cuts:
        while done < cut:
            disk.apply(records[done])
            done += 1
        yield number, cut, disk.image(generators[number], records[cut])


def write_image(image, directory):
    """The directory holds this image and nothing else."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    for name, content in image.items():
        (directory / name).parent.mkdir(mode=0o700, exist_ok=True)
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o600)


def main(journal, seed, number, directory):
    records = disk_shim.read_journal(pathlib.Path(journal))
    for found, cut, image in images(records, seed, int(number) + 1):
        if found == int(number):
            write_image(image, pathlib.Path(directory))
            print(f"{cut} of {len(records)} records were done; {', '.join(image) or 'no file'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
