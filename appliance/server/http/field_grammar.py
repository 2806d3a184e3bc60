"""The grammar of header fields, of requests and of responses (RFC 9110, 5): tokens, lists, control characters.

Pure: no socket, no clock, no state.
"""

from __future__ import annotations

import re

from ...conventions import TCHAR
from .refusal import RequestRefused

# Deleting these characters from valid lines removes only the line ends. Tabs are valid in values, but rare, so they
# take the slow path.
CONTROLS = bytes([*range(0x20), 0x7F])
TOKEN = re.compile(f"{TCHAR}+")
_BAD_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def elements(value: str) -> set[str]:
    """Return a list's elements in lower case, without empty ones (RFC 9110, 5.6.1.2)."""
    return {option.strip(" \t") for option in value.lower().split(",")} - {""}


def check_controls(line: str) -> None:
    """Refuse a line with a control character other than a tab.

    Raises:
        RequestRefused: the line has one.
    """
    bad = _BAD_CONTROL.search(line)
    if bad is not None:
        what = {"\r": "a CR without its LF", "\n": "an LF without its CR", "\0": "a NUL"}
        raise RequestRefused(
            400, f"{what.get(bad[0], 'a control character')} in the head (RFC 9112, 2.2; RFC 9110, 5.5)"
        )
