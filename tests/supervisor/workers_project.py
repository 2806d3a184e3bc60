"""Workers under the lifecycle's own table, with a preloader and processes that only remember."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

from appliance.protocol.messages import ForkMismatch, ModulesReport, Ready, StartAccepting
from appliance.supervisor import lifecycle, lifecycle_events
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers import workers as module
from appliance.supervisor.workers.worker_events import Source
from appliance.supervisor.workers.worker_sources import ForkedAhead
from appliance.supervisor.workers.workers import Workers
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle, no_process

READY = Ready(import_s=0.1, application="app:app")


class Preloader:
    """Forks a worker where the test says so, and remembers the calls."""

    def __init__(self, children: FakeChildren) -> None:
        self._children = children
        self.forks = False
        self.born = True
        self.wanted = False
        self.readies = 0
        self.refused: list[str] = []
        self.mismatches: list[ForkMismatch] = []
        self.lists: list[ModulesReport] = []
        self.followed: list[object] = []

    def fork(self, generation: int, analysis: object) -> Handle | None:
        """As the preloader's."""
        assert self.followed[-1] is analysis
        if not self.forks:
            return None
        child = self._children.add(handle(forked=True, pid=None if self.born else 0))
        child.generation = generation
        return child

    def refuse(self, why: str) -> None:
        """As the preloader's."""
        self.refused.append(why)

    def fork_mismatch(self, message: ForkMismatch) -> None:
        """As the preloader's."""
        self.mismatches.append(message)

    def modules_reported(self, message: ModulesReport, _analysis: object) -> None:
        """As the preloader's."""
        self.lists.append(message)

    def follow_analysis(self, analysis: object) -> None:
        """As the preloader's."""
        self.followed.append(analysis)

    def needs_module_list(self) -> bool:
        """As the preloader's."""
        return self.wanted

    def why_cold(self) -> str:
        """As the preloader's."""
        return "no preloader"

    def ready(self) -> None:
        """As the preloader's."""
        self.readies += 1


class Checkpoints:
    """Forks a worker from a checkpoint where the test says so, and remembers the calls."""

    def __init__(self, children: FakeChildren) -> None:
        self._children = children
        self.forks = False
        self.born = True
        self.lost: list[str] = []

    def fork(self, generation: int) -> tuple[Handle | None, list[str]]:
        """As the checkpoints'."""
        if not self.forks:
            return None, []
        child = self._children.add(handle(forked=True, pid=None if self.born else 0))
        child.generation = generation
        return child, []

    def worker_lost(self, how: str) -> None:
        """As the checkpoints': they fork none from there any more."""
        self.lost.append(how)


class Snapshots:
    """Forks a worker from a snapshot where the test says so, and remembers the calls."""

    is_on = True

    def __init__(self, children: FakeChildren) -> None:
        self._children = children
        self.forks = False
        self.born = True
        self.told: list[object] = []
        self.checkpoints = Checkpoints(children)

    def fork(self, generation: int, fastest: Source, reason: str) -> tuple[ForkedAhead | None, str]:
        """As the snapshots'."""
        if fastest is Source.SNAPSHOT and self.forks:
            child = self._children.add(handle(forked=True, pid=None if self.born else 0))
            child.generation = generation
            return ForkedAhead(child, Source.SNAPSHOT, ["/workspace/app.py"]), ""
        resumed, changed = self.checkpoints.fork(generation)
        reason = "no snapshot" if fastest is Source.SNAPSHOT else reason
        return None if resumed is None else ForkedAhead(resumed, Source.CHECKPOINT, changed), reason

    def declined(self, source: Source, why: str, path: str) -> str:
        """As the snapshots'."""
        self.told.append(("declined", source, why, path))
        return why

    def drop_source(self, source: Source, how: str) -> None:
        """As the snapshots'."""
        if source is Source.CHECKPOINT:
            self.checkpoints.worker_lost(how)
        else:
            self.told.append(("drop_source", source, how))

    def __getattr__(self, name: str) -> Any:
        """Note any other call."""
        return lambda *values, **named: self.told.append((name, *values, *named.values()))


