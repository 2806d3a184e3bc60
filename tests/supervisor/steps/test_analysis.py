"""The analyses of a project: in a thread, one after the other, and what the log says of changes."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.config.env import Environment, load_environment
from appliance.config.env_content import UnreadPart
from appliance.config.settings import read_settings
from appliance.errors import ApplicationError, ProjectMissingError, SettingsError, StartError
from appliance.protocol.record import replace
from appliance.supervisor.steps.analysis import Analysis, Analyst, analyse
from tests.supervisor.fakes import FakeLog


class Looks:
    """An analyst whose looks are the test's, and the loop that gets the results."""

    def __init__(self) -> None:
        self.posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.results: list[Any] = []
        self.outcome: Any = None
        self.unread: tuple[UnreadPart, ...] = ()
        self.values: dict[str, str] = {}
        self.log = FakeLog()
        self.calls: list[tuple[Any, ...]] = []
        self.read: list[Any] = []
        self.settings, self.process = SimpleNamespace(), {"HOME": "/root"}
        self.first = SimpleNamespace(values={})
        parts: Any = (self.settings, self.process, self.log, self.posted.put, self.first)
        self.analyst = Analyst(*parts, look=self._analyse)

    def _analyse(self, *given: object, before: object, read: Callable[[Any], None]) -> Any:
        self.calls.append((*given, before, threading.current_thread()))
        self.read.append(SimpleNamespace(unread=self.unread, values=self.values))
        read(self.read[-1])
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def look(self, outcome: Any) -> Any:
        """Return the result of one look, in the loop."""
        self.outcome = outcome
        self.analyst.start(None, self.results.append)
        for _ in range(2):  # the environment that was read, then the result
            self.posted.get(timeout=30)()
        return self.results.pop()


@pytest.fixture
def looks() -> Looks:
    """An analyst."""
    return Looks()


def test_a_result_is_handed_to_the_loop(looks: Looks):
    """The result of a look is handed to the loop, and so is an error of the project's."""
    error = ApplicationError("no application", expected="one", action="write one")
    assert looks.look("analysis") == "analysis"
    assert looks.look(error) is error


def test_a_defect_in_an_analysis_is_reported(looks: Looks):
    """A defect of ours never ends a thread silently: it comes back as an error with three parts."""
    error = looks.look(ValueError("a defect"))
    assert all((error.found, error.expected, error.action))


def test_an_unreadable_line_is_logged_once_until_it_changes(looks: Looks):
    """A line of a file that can't be read is logged once, and again when the part changes."""
    looks.unread = (UnreadPart(".env", "no name", "Write NAME=value.", line=3),)
    looks.look("analysis")
    looks.look("analysis")
    looks.unread = (UnreadPart(".env", "no name", "Write NAME=value.", line=4),)
    looks.look("analysis")
    assert [each["line"] for each in looks.log.named("environment.unread")] == [3, 4]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {"APPLIANCE_PORT": "1"}, 1),
        ({"APPLIANCE_PORT": "1"}, {"APPLIANCE_PORT": "2"}, 1),
        ({"APPLIANCE_PORT": "1"}, {"APPLIANCE_PORT": "1"}, 0),
        ({}, {"APPLIANCE_BEFORE_START": "flask db upgrade", "APPLIANCE_APP": "shop", "APPLIANCE_ASGI": "adapt"}, 0),
        ({"DEBUG": "0"}, {"DEBUG": "1"}, 0),
    ],
)
def test_a_changed_setting_of_the_start_counts_at_the_next_start(
    looks: Looks, before: dict[str, str], after: dict[str, str], changed: int
):
    """A setting of ours that has changed in a file counts at the next start; the log says so once, also if it fails."""
    looks.first.values, looks.values = before, after
    looks.look(ApplicationError("no application", expected="one", action="set it"))
    looks.look("analysis")
    event = {"key": "APPLIANCE_PORT", "action": "Restart the appliance to use it."}
    assert looks.log.named("settings.changed") == [event] * changed


