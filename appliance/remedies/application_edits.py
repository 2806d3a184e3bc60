"""Name the application to serve: ``app`` in ``[tool.appliance]`` of pyproject.toml, which each analysis reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.dependencies.text_file import table
from appliance.discovery.project import find_application
from appliance.discovery.rules.project_package import toml_of
from appliance.errors import ApplicationError
from appliance.remedies.file_edits import appended, edit_to, read, text_of
from appliance.remedies.remedy import Proposal
from appliance.remedies.toml_places import table_span, table_with

if TYPE_CHECKING:
    from appliance.remedies.remedy import ProjectFacts

_FILE = "pyproject.toml"
_APP = re.compile(r"(?m)^([ \t]*app[ \t]*=[ \t]*)(?:\"[^\"\n]*\"|'[^'\n]*')")


def serve_application(facts: ProjectFacts, application: str) -> Proposal | None:
    """Serve this application from now on."""
    if facts.values.get("APPLIANCE_APP"):
        return None  # it comes before what the project says
    try:
        adapts = facts.values.get("APPLIANCE_ASGI") == "adapt"
        find_application(facts.root, facts.values, application, adapts=adapts)
    except ApplicationError:
        return None
    before = read(facts.root, _FILE)
    text = text_of(before) if before is not None else ""
    after = None if text is None else _with_app(text, application)
    edit = edit_to(facts.root, _FILE, after) if after else None
    return Proposal(edit=edit, why=f"{_FILE} then names the application. Saving the file serves it.") if edit else None


def _with_app(text: str, application: str) -> str | None:
    """Return the text with this application; None if that would not be read as meant."""
    line = f'app = "{application}"'
    span = table_span(text, "tool.appliance")
    there = _APP.search(text, *span) if span else None
    if there:
        after: str | None = f'{text[: there.start()]}{there[1]}"{application}"{text[there.end() :]}'
    elif span:
        after = table_with(text, "tool.appliance", line)
    else:
        gap = [""] if text.strip() else []
        after = appended(text, [*gap, "[tool.appliance]", line])
    was, now = toml_of(text), toml_of(after or "")
    if was is None:
        return None
    own = {**table(was, "tool", "appliance"), "app": application}
    return after if now == {**was, "tool": {**table(was, "tool"), "appliance": own}} else None
