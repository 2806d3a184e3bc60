"""``appliance deploy``: write the files that run a preview of the project in Swarm, Kubernetes or Compose.

Each file is shown as a diff first; a file that exists is never changed. It deploys nothing itself: the engines' own
tools do. It runs as the project's owner, so the owner owns the files.

Decision 51 says why.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.commands.compose_draft import image_of
from appliance.commands.first_steps import UNNAMED, folder_on_host, mounted_folder, open_project
from appliance.commands.init_templates import application
from appliance.commands.production.deploy_facts import facts_of, of_several_lines
from appliance.commands.production.deploy_files import drafts_for
from appliance.commands.written_files import write_all, wrote
from appliance.config.env import load_environment
from appliance.errors import SettingsError
from appliance.logs.sanitise import sanitise
from appliance.remedies.services import compose_services, set_in_compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.commands.production.deploy_facts import Facts
    from appliance.commands.production.deploy_files import Engine

_FIRST_FILES = {
    "swarm": "deploy/swarm.yml",
    "kubernetes": "deploy/kubernetes/base/kustomization.yaml",
    "compose": "deploy/compose.preview.yml",
}


def command(
    process: Mapping[str, str],
    flags: Mapping[str, str],
    engine: Engine | None,
    *,
    name: str | None,
    host: str | None,
    source: str | None,
) -> int:
    """Show the files, and write those that do not exist.

    Raises:
        ApplianceError: there is no project, its folder can't be written, or a flag is not valid.
    """
    if engine is None:
        raise SettingsError(
            "appliance deploy needs an engine",
            expected=f"--for and one of {', '.join(_FIRST_FILES)}",
            action="For example: appliance deploy --for kubernetes",
        )
    opened = open_project(process, flags)
    root = mounted_folder(opened, f"deploy --for {engine}")
    image = image_of(process, root, source)
    # The overlay is read after the project's compose file, whose services need the values that are in it.
    known = set_in_compose(root, "app") if engine == "compose" else frozenset()
    facts = facts_of(root, image, folder_on_host(opened.settings).name, name=name, host=host, known=known)
    written, kept = write_all(root, drafts_for(engine, facts))
    lines = [*_changes(written, kept), *_unserved(root, facts.example), *_gaps(engine, facts)]
    lines += [*(_beside(root, facts.compose_file) if engine == "compose" else ()), *_next(engine)]
    if name is None and facts.name == UNNAMED:
        lines.insert(-1, f"Named {UNNAMED}, because a container does not know the folder's name: --name gives another.")
    sys.stdout.write(sanitise("\n".join(lines) + "\n", lines=True))
    return 0


def _changes(written: list[str], kept: list[str]) -> Iterator[str]:
    for path in kept:
        yield f"Not changed: {path} exists. The diff shows what would differ; remove it to have it written again."
    if written:
        yield wrote(written)
    if not written and not kept:
        yield "Nothing to do: every file exists, as `appliance deploy` writes it."


def _unserved(root: Path, template: str) -> Iterator[str]:
    """Yield why the preview would serve nothing: it has the project's files and the template's variables alone."""
    example = load_environment({}, root, (template,)).values
    app, adapts = example.get("APPLIANCE_APP") or None, example.get("APPLIANCE_ASGI") == "adapt"
    _, missing = application(root, example, app, adapts=adapts)
    if missing:
        yield f"Nothing would be served. {missing.found}. {missing.action}"
        yield f"A preview gets the settings of {template}, and none of .env."


def _gaps(engine: Engine, facts: Facts) -> Iterator[str]:
    """Yield the facts that the files could not know."""
    if facts.secrets:
        yield f"Secrets, whose values are in no file: {', '.join(facts.secrets)}"
    if facts.unset:
        yield f"Without a value in {facts.example}: {', '.join(facts.unset)}"
    if engine == "kubernetes" and (several := of_several_lines(facts.variables)):
        yield f"Of several lines, and so not in settings.env: {', '.join(several)}"
    if facts.left_out:
        yield f"Left out, because no container can have a variable of this name: {', '.join(facts.left_out)}"


def _beside(root: Path, compose: str) -> Iterator[str]:
    """Yield the services to start if the project's compose file has no service that the overlay can change."""
    services = dict(compose_services(root))
    if not services or "app" in services:
        return
    needed = " ".join(["app", *(name for name, service in services.items() if "build" not in service)])
    yield f"{compose} has no service `app`, so the preview is started beside {', '.join(services)}."
    yield f"To start only what it needs, write the services after `up --build --detach`: {needed}"


def _next(engine: Engine) -> Iterator[str]:
    yield f"Next: the first lines of {_FIRST_FILES[engine]} are the commands. A database is yours to add."
