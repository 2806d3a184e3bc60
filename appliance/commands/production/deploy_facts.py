"""The facts about a project in the files of ``appliance deploy``: its name, its host, its variables, and its image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.commands.first_steps import UNNAMED
from appliance.commands.init_templates import compose_file, example_file
from appliance.commands.yaml_scalars import fits_a_line
from appliance.config.env import load_environment
from appliance.config.secret_files import VARIABLE
from appliance.config.table import TABLE
from appliance.discovery.rules.project_package import read_pyproject
from appliance.discovery.source.modules import Modules
from appliance.environment.required_variables import required_variables
from appliance.errors import SettingsError
from appliance.masking import Mask, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from appliance.commands.compose_draft import Image

_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?\Z")
_MAX_NAME = 40  # a Pod's name adds up to 23 characters to it, and a label of DNS has 63
# The files set these themselves, and the image sets those with a default of its own.
_OURS = frozenset({"APPLIANCE_SECRETS", "APPLIANCE_PROBE_PORT", "APPLIANCE_ALLOWED_HOSTS", "APPLIANCE_PUBLIC_URL",
                   "APPLIANCE_LOG_FORMAT", "APPLIANCE_RELOAD"})  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """The facts in the files.

    Attributes:
        name: a label of DNS: of the stack, the Deployment, the image.
        host: the host name of the preview.
        image: the lines that say how to get the appliance's image, as comments.
        variables: those of the project's template of .env that are not secret, with their values.
        secrets: the names of those that are secret.
        unset: the names of those that have no value, and are not secret.
        left_out: the names that can't be written into the files.
        compose_file: the project's own compose file, or empty.
        example: the name of the template.
    """

    name: str
    host: str
    image: str
    variables: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    compose_file: str = ""
    example: str = ".env.example"


def facts_of(
    root: Path, image: Image, folder: str, *, name: str | None, host: str | None, known: frozenset[str] = frozenset()
) -> Facts:
    """Return the facts of the project in this folder.

    Args:
        root: the folder.
        image: the appliance's.
        folder: the folder's name on the host, as far as it is known.
        name: of the stack; None for the project's.
        host: of the preview; None for one below localhost.
        known: the variables that another file of the same preview sets.

    Raises:
        SettingsError: the name or the host can't be used.
    """
    name = _named(name) if name else slug(_project_name(root) or folder)
    host = host or f"{name}.localhost"
    if not _HOST.match(host) or ".." in host:
        raise SettingsError(
            f"--preview-host {host!r} is not a host name",
            expected="lower-case letters, digits, hyphens and dots",
            action="Give a name such as shop.example.com.",
        )
    template = example_file(root).name
    example = dict(load_environment({}, root, (template,)).values)
    required = required_variables(Modules(root))
    given = {key: value for key, value in example.items() if _is_theirs(key)}
    names = [*given, *(key for key in required if key not in given and _is_theirs(key))]
    usable = [key for key in names if VARIABLE.match(key) and key not in known]
    # A password in a URL is secret in a variable of any name.
    secrets = [key for key in usable if is_secret(key) or Mask({}).masked(given.get(key, "")) != given.get(key, "")]
    open_names = [key for key in usable if key not in secrets]
    variables = [(key, given[key]) for key in open_names if given.get(key)]
    return Facts(
        name=name,
        host=host,
        image=_about(image),
        variables=tuple((key, value) for key, value in variables if "\0" not in value and _is_text(value)),
        secrets=tuple(secrets),
        unset=tuple(key for key in open_names if not given.get(key)),
        left_out=tuple(sorted(key for key in names if not VARIABLE.match(key))),
        compose_file=compose_file(root) if (root / compose_file(root)).is_file() else "",
        example=template,
    )


def of_several_lines(variables: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names of variables that a file of lines without quotes can't hold."""
    return [name for name, value in variables if not fits_a_line(value)]


def slug(text: str) -> str:
    """Return a label of DNS that is most like the text: ``My Shop!`` is my-shop; it begins with a letter."""
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if label in {"", "workspace"}:  # the image mounts every project there
        return UNNAMED
    label = label if label[0].isalpha() else f"app-{label}"
    return label[:_MAX_NAME].rstrip("-")


def _named(name: str) -> str:
    if not _LABEL.match(name):
        raise SettingsError(
            f"--name {name!r} can't name a Deployment",
            expected=f"at most {_MAX_NAME} lower-case letters, digits and hyphens, a letter first",
            action=f"Give a name such as {slug(name)}.",
        )
    return name


def _project_name(root: Path) -> str:
    """Return the name in ``pyproject.toml``; empty if there is none: a folder in a container has a name of its own."""
    project = read_pyproject(root).get("project", {})
    name = project.get("name") if isinstance(project, dict) else ""
    return name if isinstance(name, str) else ""


def _is_theirs(name: str) -> bool:
    """Whether a preview takes this variable from the template: not what its files, or the image, set."""
    images = {setting.variable for setting in TABLE if setting.in_image}
    return name not in _OURS and name not in images and not name.startswith("COMPOSE_")


def _is_text(value: str) -> bool:
    """Whether YAML can hold it: bytes that are not UTF-8 are surrogates here."""
    return not re.search(r"[\ud800-\udfff]", value)


def _about(image: Image) -> str:
    """Return the comment that says how to get the appliance's image: a release of its repository, if that has a URL."""
    if image.needs:
        return f"# {image.needs}"
    if not image.source.is_url or "#" in image.source.context:
        return f"# Needs the image {image.name}: {image.build_command}"
    pinned = f'docker build --tag {image.name} "{image.source.context}#v{__version__}"'
    return f"# Needs the image {image.name}, of this release: {pinned}"
