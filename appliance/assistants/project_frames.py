"""Find the project's own frames in tracebacks and in stacks, as Python prints them."""

from __future__ import annotations

import re
from typing import Any

from appliance.conventions import INSTALLED_CODE

# As ``traceback`` prints a frame, with a comma, or ``faulthandler``, without; those of a group are behind bars.
_FRAME = re.compile(r'[ |+]{2,60}File "(?P<file>[^"\n]{1,1000})", line (?P<line>\d{1,9}),? in (?P<function>.{1,200})')
_FRAMES_MAX = 30


def project_frames(text: str, project: str) -> list[dict[str, Any]]:
    """Return the frames of the project in a text, in its order: file relative to the project, line, function, code.

    Args:
        text: one traceback, or the stack of one thread.
        project: the project's folder.
    """
    lines = text.splitlines()
    found = []
    for index, line in enumerate(lines):
        frame = _FRAME.fullmatch(line)
        if frame is None or (file := project_file(frame["file"], project)) is None:
            continue
        each: dict[str, Any] = {"file": file, "line": int(frame["line"]), "function": frame["function"]}
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if following.startswith("    "):
            each["code"] = following.strip()[:300]
        found.append(each)
    return found[:3] + found[-(_FRAMES_MAX - 3) :] if len(found) > _FRAMES_MAX else found


def project_file(file: str, project: str) -> str | None:
    """Return a file of the project relative to its folder; None for every other file."""
    root = f"{project.rstrip('/')}/"
    inside = file.removeprefix(root)
    if inside == file and file.startswith(("/", "<")):
        return None
    return inside if INSTALLED_CODE.isdisjoint(inside.split("/")) else None


def threads(stacks: str, project: str) -> tuple[list[dict[str, Any]], int]:
    """Return the threads that run the project's code, each with its own frames, and the number of the others.

    Args:
        stacks: as ``faulthandler`` prints them, the innermost call first.
        project: the project's folder.
    """
    found, others = [], 0
    for part in re.split(r"\n\s*\n", stacks.strip()):
        head, _, rest = part.partition("\n")
        frames = project_frames(rest, project)
        if frames:
            innermost = next((line.strip() for line in rest.splitlines() if line.strip()), "")
            found.append({"thread": head.partition(" (")[0], "stands_at": innermost, "own_frames": frames})
        elif head:
            others += 1
    return found, others
