"""The banner: three lines for a person, once the project is served for the first time.

Runs in the supervisor, and in a process that uses the server as a library, if the log is for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OF_INTEREST = frozenset({"appliance.started", "project.found", "worker.ready"})


class Banner:
    """Collects the facts that earlier events report, and makes the banner at the first ``worker.ready``."""

    def __init__(self, paint: Callable[[str, str], str], help_text: str) -> None:
        self._paint = paint
        self._help = help_text
        self._known: dict[str, Any] = {}
        self._shown = not help_text

    def lines(self, event: str, fields: Mapping[str, Any]) -> list[str]:
        """Take note of an event; return the lines to show below it."""
        if self._shown or event not in _OF_INTEREST:
            return []
        known = self._known = {**fields, **self._known}  # project.found has the application's name, not its class
        if event != "worker.ready":
            return []
        self._shown = True
        framework = f" ({known['framework']})" if known.get("framework") else ""
        served = f"{known.get('application', '')}{framework} of {known.get('project', '')}"
        rows = (
            ("open", "strong", fields.get("url") or known.get("action", "")),  # in a container the URL may be unknown
            ("serves", "plain", f"{served}, Python {known.get('python', '')}"),
            ("help", "plain", self._help),
        )
        return [f"{self._paint(f'{label:<9}', 'cyan')} {self._paint(str(text), style)}" for label, style, text in rows]
