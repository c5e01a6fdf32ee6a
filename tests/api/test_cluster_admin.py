"""The admin API of the cluster: what a node says of itself and of others, connecting, removing."""

import pytest

import crowd
import skerry


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    server = skerry.Server(tmp_path_factory.mktemp("cluster"), "--cluster-name", "one")
    server.id = server.admin.get("/v1/cluster")["node"]
    yield server
    try:
        server.stop()
    finally:
        server.kill()


def refused(answer, status, code, part=""):
    answer.expect(status)
    assert (answer.json()["code"], part in answer.json()["message"]) == (code, True), answer


def test_a_node_alone_is_well(node):
    cluster = node.admin.get("/v1/cluster")
    assert (cluster["verdict"], cluster["stage"], cluster["name"]) == ("well", "alone", "one")
    assert cluster["summary"] == "1 of 1 node is up, no layout, all documents equal"
    assert len(cluster["node"]) == 64 and len(cluster["cluster"]) == 16
    assert cluster["layout"] is None and cluster["problems"] == [] and cluster["zones"] == []
    (row,) = cluster["nodes"]
    assert (row["node"], row["self"], row["state"], row["role"]) == (node.id, True, "alive", None)
    assert (row["round_trip_us"], row["clock_offset_us"]) == (None, None)


WRONG = [
    ("connect", {}, 400, "InvalidRequest", 'the target is missing or empty'),
    ("connect", {"target": ""}, 400, "InvalidRequest", 'the target is missing or empty'),
    ("connect", {"target": 1}, 400, "InvalidRequest", "must be a string"),
    ("connect", {"node": "x"}, 400, "InvalidRequest", "unknown field"),
    ("connect", {"target": "no port"}, 409, "CannotConnect", ""),
    ("connect", {"target": "x" * 1000 + ":1"}, 409, "CannotConnect", ""),
    ("connect", {"target": "0123@127.0.0.1:1"}, 409, "CannotConnect", ""),
    ("remove", {}, 400, "InvalidRequest", '"node" is missing'),
    ("remove", {"node": "one"}, 409, "NodeIsSelf", "ask another node"),
    ("remove", {"node": "one", "force": 1}, 400, "InvalidRequest", "true or false"),
    ("remove", {"node": "two", "force": True}, 404, "NoSuchNode", ""),
]


@pytest.mark.parametrize("what, body, status, code, part", WRONG)
def test_wrong_input_is_refused_with_the_reason(node, what, body, status, code, part):
    refused(node.admin.call("POST", f"/v1/cluster/{what}", body), status, code, part)


@pytest.mark.parametrize("method, path", [("POST", "/v1/cluster"), ("GET", "/v1/cluster/remove"),
                                          ("GET", "/v1/cluster/x"), ("PUT", "/v1/cluster/connect"),
                                          ("GET", "/v1/cluster/connect/x")])
def test_what_is_no_request_is_404(node, method, path):
    node.admin.call(method, path).expect(404)


def test_the_cluster_is_in_the_metrics_and_statistics(node):
    stats = node.admin.get("/v1/stats")
    assert (stats["cluster"]["nodes"], stats["cluster"]["nodes_up"], stats["cluster"]["layout_version"]) == (1, 1, 0)
    assert stats["gossip"]["packets_bad"] == 0
    metrics = node.admin.call("GET", "/metrics").expect(200).body.decode()
    for name in ("cluster_nodes 1", "cluster_nodes_up 1", "cluster_layout_version 0", "gossip_doubled 0"):
        assert f"\nskerry_{name}\n" in metrics


def test_two_nodes_become_one_cluster_and_one_of_them_goes(start_server, tmp_path):
    """The way of a node through a cluster, as an operator goes it."""
    secret = tmp_path / "secret"
    secret.write_text("5a" * 32 + "\n")
    secret.chmod(0o600)
    one, two = [start_server("--cluster-name", name, "--rpc-secret-file", str(secret), name=name)
                for name in ("one", "two")]
    target = two.command("node", "id").expect(0).text.strip()
    one.command("node", "connect", target).expect(0)
    cluster = one.admin.get("/v1/cluster")
    assert cluster["stage"] == "member" and len(cluster["nodes"]) == 2
    assert two.admin.get("/v1/cluster")["cluster"] == cluster["cluster"]
    id_of_two = target.split("@")[0]
    one.admin.call("POST", "/v1/layout/stage", {"node": id_of_two, "zone": "z", "capacity": 10**9}).expect(200)
    refused(one.admin.call("POST", "/v1/cluster/remove", {"node": id_of_two}), 409, "NodeHasRole", "is staged")
    one.admin.call("POST", "/v1/layout/revert").expect(200)
    assert one.admin.call("POST", "/v1/cluster/remove", {"node": id_of_two}).expect(200).json() == {"changed": True}
    assert len(one.admin.get("/v1/cluster")["nodes"]) == 1
    refused(one.admin.call("POST", "/v1/cluster/remove", {"node": id_of_two}), 404, "NoSuchNode")


def test_a_node_with_another_secret_says_so(start_server):
    one = start_server(name="one")
    address = one.admin.get("/v1/cluster")["address"]
    two = start_server("--cluster-peers", address, "--cluster-zone", "z",
                       "--cluster-capacity", "1", "--cluster-bootstrap", "auto", "--rpc-probe-interval-ms", "20",
                       name="two")
    said = f"{address} ends our connection: another secret"
    told = crowd.until(lambda: two.admin.get("/v1/cluster"),
                       lambda told: any(line.startswith(said) for line in told["problems"]), "it says so")
    assert told["no_layout_because"] == "this node is in no cluster yet"
