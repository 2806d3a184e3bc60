"""Lay out the table of settings: for ``--help``, and as the environment of a compose file.

Runs when a command prints its help or writes a compose file. ``python -m tools.settings`` writes ``.env.example`` and
docs/settings.md from the same table.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from appliance.config.otel_variables import VARIABLES
from appliance.config.table import TABLE

if TYPE_CHECKING:
    from appliance.config.setting import Setting

_COLOUR_VARIABLES = ("FORCE_COLOR", "NO_COLOR")  # force-color.org, no-color.org
# By which ``port_forwarding`` knows a workspace; the project may need them too.
_WORKSPACE_VARIABLES = (
    "CODESPACES", "CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "GITPOD_WORKSPACE_URL",
    "VSCODE_PROXY_URI",
)  # fmt: skip
_OWN_LINE = {"PUBLIC_URL", "EDITOR_FOLDER"}  # with a default that the compose file makes


def help_table() -> list[tuple[str, str, str]]:
    """Return flag, metavar and help of each setting, for argparse."""
    return [
        (setting.flag, setting.value_type.metavar, f"{setting.help} {default_text(setting)}".replace("%", "%%"))
        for setting in TABLE
    ]


def passed_variables() -> list[str]:
    """Return the variables that a compose file passes on from the shell: what the image sets itself is not among them.

    Compose leaves out a name without a value that neither the shell nor the .env file beside the compose file sets.
    """
    settings = [setting.variable for setting in TABLE if not setting.in_image and setting.name not in _OWN_LINE]
    return [*settings, *VARIABLES, *_COLOUR_VARIABLES, *_WORKSPACE_VARIABLES]


def compose_environment(indent: str) -> list[str]:
    """Return the lines that a service's ``environment`` mapping in a compose file begins with."""
    names = textwrap.wrap(", ".join(passed_variables()), 117 - len(indent))
    return [
        f"{indent}# These come from your shell, or from .env in this folder, if they are set there.",
        f"{indent}<<: {{",
        *(f"{indent}  {line}" for line in names),
        f"{indent}}}",
        f"{indent}# Whether the log may have colours: it may if compose runs in a terminal.",
        f"{indent}COMPOSE_TERMINAL: ${{TERM:+1}}",
    ]


def default_text(setting: Setting) -> str:
    """Return the default in words, and that of the image if it is another."""
    image = f"; in the image: {setting.in_image}" if setting.in_image not in {"", setting.default} else ""
    return f"(default: {setting.default_text or setting.default}{image})"
