"""Search a project for the files that declare its dependencies.

In each folder the first file that declares something is used, in the order of ``manifest.FORMS``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.conventions import UNSEARCHED
from appliance.dependencies.appliance_python import appliance_python_version
from appliance.dependencies.dependency_selection import DependencySelection, read_choice
from appliance.dependencies.development import names_development
from appliance.dependencies.digest import digest
from appliance.dependencies.install_contents import Contents
from appliance.dependencies.manifest import (
    FORMS,
    Manifest,
    Search,
    asks_for_nothing,
    first,
    form_of,
    requirements,
)
from appliance.dependencies.requirement_text import names_in
from appliance.dependencies.unmatched_names import unmatched_names
from appliance.dependencies.unusual_files import other_requirements
from appliance.discovery.frameworks import is_framework
from appliance.discovery.rules.project_package import package_names
from appliance.errors import InstallError
from appliance.package_names import normalized
from appliance.protocol.record import replace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# How the names of folders begin that have no manifest of the application: ``.github``, ``docs``, ``test_data``.
_SKIPPED_FOLDERS = (".", "doc", "test", "example", "sample", "script", "tool", "build", "dist", *UNSEARCHED)


def read_manifest(root: Path, named: Sequence[str] = (), application: Path | None = None) -> Manifest:
    """Read the project's dependencies.

    Args:
        root: the project's folder.
        named: APPLIANCE_DEPENDENCIES: extras, groups, and files; if it names a file, no other file is searched for.
        application: the folder of its application, if known.

    Raises:
        InstallError: a file can't be read.
    """
    search = Search(root, root, read_choice(named))
    found = _search_all(search, application) or Manifest(root, "none", (), digest([]), lambda _: Contents())
    if search.choice.extras or search.choice.groups:
        found = replace(found, contents=partial(_with_notes, found, search.choice))
    if not search.choice.development:
        return found
    served = replace(search, choice=replace(search.choice, development=False))
    return replace(found, without_development=lambda: _search_all(served, application))


def _with_notes(found: Manifest, choice: DependencySelection, python: str) -> Contents:
    """Add a note for each selected extra or group that does not exist."""
    contents = found.contents(python)
    return replace(contents, notes=(*contents.notes, *unmatched_names(choice, found.folder, found.files)))


def _search_all(search: Search, application: Path | None) -> Manifest | None:
    if search.choice.files:
        return _named_by_setting(search)
    found = _in_folder(search)
    if found is not None and not asks_for_nothing(found):
        nearer = _nearest_to_application(search, application)
        # With several applications in one repository, each may have a file that includes the common one.
        includes = nearer and found.files[0].resolve() in {each.resolve() for each in nearer.files}
        if nearer and not includes and _serves(nearer) and not _serves(found):
            return _both(search, found, nearer)
        return nearer if nearer and includes else found
    other = _nearest_to_application(search, application) or (None if found else _in_subfolders(search))
    return other or _with_unusual_name(search, application) or found


def _serves(manifest: Manifest) -> bool:
    """Return whether a web framework, or an extension of one, is declared; a lock is not searched for it."""
    contents = manifest.contents(appliance_python_version())
    names = (normalized(name).partition("-")[0] for name in names_in(contents.index_query))
    return bool(contents.sync or contents.exact) or any(map(is_framework, names))


def _both(search: Search, shared: Manifest, nearer: Manifest) -> Manifest:
    """Return the application's own dependencies, with those of the project if both are requirements files."""
    files = (shared.files[0], nearer.files[0])
    if all(form_of(each.source.rpartition("/")[2]) is requirements for each in (shared, nearer)):
        return requirements(search, *files)
    return nearer


def _in_folder(search: Search) -> Manifest | None:
    """Return the first manifest of a folder, in the order of ``FORMS``."""
    # Without development dependencies, a file named for development comes last: it may be the only one.
    return first(
        search, FORMS if search.choice.development else sorted(FORMS, key=lambda form: names_development(form[0]))
    )


def _with_unusual_name(search: Search, application: Path | None) -> Manifest | None:
    """Find a requirements file with an unusual name, in the application's folder or above it."""
    within = application is not None and search.root in application.parents
    between = application.relative_to(search.root).parents if application and within else ()
    folders = (*((application,) if application and within else ()), *(search.root / each for each in between))
    parts = [folder.name for folder in folders]
    names = [*parts, *package_names(search.root), search.root.name]
    for folder in folders or (search.root,):
        files = other_requirements(folder, names)
        if files:
            return requirements(replace(search, root=folder), *files)
    return None


def _nearest_to_application(search: Search, application: Path | None) -> Manifest | None:
    """Return the manifest of the folder nearest to the application, up to the project's own folder."""
    if application is None or search.root not in application.parents:
        return None
    between = application.relative_to(search.root).parents
    folders = (application, *(search.root / each for each in between[:-1]))
    return next((found for folder in folders if (found := _in_folder(replace(search, root=folder)))), None)


def _in_subfolders(search: Search) -> Manifest | None:
    """Return the manifest of a sub-folder, if exactly one sub-folder has one."""
    try:
        folders = [
            folder
            for folder in search.root.iterdir()
            if folder.is_dir() and not folder.name.startswith(_SKIPPED_FOLDERS)
        ]
    except OSError:
        return None
    found = [manifest for folder in folders if (manifest := _in_folder(replace(search, root=folder)))]
    return found[0] if len(found) == 1 else None


def _named_by_setting(search: Search) -> Manifest | None:
    files = tuple(search.root / name for name in search.choice.files)
    for name, file in zip(search.choice.files, files, strict=True):
        if not file.is_file():
            raise InstallError(
                f"APPLIANCE_DEPENDENCIES names {name}, which is {'a folder' if file.is_dir() else 'not there'}",
                expected="files of the project: requirements files, a lock or pyproject.toml",
                action="Correct APPLIANCE_DEPENDENCIES, or remove it: the appliance then searches for the files.",
                file=name,
            )
    if len(files) == 1:
        form = form_of(files[0].name)
        found = form(replace(search, root=files[0].parent) if form is not requirements else search, files[0])
        return found or _declares_nothing(search, files[0])
    return requirements(search, *files)


def _declares_nothing(search: Search, file: Path) -> Manifest:
    """Return the manifest for a named file that nothing is installed from: a pyproject.toml with settings alone."""
    name = search.choice.files[0]
    note = f"APPLIANCE_DEPENDENCIES names {name}: neither it nor a pyproject.toml beside it declares dependencies"
    return Manifest(search.root, name, (file,), digest([]), lambda _: Contents(notes=(note,)))
