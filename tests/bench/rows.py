"""The rows of the table: each measures a node and what it is compared with, in turn, and gives the median ratio.

The machine is never quiet: in every round the two stand side by side, the order turns from round to round, and the
ratio is made within the round. What disturbs a round disturbs both.
"""

import contextlib
import math
import statistics
import subprocess

import world

PER_PARTITION = 1000


class Scale:
    """How much is measured."""

    def __init__(self, rounds, milliseconds, items, start_items, starts, batches, value_bytes=128,
                 value_bytes_max=1 << 20):
        self.rounds, self.milliseconds, self.items, self.start_items = rounds, milliseconds, items, start_items
        self.starts, self.batches = starts, batches
        self.value_bytes, self.value_bytes_max = value_bytes, value_bytes_max  # of all rows; the largest of growth

    def load(self, **more):
        return {"milliseconds": self.milliseconds, "warm_up_ms": max(self.milliseconds // 4, 50),
                "value_bytes": self.value_bytes, "items": self.items, "per_partition": PER_PARTITION, **more}


FULL = Scale(rounds=9, milliseconds=2000, items=100_000, start_items=1_000_000, starts=5, batches=40)
QUICK = Scale(rounds=3, milliseconds=700, items=20_000, start_items=100_000, starts=3, batches=10)
SMOKE = Scale(rounds=1, milliseconds=50, items=3_000, start_items=3_000, starts=1, batches=1, value_bytes_max=1024)


def row(name, what, against, goal, is_at_least, values, figures, unit=""):
    """A line of the table. `values`: one a round; None when it could not be measured, `against` then says why."""
    measured = statistics.median(values) if values else None
    is_met = None if measured is None else (measured >= goal if is_at_least else measured <= goal)
    return {"name": name, "what": what, "against": against, "goal": goal, "is_at_least": is_at_least, "unit": unit,
            "measured": measured, "least": min(values, default=None), "most": max(values, default=None),
            "is_met": is_met, "figures": figures}


def median_of(runs, field):
    return statistics.median(run[field] for run in runs)


def in_turn(rounds, one, other):
    """[(result of one, result of other)]: one other, other one, one other…"""
    pairs = []
    for number in range(rounds):
        if number % 2 == 0:
            first = one()
            pairs.append((first, other()))
        else:
            second = other()
            pairs.append((one(), second))
    return pairs


def fill(here, node, scale, items, first=0):
    """Make `items` items with InsertBatch."""
    return here.load(node, work="insert-batch", connections=2, requests=items // PER_PARTITION, first=first,
                     items=items, per_partition=PER_PARTITION, batch=PER_PARTITION, value_bytes=scale.value_bytes)


# --- the rows -------------------------------------------------------------------------------------------------------


def signed_get(here, scale):
    with here.node("get") as node:
        fill(here, node, scale, scale.items)
        flags = scale.load(work="get", connections=64)
        first = here.load(node, **flags)
        with here.bare(round(first["answer_bytes"]), scale.value_bytes) as bare:
            bare.env_file = node.env_file  # the same requests, byte for byte
            pairs = in_turn(scale.rounds, lambda: here.load(node, **flags),
                            lambda: here.load(bare, address=bare.address, **flags))
    ratios = [mine["per_s"] / theirs["per_s"] for mine, theirs in pairs]
    ours, ceiling = zip(*pairs)
    by_core = [theirs["server_us"] / mine["server_us"] for mine, theirs in pairs if mine["server_us"] > 0]
    return row("get", "signed GET, 64 connections, one core", "bare libuv + llhttp", 0.65, True, ratios, {
        "skerry_per_s": median_of(ours, "per_s"), "bare_per_s": median_of(ceiling, "per_s"),
        "skerry_core_us": median_of(ours, "server_us"), "bare_core_us": median_of(ceiling, "server_us"),
        "ratio_by_core_time": statistics.median(by_core) if by_core else None,
        "generator_busy": max(run["busy"] for pair in pairs for run in pair),
        "rounds": pairs})


def durable_put(here, scale):
    what, goal = "power-safe PUT, 64 connections", 5
    if here.redis is None:
        return row("put", what, "Redis: redis-server is not installed", goal, True, [], {})
    with here.node("put") as node, here.redis_server() as redis:
        flags = scale.load(connections=64, distinct=4096)
        flags["items"] = max(scale.items, 4096)
        pairs = in_turn(scale.rounds, lambda: here.load(node, work="put", **flags),
                        lambda: here.load(redis, work="redis-set", **flags))
    ours, theirs = zip(*pairs)
    return row("put", what, "Redis, appendfsync always", goal, True,
               [mine["per_s"] / redis["per_s"] for mine, redis in pairs], {
                   "skerry_per_s": median_of(ours, "per_s"), "redis_per_s": median_of(theirs, "per_s"),
                   "skerry_p50_us": median_of(ours, "p50_us"), "redis_p50_us": median_of(theirs, "p50_us"),
                   "skerry_core_us": median_of(ours, "server_us"), "redis_core_us": median_of(theirs, "server_us"),
                   "rounds": pairs})


def put_alone(here, scale):
    with here.node("put-one") as node:
        flags = scale.load(work="put", connections=1, distinct=256)
        pairs = in_turn(scale.rounds, lambda: here.load(node, **flags),
                        lambda: here.raw("sync", "sync", milliseconds=scale.milliseconds))
    ours, disk = zip(*pairs)
    return row("put-one", "PUT, one client, p50", "raw append of 4 KiB and fdatasync, p50", 2, False,
               [mine["p50_us"] / sync["append_p50_us"] for mine, sync in pairs], {
                   "skerry_p50_us": median_of(ours, "p50_us"), "append_p50_us": median_of(disk, "append_p50_us"),
                   "overwrite_p50_us": median_of(disk, "overwrite_p50_us"),
                   "ratio_to_overwrite": statistics.median(mine["p50_us"] / sync["overwrite_p50_us"]
                                                           for mine, sync in pairs),
                   "rounds": pairs})


def insert_batch(here, scale):
    flags = {"requests": scale.batches, "per_partition": PER_PARTITION, "batch": PER_PARTITION,
             "value_bytes": scale.value_bytes}
    written = {"ours": 0, "raw": 0}

    def first_of(side):
        written[side] += scale.batches * PER_PARTITION
        return written[side] - scale.batches * PER_PARTITION

    with here.node("batch") as node:
        pairs = in_turn(scale.rounds,
                        lambda: here.load(node, work="insert-batch", connections=1, first=first_of("ours"), **flags),
                        lambda: here.raw("lmdb-write", "lmdb", first=first_of("raw"), **flags))
    ours, raw = zip(*pairs)
    return row("insert-batch", f"InsertBatch of {PER_PARTITION:,} items, one client", "raw sorted LMDB batches", 0.5,
               True, [mine["per_s"] * PER_PARTITION / lmdb["items_per_s"] for mine, lmdb in pairs], {
                   "skerry_items_per_s": median_of(ours, "per_s") * PER_PARTITION,
                   "lmdb_items_per_s": median_of(raw, "items_per_s"), "record_bytes": raw[0]["record_bytes"],
                   "skerry_core_us_per_item": median_of(ours, "server_us") / PER_PARTITION, "rounds": pairs})


def range_read(here, scale):
    flags = scale.load(batch=PER_PARTITION)
    with here.node("range") as node:
        fill(here, node, scale, scale.items)
        here.raw("lmdb-write", "scan", requests=scale.items // PER_PARTITION, per_partition=PER_PARTITION,
                 batch=PER_PARTITION, value_bytes=scale.value_bytes)
        pairs = in_turn(scale.rounds, lambda: here.load(node, work="read-batch", connections=4, **flags),
                        lambda: here.raw("lmdb-scan", "scan", items=scale.items, per_partition=PER_PARTITION,
                                         batch=PER_PARTITION, value_bytes=scale.value_bytes,
                                         milliseconds=scale.milliseconds))
    ours, raw = zip(*pairs)
    return row("range", f"ReadBatch of {PER_PARTITION:,} neighbours", "raw LMDB scan", 0.3, True,
               [mine["per_s"] * PER_PARTITION / lmdb["items_per_s"] for mine, lmdb in pairs], {
                   "skerry_items_per_s": median_of(ours, "per_s") * PER_PARTITION,
                   "lmdb_items_per_s": median_of(raw, "items_per_s"),
                   "skerry_body_bytes_per_s": median_of(ours, "per_s") * ours[0]["body_bytes"],
                   "skerry_core_us_per_item": median_of(ours, "server_us") / PER_PARTITION, "rounds": pairs})


def killed_under_load(here, name, scale):
    """Start the node, let clients write, kill it in the middle."""
    node, seconds = here.start_node(name)
    node.env_file = here.directory / name / "demo.env"
    flags = scale.load(work="put", connections=16, distinct=256)
    flags["milliseconds"] = 60_000  # it ends when its server does
    with here.running(node):
        here.load(node, work="get", connections=1, requests=1, items=scale.start_items, distinct=1)  # it serves
        writer = subprocess.Popen(here.load_command(node, **flags), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, preexec_fn=world.pinned(here.client_core))
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise world.Failure(f"the writers ended with code {writer.wait(scale.milliseconds / 1000)}")
    if writer.wait() == 0:
        raise world.Failure("the writers did not notice that their server was killed")
    return seconds


def start(here, scale):
    with here.node("start") as node:
        filled = fill(here, node, scale, scale.start_items)
    seconds = [killed_under_load(here, "start", scale) for _ in range(scale.starts + 1)][1:]
    size = (here.directory / "start" / "data.mdb").stat().st_size
    return row("start", f"start after kill -9, {scale.start_items:,} items", "time to serving", 1, False, seconds,
               {"seconds": seconds, "database_bytes": size, "fill_items_per_s": filled["per_s"] * PER_PARTITION},
               unit=" s")


def memory(here, scale):
    del scale
    with here.node("memory") as node:
        mib = node.memory_kib("VmRSS") / 1024
        anonymous = node.memory_kib("RssAnon") / 1024
    return row("memory", "idle node", "resident memory", 16, False, [mib], {"anonymous_mib": anonymous}, unit=" MiB")


ROWS = {"get": signed_get, "put": durable_put, "put-one": put_alone, "insert-batch": insert_batch,
        "range": range_read, "start": start, "memory": memory}


# --- without a goal -------------------------------------------------------------------------------------------------


def other(here, scale):
    """The operations that have no goal, and latencies at half the load that can be carried."""
    lines = []

    def add(name, **flags):
        run = here.load(node, **scale.load(**flags))
        lines.append({"what": name, **run})
        return run

    with here.node("other") as node:
        fill(here, node, scale, scale.items)
        get = add("GET", work="get")
        add("GET, presigned", work="get", presigned=True)
        add("PollItem of an old token", work="poll")
        add("ReadIndex of 100", work="read-index", batch=100)
        put = add("PUT", work="put", distinct=2048)
        for name, run, work in (("GET, open loop", get, "get"), ("PUT, open loop", put, "put")):
            rate = max(math.floor(run["per_s"] / 2), 1)
            add(f"{name}, {rate:,} a second", work=work, distinct=2048, rate=rate, poisson=True)
    return lines
