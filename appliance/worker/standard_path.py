"""Imports from the standard library alone, while the project's folders are on the path.

Owns that time. Knows nothing of what is imported. Runs in the thread that imports.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from .entry import standard_library

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def standard_library_alone() -> Iterator[None]:
    """No module of the project's is found meanwhile, whatever its name; then the path is what it was."""
    kept, sys.path[:] = sys.path[:], standard_library(sys.path)
    try:
        yield
    finally:
        sys.path[:] = kept
