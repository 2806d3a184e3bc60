"""``appliance eject``: write what runs the project in production, and say what could not be known.

It writes a Dockerfile with the locked dependencies, a compose file and a Kubernetes base. Each file is shown as a diff
first; a file that exists is never changed. It runs as the project's owner, so the owner owns the files.

Decision 50 says why.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.first_steps import UNNAMED, mounted_folder, open_project, report_unread
from appliance.commands.production.eject_compare import discovered_requests, recorded_requests
from appliance.commands.production.eject_entry import FILE
from appliance.commands.production.eject_facts import Facts, collect
from appliance.commands.production.eject_gaps import Gap, gaps_of, texts
from appliance.commands.production.eject_image import LOCK, UNHASHED, dockerfile, dockerignore
from appliance.commands.production.eject_locks import SERVERS
from appliance.commands.production.eject_manifests import (
    COMPOSE,
    EXAMPLE,
    VARIABLES,
    compose_text,
    kubernetes_texts,
    variables_text,
)
from appliance.commands.production.eject_verify import verify
from appliance.commands.written_files import Draft, write_all, wrote
from appliance.errors import SettingsError
from appliance.logs.sanitise import sanitise
from appliance.plural import counted

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping

USUAL = "gunicorn"
DOCKERFILE = "Dockerfile"
OTHER_DOCKERFILE = "Dockerfile.production"


def command(process: Mapping[str, str], flags: Mapping[str, str], asked: Namespace) -> int:
    """Show the files, and write those that do not exist; then compare the image with the appliance, if asked.

    Args:
        process: the environment of this process.
        flags: the settings that the command line gave, by field.
        asked: ``server``, None for the usual one; ``verify``; ``requests``, a file of requests to compare by.

    Returns:
        0; 1 if the image answers differently.

    Raises:
        ApplianceError: there is no project, or no application that a production server can import; or the folder
            can't be written.
    """
    chosen = (asked.server or USUAL).lower()
    if chosen not in SERVERS:
        raise SettingsError(
            f"--server {asked.server!r} is not known",
            expected=f"one of {', '.join(SERVERS)}",
            action=f"For example: appliance eject --server {USUAL}",
        )
    opened = open_project(process, flags)
    opened.report_notices()
    report_unread(opened)
    root = mounted_folder(opened, "eject")
    facts = collect(opened, chosen)
    gaps = gaps_of(facts)
    files = drafts(facts, gaps, dockerfile_for(root))
    written, kept = write_all(root, files)
    sys.stdout.write(sanitise("\n".join(_report(facts, gaps, written, kept)), lines=True) + "\n")
    if not asked.verify:
        return 0
    file = asked.requests
    listed = recorded_requests(_text(Path(file)), file) if file else discovered_requests(facts.routes)
    return verify(opened, facts, dockerfile_for(root), listed)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError as error:
        raise SettingsError(
            f"--requests {file} can't be read: {error.strerror}",
            expected="a file with one request a line, such as GET /",
            action="Name a file that exists.",
        ) from None


def dockerfile_for(root: Path) -> str:
    """Return the name of the Dockerfile to write: another one, if the project has a Dockerfile that is not ours."""
    file = root / DOCKERFILE
    if not file.is_file() or "Made by `appliance eject`" in file.read_text("utf-8", "replace")[:1000]:
        return DOCKERFILE
    return OTHER_DOCKERFILE


def drafts(facts: Facts, gaps: list[Gap], name: str) -> list[Draft]:
    """Return every file, the most important first; ``name``: that of the Dockerfile."""
    file = "" if name == DOCKERFILE else f"--file {name} "
    tag = f"docker build {file}--tag {facts.name} ."
    ignore = ".dockerignore" if name == DOCKERFILE else f"{name}.dockerignore"
    head = "# The versions that served, by `appliance eject`. Their index is not named: a pip.conf names it.\n"
    found = [
        Draft(name, dockerfile(facts, texts(gaps, "image"), tag)),
        Draft(ignore, dockerignore(facts)),
        Draft(LOCK, head + facts.lock.lines),
    ]
    if facts.lock.urls:
        found.append(Draft(UNHASHED, "".join(f"{url}\n" for url in facts.lock.urls)))
    if facts.entry.text:
        found.append(Draft(FILE, facts.entry.text))
    found.append(Draft(COMPOSE, compose_text(facts, name, texts(gaps, "run"))))
    if facts.required or facts.given:
        found.append(Draft(EXAMPLE, variables_text(facts)))
    return [*found, *(Draft(path, text) for path, text in kubernetes_texts(facts, texts(gaps, "run")))]


def _report(facts: Facts, gaps: list[Gap], written: list[str], kept: list[str]) -> Iterator[str]:
    for path in kept:
        yield f"Not changed: {path} exists. Take the lines that you need from the diff, or rename it and try again."
    if written:
        yield wrote(written)
    elif not kept:
        yield "Nothing to do: every file exists, as `appliance eject` writes it."
    locked = counted(len(facts.lock.names), "locked package")
    yield f"{facts.entry.reference} by {facts.server}, Python {facts.version}, {locked}"
    if facts.name == UNNAMED:
        yield f"The image is named {UNNAMED}: a container does not know the folder's name. Two projects need two names."
    yield ""
    yield "What the appliance could not know:"
    yield from (f"  {gap.topic}: {gap.text}" for gap in gaps)
    yield ""
    first = f"copy {EXAMPLE} to {VARIABLES} and fill it in, then " if facts.required else ""
    yield f"Next: {first}docker compose -f {COMPOSE} up --build --wait"
