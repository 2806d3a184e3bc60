"""The trigger's changes of what is watched, and its reports of what was saved; the watcher only remembers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.messages import FilesReport
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.saves import reload_trigger
from appliance.supervisor.saves.reload_loops import DELAY_S, LOOP, OFTEN
from appliance.supervisor.saves.reload_trigger import REMOVED_MOST, REPORTED_WRITES_MAX, ReloadTrigger, SaveRoutes
from appliance.watch.file_contents import FileState
from appliance.watch.kinds import Kind
from appliance.watch.watch_set import WatchOptions
from appliance.watch.watcher import Changes, WorkerState
from appliance.worker.files.input_files import InputFiles
from tests.supervisor.fakes import FakeLog, FakeLoop, handle

STATE = [1, 2, 3, 4, -1]


class Watching:
    """As the watcher."""

    def __init__(self) -> None:
        self.options: WatchOptions | None = None
        self.added: list[tuple[str, Kind, list[str]]] = []
        self.compared: list[tuple[dict[str, FileState], bool]] = []
        self.started: list[float] = []
        self.template_folders: list[str] = []
        self.running = False
        self.errors: list[Exception] = []

    def start(self) -> None:
        """As the watcher's, unless it fails."""
        if self.errors:
            raise self.errors.pop()
        self.running = True

    def stop(self) -> None:
        """As the watcher's."""
        self.running = False

    def arriving_s(self) -> float:
        """As the watcher's."""
        return 0.7

    def add_files(self, added_by: str, kind: Kind, paths: Iterable[str]) -> None:
        """As the watcher's."""
        self.added.append((added_by, kind, list(paths)))

    def compare(self, files: dict[str, FileState], *, more: bool, started: float) -> None:
        """As the watcher's."""
        self.compared.append((files, more))
        self.started.append(started)

    def add_template_folders(self, folders: list[str]) -> None:
        """As the watcher's."""
        self.template_folders = folders


class Site(FakeLoop):
    """A project whose saves only the test makes, with the arguments of each route."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, reload: str = "on") -> None:
        super().__init__()
        monkeypatch.setattr(reload_trigger, "Watcher", self._watch)
        self.watcher = Watching()
        self.root = root
        self.log = FakeLog()
        self.lifecycle = SimpleNamespace(state=SimpleNamespace(phase=Phase.SERVING))
        self.loaded: list[str] = []
        self.got: dict[str, list[Any]] = {"changed": [], "assets": [], "before": [], "spared": [], "noticed": []}
        self.asked: list[bool] = []
        self.own: set[str] = set()
        self.taken: list[tuple[str, float]] = []
        settings = SimpleNamespace(
            reload=reload, project=root, ignore=("*.log",), watch="poll", env_files=(".env",), watch_extra=("../lib",)
        )
        runtime: Any = SimpleNamespace(settings=settings, loop=self, log=self.log, lifecycle=self.lifecycle)
        saves: Any = SimpleNamespace(loaded=self.loaded.extend, saved=self.loaded.extend)
        self.trigger = ReloadTrigger(runtime, saves)

    def _watch(self, options: WatchOptions, _listener: object) -> Watching:
        self.watcher.options = options
        return self.watcher

    def watch(self, *_: object) -> None:
        """As the loop's, for a pipe that nobody writes into."""

    unwatch = watch

    def route(self) -> None:
        """Keep the arguments of each route."""
        templates: Any = SimpleNamespace(take=self._take)
        keep = {name: values.append for name, values in self.got.items()}
        self.trigger.route(
            SaveRoutes(
                self._changed, keep["assets"], templates,
                before=keep["before"], spared=keep["spared"], noticed=keep["noticed"],
            )
        )  # fmt: skip

    def note_writes(self) -> None:
        """The worker has noted the files of ``own``."""
        notes: Any = SimpleNamespace(take_own_write=self._take_note)
        self.trigger.notes = notes

    def _take_note(self, path: str, seen_at: float) -> bool:
        self.taken.append((path, seen_at))
        return path in self.own

    def _changed(self, changes: Changes) -> None:
        self.got["changed"].append(dict(changes.kinds))

    def _take(self, changes: Changes, restart: Callable[[Changes], None], *, ask: bool) -> None:
        self.asked.append(ask)
        restart(changes)

    def save(self, kinds: Mapping[str, Kind], *, seen: Mapping[str, float] | None = None, busy: bool = False) -> None:
        """The watcher reports a burst."""
        self.trigger.changed(Changes(kinds, 5.0, seen or {}, busy))
        self.advance()

    def compared(self) -> list[tuple[list[str], bool]]:
        """Each comparison: its paths, and whether they were added to the others."""
        return [(list(files), more) for files, more in self.watcher.compared]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A project with routes."""
    made = Site(tmp_path, monkeypatch)
    made.route()
    made.note_writes()
    return made


def worker(generation: int, *, ready: bool = True) -> Handle:
    """A worker, which serves or has failed."""
    child = handle()
    child.generation, child.ready_at = generation, 1.0 if ready else None
    return child


def test_the_watcher_is_started_by_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The settings say what is watched, and how, and whether; a watcher that can't start is started a second later."""
    off = Site(tmp_path, monkeypatch, reload="off")
    off.trigger.start()
    off.trigger.report_event("watch.started", {"how": "poll"})
    off.advance()
    assert (off.watcher.running, off.trigger.status()) == (False, None)
    site = Site(tmp_path, monkeypatch)
    assert site.watcher.options == WatchOptions(str(tmp_path), "poll", ("*.log",), (".env",), ("../lib",))
    site.watcher.errors = [MemoryError("no memory"), RuntimeError("no thread")]
    site.trigger.start()
    site.advance(2.5)
    assert site.watcher.running
    failed = site.log.named("watch.failed")
    assert [each["reason"] for each in failed] == ["no thread", "no memory"]
    assert all(each["action"] for each in failed)
    assert site.trigger.arriving_s() == 0.7


