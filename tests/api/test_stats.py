"""`GET /v1/stats` and `GET /metrics`: what a node has done, in two forms that must agree, and `skerry stats`."""

import math
import re
import signal
import time

import pytest

import skerry
import wire
from conftest import new_client
from terminal import Terminal

OPERATIONS = ["Unrouted", "Admin", "ReadItem", "PollItem", "ReadIndex", "InsertItem", "DeleteItem", "InsertBatch",
              "ReadBatch", "DeleteBatch", "PollRange", "Preflight"]
CLASSES = ["2xx", "3xx", "4xx", "5xx", "gone"]


def stats_of(server):
    return server.admin.get("/v1/stats")


def until(is_so):
    """Ask again and again, each time over the network, until it is so."""
    deadline = time.monotonic() + skerry.TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline, "it does not become so"


def operation(stats, name):
    return next(row for row in stats["operations"] if row["operation"] == name)


def classes(server, name):
    row = operation(stats_of(server), name)
    return {key: row[key] for key in CLASSES if row[key]}


@pytest.fixture
def own(start_server):
    """A client of a server that nobody else asks anything."""
    server = start_server()
    client = new_client(server, server.admin.create_key("own"))
    yield client
    client.close()


# The text format of Prometheus, read as strictly as its description has it.

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|NaN)")


class Metrics:
    """The samples of a text: {name: {labels: value}}, checked line by line."""

    def __init__(self, text):
        assert text.endswith("\n") and "\r" not in text
        self.types, self.samples = {}, {}
        family, seen_help = None, set()
        for line in text[:-1].split("\n"):
            comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
            if comment:
                kind, name, rest = comment.groups()
                if kind == "HELP":
                    assert name not in seen_help, f"twice: {line}"
                    seen_help.add(name)
                    family = name
                else:
                    assert name == family and name not in self.types and rest in ("counter", "gauge", "histogram")
                    self.types[name] = rest
                continue
            sample = SAMPLE.fullmatch(line)
            assert sample, f"no sample: {line!r}"
            name, labels, value = sample.groups()
            self.add(family, name, tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels or ""))), value, line)
        self.check_histograms()

    def add(self, family, name, labels, value, line):
        suffixes = ("_bucket", "_sum", "_count") if self.types[family] == "histogram" else ("",)
        assert name in [family + suffix for suffix in suffixes], f"not of the family {family}: {line}"
        assert self.types[family] != "counter" or name.endswith("_total"), line
        assert labels not in self.samples.setdefault(name, {}), f"twice: {line}"
        self.samples[name][labels] = float(value.replace("Inf", "inf"))
        assert self.types[family] == "gauge" or self.samples[name][labels] >= 0, line

    def check_histograms(self):
        for family in (name for name, kind in self.types.items() if kind == "histogram"):
            ladders = {}
            for labels, value in self.samples[family + "_bucket"].items():
                rest = tuple(pair for pair in labels if pair[0] != "le")
                ladders.setdefault(rest, []).append((float(dict(labels)["le"].replace("Inf", "inf")), value))
            for rest, ladder in ladders.items():
                assert ladder == sorted(ladder), "buckets are in order and never fall"
                assert ladder[-1] == (math.inf, self.samples[family + "_count"][rest])
                assert rest in self.samples[family + "_sum"]

    def value(self, name, **labels):
        return self.samples[name][tuple(sorted(labels.items()))]


def metrics_of(server):
    answer = server.admin.call("GET", "/metrics").expect(200)
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(answer.body.decode("ascii"))


# What is counted.


def test_every_operation_has_its_row_from_the_start(start_server):
    server = start_server()
    stats = stats_of(server)
    assert [row["operation"] for row in stats["operations"]] == OPERATIONS
    assert all(row[name] == 0 for row in stats["operations"] for name in CLASSES + ["max_us", "sum_us"])
    assert stats["version"] and stats["refusals"] == {} and stats["connections"]["refused"] == 0


def test_requests_count_by_operation_and_by_what_they_were_answered(own, pk):
    server = own.server
    own.put(pk, "a", b"1").expect(204)
    own.get(pk, "a").expect(200)
    own.get(pk, "b").expect(404)
    own.poll(pk, "a", own.token(pk, "a")).expect(304)
    own.insert_batch([{"pk": pk, "sk": "c", "v": None}]).expect(204)
    own.read_batch([{"partitionKey": pk}]).expect(200)
    own.delete_batch([{"partitionKey": pk}]).expect(200)
    own.poll_range(pk).expect(200)
    own.index().expect(200)
    own.delete(pk, "a").expect(204)
    assert classes(server, "InsertItem") == {"2xx": 1}
    assert classes(server, "ReadItem") == {"2xx": 2, "4xx": 1}
    assert classes(server, "PollItem") == {"3xx": 1}
    for name in ("InsertBatch", "ReadBatch", "DeleteBatch", "PollRange", "ReadIndex", "DeleteItem"):
        assert classes(server, name) == {"2xx": 1}, name
    assert stats_of(server)["refusals"] == {"NoSuchKey": 1}


