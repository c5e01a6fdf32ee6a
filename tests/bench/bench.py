"""tests/bench/run: measures, prints a table, keeps the raw figures."""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile

import growth
import rows
import world

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description="A node against its ceilings and goals.")
    parser.add_argument("--quick", action="store_true", help="few and short rounds, about a minute")
    parser.add_argument("--smoke", action="store_true", help="only whether all of it works; the figures say nothing")
    parser.add_argument("--growth", action="store_true", help="growth with items, value size and connections")
    parser.add_argument("--only", action="append", metavar="ROW", choices=[*rows.ROWS, "other"],
                        help="this row (may be repeated): " + ", ".join([*rows.ROWS, "other"]))
    parser.add_argument("--value-bytes", type=int, metavar="N", help="length of all values (128)")
    parser.add_argument("--build", type=pathlib.Path, metavar="FOLDER", default=ROOT / "build-bench",
                        help="measure the programs of this folder, and install and build nothing; if not given, "
                             "build-bench, after a build")
    parser.add_argument("--directory", type=pathlib.Path, metavar="FOLDER",
                        help="where the databases lie meanwhile (a folder below the build folder)")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help="the raw figures (BUILD/bench.json)")
    return parser.parse_args()


def say(text):
    print(f"tests/bench/run: {text}", file=sys.stderr, flush=True)


def number(value, unit=""):
    if value is None:
        return "-"
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}{unit}"


def print_table(lines):
    """A table in Markdown, its columns aligned."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for place, line in enumerate(lines):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
        if place == 0:
            print("| " + " | ".join("-" * width for width in widths) + " |")
    print(flush=True)


def print_rows(results):
    lines = [("row", "what", "against", "measured", "least … most", "goal", "met")]
    for result in results:
        unit = result["unit"]
        lines.append((result["name"], result["what"], result["against"], number(result["measured"], unit),
                      f"{number(result['least'])} … {number(result['most'])}",
                      ("≥ " if result["is_at_least"] else "≤ ") + f"{result['goal']}{unit}",
                      {True: "yes", False: "no", None: "not measured"}[result["is_met"]]))
    print_table(lines)
    lines = [("row", "figure", "median")]
    for result in results:
        lines += [(result["name"], name, number(value)) for name, value in result["figures"].items()
                  if isinstance(value, (int, float))]
    print_table(lines)


def print_other(lines):
    table = [("what", "connections", "a second", "p50 us", "p99 us", "p99.9 us", "core us")]
    table += [(line["what"], str(line["connections"]), number(line["per_s"]), number(line["p50_us"]),
               number(line["p99_us"]), number(line["p999_us"]), number(line["server_us"])) for line in lines]
    print_table(table)


def print_growth(lines):
    table = [("with", "at", "who", "request", "a second", "p50 us", "p99 us", "core us")]
    table += [(line["axis"], f"{line['at']:,}", line["who"], line["work"].upper(), number(line["per_s"]),
               number(line["p50_us"]), number(line["p99_us"]), number(line["server_us"])) for line in lines]
    print_table(table)


def measure(here, options, result):
    scale = rows.SMOKE if options.smoke else rows.QUICK if options.quick else rows.FULL
    scale.value_bytes = options.value_bytes or scale.value_bytes
    if options.growth:
        result["growth"] = growth.run(here, growth_scale(scale), say)
        print_growth(result["growth"])
        return
    for name in options.only or [*rows.ROWS, "other"]:
        say(name)
        try:
            if name == "other":
                result["other"] = rows.other(here, scale)
            else:
                result["rows"].append(rows.ROWS[name](here, scale))
        except world.Failure as failure:  # the other rows are worth having still
            say(str(failure))
            result["failed"].append(name)
    if result["rows"]:
        print_rows(result["rows"])
    if "other" in result:
        print_other(result["other"])


def growth_scale(scale):
    """Many points, each shorter."""
    return rows.Scale(rounds=max(scale.rounds // 3, 1), milliseconds=max(scale.milliseconds // 2, 50),
                      items=scale.items, start_items=scale.start_items, starts=0, batches=0,
                      value_bytes=scale.value_bytes, value_bytes_max=scale.value_bytes_max)


def machine(here):
    return {"cores": os.cpu_count(), "server_core": here.server_core, "client_core": here.client_core,
            "file_system": here.file_system(), "load_average": os.getloadavg(), "kernel": os.uname().release}


def main():
    options = arguments()
    build = options.build.resolve()
    parent = options.directory or build
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-data-", dir=parent))
    result = {"arguments": sys.argv[1:], "rows": [], "failed": []}
    here = None
    try:
        here = world.World(build, directory)
        result["machine"] = machine(here)
        say(f"in {directory} ({here.file_system()}); servers on core {here.server_core}, "
            f"generator on core {here.client_core}; load average {os.getloadavg()[0]:.1f}")
        if here.redis is None:
            say("redis-server is not installed: its row is not measured")
        measure(here, options, result)
    except world.Failure as failure:
        say(str(failure))
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    output = options.output or build / "bench.json"
    output.write_text(json.dumps(result, indent=1) + "\n")
    say(f"load average at the end {os.getloadavg()[0]:.1f}; raw figures in {output}")
    if result["failed"]:
        say(f"failed: {', '.join(result['failed'])}")
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
