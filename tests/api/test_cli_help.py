"""What the program tells of itself: every example of every --help works, the completion scripts complete, the manual
names all there is. All of it comes from the tables that read the command line; these tests hold it to the program."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import pytest

import skerry
from test_cli import environment_of

ROOT = skerry.ROOT


def help_of(path):
    return skerry.run(*path, "--help").expect(0).text


def subcommands(text):
    """The names in the list of a group's help; none for a command."""
    match = re.search(r"^Commands:\n((?:  .+\n)+)", text, re.MULTILINE)
    return re.findall(r"^  (\S+) ", match.group(1), re.MULTILINE) if match else []


def all_helps():
    """{("k2v", "read"): its help}, groups too; () is the program's own."""
    helps, left = {}, [()]
    while left:
        path = left.pop()
        helps[path] = help_of(path)
        left += [(*path, name) for name in subcommands(helps[path])]
    return helps


HELPS = all_helps() if os.access(skerry.BIN, os.X_OK) else {}
COMMANDS = sorted(path for path, text in HELPS.items() if not subcommands(text))


def options_of(path):
    return set(re.findall(r"(?:^| )(--[a-z0-9][a-z0-9-]*)\b", HELPS[path].split("Examples:")[0], re.MULTILINE))


def examples_of(path):
    """The lines below "Examples:", a line that is indented further going on with the one before."""
    block = re.search(r"^Examples:\n((?: +.*\n)+)", HELPS[path], re.MULTILINE)
    assert block, f"no examples: {HELPS[path]}"
    lines = []
    for line in block.group(1).splitlines():
        indent = len(line) - len(line.lstrip())
        if lines and indent > lines[0][0]:
            lines[-1] = (indent, lines[-1][1] + "\n" + line)
        else:
            lines.append((indent, line.strip()))
    return [text for _, text in lines]


WITHOUT_A_SERVER = [("repair", "salvage")]  # they work on the files of one that is stopped


# The pages


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_page_has_its_parts(path):
    text = HELPS[path]
    name = " ".join(["skerry", *path])
    assert text.startswith(f"Usage: {name}")
    assert 1 <= len([line for line in examples_of(path) if name in line]) <= 6
    assert all(len(line) <= 112 for line in text.splitlines()), "it fits a window"
    if path != ("server",):
        assert "\n  0  done\n" in text and text.endswith("  6  access denied\n")
        assert skerry.run(*path, "-h").expect(0).text == text


# The examples


@pytest.fixture
def place(start_server, tmp_path):
    """A directory with a server's data, and the files that examples name; `run(line)` as a shell there would."""
    server = start_server("--k2v-demo", "true", "--cluster-name", "paris-1", name="skerry-data")
    server.start_other = lambda: start_server("--cluster-name", "rome-1", "--rpc-secret-file",
                                              str(server.directory / "rpc.secret"), name="rome-1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "skerry").symlink_to(pathlib.Path(skerry.BIN).resolve())
    (tmp_path / "bin" / "pass").write_text("#!/bin/sh\necho 0123456789abcdef0123456789abcdef\n")
    (tmp_path / "bin" / "pass").chmod(0o755)
    (tmp_path / "bin" / "man").write_text("#!/bin/sh\nexec cat >/dev/null\n")
    (tmp_path / "bin" / "man").chmod(0o755)
    many = [{"pk": "many", "sk": f"{n}", "value": "v"} for n in range(12500)]
    (tmp_path / "items.json").write_text(json.dumps(many))
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in many[:10]))
    (tmp_path / "searches.json").write_text(json.dumps([{"partitionKey": "mailboxes"}]))
    (tmp_path / "deletions.json").write_text(json.dumps([{"partitionKey": "many"}]))
    (tmp_path / "logo.png").write_bytes(bytes(range(256)))
    (tmp_path / "rules.json").write_text(json.dumps([{"allowed_origins": ["*"], "allowed_methods": ["GET"]}]))
    (tmp_path / "mailer.secret").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "mailer.secret").chmod(0o600)
    (tmp_path / "skerry.toml").write_text(f'data_dir = "{tmp_path}/other"\n')
    demo = dict(line.split("=", 1) for line in (server.directory / "demo.env").read_text().splitlines())
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    server.examples = {"cwd": tmp_path, "env": skerry.clean_environment(PATH=path, **demo)}
    return server


