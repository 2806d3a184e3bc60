"""Make the supervisor's optional parts, and list what they take: messages and ends of children, saves, questions.

A part is optional if a setting or a project may leave it unused. It then does nothing. ``Supervisor`` connects the
core, and adds each of these lists in one place. Runs in the supervisor's loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.protocol import messages
from appliance.protocol.record import replace
from appliance.supervisor.answering.assistant_access import AssistantAccess
from appliance.supervisor.answering.desk_answers import desk_answers
from appliance.supervisor.answering.recorder_questions import RecorderQuestions
from appliance.supervisor.answering.remedy_answers import RemedyAnswers
from appliance.supervisor.answering.replay_answers import ReplayAnswers
from appliance.supervisor.companions.companions import Companions
from appliance.supervisor.debugger.debug_port import DebugPort
from appliance.supervisor.log_consumers.consumers import LogConsumers
from appliance.supervisor.probing.probe_port import ProbePort
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots.snapshots import Snapshots

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from appliance.config.env import Environment
    from appliance.protocol.record import Message
    from appliance.supervisor.lifecycle import State
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.remedy_runs.offered_remedies import OfferedRemedies
    from appliance.supervisor.reporting.status_socket import Answerer
    from appliance.supervisor.runtime import Handlers, Runtime
    from appliance.supervisor.saves.reload_trigger import SaveRoutes
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.standstill import Standstill


class EarlyParts:
    """The optional parts that exist before the workers: children are started with what these parts say.

    Args:
        runtime: the supervisor's.
        listener: the listening socket.
        environment: the project's, as it was read at the start.
        secure: the listening socket speaks HTTPS.

    Attributes:
        questions: pass on the questions of pages to the recorder.
        consumers: the recorder and the exporter.
        assistants: the rights of assistants.
        debug_port: where a debugger connects.
    """

    def __init__(
        self, runtime: Runtime, listener: socket.socket, environment: Environment | None, *, secure: bool
    ) -> None:
        self.questions = RecorderQuestions(runtime.children, lambda: self.consumers.recorder.recorder)
        self.consumers = LogConsumers.of(runtime, listener, environment, self.questions.recorder_started, secure=secure)
        self.assistants = AssistantAccess(runtime)
        self.debug_port = DebugPort(runtime.loop, runtime.settings, runtime.log)


class OptionalParts:
    """The optional parts of one appliance.

    Args:
        runtime: the supervisor's.
        early: those that exist already.
        preloading: forks what becomes a snapshot.
        spawner: tells it what to import.
        standstill: knows whether the worker makes progress; the probe server answers that.
        replace_worker: starts another worker instead of the one that serves.
        gone: called when nothing is left of a companion that was removed.

    Attributes:
        snapshots: have the project imported ahead of a save.
        companions: the project's other processes.
    """

    def __init__(
        self,
        runtime: Runtime,
        early: EarlyParts,
        preloading: Preloading,
        spawner: Spawner,
        standstill: Standstill,
        *,
        replace_worker: Callable[[], None],
        gone: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._consumers = early.consumers
        self._questions = early.questions
        self._assistants = early.assistants
        self._debug_port = early.debug_port
        self._probes = ProbePort(runtime, standstill)
        self.snapshots = Snapshots.of(runtime, preloading, spawner, replace_worker)
        self.companions = Companions(runtime, gone)

    # -- what they take ------------------------------------------------------------------------------------------------

    def handlers(self, declined: Callable[[Handle, str, str], object]) -> Handlers:
        """Return the function for each message; ``declined``: as for ``Snapshots.handlers``."""
        port = self._debug_port
        return {
            **self.snapshots.handlers(declined),
            **self._questions.handlers(),
            messages.DebuggerPort: lambda child, each, _: port.listens(child, each.port, waits=each.waits),
        }

    def ends(self) -> dict[str, Callable[[Handle], object]]:
        """Return the function for the end of each of these children, by role."""
        return {
            Role.COMPANION: self.companions.ended,
            Role.GUARD: self.companions.guard_ended,
            Role.RECORDER: self._consumers.recorder.ended,
            Role.EXPORTER: self._consumers.exporter.ended,
            Role.PROBES: self._probes.ended,
        }

    def admits(self, child: Handle, message: Message) -> bool:
        """Whether this child may send this message."""
        return self._questions.admits(child, message)

    def each_end(self) -> Sequence[Callable[[Handle], object]]:
        """Return the functions that take the end of every child."""
        return [self._debug_port.ended]

    def with_saves(self, routes: SaveRoutes) -> SaveRoutes:
        """Return these routes with the parts that take saves too, or write files themselves."""
        snapshots = self.snapshots
        return replace(
            routes, before=snapshots.changed, spared=snapshots.written, companion_starts=self.companions.starting,
            noticed=snapshots.noticed if snapshots.is_on else None,
        )  # fmt: skip

    def answerers(
        self, url: str | None, remedies: OfferedRemedies, analysed: Callable[[], Analysis | None]
    ) -> Mapping[str, Answerer]:
        """Return a function for each question of the status socket that is not about the core.

        Args:
            url: the address for a browser, if it is known.
            remedies: those that may be run.
            analysed: returns the newest analysis.
        """
        runtime = self._runtime
        return {
            **self._assistants.answerers(url),
            **RemedyAnswers(runtime, remedies).answerers(),
            **ReplayAnswers(runtime, self._questions).answerers(),
            **desk_answers(runtime, analysed),
        }

    def status(self) -> Mapping[str, Callable[[], Any]]:
        """Return the function that makes each part's JSON value of the status, by its name there."""
        return {
            "debugger": self._debug_port.status,
            "companions": self.companions.status,
            "desk": lambda: self._consumers.recorder.path or None,
            "snapshot": self.snapshots.status,
        }

    # -- from the start to the stop ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Answer probes, and copy the log, from now on."""
        self._probes.begin()
        self._consumers.begin()

    def phase_changed(self, state: State) -> None:
        """Take each new state of the lifecycle."""
        self._probes.changed(state)

    def booting(self, analysis: Analysis) -> None:
        """Start the companions that are declared now: a worker is being started."""
        self._runtime.defects.guarded(partial(self.companions.booting, analysis))

    def tell_serving(self, generation: int, revision: int = 0) -> None:
        """Tell the recorder which generation serves; 0 for none."""
        self._questions.serves(generation, revision)

    def serving(self) -> None:
        """Start the companions again that follow the code: a worker serves."""
        self._runtime.defects.guarded(self.companions.serving)

    def stop_functions(self) -> tuple[Sequence[Callable[[], object]], Sequence[Callable[[], object]]]:
        """Return the functions for a stop: those before the workers are closed, and those after."""
        return (
            (self._debug_port.close, self.snapshots.close),
            (self.companions.close, self._consumers.start_if_needed),
        )

    def finish(self, living: Sequence[Handle]) -> None:
        """End the processes that end last, if only these still run: the consumers of the log, then the probe server."""
        self._consumers.finish()
        if all(child.role is Role.PROBES for child in living):
            self._probes.finish()
