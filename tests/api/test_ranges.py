"""Ranges, both ways and in all three places that know them, against a model that fits on one page."""

import random

import pytest

from conftest import new_client
from skerry import b64, key_text, seed

ALPHABET = ["a", "b", "c", "\x00", "/", "é", "\ud7ff", "\ue000", "\U0010fffe", "\U0010ffff", "€"]


def in_order(names):
    """By raw UTF-8 bytes."""
    return sorted(names, key=lambda name: name.encode())


def model(names, prefix=None, start=None, end=None, limit=None, reverse=False):
    """(keys, nextStart) of a range over the names that pass the filter; the caller checks start against prefix."""
    def is_in(name):
        key = name.encode()
        if not name.startswith(prefix or ""):
            return False
        if start is not None and (key > start.encode() if reverse else key < start.encode()):
            return False
        return end is None or (key > end.encode() if reverse else key < end.encode())

    found = [name for name in in_order(names) if is_in(name)]
    if reverse:
        found.reverse()
    if limit is None or len(found) <= limit:
        return found, None
    return found[:limit], found[limit]


def draw_name(generator, longest=4):
    return "".join(generator.choice(ALPHABET) for _ in range(generator.randint(1, longest)))


def draw_range(generator, names, is_query):
    """Random arguments; now and then a border that is no key, or one outside the prefix."""
    def border():
        return generator.choice(names) if generator.random() < 0.7 else draw_name(generator)

    fields = {"prefix": None, "start": None, "end": None, "limit": None, "reverse": generator.random() < 0.5}
    if generator.random() < 0.5:
        name = generator.choice(names)
        fields["prefix"] = name[:generator.randint(0 if not is_query else 1, len(name))]
    if generator.random() < 0.5:
        fields["start"] = border()
        if fields["prefix"] and generator.random() < 0.8:
            fields["start"] = fields["prefix"] + draw_name(generator, 2)[generator.randint(0, 1):]
    if generator.random() < 0.5:
        fields["end"] = border()
    if generator.random() < 0.5:
        fields["limit"] = generator.choice([0, 1, 2, 3, 7, 1000])
    return fields


def is_refused(fields):
    prefix, start = fields["prefix"] or "", fields["start"]
    return start is not None and not start.startswith(prefix)


@pytest.fixture(scope="module")
def filled(server, key):
    """A bucket whose partition `p` holds random sort keys, and whose partition keys are random, too."""
    client = new_client(server, key)
    generator = random.Random(seed())
    names = in_order({draw_name(generator) for _ in range(150)})
    kinds = {name: generator.choice(["value", "conflict", "deleted"]) for name in names}
    items = []
    for name in names:
        values = {"value": [b"1"], "conflict": [b"1", b"2"], "deleted": [None]}[kinds[name]]
        items += [{"pk": "p", "sk": name, "ct": None, "v": b64(value)} for value in values]
        items.append({"pk": name, "sk": "s", "ct": None, "v": b64(b"x")})
    client.insert_batch(items).expect(204)
    yield client, names, kinds
    client.close()


def passing(kinds, conflicts_only, tombstones):
    return [name for name, kind in kinds.items()
            if (tombstones or kind != "deleted") and (not conflicts_only or kind == "conflict")]


@pytest.mark.parametrize("part", range(6))
def test_random_searches_equal_the_model(filled, part):
    client, names, kinds = filled
    generator = random.Random(seed() + 100 + part)
    searches, expected = [], []
    while len(searches) < 100:
        fields = draw_range(generator, names, is_query=False)
        if is_refused(fields):
            client.read_batch([{"partitionKey": "p", **fields}]).expect(400, "InvalidRequest")
            continue
        filters = {"conflictsOnly": generator.random() < 0.3, "tombstones": generator.random() < 0.3}
        searches.append({"partitionKey": "p", **fields, **filters})
        expected.append(model(passing(kinds, filters["conflictsOnly"], filters["tombstones"]), **fields))
    for search, result, (keys, following) in zip(searches, client.read_batch(searches).expect(200).json(),
                                                 expected):
        got = [item["sk"] for item in result["items"]]
        assert (got, result["more"], result["nextStart"]) == (keys, following is not None, following), search
        assert {name: result[name] for name in search} == search, "the search is echoed"


