"""``python -m tools.commands``: write docs/commands.md, the commands and their flags, from the text of ``--help``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli import EXIT_CODES, parser
from appliance.config.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
_SETTINGS = {setting.field for setting in TABLE}


def page() -> str:
    """Return the text of docs/commands.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "In a running container: `docker compose exec app appliance COMMAND`. Without one:"
    yield "`docker run --rm -v .:/workspace wsgi-appliance COMMAND`. Without Docker, in the clone, after `make serve`:"
    yield "`.venv-serve/bin/appliance COMMAND --project ../mine`. Without a command, `serve` runs."
    yield ""
    yield "Every command takes the flags of the [settings](settings.md)."
    for name, command in parser().commands.items():
        yield ""
        yield f"## {name}"
        yield ""
        yield command.description or ""
        own = [action for action in command._actions if action.dest not in _SETTINGS]  # noqa: SLF001  argparse has no other way
        rows = [each for each in own if "--help" not in each.option_strings and each.help != argparse.SUPPRESS]
        if rows:
            yield ""
            yield "| argument | meaning |"
            yield "|---|---|"
        for action in rows:
            words = [*action.option_strings[-1:], str(action.metavar or "").strip()]
            yield f"| `{' '.join(filter(None, words))}` | {action.help} |"
    yield ""
    yield "## Exit codes"
    yield ""
    yield "```text"
    yield from EXIT_CODES.splitlines()[1:]
    yield "```"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