class Project:
    """Workers under the lifecycle's own table, and nothing else of the supervisor."""

    def __init__(self, url: str | None = "http://localhost:8000") -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        self.preloader = Preloader(self.children)
        self.snapshots = Snapshots(self.children)
        self.hurried = 0
        self.not_startable = False
        self.reloads: list[int] = []
        self.timelines: list[dict[str, Any]] = []
        self.errors: list[Exception] = []
        self.swaps: list[list[str]] = []
        self.received: list[lifecycle_events.Event] = []
        self.state = lifecycle.State()
        self.pages: list[Any] = []
        self.analysis: Any = SimpleNamespace(plan="plan", variables={})
        self.no_timeout = False
        self.stacks = ""
        runtime: Any = SimpleNamespace(
            loop=self.loop, children=self.children, log=self.log,
            lifecycle=SimpleNamespace(on_event=self.on_event, action_failed=self._action_failed),
            settings=SimpleNamespace(boot_timeout_s=60.0, grace_s=10.0, project="/workspace"),
        )  # fmt: skip
        reports: Any = SimpleNamespace(
            address=SimpleNamespace(url=url), history=SimpleNamespace(reloaded=self._reloaded),
            stacks=SimpleNamespace(ask=lambda _, answer: answer(self.stacks)),
        )  # fmt: skip
        spawner: Any = SimpleNamespace(worker=self._worker, initialise=self._initialise)
        preloader: Any = self.preloader
        snapshots: Any = self.snapshots
        drained_workers: Any = SimpleNamespace(shorten_deadlines=self._shorten_deadlines)
        self.workers = Workers(
            runtime,
            spawner,
            preloader,
            reports,
            imported_ahead=snapshots,
            drained_workers=drained_workers,
            no_timeout=lambda _: self.no_timeout,
        )
        self.children.ended = self._ended
        self.on_event(lifecycle_events.Analysed(1, installed=True))

    def _initialise(self, child: Handle, analysis: object, changed: Sequence[str] = ()) -> Handle:
        assert analysis is self.analysis
        self.swaps += [list(changed)] if changed else []
        return child

    def _worker(self, generation: int, analysis: object) -> Handle:
        assert analysis is self.analysis
        if self.not_startable:
            raise no_process()
        child = self.children.add(handle())
        child.generation = generation
        return child

    def _shorten_deadlines(self) -> None:
        self.hurried += 1

    def _reloaded(self, generation: int, timeline: dict[str, Any]) -> None:
        self.reloads.append(generation)
        self.timelines.append(timeline)

    def _action_failed(self, action: lifecycle_events.Action, error: Exception) -> None:
        self.errors.append(error)
        if (failure := lifecycle.failure_of(action, {"title": "not started"})) is not None:
            self.on_event(failure)

    def _ended(self, child: Handle) -> None:
        self.workers.ended(child)

    def on_event(self, event: lifecycle_events.Event) -> None:
        """As the supervisor's, for what concerns workers."""
        self.received.append(event)
        self.state, actions = lifecycle.step(self.state, event)
        for action in actions:
            match action:
                case lifecycle_events.Boot(generation):
                    self.workers.boot(generation, self.analysis)
                case lifecycle_events.Retire(generation):
                    self.workers.retire(generation)
                case lifecycle_events.Kill(generation):
                    self.workers.kill(generation)
                case lifecycle_events.Analyse(job):
                    self.loop.post(partial(self.on_event, lifecycle_events.Analysed(job, installed=True)))
                case lifecycle_events.RetryLater(generation, after_s):
                    self.loop.call_later(after_s, partial(self.on_event, lifecycle_events.RetryDue(generation)))
                case lifecycle_events.ShowFailure(page):
                    self.pages.append(page)
                case _:
                    pass

    @property
    def newest(self) -> Handle:
        """The worker that serves or is to serve."""
        assert self.workers.current is not None
        return self.workers.current

    @property
    def accepting(self) -> list[Handle]:
        """The workers that accept connections, as far as anybody has asked them."""
        reported = self.children.messages(StartAccepting)
        return [child for child in self.children.alive if child in reported and not child.ending]

    def save(self) -> None:
        """Code is saved."""
        self.workers.saved(None)
        self.on_event(lifecycle_events.CodeChanged())
        self.loop.advance()

    def serve(self) -> Handle:
        """The newest worker is imported, and accepts once the old one has left."""
        self.workers.ready(self.newest, READY)
        self.loop.advance(module.LEAVING_S)
        return self.newest
