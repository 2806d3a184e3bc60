"""Which saved templates are read again without a new worker: with real engines, and every doubt is a restart."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import jinja2
import pytest
from django.template import Engine

from appliance.worker.frameworks import django_templates, live_objects, rereading

ROOT = Path(__file__).parents[3]
JINJA, DJANGO = {"Jinja"}, {"Django"}
KEPT = "the application keeps the compiled template"


class Look:
    """One look at this process: at the engines that the test has made, since other tests have left theirs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.engines: list[Any] = []
        self.application: Any = None
        self.made: list[weakref.ref[Any]] = []
        look = self

        class OwnObjects(live_objects.LiveObjects):
            def __init__(self, classes: list[type], *, frozen: live_objects.References | None = ()) -> None:
                super().__init__(classes, frozen=frozen)
                self._found = [each for each in self._found if look._counts(each)]
                look.made.append(weakref.ref(self))

        monkeypatch.setattr(rereading, "LiveObjects", OwnObjects)

    def _counts(self, found: Any) -> bool:
        if isinstance(found, functools._lru_cache_wrapper):
            return True
        owner = getattr(found, "environment", None) or getattr(found, "engine", None) or found
        return any(owner is engine or owner is getattr(engine, "loader", None) for engine in self.engines)

    def write(self, name: str, text: str) -> Path:
        """Save a file, later than any before it."""
        file = self.folder / name
        old = file.stat().st_mtime_ns if file.exists() else 0
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(old + 10**9, old + 10**9))
        return file

    def jinja(self, **options: Any) -> Any:
        """An environment of Jinja."""
        self.engines.append(jinja2.Environment(loader=jinja2.FileSystemLoader(self.folder), **options))
        return self.engines[-1]

    def django(self, **options: Any) -> Any:
        """An engine of Django with its cached loader, as a project has it with DEBUG."""
        plain = "django.template.loaders.filesystem.Loader"
        loaders = options.pop("loaders", [("django.template.loaders.cached.Loader", [plain])])
        self.engines.append(Engine(dirs=[str(self.folder)], loaders=loaders, **{"debug": True, **options}))
        return self.engines[-1]

    def __call__(self, *names: str, readers: set[str] | None = JINJA) -> str:
        """Why these saved files need a new worker."""
        paths = [str(self.folder / name) for name in names]
        return rereading.objection(paths, lambda _: readers, self.application, lambda file: file == __file__)


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """In a folder of templates."""
    made = Look(tmp_path, monkeypatch)
    made.write("page.html", "one")
    return made


def test_jinja_reads_a_saved_template_again(look: Look):
    """With auto_reload a template is read again each time: older compiled ones are garbage, and need no restart."""
    environment = look.jinja()
    assert environment.get_template("page.html").render() == "one"
    for text in ("two", "three", "four"):
        look.write("page.html", text)
        assert look("page.html") == ""
        assert environment.get_template("page.html").render() == text


def test_a_look_keeps_nothing(look: Look):
    """The found objects are released at the end, without the collector: the next look counts references."""
    look.jinja().get_template("page.html")
    look.write("page.html", "two")
    assert look("page.html") == ""
    assert [each() for each in look.made] == [None]


def test_flask_reads_templates_again_in_debug_mode(look: Look):
    """In debug mode a template is read again; without it is not. A page that was never used needs no restart."""
    for debug in (True, False):
        application = flask.Flask("site", root_path=str(look.folder), template_folder=".")
        application.debug = debug
        look.engines.append(application.jinja_env)
        look.application = application
        look.write("page.html", f"used {debug}")
        assert look("page.html", readers=set()) == ""
        with application.app_context():
            flask.render_template("page.html")
        look.write("page.html", f"saved {debug}")
        assert ("auto_reload" in look("page.html")) is not debug


def test_an_engine_that_caches_needs_no_search(look: Look, monkeypatch: pytest.MonkeyPatch):
    """Flask without debug mode and Django without DEBUG are restarted as soon as before."""
    application = flask.Flask("site", root_path=str(look.folder), template_folder=".")
    assert not application.jinja_env.auto_reload
    look.application = application
    assert "auto_reload" in look("page.html")
    settings = SimpleNamespace(configured=True, DEBUG=False)
    monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=settings))
    assert "without DEBUG" in look("page.html", readers=DJANGO)
    assert look.made == []


