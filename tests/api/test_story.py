"""A whole story: the history of a real repository goes in, and everything that comes out is held against git.

One partition for each author, one item for each commit, its sort key made of date and hash, its value the message.
"""

import json
import random
import subprocess

import pytest

import skerry
from conftest import new_client
from skerry import b64, seed

COMMITS_WANTED = 300


def git(directory, *arguments, stdin=None):
    return subprocess.run(["git", "-C", str(directory), "-c", "core.quotepath=off", "-c", "safe.directory=*",
                           *arguments],
                          input=stdin, capture_output=True, check=True).stdout


def read_history(directory, revision="HEAD"):
    """[(author, sort key, message)] of every commit, as git tells them."""
    log = git(directory, "log", "-z", "--encoding=UTF-8", "--format=%an%x1f%cd-%H%x1f%B",
              "--date=format:%Y-%m-%dT%H:%M:%S",
              revision)
    return [tuple(entry.decode("utf-8", "replace").split("\x1f", 2)) for entry in log.split(b"\0") if entry]


def make_repository(directory):
    """A repository of our own, for trees that come without their history."""
    generator = random.Random(seed())
    authors = ["Ada", "Grace Hopper", "Åsa Öberg", "李 雷", "o'Neill <x>", "root@plépp"]
    git(directory, "init", "-q")
    stream = []
    for number in range(COMMITS_WANTED):
        author = generator.choice(authors).replace("<", "(").replace(">", ")")
        text = "".join(generator.choice("abc dé€\n") for _ in range(generator.randint(0, 300)))
        data = f"commit {number}: {text}".encode()
        who = f"{author} <someone@example.org> {1700000000 + number * 3600} +0000"
        head = f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(data)}\n"
        stream.append(head.encode() + data + b"\n")
    git(directory, "fast-import", "--quiet", stdin=b"".join(stream))
    return read_history(directory, "refs/heads/main")


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    try:
        commits = read_history(skerry.ROOT)
    except (subprocess.CalledProcessError, FileNotFoundError):
        commits = []
    return commits if len(commits) >= COMMITS_WANTED else make_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def expected(history):
    """author → {sort key: message as bytes}: git's word."""
    partitions = {}
    for author, name, message in history:
        partitions.setdefault(author, {})[name] = message.encode()
    return partitions


@pytest.fixture(scope="module")
def stored(server, key, history, tmp_path_factory):
    """The bucket that holds the history, put in by `skerry k2v insert-batch --lines`."""
    client = new_client(server, key)
    lines = [json.dumps({"pk": author, "sk": name, "value": message}) + "\n" for author, name, message in history]
    file = tmp_path_factory.mktemp("story") / "history.jsonl"
    file.write_text("".join(lines))
    skerry.run("k2v", "insert-batch", "--lines", file, environment=k2v_environment(client)).expect(0)
    yield client
    client.close()


def k2v_environment(client):
    return {"K2V_ENDPOINT": client.server.url, "K2V_BUCKET": client.bucket, "AWS_ACCESS_KEY_ID": client.key.id,
            "AWS_SECRET_ACCESS_KEY": client.key.secret, "AWS_REGION": client.key.region}


def check_index(client, expected):
    rows = {author: (len(items), 0, len(items), sum(map(len, items.values())))
            for author, items in expected.items() if items}
    assert client.index_rows() == rows


def in_order(names, reverse=False):
    return sorted(names, key=str.encode, reverse=reverse)


def test_the_index_counts_commits_and_bytes_as_git_does(stored, history, expected):
    assert len(history) >= COMMITS_WANTED and sum(map(len, expected.values())) == len(history)
    check_index(stored, expected)
    assert list(stored.index_rows()) == in_order(expected)


def test_every_message_comes_back_in_every_form(stored, expected):
    for author, items in expected.items():
        for number, (name, message) in enumerate(items.items()):
            accept = ["application/octet-stream", "application/json", "*/*", None][number % 4]
            answer = stored.get(author, name, accept).expect(200)
            if accept in ("application/octet-stream", "*/*"):
                assert answer.body == message, (author, name)
            else:
                assert answer.json() == [b64(message)], (author, name)


