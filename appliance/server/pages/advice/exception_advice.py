"""Advise on an exception that every new project meets once: a missing module, variable, table, database.

``project_files`` reads the project's folder; ``distributions`` knows the packages. No module of advice may import the
libraries whose exceptions it recognises: it looks at the name of the exception's class and at its message. Runs in the
worker, after an exception.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from ....conventions import DISTRIBUTION_FILES, MERGE_CONFLICT
from ..tracebacks import safe_str
from . import (
    error_origin,
    installed_distributions,
    missing_dependencies,
    project_files,
    system_libraries,
)
from .advice import Advice
from .database_advice import connection_advice, database_file_advice, table_advice
from .distributions import distribution, removed_in
from .permissions import permission
from .removed_names import companions, is_too_old, last_releases_with
from .variable_advice import variable_advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....protocol.remedy_kinds import Need

_MAX_CHAIN = 8
_NAME_MAX = 200  # characters of a module's name
# The patterns may search a client's text, so each takes linear time: a repetition is bounded, or starts only at a
# word's start or a literal.
_DISALLOWED_HOST = re.compile(r"add '?([^' ]{1,255})'? to ALLOWED_HOSTS")
# The file that a build writes: write_to and version_file of setuptools-scm, write_to of PDM, version-file of hatch-vcs.
_WRITTEN = re.compile(r"(?:write_to|version[_-]file)[\"']?[ \t]{0,20}[:=][ \t]{0,20}[\"']([\w./-]{1,200}\.py)[\"']")
_VERSION = '__version__ = version = "0"\\n__version_tuple__ = version_tuple = (0,)\\n'
_CANNOT_IMPORT = re.compile(r"cannot import name '(?P<name>\w{1,200})' from '")


def advice(error: BaseException, root: str, message: str | None = None) -> Advice:
    """Return the advice, without a text if none is known; ``message``: the exception's message, if known."""
    try:
        for each in _chain(error):
            text = message if each is error and message is not None else safe_str(each)
            for advise in _ADVISERS:
                found = advise(each, text, root)
                if found:
                    return found if isinstance(found, Advice) else Advice(found)
    except Exception:  # noqa: BLE001  reading the project's files may fail; the exception must still be shown
        return Advice()
    return Advice()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and its causes, the outermost first."""
    seen = 0
    each: BaseException | None = error
    while each is not None and seen < _MAX_CHAIN:
        yield each
        seen += 1
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _missing_example(error: BaseException, _message: str, root: str) -> Advice | str:
    name = _missing_module(error)
    made, example = project_files.missing_file_example(root, name) if name else ("", "")
    if not example:
        return ""
    text = f"{made} does not exist. {example} is its template: cp {example} {made}, then check its values."
    return Advice(text, ({"kind": "copy-example", "file": made, "example": example},))


def _made_by_a_build(error: BaseException, _message: str, root: str) -> str:
    """Advise on the module with the version: setuptools-scm, hatch-vcs and PDM write it when they build the project."""
    *parents, last = _missing_module(error).split(".")
    if not parents:
        return ""
    for name in DISTRIBUTION_FILES:
        for file in _WRITTEN.findall(project_files.text_of(f"{root}/{name}")):
            there = next(
                (each for each in (file, f"src/{file}") if os.path.isdir(f"{root}/{os.path.dirname(each)}")), ""
            )
            if f"/{there}".endswith("/".join(["", *parents, f"{last}.py"])):
                how = f"printf '{_VERSION}' > {there}"
                return f"A build of the project writes {there}, as {name} says. Build it, or write the file: {how}"
    return ""


def _removed(error: BaseException, message: str, root: str) -> str:
    name = error.name if isinstance(error, ImportError) else None
    if not isinstance(name, str) or len(name) > _NAME_MAX:
        return ""
    taken = _CANNOT_IMPORT.match(message)  # in a package that is installed
    removed = project_files.removed_module(root, f"{name}.{taken['name']}" if taken else name)
    if not removed:
        return ""
    return f"{removed} was removed or renamed just now: import it by its new name, or restore it."


def _submodule(error: BaseException, _message: str, root: str) -> str:
    """Advise on a clone without the code of its submodules: an empty folder can be imported, but has no names."""
    name = error.name if isinstance(error, ImportError) else None
    name = name.partition(".")[0] if isinstance(name, str) and len(name) <= _NAME_MAX else ""
    place = project_files.empty_submodule(root, name) if name else ""
    return f"{name} is in the git submodule {place}, which is empty: run git submodule update --init." if place else ""


def _module(error: BaseException, message: str, root: str) -> Advice | str:
    full = _missing_module(error)
    if not full:
        return ""
    name = full.partition(".")[0]
    if removed_in(name):
        return _removed_from_python(name, root)
    if name in sys.stdlib_module_names or project_files.has_module(root, name):
        return ""
    if "." in full and installed_distributions.is_installed(name):
        return _removed_from_package(error, message, root)
    place = project_files.place_of(root, name)
    if place:
        folder = os.path.dirname(place) or "."
        return f"{name} is the project's {place}: add its folder to the path, with PYTHONPATH={folder} in .env."
    return _undeclared(distribution(full), name, root)


def _undeclared(package: str, module: str, root: str) -> Advice | str:
    """Advise on a package that is not installed."""
    if missing_dependencies.should_be_installed(root, package, module):
        text = f"{package} is one of the dependencies, but its files are not in the environment: install it again."
        return Advice(text, ({"kind": "reinstall", "package": package},))
    named, choice = project_files.mentions(root, package)
    if named and (stale := missing_dependencies.lock_again(root, package)):
        return f"{named} names {package}, but {stale}"
    if named and missing_dependencies.dependency_source(root):
        return (
            f"{package} is named in an extra or a group of {named}: install that too, "
            f"with APPLIANCE_DEPENDENCIES={choice or 'extra:NAME or group:NAME'}."
        )
    how = missing_dependencies.add(root, [package])
    if how:
        return Advice(how, (_add(package),))
    missing = dict.fromkeys([package, *map(distribution, project_files.missing_imports(root))])
    lines = "\\n".join(missing)
    text = f"No file lists the project's dependencies. Create one: printf '{lines}\\n' > requirements.txt"
    return Advice(text, (_add(*missing),))


def _add(*packages: str) -> Need:
    return {"kind": "add-dependency", "packages": " ".join(packages)}


def _missing_module(error: BaseException) -> str:
    """Return the full name of a missing module; "" if the name can't be a module's: a client may have sent it."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return name if isinstance(name, str) and len(name) <= _NAME_MAX and name.replace(".", "").isidentifier() else ""


