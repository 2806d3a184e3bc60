"""Notice that a database driver in C is about to connect: such a driver raises no audit event.

Runs in the snapshot, while it imports the project. The wrapper is set at the name that the driver's package itself
looks up, so that no name in the project's code can keep the wrapper. Drivers in Python connect through ``socket``,
which raises events.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING: Final = object()
# The module, the path of the function within it, and what it connects to.
_CONNECTING: Final = (
    ("MySQLdb.connections", "Connection.__init__", "MySQL"),
    ("lmdb", "Environment.__init__", "LMDB"),
    ("psycopg.generators", "connect", "PostgreSQL"),
    ("psycopg2", "_connect", "PostgreSQL"),
    ("pyodbc", "connect", "a database (ODBC)"),
    ("pymssql", "connect", "SQL Server"),
)


class DriverConnections:
    """The drivers that are loaded; ``connects`` is called with what is about to happen, and must not return."""

    def __init__(self, connects: Callable[[str], object]) -> None:
        self._connects = connects
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._known: set[str] = set()

    def begin(self) -> None:
        """Wrap the drivers that have been loaded since the last call."""
        for module_name, path, what in _CONNECTING:
            if module_name not in self._known and (module := sys.modules.get(module_name)) is not None:
                self._wrap(module_name, module, path, what)

    def end(self) -> None:
        """Give the drivers their functions back."""
        while self._replaced:
            place, name, original, wrapper = self._replaced.pop()
            if place.__dict__.get(name) is wrapper:
                if original is _MISSING:
                    delattr(place, name)
                else:
                    setattr(place, name, original)

    def _wrap(self, module_name: str, module: Any, path: str, what: str) -> None:
        *outer, name = path.split(".")
        place = module
        for each in outer:
            place = getattr(place, each, None)
        function = getattr(place, name, None)
        if function is None:
            return  # the driver is still being imported, or another version
        self._known.add(module_name)

        def connecting(*given: Any, **named: Any) -> Any:
            if self._replaced:
                self._connects(f"connects to {what}")
            return function(*given, **named)

        try:
            original = place.__dict__.get(name, _MISSING)
            setattr(place, name, connecting)
        except (AttributeError, TypeError):
            return  # a class in C
        self._replaced.append((place, name, original, connecting))
