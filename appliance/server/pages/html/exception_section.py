"""Write an exception's tree as HTML: the project's frames with their source and values, others folded.

The innermost frame of the project is open, the others are one click away.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from ....plural import counted
from .editor_links import editor_name, editor_url
from .markup import relative, source, table, text

_MOST_NAMES = 4

Frame = dict[str, Any]
Node = dict[str, Any]


class ExceptionSection:
    """Writes the sections of one page's tree.

    Args:
        root: the project's folder.
        editor: how to open a file (see ``editor_links``).
    """

    def __init__(self, root: object, editor: dict[str, Any]) -> None:
        self._root = root
        self._editor = editor
        self._opened = False
        self._frames = 0

    def whole(self, tree: Node) -> str:
        """Return the sections of the whole tree; the page's heading has named its root."""
        return f'<section aria-labelledby="trace"><h2 id="trace">Where it happened</h2>{self._body(tree)}</section>'

    def _body(self, node: Node) -> str:
        parts = [self._stack(node)]
        members = node.get("members", [])
        if members:
            more = node.get("left_members", 0)
            total = f"{len(members)} of {len(members) + more}" if more else str(len(members))
            heading = f"The group's exceptions ({total})" if len(members) + more > 1 else "The group's exception"
            parts.append(f"<h3>{heading}</h3>")
            parts += [self._nested(member, "") for member in members]
        if "before" in node:
            cause = node.get("relation") == "cause"
            parts.append(self._nested(node["before"], "Caused by" if cause else "Raised while handling"))
        if node.get("more"):
            parts.append("<p>Earlier exceptions are left out.</p>")
        return "".join(parts)

    def _nested(self, node: Node, how: str) -> str:
        heading = f"{how} {headline(node)}" if how else headline(node)
        return f'<div class="tree"><h3>{heading}</h3>{notes(node)}{self._body(node)}</div>'

    # -- frames

    def _stack(self, node: Node) -> str:
        """Return the frames, the innermost first: readers look for it."""
        parts = []
        for own, group in groupby(reversed(node.get("frames", [])), key=lambda frame: bool(frame.get("own"))):
            frames = list(group)
            parts += [self._own(frame) for frame in frames] if own else [self._library(frames)]
        if node.get("left_out"):
            parts.append(f"<p>{counted(node['left_out'], 'frame')} in the middle left out.</p>")
        return "".join(parts)

    def _own(self, frame: Frame) -> str:
        self._frames += 1
        place = f"{relative(frame.get('file', ''), self._root)}:{frame.get('line', '')}"
        function = frame.get("function")
        inside = f' <span class="of">in {text(function)}</span>' if function else ""
        summary = f'<summary><span class="name">{text(place)}</span>{inside}</summary>'
        lines = frame.get("lines", [])
        if lines:
            label = f"Frame {self._frames}: the source of {place}"
            body = source(lines, frame.get("line"), frame.get("marks", []), label)
        else:
            body = f"<p><code>{text(frame.get('source', ''))}</code></p>"
        is_open = "" if self._opened else " open"
        self._opened = True
        return f"<details{is_open}>{summary}{body}{self._link(frame)}{self._locals(frame)}</details>"

    def _link(self, frame: Frame) -> str:
        marks = frame.get("marks") or [[0, 0, 0]]
        url = editor_url(self._editor, self._root, frame.get("file"), frame.get("line"), marks[0][1] + 1)
        return link(url, self._editor)

    def _locals(self, frame: Frame) -> str:
        values = frame.get("locals") or []
        if not values:
            return ""
        return f"<details><summary>{counted(len(values), 'local value')}</summary>{table(values)}</details>"

    def _library(self, frames: list[Frame]) -> str:
        names = list(dict.fromkeys(_package(frame.get("file", "")) for frame in frames))
        shown = ", ".join(names[:_MOST_NAMES]) + (" and others" if len(names) > _MOST_NAMES else "")
        items = "".join(self._item(frame) for frame in frames)
        summary = f"<summary>{counted(len(frames), 'frame')} of {text(shown)}</summary>"
        return f'<details class="library">{summary}<ol>{items}</ol></details>'

    def _item(self, frame: Frame) -> str:
        place = f"{relative(frame.get('file', ''), self._root)}:{frame.get('line', '')}"
        line = f"<br><code>{text(frame['source'])}</code>" if frame.get("source") else ""
        return f'<li><span class="name">{text(place)}</span> in {text(frame.get("function", ""))}{line}</li>'


def headline(node: Node) -> str:
    """Return type and message of an exception, as a heading's content."""
    message = str(node.get("message") or "")
    return f'<span class="kind">{text(node.get("type", ""))}</span>{": " if message else ""}{text(message)}'


def notes(node: Node) -> str:
    """Return the notes that were added to an exception (PEP 678)."""
    items = "".join(f"<li>{text(note)}</li>" for note in node.get("notes", []))
    return f"<ul>{items}</ul>" if items else ""


def link(url: str, editor: dict[str, Any]) -> str:
    """Return the link that opens a place in the editor; "" without an address."""
    return f'<p><a href="{text(url)}">Open in {text(editor_name(editor))}</a></p>' if url else ""


def _package(file: str) -> str:
    """Return the package that a file belongs to, for the summary of a run of frames."""
    installed = file.rpartition("/site-packages/")[2]
    if installed != file:
        return installed.partition("/")[0].removesuffix(".py")
    if file.startswith("<frozen") or "/lib/python3" in file:
        return "the standard library"
    return file.rpartition("/")[2] or "?"
