"""Store the pins, masked, in a file of their own: they survive when the database is replaced."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from appliance.desk.pins.pin import Pin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MOST_BYTES = 8 * 1024 * 1024


class PinFile:
    """Reads and writes the pins, in a file beside the desk's database.

    Args:
        database: the path of the desk's database.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_suffix(".pins.json")

    def read(self) -> list[Pin]:
        """Return the pins; what can't be read as one is left out."""
        try:
            with self._path.open("rb") as file:
                stored = json.loads(file.read(_MOST_BYTES))["pins"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return []
        found = []
        for each in stored if isinstance(stored, list) else []:
            try:
                found.append(Pin.of_stored(each))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
        return found

    def write(self, pins: Iterable[Pin]) -> None:
        """Replace the file.

        Raises:
            OSError: it can't be written; it is as it was before.
        """
        part = self._path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"pins": [each.to_json() for each in pins]}, file)
        part.replace(self._path)
