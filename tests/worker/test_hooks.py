"""The guard around what is ours in a project's process: it never fails the project, and says once what has failed."""

from __future__ import annotations

import builtins
import logging
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.frameworks import django_project, framework_errors, intercepts, paste, routes, werkzeug_debugger
from appliance.worker.frameworks.script_rendezvous import ScriptRendezvous
from appliance.worker.hooks import Hooks
from appliance.worker.preload.random_seeds import RandomSeeds
from appliance.worker.side_applications import SideApplications
from appliance.worker.stdio import terminal
from appliance.worker.stdio.logging_records import StreamHandlerHook
from tests.worker.tagged_program import tagged_output, texts

Reported = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def reported() -> Reported:
    return []


@pytest.fixture
def hooks(reported: Reported) -> Hooks:
    """A guard that is listened to."""
    made = Hooks()
    made.report_to(lambda level, event, fields: reported.append((level, event, fields)))
    return made


def fails(*_: Any, **__: Any) -> Any:
    raise ValueError("of our own")


def test_a_hook_that_failed_is_not_called_again(hooks: Hooks, reported: Reported):
    """A hook that raises is named in one event, with its traceback, and not asked again."""
    asked: list[int] = []

    def hook(number: int) -> str:
        asked.append(number)
        raise ValueError("of our own")

    guarded = hooks.guarded("a hook", hook, otherwise="nothing")
    assert [guarded(1), guarded(2), hooks.call("a hook", hook, 3, otherwise="still nothing")] == [
        "nothing", "nothing", "still nothing",
    ]  # fmt: skip
    assert asked == [1]
    ((level, event, fields),) = reported
    assert (level, event, fields["hook"], fields["reason"]) == (
        "debug", "hook.dropped", "a hook", "ValueError: of our own",
    )  # fmt: skip
    assert "in hook" in fields["traceback"]


def test_a_failed_hook_disables_no_other(hooks: Hooks):
    """A hook that works returns its result after another one has failed."""
    hooks.call("one", fails, otherwise=None)
    assert hooks.call("other", lambda a, b: a + b, 1, 2, otherwise=0) == 3
    assert hooks.guarded("other", lambda *, a: a, otherwise=0)(a=4) == 4


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_a_lack_of_memory_disables_no_hook(hooks: Hooks, reported: Reported, error: type[Exception]):
    """A RecursionError or MemoryError skips one call of a hook; the next call runs it."""
    results: list[Any] = [error, "done"]

    def hook() -> Any:
        result = results.pop(0)
        if isinstance(result, type):
            raise result
        return result

    assert [hooks.call("a hook", hook, otherwise="nothing") for _ in range(2)] == ["nothing", "done"]
    assert not reported


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_exception_that_ends_a_request_passes(hooks: Hooks, error: type[BaseException]):
    """An exception raised in a thread from without, to end its work, is not a hook's failure and passes through."""

    def hook() -> None:
        raise error

    with pytest.raises(error):
        hooks.call("a hook", hook, otherwise=None)
    assert not hooks.dropped


def test_a_failure_in_the_preloader_is_reported_by_its_worker():
    """The worker that is forked from the preloader reports a failure in the preloader."""
    hooks, reported = Hooks(), []
    hooks.call("early", fails, otherwise=None)
    hooks.report_to(lambda *event: reported.append(event))
    assert [event[2]["hook"] for event in reported] == ["early"]


def test_the_project_goes_on_though_the_sink_fails():
    """If not even the event can be sent, the project goes on."""
    hooks = Hooks()
    hooks.report_to(fails)
    assert hooks.call("a hook", fails, otherwise=7) == 7


# -- each hook, in a framework that is not as it expects --------------------------------------------------------------


def application(_environ: Any, _start_response: Any) -> list[bytes]:
    """The project's."""
    return [b"fine"]


