"""What an ASGI application looks like, whatever its framework; and one of ASGI 2 as one of ASGI 3.

Owns the question. Must not know frameworks. Runs in the worker, once for each application; imports no asyncio.
"""

from __future__ import annotations

import importlib
import inspect
from functools import reduce
from typing import Any

_ASGI_3 = ("scope", "receive", "send")


def is_asgi(found: Any) -> bool:
    """Whether it is called with (scope, receive, send), or by ASGI 2's way with (scope) and what that returns so."""
    call = getattr(found, "__call__", None)  # noqa: B004  the method itself is looked at, not only asked for
    if inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(call):
        return True
    names = _parameters(found)
    return names[:3] == _ASGI_3 or names == _ASGI_3[:1]


def as_asgi_3(found: Any) -> Any:
    """The application as ASGI 3 calls it."""
    if len(_parameters(found)) != 1:
        return found

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await found(scope)(receive, send)

    return application


class Deferred:
    """An application that its server is given by name, or as a factory: to be imported, or made, in its loop."""

    def __init__(self, app: Any, *, factory: bool) -> None:
        self._app = app
        self._factory = factory

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """What makes it look like one; it is never called."""

    def made(self) -> Any:
        """The application.

        Raises:
            BaseException: what its import raises.
        """
        app = self._app
        if isinstance(app, str):
            module, _, dotted = app.partition(":")
            # By name, as its server would: the file that runs may be imported a second time.
            app = reduce(getattr, (dotted or "app").split("."), importlib.import_module(module))  # noqa: TID251  as said
        return app() if self._factory else app


def _parameters(found: Any) -> tuple[str, ...]:
    """The names of the parameters that it must be given by position."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(
        name for name, each in signature.parameters.items() if each.kind in kinds and each.default is each.empty
    )
