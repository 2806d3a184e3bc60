"""A snapshot of a project: it imports ahead, its forks serve what was saved since, or say that they can't."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from appliance.protocol import messages
from appliance.protocol.snapshot_messages import GetReady, SnapshotReady
from tests.worker.snapshot.snapshot_player import Child, Player, played, pythons

pytestmark = pytest.mark.skipif(not pythons(), reason="no Python 3.12 or newer is installed here")

PROJECT = {
    "app.py": """
import logging, os, random
import words

print("importing")
logging.basicConfig(format="%(message)s")
logging.getLogger("app").warning("a record of the import")
os.write(1, b"past the streams\\n")
NUMBER = random.Random()

def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/random":
        return [f"{NUMBER.random()} {random.random()}".encode()]
    if path == "/where":
        return [f"{words.word.__code__.co_firstlineno} {os.getcwd()} {__name__}".encode()]
    return [words.word().encode()]
""",
    "words.py": """
LIST = ["one"]

def word():
    return LIST[0]

def other():
    return "other"
""",
    "rules.ini": "X = 1\n",
}


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A project with its preloader, in the newest Python of this machine."""
    root = tmp_path_factory.mktemp("snapshot") / "project"
    with played(root, PROJECT, pythons()[-1]) as found:
        yield found


@pytest.fixture(scope="module")
def snapshot(player: Player) -> Child:
    """A snapshot of the project."""
    found, ready = player.import_ahead()
    assert not ready.refused
    assert (ready.modules, ready.blocked) == (2, {})
    return found


@pytest.fixture(autouse=True)
def as_it_was(player: Player) -> Iterator[None]:
    """After each test, the files are what the snapshot has imported."""
    yield
    for name, text in PROJECT.items():
        (player.root / name).write_text(text, encoding="utf-8")


def save(player: Player, name: str, old: str, new: str) -> None:
    """Change a file."""
    path = player.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_fork_serves_the_function_that_was_saved(player: Player, snapshot: Child):
    """The fork swaps the body, says so in its Ready, and serves; the snapshot goes on with what it had."""
    save(player, "words.py", "return LIST[0]", "return LIST[0] + ' more'")
    worker = player.serve(snapshot, ["words.py"])
    ready = worker.expect(messages.Ready)
    assert (ready.how, ready.swapped) == ("swapped", [str(player.root / "words.py")])
    assert ready.application == "app.application"
    worker.channel.send(messages.StartAccepting())
    assert player.get() == "one more"
    player.drain(worker)
    worker = player.swapped(snapshot, [])
    assert player.get() == "one"
    player.drain(worker)


def announce(player: Player, spare: Child, *names: str) -> None:
    """Tell a fork of the snapshot, as the supervisor does, that a save of these files is likely."""
    spare.channel.send(GetReady(changed=[str(player.root / name) for name in names]))


@pytest.mark.parametrize("between", ["", "half", "other", "gone"])
def test_the_saved_content_is_served_whatever_was_announced(player: Player, snapshot: Child, between: str):
    """A fork that has compiled the file ahead serves its content at the start, also if it was another one before."""
    spare = player.fork(snapshot)
    announce(player, spare)
    path = player.root / "words.py"
    saved = path.read_text(encoding="utf-8").replace("return LIST[0]", "return LIST[0] + ' new'")
    before = {"": saved, "half": saved[: saved.index("' new")], "other": saved.replace("new", "old"), "gone": ""}
    path.write_text(before[between], encoding="utf-8")
    if between == "gone":
        path.unlink()
    announce(player, spare, "words.py", "missing.py")
    announce(player, spare, "words.py")
    ended = player.fork(snapshot)  # the snapshot answers after the fork has read what was announced, or before
    ended.close()
    path.write_text(saved, encoding="utf-8")
    worker = player.swapped(snapshot, ["words.py"], spare)
    assert player.get() == "one new"
    player.drain(worker)


def test_an_announced_file_that_is_not_saved_changes_nothing(player: Player, snapshot: Child):
    """A fork swaps the files that its start names, and no other: an announcement may be wrong."""
    spare = player.fork(snapshot)
    save(player, "words.py", "return LIST[0]", "return 'announced'")
    announce(player, spare, "words.py")
    save(player, "app.py", '{__name__}"', '{__name__}!"')
    worker = player.swapped(snapshot, ["app.py"], spare)
    assert player.get() == "one"
    assert player.get("/where").endswith("app!")
    player.drain(worker)


def test_a_second_save_is_swapped_from_the_same_snapshot(player: Player, snapshot: Child):
    """Files that have changed since the snapshot's import are swapped each time, lines included."""
    save(player, "words.py", "return LIST[0]", "return 'two'")
    player.drain(player.swapped(snapshot, ["words.py"]))
    save(player, "words.py", "\ndef word", "\n\n\n# a comment\ndef word")
    save(player, "app.py", '{__name__}"', '{__name__}!"')
    worker = player.swapped(snapshot, ["words.py", "app.py"])
    assert player.get() == "two"
    assert player.get("/where") == f"7 {player.root} app!"
    player.drain(worker)


