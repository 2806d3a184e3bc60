"""Check, clear and protect the folder of an environment.

A marker file shows that an environment is complete. An environment is code, in tens of thousands of files, and a start
has no time to check each of them. So no other user may ever be able to write below its folder: the folders above it are
checked, and it is created with a umask that takes the right to write from others.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.conventions import COMPLETE_MARK
from appliance.ownership import CLOSED, LEVELS, OPEN, WRITABLE, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_folders(own: Path) -> None:
    """Create the folders that the installer writes into; an editor may read the environments and interpreters.

    Raises:
        OSError: a folder can't be created, or another user could write into it.
    """
    for name, mode in (("environments", OPEN), ("python", OPEN), ("uv", CLOSED)):
        open_folder(str(own / name), LEVELS, make=mode).close()


def is_complete(environment: Path) -> bool:
    """Whether an environment has its marker and its Python, and no other user can have written where it reads first."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
        folder = opened.enter_context(open_folder(str(environment), LEVELS + 1))
        folder.read(COMPLETE_MARK)
        programs = opened.enter_context(folder.enter("bin"))
        os.stat("python", dir_fd=programs.descriptor)  # a link: another image on this volume may lack that Python
        library = opened.enter_context(folder.enter("lib"))
        for name in (each for each in library.names() if each.startswith("py")):  # python3.13, pypy3.11
            opened.enter_context(opened.enter_context(library.enter(name)).enter("site-packages"))
        return True
    return False


def clear(environment: Path) -> None:
    """Remove an incomplete environment; rename what can't be removed.

    Raises:
        OSError: it can't be renamed either.
    """
    shutil.rmtree(environment, ignore_errors=True)
    with open_folder(str(environment.parent), LEVELS) as folder, contextlib.suppress(FileNotFoundError):
        folder.set_aside(environment.name)


def seal(folder: Path) -> None:
    """Take the right to write from other users in a whole tree, because archives and build tools set their own modes.

    No other user can write before this: the installer runs with a umask that prevents it.
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
            os.chmod(path, stat.S_IMODE(mode) & ~WRITABLE)  # noqa: PTH101  a DirEntry is not a Path


@contextmanager
def closed_to_others() -> Iterator[None]:
    """Set a umask that lets nobody else write to new files of this process and of uv, whatever umask was inherited."""
    before = os.umask(0o077)
    os.umask(before | WRITABLE)
    try:
        yield
    finally:
        os.umask(before)


def write_note(environments: Path, name: str, content: bytes) -> None:
    """Write a file of this name beside the environments.

    Raises:
        OSError: the file can't be written.
    """
    with open_folder(str(environments), LEVELS) as folder:
        folder.write(name, content)


def read_note(environments: Path, name: str) -> bytes:
    """Read the file of this name beside the environments; empty if absent, or if another user could have written it."""
    try:
        with open_folder(str(environments), LEVELS) as folder:
            return folder.read(name)
    except OSError:
        return b""
