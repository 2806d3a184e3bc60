"""Find the reasons for an error in the project's folder: files of dependencies and variables, commands, sources.

Each function reads a few files, and runs only after an exception, in the worker.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from ...conventions import (
    COMPOSE_FILES,
    DISTRIBUTION_FILES,
    EXAMPLE_END,
    EXAMPLE_FILES,
    FUNCTION_COMMAND,
    NAMED_COMMAND,
    SKIPPED_FOLDERS,
    SOURCE_FOLDERS_MAX,
    SOURCES_MAX,
    VARIABLE_FILES,
)
from ...package_names import any_spelling, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPENDENCIES = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg", "setup.py", "requirements.in")
_DEPENDENCIES_THERE = re.compile(r"^\[(?:project|dependency-groups|tool\.poetry|tool\.flit)\b", re.MULTILINE)
_LINE_MAX = 1000
_VARIABLES_MAX = 8
_READ = re.compile(
    r"(?:environ\.get|getenv)\([ \t]{0,8}[\"']([A-Za-z_]\w{0,80})[\"'][ \t]{0,8}"
    r"(?:,[ \t]{0,8}(?:\"\"|''|None)[ \t]{0,8})?\)"
)
_OF_DATABASE = re.compile(r"DB|DATABASE|PG|POSTGRES|SQL", re.IGNORECASE)
_COMMAND = re.compile(NAMED_COMMAND.format(name=r"([\w-]{1,80})"))
_COMMAND_OF_FUNCTION = re.compile(FUNCTION_COMMAND.format(name=r"(\w{1,80})"))
_MAKES_TABLES = ("init", "create", "setup", "seed")
_BLANK = r"[ \t]{0,80}"
_TEXT_MAX = 1_048_576  # characters that are read of a file

_EXAMPLE = re.compile(EXAMPLE_END)


def has_module(root: str, name: str) -> bool:
    """Whether the project has a module of this name in its usual places."""
    folders = (root, f"{root}/src")
    return any(os.path.exists(f"{folder}/{name}{end}") for folder in folders for end in (".py", ""))


def place_of(root: str, name: str) -> str:
    """Return the path of a module or package in the project, relative to the root; "" if there is none."""
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            each for each in names if not each.startswith(".") and each not in SKIPPED_FOLDERS - {"tests", "test"}
        )
        if f"{name}.py" in files:
            return os.path.relpath(f"{folder}/{name}.py", root)
        if name in names and _has_python(f"{folder}/{name}"):
            return os.path.relpath(f"{folder}/{name}", root)
        count += len(names)
        if count > SOURCE_FOLDERS_MAX:
            break
    return ""


def empty_submodule(root: str, name: str) -> str:
    """Return the place of a git submodule that has this name, or whose repository has it, and is empty; else ""."""
    for section in _text(f"{root}/.gitmodules").split("[submodule")[1:]:
        place, url = (
            next(iter(re.findall(rf"^\s*{key}\s*=\s*(\S+)", section, re.MULTILINE)), "") for key in ("path", "url")
        )
        names = {os.path.basename(each.rstrip("/")).removesuffix(".git") for each in (place, url)}
        if normalized(name) in set(map(normalized, names)) and not _is_filled(f"{root}/{place}"):
            return place
    return ""


def _is_filled(folder: str) -> bool:
    return os.path.isdir(folder) and bool(os.listdir(folder))


def _has_python(folder: str) -> bool:
    for _, names, files in os.walk(folder):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        if any(file.endswith(".py") for file in files):
            return True
    return False


def is_installed(name: str) -> bool:
    """Whether a package of this name can be imported."""
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def raised_by(error: BaseException) -> tuple[str, str]:
    """Return the installed distribution whose file raised, by its normalized name, and its version."""
    file = last_file(error)
    within = file.partition(f"{os.sep}site-packages{os.sep}")[2]
    name = within.partition(os.sep)[0].removesuffix(".py")
    if not name:
        return "", ""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version  # noqa: PLC0415  costs 20 ms

    # Python 3.10 lists only those with a top_level.txt; most others have the package's name.
    for each in packages_distributions().get(name, [name]):
        try:
            return normalized(each), version(each)
        except PackageNotFoundError:
            continue
    return "", ""


def distribution_of(module: str) -> str:
    """Return the distribution of an installed module; "" if unknown."""
    from importlib.metadata import packages_distributions  # noqa: PLC0415  as above

    return next(iter(packages_distributions().get(module, ())), "")


def is_installed_newer(requirement: str) -> bool:
    """Whether the installed release is not older than ``name<release``; if it is, an older release does not help."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  as above

    name, _, below = requirement.partition("<")
    try:
        here = re.findall(r"\d+", version(name))
    except PackageNotFoundError:
        return True
    return [int(part) for part in here] >= [int(part) for part in re.findall(r"\d+", below)]


