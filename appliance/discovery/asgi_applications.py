"""The error for an ASGI application: a WSGI server can't serve it; how to run it, and how to have it adapted.

This module knows the commands of ASGI servers, not how an application is found. Runs in the supervisor and in commands.

Decision 33 says why.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.conventions import ASGI_SERVERS
from appliance.errors import ApplicationError
from appliance.identity.regular_file import read_text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.discovery.target import Target

ADAPT = "APPLIANCE_ASGI=adapt"
EXPECTED = f"a WSGI application: the appliance serves an ASGI one only with {ADAPT}"
_MAX_CHARACTERS = 1_000_000
# Files that name a project's own dependencies; a lock also names the dependencies of those.
_FILES = (
    "pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "environment.yml", "environment.yaml",
    "requirements*.txt", "requirements*.in", "requirements/*.txt", "requirements/*.in",
)  # fmt: skip
# Servers that are installed with a framework.
_BUNDLED_SERVERS = {"Quart": "hypercorn", "Sanic": "sanic"}
_BY_TEXT = re.compile(r"""\b(?:uvicorn\.)?run\(\s*(?:app\s*=\s*)?["']([A-Za-z_][\w.]*:[A-Za-z_]\w*)["']""")


class AsgiError(ApplicationError):
    """The application is an ASGI application.

    Attributes:
        target: the ASGI application.
    """

    def __init__(self, root: Path, found: str, target: Target) -> None:
        command = command_of(root, target)
        action = (
            f"Run it with an ASGI server: {command}. Or set {ADAPT} to serve it here over HTTP, without WebSockets."
        )
        super().__init__(found, expected=EXPECTED, action=action, kind="asgi", command=command)
        self.target = target


def command_of(root: Path, target: Target) -> str:
    """Return the command that runs this application, from the project's folder."""
    if target.kind == "script":
        return f"python {shlex.quote(os.path.relpath(target.file, root))}"
    declared = _declared({root, Path(target.search_path[0]), Path(target.file).parent if target.file else root})
    server = next((name for name in ASGI_SERVERS if name in declared), _BUNDLED_SERVERS.get(target.framework, ""))
    fastapi = target.framework == "FastAPI" and "fastapi-cli" in declared and target.call == "no" and target.file
    if fastapi and target.attribute in {"app", "api"}:
        return f"fastapi dev {shlex.quote(os.path.relpath(target.file, root))}"
    folder = os.path.relpath(target.search_path[0], root)
    go_there = "" if folder == "." else f"cd {shlex.quote(folder)} && "
    install = "" if server else "pip install 'uvicorn[standard]' && "  # with websockets
    return f"{install}{go_there}{_command(server or 'uvicorn', target)}"


def websocket_action(root: Path, target: Target) -> str:
    """Return the advice about WebSockets that are not served."""
    return f"They need an ASGI server: {command_of(root, target)}"


def named_in_text(text: str) -> str:
    """Return the ``module:name`` of ``uvicorn.run("module:name")``; empty if there is none."""
    found = _BY_TEXT.search(text)
    return found[1] if found else ""


def _command(server: str, target: Target) -> str:
    name = f"{target.module}:{target.attribute}"
    made = target.call == "yes"
    if server == "sanic":
        return f"sanic {name} --dev" + (" --factory" if made else "")
    if server == "daphne" and not made:
        return f"daphne {name}"
    if server == "hypercorn":
        return f"hypercorn {shlex.quote(f'{name}()' if made else name)} --reload"
    factory = " --factory" if made else ""
    if server == "granian":
        return f"granian --interface asgi {name}{factory} --reload"
    return f"uvicorn {name}{factory} --reload"


def _declared(folders: set[Path]) -> set[str]:
    """Return the servers that the project's own dependencies name."""
    found: set[str] = set()
    for file in _dependency_files(folders):
        try:
            text = read_text_of(file)[:_MAX_CHARACTERS].lower()
        except OSError:
            continue
        found.update(name for name in ASGI_SERVERS if re.search(rf"(?<![\w.-]){name}(?![\w.-])", text))
        if re.search(r"\bfastapi(?:-cli\b|\s*\[(?:standard|all)\b)", text):
            found.add("fastapi-cli")
    return found


def _dependency_files(folders: set[Path]) -> Iterator[Path]:
    for folder in sorted(folders):
        for pattern in _FILES:
            yield from sorted(folder.glob(pattern))
