"""Check the content that an application returns, and join it if all of it is known (PEP 3333)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .response_head import ApplicationFault

if TYPE_CHECKING:
    from collections.abc import Sequence


def join_items(items: Sequence[Any]) -> bytes:
    """Join all items of a list.

    Raises:
        ApplicationFault: an item is not bytes.
    """
    for item in items:
        if type(item) is not bytes:
            raise not_bytes(item)
    return b"".join(items)


def not_bytes(data: object) -> ApplicationFault:
    """Return the error for content that is not bytes: a bytearray or memoryview could change before it is sent."""
    return ApplicationFault(f"content must be bytes (PEP 3333), not {type(data).__name__}")


def check_result(result: object) -> None:
    """Check the result of an application that is neither a list nor a tuple.

    Raises:
        ApplicationFault: it can't be iterated, or its items are single characters or numbers.
    """
    if result is None:
        raise _not_iterable("None")
    if isinstance(result, (bytes, str)) and result:
        made = "[content]" if isinstance(result, bytes) else "[content.encode()]"
        raise _not_iterable(f"{type(result).__name__}; return {made}")


def _not_iterable(what: str) -> ApplicationFault:
    return ApplicationFault(f"the application must return an iterable of bytes (PEP 3333), not {what}")


def is_single(result: Any) -> bool:
    """Whether ``len()`` of an iterable is 1: PEP 3333 lets a server ask that."""
    try:
        return bool(len(result) == 1)
    except (TypeError, AttributeError, NotImplementedError):  # as wsgiref: a wrapped object may have no len()
        return False
