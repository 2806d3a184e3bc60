"""Parse the text of a setting: one type for each kind of value.

Each type has its description, such as "a whole number from 0 to 65535". This module knows no setting by name. Runs in
the supervisor and in commands.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\Z")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_PORTS = re.compile(r":(\d+)-\d+(?=/|$)")
_VERSION = re.compile(r"(?:python)?(\d+(?:\.\d+){0,2})\Z")
# A Unix socket's path: sun_path has 108 bytes on Linux, 104 on macOS, one of them the terminating zero.
_MAX_SOCKET_PATH = 103


class ValueType(Record):
    """One kind of value.

    Attributes:
        read: takes the text, and the folder for relative paths; returns the value, or raises ValueError.
        allowed: a description of the allowed texts.
        metavar: the value's name in ``--help``.
        empty: the value without a text, if there is no default either.
    """

    read: Callable[[str, Path], object]
    allowed: str
    metavar: str
    empty: object = ""


def choice(*texts: str) -> ValueType:
    """One of a few texts."""

    def read(text: str, _folder: Path) -> str:
        if text.lower() not in texts:
            raise ValueError(text)
        return text.lower()

    return ValueType(read, " or ".join((", ".join(texts[:-1]), texts[-1])), "{" + ",".join(texts) + "}")


def whole(least: int, most: int) -> ValueType:
    """A whole number."""

    def read(text: str, _folder: Path) -> int:
        # int() also accepts "1_000", " 7" and the digits of other scripts.
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    top = f"from {least} to {most}" if most < 2**62 else f"from {least}"
    return ValueType(read, f"a whole number {top}", "N")


def seconds(least: float) -> ValueType:
    """A duration."""

    def read(text: str, _folder: Path) -> float:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not least <= float(text) <= 86_400:
            raise ValueError(text)
        return float(text)

    return ValueType(read, f"seconds, from {least:g} to 86400, such as 10 or 0.5", "SECONDS")


def _switch(text: str, _folder: Path) -> str:
    meanings = {"on": "on", "true": "on", "yes": "on", "1": "on", "off": "off", "false": "off", "no": "off", "0": "off"}
    try:
        return meanings[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _text(text: str, _folder: Path) -> str:
    return text


def _path(text: str, folder: Path) -> Path:
    # Not resolve(): a user who works below a symbolic link knows that path, in tracebacks too.
    return Path(os.path.abspath(folder / Path(text).expanduser()))  # noqa: PTH100 - absolute() leaves .. in


def _socket(text: str, folder: Path) -> str:
    path = str(_path(text, folder))
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        raise ValueError(text)
    return path


def _list(text: str, _folder: Path) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _pairs(text: str, folder: Path) -> tuple[tuple[str, str], ...]:
    pairs = tuple((name.strip(), value.strip()) for name, _, value in (p.partition("=") for p in _list(text, folder)))
    if not all(_FIELD.fullmatch(name) and value for name, value in pairs) or len(dict(pairs)) < len(pairs):
        raise ValueError(text)
    return pairs


def _list_or_none(text: str, folder: Path) -> tuple[str, ...]:
    return () if text.lower() == "none" else _list(text, folder)


def _companions(text: str, folder: Path) -> tuple[str, ...]:
    """Return ("on",) for all, nothing for off, else the names."""
    try:
        return ("on",) if _switch(text, folder) == "on" else ()
    except ValueError:
        return _list(text, folder)


def _networks(text: str, folder: Path) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(part, strict=False)) for part in _list(text, folder))


def _host(text: str, _folder: Path) -> str:
    bare = text.removeprefix("[").removesuffix("]")
    if ":" in bare:
        return str(ipaddress.ip_address(bare))
    if not _HOST.match(text):
        raise ValueError(text)
    return text


def _url(text: str, _folder: Path) -> str:
    # Compose publishes several containers on a range of ports; each container only knows that it has one of them.
    parts = urlsplit(_PORTS.sub(r":\1", text))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(text)
    _ = parts.port  # raises ValueError if the port is not a number
    return text.rstrip("/")


def _python(text: str, folder: Path) -> str:
    version = _VERSION.match(text)
    if version:
        return version[1]
    if "/" not in text:
        raise ValueError(text)
    return str(_path(text, folder))


TEXT = ValueType(_text, "a text", "TEXT")
FOLDER = ValueType(_path, "the path of a folder", "DIR")
PATH = ValueType(_socket, f"a path of at most {_MAX_SOCKET_PATH} bytes", "PATH")
LIST = ValueType(_list, "a list, separated by commas", "LIST", ())
COMPANIONS = ValueType(_companions, "on, off, or a list of names, separated by commas", "LIST", ())
LIST_OR_NONE = ValueType(_list_or_none, "a list, separated by commas, or none", "LIST", ())
PAIRS = ValueType(_pairs, "name=value, several separated by commas; each name once", "NAME=VALUE", ())
FILES = ValueType(_list, "files, extra:NAME and group:NAME, separated by commas", "FILES", ())
FILES_OR_NONE = ValueType(_list_or_none, "a list of files, separated by commas, or none", "FILES", ())
NETWORKS = ValueType(_networks, "a list of IP addresses or networks, separated by commas", "LIST", ())
HOST = ValueType(_host, "an IP address or a host name", "ADDRESS")
PORT = whole(0, 65_535)
URL = ValueType(_url, "a URL that begins with http:// or https://", "URL")
PYTHON = ValueType(_python, "a version such as 3.12, or a path with a slash in it", "PYTHON")
SWITCH = ValueType(_switch, "on or off", "{on,off}")
