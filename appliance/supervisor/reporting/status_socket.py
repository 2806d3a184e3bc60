"""The status socket: a client sends one line with its question, and gets one JSON object.

A question is a name, such as ``status`` or ``stacks``; some have an argument. An empty line, the end of the input,
silence, or an unknown name means ``status``. This module holds the socket file, and does not know the meaning of the
answers.

Any user may connect: the health check runs as root without the capability to enter another user's folder, or as any
user with ``docker exec -u``. Root and the supervisor's own user get everything; other users, whom the kernel names
(SO_PEERCRED, unix(7)), get only ``health`` and ``state``, because an error's text belongs to the project. If the kernel
can't name the user, the file's mode keeps other users out.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from appliance.config.socket_folder import foreign_owner
from appliance.errors import NotRunningError
from appliance.ownership import NotOursError
from appliance.protocol.record import Record
from appliance.protocol.status_question import ask_supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.supervisor.loop import Loop


QUESTION_S = 1.0  # a client that sends no complete question in this time gets the status
ANSWER_S = 5.0  # a client has this time to read its answer
_MAX_QUESTION = 262_144
_READ = 65_536

_CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group
_FOR_EVERYBODY = ("health", "state")
_OPEN = 0o666 if hasattr(socket, "SO_PEERCRED") else 0o600

Answer = dict[str, Any]
Send = Callable[[Answer], None]


class WithArgument(Record):
    """Answers a question that has an argument, a JSON object: the name, a space, the object."""

    answer: Callable[[dict[str, Any], Send], None]


Answerer = Callable[[Send], None] | WithArgument


class StatusSocket:
    """Answers each connection, and closes it.

    Args:
        path: the socket's file.
        answerers: a function for each question, which calls its argument with the answer.
        loop: the supervisor's loop.
    """

    def __init__(self, path: Path, answerers: Mapping[str, Answerer], loop: Loop) -> None:
        self._path = path
        self._answerers = answerers
        self._loop = loop
        self._listener: socket.socket | None = None
        self._connections: set[_Connection] = set()

    def open(self) -> str | None:
        """Listen; return the reason if that fails: another supervisor answers there, or the file can't be made."""
        try:
            if flaw := foreign_owner(self._path.parent):
                return f"{self._path.parent}: {flaw}"
            if answers(self._path):
                return f"another appliance answers on {self._path}"
            self._path.unlink(missing_ok=True)
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                listener.bind(str(self._path))
                _let_anybody_connect(self._path)
                listener.listen(16)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            return f"{self._path}: {error.strerror or error}"  # Python itself refuses a path that is too long
        listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self._listener = listener
        self._loop.watch(listener, self._accept)
        return None

    def close(self) -> None:
        """Remove the file, and close every connection."""
        if self._listener is not None:
            self._loop.unwatch(self._listener)
            self._listener.close()
            self._path.unlink(missing_ok=True)
        for each in list(self._connections):
            each.end()

    def _accept(self) -> None:
        if self._listener is None:
            return
        connection = self._loop.accept(self._listener)
        if connection is None:
            return
        self._connections.add(_Connection(connection, self._answerers, self._loop, self._connections.discard))


class _Connection:
    """One connection: read its question, send the answer, close it."""

    def __init__(
        self,
        connection: socket.socket,
        answerers: Mapping[str, Answerer],
        loop: Loop,
        ended: Callable[[_Connection], object],
    ) -> None:
        self._connection = connection
        self._ended = ended
        self._answerers = answerers
        self._loop = loop
        self._question = b""
        self._asked = False
        self._trusted = _is_trusted(connection)
        self._timer = loop.call_later(QUESTION_S, self._stop_waiting)
        loop.watch(connection, self._read)

    def _read(self) -> None:
        try:
            part = self._connection.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        self._question += part
        if not part or b"\n" in part or len(self._question) > _MAX_QUESTION:
            self._answer()

    def _stop_waiting(self) -> None:
        # On a busy machine the time may be over before the loop reads the question. If a connection with unread bytes
        # is closed, the kernel resets it, and the client loses the answer (unix(7)).
        self._read()
        self._answer()

    def _answer(self) -> None:
        if self._asked:
            return
        self._asked = True
        self._timer.cancel()
        self._loop.unwatch(self._connection)
        question = self._question.decode("ascii", "replace").strip()
        if not self._trusted:
            question = "status"
        name, _, argument = question.partition(" ")
        answerer = self._answerers.get(name, self._answerers["status"])
        try:
            if isinstance(answerer, WithArgument):
                answerer.answer(_object(argument), self._send)
            else:
                answerer(self._send)
        except BaseException:
            self.end()  # else the client would wait, and each question would cost a descriptor
            raise

    def _send(self, answer: Answer) -> None:
        try:
            if not self._trusted:
                answer = {name: answer.get(name) for name in _FOR_EVERYBODY}
            self._unsent = memoryview(json.dumps(answer).encode())
        except BaseException:
            self.end()
            raise
        self._timer = self._loop.call_later(ANSWER_S, self.end)
        self._flush()

    def _flush(self) -> None:
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = self._unsent[:0]  # the client has disconnected
        if self._unsent:
            self._loop.watch(self._connection, self._flush, write=True)
        else:
            self.end()

    def end(self) -> None:
        """Close the connection."""
        self._ended(self)
        self._timer.cancel()
        self._loop.unwatch(self._connection)
        self._connection.close()


def _object(text: str) -> dict[str, Any]:
    """Return the argument of a question; an empty dict if it is not a JSON object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_trusted(connection: socket.socket) -> bool:
    """Whether root or our own user has connected."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    try:
        _, user, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    except OSError:
        return False
    return user in {0, os.geteuid()}


def ask(path: Path, question: str = "status", *, timeout_s: float = 2.0) -> Answer:
    """Return the answer of the supervisor that listens at ``path``.

    Raises:
        NotRunningError: no supervisor answers.
    """
    try:
        return ask_supervisor(str(path), question, timeout_s=timeout_s)
    except (OSError, ValueError) as error:
        raise NotRunningError(
            f"no appliance answers on {path} ({getattr(error, 'strerror', '') or error})",
            expected="a running `appliance serve` of this project",
            action="Start it, or name its project with --project.",
        ) from error


def answers(path: Path) -> bool:
    """Whether a supervisor answers on this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _let_anybody_connect(path: Path) -> None:
    """Let every user connect; change the socket itself, never the target of a link in its place."""
    if not hasattr(os, "O_PATH"):
        path.chmod(_OPEN, follow_symlinks=False)
        return
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISSOCK(status.st_mode) or status.st_nlink != 1:
            raise NotOursError("the socket was replaced", str(path))
        os.chmod(f"/proc/self/fd/{descriptor}", _OPEN)  # noqa: PTH101  fchmod(2) takes no such descriptor
    finally:
        os.close(descriptor)
