"""The closed table of remedies: what a worker may ask for by name, with which parameters.

A worker runs the project's code, and may say anything. So it never names a command or a change: it names a row of this
table and its parameters. The supervisor makes the command or the change itself (``appliance.remedies``), and shows
exactly that. On the project's side this module runs on Python 3.10 to 3.15, so it imports only the standard library.
"""

from __future__ import annotations

import hashlib
import json
import re
from types import MappingProxyType
from typing import Any, NamedTuple

NEEDS_MAX = 3  # remedies of one failure
VALUE_MAX = 500  # characters of one parameter
Need = dict[str, str]  # "kind", and the parameters of its row
INSTALL_AGAIN: Need = {"kind": "run-again", "step": "installation"}

_PATH = r"(?!/)(?!.*(?:^|/)\.\.(?:/|$))[^\0\r\n]{1,500}"
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,199}"
_PACKAGE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}(?:\[[A-Za-z0-9_,.-]{1,80}\])?(?:[<>=!~]=?[0-9][0-9A-Za-z.*+]{0,40})?"
_PLAIN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}"
_VERSION = r"[0-9][0-9A-Za-z.!+]{0,40}"
_HOST = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,250}|\[[0-9A-Fa-f:]{2,45}\]"


class Row(NamedTuple):
    """One kind of remedy.

    Attributes:
        label: what its button says; ``{name}`` stands for a parameter.
        meaning: when it is offered, and what it does, for docs/pages.md.
        parameters: for each parameter, the pattern that its whole value must match.
    """

    label: str
    meaning: str
    parameters: dict[str, str]


def _row(label: str, meaning: str, **parameters: str) -> Row:
    return Row(label, meaning, parameters)


ROWS = MappingProxyType(
    {
        "django-migrate": _row(
            "Apply the migrations",
            "A table or column is missing in a Django project: runs `python manage.py migrate`.",
            manage=_PATH,
        ),
        "flask-migrate": _row(
            "Apply the migrations",
            "A table or column is missing in a project with Flask-Migrate: runs `flask db upgrade`.",
        ),
        "alembic-upgrade": _row(
            "Apply the migrations",
            "A table or column is missing in a project with an `alembic.ini`: runs `alembic upgrade head`.",
        ),
        "flask-command": _row(
            "Run flask {command}",
            "A table is missing, and the project has a command that makes tables, like `flask init-db`: runs it.",
            command=r"[A-Za-z][\w-]{0,79}",
        ),
        "add-dependency": _row(
            "Add {packages} to the dependencies",
            "A module is missing, and no dependency file has its package: adds it to the file that counts; for a lock "
            "file, by the tool that wrote it (`uv add`, `uv lock`, `poetry add`), if that tool is here.",
            packages=rf"{_PACKAGE}(?: {_PACKAGE}){{0,9}}",
        ),
        "reinstall": _row(
            "Install the dependencies again",
            "Files of a package were removed or edited after the installation: makes the environment again.",
            package=_PACKAGE,
        ),
        "set-variable": _row(
            "Set {name}",
            "A variable is missing, and an example file has a value: adds it to `.env`.",
            name=_NAME,
        ),
        "make-secret": _row(
            "Make a {name}",
            "A secret key is missing: adds a random one to `.env`.",
            name=_NAME,
        ),
        "copy-example": _row(
            "Make {file} from {example}",
            "A file is missing, and its example is there (`.env` and `.env.example`): copies the example.",
            file=_PATH,
            example=_PATH,
        ),
        "add-host": _row(
            "Allow the host {host}",
            "Django refuses a host: adds it to `ALLOWED_HOSTS`, or to the variable that the settings read.",
            host=_HOST,
        ),
        "make-folder": _row(
            "Make the folder {folder}",
            "SQLite can't open its file, because the folder is missing: makes the folder, inside the project.",
            folder=_PATH,
        ),
        "use-service": _row(
            "Use the service's name as the host",
            "Nothing answers on localhost, which in a container is the container itself: writes the name and port of "
            "the compose file's service into `.env`.",
            port=r"[0-9]{1,5}",
        ),
        "start-service": _row(
            "Start the service",
            "A service of the compose file does not answer: shows the command that starts it, to run on the host.",
            host=_HOST,
        ),
        "use-version": _row(
            "Use {package} {version}",
            "A version that is required does not exist, or can't be built here: writes the newest one that can be "
            "installed into the file that requires it.",
            file=_PATH,
            package=_PLAIN,
            version=_VERSION,
        ),
        "use-instead": _row(
            "Use {instead} instead of {package}",
            "A required package can't be built, and another one has the same module as a wheel; or its name is "
            "misspelt, and the project imports a module whose package the index has: replaces the name.",
            file=_PATH,
            package=_PLAIN,
            instead=_PACKAGE,
        ),
        "serve-application": _row(
            "Serve {application}",
            "Several applications were found, or `[tool.appliance]` names none: writes one into `pyproject.toml`.",
            application=r"(?!/)(?!.*(?:^|/)\.\.(?:/|$))[\w./-]{1,200}(?::[A-Za-z_][\w.]{0,200}(?:\(\))?)?",
        ),
        "run-again": _row(
            "Try again",
            "An installation failed for a reason that may have passed (no network, a full disk), a command of "
            "BEFORE_START failed, or a service did not answer: does that step again, and changes nothing.",
            step=r"installation|commands|import",
        ),
        "use-python": _row(
            "Run the project on Python {version}",
            "The project needs another Python, and it is on this machine: writes `.python-version`.",
            version=r"3\.[0-9]{1,2}",
        ),
    }
)


def checked(need: object) -> Need | None:
    """Return a need with the parameters of its row alone; None if it fits no row."""
    if not isinstance(need, dict):
        return None
    kind = need.get("kind")
    if not isinstance(kind, str) or kind not in ROWS:
        return None
    found: Need = {"kind": kind}
    for name, pattern in ROWS[kind].parameters.items():
        value = need.get(name)
        if not isinstance(value, str) or len(value) > VALUE_MAX or re.fullmatch(pattern, value) is None:
            return None
        found[name] = value
    return found


def all_checked(needs: object) -> list[Need]:
    """Return the first needs of a list that fit a row, each once. A worker may send a list of any length."""
    if not isinstance(needs, list):
        return []
    found: list[Need] = []
    for need in needs[: 4 * NEEDS_MAX]:
        fits = checked(need)
        if fits is not None and fits not in found:
            found.append(fits)
    return found[:NEEDS_MAX]


def label_of(need: Need) -> str:
    """Return the button's text for a checked need."""
    return ROWS[need["kind"]].label.format_map(need)


def remedy_id(scope: str, need: Need) -> str:
    """Return the id of a checked need: the same in the worker and in the supervisor.

    It is not secret. ``scope`` names the generation, so an id of an older one means nothing.
    """
    text = json.dumps([scope, need], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def remedies_of(scope: str, needs: list[Need]) -> list[dict[str, Any]]:
    """Return a worker page's remedies for checked needs: the id and label of each."""
    return [{"id": remedy_id(scope, need), "kind": need["kind"], "label": label_of(need)} for need in needs]
