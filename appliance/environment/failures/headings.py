"""Make a heading of one line of a failed installation: which package, and what is wrong with it."""

from __future__ import annotations

import re

_PREFIX = "the installer failed: "
NAME = r"(?P<name>[A-Za-z0-9][\w.\-]*)(?:\[[^\]]*\])?"
# The words of uv, as ``uv_errors`` quotes them; the first pattern that matches counts.
_BUILD = r"[Ff]ailed to (?:download and )?build"
_ONLY = r"only .{1,300}? (?:is|are) available and (?:you require|.{1,80}? (?:requires|depends on))"
_HEADINGS = (
    (re.compile(rf"no version of {NAME}==(?P<version>[\w.!+\-]+)"), "{name} {version} does not exist"),
    (re.compile(rf"{_ONLY} {NAME}(?P<version>[=<>~!][^\s,]*)"), "{name} {version} does not exist"),
    (re.compile(rf"no versions of {NAME}"), "No version of {name} can be used"),
    (re.compile(rf"{NAME} was not found in the package registry"), "{name} is not in the package index"),
    (re.compile(rf"{_BUILD} `{NAME}==(?P<version>[^`]+)`"), "{name} {version} can't be built"),
    (re.compile(rf"{_BUILD} `{NAME}`"), "{name} can't be built"),
)


def install_heading(found: str) -> str:
    """Return the heading for ``InstallError.found``: at most one line, without the cause in uv's words."""
    text = found.replace("\n", " ")
    for pattern, form in _HEADINGS:
        if match := pattern.search(text):
            known = match.groupdict()
            return form.format(name=known["name"], version=(known.get("version") or "").removeprefix("=="))
    meaning = text.removeprefix(_PREFIX)
    meaning = meaning.partition(" (")[0].partition(" [")[0]
    return meaning[:1].upper() + meaning[1:] if text.startswith(_PREFIX) else meaning
