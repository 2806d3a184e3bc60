"""Say in ``Server-Timing`` where the time of a request went, for the developer tools of a browser on this machine.

W3C Server Timing. The server asks for the field when the application gives the status and fields of the response. So
work that the application does while its body is iterated is not included. Only a request that is recorded costs
anything.
"""

from __future__ import annotations

from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING

from ...plural import counted
from ...server.http.served_hosts.hosts import host_name, is_loopback
from .details import Details

if TYPE_CHECKING:
    from ...server.wsgi.access_log.exchange import Exchange
    from ..hooks import Hooks

    Fields = list[tuple[str, str]]

_HOOK = "Server-Timing"


class ServerTiming:
    """Adds the field to responses.

    Args:
        hooks: guards our code in the project's process.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def added(self, exchange: Exchange, fields: Fields) -> Fields:
        """Return the fields of a response with one more for a browser of this machine, else as they are."""
        return self._hooks.call(_HOOK, self._added, exchange, fields, otherwise=fields)

    def _added(self, exchange: Exchange, fields: Fields) -> Fields:
        details = exchange.details
        if not isinstance(details, Details) or type(fields) is not list or not self._is_wanted(exchange):
            return fields
        earlier, details.timing = details.timing, ("Server-Timing", timing_of(exchange, details, monotonic()))
        # An error page has the fields of the response that it replaces (PEP 3333, exc_info).
        return [*(each for each in fields if each != earlier), details.timing]

    def _is_wanted(self, exchange: Exchange) -> bool:
        """Whether a browser on this machine has sent the request, to a name of this machine."""
        values = exchange.head.values if exchange.head is not None else {}
        if "HTTP_SEC_FETCH_MODE" not in values and "text/html" not in values.get("HTTP_ACCEPT", ""):
            return False
        if not is_loopback(host_name(values.get("HTTP_HOST", ""))):
            return False
        from ...server.browser.local_peers import is_local  # noqa: PLC0415  only for browsers

        return is_local(exchange.address, self._gateways)

    @cached_property
    def _gateways(self) -> frozenset[str]:
        from ...server.browser.local_peers import container_gateways  # noqa: PLC0415  as above

        return container_gateways()


def timing_of(exchange: Exchange, details: Details, now: float) -> str:
    """Return the field's value; ``now`` (CLOCK_MONOTONIC) is the end of what is measured."""
    parts = [_part("queue", details.began - exchange.started), _part("app", now - details.began)]
    for name, one, many, (count, took_us) in (
        ("db", "query", "queries", details.query_total()),
        ("outgoing", "call", "calls", details.call_total()),
    ):
        if count:
            parts.append(_part(name, took_us / 1_000_000, counted(count, one, many)))
    return ", ".join(parts)


def _part(name: str, took_s: float, description: str = "") -> str:
    described = f';desc="{description}"' if description else ""
    return f"{name};dur={max(0.0, took_s) * 1000:.1f}{described}"
