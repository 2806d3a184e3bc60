"""Lock the packages of the project's environment: names, versions and hashes, and the server beside them.

The versions are those of the environment that served. Hashes come from the project's uv.lock, or from the index. A
package that can't be locked by a hash is named with the reason. Nothing is installed or written here.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from appliance import DISTRIBUTION
from appliance.commands.production.eject_packages import needed_distributions
from appliance.conventions import PANGO_PACKAGES
from appliance.dependencies.text_file import read_toml
from appliance.environment.failures.build_libraries import NEEDS
from appliance.errors import InstallError
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.dependencies.manifest import Manifest
    from appliance.environment.installer import Installer
    from appliance.environment.plan import Plan

# The server's distribution; that of uWSGI itself has no wheel, this is the same program.
SERVERS = {
    "gunicorn": "gunicorn>=20.1",
    "granian": "granian>=2",
    "waitress": "waitress>=2",
    "uwsgi": "pyuwsgi>=2.0.23",
}
_OTHER = ("waitress", "gunicorn")  # these need next to nothing
_OPTIONS = ("--no-header", "--no-annotate", "--quiet", "--no-config", "--no-emit-index-url")
_LIBRARIES = {
    "mysqlclient": ("libmariadb3",),
    "psycopg": ("libpq5",),
    "psycopg2": ("libpq5",),
    "pyodbc": ("unixodbc",),
    "python-ldap": ("libldap2",),
    "python-magic": ("libmagic1",),
    "weasyprint": PANGO_PACKAGES,
    "xmlsec": ("libxmlsec1-openssl",),
}
_BUNDLED = {"psycopg": "psycopg-binary"}


@dataclass(frozen=True)
class Lock:
    """The packages that the image installs.

    Attributes:
        lines: the lines of the lock, with hashes; without any if none could be found.
        hashed: whether every line has hashes.
        urls: requirements that pip can't check by a hash: repositories, archives.
        local: paths of archives and packages in the project, relative to it.
        lost: sentences about what the image can't install.
        own: the distributions of the project itself, by name, and their folders relative to the project.
        built: packages that were compiled here, and need a compiler in the image's build.
        left_out: packages that only development needs.
        headers: Debian's packages for a build; libraries: those for the finished image.
    """

    lines: str
    hashed: bool
    urls: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    built: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


@dataclass
class _Sorted:
    pins: dict[str, str] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    built: list[str] = field(default_factory=list)


def lock(root: Path, planned: Plan, manifest: Manifest, uv: Installer, server: str) -> Lock:
    """Return the lock of the environment, and of the server.

    Raises:
        InstallError: the server's own dependencies can't be resolved.
    """
    version = planned.interpreter.partition(" ")[0]
    installed = {normalized(each.name): each for each in installed_in(planned.environment) if each.name}
    kept, left_out = needed_distributions(installed, manifest, uv, version, planned.extra)
    found = _Sorted()
    for name in kept:
        _sort(name, installed[name], root, found)
    _add_server(server, found, uv, planned)
    hashes = _hashes_of_lock(manifest, found.pins)
    lines, hashed = _with_hashes(found.pins, hashes, uv, planned)
    headers = [each for name in found.built for each in NEEDS.get(name, ())]
    headers += ["libpq-dev"] if "psycopg2" in found.built else []
    libraries = [
        each for name in found.pins if _BUNDLED.get(name) not in found.pins for each in _LIBRARIES.get(name, ())
    ]
    return Lock(
        lines, hashed, tuple(found.urls), tuple(found.local), tuple(found.lost), found.own, tuple(found.built),
        tuple(left_out), tuple(dict.fromkeys(headers)), tuple(dict.fromkeys(libraries)), frozenset(found.pins),
    )  # fmt: skip


def installed_in(environment: Path) -> list[Distribution]:
    """Return the distributions of an environment, by their metadata."""
    folders = [str(folder) for folder in environment.glob("lib/python3*/*-packages")]
    return list(distributions(path=folders))


def _sort(name: str, each: Distribution, root: Path, found: _Sorted) -> None:
    """Decide how one distribution is installed in the image."""
    origin = _direct_url(each)
    url, folder = str(origin.get("url", "")), _inside(str(origin.get("url", "")), root)
    if (each.read_text("INSTALLER") or "").strip() == DISTRIBUTION or "dir_info" in origin:
        if folder is None:
            found.lost.append(
                f"{name} is in {unquote(urlsplit(url).path)}, outside of the project: publish it, or move it"
            )
        elif (root / folder).is_dir():
            found.own[name] = folder
    elif "vcs_info" in origin:
        info = origin["vcs_info"]
        if url.startswith("file:"):
            found.lost.append(f"{name} is in a repository on this machine, {url}: push it to a server, and name that")
            return
        below = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
        address = f"{info.get('vcs', 'git')}+{_without_secret(url)}@{info.get('commit_id', '')}{below}"
        found.urls.append(f"{name} @ {address}")
    elif url.startswith("file:"):
        if folder is None:
            found.lost.append(
                f"{name} {each.version} is from a file outside of the project: {unquote(urlsplit(url).path)}:"
                " copy it into the project"
            )
        else:
            found.local.append(folder)
    elif url:
        found.urls.append(f"{name} @ {_without_secret(url)}{_fragment(origin)}")
    else:
        found.pins[name] = each.version
    if re.search(r"(?m)^Tag: [^-]+-[^-]+-linux_", each.read_text("WHEEL") or ""):
        found.built.append(name)


def _direct_url(each: Distribution) -> dict[str, Any]:
    try:
        origin = json.loads(each.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    return origin if isinstance(origin, dict) else {}


def _inside(url: str, root: Path) -> str | None:
    """Return the path of a ``file:`` URL relative to the project; None if it is elsewhere."""
    path = Path(unquote(urlsplit(url).path))
    if not url.startswith("file:") or not path.is_relative_to(root):
        return None
    return str(path.relative_to(root))


def _without_secret(url: str) -> str:
    """Return a URL without the name and password in it."""
    return re.sub(r"//[^/@]*@", "//", url) if not url.startswith("ssh:") else url


def _fragment(origin: Mapping[str, Any]) -> str:
    info = origin.get("archive_info")
    hashes = info.get("hashes", {}) if isinstance(info, dict) else {}
    return f"#sha256={hashes['sha256']}" if isinstance(hashes, dict) and "sha256" in hashes else ""


def _add_server(server: str, found: _Sorted, uv: Installer, planned: Plan) -> None:
    """Pin the server and its dependencies, in versions that go with the project's."""
    requirement = SERVERS[server]
    if requirement.partition(">")[0] in found.pins:
        return
    pins = "\n".join(f"{name}=={version}" for name, version in found.pins.items())
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write(pins)
            file.flush()
            options = (*_OPTIONS, "--constraint", file.name, "--python", str(planned.python))
            answer = uv.read(requirement, "pip", "compile", "-", *options)
    except InstallError as error:
        raise InstallError(
            f"{requirement} can't be locked beside the project's dependencies: {error.found}",
            expected="a release of the server that goes with what is installed, and an index that answers",
            action=f"Choose another server, for example --server {_OTHER[server == _OTHER[0]]}, or change the pins.",
            **error.details,
        ) from error
    found.pins.update(_pins_in(answer))


