"""The commands on a terminal and in pipes: progress, Ctrl-C, readers that go away."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import skerry
from skerry import b64
from terminal import SlowServer, Terminal, screen
from test_cli import environment_of

# A thread of the little server that ends by an exception is a mistake of the test.
pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

ITEMS = [{"pk": "p", "sk": f"{n:04}", "value": "x" * 100} for n in range(2000)]


@pytest.fixture
def slow(request):
    server = SlowServer(getattr(request, "param", b""))
    yield server
    server.close()


@pytest.fixture
def asking():
    return {"K2V_BUCKET": "b", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}


@pytest.fixture
def items(tmp_path):
    file = tmp_path / "items.json"
    file.write_text(json.dumps(ITEMS))
    return file


# Progress


def test_a_long_insert_shows_a_bar_and_takes_it_away(slow, asking, items):
    shown = Terminal("k2v", "insert-batch", items, "--endpoint", slow.url, environment=asking, columns=120)
    slow.wait_for_requests(1)
    shown.wait_for(r"insert-batch  \[> *\] +0 %  0 items stored +0:0\d")
    slow.go()
    match = shown.wait_for(r"insert-batch  (\[=+>? *\]) +(\d+) %  1,000 items stored  [\d.]+ KiB of [\d.]+ KiB read  "
                           r"[\d.]+ KiB/s  0:\d\d left")
    assert 45 < int(match.group(2)) < 55 and b">" in match.group(1)
    slow.go()
    code, output, text = shown.end()
    assert (code, output) == (0, b"stored 2000 items in 2 requests\n")
    assert screen(text, 120) == [""], "the line is cleared at the end"


@pytest.mark.parametrize("columns", [1, 2, 10, 30, 79])
def test_the_bar_keeps_to_the_width_of_the_terminal(slow, asking, items, columns):
    shown = Terminal("k2v", "insert-batch", items, "--endpoint", slow.url, environment=asking, columns=columns)
    slow.go()
    shown.wait_for(r"\r" + "insert-batch"[:columns - 1 or 1])
    slow.go()
    code, _, text = shown.end()
    assert code == 0 and screen(text, max(columns, 2)) == [""]


def test_standard_input_has_no_total(slow, asking):
    shown = Terminal("k2v", "insert-batch", "--lines", "--endpoint", slow.url, environment=asking,
                     stdin=subprocess.PIPE)
    slow.go()
    shown.process.stdin.write("".join(json.dumps(item) + "\n" for item in ITEMS).encode())
    shown.process.stdin.close()
    slow.wait_for_requests(2)
    shown.wait_for(r"insert-batch  1,000 items stored +0:0\d")
    slow.go()
    code, _, text = shown.end()
    assert code == 0 and "%" not in text and "left" not in text


@pytest.mark.parametrize("slow", [json.dumps([{"partitionKey": "p", "items": [], "x": "x" * 200_000}]).encode()],
                         indirect=True, ids=["200 KB"])
def test_a_long_read_shows_what_came(slow, asking):
    shown = Terminal("k2v", "read-batch", "p", "-o", "json", "--endpoint", slow.url, environment=asking)
    shown.wait_for(r"read-batch  [\d.]+ KiB received  [\d.]+ (B|KiB)/s  0:0\d")
    slow.go()
    code, output, text = shown.end()
    assert code == 0 and json.loads(output)[0]["x"] and screen(text) == [""]


def test_a_long_deletion_shows_that_it_goes_on(slow, asking):
    shown = Terminal("k2v", "delete-batch", "p", "--endpoint", slow.url, environment=asking)
    shown.wait_for(r"delete-batch  0:0\d")
    slow.go()
    code, _, text = shown.end()
    assert code == 1 and screen(text)[0].startswith("skerry: "), "an answer that is none is said on a clear line"


@pytest.mark.parametrize("unwanted", ["flag", "pipe", "dumb"])
def test_no_bar_where_none_is_wanted(k2v, pk, tmp_path, unwanted):
    """A batch of many requests, which takes longer than a line of progress takes to come."""
    count = 4000
    lines = "".join(json.dumps({"pk": pk, "sk": f"{n:06}", "value": "x" * 50}) + "\n" for n in range(count))
    (tmp_path / "lines").write_text(lines)
    words = ["k2v", "insert-batch", "--lines", tmp_path / "lines", "--batch-items", "20"]
    if unwanted == "pipe":
        done = skerry.run(*words, environment=environment_of(k2v, TERM="xterm"))
        assert done.expect(0).errors == ""
        return
    words += ["--no-progress"] if unwanted == "flag" else []
    shown = Terminal(*words, environment=environment_of(k2v), kind="dumb" if unwanted == "dumb" else "xterm")
    code, _, text = shown.end()
    assert (code, text) == (0, "")


# Waiting

# Its clock shows minutes after seconds (tests/shim/clock.c).
HURRIED = {"LD_PRELOAD": os.fspath(pathlib.Path(skerry.BIN).resolve().parent / "shim" / "shim_clock.so")}


@pytest.mark.parametrize("command", ["insert-batch", "delete-batch", "read-batch"])
def test_a_batch_waits_as_long_as_the_server_works(slow, asking, items, command):
    words = [items] if command == "insert-batch" else ["p"]
    shown = Terminal("k2v", command, *words, "--endpoint", slow.url, environment=asking | HURRIED, columns=120)
    shown.wait_for(command + r"  [^\r]*[2-9]:\d\d\x1b")
    for _ in ITEMS:
        slow.go()
    code, output, text = shown.end()
    assert "no answer" not in text
    assert command != "insert-batch" or (code, output) == (0, b"stored 2000 items in 2 requests\n")


def test_one_item_does_not_wait_for_a_server_that_hangs(slow, asking):
    done = skerry.run("k2v", "read", "p", "s", "--endpoint", slow.url, environment=asking | HURRIED)
    assert re.search("no answer from .*: Operation too slow", done.expect(1).errors)


def test_a_silent_server_is_asked_by_tcp(slow, asking):
    """The timer of the client's end of the connection, as the system shows it, is that of keepalive (2)."""
    process = subprocess.Popen([skerry.BIN, "k2v", "delete-batch", "p", "--endpoint", slow.url],
                               env=skerry.clean_environment(**asking), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    slow.wait_for_requests(1)
    port = slow.socket.getsockname()[1]
    deadline = time.monotonic() + skerry.TIMEOUT_S
    timer = None
    while timer != "02":  # until what was sent is acknowledged, it is that of sending again
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        timer = next(row[5][:2] for row in rows if row[2] == f"0100007F:{port:04X}" and row[3] == "01")
        assert time.monotonic() < deadline, timer
    slow.go()
    process.communicate(timeout=skerry.TIMEOUT_S)


# Ctrl-C


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_says_how_to_go_on(slow, asking, items, number):
    shown = Terminal("k2v", "insert-batch", items, "--endpoint", slow.url, environment=asking, columns=200)
    slow.go()
    shown.wait_for(r"1,000 items stored")
    slow.wait_for_requests(2)
    shown.process.send_signal(number)
    code, output, text = shown.end()
    assert code == -number, "who waits for it learns that it was a signal"
    lines = screen(text, 200)
    assert lines[0] == "skerry: interrupted"
    assert "1000 items before it are stored" in lines[1] and "1001 to 2000" in lines[2] and "--skip 1000" in lines[3]
    assert output == b"stored 1000 items in 1 request\n"


def test_interrupted_while_it_waits_for_input(slow, asking):
    shown = Terminal("k2v", "insert-batch", "--lines", "--batch-items", "1", "--endpoint", slow.url,
                     environment=asking, stdin=subprocess.PIPE)
    line = json.dumps(ITEMS[0]).encode() + b"\n"
    shown.process.stdin.write(line * 3)
    shown.process.stdin.flush()
    slow.go()
    slow.wait_for_requests(2)
    slow.go()
    shown.process.send_signal(signal.SIGINT)  # it waits for the second answer, or already for a fourth line
    code, output, text = shown.end()
    shown.process.stdin.close()
    assert code == -signal.SIGINT and "skerry: interrupted" in screen(text)[0]
    stored = int(re.match(rb"stored (\d)", output).group(1))
    assert stored in (1, 2) and f"--skip {stored}" in text


def wait_until_signals_are_caught(process, number):
    """By the process itself: what has a handler says so in /proc."""
    deadline = time.monotonic() + skerry.TIMEOUT_S
    while True:
        mask = re.search(r"^SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.M)
        if int(mask.group(1), 16) >> number - 1 & 1:
            return
        assert time.monotonic() < deadline and process.poll() is None
        os.sched_yield()


@pytest.mark.parametrize("form", ["array", "lines"])
def test_interrupted_while_it_checks_the_file(slow, asking, tmp_path, form):
    """The end of the file is wrong, and is never come to: the interrupt comes in the second before."""
    item = json.dumps({"pk": "p", "sk": "s", "v": b64(b"x" * 100)})
    file = tmp_path / "items"
    with file.open("w") as out:
        out.write("[" if form == "array" else "")
        out.writelines([item + (",\n" if form == "array" else "\n")] * 200_000)
        out.write("not JSON\n")
    flags = ["--lines"] if form == "lines" else []
    shown = Terminal("k2v", "insert-batch", file, *flags, "--endpoint", slow.url, environment=asking)
    wait_until_signals_are_caught(shown.process, signal.SIGINT)
    shown.process.send_signal(signal.SIGINT)
    code, output, text = shown.end()
    assert (code, output) == (-signal.SIGINT, b"")
    assert screen(text) == ["skerry: interrupted; nothing was sent", ""] and slow.requests == 0


def test_interrupted_before_the_first_request(slow, asking):
    shown = Terminal("k2v", "insert-batch", "--lines", "--endpoint", slow.url, environment=asking,
                     stdin=subprocess.PIPE)
    wait_until_signals_are_caught(shown.process, signal.SIGINT)
    shown.process.stdin.write(json.dumps(ITEMS[0]).encode() + b"\n")
    shown.process.stdin.flush()
    shown.process.send_signal(signal.SIGINT)
    shown.process.stdin.close()
    code, output, text = shown.end()
    assert (code, output) == (-signal.SIGINT, b"")
    assert screen(text) == ["skerry: interrupted; nothing was sent", ""] and slow.requests == 0


def test_a_second_interrupt_ends_it_at_once(slow, asking, items):
    process = subprocess.Popen([skerry.BIN, "k2v", "insert-batch", str(items), "--endpoint", slow.url],
                               env=skerry.clean_environment(**asking), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    slow.wait_for_requests(1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=skerry.TIMEOUT_S)
    assert process.returncode == -signal.SIGINT


# Pipes


def test_a_reader_that_goes_away_ends_the_command_silently(k2v, pk, tmp_path):
    k2v.insert_batch([{"pk": pk, "sk": f"{n:04}", "v": b64(b"x" * 3000)} for n in range(500)]).expect(204)
    for words in (["read-batch", pk], ["read-batch", pk, "-o", "json"]):
        reading, writing = os.pipe()
        process = subprocess.Popen([skerry.BIN, "k2v", *words], env=skerry.clean_environment(**environment_of(k2v)),
                                   stdout=writing, stderr=subprocess.PIPE)
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        _, errors = process.communicate(timeout=skerry.TIMEOUT_S)
        assert (process.returncode, errors) == (-signal.SIGPIPE, b"")


def test_a_full_disk_under_the_output_is_1(k2v, pk):
    k2v.write(pk, "a", b"x" * 100_000)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([skerry.BIN, "k2v", "read", pk, "a", "--raw"], stdout=full, stderr=subprocess.PIPE,
                              env=skerry.clean_environment(**environment_of(k2v)), timeout=skerry.TIMEOUT_S)
    assert done.returncode == 1 and re.search(rb"cannot write to standard output: No space left", done.stderr)
