"""Find out which server a file starts when it runs as a script, and what it does before that.

This module has the table of calls that serve. It does not run a file; appliance.worker.frameworks.script does. Runs in
the supervisor and in commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.discovery.source.scope import Value
from appliance.discovery.source.verdict import judge_name
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.discovery.frameworks import Kind
    from appliance.discovery.source.modules import Modules
    from appliance.discovery.source.source import Source

# By the full name of the called function, or of the object whose method is called. The worker replaces each "wsgi".
_SERVERS: dict[str, Kind] = {
    "bottle.run": "wsgi",
    "cherrypy.quickstart": "wsgi",
    "cherrypy.engine.block": "wsgi",
    "cherrypy.engine.start": "wsgi",
    "cherrypy.server.start": "wsgi",
    "cheroot.wsgi.Server": "wsgi",
    "cheroot.wsgi.WSGIServer": "wsgi",
    "django.core.management.execute_from_command_line": "wsgi",  # runserver, unless another command is given
    "eventlet.wsgi.server": "wsgi",
    "flask_socketio.SocketIO.run": "wsgi",
    "gevent.pywsgi.WSGIServer": "wsgi",
    "gevent.wsgi.WSGIServer": "wsgi",
    "morepath.run": "wsgi",
    "paste.httpserver.serve": "wsgi",
    "rocket3.Rocket3": "wsgi",
    "waitress.serve": "wsgi",
    "waitress.create_server": "wsgi",
    "waitress.server.create_server": "wsgi",
    "web.httpserver.runsimple": "wsgi",
    "web.runwsgi": "wsgi",
    "werkzeug.run_simple": "wsgi",
    "werkzeug.serving.make_server": "wsgi",
    "werkzeug.serving.run_simple": "wsgi",
    "wsgiref.simple_server.WSGIServer": "wsgi",
    "wsgiref.simple_server.make_server": "wsgi",
    "hypercorn.asyncio.serve": "asgi",
    "uvicorn.Server": "asgi",
    "uvicorn.run": "asgi",
    "aiohttp.web.run_app": "other",
    "gunicorn.app.base.BaseApplication": "wsgi",
    "gradio.Blocks": "other",
    "gradio.Interface": "other",
    "grpc.server": "other",
    "http.server.HTTPServer": "other",
    "http.server.ThreadingHTTPServer": "other",
    "http.server.test": "other",
    "nicegui.ui.run": "other",
    "socketserver.TCPServer": "other",
    "socketserver.ThreadingTCPServer": "other",
    "tornado.ioloop.IOLoop": "other",
    "twisted.internet.reactor.run": "other",
    "websockets.serve": "other",
    "xmlrpc.server.SimpleXMLRPCServer": "other",
}
_DJANGO = "django.core.management.execute_from_command_line"
_METHODS = frozenset({"run", "run_server", "run_debug", "serve", "serve_forever", "serve_until_stopped"})
# Keyword arguments that only a server's ``run`` has.
_OF_SERVERS = frozenset({"host", "port", "threaded", "use_reloader", "ssl_context", "debug", "reloader"})
# Calls before the server's that it does not need.
_IDLE = ("logging.", "argparse.", "os.environ.get", "os.getenv", "os.path.", "sys.", "webbrowser.")
_IDLE_CALLS = frozenset({"?.print", "?.int", "?.str", "?.bool", "?.len", "?.add_argument", "?.parse_args"})
_MAX_DEPTH = 3


class StartedServer(Record):
    """The server that a file starts.

    Attributes:
        kind: what the server serves.
        by: the call that serves, as the file imports it.
        on_import: whether importing the file already starts the server.
        prepares: whether running it does more than importing it and serving, such as making tables or setting a key.
        line: the line of the call.
    """

    kind: Kind
    by: str
    on_import: bool
    prepares: bool
    line: int


def started_server(modules: Modules, source: Source) -> StartedServer | None:
    """Return the server that this file starts when it runs, at its top level or in its ``__main__`` branch; or None."""
    for calls, on_import, sets in (
        (source.calls, True, False),
        (source.run.calls if source.run else (), False, source.run.sets if source.run else False),
    ):
        for before, call in enumerate(calls):
            found = _serving(modules, call, 0)
            if found is not None and found[1] == _DJANGO and not is_django_in_one_file(source):
                continue  # most likely a library's runtests.py
            if found is not None:
                found = _contained(source, *found)
                needed = (
                    sets
                    or not all(_is_idle(modules, each) for each in calls[:before])
                    or _serves_in_project_code(modules, call)
                )
                return StartedServer(*found, on_import, needed and not on_import, call.line)
    return None


def is_django_in_one_file(source: Source) -> bool:
    """Whether this single file is a whole Django project: it has the URLs."""
    return "urlpatterns" in source.text


def server_of_function(modules: Modules, source: Source, function: str) -> StartedServer | None:
    """Return the server that this function of the file starts; None if it starts none. For a console script."""
    call = Value("call", f"{source.module}.{function}")
    found = _serving(modules, call, 0)
    if found is None:
        return None
    return StartedServer(*_contained(source, *found), on_import=False, prepares=True, line=source.values[function].line)


def _contained(source: Source, kind: Kind, by: str) -> tuple[Kind, str]:
    """Correct the kind for Tornado, whose loop serves WSGI too if the file uses a WSGIContainer."""
    return ("wsgi" if by.startswith("tornado.") and "WSGIContainer" in source.text else kind), by


def _serving(modules: Modules, call: Value, depth: int) -> tuple[Kind, str] | None:
    """Return the kind of application that the call serves, and the serving call: this, an argument, or one inside."""
    if depth > _MAX_DEPTH:
        return None
    kind = _kind_of(modules, call)
    if kind is not None:
        return kind, call.name
    for inner in (*call.arguments, *_inside(modules, call)):
        found = _serving(modules, inner, depth + 1) if inner.kind != "reference" else None
        if found is not None:
            return found
    return None


def _kind_of(modules: Modules, call: Value) -> Kind | None:
    name, _, method = call.name.rpartition(".")
    if call.name in _SERVERS:
        # Making a server does not run it yet: ``make_server(..)``, then ``.serve_forever()``.
        return _SERVERS[call.name] if not _is_made(call.name) else None
    bases = _bases(modules, name)
    made = next((each for each in (name, name.rpartition(".")[0], *bases) if each in _SERVERS), None)
    if made is not None:
        return _SERVERS[made]
    if method not in _METHODS or not name:
        return None
    if name == "?":
        return "wsgi" if _OF_SERVERS & set(call.keywords) else None
    for called in (True, False):
        verdict = judge_name(modules, name, called=called)
        if verdict.kind in {"wsgi", "asgi"}:
            return "asgi" if verdict.kind == "asgi" else "wsgi"
    return None


def _bases(modules: Modules, name: str) -> tuple[str, ...]:
    """Return the bases of a class of the project, which may be its own kind of server."""
    found = modules.resolve(name) if name and name != "?" else None
    value = found[0].values.get(found[1][0]) if found and len(found[1]) == 1 else None
    return value.bases if value is not None and value.kind == "class" else ()


def _is_made(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last[:1].isupper() or last in {"make_server", "create_server"} or name == "grpc.server"


def _inside(modules: Modules, call: Value) -> Iterable[Value]:
    """Return the calls in the project's function of this name."""
    function = project_function(modules, call.name) if call.kind == "call" else None
    return function.calls if function is not None else ()


