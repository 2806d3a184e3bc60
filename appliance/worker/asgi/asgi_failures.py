"""Notice exceptions that a framework answers with its own page; the page says nothing about the exception.

Has hooks for the frameworks that do not raise such exceptions again, and recognises the frameworks' own pages.
Starlette and FastAPI raise the exception after the answer, so the bridge sees it. Imports no framework. Runs in the
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
# The text of Starlette and BlackSheep, Quart's page, the JSON of Litestar, Sanic and Connexion.
_DEFAULT_TEXT = b"internal server error"
_DEFAULT_MAX = 600
_OWN_MAX = 262_144  # of a framework's known page: Sanic's has 5 KB, and 70 KB with a traceback


class RequestFailure(Protocol):
    """The facts that are recorded of one request while it runs."""

    caught: BaseException | None
    framework_page: bool  # the framework's default handler has answered


running: ContextVar[RequestFailure | None] = ContextVar("appliance_bridge", default=None)


def is_short(parts: Iterable[bytes], *, framework_page: bool) -> bool:
    """Whether content that begins with these parts may be a framework's page; ``framework_page``: it is known to be."""
    return sum(map(len, parts)) < (_OWN_MAX if framework_page else _DEFAULT_MAX)


def is_default_page(content: bytes, error: BaseException | None) -> bool:
    """Whether the content is a framework's own error page, and not written by the project.

    ``error`` is given if the page is certainly the framework's. Such a page says nothing of the error if it does not
    contain the error's name.
    """
    if error is not None:
        return type(error).__name__.encode() not in content
    return _DEFAULT_TEXT in content.lower()


def connect(application: Any, hooks: Hooks) -> None:
    """Record exceptions that this application's framework catches. On failure the application is still served."""
    for name, hook in _HOOKS.items():
        framework: Any = sys.modules.get(name)
        if framework is not None:
            note = hooks.guarded(f"failures of {name}", _note, otherwise=None)
            hooks.call(f"failures of {name}", hook, framework, application, note, otherwise=None)


def _hook_quart(quart: Any, application: Any, note: Note) -> None:
    # Quart's signal is not used: releases of 2022 raise with a present-day blinker as soon as a function is connected
    # to it.
    if isinstance(application, quart.Quart):
        application.handle_exception = _recording(application.handle_exception, note)


def _hook_litestar(litestar: Any, application: Any, note: Note) -> None:
    if isinstance(application, litestar.Litestar):

        async def failed(exception: BaseException, _scope: object) -> None:
            note(exception)

        application.after_exception.append(failed)


def _hook_sanic(sanic: Any, application: Any, note: Note) -> None:
    if isinstance(application, sanic.Sanic):
        default = _recording(application.error_handler.default, note)

        def framework_page(*given: Any, **named: Any) -> Any:
            if (bridge := running.get()) is not None:
                bridge.framework_page = True  # the project's own handlers come before this one
            return default(*given, **named)

        application.error_handler.default = framework_page


def _hook_blacksheep(blacksheep: Any, application: Any, note: Note) -> None:
    if isinstance(application, blacksheep.Application):
        application.handle_internal_server_error = _recording(application.handle_internal_server_error, note)


def _recording(method: Callable[..., Any], note: Note) -> Callable[..., Any]:
    """Wrap a method whose last argument is an exception, to record that exception too."""

    @functools.wraps(method)
    def noting(*given: Any, **named: Any) -> Any:
        if given and isinstance(given[-1], BaseException):
            note(given[-1])
        return method(*given, **named)  # a coroutine, if the method is a coroutine function

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
        bridge.caught = error