def _removed_from_python(name: str, root: str) -> Advice:
    """Advise on a module that left Python's standard library, and that no package has replaced yet."""
    version = removed_in(name)
    package = missing_dependencies.backport(name)
    text = f"{name} was removed from the standard library in Python {version}"
    older: Need = {"kind": "use-python", "version": missing_dependencies.last_before(version)}
    if package:
        how = missing_dependencies.add(root, [package])
        how = how or f"Create a requirements file: printf '{package}\\n' > requirements.txt"
        return Advice(f"{text}; {package} replaces it. {how}", (_add(package), older))
    return Advice(f"{text}. {missing_dependencies.older_python(version)}", (older,))


def _removed_from_package(error: BaseException, message: str, root: str) -> Advice | str:
    """Advise on a name that left an installed package: the release that still has it, as a line of the dependencies."""
    releases, too_old = last_releases_with(error, message), is_too_old(message)
    if not releases and not too_old and not isinstance(error, ImportError):
        return ""  # an AttributeError: the installed packages are searched only if the message asks for it
    package, version = error_origin.raised_by(error)
    if too_old and (package or "six.moves" in message):
        return _too_old(error, message, root, package, version)
    releases = companions(package, version) or tuple(filter(installed_distributions.is_installed_newer, releases))
    if not releases:
        return ""
    how = missing_dependencies.add(root, releases)
    who = f"{package} {version}" if version else "The project"
    text = f"{who} was written for an older release: {', '.join(releases)}. {how}".rstrip()
    return Advice(text, (_add(*releases),) if how else ())


def _too_old(error: BaseException, message: str, root: str, package: str, version: str) -> Advice | str:
    """Advise on a release that a newer Python broke: of the package whose file raised, or whose module is missing."""
    if "six.moves" in message:
        module = (getattr(error, "name", None) or "").partition(".")[0]
        package = installed_distributions.distribution_of(module) or package
        how = missing_dependencies.add(root, [package])
        advice = f"{package} is too old for Python 3.12 and newer: install a newer release. {how}"
        if installed_distributions.needs_older_python(package):
            return advice
        older: Need = {"kind": "use-python", "version": "3.11"}
        return Advice(f"{advice} Or: {missing_dependencies.older_python('3.12')}", (older,))
    how = missing_dependencies.add(root, [package])
    return f"{package} {version} is too old for this Python: install a newer release. {how}"


