"""Note outgoing calls of ``http.client``, which urllib and others use, and of urllib3, which requests uses.

Theory of operation. A call of ``http.client`` is three calls of its connection: ``putrequest`` begins it,
``endheaders`` sends the head, ``getresponse`` waits for the response. urllib3 connects before the first of them, so its
own function is hooked too. The fields of the trace are added by ``http.client``, where the head is complete.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ....server.wsgi.access_log.exchange import current
from ..trace_context import NAMES, outgoing_fields
from .outgoing_call import HOOK, OutgoingCall, inside, url_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks
    from ..project_line import ProjectLine

_CALL = "_appliance_call"  # the attribute of a connection


class HttpClientCalls:
    """Hooks into both libraries.

    Args:
        hooks: guards our code in the project's process.
        project_line: finds the line that causes a call.
    """

    def __init__(self, hooks: Hooks, project_line: ProjectLine) -> None:
        self._hooks = hooks
        self._project_line = project_line

    def add_to(self, libraries: LibraryHooks) -> None:
        """Wait for the libraries."""
        libraries.add("http.client", HOOK, self._hook_http_client)
        libraries.add("urllib3.connectionpool", HOOK, self._hook_urllib3)

    def _hook_http_client(self, module: Any) -> None:
        kind = module.HTTPConnection
        wrapped = [self._putrequest(kind.putrequest), self._endheaders(kind.endheaders)]
        wrapped.append(self._getresponse(kind.getresponse))
        kind.putrequest, kind.endheaders, kind.getresponse = wrapped

    def _putrequest(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def putrequest(connection: Any, method: str, url: str, *given: Any, **named: Any) -> Any:
            result = original(connection, method, url, *given, **named)
            vars(connection).pop(_CALL, None)  # of a response that nobody asked for
            if current.get() is not None:
                self._hooks.call(HOOK, self._begin, connection, method, url, otherwise=None)
            return result

        return putrequest

    def _endheaders(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def endheaders(connection: Any, *given: Any, **named: Any) -> Any:
            if current.get() is None:
                return original(connection, *given, **named)
            self._hooks.call(HOOK, _add_trace, connection, otherwise=None)
            try:
                return original(connection, *given, **named)
            except BaseException as error:
                self._hooks.call(HOOK, _failed, connection, error, otherwise=None)
                raise

        return endheaders

    def _getresponse(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def getresponse(connection: Any, *given: Any, **named: Any) -> Any:
            try:
                response = original(connection, *given, **named)
            except BaseException as error:
                self._hooks.call(HOOK, _failed, connection, error, otherwise=None)
                raise
            self._hooks.call(HOOK, _answered, connection, response, otherwise=None)
            return response

        return getresponse

    def _begin(self, connection: Any, method: str, url: str) -> None:
        host, port = connection.host, connection.port
        if getattr(connection, "_tunnel_host", None):
            host, port = connection._tunnel_host, connection._tunnel_port  # noqa: SLF001  no method tells it
        scheme = "https" if connection.default_port == 443 else "http"
        call = OutgoingCall.begin(method, url_of(scheme, host, port, url or "/"), self._project_line)
        if call is not None:
            setattr(connection, _CALL, call)

    def _hook_urllib3(self, module: Any) -> None:
        kind = module.HTTPConnectionPool
        original = kind.urlopen

        @functools.wraps(original)
        def urlopen(pool: Any, method: str, url: str, *given: Any, **named: Any) -> Any:
            call = self._hooks.call(HOOK, self._begin_urllib3, pool, method, url, otherwise=None)
            if call is None:
                return original(pool, method, url, *given, **named)
            token = inside.set(call)
            try:
                response = original(pool, method, url, *given, **named)
            except BaseException as error:
                self._hooks.call(HOOK, call.failed, error, otherwise=None)
                raise
            finally:
                inside.reset(token)
            self._hooks.call(HOOK, _ended, call, response, otherwise=None)
            return response

        kind.urlopen = urlopen

    def _begin_urllib3(self, pool: Any, method: str, url: str) -> OutgoingCall | None:
        return OutgoingCall.begin(method, url_of(pool.scheme, pool.host, pool.port, str(url)), self._project_line)


def _add_trace(connection: Any) -> None:
    """Add the fields of the trace to a head that is not sent yet, unless the project has set one of them."""
    exchange = current.get()
    call = vars(connection).get(_CALL) or inside.get()
    fields = outgoing_fields(exchange, call.span_id if call is not None else "") if exchange is not None else []
    # Its lines, in a list: there is no method that tells them, since Python 2.
    if fields and not any(line.partition(b":")[0].lower().decode("latin-1") in NAMES for line in connection._buffer):  # noqa: SLF001  as said
        for name, value in fields:
            connection.putheader(name, value)


def _answered(connection: Any, response: Any) -> None:
    if (call := vars(connection).pop(_CALL, None)) is not None:
        call.answered(response.status)


def _failed(connection: Any, error: BaseException) -> None:
    if (call := vars(connection).pop(_CALL, None)) is not None:
        call.failed(error)


def _ended(call: OutgoingCall, response: Any) -> None:
    call.answered(response.status)