def needs_older_python(package: str) -> bool:
    """Whether the installed release needs names that Python 3.10 removed too: no available Python is old enough."""
    return package.lower() == "django" and not is_installed_newer("django<2.1")


def raised_in(error: BaseException, package: str) -> bool:
    """Whether the error was raised while this package was imported or ran."""
    trace = error.__traceback__
    while trace is not None:
        if f"{os.sep}{package}{os.sep}" in trace.tb_frame.f_code.co_filename:
            return True
        trace = trace.tb_next
    return False


def raised_in_subprocess(error: BaseException) -> bool:
    """Whether the error was raised at the start of a program."""
    return last_file(error).endswith(f"{os.sep}subprocess.py")


def last_file(error: BaseException) -> str:
    """Return the file that raised, of the project or a package; for an import the file with the import statement."""
    trace, file = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        file = file if name.startswith("<frozen") else name
        trace = trace.tb_next
    return file


def removed_module(root: str, name: str) -> str:
    """Return the file or folder of a module that was removed just now, if a finder knows one; else ""."""
    for finder in sys.meta_path:
        removed = getattr(finder, "removed", None)
        path = removed(name) if callable(removed) else ""
        if path and isinstance(path, str):
            return os.path.relpath(path, root) if path.startswith(f"{root}/") else path
    return ""


def missing_file_example(root: str, module: str) -> tuple[str, str]:
    """Return a module's file that does not exist yet, and the example beside it to copy; "" if there is none."""
    below = [entry for entry in sys.path if entry.startswith(f"{root}/")]
    *parents, last = module.split(".")
    for folder in ("/".join([entry, *parents]) for entry in (root, *below)):
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                rest = name.removeprefix(last)
                if rest != name and _EXAMPLE.fullmatch(rest):
                    within = os.path.relpath(folder, root).removeprefix(".")
                    return os.path.join(within, f"{last}.py"), os.path.join(within, name)
    return "", ""


def dependency_file(root: str) -> str:
    """Return the file to add a dependency to; "" if there is none."""
    names = set(os.listdir(root))
    if "requirements" in names:
        inner = sorted(name for name in os.listdir(f"{root}/requirements") if name.endswith((".txt", ".in")))
        preferred = [name for name in ("dev.txt", "development.txt", "local.txt", "base.txt") if name in inner]
        if inner:
            return f"requirements/{(preferred or inner)[0]}"
    if "pyproject.toml" in names and not _DEPENDENCIES_THERE.search(_text(f"{root}/pyproject.toml")):
        # It only configures tools; the files of setuptools list the dependencies.
        names -= {"pyproject.toml"} if names & {"setup.cfg", "setup.py", "Pipfile"} else set()
    return next((name for name in _DEPENDENCIES if name in names), "")


def mentions(root: str, distribution: str) -> tuple[str, str]:
    """Return the packaging file that names a distribution, and its extra or group: it is optional, so not installed.

    Returns:
        the file's name, or ""; ``extra:NAME`` or ``group:NAME``, or "" if unknown.
    """
    pattern = re.compile(rf"[\"'\s]{any_spelling(distribution)}(?![\w.-])", re.IGNORECASE)
    for name in DISTRIBUTION_FILES:
        text = _text(f"{root}/{name}")
        found = pattern.search(text)
        if found:
            return name, _optional(text[: found.end()])
    return "", ""


def _optional(text: str) -> str:
    """Return the extra or the group in which the text ends."""
    tables = re.findall(r"^\[([^\[\]\n]{1,200})\][ \t]{0,80}$", text, re.MULTILINE)
    keys = re.findall(
        r"(?:^|[{,])[ \t]{0,80}[\"']?([\w.-]{1,200})[\"']?[ \t]{0,80}[=:][ \t]{0,80}(?=[\[(\n])", text, re.MULTILINE
    )
    table = tables[-1] if tables else "options.extras_require" if "extras_require" in text else ""
    group = re.fullmatch(r"tool\.poetry\.group\.([\w-]+)\.dependencies", table)
    if group:
        return f"group:{group[1]}"
    kind = {"project.optional-dependencies": "extra", "options.extras_require": "extra", "dependency-groups": "group"}
    return f"{kind[table]}:{keys[-1]}" if keys and table in kind else ""


def missing_imports(root: str) -> list[str]:
    """Return the modules that the project's sources import and that can't be found, by their full names."""
    found: dict[str, None] = {}
    for file in _sources(root):
        for name in _imports(file):
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top in sys.modules or has_module(root, top) or place_of(root, top):
                continue
            if os.path.exists(f"{os.path.dirname(file)}/{top}.py") or importlib.util.find_spec(top) is not None:
                continue
            found[name] = None
    return list(found)


