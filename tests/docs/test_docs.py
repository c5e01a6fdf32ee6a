"""The documentation is held to the program: its scripts run, its numbers, names and links are those of the tree.

A fenced block with the line `<!-- run -->` before it is run; all of a page, in order, in one shell, in a copy of the
repository beside a server started there. `<!-- vector NAME -->` says that the block shows those bytes.
"""

import pathlib
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "api")]

import disk_format  # noqa: E402
import pages  # noqa: E402
import skerry  # noqa: E402
import test_story as story  # noqa: E402

COMMITS_WANTED = 20
PAGES = pages.pages()
WITH_SCRIPTS = [page for page in PAGES if pages.scripts(page)]


def names_of(paths):
    return [str(path) for path in paths]


# --- scripts --------------------------------------------------------------------------------------------------------


def copy_of_repository(directory):
    """With its history where it has one, else with an invented one."""
    try:
        subprocess.run(["git", "-c", "safe.directory=*", "clone", "-q", "--no-hardlinks", str(pages.ROOT),
                        str(directory)], capture_output=True, check=True)
        count = int(story.git(directory, "rev-list", "--count", "HEAD"))
    except (subprocess.CalledProcessError, FileNotFoundError):
        count = 0
    if count < COMMITS_WANTED:
        directory = directory.with_name("invented")
        directory.mkdir()
        story.make_repository(directory)
        story.git(directory, "symbolic-ref", "HEAD", "refs/heads/main")
    (directory / "build").mkdir()
    (directory / "build" / "skerry").symlink_to(pathlib.Path(skerry.BIN).resolve())
    return directory


@pytest.fixture
def place(tmp_path):
    """The root of a copy of the repository in which somebody has run node/run in another terminal."""
    root = copy_of_repository(tmp_path / "skerry")
    server = skerry.Server(root / "skerry-data")
    yield root
    try:
        server.stop()
    finally:
        server.kill()


@pytest.mark.parametrize("page", WITH_SCRIPTS, ids=names_of(WITH_SCRIPTS))
def test_every_script_of_a_page_runs(place, page):
    parts = ["set -euo pipefail"]
    if page.name != "README.md":
        parts.append('PATH="$PWD/build:$PATH"')
    for block in pages.scripts(page):
        parts += [f"echo {shlex.quote(f'# {block.page}:{block.line}')} >&2", block.text]
    before = names_of(sorted(place.iterdir()))
    environment = skerry.clean_environment(GIT_CONFIG_COUNT=1, GIT_CONFIG_KEY_0="safe.directory",
                                           GIT_CONFIG_VALUE_0="*")
    done = subprocess.run(["bash", "-c", "\n".join(parts)], cwd=place, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=skerry.TIMEOUT_S * 2, env=environment)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    if page.name == "README.md":
        assert names_of(sorted(place.iterdir())) == before, "the story tidies up what it made"


