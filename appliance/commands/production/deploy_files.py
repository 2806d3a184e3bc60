"""The texts of the files that ``appliance deploy`` writes: templates, filled in.

A marker ``@name@`` stands for one word of the facts. A line that is only a marker stands for lines. This module writes
nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from appliance.commands.production.deploy_facts import of_several_lines
from appliance.commands.written_files import Draft
from appliance.commands.yaml_scalars import compose_scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.commands.production.deploy_facts import Facts

Engine = Literal["swarm", "kubernetes", "compose"]

_TEMPLATES = Path(__file__).parents[2] / "templates" / "deploy"
_SUFFIX = ".template"
_AT_ROOT = frozenset({"skaffold.yaml", "Tiltfile"})  # where their tools look for them
_FOLDERS = {"image": "deploy", "swarm": "deploy", "compose": "deploy", "kubernetes": "deploy/kubernetes"}
_MARKER = re.compile(r"@([a-z_]+)@")


def drafts_for(engine: Engine, facts: Facts) -> Iterator[Draft]:
    """Yield the files for this engine; the Dockerfile of the project's image is among them."""
    words = {"name": facts.name, "host": facts.host, "files": _compose_files(facts), "example": facts.example}
    lines = _lines_of(engine, facts)
    for folder in ("image", engine):
        for file in sorted((_TEMPLATES / folder).rglob(f"*{_SUFFIX}")):
            path = str(file.relative_to(_TEMPLATES / folder)).removesuffix(_SUFFIX)
            place = path if path in _AT_ROOT else f"{_FOLDERS[folder]}/{path}"
            yield Draft(place, _filled(file.read_text("utf-8"), words, lines))


def _filled(text: str, words: dict[str, str], lines: dict[str, list[str]]) -> str:
    """Return a template's text; a marker that is a line of its own becomes no, one or several lines."""
    filled: list[str] = []
    for line in text.splitlines():
        whole = _MARKER.fullmatch(line)
        if whole and whole[1] in lines:
            filled += lines[whole[1]]
        else:
            filled.append(_MARKER.sub(lambda found: words[found[1]], line))
    return "\n".join(filled) + "\n"


def _lines_of(engine: Engine, facts: Facts) -> dict[str, list[str]]:
    environment = [f"      {name}: {compose_scalar(value)}" for name, value in facts.variables]
    environment += [f"      # {name}: has no value in {facts.example}" for name in facts.unset]
    if facts.secrets:
        environment.append("      APPLIANCE_SECRETS: /run/secrets")
    return {
        "image": [facts.image],
        "environment": environment,
        "settings": list(_settings(facts)),
        "create_secrets": list(_create_secrets(engine, facts)),
        "secrets_of_service": list(_secrets_of_service(facts)),
        "secrets": list(_secrets(engine, facts)),
    }


def _settings(facts: Facts) -> Iterator[str]:
    several = of_several_lines(facts.variables)
    for name, value in facts.variables:
        if name in several:
            yield f"# {name} has several lines, or blanks around it, and can't be in this file: store it as a secret."
        else:
            yield f"{name}={value}"
    for name in facts.unset:
        yield f"# {name}= has no value in {facts.example}"


def _create_secrets(engine: Engine, facts: Facts) -> Iterator[str]:
    """Yield the commands that store the secrets, as comments; each value comes from a variable of the shell."""
    if engine == "swarm":
        for name in facts.secrets:
            yield f'#   printf %s "${name}" | docker secret create {facts.name}_{name} -'
    elif facts.secrets:
        literals = " ".join(f'--from-literal={name}="${name}"' for name in facts.secrets)
        yield f"#   kubectl create secret generic {facts.name}-secrets {literals}"


def _secrets_of_service(facts: Facts) -> Iterator[str]:
    if facts.secrets:
        yield "    # APPLIANCE_SECRETS makes variables of these files; `docker inspect` does not show them."
        yield "    secrets:"
        for name in facts.secrets:
            yield f"      - source: {name}"
            yield f"        target: {name}"


def _secrets(engine: Engine, facts: Facts) -> Iterator[str]:
    if not facts.secrets:
        return
    yield ""
    yield "secrets:"
    for name in facts.secrets:
        yield f"  {name}:"
        if engine == "swarm":
            yield "    external: true"
            yield f"    name: {facts.name}_{name}"
        else:
            yield "    # Of the shell, or of the file .env beside the project's compose file."
            yield f"    environment: {name}"


def _compose_files(facts: Facts) -> str:
    own = f"--file {facts.compose_file}" if facts.compose_file else "--project-directory ."
    return f"{own} --file deploy/compose.preview.yml"
