"""Find the routes that a Django project has only in its ASGI application: WebSockets, most of all.

This module reads Channels' routers (ProtocolTypeRouter, URLRouter and the lists of URL patterns in them), and whatever
else an ``asgi.py`` puts around Django. It does not find the application. Runs in the supervisor and in commands; like
all of discovery it reads source, and runs nothing of the project.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.discovery.asgi_applications import websocket_action
from appliance.discovery.rules.django import setting_of
from appliance.discovery.source.verdict import judge
from appliance.discovery.target import target_of
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.discovery.source.source import Source
    from appliance.discovery.target import Context, Target

_MAX_DEPTH = 12
_PATTERNS = frozenset({"path", "re_path", "url"})
_PLAIN = frozenset({"get_asgi_application", "get_default_application", "AsgiHandler"})


class Unserved(Record):
    """The routes that WSGI does not serve.

    Attributes:
        application: the ASGI application, as ``module:name``.
        routes: its other routes, each with its protocol: ``websocket /ws/chat/<str:room>/``.
        action: the command that serves them.
    """

    application: str
    routes: tuple[str, ...]
    action: str


def find_unserved(context: Context, target: Target) -> Unserved | None:
    """Return the routes of a Django project that only its ASGI application has; None if there are none."""
    if target.framework != "Django" or target.interface != "wsgi":
        return None
    found = _asgi_application(context, target)
    if found is None:
        return None
    source, name = found
    routes = tuple(dict.fromkeys(_Reader(context).routes(source, name)))
    verdict = judge(context.modules, source, name)
    asgi = target_of(context, source, name, verdict, "")
    if not routes and verdict.framework not in {"", "Django", "ASGI", "Channels"}:
        routes = (f"what {verdict.framework} adds",)
    if not routes:
        return None
    return Unserved(f"{asgi.module}:{name}", routes, websocket_action(context.root, asgi))


def _asgi_application(context: Context, target: Target) -> tuple[Source, str] | None:
    """Return the module and name in ASGI_APPLICATION; else of ``asgi.py`` beside the settings, or beside wsgi.py."""
    folder = Path(target.search_path[0])
    settings = target.environ.get("DJANGO_SETTINGS_MODULE") or context.values.get("DJANGO_SETTINGS_MODULE", "")
    named = setting_of(context, folder, settings, "ASGI_APPLICATION") if settings else ""
    module, _, name = named.rpartition(".")
    packages = [part for each in (settings, target.module) for part in _above(each)]
    for candidate, bound in ((module, name), *((f"{package}.asgi", "application") for package in packages)):
        file = context.modules.find(candidate, folder) if candidate else None
        if file is not None:
            source = context.modules.source(file)
            return (source, bound) if bound in source.values else None
    return None


def _above(module: str) -> list[str]:
    """Return the packages that a module is in, the innermost first."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


