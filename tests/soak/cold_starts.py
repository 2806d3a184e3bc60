"""A program: for each line that it reads, it starts the project cold, and prints what it answers, as a line of JSON.

``cold_starts.py REPOSITORY FOLDER ROUTE...``, run with the project's Python. Each start is a fork of this process,
which has imported nothing but modules of the standard library and the fingerprint: no package, nothing of the project.
The first start says which modules of the standard library the project needs. The code of files that have not changed is
kept in memory, as the interpreter keeps it in its cache: that of packages, and by its content that of the project.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.machinery
import io
import json
import os
import signal
import sys
from pathlib import Path
from types import CodeType
from typing import Any
from wsgiref.util import setup_testing_defaults

PROCESSOR_S = 10.0  # CPU time: a change can make an endless loop
WALL_S = 120  # or wait for something


def request(application: Any, path: str) -> list[Any]:
    """The status and the body of a request."""
    environ: dict[str, Any] = {"PATH_INFO": path, "wsgi.errors": io.StringIO()}
    setup_testing_defaults(environ)
    started: list[tuple[str, dict[str, str]]] = []

    def start_response(status: str, fields: list[tuple[str, str]], _exc_info: Any = None) -> None:
        started.append((status, {name.lower(): value for name, value in fields}))

    try:
        parts = application(environ, start_response)
        body = b"".join(parts)
        with contextlib.suppress(AttributeError):
            parts.close()
    except Exception as error:  # noqa: BLE001  whatever a change has made of the project
        return told(500, "", f"{type(error).__name__}: {error}".encode())
    status, fields = started[-1]
    return told(int(status[:3]), fields.get("content-type", ""), body)


def told(status: int, kind: str, body: bytes) -> list[Any]:
    """Return the parts of an answer that are compared: not the page of a server's error, which each server writes."""
    if not 200 <= status < 600:
        return [500, ""]  # a server can't send it
    if status in {204, 304}:
        body = b""
    if kind.startswith("application/json") and body:
        return [status, json.loads(body)]
    return [status, body.decode() if status < 500 else ""]


def answers(folder: str, routes: list[str]) -> dict[str, Any]:
    """Return the answer of each route after an import of the current files, or the reason why that fails."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    try:
        application = importlib.import_module("app").application
    except BaseException as error:  # noqa: BLE001  as above
        return {"failed": type(error).__name__}
    answered = {route: request(application, route) for route in routes}
    return {"routes": answered, "library": library(), "packages": packages()}


def library() -> list[str]:
    """The modules of the standard library that are loaded."""
    return [name for name in list(sys.modules) if name.partition(".")[0] in sys.stdlib_module_names]


def packages() -> dict[str, str]:
    """The modules of packages that are loaded, with their files."""
    files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
    return {name: file for name, file in files.items() if "site-packages" in file and file.endswith(".py")}


class Compiled:
    """The code of each file, by its content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[bytes, CodeType]] = {}
        self._packages: dict[str, CodeType | None] = {}

    def prepare(self, start: dict[str, Any]) -> None:
        """Load the modules that all starts need, and execute no module but those of the standard library."""
        for name in start.get("library", ()):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        for name, file in start.get("packages", {}).items():
            self._packages[file] = importlib.machinery.SourceFileLoader(name, file).get_code(name)
        gc.collect()
        gc.freeze()

    def update(self) -> None:
        """Compile the changed files."""
        for file in self._folder.rglob("*.py"):
            source = file.read_bytes()
            if self._known.get(str(file), (b"",))[0] != source:
                with contextlib.suppress(SyntaxError, ValueError):
                    self._known[str(file)] = source, compile(source, str(file), "exec", dont_inherit=True)

    def install(self) -> None:
        """Let the interpreter take code from here."""
        kind: Any = importlib.machinery.SourceFileLoader
        original = kind.get_code

        def get_code(loader: Any, name: str) -> Any:
            if (known := self._packages.get(loader.path)) is not None:
                return known
            source, code = self._known.get(loader.path, (b"", None))
            return code if code is not None and Path(loader.path).read_bytes() == source else original(loader, name)

        kind.get_code = get_code


def in_fork(folder: str, routes: list[str]) -> str:
    """Return the answers of a fork, as JSON."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_S)
        signal.alarm(WALL_S)
        os.close(read)
        text = json.dumps(answers(folder, routes))
        with os.fdopen(write, "w", encoding="utf-8") as pipe:
            pipe.write(text)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text or json.dumps({"ended": "it took too long, or crashed"})


def main() -> None:
    """Answer to each line."""
    repository, folder, *routes = sys.argv[1:]
    sys.path.insert(0, repository)
    sys.dont_write_bytecode = True
    import appliance.worker.snapshot.fingerprints.fingerprint  # noqa: F401, PLC0415  once, not in each fork

    sys.path.remove(repository)
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # what the project prints
    os.dup2(null, 2)
    compiled = Compiled(Path(folder))
    compiled.install()
    compiled.update()
    compiled.prepare(json.loads(in_fork(folder, routes)))
    for _ in sys.stdin:
        compiled.update()
        output.write(in_fork(folder, routes) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
