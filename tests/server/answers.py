"""Applications that answer the same each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Answer:
    """An application that answers the same each time; its iterable counts how often it was closed."""

    def __init__(self, items: Iterable[Any], status: Any = "200 OK", headers: Any = None) -> None:
        self.items = items
        self.status = status
        self.headers = [] if headers is None else headers
        self.closed = 0
        self.was_closed = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Answer:
        start_response(self.status, self.headers)
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def close(self) -> None:
        self.closed += 1
        self.was_closed.set()


def answer(items: list[Any], status: Any = "200 OK", headers: Any = None) -> Callable[..., list[Any]]:
    """An application that returns a list."""

    def application(environ: dict[str, Any], start_response: Any) -> list[Any]:
        start_response(status, [] if headers is None else headers)
        return items

    return application


class Gate:
    """An application that waits on ``/wait`` until it is opened, and tells in which thread it ran."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Semaphore(0)
        self.threads: list[int] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.threads.append(threading.get_ident())
        if environ["PATH_INFO"] == "/wait":
            self.entered.release()
            assert self.opened.wait(10)
        start_response("200 OK", [])
        return [b"done"]
