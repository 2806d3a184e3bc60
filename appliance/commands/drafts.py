"""The files that ``appliance init`` writes into a project.

The texts stand here; those of the dev container are files of ``appliance/templates``. This module writes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.discovery.project import find_application
from appliance.discovery.source.modules import Modules
from appliance.environment.variables import required_variables
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.discovery.target import Target

_TEMPLATES = Path(__file__).parents[1] / "templates"
_PLACES = {"devcontainer": ".devcontainer", "vscode": ".vscode"}
_DEPENDENCIES = ("requirements*.txt", "requirements/*.txt", "pyproject.toml", "Pipfile", "setup.cfg", "setup.py")
_SERVICES = {
    "postgres": (
        re.compile(r"\bpsycopg|\basyncpg\b|\bpg8000\b", re.IGNORECASE),
        "postgres:17-alpine",
        "db:5432",
        "POSTGRES_PASSWORD",
    ),
    "mysql": (
        re.compile(r"\bmysqlclient\b|\bPyMySQL\b", re.IGNORECASE),
        "mariadb:11",
        "db:3306",
        "MARIADB_ROOT_PASSWORD",
    ),
    "redis": (re.compile(r"\bredis\b|\bcelery\b|\bdjango-rq\b", re.IGNORECASE), "redis:7-alpine", "redis:6379", ""),
}


@dataclass(frozen=True)
class Draft:
    """One file: its path below the project, and its text."""

    path: str
    text: str


def drafts(root: Path, values: Mapping[str, str], app: str | None, *, adapts: bool = False) -> list[Draft]:
    """Return every file for this project, the most useful first."""
    try:
        target: Target | None = find_application(root, values, app, adapts=adapts).target
    except ApplicationError:
        target = None  # a project whose application is not written yet can get its files
    found = [Draft("docker-compose.yml", _compose(root, target))]
    for folder, place in _PLACES.items():
        for file in sorted((_TEMPLATES / folder).rglob("*")):
            if file.is_file():
                name = f'"name": "{_display_name(root.name)}"'
                text = file.read_text("utf-8").replace('"name": "WSGI project"', name)
                found.append(Draft(f"{place}/{file.relative_to(_TEMPLATES / folder)}", text))
    example = _example(root, required_variables(Modules(root)))
    return [*found, *example]


def _display_name(name: str) -> str:
    return re.sub(r"[^\w .-]", "_", name) if name not in {"", "workspace"} else "WSGI project"


def _compose(root: Path, target: Target | None) -> str:
    served = f"Serves {target.name}" if target else "Serves the application of this folder"
    lines = [
        "# Made by `appliance init`: docker compose up, then http://localhost:8000",
        f"# {served}. To use another port of this machine: PUBLISH_PORT=8001 docker compose up",
        "services:",
        "  app:",
        "    image: wsgi-appliance",
        "    volumes:",
        "      - type: bind",
        "        source: .",
        "        target: /workspace",
        "      # Keeps the installed dependencies, so that the next `up` installs nothing.",
        "      - type: volume",
        "        source: cache",
        "        target: /cache",
        "    ports:",
        '      - "127.0.0.1:${PUBLISH_PORT:-8000}:8000"',
        "    environment:",
        "      APPLIANCE_PUBLIC_URL: http://localhost:${PUBLISH_PORT:-8000}",
    ]
    if target is not None and target.kind == "django":
        lines.append("      # APPLIANCE_BEFORE_START: python manage.py migrate")
    lines.append("    stop_grace_period: 10s")
    for name, (pattern, image, address, password) in _SERVICES.items():
        if pattern.search(_dependencies(root)):
            service = address.partition(":")[0]
            lines += ["", f"  # The project's dependencies name {name}; its address for the project is {address}."]
            lines += [f"  # {service}:", f"  #   image: {image}"]
            lines += ["  #   environment:", f"  #     {password}: development"] if password else []
    return "\n".join([*lines, "", "volumes:", "  cache:"]) + "\n"


def _dependencies(root: Path) -> str:
    files = (file for pattern in _DEPENDENCIES for file in root.glob(pattern) if file.is_file())
    return "\n".join(file.read_text("utf-8", "replace") for file in files)


def _example(root: Path, required: list[str]) -> list[Draft]:
    """Return ``.env.example`` with the missing variables at its end; nothing if none is missing."""
    file = root / ".env.example"
    text = file.read_text("utf-8", "replace") if file.is_file() else ""
    missing = [
        name
        for name in required
        if not re.search(rf"^[ \t]*#?[ \t]*(?:export[ \t]+)?{name}[ \t]*=", text, re.MULTILINE)
    ]
    if not missing:
        return []
    start = text.rstrip("\n") + "\n\n" if text else "# Copy this file to .env, and fill it in.\n"
    lines = ["# The project does not start without these variables.", *(f"{name}=" for name in missing)]
    return [Draft(".env.example", start + "\n".join(lines) + "\n")]