def test_the_second_save_of_one_tick_is_shown(look: Look):
    """Two such saves have one modification time, by which Jinja would go on showing the first."""
    environment = look.jinja()
    for number, file in enumerate([look.write("page.html", "first"), look.write("page.html", "second")]):
        environment.get_template("page.html")
        before = file.stat().st_mtime_ns
        file.write_text(f"saved {number}", encoding="utf-8")
        os.utime(file, ns=(before, before))
        assert look("page.html") == ""
        assert environment.get_template("page.html").render() == f"saved {number}"


def test_a_template_that_the_application_keeps_needs_a_restart(look: Look):
    """A compiled template in a variable of the project is never read again, whether Jinja's cache has it or not."""
    environment = look.jinja()
    kept = environment.get_template("page.html")
    look.write("page.html", "two")
    assert look("page.html").startswith(KEPT)
    environment.get_template("page.html")
    look.write("page.html", "three")
    assert look("page.html").startswith(KEPT)
    del kept
    assert look("page.html") == ""


@pytest.mark.parametrize("saved", ["macros.html", "inner.html"])
def test_macros_that_jinja_keeps_need_a_restart(look: Look, saved: str):
    """A template that was imported keeps its macros, and those that it has imported itself."""
    environment = look.jinja()
    look.write("inner.html", "{% macro inner() %}one{% endmacro %}")
    look.write("macros.html", '{% import "inner.html" as i %}{% macro outer() %}{{ i.inner() }}{% endmacro %}')
    look.write("page.html", '{% import "macros.html" as m %}{{ m.outer() }}')
    assert environment.get_template("page.html").render() == "one"
    look.write(saved, (look.folder / saved).read_text("utf-8") + " ")
    assert "macros" in look(saved)


def test_a_new_template_replaces_one_of_a_later_folder(look: Look):
    """Jinja goes on with the template of a later folder, although a folder before it has one now."""
    (look.folder / "first").mkdir()
    environment = look.jinja()
    environment.loader = jinja2.FileSystemLoader([look.folder / "first", look.folder])
    environment.get_template("page.html")
    look.write("first/page.html", "first")
    assert "another template of this name" in look("first/page.html", readers=set())


def test_a_broken_template_is_kept_nowhere(look: Look):
    """A template that could not be compiled is not kept, and its correction is read."""
    environment = look.jinja()
    look.write("page.html", "{% if %}")
    with pytest.raises(jinja2.TemplateSyntaxError):
        environment.get_template("page.html")
    look.write("page.html", "two")
    assert look("page.html") == ""


@pytest.mark.parametrize("options", [{}, {"loaders": ["django.template.loaders.filesystem.Loader"]}])
def test_django_reads_a_saved_template_again(look: Look, options: dict[str, Any]):
    """With DEBUG, with the cached loader and without: also one that was looked for before it existed."""
    engine = look.django(**options)
    assert engine.get_template("page.html").source == "one"
    with pytest.raises(Exception, match=r"new\.html"):
        engine.get_template("new.html")
    for text in ("two", "three"):
        look.write("page.html", text)
        look.write("new.html", text)
        assert look("page.html", "new.html", readers=DJANGO) == ""
        assert engine.get_template("page.html").source == text
        assert engine.get_template("new.html").source == text


def test_django_without_debug_keeps_its_templates(look: Look):
    """An engine without DEBUG keeps what it has read."""
    engine = look.django(debug=False)
    engine.get_template("page.html")
    look.write("page.html", "two")
    assert "without DEBUG" in look("page.html", readers=DJANGO)
    assert engine.get_template("page.html").source == "one"


@pytest.mark.parametrize("options", [{}, {"loaders": ["django.template.loaders.filesystem.Loader"]}])
def test_a_django_template_that_the_application_keeps_needs_a_restart(look: Look, options: dict[str, Any]):
    """A template that the application keeps is never read again, and nothing is reset for it."""
    engine = look.django(**options)
    kept = engine.get_template("page.html")
    look.write("page.html", "two")
    assert look("page.html", readers=DJANGO).startswith(KEPT)
    del kept
    assert look("page.html", readers=DJANGO) == ""


def test_an_unknown_loader_of_django_needs_a_restart(look: Look, monkeypatch: pytest.MonkeyPatch):
    """Another loader may cache: a restart."""
    engine = look.django()
    monkeypatch.setattr(type(engine.template_loaders[0].loaders[0]), "__module__", "shop.loaders")
    assert "shop.loaders" in look("page.html", readers=DJANGO)


