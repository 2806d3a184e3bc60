"""Read which other processes a project declares: ``Procfile.dev``, and a table of pyproject.toml.

Reads only, in the thread of the analysis. If an entry can't be read, it is left out, and a problem says what to do: the
project is served without that process.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from appliance.dependencies.text_file import read_text, read_toml, table
from appliance.errors import InstallError
from appliance.protocol.record import Record, made_default

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

PROCFILE = "Procfile.dev"
PYPROJECT = "pyproject.toml"
TABLE = "[tool.appliance.processes]"
ALL = ("on",)  # the value of COMPANIONS that runs every process
MOST = 50  # processes of one project
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE = re.compile(r"([A-Za-z0-9_-]{1,64}):[ \t]*(\S.*)")  # as honcho and foreman read it
_KEYS = ("command", "cwd", "env", "reload")
_ENTRY = 'Write a line such as worker = "celery -A shop worker"; the entry is left out until then.'
# Commands that serve this project's application during development: the appliance does that itself.
_SERVES = re.compile(r"\brunserver(?:_plus)?\b|\bflask\s(?:[^|;&]{0,200}\s)?run(?:\s|\Z)")


class Process(Record):
    """One process, as it is declared.

    Attributes:
        name: its name in the file.
        command: a command line for a shell.
        cwd: its folder, relative to the project; empty for the project's own.
        env: variables in addition to the project's.
        reload: it is started again whenever the application is reloaded.
    """

    name: str
    command: str
    cwd: str = ""
    env: Mapping[str, str] = made_default(default_factory=dict)
    reload: bool = False


class Problem(Record):
    """An entry that could not be read, and what to do about it; ``line`` is 0 if it is not known."""

    file: str
    reason: str
    action: str
    line: int = 0


class Declared(Record):
    """The declarations of the project's files.

    Attributes:
        processes: those to run, in the order of the files.
        served: the entries of Procfile.dev that are left out because they serve the application: name and command.
        problems: what could not be read.
    """

    processes: tuple[Process, ...] = ()
    served: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()


def read_processes(root: Path, names: Collection[str] = ALL, reloaded: Collection[str] = ()) -> Declared:
    """Return the processes that the files in ``root`` declare.

    Args:
        root: the project's folder.
        names: COMPANIONS: ``ALL``, the names of those to run, or nothing.
        reloaded: COMPANIONS_RELOAD: the names of those that restart with the application.
    """
    if not names:
        return Declared()
    problems: list[Problem] = []
    known: dict[str, Process] = {}
    served: list[tuple[str, str]] = []
    for process in _of_procfile(root / PROCFILE, problems):
        if process.name == "web" or _SERVES.search(process.command):
            served.append((process.name, process.command))
        else:
            known[process.name] = process
    for process in _of_table(root / PYPROJECT, problems):
        known[process.name] = process
    unknown = {*(names if tuple(names) != ALL else ()), *reloaded} - known.keys()
    if unknown and known:
        problems.append(_unknown(unknown, known))
    wanted = [process for process in known.values() if tuple(names) == ALL or process.name in names]
    if len(wanted) > MOST:
        reason = f"there are {len(wanted)} processes; the first {MOST} are run"
        problems.append(Problem(PROCFILE, reason, "Name those to run in APPLIANCE_COMPANIONS."))
    chosen = tuple(_with_reload(process, reloaded) for process in wanted[:MOST])
    return Declared(chosen, tuple(served), tuple(problems))


def _with_reload(process: Process, reloaded: Collection[str]) -> Process:
    asked = process.reload or process.name in reloaded
    return Process(process.name, process.command, process.cwd, process.env, asked)


def _unknown(names: Collection[str], known: Collection[str]) -> Problem:
    return Problem(
        "APPLIANCE_COMPANIONS",
        f"no process is named {', '.join(sorted(names))}",
        f"The project's processes are {', '.join(known)}. Correct APPLIANCE_COMPANIONS or APPLIANCE_COMPANIONS_RELOAD.",
    )


def _of_procfile(file: Path, problems: list[Problem]) -> Iterator[Process]:
    if not file.is_file():
        return
    try:
        text = read_text(file)
    except InstallError as error:
        problems.append(Problem(PROCFILE, error.found, error.action))
        return
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.fullmatch(line.rstrip())
        if found is None or "\0" in line:
            if line.strip() and not line.lstrip().startswith("#"):
                problems.append(Problem(PROCFILE, "the line is not `name: command`", "Correct or remove it.", number))
            continue
        if found[1] in seen:
            action = f"Give {found[1]} another name here, or remove its earlier line."
            problems.append(Problem(PROCFILE, f"{found[1]} is declared twice; this line counts", action, number))
        seen.add(found[1])
        yield Process(found[1], found[2])


def _of_table(file: Path, problems: list[Problem]) -> Iterator[Process]:
    if not file.is_file():
        return
    try:
        tool = table(read_toml(file), "tool", "appliance")
    except InstallError as error:
        problems.append(Problem(PYPROJECT, error.found, error.action))
        return
    declared = tool.get("processes", {})
    if not isinstance(declared, dict):
        problems.append(
            Problem(PYPROJECT, f"{TABLE} is no table", 'Write lines such as worker = "celery -A shop worker".')
        )
        return
    for name, entry in declared.items():
        row: Any = {"command": entry} if isinstance(entry, str) else entry
        flaw = _flaw(name, row)
        if flaw:
            problems.append(Problem(PYPROJECT, f"{TABLE}: {name!r}: {flaw}", _ENTRY))
            continue
        if unread := [key for key in row if key not in _KEYS]:
            problems.append(_unread_keys(name, unread))
        env = {key: str(value) for key, value in row.get("env", {}).items()}
        yield Process(name, row["command"].strip(), row.get("cwd", ""), env, row.get("reload", False))


def _unread_keys(name: str, keys: list[str]) -> Problem:
    near = difflib.get_close_matches(keys[0], _KEYS, n=1)
    action = f"Write {near[0]} instead of {keys[0]}." if near else f"The keys are {', '.join(_KEYS)}."
    return Problem(PYPROJECT, f"{TABLE}: {name}: {', '.join(keys)} is no key of a process", action)


def _flaw(name: str, row: Any) -> str:
    """Return the fault of an entry of the table; empty if there is none."""
    if not _NAME.fullmatch(name):
        return "a name has at most 64 letters, digits, and the characters _ . -"
    if not isinstance(row, dict):
        return "an entry is a command, or a table with a command"
    command = row.get("command")
    if not isinstance(command, str) or not command.strip() or "\0" in command:
        return "command must be a text that is not empty"
    if not isinstance(row.get("cwd", ""), str) or "\0" in row.get("cwd", ""):
        return "cwd must be the path of a folder, relative to the project"
    if not isinstance(row.get("reload", False), bool):
        return "reload must be true or false"
    return "" if _is_environment(row.get("env", {})) else 'env must be a table such as {NODE_ENV = "development"}'


def _is_environment(env: object) -> bool:
    return isinstance(env, dict) and all(
        _VARIABLE.fullmatch(key) and isinstance(value, str | int) and "\0" not in str(value)
        for key, value in env.items()
    )
