"""Import the WSGI callable that a target names.

The only place that imports the project's code. Runs in the worker's main thread. Does not know how the target was
found, nor how the application is served.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..conventions import ASGI_SERVERS
from .asgi.recognise import DeferredApplication, is_asgi
from .side_applications import SideApplications
from .standard_path import standard_library_alone

if TYPE_CHECKING:
    from types import ModuleType

    from ..protocol.start.start_options import AdapterOptions
    from ..protocol.start.start_target import StartTarget
    from .files.source_loader import Loader
    from .hooks import Hooks

Application = Callable[..., Any]

# Variables that the framework's own development server sets in its serving process. Projects check these variables
# before they start a scheduler. They also make Flask's ``app.run()`` return at once in an imported module.
_DEVELOPMENT_SERVER_VARIABLES = {
    "Flask": {"FLASK_RUN_FROM_CLI": "true", "WERKZEUG_RUN_MAIN": "true"},
    "Django": {"RUN_MAIN": "true"},
}


class TargetError(Exception):
    """The module exists, but the target names something in it that is not a WSGI application."""

    def __init__(self, found: str, *, expected: str, action: str) -> None:
        super().__init__(f"{found}. Expected: {expected}. {action}")


def serve(
    target: StartTarget,
    loader: Loader,
    serving: Callable[[Application], None],
    hooks: Hooks,
    adapter: AdapterOptions | None = None,
    side_applications: SideApplications | None = None,
) -> None:
    """Import the target's application, and pass it to ``serving``; return when that has ended.

    Args:
        target: discovery's Target, as a dict.
        loader: loads a file that no module name finds.
        serving: serves the application.
        hooks: guard our code in the project's process.
        adapter: for adapting an ASGI application. None: ASGI is refused.
        side_applications: collects the applications that a script serves itself, in other threads.

    Raises:
        TargetError: the target names no application that can be served.
        BaseException: any exception of the project's code, also SystemExit.
    """
    if target["kind"] == "script":
        _serve_script(target, loader, serving, hooks, adapter, side_applications)
        return
    for name, value in _DEVELOPMENT_SERVER_VARIABLES.get(target["framework"], {}).items():
        os.environ.setdefault(name, value)  # noqa: TID251  the project's environment
    if target["kind"] == "django":
        _serve_django(target, loader, serving, hooks)
    elif adapter is not None and target["interface"] == "asgi":
        # Django queries its database during setup, which is not allowed within an event loop.
        inside = target["framework"] != "Django"
        _serve_adapted(lambda: _import_target(target, loader, hooks)[0], serving, hooks, adapter, inside=inside)
    else:
        _serve_found(*_import_target(target, loader, hooks), serving, hooks, adapter)


def _serve_script(
    target: StartTarget,
    loader: Loader,
    serving: Callable[[Application], None],
    hooks: Hooks,
    adapter: AdapterOptions | None,
    side_applications: SideApplications | None,
) -> None:
    """Run a script or a console script, and serve what it serves itself or leaves behind."""
    from .frameworks import script  # noqa: PLC0415  few projects are run as scripts

    def check(application: Any, by: str) -> None:
        _check_application(application, f"what it gives to {by}", adapter)

    def serve_found(application: Any, by: str) -> None:
        _serve_found(application, f"what it gives to {by}", serving, hooks, adapter)

    side = SideApplications() if side_applications is None else side_applications
    try:
        if target["call"] == "yes":  # a console script: a function of a module
            script.call(lambda: _call_console_script(target, loader), serve_found, check, hooks, side)
        else:
            package = "" if target["module"] == "__main__" else target["module"]
            script.run(target["file"], package, serve_found, check, hooks, loader=loader, side_applications=side)
    except script.ScriptEnded as end:
        _serve_found(*_application_left_by(end, target), serving, hooks, adapter)


def _call_console_script(target: StartTarget, loader: Loader) -> None:
    _attribute(_module(target["module"], target["file"], loader), target["attribute"])()


def _serve_django(target: StartTarget, loader: Loader, serving: Callable[[Application], None], hooks: Hooks) -> None:
    from .frameworks import django_project  # noqa: PLC0415  only for Django

    django_project.prepare()
    serving(load(target, loader, hooks))


def bound_application(target: StartTarget, side_applications: SideApplications) -> Application | None:
    """Return the application that an unfinished import has bound, or a script serves in another thread; or None."""
    if side_applications.are_started:
        return side_applications[0]
    module = sys.modules.get("__main__" if target["kind"] == "script" else target["module"])
    names = [target["attribute"]] if target["attribute"] else target["names"]
    found = next((getattr(module, name) for name in names if callable(getattr(module, name, None))), None)
    if found is None:
        return side_applications[0] if side_applications else None
    if target["call"] == "yes" or (target["call"] == "auto" and is_factory(found)):
        found = _call_factory(found, str(target["attribute"]), target["arguments"], target["keywords"])
    return _check_application(found, target["file"])


def _serve_found(
    application: Any,
    where: str,
    serving: Callable[[Application], None],
    hooks: Hooks,
    adapter: AdapterOptions | None,
) -> None:
    _check_application(application, where, adapter)
    if adapter is not None and isinstance(application, DeferredApplication):
        _serve_adapted(application.create, serving, hooks, adapter, inside=True)
    elif adapter is not None and is_asgi(application):
        _serve_adapted(lambda: application, serving, hooks, adapter, inside=False)
    else:
        serving(application)


def _serve_adapted(
    make: Callable[[], Any],
    serving: Callable[[Application], None],
    hooks: Hooks,
    adapter: AdapterOptions,
    *,
    inside: bool,
) -> None:
    with standard_library_alone():  # asyncio is the standard library's
        from .asgi.event_loop import EventLoopThread  # noqa: PLC0415  100 modules of asyncio, for few projects

    def made() -> Any:
        application = make()
        if not is_asgi(application):
            raise TargetError(
                f"{type(application).__name__} is not an ASGI application",
                expected="a callable that takes (scope, receive, send)",
                action="Set APPLIANCE_APP to module:name of the application.",
            )
        return application

    EventLoopThread(adapter["folder"], adapter["action"], hooks, serving).run(made, inside=inside)


def shut_down(application: Application, within_s: float) -> None:
    """Shut an ASGI application down, within this time, after the last request."""
    adapters = sys.modules.get(f"{__package__}.asgi.adapter")
    if adapters is not None and isinstance(application, adapters.Adapter):
        application.end(within_s)


def load(target: StartTarget, loader: Loader, hooks: Hooks) -> Application:
    """Import the application that ``target`` (discovery's Target as a dict) names.

    Args:
        target: the target.
        loader: loads a file that no module name finds.
        hooks: guard our code in the project's process.

    Raises:
        TargetError: the target names no WSGI application.
        BaseException: any exception of the project's code, also SystemExit.
    """
    if target["kind"] == "django":
        from .frameworks import django_project  # noqa: PLC0415  only for Django

        return django_project.application(hooks)  # type: ignore[no-any-return]  # the project's own
    return _check_application(*_import_target(target, loader, hooks))


def _import_target(target: StartTarget, loader: Loader, hooks: Hooks) -> tuple[Any, str]:
    """Return the object that the target names, and where it is."""
    if target["kind"] == "paste":
        from .frameworks import paste  # noqa: PLC0415  few projects have such a file

        return paste.load(target, hooks), target["file"]
    module = _module(target["module"], target["file"], loader)
    attribute = target["attribute"] or _usual_name(module, target["names"])
    found = _attribute(module, attribute)
    where = f"{module.__name__}:{attribute}"
    if target["call"] == "yes" or (target["call"] == "auto" and is_factory(found)):
        found = _call_factory(found, where, target["arguments"], target["keywords"])
    return found, where


def is_factory(found: object) -> bool:
    """Whether the signature is a factory's: callable without arguments, but not with (environ, start_response)."""
    try:
        signature = inspect.signature(found)  # type: ignore[arg-type]  # a value that is not callable raises TypeError
    except (TypeError, ValueError):
        return False
    return _accepts(signature, 0) and not _accepts(signature, 2)


def _accepts(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _module(name: str, file: str, make: Loader) -> ModuleType:
    """Import a module; by its file if the name finds another or none (``my-app.py``, ``site.wsgi``, standard names)."""
    if not file or (file.endswith(".py") and _origin(name) == os.path.realpath(file)):
        return importlib.import_module(name)  # noqa: TID251  the one import by name
    loader = make(name, file)
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)  # noqa: TID251  the project's module
    if spec is None:
        raise ImportError(f"{file} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _origin(name: str) -> str:
    """Return the file that importing ``name`` would run; this imports the parent packages."""
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
                f"{module.__name__} has no {dotted!r}; it has {', '.join(names[:8]) or 'nothing callable'}",
                expected=f"a WSGI application, or a function that makes one, named {dotted!r}",
                action="Set APPLIANCE_APP to module:name.",
            ) from None
    return found


def _usual_name(module: ModuleType, names: list[str]) -> str:
    """Return the first usual name that the module has: only its import could show."""
    for name in names:
        if callable(getattr(module, name, None)):
            return name
    raise TargetError(
        f"{module.__name__} has none of {', '.join(names)}",
        expected="a WSGI application, or a function that makes one, under one of these names",
        action="Set APPLIANCE_APP to module:name.",
    )


def _application_left_by(end: Exception, target: StartTarget) -> tuple[Any, str]:
    """Find the application of a script that started no server, under a usual name."""
    namespace: dict[str, Any] = end.namespace  # type: ignore[attr-defined]  # script is imported only where needed
    for name in filter(None, (target["attribute"], *target["names"])):
        if callable(namespace.get(name)):
            return namespace[name], f"__main__:{name}"
    registered = namespace.get("__hug_wsgi__") or _default_application()
    if registered is not None:
        return registered, "the framework's own application"
    raise TargetError(
        f"{os.path.basename(target['file'])} was run, and started no server: {end}",
        expected="a file that starts its server when it is run, or that binds app",
        action="The log has its output. Correct the file, or set APPLIANCE_APP to module:object or module:factory(),"
        f" or, if it needs arguments, to '{os.path.basename(target['file'])} -- ARGUMENTS'.",
    ) from None


def _default_application() -> Any:
    """Return a framework's default application, if something was registered with it."""
    bottle: Any = sys.modules.get("bottle")
    if bottle is not None and bottle.default_app().routes:
        return bottle.default_app()
    cherrypy: Any = sys.modules.get("cherrypy")
    return cherrypy.tree if cherrypy is not None and cherrypy.tree.apps else None


def _call_factory(factory: Any, where: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    signature = inspect.signature(factory)
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise TargetError(
            f"{where}{signature} can't be called like that: {error}",
            expected="a factory that accepts the target's arguments",
            action="Give its parameters defaults, or write a wsgi.py that calls it.",
        ) from None
    return factory(*arguments, **keywords)


def _check_application(found: Any, where: str, adapter: AdapterOptions | None = None) -> Application:
    if adapter is None and is_asgi(found):
        server = next((name for name in ASGI_SERVERS if importlib.util.find_spec(name)), ASGI_SERVERS[0])
        raise TargetError(
            f"{where} is an ASGI application ({type(found).__name__})",
            expected="a WSGI application: a callable that takes (environ, start_response)",
            action=f"Serve it with {server}, or set APPLIANCE_ASGI=adapt: the appliance then serves it over HTTP, "
            "without WebSockets.",
        )
    if not callable(found):
        raise TargetError(
            f"{where} is a {type(found).__name__}",
            expected="a WSGI application: a callable that takes (environ, start_response)",
            action="Set APPLIANCE_APP to module:name of the application.",
        )
    application: Application = found
    return application
