"""Answers that the appliance's own pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    StartResponse = Callable[..., Any]


def answer(start: StartResponse, status: str, kind: str, body: bytes, *more: tuple[str, str]) -> Iterable[bytes]:
    """Answer with this content, and these fields more."""
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *more])
    return [body]


def file(kind: str, content: bytes, _environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
    """Answer with a file of ours; a route, once kind and content are given."""
    return answer(start, "200 OK", kind, content)
