"""List the packages of an environment: their versions, where each comes from, and which other package needs it.

Reads the metadata of installed packages (PyPA: "Recording installed projects") without running anything of them, so an
environment of any Python can be read.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.desk.facts.declared_names import declared_names
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_METADATA_MAX = 64 * 1024  # characters; the fields come before the description
_FIELD = re.compile(r"^(Name|Version|Summary|Requires-Dist):[ \t]*(.*)$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FOLDERS = ("lib/py*/site-packages", "lib/py*/dist-packages", "lib64/py*/site-packages")


def installed_packages(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the packages, those that the project itself asks for first, then by name.

    Args:
        environment: the supervisor's answer: ``folder``, ``files`` that ask for packages, ``project``, ``added``.

    Returns:
        ``name``, ``version``, ``summary``; ``direct``: whether the project itself asks for it; ``asked_by``: the files
        and lines, or the packages, that do; ``origin``: "index", or the address or folder that it was installed from.
    """
    found = {normalized(each["name"]): each for each in _metadata(Path(environment["folder"]))}
    declared = declared_names([Path(file) for file in environment["files"]], Path(environment["project"]))
    for requirement in environment["added"]:
        if match := _NAME.match(requirement):
            declared.setdefault(normalized(match[0]), []).append("added by the appliance")
    needed: dict[str, list[str]] = defaultdict(list)
    for each in found.values():
        for name in each.pop("requires"):
            if name in found and each["name"] not in needed[name]:
                needed[name].append(each["name"])
    rows = [
        {**each, "direct": name in declared or name not in needed, "asked_by": declared.get(name) or needed[name]}
        for name, each in found.items()
    ]
    return sorted(rows, key=lambda each: (not each["direct"], each["name"].lower()))


def _metadata(folder: Path) -> Iterator[dict[str, Any]]:
    seen = set()
    for pattern in _FOLDERS:
        for library in sorted(folder.glob(pattern)):
            if (real := library.resolve()) in seen:
                continue
            seen.add(real)
            for kind, file in (("dist-info", "METADATA"), ("egg-info", "PKG-INFO")):
                for each in library.glob(f"*.{kind}"):
                    with contextlib.suppress(OSError, ValueError):
                        yield {**_fields(each / file), "origin": _origin(each)}


def _fields(file: Path) -> dict[str, Any]:
    """Return the fields of a package.

    Raises:
        OSError, ValueError: they can't be read.
    """
    with file.open(encoding="utf-8", errors="replace") as opened:
        lines = opened.read(_METADATA_MAX).partition("\n\n")[0].splitlines()
    fields: dict[str, str] = {}
    requires = []
    for match in filter(None, map(_FIELD.match, lines)):
        name, value = match.groups()
        if name != "Requires-Dist":
            fields.setdefault(name.lower(), value.strip())
        elif "extra ==" not in value and (required := _NAME.match(value)):
            requires.append(normalized(required[0]))
    if "name" not in fields:
        raise ValueError(f"{file} names no package")
    return {"name": fields["name"], "version": fields.get("version", ""), "summary": fields.get("summary", ""),
            "requires": requires}  # fmt: skip


def _origin(folder: Path) -> str:
    """Return the address that a package was installed from, as its installer has noted it (PEP 610)."""
    try:
        found = json.loads((folder / "direct_url.json").read_text(encoding="utf-8"))
        revision = found.get("vcs_info", {}).get("commit_id", "")
        editable = " (editable)" if found.get("dir_info", {}).get("editable") else ""
        return f"{found['url']}{f'@{revision[:12]}' if revision else ''}{editable}"
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return "index"


def counts(packages: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many packages the project asks for itself, and how many others there are."""
    direct = sum(each["direct"] for each in packages)
    return direct, len(packages) - direct