def test_a_look_gets_the_known_facts(looks: Looks):
    """A look gets the settings, the environment of the appliance, what is known, and what the last look has read."""
    known: Any = SimpleNamespace()
    looks.look("analysis")
    looks.analyst.start(known, looks.results.append)
    for _ in range(2):
        looks.posted.get(timeout=30)()
    assert [call[:4] for call in looks.calls] == [
        (looks.settings, looks.process, None, looks.first),
        (looks.settings, looks.process, known, looks.read[0]),
    ]
    assert {(call[4].name, call[4].daemon) for call in looks.calls} == {("analysis", True)}


def test_what_an_older_look_has_read_is_dropped(looks: Looks):
    """The values that a look has read count while it is the newest: a later look has read more."""
    looks.unread = (UnreadPart(".env", "no name", "Write NAME=value.", line=3),)
    looks.analyst.start(None, looks.results.append)
    read, result = looks.posted.get(timeout=30), looks.posted.get(timeout=30)
    looks.unread = ()
    looks.look("newer")
    read()
    result()
    assert looks.log.events == []
    looks.look("newest")
    assert looks.calls[-1][3] is looks.read[1]


@pytest.mark.parametrize("line", [0, 3])
def test_an_unread_part_is_a_warning(looks: Looks, line: int):
    """A part that can't be read is a warning with the file, its line if there is one, the reason and the action."""
    looks.unread = (UnreadPart(".env", "no name", "Write NAME=value.", line=line, count=2),)
    looks.look("analysis")
    where = {"file": ".env", **({"line": line} if line else {})}
    fields = {**where, "reason": "no name", "count": 2, "action": "Write NAME=value."}
    assert looks.log.events == [("warning", "environment.unread", fields)]


