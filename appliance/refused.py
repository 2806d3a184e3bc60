"""The error of something that was asked for and can't be done: what was found, and what to do. Nothing has failed.

The desk and the tools of assistants raise it. ``errors.ApplianceError`` is for failures: it has an event and an exit
code. Used in the appliance's own interpreter alone.
"""

from __future__ import annotations

from typing import Self


class RefusedError(Exception):
    """A person or an assistant has asked for something that can't be done.

    Args:
        found: what is in the way: one sentence.
        action: what the person or the assistant can do: one sentence.
    """

    def __init__(self, found: str, *, action: str) -> None:
        super().__init__(f"{found} {action}")
        self.found = found
        self.action = action

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return the error whose text another process has made: both sentences."""
        found, _, action = text.partition(". ")
        return cls(f"{found}." if action else found, action=action)
