"""Describe an exception and its causes within limits: as values, and as the text that Python would print.

The only module that calls an exception's own methods. Runs in the thread that raised.

Theory of operation. ``traceback.TracebackException`` describes a whole tree before it prints a part of it. A chain of
10,000 causes, a group of 10,000 members, or a recursion of 100,000 frames each cost seconds, while the interpreter's
lock is held. This module walks the tree from its root, and only counts what lies beyond a limit. It calls an
exception's ``str()`` once: that is the project's code, and may be slow, huge, or fail. Each part says where it was cut.
"""

from __future__ import annotations

import builtins
import sys
import traceback
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from ...plural import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType, TracebackType

Place = TypeVar("Place")

MAX_MESSAGE = 16_384  # characters of an exception's message
MAX_LINE = 2_048  # characters of a source line, a file's name, a type's name, a note
MAX_TEXT = 65_536  # characters of all that Python would print
MAX_FRAMES = 100  # of one exception: half of them from its start, half from its end
MAX_EXCEPTIONS = 20  # in the whole tree
MAX_NOTES = 20
_MASK_MARGIN = 4096  # beyond a limit: so that a secret at the cut is masked as a whole

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_C_METHOD = type(BaseException.__str__)  # the type of a method in C; a class's own method in Python has another
# Python prints more for these: a place in the source, a similar name.
_WITH_SUGGESTIONS = (SyntaxError, NameError, AttributeError, ImportError)