def test_refusals_count_by_their_code(own, pk):
    server = own.server
    own.request("GET", f"/{own.bucket}/{pk}?sort_key=a&limit=x&limit=y").expect(400)
    own.clone(bucket="nowhere-else").get(pk, "a").expect(404)
    server.admin.call("GET", "/v1/status", token="wrong-wrong-wrong-wrong").expect(401)
    server.admin.call("GET", "/v1/nothing").expect(404)
    wire.exchange(server.address, b"GET\x00 / HTTP/1.1\r\n\r\n", "GET")[1].close()
    stats = stats_of(server)
    assert {code: count for code, count in stats["refusals"].items()} == \
        {"InvalidRequest": 1, "NoSuchBucket": 1, "Unauthorized": 1, "NoSuchRequest": 1}
    assert operation(stats, "Unrouted")["4xx"] == 1, "refused before it was known what was asked"
    assert operation(stats, "Admin")["4xx"] == 2
    assert stats["connections"]["broken"] == 1


def test_durations_are_between_nothing_and_what_the_client_saw(own, pk):
    pending = own.start_poll(pk, "a", skerry.EMPTY_TOKEN, timeout=1)
    pending.answer().expect(304)
    row = operation(stats_of(own.server), "PollItem")
    assert 999_000 <= row["p50_us"] <= row["p90_us"] <= row["p99_us"] <= row["p999_us"] <= row["max_us"]
    assert row["p50_us"] == row["max_us"] == row["sum_us"]
    own.put(pk, "b", b"1").expect(204)
    assert operation(stats_of(own.server), "InsertItem")["p50_us"] > 0


def test_who_goes_away_without_an_answer_is_counted_apart(own, pk):
    pending = own.start_poll(pk, "a", skerry.EMPTY_TOKEN)
    until(lambda: stats_of(own.server)["polls"]["waiting"] == 1)
    pending.abandon()
    until(lambda: stats_of(own.server)["polls"]["waiting"] == 0)
    row = operation(stats_of(own.server), "PollItem")
    assert row["gone"] == 1 and row["sum_us"] == 0


def test_connections_bytes_memory_and_the_store_are_told(own, pk):
    server = own.server
    before = stats_of(server)
    own.put(pk, "a", b"x" * 100_000).expect(204)
    own.get(pk, "a").expect(200)
    after = stats_of(server)
    assert after["bytes"]["in"] - before["bytes"]["in"] > 100_000
    assert after["bytes"]["out"] - before["bytes"]["out"] > 100_000
    assert after["store"]["writes"] == before["store"]["writes"] + 1
    assert 0 < after["store"]["used_bytes"] <= after["store"]["map_bytes"]
    assert after["connections"]["open"] >= 2 and after["connections"]["accepted"] > before["connections"]["accepted"]
    assert after["memory"]["max_bytes"] == 1 << 30 and after["memory"]["used_bytes"] < 1 << 20


def test_a_connection_that_is_turned_away_is_counted(start_server):
    server = start_server("--k2v-max-connections", "1")
    first = wire.Connection(server.address)
    until(lambda: stats_of(server)["connections"]["open"] == 2)
    second = wire.Connection(server.address)
    assert second.read().status == 503
    assert stats_of(server)["connections"]["refused"] == 1
    first.close()
    second.close()


# Metrics.


def test_metrics_are_the_same_numbers_in_prometheus_text(own, pk):
    own.put(pk, "a", b"1").expect(204)
    own.get(pk, "b").expect(404)
    stats, metrics = stats_of(own.server), metrics_of(own.server)
    for row in stats["operations"]:
        name = row["operation"]
        if name == "Admin":
            continue  # the request for these numbers is one itself
        for kind in CLASSES:
            assert metrics.value("skerry_requests_total", **{"operation": name, "class": kind}) == row[kind]
        answered = sum(row[kind] for kind in CLASSES[:-1])
        assert metrics.value("skerry_request_duration_seconds_count", operation=name) == answered
        assert metrics.value("skerry_request_duration_seconds_sum", operation=name) == row["sum_us"] / 1e6
    assert metrics.value("skerry_refusals_total", code="NoSuchKey") == 1
    assert metrics.value("skerry_refusals_total", code="other") == 0
    assert metrics.value("skerry_store_map_bytes") == stats["store"]["map_bytes"]
    assert metrics.value("skerry_store_writes_total") == stats["store"]["writes"]
    assert metrics.value("skerry_info", version=stats["version"]) == 1


