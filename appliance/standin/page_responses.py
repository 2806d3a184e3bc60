"""Send the responses of the appliance's own pages: bytes, static files, and responses that grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    StartResponse = Callable[..., Any]


def answer(start: StartResponse, status: str, kind: str, body: bytes, *more: tuple[str, str]) -> Iterable[bytes]:
    """Answer with this content, and these fields more."""
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *more])
    return [body]


def file(kind: str, content: bytes, _environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
    """Answer with a file of ours; a route, once kind and content are given."""
    return answer(start, "200 OK", kind, content)


class StreamedParts:
    """The iterable of a response that is sent piece by piece.

    Args:
        parts: yields the pieces.
        ended: called once, when the response has ended.
    """

    def __init__(self, parts: Generator[bytes, None, None], ended: Callable[[], object]) -> None:
        self._parts = parts
        self._ended: Callable[[], object] | None = ended

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        """Note that the response has ended, complete or not (PEP 3333)."""
        self._parts.close()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()
