"""The page of the packages in the environment that serves."""

from __future__ import annotations

from typing import Any

from appliance.desk.facts.installed_packages import counts
from appliance.plural import counted
from appliance.standin.desk_pages.page_frame import table
from appliance.standin.desk_pages.shown_values import text

_ASKED_MAX = 4  # names; more become "and N more"


def packages_page(values: dict[str, Any]) -> str:
    """Return the body of the page."""
    environment, found = values["environment"], values["packages"]
    if environment is None:
        return "<p>The project is not analysed yet.</p>"
    direct, others = counts(found)
    facts = {
        "Python": environment["python"],
        "Declared in": environment["source"],
        "Folder": environment["folder"],
    }
    rows = "".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in facts.items() if value)
    if not found:
        return f"<dl>{rows}</dl><p>Nothing is installed there yet.</p>"
    summary = f"<p>{counted(direct, 'package')} that the project asks for, {others} that these need.</p>"
    columns = ["Package", "Version", "Asked for by", "From"]
    packages = table("Packages, those that the project asks for first", columns, "".join(map(_row, found)))
    return f"<dl>{rows}</dl>{summary}{packages}"


def _row(each: dict[str, Any]) -> str:
    asked = [text(name) for name in each["asked_by"][:_ASKED_MAX]]
    more = len(each["asked_by"]) - len(asked)
    by = ", ".join(asked) + (f" and {more} more" if more > 0 else "")
    kind = "direct" if each["direct"] else "transitive"
    summary = f' <span class="meaning">{text(each["summary"])}</span>' if each["summary"] else ""
    return (
        f'<tr class="{kind}"><td>{text(each["name"])}{summary}</td><td>{text(each["version"])}</td>'
        f'<td class="path">{"" if each["direct"] else "needed by "}{by}</td>'
        f'<td class="path">{text(each["origin"])}</td></tr>'
    )
