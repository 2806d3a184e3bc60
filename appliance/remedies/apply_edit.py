"""``python -I -m appliance.remedies.apply_edit``: change one file of the project, as it was shown, and say so.

A child of the supervisor, which never writes into the project itself. Reads what to do from a variable (see
``Edit.job``). Refuses a file that has changed since it was shown, or that is read-only. Writes another file beside it,
with the same mode, and renames the other file over it: so the file is whole at any moment. If a rename would change the
file's owner, or break a hard link, the file is written in place; if that fails, the file gets its old content back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import io

VARIABLE = "APPLIANCE_EDIT"
_NEW_MODE, _PRIVATE_MODE = 0o644, 0o600
_ANY_WRITES = 0o222  # root may write what nobody may


class EditRefusedError(Exception):
    """The change can't be made as it was shown."""


def apply(job: dict[str, Any]) -> None:
    """Make the change.

    Raises:
        EditRefusedError: the file has changed, or is not a plain file of the project.
        OSError: it can't be written.
    """
    root, name = Path(job["root"]).resolve(), job["file"]
    target = (root / name).resolve()  # through a link, to what is written
    if root not in target.parents:
        raise EditRefusedError(f"{name} leads out of the project")
    try:
        base = (root / job["base"]).read_bytes() if job["base"] else b""
    except FileNotFoundError:
        raise EditRefusedError(f"{job['base']} is gone since this was shown: load the page again") from None
    if hashlib.sha256(base).hexdigest() != job["digest"]:
        raise EditRefusedError(f"{job['base']} has changed since this was shown: load the page again")
    exists = target.exists()
    if exists != (job["base"] == name):
        raise EditRefusedError(f"{name} {'exists already' if exists else 'is gone'}: load the page again")
    content = base[: job["start"]] + base64.b64decode(job["middle"]) + base[job["end"] :]
    _write(target, content, private=job["private"], before=base if exists else None)


def _write(target: Path, content: bytes, *, private: bool, before: bytes | None) -> None:
    status = target.stat() if before is not None else None
    if status is not None and not (status.st_mode & _ANY_WRITES and os.access(target, os.W_OK)):
        raise EditRefusedError(f"{target.name} is read-only: make it writable (chmod u+w), or change it yourself")
    mode = stat.S_IMODE(status.st_mode) if status else _PRIVATE_MODE if private else _NEW_MODE
    # Another name each time: in a container, process ids are the same again after a kill that has left such a file.
    aside = target.with_name(f".{target.name}.{os.urandom(4).hex()}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if status is None or before is None:
            _make(aside, target, content, mode)
        elif status.st_uid != os.geteuid() or status.st_nlink > 1:
            _overwrite(target, content, before)
        else:
            _replace(aside, target, content, before)
    finally:
        aside.unlink(missing_ok=True)


def _make(aside: Path, target: Path, content: bytes, mode: int) -> None:
    """Make a file that did not exist: both ways fail if it exists by now, and a rename would lose what it holds."""
    try:
        os.link(aside, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            try:
                file.write(content)
                file.flush()
            except OSError:
                target.unlink()
                raise


def _replace(aside: Path, target: Path, content: bytes, before: bytes) -> None:
    try:
        aside.replace(target)
    except OSError:  # a file that is a mount of its own can't be replaced
        _overwrite(target, content, before)


def _overwrite(target: Path, content: bytes, before: bytes) -> None:
    """Write in place, over what is there: on a full disk, the old content still has its room."""
    descriptor = os.open(target, os.O_WRONLY)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        try:
            _all(file, content)
        except OSError:
            file.seek(0)
            _all(file, before)
            raise


def _all(file: io.FileIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    file.truncate()
    os.fsync(file.fileno())


def main() -> int:
    """Make the change that the variable describes; return the exit code."""
    job = json.loads(os.environ[VARIABLE])  # noqa: TID251  it holds a secret, which no command line may
    try:
        apply(job)
    except EditRefusedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{job['file']} can't be written: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{job['file']} is changed\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
