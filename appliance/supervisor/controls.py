"""The controls of a running appliance, by signals and keys: reload, log the stacks, stop.

Runs in the supervisor's loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.supervisor import lifecycle_events, signals
from appliance.supervisor.terminal.key_functions import Keys

if TYPE_CHECKING:
    from appliance.supervisor.companions.companions import Companions
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.reports import Reports
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.stopping import Stopping
    from appliance.supervisor.workers.workers import Workers


class Controls:
    """Reloads, logs the stacks and stops, by signals and keys.

    Args:
        runtime: the supervisor's.
        reports: has the address, and reads stacks.
        stopping: the stop, which a second signal forces.
        workers, companions: get a reload that a person has asked for.
    """

    def __init__(
        self, runtime: Runtime, reports: Reports, stopping: Stopping, workers: Workers, companions: Companions
    ) -> None:
        self._runtime = runtime
        self._log = runtime.log
        self._on_event = runtime.lifecycle.on_event
        self._stacks = reports.stacks
        self._stopping = stopping
        self._workers = workers
        self._companions = companions
        self._stops_at_hangup = signals.stops_at_hangup()
        self.keys = Keys(
            runtime.loop, runtime.log, reports.address, in_container="APPLIANCE_IMAGE" in runtime.process,
            reload=self._reload, stop=self._signalled,
        )  # fmt: skip

    def listen(self) -> None:
        """Take signals from now on; the keys are read from ``keys.start`` on."""
        loop = self._runtime.loop
        signals.listen(loop.wake_descriptor.fileno(), self._signalled, self._runtime.children.reap, loop.post)

    def _signalled(self, name: str) -> None:
        """Take a signal: SIGHUP reloads, or stops if the terminal is gone; SIGQUIT logs stacks, then stops."""
        if self._stopping.began:
            self._stopping.force(name)
        elif name == "SIGHUP" and not self._stops_at_hangup:
            self._reload(name)
        elif name == "SIGQUIT" and (worker := self._workers.current) is not None:
            self._stacks.ask(worker, partial(self._quit, worker))
        else:
            self._on_event(lifecycle_events.StopAsked(name))

    def _reload(self, by: str) -> None:
        """Reload although nothing has changed: a signal or a key asks for it."""
        self._log.event("info", "reload.started", signal=by)
        self._workers.saved()
        self._companions.saved()
        self._on_event(lifecycle_events.ProjectChanged())

    def _quit(self, worker: Handle, text: str) -> None:
        self._log.event("warning", "worker.stacks", generation=worker.generation, pid=worker.pid, traceback=text)
        self._on_event(lifecycle_events.StopAsked("SIGQUIT"))
