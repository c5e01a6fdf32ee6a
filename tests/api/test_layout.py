"""The admin API of the layout, on one node: staged, planned, applied, reverted; what is refused and in which words."""

import pytest

import skerry

GB = 10**9


@pytest.fixture
def node(start_server):
    """A fresh node; its id."""
    server = start_server("--cluster-name", "one")
    server.id = server.admin.get("/v1/cluster")["node"]
    return server


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A node that these tests ask for nothing it does."""
    server = skerry.Server(tmp_path_factory.mktemp("layout"), "--cluster-name", "one")
    server.id = server.admin.get("/v1/cluster")["node"]
    yield server
    try:
        server.stop()
    finally:
        server.kill()


def stage(server, **fields):
    return server.admin.call("POST", "/v1/layout/stage", fields)


def apply(node, version):
    return node.admin.call("POST", "/v1/layout/apply", {"version": version})


def plan(node):
    return node.admin.call("POST", "/v1/layout/plan", {}).expect(200).json()


def first_version(node, capacity=GB):
    """The node alone, with one copy of everything."""
    stage(node, node=node.id, zone="here", capacity=capacity).expect(200)
    stage(node, replication=1).expect(200)
    return apply(node, 1).expect(200).json()


def refused(answer, status, code, part=""):
    answer.expect(status)
    assert (answer.json()["code"], part in answer.json()["message"]) == (code, True), answer
    return answer.json()["message"]


def test_a_layout_of_one_node_from_nothing_to_its_second_version(node):
    admin = node.admin
    assert admin.get("/v1/layout") == {"in_force": None, "staged": [], "next_version": 1, "lost_versions": 0}
    assert admin.get("/v1/layout/history") == {"versions": []}
    assert (plan(node)["possible"], plan(node)["reason"]) == (False, "nothing is staged")

    staged = stage(node, node=node.id[:8], zone="here", capacity=100 * GB).expect(200).json()
    assert staged["changed"] is True
    assert staged["staged"] == [{"node": node.id, "name": "one", "zone": "here", "capacity": 100 * GB, "lost": None}]
    wanted = "replication 3 wants 3 nodes, there is 1: assign 2 more nodes, or set replication to 1"
    assert (plan(node)["possible"], plan(node)["reason"]) == (False, wanted)
    refused(apply(node, 1), 409, "ImpossibleLayout", wanted)

    stage(node, replication=1).expect(200)
    shown = plan(node)
    assert (shown["possible"], shown["version"], shown["replication"], shown["warnings"]) == (True, 1, 1, [])
    assert shown["moves"] == [{"from": None, "to": node.id, "partitions": 1024, "bytes": shown["moved_bytes"]}]
    assert shown["zone_moves"][0]["to"] == "here"
    row = shown["nodes"][0]
    assert (row["change"], row["state"], row["partitions_before"], row["partitions_after"]) == ("joins", "alive", 0, 1024)

    applied = apply(node, 1).expect(200).json()
    assert (applied["changed"], applied["in_force"]["version"], applied["staged"]) == (True, 1, [])
    assert applied["in_force"]["nodes"] == [
        {"node": node.id, "name": "one", "zone": "here", "capacity": 100 * GB, "partitions": 1024}]
    again = apply(node, 1).expect(200).json()
    assert (again["changed"], again["message"]) == (False, "version 1 is in force already, and nothing is staged")

    stage(node, node="one", capacity=50 * GB).expect(200)  # its zone stays
    assert plan(node)["moved_partitions"] == 0
    assert apply(node, 2).expect(200).json()["in_force"]["nodes"][0]["zone"] == "here"
    versions = admin.get("/v1/layout/history")["versions"]
    assert [(row["version"], row["fate"], row["nodes"]) for row in versions] == [(2, "in force", 1), (1, "past", 1)]
    assert versions[0]["parent"] == versions[1]["hash"] and versions[1]["parent"] is None


def test_the_number_of_partitions_is_chosen_before_the_first_version(node):
    assert stage(node, partitions=64).expect(200).json()["staged"] == [{"partitions": 64, "lost": None}]
    first_version(node)
    assert node.admin.get("/v1/layout")["in_force"]["partitions"] == 64
    refused(stage(node, partitions=128), 409, "PartitionsFixed", "it is 64, and stays so")
    assert stage(node, partitions=64).expect(200).json()["staged"] == []


def test_a_layout_is_there_after_a_restart(node):
    first_version(node)
    stage(node, node=node.id, capacity=2 * GB).expect(200)
    before = node.admin.get("/v1/layout")
    node.stop()
    node.start()
    assert node.admin.get("/v1/layout") == before
    assert node.admin.get("/v1/cluster")["node"] == node.id


def test_revert_forgets_what_is_staged(node):
    stage(node, node=node.id, zone="here", capacity=GB).expect(200)
    stage(node, zone_redundancy=2, replication=2).expect(200)
    assert len(node.admin.get("/v1/layout")["staged"]) == 3
    done = node.admin.call("POST", "/v1/layout/revert", {}).expect(200).json()
    assert (done["changed"], done["staged"]) == (True, [])
    done = node.admin.call("POST", "/v1/layout/revert").expect(200).json()
    assert (done["changed"], done["message"]) == (False, "nothing is staged")
    refused(apply(node, 1), 409, "NothingStaged", "assign nodes first")


def test_a_version_must_be_the_next_one(node):
    stage(node, node=node.id, zone="here", capacity=GB).expect(200)
    stage(node, replication=1).expect(200)
    for version in (0, 2, 2**63 - 1):
        refused(apply(node, version), 409, "WrongNumber", "apply 1")
    apply(node, 1).expect(200)
    refused(apply(node, 2), 409, "NothingStaged", "version 1 is in force and stays")


def test_staging_the_removal_of_the_last_node_is_shown_and_refused(node):
    refused(stage(node, node=node.id, remove=True), 404, "NoSuchRole")
    first_version(node)
    staged = stage(node, node=node.id, remove=True).expect(200).json()
    assert staged["staged"] == [{"node": node.id, "name": "one", "remove": True, "lost": None}]
    refused(apply(node, 2), 409, "ImpossibleLayout", "no node would have a role: assign at least 1")


WRONG = [
    ("stage", {}, 400, "InvalidRequest", "give a node"),
    ("stage", {"zone": "z"}, 400, "InvalidRequest", '"node" is missing'),
    ("stage", {"node": "one"}, 400, "InvalidRequest", "has no role yet: give its zone and its capacity"),
    ("stage", {"node": "one", "zone": "z"}, 400, "InvalidRequest", "has no role yet"),
    ("stage", {"node": "one", "zone": "z", "capacity": 0}, 400, "InvalidRequest", "a capacity is 1 byte"),
    ("stage", {"node": "one", "zone": "z", "capacity": 2**60 + 1}, 400, "InvalidRequest", "a capacity is 1 byte"),
    ("stage", {"node": "one", "zone": "z", "capacity": -1}, 400, "InvalidRequest", '"capacity" must be an integer'),
    ("stage", {"node": "one", "zone": "z", "capacity": 1.5}, 400, "InvalidRequest", '"capacity" must be an integer'),
    ("stage", {"node": "one", "zone": "z", "capacity": "1"}, 400, "InvalidRequest", '"capacity" must be an integer'),
    ("stage", {"node": "one", "zone": "a zone", "capacity": 1}, 400, "InvalidRequest", "a zone's name"),
    ("stage", {"node": "one", "zone": "..", "capacity": 1}, 400, "InvalidRequest", "a zone's name"),
    ("stage", {"node": "one", "zone": "", "capacity": 1}, 400, "InvalidRequest", "a zone's name"),
    ("stage", {"node": "one", "zone": "z" * 64, "capacity": 1}, 400, "InvalidRequest", "a zone's name"),
    ("stage", {"node": 1, "zone": "z", "capacity": 1}, 400, "InvalidRequest", '"node" must be a string'),
    ("stage", {"node": "one", "remove": "yes"}, 400, "InvalidRequest", '"remove" must be true or false'),
    ("stage", {"node": "one", "remove": True, "zone": "z"}, 400, "InvalidRequest", "has no zone"),
    ("stage", {"node": "one", "replication": 1}, 400, "InvalidRequest", "each in a request of its own"),
    ("stage", {"partitions": 0}, 400, "InvalidRequest", "partitions is a power of two, 1 to 1024"),
    ("stage", {"partitions": 1000}, 400, "InvalidRequest", "partitions is a power of two, 1 to 1024"),
    ("stage", {"partitions": 2048}, 400, "InvalidRequest", "partitions is a power of two, 1 to 1024"),
    ("stage", {"node": "one", "partitions": 1}, 400, "InvalidRequest", "each in a request of its own"),
    ("stage", {"replication": 0}, 400, "InvalidRequest", "replication is 1 to 8"),
    ("stage", {"replication": 9}, 400, "InvalidRequest", "replication is 1 to 8"),
    ("stage", {"zone_redundancy": 9}, 400, "InvalidRequest", "zone_redundancy is 0 to 8"),
    ("stage", {"node": "two", "zone": "z", "capacity": 1}, 404, "NoSuchNode", "connect it first"),
    ("stage", {"node": "0" * 64, "zone": "z", "capacity": 1}, 404, "NoSuchNode", ""),
    ("stage", {"node": "", "zone": "z", "capacity": 1}, 404, "NoSuchNode", ""),
    ("stage", {"nodes": []}, 400, "InvalidRequest", 'unknown field "nodes"'),
    ("stage", {"version": 1}, 400, "InvalidRequest", 'unknown field "version"'),
    ("stage", [], 400, "InvalidRequest", "one JSON object"),
    ("stage", b"{", 400, "InvalidRequest", "one JSON object"),
    ("stage", b'{"node":"a","node":"b"}', 400, "InvalidRequest", "one JSON object"),
    ("plan", {"version": 1}, 400, "InvalidRequest", "unknown field"),
    ("revert", {"x": 1}, 400, "InvalidRequest", "unknown field"),
    ("apply", {}, 400, "InvalidRequest", '"version" is missing'),
    ("apply", b"", 400, "InvalidRequest", '"version" is missing'),
    ("apply", {"version": "1"}, 400, "InvalidRequest", "must be an integer"),
    ("apply", {"version": 1}, 409, "NothingStaged", ""),
    ("apply", {"version": True}, 400, "InvalidRequest", "must be an integer"),
    ("apply", {"number": 1}, 400, "InvalidRequest", "unknown field"),
]


@pytest.mark.parametrize("what, body, status, code, part", WRONG)
def test_wrong_input_is_refused_with_the_reason_and_changes_nothing(shared, what, body, status, code, part):
    refused(shared.admin.call("POST", f"/v1/layout/{what}", body), status, code, part)
    assert shared.admin.get("/v1/layout") == {"in_force": None, "staged": [], "next_version": 1, "lost_versions": 0}


@pytest.mark.parametrize("method, path", [("POST", "/v1/layout"), ("DELETE", "/v1/layout"), ("GET", "/v1/layout/x"),
                                          ("GET", "/v1/layout/plan"), ("POST", "/v1/layout/history"),
                                          ("GET", "/v1/layout/stage"), ("PUT", "/v1/layout/apply"),
                                          ("GET", "/v1/layout/history/1")])
def test_what_is_no_request_is_404(shared, method, path):
    shared.admin.call(method, path).expect(404)


@pytest.mark.parametrize("method, path", [("GET", "/v1/layout"), ("POST", "/v1/layout/stage"),
                                          ("GET", "/v1/cluster"), ("POST", "/v1/cluster/remove")])
def test_nothing_is_told_without_the_token(shared, method, path):
    shared.admin.call(method, path, {}, token="").expect(401)


def test_a_fresh_node_is_found_by_its_beginning_not_by_too_little_of_it(shared):
    message = refused(stage(shared, node=shared.id[:3], zone="z", capacity=1), 404, "NoSuchNode")
    assert f"one ({shared.id[:16]})" in message
    stage(shared, node=shared.id[:4].upper(), zone="z", capacity=1).expect(200)
    shared.admin.call("POST", "/v1/layout/revert").expect(200)
