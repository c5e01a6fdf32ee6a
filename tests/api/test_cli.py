"""`skerry k2v …`: every command in text and in JSON, and what each ends with."""

import json
import re

import pytest

import skerry
from skerry import EMPTY_TOKEN, b64

DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, NOTHING_NEW, DENIED = range(7)


def environment_of(client, **changes):
    return {"K2V_ENDPOINT": client.server.url, "K2V_BUCKET": client.bucket, "AWS_ACCESS_KEY_ID": client.key.id,
            "AWS_SECRET_ACCESS_KEY": client.key.secret, "AWS_REGION": client.key.region, **changes}


@pytest.fixture
def run(k2v):
    """run(command, words…): `skerry k2v command …` as the tests' key in the tests' bucket."""
    def run(*words, stdin=b"", **changes):
        return skerry.run("k2v", *words, environment=environment_of(k2v, **changes), stdin=stdin)
    return run


def token_of(done):
    match = re.search(r"^token: (\S+)$", done.errors + done.text, re.MULTILINE)
    assert match, f"no token: {done}"
    return match.group(1)


# read


def test_read_shows_the_value_and_the_token(k2v, run, pk):
    k2v.write(pk, "a", b"hello")
    done = run("read", pk, "a").expect(DONE)
    assert (done.text, token_of(done)) == ("hello\n", k2v.token(pk, "a"))
    assert run("read", pk, "a", "-o", "text").expect(DONE).text == "hello\n"
    assert run("read", pk, "a", "-o", "json").expect(DONE).json() == \
        {"causality_token": k2v.token(pk, "a"), "values": [b64(b"hello")]}


def test_read_shows_all_concurrent_values_and_deletions(k2v, run, pk):
    k2v.write(pk, "a", b"one", b"two", None)
    done = run("read", pk, "a").expect(DONE)
    assert done.text.splitlines() == ["one", "two", "(deleted)"]
    assert run("read", pk, "a", "-o", "json").json()["values"] == [b64(b"one"), b64(b"two"), None]


def test_read_raw_gives_the_bytes_alone(k2v, run, pk):
    value = bytes(range(256))
    k2v.write(pk, "a", value)
    assert run("read", pk, "a", "--raw").expect(DONE).output == value
    assert value not in run("read", pk, "a").expect(DONE).output, "no bytes that could steer a terminal"
    k2v.write(pk, "a", b"second")
    done = run("read", pk, "a", "--raw").expect(CONFLICT)
    assert done.output == b"" and token_of(done) == k2v.token(pk, "a")


def test_read_of_nothing_is_3(k2v, run, pk):
    done = run("read", pk, "a").expect(NOT_FOUND)
    assert done.output == b"" and "NoSuchKey" in done.errors
    k2v.write(pk, "a", None)
    run("read", pk, "a", "--raw").expect(NOT_FOUND)
    assert run("read", pk, "a").expect(DONE).text == "(deleted)\n"


# insert and delete


def test_insert_stores_and_replaces_with_the_token(k2v, run, pk):
    done = run("insert", pk, "a", "first").expect(DONE)
    assert k2v.values(pk, "a") == [b"first"]
    answer = run("insert", pk, "a", "second", "-c", token_of(done), "-o", "json").expect(DONE).json()
    assert k2v.values(pk, "a") == [b"second"]
    assert answer == {"causality_token": k2v.token(pk, "a")}
    run("insert", pk, "a", "third").expect(DONE)
    assert k2v.values(pk, "a") == [b"second", b"third"]


def test_insert_takes_files_and_standard_input_byte_for_byte(k2v, run, pk, tmp_path):
    value = bytes(range(256)) * 1000
    (tmp_path / "value").write_bytes(value)
    run("insert", pk, "file", "--file", tmp_path / "value").expect(DONE)
    run("insert", pk, "stdin", "-", stdin=value).expect(DONE)
    run("insert", pk, "empty", "").expect(DONE)
    run("insert", pk, "empty stdin", "-").expect(DONE)
    stored = [k2v.values(pk, sk) for sk in ("file", "stdin", "empty", "empty stdin")]
    assert stored == [[value], [value], [b""], [b""]]


