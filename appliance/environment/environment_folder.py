"""An environment's folder: whole or not, cleared, and closed to other users.

Owns the mark of a whole one, and the folders of the cache that the installer writes into. Must not know how an
environment is made. Runs in the supervisor and the commands, which ask, and in ``appliance install``, which makes.

An environment is code, of tens of thousands of files: at a start there is no time to look at each. So no other user may
ever be able to write below its folder: the folders above it are checked, and it is made with a umask that leaves others
no right to write.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.ownership import CLOSED, OPEN, WRITABLE, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK = ".whole.json"
LEVELS = 2  # the user's folder on the volume, and "environments" in it


def make_folders(own: Path) -> None:
    """Make the folders that the installer writes into; an editor may read environments and interpreters.

    Raises:
        OSError: one can't be made, or could be written by another user.
    """
    for name, mode in (("environments", OPEN), ("python", OPEN), ("uv", CLOSED)):
        open_folder(str(own / name), LEVELS, make=mode).close()


def is_whole(environment: Path) -> bool:
    """Whether it bears its mark, and no other user can have put anything where a Python looks first."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
        folder = opened.enter_context(open_folder(str(environment), LEVELS + 1))
        folder.read(MARK)
        opened.enter_context(folder.enter("bin"))
        library = opened.enter_context(folder.enter("lib"))
        for name in (each for each in library.names() if each.startswith("py")):  # python3.13, pypy3.11
            opened.enter_context(opened.enter_context(library.enter(name)).enter("site-packages"))
        return True
    return False


def clear(environment: Path) -> None:
    """Remove what is there without being whole; what can't be removed is renamed.

    Raises:
        OSError: it can't be renamed either.
    """
    shutil.rmtree(environment, ignore_errors=True)
    with open_folder(str(environment.parent), LEVELS) as folder, contextlib.suppress(FileNotFoundError):
        folder.set_aside(environment.name)


def seal(folder: Path) -> None:
    """Take from others the right to write, wherever it lies: archives and build tools set modes of their own.

    What is writable from the start is nobody else's: the installer runs with a umask for that.
    """
    _close(folder, folder.stat().st_mode)
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if not entry.is_symlink():
                    _close(entry, entry.stat(follow_symlinks=False).st_mode)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)


def _close(path: os.PathLike[str], mode: int) -> None:
    if mode & WRITABLE:
        with contextlib.suppress(OSError):
            os.chmod(path, stat.S_IMODE(mode) & ~WRITABLE)  # noqa: PTH101  an entry is no Path


@contextmanager
def closed_to_others() -> Iterator[None]:
    """What is written meanwhile, by uv too, is writable for nobody else, whatever umask this process was given."""
    before = os.umask(0o077)
    os.umask(before | WRITABLE)
    try:
        yield
    finally:
        os.umask(before)


def note(environments: Path, name: str, content: bytes) -> None:
    """Have a file of this name beside the environments hold this.

    Raises:
        OSError: it can't be written.
    """
    with open_folder(str(environments), LEVELS) as folder:
        folder.write(name, content)


def noted(environments: Path, name: str) -> bytes:
    """What the file of this name holds; nothing where there is none, or one that another user can have made."""
    try:
        with open_folder(str(environments), LEVELS) as folder:
            return folder.read(name)
    except OSError:
        return b""