def project_function(modules: Modules, name: str, depth: int = 0) -> Value | None:
    """Return the project's function of this name, or a class's method."""
    found = modules.resolve(name)
    if found is None or not 1 <= len(found[1]) <= 2 or depth > _MAX_DEPTH:
        return None
    value = found[0].values.get(found[1][0])
    if value is not None and value.kind == "reference":
        return project_function(modules, ".".join([value.name, *found[1][1:]]), depth + 1)
    if value is not None and value.kind == "class":
        return value.methods.get(found[1][1]) if len(found[1]) == 2 else None
    if value is not None and value.kind == "call" and len(found[1]) == 2:  # a method of an instance
        return project_function(modules, f"{value.name}.{found[1][1]}", depth + 1)
    return value if value is not None and value.kind == "function" and len(found[1]) == 1 else None


def _serves_in_project_code(modules: Modules, call: Value) -> bool:
    """Whether a function of the project does the serving, and more than that one call."""
    function = project_function(modules, call.name) if call.kind == "call" else None
    return function is not None and (function.sets or len(function.calls) > 1)


def _is_idle(modules: Modules, call: Value) -> bool:
    if call.kind == "call" and judge_name(modules, call.name, called=True).kind == "wsgi":
        return True  # the factory of the served application
    return call.name in _IDLE_CALLS or call.name in _SERVERS or call.name.startswith(_IDLE)
