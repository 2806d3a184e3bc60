"""A file that is to be run rather than imported: ``python app.py``, which makes its application and serves it.

Owns the choice between the two. Must not know how the worker stands in for the server. Runs in the appliance's own
interpreter.

Theory of operation. Importing a module that binds its application is simpler, and what every other server does. It is
not enough where the application is made under ``__main__``, where the module serves as soon as it is imported (it would
never return), or where the ``__main__`` branch makes what the application needs: tables, a secret key, its routes. Then
the worker runs the file as its author does, and serves what the file hands to its server.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.discovery.asgi_applications import named_in_text
from appliance.discovery.serving import Served, serves_itself, serves_when_called
from appliance.discovery.target import Look, Pick, Target, command_environ, search_path

if TYPE_CHECKING:
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


def script_target(look: Look, source: Source, best: Pick) -> Target | None:
    """The target that runs this file; None where it serves no WSGI, or where importing ``best`` is enough."""
    served = serves_itself(look.modules, source) or (None if best.name else _registers(source))
    if served is None or served.kind != "wsgi":
        return None
    if best.name and not (served.on_import or served.prepares):
        return None
    return _run(look, source, best, best.verdict.framework or _framework(source, served), _reason(served, best))


def asgi_target(look: Look, source: Source) -> Target | None:
    """The target of a file that starts an ASGI server; None where it starts none, or only names what another binds."""
    served = serves_itself(look.modules, source)
    if served is None or served.kind != "asgi" or named_in_text(source.text):
        return None
    return replace(_run(look, source, Pick(), "", _reason(served, Pick())), interface="asgi")


def named_script(look: Look, source: Source) -> Target | None:
    """The target that runs a file that somebody named, and that has a ``__main__`` branch; whatever that does."""
    if source.run is None or not source.run.calls:
        return None
    return _run(look, source, Pick(), "", "binds no application, and does something under __main__")


def _run(look: Look, source: Source, best: Pick, framework: str, reason: str) -> Target:
    # A file of a package that imports relatively is run as by python -m: from the package's root, as a part of it.
    module, first = look.modules.name_of(source.file) if _RELATIVE.search(source.text) else ("", source.file.parent)
    return Target(
        "script",
        module.rpartition(".")[0] or "__main__",
        str(source.file),
        best.name or "",  # served all the same, should the file start no server without arguments
        "no",
        tuple(dict.fromkeys((str(first), str(look.root)))),
        environ=command_environ(look, source, best.name or "", best.verdict),
        framework=framework,
        why=f"{look.name(source.file)} {reason}: it is run, as by python {look.name(source.file)}.",
    )


def console_target(look: Look, name: str, module: str, function: str) -> Target | None:
    """The target that calls what the console script of this name calls; None where that serves no WSGI."""
    file = look.modules.find(module)
    source = look.modules.source(file, module) if file else None
    served = serves_when_called(look.modules, source, function) if source and function in source.values else None
    if file is None or source is None or served is None or served.kind != "wsgi":
        return None
    by = served.by.removeprefix("?.")
    return Target(
        "script",
        module,
        str(file),
        function,
        "yes",
        search_path(look.root, look.modules.name_of(file)[1]),
        framework=_framework(source, served),
        why=f"{look.name(file)}:{function} serves ({by}), and is what the console script {name} calls: it is called.",
    )


def refused_script(look: Look, source: Source) -> str:
    """Why a file that serves something else is no application, in words; empty where it is not so."""
    served = serves_itself(look.modules, source)
    if served is None or served.kind == "wsgi":
        return ""
    kind = "an ASGI server" if served.kind == "asgi" else "a server of its own, not WSGI"
    return f"{look.name(source.file)}:{served.line} starts {served.by}, {kind}"


def _registers(source: Source) -> Served | None:
    """Functions that are put into a framework's own application, which nothing names: ``@bottle.route(..)``."""
    for value in source.values.values():
        name = next((name for name in value.decorators if name.startswith(_REGISTRIES)), "")
        if value.kind == "function" and name:
            return Served("wsgi", name, on_import=False, prepares=False, line=value.line)
    call = next((call for call in source.calls if call.name in {"cherrypy.tree.mount", "cherrypy.tree.graft"}), None)
    return Served("wsgi", call.name, on_import=False, prepares=False, line=call.line) if call else None


def registers_with_hug(source: Source) -> bool:
    """Whether hug binds an application in it when it is imported."""
    registered = _registers(source)
    return registered is not None and registered.by.startswith("hug.")


def _framework(source: Source, served: Served) -> str:
    imported = (name for name in _FRAMEWORKS if name in source.imports)
    return _FRAMEWORKS.get(served.by.partition(".")[0]) or _FRAMEWORKS.get(next(imported, ""), "")


def _reason(served: Served, best: Pick) -> str:
    by = f"{served.by.removeprefix('?.')} in line {served.line}"
    if served.by.startswith((*_REGISTRIES, "cherrypy.tree.")):
        return f"registers what it has with the framework itself ({by})"
    if served.on_import:
        return f"serves as soon as it is imported ({by})"
    if best.name:
        return f"makes what {best.name} needs under __main__, before it serves it ({by})"
    return f"makes its application when it is run, and serves it ({by})"
