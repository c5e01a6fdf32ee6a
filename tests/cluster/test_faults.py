"""Five real nodes while the network between them, their processes and their clocks fail. The tests share the cluster and
leave it whole."""

import secrets
import signal

import world
from world import until

CLOCK_OFF_S = 600


def test_five_nodes_form_a_cluster_from_their_files_alone(five):
    statuses = [node.status() for node in five.nodes]
    assert len({status["cluster"] for status in statuses}) == 1
    assert {status["layout"]["hash"] for status in statuses} == {statuses[0]["layout"]["hash"]}
    assert sorted(row["zone"] for row in statuses[0]["zones"]) == ["z1", "z2", "z3"]
    for node in five.nodes:
        rows = {row["name"]: row for row in node.status()["nodes"]}
        assert {row["role"]["zone"] for row in rows.values()} == {"z1", "z2", "z3"}
        assert {name: row["address"] for name, row in rows.items()} == \
            {other.name: other.gate.address for other in five.nodes}
    assert five.network.count > 0, "nothing went through the gates"


def test_a_cut_network_removes_nobody_and_both_sides_changes_meet_again(five):
    layout = five.nodes[0].layout()
    one, other = five.nodes[:2], five.nodes[2:]
    five.network.cut(([node.name for node in one], [node.name for node in other]))
    five.wait_for_states(one, other, "down")
    five.wait_for_states(other, one, "down")
    five.wait_for_states(one, one, "alive")
    five.wait_for_states(other, other, "alive")
    one[0].admin.create_bucket("made-here")
    other[0].admin.create_bucket("made-there")
    until(lambda: (one[1].buckets() == ["made-here"] and other[2].buckets() == ["made-there"],
                   one[1].buckets(), other[2].buckets()), "each side has its bucket")
    assert {node.layout() for node in five.nodes} == {layout}
    five.network.heal()
    five.wait_until_whole()
    assert {tuple(node.buckets()) for node in five.nodes} == {("made-here", "made-there")}
    assert {node.layout() for node in five.nodes} == {layout}


def test_a_way_that_is_cut_one_way_or_loses_datagrams_makes_nobody_dead(five):
    """Others ask for the one that cannot be asked."""
    first, second = five.nodes[0], five.nodes[1]
    downs = [node.status()["gossip"]["downs"] for node in five.nodes]
    probes = [node.status()["gossip"]["probes"] for node in five.nodes]
    five.network.cut(([first.name], [second.name]), one_way=True)
    five.network.slow(([node.name for node in five.nodes[2:]], [node.name for node in five.nodes[2:]]),
                      delay_s=0.01, loss=0.1)
    until(lambda: all(node.status()["gossip"]["probes"] > before + 25 for node, before in zip(five.nodes, probes)),
          "everybody was asked several times")
    assert [node.status()["gossip"]["downs"] for node in five.nodes] == downs
    assert any(node.status()["gossip"]["probes_indirect"] for node in five.nodes)
    five.network.heal()
    five.wait_until_whole()


def test_a_killed_node_is_down_and_comes_back_at_another_address(five):
    layout = five.nodes[0].layout()
    node, others = five.nodes[4], five.nodes[:4]
    node.kill()
    five.wait_for_states(others, [node], "down")
    assert {other.layout() for other in others} == {layout}
    former = node.gate.address
    assert node.make_gate() != former
    node.start()
    five.wait_until_whole()
    for other in others:
        rows = {row["name"]: row["address"] for row in other.status()["nodes"]}
        assert rows[node.name] == node.gate.address
    assert node.layout() == layout


def test_all_killed_at_once_find_each_other_again_with_their_layout(five):
    layout = five.nodes[0].layout()
    for node in five.nodes:
        node.process.process.send_signal(signal.SIGKILL)
    for node in five.nodes:
        node.process.end()
        node.launch()
    for node in five.nodes:
        node.meet()
    five.wait_until_whole()
    assert {node.layout() for node in five.nodes} == {layout}
    assert {tuple(node.buckets()) for node in five.nodes} == {("made-here", "made-there")}


def test_a_clock_that_is_ten_minutes_off_is_shown(five):
    node, others = five.nodes[3], five.nodes[:3]
    node.process.stop()
    node.environment = world.wall_clock(CLOCK_OFF_S)
    node.start()
    five.wait_until_whole()
    for other in others:
        def look():
            rows = {row["name"]: row["clock_offset_us"] for row in other.status()["nodes"]}
            offset = rows[node.name]
            return offset is not None and abs(offset - CLOCK_OFF_S * 1_000_000) < 60_000_000, rows
        until(look, f"{other.name} knows of the clock")
        until(lambda: "a node's clock is far from ours" in other.log(), "the log says so")
    node.process.stop()
    node.environment = {}
    node.start()
    five.wait_until_whole()


def test_a_node_that_was_paused_is_down_meanwhile_and_none_of_them_is_lost(five):
    layout = five.nodes[0].layout()
    node, others = five.nodes[2], [*five.nodes[:2], *five.nodes[3:]]
    node.process.process.send_signal(signal.SIGSTOP)
    try:
        five.wait_for_states(others, [node], "down")
        others[0].admin.create_bucket("made-meanwhile")
        until(lambda: all("made-meanwhile" in other.buckets() for other in others), "the others go on")
        assert {other.layout() for other in others} == {layout}
    finally:
        node.process.process.send_signal(signal.SIGCONT)
    five.wait_until_whole()
    assert "made-meanwhile" in node.buckets() and node.layout() == layout


def test_a_new_secret_costs_no_node_its_place(five):
    old, new = five.secret, secrets.token_hex(32)
    downs = [node.status()["gossip"]["downs"] for node in five.nodes]
    for lines in ([old, new], [new, old], [new]):
        for node in five.nodes:
            node.take_secrets(lines)
        five.wait_until_whole()
    five.nodes[4].admin.create_bucket("made-under-the-new")
    until(lambda: all("made-under-the-new" in node.buckets() for node in five.nodes), "documents spread")
    assert [node.status()["gossip"]["downs"] for node in five.nodes] == downs
    five.secret = new


def test_every_node_still_answers_and_ends_in_order(five):
    for node in five.nodes:
        node.admin.status()
    node = five.nodes[1]
    node.process.stop()
    until(lambda: all("a node left in order" in other.log() for other in five.nodes if other is not node),
          "the others were told")
    node.start()
    five.wait_until_whole()
