"""A node that an operator took out of its cluster: out it stays, until one connects it again from a member."""

from world import until


def test_a_removed_node_stays_out_until_a_member_connects_it(three):
    first, second, third = three.nodes
    first.admin.call("POST", "/v1/cluster/remove", {"node": third.id(), "force": True}).expect(200)
    until(lambda: third.status()["stage"] == "removed", "it has learnt it")
    until(lambda: third.name not in second.sees(), "the others, too")
    assert "this node was taken out of its cluster" in third.log()

    third.kill()
    third.start()  # with its peers and "auto" in its configuration, as before
    assert third.status()["stage"] == "removed"
    refused = third.process.command("node", "connect", first.gate.address).expect(1)
    assert "connect it again from a member" in refused.errors
    assert third.name not in first.sees() and third.status()["stage"] == "removed"

    first.admin.create_bucket("meanwhile")
    first.process.command("node", "connect", third.gate.address).expect(0)
    three.wait_for_states(three.nodes, three.nodes, "alive")
    until(lambda: "meanwhile" in third.buckets(), "it has the documents of the others")
    assert third.status()["stage"] == "member"
