"""The snapshots of one project, with processes, a preloader and a spawner that only remember."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

from appliance.errors import StartError
from appliance.protocol.messages import FilesReport
from appliance.protocol.snapshot_messages import CheckpointReached, Fingerprints, SnapshotReady, Verify
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.snapshots.known_snapshots import SnapshotRole
from appliance.supervisor.snapshots.snapshot_runner import SnapshotRunner
from appliance.supervisor.snapshots.snapshots import Snapshots
from appliance.supervisor.workers.worker_events import Source
from appliance.watch import tree
from appliance.watch.kinds import Kind
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle, no_process

STATE = {"app": "1", "shop.views": "2"}


def _state_of(path: Path) -> list[int]:
    mark = tree.mark(str(path))
    assert mark is not None
    return [*mark, crc32(path.read_bytes())]


class SnapshotsProject:
    """One project with swaps on, and what may happen to it."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        self.root = root
        (root / "shop").mkdir()
        for name in ("app.py", "shop/views.py", "notes.toml"):
            (root / name).write_text("", encoding="utf-8")
        configured = {
            "swap": "on",
            "preload": "on",
            "reload": "on",
            "boot_timeout_s": 60.0,
            "project": root,
            **settings,
        }
        runtime: Any = SimpleNamespace(
            loop=self.loop, children=self.children, log=self.log, settings=SimpleNamespace(**configured)
        )
        self.forkable = self.descriptors = True
        self.replaced = 0
        self.preloader_spare = True  # a worker that the preloader has forked ahead
        self.generation = 0
        self.imported = STATE  # what the newest import has made
        preloading: Any = SimpleNamespace(
            follow=lambda _: None, fork_snapshot=self._fork_snapshot, end_spare=self._end_preloader_spare
        )
        self.pauses: list[tuple[str, ...]] = []  # before which files each import pauses
        self.continued: list[Handle] = []  # the checkpoints that imports went on from
        self.shortage = ""
        self.told: list[str] = []  # the files that have changed, as the last worker from a checkpoint was told
        spawner: Any = SimpleNamespace(
            import_ahead=self._import_ahead, go_on=lambda _, checkpoint: self.continued.append(checkpoint)
        )
        self.runner = SnapshotRunner(runtime, preloading, spawner, self._replace)
        self.snapshots = Snapshots(runtime, self.runner, preloading)
        self.children.ended = self.runner.ended
        self.analysis: Any = SimpleNamespace(differs=lambda _: False, before_start="")
        self.worker = handle()
        self.worker.python = "3.13.1"

    def _fork_snapshot(self) -> Handle | None:
        return self.children.add(handle("snapshot", forked=True)) if self.forkable else None

    def _end_preloader_spare(self) -> None:
        self.preloader_spare = False

    def _import_ahead(self, child: Handle, _analysis: object, before: tuple[str, ...] = ()) -> Handle:
        if not self.descriptors:
            raise StartError("no descriptor", expected="one", action="wait", what="a snapshot", passing=False)
        self.pauses.append(tuple(str(Path(path).relative_to(self.root)) for path in before))
        return child

    def _replace(self) -> None:
        self.replaced += 1

    def prepare_forked(self, role: Role) -> tuple[Handle, list[int]]:
        """As the supervisor's, except for the descriptors."""
        if not self.descriptors:
            raise no_process()
        return handle(role, forked=True, pid=0), []

    def process(self, process: SnapshotRole) -> Handle | None:
        """One of its processes."""
        return self.runner.processes.get(process)

    def serves(self, *, swapping: bool = False) -> None:
        """A worker is started and serves."""
        self.snapshots.worker_started(self.worker, Source.SNAPSHOT if swapping else Source.PRELOADER)
        self.snapshots.worker_ready()

    def ends(self, process: SnapshotRole) -> None:
        """One of its processes is killed, if it is there."""
        if (child := self.process(process)) is not None:
            self.children.end(child, -9)

    def begins(self) -> None:
        """The first worker serves, and there is a preloader."""
        self.snapshots.follow(self.analysis)
        self.serves()
        self.snapshots.preloader_ready()

    def passes(self, seconds: float = 2.5) -> None:
        """Time passes; every fork of a snapshot says hello at once."""
        until = self.loop.now + seconds
        while self.loop.now < until:
            if (spare := self.process(SnapshotRole.SPARE)) is not None:
                spare.pid = spare.pid or 1_000_000_001
            for child in self.children.alive:
                child.pid = child.pid or (1_000_000_002 if child.role is Role.SNAPSHOT else 0)
            self.loop.advance(min(0.5, until - self.loop.now))

    def imports(self, refused: str = "", state: dict[str, str] = STATE, cpu_s: float = 0.2, **blocked: str) -> None:
        """The process that imports the project is done."""
        again = self.process(SnapshotRole.AGAIN)
        child = again or self.process(SnapshotRole.NEXT)
        if child is not None:
            self.runner.imported(child, SnapshotReady(0.2, cpu_s, 2, refused=refused, blocked=blocked))
        if again is not None:
            self.answers(state)
        else:
            self.imported = state

    def has_snapshot(self) -> None:
        """The project has its first snapshot, and a spare of it."""
        self.begins()
        self.passes(0.1)
        self.imports()
        self.passes(0.1)

    def changes(self, *names: str, kind: Kind = Kind.CODE) -> None:
        """Files are saved."""
        self.snapshots.changed(dict.fromkeys(names or ("app.py",), kind))

    def saved(self, *names: str, kind: Kind = Kind.CODE) -> tuple[bool, list[str], str]:
        """Files are saved, and a worker is started: whether it is swapped, what it has to swap, and why not."""
        self.changes(*names, kind=kind)
        self.snapshots.worker_wanted()
        self.generation += 1
        child, changed, why = self.snapshots.fork_snapshot(self.generation)
        self.serves(swapping=child is not None)
        return child is not None, [str(Path(path).relative_to(self.root)) for path in changed], why

    def verifies(self, state: dict[str, str] = STATE, refused: str = "") -> None:
        """The fork whose state is compared has swapped, and then one of the import says what that has made."""
        self.answers(state, refused)
        if not refused:
            self.answers(self.imported)

    def answers(self, state: dict[str, str] = STATE, refused: str = "") -> None:
        """A fork that verifies says what its state is."""
        child = self.process(SnapshotRole.VERIFIER)
        if child is not None:
            self.runner.compared(child, Fingerprints(state, refused))

    def reads(self, *names: str) -> None:
        """The process that imports the project reports the files that it has read."""
        child = self.process(SnapshotRole.NEXT)
        assert child is not None
        self.runner.read(child, FilesReport({str(self.root / name): [1, 2, 3, 4, 5] for name in names}))

    def reads_now(self, *names: str) -> None:
        """The same, with the present states of the files."""
        child = self.process(SnapshotRole.NEXT)
        assert child is not None
        states = {str(self.root / name): _state_of(self.root / name) for name in names}
        self.runner.read(child, FilesReport(states))

    def reaches(self, name: str, *read: str) -> Handle:
        """The process that imports the project has read some files, and pauses before this one."""
        self.reads(*read)
        child = self.process(SnapshotRole.NEXT)
        assert child is not None
        self.runner.reached(child, CheckpointReached(str(self.root / name)))
        return child

    def pauses_before(self, *names: str) -> None:
        """The importing process pauses before the first of these files that it was asked to pause before, if any."""
        reached = {Path(each.path).name for each in self.snapshots.checkpoints._state.coming}
        asked = [name for name in names if self.pauses and name in self.pauses[-1] and Path(name).name not in reached]
        if self.process(SnapshotRole.NEXT) is not None and asked:
            self.reaches(asked[0])

    def has_checkpoint(self, name: str = "shop/views.py", *read: str) -> None:
        """A save of this file was declined, and the next import has paused before it."""
        known = [str(self.root / each) for each in ("app.py", "shop/views.py")]
        self.snapshots.checkpoints.read({path: [1, 2, 3, 4, 5] for path in known})
        assert self.declined(name) is None
        self.passes(1.5)
        self.reaches(name, *(read or ("app.py",)))
        self.imports()
        self.passes(0.1)

    def waiting(self) -> list[Handle]:
        """The forks of checkpoints that wait for a start message."""
        spare = self.process(SnapshotRole.SPARE)
        return [each for each in self.children.alive if each.role is Role.SPARE and each is not spare]

    def paused(self) -> list[Handle]:
        """The processes of the checkpoints."""
        return list(self.snapshots.checkpoints._processes.values())

    def declined(self, name: str, reason: str = "a class has changed") -> Handle | None:
        """A module is saved, and its swap declined; the worker from a checkpoint, or None if the preloader serves."""
        self.changes(name)
        self.snapshots.worker_wanted()
        self.generation += 1
        child, _, _ = self.snapshots.fork_snapshot(self.generation)
        if child is not None:
            self.snapshots.worker_started(child, Source.SNAPSHOT)
            self.snapshots.declined(Source.SNAPSHOT, reason, str(self.root / name))
        return self.resumes()

    def resumes(self) -> Handle | None:
        """A worker is started from a checkpoint, or else from the preloader, and serves."""
        child, self.told = self.snapshots.checkpoints.fork(self.generation)
        self.snapshots.worker_started(child or self.worker, Source.CHECKPOINT if child else Source.PRELOADER)
        self.snapshots.worker_ready()
        return child

    @property
    def checkpoints(self) -> list[str]:
        """The files that workers are forked before."""
        return [each["file"] for each in self.snapshots.status()["checkpoints"]]

    @property
    def verified(self) -> list[list[str]]:
        """Return the files that each verification had to swap."""
        return [each.changed for _, each in self.children.sent if isinstance(each, Verify)]

    @property
    def living(self) -> list[SnapshotRole]:
        """The living processes of the snapshots, in their order."""
        return [each for each in SnapshotRole if self.process(each) is not None]
