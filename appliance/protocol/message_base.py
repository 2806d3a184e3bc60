"""The base class of the messages between the supervisor and its children.

On the project's side this module runs on Python 3.10 to 3.15, so it imports only the standard library.
"""

from __future__ import annotations

from typing import ClassVar

from .record import Record


class Message(Record):
    """The base class of messages; their fields are JSON values."""

    kind: ClassVar[str]

    def fits(self, descriptors: int) -> bool:
        """Whether a child may send this number of descriptors with the message."""
        return descriptors == 0
