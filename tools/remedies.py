"""``python -m tools.remedies``: write the table of remedies into docs/pages.md, from ``protocol/remedy_kinds``."""

from __future__ import annotations

from pathlib import Path

from appliance.protocol.remedy_kinds import ROWS

PAGE = Path(__file__).parent.parent / "docs" / "pages.md"
_MARK, _END = "<!-- remedies -->\n", "<!-- /remedies -->"


def page() -> str:
    """Return docs/pages.md with the table as the code has it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_MARK)
    rows = [
        f"| `{kind}` | {row.label.replace('{', '').replace('}', '')} | {row.meaning} |" for kind, row in ROWS.items()
    ]
    table = "\n".join(["| kind | button | when, and what it does |", "| --- | --- | --- |", *rows])
    return f"{before}{_MARK}\n{table}\n\n{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
