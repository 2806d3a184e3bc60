"""Show where a task is, as a traceback.

Follows a task to its innermost coroutine. Any thread may call it.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from ... import OWN_FOLDER

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from types import FrameType

_MAX_DEPTH = 200


def stack_of(task: asyncio.Task[Any]) -> str:
    """Return the frames of a task that waits or runs, outermost first, without those of the appliance."""
    frames = list(_frames(task.get_coro()))
    lines = [traceback.FrameSummary(each.f_code.co_filename, each.f_lineno, each.f_code.co_name) for each in frames]
    return "".join(traceback.format_list([line for line in lines if not line.filename.startswith(OWN_FOLDER)] or lines))


def place_of(task: asyncio.Task[Any]) -> dict[str, object]:
    """Return the innermost frame of the project, as the fields of an event."""
    root = os.getcwd() + "/"
    frames = [each for each in _frames(task.get_coro()) if not each.f_code.co_filename.startswith(OWN_FOLDER)]
    own = [each for each in frames if each.f_code.co_filename.startswith(root)]
    place: dict[str, object] = {"thread": task.get_name()}
    for frame in (own or frames)[-1:]:
        place.update(file=frame.f_code.co_filename, line=frame.f_lineno, function=frame.f_code.co_name)
    return place


def _frames(coroutine: Any) -> Iterator[FrameType]:
    for _ in range(_MAX_DEPTH):
        frame = _first(coroutine, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            return
        inner = _first(coroutine, "cr_await", "gi_yieldfrom", "ag_await")
        yield frame
        if inner is None:
            yield from _called_by(frame)  # the coroutine runs: what it has called is on the stack of its thread
            return
        coroutine = inner


def _first(coroutine: Any, *names: str) -> Any:
    """Return the attribute that this kind of coroutine has."""
    return next((value for name in names if (value := getattr(coroutine, name, None)) is not None), None)


def _called_by(frame: FrameType) -> Iterator[FrameType]:
    for top in sys._current_frames().values():  # noqa: SLF001  documented, for debuggers and the like
        stack: list[FrameType] = []
        each: FrameType | None = top
        while each is not None and each is not frame:
            stack.append(each)
            each = each.f_back
        if each is frame:
            yield from reversed(stack)
            return
