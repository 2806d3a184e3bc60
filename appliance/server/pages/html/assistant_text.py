"""Write an exception as Markdown for an assistant: the message, the project's frames, the versions, the last save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....plural import counted
from ..visible_text import visible
from .markup import relative

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX = 24_000  # characters
_MAX_FRAMES = 6
_FENCE = "~~~~"  # source may contain backticks


def markdown(page: dict[str, Any]) -> str:
    """Return the text."""
    text = visible("\n".join(_parts(page)))
    return text if len(text) <= _MAX else f"{text[:_MAX]}\n... ({counted(len(text) - _MAX, 'more character')})"


def _parts(page: dict[str, Any]) -> Iterator[str]:
    root = page.get("root")
    yield f"# {page.get('title', '')}\n"
    for key in ("lead", "action"):
        if page.get(key):
            yield f"{page[key]}\n"
    yield from _exception(page.get("exception") or {}, root)
    if page.get("details"):
        yield f"\n## Output\n\n{_fenced(str(page['details'])[-4000:], '')}"
    saved = page.get("saved") or {}
    for each in saved.get("files", []):
        yield f"\n## Saved last: {relative(each.get('file', ''), root)}\n"
        yield _fenced("\n".join(each.get("diff", [])), "diff")
    versions = page.get("versions") or []
    if versions:
        yield "\n## Versions\n"
        yield from (f"- {name} {version}" for name, version in versions)


def _exception(node: dict[str, Any], root: object) -> Iterator[str]:
    own = [frame for frame in reversed(node.get("frames", [])) if frame.get("own")][:_MAX_FRAMES]
    for frame in own:
        function = f" in {frame['function']}" if frame.get("function") else ""
        yield f"\n## {relative(frame.get('file', ''), root)}:{frame.get('line', '')}{function}\n"
        yield _fenced(_source(frame), "python" if str(frame.get("file", "")).endswith(".py") else "")
    for member in node.get("members", []):
        yield f"\n# In the group: {member.get('type', '')}: {member.get('message', '')}\n"
        yield from _exception(member, root)
    before = node.get("before")
    if before:
        how = "Caused by" if node.get("relation") == "cause" else "Raised while handling"
        yield f"\n# {how} {before.get('type', '')}: {before.get('message', '')}\n"
        yield from _exception(before, root)


def _source(frame: dict[str, Any]) -> str:
    lines = frame.get("lines") or [[frame.get("line", 0), frame.get("source", "")]]
    return "\n".join(f"{'>' if number == frame.get('line') else ' '} {number:>4} {text}" for number, text in lines)


def _fenced(text: str, language: str) -> str:
    return f"{_FENCE}{language}\n{text.rstrip()}\n{_FENCE}"
