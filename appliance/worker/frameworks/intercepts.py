"""Patch the servers that a project may start itself, so that each hands its application to us.

Each function knows how one server receives its application. Runs in the worker, only for a project that is run as a
script.

Theory of operation. A module that contains a server is patched as soon as it is imported, by a wrapper around its
loader's ``exec_module``; so later imports from it get our function. For that, a finder stays first on
``sys.meta_path``; it handles only the modules in the table.
"""

from __future__ import annotations

import importlib
import inspect
import socket
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..asgi.recognise import DeferredApplication

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from .script_rendezvous import ScriptRendezvous

Patch = Callable[[ModuleType, "ScriptRendezvous"], None]


def install(rendezvous: ScriptRendezvous) -> None:
    """Patch the modules that are already imported, and the others once they are."""
    for name, patch in PATCHES.items():
        if name in sys.modules:
            rendezvous.hooks.call(f"server of {name}", patch, sys.modules[name], rendezvous, otherwise=None)
    sys.meta_path.insert(0, _Finder(rendezvous))


class _Finder:
    def __init__(self, rendezvous: ScriptRendezvous) -> None:
        self._rendezvous = rendezvous

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec that the other finders return, with the patch to follow."""
        patch = PATCHES.get(name)
        if patch is None or self not in sys.meta_path:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                self._rendezvous.hooks.call(f"server of {name}", self._patch_later, spec, patch, otherwise=None)
                return spec  # type: ignore[no-any-return]  # another finder's
        return None

    def _patch_later(self, spec: ModuleSpec, patch: Patch) -> None:
        run = getattr(spec.loader, "exec_module", None)
        if run is None:
            return

        def run_and_change(module: ModuleType) -> None:
            run(module)
            self._rendezvous.hooks.call(f"server of {spec.name}", patch, module, self._rendezvous, otherwise=None)

        spec.loader.exec_module = run_and_change  # type: ignore[union-attr, method-assign]


class _Server:
    """The result of a call that creates a server; any method that starts it serves."""

    def __init__(self, application: Any, by: str, rendezvous: ScriptRendezvous) -> None:
        self.application = application
        self._by = by
        self._rendezvous = rendezvous

    def serve_forever(self, *_: Any, **__: Any) -> None:
        """Pass the application to us."""
        self._rendezvous.serve(self.application, self._by)

    run = start = serve_forever

    def close(self, *_: Any, **__: Any) -> None:
        """Do nothing: nothing was opened."""

    stop = shutdown = server_close = close


def _wsgiref(module: ModuleType, rendezvous: ScriptRendezvous) -> None:
    """Patch wsgiref: in the main thread its class no longer binds in the constructor, and we serve instead of it."""
    server: Any = module.WSGIServer
    bind, activate, forever, handle = (
        getattr(server, name) for name in ("server_bind", "server_activate", "serve_forever", "handle_request")
    )

    def server_bind(self: Any) -> None:
        if not rendezvous.is_main:
            bind(self)
            return
        self.server_name, self.server_port = self.server_address[:2]
        self.setup_environ()

    def server_activate(self: Any) -> None:
        if not rendezvous.is_main:
            activate(self)

    def started(self: Any, otherwise: Callable[..., Any], *given: Any) -> None:
        if rendezvous.is_main:
            self.socket.close()  # it was never bound
            try:
                rendezvous.serve(self.get_app(), "wsgiref")
            finally:
                self.server_close()
            return
        rendezvous.side_applications.append(self.get_app())
        if not self.socket.getsockname()[1]:  # made in the main thread, but it serves in another one: it binds only now
            bind(self)
            activate(self)
        otherwise(self, *given)

    server.server_bind, server.server_activate = server_bind, server_activate
    server.serve_forever = lambda self, *given: started(self, forever, *given)
    server.handle_request = lambda self: started(self, handle)


def _werkzeug(module: ModuleType, rendezvous: ScriptRendezvous) -> None:
    real = module.make_server

    def run_simple(_host: str, _port: int, application: Any, *_: Any, **options: Any) -> None:
        hooks = rendezvous.hooks
        wrapped = hooks.call("run_simple of Werkzeug", _with_middleware, application, options, otherwise=application)
        rendezvous.serve(wrapped, "Werkzeug")

    def make_server(host: str, port: int, app: Any = None, *more: Any, **options: Any) -> Any:
        return _Server(app, "Werkzeug", rendezvous) if rendezvous.is_main else real(host, port, app, *more, **options)

    module.run_simple, module.make_server = run_simple, make_server  # type: ignore[attr-defined]


def _with_middleware(application: Any, options: dict[str, Any]) -> Any:
    """Add the static files and the debugger that the call of ``run_simple`` requested."""
    if options.get("static_files"):
        shared = importlib.import_module("werkzeug.middleware.shared_data")  # noqa: TID251  the project's Werkzeug
        application = shared.SharedDataMiddleware(application, options["static_files"])
    if options.get("use_debugger") and not getattr(application, "debug", False):  # Flask's: see werkzeug_debugger
        debug = importlib.import_module("werkzeug.debug")  # noqa: TID251  as above
        application = debug.DebuggedApplication(application, evalex=options.get("use_evalex", True))
    return application


def _bottle(module: Any, rendezvous: ScriptRendezvous) -> None:
    def run(app: Any = None, *_: Any, plugins: Any = None, debug: Any = None, **__: Any) -> None:
        if debug is not None:
            module.debug(debug)
        app = app or module.default_app()
        app = module.load_app(app) if isinstance(app, str) else app
        for plugin in plugins or ():
            app.install(module.load(plugin) if isinstance(plugin, str) else plugin)
        rendezvous.serve(app, "Bottle")

    module.run = run


def _cherrypy(module: Any, rendezvous: ScriptRendezvous) -> None:
    """Patch CherryPy: its bus starts and stops as usual, without the server, the reloader and the signals."""
    engine = module.engine
    module.server.unsubscribe()
    engine.autoreload.unsubscribe()
    for part in (module.server, engine.autoreload, engine.signals):
        part.subscribe = lambda: None

    def block(_interval: float = 0.1) -> None:
        rendezvous.serve(module.tree, "CherryPy")
        engine.exit()

    begin = engine.start

    def start() -> None:
        begin()
        rendezvous.start(module.tree)

    engine.block, engine.start = block, start
    module.server.start = lambda: rendezvous.start(module.tree)
    module.server.wait = lambda: None


def _gevent(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.WSGIServer.serve_forever = lambda self, *_, **__: rendezvous.serve(self.application, "gevent")


def _tornado(module: Any, rendezvous: ScriptRendezvous) -> None:
    """Patch Tornado: a WSGI application in a container is served at the loop's start, whatever other handlers exist."""
    begin = module.WSGIContainer.__init__

    def init(self: Any, wsgi_application: Any, *given: Any, **named: Any) -> None:
        begin(self, wsgi_application, *given, **named)
        rendezvous.contained = wsgi_application

    module.WSGIContainer.__init__ = init


