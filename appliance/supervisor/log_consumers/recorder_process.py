"""Give the recorder a copy of every line of the log, and keep it running. Runs in the supervisor's loop.

Nothing waits for the recorder (``line_pipe``). A recorder that ends is started again, more and more slowly, and given
up after some ends in a row.
"""

from __future__ import annotations

import errno
import secrets
import time
from typing import TYPE_CHECKING

import orjson

from appliance.errors import ApplianceError
from appliance.identity.identity import user_cache
from appliance.ownership import CLOSED, LEVELS, open_folder
from appliance.protocol.messages import RecordLines
from appliance.supervisor.answering.assistant_access import AssistantAccess
from appliance.supervisor.answering.recorder_questions import RecorderQuestions
from appliance.supervisor.log_consumers.consumer_start import start_consumer
from appliance.supervisor.log_consumers.desk_file import DeskFile
from appliance.supervisor.log_consumers.line_pipe import LinePipe, message_pair
from appliance.supervisor.processes.child_restarts import ChildRestarts

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime

START_S = 0.8  # after the supervisor's own start, which is not to be slowed
_PAUSES_S = (0.5, 5.0, 30.0)  # after the n-th end in a row; then it is given up
_LAST_S = 0.5  # to store what is left, at the stop


class RecorderProcess:
    """The supervisor's end of the recorder.

    Args:
        runtime: the supervisor's.
        listener: the listening socket.
        secure: it speaks HTTPS.

    Attributes:
        run_id: names this run of the appliance, which counts its generations from 1.
        assistants: the access rules of assistants.
        questions: passes what pages ask the recorder.
    """

    def __init__(self, runtime: Runtime, listener: socket.socket, *, secure: bool) -> None:
        self._runtime = runtime
        host, port = listener.getsockname()[:2]
        self._listens = str(host), int(port), secure
        self.run_id = secrets.token_hex(4)
        self.assistants = AssistantAccess(runtime)
        self._file: DeskFile | None = None
        self._pipe = LinePipe(runtime.loop, self._tell_incomplete)
        self._secrets: tuple[str, ...] = ()
        self._details: tuple[socket.socket, socket.socket] | None = None  # the workers' end, the recorder's
        self._child: Handle | None = None
        self._restarts = ChildRestarts(_PAUSES_S, gives_up=True)
        self.questions = RecorderQuestions(runtime.children, lambda: self.recorder)

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
        """The socket through which workers send the details of requests; -1 where nothing is recorded."""
        return self._details[0].fileno() if self._details is not None else -1

    def name_secrets(self, values: Sequence[str]) -> None:
        """Name the texts that the recorder must mask."""
        self._secrets = tuple(values)
        self.write(orjson.dumps({"secrets": self._secrets}, option=orjson.OPT_APPEND_NEWLINE))

    def begin(self) -> None:
        """Choose the database, hold the lines from now on, and start the recorder a little later."""
        settings = self._runtime.settings
        if settings.record == "off" or settings.pages == "off":
            return
        folder = user_cache(settings.cache) / "desk"
        try:
            open_folder(str(folder), LEVELS, make=CLOSED).close()
            self._file = DeskFile.claim(folder, str(settings.project))
        except OSError as error:
            level = "info" if error.errno == errno.EROFS else "warning"
            self._runtime.log.event(level, "desk.failed", path=str(folder), reason=error.strerror or str(error))
            return
        self._details = message_pair()
        self._runtime.log.copy_to(self.write, self.name_secrets)
        self._runtime.loop.call_later(START_S, self._start)

    def write(self, data: bytes) -> None:
        """Take whole lines."""
        if self._file is not None:
            self._pipe.write(data)

    def ended(self, child: Handle) -> None:
        """Start another recorder where one has ended by itself."""
        if child is not self._child:
            return
        self._child = None
        self._pipe.close()
        if child.ending:
            return
        self._try_again(child.how(), time.monotonic() - child.started)

    def finish(self) -> None:
        """Write what is held, and close the pipe: the recorder stores all that is in it, and ends."""
        if self._child is not None and not self._child.ending:
            self._pipe.flush()
            self._pipe.close()
            self._runtime.children.expect_end(self._child)
            self._runtime.children.set_deadline(self._child, _LAST_S)

    def _start(self) -> None:
        if self._file is None or self._child is not None:
            return
        redact = list(self._runtime.settings.redact)
        host, port, secure = self._listens
        begin = RecordLines(self.path, self.run_id, redact, host=host, port=port, secure=secure)
        messages = self._details[1] if self._details is not None else None
        try:
            self._child = start_consumer(
                self._runtime, self._pipe, "recorder", "appliance.desk", begin,
                environment=dict(self._runtime.process), messages=messages,
            )  # fmt: skip
        except (OSError, ApplianceError) as error:
            self._try_again(str(error), 0.0)
        else:
            self.questions.recorder_started()
        self.name_secrets(self._secrets)
        self._pipe.flush()

    def _try_again(self, reason: str, ran_s: float) -> None:
        self._restarts = self._restarts.ended(ran_s)
        if (pause_s := self._restarts.pause_s) is None:
            self._runtime.log.event("warning", "desk.failed", path=self.path, reason=f"the recorder ended: {reason}")
            self._file = None
            self._pipe.forget()
            return
        self._runtime.loop.call_later(pause_s, self._start)

    def _tell_incomplete(self, count: int) -> None:
        self._runtime.log.event("info", "desk.incomplete", count=count)
