"""What an application may give as content, and how a known whole of it is put together (PEP 3333).

Owns those checks; must not know the response's state. Runs in the thread of its request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .response_head import ApplicationFault

if TYPE_CHECKING:
    from collections.abc import Sequence


def joined(items: Sequence[Any]) -> bytes:
    """All items of a list as one.

    Raises:
        ApplicationFault: one is not bytes.
    """
    for item in items:
        if type(item) is not bytes:
            raise not_bytes(item)
    return b"".join(items)


def not_bytes(data: object) -> ApplicationFault:
    """The fault of content that is no bytes; bytearray and memoryview may change while they wait to be sent."""
    return ApplicationFault(f"content must be bytes (PEP 3333), not {type(data).__name__}")


def is_single(result: Any) -> bool:
    """Whether an iterable says that it has one item, as PEP 3333 lets a server ask."""
    try:
        return bool(len(result) == 1)
    except (TypeError, AttributeError, NotImplementedError):  # as wsgiref: a wrapper's len() may ask what has none
        return False
