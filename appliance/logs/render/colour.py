"""Colour text for people with SGR sequences (ECMA-48, 8.3.117), or leave it plain.

The only module of the supervisor's side that writes an escape character, around text that is sanitised already. Runs in
the supervisor, and in a process that uses the server as a library, if the log is for people.
"""

from __future__ import annotations

from types import MappingProxyType

from appliance.protocol.record import Record

# The sixteen colours that every terminal has and every theme keeps readable; no backgrounds, no fixed RGB.
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


class Palette(Record):
    """Colours text, if colour is on."""

    colour: bool

    def paint(self, text: str, style: str) -> str:
        """Return the text in this style (a name of the palette)."""
        code = _CODES[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text else text
