#!/usr/bin/env python3
"""Line and branch coverage of each folder, from what a build with SKERRY_COVERAGE=ON left behind when it ran.

    tests/lib/coverage.py BUILD [--files] [--missing PATH]

--files shows every file beneath its folder; --missing PATH the lines of that file, or of the files of that folder,
that never ran, and those with a branch never taken. A line counts once however many objects it is part of.

Without --missing a second table follows: what decides about values and foreign bytes (STRICT below), where every
line must run and every branch be taken. Each that is not is named, and the exit code is then 1.

Two kinds of branches are left out, here and there:
- those of assert(): their other side is a bug that no test may reach;
- one of a switch without `default`: gcc adds a branch for values that no label names, which is not in the source.
  That a label's own branch is tried is seen from its lines, which must run all the same.
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
SWITCH = re.compile(r"\bswitch\s*\(")
DEFAULT = re.compile(r"\bdefault\s*:")
NO_CODE = re.compile(r"'(\\.|[^'\\])'|\"(\\.|[^\"\\])*\"|/\*.*?\*/")  # what may hold braces that are none
BATCH = 50

# Where every branch must be tried: a name, and its files, each whole or only some functions of it.
STRICT = (
    ("crdt", {"crdt/*": None}),
    ("ring", {"ring/*": None}),
    ("http", {"http/*": None}),
    ("token", {"node/request/item.c": {"item_token_read", "item_token_write"},
               "node/request/marker.c": None,
               "node/store/store.c": {"store_token_seal"}}),
    ("record", {"node/store/record.c": None, "node/base/wire.*": None}),
)


class Line:
    """How often a line ran, and each of its branches."""

    def __init__(self):
        self.count = 0
        self.branches = []
        self.function = None

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


def open_switches(path):
    """The numbers of the lines where a switch begins that has no default."""
    numbers, found, depth = set(), [], 0
    for number, text in enumerate(path.read_text().splitlines(), 1):
        text = NO_CODE.sub("", text)
        if SWITCH.search(text):
            found.append([number, depth, False])
        if found and DEFAULT.search(text):
            found[-1][2] = True
        depth += text.count("{") - text.count("}")
        if found and depth <= found[-1][1]:
            start, _, has_default = found.pop()
            if not has_default:
                numbers.add(start)
    return numbers


def forgive_one(branches):
    """The branches without one that was never taken, if there is one."""
    rest = list(branches)
    if 0 in rest:
        rest.remove(0)
    return rest


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
                files[path][line["line_number"]].function = line.get("function_name")
    for path, lines in files.items():
        for number in assert_lines(path) & set(lines):
            lines[number].branches = []
        for number in open_switches(path) & set(lines):
            lines[number].branches = forgive_one(lines[number].branches)
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


def missing(path, lines):
    """What was not tried of these lines of a file, each as a text that begins with its place."""
    source = path.read_text().splitlines()
    for number, line in sorted(lines.items()):
        missed = sum(1 for count in line.branches if not count)
        why = "never ran" if not line.count else f"{missed} of {len(line.branches)} branches never taken"
        if not line.count or missed:
            yield f"{path.relative_to(ROOT)}:{number}: {why}: {source[number - 1].strip()}"


def show_missing(files, wanted):
    for path in sorted(files):
        if path == wanted or wanted in path.parents:
            for text in missing(path, files[path]):
                print(text)


def strict_lines(files, pattern, functions):
    """{path: {number: Line}} of what one entry of STRICT names; nothing that is named may be gone."""
    chosen = {path: lines for path, lines in files.items() if path.relative_to(ROOT).match(pattern)}
    if not chosen:
        sys.exit(f"coverage.py: nothing was measured of {pattern}")
    if functions is None:
        return chosen
    gone = functions - {line.function for lines in chosen.values() for line in lines.values()}
    if gone:
        sys.exit(f"coverage.py: nothing was measured of {', '.join(sorted(gone))} in {pattern}")
    return {path: {number: line for number, line in lines.items() if line.function in functions}
            for path, lines in chosen.items()}


def show_strict(files):
    """The table of what must be tried in full; is all of it?"""
    untried = []
    print("\nevery branch of these must be tried")
    for name, entries in STRICT:
        chosen = [item for pattern, functions in entries.items()
                  for item in strict_lines(files, pattern, functions).items()]
        row(name, [line for _, lines in chosen for line in lines.values()])
        untried += [text for path, lines in sorted(chosen, key=lambda item: item[0]) for text in missing(path, lines)]
    for text in untried:
        print(text)
    return not untried


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
        return
    show(files, options.files)
    if not show_strict(files):
        sys.exit("coverage.py: not every branch is tried where each must be")


if __name__ == "__main__":
    main()
