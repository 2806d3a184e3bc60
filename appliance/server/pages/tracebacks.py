"""An exception and what led to it, within bounds: as values, and as the text that Python would print.

Owns the bounds, and every call of an exception's own methods. Knows nothing of pages or the log. Runs in the process
that raised, in the thread that did.

Theory of operation. ``traceback.TracebackException`` describes a whole tree before it prints a part of it: a chain of
10,000 causes, a group of 10,000 members, a recursion of 100,000 frames each cost seconds, with the interpreter's lock
held. Here the tree is walked from its root, and what lies beyond a bound is counted and never looked at. An exception's
``str()`` is asked for once: it may be slow, huge or fail, and is the project's. Each part says where it was cut.
"""

from __future__ import annotations

import builtins
import sys
import traceback
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType, TracebackType

Place = TypeVar("Place")

MAX_MESSAGE = 16_384  # characters of an exception's own words,
MAX_LINE = 2_048  # of a line of source, a file's name, a type's, a note
MAX_TEXT = 65_536  # and of all that Python would print
MAX_FRAMES = 100  # of one exception: half of them its first, half its last
MAX_EXCEPTIONS = 20  # of the whole tree
MAX_NOTES = 20
_MASKABLE = 4096  # beyond a bound, so that what it would cut in two is masked as a whole

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
# Python has more to say of these: a place in the source, a name that may have been meant.
_IN_C = type(BaseException.__str__)  # what a class's own method in Python is not
_EXPLAINED = (SyntaxError, NameError, AttributeError, ImportError)


