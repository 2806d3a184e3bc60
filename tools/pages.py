"""``python -m tools.pages``, or ``make pages``: write each page, or table in one, that is made from the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools import assistants, commands, hosts, log_events, packages, remedies, settings, sides

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGES: dict[Path, Callable[[], str]] = {
    assistants.PAGE: assistants.page,
    commands.PAGE: commands.page,
    hosts.PAGE: hosts.page,
    log_events.PAGE: log_events.page,
    packages.PAGE: packages.page,
    packages.MODULES: packages.modules,
    remedies.PAGE: remedies.page,
    settings.PAGE: settings.page,
    settings.EXAMPLE: settings.environment_file,
    sides.PAGE: sides.page,
}


if __name__ == "__main__":
    for path, text in PAGES.items():
        path.write_text(text(), encoding="utf-8")
