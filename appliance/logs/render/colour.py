"""Colours for people: SGR sequences (ECMA-48, 8.3.117), or none.

Owns the palette. The one place of our side that writes an escape character; it does so around text that is sanitised
already. Runs in the supervisor, where the log is for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

# The sixteen colours that every terminal has and every theme makes readable; no backgrounds, no fixed RGB.
_CODES = MappingProxyType(
    {
        "plain": "",
        "strong": "1",
        "dim": "2",
        "red": "31",
        "strong red": "1;31",
        "green": "32",
        "yellow": "33",
        "blue": "34",
        "magenta": "35",
        "cyan": "36",
    }
)


@dataclass(frozen=True)
class Palette:
    """Paints text, if colour is wanted."""

    colour: bool

    def paint(self, text: str, style: str) -> str:
        """The text in that style (a name of the palette)."""
        code = _CODES[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text else text
