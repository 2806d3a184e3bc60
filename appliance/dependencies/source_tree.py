"""Describe a folder that is a Python project: its name, version, dependencies, and where its modules are.

It merges the tables of the standard, Poetry and Flit with the files of setuptools, and never builds or runs anything of
the project.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.conventions import DISTRIBUTION_FILES
from appliance.dependencies.formats.poetry import poetry_specs
from appliance.dependencies.text_file import read_text, read_toml, table, unopened_error
from appliance.discovery.setup_files import Setup, read_setup, texts
from appliance.errors import InstallError
from appliance.identity.folder import has_file
from appliance.protocol.record import Record, made_default

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.dependencies.dependency_selection import DependencySelection

_COMPILING = ("maturin", "mesonpy", "scikit_build_core", "setuptools_rust", "pdm.backend.compiled")


class SourceTree(Record):
    """One project folder.

    Attributes:
        name: the distribution's name, as the files spell it; empty if the project is not a distribution.
        version: "0" if only a build could determine it.
        requires: requirement lines, relative to the folder; None if only the project's code could determine them.
        extras: the requirement lines of each extra.
        entry_points: group to name to value, scripts included.
        roots: the folders that its modules are imported from.
        files: the files that were read.
        compiled: whether it must be built before it can be imported.
    """

    folder: Path
    name: str
    version: str
    requires: tuple[str, ...] | None
    extras: Mapping[str, tuple[str, ...]] = made_default(default_factory=dict)
    entry_points: Mapping[str, Mapping[str, str]] = made_default(default_factory=dict)
    roots: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    compiled: bool = False


def read_source_tree(folder: Path, choice: DependencySelection) -> SourceTree | None:
    """Describe the project in this folder; None if no file of the folder describes one.

    Raises:
        InstallError: one of its files can't be read.
    """
    files = tuple(file for name in DISTRIBUTION_FILES if has_file(file := folder / name))
    pyproject = folder / "pyproject.toml"
    data = read_toml(pyproject) if pyproject in files else {}
    try:
        setup = read_setup(folder)
    except OSError as error:
        raise unopened_error(Path(str(error.filename)), error) from None
    if setup is None and not any(
        table(data, *keys) for keys in (("project",), ("tool", "poetry"), ("tool", "flit", "metadata"))
    ):
        return None
    setup = setup or Setup()
    name = _name(folder, data, setup)
    return SourceTree(
        folder,
        name,
        _version(folder, data, setup, name),
        _requires(data, setup, choice),
        _extras(data, setup),
        _entry_points(data, setup),
        (_root(folder, data, setup),),
        files,
        setup.compiled or str(table(data, "build-system").get("build-backend")).startswith(_COMPILING),
    )


def try_source_tree(folder: Path, choice: DependencySelection) -> tuple[SourceTree | None, tuple[str, ...]]:
    """Describe a project whose dependencies another file declares; an unreadable file gives a note, no error."""
    try:
        return read_source_tree(folder, choice), ()
    except InstallError as error:
        return None, (f"the project can't be installed itself: {error.found}",)


def _name(folder: Path, data: dict[str, Any], setup: Setup) -> str:
    if table(data, "tool", "poetry").get("package-mode") is False:
        return ""
    flit = table(data, "tool", "flit", "metadata")
    given = (table(data, "project").get("name"), table(data, "tool", "poetry").get("name"), setup.name)
    names = [*given, flit.get("dist-name"), flit.get("module")]
    name = next((name for name in names if isinstance(name, str) and name), "")
    # setuptools names a distribution without a name "UNKNOWN"; the folder's name says more.
    # As in setuptools, a hyphen replaces characters that a name must not contain: "my shop".
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name or (folder.name if setup != Setup() else "")).strip("-._")


def _version(folder: Path, data: dict[str, Any], setup: Setup, name: str) -> str:
    for text in (table(data, "project").get("version"), table(data, "tool", "poetry").get("version"), setup.version):
        if isinstance(text, str) and re.fullmatch(r"v?\d[\w.!+-]*", text):
            return text
    module = re.sub(r"[-.]+", "_", name)
    named = [
        re.sub(r"\A(?:attr|file):\s*", "", setup.version),
        str(table(data, "tool", "setuptools", "dynamic", "version").get("attr") or ""),
    ]
    files = [str(table(data, "tool", "hatch", "version").get("path") or "")]
    for dotted in (name for name in named if name):
        package = dotted.rpartition(".")[0].replace(".", "/")
        files += [dotted, *(f"{root}{package}{end}" for root in ("", "src/") for end in (".py", "/__init__.py"))]
    files += [f"{root}{module}{end}" for root in ("", "src/") for end in ("/__init__.py", "/_version.py", ".py")]
    for file in (folder / path for path in files if path):
        if file.is_file():
            found = re.search(r"(?m)^_*version_*(?:\s*:\s*\w+)?\s*=\s*[\"'](\d[^\"']*)[\"']", read_text(file))
            if found:
                return found[1]
    return "0"


def _requires(data: dict[str, Any], setup: Setup, choice: DependencySelection) -> tuple[str, ...] | None:
    project = table(data, "project")
    if table(data, "tool", "poetry"):
        return tuple(spec.line() for spec in poetry_specs(data, choice))
    flit = table(data, "tool", "flit", "metadata")
    if flit and not project:
        return texts(flit.get("requires"))
    if not project:
        return setup.requires
    if "dependencies" in texts(project.get("dynamic")):
        named = table(data, "tool", "setuptools", "dynamic", "dependencies").get("file")
        hook = table(data, "tool", "hatch", "metadata", "hooks", "requirements_txt").get("files")
        files = texts(named) or texts(hook)
        # Without any such file, a hook of the build knows them.
        return tuple(f"-r {file}" for file in files) or (None if setup == Setup() else setup.requires)
    return texts(project.get("dependencies"))


def _extras(data: dict[str, Any], setup: Setup) -> dict[str, tuple[str, ...]]:
    optional = table(data, "project", "optional-dependencies") or table(
        data, "tool", "flit", "metadata", "requires-extra"
    )
    dynamic = table(data, "tool", "setuptools", "dynamic", "optional-dependencies")
    found = {name: texts(lines) for name, lines in optional.items()}
    found |= {name: tuple(f"-r {file}" for file in texts(table(dynamic, name).get("file"))) for name in dynamic}
    return found or setup.extras


def _entry_points(data: dict[str, Any], setup: Setup) -> dict[str, dict[str, str]]:
    project, poetry = table(data, "project"), table(data, "tool", "poetry")
    found = {str(group): dict(table(entries)) for group, entries in table(project, "entry-points").items()}
    found |= {str(group): dict(table(entries)) for group, entries in table(poetry, "plugins").items()}
    found |= {str(group): dict(entries) for group, entries in setup.entry_points.items() if group not in found}
    for group, key in (("console_scripts", "scripts"), ("gui_scripts", "gui-scripts")):
        scripts = {**table(poetry, key), **table(project, key)}
        if scripts:
            # A script of Poetry's may be a table, whose "reference" has the usual value.
            texts_of = {
                name: value if isinstance(value, str) else str(table(value).get("reference") or "")
                for name, value in scripts.items()
            }
            found[group] = {name: text for name, text in texts_of.items() if ":" in text}
    return found


def _root(folder: Path, data: dict[str, Any], setup: Setup) -> Path:
    """Return the folder to import modules from: the one that is configured, else ``src``, else the folder itself."""
    tools = table(data, "tool")
    where = texts(table(tools, "setuptools", "packages", "find").get("where"))
    poetry = table(tools, "poetry").get("packages")
    poetry_from = [str(item["from"]) for item in poetry or () if isinstance(item, dict) and item.get("from")]
    hatch = texts(table(tools, "hatch", "build", "targets", "wheel").get("packages"))
    given = [
        setup.package_root,
        str(table(tools, "setuptools", "package-dir").get("") or ""),
        *where,
        *poetry_from,
        *(path.rpartition("/")[0] for path in hatch),
        str(table(tools, "uv", "build-backend").get("module-root") or ""),
    ]
    for path in given:
        if path and (folder / path).is_dir():
            return folder / path
    source = folder / "src"
    has_modules = (source.is_dir() and any(source.glob("*/__init__.py"))) or any(source.glob("*.py"))
    return source if has_modules and not (source / "__init__.py").is_file() else folder
