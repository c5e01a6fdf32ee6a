"""`skerry layout …`: staging, the plan, applying, history, in words and as JSON."""

import pytest

import skerry

DONE, FAILED, USAGE, NOT_FOUND = range(4)


@pytest.fixture
def node(start_server):
    server = start_server("--cluster-name", "one")
    server.id = server.admin.get("/v1/cluster")["node"]
    return server


@pytest.fixture
def layout(node):
    return lambda *words: node.command("layout", *words)


def test_a_first_layout_by_hand(node, layout):
    assert "no layout" in layout("show").expect(DONE).text
    assert "nothing is staged, and there is no layout yet" in layout("plan").expect(DONE).text
    done = layout("assign", "one", "--zone", "here", "--capacity", "100G").expect(DONE)
    assert f"node {node.id[:16]} (one): zone here, capacity 93.1 GiB" in done.text
    assert "skerry layout apply 1" in done.text
    refused = layout("plan").expect(FAILED)
    assert "replication 3 wants 3 nodes, there is 1: assign 2 more nodes, or set replication to 1" in refused.errors
    assert "ImpossibleLayout" in layout("apply", "1").expect(FAILED).errors
    assert "replication 1" in layout("set", "--replication", "1").expect(DONE).text
    assert "partitions 512" in layout("set", "--partitions", "512").expect(DONE).text
    plan = layout("plan").expect(DONE).text
    assert "joins" in plan and "512" in plan and "`skerry layout apply 1` does it" in plan
    assert layout("apply", "1").expect(DONE).text == "version 1 is in force\n"
    assert layout("apply", "1").expect(DONE).text == "version 1 is in force already, and nothing is staged\n"
    assert layout("plan").expect(DONE).text == "nothing is staged: version 1 stays in force\n"
    shown = layout("show").expect(DONE).text
    assert shown.startswith("version 1 (") and "here" in shown and "93.1 GiB" in shown
    assert "in force" in layout("history").expect(DONE).text
    assert "it is 512, and stays so" in layout("set", "--partitions", "1024").expect(FAILED).errors


def test_what_is_staged_is_taken_back(layout):
    layout("assign", "one", "-z", "here", "-c", "1.5TiB").expect(DONE)
    assert "capacity 1.5 TiB" in layout("show").expect(DONE).text
    assert layout("remove", "one").expect(DONE).text == "nothing is staged now: it is so already\n"
    layout("set", "--zone-redundancy", "2", "--replication", "2").expect(DONE)
    assert layout("revert").expect(DONE).text == "nothing is staged any more\n"
    assert layout("revert").expect(DONE).text == "nothing is staged\n"


def test_every_answer_can_be_had_as_json(node, layout):
    staged = layout("assign", "one", "-z", "here", "-c", "2GB", "-o", "json").expect(DONE).json()
    assert staged["staged"][0]["capacity"] == 2 * 10**9
    assert layout("plan", "-o", "json").expect(FAILED).json()["possible"] is False
    layout("set", "--replication", "1", "-o", "json").expect(DONE).json()
    assert layout("plan", "-o", "json").expect(DONE).json()["moves"][0]["to"] == node.id
    assert layout("apply", "1", "-o", "json").expect(DONE).json()["in_force"]["version"] == 1
    assert layout("show", "-o", "json").expect(DONE).json() == node.admin.get("/v1/layout")
    assert layout("history", "-o", "json").expect(DONE).json() == node.admin.get("/v1/layout/history")
    assert layout("revert", "-o", "json").expect(DONE).json()["changed"] is False


@pytest.mark.parametrize("words, code, part", [
    (["assign"], USAGE, ""),
    (["assign", "one", "-c", "100X", "-z", "a"], USAGE, "a number with a unit"),
    (["assign", "one", "-c", "-1", "-z", "a"], USAGE, "a number with a unit"),
    (["assign", "one", "-c", "0", "-z", "a"], USAGE, "is no capacity: a number with a unit"),
    (["assign", "one"], FAILED, "give its zone and its capacity"),
    (["assign", "two", "-c", "1G", "-z", "a"], NOT_FOUND, "no node of this cluster"),
    (["assign", "one", "-c", "1G", "-z", "a zone"], FAILED, "a zone's name"),
    (["remove", "one"], NOT_FOUND, "has no role"),
    (["set"], USAGE, "give --replication, --zone-redundancy or --partitions"),
    (["set", "--partitions", "2048"], USAGE, ""),
    (["set", "--partitions", "100"], FAILED, "a power of two"),
    (["set", "--replication", "0"], USAGE, ""),
    (["set", "--replication", "9"], USAGE, ""),
    (["apply"], USAGE, ""),
    (["apply", "one"], USAGE, "is no version"),
    (["apply", "0"], USAGE, "is no version"),
    (["apply", "1"], FAILED, "nothing is staged"),
    (["nonsense"], USAGE, ""),
])
def test_what_cannot_be_is_refused_with_its_reason(server, words, code, part):
    words = [server.admin.get("/v1/cluster")["node"] if word == "one" and words[0] != "apply" else word
             for word in words]
    assert part in server.command("layout", *words).expect(code).errors


@pytest.mark.parametrize("command", ["assign", "remove", "set", "show", "plan", "apply", "revert", "history"])
def test_every_command_explains_itself(command):
    done = skerry.run("layout", command, "--help").expect(DONE)
    assert f"skerry layout {command}" in done.text and "Examples:" in done.text and done.errors == ""


@pytest.mark.parametrize("size", ["0", "0.1", "2E", "banana"])
def test_a_capacity_that_is_none_is_named(server, size):
    done = server.command("layout", "assign", "one", "--zone", "z", "--capacity", size).expect(USAGE)
    assert f'"{size}" is no capacity' in done.errors and "1 EiB" in done.errors
