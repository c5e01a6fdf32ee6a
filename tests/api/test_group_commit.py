"""Many writers, few syncs: writes that arrive together are made durable together.

64 connections, all with a write under way at once; the next round when every one is answered. One thread drives them, so that
they are as concurrent as sockets allow and not as an interpreter's lock does.
"""

import skerry
import wire

WRITERS = 64
ROUNDS = 40


def prepared(client, number):
    return [client.bytes_of("PUT", client.item_target("p", f"{number:02}/{n:03}"), [], b"%d %d" % (number, n))
            for n in range(ROUNDS)]


def test_concurrent_writes_share_their_syncs(start_server):
    server = start_server()
    key = server.admin.create_key()
    server.admin.create_bucket("group")
    server.admin.allow("group", key)
    client = skerry.Client(server, key, "group")
    requests = [prepared(client, number) for number in range(WRITERS)]
    connections = [wire.Connection(server.address) for _ in range(WRITERS)]
    before = server.admin.status()["store"]
    for n in range(ROUNDS):
        for connection, mine in zip(connections, requests):
            connection.send(mine[n])
        for connection in connections:
            connection.read().expect(204)
    after = server.admin.status()["store"]
    writes, syncs = after["writes"] - before["writes"], after["syncs"] - before["syncs"]
    print(f"{writes} writes in {syncs} syncs: {writes / syncs:.1f} writes a sync")
    assert writes == WRITERS * ROUNDS
    assert syncs * 4 <= writes, f"{syncs} syncs for {writes} writes"
    assert {pk: row[0] for pk, row in client.index_rows().items()} == {"p": WRITERS * ROUNDS}
    for connection in connections:
        connection.close()
    client.close()
