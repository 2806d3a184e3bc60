"""Exit hooks of a project that is imported ahead: each worker runs them at its end, and no other fork does."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.protocol import messages
from appliance.protocol.snapshot_messages import SnapshotReady
from appliance.protocol.start import first_messages
from tests.worker.snapshot.snapshot_player import Child, Player, played, pythons

pytestmark = pytest.mark.skipif(not pythons(), reason="no Python 3.12 or newer is installed here")

APP = """
import atexit, contextlib, functools, logging, os, threading, weakref
from atexit import register
from concurrent.futures import ThreadPoolExecutor
import words

def note(name):
    kept = os.open("noted.txt", os.O_WRONLY | os.O_APPEND)
    os.write(kept, f"{os.getpid()} {name} {words.word()}\\n".encode())
    os.close(kept)

class Handler(logging.Handler):
    def close(self):
        note("logging")
        super().close()

logging.getLogger().addHandler(Handler())

@atexit.register
def first():
    note("first")

register(functools.partial(note, "second"))
atexit.register(note, "never")
atexit.unregister(note)
stack = contextlib.ExitStack()
stack.callback(note, name="stack")
atexit.register(stack.close)

class Thing:
    pass

thing = Thing()
weakref.finalize(thing, note, "finalizer a")
weakref.finalize(thing, note, "finalizer b")
weakref.finalize(thing, note, "no finalizer").atexit = False
threading._register_atexit(note, "threads")
pool = ThreadPoolExecutor(1)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/work":
        pool.submit(note, "job").result()
        atexit.register(note, "request")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [words.word().encode()]
"""
FILES = {"app.py": APP, "words.py": "def word():\n    return 'one'\n", "noted.txt": ""}
SCRIPT = """
import atexit, os
from wsgiref.simple_server import make_server
import words

def note(name):
    kept = os.open("noted.txt", os.O_WRONLY | os.O_APPEND)
    os.write(kept, f"{os.getpid()} {name} {words.word()}\\n".encode())
    os.close(kept)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [words.word().encode()]

if __name__ == "__main__":
    atexit.register(note, "end")
    server = make_server("127.0.0.1", 0, application)
    try:
        server.serve_forever()
    except BaseException:
        note("handled")
    finally:
        note("finally")
    note("after")
"""


@pytest.fixture(scope="module", params=["an object", "a script"])
def player(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A project with its preloader, in the newest Python of this machine."""
    root = tmp_path_factory.mktemp("exits") / "project"
    if request.param == "an object":
        files, named = FILES, dict[str, Any]()
    else:
        files, named = {**FILES, "app.py": SCRIPT}, {"kind": "script", "attribute": "", "names": []}
    with played(root, files, pythons()[-1], **named) as found:
        yield found


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, the saved file is what the snapshot has imported, and nothing is noted."""
    yield
    if "player" not in request.fixturenames:
        return
    player = request.getfixturevalue("player")
    for name in ("words.py", "noted.txt"):
        (player.root / name).write_text(FILES[name], encoding="utf-8")


@pytest.fixture
def snapshot(player: Player) -> Child:
    """A new snapshot."""
    found, ready = player.import_ahead()
    assert not ready.refused
    return found


def noted(player: Player) -> list[str]:
    """Return the notes of the hooks so far, without the numbers of the processes."""
    return [line.partition(" ")[2] for line in (player.root / "noted.txt").read_text().splitlines()]


def run_to_the_end(player: Player, worker: Child) -> list[str]:
    """Let a worker that may serve answer, and end it; what its own hooks have noted."""
    worker.channel.send(messages.StartAccepting())
    player.get("/work")
    player.drain(worker)
    assert player.ended(worker)
    return noted(player)


def test_a_swapped_worker_runs_the_hooks_of_a_fresh_one(player: Player, snapshot: Child):
    """Each hook runs once, in the order in which a worker runs them that has imported the project itself."""
    fresh = player.serve(player.preloader, [])
    fresh.expect(messages.Ready)
    expected = run_to_the_end(player, fresh)
    assert expected
    assert len(set(expected)) == len(expected)
    for word in ("two", "three"):
        (player.root / "noted.txt").write_text("")
        (player.root / "words.py").write_text(f"def word():\n    return {word!r}\n")
        worker = player.serve(snapshot, ["words.py"])
        assert worker.expect(messages.Ready).how == "swapped"
        assert run_to_the_end(player, worker) == [line.replace("one", word) for line in expected]
    snapshot.channel.close()
    assert player.ended(snapshot)
    assert len(noted(player)) == len(expected)


def close(child: Child) -> None:
    """The supervisor has gone, or no longer needs the process."""
    child.channel.close()


def send_rubbish(child: Child) -> None:
    """The channel is broken."""
    os.write(child.channel.fileno(), b"\xff" * 64)


def terminate(child: Child) -> None:
    """Somebody ends the process."""
    os.kill(child.pid, signal.SIGTERM)


def interrupt(child: Child) -> None:
    """Somebody interrupts the process, for which Python raises an exception.

    Python does not notice a signal that comes just before a wait until the wait ends, or another signal comes.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGINT)
        while not select.select(child.outputs[:1], [], [], 0.1)[0]:
            os.kill(child.pid, signal.SIGINT)


