"""Read a project's dependency files as bytes, text and TOML, with one error for each way in which that fails."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from appliance.conventions import LOCK_TOOLS, MERGE_CONFLICT
from appliance.errors import InstallError
from appliance.identity.regular_file import read_regular

if TYPE_CHECKING:
    from pathlib import Path


def read_bytes(file: Path) -> bytes:
    """Read a whole file.

    Raises:
        InstallError: the file can't be read.
    """
    try:
        return read_regular(file)
    except OSError as error:
        raise unopened_error(file, error) from None


def read_text(file: Path) -> str:
    """Read a whole file as pip decodes it: Windows PowerShell's ``>`` writes UTF-16 with a byte order mark.

    Raises:
        InstallError: the file can't be read.
    """
    return _decoded(read_bytes(file))


def text_or_nothing(file: Path) -> str:
    """Read a whole file in the same way, which may be missing or closed to this user; "" then."""
    try:
        return _decoded(read_regular(file))
    except OSError:
        return ""


def _decoded(data: bytes) -> str:
    coding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(coding, "replace")


def read_toml(file: Path) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        InstallError: the file can't be read, or is not valid TOML; the error names the line.
    """
    try:
        return tomllib.loads(read_bytes(file).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # ValueError: not UTF-8, not TOML, a number of thousands of digits
        line = re.search(r"line (\d+)", str(error))
        raise invalid_error(file, "TOML", str(error), int(line[1]) if line else 0) from None


def unopened_error(file: Path, error: OSError) -> InstallError:
    """Return the error for a file that exists but can't be opened, or is not one to read."""
    name, expected = file.name, "a text file of at most 16 MB"
    action = f"Replace {name} by a text file, or remove it."
    if isinstance(error, PermissionError):
        expected, action = "a file that the appliance's user can read", f"Correct the mode of {name}."
    return InstallError(
        f"{name} can't be read: {error.strerror}",
        expected=expected,
        action=action,
        file=str(file),
    )


def invalid_error(file: Path, language: str, reason: str, line: int) -> InstallError:
    """Return the error for a file whose content is not valid for its format."""
    if unmerged := unmerged_error(file, text_or_nothing(file)):
        return unmerged
    return InstallError(
        f"{file.name} is not valid {language}: {reason}",
        expected=f"valid {language}",
        action=f"Correct {f'line {line} of ' if line else ''}{file.name}.",
        file=str(file),
        **dict[str, Any]({"line": line} if line else {}),
    )


def unmerged_error(file: Path, text: str) -> InstallError | None:
    """Return the error for a file in the middle of a merge; None if it has no marks of one."""
    mark = re.search(MERGE_CONFLICT, text)
    if mark is None:
        return None
    line, tool = text.count("\n", 0, mark.start()) + 1, LOCK_TOOLS.get(file.name)
    by_hand = "Choose the lines to keep, and remove those of <<<<<<<, ======= and >>>>>>>."
    by_tool = f"Take one side of it, and lock again: git checkout --ours {file.name} && {tool} lock"
    return InstallError(
        f"{file.name} has a merge conflict that is not resolved (line {line})",
        expected="a file without the marks of a merge",
        action=by_tool if tool else by_hand,
        file=str(file),
        line=line,
    )


def table(data: object, *keys: str) -> dict[str, Any]:
    """Return the table at these keys; {} if there is none, or another type of value."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