def test_the_status_is_what_the_watcher_has_said(site: Site):
    """The status has the fields of all of the watcher's events, and each event is in the log, with its level."""
    assert site.trigger.status() is None
    site.trigger.report_event("watch.started", {"how": "events"})
    site.trigger.report_event("watch.failed", {"reason": "no space", "action": "wait"})
    site.advance()
    assert site.trigger.status() == {"how": "events", "reason": "no space", "action": "wait"}
    assert site.log.events == [
        ("info", "watch.started", {"how": "events"}),
        ("warning", "watch.failed", {"reason": "no space", "action": "wait"}),
    ]


def test_a_delayed_reload_ends_with_the_watch(site: Site):
    """After the watch has ended, no reload comes that was delayed."""
    site.trigger.start()
    for _ in range(LOOP):
        site.save({"app.py": Kind.CODE}, busy=True)
    assert len(site.log.named("reload.held")) == 1
    site.trigger.stop()
    site.advance(DELAY_S[1])
    assert (site.watcher.running, len(site.got["changed"])) == (False, LOOP - 1)


def test_the_files_of_an_analysis_are_watched(site: Site):
    """The application's file, the plan's and the secrets' are watched, each for what it is."""
    analysis: Any = SimpleNamespace(
        project=SimpleNamespace(target=SimpleNamespace(file="/p/app.py")),
        plan=SimpleNamespace(files=[Path("/p/uv.lock")]),
        environment=SimpleNamespace(secret_files={"KEY": Path("/run/secrets/key")}),
    )
    site.trigger.analysed(analysis)
    analysis.project.target.file = None
    site.trigger.analysed(analysis)
    assert site.watcher.added[:4] == [
        ("target", Kind.CODE, ["/p/app.py"]),
        ("plan", Kind.DEPENDENCIES, ["/p/uv.lock"]),
        ("secrets", Kind.ENVIRONMENT, ["/run/secrets/key"]),
        ("target", Kind.CODE, []),
    ]
    assert site.loaded == ["/p/app.py", None]


def test_a_good_worker_replaces_the_files_of_older_ones(site: Site):
    """A new worker's files replace the old ones; later reports of it, and those of a failed one, are added."""
    for child, more in (
        (worker(1), False),
        (worker(1), False),
        (worker(2, ready=False), False),
        (worker(3), True),
        (worker(2), False),
        (worker(4), False),
    ):
        site.trigger.loaded(child, FilesReport(files={f"/{child.generation}.py": STATE}, more=more))
    assert site.compared() == [
        (["/1.py"], False),
        (["/1.py"], True),
        (["/2.py"], True),
        (["/3.py"], True),
        (["/4.py"], False),
    ]
    assert len(site.loaded) == 6


