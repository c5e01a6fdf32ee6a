"""What the tests of the documentation need to know of a page: its scripts, tables, links and names."""

import pathlib
import re
from collections import namedtuple

ROOT = pathlib.Path(__file__).resolve().parents[2]

Block = namedtuple("Block", "page line mark info text")  # `mark`: what the comment before the fence says

SKIPPED = re.compile(r"^(\.git|build.*|skerry-data|\.pytest_cache)$")
FENCE = re.compile(r"^```(\w*)\s*$")
MARK = re.compile(r"^<!-- (.*) -->$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.*?) *$")
CODE = re.compile(r"`([^`\n]+)`")


def pages():
    """All pages of the tree, relative to its root."""
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*.md")]
    return sorted(path for path in found if not any(SKIPPED.match(part) for part in path.parts))


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """Every fenced block, with the mark on the line before it (or None)."""
    found, fence, mark = [], None, None
    for number, line in enumerate(read(page).splitlines(), 1):
        if fence is not None:
            if line == "```":
                found.append(Block(page, *fence, "\n".join(lines) + "\n"))
                fence = mark = None
            else:
                lines.append(line)
        elif FENCE.match(line):
            fence, lines = (number + 1, mark, FENCE.match(line).group(1)), []
        else:
            mark = MARK.match(line).group(1) if MARK.match(line) else None
    assert fence is None, f"{page}:{fence[0]}: a block without its end"
    return found


def scripts(page):
    return [block for block in blocks(page) if block.mark == "run"]


def prose(page):
    """[(line number, line)] outside of fenced blocks."""
    kept, is_inside = [], False
    for number, line in enumerate(read(page).splitlines(), 1):
        if line.startswith("```"):
            is_inside = not is_inside
        elif not is_inside:
            kept.append((number, line))
    return kept


def links(page):
    """[(line number, target)]"""
    return [(number, target) for number, line in prose(page) for target in LINK.findall(line)]


def anchors(page):
    """What #… may follow the page's name, as forges make it of the headings."""
    slugs = []
    for _, line in prose(page):
        if HEADING.match(line):
            text = re.sub(r"[`*]", "", HEADING.match(line).group(1)).lower()
            slugs.append(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return slugs


def rows(page):
    """[(line number, [cell])] of all tables, without their titles' rules."""
    return [(number, [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))])
            for number, line in prose(page) if line.startswith("|") and not re.match(r"^\|[ :|-]+\|$", line)]


def names(page):
    """[(line number, text)] of everything between backticks."""
    return [(number, text) for number, line in prose(page) for text in CODE.findall(line)]


# --- constants of the C sources -------------------------------------------------------------------------------------


def constants():
    """name → expression, of every enum member and #define of the program; those of two meanings are left out."""
    found, twice = {}, set()
    for folder in ("crdt", "ring", "http", "node"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            source = re.sub(r"/\*.*?\*/", " ", path.read_text(encoding="utf-8"), flags=re.S)
            members = re.findall(r"\b([A-Z][A-Z0-9_]+)\s*=\s*([^,;{}]+?)\s*[,}]", source)
            members += re.findall(r"^#define ([A-Z][A-Z0-9_]+)[ \t]+(\S.*)$", source, flags=re.M)
            for name, expression in members:
                if found.setdefault(name, expression) != expression:
                    twice.add(name)
    return {name: expression for name, expression in found.items() if name not in twice}


def value_of(name, known, depth=0):
    """The number a constant stands for."""
    assert name in known, f"there is no one constant {name}"
    assert depth < 16, f"{name} is made of itself"
    text = re.sub(r"\b[A-Z][A-Z0-9_]+\b", lambda match: str(value_of(match.group(), known, depth + 1)),
                  re.sub(r"\(u?int\d*(_t)?\)", "", known[name]))
    text = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[uUlL]*\b", r"\1", text)
    assert re.fullmatch(r"[\d\sxa-fA-F+*/()<>-]+", text), f"{name} = {known[name]} is no plain sum"
    return eval(" ".join(text.replace("/", "//").split()), {"__builtins__": {}})
