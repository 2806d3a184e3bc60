"""The commands of BEFORE_START, as a child: run before the first worker, and again when what they depend on changes.

Owns the one run that may be under way, what it was run for, and what the log is told of it. Knows nothing of when.

The text is a shell's, run with ``sh -e``: newlines, ``;`` and ``&&`` mean what they mean there, and the first command
that fails ends it. It depends on the commands themselves, on the environment that they run in and on its variables.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from typing import TYPE_CHECKING

from appliance.errors import PreparationError, StartError
from appliance.supervisor import lifecycle
from appliance.supervisor.processes import handles
from appliance.supervisor.reporting import status_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.logs.setup import Log
    from appliance.supervisor.failures import Failures
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.steps.analysis import Analysis

ROLE = "preparation"
GRACE_S = 2.0  # a migration that is asked to end may roll back
_LAST_WORDS = 40
_LOOK_S = 0.02  # between two looks at a run that is being ended
_TICK_S = 0.02  # the clock that file systems read stands still between two ticks of the kernel: 1 to 10 ms


class BeforeStart:
    """At most one run at a time; one for other inputs ends the old, and waits until nothing of it is left."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        log: Log,
        on_event: Callable[[lifecycle.Event], None],
        failures: Failures,
    ) -> None:
        self._loop = loop
        self._children = children
        self._log = log
        self._on_event = on_event
        self._failures = failures
        self._child: Handle | None = None
        self._next: Analysis | None = None  # to be run for, once the run before has gone
        self._retiring: list[Handle] = []  # runs that were ended, or have ended and left something behind
        self._waits = False
        self._inputs = ""  # of the run that is under way, or was the last
        self._done = ""  # the inputs with which it ended well
        self._job = 0
        self._span = (0.0, 0.0)  # when the last run began and ended, by the clock of the files
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)

    def is_done(self, analysis: Analysis) -> bool:
        """Whether no command is left to run."""
        return not analysis.before_start or _inputs(analysis) == self._done

    def start(self, job: int, analysis: Analysis) -> None:
        """Run them, or let the same run go on.

        Raises:
            StartError: there is no process for them.
        """
        self._job = job
        inputs = _inputs(analysis)
        if inputs == self._inputs and (self._child is not None or self._next is not None):
            return
        self.cancel()
        self._inputs = inputs
        self._next = analysis
        self._waits = False
        self._begin()

    def cancel(self) -> None:
        """End them, if they run, and run none."""
        self._next = None
        if self._child is not None:
            self._children.retire(self._child, GRACE_S)
            self._retiring.append(self._child)
            self._child = None

    def _begin(self) -> None:
        analysis = self._next
        if analysis is None:
            return
        self._retiring = [run for run in self._retiring if run.returncode is None or run.has_group()]
        if self._retiring:  # two migrations at once are worse than a wait
            if not self._waits:
                self._waits = True
                self._log.event("info", "preparation.waiting", pid=self._retiring[0].pid)
            self._loop.call_later(_LOOK_S, self._begin_later)
            return
        self._next = None
        self._words.clear()
        self._log.event("info", "preparation.started", commands=analysis.before_start)
        self._span = (time.time(), 0.0)
        self._child = self._children.add(
            handles.spawn(
                ROLE,
                self._job,
                ["/bin/sh", "-e", "-c", analysis.before_start],
                environment=analysis.variables,
                folder=analysis.project.root,
                channel=False,
            )
        )

    def _begin_later(self) -> None:
        try:
            self._begin()
        except StartError as error:
            self._failures.performing(lifecycle.Prepare(self._job), error)

    def wrote(self, paths: Iterable[Path]) -> bool:
        """Whether all these files were last written while the commands ran: a save of theirs, not of a person's.

        Without this a command that writes files and fails would be run again for ever, by its own saves.
        """
        started, ended = self._span
        return all(_written_within(path, started, ended) for path in paths)

    def said(self, said: Sequence[OutputLine]) -> None:
        """One of them wrote something."""
        for each in said:
            self._words.extend(each.text.decode("utf-8", "replace").split("\n"))

    def ended(self, child: Handle) -> None:
        """The shell is gone."""
        if child is not self._child:
            return
        self._child = None
        self._retiring.append(child)
        self._span = (self._span[0], time.time())
        if child.returncode == 0:
            self._done = self._inputs
            self._log.event("info", "preparation.finished", duration_s=round(time.monotonic() - child.started, 3))
            self._on_event(lifecycle.Prepared(self._job))
            return
        error = PreparationError(
            f"a command of BEFORE_START failed: {child.how()}",
            expected="commands that end with exit status 0",
            action="Read its output, mend it and save: they are run again. Or change APPLIANCE_BEFORE_START.",
            output=list(self._words),
        )
        self._log.event("error", error.event, **error.fields())
        self._on_event(lifecycle.PreparationFailed(self._job, status_pages.of_error(error)))


def _inputs(analysis: Analysis) -> str:
    told = "\0".join(f"{name}={value}" for name, value in sorted(analysis.variables.items()))
    whole = f"{analysis.before_start}\0{analysis.plan.fingerprint}\0{told}"
    return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()


def _written_within(path: Path, started: float, ended: float) -> bool:
    try:
        return started - _TICK_S <= path.stat().st_mtime <= ended
    except OSError:
        return False