def test_a_report_is_compared_with_the_time_of_its_workers_start(site: Site):
    """The watcher receives when the worker started: what was saved before that, the worker should have read."""
    child = worker(1)
    child.started = 41.5
    site.trigger.loaded(child, FilesReport(files={"/a.py": STATE}))
    assert site.watcher.started == [41.5]


def test_only_files_with_a_whole_path_are_compared(site: Site):
    """A damaged worker may report anything: a path that is not absolute, or that no file can have, is left out."""
    no_files: Any = 7
    files: Any = {"/a.py": STATE, "b.py": STATE, "/c\0.py": STATE, "/d.py": "?"}
    site.trigger.loaded(worker(1), FilesReport(files=files))
    site.trigger.loaded(worker(1), FilesReport(files=no_files))
    assert [files for files, _ in site.watcher.compared] == [
        {"/a.py": FileState.of(STATE), "/d.py": FileState.of("?")},
        {},
    ]


def test_nothing_is_compared_without_a_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """If nothing is reloaded, a worker's files are only known to the pages."""
    site = Site(tmp_path, monkeypatch, reload="off")
    site.trigger.loaded(worker(1), FilesReport(files={"/a.py": STATE}))
    assert (site.watcher.compared, site.loaded) == ([], ["/a.py"])


def test_a_request_adds_what_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file that a request reads is watched from then on, unless browsers load it; pages know each of them."""
    root = tmp_path / "public" / "site"  # only folders below the project's say that browsers load a file
    site = Site(root, monkeypatch)
    names = ("templates/a.html", "static/deep/b.min.css", "static/c.py", "public/d/e.html")
    read = [str(root / name) for name in names]
    for path in read:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    for generation, paths in ((0, read), (1, read[:1])):
        child = worker(generation)
        inputs = InputFiles(str(root), pipe := site.trigger.notes.begin(child))
        inputs.report()
        for path in paths:
            inputs.record(path)
        site.trigger.notes.ended(child)
        os.close(pipe)
    assert site.compared() == [([read[0], read[2]], True)]
    assert site.loaded == [*read, read[0]]


def test_template_folders_are_bounded(site: Site):
    """At most a hundred folders of templates are watched."""
    site.trigger.templates([f"/{number}" for number in range(101)])
    assert site.watcher.template_folders == [f"/{number}" for number in range(100)]


def test_the_files_of_a_failed_import_are_watched(site: Site):
    """The files of a failure are watched, except for those of installed packages and those without a place."""
    report = {"file": "/p/a.py", "exception": {"frames": [{"file": file} for file in (
        "/p/b.py", "/v/site-packages/c.py", "/v/dist-packages/d.py", "/usr/lib/python3.13/e.py", "<string>", None, "",
    )]}}  # fmt: skip
    site.trigger.failed(report)
    site.trigger.failed({})
    assert site.watcher.added == [("failure", Kind.CODE, ["/p/a.py", "/p/b.py"]), ("failure", Kind.CODE, [])]


def test_what_a_worker_writes_itself_is_named_once(site: Site):
    """A file that the worker writes restarts nothing, and is named once; the number of these events is bounded."""
    site.own = {f"{site.root}/{name}.py" for name in range(70)} | {"/elsewhere.py"}
    site.save({"/elsewhere.py": Kind.CODE, "0.py": Kind.CODE, "app.py": Kind.CODE}, seen={"/elsewhere.py": 7.0})
    assert site.taken == [("/elsewhere.py", 7.0), (f"{site.root}/0.py", 5.0), (f"{site.root}/app.py", 5.0)]
    advice = "To leave the file out altogether: APPLIANCE_IGNORE=*.log,"
    assert site.log.events == [
        ("info", "reload.spared", {"file": name, "action": f"{advice}{name}"}) for name in ("/elsewhere.py", "0.py")
    ]
    assert site.got["spared"] == [{"/elsewhere.py": Kind.CODE, "0.py": Kind.CODE}]
    assert site.got["changed"] == site.got["before"] == [{"app.py": Kind.CODE}]
    assert site.asked == [True]
    site.save({f"{name}.py": Kind.CODE for name in range(30)})
    site.save({f"{name}.py": Kind.CODE for name in range(70)})
    assert len(site.log.named("reload.spared")) == REPORTED_WRITES_MAX
    assert len(site.got["changed"]) == 1
    site.save({"app.py": Kind.CODE})
    assert len(site.got["spared"]) == 3


def test_a_file_for_browsers_restarts_a_worker_that_has_listed_it(site: Site):
    """Pages load a static file at once; where the worker has listed its folder, another worker comes first."""
    style, image = "static/a.css", "media/b.png"
    site.save({style: Kind.STATIC, image: Kind.STATIC})
    assert site.got["assets"] == [[style, image]]
    assert site.got["spared"] == [{style: Kind.STATIC, image: Kind.STATIC}]
    listed = FilesReport(files={}, listed=[f"{site.root}/static"])
    child = worker(1)
    child.started = 0.0
    site.trigger.loaded(child, listed)
    assert site.got["changed"] == [{style: Kind.CODE}]
    site.save({style: Kind.STATIC, image: Kind.STATIC, "app.py": Kind.CODE})
    assert site.got["changed"][1] == {style: Kind.CODE, "app.py": Kind.CODE}
    assert site.got["spared"][1] == {image: Kind.STATIC}
    assert site.asked == [False, False]
    assert site.got["assets"][1:] == [[image]]
    site.trigger.loaded(worker(2), listed)
    assert site.got["assets"][2:] == [[style]]


def test_no_save_fails_before_the_routes_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A save that comes before the parts that take it changes nothing."""
    site = Site(tmp_path, monkeypatch)
    site.save({"app.py": Kind.CODE, "static/a.css": Kind.STATIC})
    site.trigger.noticed("app.py")
    site.advance()
    assert site.loaded == ["app.py"]


