"""The event stream that open pages listen to: what serves, what is broken, which files were saved.

Server-sent events (HTML, 9.2). A stream begins with the present state, and with the files that were saved before: a
browser may have them in its cache. A client that connects again names the last event that it got, and gets those that
it has missed. Each stream holds a thread of this process, and none of a worker.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from .page_responses import StreamedParts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

STREAMS_MAX = 200  # a browser needs one; below the server's own limit of long requests
_PING_S = 15.0  # below the idle time-outs of proxies; finds clients that have left
_RETRY = b"retry: 300\n\n"  # ms
_FIELDS = [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")]


class EventStream:
    """All streams of one stand-in.

    Args:
        kept: how many events are kept for clients that connect again, and saved files for new ones.
    """

    def __init__(self, kept: int = 200) -> None:
        self._kept = kept
        self._changed = threading.Condition()
        self._name = secrets.token_hex(4)  # another process counts from 1 again
        self._number = 0
        self._events: deque[tuple[int, bytes]] = deque(maxlen=kept)
        self._state: tuple[int, bytes] = (0, b"")
        self._published: dict[str, Any] | None = None
        self._saved: dict[str, int] = {}
        self._streams = 0
        self._closed = False

    @property
    def listeners(self) -> int:
        """The number of clients that listen: one for each browser with an open page."""
        return self._streams

    def publish_state(self, state: dict[str, Any]) -> None:
        """Tell every page the present state; a page that connects later gets the last one."""
        with self._changed:
            if state == self._published:
                return
            self._published = state
            self._number += 1
            self._state = (self._number, self._event("state", state))
            self._changed.notify_all()

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Tell every page that something has happened."""
        with self._changed:
            self._number += 1
            self._events.append((self._number, self._event(name, data)))
            self._changed.notify_all()

    def publish_assets(self, paths: list[str]) -> None:
        """Tell every page that these files, which browsers load, were saved; ``at`` is in milliseconds since 1970."""
        at = time.time_ns() // 1_000_000
        with self._changed:
            for path in paths:
                self._saved.pop(path, None)
                self._saved[path] = at
            for path in list(self._saved)[: -self._kept]:
                del self._saved[path]
        self.publish("assets", {"paths": paths, "at": at})

    def close(self) -> None:
        """End every stream."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _event(self, name: str, data: dict[str, Any]) -> bytes:
        return f"id: {self._name}-{self._number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one client with its stream."""
        with self._changed:
            if self._streams >= STREAMS_MAX:
                start_response("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", "5")])
                return []
            self._streams += 1
            seen = self._last_seen(environ.get("HTTP_LAST_EVENT_ID", ""))
        start_response("200 OK", [*_FIELDS, ("Cache-Control", "no-store")])
        return StreamedParts(self.parts(seen), self.left)

    def _last_seen(self, last_event_id: str) -> int:
        name, _, number = last_event_id.partition("-")
        if name == self._name and number.isascii() and number.isdigit():
            return min(int(number), self._number)
        return self._number

    def parts(self, seen: int) -> Generator[bytes, None, None]:
        """Yield one client's events, those after the number ``seen`` first."""
        with self._changed:
            missed = [event for number, event in self._events if number > seen]
            seen, state = self._number, self._state[1]
            saved = self._event("saved", {"paths": self._saved}) if self._saved else b""
        yield b"".join([_RETRY, *missed, state, saved])
        while not self._closed:
            with self._changed:
                self._changed.wait_for(partial(self._is_past, seen), _PING_S)
                events = [event for number, event in sorted((*self._events, self._state)) if number > seen]
                seen = self._number
            yield b"".join(events) or b":\n\n"

    def _is_past(self, seen: int) -> bool:
        return self._closed or self._number > seen

    def left(self) -> None:
        """Note that a client has gone."""
        with self._changed:
            self._streams -= 1
