"""Run the recorder: give it a copy of every line of the log, and start it again if it ends.

Nothing waits for the recorder (``shared_lines``). A recorder that ends is started again, more and more slowly, and
given up after some ends in a row. Runs in the supervisor's loop.
"""

from __future__ import annotations

import errno
import secrets
import time
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.identity.identity import user_cache
from appliance.ownership import CLOSED, LEVELS, open_folder
from appliance.protocol.page_messages import NameSecrets
from appliance.protocol.start.first_messages import RecordLines
from appliance.supervisor.log_consumers.consumer_start import PAUSES_S, START_S, start_consumer
from appliance.supervisor.log_consumers.desk_file import DeskFile
from appliance.supervisor.log_consumers.line_pipe import message_pair
from appliance.supervisor.log_consumers.shared_lines import SharedLines
from appliance.supervisor.processes.child_restarts import ChildRestarts
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime

_LAST_S = 3.0  # to store what is left, at the stop: 10,000 requests take 0.3 s of a processor


class RecorderProcess:
    """The supervisor's end of the recorder.

    Args:
        runtime: the supervisor's.
        listener: the listening socket.
        started: is called when a recorder has been started.
        secure: it speaks HTTPS.

    Attributes:
        run_id: names this run of the appliance, which counts its generations from 1.
    """

    def __init__(
        self, runtime: Runtime, listener: socket.socket, started: Callable[[], object], *, secure: bool
    ) -> None:
        self._runtime, self._started = runtime, started
        host, port = listener.getsockname()[:2]
        self._listens = str(host), int(port), secure
        self.run_id = secrets.token_hex(4)
        self._file: DeskFile | None = None
        self._lines: SharedLines | None = None
        self._secrets: tuple[str, ...] = ()
        self._details: tuple[socket.socket, socket.socket] | None = None  # the workers' end, the recorder's
        self._child: Handle | None = None
        self._restarts = ChildRestarts(PAUSES_S, gives_up=True)

    @property
    def path(self) -> str:
        """The database; "" while nothing is recorded."""
        return str(self._file.path) if self._file is not None else ""

    @property
    def recorder(self) -> Handle | None:
        """The recorder; None while none runs."""
        return self._child if self._child is not None and not self._child.ending else None

    @property
    def details(self) -> int:
        """The socket through which workers send the details of requests; -1 if nothing is recorded."""
        return self._details[0].fileno() if self._details is not None else -1

    def name_secrets(self, values: Sequence[str]) -> None:
        """Name the texts that the recorder must mask."""
        self._secrets = tuple(values)
        if self._child is not None:
            self._runtime.children.send(self._child, NameSecrets(values=list(values)))

    def begin(self) -> None:
        """Choose the database, hold the lines from now on, and start the recorder a little later."""
        settings = self._runtime.settings
        if settings.record == "off" or settings.pages == "off":
            return
        folder = user_cache(settings.cache) / "desk"
        try:
            open_folder(str(folder), LEVELS, make=CLOSED).close()
            self._file = DeskFile.claim(folder, str(settings.project))
            self._lines = SharedLines(self._runtime.loop)
        except OSError as error:
            level = "info" if error.errno == errno.EROFS else "warning"
            self._file = None
            self._runtime.log.event(level, "desk.failed", path=str(folder), reason=error.strerror or str(error))
            return
        self._details = message_pair()
        self._runtime.log.copy_to(self.write, self.name_secrets)
        self._runtime.loop.call_later(START_S, self._start)

    def write(self, data: bytes, requests: int = 0) -> None:
        """Take whole lines, of which so many are requests."""
        if self._lines is not None:
            self._lines.write(data, requests)

    def ended(self, child: Handle) -> None:
        """Start another recorder if one has ended by itself."""
        if child is not self._child:
            return
        self._child = None
        if self._lines is not None:
            self._lines.close()
        if child.ending:
            if self._lines is not None and (count := self._lines.not_stored()):
                self._runtime.log.event("info", "desk.incomplete", count=count)
        else:
            self._try_again(child.how(), time.monotonic() - child.started)

    def start_if_needed(self) -> None:
        """Start a recorder that has ended and waits to be started again: the appliance stops."""
        if self._restarts.ends:
            self._start()

    def finish(self) -> None:
        """Close the pipe: the recorder stores all that there is, and ends."""
        if self._child is not None and self._lines is not None and not self._child.ending:
            self._lines.close()
            self._runtime.children.expect_end(self._child)
            self._runtime.children.set_deadline(self._child, _LAST_S)

    def _start(self) -> None:
        if self._lines is None or self._child is not None:
            return
        redact = list(self._runtime.settings.redact)
        host, port, secure = self._listens
        hidden = list(self._secrets)
        begin = RecordLines(self.path, self.run_id, redact, hidden, host=host, port=port, secure=secure)
        descriptors = [self._lines.descriptor, *([self._details[1].fileno()] if self._details is not None else [])]
        try:
            self._child = start_consumer(
                self._runtime, self._lines, Role.RECORDER, "appliance.desk", begin,
                environment=dict(self._runtime.process), descriptors=descriptors,
            )  # fmt: skip
        except (OSError, ApplianceError) as error:
            self._try_again(str(error), 0.0)
        else:
            self._started()

    def _try_again(self, reason: str, ran_s: float) -> None:
        self._restarts = self._restarts.after_end(ran_s)
        if self._restarts.pause_s is not None:
            self._runtime.loop.call_later(self._restarts.pause_s, self._start)
            return
        self._runtime.log.event("warning", "desk.failed", path=self.path, reason=f"the recorder ended: {reason}")
        lines, self._file, self._lines = self._lines, None, None
        if lines is not None:
            lines.free()
