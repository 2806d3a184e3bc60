"""The status socket: what it tells to whom."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from appliance.commands import show_status as command
from appliance.errors import NotRunningError
from appliance.supervisor.loop import Loop
from appliance.supervisor.reporting import status_socket
from appliance.supervisor.reporting.status_socket import StatusSocket, ask
from tests.faults.injections import FewDescriptors, few_descriptors
from tests.supervisor.fakes import FakeLoop
from tests.supervisor.loops import accept_calls, turn

__all__ = ["few_descriptors"]

STATUS = {"health": "unhealthy", "state": "broken", "generation": 3, "error": {"title": "words of the project's"}}
STACKS = {"pid": 7, "stacks": "a stack"}
NOBODY = 65_534


@pytest.fixture
def path() -> Iterator[Path]:
    """Return the path of a supervisor's socket, in a folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    loop = Loop(lambda _error: None)  # as the supervisor's, it goes on after an error
    answerers: dict[str, Any] = {
        "status": lambda answer: answer(STATUS),
        "stacks": lambda answer: answer(STACKS),
        "defect": lambda _: 1 / 0,
        "unencodable": lambda answer: answer({"health": object()}),
        "later": lambda answer: loop.call_later(0.0, lambda: answer({"health": object()})),
    }
    listening = StatusSocket(folder / "status.sock", answerers, loop)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        stack.callback(loop.close)
        assert listening.open() is None
        thread = threading.Thread(target=loop.run)
        thread.start()
        for end in (listening.close, thread.join, loop.stop):
            stack.callback(end)
        yield folder / "status.sock"


@pytest.fixture
def as_another(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], Any]:
    """``as_another(path, question)``: the answer to another user, neither root nor the supervisor's."""
    if os.geteuid():
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
        return ask

    def asked(path: Path, question: str) -> Any:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.setresuid(NOBODY, NOBODY, NOBODY)
                os.write(write, json.dumps(ask(path, question)).encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            reported = json.loads(answer.read())
        os.waitpid(child, 0)
        return reported

    return asked


def test_root_and_the_owner_are_told_everything(path: Path):
    """The user that runs it, and root, get the answer."""
    assert ask(path) == STATUS
    assert ask(path, "stacks") == STACKS


@pytest.mark.parametrize("question", ["defect", "unencodable", "later"])
def test_an_answer_that_fails_closes_its_connection(path: Path, question: str):
    """If a question finds a defect of ours, its client reads the end at once; the next question is answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        client.connect(str(path))
        client.sendall(question.encode() + b"\n")
        assert client.recv(100) == b""
    assert ask(path, "status") == STATUS


def test_a_path_that_is_too_long_is_given_as_the_reason(tmp_path: Path):
    """If no socket can have the path, the reason says so."""
    path = tmp_path / ("x" * 120) / "status.sock"
    loop = Loop()
    reason = StatusSocket(path, {}, loop).open()
    loop.close()
    assert reason is not None
    assert "too long" in reason


def test_the_loop_rests_while_no_descriptor_is_free_for_a_question(
    tmp_path: Path, few_descriptors: FewDescriptors, monkeypatch: pytest.MonkeyPatch
):
    """A question for which no descriptor is free waits, and the loop does not ask for it in each round."""
    listening = StatusSocket(tmp_path / "status.sock", {}, loop := Loop())
    assert listening.open() is None
    asked = accept_calls(loop, monkeypatch)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, few_descriptors(0):
        client.connect(str(tmp_path / "status.sock"))
        for _ in range(3):
            turn(loop)
        assert len(asked) == 1
    listening.close()
    loop.close()


class BusyLoop(FakeLoop):
    """A loop that comes to its timers before it looks at any descriptor but the first."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: list[Callable[[], None]] = []

    def watch(self, _: object, call: Callable[[], None], **__: object) -> None:
        """Keep the callback."""
        self.watched.append(call)

    def unwatch(self, _: object) -> None:
        """As the loop's."""

    def accept(self, listener: socket.socket) -> socket.socket:
        """As the loop's."""
        return listener.accept()[0]


def test_a_question_that_has_come_in_time_is_answered_on_a_busy_machine(tmp_path: Path):
    """If the time for a question is over before the loop has looked, the question is read; nothing is reset."""
    loop: Any = BusyLoop()
    answerers: dict[str, Any] = {"status": lambda answer: answer(STATUS), "stacks": lambda answer: answer(STACKS)}
    listening = StatusSocket(tmp_path / "status.sock", answerers, loop)
    assert listening.open() is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(tmp_path / "status.sock"))
        client.sendall(b"stacks\n")
        accept = loop.watched[0]
        accept()
        loop.advance(status_socket.QUESTION_S)
        assert json.loads(client.recv(4096)) == STACKS
        assert client.recv(4096) == b""
    listening.close()


@pytest.mark.parametrize("question", ["status", "stacks", "", "nonsense"])
def test_another_user_gets_only_the_health(path: Path, as_another: Callable[[Path, str], Any], question: str):
    """Another user gets the health and the phase, whatever is asked, and nothing about the project."""
    assert as_another(path, question) == {"health": "unhealthy", "state": "broken"}


def test_a_peer_that_the_kernel_does_not_name_is_another_user(path: Path, monkeypatch: pytest.MonkeyPatch):
    """A peer that the kernel does not name is treated as another user."""

    class Nameless(socket.socket):
        def getsockopt(self, *_: Any) -> Any:
            raise OSError

    with Nameless() as connection:
        assert not status_socket._is_trusted(connection)


def test_status_tells_other_users_who_may_see_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    """``appliance status`` of another user shows what that user may know, and who may know more."""
    monkeypatch.setattr(command, "ask", lambda *_, **__: {"health": "healthy", "state": "serving"})
    flags = {"project": str(tmp_path)}
    assert command.command({}, flags, as_json=False, live=False, stacks=False) == 0
    assert capsys.readouterr().out.startswith("healthy: serving (")
    assert command.command({}, flags, as_json=False, live=False, stacks=True) == 1
    assert "Only root and the appliance" in capsys.readouterr().out


def test_a_missing_supervisor_is_reported_with_its_path(tmp_path: Path):
    """If no supervisor listens, the error says so with the path."""
    with pytest.raises(NotRunningError, match="no appliance answers"):
        ask(tmp_path / "status.sock")


def test_the_end_closes_the_connection_of_a_client_that_waits(tmp_path: Path):
    """A client whose answer has not come learns that the supervisor has gone, and a later answer goes nowhere."""
    kept: list[Any] = []
    loop = Loop()

    def keep(answer: Any) -> None:
        kept.append(answer)
        loop.stop()

    listening = StatusSocket(tmp_path / "s", {"status": keep}, loop)
    assert listening.open() is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(tmp_path / "s"))
        client.sendall(b"status\n")
        loop.run()
        listening.close()
        assert client.recv(100) == b""
        kept[0](STATUS)
    loop.close()