def _tornado_server(module: Any, rendezvous: ScriptRendezvous) -> None:
    for name in ("listen", "bind", "start"):
        _unless_contained(module.TCPServer, name, rendezvous, lambda _application: None)  # its port may be ours


def _tornado_loop(module: Any, rendezvous: ScriptRendezvous) -> None:
    _unless_contained(
        module.BaseAsyncIOLoop, "start", rendezvous, lambda application: rendezvous.serve(application, "Tornado")
    )


def _unless_contained(kind: Any, name: str, rendezvous: ScriptRendezvous, instead: Callable[[Any], None]) -> None:
    """Replace a method, in the main thread, if a container has an application."""
    method = getattr(kind, name)

    def called(self: Any, *given: Any, **named: Any) -> Any:
        if rendezvous.is_main and rendezvous.contained is not None:
            return instead(rendezvous.contained)
        return method(self, *given, **named)

    setattr(kind, name, called)


def _django(module: Any, rendezvous: ScriptRendezvous) -> None:
    """Patch Django: its commands run as usual, except ``runserver``, which is also the default command here."""
    real = module.execute_from_command_line

    def execute_from_command_line(argv: Sequence[str] | None = None) -> None:
        if (sys.argv if argv is None else argv)[1:2] not in ([], ["runserver"]):
            real(argv)
            return
        from . import django_project  # noqa: PLC0415  only for Django

        rendezvous.serve(django_project.application(rendezvous.hooks), "Django")

    module.execute_from_command_line = execute_from_command_line


def _eventlet(module: Any, _rendezvous: ScriptRendezvous) -> None:
    module.listen = lambda *_, **__: socket.socket()  # its port may be ours


