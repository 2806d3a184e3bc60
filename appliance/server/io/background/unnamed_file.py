"""Make a file without a name, for the bytes that the memory has no room for: only this process can read it.

Runs in each process that has the server: worker, stand-in, library.
"""

from __future__ import annotations

import errno
import os
import sys

_NO_SUCH_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}  # of file systems that have no such files


def open_unnamed() -> int:
    """Return the descriptor of a new file without a name.

    Not by ``tempfile``: that imports ``random`` and ``shutil``, and a project may have files of these names.
    """
    chosen = getattr(sys.modules.get("tempfile"), "tempdir", None)
    named = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]  # noqa: TID251  the project's own environment
    failure: OSError | None = None
    for folder in filter(None, (chosen, *named, "/tmp", "/var/tmp")):  # noqa: S108  it has no name there
        try:
            return open_unnamed_in(folder)
        except OSError as error:
            failure = failure or error
    raise failure or OSError(errno.ENOENT, "there is no folder for temporary files")


def open_unnamed_in(folder: str) -> int:
    """Return the descriptor of a new file in this folder, whose name, if it needs one, is removed at once."""
    flags = os.O_RDWR | os.O_CLOEXEC
    if hasattr(os, "O_TMPFILE"):
        try:
            return os.open(folder, flags | os.O_TMPFILE, 0o600)
        except OSError as error:
            if error.errno not in _NO_SUCH_FILES:
                raise
    name = f"{folder}/appliance-{os.getpid()}-{os.urandom(8).hex()}"
    descriptor = os.open(name, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.unlink(name)
    return descriptor