def test_a_file_that_changes_again_and_again_is_named(site: Site):
    """The third reload by one file has advice; so has each delay, and only the first delay is a warning."""
    for _ in range(LOOP):
        site.save({"a.ini": Kind.CODE}, busy=True)
    site.advance(DELAY_S[0])
    site.save({"a.ini": Kind.CODE}, busy=True)
    advice = "If a program writes this file and the project need not reload for it, set APPLIANCE_IGNORE=*.log,a.ini"
    assert site.log.events == [
        ("info", "reload.repeated", {"file": "a.ini", "count": OFTEN, "action": advice}),
        ("warning", "reload.held", {"file": "a.ini", "after_s": DELAY_S[0], "action": advice}),
        ("info", "reload.held", {"file": "a.ini", "after_s": 2 * DELAY_S[0], "action": advice}),
    ]


def test_removed_modules_are_remembered(site: Site):
    """The last modules that went are remembered, until one is there again; other files are not."""
    (site.root / "there.py").touch()
    site.save(dict.fromkeys(["there.py", "gone.py", "gone.html", "/else/where.py"], Kind.CODE))
    assert site.trigger.removed_files() == [f"{site.root}/gone.py", "/else/where.py"]
    (site.root / "gone.py").touch()
    site.save({"gone.py": Kind.CODE})
    assert site.trigger.removed_files() == ["/else/where.py"]
    site.save({f"{number}.py": Kind.CODE for number in range(REMOVED_MOST)})
    assert site.trigger.removed_files() == [f"{site.root}/{number}.py" for number in range(REMOVED_MOST)]


def test_a_save_that_may_follow_is_noticed(site: Site):
    """The route for it gets the path; a write without a change of the content uses up the worker's note."""
    site.trigger.noticed("app.py")
    site.trigger.unchanged({"/p/a.html": 3.0})
    assert (site.got["noticed"], site.taken) == ([], [])
    site.advance()
    assert (site.got["noticed"], site.taken) == (["app.py"], [("/p/a.html", 3.0)])


def test_the_watcher_knows_whether_a_worker_serves(site: Site):
    """The worker serves, or is broken, or is on its way."""
    states = {}
    for phase in (Phase.SERVING, Phase.BROKEN, Phase.BOOTING):
        site.lifecycle.state = SimpleNamespace(phase=phase)
        states[phase] = site.trigger.worker_state()
    assert list(states.values()) == [WorkerState.SERVING, WorkerState.BROKEN, WorkerState.BUSY]