def _eventlet_wsgi(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.server = lambda _sock, site, *_, **__: rendezvous.serve(site, "eventlet")


def _socketio(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.SocketIO.run = lambda _self, app, *_, **__: rendezvous.serve(app, "Flask-SocketIO")


def _cheroot(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.Server.start = lambda self: rendezvous.serve(self.wsgi_app, "cheroot")
    module.Server.safe_start = module.Server.start


def _gunicorn(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.BaseApplication.run = lambda self: rendezvous.serve(self.load(), "gunicorn")


def _uvicorn(module: Any, rendezvous: ScriptRendezvous) -> None:
    """Patch uvicorn: ASGI is adapted, or refused at once: its loop would run until the time limit of the start."""

    def run(app: Any, *, factory: bool = False, **_: Any) -> None:
        rendezvous.serve(_named(app, factory=factory), "uvicorn")

    module.run = run

    def application_of(server: Any) -> Any:
        return _named(server.config.app, factory=getattr(server.config, "factory", False))

    for name in ("run", "serve"):
        _in_the_main_thread(getattr(module, "Server", None), name, rendezvous, "uvicorn", application_of)


def _hypercorn(module: Any, rendezvous: ScriptRendezvous) -> None:
    async def serve(app: Any, *_: Any, **__: Any) -> None:
        rendezvous.serve(app, "hypercorn")

    module.serve = serve


def _named(app: Any, *, factory: bool) -> Any:
    """Defer an application that is given by name, or by a factory, until the loop runs."""
    return DeferredApplication(app, factory=factory) if isinstance(app, str) or factory else app


def _in_the_main_thread(
    kind: Any, name: str, rendezvous: ScriptRendezvous, by: str, application_of: Callable[[Any], Any]
) -> None:
    """Serve where this method would serve, unless it is called in another thread; a coroutine function stays one."""
    method = getattr(kind, name, None)
    if method is None:
        return  # this release has no such method

    def called(self: Any, *given: Any, **named: Any) -> Any:
        if not rendezvous.is_main:
            return method(self, *given, **named)
        return rendezvous.serve(application_of(self), by)

    async def awaited(self: Any, *given: Any, **named: Any) -> Any:
        if not rendezvous.is_main:
            return await method(self, *given, **named)
        return rendezvous.serve(application_of(self), by)

    setattr(kind, name, awaited if inspect.iscoroutinefunction(method) else called)


def _rocket(module: Any, rendezvous: ScriptRendezvous) -> None:
    def made(_interfaces: Any = None, _method: str = "wsgi", app_info: Any = None, *_: Any, **__: Any) -> _Server:
        return _Server((app_info or {}).get("wsgi_app"), "Rocket", rendezvous)

    module.Rocket3 = made


def _waitress(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.serve = lambda app, **_: rendezvous.serve(app, "waitress")
    module.create_server = lambda application, *_, **__: _Server(application, "waitress", rendezvous)


def _webpy(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.runsimple = module.runbasic = lambda func, *_, **__: rendezvous.serve(func, "web.py")


def _webpy_wsgi(module: Any, rendezvous: ScriptRendezvous) -> None:
    module.runwsgi = lambda func: rendezvous.serve(func, "web.py")


def _serve(name: str, by: str) -> Patch:
    def patch(module: ModuleType, rendezvous: ScriptRendezvous) -> None:
        setattr(module, name, lambda application, *_, **__: rendezvous.serve(application, by))

    return patch


PATCHES: dict[str, Patch] = {
    "bjoern": _serve("run", "bjoern"),
    "bottle": _bottle,
    "cheroot.wsgi": _cheroot,
    "cherrypy": _cherrypy,
    "django.core.management": _django,
    "eventlet": _eventlet,
    "eventlet.wsgi": _eventlet_wsgi,
    "flask_socketio": _socketio,
    "gevent.pywsgi": _gevent,
    "gunicorn.app.base": _gunicorn,
    "hypercorn.asyncio": _hypercorn,
    "paste.httpserver": _serve("serve", "Paste"),
    "rocket3": _rocket,
    "tornado.platform.asyncio": _tornado_loop,
    "tornado.tcpserver": _tornado_server,
    "tornado.wsgi": _tornado,
    "uvicorn": _uvicorn,
    "waitress": _waitress,
    "web.httpserver": _webpy,
    "web.wsgi": _webpy_wsgi,
    "werkzeug.serving": _werkzeug,
    "wsgiref.simple_server": _wsgiref,
}