def variable_of_setting(setting: str) -> str:
    """Return the variable that Django's settings read ``setting`` from, judged by their source; else ``setting``."""
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))  # noqa: TID251  the project's environment
    text = _text(getattr(module, "__file__", None) or "")
    found = re.search(
        rf"^{_BLANK}{setting}{_BLANK}=[^\n]{{0,200}}?(?:env|config)[^\n\"']{{0,40}}[\"']([A-Z][A-Z0-9_]{{2,80}})[\"']",
        text,
        re.MULTILINE,
    )
    return found[1] if found else setting


def variable_read_at(error: BaseException) -> str:
    """Return the unset variable that the raising line reads, as in ``os.environ.get("HOSTS").split()``; else ""."""
    import linecache  # noqa: PLC0415  imported only where needed, to save its cost

    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return next(
        iter(_unset_reads(linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)[:_LINE_MAX])), ""
    )


def variables_read_by(error: BaseException, root: str) -> str:
    """Return the unset variables that the project's innermost file reads, separated by commas; "" if there are none."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(f"{root}/"):
            found = ", ".join(_unset_reads(_text(file))[:_VARIABLES_MAX]) or found
        trace = trace.tb_next
    return found


def variables_of_database() -> str:
    """Return the unset variables that Django's settings read for a database, separated by commas; "" if none."""
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))  # noqa: TID251  the project's environment
    names = _unset_reads(_text(getattr(module, "__file__", None) or ""))
    return ", ".join([name for name in names if _OF_DATABASE.search(name)][:_VARIABLES_MAX])


def _unset_reads(text: str) -> list[str]:
    """Return the variables that a text reads without a default, and that are not set."""
    read = _READ.findall(text)
    return [name for name in dict.fromkeys(read) if name not in os.environ]  # noqa: TID251  the project's environment


def variable_files(root: str, key: str) -> tuple[str, str]:
    """Return the project's file of variables, and the example that has ``key``; either may be ""."""
    first = key.partition(",")[0]
    own = next((name for name in (".env", *VARIABLE_FILES) if os.path.isfile(f"{root}/{name}")), "")
    for name in EXAMPLE_FILES:
        if re.search(
            rf"^{_BLANK}#?{_BLANK}(?:export{_BLANK})?{re.escape(first)}{_BLANK}=", _text(f"{root}/{name}"), re.MULTILINE
        ):
            return own, name
    return own, ""


def compose_file(root: str, key: str) -> str:
    """Return the compose file that sets a variable; "" if none does."""
    sets = re.compile(
        rf"^{_BLANK}(?:-{_BLANK})?[\"']?{re.escape(key.partition(',')[0])}[\"']?{_BLANK}[=:]", re.MULTILINE
    )
    return next((name for name in COMPOSE_FILES if sets.search(_text(f"{root}/{name}"))), "")


def table_command(root: str) -> str:
    """Return the command that creates the database's tables; "" if none is found."""
    manage = next((path for path in _manage_scripts(root) if "django" in _text(f"{root}/{path}").lower()), "")
    if manage:
        return f"python {manage} migrate"
    if os.path.isfile(f"{root}/migrations/alembic.ini"):
        return "flask db upgrade"
    if os.path.isfile(f"{root}/alembic.ini"):
        return "alembic upgrade head"
    for file in _sources(root):
        text = _text(file)
        names = (*_COMMAND.findall(text), *_COMMAND_OF_FUNCTION.findall(text))
        command = next((name for name in names if any(word in name for word in _MAKES_TABLES)), "")
        if command and ("click" in text or ".cli." in text):
            return f"flask {command.replace('_', '-')}"
    return ""


def _manage_scripts(root: str) -> Iterator[str]:
    yield "manage.py"
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield f"{entry.name}/manage.py"


def _sources(root: str) -> Iterator[str]:
    count = 0
    for folder, names, files in islice(os.walk(root), SOURCE_FOLDERS_MAX):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        for name in sorted(files):
            if name.endswith(".py"):
                count += 1
                yield f"{folder}/{name}"
                if count >= SOURCES_MAX:
                    return


def _imports(file: str) -> Iterator[str]:
    """Yield the modules that a source imports outside of ``try``: an import within ``try`` is optional."""
    try:
        tree = ast.parse(_text(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif not isinstance(node, ast.Try):
            waiting.extend(ast.iter_child_nodes(node))


def text_of(file: str) -> str:
    """Return the text of a project's file; "" if it can't be read."""
    return _text(file)


def _text(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            return source.read(_TEXT_MAX)
    except OSError:
        return ""