def test_delete_deletes_what_was_seen(k2v, run, pk):
    k2v.write(pk, "a", b"1")
    run("delete", pk, "a", "-c", k2v.token(pk, "a")).expect(DONE)
    assert k2v.values(pk, "a") == [None]
    k2v.write(pk, "b", b"1")
    assert run("delete", pk, "b", "-o", "json").expect(DONE).json() == {"causality_token": None}
    assert k2v.values(pk, "b") == [b"1", None]


def test_keys_of_every_kind_can_be_typed(k2v, run):
    for name in ("root@plépp", "≤≤««", "a b/c%+&=?#", "-dash", "..", "."):
        run("insert", "--", name, name, "v").expect(DONE)
        assert k2v.search(name)["items"][0]["sk"] == name
        assert run("read", "--raw", "--", name, name).expect(DONE).output == b"v"


# poll


def test_poll_shows_what_is_newer_or_ends_with_5(k2v, run, pk):
    k2v.write(pk, "a", b"1")
    token = k2v.token(pk, "a")
    run("poll", pk, "a", "-c", token, "--timeout", "1").expect(NOTHING_NEW)
    run("poll", pk, "a", "-c", token, "--timeout", "1", "-o", "json").expect(NOTHING_NEW)
    k2v.write(pk, "a", b"2", token=token)
    done = run("poll", pk, "a", "-c", token).expect(DONE)
    assert (done.text, token_of(done)) == ("2\n", k2v.token(pk, "a"))
    assert run("poll", pk, "a", "-c", EMPTY_TOKEN, "-o", "json").json()["values"] == [b64(b"2")]


