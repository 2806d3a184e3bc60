"""Start the project's side: a worker in the project's interpreter, a stand-in in the appliance's.

This module sends each process its target, the listening socket, and what ``child_options`` says. Other modules decide
when.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from appliance.environment.start_failure import start_error
from appliance.identity.identity import user_cache
from appliance.protocol.inflight import MAX_STREAMS, MAX_TRANSFERS
from appliance.protocol.output_frames import new_mark
from appliance.protocol.snapshot_messages import GoOn, ImportAhead
from appliance.protocol.start.first_messages import Start
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import TITLES, Role
from appliance.supervisor.processes.environment_link import link

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from appliance.protocol.start.start_options import StartOptions
    from appliance.protocol.start.start_target import StartTarget
    from appliance.supervisor.log_consumers.consumers import LogConsumers
    from appliance.supervisor.processes.child_options import ChildOptions
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.saves.reload_trigger import ReloadTrigger
    from appliance.supervisor.steps.analysis import Analysis

# Requests that can run without a thread of the pool: the server's limits of long requests, and of slow transfers.
_WITHOUT_THREAD = MAX_STREAMS + MAX_TRANSFERS
_STDIN = 0


class Spawner:
    """Starts children of the project's side, and sends each the listening socket."""

    def __init__(
        self,
        runtime: Runtime,
        listener: socket.socket,
        reload_trigger: ReloadTrigger,
        consumers: LogConsumers,
        options: ChildOptions,
    ) -> None:
        self._children = runtime.children
        self._settings = runtime.settings
        self._process = runtime.process
        self._listener = listener
        self._reload_trigger = reload_trigger
        self._recorder = consumers.recorder
        self._exporter = consumers.exporter
        self._options = options
        self._marks: WeakKeyDictionary[Handle, bytes] = WeakKeyDictionary()  # of the output of what imports ahead
        self._code = str(user_cache(self._settings.cache) / "code")

    def worker(self, generation: int, analysis: Analysis) -> Handle:
        """Start this generation of the project.

        Raises:
            StartError: its interpreter can't be started.
        """
        # In the image, and with the dev container Feature; elsewhere an editor finds the project's own environment.
        if self._process.get("APPLIANCE_STATUS_SOCKET"):
            link(Path(self._settings.status_socket).parent, analysis.plan.environment)
        child = child_starts.spawn_side(
            Role.WORKER,
            generation,
            analysis.plan.python,
            environment=analysis.variables,
            folder=analysis.project.root,
        )
        return self.initialise(self._children.add(child), analysis)

    def initialise(self, child: Handle, analysis: Analysis, changed: Sequence[str] = ()) -> Handle:
        """Send a worker, started or forked, the message with which it serves the project.

        ``changed``: the files that have changed since the import of the snapshot that it was forked from.
        """
        return self._initialise(child, analysis.project.target.as_dict(), self._options.worker(analysis), changed)

    def import_ahead(self, child: Handle, analysis: Analysis, before: Sequence[str] = ()) -> Handle:
        """Send a fork of the preloader the message with which it imports the project as a worker does.

        ``before``: the files before which the import pauses.
        """
        mark = self._marks[child] = new_mark()
        child.expect(mark)
        message = ImportAhead(
            child.generation, str(self._settings.project), analysis.project.target.as_dict(),
            self._options.worker(analysis), mark=mark.hex(), code=self._code, before=list(before),
        )  # fmt: skip
        self._children.send(child, message)
        return child

    def go_on(self, child: Handle, checkpoint: Handle) -> None:
        """Have a fork of a checkpoint import the rest; its output has the same mark."""
        mark = self._marks[child] = self._marks[checkpoint]
        child.expect(mark)
        self._children.send(child, GoOn())

    def standin(self, generation: int) -> Handle:
        """Start a stand-in, whose records have this generation.

        Raises:
            StartError: no process can be started.
        """
        child = child_starts.spawn_side(
            Role.STANDIN, generation, Path(sys.executable), environment=self._process, folder=Path("/")
        )
        return self._initialise(self._children.add(child), {}, self._options.standin())

    def _initialise(
        self, child: Handle, target: StartTarget, options: StartOptions, changed: Sequence[str] = ()
    ) -> Handle:
        """Send the child its start message; kill the child if that fails, because it can't serve.

        Raises:
            StartError: there are no descriptors left.
        """
        mark = new_mark()
        child.expect(mark)
        start = Start(
            child.role, child.generation, str(self._settings.project), target, options,
            mark=mark.hex(), code=self._code, changed=list(changed),
        )  # fmt: skip
        try:
            return self._send_start(child, start)
        except (OSError, ValueError) as error:
            self._children.kill(child)
            raise start_error(TITLES[child.role], error) from error

    def _send_start(self, child: Handle, start: Start) -> Handle:
        descriptors = [self._listener.fileno()]
        if child.role is Role.WORKER:
            notes = self._reload_trigger.notes.begin(child)
            try:
                descriptors += [child.count(start.options["threads"] + _WITHOUT_THREAD), notes]
                if self._recorder.details >= 0:
                    descriptors.append(self._recorder.details)
                if self._exporter.spans >= 0:
                    descriptors.append(self._exporter.spans)
                if _is_terminal(_STDIN):
                    descriptors.append(_STDIN)
                self._children.send(child, start, descriptors)
            finally:
                os.close(notes)
        else:
            self._children.send(child, start, descriptors)
        return child


def _is_terminal(descriptor: int) -> bool:
    """Whether a person can type there: the descriptor is a terminal, and can also be written to (docker's can)."""
    return os.isatty(descriptor) and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
