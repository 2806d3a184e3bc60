"""Fill in the templates of the files that ``appliance init`` writes; ``compose_draft`` makes the compose file.

The texts are here and in ``compose_draft``; those of the dev container are files of the folder ``templates``. This
module writes nothing.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.backing_services.service_text import (
    dependency_lines,
    service_lines,
    variable_lines,
    volume_lines,
)
from appliance.commands.compose_draft import compose_text
from appliance.commands.written_files import Draft
from appliance.conventions import COMPOSE_FILES, EXAMPLE_FILES
from appliance.discovery.project import find_application
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.commands.backing_services.service_text import Services
    from appliance.commands.compose_draft import Image
    from appliance.discovery.target import Target

_TEMPLATES = Path(__file__).parents[1] / "templates"
_PLACES = {"devcontainer": ".devcontainer", "vscode": ".vscode"}


def application(
    root: Path, values: Mapping[str, str], app: str | None, *, adapts: bool
) -> tuple[Target | None, ApplicationError | None]:
    """Return the project's application, or why none is served: a project can get its files before."""
    try:
        return find_application(root, values, app, adapts=adapts).target, None
    except ApplicationError as error:
        return None, error


def drafts(root: Path, target: Target | None, required: list[str], image: Image, services: Services) -> list[Draft]:
    """Return every file for this project, the most useful first; ``required``: variables without a default."""
    found = [Draft(compose_file(root), compose_text(target, image, services))]
    for folder, place in _PLACES.items():
        for file in sorted((_TEMPLATES / folder).rglob("*")):
            if file.is_file():
                text = _for_project(file.name, file.read_text("utf-8"), root, image)
                if file.name == "docker-compose.yml":
                    text = _with_services(text, services)
                found.append(Draft(f"{place}/{file.relative_to(_TEMPLATES / folder)}", text))
    return [*found, *_example(root, required)]


def compose_file(root: Path) -> str:
    """Return the name of the project's compose file: the one that compose reads, else the usual name."""
    return next((name for name in COMPOSE_FILES if (root / name).is_file()), "docker-compose.yml")


def _for_project(name: str, text: str, root: Path, image: Image) -> str:
    """Return a template's text with the project's name, and with what builds a missing image."""
    if name == "Dockerfile" and (needs := image.needs):
        return f"# {needs}\n{text}"
    first = f'"name": "{_display_name(root.name)}",'
    if image.build_command:
        # One line for sh and for cmd. An image that exists is not built again.
        command = json.dumps(f"docker image inspect --format found {image.name} || {image.build_command}")
        first += "\n  // If this machine does not have the image, it is built from here."
        first += f"\n  // {image.pin}" if image.pin else ""
        first += f'\n  "initializeCommand": {command},'
    return text.replace('"name": "WSGI project",', first)


def _with_services(text: str, services: Services) -> str:
    """Return the dev container's compose file, which is a project of its own, with the services."""
    end = "    stop_grace_period: 10s"
    before, _, _ = text.partition(end)
    lines = [end, *dependency_lines(services), *service_lines(services)]
    lines += ["", "volumes:", "  cache:", *volume_lines(services)]
    return "".join(f"{line}\n" for line in (before.rstrip("\n"), *variable_lines(services), *lines))


def _display_name(name: str) -> str:
    return re.sub(r"[^\w .-]", "_", name) if name not in {"", "workspace"} else "WSGI project"


def example_file(root: Path) -> Path:
    """Return the project's template of its .env file; ``.env.example`` if it has none."""
    files = [root / name for name in EXAMPLE_FILES]
    return next((file for file in files if file.is_file()), files[0])


def _example(root: Path, required: list[str]) -> list[Draft]:
    """Return the template of .env with the missing variables at its end; nothing if none is missing."""
    file = example_file(root)
    text = file.read_text("utf-8", "replace") if file.is_file() else ""
    missing = [
        name
        for name in required
        if not re.search(rf"^[ \t]*#?[ \t]*(?:export[ \t]+)?{re.escape(name)}[ \t]*=", text, re.MULTILINE)
    ]
    if not missing:
        return []
    start = text.rstrip("\n") + "\n\n" if text else "# Copy this file to .env, and fill it in.\n"
    lines = ["# The project does not start without these variables.", *(f"{name}=" for name in missing)]
    return [Draft(file.name, start + "\n".join(lines) + "\n")]
