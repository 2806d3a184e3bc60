"""The stand-in's sink: leaves requests for the appliance's own pages out of the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.server.browser.own_paths import WAIT, is_own_page
from appliance.worker.records import RecordSink

if TYPE_CHECKING:
    from appliance.protocol.channel import Channel
    from appliance.server.wsgi.access_log.exchange import Exchange

_REFRESH_S = 2.0  # a page that has changed is requested again by then
_MAX_CLIENTS = 256  # open pages that are told apart


class QuietSink(RecordSink):
    """Leaves out the requests for the appliance's own pages, and a waiting page's own refresh after a change.

    A page left open would otherwise fill the log while dependencies are being installed.
    """

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._waited: dict[tuple[str, str, str], float] = {}  # when a client's page was answered, by CLOCK_MONOTONIC

    def exchange(self, exchange: Exchange) -> None:
        """Log a request that has ended."""
        head = exchange.head
        if head is not None and head.path == WAIT:
            page = urlsplit(head.values.get("HTTP_REFERER", ""))
            self._waited[_client(exchange, page.path)] = time.monotonic()
            while len(self._waited) > _MAX_CLIENTS:
                self._waited.pop(next(iter(self._waited)))
        elif not self._take_refresh(exchange) and (head is None or not is_own_page(head.path)):
            super().exchange(exchange)

    def _take_refresh(self, exchange: Exchange) -> bool:
        """Use up the wait of a page, if this is its reload; return whether it is. Each wait counts for one request."""
        head = exchange.head
        if head is None or head.method != "GET":
            return False
        waited = self._waited.pop(_client(exchange, head.path), None)
        return waited is not None and time.monotonic() - waited < _REFRESH_S


def _client(exchange: Exchange, path: str) -> tuple[str, str, str]:
    """Return a key that tells one open page from another."""
    agent = exchange.head.values.get("HTTP_USER_AGENT", "") if exchange.head is not None else ""
    return exchange.address, agent, path
