"""Format a traceback for people: highlight the project's own frames, make paths relative, dim the rest.

This module parses the text of a Python traceback, and knows no events. Runs in the supervisor, if the log is for
people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appliance.logs.render.colour import Palette

_FRAME = re.compile(r'(?P<start>\s*(?:[|+] *)*File ")(?P<path>[^"]+)(?P<rest>", line \d+.*)')
_LINKS = MappingProxyType(
    {
        "cause": "The above exception was the direct cause of the following exception:",
        "context": "During handling of the above exception, another exception occurred:",
    }
)
_HEADINGS = ("Traceback (most recent call last):", "Fatal Python error: ", "  + Exception Group Traceback")
_FOREIGN = ("site-packages/", "dist-packages/", ".venv/", "venv/", "node_modules/")


@dataclass(frozen=True)
class TracebackText:
    """Renders tracebacks of a project whose folder is ``root``."""

    palette: Palette
    root: str

    def summary(self, text: str) -> str:
        """Return the exception and the project's innermost frame, in one line; empty if the text is no traceback."""
        lines = text.rstrip("\n").split("\n")
        if not any(line.startswith(_HEADINGS) for line in lines):
            return ""
        # A fatal error's stacks have the innermost frame first, one stack for each thread.
        fatal = next((n for n, line in enumerate(lines) if line.startswith("Current thread")), None)
        shown = lines if fatal is None else reversed(lines[fatal : _blank_after(lines, fatal)])
        frames = [frame for line in shown if (frame := _FRAME.match(line))]
        own = [frame for frame in frames if self._is_own(frame["path"])]
        last = max((n for n, line in enumerate(lines) if _FRAME.match(line)), default=0)
        exception = next((line for line in lines[last + 1 :] if line and not line.startswith(" ")), lines[0])
        place = self._place(own[-1]) if own else ""
        return f"{self.palette.paint(exception, 'red')} {self.palette.paint(place, 'strong')}".rstrip()

    def _place(self, frame: re.Match[str]) -> str:
        """Return file and line in a form that terminals and editors make a link of, and the function."""
        found = re.match(r'", line (\d+)(.*)', frame["rest"])
        path = frame["path"].removeprefix(self.root.rstrip("/") + "/")
        return f"{path}:{found[1]}{found[2].replace(',', '')}" if found else path

    def _is_own(self, path: str) -> bool:
        prefix = self.root.rstrip("/") + "/"
        return path.startswith(prefix) and not any(part in path.removeprefix(prefix) for part in _FOREIGN)

    def lines(self, text: str) -> list[str]:
        """Return the traceback's lines, coloured; the text is sanitised already."""
        prefix = self.root.rstrip("/") + "/"
        style = "plain"
        result = []
        for line in text.rstrip("\n").split("\n"):
            frame = _FRAME.match(line)
            if frame:
                style = "strong" if self._is_own(frame["path"]) else "dim"
                result.append(
                    self.palette.paint(frame["start"] + frame["path"].removeprefix(prefix) + frame["rest"], style)
                )
            elif line.startswith(" "):  # a frame's source and markers, or a SyntaxError's line
                result.append(self.palette.paint(line, "dim" if style == "dim" else "plain"))
            else:
                style = "plain"
                heading = line.startswith(("Traceback (", "During handling of", "The above exception")) or not line
                result.append(line if heading else self.palette.paint(line, "red"))
        return result


def _blank_after(lines: list[str], start: int) -> int:
    return next((n for n in range(start, len(lines)) if not lines[n]), len(lines))


def as_text(exceptions: list[Any]) -> str:
    """Return a structured exception (``project.logged``) as Python prints it, its causes first."""
    texts = []
    for each in exceptions:
        if not isinstance(each, dict):
            continue
        frames = each.get("frames")
        lines = ["Traceback (most recent call last):"]
        for frame in frames if isinstance(frames, list) else ():
            if isinstance(frame, dict):
                lines.append(f'  File "{frame.get("file")}", line {frame.get("line")}, in {frame.get("function")}')
                lines += [f"    {frame['source']}"] if frame.get("source") else []
        lines.append(f"{each.get('type')}: {each.get('message')}")
        notes = each.get("notes")
        lines += [str(note) for note in notes] if isinstance(notes, list) else []
        link = _LINKS.get(str(each.get("of")))
        texts.append("\n".join(lines) + (f"\n\n{link}\n" if link else ""))
    return "\n".join(reversed(texts))
