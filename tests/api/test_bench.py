"""tests/bench works: its table is whole and of finite numbers, and its generator tells what it should.

No figure is judged here: that is for a quiet machine and for docs/performance.md.
"""

import json
import math
import pathlib
import random
import re
import select
import socket
import subprocess
import threading

import skerry
from wire import TIMEOUT_S

BUILD = pathlib.Path(skerry.BIN).resolve().parent
BENCH = BUILD / "skerry-bench"
RUN = skerry.ROOT / "tests" / "bench" / "run"
STALL_S = 0.3
BODY = b"x" * 128


def bench(*words, text=None):
    return subprocess.run([BENCH, *map(str, words)], input=text, capture_output=True, text=True, timeout=TIMEOUT_S,
                          env=skerry.clean_environment())


def run(tmp_path, *flags):
    """(the raw figures, what was printed) of tests/bench/run in its smallest form."""
    output = tmp_path / "bench.json"
    done = subprocess.run([RUN, "--smoke", "--build", BUILD, "--directory", tmp_path, "--output", output, *flags],
                          capture_output=True, text=True, timeout=4 * TIMEOUT_S, env=skerry.clean_environment())
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("bench-data-*")), "a data directory was left behind"
    return json.loads(output.read_text()), done.stdout


def test_its_help_asks_for_no_flag():
    done = subprocess.run([RUN, "--help"], capture_output=True, text=True, timeout=TIMEOUT_S,
                          env=skerry.clean_environment())
    usage = done.stdout.split("\n\n")[0]
    assert done.returncode == 0 and not re.sub(r"\[[^]]*\]", "", usage).replace("usage: tests/bench/run", "").strip()


def is_figure(value):
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0


def test_the_table_is_whole(tmp_path):
    figures, printed = run(tmp_path)
    goals = {row["name"]: row["goal"] for row in figures["rows"]}
    assert goals == {"get": 0.65, "put": 5, "put-one": 2, "insert-batch": 0.5, "range": 0.3, "start": 1, "memory": 16}
    for row in figures["rows"]:
        if row["measured"] is None:
            assert row["name"] == "put" and "not installed" in row["against"]
        else:
            assert is_figure(row["measured"]) and row["least"] <= row["measured"] <= row["most"]
            assert row["is_met"] == (row["measured"] >= row["goal"] if row["is_at_least"]
                                     else row["measured"] <= row["goal"])
        assert re.search(rf"^\| {row['name']} .*\| (yes|no|not measured) +\|$", printed, flags=re.M), printed
    assert len(figures["other"]) == 7 and all(is_figure(line["per_s"]) for line in figures["other"])


def test_the_table_of_growth_is_whole(tmp_path):
    figures, printed = run(tmp_path, "--growth")
    points = [(line["axis"], line["at"], line["who"], line["work"]) for line in figures["growth"]]
    wanted = []
    for axis, sizes in (("value bytes", (16, 1024)), ("connections", (1, 10, 100, 1000))):
        for at in sizes:
            wanted += [(axis, at, "node", "get"), (axis, at, "node", "put")]
            wanted += [(axis, at, "bare", "get")] if axis == "connections" else []
    assert points == wanted
    for line in figures["growth"]:
        assert all(is_figure(line[field]) for field in ("per_s", "p50_us", "p99_us")), line
    assert printed.count("\n| connections ") == 12


def test_percentiles_are_those_of_a_sorted_list():
    seed = skerry.seed()
    draw = random.Random(seed)
    values = [int(10 ** draw.uniform(0, 11)) for _ in range(20_000)] + [0, 1, 255, 256, 257]
    told = json.loads(bench("latencies", text="\n".join(map(str, values))).stdout)
    values.sort()
    assert told["max"] == values[-1]
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)):
        exact = values[math.ceil(share * len(values)) - 1]
        assert abs(told[name] - exact) <= exact / 100, f"{name}, SEED={seed}"


class Stalling(threading.Thread):
    """Answers every request with 200, but once, in the middle, nobody for STALL_S."""

    def __init__(self, stall_at):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self.listener.getsockname()[1])
        self.stall_at = stall_at
        self.start()

    def run(self):
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
        peers, answered = [self.listener], 0
        while True:
            for ready in select.select(peers, [], [])[0]:
                if ready is self.listener:
                    peers.append(ready.accept()[0])
                elif ready.recv(65536):  # a signed GET comes in one piece here
                    answered += 1
                    if answered == self.stall_at:
                        select.select([], [], [], STALL_S)  # the stall is what is tested
                    ready.sendall(answer)
                else:
                    peers.remove(ready)
                    ready.close()
                    if len(peers) == 1:
                        return


def test_an_open_loop_charges_a_stall_with_all_that_it_delayed():
    """Of 500 requests due in a second, 100 fall into the first 200 ms of a stall of 300: a fifth waits over 100 ms.

    A generator that counts from the moment of sending sees a single slow request.
    """
    server = Stalling(stall_at=50)
    done = bench("load", "--address", server.address, "--work", "get", "--rate", 500, "--connections", 4,
                 "--milliseconds", 1000, "--warm-up-ms", 0)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answers"] == 500
    assert told["p90_us"] >= 100_000 and told["max_us"] >= 290_000


def test_a_closed_loop_waits_with_the_server():
    server = Stalling(stall_at=50)
    done = bench("load", "--address", server.address, "--work", "get", "--connections", 1, "--requests", 200)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answers"] == 200 and told["body_bytes"] == len(BODY)
    assert told["max_us"] >= 290_000 and told["seconds"] >= 0.29


def test_a_wrong_answer_ends_the_run(k2v, tmp_path):
    """Without an answer of 200 a GET was no GET: neither a wrong key nor an item that is not there is measured."""
    lines = {"K2V_ENDPOINT": k2v.server.url, "K2V_BUCKET": k2v.bucket, "AWS_ACCESS_KEY_ID": k2v.key.id,
             "AWS_SECRET_ACCESS_KEY": k2v.key.secret, "AWS_REGION": k2v.key.region}
    for name, value, status in (("AWS_SECRET_ACCESS_KEY", "0" * 32, 403), ("AWS_REGION", k2v.key.region, 404)):
        env_file = tmp_path / "bench.env"
        env_file.write_text("".join(f"{key}={text}\n" for key, text in {**lines, name: value}.items()))
        done = bench("load", "--env-file", env_file, "--work", "get", "--connections", 1, "--requests", 10)
        assert done.returncode == 1 and f"answered {status}" in done.stderr and done.stdout == ""
