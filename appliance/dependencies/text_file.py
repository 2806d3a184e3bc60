"""The project's files of dependencies as bytes, text and tables, and the words for one that can't be read.

Must not know what any of them means. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from appliance.errors import InstallError

if TYPE_CHECKING:
    from pathlib import Path


def read_bytes(file: Path) -> bytes:
    """All of it.

    Raises:
        InstallError: it can't be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise closed(file, error) from None


def read_text(file: Path) -> str:
    """All of it, as pip reads it: UTF-16 with its mark is what Windows PowerShell's ``>`` writes.

    Raises:
        InstallError: it can't be read.
    """
    data = read_bytes(file)
    coding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(coding, "replace")


def read_toml(file: Path) -> dict[str, Any]:
    """Its tables.

    Raises:
        InstallError: it can't be read, or is no TOML; the line is named.
    """
    try:
        return tomllib.loads(read_bytes(file).decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        raise unreadable(file, "TOML", str(error), int(line[1]) if line else 0) from None


def closed(file: Path, error: OSError) -> InstallError:
    """The error for a file that is there and can't be opened."""
    return InstallError(
        f"{file.name} can't be read: {error.strerror}",
        expected="a file that the appliance's user may read",
        action=f"Correct the rights of {file.name}.",
        file=str(file),
    )


def unreadable(file: Path, language: str, reason: str, line: int) -> InstallError:
    """The error for a file that is not what its name says."""
    return InstallError(
        f"{file.name} is no {language}: {reason}",
        expected="a file that every Python tool can read",
        action=f"Correct {f'line {line} of ' if line else ''}{file.name}.",
        file=str(file),
        **({"line": line} if line else {}),
    )


def table(data: object, *keys: str) -> dict[str, Any]:
    """The table below these keys; empty where there is none, or something else."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list, or the one text; nothing of anything else."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()
