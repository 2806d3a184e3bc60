"""Translate conda's ``environment.yml``, and its lines in requirements files, as far as PyPI has the packages.

Entries under ``pip:`` are pip's own lines. Most conda packages have the same name on PyPI; ``conda_names`` lists the
others, and those that are not Python packages. An exported file gives each package with its build
(``flask=2.0.1=py39h06a4308_0``). The build shows whether the package is a Python package; without conda, it is of no
other use. Many projects have such lines in requirements.txt: ``conda list --export`` writes them, and ``pip freeze``
names the folder in which conda built a package, on another machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.dependencies.formats.conda_names import is_condas_own, on_pypi
from appliance.dependencies.text_file import invalid_error
from appliance.discovery.setup_files import texts
from appliance.plural import first_names

if TYPE_CHECKING:
    from pathlib import Path

_SPEC = re.compile(
    r"(?P<name>[A-Za-z0-9_][\w.-]*)\s*"
    r"(?P<version>\d[\w.*]*(?=\s|\Z)|[<>=!~]+\s*[^\s\[,]+(?:\s*,\s*[<>=!~]+\s*[^\s\[,]+)*)?"
)
_BUILD = re.compile(r"(?P<version>={1,2}[^=]+)=(?P<build>[^=]+)\Z")
# py39_0, pyhd8ed1ab_0, np121py39_0, cuda112py39h01bd6f0_0, *py39*, pypy39_0
_OF_PYTHON = re.compile(r"(?:\A|[_*])(?:[a-z]+\d+)?(?:py)?py(?:\d|h|_|pi_|thon|\*|\Z)")
_EXPORTED = re.compile(r"[A-Za-z0-9_][\w.-]*={1,2}[^=\s;,<>!~]+=[^=\s;,<>!~]+\Z")
_BUILT = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*"
    r"file://\S*(?:conda|/croot/|/bld/|/ci\w*/|/b/abs_|/tmp/build/)\S*/work(?:/\S*)?(?P<marker>\s*;.*)?\Z"
)
_OF_EVERY_ENVIRONMENT = re.compile(r"(?:python|pip|setuptools|wheel)(?![\w-])")
_SHOWN = 6


class CondaEnvironment(NamedTuple):
    """The lines to install, and one sentence for each kind of entry that could not be translated exactly."""

    lines: tuple[str, ...]
    notes: tuple[str, ...]


def read_conda(text: str, file: Path) -> CondaEnvironment:
    """Return the requirement lines of a file.

    Raises:
        InstallError: the file is not valid YAML.
    """
    import yaml  # noqa: PLC0415  it costs 20 ms, and few projects have such a file

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or type(error).__name__
        raise invalid_error(file, "YAML", reason, mark.line + 1 if mark else 0) from None
    lines: list[str] = []
    left_out: list[str] = []
    changed: list[str] = []
    for entry in _entries(data):
        if isinstance(entry, dict):
            lines += texts(entry.get("pip"))
            continue
        line, exact = _line(entry)
        if line:
            lines.append(line)
        if not line or not exact:
            (changed if line else left_out).append(entry)
    # No note mentions what every conda environment contains.
    left_out = [entry for entry in left_out if not _OF_EVERY_ENVIRONMENT.match(entry)]
    inexact = (
        f"installed in any version, because PyPI can't express theirs: {first_names(changed, _SHOWN)}"
        if changed
        else ""
    )
    return CondaEnvironment(tuple(dict.fromkeys(lines)), _notes(f"{file.name} is conda's, and", left_out, inexact))


class CondaLines:
    """Translates the lines of a requirements file that conda has written, or pip in an environment of conda's."""

    def __init__(self) -> None:
        self._left_out: list[str] = []
        self._unknown: list[str] = []

    def translated(self, line: str) -> str | None:
        """Return the line as pip reads it; "" if only conda has the package; None if the line is pip's."""
        built = _BUILT.match(line)
        if built is None and not _EXPORTED.match(line):
            return None
        found = _line(line)[0] if built is None else "" if is_condas_own(built["name"]) else on_pypi(built["name"])
        if built and found:
            self._unknown.append(built["name"])
            return f"{found}{built['extras'] or ''}{built['marker'] or ''}"
        if not found and not _OF_EVERY_ENVIRONMENT.match(line):
            self._left_out.append(built["name"] if built else line)
        return found

    def notes(self, name: str) -> tuple[str, ...]:
        """Return one note that lists what was left out, or is installed in any version; nothing if there is none."""
        unknown = (
            f"installed in any version, because it names none: {first_names(self._unknown, _SHOWN)}"
            if self._unknown
            else ""
        )
        return _notes(f"{name} has lines of conda's, which are", self._left_out, unknown)


