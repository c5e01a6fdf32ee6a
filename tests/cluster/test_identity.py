"""Who a node is: other clusters, new secrets, copied directories. Real processes."""

import secrets as random_secrets

import world
from world import until

LATER_S = 60  # a start follows the clock: the copy is started later than the original, which tests need not wait for


def test_the_secret_is_replaced_under_a_running_cluster(three):
    old, new = three.secret, random_secrets.token_hex(32)
    for lines in ([old, new], [new, old], [new]):
        for node in three.nodes:
            node.take_secrets(lines)
            assert set(node.sees().values()) == {"alive"}
        three.wait_until_whole()
        bucket = f"with-{len(lines)}-{lines[0] == new}".lower()
        three.nodes[0].admin.create_bucket(bucket)
        until(lambda: all(bucket in node.buckets() for node in three.nodes), "documents spread")
    assert [node.status()["gossip"]["downs"] for node in three.nodes] == [0, 0, 0]
    # One that still has the old secret alone is heard by nobody.
    stranger = three.nodes[2]
    stranger.take_secrets([old])
    three.wait_for_states(three.nodes[:2], [stranger], "down")
    stranger.take_secrets([new])
    three.wait_until_whole()
    three.secret = new  # of nodes to come


def test_a_foreign_cluster_at_an_address_that_is_used_again_is_refused(three):
    """It has the same secret, and a node of ours was at its address: nothing of one gets into the other."""
    first, second, third = three.nodes
    layout, buckets = first.layout(), first.buckets()
    third.kill()
    former = third.gate.address
    foreign = three.add(4, "z9")
    three.nodes.remove(foreign)
    foreign.peers, foreign.bootstrap = [foreign.gate.address], "auto"
    foreign.start()
    until(lambda: "this node founded a cluster" in foreign.log(), "it is a cluster of its own")
    foreign.admin.create_bucket("foreign")
    third.make_gate()
    host, _, port = (foreign.directory / "rpc.endpoint").read_text().strip().rpartition(":")
    three.network.lead_old(former, host, int(port))
    refusal = "member of another cluster"
    until(lambda: refusal in first.log() and refusal in second.log(), "they met who is there now")
    first.admin.call("POST", "/v1/cluster/connect", {"target": former})

    def is_refused():
        answer = first.admin.get("/v1/cluster/connect")
        return answer["outcome"] == "failed" and former in answer["message"], answer
    until(is_refused, "the operator is told")
    third.start()
    three.wait_until_whole([first, second, third])
    assert {node.layout() for node in (first, second, third)} == {layout}
    assert [node.buckets() for node in (first, second, third)] == [buckets] * 3
    assert set(foreign.sees()) == {foreign.name} and foreign.buckets() == ["foreign"]
    assert foreign.status()["cluster"] != first.status()["cluster"]
    foreign.process.stop()


def test_a_copied_data_directory_is_said_loudly(three):
    """Two processes of one identity: the log of the one says it as an error, and status of all."""
    original = three.nodes[2]
    original.process.stop()
    copy = three.add(5, "z3", directory=three.copy_directory(original, "copy"))
    three.nodes.remove(copy)  # it is no node of its own
    copy.peers = original.peers
    copy.environment = world.wall_clock(LATER_S)
    original.start()
    three.wait_until_whole()
    copy.start()
    loud = "another process has this node's identity"
    until(lambda: (loud in copy.log() or loud in original.log(), copy.process.tail(5), original.process.tail(5)),
          "it is said")
    until(lambda: any(node.status()["problems"] for node in three.nodes), "status shows it")
    copy.process.stop()
