"""What to do about an exception that every new project meets once: a missing module, variable, table, database.

Owns the recognition. ``surroundings`` knows the project's folder, ``distributions`` the packages. Must not import what
it recognises: an exception is known by its class's name and its words. Runs in the worker, after something was raised.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from . import missing_dependencies as lacking
from . import project_files, system_libraries
from .distributions import distribution, removed_in
from .removed_names import companions, is_too_old, last_with
from .tracebacks import cut, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEEPEST = 8
_NAME_MAX = 200  # characters of a module's or variable's name
# What they search may be a client's text. So each takes linear time: a repetition is bounded, or begins where no other
# attempt would read the same text again (a word's start, a literal).
_TABLE = re.compile(
    r"no such table: (?P<a>[\w.]{1,200})|relation \"(?P<b>[\w.]{1,200})\" does not exist"
    r"|[Tt]able '(?P<c>[\w.]{1,200})' doesn't exist"
)
_VARIABLE = re.compile(
    r"\b(?P<a>\w{1,200}) not found\. Declare it as envvar"  # decouple
    r"|Set the (?P<b>\w{1,200}) environment variable"  # django-environ, and Django projects by hand
    r"|[Ee]nvironment variable ['\"]?(?P<c>\w{1,200})['\"]? (?:is )?(?:not|must be) set"  # environs
    r"|The (?P<d>SECRET_KEY) setting must not be empty"
    r"|\b(?P<e>[A-Z][A-Z0-9_]{2,200}) (?:environment variable )?(?:is not set|must be set|is required|not set)"
)
_FIELD = re.compile(r"^(\w{1,200})\n[ \t]{1,8}Field required", re.MULTILINE)  # pydantic
_REFUSED = re.compile(
    r"[Cc]onnection refused|Can't connect to|could not connect to server|Error 111 |could not translate host name"
    r"|Name or service not known|Temporary failure in name resolution|ServerSelectionTimeout"
)
_PLACE = re.compile(
    r"host(?:name)? \"?(?P<a>[\w.\-]{1,255})\"?(?: \([^()]{0,100}\))?,? port (?P<b>\d{1,5})"
    r"|server at \"(?P<c>[\w.\-]{1,255})\".{0,100}?port (?P<d>\d{1,5})"
    r"|connecting to (?P<e>[\w.\-]{1,255}):(?P<f>\d{1,5})"
    r"|(?:MySQL server on|host name) ['\"](?P<g>[\w.\-]{1,255})(?::(?P<h>\d{1,5}))?"
    r"|^(?P<i>[\w.\-]{1,255}):(?P<j>\d{1,5}): "
)
_ALLOWED = re.compile(r"add '?([^' ]{1,255})'? to ALLOWED_HOSTS")
_TAKEN = re.compile(r"cannot import name '(?P<name>\w{1,200})' from '")
_DATABASES = (
    "psycopg",
    "MySQLdb",
    "pymysql",
    "redis",
    "pymongo",
    "sqlalchemy",
    "django.db",
    "mysql",
    "asyncpg",
    "peewee",
)


def hint(error: BaseException, root: str, words: str | None = None) -> str:
    """What to do, in one or two sentences; empty where nothing is known. ``words``: the exception's, if known."""
    try:
        for each in _chain(error):
            said = words if each is error and words is not None else words_of(each)
            for look in _LOOKS:
                found = look(each, said, root)
                if found:
                    return found
    except Exception:  # noqa: BLE001  a look at the project's files may fail; the exception must still be shown
        return ""
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from, the outermost first."""
    seen = 0
    each: BaseException | None = error
    while each is not None and seen < _DEEPEST:
        yield each
        seen += 1
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _example(error: BaseException, _words: str, root: str) -> str:
    name = _missing_module(error)
    made, example = project_files.example_of(root, name) if name else ("", "")
    if not example:
        return ""
    return f"{made} is not there, and {example} is what it is made from: cp {example} {made}, then look through it."


def _removed(error: BaseException, words: str, root: str) -> str:
    name = error.name if isinstance(error, ImportError) else None
    if not isinstance(name, str) or len(name) > _NAME_MAX:
        return ""
    taken = _TAKEN.match(words)  # of a package that is there
    removed = project_files.removed_module(root, f"{name}.{taken['name']}" if taken else name)
    if not removed:
        return ""
    return f"{removed} was removed or renamed a moment ago: import it by its new name, or bring it back."


def _module(error: BaseException, words: str, root: str) -> str:
    full = _missing_module(error)
    if not full:
        return ""
    name = full.partition(".")[0]
    if removed_in(name):
        return _left_python(name, root)
    if name in sys.stdlib_module_names or project_files.has_module(root, name):
        return ""
    if "." in full and project_files.is_installed(name):
        return _left_package(error, words, root)
    place = project_files.place_of(root, name)
    if place:
        folder = os.path.dirname(place) or "."  # noqa: PTH120  as in surroundings
        return f"{name} is {place} of the project: put its folder on the path, with PYTHONPATH={folder} in .env."
    return _undeclared(distribution(full), root)


def _undeclared(package: str, root: str) -> str:
    """A package that is not installed."""
    named, choice = project_files.mentions(root, package)
    if lacking.source(root) and named:
        return (
            f"{package} is named in an extra or a group of {named}: install that too, "
            f"with APPLIANCE_DEPENDENCIES={choice or 'extra:NAME or group:NAME'}."
        )
    how = lacking.add(root, [package])
    if how:
        return how
    missing = dict.fromkeys([package, *map(distribution, project_files.missing_imports(root))])
    lines = "\\n".join(missing)
    return f"No file names the project's dependencies. Write one, here: printf '{lines}\\n' > requirements.txt"


def _missing_module(error: BaseException) -> str:
    """The full name of a module that was not found; a name that a client may have sent is no module's."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return name if isinstance(name, str) and len(name) <= _NAME_MAX and name.replace(".", "").isidentifier() else ""


