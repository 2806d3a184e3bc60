"""Collect what was received and sent for one request, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...protocol.request_details import BODY_MAX, RESPONSE_MAX, RequestDetails

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...server.wsgi.recording.exchange import Exchange


class Details:
    """What one request has received and sent. The server calls it from the threads of the request, one at a time."""

    __slots__ = ("_body", "_body_left", "_head", "_response", "_response_left")

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._body: list[bytes] = []
        self._body_left = BODY_MAX
        self._response: list[bytes] = []
        self._response_left = RESPONSE_MAX

    def received(self, data: bytes) -> None:
        """Take a piece of the body that the application reads."""
        if self._body_left > 0:
            self._body.append(data[: self._body_left])
        self._body_left -= len(data)

    def sent(self, parts: Iterable[bytes]) -> None:
        """Take pieces of the response, the head first."""
        for part in parts:
            if self._response_left > 0:
                self._response.append(bytes(part[: self._response_left]))
            self._response_left -= len(part)

    def of(self, exchange: Exchange) -> RequestDetails:
        """Return the message of a request that has ended."""
        info: dict[str, Any] = {"request_id": exchange.request_id, "ended_us": int(exchange.ended * 1_000_000)}
        if self._body_left < 0:
            info["body_cut"] = -self._body_left
        if self._response_left < 0:
            info["response_cut"] = -self._response_left
        return RequestDetails(info, self._head, b"".join(self._body), b"".join(self._response))
