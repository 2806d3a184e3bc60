"""Write a new file where a person chose: inside the project, never over an existing file, owned by the folder's owner.

Each folder on the way is opened from the one above it, without following a link: a name can be replaced between a check
and the use, a descriptor can't.
"""

from __future__ import annotations

import contextlib
import os

from appliance.ownership import FOLDER
from appliance.refused import RefusedError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o644
_LENGTH_MAX = 400


class NotWrittenError(RefusedError):
    """The file was not written."""


def parts_of(place: str) -> list[str]:
    """Return the names of a path below the project.

    Raises:
        NotWrittenError: it leads elsewhere, or is not the name of a Python file.
    """
    parts = place.strip().split("/")
    if place.strip().startswith("/") or any(each in {"", ".", ".."} for each in parts) or len(place) > _LENGTH_MAX:
        raise NotWrittenError(
            f"The place is {place[:80]!r}.", action="Use a path below the project, such as tests/test_a.py."
        )
    if not all(each.isprintable() and "\\" not in each for each in parts) or not parts[-1].endswith(".py"):
        raise NotWrittenError(
            f"The name is {parts[-1][:80]!r}.", action="Use the name of a Python file, such as test_a.py."
        )
    if any(each.startswith(".") for each in parts):
        raise NotWrittenError("The place is hidden: a name begins with a dot.", action="Use one without a leading dot.")
    return parts


def write_new(root: str, place: str, text: str) -> None:
    """Write a new file at this path below the folder ``root``.

    Raises:
        NotWrittenError: it can't be written there; nothing was changed.
    """
    *folders, name = parts_of(place)
    with contextlib.ExitStack() as opened:
        try:
            folder = os.open(root, FOLDER & ~os.O_NOFOLLOW)
            opened.callback(os.close, folder)
            for each in folders:
                folder = os.open(each, FOLDER, dir_fd=folder)
                opened.callback(os.close, folder)
            descriptor = os.open(name, _NEW, _MODE, dir_fd=folder)
        except FileExistsError:
            raise NotWrittenError(f"{place} exists already.", action="Choose another name.") from None
        except FileNotFoundError:
            raise NotWrittenError(
                f"The folder of {place} is missing.", action="Make it, or choose another one."
            ) from None
        except NotADirectoryError:
            raise NotWrittenError(f"{place} leads through a link or a file.", action="Choose another folder.") from None
        except OSError as error:
            raise NotWrittenError(
                f"{place} can't be written: {error.strerror or error}.", action="Choose another folder."
            ) from error
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                if os.geteuid() == 0:  # the project's owner must be able to change it
                    owner = os.fstat(folder)
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.write(text)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise NotWrittenError(
                f"{place} can't be written: {error.strerror or error}.", action="Choose another folder."
            ) from error