def _left_python(name: str, root: str) -> str:
    """A module that Python brings no more, and that was not brought back already."""
    version = removed_in(name)
    package = lacking.backport(name)
    words = f"{name} left the standard library with Python {version}"
    if package:
        how = lacking.add(root, [package])
        return f"{words}; {package} brings it back. " + (
            how or f"Write it down, here: printf '{package}\\n' > requirements.txt"
        )
    return f"{words}. {lacking.older_python(version)}"


def _left_package(error: BaseException, words: str, root: str) -> str:
    """A name that an installed package has no more: the release that has it, as a line of the dependencies."""
    releases, too_old = last_with(error, words), is_too_old(words)
    if not releases and not too_old and not isinstance(error, ImportError):
        return ""  # any AttributeError: what is installed is not looked through for it
    package, version = project_files.raised_by(error)
    if too_old and (package or "six.moves" in words):
        return _too_old(error, words, root, package, version)
    releases = companions(package, version) or tuple(filter(project_files.is_newer_here, releases))
    if not releases:
        return ""
    how = lacking.add(root, releases)
    who = f"{package} {version}" if version else "The project"
    return f"{who} was written for an older release: {', '.join(releases)}. {how}".rstrip()


def _too_old(error: BaseException, words: str, root: str, package: str, version: str) -> str:
    """A release that a newer Python broke: of the package whose file raised, or whose part is not found."""
    if "six.moves" in words:
        package = project_files.distribution_of((getattr(error, "name", None) or "").partition(".")[0]) or package
        words = f"{package} is too old for Python 3.12 and newer: take a newer release. {lacking.add(root, [package])}"
        return words if project_files.is_of_old_pythons(package) else f"{words} Or: {lacking.older_python('3.12')}"
    return f"{package} {version} is too old for this Python: take a newer release. {lacking.add(root, [package])}"


def _import(error: BaseException, words: str, root: str) -> str:
    if not isinstance(error, (ImportError, AttributeError)):
        return ""
    release = _left_package(error, words, root)
    if release:
        return release
    name = (getattr(error, "name", None) or "").partition(".")[0]
    path = getattr(error, "path", None) or ""
    if words.startswith("cannot import name") and f"{os.sep}site-packages{os.sep}" in path:
        return f"The installed {distribution(name)} has no such name: pin the release that the project was written for."
    return ""


def _system(error: BaseException, words: str, root: str) -> str:
    """A library or a program of the system that is not here."""
    if isinstance(error, FileNotFoundError):
        package = system_libraries.package_of_program(str(error.filename)) if project_files.ran_a_program(error) else ""
        return f"The program {error.filename} is not here. {lacking.install_debian([package])}" if package else ""
    if "'binary' implementation" in words and "pq wrapper" in words:
        return f"psycopg finds no library of PostgreSQL. {lacking.add(root, ['psycopg[binary]'])}"
    library = system_libraries.missing_library(words)
    if library and project_files.raised_in(error, "cv2"):
        return lacking.instead(root, "opencv-python", "opencv-python-headless")
    if system_libraries.is_of_another_time(library):
        return f"{library} is of an older Debian: take a newer release of the package that was linked with it."
    packages = system_libraries.packages_for(words)
    if packages:
        return f"A library of the system is missing. {lacking.install_debian(packages)}"
    return (
        f"The system library {library} is missing: add the Debian package that brings it to the image."
        if library
        else ""
    )