def odd(name: str, **attributes: Any) -> ModuleType:
    """A module of that name that is another one, or another version."""
    module = ModuleType(name)
    for attribute, value in attributes.items():
        setattr(module, attribute, value)
    return module


class Flasks:
    """Flask, as far as a debugger looks."""

    debug = True

    def __call__(self, _environ: Any, _start_response: Any) -> list[bytes]:
        return [b"fine"]


NAMES = ("flask", "flask.ctx", "flask.signals", "bottle", "django.core.handlers.base", "django.core.signals")
FRAMEWORKS: dict[str, list[ModuleType]] = {
    "no such names": list(map(odd, NAMES)),
    "other things": [
        odd("flask", Flask=7),
        odd("flask.ctx", RequestContext=7, AppContext="x"),
        odd("flask.signals", got_request_exception=7, signals_available=7),
        odd("django.core.handlers.base", BaseHandler=7),
        odd("django.core.signals", got_request_exception=SimpleNamespace(connect=fails)),
    ],
    "a debugger that can't be made": [odd("flask", Flask=Flasks), odd("werkzeug"), odd("werkzeug.debug")],
}


@pytest.mark.parametrize("modules", FRAMEWORKS.values(), ids=FRAMEWORKS.keys())
def test_all_of_ours_is_left_out_around_an_unknown_framework(
    monkeypatch: pytest.MonkeyPatch, hooks: Hooks, modules: list[ModuleType]
):
    """Around an application of a framework that is not what it seems, all of ours is left out, and it answers."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    inner = Flasks() if modules[0].__dict__.get("Flask") is Flasks else application
    dressed = routes.report_routes(framework_errors.add_advice(werkzeug_debugger.wrap(inner, hooks), "/", hooks), hooks)
    assert dressed({"HTTP_ACCEPT": "text/html"}, lambda *_: None) == [b"fine"]


def test_a_method_without_a_request_returns_what_it_returns(
    monkeypatch: pytest.MonkeyPatch, hooks: Hooks, reported: Reported
):
    """A framework's method whose object has no request returns what it returns, also when asking for it fails."""

    class Context:
        def match_request(self) -> str:
            return "its result"

    monkeypatch.setitem(sys.modules, "flask.ctx", odd("flask.ctx", RequestContext=Context))
    routes.report_routes(application, hooks)
    assert [Context().match_request(), Context().match_request()] == ["its result"] * 2
    assert [fields["hook"] for _, _, fields in reported] == ["routes of Flask"]


def test_django_is_served_without_its_handler_of_static_files(
    monkeypatch: pytest.MonkeyPatch, hooks: Hooks, reported: Reported
):
    """If its handler of static files is not available, Django's application is served without."""
    basehttp = odd("django.core.servers.basehttp", get_internal_wsgi_application=lambda: application)
    settings = SimpleNamespace(DEBUG=True, INSTALLED_APPS=["django.contrib.staticfiles"])
    modules = {"django.core.servers.basehttp": basehttp, "django.conf": SimpleNamespace(settings=settings)}
    monkeypatch.setattr(django_project, "_import", lambda name: modules[name])
    assert django_project.application(hooks) is application
    assert [fields["hook"] for _, _, fields in reported] == ["static files of Django"]


@pytest.fixture
def rendezvous(hooks: Hooks) -> ScriptRendezvous:
    return ScriptRendezvous(lambda *_: None, lambda *_: None, hooks, SideApplications())


@pytest.mark.parametrize("name", sorted(intercepts.PATCHES))
def test_a_server_of_another_kind_is_imported_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hooks: Hooks, rendezvous: ScriptRendezvous, name: str
):
    """A server's module that has none of the names that are changed is imported as it is."""
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    monkeypatch.setattr(intercepts, "PATCHES", {name: intercepts.PATCHES[name]})  # the others' modules are in use here
    monkeypatch.syspath_prepend(str(tmp_path))
    for each in [each for each in sys.modules if each.partition(".")[0] == name.partition(".")[0]]:
        monkeypatch.delitem(sys.modules, each)
    folder = tmp_path
    *parents, last = name.split(".")
    for parent in parents:
        folder /= parent
        folder.mkdir()
        (folder / "__init__.py").touch()
    (folder / f"{last}.py").write_text("word = 'its own'\n")
    intercepts.install(rendezvous)
    assert __import__(name, fromlist=["word"]).word == "its own"
    assert hooks.dropped <= {f"server of {name}"}
    for each in [each for each in sys.modules if each.partition(".")[0] == name.partition(".")[0]]:
        del sys.modules[each]


