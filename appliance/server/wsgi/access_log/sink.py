"""The sink: takes a server's records and events, and flushes them in batches.

Called from every thread of the server, often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from .exchange import Exchange

# A batch of one costs four times what a record in a batch of eight does, in both processes. The pool's watchdog flushes
# what a thread left, and looks every 5 ms.
_FLUSH_S = 0.004


class Sink(Protocol):
    """Receives the events of a server. Called from any thread, often; must be cheap."""

    def exchange(self, exchange: Exchange) -> None:
        """A request is over."""

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Something else happened."""

    def flush(self) -> None:
        """The server has nothing to do for now."""


class OptionalSinkMethods(Protocol):
    """The optional methods of a sink. The server looks for each by its name, and works without it."""

    @property
    def begin(self) -> Callable[[Exchange, bytes], None] | None:
        """Is called with each request that begins, and its head; None: nothing is called."""

    @property
    def waits(self) -> Callable[[int], None] | None:
        """Is called with the number of accepted connections that wait for a thread; None: nothing is called."""

    def begin_sending(self, exchange: Exchange, /) -> None:
        """The application of a request has ended, and its response is still being sent."""

    def page_context(self) -> dict[str, Any]:
        """Return the facts that an error page shows in addition to the exception (``server.pages.error_page``)."""

    def offer(self, needs: object, /) -> list[dict[str, Any]]:
        """Take the possible remedies of a failed request; return those that its page can show."""


class FlushSchedule:
    """When to flush a sink: at once if that is rare, else every few milliseconds, so that records go in batches."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._at = 0.0

    def flush_if_due(self, now: float) -> None:
        """Flush if the last time is long enough ago; ``now`` is CLOCK_MONOTONIC."""
        if now - self._at > _FLUSH_S:
            self._at = now
            self._sink.flush()

    def flush(self) -> None:
        """Flush at once."""
        self._sink.flush()


class NullSink:
    """A sink that drops everything."""

    def exchange(self, exchange: Exchange) -> None:
        """Drop the exchange."""

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Drop the event."""

    def flush(self) -> None:
        """Do nothing."""
