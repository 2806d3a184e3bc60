"""``python -m tools.hosts``: write the table of allowed hosts into docs/hosts.md, from ``host_rules``."""

from __future__ import annotations

from pathlib import Path

from appliance.server.http.served_hosts.host_rules import HOST_RULES

PAGE = Path(__file__).parent.parent / "docs" / "hosts.md"
_MARK, _END = "<!-- rules -->\n", "<!-- /rules -->"


def page() -> str:
    """Return docs/hosts.md with the table as the code has it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_MARK)
    rows = [
        f"| {rule.meaning} | {', '.join(f'`{name}`' for name in rule.examples)} | {rule.reason} |"
        for rule in HOST_RULES
    ]
    table = "\n".join(["| kind of name | examples | why nobody else can publish it |", "| --- | --- | --- |", *rows])
    return f"{before}{_MARK}\n{table}\n\n{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