class _Reader:
    """Reads routers from the syntax trees of the project's modules."""

    def __init__(self, context: Context) -> None:
        self._modules = context.modules
        self._trees: dict[Path, ast.Module] = {}

    def routes(self, source: Source, name: str) -> Iterator[str]:
        """Yield the routes that a name of a module has only in ASGI."""
        for expression in self._bindings(source, name):
            yield from self._application(source, expression, 0)

    def _application(self, source: Source, node: ast.expr, depth: int) -> Iterator[str]:
        if depth > _MAX_DEPTH:
            return
        source, node = self._resolve(source, node, depth)
        if not isinstance(node, ast.Call):
            return
        called = _last_name(node.func)
        if called == "ProtocolTypeRouter":
            for protocol, handler in _entries(node):
                yield from self._protocol(source, protocol, handler, depth)
        elif called == "ASGIApp":  # Socket.IO's
            yield f"http, websocket {_socketio_path(node)}"
        elif called not in _PLAIN:  # a middleware
            for argument in node.args:
                yield from self._application(source, argument, depth + 1)

    def _protocol(self, source: Source, protocol: str, handler: ast.expr, depth: int) -> Iterator[str]:
        if protocol not in {"http", "websocket"}:
            return  # a channel's name: its worker is a process of its own, with any server
        paths = list(self._router(source, handler, "", depth + 1))
        if protocol == "websocket" and not paths:
            paths = ["(its routes can't be read)"]
        yield from (f"{protocol} {path}" for path in paths)

    def _router(self, source: Source, node: ast.expr, prefix: str, depth: int) -> Iterator[str]:
        """Yield the paths of a URLRouter, wherever it is among middlewares."""
        if depth > _MAX_DEPTH:
            return
        source, node = self._resolve(source, node, depth)
        if not isinstance(node, ast.Call) or _last_name(node.func) in _PLAIN:
            return
        for argument in (*node.args, *(pair.value for pair in node.keywords)):
            if _last_name(node.func) == "URLRouter":
                yield from self._patterns(source, argument, prefix, depth + 1)
            else:
                yield from self._router(source, argument, prefix, depth + 1)

    def _patterns(self, source: Source, node: ast.expr, prefix: str, depth: int) -> Iterator[str]:
        if depth > _MAX_DEPTH:
            return
        source, node = self._resolve(source, node, depth)
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                for element in elements:
                    inner = element.value if isinstance(element, ast.Starred) else element
                    yield from self._patterns(source, inner, prefix, depth + 1)
            case ast.BinOp(left=left, right=right):
                yield from self._patterns(source, left, prefix, depth + 1)
                yield from self._patterns(source, right, prefix, depth + 1)
            case ast.Call(args=[ast.Constant(value=str() as route), handler, *_]) if _last_name(node.func) in _PATTERNS:
                yield from self._pattern(source, _joined(prefix, route), handler, depth)

    def _pattern(self, source: Source, path: str, handler: ast.expr, depth: int) -> Iterator[str]:
        nested = list(self._router(source, handler, path, depth + 1))
        if nested:
            yield from nested
        elif not self._is_django(source, handler, depth):
            yield path

    def _is_django(self, source: Source, node: ast.expr, depth: int) -> bool:
        """Whether the node is Django itself, which WSGI serves."""
        _, node = self._resolve(source, node, depth)
        return isinstance(node, ast.Call) and _last_name(node.func) in _PLAIN

    def _resolve(self, source: Source, node: ast.expr, depth: int) -> tuple[Source, ast.expr]:
        """Resolve a name to its expression, in the module that binds it; return the name itself if that fails."""
        unread = source, node
        while isinstance(node, ast.Name | ast.Attribute) and depth <= _MAX_DEPTH:
            depth += 1
            dotted = ast.unparse(node)
            head, _, rest = dotted.partition(".")
            value = source.values.get(head)
            bound = list(self._bindings(source, head)) if not rest else []
            if bound:
                node = bound[-1]
                continue
            full = f"{value.name}.{rest}".rstrip(".") if value is not None and value.kind == "reference" else ""
            resolved = self._modules.resolve(full) if full else None
            if resolved is None or len(resolved[1]) != 1:
                return unread
            source, node = resolved[0], ast.Name(resolved[1][0])
        return source, node

    def _bindings(self, source: Source, name: str) -> Iterator[ast.expr]:
        """Yield the values that the top level of a module binds to a name, in order; additions to a list as a sum."""
        last: ast.expr | None = None
        for statement in _statements(self._tree(source).body):
            match statement:
                case ast.Assign(targets=targets, value=value) if any(
                    isinstance(target, ast.Name) and target.id == name for target in targets
                ):
                    last = value
                case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as value) if bound == name:
                    last = value
                case ast.AugAssign(target=ast.Name(id=bound), op=ast.Add() as plus, value=value) if bound == name:
                    last = ast.BinOp(last, plus, value) if last is not None else value
                case _:
                    continue
            yield last

    def _tree(self, source: Source) -> ast.Module:
        if source.file not in self._trees:
            try:
                with warnings.catch_warnings(action="ignore"):
                    self._trees[source.file] = ast.parse(source.text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._trees[source.file] = ast.Module([], [])
        return self._trees[source.file]


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements at the top level of a module, and in its branches."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for branch in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, branch, ()))


def _entries(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Yield the protocols of a ProtocolTypeRouter, and what handles each."""
    for argument in (*call.args, *(pair.value for pair in call.keywords)):
        if isinstance(argument, ast.Dict):
            for key, value in zip(argument.keys, argument.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _socketio_path(call: ast.Call) -> str:
    given = next((pair.value for pair in call.keywords if pair.arg == "socketio_path"), None)
    path = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else "socket.io"
    return f"/{path.strip('/')}/"


def _joined(prefix: str, route: str) -> str:
    """Join a pattern to its prefix as a path: Django's routes have no leading slash, and its regexes have an anchor."""
    bare = route.removeprefix("^").removesuffix("$")
    return f"{prefix.rstrip('/')}/{bare.lstrip('/')}"
