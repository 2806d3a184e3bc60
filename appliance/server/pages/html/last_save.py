"""Write the last save as a diff, in which the line that the traceback names is marked: often it is the cause."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ....plural import counted
from .markup import region, relative, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)")
_KINDS = {" ": "", "+": " add", "-": " del", "@": " at"}


def last_save(saved: dict[str, Any], page: dict[str, Any]) -> str:
    """Return the section of the last save (see ``supervisor.reporting.last_saves``)."""
    files = saved.get("files", [])
    parts = [_file(each, page) for each in files]
    if saved.get("more"):
        parts.append(f"<p>And {counted(saved['more'], 'more file')}.</p>")
    return f'<section aria-labelledby="saved"><h2 id="saved">What was saved last</h2>{"".join(parts)}</section>'


def _file(each: dict[str, Any], page: dict[str, Any]) -> str:
    name = relative(each.get("file", ""), page.get("root"))
    what = f' <span class="of">{text(each["what"])}</span>' if each.get("what") else ""
    lines = each.get("diff", [])
    if not lines:
        return f'<p><span class="name">{text(name)}</span>{what}</p>'
    places = _places(page.get("exception") or page, each.get("file"))
    content = "".join(_lines(lines, places))
    changes = region(f"<code>{content}</code>", f"What was changed in {name}", "diff")
    return f'<details open><summary><span class="name">{text(name)}</span>{what}</summary>{changes}</details>'


def _lines(lines: list[str], places: set[int]) -> Iterator[str]:
    number = 0
    for line in lines:
        kind = line[:1]
        if hunk := _HUNK.match(line):
            number = int(hunk[1]) - 1
        elif kind != "-":
            number += 1
        here = " here" if kind in {"+", " "} and number in places else ""
        yield f'<span class="l{_KINDS.get(kind, "")}{here}">{text(line) or " "}</span>'


def _places(node: dict[str, Any], file: object) -> set[int]:
    """Return the lines of this file that the traceback names."""
    found = {frame.get("line") for frame in node.get("frames", ()) if frame.get("file") == file}
    if node.get("file") == file:
        found.add(node.get("line"))
    for each in (*node.get("members", ()), *filter(None, (node.get("before"),))):
        found |= _places(each, file)
    return {line for line in found if isinstance(line, int)}
