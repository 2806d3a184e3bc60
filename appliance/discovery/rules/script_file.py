"""Decide whether to run a file instead of importing it: ``python app.py``, which makes its application and serves it.

The worker replaces the server; this module does not know how. Runs in the supervisor and in commands.

Theory of operation. Importing a module that binds its application is simpler, and what every other server does. It is
not enough if the application is made under ``__main__``, if the module serves as soon as it is imported (the import
would never return), or if the ``__main__`` branch makes what the application needs: tables, a secret key, its routes.
Then the worker runs the file as its author does, and serves the application that the file passes to its server.

Decision 19 says why.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from appliance.discovery.asgi_applications import named_in_text
from appliance.discovery.source.source import parse
from appliance.discovery.started_server import StartedServer, server_of_function, started_server
from appliance.discovery.target import Candidate, Context, Target, command_environ, pick, search_path
from appliance.protocol.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.discovery.source.source import Source

_FRAMEWORKS = {
    "flask": "Flask",
    "django": "Django",
    "bottle": "Bottle",
    "cherrypy": "CherryPy",
    "pyramid": "Pyramid",
    "falcon": "Falcon",
    "web": "web.py",
    "hug": "Hug",
    "werkzeug": "Werkzeug",
}

_REGISTRIES = (
    *(f"bottle.{name}" for name in ("route", "get", "post", "put", "delete", "error", "view")),
    *(f"hug.{name}" for name in ("get", "post", "put", "delete", "patch", "http", "object", "local")),
)

_RELATIVE = re.compile(r"^[ \t]*from[ \t]+\.", re.MULTILINE)


def script_target(context: Context, source: Source, best: Candidate) -> Target | None:
    """Return the target that runs this file; None if it serves no WSGI, or if importing ``best`` is enough."""
    server = started_server(context.modules, source) or (None if best.name else _registers(source))
    if server is None or server.kind != "wsgi":
        return None
    if best.name and not (server.on_import or server.prepares):
        return None
    return _run(context, source, best, best.verdict.framework or _framework(source, server), _reason(server, best))


def asgi_target(context: Context, source: Source) -> Target | None:
    """Return the target of a file that starts an ASGI server; None if it starts none, or names another file's."""
    server = started_server(context.modules, source)
    if server is None or server.kind != "asgi" or named_in_text(source.text):
        return None
    return replace(_run(context, source, Candidate(), "", _reason(server, Candidate())), interface="asgi")


def named_script(context: Context, source: Source) -> Target | None:
    """Return the target that runs a named file with a ``__main__`` branch, whatever the branch does."""
    if source.run is None or not source.run.calls:
        return None
    return _run(context, source, Candidate(), "", "binds no application, and does something under __main__")


def program_target(context: Context, source: Source) -> Target:
    """Return the target that runs a file, whatever it binds or does: its user names it with arguments."""
    best = pick(context.modules, source)
    return _run(context, source, best, best.verdict.framework, "is named with arguments")


def _run(context: Context, source: Source, best: Candidate, framework: str, reason: str) -> Target:
    # A file of a package with relative imports runs as with python -m: from the package's root, as a part of it.
    module, first = context.modules.name_of(source.file) if _RELATIVE.search(source.text) else ("", source.file.parent)
    return Target(
        "script",
        module.rpartition(".")[0] or "__main__",
        str(source.file),
        best.name or "",  # the application to serve if the file starts no server without arguments
        "no",
        tuple(dict.fromkeys((str(first), str(context.root)))),
        environ=command_environ(context, source, best.name or "", best.verdict),
        framework=framework,
        why=f"{context.name(source.file)} {reason}: it is run, as by python {context.name(source.file)}.",
    )


def console_target(context: Context, name: str, module: str, function: str) -> Target | None:
    """Return the target that calls the function of this console script; None if it serves no WSGI."""
    file = context.modules.find(module)
    source = context.modules.source(file, module) if file else None
    if file is None or source is None or function not in source.values:
        return None
    words: tuple[str, ...] = ()
    server = server_of_function(context.modules, source, function)
    if server is None and (command := _serving_command(context, source, function)):
        server, words = command
    if server is None or server.kind != "wsgi":
        return None
    by = server.by.removeprefix("?.")
    called = f"calls it: it is called{' with ' + ' '.join(words) if words else ''}."
    return Target(
        "script",
        module,
        str(file),
        function,
        "yes",
        search_path(context.root, context.modules.name_of(file)[1]),
        framework=_framework(source, server),
        why=f"{context.name(file)}:{function} serves ({by}), and the console script {name} {called}",
        arguments=words,
    )


def _serving_command(context: Context, source: Source, group: str) -> tuple[StartedServer, tuple[str, ...]] | None:
    """Return the server that a command of this group of Click's or Typer's starts, and the words that name it."""
    commands = [command for node in parse(source.text).body for command in _commands(node, group)]
    for function, named in commands:
        server = server_of_function(context.modules, source, function)
        if server is not None and server.kind == "wsgi":
            # Typer runs an only command without its name.
            alone = len(commands) == 1 and source.values[group].kind == "call"
            return server, () if alone else (named or function.replace("_", "-"),)
    return None


def _commands(node: ast.stmt, group: str) -> Iterator[tuple[str, str]]:
    """Yield a function that a decorator makes a command of this group, and the name that it gives it, if any."""
    if isinstance(node, ast.FunctionDef):
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="command"), args=args) if name == group:
                    yield node.name, next((str(each.value) for each in args if isinstance(each, ast.Constant)), "")


def refused_script(context: Context, source: Source) -> str:
    """Return why a file that serves something else is not a WSGI application; empty if it serves nothing else."""
    server = started_server(context.modules, source)
    if server is None or server.kind == "wsgi":
        return ""
    kind = "an ASGI server" if server.kind == "asgi" else "its own kind of server, not WSGI"
    return f"{context.name(source.file)}:{server.line} starts {server.by}, {kind}"


def _registers(source: Source) -> StartedServer | None:
    """Find functions that are registered with a framework's own, unnamed application: ``@bottle.route(..)``."""
    for value in source.values.values():
        name = next((name for name in value.decorators if name.startswith(_REGISTRIES)), "")
        if value.kind == "function" and name:
            return StartedServer("wsgi", name, on_import=False, prepares=False, line=value.line)
    call = next((call for call in source.calls if call.name in {"cherrypy.tree.mount", "cherrypy.tree.graft"}), None)
    return StartedServer("wsgi", call.name, on_import=False, prepares=False, line=call.line) if call else None


def registers_with_hug(source: Source) -> bool:
    """Whether hug binds an application in this module when it is imported."""
    registered = _registers(source)
    return registered is not None and registered.by.startswith("hug.")


def _framework(source: Source, server: StartedServer) -> str:
    imported = (name for name in _FRAMEWORKS if name in source.imports)
    return _FRAMEWORKS.get(server.by.partition(".")[0]) or _FRAMEWORKS.get(next(imported, ""), "")


def _reason(server: StartedServer, best: Candidate) -> str:
    by = f"{server.by.removeprefix('?.')} in line {server.line}"
    if server.by.startswith((*_REGISTRIES, "cherrypy.tree.")):
        return f"registers its functions with the framework itself ({by})"
    if server.on_import:
        return f"serves as soon as it is imported ({by})"
    if best.name:
        return f"makes what {best.name} needs under __main__, before it serves {best.name} ({by})"
    return f"makes its application when it runs, and serves it ({by})"
