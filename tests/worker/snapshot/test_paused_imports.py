"""Checkpoints: an import pauses before a file, and goes on in each fork as an import without a pause would have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.protocol import messages
from appliance.protocol.snapshot_messages import CheckpointReached, SnapshotReady, SwapDeclined
from tests.worker.snapshot.snapshot_player import Child, Player, played, pythons

pytestmark = pytest.mark.skipif(not pythons(), reason="no Python 3.12 or newer is installed here")

SERVED = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [ANSWER().encode()]
"""
# The import of the paused file is nested, circular, within a lock and a clause of ``except``, and by name.
PROJECT = {
    "app.py": f"""
import importlib, logging, os, sys, threading
import first
print("before", end=" ")
os.write(1, b"past the streams\\n")
FOUND = importlib.import_module("shop.views")
print("after")
from shop import later

def ANSWER():
    import gc, random
    parts = sys.modules["shop"]
    return repr((first.WORD, FOUND.WORD, later.SEEN, parts.NAMES, FOUND.circle.WORD, FOUND.LOCKED, FOUND.ERROR,
        FOUND.__spec__.origin, sorted(vars(FOUND)), FOUND.CACHED, FOUND.PID == os.getpid(),
        threading.current_thread() is not threading.main_thread(), FOUND.THREAD is not None))
{SERVED}
""",
    "first.py": "import threading\nWORD = 'first'\nLOCK = threading.RLock()\n",
    "shop/__init__.py": "NAMES = ['shop']\nfrom . import circle\nNAMES.append(circle.WORD)\n",
    "shop/circle.py": """
import shop, first
with first.LOCK:
    try:
        import no_such_module
    except ImportError as error:
        from . import views
WORD = views.WORD + '-circle'
""",
    "shop/views.py": """
import linecache, os, sys, threading
import first
from . import circle
WORD = "one"
LOCKED = first.LOCK._is_owned()
ERROR = type(sys.exc_info()[1]).__name__
CACHED = __file__ in linecache.cache
PID = os.getpid()
THREAD = None
""",
    "shop/later.py": "from shop.views import WORD\nSEEN = WORD\n",
}


