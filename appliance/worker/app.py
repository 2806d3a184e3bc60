"""A target to the WSGI callable that it names.

Owns the one import of the project's code. Knows nothing of how the target was found, nor of serving. Runs in the
worker, in its main thread.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .asgi.recognise import Deferred, is_asgi
from .standard_path import standard_library_alone

if TYPE_CHECKING:
    from types import ModuleType

    from .files.source_loader import Loader
    from .hooks import Hooks

Application = Callable[..., Any]

# What the framework's own development server sets in the process that serves: projects ask for it before they start a
# scheduler, and Flask's ``app.run()`` in a module that is imported returns at once.
_AS_ITS_OWN_SERVER = {
    "Flask": {"FLASK_RUN_FROM_CLI": "true", "WERKZEUG_RUN_MAIN": "true"},
    "Django": {"RUN_MAIN": "true"},
}


# Those that a project may have installed, the usual one first.
_ASGI_SERVERS = ("uvicorn", "hypercorn", "daphne", "granian")


class TargetError(Exception):
    """The module is there, but what the target names in it is no WSGI application."""

    def __init__(self, found: str, *, expected: str, action: str) -> None:
        super().__init__(f"{found}. Expected: {expected}. {action}")


def serve(
    target: dict[str, Any],
    loader: Loader,
    serving: Callable[[Application], None],
    hooks: Hooks,
    adapter: Mapping[str, str] | None = None,
    aside: list[Any] | None = None,
) -> None:
    """Have ``serving`` serve what ``target`` names; returns when that has ended. ``hooks`` guards what is ours.

    ``adapter`` is given where an ASGI application is to be adapted: the ``folder`` of what does, and an ``action`` for
    what that can't. ``aside`` takes the applications that a script serves by itself, in other threads.

    Raises:
        TargetError: it names no application that can be served.
        BaseException: whatever the project's code raises, SystemExit included.
    """
    if target["kind"] != "script":
        for name, value in _AS_ITS_OWN_SERVER.get(target["framework"], {}).items():
            os.environ.setdefault(name, value)  # noqa: TID251  the project's own environment
        if target["kind"] == "django":
            _serve_django(target, loader, serving, hooks)
        elif adapter is not None and target["interface"] == "asgi":
            # Django asks its database when it is set up, and may not within a loop.
            inside = target["framework"] != "Django"
            _adapted(lambda: _found(target, loader, hooks)[0], serving, hooks, adapter, inside=inside)
        else:
            _serve_found(*_found(target, loader, hooks), serving, hooks, adapter)
        return
    from .frameworks import script  # noqa: PLC0415  few projects are run

    def check(application: Any, by: str) -> None:
        _checked(application, f"what it gives to {by}", adapter)

    def meet(application: Any, by: str) -> None:
        _serve_found(application, f"what it gives to {by}", serving, hooks, adapter)

    try:
        if target["call"] == "yes":  # a console script: a module's function
            script.call(lambda: _called_by_its_script(target, loader), meet, check, hooks)
        else:
            package = "" if target["module"] == "__main__" else target["module"]
            script.run(target["file"], package, meet, check, hooks, aside)
    except script.ScriptEnded as end:
        _serve_found(*_left_behind(end, target), serving, hooks, adapter)


def _called_by_its_script(target: dict[str, Any], loader: Loader) -> None:
    _attribute(_module(target["module"], target["file"], loader), target["attribute"])()


def _serve_django(target: dict[str, Any], loader: Loader, serving: Callable[[Application], None], hooks: Hooks) -> None:
    from .frameworks import django_project  # noqa: PLC0415  for Django alone

    django_project.prepare()
    application = load(target, loader, hooks)
    django_project.look_after(hooks, target["search_path"][-1])
    serving(application)


def bound(target: dict[str, Any], aside: list[Any]) -> Application | None:
    """The application that an import has bound so far, or that a script serves in another thread; None if none."""
    module = sys.modules.get("__main__" if target["kind"] == "script" else target["module"])
    names = [target["attribute"]] if target["attribute"] else target["names"]
    found = next((getattr(module, name) for name in names if callable(getattr(module, name, None))), None)
    if found is None:
        return aside[0] if aside else None
    if target["call"] == "yes" or (target["call"] == "auto" and is_factory(found)):
        found = _called(found, str(target["attribute"]), target["arguments"], target["keywords"])
    return _checked(found, target["file"])


def _serve_found(
    application: Any,
    where: str,
    serving: Callable[[Application], None],
    hooks: Hooks,
    adapter: Mapping[str, str] | None,
) -> None:
    _checked(application, where, adapter)
    if adapter is not None and is_asgi(application):
        deferred = isinstance(application, Deferred)
        _adapted(application.made if deferred else lambda: application, serving, hooks, adapter, inside=deferred)
    else:
        serving(application)


def _adapted(
    make: Callable[[], Any],
    serving: Callable[[Application], None],
    hooks: Hooks,
    adapter: Mapping[str, str],
    *,
    inside: bool,
) -> None:
    with standard_library_alone():  # asyncio is the standard library's
        from .asgi.event_loop import EventLoopThread  # noqa: PLC0415  100 modules of asyncio's, for few

    def made() -> Any:
        application = make()
        if not is_asgi(application):
            raise TargetError(
                f"{type(application).__name__} is no ASGI application",
                expected="a callable that takes (scope, receive, send)",
                action="Set APPLIANCE_APP to module:name of the application.",
            )
        return application

    EventLoopThread(adapter["folder"], adapter["action"], hooks, serving).run(made, inside=inside)


def ended(application: Application, within_s: float) -> None:
    """Nothing is served any more; an ASGI application shuts down within that time."""
    adapters = sys.modules.get(f"{__package__}.asgi.adapter")
    if adapters is not None and isinstance(application, adapters.Adapter):
        application.end(within_s)


def load(target: dict[str, Any], loader: Loader, hooks: Hooks) -> Application:
    """Import what ``target`` (discovery's Target as a dict) names; ``loader`` for a file that no name finds.

    Raises:
        TargetError: it names no WSGI application.
        BaseException: whatever the project's code raises, SystemExit included.
    """
    if target["kind"] == "django":
        from .frameworks import django_project  # noqa: PLC0415  for Django alone

        return django_project.application(hooks)  # type: ignore[no-any-return]  # the project's own
    return _checked(*_found(target, loader, hooks))


def _found(target: dict[str, Any], loader: Loader, hooks: Hooks) -> tuple[Any, str]:
    """What an import finds, and how to call it."""
    if target["kind"] == "paste":
        from .frameworks import paste  # noqa: PLC0415  few projects have such a file

        return paste.load(target, hooks), target["file"]
    module = _module(target["module"], target["file"], loader)
    attribute = target["attribute"] or _usual_name(module, target["names"])
    found = _attribute(module, attribute)
    where = f"{module.__name__}:{attribute}"
    if target["call"] == "yes" or (target["call"] == "auto" and is_factory(found)):
        found = _called(found, where, target["arguments"], target["keywords"])
    return found, where


def is_factory(found: object) -> bool:
    """Whether its signature is a factory's: it can be called with nothing, and not with (environ, start_response)."""
    try:
        signature = inspect.signature(found)  # type: ignore[arg-type]  # what can't be called raises TypeError
    except (TypeError, ValueError):
        return False
    return _takes(signature, 0) and not _takes(signature, 2)


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _module(name: str, file: str, make: Loader) -> ModuleType:
    """The module; by its file where the name finds another, or none (``my-app.py``, ``site.wsgi``, a standard name)."""
    if not file or (file.endswith(".py") and _origin(name) == os.path.realpath(file)):
        return importlib.import_module(name)  # noqa: TID251  the one import by name
    loader = make(name, file)
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    if spec is None:
        raise ImportError(f"no module can be made of {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _origin(name: str) -> str:
    """The file that importing ``name`` would run; its parent packages are imported to know it."""
    if name in sys.modules:
        origin = getattr(sys.modules[name], "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec else None
    return os.path.realpath(origin) if origin else ""


def _attribute(module: ModuleType, dotted: str) -> Any:
    found: Any = module
    for name in dotted.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            names = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
            raise TargetError(
                f"{module.__name__} has no {dotted!r}; it has {', '.join(names[:8]) or 'nothing that can be called'}",
                expected=f"a WSGI application, or a function that makes one, named {dotted!r}",
                action="Set APPLIANCE_APP to module:name.",
            ) from None
    return found


def _usual_name(module: ModuleType, names: list[str]) -> str:
    """The first of the usual names that the module has: only its import could tell."""
    for name in names:
        if callable(getattr(module, name, None)):
            return name
    raise TargetError(
        f"{module.__name__} has none of {', '.join(names)}",
        expected="a WSGI application, or a function that makes one, under one of these names",
        action="Set APPLIANCE_APP to module:name.",
    )


def _left_behind(end: Exception, target: dict[str, Any]) -> tuple[Any, str]:
    """What a script that served nothing has made all the same, under a usual name."""
    namespace: dict[str, Any] = end.namespace  # type: ignore[attr-defined]  # script is imported where it is needed
    for name in filter(None, (target["attribute"], *target["names"])):
        if callable(namespace.get(name)):
            return namespace[name], f"__main__:{name}"
    registered = namespace.get("__hug_wsgi__") or _registry()
    if registered is not None:
        return registered, "the framework's own application"
    raise TargetError(
        f"{os.path.basename(target['file'])} was run, and started no server: {end}",  # noqa: PTH119  as in boot
        expected="a file that starts its server when it is run without arguments, or that binds app",
        action="The log has what it printed. Mend that, or set APPLIANCE_APP to module:object or module:factory().",
    ) from None


def _registry() -> Any:
    """The application that a framework has of its own, where something was registered with it."""
    bottle: Any = sys.modules.get("bottle")
    if bottle is not None and bottle.default_app().routes:
        return bottle.default_app()
    cherrypy: Any = sys.modules.get("cherrypy")
    return cherrypy.tree if cherrypy is not None and cherrypy.tree.apps else None


def _called(factory: Any, where: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    signature = inspect.signature(factory)
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise TargetError(
            f"{where}{signature} can't be called so: {error}",
            expected="a factory that can be called with what the target gives it",
            action="Give its parameters defaults, or write a wsgi.py that calls it.",
        ) from None
    return factory(*arguments, **keywords)


def _checked(found: Any, where: str, adapter: Mapping[str, str] | None = None) -> Application:
    if adapter is None and is_asgi(found):
        server = next((name for name in _ASGI_SERVERS if importlib.util.find_spec(name)), _ASGI_SERVERS[0])
        raise TargetError(
            f"{where} is an ASGI application ({type(found).__name__})",
            expected="a WSGI application: a callable that takes (environ, start_response)",
            action=f"Serve it with {server}, or set APPLIANCE_ASGI=adapt: it is served over HTTP then, without "
            "WebSockets.",
        )
    if not callable(found):
        raise TargetError(
            f"{where} is a {type(found).__name__}",
            expected="a WSGI application: a callable that takes (environ, start_response)",
            action="Set APPLIANCE_APP to module:name of the application.",
        )
    application: Application = found
    return application