def _pins_in(text: str) -> dict[str, str]:
    return {normalized(name): version for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", text)}


def _hashes_of_lock(manifest: Manifest, pins: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the hashes of the project's uv.lock, by name."""
    file = next((file for file in manifest.files if file.name == "uv.lock"), None)
    packages: Iterable[Any] = read_toml(file).get("package", ()) if file else ()
    found: dict[str, list[str]] = {}
    for package in packages:
        name = normalized(str(package.get("name", "")))
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        hashes = [str(each["hash"]) for each in files if "hash" in each]
        if pins.get(name) == package.get("version") and hashes:
            found[name] = sorted(set(hashes))
    return found


def _with_hashes(
    pins: Mapping[str, str], known: dict[str, list[str]], uv: Installer, planned: Plan
) -> tuple[str, bool]:
    """Return the lock's lines, and whether all have hashes: those that are not known are asked of the index."""
    asked = "\n".join(f"{name}=={version}" for name, version in pins.items() if name not in known)
    if asked:
        options = ("--no-deps", "--generate-hashes", "--python", str(planned.python))
        try:
            answer = uv.read(asked, "pip", "compile", "-", *_OPTIONS, *options)
        except InstallError:
            return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items())), False
        blocks = re.split(r"(?m)^(?=[\w.-]+==)", answer)
        known = {**known, **{name: re.findall(r"--hash=(\S+)", block) for block in blocks for name in _pins_in(block)}}
    lines = [
        " \\\n    ".join([f"{name}=={version}", *(f"--hash={each}" for each in known.get(name, ()))])
        for name, version in sorted(pins.items())
    ]
    return "".join(f"{line}\n" for line in lines), all(known.get(name) for name in pins)