def test_ranges_give_the_history_both_ways_page_by_page(stored, expected):
    for author, items in expected.items():
        names = in_order(items)
        for reverse in (False, True):
            found = stored.search(author, reverse=reverse)["items"]
            assert [item["sk"] for item in found] == in_order(items, reverse)
            assert all(item["v"] == [b64(items[item["sk"]])] for item in found)
            seen, start = [], None
            while True:
                page = stored.search(author, reverse=reverse, limit=7, start=start)
                seen += [item["sk"] for item in page["items"]]
                start = page["nextStart"]
                if start is None:
                    break
            assert seen == in_order(items, reverse)
        middle = names[len(names) // 2]
        assert stored.keys(author, start=middle) == names[len(names) // 2:]
        assert stored.keys(author, end=middle) == names[:len(names) // 2]
        month = middle[:7]
        assert stored.keys(author, prefix=month) == [name for name in names if name.startswith(month)]


def test_the_command_line_tells_the_same(stored, expected):
    author = max(expected, key=lambda name: len(expected[name]))
    name, message = max(expected[author].items())
    environment = k2v_environment(stored)
    assert skerry.run("k2v", "read", author, name, "--raw", environment=environment).expect(0).output == message
    index = skerry.run("k2v", "index", "-o", "json", environment=environment).expect(0).json()
    assert [(row["pk"], row["entries"]) for row in index["partitionKeys"]] == \
        [(author, len(expected[author])) for author in in_order(expected)]


def test_a_new_commit_wakes_who_polls_for_it(stored, expected):
    author = in_order(expected)[0]
    first = stored.poll_range(author).expect(200).json()
    assert {item["sk"]: item["v"] for item in first["items"]} == \
        {name: [b64(message)] for name, message in expected[author].items()}
    range_poll = stored.start_poll_range(author, seenMarker=first["seenMarker"])
    name = "9999-12-31T23:59:59-new"
    item_poll = stored.start_poll(author, name, stored.get(author, name).token, accept="*/*")
    stored.put(author, name, b"a new commit").expect(204)
    assert item_poll.answer().expect(200).body == b"a new commit"
    assert [item["sk"] for item in range_poll.answer().expect(200).json()["items"]] == [name]
    check_index(stored, {**expected, author: {**expected[author], name: b"a new commit"}})
    stored.delete_batch([{"partitionKey": author, "start": name, "singleItem": True}]).expect(200)
    check_index(stored, expected)


def test_a_rewritten_message_replaces_and_a_blind_one_conflicts(stored, expected):
    author = in_order(expected)[-1]
    name = in_order(expected[author])[0]
    message = expected[author][name]
    token = stored.token(author, name)
    stored.put(author, name, b"reworded", token).expect(204)
    assert stored.values(author, name) == [b"reworded"]
    stored.put(author, name, b"blind").expect(204)
    found = stored.search(author, conflictsOnly=True)["items"]
    assert [(item["sk"], item["v"]) for item in found] == [(name, [b64(b"reworded"), b64(b"blind")])]
    stored.put(author, name, message, stored.token(author, name)).expect(204)
    check_index(stored, expected)


def test_deleting_by_prefix_deletes_what_git_lists_under_it(stored, expected):
    left = {author: dict(items) for author, items in expected.items()}
    for author, items in left.items():
        days = in_order({name[:10] for name in items})
        for day in days[::2]:
            doomed = [name for name in items if name.startswith(day)]
            result = stored.delete_batch([{"partitionKey": author, "prefix": day}]).expect(200).json()
            assert result[0]["deletedItems"] == len(doomed)
            for name in doomed:
                del items[name]
        assert stored.keys(author) == in_order(items)
        check_index(stored, left)
    everything = [{"partitionKey": author} for author in expected]
    counts = [result["deletedItems"] for result in stored.delete_batch(everything).expect(200).json()]
    assert counts == [len(items) for items in left.values()]
    assert stored.index_rows() == {}
    for author, items in expected.items():
        tombs = [name for name in stored.keys(author, tombstones=True) if not name.startswith("9999")]
        assert tombs == in_order(items)