def test_poll_range_shows_items_and_a_marker(k2v, run, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": b64(sk.encode() * 3)} for sk in ("a", "b1", "b2")]).expect(204)
    done = run("poll-range", pk).expect(DONE)
    assert [line.split() for line in done.text.splitlines()[1:]] == \
        [[sk, k2v.token(pk, sk), sk * 3] for sk in ("a", "b1", "b2")]
    marker = re.search(r"^seen marker: (\S+)$", done.errors, re.MULTILINE).group(1)
    run("poll-range", pk, "--seen-marker", marker, "--timeout", "1").expect(NOTHING_NEW)
    k2v.write(pk, "c", b"1")
    found = run("poll-range", pk, "--seen-marker", marker, "-o", "json").expect(DONE).json()
    assert [item["sk"] for item in found["items"]] == ["c"] and found["seenMarker"]
    found = run("poll-range", pk, "--prefix", "b", "--end", "b2", "-o", "json").expect(DONE).json()
    assert [item["sk"] for item in found["items"]] == ["b1"]


# index


def test_index_lists_partitions_with_their_counts(fresh):
    fresh.write("p", "a", b"1", b"22")
    fresh.write("q", "a", b"1")
    fresh.write("r", "a", b"1")
    env = environment_of(fresh)
    done = skerry.run("k2v", "index", environment=env).expect(DONE)
    assert [line.split() for line in done.text.splitlines()[1:]] == \
        [["1", "1", "2", "3", "p"], ["1", "0", "1", "1", "q"], ["1", "0", "1", "1", "r"]]
    assert skerry.run("k2v", "index", "-o", "json", environment=env).json() == fresh.index().json()
    for words, keys in ((["--limit", "1"], ["p"]), (["--start", "q"], ["q", "r"]), (["--end", "q"], ["p"]),
                        (["--prefix", "q"], ["q"]), (["--reverse"], ["r", "q", "p"])):
        found = skerry.run("k2v", "index", *words, "-o", "json", environment=env).expect(DONE).json()
        assert [row["pk"] for row in found["partitionKeys"]] == keys, words


# batches


def test_read_batch_reads_a_range_by_flags(k2v, run, pk):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": b64(b"1")} for sk in ("a", "b1", "b2")]).expect(204)
    k2v.write(pk, "b2", b"2")
    k2v.write(pk, "c", None)
    for words, keys in (([], ["a", "b1", "b2"]), (["--prefix", "b"], ["b1", "b2"]),
                        (["--start", "b1"], ["b1", "b2"]),
                        (["--end", "b2"], ["a", "b1"]), (["--limit", "1"], ["a"]),
                        (["--tombstones"], ["a", "b1", "b2", "c"]),
                        (["--reverse"], ["b2", "b1", "a"]), (["--conflicts-only"], ["b2"]),
                        (["--single-item", "--start", "b1"], ["b1"])):
        found = run("read-batch", pk, *words, "-o", "json").expect(DONE).json()
        assert [item["sk"] for item in found[0]["items"]] == keys, words
    rows = [line.split() for line in run("read-batch", pk).expect(DONE).text.splitlines()[1:]]
    assert [(row[0], row[2]) for row in rows] == [("a", "1"), ("b1", "1"), ("b2", "1"), ("b2", "2")]


def test_read_batch_takes_the_protocols_json(k2v, run, pk, tmp_path):
    k2v.write(pk, "a", b"1")
    searches = json.dumps([{"partitionKey": pk}, {"partitionKey": pk, "limit": 0}])
    (tmp_path / "searches.json").write_text(searches)
    expected = k2v.read_batch(json.loads(searches)).json()
    assert run("read-batch", tmp_path / "searches.json", "-o", "json").expect(DONE).json() == expected
    assert run("read-batch", "-", "-o", "json", stdin=searches).expect(DONE).json() == expected


def test_insert_batch_takes_json_and_lines(k2v, run, pk, tmp_path):
    items = [{"pk": pk, "sk": "a", "ct": None, "v": b64(b"\0")}, {"pk": pk, "sk": "b", "ct": None, "v": None}]
    (tmp_path / "items.json").write_text(json.dumps(items))
    run("insert-batch", tmp_path / "items.json").expect(DONE)
    assert (k2v.values(pk, "a"), k2v.values(pk, "b")) == ([b"\0"], [None])
    lines = [{"pk": pk, "sk": "a", "v": b64(b"new"), "ct": k2v.token(pk, "a")},
             {"pk": pk, "sk": "c", "value": "plain té\nxt"}]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    answer = run("insert-batch", "--lines", "-", "-o", "json", stdin=text).expect(DONE).json()
    assert answer["stored_items"] == 2
    assert (k2v.values(pk, "a"), k2v.values(pk, "c")) == ([b"new"], ["plain té\nxt".encode()])


def test_insert_batch_sends_any_number_of_lines(k2v, run, pk):
    text = "".join(json.dumps({"pk": pk, "sk": f"{n:06}", "value": "x" * (n % 50)}) + "\n" for n in range(30000))
    run("insert-batch", "--lines", "-", stdin=text).expect(DONE)
    assert k2v.index_rows(prefix=pk)[pk] == (30000, 0, 30000, sum(n % 50 for n in range(30000)))


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"pk":"p"}', '{"pk":"p","sk":"s","v":"$"}',
                                  '{"pk":"p","sk":"s","v":"","value":""}', '{"pk":"p","sk":"s","valeu":"x"}',
                                  "[]"])
def test_a_bad_line_is_refused_with_its_number(k2v, run, pk, tmp_path, line):
    good = json.dumps({"pk": pk, "sk": "good", "value": "1"})
    (tmp_path / "lines").write_text(f"{good}\n{good}\n{line}\n")
    done = run("insert-batch", "--lines", tmp_path / "lines")
    assert done.code in (FAILED, USAGE) and "3" in done.errors, done
    assert k2v.keys(pk) == [], "a file is looked through before anything is sent"


def test_delete_batch_deletes_a_range(k2v, run, pk, tmp_path):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a", "b1", "b2", "c", "d")]).expect(204)
    done = run("delete-batch", pk, "--prefix", "b").expect(DONE)
    assert done.text.splitlines()[1].split() == ["2", pk]
    assert run("delete-batch", pk, "--single-item", "--start", "d", "-o", "json").json()[0]["deletedItems"] == 1
    (tmp_path / "deletions.json").write_text(json.dumps([{"partitionKey": pk, "end": "b"}]))
    run("delete-batch", tmp_path / "deletions.json").expect(DONE)
    assert k2v.keys(pk) == ["c"]
    run("delete-batch", pk).expect(DONE)
    assert k2v.keys(pk) == []


