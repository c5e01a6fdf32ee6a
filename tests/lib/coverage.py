#!/usr/bin/env python3
"""Line and branch coverage of each folder, from what a build with SKERRY_COVERAGE=ON left behind when it ran.

    tests/lib/coverage.py BUILD [--files] [--missing PATH]

--files shows every file beneath its folder; --missing PATH the lines of that file, or of the files of that folder,
that never ran, and those with a branch never taken. A line counts once however many objects it is part of. The
branches of assert() are left out: their other side is a bug that no test may reach.
"""

import argparse
import collections
import gzip
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCT = ("crdt", "ring", "http", "node", "sim")
ASSERT = re.compile(r"\b(static_)?assert\s*\(")
BATCH = 50


class Line:
    """How often a line ran, and each of its branches."""

    def __init__(self):
        self.count = 0
        self.branches = []

    def add(self, count, branches):
        self.count += count
        if len(branches) == len(self.branches):
            self.branches = [a + b for a, b in zip(self.branches, branches)]
        elif len(branches) > len(self.branches):
            self.branches = branches


def documents(build):
    """gcov's JSON for every object that ran."""
    notes = sorted(str(path) for path in build.rglob("*.gcno"))
    for start in range(0, len(notes), BATCH):
        command = ["gcov", "--json-format", "--stdout", "--branch-probabilities", *notes[start:start + BATCH]]
        done = subprocess.run(command, cwd=build, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output = gzip.decompress(done.stdout) if done.stdout[:2] == b"\x1f\x8b" else done.stdout
        for text in output.splitlines():
            if text.strip():
                yield json.loads(text)


def assert_lines(path):
    """The numbers of the lines that an assert() spans."""
    numbers, depth = set(), 0
    for number, text in enumerate(path.read_text().splitlines(), 1):
        start = ASSERT.search(text)
        if depth == 0 and not start:
            continue
        numbers.add(number)
        rest = text[start.start():] if depth == 0 else text
        depth = max(0, depth + rest.count("(") - rest.count(")"))
    return numbers


def collect(build):
    """{path: {number: Line}} of the product's own files."""
    files = collections.defaultdict(lambda: collections.defaultdict(Line))
    for document in documents(build):
        base = pathlib.Path(document["current_working_directory"])
        for entry in document["files"]:
            path = (base / entry["file"]).resolve()
            if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in PRODUCT:
                continue
            for line in entry["lines"]:
                branches = [branch["count"] for branch in line["branches"]]
                files[path][line["line_number"]].add(line["count"], branches)
    for path, lines in files.items():
        for number in assert_lines(path) & set(lines):
            lines[number].branches = []
    return files


def share(part, whole):
    return f"{100 * part / whole:6.1f} %" if whole else "     – "


def row(name, lines):
    branches = [count for line in lines for count in line.branches]
    ran = sum(1 for line in lines if line.count)
    taken = sum(1 for count in branches if count)
    print(f"{name:<28}{len(lines):7}{share(ran, len(lines)):>10}{len(branches):9}{share(taken, len(branches)):>10}")


def show(files, with_files):
    folders = collections.defaultdict(list)
    for path in sorted(files):
        folders[str(path.relative_to(ROOT).parent)].append(path)
    print(f"{'folder':<28}{'lines':>7}{'ran':>10}{'branches':>9}{'taken':>10}")
    for folder in sorted(folders):
        row(folder, [line for path in folders[folder] for line in files[path].values()])
        for path in folders[folder] if with_files else []:
            row("    " + path.name, list(files[path].values()))
    row("all", [line for lines in files.values() for line in lines.values()])


def show_missing(files, wanted):
    for path in sorted(files):
        if path != wanted and wanted not in path.parents:
            continue
        source = path.read_text().splitlines()
        for number, line in sorted(files[path].items()):
            missed = sum(1 for count in line.branches if not count)
            why = "never ran" if not line.count else f"{missed} of {len(line.branches)} branches never taken"
            if not line.count or missed:
                print(f"{path.relative_to(ROOT)}:{number}: {why}: {source[number - 1].strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--files", action="store_true")
    parser.add_argument("--missing", type=pathlib.Path)
    options = parser.parse_args()
    files = collect(options.build.resolve())
    if not files:
        sys.exit(f"coverage.py: nothing was measured in {options.build}")
    if options.missing:
        show_missing(files, options.missing.resolve())
    else:
        show(files, options.files)


if __name__ == "__main__":
    main()
