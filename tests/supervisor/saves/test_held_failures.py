"""Failures that are held back while files still arrive."""

from __future__ import annotations

from appliance.supervisor.saves.held_failures import HeldFailures, hold_nothing
from tests.supervisor.fakes import FakeLog, FakeLoop


def test_a_failure_waits_for_the_files():
    """While files arrive a failure is asked about again; else it is reported at once."""
    loop, log, left, asked = FakeLoop(), FakeLog(), [0.70049, 0.0], list[str]()
    held = HeldFailures(loop, log, lambda: left[0])  # type: ignore[arg-type]
    assert held.hold("import", lambda: asked.append("again"))
    assert ("debug", "failure.held", {"step": "import", "after_s": 0.7}) in log.events
    left.pop(0)
    assert not held.hold("import", lambda: asked.append("never"))
    loop.advance(0.70049)
    assert asked == ["again"]
    assert not hold_nothing("import", lambda: None)
