"""Bar charts as SVG, for docs: readable on light and on dark, without a font or a script of their own.

Owns the drawing. Knows nothing of what the bars mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 760
_LABEL = 290  # the names' column
_VALUE = 90  # room for the longest bar's figure
_ROW = 26
_TOP = 44
_STYLE = """
 text { font: 13px system-ui, sans-serif; fill: #24292f }
 .title { font-weight: 600; font-size: 15px }
 .note { fill: #57606a; font-size: 12px }
 .bar { fill: #8c959f } .ours { fill: #2da44e }
 @media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note { fill: #9198a1 } .bar { fill: #6e7681 } .ours { fill: #3fb950 }
 }
"""


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its length, its figure in words (made of the length where empty), whether it is ours."""

    name: str
    value: float
    words: str = ""
    ours: bool = False


def bars(title: str, rows: Sequence[Bar], note: str = "") -> str:
    """The chart, rows from the top; ``note`` stands below the title (the unit, and which way is better)."""
    longest = max((row.value for row in rows), default=0) or 1
    room = _WIDTH - _LABEL - _VALUE
    height = _TOP + _ROW * len(rows) + 12
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="0" y="16">{escape(title)}</text>',
        f'<text class="note" x="0" y="34">{escape(note)}</text>',
    ]
    for number, row in enumerate(rows):
        top = _TOP + _ROW * number
        length = max(1.0, room * row.value / longest)
        kind = "bar ours" if row.ours else "bar"
        words = row.words or f"{row.value:,.0f}"
        parts += [
            f'<text x="{_LABEL - 10}" y="{top + 16}" text-anchor="end">{escape(row.name)}</text>',
            f'<rect class="{kind}" x="{_LABEL}" y="{top + 3}" width="{length:.1f}" height="{_ROW - 8}" rx="3"/>',
            f'<text x="{_LABEL + length + 8:.1f}" y="{top + 16}">{escape(words)}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
