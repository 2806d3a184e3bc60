"""The files that a process opens: inputs among the reads, and reported writes. Live workers try the hook itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.watch.kinds import watched_names
from appliance.worker.files.input_files import InputFiles
from appliance.worker.files.open_audit import OpenAudit
from appliance.worker.files.project_places import ProjectPlaces
from appliance.worker.hooks import Hooks


class Opening:
    """One worker's audit; what it tells."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hooks = Hooks()
        self.inputs = InputFiles(str(root), -1)
        self.written: list[str] = []
        self.inputs.record_write = self.written.append  # type: ignore[method-assign,assignment]  # the pipe's other end
        self.opened = OpenAudit(self.inputs, ProjectPlaces(str(root), []), str(root), watched_names((), ()), self.hooks)

    def opens(self, path: Any, flags: int = os.O_RDONLY) -> None:
        """As ``open`` raises it."""
        self.opened.file_opened((path, "r", flags))

    @property
    def record(self) -> list[str]:
        """The files that are inputs, relative to the project."""
        return [os.path.relpath(path, self.root) for path in self.inputs.files]


@pytest.fixture
def opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opening:
    """In a project's folder."""
    monkeypatch.chdir(tmp_path)
    return Opening(tmp_path)


@pytest.mark.parametrize(
    ("name", "is_input"),
    [
        ("instance/config.py", True),
        ("config.yaml", True),
        ("data/prices.csv", True),
        ("site.log", False),
        ("site.log.1", False),
        ("db.sqlite3", False),
        ("db.sqlite3-journal", False),
        (".coverage", False),
        (".coverage.host.123", False),
        ("__pycache__/app.cpython-313.pyc", False),
        (".git/HEAD", False),
        ("node_modules/x/package.json", False),
        (".venv/lib/python3.13/site-packages/flask/app.py", False),
        ("server.pid", False),
        ("../other/config.yaml", False),
    ],
)
def test_files_that_a_start_reads_are_inputs(opening: Opening, name: str, is_input: bool):
    """Files of the project that are read at the start are inputs; logs, databases, caches and packages are none."""
    opening.opens(name)
    opening.opens(str(opening.root / name))
    assert opening.record == [name] * is_input


PACKAGES = "/env/lib/python3.13/site-packages"


@pytest.mark.parametrize(
    ("name", "by", "file", "is_input"),
    [
        ("page.html", "jinja2.loaders", f"{PACKAGES}/jinja2/loaders.py", True),
        ("page.html", "django.template.loaders.filesystem", f"{PACKAGES}/django/template/x.py", True),
        ("page.tpl", "bottle", f"{PACKAGES}/bottle.py", True),
        ("page.html", "views", "views.py", True),
        ("page.html", "werkzeug.utils", f"{PACKAGES}/werkzeug/utils.py", False),
        ("data.csv", "views", "views.py", False),
    ],
)
def test_a_file_read_while_serving_is_not_an_input(opening: Opening, name: str, by: str, file: str, is_input: bool):
    """Once the worker serves, a file that is read is not an input, except templates and the project's own code."""
    opening.opened.starting = False
    path = file if file.startswith("/") else str(opening.root / file)
    code = compile(f"opened(({name!r}, 'r', 0))", path, "exec")
    exec(code, {"opened": opening.opened.file_opened, "__name__": by})
    assert opening.record == [name] * is_input


def test_folders_that_a_start_lists_are_noted(opening: Opening):
    """The project's folders that are listed while it starts are noted, but not those that the import system lists."""
    lists = opening.opened.folder_listed
    for path in ("static", str(opening.root / "static/css"), "../other", "node_modules/../static", 7):
        lists("os.scandir", (path,))
    for folder, file in (("src", "<frozen importlib._bootstrap_external>"), ("themes", "app.py")):
        exec(compile(f"lists('os.listdir', ('{folder}',))", file, "exec"), {"lists": hooked(lists)})
    opening.opened.starting = False
    lists("os.scandir", ("uploads",))
    assert {os.path.relpath(path, opening.root) for path in opening.inputs.listed} == {"static", "static/css", "themes"}
    assert opening.hooks.dropped == set()


def test_the_current_folder_is_noted_however_a_start_lists_it(opening: Opening):
    """A start that lists the project's folder without naming it is as one that names it."""
    opening.opened.folder_listed("os.scandir", (None,))
    assert opening.inputs.listed == {str(opening.root)}


