"""``pip`` commands in the project's environment, run by uv: the environment holds no pip.

An environment that pip has changed lasts until the dependency files change. A message says so, because the dependency
files are the right place for a package.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.environment.installer import installer
from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.commands.first_steps import OpenedProject
    from appliance.environment.plan import Plan

_CHANGING = frozenset({"install", "uninstall", "sync"})
_READING = frozenset({"list", "freeze", "show", "check", "tree", "compile"})
_VERSION = frozenset({"--version", "-V"})  # uv has it as an option of its own, and none of `uv pip`


def arguments_of_pip(argv: Sequence[str]) -> Sequence[str] | None:
    """Return pip's arguments if the command is pip; None for any other command."""
    if argv[0] in {"pip", "pip3"}:
        return argv[1:]
    if argv[0] in {"python", "python3"} and list(argv[1:3]) == ["-m", "pip"]:
        return argv[3:]
    return None


def as_uv(asked: Sequence[str], planned: Plan, opened: OpenedProject) -> tuple[str, list[str], dict[str, str]]:
    """Return the program, arguments and environment of the same command in uv.

    Raises:
        SettingsError: uv has no such command, or the project has no environment to install into.
    """
    verb = next((arg for arg in asked if not arg.startswith("-")), "")
    if verb in _CHANGING and planned.source == "none":
        raise SettingsError(
            f"pip {verb} in a project without a dependency file",
            expected="a file that says what the project depends on, so that every environment holds it",
            action=f"Write {_packages(asked)} into requirements.txt: it is installed at once, and at every start.",
        )
    is_about_version = not verb and not _VERSION.isdisjoint(asked)
    if verb not in _CHANGING | _READING and not is_about_version:
        raise SettingsError(
            f"pip {verb or ''} does not work in the project's environment".replace("  ", " "),
            expected=f"pip {', '.join(sorted(_CHANGING | _READING))}",
            action="Write what the project needs into its dependency files: they are installed when they change.",
        )
    if verb in _CHANGING:
        sys.stderr.write(
            "appliance: this change lasts until the dependency files change; write what the project needs there"
            f" ({planned.source}).\n"
        )
    uv = installer(opened.environment.values, opened.settings.cache, opened.settings.project, lambda _: None, -1)
    command = ["--version"] if is_about_version else ["pip", *asked, "--python", str(planned.python)]
    return uv.program, ["uv", *command], dict(uv.environment)


def _packages(asked: Sequence[str]) -> str:
    names = [arg for arg in asked if not arg.startswith("-") and arg not in _CHANGING]
    return " ".join(names) or "it"
