"""The steps before a worker starts, as the lifecycle asks for them: each with its job, its page and its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.config.env import Environment
from appliance.errors import ApplicationError, PreparationError
from appliance.logs.project_output.output_lines import OutputLine
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.steps.analysis import Analysis
from appliance.supervisor.steps.steps import Steps
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, Holding, handle

ERROR = ApplicationError("no application", expected="one", action="write one")


class SecretLog(FakeLog):
    """A log that keeps the values that it has to mask."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: list[Any] = []

    def add_secrets(self, variables: object, more: object = ()) -> None:
        """As the log's."""
        self.secrets.append(variables)


class Project:
    """One project's steps, with processes that only remember and analyses of the test."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.holding: Holding | None = None
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), SecretLog()
        self.events: list[lifecycle_events.Event] = []
        self.failures: list[tuple[lifecycle_events.Action, str]] = []
        self.defect = ""  # of a part that takes each analysis
        self.analysed: list[Analysis] = []
        self.known: list[tuple[Analysis | None, int]] = []  # at each new analysis, and how many events there were
        self.shown: list[tuple[Phase, list[bytes]]] = []
        self.spawned: list[tuple[str, int, Any]] = []
        self.state = SimpleNamespace(phase=Phase.ANALYSING, job=1)
        page: Any = SimpleNamespace(
            output=lambda phase, texts: self.shown.append((phase, list(texts))), expect_install=lambda _: None,
            installs=lambda _: None,
        )  # fmt: skip
        runtime: Any = SimpleNamespace(
            settings=SimpleNamespace(project=root), process={"HOME": "/root"}, log=self.log, loop=self.loop,
            children=self.children,
            lifecycle=SimpleNamespace(
                state=self.state, on_event=self.events.append,
                action_failed=lambda action, error: self.failures.append((action, str(error))),
            ),
        )  # fmt: skip
        environment: Any = SimpleNamespace()
        self.environment = environment
        self.steps = Steps(runtime, ["--offline"], environment, page=page, analysed=[self._analysed], hold=self._hold)
        monkeypatch.setattr(self.steps.before_start, "_spawn", self._spawn)
        monkeypatch.setattr(self.steps.installation, "_spawn", self._spawn_installer)
        self.analyses: list[tuple[Any, Callable[[Any], None]]] = []
        monkeypatch.setattr(self.steps.reanalysis, "analyse", lambda *given: self.analyses.append(given))

    def _analysed(self, analysis: Analysis) -> None:
        if self.defect:
            raise ValueError(self.defect)
        self.analysed.append(analysis)
        self.known.append((self.steps.analysis, len(self.events)))

    def _hold(self, what: str, again: Callable[[], None]) -> bool:
        return self.holding is not None and self.holding(what, again)

    def _spawn(self, role: str, job: int, argv: list[str], **_: object) -> Handle:
        self.spawned.append((role, job, argv))
        return handle(role)

    def _spawn_installer(self, argv: list[str], *, job: int, **options: object) -> Handle:
        self.spawned.append(("installer", job, (argv, options)))
        return handle("installer")

    def performs(self, action: lifecycle_events.Action) -> None:
        """The lifecycle has an action performed."""
        self.steps.performers()[type(action)](action)

    def found(self, *, installed: bool = True, commands: str = "") -> Any:
        """The result of an analysis."""
        target = SimpleNamespace(name="app:app", framework="flask", why="app.py")
        plan = SimpleNamespace(
            interpreter="3.13", because="", passed_over="", installed=installed, fingerprint="f", application="",
            source="requirements.txt", environment=self.root / "env",
        )  # fmt: skip
        parts: Any = (
            Environment({"TOKEN": "hunter2"}, {}, (), ()),
            SimpleNamespace(target=target, unserved=None, root=self.root),
            plan,
            {"PATH": "/venv/bin"},
            commands,
        )
        return Analysis(*parts)

    def analyses_as(self, result: object, job: int = 1) -> None:
        """An analysis for this job has this result."""
        self.performs(lifecycle_events.Analyse(job))
        self.analyses[-1][1](result)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of which nothing is known yet."""
    return Project(tmp_path, monkeypatch)


def test_an_analysis_that_a_part_cannot_take_fails(project: Project):
    """If a part raises an exception at a new analysis, the analysis has failed: nothing waits for it without end."""
    project.defect = "a defect"
    project.analyses_as(project.found())
    assert project.failures == [(lifecycle_events.Analyse(1), "a defect")]
    assert project.events == []


@pytest.mark.parametrize(("installed", "commands"), [(True, ""), (False, "flask db upgrade")])
def test_an_analysis_is_reported(project: Project, installed: bool, commands: str):
    """The lifecycle hears what an analysis has found after everybody who needs it, and its secrets are masked."""
    result = project.found(installed=installed, commands=commands)
    assert project.steps.analysis is None
    project.analyses_as(result)
    assert project.known == [(result, 0)]
    assert project.events == [lifecycle_events.Analysed(1, installed=installed, prepared=not commands)]
    assert project.log.secrets == [{"TOKEN": "hunter2"}]
    assert [name for _, name, _ in project.log.events] == ["project.found"]


