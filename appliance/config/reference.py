"""The settings as people read them: ``.env.example``, ``--help``, ``docs/settings.md``.

Owns the layout of the three. Must not know values or their origins; every word is the table's. Runs where a command
asks for help, and in the test that holds the files to the code.
"""

from __future__ import annotations

import textwrap

from appliance.config.table import TABLE, Setting


def help_table() -> list[tuple[str, str, str]]:
    """Flag, metavar and help of each setting, for argparse."""
    return [
        (setting.flag, setting.form.metavar, f"{setting.help} {_default(setting)}".replace("%", "%%"))
        for setting in TABLE
    ]


def environment_file() -> str:
    """The text of ``.env.example``: every setting with its help, commented out."""
    lines = [
        "# Settings for `docker compose up` in this folder: copy this file to .env, and take the # from what you set.",
        "# Each is also a flag of `appliance serve`. The project's own variables stand in the project's own .env.",
        "",
        "# The folder of the project to serve (default: the example that comes along).",
        "#PROJECT_DIR=../mine",
        "",
        "# The port of this machine on which it is published (default: 8000).",
        "#PUBLISH_PORT=8001",
        "",
        "# The image to build: slim, or full with Python 3.10 to 3.14, a compiler and headers (default: slim).",
        "#APPLIANCE_IMAGE=full",
    ]
    for setting in TABLE:
        if not setting.in_image:
            lines += _example(setting)
    lines += ["", "# For use without Docker. The image has its own values for these: with compose, leave them alone."]
    for setting in TABLE:
        if setting.in_image:
            lines += _example(setting)
    return "\n".join(lines) + "\n"


def _example(setting: Setting) -> list[str]:
    words = f"{setting.help}\nAllowed: {setting.form.allowed} {_default(setting)}."
    comment = [line for text in words.split("\n") for line in textwrap.wrap(text, 117)]
    return ["", *(f"# {line}" for line in comment), f"#{setting.variable}={setting.example or setting.default}"]


def documentation() -> str:
    """The text of ``docs/settings.md``."""
    lines = [
        "# Settings",
        "",
        "Each is a variable, and a flag of `appliance serve`. A flag wins over the environment, the environment over",
        "the project's files of variables (`.env.local`, `.env`, `.flaskenv`, the first winning), those over the",
        "default. An empty text is none. `appliance config` shows each setting with its value and its origin.",
        "",
        "An unknown `APPLIANCE_*` name or a value that can't be read stops the start, with what was found and what is",
        "allowed. Every other variable is your project's.",
        "",
    ]
    for setting in TABLE:
        lines += [f"## {setting.variable}", "", setting.help, ""]
        lines.append(f"- Flag: `{setting.flag} {setting.form.metavar}`")
        lines.append(f"- Allowed: {setting.form.allowed}")
        lines.append(f"- Default: {_in_words(setting)}")
        if setting.in_image:
            lines.append(f"- In the image: `{setting.in_image}`")
        if setting.example:
            lines.append(f"- Example: `{setting.variable}={setting.example}`")
        if setting.early:
            lines.append("- Counts from the environment and as a flag, not from the project's own files")
        lines.append("")
    return "\n".join(lines)


def _default(setting: Setting) -> str:
    image = f"; in the image: {setting.in_image}" if setting.in_image not in {"", setting.default} else ""
    return f"(default: {setting.words or setting.default}{image})"


def _in_words(setting: Setting) -> str:
    if not setting.words:
        return f"`{setting.default}`"
    return f"{setting.words} (`{setting.default}`)" if setting.default else setting.words
