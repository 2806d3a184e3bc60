"""Read the pinned requirements of a ``poetry.lock``: what Poetry would install here, without running Poetry.

It reads the lock's format versions 1.1 to 2.1.

Theory of operation. A lock lists every package of every group, extra and platform. The selection works as in Poetry: it
starts with the dependencies of the pyproject.toml and follows the dependencies that the lock states, if their markers
hold for the chosen Python. The patch number of that Python is not known. So a package that only some patch releases
need is installed too, which does no harm.

Decision 11 says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from appliance.dependencies.formats.dependency_spec import DependencySpec, alternatives, read_specs
from appliance.dependencies.text_file import table
from appliance.discovery.setup_files import texts
from appliance.package_names import normalized
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PATCHES = ("0", "40")


class Pins(Record):
    """The complete list of packages to install.

    Attributes:
        lines: pinned requirements, with their hashes.
        indexes: options that name the indexes of these packages.
        missing: the required packages that the lock does not have: it is older than what requires them.
    """

    lines: tuple[str, ...]
    indexes: tuple[str, ...]
    missing: tuple[str, ...] = ()


def read_pins(lock: dict[str, Any], specs: Sequence[DependencySpec] | None, python: str) -> Pins:
    """Return the pins for this Python ("3.12"); without ``specs``, all packages except those that only extras need."""
    packages = [package for package in lock.get("package", ()) if isinstance(package, dict)]
    missing: list[str] = []
    if specs is None:
        chosen = [package for package in packages if not package.get("optional")]
    else:
        reached: dict[int, dict[str, Any]] = {}
        for patch in _PATCHES:
            walk = _Walk(packages, python, patch)
            walk.follow(specs)
            missing += walk.missing(specs)
            reached |= walk.reached
        chosen = [package for package in packages if id(package) in reached]
    old_files = table(lock, "metadata", "files")
    lines = tuple(_line(package, old_files) for package in chosen)
    urls = [
        source["url"]
        for package in chosen
        if (source := table(package, "source")).get("type") == "legacy" and isinstance(source.get("url"), str)
    ]
    indexes = tuple(f"--extra-index-url {url}" for url in dict.fromkeys(urls))
    return Pins(lines, indexes, tuple(dict.fromkeys(missing)))


class _Walk:
    """A traversal of the lock's dependencies, for one patch release of Python."""

    def __init__(self, packages: Sequence[dict[str, Any]], python: str, patch: str) -> None:
        self.reached: dict[int, dict[str, Any]] = {}
        self._full = f"{python}.{patch}"
        self._environment = {"python_version": python, "python_full_version": self._full}
        self._by_name: dict[str, list[dict[str, Any]]] = {}
        for package in packages:
            self._by_name.setdefault(normalized(str(package.get("name"))), []).append(package)
        self._seen: set[tuple[int, tuple[str, ...]]] = set()

    def follow(self, specs: Iterable[DependencySpec]) -> None:
        """Add these dependencies to ``reached``, and what they depend on."""
        left = [each for each in specs if self._holds(each.marker, ())]
        while left:
            each = left.pop()
            package = self._find(each)
            if package is None or (id(package), each.extras) in self._seen:
                continue
            self._seen.add((id(package), each.extras))
            self.reached[id(package)] = package
            left += self._needs(package, each.extras)

    def missing(self, specs: Iterable[DependencySpec]) -> list[str]:
        """Return the names of these dependencies that hold here, and that the lock does not have in any version."""
        return [
            each.name for each in specs if self._holds(each.marker, ()) and normalized(each.name) not in self._by_name
        ]

    def _find(self, spec: DependencySpec) -> dict[str, Any] | None:
        """Find the best version of a package that supports this Python."""
        here = [package for package in self._by_name.get(normalized(spec.name), ()) if self._is_for_here(package)]
        fitting = [package for package in here if _allows(spec.specifier, str(package.get("version")))]
        return max(fitting or here, key=lambda package: _version(str(package.get("version"))), default=None)

    def _is_for_here(self, package: dict[str, Any]) -> bool:
        versions = str(package.get("python-versions") or "*")
        markers = package.get("markers")
        # Since format 2.1: one marker for all groups, or one for each group.
        every = list(markers.values()) if isinstance(markers, dict) else [markers or ""]
        return any(_allows(each, self._full) for each in alternatives(versions)) and any(
            self._holds(str(marker), ()) for marker in every
        )

    def _needs(self, package: dict[str, Any], extras: tuple[str, ...]) -> Iterable[DependencySpec]:
        named = {
            normalized(text.partition(" ")[0].partition("[")[0])
            for extra, lines in table(package, "extras").items()
            if normalized(extra) in {normalized(each) for each in extras}
            for text in texts(lines)
        }
        for name, value in table(package, "dependencies").items():
            for each in read_specs(name, value):
                if self._holds(each.marker, extras) and (not each.optional or normalized(name) in named):
                    yield each

    def _holds(self, marker: str, extras: tuple[str, ...]) -> bool:
        if not marker:
            return True
        try:
            parsed = Marker(marker)
        except InvalidMarker:
            return True
        return any(parsed.evaluate({**self._environment, "extra": extra}) for extra in ("", *extras))


def _allows(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _line(package: dict[str, Any], old_files: dict[str, Any]) -> str:
    name, version, source = str(package.get("name")), str(package.get("version")), table(package, "source")
    kind, url = source.get("type"), str(source.get("url") or "")
    if kind == "git":
        below = source.get("subdirectory")
        commit = source.get("resolved_reference") or source.get("reference") or ""
        return DependencySpec(name, url=f"git+{url}@{commit}" + (f"#subdirectory={below}" if below else "")).line()
    if kind == "url":
        return DependencySpec(name, url=url).line()
    if kind in {"directory", "file"}:
        return DependencySpec(name, path=url).line()
    files = package.get("files") or old_files.get(name) or ()
    hashes = [f" --hash={file['hash']}" for file in files if isinstance(file, dict) and file.get("hash")]
    return f"{name}=={version}{''.join(hashes)}"
