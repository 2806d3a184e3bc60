"""Hold the state of the lifecycle: look up each event in its table, and have the resulting actions performed.

If an action fails, the failure becomes an event of the table, so that no phase lasts forever. A failed start is tried
again if that may help. Runs in the supervisor's loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.errors import ApplianceError, defect
from appliance.pauses import nth_pause_s
from appliance.supervisor import lifecycle, lifecycle_events
from appliance.supervisor.reporting import standin_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.logs.log import Log
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.reporting.defects import Defects

    Performers = dict[type[lifecycle_events.Action], Callable[[Any], None]]  # what performs each action

RETRY_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)  # before a start that failed is tried again, if that may help


class LifecycleRunner:
    """The lifecycle of one project. This object is made before the supervisor's parts; ``route`` names the parts to it.

    Attributes:
        state: the current one.
    """

    def __init__(self, log: Log, loop: Loop, defects: Defects) -> None:
        self._log = log
        self._loop = loop
        self._defects = defects
        self._performers: Performers = {}
        self._on_change: Callable[[lifecycle.State], object] = lambda _: None
        self._retries = 0
        self.state = lifecycle.State()

    def route(self, performers: Performers, on_change: Callable[[lifecycle.State], object]) -> None:
        """Have these functions perform the actions; ``on_change`` takes each new state, before its actions."""
        self._performers = performers
        self._on_change = on_change

    def on_event(self, event: lifecycle_events.Event) -> None:
        """Take one event through the table."""
        self.state, actions = lifecycle.step(self.state, event)
        self._defects.guarded(partial(self._on_change, self.state))
        if isinstance(event, lifecycle_events.WorkerReady):
            self._retries = 0  # the next start that fails is tried again soon
        for action in actions:
            self.perform(action)

    def perform(self, action: lifecycle_events.Action) -> None:
        """Have one action performed."""
        try:
            state_table.perform(self._performers, (action,))
        except Exception as error:  # noqa: BLE001  no phase may be waited in for what has failed
            self.action_failed(action, error)

    def action_failed(self, action: lifecycle_events.Action, error: Exception) -> None:
        """Report that this action has failed, and have it tried again if that may help."""
        if not isinstance(error, ApplianceError):
            self._defects.report(error)
            error = defect(error)
        else:
            self._log.event("error", error.event, **error.fields())
        failure = lifecycle.failure_of(action, standin_pages.of_error(error))
        if failure is None:
            return
        self._loop.post(partial(self.on_event, failure))
        again = lifecycle.retry_of(action)
        if again is not None and getattr(error, "passing", False):
            self._retries += 1
            self._loop.call_later(nth_pause_s(RETRY_S, self._retries), partial(self.on_event, again))
