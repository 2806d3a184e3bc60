"""Collect the applications that a script serves itself, in other threads. Runs in the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class SideApplications(list[Callable[..., Any]]):
    """The applications, in the order in which they were served.

    Attributes:
        are_started: whether the script has started its server of them, which returns, and goes on with its own work.
    """

    are_started = False
