"""Read each file that may declare a project's dependencies, and hash what an installation depends on in it.

``manifest_search`` chooses the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.dependencies.appliance_python import appliance_python_version
from appliance.dependencies.dependency_groups import asked_groups, group_lines, older_groups
from appliance.dependencies.development import counterpart_of, is_for_development
from appliance.dependencies.digest import digest, relevant_tables
from appliance.dependencies.formats import locks
from appliance.dependencies.formats.conda import read_conda
from appliance.dependencies.formats.pipfile import pipfile_lines
from appliance.dependencies.formats.poetry import poetry_indexes
from appliance.dependencies.install_contents import Contents
from appliance.dependencies.requirements import options_in, read_requirements
from appliance.dependencies.source_tree import SourceTree, read_source_tree, try_source_tree
from appliance.dependencies.text_file import read_bytes, read_text, read_toml, table
from appliance.discovery.setup_files import texts
from appliance.identity.folder import has_file
from appliance.identity.regular_file import is_in_place
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from appliance.dependencies.dependency_groups import AskedGroups
    from appliance.dependencies.dependency_selection import DependencySelection

# Files for developers come first; the other usual names of requirements.txt follow.
REQUIREMENTS = (
    "requirements/dev.txt", "requirements/development.txt", "requirements/local.txt", "requirements.txt",
    "requirements/requirements.txt", "requirements/base.txt", "requirements/common.txt", "requirements-dev.txt",
    "requirements_dev.txt", "dev-requirements.txt", "requirements", "requirements.in", "reqs.txt",
)  # fmt: skip
# Used if no other file declares anything.
_LAST_REQUIREMENTS = (
    "requirements/production.txt", "requirements/prod.txt", "requirements/main.txt", "requirements.pip",
)  # fmt: skip
_UNKNOWN = (
    "setup.py, or a hook of the build, works out what the project needs with code of its own, which is not run: "
    "write it into requirements.txt, or name a file in APPLIANCE_DEPENDENCIES"
)
_PYPROJECT = "pyproject.toml"
# uv would build the project to learn these, and setuptools writes into the project's folder.
_DYNAMIC = frozenset({"dependencies", "optional-dependencies"})


class Manifest(Record):
    """The declarations of a project.

    Attributes:
        folder: the folder of the file; the project's folder if no file declares anything.
        source: the file, named as the user knows it; "none".
        files: all files that were read, which the supervisor watches.
        digest: the hash of all that an installation depends on.
        contents: returns what to install for a version of Python, "3.12"; large locks are parsed only then.
        without_development: returns the manifest without what only development needs; None if that is the same.
    """

    folder: Path
    source: str
    files: tuple[Path, ...]
    digest: str
    contents: Callable[[str], Contents]
    without_development: Callable[[], Manifest | None] = lambda: None


class Search(Record):
    """A search for dependency files.

    Attributes:
        project: the project's folder; file names are shown relative to it.
        root: the folder to search.
        choice: what the user selected.
        default_groups: whether the default groups of pyproject.toml are installed beside another file.
    """

    project: Path
    root: Path
    choice: DependencySelection
    default_groups: bool = False


def first(search: Search, forms: Iterable[tuple[str, Callable[..., Manifest | None]]]) -> Manifest | None:
    """Return the first manifest that declares a dependency; otherwise the first one at all."""
    silent: Manifest | None = None
    for name, form in forms:
        if is_in_place(search.root / name) and (manifest := form(search, search.root / name)):
            if not asks_for_nothing(manifest):
                return manifest
            silent = silent or manifest
    return silent


def asks_for_nothing(manifest: Manifest) -> bool:
    """Whether a project description declares no dependency: then another file often does."""
    if manifest.source.rpartition("/")[2] not in {_PYPROJECT, "setup.cfg", "setup.py"}:
        return False
    contents = manifest.contents(appliance_python_version())
    return not contents.index_query.strip()


def _uv_lock(search: Search, file: Path) -> Manifest | None:
    pyproject = search.root / _PYPROJECT
    if not pyproject.is_file():
        return None
    return _locked(
        search, (file, pyproject), lambda python: locks.uv_contents(search.root, file, search.choice, python)
    )


def _pylock(search: Search, file: Path) -> Manifest:
    return _locked(search, (file,), lambda _: locks.pylock_contents(file, search.choice))


def _poetry_lock(search: Search, file: Path) -> Manifest:
    files = tuple(each for each in (file, search.root / _PYPROJECT) if each == file or each.is_file())
    return _locked(search, files, lambda python: locks.poetry_contents(search.root, file, search.choice, python))


def _pipfile_lock(search: Search, file: Path) -> Manifest:
    return _locked(search, (file,), lambda _: locks.pipfile_contents(search.root, file, search.choice))


def _locked(search: Search, files: tuple[Path, ...], contents: Callable[[str], Contents]) -> Manifest:
    parts = [relevant_tables(read_toml(file)) if file.name == _PYPROJECT else read_bytes(file) for file in files]
    below = [read_source_tree((search.root / folder).resolve(), search.choice) for folder in locks.folders_of(parts[0])]
    return _made(search, files[:1], files, parts, contents, [tree for tree in below if tree])


def requirements(search: Search, *files: Path) -> Manifest:
    """Read requirements files, as one."""
    extras = [f"-e .[{','.join(search.choice.extras)}]"] if search.choice.extras else []
    own: SourceTree | None = None
    if not search.choice.files and is_for_development(files[0]):
        counterpart = counterpart_of(search.root, files[0], REQUIREMENTS)
        files = files if counterpart is None else (*files, counterpart)
        own = read_source_tree(search.root, search.choice) if len(files) == 1 else None
    groups = _groups(search)
    more = [*extras, *groups.lines, *((own and own.requires) or ())]
    found = read_requirements(search.root, files, more)
    notes = (*found.notes, *_notes_on(own, *found.trees))
    contents = Contents(lines=found.flat, trees=found.trees, notes=notes, every_line=found.flat)
    if found.as_written and not more:
        # Pass the files unchanged: the installer's errors then name files that the user knows.
        contents = replace(contents, lines="", arguments=tuple(word for file in files for word in ("-r", str(file))))
    parts = [read_bytes(file) for file in found.files if file.suffix not in {".py", ".toml", ".cfg"}]
    read = (*found.files, *groups.files)
    return _made(search, files, read, [*parts, os.fsencode(found.flat)], lambda _: contents, found.trees)


def _notes_on(*trees: SourceTree | None) -> tuple[str, ...]:
    return (_UNKNOWN,) if any(tree and tree.requires is None for tree in trees) else ()


def _groups(search: Search) -> AskedGroups:
    """Return the groups of pyproject.toml that are installed beside another file."""
    return asked_groups(search.root / _PYPROJECT, search.choice, by_default=search.default_groups)


def _pyproject(search: Search, file: Path) -> Manifest | None:
    """Read a pyproject.toml; None if it only configures tools."""
    data = read_toml(file)
    groups = [name for name in table(data, "dependency-groups") if search.choice.takes_group(name)]
    project = table(data, "project")
    if not project and table(data, "tool", "poetry"):
        return _described(search, file, poetry_indexes(data))
    if table(data, "tool", "flit", "metadata") or _DYNAMIC.intersection(texts(project.get("dynamic"))):
        return _described(replace(search, default_groups=True), file)
    if not project and (beside_groups := first(replace(search, default_groups=True), _AFTER_PYPROJECT)):
        return beside_groups
    development = older_groups(data) if search.choice.development else []
    if not project and not groups and not development:
        return None
    if table(data, "tool", "poetry"):
        return _described(search, file, poetry_indexes(data))
    arguments = ["-r", str(file)] if project else []
    asked = list(texts(project.get("dependencies")))
    for extra, lines in table(project, "optional-dependencies").items():
        if search.choice.takes_extra(extra):
            arguments += ["--extra", extra]
            asked += texts(lines)
    for group in groups:
        arguments += ["--group", f"{file}:{group}"]
    asked += group_lines(data, groups, file)
    lines = read_requirements(search.root, (), development).flat if development else ""
    contents = Contents(lines=lines, arguments=tuple(arguments), every_line="\n".join([*asked, lines]))
    return _made(search, (file,), (file,), [relevant_tables(data), repr(contents).encode()], lambda _: contents)


def _setup(search: Search, file: Path) -> Manifest | None:
    if file.name == "setup.cfg" and has_file(file.with_name("setup.py")) and "install_requires" not in read_text(file):
        return None  # it only configures tools: setup.py, which is read with it, is the file to name
    return _described(search, file) if read_source_tree(search.root, search.choice) else None


def _described(search: Search, file: Path, options: Iterable[str] = ()) -> Manifest | None:
    """Return the dependencies that a project description declares; the project itself is linked, not built."""
    tree = read_source_tree(search.root, search.choice)
    lines = (tree.requires or ()) if tree else ()
    if search.choice.extras and tree and tree.extras:
        lines = (f"-e .[{','.join(search.choice.extras)}]",)  # the project's dependencies, and those of the extras
    groups = _groups(search)
    found = read_requirements(search.root, (), (*options, *lines, *groups.lines))
    contents = Contents(lines=found.flat, trees=found.trees, notes=_notes_on(tree))
    files = tuple(dict.fromkeys((file, *(tree.files if tree else ()), *found.files, *groups.files)))
    return _made(search, (file,), files, [os.fsencode(found.flat)], lambda _: contents, found.trees)


def _pipfile(search: Search, file: Path) -> Manifest:
    lines, indexes = pipfile_lines(read_toml(file), search.choice)
    groups = _groups(search)
    found = read_requirements(search.root, (), [*indexes, *lines, *groups.lines])
    contents = Contents(lines=found.flat, trees=found.trees)
    files = (file, *found.files, *groups.files)
    return _made(search, (file,), files, [os.fsencode(found.flat)], lambda _: contents, found.trees)


def _conda(search: Search, file: Path) -> Manifest:
    environment = read_conda(read_text(file), file)
    groups = _groups(search)
    found = read_requirements(search.root, (), [*environment.lines, *groups.lines])
    contents = Contents(lines=found.flat, trees=found.trees, notes=(*environment.notes, *found.notes))
    files = (file, *found.files, *groups.files)
    return _made(search, (file,), files, [os.fsencode(found.flat)], lambda _: contents, found.trees)


_AFTER_PYPROJECT: tuple[tuple[str, Callable[..., Manifest | None]], ...] = (
    ("setup.cfg", _setup),
    ("setup.py", _setup),
    *((name, requirements) for name in _LAST_REQUIREMENTS),
    ("environment.yml", _conda),
    ("environment.yaml", _conda),
)
FORMS: tuple[tuple[str, Callable[..., Manifest | None]], ...] = (
    ("uv.lock", _uv_lock),
    ("pylock.toml", _pylock),
    ("poetry.lock", _poetry_lock),
    ("Pipfile.lock", _pipfile_lock),
    *((name, requirements) for name in REQUIREMENTS),
    ("Pipfile", _pipfile),
    (_PYPROJECT, _pyproject),
    *_AFTER_PYPROJECT,
)


def _made(
    search: Search,
    named: Sequence[Path],
    files: Iterable[Path],
    parts: Sequence[bytes],
    contents: Callable[[str], Contents],
    trees: Iterable[SourceTree] = (),
) -> Manifest:
    """Return the manifest, with the project itself among the linked trees."""
    own, unread = try_source_tree(search.root, search.choice)
    every = {tree.folder: tree for tree in (*trees, *([own] if own else ()))}

    def whole(python: str) -> Contents:
        known = contents(python)
        linked = {tree.folder: tree for tree in (*every.values(), *known.trees)}
        arguments = (*known.arguments, *options_in(known.index_query))
        return replace(known, arguments=arguments, notes=(*known.notes, *unread), trees=tuple(linked.values()))

    described = [repr((tree.name, tree.version, tree.entry_points, tree.roots)).encode() for tree in every.values()]
    choice = repr((search.choice.extras, search.choice.groups, search.choice.development)).encode()
    watched = [search.root / _PYPROJECT] if unread else []  # worth watching
    read = dict.fromkeys([*files, *watched, *(file for tree in every.values() for file in tree.files)])
    key = digest([*parts, choice, *described])
    return Manifest(search.root, _names(search.project, named), tuple(read), key, whole)


def _names(root: Path, files: Iterable[Path]) -> str:
    return ", ".join(str(file.relative_to(root)) if root in file.parents else str(file) for file in files)


def form_of(name: str) -> Callable[..., Manifest | None]:
    """Return the function that reads a file of this name."""
    if name.startswith("pylock.") and name.endswith(".toml"):
        return _pylock
    if name.startswith("environment") and name.endswith((".yml", ".yaml")):
        return _conda
    return dict(FORMS).get(name, requirements)