@dataclass
class DescribedException:
    """One exception.

    Attributes:
        error: the exception.
        name: the type's name, with its module unless that is builtins.
        message: the message: ``str()`` of the exception.
        notes: the notes that were added to it.
        frames: innermost last; ``left_out`` frames are missing in the middle.
        places: the traceback's entry of each frame.
        cause, context: the exception's cause, or the exception that was being handled; at most one of the two.
        members: of a group; ``left_members`` of them are missing.
        more: there is a cause or context, which is left out.
    """

    error: BaseException
    name: str
    message: str
    notes: list[str] = field(default_factory=list)
    frames: list[traceback.FrameSummary] = field(default_factory=list)
    places: list[TracebackType] = field(default_factory=list)
    left_out: int = 0
    cause: DescribedException | None = None
    context: DescribedException | None = None
    members: list[DescribedException] = field(default_factory=list)
    left_members: int = 0
    more: bool = False

    @property
    def is_group(self) -> bool:
        """Whether the exception is a group."""
        return bool(self.members or self.left_members)

    def text(self, mask: Callable[[str], str] = str) -> str:
        """Return the traceback as Python prints it, masked, and cut in the middle if it is too long."""
        text = mask("".join(_exception_text(self)))
        if len(text) <= MAX_TEXT:
            return text
        start, end = text[: MAX_TEXT // 4], text[-3 * MAX_TEXT // 4 :]
        return f"{start}\n... ({counted(len(text) - MAX_TEXT, 'more character')})\n{end}"


def shorten(text: str, most: int) -> str:
    """Cut a text to ``most`` characters, and say how many more there are. Return an exact ``str``, no subclass."""
    if len(text) <= most and type(text) is str:
        return text
    left = str.__len__(text) - most
    text = str.__getitem__(text, slice(most))
    return f"{text}... ({left} more characters)" if left > 0 else text


def safe_str(value: object, most: int = MAX_MESSAGE, mask: Callable[[str], str] = str) -> str:
    """Return ``str()`` of any object, masked before it is cut; the object's method may raise any exception."""
    try:
        text = str(value)
        if str.__len__(text) <= most + _MASK_MARGIN:
            return shorten(mask(shorten(text, most + _MASK_MARGIN)), most)
        left = str.__len__(text) - most
        start = mask(str.__getitem__(text, slice(most + _MASK_MARGIN)))
        return f"{start[:most]}... ({left} more characters)"
    except BaseException as error:  # noqa: BLE001  the object's own method, which must not hide anything
        return f"<{shorten(type(value).__name__, 100)} whose text can't be read: {shorten(type(error).__name__, 100)}>"


def describe(
    error: BaseException, keep: Callable[[str], bool] = lambda _: True, mask: Callable[[str], str] = str
) -> DescribedException:
    """Describe an exception and its causes.

    Args:
        error: the exception.
        keep: decides by a file's name whether its frames are shown.
        mask: masks secrets in messages.
    """
    return _Describer(keep, mask).at(error)


class _Describer:
    def __init__(self, keep: Callable[[str], bool], mask: Callable[[str], str]) -> None:
        self._keep = keep
        self._mask = mask
        self._left = MAX_EXCEPTIONS
        self._known: set[int] = set()

    def at(self, error: BaseException) -> DescribedException:
        self._left -= 1
        self._known.add(id(error))
        raised = DescribedException(
            error, _type_name(type(error)), safe_str(error, mask=self._mask), _notes(error, self._mask)
        )
        raised.places, raised.left_out = _places(error.__traceback__, self._keep)
        raised.frames = [_frame(place) for place in raised.places]
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
    return shorten(name if module in {"builtins", "__main__", ""} else f"{module}.{name}", MAX_LINE)


def _notes(error: BaseException, mask: Callable[[str], str]) -> list[str]:
    try:
        notes = getattr(error, "__notes__", None)
        return [safe_str(note, MAX_LINE, mask) for note in islice(notes, MAX_NOTES)] if notes else []
    except Exception:  # noqa: BLE001  it may be anything, not only a list
        return []


def _members(error: BaseException) -> tuple[list[BaseException], int]:
    """Return the members of a group that are described, and how many it has."""
    # Before Python 3.11 the package ``exceptiongroup`` has the class.
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


def _places(trace: TracebackType | None, keep: Callable[[str], bool]) -> tuple[list[TracebackType], int]:
    """Return the entries of the frames that are shown, and how many are left out of the middle."""
    places: list[TracebackType] = []
    while trace is not None:
        if keep(trace.tb_frame.f_code.co_filename):
            places.append(trace)
        trace = trace.tb_next
    return _first_and_last(places)


def _first_and_last(places: list[Place]) -> tuple[list[Place], int]:
    left_out = len(places) - MAX_FRAMES
    if left_out <= 0:
        return places, 0
    return places[: MAX_FRAMES // 2] + places[-MAX_FRAMES // 2 :], left_out


def stack_text(frames: list[FrameType]) -> str:
    """Return a stack as Python prints it, innermost frame last."""
    shown, left_out = _first_and_last(frames)

    def summary(frame: FrameType) -> traceback.FrameSummary:
        return _frame_summary(frame.f_code, lambda: traceback.extract_stack(frame, limit=1)[0], frame.f_lineno)

    return _stack_text([summary(frame) for frame in shown], left_out)


def _frame(place: TracebackType) -> traceback.FrameSummary:
    return _frame_summary(place.tb_frame.f_code, lambda: traceback.extract_tb(place, limit=1)[0], place.tb_lineno)


def _frame_summary(
    code: CodeType, summary: Callable[[], traceback.FrameSummary], number: int | None
) -> traceback.FrameSummary:
    try:
        frame = summary()
        line = frame.line or ""
    except Exception:  # noqa: BLE001  linecache calls the project's loaders and reads its files
        return traceback.FrameSummary(code.co_filename, number or 0, code.co_name, lookup_line=False, line="")
    if max(len(line), len(frame.filename), len(frame.name)) <= MAX_LINE:
        return frame
    file, name, line = (shorten(text, MAX_LINE) for text in (frame.filename, frame.name, line))
    return traceback.FrameSummary(file, frame.lineno, name, lookup_line=False, line=line)


# -- as text -----------------------------------------------------------------------------------------------------------


def _exception_text(raised: DescribedException, depth: int = 0) -> Iterator[str]:
    """Yield the text, oldest exception first; a member of a group is indented by its depth."""
    before = raised.cause or raised.context
    if before is not None:
        yield from _exception_text(before, depth)
        yield _indent(_CAUSE if raised.cause is not None else _CONTEXT, depth)
    elif raised.more:
        yield _indent("(Earlier exceptions are left out.)\n", depth)
    heading = f"{'Exception Group ' if raised.is_group else ''}Traceback (most recent call last):\n"
    inner = max(depth, 1) if raised.is_group else depth
    if raised.frames:
        yield _indent(heading, depth) if inner == depth else f"  + {heading}"
        yield _indent(_stack_text(raised.frames, raised.left_out), inner)
    yield _indent("".join(_exception_only(raised)), inner)
    if raised.is_group:
        yield from _members_text(raised, inner)


def _members_text(raised: DescribedException, depth: int) -> Iterator[str]:
    indent, start = "  " * depth, "+-"
    for number, member in enumerate(raised.members, 1):
        yield f"{indent}{start}+---------------- {number} ----------------\n"
        yield from _exception_text(member, depth + 1)
        start = "  "
    if raised.left_members > 0:
        yield f"{indent}{start}+---------------- ... ----------------\n"
        yield _indent(f"and {raised.left_members} more exceptions\n", depth + 1)
    elif raised.members[-1].is_group:
        return  # that member has closed the frame
    yield f"{indent}  +------------------------------------\n"


def _indent(text: str, depth: int) -> str:
    if not depth:
        return text
    return "".join(f"{'  ' * depth}| {line}\n" for line in text.splitlines())


def _stack_text(frames: list[traceback.FrameSummary], left_out: int) -> str:
    if not left_out:
        return _frames_text(frames)
    half = MAX_FRAMES // 2
    return f"{_frames_text(frames[:half])}  [{left_out} frames are left out here]\n{_frames_text(frames[half:])}"


def _frames_text(frames: list[traceback.FrameSummary]) -> str:
    try:
        return "".join(traceback.StackSummary.from_list(frames).format())
    except Exception:  # noqa: BLE001  it parses the source line for its markers
        return "".join(f'  File "{each.filename}", line {each.lineno}, in {each.name}\n' for each in frames)


def _exception_only(raised: DescribedException) -> Iterator[str]:
    """Yield the exception without its frames."""
    explained = _python_text(raised) if isinstance(raised.error, _WITH_SUGGESTIONS) else None
    if explained is not None:
        yield explained
    else:
        yield f"{raised.name}: {raised.message}\n" if raised.message else f"{raised.name}\n"
    for note in raised.notes:
        yield f"{note}\n"


def _python_text(raised: DescribedException) -> str | None:
    """Return Python's own description of these exceptions; None if that fails, or the class has its own ``__str__``."""
    error = raised.error
    if isinstance(error, SyntaxError):
        text = error.text if isinstance(error.text, str) else ""
        if len(text) > MAX_LINE:
            place = f'  File "{safe_str(error.filename, MAX_LINE)}", line {safe_str(error.lineno, MAX_LINE)}\n'
            return f"{place}    {shorten(text.strip(), MAX_LINE)}\n{raised.name}: {safe_str(error.msg)}\n"
    elif len(raised.message) > MAX_LINE or type(type(error).__str__) is not _C_METHOD:
        return None
    try:
        # The same call as for an exception within a chain: this module describes the causes itself.
        seen: Any = traceback.TracebackException(type(error), error, error.__traceback__, limit=0, _seen=set())
        seen.exceptions = seen.__notes__ = None
        return shorten("".join(seen.format_exception_only()), MAX_MESSAGE)
    except Exception:  # noqa: BLE001  this version of Python has no such argument, or attributes have other types
        return None
