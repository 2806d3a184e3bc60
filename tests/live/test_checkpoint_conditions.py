"""Checkpoints of projects that are served in other ways, and of imports that fail, hang or are overtaken."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.live.live_appliance import Event, Start
from tests.live.snapshot_project import SnapshotProject
from tests.live.swapped_project import python
from tests.live.terminal_appliance import OnTerminal, get
from tests.thorough import THOROUGH, one_in

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has snapshots"),
    pytest.mark.whole,
]

APP = """
import first, shop

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{shop.WORD} {shop.word()}".encode()]
"""
# A factory that takes an argument from its environment, and imports what it serves when it is called.
FACTORY = """
import first

def create_app(name="shop"):
    import importlib
    module = importlib.import_module(name)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{module.WORD} {module.word()}".encode()]

    return application
"""
SHOP = """
{top}
WORD = "{word}"
def word():
    {body}return WORD
"""
# An import that waits as long as somebody has this pipe open for writing.
WAITING = "import os\nif os.path.exists({path!r}):\n    open({path!r}).read()"


def shop(word: str, top: str = "", body: str = "") -> str:
    """The module that is edited."""
    return SHOP.format(word=word, top=top, body=body)


class Edited(SnapshotProject):
    """A project whose import has paused before its module ``shop``, since that was edited at its top."""

    def __init__(self, start: Start, folder: Path, app: str = APP, **settings: str) -> None:
        files = {"app.py": app, "first.py": "NUMBER = 1\n", "shop.py": shop("one")}
        super().__init__(start, folder, files, python(), **settings)
        self.has_snapshot()
        assert self.save("shop.py", shop("two"))["how"] == "forked"
        self.has_checkpoint("shop.py")
        self.has_snapshot()

    def resumes(self, text: str) -> Event:
        """Save the module, and see that it is served from the checkpoint."""
        saved = self.save("shop.py", text)
        assert saved["how"] == "checkpoint" or "does not answer" in saved["reason"]
        return saved


def test_each_worker_continues_the_call_of_a_factory(start: Start, project: Path):
    """The import pauses within the call of a factory, which goes on in each worker with its own arguments."""
    served = Edited(start, project, FACTORY, APPLIANCE_APP="app:create_app('shop')")
    for number in range(3):
        served.resumes(shop(f"word{number}", top=f"NUMBER = {number}"))
        assert served.text() == f"word{number} word{number}"
    served.has_snapshot()
    assert served.save("shop.py", shop("word2", top="NUMBER = 2", body="number = 1; "))["how"] == "swapped"
    assert served.worst() == []


def test_workers_from_a_checkpoint_serve_tls_connections(start: Start, project: Path):
    """Connections over TLS are served by each worker from a checkpoint, and by the one that is swapped after it."""
    make_certificate(project)
    names = {"APPLIANCE_TLS_CERT": "localhost.pem", "APPLIANCE_TLS_KEY": "localhost-key.pem"}
    context = ssl.create_default_context(cafile=str(project / "localhost.pem"))

    def asked() -> str:
        with contextlib.closing(
            HTTPSConnection("localhost", served.appliance.port, timeout=30, context=context)
        ) as one:
            one.request("GET", "/")
            return one.getresponse().read().decode()

    served = Edited(start, project, **names)
    for number in range(3):
        served.resumes(shop(f"word{number}", top=f"NUMBER = {number}"))
        assert asked() == f"word{number} word{number}"
    served.has_snapshot()
    assert served.save("shop.py", shop("word2", top="NUMBER = 2", body="number = 1; "))["how"] == "swapped"
    assert asked() == "word2 word2"


def test_an_import_that_hangs_after_a_checkpoint_is_reported_with_its_line(start: Start, project: Path):
    """An import that hangs after a checkpoint is reported with its line, and the corrected file is served."""
    served = Edited(start, project, APPLIANCE_BOOT_TIMEOUT_S="6")
    served.appliance.edit("shop.py", shop("three", top="import time\nwhile True: time.sleep(0.05)"))
    failed = served.appliance.wait_for("worker.failed")
    assert "within 6 s" in str(failed)
    response, body = served.appliance.settled(Accept="text/plain")
    assert (response.status, "shop.py" in body.decode()) == (500, True)
    served.save("shop.py", shop("four"))
    assert served.text() == "four four"
    served.has_snapshot()
    assert served.save("shop.py", shop("four", body="number = 1; "))["how"] == "swapped"


@pytest.mark.parametrize(
    ("broken", "event"),
    one_in(
        2,
        [
            ("import no_such_module", "worker.failed"),
            ("raise SystemExit(4)", "worker.failed"),
            ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "worker.restarting"),
        ],
    ),
)
def test_a_failed_import_after_a_checkpoint_shows_its_page(start: Start, project: Path, broken: str, event: str):
    """An import that raises, exits or crashes behind a checkpoint shows its page; the corrected file is served."""
    served = Edited(start, project)
    served.appliance.edit("shop.py", shop("three", top=broken))
    served.appliance.wait_for(event)
    assert served.appliance.settled()[0].status == 500
    served.appliance.edit("shop.py", shop("four"))
    served.answers("four four")
    served.has_snapshot()
    assert served.save("shop.py", shop("four", body="number = 1; "))["how"] == "swapped"


@pytest.mark.parametrize("gap_s", one_in(2, [0.0, 0.02, 0.1]))
def test_the_second_of_two_quick_saves_is_served(start: Start, project: Path, gap_s: float):
    """The second of two saves within a tenth of a second is served, and stays, whatever the first had begun."""
    served = Edited(start, project)
    for number in range(12 if THOROUGH else 3):
        served.appliance.edit("shop.py", shop(f"a{number}", top=f"NUMBER = {number}"))
        time.sleep(gap_s)
        served.appliance.edit("shop.py", shop(f"b{number}", top=f"NUMBER = {number}"))
        served.answers(f"b{number} b{number}")
    served.has_snapshot()
    assert served.text() == f"b{number} b{number}"
    assert served.worst() == []


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe: to open it for writing waits until an import reads it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_save_ends_the_import_of_a_worker_and_is_served(start: Start, project: Path, pipe: Path):
    """A save during the import that goes on from a checkpoint ends that import, and is served."""
    served = Edited(start, project)
    for number in range(3):
        served.appliance.edit("shop.py", shop("late", top=f"{WAITING.format(path=str(pipe))}\nNUMBER = {number}"))
        with pipe.open("w"):
            served.appliance.edit("shop.py", shop(f"word{number}", top=f"NUMBER = {number}"))
            served.answers(f"word{number} word{number}")
    served.has_snapshot()
    assert served.text() == "word2 word2"
    assert served.worst() == []


def test_a_save_while_a_snapshot_imports_is_served(start: Start, project: Path, tmp_path: Path):
    """A save while the next snapshot imports what follows a checkpoint is served; a later snapshot has its state."""
    served = Edited(start, project)
    pipe = tmp_path / "later"
    served.resumes(shop("three", top=WAITING.format(path=str(pipe))))
    os.mkfifo(pipe)
    with pipe.open("w"):  # by the next snapshot, which comes a second later
        pipe.unlink()
        served.appliance.edit("shop.py", shop("four", top="import os"))
        served.answers("four four")
    served.has_snapshot()
    first = served.save("shop.py", shop("four", top="import os", body="number = 1; "))
    assert first["how"] in {"swapped", "checkpoint"}  # that snapshot may have read the file before it was saved
    served.has_snapshot()
    assert served.save("shop.py", shop("four", top="import os", body="number = 2; "))["how"] == "swapped"
    served.appliance.wait_for("reload.verified")
    assert served.text() == "four four"
    assert served.worst() == []


@pytest.mark.parametrize("number", one_in(2, [signal.SIGTERM, signal.SIGINT, signal.SIGKILL]))
def test_a_stop_ends_an_import_after_a_checkpoint(start: Start, project: Path, pipe: Path, number: signal.Signals):
    """The appliance ends in the middle of an import after a checkpoint, at once, and no process is left."""
    served = Edited(start, project)
    served.appliance.edit("shop.py", shop("late", top=WAITING.format(path=str(pipe))))
    with pipe.open("w"):
        pids = [each["pid"] for each in served.status()["processes"] if each["pid"]]
        assert len(pids) >= 4, "recorder, preloader, checkpoint and worker"
        processes = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # the worker before may have ended since
                processes.append(os.pidfd_open(pid))
        began = time.monotonic()
        served.appliance.stop(number)
        assert time.monotonic() - began < 5.0
        for process in processes:
            assert select.select([process], [], [], 20.0)[0], pids
            os.close(process)


TERMINAL = """
import first, shop

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [shop.word().encode()]
"""


@pytest.fixture
def on_terminal(tmp_path: Path) -> Iterator[OnTerminal]:
    """The project on a terminal."""
    files = {"app.py": TERMINAL, "first.py": "", "shop.py": shop("one")}
    settings = {"APPLIANCE_SWAP": "on", "APPLIANCE_LOG_LEVEL": "debug", "VIRTUAL_ENV": python()}
    running = OnTerminal(tmp_path, files, **settings)
    running.read_until("snapshot.ready")
    yield running
    running.close()


def asked(on_terminal: OnTerminal, name: str, value: str) -> None:
    """See that something asks at the terminal, with this value of a name; let it go on."""
    on_terminal.read_until("(Pdb) ")
    on_terminal.type(f"p 'value', {name}")
    assert f"('value', '{value}')" in on_terminal.read_until("(Pdb) ")
    on_terminal.type("c")


def test_breakpoints_stop_at_the_terminal_in_every_worker(on_terminal: OnTerminal):
    """A breakpoint asks in a worker that was swapped, in one from a checkpoint, and in the import of the latter."""
    file = on_terminal.project / "shop.py"
    bodies: list[bytes] = []

    def request() -> threading.Thread:
        thread = threading.Thread(target=lambda: bodies.append(get(on_terminal.port)))
        thread.start()
        return thread

    file.write_text(shop("one", body="breakpoint(); "), encoding="utf-8")
    on_terminal.read_until("swapped")
    first = request()
    asked(on_terminal, "WORD", "one")
    first.join(30)
    file.write_text(shop("two", body="breakpoint(); "), encoding="utf-8")
    on_terminal.read_until("forked")
    on_terminal.read_until("checkpoint.ready")
    on_terminal.read_until("snapshot.ready")
    file.write_text(shop("three", body="breakpoint(); "), encoding="utf-8")
    on_terminal.read_until("how=checkpoint")
    second = request()
    asked(on_terminal, "WORD", "three")
    second.join(30)
    file.write_text(shop("four", top="X = 'top'\nbreakpoint()\nY = 1"), encoding="utf-8")
    asked(on_terminal, "X", "top")
    on_terminal.read_until("how=checkpoint")
    request().join(30)
    assert bodies == [b"one", b"three", b"four"]
