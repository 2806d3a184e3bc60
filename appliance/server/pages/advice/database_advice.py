"""Advise on exceptions of databases and services: a missing table, a missing file or folder, no answer.

This module must not import the libraries whose exceptions it recognises: it looks at the name of the exception's class
and at its message. Runs in the worker, after an exception.
"""

from __future__ import annotations

import os
import re
import shlex
from itertools import islice
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ....conventions import CONTAINER_MARKS
from . import missing_dependencies, project_files
from .advice import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....protocol.remedy_kinds import Need

_AGAIN: Need = {"kind": "run-again", "step": "import"}  # once the service answers
_FRAMES_MAX = 60
_VALUES_MAX = 2_000
_PATH_MAX = 500
_DATABASE_FILES = (".db", ".sqlite", ".sqlite3", ".db3", ".sdb")
_TABLE = re.compile(
    r"no such table: (?P<a>[\w.]{1,200})|relation \"(?P<b>[\w.]{1,200})\" does not exist"
    r"|[Tt]able '(?P<c>[\w.]{1,200})' doesn't exist"
)
_COLUMN = re.compile(
    r"no such column: (?P<a>[\w.]{1,200})"
    r"|column \"?(?P<b>[\w.]{1,200})\"? (?:of relation \"?\w{1,200}\"? )?does not exist"
    r"|Unknown column '(?P<c>[\w.]{1,200})'|has no column named (?P<d>[\w.]{1,200})"
)
# For each kind of migrations: the end of the command that applies them, and of the one that makes one.
_MAKERS = MappingProxyType(
    {
        "django-migrate": ("migrate", "makemigrations"),
        "flask-migrate": ("upgrade", "migrate"),
        "alembic-upgrade": ("upgrade head", "revision --autogenerate"),
    }
)
_CONNECTION_REFUSED = re.compile(
    r"[Cc]onnection refused|Can't connect to|could not connect to server|Error 111 |could not translate host name"
    r"|connection to server on socket|Name or service not known"
    r"|Temporary failure in name resolution|ServerSelectionTimeout"
)
_HOST_AND_PORT = re.compile(
    r"host(?:name)? \"?(?P<a>[\w.\-]{1,255})\"?(?: \([^()]{0,100}\))?,? port (?P<b>\d{1,5})"
    r"|server at \"(?P<c>[\w.\-]{1,255})\".{0,100}?port (?P<d>\d{1,5})"
    r"|connecting to (?P<e>[\w.\-]{1,255}):(?P<f>\d{1,5})"
    r"|(?:MySQL server on|host name) ['\"](?P<g>[\w.\-]{1,255})(?::(?P<h>\d{1,5}))?"
    r"|^(?P<i>[\w.\-]{1,255}):(?P<j>\d{1,5}): "
)
_DATABASE_MODULES = (
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


def table_advice(error: BaseException, message: str, root: str) -> Advice | str:
    """Advise on a table or column that the database does not have."""
    found = _TABLE.search(message)
    what = "table" if found else "column"
    found = found or _COLUMN.search(message)
    command = project_files.table_command(root) if found else ""
    migrates = any(word in command for word in ("migrate", "upgrade"))
    if found is None or (what == "column" and not (migrates and _is_of_database(error))):
        return ""  # a column's name may be a mistake of the query; only a migration can add it
    name = next(filter(None, found.groups()), "")
    if not command:
        return f"The database has no {what} {name}: create it with the project's command: `appliance run COMMAND`."
    text = (
        f"The database has no {what} {name}. Create it: {missing_dependencies.run_in_environment(command)} "
        f"(or set APPLIANCE_BEFORE_START={command!r})."
    )
    need = _need_of(command)
    if what == "column" and (maker := _MAKERS.get(need["kind"])):  # it is a model that has changed, not a new clone
        make = missing_dependencies.run_in_environment(command.removesuffix(maker[0]) + maker[1])
        text = f"{text} If no migration adds it yet, make one first: {make}"
    return Advice(text, (need,))


def _is_of_database(error: BaseException) -> bool:
    return type(error).__module__.startswith((*_DATABASE_MODULES, "sqlite3"))


def _need_of(command: str) -> Need:
    """Return the remedy that runs a command of ``project_files.table_command``."""
    words = command.split(" ")
    if words[0] == "python":
        return {"kind": "django-migrate", "manage": words[1]}
    if words[0] == "alembic":
        return {"kind": "alembic-upgrade"}
    return {"kind": "flask-migrate"} if words[1] == "db" else {"kind": "flask-command", "command": words[1]}


def database_file_advice(error: BaseException, message: str, root: str) -> Advice | str:
    """Advise on SQLite's file: its folder is missing, or can't be written."""
    if "unable to open database file" in message:
        folder = _missing_folder(error, root)
        if folder:
            text = f"SQLite can't open its file: its folder does not exist. Make it: mkdir -p {shlex.quote(folder)}"
            return Advice(text, ({"kind": "make-folder", "folder": folder},))
        return "SQLite can't open its file: the folder must exist, and the project's owner must be able to write to it."
    if "attempt to write a readonly database" in message:
        return "The project's owner can't write to SQLite's file: change its owner or its mode on the host."
    return ""


def _missing_folder(error: BaseException, root: str) -> str:
    """Return the folder of a database's file that does not exist, relative to the project; "" if none is known.

    The message does not name the file, so the values in the frames are searched for the path of one.
    """
    for path in islice(_paths(error), _VALUES_MAX):
        whole = os.path.abspath(os.path.join(root, path))
        folder = os.path.dirname(whole)
        if folder.startswith(f"{root}/") and not os.path.exists(folder):
            return os.path.relpath(folder, root)
    return ""


def _paths(error: BaseException) -> Iterator[str]:
    """Yield possible paths of a database's file, the innermost frames first."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for frame in frames[: -_FRAMES_MAX - 1 : -1]:
        code = frame.f_code
        used = [frame.f_globals.get(name) for name in code.co_names[:_VALUES_MAX]]
        for value in (*frame.f_locals.values(), *used, *code.co_consts):
            yield from _texts(value)


def _texts(value: Any, depth: int = 2) -> Iterator[str]:
    kind = type(value)
    if kind is str:
        path = value.partition("?")[0].removeprefix("file:")
        path = path.rpartition("sqlite:///")[2] if "sqlite:///" in path else path
        if "/" in path and len(path) < _PATH_MAX and path.endswith(_DATABASE_FILES) and "://" not in path:
            yield path
    elif isinstance(value, PurePath):
        yield from _texts(os.fspath(value))
    elif kind in (tuple, list) and depth:
        for each in value[:20]:
            yield from _texts(each, depth - 1)
    elif kind is dict and depth:
        for each in islice(list(value.values()), 40):
            yield from _texts(each, depth - 1)


def connection_advice(error: BaseException, message: str, _root: str) -> Advice | str:
    """Advise on a service that does not answer."""
    known = type(error).__module__.startswith(_DATABASE_MODULES) or isinstance(error, ConnectionError)
    if not known or not (_CONNECTION_REFUSED.search(message) or isinstance(error, ConnectionRefusedError)):
        return ""
    place = _HOST_AND_PORT.search(message)
    host, port = ([*filter(None, place.groups()), "", ""] if place else _address(error))[:2]
    where = f" at {host}:{port}" if port else f" at {host}" if host else ""
    if host in {"", "localhost", "127.0.0.1", "::1"}:
        text = f"Nothing answers{where}: start what listens there, or correct the address."
        if any(os.path.exists(mark) for mark in CONTAINER_MARKS):
            text = (
                f"Nothing answers{where}. In a container localhost is the container itself: start the database as a "
                "service of the compose file and use its name as the host, or host.docker.internal for one on this "
                "machine."
            )
        return Advice(text, (*([{"kind": "use-service", "port": port}] if port else ()), _AGAIN))
    text = f"Nothing answers{where}: start that service (docker compose up), on the same network."
    return Advice(text, ({"kind": "start-service", "host": host}, _AGAIN))


def _address(error: BaseException) -> list[str]:
    """Return the host and port that the raising frames connect to; empty texts if unknown."""
    trace = error.__traceback__
    found = ["", ""]
    while trace is not None:
        values = trace.tb_frame.f_locals
        address = values.get("address")
        pair = address if type(address) is tuple and len(address) >= 2 else (values.get("host"), values.get("port"))
        if type(pair[0]) is str and type(pair[1]) is int:
            found = [pair[0], str(pair[1])]
        trace = trace.tb_next
    return found
