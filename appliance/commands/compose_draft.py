"""The text of the compose file that ``appliance init`` writes. This module writes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.commands.backing_services.service_text import (
    Services,
    dependency_lines,
    service_lines,
    variable_lines,
    volume_lines,
)
from appliance.commands.image_source import ImageSource, given_source, recorded_source
from appliance.config.reference import compose_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.discovery.target import Target


@dataclass(frozen=True)
class Image:
    """The image that the files name.

    Attributes:
        source: the folder or URL that it is built from, if it is missing.
        target: the stage of the Dockerfile; empty for the default one.
        name: the name under which the engine knows it.
    """

    source: ImageSource
    target: str = ""
    name: str = "wsgi-appliance"

    @property
    def needs(self) -> str:
        """The first line of a file, if nothing is known that builds the image."""
        if self.source.context:
            return ""
        return f"Needs the image {self.name}: docker build --tag {self.name} FOLDER, with the folder of its repository."

    @property
    def pin(self) -> str:
        """The part of its name that keeps the image at one release, if its source does not; else empty."""
        return f"To keep one release, append its tag to the address: #v{__version__}" if self.source.is_newest else ""

    @property
    def build_command(self) -> str:
        """The command that builds it, for sh and for cmd; empty if its source is not known."""
        if not self.source.context:
            return ""
        target = f"--target {self.target} " if self.target else ""
        return f'docker build --tag {self.name} {target}"{self.source.context}"'


def image_of(process: Mapping[str, str], root: Path, source: str | None) -> Image:
    """Return the image that this process runs in, or would run in.

    Args:
        process: the environment of this process.
        root: the project's folder, where the files are written.
        source: what ``--source`` gives; None: what the image remembers.

    Raises:
        SettingsError: ``source`` can't be a build's context.
    """
    in_image = "APPLIANCE_IMAGE" in process
    built_from = recorded_source() if source is None else given_source(source, root, Path.cwd(), in_image=in_image)
    return Image(built_from, target="full" if process.get("APPLIANCE_IMAGE") == "full" else "")


def compose_text(target: Target | None, image: Image, services: Services) -> str:
    """Return the compose file for a project whose application is ``target``, if it has one."""
    django = target is not None and target.kind == "django"
    served = f"Serves {'Django with ' * django}{target.name}" if target else "Serves the application of this folder"
    lines = [
        *([f"# {image.needs}"] if image.needs else ()),
        "# Made by `appliance init`: docker compose up, then http://localhost:8000",
        f"# {served}. To use another port of this machine, set PUBLISH_PORT=8001 in the file .env beside this one.",
        "services:",
        "  app:",
        *_image_lines(image),
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
        *compose_environment("      "),
        "      APPLIANCE_PUBLIC_URL: ${APPLIANCE_PUBLIC_URL:-http://localhost:${PUBLISH_PORT:-8000}}",
        "      # Where your editor finds this folder (for APPLIANCE_EDITOR).",
        "      APPLIANCE_EDITOR_FOLDER: ${APPLIANCE_EDITOR_FOLDER:-${PWD:-}}",
        *variable_lines(services),
    ]
    if django:
        lines.append("      # To apply the migrations before the first start, and when they change:")
        lines.append("      # APPLIANCE_BEFORE_START: python manage.py migrate --noinput")
    lines += ["    stop_grace_period: 10s", *dependency_lines(services), *service_lines(services)]
    return "\n".join([*lines, "", "volumes:", "  cache:", *volume_lines(services)]) + "\n"


def _image_lines(image: Image) -> list[str]:
    """Return the lines that name the image, and build it if it is missing; no registry is asked for it."""
    source = image.source
    lines = [f"    image: {image.name}", "    pull_policy: never"]
    if not source.context:
        return lines
    lines.insert(1, "    # If this machine does not have the image, `up` builds it from here. `up --build` updates it.")
    if image.pin:
        lines.append(f"    # {image.pin}")
    lines += ["    build:", f"      context: {json.dumps(source.context, ensure_ascii=False)}"]
    if image.target:
        lines.append(f"      target: {image.target}")
    if source.needs_ssh:
        lines.append("      ssh: [default]")
    if source.is_absolute:  # a relative one differs from project to project
        lines += [
            "      args:",
            "        # The image remembers it, for the next project's `appliance init`.",
            f"        APPLIANCE_SOURCE: {json.dumps(source.context, ensure_ascii=False)}",
        ]
    return lines