def test_only_writes_that_were_done_are_counted(own, pk):
    """The item's 257th sibling is refused in the store, alone and in a batch with others."""
    for number in range(256):
        own.put(pk, "many", b"%d" % number).expect(204)
    before = stats_of(own.server)["store"]
    for _ in range(3):
        own.put(pk, "many", b"refused").expect(400)
    own.insert_batch([{"pk": pk, "sk": sk, "ct": None, "v": skerry.b64(b"v")} for sk in ("a", "many")]).expect(400)
    assert stats_of(own.server)["store"]["writes"] == before["writes"]
    own.put(pk, "one", b"done").expect(204)
    after = stats_of(own.server)["store"]
    assert after["writes"] == before["writes"] + 1
    assert after["syncs"] > before["syncs"]


def test_metrics_need_the_token_and_only_get(server):
    server.admin.call("GET", "/metrics", token="").expect(401)
    server.admin.call("GET", "/metrics", token="wrong-wrong-wrong-wrong").expect(401)
    server.admin.call("POST", "/metrics").expect(404)
    server.admin.call("GET", "/metrics/more").expect(404)
    server.admin.call("GET", "/metrics?x=1").expect(404)


@pytest.mark.parametrize("text", ["a 1", "# TYPE a counter\n# HELP a b\na 1\n",
                                  "# HELP a b\n# TYPE a counter\na 1\n", "# HELP a b\n# TYPE a gauge\na 1\na 2\n",
                                  "# HELP a b\n# TYPE a gauge\na{x=1} 1\n", "# HELP a b\n# TYPE a gauge\nc 1\n"])
def test_the_reader_of_metrics_refuses_what_is_none(text):
    with pytest.raises((AssertionError, KeyError)):
        Metrics(text)


# skerry stats


def test_the_command_shows_the_same_numbers(own, pk):
    own.put(pk, "a", b"1").expect(204)
    own.get(pk, "b").expect(404)
    shown = own.server.command("stats").expect(0).text
    assert re.match(r"skerry [\d.]+, up \d+ s\n", shown)
    assert re.search(r"^OPERATION +2XX +3XX +4XX +5XX +GONE +P50 +P99 +MAX$", shown, re.MULTILINE)
    assert re.search(r"^InsertItem +1 +0 +0 +0 +0( +[\d.]+ [um]?s){3}$", shown, re.MULTILINE)
    assert re.search(r"^ReadItem +0 +0 +1 +0 +0 ", shown, re.MULTILINE)
    assert "ReadBatch" not in shown, "what nobody asked for takes no room"
    assert re.search(r"^refusals +NoSuchKey 1$", shown, re.MULTILINE)
    assert re.search(r"^store +\d+ writes in \d+ syncs, [\d.]+ KiB of 256.0 GiB in use, 0 corrupt rows$", shown,
                     re.MULTILINE)
    document = own.server.command("stats", "-o", "json").expect(0).json()
    told = stats_of(own.server)
    assert document.keys() == told.keys() and operation(document, "ReadItem") == operation(told, "ReadItem")


def test_watching_draws_again_with_rates(own, pk):
    shown = Terminal("stats", "--watch", environment={"SKERRY_DATA_DIR": own.server.directory}, whole=True,
                     columns=100)
    shown.wait_for(r"\x1b\[2J\x1b\[Hskerry .*\x1b\[J")
    for n in range(100):
        own.put(pk, str(n), b"1").expect(204)
    shown.wait_for(r"\x1b\[J\x1b\[Hskerry .* in \([\d.]+ \w+/s\).* writes \(\d+/s\).*NOW/S.*"
                   r"InsertItem +\d+ +0 +0 +0 +0 .*\x1b\[J")
    shown.process.send_signal(signal.SIGINT)
    code, _, text = shown.end()
    assert code == -signal.SIGINT
    assert all(len(line) <= 100 for line in re.sub(r"\x1b\[[HJK2]+", "", text).splitlines())


def test_watching_needs_a_terminal(server):
    for words in (["--watch"], ["--watch", "-o", "json"]):
        done = server.command("stats", *words).expect(2)
        assert "terminal" in done.errors and done.output == b""


def test_watching_ends_with_the_server(start_server):
    server = start_server()
    shown = Terminal("stats", "--watch", environment={"SKERRY_DATA_DIR": server.directory}, whole=True)
    shown.wait_for(r"\x1b\[J")
    server.stop()
    code, _, text = shown.end()
    assert code == 1 and "no answer from the admin API" in text
