"""A program: for each line that it reads, it imports the project in a fresh fork, and prints what it answers, as JSON.

It has imported nothing of the project, so each fork is a cold start. It keeps the code of files that have not changed,
as the interpreter does. Run with the project's Python.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import json
import os
import signal
import sys
from pathlib import Path
from types import CodeType
from typing import Any

PATIENCE_S = 5  # a change can make an endless loop


def answers(folder: str, routes: list[str]) -> dict[str, Any]:
    """What each route answers after an import of the files as they are now."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    project = importlib.import_module("app")
    return {route: json.loads(json.dumps(project.ROUTES[route]())) for route in routes}


class Compiled:
    """The code of each file, by its content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[bytes, CodeType]] = {}

    def update(self) -> None:
        """Compile what has changed."""
        for file in self._folder.glob("*.py"):
            source = file.read_bytes()
            if self._known.get(str(file), (b"",))[0] != source:
                with contextlib.suppress(SyntaxError, ValueError):
                    self._known[str(file)] = source, compile(source, str(file), "exec", dont_inherit=True)

    def install(self) -> None:
        """Let the interpreter take code from here."""
        kind: Any = importlib.machinery.SourceFileLoader
        original = kind.get_code

        def get_code(loader: Any, name: str) -> Any:
            source, code = self._known.get(loader.path, (b"", None))
            return code if code is not None and Path(loader.path).read_bytes() == source else original(loader, name)

        kind.get_code = get_code


def in_fork(folder: str, routes: list[str]) -> str:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(PATIENCE_S)
        os.close(read)
        try:
            text = json.dumps(answers(folder, routes))
        except BaseException as error:  # noqa: BLE001  whatever a change has made of the project
            text = json.dumps({"error": f"{type(error).__name__}: {error}"})
        with os.fdopen(write, "w", encoding="utf-8") as pipe:
            pipe.write(text)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text or json.dumps({"error": "it took too long, or crashed"})


def main() -> None:
    repository, folder, *routes = sys.argv[1:]
    sys.path.insert(0, repository)
    sys.dont_write_bytecode = True
    import appliance.worker.image.fingerprint  # noqa: F401, PLC0415  once, not in each fork

    sys.path.remove(repository)
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # what the project prints
    compiled = Compiled(Path(folder))
    compiled.install()
    for _ in sys.stdin:
        compiled.update()
        output.write(in_fork(str(Path(folder)), routes) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