def test_delete_batch_refuses_what_the_protocol_would_ignore(k2v, run, pk):
    k2v.write(pk, "a", b"1")
    run("delete-batch", pk, "--limit", "1").expect(USAGE)
    run("delete-batch", "-", stdin=json.dumps([{"partitionKey": pk, "limit": 1}])).expect(USAGE)
    assert k2v.keys(pk) == ["a"]


# Settings and failures


def test_the_env_file_is_enough_and_the_environment_beats_it(k2v, pk, tmp_path):
    k2v.write(pk, "a", b"1")
    file = tmp_path / "k2v.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in environment_of(k2v).items()))
    file.chmod(0o600)
    command = ("k2v", "read", pk, "a", "--raw", "--env-file", file)
    assert skerry.run(*command).expect(DONE).output == b"1"
    skerry.run(*command, environment={"K2V_BUCKET": "no-such-bucket"}).expect(NOT_FOUND)
    done = skerry.run(*command, "--bucket", k2v.bucket, environment={"K2V_BUCKET": "no-such-bucket"})
    assert done.expect(DONE).output == b"1"
    file.chmod(0o644)
    skerry.run(*command).expect(USAGE)


def test_flags_and_a_secret_file_are_enough(k2v, pk, tmp_path):
    k2v.write(pk, "a", b"1")
    (tmp_path / "secret").write_text(k2v.key.secret + "\n")
    (tmp_path / "secret").chmod(0o600)
    done = skerry.run("k2v", "read", pk, "a", "--raw", "--endpoint", k2v.server.url + "/", "--bucket", k2v.bucket,
                      "--key-id", k2v.key.id, "--secret-file", tmp_path / "secret", "--region", "garage")
    assert done.expect(DONE).output == b"1"


def test_the_demo_file_of_a_server_works_at_once(start_server):
    server = start_server()
    file = server.directory / "demo.env"
    skerry.run("k2v", "insert", "greetings", "hello", "world", "--env-file", file).expect(DONE)
    assert skerry.run("k2v", "read", "greetings", "hello", "--env-file", file).expect(DONE).text == "world\n"


def test_failures_have_their_codes_and_never_the_secret(k2v, run, pk):
    cases = [(DENIED, run("index", AWS_SECRET_ACCESS_KEY="0" * 64)),
             (DENIED, run("index", AWS_ACCESS_KEY_ID="GK0000")),
             (NOT_FOUND, run("index", K2V_BUCKET="no-such-bucket")), (FAILED, run("index", AWS_REGION="mars")),
             (FAILED, run("index", K2V_ENDPOINT="http://127.0.0.1:1")),
             (FAILED, run("insert", pk, "a", "v", "-c", "AAAAAAAAAAB")),
             (USAGE, run("index", K2V_ENDPOINT="nonsense")),
             (USAGE, run("index", K2V_ENDPOINT="")), (USAGE, run("index", AWS_SECRET_ACCESS_KEY=""))]
    for code, done in cases:
        if "AAAAAAAAAAB" in done.arguments:
            assert done.code in (FAILED, USAGE), done
        else:
            done.expect(code)
        assert done.errors and k2v.key.secret not in done.errors + done.text


@pytest.mark.parametrize("words", [[], ["nonsense"], ["read"], ["read", "p"], ["read", "p", "s", "x"],
                                   ["read", "p", ""],
                                   ["read", "p", "s", "--nonsense"], ["read", "p", "s", "-o", "xml"],
                                   ["poll", "p", "s"],
                                   ["poll", "p", "s", "-c", EMPTY_TOKEN, "--timeout", "x"],
                                   ["insert", "p", "s", "v", "--file", "f"],
                                   ["index", "--limit", "-1"], ["read-batch", "p", "--single-item"]])
