"""``python -m tools.assistants``: write the table of tools into docs/assistants.md, from ``assistants/tool_table``."""

from __future__ import annotations

from pathlib import Path

from appliance.assistants.tool_table import TABLE

PAGE = Path(__file__).parent.parent / "docs" / "assistants.md"
_MARK, _END = "<!-- tools -->\n", "<!-- /tools -->"


def page() -> str:
    """Return docs/assistants.md with the table as the code has it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_MARK)
    rows = []
    for tool in TABLE:
        names = ", ".join(f"`{each.name}`" for each in tool.parameters)
        writes = " Needs `APPLIANCE_MCP=write`." if tool.writes else ""
        rows.append(f"| `{tool.name}` | {tool.description}{writes} | {names} |")
    table = "\n".join(["| tool | what it does | arguments |", "| --- | --- | --- |", *rows])
    return f"{before}{_MARK}\n{table}\n\n{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
