"""What each part of the supervisor works with: the loop, the children, the log, and the lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.settings import Settings
    from appliance.logs.setup import Log
    from appliance.protocol.message_base import Message
    from appliance.supervisor.failures import Failures
    from appliance.supervisor.lifecycle import State
    from appliance.supervisor.lifecycle_events import Action, Event, Page
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.steps.analysis import Analysis

    Performer = Callable[[Any], None]
    Performers = dict[type[Action], Performer]  # what performs each action of the lifecycle
    Handlers = dict[type[Message], Callable[[Handle, Any, list[int]], object]]  # what takes each message of a child


@dataclass(frozen=True)
class Snapshot:
    """The current state of the supervisor's parts."""

    state: State
    page: Page | None  # the stand-in's page; None while a worker serves
    worker: Handle | None
    children: tuple[Handle, ...]
    analysis: Analysis | None


@dataclass(frozen=True)
class Runtime:
    """What all parts share.

    Attributes:
        process: the environment of the appliance itself.
        state: returns the state of the lifecycle.
        snapshot: returns the state of all parts.
        on_event: takes an event of the lifecycle.
    """

    settings: Settings
    process: Mapping[str, str]
    log: Log
    loop: Loop
    children: Children
    failures: Failures
    state: Callable[[], State]
    snapshot: Callable[[], Snapshot]
    on_event: Callable[[Event], None]
