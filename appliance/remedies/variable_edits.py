"""Write variables into the project's ``.env``: an example's value, a random secret, a copy of the example file."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from appliance.conventions import EXAMPLE_END, EXAMPLE_FILES
from appliance.remedies.file_edits import appended, edit_to, line_break, make_edit, read, sources, text_of, within
from appliance.remedies.remedy import Edit, Proposal

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.remedies.remedy import ProjectFacts

_SECRET_NAME = re.compile(r"SECRET|KEY|SALT", re.IGNORECASE)
_SECRET_BYTES = 48
_EXAMPLE_END = re.compile(EXAMPLE_END)


def set_variable(facts: ProjectFacts, name: str) -> Proposal | None:
    """Add a variable with the value of the example file."""
    for example in EXAMPLE_FILES:
        found = _line_of(text_of(read(facts.root, example)) or "", name)
        value = found["value"].strip() if found else ""
        if value:
            edit = _with_line(facts, name, f"{name}={value}")
            return Proposal(edit=edit, why=f"{example} has this value. Saving the file applies it.") if edit else None
    return None


def make_secret(facts: ProjectFacts, name: str) -> Proposal | None:
    """Add a random value for a secret key; begin with a copy of the example file if there is no ``.env``."""
    name = _variable_read(facts.root, name) if _SECRET_NAME.search(name) else ""
    if not name:
        return None
    value = secrets.token_urlsafe(_SECRET_BYTES)
    line = f"{name}={value}"
    why = "A random value, for this machine alone. Saving the file applies it."
    example = _example_for(facts)
    if example and read(facts.root, facts.env_file) is None:
        before = read(facts.root, example) or b""
        text = text_of(before)
        edit = None
        if text is not None:
            edit = make_edit(facts.env_file, example, before, _set(text, name, line), variables=True, hidden=(value,))
    else:
        edit = _with_line(facts, name, line, hidden=(value,))
    return Proposal(edit=edit, why=why) if edit else None


def _variable_read(root: Path, name: str) -> str:
    """Return the variable that the project's sources read a setting from; empty if none does: it would not help."""
    reads = re.compile(
        rf"(?:environ(?:\.get)?[ \t]*[\[(]|getenv\(|env(?:\.str)?\(|config\()[ \t]*[\"']{re.escape(name)}[\"']"
    )
    for file in sources(root):
        text = text_of(read(root, file)) or ""
        if reads.search(text) or ("BaseSettings" in text and re.search(rf"(?m)^[ \t]+{name.lower()}[ \t]*:", text)):
            return name
        if "from_prefixed_env()" in text:
            return f"FLASK_{name}"
    return ""


def copy_example(facts: ProjectFacts, file: str, example: str) -> Proposal | None:
    """Copy an example file to the file that it stands for."""
    before, target = read(facts.root, example), within(facts.root, file)
    text = text_of(before)
    if before is None or text is None or target is None or target.exists() or not _stands_for(example, file):
        return None
    edit = Edit(file, example, before, before, variables=file == facts.env_file)
    return Proposal(edit=edit, why=f"{example} is its template. Check the values afterwards.")


def _stands_for(example: str, file: str) -> bool:
    folder, _, name = example.rpartition("/")
    other, _, wanted = file.rpartition("/")
    if folder != other:
        return False
    rest = name.removeprefix(wanted.removesuffix(".py"))
    return (wanted == ".env" and name in EXAMPLE_FILES) or (rest != name and _EXAMPLE_END.fullmatch(rest) is not None)


def _example_for(facts: ProjectFacts) -> str:
    return next((name for name in EXAMPLE_FILES if read(facts.root, name) is not None), "")


def with_variable(facts: ProjectFacts, name: str, value: str) -> Edit | None:
    """Return the edit that sets a variable in ``.env``."""
    return _with_line(facts, name, f"{name}={value}")


def _with_line(facts: ProjectFacts, name: str, line: str, hidden: tuple[str, ...] = ()) -> Edit | None:
    before = read(facts.root, facts.env_file)
    text = text_of(before) if before is not None else ""
    if text is None:
        return None
    return edit_to(facts.root, facts.env_file, _set(text, name, line), variables=True, hidden=hidden)


def _set(text: str, name: str, line: str) -> str:
    """Return the text with this line, in place of the line that sets the variable: of several, the last counts."""
    found = _line_of(text, name, comments=False, last=True)
    if found is None:
        return appended(text, [line])
    kept = found["export"] or ""
    end = line_break(text) if found[0].endswith("\n") else ""
    return f"{text[: found.start()]}{kept}{line}{end}{text[found.end() :]}"


def _line_of(text: str, name: str, *, comments: bool = True, last: bool = False) -> re.Match[str] | None:
    comment = r"(?:#[ \t]*)?" if comments else ""
    pattern = rf"^[ \t]*{comment}(?P<export>export[ \t]+)?{re.escape(name)}[ \t]*=(?P<value>[^\r\n]*)(?:\r?\n|\Z)"
    every = list(re.finditer(pattern, text, re.MULTILINE))
    return every[-1 if last else 0] if every else None


def variables_of(root: Path, file: str) -> list[tuple[str, str]]:
    """Return the names and values of a file of variables, as they are written."""
    text = text_of(read(root, file)) or ""
    found = re.finditer(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=([^\r\n]*)", text)
    return [(each[1], each[2].strip()) for each in found]
