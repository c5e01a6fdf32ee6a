"""Many writers, few syncs: writes that arrive together are made durable together."""

import http.client
import threading

import sign
import skerry

WRITERS = 64
WRITES = 40  # each


class Writer(threading.Thread):
    """Puts prepared values one after the other on one connection that is kept."""

    def __init__(self, client, pk, number, start):
        super().__init__()
        self.requests = []
        for n in range(WRITES):
            target = client.item_target(pk, f"{number:02}/{n:03}")
            body = b"%d %d" % (number, n)
            headers = sign.by_hand(client.key, "PUT", client.server.host, target, [], body).headers
            self.requests.append((target, body, dict(headers)))
        self.connection = http.client.HTTPConnection(*client.server.address, timeout=60)
        self.connection.connect()
        self.start_line = start
        self.failure = None

    def run(self):
        try:
            self.start_line.wait(60)
            for target, body, headers in self.requests:
                self.connection.request("PUT", target, body, headers)
                answer = self.connection.getresponse()
                answer.read()
                assert answer.status == 204, f"{answer.status} to PUT {target}"
        except BaseException as error:
            self.failure = error
        finally:
            self.connection.close()


def test_concurrent_writes_share_their_syncs(start_server):
    server = start_server()
    key = server.admin.create_key()
    server.admin.create_bucket("group")
    server.admin.allow("group", key)
    client = skerry.Client(server, key, "group")
    start = threading.Barrier(WRITERS)
    writers = [Writer(client, "p", number, start) for number in range(WRITERS)]
    before = server.admin.status()["store"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    after = server.admin.status()["store"]
    assert [writer.failure for writer in writers if writer.failure] == []
    writes, syncs = after["writes"] - before["writes"], after["syncs"] - before["syncs"]
    print(f"{writes} writes in {syncs} syncs: {writes / syncs:.1f} writes a sync")
    assert writes >= WRITERS * WRITES
    assert syncs * 4 <= writes, f"{syncs} syncs for {writes} writes"
    assert client.index_rows()["p"][0] == WRITERS * WRITES
    client.close()