def test_a_wrong_command_line_is_2(run, words):
    done = run(*words)
    assert done.code == USAGE or (not words and done.code in (DONE, USAGE)), done
    assert done.errors or done.text


COMMANDS = ["read", "insert", "delete", "poll", "poll-range", "index", "read-batch", "insert-batch",
            "delete-batch"]


@pytest.mark.parametrize("words", [[], ["k2v"], *(["k2v", command] for command in COMMANDS), ["server"],
                                   ["bucket"], ["key"],
                                   ["status"]])
def test_every_command_explains_itself(words):
    done = skerry.run(*words, "--help").expect(DONE)
    assert " ".join(["skerry", *words]) in done.text and len(done.text.splitlines()) > 3
    assert done.errors == ""


# Words that can be taken for more than one thing


@pytest.mark.parametrize("command", ["read-batch", "delete-batch"])
@pytest.mark.parametrize("word", ["nofile.json", "./nofile", "../nofile", "nofile.jsonl"])
def test_a_file_that_is_not_there_is_no_partition_key(k2v, run, command, word):
    done = run(command, word).expect(USAGE)
    assert word in done.errors and "--partition" in done.errors and done.output == b""
    k2v.write(word, "a", b"1")
    assert run(command, "--partition", word, "-o", "json").expect(DONE).json()[0]["partitionKey"] == word
    assert run(command, word, "--prefix", "a", "-o", "json").expect(DONE).json()[0]["partitionKey"] == word


@pytest.mark.parametrize("command", ["read-batch", "delete-batch"])
def test_the_body_itself_may_be_the_argument(k2v, run, pk, command):
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": ""} for sk in ("a", "b")]).expect(204)
    body = json.dumps([{"partitionKey": pk, "start": "a", "singleItem": True}, {"partitionKey": pk, "prefix": "b"}])
    answer = run(command, body, "-o", "json").expect(DONE).json()
    assert [element["start"] for element in answer] == ["a", None]
    done = run(command, "[Gmail]").expect(USAGE)
    assert "the argument:1:" in done.errors and "--partition" in done.errors
    k2v.write("[Gmail]", "a", b"1")
    assert run(command, "--partition", "[Gmail]", "-o", "json").expect(DONE).json()[0]["partitionKey"] == "[Gmail]"


BOM, UTF16 = "﻿".encode(), "﻿[]".encode("utf-16")


def test_a_byte_order_mark_is_skipped_and_utf16_is_refused(k2v, run, pk, tmp_path):
    file = tmp_path / "file.json"
    items = json.dumps([{"pk": pk, "sk": "a", "value": "1"}]).encode()
    lines = json.dumps({"pk": pk, "sk": "b", "value": "1"}).encode()
    search = json.dumps([{"partitionKey": pk}]).encode()
    for words, data in ((["insert-batch"], items), (["insert-batch", "--lines"], lines), (["read-batch"], search)):
        file.write_bytes(BOM + data)
        run(*words, file).expect(DONE)
        run(*words, "-", stdin=BOM + data).expect(DONE)
        file.write_bytes(UTF16)
        assert "UTF-16" in run(*words, file).expect(USAGE).errors
    assert k2v.keys(pk) == ["a", "b"]
    for data in (BOM[:1], BOM[:2] + b"[]", b"\xff[]"):
        run("insert-batch", "-", stdin=data).expect(USAGE)


def test_a_byte_order_mark_in_the_env_file_hides_no_name(k2v, pk, tmp_path):
    k2v.write(pk, "a", b"1")
    file = tmp_path / "k2v.env"
    file.write_bytes(BOM + "".join(f"{name}={value}\n" for name, value in environment_of(k2v).items()).encode())
    file.chmod(0o600)
    skerry.run("k2v", "read", pk, "a", "--env-file", file).expect(DONE)