def test_an_application_is_served_without_static_files_that_fail(hooks: Hooks):
    """If run_simple's static files are not available, its application is served without."""
    served: list[Any] = []
    rendezvous = ScriptRendezvous(lambda app, _: served.append(app), lambda *_: None, hooks, SideApplications())
    module: Any = odd("werkzeug.serving", make_server=fails)
    intercepts._werkzeug(module, rendezvous)
    module.run_simple("", 0, application, static_files={"/": 7}, use_debugger=True)
    assert served == [application]


def test_a_finder_that_was_removed_finds_nothing(monkeypatch: pytest.MonkeyPatch, rendezvous: ScriptRendezvous):
    """If the project removes our finder and still asks it, it finds nothing."""
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    intercepts.install(rendezvous)
    finder: Any = sys.meta_path.pop(0)
    assert finder.find_spec("waitress", None) is None
    sys.meta_path.insert(0, finder)
    sys.meta_path.insert(1, object())  # type: ignore[arg-type]  # an old one, without find_spec
    assert finder.find_spec("waitress", None) is None


def test_paste_of_another_kind_loads_what_it_loads(hooks: Hooks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """PasteDeploy without its table of loaders loads what it loads."""
    (tmp_path / "a.ini").write_text("[app:main]\n")
    deploy = odd("paste.deploy.loadwsgi", loadapp=lambda uri, name: (uri, name))
    for module in (odd("paste"), odd("paste.deploy"), deploy):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    file = str(tmp_path / "a.ini")
    target: Any = {"file": file, "attribute": "main", "keywords": {"own": ["a"], "entries": {}}}
    assert paste.load(target, hooks) == (f"config:{file}", "main")
    assert hooks.dropped == {"entry points of Paste"}


def test_generators_of_another_kind_are_made_as_they_are(hooks: Hooks, monkeypatch: pytest.MonkeyPatch):
    """A subclass of Random with arguments of its own, and a numpy without what it had, are made as they are."""
    randoms = RandomSeeds(hooks)

    class Own(random.Random):
        def __init__(self, *, x: int | None = None) -> None:
            super().__init__(x)

    class Changing(random.Random):
        def __init__(self) -> None:
            super().__init__()
            self.seed(7)

    monkeypatch.setitem(sys.modules, "numpy.random", odd("numpy.random"))
    with randoms:
        randoms.imported("numpy.random")
        made = [Own(), Own(x=3), Changing(), random.Random(x=4)]
    before = made[0].getstate()
    randoms.seed()
    assert made[0].getstate() != before
    assert made[1].random() == random.Random(3).random()
    assert hooks.dropped == {"seeds of numpy"}


def test_input_asks_as_before_if_the_terminal_cannot_be_held(hooks: Hooks, monkeypatch: pytest.MonkeyPatch):
    """input() asks where it asked before when the terminal can't be put in the place of 1 and 2."""
    monkeypatch.setattr(builtins, "input", lambda prompt="": f"asked {prompt}")
    monkeypatch.setattr(sys, "breakpointhook", sys.breakpointhook)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    terminal.Terminal(7, hooks).install()
    monkeypatch.setattr(os, "dup", fails)
    assert [input("one"), input("two")] == ["asked one", "asked two"]
    assert hooks.dropped == {"terminal"}


def test_a_breakpoint_that_nobody_hears_is_passed(hooks: Hooks, monkeypatch: pytest.MonkeyPatch):
    """A breakpoint is passed, even if that can't be logged."""
    monkeypatch.setattr(sys, "breakpointhook", sys.breakpointhook)
    hooks.report_to(fails)
    terminal.set_up(None, hooks, {})
    breakpoint()  # noqa: T100  it is passed
    assert hooks.dropped == {"breakpoints"}


def handlers() -> dict[str, Callable[[], logging.Handler]]:
    """Handlers of logging that are asked for more than they have."""

    class Unlucky(logging.StreamHandler[Any]):
        @property
        def formatter(self) -> Any:
            raise ValueError

        @formatter.setter
        def formatter(self, _: Any) -> None: ...

    class LocalProxy:
        def _get_current_object(self) -> Any:
            raise RuntimeError("working outside of application context")

        def write(self, text: str) -> None:
            sys.stderr.write(text)

        def flush(self) -> None: ...

    return {"a formatter": Unlucky, "a proxy of nothing": lambda: logging.StreamHandler(LocalProxy())}


def test_print_does_not_fail_in_a_process_without_pipes(tmp_path: Path):
    """print() does not fail where the project has closed every descriptor above 2, ours among them, and then 1."""
    program = """
import os
os.closerange(3, 100)
print("lost")
os.close(1)
print("lost too", flush=True)
open("done", "w").close()
"""
    tagged_output(program, folder=tmp_path)
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("given", ["7", "None", "'text'", "[1]"])
def test_what_is_not_bytes_is_refused(given: str):
    """A binary stream refuses what it refused before: it makes no bytes of a number."""
    said = tagged_output(f"""
try:
    sys.stdout.buffer.write({given})
except TypeError:
    print("refused")
import array
print(sys.stdout.buffer.write(array.array("h", [0x0a61])))
""")
    assert [text for text in texts(said) if text in {"refused", "2"}] == ["refused", "2"]


def test_records_that_our_hook_fails_on_are_written():
    """A record that our step fails on is formatted and written as usual, and so are all others."""
    said = tagged_output("""
import logging
from appliance.worker.stdio import logging_records
logging_records.fields_of = lambda *_: 1 / 0
logging.basicConfig(format="%(message)s", stream=sys.stdout)
logging.warning("one")
logging.warning("two %d", "no number")
logging.warning("three")
""")
    assert [text for text in texts(said) if text in {"one", "three"}] == ["one", "three"]
    assert "--- Logging error ---" in "\n".join(texts(said))


def test_arguments_that_fail_are_reported_by_logging():
    """An argument that can't be formatted is reported as logging does it, and ends no other record's way."""
    said = tagged_output("""
import logging
logging.basicConfig(stream=sys.stdout)
logging.warning("%d", "no number")
logging.warning("after")
""")
    assert "--- Logging error ---" in "\n".join(texts(said))
    assert [each.record["message"] for each in said if each.record is not None] == ["after"]


@pytest.mark.parametrize("make", handlers().values(), ids=handlers().keys())
def test_a_handler_of_another_kind_writes_what_it_wrote(
    make: Callable[[], logging.Handler], capsys: pytest.CaptureFixture[str]
):
    """A handler that is not what it seems writes what it wrote."""
    emit = logging.StreamHandler.emit
    try:
        StreamHandlerHook((), Hooks()).install()  # it uses no pipe
        make().emit(logging.makeLogRecord({"msg": "written"}))
    finally:
        logging.StreamHandler.emit = emit  # type: ignore[method-assign]
    assert "written" in capsys.readouterr().err


def test_hooks_do_nothing_outside_of_a_request(hooks: Hooks):
    """Hooks that are called outside of a request note nothing, and fail nobody."""
    assert current.get() is None
    routes.note_route("/a")
    framework_errors.note_error(ValueError())
    token = current.set(Exchange(None, "", 0, 0.0, "id"))
    routes.note_route(7)
    current.reset(token)
    assert not hooks.dropped
