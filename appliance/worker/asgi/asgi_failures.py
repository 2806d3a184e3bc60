"""Exceptions that a framework answers for by a page of its own, which says nothing.

Owns the hooks into the frameworks that raise no further, and how such a page is told from one that somebody wrote.
Starlette and FastAPI raise what they have answered for, which the bridge sees. Imports no framework. Runs in the
worker.
"""

from __future__ import annotations

import functools
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..hooks import Hooks

    Note = Callable[[BaseException], None]

STATUS = 500
# Starlette's and BlackSheep's text, Quart's page, the JSON of Litestar, Sanic and Connexion.
_BARE = b"internal server error"
_BARE_MAX = 600
_OWN_MAX = 262_144  # of a page that is known to be a framework's: Sanic's is 5 KB, and 70 KB with a traceback


class Noted(Protocol):
    """What is noted of one request while it runs."""

    noted: BaseException | None
    own: bool  # a handler that somebody wrote has answered


running: ContextVar[Noted | None] = ContextVar("appliance_bridge", default=None)


def is_short(parts: Iterable[bytes], *, own: bool) -> bool:
    """Whether content that begins so may be a framework's own; ``own``: it is known to be."""
    return sum(map(len, parts)) < (_OWN_MAX if own else _BARE_MAX)


def is_bare(content: bytes, error: BaseException | None) -> bool:
    """Whether the content of such a response is a framework's own, and no page that somebody wrote.

    ``error`` is given where it is known to be: it is bare then unless it names that.
    """
    if error is not None:
        return type(error).__name__.encode() not in content
    return _BARE in content.lower()


def listen(application: Any, hooks: Hooks) -> None:
    """Note what the framework of this application catches. Where that can't be, it is served all the same."""
    for name, hook in _HOOKS.items():
        framework: Any = sys.modules.get(name)
        if framework is not None:
            note = hooks.guarded(f"failures of {name}", _note, otherwise=None)
            hooks.ask(f"failures of {name}", hook, framework, application, note, otherwise=None)


def _hook_quart(quart: Any, application: Any, note: Note) -> None:
    # Not its signal: releases of 2022 with a blinker of today raise for whoever listens to it.
    if isinstance(application, quart.Quart):
        application.handle_exception = _noting(application.handle_exception, note)


def _hook_litestar(litestar: Any, application: Any, note: Note) -> None:
    if isinstance(application, litestar.Litestar):

        async def failed(exception: BaseException, _scope: object) -> None:
            note(exception)

        application.after_exception.append(failed)


def _hook_sanic(sanic: Any, application: Any, note: Note) -> None:
    if isinstance(application, sanic.Sanic):
        default = _noting(application.error_handler.default, note)

        def own(*given: Any, **named: Any) -> Any:
            if (bridge := running.get()) is not None:
                bridge.own = True  # a handler that somebody wrote comes before this one
            return default(*given, **named)

        application.error_handler.default = own


def _hook_blacksheep(blacksheep: Any, application: Any, note: Note) -> None:
    if isinstance(application, blacksheep.Application):
        application.handle_internal_server_error = _noting(application.handle_internal_server_error, note)


def _noting(method: Callable[..., Any], note: Note) -> Callable[..., Any]:
    """A method whose last argument is an exception, as one that notes it, too."""

    @functools.wraps(method)
    def noting(*given: Any, **named: Any) -> Any:
        if given and isinstance(given[-1], BaseException):
            note(given[-1])
        return method(*given, **named)  # a coroutine, where it is a coroutine function

    return noting


_HOOKS: dict[str, Callable[[Any, Any, Note], None]] = {
    "quart": _hook_quart,
    "litestar": _hook_litestar,
    "sanic": _hook_sanic,
    "blacksheep": _hook_blacksheep,
}


def _note(error: BaseException) -> None:
    bridge = running.get()
    if bridge is not None:
        bridge.noted = error
