"""The messages of the supervisor to the probe server."""

from __future__ import annotations

import pytest

from appliance.protocol.probe_state import ProbeState
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.probing.probe_stages import RELOAD_S, state_after


def after(*phases: Phase, begin: float = 100.0, step: float = 0.1) -> ProbeState:
    """The state after these phases, one after another."""
    state = ProbeState()
    for number, phase in enumerate(phases):
        state = state_after(state, phase, number, begin + number * step, stuck=False)
    return state


def test_each_phase_has_a_stage():
    """The stage of each phase has its own name, and only a served project is ready at a start."""
    stages = {phase: after(phase).stage for phase in Phase}
    assert stages[Phase.PREPARING] == "before-start"
    assert stages[Phase.BOOTING] == "importing"
    assert [phase for phase, stage in stages.items() if stage == "serving"] == [Phase.SERVING]
    assert all(after(Phase.ANALYSING, phase).ready_until == 0 for phase in Phase)


@pytest.mark.parametrize("way", [(Phase.BOOTING,), (Phase.ANALYSING,), (Phase.ANALYSING, Phase.BOOTING, Phase.BOOTING)])
def test_a_reload_is_ready_for_a_while(way: tuple[Phase, ...]):
    """From the first save on, a project that was served stays ready for a while, however many saves follow."""
    assert after(Phase.SERVING, *way).ready_until == pytest.approx(100.1 + RELOAD_S)


@pytest.mark.parametrize("end", [Phase.BROKEN, Phase.INSTALLING, Phase.PREPARING, Phase.STOPPING])
def test_a_reload_that_fails_ends_the_readiness(end: Phase):
    """A broken save, an installation and a stop end it at once, and the next start does not bring it back."""
    assert after(Phase.SERVING, Phase.BOOTING, end).ready_until == 0
    assert after(Phase.SERVING, Phase.BOOTING, end, Phase.ANALYSING, Phase.BOOTING).ready_until == 0


def test_a_worker_that_hangs_is_not_ready():
    """A worker without progress has a stage of its own, and a save after it finds no readiness to keep."""
    stuck = state_after(after(Phase.SERVING), Phase.SERVING, 1, 200.0, stuck=True)
    assert stuck == ProbeState("hanging", 1, 0.0)
    assert state_after(stuck, Phase.BOOTING, 2, 201.0, stuck=False).ready_until == 0