def _variable(error: BaseException, words: str, root: str) -> str:
    key = _missing_variable(error, words)
    if not key:
        return ""
    if key == "SECRET_KEY":
        key = project_files.variable_behind(key)
    own, example = project_files.variable_files(root, key)
    if example and not own:
        return f"{example} has {key}: copy it (cp {example} .env) and set it there. It is read when it is saved."
    also = f" ({example} has an example)" if example else ""
    return f"Set {key} in the project's .env{also}: {key}=... It is read when it is saved."


def _missing_variable(error: BaseException, words: str) -> str:
    if isinstance(error, KeyError) and error.args and _raised_in_os(error):
        return cut(str(error.args[0]), _NAME_MAX)
    name = f"{type(error).__module__}.{type(error).__name__}"
    if name.startswith("pydantic") and "Settings" in words.partition("\n")[0]:
        return ", ".join(field.upper() for field in _FIELD.findall(words))
    if isinstance(error, (AttributeError, TypeError)) and "NoneType" in words:
        return project_files.variable_read_at(error)
    found = _VARIABLE.search(words) if _may_mean_a_variable(error, name) else None
    if found is None and isinstance(error, RuntimeError) and "no secret key was set" in words:
        return "SECRET_KEY"
    return next(filter(None, found.groups()), "") if found else ""


def _may_mean_a_variable(error: BaseException, name: str) -> bool:
    return isinstance(error, (RuntimeError, ValueError, KeyError, SystemExit)) or name.startswith(
        ("decouple.", "environ", "django.core.exceptions.ImproperlyConfigured", "marshmallow")
    )


def _raised_in_os(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    # os is frozen into the interpreter since 3.11, and keeps its file's name where it is not.
    return code is not None and code.co_filename in {os.__file__, "<frozen os>"}


def _table(_error: BaseException, words: str, root: str) -> str:
    found = _TABLE.search(words)
    if found is None:
        return ""
    command = project_files.table_command(root)
    table = next(filter(None, found.groups()), "")
    if not command:
        return f"The database has no table {table}: make it with the project's own command, by `appliance run COMMAND`."
    return (
        f"The database has no table {table}. Make it: docker compose exec app appliance run {command} "
        f"(or set APPLIANCE_BEFORE_START={command!r})."
    )


def _database_file(_error: BaseException, words: str, _root: str) -> str:
    if "unable to open database file" in words:
        return "SQLite can't open its file: the folder that the project names must exist, and be its owner's to write."
    if "attempt to write a readonly database" in words:
        return "SQLite's file can't be written by the project's owner: mend its owner or mode on the host."
    return ""


def _refused(error: BaseException, words: str, _root: str) -> str:
    known = type(error).__module__.startswith(_DATABASES) or isinstance(error, ConnectionError)
    if not known or not (_REFUSED.search(words) or isinstance(error, ConnectionRefusedError)):
        return ""
    place = _PLACE.search(words)
    host, port = ([*filter(None, place.groups()), "", ""] if place else ["", ""])[:2]
    where = f" at {host}:{port}" if port else f" at {host}" if host else ""
    if host in {"", "localhost", "127.0.0.1", "::1"}:
        return (
            f"Nothing answers{where}. In a container localhost is the container itself: start the database as a "
            "service of the compose file and use its name as the host, or host.docker.internal for this machine's."
        )
    return f"Nothing answers{where}: start that service (docker compose up), on the same network."


def _host(error: BaseException, words: str, _root: str) -> str:
    if type(error).__name__ != "DisallowedHost":
        return ""
    found = _ALLOWED.search(words)
    settings = os.environ.get("DJANGO_SETTINGS_MODULE", "the settings")  # noqa: TID251  the project's own environment
    return f"Add {found[1]!r} to ALLOWED_HOSTS in {settings}." if found else ""


def _address(error: BaseException, words: str, _root: str) -> str:
    if isinstance(error, OSError) and "Address already in use" in words:
        return "The project starts a server of its own when it is imported: put that under if __name__ == '__main__'."
    return ""


_LOOKS: tuple[Callable[[BaseException, str, str], str], ...] = (
    _example,
    _removed,
    _module,
    _system,
    _import,
    _variable,
    _table,
    _database_file,
    _refused,
    _host,
    _address,
)
