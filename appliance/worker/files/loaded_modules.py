"""Look at the modules that are loaded, and load none that is lazy. Runs in worker, preloader and snapshot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def namespaces() -> Iterator[tuple[str, dict[str, Any]]]:
    """Iterate over the names of the modules, each with what the module defines."""
    for name, module in list(sys.modules.items()):
        try:
            # Not vars or getattr: either would load a module that is loaded lazily.
            names = object.__getattribute__(module, "__dict__")
        except AttributeError:
            continue
        yield name, names