def conda_python(text: str) -> str:
    """Return the Python version that a file asks for: "==3.11.*", ">=3.9", or ""."""
    match = re.search(
        r"(?m)^[ \t]*-[ \t]+[\"']?(?:[\w-]+::)?python(?:[ \t]*([<>=!~][^\"'#\n]*)|[ \t]+(\d[\w.*]*))", text
    )
    if match is None:
        return ""
    version = (match[1] or match[2]).strip()
    build = _BUILD.match(version)
    return _specifier(build["version"] if build else version)[0]


def _entries(data: object) -> list[str | dict[str, Any]]:
    entries = data.get("dependencies") if isinstance(data, dict) else None
    if isinstance(entries, str):
        entries = [entries]
    return [entry for entry in entries if isinstance(entry, str | dict)] if isinstance(entries, list) else []


def _line(entry: str) -> tuple[str, bool]:
    """Return the line for one package, and whether it is equivalent to the entry; "" if only conda has the package."""
    spec = entry.strip().rpartition("::")[2]  # conda-forge::flask
    match = _SPEC.match(spec)
    if match is None or "://" in spec:  # an archive in conda's own format
        return "", False
    name, version = match["name"], (match["version"] or "").strip().removesuffix("=*").rstrip("=")
    rest = spec[match.end() :].strip()
    bracket = re.match(r"\[.*version\s*=\s*[\"']?([^\"'\]]+)", rest)
    version = bracket[1].strip() if bracket else version
    build = _BUILD.match(version)
    if build:
        version = f"=={build['version'].lstrip('=')}"  # a build belongs to exactly one version, whatever the operator
    made_for = build["build"] if build else rest if re.fullmatch(r"[\w.*]+", rest) else ""
    if is_condas_own(name) or (made_for and not _OF_PYTHON.search(made_for)):
        return "", False
    specifier, exact = _specifier(version)
    return on_pypi(name) + specifier, exact


def _specifier(version: str) -> tuple[str, bool]:
    """Translate a conda version constraint into PEP 440, and return whether the translation is equivalent."""
    version = version.replace(" ", "")
    if not version or version in {"*", "=*", "==*"}:
        return "", True
    if re.match(r"=(?!=)", version):
        fuzzy = version[1:].removesuffix("*").removesuffix(".")
        found = f"=={fuzzy}.*"
    elif version[0] not in "<>=!~":
        found = f"=={version}"  # "numpy 1.21.*"
    else:
        found = version
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415  30 ms, which a start without such a file saves

    try:
        return str(SpecifierSet(found)), True
    except InvalidSpecifier:
        return "", False


def _notes(begin: str, left_out: list[str], inexact: str) -> tuple[str, ...]:
    """Return one note that lists the entries left out, and those with another version; nothing if there are none."""
    without = f"left out, because only conda has them: {first_names(left_out, _SHOWN)}" if left_out else ""
    parts = [part for part in (without, inexact) if part]
    return (f"{begin} installed from PyPI as far as possible; {'; '.join(parts)}",) if parts else ()
