"""Name the application to serve: ``app`` in ``[tool.appliance]`` of pyproject.toml, which each analysis reads."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from appliance.dependencies.text_file import table
from appliance.discovery.project import find_application
from appliance.errors import ApplicationError
from appliance.remedies.file_edits import appended, changed, read, text_of
from appliance.remedies.remedy import Proposal
from appliance.remedies.toml_places import table_with

if TYPE_CHECKING:
    from appliance.remedies.remedy import ProjectFacts

_FILE = "pyproject.toml"
_APP = re.compile(r"(?m)^([ \t]*app[ \t]*=[ \t]*)(?:\"[^\"\n]*\"|'[^'\n]*')")
_TABLE = re.compile(r"(?m)^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*appliance[ \t]*\][^\n]*$")


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
    edit = changed(facts.root, _FILE, after) if after else None
    return Proposal(edit=edit, why=f"{_FILE} then names the application. Saving the file serves it.") if edit else None


def _with_app(text: str, application: str) -> str | None:
    """Return the text with this application; None if that would not be read as meant."""
    begin = _TABLE.search(text)
    if begin is None:
        gap = [""] if text.strip() else []
        after: str | None = appended(text, [*gap, "[tool.appliance]", f'app = "{application}"'])
    else:
        following = re.compile(r"(?m)^[ \t]*\[").search(text, begin.end())
        there = _APP.search(text, begin.end(), following.start() if following else len(text))
        if there:
            after = f'{text[: there.start()]}{there[1]}"{application}"{text[there.end() :]}'
        else:
            after = table_with(text, "tool.appliance", f'app = "{application}"')
    if after is None:
        return None
    try:
        now = tomllib.loads(after.removeprefix("\ufeff"))
        was = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        return None
    wanted = {**table(was, "tool", "appliance"), "app": application}
    others = {key: value for key, value in was.items() if key != "tool"}
    same = all(now.get(key) == value for key, value in others.items())
    return after if same and table(now, "tool", "appliance") == wanted else None