def start_wrongly(child: Child) -> None:
    """The first message is none that a fork of a snapshot gets."""
    child.channel.send(first_messages.Preload("/", [], [], [], [], proven=True))


ENDS = [close, send_rubbish, terminate, interrupt]


@pytest.mark.parametrize("end", ENDS)
def test_a_snapshot_ends_without_any_hook(player: Player, snapshot: Child, end: Callable[[Child], None]):
    """However the snapshot ends, it runs no hook and no other code of the project, and neither does its spare."""
    spare = player.fork(snapshot)
    end(snapshot)
    assert player.ended(snapshot)
    close(spare)
    assert player.ended(spare)
    assert noted(player) == []


@pytest.mark.parametrize("end", [*ENDS, start_wrongly])
def test_a_spare_ends_without_any_hook(player: Player, snapshot: Child, end: Callable[[Child], None]):
    """A fork that never served runs no hook, and the snapshot goes on."""
    spare = player.fork(snapshot)
    end(spare)
    assert player.ended(spare)
    assert not player.fingerprints(snapshot, []).refused
    assert noted(player) == []


def test_forks_that_do_not_serve_run_no_hook(player: Player, snapshot: Child):
    """A fork that verifies, and one that declines, end without."""
    player.fingerprints(snapshot, ["words.py"])
    (player.root / "words.py").write_text("def word(more=1):\n    return 'one'\n")
    assert player.declined(snapshot, ["words.py"]).reason
    assert player.fingerprints(snapshot, ["words.py"]).refused
    for child in player.children[-3:]:
        assert player.ended(child)
    assert noted(player) == []


def test_a_worker_from_a_checkpoint_runs_the_hooks_of_a_fresh_one(tmp_path: Path):
    """The import pauses between hooks: the workers of the pause and of the snapshot run each once, nobody else does."""
    app = APP.replace("stack =", "import later\nstack =")
    later = "import atexit, app\natexit.register(app.note, 'later')\n"
    with played(tmp_path / "project", {**FILES, "app.py": app, "later.py": later}, pythons()[-1]) as player:
        fresh = player.serve(player.preloader, [])
        fresh.expect(messages.Ready)
        expected = run_to_the_end(player, fresh)
        assert "later one" in expected
        checkpoint = player.begin_import(["later.py"])
        player.checkpoint(checkpoint, "later.py")
        snapshot = player.go_on(checkpoint)
        assert not snapshot.expect(SnapshotReady).refused
        for parent, changed in ((checkpoint, ["later.py"]), (snapshot, [])):
            (player.root / "noted.txt").write_text("")
            worker = player.serve(parent, changed)
            assert worker.expect(messages.Ready).how
            assert run_to_the_end(player, worker) == expected
        (player.root / "noted.txt").write_text("")
        spare = player.fork(checkpoint)
        assert player.declined(checkpoint, ["words.py"]).reason
        for child, end in ((snapshot, interrupt), (spare, start_wrongly), (checkpoint, interrupt)):
            end(child)
            assert player.ended(child)
        assert noted(player) == []


def test_a_hook_that_can_not_be_shared_is_named(tmp_path: Path):
    """The snapshot is refused before such a hook is registered, and ends without those that were."""
    app = APP + "import shutil\natexit.register(shutil.rmtree, 'nowhere')\n"
    with played(tmp_path / "project", {**FILES, "app.py": app}, pythons()[-1]) as player:
        snapshot, ready = player.import_ahead()
        why = f"app, line {app.count(chr(10))}, registers an exit hook that removes files (rmtree of shutil)"
        assert ready == SnapshotReady(import_s=ready.import_s, refused=why)
        assert player.ended(snapshot)
        assert noted(player) == []
