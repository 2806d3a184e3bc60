"""Who reads a template: the engine for its cache, or code that may keep it. With real engines, through the audit."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from pathlib import Path

import flask
import jinja2
import pytest
from django.template import Engine

from appliance.worker.files import open_audit, template_readers
from appliance.worker.files.input_files import InputFiles
from appliance.worker.files.open_audit import OpenAudit
from appliance.worker.files.project_places import ProjectPlaces
from appliance.worker.hooks import Hooks


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAudit]:
    """The audit of a project with one template; every ``open`` of this test reaches it."""
    (tmp_path / "page.html").write_text("one\n", encoding="utf-8")
    made = OpenAudit(
        InputFiles(str(tmp_path), -1), ProjectPlaces(str(tmp_path), []), str(tmp_path), r"\.html\Z", Hooks()
    )
    made.begin()
    monkeypatch.chdir(tmp_path)
    yield made
    made._off = True  # a hook can't be removed


def _jinja(folder: Path) -> None:
    jinja2.Environment(loader=jinja2.FileSystemLoader(folder)).get_template("page.html")


def _jinja_chosen(folder: Path) -> None:
    chosen = jinja2.ChoiceLoader([jinja2.DictLoader({}), jinja2.FileSystemLoader(folder)])
    jinja2.Environment(loader=chosen).get_template("page.html")


def _flask(folder: Path) -> None:
    application = flask.Flask("site", root_path=str(folder), template_folder=".")
    with application.app_context():
        flask.render_template("page.html")


def _source_alone(folder: Path) -> None:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder))
    assert environment.loader is not None
    environment.loader.get_source(environment, "page.html")


def _own_loader(folder: Path) -> None:
    def load(name: str) -> str:
        return (folder / name).read_text("utf-8")

    jinja2.Environment(loader=jinja2.FunctionLoader(load)).get_template("page.html")


def _django(folder: Path) -> None:
    Engine(dirs=[str(folder)]).get_template("page.html")


def _django_source_alone(folder: Path) -> None:
    loader = Engine(dirs=[str(folder)], loaders=["django.template.loaders.filesystem.Loader"]).template_loaders[0]
    loader.get_contents(next(iter(loader.get_template_sources("page.html"))))


def _project(folder: Path) -> None:
    (folder / "page.html").read_bytes()


def _lines(folder: Path) -> None:
    linecache.clearcache()
    assert linecache.getline(str(folder / "page.html"), 1) == "one\n"


READERS: dict[Callable[[Path], None], set[str]] = {
    _jinja: {"Jinja"},
    _jinja_chosen: {"Jinja"},
    _flask: {"Jinja"},
    _source_alone: {"others"},
    _own_loader: {"others"},
    _django: {"Django"},
    _django_source_alone: {"others"},
    _project: {"others"},
    _lines: set(),
}


@pytest.mark.parametrize("read", READERS)
def test_the_reader_of_a_template_is_known(audit: OpenAudit, tmp_path: Path, read: Callable[[Path], None]):
    """An engine that fills its cache is known; whatever else gets the text may keep it."""
    audit.end_start()
    read(tmp_path)
    assert audit.readers_of(str(tmp_path / "page.html")) == READERS[read]


def test_all_readers_count(audit: OpenAudit, tmp_path: Path):
    """A file that the engine and the project have read has both as readers, whatever name they used."""
    audit.end_start()
    (tmp_path / "linked.html").symlink_to("page.html")
    _jinja(tmp_path)
    (tmp_path / "linked.html").read_bytes()
    assert audit.readers_of(str(tmp_path / "page.html")) == {"Jinja", "others"}


def test_what_the_import_reads_is_not_known(audit: OpenAudit, tmp_path: Path):
    """A template that was read, or written, while the application was imported may be kept by anybody."""
    assert audit.readers_of(str(tmp_path / "page.html")) is None  # the start goes on
    _jinja(tmp_path)
    (tmp_path / "written.html").write_text("x", encoding="utf-8")
    audit.end_start()
    assert audit.readers_of(str(tmp_path / "page.html")) is None
    assert audit.readers_of(str(tmp_path / "written.html")) is None
    assert audit.readers_of(str(tmp_path / "other.html")) == set()


@pytest.mark.parametrize("path", ["page.css", "page.json", "/elsewhere/page.html"])
def test_what_the_audit_does_not_see(audit: OpenAudit, tmp_path: Path, path: str):
    """Reads of other kinds of files, and of files elsewhere, are not recorded: so nothing is known of them."""
    audit.end_start()
    assert audit.readers_of(str(tmp_path / path)) is None


def test_more_files_than_are_recorded(audit: OpenAudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Once a limit is reached, nothing is certain: of the files of the start, or of those read later."""
    monkeypatch.setattr(template_readers, "MAX_FILES", 1)
    audit.end_start()
    (tmp_path / "other.html").write_text("x", encoding="utf-8")
    _jinja(tmp_path)
    assert audit.readers_of(str(tmp_path / "page.html")) == {"Jinja"}
    (tmp_path / "other.html").read_bytes()
    assert audit.readers_of(str(tmp_path / "page.html")) is None
    monkeypatch.setattr(open_audit, "MAX_READ", 0)
    assert audit.readers_of(str(tmp_path / "page.html")) is None