def test_an_analysis_without_a_thread_is_an_error(looks: Looks, monkeypatch: pytest.MonkeyPatch):
    """If no thread can be started, the error says so."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(StartError, match="the thread that analyses the project can't be started"):
        looks.analyst.start(None, looks.results.append)


def test_an_analysis_differs_if_its_worker_would():
    """An analysis differs where a worker of it would: by application, environment or variables, and nothing else."""
    parts: dict[str, Any] = {
        "environment": SimpleNamespace(), "project": SimpleNamespace(target="app:app", root=Path("/project")),
        "plan": "plan", "variables": {"A": "1"},
    }  # fmt: skip
    known = Analysis(**parts)
    assert not Analysis(**{**parts, "environment": SimpleNamespace()}).differs(known)
    assert not Analysis(**parts, before_start="flask db upgrade").differs(known)
    other = SimpleNamespace(target="wsgi:application")
    for part, value in {"plan": "other", "variables": {}, "project": other}.items():
        assert Analysis(**{**parts, part: value}).differs(known)


APPS = Path(__file__).parents[2] / "apps"
FOUND = ("plain", "flask_notes", "django_site", "rule_package", "rule_wsgi_file", "rule_django_settings", "rule_tool")
NAMED = {"plain": "wsgi:application", "flask_notes": "app:app", "rule_package": "corner_shop.web:page"}


@pytest.mark.parametrize(("app", "name"), [*((app, "") for app in FOUND), *NAMED.items()])
def test_a_file_that_was_just_broken_keeps_its_application(app: str, name: str, tmp_path: Path):
    """A syntax error in any file changes nothing about the project: the next good save is forked."""
    project = tmp_path / "project"
    shutil.copytree(APPS / app, project, ignore=shutil.ignore_patterns("__pycache__"))
    flags = {"project": str(project), "cache": str(tmp_path / "cache"), **({"app": name} if name else {})}
    settings = read_settings({}, {}, flags, project)
    good = analyse(settings, {})
    for file in sorted(project.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for broken in ("def (\n", f"{text}\ndef (\n"):
            file.write_text(broken, encoding="utf-8")
            assert not analyse(settings, {}, good.project).differs(good), file
        file.write_text(text, encoding="utf-8")


def test_a_file_that_is_about_to_be_written_keeps_its_application(tmp_path: Path):
    """An empty file, which an editor has only begun to write, does not make the named application another one."""
    app = tmp_path / "app.py"
    app.write_text("import flask\napp = flask.Flask(__name__)\n", encoding="utf-8")
    flags = {"project": str(tmp_path), "cache": str(tmp_path / "cache"), "app": "app:app"}
    settings = read_settings({}, {}, flags, tmp_path)
    good = analyse(settings, {})
    app.write_text("", encoding="utf-8")
    assert not analyse(settings, {}, good.project).differs(good)


def test_a_file_that_was_broken_before_keeps_nothing(tmp_path: Path):
    """With a file that never could be parsed, another application is noticed as usual."""
    (tmp_path / "wsgi.py").write_text("print 'an old Python'\n", encoding="utf-8")
    app = tmp_path / "app.py"
    app.write_text("def application(environ, start_response): ...\n", encoding="utf-8")
    settings = read_settings({}, {}, {"project": str(tmp_path), "cache": str(tmp_path / "cache")}, tmp_path)
    known = analyse(settings, {})
    app.write_text("import flask\nweb = flask.Flask(__name__)\n", encoding="utf-8")
    assert analyse(settings, {}, known.project).differs(known)


class Folder:
    """A project in a folder, which is really analysed."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.root.mkdir()
        self.cache = root / "cache"
        self.write("app.py", "import flask\napp = flask.Flask(__name__)\n")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.root / name).write_text(text, encoding="utf-8")

    def analyse(self, known: Any = None, process: dict[str, str] | None = None, **flags: str) -> Analysis:
        """Analyse the project as an appliance with these flags does."""
        process = process or {}
        flags = {"project": str(self.root), "cache": str(self.cache), **flags}
        return analyse(read_settings(process, process, flags, self.root), process, known)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A Flask project."""
    return Folder(tmp_path)


def test_the_commands_are_read_each_time(folder: Folder):
    """The commands of BEFORE_START are those of the file as it is now; a flag of the command line stands above it."""
    assert folder.analyse().before_start == ""
    folder.write(".env", "APPLIANCE_BEFORE_START=' flask db upgrade '\n")
    assert folder.analyse().before_start == "flask db upgrade"
    assert folder.analyse(before_start="flask init").before_start == "flask init"


def test_the_application_is_the_one_that_is_named_now(folder: Folder):
    """The application is the one that the file names now; a flag wins, and a bad value is an error."""
    folder.write("other.py", (folder.root / "app.py").read_text(encoding="utf-8"))
    folder.write(".env", "APPLIANCE_APP=other:app\nAPPLIANCE_ASGI=adapt\n")
    found = folder.analyse(folder.analyse().project)
    assert (found.project.target.name, found.adapts) == ("other:app", True)
    assert folder.analyse(app="app:app").project.target.name == "app:app"
    folder.write(".env", "APPLIANCE_ASGI=adapted\n")
    settings = read_settings({}, {}, {"project": str(folder.root), "cache": str(folder.cache)}, folder.root)
    with pytest.raises(SettingsError, match="adapted"):
        analyse(settings, {})


def test_the_environment_is_reported_before_the_rest_fails(folder: Folder):
    """The environment is reported as soon as it is read: an unread part may explain a later failure."""
    folder.write(".env", "TOKEN=x\n")
    (folder.root / "app.py").unlink()
    told: list[Any] = []
    settings = read_settings({}, {}, {"project": str(folder.root), "cache": str(folder.cache)}, folder.root)
    with pytest.raises(ApplicationError):
        analyse(settings, {}, read=told.append)
    assert [each.values["TOKEN"] for each in told] == ["x"]


def test_a_folder_that_has_gone_is_an_error_of_its_own(folder: Folder):
    """A folder that has gone since the start is an error of its own, and not a project without an application."""
    folder.analyse()
    shutil.rmtree(folder.root)
    with pytest.raises(ProjectMissingError):
        folder.analyse()


def test_an_application_is_kept_while_its_file_is_there(folder: Folder):
    """An application is kept while its file is there, and no longer."""
    known = folder.analyse().project
    folder.write("app.py", "")
    assert folder.analyse(known).project is known
    (folder.root / "app.py").unlink()
    with pytest.raises(ApplicationError):
        folder.analyse(known)


def test_an_application_without_a_file_is_kept_by_a_broken_one(folder: Folder):
    """An application without a file is kept if another file was just broken, and not by one that was before."""
    found = folder.analyse().project
    nowhere = replace(found, target=replace(found.target, file=""))
    (folder.root / "app.py").unlink()
    with pytest.raises(ApplicationError):
        folder.analyse(nowhere)
    folder.write("other.py", "def (\n")
    assert folder.analyse(nowhere).project is nowhere
    with pytest.raises(ApplicationError) as raised:
        folder.analyse()
    with pytest.raises(ApplicationError):
        folder.analyse(replace(nowhere, unparsed=raised.value.unparsed))


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", True), (" \n" * 500, True), (" " * 1023, True), (" " * 1024, False), ("import flask\n", False)],
)
def test_an_empty_file_is_about_to_be_written(folder: Folder, text: str, kept: bool):
    """A small file of white space is what an editor has only begun to write; any other content is a save."""
    known = folder.analyse(app="app.py").project
    folder.write("app.py", text)
    assert (folder.analyse(known, app="app.py").project is known) is kept


def test_another_application_is_noticed(folder: Folder):
    """An application that was renamed in a good save is another one at once."""
    known = folder.analyse().project
    folder.write("app.py", "import flask\nsite = flask.Flask(__name__)\n")
    found = folder.analyse(known).project
    assert (known.target.name, found.target.name) == ("app:app", "app:site")


def test_what_another_broken_file_says_is_known(folder: Folder):
    """An application that is the same is taken as it is found now, with the files that can't be parsed."""
    known = folder.analyse().project
    folder.write("wsgi.py", "def (\n")
    found = folder.analyse(known).project
    assert found.target == known.target
    assert found.unparsed > known.unparsed


