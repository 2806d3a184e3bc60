"""An appliance whose every line is looked at as a collector would, and whose stdout may be left unread."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

from tests.live.live_appliance import Appliance

# The characters that no line may hold, raw or once decoded: C0 but for what JSON itself escapes, DEL, C1, separators,
# bidi controls, and those that are never seen nor needed.
_RAW = re.compile(rb"[\x00-\x1f\x7f]")
_DECODED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
LONG = 50_000  # characters of a text that is counted instead of kept


class Logged(Appliance):
    """Faults are lines that are not safe JSON; long texts are shortened, and counted by their first character."""

    def __init__(self, project: Path, folder: Path, **settings: str) -> None:
        self.faults: list[bytes] = []
        self.lines: list[bytes] = []
        self.long: dict[str, int] = {}
        self.read_on = threading.Event()
        self.read_on.set()
        self.stderr = folder / "stderr"
        super().__init__(project, folder / "cache", folder / "status.sock", {"APPLIANCE_INSTALL": "off"} | settings)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.read_on.wait()
            try:
                event = json.loads(line.decode())
            except ValueError:
                event = None
            if not isinstance(event, dict) or _RAW.search(line[:-1]) or not line.endswith(b"\n") or not _is_safe(event):
                self.faults.append(line[:500])
                continue
            text = event.get("text", "")
            if len(text) > LONG or "part" in event:  # on a busy machine a part may be a short one
                if text:
                    self.long[text[-1]] = self.long.get(text[-1], 0) + len(text)
                event["text"] = text[:100]
            else:
                self.lines.append(line)
            self._incoming.put(event)
        self._incoming.put(None)

    def said(self) -> list[dict[str, Any]]:
        """Return the project's output and its records."""
        return [event for event in self.events if event["event"] in {"output", "project.logged"}]

    def count(self, words: str) -> int:
        """How many of the project's events contain these words, printed or logged."""
        return sum(words in json.dumps(event, ensure_ascii=False) for event in self.said())


def _is_safe(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_safe, value)) and all(map(_is_safe, value.values()))
    if isinstance(value, list):
        return all(map(_is_safe, value))
    return not isinstance(value, str) or not _DECODED.search(value)
