"""Each fuzz target is in the table of tests/README.md and has something to begin with; nothing is left of others."""

import pathlib
import re

FUZZ = pathlib.Path(__file__).resolve().parents[1] / "fuzz"
TARGETS = {path.stem for path in FUZZ.glob("*.c")}


def test_every_target_is_described():
    text = (FUZZ.parent / "README.md").read_text().split("## Fuzzers")[1].split("\n## ")[0]
    assert {match.group(1) for match in re.finditer(r"^\| `(\w+)` \|", text, re.MULTILINE)} == TARGETS


def test_every_target_has_inputs_to_begin_with():
    counts = {path.name: sum(1 for file in path.iterdir() if file.is_file()) for path in (FUZZ / "corpus").iterdir()}
    assert set(counts) == TARGETS and min(counts.values()) > 2, counts


def test_every_dictionary_has_its_target():
    assert {path.stem for path in FUZZ.glob("*.dict")} <= TARGETS
