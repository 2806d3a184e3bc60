"""Escape texts for HTML, and write the small parts that several sections of a page share."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from ..visible_text import visible

_CODE = re.compile(r"`([^`\n]+)`")


def text(value: object) -> str:
    """Return a text as content of an element or an attribute; nothing in it becomes markup, and nothing hides."""
    return escape(visible(str(value)))


def prose(value: object) -> str:
    """Return a sentence as content of an element; what stands in it between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", text(value))


def relative(file: object, root: object) -> str:
    """Return a file's name as the page shows it: relative to the project, or to where its package is installed."""
    name, folder = str(file), str(root or "").rstrip("/") + "/"
    if len(folder) > 1 and name.startswith(folder) and "/site-packages/" not in name:
        return name[len(folder) :]
    installed = name.rpartition("/site-packages/")[2]
    if installed != name:
        return installed
    library = name.rpartition("/lib/python3.")[2]
    return library.partition("/")[2] if library != name else name


def region(content: str, label: str, kind: str) -> str:
    """Return a block that scrolls: the keyboard reaches it, and a screen reader names it."""
    return f'<pre class="{kind}" tabindex="0" role="region" aria-label="{text(label)}">{content}</pre>'


def table(pairs: list[Any], caption: str = "") -> str:
    """Return names and values as a table."""
    rows = "".join(f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in pairs)
    heading = f"<caption>{text(caption)}</caption>" if caption else ""
    return f"<table>{heading}<tbody>{rows}</tbody></table>"


def source(lines: list[Any], line: object, marks: list[Any], label: str) -> str:
    """Return lines of source, the one of the place and the columns in it marked."""
    marked = {number: (start, end) for number, start, end in marks}
    rows = []
    for number, content in lines:
        here = " here" if number == line else ""
        rows.append(f'<span class="l{here}" data-n="{text(number)}">{_marked(str(content), marked.get(number))}</span>')
    return region(f"<code>{''.join(rows)}</code>", label, "source")


def _marked(line: str, columns: tuple[int, int] | None) -> str:
    if columns is None:
        return text(line) or " "
    start, end = columns
    return f"{text(line[:start])}<mark>{text(line[start:end])}</mark>{text(line[end:])}"
