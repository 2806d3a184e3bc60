"""One dependency as the tools with a syntax of their own state it (Poetry, Pipenv), and as a requirements line.

Owns Poetry's version constraints and the two tools' inline tables. Must not know which file they stand in. Runs in the
appliance's own interpreter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from appliance.dependencies.text_file import texts

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARKERS = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
)  # fmt: skip


@dataclass(frozen=True)
class DependencySpec:
    """A dependency.

    Attributes:
        specifier: PEP 440's; empty for any version.
        marker: when it counts; empty for always.
        url: where it comes from, where that is no index.
        path: a folder or file of this machine that it is.
        optional: only where an extra asks for it.
    """

    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    path: str = ""
    optional: bool = False

    def line(self) -> str:
        """As a line of a requirements file."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        marker = f" ; {self.marker}" if self.marker else ""
        if self.path:
            archive = self.path.endswith((".whl", ".zip", ".gz"))
            return f"./{self.path}" if archive else f"-e ./{self.path}{extras}"
        if self.url:
            return f"{self.name}{extras} @ {self.url}{marker}"
        return f"{self.name}{extras}{self.specifier}{marker}"


def read_wanted(name: str, value: object) -> list[DependencySpec]:
    """What an entry of Poetry's or Pipenv's tables means: a text, a table, or a list of these."""
    if isinstance(value, list):
        return [wanted for item in value for wanted in read_wanted(name, item)]
    if isinstance(value, str):
        return [DependencySpec(name, specifier(value))]
    if not isinstance(value, dict):
        return []
    markers = [str(value.get("markers") or "")]
    # Pipenv's form: ``sys_platform = "== 'win32'"``.
    markers += [f"{key} {value[key]}" for key in _MARKERS if isinstance(value.get(key), str)]
    markers.append(_python_marker(str(value.get("python") or "")))
    markers.append(" or ".join(f"sys_platform == '{text}'" for text in texts(value.get("platform"))))
    return [
        DependencySpec(
            name,
            specifier(str(value.get("version") or "")),
            texts(value.get("extras")),
            both(markers),
            url_of(value),
            str(value.get("path") or ""),
            value.get("optional") is True,
        )
    ]


def both(markers: Iterable[str]) -> str:
    """All of these markers at once."""
    present = [marker for marker in markers if marker]
    return present[0] if len(present) == 1 else " and ".join(f"({marker})" for marker in present)


def url_of(value: dict[str, Any]) -> str:
    """Where a table says that the package comes from; empty for an index."""
    git = value.get("git")
    if isinstance(git, str):
        if "://" not in git:
            git = "ssh://" + git.replace(":", "/", 1)  # git@host:owner/name
        reference = next((str(value[key]) for key in ("rev", "tag", "branch", "ref") if value.get(key)), "")
        below = value.get("subdirectory")
        return f"git+{git}" + (f"@{reference}" if reference else "") + (f"#subdirectory={below}" if below else "")
    return next((str(value[key]) for key in ("url", "file") if "://" in str(value.get(key) or "")), "")


def specifier(constraint: str) -> str:
    """A constraint of Poetry's as PEP 440 states it; of several alternatives, which PEP 440 lacks, the last."""
    alternatives = re.split(r"\|\|?", constraint)
    return _all_of(alternatives[-1])


def alternatives(constraint: str) -> list[str]:
    """Each alternative of a constraint, as PEP 440 states it."""
    return [_all_of(part) for part in re.split(r"\|\|?", constraint)]


def _all_of(constraint: str) -> str:
    # "^1.2, !=1.3" and ">=1.2 <2" alike; a space may also stand between a sign and its version.
    closed = re.sub(r"([<>=!~^])\s+", r"\1", constraint.strip())
    parts = (_one(part) for part in re.split(r"[,\s]+", closed) if part)
    return ",".join(part for part in parts if part)


def _one(part: str) -> str:
    if part in {"*", "x", "*.*"}:
        return ""
    match = re.fullmatch(r"(\^|~(?!=))?(.*)", part)
    sign, text = (match[1] or "", match[2]) if match else ("", part)
    if sign:
        return _span(sign, text.removesuffix(".*"))
    if text[:1] in "<>":
        return text.removesuffix(".*")  # Poetry takes "<2.*" too, PEP 440 does not
    if text[:1] in "=!~":
        return re.sub(r"\A=(?==*\Z|[^=])", "==", text)
    return f"=={text}"


def _span(sign: str, text: str) -> str:
    """``^1.2.3`` and ``~1.2.3``: the least version, and the first that is too new."""
    try:
        release = Version(text).release
    except ValueError:  # InvalidVersion is one; a number of thousands of digits raises it too
        return ""
    if sign == "~":
        kept = min(len(release), 2)
    else:
        kept = next((index for index, number in enumerate(release[:3]) if number), min(len(release), 3) - 1) + 1
    bound = [*release[: kept - 1], release[kept - 1] + 1]
    return f">={text},<{'.'.join(map(str, bound))}"


def _python_marker(constraint: str) -> str:
    """``python = "^3.9"`` of a dependency."""
    every: list[str] = []
    for alternative in alternatives(constraint):
        signs = re.findall(r"(===?|~=|!=|<=?|>=?)([^,]+)", alternative)
        every.append(" and ".join(f"python_full_version {sign} '{version}'" for sign, version in signs))
    if not all(every):
        return ""
    return every[0] if len(every) == 1 else " or ".join(f"({each})" for each in every)