def test_each_analysis_knows_the_last_one(project: Project):
    """An analysis gets what is known, and only what has changed since is logged."""
    result = project.found()
    for _ in range(2):
        project.analyses_as(result)
    assert [known for known, _ in project.analyses] == [None, result]
    assert project.analysed == [result, result]
    assert len(project.log.named("project.found")) == 1


def test_the_analysis_of_an_older_job_is_dropped(project: Project):
    """A result that comes after another save is nobody's: neither log nor lifecycle hear of it."""
    project.analyses_as(project.found(), job=2)
    project.analyses_as(ERROR, job=2)
    assert (project.events, project.log.events, project.steps.analysis) == ([], [], None)


def test_an_analysis_that_fails_is_one_error_and_a_page(project: Project):
    """An analysis that fails is one error of the log and a page; what was known before stays known."""
    result = project.found()
    project.analyses_as(result)
    project.analyses_as(ERROR)
    event = project.events[-1]
    assert isinstance(event, lifecycle_events.AnalysisFailed)
    assert (event.job, event.page["action"]) == (1, "write one")
    assert project.log.events[-1] == ("error", ERROR.event, ERROR.fields())
    assert project.steps.analysis is result


def test_the_first_analysis_knows_what_was_read_at_the_start(project: Project):
    """The first analysis does not read and report the environment again that the start has read."""
    assert project.steps.reanalysis._analyst._environment is project.environment


def test_the_installer_is_started_for_the_job(project: Project):
    """The installer runs with the appliance's own flags and environment, in the project's folder, and can be ended."""
    project.performs(lifecycle_events.Install(5))
    options = {"environment": {"HOME": "/root"}, "folder": project.root}
    assert project.spawned == [("installer", 5, (["--offline"], options))]
    assert project.log.named("install.started") == [{"source": ""}]
    project.analyses_as(project.found())
    project.performs(lifecycle_events.Install(6))
    assert project.log.named("install.started")[-1] == {"source": "requirements.txt"}
    project.performs(lifecycle_events.CancelInstall())
    assert len(project.children.retired) == 2


def test_the_commands_are_run_for_the_job(project: Project):
    """The commands of BEFORE_START run as the newest analysis has them, and can be ended; before it, nothing runs."""
    project.performs(lifecycle_events.Prepare(4))
    assert project.spawned == []
    project.analyses_as(project.found(commands="flask db upgrade"))
    project.performs(lifecycle_events.Prepare(5))
    assert project.spawned == [("preparation", 5, ["/bin/sh", "-e", "-c", "flask db upgrade"])]
    project.performs(lifecycle_events.CancelPreparation())
    assert [child for child, _ in project.children.retired] == project.children.alive


def test_what_the_commands_print_is_shown(project: Project):
    """The output of the commands goes to the page of their phase, and is kept for that of a failure."""
    project.children.ended = project.steps.before_start.ended
    project.analyses_as(project.found(commands="false"))
    project.performs(lifecycle_events.Prepare(5))
    project.steps.preparation_output("stdout", [OutputLine(b"one"), OutputLine(b"two")])
    assert project.shown == [(Phase.PREPARING, [b"one", b"two"])]
    project.children.end(project.children.alive[0], 1)
    assert project.log.named(PreparationError.event)[0]["output"] == ["one", "two"]


@pytest.mark.parametrize(
    ("phase", "own", "taken"),
    [(Phase.BROKEN, True, False), (Phase.BROKEN, False, True), (Phase.SERVING, True, True)],
)
def test_files_of_a_failed_command_are_not_a_save(
    project: Project, monkeypatch: pytest.MonkeyPatch, phase: Phase, own: bool, taken: bool
):
    """Files that a command wrote before it failed are not a save; any other save makes the analysis outdated."""
    asked: list[Any] = []

    def wrote(paths: list[Path]) -> bool:
        asked.append(paths)
        return own

    monkeypatch.setattr(project.steps.before_start, "wrote", wrote)
    project.state.phase = phase
    paths = [project.root / "app.py"]
    assert project.steps.saved(paths) is taken
    assert asked == ([paths] if phase is Phase.BROKEN else [])
    assert project.steps.reanalysis._is_fresh is not taken


@pytest.mark.parametrize("phase", [Phase.ANALYSING, Phase.STOPPING])
def test_an_analysis_of_half_the_files_is_reported_only_at_their_end(project: Project, phase: Phase):
    """A project that can't be served yet is reported once no more files come, and not if the appliance stops."""
    project.holding = Holding()
    project.analyses_as(ERROR)
    assert (project.events, project.log.events) == ([], [])
    project.state.phase = phase
    project.holding.release()
    assert len(project.events) == len(project.log.events) == (phase is Phase.ANALYSING)