def localize(line, place):
    """Places of an installed server are those of the test's."""
    directory = place.examples["cwd"]
    return line.replace("/var/lib/skerry", str(place.directory)).replace("/etc/skerry.toml",
                                                                         str(directory / "skerry.toml")) \
               .replace("/tmp/node", str(directory / "node")) \
               .replace("rome-1.example.org:3901", place.examples.get("other", ""))


def shell(line, place):
    return subprocess.Popen(["bash", "-c", "set -e; " + localize(line, place)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place.examples["cwd"],
                            env=place.examples["env"])


def finish(process, line, codes=(0,)):
    output, errors = process.communicate(timeout=skerry.TIMEOUT_S)
    assert process.returncode in codes, f"exit {process.returncode} of {line}\n{output}\n{errors}"
    assert "Sanitizer" not in errors, errors
    return output


def prepare(path, line, place):
    """What an example takes for granted: its bucket, its key, another node."""
    quietly = []
    if path != ("bucket", "create") and "key import" not in line and re.search(r"mailer\b|GK01234", line):
        quietly.append("skerry key import GK0123456789abcdef01234567 mailer --secret-file mailer.secret")
    if "mailer-old" in line and "key rename" not in line:
        quietly.append("skerry key create mailer-old")
    if "bucket create" not in line and re.search(r"skerry bucket (?!list)", line):
        quietly.append("skerry bucket create mails")
    if "post --remove" in line:
        quietly.append("skerry bucket alias mails post")
    if path in (("node", "connect"), ("node", "remove")) and "other" not in place.examples:
        place.examples["other"] = place.start_other().admin.get("/v1/cluster")["address"]
        if path == ("node", "remove"):
            quietly.append("skerry node connect rome-1.example.org:3901")
    if path in (("layout", "remove"), ("layout", "apply")):
        quietly += ["skerry layout assign paris-1 --zone paris --capacity 100G", "skerry layout set --replication 1"]
    for command in quietly:
        finish(shell(command, place), command, codes=(0, 1))  # 1: it is there already


def prepare_items(place):
    for words in ("mailboxes INBOX v", "images logo.png --file logo.png"):
        finish(shell(f"skerry k2v insert {words}", place), words)


def answer_polls(place, process):
    """Write to what is polled, once it is, until the example is over."""
    demo = place.examples["env"]
    writes = [["mailboxes", "INBOX"], ["jobs", "next"]]
    while process.poll() is None:
        if place.admin.status()["waiting_polls"] > 0:
            for pk, sk in writes:
                subprocess.run([skerry.BIN, "k2v", "insert", pk, sk, "news"], env=demo, check=True,
                               capture_output=True)


def run_server_example(line, place):
    """Start it, wait until it serves, stop it. Ports are free ones, whatever the defaults are."""
    environment = {**place.examples["env"], "SKERRY_ADMIN_LISTEN": "127.0.0.1:0", "SKERRY_K2V_LISTEN": "127.0.0.1:0",
                   "SKERRY_RPC_LISTEN": "127.0.0.1:0",
                   "SKERRY_DATA_DIR": str(place.examples["cwd"] / "another")}
    process = subprocess.Popen(["bash", "-c", "exec env " + localize(line, place)], env=environment,
                               cwd=place.examples["cwd"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for said in process.stderr:
        if "msg=ready" in said:
            break
    else:
        assert False, f"it never was ready: {line}"
    process.send_signal(signal.SIGTERM)
    finish(process, line)


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != ("server",)], ids=" ".join)
def test_every_example_works(path, place):
    lines = examples_of(path)
    if path == ("stats",):
        lines = [line for line in lines if "--watch" not in line]  # on a terminal: test_stats.py
    if path[0] == "k2v" and path[1] in ("read", "poll", "delete"):
        prepare_items(place)
    if path in WITHOUT_A_SERVER:
        place.stop()
    for line in lines:
        prepare(path, line, place)
        process = shell(line, place)
        writer = threading.Thread(target=answer_polls, args=(place, process), daemon=True)
        if "poll" in line:
            writer.start()
        output = finish(process, line)
        if "poll" in line:
            writer.join()
        if "-o json" in line and ">" not in line:
            json.loads(output)


def test_every_example_of_the_server_works(place):
    for line in examples_of(("server",)):
        run_server_example(line, place)


# Completion


def complete(words, directory, last=None):
    """What bash offers behind `words`, the last of which is being typed."""
    script = subprocess.run([skerry.BIN, "completion", "bash"], capture_output=True, text=True, check=True).stdout
    words = ["skerry", *words]
    array = " ".join(f"'{word}'" for word in words)
    ask = f"{script}\nCOMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; _skerry; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "--norc", "-c", ask], cwd=directory, capture_output=True, text=True,
                          timeout=skerry.TIMEOUT_S)
    assert done.returncode == 0 and done.stderr == "", done
    return set(done.stdout.split())


