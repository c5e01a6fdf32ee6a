"""Many clients at once: nothing is lost between them, and what they see is always a state that was."""

import itertools
import json
import random
import threading

from skerry import HandClient, b64, seed, unb64


def in_threads(*functions):
    """Run all of them at once; the first failure of any is the failure here."""
    failures = []

    def guarded(function):
        try:
            function()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def clients_of(k2v, count):
    return [HandClient(k2v.server, k2v.key, k2v.bucket) for _ in range(count)]


def test_writers_that_merge_what_they_read_lose_nothing(k2v, pk):
    """Each adds its own elements to one set, merging all siblings it sees: in the end the set has all (I1, I2)."""
    def add(client, name):
        for number in range(15):
            answer = client.get(pk, "set")
            siblings = [json.loads(unb64(value)) for value in answer.json()] if answer.status == 200 else []
            merged = sorted({*itertools.chain(*siblings), f"{name}.{number}"})
            client.put(pk, "set", json.dumps(merged).encode(), answer.token).expect(204)
        client.close()

    in_threads(*(lambda c=client, n=name: add(c, n) for name, client in enumerate(clients_of(k2v, 8))))
    elements = {element for value in k2v.values(pk, "set") for element in json.loads(value)}
    assert elements == {f"{name}.{number}" for name in range(8) for number in range(15)}


def test_blind_writers_all_become_siblings(k2v, pk):
    def write(client, name):
        for number in range(20):
            client.put(pk, "a", b"%d.%d" % (name, number)).expect(204)
        client.close()

    in_threads(*(lambda c=client, n=name: write(c, n) for name, client in enumerate(clients_of(k2v, 8))))
    values = k2v.values(pk, "a")
    assert sorted(values) == sorted(b"%d.%d" % (name, number) for name in range(8) for number in range(20))
    for name in range(8):
        mine = [value for value in values if value.startswith(b"%d." % name)]
        assert mine == [b"%d.%d" % (name, number) for number in range(20)], "each one's writes are in its order"


def test_pollers_never_miss_the_last_state(k2v, pk):
    """I16, I17: whatever the interleaving, who polls on from what it saw comes to see the end."""
    last = b"the end"

    def write(client):
        token = None
        for number in range(100):
            token = client.put(pk, "a", b"%d" % number, token).expect(204).token
        client.put(pk, "a", last, token).expect(204)
        client.close()

    def poll(client):
        answer = client.get(pk, "a")
        while answer.status == 404 or unb64(answer.json()[-1]) != last:
            answer = client.poll(pk, "a", answer.token, timeout=60, accept="application/json").expect(200)
        client.close()

    def poll_range(client):
        marker, seen = None, {}
        while seen.get("a") != [b64(last)]:
            body = client.poll_range(pk, seenMarker=marker, timeout=60).expect(200).json()
            assert marker is None or body["items"], "with a marker an answer has news"
            marker = body["seenMarker"]
            seen.update({item["sk"]: item["v"] for item in body["items"]})
        client.close()

    writer, *others = clients_of(k2v, 9)
    in_threads(lambda: write(writer), *(lambda c=client: poll(c) for client in others[:4]),
               *(lambda c=client: poll_range(c) for client in others[4:]))


def test_listings_are_in_order_and_whole_while_others_write(k2v, pk):
    """Items that nobody touches are in every listing, once; those in motion may be or not."""
    still = [f"s{number:04}" for number in range(500)]
    k2v.insert_batch([{"pk": pk, "sk": name, "v": b64(bytes(1000))} for name in still]).expect(204)
    stop = threading.Event()

    def move(client, name):
        generator = random.Random(f"{seed()} {name}")
        while not stop.is_set():
            sk = f"s{generator.randint(0, 499):04}.{name}"
            if generator.random() < 0.5:
                client.put(pk, sk, b"x", client.get(pk, sk).token).expect(204)
            else:
                client.delete_batch([{"partitionKey": pk, "start": sk, "singleItem": True}]).expect(200)
        client.close()

    def read(client):
        try:
            for number in range(15):
                reverse = number % 2 == 1
                names = client.keys(pk, reverse=reverse)
                assert names == sorted(set(names), reverse=reverse)
                assert [name for name in names if "." not in name] == sorted(still, reverse=reverse)
        finally:
            stop.set()
        client.close()

    reader, *movers = clients_of(k2v, 4)
    in_threads(lambda: read(reader), *(lambda c=client, n=name: move(c, n) for name, client in enumerate(movers)))


def test_the_index_is_exact_when_all_is_quiet(fresh):
    """I15, after writes, deletes and batches of many at once."""
    def work(client, name):
        generator = random.Random(f"{seed()} {name}")
        for number in range(40):
            pk, sk = generator.choice("pq"), generator.choice("abcde")
            value = bytes(generator.randint(0, 30))
            token = client.get(pk, sk).token if generator.random() < 0.8 else None
            kind = generator.random()
            if kind < 0.6:
                client.put(pk, sk, value, token).expect(204)
            elif kind < 0.8:
                client.delete(pk, sk, token).expect(204)
            elif kind < 0.9:
                client.insert_batch([{"pk": pk, "sk": s, "v": b64(value)} for s in "abcde"]).expect(204)
            else:
                client.delete_batch([{"partitionKey": pk}]).expect(200)
        client.close()

    in_threads(*(lambda c=client, n=name: work(c, n) for name, client in enumerate(clients_of(fresh, 6))))
    expected = {}
    for pk in "pq":
        values = [[unb64(value) for value in item["v"]] for item in fresh.search(pk, tombstones=True)["items"]]
        alive = [[value for value in one if value is not None] for one in values]
        row = (sum(map(bool, alive)), sum(len(one) > 1 for one in values), sum(map(len, alive)),
               sum(len(value) for one in alive for value in one))
        if any(row):
            expected[pk] = row
    assert fresh.index_rows() == expected
