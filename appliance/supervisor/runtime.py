"""The objects that every part of the supervisor uses: the loop, the children, the log, and the lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.settings import Settings
    from appliance.logs.log import Log
    from appliance.protocol.record import Message
    from appliance.supervisor.lifecycle_runner import LifecycleRunner
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.defects import Defects

    Handlers = dict[type[Message], Callable[[Handle, Any, list[int]], object]]  # what takes each message of a child


class Runtime(Record):
    """The objects that all parts share.

    Attributes:
        process: the environment of the appliance itself.
        defects: reports those of the supervisor.
        lifecycle: has the state of the whole, and takes the events that change it.
    """

    settings: Settings
    process: Mapping[str, str]
    log: Log
    loop: Loop
    children: Children
    defects: Defects
    lifecycle: LifecycleRunner