# --- the tree -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_every_link_leads_somewhere(page):
    for number, target in pages.links(page):
        if re.match(r"^[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (pages.ROOT / page).parent / path if path else pages.ROOT / page
        assert file.exists(), f"{page}:{number}: {target} leads nowhere"
        if anchor:
            found = pages.anchors(file.resolve().relative_to(pages.ROOT))
            assert anchor in found, f"{page}:{number}: {target}: no such heading, only {found}"


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_every_file_that_is_named_is_there(page):
    for number, text in pages.names(page):
        match = re.fullmatch(r"((?:crdt|ring|http|node|sim|tests|docs|\.ci)/[\w./-]+)\.(c|h|\[ch\]|py|md|txt|svg)",
                             text)
        if match is None:
            continue
        suffixes = ["c", "h"] if match.group(2) == "[ch]" else [match.group(2)]
        for suffix in suffixes:
            assert (pages.ROOT / f"{match.group(1)}.{suffix}").exists(), f"{page}:{number}: there is no {text}"


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_every_test_that_is_named_is_there(page):
    """`api/test_items.py::test_…` and `crdt/dvvs.c::…`, seen from tests/."""
    for number, text in pages.names(page):
        match = re.fullmatch(r"([\w/]+\.(?:py|c))::(\w+)", text)
        if match is None:
            assert "::" not in text, f"{page}:{number}: {text} does not name a test as others do"
            continue
        file = pages.ROOT / "tests" / match.group(1)
        if not is_defined(file, match.group(2)):
            found = [str(other) for other in (pages.ROOT / "tests").rglob(f"*{file.suffix}")
                     if is_defined(other, match.group(2))]
            assert False, f"{page}:{number}: {text} is not there; {match.group(2)} is in {found}"


def is_defined(file, name):
    return file.exists() and re.search(rf"\b(?:void|def) {name}\(", file.read_text(encoding="utf-8")) is not None


def test_every_picture_is_sound():
    for file in sorted((pages.ROOT / "docs").rglob("*.svg")):
        root = xml.etree.ElementTree.parse(file).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.find("{*}title") is not None, file


def test_pages_speak_of_what_is_there():
    """No word that stands for work to be done."""
    for page in PAGES:
        for number, line in pages.prose(page):
            assert not re.search(r"\b(TODO|FIXME|XXX|TBD)\b", line), f"{page}:{number}: {line}"


# --- numbers --------------------------------------------------------------------------------------------------------


def test_every_limit_is_the_one_of_the_program():
    known = pages.constants()
    checked = 0
    for number, cells in pages.rows("docs/limits.md"):
        constants = re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`", " ".join(cells))
        if not constants:
            continue
        told = re.match(r"[\d,]+", cells[1])
        assert told, f"docs/limits.md:{number}: the second column does not begin with a number"
        for name in constants[:1]:
            assert int(told.group().replace(",", "")) == pages.value_of(name, known), f"docs/limits.md:{number}: {name}"
            checked += 1
    assert checked > 40


def test_no_limit_is_left_out():
    """Every constant of node/core/limits.h is on the page, and the bounds of the other headers that say so."""
    page = pages.read("docs/limits.md")
    source = "".join((pages.ROOT / path).read_text(encoding="utf-8") for path in
                     ("node/core/limits.h", "node/store/op.h", "node/edge/client.h", "node/edge/loop.h",
                      "http/parse.h", "http/json.h", "http/route.h", "crdt/seen.h"))
    wanted = set(re.findall(r"\b(LIMITS_\w+)\b\s*=", source)) | set(re.findall(r"\b([A-Z]\w+_MAX)\b\s*=", source)) | \
        set(re.findall(r"\b((?:CLIENT|LOOP)_\w+_MS)\b\s*=", source))
    missing = sorted(name for name in wanted if f"`{name}`" not in page)
    assert not missing, missing


def settings():
    """[(flag, default, file key, variable)] as the program tells them."""
    text = skerry.run("server", "--help").expect(0).text.partition("\nSettings:\n")[2]
    found = re.findall(r"^  (--[\w-]+) .+\n(?:.*\n)+?      takes .*; default: (.*)\n"
                       r"      file: (.*); environment: (\w+)$", text, flags=re.M)
    assert len(found) == text.count("environment: SKERRY_")
    return found


def test_every_setting_is_on_the_page_of_operations():
    rows = pages.rows("docs/operations.md")
    for flag, default, key, variable in settings():
        mine = [cells for _, cells in rows if f"`{flag}`" in cells]
        assert len(mine) == 1, f"{flag}: {len(mine)} rows"
        for wanted in (f"`{key}`", f"`{variable}`"):
            assert wanted in mine[0], f"{flag}: no {wanted} in {mine[0]}"
        told = mine[0][3].replace("`", "").replace(",", "")
        assert told.startswith(default.split(" ")[0].rstrip(",")), f"{flag}: the default is {default}, not {mine[0][3]}"


def test_what_a_reload_takes_over_is_what_the_program_says():
    text = skerry.run("server", "--help").expect(0).text.partition("\nSettings:\n")[2]
    live = set(re.findall(r"file: (?:\[\w+\] )?(\w+); environment: \w+\n      taken over at SIGHUP$", text, flags=re.M))
    page = (pages.ROOT / "docs/operations.md").read_text(encoding="utf-8")
    table = page.partition("| taken over by SIGHUP | from |\n")[2].partition("\n\n")[0]
    told = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split(" | ")[0])}
    assert told == live and live


def test_every_line_of_the_log_is_on_the_page_of_operations():
    said = set()
    for source in (pages.ROOT / "node" / "edge").glob("*.c"):
        calls = re.findall(r"\blog_(?:begin|event|event_text)\([^;\"]*\"([^\"]+)\"", source.read_text(encoding="utf-8"))
        said |= {re.sub("`", "", call) for call in calls}
    for source in (pages.ROOT / "node" / "cluster").glob("*.c"):
        calls = re.findall(r"\boutbox_log\([^;\"]*\"([^\"]+)\"", source.read_text(encoding="utf-8"))
        said |= set(calls)
    shown = {re.sub("`", "", cells[0]).strip() for _, cells in pages.rows("docs/operations.md")}
    assert len(said) > 15 and said <= shown, sorted(said - shown)


def test_every_exit_code_is_on_the_page_of_operations():
    codes = re.findall(r"^  (\d)  ", skerry.run("--help").expect(0).text.partition("Exit codes:")[2], flags=re.M)
    told = [cells[0] for _, cells in pages.rows("docs/operations.md") if re.fullmatch(r"\d", cells[0])]
    assert set(codes) <= set(told) and codes


# --- the disk format ------------------------------------------------------------------------------------------------


def vectors():
    lines = (pages.ROOT / "tests/vectors/disk-format.txt").read_text().splitlines()
    return dict(line.split(" ") for line in lines if line and not line.startswith("#"))


def test_the_vectors_are_what_the_page_alone_leads_to():
    assert [f"{name} {data}" for name, data in vectors().items()] == disk_format.lines()


def test_the_page_shows_the_bytes_of_the_vectors():
    known, shown = vectors(), []
    for block in pages.blocks("docs/disk-format.md"):
        if block.mark is None or not block.mark.startswith("vector "):
            continue
        name = block.mark.partition(" ")[2]
        columns = [re.split(r"  +", line.strip())[0] for line in block.text.splitlines()]
        assert re.sub(r"\s", "", "".join(columns)) == known[name], f"docs/disk-format.md:{block.line}: {name}"
        shown.append(name)
    rows = [name for name in known if name.endswith("_row")]
    assert set(rows) <= set(shown), sorted(set(rows) - set(shown))
