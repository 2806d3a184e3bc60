"""Change one requirement where a file of the project declares it: its version, or its name.

A requirement is a line of a requirements file, of ``environment.yml`` or of ``setup.cfg``, an item of an array of
``pyproject.toml``, or a key of a table of Poetry's or Pipenv's. Where a name stands more than once, or in another form,
nothing is offered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from appliance.conventions import LOCK_TOOLS
from appliance.discovery.rules.project_package import toml_of
from appliance.environment.failures.install_remedies import INSTEAD
from appliance.package_names import any_spelling, normalized
from appliance.remedies.file_edits import edit_to, read, text_of
from appliance.remedies.remedy import Proposal

if TYPE_CHECKING:
    from appliance.remedies.remedy import ProjectFacts

_LINE_BEGIN = r"^[ \t]*(?:-[ \t]+)?[\"']?"
_QUOTE = r"[\"']"
_SPECIFIED = (
    r"(?P<name>{name})(?:\[[^\]\n]{{0,200}}\])?"
    r"(?P<spec>(?:[ \t]*(?:===|==|~=|>=|<=|!=|=|<|>)[^;#\"'\r\n]*?)?)"
    r"(?=[ \t]*(?:[;#\"'\r\n]|\\?\r?\Z))"
)
_REQUIREMENT = rf"(?im)(?:{_LINE_BEGIN}|{_QUOTE}){_SPECIFIED}"
_ITEM = rf"(?im){_QUOTE}{_SPECIFIED}"  # of an array
_KEY = (
    r"(?im)^[ \t]*[\"']?(?P<name>{name})[\"']?[ \t]*=[ \t]*"
    r"(?:\{{[^}}\n]*?\bversion[ \t]*=[ \t]*)?[\"'](?P<spec>[^\"'\n]*)[\"']"
)
_ONE_VERSION = re.compile(r"(?P<before>[ \t]*(?:===|==|~=|>=|>|=|\^|~)?[ \t]*)(?P<version>[0-9][\w.!+*-]*)[ \t]*")


class _Place(NamedTuple):
    """The places of a requirement: its name, and the versions that it asks for; each a begin and an end in the text."""

    name: tuple[int, int]
    spec: tuple[int, int]
    is_key: bool


def use_version(facts: ProjectFacts, file: str, package: str, version: str) -> Proposal | None:
    """Write another version into a requirement that names one version alone."""
    text = _declaring(facts, file)
    place = _place(text or "", file, package)
    if text is None or place is None:
        return None
    found = _ONE_VERSION.fullmatch(text, *place.spec)
    if found is None or found["version"] == version:
        return None
    before = found["before"].replace(">", ">=") if found["before"].strip() == ">" else found["before"]
    after = f"{text[: place.spec[0]]}{before}{version}{text[found.end('version') :]}"
    why = f"{version} is the newest version of {package} that can be installed here. Saving {file} installs it."
    return _made(facts, file, after, why)


def use_instead(facts: ProjectFacts, file: str, package: str, instead: str) -> Proposal | None:
    """Write the name of another package; the version stays, unless the other package counts its own."""
    text = _declaring(facts, file)
    place = _place(text or "", file, package)
    if text is None or place is None or (place.is_key and "[" in instead):
        return None
    known = INSTEAD.get(normalized(package)) == instead
    rest = text[place.name[1] :]
    if known and not place.is_key:
        rest = text[place.spec[1] :]
    elif known:
        rest = f"{text[place.name[1] : place.spec[0]]}*{text[place.spec[1] :]}"
    why = f"{instead} has the same module, as a wheel." if known else f"The project imports a module of {instead}."
    return _made(facts, file, text[: place.name[0]] + instead + rest, f"{why} Saving {file} installs it.")


def _declaring(facts: ProjectFacts, file: str) -> str | None:
    """Return the text of a file that the installation has read; a lock, or a file with hashes, is a tool's to write."""
    plan = facts.plan
    if plan is None or facts.root / file not in {each.resolve() for each in plan.files}:
        return None
    if file.rpartition("/")[2] in LOCK_TOOLS or file.rpartition("/")[2].startswith("pylock."):
        return None
    text = text_of(read(facts.root, file))
    return None if text is None or "--hash" in text else text


def _place(text: str, file: str, package: str) -> _Place | None:
    """Return the only place where a file requires this package."""
    spelled = any_spelling(package) + r"(?![\w.-])"
    patterns = (_KEY, _ITEM) if file.endswith((".toml", "Pipfile")) else (_REQUIREMENT,)
    for pattern in patterns:
        found = list(re.finditer(pattern.format(name=spelled), text))
        if len(found) == 1:
            return _Place(found[0].span("name"), found[0].span("spec"), pattern is _KEY)
        if found:
            return None
    return None


def _made(facts: ProjectFacts, file: str, after: str, why: str) -> Proposal | None:
    if file.endswith((".toml", "Pipfile")) and toml_of(after) is None:
        return None
    edit = edit_to(facts.root, file, after)
    return Proposal(edit=edit, why=why) if edit else None
