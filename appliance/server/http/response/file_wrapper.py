"""``wsgi.file_wrapper``, and the check whether the kernel can send a file (``sendfile``)."""

from __future__ import annotations

import io
import os
import stat
from typing import Any
from wsgiref import util

_BLOCK = 65_536


class FileWrapper(util.FileWrapper):
    """PEP 3333's optional wrapper; also a plain iterable of blocks."""

    def __init__(self, filelike: Any, blksize: int = _BLOCK) -> None:
        # Frameworks ask for 8 KiB, as the PEP's example does; but each block costs one send.
        super().__init__(filelike, max(blksize, _BLOCK))


def file_range(filelike: Any) -> tuple[int, int, int] | None:
    """Return descriptor, offset and remaining size of a regular file; None for any other object.

    Also None for a file without a size: it is empty, or its content is made when it is read, as in ``/proc``.
    Only plain files of the standard library: a ``GzipFile`` has a descriptor too, but of compressed bytes, and a class
    with a ``read`` of its own may give others than its file.
    """
    is_temporary = type(filelike).__module__ == "tempfile"  # a wrapper, which has the real file
    inner = getattr(filelike, "file", filelike) if is_temporary else filelike
    if type(inner) in (io.BufferedReader, io.BufferedRandom):
        raw: Any = inner.raw
    else:
        raw = inner
    if type(raw) is not io.FileIO:
        return None
    try:
        descriptor = raw.fileno()
        status = os.fstat(descriptor)
        offset = inner.tell()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or not status.st_size or not hasattr(os, "sendfile"):
        return None
    return descriptor, offset, max(0, status.st_size - offset)
