"""Say which state the probe server answers in each phase of the lifecycle: a pure function.

Callers pass the time. Runs in the supervisor's loop.
"""

from __future__ import annotations

from appliance.protocol.probe_state import ProbeState
from appliance.supervisor.lifecycle_events import Phase

RELOAD_S = 10.0  # if requests wait for a reload no longer than this, the project still counts as ready
_RELOADS = frozenset({Phase.ANALYSING, Phase.BOOTING})
_STAGES = {
    Phase.ANALYSING: "analysing",
    Phase.INSTALLING: "installing",
    Phase.PREPARING: "before-start",
    Phase.BOOTING: "importing",
    Phase.SERVING: "serving",
    Phase.BROKEN: "broken",
    Phase.STOPPING: "stopping",
    Phase.STOPPED: "stopping",
}


def state_after(last: ProbeState, phase: Phase, generation: int, now: float, *, stuck: bool) -> ProbeState:
    """Return the state of this phase; ``last``: the state before, which may have been "serving"."""
    if phase is Phase.SERVING:
        return ProbeState("hanging" if stuck else "serving", generation)
    until = last.ready_until if phase in _RELOADS else 0.0
    if phase in _RELOADS and last.stage == "serving":
        until = now + RELOAD_S
    return ProbeState(_STAGES[phase], generation, until)