@dataclass
class Raised:
    """One exception.

    Attributes:
        error: the exception.
        name: its type's, with the module unless that is builtins.
        words: what it says, ``str()`` of it.
        notes: what was added to it.
        frames: innermost last; ``left_out`` of them are missing in the middle.
        cause, context: what it was raised from, and while what was handled; at most one of the two.
        members: of a group; ``left_members`` are missing.
        more: there is a cause or context, which is left out.
    """

    error: BaseException
    name: str
    words: str
    notes: list[str] = field(default_factory=list)
    frames: list[traceback.FrameSummary] = field(default_factory=list)
    left_out: int = 0
    cause: Raised | None = None
    context: Raised | None = None
    members: list[Raised] = field(default_factory=list)
    left_members: int = 0
    more: bool = False

    @property
    def is_group(self) -> bool:
        """Whether it has members."""
        return bool(self.members or self.left_members)

    def text(self, mask: Callable[[str], str] = str) -> str:
        """What Python would print, masked, and cut in the middle."""
        text = mask("".join(_printed(self)))
        if len(text) <= MAX_TEXT:
            return text
        start, end = text[: MAX_TEXT // 4], text[-3 * MAX_TEXT // 4 :]
        return f"{start}\n... ({len(text) - MAX_TEXT} more characters)\n{end}"


def cut(text: str, most: int) -> str:
    """The text, or so much of it and how much more there is; of an exact ``str``, whatever it was."""
    if len(text) <= most and type(text) is str:
        return text
    left = str.__len__(text) - most
    text = str.__getitem__(text, slice(most))
    return f"{text}... ({left} more characters)" if left > 0 else text


def words_of(value: object, most: int = MAX_MESSAGE, mask: Callable[[str], str] = str) -> str:
    """``str()`` of an exception or any other object, which may raise whatever it likes; masked before it is cut."""
    try:
        text = str(value)
        if str.__len__(text) <= most + _MASKABLE:
            return cut(mask(cut(text, most + _MASKABLE)), most)
        left = str.__len__(text) - most
        start = mask(str.__getitem__(text, slice(most + _MASKABLE)))
        return f"{start[:most]}... ({left} more characters)"
    except BaseException as error:  # noqa: BLE001  the object's own method, which is to hide nothing
        return f"<{cut(type(value).__name__, 100)} whose text can't be had: {cut(type(error).__name__, 100)}>"


def look_at(
    error: BaseException, keep: Callable[[str], bool] = lambda _: True, mask: Callable[[str], str] = str
) -> Raised:
    """The exception and what led to it.

    Args:
        error: the exception.
        keep: whether frames of a file, by its name, are shown.
        mask: what makes its words fit to be shown.
    """
    return _Look(keep, mask).at(error)


class _Look:
    def __init__(self, keep: Callable[[str], bool], mask: Callable[[str], str]) -> None:
        self._keep = keep
        self._mask = mask
        self._left = MAX_EXCEPTIONS
        self._known: set[int] = set()

    def at(self, error: BaseException) -> Raised:
        self._left -= 1
        self._known.add(id(error))
        raised = Raised(error, _type_name(type(error)), words_of(error, mask=self._mask), _notes(error, self._mask))
        raised.frames, raised.left_out = _frames(error.__traceback__, self._keep)
        members, count = _members(error)
        for member in members:
            if self._left > 0 and id(member) not in self._known:
                raised.members.append(self.at(member))
        raised.left_members = count - len(raised.members)
        cause, context = error.__cause__, None if error.__suppress_context__ else error.__context__
        before = cause if cause is not None else context
        if before is None or id(before) in self._known:
            return raised
        if self._left <= 0:
            raised.more = True
        elif cause is not None:
            raised.cause = self.at(cause)
        else:
            raised.context = self.at(before)
        return raised


def _type_name(kind: type) -> str:
    module, name = str(getattr(kind, "__module__", "")), str(getattr(kind, "__qualname__", "?"))
    return cut(name if module in {"builtins", "__main__", ""} else f"{module}.{name}", MAX_LINE)


def _notes(error: BaseException, mask: Callable[[str], str]) -> list[str]:
    try:
        notes = getattr(error, "__notes__", None)
        return [words_of(note, MAX_LINE, mask) for note in islice(notes, MAX_NOTES)] if notes else []
    except Exception:  # noqa: BLE001  it may be anything, and no list
        return []


def _members(error: BaseException) -> tuple[list[BaseException], int]:
    """Those of a group that are looked at, and how many it has."""
    # Before Python 3.11 a package has brought it.
    kind = getattr(builtins, "BaseExceptionGroup", None) or getattr(
        sys.modules.get("exceptiongroup"), "BaseExceptionGroup", None
    )
    if kind is None or not isinstance(error, kind):
        return [], 0
    try:
        members: Any = error.exceptions
        found = [each for each in islice(members, MAX_EXCEPTIONS) if isinstance(each, BaseException)]
        return found, max(len(members), len(found))
    except Exception:  # noqa: BLE001  a subclass may have replaced it
        return [], 0


def _frames(trace: TracebackType | None, keep: Callable[[str], bool]) -> tuple[list[traceback.FrameSummary], int]:
    """The frames that are shown, and how many are left out of their middle."""
    places: list[TracebackType] = []
    while trace is not None:
        if keep(trace.tb_frame.f_code.co_filename):
            places.append(trace)
        trace = trace.tb_next
    shown, left_out = _ends(places)
    return [_frame(place) for place in shown], left_out


def _ends(places: list[Place]) -> tuple[list[Place], int]:
    left_out = len(places) - MAX_FRAMES
    if left_out <= 0:
        return places, 0
    return places[: MAX_FRAMES // 2] + places[-MAX_FRAMES // 2 :], left_out


def stack_text(frames: list[FrameType]) -> str:
    """What Python would print of a stack, innermost frame last."""
    shown, left_out = _ends(frames)

    def summary(frame: FrameType) -> traceback.FrameSummary:
        return _bounded(frame.f_code, lambda: traceback.extract_stack(frame, limit=1)[0], frame.f_lineno)

    return _stack([summary(frame) for frame in shown], left_out)


def _frame(place: TracebackType) -> traceback.FrameSummary:
    return _bounded(place.tb_frame.f_code, lambda: traceback.extract_tb(place, limit=1)[0], place.tb_lineno)


def _bounded(
    code: CodeType, summary: Callable[[], traceback.FrameSummary], number: int | None
) -> traceback.FrameSummary:
    try:
        frame = summary()
        line = frame.line or ""
    except Exception:  # noqa: BLE001  linecache asks the project's loaders and files
        return traceback.FrameSummary(code.co_filename, number or 0, code.co_name, lookup_line=False, line="")
    if max(len(line), len(frame.filename), len(frame.name)) <= MAX_LINE:
        return frame
    file, name, line = (cut(text, MAX_LINE) for text in (frame.filename, frame.name, line))
    return traceback.FrameSummary(file, frame.lineno, name, lookup_line=False, line=line)


# -- as text -----------------------------------------------------------------------------------------------------------


def _printed(raised: Raised, depth: int = 0) -> Iterator[str]:
    """Oldest first; a member of a group is indented by its depth."""
    before = raised.cause or raised.context
    if before is not None:
        yield from _printed(before, depth)
        yield _margin(_CAUSE if raised.cause is not None else _CONTEXT, depth)
    elif raised.more:
        yield _margin("(What led to this is left out.)\n", depth)
    heading = f"{'Exception Group ' if raised.is_group else ''}Traceback (most recent call last):\n"
    inner = max(depth, 1) if raised.is_group else depth
    if raised.frames:
        yield _margin(heading, depth) if inner == depth else f"  + {heading}"
        yield _margin(_stack(raised.frames, raised.left_out), inner)
    yield _margin("".join(_only(raised)), inner)
    if raised.is_group:
        yield from _printed_members(raised, inner)


def _printed_members(raised: Raised, depth: int) -> Iterator[str]:
    indent, start = "  " * depth, "+-"
    for number, member in enumerate(raised.members, 1):
        yield f"{indent}{start}+---------------- {number} ----------------\n"
        yield from _printed(member, depth + 1)
        start = "  "
    if raised.left_members > 0:
        yield f"{indent}{start}+---------------- ... ----------------\n"
        yield _margin(f"and {raised.left_members} more exceptions\n", depth + 1)
    elif raised.members[-1].is_group:
        return  # it has closed the frame
    yield f"{indent}  +------------------------------------\n"


def _margin(text: str, depth: int) -> str:
    if not depth:
        return text
    return "".join(f"{'  ' * depth}| {line}\n" for line in text.splitlines())


def _stack(frames: list[traceback.FrameSummary], left_out: int) -> str:
    if not left_out:
        return _formatted(frames)
    half = MAX_FRAMES // 2
    return f"{_formatted(frames[:half])}  [{left_out} frames are left out here]\n{_formatted(frames[half:])}"


def _formatted(frames: list[traceback.FrameSummary]) -> str:
    try:
        return "".join(traceback.StackSummary.from_list(frames).format())
    except Exception:  # noqa: BLE001  it parses the source line for its markers
        return "".join(f'  File "{each.filename}", line {each.lineno}, in {each.name}\n' for each in frames)


def _only(raised: Raised) -> Iterator[str]:
    """The exception without its frames."""
    explained = _explained(raised) if isinstance(raised.error, _EXPLAINED) else None
    if explained is not None:
        yield explained
    else:
        yield f"{raised.name}: {raised.words}\n" if raised.words else f"{raised.name}\n"
    for note in raised.notes:
        yield f"{note}\n"


def _explained(raised: Raised) -> str | None:
    """As Python says it of those; None where it can't, or where the class has words of its own."""
    error = raised.error
    if isinstance(error, SyntaxError):
        text = error.text if isinstance(error.text, str) else ""
        if len(text) > MAX_LINE:
            place = f'  File "{words_of(error.filename, MAX_LINE)}", line {words_of(error.lineno, MAX_LINE)}\n'
            return f"{place}    {cut(text.strip(), MAX_LINE)}\n{raised.name}: {words_of(error.msg)}\n"
    elif len(raised.words) > MAX_LINE or type(type(error).__str__) is not _IN_C:
        return None
    try:
        # As it describes one within a chain itself: what led to it is looked at where that was found.
        seen: Any = traceback.TracebackException(type(error), error, error.__traceback__, limit=0, _seen=set())
        seen.exceptions = seen.__notes__ = None
        return cut("".join(seen.format_exception_only()), MAX_MESSAGE)
    except Exception:  # noqa: BLE001  a version of Python that has no such argument, attributes of other types
        return None
