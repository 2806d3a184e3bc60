"""Find the place of a failure that is not an exception, and show its source as the page of an exception does.

A process that hung or crashed has a dump of faulthandler: its frames are the place, without those of the appliance and
of the import system. An installation may name a line of a file. Runs in the supervisor, which reads the files only.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from appliance import OWN_FOLDER
from appliance.conventions import LINES_AROUND

_FRAMES_MAX = 60
_SHOWN_MAX = 12  # frames that are shown with source
_FILE_MAX = 1_000_000  # bytes; a larger file is not shown
_WIDTH_MAX = 600  # characters of a line that are shown
_THREAD = re.compile(r"(?:Current t|T)hread 0x[0-9a-f]+.*\(most recent call first\):")
_FRAME = re.compile(r'\s+File "(?P<file>.+)", line (?P<line>\d{1,9}) in (?P<function>.+)')

Frame = dict[str, Any]


def stopped_at(dump: str, root: str) -> dict[str, Any]:
    """Return ``exception``, ``file`` and ``line`` of a page for the place; empty if no frame is the project's.

    Args:
        dump: the output that ends with, or is, what faulthandler printed.
        root: the project's folder.
    """
    threads = [[frame for frame in thread if not _is_left_out(frame["file"])] for thread in _threads(dump)]
    frames = next((thread for thread in threads if any(_is_project_path(each["file"], root) for each in thread)), [])
    shown = 0
    for frame in frames:
        if _is_project_path(frame["file"], root) and shown < _SHOWN_MAX:
            frame |= {"own": True, "lines": _excerpt(frame["file"], frame["line"])}
            shown += 1
    own = next((frame for frame in frames if frame.get("own")), None)
    if own is None:
        return {}
    return {"exception": {"frames": frames[::-1]}, "file": own["file"], "line": own["line"]}


def place_of(page: dict[str, Any], root: str) -> dict[str, Any]:
    """Return ``exception`` for the line that a page names; empty if it names no line, or has an exception."""
    file, line = page.get("file"), page.get("line")
    if (
        page.get("exception")
        or not isinstance(file, str)
        or not isinstance(line, int)
        or not _is_project_path(file, root)
    ):
        return {}
    lines = _excerpt(file, line)
    return {"exception": {"frames": [{"file": file, "line": line, "own": True, "lines": lines}]}} if lines else {}


def without_ours(dump: str) -> str:
    """Return a dump without the frames of the appliance and the import system, and without threads of only these."""
    kept: list[str] = []
    for line in [*dump.splitlines(), ""]:
        frame = _FRAME.fullmatch(line)
        if frame and _is_left_out(frame["file"]):
            continue
        if not frame and kept and _THREAD.match(kept[-1]):
            kept.pop()  # nothing of that thread is left
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).rstrip("\n")


def _threads(dump: str) -> list[list[Frame]]:
    """Return the frames of each thread, the current thread first, the innermost frame of each first."""
    current: list[list[Frame]] = []
    others: list[list[Frame]] = []
    thread: list[Frame] = []
    for line in dump.splitlines():
        if _THREAD.match(line):
            thread = []
            (current if line.startswith("Current") else others).append(thread)
        elif (found := _FRAME.fullmatch(line)) and len(thread) < _FRAMES_MAX:
            thread.append({"file": found["file"], "line": int(found["line"]), "function": found["function"]})
    return current + others


def _is_left_out(file: str) -> bool:
    return file.startswith((OWN_FOLDER, "<frozen importlib")) or file.endswith("/importlib/__init__.py")


def _is_project_path(file: str, root: str) -> bool:
    return file.startswith(root.rstrip("/") + "/") and "/site-packages/" not in file


def _excerpt(file: str, line: int) -> list[list[Any]]:
    """Return number and text of the lines around a place; empty if the file can't be read."""
    path = Path(file)
    try:
        if not path.is_file() or path.stat().st_size > _FILE_MAX:
            return []
        lines = path.read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return []
    if not 0 < line <= len(lines):
        return []
    first = max(1, line - LINES_AROUND)
    return [[number, text[:_WIDTH_MAX]] for number, text in enumerate(lines[first - 1 : line + LINES_AROUND], first)]