# Tokens and markers from the files that commands wrote


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_token_comes_from_what_a_read_or_a_write_printed(k2v, run, pk, tmp_path, form):
    seen = tmp_path / "seen"
    k2v.write(pk, "a", b"1", b"2")
    done = run("read", pk, "a", "-o", form).expect(DONE)
    seen.write_text(done.errors if form == "text" else done.text)
    done = run("insert", pk, "a", "3", "-C", seen, "-o", form).expect(DONE)
    assert k2v.values(pk, "a") == [b"3"]
    seen.write_text(done.text)
    run("poll", pk, "a", "-C", seen, "--timeout", "1").expect(NOTHING_NEW)
    run("delete", pk, "a", "--causality-token-file", seen).expect(DONE)
    assert k2v.values(pk, "a") == [None]
    run("insert", pk, "a", "4", "-C", "-", stdin=k2v.token(pk, "a") + "\n").expect(DONE)
    assert k2v.values(pk, "a") == [b"4"]


def test_a_file_without_a_token_is_refused(k2v, run, pk, tmp_path):
    seen = tmp_path / "seen"
    for text in ("", "\n", "two words", "token: \n", '{"causality_token": null}', "a\0b"):
        seen.write_text(text)
        done = run("insert", pk, "a", "1", "-C", seen).expect(USAGE)
        assert str(seen) in done.errors
    run("insert", pk, "a", "1", "-C", tmp_path / "none").expect(USAGE)
    run("insert", pk, "a", "1", "-C", seen, "-c", EMPTY_TOKEN).expect(USAGE)
    assert k2v.values(pk, "a") == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_marker_comes_from_what_a_range_poll_printed(k2v, run, pk, tmp_path, form):
    seen = tmp_path / "seen"
    k2v.write(pk, "a", b"1")
    done = run("poll-range", pk, "-o", form).expect(DONE)
    seen.write_text(done.errors if form == "text" else done.text)
    run("poll-range", pk, "--seen-marker-file", seen, "--timeout", "1").expect(NOTHING_NEW)
    k2v.write(pk, "b", b"2")
    done = run("poll-range", pk, "--seen-marker-file", seen, "-o", "json").expect(DONE).json()
    assert [item["sk"] for item in done["items"]] == ["b"]


# What surprised those who tried it first


def test_help_leads_to_the_help_of_a_command():
    assert skerry.run("help", "k2v", "read").expect(DONE).text == skerry.run("k2v", "read", "--help").text
    assert skerry.run("k2v", "help", "read").expect(DONE).text == skerry.run("k2v", "read", "--help").text
    assert skerry.run("help", "key").expect(DONE).text == skerry.run("key", "--help").text
    assert "did you mean" in skerry.run("help", "k2v", "reed").expect(USAGE).errors
    assert "--version" in skerry.run("--verson").expect(USAGE).errors


@pytest.mark.parametrize("words", [["insert-batch"], ["insert", "p", "s", "-C"], ["insert", "p", "s", "--file"],
                                   ["read-batch", "--file"]])
def test_a_directory_is_no_file(run, tmp_path, words):
    done = run(*words, tmp_path).expect(USAGE)
    assert done.output == b"" and f"{tmp_path}: Is a directory" in done.errors


def test_an_object_is_no_partition_key(run):
    for command in ("read-batch", "delete-batch"):
        done = run(command, '{"partitionKey": "p"}').expect(USAGE)
        assert "a JSON array was expected" in done.errors and "--partition" in done.errors


# Every parameter of the protocol can be said on the command line

READS = [  # words behind `read-batch PK`, and the sort keys that come
    ([], ["a", "b1", "b2", "c"]), (["--prefix", "b"], ["b1", "b2"]), (["--start", "b2"], ["b2", "c"]),
    (["--end", "b2"], ["a", "b1"]), (["--start", "b1", "--end", "c"], ["b1", "b2"]), (["--limit", "2"], ["a", "b1"]),
    (["--limit", "0"], []), (["--reverse"], ["c", "b2", "b1", "a"]), (["--reverse", "--start", "b1"], ["b1", "a"]),
    (["--reverse", "--limit", "1"], ["c"]), (["--prefix", "b", "--reverse"], ["b2", "b1"]),
    (["--single-item", "--start", "b1"], ["b1"]), (["--single-item", "--start", "gone"], []),
    (["--single-item", "--start", "gone", "--tombstones"], ["gone"]), (["--conflicts-only"], ["c"]),
    (["--tombstones"], ["a", "b1", "b2", "c", "gone"]), (["--tombstones", "--conflicts-only"], ["c"]),
]


