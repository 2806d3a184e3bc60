"""Run one remedy: a command of the project's, or the change of a file, as a child that can be ended at any time.

At most one runs at a time. Its output is logged, and goes to the pages that show it. Runs in the supervisor's loop.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.errors import ApplianceError
from appliance.logs.sanitise import sanitise
from appliance.remedies import apply_edit
from appliance.supervisor.processes import handles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from appliance.logs.setup import Log
    from appliance.remedies.remedy import Ground, Remedy
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

ROLE = "remedy"
TIMEOUT_S = 900.0
GRACE_S = 2.0  # a migration that is asked to end may roll back
LINES_S = 0.1  # between two batches of output for the pages
BATCH_MAX = 200  # lines of one batch; the log has all of them
_LINE_MAX = 1_000  # characters
# What a program writes to colour a terminal (ECMA-48, control sequences and strings): a page shows the text alone.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


class RemedyRun:
    """Runs remedies, one at a time.

    Args:
        loop: the supervisor's.
        children: starts and ends processes.
        log: gets the events; the output goes there as that of every child.
        tell: called with the remedy's id, the state, lines and a reason (``RemedyProgress``).
        done: called when a remedy has succeeded.
    """

    def __init__(
        self,
        loop: Loop,
        children: Children,
        log: Log,
        *,
        tell: Callable[[str, str, list[str], str], None],
        done: Callable[[Remedy], None],
    ) -> None:
        self._loop = loop
        self._children = children
        self._log = log
        self._tell = tell
        self._done = done
        self.running: Remedy | None = None
        self._child: Handle | None = None
        self._began = 0.0
        self._reason = ""  # why it is being ended
        self._lines: list[str] = []
        self._left_out = 0
        self._last_line = ""
        self._flush_timer: Timer | None = None
        self._timeout: Timer | None = None

    def start(self, remedy: Remedy, ground: Ground, environment: Mapping[str, str]) -> None:
        """Run this remedy; ``environment`` is that of the appliance itself, for a change of a file."""
        made = remedy.made
        self.running, self._began, self._reason = remedy, time.monotonic(), ""
        self._lines, self._left_out, self._last_line = [], 0, ""
        what: dict[str, Any] = {"file": made.edit.file} if made.edit else {"command": remedy.command_line}
        self._log.event(
            "info", "remedy.started", remedy=remedy.kind, **{key: each for key, each in what.items() if each}
        )
        self._tell(remedy.id, "running", [], "")
        try:
            if made.action is not None:
                self._act(remedy, made.action)
                return
            if made.edit is not None:
                argv = [sys.executable, "-I", "-m", apply_edit.__name__]
                variables = {**environment, apply_edit.VARIABLE: made.edit.job(ground.root)}
            else:
                argv, variables = list(made.command), {**(made.variables or ground.variables), **made.shown}
            child = handles.spawn(ROLE, 0, argv, environment=variables, folder=ground.root, channel=False)
            self._child = self._children.add(child)
        except ApplianceError as error:
            self._end(error.found)
            return
        self._timeout = self._loop.call_later(TIMEOUT_S, partial(self._stop, f"it took longer than {TIMEOUT_S:.0f} s"))

    def _act(self, remedy: Remedy, action: Callable[[], bool]) -> None:
        def run() -> None:
            try:
                reason = "" if action() else "the appliance could not do it"
            except Exception as error:  # noqa: BLE001  whatever it is, the page must not wait for it
                reason = f"{type(error).__name__}: {error}"
            self._loop.post(partial(self._acted, remedy, reason))

        try:
            threading.Thread(target=run, name="remedy", daemon=True).start()
        except (RuntimeError, MemoryError) as error:  # no thread is free
            self._end(f"no thread is free: {error}")

    def _acted(self, remedy: Remedy, reason: str) -> None:
        if remedy is self.running:
            self._end(reason)

    def cancel(self, remedy: str) -> None:
        """End the remedy with this id, if it runs."""
        if self.running is not None and self.running.id == remedy:
            self._stop("it was cancelled")

    def _stop(self, reason: str) -> None:
        if self._child is not None:
            self._reason = self._reason or reason
            self._children.retire(self._child, GRACE_S)

    def output(self, blocks: Iterable[bytes]) -> None:
        """Take what the child has written."""
        for block in blocks:
            for line in block.decode("utf-8", "replace").split("\n"):
                self._last_line = line[:_LINE_MAX].strip() or self._last_line
                if len(self._lines) < BATCH_MAX:
                    self._lines.append(_readable(line))
                else:
                    self._left_out += 1
        if self._flush_timer is None:
            self._flush_timer = self._loop.call_later(LINES_S, self._flush)

    def _flush(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self.running is None or not self._lines:
            return
        lines, self._lines = self._lines, []
        if self._left_out:
            are = "line is" if self._left_out == 1 else "lines are"
            lines.append(f"... ({self._left_out} more {are} in the log)")
            self._left_out = 0
        self._tell(self.running.id, "running", self._log.masked(lines), "")

    def ended(self, child: Handle) -> None:
        """The child has ended."""
        if child is self._child:
            # The process that changes a file says in one line why it could not.
            said = self._last_line if self.running is not None and self.running.made.edit else ""
            self._end("" if child.returncode == 0 and not self._reason else self._reason or said or child.how())

    def _end(self, reason: str) -> None:
        remedy, self._child = self.running, None
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        self._flush()
        self.running = None
        if remedy is None:
            return
        duration_s = round(time.monotonic() - self._began, 3)
        if reason:
            self._log.event("warning", "remedy.failed", remedy=remedy.kind, reason=reason, duration_s=duration_s)
            self._tell(remedy.id, "failed", [], self._log.masked(reason))
            return
        self._log.event("info", "remedy.finished", remedy=remedy.kind, duration_s=duration_s)
        self._tell(remedy.id, "done", [], "")
        self._done(remedy)


def _readable(line: str) -> str:
    """Return a line for a page: without colours, as a progress bar leaves it, control characters as visible escapes."""
    text = _TERMINAL.sub("", line[: 2 * _LINE_MAX]).rstrip("\r").rpartition("\r")[2]
    return sanitise(text.replace("\t", "    "))[:_LINE_MAX]
