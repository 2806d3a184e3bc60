"""``pip`` as people type it in the project's environment, done by uv: the environment holds no pip.

Owns which of pip's commands mean what. What is installed so lasts until the dependency files change, and with it the
environment; that is said, since the files are the place for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.environment.installer import installer
from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.commands.opening import Opening
    from appliance.environment.plan import Plan

_CHANGING = frozenset({"install", "uninstall", "sync"})
_READING = frozenset({"list", "freeze", "show", "check", "tree", "compile"})


def arguments_of_pip(argv: Sequence[str]) -> Sequence[str] | None:
    """What pip is asked for, where the command is pip's; None for any other."""
    if argv[0] in {"pip", "pip3"}:
        return argv[1:]
    if argv[0] in {"python", "python3"} and list(argv[1:3]) == ["-m", "pip"]:
        return argv[3:]
    return None


def as_uv(asked: Sequence[str], planned: Plan, opening: Opening) -> tuple[str, list[str], dict[str, str]]:
    """The program, its arguments and its environment that do the same.

    Raises:
        SettingsError: uv has no such command, or there is no place to install into.
    """
    word = next((word for word in asked if not word.startswith("-")), "")
    if word in _CHANGING and planned.source == "none":
        raise SettingsError(
            f"pip {word} in a project without a dependency file",
            expected="a file that says what the project depends on, so that everybody's environment holds it",
            action=f"Write {_packages(asked)} into requirements.txt: it is installed at once, and at every start.",
        )
    if word not in _CHANGING | _READING and "--version" not in asked:
        raise SettingsError(
            f"pip {word or ''} is not to be had in the project's environment".replace("  ", " "),
            expected=f"pip {', '.join(sorted(_CHANGING | _READING))}",
            action="What the project needs belongs in its dependency files: they are installed when they change.",
        )
    if word in _CHANGING:
        sys.stderr.write(
            "appliance: this lasts until the dependency files change; what the project needs belongs there"
            f" ({planned.source}).\n"
        )
    uv = installer(opening.environment.values, opening.settings.cache, opening.settings.project, lambda _: None, -1)
    python = [] if "--version" in asked else ["--python", str(planned.python)]
    return uv.program, ["uv", "pip", *asked, *python], dict(uv.environment)


def _packages(asked: Sequence[str]) -> str:
    names = [word for word in asked if not word.startswith("-") and word not in _CHANGING]
    return " ".join(names) or "it"
