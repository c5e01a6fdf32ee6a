"""ReadIndex: the four counters, exact after every write."""

import random

import pytest

from skerry import b64, seed


def counters_of(values):
    """What one item adds, from its values without repetition (None is a tombstone)."""
    alive = [value for value in values if value is not None]
    return (1 if alive else 0, 1 if len(values) > 1 else 0, len(alive), sum(map(len, alive)))


def add(a, b):
    return tuple(x + y for x, y in zip(a, b))


STATES = {
    "one value": [b"four"],
    "an empty value": [b""],
    "two values": [b"a", b"bcd"],
    "equal values": [b"same", b"same"],
    "a value and its deletion": [b"value", None],
    "only a tombstone": [None],
    "two tombstones": [None, None],
    "all kinds": [b"a", None, b"a", b"", None, b"bc"],
}


@pytest.mark.parametrize("name", STATES)
def test_each_state_of_an_item_counts_as_written(fresh, name):
    fresh.write("p", "s", *STATES[name])
    expected = counters_of(list(dict.fromkeys(STATES[name])))
    assert fresh.index_rows() == ({"p": expected} if any(expected) else {})


def test_the_index_of_an_empty_bucket_is_an_empty_list(fresh):
    assert fresh.index().expect(200).json() == {
        "prefix": None, "start": None, "end": None, "limit": None, "reverse": False, "partitionKeys": [],
        "more": False, "nextStart": None}


def test_values_not_their_base64_are_counted(fresh):
    fresh.insert_batch([{"pk": "p", "sk": str(n), "v": b64(bytes(n))} for n in range(100)]).expect(204)
    assert fresh.index_rows() == {"p": (100, 0, 100, sum(range(100)))}


def test_a_partition_of_tombstones_leaves_the_index_and_stays_readable(fresh):
    fresh.write("p", "a", b"1")
    fresh.write("q", "a", b"1")
    fresh.delete_batch([{"partitionKey": "p"}]).expect(200)
    assert list(fresh.index_rows()) == ["q"]
    assert fresh.keys("p", tombstones=True) == ["a"]
    fresh.write("p", "a", b"back", token=fresh.token("p", "a"))
    assert fresh.index_rows()["p"] == (1, 0, 1, 4)


def test_the_limit_counts_only_partitions_that_are_listed(fresh):
    for name in "abcd":
        fresh.write(name, "s", b"1")
    fresh.write("b", "s", None, token=fresh.token("b", "s"))
    page = fresh.index(limit=1).json()
    assert ([row["pk"] for row in page["partitionKeys"]], page["more"], page["nextStart"]) == (["a"], True, "c")
    page = fresh.index(limit=3).json()
    assert (len(page["partitionKeys"]), page["more"], page["nextStart"]) == (3, False, None)
    page = fresh.index(limit=0).json()
    assert (page["partitionKeys"], page["more"], page["nextStart"]) == ([], True, "a")


class Item:
    """One item on one node, as the protocol defines it: numbered writes, and tokens that are numbers."""

    def __init__(self):
        self.writes = []
        self.count = 0
        self.discard = 0

    def update(self, value, token):
        self.discard = max(self.discard, token)
        self.writes = [(number, content) for number, content in self.writes if number > self.discard]
        self.count += 1
        self.writes.append((self.count, value))

    def values(self):
        return list(dict.fromkeys(content for _, content in self.writes))


class Model:
    """A bucket and the tokens that were read from it: token text → number of the last write it covers."""

    def __init__(self):
        self.items = {}
        self.tokens = {}

    def item(self, name):
        return self.items.setdefault(name, Item())

    def index(self):
        rows = {}
        for (pk, _), item in self.items.items():
            rows[pk] = add(rows.get(pk, (0, 0, 0, 0)), counters_of(item.values()))
        return {pk: row for pk, row in rows.items() if any(row)}


def step(generator, client, model):
    """One random operation on the store and the model."""
    pk, sk = generator.choice("pqr"), generator.choice("abcdef")
    item = model.item((pk, sk))
    known = [None, *model.tokens.get((pk, sk), {})]
    token = generator.choice(known) if generator.random() < 0.4 else known[-1]
    covered = 0 if token is None else model.tokens[(pk, sk)][token]
    value = generator.choice([b"", b"x", b"yy", b"zzz", b"%d" % generator.randint(0, 9999), None])
    kind = generator.random()
    if kind < 0.3 and item.count:
        assert client.values(pk, sk) == item.values(), (pk, sk)
        model.tokens.setdefault((pk, sk), {})[client.token(pk, sk)] = item.count
    elif kind < 0.6:
        client.insert_batch([{"pk": pk, "sk": sk, "ct": token, "v": b64(value)}]).expect(204)
        item.update(value, covered)
    elif kind < 0.97:
        client.write(pk, sk, value, token=token)
        item.update(value, covered)
    else:
        result = client.delete_batch([{"partitionKey": pk}]).expect(200).json()[0]
        alive = [i for (p, _), i in model.items.items() if p == pk and any(v is not None for v in i.values())]
        assert result["deletedItems"] == len(alive)
        for one in alive:
            one.update(None, one.count)


@pytest.mark.parametrize("part", range(3))
def test_a_random_history_equals_the_model_after_every_step(fresh, part):
    """I2 and I15: values and counters are exactly those of the definition."""
    generator, model = random.Random(seed() + part), Model()
    for number in range(150):
        step(generator, fresh, model)
        assert fresh.index_rows() == model.index(), f"after step {number}"
    for (pk, sk), item in model.items.items():
        assert fresh.values(pk, sk) == item.values()


def test_a_thousand_partitions_are_listed_in_order(fresh):
    names = [f"{n:04}é" for n in range(1000)]
    fresh.insert_batch([{"pk": name, "sk": "s", "v": b64(b"1")} for name in reversed(names)]).expect(204)
    assert list(fresh.index_rows()) == names
    assert list(fresh.index_rows(reverse="true")) == names[::-1]
    assert list(fresh.index_rows(start=names[500], limit=3)) == names[500:503]