def test_bash_registers_the_completion():
    done = subprocess.run(["bash", "--norc", "-c", f"source <('{skerry.BIN}' completion bash); complete -p skerry"],
                          capture_output=True, text=True, timeout=skerry.TIMEOUT_S)
    assert done.stdout == "complete -F _skerry skerry\n" and done.stderr == ""


def test_bash_completes_every_command_and_every_option(tmp_path):
    for path, text in HELPS.items():
        if subcommands(text):
            assert complete([*path, ""], tmp_path) == set(subcommands(text)), path
        elif path != ("server",):
            assert complete([*path, "--"], tmp_path) == options_of(path) | {"--help"}, path
    assert complete(["server", "--"], tmp_path) == options_of(("server",))


@pytest.mark.parametrize("words, expected", [
    (["k2v", "re"], {"read", "read-batch"}), (["k2v", "read", "-o", ""], {"text", "json"}),
    (["k2v", "read", "p", "--output", "j"], {"json"}), (["k2v", "read", "--output", "="], {"text", "json"}),
    (["k2v", "read", "--output", "=", "t"], {"text"}), (["k2v", "read", ""], set()),
    (["k2v", "read", "--bucket", "k"], set()), (["k2v", "insert-batch", ""], {"a.json", "b.json", "folder"}),
    (["k2v", "insert-batch", "--lines", "b"], {"b.json"}), (["k2v", "insert", "p", "s", "-f", "a"], {"a.json"}),
    (["status", "--data-dir", ""], {"folder"}), (["server", "--config", "a"], {"a.json"}),
    (["server", "--log-level", ""], {"error", "warn", "info", "debug"}), (["nonsense", ""], set()),
    (["server", "--cluster-bootstrap", ""], {"manual", "auto"}),
    (["server", "--k2v-demo", ""], {"true", "false"}), (["completion", ""], {"bash", "zsh", "fish"}),
    (["k2v", "nonsense", ""], set()), (["nonsense", "--"], set()), (["k2v", "--"], {"--help"}), (["bucket", "cors", "x", "--allow-o"], {"--allow-origin"}),
])
def test_bash_completes_values(tmp_path, words, expected):
    for name in ("a.json", "b.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert complete(words, tmp_path) == expected


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_scripts_are_sound(name, tmp_path):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    file = tmp_path / "script"
    file.write_bytes(skerry.run("completion", name).expect(0).output)
    done = subprocess.run([name, "-n", file], capture_output=True, text=True, timeout=skerry.TIMEOUT_S)
    assert (done.returncode, done.stderr) == (0, "")


def test_fish_completes_commands_options_and_values(tmp_path):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    (tmp_path / "script").write_bytes(skerry.run("completion", "fish").expect(0).output)
    for line, expected in (("skerry ", set(subcommands(HELPS[()]))), ("skerry k2v re", {"read", "read-batch"}),
                           ("skerry k2v read-batch --conf", {"--conflicts-only"}),
                           ("skerry status -o ", {"text", "json"}), ("skerry nonsense ", set()),
                           ("skerry k2v nonsense ", set())):
        done = subprocess.run(["fish", "-N", "-c", f"source {tmp_path}/script; complete -C '{line}'"], cwd=tmp_path,
                              capture_output=True, text=True, timeout=skerry.TIMEOUT_S)
        assert {row.split("\t")[0] for row in done.stdout.splitlines()} == expected, done


def test_an_unknown_shell_is_refused():
    assert "tcsh" in skerry.run("completion", "tcsh").expect(2).errors


# The manual


def manual():
    return skerry.run("manual").expect(0).text


def plain(roff):
    """The page's words, without what only the formatter reads."""
    text = re.sub(r"\\f[BIR]", "", roff).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
    return text.replace("\\(aq", "'").replace("\\(dq", '"').replace("\\`", "`").replace("\\(ti", "~") \
               .replace("\\(ha", "^").replace("\\(em", "—")


def test_the_manual_names_every_command_option_and_variable():
    page = plain(manual())
    for path, text in HELPS.items():
        assert path == () or f"\n.SS {' '.join(['skerry', *path])}\n" in page, path
        for option in options_of(path) - {"--help"}:
            assert option in page, (path, option)
        for variable in re.findall(r"\b(?:SKERRY|K2V|AWS)_[A-Z0-9_]+\b", text):
            assert variable in page, (path, variable)
    for code, meaning in re.findall(r"^  (\d)  (.+)$", HELPS[("status",)], re.MULTILINE):
        assert f"\n.B {code}\n{meaning}\n" in page
    for line in (line for path in COMMANDS if path != ("server",) for line in examples_of(path)):
        assert line.split("\n")[0] in page, line


def test_the_manual_knows_every_variable_the_sources_ask_for():
    page = plain(manual())
    for file in (*(ROOT / "node/cli").glob("*.c"), *(ROOT / "node/edge").glob("*.c")):
        for name in re.findall(r'(?:getenv|setting)\([^()]*"([A-Z][A-Z0-9_]+)"\)', file.read_text()):
            assert name in page, f"{file}: {name}"


def test_the_server_shows_the_same_settings_to_all():
    """Its --help is made apart from the options of completion and manual: the same names, words and defaults."""
    page = plain(manual())
    for flag, word, help_text, takes in re.findall(r"^  (--\S+) (\S+)\n      (.+)\n      takes (.+)$",
                                                   HELPS[("server",)], re.MULTILINE):
        assert f"\n{flag} {word}\n{help_text}.\nTakes {takes}.\n" in page, flag


@pytest.mark.parametrize("command", [["groff", "-man", "-Tutf8", "-ww", "-z"], ["mandoc", "-Tlint", "-W", "warning"]],
                         ids=["groff", "mandoc"])
def test_the_manual_is_sound(command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, input=manual(), capture_output=True, text=True, timeout=skerry.TIMEOUT_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_environment_of_the_examples_is_the_demos(k2v):
    """The names of the client's variables are those of k2v-cli."""
    page = plain(manual())
    assert all(name in page for name in environment_of(k2v))


def test_an_installation_has_manual_and_completions_in_place(tmp_path):
    build = pathlib.Path(skerry.BIN).resolve().parent
    if not (build / "written" / "skerry.1").exists():
        pytest.skip("this build writes none: it has a sanitizer, or only the program was built")
    done = subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done
    for path, words in (("share/man/man1/skerry.1", ["manual"]),
                        ("share/bash-completion/completions/skerry", ["completion", "bash"]),
                        ("share/zsh/site-functions/_skerry", ["completion", "zsh"]),
                        ("share/fish/vendor_completions.d/skerry.fish", ["completion", "fish"])):
        assert (tmp_path / path).read_text() == skerry.run(*words).text, path
    for program in ("skerry", "skerry-sim"):
        assert os.access(tmp_path / "bin" / program, os.X_OK), program
