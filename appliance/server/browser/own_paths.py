"""The paths that the appliance answers itself, below the project's own origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...conventions import OWN_PAGES

if TYPE_CHECKING:
    from ..http.head import Head

PREFIX = OWN_PAGES
CLIENT = f"{PREFIX}/client.js"
WAIT = f"{PREFIX}/wait"
_LENGTH = len(PREFIX)


def is_own_page(path: str) -> bool:
    """Whether this path is the appliance's. Compared as it was sent: another spelling is the project's."""
    return path[:_LENGTH] == PREFIX and path[_LENGTH : _LENGTH + 1] in {"", "/"}


def is_own_request(head: Head) -> bool:
    """Whether the path of a request's head is the appliance's."""
    return is_own_page(head.path)