def test_random_index_ranges_equal_the_model(filled):
    client, names, _ = filled
    generator = random.Random(seed() + 200)
    for _ in range(150):
        fields = draw_range(generator, names, is_query=True)
        query = {**fields, "reverse": "true" if fields["reverse"] else generator.choice(["false", None])}
        answer = client.index(**query)
        if is_refused(fields):
            answer.expect(400, "InvalidRequest")
            continue
        result = answer.expect(200).json()
        keys, following = model([*names, "p"], **fields)
        got = [row["pk"] for row in result["partitionKeys"]]
        assert (got, result["more"], result["nextStart"]) == (keys, following is not None, following), fields
        assert {name: result[name] for name in fields} == fields, "the query is echoed"


def test_random_deletions_equal_the_model(fresh):
    generator = random.Random(seed() + 300)
    names = in_order({draw_name(generator) for _ in range(60)})
    for number in range(25):
        pk = f"deletions {number}"
        fresh.insert_batch([{"pk": pk, "sk": name, "ct": None, "v": ""} for name in names]).expect(204)
        fields = draw_range(generator, names, is_query=False)
        fields.pop("limit"), fields.pop("reverse")
        answer = fresh.delete_batch([{"partitionKey": pk, **fields}])
        if is_refused(fields):
            answer.expect(400, "InvalidRequest")
            continue
        gone, _ = model(names, **fields)
        assert answer.expect(200).json()[0]["deletedItems"] == len(gone), fields
        assert fresh.keys(pk) == [name for name in names if name not in gone], fields


def test_an_empty_query_value_is_absent(filled):
    client, names, _ = filled
    whole = client.index().json()
    assert client.index(prefix="", start="", end="", limit="", reverse="").json() == whole
    assert (whole["prefix"], whole["start"], whole["end"], whole["limit"], whole["reverse"]) == \
        (None, None, None, None, False)


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "limit=1.0", "limit=%201", "limit=18446744073709551616",
                                   "reverse=yes", "reverse=True", "reverse=1", "prefix=a&start=b",
                                   "start=a&start=b",
                                   "start=a&start=a", "limit=1&limit=1", "limit=0x10"])
def test_bad_range_queries_are_refused(k2v, query):
    k2v.request("GET", k2v.bucket_target(query)).expect(400, "InvalidRequest")


@pytest.mark.parametrize("prefix, reverse, keys", [
    ("", True, ["b", "a/b0", "a/b/x", "a/b/", "a"]),
    ("\U0010ffff", True, []),
    ("a/b/", True, ["a/b/x", "a/b/"]),
    ("a/b/", False, ["a/b/", "a/b/x"]),
    ("a", True, ["a/b0", "a/b/x", "a/b/", "a"]),
])
def test_a_prefix_is_walked_from_its_end_when_reversed(k2v, prefix, reverse, keys):
    pk = "successors"
    if not k2v.keys(pk):
        k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a", "a/b/", "a/b/x", "a/b0", "b")]).expect(204)
    assert k2v.keys(pk, prefix=prefix, reverse=reverse) == keys


@pytest.mark.parametrize("prefix, inside, outside", [("\ud7ff", "\ud7ffa", "\ue000"), ("€", "€\U0010ffff", "₭"),
                                                     ("\U0010fffe", "\U0010fffe\x00", "\U0010ffff"),
                                                     ("a\U0010ffff", "a\U0010ffff\U0010ffff", "b"),
                                                     ("\U0010ffff" * 3, "\U0010ffff" * 4, "\U0010ffff" * 2)])
def test_the_end_of_a_prefix_is_found_at_the_edges_of_unicode(k2v, pk, prefix, inside, outside):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in (prefix, inside, outside)]).expect(204)
    assert k2v.keys(pk, prefix=prefix) == [prefix, inside]
    assert k2v.keys(pk, prefix=prefix, reverse=True) == [inside, prefix]


def test_an_empty_end_in_json_is_the_lowest_border(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("", "a", "b")]).expect(204)
    assert k2v.keys(pk, end="") == []
    assert k2v.keys(pk, end="", reverse=True) == ["b", "a"]
    assert k2v.keys(pk, start="") == ["", "a", "b"]
    assert k2v.keys(pk, start="", reverse=True) == [""]


def test_an_end_outside_the_prefix_is_no_error(k2v, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a1", "a2", "b")]).expect(204)
    assert k2v.keys(pk, prefix="a", end="z") == ["a1", "a2"]
    assert k2v.keys(pk, prefix="a", end="0") == []
    assert k2v.keys(pk, prefix="a", end="0", reverse=True) == ["a2", "a1"]


def test_a_search_never_leaves_its_partition(k2v, pk):
    for name in (pk, pk + "\x00", pk + "a"):
        k2v.write(name, "in " + name, b"1")
    assert k2v.keys(pk) == ["in " + pk]
    assert k2v.keys(pk, reverse=True) == ["in " + pk]
    assert key_text(pk) == pk
