"""A traceback for people: the project's own frames stand out, paths are relative, the rest steps back.

Owns how the text of a Python traceback is read. Knows nothing of events. Runs in the supervisor, where the log is for
people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.logs.colour import Palette

_FRAME = re.compile(r'(?P<start>\s*(?:[|+] *)*File ")(?P<path>[^"]+)(?P<rest>", line \d+.*)')
_FOREIGN = ("site-packages/", "dist-packages/", ".venv/", "venv/", "node_modules/")


@dataclass(frozen=True)
class TracebackText:
    """Renders tracebacks of a project whose folder is ``root``."""

    palette: Palette
    root: str

    def lines(self, text: str) -> list[str]:
        """The traceback's lines, painted; the text is sanitised already."""
        prefix = self.root.rstrip("/") + "/"
        style = "plain"
        result = []
        for line in text.rstrip("\n").split("\n"):
            frame = _FRAME.match(line)
            if frame:
                own = frame["path"].startswith(prefix) and not any(
                    part in frame["path"].removeprefix(prefix) for part in _FOREIGN
                )
                style = "strong" if own else "dim"
                result.append(
                    self.palette.paint(frame["start"] + frame["path"].removeprefix(prefix) + frame["rest"], style)
                )
            elif line.startswith(" "):  # a frame's source, its markers, what a SyntaxError shows
                result.append(self.palette.paint(line, "dim" if style == "dim" else "plain"))
            else:
                style = "plain"
                heading = line.startswith(("Traceback (", "During handling of", "The above exception")) or not line
                result.append(line if heading else self.palette.paint(line, "red"))
        return result