def _import(error: BaseException, message: str, root: str) -> Advice | str:
    if not isinstance(error, (ImportError, AttributeError)):
        return ""
    release = _removed_from_package(error, message, root)
    if release:
        return release
    name = (getattr(error, "name", None) or "").partition(".")[0]
    path = getattr(error, "path", None) or ""
    if message.startswith("cannot import name") and f"{os.sep}site-packages{os.sep}" in path:
        return f"The installed {distribution(name)} has no such name: pin the release that the project was written for."
    return ""


def _mount(_error: BaseException, message: str, _root: str) -> str:
    """Advise on a cache from which the kernel maps no library."""
    place = system_libraries.mounted_noexec(message)
    return f"{place} is mounted noexec, so compiled packages can't be loaded: mount it without noexec." if place else ""


def _system(error: BaseException, message: str, root: str) -> Advice | str:
    """Advise on a missing program or library of the system."""
    return _program(error) if isinstance(error, FileNotFoundError) else _library(error, message, root)


def _program(error: FileNotFoundError) -> str:
    if not error_origin.raised_in_subprocess(error):
        return ""
    package = system_libraries.package_of_program(str(error.filename))
    if not package:
        return ""
    return f"The program {error.filename} is not installed. {missing_dependencies.install_debian([package])}"


def _library(error: BaseException, message: str, root: str) -> Advice | str:
    if "'binary' implementation" in message and "pq wrapper" in message:
        text = f"psycopg can't find PostgreSQL's client library. {missing_dependencies.add(root, ['psycopg[binary]'])}"
        return Advice(text, (_add("psycopg[binary]"),))
    library = system_libraries.missing_library(message)
    if library and error_origin.raised_in(error, "cv2"):
        return missing_dependencies.replace_package(root, "opencv-python", "opencv-python-headless")
    if system_libraries.is_obsolete(library):
        return f"{library} belongs to an older Debian release: install a newer release of the package that uses it."
    packages = system_libraries.packages_for(message)
    if packages:
        return f"A system library is missing. {missing_dependencies.install_debian(packages)}"
    if library:
        return f"The system library {library} is missing: add the Debian package that contains it to the image."
    return ""


def _disallowed_host(error: BaseException, message: str, _root: str) -> Advice | str:
    if type(error).__name__ != "DisallowedHost":
        return ""
    found = _DISALLOWED_HOST.search(message)
    settings = os.environ.get("DJANGO_SETTINGS_MODULE", "the settings")  # noqa: TID251  the project's environment
    if found is None:
        return ""
    return Advice(f"Add {found[1]!r} to ALLOWED_HOSTS in {settings}.", ({"kind": "add-host", "host": found[1]},))


def _address_in_use(error: BaseException, message: str, _root: str) -> str:
    if isinstance(error, OSError) and "Address already in use" in message:
        return "The project starts its own server when it is imported: move that under if __name__ == '__main__'."
    return ""


def _merge_conflict(error: BaseException, _message: str, _root: str) -> str:
    """Advise on a file in the middle of a merge; Python takes its marks for wrong operators or numbers."""
    if not isinstance(error, SyntaxError) or not isinstance(error.filename, str):
        return ""
    text = project_files.text_of(error.filename)
    mark = re.search(MERGE_CONFLICT, text)
    if mark is None:
        return ""
    place = f"{os.path.basename(error.filename)}, line {text.count(chr(10), 0, mark.start()) + 1}"
    marks = "<<<<<<<, ======= and >>>>>>>"
    return f"A merge conflict is not resolved ({place}): choose the code, and remove the lines of {marks}."


def _edited_package(error: BaseException, _message: str, _root: str) -> Advice | str:
    """Advise on a package one of whose files was written after the installation."""
    file = error.filename if isinstance(error, SyntaxError) else error_origin.last_file(error)
    if not isinstance(file, str) or not missing_dependencies.is_edited(file):
        return ""
    folder = file.partition(f"{os.sep}site-packages{os.sep}")[2].partition(os.sep)[0]
    package = error_origin.raised_by(error)[0] or folder.removesuffix(".py")
    text = f"{os.path.basename(file)} of {package} was edited after the installation: install the dependencies again."
    return Advice(text, ({"kind": "reinstall", "package": package},))


_ADVISERS: tuple[Callable[[BaseException, str, str], Advice | str], ...] = (
    _missing_example,
    _made_by_a_build,
    permission,
    _removed,
    _submodule,
    _module,
    _mount,
    _system,
    _import,
    variable_advice,
    table_advice,
    database_file_advice,
    connection_advice,
    _disallowed_host,
    _address_in_use,
    _merge_conflict,
    _edited_package,
)
