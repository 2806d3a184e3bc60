"""``python -m tools.settings``: write ``.env.example`` and docs/settings.md, from the table of settings."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config.otel_variables import VARIABLES
from appliance.config.reference import default_text
from appliance.config.table import TABLE

if TYPE_CHECKING:
    from appliance.config.setting import Setting

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / ".env.example"
PAGE = ROOT / "docs" / "settings.md"


def environment_file() -> str:
    """Return the text of ``.env.example``: every setting with its help, commented out."""
    lines = [
        "# Settings for `docker compose up` in this folder. Copy this file to .env, and remove the # of what you set.",
        "# Each is also a flag of `appliance serve`. The project's own variables belong in the project's own .env.",
        "",
        "# The folder of the project to serve (default: the example in this repository).",
        "#PROJECT_DIR=../mine",
        "",
        "# The port of this machine that serves the project (default: 8000).",
        "#PUBLISH_PORT=8001",
        "",
        "# The image to build: slim, or full with Python 3.10 to 3.14, a compiler and headers (default: slim).",
        "#APPLIANCE_IMAGE=full",
    ]
    for setting in TABLE:
        if not setting.in_image:
            lines += _example(setting)
    lines += ["", "# OpenTelemetry's own variables: docs/opentelemetry.md."]
    for name, (text, example) in VARIABLES.items():
        lines += ["", *(f"# {line}" for line in textwrap.wrap(text, 117)), f"#{name}={example}"]
    lines += ["", "# For use without Docker. The image sets these itself: with compose, leave them alone."]
    for setting in TABLE:
        if setting.in_image:
            lines += _example(setting)
    return "\n".join(lines) + "\n"


def _example(setting: Setting) -> list[str]:
    text = f"{setting.help}\nAllowed: {setting.value_type.allowed} {default_text(setting)}."
    comment = [line for part in text.split("\n") for line in textwrap.wrap(part, 117)]
    return ["", *(f"# {line}" for line in comment), f"#{setting.variable}={setting.example or setting.default}"]


def page() -> str:
    """Return the text of ``docs/settings.md``."""
    lines = [
        "# Settings",
        "",
        "Each setting is a variable, and a flag of `appliance serve`. A flag wins over the environment, the",
        "environment over the project's `.env` files (`.env.local`, `.env`, `.flaskenv`; the first wins), and these",
        "over the default. An empty text counts as unset. `appliance config` shows each setting with its value and",
        "origin.",
        "",
        "With compose, set a variable in the shell, or in `.env` beside the compose file:",
        "`APPLIANCE_LOG_FORMAT=console docker compose up`. The settings with a line `In the image` are the image's:",
        "compose does not pass them on. After a change, run `docker compose up` again: a container keeps its own.",
        "",
        "An unknown `APPLIANCE_*` name or a value that is not allowed stops the start; the error says what was found",
        "and what is allowed. Every other variable is your project's.",
        "",
        "`[tool.appliance]` in `pyproject.toml` has two keys: `app` ([discovery.md](discovery.md)) and `processes`",
        "([companions.md](companions.md)).",
        "",
    ]
    for setting in TABLE:
        lines += [f"## {setting.variable}", "", setting.help, ""]
        lines.append(f"- Flag: `{setting.flag} {setting.value_type.metavar}`")
        lines.append(f"- Allowed: {setting.value_type.allowed}")
        lines.append(f"- Default: {_default_description(setting)}")
        if setting.in_image:
            lines.append(f"- In the image: `{setting.in_image}`")
        if setting.example:
            lines.append(f"- Example: `{setting.variable}={setting.example}`")
        if setting.early:
            lines.append("- Read from the environment and the flags only, not from the project's own files")
        if setting.read_again:
            lines.append("- An edit of it in the project's `.env` counts at once, without a restart")
        lines.append("")
    lines += [
        "## OpenTelemetry",
        "",
        "These variables are OpenTelemetry's own; no flags. [opentelemetry.md](opentelemetry.md) says what is sent.",
        "",
        "| variable | meaning | example |",
        "|---|---|---|",
        *(f"| `{name}` | {text} | `{example}` |" for name, (text, example) in VARIABLES.items()),
        "",
    ]
    return "\n".join(lines)


def _default_description(setting: Setting) -> str:
    if not setting.default_text:
        return f"`{setting.default}`"
    return f"{setting.default_text} (`{setting.default}`)" if setting.default else setting.default_text


if __name__ == "__main__":
    EXAMPLE.write_text(environment_file(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
