"""Format a traceback for people: highlight the project's own frames, make paths relative, dim the rest.

This module parses the text of a Python traceback, and knows no events. Runs in the supervisor, and in a process that
uses the server as a library, if the log is for people.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.conventions import INSTALLED_CODE
from appliance.protocol.record import Record

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
_LIBRARY = re.compile(r"\A.*/(?:(?:site|dist)-packages|python\d(?:\.\d+)?t?)/")
_AROUND_PATHS = re.compile(r"([\s\"'()<>]+)")
_INSTALLED = re.compile(r"\A/.*/(?:site|dist)-packages/")
_OURS = f"{Path(__file__).parents[3]}/"
_FOLDED = 2  # frames in a row that are worth a line of their own
_NAMED = 3  # packages that such a line names


class TracebackText(Record):
    """Renders tracebacks of a project whose folder is ``root``; ``whole``: with every frame."""

    palette: Palette
    root: str
    whole: bool = False

    def summary(self, text: str) -> str:
        """Return the exception and the project's innermost frame, in one line; empty if the text is not a traceback."""
        lines = text.rstrip("\n").split("\n")
        if not any(line.startswith(_HEADINGS) for line in lines):
            return ""
        # A fatal error's stacks have the innermost frame first, one stack for each thread.
        fatal = next((n for n, line in enumerate(lines) if line.startswith("Current thread")), None)
        shown = lines if fatal is None else reversed(lines[fatal : _blank_after(lines, fatal)])
        frames = [frame for line in shown if (frame := _FRAME.match(line))]
        own = [frame for frame in frames if self._is_project_path(frame["path"])]
        last = max((n for n, line in enumerate(lines) if _FRAME.match(line)), default=0)
        exception = next((line for line in lines[last + 1 :] if line and not line.startswith(" ")), lines[0])
        place = self._place(own[-1]) if own else ""
        return f"{self.palette.paint(exception, 'red')} {self.palette.paint(place, 'strong')}".rstrip()

    def _place(self, frame: re.Match[str]) -> str:
        """Return file and line in a form that terminals and editors make a link of, and the function."""
        found = re.match(r'", line (\d+)(.*)', frame["rest"])
        path = frame["path"].removeprefix(self.root.rstrip("/") + "/")
        return f"{path}:{found[1]}{found[2].replace(',', '')}" if found else path

    def _is_project_path(self, path: str) -> bool:
        prefix = self.root.rstrip("/") + "/"
        return path.startswith(prefix) and INSTALLED_CODE.isdisjoint(path.removeprefix(prefix).split("/"))

    def lines(self, text: str) -> list[str]:
        """Return the traceback's lines, coloured; the text is sanitised already.

        A run of frames outside the project becomes one line, except the frame that raised.
        """
        result: list[str] = []
        run: list[_Foreign] = []
        style = "plain"
        for line in text.rstrip("\n").split("\n"):
            frame = _FRAME.match(line)
            if frame and not self._is_project_path(frame["path"]):
                run.append(_Foreign(frame, [self.palette.paint(_frame_line(frame), "dim")]))
                style = "dim"
                continue
            if run and not frame and _is_below(line, run[-1].frame):
                run[-1].lines.append(self.palette.paint(line, "dim"))
                continue
            result += self._folded(run, raised=not frame)
            run = []
            if frame:
                style = "strong"
                path = frame["path"].removeprefix(self.root.rstrip("/") + "/")
                result.append(self.palette.paint(frame["start"] + path + frame["rest"], style))
            elif line.startswith(" "):  # a frame's source and markers, or a SyntaxError's line
                result.append(line)
            else:
                heading = line.startswith(("Traceback (", "During handling of", "The above exception")) or not line
                result.append(line if heading else self.palette.paint(short_paths(line), "red"))
        return result + self._folded(run, raised=True)

    def _folded(self, run: list[_Foreign], *, raised: bool) -> list[str]:
        """Return the lines of frames outside the project: of the one that raised, and the number of the others."""
        hidden = run[:-1] if raised else run
        if self.whole or len(hidden) < _FOLDED:
            hidden = []
        shown = [line for each in run[len(hidden) :] for line in each.lines]
        if not hidden:
            return shown
        names = list(dict.fromkeys(each.package for each in hidden))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        margin = hidden[0].frame["start"].removesuffix('File "')
        note = f"{margin}... {len(hidden)} frames in {', '.join(names[:_NAMED])}{more}"
        return [self.palette.paint(note, "dim"), *shown]


class _Foreign(NamedTuple):
    """A frame outside the project, with its lines."""

    frame: re.Match[str]
    lines: list[str]

    @property
    def package(self) -> str:
        """The package or module of the frame's file."""
        path = self.frame["path"]
        if path.startswith("<"):
            return path.strip("<>").removeprefix("frozen ").partition(".")[0]
        return _short(path).lstrip("/").partition("/")[0].removesuffix(".py")


def _short(path: str) -> str:
    """Return a library's path without the folder that it is installed in: ``flask/app.py``, ``json/decoder.py``."""
    return _LIBRARY.sub("", path.removeprefix(_OURS))


def short_paths(text: str) -> str:
    """Return a text with the paths of installed packages as they are imported: ``flask/__init__.py``."""
    if "-packages/" not in text:
        return text
    return "".join(_INSTALLED.sub("", part) for part in _AROUND_PATHS.split(text))  # word by word: in linear time


def _frame_line(frame: re.Match[str]) -> str:
    return frame["start"] + _short(frame["path"]) + frame["rest"]


def _is_below(line: str, frame: re.Match[str]) -> bool:
    """Whether a line belongs to a frame: its source and markers are further in, also after a group's margin."""
    margin = frame["start"].removesuffix('File "')
    return line.startswith((margin + "  ", margin + "[Previous line repeated"))


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