@pytest.fixture(scope="module")
def filled(k2v):
    """A partition with plain items, a conflict, and a deleted one."""
    pk = "every-parameter"
    k2v.insert_batch([{"pk": pk, "sk": sk, "v": b64(sk.encode())} for sk in ("a", "b1", "b2", "c")]).expect(204)
    k2v.write(pk, "c", b"beside")
    k2v.write(pk, "gone", None)
    return pk


@pytest.mark.parametrize("words, expected", READS, ids=lambda value: " ".join(value) if value else "all")
def test_read_batch_says_every_parameter(run, filled, words, expected):
    answer = run("read-batch", filled, *words, "-o", "json").expect(DONE).json()[0]
    assert [item["sk"] for item in answer["items"]] == expected


def test_one_read_batch_has_several_searches_with_all_members(run, filled):
    searches = [{"partitionKey": filled, "prefix": "b", "start": "b1", "end": "b2", "limit": 5, "reverse": False,
                 "singleItem": False, "conflictsOnly": False, "tombstones": True},
                {"partitionKey": filled, "start": "c", "singleItem": True}, {"partitionKey": "nothing-there"}]
    answer = run("read-batch", json.dumps(searches), "-o", "json").expect(DONE).json()
    assert [[item["sk"] for item in search["items"]] for search in answer] == [["b1"], ["c"], []]
    shown = run("read-batch", "-", stdin=json.dumps(searches)).expect(DONE).text
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith("PARTITION KEY")] == \
        [filled, filled, "nothing-there"]


@pytest.mark.parametrize("words, expected", [
    (["--prefix", "par-b"], ["par-b1", "par-b2"]), (["--start", "par-b2", "--end", "par-d"], ["par-b2", "par-c"]),
    (["--prefix", "par-", "--limit", "2"], ["par-a", "par-b1"]),
    (["--prefix", "par-", "--reverse", "--limit", "2"], ["par-c", "par-b2"]),
], ids=lambda value: " ".join(value))
def test_index_says_every_parameter(k2v, run, words, expected):
    k2v.insert_batch([{"pk": f"par-{name}", "sk": "s", "v": ""} for name in ("a", "b1", "b2", "c")]).expect(204)
    rows = run("index", *words, "-o", "json").expect(DONE).json()["partitionKeys"]
    assert [row["pk"] for row in rows] == expected


@pytest.mark.parametrize("words, expected", [
    ([], ["a", "b1", "b2", "c", "gone"]), (["--prefix", "b"], ["b1", "b2"]),
    (["--start", "b2", "--end", "d"], ["b2", "c"]), (["--prefix", "b", "--end", "b2"], ["b1"]),
], ids=lambda value: " ".join(value) if value else "all")
def test_poll_range_says_every_parameter(run, filled, words, expected):
    answer = run("poll-range", filled, *words, "--timeout", "600", "-o", "json").expect(DONE).json()
    assert [item["sk"] for item in answer["items"]] == expected and answer["seenMarker"]


def test_insert_batch_says_every_member(k2v, run, pk):
    k2v.write(pk, "old", b"1")
    k2v.write(pk, "dead", b"1")
    items = [{"pk": pk, "sk": "new", "ct": None, "v": b64(b"2")},
             {"pk": pk, "sk": "old", "ct": k2v.token(pk, "old"), "v": b64(b"2")},
             {"pk": pk, "sk": "dead", "ct": k2v.token(pk, "dead"), "v": None}]
    run("insert-batch", "-", stdin=json.dumps(items)).expect(DONE)
    assert [k2v.values(pk, sk) for sk in ("new", "old", "dead")] == [[b"2"], [b"2"], [None]]
