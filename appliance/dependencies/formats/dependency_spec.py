"""Translate one dependency of Poetry's or Pipenv's tables into a line of a requirements file.

Both tools have a syntax of their own: Poetry's version constraints, and inline tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.discovery.setup_files import texts
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARKERS = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
)  # fmt: skip


class DependencySpec(Record):
    """One dependency.

    Attributes:
        specifier: a PEP 440 specifier; empty for any version.
        marker: the environment marker; empty if the dependency always applies.
        url: where the package comes from, if not from an index.
        path: the local folder or file that the dependency refers to.
        optional: whether only an extra installs it.
    """

    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    path: str = ""
    optional: bool = False

    def line(self) -> str:
        """Return the line of a requirements file."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        marker = f" ; {self.marker}" if self.marker else ""
        if self.path:
            path = self.path if self.path.startswith("/") else f"./{self.path}"
            archive = path.endswith((".whl", ".zip", ".gz", ".tgz", ".bz2"))
            return f"{path}{extras}{marker}" if archive else f"-e {path}{extras}{marker}"
        if self.url:
            return f"{self.name}{extras} @ {self.url}{marker}"
        return f"{self.name}{extras}{self.specifier}{marker}"


def read_specs(name: str, value: object) -> list[DependencySpec]:
    """Parse an entry of Poetry's or Pipenv's tables: a string, a table, or a list of these."""
    if isinstance(value, list):
        return [spec for item in value for spec in read_specs(name, item)]
    if isinstance(value, str):
        return [DependencySpec(name, specifier(value))]
    if not isinstance(value, dict):
        return []
    markers = [str(value.get("markers") or "")]
    # Pipenv's syntax: ``sys_platform = "== 'win32'"``.
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
            path_of(value),
            value.get("optional") is True,
        )
    ]


def both(markers: Iterable[str]) -> str:
    """Join markers so that all of them must hold."""
    present = [marker for marker in markers if marker]
    return present[0] if len(present) == 1 else " and ".join(f"({marker})" for marker in present)


def url_of(value: dict[str, Any]) -> str:
    """Return the URL that a table names as the source of a package; empty if it comes from an index."""
    git = value.get("git")
    if isinstance(git, str):
        if "://" not in git:
            git = "ssh://" + git.replace(":", "/", 1)  # git@host:owner/name
        reference = next((str(value[key]) for key in ("rev", "tag", "branch", "ref") if value.get(key)), "")
        below = value.get("subdirectory")
        return f"git+{git}" + (f"@{reference}" if reference else "") + (f"#subdirectory={below}" if below else "")
    return next((str(value[key]) for key in ("url", "file") if "://" in str(value.get(key) or "")), "")


def path_of(value: dict[str, Any]) -> str:
    """Return the folder or archive that a table names; Pipenv writes an archive as ``file``, too."""
    paths = (str(value.get(key) or "") for key in ("path", "file"))
    return next((path for path in paths if path and "://" not in path), "")


def specifier(constraint: str) -> str:
    """Translate a Poetry constraint into PEP 440; PEP 440 has no alternatives, so the last one counts."""
    alternatives = re.split(r"\|\|?", constraint)
    return _all_of(alternatives[-1])


def alternatives(constraint: str) -> list[str]:
    """Translate each alternative of a constraint into PEP 440."""
    return [_all_of(part) for part in re.split(r"\|\|?", constraint)]


def _all_of(constraint: str) -> str:
    # Both "^1.2, !=1.3" and ">=1.2 <2" are valid; a space may also separate an operator from its version.
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
        return text.removesuffix(".*")  # Poetry accepts "<2.*", PEP 440 does not
    if text[:1] in "=!~":
        return re.sub(r"\A=(?==*\Z|[^=])", "==", text)
    return f"=={text}"


def _span(sign: str, text: str) -> str:
    """Translate ``^1.2.3`` or ``~1.2.3`` into the lowest version and the first one that is too new."""
    from packaging.version import Version  # noqa: PLC0415  30 ms, which a start without such a file saves

    try:
        release = Version(text).release
    except ValueError:  # InvalidVersion is a ValueError; a number of thousands of digits raises one too
        return ""
    if sign == "~":
        kept = min(len(release), 2)
    else:
        kept = next((index for index, number in enumerate(release[:3]) if number), min(len(release), 3) - 1) + 1
    bound = [*release[: kept - 1], release[kept - 1] + 1]
    return f">={text},<{'.'.join(map(str, bound))}"


def _python_marker(constraint: str) -> str:
    """Translate the ``python = "^3.9"`` of a dependency into a marker."""
    every: list[str] = []
    for alternative in alternatives(constraint):
        signs = re.findall(r"(===?|~=|!=|<=?|>=?)([^,]+)", alternative)
        every.append(" and ".join(f"python_full_version {sign} '{version}'" for sign, version in signs))
    if not all(every):
        return ""
    return every[0] if len(every) == 1 else " or ".join(f"({each})" for each in every)
