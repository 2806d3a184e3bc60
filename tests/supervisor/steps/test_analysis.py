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

from appliance.config.env_content import UnreadPart
from appliance.config.settings import read_settings
from appliance.errors import ApplicationError, StartError
from appliance.supervisor.steps.analysis import Analysis, Analyst, analyse, log_changes
from tests.supervisor.fakes import FakeLog


def found(**changes: Any) -> Any:
    """A result, as far as the log looks at it."""
    given = {
        "name": "app:app", "framework": "flask", "why": "app.py", "because": "", "passed_over": "", "hidden": (),
        "values": {}, "unserved": None, **changes,
    }  # fmt: skip
    target = SimpleNamespace(**{key: given[key] for key in ("name", "framework", "why")})
    plan = SimpleNamespace(interpreter="3.13", because=given["because"], passed_over=given["passed_over"])
    return SimpleNamespace(
        project=SimpleNamespace(target=target, unserved=given["unserved"]), plan=plan,
        environment=SimpleNamespace(hidden=given["hidden"], values=given["values"]),
    )  # fmt: skip


def reported(known: Any, now: Any) -> list[str]:
    """The events that the log is told."""
    log: Any = FakeLog()
    log_changes(log, known, now)
    return [event for _, event, _ in log.events]


def test_what_is_found_is_told_once():
    """The first analysis tells of the application; the same one again tells nothing."""
    first = found()
    assert (reported(None, first), reported(first, first)) == (["project.found"], [])


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({"name": "wsgi:application"}, ["project.found"]),
        ({"because": "requires-python"}, ["interpreter.chosen"]),
        ({"passed_over": "3.7"}, ["interpreter.substituted"]),
        ({"hidden": (("PATH", ".env"),)}, ["environment.hidden"]),
        ({"values": {"APPLIANCE_PORT": "1"}}, ["settings.changed"]),
        ({"values": {"APPLIANCE_BEFORE_START": "flask db upgrade"}}, []),
        ({"values": {"DEBUG": "1"}}, []),
        (
            {"unserved": SimpleNamespace(routes=("/ws",), application="app:api", action="Use an ASGI server.")},
            ["asgi.unserved"],
        ),
    ],
)
def test_what_has_changed_is_reported(changes: dict[str, Any], events: list[str]):
    """Each thing that is otherwise than before is one event, and nothing else is told again."""
    target = {"framework": "flask", "why": "app.py", **changes}
    known = found()
    now = found(**target)
    if "name" not in changes:
        now.project.target = known.project.target
    assert reported(known, now) == events


class Looks:
    """An analyst whose looks are the test's, and the loop that is told."""

    def __init__(self) -> None:
        self.posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.results: list[Any] = []
        self.outcome: Any = None
        self.unread: tuple[UnreadPart, ...] = ()
        self.log = FakeLog()
        parts: Any = (SimpleNamespace(), {}, self.log, self.posted.put)
        self.analyst = Analyst(*parts, look=self._analyse)

    def _analyse(self, *_: object, read: Callable[[Any], None], **__: object) -> Any:
        read(SimpleNamespace(unread=self.unread))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def look(self, outcome: Any) -> Any:
        """What comes of one look, in the loop."""
        self.outcome = outcome
        self.analyst.start(None, self.results.append)
        for _ in range(2):  # the environment that was read, then the result
            self.posted.get(timeout=30)()
        return self.results.pop()


@pytest.fixture
def looks() -> Looks:
    """An analyst."""
    return Looks()


def test_a_look_is_told_in_the_loop(looks: Looks):
    """The result of a look is handed to the loop, and so is an error of the project's."""
    error = ApplicationError("no application", expected="one", action="write one")
    assert looks.look("analysis") == "analysis"
    assert looks.look(error) is error


def test_a_defect_is_told_too(looks: Looks):
    """A defect of ours never ends a thread silently: it comes back as an error with three parts."""
    error = looks.look(ValueError("a defect"))
    assert all((error.found, error.expected, error.action))


def test_a_file_that_is_not_read(looks: Looks):
    """A line of a file that can't be read is logged once, and again when the part changes."""
    looks.unread = (UnreadPart(".env", "no name", "Write NAME=value.", line=3),)
    looks.look("analysis")
    looks.look("analysis")
    looks.unread = (UnreadPart(".env", "no name", "Write NAME=value.", line=4),)
    looks.look("analysis")
    assert [each["line"] for each in looks.log.named("environment.unread")] == [3, 4]


def test_no_thread_for_a_look(looks: Looks, monkeypatch: pytest.MonkeyPatch):
    """Where no thread can be started that is an error that says so."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(StartError):
        looks.analyst.start(None, looks.results.append)


def test_another_worker_would_be_another_one():
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
    """Beside a file that never could be parsed, another application is noticed as ever."""
    (tmp_path / "wsgi.py").write_text("print 'an old Python'\n", encoding="utf-8")
    app = tmp_path / "app.py"
    app.write_text("def application(environ, start_response): ...\n", encoding="utf-8")
    settings = read_settings({}, {}, {"project": str(tmp_path), "cache": str(tmp_path / "cache")}, tmp_path)
    known = analyse(settings, {})
    app.write_text("import flask\nweb = flask.Flask(__name__)\n", encoding="utf-8")
    assert analyse(settings, {}, known.project).differs(known)