def hooked(method: Callable[..., None]) -> Callable[..., None]:
    """Call the method as the audit hook does: from a frame of its own."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        method(event, arguments)

    return hook


def test_the_files_opened_at_start_are_bounded(opening: Opening, monkeypatch: pytest.MonkeyPatch):
    """A project that reads a thousand files at its start has some of them watched."""
    monkeypatch.setattr("appliance.worker.files.open_audit.MAX_READ", 5)
    for number in range(20):
        opening.opens(f"{number}.json")
    assert len(opening.record) == 5


def test_writes_of_watched_files_are_reported(opening: Opening):
    """Writes of files that may be watched are reported, each before it happens, whatever their path is made of."""
    write = os.O_WRONLY | os.O_CREAT
    paths: list[Any] = ["report.html", b"app.py", opening.root / "deep/site.ini", f"{opening.root}/requirements.txt"]
    others: list[Any] = ["upload.jpg", "site.log", "/elsewhere/page.html", "/dev/null", 7, None]
    for path in (*paths, *others):
        opening.opens(path, write)
    names = ["report.html", "app.py", "deep/site.ini", "requirements.txt"]
    assert opening.written == [str(opening.root / name) for name in names]


def test_a_file_that_a_start_reads_and_writes_is_not_an_input(opening: Opening):
    """A file that the start reads and writes is not an input; while it serves, a write of an input is reported."""
    opening.opens("state.json")
    opening.opens("state.json", os.O_RDWR)
    opening.opens("state.json")
    assert opening.record == []
    opening.opens("config.yaml")
    opening.opened.starting = False
    opening.opens("config.yaml", os.O_WRONLY)
    assert opening.written[-1] == str(opening.root / "config.yaml")


@pytest.mark.parametrize(
    ("event", "arguments", "paths"),
    [
        ("os.rename", ("a.html.tmp", "a.html", -1, -1), ["a.html"]),
        ("os.rename", ("a.html", "b.html", -1, -1), ["a.html", "b.html"]),
        ("os.remove", ("a.html", 10**6), []),
        ("os.remove", ("a.html", -1), ["a.html"]),
        ("os.truncate", ("a.html", 0), ["a.html"]),
        ("os.truncate", (3, 0), []),
        ("os.link", ("a.jpg", "a.html", -1, -1), ["a.html"]),
        ("os.symlink", ("a.jpg", "a.html", -1), ["a.html"]),
    ],
)
def test_renames_removals_and_links_are_changes(
    opening: Opening, event: str, arguments: tuple[Any, ...], paths: list[str]
):
    """A rename, a removal and a link change a file too."""
    opening.opened.files_changed(event, arguments)
    assert opening.written == [str(opening.root / name) for name in paths]


def test_a_name_relative_to_an_open_folder_is_known(opening: Opening):
    """A name that is relative to an open folder, as in ``shutil.rmtree``, is known."""
    (opening.root / "pages").mkdir()
    folder = os.open(opening.root / "pages", os.O_RDONLY)
    opening.opened.files_changed("os.remove", ("a.html", folder))
    opening.opened.files_changed("os.rename", ("b.html", "c.html", folder, folder))
    os.close(folder)
    assert opening.written == [f"{opening.root}/pages/{name}.html" for name in "abc"]


def test_the_files_of_a_renamed_folder_change_with_it(opening: Opening, monkeypatch: pytest.MonkeyPatch):
    """The files in a renamed folder change with it, under both names; of a folder of many files, some."""
    (opening.root / "old" / "deep").mkdir(parents=True)
    for name in ("one.html", "data.bin", "deep/two.py"):
        (opening.root / "old" / name).touch()
    opening.opened.files_changed("os.rename", ("old", "new", -1, -1))
    assert sorted(os.path.relpath(each, opening.root) for each in opening.written) == [
        "new/deep/two.py", "new/one.html", "old/deep/two.py", "old/one.html",
    ]  # fmt: skip
    opening.written.clear()
    monkeypatch.setattr("appliance.worker.files.open_audit.MAX_MOVED", 2)
    opening.opened.files_changed("os.rename", ("old", "new", -1, -1))
    assert len(opening.written) == 2


@pytest.mark.parametrize(
    "arguments",
    [(), ("a.html",), (object(), None, "x"), (object(), "w", 1), ("a\0b.html", "w", 1), ("\udce9.html", "w", 1)],
)
def test_no_audit_event_makes_open_fail(opening: Opening, arguments: tuple[Any, ...]):
    """The project's ``open`` does not fail for any content of an audit event, and the next event is seen."""
    opening.opened.file_opened(arguments)
    opening.opened.files_changed("os.rename", arguments)
    assert opening.hooks.dropped == set()


def test_a_failing_audit_hook_is_reported_once_and_left_out(opening: Opening, monkeypatch: pytest.MonkeyPatch):
    """A failure of ours in the hook is not the project's; the hook is reported once, and left out from then on."""
    monkeypatch.setattr(opening.inputs, "absolute", lambda _: 1 / 0)
    reports: list[str] = []
    opening.hooks.report_to(lambda level, event, fields: reports.append(f"{level} {event} {fields['hook']}"))
    for _ in range(2):
        opening.opens("a.html", os.O_WRONLY)
        opening.opened.files_changed("os.remove", ("a.html", -1))
    assert reports == ["debug hook.dropped opened files"]
