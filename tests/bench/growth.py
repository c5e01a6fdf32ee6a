"""How the cost of a request grows: with the items there are, the bytes of a value, the clients that ask.

The bare server is asked beside the node as its clients grow in number: what the kernel and the caches take is its
growth too.
"""

import statistics

import rows

ITEMS = (10_000, 100_000, 1_000_000)
VALUES = ((16, 10_000), (1024, 10_000), (65_536, 2_000), (1_048_576, 200))  # bytes, and how many items
CONNECTIONS = (1, 10, 100, 1000)
LARGE_BYTES = 65_536
BATCH_BYTES = 4_000_000
FIELDS = ("per_s", "p50_us", "p99_us", "server_us")


def measure(here, scale, server, work, **flags):
    """The medians of some runs."""
    flags = scale.load(work=work, **flags)
    if flags["value_bytes"] > LARGE_BYTES:  # so that every connection is answered many times
        flags["milliseconds"] *= 3
    runs = [here.load(server, **flags) for _ in range(scale.rounds)]
    return {"work": work, **{field: statistics.median(run[field] for run in runs) for field in FIELDS}}


def measure_bare(here, scale, node, **flags):
    """The same GETs, of a server that only reads and answers them."""
    first = here.load(node, **scale.load(work="get", **flags))
    with here.bare(round(first["answer_bytes"]), scale.value_bytes) as bare:
        bare.env_file = node.env_file
        return measure(here, scale, bare, "get", address=bare.address, **flags)


def point(here, scale, axis, at, items, value_bytes, connections):
    """GET and PUT on a new node of that size."""
    per_partition = min(rows.PER_PARTITION, items)
    batch = max(count for count in range(1, per_partition + 1)
                if per_partition % count == 0 and (count == 1 or count * value_bytes <= BATCH_BYTES))
    lines = []
    with here.node(f"{axis}-{at}") as node:
        here.load(node, work="insert-batch", connections=1, requests=items // batch, items=items, batch=batch,
                  per_partition=per_partition, value_bytes=value_bytes)
        for work in ("get", "put"):
            flags = {"items": items, "value_bytes": value_bytes, "connections": connections,
                     "per_partition": per_partition, "distinct": max(connections, min(items, 4096)), "batch": batch}
            lines.append({"axis": axis, "at": at, "who": "node", **measure(here, scale, node, work, **flags)})
        if axis == "connections":
            lines.append({"axis": axis, "at": at, "who": "bare", **measure_bare(here, scale, node, **flags)})
    return lines


def run(here, scale, say):
    few = min(ITEMS[0], scale.items)
    plan = [("items", count, count, scale.value_bytes, 64) for count in ITEMS if count <= scale.start_items]
    plan += [("value bytes", size, min(count, few), size, 16) for size, count in VALUES
             if size <= scale.value_bytes_max]
    plan += [("connections", count, few, scale.value_bytes, count) for count in CONNECTIONS]
    lines = []
    for step in plan:
        say(f"{step[0]} {step[1]:,}")
        lines += point(here, scale, *step)
    return lines