@pytest.fixture(
    params=pythons()[-2:], ids=lambda path: path.rpartition("/versions/")[2].partition("/")[0], scope="module"
)
def player(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A project with its preloader."""
    with played(tmp_path_factory.mktemp("checkpoints") / "project", PROJECT, request.param) as found:
        yield found


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, the files are as before."""
    yield
    if "player" in request.fixturenames:
        for name, text in PROJECT.items():
            (request.getfixturevalue("player").root / name).write_text(text, encoding="utf-8")


def save(player: Player, name: str, old: str, new: str) -> None:
    """Change a file."""
    path = player.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def answer(player: Player, worker: Child, path: str = "/") -> str:
    """Return a worker's answer, and end the worker."""
    found = player.get(path)
    player.drain(worker)
    return found


def test_a_worker_from_a_checkpoint_has_the_state_of_a_plain_one(player: Player):
    """The changed file is read in the fork, within a lock, an except clause and a circle; all answers are equal."""
    checkpoint = player.begin_import(["shop/views.py"])
    report = player.checkpoint(checkpoint, "shop/views.py")
    assert str(player.root / "shop/circle.py") in report.files
    assert str(player.root / "shop/views.py") not in report.files
    before = answer(player, player.resumed(checkpoint, []))
    for word in ("two", "three"):
        save(player, "shop/views.py", '"one"', f'"{word}"')
        worker = player.resumed(checkpoint, ["shop/views.py"])
        files = worker.expect(messages.FilesReport)
        assert not files.more
        assert files.files[str(player.root / "shop/views.py")][1] == (player.root / "shop/views.py").stat().st_size
        assert str(player.root / "shop/circle.py") in files.files
        found = answer(player, worker)
        assert word in found
        assert found != before
        assert found == answer(player, player.plain())
        save(player, "shop/views.py", f'"{word}"', '"one"')


def test_the_output_is_that_of_a_whole_import(player: Player):
    """Output before the pause and after it is each worker's own, once, with its mark and process."""
    checkpoint = player.begin_import(["shop/views.py"])
    player.checkpoint(checkpoint, "shop/views.py")
    save(player, "shop/views.py", 'WORD = "one"', 'WORD = "one"\nprint("within")\nos.write(2, b"raw\\n")')
    for _ in range(2):
        worker = player.resumed(checkpoint, ["shop/views.py"])
        answer(player, worker)
        assert player.ended(worker)
        for text in (b"before ", b"within\n", b"after\n", b"past the streams\n", b"raw\n"):
            assert worker.printed().count(text) == 1, text
    assert checkpoint.printed() == b""


def test_a_snapshot_that_goes_on_is_swapped_as_any_other(player: Player):
    """A fork that goes on becomes the snapshot: its forks swap, or decline, and repeat what was printed."""
    before = ["shop/later.py", "shop/views.py"]
    refused = player.begin_import(before)
    player.checkpoint(refused, "shop/views.py")
    ready = player.go_on(refused).expect(SnapshotReady, CheckpointReached)
    assert "shop.views, line 9, asks for the number" in ready.refused
    save(player, "shop/views.py", "PID = os.getpid()", "PID = 1")
    first = player.begin_import(before)
    player.checkpoint(first, "shop/views.py")
    second = player.go_on(first)
    player.checkpoint(second, "shop/later.py")
    snapshot = player.go_on(second)
    ready = snapshot.expect(SnapshotReady, CheckpointReached)
    assert (ready.refused, ready.blocked, ready.modules) == ("", {}, 6)
    save(player, "app.py", "first.WORD, FOUND", "first.WORD + '!', FOUND")
    worker = player.swapped(snapshot, ["app.py"])
    assert "first!" in answer(player, worker)
    assert worker.printed().count(b"before ") == 1
    assert worker.printed().count(b"past the streams") == 1
    save(player, "shop/later.py", "SEEN = WORD", "SEEN = WORD * 2")
    for checkpoint in (first, second):
        assert "oneone" in answer(player, player.resumed(checkpoint, ["shop/later.py"]))


def test_a_failing_import_is_reported_and_then_corrected(player: Player):
    """An error after the pause is reported as by a plain worker; the next save is served from the same place."""
    checkpoint = player.begin_import(["shop/views.py"])
    player.checkpoint(checkpoint, "shop/views.py")
    for broken in ('WORD = "one', "WORD = 1 / 0", "raise SystemExit(3)"):
        save(player, "shop/views.py", 'WORD = "one"', broken)
        reports = []
        for source, changed in ((checkpoint, ["shop/views.py"]), (player.preloader, [])):
            worker = player.serve(source, changed)
            files = worker.expect(messages.FilesReport).files
            assert str(player.root / "shop/views.py") in files
            reports.append(worker.expect(messages.Failed, messages.Ready).report)
            assert player.ended(worker)
        for report in reports:
            del report["log"]  # a line that is not complete was written before the fork
        assert reports[0] == reports[1]
        save(player, "shop/views.py", broken, 'WORD = "one"')
    assert "'one'" in answer(player, player.resumed(checkpoint, ["shop/views.py"]))


def test_the_rest_of_an_import_may_do_what_a_snapshot_may_not(player: Player):
    """After the pause a worker's import starts threads, asks for its number, registers exit hooks, seeds random."""
    checkpoint = player.begin_import(["shop/views.py"])
    player.checkpoint(checkpoint, "shop/views.py")
    code = """
import atexit, random, threading
atexit.register(print, "at the end")
random.seed(1)
EVENT = threading.Event()
THREAD = threading.Thread(target=EVENT.wait, daemon=True)
THREAD.start()
OPEN = open(__file__)
"""
    save(player, "shop/views.py", "THREAD = None", code)
    worker = player.resumed(checkpoint, ["shop/views.py"])
    found = answer(player, worker)
    assert player.ended(worker)
    assert worker.printed().count(b"at the end") == 1
    worker = player.plain()
    assert answer(player, worker) == found
    assert player.ended(worker)


def test_what_the_checkpoint_has_read_is_declined(player: Player):
    """A changed file that comes before the pause can't be served from there."""
    checkpoint = player.begin_import(["shop/views.py"])
    player.checkpoint(checkpoint, "shop/views.py")
    declined = player.serve(checkpoint, ["shop/views.py", "first.py"]).expect(SwapDeclined, messages.Ready)
    assert declined.path == str(player.root / "first.py")


def test_what_was_read_in_another_way_is_declined(tmp_path: Path):
    """A file that the import has read through a link, itself, or by its own loader has no place in a later worker."""
    own = """
import importlib.machinery as machinery, importlib.util as util, sys
import lib.linked
exec(open("../read.py").read())
class Loader(machinery.SourceFileLoader):
    pass
spec = util.spec_from_file_location("loaded", "../loaded.py", loader=Loader("loaded", "../loaded.py"))
sys.modules["loaded"] = util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["loaded"])
"""
    files = {"app.py": f"import own, late\nANSWER = str\n{SERVED}", "own.py": own, "late.py": ""}
    changed = ["shared/linked.py", "../read.py", "../loaded.py"]
    root = tmp_path / "project"
    root.mkdir()
    (root / "lib").symlink_to("shared")
    with played(root, files | dict.fromkeys(changed, "X = 1\n"), pythons()[-1]) as player:
        checkpoint = player.begin_import(["late.py"])
        report = player.checkpoint(checkpoint, "late.py")
        for path in changed:
            whole = str((player.root / path).resolve())
            assert whole in report.files
            assert player.serve(checkpoint, [path]).expect(SwapDeclined, messages.Ready).path == whole


@pytest.mark.parametrize("path", ["app.py", "unused.py", "shop/nowhere.py"])
def test_an_import_does_not_pause_where_that_gains_nothing(player: Player, path: str):
    """There is no pause before the first file, nor before one that is never imported."""
    save(player, "shop/views.py", "PID = os.getpid()", "PID = 1")
    snapshot = player.begin_import([path])
    assert snapshot.expect(SnapshotReady, CheckpointReached).refused == ""


UNSAFE = [
    "open('late.py').read()",
    "import runpy; runpy.run_path('late.py')",
    "import linecache; linecache.getlines('late.py')",
    "import threading as t; T = t.Thread(target=__import__, args=['late']); T.start(); T.join()",
    "import sys; sys.addaudithook(lambda *_: None)",
    "import os; os.register_at_fork(before=lambda: None)",
    "import logging; logging._lock.acquire(); import late; logging._lock.release()",
    "import logging; H = logging.StreamHandler(); H.acquire(); import late; H.release()",
]


def test_an_import_does_not_pause_where_a_fork_would_differ(tmp_path: Path):
    """A file that was read in another way, or a place that is not safe to fork, has no checkpoint."""
    files = {"own.py": "", "late.py": "X = 1\n"}
    with played(tmp_path / "project", files, pythons()[-1]) as player:
        for before in UNSAFE:
            text = f"import own\n{before}\nimport late\nANSWER = str\n{SERVED}"
            (player.root / "app.py").write_text(text, encoding="utf-8")
            snapshot = player.begin_import(["late.py"])
            assert isinstance(snapshot.next_of(SnapshotReady, CheckpointReached), SnapshotReady), before
            snapshot.close()


def test_a_copied_function_is_observed_again_after_the_pause(tmp_path: Path):
    """A snapshot that goes on is refused if a module calls its own copy of ``os.getpid``, imported before the pause."""
    files = {"app.py": f"import own, late\nNUMBER = own.getpid()\nANSWER = str\n{SERVED}", "late.py": ""}
    files["own.py"] = "from os import getpid\n"
    with played(tmp_path / "project", files, pythons()[-1]) as player:
        checkpoint = player.begin_import(["late.py"])
        player.checkpoint(checkpoint, "late.py")
        ready = player.go_on(checkpoint).expect(SnapshotReady, CheckpointReached)
        assert ready.refused == "app, line 2, asks for the number of its process"


def test_an_effect_before_the_pause_refuses_the_snapshot(tmp_path: Path):
    """An effect that must not be shared is seen at the pause, and the process ends there."""
    files = {
        "app.py": f"import own, late\nANSWER = str\n{SERVED}",
        "own.py": "import random\nrandom.seed(1)\n",
        "late.py": "",
    }
    with played(tmp_path / "project", files, pythons()[-1]) as player:
        snapshot = player.begin_import(["late.py"])
        assert "seeds or uses random" in snapshot.expect(SnapshotReady, CheckpointReached).refused
        assert player.ended(snapshot)


def test_random_numbers_differ_between_workers_of_a_checkpoint(tmp_path: Path):
    """A generator that was made without a seed before the pause has another one in each worker."""
    own = "import random\nNUMBER = random.Random()\n"
    late = "import own, random\nANSWER = lambda: f'{own.NUMBER.random()} {random.random()}'\n"
    files = {"app.py": f"import own\nfrom late import ANSWER\n{SERVED}", "own.py": own, "late.py": late}
    with played(tmp_path / "project", files, pythons()[-1]) as player:
        checkpoint = player.begin_import(["late.py"])
        player.checkpoint(checkpoint, "late.py")
        found = [each for _ in range(2) for each in answer(player, player.resumed(checkpoint, [])).split()]
        assert len(set(found)) == 4
