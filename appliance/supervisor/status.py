"""The status socket: whoever connects is told the state, as one JSON object.

Owns the socket file. Knows nothing of what the state means. Any user may connect: the health check runs as root
without the capability to pass a folder of another user's, or as anybody with ``docker exec -u``; the state holds no
secret.
"""

from __future__ import annotations

import json
import socket
import stat
from typing import TYPE_CHECKING, Any

from appliance.errors import NotRunningError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.supervisor.loop import Loop


class StatusSocket:
    """Answers each connection with what ``state`` returns, and closes it."""

    def __init__(self, path: Path, state: Callable[[], dict[str, Any]], loop: Loop) -> None:
        self._path = path
        self._state = state
        self._loop = loop
        self._listener: socket.socket | None = None

    def open(self) -> str | None:
        """Listen; a reason if that can't be: another supervisor answers there, or no file can be made."""
        try:
            if _answers(self._path):
                return f"another appliance answers on {self._path}"
            self._path.unlink(missing_ok=True)
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self._path))
            self._path.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH)
            listener.listen(16)
        except OSError as error:
            return f"{self._path}: {error.strerror}"
        listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self._listener = listener
        self._loop.watch(listener, self._accept)
        return None

    def close(self) -> None:
        """Remove the file."""
        if self._listener is not None:
            self._loop.unwatch(self._listener)
            self._listener.close()
            self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it left already
        with connection:
            connection.setblocking(False)  # noqa: FBT003  the standard library's own signature
            try:
                connection.send(json.dumps(self._state()).encode())  # less than a socket's buffer: one send takes it
            except OSError:
                return


def ask(path: Path, timeout_s: float = 2.0) -> dict[str, Any]:
    """The state of the supervisor that listens at ``path``.

    Raises:
        NotRunningError: none answers.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            parts = []
            while part := connection.recv(65_536):
                parts.append(part)
        answer: dict[str, Any] = json.loads(b"".join(parts))
    except (OSError, ValueError) as error:
        raise NotRunningError(
            f"no appliance answers on {path} ({error})",
            expected="a running `appliance serve` of this project",
            action="Start it, or name its project with --project.",
        ) from error
    return answer


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
