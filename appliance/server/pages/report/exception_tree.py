"""Describe an exception, its causes, contexts and members as a tree of JSON values, each with its frames.

Runs in the worker, after an exception. ``tracebacks`` bounds the tree; here the project's own frames get source,
columns and local values, within limits for the whole tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tracebacks import MAX_LINE, safe_str, shorten
from .local_values import LocalValues
from .source_lines import columns, excerpt, marks
from .template_places import template_place, template_that_is_broken

if TYPE_CHECKING:
    from collections.abc import Callable
    from traceback import FrameSummary
    from types import TracebackType

    from ..tracebacks import DescribedException
    from .template_places import Place

MAX_SHOWN = 24  # frames of the whole tree that have source and values
_GENERATED = frozenset({"__jinja_template__", "__jinja_exception__"})
_MAX_SHOWN_EACH = 12  # of one exception: the innermost

Node = dict[str, Any]


class ExceptionTree:
    """Builds the tree of an exception, its causes and its members.

    Args:
        is_project_path: decides by a file's name whether a frame is the project's.
        mask: masks secrets in a text.
    """

    def __init__(self, is_project_path: Callable[[str], bool], mask: Callable[[str], str]) -> None:
        self._is_project_path = is_project_path
        self._values = LocalValues(mask)
        self._left = MAX_SHOWN

    def node(self, raised: DescribedException) -> Node:
        """Return one exception and its causes.

        ``before`` is its cause or context, by ``relation`` ("cause" or "context"); ``members`` are a group's;
        ``left_out``, ``left_members`` and ``more`` say what is missing of frames, members and exceptions before it.
        """
        before = raised.cause or raised.context
        error = raised.error
        node: Node = {
            "type": raised.name,
            "message": safe_str(error.msg) if isinstance(error, SyntaxError) else raised.message,  # without the place
            "notes": raised.notes,
            "frames": self._frames(raised),
            "left_out": raised.left_out,
        }
        if before is not None:
            node |= {"relation": "cause" if raised.cause is not None else "context", "before": self.node(before)}
        if raised.is_group:
            members = [self.node(member) for member in raised.members]
            node |= {"members": members, "left_members": raised.left_members}
        if raised.more:
            node["more"] = True
        return node

    def _frames(self, raised: DescribedException) -> list[dict[str, Any]]:
        """Return the frames, innermost last; a syntax error's last frame is the broken line itself."""
        pairs = list(zip(raised.frames, raised.places))  # noqa: B905  strict is not needed: one list is made of the other
        shown = 0
        found: list[dict[str, Any]] = []
        if (broken := self._broken_source(raised.error)) is not None:
            found.append(broken)
            shown += 1
        for summary, place in reversed(pairs):
            frame = self._frame(summary, place, raised.error, shown=shown < _MAX_SHOWN_EACH and self._left > 0)
            if "lines" in frame:
                shown += 1
                self._left -= 1
            found.append(frame)
        return found[::-1]

    def _frame(
        self, summary: FrameSummary, place: TracebackType, error: BaseException, *, shown: bool
    ) -> dict[str, Any]:
        template = template_place(place, error)
        if template is not None:
            return self._template(template, shown=shown)
        own = self._is_project_path(summary.filename)
        frame = {
            "file": summary.filename,
            "line": summary.lineno or 0,
            "function": summary.name,
            "own": own,
            "source": summary.line or "",
        }
        if own and shown:
            namespace = place.tb_frame.f_globals
            lines = excerpt(summary.filename, summary.lineno or 0, namespace, summary.line or "")
            # Jinja2 compiles a line that raises for the template's file and line: its columns are not the template's.
            generated = not _GENERATED.isdisjoint(namespace)
            frame |= {
                "lines": lines,
                "marks": [] if generated else columns(place, lines),
                "locals": self._locals(place),
            }
        return frame

    def _template(self, place: Place, *, shown: bool) -> dict[str, Any]:
        file, line, name = place
        frame = {"file": shorten(file, MAX_LINE), "line": line, "function": name, "own": self._is_project_path(file)}
        if frame["own"] or shown:
            frame |= {"own": True, "lines": excerpt(file, line), "marks": [], "locals": []}
        return frame

    def _locals(self, place: TracebackType) -> list[list[str]]:
        try:
            frame = place.tb_frame
            if frame.f_code.co_name == "<module>":
                return []  # these are the module's globals: its imports, functions and classes
            return self._values.of(dict(frame.f_locals))
        except Exception:  # noqa: BLE001  a class body may run in a mapping of the project's
            return []

    def _broken_source(self, error: BaseException) -> dict[str, Any] | None:
        """Return a frame for the source that a SyntaxError names, or an error of a template's syntax."""
        if (template := template_that_is_broken(error)) is not None:
            self._left -= 1
            return self._template(template, shown=True)
        if not isinstance(error, SyntaxError) or not isinstance(error.filename, str):
            return None
        line = error.lineno if isinstance(error.lineno, int) else 0
        file = safe_str(error.filename, MAX_LINE)
        text = error.text if isinstance(error.text, str) else ""
        lines = excerpt(error.filename, line, text=text)
        self._left -= 1
        return {
            "file": file,
            "line": line,
            "function": "",
            "own": self._is_project_path(error.filename),
            "source": shorten(text.strip(), MAX_LINE),
            "lines": lines,
            "marks": _syntax_marks(error, lines, line),
            "locals": [],
        }


def _syntax_marks(error: SyntaxError, lines: list[list[Any]], line: int) -> list[list[int]]:
    """Return the columns of a SyntaxError: they count characters from 1, and may be 0, -1 or missing."""
    first, last = error.offset, getattr(error, "end_offset", None)
    end = getattr(error, "end_lineno", None)
    text = next((str(each) for number, each in lines if number == line), "")
    if not isinstance(first, int) or first < 1 or not text:
        return []
    start = min(first - 1, max(0, len(text) - 1))
    if not isinstance(last, int) or not isinstance(end, int) or last < 1 or (end == line and last <= first):
        end, last = line, start + 2
    first_bytes = len(text[:start].encode("utf-8", "surrogatepass"))
    last_text = next((str(each) for number, each in lines if number == end), "")
    last_bytes = len(last_text[: last - 1].encode("utf-8", "surrogatepass"))
    found = marks(lines, line, end, first_bytes, last_bytes)
    return found or [[line, start, start + 1]]