def test_the_output_of_the_import_is_each_workers_own(player: Player, snapshot: Child):
    """Output and log records of the import come from each worker, with its mark and its process, and once."""
    for _ in range(2):
        worker = player.swapped(snapshot, [])
        assert player.get() == "one"
        player.drain(worker)
        printed = worker.printed()
        for text in (b"importing\n", b"a record of the import", b"past the streams\n"):
            assert printed.count(text) == 1, text
        frames = re.findall(b"(?s)\xcd{16}.(.{8})(.{4})", printed)
        assert {int.from_bytes(pid, "little") for _, pid in frames} == {worker.pid}
    assert snapshot.printed() == b""


def test_random_numbers_differ_between_forks(player: Player, snapshot: Child):
    """A generator that the import has made without a seed has another one in each fork, as the hidden one of random."""
    answers = []
    for _ in range(2):
        worker = player.swapped(snapshot, [])
        answers += player.get("/random").split()
        player.drain(worker)
    assert len(set(answers)) == 4


def test_a_swapped_worker_reports_what_it_has_read_itself(player: Player, snapshot: Child):
    """The report adds the state in which the saved file was read now to what the snapshot has reported."""
    save(player, "words.py", "return LIST[0]", "return 'two'")
    worker = player.swapped(snapshot, ["words.py"])
    report = worker.expect(messages.FilesReport)
    player.drain(worker)
    status = (player.root / "words.py").stat()
    assert report.more
    assert list(report.files) == [str(player.root / "words.py")]
    assert report.files[str(player.root / "words.py")][:2] == [status.st_mtime_ns, status.st_size]


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("words.py", '["one"]', '["two"]', "body changed"),
        ("words.py", "def word():", "def word(x=1):", ""),
        ("words.py", "return LIST[0]", "return LIST[0", "can't be compiled (SyntaxError)"),
        ("rules.ini", "X = 1", "X = 2", "no module that the project has imported"),
    ],
)
def test_other_changes_are_declined(player: Player, snapshot: Child, name: str, old: str, new: str, why: str):
    """A change that a swap can't serve is declined, with the file and the reason."""
    save(player, name, old, new)
    declined = player.declined(snapshot, [name])
    assert declined.path == str(player.root / name)
    assert why in declined.reason
    assert declined.reason


def test_a_removed_file_is_declined(player: Player, snapshot: Child):
    """A module whose file is gone has to be imported, to see that it is."""
    (player.root / "words.py").unlink()
    assert "can't be compiled (FileNotFoundError)" in player.declined(snapshot, ["words.py"]).reason


def test_a_file_that_was_declined_leaves_the_others_as_they_are(player: Player, snapshot: Child):
    """Either all of several files are swapped, or none: a fork that declines ends."""
    save(player, "words.py", "return LIST[0]", "return 'two'")
    save(player, "rules.ini", "X = 1", "X = 2")
    assert player.declined(snapshot, ["words.py", "rules.ini"]).path == str(player.root / "rules.ini")


def test_a_swap_has_the_fingerprint_of_an_import(player: Player, snapshot: Child):
    """A fork that verifies answers the hashes that a fork of a new snapshot of the same files has."""
    save(player, "words.py", "return LIST[0]", "return 'two'")
    swapped = player.fingerprints(snapshot, ["words.py"])
    assert not swapped.refused
    newer, _ = player.import_ahead()
    imported = player.fingerprints(newer, []).fingerprint
    assert swapped.fingerprint == imported
    assert player.fingerprints(snapshot, []).fingerprint != imported
    save(player, "words.py", '["one"]', '["two"]')
    assert player.fingerprints(snapshot, ["words.py"]).refused


def test_a_snapshot_ends_with_its_channel(player: Player):
    """The supervisor needs no more forks: the snapshot ends; a fork that waits for its start does too."""
    found, ready = player.import_ahead()
    assert not ready.refused
    spare = player.fork(found)
    for child in (found, spare):
        child.channel.close()
    assert player.ended(found)
    assert player.ended(spare)


def test_a_snapshot_with_other_options_is_refused(player: Player):
    """If the debugger must come first, nothing is imported ahead."""
    _, ready = player.import_ahead(debugger={"wait": True, "folder": "", "bytecode": ""})
    assert ready == SnapshotReady(import_s=ready.import_s, refused="the debugger starts before the project's import")


HOOKED = {
    "app.py": """
import hook
import loud, words

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{words.word()} {loud.WORD()}".encode()]
""",
    "hook.py": """
import importlib.machinery as machinery
import sys

class Louder(machinery.SourceFileLoader):
    def source_to_code(self, data, path, *_, **__):
        return compile(data.decode().replace("quiet", "LOUD"), path, "exec")

def loader(name, path):
    return (Louder if name == "loud" else machinery.SourceFileLoader)(name, path)

sys.path_hooks.insert(0, machinery.FileFinder.path_hook((loader, machinery.SOURCE_SUFFIXES)))
sys.path_importer_cache.clear()
""",
    "words.py": "def word():\n    return 'one'\n",
    "loud.py": "def WORD():\n    return 'quiet'\n",
}


def test_an_import_hook_leaves_the_other_modules_to_swaps(tmp_path):
    """A hook of the project is in each fork; a module whose code it has changed is imported again."""
    with played(tmp_path / "project", HOOKED, pythons()[-1]) as player:
        snapshot, ready = player.import_ahead()
        assert not ready.refused
        save(player, "words.py", "'one'", "'two'")
        worker = player.swapped(snapshot, ["words.py"])
        assert player.get() == "two LOUD"
        player.drain(worker)
        assert "another loader has changed its code" in player.declined(snapshot, ["loud.py"]).reason
