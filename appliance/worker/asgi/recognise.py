"""Recognise an ASGI application, whatever its framework; convert one of ASGI 2 to ASGI 3.

Runs in the worker, once for each application; imports no asyncio.
"""

from __future__ import annotations

import importlib
import inspect
from functools import reduce
from typing import Any

_ASGI_3 = ("scope", "receive", "send")


def is_asgi(found: Any) -> bool:
    """Whether an object is called with (scope, receive, send), or as in ASGI 2: with (scope), then with the rest."""
    call = getattr(found, "__call__", None)  # noqa: B004  the method itself is inspected, not only whether it exists
    if inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(call):
        return True
    names = _parameters(found)
    return names[:3] == _ASGI_3 or names == _ASGI_3[:1]


def as_asgi_3(found: Any) -> Any:
    """Return the application as an ASGI 3 callable."""
    if len(_parameters(found)) != 1:
        return found

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await found(scope)(receive, send)

    return application


class DeferredApplication:
    """An application that a server was given by name, or as a factory: imported, or made, in the server's loop."""

    def __init__(self, app: Any, *, factory: bool) -> None:
        self._app = app
        self._factory = factory

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Make the object look like an ASGI application; never called."""

    def create(self) -> Any:
        """Return the application.

        Raises:
            BaseException: what its import raises.
        """
        app = self._app
        if isinstance(app, str):
            module, _, dotted = app.partition(":")
            # By name, as the server would do: the file that runs may be imported a second time.
            app = reduce(getattr, (dotted or "app").split("."), importlib.import_module(module))  # noqa: TID251  see above
        return app() if self._factory else app


def _parameters(found: Any) -> tuple[str, ...]:
    """Return the names of the required positional parameters."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(
        name for name, each in signature.parameters.items() if each.kind in kinds and each.default is each.empty
    )
