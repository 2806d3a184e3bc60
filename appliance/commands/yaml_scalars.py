"""Write any text as a scalar of YAML or of a compose file, so that it is read as it was given.

Runs in ``appliance init`` and ``appliance deploy``.
"""

from __future__ import annotations

import re

_SPECIAL = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def yaml_scalar(text: str) -> str:
    """Return a text between double quotes, for YAML 1.1 and 1.2: ``no``, ``1e3`` and ``: #`` stay texts."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def compose_scalar(text: str) -> str:
    """Return a text for a compose file, in which $ begins a variable."""
    return yaml_scalar(text.replace("$", "$$"))


def fits_a_line(text: str) -> bool:
    """Whether a file of variables, which knows no quotes, can hold the text: one line, without blanks around it."""
    return text == text.strip() and not re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029\ufeff]", text)
