"""One call of a tool, and the error of a tool that can't do what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance.refused import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ToolError(RefusedError):
    """A tool can't do what it was asked. The text is for the assistant."""


@dataclass(frozen=True)
class Call:
    """One call of a tool.

    Attributes:
        arguments: checked, by name.
        cancelled: set once nobody waits for the result: a tool that waits returns at once.
        progress: tells the client that the tool still works: how far it is, and a text.
        writes: the assistant may change something (``APPLIANCE_MCP=write``).
    """

    arguments: Mapping[str, Any]
    cancelled: threading.Event = field(default_factory=threading.Event)
    progress: Callable[[float, str], object] = lambda _done, _text: None
    writes: bool = False