@pytest.mark.parametrize("key", [":1:template.cache.sidebar.abc", ":1:views.decorators.cache.cache_page.abc"])
def test_rendered_pages_in_djangos_memory_cache_need_a_restart(look: Look, monkeypatch: pytest.MonkeyPatch, key: str):
    """Pages from templates in the memory cache end with the worker; other values in the cache do not matter."""
    look.django()
    from django.core.cache.backends import locmem  # noqa: PLC0415  the engine has loaded it

    monkeypatch.setattr(locmem, "_caches", {"": {":1:something": 1}})
    assert look("page.html", readers=DJANGO) == ""
    locmem._caches[""][key] = b"old"
    assert "cache in memory" in look("page.html", readers=DJANGO)


def test_a_function_that_keeps_markup_needs_a_restart(look: Look):
    """functools.lru_cache of the project's own may keep what was rendered; other values do not matter."""
    environment = look.jinja()

    @functools.lru_cache(maxsize=2)
    def rendered(what: str) -> str:
        return what

    rendered("a name")
    environment.get_template("page.html")
    look.write("page.html", "two")
    assert look("page.html") == ""
    rendered("<p>a page")
    assert "rendered() keeps" in look("page.html")


@pytest.mark.parametrize("readers", [None, {"Jinja", "others"}, {"others"}])
def test_a_template_that_unknown_code_has_read_needs_a_restart(look: Look, readers: set[str] | None):
    """Read while the application was imported, or by unknown code: nobody knows what was kept of it."""
    look.jinja()
    assert look("page.html", readers=readers)


def test_an_unread_template_must_be_in_a_known_engines_folder(look: Look, tmp_path_factory: pytest.TempPathFactory):
    """A template that nobody has read must be in a folder of a known engine."""
    look.jinja()
    look.django().get_template("page.html")
    assert look("page.html", readers=set()) == ""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "page.html"
    assert "no template engine" in look(str(elsewhere), readers=set())


@pytest.mark.parametrize("kind", ["jinja", "django"])
def test_a_template_that_is_being_read_needs_a_restart(look: Look, kind: str, monkeypatch: pytest.MonkeyPatch):
    """A thread that has read the old text and not yet cached it would cache it after the look."""
    engine = look.jinja() if kind == "jinja" else look.django()
    has_read, may_go_on = threading.Event(), threading.Event()

    def slow(*_: Any) -> Any:
        has_read.set()
        may_go_on.wait(30)
        raise RuntimeError

    place, name = (engine, "compile") if kind == "jinja" else (engine.template_loaders[0].loaders[0], "get_contents")
    monkeypatch.setattr(place, name, slow)
    found: list[BaseException] = []

    def load() -> None:
        try:
            engine.get_template("page.html")
        except RuntimeError as error:
            found.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    assert has_read.wait(30)
    assert "being read at this moment" in look("page.html")
    may_go_on.set()
    thread.join()
    assert found


def test_all_of_djangos_loaders_are_reset(look: Look):
    """Django's loaders are all reset, also those within others."""
    engine = look.django()
    engine.get_template("page.html")
    django_templates.reset(live_objects.LiveObjects(django_templates.classes()))
    assert engine.template_loaders[0].get_template_cache == {}


def test_objects_are_found_by_class(monkeypatch: pytest.MonkeyPatch):
    """Subclasses count; a class of a module that is not loaded has no objects."""

    class Base:
        pass

    class Derived(Base):
        pass

    made = [Base(), Derived()]
    assert list(live_objects.LiveObjects([Base]).of(Base)) == made
    assert list(live_objects.LiveObjects([Base]).of(live_objects.loaded_class("nothing_here", "Base"))) == []


@pytest.mark.parametrize("known", ["known", "unknown"])
def test_engines_of_a_frozen_import_are_found(tmp_path: Path, known: str):
    """An engine that the import has made forgets that it has found no template, or another one, of this name."""
    program = "tests.worker.frameworks.frozen_engines"
    looked = subprocess.run(
        [sys.executable, "-m", program, tmp_path, known], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (looked.returncode, looked.stderr) == (0, "")


def test_objects_without_weak_references_are_searched_for():
    """If a class allows no references, none are kept: each search lists the frozen objects."""

    class Bare:
        __slots__ = ("kept",)
        kept: list[int]

    bare = Bare()
    bare.kept = []
    assert live_objects.LiveObjects([Bare]).references() is None
