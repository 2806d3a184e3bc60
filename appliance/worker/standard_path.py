"""Import from the standard library alone, while the project's folders are on the path."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from .entry import standard_library

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def standard_library_alone() -> Iterator[None]:
    """Within this context, no module of the project is found, whatever its name; afterwards the path is as before."""
    before, sys.path[:] = sys.path[:], standard_library(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
