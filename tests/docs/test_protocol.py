"""docs/protocol.md, the vectors and the second implementation say the same."""

import re

import pages
import protocol


def vectors():
    lines = (pages.ROOT / "tests/vectors/protocol.txt").read_text().splitlines()
    return dict(line.split(" ") for line in lines if line and not line.startswith("#"))


def test_the_vectors_are_what_the_page_alone_leads_to():
    assert [f"{name} {data}" for name, data in vectors().items()] == protocol.lines()


def test_the_page_shows_the_bytes_of_the_vectors():
    known, shown = vectors(), []
    for block in pages.blocks("docs/protocol.md"):
        if block.mark is None or not block.mark.startswith("vector "):
            continue
        name = block.mark.partition(" ")[2]
        columns = [re.split(r"  +", line.strip())[0] for line in block.text.splitlines()]
        assert re.sub(r"\s", "", "".join(columns)) == known[name], f"docs/protocol.md:{block.line}: {name}"
        shown.append(name)
    wanted = {"hello", "answer", "proof", "packet"} | {name for name in known if name.endswith("_frame")}
    assert wanted <= set(shown), sorted(wanted - set(shown))


def test_every_reason_to_refuse_a_link_is_on_the_page():
    source = (pages.ROOT / "node/core/link_handshake.c").read_text(encoding="utf-8")
    reasons = set(re.findall(r'^const char LINK_REASON_\w+\[\] = "([^"]+)";', source, flags=re.M))
    shown = {cells[0] for _, cells in pages.rows("docs/protocol.md")}
    assert len(reasons) > 10 and reasons <= shown, sorted(reasons - shown)


def test_every_bound_is_the_one_of_the_program():
    known = pages.constants()
    text = pages.read("docs/protocol.md")
    for name in ("LINK_FRAME_BYTES_MAX", "LINK_MESSAGE_BYTES_MAX", "LINK_HALF_BYTES_MAX", "LINK_QUEUE_BYTES_MAX",
                 "LINK_PIECE_BYTES_MAX", "PACKET_BODY_BYTES_MAX", "LIMITS_DATAGRAM_BYTES_MAX"):
        assert f"{pages.value_of(name, known):,}" in text, name
