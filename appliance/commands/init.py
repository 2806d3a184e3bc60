"""``appliance init``: write the compose file, the dev container and ``.env.example`` into a project.

``init_templates`` makes the texts, ``written_files`` writes them. It runs as the project's owner, so the owner
owns the files.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.commands.backing_services.project_compose import project_compose_steps
from appliance.commands.backing_services.service_text import services_of
from appliance.commands.compose_draft import image_of
from appliance.commands.first_steps import mounted_folder, open_project
from appliance.commands.init_templates import application, compose_file, drafts, example_file
from appliance.commands.written_files import write_all, wrote
from appliance.discovery.source.modules import Modules
from appliance.environment.required_variables import required_variables
from appliance.logs.sanitise import sanitise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.commands.compose_draft import Image
    from appliance.errors import ApplicationError

_DEV_CONTAINER = ".devcontainer/devcontainer.json"


def command(process: Mapping[str, str], flags: Mapping[str, str], *, source: str | None, force: bool) -> int:
    """Show the changes, and write them.

    Raises:
        ApplianceError: there is no project, its folder can't be written, or ``source`` is not valid.
    """
    opened = open_project(process, flags)
    settings, root = opened.settings, mounted_folder(opened, "init")
    image = image_of(process, root, source)
    values = opened.environment.values
    target, missing = application(root, values, settings.app or None, adapts=settings.asgi == "adapt")
    required = required_variables(Modules(root), always=True)
    theirs = {name: value for name, value in values.items() if opened.environment.origins[name] != "environment"}
    services = services_of(root, target, settings.dependencies, theirs)
    files = drafts(root, target, required, image, services)
    if not force and _has_dev_container(root):
        files = [
            draft for draft in files if draft.path == _DEV_CONTAINER or not draft.path.startswith(".devcontainer/")
        ]
    example = example_file(root)
    copied = example.name if example.is_file() and not (root / ".env").exists() else ""
    written, kept = write_all(root, files, force=force)
    compose = compose_file(root)
    if not written and not kept:
        _print("Nothing to do: every file exists, as `appliance init` writes it.\n")
        return 0
    unset = [name for name in required if name not in values and (compose in kept or name not in services.variables)]
    lines = [
        *_changes(written, kept),
        *services.notes,
        *_next_steps(unset, missing, compose=compose, kept=compose in kept, copied=copied),
        *(project_compose_steps(root, services, compose) if compose in kept else ()),
    ]
    if compose not in kept:
        lines += _about_the_image(image, unseen=source is not None and "APPLIANCE_IMAGE" in process)
    _print("\n".join(lines) + "\n")
    return 0


def _has_dev_container(root: Path) -> bool:
    """Whether the project has a dev container of its own, which reads none of the other files of `init`'s."""
    file = root / _DEV_CONTAINER
    return file.is_file() and "appliance install" not in file.read_text("utf-8", "replace")


def _changes(written: list[str], kept: list[str]) -> Iterator[str]:
    for path in kept:
        yield f"Not changed: {path} exists. --force replaces it, as the diff shows."
    if written:
        yield wrote(written)


def _next_steps(
    unset: list[str], missing: ApplicationError | None, *, compose: str, kept: bool, copied: str
) -> Iterator[str]:
    """Yield the next steps for a person.

    Args:
        unset: variables without which the project does not start.
        missing: why no application is served.
        compose: the name of the compose file.
        kept: whether it is the project's own.
        copied: the template of the .env file that does not exist yet; empty without a template.
    """
    if missing:
        yield f"Nothing is served yet. {missing.found}. {missing.action}"
    if unset:
        step = f"copy {copied} to .env, and set {{}} there" if copied else "set {} in the file .env"
        yield f"First: {step.format(', '.join(unset))}. Without a value the project does not start."
    if kept:
        yield f"To serve the project with your {compose}, add the service `app` of the diff to it."
    else:
        yield "Next: run `docker compose up` in the project's folder, then open http://localhost:8000"


def _about_the_image(image: Image, *, unseen: bool) -> Iterator[str]:
    """Yield the needs of another machine; ``unseen``: the source was given to a container, which may not see it."""
    if not image.source.context:
        yield (
            f"A machine without the image {image.name} must build it first: docker build --tag {image.name} FOLDER,"
            " with the folder of its repository. `appliance init --force --source FOLDER` writes that into the files."
        )
    elif unseen and not image.source.checked and not image.source.is_url:
        yield f"Not checked: {image.source.context}, because this container sees only the project's folder."


def _print(text: str) -> None:
    sys.stdout.write(sanitise(text, lines=True))
