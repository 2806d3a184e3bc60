"""Note outgoing calls of httpcore (0.14 and later), which httpx uses, and hand the trace on to them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ....server.wsgi.access_log.exchange import current
from ..trace_context import NAMES, outgoing_fields
from .outgoing_call import HOOK, OutgoingCall, url_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks
    from ..project_line import ProjectLine


class HttpcoreCalls:
    """Hooks into the library.

    Args:
        hooks: guards our code in the project's process.
        project_line: finds the line that causes a call.
    """

    def __init__(self, hooks: Hooks, project_line: ProjectLine) -> None:
        self._hooks = hooks
        self._project_line = project_line

    def add_to(self, libraries: LibraryHooks) -> None:
        """Wait for the library."""
        libraries.add("httpcore", HOOK, self._hook)

    def _hook(self, module: Any) -> None:
        pool, other = module.ConnectionPool, module.AsyncConnectionPool
        handle, handle_async = self._handle(pool.handle_request), self._handle_async(other.handle_async_request)
        pool.handle_request, other.handle_async_request = handle, handle_async

    def _handle(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def handle_request(pool: Any, request: Any) -> Any:
            call = self._hooks.call(HOOK, self._begin, request, otherwise=None)
            if call is None:
                return original(pool, request)
            try:
                response = original(pool, request)
            except BaseException as error:
                self._hooks.call(HOOK, call.failed, error, otherwise=None)
                raise
            self._hooks.call(HOOK, _ended, call, response, otherwise=None)
            return response

        return handle_request

    def _handle_async(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        async def handle_async_request(pool: Any, request: Any) -> Any:
            call = self._hooks.call(HOOK, self._begin, request, otherwise=None)
            if call is None:
                return await original(pool, request)
            try:
                response = await original(pool, request)
            except BaseException as error:
                self._hooks.call(HOOK, call.failed, error, otherwise=None)
                raise
            self._hooks.call(HOOK, _ended, call, response, otherwise=None)
            return response

        return handle_async_request

    def _begin(self, request: Any) -> OutgoingCall | None:
        exchange = current.get()
        if exchange is None:
            return None
        url = request.url
        scheme, host, target = (part.decode("latin-1") for part in (url.scheme, url.host, url.target))
        call = OutgoingCall.begin(
            request.method.decode("latin-1"), url_of(scheme, host, url.port, target), self._project_line
        )
        _add_trace(request, outgoing_fields(exchange, call.span_id if call is not None else ""))
        return call


def _add_trace(request: Any, fields: list[tuple[str, str]]) -> None:
    """Add the fields of the trace, unless the project has set one of them."""
    if fields and not any(name.lower().decode("latin-1") in NAMES for name, _ in request.headers):
        added = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        request.headers = [*request.headers, *added]


def _ended(call: OutgoingCall, response: Any) -> None:
    call.answered(response.status)
