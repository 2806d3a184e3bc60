"""Let structlog be imported without the packages that it would load for features that no log of ours has.

Only for processes of ours: a program that uses the server as a library may want structlog with these packages.

Decision 69 says why.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

# For coloured tracebacks, consoles of Windows, greenlets and Twisted. The image has none of them; with rich, which many
# environments have, the modules of a start take 80 ms more on CPython 3.11.
OPTIONAL = ("better_exceptions", "colorama", "greenlet", "rich", "twisted")


class _Asyncio(ModuleType):
    """asyncio, loaded once an attribute of it is read: structlog imports it for loggers of coroutines."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get("asyncio") is self:
            del sys.modules["asyncio"]
        import asyncio  # noqa: PLC0415  25 ms, with ssl

        return getattr(asyncio, name)


def lighten_structlog() -> None:
    """Hide the optional packages from this process, and postpone asyncio.

    structlog has no option for that: it imports each optional package that is installed. ``None`` in ``sys.modules`` is
    the documented way to make an import fail. ``importlib.util.LazyLoader`` would load asyncio at the next ``import``.
    """
    for name in OPTIONAL:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # documented in the reference of import
    sys.modules.setdefault("asyncio", _Asyncio("asyncio"))