def test_a_broken_file_does_not_bring_an_application_back(folder: Folder):
    """An application whose file has gone is not kept by another file that was just broken, if there is another one."""
    known = folder.analyse().project
    (folder.root / "app.py").unlink()
    folder.write("main.py", "import flask\napp = flask.Flask(__name__)\n")
    folder.write("wsgi.py", "def (\n")
    found = folder.analyse(known).project
    assert (found.target.name, len(found.unparsed - known.unparsed)) == ("main:app", 1)


def test_a_worker_has_the_variables_of_the_projects_files(folder: Folder):
    """A worker has the variables of the project's files, and those that its application cannot do without."""
    (folder.root / "app.py").unlink()
    shutil.copytree(APPS / "django_site", folder.root, dirs_exist_ok=True)
    folder.write(".env", "TOKEN=x\n")
    variables = folder.analyse().variables
    assert variables["TOKEN"] == "x"
    assert "settings" in variables["DJANGO_SETTINGS_MODULE"]


def test_dependencies_beside_the_application_count(folder: Folder):
    """In a repository of several projects the files beside the application say what it needs."""
    backend = folder.root / "backend"
    backend.mkdir()
    (folder.root / "app.py").rename(backend / "app.py")
    for part in ("admin", "backend", "worker"):
        (folder.root / part).mkdir(exist_ok=True)
        (folder.root / part / "requirements.txt").write_text("flask\n", encoding="utf-8")
    planned = folder.analyse(app="backend/app.py").plan
    assert planned.source == "backend/requirements.txt"


def test_an_asgi_application_is_served_if_it_may_be_adapted(folder: Folder):
    """An ASGI application is found only with APPLIANCE_ASGI=adapt, with what to do about its WebSockets."""
    assert folder.analyse().websockets == ""
    folder.write("app.py", "import fastapi\napp = fastapi.FastAPI()\n\n@app.websocket('/ws')\nasync def ws(w): ...\n")
    with pytest.raises(ApplicationError, match="ASGI"):
        folder.analyse()
    adapted = folder.analyse(asgi="adapt")
    assert adapted.project.target.name == "app:app"
    assert "app:app" in adapted.websockets


def test_what_was_read_before_is_known(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    """The environment is read with the result of the last read: what came through a pipe comes once."""
    given: list[Environment | None] = []

    def load(*parts: Any, **options: Any) -> Environment:
        given.append(parts[3])
        return load_environment(*parts, **options)

    monkeypatch.setattr("appliance.supervisor.steps.analysis.load_environment", load)
    settings = read_settings({}, {}, {"project": str(folder.root), "cache": str(folder.cache)}, folder.root)
    before = analyse(settings, {}).environment
    analyse(settings, {}, before=before)
    assert given == [None, before]
